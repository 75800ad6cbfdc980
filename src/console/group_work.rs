//! Work on software groups: a new one, another name, taken away, packages filed under it.

use super::action::Action;
use super::app::App;
use super::pages::Place;
use super::tasks::Show;
use crate::failure::Failure;
use crate::package::record::PackageId;
use crate::session::{self, AddGroup, Edit, PackageEdit, Session};
use crate::work::Work;

impl App {
    /// Carries out an action on groups.
    pub(super) fn work_on_groups(&mut self, action: Action) {
        match action {
            Action::AddGroup(name) => {
                let request = AddGroup { name: name.clone() };
                self.ask("Making a group", Show::Row, request, move |app, result| match result {
                    Ok(()) => app.place_when_seen = Some(Place::Group(name)),
                    Err(failure) => app.tell(failure),
                });
            }
            Action::RemoveGroup(name) => {
                let request = session::RemoveGroup { name };
                self.ask("Removing a group", Show::Row, request, |app, result| app.tell_if_failed(result));
            }
            Action::RenameGroup { from, to } => self.rename_group(from, to),
            Action::MoveToGroup(packages, group) => {
                let count = packages.len();
                let title = match count {
                    1 => "Moving a package to a group".to_owned(),
                    _ => format!("Moving {count} packages to a group"),
                };
                self.change_groups(title, move |session, work| file(session, work, &packages, &group));
            }
            // Everything else is carried out elsewhere.
            _ => {}
        }
    }

    fn rename_group(&mut self, from: String, to: String) {
        let members: Vec<PackageId> =
            self.view.packages.iter().filter(|package| package.group == from).map(|one| one.id).collect();
        if self.place == Place::Group(from.clone()) {
            self.place_when_seen = Some(Place::Group(to.clone()));
        }
        self.change_groups("Renaming a group", move |session, work| {
            session.run(AddGroup { name: to.clone() }, work)?;
            file(session, work, &members, &to)?;
            session.run(session::RemoveGroup { name: from }, work)
        });
    }

    fn change_groups(
        &mut self,
        title: impl Into<String>,
        change: impl FnOnce(&Session, &Work) -> Result<(), Failure> + Send + 'static,
    ) {
        let Some(session) = self.session().cloned() else { return };
        let run = move |work: &Work| change(&session, work);
        self.tasks.start(&self.ctx, title, Show::Row, run, |app, result| app.tell_if_failed(result));
    }
}

/// Files packages under a group.
fn file(session: &Session, work: &Work, packages: &[PackageId], group: &str) -> Result<(), Failure> {
    for package in packages {
        let edit = PackageEdit { group: Some(group.to_owned()), ..PackageEdit::default() };
        session.run(Edit { package: *package, edit }, work)?;
    }
    Ok(())
}
