//! *Try here…*: asks before a procedure is run on this computer, and says how it ended.

use egui::{RichText, Ui};

use super::{Dialog, Env, Next, buttons_ui, plain_button, quiet, safe_button, text};
use crate::console::action::Action;
use crate::package::PackageKey;
use crate::package::procedure::{ExitMeaning, Procedure, Program};
use crate::package::record::PackageId;
use crate::session::{TryEnd, TryReport};

/// Asks whether a procedure is to be run here.
pub struct AskTry {
    package: PackageId,
    key: PackageKey,
    procedure: Procedure,
}

impl AskTry {
    /// This procedure of this package.
    pub fn new(package: PackageId, key: PackageKey, procedure: Procedure) -> Self {
        Self { package, key, procedure }
    }
}

/// The program and its arguments, each as it is handed over.
fn command_of(procedure: &Procedure) -> String {
    let mut text = procedure.program().text().to_owned();
    for argument in &procedure.arguments {
        text.push_str(&format!(" {argument:?}"));
    }
    text
}

impl Dialog for AskTry {
    fn title(&self) -> String {
        format!("Run {:?} of {} on this computer?", self.procedure.name, self.key.title())
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        text(ui, "It does here what it does on every computer it is delivered to, with your rights.");
        ui.add(egui::Label::new(RichText::new(command_of(&self.procedure)).monospace()).wrap());
        let from = match self.procedure.program() {
            Program::External(_) => "The program is the one on this computer; the package is not needed.",
            _ => "It runs from a read-only copy in a scratch folder; the package stays as it is.",
        };
        quiet(ui, from);
        let systems = &self.procedure.runs_on.systems;
        if !systems.is_empty() && !systems.iter().any(|system| system == std::env::consts::OS) {
            quiet(
                ui,
                &format!(
                    "It is meant for {}; this computer has {}.",
                    systems.join(", "),
                    std::env::consts::OS
                ),
            );
        }
        buttons_ui(ui, |ui| {
            if plain_button(ui, "Run") {
                actions.push(Action::TryHere(self.package, self.procedure.name.clone()));
                return Next::Close;
            }
            if safe_button(ui, "Cancel", env.is_new) { Next::Close } else { Next::Stay }
        })
    }
}

/// How a try ended, in a sentence.
pub fn end_words(report: &TryReport) -> String {
    let took = format!("after {:.1} s", report.took.as_secs_f64());
    match report.end {
        TryEnd::TimedOut => format!("Its time was over: it was ended {took}."),
        TryEnd::Killed => format!("It was ended by the system {took}."),
        TryEnd::Exited { code, meaning } => {
            let meaning = match meaning {
                ExitMeaning::Ok => "done".to_owned(),
                ExitMeaning::OkRestart => "done, the computer wants a restart".to_owned(),
                ExitMeaning::TryAgain { after_minutes } => format!("try again after {after_minutes} min"),
                ExitMeaning::Error => "an error".to_owned(),
            };
            format!("Exit code {code} {took}: {meaning}.")
        }
    }
}
