//! How far a transfer is, as its progress record; and the end of a transfer in order.
//!
//! Owns what is written when. Whether it is believed later is for the checkpoint to say.

use std::sync::Arc;

use jiff::Timestamp;

use super::Shared;
use super::home::with_database;
use super::keeper::Message;
use super::live::LiveDownload;
use crate::package::download::{DownloadRecord, DownloadState};
use crate::package::path::RelativePath;
use crate::package::progress_record::{BlockRuns, FILES_MAX, FileProgress};
use crate::package::{ProgressRecord, Sha256Digest, record::PackageId};
use crate::transfer::{Hints, Transfer, TransferError};

/// What a progress record says of a transfer now.
fn progress_of(
    record: &DownloadRecord,
    transfer: &Transfer,
    snapshot: Sha256Digest,
    hints: &Hints,
) -> ProgressRecord {
    let plan = transfer.plan();
    let status = transfer.status();
    let mut verified = Vec::new();
    let mut files = Vec::new();
    let mut sizes = plan.files().iter().map(|file| file.block_bytes);
    let first_size = sizes.next().unwrap_or(0);
    let is_one_size = sizes.all(|size| size == first_size);
    for (index, file) in plan.files().iter().enumerate() {
        let Some(hint) = hints.files.get(&*file.path) else { continue };
        let Ok(path) = RelativePath::parse(&file.path) else { continue };
        // A file that is not listed says nothing of its blocks either.
        if files.len() == FILES_MAX {
            break;
        }
        let first = plan.blocks_of(index).start;
        let mut block = hint.proven.next(0);
        while let Some(at) = block {
            verified.push((first + at) as u64);
            block = hint.proven.next(at + 1);
        }
        files.push(FileProgress {
            path,
            size_bytes: hint.size_bytes,
            mtime_ns: hint.stamp.mtime_ns,
            inode: hint.stamp.inode,
            etag: hint.etag.clone(),
        });
    }
    let key = record.key.as_ref();
    ProgressRecord {
        package: record.kept_as.unwrap_or(PackageId(record.id.0)),
        name: key.map(|key| key.name().to_owned()).unwrap_or_default(),
        version: key.map(|key| key.version().to_owned()).unwrap_or_default(),
        address: record.address.clone(),
        folder: record.folder.to_string_lossy().into_owned(),
        snapshot,
        state: record.state,
        reason: record.reason.clone(),
        block_size_bytes: if is_one_size { first_size } else { 0 },
        blocks: plan.blocks() as u64,
        verified: BlockRuns::from_rising(verified),
        total_bytes: plan.total_bytes(),
        fetched_bytes: status.fetched_bytes,
        files,
        clean_stop: false,
        begun: record.created,
        written: Timestamp::now(),
    }
}

/// Writes how far a running transfer is, on a thread of its own.
pub(super) fn save(
    shared: &Arc<Shared>,
    record: &DownloadRecord,
    live: &LiveDownload,
    snapshot: Sha256Digest,
) {
    let (own, record, live) = (Arc::clone(shared), record.clone(), live.clone());
    let id = record.id;
    let saving = std::thread::Builder::new().name("download-save".to_owned()).spawn(move || {
        let transfer = live.transfer();
        let progress = progress_of(&record, transfer, snapshot, &transfer.facts());
        // What ended meanwhile has said more already.
        if !transfer.status().stopped {
            let saved = own.checkpoints().map(|checkpoints| checkpoints.save_progress(&progress));
            if let Ok(Err(error)) = saved {
                tracing::warn!(%error, "the progress of a download could not be saved");
            }
        }
        own.send(Message::Saved(id));
    });
    if saving.is_err() {
        shared.send(Message::Saved(id));
    }
}

/// Stops a transfer in order and marks its stop as one, on a thread of its own.
pub(super) fn end(
    shared: &Arc<Shared>,
    record: &DownloadRecord,
    live: &LiveDownload,
    snapshot: Sha256Digest,
) {
    let (own, record, live) = (Arc::clone(shared), record.clone(), live.clone());
    let id = record.id;
    let work = move || {
        let transfer = live.transfer();
        transfer.stop();
        let hints = transfer.facts();
        let mut progress = progress_of(&record, transfer, snapshot, &hints);
        if record.state == DownloadState::Pending {
            progress.state = transfer.status().state;
        }
        let saved = own.checkpoints().and_then(|checkpoints| {
            with_database(&*own.home, |catalogue| {
                if hints.clean_stop {
                    checkpoints.save_stop(catalogue, &progress)
                } else {
                    checkpoints.save_progress(&progress)
                }
            })
        });
        match saved {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the stop of a download could not be saved"),
            Err(failure) => tracing::warn!(%failure, "the stop of a download could not be saved"),
        }
        own.send(Message::Ended(id));
    };
    if let Err(error) = std::thread::Builder::new().name("download-end".to_owned()).spawn(work) {
        let failure = TransferError::Setup(error.to_string());
        tracing::error!(%failure, "a download could not be stopped in order");
        shared.send(Message::Ended(id));
    }
}
