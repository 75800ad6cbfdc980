//! The jobs of one agent, `delivery/agents/<agent>.json`: every open job, whole. Signed by a key for jobs.

use jiff::civil;
use serde::{Deserialize, Serialize};

use super::ids::{AgentId, BatchId, ContainerId, JobId, SiteId};
use super::limits::{
    ADDRESS_MAX_BYTES, DOCUMENT_MAX_BYTES, JOBS_MAX, NAME_MAX_BYTES, READ_MAX, TIME_LIMIT_MAX_SECS,
};
use super::{
    DocumentKind, DocumentProblem, Form, check_count, check_key, check_line, check_time, read, write,
};
use crate::package::procedure::Task;
use crate::package::record::PackageId;
use crate::package::{ConsistencyChecksum, PackageKey, Procedure, Sha256Digest};

/// How a civil time is written: `2026-11-21T02:00`.
const CIVIL: &str = "%Y-%m-%dT%H:%M";

/// Every open job of one agent. A job that is not started and no longer listed is withdrawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentDocument {
    /// Which site.
    pub site: SiteId,
    /// Whose jobs these are.
    pub agent: AgentId,
    /// The public key of the agent: `serve` shows the document to nobody else.
    pub agent_key: String,
    /// Rises with every one that is written: the greater of the last + 1 and the Unix time.
    pub sequence: u64,
    /// When it was written.
    pub issued: i64,
    /// From when on it is not taken any more.
    pub expires: i64,
    /// The jobs, in the order in which they are to be begun.
    pub jobs: Vec<Job>,
}

/// One job: a procedure of a package, on one computer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Which job.
    pub id: JobId,
    /// The container it belongs to.
    pub container: ContainerId,
    /// Its name, for people.
    pub container_name: String,
    /// Its place in a piece of work whose rest ends with a failure.
    #[serde(default)]
    pub batch: Option<BatchPlace>,
    /// What the procedure does.
    pub task: Task,
    /// The package, sealed.
    pub package: JobPackage,
    /// What names and sizes of the package amount to.
    pub checksum: ConsistencyChecksum,
    /// Whether checksum control of package consistency is on.
    pub checksum_control: bool,
    /// Which procedure of the package. What it does stands in the sealed registration info, never here.
    pub procedure: JobProcedure,
    /// Roots of the staging libraries to read the package from, nearest first.
    pub read: Vec<String>,
    /// Whether the package is only to be brought to the computer.
    #[serde(default)]
    pub stage_only: bool,
    /// Not brought before this.
    #[serde(default)]
    pub stage_at: Option<When>,
    /// Not run before this.
    #[serde(default)]
    pub run_at: Option<When>,
    /// Not begun after this.
    #[serde(default)]
    pub stop_starting_at: Option<When>,
    /// The procedure is ended after so many seconds, where it has no shorter limit of its own.
    #[serde(default)]
    pub time_limit_seconds: Option<u64>,
    /// Whether it runs although it is installed already.
    #[serde(default)]
    pub reinstall: bool,
}

/// Its place among the jobs of one computer that are one piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchPlace {
    /// Which piece of work.
    pub id: BatchId,
    /// From 0.
    pub position: u32,
}

/// The package of a job, named so that no other can stand in for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobPackage {
    /// Its identity.
    pub id: PackageId,
    /// Name and version.
    #[serde(flatten)]
    pub key: PackageKey,
    /// The revision of the seal.
    pub revision: u64,
    /// SHA-256 of its `reginfo.json`.
    pub reginfo_sha256: Sha256Digest,
}

/// The procedure of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobProcedure {
    /// Its name in the registration info.
    pub name: String,
    /// What [`procedure_digest`] says of it.
    pub sha256: Sha256Digest,
}

/// A moment, on the clock of the site or on the wall of the computer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "clock", rename_all = "lowercase")]
pub enum When {
    /// One moment for all computers.
    Site {
        /// Unix seconds.
        time: i64,
    },
    /// A time of day where the computer stands.
    Computer {
        /// In the time zone of the computer.
        #[serde(with = "civil_minute")]
        time: civil::DateTime,
    },
}

impl When {
    /// The moment it means for a computer in `zone`, as Unix seconds. A time that a clock skips or shows twice is taken
    /// as the calendar standard says (RFC 5545: the offset before the gap, the first of two).
    pub fn moment(self, zone: &jiff::tz::TimeZone) -> i64 {
        match self {
            Self::Site { time } => time,
            Self::Computer { time } => match zone.to_ambiguous_zoned(time).compatible() {
                Ok(zoned) => zoned.timestamp().as_second(),
                // Beyond the calendar: never.
                Err(_) => i64::MAX,
            },
        }
    }
}

mod civil_minute {
    use jiff::civil::DateTime;
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(time: &DateTime, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&time.strftime(super::CIVIL))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<DateTime, D::Error> {
        let text = String::deserialize(from)?;
        DateTime::strptime(super::CIVIL, &text)
            .map_err(|_| de::Error::custom("a time of a computer is written 2026-11-21T02:00"))
    }
}

/// SHA-256 over the canonical JSON of a procedure: its fields in the order of the form, no white space.
pub fn procedure_digest(procedure: &Procedure) -> Sha256Digest {
    // A procedure is texts, numbers and maps of text: it always becomes JSON.
    Sha256Digest::of(&serde_json::to_vec(procedure).unwrap_or_default())
}

impl AgentDocument {
    /// The text that is signed.
    pub fn to_text(&self) -> Result<String, DocumentProblem> {
        write(self)
    }

    /// Reads the text of an agent's jobs.
    pub fn parse(text: &str) -> Result<Self, DocumentProblem> {
        read(text)
    }
}

impl Form for AgentDocument {
    const KIND: DocumentKind = DocumentKind::Jobs;
    const WORD: &'static str = "list of jobs";
    const MOST_BYTES: u64 = DOCUMENT_MAX_BYTES;

    fn check(&self) -> Result<(), DocumentProblem> {
        check_time("issued", self.issued)?;
        check_time("expires", self.expires)?;
        check_key("agent_key", &self.agent_key)?;
        check_count("jobs", self.jobs.len(), JOBS_MAX)?;
        self.jobs.iter().try_for_each(Job::check)?;
        let mut ids: Vec<JobId> = self.jobs.iter().map(|job| job.id).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.len() != self.jobs.len() {
            return Err(DocumentProblem::Field { field: "jobs", why: "one is listed twice".to_owned() });
        }
        Ok(())
    }
}

impl Job {
    fn check(&self) -> Result<(), DocumentProblem> {
        let wrong = |field, why: &str| Err(DocumentProblem::Field { field, why: why.to_owned() });
        check_line("container_name", &self.container_name, NAME_MAX_BYTES)?;
        check_line("procedure.name", &self.procedure.name, NAME_MAX_BYTES)?;
        check_count("read", self.read.len(), READ_MAX)?;
        for address in &self.read {
            check_line("read", address, ADDRESS_MAX_BYTES)?;
            // A path that leaves its place is no address anybody meant.
            if address.is_empty() || address.split(['/', '\\']).any(|part| part == "..") {
                return wrong("read", "it is empty or has a part ..");
            }
        }
        for when in [self.stage_at, self.run_at, self.stop_starting_at].into_iter().flatten() {
            if let When::Site { time } = when {
                check_time("time", time)?;
            }
        }
        match self.time_limit_seconds {
            Some(0) => wrong("time_limit_seconds", "it is 0"),
            Some(long) if long > TIME_LIMIT_MAX_SECS => wrong("time_limit_seconds", "it is more than 7 days"),
            _ => Ok(()),
        }
    }
}

/// A job without times, for tests.
#[cfg(test)]
pub(crate) fn sample() -> Job {
    let id = uuid::Uuid::from_u128;
    Job {
        id: JobId(id(1)),
        container: ContainerId(id(2)),
        container_name: "Branch Köln, 300".into(),
        batch: None,
        task: Task::Install,
        package: JobPackage {
            id: PackageId(id(4)),
            key: PackageKey::new("7-Zip", "24.09").expect("good"),
            revision: 3,
            reginfo_sha256: Sha256Digest::of(b"r"),
        },
        checksum: ConsistencyChecksum { files: 1, size_bytes: 2, digest: Sha256Digest::of(b"c") },
        checksum_control: true,
        procedure: JobProcedure { name: "Install".into(), sha256: Sha256Digest::of(b"p") },
        read: vec!["https://köln.example/packages".into()],
        stage_only: false,
        stage_at: None,
        run_at: None,
        stop_starting_at: None,
        time_limit_seconds: None,
        reinstall: false,
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    fn document() -> AgentDocument {
        let key = minisign::KeyPair::generate_unencrypted_keypair().expect("a key").pk.to_base64();
        let id = uuid::Uuid::from_u128;
        let job = Job {
            batch: Some(BatchPlace { id: BatchId(id(3)), position: 1 }),
            stage_at: Some(When::Site { time: 1_790_000_000 }),
            run_at: Some(When::Computer { time: civil::date(2026, 11, 21).at(2, 0, 0, 0) }),
            time_limit_seconds: Some(600),
            ..sample()
        };
        AgentDocument {
            site: SiteId(id(5)),
            agent: AgentId(id(6)),
            agent_key: key,
            sequence: 7,
            issued: 1_790_000_000,
            expires: 1_790_086_400,
            jobs: vec![job],
        }
    }

    #[test]
    fn jobs_are_read_as_they_were_written() {
        let document = document();
        let text = document.to_text().expect("it is written");
        assert!(text.contains(r#""run_at":{"clock":"computer","time":"2026-11-21T02:00"}"#), "{text}");
        assert!(text.contains(r#""stage_at":{"clock":"site","time":1790000000}"#), "{text}");
        assert!(
            text.contains(r#""package":{"id":"00000000-0000-0000-0000-000000000004","name":"7-Zip""#),
            "{text}"
        );
        assert_eq!(AgentDocument::parse(&text), Ok(document));
    }

    #[test]
    fn what_leads_out_of_its_place_is_refused() {
        let text = document().to_text().expect("it is written");
        for (from, to) in [
            (r#""name":"7-Zip""#, r#""name":"..""#),
            (r#""name":"7-Zip""#, r#""name":"a/../../etc""#),
            (r#""version":"24.09""#, r#""version":"/etc""#),
            (r#""version":"24.09""#, r#""version":"a\u0000b""#),
            ("https://köln.example/packages", "https://köln.example/../secret"),
            ("https://köln.example/packages", "/srv/packages/../../etc"),
            ("https://köln.example/packages", r"x\n"),
            (r#""name":"Install""#, r#""name":"a\u001b[2J""#),
            (r#""time":"2026-11-21T02:00""#, r#""time":"2026-11-21T02:00:00Z""#),
            (r#""time":"2026-11-21T02:00""#, r#""time":"2026-02-31T02:00""#),
            (r#""time_limit_seconds":600"#, r#""time_limit_seconds":0"#),
            (r#""clock":"computer""#, r#""clock":"moon""#),
            (r#""kind":"jobs""#, r#""kind":"report""#),
        ] {
            let bad = text.replace(from, to);
            assert_ne!(bad, text, "{from} is part of the text");
            assert!(AgentDocument::parse(&bad).is_err(), "{to}");
        }
        let mut twice = document();
        let again = twice.jobs[0].clone();
        twice.jobs.push(again);
        assert!(twice.to_text().is_err());
    }

    #[test]
    fn the_time_of_a_computer_is_the_time_on_its_wall() {
        let two = When::Computer { time: civil::date(2026, 11, 21).at(2, 0, 0, 0) };
        let utc = two.moment(&TimeZone::UTC);
        let east = two.moment(&TimeZone::fixed(jiff::tz::offset(9)));
        assert_eq!(utc - east, 9 * 3600);
        assert_eq!(When::Site { time: 12 }.moment(&TimeZone::fixed(jiff::tz::offset(9))), 12);
    }
}
