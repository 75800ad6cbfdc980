//! What tells one state of a file from another, and whether a request still speaks of this state (RFC 9110, 8.8 and 13).
//!
//! Pure: the time is an argument. The entity tag is made of size, time of change and inode, so that it is the same
//! after a restart of the server.

use std::time::{Duration, SystemTime};

use axum::http::{HeaderMap, HeaderName, header};

use crate::disk::Facts;

/// A file changed less than this ago may change again without its time of change showing it: clocks of file systems
/// tick in steps of up to 10 ms, and those of old ones in steps of 2 s.
const TICK: Duration = Duration::from_millis(50);
const COARSE_TICK: Duration = Duration::from_secs(2);

/// The state of a file as its headers say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Validators {
    /// With quotes; with `W/` before them where the file is too young to tell.
    pub(super) etag: String,
    /// When it was last changed, cut to seconds.
    pub(super) modified: Option<SystemTime>,
    /// Whether `modified` alone tells this state from every other.
    modified_is_strong: bool,
}

/// How old a file has to be before its time of change can be relied on.
pub(super) fn settling_time(facts: &Facts) -> Duration {
    if facts.stamp.mtime_ns % 1_000_000_000 == 0 { COARSE_TICK } else { TICK }
}

/// How long ago the file changed; `None` where it says that it will be changed in the future.
pub(super) fn age(facts: &Facts, now: SystemTime) -> Option<Duration> {
    now.duration_since(changed_at(facts)?).ok()
}

fn changed_at(facts: &Facts) -> Option<SystemTime> {
    let mtime_ns = u64::try_from(facts.stamp.mtime_ns).ok()?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_nanos(mtime_ns))
}

impl Validators {
    /// Those of a file in the state `facts`, seen at `now`.
    pub(super) fn of(facts: &Facts, now: SystemTime) -> Self {
        let age = age(facts, now);
        let is_settled = age.is_none_or(|age| age >= settling_time(facts));
        let weak = if is_settled { "" } else { "W/" };
        let stamp = facts.stamp;
        let etag = format!("{weak}\"{:x}-{:x}-{:x}\"", facts.size_bytes, stamp.mtime_ns, stamp.inode);
        let modified = changed_at(facts).map(|time| {
            let seconds = time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
            SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
        });
        let modified_is_strong = age.is_some_and(|age| age >= COARSE_TICK);
        Self { etag, modified, modified_is_strong }
    }

    fn matches_strongly(&self, tag: &str) -> bool {
        !tag.starts_with("W/") && tag == self.etag
    }

    fn matches_weakly(&self, tag: &str) -> bool {
        tag.trim_start_matches("W/") == self.etag.trim_start_matches("W/")
    }
}

/// What the conditions of a request come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Send what was asked for.
    Go,
    /// 304: the client has it.
    NotModified,
    /// 412: it is no longer what the client means.
    Failed,
}

/// Decides in the order of RFC 9110, 13.2.2, up to the range.
pub(super) fn verdict(headers: &HeaderMap, file: &Validators) -> Verdict {
    if headers.contains_key(header::IF_MATCH) {
        if !names(headers, &header::IF_MATCH, |tag| tag == "*" || file.matches_strongly(tag)) {
            return Verdict::Failed;
        }
    } else if let (Some(since), Some(modified)) = (date(headers, &header::IF_UNMODIFIED_SINCE), file.modified)
        && modified > since
    {
        return Verdict::Failed;
    }
    if headers.contains_key(header::IF_NONE_MATCH) {
        if names(headers, &header::IF_NONE_MATCH, |tag| tag == "*" || file.matches_weakly(tag)) {
            return Verdict::NotModified;
        }
    } else if let (Some(since), Some(modified)) = (date(headers, &header::IF_MODIFIED_SINCE), file.modified)
        && modified <= since
    {
        return Verdict::NotModified;
    }
    Verdict::Go
}

/// Whether the `Range` of the request holds for this state: no `If-Range`, or one that fits strongly.
pub(super) fn range_holds(headers: &HeaderMap, file: &Validators) -> bool {
    let mut fields = headers.get_all(header::IF_RANGE).iter();
    let Some(first) = fields.next() else { return true };
    let Ok(text) = first.to_str() else { return false };
    if fields.next().is_some() {
        return false;
    }
    let text = text.trim();
    if text.ends_with('"') {
        return file.matches_strongly(text);
    }
    let date = httpdate::parse_http_date(text).ok();
    file.modified_is_strong && date.is_some() && date == file.modified
}

/// Whether one of the entity tags in the field satisfies `is_it`.
fn names(headers: &HeaderMap, field: &HeaderName, is_it: impl Fn(&str) -> bool) -> bool {
    let mut lines = headers.get_all(field).iter().filter_map(|value| value.to_str().ok());
    // Ours have no comma; one of somebody else's torn in two matches none of ours.
    lines.any(|line| line.split(',').any(|tag| is_it(tag.trim())))
}

fn date(headers: &HeaderMap, field: &HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(field)?.to_str().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{FileStamp, Kind};

    const CHANGED_S: u64 = 1_700_000_000;

    fn facts(mtime_ns: i64) -> Facts {
        let stamp = FileStamp { mtime_ns, inode: 7 };
        Facts { kind: Kind::File, size_bytes: 10, executable: false, stamp }
    }

    fn old() -> Validators {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(CHANGED_S + 100);
        Validators::of(&facts(1_700_000_000_123_456_789), now)
    }

    fn headers(fields: &[(HeaderName, &str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (name.clone(), value.parse().expect("a value"))).collect()
    }

    #[test]
    fn each_part_of_the_state_is_in_the_tag() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(CHANGED_S + 100);
        let base = facts(1_700_000_000_123_456_789);
        let other_size = Facts { size_bytes: 11, ..base };
        let other_time = facts(1_700_000_000_123_456_790);
        let other_inode = Facts { stamp: FileStamp { inode: 8, ..base.stamp }, ..base };
        let tag = |facts: &Facts| Validators::of(facts, now).etag;
        assert!(!tag(&base).starts_with("W/"));
        for other in [other_size, other_time, other_inode] {
            assert_ne!(tag(&base), tag(&other));
        }
    }

    #[test]
    fn a_file_changed_just_now_has_a_weak_tag_only() {
        let at = |ms: u64| SystemTime::UNIX_EPOCH + Duration::from_millis(CHANGED_S * 1000 + ms);
        let fine = facts(1_700_000_000_000_000_001);
        assert!(Validators::of(&fine, at(40)).etag.starts_with("W/"));
        assert!(!Validators::of(&fine, at(60)).etag.starts_with("W/"));
        let coarse = facts(1_700_000_000_000_000_000);
        assert!(Validators::of(&coarse, at(1900)).etag.starts_with("W/"));
        assert!(!Validators::of(&coarse, at(2100)).etag.starts_with("W/"));
        // A time set by hand into the future was not set by a change just now.
        assert!(!Validators::of(&fine, SystemTime::UNIX_EPOCH).etag.starts_with("W/"));
        let young = Validators::of(&fine, at(40));
        assert!(!range_holds(&headers(&[(header::IF_RANGE, young.etag.as_str())]), &young));
        assert_eq!(verdict(&headers(&[(header::IF_MATCH, young.etag.as_str())]), &young), Verdict::Failed);
        let same = [(header::IF_NONE_MATCH, young.etag.as_str())];
        assert_eq!(verdict(&headers(&same), &young), Verdict::NotModified);
    }

    #[test]
    fn conditions_are_weighed_in_order() {
        let file = old();
        let (same, other) = (file.etag.as_str(), "\"other\"");
        let (at, before) = ("Tue, 14 Nov 2023 22:13:20 GMT", "Tue, 14 Nov 2023 22:13:19 GMT");
        use header::{IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE};
        let weak = format!("W/{same}");
        let list = format!("{other}, {same}");
        for (fields, expected) in [
            (vec![], Verdict::Go),
            (vec![(IF_MATCH, same)], Verdict::Go),
            (vec![(IF_MATCH, list.as_str())], Verdict::Go),
            (vec![(IF_MATCH, "*")], Verdict::Go),
            (vec![(IF_MATCH, other)], Verdict::Failed),
            (vec![(IF_MATCH, weak.as_str())], Verdict::Failed),
            (vec![(IF_UNMODIFIED_SINCE, at)], Verdict::Go),
            (vec![(IF_UNMODIFIED_SINCE, before)], Verdict::Failed),
            (vec![(IF_MATCH, same), (IF_UNMODIFIED_SINCE, before)], Verdict::Go),
            (vec![(IF_NONE_MATCH, same)], Verdict::NotModified),
            (vec![(IF_NONE_MATCH, weak.as_str())], Verdict::NotModified),
            (vec![(IF_NONE_MATCH, "*")], Verdict::NotModified),
            (vec![(IF_NONE_MATCH, other)], Verdict::Go),
            (vec![(IF_MODIFIED_SINCE, at)], Verdict::NotModified),
            (vec![(IF_MODIFIED_SINCE, before)], Verdict::Go),
            (vec![(IF_MODIFIED_SINCE, "yesterday")], Verdict::Go),
            (vec![(IF_NONE_MATCH, other), (IF_MODIFIED_SINCE, at)], Verdict::Go),
            (vec![(IF_MATCH, other), (IF_NONE_MATCH, same)], Verdict::Failed),
        ] {
            assert_eq!(verdict(&headers(&fields), &file), expected, "{fields:?}");
        }
    }

    #[test]
    fn a_range_holds_for_the_same_state_only() {
        let file = old();
        let weak = format!("W/{}", file.etag);
        let holds = |value: &str| range_holds(&headers(&[(header::IF_RANGE, value)]), &file);
        assert!(range_holds(&HeaderMap::new(), &file));
        assert!(holds(&file.etag) && holds("Tue, 14 Nov 2023 22:13:20 GMT"));
        for not in [weak.as_str(), "\"other\"", "Tue, 14 Nov 2023 22:13:21 GMT", "now", "", "*"] {
            assert!(!holds(not), "{not}");
        }
    }
}
