//! Paths inside a package: which are refused, which are warned of.
//!
//! A path is UTF-8, not normalised, compared byte by byte, parts separated by `/`.

use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

use super::key::is_device_name;

/// Longest part of a path, in bytes.
pub const PART_MAX_BYTES: usize = 255;
/// Longest path, in bytes.
pub const PATH_MAX_BYTES: usize = 4096;

/// A path of a file inside a package, relative to its `data/` folder, that passed [`RelativePath::parse`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RelativePath(Box<str>);

/// Why a path is refused at registration and in every format read from strangers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PathProblem {
    /// Nothing at all.
    #[error("the path is empty")]
    Empty,
    /// Begins with `/`.
    #[error("the path is absolute")]
    Absolute,
    /// Two slashes in a row, or one at the end.
    #[error("a part of the path is empty")]
    EmptyPart,
    /// `.` or `..`.
    #[error("a part of the path is . or ..")]
    DotPart,
    /// Over [`PART_MAX_BYTES`].
    #[error("a part of the path has more than 255 bytes")]
    PartTooLong,
    /// Over [`PATH_MAX_BYTES`].
    #[error("the path has more than 4,096 bytes")]
    TooLong,
    /// C0, DEL or C1.
    #[error("the name contains a control character")]
    Control,
    /// U+2028 or U+2029.
    #[error("the name contains a line or paragraph separator")]
    Separator,
    /// White space at the end of a part.
    #[error("a part of the path ends with white space")]
    TrailingSpace,
    /// A literal `%0A` or `%0D`, which BagIt readers take for a line end.
    #[error("the name contains a literal %0A or %0D")]
    EncodedLineEnd,
    /// Bytes that are not UTF-8.
    #[error("the name is not valid UTF-8")]
    NotUtf8,
}

/// Why a path may not arrive everywhere as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathWarning {
    /// More than 255 characters in all: older Windows programs cannot open it.
    #[error("the path has more than 255 characters")]
    Long,
    /// One of `\ : * ? " < > |`.
    #[error("{0:?} cannot be part of a name on Windows")]
    Character(char),
    /// A part ends with a dot.
    #[error("a name ends with a dot, which Windows takes off")]
    TrailingDot,
    /// A part is a device name.
    #[error("a name is one that Windows keeps for a device")]
    DeviceName,
    /// Another path differs in case or normal form only.
    #[error("differs from {0:?} only in case or normal form")]
    EqualBut(String),
}

impl RelativePath {
    /// Checks `text` against the rules above.
    pub fn parse(text: &str) -> Result<Self, PathProblem> {
        check(text)?;
        Ok(Self(text.into()))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Checks a path without making one.
pub fn check(text: &str) -> Result<(), PathProblem> {
    if text.is_empty() {
        return Err(PathProblem::Empty);
    }
    if text.starts_with('/') {
        return Err(PathProblem::Absolute);
    }
    if text.len() > PATH_MAX_BYTES {
        return Err(PathProblem::TooLong);
    }
    text.split('/').try_for_each(check_part)
}

/// Checks one part of a path: the name of a file or folder.
pub fn check_part(part: &str) -> Result<(), PathProblem> {
    if part.is_empty() {
        return Err(PathProblem::EmptyPart);
    }
    if part == "." || part == ".." {
        return Err(PathProblem::DotPart);
    }
    if part.len() > PART_MAX_BYTES {
        return Err(PathProblem::PartTooLong);
    }
    // Nearly every name is plain ASCII without `%`: one pass over its bytes settles it.
    let plain = |b: &u8| matches!(b, 0x21..=0x24 | 0x26..=0x7e);
    if part.bytes().all(|b| plain(&b)) {
        return Ok(());
    }
    for c in part.chars() {
        if c.is_control() {
            return Err(PathProblem::Control);
        }
        if matches!(c, '\u{2028}' | '\u{2029}') {
            return Err(PathProblem::Separator);
        }
    }
    if part.ends_with(char::is_whitespace) {
        return Err(PathProblem::TrailingSpace);
    }
    let encoded_line_end =
        |w: &[u8]| w[0] == b'%' && w[1] == b'0' && matches!(w[2], b'a' | b'A' | b'd' | b'D');
    if part.as_bytes().windows(3).any(encoded_line_end) {
        return Err(PathProblem::EncodedLineEnd);
    }
    Ok(())
}

/// A path like this one that is refused nowhere and arrives everywhere: what cannot be part of a name becomes `_`.
pub fn portable(path: &str) -> String {
    let parts = path.split('/').map(|part| {
        let mut name: String = part
            .chars()
            .map(|c| match c {
                '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' | '\u{2028}' | '\u{2029}' => '_',
                c if c.is_control() => '_',
                c => c,
            })
            .collect();
        for end in ["%0A", "%0a", "%0D", "%0d"] {
            name = name.replace(end, "_");
        }
        let kept = name.trim_end_matches(|c: char| c.is_whitespace() || c == '.').len();
        name.truncate(kept);
        while name.len() > PART_MAX_BYTES {
            name.pop();
        }
        if name.is_empty() || is_device_name(&name) {
            name.insert(0, '_');
        }
        name
    });
    parts.collect::<Vec<_>>().join("/")
}

/// Says where `paths` may not arrive as they are on other systems: (path, warning), in the order given.
pub fn portability_warnings<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<(String, PathWarning)> {
    let mut warnings = Vec::new();
    let mut seen: HashMap<String, &'a str> = HashMap::new();
    for path in paths {
        let mut warn = |warning| warnings.push((path.to_owned(), warning));
        if path.chars().count() > 255 {
            warn(PathWarning::Long);
        }
        if let Some(c) = path.chars().find(|c| matches!(c, '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')) {
            warn(PathWarning::Character(c));
        }
        if path.split('/').any(|part| part.ends_with('.')) {
            warn(PathWarning::TrailingDot);
        }
        if path.split('/').any(is_device_name) {
            warn(PathWarning::DeviceName);
        }
        let folded = if path.is_ascii() {
            path.to_ascii_lowercase()
        } else {
            path.nfc().collect::<String>().to_lowercase().nfc().collect()
        };
        match seen.entry(folded) {
            std::collections::hash_map::Entry::Occupied(first) => {
                warn(PathWarning::EqualBut((*first.get()).to_owned()));
            }
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(path);
            }
        }
    }
    warnings
}

impl fmt::Display for RelativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RelativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &self.0)
    }
}

impl TryFrom<String> for RelativePath {
    type Error = PathProblem;
    fn try_from(text: String) -> Result<Self, PathProblem> {
        Self::parse(&text)
    }
}

impl From<RelativePath> for String {
    fn from(path: RelativePath) -> Self {
        path.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusual_names_are_taken() {
        for good in [
            "a",
            "a b/c",
            "100%",
            "%41",
            "#1",
            "what?",
            "\"q\"",
            "<x>",
            "[y]",
            "-rf",
            "😀",
            "ملف",
            &"x".repeat(200),
            "..a",
            "a.",
        ] {
            assert_eq!(check(good), Ok(()), "{good:?}");
        }
    }

    #[test]
    fn each_forbidden_form_is_named() {
        use PathProblem::*;
        let long_part = "x".repeat(256);
        let long_path = "x/".repeat(2100) + "x";
        for (bad, why) in [
            ("", Empty),
            ("/a", Absolute),
            ("a//b", EmptyPart),
            ("a/", EmptyPart),
            ("./a", DotPart),
            ("a/../b", DotPart),
            (long_part.as_str(), PartTooLong),
            (long_path.as_str(), TooLong),
            ("a\nb", Control),
            ("a\u{7f}", Control),
            ("a\u{85}b", Control),
            ("a\u{2028}b", Separator),
            ("a /b", TrailingSpace),
            ("a\u{a0}", TrailingSpace),
            ("x%0Ay", EncodedLineEnd),
            ("x%0dy", EncodedLineEnd),
        ] {
            assert_eq!(check(bad), Err(why), "{bad:?}");
        }
    }

    #[test]
    fn a_portable_path_is_refused_nowhere() {
        for (path, proposal) in [
            ("a/line\nbreak.txt", "a/line_break.txt"),
            ("x%0Ay", "x_y"),
            ("end ", "end"),
            ("dots. .", "dots"),
            ("Con.txt", "_Con.txt"),
            (" ", "_"),
            ("a:b/c?", "a_b/c_"),
            ("..", "_"),
            ("fine.txt", "fine.txt"),
        ] {
            assert_eq!(portable(path), proposal);
            assert_eq!(check(proposal), Ok(()));
            assert_eq!(portability_warnings([proposal].into_iter()), []);
        }
        assert_eq!(portable(&"ü".repeat(200)).len(), 254);
    }

    #[test]
    fn names_that_do_not_travel_are_warned_of() {
        let paths = ["a:b", "x.", "Con.txt", "KB455.msu", "kb455.msu", "e\u{301}", "\u{e9}", "fine"];
        let warned: Vec<_> =
            portability_warnings(paths.into_iter()).into_iter().map(|(path, _)| path).collect();
        assert_eq!(warned, ["a:b", "x.", "Con.txt", "kb455.msu", "\u{e9}"]);
    }
}
