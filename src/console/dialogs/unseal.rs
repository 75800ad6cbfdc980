//! Taking a seal off: the question where it can be done, and where it cannot, the places that keep the package sealed
//! with the ways on from there.

use egui::Ui;

use super::procedure::EditProcedure;
use super::{
    Delivery, Dialog, Env, Needs, Next, buttons_ui, default_button, plain_button, plain_button_unless,
    problem_list_ui, quiet, safe_button, seal::NewVersion, text, whereabouts,
};
use crate::console::action::Action;
use crate::console::help::Topic;
use crate::package::record::PackageSummary;
use crate::session::{PackageDetails, Whereabouts};

/// "Unseal {Inkscape 1.4}?", or "{Inkscape 1.4} cannot be unsealed".
pub struct Unseal {
    package: PackageSummary,
    /// Where it is, once that is known.
    known: Option<Whereabouts>,
    /// That cannot be said: the library decides.
    is_unknown: bool,
    details: Option<PackageDetails>,
}

impl Unseal {
    /// This package.
    pub fn new(package: PackageSummary) -> Self {
        Self { package, known: None, is_unknown: false, details: None }
    }

    fn delivered(&self) -> Option<&Whereabouts> {
        self.known.as_ref().filter(|known| known.is_delivered())
    }

    fn refusal_ui(&self, ui: &mut Ui, known: &Whereabouts, focus: bool, actions: &mut Vec<Action>) -> Next {
        let sentence = format!(
            "It is {}. Changing it would make two different packages with one name.",
            whereabouts::for_others(known)
        );
        text(ui, &sentence);
        problem_list_ui(ui, "Where it is", &whereabouts::lines(known));
        buttons_ui(ui, |ui| {
            if plain_button(ui, "Close") {
                return Next::Close;
            }
            if default_button(ui, "New version…", None, focus) {
                actions.push(Action::Ask(Box::new(NewVersion::new(self.package.clone()))));
                return Next::Close;
            }
            let record = self.details.as_ref().map(|details| &details.record);
            let unread = record.is_none().then_some("Its procedures are being read");
            if plain_button_unless(ui, "Add a procedure…", unread)
                && let Some(record) = record
            {
                actions.push(Action::Ask(Box::new(EditProcedure::add(record))));
                return Next::Close;
            }
            if plain_button(ui, "Show where") {
                actions.push(Action::ShowDelivery(self.package.id));
                return Next::Close;
            }
            Next::Stay
        })
    }
}

impl Dialog for Unseal {
    fn topic(&self) -> Topic {
        Topic::Sealing
    }

    fn needs(&self) -> Needs {
        let id = self.package.id;
        Needs { whereabouts: vec![id], details: Some(id), ..Needs::default() }
    }

    fn title(&self) -> String {
        let title = self.package.key.title();
        match self.delivered() {
            Some(_) => format!("{title} cannot be unsealed"),
            None => format!("Unseal {title}?"),
        }
    }

    fn width(&self) -> f32 {
        580.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        if let Some(known) = self.delivered() {
            return self.refusal_ui(ui, known, env.is_new, actions);
        }
        text(
            ui,
            "Seal and snapshot are removed and the package is open again. It can be sealed anew at any time.",
        );
        if let Some(known) = &self.known {
            if whereabouts::is_staged(known) {
                text(ui, "Its copies where only test computers read are removed:");
            } else if known.installed_tests > 0 {
                text(ui, "Only test computers have it; what is installed there stays as it is:");
            }
            problem_list_ui(ui, "Where it is", &whereabouts::lines(known));
        }
        let unread = (self.known.is_none() && !self.is_unknown).then_some("It is being read where it is");
        if unread.is_some() {
            quiet(ui, "Reading where it is…");
        }
        buttons_ui(ui, |ui| {
            if plain_button_unless(ui, "Unseal", unread) {
                actions.push(Action::Unseal(self.package.id));
                return Next::Close;
            }
            if safe_button(ui, "Cancel", env.is_new) { Next::Close } else { Next::Stay }
        })
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        match delivery {
            Delivery::Whereabouts(Ok(all)) => {
                let own = all.iter().find(|(id, _)| *id == self.package.id);
                self.known = own.map(|(_, known)| known.clone());
            }
            Delivery::Whereabouts(Err(_)) => self.is_unknown = true,
            Delivery::Details(details) if details.record.id == self.package.id => {
                self.details = Some((*details).clone());
            }
            _ => {}
        }
    }
}
