//! How the delivery manager is run without a person: as a service of the system, which this program does not install by
//! itself.

use egui::{Label, RichText, ScrollArea, Ui};

use crate::console::action::Action;
use crate::console::dialogs::{Dialog, Env, Next, buttons_ui, default_button, plain_button, quiet, text};
use crate::console::help::Topic;

/// Tells how.
pub struct ServiceHelp {
    program: String,
    library: String,
}

impl ServiceHelp {
    /// With this program of the command line, for the library in this folder.
    pub fn new(program: String, library: String) -> Self {
        Self { program, library }
    }

    fn unit(&self) -> String {
        // As systemd wants it: % is doubled, quotes and backslashes are escaped.
        let escaped = |text: &str| {
            text.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$")
        };
        let [program, library] = [&self.program, &self.library].map(|text| escaped(text));
        format!(
            "[Unit]\nDescription=Packhouse delivery manager\nAfter=network-online.target\n\n[Service]\n\
             ExecStart=\"{program}\" --library \"{library}\" manage\nRestart=on-failure\n\n[Install]\n\
             WantedBy=default.target\n"
        )
    }
}

impl Dialog for ServiceHelp {
    fn topic(&self) -> Topic {
        Topic::Jobs
    }

    fn title(&self) -> String {
        "Install the delivery manager as a service".to_owned()
    }

    fn width(&self) -> f32 {
        620.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        text(
            ui,
            "The delivery manager is a program of the command line, packhouse-cli manage. Run by the system, it carries \
             jobs out while nobody is logged on. One runs for a library at a time; where one runs, this window shows it.",
        );
        quiet(
            ui,
            "With systemd: save this as ~/.config/systemd/user/packhouse-manager.service, then run \
             systemctl --user enable --now packhouse-manager, and loginctl enable-linger once. On Windows and macOS \
             enter the same command in the task planner, to be run at start. It needs the keys of this account.",
        );
        ScrollArea::both().id_salt("unit").max_height(190.0).auto_shrink([false, true]).show(ui, |ui| {
            ui.add(Label::new(RichText::new(self.unit()).monospace()).extend().selectable(true));
        });
        buttons_ui(ui, |ui| {
            if default_button(ui, "Close", None, env.is_new) {
                return Next::Close;
            }
            if plain_button(ui, "Copy") {
                actions.push(Action::Copy(self.unit()));
            }
            Next::Stay
        })
    }
}

#[cfg(test)]
mod tests {
    use super::ServiceHelp;

    #[test]
    fn the_folder_stands_in_the_unit_as_systemd_reads_it() {
        let unit =
            ServiceHelp::new("/usr/bin/packhouse-cli".to_owned(), "/srv/100 % \"good\"".to_owned()).unit();
        assert!(unit.contains(r#"--library "/srv/100 %% \"good\"" manage"#), "{unit}");
    }
}
