//! Addresses of staging libraries: folders, web servers, buckets.
//!
//! Pure: nothing is asked of the disk or the network. An address never holds a password.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use url::Url;

use super::error::StagingError;
use super::store::StorePath;
use crate::package::address;
use crate::package::bucket::BucketAddress;
use crate::package::snapshot::escape_url_path;
use crate::transfer::Credentials;

/// Where a staging library lies.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum StagingAddress {
    /// A folder on this computer or a share.
    Folder(PathBuf),
    /// A web server: the objects lie below this address, which ends with `/` and holds no password.
    Web(Url),
    /// A bucket.
    Bucket(BucketAddress),
}

impl StagingAddress {
    /// Reads an address: the path of a folder, `file://`, `http://`, `https://`, `s3://bucket/prefix`. A name and password
    /// before the host are taken out and given beside it.
    pub fn parse(text: &str) -> Result<(Self, Option<Credentials>), StagingError> {
        let text = text.trim();
        let (shown, taken) = address::without_credentials(text);
        // What stands behind a question mark may be a secret in a wrong place.
        let told = shown.split(['?', '#']).next().unwrap_or_default();
        let wrong = |why: &str| StagingError::Address { address: told.to_owned(), why: why.to_owned() };
        if text.len() > address::ADDRESS_MAX_BYTES {
            return Err(StagingError::Address {
                address: told.chars().take(80).collect(),
                why: "it is too long".to_owned(),
            });
        }
        let is_url = text.split_once("://").is_some_and(|(scheme, _)| {
            scheme.len() > 1 && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+')
        });
        if !is_url {
            if text.is_empty() {
                return Err(wrong("it is empty"));
            }
            if !Path::new(text).is_absolute() {
                return Err(wrong("give the whole path of the folder"));
            }
            return Ok((Self::Folder(text.into()), None));
        }
        let credentials = taken.map(|(user, password)| Credentials::Basic { user, password });
        let mut url = Url::parse(&shown).map_err(|error| wrong(&error.to_string()))?;
        match url.scheme() {
            "file" => match url.to_file_path() {
                Ok(folder) => Ok((Self::Folder(folder), None)),
                Err(()) => Err(wrong("it names no folder")),
            },
            "http" | "https" => {
                if url.query().is_some() || url.fragment().is_some() {
                    return Err(wrong("a staging library has no ? or # in its address"));
                }
                if !url.path().ends_with('/') {
                    let path = format!("{}/", url.path());
                    url.set_path(&path);
                }
                Ok((Self::Web(url), credentials))
            }
            "s3" => Ok((Self::Bucket(BucketAddress::of(&url).map_err(wrong)?), credentials)),
            _ => Err(wrong("only folders, file, http, https and s3 are known")),
        }
    }

    /// The same store as a [`StagingAddress`] of something below it.
    pub fn below(&self, path: &StorePath) -> Self {
        let mut below = self.clone();
        match &mut below {
            Self::Folder(folder) => folder.extend(path.as_str().split('/')),
            Self::Web(url) => {
                let escaped = escape_url_path(path.as_str());
                url.set_path(&format!("{}{escaped}/", url.path()));
            }
            Self::Bucket(bucket) => {
                let parts = [bucket.prefix.as_str(), path.as_str()];
                bucket.prefix =
                    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
            }
        }
        below
    }
}

impl StagingAddress {
    /// Whether what signs in at one may be shown to the other.
    pub fn is_same_server(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Folder(_), Self::Folder(_)) => true,
            (Self::Web(one), Self::Web(other)) => one.origin() == other.origin(),
            (Self::Bucket(one), Self::Bucket(other)) => {
                (&one.endpoint, &one.region) == (&other.endpoint, &other.region)
            }
            _ => false,
        }
    }
}

impl fmt::Display for StagingAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "{}", folder.display()),
            Self::Web(url) => f.write_str(url.as_str()),
            Self::Bucket(bucket) => bucket.fmt(f),
        }
    }
}

impl TryFrom<String> for StagingAddress {
    type Error = StagingError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).map(|(address, _)| address)
    }
}

impl From<StagingAddress> for String {
    fn from(address: StagingAddress) -> Self {
        address.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Class;

    #[test]
    fn addresses_are_read_and_written_again() {
        for (text, shown) in [
            ("/srv/staging", "/srv/staging"),
            ("file:///srv/staging", "/srv/staging"),
            ("http://host/a", "http://host/a/"),
            ("https://host:8443/a/b/", "https://host:8443/a/b/"),
            ("s3://bucket", "s3://bucket"),
            ("s3://bucket/a/b/", "s3://bucket/a/b"),
            (
                "s3://bucket/a%20b?endpoint=http://127.0.0.1:9000&region=eu-central-1",
                "s3://bucket/a%20b?endpoint=http://127.0.0.1:9000&region=eu-central-1",
            ),
        ] {
            let (address, credentials) = StagingAddress::parse(text).expect(text);
            assert!(credentials.is_none(), "{text}");
            assert_eq!(address.to_string(), shown);
            let again = StagingAddress::parse(shown).expect(shown).0;
            assert_eq!(again, address, "{text}");
        }
    }

    #[test]
    fn a_password_in_an_address_is_taken_out() {
        let (address, credentials) =
            StagingAddress::parse("https://anna:p%40ss@host/staging").expect("an address");
        assert_eq!(address.to_string(), "https://host/staging/");
        let expected = Credentials::Basic { user: "anna".to_owned(), password: "p@ss".to_owned() };
        assert_eq!(credentials, Some(expected));
    }

    #[test]
    fn what_is_no_staging_library_is_refused_without_its_password() {
        for wrong in [
            "",
            "relative/folder",
            "ftp://anna:secret@host/x",
            "http://anna:secret@[bad/",
            "http://host/x?token=1",
            "s3://",
            "s3://bucket/a//b",
            "s3://bucket?endpoint=ftp://host",
            "s3://bucket?endpoint=http://u:secret@host",
            "s3://bucket?other=1",
            "s3://bucket/%ff",
        ] {
            let error = StagingAddress::parse(wrong).expect_err(wrong);
            assert!(!error.to_string().contains("secret"), "{error}");
            assert_eq!(error.explain().class, Class::Usage);
        }
    }
}
