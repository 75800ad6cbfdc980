//! Looks for changes: by other programs, by `PRAGMA data_version`; in the package folders, by the watcher. Keeps the
//! view that lists are drawn from.

use std::sync::{Arc, Mutex, PoisonError, Weak, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use super::Waker;
use crate::library::{Library, LibraryHolder, Watcher};
use crate::package::{PackageId, PackageList};

pub use crate::library::WatchState;

/// How often other programs' changes are looked for.
const INTERVAL: Duration = Duration::from_secs(1);

/// What lists are drawn from: a whole, unchanging picture of the library at one moment.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Rises with every new picture; 0 before the first.
    pub epoch: u64,
    /// All packages, by name and version without regard to case.
    pub packages: Arc<PackageList>,
    /// Software groups, sorted.
    pub groups: Arc<Vec<String>>,
    /// How many removed packages can be taken back, and their bytes.
    pub removed: (u64, u64),
    /// Why the library folder cannot be reached, while it cannot.
    pub unreachable: Option<String>,
    /// Who else may write to the library, where only one program may: on a share.
    pub in_use_by: Option<LibraryHolder>,
    /// Why the library could not be read, if so.
    pub failure: Option<crate::failure::Failure>,
    /// What is watched.
    pub watching: WatchState,
}

/// The newest view, shared.
#[derive(Clone, Default)]
pub(super) struct SharedView(Arc<Mutex<Arc<View>>>);

impl SharedView {
    pub(super) fn get(&self) -> Arc<View> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn set(&self, view: View) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(view);
    }
}

enum Message {
    LookNow,
    WatchFirst(Vec<PackageId>),
    PollEvery(Duration),
    FolderChanged,
    Stop,
}

/// The thread that looks; it stops when this is dropped.
pub(super) struct Observer {
    messages: mpsc::Sender<Message>,
    thread: Option<JoinHandle<()>>,
}

impl Observer {
    pub(super) fn start(library: &Arc<Library>, view: &SharedView, waker: Waker) -> Self {
        let (messages, inbox) = mpsc::channel();
        let library = Arc::downgrade(library);
        let view = view.clone();
        let own = messages.clone();
        let thread = std::thread::Builder::new()
            .name("observer".to_owned())
            .spawn(move || observe(&library, &view, &waker, &inbox, own))
            .ok();
        Self { messages, thread }
    }

    pub(super) fn look_now(&self) {
        let _ = self.messages.send(Message::LookNow);
    }

    pub(super) fn poll_every(&self, every: Duration) {
        let _ = self.messages.send(Message::PollEvery(every));
    }

    pub(super) fn watch_first(&self, packages: Vec<PackageId>) {
        let _ = self.messages.send(Message::WatchFirst(packages));
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        let _ = self.messages.send(Message::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn observe(
    library: &Weak<Library>,
    shared: &SharedView,
    waker: &Waker,
    inbox: &mpsc::Receiver<Message>,
    own: mpsc::Sender<Message>,
) {
    let Some(first) = library.upgrade() else { return };
    let mut watcher = Watcher::start(&first, move || {
        let _ = own.send(Message::FolderChanged);
    });
    drop(first);
    let mut version = None;
    let mut look = true;
    loop {
        let Some(library) = library.upgrade() else { return };
        if look || version != library.data_version().ok() {
            version = library.data_version().ok();
            let next = picture(&library, &shared.get(), watcher.state());
            let packages = Arc::clone(&next.packages);
            shared.set(next);
            waker();
            // Beginning to watch 100,000 folders takes seconds: the list is on the screen before.
            watcher.keep_up(&packages);
        }
        let before = shared.get();
        let (unreachable, in_use_by, watching) =
            (library.unreachable_reason(), library.in_use_by(), watcher.state());
        if (&before.unreachable, &before.in_use_by, before.watching) != (&unreachable, &in_use_by, watching) {
            let next =
                View { epoch: before.epoch + 1, unreachable, in_use_by, watching, ..View::clone(&before) };
            shared.set(next);
            waker();
        }
        drop(library);
        let (marked, more) = watcher.poll();
        look = match inbox.recv_timeout(if more {
            Duration::ZERO
        } else {
            watcher.until_poll().min(INTERVAL)
        }) {
            Ok(Message::LookNow) => true,
            Ok(Message::PollEvery(every)) => {
                watcher.poll_every(every);
                marked
            }
            Ok(Message::WatchFirst(packages)) => {
                watcher.watch_first(packages);
                marked
            }
            Ok(Message::FolderChanged) => {
                // One change comes as many events: they are judged together once they have ended.
                let (look, first, stop) = drain(inbox, &mut watcher);
                watcher.watch_first(first);
                if stop {
                    return;
                }
                watcher.mark() || look || marked
            }
            Err(mpsc::RecvTimeoutError::Timeout) => watcher.mark() || marked,
            Ok(Message::Stop) | Err(mpsc::RecvTimeoutError::Disconnected) => return,
        };
    }
}

/// Takes messages until nothing has changed for a moment, or for two seconds at most. Gives what else was said: whether
/// to look, what to watch first, whether to stop.
fn drain(inbox: &mpsc::Receiver<Message>, watcher: &mut Watcher) -> (bool, Vec<PackageId>, bool) {
    let until = std::time::Instant::now() + Duration::from_secs(2);
    let (mut look, mut first) = (false, Vec::new());
    while std::time::Instant::now() < until {
        match inbox.recv_timeout(Duration::from_millis(200)) {
            Ok(Message::FolderChanged) => {}
            Ok(Message::LookNow) => look = true,
            Ok(Message::PollEvery(every)) => watcher.poll_every(every),
            Ok(Message::WatchFirst(packages)) => first.extend(packages),
            Err(mpsc::RecvTimeoutError::Timeout) => break,
            Ok(Message::Stop) | Err(mpsc::RecvTimeoutError::Disconnected) => return (look, first, true),
        }
    }
    (look, first, false)
}

fn picture(library: &Library, before: &View, watching: WatchState) -> View {
    let mut view = View::clone(before);
    view.epoch += 1;
    view.watching = watching;
    view.unreachable = library.unreachable_reason();
    view.in_use_by = library.in_use_by();
    match library.picture(&before.packages) {
        Ok(picture) => {
            view.removed = picture.removed;
            view.packages = Arc::new(picture.packages);
            view.groups = Arc::new(picture.groups);
            view.failure = None;
        }
        // Lists stay as they were; the reason stands above them.
        Err(error) => view.failure = Some(error.explain()),
    }
    view
}
