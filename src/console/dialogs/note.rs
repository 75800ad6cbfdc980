//! A note of one's own for the history of a package.

use egui::{TextEdit, Ui};

use super::{Dialog, Env, Next, buttons_ui, is_reason, plain_button, quiet};
use crate::console::action::Action;
use crate::console::widgets::button::primary_button_unless;
use crate::console::widgets::field_row::field_row;
use crate::package::record::PackageId;

/// Longest note, in characters: History is read line by line.
const LONGEST: usize = 4_000;

/// Asks for the words.
pub struct WriteNote {
    package: PackageId,
    title: String,
    note: String,
}

impl WriteNote {
    /// For this package, called `title`.
    pub fn new(package: PackageId, title: &str) -> Self {
        Self { package, title: title.to_owned(), note: String::new() }
    }
}

impl Dialog for WriteNote {
    fn title(&self) -> String {
        format!("Add a note to {}", self.title)
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        field_row(ui, "Note", |ui| {
            let width = ui.available_width();
            let field = TextEdit::multiline(&mut self.note).desired_rows(5).desired_width(width);
            let field = ui.add(field.char_limit(LONGEST));
            if env.is_new {
                field.request_focus();
            }
        });
        quiet(ui, "It becomes an event of History and cannot be changed later.");
        let refused = (!is_reason(&self.note)).then_some("Write at least 3 characters");
        buttons_ui(ui, |ui| {
            // Enter makes a new line in the field.
            if primary_button_unless(ui, "Add", None, refused).clicked() {
                actions.push(Action::AddNote(self.package, self.note.trim().to_owned()));
                return Next::Close;
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }
}
