//! Payload and tag manifests: which files there should be, with their checksums (RFC 8493 2.1.3, 2.2.1).

use std::borrow::Cow;
use std::collections::HashMap;

use super::algorithm::Algorithm;
use super::declaration::{BagVersion, shown};
use super::issue::{Issues, ProblemCode, WarningCode};
use super::text::{is_linear_space, lines};
use crate::package::path::{PART_MAX_BYTES, PATH_MAX_BYTES, PathWarning, portability_warnings};

/// Payload or tag files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListingKind {
    /// `manifest-<algorithm>.txt`.
    Payload,
    /// `tagmanifest-<algorithm>.txt`.
    Tags,
}

/// Tells whether `name`, a file directly in the bag, is a manifest, of which kind and algorithm name.
pub fn manifest_name(name: &str) -> Option<(ListingKind, &str)> {
    let stem = name.strip_suffix(".txt")?;
    if let Some(algorithm) = stem.strip_prefix("tagmanifest-") {
        Some((ListingKind::Tags, algorithm))
    } else {
        Some((ListingKind::Payload, stem.strip_prefix("manifest-")?))
    }
}

/// One file of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedFile {
    /// Path relative to the bag, safe: no way out of the bag, no `.` or empty part.
    pub path: String,
    /// What to look for where there is no such file, with the warning that this deserves.
    pub alternatives: Vec<(String, WarningCode)>,
    /// Its checksum.
    pub digest: Box<[u8]>,
}

/// A manifest that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Payload or tag files.
    pub kind: ListingKind,
    /// The algorithm of every checksum in it.
    pub algorithm: Algorithm,
    /// The files in the order of the manifest, each once.
    pub files: Vec<ListedFile>,
}

impl Listing {
    /// Reads the manifest called `file`. What cannot be taken is an error and left out.
    pub fn read(
        text: &str,
        kind: ListingKind,
        algorithm: Algorithm,
        version: BagVersion,
        file: &str,
        issues: &mut Issues,
    ) -> Self {
        let mut files: Vec<ListedFile> = Vec::new();
        let mut seen: HashMap<String, usize> = HashMap::new();
        for (number, line) in lines(text) {
            if line.trim().is_empty() || line.starts_with('#') {
                issues.warn(
                    WarningCode::PassedOver,
                    file,
                    format!("line {number} is blank or a comment and was passed over"),
                );
                continue;
            }
            let Some((digest, name, from_tool)) = split(line, algorithm) else {
                issues.error(
                    ProblemCode::ManifestLine,
                    file,
                    format!("line {number} is not a {algorithm} checksum and a path: {}", shown(line)),
                );
                continue;
            };
            if from_tool {
                issues.warn(
                    WarningCode::ChecksumTool,
                    file,
                    format!("line {number} is written as checksum tools do, with * or backslash escapes"),
                );
            }
            let Some((path, alternatives)) =
                take_path(&name, version, kind == ListingKind::Payload, file, number, issues)
            else {
                continue;
            };
            if kind == ListingKind::Tags && is_payload(&path) {
                issues.warn(
                    WarningCode::PayloadInTagManifest,
                    file,
                    format!("line {number} lists payload, which belongs into a payload manifest"),
                );
            }
            if let Some(&first) = seen.get(&path) {
                if files[first].digest != digest {
                    issues.error(
                        ProblemCode::ListedTwiceDiffering,
                        path,
                        format!("{file} lists it twice with different checksums"),
                    );
                } else if version >= BagVersion::V1_0 {
                    issues.error(ProblemCode::ListedTwice, path, format!("{file} lists it twice"));
                } else {
                    issues.warn(WarningCode::ListedTwice, path, format!("{file} lists it twice"));
                }
                continue;
            }
            seen.insert(path.clone(), files.len());
            files.push(ListedFile { path, alternatives, digest });
        }
        for (path, warning) in portability_warnings(files.iter().map(|f| f.path.as_str())) {
            if matches!(warning, PathWarning::EqualBut(_)) {
                issues.warn(WarningCode::EqualNames, path, format!("in {file} it {warning}"));
            }
        }
        for listed in files.iter().filter(|f| is_system_file(&f.path)) {
            issues.warn(
                WarningCode::SystemFile,
                listed.path.clone(),
                "an operating system makes this file for itself",
            );
        }
        Self { kind, algorithm, files }
    }
}

/// Splits a line into digest and path; the flag says that a checksum tool's marks were taken off.
fn split(line: &str, algorithm: Algorithm) -> Option<(Box<[u8]>, Cow<'_, str>, bool)> {
    // md5sum puts a backslash before the line where it escaped the name.
    let (escaped, line) = line.strip_prefix('\\').map_or((false, line), |rest| (true, rest));
    let (digest, rest) = line.split_at(line.find(is_linear_space)?);
    let digest = algorithm.parse_digest(digest)?;
    let name = rest.trim_start_matches(is_linear_space);
    let (binary, name) = name.strip_prefix('*').map_or((false, name), |rest| (true, rest));
    if name.is_empty() {
        return None;
    }
    let name = if escaped { Cow::Owned(unescape(name)) } else { Cow::Borrowed(name) };
    Some((digest, name, escaped || binary))
}

fn unescape(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    let mut chars = name.chars();
    while let Some(c) = chars.next() {
        match (c, chars.clone().next()) {
            ('\\', Some('n')) => plain.push('\n'),
            ('\\', Some('r')) => plain.push('\r'),
            ('\\', Some('\\')) => plain.push('\\'),
            _ => {
                plain.push(c);
                continue;
            }
        }
        chars.next();
    }
    plain
}

type Named = (String, Vec<(String, WarningCode)>);

/// Checks and decodes a path of a manifest or fetch list; `None` where it is refused.
pub(super) fn take_path(
    name: &str,
    version: BagVersion,
    wants_payload: bool,
    file: &str,
    number: usize,
    issues: &mut Issues,
) -> Option<Named> {
    let refuse = |issues: &mut Issues, why: &str| {
        issues.error(ProblemCode::PathUnsafe, file, format!("line {number}: {why}: {}", shown(name)));
    };
    if let Some(why) = unsafe_reason(name) {
        refuse(issues, why);
        return None;
    }
    let literal = plain_parts(name);
    if literal.len() != name.len() {
        issues.warn(
            WarningCode::RelativePath,
            file,
            format!("line {number} has . or empty parts in its path: {}", shown(name)),
        );
    }
    if literal.is_empty() {
        refuse(issues, "the path names no file");
        return None;
    }
    if wants_payload && !is_payload(&literal) {
        issues.error(
            ProblemCode::PathNotPayload,
            file,
            format!("line {number} lists what is not below data/: {}", shown(name)),
        );
        return None;
    }
    let decoded = percent_decoded(&literal);
    let (path, other) = match decoded {
        // 1.0 encodes percent signs and line ends; before, what stands there is the name.
        Some(decoded) if version >= BagVersion::V1_0 => (decoded, Some(literal)),
        decoded => (literal, decoded),
    };
    let mut alternatives: Vec<(String, WarningCode)> =
        other.into_iter().map(|other| (other, WarningCode::PercentSign)).collect();
    let trimmed = path.trim_end();
    if trimmed.len() != path.len() && !trimmed.ends_with('/') {
        alternatives.push((trimmed.to_owned(), WarningCode::TrailingSpace));
    }
    Some((path, alternatives))
}

/// Why a path must not be followed on this or another system.
fn unsafe_reason(name: &str) -> Option<&'static str> {
    let bytes = name.as_bytes();
    if name.len() > PATH_MAX_BYTES {
        return Some("the path is too long");
    }
    if bytes.contains(&0) {
        return Some("the path has a zero byte");
    }
    if name.starts_with('/') || name.starts_with('\\') {
        return Some("the path is absolute");
    }
    if name.starts_with('~') {
        return Some("the path begins in somebody's home folder");
    }
    if bytes.len() >= 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':' {
        return Some("the path begins with a drive");
    }
    // Where backslashes separate, a path could leave the bag by them; elsewhere they are part of a name.
    let separators: &[char] = if cfg!(windows) { &['/', '\\'] } else { &['/'] };
    if name.split(separators).any(|part| part == "..") {
        return Some("the path has a .. part");
    }
    if name.split('/').any(|part| part.len() > PART_MAX_BYTES) {
        return Some("a part of the path is too long");
    }
    None
}

fn plain_parts(name: &str) -> String {
    let parts: Vec<&str> = name.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    parts.join("/")
}

/// Whether `path` lies below the payload folder.
pub(super) fn is_payload(path: &str) -> bool {
    path.strip_prefix("data/").is_some_and(|rest| !rest.is_empty())
}

/// Decodes `%0A`, `%0D` and `%25`, which are all that RFC 8493 2.1.3 encodes; `None` where none is there.
fn percent_decoded(path: &str) -> Option<String> {
    let mut decoded = String::new();
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        let plain = match rest.as_bytes().get(at + 1..at + 3) {
            Some(b"0A" | b"0a") => Some('\n'),
            Some(b"0D" | b"0d") => Some('\r'),
            Some(b"25") => Some('%'),
            _ => None,
        };
        decoded.push_str(&rest[..at]);
        decoded.push(plain.unwrap_or('%'));
        rest = &rest[at + if plain.is_some() { 3 } else { 1 }..];
    }
    decoded.push_str(rest);
    (decoded != path).then_some(decoded)
}

/// Whether an operating system makes a file of this name for itself.
pub fn is_system_file(path: &str) -> bool {
    path.split('/').any(|part| {
        matches!(part, ".DS_Store" | ".Spotlight-V100" | ".Trashes" | ".fseventsd" | ".TemporaryItems")
            || part.starts_with("._")
            || part.eq_ignore_ascii_case("thumbs.db")
            || part.eq_ignore_ascii_case("desktop.ini")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";

    fn read(text: &str, version: BagVersion) -> (Listing, Issues) {
        let mut issues = Issues::default();
        let listing = Listing::read(
            text,
            ListingKind::Payload,
            Algorithm::Md5,
            version,
            "manifest-md5.txt",
            &mut issues,
        );
        (listing, issues)
    }

    #[test]
    fn paths_that_lead_out_are_refused() {
        for bad in [
            "../x",
            "data/../../x",
            "data/a/../b",
            "/tmp/foo",
            "~/foo",
            "~root/foo",
            "C:\\Windows\\x",
            "c:x",
            "\\\\?\\UNC\\server\\x",
            "data/a\0b",
            &format!("data/{}", "x".repeat(256)),
            &format!("data/{}", "x/".repeat(2100)),
        ] {
            let (listing, issues) = read(&format!("{MD5}  {bad}\n"), BagVersion::V0_97);
            assert!(listing.files.is_empty(), "{bad:?}");
            assert_eq!(issues.errors[0].code, ProblemCode::PathUnsafe, "{bad:?}");
        }
        for bad in ["%HomeDrive%\\x", "bag-info.txt", "data", "data/", "database/x"] {
            let (_, issues) = read(&format!("{MD5}  {bad}\n"), BagVersion::V0_97);
            assert_eq!(issues.errors[0].code, ProblemCode::PathNotPayload, "{bad:?}");
        }
    }

    #[test]
    fn percent_signs_follow_the_version() {
        let text = format!("{MD5} data/a%25b%0Ac%41\n");
        let (old, _) = read(&text, BagVersion::V0_97);
        assert_eq!(old.files[0].path, "data/a%25b%0Ac%41");
        assert_eq!(old.files[0].alternatives, [("data/a%b\nc%41".to_owned(), WarningCode::PercentSign)]);
        let (new, _) = read(&text, BagVersion::V1_0);
        assert_eq!(new.files[0].path, "data/a%b\nc%41");
        assert_eq!(new.files[0].alternatives[0].0, "data/a%25b%0Ac%41");
        let (plain, _) = read(&format!("{MD5} data/é%é\n"), BagVersion::V1_0);
        assert_eq!(plain.files[0].alternatives, []);
    }

    #[test]
    fn lines_of_checksum_tools_are_read_with_a_warning() {
        let (listing, issues) =
            read(&format!("{MD5} *data/a\n\\{MD5}  data/b\\\\c\n{MD5}\t./data//d\n"), BagVersion::V1_0);
        let paths: Vec<_> = listing.files.iter().map(|f| f.path.as_str()).collect();
        assert_eq!(paths, ["data/a", "data/b\\c", "data/d"]);
        let codes: Vec<_> = issues.warnings.iter().map(|w| w.code).collect();
        assert_eq!(codes, [WarningCode::ChecksumTool, WarningCode::ChecksumTool, WarningCode::RelativePath]);
        assert_eq!(issues.errors, []);
    }

    #[test]
    fn a_file_listed_twice_is_told() {
        let same = format!("{MD5}  data/a\n{MD5}  data/a\n");
        assert_eq!(read(&same, BagVersion::V0_97).1.warnings[0].code, WarningCode::ListedTwice);
        assert_eq!(read(&same, BagVersion::V1_0).1.errors[0].code, ProblemCode::ListedTwice);
        let other = format!("{MD5}  data/a\n{}  ./data/a\n", "0".repeat(32));
        assert_eq!(read(&other, BagVersion::V0_97).1.errors[0].code, ProblemCode::ListedTwiceDiffering);
        let names = format!("{MD5}  data/a\n{MD5}  data/A\n{MD5} data/e\u{301}\n{MD5} data/\u{e9}\n");
        let (listing, issues) = read(&names, BagVersion::V1_0);
        assert_eq!((listing.files.len(), issues.warnings.len(), issues.errors.len()), (4, 2, 0));
    }

    #[test]
    fn a_line_that_is_none_is_an_error() {
        for bad in ["zz  data/a", "d41d8cd98f00b204e9800998ecf8427e", "d41d8  data/a", "x"] {
            let (listing, issues) = read(bad, BagVersion::V0_93);
            assert!(listing.files.is_empty());
            assert_eq!(issues.errors[0].code, ProblemCode::ManifestLine, "{bad:?}");
        }
    }
}
