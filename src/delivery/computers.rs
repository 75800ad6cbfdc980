//! The computers of a library, groups of them, and the tokens with which new ones are enrolled.
//!
//! Owns what a person does with them. Must not know jobs beyond their number, nor staging stores.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::documents::{Fingerprint, Token, TokenId};
use super::error::{DeliveryError, require_writable};
use super::history::{tell, words_of_names};
use super::keys::{fingerprint, job_key};
use super::manager::TokenReach;
use super::model::{Import, checked_name, import};
use crate::library::Library;
use crate::package::HistoryEvent;
use crate::package::numbers::many;
use crate::package::record::PackageId;
use crate::store::{
    ComputerFacts, ComputerFilter, ComputerGroupRow, ComputerRow, EnrolmentTokenRow, InstallationRow,
    InstalledOn, JobOfContainer, RemovedComputer, StoreError,
};
use crate::transfer::Clock;
use crate::transfer::secure_storage::{Kept, Kind, SecureStorage};

/// How long a token is taken where nothing else is said.
pub const TOKEN_VALID_SECS: u64 = 24 * 3600;
/// Shortest that a token is taken.
pub const TOKEN_VALID_LEAST_SECS: u64 = 60;
/// Longest that a token is taken.
pub const TOKEN_VALID_MOST_SECS: u64 = 90 * 24 * 3600;
/// Most jobs that are shown of one computer.
const JOBS_SHOWN: u32 = 500;

/// The computers of one library. Clones speak of the same.
#[derive(Clone)]
pub struct ComputerDesk {
    pub(super) library: Arc<Library>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for ComputerDesk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ComputerDesk").field("library", &self.library.root()).finish_non_exhaustive()
    }
}

/// A computer that is to be added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewComputer {
    /// Its name.
    pub name: String,
    /// Free text.
    pub comment: String,
    /// Groups it comes into; made where they are not there.
    pub groups: Vec<String>,
    /// Whether it is a test computer.
    pub test: bool,
    /// Name of its home staging library.
    pub staging: Option<String>,
    /// It reads from no other.
    pub staging_only: bool,
}

/// What is to change of a computer; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ComputerEdit {
    /// Its name.
    pub name: Option<String>,
    /// Free text.
    pub comment: Option<String>,
    /// Whether it is a test computer.
    pub test: Option<bool>,
    /// Name of its home staging library; none if `Some(None)`.
    pub staging: Option<Option<String>>,
    /// It reads from no other.
    pub staging_only: Option<bool>,
    /// All groups it is in.
    pub groups: Option<Vec<String>>,
    /// Groups it comes into beside those it is in.
    pub add_groups: Vec<String>,
    /// Groups it leaves.
    pub leave_groups: Vec<String>,
}

/// What is to change of a group of computers; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ComputerGroupEdit {
    /// Free text.
    pub comment: Option<String>,
    /// Name of the staging library of its computers; none if `Some(None)`.
    pub staging: Option<Option<String>>,
    /// They read from no other.
    pub staging_only: Option<bool>,
}

/// A computer with all that its window shows.
#[derive(Clone, Debug)]
pub struct ComputerDetails {
    /// The computer.
    pub computer: ComputerRow,
    /// Name of its home staging library.
    pub staging: Option<String>,
    /// Name of the staging library through which it was enrolled.
    pub polls: Option<String>,
    /// What is installed on it.
    pub installed: Vec<InstallationRow>,
    /// Its newest jobs.
    pub jobs: Vec<JobOfContainer>,
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Names of computers that are new.
    pub added: Vec<String>,
    /// Names of computers that were there.
    pub changed: Vec<String>,
    /// Lines that were passed over.
    pub errors: Vec<super::model::ImportError>,
}

/// For whom a token is made.
#[derive(Clone, Debug, Default)]
pub struct TokenRequest {
    /// The group its computer comes into.
    pub group: Option<String>,
    /// It becomes a test computer.
    pub test: bool,
    /// The computer of the list that it is, whatever it calls itself.
    pub computer: Option<String>,
    /// How long it is taken, from [`TOKEN_VALID_LEAST_SECS`] to [`TOKEN_VALID_MOST_SECS`]; [`TOKEN_VALID_SECS`] where absent.
    pub valid_secs: Option<u64>,
    /// Fingerprint of the certificate of the server, where the agent cannot know it otherwise.
    pub pin: Option<Fingerprint>,
}

/// A token that was made. Its text holds the secret and is shown once.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// What is typed at the computer.
    pub text: Zeroizing<String>,
    /// What is kept of it.
    pub row: EnrolmentTokenRow,
    /// Where it can be used already.
    pub reach: TokenReach,
}

impl ComputerDesk {
    /// The computers of `library`.
    pub fn new(library: Arc<Library>, clock: Arc<dyn Clock>) -> Self {
        Self { library, clock }
    }

    /// The computers that fit, by name.
    pub fn list(&self, filter: &ComputerFilter) -> Result<Vec<ComputerRow>, DeliveryError> {
        if let Some(group) = &filter.group {
            self.group(group)?;
        }
        Ok(self.library.catalogue().computers(filter)?)
    }

    /// The computer of this name or with this identity.
    pub fn find(&self, text: &str) -> Result<ComputerRow, DeliveryError> {
        let text = text.trim();
        let found = self.library.catalogue().computer_named(text)?;
        let found = match (found, Uuid::try_parse(text)) {
            (None, Ok(id)) => self.library.catalogue().computer(id)?,
            (found, _) => found,
        };
        found.ok_or_else(|| DeliveryError::NoSuchComputer(text.to_owned()))
    }

    /// A computer with all that its window shows.
    pub fn details(&self, text: &str) -> Result<ComputerDetails, DeliveryError> {
        let computer = self.find(text)?;
        let name_of = self.staging_names()?;
        let catalogue = self.library.catalogue();
        Ok(ComputerDetails {
            staging: computer.staging.as_ref().and_then(|id| name_of(id)),
            polls: computer.agent.as_ref().and_then(|agent| name_of(&agent.polls)),
            installed: catalogue.installations_on(computer.row)?,
            jobs: catalogue.jobs_of_computer(computer.row, JOBS_SHOWN)?,
            computer,
        })
    }

    /// Where a package is installed, by name of the computer, at most `most`.
    pub fn installed_on(&self, package: PackageId, most: u32) -> Result<Vec<InstalledOn>, DeliveryError> {
        Ok(self.library.catalogue().installations_of(package, most)?)
    }

    /// On how many computers a package is installed: those that are no test computers, and test computers.
    pub fn installed_count(&self, package: PackageId) -> Result<(u64, u64), DeliveryError> {
        Ok(self.library.catalogue().installation_count(package)?)
    }

    /// Adds a computer; it gets jobs once an agent is enrolled for it.
    pub fn add(&self, new: &NewComputer) -> Result<ComputerRow, DeliveryError> {
        require_writable(&self.library)?;
        let row = self.row_of(new)?;
        let groups = checked_names(&new.groups)?;
        self.library.catalogue().change(|change| {
            if change.computer_named(&row.name)?.is_some() {
                return Err(DeliveryError::ComputerExists(row.name.clone()));
            }
            let number = change.put_computer(&row)?;
            change.set_groups_of(number, &groups)?;
            let words = match groups.as_slice() {
                [] => row.name.clone(),
                some => format!("{}, in {}", row.name, words_of_names(some.iter().map(String::as_str))),
            };
            tell(change, &self.library, HistoryEvent::ComputerAdded, words)?;
            Ok(())
        })?;
        self.library.bring_history_file_up_to_date();
        self.find(&row.name)
    }

    fn row_of(&self, new: &NewComputer) -> Result<ComputerRow, DeliveryError> {
        Ok(ComputerRow {
            row: 0,
            id: Uuid::new_v4(),
            name: good_name(&new.name)?,
            comment: new.comment.trim().to_owned(),
            test: new.test,
            staging: new.staging.as_deref().map(|name| self.staging_id(name)).transpose()?,
            staging_only: new.staging_only,
            added: self.clock.wall(),
            agent: None,
            seen: None,
            facts: ComputerFacts::default(),
            groups: Vec::new(),
            installed: 0,
            open_jobs: 0,
        })
    }

    /// Changes a computer.
    pub fn edit(&self, text: &str, edit: &ComputerEdit) -> Result<ComputerRow, DeliveryError> {
        require_writable(&self.library)?;
        let mut computer = self.find(text)?;
        if let Some(name) = &edit.name {
            computer.name = good_name(name)?;
        }
        if let Some(comment) = &edit.comment {
            computer.comment = comment.trim().to_owned();
        }
        if let Some(staging) = &edit.staging {
            computer.staging = staging.as_deref().map(|name| self.staging_id(name)).transpose()?;
        }
        computer.test = edit.test.unwrap_or(computer.test);
        computer.staging_only = edit.staging_only.unwrap_or(computer.staging_only);
        let groups = edit.groups.as_ref().map(|groups| checked_names(groups)).transpose()?;
        let (add, leave) = (checked_names(&edit.add_groups)?, checked_names(&edit.leave_groups)?);
        self.library.catalogue().change(|change| {
            if let Some(other) = change.computer_named(&computer.name)?
                && other.id != computer.id
            {
                return Err(DeliveryError::ComputerExists(other.name));
            }
            let number = change.put_computer(&computer)?;
            if let Some(groups) = &groups {
                change.set_groups_of(number, groups)?;
            }
            add.iter().try_for_each(|group| change.add_to_group(number, group))?;
            leave.iter().try_for_each(|group| change.take_from_group(number, group))?;
            Ok(())
        })?;
        self.find(&computer.name)
    }

    /// Removes computers from the list. Refused while one has jobs that have not ended, unless they are withdrawn.
    /// Nothing on the computers is touched, and what is installed there stays. Gives them as they were.
    pub fn remove(&self, texts: &[String], withdraw: bool) -> Result<Vec<RemovedComputer>, DeliveryError> {
        require_writable(&self.library)?;
        let computers = texts.iter().map(|text| self.find(text)).collect::<Result<Vec<_>, _>>()?;
        if let Some(busy) = computers.iter().find(|computer| computer.open_jobs > 0 && !withdraw) {
            return Err(DeliveryError::StillRunning { name: busy.name.clone(), jobs: busy.open_jobs });
        }
        let removed = self.library.catalogue().change(|change| -> Result<_, StoreError> {
            let removed = computers.iter().map(|computer| change.remove_computer(computer.row));
            let removed: Vec<RemovedComputer> =
                removed.collect::<Result<Vec<_>, StoreError>>()?.into_iter().flatten().collect();
            if removed.is_empty() {
                return Ok(removed);
            }
            let names = words_of_names(computers.iter().map(|computer| computer.name.as_str()));
            let open: u64 = computers.iter().map(|computer| computer.open_jobs).sum();
            let words = if open == 0 { names } else { format!("{names}; {} withdrawn", many(open, "job")) };
            tell(change, &self.library, HistoryEvent::ComputerRemoved, words)?;
            Ok(removed)
        })?;
        self.library.bring_history_file_up_to_date();
        Ok(removed)
    }

    /// Puts removed computers back as they were, without the jobs that were withdrawn with them. Refused where there is
    /// another of a name, or its agent was enrolled anew.
    pub fn put_back(&self, removed: &[RemovedComputer]) -> Result<(), DeliveryError> {
        require_writable(&self.library)?;
        self.library.catalogue().change(|change| {
            for one in removed {
                if change.computer_named(&one.row.name)?.is_some() {
                    return Err(DeliveryError::ComputerExists(one.row.name.clone()));
                }
                let agent = one.row.agent.as_ref().map(|agent| agent.agent);
                if let Some(other) = agent.map(|agent| change.computer_of_agent(agent)).transpose()?.flatten()
                {
                    return Err(DeliveryError::ComputerExists(other.name));
                }
                change.put_computer_back(one)?;
            }
            if !removed.is_empty() {
                let names = words_of_names(removed.iter().map(|one| one.row.name.as_str()));
                let words = format!("{names}; put back");
                tell(change, &self.library, HistoryEvent::ComputerAdded, words)?;
            }
            Ok(())
        })?;
        self.library.bring_history_file_up_to_date();
        Ok(())
    }

    /// Takes a table of computers: new ones are added, others are changed as it says. Where lines cannot be taken, nothing
    /// is changed, unless these are to be passed over.
    pub fn import(&self, text: &str, skip_errors: bool) -> Result<ImportReport, DeliveryError> {
        require_writable(&self.library)?;
        let Import { computers, mut errors } = import(text);
        let mut known = Vec::with_capacity(computers.len());
        for one in computers {
            let staging = match one.staging.as_deref() {
                None => None,
                Some("") => Some(None),
                Some(name) => match self.staging_id(name) {
                    Ok(id) => Some(Some(id)),
                    Err(error) => {
                        errors.push(super::model::ImportError { line: one.line, why: error.to_string() });
                        continue;
                    }
                },
            };
            known.push((one, staging));
        }
        errors.sort_by_key(|error| error.line);
        if !errors.is_empty() && !skip_errors {
            return Err(DeliveryError::Table(errors));
        }
        let mut report = ImportReport { errors, ..ImportReport::default() };
        self.library.catalogue().change(|change| -> Result<(), DeliveryError> {
            for (one, staging) in &known {
                let before = change.computer_named(&one.name)?;
                let list = if before.is_some() { &mut report.changed } else { &mut report.added };
                list.push(one.name.clone());
                let mut row = match before {
                    Some(before) => before,
                    None => self.row_of(&NewComputer { name: one.name.clone(), ..NewComputer::default() })?,
                };
                row.test = one.test.unwrap_or(row.test);
                if let Some(comment) = &one.comment {
                    row.comment.clone_from(comment);
                }
                if let Some(staging) = staging {
                    row.staging.clone_from(staging);
                }
                let number = change.put_computer(&row)?;
                one.groups.iter().try_for_each(|group| change.add_to_group(number, group))?;
            }
            if !report.added.is_empty() {
                let count = many(report.added.len() as u64, "computer");
                let names = words_of_names(report.added.iter().map(String::as_str));
                let words = format!("{count} from a table: {names}");
                tell(change, &self.library, HistoryEvent::ComputerAdded, words)?;
            }
            Ok(())
        })?;
        self.library.bring_history_file_up_to_date();
        Ok(report)
    }

    /// Groups of computers, by name.
    pub fn groups(&self) -> Result<Vec<ComputerGroupRow>, DeliveryError> {
        Ok(self.library.catalogue().computer_groups()?)
    }

    /// The group of this name, without regard to case.
    pub fn group(&self, name: &str) -> Result<ComputerGroupRow, DeliveryError> {
        let folded = name.trim().to_lowercase();
        let found = self.groups()?.into_iter().find(|group| group.name.to_lowercase() == folded);
        found.ok_or_else(|| DeliveryError::NoSuchGroup(name.trim().to_owned()))
    }

    /// Makes a group of computers.
    pub fn add_group(&self, name: &str) -> Result<(), DeliveryError> {
        require_writable(&self.library)?;
        let name = good_name(name)?;
        let added = self.library.catalogue().change(|change| change.add_computer_group(&name))?;
        if added { Ok(()) } else { Err(DeliveryError::GroupExists(name)) }
    }

    /// Changes what holds for the computers of a group.
    pub fn edit_group(&self, name: &str, edit: &ComputerGroupEdit) -> Result<(), DeliveryError> {
        require_writable(&self.library)?;
        let mut group = self.group(name)?;
        if let Some(comment) = &edit.comment {
            group.comment = comment.trim().to_owned();
        }
        if let Some(staging) = &edit.staging {
            group.staging = staging.as_deref().map(|name| self.staging_id(name)).transpose()?;
        }
        group.staging_only = edit.staging_only.unwrap_or(group.staging_only);
        self.library.catalogue().change(|change| {
            let staging = group.staging.as_deref();
            change.set_computer_group(&group.name, &group.comment, staging, group.staging_only)
        })?;
        Ok(())
    }

    /// Removes a group; its computers stay.
    pub fn remove_group(&self, name: &str) -> Result<(), DeliveryError> {
        require_writable(&self.library)?;
        let removed = self.library.catalogue().change(|change| change.remove_computer_group(name.trim()))?;
        if removed { Ok(()) } else { Err(DeliveryError::NoSuchGroup(name.trim().to_owned())) }
    }

    /// The tokens, the newest first.
    pub fn tokens(&self) -> Result<Vec<EnrolmentTokenRow>, DeliveryError> {
        Ok(self.library.catalogue().enrolment_tokens()?)
    }

    /// Makes a token for one computer; [`say_token`](super::manager::say_token) or the manager opens it. Its secret is kept in secure storage, where only this user can read it.
    pub fn new_token(&self, request: &TokenRequest) -> Result<NewToken, DeliveryError> {
        require_writable(&self.library)?;
        let key = job_key(self.library.keys())?;
        let group = request.group.as_deref().map(good_name).transpose()?;
        let computer = request.computer.as_deref().map(|name| self.find(name)).transpose()?;
        let now = self.clock.wall();
        let secs = request.valid_secs.unwrap_or(TOKEN_VALID_SECS);
        if !(TOKEN_VALID_LEAST_SECS..=TOKEN_VALID_MOST_SECS).contains(&secs) {
            return Err(DeliveryError::TokenTime(secs));
        }
        let expires = now
            .checked_add(SignedDuration::from_secs(i64::try_from(secs).unwrap_or(i64::MAX)))
            .unwrap_or(Timestamp::MAX);
        let mut chance = Zeroizing::new([0u8; 24]);
        getrandom::fill(&mut *chance)
            .map_err(|error| crate::transfer::secure_storage::SecureError::Sealing(error.to_string()))?;
        let token = Token::new(*chance, fingerprint(&key)?, request.pin);
        let row = EnrolmentTokenRow {
            id: token.id.to_string(),
            group,
            test: request.test,
            computer: computer.map(|computer| computer.name),
            made: now,
            made_by: self.library.actor().who.clone(),
            expires,
            used: None,
        };
        self.keep_secret(token.id, &token.secret)?;
        let words = words_of_token(&row);
        self.library.catalogue().change(|change| -> Result<(), StoreError> {
            change.add_enrolment_token(&row)?;
            tell(change, &self.library, HistoryEvent::TokenMade, words)
        })?;
        self.library.bring_history_file_up_to_date();
        Ok(NewToken { text: Zeroizing::new(token.to_text()), row, reach: TokenReach::default() })
    }

    /// Removes a token: nobody is enrolled with it any more.
    pub fn remove_token(&self, id: &str) -> Result<(), DeliveryError> {
        require_writable(&self.library)?;
        let id = id.trim();
        let removed = self.library.catalogue().change(|change| -> Result<bool, StoreError> {
            let removed = change.remove_enrolment_token(id)?;
            if removed {
                tell(change, &self.library, HistoryEvent::TokenRemoved, id.to_owned())?;
            }
            Ok(removed)
        })?;
        self.library.bring_history_file_up_to_date();
        if let Ok(token) = id.parse::<TokenId>() {
            self.forget_secret(token)?;
        }
        if removed { Ok(()) } else { Err(DeliveryError::NoSuchToken(id.to_owned())) }
    }

    /// The secret of a token; `None` where it was kept by another user, or is gone.
    pub(crate) fn secret(&self, token: TokenId) -> Result<Option<Zeroizing<[u8; 16]>>, DeliveryError> {
        let catalogue = self.library.catalogue();
        let secure = SecureStorage::open(self.library.keys().folder(), &catalogue, &self.owner())?;
        Ok(match secure.kept(&catalogue, Kind::Enrolment, place_of(token))? {
            Kept::Text(text) => <[u8; 16]>::try_from(text.as_slice()).ok().map(Zeroizing::new),
            Kept::Absent | Kept::Forged => None,
        })
    }

    fn keep_secret(&self, token: TokenId, secret: &[u8; 16]) -> Result<(), DeliveryError> {
        let mut catalogue = self.library.catalogue();
        let secure = SecureStorage::open(self.library.keys().folder(), &catalogue, &self.owner())?;
        secure.keep(&mut catalogue, Kind::Enrolment, place_of(token), secret)?;
        Ok(())
    }

    /// Forgets the secret of a token that serves no more.
    pub(crate) fn forget_secret(&self, token: TokenId) -> Result<(), DeliveryError> {
        let mut catalogue = self.library.catalogue();
        let secure = SecureStorage::open(self.library.keys().folder(), &catalogue, &self.owner())?;
        secure.drop(&mut catalogue, Kind::Enrolment, place_of(token))?;
        Ok(())
    }

    fn owner(&self) -> String {
        let actor = self.library.actor();
        format!("{}@{}", actor.who, actor.host)
    }

    /// The identity of the staging library of this name.
    fn staging_id(&self, name: &str) -> Result<String, DeliveryError> {
        let folded = name.trim().to_lowercase();
        let found = self.library.catalogue().staging_libraries()?.into_iter();
        let mut found =
            found.filter(|staging| staging.name.to_lowercase() == folded || staging.id.to_string() == folded);
        let found = found.next().ok_or_else(|| {
            DeliveryError::Stage(super::staging::StageError::NoSuchStaging(name.trim().to_owned()))
        })?;
        Ok(found.id.to_string())
    }

    fn staging_names(&self) -> Result<impl Fn(&str) -> Option<String>, StoreError> {
        let all = self.library.catalogue().staging_libraries()?;
        Ok(move |id: &str| {
            all.iter().find(|staging| staging.id.to_string() == id).map(|staging| staging.name.clone())
        })
    }
}

/// For whom a token is; its secret is nobody's but the agent's.
fn words_of_token(token: &EnrolmentTokenRow) -> String {
    let mut words = token.id.clone();
    if let Some(computer) = &token.computer {
        words.push_str(&format!(" for {computer}"));
    }
    if let Some(group) = &token.group {
        words.push_str(&format!(", group {group:?}"));
    }
    if token.test {
        words.push_str(", a test computer");
    }
    words
}

/// Where the secret of a token is kept.
fn place_of(token: TokenId) -> PackageId {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&token.0);
    PackageId(Uuid::from_bytes(bytes))
}

fn good_name(name: &str) -> Result<String, DeliveryError> {
    checked_name(name)
        .map_err(|problem| DeliveryError::Name { name: name.chars().take(100).collect(), problem })
}

fn checked_names(names: &[String]) -> Result<Vec<String>, DeliveryError> {
    names.iter().map(|name| good_name(name)).collect()
}
