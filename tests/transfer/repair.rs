//! Repair of a package in a library from a web server: only bad blocks, none twice, none that is wrong, whatever the
//! server does meanwhile.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use packhouse::failure::Failure;
use packhouse::package::record::PackageId;
use packhouse::package::{BlockSize, HistoryEvent, Sha256Digest};
use packhouse::session::{
    Actor, CreateKey, HistoryFilter, OpenOptions, ReadHistory, Register, RegisterRequest, Repair, RepairFrom,
    RepairOutcome, RepairRequest, Seal, Session, ShareOptions,
};
use packhouse::work::Work;

use crate::desk::{Outcome, noise};
use crate::origin::{Fault, Origin};

/// Bytes of a block.
const BLOCK: usize = 256 * 1024;
/// Blocks of the large file.
const BLOCKS: usize = 12;

/// A library with one sealed package, and a server that has its files.
struct Desk {
    folder: tempfile::TempDir,
    session: Session,
    package: PackageId,
    content: Vec<u8>,
    origin: Origin,
}

impl Desk {
    fn new() -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let content = noise(3, BLOCKS * BLOCK);
        let source = folder.path().join("Tool 1.0");
        fs::create_dir(&source)?;
        fs::write(source.join("large.bin"), &content)?;
        fs::write(source.join("small.txt"), "small")?;
        let session = open(&folder)?;
        let ask = Work::new();
        session.run(CreateKey { name: "test key".to_owned() }, &ask)?;
        let request = RegisterRequest::new(vec![source]);
        let package = session.run(Register { request }, &ask)?.record.id;
        let block_size = Some(BlockSize::new(BLOCK as u64)?);
        session.run(Seal { package, key: None, block_size }, &ask)?;
        let origin = origin_of(&session.root().join("packages/Tool/1.0"))?;
        Ok(Self { folder, session, package, content, origin })
    }

    fn file(&self) -> PathBuf {
        self.session.root().join("packages/Tool/1.0/data/large.bin")
    }

    /// Flips a byte in each of these blocks.
    fn damage(&self, blocks: &[usize]) -> Outcome {
        let mut bytes = fs::read(self.file())?;
        blocks.iter().for_each(|block| bytes[block * BLOCK + 77] ^= 8);
        Ok(fs::write(self.file(), bytes)?)
    }

    fn repair(&self, from: &str) -> Result<RepairOutcome, Failure> {
        repair(&self.session, self.package, from, &Work::new())
    }

    fn is_whole(&self) -> Result<bool, Box<dyn Error>> {
        Ok(fs::read(self.file())? == self.content)
    }
}

fn open(folder: &tempfile::TempDir) -> Result<Session, Failure> {
    Session::open(OpenOptions {
        root: folder.path().join("library"),
        create: true,
        read_only: false,
        actor: Actor {
            who: "tester".to_owned(),
            host: "bench".to_owned(),
            how: "test".to_owned(),
            time_zone: jiff::tz::TimeZone::UTC,
        },
        keys: folder.path().join("keys"),
        share: ShareOptions::default(),
    })
}

fn repair(session: &Session, package: PackageId, from: &str, work: &Work) -> Result<RepairOutcome, Failure> {
    let from = RepairFrom { addresses: vec![from.to_owned()], wait: false };
    session.run(Repair { package, request: RepairRequest::default(), from, switch_on: false }, work)
}

/// A server of a package folder as it is now.
fn origin_of(folder: &std::path::Path) -> Result<Origin, Box<dyn Error>> {
    let mut files = Vec::new();
    for name in ["data/large.bin", "data/small.txt", "reginfo.json", "snapshot.meta4"] {
        files.push((name.to_owned(), fs::read(folder.join(name))?));
    }
    Ok(Origin::serve(files))
}

/// Bytes of the payload that were sent.
fn fetched(origin: &Origin) -> u64 {
    let ranges = origin.seen().into_iter().filter(|seen| seen.path.ends_with("large.bin"));
    ranges.filter_map(|seen| seen.range).map(|(first, end)| end - first).sum()
}

#[test]
fn exactly_the_bad_blocks_are_asked_for() -> Outcome {
    let desk = Desk::new()?;
    desk.damage(&[1, 2, 7])?;
    let done = desk.repair(&desk.origin.url())?;
    assert_eq!((done.fetched_bytes, fetched(&desk.origin)), (3 * BLOCK as u64, 3 * BLOCK as u64));
    assert!(desk.is_whole()? && done.report.is_consistent());
    let filter = HistoryFilter { package: Some(desk.package), ..HistoryFilter::default() };
    let history = desk.session.run(ReadHistory { filter }, &Work::new())?;
    let entry = history.iter().rfind(|entry| entry.event == HistoryEvent::Repaired).ok_or("no entry")?;
    let details = entry.details.as_deref().unwrap_or_default();
    assert!(details.contains(&desk.origin.url()) && details.contains("1 of 1 file made right"), "{details}");
    assert_eq!(entry.differences.as_ref().map(|found| found.damaged[0].blocks.clone()), Some(vec![1, 2, 7]));
    // By the address of the snapshot as well.
    desk.damage(&[11])?;
    let done = desk.repair(&format!("{}snapshot.meta4", desk.origin.url()))?;
    assert_eq!(done.fetched_bytes, BLOCK as u64);
    assert!(desk.is_whole()?);
    Ok(())
}

#[test]
fn a_server_that_vanishes_midway_costs_nothing_that_came() -> Outcome {
    let desk = Desk::new()?;
    desk.damage(&[0, 2, 4, 6, 8, 10])?;
    let before = fs::read(desk.file())?;
    let answered = std::sync::atomic::AtomicUsize::new(0);
    desk.origin.fault(move |_, seen| {
        let is_payload = seen.path.ends_with("large.bin");
        let nth = answered.fetch_add(usize::from(is_payload), std::sync::atomic::Ordering::SeqCst);
        if is_payload && nth >= 3 { Fault::Closed } else { Fault::None }
    });
    let failure = desk.repair(&desk.origin.url()).err().ok_or("it must not be done")?;
    assert_eq!((failure.code, failure.details.as_slice()), ("not-repairable", &["large.bin".to_owned()][..]));
    assert!(fs::read(desk.file())? == before, "the package is as it was");

    // Another program, another server: only what is still missing is fetched.
    let Desk { folder, session, package, content, origin } = desk;
    drop(session);
    let session = open(&folder)?;
    let second = Origin::serve([("data/large.bin".to_owned(), content.clone())]);
    let done = repair(&session, package, &second.url(), &Work::new())?;
    assert_eq!(done.fetched_bytes, 3 * BLOCK as u64);
    assert_eq!(fetched(&second), 3 * BLOCK as u64);
    drop(origin);
    let whole = fs::read(session.root().join("packages/Tool/1.0/data/large.bin"))?;
    assert!(whole == content && done.report.is_consistent());
    assert_eq!(fs::read_dir(session.root().join(".incoming"))?.count(), 0);
    Ok(())
}

#[test]
fn wrong_bytes_from_a_server_never_reach_the_package() -> Outcome {
    let desk = Desk::new()?;
    desk.damage(&[3, 5])?;
    let before = fs::read(desk.file())?;
    desk.origin.fault(|_, seen| if seen.path.ends_with("large.bin") { Fault::Flipped } else { Fault::None });
    let failure = desk.repair(&desk.origin.url()).err().ok_or("it must not be done")?;
    assert_eq!(failure.code, "not-repairable");
    assert!(fs::read(desk.file())? == before);
    // One wrong answer among right ones is asked for again.
    let once = std::sync::atomic::AtomicBool::new(true);
    desk.origin.fault(move |_, seen| {
        let is_first =
            seen.path.ends_with("large.bin") && once.swap(false, std::sync::atomic::Ordering::SeqCst);
        if is_first { Fault::Flipped } else { Fault::None }
    });
    assert!(desk.repair(&desk.origin.url())?.report.is_consistent());
    assert!(desk.is_whole()?);
    Ok(())
}

#[test]
fn a_metalink_of_others_names_the_mirrors() -> Outcome {
    let desk = Desk::new()?;
    desk.damage(&[6])?;
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metalink xmlns=\"urn:ietf:params:xml:ns:metalink\">\
         <file name=\"large.bin\"><size>{}</size><hash type=\"sha-256\">{}</hash>\
         <url priority=\"1\">{}data/large.bin</url></file></metalink>",
        desk.content.len(),
        Sha256Digest::of(&desk.content),
        desk.origin.url(),
    );
    let file = desk.folder.path().join("mirrors.meta4");
    fs::write(&file, text)?;
    let done = desk.repair(&file.display().to_string())?;
    assert_eq!((done.fetched_bytes, fetched(&desk.origin)), (BLOCK as u64, BLOCK as u64));
    assert!(desk.is_whole()?);
    fs::write(&file, "<metalink/>")?;
    desk.damage(&[6])?;
    let failure = desk.repair(&file.display().to_string()).err().ok_or("no Metalink")?;
    assert_eq!(failure.code, "no-codebase");
    assert!(failure.reason.contains("Metalink"), "{failure:?}");
    Ok(())
}

#[test]
fn a_cancelled_repair_changes_nothing_and_goes_on_later() -> Outcome {
    let desk = Desk::new()?;
    desk.damage(&[0, 4, 8])?;
    let before = fs::read(desk.file())?;
    // One of the three bad blocks arrives, the others never do.
    desk.origin.fault(|_, seen| match seen.range {
        Some((first, _)) if first > 0 => Fault::Stalled,
        _ => Fault::None,
    });
    let (work, url) = (Work::new(), desk.origin.url());
    let one_arrived = ((BLOCKS - 2) * BLOCK) as u64;
    let failure = std::thread::scope(|scope| {
        let running = scope.spawn(|| repair(&desk.session, desk.package, &url, &work));
        let has_arrived = || {
            let progress = work.progress();
            progress.phase == "Fetching" && progress.done_bytes >= one_arrived
        };
        while !has_arrived() && !running.is_finished() {
            std::thread::park_timeout(std::time::Duration::from_millis(5));
        }
        work.cancel();
        running.join().map(Result::err)
    });
    let failure = failure.map_err(|_| "it panicked")?.ok_or("it must not be done")?;
    assert_eq!(failure.code, "cancelled");
    assert!(fs::read(desk.file())? == before);
    desk.origin.fault(|_, _| Fault::None);
    let asked = fetched(&desk.origin);
    let done = desk.repair(&desk.origin.url())?;
    assert!(desk.is_whole()? && done.fetched_bytes <= 2 * BLOCK as u64, "{}", done.fetched_bytes);
    assert_eq!(fetched(&desk.origin) - asked, done.fetched_bytes);
    Ok(())
}
