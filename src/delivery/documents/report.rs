//! What an agent tells: `delivery/reports/<agent>.<n>.json`. Made once, signed by the agent.

use serde::{Deserialize, Serialize};

use super::ids::{AgentId, JobId, SiteId};
use super::limits::{
    DIFFERENCES_MAX, DIFFERENCES_MAX_BYTES, INSTALLED_MAX, JOBS_MAX, NAME_MAX_BYTES, OUTPUT_MAX_BYTES,
    REASON_MAX_BYTES, REPORT_MAX_BYTES,
};
use super::{DocumentKind, DocumentProblem, Form, check_count, check_line, check_time, read, write};
use crate::package::path::PATH_MAX_BYTES;
use crate::package::procedure::{ExitMeaning, Task};
use crate::package::record::PackageId;
use crate::package::{CheckReport, PackageKey};

/// One report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Which site.
    pub site: SiteId,
    /// Who tells.
    pub agent: AgentId,
    /// From 1, rising by one; the same as in its name.
    pub n: u64,
    /// When it was made.
    pub made: i64,
    /// What the computer is, where that changed or a day has gone by.
    #[serde(default)]
    pub facts: Option<AgentFacts>,
    /// What happened, in order.
    #[serde(default)]
    pub jobs: Vec<JobReport>,
}

/// What a computer is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentFacts {
    /// Its name.
    pub host: String,
    /// `linux`, `windows`, `macos`.
    pub system: String,
    /// As its own text; may be empty.
    pub system_version: String,
    /// `x86_64`, `aarch64`, …
    pub architecture: String,
    /// Version of the agent.
    pub agent_version: String,
    /// Free space where the agent keeps its packages.
    pub free_bytes: Option<u64>,
    /// What the agent itself installed and did not take away again; at most [`INSTALLED_MAX`], the newest.
    #[serde(default)]
    pub installed: Vec<Installed>,
}

/// A package that the agent installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// Its identity.
    pub package_id: PackageId,
    /// Name and version.
    #[serde(flatten)]
    pub key: PackageKey,
    /// The revision that was installed.
    pub revision: u64,
    /// The procedure that did it.
    pub procedure: String,
    /// What that does.
    pub task: Task,
    /// When it ended well.
    pub since: i64,
}

/// How far a job is, as the agent tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReportedState {
    /// The agent knows of it.
    Received,
    /// The package is on its way.
    Delivering,
    /// The package is there, proven.
    Delivered,
    /// The package was there already, proven.
    AlreadyDelivered,
    /// The agent installed it before, and the job does not ask for it again.
    AlreadyInstalled,
    /// Its time has not come; or the procedure asked to be tried again later.
    WaitingForTime,
    /// The procedure runs.
    Executing,
    /// Done.
    Ok,
    /// Failed.
    Error,
    /// It was withdrawn before it began, and will not run.
    Withdrawn,
    /// It was not taken: not sealed, not by whom it should be, not for this system.
    Refused,
}

impl ReportedState {
    /// Whether nothing more will be told of the job.
    pub fn is_end(self) -> bool {
        matches!(self, Self::AlreadyInstalled | Self::Ok | Self::Error | Self::Withdrawn | Self::Refused)
    }
}

/// Why, with a code for programs and a text for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// `consistency-differs`, `interrupted`, …
    pub code: String,
    /// As a person reads it.
    pub text: String,
}

/// What happened to one job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobReport {
    /// Which job.
    pub job: JobId,
    /// How far it is.
    pub state: ReportedState,
    /// Since when.
    pub at: i64,
    /// How much of the package is there, 0 to 100, while delivering.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
    /// What the procedure ended with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// What that means by the procedure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meaning: Option<ExitMeaning>,
    /// Why it failed, was refused, or waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// How the package on the computer differs; at most [`DIFFERENCES_MAX`] files of a kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub differences: Option<CheckReport>,
    /// How many more files differ.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub differences_left_out: u64,
    /// The end of what the procedure said; at most [`OUTPUT_MAX_BYTES`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form serde's skip_serializing_if asks for")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl JobReport {
    /// A job in this state, and nothing more to say.
    pub fn new(job: JobId, state: ReportedState, at: i64) -> Self {
        Self {
            job,
            state,
            at,
            percent: None,
            exit_code: None,
            meaning: None,
            reason: None,
            differences: None,
            differences_left_out: 0,
            output: None,
        }
    }

    /// Says why; a text that is too long is cut.
    pub fn with_reason(mut self, code: &str, text: &str) -> Self {
        self.reason = Some(Reason { code: code.to_owned(), text: cut(&one_line(text), REASON_MAX_BYTES) });
        self
    }

    /// Tells how the package differs, as far as there is room.
    pub fn with_differences(mut self, mut report: CheckReport) -> Self {
        let before = report.differences.count();
        let differences = &mut report.differences;
        let mut room = DIFFERENCES_MAX_BYTES;
        let mut fits = |bytes: usize| {
            let left = room.checked_sub(bytes);
            room = left.unwrap_or(0);
            left.is_some()
        };
        // The names of odd entries are those of the disk: they may hold anything.
        for file in &mut differences.unreadable {
            file.path = one_line(&file.path);
            file.reason = cut(&one_line(&file.reason), NAME_MAX_BYTES);
        }
        let cap = DIFFERENCES_MAX;
        keep(&mut differences.added, cap, |file| fits(file.path.len()));
        keep(&mut differences.removed, cap, |file| fits(file.path.len()));
        keep(&mut differences.resized, cap, |file| fits(file.path.len()));
        keep(&mut differences.case_changed, cap, |file| fits(file.recorded.len() + file.found.len()));
        keep(&mut differences.damaged, cap, |file| fits(file.path.len() + file.blocks.len().min(cap) * 8));
        keep(&mut differences.unreadable, cap, |file| fits(file.path.len() + file.reason.len()));
        for file in &mut differences.damaged {
            file.blocks.truncate(cap);
        }
        self.differences_left_out = (before - report.differences.count()) as u64;
        self.differences = Some(report);
        self
    }

    /// The same without what takes room.
    pub fn shortened(mut self) -> Self {
        (self.output, self.differences) = (None, None);
        self
    }

    /// Tells what the procedure said: its end, where the reason of a failure stands.
    pub fn with_output(mut self, output: &str) -> Self {
        let mut from = output.len().saturating_sub(OUTPUT_MAX_BYTES);
        while !output.is_char_boundary(from) {
            from += 1;
        }
        self.output = Some(output[from..].to_owned());
        self
    }

    fn check(&self) -> Result<(), DocumentProblem> {
        let wrong = |field, why: &str| Err(DocumentProblem::Field { field, why: why.to_owned() });
        check_time("at", self.at)?;
        if self.percent.is_some_and(|percent| percent > 100) {
            return wrong("percent", "it is more than 100");
        }
        if let Some(reason) = &self.reason {
            check_line("reason.code", &reason.code, 64)?;
            check_line("reason.text", &reason.text, REASON_MAX_BYTES)?;
        }
        if let Some(report) = &self.differences {
            let differences = &report.differences;
            let counts = [
                differences.added.len(),
                differences.removed.len(),
                differences.resized.len(),
                differences.case_changed.len(),
                differences.damaged.len(),
                differences.unreadable.len(),
            ];
            counts.into_iter().try_for_each(|count| check_count("differences", count, DIFFERENCES_MAX))?;
            differences.paths().try_for_each(|path| check_line("differences", path, PATH_MAX_BYTES * 2))?;
        }
        match &self.output {
            Some(output) if output.len() > OUTPUT_MAX_BYTES => wrong("output", "it is more than 64 KiB"),
            _ => Ok(()),
        }
    }
}

/// Keeps the first `most` that fit.
fn keep<T>(list: &mut Vec<T>, most: usize, mut fits: impl FnMut(&T) -> bool) {
    let kept = list.iter().take(most).take_while(|one| fits(one)).count();
    list.truncate(kept);
}

/// Cuts a text at the start of a character, to at most `most` bytes.
pub(crate) fn cut(text: &str, most: usize) -> String {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

/// A text of one line: what a reader would refuse becomes a space.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl Report {
    /// The text that is signed.
    pub fn to_text(&self) -> Result<String, DocumentProblem> {
        write(self)
    }

    /// Reads the text of a report.
    pub fn parse(text: &str) -> Result<Self, DocumentProblem> {
        read(text)
    }
}

impl Form for Report {
    const KIND: DocumentKind = DocumentKind::Report;
    const WORD: &'static str = "report";
    const MOST_BYTES: u64 = REPORT_MAX_BYTES;

    fn check(&self) -> Result<(), DocumentProblem> {
        check_time("made", self.made)?;
        if self.n == 0 {
            return Err(DocumentProblem::Field { field: "n", why: "reports are counted from 1".to_owned() });
        }
        check_count("jobs", self.jobs.len(), JOBS_MAX)?;
        self.jobs.iter().try_for_each(JobReport::check)?;
        let Some(facts) = &self.facts else { return Ok(()) };
        let texts = [
            ("facts.host", &facts.host),
            ("facts.system", &facts.system),
            ("facts.system_version", &facts.system_version),
            ("facts.architecture", &facts.architecture),
            ("facts.agent_version", &facts.agent_version),
        ];
        texts.into_iter().try_for_each(|(field, text)| check_line(field, text, NAME_MAX_BYTES))?;
        check_count("facts.installed", facts.installed.len(), INSTALLED_MAX)?;
        facts.installed.iter().try_for_each(|installed| {
            check_time("since", installed.since)?;
            check_line("procedure", &installed.procedure, NAME_MAX_BYTES)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let id = uuid::Uuid::from_u128;
        let job = JobReport::new(JobId(id(1)), ReportedState::AlreadyInstalled, 1_790_000_000)
            .with_reason("already-installed", "It is\ninstalled.")
            .with_output("ends in ä");
        Report {
            site: SiteId(id(2)),
            agent: AgentId(id(3)),
            n: 4,
            made: 1_790_000_000,
            facts: Some(AgentFacts { host: "pc-17".into(), ..AgentFacts::default() }),
            jobs: vec![job],
        }
    }

    #[test]
    fn a_report_is_read_as_it_was_written() {
        let report = report();
        let text = report.to_text().expect("it is written");
        assert!(text.contains(r#""state":"already-installed""#), "{text}");
        assert!(text.contains("It is installed."), "control characters are spaces: {text}");
        assert_eq!(Report::parse(&text), Ok(report));
        for (from, to) in [
            (r#""n":4"#, r#""n":0"#),
            (r#""n":4"#, r#""n":-1"#),
            ("It is installed.", r"It is \u0007"),
            ("pc-17", r"pc\n17"),
            ("already-installed\"", "great\""),
        ] {
            let bad = text.replacen(from, to, 1);
            assert_ne!(bad, text, "{from}");
            assert!(Report::parse(&bad).is_err(), "{to}");
        }
    }

    #[test]
    fn whatever_differs_a_report_of_it_is_taken() {
        use crate::package::consistency::{ListedFile, UnreadableFile};
        use crate::package::{CheckKind, Differences, FileList, Finding};
        let long = |n: usize| format!("{n}/{}", "x".repeat(3000));
        let odd = |n: usize| UnreadableFile { path: format!("{n}\n\u{1b}[2J"), reason: "odd\n".into() };
        let differences = Differences {
            added: (0..1000).map(|n| ListedFile { path: long(n), size_bytes: 1 }).collect(),
            unreadable: (0..1000).map(odd).collect(),
            ..Differences::default()
        };
        let checksum = FileList::new().checksum();
        let check = CheckReport {
            kind: CheckKind::Quick,
            at: jiff::Timestamp::UNIX_EPOCH,
            took_ms: 1,
            finding: Finding::Differs,
            recorded: checksum,
            found: Some(checksum),
            differences,
            without_hashes: 0,
        };
        let output = "\u{1}".repeat(OUTPUT_MAX_BYTES * 2);
        let mut told = report();
        let job = JobReport::new(JobId::random(), ReportedState::Error, 0);
        told.jobs = vec![job.with_differences(check).with_output(&output)];
        let text = told.to_text().expect("it is written");
        let read = Report::parse(&text).expect("it is read");
        let (named, left) = (
            read.jobs[0].differences.as_ref().map(|d| d.differences.count()),
            read.jobs[0].differences_left_out,
        );
        assert!(named.is_some_and(|named| named > 10 && named as u64 + left == 2000), "{named:?} {left}");
    }

    #[test]
    fn too_much_output_is_cut_at_its_beginning_and_refused_from_others() {
        let long = "ä".repeat(OUTPUT_MAX_BYTES);
        let job = JobReport::new(JobId::random(), ReportedState::Error, 0).with_output(&long);
        assert_eq!(job.output.as_ref().map(String::len), Some(OUTPUT_MAX_BYTES));
        let mut forged = report();
        forged.jobs[0].output = Some(long);
        assert!(forged.to_text().is_err());
    }
}
