//! How an agent proves to a server who it is: a short text, signed by the agent, in the head of a request.
//!
//! Owns: what the text says, how it becomes one line, how long it counts. Must not know sockets or keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::signed_document::SignedDocument;

/// Longest header that is read, in bytes.
pub const PROOF_MAX_BYTES: usize = 8 * 1024;
/// How far the time of a proof may be from the server's, in seconds: clocks differ.
pub const PROOF_COUNTS_SECS: i64 = 15 * 60;

/// What an agent signs to read one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentProof {
    format: u32,
    kind: String,
    /// Which agent.
    pub agent: Uuid,
    /// The object, from the root of the store: `delivery/agents/….json`.
    pub path: String,
    /// When it was signed, in Unix seconds.
    pub at: i64,
}

impl AgentProof {
    /// To read `path` at about `at`.
    pub fn new(agent: Uuid, path: &str, at: i64) -> Self {
        Self { format: 1, kind: "request".to_owned(), agent, path: path.to_owned(), at }
    }

    /// The text that is signed.
    pub fn to_text(&self) -> String {
        // Texts and numbers always become JSON.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The header of a signed text.
    pub fn header(signed: &SignedDocument) -> String {
        STANDARD.encode(signed.to_bytes())
    }

    /// Reads a header; the signature is still to be judged.
    pub fn signed(header: &str) -> Option<SignedDocument> {
        if header.len() > PROOF_MAX_BYTES {
            return None;
        }
        SignedDocument::parse(&STANDARD.decode(header).ok()?).ok()
    }

    /// Reads the text of a proof whose signature fits, and whether it is one for `agent` to read `path` now.
    pub fn holds(text: &str, agent: Uuid, path: &str, now: i64) -> bool {
        let Ok(proof) = serde_json::from_str::<Self>(text) else { return false };
        let near = proof.at.checked_sub(now).is_some_and(|off| off.abs() <= PROOF_COUNTS_SECS);
        proof.format == 1 && proof.kind == "request" && proof.agent == agent && proof.path == path && near
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_counts_for_one_agent_one_object_and_a_while() {
        let agent = Uuid::from_u128(1);
        let text = AgentProof::new(agent, "delivery/agents/x.json", 1000).to_text();
        let holds = |agent, path, now| AgentProof::holds(&text, agent, path, now);
        assert!(holds(agent, "delivery/agents/x.json", 1000 + PROOF_COUNTS_SECS));
        assert!(!holds(agent, "delivery/agents/x.json", 1001 + PROOF_COUNTS_SECS));
        assert!(!holds(agent, "delivery/agents/x.json", i64::MIN));
        assert!(!holds(agent, "delivery/agents/y.json", 1000));
        assert!(!holds(Uuid::from_u128(2), "delivery/agents/x.json", 1000));
        assert!(!AgentProof::holds(
            &text.replace("request", "report"),
            agent,
            "delivery/agents/x.json",
            1000
        ));
    }

    #[test]
    fn a_header_is_read_as_it_was_written() {
        let signed = SignedDocument::new("text".into(), "signature\n".into());
        assert_eq!(AgentProof::signed(&AgentProof::header(&signed)), Some(signed));
        assert_eq!(AgentProof::signed("%"), None);
        assert_eq!(AgentProof::signed(&"A".repeat(PROOF_MAX_BYTES + 4)), None);
    }
}
