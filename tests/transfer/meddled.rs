//! Somebody else changes files while they are downloaded, or between two downloads: nothing that is not right is called so.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use packhouse::transfer::{DownloadState, Transfer};

use crate::desk::{BLOCK, LONG, Outcome, noise, options, origin_of, plan_of, same, start, until, web};

type Files = Vec<(String, Vec<u8>)>;

/// Two files of 6 MiB and a small one.
fn files(seed: u64) -> Files {
    let content = |n: u64, size| noise(seed + n, size);
    vec![
        ("data/a".to_owned(), content(0, 96 * BLOCK as usize)),
        ("data/b".to_owned(), content(1, 96 * BLOCK as usize + 7)),
        ("data/c".to_owned(), content(2, 9)),
    ]
}

/// Downloads, and does `harm` to the folder between two writes, when a part of the first file is verified.
fn harmed(files: &Files, harm: impl FnOnce(&Path, &Transfer) -> Outcome) -> Outcome {
    let (origin, dir) = (origin_of(files), tempfile::tempdir()?);
    let mut slow = options(dir.path(), vec![web(&origin)]);
    slow.limit_bytes_per_second = Some(4 << 20);
    let transfer = start(plan_of(files), slow);
    let (status, some) = transfer.wait(LONG, |status| status.blocks.proven >= 8);
    assert!(some, "{status:?}");
    transfer.pause();
    let (status, quiet) = transfer.wait(LONG, |status| {
        status.proven_bytes == status.fetched_bytes && status.codebases[0].connections == 0
    });
    assert!(quiet && status.blocks.proven < status.blocks.total, "{status:?}");
    assert!(transfer.facts().files.contains_key("data/a"), "it is known by its time of change");
    harm(dir.path(), &transfer)?;
    transfer.set_limit(None);
    transfer.resume();
    until(&transfer, DownloadState::Ready);
    same(dir.path(), files);
    // What is said of the end is true of what lies there.
    transfer.stop();
    let facts = transfer.facts();
    assert!(facts.clean_stop && facts.files.len() == 3, "{facts:?}");
    Ok(())
}

/// The first verified block of the first file.
fn verified(transfer: &Transfer) -> u64 {
    let facts = transfer.facts();
    facts.files["data/a"].proven.next(0).expect("some are verified") as u64
}

#[test]
fn a_verified_block_that_is_overwritten_is_noticed_and_fetched_again() -> Outcome {
    harmed(&files(1), |folder, transfer| {
        let block = verified(transfer);
        let file = File::options().write(true).open(folder.join("data/a"))?;
        Ok(file.write_all_at(b"somebody else", block * BLOCK + 100)?)
    })
}

#[test]
fn a_file_that_is_replaced_removed_cut_or_grows_is_whole_in_the_end() -> Outcome {
    harmed(&files(2), |folder, _| {
        fs::write(folder.join("new"), noise(99, 96 * BLOCK as usize))?;
        Ok(fs::rename(folder.join("new"), folder.join("data/a"))?)
    })?;
    harmed(&files(3), |folder, _| Ok(fs::remove_file(folder.join("data/a"))?))?;
    harmed(&files(4), |folder, _| {
        Ok(File::options().write(true).open(folder.join("data/a"))?.set_len(BLOCK + 1)?)
    })?;
    harmed(&files(5), |folder, _| {
        let file = File::options().write(true).open(folder.join("data/a"))?;
        Ok(file.write_all_at(b"more", 96 * BLOCK)?)
    })
}

#[test]
fn folders_that_are_removed_meanwhile_are_made_again() -> Outcome {
    harmed(&files(6), |folder, _| Ok(fs::remove_dir_all(folder.join("data"))?))
}

/// What was touched is not among what the next download may believe.
#[test]
fn nothing_is_said_of_a_file_that_somebody_else_touched() -> Outcome {
    harmed(&files(7), |folder, transfer| {
        let block = verified(transfer);
        let file = File::options().write(true).open(folder.join("data/a"))?;
        file.write_all_at(b"somebody else", block * BLOCK + 100)?;
        assert!(!transfer.facts().files.contains_key("data/a"));
        Ok(())
    })
}
