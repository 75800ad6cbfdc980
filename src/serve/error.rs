//! Why a server does not start, and what a person is told about it.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::disk::words;
use crate::failure::{Class, Failure};

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// There is no such folder, or it cannot be read.
    #[error("the folder {} cannot be served", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The folder holds a library, of which only the packages are served.
    #[error("{} is a library, and only its packages are served", folder.display())]
    Library {
        /// The folder.
        folder: PathBuf,
    },
    /// The address cannot be listened on.
    #[error("{listen} cannot be listened on")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// A certificate or key cannot be read, written or used.
    #[error("the {what} {} cannot be used", path.display())]
    Certificate {
        /// `certificate` or `private key`.
        what: &'static str,
        /// Its file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// No certificate could be made.
    #[error("no certificate could be made")]
    SelfMade {
        /// Why.
        reason: String,
    },
    /// The system gives no threads.
    #[error("the server cannot be started")]
    Threads(#[source] io::Error),
}

impl ServeError {
    /// Stable, lower-case, words joined by `-`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Folder { .. } => "serve-folder",
            Self::Library { .. } => "serve-library",
            Self::Listen { error, .. } if error.kind() == io::ErrorKind::AddrInUse => "address-in-use",
            Self::Listen { error, .. } if error.kind() == io::ErrorKind::PermissionDenied => {
                "port-not-allowed"
            }
            Self::Listen { .. } => "listen",
            Self::Certificate { .. } | Self::SelfMade { .. } => "certificate",
            Self::Threads(_) => "threads",
        }
    }

    /// As a person reads it.
    pub fn explain(&self) -> Failure {
        let failure = |class, action: String| Failure::new(self.code(), class, self.to_string(), action);
        match self {
            Self::Folder { error, .. } => {
                failure(Class::Environment, "Check the path, and that you may read the folder".to_owned())
                    .because(words(error))
            }
            Self::Library { folder } => {
                let packages = folder.join("packages");
                failure(Class::Refused, format!("Serve {} instead", packages.display()))
            }
            Self::Listen { listen, error } => {
                let action = match error.kind() {
                    io::ErrorKind::AddrInUse => {
                        format!("Stop the program that uses port {}, or choose another port", listen.port())
                    }
                    io::ErrorKind::PermissionDenied => "Choose a port from 1024 on".to_owned(),
                    io::ErrorKind::AddrNotAvailable => {
                        "Choose an address of this computer; 0.0.0.0 or [::] is all of them".to_owned()
                    }
                    _ => "Choose another address".to_owned(),
                };
                let failure = failure(Class::Environment, action).because(words(error));
                if error.kind() == io::ErrorKind::AddrInUse { failure.temporary() } else { failure }
            }
            Self::Certificate { reason, .. } => {
                let action =
                    "Name PEM files that belong together: the certificate with its chain, and its key";
                failure(Class::Environment, action.to_owned()).because(reason.as_str())
            }
            Self::SelfMade { reason } => {
                failure(Class::Environment, "Name a certificate of your own".to_owned())
                    .because(reason.as_str())
            }
            Self::Threads(error) => {
                failure(Class::Environment, "End other programs, then try again".to_owned())
                    .because(words(error))
                    .temporary()
            }
        }
    }
}
