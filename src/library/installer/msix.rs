//! MSIX packages and bundles: the manifest in the ZIP archive.

use std::io::{Read, Seek};

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::Told;

/// Bytes that may be read of one file: the list of its members and the manifest.
pub(super) const MOST_BYTES: u64 = 64 << 20;
/// Most members an archive may list.
const MEMBERS_MAX: usize = 1_000_000;
/// Longest manifest.
const MANIFEST_MAX_BYTES: u64 = 4 << 20;
/// Longest text of an element.
const TEXT_MAX_BYTES: usize = 4096;
/// Where the manifest of a package, and that of a bundle, lies.
const MANIFESTS: [&str; 2] = ["AppxManifest.xml", "AppxMetadata/AppxBundleManifest.xml"];

/// Reads the manifest; `None` if it is no such package.
pub(super) fn read(file: impl Read + Seek) -> Option<Told> {
    let mut archive = zip::ZipArchive::new(file).ok()?;
    if archive.len() > MEMBERS_MAX {
        return None;
    }
    for name in MANIFESTS {
        let Ok(member) = archive.by_name(name) else { continue };
        let mut text = Vec::new();
        member.take(MANIFEST_MAX_BYTES + 1).read_to_end(&mut text).ok()?;
        if text.len() as u64 > MANIFEST_MAX_BYTES {
            return None;
        }
        return manifest(std::str::from_utf8(&text).ok()?.trim_start_matches('\u{feff}'));
    }
    None
}

/// Name, version and publisher: `Properties` says them for people, `Identity` for Windows.
fn manifest(text: &str) -> Option<Told> {
    let mut reader = Reader::from_str(text);
    let mut told = Told { from: "the MSIX manifest", ..Told::default() };
    let (mut name, mut publisher) = (String::new(), String::new());
    let mut open: Vec<String> = Vec::new();
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) => {
                identity(&element, &mut told, &mut name, &mut publisher);
                open.push(element.local_name().as_ref().to_owned());
                // No manifest is so deep; memory is not for those who nest.
                if open.len() > 64 {
                    return None;
                }
            }
            Event::Empty(element) => identity(&element, &mut told, &mut name, &mut publisher),
            Event::End(_) => {
                open.pop();
            }
            Event::Text(text) => append(&open, &mut told, &text.xml_content(XmlVersion::Implicit1_0)),
            // `&amp;` and its like come by themselves; what else is referred to has no place in a name.
            Event::GeneralRef(name) => {
                let text = format!("&{};", &*name);
                append(&open, &mut told, &quick_xml::escape::unescape(&text).unwrap_or_default());
            }
            Event::Eof => break,
            _ => {}
        }
    }
    // A name in the resources is no name: `ms-resource:AppName`.
    for (field, instead) in [(&mut told.name, name), (&mut told.supplier, common_name(&publisher))] {
        if field.trim().is_empty() || field.trim().starts_with("ms-resource:") {
            *field = instead;
        }
    }
    (!told.name.is_empty() || !told.version.is_empty()).then_some(told)
}

/// Adds text to the field that the open elements mean.
fn append(open: &[String], told: &mut Told, text: &str) {
    let [.., above, this] = open else { return };
    let field = match (above.as_str(), this.as_str()) {
        ("Properties", "DisplayName") => &mut told.name,
        ("Properties", "PublisherDisplayName") => &mut told.supplier,
        _ => return,
    };
    if field.len() + text.len() <= TEXT_MAX_BYTES {
        field.push_str(text);
    }
}

fn identity(element: &BytesStart<'_>, told: &mut Told, name: &mut String, publisher: &mut String) {
    if element.local_name().as_ref() != "Identity" {
        return;
    }
    for attribute in element.attributes().filter_map(Result::ok) {
        let field = match attribute.key.as_ref() {
            "Name" => &mut *name,
            "Version" => &mut told.version,
            "Publisher" => &mut *publisher,
            _ => continue,
        };
        let Ok(value) = attribute.normalized_value(XmlVersion::Implicit1_0) else { continue };
        if value.len() <= TEXT_MAX_BYTES {
            *field = value.into_owned();
        }
    }
    // Windows allows so much in the name of a package, and a command is made with it.
    let is_name = (3..=50).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-');
    if is_name {
        told.identity.clone_from(name);
    }
}

/// `Igor Pavlov` of `CN=Igor Pavlov, O=7-Zip, C=RU`.
fn common_name(publisher: &str) -> String {
    let first = publisher.split(',').find_map(|part| part.trim().strip_prefix("CN="));
    first.unwrap_or_default().trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use proptest::prelude::*;

    use super::super::Bounded;
    use super::super::mutation::mutated;
    use super::*;

    const MANIFEST: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<Package xmlns="http://schemas.microsoft.com/appx/manifest/foundation/windows10">
  <Identity Name="Contoso.Tool" Publisher="CN=Contoso Ltd, O=Contoso" Version="3.2.1.0" />
  <Properties><DisplayName>Contoso &amp; Tool</DisplayName><PublisherDisplayName>Contoso</PublisherDisplayName></Properties>
  <Applications><Application Id="A"><DisplayName>Not this</DisplayName></Application></Applications>
</Package>"#;

    fn package(name: &str, manifest: &str) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in [("app.exe", "MZ"), (name, manifest)] {
            writer.start_file(name, zip::write::SimpleFileOptions::default()).expect("a member");
            writer.write_all(content.as_bytes()).expect("its content");
        }
        writer.finish().expect("an archive").into_inner()
    }

    fn told(bytes: Vec<u8>) -> Option<Told> {
        read(Bounded::new(Cursor::new(bytes), MOST_BYTES))
    }

    #[test]
    fn the_manifest_is_read() {
        for name in MANIFESTS {
            let told = told(package(name, MANIFEST)).expect("it is a package");
            assert_eq!((told.name.as_str(), told.version.as_str()), ("Contoso & Tool", "3.2.1.0"));
            assert_eq!((told.supplier.as_str(), told.identity.as_str()), ("Contoso", "Contoso.Tool"));
        }
        assert_eq!(told(package("other.xml", MANIFEST)), None);
        assert_eq!(told(b"MZ no archive".to_vec()), None);
    }

    #[test]
    fn a_name_in_the_resources_gives_way_to_the_identity() {
        let manifest = MANIFEST.replace(">Contoso", ">ms-resource:Contoso");
        let told = told(package(MANIFESTS[0], &manifest)).expect("it is a package");
        assert_eq!((told.name.as_str(), told.supplier.as_str()), ("Contoso.Tool", "Contoso Ltd"));
        let evil = MANIFEST.replace("Contoso.Tool", "x'; rm");
        assert_eq!(read(Cursor::new(package(MANIFESTS[0], &evil))).expect("it is").identity, "");
    }

    #[test]
    fn a_manifest_that_unpacks_to_too_much_says_nothing() {
        let bomb = format!("{MANIFEST}{}", " ".repeat(MANIFEST_MAX_BYTES as usize));
        assert_eq!(told(package(MANIFESTS[0], &bomb)), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]
        #[test]
        fn a_mutated_package_ends_in_an_answer_or_none(bytes in mutated(package(MANIFESTS[0], MANIFEST))) {
            if let Some(told) = told(bytes) {
                prop_assert!(told.tidied().name.chars().count() <= 100);
            }
        }
    }
}
