//! What the page says of a download in words, from plain values.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::history::with_short_addresses;
use crate::console::format;
use crate::console::icons::Icon;
use crate::console::tokens::Tone;
use crate::package::download::{DownloadState, TrustDecision};
use crate::session::DownloadRow;

/// How a state stands out in the list.
pub fn tone(state: DownloadState) -> Tone {
    match state {
        DownloadState::Downloading => Tone::Accent,
        DownloadState::Retrying => Tone::Busy,
        DownloadState::Invalid => Tone::Bad,
        DownloadState::Checking => Tone::Text,
        DownloadState::Pending | DownloadState::Paused | DownloadState::Ready => Tone::Secondary,
    }
}

/// The colour of the bar.
pub fn bar_tone(state: DownloadState) -> Tone {
    match state {
        DownloadState::Checking | DownloadState::Ready => Tone::Good,
        DownloadState::Pending | DownloadState::Paused => Tone::Secondary,
        other => tone(other),
    }
}

/// The icon at the start of the row: shape alone tells the state. What nobody vouches for carries an open lock.
pub fn icon(row: &DownloadRow) -> Icon {
    match row.state {
        DownloadState::Downloading | DownloadState::Pending => Icon::Download,
        DownloadState::Checking => Icon::Shield,
        DownloadState::Retrying => Icon::Clock,
        DownloadState::Paused => Icon::Pause,
        DownloadState::Ready => Icon::Check,
        DownloadState::Invalid => Icon::Warning,
    }
}

/// `Retrying download in 12 s: Köln unreachable`, `Ready (verified 13:41)`, `Invalid: the snapshot is not trusted`.
/// `waited` has gone by since the row was made.
pub fn state_text(row: &DownloadRow, waited: Duration, now: Timestamp, zone: &TimeZone) -> String {
    let mut text = row.state.words().to_owned();
    // First when, then why: the end is what a narrow column cuts off.
    if row.state == DownloadState::Retrying
        && let Some(left) = row.retry_in
    {
        text.push_str(&format!(" in {}", seconds(left.saturating_sub(waited))));
    }
    if !row.reason.is_empty() && !matches!(row.state, DownloadState::Ready | DownloadState::Downloading) {
        text.push_str(": ");
        text.push_str(&with_short_addresses(&row.reason));
    }
    if row.state == DownloadState::Ready
        && let Some(at) = row.finished
    {
        text.push_str(&format!(" (verified {})", format::time_or_date(at, now, zone)));
    }
    if row.registered_as.is_some() && row.state == DownloadState::Ready {
        text.push_str(" · registered");
    }
    text
}

/// Whole seconds, the begun one counted: a countdown ends with 1 s.
fn seconds(left: Duration) -> String {
    let whole = left.as_secs() + u64::from(left.subsec_nanos() > 0);
    format::duration(whole.max(1).saturating_mul(1000))
}

/// The part that is done, 0 to 1.
pub fn fraction(done_bytes: u64, total_bytes: Option<u64>, state: DownloadState) -> f32 {
    match total_bytes {
        Some(0) | None => f32::from(u8::from(state == DownloadState::Ready)),
        Some(total) => (done_bytes as f64 / total as f64).clamp(0.0, 1.0) as f32,
    }
}

/// `66 %`, rounded down: 100 % means all of it.
pub fn percent(done_bytes: u64, total_bytes: Option<u64>, state: DownloadState) -> String {
    match total_bytes {
        Some(total) if total > 0 => {
            format!("{} %", u128::from(done_bytes.min(total)) * 100 / u128::from(total))
        }
        _ if state == DownloadState::Ready => "100 %".to_owned(),
        _ => "–".to_owned(),
    }
}

/// `3.5 of 5.3 GiB`, `0.9 of 1.1 GiB`, `142 MiB` when all of it is done.
pub fn done(done_bytes: u64, total_bytes: Option<u64>) -> String {
    let Some(total) = total_bytes else {
        return if done_bytes == 0 { "–".to_owned() } else { format::size(done_bytes) };
    };
    let all = format::size(total);
    if done_bytes >= total {
        return all;
    }
    if done_bytes == 0 {
        return format!("0 of {all}");
    }
    let part = format::size(done_bytes);
    // Both in one unit where that says anything of the smaller one.
    match (part.rsplit_once(' '), all.rsplit_once(' ')) {
        (Some((number, unit)), Some((_, of))) if unit == of => format!("{number} of {all}"),
        _ => format!("{part} of {all}"),
    }
}

/// `227 MiB/s`; a dash while nothing arrives.
pub fn rate(bytes_per_second: Option<u64>) -> String {
    match bytes_per_second {
        Some(rate) if rate > 0 => format::short_rate(rate),
        _ => "–".to_owned(),
    }
}

/// `8 s`, `4 min`, `1 h 20 min`; a dash while nobody can say.
pub fn left(left: Option<Duration>, state: DownloadState) -> String {
    match left {
        Some(left) if matches!(state, DownloadState::Downloading | DownloadState::Checking) => {
            match left.as_secs() {
                // It is an estimate: seconds beside minutes only flicker.
                over @ 60.. => format::duration((over / 60 * 60).saturating_mul(1000)),
                _ => seconds(left),
            }
        }
        _ => "–".to_owned(),
    }
}

/// `3 of 4`.
pub fn codebases(usable: usize, all: usize) -> String {
    if all == 0 { "–".to_owned() } else { format!("{usable} of {all}") }
}

/// `0`, `12 MiB`.
pub fn fetched_again(bytes: u64) -> String {
    if bytes == 0 { "0".to_owned() } else { format::size(bytes) }
}

/// `stopped twice, resumed with 871 blocks`; nothing if it was never stopped.
pub fn stops(stops: u32, kept_blocks: usize) -> Option<String> {
    let times = match stops {
        0 => return None,
        1 => "stopped once".to_owned(),
        2 => "stopped twice".to_owned(),
        more => format!("stopped {more} times"),
    };
    if kept_blocks == 0 {
        return Some(times);
    }
    let noun = if kept_blocks == 1 { "block" } else { "blocks" };
    Some(format!("{times}, resumed with {} {noun}", format::thousands(kept_blocks as u64)))
}

/// What vouches for the content: `no seal, allowed by anna`.
pub fn trust(trust: &TrustDecision) -> String {
    match trust {
        TrustDecision::Sealed { name, .. } => format!("sealed by {name}"),
        TrustDecision::ThisOnce { key_id, allowed } => {
            format!("signed by the unknown key {key_id}, allowed by {}", allowed.who)
        }
        TrustDecision::Unsigned { allowed } => format!("no seal, allowed by {}", allowed.who),
    }
}

/// Whether it is at work, or wants to be.
pub fn is_active(state: DownloadState) -> bool {
    matches!(
        state,
        DownloadState::Pending
            | DownloadState::Checking
            | DownloadState::Downloading
            | DownloadState::Retrying
    )
}

/// All downloads in a few figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many there are.
    pub all: usize,
    /// How many are at work or wait for it, those that try again among them.
    pub active: usize,
    /// How many of them wait for the next try.
    pub retrying: usize,
    /// Bytes a second altogether.
    pub bytes_per_second: u64,
    /// How many have a limit, and its sum.
    pub limited: (usize, u64),
    /// Bytes of the active ones: done, and altogether.
    pub bytes: (u64, u64),
}

impl Totals {
    /// Of these downloads.
    pub fn of(rows: &[DownloadRow]) -> Self {
        let mut totals = Self { all: rows.len(), ..Self::default() };
        for row in rows {
            if let Some(limit) = row.limit_bytes_per_s {
                totals.limited = (totals.limited.0 + 1, totals.limited.1.saturating_add(limit));
            }
            if !is_active(row.state) {
                continue;
            }
            totals.active += 1;
            totals.retrying += usize::from(row.state == DownloadState::Retrying);
            totals.bytes_per_second =
                totals.bytes_per_second.saturating_add(row.rate_bytes_per_s.unwrap_or(0));
            let all = row.total_bytes.unwrap_or(0);
            totals.bytes.0 = totals.bytes.0.saturating_add(row.done_bytes.min(all));
            totals.bytes.1 = totals.bytes.1.saturating_add(all);
        }
        totals
    }

    /// `5 downloads · 2 active, 1 retrying`.
    pub fn text(&self) -> String {
        let noun = if self.all == 1 { "download" } else { "downloads" };
        let mut text = format!("{} {noun}", format::thousands(self.all as u64));
        let working = self.active - self.retrying;
        let parts = [(working, "active"), (self.retrying, "retrying")];
        let parts = parts.into_iter().filter(|(count, _)| *count > 0);
        let parts: Vec<String> = parts.map(|(count, word)| format!("{count} {word}")).collect();
        if !parts.is_empty() {
            text.push_str(&format!(" · {}", parts.join(", ")));
        }
        text
    }

    /// `Limit: none`, `Limit: 2.0 MiB/s for 1 of 5`.
    pub fn limit_text(&self) -> String {
        match self.limited {
            (0, _) => "Limit: none".to_owned(),
            (count, sum) if count == self.all => format!("Limit: {}", format::short_rate(sum)),
            (count, sum) => format!("Limit: {} for {count} of {}", format::short_rate(sum), self.all),
        }
    }

    /// `Downloads 66 %, 12.4 MiB/s`, for the status bar of other pages; nothing while none is at work.
    pub fn beside_text(&self) -> Option<String> {
        if self.active == 0 {
            return None;
        }
        let mut text = "Downloads".to_owned();
        if let Some(percent) = self.percent() {
            text.push_str(&format!(" {percent} %"));
        }
        if self.bytes_per_second > 0 {
            text.push_str(&format!(", {}", format::short_rate(self.bytes_per_second)));
        } else if self.retrying == self.active {
            text.push_str(", retrying");
        }
        Some(text)
    }

    /// `66`, of what is being fetched; nothing where nothing is, or nobody knows how much.
    pub fn percent(&self) -> Option<u64> {
        let (done, all) = self.bytes;
        if self.active == 0 || all == 0 {
            return None;
        }
        u64::try_from(u128::from(done) * 100 / u128::from(all)).ok()
    }

    /// `Downloads: 3, 4.2 GiB left`, for the question at closing.
    pub fn closing_text(&self) -> Option<String> {
        (self.active > 0).then(|| {
            let left = self.bytes.1.saturating_sub(self.bytes.0);
            format!("Downloads: {}, {} left", self.active, format::size(left))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_a_row() {
        let gib = |value: f64| (value * f64::from(1u32 << 30)) as u64;
        assert_eq!(done(gib(3.5), Some(gib(5.3))), "3.5 of 5.3 GiB");
        assert_eq!(done(0, Some(174 << 20)), "0 of 174 MiB");
        assert_eq!(done(142 << 20, Some(142 << 20)), "142 MiB");
        assert_eq!(done(212 << 20, Some(gib(1.5))), "212 MiB of 1.5 GiB");
        assert_eq!(done(0, None), "–");
        assert_eq!(percent(999_999, Some(1_000_000), DownloadState::Downloading), "99 %");
        assert_eq!(percent(0, Some(0), DownloadState::Ready), "100 %");
        assert_eq!(codebases(3, 4), "3 of 4");
        assert_eq!(fetched_again(0), "0");
        assert_eq!(seconds(Duration::from_millis(11_200)), "12 s");
        assert_eq!(seconds(Duration::ZERO), "1 s");
        assert_eq!(rate(Some(0)), "–");
        let takes = |secs| left(Some(Duration::from_secs(secs)), DownloadState::Downloading);
        assert_eq!([takes(8), takes(281), takes(4800)], ["8 s", "4 min", "1 h 20 min"]);
    }

    #[test]
    fn stops_are_told_with_what_was_kept() {
        assert_eq!(stops(0, 871), None);
        assert_eq!(stops(1, 0).as_deref(), Some("stopped once"));
        assert_eq!(stops(1, 1).as_deref(), Some("stopped once, resumed with 1 block"));
        assert_eq!(stops(2, 871).as_deref(), Some("stopped twice, resumed with 871 blocks"));
        assert_eq!(stops(12, 2912).as_deref(), Some("stopped 12 times, resumed with 2,912 blocks"));
    }

    #[test]
    fn totals_say_what_is_at_work() {
        let totals = Totals { all: 5, active: 3, retrying: 1, ..Totals::default() };
        assert_eq!(totals.text(), "5 downloads · 2 active, 1 retrying");
        assert_eq!(totals.limit_text(), "Limit: none");
        assert_eq!(Totals { all: 1, ..Totals::default() }.text(), "1 download");
        let limited = Totals { all: 5, limited: (1, 2 << 20), ..Totals::default() };
        assert_eq!(limited.limit_text(), "Limit: 2.0 MiB/s for 1 of 5");
        let left = Totals { all: 3, active: 3, bytes: (1 << 30, 3 << 30), ..Totals::default() };
        assert_eq!(left.percent(), Some(33));
        assert_eq!(left.beside_text().as_deref(), Some("Downloads 33 %"));
        assert_eq!(left.closing_text().as_deref(), Some("Downloads: 3, 2.0 GiB left"));
        assert_eq!(Totals::default().closing_text(), None);
        assert_eq!(Totals::default().beside_text(), None);
    }
}
