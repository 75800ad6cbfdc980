//! A computer becomes an agent of a site: one token, typed once. The site proves itself by the fingerprint in the token,
//! its server by the pin, the agent by the secret.

use std::path::Path;
use std::sync::Arc;

use super::accept::first_site;
use super::error::AgentError;
use super::home::{Home, Identity};
use super::memory::Memory;
use super::site::{Made, Site, pinned};
use super::{AgentOptions, HostFacts};
use crate::delivery::documents::limits::SIGNED_MAX_BYTES;
use crate::delivery::documents::{AgentId, Enrolment, SiteId, Token, names};
use crate::delivery::staging::{Fetched, StagingAddress, StagingError};
use crate::package::SignedDocument;

/// What came of an enrolment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolled {
    /// The new agent.
    pub agent: AgentId,
    /// Its site.
    pub site: SiteId,
    /// Address of the site, without a password.
    pub address: String,
}

/// Makes an agent in `folder` and enrols it at the site at `address`. Called again after it was interrupted, with the same
/// token, it goes on.
pub fn enrol(
    folder: &Path,
    address: &str,
    token: &Token,
    host: &HostFacts,
    options: &AgentOptions,
) -> Result<Enrolled, AgentError> {
    let (address, credentials) = StagingAddress::parse(address)?;
    let home = Home::make(folder)?;
    let known = home.identity()?;
    if known.as_ref().is_some_and(|known| known.enrolling != Some(token.id)) {
        return Err(AgentError::AlreadyEnrolled(home.folder().to_owned()));
    }
    let network = pinned(&options.network, token.pin);
    let site = Site::open(address.clone(), credentials.clone(), &network, options.client.as_ref())?;
    let bytes = match site.read_site(None)? {
        Fetched::New { bytes, .. } => bytes,
        Fetched::Gone | Fetched::Unchanged => return Err(AgentError::NoSite(site.name())),
    };
    debug_assert!(bytes.len() as u64 <= SIGNED_MAX_BYTES);
    let signed = SignedDocument::parse(&bytes)?;
    let other = |why: super::NotTaken| AgentError::OtherSite { site: site.name(), why: why.to_string() };
    let (list, seen) = first_site(&signed, token.fingerprint).map_err(other)?;
    if let Err(closed) = require_open(&site, token) {
        // It may have been taken while we were interrupted: then there are jobs for it, if none.
        let Some(identity) = known else { return Err(closed) };
        let now = options.clock.wall().as_second();
        let there = site.read_jobs(&identity, &home.key()?, None, now)?;
        if !matches!(there, Fetched::New { .. }) {
            return Err(closed);
        }
        Memory::open(&home)?.keep_site(&list, seen)?;
        home.write_identity(&Identity { enrolling: None, ..identity.clone() })?;
        return Ok(Enrolled { agent: identity.agent, site: list.site, address: site.name() });
    }
    // From here on there is an agent; what stops now is gone on with.
    let (identity, key) = match known {
        Some(identity) => (identity, home.key()?),
        None => {
            let key = home.make_key()?;
            let identity = Identity {
                agent: AgentId::random(),
                agent_key: key.public(),
                site: address.to_string(),
                credentials,
                pin: token.pin.map(|pin| pin.to_string()),
                enrolling: Some(token.id),
            };
            home.write_identity(&identity)?;
            (identity, key)
        }
    };
    debug_assert_eq!(identity.agent_key, key.public());
    Memory::open(&home)?.keep_site(&list, seen)?;
    let facts = host.facts(None);
    let enrolment = Enrolment {
        token: token.id,
        agent: identity.agent,
        agent_key: identity.agent_key.clone(),
        host: facts.host,
        system: facts.system,
        architecture: facts.architecture,
        agent_version: facts.agent_version,
        made: options.clock.wall().as_second(),
    };
    let bytes = enrolment.to_bytes(&token.secret)?;
    let path = names::enrolment(token.id);
    match site.create(&path, &bytes)? {
        Made::New => {}
        Made::Refused(_) => return Err(AgentError::TokenClosed(site.name())),
        // Ours, where it was interrupted after it was made; where it cannot be read the manager tells them apart.
        Made::There => {
            let there = site.peek(&path, SIGNED_MAX_BYTES).ok().flatten();
            let is_ours = |there: &[u8]| {
                Enrolment::parse(there, token.id, &token.secret)
                    .is_ok_and(|made| made.agent == identity.agent)
            };
            if there.is_some_and(|there| !is_ours(&there)) {
                return Err(AgentError::TokenUsed(site.name()));
            }
        }
    }
    home.write_identity(&Identity { enrolling: None, ..identity.clone() })?;
    Ok(Enrolled { agent: identity.agent, site: list.site, address: site.name() })
}

/// Looks whether the token is open, where the store lets us look; a server of ours says so when we write.
fn require_open(site: &Site, token: &Token) -> Result<(), AgentError> {
    match site.peek(&names::open_token(token.id), 64 * 1024) {
        Ok(Some(_)) | Err(AgentError::Site(StagingError::Forbidden { .. })) => Ok(()),
        Ok(None) => Err(AgentError::TokenClosed(site.name())),
        Err(error) => Err(error),
    }
}

/// What one client serves: all agents of a site on this computer.
pub fn client_for(
    options: &AgentOptions,
    token: &Token,
) -> Result<Arc<crate::transfer::ObjectClient>, AgentError> {
    Ok(Arc::new(crate::transfer::ObjectClient::new(&pinned(&options.network, token.pin))?))
}
