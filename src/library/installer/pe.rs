//! Windows programs: the version resource of an `.exe`.

use object::LittleEndian as LE;
use object::pe::{ImageNtHeaders32, ImageNtHeaders64};
use object::read::pe::{
    ImageNtHeaders, PeFile, ResourceDirectory, ResourceDirectoryEntryData, optional_header_magic,
};

use super::Told;

/// Bytes of a program that are looked at: its own sections; what an installer carries comes after them.
pub(super) const MOST_BYTES: u64 = 32 << 20;
/// The type of version resources (winuser.h).
const RT_VERSION: u16 = 16;
/// Largest version resource.
const RESOURCE_MOST_BYTES: usize = 256 * 1024;
/// Most nodes of one level that are looked at.
const NODES: usize = 256;
/// `VS_FIXEDFILEINFO.dwSignature`.
const FIXED_SIGNATURE: u32 = 0xfeef_04bd;

/// Reads the version resource; `None` if it is no program, or has none.
pub(super) fn read(start: &[u8]) -> Option<Told> {
    let resource = match optional_header_magic(start).ok()? {
        object::pe::IMAGE_NT_OPTIONAL_HDR32_MAGIC => resource_of::<ImageNtHeaders32>(start)?,
        object::pe::IMAGE_NT_OPTIONAL_HDR64_MAGIC => resource_of::<ImageNtHeaders64>(start)?,
        _ => return None,
    };
    let root = Node::parse(resource)?;
    let mut told = Told { from: "the version resource", ..Told::default() };
    let mut file_version = String::new();
    for table in root.children().filter(|node| node.key == "StringFileInfo") {
        for text in table.children().flat_map(|language| language.children().collect::<Vec<_>>()) {
            let field = match text.key.as_str() {
                "ProductName" => &mut told.name,
                "ProductVersion" => &mut told.version,
                "CompanyName" => &mut told.supplier,
                "FileVersion" => &mut file_version,
                _ => continue,
            };
            // The first language that says it.
            if field.is_empty() {
                *field = text.text();
            }
        }
    }
    if told.version.is_empty() {
        told.version = if file_version.is_empty() { root.fixed_version() } else { file_version };
    }
    Some(told)
}

/// The bytes of the first version resource.
fn resource_of<Headers: ImageNtHeaders>(start: &[u8]) -> Option<&[u8]> {
    let program = PeFile::<Headers>::parse(start).ok()?;
    let sections = program.section_table();
    let directory = program.data_directories().resource_directory(start, &sections).ok()??;
    let is_version = |entry: &object::pe::ImageResourceDirectoryEntry| {
        !entry.has_name() && entry.name_or_id().id() == Some(RT_VERSION)
    };
    let versions = directory.root().ok()?.entries.iter().find(|entry| is_version(entry))?;
    let entry = versions.data(directory).ok()?.table()?.entries.first()?;
    let data = match entry.data(directory).ok()? {
        ResourceDirectoryEntryData::Data(data) => data,
        table => first_data(table, directory)?,
    };
    let bytes = sections.pe_data_at(start, data.offset_to_data.get(LE))?;
    bytes.get(..(data.size.get(LE) as usize).min(RESOURCE_MOST_BYTES))
}

fn first_data<'d>(
    table: ResourceDirectoryEntryData<'d>,
    directory: ResourceDirectory<'d>,
) -> Option<&'d object::pe::ImageResourceDataEntry> {
    table.table()?.entries.first()?.data(directory).ok()?.data()
}

/// A node of a version resource: a length, a key, a value, children, each on its four-byte border.
struct Node<'b> {
    key: String,
    /// All of the node.
    bytes: &'b [u8],
    /// Where its value begins.
    value_at: usize,
    /// Length of the value, in bytes.
    value_bytes: usize,
}

impl<'b> Node<'b> {
    fn parse(bytes: &'b [u8]) -> Option<Self> {
        let word = |at: usize| Some(u16::from_le_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
        let bytes = bytes.get(..usize::from(word(0)?))?;
        let (units, is_text) = (usize::from(word(2)?), word(4)? == 1);
        let mut key = Vec::new();
        let mut at = 6;
        loop {
            let unit = u16::from_le_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]);
            at += 2;
            if unit == 0 {
                break;
            }
            key.push(unit);
        }
        let value_at = at.next_multiple_of(4);
        let value_bytes = if is_text { units * 2 } else { units };
        Some(Self { key: String::from_utf16_lossy(&key), bytes, value_at, value_bytes })
    }

    fn children(&self) -> impl Iterator<Item = Node<'b>> {
        let bytes = self.bytes;
        let mut at = (self.value_at + self.value_bytes).next_multiple_of(4);
        std::iter::from_fn(move || {
            let node = Node::parse(bytes.get(at..)?)?;
            at = (at + node.bytes.len()).next_multiple_of(4);
            Some(node)
        })
        .take(NODES)
    }

    /// The value as text, up to its end mark. Its length is told in units by some tools and in bytes by others.
    fn text(&self) -> String {
        let value = self.bytes.get(self.value_at..).unwrap_or_default();
        let (units, _) = value.as_chunks::<2>();
        let units = units.iter().map(|unit| u16::from_le_bytes(*unit)).take_while(|unit| *unit != 0);
        String::from_utf16_lossy(&units.take(400).collect::<Vec<_>>()).trim().to_owned()
    }

    /// The version of the product as numbers; empty if there is none.
    fn fixed_version(&self) -> String {
        let end = self.value_at.saturating_add(self.value_bytes);
        let value = self.bytes.get(self.value_at..end).unwrap_or_default();
        let (words, _) = value.as_chunks::<4>();
        let word = |at: usize| words.get(at).map(|word| u32::from_le_bytes(*word));
        match (word(0), word(4), word(5)) {
            (Some(FIXED_SIGNATURE), Some(high), Some(low)) => {
                format!("{}.{}.{}.{}", high >> 16, high & 0xffff, low >> 16, low & 0xffff)
            }
            _ => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::mutation::mutated;
    use super::*;

    /// A node of a version resource: key, value, children, each on its four-byte border.
    fn node(key: &str, value: &[u8], is_text: bool, children: &[Vec<u8>]) -> Vec<u8> {
        let pad = |bytes: &mut Vec<u8>| bytes.resize(bytes.len().next_multiple_of(4), 0);
        let mut bytes = vec![0; 6];
        bytes.extend(key.encode_utf16().chain([0]).flat_map(u16::to_le_bytes));
        pad(&mut bytes);
        bytes.extend_from_slice(value);
        for child in children {
            pad(&mut bytes);
            bytes.extend_from_slice(child);
        }
        let units = if is_text { value.len() / 2 } else { value.len() };
        let head = [bytes.len() as u16, units as u16, u16::from(is_text)];
        bytes[..6].copy_from_slice(&head.map(u16::to_le_bytes).concat());
        bytes
    }

    fn text(key: &str, value: &str) -> Vec<u8> {
        let units: Vec<u8> = value.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
        node(key, &units, true, &[])
    }

    fn version_resource(strings: &[(&str, &str)]) -> Vec<u8> {
        let strings: Vec<Vec<u8>> = strings.iter().map(|(key, value)| text(key, value)).collect();
        let mut fixed = vec![0u32; 13];
        (fixed[0], fixed[1]) = (0xfeef_04bd, 0x1_0000);
        // Version of the file, and of the product: 24.9.0.1.
        for at in [2, 4] {
            (fixed[at], fixed[at + 1]) = (24 << 16 | 9, 1);
        }
        let fixed: Vec<u8> = fixed.into_iter().flat_map(u32::to_le_bytes).collect();
        let table = node("StringFileInfo", &[], true, &[node("040904b0", &[], true, &strings)]);
        let language = [0x0409u16, 0x04b0].map(u16::to_le_bytes).concat();
        let languages = node("VarFileInfo", &[], true, &[node("Translation", &language, false, &[])]);
        node("VS_VERSION_INFO", &fixed, false, &[table, languages])
    }

    /// A program of nothing but a version resource, as a linker lays it out.
    fn program(resource: &[u8]) -> Vec<u8> {
        const RVA: u32 = 0x1000;
        let words = |words: &[u32]| words.iter().copied().flat_map(u32::to_le_bytes).collect::<Vec<u8>>();
        let mut section = Vec::new();
        // Type 16, id 1, language 0x409: each folder has one entry, and the last entry is the data.
        for (id, next) in [(16, 0x8000_0018), (1, 0x8000_0030), (0x409, 0x48)] {
            section.extend(words(&[0, 0, 0, 1 << 16, id, next]));
        }
        section.extend(words(&[RVA + 0x58, resource.len() as u32, 0, 0]));
        section.extend_from_slice(resource);
        let size = section.len() as u32;
        section.resize(section.len().next_multiple_of(0x200), 0);

        let mut file = vec![0; 0x40];
        file[..2].copy_from_slice(b"MZ");
        file[0x3c] = 0x40;
        file.extend_from_slice(b"PE\0\0");
        // 64-bit, one section, an optional header of 240 bytes, an executable image.
        file.extend([0x8664u16, 1].into_iter().flat_map(u16::to_le_bytes));
        file.extend(words(&[0, 0, 0]));
        file.extend([240u16, 0x22].into_iter().flat_map(u16::to_le_bytes));
        let optional = file.len();
        file.resize(optional + 240, 0);
        let mut put = |at: usize, value: u32, bytes: usize| {
            file[optional + at..][..bytes].copy_from_slice(&value.to_le_bytes()[..bytes]);
        };
        put(0, 0x20b, 2);
        put(24, 0x40_0000, 4);
        put(32, 0x1000, 4);
        put(36, 0x200, 4);
        put(56, 0x1000 + size.next_multiple_of(0x1000), 4);
        put(60, 0x200, 4);
        put(68, 3, 2);
        put(108, 16, 4);
        put(112 + 2 * 8, RVA, 4);
        put(112 + 2 * 8 + 4, size, 4);
        file.extend_from_slice(b".rsrc\0\0\0");
        file.extend(words(&[size, RVA, section.len() as u32, 0x200, 0, 0, 0, 0x4000_0040]));
        file.resize(0x200, 0);
        file.extend_from_slice(&section);
        file
    }

    fn sample() -> Vec<u8> {
        program(&version_resource(&[
            ("CompanyName", "Igor Pavlov"),
            ("ProductName", "7-Zip"),
            ("FileVersion", "24.09"),
            ("ProductVersion", "24.09 "),
        ]))
    }

    #[test]
    fn the_version_resource_is_read() {
        let told = read(&sample()).expect("it has one").tidied();
        assert_eq!((told.name.as_str(), told.version.as_str()), ("7-Zip", "24.09"));
        assert_eq!((told.supplier.as_str(), told.from), ("Igor Pavlov", "the version resource"));
        let told = read(&program(&version_resource(&[("ProductName", "x")]))).expect("it has one");
        assert_eq!(told.version, "24.9.0.1", "the number, where there is no text");
        assert_eq!(read(b"MZ"), None);
        assert_eq!(read(b"#!/bin/sh"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]
        #[test]
        fn a_mutated_program_ends_in_an_answer_or_none(bytes in mutated(sample())) {
            if let Some(told) = read(&bytes) {
                prop_assert!(told.tidied().name.chars().count() <= 100);
            }
        }
    }
}
