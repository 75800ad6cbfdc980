//! What is in the folder is the checkpoint: after any stop only what is missing or wrong is fetched.

use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::sync::Arc;

use packhouse::package::BlockState;
use packhouse::transfer::{DownloadState, Hints, Transfer, TransferError};
use proptest::prelude::*;

use crate::desk::{
    BLOCK, Outcome, complete, noise, options, origin_of, plan_of, same, sample, start, total, until, web,
};

#[test]
fn a_complete_folder_is_verified_and_nothing_is_fetched() -> Outcome {
    let (files, dir) = (sample(1), tempfile::tempdir()?);
    let origin = origin_of(&files);
    complete(&files, options(dir.path(), vec![web(&origin)]));
    let before = origin.sent_bytes();
    let status = complete(&files, options(dir.path(), vec![web(&origin)]));
    assert_eq!(origin.sent_bytes(), before);
    assert_eq!((status.blocks.kept, status.blocks.fetched, status.kept_bytes), (15, 0, total(&files)));
    Ok(())
}

#[test]
fn a_stop_in_the_middle_costs_at_most_a_block_for_each_connection() -> Outcome {
    let files = vec![("data/a".to_owned(), noise(2, 400 * BLOCK as usize))];
    let (origin, dir) = (origin_of(&files), tempfile::tempdir()?);
    let mut slow = options(dir.path(), vec![web(&origin)]);
    slow.connections = 2;
    slow.limit_bytes_per_second = Some(20 << 20);
    let transfer = start(plan_of(&files), slow);
    let (_, some) = transfer.wait(crate::desk::LONG, |status| status.fetched_bytes > total(&files) / 4);
    assert!(some);
    transfer.stop();
    let stopped = transfer.status();
    let hints = transfer.facts();
    assert!(hints.clean_stop && stopped.stopped && stopped.state == DownloadState::Downloading);
    // Every block that matched reached the disk: nothing was thrown away that was not on its way.
    assert_eq!(stopped.proven_bytes, stopped.fetched_bytes);
    let board = transfer.board();
    let unfinished =
        |block| matches!(board.state(block), Some(BlockState::Downloading | BlockState::Checking));
    assert!(!(0..board.len()).any(unfinished), "nothing is on its way any more");
    let before = origin.sent_bytes();
    let mut again = options(dir.path(), vec![web(&origin)]);
    again.hints = Some(hints);
    let status = complete(&files, again);
    assert_eq!(status.kept_bytes, stopped.proven_bytes);
    assert_eq!(origin.sent_bytes() - before, total(&files) - stopped.proven_bytes);
    assert_eq!(status.received_bytes, status.fetched_bytes);
    Ok(())
}

#[test]
fn hints_that_lie_or_do_not_fit_cost_time_and_never_a_wrong_byte() -> Outcome {
    let (files, dir) = (sample(3), tempfile::tempdir()?);
    let origin = origin_of(&files);
    complete(&files, options(dir.path(), vec![web(&origin)]));
    let transfer = start(plan_of(&files), options(dir.path(), vec![web(&origin)]));
    until(&transfer, DownloadState::Ready);
    transfer.stop();
    let hints = transfer.facts();
    assert!(hints.clean_stop && hints.files.values().all(|file| file.proven.count() == file.proven.len()));
    // Changed behind the hint: the time of change says so.
    let path = dir.path().join("data/a.bin");
    let mut file = File::options().write(true).open(&path)?;
    file.seek(SeekFrom::Start(3 * BLOCK + 1))?;
    file.write_all(b"xx")?;
    drop(file);
    let before = origin.sent_bytes();
    let mut again = options(dir.path(), vec![web(&origin)]);
    again.hints = Some(hints.clone());
    let status = complete(&files, again);
    assert_eq!((status.blocks.corrupt, status.blocks.repaired), (1, 1));
    assert_eq!(origin.sent_bytes() - before, BLOCK);
    // Of another folder: inodes differ.
    let other = tempfile::tempdir()?;
    for (name, content) in &files {
        let path = other.path().join(name);
        fs::create_dir_all(path.parent().expect("it has one"))?;
        fs::write(path, vec![1; content.len()])?;
    }
    let mut foreign = options(other.path(), vec![web(&origin)]);
    foreign.hints = Some(Hints { clean_stop: true, ..hints });
    complete(&files, foreign);
    Ok(())
}

/// Everything that can be untrue in a hint, one after the other: it says done where nothing is.
#[test]
fn a_hint_that_says_done_is_not_believed_unless_all_of_it_fits() -> Outcome {
    let (files, dir) = (sample(31), tempfile::tempdir()?);
    let origin = origin_of(&files);
    complete(&files, options(dir.path(), vec![web(&origin)]));
    let truth = {
        let transfer = start(plan_of(&files), options(dir.path(), vec![web(&origin)]));
        until(&transfer, DownloadState::Ready);
        transfer.stop();
        transfer.facts()
    };
    type Lie = fn(&mut packhouse::transfer::FileHint);
    let lies: [Lie; 5] = [
        |hint| hint.size_bytes += 1,
        |hint| hint.stamp.mtime_ns -= 1,
        |hint| hint.stamp.inode += 1,
        |hint| hint.stamp.inode = 0,
        |hint| hint.proven = packhouse::transfer::Bits::new(hint.proven.len() + 1, true),
    ];
    for nth in 0..=lies.len() {
        let path = dir.path().join("data/a.bin");
        // Zeros, with the time of change of what was there: only what the hint says can be told apart.
        let changed = fs::metadata(&path)?.modified()?;
        let file = File::options().write(true).open(&path)?;
        file.set_len(0)?;
        file.set_len(files[0].1.len() as u64)?;
        file.set_modified(changed)?;
        let mut hints = truth.clone();
        match lies.get(nth) {
            Some(lie) => hints.files.values_mut().for_each(lie),
            None => hints.clean_stop = false,
        }
        let mut again = options(dir.path(), vec![web(&origin)]);
        again.hints = Some(hints);
        let status = complete(&files, again);
        assert_eq!(status.blocks.fetched, 11, "lie {nth}");
    }
    Ok(())
}

#[test]
fn holes_are_not_read_and_zeros_need_not_be_fetched() -> Outcome {
    let mut content = noise(4, 4 * BLOCK as usize);
    content[BLOCK as usize..2 * BLOCK as usize].fill(0);
    let files = vec![("data/a".to_owned(), content.clone())];
    let (origin, dir) = (origin_of(&files), tempfile::tempdir()?);
    fs::create_dir(dir.path().join("data"))?;
    let mut file = File::create(dir.path().join("data/a"))?;
    file.set_len(4 * BLOCK)?;
    file.write_all(&content[..BLOCK as usize])?;
    drop(file);
    let status = complete(&files, options(dir.path(), vec![web(&origin)]));
    assert_eq!((status.blocks.kept, status.blocks.corrupt, origin.sent_bytes()), (2, 0, 2 * BLOCK));
    Ok(())
}

#[test]
fn longer_and_shorter_files_are_mended_in_place_and_strangers_stay() -> Outcome {
    let (files, dir) = (sample(5), tempfile::tempdir()?);
    let origin = origin_of(&files);
    fs::create_dir_all(dir.path().join("data/d"))?;
    let mut long = files[0].1.clone();
    long.extend_from_slice(b"more");
    fs::write(dir.path().join("data/a.bin"), &long)?;
    fs::write(dir.path().join("data/z%20"), &files[3].1[..BLOCK as usize + 9])?;
    fs::write(dir.path().join("data/empty"), b"not empty")?;
    fs::write(dir.path().join("data/d/mine.txt"), b"a note")?;
    let status = complete(&files, options(dir.path(), vec![web(&origin)]));
    assert_eq!(status.blocks.kept, 11 + 1);
    assert_eq!(status.strangers.named, ["data/d/mine.txt"]);
    assert_eq!(fs::read(dir.path().join("data/d/mine.txt"))?, b"a note");
    Ok(())
}

#[cfg(unix)]
#[test]
fn a_link_is_never_followed_out_of_the_folder() -> Outcome {
    let (files, dir, outside) = (sample(6), tempfile::tempdir()?, tempfile::tempdir()?);
    let origin = origin_of(&files);
    let victim = outside.path().join("victim");
    fs::write(&victim, b"do not touch")?;
    fs::create_dir(dir.path().join("data"))?;
    std::os::unix::fs::symlink(&victim, dir.path().join("data/a.bin"))?;
    let transfer = start(plan_of(&files), options(dir.path(), vec![web(&origin)]));
    let status = until(&transfer, DownloadState::Invalid);
    assert!(status.invalid.expect("a reason").to_string().contains("data/a.bin"));
    drop(transfer);
    // A folder above it that is a link.
    fs::remove_dir_all(dir.path().join("data"))?;
    std::os::unix::fs::symlink(outside.path(), dir.path().join("data"))?;
    let transfer = start(plan_of(&files), options(dir.path(), vec![web(&origin)]));
    until(&transfer, DownloadState::Invalid);
    assert_eq!(fs::read(&victim)?, b"do not touch");
    assert_eq!(fs::read_dir(outside.path())?.count(), 1);
    Ok(())
}

#[test]
fn a_folder_has_one_owner() -> Outcome {
    let (files, dir) = (sample(7), tempfile::tempdir()?);
    let origin = origin_of(&files);
    let transfer = start(plan_of(&files), options(dir.path(), vec![web(&origin)]));
    let second = Transfer::start(plan_of(&files), options(dir.path(), vec![web(&origin)]), Arc::new(|| ()));
    assert!(matches!(second.err(), Some(TransferError::FolderInUse(_))));
    transfer.stop();
    complete(&files, options(dir.path(), vec![web(&origin)]));
    Ok(())
}

#[test]
fn a_block_is_checked_again_and_fetched_again_on_demand() -> Outcome {
    let (files, dir) = (sample(8), tempfile::tempdir()?);
    let origin = origin_of(&files);
    let transfer = start(plan_of(&files), options(dir.path(), vec![web(&origin)]));
    until(&transfer, DownloadState::Ready);
    assert!(transfer.check_again(0)?);
    fs::write(dir.path().join("data/a.bin"), vec![9; files[0].1.len()])?;
    assert!(!transfer.check_again(2)?);
    let (status, repaired) = transfer.wait(crate::desk::LONG, |s| s.blocks.repaired == 1);
    assert!(repaired, "{status:?}");
    for block in (0..11).filter(|block| *block != 2) {
        transfer.fetch_again(block);
    }
    transfer.wait(crate::desk::LONG, |s| s.state == DownloadState::Ready && s.blocks.proven == 15);
    same(dir.path(), &files);
    assert_eq!(transfer.board().state(2), Some(BlockState::Repaired));
    Ok(())
}

#[cfg(unix)]
#[test]
fn executable_is_what_the_plan_says() -> Outcome {
    use std::os::unix::fs::PermissionsExt as _;
    let (files, dir) = (sample(9), tempfile::tempdir()?);
    let origin = origin_of(&files);
    let plan = || {
        let mut planned: Vec<_> = files.iter().map(|(p, c)| crate::desk::planned(p, c, BLOCK)).collect();
        planned[0].executable = true;
        packhouse::transfer::Plan::new(planned, Vec::new()).expect("a plan")
    };
    fs::create_dir(dir.path().join("data"))?;
    fs::write(dir.path().join("data/z%20"), &files[3].1)?;
    fs::set_permissions(dir.path().join("data/z%20"), fs::Permissions::from_mode(0o755))?;
    let transfer = start(plan(), options(dir.path(), vec![web(&origin)]));
    until(&transfer, DownloadState::Ready);
    let mode =
        |path: &str| fs::metadata(dir.path().join(path)).map(|facts| facts.permissions().mode() & 0o777);
    assert_eq!((mode("data/a.bin")?, mode("data/z%20")?), (0o755, 0o644));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    /// Whatever is damaged, exactly the damaged blocks are fetched.
    #[test]
    fn only_what_is_damaged_is_fetched(damaged in prop::collection::btree_set(0..30usize, 0..20), cut in 0..3 * BLOCK) {
        let content = noise(77, 30 * BLOCK as usize + 100);
        let files = vec![("f".to_owned(), content.clone())];
        let (origin, dir) = (origin_of(&files), tempfile::tempdir().expect("a folder"));
        let mut there = content;
        for block in &damaged {
            there[block * BLOCK as usize + 11] ^= 255;
        }
        there.truncate(there.len() - cut as usize);
        let whole_blocks = (there.len() as u64 / BLOCK).min(30) as usize;
        let kept = (0..whole_blocks).filter(|block| !damaged.contains(block)).count() as u64
            + u64::from(cut == 0);
        std::fs::write(dir.path().join("f"), there).expect("a file");
        let status = complete(&files, options(dir.path(), vec![web(&origin)]));
        prop_assert_eq!(status.blocks.kept as u64, kept);
        prop_assert_eq!(origin.sent_bytes(), total(&files) - status.kept_bytes);
    }
}
