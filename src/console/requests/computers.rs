//! What the window does for computers: carries out their commands, asks what they need to know.

use std::path::PathBuf;

use egui::Ui;

use crate::console::action::Action;
use crate::console::app::App;
use crate::console::dialogs::Delivery;
use crate::console::dialogs::computers::{
    AddComputers, ChooseGroups, EditComputer, EditGroup, ImportTable, KeepDialog, NewGroup, RemoveComputers,
    RemoveGroup, Token,
};
use crate::console::format;
use crate::console::pages::Place;
use crate::console::pages::computers::command::{ComputerCommand, ComputerScope};
use crate::console::pages::computers::{ComputerAction, Shown};
use crate::console::pages::jobs::Draft;
use crate::console::pages::packages::Moment;
use crate::console::tasks::Show;
use crate::console::undo::Step;
use crate::failure::{Class, Failure};
use crate::package::numbers::counted;
use crate::session::{
    self, AddComputer, AddComputerGroup, ComputerEdit, ComputerRow, EditComputerGroup, ImportComputers,
    KeepPackages, ListKeptPackages, NewComputer, NewEnrolmentToken, PreviewImport, RemoveComputerGroup,
};
use crate::work::Work;

/// Largest table that is read, in bytes.
const TABLE_MOST: u64 = 64 << 20;

impl App {
    /// Shows the page.
    pub(in crate::console) fn computers_ui(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        let place = self.place.clone();
        let shown = Shown {
            place: &place,
            scope: &self.scope,
            moment: Moment { now: (self.around.now)(), zone: &self.around.actor.time_zone },
            density: self.density,
            keys: self.dialogs.is_empty() && self.active.is_none(),
        };
        self.computers.ui(ui, &shown, actions);
    }

    /// What can be done with computers now.
    pub(in crate::console) fn computer_scope(&self) -> ComputerScope {
        if self.place.is_computers() && self.new_package.is_none() {
            self.computers.scope(&self.place)
        } else {
            ComputerScope::default()
        }
    }

    /// Carries out a command on the selected computers.
    pub(in crate::console) fn run_computer(&mut self, command: ComputerCommand) {
        let selected: Vec<ComputerRow> = self.computers.selected().cloned().collect();
        let known = self.computers.known().clone();
        let group = match &self.place {
            Place::ComputerGroup(group) => Some(group.clone()),
            _ => None,
        };
        let names = || selected.iter().map(|row| row.name.clone()).collect::<Vec<_>>();
        let ids = || selected.iter().map(|row| row.id.to_string()).collect::<Vec<_>>();
        match (command, selected.as_slice()) {
            (ComputerCommand::Add, _) => self.put_in_front(Box::new(AddComputers::new(known, group))),
            (ComputerCommand::Import, _) => self.put_in_front(Box::new(ImportTable::default())),
            (ComputerCommand::Token, selected) => {
                let computer = match selected {
                    [one] => Some(one.name.clone()),
                    _ => None,
                };
                self.put_in_front(Box::new(Token::new(known, group, computer)));
            }
            (ComputerCommand::Keep, _) => self.put_in_front(Box::new(KeepDialog::default())),
            (ComputerCommand::NewGroup, _) => self.put_in_front(Box::new(NewGroup::new(known))),
            (ComputerCommand::EditGroup, _) => {
                let row = known.groups.iter().find(|row| Some(&row.name) == group.as_ref()).cloned();
                if let Some(row) = row {
                    self.put_in_front(Box::new(EditGroup::new(row, known)));
                }
            }
            (ComputerCommand::RemoveGroup, _) => {
                let row = known.groups.iter().find(|row| Some(&row.name) == group.as_ref()).cloned();
                if let Some(row) = row {
                    self.put_in_front(Box::new(RemoveGroup::new(row)));
                }
            }
            (ComputerCommand::Edit, [one]) => {
                self.put_in_front(Box::new(EditComputer::new(one.clone(), known)))
            }
            (ComputerCommand::Test, [_, ..]) => {
                // All are marked, unless all are marked already.
                let test = Some(selected.iter().any(|row| !row.test));
                self.edit_computers(ids(), ComputerEdit { test, ..ComputerEdit::default() });
            }
            (ComputerCommand::Groups, [_, ..]) => {
                self.put_in_front(Box::new(ChooseGroups::new(&selected, known)));
            }
            (ComputerCommand::Remove, [_, ..]) => {
                self.put_in_front(Box::new(RemoveComputers::new(&selected)));
            }
            (ComputerCommand::NewJob, []) => {
                self.ask_new_job(Draft { groups: group.into_iter().collect(), ..Draft::default() });
            }
            (ComputerCommand::NewJob, _) => {
                self.ask_new_job(Draft { computers: names(), ..Draft::default() });
            }
            (ComputerCommand::Refresh, _) => self.delivery_changed(true),
            // Without a selection they are greyed.
            _ => {}
        }
    }

    /// Carries out what was done on the page or in a dialog.
    pub(in crate::console) fn work_on_computers(&mut self, action: ComputerAction) {
        match action {
            ComputerAction::Show(name) => {
                self.go(Place::Computers);
                self.computers.select_when_seen(name);
            }
            ComputerAction::Add(computers) => self.add_computers(computers),
            ComputerAction::Edit(names, edit) => self.edit_computers(names, *edit),
            ComputerAction::Remove(computers, withdraw) => {
                let request = session::RemoveComputers { computers, withdraw };
                self.ask("Removing computers", Show::Row, request, |app, result| {
                    match result {
                        Ok(removed) => app.remember_step(Step::RemovedComputers(removed)),
                        Err(failure) => app.tell(failure),
                    }
                    app.delivery_changed(true);
                });
            }
            ComputerAction::ReadTable(path) => self.read_table(path),
            ComputerAction::Import(text, skip_errors) => {
                let request = ImportComputers { text, skip_errors };
                self.ask("Importing computers", Show::Row, request, |app, result| match result {
                    Ok(report) => {
                        let [added, changed] = [report.added.len(), report.changed.len()];
                        let added = counted(added as u64, "computer");
                        app.tell_of_step(format!(
                            "{added} added, {} changed",
                            format::thousands(changed as u64)
                        ));
                        app.go(Place::Computers);
                        app.delivery_changed(true);
                    }
                    Err(failure) => app.tell(failure),
                });
            }
            ComputerAction::MakeToken(request) => {
                let Some(number) = self.dialogs.last().map(|front| front.number) else { return };
                self.ask("", Show::Nothing, NewEnrolmentToken { request }, move |app, result| {
                    app.deliver(number, &Delivery::Token(&result));
                    app.computers_changed(result);
                });
            }
            ComputerAction::ReadKept => {
                let Some(number) = self.dialogs.last().map(|front| front.number) else { return };
                self.ask("", Show::Nothing, ListKeptPackages {}, move |app, result| {
                    app.deliver(number, &Delivery::Kept(&result));
                });
            }
            ComputerAction::Keep(edit) => {
                let request = KeepPackages { edit };
                self.ask("Saving packages to keep", Show::Row, request, |app, result| match result {
                    Ok(kept) => {
                        let text = match kept.packages.len() {
                            0 => "Agents keep no package that no job needs".to_owned(),
                            1 => "Agents keep 1 package although no job needs it".to_owned(),
                            count => {
                                let count = format::thousands(count as u64);
                                format!("Agents keep {count} packages although no job needs them")
                            }
                        };
                        app.tell_of_step(text);
                    }
                    Err(failure) => app.tell(failure),
                });
            }
            ComputerAction::AddGroup(name) => {
                let request = AddComputerGroup { name: name.clone() };
                self.ask("Making a group of computers", Show::Row, request, move |app, result| {
                    if result.is_ok() {
                        app.place_when_seen = Some(Place::ComputerGroup(name));
                    }
                    app.computers_changed(result);
                });
            }
            ComputerAction::EditGroup(name, edit) => {
                let request = EditComputerGroup { name, edit };
                self.ask("Saving the group", Show::Row, request, |app, result| app.computers_changed(result));
            }
            ComputerAction::RemoveGroup(name) => {
                let request = RemoveComputerGroup { name };
                self.ask("Removing the group", Show::Row, request, |app, result| {
                    app.computers_changed(result)
                });
            }
        }
    }

    fn computers_changed<T>(&mut self, result: Result<T, Failure>) {
        self.tell_if_failed(result);
        self.delivery_changed(true);
    }

    fn add_computers(&mut self, computers: Vec<NewComputer>) {
        let Some(session) = self.session().cloned() else { return };
        let last = computers.last().map(|new| new.name.clone());
        let run = move |work: &Work| {
            for new in computers {
                stop_if_asked(work)?;
                session.run(AddComputer { new }, work)?;
            }
            Ok(())
        };
        self.tasks.start(&self.ctx, "Adding computers", Show::Row, run, move |app, result| {
            if result.is_ok()
                && let Some(name) = last
            {
                if !app.place.is_computers() {
                    app.go(Place::Computers);
                }
                app.computers.select_when_seen(name);
            }
            app.computers_changed(result);
        });
    }

    fn edit_computers(&mut self, names: Vec<String>, edit: ComputerEdit) {
        let Some(session) = self.session().cloned() else { return };
        let run = move |work: &Work| {
            for computer in names {
                stop_if_asked(work)?;
                session.run(session::EditComputer { computer, edit: edit.clone() }, work)?;
            }
            Ok(())
        };
        self.tasks.start(&self.ctx, "Saving computers", Show::Row, run, |app, result| {
            app.computers_changed(result);
        });
    }

    /// Reads a table of computers and what it says, for the dialog in front.
    fn read_table(&mut self, path: PathBuf) {
        let Some(number) = self.dialogs.last().map(|front| front.number) else { return };
        let Some(session) = self.session().cloned() else { return };
        let shown = path.clone();
        let run = move |work: &Work| {
            let text = table_text(&path)?;
            let import = session.run(PreviewImport { text: text.clone() }, work)?;
            Ok((text, import))
        };
        self.tasks.start(&self.ctx, "", Show::Nothing, run, move |app, result| {
            app.deliver(number, &Delivery::Table(&shown, &result));
        });
    }
}

/// Ends work between two computers, where somebody stopped it.
fn stop_if_asked(work: &Work) -> Result<(), Failure> {
    work.check()
        .map_err(|_| Failure::new("cancelled", Class::Cancelled, "cancelled", "Start it again when you like"))
}

/// The text of a table; one in another encoding is refused.
fn table_text(path: &std::path::Path) -> Result<String, Failure> {
    let failed = |why: String| {
        let message = format!("cannot read {}", path.display());
        let action = "Choose a text file in UTF-8, with the columns named in its first line";
        Failure::new("io", Class::Environment, message, action).because(why)
    };
    let size = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
    if size > TABLE_MOST {
        return Err(failed(format!("it has more than {} MiB", TABLE_MOST >> 20)));
    }
    let bytes = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    String::from_utf8(bytes).map_err(|_| failed("it is not UTF-8 text".to_owned()))
}
