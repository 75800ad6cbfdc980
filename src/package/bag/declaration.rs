//! `bagit.txt`: the version and the encoding of the other tag files (RFC 8493 2.1.1).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::DECLARATION_FILE;
use super::issue::{Issues, ProblemCode, WarningCode};
use super::text::{TagEncoding, lines};

/// A version of BagIt that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[expect(missing_docs, reason = "each variant is the version it is named after")]
pub enum BagVersion {
    V0_93,
    V0_94,
    V0_95,
    V0_96,
    V0_97,
    V1_0,
}

impl BagVersion {
    /// The version as `bagit.txt` writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V0_93 => "0.93",
            Self::V0_94 => "0.94",
            Self::V0_95 => "0.95",
            Self::V0_96 => "0.96",
            Self::V0_97 => "0.97",
            Self::V1_0 => "1.0",
        }
    }

    /// Reads what [`BagVersion::as_str`] writes and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::V0_93, Self::V0_94, Self::V0_95, Self::V0_96, Self::V0_97, Self::V1_0]
            .into_iter()
            .find(|version| version.as_str() == text)
    }
}

impl fmt::Display for BagVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for BagVersion {
    type Error = String;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or_else(|| format!("{text:?} is no known BagIt version"))
    }
}

impl From<BagVersion> for String {
    fn from(version: BagVersion) -> Self {
        version.as_str().to_owned()
    }
}

/// What `bagit.txt` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Declaration {
    /// The version.
    pub version: BagVersion,
    /// The encoding of all other tag files.
    pub encoding: TagEncoding,
}

impl Declaration {
    /// Reads `bagit.txt`. It is UTF-8 without byte-order mark in every version. From 0.97 on white space before
    /// a colon is refused, from 1.0 on every line beyond the two; older bags are only warned of.
    ///
    /// `None` where nothing else of the bag can be read; the reason is then among the errors.
    pub fn read(bytes: &[u8], issues: &mut Issues) -> Option<Self> {
        let malformed = |issues: &mut Issues, message: String| {
            issues.error(ProblemCode::DeclarationMalformed, DECLARATION_FILE, message);
        };
        let Some(decoded) = TagEncoding::UTF_8.decode(bytes) else {
            issues.error(ProblemCode::EncodingBroken, DECLARATION_FILE, "it is not valid UTF-8");
            return None;
        };
        if decoded.had_utf8_mark {
            issues.error(
                ProblemCode::ByteOrderMark,
                DECLARATION_FILE,
                "it begins with a byte-order mark, which is not allowed",
            );
        }
        let mut rows = lines(&decoded.text).map(|(_, line)| line);
        let (first, second) = (rows.next().unwrap_or_default(), rows.next().unwrap_or_default());
        let Some((version, version_form)) = field(first, "BagIt-Version") else {
            malformed(issues, format!("the first line is not a BagIt-Version: {}", shown(first)));
            return None;
        };
        let Some(version) = BagVersion::parse(version) else {
            let code = if is_number(version) {
                ProblemCode::VersionUnknown
            } else {
                ProblemCode::DeclarationMalformed
            };
            issues.error(
                code,
                DECLARATION_FILE,
                format!("{} is no version of BagIt from 0.93 to 1.0", shown(version)),
            );
            return None;
        };
        let Some((encoding, encoding_form)) = field(second, "Tag-File-Character-Encoding") else {
            malformed(issues, "the second line does not give the Tag-File-Character-Encoding".to_owned());
            return None;
        };
        for form in [version_form, encoding_form] {
            match form {
                Form::Exact => {}
                Form::SpaceBeforeColon if version >= BagVersion::V0_97 => {
                    malformed(issues, "there is white space before a colon".to_owned());
                }
                Form::SpaceBeforeColon | Form::Loose => issues.warn(
                    WarningCode::DeclarationLoose,
                    DECLARATION_FILE,
                    "a colon is not followed by exactly one space, or other white space stands around",
                ),
            }
        }
        if rows.any(|line| version >= BagVersion::V1_0 || !line.trim().is_empty()) {
            if version >= BagVersion::V1_0 {
                malformed(issues, "there are more than two lines".to_owned());
            } else {
                issues.warn(WarningCode::DeclarationLoose, DECLARATION_FILE, "there are more than two lines");
            }
        }
        let Some(encoding) = TagEncoding::parse(encoding) else {
            issues.error(
                ProblemCode::EncodingUnknown,
                DECLARATION_FILE,
                format!("the encoding {} is not known", shown(encoding)),
            );
            return None;
        };
        Some(Self { version, encoding })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Exact,
    SpaceBeforeColon,
    Loose,
}

fn field<'a>(line: &'a str, label: &str) -> Option<(&'a str, Form)> {
    let (found, value) = line.split_once(':')?;
    if found.trim() != label {
        return None;
    }
    let form = if found != label {
        Form::SpaceBeforeColon
    } else if value.strip_prefix(' ').is_some_and(|v| v.trim() == v) {
        Form::Exact
    } else {
        Form::Loose
    };
    Some((value.trim(), form))
}

fn is_number(text: &str) -> bool {
    text.split_once('.').is_some_and(|(major, minor)| {
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        digits(major) && digits(minor)
    })
}

/// A piece of foreign text, short and without control characters.
pub(super) fn shown(text: &str) -> String {
    let short: String = text.chars().take(100).collect();
    format!("{short:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<BagVersion>, Vec<ProblemCode>, usize) {
        let mut issues = Issues::default();
        let declaration = Declaration::read(text.as_bytes(), &mut issues);
        let codes = issues.errors.iter().map(|e| e.code).collect();
        (declaration.map(|d| d.version), codes, issues.warnings.len())
    }

    #[test]
    fn strictness_grows_with_the_version() {
        use ProblemCode::*;
        let e = "Tag-File-Character-Encoding: UTF-8\n";
        assert_eq!(read(&format!("BagIt-Version: 1.0\n{e}")), (Some(BagVersion::V1_0), vec![], 0));
        assert_eq!(read(&format!("BagIt-Version: 0.93\r\n{e}")), (Some(BagVersion::V0_93), vec![], 0));
        let spaced = |v: &str| read(&format!("BagIt-Version : {v}\n{e}"));
        assert_eq!(spaced("0.96"), (Some(BagVersion::V0_96), vec![], 1));
        assert_eq!(spaced("0.97").1, [DeclarationMalformed]);
        assert_eq!(spaced("1.0").1, [DeclarationMalformed]);
        assert_eq!(read(&format!("BagIt-Version: 1.0\n{e}More: x\n")).1, [DeclarationMalformed]);
        assert_eq!(read(&format!("BagIt-Version: 0.97\n{e}More: x\n")), (Some(BagVersion::V0_97), vec![], 1));
        assert_eq!(read(&format!("BagIt-Version: .97\n{e}")).1, [DeclarationMalformed]);
        assert_eq!(read(&format!("BagIt-Version: 2.0\n{e}")).1, [VersionUnknown]);
        assert_eq!(read("BagIt-Version: 1.0\n").1, [DeclarationMalformed]);
        assert_eq!(read(&format!("\u{feff}BagIt-Version: 1.0\n{e}")).1, [ByteOrderMark]);
        let odd = "BagIt-Version: 1.0\nTag-File-Character-Encoding: klingon\n";
        assert_eq!(read(odd).1, [EncodingUnknown]);
    }
}
