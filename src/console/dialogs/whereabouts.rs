//! Where packages are, as dialogs say it before something is done to them: names of staging libraries, of the first
//! computers, of jobs.

use crate::console::format::{self, counted};
use crate::console::pages::jobs::words;
use crate::console::widgets::short;
use crate::package::record::{PackageId, PackageSummary};
use crate::package::staging::StagedFinding;
use crate::session::{PackageJobs, Whereabouts};

/// So many computers, staging libraries and jobs are named; the rest is counted.
pub const NAMED: usize = 3;

/// The button that takes those that are somewhere out of what is about to be done.
pub fn leave_out(count: usize) -> &'static str {
    if count == 1 { "Leave it out" } else { "Leave these out" }
}

/// `a`, `a and b`, `a, b and c`.
fn joined(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// `staged at 3 places, installed on 212 computers and part of 1 waiting job`, as far as others than test computers are
/// concerned; empty if they are not.
pub fn for_others(known: &Whereabouts) -> String {
    let (staged, jobs) = (known.staged_for_others().count() as u64, known.waiting_jobs().count() as u64);
    let parts = [
        (staged, format!("staged at {}", counted(staged, "place"))),
        (known.installed, format!("installed on {}", counted(known.installed, "computer"))),
        (jobs, format!("part of {}", counted(jobs, "waiting job"))),
    ];
    let parts: Vec<String> =
        parts.into_iter().filter(|(count, _)| *count > 0).map(|(_, text)| text).collect();
    joined(&parts)
}

/// `Köln, Lyon, Bern and 4 more`; `all` counts what is not among the names too.
fn names(names: &[&str], all: usize) -> String {
    let mut shown: Vec<String> = names.iter().take(NAMED).map(|name| short(name, 48)).collect();
    if all > shown.len() {
        shown.push(format!("{} more", format::thousands((all - shown.len()) as u64)));
    }
    joined(&shown)
}

fn open_jobs(known: &Whereabouts) -> Vec<&PackageJobs> {
    known.jobs.iter().filter(|job| !job.state.is_ended()).collect()
}

fn staged(known: &Whereabouts) -> Vec<&str> {
    let there = known.staged.iter().filter(|(row, _)| row.copy.finding != StagedFinding::Missing);
    there.map(|(row, _)| row.name.as_str()).collect()
}

/// Each place on a line of its own, test computers too: `Installed on PC-1, PC-2, PC-3 and 209 more`.
pub fn lines(known: &Whereabouts) -> Vec<String> {
    let mut lines = Vec::new();
    for (row, for_tests) in &known.staged {
        let about = match (row.copy.finding, for_tests) {
            (StagedFinding::Missing, _) => continue,
            (_, true) => format!(", revision {}, for test computers", row.copy.revision),
            (_, false) => format!(", revision {}", row.copy.revision),
        };
        lines.push(format!("Staged at {}{about}", short(&row.name, 60)));
    }
    for (tests, noun, all) in
        [(false, "computer", known.installed), (true, "test computer", known.installed_tests)]
    {
        let named = known.computers.iter().filter(|row| row.test == tests);
        let named: Vec<&str> = named.map(|row| row.computer.as_str()).collect();
        match (all, named.is_empty()) {
            (0, _) => {}
            (_, true) => lines.push(format!("Installed on {}", counted(all, noun))),
            (all, false) => {
                let s = if all == 1 { "" } else { "s" };
                let all = usize::try_from(all).unwrap_or(usize::MAX);
                lines.push(format!("Installed on {noun}{s} {}", names(&named, all)));
            }
        }
    }
    for job in open_jobs(known) {
        let open = words::targets(job.totals.open());
        let left = if job.totals.all() == 0 {
            "its targets are not found yet".to_owned()
        } else {
            format!("{open} left")
        };
        lines.push(format!("Job {}: {}, {left}", short(&job.name, 60), job.state.word().to_lowercase()));
    }
    lines
}

/// All on one line: `staged at Köln, installed on 8 computers, in the job Branch Köln, 300`; empty if it is nowhere.
pub fn line(known: &Whereabouts) -> String {
    let mut parts = Vec::new();
    let there = staged(known);
    if !there.is_empty() {
        parts.push(format!("staged at {}", names(&there, there.len())));
    }
    let installed = known.installed + known.installed_tests;
    if installed > 0 {
        parts.push(format!("installed on {}", counted(installed, "computer")));
    }
    match open_jobs(known).as_slice() {
        [] => {}
        [one] => parts.push(format!("in the job {}", short(&one.name, 48))),
        jobs => parts.push(format!("in {} jobs", format::thousands(jobs.len() as u64))),
    }
    parts.join(", ")
}

/// Each of these packages on a line with where it is.
pub fn lines_of(packages: &[PackageSummary], known: &[(PackageId, Whereabouts)]) -> Vec<String> {
    let title = |id: &PackageId| packages.iter().find(|package| package.id == *id);
    let known = known.iter().filter_map(|(id, known)| Some((title(id)?, known)));
    known.map(|(package, known)| format!("{}: {}", package.key.title(), line(known))).collect()
}

/// Those that are anywhere.
pub fn somewhere(all: &[(PackageId, Whereabouts)]) -> Vec<(PackageId, Whereabouts)> {
    all.iter().filter(|(_, known)| !line(known).is_empty()).cloned().collect()
}

/// `212 computers and 3 test computers`.
pub fn on_computers(known: &Whereabouts) -> String {
    let others = counted(known.installed, "computer");
    let tests = counted(known.installed_tests, "test computer");
    match (known.installed, known.installed_tests) {
        (_, 0) => others,
        (0, _) => tests,
        _ => format!("{others} and {tests}"),
    }
}

/// Whether a job has it to do.
pub fn is_in_a_job(known: &Whereabouts) -> bool {
    !open_jobs(known).is_empty()
}

/// Names of the staging libraries with a copy: `Köln, Lyon, Bern and 4 more`; empty if there is none.
pub fn names_staged(known: &Whereabouts) -> String {
    let there = staged(known);
    names(&there, there.len())
}

/// Names of the jobs that have not ended; empty if there is none.
pub fn open_job_names(known: &Whereabouts) -> String {
    let jobs: Vec<&str> = open_jobs(known).iter().map(|job| job.name.as_str()).collect();
    names(&jobs, jobs.len())
}

/// How many copies lie somewhere.
pub fn copies(known: &Whereabouts) -> usize {
    staged(known).len()
}

/// Whether a copy lies somewhere.
pub fn is_staged(known: &Whereabouts) -> bool {
    copies(known) > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_named_as_far_as_there_are_few_and_then_counted() {
        assert_eq!(names(&["a"], 1), "a");
        assert_eq!(names(&["a", "b", "c"], 3), "a, b and c");
        assert_eq!(names(&["a", "b", "c", "d"], 212), "a, b, c and 209 more");
        let mut known = Whereabouts { installed: 212, installed_tests: 3, ..Whereabouts::default() };
        assert_eq!(on_computers(&known), "212 computers and 3 test computers");
        assert_eq!(for_others(&known), "installed on 212 computers");
        assert_eq!(lines(&known), ["Installed on 212 computers", "Installed on 3 test computers"]);
        known.installed_tests = 1;
        assert_eq!(lines(&known)[1], "Installed on 1 test computer");
        known.installed_tests = 3;
        known.installed = 0;
        assert_eq!((on_computers(&known).as_str(), for_others(&known).as_str()), ("3 test computers", ""));
        assert!(!known.is_delivered(), "test computers do not keep it sealed");
    }
}
