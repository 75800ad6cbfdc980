//! History on paper: one HTML file that needs nothing else, a page for each entry.
//!
//! Knows no file and no library: text goes in, a document comes out. What stands in History comes from anybody, so
//! every value is escaped.

use std::fmt::Write as _;

use crate::package::{ConsistencyChecksum, HistoryEntry};

/// What stands on every page.
pub(super) struct Report<'a> {
    /// The folder of the library.
    pub(super) library: &'a str,
    /// Who made the report, and when.
    pub(super) made: &'a str,
    /// Which entries are in it.
    pub(super) filter: &'a str,
    /// Whether the chain held.
    pub(super) chain: &'a str,
}

const STYLE: &str = "body{font:14px/1.45 system-ui,sans-serif;max-width:52em;margin:2em auto;padding:0 1em;\
    color:#1b2026;background:#fff}section{margin:0 0 3em}h1{font-size:1.4em;margin:0 0 .2em}\
    h2{font-size:1.1em;margin:1.2em 0 .3em}table{border-collapse:collapse;width:100%}\
    th,td{text-align:left;vertical-align:top;padding:.25em .75em .25em 0;border-bottom:1px solid #d5dae0;\
    overflow-wrap:anywhere}th{color:#525d68;font-weight:600;width:11em}ul{margin:.3em 0;padding-left:1.3em}\
    li{overflow-wrap:anywhere}code{font-family:ui-monospace,monospace;font-size:.92em}\
    footer{color:#525d68;font-size:.85em;margin-top:1em}.sign{margin-top:3em;display:flex;gap:3em}\
    .sign div{flex:1;border-top:1px solid #525d68;padding-top:.2em;color:#525d68;font-size:.85em}\
    @media print{@page{margin:18mm}body{margin:0;max-width:none;padding:0}section{margin:0;break-after:page}\
    section:last-of-type{break-after:auto}tr,li{break-inside:avoid}}";

/// Text in a document or in an attribute of it.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // HTML has no place for them, and on paper nobody sees them.
            letter if letter.is_control() && letter != '\n' => safe.push('\u{FFFD}'),
            letter => safe.push(letter),
        }
    }
    safe
}

/// The document. `lines` are the entries as they are kept.
pub(super) fn page(report: &Report<'_>, lines: &[String]) -> Result<String, serde_json::Error> {
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <title>History of {}</title><style>{STYLE}</style></head><body>\n",
        escaped(report.library)
    );
    for line in lines {
        section(&mut html, report, line, &serde_json::from_str(line)?);
    }
    if lines.is_empty() {
        html.push_str("<section><h1>History</h1><p>No entry passes the filter.</p>");
        footer(&mut html, report);
        html.push_str("</section>\n");
    }
    html.push_str("</body></html>\n");
    Ok(html)
}

fn section(html: &mut String, report: &Report<'_>, line: &str, entry: &HistoryEntry) {
    // Writing to a String cannot fail.
    let package = entry.package.as_ref().map(|package| package.title()).unwrap_or_default();
    let title = format!("{} {package}", entry.event.word());
    let _ = writeln!(html, "<section><h1>{}</h1>", escaped(title.trim()));
    html.push_str("<table><tbody>\n");
    row(html, "Entry", &entry.number.to_string(), false);
    row(
        html,
        "Time",
        &format!("{} ({} UTC)", entry.local_time, entry.at.strftime("%Y-%m-%d %H:%M:%S")),
        false,
    );
    row(html, "Who", &format!("{} on {}", entry.who, entry.host), false);
    row(html, "How", &entry.how, false);
    row(html, "Reason", entry.reason.as_deref().unwrap_or("none given"), false);
    if let Some(details) = &entry.details {
        row(html, "Details", details, false);
    }
    for (name, checksum) in [("Old checksum", entry.old_checksum), ("New checksum", entry.new_checksum)] {
        if let Some(checksum) = checksum {
            row(html, name, &sum(checksum), true);
        }
    }
    if let Some(key) = &entry.key_id {
        row(html, "Key", key, true);
    }
    if let Some(package) = entry.package_id {
        row(html, "Package id", &package.to_string(), true);
    }
    row(html, "Entry before", &entry.previous.to_string(), true);
    row(html, "This entry", &HistoryEntry::digest_of_line(line).to_string(), true);
    html.push_str("</tbody></table>\n");
    if let Some(differences) = entry.differences.as_ref().filter(|differences| !differences.is_empty()) {
        let _ = writeln!(html, "<h2>{}</h2><ul>", escaped(&differences.summary()));
        for difference in differences.lines() {
            let _ = writeln!(html, "<li>{}</li>", escaped(&difference));
        }
        html.push_str("</ul>\n");
    }
    html.push_str("<div class=\"sign\"><div>Date</div><div>Seen by</div></div>\n");
    footer(html, report);
    html.push_str("</section>\n");
}

fn footer(html: &mut String, report: &Report<'_>) {
    let _ = writeln!(
        html,
        "<footer>{}. Entries: {}. Chain of History: {}. {}</footer>",
        escaped(report.library),
        escaped(report.filter),
        escaped(report.chain),
        escaped(report.made)
    );
}

fn row(html: &mut String, name: &str, value: &str, is_code: bool) {
    let value = escaped(value);
    let value = if is_code { format!("<code>{value}</code>") } else { value };
    let _ = writeln!(html, "<tr><th scope=\"row\">{}</th><td>{value}</td></tr>", escaped(name));
}

fn sum(checksum: ConsistencyChecksum) -> String {
    format!("{} files, {} bytes, {}", checksum.files, checksum.size_bytes, checksum.digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_comes_from_outside_is_markup() {
        let dirty = "<script>\"'&\u{1b}[0m";
        let clean = "&lt;script&gt;&quot;&#39;&amp;\u{FFFD}[0m";
        assert_eq!(escaped(dirty), clean);
        let report = Report { library: dirty, made: dirty, filter: dirty, chain: dirty };
        let html = page(&report, &[]).expect("no entries");
        assert_eq!(html.matches(clean).count(), 5, "{html}");
        assert!(!html.contains("<script"));
    }
}
