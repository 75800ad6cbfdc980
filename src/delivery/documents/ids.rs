//! The identities of delivery: sites, computers, agents, containers, jobs, tokens. Each its own type, so that none is
//! taken for another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$about:meta])* $name:ident) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new one, by chance.
            pub fn random() -> Self {
                Self(Uuid::new_v4())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        /// Reads the one form that is written: lower-case, hyphenated.
        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let id = Self(Uuid::try_parse(text).map_err(|_| NotAnId(shortened(text)))?);
                if id.to_string() == text { Ok(id) } else { Err(NotAnId(shortened(text))) }
            }
        }
    };
}

id! {
    /// One site: the computers, jobs and staging libraries of one catalogue.
    SiteId
}
id! {
    /// One agent: made by the agent itself when it enrols.
    AgentId
}
id! {
    /// One computer, as the console lists it; from enrolment on it has an [`AgentId`] too.
    ComputerId
}
id! {
    /// One job container: a package and a procedure over targets.
    ContainerId
}
id! {
    /// One job: a container on one computer.
    JobId
}
id! {
    /// Containers whose jobs are one piece of work on a computer: a failure ends the rest.
    BatchId
}

/// A text that is no identity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no id")]
pub struct NotAnId(String);

fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

/// The public part of an enrolment token: 16 lower-case hex digits, part of file names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TokenId(pub [u8; 8]);

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::package::digest::to_hex(&self.0))
    }
}

impl FromStr for TokenId {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let id = crate::package::digest::parse_hex(text).map(Self);
        id.filter(|id| id.to_string() == text).ok_or_else(|| NotAnId(shortened(text)))
    }
}

impl TryFrom<String> for TokenId {
    type Error = NotAnId;
    fn try_from(text: String) -> Result<Self, NotAnId> {
        text.parse()
    }
}

impl From<TokenId> for String {
    fn from(id: TokenId) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_form() {
        let id = AgentId(Uuid::from_u128(0xab));
        assert_eq!(id.to_string(), "00000000-0000-0000-0000-0000000000ab");
        assert_eq!(id.to_string().parse(), Ok(id));
        for other in
            ["", "AB", "00000000-0000-0000-0000-0000000000AB", "000000000000000000000000000000ab", "../x"]
        {
            assert!(other.parse::<AgentId>().is_err(), "{other}");
        }
        assert_eq!("00000000000000ff".parse(), Ok(TokenId([0, 0, 0, 0, 0, 0, 0, 255])));
        for other in ["", "ff", "00000000000000FF", "00000000000000f/"] {
            assert!(other.parse::<TokenId>().is_err(), "{other}");
        }
    }
}
