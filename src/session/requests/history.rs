//! Requests about History.

use std::path::PathBuf;

use super::Request;
use crate::library::{ExportFormat, HistoryDetails, Library, LibraryError};
use crate::package::HistoryEntry;
use crate::package::history::ChainState;
use crate::store::HistoryFilter;
use crate::work::Work;

request!(
    /// History entries that pass the filter, oldest first.
    ReadHistory {
        /// Which.
        filter: HistoryFilter
    } -> Vec<HistoryEntry>, "Reading History", changes: false,
    |this, library, _work| library.history(&this.filter)
);
request!(
    /// One entry with its place in the chain; `None` if there is none of this number.
    ShowHistoryEntry {
        /// Its number, from 1.
        number: u64
    } -> Option<HistoryDetails>, "Reading History", changes: false,
    |this, library, _work| library.history_details(this.number)
);
request!(
    /// Every account in History, sorted.
    ListPeople {} -> Vec<String>, "Reading History", changes: false,
    |_this, library, _work| library.history_people()
);
request!(
    /// Follows the chain of History.
    VerifyHistory {} -> ChainState, "Verifying History", changes: false,
    |_this, library, _work| library.verify_history()
);
request!(
    /// Writes History to a file, with the filter and the state of the chain. Gives the number of entries.
    ExportHistory {
        /// Which entries.
        filter: HistoryFilter,
        /// In which form.
        format: ExportFormat,
        /// The file; must not exist.
        to: PathBuf
    } -> u64, "Exporting History", changes: false,
    |this, library, _work| library.export_history(&this.filter, this.format, &this.to)
);
request!(
    /// The last reasons that were given.
    LastReasons {} -> Vec<String>, "Reading History", changes: false,
    |_this, library, _work| library.last_reasons()
);
