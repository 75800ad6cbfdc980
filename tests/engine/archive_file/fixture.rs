//! A package folder with its manifest, and an archive made of it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use packhouse::archive_file::{
    ArchiveContents, ArchiveDamage, ArchiveReader, ArchiveSummary, WriteError, write_archive,
};
use packhouse::package::manifest::{FileHashes, ManifestFile};
use packhouse::package::{BlockSize, Manifest, Sha256Digest};
use packhouse::work::Work;

/// The folder everything lies in.
pub(crate) const TOP: &str = "Größe-1.0";
/// Tag files as a sealed package has them.
pub(crate) const TAGS: [(&str, &[u8]); 4] = [
    ("reginfo.json", b"{\"name\": \"Size\"}"),
    ("snapshot.meta4", b"<metalink/>"),
    ("reginfo.json.minisig", b"untrusted comment: none\n"),
    ("bagit.txt", b"BagIt-Version: 0.97\nTag-File-Character-Encoding: UTF-8\n"),
];

/// A package folder in a temporary place.
pub(crate) struct Fixture {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) manifest: Manifest,
    pub(crate) contents: Vec<(String, Vec<u8>)>,
}

/// Bytes that do not compress and differ for each seed.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

impl Fixture {
    /// Writes `files` (path, content) below `data/`; paths ending in `.sh` become executable.
    pub(crate) fn new(block_size: u64, files: Vec<(String, Vec<u8>)>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("data");
        fs::create_dir(&data).expect("a folder for the data");
        let block_size = BlockSize::new(block_size).expect("a block size");
        let mut listed = Vec::new();
        for (path, content) in &files {
            let target = data.join(path);
            fs::create_dir_all(target.parent().expect("below data")).expect("folders");
            fs::write(&target, content).expect("a file");
            let executable = path.ends_with(".sh");
            if executable {
                use std::os::unix::fs::PermissionsExt as _;
                fs::set_permissions(&target, fs::Permissions::from_mode(0o755)).expect("mode");
            }
            let blocks = content.chunks(block_size.bytes() as usize).map(Sha256Digest::of).collect();
            let hashes = FileHashes { file: Sha256Digest::of(content), blocks };
            let size_bytes = content.len() as u64;
            listed.push(ManifestFile { path: path.clone(), size_bytes, executable, hashes: Some(hashes) });
        }
        let manifest = Manifest::from_files(block_size, listed).expect("distinct paths");
        let mut contents = files;
        contents.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
        Self { folder, manifest, contents }
    }

    /// A bit of everything, in blocks of 256 KiB: about 2 MiB.
    pub(crate) fn mixed() -> Self {
        let block = 256 * 1024;
        let files = vec![
            ("a empty".to_owned(), Vec::new()),
            ("bin/run.sh".to_owned(), b"#!/bin/sh\necho hello\n".to_vec()),
            ("block.bin".to_owned(), noise(1, block)),
            ("blocks.bin".to_owned(), noise(2, 3 * block + 17)),
            ("docs/small-1".to_owned(), noise(3, 1000)),
            ("docs/small-2".to_owned(), vec![b'x'; 100_000]),
            ("docs/small-3".to_owned(), noise(4, 70_000)),
            ("just under".to_owned(), noise(5, block - 1)),
            ("zeros".to_owned(), vec![0; 2 * block]),
            ("ü/日本語 – 😀.txt".to_owned(), b"unusual".to_vec()),
        ];
        Self::new(block as u64, files)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn archive_path(&self) -> PathBuf {
        self.folder.path().join("package.tar.zst")
    }

    pub(crate) fn try_write(&self) -> Result<ArchiveSummary, WriteError> {
        let file = File::create(self.archive_path()).expect("an archive file");
        let data = self.data();
        let contents = ArchiveContents::new(TOP, &TAGS, &data, &self.manifest);
        write_archive(&file, &contents, &Work::new())
    }

    /// Writes the archive and returns its bytes.
    pub(crate) fn write(&self) -> Vec<u8> {
        let summary = self.try_write().expect("an archive");
        let bytes = fs::read(self.archive_path()).expect("the archive");
        assert_eq!(bytes.len() as u64, summary.size_bytes);
        bytes
    }

    /// Checks `bytes` instead of the archive as it was written.
    pub(crate) fn check_bytes(&self, bytes: &[u8]) -> ArchiveDamage {
        let path = self.folder.path().join("changed.tar.zst");
        fs::write(&path, bytes).expect("the changed archive");
        let reader = ArchiveReader::open(&path).expect("still an archive");
        reader.check(TOP, &self.manifest, &Work::new()).expect("a finding")
    }

    /// Asserts that exactly the files of the manifest but `missing` lie below `root`, byte for byte.
    pub(crate) fn assert_same_tree(&self, root: &Path, missing: &[usize]) {
        use std::os::unix::fs::PermissionsExt as _;
        let mut found = Vec::new();
        list(root, root, &mut found);
        found.sort();
        let expected: Vec<_> = (self.contents.iter().enumerate())
            .filter(|(index, _)| !missing.contains(index))
            .map(|(_, (path, _))| path.clone())
            .collect();
        assert_eq!(found, expected);
        for path in found {
            let content = self.contents.iter().find(|(p, _)| *p == path).map(|(_, content)| content);
            assert!(Some(&fs::read(root.join(&path)).expect("readable")) == content, "{path} differs");
            let mode = fs::metadata(root.join(&path)).expect("there").permissions().mode();
            assert_eq!(mode & 0o100 != 0, path.ends_with(".sh"), "mode of {path}");
        }
    }
}

fn list(root: &Path, folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            list(root, &path, found);
        } else {
            let inside = path.strip_prefix(root).expect("inside");
            found.push(inside.to_str().expect("UTF-8").to_owned());
        }
    }
}
