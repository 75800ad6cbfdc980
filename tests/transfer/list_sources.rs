//! What a download can be had from: a folder, a file on this computer, an archive, Metalinks that others wrote.

use std::fs;
use std::path::Path;

use packhouse::package::Sha256Digest;
use packhouse::package::download::{DownloadId, DownloadState, TrustDecision};
use packhouse::session::{
    AddDownload, Archive, ArchiveRequest, ListPackages, LookAtOffer, OfferSeal, Session,
};
use packhouse::work::Work;

use crate::desk::{Outcome, noise};
use crate::origin::{Fault, Origin};
use crate::publisher::{Place, Scene, Watched, add, has_files, tree};

fn ready(session: &Session, request: AddDownload) -> Result<DownloadId, Box<dyn std::error::Error>> {
    let watched = Watched::of(session);
    let id = add(session, request)?;
    watched.until_state(id, DownloadState::Ready);
    Ok(id)
}

#[test]
fn a_package_comes_from_a_folder_from_its_snapshot_and_from_an_archive() -> Outcome {
    let scene = Scene::new(5);
    let session = scene.here.open();
    let publisher = scene.publisher.open();
    let package = publisher.run(ListPackages {}, &Work::new())?[0].id;
    let copy = scene.root.join("staging");
    fs::create_dir_all(copy.join("data/bin"))?;
    for (path, content) in tree(&scene.package_folder, "") {
        fs::write(copy.join(path.replace("%20", " ")), content)?;
    }
    let request = ArchiveRequest { folder: scene.root.join("archives"), comment: String::new() };
    let archived = publisher.run(Archive { package, request }, &Work::new())?;
    let addresses = [
        copy.display().to_string(),
        copy.join("snapshot.meta4").display().to_string(),
        format!("file://{}", copy.display()),
        archived.file.display().to_string(),
    ];
    for (number, address) in addresses.into_iter().enumerate() {
        let folder = scene.root.join(format!("into {number}"));
        let look = session.run(LookAtOffer { address: address.clone(), credentials: None }, &Work::new())?;
        assert!(matches!(look.seal, OfferSeal::Trusted { .. }), "{address}: {look:?}");
        let request =
            AddDownload { address: address.clone(), folder: Some(folder.clone()), ..scene.request() };
        ready(&session, request)?;
        has_files(&folder, &scene.files);
        assert!(folder.join("reginfo.json.minisig").is_file(), "{address}");
    }
    assert!(scene.origin.seen().is_empty());
    Ok(())
}

/// A Metalink of these entries.
fn metalink(entries: &str) -> Vec<u8> {
    let start =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metalink xmlns=\"urn:ietf:params:xml:ns:metalink\">";
    format!("{start}{entries}</metalink>").into_bytes()
}

fn whole(content: &[u8]) -> String {
    format!("<hash type=\"sha-256\">{}</hash>", Sha256Digest::of(content))
}

fn pieces(content: &[u8], length: usize) -> String {
    let hashes: String =
        content.chunks(length).map(|piece| format!("<hash>{}</hash>", Sha256Digest::of(piece))).collect();
    format!("<pieces type=\"sha-256\" length=\"{length}\">{hashes}</pieces>")
}

fn unsigned(address: String, folder: &Path) -> AddDownload {
    let (folder, unsigned) = (Some(folder.to_owned()), Some("of a test".to_owned()));
    AddDownload { address, folder, unsigned, connections: 2, ..AddDownload::default() }
}

#[test]
fn metalinks_of_others_are_taken_with_mirrors_pieces_of_any_size_and_several_files() -> Outcome {
    let dir = tempfile::tempdir()?;
    let session = Place::new(dir.path()).open();
    let (iso, tool, large) = (noise(1, 700_001), noise(2, 90_000), noise(3, 5_000_000));
    let mirror = |files: &[(&str, &[u8])]| {
        Origin::serve(files.iter().map(|(path, content)| ((*path).to_owned(), content.to_vec())))
    };
    // The first mirror has nothing; the second has all but lies about one file; the third is right.
    let dead = mirror(&[]);
    let liar = mirror(&[("m/os.iso", &noise(9, 700_001)), ("m/tool", &tool), ("m/large", &large)]);
    let right = mirror(&[("r/os.iso", &iso), ("r/tool", &tool), ("r/large", &large)]);
    let file = |name: &str, served: &str, content: &[u8], hashes: String| {
        format!(
            "<file name=\"{name}\"><size>{}</size>{hashes}<url priority=\"1\">{}d/{served}</url>\
             <url priority=\"2\">{}m/{served}</url><url priority=\"3\">{}r/{served}</url></file>",
            content.len(),
            dead.url(),
            liar.url(),
            right.url()
        )
    };
    let document = metalink(&format!(
        "{}{}{}",
        file("os.iso", "os.iso", &iso, pieces(&iso, 100_000)),
        file("sub/tool", "tool", &tool, whole(&tool)),
        file("large", "large", &large, whole(&large)),
    ));
    let origin = Origin::serve([("others.meta4".to_owned(), document)]);
    let address = format!("{}others.meta4", origin.url());
    let look = session.run(LookAtOffer { address: address.clone(), credentials: None }, &Work::new())?;
    assert_eq!((look.title.as_str(), look.files, &look.seal), ("others", 3, &OfferSeal::Unsigned));
    assert_eq!(look.codebases.len(), 3);
    let refused = AddDownload { unsigned: None, ..unsigned(address.clone(), &dir.path().join("into")) };
    assert_eq!(add(&session, refused).expect_err("unsigned").code, "download-unsigned");
    assert!(liar.seen().is_empty() && right.seen().is_empty());
    let into = dir.path().join("into");
    let id = ready(&session, unsigned(address, &into))?;
    let row = Watched::of(&session).row(id).ok_or("it is in the list")?;
    let Some(TrustDecision::Unsigned { allowed }) = row.trust else { panic!("{row:?}") };
    assert_eq!((allowed.who.as_str(), allowed.reason.as_str()), ("anna", "of a test"));
    let mut found = tree(&into, "");
    found.sort();
    let expected = [("large", &large), ("os.iso", &iso), ("sub/tool", &tool)];
    assert_eq!(found.len(), 3);
    for ((path, content), (name, right)) in found.iter().zip(expected) {
        assert!(path == name && content == right, "{path}");
    }
    Ok(())
}

#[test]
fn files_beside_a_local_metalink_come_from_its_folder() -> Outcome {
    let dir = tempfile::tempdir()?;
    let session = Place::new(&dir.path().join("here")).open();
    let content = noise(1, 200_000);
    let file = format!(
        "<file name=\"a.bin\"><size>{}</size>{}<url>a.bin</url></file>",
        content.len(),
        pieces(&content, 65_536)
    );
    let shelf = dir.path().join("shelf");
    fs::create_dir(&shelf)?;
    fs::write(shelf.join("a.bin"), &content)?;
    fs::write(shelf.join("list.meta4"), metalink(&file))?;
    let into = dir.path().join("into");
    ready(&session, unsigned(shelf.join("list.meta4").display().to_string(), &into))?;
    assert!(fs::read(into.join("a.bin"))? == content);
    Ok(())
}

#[test]
fn a_stranger_names_no_file_of_this_computer() -> Outcome {
    let dir = tempfile::tempdir()?;
    let session = Place::new(&dir.path().join("here")).open();
    let content = noise(1, 50_000);
    fs::write(dir.path().join("mine"), &content)?;
    let url = format!("file://{}", dir.path().join("mine").display());
    let file = format!("<file name=\"a\"><size>50000</size>{}<url>{url}</url></file>", whole(&content));
    let origin = Origin::serve([("x.meta4".to_owned(), metalink(&file))]);
    let watched = Watched::of(&session);
    let into = dir.path().join("into");
    let id = add(&session, unsigned(format!("{}x.meta4", origin.url()), &into))?;
    let row = watched.until(id, |row| row.state == DownloadState::Retrying);
    assert!(row.reason.contains("404") && !into.join("a").exists(), "{row:?}");
    Ok(())
}

#[test]
fn without_a_hash_or_a_size_nothing_is_taken() -> Outcome {
    let dir = tempfile::tempdir()?;
    let session = Place::new(dir.path()).open();
    let content = noise(1, 1000);
    let weak = "<hash type=\"md5\">0123456789abcdef0123456789abcdef</hash>".to_owned();
    let cases = [
        (format!("<file name=\"a\"><size>1000</size>{weak}<url>a</url></file>"), "no-hashes"),
        (format!("<file name=\"a\">{}<url>a</url></file>", whole(&content)), "download-plan"),
        (
            format!("<file name=\"../a\"><size>1000</size>{}<url>a</url></file>", whole(&content)),
            "download-not-readable",
        ),
    ];
    for (file, code) in cases {
        let origin =
            Origin::serve([("x.meta4".to_owned(), metalink(&file)), ("a".to_owned(), content.clone())]);
        let request = unsigned(format!("{}x.meta4", origin.url()), &dir.path().join("into"));
        let failure = add(&session, request).expect_err("it cannot be proven");
        assert_eq!(failure.code, code, "{failure}");
        assert_eq!(origin.seen().iter().filter(|seen| seen.path == "a").count(), 0, "{code}");
    }
    Ok(())
}

#[test]
fn a_large_file_with_one_hash_goes_on_by_its_etag_after_a_restart() -> Outcome {
    let dir = tempfile::tempdir()?;
    let place = Place::new(&dir.path().join("here"));
    let session = place.open();
    let content = noise(4, 6_000_000);
    let file = format!("<file name=\"big\"><size>6000000</size>{}<url>big</url></file>", whole(&content));
    let files = [("x.meta4".to_owned(), metalink(&file)), ("big".to_owned(), content.clone())];
    let origin = Origin::serve(files);
    // The first connection breaks in the middle.
    let into = dir.path().join("into");
    origin.fault(|number, seen| match seen.path == "big" && number < 3 {
        true => Fault::Truncated,
        false => Fault::None,
    });
    let request = AddDownload {
        connections: 1,
        limit: Some(1_500_000),
        ..unsigned(format!("{}x.meta4", origin.url()), &into)
    };
    let watched = Watched::of(&session);
    let id = add(&session, request)?;
    let written = || fs::metadata(into.join("big")).map_or(0, |facts| facts.len());
    watched.until(id, |row| row.state == DownloadState::Downloading && written() > 1_000_000);
    watched.downloads.pause(id);
    watched.until_state(id, DownloadState::Paused);
    drop((watched, session));
    let asked = origin.seen().len();
    let session = place.open();
    let watched = Watched::of(&session);
    watched.downloads.set_limit(id, None);
    watched.downloads.resume(id);
    watched.until_state(id, DownloadState::Ready);
    assert!(fs::read(into.join("big"))? == content);
    let first =
        origin.seen()[asked..].iter().find(|seen| seen.path == "big").cloned().ok_or("it was asked for")?;
    assert!(first.range.is_some_and(|(from, _)| from > 0) && first.if_range.is_some(), "{first:?}");
    Ok(())
}
