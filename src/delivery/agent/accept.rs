//! Whether a document of the manager is taken. Pure: documents, keys, what was seen before and the time go in.

use super::error::NotTaken;
use crate::delivery::documents::{AgentDocument, AgentId, Fingerprint, SiteDocument, SiteId};
use crate::package::signed_document::SignatureProblem;
use crate::package::{Sha256Digest, SignedDocument};

/// What was taken last: its sequence, and what its text hashes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) sequence: u64,
    pub(super) digest: Sha256Digest,
}

impl Seen {
    fn of(sequence: u64, text: &str) -> Self {
        Self { sequence, digest: Sha256Digest::of(text.as_bytes()) }
    }

    /// As it is kept: `sequence digest`.
    pub(super) fn to_text(self) -> String {
        format!("{} {}", self.sequence, self.digest)
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let (sequence, digest) = text.split_once(' ')?;
        Some(Self { sequence: sequence.parse().ok()?, digest: Sha256Digest::parse(digest)? })
    }
}

/// The first site list of an agent: signed by the key whose fingerprint the token has, and listing that key.
pub(super) fn first_site(
    signed: &SignedDocument,
    fingerprint: Fingerprint,
) -> Result<(SiteDocument, Seen), NotTaken> {
    // Read before it is proven, to find the key that is to prove it; nothing else of it is used.
    let claimed = SiteDocument::parse(&signed.document)?;
    let fits = |key: &&String| Fingerprint::of_key(key) == Some(fingerprint);
    let Some(key) = claimed.keys.jobs.iter().find(fits) else {
        return Err(SignatureProblem::UnknownKey { key_id: signed.key_id()? }.into());
    };
    let (text, _) = signed.verify([key.as_str()])?;
    let seen = Seen::of(claimed.sequence, text);
    Ok((claimed, seen))
}

/// A later site list: signed by a key for jobs of the one before. `None` where it is the same.
pub(super) fn site(
    signed: &SignedDocument,
    known: &SiteDocument,
    seen: Seen,
) -> Result<Option<(SiteDocument, Seen)>, NotTaken> {
    let (text, _) = signed.verify(known.keys.jobs.iter().map(String::as_str))?;
    let document = SiteDocument::parse(text)?;
    if document.site != known.site {
        return Err(NotTaken::Site);
    }
    let new = newer(seen, Seen::of(document.sequence, text))?;
    Ok(new.map(|seen| (document, seen)))
}

/// Whose jobs are taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whose<'a> {
    pub(super) site: SiteId,
    pub(super) agent: AgentId,
    pub(super) agent_key: &'a str,
    /// The keys for jobs of the site.
    pub(super) keys: &'a [String],
}

/// A list of jobs. `None` where it is the one that was taken last.
pub(super) fn jobs(
    signed: &SignedDocument,
    whose: Whose<'_>,
    seen: Option<Seen>,
    now: i64,
) -> Result<Option<(AgentDocument, Seen)>, NotTaken> {
    let (text, _) = signed.verify(whose.keys.iter().map(String::as_str))?;
    let document = AgentDocument::parse(text)?;
    if document.site != whose.site {
        return Err(NotTaken::Site);
    }
    if document.agent != whose.agent || document.agent_key != whose.agent_key {
        return Err(NotTaken::Agent);
    }
    let found = Seen::of(document.sequence, text);
    let new = match seen {
        Some(seen) => newer(seen, found)?,
        None => Some(found),
    };
    let Some(seen) = new else { return Ok(None) };
    if document.expires <= now {
        return Err(NotTaken::Expired);
    }
    Ok(Some((document, seen)))
}

fn newer(seen: Seen, found: Seen) -> Result<Option<Seen>, NotTaken> {
    if found == seen {
        return Ok(None);
    }
    match found.sequence.cmp(&seen.sequence) {
        std::cmp::Ordering::Less => Err(NotTaken::Older { found: found.sequence, seen: seen.sequence }),
        std::cmp::Ordering::Equal => Err(NotTaken::Twice(found.sequence)),
        std::cmp::Ordering::Greater => Ok(Some(found)),
    }
}

#[cfg(test)]
mod tests {
    use minisign::KeyPair;

    use super::*;
    use crate::delivery::documents::SiteKeys;

    struct Site {
        key: KeyPair,
        seal: KeyPair,
        site: SiteId,
        agent: AgentId,
        agent_key: String,
    }

    fn site_of() -> Site {
        let pair = || KeyPair::generate_unencrypted_keypair().expect("a key");
        Site {
            key: pair(),
            seal: pair(),
            site: SiteId::random(),
            agent: AgentId::random(),
            agent_key: pair().pk.to_base64(),
        }
    }

    impl Site {
        fn list(&self, sequence: u64) -> SiteDocument {
            SiteDocument {
                site: self.site,
                sequence,
                issued: 0,
                keys: SiteKeys { jobs: vec![self.key.pk.to_base64()], seals: vec![self.seal.pk.to_base64()] },
                poll_seconds: 60,
                keep: Vec::new(),
                keep_bytes: None,
            }
        }

        fn jobs(&self, sequence: u64) -> AgentDocument {
            AgentDocument {
                site: self.site,
                agent: self.agent,
                agent_key: self.agent_key.clone(),
                sequence,
                issued: 0,
                expires: 100,
                jobs: Vec::new(),
            }
        }

        fn judge(
            &self,
            document: &AgentDocument,
            key: &KeyPair,
            seen: Option<Seen>,
            now: i64,
        ) -> Result<Option<Seen>, NotTaken> {
            let keys = [self.key.pk.to_base64()];
            let whose = Whose { site: self.site, agent: self.agent, agent_key: &self.agent_key, keys: &keys };
            let signed = sign(document.to_text().expect("text"), key);
            jobs(&signed, whose, seen, now).map(|taken| taken.map(|(_, seen)| seen))
        }
    }

    fn sign(text: String, key: &KeyPair) -> SignedDocument {
        SignedDocument::sign(text, &key.pk, &key.sk, "test").expect("signed")
    }

    #[test]
    fn the_first_site_list_is_that_of_the_token() {
        let ours = site_of();
        let signed = sign(ours.list(1).to_text().expect("text"), &ours.key);
        let print = Fingerprint::of_key(&ours.key.pk.to_base64()).expect("a key");
        assert_eq!(first_site(&signed, print).map(|(site, _)| site), Ok(ours.list(1)));
        let other = Fingerprint::of_key(&ours.seal.pk.to_base64()).expect("a key");
        assert!(
            matches!(first_site(&signed, other), Err(NotTaken::Signature(_))),
            "a seal key is no job key"
        );
        let forged = sign(ours.list(1).to_text().expect("text"), &site_of().key);
        assert!(matches!(first_site(&forged, print), Err(NotTaken::Signature(_))));
    }

    #[test]
    fn a_site_list_is_taken_from_its_own_keys_and_never_an_older_one() {
        let ours = site_of();
        let print = Fingerprint::of_key(&ours.key.pk.to_base64()).expect("a key");
        let signed = |n| sign(ours.list(n).to_text().expect("text"), &ours.key);
        let (known, seen) = first_site(&signed(5), print).expect("taken");
        assert_eq!(site(&signed(5), &known, seen), Ok(None));
        assert!(matches!(site(&signed(6), &known, seen), Ok(Some(_))));
        assert_eq!(site(&signed(4), &known, seen), Err(NotTaken::Older { found: 4, seen: 5 }));
        let other = SiteDocument { poll_seconds: 7, ..ours.list(5) };
        let other = sign(other.to_text().expect("text"), &ours.key);
        assert_eq!(site(&other, &known, seen), Err(NotTaken::Twice(5)));
        let by_seal = sign(ours.list(9).to_text().expect("text"), &ours.seal);
        assert!(matches!(site(&by_seal, &known, seen), Err(NotTaken::Signature(_))), "no use for jobs");
        let elsewhere = SiteDocument { site: SiteId::random(), ..ours.list(9) };
        let elsewhere = sign(elsewhere.to_text().expect("text"), &ours.key);
        assert_eq!(site(&elsewhere, &known, seen), Err(NotTaken::Site));
    }

    #[test]
    fn jobs_are_taken_from_the_site_for_this_agent_in_time_and_in_order() {
        let ours = site_of();
        let five = ours.jobs(5);
        let seen = ours.judge(&five, &ours.key, None, 10).expect("taken").expect("new");
        assert_eq!(ours.judge(&five, &ours.key, Some(seen), 10), Ok(None));
        assert!(matches!(ours.judge(&ours.jobs(6), &ours.key, Some(seen), 10), Ok(Some(_))));
        assert!(matches!(ours.judge(&ours.jobs(4), &ours.key, Some(seen), 10), Err(NotTaken::Older { .. })));
        assert_eq!(
            ours.judge(&five, &ours.key, Some(seen), 1000),
            Ok(None),
            "what is known expires by itself"
        );
        let other = AgentDocument { issued: 3, ..ours.jobs(5) };
        assert_eq!(ours.judge(&other, &ours.key, Some(seen), 10), Err(NotTaken::Twice(5)));
        assert_eq!(ours.judge(&ours.jobs(6), &ours.key, Some(seen), 100), Err(NotTaken::Expired));
        let unknown = site_of().key;
        assert!(matches!(ours.judge(&five, &unknown, None, 10), Err(NotTaken::Signature(_))));
        assert!(matches!(ours.judge(&five, &ours.seal, None, 10), Err(NotTaken::Signature(_))));
        let for_other = AgentDocument { agent: AgentId::random(), ..ours.jobs(6) };
        assert_eq!(ours.judge(&for_other, &ours.key, None, 10), Err(NotTaken::Agent));
        let key_of_other = AgentDocument { agent_key: site_of().agent_key, ..ours.jobs(6) };
        assert_eq!(ours.judge(&key_of_other, &ours.key, None, 10), Err(NotTaken::Agent));
        let of_other = AgentDocument { site: SiteId::random(), ..ours.jobs(6) };
        assert_eq!(ours.judge(&of_other, &ours.key, None, 10), Err(NotTaken::Site));
        assert_eq!(Seen::parse(&seen.to_text()), Some(seen));
    }
}
