//! The names of documents in a staging store, relative to its root, with `/`. No two writers share a name.

use super::ids::{AgentId, TokenId};

/// The site list. Written by the manager.
pub const SITE: &str = "delivery/site.json";
/// The folder of reports; the manager lists it.
pub const REPORTS: &str = "delivery/reports";
/// The folder of enrolments; the manager lists it.
pub const ENROL: &str = "delivery/enrol";

/// The jobs of one agent. Written by the manager.
pub fn agent(agent: AgentId) -> String {
    format!("delivery/agents/{agent}.json")
}

/// Report `n` of one agent. Written by the agent, once.
pub fn report(agent: AgentId, n: u64) -> String {
    format!("{REPORTS}/{}", report_file(agent, n))
}

/// The last part of [`report`].
pub fn report_file(agent: AgentId, n: u64) -> String {
    format!("{agent}.{n}.json")
}

/// Reads the last part of a [`report`]; `None` for every other name.
pub fn parse_report_file(name: &str) -> Option<(AgentId, u64)> {
    let (id, n) = name.strip_suffix(".json")?.split_once('.')?;
    let id: AgentId = id.parse().ok()?;
    let n: u64 = n.parse().ok()?;
    (report_file(id, n) == name).then_some((id, n))
}

/// Says that a token is open. Written by whoever made the token, and by the manager: the same, an empty object.
pub fn open_token(token: TokenId) -> String {
    format!("{ENROL}/{token}.open")
}

/// Reads the last part of an [`open_token`]; `None` for every other name.
pub fn parse_open_file(name: &str) -> Option<TokenId> {
    name.strip_suffix(".open")?.parse().ok()
}

/// The enrolment of a new agent. Written by the agent, once.
pub fn enrolment(token: TokenId) -> String {
    format!("{ENROL}/{token}.json")
}

/// Reads the last part of an [`enrolment`]; `None` for every other name.
pub fn parse_enrolment_file(name: &str) -> Option<TokenId> {
    name.strip_suffix(".json")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_one_name() {
        let id = AgentId(uuid::Uuid::from_u128(7));
        let name = report_file(id, 12);
        assert_eq!(parse_report_file(&name), Some((id, 12)));
        for other in
            [name.replace("12", "012"), name.replace("12", "+12"), format!("x{name}"), format!("{id}.json")]
        {
            assert_eq!(parse_report_file(&other), None, "{other}");
        }
        let token = TokenId([1; 8]);
        assert_eq!(parse_enrolment_file("0101010101010101.json"), Some(token));
        assert_eq!(parse_enrolment_file("0101010101010101.open"), None);
        assert_eq!(parse_open_file("0101010101010101.open"), Some(token));
        assert_eq!(parse_open_file("0101010101010101.json"), None);
    }
}
