//! `fetch.txt`: payload that was left out of a bag and where to get it (RFC 8493 2.2.3). Nothing is fetched here.

use super::FETCH_FILE;
use super::declaration::{BagVersion, shown};
use super::issue::{Issues, ProblemCode, WarningCode};
use super::listing::{is_payload, take_path};
use super::text::{is_linear_space, lines};

/// One file to be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchEntry {
    /// Where it is.
    pub url: String,
    /// Its length in bytes, if said.
    pub size_bytes: Option<u64>,
    /// Safe path relative to the bag.
    pub path: String,
    /// Other readings of the path, with the warning each deserves.
    pub alternatives: Vec<(String, WarningCode)>,
}

/// Reads `fetch.txt`. What cannot be taken is an error and left out.
pub fn read(text: &str, version: BagVersion, issues: &mut Issues) -> Vec<FetchEntry> {
    let mut entries = Vec::new();
    for (number, line) in lines(text) {
        if line.trim().is_empty() {
            continue;
        }
        let Some((url, size, name)) = split(line) else {
            issues.error(
                ProblemCode::FetchLine,
                FETCH_FILE,
                format!("line {number} is not an address, a length and a path: {}", shown(line)),
            );
            continue;
        };
        let size_bytes = match size {
            "-" => None,
            digits => match digits.parse() {
                Ok(size) if !digits.starts_with('+') => Some(size),
                _ => {
                    issues.error(
                        ProblemCode::FetchLine,
                        FETCH_FILE,
                        format!("line {number} has no length but {}", shown(size)),
                    );
                    continue;
                }
            },
        };
        if !has_scheme(url) {
            issues.error(
                ProblemCode::FetchLine,
                FETCH_FILE,
                format!("line {number} has no address but {}", shown(url)),
            );
            continue;
        }
        let strict = version >= BagVersion::V1_0;
        let Some((path, alternatives)) = take_path(name, version, strict, FETCH_FILE, number, issues) else {
            continue;
        };
        if !is_payload(&path) {
            issues.warn(
                WarningCode::FetchLoose,
                FETCH_FILE,
                format!("line {number} lists what is not below data/: {}", shown(name)),
            );
        }
        entries.push(FetchEntry { url: url.to_owned(), size_bytes, path, alternatives });
    }
    entries
}

fn split(line: &str) -> Option<(&str, &str, &str)> {
    let word = |text: &'_ str| text.find(is_linear_space);
    let line = line.trim_start_matches(is_linear_space);
    let (url, rest) = line.split_at(word(line)?);
    let rest = rest.trim_start_matches(is_linear_space);
    let (size, rest) = rest.split_at(word(rest)?);
    let name = rest.trim_start_matches(is_linear_space);
    (!name.is_empty()).then_some((url, size, name))
}

/// Whether the address begins with a scheme (RFC 3986 3.1).
fn has_scheme(url: &str) -> bool {
    url.split_once(':').is_some_and(|(scheme, rest)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
            && !rest.is_empty()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_and_hostile_ones_refused() {
        let mut issues = Issues::default();
        let text = "https://example.org/a 12 data/a b\nhttps://example.org/b - ./data/b\n";
        let entries = read(text, BagVersion::V1_0, &mut issues);
        assert_eq!((entries[0].path.as_str(), entries[0].size_bytes), ("data/a b", Some(12)));
        assert_eq!((entries[1].path.as_str(), entries[1].size_bytes), ("data/b", None));
        assert_eq!(issues.errors, []);
        for (bad, code) in [
            ("https://e/ 1 ../../x", ProblemCode::PathUnsafe),
            ("https://e/ 1 ~/x", ProblemCode::PathUnsafe),
            ("https://e/ 1 bagit.txt", ProblemCode::PathNotPayload),
            ("https://e/ x data/x", ProblemCode::FetchLine),
            ("https://e/ +1 data/x", ProblemCode::FetchLine),
            ("nowhere 1 data/x", ProblemCode::FetchLine),
            ("https://e/ 1", ProblemCode::FetchLine),
        ] {
            let mut issues = Issues::default();
            assert_eq!(read(bad, BagVersion::V1_0, &mut issues), [], "{bad:?}");
            assert_eq!(issues.errors[0].code, code, "{bad:?}");
        }
    }
}
