//! What a new source has to do with what is there: other versions of the same product, equal files, and what a new
//! version takes over.

use std::path::PathBuf;

use jiff::Timestamp;

use super::scan::Links;
use super::source::Source;
use super::{Library, LibraryError};
use crate::package::file_list::FileEntry;
use crate::package::procedure::{Origin, Procedure, Program, Task};
use crate::package::record::{ListedProcedure, PackageId, PackageRecord, PackageType};
use crate::package::{PackageKey, PackageState, Sha256Digest};
use crate::work::Work;

/// A package that a new one may be a version of.
#[derive(Clone, Debug, PartialEq)]
pub struct SameProductPackage {
    /// Identity.
    pub id: PackageId,
    /// Name and version.
    pub key: PackageKey,
    /// Its state.
    pub state: PackageState,
    /// When it was registered.
    pub registered: Timestamp,
    /// Who made the software.
    pub supplier: String,
    /// Software group.
    pub group: String,
    /// Free text.
    pub comment: String,
    /// Kind of installer.
    pub package_type: PackageType,
    /// Its procedures.
    pub procedures: Vec<ListedProcedure>,
}

/// What a new version has in common with the package it is based on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceComparison {
    /// Files with the same path and content.
    pub same: u64,
    /// Their bytes.
    pub same_bytes: u64,
    /// Files with the same path and other content.
    pub changed: u64,
    /// Files the package does not have.
    pub new: u64,
    /// Files of the package that are not in the source.
    pub gone: u64,
    /// Files with the same path and size whose recorded hash was lost; counted as the same.
    pub not_compared: u64,
    /// What would be taken over of its procedures.
    pub procedures: Vec<TakenOverProcedure>,
}

/// A procedure on its way into a new version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenOverProcedure {
    /// Its name.
    pub name: String,
    /// What it does.
    pub task: Task,
    /// The file it names that is not in the source.
    pub missing: Option<String>,
}

impl Library {
    /// Packages of this name, without regard to case, the one registered last first.
    pub fn same_product(&self, name: &str) -> Result<Vec<SameProductPackage>, LibraryError> {
        let mut named = self.catalogue().packages_named(name.trim())?;
        named.sort_by_key(|record| std::cmp::Reverse(record.registered));
        Ok(named
            .into_iter()
            .map(|record| SameProductPackage {
                id: record.id,
                key: record.key,
                state: record.state,
                registered: record.registered,
                supplier: record.supplier,
                group: record.group,
                comment: record.comment,
                package_type: record.package_type,
                procedures: record.procedures,
            })
            .collect())
    }

    /// Packages whose recorded names and sizes have this digest, by name and version.
    pub fn same_files(&self, digest: &Sha256Digest) -> Result<Vec<PackageKey>, LibraryError> {
        Ok(self.catalogue().keys_with_digest(digest)?)
    }

    /// Holds a source against the package it would be a new version of. Contents are compared where paths and sizes are
    /// equal.
    pub fn compare_source(
        &self,
        sources: &[PathBuf],
        links: Links,
        based_on: PackageId,
        work: &Work,
    ) -> Result<SourceComparison, LibraryError> {
        let record = self.record(based_on)?;
        let recorded = self.recorded_manifest(based_on)?;
        let source = Source::look(self, sources, links, work)?;
        let list = source.file_list()?;
        let mut comparison = SourceComparison::default();
        let is_file = |path: &str| list.position(path).is_some();
        let was_file = |path: &str| recorded.files().position(path).is_some();
        comparison.procedures = record
            .procedures
            .iter()
            .map(|listed| TakenOverProcedure {
                name: listed.procedure.name.clone(),
                task: listed.procedure.task,
                missing: missing_file(&listed.procedure, is_file, was_file),
            })
            .collect();
        comparison.gone =
            recorded.files().iter().filter(|file| list.position(file.path).is_none()).count() as u64;
        for (root, prefix, files) in source.parts() {
            let mut equal: Vec<FileEntry<'_>> = Vec::new();
            let mut hashes = Vec::new();
            for file in files.iter() {
                let path = format!("{prefix}{}", file.path);
                let was = recorded.files().position(&path).and_then(|at| recorded.get(at));
                match was {
                    None => comparison.new += 1,
                    Some(was) if was.size_bytes != file.size_bytes => comparison.changed += 1,
                    Some(was) => match was.hashes {
                        Some(found) => {
                            equal.push(file);
                            hashes.push(found.file);
                        }
                        None => {
                            comparison.same += 1;
                            comparison.same_bytes += file.size_bytes;
                            comparison.not_compared += 1;
                        }
                    },
                }
            }
            let found = crate::disk::hashing::hash_files(root, &equal, recorded.block_size(), work)?;
            for ((file, was), found) in equal.iter().zip(hashes).zip(found) {
                if found.is_ok_and(|found| found.file == was) {
                    comparison.same += 1;
                    comparison.same_bytes += file.size_bytes;
                } else {
                    comparison.changed += 1;
                }
            }
        }
        Ok(comparison)
    }

    /// Takes over what a new version takes over: links, supplier, group, comment, type, procedures. What was given
    /// otherwise stays. Gives what is worth knowing about it.
    pub(super) fn take_over(
        &self,
        based_on: &PackageRecord,
        given: &super::RegisterRequest,
        record: &mut PackageRecord,
        is_file: impl Fn(&str) -> bool,
    ) -> Result<Vec<String>, LibraryError> {
        record.based_on = Some(based_on.key.clone());
        record.replaces = Some(based_on.key.clone());
        let fill = |given: &Option<String>, field: &mut String, was: &String| {
            if given.is_none() {
                field.clone_from(was);
            }
        };
        fill(&given.supplier, &mut record.supplier, &based_on.supplier);
        fill(&given.group, &mut record.group, &based_on.group);
        fill(&given.comment, &mut record.comment, &based_on.comment);
        if given.package_type.is_none() && based_on.package_type != PackageType::Generic {
            record.package_type = based_on.package_type;
        }
        let mut notes = Vec::new();
        if given.procedures.is_some() || !record.procedures.is_empty() || based_on.procedures.is_empty() {
            return Ok(notes);
        }
        let recorded = self.recorded_manifest(based_on.id)?;
        let was_file = |path: &str| recorded.files().position(path).is_some();
        for listed in &based_on.procedures {
            let mut listed = listed.clone();
            listed.procedure.origin = Origin::Embedded;
            if let Some(missing) = missing_file(&listed.procedure, &is_file, was_file) {
                notes.push(format!(
                    "the procedure {:?} names {missing:?}, which is not in this version",
                    listed.procedure.name
                ));
            }
            record.procedures.push(listed);
        }
        Ok(notes)
    }
}

/// The file a procedure needs and that is not there: its program, or, where that is no file of the package, an argument
/// that named one of the files of the package it comes from.
fn missing_file(
    procedure: &Procedure,
    is_file: impl Fn(&str) -> bool,
    was_file: impl Fn(&str) -> bool,
) -> Option<String> {
    if let Program::InPackage(path) = procedure.program() {
        return (!is_file(path)).then(|| path.to_owned());
    }
    procedure.named_files().find(|path| was_file(path) && !is_file(path))
}
