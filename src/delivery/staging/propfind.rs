//! The answer of a web server to PROPFIND of depth 1 (RFC 4918, 9.1): the entries of a folder.
//!
//! Pure: a text goes in, names and sizes come out. Comes from strangers: what is no entry directly below the folder is
//! passed over, and no name with `/` in it comes out.

use super::store::Listed;
use crate::package::address::percent_decoded;
use crate::package::xml::{Step, Walk, XmlProblem};

/// What is asked for.
pub(super) const QUESTION: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
    <D:propfind xmlns:D=\"DAV:\"><D:prop><D:resourcetype/><D:getcontentlength/></D:prop></D:propfind>";
/// The most entries that one folder may have.
const MOST_ENTRIES: usize = 5_000_000;

const DAV: &str = "DAV:";

/// Why an answer cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PropfindProblem {
    /// Not XML, or XML that is not taken.
    #[error(transparent)]
    Xml(#[from] XmlProblem),
    /// Another document.
    #[error("it is no list of a folder")]
    NoList,
    /// An object without its size: nothing could be compared.
    #[error("it does not say how large {0} is")]
    NoSize(String),
    /// More than a folder can have.
    #[error("it lists too much")]
    TooMuch,
}

/// One `<response>` as it is read.
#[derive(Default)]
struct Entry {
    href: Option<String>,
    is_folder: bool,
    size: Option<u64>,
}

/// Reads the entries of the folder whose own path, escaped as in its address, is `folder`, with `/` at its end.
pub(super) fn entries(text: &str, folder: &str) -> Result<Vec<Listed>, PropfindProblem> {
    let folder = percent_decoded(folder);
    let mut walk = Walk::new(text);
    let mut open: Vec<String> = Vec::new();
    let mut listed = Vec::new();
    let mut entry = Entry::default();
    while let Some(step) = walk.next()? {
        match step {
            Step::Begin(element) => {
                let name = if element.is_of(DAV) { element.name().to_owned() } else { String::new() };
                if open.is_empty() && name != "multistatus" {
                    return Err(PropfindProblem::NoList);
                }
                match name.as_str() {
                    "response" if open.len() == 1 => entry = Entry::default(),
                    "collection" if open.last().is_some_and(|last| last == "resourcetype") => {
                        entry.is_folder = true;
                    }
                    _ => {}
                }
                open.push(name);
            }
            Step::End(text) => {
                let text = text.trim();
                match (open.len(), open.last().map(String::as_str)) {
                    (3, Some("href")) => entry.href = Some(text.to_owned()),
                    (5, Some("getcontentlength")) => entry.size = text.parse().ok(),
                    (2, Some("response")) => {
                        if let Some(found) = one(std::mem::take(&mut entry), &folder)? {
                            if listed.len() == MOST_ENTRIES {
                                return Err(PropfindProblem::TooMuch);
                            }
                            listed.push(found);
                        }
                    }
                    _ => {}
                }
                open.pop();
            }
        }
    }
    Ok(listed)
}

/// The entry, if it is one directly below the folder.
fn one(entry: Entry, folder: &[u8]) -> Result<Option<Listed>, PropfindProblem> {
    let Some(href) = entry.href else { return Ok(None) };
    let path = match href.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => href.as_str(),
    };
    let path = percent_decoded(path);
    let Some(name) = path.strip_prefix(folder) else { return Ok(None) };
    let ends_as_folder = name.ends_with(b"/");
    let name = name.strip_suffix(b"/").unwrap_or(name);
    if name.is_empty() || name.contains(&b'/') {
        return Ok(None);
    }
    let is_folder = entry.is_folder || ends_as_folder;
    let name = match std::str::from_utf8(name) {
        Ok(name) => name.to_owned(),
        Err(_) => crate::disk::escaped(name),
    };
    match (is_folder, entry.size) {
        (true, _) => Ok(Some(Listed { name, size: 0, is_folder })),
        (false, Some(size)) => Ok(Some(Listed { name, size, is_folder })),
        (false, None) => Err(PropfindProblem::NoSize(name)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn response(href: &str, inner: &str) -> String {
        format!(
            "<D:response><D:href>{href}</D:href><D:propstat><D:prop>{inner}</D:prop>\
             <D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"
        )
    }

    fn document(responses: &[String]) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\" ?>\n<D:multistatus xmlns:D=\"DAV:\">{}</D:multistatus>",
            responses.concat()
        )
    }

    const FOLDER: &str = "<D:resourcetype><D:collection/></D:resourcetype>";

    fn file(size: &str) -> String {
        format!("<D:getcontentlength>{size}</D:getcontentlength><D:resourcetype></D:resourcetype>")
    }

    #[test]
    fn entries_of_a_folder_are_read() {
        let text = document(&[
            response("/staging/packages/", FOLDER),
            response("/staging/packages/7-Zip/", FOLDER),
            response("/staging/packages/Gr%C3%B6%C3%9Fe%20%231", FOLDER),
            response("http://host:8080/staging/packages/a%20b.txt", &file("12")),
            response("/staging/packages/100%25", &file("0")),
        ]);
        let mut found = entries(&text, "/staging/packages/").expect("a list");
        found.sort();
        let folder = |name: &str| Listed { name: name.to_owned(), size: 0, is_folder: true };
        let file = |name: &str, size| Listed { name: name.to_owned(), size, is_folder: false };
        assert_eq!(found, [file("100%", 0), folder("7-Zip"), folder("Größe #1"), file("a b.txt", 12)]);
    }

    #[test]
    fn what_lies_elsewhere_is_no_entry() {
        let text = document(&[
            response("/staging/packages/../../etc/passwd", &file("1")),
            response("/staging/packages/a%2Fb", &file("1")),
            response("/other/x", &file("1")),
            response("/staging/packages/deep/er", &file("1")),
            response("/staging/packages//", FOLDER),
        ]);
        assert_eq!(entries(&text, "/staging/packages/"), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_list_is_an_error() {
        let no_size = document(&[response("/s/x", "<D:resourcetype/>")]);
        assert_eq!(entries(&no_size, "/s/"), Err(PropfindProblem::NoSize("x".to_owned())));
        for wrong in ["", "<html></html>", "<D:multistatus xmlns:D=\"DAV:\">", "<multistatus/>", "{}"] {
            assert!(entries(wrong, "/s/").is_err(), "{wrong:?}");
        }
        let entity = document(&[]).replacen("<D:multi", "<!DOCTYPE x [<!ENTITY a \"b\">]><D:multi", 1);
        assert!(entries(&entity, "/s/").is_err());
    }

    proptest! {
        #[test]
        fn nothing_panics_and_no_name_leaves_its_folder(
            names in prop::collection::vec("[a-z%./\\\\]{0,12}", 0..8), noise in "\\PC{0,200}",
        ) {
            let _ = entries(&noise, "/s/");
            let responses: Vec<String> =
                names.iter().map(|name| response(&format!("/s/{name}"), &file("1"))).collect();
            for entry in entries(&document(&responses), "/s/").expect("well-formed") {
                prop_assert!(!entry.name.is_empty() && !entry.name.contains('/'));
            }
        }
    }
}
