//! Which packages stay on the computer: those that a job or the site list names, up to a size.

use std::collections::HashSet;
use std::fs;

use super::Agent;
use super::error::AgentError;
use crate::library::execution::set_writable;
use crate::package::PackageKey;
use crate::package::record::PackageId;
use crate::store::agent::AgentPackageRow;

/// What ended is remembered for so long after nobody lists it any more: it is never run again.
const REMEMBERED_SECS: i64 = 400 * 24 * 3600;

/// Where it is remembered that a package was brought for later.
pub(super) fn staged(package: PackageId) -> String {
    format!("staged {package}")
}

impl Agent {
    /// Removes packages that nobody names any more, the longest unused first where there are too many.
    pub(super) fn tidy(&mut self) -> Result<(), AgentError> {
        self.is_tidy = true;
        let rows = self.memory.store.packages_here()?;
        let open = self.memory.open_jobs()?;
        if rows.is_empty() && open.is_empty() && !self.home.reginfos().is_dir() {
            return Ok(());
        }
        self.memory.store.change(|change| {
            change
                .forget_jobs(self.options.clock.wall().as_second() - REMEMBERED_SECS)
                .map_err(AgentError::from)
        })?;
        let mut needed: HashSet<PackageId> = open.iter().map(|open| open.job.package.id).collect();
        needed.extend(self.memory.listed_packages()?);
        let names: HashSet<String> = self.list.keep.iter().map(PackageKey::folded).collect();
        let mut total: u64 = rows.iter().map(|row| row.size_bytes).sum();
        let most = self.list.keep_bytes.unwrap_or(u64::MAX);
        for row in rows {
            if needed.contains(&row.id) || self.deliveries.iter().any(|delivery| delivery.package == row.id) {
                continue;
            }
            let key = PackageKey::new(&row.name, &row.version).ok();
            let is_kept = key.as_ref().is_some_and(|key| names.contains(&key.folded()))
                || self.memory.value(&staged(row.id))?.is_some();
            if is_kept && total <= most {
                continue;
            }
            total = total.saturating_sub(row.size_bytes);
            self.remove(&row, key.as_ref())?;
        }
        self.forget_reginfos(open.iter().map(|open| open.job.package.reginfo_sha256.to_string()).collect());
        Ok(())
    }

    fn remove(&mut self, row: &AgentPackageRow, key: Option<&PackageKey>) -> Result<(), AgentError> {
        // First it is not whole any more: half of it may be gone in a moment.
        self.memory.put_package(&AgentPackageRow { is_whole: false, ..row.clone() })?;
        if let Some(key) = key {
            let folder = self.home.package(key);
            if folder.is_dir() {
                set_writable(&folder, true)?;
                fs::remove_dir_all(&folder).map_err(AgentError::folder("removing", &folder))?;
            }
            // The folder of the name, where this was its only version.
            if let Some(above) = folder.parent() {
                fs::remove_dir(above).ok();
            }
        }
        self.memory.put_package(&AgentPackageRow { is_whole: false, is_here: false, ..row.clone() })?;
        self.memory.keep_value(&staged(row.id), "")
    }

    /// Removes registration infos that no open job names.
    fn forget_reginfos(&self, named: HashSet<String>) {
        let Ok(entries) = fs::read_dir(self.home.reginfos()) else { return };
        for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            if stem.is_none_or(|stem| !named.contains(stem)) {
                fs::remove_file(&path).ok();
            }
        }
    }
}
