//! What a package is made of before it is one: folders and files of the user, scanned, judged, copied.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::copying::{self, CopyError};
use super::error::io_error;
use super::package_folder::{DOWNLOADS, read_reginfo};
use super::renaming::Renamable;
use super::scan::{self, FileStamp, Links, Scan, ScanError};
use super::{Library, LibraryError, installer};
use crate::package::manifest::ManifestFile;
use crate::package::path::{self, PathWarning};
use crate::package::proposal::{self, NameAndVersion};
use crate::package::record::{ListedProcedure, PackageType};
use crate::package::reginfo::{DATA_NAME, RegInfo};
use crate::package::{BlockSize, FileList, PackageKey};
use crate::work::Work;

/// A proposed value and where it comes from, for the line under its field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proposal {
    /// The value; empty if nothing can be proposed.
    pub value: String,
    /// `the folder name`, `the registration info`.
    pub from: &'static str,
}

/// What a source would become, for the New package page and for `register` before it copies.
#[derive(Clone, Debug, Default)]
pub struct SourcePreview {
    /// Number of files.
    pub files: u64,
    /// Sum of their sizes in bytes.
    pub size_bytes: u64,
    /// Proposed name.
    pub name: Proposal,
    /// Proposed version.
    pub version: Proposal,
    /// Proposed supplier.
    pub supplier: Proposal,
    /// Proposed kind.
    pub package_type: PackageType,
    /// The installer of the source that was asked, a path in the package; empty if there is none.
    pub installer: String,
    /// Procedures that go with the installer, as far as its kind says how it is run.
    pub procedures: Vec<ListedProcedure>,
    /// Entries that are refused: (path, why). Registering fails until they are dealt with.
    pub refused: Vec<(String, String)>,
    /// Names that must or may be changed on registering, each with a proposal.
    pub renamable: Vec<Renamable>,
    /// Entries that cannot be read: (path, why).
    pub unreadable: Vec<(String, String)>,
    /// Names that may not arrive everywhere as they are: (path, why).
    pub warnings: Vec<(String, String)>,
    /// Empty folders, which are left out.
    pub empty_folders: u64,
    /// Symbolic links left out because it was so chosen.
    pub skipped_links: u64,
    /// The package of this name and version that is already there.
    pub exists: Option<PackageKey>,
    /// Other versions of the proposed name.
    pub same_product: Vec<PackageKey>,
    /// Packages whose recorded names and sizes are equal.
    pub same_files: Vec<PackageKey>,
    /// Digest of the names and sizes, as a package of this source would have it.
    pub digest: crate::package::Sha256Digest,
    /// Whether the source is a package folder with registration info, or a BagIt bag.
    pub kind: SourceKind,
}

/// What a source is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SourceKind {
    /// Plain files and folders.
    #[default]
    Plain,
    /// A BagIt bag made by anyone: its `data/` is the source, once the bag has been proven.
    Bag,
    /// A package folder with `reginfo.json`: what `export` writes.
    Package,
}

/// A source on its way into the library.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) kind: SourceKind,
    /// The folder that was named, where it was one.
    pub(super) folder: Option<PathBuf>,
    pub(super) parts: Vec<Part>,
    /// Registration info, if it is a package folder: as read, and its text.
    pub(super) reginfo: Option<(RegInfo, String)>,
    named_after: String,
}

#[derive(Debug)]
pub(super) struct Part {
    pub(super) root: PathBuf,
    /// Put before each path: empty, or a folder name and `/`.
    pub(super) prefix: String,
    pub(super) scan: Scan,
    /// Where its only file lies, if that has another name in the package.
    pub(super) on_disk: Option<PathBuf>,
}

impl Source {
    /// Looks at what was named: one folder is taken by its content; several things are taken by their names.
    pub(super) fn look(
        library: &Library,
        sources: &[PathBuf],
        links: Links,
        work: &Work,
    ) -> Result<Self, LibraryError> {
        work.begin("Looking at the source", 0, 0);
        // A drop may name a path twice.
        let mut named: Vec<PathBuf> = Vec::new();
        for source in sources {
            let path = fs::canonicalize(source).map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => LibraryError::SourceMissing(source.clone()),
                _ => io_error("read", source)(error),
            })?;
            // What was downloaded beside the packages is no part of one yet.
            let is_download = path.parent() == Some(&*library.root().join(DOWNLOADS));
            let overlaps = path.starts_with(library.root()) || library.root().starts_with(&path);
            if overlaps && !is_download {
                return Err(LibraryError::SourceInLibrary(source.clone()));
            }
            if !named.contains(&path) {
                named.push(path);
            }
        }
        let first = named.first().ok_or_else(|| LibraryError::SourceMissing(PathBuf::new()))?;
        let named_after = named_after(&named);
        if let ([folder], true) = (named.as_slice(), first.is_dir()) {
            // A link in the place of `data` leads to what is no part of the folder: it is refused as a link.
            let data = fs::symlink_metadata(folder.join(DATA_NAME));
            let has_data = data.as_ref().is_ok_and(|data| data.is_dir());
            let is_link = data.is_ok_and(|data| data.is_symlink());
            let reginfo = if has_data { read_reginfo(folder)? } else { None };
            let (kind, root) = if reginfo.is_some() {
                (SourceKind::Package, folder.join(DATA_NAME))
            } else if folder.join("bagit.txt").is_file() && !is_link {
                (SourceKind::Bag, folder.join(DATA_NAME))
            } else {
                (SourceKind::Plain, folder.clone())
            };
            let scan = scan::scan_source(&root, links, work).map_err(|error| scan_error(error, &root))?;
            let parts = vec![Part { root, prefix: String::new(), scan, on_disk: None }];
            return Ok(Self { kind, folder: Some(folder.clone()), parts, reginfo, named_after });
        }
        let parts = look_at_several(&named, links, work)?;
        Ok(Self { kind: SourceKind::Plain, folder: None, parts, reginfo: None, named_after })
    }

    fn pairs<'a, T: ToString + 'a>(
        &'a self,
        of: impl Fn(&'a Scan) -> Vec<(&'a str, T)>,
    ) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        for part in &self.parts {
            let listed = of(&part.scan);
            pairs.extend(
                listed.into_iter().map(|(path, why)| (format!("{}{path}", part.prefix), why.to_string())),
            );
        }
        pairs
    }

    /// Entries that no package takes.
    pub(super) fn refused(&self) -> Vec<(String, String)> {
        self.pairs(|scan| scan.refused.iter().map(|(path, why)| (path.as_str(), why)).collect())
    }

    /// Entries that cannot be read.
    pub(super) fn unreadable(&self) -> Vec<(String, String)> {
        self.pairs(|scan| scan.unreadable.iter().map(|u| (u.path.as_str(), &u.reason)).collect())
    }

    /// Folders that hold no file.
    pub(super) fn empty_folders(&self) -> u64 {
        self.parts.iter().map(|part| part.scan.empty_folders).sum()
    }

    pub(super) fn skipped_links(&self) -> u64 {
        self.parts.iter().map(|part| part.scan.skipped_links).sum()
    }

    /// Folder, what is put before each path, and the files of each part.
    pub(super) fn parts(&self) -> impl Iterator<Item = (&Path, &str, &FileList)> {
        self.parts.iter().map(|part| (part.root.as_path(), part.prefix.as_str(), &part.scan.files))
    }

    /// Path in the package, size, and path on disk of every file.
    fn files_on_disk(&self) -> impl Iterator<Item = (String, u64, PathBuf)> {
        self.parts.iter().flat_map(|part| {
            part.scan.files.iter().map(|file| {
                let on_disk = part.on_disk.clone().unwrap_or_else(|| part.root.join(file.path));
                (format!("{}{}", part.prefix, file.path), file.size_bytes, on_disk)
            })
        })
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = (String, u64)> {
        self.parts.iter().flat_map(|part| {
            part.scan.files.iter().map(|file| (format!("{}{}", part.prefix, file.path), file.size_bytes))
        })
    }

    /// Names that may not arrive everywhere as they are.
    pub(super) fn warnings(&self) -> Vec<(String, PathWarning)> {
        let paths: Vec<String> = self.paths().map(|(path, _)| path).collect();
        path::portability_warnings(paths.iter().map(String::as_str))
    }

    /// All paths and sizes.
    pub(super) fn file_list(&self) -> Result<FileList, LibraryError> {
        FileList::from_unsorted(self.paths().collect())
            .map_err(|twice| LibraryError::Refused(vec![(twice.0, "it is there twice".to_owned())]))
    }

    /// An error that names everything that keeps this source from being registered, at once, but for what is to be
    /// left out; gives what of it is there.
    pub(super) fn require_acceptable(&self, leave_out: &[String]) -> Result<Vec<String>, LibraryError> {
        let leave_out: HashSet<&str> = leave_out.iter().map(String::as_str).collect();
        let (left_out, refused): (Vec<_>, Vec<_>) =
            self.refused().into_iter().partition(|(path, _)| leave_out.contains(path.as_str()));
        if !refused.is_empty() {
            return Err(LibraryError::Refused(refused));
        }
        let unreadable = self.unreadable();
        if !unreadable.is_empty() {
            return Err(LibraryError::SourceUnreadable(unreadable));
        }
        if self.parts.iter().all(|part| part.scan.files.is_empty()) {
            let named = self.parts.first().map(|part| part.root.clone()).unwrap_or_default();
            return Err(LibraryError::SourceEmpty(named));
        }
        let mut too_long: Vec<(String, String)> = Vec::new();
        for (path, _) in self.paths() {
            if let Err(problem) = path::check(&path) {
                too_long.push((path, problem.to_string()));
            }
        }
        if too_long.is_empty() {
            Ok(left_out.into_iter().map(|(path, _)| path).collect())
        } else {
            Err(LibraryError::Refused(too_long))
        }
    }

    /// Copies everything below `into` and hashes the copies.
    pub(super) fn copy(
        &self,
        into: &Path,
        block_size: BlockSize,
        work: &Work,
    ) -> Result<Vec<ManifestFile>, LibraryError> {
        let mut files = Vec::new();
        for part in &self.parts {
            let target = into.join(&part.prefix);
            fs::create_dir_all(&target).map_err(io_error("make the folder", &target))?;
            if let Some(from) = &part.on_disk {
                let copied = copying::copy_renamed(from, &part.scan, &target, block_size, work);
                files.push(copied.map_err(copy_error)?);
                continue;
            }
            let copied = copying::copy_and_hash(&part.root, &part.scan, &target, block_size, work)
                .map_err(copy_error)?;
            files.extend(copied.into_iter().map(|mut file| {
                file.path.insert_str(0, &part.prefix);
                file
            }));
        }
        Ok(files)
    }

    /// Proposed name and version, and where they come from.
    pub(super) fn propose(&self) -> (Proposal, Proposal) {
        if let Some((info, _)) = &self.reginfo {
            let from = "the registration info";
            let name = Proposal { value: info.key.name().to_owned(), from };
            return (name, Proposal { value: info.key.version().to_owned(), from });
        }
        let from = if self.folder.is_some() { "the folder name" } else { "the file name" };
        let NameAndVersion { name, version } = proposal::split_name(&self.named_after);
        (Proposal { value: name, from }, Proposal { value: version, from })
    }

    pub(super) fn propose_type(&self) -> PackageType {
        if let Some((info, _)) = &self.reginfo {
            return info.package_type;
        }
        let largest = self
            .paths()
            .filter_map(|(path, size)| Some((type_of(&path)?, size)))
            .max_by_key(|(kind, size)| (*kind != PackageType::Script, *size));
        largest.map_or(PackageType::Generic, |(kind, _)| kind)
    }
}

impl Library {
    /// Looks at a source without taking it in.
    pub fn preview(
        &self,
        sources: &[PathBuf],
        links: Links,
        work: &Work,
    ) -> Result<SourcePreview, LibraryError> {
        let source = Source::look(self, sources, links, work)?;
        let (mut name, mut version) = source.propose();
        // What the makers say of their product is better than the name of a folder, but not than a registration.
        let installer = match &source.reginfo {
            Some(_) => installer::Installer::default(),
            None => installer::ask(source.files_on_disk(), work),
        };
        let told = &installer.told;
        let better = |field: &mut Proposal, value: &str| {
            if !value.is_empty() {
                *field = Proposal { value: value.to_owned(), from: told.from };
            }
        };
        better(&mut name, &told.name);
        better(&mut version, &told.version);
        let list = source.file_list().unwrap_or_default();
        let checksum = list.checksum();
        let catalogue = self.catalogue();
        let same_product =
            if name.value.is_empty() { Vec::new() } else { catalogue.packages_named(&name.value)? };
        let exists = match PackageKey::new(&name.value, &version.value) {
            Ok(key) => catalogue.package_by_key(&key)?.map(|record| record.key),
            Err(_) => None,
        };
        let same_files =
            if list.is_empty() { Vec::new() } else { catalogue.keys_with_checksum(&checksum)? };
        drop(catalogue);
        let mut supplier = match &source.reginfo {
            Some((info, _)) => Proposal { value: info.supplier.clone(), from: "the registration info" },
            None => Proposal::default(),
        };
        better(&mut supplier, &told.supplier);
        Ok(SourcePreview {
            files: checksum.files,
            size_bytes: checksum.size_bytes,
            name,
            version,
            supplier,
            package_type: source.propose_type(),
            installer: installer.path,
            procedures: installer.procedures,
            renamable: source.renamable(),
            refused: source.refused(),
            unreadable: source.unreadable(),
            warnings: source.warnings().into_iter().map(|(path, why)| (path, why.to_string())).collect(),
            empty_folders: source.empty_folders(),
            skipped_links: source.skipped_links(),
            exists,
            same_product: same_product.into_iter().map(|record| record.key).collect(),
            same_files,
            digest: checksum.digest,
            kind: source.kind,
        })
    }
}

fn look_at_several(named: &[PathBuf], links: Links, work: &Work) -> Result<Vec<Part>, LibraryError> {
    let mut parts: Vec<Part> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for path in named {
        let name = path.file_name().and_then(|name| name.to_str());
        let shown = || path.display().to_string();
        let name = name
            .ok_or_else(|| LibraryError::Refused(vec![(shown(), path::PathProblem::NotUtf8.to_string())]))?
            .to_owned();
        path::check_part(&name)
            .map_err(|problem| LibraryError::Refused(vec![(shown(), problem.to_string())]))?;
        if names.contains(&name) {
            return Err(LibraryError::SameSourceName(name));
        }
        let metadata = fs::metadata(path).map_err(io_error("read", path))?;
        if metadata.is_dir() {
            let scan = scan::scan_source(path, links, work).map_err(|error| scan_error(error, path))?;
            parts.push(Part { root: path.clone(), prefix: format!("{name}/"), scan, on_disk: None });
        } else if metadata.is_file() {
            let mut files = FileList::new();
            let size_bytes = metadata.len();
            files.push(&name, size_bytes).map_err(|twice| LibraryError::SameSourceName(twice.0))?;
            let (executable, stamp) = facts_of(&metadata);
            let scan = Scan { files, executable: vec![executable], stamps: vec![stamp], ..Scan::default() };
            let root = path.parent().unwrap_or(path).to_owned();
            parts.push(Part { root, prefix: String::new(), scan, on_disk: None });
        } else {
            return Err(LibraryError::Refused(vec![(
                shown(),
                "it is neither a file nor a folder".to_owned(),
            )]));
        }
        names.push(name);
    }
    Ok(parts)
}

#[cfg(unix)]
pub(super) fn facts_of(metadata: &fs::Metadata) -> (bool, FileStamp) {
    use std::os::unix::fs::MetadataExt as _;
    let mtime_ns = metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec());
    (metadata.mode() & 0o100 != 0, FileStamp { mtime_ns, inode: metadata.ino() })
}

#[cfg(not(unix))]
pub(super) fn facts_of(metadata: &fs::Metadata) -> (bool, FileStamp) {
    let since = metadata.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    let mtime_ns = since.and_then(|since| i64::try_from(since.as_nanos()).ok()).unwrap_or(0);
    (false, FileStamp { mtime_ns, inode: 0 })
}

/// The text that name and version are read from: the folder, the only file, or the folder the files lie in.
fn named_after(named: &[PathBuf]) -> String {
    let name = |path: &Path| path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    match named {
        [only] if only.is_file() => proposal::without_ending(&name(only)).to_owned(),
        [only] => name(only),
        several => several.first().and_then(|path| path.parent()).map(name).unwrap_or_default(),
    }
}

fn type_of(path: &str) -> Option<PackageType> {
    let ending = path.rsplit_once('.')?.1.to_ascii_lowercase();
    Some(match ending.as_str() {
        "msi" => PackageType::Msi,
        "msix" | "appx" | "msixbundle" => PackageType::Msix,
        "deb" => PackageType::Deb,
        "rpm" => PackageType::Rpm,
        "sh" | "ps1" | "bat" | "cmd" => PackageType::Script,
        _ => return None,
    })
}

/// An error of the walk over a folder, told of this folder.
pub(super) fn scan_error(error: ScanError, root: &Path) -> LibraryError {
    match error {
        ScanError::Missing => LibraryError::SourceMissing(root.to_owned()),
        ScanError::Cancelled(cancelled) => cancelled.into(),
        ScanError::Unreadable(source) => LibraryError::Io { doing: "read", path: root.to_owned(), source },
        other => LibraryError::Unreadable { what: root.display().to_string(), why: other.to_string() },
    }
}

/// An error of copying, told of the file it is about.
pub(super) fn copy_error(error: CopyError) -> LibraryError {
    match error {
        CopyError::SourceChanged { path } => LibraryError::SourceChanged(path),
        CopyError::Read { path, reason } => LibraryError::SourceUnreadable(vec![(path, reason.to_string())]),
        CopyError::DiskFull { path } => LibraryError::Io {
            doing: "write",
            path: PathBuf::from(path),
            source: std::io::ErrorKind::StorageFull.into(),
        },
        CopyError::Write { path, reason } => {
            LibraryError::Io { doing: "write", path: PathBuf::from(path), source: reason }
        }
        CopyError::Hash(problem) => {
            LibraryError::Unreadable { what: problem.path.clone(), why: problem.to_string() }
        }
        CopyError::Cancelled(cancelled) => cancelled.into(),
    }
}
