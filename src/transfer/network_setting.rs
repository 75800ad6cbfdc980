//! How the network is reached, as a person chose it for a library, and how that is kept: proxy, sign-in, certificates.
//!
//! All of it lies in one row of secure storage: each user of a library has a choice of one's own, and the password is
//! nowhere else. Must not know where the environment comes from: the proxy it names is handed in.

use std::fmt;
use std::io::Read as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::credentials::Credentials;
use super::http::{NetworkOptions, ProxyAddress, client};
use super::secure_storage::{KEY_FILE_NAME, Kept, Kind, SecureError, SecureStorage};
use crate::failure::{Class, Failure};
use crate::package::PackageId;
use crate::store::Catalogue;

/// A file of certificates is no longer than this.
const CERTIFICATES_MOST_BYTES: u64 = 4 << 20;
/// What is reached without a proxy that was named here.
const BYPASS: &str = "localhost,127.0.0.1,::1";

/// Which proxy downloads go through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProxyChoice {
    /// None.
    None,
    /// The one the environment names, where it names one.
    #[default]
    Environment,
    /// The one whose address is given.
    Address,
}

/// How the network is reached, as a person chose it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkSetting {
    /// Which proxy.
    pub proxy: ProxyChoice,
    /// `http://host:port`, for [`ProxyChoice::Address`].
    pub address: String,
    /// Who signs in at the proxy; empty for nobody.
    pub user: String,
    /// The password there. Never shown, in no log.
    #[serde(with = "secret")]
    pub password: Zeroizing<String>,
    /// A file of root certificates (PEM) that are trusted beside those of the system; empty for none.
    pub certificates: String,
}

/// A text that is wiped when it is dropped goes the way of any other.
mod secret {
    use serde::{Deserialize as _, Deserializer, Serializer};
    use zeroize::Zeroizing;

    pub(super) fn serialize<S: Serializer>(secret: &Zeroizing<String>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(secret)
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Zeroizing<String>, D::Error> {
        String::deserialize(from).map(Zeroizing::new)
    }
}

impl fmt::Debug for NetworkSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetworkSetting")
            .field("proxy", &self.proxy)
            .field("address", &self.address)
            .field("certificates", &self.certificates)
            .finish_non_exhaustive()
    }
}

impl NetworkSetting {
    /// What is wrong with the address of the proxy, for one who is typing it.
    pub fn problem(&self) -> Option<&'static str> {
        if self.proxy != ProxyChoice::Address {
            return None;
        }
        let Ok(url) = url::Url::parse(self.address.trim()) else {
            return Some("Give the address of the proxy, such as http://proxy.example:3128");
        };
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return Some("Give the address of the proxy, such as http://proxy.example:3128");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Some("User and password have fields of their own");
        }
        None
    }

    /// What a transfer is told. Reads the certificates, and proves that all of it can be used.
    pub fn options(&self, environment: Option<&ProxyAddress>) -> Result<NetworkOptions, Failure> {
        if let Some(problem) = self.problem() {
            return Err(Failure::new("proxy-address", Class::Usage, "that is no proxy", problem));
        }
        let proxy = match self.proxy {
            ProxyChoice::None => None,
            ProxyChoice::Environment => environment.cloned(),
            ProxyChoice::Address => Some(ProxyAddress {
                url: self.address.trim().to_owned(),
                credentials: (!self.user.is_empty()).then(|| Credentials::Basic {
                    user: self.user.clone(),
                    password: (*self.password).clone(),
                }),
                bypass: BYPASS.to_owned(),
            }),
        };
        let extra_roots = match self.certificates.trim() {
            "" => Vec::new(),
            file => vec![certificates(Path::new(file))?],
        };
        let options = NetworkOptions { proxy, extra_roots, ..NetworkOptions::default() };
        client(&options).map_err(|error| error.explain())?;
        Ok(options)
    }

    /// Keeps it in place of what was kept.
    pub(crate) fn keep(&self, keys: &Path, catalogue: &mut Catalogue, owner: &str) -> Result<(), Failure> {
        let secure = SecureStorage::open(keys, catalogue, owner).map_err(|error| error.explain())?;
        let text =
            serde_json::to_vec(self).map_err(|error| SecureError::Sealing(error.to_string()).explain())?;
        let text = Zeroizing::new(text);
        let kept = secure.keep(catalogue, Kind::Network, of_library(), &text);
        kept.map_err(|error| error.explain())
    }

    /// What is kept; what a new user begins with where nothing is. Makes no key where there is none.
    pub(crate) fn kept(keys: &Path, catalogue: &Catalogue, owner: &str) -> Result<Self, Failure> {
        if !keys.join(KEY_FILE_NAME).exists() {
            return Ok(Self::default());
        }
        let secure = SecureStorage::open(keys, catalogue, owner).map_err(|error| error.explain())?;
        match secure.kept(catalogue, Kind::Network, of_library()) {
            Ok(Kept::Text(text)) => Ok(serde_json::from_slice(&text).unwrap_or_default()),
            Ok(Kept::Absent | Kept::Forged) => Ok(Self::default()),
            Err(error) => Err(error.explain()),
        }
    }
}

/// Rows of secure storage are of a package; this one is of none.
fn of_library() -> PackageId {
    PackageId(uuid::Uuid::nil())
}

/// Root certificates (PEM) in a file that was named, as [`NetworkOptions::extra_roots`] takes them. Reads them, and proves
/// that they can be used.
pub fn root_certificates(file: &Path) -> Result<Vec<u8>, Failure> {
    let text = certificates(file)?;
    let options = NetworkOptions { extra_roots: vec![text.clone()], ..NetworkOptions::default() };
    client(&options).map_err(|error| refused(file, error.to_string()))?;
    Ok(text)
}

fn refused(file: &Path, why: String) -> Failure {
    Failure::new(
        "certificates",
        Class::Usage,
        format!("the certificates in {} cannot be used", file.display()),
        "Choose a file with certificates in PEM form",
    )
    .because(why)
}

fn certificates(file: &Path) -> Result<Vec<u8>, Failure> {
    let refused = |why: String| refused(file, why);
    let mut text = Vec::new();
    let opened = crate::disk::open_plain(file).map_err(|error| refused(crate::disk::words(&error)))?;
    let read = opened.take(CERTIFICATES_MOST_BYTES + 1).read_to_end(&mut text);
    read.map_err(|error| refused(crate::disk::words(&error)))?;
    if text.len() as u64 > CERTIFICATES_MOST_BYTES {
        return Err(refused("the file is too large".to_owned()));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_proxy_is_refused_and_no_password_is_shown() {
        let setting = |address: &str| NetworkSetting {
            proxy: ProxyChoice::Address,
            address: address.to_owned(),
            user: "anna".to_owned(),
            password: "s3cret".to_owned().into(),
            ..NetworkSetting::default()
        };
        for wrong in ["", "proxy", "proxy:3128", "ftp://proxy", "http://anna:s3cret@proxy:3128"] {
            assert!(setting(wrong).problem().is_some(), "{wrong:?}");
            assert!(setting(wrong).options(None).is_err(), "{wrong:?}");
        }
        let good = setting("http://proxy.example:3128");
        let options = good.options(None).expect("it can be used");
        assert!(!format!("{good:?}{options:?}").contains("s3cret"));
        assert_eq!(options.proxy.map(|proxy| proxy.url).as_deref(), Some("http://proxy.example:3128"));
    }
}
