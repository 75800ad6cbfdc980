//! `bag-info.txt` (up to 0.95 `package-info.txt`): labels and values (RFC 8493 2.2.2).

use super::declaration::{BagVersion, shown};
use super::issue::{Issues, ProblemCode, WarningCode};
use super::text::{is_linear_space, lines};

/// The metadata of a bag in the order of the file; labels may be there more than once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BagInfo {
    fields: Vec<(String, String)>,
}

/// `Payload-Oxum`: what the payload amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadOxum {
    /// Sum of the sizes of all payload files, in bytes.
    pub size_bytes: u64,
    /// Number of payload files.
    pub files: u64,
}

impl PayloadOxum {
    /// Reads `OCTETS.STREAMS`.
    pub fn parse(text: &str) -> Option<Self> {
        let (size, files) = text.split_once('.')?;
        let number = |part: &str| {
            let digits = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| part.parse().ok()).flatten()
        };
        Some(Self { size_bytes: number(size)?, files: number(files)? })
    }
}

impl BagInfo {
    /// Reads the metadata file called `file`.
    pub fn read(text: &str, version: BagVersion, file: &str, issues: &mut Issues) -> Self {
        let mut info = Self::default();
        for (number, line) in lines(text) {
            if line.trim().is_empty() {
                continue;
            }
            if line.starts_with(is_linear_space) {
                match info.fields.last_mut() {
                    Some((_, value)) => {
                        if !value.is_empty() {
                            value.push(' ');
                        }
                        value.push_str(line.trim());
                    }
                    None => issues.error(
                        ProblemCode::InfoLine,
                        file,
                        format!("line {number} goes on with a value, but there is none before it"),
                    ),
                }
                continue;
            }
            let Some((label, value)) = line.split_once(':') else {
                issues.error(
                    ProblemCode::InfoLine,
                    file,
                    format!("line {number} has no colon: {}", shown(line)),
                );
                continue;
            };
            // Up to 0.97 white space around the colon was nobody's concern.
            if label.ends_with(is_linear_space) && version >= BagVersion::V1_0 {
                issues.error(
                    ProblemCode::InfoLine,
                    file,
                    format!("line {number} has white space before its colon"),
                );
            } else if !value.is_empty() && !value.starts_with(is_linear_space) && version >= BagVersion::V1_0
            {
                issues.warn(
                    WarningCode::InfoLoose,
                    file,
                    format!("line {number} has no space after its colon"),
                );
            }
            if label.trim().is_empty() {
                issues.error(ProblemCode::InfoLine, file, format!("line {number} has no label"));
                continue;
            }
            info.fields.push((label.trim().to_owned(), value.trim().to_owned()));
        }
        info
    }

    /// All labels and values in the order of the file.
    pub fn fields(&self) -> &[(String, String)] {
        &self.fields
    }

    /// Every value of `label`, whose case does not matter (RFC 8493 2.2.2).
    pub fn values<'a>(&'a self, label: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(l, _)| l.eq_ignore_ascii_case(label)).map(|(_, v)| v.as_str())
    }

    /// The `Payload-Oxum`. Refused if it cannot be read, and from 1.0 on if there are two; before, the first counts.
    pub fn payload_oxum(&self, version: BagVersion, file: &str, issues: &mut Issues) -> Option<PayloadOxum> {
        let mut values = self.values("Payload-Oxum");
        let first = values.next()?;
        if values.next().is_some() {
            let message = "Payload-Oxum is there more than once";
            if version >= BagVersion::V1_0 {
                issues.error(ProblemCode::OxumMalformed, file, message);
            } else {
                issues.warn(WarningCode::InfoLoose, file, message);
            }
        }
        let oxum = PayloadOxum::parse(first);
        if oxum.is_none() {
            issues.error(
                ProblemCode::OxumMalformed,
                file,
                format!("Payload-Oxum {} is not bytes, a dot, and files", shown(first)),
            );
        }
        oxum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_on_and_repeat() {
        let mut issues = Issues::default();
        let text = "A: one\n  two\nB :three\nA: four\r\nPayload-Oxum: 12.3\n";
        let info = BagInfo::read(text, BagVersion::V0_97, "bag-info.txt", &mut issues);
        assert_eq!(info.values("a").collect::<Vec<_>>(), ["one two", "four"]);
        assert_eq!(info.values("B").collect::<Vec<_>>(), ["three"]);
        let oxum = info.payload_oxum(BagVersion::V0_97, "bag-info.txt", &mut issues);
        assert_eq!(oxum, Some(PayloadOxum { size_bytes: 12, files: 3 }));
        assert_eq!(issues, Issues::default());
        BagInfo::read(text, BagVersion::V1_0, "bag-info.txt", &mut issues);
        assert_eq!(issues.errors.len(), 1);
        assert_eq!(issues.errors[0].code, ProblemCode::InfoLine);
    }

    #[test]
    fn a_payload_sum_is_two_plain_numbers() {
        for bad in ["", "1", "1.", ".1", "+1.1", "1.1.1", "a.1", "99999999999999999999.1"] {
            assert_eq!(PayloadOxum::parse(bad), None, "{bad:?}");
        }
    }
}
