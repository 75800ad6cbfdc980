//! RPM packages: the main header, behind the lead and the signature header (RPM package file structure, V3 and V4).

use std::io::Read;

use super::Told;

/// What every package begins with, and how long that part is.
const LEAD: ([u8; 4], usize) = ([0xed, 0xab, 0xee, 0xdb], 96);
/// What every header begins with.
const HEADER: [u8; 4] = [0x8e, 0xad, 0xe8, 1];
/// Most entries of a header; rpm itself takes 65,535.
const ENTRIES_MAX: u32 = 65_535;
/// Largest data of a header: the names and digests of many files; rpm itself takes 256 MiB.
const DATA_MAX_BYTES: u32 = 32 << 20;
/// Longest text that is looked at.
const TEXT_MAX_BYTES: usize = 4096;

const NAME: u32 = 1000;
const VERSION: u32 = 1001;
const RELEASE: u32 = 1002;
const VENDOR: u32 = 1011;
const PACKAGER: u32 = 1015;

/// Reads the header; `None` if it is no such package.
pub(super) fn read(mut file: impl Read) -> Option<Told> {
    let mut lead = [0; LEAD.1];
    file.read_exact(&mut lead).ok()?;
    if lead[..4] != LEAD.0 {
        return None;
    }
    let signature = Header::read(&mut file)?;
    // The signature is filled up to a multiple of eight; the header is not.
    let rest = signature.data.len().next_multiple_of(8) - signature.data.len();
    file.read_exact(&mut [0; 8][..rest]).ok()?;
    drop(signature);
    let header = Header::read(&mut file)?;
    let (name, version) = (header.text(NAME), header.text(VERSION));
    let release = header.text(RELEASE);
    let vendor = header.text(VENDOR);
    // Only what a package can be called goes into a command.
    let is_name = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-._".contains(&b));
    Some(Told {
        identity: if is_name { name.clone() } else { String::new() },
        version: if release.is_empty() { version } else { format!("{version}-{release}") },
        supplier: if vendor.is_empty() { without_address(&header.text(PACKAGER)) } else { vendor },
        from: "the RPM header",
        name,
    })
}

/// `Jane Doe <jane@example.org>` without what is in the brackets.
fn without_address(text: &str) -> String {
    text.split('<').next().unwrap_or(text).trim().to_owned()
}

/// An index of entries (tag, type, offset, count), and the data they lie in.
struct Header {
    entries: Vec<u8>,
    data: Vec<u8>,
}

impl Header {
    fn read(file: &mut impl Read) -> Option<Self> {
        let mut start = [0; 16];
        file.read_exact(&mut start).ok()?;
        let (entries, size) = (number(&start, 8)?, number(&start, 12)?);
        if start[..4] != HEADER || entries > ENTRIES_MAX || size > DATA_MAX_BYTES {
            return None;
        }
        let (entries, data) = (part(file, entries * 16)?, part(file, size)?);
        Some(Self { entries, data })
    }

    /// The text of `tag`, the first one where there are several; empty if there is none.
    fn text(&self, tag: u32) -> String {
        let mut entries = self.entries.chunks_exact(16);
        let found = entries.find(|entry| number(entry, 0) == Some(tag));
        let text = found.and_then(|entry| {
            // String, list of strings, string in several languages.
            matches!(number(entry, 4)?, 6 | 8 | 9).then_some(())?;
            let text = self.data.get(number(entry, 8)? as usize..)?;
            let text = &text[..text.len().min(TEXT_MAX_BYTES)];
            text.split(|b| *b == 0).next()
        });
        String::from_utf8_lossy(text.unwrap_or_default()).into_owned()
    }
}

/// Reads so many bytes; memory is taken for what is there.
fn part(file: &mut impl Read, bytes: u32) -> Option<Vec<u8>> {
    let mut read = Vec::new();
    file.take(bytes.into()).read_to_end(&mut read).ok()?;
    (read.len() == bytes as usize).then_some(read)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::mutation::mutated;
    use super::*;

    /// A header of texts, as rpmbuild lays it out.
    fn header(texts: &[(u32, u32, &str)]) -> Vec<u8> {
        let (mut entries, mut data) = (Vec::new(), Vec::new());
        for (tag, kind, text) in texts {
            let entry = [*tag, *kind, data.len() as u32, 1];
            entries.extend(entry.into_iter().flat_map(u32::to_be_bytes));
            data.extend_from_slice(text.as_bytes());
            data.push(0);
        }
        let mut bytes = HEADER.to_vec();
        bytes.extend([0, texts.len() as u32, data.len() as u32].into_iter().flat_map(u32::to_be_bytes));
        [bytes, entries, data].concat()
    }

    fn package(texts: &[(u32, u32, &str)]) -> Vec<u8> {
        let mut bytes = vec![0; LEAD.1];
        bytes[..4].copy_from_slice(&LEAD.0);
        bytes.extend(header(&[(1000, 6, "of the signature")]));
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes.extend(header(texts));
        bytes.extend_from_slice(b"the files, compressed");
        bytes
    }

    fn sample() -> Vec<u8> {
        package(&[
            (NAME, 6, "hello"),
            (VERSION, 6, "2.12.1"),
            (RELEASE, 6, "4.fc41"),
            (1004, 9, "Prints a greeting"),
            (PACKAGER, 6, "Jane Doe <jane@example.org>"),
        ])
    }

    #[test]
    fn the_header_is_read_and_not_the_signature() {
        let told = read(&sample()[..]).expect("it is a package");
        assert_eq!((told.name.as_str(), told.version.as_str()), ("hello", "2.12.1-4.fc41"));
        assert_eq!((told.supplier.as_str(), told.identity.as_str()), ("Jane Doe", "hello"));
        let told = read(&package(&[(NAME, 6, "-e all"), (VENDOR, 6, "Fedora Project")])[..]).expect("it is");
        assert_eq!((told.identity.as_str(), told.supplier.as_str()), ("", "Fedora Project"));
        assert_eq!(read(&b"\xed\xab\xee\xdb"[..]), None);
    }

    #[test]
    fn no_more_is_read_than_a_header_may_have() {
        let mut bytes = sample();
        let size = bytes.windows(4).rposition(|four| four == HEADER).expect("the header") + 12;
        bytes[size..size + 4].copy_from_slice(&(DATA_MAX_BYTES + 1).to_be_bytes());
        assert_eq!(read(&bytes[..]), None);
        bytes[size..size + 4].copy_from_slice(&DATA_MAX_BYTES.to_be_bytes());
        assert_eq!(read(&bytes[..]), None, "promised and not there");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]
        #[test]
        fn a_mutated_package_ends_in_an_answer_or_none(bytes in mutated(sample())) {
            if let Some(told) = read(&bytes[..]) {
                prop_assert!(told.tidied().name.chars().count() <= 100);
            }
        }
    }
}
