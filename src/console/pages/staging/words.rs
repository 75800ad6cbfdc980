//! What is said of staging libraries and staged copies: short texts for cells, sentences for panes.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::Reach;
use crate::console::format;
use crate::console::pages::packages::Moment;
use crate::console::tokens::Tone;
use crate::package::staging::{Line, StagedFinding, Window};
use crate::session::{CopyRow, SealThere, StagedCheck, StagingRow};

/// `1 package`, `2,400 packages`.
pub fn packages(count: u64) -> String {
    format::counted(count, "package")
}

/// Whether it answers: `yes`, `no: …`, `asking…`.
pub fn reach_text(reach: Option<&Reach>) -> (String, Tone) {
    match reach {
        None | Some(Reach::Asking) => ("asking…".to_owned(), Tone::Secondary),
        Some(Reach::Answered(_)) => ("yes".to_owned(), Tone::Secondary),
        Some(Reach::Failed(failure, _)) => {
            // The address stands beside it.
            let why =
                failure.message.split_once(" failed: ").map_or(failure.message.as_str(), |(_, why)| why);
            (format!("no: {why}"), Tone::Bad)
        }
    }
}

/// `12 MiB/s`, or `none`.
pub fn rate_text(line: &Line) -> String {
    line.bytes_per_second.map_or_else(|| "none".to_owned(), format::short_rate)
}

/// `20:00-06:00`, or `any time`.
pub fn window_text(line: &Line) -> String {
    line.window.map_or_else(|| "any time".to_owned(), |window| window.to_string().replace('-', "–"))
}

/// Whether something may be sent now.
pub fn is_open(line: &Line, now: Timestamp, zone: &TimeZone) -> bool {
    line.window.is_none_or(|window| window.is_open(now.to_zoned(zone.clone()).time()))
}

/// When it opens, of a line that is closed now: `20:00`.
pub fn opens_at(window: Window) -> String {
    let text = window.to_string();
    text.split_once('-').map_or(text.clone(), |(from, _)| from.to_owned())
}

/// What the last reconcile found: `21:40`, `21:40: 1 unknown, 2 missing`, `never`.
pub fn reconciled_text(row: &StagingRow, moment: Moment<'_>) -> (String, Tone) {
    let Some(found) = row.staging.reconciled else { return ("never".to_owned(), Tone::Secondary) };
    let at = moment.text(found.at);
    let counts = [
        (found.unknown, "unknown"),
        (found.missing, "missing"),
        (found.outdated, "outdated"),
        (found.incomplete, "incomplete"),
    ];
    let parts: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", format::thousands(count)))
        .collect();
    if parts.is_empty() { (at, Tone::Secondary) } else { (format!("{at}: {}", parts.join(", ")), Tone::Busy) }
}

/// How a copy stands: `Whole`, `Outdated: the library has revision 3`.
pub fn copy_text(row: &CopyRow) -> (String, Tone) {
    match row.copy.finding {
        StagedFinding::Incomplete => ("Incomplete: staging did not end".to_owned(), Tone::Bad),
        StagedFinding::Differs => ("Differs from its seal".to_owned(), Tone::Bad),
        StagedFinding::Missing => ("Missing there".to_owned(), Tone::Bad),
        finding => match row.newest {
            None => ("No longer in the library".to_owned(), Tone::Busy),
            Some(newest) if row.is_outdated() => {
                (format!("Outdated: the library has revision {newest}"), Tone::Busy)
            }
            Some(_) => (finding.word().to_owned(), Tone::Secondary),
        },
    }
}

/// When a copy was verified, and how: `quick 14:02`, `deep 2026-11-02`, `never`.
pub fn verified_text(row: &CopyRow, moment: Moment<'_>) -> String {
    match (row.copy.listed_at, row.copy.read_at) {
        (listed, Some(read)) if listed.is_none_or(|listed| read >= listed) => {
            format!("deep {}", moment.text(read))
        }
        (Some(listed), _) => format!("quick {}", moment.text(listed)),
        _ => "never".to_owned(),
    }
}

/// How a copy was found, in words: `whole, revision 3`.
pub fn verdict(check: &StagedCheck) -> String {
    let seal = match &check.seal {
        SealThere::Newest => format!("revision {}", check.copy.revision),
        SealThere::Outdated { revision } => format!("outdated, revision {revision}"),
        SealThere::Later { revision } => format!("revision {revision}, later than that of the library"),
        SealThere::Missing => "incomplete, without its seal".to_owned(),
        SealThere::Untrusted { why } => format!("not to be trusted: {why}"),
        SealThere::Nothing => return "nothing is there".to_owned(),
    };
    if check.report.is_consistent() {
        let found = check.report.found.unwrap_or(check.report.recorded);
        format!("whole, {seal}, {}", format::size(found.size_bytes))
    } else {
        format!("{seal}; {}", check.report.differences.summary())
    }
}

/// How long so many bytes take on a line: `about 51 min`; nothing where its rate is not known.
pub fn time_text(line: &Line, bytes: u64) -> Option<String> {
    let rate = line.bytes_per_second.filter(|rate| *rate > 0)?;
    let seconds = bytes.div_ceil(rate);
    Some(match seconds {
        0 => "at once".to_owned(),
        1..60 => format!("about {seconds} s"),
        // Nobody knows a line to the second.
        _ => format!("about {}", format::duration(seconds.div_ceil(60).saturating_mul(60_000))),
    })
}

/// Whether an answer is so old that it should be asked for again.
pub(super) fn is_old(reach: &Reach, now: Timestamp, after: SignedDuration) -> bool {
    match reach {
        Reach::Asking => false,
        Reach::Answered(reach) => now.duration_since(reach.at) > after,
        Reach::Failed(_, at) => now.duration_since(*at) > after,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_long_it_takes_and_when_it_opens() -> Result<(), Box<dyn std::error::Error>> {
        let window = Some(Window::parse("20:00-06:00")?);
        let line = Line { bytes_per_second: Some(1_250_000), window };
        assert_eq!(time_text(&line, 3_822_520_893).as_deref(), Some("about 51 min"));
        assert_eq!(time_text(&line, 0).as_deref(), Some("at once"));
        assert_eq!(time_text(&line, 5_000_000).as_deref(), Some("about 4 s"));
        assert_eq!(time_text(&Line::default(), 1), None);
        assert_eq!(window_text(&line), "20:00–06:00");
        assert_eq!(window.map(opens_at).as_deref(), Some("20:00"));
        let noon: Timestamp = "2026-11-21T12:00:00Z".parse()?;
        assert!(!is_open(&line, noon, &TimeZone::UTC));
        assert!(is_open(&Line::default(), noon, &TimeZone::UTC));
        Ok(())
    }
}
