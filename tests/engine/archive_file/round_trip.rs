//! What goes in comes out, here and with other programs; what is not as recorded does not go in.

use std::fs;
use std::process::Command;

use packhouse::archive_file::{
    ArchiveContents, ArchiveDamage, ArchiveReader, Limits, ReadError, WriteError, write_archive,
};
use packhouse::work::Work;

use super::fixture::{Fixture, TAGS, TOP, noise};

fn run(program: &str, install: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}; install it: {install}"));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {text}\n(if a program is missing: {install})");
}

fn assert_round_trip(fixture: &Fixture) {
    fixture.write();
    let reader = ArchiveReader::open(&fixture.archive_path()).expect("an archive");
    assert!(reader.has_seek_table());
    let tags = reader.read_tag_files().expect("tag files");
    assert_eq!(tags.top.as_deref(), Some(TOP));
    assert!(!tags.is_damaged);
    let found: Vec<_> = tags.files.iter().map(|f| (f.name.as_str(), f.content.as_slice())).collect();
    assert_eq!(found, TAGS);

    let work = Work::new();
    let damage = reader.check(TOP, &fixture.manifest, &work).expect("a finding");
    assert!(damage.is_flawless(), "{damage:?}");
    let progress = work.progress();
    assert_eq!((progress.done_bytes, progress.done_files), (progress.total_bytes, progress.total_files));

    let into = fixture.folder.path().join("restored");
    let damage = reader.extract(&into, TOP, &fixture.manifest, &Work::new()).expect("a finding");
    assert!(damage.is_flawless(), "{damage:?}");
    fixture.assert_same_tree(&into, &[]);

    // The same as other programs see it.
    let archive = fixture.archive_path();
    let archive = archive.to_str().expect("UTF-8");
    run("zstd", "apt-get install zstd", &["-tq", archive]);
    let other = fixture.folder.path().join("other");
    fs::create_dir(&other).expect("a folder");
    let target = other.to_str().expect("UTF-8");
    run("tar", "apt-get install tar zstd", &["--zstd", "-xf", archive, "-C", target]);
    fixture.assert_same_tree(&other.join(TOP).join("data"), &[]);
    for (name, content) in TAGS {
        assert_eq!(fs::read(other.join(TOP).join(name)).expect("a tag file"), content);
    }

    // And as an entry list.
    let entries = reader.entries(Limits::default(), &Work::new()).expect("entries");
    let entries: Vec<_> = entries.collect::<Result<_, _>>().expect("good entries");
    assert!(entries.iter().all(|entry| entry.problem.is_none()));
    let files: Vec<_> = (entries.iter().filter(|e| !e.is_folder))
        .filter_map(|e| Some((e.path.strip_prefix(TOP)?.strip_prefix("/data/")?, e.size_bytes)))
        .collect();
    let listed: Vec<_> = fixture.manifest.iter().map(|f| (f.path, f.size_bytes)).collect();
    assert_eq!(files, listed);
}

#[test]
fn a_bit_of_everything() {
    assert_round_trip(&Fixture::mixed());
}

#[test]
fn no_file_at_all() {
    assert_round_trip(&Fixture::new(2 << 20, Vec::new()));
}

#[test]
fn unusual_names() {
    let long = "ä".repeat(100);
    let longer = "é".repeat(127);
    let deep = format!("{long}/{}/{}", "b".repeat(200), "c".repeat(255));
    let names = [
        "-dash",
        "100%",
        "#1 ?",
        "\"quoted\" 'name'",
        "<a>[b]{c}",
        "back\\slash",
        "عربي",
        "😀",
        "a\u{301}",
        "& co",
        "x.",
        "pax path=evil",
        &deep,
        &longer,
    ];
    let hundred = format!("{}.sh", "n".repeat(100 - TOP.len() - "/data/".len() - 3));
    let mut files: Vec<_> =
        names.iter().enumerate().map(|(i, n)| ((*n).to_owned(), noise(i as u64, i * 100))).collect();
    files.push((hundred.clone(), b"just fits".to_vec()));
    files.push((format!("n{hundred}"), b"just does not".to_vec()));
    assert_round_trip(&Fixture::new(2 << 20, files));
}

#[test]
fn blocks_longer_than_a_frame() {
    let files = vec![
        ("long".to_owned(), noise(1, (40 << 20) + 5)),
        ("short".to_owned(), noise(2, 3 << 20)),
        ("tiny.sh".to_owned(), noise(3, 30)),
    ];
    assert_round_trip(&Fixture::new(16 << 20, files));
}

#[test]
fn the_same_package_gives_the_same_bytes() {
    let fixture = Fixture::mixed();
    assert!(fixture.write() == fixture.write());
}

#[test]
fn a_plain_tar_of_another_program_is_read_too() {
    let fixture = Fixture::mixed();
    let root = fixture.folder.path();
    fs::rename(fixture.data(), root.join("moved")).expect("moved");
    fs::create_dir(root.join(TOP)).expect("a folder");
    fs::rename(root.join("moved"), root.join(TOP).join("data")).expect("moved");
    fs::write(root.join(TOP).join("reginfo.json"), TAGS[0].1).expect("written");
    let archive = fixture.archive_path();
    let (from, archive_text) = (root.to_str().expect("UTF-8"), archive.to_str().expect("UTF-8"));
    let install = "apt-get install tar zstd";
    run("tar", install, &["--zstd", "-cf", archive_text, "-C", from, "--sort=name", TOP]);
    let reader = ArchiveReader::open(&archive).expect("an archive");
    assert!(!reader.has_seek_table());
    let into = root.join("restored");
    let damage = reader.extract(&into, TOP, &fixture.manifest, &Work::new()).expect("a finding");
    assert_eq!(damage, ArchiveDamage { index_damaged: true, ..ArchiveDamage::default() });
    fixture.assert_same_tree(&into, &[]);
    // Cut anywhere, it names what is gone and keeps the rest.
    let bytes = fs::read(&archive).expect("readable");
    for cut in [bytes.len() / 3, bytes.len() / 2, bytes.len() - 1] {
        let damage = fixture.check_bytes(&bytes[..cut]);
        assert!(damage.truncated, "cut at {cut}: {damage:?}");
        assert!(cut == bytes.len() - 1 || !damage.files.is_empty());
    }
}

#[test]
fn what_is_not_as_recorded_is_not_archived() {
    let fixture = Fixture::mixed();
    let path = fixture.data().join("blocks.bin");
    let mut content = fs::read(&path).expect("readable");
    content[300_000] ^= 1;
    fs::write(&path, &content).expect("writable");
    match fixture.try_write() {
        Err(WriteError::Changed { block, path }) => assert_eq!((block.0, path.as_str()), (1, "blocks.bin")),
        other => panic!("{other:?}"),
    }
    content[300_000] ^= 1;
    content.push(0);
    fs::write(&path, &content).expect("writable");
    assert!(matches!(fixture.try_write(), Err(WriteError::Resized { path, .. }) if path == "blocks.bin"));
    content.truncate(300_000);
    fs::write(&path, &content).expect("writable");
    assert!(matches!(fixture.try_write(), Err(WriteError::Resized { path, .. }) if path == "blocks.bin"));
    fs::remove_file(&path).expect("removable");
    assert!(matches!(fixture.try_write(), Err(WriteError::Read { path, .. }) if path == "blocks.bin"));
    std::os::unix::fs::symlink("zeros", &path).expect("a link");
    assert!(matches!(fixture.try_write(), Err(WriteError::Resized { path, .. }) if path == "blocks.bin"));
}

#[test]
fn cancelling_stops_each_of_them() {
    let fixture = Fixture::mixed();
    fixture.write();
    let work = Work::new();
    work.cancel();
    let file = fs::File::create(fixture.folder.path().join("cancelled")).expect("a file");
    let data = fixture.data();
    let contents = ArchiveContents::new(TOP, &TAGS, &data, &fixture.manifest);
    assert!(matches!(write_archive(&file, &contents, &work), Err(WriteError::Cancelled(_))));
    let reader = ArchiveReader::open(&fixture.archive_path()).expect("an archive");
    assert!(matches!(reader.check(TOP, &fixture.manifest, &work), Err(ReadError::Cancelled(_))));
}

#[test]
fn a_folder_that_holds_something_is_not_written_into() {
    let fixture = Fixture::mixed();
    fixture.write();
    let reader = ArchiveReader::open(&fixture.archive_path()).expect("an archive");
    let result = reader.extract(&fixture.data(), TOP, &fixture.manifest, &Work::new());
    assert!(matches!(result, Err(ReadError::NotEmpty(_))));
    fixture.assert_same_tree(&fixture.data(), &[]);
}

#[test]
fn a_full_device_is_an_error_and_no_hang() {
    let fixture = Fixture::mixed();
    let file = fs::OpenOptions::new().write(true).open("/dev/full").expect("the full device");
    let data = fixture.data();
    let contents = ArchiveContents::new(TOP, &TAGS, &data, &fixture.manifest);
    let result = write_archive(&file, &contents, &Work::new());
    assert!(matches!(result, Err(WriteError::Write(_))), "{result:?}");
}
