//! The first step: which packages, and which procedure of each.

use egui::{ComboBox, ScrollArea, Ui};

use super::finder::{Finder, OFFERED};
use crate::console::action::Action;
use crate::console::dialogs::{Env, quiet};
use crate::console::pages::jobs::JobAction;
use crate::console::tokens::Tokens;
use crate::console::widgets::button::button;
use crate::console::widgets::{name_field, one_line, short};
use crate::package::procedure::Task;
use crate::package::record::{PackageId, PackageRecord, PackageSummary};
use crate::package::{PackageKey, PackageState};
use crate::session::{PackageRef, View, WantedProcedure};

/// A procedure that can be chosen.
struct Offered {
    name: String,
    task: Task,
    is_default: bool,
}

struct Chosen {
    id: PackageId,
    key: PackageKey,
    size_bytes: u64,
    procedures: Option<Vec<Offered>>,
    is_asked: bool,
    wanted: WantedProcedure,
}

/// The packages of the job.
pub(super) struct Packages {
    chosen: Vec<Chosen>,
    finder: Finder,
    /// What fits, and what it was found for.
    fitting: Vec<(PackageId, String)>,
    found_for: Option<(u64, String, usize)>,
}

/// Whether a job can have this package.
fn can_be(package: &PackageSummary) -> bool {
    package.state == PackageState::Sealed && !package.retired
}

impl Packages {
    /// These of the library.
    pub(super) fn new(ids: Vec<PackageId>, view: &View) -> Self {
        let mut packages =
            Self { chosen: Vec::new(), finder: Finder::default(), fitting: Vec::new(), found_for: None };
        for package in ids.iter().filter_map(|id| view.packages.find(*id)).filter(|package| can_be(package)) {
            packages.add(package);
        }
        packages
    }

    fn add(&mut self, package: &PackageSummary) {
        if self.chosen.iter().any(|one| one.id == package.id) {
            return;
        }
        self.chosen.push(Chosen {
            id: package.id,
            key: package.key.clone(),
            size_bytes: package.size_bytes,
            procedures: None,
            is_asked: false,
            wanted: WantedProcedure::Task(Task::Install),
        });
    }

    /// Takes over the procedures of a package.
    pub(super) fn set_procedures(&mut self, record: &PackageRecord) {
        let Some(chosen) = self.chosen.iter_mut().find(|one| one.id == record.id) else { return };
        let offered: Vec<Offered> = record
            .procedures
            .iter()
            .filter(|listed| listed.choice.offered)
            .map(|listed| Offered {
                name: listed.procedure.name.clone(),
                task: listed.procedure.task,
                is_default: listed.choice.default_for_task,
            })
            .collect();
        // The default for installing, or what comes closest to it.
        let installs: Vec<&Offered> = offered.iter().filter(|one| one.task == Task::Install).collect();
        chosen.wanted = match (installs.as_slice(), offered.first()) {
            ([_], _) => WantedProcedure::Task(Task::Install),
            (several, _) if several.iter().any(|one| one.is_default) => WantedProcedure::Task(Task::Install),
            ([first, ..], _) => WantedProcedure::Named(first.name.clone()),
            ([], Some(first)) => WantedProcedure::Named(first.name.clone()),
            ([], None) => WantedProcedure::Task(Task::Install),
        };
        chosen.procedures = Some(offered);
    }

    /// Why this is not enough.
    pub(super) fn refusal(&self) -> Option<String> {
        if self.chosen.is_empty() {
            return Some("Add a package".to_owned());
        }
        let none = |one: &&Chosen| one.procedures.as_ref().is_some_and(Vec::is_empty);
        if let Some(one) = self.chosen.iter().find(none) {
            return Some(format!("{} has no procedure for jobs", short(&one.key.title(), 60)));
        }
        let is_unread = self.chosen.iter().any(|one| one.procedures.is_none());
        is_unread.then(|| "The procedures are being read".to_owned())
    }

    /// For the library.
    pub(super) fn wanted(&self) -> Vec<(PackageRef, WantedProcedure)> {
        self.chosen.iter().map(|one| (PackageRef::Id(one.id), one.wanted.clone())).collect()
    }

    /// The identity of one of them.
    pub(super) fn id_of(&self, key: &PackageKey) -> Option<PackageId> {
        self.chosen.iter().find(|one| one.key == *key).map(|one| one.id)
    }

    /// Bytes of all.
    pub(super) fn size_bytes(&self) -> u64 {
        self.chosen.iter().map(|one| one.size_bytes).sum()
    }

    /// The name a job gets where nobody gives it one.
    pub(super) fn default_name(&self) -> String {
        let Some(first) = self.chosen.first() else { return String::new() };
        let task = match &first.wanted {
            WantedProcedure::Task(task) => *task,
            WantedProcedure::Named(name) => {
                let procedures = first.procedures.iter().flatten();
                procedures.filter(|one| one.name == *name).map(|one| one.task).next().unwrap_or(Task::Install)
            }
        };
        match self.chosen.len() {
            1 => format!("{} {}", task.word(), first.key.title()),
            count => format!("{} {} and {} more", task.word(), first.key.title(), count - 1),
        }
    }

    /// Other versions of the same products in the library: computers can be found by them.
    pub(super) fn other_versions(&self, view: &View) -> Vec<(PackageId, PackageKey)> {
        let mut found = Vec::new();
        for one in &self.chosen {
            let name = one.key.name();
            let same = view.packages.iter().filter(|row| row.key.name().eq_ignore_ascii_case(name));
            found.extend(same.filter(|row| row.id != one.id).map(|row| (row.id, row.key.clone())));
        }
        found
    }

    fn find(&mut self, view: &View) {
        let of = (view.epoch, self.finder.text.clone(), self.chosen.len());
        if self.found_for.as_ref() == Some(&of) {
            return;
        }
        let text = self.finder.text.trim().to_lowercase();
        let is_chosen = |id: PackageId| self.chosen.iter().any(|one| one.id == id);
        let fits = |package: &&PackageSummary| {
            can_be(package) && !is_chosen(package.id) && package.key.title().to_lowercase().contains(&text)
        };
        let fitting = view.packages.iter().filter(fits).take(OFFERED + 1);
        self.fitting = fitting.map(|package| (package.id, package.key.title())).collect();
        self.found_for = Some(of);
    }

    /// Shows the step.
    pub(super) fn ui(
        &mut self,
        ui: &mut Ui,
        env: &Env<'_>,
        focus: bool,
        room: f32,
        actions: &mut Vec<Action>,
    ) {
        for one in self.chosen.iter_mut().filter(|one| !one.is_asked) {
            one.is_asked = true;
            actions.push(Action::Job(JobAction::ReadPackage(one.id)));
        }
        let bottom = ui.cursor().top() + room;
        let mut remove = None;
        if self.chosen.is_empty() {
            quiet(ui, "Which packages? Only sealed ones are delivered.");
        } else {
            ScrollArea::vertical()
                .id_salt("chosen packages")
                .max_height(room * 0.45)
                .auto_shrink([false, true])
                .show(ui, |ui| {
                    for (place, one) in self.chosen.iter_mut().enumerate() {
                        if chosen_ui(ui, place, one) {
                            remove = Some(place);
                        }
                    }
                });
            if self.chosen.len() > 1 {
                quiet(ui, "They run in this order on each computer.");
            }
        }
        if let Some(place) = remove {
            self.chosen.remove(place);
        }
        ui.add_space(4.0);
        self.find(env.view);
        let fitting: Vec<String> = self.fitting.iter().map(|(_, title)| title.clone()).collect();
        let nothing = if self.chosen.is_empty() {
            "No package can be delivered yet: seal one first. Retired ones get no new jobs."
        } else {
            "There is no other sealed package"
        };
        let what = ("Find a package", "Add a package: a part of its name", nothing);
        if let Some(place) = self.finder.ui(ui, what, &fitting, bottom, focus)
            && let Some((id, _)) = self.fitting.get(place)
            && let Some(package) = env.view.packages.find(*id)
        {
            let package = package.clone();
            self.add(&package);
        }
    }
}

/// A package with the choice of its procedure; whether it is to go.
fn chosen_ui(ui: &mut Ui, place: usize, one: &mut Chosen) -> bool {
    let title = one.key.title();
    ui.horizontal(|ui| {
        let width = ui.available_width() - 330.0;
        let font = egui::TextStyle::Body.resolve(ui.style());
        let colour = Tokens::of(ui).text;
        let galley = one_line(ui, &title, font, colour, width);
        let size = egui::vec2(width, crate::console::theme::CONTROL_HEIGHT);
        let (rect, response) = ui.allocate_exact_size(size, egui::Sense::hover());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &title));
        let y = rect.center().y - galley.size().y / 2.0;
        ui.painter().galley(egui::pos2(rect.left(), y), galley, colour);
        let shown = match (&one.procedures, &one.wanted) {
            (None, _) => "reading…".to_owned(),
            (Some(all), _) if all.is_empty() => "no procedure".to_owned(),
            (_, WantedProcedure::Task(task)) => format!("{} (default)", task.word()),
            (_, WantedProcedure::Named(name)) => short(name, 30),
        };
        let combo = ComboBox::from_id_salt(("procedure", place)).width(220.0).selected_text(shown).show_ui(
            ui,
            |ui| {
                let Some(offered) = &one.procedures else { return };
                for task in Task::ALL {
                    let of_task: Vec<&Offered> =
                        offered.iter().filter(|listed| listed.task == task).collect();
                    if of_task.len() == 1 || of_task.iter().any(|listed| listed.is_default) {
                        let wanted = WantedProcedure::Task(task);
                        ui.selectable_value(&mut one.wanted, wanted, format!("{} (default)", task.word()));
                    }
                }
                for listed in offered {
                    let wanted = WantedProcedure::Named(listed.name.clone());
                    let text = format!("{} ({})", short(&listed.name, 40), listed.task.word());
                    ui.selectable_value(&mut one.wanted, wanted, text);
                }
            },
        );
        name_field(&combo.response, &format!("Procedure of {title}"));
        let response = button(ui, "Remove");
        name_field(&response, &format!("Remove {title}"));
        response.clicked()
    })
    .inner
}
