//! Archives made to do harm, and bytes that are no archive.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use packhouse::archive_file::{
    ArchiveDamage, ArchiveReader, ExtraReason, FileDamageKind, Limits, ReadError, TagFiles,
};
use packhouse::package::consistency::ConsistencyChecksum;
use packhouse::package::manifest::{FileHashes, ManifestFile};
use packhouse::package::path::PathProblem;
use packhouse::package::record::{PackageId, PackageType};
use packhouse::package::reginfo::RegInfo;
use packhouse::package::{BlockSize, Manifest, PackageKey, Sha256Digest, snapshot};
use packhouse::work::Work;
use proptest::prelude::*;

use super::fixture::{Fixture, TOP};

/// One raw member: whatever name, kind and size it claims, with whatever content.
fn member(name: &str, kind: tar::EntryType, link: &str, claimed: u64, content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(claimed);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn file(name: &str, content: &[u8]) -> Vec<u8> {
    member(name, tar::EntryType::Regular, "", content.len() as u64, content)
}

fn pack(members: &[Vec<u8>]) -> Vec<u8> {
    let mut tar = members.concat();
    tar.extend_from_slice(&[0; 1024]);
    zstd::encode_all(tar.as_slice(), 3).expect("compresses")
}

/// A package of one file `good`, with what an archive holds beside it.
struct Trap {
    fixture: Fixture,
}

impl Trap {
    fn new() -> Self {
        Self { fixture: Fixture::new(256 << 10, vec![("good".to_owned(), b"good".to_vec())]) }
    }

    fn good() -> Vec<u8> {
        file("p-1/data/good", b"good")
    }

    /// Unpacks the archive into `cage/into` and returns what happened, having asserted that nothing got out.
    fn unpack(&self, archive: &[u8]) -> Result<ArchiveDamage, ReadError> {
        let cage = tempfile::tempdir_in(self.fixture.folder.path()).expect("a cage");
        let path = cage.path().join("trap.tar.zst");
        fs::write(&path, archive).expect("written");
        let into = cage.path().join("into");
        let result = ArchiveReader::open(&path)
            .and_then(|reader| reader.extract(&into, "p-1", &self.fixture.manifest, &Work::new()));
        let names = |folder: &Path| -> Vec<_> {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
        };
        assert!(names(cage.path()).iter().all(|name| name == "into" || name == "trap.tar.zst"));
        if result.is_ok() {
            assert!(names(&into).iter().all(|name| name == "good"), "{:?}", names(&into));
        }
        result
    }

    fn assert_extra(&self, evil: Vec<u8>, reason: ExtraReason) {
        for members in [[Self::good(), evil.clone()], [evil, Self::good()]] {
            let damage = self.unpack(&pack(&members)).expect("a finding");
            assert!(damage.files_are_whole(), "{damage:?}");
            let reasons: Vec<_> = damage.extra.iter().map(|extra| extra.reason).collect();
            assert_eq!(reasons, [reason], "{damage:?}");
        }
    }
}

#[test]
fn paths_that_lead_outside_are_not_followed() {
    let trap = Trap::new();
    let dots = ExtraReason::Path(PathProblem::DotPart);
    trap.assert_extra(file("p-1/data/../../evil", b"evil"), dots);
    trap.assert_extra(file("../evil", b"evil"), dots);
    trap.assert_extra(file("p-1/data/..", b"evil"), dots);
    trap.assert_extra(file("/tmp/evil", b"evil"), ExtraReason::Path(PathProblem::Absolute));
    trap.assert_extra(file("p-1/data//evil", b"evil"), ExtraReason::Path(PathProblem::EmptyPart));
    trap.assert_extra(file("p-1/data/a\nb", b"evil"), ExtraReason::Path(PathProblem::Control));
    trap.assert_extra(member("p-1/../..", tar::EntryType::Directory, "", 0, b""), dots);
    trap.assert_extra(file("p-1/data/evil", b"evil"), ExtraReason::NotRecorded);
}

#[test]
fn links_and_devices_are_not_made() {
    let trap = Trap::new();
    for kind in [tar::EntryType::Symlink, tar::EntryType::Link] {
        trap.assert_extra(member("p-1/data/link", kind, "/etc/passwd", 0, b""), ExtraReason::Link);
        // In place of a folder or of the file itself.
        trap.assert_extra(member("p-1/data", kind, "/tmp", 0, b""), ExtraReason::Link);
        trap.assert_extra(member("p-1/data/good", kind, "../../evil", 0, b""), ExtraReason::Link);
    }
    for kind in [tar::EntryType::Char, tar::EntryType::Block, tar::EntryType::Fifo, tar::EntryType::GNUSparse]
    {
        trap.assert_extra(member("p-1/data/special", kind, "", 0, b""), ExtraReason::Special);
    }
}

#[test]
fn the_second_of_two_is_not_written_over_the_first() {
    let trap = Trap::new();
    let damage = trap.unpack(&pack(&[Trap::good(), file("p-1/data/good", b"evil")])).expect("a finding");
    assert!(damage.files_are_whole());
    assert_eq!(damage.extra[0].reason, ExtraReason::Duplicate);
    let damage = trap.unpack(&pack(&[file("p-1/data/good", b"evil"), Trap::good()])).expect("a finding");
    assert_eq!(damage.files[0].kind, FileDamageKind::Content);
    let damage = trap.unpack(&pack(&[file("p-1/data/good", b"longer than recorded")])).expect("a finding");
    assert_eq!(damage.files[0].kind, FileDamageKind::Resized(20));
    let damage = trap.unpack(&pack(&[file("p-1/reginfo.json", b"{}")])).expect("a finding");
    assert_eq!(damage.files[0].kind, FileDamageKind::Missing);
}

/// `bytes` times the same byte as zstd frames of up to 1 GiB, behind a frame of `before`.
fn bomb(before: &[u8], byte: u8, bytes: u64) -> Vec<u8> {
    let frame = |bytes: u64| {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("an encoder");
        std::io::copy(&mut std::io::repeat(byte).take(bytes), &mut encoder).expect("compresses");
        encoder.finish().expect("compresses")
    };
    let piece = bytes.min(1 << 30);
    let mut bomb = zstd::encode_all(before, 1).expect("compresses");
    bomb.extend_from_slice(&frame(piece).repeat((bytes / piece) as usize));
    bomb
}

#[test]
fn bombs_are_refused() {
    let trap = Trap::new();
    let ten_gib = 10 << 30;
    // Declared: refused by its header, before anything of it is unpacked.
    let header = member("p-1/data/good", tar::EntryType::Regular, "", ten_gib, b"");
    let declared = bomb(&header, 0, 2 << 20);
    assert!(matches!(trap.unpack(&declared), Err(ReadError::TooLarge(_))));
    let extra = member("p-1/data/other", tar::EntryType::Regular, "", ten_gib, b"");
    assert!(matches!(trap.unpack(&bomb(&extra, 0, 2 << 20)), Err(ReadError::TooLarge(_))));
    // Declared as the size of a thing that is skipped: a pax header, a link, a device.
    for kind in [tar::EntryType::XHeader, tar::EntryType::XGlobalHeader, tar::EntryType::GNULongName] {
        let header = member("p-1/x", kind, "", ten_gib, b"");
        assert!(matches!(trap.unpack(&bomb(&header, 0, 2 << 20)), Err(ReadError::TooLarge(_))));
    }
    // Undeclared: the tar has ended, or has not begun, and the zeros are not read for ever.
    let ended = bomb(&Trap::good(), 0, ten_gib);
    assert!(ended.len() < 4 << 20);
    assert!(trap.unpack(&ended).expect("a finding").files_are_whole());
    // Nothing that looks like a header: looked through up to the budget only.
    assert!(matches!(trap.unpack(&bomb(&Trap::good(), b'a', 1 << 30)), Err(ReadError::TooLarge(_))));
    // Headers without number are a bomb too.
    let many = vec![file("p-1/data/x", b""); 200_000];
    assert!(matches!(trap.unpack(&pack(&many)), Err(ReadError::TooManyEntries(_))));
}

#[test]
fn a_frame_that_unpacks_to_more_than_it_says_is_bad_not_big() {
    let fixture = Fixture::mixed();
    let good = fixture.write();
    let word = |at: usize| u32::from_le_bytes(good[at..at + 4].try_into().expect("four bytes")) as usize;
    let count = word(good.len() - 9);
    let table = good.len() - 9 - 12 * count;
    // The last frame is replaced by one of 256 MiB; the table tells its stored size and the old content size.
    let last = table - 8 - word(table + 12 * (count - 1));
    let big = zstd::encode_all(vec![0u8; 256 << 20].as_slice(), 1).expect("compresses");
    let mut bytes = good[..last].to_vec();
    bytes.extend_from_slice(&big);
    let mut entries = good[table - 8..].to_vec();
    let at = 8 + 12 * (count - 1);
    entries[at..at + 4].copy_from_slice(&(big.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&entries);
    let damage = fixture.check_bytes(&bytes);
    assert_eq!(damage.bad_frames, 1, "{damage:?}");
    assert!(!damage.is_flawless());
}

#[test]
fn odd_headers_are_survived() {
    let trap = Trap::new();
    // Negative size, in the base-256 form.
    let mut negative = file("p-1/data/negative", b"");
    negative[124..136].copy_from_slice(&[0xff; 12]);
    let mut header = tar::Header::from_byte_slice(&negative[..512]).clone();
    header.set_cksum();
    negative[..512].copy_from_slice(header.as_bytes());
    let damage = trap.unpack(&pack(&[negative, Trap::good()])).expect("a finding");
    assert!(damage.files_are_whole() && damage.framing_damaged, "{damage:?}");
    // A size that is no number, a pax size that is none, a pax header of 2 MiB.
    let pax =
        |record: &str| member("p-1/x", tar::EntryType::XHeader, "", record.len() as u64, record.as_bytes());
    assert!(matches!(
        trap.unpack(&pack(&[pax("11 size=-1\n"), file("p-1/data/x", b"")])),
        Err(ReadError::TooLarge(_))
    ));
    let huge = pax(&format!("{} path={}\n", 2 << 20, "a".repeat((2 << 20) - 14)));
    let damage = trap.unpack(&pack(&[huge, Trap::good()])).expect("a finding");
    assert!(damage.files_are_whole() && damage.framing_damaged, "{damage:?}");
    // A pax path leads outside although the plain name does not.
    let escape = [pax("22 path=../../../evil\n"), file("p-1/data/x", b"evil"), Trap::good()];
    let damage = trap.unpack(&pack(&escape)).expect("a finding");
    assert_eq!(damage.extra[0].reason, ExtraReason::Path(PathProblem::DotPart));
}

#[test]
fn entries_of_a_stranger_have_limits() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("many.tar.zst");
    fs::write(&path, pack(&vec![file("x", b"1234"); 100])).expect("written");
    let reader = ArchiveReader::open(&path).expect("an archive");
    let count =
        |limits| reader.entries(limits, &Work::new()).expect("entries").filter(Result::is_err).count();
    assert_eq!(count(Limits { max_entries: 100, max_bytes: 1 << 20 }), 0);
    assert_eq!(count(Limits { max_entries: 99, max_bytes: 1 << 20 }), 1);
    assert_eq!(count(Limits { max_entries: 100, max_bytes: 1 << 12 }), 1);
}

#[test]
fn what_is_no_archive_is_said_to_be_none() {
    let folder = tempfile::tempdir().expect("a folder");
    for content in [&b""[..], b"x", b"PK\x03\x04 a zip file", &[0; 4096]] {
        let path = folder.path().join("none");
        fs::write(&path, content).expect("written");
        assert!(matches!(ArchiveReader::open(&path), Err(ReadError::NotAnArchive)));
    }
}

/// Opens, lists and judges whatever there is; only a panic or a hang is wrong.
fn try_everything(bytes: &[u8], manifest: &Manifest) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("any");
    fs::write(&path, bytes).expect("written");
    let Ok(reader) = ArchiveReader::open(&path) else { return };
    let limits = Limits { max_entries: 1000, max_bytes: 64 << 20 };
    let listed = reader.entries(limits, &Work::new()).map(|entries| entries.count());
    assert!(listed.is_ok_and(|count| count <= 1001));
    let _ = reader.read_tag_files();
    if let Ok(damage) = reader.check(TOP, manifest, &Work::new()) {
        assert!(damage.files.len() <= manifest.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..4096), is_frame: bool) {
        if is_frame && bytes.len() > 4 {
            bytes[..4].copy_from_slice(&0xFD2F_B528_u32.to_le_bytes());
        }
        try_everything(&bytes, &Manifest::default());
        // The same bytes as a tar.
        let packed = zstd::encode_all(bytes.as_slice(), 1).expect("compresses");
        try_everything(&packed, &Manifest::default());
    }

    #[test]
    fn changed_archives_never_panic(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
                                    cut in any::<prop::sample::Index>(), is_cut: bool) {
        let files = (0..20u8).map(|i| (format!("f{i}"), vec![i; usize::from(i) * 500])).collect();
        let fixture = Fixture::new(256 << 10, files);
        let mut bytes = fixture.write();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        try_everything(&bytes, &fixture.manifest);
    }
}

/// A registration info that says that there are so many files of so many bytes in all.
fn reginfo(files: u64, size_bytes: u64) -> Vec<u8> {
    let key = PackageKey::new("Many", "1").expect("a name");
    let checksum = ConsistencyChecksum { files, size_bytes, digest: Sha256Digest::of(b"names and sizes") };
    let (id, kind) = (PackageId(uuid::Uuid::from_u128(7)), PackageType::Generic);
    let info = RegInfo::new(id, key, None, String::new(), kind, 1, checksum, Vec::new(), Vec::new());
    info.to_text().into_bytes()
}

/// What reading the tag files of an archive of these members comes to.
fn read_tags(members: &[Vec<u8>]) -> Result<TagFiles, ReadError> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("package.tar.zst");
    let mut tar = members.concat();
    tar.extend_from_slice(&[0; 1024]);
    let file = fs::File::create(&path).expect("an archive");
    let mut encoder = zstd::Encoder::new(file, 1).expect("an encoder");
    std::io::Write::write_all(&mut encoder, &tar).expect("compresses");
    encoder.finish().expect("written");
    ArchiveReader::open(&path).and_then(|reader| reader.read_tag_files())
}

#[test]
fn the_lists_of_very_many_files_are_read_whole() {
    const FILES: u64 = 240_000;
    let hash = Sha256Digest::of(b"x");
    let files = (0..FILES).map(|number| ManifestFile {
        path: format!("a folder of the package/and one below it/{number:06}.dat"),
        size_bytes: 1,
        executable: false,
        hashes: Some(FileHashes { file: hash, blocks: vec![hash] }),
    });
    let manifest = Manifest::from_files(BlockSize::DEFAULT, files.collect()).expect("distinct");
    let id = PackageId(uuid::Uuid::from_u128(7));
    let list = snapshot::write(id, &manifest).expect("it has hashes").into_bytes();
    assert!(list.len() > 64 << 20, "more than any other tag file may have: {}", list.len());
    let checksum = manifest.files().checksum();
    assert!(list.len() as u64 <= snapshot::most_bytes(&checksum));
    let info = reginfo(checksum.files, checksum.size_bytes);
    // A second list beside it is read as well, and what follows.
    let tags = read_tags(&[
        file("Many-1/reginfo.json", &info),
        file("Many-1/snapshot.meta4", &list),
        file("Many-1/manifest-sha256.txt", &list),
        file("Many-1/bagit.txt", b"BagIt-Version: 1.0"),
        file("Many-1/data/a", b"x"),
    ])
    .expect("they are as long as they may be");
    assert!(!tags.is_damaged);
    let sizes: Vec<usize> = tags.files.iter().map(|tag| tag.content.len()).collect();
    assert_eq!(sizes, [info.len(), list.len(), list.len(), 18]);
    assert!(tags.get("snapshot.meta4").is_some_and(|tag| tag.content == list));
}

#[test]
fn no_list_may_be_longer_than_its_package_can_need() {
    let bomb = vec![b' '; (64 << 20) + 1];
    let list = |name: &str| file(&format!("p-1/{name}"), &bomb);
    for (first, second) in [
        // One small file, no registration info, one that is none, and another tag file than a list.
        (Some(reginfo(1, 1)), "snapshot.meta4"),
        (Some(reginfo(1000, 1 << 20)), "manifest-sha256.txt"),
        (None, "snapshot.meta4"),
        (Some(b"{}".to_vec()), "snapshot.meta4"),
        (Some(reginfo(u64::MAX, u64::MAX)), "bag-info.txt"),
    ] {
        let mut members: Vec<_> = first.iter().map(|info| file("p-1/reginfo.json", info)).collect();
        members.push(list(second));
        let refused = read_tags(&members).expect_err("too long");
        assert!(matches!(refused, ReadError::TooLarge(bytes) if bytes == 64 << 20), "{second}: {refused}");
    }
    // However many files are claimed, a list of more than 1 GiB is refused by its header; nothing is unpacked for it.
    let claimed = member("p-1/snapshot.meta4", tar::EntryType::Regular, "", (1 << 30) + 1, b"");
    let refused = read_tags(&[file("p-1/reginfo.json", &reginfo(u64::MAX, u64::MAX)), claimed]);
    assert!(matches!(refused, Err(ReadError::TooLarge(bytes)) if bytes == 1 << 30), "{refused:?}");
    // One that is promised and not there takes no memory: it is damaged.
    let promised = member("p-1/snapshot.meta4", tar::EntryType::Regular, "", 1 << 30, b"<metalink>");
    let tags = read_tags(&[file("p-1/reginfo.json", &reginfo(u64::MAX, u64::MAX)), promised]);
    let tags = tags.expect("what is there is read");
    let found = tags.get("snapshot.meta4").expect("its beginning");
    assert!(found.is_damaged && found.content.len() < 4096);
}
