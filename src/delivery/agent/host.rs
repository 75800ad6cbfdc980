//! What the computer of an agent is, as the front end says, and whether a procedure is for it.

use crate::delivery::documents::AgentFacts;
use crate::delivery::documents::limits::NAME_MAX_BYTES;
use crate::delivery::documents::report::{cut, one_line};
use crate::package::procedure::RunsOn;

/// What a computer is. Told by whoever starts the agent: the engine asks no environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostFacts {
    /// Its name.
    pub host: String,
    /// `linux`, `windows`, `macos`.
    pub system: String,
    /// As its own text, `12` or `10.0.19045`; may be empty.
    pub system_version: String,
    /// `x86_64`, `aarch64`, `x86`.
    pub architecture: String,
    /// Version of the agent.
    pub agent_version: String,
}

impl HostFacts {
    /// Whether a procedure with these needs runs here. A version nobody knows is none that is high enough.
    pub(super) fn fits(&self, needs: &RunsOn) -> bool {
        let among = |list: &[String], own: &str| {
            list.is_empty() || list.iter().any(|one| one.eq_ignore_ascii_case(own))
        };
        let is_new_enough = needs
            .least_version
            .as_deref()
            .is_none_or(|least| numbers(&self.system_version) >= numbers(least));
        among(&needs.systems, &self.system)
            && among(&needs.architectures, &self.architecture)
            && is_new_enough
    }

    /// What a report says of it.
    pub(super) fn facts(&self, free_bytes: Option<u64>) -> AgentFacts {
        let told = |text: &str| cut(&one_line(text), NAME_MAX_BYTES);
        AgentFacts {
            host: told(&self.host),
            system: told(&self.system),
            system_version: told(&self.system_version),
            architecture: told(&self.architecture),
            agent_version: told(&self.agent_version),
            free_bytes,
            installed: Vec::new(),
        }
    }
}

/// The numbers of a version, in order; zeros at the end do not count.
fn numbers(version: &str) -> Vec<u64> {
    let digits = version.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
    let mut numbers: Vec<u64> = digits.map(|part| part.parse().unwrap_or(u64::MAX)).collect();
    while numbers.last() == Some(&0) {
        numbers.pop();
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_procedure_runs_where_it_is_meant_to() {
        let host = HostFacts {
            system: "linux".into(),
            system_version: "12.4".into(),
            architecture: "x86_64".into(),
            ..HostFacts::default()
        };
        let needs = |system: &str, least: Option<&str>, architecture: &str| RunsOn {
            systems: vec![system.to_owned()],
            least_version: least.map(str::to_owned),
            architectures: vec![architecture.to_owned()],
        };
        assert!(host.fits(&RunsOn::default()));
        assert!(host.fits(&needs("Linux", Some("12"), "x86_64")));
        assert!(host.fits(&needs("linux", Some("12.4.0"), "x86_64")));
        assert!(!host.fits(&needs("linux", Some("12.10"), "x86_64")));
        assert!(!host.fits(&needs("windows", None, "x86_64")));
        assert!(!host.fits(&needs("linux", None, "aarch64")));
        assert!(!HostFacts::default().fits(&RunsOn { least_version: Some("1".into()), ..RunsOn::default() }));
    }
}
