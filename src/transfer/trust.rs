//! What a download is offered, judged before a byte of its payload is fetched.
//!
//! Pure: texts, trusted keys and decisions go in, one judgement comes out. A package of ours is taken only with a seal
//! that covers every text that came with it; a Metalink of others only where somebody allowed it. Must not know where
//! the texts come from.

use std::collections::BTreeMap;

use minisign::SignatureBox;

use crate::failure::{Class, Failure};
use crate::package::download::{Allowance, TrustDecision};
use crate::package::metalink::{self, MetalinkProblem};
use crate::package::reginfo::{COVERED_NAMES, RegInfo};
use crate::package::snapshot::{self, SNAPSHOT_NAME, Snapshot};
use crate::package::trust::{self, KeyInfo, SealJudgement};
use crate::package::{Metalink, Sha256Digest, record::PackageId};

/// What an address offers.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// The Metalink document.
    pub snapshot: &'a str,
    /// `reginfo.json` beside it, if there is one.
    pub reginfo: Option<&'a str>,
    /// `reginfo.json.minisig` beside it, if there is one.
    pub seal: Option<&'a str>,
    /// The other tag files beside it, by name: `bagit.txt`, `bag-info.txt`, `manifest-sha256.txt`.
    pub tag_files: &'a BTreeMap<String, Vec<u8>>,
}

/// What somebody decided beforehand, and what is known from before.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// A Metalink without a seal may be taken. Never counts for a package of ours.
    pub unsigned: Option<Allowance>,
    /// A seal of this unknown key may be taken this once.
    pub unknown_key: Option<(String, Allowance)>,
    /// A lower revision than was seen may be taken.
    pub allow_older: bool,
    /// The highest revision of this package that was seen here.
    pub revision_seen: Option<u64>,
    /// The package this download is of, once it was one.
    pub expected: Option<PackageId>,
    /// The texts were fetched a second time already.
    pub fetched_again: bool,
}

/// What is made of an offer.
#[derive(Clone, Debug, PartialEq)]
pub enum Judgement {
    /// To be downloaded.
    Taken(Box<Taken>),
    /// The texts do not fit together; they may have been replaced while they were fetched. All of them once more.
    FetchOnceMore(Refusal),
    /// Nothing is downloaded.
    Refused(Refusal),
}

/// An offer that is taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// The document.
    pub metalink: Metalink,
    /// The package it is the snapshot of, with its registration info; none for a Metalink of others.
    pub package: Option<(Snapshot, RegInfo)>,
    /// On whose word.
    pub decision: TrustDecision,
}

/// Why nothing is downloaded.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The document cannot be used.
    #[error("{0}")]
    Document(MetalinkProblem),
    /// It is something else altogether: what, in words.
    #[error("{0}")]
    NoDocument(&'static str),
    /// There are no hashes in it.
    #[error("there are no hashes in it")]
    NoHashes,
    /// No seal, and nobody allowed that.
    #[error("it is not signed")]
    Unsigned,
    /// Sealed by a key that is not trusted for sealing.
    #[error("it is signed by key {key_id}, which is not trusted")]
    UnknownKey {
        /// Id of the key.
        key_id: String,
    },
    /// A package of ours without its seal: an error, not an unsigned download.
    #[error("it is a sealed package, and {missing} is missing")]
    SealMissing {
        /// What is missing.
        missing: &'static str,
    },
    /// The seal does not fit, or does not cover what came with it. No way around.
    #[error("the seal does not match: {why}")]
    Broken {
        /// Name of the key that signed, where it is known.
        signer: Option<String>,
        /// What does not fit.
        why: String,
    },
    /// A lower revision than was seen.
    #[error("it is revision {offered}; revision {seen} was seen before")]
    Older {
        /// Revision offered.
        offered: u64,
        /// Highest revision seen.
        seen: u64,
    },
    /// Another package than the one this download is of.
    #[error("it is another package than before")]
    OtherPackage {
        /// The package of this download.
        expected: PackageId,
        /// The one that is offered; none where it is no package of ours.
        offered: Option<PackageId>,
    },
}

/// Judges an offer. `keys` are the trusted keys.
pub fn judge(offer: &Offer<'_>, keys: &[KeyInfo], terms: &Terms) -> Judgement {
    match weigh(offer, keys, terms) {
        Ok(taken) => Judgement::Taken(Box::new(taken)),
        Err(refusal) if refusal.may_be_a_moment() && !terms.fetched_again => {
            Judgement::FetchOnceMore(refusal)
        }
        Err(refusal) => Judgement::Refused(refusal),
    }
}

fn weigh(offer: &Offer<'_>, keys: &[KeyInfo], terms: &Terms) -> Result<Taken, Refusal> {
    let metalink = metalink::read(offer.snapshot).map_err(|problem| match problem {
        MetalinkProblem::NoHashes => Refusal::NoHashes,
        problem => match other_document(offer.snapshot) {
            Some(what) => Refusal::NoDocument(what),
            None => Refusal::Document(problem),
        },
    })?;
    if let Some(expected) = terms.expected.filter(|expected| metalink.package != Some(*expected)) {
        return Err(Refusal::OtherPackage { expected, offered: metalink.package });
    }
    // Taking the mark out of a snapshot does not make its package an unsigned one: its texts lie beside it.
    if metalink.package.is_none() && offer.reginfo.is_none() && offer.seal.is_none() {
        let allowed = terms.unsigned.clone().ok_or(Refusal::Unsigned)?;
        return Ok(Taken { metalink, package: None, decision: TrustDecision::Unsigned { allowed } });
    }
    let reginfo = offer.reginfo.ok_or(Refusal::SealMissing { missing: "reginfo.json" })?;
    let seal = offer.seal.ok_or(Refusal::SealMissing { missing: "reginfo.json.minisig" })?;
    let (decision, signer) = match trust::judge(reginfo, seal, keys) {
        SealJudgement::Trusted { name, key_id } => {
            (TrustDecision::Sealed { name: name.clone(), key_id }, Some(name))
        }
        SealJudgement::Unknown { key_id } => match &terms.unknown_key {
            Some((taken, allowed)) if *taken == key_id => {
                (TrustDecision::ThisOnce { key_id, allowed: allowed.clone() }, None)
            }
            _ => return Err(Refusal::UnknownKey { key_id }),
        },
        SealJudgement::Broken { why } => {
            return Err(Refusal::Broken { signer: name_of_signer(seal, keys), why });
        }
    };
    let broken = |why: String| Refusal::Broken { signer: signer.clone(), why };
    let info = RegInfo::parse(reginfo).map_err(|problem| broken(format!("reginfo.json: {problem}")))?;
    let comment = SignatureBox::from_string(seal).and_then(|seal| seal.trusted_comment());
    if comment.ok() != Some(info.trusted_comment()) {
        return Err(broken("its trusted comment names another package or revision".to_owned()));
    }
    for name in COVERED_NAMES {
        let text = match name {
            SNAPSHOT_NAME => Some(offer.snapshot.as_bytes()),
            name => offer.tag_files.get(name).map(Vec::as_slice),
        };
        let text = text.ok_or_else(|| broken(format!("{name} is missing")))?;
        match info.sha256.get(name) {
            None => return Err(broken(format!("it does not cover {name}"))),
            Some(sealed) if *sealed != Sha256Digest::of(text) => {
                return Err(broken(format!("{name} was changed after signing")));
            }
            Some(_) => {}
        }
    }
    let snapshot = snapshot::from_metalink(metalink.clone())
        .map_err(|problem| broken(format!("{SNAPSHOT_NAME}: {problem}")))?;
    if snapshot.package != info.id {
        return Err(broken("its snapshot names another package".to_owned()));
    }
    if snapshot.manifest.files().checksum() != info.checksum {
        return Err(broken("its snapshot lists other files than its registration info counts".to_owned()));
    }
    if let Some(seen) = terms.revision_seen.filter(|seen| info.revision < *seen && !terms.allow_older) {
        return Err(Refusal::Older { offered: info.revision, seen });
    }
    Ok(Taken { metalink, package: Some((snapshot, info)), decision })
}

/// What a text is that cannot be a Metalink, where that is easily seen.
fn other_document(text: &str) -> Option<&'static str> {
    let begins_with = |start: &str| {
        let text = text.trim_start_matches('\u{feff}').trim_start();
        text.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start))
    };
    if text.trim().is_empty() {
        Some("it is empty")
    } else if begins_with("<!doctype html") || begins_with("<html") {
        Some("it is a web page, perhaps a list of files or one to sign in")
    } else {
        None
    }
}

/// Whose key a seal says it is of, where that key is known: for the message only.
fn name_of_signer(seal: &str, keys: &[KeyInfo]) -> Option<String> {
    let id = trust::key_id(SignatureBox::from_string(seal).ok()?.keynum());
    keys.iter().find(|key| key.key_id == id).map(|key| key.name.clone())
}

impl Refusal {
    /// Whether the package may just have been sealed again while its texts were fetched.
    fn may_be_a_moment(&self) -> bool {
        matches!(self, Self::SealMissing { .. } | Self::Broken { .. })
    }

    /// The failure as a person reads it; `subject` is the address or the name of the package.
    pub fn explain(&self, subject: &str) -> Failure {
        let refused =
            |code, message: String, action: &str| Failure::new(code, Class::Refused, message, action);
        match self {
            Self::Document(problem) => not_readable(subject, problem.to_string()),
            Self::NoDocument(what) => not_readable(subject, (*what).to_owned()),
            Self::NoHashes => refused(
                "no-hashes",
                format!("there are no hashes in {subject}"),
                "Ask who publishes it for a Metalink with SHA-256 hashes",
            )
            .because("nothing could be proven, so nothing is downloaded"),
            Self::Unsigned => refused(
                "download-unsigned",
                format!("{subject} is not signed"),
                "Allow it with --allow-unsigned --reason TEXT, if nobody needs to vouch for it",
            )
            .because("its blocks can be checked against the list that came with them, but nobody vouches for that list"),
            Self::UnknownKey { key_id } => refused(
                "download-unknown-key",
                format!("{subject} is signed by a key that is not trusted"),
                "Compare the fingerprint with the one its owner gives you by another way, then trust the key with --trust KEY",
            )
            .because(format!("key {key_id}")),
            Self::SealMissing { missing } => refused(
                "download-seal-missing",
                format!("{subject} is a sealed package, but its seal is not there"),
                "Ask who publishes it to copy the whole package folder",
            )
            .because(format!("{missing} is missing")),
            Self::Broken { signer, why } => {
                let by = signer.as_ref().map(|name| format!(" by {name}")).unwrap_or_default();
                refused(
                    "download-seal-broken",
                    format!("the seal of {subject} does not match"),
                    "Tell its owner; nothing was downloaded",
                )
                .because(format!(
                    "the snapshot or the registration information was changed after signing{by}: {why}"
                ))
            }
            Self::Older { offered, seen } => refused(
                "download-older",
                format!("{subject} is older than what was seen before"),
                "Take it with --allow-older, if you want the older one",
            )
            .because(format!("it is revision {offered}; revision {seen} was seen before")),
            Self::OtherPackage { expected, offered } => refused(
                "download-other-package",
                format!("{subject} is now another package"),
                "Start a new download for it",
            )
            .because(match offered {
                Some(offered) => format!("this download is of package {expected}, the address offers {offered}"),
                None => format!("this download is of package {expected}, the address offers none"),
            }),
        }
    }
}

fn not_readable(subject: &str, why: String) -> Failure {
    Failure::new(
        "download-not-readable",
        Class::No,
        format!("{subject} cannot be downloaded"),
        "Check the address: it must lead to a Metalink 4 document or a package folder",
    )
    .because(why)
}
