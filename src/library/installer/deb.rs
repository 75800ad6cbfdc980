//! Debian packages: the `control` file in the archive of archives.

use std::io::Read;

use super::Told;

/// Bytes of the packed control archive that are read.
const PACKED_MOST_BYTES: u64 = 8 << 20;
/// Bytes it may unpack to.
const UNPACKED_MOST_BYTES: u64 = 32 << 20;
/// Memory that unpacking may take.
const MEMORY_MOST_BYTES: u64 = 128 << 20;
/// Longest `control` file.
const CONTROL_MOST_BYTES: u64 = 1 << 20;
/// Members looked at: the version, the control archive, the files; signers add one.
const MEMBERS: usize = 8;

/// Reads the control file; `None` if it is no such package.
pub(super) fn read(file: impl Read) -> Option<Told> {
    let mut archive = ar::Archive::new(file);
    for _ in 0..MEMBERS {
        let entry = archive.next_entry()?.ok()?;
        let name = String::from_utf8_lossy(entry.header().identifier()).into_owned();
        let packed = entry.take(PACKED_MOST_BYTES);
        match name.trim_end_matches('/') {
            "control.tar" => return control(packed),
            "control.tar.gz" => return control(flate2::read::GzDecoder::new(packed)),
            "control.tar.xz" => {
                let stream = liblzma::stream::Stream::new_stream_decoder(MEMORY_MOST_BYTES, 0).ok()?;
                return control(liblzma::read::XzDecoder::new_stream(packed, stream));
            }
            "control.tar.zst" => {
                let mut decoder = zstd::Decoder::new(packed).ok()?;
                decoder.window_log_max(27).ok()?;
                return control(decoder);
            }
            _ => {}
        }
    }
    None
}

fn control(unpacked: impl Read) -> Option<Told> {
    let mut archive = tar::Archive::new(unpacked.take(UNPACKED_MOST_BYTES));
    for entry in archive.entries().ok()? {
        let entry = entry.ok()?;
        let path = entry.path().ok()?.into_owned();
        if path.strip_prefix(".").unwrap_or(&path) == std::path::Path::new("control") {
            let mut text = Vec::new();
            entry.take(CONTROL_MOST_BYTES).read_to_end(&mut text).ok()?;
            return Some(fields(&String::from_utf8_lossy(&text)));
        }
    }
    None
}

/// The fields of the first paragraph.
fn fields(text: &str) -> Told {
    let mut told = Told { from: "the DEB control file", ..Told::default() };
    for line in text.lines().take_while(|line| !line.trim().is_empty()) {
        let Some((name, value)) = line.split_once(':').filter(|_| !line.starts_with([' ', '\t'])) else {
            continue;
        };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "package" => {
                told.name = value.to_owned();
                // Only what Debian allows as a name goes into a command.
                let is_name = value.len() > 1
                    && value
                        .bytes()
                        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b))
                    && value.as_bytes()[0].is_ascii_alphanumeric();
                told.identity = if is_name { value.to_owned() } else { String::new() };
            }
            // `1:2.3-4`: the epoch is Debian's own, and no folder can be named so everywhere.
            "version" => {
                told.version = value.split_once(':').map_or(value, |(_, version)| version).to_owned();
            }
            "maintainer" => told.supplier = value.split('<').next().unwrap_or(value).trim().to_owned(),
            _ => {}
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::mutation::mutated;
    use super::*;

    fn package(compressed: impl Fn(&[u8]) -> Vec<u8>, ending: &str) -> Vec<u8> {
        let text = b"Package: hello-world\nVersion: 1:2.10-3\nMaintainer: Jane Doe <jane@example.org>\nDescription: x\n y: z\n";
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, "./control", &text[..]).expect("a member");
        let control = compressed(&tar.into_inner().expect("a tar file"));
        let mut builder = ar::Builder::new(Vec::new());
        for (name, content) in [
            ("debian-binary", b"2.0\n".to_vec()),
            (&format!("control.tar{ending}"), control),
            ("data.tar", vec![]),
        ] {
            let header = ar::Header::new(name.as_bytes().to_vec(), content.len() as u64);
            builder.append(&header, &content[..]).expect("a member");
        }
        builder.into_inner().expect("an archive")
    }

    #[test]
    fn the_control_file_is_read_however_it_is_packed() {
        let plain = package(<[u8]>::to_vec, "");
        let packed = package(|bytes| zstd::encode_all(bytes, 3).expect("packed"), ".zst");
        for bytes in [plain, packed] {
            let told = read(&bytes[..]).expect("it is a package");
            assert_eq!((told.name.as_str(), told.version.as_str()), ("hello-world", "2.10-3"));
            assert_eq!((told.supplier.as_str(), told.identity.as_str()), ("Jane Doe", "hello-world"));
        }
        assert_eq!(read(&b"!<arch>\n"[..]), None);
        assert_eq!(fields("Package: -rf /\n").identity, "", "what is no name goes into no command");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn a_mutated_package_ends_in_an_answer_or_none(bytes in prop_oneof![
            mutated(package(<[u8]>::to_vec, "")),
            mutated(package(|bytes| zstd::encode_all(bytes, 3).expect("packed"), ".zst")),
        ]) {
            if let Some(told) = read(&bytes[..]) {
                prop_assert!(told.tidied().name.chars().count() <= 100);
            }
        }
    }
}
