//! What the spellings of one address have in common: two staging libraries never lie in one place.
//!
//! Owns the comparing of addresses. Folders are looked at on the disk, for a link or another spelling may lead to the same
//! one; no server is asked.

use std::path::{Component, Path, PathBuf};

use url::Url;

use super::store::StagingAddress;
use crate::package::address::percent_decoded;
use crate::package::bucket::BucketAddress;

/// A place, however its address is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    /// A folder without links and dots, as far as it is there.
    Folder(PathBuf),
    /// A server, and the parts of the path there.
    Web(url::Origin, Vec<Vec<u8>>),
    /// What no web client could be given.
    Other(String),
}

impl Identity {
    pub(super) fn of(address: &StagingAddress) -> Self {
        match address {
            StagingAddress::Folder(folder) => Self::Folder(without_links(folder)),
            StagingAddress::Web(url) => Self::web(url),
            StagingAddress::Bucket(bucket) => {
                // A bucket is the same in whatever region it is looked for.
                let is_amazon =
                    |url: &Url| url.host_str().is_some_and(|host| host.ends_with(".amazonaws.com"));
                let endpoint = bucket.endpoint.clone().filter(|url| !is_amazon(url));
                let bucket = BucketAddress { endpoint, region: None, ..bucket.clone() };
                match Url::parse(&bucket.web_address()) {
                    Ok(url) => Self::web(&url),
                    Err(_) => Self::Other(bucket.to_string()),
                }
            }
        }
    }

    fn web(url: &Url) -> Self {
        let parts = url.path().trim_end_matches('/').split('/').map(percent_decoded).collect();
        Self::Web(url.origin(), parts)
    }
}

/// The folder as the system sees it; what is not there yet is taken as it is written, below what is.
fn without_links(folder: &Path) -> PathBuf {
    let parts: Vec<Component<'_>> = folder.components().collect();
    let real =
        |until: usize| parts[..until].iter().collect::<PathBuf>().canonicalize().ok().map(|at| (at, until));
    let (mut real, from) = (1..=parts.len()).rev().find_map(real).unwrap_or_default();
    for part in &parts[from..] {
        match part {
            Component::ParentDir => {
                real.pop();
            }
            Component::CurDir => {}
            other => real.push(other),
        }
    }
    real
}
