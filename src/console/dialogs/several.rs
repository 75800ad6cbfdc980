//! Questions about several packages at once.

use egui::Ui;

use super::{
    Delivery, Dialog, Env, Needs, Next, buttons_ui, is_reason, plain_button_unless, reason_ui, safe_button,
    text,
};
use crate::console::action::Action;
use crate::console::format;
use crate::console::property::SeveralAction;

/// Asks why checksum control is switched off, once for all of them.
pub struct SwitchOffSeveral {
    window: u64,
    count: usize,
    has_sealed: bool,
    blocked: usize,
    close: bool,
    reason: String,
    last_reasons: Vec<String>,
}

impl SwitchOffSeveral {
    /// For `count` packages of the window of this number, `blocked` of which differ now; `close`: OK was pressed.
    pub fn new(window: u64, count: usize, has_sealed: bool, blocked: usize, close: bool) -> Self {
        Self { window, count, has_sealed, blocked, close, reason: String::new(), last_reasons: Vec::new() }
    }
}

impl Dialog for SwitchOffSeveral {
    fn needs(&self) -> Needs {
        Needs { reasons: true, ..Needs::default() }
    }

    fn title(&self) -> String {
        match self.count {
            1 => "Switch checksum control off for 1 package?".to_owned(),
            count => format!("Switch checksum control off for {} packages?", format::thousands(count as u64)),
        }
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        text(
            ui,
            "Changes to the files will not be noticed, and the packages are delivered as they lie there.",
        );
        if self.has_sealed {
            text(ui, "Agents still check every block of a sealed package against the seal.");
        }
        match self.blocked {
            0 => {}
            1 => text(ui, "1 of them differs now. Repair or accept keeps the protection."),
            count => {
                let count = format::thousands(count as u64);
                text(ui, &format!("{count} of them differ now. Repair or accept keeps the protection."));
            }
        }
        reason_ui(ui, &mut self.reason, &self.last_reasons, env.is_new);
        let refused = (!is_reason(&self.reason)).then_some("Give a reason of at least 3 characters");
        buttons_ui(ui, |ui| {
            if safe_button(ui, "Cancel", false) {
                self.escape(actions);
                return Next::Close;
            }
            if plain_button_unless(ui, "Switch off", refused) {
                let reason = self.reason.trim().to_owned();
                let action = SeveralAction::ApplyOff { reason, close: self.close };
                actions.push(Action::Several(self.window, action));
                return Next::Close;
            }
            Next::Stay
        })
    }

    fn escape(&mut self, actions: &mut Vec<Action>) {
        actions.push(Action::Several(self.window, SeveralAction::ForgetSwitch));
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        if let Delivery::Reasons(reasons) = delivery {
            self.last_reasons = reasons.to_vec();
        }
    }
}
