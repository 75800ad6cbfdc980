//! A procedure tried on this computer: run from a read-only copy of its package in a scratch folder.
//!
//! Owns: the copy and its end; how it is run is for [`super::execution`]. Nothing of the package, the library or History
//! changes.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::io_error;
use super::execution::{TryReport, run, set_writable};
use super::scratch::ScratchFolder;
use super::{Library, LibraryError};
use crate::package::record::PackageId;
use crate::package::{CheckKind, PackageRecord, PackageState};
use crate::work::Work;

/// What is to be tried, and where.
#[derive(Clone, Debug)]
pub struct TryRequest {
    /// The package.
    pub package: PackageId,
    /// The name of the procedure, without regard to case.
    pub procedure: String,
    /// A folder for things that last no longer than the try.
    pub scratch: PathBuf,
    /// When it is ended, where the procedure itself has no limit.
    pub time_limit: Duration,
}

impl Library {
    /// Runs a procedure on this computer, from a read-only copy of the package below [`TryRequest::scratch`]. A package
    /// that differs from its record is not tried, unless the procedure is external. Cancelled, the program is ended
    /// with all it started.
    pub fn try_here(&self, request: &TryRequest, work: &Work) -> Result<TryReport, LibraryError> {
        let record = self.record(request.package)?;
        let folded = request.procedure.to_lowercase();
        let listed = record.procedures.iter().find(|listed| listed.procedure.name.to_lowercase() == folded);
        let procedure = match listed {
            Some(listed) => listed.procedure.clone(),
            None => return Err(LibraryError::NoSuchProcedure(request.procedure.clone())),
        };
        let scratch = ScratchFolder::new(&request.scratch, "try")?;
        let package = scratch.path().join("package");
        if !procedure.external {
            self.copy_for_try(&record, &package, work)?;
        } else {
            fs::create_dir(&package).map_err(io_error("make the folder", &package))?;
        }
        let folder = scratch.path().join("work");
        fs::create_dir(&folder).map_err(io_error("make the folder", &folder))?;
        work.begin("Running", 0, 0);
        run(&procedure, &package, &folder, request.time_limit, work)
    }

    fn copy_for_try(&self, record: &PackageRecord, to: &Path, work: &Work) -> Result<(), LibraryError> {
        if record.state == PackageState::Archived {
            let (key, state) = (record.key.clone(), record.state);
            return Err(LibraryError::State { key, state, doing: "tried", instead: "Restore it first" });
        }
        let report = self.examine(record, CheckKind::Quick, work)?;
        if !report.is_consistent() {
            return Err(LibraryError::Differs { key: record.key.clone(), report: Box::new(report) });
        }
        let manifest = self.recorded_manifest(record.id)?;
        let from = self.data_folder(&record.key);
        work.begin("Copying", manifest.len() as u64, manifest.files().total_bytes());
        fs::create_dir(to).map_err(io_error("make the folder", to))?;
        for file in manifest.iter() {
            let (source, target) = (from.join(file.path), to.join(file.path));
            if let Some(folder) = target.parent() {
                fs::create_dir_all(folder).map_err(io_error("make the folder", folder))?;
            }
            work.pace(file.size_bytes)?;
            fs::copy(&source, &target).map_err(io_error("copy", &source))?;
            work.add_bytes(file.size_bytes);
            work.add_files(1);
        }
        set_writable(to, false)
    }
}
