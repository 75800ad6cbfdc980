//! What an agent sees of its site: the few objects it reads, and those it makes. A folder, a bucket, or a web server.
//!
//! Owns how they are reached. Nothing of what comes is judged here.

use std::sync::Arc;

use super::error::AgentError;
use super::home::{AgentKey, Identity};
use crate::delivery::documents::limits::SIGNED_MAX_BYTES;
use crate::delivery::documents::{Fingerprint, names};
use crate::delivery::staging::{Fetched, StagingAddress, StagingError, StagingStore, StorePath, open_store};
use crate::package::agent_proof::AgentProof;
use crate::transfer::{
    Credentials, NetworkOptions, ObjectAnswer, ObjectClient, ObjectRequest, PutAnswer, TransferError,
};

/// A site, as an agent reaches it.
pub(super) struct Site {
    address: StagingAddress,
    way: Way,
    credentials: Option<Credentials>,
    network: NetworkOptions,
}

enum Way {
    Store(Arc<dyn StagingStore>),
    Web(Arc<ObjectClient>),
}

/// What came of making an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Made {
    /// It is there now.
    New,
    /// Something was there already.
    There,
    /// We may not.
    Refused(String),
}

impl Site {
    /// The site at `address`. `client` speaks with its server where it is on the web; one is made where there is none.
    pub(super) fn open(
        address: StagingAddress,
        credentials: Option<Credentials>,
        network: &NetworkOptions,
        client: Option<&Arc<ObjectClient>>,
    ) -> Result<Self, AgentError> {
        let way = match (&address, client) {
            (StagingAddress::Web(_), Some(client)) => Way::Web(Arc::clone(client)),
            (StagingAddress::Web(_), None) => Way::Web(Arc::new(ObjectClient::new(network)?)),
            _ => Way::Store(open_store(&address, credentials.clone(), network)?),
        };
        Ok(Self { address, way, credentials, network: network.clone() })
    }

    pub(super) fn name(&self) -> String {
        self.address.to_string()
    }

    /// The site list.
    pub(super) fn read_site(&self, tag: Option<&str>) -> Result<Fetched, AgentError> {
        self.read(names::SITE, tag, None, SIGNED_MAX_BYTES)
    }

    /// The jobs of an agent, which proves that it is that agent. `at` is the time it believes it is.
    pub(super) fn read_jobs(
        &self,
        identity: &Identity,
        key: &AgentKey,
        tag: Option<&str>,
        at: i64,
    ) -> Result<Fetched, AgentError> {
        let path = names::agent(identity.agent);
        let proof = |at| -> Result<String, AgentError> {
            let text = AgentProof::new(identity.agent.0, &path, at).to_text();
            Ok(AgentProof::header(&key.sign(text, "packhouse request")?))
        };
        let Way::Web(client) = &self.way else { return self.read(&path, tag, None, SIGNED_MAX_BYTES) };
        let first = proof(at)?;
        match self.get(client, &path, tag, Some(&first), SIGNED_MAX_BYTES)? {
            // The clock of this computer may be wrong: the server says what time it has.
            ObjectAnswer::Refused { server_time: Some(server), .. }
                if (server.as_second() - at).abs() > 60 =>
            {
                let again = proof(server.as_second())?;
                let answer = self.get(client, &path, tag, Some(&again), SIGNED_MAX_BYTES)?;
                self.fetched(answer, &path)
            }
            answer => self.fetched(answer, &path),
        }
    }

    /// An object that may not be there.
    pub(super) fn peek(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, AgentError> {
        match self.read(path, None, None, limit) {
            Ok(Fetched::New { bytes, .. }) => Ok(Some(bytes)),
            Ok(Fetched::Gone | Fetched::Unchanged) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes an object that is not there yet.
    pub(super) fn create(&self, path: &str, bytes: &[u8]) -> Result<Made, AgentError> {
        match &self.way {
            Way::Store(store) => create_in(&**store, path, bytes),
            Way::Web(client) => {
                let request =
                    ObjectRequest { credentials: self.credentials.as_ref(), ..ObjectRequest::default() };
                match client.put_new(&self.url(path), bytes.to_vec(), &request)? {
                    PutAnswer::Made => Ok(Made::New),
                    PutAnswer::Exists => Ok(Made::There),
                    PutAnswer::Refused { why } => Ok(Made::Refused(why)),
                    // Once for each folder: whoever makes it leaves it for all others.
                    PutAnswer::NotThisWay { .. } => {
                        let store = open_store(&self.address, self.credentials.clone(), &self.network)?;
                        create_in(&*store, path, bytes)
                    }
                }
            }
        }
    }

    fn read(
        &self,
        path: &str,
        tag: Option<&str>,
        proof: Option<&str>,
        limit: u64,
    ) -> Result<Fetched, AgentError> {
        match &self.way {
            Way::Store(store) => Ok(store.read_if_changed(&store_path(path)?, tag, limit)?),
            Way::Web(client) => {
                let answer = self.get(client, path, tag, proof, limit)?;
                self.fetched(answer, path)
            }
        }
    }

    fn get(
        &self,
        client: &ObjectClient,
        path: &str,
        etag: Option<&str>,
        proof: Option<&str>,
        most_bytes: u64,
    ) -> Result<ObjectAnswer, TransferError> {
        let request = ObjectRequest { credentials: self.credentials.as_ref(), proof, etag, most_bytes };
        client.get(&self.url(path), &request)
    }

    fn fetched(&self, answer: ObjectAnswer, path: &str) -> Result<Fetched, AgentError> {
        match answer {
            ObjectAnswer::Unchanged => Ok(Fetched::Unchanged),
            ObjectAnswer::Gone => Ok(Fetched::Gone),
            ObjectAnswer::New { bytes, etag } => Ok(Fetched::New { bytes, tag: etag }),
            ObjectAnswer::Refused { why, .. } => {
                Err(StagingError::Forbidden { store: self.name(), what: format!("reading {path}"), why }
                    .into())
            }
        }
    }

    fn url(&self, path: &str) -> String {
        // Names of documents are made of what stands in an address as it is; the address ends with `/`.
        format!("{}{path}", self.address)
    }

    /// The address of a package in the staging library at `read`; how to sign in there; whether it is on the server of
    /// this site, so that its certificate is the pinned one. A folder that is not on this computer is where the console
    /// sees the staging library; from here it is reached as this site is.
    pub(super) fn package_address(
        &self,
        read: &str,
        below: &StorePath,
    ) -> Result<PackageAddress, StagingError> {
        let parsed = StagingAddress::parse(read);
        let is_elsewhere = match &parsed {
            Ok((StagingAddress::Folder(folder), _)) => !folder.exists(),
            Ok(_) => false,
            Err(_) => is_path_of_another_system(read),
        };
        let (address, own) = match &self.address {
            StagingAddress::Web(_) | StagingAddress::Bucket(_) if is_elsewhere => {
                (self.address.clone(), None)
            }
            _ => parsed?,
        };
        let is_ours = same_server(&address, &self.address);
        let credentials = own.or_else(|| self.credentials.clone().filter(|_| is_ours));
        Ok(PackageAddress { address: address.below(below), credentials, is_ours })
    }
}

/// Where a package lies.
pub(super) struct PackageAddress {
    /// Of the package folder.
    pub(super) address: StagingAddress,
    /// How to sign in there.
    pub(super) credentials: Option<Credentials>,
    /// Whether it is the server of the site.
    pub(super) is_ours: bool,
}

fn create_in(store: &dyn StagingStore, path: &str, bytes: &[u8]) -> Result<Made, AgentError> {
    match store.create(&store_path(path)?, bytes) {
        Ok(true) => Ok(Made::New),
        Ok(false) => Ok(Made::There),
        Err(StagingError::Forbidden { why, .. }) => Ok(Made::Refused(why)),
        Err(error) => Err(error.into()),
    }
}

/// Whether a folder would be written so on Windows, seen from elsewhere, or elsewhere, seen from Windows.
fn is_path_of_another_system(read: &str) -> bool {
    let bytes = read.as_bytes();
    let has_drive = matches!(bytes, [drive, b':', b'\\' | b'/', ..] if drive.is_ascii_alphabetic());
    has_drive || read.starts_with("\\\\") || read.starts_with('/')
}

fn same_server(one: &StagingAddress, other: &StagingAddress) -> bool {
    match (one, other) {
        (StagingAddress::Web(one), StagingAddress::Web(other)) => one.origin() == other.origin(),
        (StagingAddress::Bucket(one), StagingAddress::Bucket(other)) => {
            (&one.bucket, &one.endpoint) == (&other.bucket, &other.endpoint)
        }
        _ => false,
    }
}

/// The network with the certificate of the site's server.
pub(super) fn pinned(network: &NetworkOptions, pin: Option<Fingerprint>) -> NetworkOptions {
    NetworkOptions { pin: pin.map(|pin| pin.0), ..network.clone() }
}

fn store_path(path: &str) -> Result<StorePath, StagingError> {
    StorePath::parse(path)
        .map_err(|why| StagingError::Address { address: path.to_owned(), why: why.to_string() })
}
