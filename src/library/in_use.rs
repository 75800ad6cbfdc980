//! Who has the library open. Any number of programs share it; rebuilding its database and moving it are for one alone.
//!
//! `.open/library` is locked shared by every program that has the library open, and exclusively by a rebuild or a move. Beside it
//! each program keeps a small file that says who it is. Locks and liveness vanish with the program, kill -9 included.
//! Where nothing can be written, or nothing can be locked, the library opens all the same.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::lock::{self, Lock};
use super::package_folder::read_text;
use super::{Actor, LibraryError};

/// Folder of what says who has the library open.
pub(super) const OPEN: &str = ".open";
/// The file in it that is locked for the library as a whole.
const GATE: &str = "library";

/// How long opening waits for a rebuild or a move to end.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a rebuild or a move waits for programs that are about to close, such as a listing in a script.
const PATIENCE_ALONE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(20);

/// Most bytes of a file that says who somebody is.
const HOLDER_MAX_BYTES: u64 = 16 * 1024;

/// A share in the library, or all of it, until it is dropped.
#[derive(Debug)]
pub(super) struct InUse {
    gate: Option<File>,
    holder: Option<Lock>,
}

impl InUse {
    /// No share of its own: the one who opens holds one already.
    pub(super) fn nobody() -> Self {
        Self { gate: None, holder: None }
    }

    /// Takes the whole library for a program that has it open already; an error that says who else has. The share is
    /// kept then.
    pub(super) fn take_alone(&self, root: &Path) -> Result<(), LibraryError> {
        let Some(gate) = &self.gate else { return Err(LibraryError::InUse(Vec::new())) };
        // A lock cannot be changed everywhere: it is given up and taken anew.
        gate.unlock().map_err(super::error::io_error("unlock", &root.join(OPEN)))?;
        if wait_for(PATIENCE_ALONE, || gate.try_lock())? {
            return Ok(());
        }
        let others = holders(root, self.holder.as_ref());
        self.share_again();
        Err(LibraryError::InUse(others))
    }

    /// Gives up being alone.
    pub(super) fn share_again(&self) {
        let Some(gate) = &self.gate else { return };
        if let Err(error) = gate.unlock().map_err(TryLockError::Error).and_then(|()| gate.try_lock_shared()) {
            tracing::warn!(%error, "nothing says any more that the library is open here");
        }
    }
}

/// What a program says of itself.
#[derive(Debug, Serialize, Deserialize)]
struct Holder {
    who: String,
    host: String,
    how: String,
    process: u32,
    since: Timestamp,
}

/// The gate of a library that has one, locked shared: after this no rebuild is at work, and none begins.
pub(super) fn gate_there(root: &Path) -> Result<Option<File>, LibraryError> {
    match File::open(root.join(OPEN).join(GATE)) {
        Ok(gate) => share(root, gate),
        // There is none yet, or nobody may read it: then nobody who is kept out by it may rebuild either.
        Err(_) => Ok(None),
    }
}

/// Takes a share in the library and says who has it. `gate` comes from [`gate_there`].
pub(super) fn enter(
    root: &Path,
    actor: &Actor,
    gate: Option<File>,
    read_only: bool,
) -> Result<InUse, LibraryError> {
    if read_only {
        return Ok(InUse { gate, holder: None });
    }
    let gate = match gate {
        Some(gate) => Some(gate),
        None => match makegate(root) {
            Ok(gate) => share(root, gate)?,
            Err(error) => {
                tracing::debug!(%error, "nothing says that the library is open here");
                None
            }
        },
    };
    Ok(InUse { gate, holder: say_who(root, actor) })
}

/// Takes the whole library; an error that says who else has it open.
pub(super) fn enter_alone(root: &Path, actor: &Actor) -> Result<InUse, LibraryError> {
    let gate = makegate(root).map_err(super::error::io_error("write", &root.join(OPEN)))?;
    let is_alone = wait_for(PATIENCE_ALONE, || gate.try_lock())?;
    if !is_alone {
        return Err(LibraryError::InUse(holders(root, None)));
    }
    Ok(InUse { gate: Some(gate), holder: say_who(root, actor) })
}

fn makegate(root: &Path) -> io::Result<File> {
    fs::create_dir_all(root.join(OPEN))?;
    File::options().read(true).write(true).create(true).truncate(false).open(root.join(OPEN).join(GATE))
}

fn share(root: &Path, gate: File) -> Result<Option<File>, LibraryError> {
    if wait_for(PATIENCE, || gate.try_lock_shared())? {
        Ok(Some(gate))
    } else {
        Err(LibraryError::AtWork(holders(root, None)))
    }
}

/// Whether the lock could be had in time. A file system without locks gives it to everybody.
fn wait_for(
    patience: Duration,
    mut try_lock: impl FnMut() -> Result<(), TryLockError>,
) -> Result<bool, LibraryError> {
    let until = Instant::now() + patience;
    loop {
        match try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) if Instant::now() >= until => return Ok(false),
            Err(TryLockError::WouldBlock) => std::thread::park_timeout(PAUSE),
            Err(TryLockError::Error(error)) => {
                tracing::warn!(%error, "the library cannot be locked here");
                return Ok(true);
            }
        }
    }
}

/// Leaves word of who has the library open; what programs left that were killed is removed.
fn say_who(root: &Path, actor: &Actor) -> Option<Lock> {
    let folder = root.join(OPEN);
    each_holder(root, |path| {
        lock::remove_unlocked(path);
    });
    let holder = Holder {
        who: actor.who.clone(),
        host: actor.host.clone(),
        how: actor.how.clone(),
        process: std::process::id(),
        since: Timestamp::now(),
    };
    let said = lock::try_take(&folder, &uuid::Uuid::new_v4().to_string()).and_then(|lock| {
        if let Some(lock) = &lock {
            let text = serde_json::to_string(&holder).unwrap_or_default();
            lock.write(text.as_bytes())?;
        }
        Ok(lock)
    });
    match said {
        Ok(lock) => lock,
        Err(error) => {
            tracing::debug!(%error, "nothing says who has the library open here");
            None
        }
    }
}

/// Everybody else who has the library open now, as far as they said so.
fn holders(root: &Path, own: Option<&Lock>) -> Vec<String> {
    let mut holders = Vec::new();
    each_holder(root, |path| {
        if own.is_some_and(|lock| lock.is_at(path)) || lock::remove_unlocked(path) {
            return;
        }
        let text = read_text(path, HOLDER_MAX_BYTES).ok().flatten().unwrap_or_default();
        if let Ok(Holder { who, host, how, process, since }) = serde_json::from_str(&text) {
            let since = since.strftime("%Y-%m-%d %H:%M:%S");
            holders.push(format!("{who} on {host} ({how}, process {process}), since {since} UTC"));
        }
    });
    holders.sort();
    holders
}

fn each_holder(root: &Path, mut with: impl FnMut(&Path)) {
    let Ok(entries) = fs::read_dir(root.join(OPEN)) else { return };
    for entry in entries.filter_map(Result::ok).filter(|entry| entry.file_name() != GATE) {
        with(&entry.path());
    }
}
