//! The list of downloads of a library through its session: turns, pauses, restarts, trust, removal.

use std::collections::HashSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use packhouse::package::download::{DownloadId, DownloadState, TrustDecision};
use packhouse::package::{PackageKey, PackageState};
use packhouse::session::{
    AddDownload, ListPackages, LookAtOffer, OfferSeal, RUNNING_MOST, RegisterDownload, RemoveDownload,
};
use packhouse::work::Work;

use crate::desk::{Outcome, noise};
use crate::origin::{Fault, Origin};
use crate::publisher::{BLOCK, Scene, Watched, add, files, has_files, publish, tree};

#[test]
fn a_sealed_package_of_a_trusted_key_arrives_whole() -> Outcome {
    let scene = Scene::new(5);
    let session = scene.here.open();
    let watched = Watched::of(&session);
    let look = session.run(LookAtOffer { address: scene.address(), credentials: None }, &Work::new())?;
    assert_eq!((look.title.as_str(), look.files, look.blocks, look.revision), ("Tool 1.0", 3, 6, Some(1)));
    assert_eq!((look.block_size_bytes, look.already, &look.refusal), (BLOCK as u64, false, &None));
    assert!(matches!(look.seal, OfferSeal::Trusted { ref name, .. } if name.starts_with("Packaging ")));
    assert_eq!(scene.payload_requests(), 0, "a look fetches no payload");
    let id = add(&session, scene.request())?;
    let row = watched.until_state(id, DownloadState::Ready);
    assert_eq!(
        (row.title.as_str(), row.done_bytes, row.total_bytes),
        ("Tool 1.0", look.size_bytes, Some(look.size_bytes))
    );
    assert_eq!(row.fetched_again_bytes, 0);
    assert!(row.finished.is_some() && matches!(row.trust, Some(TrustDecision::Sealed { .. })));
    // A valid bag again, with the very texts that were sealed; notes are each library's own.
    let mut there = tree(&scene.package_folder, "");
    there.retain(|(path, _)| path != "notes.json");
    let here = tree(&scene.target(), "");
    let differs =
        |(path, content): &&(String, Vec<u8>)| !there.iter().any(|(p, c)| p == path && c == content);
    let differs: Vec<_> =
        here.iter().filter(differs).map(|(path, content)| (path, String::from_utf8_lossy(content))).collect();
    assert_eq!((differs, here.len()), (vec![], there.len()), "what arrived is what was published");
    let live = watched.downloads.live(id).ok_or("its details stay")?;
    let map = live.map().ok_or("few blocks")?;
    assert_eq!((live.board().len(), map.len(), map.files().len()), (6, 6, 3));
    assert!(live.events().iter().any(|event| event.text.contains("Ready")), "{:?}", live.events());
    Ok(())
}

#[test]
fn after_a_restart_it_goes_on_by_itself_and_fetches_nothing_twice() -> Outcome {
    let scene = Scene::new(12);
    let session = scene.here.open();
    let id = add(&session, AddDownload { limit: Some(BLOCK as u64 * 4), ..scene.request() })?;
    let watched = Watched::of(&session);
    let row = watched
        .until(id, |row| row.state == DownloadState::Downloading && row.done_bytes >= 3 * BLOCK as u64);
    assert!(row.done_bytes < row.total_bytes.ok_or("it is known")?);
    drop((watched, session));
    let before = scene.origin.sent_bytes();
    let session = scene.here.open();
    let watched = Watched::of(&session);
    watched.downloads.set_limit(id, None);
    let row = watched.until_state(id, DownloadState::Ready);
    let blocks = row.blocks.ok_or("it ran here")?;
    assert!(blocks.kept >= 3 && blocks.kept + blocks.fetched == blocks.total, "{blocks:?}");
    let missing = row.total_bytes.unwrap_or(0) - blocks.kept as u64 * BLOCK as u64;
    let sent = scene.origin.sent_bytes() - before;
    assert!(sent <= missing + BLOCK as u64, "{sent} sent, {missing} were missing");
    has_files(&scene.target(), &scene.files);
    Ok(())
}

#[test]
fn a_pause_survives_a_restart_and_resume_ends_it() -> Outcome {
    let scene = Scene::new(12);
    let session = scene.here.open();
    let watched = Watched::of(&session);
    let id = add(&session, AddDownload { limit: Some(BLOCK as u64 * 4), ..scene.request() })?;
    watched.until(id, |row| row.done_bytes >= BLOCK as u64 && row.state == DownloadState::Downloading);
    watched.downloads.pause(id);
    watched.until_state(id, DownloadState::Paused);
    drop((watched, session));
    let asked = scene.origin.seen().len();
    let session = scene.here.open();
    let watched = Watched::of(&session);
    // Another download, asked for later, runs: the paused one had its chance.
    let other = Scene::new(2);
    scene.here.trust(&other.publisher);
    let second = add(&session, AddDownload { folder: Some(scene.root.join("other")), ..other.request() })?;
    watched.until_state(second, DownloadState::Ready);
    assert_eq!(watched.row(id).map(|row| row.state), Some(DownloadState::Paused));
    assert_eq!(scene.origin.seen().len(), asked, "nothing was fetched for it");
    watched.downloads.set_limit(id, None);
    watched.downloads.resume(id);
    let row = watched.until_state(id, DownloadState::Ready);
    assert!(row.blocks.is_some_and(|blocks| blocks.kept >= 1 && blocks.corrupt == 0), "{row:?}");
    has_files(&scene.target(), &scene.files);
    Ok(())
}

#[test]
fn three_run_and_the_others_wait_for_their_turn() -> Outcome {
    let scene = Scene::new(4);
    let session = scene.here.open();
    let watched = Watched::of(&session);
    let slow = |number: usize| AddDownload {
        folder: Some(scene.root.join(format!("into {number}"))),
        limit: Some(1000),
        ..scene.request()
    };
    let ids: Vec<DownloadId> = (0..6).map(|number| add(&session, slow(number))).collect::<Result<_, _>>()?;
    let is_running = |state| matches!(state, DownloadState::Checking | DownloadState::Downloading);
    let running =
        |rows: &[packhouse::session::DownloadRow]| rows.iter().filter(|row| is_running(row.state)).count();
    let rows = watched.until_rows(|rows| {
        assert!(running(rows) <= RUNNING_MOST, "{rows:#?}");
        rows.len() == 6
            && rows.iter().filter(|row| row.state == DownloadState::Downloading).count() == RUNNING_MOST
    });
    let waiting: HashSet<DownloadId> =
        rows.iter().filter(|row| row.state == DownloadState::Pending).map(|row| row.id).collect();
    assert_eq!(waiting, ids[3..].iter().copied().collect(), "in the order they were asked for");
    for id in &ids {
        watched.downloads.set_limit(*id, None);
    }
    watched.until_rows(|rows| {
        assert!(running(rows) <= RUNNING_MOST, "{rows:#?}");
        rows.iter().all(|row| row.state == DownloadState::Ready)
    });
    for number in 0..6 {
        has_files(&scene.root.join(format!("into {number}")), &scene.files);
    }
    Ok(())
}

#[test]
fn nothing_of_the_payload_is_fetched_before_its_seal_is_trusted() -> Outcome {
    let scene = Scene::new(2);
    let stranger = crate::publisher::Place::new(&scene.root.join("stranger"));
    let session = stranger.open();
    let refused = |request: AddDownload, code: &str| {
        let failure = add(&session, request).expect_err("it is refused");
        assert_eq!(failure.code, code, "{failure}");
        assert_eq!(scene.payload_requests(), 0, "{code}: {:?}", scene.origin.seen());
        assert!(!scene.target().exists() || fs::read_dir(scene.target()).expect("a folder").next().is_none());
    };
    // The key is not known, and nobody has seen its fingerprint.
    refused(scene.request(), "download-unknown-key");
    let once = AddDownload { unknown_key: Some("tried once".to_owned()), ..scene.request() };
    refused(once.clone(), "download-unknown-key");
    // A seal is no seal that is left out: allowing unsigned ones does not help.
    let unsigned = Some("a test".to_owned());
    for name in ["reginfo.json.minisig", "reginfo.json"] {
        let path = format!("Tool/1.0/{name}");
        scene.origin.fault(move |_, seen| if seen.path == path { Fault::Status(404) } else { Fault::None });
        refused(AddDownload { unsigned: unsigned.clone(), ..scene.request() }, "download-seal-missing");
    }
    scene.origin.fault(|_, _| Fault::None);
    // Changed after signing, with the key trusted.
    stranger.trust(&scene.publisher);
    let snapshot = fs::read_to_string(scene.package_folder.join("snapshot.meta4"))?;
    scene.origin.put("Tool/1.0/snapshot.meta4", format!("{snapshot}\n").into_bytes(), None);
    refused(scene.request(), "download-seal-broken");
    let look = session.run(LookAtOffer { address: scene.address(), credentials: None }, &Work::new())?;
    assert!(matches!(look.seal, OfferSeal::Broken { .. }), "{look:?}");
    assert_eq!(scene.payload_requests(), 0);
    scene.origin.put("Tool/1.0/snapshot.meta4", snapshot.into_bytes(), None);
    let watched = Watched::of(&session);
    let id = add(&session, scene.request())?;
    watched.until_state(id, DownloadState::Ready);
    Ok(())
}

#[test]
fn an_unknown_key_is_taken_once_where_its_fingerprint_was_shown() -> Outcome {
    let scene = Scene::new(2);
    let session = crate::publisher::Place::new(&scene.root.join("stranger")).open();
    let watched = Watched::of(&session);
    let look = session.run(LookAtOffer { address: scene.address(), credentials: None }, &Work::new())?;
    let OfferSeal::Unknown { key_id } = look.seal else { panic!("{look:?}") };
    let short = AddDownload { unknown_key: Some("x".to_owned()), ..scene.request() };
    assert_eq!(add(&session, short).expect_err("no reason").code, "no-reason");
    let once = AddDownload { unknown_key: Some("tried once".to_owned()), ..scene.request() };
    let id = add(&session, once)?;
    let row = watched.until_state(id, DownloadState::Ready);
    let Some(TrustDecision::ThisOnce { key_id: taken, allowed }) = row.trust else { panic!("{row:?}") };
    assert_eq!((taken, allowed.who.as_str(), allowed.reason.as_str()), (key_id, "anna", "tried once"));
    Ok(())
}

#[test]
fn blocks_that_the_library_has_are_not_fetched() -> Outcome {
    let scene = Scene::new(8);
    let session = scene.here.open();
    // The version before: block 3 of the large file was another one, and a file lay elsewhere.
    let mut before = files(7, 8);
    before[0].1[3 * BLOCK + 5] ^= 1;
    before[2].0 = "old name.sh".to_owned();
    publish(&session, ("Tool", "0.9"), &before);
    let watched = Watched::of(&session);
    let id = add(&session, scene.request())?;
    let row = watched.until_state(id, DownloadState::Ready);
    let blocks = row.blocks.ok_or("it ran here")?;
    assert_eq!((blocks.reused, blocks.fetched, blocks.total), (8, 1, 9));
    let payload: Vec<_> =
        scene.origin.seen().into_iter().filter(|seen| seen.path.contains("/data/")).collect();
    let block_3 = Some((3 * BLOCK as u64, 4 * BLOCK as u64));
    assert!(
        payload.iter().all(|seen| seen.range == block_3 && seen.path.ends_with("app.bin")),
        "{payload:?}"
    );
    has_files(&scene.target(), &scene.files);
    Ok(())
}

#[test]
fn removed_it_leaves_its_files_or_takes_only_its_own() -> Outcome {
    let scene = Scene::new(3);
    let session = scene.here.open();
    let watched = Watched::of(&session);
    let id = add(&session, scene.request())?;
    watched.until_state(id, DownloadState::Ready);
    let taken = add(&session, scene.request()).expect_err("the folder is taken");
    assert_eq!(taken.code, "folder-taken");
    session.run(RemoveDownload { id, delete_files: false }, &Work::new())?;
    assert!(watched.row(id).is_none());
    has_files(&scene.target(), &scene.files);
    assert_eq!(fs::read_dir(session.root().join("progress"))?.count(), 0, "nothing is kept of it");
    // Into the same folder again: nothing is fetched but the snapshot.
    let (before, stranger) = (scene.payload_requests(), scene.target().join("data/mine.txt"));
    fs::write(&stranger, "mine")?;
    let id = add(&session, scene.request())?;
    watched.until_state(id, DownloadState::Ready);
    assert_eq!(scene.payload_requests(), before);
    session.run(RemoveDownload { id, delete_files: true }, &Work::new())?;
    let left = tree(&scene.target(), "");
    assert_eq!(left, [("data/mine.txt".to_owned(), b"mine".to_vec())]);
    let again = session.run(RemoveDownload { id, delete_files: true }, &Work::new()).expect_err("it is gone");
    assert_eq!(again.code, "no-such-download");
    Ok(())
}

#[test]
fn removed_while_it_runs_it_stops_first() -> Outcome {
    let scene = Scene::new(12);
    let session = scene.here.open();
    let watched = Watched::of(&session);
    let id = add(&session, AddDownload { limit: Some(BLOCK as u64 * 2), ..scene.request() })?;
    watched.until(id, |row| row.done_bytes >= BLOCK as u64 && row.state == DownloadState::Downloading);
    session.run(RemoveDownload { id, delete_files: true }, &Work::new())?;
    assert!(watched.downloads.rows().is_empty() && !scene.target().exists());
    Ok(())
}

#[test]
fn a_dead_server_is_waited_for_and_does_not_hold_up_the_others() -> Outcome {
    let scene = Scene::new(3);
    let session = scene.here.open();
    let watched = Watched::of(&session);
    let is_dead = Arc::new(AtomicBool::new(true));
    let dead = Arc::clone(&is_dead);
    scene.origin.fault(move |_, seen| match seen.path.contains("/data/") && dead.load(Ordering::SeqCst) {
        true => Fault::Status(503),
        false => Fault::None,
    });
    let into = |number: usize| Some(scene.root.join(format!("into {number}")));
    let ids: Vec<DownloadId> = (0..RUNNING_MOST)
        .map(|number| add(&session, AddDownload { folder: into(number), ..scene.request() }))
        .collect::<Result<_, _>>()?;
    for id in &ids {
        let row = watched.until(*id, |row| row.state == DownloadState::Retrying && row.retry_in.is_some());
        assert!(row.reason.contains("503") && row.ladder_step == 1 && row.stops == 1, "{row:?}");
    }
    let other = Scene::new(2);
    scene.here.trust(&other.publisher);
    let fourth = add(&session, AddDownload { folder: into(9), ..other.request() })?;
    watched.until_state(fourth, DownloadState::Ready);
    is_dead.store(false, Ordering::SeqCst);
    watched.downloads.network_is_back();
    for id in &ids {
        watched.until_state(*id, DownloadState::Ready);
    }
    Ok(())
}

#[test]
fn a_block_that_changed_on_the_disk_is_found_and_fetched_when_it_is_checked_again() -> Outcome {
    let scene = Scene::new(4);
    let session = scene.here.open();
    let watched = Watched::of(&session);
    let id = add(&session, scene.request())?;
    let first = watched.until_state(id, DownloadState::Ready).finished;
    let path = scene.target().join("data/bin/app.bin");
    let mut content = fs::read(&path)?;
    content[2 * BLOCK + 9] ^= 4;
    fs::write(&path, content)?;
    let before = scene.origin.sent_bytes();
    watched.downloads.check_again(id, Some(2));
    let row = watched.until(id, |row| row.state == DownloadState::Ready && row.finished > first);
    assert_eq!(row.blocks.map(|blocks| (blocks.corrupt, blocks.fetched)), Some((1, 1)), "{row:?}");
    has_files(&scene.target(), &scene.files);
    assert!(scene.origin.sent_bytes() - before <= BLOCK as u64);
    watched.downloads.fetch_again(id, 1);
    let row = watched.until(id, |one| one.state == DownloadState::Ready && one.finished > row.finished);
    assert_eq!(row.blocks.map(|blocks| blocks.fetched), Some(1), "{row:?}");
    has_files(&scene.target(), &scene.files);
    Ok(())
}

#[test]
fn what_is_ready_becomes_a_package_of_the_library() -> Outcome {
    let scene = Scene::new(3);
    let session = scene.here.open();
    let watched = Watched::of(&session);
    let request = AddDownload { folder: None, register: true, ..scene.request() };
    let id = add(&session, request)?;
    let row = watched.until(id, |row| row.registered_as.is_some());
    let key = PackageKey::new("Tool", "1.0")?;
    assert_eq!(row.registered_as, Some(key.clone()));
    let packages = session.run(ListPackages {}, &Work::new())?;
    assert_eq!(
        packages.iter().map(|one| (&one.key, one.state)).collect::<Vec<_>>(),
        [(&key, PackageState::Sealed)]
    );
    assert!(!row.folder.exists(), "there is one copy of it, in the library");
    watched.downloads.check_again(id, None);
    assert!(session.run(LookAtOffer { address: scene.address(), credentials: None }, &Work::new())?.already);
    assert_eq!(session.run(RegisterDownload { id, group: None }, &Work::new())?, key, "it is known already");
    Ok(())
}

#[test]
fn it_is_registered_by_hand_from_a_folder_that_stays() -> Outcome {
    let scene = Scene::new(3);
    let session = scene.here.open();
    let watched = Watched::of(&session);
    let id = add(&session, AddDownload { limit: Some(BLOCK as u64), ..scene.request() })?;
    let early = session.run(RegisterDownload { id, group: None }, &Work::new()).expect_err("it is not ready");
    assert_eq!(early.code, "download-not-ready");
    watched.downloads.set_limit(id, None);
    watched.until_state(id, DownloadState::Ready);
    let group = Some("Tools".to_owned());
    session.run(RegisterDownload { id, group }, &Work::new())?;
    watched.until(id, |row| row.registered_as.is_some());
    let packages = session.run(ListPackages {}, &Work::new())?;
    assert_eq!(packages.first().map(|one| one.group.as_str()), Some("Tools"));
    has_files(&scene.target(), &scene.files);
    Ok(())
}

#[test]
fn the_password_of_a_server_is_kept_over_a_restart_and_shown_nowhere() -> Outcome {
    let scene = Scene::new(12);
    let session = scene.here.open();
    let watched = Watched::of(&session);
    let address = scene.address().replacen("http://", "http://anna:s3cret@", 1);
    let request = AddDownload { address, limit: Some(BLOCK as u64 * 4), ..scene.request() };
    let id = add(&session, request)?;
    watched.until(id, |row| row.done_bytes >= BLOCK as u64 && row.state == DownloadState::Downloading);
    drop((watched, session));
    let session = scene.here.open();
    let watched = Watched::of(&session);
    watched.downloads.set_limit(id, None);
    let row = watched.until_state(id, DownloadState::Ready);
    assert!(
        scene
            .origin
            .seen()
            .iter()
            .all(|seen| seen.authorization.as_deref() == Some("Basic YW5uYTpzM2NyZXQ="))
    );
    let live = watched.downloads.live(id).ok_or("it ran here")?;
    let shown = format!("{row:?}{:?}{:?}", live.status(), live.events());
    assert!(!shown.contains("s3cret"), "{shown}");
    drop((watched, live, session));
    for (path, content) in tree(&scene.here.folder.join("library"), "") {
        assert!(!content.windows(6).any(|window| window == b"s3cret"), "{path}");
    }
    Ok(())
}

#[test]
fn an_older_revision_is_taken_only_where_it_is_allowed() -> Outcome {
    let scene = Scene::new(2);
    let session = scene.here.open();
    let watched = Watched::of(&session);
    let old = tree(&scene.package_folder, "Tool/1.0/");
    // Sealed again: revision 2.
    let publisher = scene.publisher.open();
    let package = publisher.run(ListPackages {}, &Work::new())?[0].id;
    publisher.run(packhouse::session::Unseal { package }, &Work::new()).ok();
    publisher.run(packhouse::session::Seal { package, key: None, block_size: None }, &Work::new())?;
    let newer = Origin::serve(tree(&scene.package_folder, ""));
    let id = add(&session, AddDownload { address: newer.url(), ..scene.request() })?;
    watched.until_state(id, DownloadState::Ready);
    let older = Origin::serve(old);
    let request = |allow_older| AddDownload {
        address: format!("{}Tool/1.0/", older.url()),
        folder: Some(scene.root.join("older")),
        allow_older,
        ..scene.request()
    };
    assert_eq!(add(&session, request(false)).expect_err("older").code, "download-older");
    assert!(older.seen().iter().all(|seen| !seen.path.contains("/data/")));
    let id = add(&session, request(true))?;
    watched.until_state(id, DownloadState::Ready);
    Ok(())
}

#[test]
fn noise_is_no_package() -> Outcome {
    let scene = Scene::new(2);
    let session = scene.here.open();
    let origin = Origin::serve([("x.meta4".to_owned(), noise(1, 5000))]);
    for (address, code) in [
        (format!("{}x.meta4", origin.url()), "download-not-readable"),
        (format!("{}nothing/", origin.url()), "download-fetch"),
        ("ftp://srv/x".to_owned(), "download-address"),
        (scene.root.join("nowhere").display().to_string(), "download-fetch"),
    ] {
        let failure = session.run(LookAtOffer { address: address.clone(), credentials: None }, &Work::new());
        assert_eq!(failure.expect_err("it is none").code, code, "{address}");
        let request =
            AddDownload { address: address.clone(), unsigned: Some("a test".into()), ..scene.request() };
        assert_eq!(add(&session, request).expect_err("it is none").code, code, "{address}");
    }
    assert!(session.downloads().ok_or("writable")?.rows().is_empty());
    Ok(())
}

#[test]
fn what_was_published_anew_meanwhile_is_taken_and_equal_blocks_stay() -> Outcome {
    let scene = Scene::new(6);
    let session = scene.here.open();
    let watched = Watched::of(&session);
    let request = AddDownload { limit: Some(BLOCK as u64 * 2), connections: 1, ..scene.request() };
    let id = add(&session, request)?;
    watched.until(id, |row| row.done_bytes >= 2 * BLOCK as u64 && row.state == DownloadState::Downloading);
    // The last block is another one, and the package was sealed again.
    let publisher = scene.publisher.open();
    let package = publisher.run(ListPackages {}, &Work::new())?[0].id;
    publisher.run(packhouse::session::Unseal { package }, &Work::new())?;
    let mut files = scene.files.clone();
    files[0].1[5 * BLOCK + 7] ^= 1;
    let changed = scene.root.join("app.bin");
    fs::write(&changed, &files[0].1)?;
    let request = packhouse::session::UpdateRequest {
        add: vec![packhouse::session::AddedFile { from: changed, to: Some("bin/app.bin".to_owned()) }],
        ..packhouse::session::UpdateRequest::default()
    };
    publisher.run(packhouse::session::Update { package, request }, &Work::new())?;
    publisher.run(packhouse::session::Seal { package, key: None, block_size: None }, &Work::new())?;
    for (path, content) in tree(&scene.package_folder, "Tool/1.0/") {
        scene.origin.put(&path, content, None);
    }
    watched.downloads.set_limit(id, None);
    let row = watched.until_state(id, DownloadState::Ready);
    assert!(row.blocks.is_some_and(|blocks| blocks.kept >= 2 && blocks.corrupt <= 1), "{row:?}");
    has_files(&scene.target(), &files);
    Ok(())
}

#[test]
fn nothing_is_downloaded_into_the_packages_of_the_library() -> Outcome {
    let scene = Scene::new(1);
    let session = scene.here.open();
    for folder in [session.root().join("packages/Tool"), session.root().to_owned(), scene.here.folder.clone()]
    {
        let request = AddDownload { folder: Some(folder.clone()), ..scene.request() };
        assert_eq!(
            add(&session, request).expect_err("it is the library's").code,
            "download-into-library",
            "{folder:?}"
        );
    }
    assert_eq!(fs::read_dir(session.root().join("packages"))?.count(), 0);
    Ok(())
}
