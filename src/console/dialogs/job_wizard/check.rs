//! The last step: what would come of the job if it were made now.

use egui::{ScrollArea, Ui};

use crate::console::dialogs::{Env, problem_list_ui, quiet, sentence, show_scroll_bar, text};
use crate::console::format;
use crate::console::pages::jobs::command::Managed;
use crate::console::widgets::alert::alert;
use crate::console::widgets::short;
use crate::failure::Failure;
use crate::package::PackageKey;
use crate::session::{Preflight, StagingReadiness, When};

/// At most so many computers are named in a list.
const NAMED: usize = 500;

/// What is known.
pub(super) struct Check {
    managed: Managed,
    found: Option<Result<Preflight, Failure>>,
}

impl Check {
    pub(super) fn new(managed: Managed) -> Self {
        Self { managed, found: None }
    }

    /// It begins.
    pub(super) fn begin(&mut self) {
        self.found = None;
    }

    /// Takes over what was found.
    pub(super) fn set(&mut self, found: Result<Preflight, Failure>) {
        self.found = Some(found);
    }

    /// Whether it has ended with an answer.
    pub(super) fn is_known(&self) -> bool {
        self.found.is_some()
    }

    /// Whether nothing is known to fail.
    pub(super) fn is_clear(&self) -> bool {
        matches!(&self.found, Some(Ok(found)) if found.is_clear())
    }

    /// A package that could be repaired.
    pub(super) fn repairable(&self) -> Option<PackageKey> {
        let Some(Ok(found)) = &self.found else { return None };
        let differs =
            |failure: &Failure| matches!(failure.code, "consistency-differs" | "consistency-damaged");
        let one = found.packages.iter().find(|one| one.failure.as_deref().is_some_and(differs));
        one.map(|one| one.key.clone())
    }

    /// Shows the step.
    pub(super) fn ui(&self, ui: &mut Ui, env: &Env<'_>, room: f32) {
        show_scroll_bar(ui);
        ScrollArea::vertical().id_salt("check").max_height(room).auto_shrink([false, true]).show(ui, |ui| {
            match &self.found {
                None => text(ui, "Packages, staged copies and computers are being looked at…"),
                Some(Err(failure)) => {
                    alert(ui, &sentence(&failure.message), &sentence(&failure.reason));
                }
                Some(Ok(found)) => found_ui(ui, env, found),
            }
            if self.is_known() && !matches!(self.managed, Managed::Here | Managed::Elsewhere) {
                quiet(ui, "No delivery manager is running: the job waits until one does.");
            }
        });
    }
}

fn found_ui(ui: &mut Ui, env: &Env<'_>, found: &Preflight) {
    if let Some(warning) = found.warning {
        alert(ui, "", warning);
    }
    let [ready, targets] = [found.ready, found.targets].map(format::thousands);
    let computers = if found.targets == 1 { "computer is" } else { "computers are" };
    let fetch = format::size(found.fetch_bytes);
    text(
        ui,
        &format!("{ready} of {targets} {computers} ready. At most {fetch} are fetched by all together."),
    );
    quiet(ui, &plan(env, found));
    let failing = failing(found);
    if !failing.is_empty() {
        text(ui, "Will fail, as things are:");
        problem_list_ui(ui, "Will fail", &failing);
    }
    let warned = found.computers.iter().filter(|computer| !computer.fails).take(NAMED);
    let warned: Vec<String> =
        warned.map(|computer| format!("{}: {}", short(&computer.computer, 60), computer.words)).collect();
    if !warned.is_empty() {
        text(ui, "To be known:");
        problem_list_ui(ui, "To be known", &warned);
    }
    let good = found.staging.iter().filter(|one| one.ready).map(|one| staging_line(env, one));
    let good: Vec<String> = good.collect();
    if !good.is_empty() {
        text(ui, "Staged:");
        problem_list_ui(ui, "Staged", &good);
    }
}

fn failing(found: &Preflight) -> Vec<String> {
    let mut lines = Vec::new();
    for package in &found.packages {
        if let Some(failure) = &package.failure {
            let summary = failure.report.as_ref().map(|report| report.differences.summary());
            let why = summary.filter(|text| !text.is_empty()).unwrap_or_else(|| failure.message.clone());
            lines.push(format!("{}: {why}", package.key.title()));
        }
    }
    for one in found.staging.iter().filter(|one| !one.ready) {
        let send = match one.to_send_bytes {
            0 => String::new(),
            bytes => format!(", {} to send", format::size(bytes)),
        };
        lines.push(format!("{} in {}: {}{send}", one.package.title(), short(&one.staging, 60), one.words));
    }
    let computers = found.computers.iter().filter(|computer| computer.fails).take(NAMED);
    lines.extend(computers.map(|computer| format!("{}: {}", short(&computer.computer, 60), computer.words)));
    lines
}

fn staging_line(env: &Env<'_>, one: &StagingReadiness) -> String {
    let verified = one.verified.map(|at| format!(" {}", env.moment.text(at))).unwrap_or_default();
    let computers = if one.computers == 1 { "computer reads" } else { "computers read" };
    format!(
        "{} in {}: {}{verified}, {} {computers} there first",
        one.package.title(),
        short(&one.staging, 60),
        one.words,
        format::thousands(one.computers)
    )
}

/// `Stage 20:00, run 02:00, 300 computers, 50 at a time`.
fn plan(env: &Env<'_>, found: &Preflight) -> String {
    let options = &found.container.options;
    let time = |when: Option<When>, unset: &str| match when {
        None => unset.to_owned(),
        Some(When::Site { time }) => {
            let at = jiff::Timestamp::from_second(time).unwrap_or(jiff::Timestamp::MAX);
            env.moment.text(at)
        }
        Some(When::Computer { time }) => format!("{} on the computer", time.strftime("%Y-%m-%d %H:%M")),
    };
    let run = if options.stage_only {
        "run nothing".to_owned()
    } else {
        format!("run {}", time(options.run_at, "as soon as staged"))
    };
    let stop =
        options.stop_starting_at.map(|_| format!(", stop starting {}", time(options.stop_starting_at, "")));
    let stage = time(options.stage_at, "at once");
    let computers = if found.targets == 1 { "computer" } else { "computers" };
    let targets = format::thousands(found.targets);
    format!(
        "Stage {stage}, {run}{}, {targets} {computers}, {} at a time",
        stop.unwrap_or_default(),
        options.parallel
    )
}
