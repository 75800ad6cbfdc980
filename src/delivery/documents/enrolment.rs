//! A new agent asks to be taken: `delivery/enrol/<token id>.json`, once. Its code proves that it knows the secret of the
//! token; from then on its own key proves it.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::ids::{AgentId, TokenId};
use super::limits::{ENROLMENT_MAX_BYTES, NAME_MAX_BYTES};
use super::{DocumentKind, DocumentProblem, Form, bound, check_key, check_line, check_time, read, write};
use crate::package::digest::{parse_hex, to_hex};

/// What a new agent tells of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// The token it was given.
    pub token: TokenId,
    /// The id it made for itself.
    pub agent: AgentId,
    /// Its public key, as base64 text (`RW…`).
    pub agent_key: String,
    /// The name of the computer.
    pub host: String,
    /// `linux`, `windows`, `macos`.
    pub system: String,
    /// `x86_64`, `aarch64`, …
    pub architecture: String,
    /// Version of the agent.
    pub agent_version: String,
    /// When it was made.
    pub made: i64,
}

/// The object in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolmentFile {
    /// The text of the [`Enrolment`].
    pub document: String,
    /// HMAC-SHA-256 of it under the secret of the token, in lower-case hex.
    pub hmac: String,
}

impl Enrolment {
    /// The object for the store, under the secret of the token.
    pub fn to_bytes(&self, secret: &[u8; 16]) -> Result<Vec<u8>, DocumentProblem> {
        let document = write(self)?;
        let code = keyed(secret).chain_update(&document).finalize().into_bytes();
        let file = EnrolmentFile { document, hmac: to_hex(&code) };
        let bytes = serde_json::to_vec(&file).map_err(|error| DocumentProblem::Json(error.to_string()))?;
        bound(bytes.len() as u64, ENROLMENT_MAX_BYTES)?;
        Ok(bytes)
    }

    /// Reads the object of a token with this id and secret. What is in it counts only because its code fits.
    pub fn parse(bytes: &[u8], token: TokenId, secret: &[u8; 16]) -> Result<Self, DocumentProblem> {
        bound(bytes.len() as u64, ENROLMENT_MAX_BYTES)?;
        let file: EnrolmentFile =
            serde_json::from_slice(bytes).map_err(|error| DocumentProblem::Json(error.to_string()))?;
        let code: [u8; 32] = parse_hex(&file.hmac).ok_or(DocumentProblem::Code)?;
        // Compared in constant time.
        keyed(secret).chain_update(&file.document).verify_slice(&code).map_err(|_| DocumentProblem::Code)?;
        let enrolment: Self = read(&file.document)?;
        if enrolment.token != token {
            return Err(DocumentProblem::Field { field: "token", why: "it is that of another".to_owned() });
        }
        Ok(enrolment)
    }
}

fn keyed(secret: &[u8; 16]) -> Hmac<Sha256> {
    let mut block = [0; 64];
    block[..16].copy_from_slice(secret);
    // A key shorter than a block is filled with zeros (RFC 2104), so this is the same key.
    Hmac::new(&block.into())
}

impl Form for Enrolment {
    const KIND: DocumentKind = DocumentKind::Enrolment;
    const WORD: &'static str = "enrolment";
    const MOST_BYTES: u64 = ENROLMENT_MAX_BYTES;

    fn check(&self) -> Result<(), DocumentProblem> {
        check_time("made", self.made)?;
        check_key("agent_key", &self.agent_key)?;
        let texts = [
            ("host", &self.host),
            ("system", &self.system),
            ("architecture", &self.architecture),
            ("agent_version", &self.agent_version),
        ];
        texts.into_iter().try_for_each(|(field, text)| check_line(field, text, NAME_MAX_BYTES))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enrolment() -> Enrolment {
        Enrolment {
            token: TokenId([1; 8]),
            agent: AgentId(uuid::Uuid::from_u128(2)),
            agent_key: minisign::KeyPair::generate_unencrypted_keypair().expect("a key").pk.to_base64(),
            host: "pc-17".into(),
            system: "linux".into(),
            architecture: "x86_64".into(),
            agent_version: "0.1.0".into(),
            made: 1_790_000_000,
        }
    }

    #[test]
    fn an_enrolment_counts_only_with_the_secret_of_its_token() {
        let (new, secret) = (enrolment(), [9; 16]);
        let bytes = new.to_bytes(&secret).expect("it is written");
        assert_eq!(Enrolment::parse(&bytes, new.token, &secret), Ok(new.clone()));
        assert_eq!(Enrolment::parse(&bytes, new.token, &[8; 16]), Err(DocumentProblem::Code));
        assert!(Enrolment::parse(&bytes, TokenId([2; 8]), &secret).is_err());
        let text = String::from_utf8(bytes).expect("text");
        let other_host = text.replace("pc-17", "pc-18");
        assert_ne!(other_host, text);
        assert_eq!(Enrolment::parse(other_host.as_bytes(), new.token, &secret), Err(DocumentProblem::Code));
        let long = vec![b' '; usize::try_from(ENROLMENT_MAX_BYTES).expect("small") + 1];
        assert!(matches!(Enrolment::parse(&long, new.token, &secret), Err(DocumentProblem::TooLarge { .. })));
    }

    #[test]
    fn the_code_is_that_of_the_standard() {
        // RFC 4231, test case 2, with a key of four bytes filled to sixteen, which HMAC does not tell apart.
        let mut key = [0; 16];
        key[..4].copy_from_slice(b"Jefe");
        let code = keyed(&key).chain_update("what do ya want for nothing?").finalize().into_bytes();
        assert_eq!(to_hex(&code), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}
