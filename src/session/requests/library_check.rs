//! Requests about the library check: a deep check over many packages that can stand still and goes on later.

use super::Request;
use crate::library::{CheckRun, Library, LibraryCheck, LibraryError};
use crate::work::Work;

request!(
    /// The library check that runs, stands still, or ended last, with what it found so far; `None` if there is none.
    ReadLibraryCheck {} -> Option<LibraryCheck>, "Reading the library check", changes: false,
    |_this, library, _work| library.library_check()
);
request!(
    /// Begins a library check or goes on with the one that is kept, until it is done. `Work::pause`, `Work::set_rate`
    /// and `Work::cancel` steer it; cancelled, it is kept and goes on later.
    RunLibraryCheck {
        /// Which packages, and whether to begin anew.
        run: CheckRun
    } -> LibraryCheck, "Library check", changes: true,
    |this, library, work| library.run_library_check(&this.run, work)
);
request!(
    /// Forgets the library check that is kept, with its result. What was found stays with the packages.
    ForgetLibraryCheck {} -> (), "Forgetting the library check", changes: false,
    |_this, library, _work| library.forget_library_check()
);
