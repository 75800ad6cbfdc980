//! Ranges, conditions and methods, as curl and a plain client ask for them.

use std::fs;

use crate::http::{ask, connect, curl, exchange, get};
use crate::{Outcome, age, content, put, serve};

#[test]
fn curl_downloads_resumes_and_asks_for_parts() -> Outcome {
    let place = tempfile::tempdir()?;
    let bytes = content(5_000_000);
    put(&place.path().join("served"), &[("Tool/1/data/big file.bin", &bytes)])?;
    let server = serve(&place.path().join("served"))?;
    let url = format!("{}Tool/1/data/big%20file.bin", server.url());
    let out = place.path().join("out");
    let fetch = |more: &[&str]| -> Outcome {
        let done = curl().arg("--fail").args(more).arg("--output").arg(&out).arg(&url).output()?;
        assert!(done.status.success(), "{more:?}: {}", String::from_utf8_lossy(&done.stderr));
        Ok(())
    };
    fetch(&[])?;
    assert!(fs::read(&out)? == bytes);
    // Resumed: only what was missing is sent.
    fs::write(&out, &bytes[..1_234_567])?;
    let before = server.counters().sent_bytes;
    fetch(&["--continue-at", "-"])?;
    assert!(fs::read(&out)? == bytes);
    assert_eq!(server.counters().sent_bytes - before, 5_000_000 - 1_234_567);
    fetch(&["--range", "10-19"])?;
    assert_eq!(fs::read(&out)?, bytes[10..20]);
    fetch(&["--range", "-5"])?;
    assert_eq!(fs::read(&out)?, bytes[4_999_995..]);
    let several = curl().args(["--include", "--range", "0-2,100-104"]).arg(&url).output()?.stdout;
    let text = String::from_utf8_lossy(&several);
    assert!(text.starts_with("HTTP/1.1 206 ") && text.contains("multipart/byteranges; boundary="), "{text}");
    for (told, part) in [("bytes 0-2/5000000", &bytes[0..3]), ("bytes 100-104/5000000", &bytes[100..105])] {
        let at = several.windows(told.len()).position(|here| here == told.as_bytes()).ok_or("a part")?;
        assert_eq!(&several[at + told.len() + 4..][..part.len()], part, "{told}");
    }
    assert_eq!(server.counters().broken, 0);
    Ok(())
}

#[test]
fn a_changed_file_has_another_tag_and_a_part_of_the_old_one_is_not_continued() -> Outcome {
    let place = tempfile::tempdir()?;
    let file = place.path().join("Tool/1/data/x");
    put(place.path(), &[("Tool/1/data/x", b"0123456789")])?;
    let server = serve(place.path())?;
    let ask = |fields: &[(&str, &str)]| get(server.address(), "/Tool/1/data/x", fields);
    let tag = ask(&[])?.field("ETag").ok_or("a tag")?.to_owned();
    assert!(tag.starts_with('"'), "{tag} is strong");
    let part = ask(&[("Range", "bytes=5-"), ("If-Range", &tag)])?;
    assert_eq!((part.status, part.body.as_slice()), (206, &b"56789"[..]));
    assert_eq!(part.field("Content-Range"), Some("bytes 5-9/10"));
    assert_eq!(part.field("ETag"), Some(tag.as_str()));
    assert_eq!(ask(&[("If-None-Match", &tag)])?.status, 304);
    assert_eq!(ask(&[("If-Match", &tag)])?.status, 200);
    // Same size, other content.
    fs::write(&file, b"9876543210")?;
    age(&file)?;
    let whole = ask(&[("Range", "bytes=5-"), ("If-Range", &tag)])?;
    assert_eq!((whole.status, whole.body.as_slice()), (200, &b"9876543210"[..]));
    assert_ne!(whole.field("ETag"), Some(tag.as_str()));
    assert_eq!(ask(&[("If-None-Match", &tag)])?.status, 200);
    assert_eq!(ask(&[("If-Match", &tag)])?.status, 412);
    let out = ask(&[("Range", "bytes=10-")])?;
    assert_eq!((out.status, out.field("Content-Range")), (416, Some("bytes */10")));
    // The tag outlives the server.
    let tag = whole.field("ETag").ok_or("a tag")?.to_owned();
    drop(server);
    let server = serve(place.path())?;
    assert_eq!(get(server.address(), "/Tool/1/data/x", &[("If-None-Match", &tag)])?.status, 304);
    Ok(())
}

#[test]
fn a_file_written_this_very_moment_gets_a_strong_tag_all_the_same() -> Outcome {
    let place = tempfile::tempdir()?;
    put(place.path(), &[("x", b"old")])?;
    let server = serve(place.path())?;
    let mut tags = std::collections::HashSet::new();
    for nth in 0..5u8 {
        fs::write(place.path().join("x"), [nth; 3])?;
        let reply = get(server.address(), "/x", &[])?;
        assert_eq!(reply.body, [nth; 3]);
        let tag = reply.field("ETag").ok_or("a tag")?.to_owned();
        assert!(tag.starts_with('"'), "{tag}");
        assert!(tags.insert(tag), "two contents with one tag");
    }
    Ok(())
}

#[test]
fn the_server_only_reads() -> Outcome {
    let place = tempfile::tempdir()?;
    put(place.path(), &[("x", b"0123456789")])?;
    let server = serve(place.path())?;
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "MKCOL", "get"] {
        let reply = ask(server.address(), method, "/x", &[])?;
        assert_eq!((reply.status, reply.field("Allow")), (405, Some("GET, HEAD")), "{method}");
    }
    let head = ask(server.address(), "HEAD", "/x", &[("Range", "bytes=0-1")])?;
    assert_eq!((head.status, head.field("Content-Length"), head.body.len()), (200, Some("10"), 0));
    assert_eq!(head.field("Accept-Ranges"), Some("bytes"));
    let no_host = exchange(connect(server.address())?, b"GET /x HTTP/1.1\r\nConnection: close\r\n\r\n")?;
    assert_eq!(no_host.status, 400);
    let old = exchange(connect(server.address())?, b"GET /x HTTP/1.0\r\n\r\n")?;
    assert_eq!((old.status, old.body.as_slice()), (200, &b"0123456789"[..]));
    let absolute = exchange(
        connect(server.address())?,
        b"GET http://elsewhere/x HTTP/1.1\r\nHost: elsewhere\r\nConnection: close\r\n\r\n",
    )?;
    assert_eq!(absolute.status, 200);
    assert_eq!(fs::read(place.path().join("x"))?, b"0123456789");
    Ok(())
}

#[test]
fn the_page_for_people_lists_packages_and_escapes_their_names() -> Outcome {
    let place = tempfile::tempdir()?;
    put(
        place.path(),
        &[
            ("Tool/1.0/snapshot.meta4", b"x"),
            ("<b>&'\"/1.0/data/x", b"x"),
            (".incoming/1/x", b"x"),
            ("file", b"x"),
        ],
    )?;
    let server = serve(place.path())?;
    let page = get(server.address(), "/", &[])?;
    let text = String::from_utf8(page.body.clone())?;
    assert_eq!((page.status, page.field("Content-Type")), (200, Some("text/html; charset=utf-8")));
    assert!(text.contains("Tool/1.0 <a href=\"/Tool/1.0/snapshot.meta4\">"), "{text}");
    assert!(text.contains("&lt;b&gt;&amp;&#39;&quot;/1.0") && !text.contains("<b>"), "{text}");
    assert!(!text.contains("incoming") && !text.contains("file"), "{text}");
    for path in ["/Tool", "/Tool/", "/Tool/1.0", "/Tool/1.0/"] {
        assert_eq!(get(server.address(), path, &[])?.status, 404, "{path}");
    }
    Ok(())
}
