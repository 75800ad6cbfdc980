//! What is refused, and on whose word: unsealing what is staged, staging what differs, signing in.

use std::fs;
use std::sync::Arc;

use packhouse::delivery::staging::{StageError, StagingDesk};
use packhouse::failure::Class;
use packhouse::library::{Actor, Library, OpenOptions, ShareOptions};
use packhouse::package::staging::{Line, Window};
use packhouse::session::{
    AddStagingLibrary, Credentials, EditStagingLibrary, FindStaging, ListStagedCopies, ListStaging,
    NewStagingLibrary, Reconcile, Stage, StagingEdit, Unseal, Unstage,
};
use packhouse::transfer::{ManualClock, NetworkOptions};
use packhouse::work::Work;

use super::{files, has_seal, koeln, same_there, stage};
use crate::desk::{Desk, Outcome, noise};
use crate::sites::{Kind, Site};

#[test]
fn what_is_staged_is_not_unsealed() -> Outcome {
    let (desk, site) = (Desk::new()?, Site::open(Kind::Folder));
    let record = desk.sealed("Tool 1.0", &files())?;
    let staging = koeln(&desk, &site)?;
    stage(&desk, record.id, &staging)?;
    let refused = desk.run(Unseal { package: record.id }).expect_err("it is staged");
    assert_eq!((refused.code, refused.class), ("package-delivered", Class::Refused));
    assert_eq!(refused.message, "Tool@1.0 cannot be unsealed");
    assert!(refused.reason.starts_with("it is staged at 1 place"), "{}", refused.reason);
    assert!(refused.action.contains("new-version"), "{}", refused.action);
    assert_eq!(refused.details, ["staged at Köln"]);
    same_there(&desk, &site, &record);
    desk.run(Unstage { package: record.id, staging: staging.id })?;
    desk.run(Unseal { package: record.id })?;
    let open = stage(&desk, record.id, &staging).expect_err("it is Open");
    assert_eq!(open.class, Class::Refused, "{open}");
    Ok(())
}

#[test]
fn copies_for_test_computers_do_not_count_and_go_with_the_seal() -> Outcome {
    let (desk, site, tests) = (Desk::new()?, Site::open(Kind::Folder), Site::open(Kind::Folder));
    let record = desk.sealed("Tool 1.0", &files())?;
    let staging = koeln(&desk, &site)?;
    let new = NewStagingLibrary {
        name: "Bench".to_owned(),
        write: tests.address.clone(),
        for_tests: true,
        ..NewStagingLibrary::default()
    };
    let bench = desk.run(AddStagingLibrary { new })?;
    stage(&desk, record.id, &bench)?;
    stage(&desk, record.id, &staging)?;
    desk.run(Unseal { package: record.id }).expect_err("it is staged for others too");
    assert!(has_seal(&tests, &record), "nothing was unstaged by a refusal");
    desk.run(Unstage { package: record.id, staging: staging.id })?;
    desk.run(Unseal { package: record.id })?;
    assert!(!tests.object("packages/Tool/1.0").exists());
    assert!(desk.run(ListStagedCopies { package: None })?.is_empty());
    Ok(())
}

#[test]
fn what_differs_is_not_staged() -> Outcome {
    let (desk, site) = (Desk::new()?, Site::open(Kind::Folder));
    let record = desk.sealed("Tool 1.0", &files())?;
    let staging = koeln(&desk, &site)?;
    fs::write(desk.package("Tool/1.0/data/new"), "new")?;
    let refused = stage(&desk, record.id, &staging).expect_err("it is blocked");
    assert_eq!((refused.code, refused.class), ("consistency-differs", Class::Refused));
    assert!(!site.object("packages").exists(), "nothing was written");
    Ok(())
}

#[test]
fn a_password_is_kept_sealed_and_goes_to_no_other_server() -> Outcome {
    let desk = Desk::new()?;
    let place = tempfile::tempdir()?;
    // anna:s3cret, as `openssl passwd -apr1 -salt packhous s3cret` writes it; nginx also takes it in the open.
    let users = place.path().join("users");
    fs::write(&users, "anna:{PLAIN}s3cret\n")?;
    let site = Site::nginx(
        "PROPFIND OPTIONS",
        &format!("auth_basic staging; auth_basic_user_file {};", users.display()),
    );
    let record = desk.sealed("Tool 1.0", &[("a", noise(1, 100))])?;
    let with = |user: &str, password: &str| {
        Some(Credentials::Basic { user: user.to_owned(), password: password.to_owned() })
    };
    let new = NewStagingLibrary {
        name: "Köln".to_owned(),
        write: site.address.clone(),
        credentials: with("anna", "wrong-one"),
        ..NewStagingLibrary::default()
    };
    let staging = desk.run(AddStagingLibrary { new })?;
    let refused = stage(&desk, record.id, &staging).expect_err("the password is wrong");
    assert_eq!((refused.code, refused.class), ("staging-forbidden", Class::Environment), "{refused}");
    assert!(!format!("{refused:?}").contains("wrong-one"));
    let edit = StagingEdit { credentials: Some(with("anna", "s3cret")), ..StagingEdit::default() };
    desk.run(EditStagingLibrary { id: staging.id, edit })?;
    stage(&desk, record.id, &staging)?;
    same_there(&desk, &site, &record);
    assert!(desk.run(ListStaging {})?[0].has_credentials);
    desk.run(Reconcile { staging: staging.id })?;
    for entry in fs::read_dir(desk.path("library"))? {
        let path = entry?.path();
        if path.is_file() {
            let bytes = fs::read(&path)?;
            for secret in ["s3cret", "wrong-one"] {
                let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
                assert!(!found, "the password lies in {}", path.display());
            }
        }
    }
    Ok(())
}

#[test]
fn staging_libraries_are_found_by_name_and_by_address() -> Outcome {
    let (desk, site) = (Desk::new()?, Site::open(Kind::Folder));
    let staging = koeln(&desk, &site)?;
    for text in ["Köln", "KÖLN", " köln ", site.address.as_str(), &format!("file://{}", site.address)] {
        assert_eq!(desk.run(FindStaging { text: text.to_owned() })?.id, staging.id, "{text}");
    }
    let missing = desk.run(FindStaging { text: "http://u:secret@host/x".to_owned() }).expect_err("none");
    assert_eq!((missing.code, missing.class), ("no-staging-library", Class::Usage));
    assert!(!missing.message.contains("secret"));
    let again = NewStagingLibrary {
        name: "köln".to_owned(),
        write: site.address.clone(),
        ..NewStagingLibrary::default()
    };
    assert_eq!(desk.run(AddStagingLibrary { new: again }).expect_err("the same name").code, "staging-exists");
    for name in ["", "  ", "a\nb", "http://x", "/srv"] {
        let new = NewStagingLibrary {
            name: name.to_owned(),
            write: site.address.clone(),
            ..NewStagingLibrary::default()
        };
        assert_eq!(
            desk.run(AddStagingLibrary { new }).expect_err("no name").code,
            "staging-name",
            "{name:?}"
        );
    }
    Ok(())
}

/// The engine by its own door, with a clock that stands and somebody who uses what is staged.
#[test]
fn a_line_is_open_at_its_hours_and_what_jobs_use_stays() -> Outcome {
    let (desk, site) = (Desk::new()?, Site::open(Kind::Folder));
    let record = desk.sealed("Tool 1.0", &files())?;
    let library = Arc::new(Library::open(OpenOptions {
        root: desk.path("library"),
        create: false,
        read_only: false,
        actor: Actor {
            who: "anna".to_owned(),
            host: "bench".to_owned(),
            how: "test".to_owned(),
            time_zone: jiff::tz::TimeZone::UTC,
        },
        keys: desk.path("keys"),
        share: ShareOptions::default(),
    })?);
    let noon: jiff::Timestamp = "2026-11-21T12:00:00Z".parse()?;
    let clock = Arc::new(ManualClock::new(noon));
    let engine = StagingDesk::new(library, NetworkOptions::default(), clock.clone());
    let staging = engine.add(packhouse::delivery::staging::NewStagingLibrary {
        name: "Branch".to_owned(),
        write: site.address.clone(),
        line: Line { bytes_per_second: None, window: Some(Window::parse("20:00-06:00")?) },
        ..Default::default()
    })?;
    let work = Work::new();
    let closed = engine.stage(record.id, staging.id, Default::default(), &work);
    assert!(matches!(closed, Err(StageError::Closed { .. })), "{closed:?}");
    assert!(!site.object("packages").exists());
    clock.advance(std::time::Duration::from_secs(8 * 3600));
    let report = engine.stage(record.id, staging.id, Default::default(), &work)?;
    assert_eq!(report.copy.staged_at.to_string(), "2026-11-21T20:00:00Z");
    let used =
        engine.unstage(record.id, staging.id, &|_, _| Ok(vec!["job \"Branch Köln\"".to_owned()]), &work);
    assert!(matches!(used, Err(StageError::InUse { .. })), "{used:?}");
    same_there(&desk, &site, &record);
    let failure = used.map_err(|error| error.explain()).expect_err("in use");
    assert_eq!((failure.code, failure.details.len()), ("staged-in-use", 1));
    Ok(())
}

#[test]
fn a_slow_line_is_not_filled() -> Outcome {
    let (desk, site) = (Desk::new()?, Site::open(Kind::Folder));
    let record = desk.sealed("Tool 1.0", &[("a", noise(1, 3_000_000))])?;
    let staging = koeln(&desk, &site)?;
    let line = Line { bytes_per_second: Some(2_000_000), window: None };
    desk.run(EditStagingLibrary {
        id: staging.id,
        edit: StagingEdit { line: Some(line), ..StagingEdit::default() },
    })?;
    let began = std::time::Instant::now();
    let work = Work::new();
    desk.session.run(Stage { package: record.id, staging: staging.id, now: false }, &work)?;
    assert!(began.elapsed() >= std::time::Duration::from_millis(900), "{:?}", began.elapsed());
    assert_eq!(work.rate(), None, "the limit was the line's");
    Ok(())
}

#[test]
fn no_package_library_is_taken_for_a_staging_library() -> Outcome {
    let (desk, site) = (Desk::new()?, Site::open(Kind::Folder));
    let record = desk.sealed("Tool 1.0", &files())?;
    let other = desk.path("other");
    drop(Library::open(OpenOptions {
        root: other.clone(),
        create: true,
        read_only: false,
        actor: Actor {
            who: "anna".to_owned(),
            host: "bench".to_owned(),
            how: "test".to_owned(),
            time_zone: jiff::tz::TimeZone::UTC,
        },
        keys: desk.path("keys"),
        share: ShareOptions::default(),
    })?);
    let own = desk.path("library");
    for folder in [own.clone(), own.join("packages"), other] {
        let write = folder.display().to_string();
        let new = NewStagingLibrary { name: "X".to_owned(), write, ..NewStagingLibrary::default() };
        let refused = desk.run(AddStagingLibrary { new }).expect_err("a library lies there");
        assert_eq!((refused.code, refused.class), ("staging-is-library", Class::Refused), "{refused}");
    }
    let staging = koeln(&desk, &site)?;
    let edit = StagingEdit { write: Some(own.display().to_string()), ..StagingEdit::default() };
    let refused = desk.run(EditStagingLibrary { id: staging.id, edit }).expect_err("a library lies there");
    assert_eq!(refused.code, "staging-is-library");
    // A way to the library by another name, made after the staging library was added.
    stage(&desk, record.id, &staging)?;
    let there = std::path::Path::new(&site.address);
    fs::rename(there, there.with_extension("away"))?;
    std::os::unix::fs::symlink(&own, there)?;
    let refused =
        desk.run(Unstage { package: record.id, staging: staging.id }).expect_err("it is a library now");
    assert_eq!(refused.code, "staging-is-library");
    assert!(
        own.join("packages/Tool/1.0/reginfo.json").exists(),
        "unstaging removed the library's own package"
    );
    fs::remove_file(there)?;
    fs::rename(there.with_extension("away"), there)?;
    Ok(())
}

/// Whether an address is that of a staging library that is there already, however it is written.
#[test]
fn one_place_is_one_staging_library() -> Outcome {
    let desk = Desk::new()?;
    let (folder, link) = (desk.path("site"), desk.path("link"));
    fs::create_dir(&folder)?;
    #[cfg(unix)]
    std::os::unix::fs::symlink(&folder, &link)?;
    #[cfg(not(unix))]
    let _ = &link;
    let add = |name: &str, write: &str, read: Option<&str>| {
        desk.run(AddStagingLibrary {
            new: NewStagingLibrary {
                name: name.to_owned(),
                write: write.to_owned(),
                read: read.map(str::to_owned),
                ..NewStagingLibrary::default()
            },
        })
    };
    let there = folder.display().to_string();
    let missing = desk.path("not/yet").display().to_string();
    let web = "https://dav.example/staging/";
    let bucket = "s3://bucket/a?endpoint=https://s3.example:9000&region=one";
    add("Köln", &there, None)?;
    add("Later", &missing, None)?;
    let berlin = add("Berlin", web, Some("https://read.example/a%20b/"))?;
    add("Bucket", bucket, None)?;
    let mut same = vec![
        (there.clone(), "Köln"),
        (format!("{there}/"), "Köln"),
        (format!("{there}/./x/.."), "Köln"),
        (format!("file://{there}"), "Köln"),
        (format!("{missing}/"), "Later"),
        (desk.path("not/there/../yet").display().to_string(), "Later"),
        ("https://dav.example/staging".to_owned(), "Berlin"),
        ("HTTPS://DAV.Example:443/%73taging/".to_owned(), "Berlin"),
        ("https://anna:secret@dav.example/staging/".to_owned(), "Berlin"),
        ("https://read.example/a b".to_owned(), "Berlin"),
        ("s3://bucket/a/?endpoint=https://S3.example:9000/&region=two".to_owned(), "Bucket"),
    ];
    if cfg!(unix) {
        same.push((link.display().to_string(), "Köln"));
    }
    for (address, whose) in &same {
        let refused = add("Bonn", address, None).expect_err(address);
        assert_eq!((refused.code, refused.class), ("staging-address-taken", Class::Refused), "{address}");
        assert!(refused.message.contains(&format!("{whose:?}")), "{refused}");
        assert!(!refused.action.is_empty() && !format!("{refused:?}").contains("secret"), "{refused:?}");
    }
    let bonn = add("Bonn", "https://other.example/", None)?;
    let edit = |id, edit: StagingEdit| desk.run(EditStagingLibrary { id, edit });
    let moved = |to: &str| StagingEdit { write: Some(to.to_owned()), ..StagingEdit::default() };
    for (address, _) in &same {
        let refused = edit(bonn.id, moved(address)).expect_err(address);
        assert_eq!(refused.code, "staging-address-taken", "{address}");
    }
    let read = StagingEdit { read: Some(Some(web.to_owned())), ..StagingEdit::default() };
    assert_eq!(edit(bonn.id, read).expect_err("it is read there").code, "staging-address-taken");
    // Its own address is its own, and a place beside it is another one.
    edit(berlin.id, moved("https://dav.example/staging"))?;
    edit(bonn.id, moved("https://dav.example/Staging/"))?;
    add("Below", "https://dav.example/staging/below/", None)?;
    add("Other bucket", "s3://bucket/b?endpoint=https://s3.example:9000", None)?;
    assert_eq!(desk.run(ListStaging {})?.len(), 7);
    Ok(())
}
