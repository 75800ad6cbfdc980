//! Builds bags, good and bad, byte by byte and without the code under test (checksums excepted).

use std::fs;
use std::path::{Path, PathBuf};

use packhouse::package::bag::Algorithm;
use packhouse::package::digest::to_hex;

/// A bag under construction.
pub(crate) struct Maker {
    pub(crate) root: PathBuf,
}

impl Maker {
    /// A folder with `bagit.txt` of `version` and an empty `data`.
    pub(crate) fn new(root: &Path, version: &str) -> Self {
        fs::create_dir_all(root.join("data")).expect("a temporary folder can be written");
        let maker = Self { root: root.to_path_buf() };
        maker.write(
            "bagit.txt",
            format!("BagIt-Version: {version}\nTag-File-Character-Encoding: UTF-8\n").as_bytes(),
        );
        maker
    }

    /// A good bag of two files with metadata and tag manifest.
    pub(crate) fn basic(root: &Path, version: &str, algorithm: Algorithm) -> Self {
        let maker = Self::new(root, version);
        maker.write("data/greeting", b"moin\n");
        maker.write("data/notes.txt", b"memo\n");
        maker.write("bag-info.txt", b"Bagging-Date: 2026-03-09\nPayload-Oxum: 10.2\n");
        maker.manifest(algorithm, &["data/greeting", "data/notes.txt"]);
        maker.tag_manifest(algorithm);
        maker
    }

    /// Writes a file, making its folders.
    pub(crate) fn write(&self, path: &str, bytes: &[u8]) {
        let place = self.root.join(path);
        fs::create_dir_all(place.parent().expect("below the root")).expect("folders can be made");
        fs::write(place, bytes).expect("a file can be written");
    }

    /// Appends to a file.
    pub(crate) fn append(&self, path: &str, text: &str) {
        let mut bytes = fs::read(self.root.join(path)).unwrap_or_default();
        bytes.extend_from_slice(text.as_bytes());
        self.write(path, &bytes);
    }

    /// The checksum of a file that is there, in hex.
    pub(crate) fn hash(&self, algorithm: Algorithm, path: &str) -> String {
        to_hex(&algorithm.digest(&fs::read(self.root.join(path)).expect("it was written before")))
    }

    /// Writes the payload manifest over `paths`.
    pub(crate) fn manifest(&self, algorithm: Algorithm, paths: &[&str]) {
        let lines: String = paths.iter().map(|p| format!("{}  {p}\n", self.hash(algorithm, p))).collect();
        self.write(&format!("manifest-{algorithm}.txt"), lines.as_bytes());
    }

    /// Writes the tag manifest over what lies directly in the bag.
    pub(crate) fn tag_manifest(&self, algorithm: Algorithm) {
        let own = format!("tagmanifest-{algorithm}.txt");
        let mut names: Vec<String> = fs::read_dir(&self.root)
            .expect("the bag is there")
            .map(|entry| entry.expect("it can be listed").file_name().into_string().expect("plain names"))
            .filter(|name| name != "data" && *name != own && !name.starts_with("tagmanifest-"))
            .collect();
        names.sort();
        let lines: String =
            names.iter().map(|name| format!("{}  {name}\n", self.hash(algorithm, name))).collect();
        self.write(&own, lines.as_bytes());
    }

    /// Takes a file away.
    pub(crate) fn remove(&self, path: &str) {
        fs::remove_file(self.root.join(path)).expect("it was written before");
    }
}
