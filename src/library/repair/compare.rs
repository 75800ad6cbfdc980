//! A file of a package beside the same file as it was recorded: what was changed in it can be looked at before anybody
//! decides. The recorded one is put together elsewhere, from what is right of the file that lies there and from whoever
//! has the rest; nothing in the package changes.

use std::collections::HashSet;
use std::fs;
use std::io::Read as _;
use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use super::{FetchBlocks, only};
use crate::disk::{Facts, open_plain};
use crate::failure::{Class, Failure};
use crate::library::error::io_error;
use crate::library::scratch::ScratchFolder;
use crate::library::{Library, LibraryError};
use crate::package::Sha256Digest;
use crate::package::record::PackageId;
use crate::package::reginfo::DATA_NAME;
use crate::work::Work;

/// Both files are read in pieces of this size.
const PIECE_BYTES: usize = 1 << 20;

/// Which file is compared.
#[derive(Clone, Debug)]
pub struct CompareRequest {
    /// The package.
    pub package: PackageId,
    /// The path that was recorded, relative to `data/`.
    pub recorded: String,
    /// The path that is there now, relative to `data/`: another one where its case changed.
    pub found: String,
    /// Below this folder the recorded file is put together.
    pub scratch: PathBuf,
}

/// One of both files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparedFile {
    /// Where it lies.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// The hash of all of it.
    pub digest: Sha256Digest,
    /// Whether the system would run it, whatever it is called; never where modes do not exist.
    pub executable: bool,
}

/// A file beside what was recorded of it. The recorded one is gone with this value.
#[derive(Debug)]
pub struct FileComparison {
    /// The file as it was recorded; read-only.
    pub recorded: ComparedFile,
    /// The file in the package.
    pub found: ComparedFile,
    /// The first byte in which they differ, counted from 0; `None` if they are equal.
    pub first_difference: Option<u64>,
    /// How many bytes differ, of those that both have.
    pub different_bytes: u64,
    /// Bytes that were fetched and matched.
    pub fetched_bytes: u64,
    _scratch: ScratchFolder,
}

impl Library {
    /// Puts a file together as it was recorded, and compares it with what is there. An error where nobody has what is
    /// missing of it, or where the package was never sealed.
    pub fn compare_with_recorded(
        &self,
        request: &CompareRequest,
        fetch: &dyn FetchBlocks,
        work: &Work,
    ) -> Result<FileComparison, LibraryError> {
        let record = self.record(request.package)?;
        self.require_repairable(&record)?;
        let paths = HashSet::from([request.recorded.as_str()]);
        let wanted = only(&self.recorded_manifest(record.id)?, &paths);
        if wanted.is_empty() {
            return Err(LibraryError::NoSuchFile { key: record.key, path: request.recorded.clone() });
        }
        if !wanted.has_all_hashes() {
            return Err(LibraryError::NoHashes(record.key));
        }
        let there = self.data_folder(&record.key).join(&request.found);
        open_plain(&there).map_err(io_error("read", &there))?;
        let scratch = ScratchFolder::new(&request.scratch, "compare")?;
        let folder = scratch.path().join("package");
        let data = folder.join(DATA_NAME);
        fs::create_dir_all(&data).map_err(io_error("make the folder", &data))?;
        let fetched = self.fetch_files(&folder, &record, &wanted, &paths, fetch, work)?;
        if !fetched.whole.contains(&request.recorded) {
            return Err(LibraryError::Told(Box::new(cannot_be_had(&request.recorded, fetched.stopped))));
        }
        let copy = scratch.path().join(name_of_copy(&request.recorded));
        fs::rename(data.join(&request.recorded), &copy).map_err(io_error("rename", &copy))?;
        let facts = fs::metadata(&copy).map_err(io_error("read", &copy))?;
        let mut permissions = facts.permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&copy, permissions).map_err(io_error("write", &copy))?;
        let (mut recorded, mut found) = (Reading::open(copy)?, Reading::open(there)?);
        work.begin("Comparing", 0, wanted.files().total_bytes() + facts.len());
        let apart = compare(&mut recorded, &mut found, work)?;
        Ok(FileComparison {
            recorded: recorded.end(),
            found: found.end(),
            first_difference: apart.first,
            different_bytes: apart.bytes,
            fetched_bytes: fetched.fetched_bytes,
            _scratch: scratch,
        })
    }
}

/// Why a file cannot be put together.
fn cannot_be_had(path: &str, stopped: Option<Failure>) -> Failure {
    match stopped {
        // The disk, or something else that has nothing to do with who has it.
        Some(failure) if failure.class != Class::No => failure,
        other => {
            let message = format!("{path} cannot be had as it was recorded");
            let action = "Give another place to fetch it from";
            let why =
                other.map_or_else(|| "it changed while it was fetched".to_owned(), |failure| failure.reason);
            Failure::new("no-recorded-copy", Class::No, message, action).because(why)
        }
    }
}

/// `readme (as recorded).txt`: a program that shows both says which is which.
fn name_of_copy(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    match name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()) {
        Some((stem, extension)) => format!("{stem} (as recorded).{extension}"),
        None => format!("{name} (as recorded)"),
    }
}

/// One of both files, as far as it was read.
struct Reading {
    file: fs::File,
    path: PathBuf,
    piece: Vec<u8>,
    size_bytes: u64,
    hasher: Sha256,
    executable: bool,
}

impl Reading {
    fn open(path: PathBuf) -> Result<Self, LibraryError> {
        let file = open_plain(&path).map_err(io_error("read", &path))?;
        let executable = Facts::of_file(&file).map_err(io_error("read", &path))?.executable;
        let piece = Vec::with_capacity(PIECE_BYTES);
        Ok(Self { file, path, piece, size_bytes: 0, hasher: Sha256::new(), executable })
    }

    /// Reads on; shorter than a piece only at its end.
    fn next(&mut self) -> Result<&[u8], LibraryError> {
        self.piece.clear();
        let most = PIECE_BYTES as u64;
        (&mut self.file).take(most).read_to_end(&mut self.piece).map_err(io_error("read", &self.path))?;
        self.size_bytes += self.piece.len() as u64;
        self.hasher.update(&self.piece);
        Ok(&self.piece)
    }

    fn end(self) -> ComparedFile {
        let Self { path, size_bytes, hasher, executable, .. } = self;
        ComparedFile { path, size_bytes, digest: Sha256Digest::finish(hasher), executable }
    }
}

/// What two files have in common, and what not.
#[derive(Default)]
struct Apart {
    first: Option<u64>,
    bytes: u64,
}

fn compare(recorded: &mut Reading, found: &mut Reading, work: &Work) -> Result<Apart, LibraryError> {
    let mut apart = Apart::default();
    let mut at = 0;
    loop {
        work.pace(2 * PIECE_BYTES as u64)?;
        let (one, other) = (recorded.next()?, found.next()?);
        let pairs = one.iter().zip(other).zip(at..).filter(|((one, other), _)| one != other);
        for (_, position) in pairs {
            apart.first.get_or_insert(position);
            apart.bytes += 1;
        }
        let common = one.len().min(other.len()) as u64;
        if one.len() != other.len() {
            // One of them ends here.
            apart.first.get_or_insert(at + common);
        }
        if one.is_empty() && other.is_empty() {
            return Ok(apart);
        }
        at += PIECE_BYTES as u64;
        work.add_bytes((one.len() + other.len()) as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apart(recorded: &[u8], found: &[u8]) -> (Option<u64>, u64, [u64; 2]) {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = [folder.path().join("recorded"), folder.path().join("found")];
        fs::write(&paths[0], recorded).expect("written");
        fs::write(&paths[1], found).expect("written");
        let [mut one, mut other] = paths.map(|path| Reading::open(path).expect("open"));
        let apart = compare(&mut one, &mut other, &Work::new()).expect("read");
        let (one, other) = (one.end(), other.end());
        assert_eq!((one.digest, other.digest), (Sha256Digest::of(recorded), Sha256Digest::of(found)));
        (apart.first, apart.bytes, [one.size_bytes, other.size_bytes])
    }

    #[test]
    fn files_are_compared_to_the_end_of_both() {
        assert_eq!(apart(b"", b""), (None, 0, [0, 0]));
        assert_eq!(apart(b"abc", b"abc"), (None, 0, [3, 3]));
        assert_eq!(apart(b"abc", b"aXX"), (Some(1), 2, [3, 3]));
        assert_eq!(apart(b"abc", b"ab"), (Some(2), 0, [3, 2]));
        let long = vec![7; PIECE_BYTES * 2 + 5];
        let mut changed = long.clone();
        changed[PIECE_BYTES + 3] = 8;
        changed.extend_from_slice(&[1; PIECE_BYTES]);
        let sizes = [long.len() as u64, changed.len() as u64];
        assert_eq!(apart(&long, &changed), (Some(PIECE_BYTES as u64 + 3), 1, sizes));
    }

    #[test]
    fn the_copy_keeps_its_extension() {
        assert_eq!(name_of_copy("docs/readme.txt"), "readme (as recorded).txt");
        assert_eq!(name_of_copy("LICENSE"), "LICENSE (as recorded)");
        assert_eq!(name_of_copy("a/.profile"), ".profile (as recorded)");
    }
}
