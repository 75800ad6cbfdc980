//! What a transfer knew when it stopped. A hint: it can save hashing, and can never make a byte pass for right.

use std::collections::BTreeMap;

use super::bits::Bits;
use crate::disk::FileStamp;

/// What is known of the files of a folder, to be kept by whoever keeps state and handed in at the next start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// Whether the transfer ended in order: everything was on the disk, and nothing was being written.
    pub clean_stop: bool,
    /// The files that have anything, by path relative to the folder.
    pub files: BTreeMap<String, FileHint>,
}

/// What is known of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileHint {
    /// Its length on the disk in bytes.
    pub size_bytes: u64,
    /// Its time of change and inode.
    pub stamp: FileStamp,
    /// Which of its blocks were proven and synced.
    pub proven: Bits,
    /// The strong ETag under which an unproven file came, and the address it came from.
    pub etag: Option<(String, String)>,
}

impl Hints {
    /// What may be believed of the file at `path`, which looks like this on the disk and has so many blocks: only what
    /// was said at a clean stop of the very same file, not touched since.
    pub fn believed(
        &self,
        path: &str,
        size_bytes: u64,
        stamp: FileStamp,
        blocks: usize,
    ) -> Option<&FileHint> {
        let hint = self.files.get(path).filter(|_| self.clean_stop)?;
        // Without an inode there is nothing that tells a file from its copy.
        let same = hint.size_bytes == size_bytes && hint.stamp == stamp && stamp.inode != 0;
        (same && hint.proven.len() == blocks).then_some(hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_full_match_is_believed() {
        let stamp = FileStamp { mtime_ns: 5, inode: 7 };
        let hint = FileHint { size_bytes: 10, stamp, proven: Bits::new(3, true), etag: None };
        let mut hints = Hints { clean_stop: true, files: BTreeMap::from([("a".to_owned(), hint)]) };
        assert!(hints.believed("a", 10, stamp, 3).is_some());
        assert!(hints.believed("b", 10, stamp, 3).is_none());
        assert!(hints.believed("a", 11, stamp, 3).is_none());
        assert!(hints.believed("a", 10, stamp, 4).is_none());
        assert!(hints.believed("a", 10, FileStamp { mtime_ns: 6, ..stamp }, 3).is_none());
        assert!(hints.believed("a", 10, FileStamp { inode: 8, ..stamp }, 3).is_none());
        hints.clean_stop = false;
        assert!(hints.believed("a", 10, stamp, 3).is_none());
    }
}
