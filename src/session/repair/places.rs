//! What an address to repair from means: a web server, a package folder, a folder of plain files, a staging library, an
//! archive. Finds out whether anybody is there, by one small document.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::read_at;
use crate::archive_file::{ArchiveBlocks, ArchiveReader};
use crate::disk::words;
use crate::failure::{Class, Failure};
use crate::library::{BadBlock, WantedFiles};
use crate::package::reginfo::{DATA_NAME, REGINFO_NAME};
use crate::package::snapshot::{self, SNAPSHOT_NAME};
use crate::package::{PackageKey, metalink};
use crate::transfer::{
    self, BlockRequest, BlockSource, CodebaseAddress, Mirror, NetworkOptions, TransferError, fetch_document,
};

/// Longest tag file that is asked for.
const TAG_FILE_MAX_BYTES: u64 = snapshot::LIST_MAX_BYTES;
/// Longest registration info that is asked for to see whether anybody is there.
const PROBE_MAX_BYTES: u64 = 64 * 1024 * 1024;

/// What the names of Metalinks end with.
const METALINK_ENDING: &str = ".meta4";

/// A place that was found.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Where all files lie, each under its own path.
    codebase: Option<CodebaseAddress>,
    /// Addresses of single files, as a Metalink of others names them: (path in it, address).
    mirrors: Vec<(String, Mirror)>,
}

impl Place {
    /// Finds the files of a package at an address.
    pub(super) fn find(address: &str, key: &PackageKey, network: &NetworkOptions) -> Result<Self, Failure> {
        let address = address.trim();
        if without_query(address).ends_with(METALINK_ENDING) {
            return Self::of_metalink(address, key, network);
        }
        let codebase = CodebaseAddress::parse(address).map_err(|error| error.explain())?;
        let codebase = match codebase {
            CodebaseAddress::Folder(path) => local(&path, key)?,
            CodebaseAddress::Web { .. } => web(codebase, key, network)?,
            source => source,
        };
        Ok(Self { codebase: Some(codebase), mirrors: Vec::new() })
    }

    /// A snapshot stands for the folder it lies in; a Metalink of others names the addresses of each file.
    fn of_metalink(address: &str, key: &PackageKey, network: &NetworkOptions) -> Result<Self, Failure> {
        let document =
            fetch_document(address, None, network, TAG_FILE_MAX_BYTES).map_err(|error| error.explain())?;
        let no_use = |why: String| {
            let action = "Give a .meta4 with hashes, or the folder of the package";
            let message = format!("{} is no Metalink to repair from", without_query(address));
            Failure::new("codebase", Class::No, message, action).because(why)
        };
        let metalink = metalink::read(&String::from_utf8_lossy(&document.content))
            .map_err(|problem| no_use(problem.to_string()))?;
        if metalink.package.is_some() {
            let path = without_query(address);
            let folder = path.rfind(['/', std::path::MAIN_SEPARATOR]).map_or(".", |at| &path[..=at]);
            return Self::find(folder, key, network);
        }
        let mut mirrors = Vec::new();
        for file in &metalink.files {
            for url in &file.urls {
                // One that cannot be resolved is passed over; the others may do.
                if let Ok(found) = url.address(&document.address) {
                    let mirror = Mirror { url: found, priority: url.priority };
                    mirrors.push((file.path.to_string(), mirror));
                }
            }
        }
        if mirrors.is_empty() {
            return Err(no_use("it names no address of a file".to_owned()));
        }
        Ok(Self { codebase: None, mirrors })
    }

    /// The place as it was given, without looking; none where looking decides what it means.
    pub(super) fn unseen(address: &str) -> Result<Option<Self>, Failure> {
        if without_query(address.trim()).ends_with(METALINK_ENDING) {
            return Ok(None);
        }
        let codebase = CodebaseAddress::parse(address.trim()).map_err(|error| error.explain())?;
        Ok(Some(Self { codebase: Some(codebase), mirrors: Vec::new() }))
    }

    pub(super) fn into_codebase(self) -> Option<CodebaseAddress> {
        self.codebase
    }

    /// The addresses of single files, each under its path below `data/`.
    pub(super) fn take_mirrors(&mut self) -> impl Iterator<Item = (String, Mirror)> + use<> {
        std::mem::take(&mut self.mirrors).into_iter().map(|(path, mirror)| {
            let inner = path.strip_prefix(DATA_NAME).and_then(|path| path.strip_prefix('/'));
            (inner.map_or_else(|| path.clone(), str::to_owned), mirror)
        })
    }

    /// Whether its blocks can be read on this computer, or a share of it.
    pub(super) fn is_here(&self) -> bool {
        matches!(self.codebase, Some(CodebaseAddress::Folder(_) | CodebaseAddress::Source(_)))
    }

    /// Fills `room` with a block; `false` where it is not there. What comes is not proven.
    pub(super) fn read(&self, block: &BadBlock, room: &mut [u8]) -> io::Result<bool> {
        match &self.codebase {
            Some(CodebaseAddress::Folder(folder)) => {
                read_at(&folder.join(DATA_NAME).join(&block.path), block.range.start, room)
            }
            Some(CodebaseAddress::Source(source)) => {
                let place = transfer::Place {
                    file: 0,
                    nth: block.nth,
                    offset_bytes: block.range.start,
                    size_bytes: room.len() as u64,
                    hash: block.hash,
                };
                source.read(BlockRequest { path: &format!("{DATA_NAME}/{}", block.path), place }, room)
            }
            _ => Ok(false),
        }
    }

    /// A tag file of the package that lies there.
    pub(super) fn tag_file(&self, name: &str, network: &NetworkOptions) -> Option<String> {
        let fetch = |address: &str, credentials| {
            fetch_document(address, credentials, network, TAG_FILE_MAX_BYTES).ok()
        };
        let document = match self.codebase.as_ref()? {
            CodebaseAddress::Web { base, credentials } => {
                let address = format!("{}{name}", without_query(base.as_str()));
                fetch(&address, credentials.as_ref())?
            }
            CodebaseAddress::Folder(folder) => fetch(&folder.join(name).display().to_string(), None)?,
            CodebaseAddress::Source(_) => return None,
        };
        String::from_utf8(document.content).ok()
    }
}

fn without_query(address: &str) -> &str {
    address.split('?').next().unwrap_or(address)
}

/// Where a package lies below a staging library or another library.
fn below(key: &PackageKey) -> [String; 2] {
    let own = format!("{}/{}", key.name(), key.version());
    [own.clone(), format!("packages/{own}")]
}

fn local(path: &Path, key: &PackageKey) -> Result<CodebaseAddress, Failure> {
    // History names it, and whoever reads that stands elsewhere.
    let path = &std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let facts = std::fs::metadata(path).map_err(|error| {
        let action = "Check the path";
        let message = format!("{} cannot be read", path.display());
        Failure::new("codebase", Class::Environment, message, action).because(words(&error))
    })?;
    if facts.is_file() {
        return Ok(CodebaseAddress::Source(archive(path, None)?));
    }
    let folders = std::iter::once(path.to_owned()).chain(below(key).map(|inner| path.join(inner)));
    for folder in folders {
        if folder.join(DATA_NAME).is_dir() {
            return Ok(CodebaseAddress::Folder(folder));
        }
    }
    Ok(CodebaseAddress::Source(Arc::new(PlainFolder(path.to_owned()))))
}

fn web(
    codebase: CodebaseAddress,
    key: &PackageKey,
    network: &NetworkOptions,
) -> Result<CodebaseAddress, Failure> {
    let CodebaseAddress::Web { base, credentials } = codebase else { return Ok(codebase) };
    let inner = below(key).map(|inner| format!("{}/", snapshot::escape_url_path(&inner)));
    for inner in std::iter::once(String::new()).chain(inner) {
        let mut at = base.clone();
        at.set_path(&format!("{}{inner}", base.path()));
        let mut probe = at.clone();
        probe.set_path(&format!("{}{REGINFO_NAME}", at.path()));
        match fetch_document(probe.as_str(), credentials.as_ref(), network, PROBE_MAX_BYTES) {
            Ok(_) => return Ok(CodebaseAddress::Web { base: at, credentials }),
            Err(error @ TransferError::Fetch { is_temporary: true, .. }) => return Err(error.explain()),
            Err(_) => {}
        }
    }
    // Somebody answers; it may have the files without what lies beside them.
    Ok(CodebaseAddress::Web { base, credentials })
}

/// An archive as a source of blocks. A damaged one of the package that is wanted is read by what is known of it.
pub(super) fn archive(
    file: &Path,
    wanted: Option<&WantedFiles<'_>>,
) -> Result<Arc<dyn BlockSource>, Failure> {
    let failed = |why: String| {
        let message = format!("{} is no archive to repair from", file.display());
        Failure::new("codebase", Class::No, message, "Give a whole archive, or a folder").because(why)
    };
    let open = || ArchiveReader::open(file).map_err(|error| failed(error.to_string()));
    let reader = open()?;
    let tags = reader.read_tag_files().map_err(|error| failed(error.to_string()))?;
    let text = tags.get(SNAPSHOT_NAME).map(|tag| String::from_utf8_lossy(&tag.content).into_owned());
    let manifest = text.and_then(|text| snapshot::read(&text).ok()).map(|snapshot| snapshot.manifest);
    let manifest = manifest.ok_or_else(|| failed("its list of files cannot be read".to_owned()))?;
    let top = match (tags.top, wanted) {
        (Some(top), _) => top,
        (None, Some(wanted)) => format!("{}-{}", wanted.key.name(), wanted.key.version()),
        (None, None) => return Err(failed("its first folder cannot be read".to_owned())),
    };
    let blocks = ArchiveBlocks::new(reader, &top, manifest).map_err(|error| failed(error.to_string()))?;
    let source = match blocks {
        Some(blocks) => ArchiveSource { file: file.to_owned(), blocks },
        None => return Err(failed("it was not written by Packhouse, or it lost its end".to_owned())),
    };
    Ok(Arc::new(source))
}

/// An archive of ours.
struct ArchiveSource {
    file: PathBuf,
    blocks: ArchiveBlocks,
}

impl BlockSource for ArchiveSource {
    fn name(&self) -> String {
        self.file.display().to_string()
    }

    fn read(&self, block: BlockRequest<'_>, room: &mut [u8]) -> io::Result<bool> {
        let Some(path) = in_data(block.path) else { return Ok(false) };
        self.blocks.read(path, block.place.offset_bytes, room)
    }
}

/// A folder in which the files of a package lie as its user gave them.
struct PlainFolder(PathBuf);

impl BlockSource for PlainFolder {
    fn name(&self) -> String {
        self.0.display().to_string()
    }

    fn read(&self, block: BlockRequest<'_>, room: &mut [u8]) -> io::Result<bool> {
        let Some(path) = in_data(block.path) else { return Ok(false) };
        read_at(&self.0.join(path), block.place.offset_bytes, room)
    }
}

fn in_data(path: &str) -> Option<&str> {
    path.strip_prefix(DATA_NAME).and_then(|path| path.strip_prefix('/'))
}
