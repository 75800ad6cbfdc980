//! Codebases that are no web server, mirrors of a Metalink, blocks taken from other packages.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use packhouse::package::Sha256Digest;
use packhouse::transfer::{
    BlockRequest, BlockSource, CodebaseAddress, DownloadState, InvalidReason, Mirror, Plan, TransferError,
};

use crate::desk::{
    BLOCK, Outcome, complete, noise, options, origin_of, plan_of, planned, same, sample, start, total,
    unproven, until, web,
};
use crate::origin::Fault;

#[test]
fn a_folder_is_a_codebase_under_both_names() -> Outcome {
    let (files, source) = (sample(1), tempfile::tempdir()?);
    for (path, content) in &files {
        let path = source.path().join(path);
        std::fs::create_dir_all(path.parent().expect("it has one"))?;
        std::fs::write(path, content)?;
    }
    let url = format!("file://{}", source.path().display());
    for address in [source.path().display().to_string(), url] {
        let dir = tempfile::tempdir()?;
        let status = complete(&files, options(dir.path(), vec![CodebaseAddress::parse(&address)?]));
        assert_eq!(status.fetched_bytes, total(&files));
    }
    Ok(())
}

#[test]
fn a_file_with_one_hash_comes_from_a_folder_too() -> Outcome {
    let (content, source, dir) = (noise(2, 5 << 20), tempfile::tempdir()?, tempfile::tempdir()?);
    std::fs::write(source.path().join("iso"), &content)?;
    let plan = Plan::new(vec![unproven("iso", &content)], Vec::new())?;
    let transfer = start(plan, options(dir.path(), vec![CodebaseAddress::Folder(source.path().into())]));
    until(&transfer, DownloadState::Ready);
    same(dir.path(), &[("iso".to_owned(), content)]);
    Ok(())
}

/// Knows some blocks by their hash, and lies about one of them.
struct Other {
    blocks: Vec<Vec<u8>>,
    asked: AtomicUsize,
    lies_about: Sha256Digest,
}

impl BlockSource for Other {
    fn name(&self) -> String {
        "another package".to_owned()
    }

    fn read(&self, block: BlockRequest<'_>, room: &mut [u8]) -> io::Result<bool> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let known = self.blocks.iter().find(|known| Sha256Digest::of(known) == block.place.hash);
        let Some(known) = known else { return Ok(false) };
        room.copy_from_slice(known);
        if block.place.hash == self.lies_about {
            room[0] ^= 1;
        }
        Ok(true)
    }
}

#[test]
fn blocks_of_another_package_are_reused_and_not_believed() -> Outcome {
    let content = noise(3, 10 * BLOCK as usize);
    let files = vec![("a".to_owned(), content.clone())];
    let blocks: Vec<Vec<u8>> = content.chunks(BLOCK as usize).skip(4).map(<[u8]>::to_vec).collect();
    let lies_about = Sha256Digest::of(&blocks[0]);
    let other = Arc::new(Other { blocks, asked: AtomicUsize::new(0), lies_about });
    let (origin, dir) = (origin_of(&files), tempfile::tempdir()?);
    let mut options = options(dir.path(), vec![web(&origin)]);
    options.reuse = vec![Arc::clone(&other) as _];
    let status = complete(&files, options);
    assert_eq!((status.blocks.reused, status.blocks.fetched), (5, 5));
    assert_eq!((origin.sent_bytes(), other.asked.load(Ordering::SeqCst)), (5 * BLOCK, 10));
    Ok(())
}

#[test]
fn mirrors_of_each_file_are_used_and_a_dead_one_is_left() -> Outcome {
    let files = sample(4);
    let (dead, good, dir) = (origin_of(&files), origin_of(&files), tempfile::tempdir()?);
    dead.fault(|_, _| Fault::Status(404));
    let with_mirrors = files.iter().map(|(path, content)| {
        let url = |base: String| format!("{base}{}", packhouse::package::snapshot::escape_url_path(path));
        let mirrors =
            vec![Mirror { url: url(dead.url()), priority: 1 }, Mirror { url: url(good.url()), priority: 2 }];
        packhouse::transfer::PlannedFile { mirrors, ..planned(path, content, BLOCK) }
    });
    let plan = Plan::new(with_mirrors.collect(), Vec::new())?;
    let transfer = start(plan, options(dir.path(), Vec::new()));
    let status = until(&transfer, DownloadState::Ready);
    same(dir.path(), &files);
    assert_eq!(status.codebases.len(), 2);
    assert!(!dead.seen().is_empty(), "the better priority is asked first");
    Ok(())
}

#[test]
fn without_a_codebase_there_is_no_download() -> Outcome {
    let (files, dir) = (sample(5), tempfile::tempdir()?);
    let none = packhouse::transfer::Transfer::start(
        plan_of(&files),
        options(dir.path(), Vec::new()),
        Arc::new(|| ()),
    );
    assert!(matches!(none.err(), Some(TransferError::NoCodebase)));
    // One file has a mirror, the other has none.
    let origin = origin_of(&files);
    let mut some: Vec<_> = files.iter().map(|(path, content)| planned(path, content, BLOCK)).collect();
    some[0].mirrors = vec![Mirror { url: format!("{}data/a.bin", origin.url()), priority: 1 }];
    let transfer = start(Plan::new(some, Vec::new())?, options(dir.path(), Vec::new()));
    let status = until(&transfer, DownloadState::Invalid);
    assert_eq!(status.invalid, Some(InvalidReason::NoCodebase("data/d/ü & #1?.txt".into())));
    Ok(())
}
