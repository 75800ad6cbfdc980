//! Hashing and copying: exact blocks, changes while reading, cancel.

use std::error::Error;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::Path;

use packhouse::disk::hashing::{HashReason, digest_of_blocks, hash_blocks, hash_files, verify_blocks};
use packhouse::library::copying::{CopyError, copy_and_hash};
use packhouse::library::scan::{Links, scan_files, scan_source};
use packhouse::package::file_list::FileEntry;
use packhouse::package::{BlockSize, Manifest, Sha256Digest};
use packhouse::work::Work;

type Outcome = Result<(), Box<dyn Error>>;

const BLOCK: usize = 256 * 1024;

fn size() -> BlockSize {
    BlockSize::new(BLOCK as u64).expect("a power of two in range")
}

/// Bytes in which no two blocks are equal.
fn content(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|i| (i ^ (i >> 8) ^ (i >> 16).wrapping_mul(31)) as u8).collect()
}

fn tree(root: &Path) -> Outcome {
    fs::create_dir_all(root.join("sub/folder"))?;
    let files = [("empty", 0), ("small", 10), ("exact", BLOCK), ("sub/over", BLOCK + 1)];
    for (path, bytes) in files.into_iter().chain([("sub/folder/large", 40 * BLOCK + 5)]) {
        fs::write(root.join(path), content(bytes))?;
    }
    Ok(fs::set_permissions(root.join("small"), fs::Permissions::from_mode(0o700))?)
}

fn manifest_of(root: &Path, copy: &Path) -> Result<Manifest, Box<dyn Error>> {
    let scan = scan_source(root, Links::Refuse, &Work::new())?;
    Ok(Manifest::from_files(size(), copy_and_hash(root, &scan, copy, size(), &Work::new())?)?)
}

#[test]
fn hashes_are_those_of_the_bytes() -> Outcome {
    let dir = tempfile::tempdir()?;
    tree(dir.path())?;
    let list = scan_files(dir.path(), &Work::new())?.files;
    let entries: Vec<FileEntry<'_>> = list.iter().collect();
    let work = Work::new();
    let hashed = hash_files(dir.path(), &entries, size(), &work)?;
    assert_eq!(work.progress().fraction(), Some(1.0));
    assert_eq!(work.progress().done_files, 5);
    let blocks_alone = hash_blocks(dir.path(), &entries, size(), &work)?;
    assert_eq!((work.progress().done_bytes, work.progress().done_files), (list.total_bytes(), 5));
    for ((entry, hashes), blocks_alone) in entries.iter().zip(hashed).zip(blocks_alone) {
        let (hashes, bytes) = (hashes?, fs::read(dir.path().join(entry.path))?);
        let blocks: Vec<_> = bytes.chunks(BLOCK).map(Sha256Digest::of).collect();
        assert_eq!(hashes.file, Sha256Digest::of(&bytes), "{}", entry.path);
        assert_eq!(hashes.blocks, blocks, "{}", entry.path);
        assert_eq!(blocks_alone?, blocks);
    }
    Ok(())
}

#[test]
fn damage_names_exactly_its_block() -> Outcome {
    let dir = tempfile::tempdir()?;
    let (source, copy) = (dir.path().join("source"), dir.path().join("copy"));
    tree(&source)?;
    let manifest = manifest_of(&source, &copy)?;
    let verify = || verify_blocks(&copy, &manifest, 0..manifest.len(), &Work::new());
    assert_eq!(verify()?, Default::default());
    let last = (40 * BLOCK + 4) as u64;
    for (path, at, block) in [
        ("sub/folder/large", 0, 0),
        ("sub/folder/large", BLOCK as u64 - 1, 0),
        ("sub/folder/large", BLOCK as u64, 1),
        ("sub/folder/large", last, 40),
        ("sub/over", BLOCK as u64, 1),
        ("exact", 0, 0),
        ("small", 9, 0),
    ] {
        let file = File::options().read(true).write(true).open(copy.join(path))?;
        let mut byte = [0];
        file.read_exact_at(&mut byte, at)?;
        file.write_all_at(&[byte[0] ^ 1], at)?;
        let result = verify()?;
        assert_eq!(result.damaged.len(), 1, "{path} at {at}");
        assert_eq!((result.damaged[0].path.as_str(), &result.damaged[0].blocks), (path, &vec![block]));
        let bytes = fs::read(copy.join(path))?;
        let found: Vec<_> = bytes.chunks(BLOCK).map(Sha256Digest::of).collect();
        assert_eq!(result.damaged[0].found, digest_of_blocks(&found));
        file.write_all_at(&byte, at)?;
    }
    Ok(())
}

#[test]
fn what_cannot_be_proven_is_said() -> Outcome {
    let dir = tempfile::tempdir()?;
    let (source, copy) = (dir.path().join("source"), dir.path().join("copy"));
    tree(&source)?;
    let mut files = manifest_of(&source, &copy)?.into_files();
    files[0].hashes = None;
    let manifest = Manifest::from_files(size(), files)?;
    fs::remove_file(copy.join("small"))?;
    File::options().append(true).open(copy.join("exact"))?.write_all(b"more")?;
    fs::remove_file(copy.join("sub/over"))?;
    std::os::unix::fs::symlink("folder/large", copy.join("sub/over"))?;
    let result = verify_blocks(&copy, &manifest, 0..manifest.len(), &Work::new())?;
    assert_eq!(result.without_hashes, 1);
    assert!(result.damaged.is_empty());
    let said: Vec<_> = result.unreadable.iter().map(|u| (u.path.as_str(), u.reason.as_str())).collect();
    assert_eq!(said[0], ("exact", "has 262148 bytes instead of 262144"));
    assert_eq!(said[1], ("small", "No such file or directory"));
    assert_eq!((said.len(), said[2].0), (3, "sub/over"));
    Ok(())
}

#[test]
fn a_file_written_to_while_it_is_hashed_is_a_problem() -> Outcome {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("growing");
    let bytes = 64 << 20;
    File::create(&path)?.set_len(bytes)?;
    let work = Work::new();
    let entry = [FileEntry { path: "growing", size_bytes: bytes }];
    let result = std::thread::scope(|scope| {
        let hashing = scope.spawn(|| hash_files(dir.path(), &entry, BlockSize::DEFAULT, &work));
        while work.progress().done_bytes == 0 && !hashing.is_finished() {
            std::thread::yield_now();
        }
        File::options().append(true).open(&path)?.write_all(b"more")?;
        hashing.join().map_err(|_| std::io::Error::other("hashing panicked"))
    })??;
    let problem = result[0].as_ref().expect_err("it grew");
    assert_eq!(problem.path, "growing");
    assert!(matches!(problem.reason, HashReason::Changed | HashReason::Size { .. }), "{problem}");
    Ok(())
}

#[test]
fn cancel_ends_hashing_of_a_large_file_soon() -> Outcome {
    let dir = tempfile::tempdir()?;
    // A hole of 1 TiB reads as zeros for minutes.
    let bytes = 1 << 40;
    File::create(dir.path().join("hole"))?.set_len(bytes)?;
    let work = Work::new();
    let entry = [FileEntry { path: "hole", size_bytes: bytes }];
    let result = std::thread::scope(|scope| {
        let hashing = scope.spawn(|| hash_files(dir.path(), &entry, BlockSize::DEFAULT, &work));
        while work.progress().done_bytes == 0 {
            std::thread::yield_now();
        }
        work.cancel();
        let asked = std::time::Instant::now();
        let result = hashing.join();
        assert!(asked.elapsed().as_millis() < 2000, "{:?}", asked.elapsed());
        result
    });
    assert!(result.expect("no panic").is_err());
    Ok(())
}

#[test]
fn a_copy_is_byte_for_byte_with_its_modes() -> Outcome {
    let dir = tempfile::tempdir()?;
    let (source, copy) = (dir.path().join("source"), dir.path().join("copy"));
    tree(&source)?;
    std::os::unix::fs::symlink("../small", source.join("sub/alias"))?;
    let scan = scan_source(&source, Links::Copy, &Work::new())?;
    let files = copy_and_hash(&source, &scan, &copy, size(), &Work::new())?;
    assert_eq!(files.len(), 6);
    for file in &files {
        let bytes = fs::read(copy.join(&file.path))?;
        assert_eq!(bytes, fs::read(source.join(&file.path))?);
        assert_eq!(file.hashes.as_ref().map(|h| h.file), Some(Sha256Digest::of(&bytes)));
        let mode = fs::symlink_metadata(copy.join(&file.path))?.permissions().mode();
        let executable = matches!(file.path.as_str(), "small" | "sub/alias");
        assert_eq!(file.executable, executable);
        assert_eq!(mode, if executable { 0o100_755 } else { 0o100_644 }, "{}", file.path);
    }
    Ok(())
}

#[test]
fn a_source_that_changed_since_it_was_listed_is_named() -> Outcome {
    for change in ["grown", "replaced", "gone"] {
        let dir = tempfile::tempdir()?;
        let (source, copy) = (dir.path().join("source"), dir.path().join("copy"));
        tree(&source)?;
        let scan = scan_source(&source, Links::Refuse, &Work::new())?;
        let over = source.join("sub/over");
        match change {
            "grown" => File::options().append(true).open(&over)?.write_all(b"more")?,
            "replaced" => {
                fs::write(source.join("new"), content(BLOCK + 1))?;
                fs::rename(source.join("new"), &over)?;
            }
            _ => fs::remove_file(&over)?,
        }
        match copy_and_hash(&source, &scan, &copy, size(), &Work::new()) {
            Err(CopyError::SourceChanged { path }) => assert_eq!(path, "sub/over"),
            other => panic!("{change}: {other:?}"),
        }
    }
    Ok(())
}

#[test]
fn a_cancelled_copy_says_so() -> Outcome {
    let dir = tempfile::tempdir()?;
    let source = dir.path().join("source");
    tree(&source)?;
    let scan = scan_source(&source, Links::Refuse, &Work::new())?;
    let work = Work::new();
    work.cancel();
    let copied = copy_and_hash(&source, &scan, &dir.path().join("copy"), size(), &work);
    assert!(matches!(copied, Err(CopyError::Cancelled(_))));
    Ok(())
}
