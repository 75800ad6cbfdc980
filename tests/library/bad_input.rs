//! Bad input, each refused with a code, a class and what to do; nothing is lost and nothing is left.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use packhouse::failure::Class;
use packhouse::session::{ListPackages, Register, RegisterRequest, Restore, RestoreSource, Seal, Session};

use crate::place::{Outcome, Place, ask, assert_sound, refused, register};

#[test]
fn sources_that_cannot_be_taken_are_refused() -> Outcome {
    let place = Place::new()?;
    let session = place.open()?;
    let code = |path: &Path| refused(register(&session, path, "Bad", "1")).code;
    assert_eq!(code(&place.path("missing")), "source-missing");
    fs::create_dir_all(place.path("empty/also empty"))?;
    assert_eq!(code(&place.path("empty")), "source-empty");
    assert_eq!(code(&place.root().join("packages")), "source-in-library");
    assert_eq!(code(&place.path("")), "source-in-library");

    let odd = place
        .source("odd", &[("good", b"1"), ("bad%0Aname", b"1"), ("control\u{1}", b"1"), ("end ", b"1")])?;
    symlink("good", odd.join("link"))?;
    let _socket = UnixListener::bind(odd.join("socket"))?;
    let failure = refused(register(&session, &odd, "Bad", "1"));
    assert_eq!((failure.code, failure.class), ("source-refused", Class::Refused));
    assert_eq!(failure.details.len(), 5, "all at once: {:?}", failure.details);

    // The same name and version, in other case too.
    let good = place.source("good", &[("a", b"1")])?;
    register(&session, &good, "Taken", "1.0a")?;
    for (name, version) in [("Taken", "1.0a"), ("tAKEN", "1.0A")] {
        assert_eq!(refused(register(&session, &good, name, version)).code, "package-exists");
    }
    assert_eq!(refused(register(&session, &good, "a/b", "1")).code, "bad-name");
    assert_eq!(ask(&session, ListPackages {})?.len(), 1);
    assert_sound(&session)
}

#[test]
fn a_source_that_changes_while_it_is_copied_is_refused() -> Outcome {
    let place = Place::new()?;
    let source = place.source("source", &[])?;
    for number in 0..40 {
        fs::write(source.join(format!("big {number:02}")), vec![1; 1 << 20])?;
    }
    let session = place.open()?;
    let stop = AtomicBool::new(false);
    let result = std::thread::scope(|scope| {
        scope.spawn(|| {
            let Ok(mut file) = fs::File::options().append(true).open(source.join("big 39")) else { return };
            while !stop.load(Ordering::SeqCst) && file.write_all(b"more").is_ok() {
                std::hint::spin_loop();
            }
        });
        let result = register(&session, &source, "Moving", "1");
        stop.store(true, Ordering::SeqCst);
        result
    });
    assert_eq!(refused(result).code, "source-changed");
    assert_eq!(ask(&session, ListPackages {})?.len(), 0);
    assert_sound(&session)
}

#[test]
fn a_newer_library_is_left_alone_and_hostile_archives_are_refused() -> Outcome {
    let place = Place::new()?;
    let source = place.source("source", &[("a", b"1")])?;
    let session = place.open()?;
    register(&session, &source, "Kept", "1")?;
    for (name, content) in
        [("empty", &b""[..]), ("noise", &[0xa5; 5000][..]), ("truncated", &[0x28, 0xb5, 0x2f, 0xfd][..])]
    {
        let file = place.path(&format!("{name}.tar.zst"));
        fs::write(&file, content)?;
        refused(ask(&session, Restore { source: RestoreSource::File(file) }));
    }
    // A real archive of files that lead outside.
    fs::create_dir(place.path("evil"))?;
    symlink("/etc/passwd", place.path("evil/reginfo.json"))?;
    let file = place.path("evil.tar.zst");
    let made =
        Command::new("tar").args(["--zstd", "-P", "-cf"]).arg(&file).arg(place.path("evil")).status()?;
    assert!(made.success());
    refused(ask(&session, Restore { source: RestoreSource::File(file) }));
    assert_eq!(ask(&session, ListPackages {})?.len(), 1);
    assert_sound(&session)?;
    drop(session);

    let database = rusqlite::Connection::open(place.root().join("catalog.db"))?;
    database.pragma_update(None, "user_version", 9999)?;
    drop(database);
    let before = crate::place::tree(&place.root())?;
    let mut reading = place.options();
    reading.read_only = true;
    for options in [place.options(), reading] {
        let failure = refused(Session::open(options));
        assert_eq!((failure.code, failure.class), ("library-newer", Class::Refused));
    }
    // What a newer program wrote is not rebuilt away either.
    let failure = refused(packhouse::session::rebuild(place.options(), &packhouse::work::Work::new()));
    assert_eq!((failure.code, failure.class), ("library-newer", Class::Refused));
    let mut after = crate::place::tree(&place.root())?;
    // The index of the WAL, which every reader makes.
    after.retain(|name, _| before.contains_key(name) || !name.starts_with("catalog.db-"));
    assert_eq!(after, before, "a byte was changed");
    Ok(())
}

#[test]
fn two_at_once_leave_one_whole_package() -> Outcome {
    let place = Place::new()?;
    let source = place.source("source", &[("a", b"1"), ("b", &[3; 300_000])])?;
    let (one, two) = (place.open()?, place.open()?);
    let register_both = std::thread::scope(|scope| {
        let other = scope.spawn(|| register(&two, &source, "Raced", "1"));
        let mut request = RegisterRequest::new(vec![source.clone()]);
        request.name = Some("Raced".to_owned());
        request.version = Some("1".to_owned());
        let first = ask(&one, Register { request }).map(|report| report.record);
        [first, other.join().expect("no panic")]
    });
    assert_eq!(register_both.iter().filter(|result| result.is_ok()).count(), 1);
    let id = ask(&one, ListPackages {})?[0].id;
    let seals = std::thread::scope(|scope| {
        let other = scope.spawn(|| ask(&two, Seal { package: id, key: None, block_size: None }).is_ok());
        let first = ask(&one, Seal { package: id, key: None, block_size: None }).is_ok();
        [first, other.join().expect("no panic")]
    });
    assert_eq!(seals.iter().filter(|done| **done).count(), 1, "sealed once");
    assert_sound(&one)?;
    assert_sound(&two)
}
