//! Unstaging: which copies are removed, and which jobs forbid it.

use egui::{Label, RichText, ScrollArea, Ui};

use super::{
    Delivery, Dialog, Env, Next, buttons_ui, plain_button_unless, problem_list_ui, quiet, safe_button, text,
};
use crate::console::action::Action;
use crate::console::dialogs::Needs;
use crate::console::format;
use crate::console::help::Topic;
use crate::console::pages::staging::StagingAction;
use crate::console::pages::staging::words::copy_text;
use crate::console::tokens::Tokens;
use crate::console::widgets::short;
use crate::session::CopyRow;

/// A copy that can be removed.
struct Choice {
    row: CopyRow,
    /// Jobs that have not ended and need it.
    jobs: Vec<String>,
    chosen: bool,
}

/// Asks before copies are removed from staging libraries.
pub struct Unstage {
    choices: Vec<Choice>,
}

impl Unstage {
    /// These copies, each with the jobs that have not ended and have its package to do.
    pub fn new(copies: Vec<(CopyRow, Vec<String>)>) -> Self {
        let choices = copies.into_iter().map(|(row, jobs)| Choice { chosen: jobs.is_empty(), row, jobs });
        Self { choices: choices.collect() }
    }

    fn packages(&self) -> usize {
        let mut ids: Vec<_> = self.choices.iter().map(|choice| choice.row.copy.package).collect();
        ids.sort();
        ids.dedup();
        ids.len()
    }

    /// Each job that is in the way of a package, once.
    fn in_the_way(&self) -> Vec<String> {
        let mut lines: Vec<String> = self
            .choices
            .iter()
            .flat_map(|choice| {
                choice.jobs.iter().map(|job| format!("{}: job {job}", choice.row.copy.key.title()))
            })
            .collect();
        lines.sort();
        lines.dedup();
        lines
    }
}

impl Dialog for Unstage {
    fn topic(&self) -> Topic {
        Topic::StagingPackages
    }

    fn title(&self) -> String {
        match self.choices.as_slice() {
            [one] => {
                let key = short(&one.row.copy.key.title(), 60);
                format!("Unstage {key} from {}?", short(&one.row.name, 40))
            }
            [one, ..] if self.packages() == 1 => {
                format!("Unstage {}?", short(&one.row.copy.key.title(), 80))
            }
            _ => format!("Unstage {} packages?", format::thousands(self.packages() as u64)),
        }
    }

    fn needs(&self) -> Needs {
        // What is known of jobs may be from before the last one was made.
        let mut whereabouts: Vec<_> = self.choices.iter().map(|choice| choice.row.copy.package).collect();
        whereabouts.sort();
        whereabouts.dedup();
        Needs { whereabouts, ..Needs::default() }
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        let Delivery::Whereabouts(Ok(all)) = delivery else { return };
        for (package, known) in all {
            let jobs = known.jobs.iter().filter(|job| !job.state.is_ended());
            let jobs: Vec<String> = jobs.map(|job| job.name.clone()).collect();
            for choice in self.choices.iter_mut().filter(|choice| choice.row.copy.package == *package) {
                choice.chosen &= jobs.is_empty();
                choice.jobs.clone_from(&jobs);
            }
        }
    }

    fn width(&self) -> f32 {
        600.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        text(
            ui,
            "Agents cannot read it there any more. The library keeps the package, and it can be staged again.",
        );
        let several = self.packages() > 1;
        let tokens = Tokens::of(ui);
        ScrollArea::vertical().max_height(210.0).auto_shrink([false, true]).show(ui, |ui| {
            for choice in &mut self.choices {
                let row = &choice.row;
                let name = short(&row.name, 40);
                let label =
                    if several { format!("{} at {name}", short(&row.copy.key.title(), 50)) } else { name };
                let is_free = choice.jobs.is_empty();
                ui.horizontal(|ui| {
                    let why = "A job that has not ended needs it";
                    ui.add_enabled_ui(is_free, |ui| ui.checkbox(&mut choice.chosen, label))
                        .inner
                        .on_disabled_hover_text(why);
                    let size = format::size(row.copy.size_bytes);
                    let facts = format!(
                        "revision {}, {size}, {}",
                        row.copy.revision,
                        copy_text(row).0.to_lowercase()
                    );
                    ui.add(Label::new(RichText::new(facts).color(tokens.secondary)).truncate());
                });
            }
        });
        let jobs = self.in_the_way();
        if !jobs.is_empty() {
            text(
                ui,
                "It stays where a job that has not ended needs it: wait until the job has ended, or remove the job.",
            );
            problem_list_ui(ui, "Jobs", &jobs);
        }
        let chosen = self.choices.iter().filter(|choice| choice.chosen);
        let bytes: u64 = chosen.clone().map(|choice| choice.row.copy.size_bytes).fold(0, u64::saturating_add);
        let count = chosen.clone().count();
        if count > 0 {
            let places = if count == 1 { "1 copy".to_owned() } else { format!("{count} copies") };
            quiet(ui, &format!("{places}, {} are freed.", format::size(bytes)));
        }
        let refused = match (count, jobs.is_empty()) {
            (0, false) => Some("Jobs that have not ended need it"),
            (0, true) => Some("Choose a staging library"),
            _ => None,
        };
        buttons_ui(ui, |ui| {
            if safe_button(ui, "Cancel", env.is_new) {
                return Next::Close;
            }
            if plain_button_unless(ui, "Unstage", refused) {
                let copies = self.choices.iter().filter(|choice| choice.chosen);
                let copies =
                    copies.map(|choice| (choice.row.copy.package, choice.row.copy.staging)).collect();
                actions.push(Action::Staging(StagingAction::Unstage(copies)));
                return Next::Close;
            }
            Next::Stay
        })
    }
}
