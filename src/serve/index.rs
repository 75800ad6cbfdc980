//! The page for people at `/`: which packages there are, and where their snapshots lie.
//!
//! Bounded; names of strangers are escaped. Programs do not need it: they know the address of a snapshot.

use std::fmt::Write as _;
use std::path::Path;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;

use super::answer::unreachable_folder;
use crate::disk::{Kind, ReadBuffer, Root};
use crate::package::path::check_part;
use crate::package::snapshot::{SNAPSHOT_NAME, escape_url_path};

/// Most packages on the page.
const MOST: usize = 2000;

/// The page.
pub(super) fn page(folder: &Path) -> Response {
    let root = match Root::open(folder) {
        Ok(root) => root,
        Err(error) => return unreachable_folder(&error),
    };
    let (mut rows, mut is_cut) = (String::new(), false);
    let mut row = |path: &str| {
        let shown = escaped(path);
        let snapshot =
            if path.is_empty() { SNAPSHOT_NAME.to_owned() } else { format!("{path}/{SNAPSHOT_NAME}") };
        // Writing to a String cannot fail.
        let _ = match root.facts(&snapshot, false) {
            Ok(facts) if facts.kind == Kind::File => {
                writeln!(
                    rows,
                    "<li>{shown} <a href=\"/{}\">{SNAPSHOT_NAME}</a></li>",
                    escape_url_path(&snapshot)
                )
            }
            _ if path.is_empty() => Ok(()),
            _ => writeln!(rows, "<li>{shown}</li>"),
        };
    };
    row("");
    let mut count = 0;
    'names: for name in folders(&root, "") {
        for version in folders(&root, &name) {
            if count == MOST {
                is_cut = true;
                break 'names;
            }
            count += 1;
            row(&format!("{name}/{version}"));
        }
    }
    let more = if is_cut { "<p>There are more.</p>\n" } else { "" };
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Packages</title></head>\n\
         <body>\n<h1>Packages</h1>\n<ul>\n{rows}</ul>\n{more}</body>\n</html>\n"
    );
    let mut response = Response::new(Body::from(html));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The folders in a folder, by name; none where it cannot be read.
fn folders(root: &Root, path: &str) -> Vec<String> {
    let mut found = Vec::new();
    let Ok(folder) = root.folder(path, false) else { return found };
    let read = folder.read(&mut ReadBuffer::default(), |name, kind| {
        if let Ok(name) = name
            && (kind == Kind::Folder || kind == Kind::Unknown)
            && !name.starts_with('.')
            && check_part(name).is_ok()
        {
            found.push(name.to_owned());
        }
    });
    if let Err(error) = read {
        tracing::warn!(path, %error, "a folder cannot be read");
    }
    found.sort();
    found
}

/// Text inside an element or an attribute.
fn escaped(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => written.push_str("&amp;"),
            '<' => written.push_str("&lt;"),
            '>' => written.push_str("&gt;"),
            '"' => written.push_str("&quot;"),
            '\'' => written.push_str("&#39;"),
            c => written.push(c),
        }
    }
    written
}
