//! The tab *Procedures*: how the package is installed, activated, configured, uninstalled.

use egui::Ui;

use super::{PropertyWindow, why_not};
use crate::console::action::Action;
use crate::console::dialogs::procedure::{EditProcedure, May};
use crate::console::dialogs::try_here::AskTry;
use crate::console::widgets::button::button_unless;
use crate::console::widgets::list::{Cell, Column, List, Row, Rows};
use crate::package::procedure::Origin;
use crate::package::record::ListedProcedure;
use crate::package::state::Field;
use crate::package::{PackageRecord, PackageState};
use crate::session::ProcedureEdit;

struct ProcedureRows<'a>(&'a [ListedProcedure]);

fn origin(listed: &ListedProcedure) -> &'static str {
    match (listed.procedure.external, listed.procedure.origin) {
        (true, _) => "external",
        (false, Origin::Embedded) => "embedded",
        (false, Origin::Added) => "added",
    }
}

impl Rows for ProcedureRows<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn row(&self, index: usize) -> Row<'_> {
        let listed = &self.0[index];
        let procedure = &listed.procedure;
        let yes = |yes: bool| if yes { "yes" } else { "no" };
        Row {
            icon: None,
            cells: vec![
                Cell::new(procedure.name.as_str()),
                Cell::new(procedure.task.word()),
                Cell::secondary(origin(listed)),
                Cell::secondary(yes(listed.choice.default_for_task)),
                Cell::secondary(yes(listed.choice.offered)),
                Cell::secondary(procedure.runs_on.describe()),
                Cell::secondary(procedure.exit_codes.len().to_string()),
            ],
            name: format!("{}, {}, {}", procedure.name, procedure.task.word(), origin(listed)).into(),
        }
    }

    fn jump_text(&self, index: usize) -> &str {
        &self.0[index].procedure.name
    }
}

/// What a procedure of this package may still be changed in.
fn may(record: &PackageRecord, listed: &ListedProcedure) -> May {
    match (record.state, listed.procedure.origin) {
        (PackageState::Archived, _) => May::Nothing,
        (PackageState::Sealed, Origin::Embedded) => May::Local,
        _ => May::All,
    }
}

impl PropertyWindow {
    pub(super) fn procedures_ui(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        let Some(details) = &self.details else { return };
        let record = &details.record;
        let at = self.procedures.selection.cursor();
        let chosen = at.and_then(|row| record.procedures.get(row));
        let none = chosen.is_none().then_some("Select a procedure");
        let archived = (!record.state.may_edit(Field::AddProcedure)).then_some(why_not(record.state));
        let sealed = record.state == PackageState::Sealed;
        let mut open = None;
        ui.horizontal(|ui| {
            let add = button_unless(ui, "Add…", None, archived);
            let add = if sealed {
                add.on_hover_text(format!("Signs again: makes revision {}", record.revision + 1))
            } else {
                add
            };
            if add.clicked() {
                let dialog = EditProcedure::add(record);
                actions.push(Action::Ask(Box::new(dialog)));
            }
            // Archived it can be read.
            if button_unless(ui, "Edit…", None, none).clicked() {
                open = at;
            }
            if button_unless(ui, "Duplicate…", None, archived.or(none)).clicked()
                && let Some(listed) = chosen
            {
                actions.push(Action::Ask(Box::new(EditProcedure::duplicate(record, listed))));
            }
            let gone = chosen
                .is_some_and(|listed| record.state == PackageState::Archived && !listed.procedure.external)
                .then_some("The package is archived. Restore… changes that");
            if button_unless(ui, "Try here…", None, none.or(gone)).clicked()
                && let Some(listed) = chosen
            {
                let dialog = AskTry::new(record.id, record.key.clone(), listed.procedure.clone());
                actions.push(Action::Ask(Box::new(dialog)));
            }
            let signed = chosen
                .is_some_and(|listed| may(record, listed) == May::Local)
                .then_some("It is part of the seal. Add a corrected one, or New version…");
            if button_unless(ui, "Remove", None, archived.or(none).or(signed)).clicked()
                && let Some(listed) = chosen
            {
                let edit = ProcedureEdit::Remove { name: listed.procedure.name.clone() };
                actions.push(Action::EditProcedures(record.id, edit));
            }
        });
        if record.procedures.is_empty() {
            ui.add_space(8.0);
            ui.weak("No procedure says how this package is installed.");
            return;
        }
        let columns = [
            Column::text("Name", 150.0).growing().unsortable(),
            Column::text("Task", 80.0).unsortable(),
            Column::text("Origin", 96.0).unsortable(),
            Column::text("Default", 64.0).unsortable(),
            Column::text("Offered", 64.0).unsortable(),
            Column::text("Runs on", 116.0).unsortable(),
            Column::number("Exit codes", 76.0).unsortable(),
        ];
        let rows = ProcedureRows(&record.procedures);
        let list = List::new("procedures", "Procedures", &columns, 24.0);
        let done = list.show(ui, &mut self.procedures, &rows, |_, _| ());
        if let Some(row) = done.opened.or(open)
            && let Some(listed) = record.procedures.get(row)
        {
            let dialog = EditProcedure::change(record, listed, may(record, listed));
            actions.push(Action::Ask(Box::new(dialog)));
        }
    }
}
