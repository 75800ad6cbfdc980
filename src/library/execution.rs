//! A procedure as a process: its argument list without a shell, its time limit, the end of what it says.
//!
//! Owns: the process with all it starts, and its limits. Must not know why it is run: a try in the library and a job of an
//! agent run the same way.

use std::collections::VecDeque;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use super::LibraryError;
use super::error::io_error;
use crate::package::procedure::{ExitMeaning, Procedure, Program};
use crate::work::Work;

/// Bytes of the output that are kept: its end, where the reason of a failure stands.
const OUTPUT_MAX_BYTES: usize = 64 * 1024;
/// How often it is asked whether the program has ended, and whether it is to end.
const PAUSE: Duration = Duration::from_millis(20);
/// How long is waited for the rest of the output, which something that was left running may hold open.
const PATIENCE: Duration = Duration::from_secs(2);

/// How a try ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryEnd {
    /// With this exit code, which means this.
    Exited {
        /// The code.
        code: i32,
        /// What the procedure says of it.
        meaning: ExitMeaning,
    },
    /// By a signal or in another way that has no exit code.
    Killed,
    /// Its time was over, and it was ended.
    TimedOut,
}

/// What came of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TryReport {
    /// How it ended.
    pub end: TryEnd,
    /// The last 64 KiB of what it said, on both outputs.
    pub output: String,
    /// Whether it said more.
    pub is_cut: bool,
    /// How long it ran.
    pub took: Duration,
}

/// Lets everything below a folder be written, or not; links are left as they are.
pub(crate) fn set_writable(folder: &Path, is_writable: bool) -> Result<(), LibraryError> {
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        let facts = fs::symlink_metadata(&path).map_err(io_error("read", &path))?;
        if facts.is_symlink() {
            continue;
        }
        let set = |permissions| fs::set_permissions(&path, permissions).map_err(io_error("write", &path));
        if is_writable {
            set(with_write(&facts, true))?;
        }
        if facts.is_dir() {
            for entry in fs::read_dir(&path).map_err(io_error("read the folder", &path))? {
                open.push(entry.map_err(io_error("read the folder", &path))?.path());
            }
        }
        if !is_writable {
            set(with_write(&facts, false))?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn with_write(facts: &fs::Metadata, is_writable: bool) -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = facts.permissions().mode();
    // Who takes it away must be able to look into it.
    let kept = if facts.is_dir() { mode | 0o500 } else { mode };
    fs::Permissions::from_mode(if is_writable { kept | 0o200 } else { kept & !0o222 })
}

#[cfg(not(unix))]
fn with_write(facts: &fs::Metadata, is_writable: bool) -> fs::Permissions {
    let mut permissions = facts.permissions();
    permissions.set_readonly(!is_writable);
    permissions
}

/// Runs a procedure: `package` is the folder with the files of its package, `folder` where it stands and may write. Ends
/// it, and all it has started, when `time_limit` is over (the procedure's own limit counts before it) or `work` is
/// cancelled. Waits for it.
pub(crate) fn run(
    procedure: &Procedure,
    package: &Path,
    folder: &Path,
    time_limit: Duration,
    work: &Work,
) -> Result<TryReport, LibraryError> {
    // What the system's program is given are paths in the package, and it looks for them where it stands.
    let (program, stands_in) = match procedure.program() {
        Program::InPackage(path) => (package.join(path), folder),
        Program::OfSystem(name) => (PathBuf::from(name), package),
        Program::External(name) => (PathBuf::from(name), folder),
    };
    // One pipe for both: what is said stands in the order in which it was said.
    let (output, says) = std::io::pipe().map_err(io_error("start", &program))?;
    let mut command = Command::new(&program);
    command
        .args(&procedure.arguments)
        .envs(&procedure.environment)
        .env("PACKHOUSE_PACKAGE", package)
        .current_dir(procedure.working_folder.as_deref().map_or(stands_in, Path::new))
        .stdin(Stdio::null())
        .stdout(says.try_clone().map_err(io_error("start", &program))?)
        .stderr(says);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let limit = procedure.time_limit_secs.map_or(time_limit, Duration::from_secs);
    work.check()?;
    let start = Instant::now();
    let mut child = command.spawn().map_err(io_error("start", &program))?;
    // Its ends of the pipe: only the program has them now, and what it started.
    drop(command);
    let said = Arc::new(Mutex::new(Said::default()));
    let (ended, end) = mpsc::channel();
    listen(output, &said, ended);
    let status = wait(&mut child, start, limit, work);
    if !matches!(status, Ok(Some(_))) {
        end_all(&mut child);
    }
    let took = start.elapsed();
    // The output is closed, or its time is over.
    end.recv_timeout(PATIENCE).ok();
    let end = match status.map_err(io_error("wait for", &program))? {
        Some(status) => match status.code() {
            Some(code) => TryEnd::Exited { code, meaning: procedure.meaning_of(code) },
            None => TryEnd::Killed,
        },
        None => {
            work.check()?;
            TryEnd::TimedOut
        }
    };
    let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
    let output = String::from_utf8_lossy(said.end.make_contiguous()).into_owned();
    Ok(TryReport { end, output, is_cut: said.is_cut, took })
}

/// Waits until the program has ended; `None` if its time is over, or it is to end.
fn wait(
    child: &mut Child,
    start: Instant,
    limit: Duration,
    work: &Work,
) -> std::io::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if work.is_cancelled() || start.elapsed() >= limit {
            return Ok(None);
        }
        std::thread::park_timeout(PAUSE);
    }
}

/// Ends the program and what it has started.
fn end_all(child: &mut Child) {
    #[cfg(unix)]
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// The end of what was said.
#[derive(Default)]
struct Said {
    end: VecDeque<u8>,
    is_cut: bool,
}

/// Keeps the end of what is said until nobody can say more.
fn listen(mut output: impl Read + Send + 'static, said: &Arc<Mutex<Said>>, ended: mpsc::Sender<()>) {
    let said = Arc::clone(said);
    let listening = move || {
        // Dropped at the end, which is what is waited for.
        let _ended = ended;
        let mut piece = [0; 8 * 1024];
        loop {
            let got = match output.read(&mut piece) {
                Ok(0) => return,
                Ok(got) => got,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(_) => return,
            };
            let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
            said.end.extend(&piece[..got]);
            let over = said.end.len().saturating_sub(OUTPUT_MAX_BYTES);
            said.is_cut |= over > 0;
            said.end.drain(..over);
        }
    };
    if let Err(error) = std::thread::Builder::new().name("output of a try".to_owned()).spawn(listening) {
        tracing::warn!(%error, "the output of a try is not kept");
    }
}
