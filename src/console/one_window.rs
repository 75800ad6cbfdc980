//! One window for one library: a second console on this computer hands its paths to the first, and ends.
//!
//! Owns a lock and a socket in the user's own runtime folder; both vanish with the program, a socket left by one that
//! was killed is put anew by whoever gets the lock. Must not know what is done with the paths.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::failure::{Class, Failure};

/// What a second console learned at its start.
#[derive(Debug)]
pub enum Entrance {
    /// The first for this library, or one that cannot know.
    First(Calls),
    /// Another one has come forward, and has the paths.
    HandedOver,
    /// Another one has the library open and does not answer.
    Silent,
}

impl Entrance {
    /// Why this window cannot open `library` beside the one that has it.
    pub fn refusal(&self, library: &Path) -> Failure {
        let library = library.display();
        let (how, action) = match self {
            Self::Silent => {
                (", which does not answer", "Close that window, or wait until it answers, then try again")
            }
            _ => ("", "Use that window; it has come forward"),
        };
        let message = format!("the library {library} is open in another window{how}");
        Failure::new("library-open-here", Class::Refused, message, action)
    }
}

/// What other consoles asked for since it was last taken.
#[derive(Clone, Debug, Default)]
pub struct Calls(Arc<Mutex<Inbox>>);

#[derive(Debug, Default)]
struct Inbox {
    waiting: Vec<Vec<PathBuf>>,
    ctx: Option<egui::Context>,
    /// The folder of the sockets, and the library this window stands for.
    #[cfg(unix)]
    stands: Option<(PathBuf, PathBuf)>,
    /// Held as long as this window stands for the library.
    #[cfg(unix)]
    lock: Option<std::fs::File>,
}

impl Calls {
    /// Wakes this window when somebody calls.
    pub fn wake(&self, ctx: &egui::Context) {
        self.inbox().ctx = Some(ctx.clone());
    }

    /// Everything that was asked for; each call with its paths, perhaps none.
    pub fn take(&self) -> Vec<Vec<PathBuf>> {
        std::mem::take(&mut self.inbox().waiting)
    }

    /// Comes in for another library in the place of this one, which stays taken until these calls are dropped. May
    /// wait for seconds.
    pub fn enter_another(&self, library: &Path) -> Entrance {
        #[cfg(unix)]
        {
            let stands = self.inbox().stands.clone();
            // Where nobody listens, nobody does for the other one either.
            let Some((folder, own)) = stands else { return Entrance::First(self.clone()) };
            if unix::whole(library) == own {
                return Entrance::First(self.clone());
            }
            let entrance = enter(&folder, library, &[]);
            if let (Entrance::First(calls), Some(ctx)) = (&entrance, self.inbox().ctx.as_ref()) {
                calls.wake(ctx);
            }
            entrance
        }
        #[cfg(not(unix))]
        {
            let _ = library;
            Entrance::First(self.clone())
        }
    }

    #[cfg(unix)]
    fn call(&self, paths: Vec<PathBuf>) {
        let ctx = {
            let mut inbox = self.inbox();
            inbox.waiting.push(paths);
            inbox.ctx.clone()
        };
        if let Some(ctx) = ctx {
            ctx.request_repaint();
        }
    }

    fn inbox(&self) -> std::sync::MutexGuard<'_, Inbox> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Comes in as a console for `library`. `folder` is the user's own, for sockets; it is made if it is not there.
#[cfg(unix)]
pub fn enter(folder: &Path, library: &Path, paths: &[PathBuf]) -> Entrance {
    match unix::enter(folder, library, paths) {
        Ok(entrance) => entrance,
        Err(error) => {
            tracing::warn!(%error, "it cannot be found out whether this library is open in another window");
            Entrance::First(Calls::default())
        }
    }
}

/// Not found out there: every console is the first.
#[cfg(not(unix))]
pub fn enter(_folder: &Path, _library: &Path, _paths: &[PathBuf]) -> Entrance {
    Entrance::First(Calls::default())
}

#[cfg(unix)]
mod unix {
    use std::ffi::OsStr;
    use std::fs::{self, DirBuilder, File, TryLockError};
    use std::io::{self, Read as _, Write as _};
    use std::net::Shutdown;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::path::{Path, PathBuf};
    use std::time::{Duration, Instant};

    use super::{Calls, Entrance};
    use crate::package::Sha256Digest;

    /// A call is at most so long, in bytes.
    const LONGEST: u64 = 1 << 20;
    /// How long a call may take to come in, and how long the other side is waited for.
    const PATIENCE: Duration = Duration::from_secs(3);
    /// How often a window that is just starting or ending is asked.
    const PAUSE: Duration = Duration::from_millis(50);
    const ANSWER: &[u8] = b"packhouse\n";

    pub(super) fn enter(folder: &Path, library: &Path, paths: &[PathBuf]) -> io::Result<Entrance> {
        require_own(folder)?;
        let library = whole(library);
        // A path may be longer than a socket's may be.
        let digest = Sha256Digest::of(library.as_os_str().as_bytes()).to_string();
        let at = folder.join(&digest[..24]);
        let lock =
            File::options().write(true).create(true).truncate(false).open(at.with_extension("lock"))?;
        let until = Instant::now() + PATIENCE;
        loop {
            match lock.try_lock() {
                Ok(()) => {
                    let calls = listen(&at.with_extension("sock"), lock)?;
                    calls.inbox().stands = Some((folder.to_owned(), library));
                    return Ok(Entrance::First(calls));
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
            match call(&at.with_extension("sock"), paths, until) {
                Ok(()) => return Ok(Entrance::HandedOver),
                // It may be about to listen, or about to end.
                Err(_) if Instant::now() < until => std::thread::park_timeout(PAUSE),
                Err(error) => {
                    tracing::warn!(%error, "the window that is open does not answer");
                    return Ok(Entrance::Silent);
                }
            }
        }
    }

    /// The path by which every console knows this library.
    pub(super) fn whole(library: &Path) -> PathBuf {
        fs::canonicalize(library).unwrap_or_else(|_| library.to_owned())
    }

    /// An error if others can reach the folder: they could read paths, or answer in the place of a window.
    fn require_own(folder: &Path) -> io::Result<()> {
        match DirBuilder::new().recursive(true).mode(0o700).create(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let facts = fs::symlink_metadata(folder)?;
        let is_own = facts.is_dir()
            && facts.uid() == rustix::process::geteuid().as_raw()
            && facts.mode().trailing_zeros() >= 6;
        if is_own {
            Ok(())
        } else {
            let why = format!("{} is not this user's alone", folder.display());
            Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
        }
    }

    fn listen(socket: &Path, lock: File) -> io::Result<Calls> {
        // Whoever has the lock is alone here: what is there was left by a program that was killed.
        match fs::remove_file(socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(socket)?;
        let calls = Calls::default();
        calls.inbox().lock = Some(lock);
        let weak = std::sync::Arc::downgrade(&calls.0);
        let take = move || {
            for stream in listener.incoming() {
                let Some(inbox) = weak.upgrade() else { return };
                match stream.and_then(read) {
                    Ok((paths, mut stream)) => {
                        Calls(inbox).call(paths);
                        let _ = stream.write_all(ANSWER);
                    }
                    Err(error) => tracing::warn!(%error, "another window could not be understood"),
                }
            }
        };
        std::thread::Builder::new().name("calls".to_owned()).spawn(take)?;
        Ok(calls)
    }

    fn read(mut stream: UnixStream) -> io::Result<(Vec<PathBuf>, UnixStream)> {
        let until = Instant::now() + PATIENCE;
        let mut said = Vec::new();
        let mut part = [0; 8192];
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            stream.set_read_timeout(Some(left))?;
            let read = stream.read(&mut part)?;
            said.extend_from_slice(&part[..read]);
            if said.len() as u64 > LONGEST {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "more was said than fits"));
            }
            if read == 0 {
                break;
            }
        }
        // Each path ends with a zero byte, and the call with one more: half a call is none.
        let Some(paths) = said.strip_suffix(b"\0").filter(|paths| paths.is_empty() || paths.ends_with(b"\0"))
        else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it ended too early"));
        };
        let paths = paths.split(|byte| *byte == 0).filter(|path| !path.is_empty());
        let paths: Vec<PathBuf> = paths.map(|path| PathBuf::from(OsStr::from_bytes(path))).collect();
        if paths.iter().any(|path| !path.is_absolute()) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a path is not a whole one"));
        }
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok((paths, stream))
    }

    fn call(socket: &Path, paths: &[PathBuf], until: Instant) -> io::Result<()> {
        let mut stream = UnixStream::connect(socket)?;
        let left = until.saturating_duration_since(Instant::now()).max(PAUSE);
        stream.set_write_timeout(Some(left))?;
        stream.set_read_timeout(Some(left))?;
        let mut said = Vec::new();
        for path in paths {
            said.extend_from_slice(path.as_os_str().as_bytes());
            said.push(0);
        }
        said.push(0);
        stream.write_all(&said)?;
        stream.shutdown(Shutdown::Write)?;
        let mut answer = Vec::new();
        stream.take(ANSWER.len() as u64).read_to_end(&mut answer)?;
        if answer == ANSWER { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    #[cfg(test)]
    mod tests {
        use std::os::unix::fs::PermissionsExt as _;

        use super::*;

        type Outcome = Result<(), Box<dyn std::error::Error>>;

        fn first(folder: &Path) -> Result<Calls, String> {
            match super::super::enter(&folder.join("run"), &folder.join("library"), &[]) {
                Entrance::First(calls) => Ok(calls),
                other => Err(format!("{other:?}")),
            }
        }

        fn socket(folder: &Path) -> io::Result<PathBuf> {
            let entries = fs::read_dir(folder.join("run"))?;
            let found = entries.filter_map(Result::ok).map(|entry| entry.path());
            found
                .into_iter()
                .find(|path| path.extension().is_some_and(|end| end == "sock"))
                .ok_or_else(|| io::ErrorKind::NotFound.into())
        }

        #[test]
        fn the_second_hands_its_paths_to_the_first() -> Outcome {
            let folder = tempfile::tempdir()?;
            let calls = first(folder.path())?;
            let odd = PathBuf::from(OsStr::from_bytes(b"/not \xff UTF-8"));
            let paths = [PathBuf::from("/a b/c"), odd];
            let run = folder.path().join("run");
            assert_eq!(fs::metadata(&run)?.mode() & 0o777, 0o700);
            for paths in [&paths[..], &[]] {
                let second = super::super::enter(&run, &folder.path().join("library"), paths);
                assert!(matches!(second, Entrance::HandedOver), "{second:?}");
                assert_eq!(calls.take(), [paths]);
            }
            let other = super::super::enter(&run, &folder.path().join("other library"), &[]);
            assert!(matches!(other, Entrance::First(_)), "{other:?}");
            Ok(())
        }

        #[test]
        fn a_window_that_changes_its_library_is_found_by_the_new_one() -> Outcome {
            let folder = tempfile::tempdir()?;
            let (run, other) = (folder.path().join("run"), folder.path().join("other"));
            let calls = first(folder.path())?;
            let same = calls.enter_another(&folder.path().join("library"));
            assert!(matches!(same, Entrance::First(_)), "its own library is no other window's: {same:?}");
            let Entrance::First(now) = calls.enter_another(&other) else { return Err("taken".into()) };
            let second = super::super::enter(&run, &other, &[PathBuf::from("/a")]);
            assert!(matches!(second, Entrance::HandedOver), "{second:?}");
            assert_eq!(now.take(), [[PathBuf::from("/a")]]);
            // The library it has left is anybody's.
            drop((calls, same));
            let left = super::super::enter(&run, &folder.path().join("library"), &[]);
            let Entrance::First(left) = left else { return Err(format!("{left:?}").into()) };
            assert!(matches!(left.enter_another(&other), Entrance::HandedOver));
            assert_eq!(now.take().len(), 1);
            Ok(())
        }

        #[test]
        fn a_socket_that_was_left_is_put_anew() -> Outcome {
            let folder = tempfile::tempdir()?;
            drop(first(folder.path())?);
            // The socket stays, as after a kill: nobody has the lock.
            assert!(socket(folder.path())?.exists());
            first(folder.path())?;
            Ok(())
        }

        #[test]
        fn strangers_are_not_understood_and_stop_nobody() -> Outcome {
            let folder = tempfile::tempdir()?;
            let calls = first(folder.path())?;
            let socket = socket(folder.path())?;
            for said in [&b""[..], b"/half", b"/half\0/x", b"relative\0\0", &vec![b'a'; (1 << 20) + 9000]] {
                let mut stream = UnixStream::connect(&socket)?;
                // It may hang up in the middle of what is too long.
                let _ = stream.write_all(said);
                let _ = stream.shutdown(Shutdown::Write);
                let mut answer = Vec::new();
                let _ = stream.read_to_end(&mut answer);
                assert!(answer.is_empty(), "{:?}", &said[..said.len().min(9)]);
            }
            assert!(calls.take().is_empty());
            // One that says nothing at all is given up.
            let _silent = UnixStream::connect(&socket)?;
            call(&socket, &[], Instant::now() + PATIENCE * 4)?;
            assert_eq!(calls.take().len(), 1);
            Ok(())
        }

        #[test]
        fn a_window_that_does_not_answer_keeps_nobody_waiting() -> Outcome {
            let folder = tempfile::tempdir()?;
            drop(first(folder.path())?);
            let run = folder.path().join("run");
            let lock = socket(folder.path())?.with_extension("lock");
            let lock = File::options().write(true).open(lock)?;
            lock.try_lock()?;
            let start = Instant::now();
            let second = super::super::enter(&run, &folder.path().join("library"), &[]);
            assert!(matches!(second, Entrance::Silent), "{second:?}");
            assert!(start.elapsed() < PATIENCE * 3);
            Ok(())
        }

        #[test]
        fn a_folder_that_others_can_enter_is_not_used() -> Outcome {
            let folder = tempfile::tempdir()?;
            let run = folder.path().join("run");
            fs::create_dir(&run)?;
            fs::set_permissions(&run, fs::Permissions::from_mode(0o755))?;
            assert!(require_own(&run).is_err());
            first(folder.path())?;
            assert_eq!(fs::read_dir(&run)?.count(), 0);
            Ok(())
        }
    }
}
