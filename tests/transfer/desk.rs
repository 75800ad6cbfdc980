//! What the tests of this binary share: contents, plans, transfers that are waited for.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use packhouse::package::Sha256Digest;
use packhouse::transfer::{
    CodebaseAddress, DownloadState, Pieces, Plan, PlannedFile, TagFile, Transfer, TransferOptions,
    TransferStatus,
};

use crate::origin::Origin;

/// Long enough for a slow machine; nothing waits so long unless it is broken.
pub(crate) const LONG: Duration = Duration::from_secs(60);
/// The block size of most tests.
pub(crate) const BLOCK: u64 = 64 * 1024;

pub(crate) type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Bytes that differ everywhere, by seed.
pub(crate) fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(next).flatten().take(size).collect()
}

/// A file in blocks of `block` bytes.
pub(crate) fn planned(path: &str, content: &[u8], block: u64) -> PlannedFile {
    let hashes = content.chunks(block as usize).map(Sha256Digest::of).collect();
    PlannedFile {
        path: path.to_owned(),
        size_bytes: content.len() as u64,
        whole: Some(Sha256Digest::of(content)),
        pieces: Some(Pieces { length_bytes: block, hashes }),
        ..PlannedFile::default()
    }
}

/// A file of which only the hash of the whole is known.
pub(crate) fn unproven(path: &str, content: &[u8]) -> PlannedFile {
    PlannedFile { pieces: None, ..planned(path, content, BLOCK) }
}

/// Some files: names as they come, an empty one, one of many blocks.
pub(crate) fn sample(seed: u64) -> Vec<(String, Vec<u8>)> {
    [("data/a.bin", 10 * 65536 + 17), ("data/d/ü & #1?.txt", 5), ("data/empty", 0), ("data/z%20", 3 * 65536)]
        .into_iter()
        .enumerate()
        .map(|(n, (path, size))| (path.to_owned(), noise(seed + n as u64, size)))
        .collect()
}

pub(crate) fn plan_of(files: &[(String, Vec<u8>)]) -> Plan {
    let planned = files.iter().map(|(path, content)| planned(path, content, BLOCK));
    let tags = vec![TagFile { path: "bagit.txt".into(), content: b"BagIt-Version: 1.0\n".to_vec() }];
    Plan::new(planned.collect(), tags).expect("a good plan")
}

/// A server of these files; requests name them escaped.
pub(crate) fn origin_of(files: &[(String, Vec<u8>)]) -> Origin {
    let escape = |path: &str| packhouse::package::snapshot::escape_url_path(path);
    Origin::serve(files.iter().map(|(path, content)| (escape(path), content.clone())))
}

pub(crate) fn web(origin: &Origin) -> CodebaseAddress {
    CodebaseAddress::parse(&origin.url()).expect("an address")
}

pub(crate) fn options(folder: &Path, codebases: Vec<CodebaseAddress>) -> TransferOptions {
    TransferOptions { folder: folder.to_owned(), codebases, ..TransferOptions::default() }
}

pub(crate) fn start(plan: Plan, options: TransferOptions) -> Transfer {
    Transfer::start(plan, options, Arc::new(|| ())).expect("the folder is free")
}

/// Waits for the state; fails with how it stands.
pub(crate) fn until(transfer: &Transfer, state: DownloadState) -> TransferStatus {
    let (status, is_so) = transfer.wait(LONG, |status| status.state == state);
    assert!(is_so, "never {state:?}: {status:#?}\n{:#?}", transfer.events());
    status
}

/// Downloads all of it and compares every byte.
pub(crate) fn complete(files: &[(String, Vec<u8>)], options: TransferOptions) -> TransferStatus {
    let folder = options.folder.clone();
    let transfer = start(plan_of(files), options);
    let status = until(&transfer, DownloadState::Ready);
    same(&folder, files);
    status
}

/// Every file is there, byte for byte.
pub(crate) fn same(folder: &Path, files: &[(String, Vec<u8>)]) {
    for (path, content) in files {
        let found = std::fs::read(folder.join(path)).expect("the file is there");
        assert!(found == *content, "{path} differs");
    }
}

pub(crate) fn total(files: &[(String, Vec<u8>)]) -> u64 {
    files.iter().map(|(_, content)| content.len() as u64).sum()
}
