//! What an agent tells, in order: events become reports, made once and signed, kept until they are in the store.

use super::error::AgentError;
use super::home::{AgentKey, Identity};
use super::memory::Memory;
use super::site::{Made, Site};
use crate::delivery::documents::limits::{INSTALLED_MAX, SIGNED_REPORT_MAX_BYTES};
use crate::delivery::documents::{AgentFacts, JobReport, Report, SiteId, names};
use crate::delivery::staging::StagingError;
use crate::package::Sha256Digest;

const LAST_N: &str = "last report";
const FACTS: &str = "facts told";
const FACTS_AT: &str = "facts told at";
/// What a computer is, is told again after so many seconds: it is a sign of life, too.
const FACTS_EVERY_SECS: i64 = 12 * 3600;
/// Events of one report.
const EVENTS_MOST: usize = 500;
/// Events of one report, in bytes of their texts; an output takes up to six times its length.
const EVENTS_MOST_BYTES: usize = 512 * 1024;
/// Installed packages of one report, in bytes of their texts.
const INSTALLED_MOST_BYTES: usize = 256 * 1024;

/// Makes reports of all there is to tell. `facts` is what the computer is, without what is installed.
pub(super) fn make(
    memory: &mut Memory,
    site: SiteId,
    identity: &Identity,
    key: &AgentKey,
    facts: &AgentFacts,
    now: i64,
) -> Result<(), AgentError> {
    loop {
        let mut jobs = Vec::new();
        let (mut last, mut bytes) = (None, 0);
        for (row, text) in memory.store.events(EVENTS_MOST)? {
            bytes += text.len();
            if bytes > EVENTS_MOST_BYTES && last.is_some() {
                break;
            }
            last = Some(row);
            // What cannot be read any more is not told; it must not hold up the rest.
            jobs.extend(serde_json::from_str::<JobReport>(&text).ok());
        }
        let due = facts_due(memory, facts, now)?;
        if last.is_none() && due.is_none() {
            return Ok(());
        }
        let n = memory.value(LAST_N)?.and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) + 1;
        let (facts, facts_digest) = due.unzip();
        let mut report = Report { site, agent: identity.agent, n, made: now, facts, jobs };
        let text = match report.to_text() {
            Ok(text) => text,
            Err(problem) => {
                // What nobody would take must not hold up the rest: the states are what counts.
                tracing::warn!(%problem, "a report is shortened");
                report.jobs = report.jobs.into_iter().map(JobReport::shortened).collect();
                report.to_text()?
            }
        };
        let signed = key.sign(text, &format!("packhouse report {} {n}", identity.agent))?;
        memory.store.change(|change| -> Result<(), AgentError> {
            change.add_report(n, &signed.to_bytes())?;
            change.set_value(LAST_N, &n.to_string())?;
            if let Some(last) = last {
                change.drop_events(last)?;
            }
            if let Some(digest) = facts_digest {
                change.set_value(FACTS, &digest)?;
                change.set_value(FACTS_AT, &now.to_string())?;
            }
            Ok(())
        })?;
    }
}

/// What the computer is, where that is to be told, and what it is remembered by.
fn facts_due(
    memory: &Memory,
    facts: &AgentFacts,
    now: i64,
) -> Result<Option<(AgentFacts, String)>, AgentError> {
    let mut facts = facts.clone();
    let mut room = INSTALLED_MOST_BYTES;
    for text in memory.store.all_installed(INSTALLED_MAX)? {
        let Some(left) = room.checked_sub(text.len()) else { break };
        room = left;
        facts.installed.extend(serde_json::from_str(&text).ok());
    }
    // Free space changes with every file: it is told with the rest, and is no reason to tell.
    let lasting = AgentFacts { free_bytes: None, ..facts.clone() };
    let digest = Sha256Digest::of(&serde_json::to_vec(&lasting).unwrap_or_default()).to_string();
    let told_at = memory.value(FACTS_AT)?.and_then(|at| at.parse::<i64>().ok());
    let is_fresh = told_at.is_some_and(|at| (at..at.saturating_add(FACTS_EVERY_SECS)).contains(&now));
    let is_same = memory.value(FACTS)?.is_some_and(|told| told == digest);
    Ok((!is_fresh || !is_same).then_some((facts, digest)))
}

/// What came of sending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    /// How many reports reached the store.
    pub(super) sent: u64,
    /// Why the next one does not.
    pub(super) refused: Option<String>,
}

/// Sends what waits, in order. A report that was sent before the agent was stopped is there already.
pub(super) fn send(memory: &mut Memory, site: &Site, identity: &Identity) -> Result<Sent, AgentError> {
    let mut sent = Sent::default();
    while let Some((n, bytes)) = memory.store.first_report()? {
        let path = names::report(identity.agent, n);
        match site.create(&path, &bytes)? {
            Made::New => {}
            Made::Refused(why) => {
                sent.refused = Some(why);
                return Ok(sent);
            }
            Made::There => match site.peek(&path, SIGNED_REPORT_MAX_BYTES) {
                Ok(Some(there)) if there == bytes => {}
                Ok(Some(_)) => {
                    sent.refused = Some(format!("something else lies at {path}"));
                    return Ok(sent);
                }
                // Taken away in this moment: made again the next time, which does no harm.
                Ok(None) => return Ok(sent),
                // Ours from before: a server that lets nobody look lets nobody else write it either.
                Err(AgentError::Site(StagingError::Forbidden { .. })) => {}
                Err(error) => return Err(error),
            },
        }
        memory.store.change(|change| change.drop_report(n).map_err(AgentError::from))?;
        sent.sent += 1;
    }
    Ok(sent)
}
