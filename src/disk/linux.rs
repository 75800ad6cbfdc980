//! Reading a tree by `getdents64`, `statx` and `openat2`, relative to open folders.

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::path::Path;

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, ResolveFlags, Statx, StatxFlags};
use rustix::io::Errno;

use super::{Facts, FileStamp, Kind, nanoseconds};

/// Room for the names of one `getdents64`; large, so that most folders take one call.
pub(crate) struct ReadBuffer(Vec<MaybeUninit<u8>>);

impl Default for ReadBuffer {
    fn default() -> Self {
        Self(vec![MaybeUninit::uninit(); 128 * 1024])
    }
}

/// The folder everything else is named from.
pub(crate) struct Root(OwnedFd);

/// One open folder.
pub(crate) struct Folder(OwnedFd);

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// `NONBLOCK`: a named pipe put in the place of a file must not hold the reader up.
const FILE: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

impl Root {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(rustix::fs::openat(CWD, path, FOLDER, Mode::empty())?))
    }

    /// Opens the folder at `path` (`""` is the root). Without `follow` no part of it may be a link.
    pub(crate) fn folder(&self, path: &str, follow: bool) -> io::Result<Folder> {
        let path = if path.is_empty() { "." } else { path };
        Ok(Folder(self.open_beneath(path, FOLDER, follow)?))
    }

    /// Opens the file at `path` for reading. Without `follow` no part of it may be a link.
    pub(crate) fn open_file(&self, path: &str, follow: bool) -> io::Result<File> {
        Ok(File::from(self.open_beneath(path, FILE, follow)?))
    }

    /// Opens the plain file at `path` for writing, in place; makes it where nothing is. No part may be a link.
    pub(crate) fn open_for_writing(&self, path: &str) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = File::from(self.open_without_links(path, flags, Mode::from_raw_mode(0o644))?);
        if file.metadata()?.is_file() {
            Ok(file)
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidFilename, "it is not a plain file"))
        }
    }

    /// Makes the folder at `path` and those above it, where they are not there. No part may be a link.
    pub(crate) fn make_folders(&self, path: &str) -> io::Result<()> {
        if path.is_empty() || self.folder(path, false).is_ok() {
            return Ok(());
        }
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        self.make_folders(above)?;
        match rustix::fs::mkdirat(&self.folder(above, false)?.0, name, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => self.folder(path, false).map(|_| ()),
            Err(error) => Err(error.into()),
        }
    }

    /// Brings the names in the folder at `path` (`""` is the root) to the disk.
    pub(crate) fn sync_folder(&self, path: &str) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.folder(path, false)?.0)?)
    }

    fn open_beneath(&self, path: &str, flags: OFlags, follow: bool) -> Result<OwnedFd, Errno> {
        if follow {
            return rustix::fs::openat(&self.0, path, flags, Mode::empty());
        }
        self.open_without_links(path, flags, Mode::empty())
    }

    fn open_without_links(&self, path: &str, flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        match rustix::fs::openat2(&self.0, path, flags, mode, resolve) {
            // Kernels before 5.6, and sandboxes that do not know the call.
            Err(Errno::NOSYS | Errno::PERM) => self.walk_beneath(path, flags, mode),
            result => result,
        }
    }

    /// The same without `openat2`: part by part, none of which may be a link or lead up.
    fn walk_beneath(&self, path: &str, flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
        let mut at: Option<OwnedFd> = None;
        let mut parts = path.split('/').peekable();
        while let Some(part) = parts.next() {
            if part == ".." {
                return Err(Errno::XDEV);
            }
            let wanted = if parts.peek().is_some() { FOLDER } else { flags };
            let from = at.as_ref().unwrap_or(&self.0);
            at = Some(rustix::fs::openat(from, part, wanted | OFlags::NOFOLLOW, mode)?);
        }
        at.ok_or(Errno::NOENT)
    }

    /// Size, kind and stamp of what lies at `path`.
    pub(crate) fn facts(&self, path: &str, follow: bool) -> io::Result<Facts> {
        facts(&self.0, path, follow, true)
    }
}

impl Folder {
    /// Device and inode, by which a folder is known again.
    pub(crate) fn identity(&self) -> io::Result<(u64, u64)> {
        let stat = rustix::fs::fstat(&self.0)?;
        Ok((stat.st_dev, stat.st_ino))
    }

    /// Calls `each` for every entry; a name that is not UTF-8 comes as `Err` with a form to show.
    pub(crate) fn read(
        &self,
        buffer: &mut ReadBuffer,
        mut each: impl FnMut(Result<&str, String>, Kind),
    ) -> io::Result<()> {
        let mut entries = RawDir::new(&self.0, &mut buffer.0);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") {
                continue;
            }
            let kind = kind_of(entry.file_type());
            match std::str::from_utf8(name) {
                Ok(name) => each(Ok(name), kind),
                Err(_) => each(Err(super::escaped(name)), kind),
            }
        }
        Ok(())
    }

    /// Size and kind of entry `name`; its stamp too where `stamp` is set.
    pub(crate) fn facts(&self, name: &str, follow: bool, stamp: bool) -> io::Result<Facts> {
        facts(&self.0, name, follow, stamp)
    }
}

fn facts(at: &OwnedFd, path: &str, follow: bool, stamp: bool) -> io::Result<Facts> {
    let link = if follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
    let (flags, mut mask) = (link | AtFlags::NO_AUTOMOUNT, StatxFlags::TYPE | StatxFlags::MODE);
    mask |= StatxFlags::SIZE;
    if stamp {
        mask |= StatxFlags::MTIME | StatxFlags::INO;
    }
    let statx: Statx = rustix::fs::statx(at, path, flags, mask)?;
    let mtime = statx.stx_mtime;
    Ok(Facts {
        kind: kind_of(FileType::from_raw_mode(statx.stx_mode.into())),
        size_bytes: statx.stx_size,
        executable: statx.stx_mode & 0o100 != 0,
        stamp: FileStamp { mtime_ns: nanoseconds(mtime.tv_sec, mtime.tv_nsec.into()), inode: statx.stx_ino },
    })
}

fn kind_of(file_type: FileType) -> Kind {
    match file_type {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Folder,
        FileType::Symlink => Kind::Link,
        FileType::Fifo => Kind::Fifo,
        FileType::Socket => Kind::Socket,
        FileType::CharacterDevice | FileType::BlockDevice => Kind::Device,
        FileType::Unknown => Kind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_openat2_no_link_is_followed_and_nothing_above_is_reached() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let tree = dir.path().join("tree");
        std::fs::create_dir_all(tree.join("folder"))?;
        std::fs::write(tree.join("folder/file"), "content")?;
        std::fs::write(dir.path().join("outside"), "secret")?;
        std::os::unix::fs::symlink("folder", tree.join("link"))?;
        std::os::unix::fs::symlink("../outside", tree.join("way out"))?;
        let root = Root::open(&tree)?;
        let opens = |path: &str| root.walk_beneath(path, FILE, Mode::empty()).is_ok();
        assert!(opens("folder/file"));
        for path in ["link/file", "way out", "../outside", "folder/../../outside", "/etc/passwd", "", "none"]
        {
            assert!(!opens(path), "{path}");
        }
        assert!(root.walk_beneath(".", FOLDER, Mode::empty()).is_ok());
        Ok(())
    }
}
