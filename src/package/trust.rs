//! Trust: public keys, what each may do, and what a seal is worth to somebody who trusts them.
//!
//! Owns: the judgement of a minisign signature over a text against a list of keys. Must not know where keys are
//! kept, nor any secret key.

use std::io::Cursor;

use jiff::Timestamp;
use minisign::{PublicKey, SignatureBox};
use serde::{Deserialize, Serialize};

/// What a trusted key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyUse {
    /// Seal packages.
    Seal,
    /// Sign jobs.
    Jobs,
}

/// A key as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyInfo {
    /// Its name here.
    pub name: String,
    /// The minisign key id: 16 upper-case hex digits.
    pub key_id: String,
    /// The public key in minisign's base64 form, `RW…`.
    pub public: String,
    /// Whether the secret key is here too.
    pub own: bool,
    /// When it was made or trusted.
    pub since: Timestamp,
    /// When its backup was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<Timestamp>,
    /// No longer used for sealing; what it sealed stays trusted.
    #[serde(default)]
    pub retired: bool,
    /// What it may do.
    pub uses: Vec<KeyUse>,
}

/// What a seal is worth here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "seal", rename_all = "lowercase")]
pub enum SealJudgement {
    /// Signed by a key that is trusted for sealing.
    Trusted {
        /// Name of the key.
        name: String,
        /// Its id.
        key_id: String,
    },
    /// Signed by a key that is not known, or not trusted for sealing.
    Unknown {
        /// Its id.
        key_id: String,
    },
    /// The signature does not fit, or is none.
    Broken {
        /// Why.
        why: String,
    },
}

/// The id of a key as minisign shows it: the eight bytes as a little-endian number, in upper-case hex.
pub fn key_id(keynum: &[u8]) -> String {
    keynum.iter().rev().map(|byte| format!("{byte:02X}")).collect()
}

/// Whether the fourth line of a seal, the signature over signature and comment, has its 64 bytes, as verifying takes for
/// granted. In base64 these are 86 characters and two of padding.
fn has_whole_second_signature(seal: &str) -> bool {
    seal.lines().nth(3).map(str::trim).is_some_and(|line| line.len() == 88 && line.ends_with("=="))
}

/// Judges the seal `signature` (the text of a `.minisig` file) over `text`: the first of `keys` with the id of
/// the signature and the use [`KeyUse::Seal`] decides. A key whose public part cannot be read counts as absent.
pub fn judge(text: &str, signature: &str, keys: &[KeyInfo]) -> SealJudgement {
    let seal = match SignatureBox::from_string(signature) {
        Ok(seal) if has_whole_second_signature(signature) => seal,
        Ok(_) => return SealJudgement::Broken { why: "the seal is cut off".to_owned() },
        Err(error) => {
            return SealJudgement::Broken { why: format!("the seal is no minisign signature: {error}") };
        }
    };
    let id = key_id(seal.keynum());
    let key = keys
        .iter()
        .filter(|key| key.key_id == id && key.uses.contains(&KeyUse::Seal))
        .find_map(|key| PublicKey::from_base64(&key.public).ok().map(|public| (key, public)));
    let Some((key, public)) = key else {
        return SealJudgement::Unknown { key_id: id };
    };
    match minisign::verify(&public, &seal, Cursor::new(text), true, false, false) {
        Ok(()) => SealJudgement::Trusted { name: key.name.clone(), key_id: id },
        Err(error) => {
            SealJudgement::Broken { why: format!("the signature of key {id} does not fit: {error}") }
        }
    }
}
