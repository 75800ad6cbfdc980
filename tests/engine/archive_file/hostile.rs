//! Archives made to do harm, and bytes that are no archive.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use packhouse::archive_file::{ArchiveDamage, ArchiveReader, ExtraReason, FileDamageKind, Limits, ReadError};
use packhouse::package::Manifest;
use packhouse::package::path::PathProblem;
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
