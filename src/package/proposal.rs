//! Name and version proposed from the name of a folder or file: `7-Zip 24.09`, `7zip-24.09`, `setup_2.1.0.exe`.

/// A proposed name and version; either may be empty where the name says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameAndVersion {
    /// Proposed name.
    pub name: String,
    /// Proposed version.
    pub version: String,
}

/// Splits a folder or file name at the last part that begins with a digit (or `v` and a digit), after a space,
/// `-`, `_` or `@`. Further parts that belong to the version (`24.8.4 LTS`) stay with it.
pub fn split_name(text: &str) -> NameAndVersion {
    let text = text.trim();
    let mut best = None;
    let bytes = text.as_bytes();
    for (at, c) in text.char_indices() {
        if !matches!(c, ' ' | '-' | '_' | '@') || at == 0 {
            continue;
        }
        let rest = &text[at + c.len_utf8()..];
        if !begins_version(rest) {
            continue;
        }
        // `x86-64`, `win64-1.2`: a word that only names the machine begins no version.
        let version_like = rest.split([' ', '_', '@']).next().unwrap_or(rest);
        let dotted = version_like.contains('.') || version_like.chars().all(|c| c.is_ascii_digit());
        if best.is_none() || (dotted && !is_dotted(&text[best.unwrap_or(0)..])) {
            best = Some(at);
        }
    }
    let Some(at) = best else {
        return NameAndVersion { name: tidy(text), version: String::new() };
    };
    let separator = text[at..].chars().next().map_or(1, char::len_utf8);
    let mut version = text[at + separator..].trim().to_owned();
    if version.len() > 1 && version.starts_with(['v', 'V']) && version.as_bytes()[1].is_ascii_digit() {
        version.remove(0);
    }
    debug_assert!(at < bytes.len(), "the separator lies in the text");
    NameAndVersion { name: tidy(&text[..at]), version }
}

fn begins_version(text: &str) -> bool {
    let mut chars = text.chars();
    match chars.next() {
        Some(c) if c.is_ascii_digit() => true,
        Some('v' | 'V') => chars.next().is_some_and(|c| c.is_ascii_digit()),
        _ => false,
    }
}

fn is_dotted(text: &str) -> bool {
    let word = text.trim_start_matches([' ', '-', '_', '@']);
    let word = word.split([' ', '_', '@', '-']).next().unwrap_or(word);
    word.contains('.')
}

fn tidy(name: &str) -> String {
    name.trim_matches([' ', '-', '_', '@']).to_owned()
}

/// Takes a known installer ending off a file name: `setup-1.0.exe` is `setup-1.0`.
pub fn without_ending(file_name: &str) -> &str {
    const ENDINGS: [&str; 16] = [
        ".tar.zst", ".tar.gz", ".tar.xz", ".tar.bz2", ".tgz", ".zip", ".exe", ".msi", ".msix", ".appx",
        ".deb", ".rpm", ".sh", ".ps1", ".iso", ".7z",
    ];
    let lower = file_name.to_ascii_lowercase();
    match ENDINGS.iter().find(|ending| lower.ends_with(**ending) && lower.len() > ending.len()) {
        Some(ending) => &file_name[..file_name.len() - ending.len()],
        None => file_name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_versions_come_apart() {
        for (text, name, version) in [
            ("7-Zip 24.09", "7-Zip", "24.09"),
            ("7zip-24.09", "7zip", "24.09"),
            ("LibreOffice_24.8.4", "LibreOffice", "24.8.4"),
            ("Eclipse Temurin JDK 21.0.5", "Eclipse Temurin JDK", "21.0.5"),
            ("node-v20.11.1-linux-x64", "node", "20.11.1-linux-x64"),
            ("Python 3.13.1", "Python", "3.13.1"),
            ("R 4.4.1", "R", "4.4.1"),
            ("7-Zip", "7-Zip", ""),
            ("Firefox ESR 128", "Firefox ESR", "128"),
            ("Inkscape@1.4", "Inkscape", "1.4"),
            ("Blender", "Blender", ""),
            ("Größe-2.0", "Größe", "2.0"),
            ("", "", ""),
        ] {
            let wanted = NameAndVersion { name: name.into(), version: version.into() };
            assert_eq!(split_name(text), wanted, "{text:?}");
        }
        assert_eq!(without_ending("Setup-1.0.EXE"), "Setup-1.0");
        assert_eq!(without_ending(".zip"), ".zip");
    }
}
