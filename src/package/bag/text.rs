//! Tag files as text: encodings and line ends.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// The encoding of the tag files beside `bagit.txt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TagEncoding(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// `UTF-16` without its order: told by the mark, big-endian without one (RFC 2781 4.3).
    Utf16,
    /// ISO-8859-1 and nothing else, where the web's label would mean windows-1252.
    Latin1,
    Ascii,
    Known(&'static Encoding),
}

/// Text out of a tag file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagText<'a> {
    /// The text, without a byte-order mark.
    pub text: Cow<'a, str>,
    /// Whether it is UTF-8 and began with a byte-order mark.
    pub had_utf8_mark: bool,
}

impl TagEncoding {
    /// UTF-8, which all our own bags use.
    pub const UTF_8: Self = Self(Kind::Known(UTF_8));

    /// Reads a name of the IANA character set registry; `None` where it is not known.
    pub fn parse(name: &str) -> Option<Self> {
        let kind = match name.trim().to_ascii_lowercase().replace('_', "-").as_str() {
            "utf-16" | "utf16" => Kind::Utf16,
            "iso-8859-1" | "iso8859-1" | "latin1" | "l1" => Kind::Latin1,
            "us-ascii" | "ascii" => Kind::Ascii,
            _ => Kind::Known(Encoding::for_label_no_replacement(name.trim().as_bytes())?),
        };
        Some(Self(kind))
    }

    /// Decodes `bytes`; `None` if they are not in this encoding.
    pub fn decode(self, bytes: &[u8]) -> Option<TagText<'_>> {
        let (encoding, body, had_utf8_mark) = match self.0 {
            Kind::Latin1 => {
                let text = encoding_rs::mem::decode_latin1(bytes);
                return Some(TagText { text, had_utf8_mark: false });
            }
            Kind::Ascii if !bytes.is_ascii() => return None,
            Kind::Ascii => (UTF_8, bytes, false),
            Kind::Utf16 => match bytes {
                [0xff, 0xfe, rest @ ..] => (UTF_16LE, rest, false),
                [0xfe, 0xff, rest @ ..] => (UTF_16BE, rest, false),
                _ => (UTF_16BE, bytes, false),
            },
            Kind::Known(encoding) => {
                let mark: &[u8] = if encoding == UTF_8 {
                    &[0xef, 0xbb, 0xbf]
                } else if encoding == UTF_16LE {
                    &[0xff, 0xfe]
                } else if encoding == UTF_16BE {
                    &[0xfe, 0xff]
                } else {
                    &[]
                };
                match bytes.strip_prefix(mark) {
                    Some(rest) => (encoding, rest, encoding == UTF_8),
                    None => (encoding, bytes, false),
                }
            }
        };
        let text = encoding.decode_without_bom_handling_and_without_replacement(body)?;
        Some(TagText { text, had_utf8_mark })
    }
}

/// The lines of a tag file, ended by LF, CR or CRLF (RFC 8493 2.1.3), each with its number from 1.
pub fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = (!text.is_empty()).then_some(text);
    let mut number = 0;
    std::iter::from_fn(move || {
        let current = rest?;
        number += 1;
        let Some(end) = memchr::memchr2(b'\n', b'\r', current.as_bytes()) else {
            rest = None;
            return Some((number, current));
        };
        let after = if current[end..].starts_with("\r\n") { end + 2 } else { end + 1 };
        rest = (after < current.len()).then(|| &current[after..]);
        Some((number, &current[..end]))
    })
}

/// Whether `c` is what the specification calls linear white space.
pub(super) fn is_linear_space(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_line_ends_count() {
        let read: Vec<_> = lines("a\r\nb\rc\n\nd").collect();
        assert_eq!(read, [(1, "a"), (2, "b"), (3, "c"), (4, ""), (5, "d")]);
        assert_eq!(lines("").count(), 0);
        assert_eq!(lines("a\n").count(), 1);
    }

    #[test]
    fn encodings_are_read_as_declared() {
        let decode = |name: &str, bytes: &[u8]| {
            TagEncoding::parse(name).expect("known").decode(bytes).map(|t| t.text.into_owned())
        };
        assert_eq!(decode("UTF-16BE", b"\0a").as_deref(), Some("a"));
        assert_eq!(decode("UTF-16", b"\0a").as_deref(), Some("a"));
        assert_eq!(decode("UTF-16", b"\xff\xfea\0").as_deref(), Some("a"));
        assert_eq!(decode("utf-16le", b"\xff\xfea\0").as_deref(), Some("a"));
        assert_eq!(decode("ISO-8859-1", b"\xe9\x80").as_deref(), Some("é\u{80}"));
        assert_eq!(decode("windows-1252", b"\x80").as_deref(), Some("€"));
        assert_eq!(decode("UTF-8", b"\xff"), None);
        assert_eq!(decode("US-ASCII", b"\xe9"), None);
        assert_eq!(decode("UTF-16BE", b"\0"), None);
        assert_eq!(TagEncoding::parse("klingon"), None);
        assert!(TagEncoding::UTF_8.decode(b"\xef\xbb\xbfa").expect("UTF-8").had_utf8_mark);
    }
}
