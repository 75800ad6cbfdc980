//! Paths in a pasted text: one a line, as file managers put them on the clipboard.

use std::path::PathBuf;

/// The paths in `text`: `file://` addresses (RFC 8089, percent-encoded) or plain absolute paths, one a line, in
/// quotes or not. Comments of a `text/uri-list` (RFC 2483) and anything else are passed over.
pub fn paths(text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        let line = line
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .or_else(|| line.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')))
            .unwrap_or(line);
        let path = match line.strip_prefix("file://") {
            // An address with a host other than this computer names nothing here.
            Some(rest) => rest.strip_prefix("localhost").unwrap_or(rest).starts_with('/').then(|| {
                let path = decoded(rest.strip_prefix("localhost").unwrap_or(rest));
                // `file:///C:/x` names `C:/x`.
                let bytes = path.as_bytes();
                let drive = bytes.len() > 2 && bytes[2] == b':' && bytes[1].is_ascii_alphabetic();
                PathBuf::from(if drive { &path[1..] } else { path.as_str() })
            }),
            None => Some(PathBuf::from(line)).filter(|path| path.is_absolute()),
        };
        if let Some(path) = path
            && !found.contains(&path)
        {
            found.push(path);
        }
    }
    found
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        if *first == b'%'
            && let [high, low, after @ ..] = tail
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            bytes.push(high * 16 + low);
            rest = after;
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_plain_paths_are_found_once() {
        let text = "# from the file manager\r\nfile:///srv/7%20Zip/%C3%A4\r\nfile://localhost/a\r\n\"/b c\"\n/a\nword\n\
                    file://elsewhere/x\n";
        let expected: Vec<PathBuf> = ["/srv/7 Zip/ä", "/a", "/b c"].iter().map(PathBuf::from).collect();
        assert_eq!(paths(text), expected);
    }

    #[test]
    fn odd_text_does_no_harm() {
        assert!(paths("").is_empty());
        assert!(paths("%%%\n%2\nfile://\nfile://%").is_empty());
        assert_eq!(paths("file:///%zz%4"), [PathBuf::from("/%zz%4")]);
    }
}
