//! Trees nobody prepared: what is on the machine, taken in as it is, sealed, checked, archived and restored.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use packhouse::package::CheckKind;
use packhouse::session::{
    Archive, ArchiveRequest, Check, Links, Register, RegisterRequest, Restore, RestoreSource, Seal, Verify,
};

use crate::place::{Desk, Outcome};

/// Counts what `find` finds of one type, as the judge of the scan.
fn find(folder: &Path, kind: &str) -> Result<usize, Box<dyn std::error::Error>> {
    let output = Command::new("find").arg(folder).args(["-type", kind, "-printf", "x"]).output()?;
    Ok(output.stdout.len())
}

/// Whether the full counts are wanted.
fn is_long() -> bool {
    std::env::var("PACKHOUSE_TEST_COUNTS").is_ok_and(|counts| counts == "soak")
}

fn walk_through_life(desk: &Desk, source: PathBuf, links: Links) -> Outcome {
    let request = RegisterRequest {
        name: Some("Tree".to_owned()),
        version: Some("1".to_owned()),
        links,
        ..RegisterRequest::new(vec![source.clone()])
    };
    let report = desk.run(Register { request })?;
    let id = report.record.id;
    assert_eq!(report.record.checksum.files, find(&source, "f")? as u64);
    assert_eq!(report.skipped_links, find(&source, "l")? as u64);
    let sealed = desk.run(Seal { package: id, key: None, block_size: None })?;
    assert!(desk.run(Check { package: id, kind: CheckKind::Deep })?.is_consistent());
    let folder = desk.path("library/packages/Tree/1");
    let judged = desk.run(Verify { path: folder.clone(), trust: Vec::new() })?;
    assert!(judged.valid, "{:?}", judged.errors);
    let request = ArchiveRequest { folder: desk.path("archives"), comment: String::new() };
    let archived = desk.run(Archive { package: id, request })?;
    assert!(!folder.join("data").exists());
    assert_eq!(fs::read_dir(desk.path("archives"))?.count(), 1);
    let restored = desk.run(Restore { source: RestoreSource::Package(id) })?;
    assert_eq!(restored.record.checksum, sealed.record.checksum);
    assert_eq!(restored.file, archived.file);
    assert!(desk.run(Verify { path: folder, trust: Vec::new() })?.valid);
    Ok(())
}

#[test]
fn usr_share_is_refused_with_its_links_listed_and_taken_without_them() -> Outcome {
    let desk = Desk::on_disk()?;
    let source = PathBuf::from("/usr/share");
    let (name, version) = (Some("Tree".to_owned()), Some("1".to_owned()));
    let request = RegisterRequest { name, version, ..RegisterRequest::new(vec![source.clone()]) };
    let refused = desk.run(Register { request }).expect_err("it has symbolic links");
    assert_eq!(refused.code, "source-refused");
    let links = refused.details.iter().filter(|line| line.contains("symbolic link")).count();
    assert_eq!(links, find(&source, "l")?, "every link is listed at once");
    // The whole of it in the long run, a part of it otherwise: a disk takes minutes for it.
    let source = if is_long() { source } else { source.join("doc") };
    walk_through_life(&desk, source, Links::Skip)
}

#[test]
fn the_documentation_of_the_toolchain_lives_through_everything() -> Outcome {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output()?;
    let documentation = Path::new(String::from_utf8(output.stdout)?.trim()).join("share/doc");
    assert!(documentation.is_dir(), "no documentation: rustup component add rust-docs");
    // The whole of it in the long run; one book of it otherwise.
    let source = if is_long() { documentation } else { documentation.join("rust/html/book") };
    assert!(source.is_dir(), "no documentation in {}: rustup component add rust-docs", source.display());
    walk_through_life(&Desk::on_disk()?, source, Links::Refuse)
}

/// Writes a file that nobody can shorten: no page of it is like another, and none is of zeros.
fn write_large(path: &Path, size: u64) -> std::io::Result<()> {
    const PAGE: usize = 4096;
    let mut piece = vec![0u8; 2 << 20];
    let mut state: u64 = 1;
    for word in piece.as_chunks_mut::<8>().0 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *word = (state ^ (state >> 29)).to_le_bytes();
    }
    let mut file = fs::File::create(path)?;
    let (mut left, mut page) = (size, 0u64);
    while left > 0 {
        for start in (0..piece.len()).step_by(PAGE) {
            page += 1;
            piece[start..start + 8].copy_from_slice(&page.to_le_bytes());
        }
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
        file.write_all(&piece[..most])?;
        left -= most as u64;
    }
    Ok(())
}

#[test]
fn a_large_file_lives_through_everything() -> Outcome {
    let desk = Desk::on_disk()?;
    let size: u64 = if is_long() { 4 << 30 } else { 64 << 20 };
    let source = desk.source("big", &[("small.txt", b"beside it")])?;
    write_large(&source.join("image.raw"), size + 1)?;
    let occupied = std::os::unix::fs::MetadataExt::blocks(&fs::metadata(source.join("image.raw"))?) * 512;
    assert!(occupied > size, "it has holes: {occupied} bytes on disk");
    walk_through_life(&desk, source, Links::Refuse)
}

#[test]
fn a_file_with_holes_lives_through_everything() -> Outcome {
    let desk = Desk::on_disk()?;
    let source = desk.source("holes", &[("small.txt", b"beside it")])?;
    let file = fs::File::create(source.join("image.raw"))?;
    file.set_len((64 << 20) + 1)?;
    std::os::unix::fs::FileExt::write_all_at(&file, b"in the middle", (32 << 20) - 3)?;
    walk_through_life(&desk, source, Links::Refuse)
}
