//! File systems of a test's own: small ones in memory, ext4 in an image file. Needs root.

use std::error::Error;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A mount that is gone with this value.
pub(crate) struct Mounted(PathBuf);

impl Mounted {
    fn new(folder: &Path, words: &[&str]) -> Result<Self, Box<dyn Error>> {
        fs::create_dir_all(folder)?;
        run(Command::new("mount").args(words).arg(folder))?;
        Ok(Self(folder.to_owned()))
    }

    /// So much memory.
    pub(crate) fn memory(folder: &Path, size: &str) -> Result<Self, Box<dyn Error>> {
        Self::new(folder, &["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
    }

    /// The ext4 in this image. Its journal is written when somebody asks for it, not by itself after some seconds;
    /// without one, a file that replaces another by its name is not brought to the disk because of that.
    pub(crate) fn image(folder: &Path, image: &Path, journal: bool) -> Result<Self, Box<dyn Error>> {
        let image = image.to_str().ok_or("not UTF-8")?;
        let options = if journal { "loop,commit=600" } else { "loop,noauto_da_alloc" };
        Self::new(folder, &["-t", "ext4", "-o", options, image])
    }

    /// Mounts it anew with other options.
    pub(crate) fn again(&self, options: &str) -> Result<(), Box<dyn Error>> {
        run(Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(&self.0))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily: a transfer that is still stopping may hold a file.
        Command::new("umount").arg("-l").arg(&self.0).status().ok();
    }
}

/// An empty ext4 of so many bytes in a file. Without a journal each inode, which has a block of its own then, is brought
/// to the disk by itself; with one, a sync of any file brings all that happened before it.
pub(crate) fn make_ext4(image: &Path, size_bytes: u64, journal: bool) -> Result<(), Box<dyn Error>> {
    File::create(image)?.set_len(size_bytes)?;
    let mut make = Command::new("mkfs.ext4");
    make.args(["-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"]);
    if !journal {
        make.args(["-O", "^has_journal", "-b", "1024", "-I", "1024"]);
    }
    run(make.arg(image))
}

/// Runs a program that must succeed.
pub(crate) fn run(command: &mut Command) -> Result<(), Box<dyn Error>> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?} needs root: {}", String::from_utf8_lossy(&output.stderr)).into())
}
