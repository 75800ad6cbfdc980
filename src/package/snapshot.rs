//! The snapshot: every file and block hash of a sealed package, as a Metalink 4 document (RFC 5854).
//!
//! One `<file>` a file, sorted by path bytes, with size, whole-file SHA-256, `<pieces>` of the block size (none
//! for an empty file), and a URL relative to the snapshot's own address. The root carries the package id in an
//! attribute of our own namespace: where it is present, the seal is required.

use std::fmt::Write as _;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::blocks::BlockSize;
use super::consistency::ConsistencyChecksum;
use super::digest::Sha256Digest;
use super::manifest::{FileHashes, Manifest, ManifestFile};
use super::path;
use super::record::PackageId;

/// Name of the snapshot in a package folder.
pub const SNAPSHOT_NAME: &str = "snapshot.meta4";
/// Namespace of our own attribute.
pub const NAMESPACE: &str = "urn:packhouse:snapshot:1";
/// Largest snapshot or manifest that is read, in bytes: that of millions of files.
pub const LIST_MAX_BYTES: u64 = 1 << 30;
const METALINK: &str = "urn:ietf:params:xml:ns:metalink";

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
    const FILE: u64 = 9 * path::PATH_MAX_BYTES as u64 + 512;
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

/// Where the reader stands in the document.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Outside,
    Root,
    File,
    Size,
    FileHash,
    Pieces,
    PieceHash,
    Ignored,
}

#[derive(Default)]
struct OpenFile {
    path: String,
    size_bytes: Option<u64>,
    hash: Option<Sha256Digest>,
    blocks: Vec<Sha256Digest>,
}

/// Reads a snapshot written by [`write()`]. Unknown elements are passed over, so that later versions may add some.
pub fn read(text: &str) -> Result<Snapshot, SnapshotProblem> {
    let mut reader = Reader::from_str(text);
    let mut package = None;
    let mut block_size: Option<BlockSize> = None;
    let mut files: Vec<ManifestFile> = Vec::new();
    let mut open = OpenFile::default();
    let mut places = vec![Place::Outside];
    let mut value = String::new();
    let form = |why: &str| SnapshotProblem::Form(why.to_owned());
    loop {
        let at = reader.buffer_position();
        let event = reader.read_event().map_err(|why| SnapshotProblem::Xml { at, why: why.to_string() })?;
        let place = places.last().copied().unwrap_or(Place::Outside);
        match event {
            Event::Start(element) => {
                let next = enter(place, &element, &mut package, &mut block_size, &mut open)?;
                value.clear();
                if places.len() > 64 {
                    return Err(form("elements are nested too deep"));
                }
                places.push(next);
            }
            Event::Empty(element) => {
                let entered = enter(place, &element, &mut package, &mut block_size, &mut open)?;
                if entered == Place::File {
                    files.push(close_file(std::mem::take(&mut open), block_size.unwrap_or_default())?);
                }
            }
            Event::Text(text) => {
                if matches!(place, Place::Size | Place::FileHash | Place::PieceHash) {
                    value.push_str(&text.xml_content(XmlVersion::Implicit1_0));
                }
            }
            Event::End(_) => {
                let file_problem =
                    |why: &str| SnapshotProblem::File { path: open.path.clone(), why: why.to_owned() };
                match place {
                    Place::Size => {
                        let size =
                            value.trim().parse::<u64>().ok().filter(|size| i64::try_from(*size).is_ok());
                        open.size_bytes = Some(size.ok_or_else(|| file_problem("its size is no number"))?);
                    }
                    Place::FileHash => {
                        let hash = Sha256Digest::parse(value.trim());
                        open.hash = Some(hash.ok_or_else(|| file_problem("its hash is no SHA-256"))?);
                    }
                    Place::PieceHash => {
                        let hash = Sha256Digest::parse(value.trim());
                        open.blocks.push(hash.ok_or_else(|| file_problem("a block hash is no SHA-256"))?);
                    }
                    Place::File => {
                        files.push(close_file(std::mem::take(&mut open), block_size.unwrap_or_default())?);
                    }
                    _ => {}
                }
                places.pop();
            }
            Event::Eof => break,
            Event::Decl(_) | Event::Comment(_) => {}
            Event::DocType(_) => return Err(SnapshotProblem::Forbidden("a document type")),
            Event::PI(_) => return Err(SnapshotProblem::Forbidden("a processing instruction")),
            Event::CData(_) => return Err(SnapshotProblem::Forbidden("a CDATA section")),
            // `&amp;` in a URL is fine; in a number or hash it is not, and the value then fails to parse.
            Event::GeneralRef(_) => value.push('&'),
        }
    }
    if places.len() != 1 {
        return Err(form("it ends in the middle"));
    }
    let package = package.ok_or_else(|| form("it names no package"))?;
    let manifest = Manifest::from_files(block_size.unwrap_or_default(), files)
        .map_err(|twice| SnapshotProblem::File { path: twice.0, why: "it is listed twice".to_owned() })?;
    Ok(Snapshot { package, manifest })
}

fn enter(
    place: Place,
    element: &BytesStart<'_>,
    package: &mut Option<PackageId>,
    block_size: &mut Option<BlockSize>,
    open: &mut OpenFile,
) -> Result<Place, SnapshotProblem> {
    let name = element.local_name();
    let attribute = |wanted: &str| -> Result<Option<String>, SnapshotProblem> {
        for attribute in element.attributes() {
            let attribute = attribute.map_err(|why| SnapshotProblem::Form(why.to_string()))?;
            if attribute.key.as_ref() == wanted {
                let value = attribute
                    .normalized_value(XmlVersion::Implicit1_0)
                    .map_err(|why| SnapshotProblem::Form(why.to_string()))?;
                return Ok(Some(value.into_owned()));
            }
        }
        Ok(None)
    };
    match (place, name.as_ref()) {
        (Place::Outside, "metalink") => {
            if attribute("xmlns")?.as_deref() != Some(METALINK) {
                return Err(SnapshotProblem::Form("it is no Metalink 4".to_owned()));
            }
            let id = attribute("packhouse:package")?
                .ok_or_else(|| SnapshotProblem::Form("it names no package".to_owned()))?;
            let id = uuid::Uuid::parse_str(&id)
                .map_err(|_| SnapshotProblem::Form(format!("{id:?} is no package id")))?;
            *package = Some(PackageId(id));
            Ok(Place::Root)
        }
        (Place::Outside, other) => Err(SnapshotProblem::Form(format!("its root is <{other}>"))),
        (Place::Root, "file") => {
            let path =
                attribute("name")?.ok_or_else(|| SnapshotProblem::Form("a file has no name".to_owned()))?;
            path::check(&path)
                .map_err(|problem| SnapshotProblem::File { path: path.clone(), why: problem.to_string() })?;
            *open = OpenFile { path, ..OpenFile::default() };
            Ok(Place::File)
        }
        (Place::File, "size") => Ok(Place::Size),
        (Place::File, "hash") if attribute("type")?.as_deref() == Some("sha-256") => Ok(Place::FileHash),
        (Place::File, "pieces") if attribute("type")?.as_deref() == Some("sha-256") => {
            let problem = |why: String| SnapshotProblem::File { path: open.path.clone(), why };
            let length = attribute("length")?.unwrap_or_default();
            let length: u64 = length.parse().map_err(|_| problem(format!("{length:?} is no block size")))?;
            let size = BlockSize::new(length).map_err(|why| problem(why.to_string()))?;
            if block_size.is_some_and(|known| known != size) {
                return Err(problem("it has another block size than the files before it".to_owned()));
            }
            *block_size = Some(size);
            Ok(Place::Pieces)
        }
        (Place::Pieces, "hash") => Ok(Place::PieceHash),
        _ => Ok(Place::Ignored),
    }
}

fn close_file(open: OpenFile, block_size: BlockSize) -> Result<ManifestFile, SnapshotProblem> {
    let OpenFile { path, size_bytes, hash, blocks } = open;
    let problem = |why: &str| SnapshotProblem::File { path: path.clone(), why: why.to_owned() };
    let size_bytes = size_bytes.ok_or_else(|| problem("it has no size"))?;
    let file = hash.ok_or_else(|| problem("it has no SHA-256"))?;
    if blocks.len() as u64 != block_size.blocks_in(size_bytes) {
        return Err(problem("the number of its block hashes does not fit its size"));
    }
    if blocks.len() == 1 && blocks[0] != file {
        return Err(problem("its only block has another hash than the file"));
    }
    Ok(ManifestFile { path, size_bytes, executable: false, hashes: Some(FileHashes { file, blocks }) })
}

#[cfg(test)]
mod tests {
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
