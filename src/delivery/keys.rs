//! Keys of a site: the one that signs jobs, and those that agents are told to believe.

use super::documents::{Fingerprint, SiteKeys};
use super::error::DeliveryError;
use crate::library::{KeyInfo, KeyRing, KeyUse};

/// The newest own key that may sign jobs and is not retired.
pub(crate) fn job_key(keys: &KeyRing) -> Result<KeyInfo, DeliveryError> {
    let may_sign = |key: &KeyInfo| key.own && !key.retired && key.uses.contains(&KeyUse::Jobs);
    let newest = keys.list()?.into_iter().filter(may_sign).max_by_key(|key| key.since);
    newest.ok_or(DeliveryError::NoJobKey)
}

/// The fingerprint of a key, as tokens have it.
pub(crate) fn fingerprint(key: &KeyInfo) -> Result<Fingerprint, DeliveryError> {
    Fingerprint::of_key(&key.public).ok_or(DeliveryError::NoJobKey)
}

/// The keys that agents are told: the one that signs now first. What a retired key sealed stays trusted.
pub(crate) fn site_keys(keys: &KeyRing, signing: &KeyInfo) -> Result<SiteKeys, DeliveryError> {
    let mut site = SiteKeys { jobs: vec![signing.public.clone()], seals: Vec::new() };
    let mut listed = keys.list()?;
    listed.sort_by(|a, b| (b.since, &a.key_id).cmp(&(a.since, &b.key_id)));
    for key in listed {
        if key.uses.contains(&KeyUse::Jobs) && !key.retired && !site.jobs.contains(&key.public) {
            site.jobs.push(key.public.clone());
        }
        if key.uses.contains(&KeyUse::Seal) {
            site.seals.push(key.public);
        }
    }
    site.jobs.truncate(super::documents::limits::KEYS_MAX);
    site.seals.truncate(super::documents::limits::KEYS_MAX);
    Ok(site)
}
