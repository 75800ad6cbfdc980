//! What a verification of staged copies found, where something is not as it should be.

use egui::Ui;

use super::{Dialog, Env, Next, buttons_ui, default_button, plain_button_unless, problem_list_ui, text};
use crate::console::action::Action;
use crate::console::format;
use crate::console::help::Topic;
use crate::console::pages::staging::StagingAction;
use crate::console::pages::staging::words::verdict;
use crate::console::widgets::short;
use crate::package::PackageId;
use crate::package::staging::StagingId;
use crate::session::{SealThere, StagedCheck};

/// So many differences of one copy are named.
const NAMED: usize = 20;

/// Says which copies are not as they should be.
pub struct Verified {
    count: usize,
    bad: usize,
    lines: Vec<String>,
    /// What staging again puts right, by the first staging library.
    again: Vec<PackageId>,
    at: Option<StagingId>,
    may_write: Result<(), &'static str>,
}

impl Verified {
    /// These; `written` says why nothing may be written, where it may not.
    pub fn new(checks: &[StagedCheck], written: Option<&'static str>) -> Self {
        let bad: Vec<&StagedCheck> = checks.iter().filter(|check| !check.is_good()).collect();
        let mut lines = Vec::new();
        for check in &bad {
            lines.push(format!("{} at {}: {}", check.copy.key.title(), check.name, verdict(check)));
            let differences = check.report.differences.lines();
            lines.extend(differences.iter().take(NAMED).map(|line| format!("    {line}")));
            if differences.len() > NAMED {
                let more = format::thousands((differences.len() - NAMED) as u64);
                lines.push(format!("    and {more} more"));
            }
        }
        let at = bad.first().map(|check| check.copy.staging);
        let of_first = bad.iter().filter(|check| Some(check.copy.staging) == at);
        // What is of a later revision was staged by somebody else: sending ours would take it back.
        let again = of_first.filter(|check| !matches!(check.seal, SealThere::Later { .. }));
        Self {
            count: checks.len(),
            bad: bad.len(),
            again: again.map(|check| check.copy.package).collect(),
            lines,
            at,
            may_write: written.map_or(Ok(()), Err),
        }
    }
}

impl Dialog for Verified {
    fn topic(&self) -> Topic {
        Topic::StagingPackages
    }

    fn title(&self) -> String {
        match (self.count, self.lines.first()) {
            (1, Some(line)) => {
                let what = line.split(": ").next().unwrap_or_default();
                format!("{} is not as it should be", short(what, 80))
            }
            (count, _) => format!("{} of {count} staged packages are not as they should be", self.bad),
        }
    }

    fn width(&self) -> f32 {
        640.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        text(
            ui,
            "Agents check every block against the seal and take nothing that does not match, so what is wrong there is not \
             installed. Stage it again: what is right there is not sent twice.",
        );
        problem_list_ui(ui, "What was found", &self.lines);
        let refused =
            self.may_write.err().or(self.again.is_empty().then_some("Nothing there can be staged again"));
        buttons_ui(ui, |ui| {
            if default_button(ui, "Close", None, env.is_new) {
                return Next::Close;
            }
            if plain_button_unless(ui, "Stage again…", refused) {
                let again = std::mem::take(&mut self.again);
                actions.push(Action::Staging(StagingAction::AskStage(again, self.at)));
                return Next::Close;
            }
            Next::Stay
        })
    }
}
