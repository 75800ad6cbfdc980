//! What is said of jobs, their targets and the delivery manager.

use crate::console::dialogs::sentence;
use crate::console::format;
use crate::console::icons::{Icon, Mark};
use crate::console::pages::packages::Moment;
use crate::console::tokens::Tone;
use crate::package::Differences;
use crate::package::procedure::ExitMeaning;
use crate::session::{
    ContainerState, ContainerView, JobTotals, JobView, ManagerStatus, OnChecksumError, Shown, TargetRow,
    difference_lines,
};

/// The code of a checksum error.
pub const DIFFERS: &str = "consistency-differs";

/// `1 target`, `2,400 targets`.
pub fn targets(count: u64) -> String {
    format::counted(count, "target")
}

/// How a job stands: `Waiting until 20:00`, `Failed: 14 of 300`.
pub fn state_text(view: &ContainerView, moment: Moment<'_>) -> String {
    let word = view.state.word();
    match (view.state, view.due) {
        (ContainerState::Waiting | ContainerState::Created, Some(due)) if due > moment.now => {
            format!("{word} until {}", moment.text(due))
        }
        (ContainerState::Failed, _) => counted_state(view.state, &view.totals),
        (ContainerState::Warning, _) if !view.reason.is_empty() => format!("{word}: {}", view.reason),
        _ => word.to_owned(),
    }
}

/// A state with the count that matters in it: `Failed: 14 of 300`.
pub fn counted_state(state: ContainerState, totals: &JobTotals) -> String {
    let word = state.word();
    match state {
        ContainerState::Failed => {
            let [error, all] = [totals.error, totals.all()].map(format::thousands);
            format!("{word}: {error} of {all}")
        }
        _ => word.to_owned(),
    }
}

/// The colour of that.
pub fn state_tone(view: &ContainerView) -> Tone {
    if view.code == DIFFERS && !view.state.is_ended() { Tone::Bad } else { tone_of(view.state) }
}

/// The colour of a state by itself.
pub fn tone_of(state: ContainerState) -> Tone {
    match state {
        ContainerState::Failed => Tone::Bad,
        ContainerState::Warning | ContainerState::Halted | ContainerState::HaltInProgress => Tone::Busy,
        ContainerState::Evaluating | ContainerState::Building | ContainerState::InProgress => Tone::Accent,
        _ => Tone::Secondary,
    }
}

/// The icon of a job.
pub fn icon(view: &ContainerView) -> (Icon, Option<Mark>) {
    match icon_of(view.state) {
        (Icon::Jobs, None) if view.code == DIFFERS => (Icon::Jobs, Some(Mark::Differs)),
        icon => icon,
    }
}

/// The icon of a state by itself.
pub fn icon_of(state: ContainerState) -> (Icon, Option<Mark>) {
    match state {
        ContainerState::SuccessfullyCompleted => (Icon::Check, None),
        ContainerState::Failed | ContainerState::Warning => (Icon::Warning, None),
        ContainerState::Halted | ContainerState::HaltInProgress => (Icon::Jobs, Some(Mark::Blocked)),
        _ => (Icon::Jobs, None),
    }
}

/// How much of a job has ended, 0 to 1.
pub fn part(totals: &JobTotals) -> f32 {
    match totals.all() {
        0 => 0.0,
        all => (totals.ok + totals.error) as f32 / all as f32,
    }
}

/// `41 %`; `–` before its targets are found.
pub fn percent(totals: &JobTotals) -> String {
    match totals.all() {
        0 => "–".to_owned(),
        // Rounded down: 100 % is said when all have ended.
        all => format!("{} %", (totals.ok + totals.error) * 100 / all),
    }
}

/// How a target stands: `Error: checksum of the package (differs since 10:42)`.
pub fn target_text(row: &TargetRow) -> String {
    let mut text = row.shown.word().to_owned();
    if !row.reason.is_empty() {
        text.push_str(": ");
        text.push_str(&row.reason);
    } else if let Some(percent) = row.percent.filter(|_| row.shown == Shown::Ordered) {
        text.push_str(&format!(": {percent} % of the package is there"));
    }
    if row.unconfirmed {
        text.push_str(", not confirmed by the computer");
    }
    text
}

/// The colour of that.
pub fn target_tone(shown: Shown) -> Tone {
    match shown {
        Shown::Waiting | Shown::Ok => Tone::Secondary,
        Shown::Ordered | Shown::Staged | Shown::Executing => Tone::Accent,
        Shown::Halted => Tone::Busy,
        Shown::Error => Tone::Bad,
    }
}

/// The icon of a target.
pub fn target_icon(shown: Shown) -> (Icon, Option<Mark>) {
    match shown {
        Shown::Waiting => (Icon::Clock, None),
        Shown::Ordered => (Icon::Download, None),
        Shown::Staged => (Icon::Staging, None),
        Shown::Executing => (Icon::Jobs, None),
        Shown::Halted => (Icon::Jobs, Some(Mark::Blocked)),
        Shown::Ok => (Icon::Check, None),
        Shown::Error => (Icon::Warning, None),
    }
}

/// What the exit code of a procedure means by the procedure.
pub fn meaning(meaning: ExitMeaning) -> String {
    match meaning {
        ExitMeaning::Ok => "OK".to_owned(),
        ExitMeaning::OkRestart => "OK, the computer wants a restart".to_owned(),
        ExitMeaning::TryAgain { after_minutes } => format!("try again after {after_minutes} min"),
        ExitMeaning::Error => "error".to_owned(),
    }
}

/// A target as a text for a ticket.
pub fn report(view: &JobView, job: &str, moment: Moment<'_>) -> String {
    let row = &view.row;
    let mut lines = vec![
        format!("{} on {}: {}", row.package.title(), row.target, target_text(row)),
        format!("job: {job}"),
        format!("state: {}", row.state.code()),
    ];
    if let Some(code) = row.exit_code {
        let means = view.meaning.map(|one| format!(" ({})", meaning(one))).unwrap_or_default();
        lines.push(format!("exit code: {code}{means}"));
    }
    lines.push(format!("since: {}", moment.full(row.changed)));
    if let Some(begun) = row.begun {
        lines.push(format!("begun: {}", moment.full(begun)));
    }
    if let Some(report) = &view.differences {
        lines.push("differences:".to_owned());
        lines.extend(difference_lines(report).into_iter().map(|line| format!("  {line}")));
    }
    if let Some(output) = view.output.as_deref().filter(|output| !output.is_empty()) {
        lines.push("output:".to_owned());
        lines.push(output.to_owned());
    }
    lines.join("\n")
}

/// What becomes of the remaining targets after a checksum error, as UX.md says it.
pub fn after_checksum_error(count: u64, on: OnChecksumError) -> String {
    let does = match (on, count) {
        (OnChecksumError::Error, 1) => "ends in error",
        (OnChecksumError::Error, _) => "end in error",
        (OnChecksumError::Halt, 1) => "is halted until the package is consistent",
        (OnChecksumError::Halt, _) => "are halted until the package is consistent",
    };
    format!("{} {does}", targets(count))
}

/// What changed in a package, as UX.md says it: `1 file was added, 1 removed, 1 has another size`; `None` where nothing did.
pub fn changes(found: &Differences) -> Option<String> {
    // How many, and what is said of one and of several; the verb of the first two stands once.
    let kinds = [
        (found.added.len(), "was added", "were added", "added"),
        (found.removed.len(), "was removed", "were removed", "removed"),
        (found.resized.len(), "has another size", "have another size", ""),
        (found.case_changed.len(), "has a name in other case", "have names in other case", ""),
        (found.damaged.len(), "is damaged", "are damaged", ""),
        (found.unreadable.len(), "cannot be read", "cannot be read", ""),
    ];
    let mut parts = Vec::new();
    for (count, one, more, after) in kinds.into_iter().filter(|(count, ..)| *count > 0) {
        let says = match (parts.is_empty(), after) {
            (false, after) if !after.is_empty() => after,
            _ if count == 1 => one,
            _ => more,
        };
        let files = match (parts.is_empty(), count) {
            (true, 1) => " file",
            (true, _) => " files",
            _ => "",
        };
        parts.push(format!("{}{files} {says}", format::thousands(count as u64)));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// Whether a delivery manager runs, for the status bar.
pub fn manager_short(status: Option<&ManagerStatus>) -> Option<String> {
    Some(match status? {
        ManagerStatus::Here { .. } => "Delivery manager: running here".to_owned(),
        ManagerStatus::Elsewhere { host, .. } => {
            format!("Delivery manager: running on {}", crate::console::widgets::short(host, 24))
        }
        ManagerStatus::NotRunning { .. } => "Delivery manager: not running".to_owned(),
    })
}

/// The same for the line on the page; `waiting` targets have not ended. Whether somebody should do something about it.
pub fn manager_line(status: Option<&ManagerStatus>, waiting: u64, moment: Moment<'_>) -> (String, bool) {
    match status {
        None => ("Delivery manager: …".to_owned(), false),
        Some(ManagerStatus::Here { since, .. }) => {
            (format!("Delivery manager: running here since {}", moment.text(*since)), false)
        }
        Some(ManagerStatus::Elsewhere { who, host, how, since, .. }) => {
            let how = if how == "command line" { "as a service or by command line" } else { "in a console" };
            let [who, host] = [who, host].map(|name| crate::console::widgets::short(name, 40));
            (
                format!("Delivery manager: running on {host} {how}, {who}, since {}", moment.text(*since)),
                false,
            )
        }
        Some(ManagerStatus::NotRunning { .. }) if waiting > 0 => {
            let waits = if waiting == 1 { "waits" } else { "wait" };
            (format!("No delivery manager is running: {} {waits}.", targets(waiting)), true)
        }
        Some(ManagerStatus::NotRunning { heard, .. }) => {
            let heard = heard.map(|at| format!(", last heard of {}", moment.text(at))).unwrap_or_default();
            (format!("Delivery manager: not running{heard}"), false)
        }
    }
}

/// What the delivery manager cannot do now, a sentence each.
pub fn manager_problems(status: Option<&ManagerStatus>) -> Vec<String> {
    match status {
        Some(ManagerStatus::Here { problems, .. }) => {
            problems.iter().map(|problem| sentence(problem)).collect()
        }
        Some(ManagerStatus::NotRunning { ended: Some(failure), .. }) => {
            vec![format!("It ended by itself: {failure}")]
        }
        _ => Vec::new(),
    }
}

/// The line about the delivery manager at closing: `Delivery manager: 288 targets of "Branch Köln" wait`. Nothing where it
/// has nothing left to do.
pub fn closing_line(containers: &[ContainerView]) -> Option<String> {
    let open: Vec<&ContainerView> = containers.iter().filter(|view| !view.state.is_ended()).collect();
    let waiting: u64 = open.iter().map(|view| view.totals.open()).sum();
    let waits = if waiting == 1 { "waits" } else { "wait" };
    match open.as_slice() {
        [] => None,
        [one] if waiting == 0 => Some(format!("Delivery manager: \"{}\" waits", one.name)),
        [one] => Some(format!("Delivery manager: {} of \"{}\" {waits}", targets(waiting), one.name)),
        all => Some(format!(
            "Delivery manager: {} of {} jobs {waits}",
            targets(waiting),
            format::thousands(all.len() as u64)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::changes;
    use crate::package::Differences;
    use crate::package::consistency::{ListedFile, UnreadableFile};

    #[test]
    fn what_changed_is_a_sentence() {
        let file = |path: &str| ListedFile { path: path.to_owned(), size_bytes: 1 };
        let mut found = Differences::default();
        assert_eq!(changes(&found), None);
        found.removed = vec![file("a"), file("b")];
        assert_eq!(changes(&found).as_deref(), Some("2 files were removed"));
        found.added = vec![file("c")];
        found.unreadable = vec![UnreadableFile { path: "d".to_owned(), reason: "gone".to_owned() }];
        assert_eq!(changes(&found).as_deref(), Some("1 file was added, 2 removed, 1 cannot be read"));
    }
}
