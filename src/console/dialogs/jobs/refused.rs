//! "{Inkscape 1.4} is not delivered: it differs from its checksum", and the ways on from there.

use egui::Ui;

use crate::console::action::Action;
use crate::console::dialogs::refused::ways_on_ui;
use crate::console::dialogs::{
    Delivery, Dialog, Env, Needs, Next, buttons_ui, default_button, plain_button, problem_list_ui, quiet,
    text,
};
use crate::console::help::Topic;
use crate::console::pages::jobs::{JobAction, words};
use crate::package::Finding;
use crate::package::record::PackageSummary;
use crate::session::{ContainerView, OnChecksumError, PackageDetails, Selected, difference_lines};

/// Says why a job is not delivered.
pub struct NotDelivered {
    view: ContainerView,
    package: PackageSummary,
    /// How many targets failed because of it.
    failed: u64,
    details: Option<PackageDetails>,
}

impl NotDelivered {
    /// This job, of which this package differs; `failed` targets ended in error because of it.
    pub fn new(view: ContainerView, package: PackageSummary, failed: u64) -> Self {
        Self { view, package, failed, details: None }
    }

    /// How many targets are not delivered.
    fn stopped(&self) -> u64 {
        match self.view.on_checksum_error {
            OnChecksumError::Halt => self.view.totals.halted,
            OnChecksumError::Error => self.failed,
        }
    }

    fn sentences(&self, env: &Env<'_>) -> String {
        let report = self.view.report.as_ref();
        let summary = report.and_then(|report| words::changes(&report.differences));
        let summary = summary.unwrap_or_else(|| "its files are not as recorded".to_owned());
        let since = self.details.as_ref().map(|details| env.moment.full(details.record.checksum_at));
        let since = since.map(|since| format!(" since {since}")).unwrap_or_default();
        let done = self.view.totals.ok;
        let stay = if done == 1 { "is done and stays OK" } else { "are done and stay OK" };
        let stopped = words::after_checksum_error(self.stopped(), self.view.on_checksum_error);
        format!(
            "Checksum control of package consistency is on, and {summary}{since}. {} {stay}. {stopped}.",
            words::targets(done)
        )
    }

    /// `First noticed 10:42 by the watcher, before job Branch Köln started.`
    fn noticed(&self, env: &Env<'_>) -> Option<String> {
        let at = self.package.noticed_at?;
        let by = self.package.noticed_by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
        let started = self.view.evaluated.or(self.view.due);
        let order = match started {
            Some(started) if at < started => "before",
            Some(_) => "after",
            None => return Some(format!("First noticed {}{by}.", env.moment.text(at))),
        };
        Some(format!("First noticed {}{by}, {order} job {} started.", env.moment.text(at), self.view.name))
    }
}

impl Dialog for NotDelivered {
    fn topic(&self) -> Topic {
        Topic::Jobs
    }

    fn needs(&self) -> Needs {
        Needs { details: Some(self.package.id), ..Needs::default() }
    }

    fn title(&self) -> String {
        format!("{} is not delivered: it differs from its checksum", self.package.key.title())
    }

    fn width(&self) -> f32 {
        580.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        let id = self.package.id;
        let now = env.view.packages.find(id);
        let is_settled = now.is_some_and(|package| package.finding == Finding::Consistent);
        text(ui, &self.sentences(env));
        if let Some(noticed) = self.noticed(env) {
            quiet(ui, &noticed);
        }
        if let Some(report) = &self.view.report {
            problem_list_ui(ui, "Differences", &difference_lines(report));
        }
        if is_settled {
            text(ui, "The package is as recorded again.");
        }
        quiet(ui, "Same as SDM228429");
        buttons_ui(ui, |ui| {
            if plain_button(ui, "Close") {
                return Next::Close;
            }
            if is_settled {
                let label = format!("Renew {}", words::targets(self.failed));
                let refused = (self.failed == 0).then_some("What is halted goes on by itself");
                if default_button(ui, &label, refused, env.is_new) {
                    let code = words::DIFFERS.to_owned();
                    let group = Selected::Reason { code, exit_code: None };
                    actions.push(Action::Job(JobAction::Renew(self.view.id, vec![group])));
                    return Next::Close;
                }
                return Next::Stay;
            }
            ways_on_ui(ui, &self.package, None, env.is_new, actions)
        })
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        if let Delivery::Details(details) = delivery {
            self.details = Some((*details).clone());
        }
    }
}
