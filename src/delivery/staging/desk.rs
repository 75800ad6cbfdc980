//! The staging libraries of a library: which there are, how they are reached, who may sign in there.
//!
//! Owns: their rows and their credentials, which lie in secure storage and nowhere else. What is done with the packages
//! there stands beside it.

use std::sync::Arc;

use jiff::Timestamp;

use super::error::{StageError, StagingError};
use super::identity::Identity;
use super::store::{StagingAddress, StagingStore, open_store};
use crate::library::Library;
use crate::package::PackageId;
use crate::package::staging::{Line, StagedCopy, StagedFinding, StagingId, StagingLibrary};
use crate::store::StoreError;
use crate::transfer::secure_storage::{KEY_FILE_NAME, Kept, Kind, SecureError, SecureStorage};
use crate::transfer::{Clock, Credentials, NetworkOptions};

/// The staging libraries of one library. Clones speak of the same.
#[derive(Clone)]
pub struct StagingDesk {
    pub(super) library: Arc<Library>,
    network: NetworkOptions,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for StagingDesk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StagingDesk").field("library", &self.library.root()).finish_non_exhaustive()
    }
}

/// A staging library that is to be added.
#[derive(Clone, Debug, Default)]
pub struct NewStagingLibrary {
    /// Its name.
    pub name: String,
    /// Where the console writes; a name and password in it become the credentials.
    pub write: String,
    /// Where agents read, if elsewhere.
    pub read: Option<String>,
    /// Where agents report, if elsewhere.
    pub report: Option<String>,
    /// What the line carries, and when.
    pub line: Line,
    /// Only test computers read it.
    pub for_tests: bool,
    /// How to sign in; for a bucket access key and secret, as name and password.
    pub credentials: Option<Credentials>,
}

/// What is to change of a staging library; what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct StagingEdit {
    /// Its name.
    pub name: Option<String>,
    /// Where the console writes.
    pub write: Option<String>,
    /// Where agents read; the address for writing if `Some(None)`.
    pub read: Option<Option<String>>,
    /// Where agents report; the address for writing if `Some(None)`.
    pub report: Option<Option<String>>,
    /// What the line carries, and when.
    pub line: Option<Line>,
    /// Only test computers read it.
    pub for_tests: Option<bool>,
    /// How to sign in; not at all if `Some(None)`.
    pub credentials: Option<Option<Credentials>>,
}

/// A staging library as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagingRow {
    /// The staging library.
    pub staging: StagingLibrary,
    /// Copies of packages there.
    pub copies: u64,
    /// Sum of the sizes of their files.
    pub size_bytes: u64,
    /// Copies whose revision is lower than the library's.
    pub outdated: u64,
    /// Copies that are not whole: incomplete, different or gone.
    pub not_whole: u64,
    /// Whether somebody signs in there.
    pub has_credentials: bool,
    /// As whom, where it is by name.
    pub user: Option<String>,
}

/// A copy as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyRow {
    /// The copy.
    pub copy: StagedCopy,
    /// Name of the staging library.
    pub name: String,
    /// The revision the library has; `None` where it no longer has the package.
    pub newest: Option<u64>,
}

impl CopyRow {
    /// Whether the library has a higher revision.
    pub fn is_outdated(&self) -> bool {
        self.newest.is_some_and(|newest| newest > self.copy.revision)
    }
}

/// Which of its three addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StagingWay {
    /// Where the console writes.
    Write,
    /// Where agents read.
    Read,
    /// Where agents report.
    Report,
}

impl StagingDesk {
    /// The staging libraries of `library`, reached by `network`.
    pub fn new(library: Arc<Library>, network: NetworkOptions, clock: Arc<dyn Clock>) -> Self {
        Self { library, network, clock }
    }

    /// How servers are reached.
    pub(super) fn network(&self) -> &NetworkOptions {
        &self.network
    }

    /// This moment.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.wall()
    }

    /// All of them by name, with what is there as far as is known. Nothing is asked of them.
    pub fn list(&self) -> Result<Vec<StagingRow>, StageError> {
        let stagings = self.library.catalogue().staging_libraries()?;
        let copies = self.copies()?;
        let mut rows = Vec::with_capacity(stagings.len());
        for staging in stagings {
            let here = || copies.iter().filter(|row| row.copy.staging == staging.id);
            let is_whole =
                |row: &&CopyRow| matches!(row.copy.finding, StagedFinding::Whole | StagedFinding::Unverified);
            let credentials = self.credentials(staging.id).ok().flatten();
            rows.push(StagingRow {
                copies: here().count() as u64,
                size_bytes: here().map(|row| row.copy.size_bytes).fold(0, u64::saturating_add),
                outdated: here().filter(|row| row.is_outdated()).count() as u64,
                not_whole: here().filter(|row| !is_whole(row)).count() as u64,
                has_credentials: credentials.is_some(),
                user: match &credentials {
                    Some(Credentials::Basic { user, .. }) => Some(user.clone()),
                    _ => None,
                },
                staging,
            });
        }
        Ok(rows)
    }

    /// Every copy that is known, by name and version of the package.
    pub fn copies(&self) -> Result<Vec<CopyRow>, StageError> {
        let (stagings, copies) = {
            let catalogue = self.library.catalogue();
            (catalogue.staging_libraries()?, catalogue.staged()?)
        };
        let mut rows = Vec::with_capacity(copies.len());
        for copy in copies {
            let name = stagings.iter().find(|staging| staging.id == copy.staging);
            let name = name.map(|staging| staging.name.clone()).unwrap_or_default();
            let record = self.library.catalogue().package(copy.package)?;
            rows.push(CopyRow { newest: record.map(|record| record.revision), name, copy });
        }
        Ok(rows)
    }

    /// Where a package is staged, as far as is known.
    pub fn copies_of(&self, package: PackageId) -> Result<Vec<CopyRow>, StageError> {
        Ok(self.copies()?.into_iter().filter(|row| row.copy.package == package).collect())
    }

    /// The staging library of this name, or at this address.
    pub fn find(&self, text: &str) -> Result<StagingLibrary, StageError> {
        let text = text.trim();
        let stagings = self.library.catalogue().staging_libraries()?;
        let folded = text.to_lowercase();
        if let Some(found) = stagings.iter().find(|staging| staging.name.to_lowercase() == folded) {
            return Ok(found.clone());
        }
        let shown = crate::package::address::without_credentials(text).0;
        let unknown = || StageError::NoSuchStaging(shown.clone());
        let address = StagingAddress::parse(text).map_err(|_| unknown())?.0.to_string();
        let at = |staging: &&StagingLibrary| {
            [staging.write.as_str(), staging.read_address(), staging.report_address()]
                .contains(&address.as_str())
        };
        stagings.iter().find(at).cloned().ok_or_else(unknown)
    }

    /// The staging library with this id.
    pub fn get(&self, id: StagingId) -> Result<StagingLibrary, StageError> {
        let found = self.library.catalogue().staging_library(id)?;
        found.ok_or_else(|| StageError::NoSuchStaging(id.to_string()))
    }

    /// Adds a staging library. Nothing is asked of it yet.
    pub fn add(&self, new: NewStagingLibrary) -> Result<StagingLibrary, StageError> {
        self.require_writable()?;
        let (write, taken) = StagingAddress::parse(&new.write)?;
        self.require_no_library(&write)?;
        let staging = StagingLibrary {
            id: StagingId(uuid::Uuid::new_v4()),
            name: good_name(&new.name)?,
            write: write.to_string(),
            read: new.read.as_deref().map(bare_address).transpose()?,
            report: new.report.as_deref().map(bare_address).transpose()?,
            line: new.line,
            for_tests: new.for_tests,
            added: self.now(),
            reconciled: None,
        };
        self.require_own_place(&staging)?;
        self.put(&staging)?;
        if let Some(credentials) = new.credentials.or(taken) {
            let kept = self.keep_credentials(staging.id, Some(&credentials));
            if let Err(error) = kept {
                self.library.catalogue().change(|change| change.delete_staging_library(staging.id))?;
                return Err(error);
            }
        }
        Ok(staging)
    }

    /// Changes a staging library. Nothing there is touched.
    pub fn edit(&self, id: StagingId, edit: StagingEdit) -> Result<StagingLibrary, StageError> {
        self.require_writable()?;
        let mut staging = self.get(id)?;
        let mut credentials = edit.credentials;
        let before = (staging.write.clone(), staging.read.clone());
        if let Some(name) = edit.name {
            staging.name = good_name(&name)?;
        }
        if let Some(write) = edit.write {
            let (address, taken) = StagingAddress::parse(&write)?;
            self.require_no_library(&address)?;
            staging.write = address.to_string();
            if let Some(taken) = taken {
                credentials = credentials.or(Some(Some(taken)));
            }
        }
        if let Some(read) = edit.read {
            staging.read = read.as_deref().map(bare_address).transpose()?;
        }
        if let Some(report) = edit.report {
            staging.report = report.as_deref().map(bare_address).transpose()?;
        }
        staging.line = edit.line.unwrap_or(staging.line);
        staging.for_tests = edit.for_tests.unwrap_or(staging.for_tests);
        // One that shares its place since before this was looked at can still be renamed.
        if before != (staging.write.clone(), staging.read.clone()) {
            self.require_own_place(&staging)?;
        }
        self.put(&staging)?;
        if let Some(credentials) = credentials {
            self.keep_credentials(id, credentials.as_ref())?;
        }
        Ok(staging)
    }

    /// Takes a staging library off the list; what lies there stays there. Refused while copies are known there, unless
    /// they are to be forgotten.
    pub fn remove(&self, id: StagingId, forget_copies: bool) -> Result<StagingLibrary, StageError> {
        self.require_writable()?;
        let staging = self.get(id)?;
        let copies = self.library.catalogue().staged_at(id)?;
        let there = copies.iter().filter(|copy| copy.finding != StagedFinding::Missing);
        let there: Vec<String> = there.map(|copy| copy.key.to_string()).collect();
        if !forget_copies && !there.is_empty() {
            return Err(StageError::StillUsed { name: staging.name, copies: there });
        }
        self.keep_credentials(id, None)?;
        self.library.catalogue().change(|change| change.delete_staging_library(id))?;
        Ok(staging)
    }

    /// Opens the store at one of its addresses. The credentials go to no other server than the one for writing.
    pub fn open(
        &self,
        staging: &StagingLibrary,
        way: StagingWay,
    ) -> Result<Arc<dyn StagingStore>, StageError> {
        let write = StagingAddress::parse(&staging.write)?.0;
        let address = match way {
            StagingWay::Write => write.clone(),
            StagingWay::Read => StagingAddress::parse(staging.read_address())?.0,
            StagingWay::Report => StagingAddress::parse(staging.report_address())?.0,
        };
        // One that became a library since, or was added before this was looked at.
        self.require_no_library(&address)?;
        let credentials = if address.is_same_server(&write) { self.credentials(staging.id)? } else { None };
        Ok(open_store(&address, credentials, &self.network)?)
    }

    /// How somebody signs in at a staging library.
    pub fn credentials(&self, id: StagingId) -> Result<Option<Credentials>, StageError> {
        let keys = self.library.keys().folder();
        // Where there is no key, nothing was kept, and none is made for looking.
        if !keys.join(KEY_FILE_NAME).exists() {
            return Ok(None);
        }
        let catalogue = self.library.catalogue();
        let secure = SecureStorage::open(keys, &catalogue, &self.owner())?;
        match secure.kept(&catalogue, Kind::Staging, PackageId(id.0))? {
            Kept::Text(text) => Ok(serde_json::from_slice(&text).ok()),
            Kept::Absent | Kept::Forged => Ok(None),
        }
    }

    fn keep_credentials(&self, id: StagingId, credentials: Option<&Credentials>) -> Result<(), StageError> {
        let keys = self.library.keys().folder();
        if credentials.is_none() && !keys.join(KEY_FILE_NAME).exists() {
            return Ok(());
        }
        let owner = self.owner();
        let mut catalogue = self.library.catalogue();
        let secure = SecureStorage::open(keys, &catalogue, &owner)?;
        match credentials {
            Some(credentials) => {
                let text = serde_json::to_vec(credentials);
                let text = text.map_err(|error| SecureError::Sealing(error.to_string()))?;
                let text = zeroize::Zeroizing::new(text);
                secure.keep(&mut catalogue, Kind::Staging, PackageId(id.0), &text)?;
            }
            None => secure.drop(&mut catalogue, Kind::Staging, PackageId(id.0))?,
        }
        Ok(())
    }

    fn owner(&self) -> String {
        let actor = self.library.actor();
        format!("{}@{}", actor.who, actor.host)
    }

    /// Refuses the folder of a package library, and any folder in this one: both keep packages below `packages/`.
    fn require_no_library(&self, address: &StagingAddress) -> Result<(), StageError> {
        let StagingAddress::Folder(folder) = address else { return Ok(()) };
        // What cannot be resolved is not there, and then nothing can be lost there.
        let Ok(real) = folder.canonicalize() else { return Ok(()) };
        let own = self.library.root().canonicalize().unwrap_or_else(|_| self.library.root().to_owned());
        let library = if real.starts_with(&own) {
            own
        } else if Library::is_in(&real) {
            real
        } else {
            return Ok(());
        };
        let (folder, library) = (folder.display().to_string(), library.display().to_string());
        Err(StageError::IsLibrary { folder, library })
    }

    /// Refuses the name of another staging library, and a place where another one is written or read: its packages would
    /// be those of both, and what is unstaged here would be gone there.
    fn require_own_place(&self, staging: &StagingLibrary) -> Result<(), StageError> {
        let places = |staging: &StagingLibrary| -> Vec<(String, Identity)> {
            let mut texts = vec![staging.write.clone()];
            texts.extend(staging.read.clone());
            // An address that an older program took and this one does not is nobody's place.
            let known = |text: String| {
                StagingAddress::parse(&text).ok().map(|(address, _)| (text, Identity::of(&address)))
            };
            texts.into_iter().filter_map(known).collect()
        };
        let own = places(staging);
        let mut others = self.library.catalogue().staging_libraries()?;
        others.retain(|other| other.id != staging.id);
        if others.iter().any(|other| other.name.to_lowercase() == staging.name.to_lowercase()) {
            return Err(StageError::NameTaken(staging.name.clone()));
        }
        for other in &others {
            let taken = places(other);
            let shared = own.iter().find(|(_, place)| taken.iter().any(|(_, theirs)| theirs == place));
            if let Some((address, _)) = shared {
                return Err(StageError::AddressTaken { name: other.name.clone(), address: address.clone() });
            }
        }
        Ok(())
    }

    fn put(&self, staging: &StagingLibrary) -> Result<(), StageError> {
        let put = self.library.catalogue().change(|change| change.put_staging_library(staging));
        if put? { Ok(()) } else { Err(StageError::NameTaken(staging.name.clone())) }
    }

    pub(super) fn put_copy(&self, copy: &StagedCopy) -> Result<(), StoreError> {
        self.library.catalogue().change(|change| change.put_staged(copy))
    }

    pub(super) fn require_writable(&self) -> Result<(), StageError> {
        if self.library.is_read_only() {
            return Err(crate::library::LibraryError::ReadOnly.into());
        }
        Ok(())
    }
}

fn good_name(name: &str) -> Result<String, StageError> {
    let name = name.trim();
    let is_good = !name.is_empty() && name.chars().count() <= 100 && !name.chars().any(char::is_control);
    // An address for a name could never be told from an address.
    if is_good && !name.contains("://") && !name.starts_with('/') {
        Ok(name.to_owned())
    } else {
        Err(StageError::Name(name.chars().take(100).collect()))
    }
}

fn bare_address(text: &str) -> Result<String, StagingError> {
    StagingAddress::parse(text).map(|(address, _)| address.to_string())
}
