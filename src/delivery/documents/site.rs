//! The site list, `delivery/site.json`: what every agent of a site is to know. Signed by a key for jobs.

use serde::{Deserialize, Serialize};

use super::ids::SiteId;
use super::limits::{DOCUMENT_MAX_BYTES, KEEP_MAX, KEYS_MAX, POLL_MAX_SECS};
use super::{DocumentKind, DocumentProblem, Form, check_count, check_key, check_time, read, write};
use crate::package::PackageKey;

/// The public keys of a site, as base64 text (`RW…`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteKeys {
    /// May sign the site list and jobs.
    pub jobs: Vec<String>,
    /// May seal packages.
    pub seals: Vec<String>,
}

/// What every agent of a site is to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteDocument {
    /// Which site.
    pub site: SiteId,
    /// Rises with every one that is written: the greater of the last + 1 and the Unix time.
    pub sequence: u64,
    /// When it was written.
    pub issued: i64,
    /// Whom to believe.
    pub keys: SiteKeys,
    /// Seconds between two polls of an agent, before chance is added.
    pub poll_seconds: u32,
    /// Packages that agents keep although no job names them.
    #[serde(default)]
    pub keep: Vec<PackageKey>,
    /// How many bytes of packages an agent keeps at most; packages of open jobs count and stay.
    #[serde(default)]
    pub keep_bytes: Option<u64>,
}

impl SiteDocument {
    /// The text that is signed.
    pub fn to_text(&self) -> Result<String, DocumentProblem> {
        write(self)
    }

    /// Reads the text of a site list.
    pub fn parse(text: &str) -> Result<Self, DocumentProblem> {
        read(text)
    }
}

impl Form for SiteDocument {
    const KIND: DocumentKind = DocumentKind::Site;
    const WORD: &'static str = "site list";
    const MOST_BYTES: u64 = DOCUMENT_MAX_BYTES;

    fn check(&self) -> Result<(), DocumentProblem> {
        check_time("issued", self.issued)?;
        check_count("keys.jobs", self.keys.jobs.len(), KEYS_MAX)?;
        check_count("keys.seals", self.keys.seals.len(), KEYS_MAX)?;
        check_count("keep", self.keep.len(), KEEP_MAX)?;
        self.keys.jobs.iter().try_for_each(|key| check_key("keys.jobs", key))?;
        self.keys.seals.iter().try_for_each(|key| check_key("keys.seals", key))?;
        if self.keys.jobs.is_empty() {
            // Whoever took it could never be told anything again.
            return Err(DocumentProblem::Field { field: "keys.jobs", why: "there is none".to_owned() });
        }
        if !(1..=POLL_MAX_SECS).contains(&self.poll_seconds) {
            let why = format!("it is not between 1 and {POLL_MAX_SECS}");
            return Err(DocumentProblem::Field { field: "poll_seconds", why });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_list_is_read_as_it_was_written() {
        let key = minisign::KeyPair::generate_unencrypted_keypair().expect("a key").pk.to_base64();
        let site = SiteDocument {
            site: SiteId(uuid::Uuid::from_u128(1)),
            sequence: 5,
            issued: 1_790_000_000,
            keys: SiteKeys { jobs: vec![key.clone()], seals: vec![key] },
            poll_seconds: 60,
            keep: vec![PackageKey::new("7-Zip", "24.09").expect("good")],
            keep_bytes: None,
        };
        let text = site.to_text().expect("it is written");
        assert!(text.starts_with(r#"{"format":1,"kind":"site","site":"0"#), "{text}");
        assert_eq!(SiteDocument::parse(&text), Ok(site.clone()));
        let newer = text.replacen('{', r#"{"colour":"blue","#, 1);
        assert_eq!(SiteDocument::parse(&newer), Ok(site.clone()));
        for (from, to) in [
            (r#""kind":"site""#, r#""kind":"jobs""#),
            (r#""format":1"#, r#""format":2"#),
            (r#""poll_seconds":60"#, r#""poll_seconds":0"#),
            (r#""name":"7-Zip""#, r#""name":"../x""#),
            (r#""issued":1790000000"#, r#""issued":9223372036854775807"#),
            (r#""seals":["RW"#, r#""seals":["XX"#),
        ] {
            let bad = text.replace(from, to);
            assert_ne!(bad, text, "{from}");
            assert!(SiteDocument::parse(&bad).is_err(), "{to}");
        }
        let none = SiteDocument { keys: SiteKeys::default(), ..site };
        assert!(none.to_text().is_err());
    }
}
