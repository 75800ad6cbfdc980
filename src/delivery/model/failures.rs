//! Why jobs fail or wait: a code for programs and groups, words for people.

use serde::Serialize;

/// The code of a checksum error of the package in the library.
pub const DIFFERS: &str = "consistency-differs";
/// The code of a checksum error of the staged copy.
pub const COPY_DIFFERS: &str = "staged-copy-differs";

/// The words of a reason that this program gives itself; empty for those that agents give.
pub fn reason(code: &str) -> &'static str {
    match code {
        DIFFERS => "checksum of the package",
        COPY_DIFFERS => "checksum of the staged copy",
        "unknown-computer" => "there is no such computer any more",
        "no-agent" => "no agent is enrolled on this computer",
        "already-installed" => "it is installed on this computer already",
        "not-sealed" => "the package is not sealed",
        "retired" => "the package is retired: no new jobs",
        "no-procedure" => "the package has no such procedure",
        "not-offered" => "the procedure is not offered in jobs",
        "package-gone" => "the package is not in the library any more",
        "too-late" => "its time to begin was over",
        "timed-out" => "it did not end in time",
        "batch-failed" => "an earlier job of its batch failed",
        "halted" => "halted by hand",
        "not-staged" => "the package is not staged where this computer reads",
        "copy-outdated" => "the staged copy is of another revision",
        "staging-unreachable" => "the staging library cannot be reached",
        "library-unreachable" => "the package in the library cannot be read now",
        _ => "",
    }
}

/// Failed jobs of one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailureGroup {
    /// Code of the reason.
    pub code: String,
    /// Exit code of the procedure, where that is the reason.
    pub exit_code: Option<i32>,
    /// `exit code 1603`, `checksum of the package (differs since 10:42)`.
    pub words: String,
    /// How many jobs.
    pub jobs: u64,
}

impl FailureGroup {
    /// A group, its words made from code, exit code and the reason of one of its jobs.
    pub fn new(code: &str, exit_code: Option<i32>, sample: &str, jobs: u64) -> Self {
        let words = match (exit_code, reason(code)) {
            (Some(exit), _) => format!("exit code {exit}"),
            // Each names more than the others: a time, a file.
            (None, own) if !own.is_empty() && code != DIFFERS => own.to_owned(),
            (None, _) if !sample.is_empty() => sample.to_owned(),
            (None, own) if !own.is_empty() => own.to_owned(),
            (None, _) => "no reason was given".to_owned(),
        };
        Self { code: code.to_owned(), exit_code, words, jobs }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_named_by_what_their_jobs_share() {
        let words = |code, exit, sample| FailureGroup::new(code, exit, sample, 1).words;
        assert_eq!(words("exit-code", Some(1603), "fatal error"), "exit code 1603");
        assert_eq!(words("timed-out", None, "since 10:00"), reason("timed-out"));
        let since = "checksum of the package (differs since 10:42)";
        assert_eq!(words(DIFFERS, None, since), since);
        assert_eq!(words("interrupted", None, "The computer went down."), "The computer went down.");
        assert_eq!(words("", None, ""), "no reason was given");
    }
}
