//! What is said when something is refused because the package differs, and the ways on from there.

use egui::Ui;

use super::{
    Delivery, Dialog, Env, Needs, Next, buttons_ui, default_button, plain_button, plain_button_unless,
};
use super::{problem_list_ui, quiet, text};
use crate::console::action::Action;
use crate::package::record::PackageSummary;
use crate::package::{CheckReport, Finding};
use crate::session::{PackageDetails, difference_lines};

/// What can be done about a package that differs, in a row of buttons: accept, repair, or look first, which is the
/// default. `unknown` says why nothing can be accepted.
pub(super) fn ways_on_ui(
    ui: &mut Ui,
    package: &PackageSummary,
    unknown: Option<&str>,
    focus: bool,
    actions: &mut Vec<Action>,
) -> Next {
    let id = package.id;
    if plain_button_unless(ui, "Accept changes…", unknown) {
        actions.push(Action::AskAccept(id));
        return Next::Close;
    }
    let never_sealed = (package.revision == 0)
        .then_some("The package has never been sealed, nobody has a copy to repair from");
    if plain_button_unless(ui, "Repair…", never_sealed) {
        actions.push(Action::AskRepair(vec![id], false));
        return Next::Close;
    }
    if default_button(ui, "Show differences", None, focus) {
        actions.push(Action::ShowDifferences(id));
        return Next::Close;
    }
    Next::Stay
}

/// "{Inkscape 1.4} is not archived: it differs from its checksum".
pub struct Differs {
    package: PackageSummary,
    /// `archived`, `sealed`.
    doing: &'static str,
    report: Option<CheckReport>,
    details: Option<PackageDetails>,
}

impl Differs {
    /// This package was not `doing`; `report` is what the attempt found, if there was one.
    pub fn new(package: PackageSummary, doing: &'static str, report: Option<CheckReport>) -> Self {
        Self { package, doing, report, details: None }
    }

    fn report(&self) -> Option<&CheckReport> {
        self.report.as_ref().or_else(|| self.details.as_ref()?.report.as_ref())
    }
}

impl Dialog for Differs {
    fn needs(&self) -> Needs {
        Needs { details: Some(self.package.id), ..Needs::default() }
    }

    fn title(&self) -> String {
        let finding = self.report().map_or(self.package.finding, |report| report.finding);
        let differs = match finding {
            Finding::Damaged => "is damaged",
            Finding::Missing => "is missing from the library folder",
            _ => "differs from its checksum",
        };
        format!("{} is not {}: it {differs}", self.package.key.title(), self.doing)
    }

    fn width(&self) -> f32 {
        560.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        let noticed = self.details.as_ref().and_then(|details| details.record.noticed.as_ref());
        match self.report() {
            Some(report) => {
                let record = self.details.as_ref().map(|details| &details.record);
                let since = record.map(|record| format!(" since {}", env.moment.full(record.checksum_at)));
                let since = since.unwrap_or_default();
                let summary = super::question::summary(report);
                let text_of = match record {
                    // With the switch off an archive is refused too: it could never be restored.
                    Some(record) if !record.checksum_control => format!("{summary}{since}."),
                    _ => format!("Checksum control of package consistency is on. {summary}{since}."),
                };
                text(ui, &text_of);
                if let Some(noticed) = noticed {
                    quiet(ui, &format!("First noticed {} by {}.", env.moment.text(noticed.at), noticed.by));
                }
                problem_list_ui(ui, "Differences", &difference_lines(report));
            }
            None => text(ui, "The files are not as they were recorded."),
        }
        quiet(ui, "Same as SDM228429");
        let unknown = self.report().is_none().then_some("What differs is not known yet");
        buttons_ui(ui, |ui| {
            if plain_button(ui, "Close") {
                return Next::Close;
            }
            ways_on_ui(ui, &self.package, unknown, env.is_new, actions)
        })
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        if let Delivery::Details(details) = delivery {
            self.details = Some((*details).clone());
        }
    }
}
