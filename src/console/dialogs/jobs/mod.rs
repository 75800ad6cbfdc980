//! What is asked and said about jobs: halting, doing again, recovering, removing, a refused delivery, the service.

mod refused;
mod service;

pub use refused::NotDelivered;
pub use service::ServiceHelp;

use egui::Ui;
use uuid::Uuid;

use super::{
    Dialog, Env, Next, buttons_ui, default_button, plain_button, plain_button_unless, problem_list_ui, quiet,
    safe_button, text,
};
use crate::console::action::Action;
use crate::console::format;
use crate::console::help::Topic;
use crate::console::pages::jobs::{JobAction, words};
use crate::console::widgets::short;
use crate::session::{ContainerDetails, ContainerView, FailureGroup, JobTotals, Selected};

/// Asks before jobs, or some targets of one, are halted.
pub struct Halt {
    views: Vec<ContainerView>,
    /// How many targets are selected; only on the page of one job.
    targets: usize,
    only_selected: bool,
}

impl Halt {
    /// These; `targets` of the one whose page is shown are selected.
    pub fn new(views: Vec<ContainerView>, targets: usize) -> Self {
        Self { views, targets, only_selected: targets > 0 }
    }

    fn totals(&self) -> JobTotals {
        let mut sum = JobTotals::default();
        for totals in self.views.iter().map(|view| view.totals) {
            sum.waiting += totals.waiting;
            sum.ordered += totals.ordered;
            sum.staged += totals.staged;
            sum.executing += totals.executing;
        }
        sum
    }
}

impl Dialog for Halt {
    fn topic(&self) -> Topic {
        Topic::Jobs
    }

    fn title(&self) -> String {
        match self.views.as_slice() {
            [one] => format!("Halt {}?", short(&one.name, 80)),
            all => format!("Halt {} jobs?", format::thousands(all.len() as u64)),
        }
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        let totals = self.totals();
        if self.targets > 0 {
            let selected = words::targets(self.targets as u64);
            ui.radio_value(&mut self.only_selected, true, format!("Only what is selected: {selected}"));
            ui.radio_value(&mut self.only_selected, false, "The whole job");
        }
        if self.only_selected && self.targets > 0 {
            text(ui, "Those that have not begun wait until Resume. Those that run go on to their end.");
        } else {
            let stop = totals.waiting + totals.ordered + totals.staged;
            let waits = if stop == 1 {
                "waits until Resume: nothing of it"
            } else {
                "wait until Resume: nothing of them"
            };
            text(ui, &format!("{} {waits} begins.", words::targets(stop)));
            if totals.executing > 0 {
                let runs = if totals.executing == 1 {
                    "runs now and goes on to its end"
                } else {
                    "run now and go on to their end"
                };
                text(ui, &format!("{} {runs}.", words::targets(totals.executing)));
            }
        }
        buttons_ui(ui, |ui| {
            if default_button(ui, "Halt", None, env.is_new) {
                for view in &self.views {
                    // No job is named: the page knows which are selected.
                    let selected = if self.only_selected && self.targets > 0 {
                        Selected::Jobs(Vec::new())
                    } else {
                        Selected::All
                    };
                    actions.push(Action::Job(JobAction::Halt(view.id, selected)));
                }
                return Next::Close;
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }
}

/// Asks which of the failed targets are to be done again, by reason.
pub struct Renew {
    id: Uuid,
    name: String,
    groups: Vec<(FailureGroup, bool)>,
}

impl Renew {
    /// Of this job.
    pub fn new(details: &ContainerDetails) -> Self {
        let groups = details.failures.iter().map(|group| (group.clone(), true));
        Self { id: details.view.id, name: details.view.name.clone(), groups: groups.collect() }
    }
}

impl Dialog for Renew {
    fn topic(&self) -> Topic {
        Topic::Jobs
    }

    fn title(&self) -> String {
        format!("Do failed targets of {} again", short(&self.name, 80))
    }

    fn width(&self) -> f32 {
        560.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        text(
            ui,
            "Targets that are OK stay as they are. Those that failed get their turn again, for these reasons:",
        );
        egui::ScrollArea::vertical().max_height(260.0).auto_shrink([false, true]).show(ui, |ui| {
            for (group, chosen) in &mut self.groups {
                let label =
                    format!("{}: {}", super::sentence(&short(&group.words, 90)), words::targets(group.jobs));
                ui.checkbox(chosen, label);
            }
        });
        let count: u64 = self.groups.iter().filter(|(_, chosen)| *chosen).map(|(group, _)| group.jobs).sum();
        let refused = (count == 0).then_some("Tick a reason");
        buttons_ui(ui, |ui| {
            let label = format!("Renew {}", words::targets(count));
            if default_button(ui, &label, refused, env.is_new) {
                let chosen = self.groups.iter().filter(|(_, chosen)| *chosen);
                let selected = chosen
                    .map(|(group, _)| Selected::Reason {
                        code: group.code.clone(),
                        exit_code: group.exit_code,
                    })
                    .collect();
                actions.push(Action::Job(JobAction::Renew(self.id, selected)));
                return Next::Close;
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }
}

/// Asks before uninstall procedures are run where a job failed.
pub struct Recover {
    id: Uuid,
    name: String,
    failed: u64,
}

impl Recover {
    /// Of this job.
    pub fn new(view: &ContainerView) -> Self {
        Self { id: view.id, name: view.name.clone(), failed: view.totals.error }
    }
}

impl Dialog for Recover {
    fn topic(&self) -> Topic {
        Topic::Jobs
    }

    fn title(&self) -> String {
        format!("Recover from {}?", short(&self.name, 80))
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        let count = words::targets(self.failed);
        text(ui, &format!("A new job runs the uninstall procedure on {count}, where this job failed."));
        quiet(ui, "Targets that are OK are not touched.");
        buttons_ui(ui, |ui| {
            if safe_button(ui, "Cancel", env.is_new) {
                return Next::Close;
            }
            if plain_button(ui, "Recover") {
                actions.push(Action::Job(JobAction::Recover(self.id)));
                return Next::Close;
            }
            Next::Stay
        })
    }
}

/// Asks before jobs are taken off the list.
pub struct RemoveJobs {
    ids: Vec<Uuid>,
    names: Vec<String>,
    open: u64,
    /// Some have not ended, with or without targets.
    unfinished: usize,
}

impl RemoveJobs {
    /// These.
    pub fn new(views: &[ContainerView]) -> Self {
        Self {
            ids: views.iter().map(|view| view.id).collect(),
            names: views.iter().map(|view| view.name.clone()).collect(),
            open: views.iter().map(|view| view.totals.open()).sum(),
            unfinished: views.iter().filter(|view| !view.state.is_ended()).count(),
        }
    }
}

impl Dialog for RemoveJobs {
    fn topic(&self) -> Topic {
        Topic::Jobs
    }

    fn title(&self) -> String {
        match self.names.as_slice() {
            [one] => format!("Remove the job {}?", short(one, 80)),
            all => format!("Remove {} jobs?", format::thousands(all.len() as u64)),
        }
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        if self.names.len() > 1 {
            problem_list_ui(ui, "Jobs", &self.names);
        }
        if self.unfinished > 0 && self.open == 0 {
            let it = if self.unfinished == 1 {
                "It has not begun: nothing of it"
            } else {
                "They have not begun: nothing of them"
            };
            text(ui, &format!("{it} will be carried out."));
        } else if self.unfinished > 0 {
            let (open, have) = (words::targets(self.open), if self.open == 1 { "has" } else { "have" });
            let (they, their) =
                if self.open == 1 { ("it is", "its computer") } else { ("they are", "their computers") };
            let on = "What is being executed there goes on to its end.";
            text(ui, &format!("{open} {have} not ended: {they} withdrawn from {their}. {on}"));
        }
        let their = if self.ids.len() == 1 { "Its" } else { "Their" };
        text(
            ui,
            &format!(
                "{their} targets and what they said are forgotten. What is installed stays, and is known."
            ),
        );
        buttons_ui(ui, |ui| {
            if safe_button(ui, "Cancel", env.is_new) {
                return Next::Close;
            }
            if plain_button_unless(ui, "Remove", None) {
                let ids = std::mem::take(&mut self.ids);
                actions.push(Action::Job(JobAction::Remove(ids, self.unfinished > 0)));
                return Next::Close;
            }
            Next::Stay
        })
    }
}
