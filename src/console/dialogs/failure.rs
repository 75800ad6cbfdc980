//! A failure: what happened, why, what to do, and everything else for those who want it.

use egui::Ui;

use super::keys::TrustKey;
use super::{Delivery, Dialog, Env, Next, buttons_ui, default_button, plain_button, problem_list_ui, quiet};
use super::{sentence, text};
use crate::console::action::Action;
use crate::console::advice::advice;
use crate::failure::{Class, Failure};

/// Tells of a failure.
pub struct Told {
    failure: Failure,
}

impl Told {
    /// Of this one.
    pub fn new(failure: Failure) -> Self {
        Self { failure }
    }
}

impl Dialog for Told {
    fn title(&self) -> String {
        sentence(&self.failure.message)
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        let failure = &self.failure;
        if !failure.reason.is_empty() {
            text(ui, &sentence(&failure.reason));
        }
        text(ui, &advice(failure));
        problem_list_ui(ui, "Details", &failure.details);
        let mut code = format!("Code: {}", failure.code);
        if let Some(number) = failure.same_as {
            code.push_str(&format!(" · Same as {number}"));
        }
        quiet(ui, &code);
        buttons_ui(ui, |ui| {
            let close = default_button(ui, "Close", None, env.is_new);
            if plain_button(ui, "Copy report") {
                actions.push(Action::Copy(report(failure)));
            }
            if let Some(fingerprint) = unknown_key(failure)
                && plain_button(ui, "Trust this key…")
            {
                actions.push(Action::Ask(Box::new(TrustKey::of_seal(fingerprint.to_owned(), None))));
                return Next::Close;
            }
            if close { Next::Close } else { Next::Stay }
        })
    }

    fn receive(&mut self, _delivery: &Delivery<'_>) {}
}

/// The fingerprint of the key that a seal is signed by, where the failure is that nobody trusts it.
pub(super) fn unknown_key(failure: &Failure) -> Option<&str> {
    if failure.code != "key-not-trusted" {
        return None;
    }
    failure.reason.strip_prefix("key ").filter(|id| !id.is_empty())
}

/// The failure as a text for a ticket.
pub(in crate::console) fn report(failure: &Failure) -> String {
    let mut lines = vec![
        format!("error[{}]: {}", failure.code, failure.message),
        format!("reason: {}", failure.reason),
        format!("action: {}", advice(failure)),
    ];
    if let Some(number) = failure.same_as {
        lines.push(format!("same as: {number}"));
    }
    lines.extend(failure.details.iter().map(|line| format!("  {line}")));
    lines.join("\n")
}

/// Whether anybody needs to be told: what somebody cancelled is known to them.
pub fn is_worth_telling(failure: &Failure) -> bool {
    failure.class != Class::Cancelled
}
