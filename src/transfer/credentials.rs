//! How one signs in at a codebase: never shown, wiped when it is dropped.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroize as _;

/// How to prove oneself to a codebase. Never shown, wiped when dropped.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "lowercase")]
pub enum Credentials {
    /// HTTP Basic (RFC 7617).
    Basic {
        /// Name.
        user: String,
        /// Password.
        password: String,
    },
    /// A bearer token (RFC 6750).
    Bearer {
        /// The token.
        token: String,
    },
    /// Keys of a bucket (AWS Signature Version 4).
    Bucket {
        /// Access key.
        access_key: String,
        /// Secret key.
        secret_key: String,
        /// The region that signatures are for.
        region: String,
    },
}

impl Credentials {
    /// As they are for a bucket in this region: name and password are access key and secret key there.
    pub(crate) fn for_bucket(self, region: &str) -> Self {
        match &self {
            Self::Basic { user, password } => Self::Bucket {
                access_key: user.clone(),
                secret_key: password.clone(),
                region: region.to_owned(),
            },
            _ => self,
        }
    }
}

impl Drop for Credentials {
    fn drop(&mut self) {
        match self {
            Self::Basic { user, password } => {
                user.zeroize();
                password.zeroize();
            }
            Self::Bearer { token } => token.zeroize(),
            Self::Bucket { access_key, secret_key, .. } => {
                access_key.zeroize();
                secret_key.zeroize();
            }
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Basic { .. } => "Basic(…)",
            Self::Bearer { .. } => "Bearer(…)",
            Self::Bucket { .. } => "Bucket(…)",
        })
    }
}
