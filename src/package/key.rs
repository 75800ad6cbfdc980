//! The name of a package: name and version, as one key. Knows which names can travel to every file system.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::shared_text::SharedText;

/// Longest name or version, in characters.
pub const KEY_PART_MAX_CHARS: usize = 100;

/// Name and version of a package; together they are its identity in a library (DSM: an item is name + version).
///
/// Both are portable path parts: they are the names of two folders, `packages/<Name>/<Version>`. Two keys that
/// differ in case only are the same key to a library, see [`PackageKey::folded`].
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "RawKey", into = "RawKey")]
pub struct PackageKey {
    // `Name@Version` in one piece, shared by all clones: a list keeps 100,000 of them. Neither part has an `@`.
    text: SharedText,
    at: u16,
}

#[derive(Serialize, Deserialize)]
struct RawKey {
    name: String,
    version: String,
}

impl From<PackageKey> for RawKey {
    fn from(key: PackageKey) -> Self {
        Self { name: key.name().to_owned(), version: key.version().to_owned() }
    }
}

impl TryFrom<RawKey> for PackageKey {
    type Error = KeyProblem;
    fn try_from(raw: RawKey) -> Result<Self, KeyProblem> {
        Self::new(&raw.name, &raw.version)
    }
}

/// Why a name or a version cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// Nothing was given.
    #[error("the {0} is empty")]
    Empty(&'static str),
    /// More than [`KEY_PART_MAX_CHARS`] characters or 255 bytes.
    #[error("the {0} has more than {KEY_PART_MAX_CHARS} characters or 255 bytes")]
    TooLong(&'static str),
    /// A character that some file system or the key form `Name@Version` has another use for.
    #[error("the {0} contains {1:?}")]
    Character(&'static str, char),
    /// White space at an end, or a dot at the end: some systems take them off.
    #[error("the {0} begins or ends with white space, or ends with a dot")]
    Ends(&'static str),
    /// `.`, `..`, or a name that Windows keeps for a device.
    #[error("the {0} {1:?} is reserved")]
    Reserved(&'static str, String),
    /// `Name@Version` was expected.
    #[error("{0:?} has no @ between name and version")]
    NoVersion(String),
}

impl PackageKey {
    /// Checks both parts against the rules for names that can travel.
    pub fn new(name: &str, version: &str) -> Result<Self, KeyProblem> {
        check_part("name", name)?;
        check_part("version", version)?;
        let at = u16::try_from(name.len()).map_err(|_| KeyProblem::TooLong("name"))?;
        Ok(Self { text: SharedText::from(format!("{name}@{version}")), at })
    }

    /// Reads `Name@Version`, split at the last `@`.
    pub fn parse(text: &str) -> Result<Self, KeyProblem> {
        let (name, version) = text.rsplit_once('@').ok_or_else(|| KeyProblem::NoVersion(text.to_owned()))?;
        Self::new(name, version)
    }

    /// The name alone.
    pub fn name(&self) -> &str {
        &self.text[..usize::from(self.at)]
    }

    /// The version alone.
    pub fn version(&self) -> &str {
        &self.text[usize::from(self.at) + 1..]
    }

    /// The form in which two keys are compared: without regard to case.
    pub fn folded(&self) -> String {
        self.text.to_lowercase()
    }

    /// The form for titles and sentences: `Inkscape 1.4`.
    pub fn title(&self) -> String {
        format!("{} {}", self.name(), self.version())
    }
}

impl fmt::Display for PackageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for PackageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PackageKey({:?})", &*self.text)
    }
}

/// By name, then by version.
impl Ord for PackageKey {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.name(), self.version()).cmp(&(other.name(), other.version()))
    }
}

impl PartialOrd for PackageKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Names Windows keeps for devices, with or without an extension, in any case.
pub fn is_device_name(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or(part).trim_end();
    let upper = stem.to_ascii_uppercase();
    match upper.as_str() {
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" => true,
        _ => {
            let port = upper.strip_prefix("COM").or_else(|| upper.strip_prefix("LPT"));
            matches!(port, Some("0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "¹" | "²" | "³"))
        }
    }
}

fn check_part(what: &'static str, part: &str) -> Result<(), KeyProblem> {
    if part.is_empty() {
        return Err(KeyProblem::Empty(what));
    }
    if part.chars().count() > KEY_PART_MAX_CHARS || part.len() > 255 {
        return Err(KeyProblem::TooLong(what));
    }
    let unfit = |c: char| {
        c.is_control()
            || matches!(
                c,
                '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' | '@' | '\u{2028}' | '\u{2029}'
            )
    };
    if let Some(c) = part.chars().find(|c| unfit(*c)) {
        return Err(KeyProblem::Character(what, c));
    }
    if part.trim() != part || (part.ends_with('.') && part != "." && part != "..") {
        return Err(KeyProblem::Ends(what));
    }
    if part == "." || part == ".." || is_device_name(part) {
        return Err(KeyProblem::Reserved(what, part.to_owned()));
    }
    let lower = part.to_ascii_lowercase();
    if lower.contains("%0a") || lower.contains("%0d") {
        return Err(KeyProblem::Character(what, '%'));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_split_at_the_last_at_sign() {
        let key = PackageKey::parse("7-Zip@24.09").expect("a good key");
        assert_eq!((key.name(), key.version()), ("7-Zip", "24.09"));
        assert_eq!(PackageKey::parse("a@b@1"), Err(KeyProblem::Character("name", '@')));
        assert!(matches!(PackageKey::parse("7-Zip"), Err(KeyProblem::NoVersion(_))));
    }

    #[test]
    fn names_that_cannot_travel_are_refused() {
        for bad in
            ["", ".", "..", "a/b", "a\\b", "a:b", "CON", "nul.txt", "COM1", "x.", " x", "x ", "a\nb", "a%0Ab"]
        {
            assert!(PackageKey::new(bad, "1").is_err(), "{bad:?} must be refused");
            assert!(PackageKey::new("x", bad).is_err(), "{bad:?} must be refused as a version");
        }
        assert!(PackageKey::new(&"x".repeat(101), "1").is_err());
        assert!(PackageKey::new(&"x".repeat(100), "1").is_ok());
        assert!(PackageKey::new("Größe & Maß (x64) 100%", "1.0-β2+build").is_ok());
    }

    #[test]
    fn keys_are_in_order_of_names_first() {
        let mut keys = ["b@1", "a b@1", "a@2", "a@10"].map(|text| PackageKey::parse(text).expect("good"));
        keys.sort();
        assert_eq!(keys.map(|key| key.to_string()), ["a@10", "a@2", "a b@1", "b@1"]);
    }

    #[test]
    fn a_key_is_written_as_name_and_version() {
        let key = PackageKey::parse("7-Zip@24.09").expect("good");
        let text = serde_json::to_string(&key).expect("writable");
        assert_eq!(text, r#"{"name":"7-Zip","version":"24.09"}"#);
        assert_eq!(serde_json::from_str::<PackageKey>(&text).expect("readable"), key);
        assert!(serde_json::from_str::<PackageKey>(r#"{"name":"a@b","version":"1"}"#).is_err());
    }

    #[test]
    fn keys_differing_in_case_fold_to_one() {
        let one = PackageKey::new("VLC", "3.0-RC1").expect("good");
        let two = PackageKey::new("vlc", "3.0-rc1").expect("good");
        assert_ne!(one, two);
        assert_eq!(one.folded(), two.folded());
    }
}
