//! Searching the recorded files of every package: the first hits, their number, and all of them as a table.

use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::MutexGuard;

use super::csv::field;
use super::error::io_error;
use super::{Library, LibraryError};
use crate::store::{Catalogue, Pattern, SearchCount, SearchResult};
use crate::work::Work;

/// What is searched for, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// Part of a path, a pattern with `*` and `?`, or a SHA-256.
    pub pattern: String,
    /// Whether archived packages are searched too: their file lists stay in the library database.
    pub archived: bool,
}

impl Search {
    /// Searches every package, archived ones too.
    pub fn new(pattern: impl Into<String>) -> Self {
        Self { pattern: pattern.into(), archived: true }
    }

    fn parse(&self) -> Result<Pattern, LibraryError> {
        Pattern::parse(self.pattern.trim()).ok_or_else(|| LibraryError::BadPattern(self.pattern.clone()))
    }
}

impl Library {
    /// The first `limit` files, by package and path.
    pub fn find(&self, search: &Search, limit: usize, work: &Work) -> Result<SearchResult, LibraryError> {
        let pattern = search.parse()?;
        let found = self.searcher()?.find_files(&pattern, search.archived, limit, &|| work.is_cancelled())?;
        work.check()?;
        Ok(found)
    }

    /// How many files of how many packages there are.
    pub fn count_found(&self, search: &Search, work: &Work) -> Result<SearchCount, LibraryError> {
        let pattern = search.parse()?;
        let count = self.searcher()?.count_files(&pattern, search.archived, &|| work.is_cancelled())?;
        work.check()?;
        Ok(count)
    }

    /// Writes every file that is found to a new table (CSV after RFC 4180), a line a file. Gives how many.
    pub fn export_search(&self, search: &Search, to: &Path, work: &Work) -> Result<u64, LibraryError> {
        let pattern = search.parse()?;
        work.begin("Writing the list", 0, 0);
        let file = fs::File::create_new(to).map_err(io_error("write", to))?;
        let written = self.write_search(&pattern, search.archived, file, to, work);
        if written.is_err() {
            let _ = fs::remove_file(to);
        }
        written
    }

    fn write_search(
        &self,
        pattern: &Pattern,
        archived: bool,
        file: fs::File,
        to: &Path,
        work: &Work,
    ) -> Result<u64, LibraryError> {
        let mut out = BufWriter::new(file);
        out.write_all(b"Name,Version,State,Path,Size (bytes),SHA-256,Package id\r\n")
            .map_err(io_error("write", to))?;
        let count = self.searcher()?.every_file(pattern, archived, |found| {
            work.check()?;
            work.add_files(1);
            write!(
                out,
                "{},{},{},{},{},{},{}\r\n",
                field(found.package.name()),
                field(found.package.version()),
                found.state.word(),
                field(&found.path),
                found.size_bytes,
                found.sha256.map(|hash| hash.to_string()).unwrap_or_default(),
                found.package_id
            )
            .map_err(io_error("write", to))
        })?;
        let file = out.into_inner().map_err(|error| io_error("write", to)(error.into_error()))?;
        file.sync_all().map_err(io_error("write", to))?;
        Ok(count)
    }

    /// A connection of its own: a long search keeps nobody from changing anything. On a share there is only one.
    fn searcher(&self) -> Result<Searcher<'_>, LibraryError> {
        let catalogue = self.catalogue();
        Ok(match catalogue.reader()? {
            Some(own) => Searcher::Own(Box::new(own)),
            None => Searcher::Shared(catalogue),
        })
    }
}

/// What a search reads from.
enum Searcher<'l> {
    Own(Box<Catalogue>),
    Shared(MutexGuard<'l, Catalogue>),
}

impl std::ops::Deref for Searcher<'_> {
    type Target = Catalogue;

    fn deref(&self) -> &Catalogue {
        match self {
            Self::Own(catalogue) => catalogue,
            Self::Shared(catalogue) => catalogue,
        }
    }
}
