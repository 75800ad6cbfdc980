//! A signed document: a JSON text and the minisign signature over exactly that text, in one object.
//!
//! Owns: its two fields, how it is signed, and whether it was signed by one of the keys somebody knows. Must not know
//! what the text says, where keys are kept, nor who may sign what: the keys handed in are those that may.

use std::io::Cursor;

use minisign::{PublicKey, SecretKey, SignatureBox};
use serde::{Deserialize, Serialize};

use super::trust::key_id;

/// Longest signature that is read, in bytes: minisign writes four lines of known length and one free comment.
pub const MINISIG_MAX_BYTES: usize = 8 * 1024;

/// Longest signed document of the manager as an object in a store, in bytes: up to 16 MiB of text, again as a JSON string
/// with a backslash before every quote, and the signature.
pub const SIGNED_MAX_BYTES: u64 = 2 * 16 * 1024 * 1024 + 64 * 1024;
/// Longest signed report as an object in a store, in bytes: up to 1 MiB of text, in the same way.
pub const SIGNED_REPORT_MAX_BYTES: u64 = 2 * 1024 * 1024 + 64 * 1024;
/// Longest enrolment as an object in a store, in bytes.
pub const ENROLMENT_MAX_BYTES: u64 = 16 * 1024;

/// `{"document": "<json text>", "minisig": "<text>"}`: one object, so that nobody sees a new text with an old signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedDocument {
    /// The text that is signed, byte by byte.
    pub document: String,
    /// The text of the `.minisig` file over it.
    pub minisig: String,
}

/// Why a signed document is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureProblem {
    /// No object with these two fields.
    #[error("it is no signed document: {0}")]
    Form(String),
    /// The signature cannot be read.
    #[error("its signature is no minisign signature: {0}")]
    Signature(String),
    /// Signed by a key that is not among those that may sign it.
    #[error("it is signed by the key {key_id}, which may not sign it")]
    UnknownKey {
        /// The id in the signature.
        key_id: String,
    },
    /// The text is not the one that was signed.
    #[error("the signature of key {key_id} does not fit: {why}")]
    Broken {
        /// The id in the signature.
        key_id: String,
        /// What minisign said.
        why: String,
    },
    /// The key that was to sign it does not.
    #[error("it cannot be signed: {0}")]
    Signing(String),
}

impl SignedDocument {
    /// Puts a text and the signature that was made over it together.
    pub fn new(document: String, minisig: String) -> Self {
        Self { document, minisig }
    }

    /// Signs `document`; the trusted comment is for people who look with minisign.
    pub fn sign(
        document: String,
        public: &PublicKey,
        secret: &SecretKey,
        comment: &str,
    ) -> Result<Self, SignatureProblem> {
        let signed = minisign::sign(Some(public), secret, Cursor::new(&document), Some(comment), None)
            .map_err(|error| SignatureProblem::Signing(error.to_string()))?;
        Ok(Self { minisig: signed.into_string(), document })
    }

    /// Reads the object. The bytes are bounded by whoever read them.
    pub fn parse(bytes: &[u8]) -> Result<Self, SignatureProblem> {
        let signed: Self =
            serde_json::from_slice(bytes).map_err(|error| SignatureProblem::Form(error.to_string()))?;
        if signed.minisig.len() > MINISIG_MAX_BYTES {
            return Err(SignatureProblem::Form("its signature is too long".to_owned()));
        }
        Ok(signed)
    }

    /// The object as it is stored: one line, with an end.
    pub fn to_bytes(&self) -> Vec<u8> {
        // A struct of two texts always becomes JSON.
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// The id of the key that signed it, as the signature says.
    pub fn key_id(&self) -> Result<String, SignatureProblem> {
        Ok(key_id(self.signature()?.keynum()))
    }

    /// Gives the text if one of `keys`, public keys as base64 text (`RW…`), signed it, and which that was. A key that
    /// cannot be read counts as absent.
    pub fn verify<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k str>,
    ) -> Result<(&str, &'k str), SignatureProblem> {
        let signature = self.signature()?;
        let signer = key_id(signature.keynum());
        let mut broken = None;
        for text in keys {
            let Ok(key) = PublicKey::from_base64(text) else { continue };
            if key.keynum() != signature.keynum() {
                continue;
            }
            match minisign::verify(&key, &signature, Cursor::new(&self.document), true, false, false) {
                Ok(()) => return Ok((&self.document, text)),
                // An id is eight bytes that anybody can copy: another key may have the same.
                Err(error) => broken = Some(error.to_string()),
            }
        }
        Err(match broken {
            Some(why) => SignatureProblem::Broken { key_id: signer, why },
            None => SignatureProblem::UnknownKey { key_id: signer },
        })
    }

    fn signature(&self) -> Result<SignatureBox, SignatureProblem> {
        SignatureBox::from_string(&self.minisig)
            .map_err(|error| SignatureProblem::Signature(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use minisign::KeyPair;

    use super::*;

    fn pair() -> KeyPair {
        KeyPair::generate_unencrypted_keypair().expect("a key pair")
    }

    #[test]
    fn a_text_is_taken_only_from_a_key_that_may_sign_it() {
        let (ours, theirs) = (pair(), pair());
        let (our_text, their_text) = (ours.pk.to_base64(), theirs.pk.to_base64());
        let signed = SignedDocument::sign("{\"a\":1}".into(), &ours.pk, &ours.sk, "a text").expect("signed");
        let read = SignedDocument::parse(&signed.to_bytes()).expect("it is read again");
        assert_eq!(read, signed);
        let keys = ["no key", their_text.as_str(), our_text.as_str()];
        assert_eq!(read.verify(keys), Ok(("{\"a\":1}", our_text.as_str())));
        assert!(matches!(read.verify([their_text.as_str()]), Err(SignatureProblem::UnknownKey { .. })));
        assert!(matches!(read.verify([]), Err(SignatureProblem::UnknownKey { .. })));
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let key = pair();
        let public = key.pk.to_base64();
        let text = r#"{"jobs":[1,2,3]}"#;
        let signed = SignedDocument::sign(text.into(), &key.pk, &key.sk, "c").expect("signed");
        for at in 0..text.len() {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] ^= 1;
            let Ok(document) = String::from_utf8(bytes) else { continue };
            let changed = SignedDocument { document, ..signed.clone() };
            let refused = changed.verify([public.as_str()]);
            assert!(matches!(refused, Err(SignatureProblem::Broken { .. })), "byte {at}");
        }
        let mut comment = signed.clone();
        comment.minisig = comment.minisig.replace("trusted comment: c", "trusted comment: d");
        assert_ne!(comment, signed);
        assert!(comment.verify([public.as_str()]).is_err());
    }

    #[test]
    fn what_is_no_signed_document_is_told_as_such() {
        for text in ["", "[]", "{}", r#"{"document":"x"}"#, r#"{"document":1,"minisig":""}"#] {
            assert!(
                matches!(SignedDocument::parse(text.as_bytes()), Err(SignatureProblem::Form(_))),
                "{text}"
            );
        }
        let signed = SignedDocument::new("{}".into(), "no signature".into());
        assert!(matches!(signed.verify([]), Err(SignatureProblem::Signature(_))));
        let long = SignedDocument::new(String::new(), "x".repeat(MINISIG_MAX_BYTES + 1));
        assert!(matches!(SignedDocument::parse(&long.to_bytes()), Err(SignatureProblem::Form(_))));
    }
}
