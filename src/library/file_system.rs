//! What kind of file system a folder lies on: a share of another computer is treated with more care.

use std::path::{Path, PathBuf};

/// Where a library lies, as far as it decides how it is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FileSystem {
    /// Asked of the system.
    #[default]
    Found,
    /// On a disk of this computer, whatever the system says.
    Disk,
    /// On a share, whatever the system says.
    Share,
}

/// How a library on a network share is opened.
#[derive(Clone, Debug, Default)]
pub struct ShareOptions {
    /// Whether it lies on one.
    pub file_system: FileSystem,
    /// Whether it is opened for reading only, without an error, while another program has it.
    pub read_only_if_in_use: bool,
    /// A folder of this computer for a copy of the library database, while another program has it; the database
    /// itself is read where there is none, as far as its writer lets it.
    pub copies: Option<PathBuf>,
}

impl ShareOptions {
    /// Whether the library at `root` is to be treated as one on a share.
    pub(super) fn is_share(&self, root: &Path) -> bool {
        match self.file_system {
            FileSystem::Found => network_share(root).is_some(),
            FileSystem::Disk => false,
            FileSystem::Share => true,
        }
    }
}

/// Whether the file system of a folder is mounted for reading only.
#[cfg(unix)]
pub(super) fn is_read_only_medium(folder: &Path) -> bool {
    use rustix::fs::StatVfsMountFlags;
    rustix::fs::statvfs(folder).is_ok_and(|facts| facts.f_flag.contains(StatVfsMountFlags::RDONLY))
}

/// Not asked there: what cannot be written counts as not allowed.
#[cfg(not(unix))]
pub(super) fn is_read_only_medium(_: &Path) -> bool {
    false
}

/// The kind of a file system that lies on another computer, or behind a program: `NFS`, `SMB`; `None` for a disk of this
/// computer, or where the system does not say.
#[cfg(target_os = "linux")]
pub(super) fn network_share(folder: &Path) -> Option<&'static str> {
    // From linux/magic.h and the file systems' own sources.
    let kinds: [(u64, &str); 9] = [
        (0x6969, "NFS"),
        (0x517b, "SMB"),
        (0xfe53_4d42, "SMB"),
        (0xff53_4d42, "SMB"),
        (0x6573_5546, "FUSE"),
        (0x0102_1997, "9P"),
        (0x00c3_6400, "Ceph"),
        (0x5346_414f, "AFS"),
        (0x7375_7245, "Coda"),
    ];
    let found = rustix::fs::statfs(folder).ok()?.f_type as u64 & 0xffff_ffff;
    kinds.into_iter().find(|(magic, _)| *magic == found).map(|(_, kind)| kind)
}

/// Not known there.
#[cfg(not(target_os = "linux"))]
pub(super) fn network_share(_: &Path) -> Option<&'static str> {
    None
}
