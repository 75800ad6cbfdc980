//! The enrolment token, typed once: `id.secret.fingerprint.pin`.
//!
//! It carries both directions of trust: the secret proves the new agent to the manager, fingerprint and pin prove the
//! site and its server to the agent.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use super::ids::TokenId;
use crate::package::digest::{parse_hex, to_hex};

/// The first 16 bytes of a SHA-256: of a key for jobs, or of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 16]);

impl Fingerprint {
    /// Of a public minisign key in its base64 form: over the 8 bytes of its id and the 32 bytes of the key, as they
    /// stand in that form after the two letters of the algorithm. `None` for what is no key.
    pub fn of_key(public: &str) -> Option<Self> {
        key_bytes(public).map(|bytes| Self::of(&bytes))
    }

    /// Of a TLS certificate in its DER form: the pin.
    pub fn of_certificate(der: &[u8]) -> Self {
        Self::of(der)
    }

    /// Reads 32 lower-case hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        let print = Self(parse_hex(text)?);
        (print.to_string() == text).then_some(print)
    }

    fn of(bytes: &[u8]) -> Self {
        let digest: [u8; 32] = Sha256::digest(bytes).into();
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        Self(half)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

/// The 8 bytes of the id and the 32 of the key in a public minisign key, after the algorithm, which must be Ed25519: the
/// library reads any two letters there.
pub(crate) fn key_bytes(public: &str) -> Option<[u8; 40]> {
    let bytes = minisign::PublicKey::from_base64(public).ok()?.to_bytes();
    bytes.strip_prefix(b"Ed")?.try_into().ok()
}

/// An enrolment token. Its `Debug` leaves the secret out.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// Names it in files.
    pub id: TokenId,
    /// Known to who made it and who types it.
    pub secret: [u8; 16],
    /// Of the key for jobs whose site list the agent takes first.
    pub fingerprint: Fingerprint,
    /// Of the certificate of the server; absent where the system's own trust decides, or there is no server.
    pub pin: Option<Fingerprint>,
}

/// A text that is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token is written id.secret.fingerprint.pin, in lower-case hex; copy all of it")]
pub struct NotAToken;

impl Token {
    /// A new one. `chance` are random bytes nobody else has seen.
    pub fn new(chance: [u8; 24], fingerprint: Fingerprint, pin: Option<Fingerprint>) -> Self {
        let (mut id, mut secret) = ([0; 8], [0; 16]);
        id.copy_from_slice(&chance[..8]);
        secret.copy_from_slice(&chance[8..]);
        Self { id: TokenId(id), secret, fingerprint, pin }
    }

    /// The text that is typed. It holds the secret.
    pub fn to_text(&self) -> String {
        let pin = self.pin.map(|pin| pin.to_string()).unwrap_or_default();
        format!("{}.{}.{}.{pin}", self.id, to_hex(&self.secret), self.fingerprint)
    }
}

impl FromStr for Token {
    type Err = NotAToken;

    fn from_str(text: &str) -> Result<Self, NotAToken> {
        let mut parts = text.trim().split('.');
        let mut next = || parts.next().ok_or(NotAToken);
        let id = next()?.parse().map_err(|_| NotAToken)?;
        let secret = parse_hex(next()?).ok_or(NotAToken)?;
        let fingerprint = Fingerprint::parse(next()?).ok_or(NotAToken)?;
        // Without a pin the last point is easily lost.
        let pin = match parts.next() {
            None | Some("") => None,
            Some(pin) => Some(Fingerprint::parse(pin).ok_or(NotAToken)?),
        };
        if parts.next().is_some() { Err(NotAToken) } else { Ok(Self { id, secret, fingerprint, pin }) }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("id", &self.id)
            .field("fingerprint", &self.fingerprint)
            .field("pin", &self.pin)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_is_typed() {
        let mut token = Token::new([7; 24], Fingerprint([1; 16]), Some(Fingerprint([2; 16])));
        let text = token.to_text();
        assert_eq!(text.len(), 16 + 1 + 32 + 1 + 32 + 1 + 32);
        assert_eq!(format!(" {text}\n").parse(), Ok(token.clone()));
        assert!(!format!("{token:?}").contains(&to_hex(&token.secret)), "the secret is not shown");
        token.pin = None;
        assert_eq!(token.to_text().parse(), Ok(token.clone()));
        assert_eq!(token.to_text().trim_end_matches('.').parse(), Ok(token));
        for bad in [
            "",
            "a.b.c",
            &text[1..],
            &text[..text.len() - 1],
            &format!("{text}.x"),
            &text.replace("01", "zz"),
        ] {
            assert_eq!(bad.parse::<Token>(), Err(NotAToken), "{bad}");
        }
    }

    #[test]
    fn the_fingerprint_of_a_key_is_over_its_forty_bytes() {
        let pair = minisign::KeyPair::generate_unencrypted_keypair().expect("a key");
        let print = Fingerprint::of_key(&pair.pk.to_base64()).expect("a key");
        let bytes = pair.pk.to_bytes();
        assert_eq!(bytes.len(), 42);
        assert_eq!(to_hex(&print.0), crate::package::Sha256Digest::of(&bytes[2..]).to_string()[..32]);
        assert_eq!(Fingerprint::of_key("RWnothing"), None);
    }
}
