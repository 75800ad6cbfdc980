//! From the path of a request to a path below the folder: decoded once, refused where it could mean anything else.
//!
//! Pure. Whether the file is there is asked elsewhere, by calls that follow no link.

use crate::package::path::{PATH_MAX_BYTES, check_part};

/// Where a request points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The folder itself, `/`.
    Index,
    /// A path below it, with `/`, without empty parts, `.` or `..`.
    File(String),
    /// Nothing that could be served.
    Nowhere,
}

/// Reads the path of a request as it stands in the request line, still encoded.
///
/// An encoded slash is no separator and no name has one; a control character, `.`, `..` and an empty part are in no
/// name either. What begins with a dot at the top (`.incoming`, `.trash`) is never part of a package.
pub(super) fn place_of(encoded: &str) -> Place {
    let Some(rest) = encoded.strip_prefix('/') else { return Place::Nowhere };
    if rest.is_empty() {
        return Place::Index;
    }
    // Each byte of a path takes at most three characters.
    if rest.len() > PATH_MAX_BYTES * 3 {
        return Place::Nowhere;
    }
    let mut path = String::with_capacity(rest.len());
    for part in rest.split('/') {
        let Some(part) = decode(part) else { return Place::Nowhere };
        let is_hidden = path.is_empty() && part.starts_with('.');
        if is_hidden || check_part(&part).is_err() || part.contains('/') || means_more(&part) {
            return Place::Nowhere;
        }
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(&part);
    }
    if path.len() > PATH_MAX_BYTES { Place::Nowhere } else { Place::File(path) }
}

/// Whether a name means a way and not a file on this system: `C:`, `a\b`.
fn means_more(part: &str) -> bool {
    cfg!(windows) && part.contains(['\\', ':'])
}

/// Undoes percent-encoding (RFC 3986, 2.1); `None` for a torn escape or bytes that are not UTF-8.
fn decode(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let value = digit(rest.next())? * 16 + digit(rest.next())?;
            bytes.push(u8::try_from(value).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_through_as_they_are_on_disk() {
        for (encoded, path) in [
            ("/Tool/1.0/data/a%20b.txt", "Tool/1.0/data/a b.txt"),
            ("/a+b/%25/%41", "a+b/%/A"),
            ("/%F0%9F%A7%B0/100%25.txt", "🧰/100%.txt"),
            ("/Tool/1.0/data/.hidden", "Tool/1.0/data/.hidden"),
            ("/..a/b..", ""),
            ("/a/..b/...", "a/..b/..."),
        ] {
            let expected = if path.is_empty() { Place::Nowhere } else { Place::File(path.to_owned()) };
            assert_eq!(place_of(encoded), expected, "{encoded}");
        }
        assert_eq!(place_of("/"), Place::Index);
    }

    #[test]
    fn whatever_could_leave_the_folder_is_nowhere() {
        let long = format!("/{}", "a/".repeat(3000));
        let long_part = format!("/{}", "a".repeat(256));
        for encoded in [
            "",
            "*",
            "a",
            "//",
            "//etc/passwd",
            "/..",
            "/../etc/passwd",
            "/a/../b",
            "/a/%2e%2e/b",
            "/a/%2E%2e/b",
            "/%2e%2e%2fetc/passwd",
            "/a%2fb",
            "/a/./b",
            "/a/",
            "/a//b",
            "/a%00",
            "/a%0ab",
            "/a%",
            "/a%4",
            "/a%zz",
            "/a%+1",
            "/%ff",
            "/.incoming/x",
            "/%2etrash/x",
            long.as_str(),
            long_part.as_str(),
        ] {
            assert_eq!(place_of(encoded), Place::Nowhere, "{encoded}");
        }
    }
}
