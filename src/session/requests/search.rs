//! Requests about searching the files of every package.

use std::path::PathBuf;

use super::Request;
use crate::library::{Library, LibraryError, Search};
use crate::store::{SearchCount, SearchResult};
use crate::work::Work;

request!(
    /// Searches paths and hashes of every package: the first files, fast.
    FindFiles {
        /// What, and where.
        search: Search,
        /// At most so many files.
        limit: usize
    } -> SearchResult, "Searching", changes: false,
    |this, library, work| library.find(&this.search, this.limit, work)
);
request!(
    /// How many files of how many packages a search finds in all.
    CountFiles {
        /// What, and where.
        search: Search
    } -> SearchCount, "Counting what is found", changes: false,
    |this, library, work| library.count_found(&this.search, work)
);
request!(
    /// Writes everything a search finds to a CSV file. Gives the number of files.
    ExportSearch {
        /// What, and where.
        search: Search,
        /// The file; must not exist.
        to: PathBuf
    } -> u64, "Writing the list", changes: false,
    |this, library, work| library.export_search(&this.search, &this.to, work)
);
