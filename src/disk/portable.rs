//! Reading a tree by the standard library, for systems without the Linux calls.

use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use super::{Facts, Kind, kind_of};

/// Nothing here; the standard library has its own.
#[derive(Default)]
pub(crate) struct ReadBuffer;

/// The folder everything else is named from.
pub(crate) struct Root(PathBuf);

/// One folder.
pub(crate) struct Folder(PathBuf);

impl Root {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        if std::fs::metadata(path)?.is_dir() {
            Ok(Self(path.to_owned()))
        } else {
            Err(io::ErrorKind::NotADirectory.into())
        }
    }

    /// Opens the folder at `path` (`""` is the root). Without `follow` it may not be a link itself.
    pub(crate) fn folder(&self, path: &str, follow: bool) -> io::Result<Folder> {
        let path = self.0.join(path);
        if ask(&path, follow)?.is_dir() { Ok(Folder(path)) } else { Err(io::ErrorKind::NotADirectory.into()) }
    }

    /// Opens the file at `path` for reading. Without `follow` no part of it may be a link.
    pub(crate) fn open_file(&self, path: &str, follow: bool) -> io::Result<File> {
        for (end, _) in path.match_indices('/').filter(|_| !follow) {
            if !ask(&self.0.join(&path[..end]), false)?.is_dir() {
                return Err(io::ErrorKind::NotADirectory.into());
            }
        }
        let path = self.0.join(path);
        // Asked first: opening a named pipe would wait for a writer.
        if ask(&path, follow)?.is_file() {
            File::open(path)
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidInput, "not a plain file"))
        }
    }

    /// Opens the plain file at `path` for writing, in place; makes it where nothing is. It may not be a link itself.
    #[cfg_attr(test, expect(dead_code, reason = "Linux has its own; tests compare how trees are read"))]
    pub(crate) fn open_for_writing(&self, path: &str) -> io::Result<File> {
        let path = self.0.join(path);
        let is_new = matches!(ask(&path, false), Err(error) if error.kind() == io::ErrorKind::NotFound);
        if is_new || ask(&path, false)?.is_file() {
            File::options().read(true).write(true).create(true).truncate(false).open(path)
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidFilename, "it is not a plain file"))
        }
    }

    /// Makes the folder at `path` and those above it, where they are not there.
    #[cfg_attr(test, expect(dead_code, reason = "Linux has its own; tests compare how trees are read"))]
    pub(crate) fn make_folders(&self, path: &str) -> io::Result<()> {
        std::fs::create_dir_all(self.0.join(path))
    }

    /// Nothing: folders cannot be synced there by the standard library.
    #[cfg_attr(test, expect(dead_code, reason = "Linux has its own; tests compare how trees are read"))]
    pub(crate) fn sync_folder(&self, _: &str) -> io::Result<()> {
        Ok(())
    }

    /// Size, kind and stamp of what lies at `path`.
    pub(crate) fn facts(&self, path: &str, follow: bool) -> io::Result<Facts> {
        Ok(Facts::of(&ask(&self.0.join(path), follow)?))
    }
}

impl Folder {
    /// Device and inode where there are such; else a hash of the real path, by which a folder is known again.
    pub(crate) fn identity(&self) -> io::Result<(u64, u64)> {
        use std::hash::{DefaultHasher, Hash as _, Hasher as _};
        let mut hasher = DefaultHasher::new();
        std::fs::canonicalize(&self.0)?.hash(&mut hasher);
        Ok((0, hasher.finish()))
    }

    /// Calls `each` for every entry; a name that is not UTF-8 comes as `Err` with a form to show.
    pub(crate) fn read(
        &self,
        _: &mut ReadBuffer,
        mut each: impl FnMut(Result<&str, String>, Kind),
    ) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.0)? {
            let entry = entry?;
            let kind = entry.file_type().map_or(Kind::Unknown, kind_of);
            let name = entry.file_name();
            match name.to_str() {
                Some(name) => each(Ok(name), kind),
                None => each(Err(super::escaped(name.as_encoded_bytes())), kind),
            }
        }
        Ok(())
    }

    /// Size, kind and stamp of entry `name`.
    pub(crate) fn facts(&self, name: &str, follow: bool, _stamp: bool) -> io::Result<Facts> {
        Ok(Facts::of(&ask(&self.0.join(name), follow)?))
    }
}

fn ask(path: &Path, follow: bool) -> io::Result<Metadata> {
    if follow { std::fs::metadata(path) } else { std::fs::symlink_metadata(path) }
}
