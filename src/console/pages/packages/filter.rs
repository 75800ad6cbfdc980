//! What a list leaves out: chips, one field a column, the search of the tool bar. Pure tests of one package.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::columns::ColumnKind;
use super::texts::condition;
use crate::console::format;
use crate::console::pages::{Place, SYSTEM};
use crate::package::record::PackageSummary;
use crate::package::{Finding, PackageState};

/// A chip above the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Chip {
    /// Everything.
    #[default]
    All,
    /// Open packages.
    Open,
    /// Blocked ones.
    Blocked,
    /// Without checksum control.
    CheckOff,
    /// Never read whole since they were registered.
    NeverDeepChecked,
}

impl Chip {
    /// All of them, in the order of the screen.
    pub const ALL: [Self; 5] = [Self::All, Self::Open, Self::Blocked, Self::CheckOff, Self::NeverDeepChecked];

    /// The word on it.
    pub fn word(self) -> &'static str {
        match self {
            Self::All => "All",
            Self::Open => "Open",
            Self::Blocked => "Blocked",
            Self::CheckOff => "Check off",
            Self::NeverDeepChecked => "Never deep checked",
        }
    }

    fn takes(self, package: &PackageSummary) -> bool {
        match self {
            Self::All => true,
            Self::Open => package.state == PackageState::Open,
            Self::Blocked => package.is_blocked(),
            Self::CheckOff => !package.checksum_control,
            Self::NeverDeepChecked => package.deep_at.is_none(),
        }
    }
}

/// Whether a package belongs to a place of the tree.
pub fn is_in(place: &Place, package: &PackageSummary) -> bool {
    match place {
        Place::Packages => true,
        Place::Group(group) => package.group == *group,
        Place::AutoRegistered => package.filed_by == SYSTEM,
        Place::Archived => package.state == PackageState::Archived,
        Place::Retired => package.retired,
        Place::Inconsistent => package.finding != Finding::Consistent,
        Place::Search
        | Place::Downloads
        | Place::LibraryCheck
        | Place::History
        | Place::Tasks
        | Place::Keys
        | Place::Settings
        | Place::Jobs
        | Place::Job(_)
        | Place::Computers
        | Place::ComputerGroup(_)
        | Place::TestComputers
        | Place::NotSeen
        | Place::Staging
        | Place::StagingLibrary(_) => false,
    }
}

/// What was chosen and typed to leave packages out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filters {
    /// The chip.
    #[serde(default)]
    pub chip: Chip,
    /// What was typed below the headers; none is empty.
    #[serde(default)]
    pub columns: BTreeMap<ColumnKind, String>,
}

impl Filters {
    /// Whether they leave nothing out.
    pub fn is_empty(&self) -> bool {
        self.chip == Chip::All && self.columns.is_empty()
    }

    /// For the status bar: `Open · Name "fire"`.
    pub fn sentence(&self) -> String {
        let chip = (self.chip != Chip::All).then(|| self.chip.word().to_owned());
        let columns = self.columns.iter().map(|(kind, text)| format!("{} \"{text}\"", kind.word()));
        chip.into_iter().chain(columns).collect::<Vec<_>>().join(" · ")
    }
}

/// What a package must be to be shown; made once from what was typed.
#[derive(Clone, Debug)]
pub(super) struct Test {
    place: Place,
    chip: Chip,
    /// Lower case.
    search: String,
    columns: Vec<(ColumnKind, Wanted)>,
}

impl Test {
    pub(super) fn new(place: &Place, filters: &Filters, search: &str, zone: &TimeZone) -> Self {
        let wanted = |(kind, text): (&ColumnKind, &String)| {
            // What cannot be understood says so below its header, and leaves nothing out.
            Some((*kind, parse(*kind, text, zone).ok()??))
        };
        Self {
            place: place.clone(),
            chip: filters.chip,
            search: search.trim().to_lowercase(),
            columns: filters.columns.iter().filter_map(wanted).collect(),
        }
    }

    pub(super) fn takes(&self, package: &PackageSummary) -> bool {
        is_in(&self.place, package)
            && self.chip.takes(package)
            && (self.search.is_empty() || is_found(package, &self.search))
            && self.columns.iter().all(|(kind, wanted)| wanted.takes(*kind, package))
    }
}

/// The search looks into name, version and supplier; `Name 1.2` finds both together.
fn is_found(package: &PackageSummary, search: &str) -> bool {
    contains(package.key.name(), search)
        || contains(package.key.version(), search)
        || contains(&package.supplier, search)
        || (search.contains(' ') && contains(&package.key.title(), search))
}

/// What one field asks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Wanted {
    /// Lower case; anywhere in the text.
    Text(String),
    /// From and to, both counted in.
    Number(u64, u64),
    Time(Range<Timestamp>),
}

impl Wanted {
    fn takes(&self, kind: ColumnKind, package: &PackageSummary) -> bool {
        match self {
            Self::Text(text) => match kind {
                ColumnKind::Consistency => contains(&condition(package), text),
                ColumnKind::Size => contains(&format::size(package.size_bytes), text),
                ColumnKind::Checksum => package.digest.to_string().starts_with(text.as_str()),
                ColumnKind::PackageId => package.id.to_string().starts_with(text.as_str()),
                _ => kind.field(package).is_some_and(|field| contains(&field, text)),
            },
            Self::Number(from, to) => {
                let number = match kind {
                    ColumnKind::Size => package.size_bytes,
                    ColumnKind::Files => package.files,
                    _ => package.revision,
                };
                (*from..=*to).contains(&number)
            }
            Self::Time(range) => kind.moment(package).is_some_and(|at| range.contains(&at)),
        }
    }
}

const DATES: &str = "A date: 2026, 2026-11 or 2026-11-02; < before it, > from it on";
const NUMBERS: &str = "A number; < up to it, > from it on";
const SIZES: &str = "Part of the size as shown, or >100M, <2G";

/// What may be typed below a header.
pub(super) fn hint(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Size => ">100M",
        ColumnKind::Files | ColumnKind::Revision => ">1",
        _ if is_time(kind) => "2026-11",
        _ => "",
    }
}

fn is_time(kind: ColumnKind) -> bool {
    use ColumnKind as K;
    matches!(kind, K::Checked | K::Registered | K::SealedOn | K::ChangedOnDisk | K::Since)
}

/// What a field asks for; `None` if nothing was typed.
pub(super) fn parse(kind: ColumnKind, text: &str, zone: &TimeZone) -> Result<Option<Wanted>, &'static str> {
    let text = text.trim().to_lowercase();
    if text.is_empty() {
        return Ok(None);
    }
    let (sign, rest) = match text.chars().next() {
        Some(sign @ ('<' | '>')) => (Some(sign), text[1..].trim_start_matches('=').trim()),
        _ => (None, text.as_str()),
    };
    let wanted = match kind {
        _ if is_time(kind) => {
            let range = days(rest, zone).ok_or(DATES)?;
            Wanted::Time(match sign {
                Some('<') => Timestamp::MIN..range.start,
                Some(_) => range.start..Timestamp::MAX,
                None => range,
            })
        }
        ColumnKind::Size if sign.is_some() => number(sign, bytes(rest).ok_or(SIZES)?),
        ColumnKind::Files | ColumnKind::Revision => {
            number(sign, rest.replace(',', "").parse().map_err(|_| NUMBERS)?)
        }
        _ => Wanted::Text(text),
    };
    Ok(Some(wanted))
}

fn number(sign: Option<char>, value: u64) -> Wanted {
    match sign {
        Some('<') => Wanted::Number(0, value),
        Some(_) => Wanted::Number(value, u64::MAX),
        None => Wanted::Number(value, value),
    }
}

/// `100`, `1.5k`, `2 GiB`.
fn bytes(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: f64 = number.parse().ok()?;
    let factor = match unit.trim().trim_end_matches("ytes").trim_end_matches('b').trim_end_matches('i') {
        "" => 1.0,
        "k" => 1024.0,
        "m" => 1024.0 * 1024.0,
        "g" => 1024.0 * 1024.0 * 1024.0,
        "t" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    Some((number * factor) as u64)
}

/// The year, month or day of this date.
fn days(text: &str, zone: &TimeZone) -> Option<Range<Timestamp>> {
    let parts: Vec<&str> = text.split('-').collect();
    if parts.len() > 3 || parts[0].len() != 4 {
        return None;
    }
    let numbers: Vec<i16> = parts.iter().map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let part = |at: usize| numbers.get(at).map_or(Some(1), |number| i8::try_from(*number).ok());
    let first = Date::new(numbers[0], part(1)?, part(2)?).ok()?;
    let span = jiff::Span::new();
    let span = match numbers.len() {
        1 => span.years(1),
        2 => span.months(1),
        _ => span.days(1),
    };
    let at = |date: Date| date.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp());
    Some(at(first)?..at(first.checked_add(span).ok()?)?)
}

/// Whether `part`, which is lower case, stands anywhere in `text` without regard to case.
fn contains(text: &str, part: &str) -> bool {
    if !text.is_ascii() || !part.is_ascii() {
        return text.to_lowercase().contains(part);
    }
    let (text, part) = (text.as_bytes(), part.as_bytes());
    let Some(first) = part.first() else { return true };
    // Most places are ruled out by their first letter.
    let mut windows = text.windows(part.len());
    windows.any(|window| window[0].eq_ignore_ascii_case(first) && window.eq_ignore_ascii_case(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_found_without_regard_to_case() {
        assert!(contains("Mozilla Firefox", "fire") && contains("Größe", "grö") && contains("x", ""));
        assert!(!contains("Fire", "firefox"));
    }

    #[test]
    fn sizes_and_numbers_are_compared() {
        let parse = |kind, text| parse(kind, text, &TimeZone::UTC);
        assert_eq!(parse(ColumnKind::Size, "> 1.5 MiB"), Ok(Some(Wanted::Number(1_572_864, u64::MAX))));
        assert_eq!(parse(ColumnKind::Size, "<2g"), Ok(Some(Wanted::Number(0, 2 << 30))));
        assert_eq!(parse(ColumnKind::Size, "212 MiB"), Ok(Some(Wanted::Text("212 mib".to_owned()))));
        assert_eq!(parse(ColumnKind::Size, ">many"), Err(SIZES));
        assert_eq!(parse(ColumnKind::Files, "5,120"), Ok(Some(Wanted::Number(5120, 5120))));
        assert_eq!(parse(ColumnKind::Files, "few"), Err(NUMBERS));
        assert_eq!(parse(ColumnKind::Name, "  "), Ok(None));
    }

    #[test]
    fn dates_are_years_months_or_days_of_the_zone() -> Result<(), jiff::Error> {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let when = |text: &str| match parse(ColumnKind::Registered, text, &zone) {
            Ok(Some(Wanted::Time(range))) => Some((range.start, range.end)),
            _ => None,
        };
        let at = |text: &str| text.parse::<Timestamp>();
        assert_eq!(when("2026-11"), Some((at("2026-10-31T23:00:00Z")?, at("2026-11-30T23:00:00Z")?)));
        assert_eq!(when("2026"), Some((at("2025-12-31T23:00:00Z")?, at("2026-12-31T23:00:00Z")?)));
        assert_eq!(when("<2026-02-28"), Some((Timestamp::MIN, at("2026-02-27T23:00:00Z")?)));
        for bad in ["26", "2026-13", "2026-02-30", "soon", "2026-1-1-1", "99999-01"] {
            assert_eq!(when(bad), None, "{bad}");
        }
        Ok(())
    }
}
