//! How the delivery manager is run without a person: as a service of the system, which this program does not install by
//! itself. It gives the exact text and the exact commands.

use egui::{Label, RichText, ScrollArea, Ui};

use crate::console::action::Action;
use crate::console::dialogs::{Dialog, Env, Next, buttons_ui, default_button, quiet, show_scroll_bar, text};
use crate::console::help::Topic;
use crate::console::tokens::Tokens;
use crate::console::widgets::button::button;

/// What runs services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Runner {
    Systemd,
    Launchd,
    TaskScheduler,
}

impl Runner {
    /// That of this system.
    const HERE: Self = if cfg!(target_os = "windows") {
        Self::TaskScheduler
    } else if cfg!(target_os = "macos") {
        Self::Launchd
    } else {
        Self::Systemd
    };
}

/// Tells how.
pub struct ServiceHelp {
    program: String,
    library: String,
    keys: String,
    runner: Runner,
}

impl ServiceHelp {
    /// With this program of the command line, for the library in this folder, with the keys in that one.
    pub fn new(program: String, library: String, keys: String) -> Self {
        Self { program, library, keys, runner: Runner::HERE }
    }

    /// Where the file goes; nothing where there is none.
    fn file_name(&self) -> Option<&'static str> {
        match self.runner {
            Runner::Systemd => Some("~/.config/systemd/user/packhouse-manager.service"),
            Runner::Launchd => Some("~/Library/LaunchAgents/packhouse.manager.plist"),
            Runner::TaskScheduler => None,
        }
    }

    /// What is in it.
    fn file(&self) -> String {
        match self.runner {
            Runner::Systemd => self.unit(),
            Runner::Launchd => self.property_list(),
            Runner::TaskScheduler => String::new(),
        }
    }

    fn unit(&self) -> String {
        // As systemd wants it: % is doubled, quotes and backslashes are escaped; a $ counts in the command only.
        let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%");
        let [program, library] = [&self.program, &self.library].map(|text| escaped(text).replace('$', "$$"));
        let keys = escaped(&self.keys);
        format!(
            "[Unit]\nDescription=Packhouse delivery manager\nAfter=network-online.target\n\n[Service]\n\
             Environment=\"PACKHOUSE_KEYS={keys}\"\n\
             ExecStart=\"{program}\" --library \"{library}\" manage\nRestart=on-failure\n\n[Install]\n\
             WantedBy=default.target\n"
        )
    }

    fn property_list(&self) -> String {
        let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let [program, library, keys] = [&self.program, &self.library, &self.keys].map(|text| escaped(text));
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
             <plist version=\"1.0\"><dict>\n\
             <key>Label</key><string>packhouse.manager</string>\n\
             <key>EnvironmentVariables</key><dict><key>PACKHOUSE_KEYS</key><string>{keys}</string></dict>\n\
             <key>ProgramArguments</key><array><string>{program}</string><string>--library</string>\
             <string>{library}</string><string>manage</string></array>\n\
             <key>RunAtLoad</key><true/>\n<key>KeepAlive</key><true/>\n</dict></plist>\n"
        )
    }

    /// What is typed then.
    fn commands(&self) -> String {
        match self.runner {
            Runner::Systemd => "systemctl --user daemon-reload\n\
                                systemctl --user enable --now packhouse-manager\n\
                                loginctl enable-linger\n"
                .to_owned(),
            Runner::Launchd => {
                "launchctl load -w ~/Library/LaunchAgents/packhouse.manager.plist\n".to_owned()
            }
            Runner::TaskScheduler => {
                let Self { program, library, .. } = self;
                format!(
                    "schtasks /Create /TN \"Packhouse delivery manager\" /SC ONLOGON \
                     /TR \"\\\"{program}\\\" --library \\\"{library}\\\" manage\"\n\
                     schtasks /Run /TN \"Packhouse delivery manager\"\n"
                )
            }
        }
    }
}

/// A text in a box, with the button that copies it at its right above.
fn copied_ui(ui: &mut Ui, label: &str, copy: &str, value: &str, height: f32, actions: &mut Vec<Action>) {
    ui.horizontal(|ui| {
        ui.label(RichText::new(label).color(Tokens::of(ui).secondary));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if button(ui, copy).clicked() {
                actions.push(Action::Copy(value.to_owned()));
            }
        });
    });
    let frame = egui::Frame::new()
        .fill(Tokens::of(ui).ground)
        .corner_radius(4)
        .inner_margin(egui::Margin::symmetric(10, 6));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        show_scroll_bar(ui);
        ScrollArea::both().id_salt(label).max_height(height).auto_shrink([false, true]).show(ui, |ui| {
            ui.add(Label::new(RichText::new(value.trim_end()).monospace()).extend().selectable(true));
        });
    });
}

impl Dialog for ServiceHelp {
    fn topic(&self) -> Topic {
        Topic::Jobs
    }

    fn title(&self) -> String {
        "Install the delivery manager as a service".to_owned()
    }

    fn width(&self) -> f32 {
        640.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        text(
            ui,
            "The delivery manager is a program of the command line, packhouse-cli manage. Run by the system, it carries \
             jobs out while nobody is logged on. One runs for a library at a time; where one runs, this window shows it.",
        );
        if let Some(name) = self.file_name() {
            copied_ui(ui, &format!("Save this as {name}"), "Copy file", &self.file(), 190.0, actions);
        }
        let then =
            if self.file_name().is_some() { "Then run" } else { "Run this as the account that has the keys" };
        copied_ui(ui, then, "Copy commands", &self.commands(), 80.0, actions);
        let more = match self.runner {
            Runner::Systemd => {
                "The last line keeps it running while nobody is logged on. It uses the keys of this account. For an account \
                 of its own, packhouse-manage.service comes with the program."
            }
            Runner::Launchd => "It runs while this account is logged on, and uses its keys.",
            Runner::TaskScheduler => {
                "It runs from the next logon on, and uses the keys of this account. To run it while nobody is logged on, \
                 change that in the Task Scheduler, which asks for the password."
            }
        };
        quiet(ui, more);
        buttons_ui(
            ui,
            |ui| {
                if default_button(ui, "Close", None, env.is_new) { Next::Close } else { Next::Stay }
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{Runner, ServiceHelp};

    fn help(runner: Runner, library: &str) -> ServiceHelp {
        let [program, keys] = ["/usr/bin/packhouse-cli", "/home/anna/keys & 100 %"].map(str::to_owned);
        ServiceHelp { program, library: library.to_owned(), keys, runner }
    }

    #[test]
    fn the_folder_stands_in_the_unit_as_systemd_reads_it() {
        let unit = help(Runner::Systemd, "/srv/100 % \"good\" $x").file();
        assert!(unit.contains(r#"--library "/srv/100 %% \"good\" $$x" manage"#), "{unit}");
        assert!(unit.contains(r#"Environment="PACKHOUSE_KEYS=/home/anna/keys & 100 %%""#), "{unit}");
    }

    #[test]
    fn the_folder_stands_in_the_property_list_as_launchd_reads_it() {
        let list = help(Runner::Launchd, "/srv/<a> & b").file();
        assert!(list.contains("<string>/srv/&lt;a&gt; &amp; b</string><string>manage</string>"), "{list}");
        assert!(list.contains("<string>/home/anna/keys &amp; 100 %</string>"), "{list}");
    }

    #[test]
    fn the_task_scheduler_is_given_one_command_in_quotes() {
        let help = help(Runner::TaskScheduler, r"D:\our packages");
        assert_eq!(help.file_name(), None);
        let commands = help.commands();
        assert!(commands.contains(r#"--library \"D:\our packages\" manage""#), "{commands}");
    }
}
