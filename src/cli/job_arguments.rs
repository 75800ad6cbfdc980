//! What `job` and `manage` take.

use clap::{Args, Subcommand};

use super::procedure_arguments::TaskWord;

/// Arguments of `job`.
#[derive(Clone, Debug, Args)]
pub(crate) struct JobArguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: JobCommand,
}

/// What can be done with jobs.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// Set up a job; a delivery manager (packhouse-cli manage) carries it out
    Create(NewJobArguments),
    /// Say what would become of a job: packages, staged copies, computers; makes nothing
    Preflight(NewJobArguments),
    /// List jobs
    List,
    /// Show a job, its failures by reason, and its targets; ends with 1 where a target failed
    Show {
        /// Name, id, or the beginning of the id
        #[arg(value_name = "JOB")]
        job: String,
        /// Only targets that failed
        #[arg(long)]
        failed: bool,
        /// Only targets with this in their name
        #[arg(long, value_name = "TEXT")]
        find: Option<String>,
        /// From this target on, counted from 0
        #[arg(long, value_name = "N", default_value_t = 0)]
        from: u64,
        /// At most so many targets
        #[arg(long, value_name = "N", default_value_t = 200)]
        most: u32,
    },
    /// Show what the computer of one target said: output, exit code, differences
    Output {
        /// Name, id, or the beginning of the id
        #[arg(value_name = "JOB")]
        job: String,
        /// Name of the computer
        #[arg(value_name = "COMPUTER")]
        target: String,
    },
    /// Halt a job, or some of its targets: what runs goes on to its end
    Halt(SelectedArguments),
    /// Let a job, or some of its targets, go on
    Resume(SelectedArguments),
    /// Do what failed again; what is done stays done
    Renew(SelectedArguments),
    /// Run the uninstall procedures where a job failed, as a new job
    Recover(SelectedArguments),
    /// Remove a job with what its computers said
    Remove {
        /// Name, id, or the beginning of the id
        #[arg(value_name = "JOB")]
        job: String,
        /// Also while it is not done: what is not begun is withdrawn
        #[arg(long)]
        withdraw: bool,
    },
}

/// Which targets of a job.
#[derive(Clone, Debug, Args)]
pub(crate) struct SelectedArguments {
    /// Name, id, or the beginning of the id
    #[arg(value_name = "JOB")]
    pub(crate) job: String,
    /// Only this target, as often as needed
    #[arg(long, value_name = "COMPUTER", conflicts_with = "reason")]
    pub(crate) target: Vec<String>,
    /// Only targets with this reason: consistency-differs, exit-code, …
    #[arg(long, value_name = "CODE")]
    pub(crate) reason: Option<String>,
    /// With --reason: and this exit code
    #[arg(long, value_name = "N", requires = "reason", allow_negative_numbers = true)]
    pub(crate) exit_code: Option<i32>,
}

/// Arguments of `job create` and `job preflight`.
#[derive(Clone, Debug, Args)]
pub(crate) struct NewJobArguments {
    /// Packages, in the order in which they are delivered
    #[arg(value_name = "PKG", required = true)]
    pub(crate) packages: Vec<String>,
    /// What its procedures do; of several for it, the default one
    #[arg(long, value_enum, value_name = "install|…", default_value_t, conflicts_with = "procedure")]
    pub(crate) task: TaskWord,
    /// Name of the procedure of each package
    #[arg(long, value_name = "NAME")]
    pub(crate) procedure: Option<String>,
    /// Computer, as often as needed
    #[arg(long = "computer", value_name = "COMPUTER")]
    pub(crate) computers: Vec<String>,
    /// All computers of this group
    #[arg(long = "group", value_name = "GROUP")]
    pub(crate) groups: Vec<String>,
    /// All computers on which this package is installed
    #[arg(long = "installed", value_name = "PKG")]
    pub(crate) installed: Vec<String>,
    /// Name of the job
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Targets at a time; one that has its package and waits for --run-at does not count
    #[arg(long, value_name = "N", default_value_t = crate::session::PARALLEL)]
    pub(crate) parallel: u32,
    /// Several packages are one piece of work: a failure ends the rest for that computer
    #[arg(long)]
    pub(crate) batch: bool,
    /// Only bring the packages to the computers
    #[arg(long)]
    pub(crate) stage_only: bool,
    /// Do not bring them before: 2026-11-21T20:00
    #[arg(long, value_name = "TIME")]
    pub(crate) stage_at: Option<String>,
    /// Do not run before
    #[arg(long, value_name = "TIME")]
    pub(crate) run_at: Option<String>,
    /// Begin nothing after
    #[arg(long, value_name = "TIME")]
    pub(crate) stop_starting_at: Option<String>,
    /// These times are those on the wall of each computer, not here
    #[arg(long)]
    pub(crate) computer_time: bool,
    /// End a procedure after: 90s, 30m, 2h
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    pub(crate) time_limit: Option<u64>,
    /// A target that has not ended by then is in error
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = seconds)]
    pub(crate) give_up_after: u64,
    /// After a checksum error the remaining targets wait until the package is consistent, instead of ending in error
    #[arg(long)]
    pub(crate) halt_until_consistent: bool,
    /// Run also where it is installed already
    #[arg(long)]
    pub(crate) reinstall: bool,
    /// Installed already counts as done, not as failed
    #[arg(long)]
    pub(crate) installed_is_ok: bool,
    /// Set it up although a package is blocked now
    #[arg(long)]
    pub(crate) anyway: bool,
}

/// Arguments of `manage`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
One delivery manager at a time works for a library. Ctrl+C ends it in order; what it ordered goes on, and the next one
applies what the computers report.")]
pub(crate) struct ManageArguments {
    /// Do what can be done now, and end
    #[arg(long)]
    pub(crate) once: bool,
    /// Look for reports so often
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = seconds)]
    pub(crate) every: u64,
    /// Agents ask for jobs so often
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = seconds)]
    pub(crate) poll: u64,
}

/// `90`, `90s`, `30m`, `2h`, `7d` in seconds.
pub(crate) fn seconds(text: &str) -> Result<u64, String> {
    let wrong = || "expected seconds, or 30m, 2h, 7d".to_owned();
    let digits = text.trim_end_matches(['s', 'm', 'h', 'd']);
    let factor = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return Err(wrong()),
    };
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(factor).filter(|seconds| *seconds > 0).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        for (text, secs) in [("1", 1), ("90s", 90), ("30m", 1800), ("2h", 7200), ("7d", 604_800)] {
            assert_eq!(seconds(text), Ok(secs), "{text}");
        }
        for wrong in ["", "0", "m", "1mm", "-1", "1.5h", "999999999999999999999d"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
