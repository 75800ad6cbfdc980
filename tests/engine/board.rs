//! A board that somebody looks at says of every block what the check of files or archive found.

use std::error::Error;
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;

use packhouse::archive_file::ArchiveReader;
use packhouse::disk::hashing::verify_blocks_on;
use packhouse::library::copying::copy_and_hash;
use packhouse::library::scan::{Links, scan_source};
use packhouse::package::BlockState::{Corrupt, Missing, Verified};
use packhouse::package::{BlockBoard, BlockSize, BlockState, BoardCopy, Manifest};
use packhouse::work::Work;

use super::archive_file::fixture::{Fixture, TOP};

type Outcome = Result<(), Box<dyn Error>>;

const BLOCK: usize = 256 * 1024;

fn states(board: &BlockBoard) -> Vec<BlockState> {
    (0..board.len()).filter_map(|block| board.state(block)).collect()
}

#[test]
fn a_deep_check_marks_every_block() -> Outcome {
    let dir = tempfile::tempdir()?;
    let (source, copy) = (dir.path().join("source"), dir.path().join("copy"));
    fs::create_dir(&source)?;
    for (path, bytes) in [("a", 3 * BLOCK), ("b", 10), ("c", 0), ("d", BLOCK + 1), ("e", 20 * BLOCK)] {
        fs::write(source.join(path), vec![7; bytes])?;
    }
    let size = BlockSize::new(BLOCK as u64)?;
    let scan = scan_source(&source, Links::Refuse, &Work::new())?;
    let manifest = Manifest::from_files(size, copy_and_hash(&source, &scan, &copy, size, &Work::new())?)?;
    File::options().write(true).open(copy.join("a"))?.write_all_at(&[8], BLOCK as u64)?;
    File::options().write(true).open(copy.join("b"))?.write_all_at(&[8], 0)?;
    fs::remove_file(copy.join("d"))?;
    let board = BlockBoard::new(usize::try_from(manifest.block_count())?);
    // All files but the last are checked.
    let result = verify_blocks_on(&copy, &manifest, 0..4, Some(&board), &Work::new())?;
    assert_eq!((result.damaged.len(), result.unreadable.len()), (2, 1));
    let found = states(&board);
    assert_eq!(found[..6], [Verified, Corrupt, Verified, Corrupt, Missing, Missing]);
    assert!(found[6..].iter().all(|state| *state == Missing), "nobody looked at the last file");
    Ok(())
}

#[test]
fn verifying_an_archive_marks_every_block() -> Outcome {
    let fixture = Fixture::mixed();
    let path = fixture.folder.path().join("board.tar.zst");
    let good = fixture.write();
    fs::write(&path, &good)?;
    let board = BlockBoard::new(usize::try_from(fixture.manifest.block_count())?);
    let look = |board: &BlockBoard| -> Result<_, Box<dyn Error>> {
        Ok(ArchiveReader::open(&path)?.check_on(TOP, &fixture.manifest, Some(board), &Work::new())?)
    };
    assert!(look(&board)?.is_flawless());
    assert!(states(&board).iter().all(|state| *state == Verified), "{:?}", states(&board));
    let mut bytes = good;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, &bytes)?;
    let damage = look(&board)?;
    let first = fixture.manifest.first_blocks();
    let mut bad: Vec<usize> = Vec::new();
    for file in &damage.files {
        bad.extend(file.blocks.iter().map(|nth| first[file.index] + *nth as usize));
    }
    assert!(!bad.is_empty(), "the middle of an archive is content");
    for (block, state) in states(&board).into_iter().enumerate() {
        assert_eq!(state, if bad.contains(&block) { Corrupt } else { Verified }, "block {block}");
    }
    Ok(())
}

#[test]
fn marks_of_many_threads_are_all_seen() {
    let board = BlockBoard::new(10_000);
    let mut copy = BoardCopy::of(&board);
    std::thread::scope(|scope| {
        for part in 0..4 {
            let board = &board;
            scope.spawn(move || (part..10_000).step_by(4).for_each(|block| board.mark(block, Verified)));
        }
        while copy.count(Missing) > 0 {
            copy.follow(&board);
        }
    });
    assert_eq!(copy.count(Verified), 10_000);
}
