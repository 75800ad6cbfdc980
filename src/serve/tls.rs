//! Certificates: of the owner's own, or made here.
//!
//! Owns what is read and written of them. One crypto provider, named outright, so that nothing depends on what other
//! parts of the program chose.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::ServeError;
use crate::disk::words;
use crate::package::Sha256Digest;

/// Where the certificate comes from.
#[derive(Clone, Debug)]
pub enum Tls {
    /// PEM files: the certificate with its chain, and its private key.
    Files {
        /// The certificate, then those that vouch for it.
        certificate: PathBuf,
        /// Its key.
        key: PathBuf,
    },
    /// Made here, for these names and addresses.
    SelfMade {
        /// Host names and IP addresses by which clients know this computer.
        names: Vec<String>,
        /// The two files, certificate and key, in which it is kept for the next start: read where they are there,
        /// written where neither is. `None`: it is made anew with each start.
        kept: Option<(PathBuf, PathBuf)>,
    },
}

/// The certificate clients see.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// SHA-256 of the certificate (DER), by which clients know it again.
    pub fingerprint: Sha256Digest,
    /// The certificate as PEM, to be trusted by clients where it was made here.
    pub pem: String,
}

pub(super) fn acceptor(tls: &Tls) -> Result<(TlsAcceptor, Certificate), ServeError> {
    let (chain, key) = match tls {
        Tls::Files { certificate, key } => read(certificate, key)?,
        Tls::SelfMade { kept: Some((certificate, key)), .. } if certificate.exists() || key.exists() => {
            read(certificate, key)?
        }
        Tls::SelfMade { names, kept } => {
            let (certificate, key) = make(names)?;
            if let Some((certificate_file, key_file)) = kept {
                // The key first: a certificate that is there says that both are.
                write_new(key_file, &key, true)
                    .map_err(|error| unusable("private key", key_file, &words(&error)))?;
                write_new(certificate_file, &certificate, false)
                    .map_err(|error| unusable("certificate", certificate_file, &words(&error)))?;
            }
            (certificate, key)
        }
    };
    let place = |is_key: bool| -> &Path {
        match tls {
            Tls::Files { certificate, key } | Tls::SelfMade { kept: Some((certificate, key)), .. } => {
                if is_key {
                    key
                } else {
                    certificate
                }
            }
            Tls::SelfMade { kept: None, .. } => Path::new("made here"),
        }
    };
    let certificates = CertificateDer::pem_slice_iter(chain.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| unusable("certificate", place(false), &error.to_string()))?;
    let Some(first) = certificates.first() else {
        return Err(unusable("certificate", place(false), "there is no certificate in it"));
    };
    let certificate = Certificate { fingerprint: Sha256Digest::of(first), pem: chain };
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
        .map_err(|error| unusable("private key", place(true), &error.to_string()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| ServeError::SelfMade { reason: error.to_string() })?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(|error| unusable("private key", place(true), &error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((TlsAcceptor::from(Arc::new(config)), certificate))
}

fn unusable(what: &'static str, path: &Path, reason: &str) -> ServeError {
    ServeError::Certificate { what, path: path.to_owned(), reason: reason.to_owned() }
}

fn read(certificate: &Path, key: &Path) -> Result<(String, String), ServeError> {
    let text =
        |what, path: &Path| fs::read_to_string(path).map_err(|error| unusable(what, path, &words(&error)));
    Ok((text("certificate", certificate)?, text("private key", key)?))
}

fn make(names: &[String]) -> Result<(String, String), ServeError> {
    let made = rcgen::generate_simple_self_signed(names)
        .map_err(|error| ServeError::SelfMade { reason: error.to_string() })?;
    Ok((made.cert.pem(), made.signing_key.serialize_pem()))
}

fn write_new(path: &Path, text: &str, is_secret: bool) -> io::Result<()> {
    let mut options = fs::File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if is_secret {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    #[cfg(not(unix))]
    let _ = is_secret;
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
