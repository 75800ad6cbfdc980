//! The snapshot: every file and block hash of a sealed package, as a Metalink 4 document (RFC 5854).
//!
//! One `<file>` a file, sorted by path bytes, with size, whole-file SHA-256, `<pieces>` of the block size (none
//! for an empty file), and a URL relative to the snapshot's own address. The root carries the package id in an
//! attribute of our own namespace: where it is present, the seal is required.

use std::fmt::Write as _;

use super::blocks::BlockSize;
use super::consistency::ConsistencyChecksum;
use super::manifest::{FileHashes, Manifest, ManifestFile};
use super::metalink::{self, METALINK, Metalink, MetalinkProblem};
use super::record::PackageId;
use super::xml::XmlProblem;

/// Name of the snapshot in a package folder.
pub const SNAPSHOT_NAME: &str = "snapshot.meta4";
/// Namespace of our own attribute.
pub const NAMESPACE: &str = "urn:packhouse:snapshot:1";
/// Largest snapshot or manifest that is read, in bytes: that of millions of files.
pub const LIST_MAX_BYTES: u64 = 1 << 30;

/// A snapshot as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The package it belongs to.
    pub package: PackageId,
    /// Files with all their hashes; whether a file is executable is not in a snapshot, and false here.
    pub manifest: Manifest,
}

/// Why a text is no snapshot of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotProblem {
    /// No well-formed XML.
    #[error("it is not well-formed XML at byte {at}: {why}")]
    Xml {
        /// Byte offset.
        at: u64,
        /// What the parser said.
        why: String,
    },
    /// A document type, an entity or a processing instruction; no Metalink needs one.
    #[error("it contains {0}, which a snapshot never does")]
    Forbidden(&'static str),
    /// No Metalink 4, or no package id.
    #[error("it is no snapshot of a package: {0}")]
    Form(String),
    /// A file whose entry is not complete or not possible.
    #[error("the entry of {path:?} is not valid: {why}")]
    File {
        /// The file.
        path: String,
        /// What is wrong.
        why: String,
    },
}

/// Writes the snapshot of a package. `None` if a file has no hashes.
pub fn write(package: PackageId, manifest: &Manifest) -> Option<String> {
    let mut text = String::with_capacity(256 + manifest.len() * 400);
    text.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "<metalink xmlns=\"{METALINK}\" xmlns:packhouse=\"{NAMESPACE}\" packhouse:package=\"{package}\">\n  \
         <generator>Packhouse</generator>"
    );
    for file in manifest.iter() {
        let hashes = file.hashes?;
        let name = quick_xml::escape::escape(file.path);
        let _ = writeln!(text, "  <file name=\"{name}\">\n    <size>{}</size>", file.size_bytes);
        let _ = writeln!(text, "    <hash type=\"sha-256\">{}</hash>", hashes.file);
        if !hashes.blocks.is_empty() {
            let _ =
                writeln!(text, "    <pieces length=\"{}\" type=\"sha-256\">", manifest.block_size().bytes());
            for hash in &hashes.blocks {
                let _ = writeln!(text, "      <hash>{hash}</hash>");
            }
            text.push_str("    </pieces>\n");
        }
        let _ = writeln!(text, "    <url>data/{}</url>\n  </file>", escape_url_path(file.path));
    }
    text.push_str("</metalink>\n");
    Some(text)
}

/// The most bytes a snapshot, or a manifest, of a package with so many files and bytes can have: paths as long and
/// blocks as small as they may be. Never more than [`LIST_MAX_BYTES`].
pub fn most_bytes(checksum: &ConsistencyChecksum) -> u64 {
    // A byte of a path takes at most six in XML (`&quot;`) and three in the URL; the rest are elements and one hash.
    const FILE: u64 = 9 * super::path::PATH_MAX_BYTES as u64 + 512;
    // `      <hash>`, 64 digits, `</hash>`, a line end.
    const BLOCK: u64 = 96;
    let blocks = (checksum.size_bytes / BlockSize::LEAST.bytes()).saturating_add(checksum.files);
    let files = checksum.files.saturating_mul(FILE);
    files.saturating_add(blocks.saturating_mul(BLOCK)).saturating_add(64 * 1024).min(LIST_MAX_BYTES)
}

/// Escapes a path for a URL (RFC 3986): all but unreserved characters and `/`.
pub fn escape_url_path(path: &str) -> String {
    let mut url = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                url.push(byte as char)
            }
            other => {
                let _ = write!(url, "%{other:02X}");
            }
        }
    }
    url
}

/// Reads a snapshot written by [`write()`]. Unknown elements are passed over, so that later versions may add some.
pub fn read(text: &str) -> Result<Snapshot, SnapshotProblem> {
    from_metalink(metalink::read_entries(text)?)
}

/// The snapshot that a Metalink is, if it is one of ours and complete.
pub fn from_metalink(metalink: Metalink) -> Result<Snapshot, SnapshotProblem> {
    if metalink.has_cdata {
        return Err(SnapshotProblem::Forbidden("a CDATA section"));
    }
    let form = |why: &str| SnapshotProblem::Form(why.to_owned());
    let package = metalink.package.ok_or_else(|| form("it names no package"))?;
    let mut block_size: Option<BlockSize> = None;
    let mut files = Vec::with_capacity(metalink.files.len());
    for file in metalink.files {
        let path = String::from(file.path);
        let problem = |why: &str| SnapshotProblem::File { path: path.clone(), why: why.to_owned() };
        let size_bytes = file.size_bytes.ok_or_else(|| problem("it has no size"))?;
        let whole = file.sha256.ok_or_else(|| problem("it has no SHA-256"))?;
        let blocks = match file.pieces {
            Some(pieces) => {
                let size = BlockSize::new(pieces.length_bytes).map_err(|why| problem(&why.to_string()))?;
                if *block_size.get_or_insert(size) != size {
                    return Err(problem("it has another block size than the files before it"));
                }
                pieces.hashes
            }
            None if size_bytes == 0 => Vec::new(),
            None => return Err(problem("the number of its block hashes does not fit its size")),
        };
        let hashes = Some(FileHashes { file: whole, blocks });
        files.push(ManifestFile { path, size_bytes, executable: false, hashes });
    }
    let manifest = Manifest::from_files(block_size.unwrap_or_default(), files)
        .map_err(|twice| SnapshotProblem::File { path: twice.0, why: "it is listed twice".to_owned() })?;
    Ok(Snapshot { package, manifest })
}

impl From<MetalinkProblem> for SnapshotProblem {
    fn from(problem: MetalinkProblem) -> Self {
        match problem {
            MetalinkProblem::Xml(XmlProblem::Malformed { at, why }) => Self::Xml { at, why },
            MetalinkProblem::Xml(XmlProblem::Forbidden(what)) => Self::Forbidden(what),
            MetalinkProblem::File { path, why } => Self::File { path, why },
            MetalinkProblem::Form(why) => Self::Form(why),
            other => Self::Form(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::digest::Sha256Digest;
    use super::*;

    fn sample() -> (PackageId, Manifest) {
        let size = BlockSize::new(262_144).expect("good");
        let hashed = |path: &str, size_bytes: u64| {
            let blocks: Vec<_> = (0..size.blocks_in(size_bytes))
                .map(|i| Sha256Digest::of(format!("{path}{i}").as_bytes()))
                .collect();
            let file = if blocks.len() == 1 { blocks[0] } else { Sha256Digest::of(path.as_bytes()) };
            ManifestFile {
                path: path.to_owned(),
                size_bytes,
                executable: false,
                hashes: Some(FileHashes { file, blocks }),
            }
        };
        let names = ["bin/app & <tools>.exe", "empty", "100%.txt", "\"q\" 'r'", "ملف #1?"];
        let files =
            names.into_iter().zip([600_000, 0, 1, 262_144, 262_145]).map(|(n, s)| hashed(n, s)).collect();
        let id = PackageId(uuid::Uuid::from_u128(7));
        (id, Manifest::from_files(size, files).expect("distinct"))
    }

    #[test]
    fn what_is_written_is_read() {
        let (id, manifest) = sample();
        let text = write(id, &manifest).expect("all hashes");
        assert_eq!(read(&text), Ok(Snapshot { package: id, manifest }));
        assert!(text.contains("<url>data/bin/app%20%26%20%3Ctools%3E.exe</url>"));
    }

    #[test]
    fn strangers_are_refused_with_a_reason() {
        let (id, manifest) = sample();
        let good = write(id, &manifest).expect("all hashes");
        let wrong = [
            String::new(),
            "<metalink/>".to_owned(),
            good.replace(METALINK, "urn:other"),
            good.replace("packhouse:package", "packhouse:other"),
            good.replace("name=\"empty\"", "name=\"../empty\""),
            good.replace("name=\"empty\"", "name=\"/etc/passwd\""),
            good.replace("<size>600000</size>", "<size>-1</size>"),
            good.replace("<size>600000</size>", "<size>18446744073709551615</size>"),
            good.replace("<size>600000</size>", "<size>6000000</size>"),
            good.replace("length=\"262144\"", "length=\"0\""),
            good.replacen("<hash>", "<hash>zz", 1),
            good.replacen("?>", "?><!DOCTYPE x [<!ENTITY a \"b\">]>", 1),
            good[..good.len() / 2].to_owned(),
        ];
        for text in wrong {
            assert!(read(&text).is_err(), "{}", &text[..text.len().min(300)]);
        }
    }
}
