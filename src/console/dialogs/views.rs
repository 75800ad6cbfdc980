//! Saved views of the list of packages: naming, naming anew, deleting.

use egui::{Key, TextEdit, Ui};

use super::{Dialog, Env, Next, buttons_ui, default_button, plain_button, quiet, safe_button, text};
use crate::console::action::Action;
use crate::console::pages::packages::ListAction;
use crate::console::widgets::field_row::field_row;

/// Longest name of a view, in characters.
const NAME_MAX_CHARS: usize = 60;

/// Asks for the name of a view, new or known.
pub struct NameView {
    before: Option<String>,
    name: String,
    /// Names that are there.
    known: Vec<String>,
}

impl NameView {
    /// For what is shown now (`before` absent), or for a view that has a name.
    pub fn new(before: Option<String>, known: Vec<String>) -> Self {
        Self { name: before.clone().unwrap_or_default(), before, known }
    }
}

impl Dialog for NameView {
    fn title(&self) -> String {
        match &self.before {
            Some(name) => format!("Rename the view {name}"),
            None => "Save view".to_owned(),
        }
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        if self.before.is_none() {
            quiet(ui, "Columns, sorting and filters are kept under this name.");
        }
        let entered = field_row(ui, "Name", |ui| {
            let field = TextEdit::singleline(&mut self.name)
                .char_limit(NAME_MAX_CHARS)
                .desired_width(ui.available_width())
                .align(egui::Align2::LEFT_CENTER);
            let response = ui.add(field);
            if env.is_new {
                response.request_focus();
            }
            response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter))
        })
        .inner;
        let name = self.name.trim().to_owned();
        if self.known.contains(&name) && self.before.as_ref() != Some(&name) {
            quiet(ui, &format!("The view {name} is replaced."));
        }
        let refused = name.is_empty().then_some("A view needs a name");
        buttons_ui(ui, |ui| {
            let word = if self.before.is_some() { "Rename" } else { "Save" };
            if default_button(ui, word, refused, false) || (entered && refused.is_none()) {
                actions.push(Action::List(match &self.before {
                    Some(before) => ListAction::RenameView(before.clone(), name),
                    None => ListAction::SaveView(name),
                }));
                return Next::Close;
            }
            if plain_button(ui, "Cancel") {
                return Next::Close;
            }
            Next::Stay
        })
    }
}

/// Asks before a view is deleted.
pub struct DeleteView {
    name: String,
}

impl DeleteView {
    /// This view.
    pub fn new(name: String) -> Self {
        Self { name }
    }
}

impl Dialog for DeleteView {
    fn title(&self) -> String {
        format!("Delete the view {}?", self.name)
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        text(ui, "Its columns, sorting and filters are forgotten. No package changes.");
        buttons_ui(ui, |ui| {
            if safe_button(ui, "Cancel", env.is_new) {
                return Next::Close;
            }
            if plain_button(ui, "Delete") {
                actions.push(Action::List(ListAction::DeleteView(self.name.clone())));
                return Next::Close;
            }
            Next::Stay
        })
    }
}
