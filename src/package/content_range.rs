//! The answer header Content-Range (RFC 9110, 14.4): which bytes of the whole an answer holds.

/// A Content-Range in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentRange {
    /// `bytes 0-99/200` or `bytes 0-99/*`.
    Part {
        /// First byte, from 0.
        first: u64,
        /// Last byte, included; not less than `first`, below `complete`.
        last: u64,
        /// Length of the whole, where it is told.
        complete: Option<u64>,
    },
    /// `bytes */200`: no such part, with the length of the whole (status 416).
    Unsatisfied {
        /// Length of the whole.
        complete: u64,
    },
}

/// Why a text is no Content-Range in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentRangeProblem {
    /// A unit other than bytes.
    #[error("its unit is not bytes")]
    Unit,
    /// Not of the form `first-last/length`.
    #[error("it does not have the form bytes FIRST-LAST/LENGTH")]
    Form,
    /// A number over 2^63 - 1.
    #[error("a number in it is too large")]
    TooLarge,
    /// The last byte lies before the first, or behind the end.
    #[error("its last byte lies before its first or behind the end")]
    Order,
}

impl ContentRange {
    /// Reads the value of the header. Strict: one space, plain digits, no sign, nothing around them.
    pub fn parse(value: &str) -> Result<Self, ContentRangeProblem> {
        use ContentRangeProblem::{Form, Order, Unit};
        let (unit, rest) = value.split_once(' ').ok_or(Form)?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return Err(Unit);
        }
        let (range, complete) = rest.split_once('/').ok_or(Form)?;
        let complete = if complete == "*" { None } else { Some(number(complete)?) };
        if range == "*" {
            return complete.map(|complete| Self::Unsatisfied { complete }).ok_or(Form);
        }
        let (first, last) = range.split_once('-').ok_or(Form)?;
        let (first, last) = (number(first)?, number(last)?);
        if last < first || complete.is_some_and(|complete| last >= complete) {
            return Err(Order);
        }
        Ok(Self::Part { first, last, complete })
    }

    /// Whether it is exactly the bytes `start..end` of a whole of `complete` bytes; an untold length fits any.
    pub fn is_exactly(self, start: u64, end: u64, complete: u64) -> bool {
        match self {
            Self::Part { first, last, complete: told } => {
                first == start && last.checked_add(1) == Some(end) && told.is_none_or(|told| told == complete)
            }
            Self::Unsatisfied { .. } => false,
        }
    }
}

impl std::fmt::Display for ContentRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Part { first, last, complete: Some(complete) } => {
                write!(f, "bytes {first}-{last}/{complete}")
            }
            Self::Part { first, last, complete: None } => write!(f, "bytes {first}-{last}/*"),
            Self::Unsatisfied { complete } => write!(f, "bytes */{complete}"),
        }
    }
}

/// Plain digits, up to 2^63 - 1: no file is longer, and one more never overflows.
fn number(text: &str) -> Result<u64, ContentRangeProblem> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ContentRangeProblem::Form);
    }
    let number = text.parse::<u64>().ok().filter(|number| i64::try_from(*number).is_ok());
    number.ok_or(ContentRangeProblem::TooLarge)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_the_rfc_writes_is_taken() {
        use ContentRangeProblem::{Form, Order, TooLarge, Unit};
        let part = |first, last, complete| Ok(ContentRange::Part { first, last, complete });
        for (text, expected) in [
            ("bytes 0-0/1", part(0, 0, Some(1))),
            ("Bytes 5-9/*", part(5, 9, None)),
            ("bytes */47022", Ok(ContentRange::Unsatisfied { complete: 47022 })),
            ("bytes */*", Err(Form)),
            ("bytes 1-0/5", Err(Order)),
            ("bytes 0-5/5", Err(Order)),
            ("bytes 0-0/0", Err(Order)),
            ("items 0-0/1", Err(Unit)),
            ("bytes=0-0/1", Err(Form)),
            ("bytes  0-0/1", Err(Form)),
            ("bytes +0-0/1", Err(Form)),
            ("bytes -1-0/1", Err(Form)),
            ("bytes 0-0", Err(Form)),
            ("bytes 0-0/1 ", Err(Form)),
            ("bytes 0x1-2/3", Err(Form)),
            ("bytes 0-18446744073709551615/*", Err(TooLarge)),
            ("bytes 0-99999999999999999999999/*", Err(TooLarge)),
            ("", Err(Form)),
        ] {
            assert_eq!(ContentRange::parse(text), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(first: u32, more: u32, behind in proptest::option::of(any::<u32>())) {
            let (first, last) = (u64::from(first), u64::from(first) + u64::from(more));
            let complete = behind.map(|behind| last + 1 + u64::from(behind));
            let range = ContentRange::Part { first, last, complete };
            prop_assert_eq!(ContentRange::parse(&range.to_string()), Ok(range));
            prop_assert!(range.is_exactly(first, last + 1, complete.unwrap_or(u64::MAX)));
            prop_assert!(!range.is_exactly(first, last, complete.unwrap_or(u64::MAX)));
        }

        #[test]
        fn no_text_is_too_strange(text in "(bytes |)[0-9*/ -]{0,40}|\\PC{0,40}") {
            if let Ok(range) = ContentRange::parse(&text) {
                prop_assert_eq!(ContentRange::parse(&range.to_string()), Ok(range));
            }
        }
    }
}
