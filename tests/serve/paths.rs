//! Nothing outside the folder, by whatever way it is asked for.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::process::Command;

use crate::http::{connect, exchange, get, request};
use crate::{Outcome, options, put, serve};

#[test]
fn no_path_leads_out_of_the_folder() -> Outcome {
    let place = tempfile::tempdir()?;
    let folder = place.path().join("library/packages");
    put(
        place.path(),
        &[("library/catalog.db", b"SECRET"), ("library/.trash/x", b"SECRET"), ("outside", b"SECRET")],
    )?;
    put(&folder, &[("Tool/1/data/x", b"fine"), (".incoming/x", b"SECRET"), ("Tool/1/data/.dot", b"fine")])?;
    symlink(place.path().join("outside"), folder.join("Tool/1/data/absolute"))?;
    symlink("../../../../../outside", folder.join("Tool/1/data/relative"))?;
    symlink("x", folder.join("Tool/1/data/harmless"))?;
    symlink("../..", folder.join("Tool/up"))?;
    symlink(".", folder.join("Tool/loop"))?;
    let _socket = UnixListener::bind(folder.join("Tool/1/data/socket"))?;
    let pipe = Command::new("mkfifo").arg(folder.join("Tool/1/data/pipe")).status()?;
    assert!(pipe.success());
    let server = serve(&folder)?;
    let long = format!("/{}", "a/".repeat(20_000));
    let long_part = format!("/Tool/1/data/{}", "x".repeat(4000));
    let mut tried = 0;
    for path in [
        "/../catalog.db",
        "/../../outside",
        "/Tool/../../catalog.db",
        "/Tool/1/data/../../../../catalog.db",
        "/%2e%2e/catalog.db",
        "/%2e%2e%2fcatalog.db",
        "/.%2e/catalog.db",
        "/%2E./catalog.db",
        "/%252e%252e/catalog.db",
        "/..%2fcatalog.db",
        "/..%5ccatalog.db",
        "/..%5c..%5coutside",
        "/Tool%2f1%2fdata%2fx",
        "/Tool/1/data/x%00",
        "/Tool/1/data/x%00.txt",
        "/%00",
        "/Tool/1/data/x/",
        "/Tool/1/data/x/.",
        "/Tool/1/data/x/..",
        "/Tool/1/data//x",
        "//Tool/1/data/x",
        "///etc/passwd",
        "//etc/passwd",
        "/etc/passwd",
        "/./Tool/1/data/x",
        "/Tool/1/data/absolute",
        "/Tool/1/data/relative",
        "/Tool/1/data/harmless",
        "/Tool/up/catalog.db",
        "/Tool/loop/1/data/x",
        "/Tool/1/data/socket",
        "/Tool/1/data/pipe",
        "/Tool/1/data",
        "/.incoming/x",
        "/%2eincoming/x",
        "/.trash/x",
        "/~root/x",
        "/file:///etc/passwd",
        "/%c0%ae%c0%ae/catalog.db",
        "/%ff%fe",
        "/%",
        "/%2",
        "/%u002e%u002e/catalog.db",
        "/*",
        long.as_str(),
        long_part.as_str(),
    ] {
        let reply = get(server.address(), path, &[])?;
        let shown = &path[..path.len().min(60)];
        assert!(matches!(reply.status, 400 | 404 | 414 | 431), "{shown}: {}", reply.status);
        assert!(!reply.body.windows(6).any(|six| six == b"SECRET"), "{shown}");
        tried += 1;
    }
    // What is no path at all.
    for path in ["/Tool\\1\\data\\x", "\\..\\catalog.db", "../catalog.db", "/a\u{1}b", "*", "/ä"] {
        let reply = exchange(connect(server.address())?, &request("GET", path, &[]))?;
        assert!(matches!(reply.status, 400 | 404), "{path:?}: {}", reply.status);
        tried += 1;
    }
    assert_eq!(tried, 52);
    for path in ["/Tool/1/data/x", "/Tool/1/data/.dot", "/Tool/1/data/x?query=../..", "/T%6fol/1/data/x"] {
        let reply = get(server.address(), path, &[])?;
        assert_eq!((reply.status, reply.body.as_slice()), (200, &b"fine"[..]), "{path}");
    }
    // A folder that becomes a link while it is served.
    fs::rename(folder.join("Tool/1"), folder.join("Tool/2"))?;
    symlink(place.path(), folder.join("Tool/1"))?;
    assert_eq!(get(server.address(), "/Tool/1/outside", &[])?.status, 404);
    Ok(())
}

#[test]
fn a_library_itself_is_not_served_and_a_lost_folder_is_waited_for() -> Outcome {
    let place = tempfile::tempdir()?;
    put(place.path(), &[("library/catalog.db", b"x"), ("library/packages/Tool/1/data/x", b"fine")])?;
    let library = place.path().join("library");
    let refused = packhouse::session::serve(options(&library)?).expect_err("it is a library");
    assert_eq!(refused.code, "serve-library");
    assert!(refused.action.ends_with("packages instead"), "{}", refused.action);
    let missing = packhouse::session::serve(options(&place.path().join("none"))?).expect_err("there is none");
    assert_eq!((missing.code, missing.reason.is_empty()), ("serve-folder", false));
    let file = packhouse::session::serve(options(&library.join("catalog.db"))?).expect_err("no folder");
    assert_eq!(file.code, "serve-folder");

    let packages = library.join("packages");
    let server = serve(&packages)?;
    fs::rename(&packages, library.join("away"))?;
    let gone = get(server.address(), "/Tool/1/data/x", &[])?;
    assert_eq!((gone.status, gone.field("Retry-After").is_some()), (503, true));
    fs::rename(library.join("away"), &packages)?;
    assert_eq!(get(server.address(), "/Tool/1/data/x", &[])?.status, 200);
    Ok(())
}

#[test]
fn an_address_that_cannot_be_listened_on_is_explained() -> Outcome {
    let place = tempfile::tempdir()?;
    let first = serve(place.path())?;
    let mut again = options(place.path())?;
    again.listen = first.address();
    let refused = packhouse::session::serve(again).expect_err("it is taken");
    assert_eq!((refused.code, refused.temporary), ("address-in-use", true));
    assert!(refused.action.contains(&first.address().port().to_string()), "{}", refused.action);
    let mut elsewhere = options(place.path())?;
    // Set aside for documentation: no computer has it.
    elsewhere.listen = "192.0.2.1:0".parse()?;
    let refused = packhouse::session::serve(elsewhere).expect_err("not of this computer");
    assert_eq!(refused.code, "listen");
    assert!(refused.action.contains("0.0.0.0"), "{}", refused.action);
    Ok(())
}
