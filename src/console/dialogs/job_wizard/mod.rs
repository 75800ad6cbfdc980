//! Setting up a job in five steps: packages and procedures, targets, times, options, and a look beforehand at what will
//! come of it.

mod check;
pub(super) mod finder;
mod options;
mod packages;
mod targets;
mod times;

use egui::{RichText, Ui};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Delivery, Dialog, Env, Next, buttons_ui, default_button, plain_button, safe_button};
use crate::console::action::Action;
use crate::console::help::Topic;
use crate::console::pages::computers::Known;
use crate::console::pages::jobs::command::Managed;
use crate::console::pages::jobs::{Draft, JobAction};
use crate::console::theme::semibold;
use crate::console::tokens::Tokens;
use crate::session::{NewJobContainer, View};
use check::Check;
use options::Options;
use packages::Packages;
use targets::Targets;
use times::Times;

/// Height of what a step asks, in points: buttons stay where they are from step to step.
const HEIGHT: f32 = 400.0;

/// A step of the wizard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Packages,
    Targets,
    Times,
    Options,
    Check,
}

impl Step {
    const ALL: [Self; 5] = [Self::Packages, Self::Targets, Self::Times, Self::Options, Self::Check];

    fn word(self) -> &'static str {
        match self {
            Self::Packages => "Packages",
            Self::Targets => "Targets",
            Self::Times => "Times",
            Self::Options => "Options",
            Self::Check => "Check",
        }
    }

    fn at(self) -> usize {
        Self::ALL.iter().position(|one| *one == self).unwrap_or(0)
    }

    fn next(self) -> Self {
        Self::ALL.get(self.at() + 1).copied().unwrap_or(self)
    }

    fn before(self) -> Self {
        self.at().checked_sub(1).and_then(|at| Self::ALL.get(at)).copied().unwrap_or(self)
    }
}

/// "New job".
pub struct JobWizard {
    step: Step,
    /// The step was just come to: the keyboard goes to its first field.
    is_new_step: bool,
    packages: Packages,
    targets: Targets,
    times: Times,
    options: Options,
    check: Check,
}

impl JobWizard {
    /// With what the draft names filled in; begins where something is missing.
    pub fn new(
        draft: Draft,
        known: Known,
        view: &View,
        managed: Managed,
        (now, zone): (Timestamp, &TimeZone),
    ) -> Self {
        let packages = Packages::new(draft.packages, view);
        let targets = Targets::new(draft.groups, draft.computers, known);
        Self {
            step: Step::Packages,
            is_new_step: true,
            packages,
            targets,
            times: Times::new(now, zone),
            options: Options::default(),
            check: Check::new(managed),
        }
    }

    /// Why the step cannot be left forwards.
    fn refusal(&self, zone: &TimeZone) -> Option<String> {
        match self.step {
            Step::Packages => self.packages.refusal(),
            Step::Targets => self.targets.refusal().map(str::to_owned),
            Step::Times => self.times.apply(zone).err(),
            Step::Options => self.options.apply().err(),
            Step::Check => None,
        }
    }

    /// What would be made; nothing where a field cannot be understood.
    fn container(&self, zone: &TimeZone, anyway: bool) -> Option<NewJobContainer> {
        let mut options = self.options.apply().ok()?;
        let times = self.times.apply(zone).ok()?;
        options.stage_at = times.stage_at;
        options.run_at = times.run_at;
        options.stop_starting_at = times.stop_starting_at;
        Some(NewJobContainer {
            name: self.options.name(),
            packages: self.packages.wanted(),
            computers: self.targets.computers(),
            groups: self.targets.groups(),
            installed: self.targets.installed(),
            options,
            anyway,
        })
    }

    fn go(&mut self, step: Step, zone: &TimeZone, actions: &mut Vec<Action>) {
        self.step = step;
        self.is_new_step = true;
        if step == Step::Check {
            self.start_check(zone, actions);
        }
    }

    fn start_check(&mut self, zone: &TimeZone, actions: &mut Vec<Action>) {
        if let Some(new) = self.container(zone, true) {
            self.check.begin();
            actions.push(Action::Job(JobAction::Check(Box::new(new))));
        }
    }

    fn steps_ui(&self, ui: &mut Ui) {
        let tokens = Tokens::of(ui);
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 8.0;
            for step in Step::ALL {
                let number = step.at() + 1;
                let text = RichText::new(format!("{number} {}", step.word()));
                let size = egui::TextStyle::Body.resolve(ui.style()).size;
                let text = match step == self.step {
                    true => text.font(semibold(size)).color(tokens.text),
                    false => text.color(tokens.secondary),
                };
                ui.label(text);
                if number < Step::ALL.len() {
                    ui.label(RichText::new("›").color(tokens.secondary));
                }
            }
        });
        ui.separator();
    }

    fn last_buttons_ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        let zone = env.moment.zone;
        let (is_clear, is_known) = (self.check.is_clear(), self.check.is_known());
        let mut create = false;
        let mut back = false;
        let next = buttons_ui(ui, |ui| {
            if is_clear {
                create = default_button(ui, "Create", None, self.is_new_step);
            } else if is_known {
                create = plain_button(ui, "Create anyway");
            } else {
                default_button(ui, "Create", Some("It is being checked"), false);
            }
            if plain_button(ui, "Cancel") {
                return Next::Close;
            }
            // Where something is known to fail, Enter leads back to what can be changed.
            back = match is_known && !is_clear {
                true => safe_button(ui, "Back", self.is_new_step),
                false => plain_button(ui, "Back"),
            };
            if is_known && plain_button(ui, "Check again") {
                self.start_check(zone, actions);
            }
            if let Some(package) = self.check.repairable()
                && plain_button(ui, "Repair…")
            {
                let ids = self.packages.id_of(&package).into_iter().collect();
                actions.push(Action::AskRepair(ids, false));
            }
            Next::Stay
        });
        if create && let Some(new) = self.container(zone, !is_clear) {
            actions.push(Action::Job(JobAction::Create(Box::new(new))));
            return Next::Close;
        }
        if back {
            self.go(self.step.before(), zone, actions);
        }
        next
    }
}

impl Dialog for JobWizard {
    fn topic(&self) -> Topic {
        Topic::NewJob
    }

    fn title(&self) -> String {
        "New job".to_owned()
    }

    fn width(&self) -> f32 {
        720.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        self.steps_ui(ui);
        let focus = self.is_new_step;
        let room = (ui.ctx().content_rect().height() - 220.0).clamp(160.0, HEIGHT);
        let top = ui.cursor().top();
        ui.scope(|ui| {
            ui.set_min_height(room);
            match self.step {
                Step::Packages => self.packages.ui(ui, env, focus, room, actions),
                Step::Targets => {
                    self.targets.ui(ui, focus, room, &self.packages.other_versions(env.view));
                }
                Step::Times => self.times.ui(ui, env, self.packages.size_bytes()),
                Step::Options => self.options.ui(ui, focus, &self.packages.default_name()),
                Step::Check => self.check.ui(ui, env, room),
            }
            let used = ui.cursor().top() - top;
            ui.add_space((room - used).max(0.0));
        });
        let zone = env.moment.zone;
        if self.step == Step::Check {
            let next = self.last_buttons_ui(ui, env, actions);
            if self.step == Step::Check {
                // The keyboard goes to the button as soon as there is an answer.
                self.is_new_step = self.is_new_step && !self.check.is_known();
            }
            return next;
        }
        self.is_new_step = false;
        let refused = self.refusal(zone);
        let (mut forwards, mut back) = (false, false);
        let next = buttons_ui(ui, |ui| {
            forwards = default_button(ui, "Next", refused.as_deref(), false);
            if plain_button(ui, "Cancel") {
                return Next::Close;
            }
            let refused = (self.step == Step::Packages).then_some("This is the first step");
            back = super::plain_button_unless(ui, "Back", refused);
            Next::Stay
        });
        if forwards {
            self.go(self.step.next(), zone, actions);
        } else if back {
            self.go(self.step.before(), zone, actions);
        }
        next
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        match delivery {
            Delivery::Details(details) => self.packages.set_procedures(&details.record),
            Delivery::Computers(known) => self.targets.set_known((*known).clone()),
            Delivery::Preflight(result) => self.check.set((*result).clone()),
            _ => {}
        }
    }
}
