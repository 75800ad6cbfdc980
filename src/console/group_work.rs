//! Work on software groups: a new one, another name, taken away, packages filed under it.

use super::action::Action;
use super::app::App;
use super::pages::Place;
use super::tasks::Show;
use crate::session::{AddGroup, MoveToGroup, RemoveGroup, RenameGroup};

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
                let title = format!("Removing the group {name}");
                let request = RemoveGroup { name };
                self.ask(title, Show::Row, request, |app, result| app.tell_if_failed(result));
            }
            Action::RenameGroup { from, to } => {
                let title = format!("Renaming the group {from}");
                if self.place == Place::Group(from.clone()) {
                    self.place_when_seen = Some(Place::Group(to.clone()));
                }
                let request = RenameGroup { from, to };
                self.ask(title, Show::Row, request, |app, result| {
                    if result.is_err() {
                        app.place_when_seen = None;
                    }
                    app.tell_if_failed(result);
                });
            }
            Action::MoveToGroup(packages, group) => {
                let title = match packages.len() {
                    1 => "Moving a package to a group".to_owned(),
                    count => format!("Moving {count} packages to a group"),
                };
                let request = MoveToGroup { packages, group };
                self.ask(title, Show::Row, request, |app, result| app.tell_if_failed(result));
            }
            // Everything else is carried out elsewhere.
            _ => {}
        }
    }
}
