//! Notices on the desktop: that a package is not as recorded any more, told once a package while nobody looks at the
//! window, several of them as one.
//!
//! Owns the rule of what is told when, and the thread that hands a notice to the desktop. A desktop without a service
//! for notices is no error: a line of the log says so.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::app::App;
use super::format;
use super::tasks::Show;
use super::widgets::short;
use crate::package::{Finding, PackageId, PackageList};
use crate::work::Work;

/// So long more packages are waited for before one notice tells of all of them.
const GATHER: Duration = Duration::from_secs(2);
/// So many packages are named in a notice.
const NAMED: usize = 3;

/// What is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// `Inkscape 1.4 differs`, `3 packages are not as recorded`.
    pub title: String,
    /// What it means, as plain text.
    pub text: String,
}

/// A package that is not as recorded, or was changed and not checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Trouble {
    title: String,
    what: String,
    is_blocked: bool,
}

type Troubles = HashMap<PackageId, Trouble>;

/// All packages of a list that there is something to say about. 100,000 take longer than a frame.
fn troubles_of(list: &PackageList) -> Troubles {
    let is_trouble = |package: &&crate::package::record::PackageSummary| {
        package.checksum_control && (package.finding != Finding::Consistent || package.marked.is_some())
    };
    let trouble = |package: &crate::package::record::PackageSummary| {
        let what = match package.finding {
            Finding::Consistent => "was changed on disk and is not checked yet".to_owned(),
            Finding::Differs => "differs from its recorded checksum".to_owned(),
            finding => format!("is {}", finding.word().to_lowercase()),
        };
        let trouble = Trouble { title: package.key.title(), what, is_blocked: package.is_blocked() };
        (package.id, trouble)
    };
    list.iter().filter(is_trouble).map(trouble).collect()
}

/// What was told, and what waits to be.
#[derive(Default)]
struct Rule {
    /// Packages that are not as recorded and known to be: a second file of them is no news.
    known: Option<Troubles>,
    waiting: Vec<Trouble>,
    since: Option<Timestamp>,
}

impl Rule {
    /// Takes over how things stand at `now`. What is seen in the window needs no notice.
    fn follow(&mut self, troubles: Troubles, is_seen: bool, now: Timestamp) {
        // What is so when the library is opened is no news.
        if let (Some(known), false) = (&self.known, is_seen) {
            let mut news: Vec<Trouble> = troubles
                .iter()
                .filter(|(id, _)| !known.contains_key(id))
                .map(|(_, trouble)| trouble.clone())
                .collect();
            news.sort_by(|a, b| a.title.cmp(&b.title));
            if !news.is_empty() {
                self.since.get_or_insert(now);
                self.waiting.append(&mut news);
            }
        }
        self.known = Some(troubles);
    }

    /// Somebody looks at the window now.
    fn is_seen(&mut self) {
        self.waiting.clear();
        self.since = None;
    }

    /// The notice that is due at `now`.
    fn due(&mut self, now: Timestamp) -> Option<Notice> {
        let gather = SignedDuration::try_from(GATHER).unwrap_or(SignedDuration::ZERO);
        self.since.filter(|since| now.duration_since(*since) >= gather)?;
        self.since = None;
        let waiting = std::mem::take(&mut self.waiting);
        let blocked = waiting.iter().filter(|trouble| trouble.is_blocked).count();
        let is_blocked = match (waiting.len(), blocked) {
            (_, 0) => "",
            (1, _) => " It is blocked until that is settled.",
            (all, blocked) if all == blocked => " They are blocked until that is settled.",
            _ => " Some of them are blocked until that is settled.",
        };
        match waiting.as_slice() {
            [] => None,
            [one] => {
                let name = short(&one.title, 60);
                Some(Notice {
                    title: format!("{name} changed"),
                    text: format!("{name} {}.{is_blocked}", one.what),
                })
            }
            all => {
                let mut names: Vec<String> =
                    all.iter().take(NAMED).map(|trouble| short(&trouble.title, 40).to_string()).collect();
                if all.len() > NAMED {
                    names.push(format!("{} more", format::thousands((all.len() - NAMED) as u64)));
                }
                let title = format!("{} packages changed", format::thousands(all.len() as u64));
                Some(Notice { title, text: format!("{}.{is_blocked}", names.join(", ")) })
            }
        }
    }
}

/// Notices of a window.
#[derive(Default)]
pub(super) struct Notices {
    rule: Rule,
    looked_at: Weak<PackageList>,
    is_looking: bool,
}

impl App {
    /// Tells of what changed while nobody looks.
    pub(super) fn follow_notices(&mut self) {
        if !self.settings.notices {
            // Switched on again, it begins with what is so then.
            self.notices = Notices::default();
            return;
        }
        let is_seen = self.ctx.input(|input| input.focused);
        let now = (self.around.now)();
        if is_seen {
            self.notices.rule.is_seen();
        }
        if let Some(notice) = self.notices.rule.due(now) {
            (self.around.notify)(notice);
        }
        if self.notices.rule.since.is_some() {
            self.ctx.request_repaint_after(GATHER);
        }
        let list = &self.view.packages;
        let is_old = !std::ptr::eq(self.notices.looked_at.as_ptr(), Arc::as_ptr(list));
        if self.view.epoch == 0 || !is_old || self.notices.is_looking {
            return;
        }
        self.notices.is_looking = true;
        self.notices.looked_at = Arc::downgrade(list);
        let list = Arc::clone(list);
        let run = move |_: &Work| Ok(troubles_of(&list));
        self.tasks.start(&self.ctx, "", Show::Nothing, run, |app, result| {
            app.notices.is_looking = false;
            if let Ok(troubles) = result {
                let is_seen = app.ctx.input(|input| input.focused);
                app.notices.rule.follow(troubles, is_seen, (app.around.now)());
            }
        });
    }
}

/// Hands a notice to the desktop, on a thread of its own: a service that does not answer keeps nobody waiting.
pub fn tell_desktop(notice: Notice) {
    let run = move || {
        // The text may be read as markup, and names come from anybody.
        let text = notice.text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let shown =
            notify_rust::Notification::new().appname("Packhouse").summary(&notice.title).body(&text).show();
        if let Err(error) = shown {
            tracing::info!(%error, title = notice.title, "the desktop shows no notices");
        }
    };
    if let Err(error) = std::thread::Builder::new().name("notice".to_owned()).spawn(run) {
        tracing::warn!(%error, "no thread for a notice");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_millis(milliseconds)
    }

    fn troubles(numbers: &[u128]) -> Troubles {
        let trouble = |number: &u128| {
            let title = format!("Tool {number}");
            let what = "differs from its recorded checksum".to_owned();
            (
                PackageId(uuid::Uuid::from_u128(*number)),
                Trouble { title, what, is_blocked: number.is_multiple_of(2) },
            )
        };
        numbers.iter().map(trouble).collect()
    }

    #[test]
    fn a_package_is_told_of_once_and_again_only_after_it_was_well() {
        let mut rule = Rule::default();
        rule.follow(troubles(&[9]), false, at(0));
        assert_eq!(rule.due(at(5000)), None, "it was so at the start");
        rule.follow(troubles(&[9, 2]), false, at(6000));
        assert_eq!(rule.due(at(7000)), None, "more may come");
        rule.follow(troubles(&[9, 2]), false, at(7500));
        let notice = rule.due(at(8000)).expect("it is due");
        assert_eq!(notice.title, "Tool 2 changed");
        assert_eq!(
            notice.text,
            "Tool 2 differs from its recorded checksum. It is blocked until that is settled."
        );
        rule.follow(troubles(&[9, 2]), false, at(9000));
        assert_eq!(rule.due(at(99_000)), None, "another file of it");
        rule.follow(troubles(&[9]), false, at(100_000));
        rule.follow(troubles(&[9, 2]), false, at(101_000));
        assert!(rule.due(at(103_000)).is_some());
    }

    #[test]
    fn several_at_once_are_one_notice() {
        let mut rule = Rule::default();
        rule.follow(troubles(&[]), false, at(0));
        rule.follow(troubles(&[1, 3]), false, at(1000));
        rule.follow(troubles(&[1, 2, 3, 4, 5]), false, at(2500));
        let notice = rule.due(at(3000)).expect("two seconds after the first");
        assert_eq!(notice.title, "5 packages changed");
        assert_eq!(
            notice.text,
            "Tool 1, Tool 3, Tool 2, 2 more. Some of them are blocked until that is settled."
        );
        assert_eq!(rule.due(at(9000)), None);
    }

    #[test]
    fn what_somebody_sees_in_the_window_is_not_told() {
        let mut rule = Rule::default();
        rule.follow(troubles(&[]), true, at(0));
        rule.follow(troubles(&[1]), true, at(1000));
        assert_eq!(rule.due(at(9000)), None);
        rule.follow(troubles(&[1, 2]), false, at(10_000));
        rule.is_seen();
        assert_eq!(rule.due(at(19_000)), None, "the window was looked at before it was due");
    }
}
