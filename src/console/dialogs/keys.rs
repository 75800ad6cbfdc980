//! Keys: making one, its backup, taking one from a backup, trusting one of somebody else.

use egui::Ui;

use super::{
    Delivery, Dialog, Env, Next, buttons_ui, default_button, path_row, plain_button, quiet, safe_button,
    secret_row, text, whole_path,
};
use crate::console::action::{Action, AfterTrust, Browse, KeyAction};
use crate::console::help::Topic;
use crate::console::widgets::field_row::{field_row, text_row, value_row};
use crate::session::{KeyInfo, KeyUse};

fn no_name(name: &str) -> Option<&'static str> {
    name.trim().is_empty().then_some("Give the key a name")
}

/// Makes a key.
#[derive(Default)]
pub struct CreateKey {
    name: String,
}

impl Dialog for CreateKey {
    fn topic(&self) -> Topic {
        Topic::Keys
    }

    fn title(&self) -> String {
        "Create a key".to_owned()
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        text(ui, "The newest own key seals from now on. What older keys sealed stays trusted.");
        let field = text_row(ui, "Name", &mut self.name);
        if env.is_new {
            field.request_focus();
        }
        quiet(ui, "For example: Packaging Berlin 2026. Save a backup of it afterwards.");
        let refused = no_name(&self.name);
        buttons_ui(ui, |ui| {
            if default_button(ui, "Create", refused, false) {
                actions.push(Action::Key(KeyAction::Create(self.name.trim().to_owned())));
                return Next::Close;
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }
}

/// Writes a backup of an own key.
pub struct BackUp {
    key: KeyInfo,
    file: String,
    passphrase: String,
    again: String,
}

impl BackUp {
    /// Of this key.
    pub fn new(key: KeyInfo) -> Self {
        Self { key, file: String::new(), passphrase: String::new(), again: String::new() }
    }
}

impl Dialog for BackUp {
    fn topic(&self) -> Topic {
        Topic::Keys
    }

    fn title(&self) -> String {
        format!("Save a backup of {}", self.key.name)
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        text(
            ui,
            "Whoever has this file and its passphrase can seal in your name. Keep it where you keep such things.",
        );
        path_row(ui, "File", &mut self.file, Browse::SaveAs, env.is_new, actions);
        secret_row(ui, "Passphrase", &mut self.passphrase);
        secret_row(ui, "Once more", &mut self.again);
        let file = whole_path(&self.file);
        let refused = match &file {
            Err(why) => Some(*why),
            Ok(_) if self.passphrase.chars().count() < 8 => {
                Some("The passphrase needs at least 8 characters")
            }
            Ok(_) if self.passphrase != self.again => Some("The two passphrases differ"),
            Ok(_) => None,
        };
        buttons_ui(ui, |ui| {
            if default_button(ui, "Save backup", refused, false)
                && let Ok(to) = file
            {
                let passphrase = std::mem::take(&mut self.passphrase);
                actions.push(Action::Key(KeyAction::BackUp { name: self.key.name.clone(), to, passphrase }));
                return Next::Close;
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        if let Delivery::Path(path) = delivery {
            self.file = path.display().to_string();
        }
    }
}

/// Takes an own key from a backup.
#[derive(Default)]
pub struct ImportKey {
    file: String,
    name: String,
    passphrase: String,
}

impl Dialog for ImportKey {
    fn topic(&self) -> Topic {
        Topic::Keys
    }

    fn title(&self) -> String {
        "Import a key from its backup".to_owned()
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        path_row(ui, "Backup file", &mut self.file, Browse::File, env.is_new, actions);
        text_row(ui, "Name here", &mut self.name);
        secret_row(ui, "Passphrase", &mut self.passphrase);
        quiet(ui, "A secret key file of minisign can be imported too.");
        let file = whole_path(&self.file);
        let refused = file.as_ref().err().copied().or_else(|| no_name(&self.name));
        buttons_ui(ui, |ui| {
            if default_button(ui, "Import", refused, false)
                && let Ok(from) = file
            {
                let passphrase = std::mem::take(&mut self.passphrase);
                let name = self.name.trim().to_owned();
                actions.push(Action::Key(KeyAction::Import { from, name, passphrase }));
                return Next::Close;
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        if let Delivery::Path(path) = delivery {
            self.file = path.display().to_string();
        }
    }
}

/// Trusts a key of somebody else.
#[derive(Default)]
pub struct TrustKey {
    /// The key that is asked for, by its fingerprint; any if empty.
    wanted: String,
    /// What goes on once the key is trusted.
    then: Option<AfterTrust>,
    key: String,
    name: String,
    fingerprint: String,
    seals_not: bool,
    jobs: bool,
}

impl TrustKey {
    /// The key with this fingerprint, which signed a seal; what it kept waiting goes on then.
    pub fn of_seal(fingerprint: String, then: Option<AfterTrust>) -> Self {
        Self { wanted: fingerprint, then, ..Self::default() }
    }
}

impl Dialog for TrustKey {
    fn topic(&self) -> Topic {
        Topic::Trusting
    }

    fn title(&self) -> String {
        if self.wanted.is_empty() { "Trust a key".to_owned() } else { "Trust this key".to_owned() }
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        if !self.wanted.is_empty() {
            value_row(ui, "Fingerprint", &self.wanted);
            quiet(
                ui,
                "A seal names its key and does not hold it: the owner gives you the key, or its .pub file.",
            );
        }
        text(
            ui,
            "Ask the owner for the fingerprint by another way than the key came, and type its last 8 characters.",
        );
        path_row(ui, "Key or .pub file", &mut self.key, Browse::File, env.is_new, actions);
        text_row(ui, "Name here", &mut self.name);
        text_row(ui, "Last 8 of it", &mut self.fingerprint);
        field_row(ui, "Trusted for", |ui| {
            let mut seals = !self.seals_not;
            ui.checkbox(&mut seals, "Seals");
            self.seals_not = !seals;
            ui.checkbox(&mut self.jobs, "Jobs");
        });
        let typed = self.fingerprint.trim();
        let refused = if self.key.trim().is_empty() {
            Some("Paste the key (RW…) or choose its .pub file")
        } else if no_name(&self.name).is_some() {
            no_name(&self.name)
        } else if typed.chars().count() != 8 || !typed.chars().all(|letter| letter.is_ascii_hexdigit()) {
            Some("Type the last 8 characters of the fingerprint")
        } else if !self.wanted.is_empty() && !self.wanted.ends_with(&typed.to_uppercase()) {
            Some("The fingerprint of the seal's key ends otherwise: do not trust it")
        } else if self.seals_not && !self.jobs {
            Some("Choose what the key is trusted for")
        } else {
            None
        };
        buttons_ui(ui, |ui| {
            if default_button(ui, "Trust", refused, false) {
                let mut uses = Vec::new();
                if !self.seals_not {
                    uses.push(KeyUse::Seal);
                }
                if self.jobs {
                    uses.push(KeyUse::Jobs);
                }
                actions.push(Action::Key(KeyAction::Trust {
                    key: self.key.trim().to_owned(),
                    name: self.name.trim().to_owned(),
                    ending: typed.to_uppercase(),
                    uses,
                    wanted: std::mem::take(&mut self.wanted),
                    then: self.then.take(),
                }));
                return Next::Close;
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        if let Delivery::Path(path) = delivery {
            self.key = path.display().to_string();
        }
    }
}

/// Asks before an own key is retired or a foreign one is trusted no longer.
pub struct ForgetKey {
    key: KeyInfo,
}

impl ForgetKey {
    /// This one.
    pub fn new(key: KeyInfo) -> Self {
        Self { key }
    }
}

impl Dialog for ForgetKey {
    fn title(&self) -> String {
        let verb = if self.key.own { "Retire" } else { "Distrust" };
        format!("{verb} {}?", self.key.name)
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        text(
            ui,
            if self.key.own {
                "It seals nothing any more. What it sealed stays trusted. This cannot be taken back."
            } else {
                "What it sealed is not trusted any more. It can be trusted again later."
            },
        );
        value_row(ui, "Fingerprint", &self.key.key_id);
        buttons_ui(ui, |ui| {
            if safe_button(ui, "Cancel", env.is_new) {
                return Next::Close;
            }
            if plain_button(ui, if self.key.own { "Retire" } else { "Distrust" }) {
                let name = self.key.name.clone();
                actions.push(Action::Key(if self.key.own {
                    KeyAction::Retire(name)
                } else {
                    KeyAction::Distrust(name)
                }));
                return Next::Close;
            }
            Next::Stay
        })
    }
}
