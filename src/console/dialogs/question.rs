//! The question when checksum control is switched on and the package differs, and the two steps of accepting.
//!
//! The words are fixed.

use egui::{RichText, Ui};
use jiff::Timestamp;

use super::{
    Delivery, Dialog, Env, Needs, Next, buttons_ui, is_enter_free, is_reason, quiet, reason_ui, safe_button,
    text,
};
use super::{plain_button, plain_button_unless, problem_list_ui};
use crate::console::action::Action;
use crate::console::command::Command;
use crate::console::format;
use crate::console::help::Topic;
use crate::console::tokens::Tokens;
use crate::console::widgets::button::link;
use crate::console::widgets::command_button::command_button;
use crate::package::{CheckReport, Finding, PackageId, PackageRecord, PackageState};
use crate::session::{AcceptRequest, SwitchAnswer, Whereabouts, difference_lines};

/// `on 2026-11-02 at 14:10, when it was sealed`.
fn recorded(record: &PackageRecord, env: &Env<'_>) -> String {
    let full = env.moment.full(record.checksum_at);
    let (date, time) = full.split_once(' ').unwrap_or((full.as_str(), ""));
    format!("on {date} at {time}, when it was {}", record.checksum_event)
}

/// `1 file added, 1 removed` as a sentence of its own.
pub fn summary(report: &CheckReport) -> String {
    match report.finding {
        Finding::Missing => "The folder of the package is missing".to_owned(),
        _ => super::sentence(&report.differences.summary()),
    }
}

/// The package, if it is sealed: where it is counts then.
fn of_sealed(record: &PackageRecord) -> Vec<PackageId> {
    if record.state == PackageState::Sealed { vec![record.id] } else { Vec::new() }
}

fn changed_again_ui(ui: &mut Ui, at: Option<Timestamp>, env: &Env<'_>) {
    if let Some(at) = at {
        let time = at.to_zoned(env.moment.zone.clone()).strftime("%H:%M:%S").to_string();
        let colour = Tokens::of(ui).bad;
        ui.label(RichText::new(format!("The package changed again at {time}")).color(colour));
    }
}

/// What accepting means for a sealed package, and for those that were given it; whether a new version is asked for
/// instead.
fn sealed_ui(ui: &mut Ui, record: &PackageRecord, known: Option<&Whereabouts>) -> bool {
    if record.state != PackageState::Sealed {
        return false;
    }
    let next = record.revision + 1;
    let outdated = match known.map_or(0, super::whereabouts::copies) {
        0 => String::new(),
        1 => "; 1 staged copy becomes outdated".to_owned(),
        many => format!("; {} staged copies become outdated", format::thousands(many as u64)),
    };
    quiet(
        ui,
        &format!("The package is sealed. Accepting means sealing it again as revision {next}{outdated}."),
    );
    let Some(known) = known.filter(|known| known.is_delivered()) else { return false };
    ui.horizontal_wrapped(|ui| {
        let places = super::whereabouts::for_others(known);
        ui.label(format!("It is {places}. A new version is usually the better way."));
        link(ui, "New version…").clicked()
    })
    .inner
}

/// "{Inkscape 1.4} differs from its recorded checksum".
pub struct Question {
    record: PackageRecord,
    report: CheckReport,
    changed_again: Option<Timestamp>,
    details: bool,
    /// Where it is, once that is known.
    known: Option<Whereabouts>,
}

impl Question {
    /// About this package, with what was found; `changed_again` if it changed since it was asked before.
    pub fn new(record: PackageRecord, report: CheckReport, changed_again: Option<Timestamp>) -> Self {
        Self { record, report, changed_again, details: false, known: None }
    }
}

impl Dialog for Question {
    fn topic(&self) -> Topic {
        Topic::Question
    }

    fn needs(&self) -> Needs {
        Needs { whereabouts: of_sealed(&self.record), ..Needs::default() }
    }

    fn title(&self) -> String {
        format!("{} differs from its recorded checksum", self.record.key.title())
    }

    fn width(&self) -> f32 {
        560.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        changed_again_ui(ui, self.changed_again, env);
        let id = self.record.id;
        text(
            ui,
            &format!(
                "{}. The checksum was recorded {}. What should happen to the package?",
                summary(&self.report),
                recorded(&self.record, env)
            ),
        );
        problem_list_ui(ui, "Differences", &difference_lines(&self.report));
        if sealed_ui(ui, &self.record, self.known.as_ref()) {
            self.escape(actions);
            actions.push(Action::RunOn(Command::NewVersion, id));
            return Next::Close;
        }
        let unreadable = (!self.report.differences.unreadable.is_empty()
            || self.report.finding == Finding::Missing)
            .then_some("Something cannot be read: nothing can be accepted before it can");
        let alt = |ui: &Ui, key| ui.input_mut(|input| input.consume_key(egui::Modifiers::ALT, key));
        let accept = command_button(
            ui,
            "Accept changes…",
            "The files are right: record the new checksum and switch the check on",
            false,
            unreadable,
        );
        if accept.clicked() || unreadable.is_none() && alt(ui, egui::Key::A) {
            let step = Accept::new(self.record.clone(), self.report.clone(), true);
            actions.push(Action::Ask(Box::new(step)));
            return Next::Close;
        }
        let never_sealed =
            (!self.record.sealed_once).then_some("There are no hashes: the package has never been sealed");
        let repair = command_button(
            ui,
            "Repair…",
            "The files are wrong: fetch the sealed content again and switch the check on",
            false,
            never_sealed,
        );
        if repair.clicked() || never_sealed.is_none() && alt(ui, egui::Key::R) {
            actions.push(Action::AskRepair(vec![id], true));
            return Next::Close;
        }
        let keep = command_button(
            ui,
            "Keep blocked",
            "Switch the check on and deliver nothing until this is settled",
            true,
            None,
        );
        if env.is_new {
            keep.request_focus();
        }
        if keep.clicked() || alt(ui, egui::Key::K) || is_enter_free(ui) {
            actions.push(Action::SwitchOn(id, Some(SwitchAnswer::KeepBlocked)));
            return Next::Close;
        }
        if command_button(ui, "Cancel", "The check stays off", false, None).clicked() {
            self.escape(actions);
            return Next::Close;
        }
        ui.horizontal(|ui| {
            let word = if self.details { "Hide details" } else { "Details" };
            if link(ui, word).clicked() {
                self.details = !self.details;
            }
            if self.details {
                quiet(ui, "Same as SDM002300: Accept = Yes, Keep blocked = No");
            }
        });
        Next::Stay
    }

    fn escape(&mut self, actions: &mut Vec<Action>) {
        actions.push(Action::ForgetSwitch(self.record.id));
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        if let Delivery::Whereabouts(Ok(all)) = delivery {
            self.known = all.first().map(|(_, known)| known.clone());
        }
    }
}

/// "Accept {3} changes in {Inkscape 1.4}?"
pub struct Accept {
    record: PackageRecord,
    report: CheckReport,
    /// Whether the question came before it, so that *Back* leads there.
    switch_on: bool,
    changed_again: Option<Timestamp>,
    reason: String,
    last_reasons: Vec<String>,
    looked: bool,
    /// Where it is, once that is known.
    known: Option<Whereabouts>,
}

impl Accept {
    /// For this package, with what was shown.
    pub fn new(record: PackageRecord, report: CheckReport, switch_on: bool) -> Self {
        Self {
            record,
            report,
            switch_on,
            changed_again: None,
            reason: String::new(),
            last_reasons: Vec::new(),
            looked: false,
            known: None,
        }
    }

    /// Says that the package changed since it was asked before.
    pub fn changed_again(self, at: Timestamp) -> Self {
        Self { changed_again: Some(at), ..self }
    }
}

impl Dialog for Accept {
    fn topic(&self) -> Topic {
        Topic::Accepting
    }

    fn needs(&self) -> Needs {
        // Where the question came before, it said so already.
        let whereabouts = if self.switch_on { Vec::new() } else { of_sealed(&self.record) };
        Needs { reasons: true, whereabouts, ..Needs::default() }
    }

    fn title(&self) -> String {
        let count = self.report.differences.count();
        let changes = if count == 1 { "change" } else { "changes" };
        format!("Accept {} {changes} in {}?", format::thousands(count as u64), self.record.key.title())
    }

    fn width(&self) -> f32 {
        560.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        changed_again_ui(ui, self.changed_again, env);
        text(
            ui,
            "The new checksum counts from now on. Your name, the time, the changes and the reason are kept in History.",
        );
        problem_list_ui(ui, "Differences", &difference_lines(&self.report));
        if !self.switch_on {
            // Nobody said it before.
            if sealed_ui(ui, &self.record, self.known.as_ref()) {
                actions.push(Action::RunOn(Command::NewVersion, self.record.id));
                return Next::Close;
            }
        }
        let entered = reason_ui(ui, &mut self.reason, &self.last_reasons, env.is_new);
        let sealed = self.record.state == PackageState::Sealed;
        if sealed {
            ui.checkbox(&mut self.looked, "I looked at the changed files");
        }
        let refused = if !self.report.differences.unreadable.is_empty() {
            Some("Something cannot be read")
        } else if !is_reason(&self.reason) {
            Some("Give a reason of at least 3 characters")
        } else if sealed && !self.looked {
            Some("Look at the changed files first")
        } else {
            None
        };
        buttons_ui(ui, |ui| {
            if plain_button(ui, "Cancel") {
                self.escape(actions);
                return Next::Close;
            }
            // The marked default: Enter never accepts, unless it is pressed in the field with all that is needed.
            if safe_button(ui, "Back", false) {
                // Without the question before it, it leads back to the window that shows the differences.
                if self.switch_on {
                    let question = Question::new(self.record.clone(), self.report.clone(), None);
                    actions.push(Action::Ask(Box::new(question)));
                }
                return Next::Close;
            }
            let label = if sealed { "Accept and seal again" } else { "Accept" };
            if plain_button_unless(ui, label, refused) || entered && refused.is_none() {
                let request = AcceptRequest {
                    reason: self.reason.trim().to_owned(),
                    expect: Some(self.report.state_digest()),
                    key: None,
                };
                actions.push(Action::Accept { package: self.record.id, request, switch_on: self.switch_on });
                return Next::Close;
            }
            Next::Stay
        })
    }

    fn escape(&mut self, actions: &mut Vec<Action>) {
        if self.switch_on {
            actions.push(Action::ForgetSwitch(self.record.id));
        }
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        match delivery {
            Delivery::Reasons(reasons) => self.last_reasons = reasons.to_vec(),
            Delivery::Whereabouts(Ok(all)) => self.known = all.first().map(|(_, known)| known.clone()),
            _ => {}
        }
    }
}

/// "Switch checksum control off for {Inkscape 1.4}?"
pub struct SwitchOff {
    record: PackageRecord,
    /// What differs now, if anything does.
    differs: Option<String>,
    reason: String,
    last_reasons: Vec<String>,
}

impl SwitchOff {
    /// For this package; `differs` says what differs now.
    pub fn new(record: PackageRecord, differs: Option<String>) -> Self {
        Self { record, differs, reason: String::new(), last_reasons: Vec::new() }
    }
}

impl Dialog for SwitchOff {
    fn topic(&self) -> Topic {
        Topic::SwitchingOff
    }

    fn needs(&self) -> Needs {
        Needs { reasons: true, ..Needs::default() }
    }

    fn title(&self) -> String {
        format!("Switch checksum control off for {}?", self.record.key.title())
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        text(ui, "Changes to the files will not be noticed, and the package is delivered as it lies there.");
        if self.record.state == PackageState::Sealed {
            text(ui, "Agents still check every block against the seal.");
        }
        if let Some(differs) = &self.differs {
            text(ui, &format!("It differs now: {differs}. Repair or accept keeps the protection."));
        }
        reason_ui(ui, &mut self.reason, &self.last_reasons, env.is_new);
        let refused = (!is_reason(&self.reason)).then_some("Give a reason of at least 3 characters");
        buttons_ui(ui, |ui| {
            if safe_button(ui, "Cancel", false) {
                self.escape(actions);
                return Next::Close;
            }
            let never_sealed = (!self.record.sealed_once)
                .then_some("The package has never been sealed, nobody has a copy to repair from");
            if self.differs.is_some() && plain_button_unless(ui, "Repair…", never_sealed) {
                self.escape(actions);
                actions.push(Action::AskRepair(vec![self.record.id], false));
                return Next::Close;
            }
            if plain_button_unless(ui, "Switch off", refused) {
                actions.push(Action::SwitchOff(self.record.id, self.reason.trim().to_owned()));
                return Next::Close;
            }
            Next::Stay
        })
    }

    fn escape(&mut self, actions: &mut Vec<Action>) {
        actions.push(Action::ForgetSwitch(self.record.id));
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        if let Delivery::Reasons(reasons) = delivery {
            self.last_reasons = reasons.to_vec();
        }
    }
}
