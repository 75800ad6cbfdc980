//! History in the library database: the lines of `history.jsonl`, with columns to filter by.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, params};

use super::{Catalogue, Change, StoreError, from_sql, to_sql};
use crate::package::history::StagingNamed;
use crate::package::record::PackageId;
use crate::package::{HistoryEntry, HistoryEvent, Sha256Digest};

/// Which entries are wanted; the default is all.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct HistoryFilter {
    /// Only this package.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<PackageId>,
    /// Only these events; all if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<HistoryEvent>,
    /// Only this account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// From this moment on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Up to, not including, this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Only what was brought to this staging library and taken away from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub staging: Option<StagingNamed>,
    /// Only entries with this text, without regard to case: in package, account, computer, event, reason, details, key,
    /// or a path of the differences.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// At most so many, the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<u32>,
}

impl HistoryFilter {
    /// Whether every entry passes.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }
}

impl Catalogue {
    /// Entries that pass the filter, oldest first.
    pub fn history(&self, filter: &HistoryFilter) -> Result<Vec<HistoryEntry>, StoreError> {
        self.history_lines(filter)?
            .iter()
            .map(|line| {
                serde_json::from_str(line)
                    .map_err(|error| StoreError::Damaged(format!("a history entry: {error}")))
            })
            .collect()
    }

    /// The lines of the entries that pass the filter, oldest first, as they stand in `history.jsonl`.
    pub fn history_lines(&self, filter: &HistoryFilter) -> Result<Vec<String>, StoreError> {
        let events = filter.events.iter().map(|event| event_code(*event)).collect::<Result<Vec<_>, _>>()?;
        let events = (!events.is_empty()).then(|| serde_json::json!(events).to_string());
        let mut statement = self.connection.prepare_cached(
            "SELECT line FROM history WHERE (?1 IS NULL OR package_id = ?1)
             AND (?2 IS NULL OR event IN (SELECT value FROM json_each(?2)))
             AND (?3 IS NULL OR who = ?3) AND (?4 IS NULL OR at >= ?4) AND (?5 IS NULL OR at < ?5)
             ORDER BY number DESC",
        )?;
        let mut rows = statement.query(params![
            filter.package.map(|id| id.to_string()),
            events,
            filter.who,
            filter.from.map(Timestamp::as_microsecond),
            filter.until.map(Timestamp::as_microsecond),
        ])?;
        let most = filter.newest.map_or(usize::MAX, |newest| usize::try_from(newest).unwrap_or(usize::MAX));
        let text = filter.text.as_deref().map(|text| text.trim().to_lowercase()).filter(|t| !t.is_empty());
        let mut lines: Vec<String> = Vec::new();
        while lines.len() < most {
            let Some(row) = rows.next()? else { break };
            let line: String = row.get(0)?;
            let passes = |entry: HistoryEntry| {
                text.as_ref().is_none_or(|text| entry.mentions(text))
                    && filter.staging.as_ref().is_none_or(|staging| entry.is_of_staging(staging))
            };
            let is_judged = text.is_some() || filter.staging.is_some();
            // An entry that cannot be read is not hidden: following the chain names it.
            if !is_judged || serde_json::from_str(&line).map_or(true, passes) {
                lines.push(line);
            }
        }
        lines.reverse();
        Ok(lines)
    }

    /// The line of one entry.
    pub fn history_line(&self, number: u64) -> Result<Option<String>, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT line FROM history WHERE number = ?1")?
            .query_row([to_sql(number)?], |row| row.get(0))
            .optional()?)
    }

    /// Every account in History, sorted.
    pub fn history_people(&self) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT DISTINCT who FROM history ORDER BY 1")?;
        Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<_>, _>>()?)
    }

    /// Lines of the entries after `number`, in order.
    pub fn history_lines_after(&self, number: u64) -> Result<Vec<String>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT line FROM history WHERE number > ?1 ORDER BY number")?;
        Ok(statement.query_map([to_sql(number)?], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?)
    }

    /// The number of the last entry; 0 if there is none.
    pub fn last_history_number(&self) -> Result<u64, StoreError> {
        let number: i64 =
            self.connection
                .query_row("SELECT coalesce(max(number), 0) FROM history", [], |row| row.get(0))?;
        from_sql(number, "history number")
    }

    /// Reasons that were given before, the last first, each once.
    pub fn last_reasons(&self, count: usize) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT line FROM history WHERE event IN ('accepted', 'control_off') ORDER BY number DESC LIMIT 100",
        )?;
        let lines = statement.query_map([], |row| row.get::<_, String>(0))?;
        let mut reasons: Vec<String> = Vec::new();
        for line in lines {
            let reason = serde_json::from_str::<HistoryEntry>(&line?).ok().and_then(|entry| entry.reason);
            if let Some(reason) = reason.filter(|reason| !reasons.contains(reason)) {
                reasons.push(reason);
            }
            if reasons.len() == count {
                break;
            }
        }
        Ok(reasons)
    }
}

impl Change<'_> {
    /// Appends an entry: gives it its number and chains it to the one before.
    pub fn append_history(&self, mut entry: HistoryEntry) -> Result<HistoryEntry, StoreError> {
        let last: Option<(i64, String)> = self
            .transaction
            .prepare_cached("SELECT number, line FROM history ORDER BY number DESC LIMIT 1")?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        (entry.number, entry.previous) = match last {
            Some((number, line)) => {
                (from_sql(number, "history number")? + 1, HistoryEntry::digest_of_line(&line))
            }
            None => (1, Sha256Digest::default()),
        };
        self.put_history_line(&entry, &entry.line())?;
        Ok(entry)
    }

    /// Takes over a line as it stands, number and chain included; for rebuilding.
    pub fn put_history_line(&self, entry: &HistoryEntry, line: &str) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached("INSERT INTO history (number, at, event, who, package_id, line) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
            .execute(params![
                to_sql(entry.number)?,
                entry.at.as_microsecond(),
                event_code(entry.event)?,
                entry.who,
                entry.package_id.map(|id| id.to_string()),
                line,
            ])?;
        Ok(())
    }
}

/// The word of an event in files and database.
fn event_code(event: HistoryEvent) -> Result<String, StoreError> {
    match serde_json::to_value(event) {
        Ok(serde_json::Value::String(code)) => Ok(code),
        _ => Err(StoreError::Damaged("an event has no word".to_owned())),
    }
}
