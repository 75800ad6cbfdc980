//! The few calls by which a folder tree is read: open beneath a root, list, ask for size and kind.
//!
//! On Linux each of them goes relative to an open folder and follows no link unless told to; elsewhere the
//! standard library does the same by path. Owns the descriptors; must not know packages, lists or threads.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

pub mod hashing;
#[cfg(target_os = "linux")]
mod linux;
pub(crate) mod owner;
#[cfg(any(not(target_os = "linux"), test))]
mod portable;
pub(crate) mod queue;
pub(crate) mod ranges;

#[cfg(target_os = "linux")]
pub(crate) use linux::{Folder, ReadBuffer, Root};
#[cfg(not(target_os = "linux"))]
pub(crate) use portable::{Folder, ReadBuffer, Root};

/// A name that is not UTF-8 as it is shown: what is no text as `\xE4`, so that no two names look the same.
pub(crate) fn escaped(name: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut shown = String::with_capacity(name.len() + 8);
    for chunk in name.utf8_chunks() {
        shown.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(shown, "\\x{byte:02X}");
        }
    }
    shown
}

/// Room that is left where a folder lies, in bytes, for whoever runs this program; `None` where the system does not say.
#[cfg(unix)]
pub(crate) fn free_bytes(folder: &Path) -> Option<u64> {
    let facts = rustix::fs::statvfs(folder).ok()?;
    Some(facts.f_bavail.saturating_mul(facts.f_frsize))
}

#[cfg(not(unix))]
pub(crate) fn free_bytes(_: &Path) -> Option<u64> {
    None
}

/// What an entry of a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A plain file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A character or block device.
    Device,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// The folder does not say; ask for the facts.
    Unknown,
}

/// What tells one state of a file from another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FileStamp {
    /// Time of the last change in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Number of the file on its device; 0 where the system has none.
    pub inode: u64,
}

/// What the system says about an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) kind: Kind,
    pub(crate) size_bytes: u64,
    pub(crate) executable: bool,
    pub(crate) stamp: FileStamp,
}

impl Facts {
    /// From what the standard library read.
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self {
            kind: kind_of(metadata.file_type()),
            size_bytes: metadata.len(),
            executable: is_executable(metadata),
            stamp: stamp_of(metadata),
        }
    }

    /// Of an open file.
    pub(crate) fn of_file(file: &File) -> io::Result<Self> {
        Ok(Self::of(&file.metadata()?))
    }
}

#[cfg(unix)]
fn kind_of(file_type: std::fs::FileType) -> Kind {
    use std::os::unix::fs::FileTypeExt as _;
    if file_type.is_file() {
        Kind::File
    } else if file_type.is_dir() {
        Kind::Folder
    } else if file_type.is_symlink() {
        Kind::Link
    } else if file_type.is_fifo() {
        Kind::Fifo
    } else if file_type.is_socket() {
        Kind::Socket
    } else {
        Kind::Device
    }
}

#[cfg(not(unix))]
fn kind_of(file_type: std::fs::FileType) -> Kind {
    if file_type.is_file() {
        Kind::File
    } else if file_type.is_dir() {
        Kind::Folder
    } else if file_type.is_symlink() {
        Kind::Link
    } else {
        Kind::Device
    }
}

#[cfg(unix)]
fn is_executable(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    metadata.mode() & 0o100 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &Metadata) -> bool {
    false
}

#[cfg(unix)]
fn stamp_of(metadata: &Metadata) -> FileStamp {
    use std::os::unix::fs::MetadataExt as _;
    FileStamp { mtime_ns: nanoseconds(metadata.mtime(), metadata.mtime_nsec()), inode: metadata.ino() }
}

#[cfg(not(unix))]
fn stamp_of(metadata: &Metadata) -> FileStamp {
    let since = metadata.modified().ok().and_then(|m| m.duration_since(std::time::UNIX_EPOCH).ok());
    FileStamp { mtime_ns: since.map_or(0, |d| i64::try_from(d.as_nanos()).unwrap_or(i64::MAX)), inode: 0 }
}

/// Wraps on dates no clock shows: stamps are only compared for being equal.
#[cfg(unix)]
fn nanoseconds(seconds: i64, nanoseconds: i64) -> i64 {
    seconds.wrapping_mul(1_000_000_000).wrapping_add(nanoseconds)
}

/// Room for the bytes of a file, beginning on a page.
///
/// A large allocation begins 16 bytes after a page, and just there some processors (AMD Zen 3 and 4) copy from
/// the page cache at a sixth of their speed: 2.4 instead of 14 GB/s.
#[derive(Default)]
pub(crate) struct PageBuffer(Vec<u8>);

impl PageBuffer {
    const PAGE: usize = 4096;

    /// `bytes` of room; what is in it is what the last use left.
    pub(crate) fn room(&mut self, bytes: usize) -> &mut [u8] {
        if self.0.len() < bytes + Self::PAGE {
            self.0 = vec![0; bytes + Self::PAGE];
        }
        let start = self.start();
        &mut self.0[start..start + bytes]
    }

    /// The first `bytes` of the room last asked for, which must have been as large.
    pub(crate) fn filled(&self, bytes: usize) -> &[u8] {
        let start = self.start();
        &self.0[start..start + bytes]
    }

    fn start(&self) -> usize {
        // Below a page for plain bytes; the bound holds whatever the allocator says.
        self.0.as_ptr().align_offset(Self::PAGE).min(Self::PAGE)
    }
}

/// The system's words for an error, without the number in brackets.
pub(crate) fn words(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}

/// Opens a plain file for reading. A named pipe or a device in its place is an error, and nobody waits for it.
pub(crate) fn open_plain(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
        options.custom_flags(flags.bits().cast_signed());
    }
    // Asked first: opening a device can be an act of its own.
    let is_file = |metadata: &Metadata| metadata.is_file();
    let not_plain = || io::Error::new(io::ErrorKind::InvalidInput, "it is not a plain file");
    if !is_file(&std::fs::metadata(path)?) {
        return Err(not_plain());
    }
    let file = options.open(path)?;
    if is_file(&file.metadata()?) { Ok(file) } else { Err(not_plain()) }
}

/// Names the disk that `path` lies on, links followed: nothing can be renamed from one to another.
#[cfg(target_os = "linux")]
pub(crate) fn disk_of(path: &Path) -> io::Result<(u64, u64)> {
    use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
    let statx = statx(CWD, path, AtFlags::NO_AUTOMOUNT, StatxFlags::BASIC_STATS | StatxFlags::MNT_ID)?;
    // One file system can be mounted at several places; older kernels do not say which place it is.
    let knows_mount = statx.stx_mask & StatxFlags::MNT_ID.bits() != 0;
    let mount = if knows_mount { statx.stx_mnt_id } else { 0 };
    Ok((u64::from(statx.stx_dev_major) << 32 | u64::from(statx.stx_dev_minor), mount))
}

/// Names the disk that `path` lies on, links followed: nothing can be renamed from one to another.
#[cfg(all(unix, not(target_os = "linux")))]
pub(crate) fn disk_of(path: &Path) -> io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    Ok((std::fs::metadata(path)?.dev(), 0))
}

/// Names the disk that `path` lies on; the standard library does not say it there, so all are one.
#[cfg(not(unix))]
pub(crate) fn disk_of(path: &Path) -> io::Result<(u64, u64)> {
    std::fs::metadata(path).map(|_| (0, 0))
}

/// Renames a file to a name that nothing has; `AlreadyExists` if something has it.
pub(crate) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            // File systems that do not know how; the next best is to look first.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {}
            renamed => return Ok(renamed?),
        }
    }
    if std::fs::symlink_metadata(to).is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    std::fs::rename(from, to)
}

/// Creates a file that must not exist yet, to be written and read again.
pub(crate) fn create_file(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).create_new(true).open(path)
}

/// Sets the mode a package file has: 0644, or 0755 where it is executable. Nothing where modes do not exist.
#[cfg(unix)]
pub(crate) fn set_mode(file: &File, executable: bool) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(std::fs::Permissions::from_mode(if executable { 0o755 } else { 0o644 }))
}

/// Sets the mode a package file has: 0644, or 0755 where it is executable. Nothing where modes do not exist.
#[cfg(not(unix))]
pub(crate) fn set_mode(_: &File, _: bool) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn room_begins_on_a_page_and_grows() {
        let mut buffer = PageBuffer::default();
        for bytes in [1, 256 * 1024, 10, 4 * 1024 * 1024] {
            let room = buffer.room(bytes);
            assert_eq!((room.len(), room.as_ptr().align_offset(PageBuffer::PAGE)), (bytes, 0));
        }
    }

    /// Both ways of reading a folder say the same, entry by entry.
    #[test]
    fn the_portable_way_agrees_with_the_linux_way() -> Result<(), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        let tree = dir.path();
        std::fs::create_dir(tree.join("folder"))?;
        std::fs::write(tree.join("folder/file ü"), "content")?;
        std::os::unix::fs::symlink("folder", tree.join("link"))?;
        std::fs::write(tree.join("plain"), "12345")?;
        set_mode(&File::open(tree.join("plain"))?, true)?;

        let mut linux = Vec::new();
        let root = linux::Root::open(tree)?;
        for rel in ["", "folder"] {
            let folder = root.folder(rel, false)?;
            let mut names = Vec::new();
            folder.read(&mut linux::ReadBuffer::default(), |name, kind| {
                names.push((name.expect("all are UTF-8").to_owned(), kind));
            })?;
            for (name, kind) in names {
                linux.push((kind, folder.facts(&name, false, true)?, name));
            }
        }
        let mut portable = Vec::new();
        let root = portable::Root::open(tree)?;
        for rel in ["", "folder"] {
            let folder = root.folder(rel, false)?;
            let mut names = Vec::new();
            folder.read(&mut portable::ReadBuffer, |name, kind| {
                names.push((name.expect("all are UTF-8").to_owned(), kind));
            })?;
            for (name, kind) in names {
                portable.push((kind, folder.facts(&name, false, true)?, name));
            }
        }
        linux.sort_by(|a, b| a.2.cmp(&b.2));
        portable.sort_by(|a, b| a.2.cmp(&b.2));
        assert_eq!(linux.len(), 4);
        assert_eq!(linux, portable);
        let (here, there) = (root.folder("folder", false)?, root.folder("link", true)?);
        assert_eq!(here.identity()?, there.identity()?);
        assert!(root.open_file("link/file ü", true).is_ok());
        assert!(root.facts("plain", false)?.executable);
        assert!(linux::Root::open(tree)?.open_file("link/file ü", false).is_err());
        Ok(())
    }
}
