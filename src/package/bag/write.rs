//! The tag files of our own sealed packages: always UTF-8, LF, SHA-256, paths as they are.

use std::fmt::Write as _;

use jiff::civil::Date;

use super::declaration::BagVersion;
use crate::package::digest::Sha256Digest;
use crate::package::manifest::Manifest;
use crate::package::record::PackageId;

/// Name of the payload manifest we write.
pub const MANIFEST_FILE: &str = "manifest-sha256.txt";
/// Name of the tag manifest we write.
pub const TAG_MANIFEST_FILE: &str = "tagmanifest-sha256.txt";

/// A file of the manifest has no hash, so that nothing can be written that proves it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the checksum of {0:?} is not known")]
pub struct HashMissing(pub String);

/// The version a package declares: 0.97 where some path contains `%`, because 1.0 would encode it while other
/// programs disagree on how; 1.0 for all others.
pub fn version_for(manifest: &Manifest) -> BagVersion {
    let percent = manifest.iter().any(|file| file.path.contains('%'));
    if percent { BagVersion::V0_97 } else { BagVersion::V1_0 }
}

/// `bagit.txt`.
pub fn declaration(version: BagVersion) -> String {
    format!("BagIt-Version: {version}\nTag-File-Character-Encoding: UTF-8\n")
}

/// `bag-info.txt` for the package `id`, bagged on `date` by `agent` (program and version).
pub fn info(manifest: &Manifest, id: PackageId, date: Date, agent: &str) -> String {
    // A line end in the agent's name would be a field of its own.
    let agent: String = agent.chars().filter(|c| !c.is_control()).collect();
    format!(
        "Bag-Software-Agent: {}\nBagging-Date: {date}\nExternal-Identifier: {id}\nPayload-Oxum: {}.{}\n",
        agent.trim(),
        manifest.files().total_bytes(),
        manifest.len(),
    )
}

/// `manifest-sha256.txt`: every file of the package below `data/`, in the order of the manifest. The paths of a
/// manifest passed `package::path`, so none can break a line.
pub fn manifest(manifest: &Manifest) -> Result<String, HashMissing> {
    let mut text = String::with_capacity(manifest.len() * 128);
    for file in manifest.iter() {
        let hashes = file.hashes.ok_or_else(|| HashMissing(file.path.to_owned()))?;
        writeln!(text, "{}  data/{}", hashes.file, file.path)
            .map_err(|_| HashMissing(file.path.to_owned()))?;
    }
    Ok(text)
}

/// `tagmanifest-sha256.txt` over the other tag files, in the order given.
pub fn tag_manifest<'a>(files: impl IntoIterator<Item = (&'a str, Sha256Digest)>) -> String {
    files.into_iter().map(|(name, digest)| format!("{digest}  {name}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::bag::info::{BagInfo, PayloadOxum};
    use crate::package::bag::listing::{Listing, ListingKind};
    use crate::package::bag::{Algorithm, Declaration, Issues};
    use crate::package::manifest::{FileHashes, ManifestFile};
    use proptest::prelude::*;

    fn manifest_of(paths: &[String]) -> Option<Manifest> {
        let files = paths
            .iter()
            .map(|path| ManifestFile {
                path: path.clone(),
                size_bytes: path.len() as u64,
                executable: false,
                hashes: Some(FileHashes { file: Sha256Digest::of(path.as_bytes()), blocks: Vec::new() }),
            })
            .collect();
        Manifest::from_files(Default::default(), files).ok()
    }

    #[test]
    fn a_percent_sign_makes_it_0_97() {
        let of = |path: &str| version_for(&manifest_of(&[path.to_owned()]).expect("one file"));
        assert_eq!(of("a/100%"), BagVersion::V0_97);
        assert_eq!(of("a/b"), BagVersion::V1_0);
    }

    #[test]
    fn a_file_without_hash_is_named() {
        let file = ManifestFile { path: "lost".to_owned(), size_bytes: 1, executable: false, hashes: None };
        let lost = Manifest::from_files(Default::default(), vec![file]).expect("one file");
        assert_eq!(manifest(&lost), Err(HashMissing("lost".to_owned())));
    }

    #[test]
    fn metadata_reads_back() {
        let files = manifest_of(&["a".to_owned(), "bb".to_owned()]).expect("distinct");
        let id = PackageId(uuid::Uuid::nil());
        let text = info(&files, id, jiff::civil::date(2026, 3, 9), "Packhouse\n1.0");
        let mut issues = Issues::default();
        let read = BagInfo::read(&text, BagVersion::V1_0, "bag-info.txt", &mut issues);
        assert_eq!(read.values("Bagging-Date").next(), Some("2026-03-09"));
        assert_eq!(read.values("External-Identifier").next(), Some(id.to_string().as_str()));
        assert_eq!(read.fields().len(), 4);
        let oxum = read.payload_oxum(BagVersion::V1_0, "bag-info.txt", &mut issues);
        assert_eq!(oxum, Some(PayloadOxum { size_bytes: 3, files: 2 }));
        assert_eq!(issues, Issues::default());
    }

    proptest! {
        #[test]
        fn written_manifests_read_back(
            paths in proptest::collection::btree_set("[^\\x00]{1,40}", 1..20)
        ) {
            let paths: Vec<String> =
                paths.into_iter().filter(|p| crate::package::path::check(p).is_ok()).collect();
            let files = manifest_of(&paths).expect("a set has no duplicates");
            let version = version_for(&files);
            let mut issues = Issues::default();
            let declared = Declaration::read(declaration(version).as_bytes(), &mut issues);
            prop_assert_eq!(declared.map(|d| d.version), Some(version));
            let text = manifest(&files).expect("all have hashes");
            let read = Listing::read(
                &text, ListingKind::Payload, Algorithm::Sha256, version, MANIFEST_FILE, &mut issues,
            );
            let expected: Vec<_> = files.iter().map(|f| format!("data/{}", f.path)).collect();
            let found: Vec<_> = read.files.iter().map(|f| f.path.clone()).collect();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(issues.errors, vec![]);
        }

        #[test]
        fn no_bytes_make_the_readers_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut issues = Issues::default();
            let _ = Declaration::read(&bytes, &mut issues);
            for label in ["UTF-8", "UTF-16", "UTF-16LE", "ISO-8859-1", "US-ASCII", "Shift_JIS"] {
                let encoding = crate::package::bag::TagEncoding::parse(label).expect("known");
                let _ = encoding.decode(&bytes);
            }
            read_everything(&String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn no_text_makes_the_readers_panic(
            text in "((d41d8cd98f00b204e9800998ecf8427e|\\\\|[a-z:/]{1,8})[ \t]{0,2}[*]?(data/|\\./|\\.\\./|~|%0|%25|%|é|\\\\){0,4}\\PC{0,8}[\r\n]{0,2}){0,6}"
        ) {
            read_everything(&text);
        }
    }

    fn read_everything(text: &str) {
        for version in [BagVersion::V0_93, BagVersion::V0_97, BagVersion::V1_0] {
            let mut issues = Issues::default();
            let info = BagInfo::read(text, version, "bag-info.txt", &mut issues);
            info.payload_oxum(version, "bag-info.txt", &mut issues);
            crate::package::bag::fetch::read(text, version, &mut issues);
            for kind in [ListingKind::Payload, ListingKind::Tags] {
                let listing =
                    Listing::read(text, kind, Algorithm::Md5, version, "manifest-md5.txt", &mut issues);
                for file in &listing.files {
                    assert!(!file.path.starts_with('/'));
                    assert!(file.path.split('/').all(|part| part != ".."));
                }
            }
        }
    }
}
