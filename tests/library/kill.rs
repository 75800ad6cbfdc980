//! kill -9 in the middle of every operation that changes a package: it is as before or as after, never between.
//!
//! A child, this very program again, does the operation on a copy of a library; it is killed after a random part of
//! the time the operation takes, or by strace at each system call that changes the disk.
//!
//! `PACKHOUSE_TEST_SEED=N` replays a run; `PACKHOUSE_TEST_COUNTS=soak` makes it long.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use packhouse::failure::Failure;
use packhouse::package::record::{PackageId, PackageRecord};
use packhouse::package::{PackageState, Sha256Digest};
use packhouse::session::{
    Accept, AcceptRequest, AddedFile, Archive, ArchiveRequest, CreateKey, Edit, ListPackages, MoveToGroup,
    NewVersion, PackageEdit, PackageRef, Register, RegisterRequest, Remove, Repair, RepairFrom,
    RepairRequest, Restore, RestoreSource, Session, ShowPackage, UndoRemove, Unseal, Update, UpdateRequest,
};

use crate::place::{Outcome, Place, ask, assert_sound, put, register, seal, show, temporary, tree};
use crate::support::tool;

/// What the child is told to do: the operation, then the folder of the place.
const OPERATION: &str = "PACKHOUSE_TEST_OPERATION";
const FOLDER: &str = "PACKHOUSE_TEST_FOLDER";
/// What the child says when it begins.
const BEGINS: &str = "the operation begins";

/// Every operation that changes a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Register,
    Update,
    Seal,
    Accept,
    AcceptSealed,
    Archive,
    Restore,
    Remove,
    UndoRemove,
    Unseal,
    NewVersion,
    Rename,
    Group,
    Repair,
}

impl Operation {
    const ALL: [Self; 14] = [
        Self::Register,
        Self::Update,
        Self::Seal,
        Self::Accept,
        Self::AcceptSealed,
        Self::Archive,
        Self::Restore,
        Self::Remove,
        Self::UndoRemove,
        Self::Unseal,
        Self::NewVersion,
        Self::Rename,
        Self::Group,
        Self::Repair,
    ];

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| format!("{operation:?}") == word)
    }

    /// Whether the package is already sealed when it begins.
    fn needs_seal(self) -> bool {
        use Operation::*;
        matches!(self, AcceptSealed | Archive | Restore | Remove | UndoRemove | Unseal | NewVersion | Repair)
    }

    /// Brings a new library to the state the operation begins with.
    fn prepare(self, place: &Place, files: usize) -> Result<(), Box<dyn Error>> {
        let source = place.source("source", &[])?;
        for number in 0..files {
            let content = vec![b'a' + (number % 26) as u8; 200 + number * 37 % 20_000];
            put(&source, &format!("folder {}/file {number}.bin", number % 7), &content)?;
        }
        put(&source, "several blocks.bin", &vec![7; 5 * 1024 * 1024 / 2])?;
        put(&source, "a.sh", b"#!/bin/sh\n")?;
        let session = place.open()?;
        ask(&session, CreateKey { name: "test key".to_owned() })?;
        if self == Self::Register {
            return Ok(());
        }
        let package = register(&session, &source, "Killed", "1.0")?.id;
        if self.needs_seal() {
            seal(&session, package)?;
        }
        let data = crate::place::data(&session, package)?;
        match self {
            Self::Accept | Self::AcceptSealed => {
                put(&data, "behind/new.txt", b"came behind the back")?;
                put(&data, "folder 1/file 1.bin", b"another size")?;
                fs::remove_file(data.join("a.sh"))?;
            }
            Self::Repair => {
                // Of each kind of damage one; the source still has everything.
                put(&data, "behind/new.txt", b"came behind the back")?;
                put(&data, "folder 1/file 1.bin", b"another size")?;
                fs::remove_file(data.join("a.sh"))?;
                fs::rename(data.join("folder 2/file 2.bin"), data.join("folder 2/FILE 2.bin"))?;
                let mut large = fs::read(data.join("several blocks.bin"))?;
                large[2_200_000] ^= 1;
                put(&data, "several blocks.bin", &large)?;
                // Known as damaged, as it is once somebody looked.
                crate::place::deep(&session, package)?;
            }
            Self::Restore => {
                ask(&session, Archive { package, request: archive_request(place) })?;
            }
            Self::UndoRemove => {
                ask(&session, Remove { package })?;
            }
            Self::Group => {
                register(&session, &source, "Killed too", "1.0")?;
                register(&session, &source, "Killed too", "2")?;
            }
            Self::Update => {
                let added = place.source("added", &[("x/1", b"one"), ("x/2", b"two")])?;
                put(&added, "folder 3/file 3.bin", b"replaced")?;
                for number in 0..files / 3 {
                    put(&added, &format!("more/{number}"), &vec![b'm'; 300])?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Does the operation.
    fn run(self, place: &Place, session: &Session) -> Result<(), Failure> {
        let find = || -> Result<PackageId, Failure> {
            Ok(ask(session, ShowPackage { package: PackageRef::Text("Killed@1.0".to_owned()) })?.record.id)
        };
        match self {
            Self::Register => {
                register(session, &place.path("source"), "Killed", "1.0")?;
            }
            Self::Update => {
                let add =
                    |from: &str, to: &str| AddedFile { from: place.path(from), to: Some(to.to_owned()) };
                let request = UpdateRequest {
                    add: vec![
                        add("added", "added"),
                        add("added/folder 3/file 3.bin", "folder 3/file 3.bin"),
                        // A file makes way for a folder of its name.
                        add("added/x/1", "a.sh/in its place"),
                    ],
                    remove: vec!["folder 2".to_owned(), "a.sh".to_owned()],
                    rename: vec![
                        ("folder 1".to_owned(), "folder one/deeper".to_owned()),
                        ("folder 0/file 0.bin".to_owned(), "folder 0/FILE 0.bin".to_owned()),
                    ],
                    ..UpdateRequest::default()
                };
                ask(session, Update { package: find()?, request })?;
            }
            Self::Seal => {
                seal(session, find()?)?;
            }
            Self::Accept | Self::AcceptSealed => {
                let request = AcceptRequest { reason: "meant so".to_owned(), expect: None, key: None };
                ask(session, Accept { package: find()?, request })?;
            }
            Self::Repair => {
                let from =
                    RepairFrom { addresses: vec![place.path("source").display().to_string()], wait: false };
                let (package, request) = (find()?, RepairRequest::default());
                match ask(session, Repair { package, request, from, switch_on: false }) {
                    // Killed once everything was in place, it had only not been looked at again.
                    Err(failure) if failure.code == "nothing-to-repair" => {}
                    other => drop(other?),
                }
            }
            Self::Archive => {
                ask(session, Archive { package: find()?, request: archive_request(place) })?;
            }
            Self::Restore => {
                ask(session, Restore { source: RestoreSource::Package(find()?) })?;
            }
            Self::Remove => {
                ask(session, Remove { package: find()? })?;
            }
            Self::UndoRemove => {
                ask(session, UndoRemove {})?;
            }
            Self::Unseal => {
                ask(session, Unseal { package: find()? })?;
            }
            Self::NewVersion => {
                ask(session, NewVersion { package: find()?, version: "2.0".to_owned() })?;
            }
            Self::Rename => {
                let edit = PackageEdit {
                    name: Some("Renamed".to_owned()),
                    supplier: Some("Somebody".to_owned()),
                    comment: Some("has a comment now".to_owned()),
                    ..PackageEdit::default()
                };
                ask(session, Edit { package: find()?, edit })?;
            }
            Self::Group => {
                let packages = ask(session, ListPackages {})?.iter().map(|package| package.id).collect();
                ask(session, MoveToGroup { packages, group: "Together".to_owned() })?;
            }
        }
        Ok(())
    }
}

fn archive_request(place: &Place) -> ArchiveRequest {
    ArchiveRequest { folder: place.path("archive"), comment: "put away".to_owned() }
}

/// What a package is to others: its record without times, its files, and which files stand beside them.
#[derive(Clone, Debug, PartialEq)]
struct Picture {
    records: Vec<PackageRecord>,
    /// Files of all package folders; the content only of those that are the same in every run.
    files: BTreeMap<String, Option<(Sha256Digest, bool)>>,
    removed: usize,
    archive: bool,
}

fn picture(operation: Operation, place: &Place, session: &Session) -> Result<Picture, Box<dyn Error>> {
    let mut records = Vec::new();
    for package in ask(session, ListPackages {})? {
        let mut record = show(session, package.id)?.record;
        // What differs from run to run, or tells of checks and not of the package.
        let fixed = jiff::Timestamp::UNIX_EPOCH;
        record.changed = fixed;
        record.registered = fixed;
        record.checksum_at = fixed;
        if record.key.version() == "2.0" || operation == Operation::Register {
            record.id = PackageId(uuid::Uuid::nil());
        }
        (record.noticed, record.marked, record.quick, record.deep) = (None, None, None, None);
        record.finding = packhouse::package::Finding::Consistent;
        if let Some(seal) = &mut record.seal {
            seal.at = fixed;
            seal.snapshot = Sha256Digest::default();
        }
        if let Some(archive) = &mut record.archive {
            archive.at = fixed;
            archive.path = String::new();
            archive.size_bytes = 0;
        }
        records.push(record);
    }
    let files = tree(&session.root().join("packages"))?
        .into_iter()
        .map(|(path, content)| {
            let varies = !path.contains("/data/") && !path.ends_with("manifest-sha256.txt")
                || path.ends_with("tagmanifest-sha256.txt");
            (path, (!varies).then_some(content))
        })
        .collect();
    let removed = ask(session, packhouse::session::ListRemoved {})?.len();
    Ok(Picture { records, files, removed, archive: place.path("archive/Killed-1.0.tar.zst").exists() })
}

/// A prepared library, and what it looks like before and after.
struct Template {
    operation: Operation,
    folder: tempfile::TempDir,
    before: Picture,
    after: Picture,
    /// Every file of `packages/` before, bytes included.
    bytes_before: BTreeMap<String, (Sha256Digest, bool)>,
    takes: Duration,
}

impl Template {
    fn make(operation: Operation, files: usize) -> Result<Self, Box<dyn Error>> {
        let folder = temporary()?;
        let place = Place::at(folder.path());
        operation.prepare(&place, files)?;
        let session = place.open()?;
        let bytes_before = tree(&place.root().join("packages"))?;
        let before = picture(operation, &place, &session)?;
        drop(session);
        let copy = copy_of(folder.path())?;
        let mut child = Running::start(operation, copy.path(), &[])?;
        let started = child.wait_for_begin()?;
        let end = child.child.wait()?;
        let takes = started.elapsed();
        assert!(end.success(), "{operation:?} fails without being killed");
        let done = Place::at(copy.path());
        let session = done.open()?;
        let after = picture(operation, &done, &session)?;
        assert_ne!(before, after, "{operation:?} changes nothing");
        assert_sound(&session)?;
        Ok(Self { operation, folder, before, after, bytes_before, takes })
    }

    /// Asserts that the library in a copy is as before or as after; whether it is as after.
    fn judge(&self, copy: &Path, how: &str) -> Result<bool, Box<dyn Error>> {
        // Shown only where something fails.
        writeln!(std::io::stdout(), "{:?} {how}", self.operation)?;
        let place = Place::at(copy);
        let session = place.open()?;
        let mut now = picture(self.operation, &place, &session)?;
        let mut before = self.before.clone();
        if self.operation == Operation::Archive && now.records == before.records {
            // The archive may be whole while its package has not left the library yet.
            now.archive = false;
            before.archive = false;
        }
        for record in &now.records {
            let notes = place.root().join("packages").join(record.key.name()).join(record.key.version());
            let notes: serde_json::Value = serde_json::from_slice(&fs::read(notes.join("notes.json"))?)?;
            assert_eq!(notes["group"], record.group.as_str(), "{:?} {how}: notes and record", self.operation);
        }
        // A whole archive may be there; half of one never is.
        let beside: Vec<_> = fs::read_dir(place.path("archive")).into_iter().flatten().flatten().collect();
        let whole = |name: &std::ffi::OsString| name == "Killed-1.0.tar.zst";
        assert!(
            beside.iter().all(|entry| whole(&entry.file_name())),
            "{:?} {how}: {beside:?}",
            self.operation
        );
        if beside.is_empty() {
            assert!(!place.path("archive").exists(), "{:?} {how}: an empty folder is left", self.operation);
        }
        let is_after = now == self.after;
        if !is_after {
            assert_eq!(now, before, "{:?} {how}: neither as before nor as after", self.operation);
            let bytes = tree(&place.root().join("packages"))?;
            assert_eq!(bytes, self.bytes_before, "{:?} {how}: a file changed", self.operation);
        }
        let differs =
            matches!(self.operation, Operation::Accept | Operation::AcceptSealed | Operation::Repair)
                && !is_after;
        if !differs {
            assert_sound(&session)?;
        }
        // What was interrupted can be done again.
        if !is_after {
            self.operation.run(&place, &session)?;
            assert_eq!(
                picture(self.operation, &place, &session)?,
                self.after,
                "{:?} {how}: done again",
                self.operation
            );
            assert_sound(&session)?;
        }
        Ok(is_after)
    }
}

fn copy_of(folder: &Path) -> Result<tempfile::TempDir, Box<dyn Error>> {
    let copy = temporary()?;
    let done =
        Command::new("cp").arg("-a").arg(format!("{}/.", folder.display())).arg(copy.path()).status()?;
    assert!(done.success(), "cp -a");
    Ok(copy)
}

/// A child that does one operation; killed when dropped.
struct Running {
    child: Child,
    /// Kept open: a child whose output nobody takes would fail for that reason.
    out: Option<BufReader<std::process::ChildStdout>>,
}

impl Running {
    fn start(operation: Operation, folder: &Path, wrapper: &[String]) -> Result<Self, Box<dyn Error>> {
        let this = std::env::current_exe()?;
        let mut command = match wrapper.split_first() {
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command.args(arguments).arg(this);
                command
            }
            None => Command::new(this),
        };
        let mut child = command
            .args(["kill::every_operation_succeeds_when_nobody_kills_it", "--exact", "--nocapture"])
            .env(OPERATION, format!("{operation:?}"))
            .env(FOLDER, folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let out = child.stdout.take().map(BufReader::new);
        Ok(Self { child, out })
    }

    /// Waits until the child has opened the library and begins.
    fn wait_for_begin(&mut self) -> Result<Instant, Box<dyn Error>> {
        let out = self.out.as_mut().ok_or("no output")?;
        for line in out.by_ref().lines() {
            if line?.contains(BEGINS) {
                return Ok(Instant::now());
            }
        }
        Err("the child ended before it began".into())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The child of the tests below; run by itself, it does every operation in turn.
#[test]
fn every_operation_succeeds_when_nobody_kills_it() -> Outcome {
    if let (Ok(word), Some(folder)) = (std::env::var(OPERATION), std::env::var_os(FOLDER)) {
        let operation = Operation::from_word(&word).ok_or("no such operation")?;
        let place = Place::at(&PathBuf::from(folder));
        let session = place.open()?;
        let mut out = std::io::stdout();
        writeln!(out, "{BEGINS}")?;
        out.flush()?;
        operation.run(&place, &session)?;
        return Ok(());
    }
    for operation in Operation::ALL {
        let place = Place::new()?;
        operation.prepare(&place, 20)?;
        let session = place.open()?;
        let before = picture(operation, &place, &session)?;
        operation.run(&place, &session)?;
        assert_ne!(picture(operation, &place, &session)?, before, "{operation:?}");
        assert_sound(&session)?;
    }
    Ok(())
}

/// SplitMix64: the same numbers from the same seed.
struct Random(u64);

impl Random {
    /// From 0 to 1.
    fn part(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

fn is_soak() -> bool {
    std::env::var("PACKHOUSE_TEST_COUNTS").is_ok_and(|counts| counts == "soak")
}

#[test]
fn killed_at_random_moments_a_package_is_as_before_or_as_after() -> Outcome {
    let kills = if is_soak() { 500 } else { 60 };
    let seed = match std::env::var("PACKHOUSE_TEST_SEED") {
        Ok(seed) => seed.parse()?,
        Err(_) => u64::try_from(jiff::Timestamp::now().as_nanosecond())?,
    };
    let mut out = std::io::stdout();
    writeln!(out, "PACKHOUSE_TEST_SEED={seed}")?;
    let mut random = Random(seed);
    let mut died = 0;
    let each = kills / Operation::ALL.len();
    for operation in Operation::ALL {
        let template = Template::make(operation, 200)?;
        for nth in 0..each {
            let after = template.takes.mul_f64(1.2 * random.part());
            let copy = copy_of(template.folder.path())?;
            let mut running = Running::start(operation, copy.path(), &[])?;
            let started = running.wait_for_begin()?;
            while started.elapsed() < after {
                std::thread::yield_now();
            }
            running.child.kill()?;
            died += usize::from(running.child.wait()?.code().is_none());
            let how = format!("killed after {after:?} of {:?} (kill {nth}, seed {seed})", template.takes);
            template.judge(copy.path(), &how)?;
        }
    }
    assert!(died > kills / 4, "only {died} of {kills} children were killed while they worked");
    Ok(())
}

/// The system calls that change what a crash finds on the disk.
const BOUNDARIES: [&str; 4] = ["rename", "fdatasync", "unlink", "fsync"];

#[test]
fn killed_at_every_boundary_a_package_is_as_before_or_as_after() -> Outcome {
    let strace = tool("strace", "apt-get install strace");
    let mut seen = (0, 0);
    for operation in Operation::ALL {
        let template = Template::make(operation, 4)?;
        for call in BOUNDARIES {
            // Every boundary of a long list, then further and further apart where nobody has hours.
            let mut nth = 1;
            loop {
                let copy = copy_of(template.folder.path())?;
                let inject = format!("inject={call}:signal=KILL:when={nth}");
                let wrapper = [
                    strace.display().to_string(),
                    "-f".to_owned(),
                    "--seccomp-bpf".to_owned(),
                    "-o".to_owned(),
                    "/dev/null".to_owned(),
                    "-e".to_owned(),
                    format!("trace={call}"),
                    "-e".to_owned(),
                    inject,
                ];
                let mut running = Running::start(operation, copy.path(), &wrapper)?;
                // A kill before it begins is one of opening the library.
                let _ = running.wait_for_begin();
                let survived = running.child.wait()?.success();
                let is_after = template.judge(copy.path(), &format!("killed at {call} {nth}"))?;
                if survived {
                    assert!(is_after, "{operation:?} ended without being done");
                    break;
                }
                seen = if is_after { (seen.0, seen.1 + 1) } else { (seen.0 + 1, seen.1) };
                nth += if is_soak() || nth < 6 { 1 } else { 3 };
            }
        }
    }
    assert!(seen.0 > 8 && seen.1 > 8, "kills before and after the decision: {seen:?}");
    Ok(())
}

#[test]
fn a_program_that_is_open_finishes_what_a_killed_one_left() -> Outcome {
    let strace = tool("strace", "apt-get install strace");
    let mut finished = 0;
    for (operation, name) in [(Operation::Update, "Killed@1.0"), (Operation::Rename, "Renamed@1.0")] {
        let template = Template::make(operation, 4)?;
        for nth in 1..8 {
            let copy = copy_of(template.folder.path())?;
            let place = Place::at(copy.path());
            let session = place.open()?;
            let wrapper: Vec<String> = [
                &strace.display().to_string(),
                "-f",
                "-o",
                "/dev/null",
                "-e",
                "trace=rename",
                "-e",
                &format!("inject=rename:signal=KILL:when={nth}"),
            ]
            .map(str::to_owned)
            .into();
            let mut running = Running::start(operation, copy.path(), &wrapper)?;
            let _ = running.wait_for_begin();
            if running.child.wait()?.success() {
                break;
            }
            // Not opened again: the session that was there all the time is asked.
            let found = ask(&session, ShowPackage { package: PackageRef::Text(name.to_owned()) });
            let Ok(found) = found else { continue };
            let report = crate::place::quick(&session, found.record.id)?;
            assert!(report.is_consistent(), "{operation:?} killed at rename {nth}: {report:?}");
            finished += 1;
        }
    }
    assert!(finished > 3, "the decision was never reached: {finished}");
    Ok(())
}

#[test]
fn a_sealed_state_needs_its_seal() -> Outcome {
    // The picture the other tests compare must tell a sealed package from an open one.
    let template = Template::make(Operation::Seal, 3)?;
    assert_eq!(template.before.records[0].state, PackageState::Open);
    assert_eq!(template.after.records[0].state, PackageState::Sealed);
    assert_eq!(template.after.files.len(), template.before.files.len() + 6);
    Ok(())
}

/// `Register` and `RegisterRequest` are what [`register`] sends.
#[test]
fn a_cancelled_registration_leaves_nothing() -> Outcome {
    let place = Place::new()?;
    let source = place.source("source", &[("a", b"a")])?;
    let session = place.open()?;
    let work = packhouse::work::Work::new();
    work.cancel();
    let request = RegisterRequest::new(vec![source]);
    let failure = crate::place::refused(session.run(Register { request }, &work));
    assert_eq!(failure.code, "cancelled");
    assert_eq!(ask(&session, ListPackages {})?.len(), 0);
    assert_sound(&session)
}
