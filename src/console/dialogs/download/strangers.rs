//! What is asked where a finished download shares its folder with files that its snapshot does not list.

use egui::Ui;

use crate::console::action::Action;
use crate::console::dialogs::{
    Dialog, Env, Next, buttons_ui, plain_button, problem_list_ui, quiet, safe_button, text,
};
use crate::console::format;
use crate::console::help::Topic;
use crate::console::pages::downloads::DownloadAction;
use crate::package::download::DownloadId;
use crate::session::DownloadRow;

/// "Files nobody lists".
pub struct FilesNobodyLists {
    id: DownloadId,
    title: String,
    folder: String,
    names: Vec<String>,
    count: u64,
    /// *Set aside…* was chosen.
    is_moving: bool,
}

impl FilesNobodyLists {
    /// Beside this download; `names` are the first of them.
    pub fn new(row: &DownloadRow, names: Vec<String>) -> Self {
        Self {
            id: row.id,
            title: row.title.clone(),
            folder: row.folder.display().to_string(),
            names,
            count: row.strangers,
            is_moving: false,
        }
    }

    fn files(&self) -> String {
        format::counted(self.count, "file")
    }

    fn move_ui(&mut self, ui: &mut Ui, actions: &mut Vec<Action>, focus: bool) -> Next {
        buttons_ui(ui, |ui| {
            if safe_button(ui, "Back", focus) {
                self.is_moving = false;
            }
            if plain_button(ui, "Set aside") {
                actions.push(Action::Download(DownloadAction::SetAside(self.id)));
                return Next::Close;
            }
            Next::Stay
        })
    }
}

impl Dialog for FilesNobodyLists {
    fn topic(&self) -> Topic {
        Topic::Downloads
    }

    fn title(&self) -> String {
        match self.is_moving {
            false => "Files nobody lists".to_owned(),
            true => format!("Set {} aside?", self.files()),
        }
    }

    fn width(&self) -> f32 {
        560.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        if self.is_moving {
            text(
                ui,
                &format!(
                    "They are moved into a new folder beside {}, where they keep their names. Nothing is deleted.",
                    self.folder
                ),
            );
        } else {
            let is = if self.count == 1 { "is" } else { "are" };
            text(
                ui,
                &format!(
                    "{} is ready, every block proven. In its folder {is} {} more that its snapshot does not list:",
                    self.title,
                    self.files()
                ),
            );
        }
        problem_list_ui(ui, "Files nobody lists", &self.names);
        let unnamed = self.count.saturating_sub(self.names.len() as u64);
        if unnamed > 0 {
            quiet(ui, &format!("{} more are not named here.", format::thousands(unnamed)));
        }
        if self.is_moving {
            return self.move_ui(ui, actions, env.is_new);
        }
        buttons_ui(ui, |ui| {
            if safe_button(ui, "Leave them", env.is_new) {
                return Next::Close;
            }
            if plain_button(ui, "Set aside…") {
                self.is_moving = true;
            }
            Next::Stay
        })
    }
}
