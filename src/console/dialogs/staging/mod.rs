//! Staging libraries: adding one, taking one off the list; packages brought there and away; what a look there found.

pub mod form;
mod reconciled;
mod stage;
mod unstage;
mod verified;

pub use reconciled::ReconcileResult;
pub use stage::{StageDialog, StagingLooks};
pub use unstage::Unstage;
pub use verified::Verified;

use egui::{ScrollArea, Ui};

use super::{
    Delivery, Dialog, Env, Next, buttons_ui, default_button, plain_button, plain_button_unless,
    problem_list_ui, quiet, safe_button, text,
};
use crate::console::action::Action;
use crate::console::format;
use crate::console::help::Topic;
use crate::console::pages::staging::StagingAction;
use crate::console::widgets::short;
use crate::package::staging::StagingId;
use crate::session::StagingRow;
use form::{StagingForm, Trial};

/// Asks for a new staging library, and tries it before it is kept.
pub struct AddStaging {
    others: Vec<String>,
    form: StagingForm,
    trial: Trial,
    /// *Add* was pressed, and goes on once it was tried.
    goes_on: bool,
}

impl AddStaging {
    /// Beside those of these names.
    pub fn new(others: Vec<String>) -> Self {
        Self { others, form: StagingForm::default(), trial: Trial::default(), goes_on: false }
    }

    fn try_it(&mut self, actions: &mut Vec<Action>) {
        self.trial = Trial::Trying(Box::new(self.form.clone()));
        let new = Box::new(self.form.new_library());
        actions.push(Action::Staging(StagingAction::Try(new, None)));
    }
}

impl Dialog for AddStaging {
    fn topic(&self) -> Topic {
        Topic::Staging
    }

    fn title(&self) -> String {
        "Add a staging library".to_owned()
    }

    fn width(&self) -> f32 {
        620.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        let most = (ui.ctx().content_rect().height() - 200.0).max(160.0);
        ScrollArea::vertical().max_height(most).auto_shrink([false, true]).show(ui, |ui| {
            self.form.general_ui(ui, None, true, env.is_new, actions);
            self.form.line_ui(ui);
            self.trial.ui(ui, &self.form);
        });
        let add = |form: &StagingForm| Action::Staging(StagingAction::Add(Box::new(form.new_library())));
        if self.goes_on && !self.trial.is_running() {
            self.goes_on = false;
            if self.trial.works(&self.form) && self.form.refusal(&self.others, None).is_none() {
                actions.push(add(&self.form));
                return Next::Close;
            }
        }
        let fails = self.trial.fails(&self.form);
        let trying = self.trial.is_running().then(|| "It is being tried".to_owned());
        let refused = trying.clone().or_else(|| self.form.refusal(&self.others, None));
        let untried = trying.or_else(|| self.form.address_refusal(None));
        buttons_ui(ui, |ui| {
            let label = if fails { "Add anyway" } else { "Add" };
            if default_button(ui, label, refused.as_deref(), false) {
                if fails || self.trial.works(&self.form) {
                    actions.push(add(&self.form));
                    return Next::Close;
                }
                self.goes_on = true;
                self.try_it(actions);
            }
            if plain_button(ui, "Cancel") {
                return Next::Close;
            }
            if plain_button_unless(ui, "Try it", untried.as_deref()) {
                self.try_it(actions);
            }
            Next::Stay
        })
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        match delivery {
            Delivery::Path(path) => self.form.write = path.display().to_string(),
            Delivery::StagingTrial(result) => self.trial.set(result),
            _ => {}
        }
    }
}

/// Asks before a staging library is taken off the list.
pub struct RemoveStaging {
    row: StagingRow,
    /// What is known to lie there.
    staged: Vec<String>,
    /// Jobs that have not ended and bring what lies there.
    jobs: Vec<String>,
    /// How many computers read it first.
    homes: usize,
    forget: bool,
}

impl RemoveStaging {
    /// This one.
    pub fn new(row: StagingRow, staged: Vec<String>, jobs: Vec<String>, homes: usize) -> Self {
        Self { row, staged, jobs, homes, forget: false }
    }
}

impl Dialog for RemoveStaging {
    fn topic(&self) -> Topic {
        Topic::Staging
    }

    fn title(&self) -> String {
        format!("Remove {}?", short(&self.row.staging.name, 80))
    }

    fn width(&self) -> f32 {
        540.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        text(
            ui,
            "It is only taken off this list. Nothing there is touched: to free the room there, unstage first.",
        );
        if !self.staged.is_empty() {
            let what = crate::console::pages::staging::words::packages(self.staged.len() as u64);
            let verb = if self.staged.len() == 1 { "lies" } else { "lie" };
            text(ui, &format!("{what} {verb} there:"));
            problem_list_ui(ui, "Staged packages", &self.staged);
        }
        if !self.jobs.is_empty() {
            text(ui, "Jobs that have not ended bring these packages from there:");
            problem_list_ui(ui, "Jobs", &self.jobs);
        }
        match self.homes {
            0 => {}
            1 => text(ui, "1 computer reads it first: it reads the others then, if it may."),
            homes => {
                let homes = format::thousands(homes as u64);
                text(
                    ui,
                    &format!("{homes} computers read it first: they read the others then, if they may."),
                );
            }
        }
        if !self.staged.is_empty() {
            ui.checkbox(&mut self.forget, "Forget what lies there");
            if self.forget {
                quiet(
                    ui,
                    "Agents that know the address can go on reading it until somebody removes the files.",
                );
            }
        }
        let refused = (!self.staged.is_empty() && !self.forget)
            .then_some("Packages lie there: unstage them first, or choose to forget them");
        buttons_ui(ui, |ui| {
            if safe_button(ui, "Cancel", env.is_new) {
                return Next::Close;
            }
            if plain_button_unless(ui, "Remove", refused) {
                let id: StagingId = self.row.staging.id;
                actions.push(Action::Staging(StagingAction::Remove(id, self.forget)));
                return Next::Close;
            }
            Next::Stay
        })
    }
}
