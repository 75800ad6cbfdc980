//! The one writer of a library on a network share: `in-use.json` in the library says who it is, and is renewed.
//!
//! A lock may be nobody's business on a share, and a program that was killed cannot take its word back: a lease that
//! was not renewed for two minutes counts no more. Its age is told by the clock of the share, not by that of a computer.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::io_error;
use super::package_folder::read_text;
use super::{Actor, LibraryError};

/// File name of the lease.
pub(super) const LEASE: &str = "in-use.json";
/// How often it is renewed.
const RENEWED_EVERY: Duration = Duration::from_secs(30);
/// After this time without being renewed it counts no more.
const STALE_AFTER: Duration = Duration::from_secs(120);
/// Most bytes of a lease.
const MAX_BYTES: u64 = 16 * 1024;
/// How often it is tried to take a lease that others take and give back meanwhile.
const TRIES: usize = 8;

/// Who may write to a library on a network share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LibraryHolder {
    /// The account.
    pub who: String,
    /// The computer.
    pub host: String,
    /// `console`, `command line`.
    pub how: String,
    /// The number of the process on that computer.
    pub process: u32,
    /// Since when.
    pub since: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
struct Written {
    #[serde(flatten)]
    holder: LibraryHolder,
    /// Which of several leases of one program this is.
    lease: uuid::Uuid,
    renewed: Timestamp,
}

/// The lease, renewed until it is dropped.
#[derive(Debug)]
pub(super) struct Lease {
    path: PathBuf,
    id: uuid::Uuid,
    lost: Arc<AtomicBool>,
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Lease {
    /// Takes the lease of the library at `root`; an error that says who has it.
    pub(super) fn take(root: &Path, actor: &Actor) -> Result<Self, LibraryError> {
        let path = root.join(LEASE);
        let holder = LibraryHolder {
            who: actor.who.clone(),
            host: actor.host.clone(),
            how: actor.how.clone(),
            process: std::process::id(),
            since: Timestamp::now(),
        };
        let mut written = Written { holder, lease: uuid::Uuid::new_v4(), renewed: Timestamp::now() };
        for _ in 0..TRIES {
            match File::create_new(&path) {
                Ok(mut file) => {
                    let text = serde_json::to_string(&written).unwrap_or_default();
                    file.write_all(text.as_bytes())
                        .and_then(|()| file.sync_all())
                        .map_err(io_error("write", &path))?;
                    return Ok(Self::keep(path, written));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(io_error("write", &path)(error)),
            }
            if let Some(holder) = holder_now(root, &actor.host, share_time(root)) {
                return Err(LibraryError::InUseElsewhere(Box::new(holder)));
            }
            // Taken away under another name: of two that do so only one succeeds.
            let old = root.join(format!("{LEASE}.{}", written.lease.simple()));
            if fs::rename(&path, &old).is_ok() {
                let _ = fs::remove_file(&old);
            }
            written.renewed = Timestamp::now();
        }
        Err(LibraryError::Locked("the library".to_owned()))
    }

    fn keep(path: PathBuf, mut written: Written) -> Self {
        let id = written.lease;
        let lost = Arc::new(AtomicBool::new(false));
        let (stop, stopped) = mpsc::channel::<()>();
        let (file, is_lost) = (path.clone(), Arc::clone(&lost));
        let renew = move || {
            let mut renewed = Instant::now();
            while stopped.recv_timeout(RENEWED_EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
                written.renewed = Timestamp::now();
                match renew(&file, &written) {
                    Ok(true) => {
                        renewed = Instant::now();
                        is_lost.store(false, Ordering::Relaxed);
                    }
                    // Another computer took it while this one slept or was cut off: it is never taken back.
                    Ok(false) => {
                        tracing::warn!("another computer has taken the library over");
                        return is_lost.store(true, Ordering::Relaxed);
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the lease of the library cannot be renewed");
                        if renewed.elapsed() >= STALE_AFTER {
                            is_lost.store(true, Ordering::Relaxed);
                        }
                    }
                }
            }
        };
        let thread = std::thread::Builder::new().name("lease".to_owned()).spawn(renew).ok();
        Self { path, id, lost, stop: Some(stop), thread }
    }

    /// Whether another computer may have taken it: nothing may be written any more.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        if read(&self.path).is_some_and(|written| written.lease == self.id) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Writes the lease anew if it is still this one; whether it is.
fn renew(path: &Path, written: &Written) -> io::Result<bool> {
    fs::metadata(path)?;
    if read(path).is_none_or(|there| there.lease != written.lease) {
        return Ok(false);
    }
    let fresh = path.with_file_name(format!("{LEASE}.{}", written.lease.simple()));
    let mut file = File::create(&fresh)?;
    file.write_all(serde_json::to_string(written).unwrap_or_default().as_bytes())?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    Ok(true)
}

fn read(path: &Path) -> Option<Written> {
    serde_json::from_str(&read_text(path, MAX_BYTES).ok().flatten()?).ok()
}

/// Who may write to the library at `root` now, seen from the computer `host`.
pub(super) fn holder(root: &Path, host: &str) -> Option<LibraryHolder> {
    holder_now(root, host, SystemTime::now())
}

fn holder_now(root: &Path, host: &str, now: SystemTime) -> Option<LibraryHolder> {
    let path = root.join(LEASE);
    let renewed = fs::metadata(&path).and_then(|facts| facts.modified()).ok()?;
    // A time to come is that of a clock that goes before: not old.
    if now.duration_since(renewed).is_ok_and(|age| age >= STALE_AFTER) {
        return None;
    }
    // One that is just being written cannot be read yet, but somebody is there.
    let holder = read(&path).map_or_else(
        || LibraryHolder {
            who: "somebody".to_owned(),
            host: "another computer".to_owned(),
            how: String::new(),
            process: 0,
            since: Timestamp::try_from(renewed).unwrap_or_default(),
        },
        |written| written.holder,
    );
    let was_killed = holder.host == host && !is_running(holder.process);
    (!was_killed).then_some(holder)
}

/// The time by the clock of the share: that of a file just written there. The computer's own where none can be written.
fn share_time(root: &Path) -> SystemTime {
    let probe = root.join(format!("{LEASE}.{}", uuid::Uuid::new_v4().simple()));
    let time = File::create_new(&probe)
        .and_then(|mut file| {
            file.write_all(b"now")?;
            file.metadata()
        })
        .and_then(|facts| facts.modified());
    let _ = fs::remove_file(&probe);
    time.unwrap_or_else(|_| SystemTime::now())
}

/// Whether there is a process of this number on this computer.
#[cfg(unix)]
pub(crate) fn is_running(process: u32) -> bool {
    let Some(id) = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw) else { return false };
    // One of another user is there, though it may not be asked.
    !matches!(rustix::process::test_kill_process(id), Err(rustix::io::Errno::SRCH)) && !has_ended(process)
}

/// Whether nothing of the process is left but its number, which its parent has not asked after yet. In a container nobody
/// may ever ask.
#[cfg(target_os = "linux")]
fn has_ended(process: u32) -> bool {
    // `PID (NAME) STATE …`; the name can hold anything, a bracket too.
    let text = fs::read(format!("/proc/{process}/stat")).unwrap_or_default();
    let after = text.iter().rposition(|byte| *byte == b')').map(|at| &text[at + 1..]);
    matches!(after.map(<[u8]>::trim_ascii_start), Some([b'Z' | b'X', ..]))
}

/// Not known there.
#[cfg(all(unix, not(target_os = "linux")))]
fn has_ended(_: u32) -> bool {
    false
}

/// Not known there: the lease runs out.
#[cfg(not(unix))]
pub(crate) fn is_running(_: u32) -> bool {
    true
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_process_that_nobody_has_asked_after_does_not_run() -> io::Result<()> {
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        assert!(is_running(child.id()));
        drop(child.stdin.take());
        let end = SystemTime::now() + Duration::from_secs(30);
        while is_running(child.id()) {
            assert!(SystemTime::now() < end, "what ended counts as running until it is asked after");
            std::thread::yield_now();
        }
        child.wait()?;
        assert!(!is_running(child.id()));
        Ok(())
    }
}
