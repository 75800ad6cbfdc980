//! Which bytes a `Range` field asks for (RFC 9110, 14.1 and 14.2). Pure.
//!
//! One range is answered with its bytes, several with `multipart/byteranges`. A field in another unit is ignored, and
//! so is one that asks for more parts, or more bytes, than the file can be worth: the whole file is sent instead. A
//! malformed field, or one that hits nothing, is not satisfiable. That is how nginx decides too.

use std::ops::Range;

/// More parts than this are not put together.
const MOST_PARTS: usize = 64;

/// What to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The whole file, 200.
    Whole,
    /// These bytes of it, 206: at least one range, none empty.
    Parts(Vec<Range<u64>>),
    /// Nothing of it, 416.
    NotSatisfiable,
}

/// Decides what the field `range` asks of a file of `size_bytes`.
pub(super) fn wanted(range: &str, size_bytes: u64) -> Wanted {
    let unit = "bytes=";
    let is_bytes = range.get(..unit.len()).is_some_and(|start| start.eq_ignore_ascii_case(unit));
    if !is_bytes || range.len() == unit.len() {
        return Wanted::Whole;
    }
    let mut parts = Vec::new();
    for spec in range[unit.len()..].split(',') {
        match part(spec.trim_matches([' ', '\t']), size_bytes) {
            Err(Malformed) => return Wanted::NotSatisfiable,
            // No range of an empty file can be told in a Content-Range; one from its start on is all of it.
            Ok(part) if size_bytes == 0 && part.start == 0 => return Wanted::Whole,
            Ok(part) if part.is_empty() => {}
            Ok(part) if parts.len() < MOST_PARTS => parts.push(part),
            Ok(_) => return Wanted::Whole,
        }
    }
    let total = parts.iter().fold(0u64, |sum, part| sum.saturating_add(part.end - part.start));
    if parts.is_empty() {
        Wanted::NotSatisfiable
    } else if total > size_bytes {
        // Overlapping parts are how one request would cost many files.
        Wanted::Whole
    } else {
        Wanted::Parts(parts)
    }
}

struct Malformed;

/// One `first-last`, `first-` or `-suffix`; empty where no byte of it is in the file.
fn part(spec: &str, size_bytes: u64) -> Result<Range<u64>, Malformed> {
    let (first, last) = spec.split_once('-').ok_or(Malformed)?;
    let number = |text: &str| -> Result<u64, Malformed> {
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Malformed);
        }
        // More digits than any file has bytes: beyond its end all the same.
        Ok(text.parse().unwrap_or(u64::MAX))
    };
    Ok(match (first.trim_end(), last.trim_start()) {
        ("", suffix) => size_bytes.saturating_sub(number(suffix)?)..size_bytes,
        (first, "") => number(first)?..size_bytes,
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return Err(Malformed);
            }
            first..last.saturating_add(1).min(size_bytes)
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    #[expect(clippy::single_range_in_vec_init, reason = "what is wanted is a list of ranges, mostly of one")]
    fn ranges_are_cut_to_the_file() {
        for (range, expected) in [
            ("bytes=0-0", vec![0..1]),
            ("bytes=0-", vec![0..10]),
            ("bytes=3-4", vec![3..5]),
            ("Bytes=3-4", vec![3..5]),
            ("bytes=9-", vec![9..10]),
            ("bytes=-3", vec![7..10]),
            ("bytes=-30", vec![0..10]),
            ("bytes=5-99999999999999999999999", vec![5..10]),
            ("bytes=0-1, 4-5 ,-1", vec![0..2, 4..6, 9..10]),
            ("bytes=4-5,20-30", vec![4..6]),
        ] {
            assert_eq!(wanted(range, 10), Wanted::Parts(expected), "{range}");
        }
    }

    #[test]
    fn what_cannot_be_given_is_said_or_ignored() {
        for range in ["bytes=10-", "bytes=10-12", "bytes=-0", "bytes=99999999999999999999-", "bytes=10-,20-"]
        {
            assert_eq!(wanted(range, 10), Wanted::NotSatisfiable, "{range}");
        }
        for range in
            ["bytes=abc", "bytes=5-2", "bytes=-", "bytes=1", "bytes=1-x", "bytes=+1-2", "bytes=1-2-3"]
        {
            assert_eq!(wanted(range, 10), Wanted::NotSatisfiable, "{range}");
        }
        let many = format!("bytes={}", "0-0,".repeat(100) + "0-0");
        for range in ["", "lines=0-1", "bytes", "bytes=", "bytes 0-1", "bytes=0-,0-", many.as_str()] {
            assert_eq!(wanted(range, 10), Wanted::Whole, "{range}");
        }
        for range in ["bytes=0-", "bytes=0-5", "bytes=-5", "bytes=-0"] {
            assert_eq!(wanted(range, 0), Wanted::Whole, "{range}");
        }
        for range in ["bytes=1-", "bytes=5-9", "bytes=abc"] {
            assert_eq!(wanted(range, 0), Wanted::NotSatisfiable, "{range}");
        }
    }

    proptest! {
        #[test]
        fn no_field_asks_for_more_than_the_file(range in "(bytes=)?[-0-9, x]{0,40}", size in 0u64..200) {
            if let Wanted::Parts(parts) = wanted(&range, size) {
                prop_assert!(!parts.is_empty());
                prop_assert!(parts.iter().all(|part| part.start < part.end && part.end <= size));
                prop_assert!(parts.iter().map(|part| part.end - part.start).sum::<u64>() <= size);
            }
        }
    }
}
