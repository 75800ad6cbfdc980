//! What Ctrl+Z takes back: moves between groups, names and removals of groups, removed computers, and removed packages,
//! the last first.
//!
//! Owns the steps of this window and the sentence about the last one. Removed packages are kept by the library; here
//! stands only when their turn comes.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::app::App;
use super::format;
use super::tasks::Show;
use crate::failure::Failure;
use crate::package::PackageId;
use crate::session::{AddGroup, MoveToGroup, PutComputersBack, RemovedComputer, RenameGroup, Session, View};
use crate::work::Work;

/// So many steps are remembered.
const MOST: usize = 100;
/// How long the sentence about the last step stands in the status bar.
const TOLD_FOR: Duration = Duration::from_secs(12);

/// Packages by the group they were in.
pub(super) type Groups = BTreeMap<String, Vec<PackageId>>;

/// Something that was done and can be taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Packages were filed under another group.
    Moved {
        /// The group, empty for none.
        to: String,
        /// Where they were.
        from: Groups,
    },
    /// A group got another name.
    Renamed {
        /// Its name before.
        from: String,
        /// Its name now.
        to: String,
    },
    /// A group was taken away.
    RemovedGroup {
        /// Its name.
        name: String,
        /// The packages that were in it.
        members: Vec<PackageId>,
    },
    /// A package was removed; the library knows which was the last.
    RemovedPackage,
    /// Computers were taken off the list.
    RemovedComputers(Vec<RemovedComputer>),
}

/// `PC-114`, `3 computers`.
fn computers(removed: &[RemovedComputer]) -> String {
    match removed {
        [one] => super::widgets::short(&one.row.name, 40),
        all => format!("{} computers", format::thousands(all.len() as u64)),
    }
}

fn packages(count: usize) -> String {
    format::counted(count as u64, "package")
}

impl Step {
    /// The entry of the menu: `Undo move to Tools`.
    fn command(&self) -> String {
        match self {
            Self::Moved { to, .. } if to.is_empty() => "Undo move out of the group".to_owned(),
            Self::Moved { to, .. } => format!("Undo move to {}", super::widgets::short(to, 30)),
            Self::Renamed { .. } => "Undo rename of the group".to_owned(),
            Self::RemovedGroup { .. } => "Undo removal of the group".to_owned(),
            Self::RemovedPackage => "Undo remove".to_owned(),
            Self::RemovedComputers(removed) => format!("Undo removal of {}", computers(removed)),
        }
    }

    /// What was done, as a sentence without its end: `3 packages moved to Tools`.
    fn sentence(&self) -> String {
        match self {
            Self::Moved { to, from } => {
                let count = packages(from.values().map(Vec::len).sum());
                match to.as_str() {
                    "" => format!("{count} taken out of the group"),
                    to => format!("{count} moved to {}", super::widgets::short(to, 40)),
                }
            }
            Self::Renamed { from, to } => {
                let [from, to] = [from, to].map(|name| super::widgets::short(name, 40));
                format!("Group {from} renamed to {to}")
            }
            Self::RemovedGroup { name, .. } => {
                format!("Group {} removed", super::widgets::short(name, 40))
            }
            Self::RemovedPackage => "Package removed".to_owned(),
            Self::RemovedComputers(removed) => format!("{} removed", computers(removed)),
        }
    }
}

/// The steps of a window.
#[derive(Default)]
pub(super) struct Undo {
    steps: Vec<Step>,
    told: Option<(String, Timestamp)>,
}

impl Undo {
    /// The entry of the menu, if there is a step.
    pub(super) fn command(&self) -> Option<String> {
        self.steps.last().map(Step::command)
    }

    /// What is told of the last step, as long as it is new.
    pub(super) fn told(&self, now: Timestamp) -> Option<&str> {
        let (text, at) = self.told.as_ref()?;
        let told_for = SignedDuration::try_from(TOLD_FOR).unwrap_or(SignedDuration::ZERO);
        (now.duration_since(*at) < told_for).then_some(text)
    }

    fn push(&mut self, step: Step) {
        if self.steps.len() == MOST {
            self.steps.remove(0);
        }
        self.steps.push(step);
    }

    /// The step to take back; removed packages that somebody else has brought back are passed over.
    fn pop(&mut self, removed: u64) -> Option<Step> {
        while let Some(step) = self.steps.pop() {
            if step != Step::RemovedPackage || removed > 0 {
                return Some(step);
            }
        }
        (removed > 0).then_some(Step::RemovedPackage)
    }
}

/// Where these packages are now.
pub(super) fn groups_of(view: &View, packages: &[PackageId]) -> Groups {
    let mut groups = Groups::new();
    for package in packages.iter().filter_map(|id| view.packages.find(*id)) {
        groups.entry(package.group.to_string()).or_default().push(package.id);
    }
    groups
}

/// Takes a step back that is about groups. Packages that were moved on since stay where they are.
fn take_back(session: &Session, step: Step, work: &Work) -> Result<(), Failure> {
    match step {
        Step::Moved { to, from } => {
            for (group, mut packages) in from {
                let view = session.view();
                packages.retain(|id| view.packages.find(*id).is_some_and(|package| *package.group == *to));
                if !packages.is_empty() {
                    session.run(MoveToGroup { packages, group }, work)?;
                }
            }
        }
        Step::Renamed { from, to } => {
            session.run(RenameGroup { from: to, to: from }, work)?;
        }
        Step::RemovedGroup { name, mut members } => {
            session.run(AddGroup { name: name.clone() }, work)?;
            let view = session.view();
            members.retain(|id| view.packages.find(*id).is_some_and(|package| package.group.is_empty()));
            if !members.is_empty() {
                session.run(MoveToGroup { packages: members, group: name }, work)?;
            }
        }
        Step::RemovedComputers(computers) => session.run(PutComputersBack { computers }, work)?,
        Step::RemovedPackage => {}
    }
    Ok(())
}

impl App {
    /// Remembers what was done and says how it is taken back.
    pub(super) fn remember_step(&mut self, step: Step) {
        let how = match &step {
            Step::RemovedPackage => "brings it back",
            Step::RemovedComputers(removed) if removed.len() == 1 => "brings it back",
            Step::RemovedComputers(_) => "brings them back",
            _ => "takes it back",
        };
        self.tell_of_step(format!("{}. Ctrl+Z {how}", step.sentence()));
        self.undo.push(step);
    }

    pub(super) fn tell_of_step(&mut self, text: String) {
        self.undo.told = Some((text, (self.around.now)()));
        // It goes away by itself.
        self.ctx.request_repaint_after(TOLD_FOR);
    }

    /// Takes the last step back.
    pub(super) fn take_step_back(&mut self) {
        let Some(step) = self.undo.pop(self.view.removed.0) else { return };
        if step == Step::RemovedPackage {
            self.undo.told = None;
            return self.undo_remove();
        }
        if let Step::Renamed { from, to } = &step
            && self.place == super::pages::Place::Group(to.clone())
        {
            self.place_when_seen = Some(super::pages::Place::Group(from.clone()));
        }
        let Some(session) = self.session().cloned() else { return };
        let is_of_computers = matches!(step, Step::RemovedComputers(_));
        let (title, told) = (step.command(), format!("Taken back: {}", step.sentence()));
        let run = move |work: &Work| take_back(&session, step, work);
        self.tasks.start(&self.ctx, title, Show::Row, run, move |app, result| match result {
            Ok(()) => {
                app.tell_of_step(told);
                if is_of_computers {
                    app.delivery_changed(true);
                }
            }
            Err(failure) => app.tell(failure),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renamed(name: &str) -> Step {
        Step::Renamed { from: name.to_owned(), to: "x".to_owned() }
    }

    #[test]
    fn the_last_step_comes_first_and_what_is_back_already_is_passed_over() {
        let mut undo = Undo::default();
        for step in [Step::RemovedPackage, renamed("a"), Step::RemovedPackage] {
            undo.push(step);
        }
        assert_eq!(undo.pop(2), Some(Step::RemovedPackage));
        assert_eq!(undo.pop(1), Some(renamed("a")));
        assert_eq!(undo.pop(0), None, "somebody else brought it back");
        // What the window before has removed.
        assert_eq!(undo.pop(1), Some(Step::RemovedPackage));
    }

    #[test]
    fn only_so_many_steps_are_kept_and_what_is_told_goes_away() {
        let mut undo = Undo::default();
        (0..MOST + 5).for_each(|number| undo.push(renamed(&number.to_string())));
        assert_eq!(undo.steps.len(), MOST);
        assert_eq!(undo.steps[0], renamed("5"));
        undo.told = Some(("text".to_owned(), Timestamp::UNIX_EPOCH));
        assert_eq!(undo.told(Timestamp::UNIX_EPOCH + SignedDuration::from_secs(11)), Some("text"));
        assert_eq!(undo.told(Timestamp::UNIX_EPOCH + SignedDuration::from_secs(13)), None);
    }
}
