//! Sealing, a new version, and the first key.

use std::path::PathBuf;

use egui::{ComboBox, Ui};

use super::{Delivery, Dialog, Env, Needs, Next, buttons_ui, default_button, path_row, plain_button};
use super::{quiet, secret_row, text};
use crate::console::action::{Action, Browse};
use crate::console::format;
use crate::console::help::Topic;
use crate::console::widgets::button::link;
use crate::console::widgets::field_row::{field_row, text_row, value_row};
use crate::package::record::PackageSummary;
use crate::package::{BlockSize, PackageKey};
use crate::session::{KeyInfo, PackageDetails};

/// Sizes of blocks to choose from, in bytes.
pub const BLOCK_SIZES: [u64; 5] = [256 << 10, 1 << 20, 2 << 20, 4 << 20, 16 << 20];

/// Asks before a package is sealed.
pub struct Seal {
    package: PackageSummary,
    details: Option<PackageDetails>,
    keys: Option<Vec<KeyInfo>>,
    key: Option<String>,
    block_size_bytes: Option<u64>,
}

impl Seal {
    /// This package, with blocks of this many bytes at first, or as many as are recorded.
    pub fn new(package: PackageSummary, block_size_bytes: Option<u64>) -> Self {
        Self { package, details: None, keys: None, key: None, block_size_bytes }
    }

    fn block_size(&self) -> Option<BlockSize> {
        self.block_size_bytes.and_then(|bytes| BlockSize::new(bytes).ok())
    }
}

impl Dialog for Seal {
    fn topic(&self) -> Topic {
        Topic::Sealing
    }

    fn needs(&self) -> Needs {
        Needs { keys: true, details: Some(self.package.id), ..Needs::default() }
    }

    fn title(&self) -> String {
        format!("Seal {}", self.package.key.title())
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        text(ui, "Closes the registration and signs it. Sealed packages can be archived and delivered.");
        let (Some(details), Some(keys)) = (&self.details, &self.keys) else {
            quiet(ui, "Reading the package…");
            return buttons_ui(ui, |ui| if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay });
        };
        let differences = match &details.report {
            None => "none known".to_owned(),
            Some(report) => super::question::summary(report),
        };
        value_row(ui, "Differences", &differences);
        let names: Vec<&str> =
            details.record.procedures.iter().map(|listed| listed.procedure.name.as_str()).collect();
        let procedures = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        value_row(ui, "Procedures", &procedures);
        let own: Vec<&KeyInfo> = keys.iter().filter(|key| key.own && !key.retired).collect();
        let newest = own.iter().max_by_key(|key| key.since).map(|key| key.name.clone());
        let shown = self.key.clone().or(newest);
        match &shown {
            Some(name) if own.len() > 1 => {
                field_row(ui, "Key", |ui| {
                    ComboBox::from_id_salt("key").selected_text(name.as_str()).show_ui(ui, |ui| {
                        for key in &own {
                            ui.selectable_value(&mut self.key, Some(key.name.clone()), key.name.as_str());
                        }
                    });
                });
            }
            Some(name) => {
                value_row(ui, "Key", name);
            }
            None => {
                value_row(ui, "Key", "none yet: the next step makes one");
            }
        }
        let now = self.block_size_bytes.unwrap_or(details.block_size_bytes);
        field_row(ui, "Block size", |ui| {
            ComboBox::from_id_salt("block size").selected_text(format::size(now)).show_ui(ui, |ui| {
                for bytes in BLOCK_SIZES {
                    ui.selectable_value(&mut self.block_size_bytes, Some(bytes), format::size(bytes));
                }
            });
        });
        let refused = details.report.as_ref().map(|_| "The package differs: accept its changes first");
        let block_size = self.block_size();
        let id = self.package.id;
        buttons_ui(ui, |ui| {
            let label = if shown.is_some() { "Seal" } else { "Make a key…" };
            if default_button(ui, label, refused, env.is_new) {
                actions.push(match shown {
                    Some(_) => Action::Seal { package: id, key: self.key.clone(), block_size },
                    None => Action::Ask(Box::new(FirstKey::new(self.package.clone(), block_size))),
                });
                return Next::Close;
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        match delivery {
            Delivery::Keys(keys) => self.keys = Some(keys.to_vec()),
            Delivery::Details(details) if details.record.id == self.package.id => {
                self.details = Some((*details).clone());
            }
            _ => {}
        }
    }
}

/// Asks for the first key: its name, and a backup at once.
pub struct FirstKey {
    package: PackageSummary,
    block_size: Option<BlockSize>,
    name: String,
    passphrase: String,
    again: String,
    file: String,
}

impl FirstKey {
    /// For this package, which is sealed with it.
    pub fn new(package: PackageSummary, block_size: Option<BlockSize>) -> Self {
        Self {
            package,
            block_size,
            name: "Packaging".to_owned(),
            passphrase: String::new(),
            again: String::new(),
            file: String::new(),
        }
    }

    fn action(&self, backup: Option<(PathBuf, String)>) -> Action {
        Action::MakeKeyAndSeal {
            package: self.package.id,
            name: self.name.trim().to_owned(),
            backup,
            block_size: self.block_size,
        }
    }
}

impl Dialog for FirstKey {
    fn topic(&self) -> Topic {
        Topic::Sealing
    }

    fn title(&self) -> String {
        "The first key".to_owned()
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        text(
            ui,
            "Packages are sealed with a key of yours. Without it nothing can be sealed in your name, so a backup is \
             written at once: a file that only your passphrase opens.",
        );
        let name = text_row(ui, "Name", &mut self.name);
        if env.is_new {
            name.request_focus();
        }
        for (label, value) in [("Passphrase", &mut self.passphrase), ("Once more", &mut self.again)] {
            secret_row(ui, label, value);
        }
        path_row(ui, "Backup file", &mut self.file, Browse::SaveAs, false, actions);
        let file = PathBuf::from(self.file.trim());
        let no_name = self.name.trim().is_empty().then_some("Give the key a name");
        let refused = no_name.or(if self.passphrase.chars().count() < 8 {
            Some("A passphrase has at least 8 characters")
        } else if self.passphrase != self.again {
            Some("The two passphrases differ")
        } else if !file.is_absolute() {
            Some("Give the whole path of the backup file")
        } else {
            None
        });
        let next = buttons_ui(ui, |ui| {
            if default_button(ui, "Create and save backup", refused, false) {
                actions.push(self.action(Some((file, self.passphrase.clone()))));
                return Next::Close;
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        });
        if no_name.is_none() && link(ui, "Later: create without a backup").clicked() {
            actions.push(self.action(None));
            return Next::Close;
        }
        next
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        if let Delivery::Path(path) = delivery {
            self.file = path.display().to_string();
        }
    }
}

/// Asks for the number of a new version.
pub struct NewVersion {
    package: PackageSummary,
    version: String,
}

impl NewVersion {
    /// Of this package.
    pub fn new(package: PackageSummary) -> Self {
        Self { package, version: String::new() }
    }
}

impl Dialog for NewVersion {
    fn topic(&self) -> Topic {
        Topic::NewVersion
    }

    fn title(&self) -> String {
        format!("New version of {}", self.package.key.title())
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        text(ui, "An open copy with the same files, fields and procedures.");
        let field = text_row(ui, "Version", &mut self.version);
        if env.is_new {
            field.request_focus();
        }
        let refused = match PackageKey::new(self.package.key.name(), self.version.trim()) {
            Err(problem) => Some(super::sentence(&problem.to_string())),
            Ok(key) => {
                let folded = key.folded();
                let taken = env.view.packages.iter().any(|package| package.key.folded() == folded);
                taken.then(|| format!("{} is already in the library", key.title()))
            }
        };
        buttons_ui(ui, |ui| {
            if default_button(ui, "Create", refused.as_deref(), false) {
                actions.push(Action::NewVersion(self.package.id, self.version.trim().to_owned()));
                return Next::Close;
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }
}
