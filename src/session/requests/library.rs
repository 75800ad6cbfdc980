//! Requests about the library as a whole: facts, moving it, handing it over.

use std::path::PathBuf;

use super::Request;
use crate::failure::Failure;
use crate::library::{HandOverDocument, Library, LibraryError, LibraryInfo, MovedLibrary};
use crate::session::{Session, guarded};
use crate::work::Work;

request!(
    /// Facts about the library as a whole.
    ReadInfo {} -> LibraryInfo, "Reading the library", changes: false,
    |_this, library, _work| library.info()
);
/// Moves the library: copied, the copy proven, switched over. The old folder stays. Afterwards this session can only
/// read; open the library in its new folder. Downloads are stopped in order first; they go on there.
#[derive(Clone, Debug)]
pub struct MoveLibrary {
    /// The new folder; new or empty, outside the library.
    pub to: PathBuf,
}

impl Request for MoveLibrary {
    type Reply = MovedLibrary;

    fn title(&self) -> String {
        "Moving the library".to_owned()
    }

    fn changes(&self) -> bool {
        true
    }

    fn run(self, session: &Session, work: &Work) -> Result<MovedLibrary, Failure> {
        // It would write to the old place what nobody finds in the new one.
        session.stop_manager();
        session.without_downloads(|| guarded(|| session.library().move_to(&self.to, work)))
    }
}

request!(
    /// Deletes the folder the library was moved from. Gives it. Asked of the library in its new folder.
    DeleteOldCopy {} -> PathBuf, "Deleting the old copy", changes: false,
    |_this, library, work| library.delete_old_copy(work)
);
request!(
    /// Writes everything a successor must know into a folder: one page and one file, without secrets.
    HandOver {
        /// The folder; new or empty, outside the library.
        to: PathBuf
    } -> HandOverDocument, "Writing the hand over", changes: false,
    |this, library, _work| library.hand_over(&this.to)
);
request!(
    /// Reads what a predecessor wrote; nothing is taken over.
    ReadHandOver {
        /// The folder, or the file in it.
        from: PathBuf
    } -> HandOverDocument, "Reading the hand over", changes: false,
    |this, _library, _work| crate::library::read_hand_over(&this.from)
);
