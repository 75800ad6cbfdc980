//! What a list says of a package in words: state, consistency, the last check; its icon.

use std::borrow::Cow;

use jiff::Timestamp;

use super::Moment;
use crate::console::format;
use crate::console::icons::{Icon, Mark};
use crate::console::tokens::Tone;
use crate::package::record::PackageSummary;
use crate::package::{Finding, PackageState};

/// Icon and corner mark of a package.
pub fn icon_of(package: &PackageSummary) -> (Icon, Option<Mark>) {
    let icon = match (package.finding, package.state) {
        (Finding::Missing, _) => Icon::PackageMissing,
        (_, PackageState::Open) => Icon::PackageOpen,
        (_, PackageState::Sealed) => Icon::PackageSealed,
        (_, PackageState::Archived) => Icon::PackageArchived,
    };
    let mark = if package.is_blocked() {
        Some(Mark::Blocked)
    } else if package.finding != Finding::Consistent {
        Some(Mark::Differs)
    } else if !package.checksum_control {
        Some(Mark::CheckOff)
    } else {
        None
    };
    (icon, mark)
}

/// The text of the column *Consistency*, and how it stands out.
pub fn consistency_text(package: &PackageSummary, moment: Moment<'_>) -> (Cow<'static, str>, Tone) {
    if package.finding != Finding::Consistent {
        let word = package.finding.word();
        let text = match package.noticed_at {
            Some(at) => Cow::Owned(format!("{word} since {}", moment.text(at))),
            None => Cow::Borrowed(word),
        };
        return (text, Tone::Bad);
    }
    if let Some(at) = package.marked {
        return (Cow::Owned(format!("Changed {}, not checked", moment.text(at))), Tone::Busy);
    }
    if package.state == PackageState::Archived {
        let text = match last_check(package) {
            Some(at) => Cow::Owned(format!("Verified in archive {}", format::date(at, moment.zone))),
            None => Cow::Borrowed("In the archive"),
        };
        return (text, Tone::Secondary);
    }
    if !package.checksum_control {
        return (Cow::Borrowed("Check off"), Tone::Busy);
    }
    let (at, kind) = last_look(package);
    (Cow::Owned(format!("Consistent · {kind} {}", moment.short(at))), Tone::Secondary)
}

/// What *Consistent* rests upon.
fn last_look(package: &PackageSummary) -> (Timestamp, &'static str) {
    match (package.quick_at, package.deep_at) {
        // What was copied and hashed was not compared with anything yet.
        (None, Some(deep)) if deep == package.registered => (deep, "recorded"),
        (quick, Some(deep)) if quick.is_none_or(|quick| quick < deep) => (deep, "deep"),
        (Some(quick), _) => (quick, "quick"),
        _ => (package.registered, "recorded"),
    }
}

/// The words of the column *Consistency* without its times, which nobody filters by there.
pub(super) fn condition(package: &PackageSummary) -> Cow<'static, str> {
    match package.finding {
        Finding::Consistent => {}
        finding => return Cow::Borrowed(finding.word()),
    }
    Cow::Borrowed(match (package.marked.is_some(), package.state, package.checksum_control) {
        (true, ..) => "Changed, not checked",
        (_, PackageState::Archived, _) if last_check(package).is_some() => "Verified in archive",
        (_, PackageState::Archived, _) => "In the archive",
        (.., false) => "Check off",
        _ => match last_look(package).1 {
            "deep" => "Consistent deep",
            "quick" => "Consistent quick",
            _ => "Consistent recorded",
        },
    })
}

/// The word of the column *State*.
pub(super) fn state_text(package: &PackageSummary) -> &'static str {
    if package.is_blocked() { "Blocked" } else { package.state.word() }
}

/// The last check with its kind: `quick 14:02`.
pub(super) fn checked_text(package: &PackageSummary, moment: Moment<'_>) -> Cow<'static, str> {
    match (package.quick_at, package.deep_at) {
        (None, None) => Cow::Borrowed("never"),
        (None, Some(deep)) if deep == package.registered => {
            Cow::Owned(format!("recorded {}", moment.short(deep)))
        }
        (quick, Some(deep)) if quick.is_none_or(|quick| quick < deep) => {
            Cow::Owned(format!("deep {}", moment.short(deep)))
        }
        (quick, _) => Cow::Owned(format!("quick {}", quick.map(|at| moment.short(at)).unwrap_or_default())),
    }
}

/// When it was last checked, quick or deep.
pub(super) fn last_check(package: &PackageSummary) -> Option<Timestamp> {
    package.quick_at.max(package.deep_at)
}
