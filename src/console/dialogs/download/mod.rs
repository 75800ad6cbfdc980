//! Downloads: a new one, what its seal is worth, and what is asked of those that are in the list.

mod changed;
mod listed;
mod strangers;
mod trust;

pub use changed::SnapshotChanged;
pub use listed::{FolderTaken, Limit, Register, Remove};
pub use strangers::FilesNobodyLists;
pub use trust::{BrokenSeal, NoHashes, Unknown, Unsigned};

use std::path::PathBuf;

use egui::{ComboBox, TextEdit, Ui};

use super::{Delivery, Dialog, Env, Next, buttons_ui, default_button, path_row, plain_button};
use super::{quiet, secret_row, text, whole_path};
use crate::console::action::{Action, Browse};
use crate::console::format;
use crate::console::help::Topic;
use crate::console::pages::downloads::DownloadAction;
use crate::console::widgets::alert::alert;
use crate::console::widgets::button::{button, link};
use crate::console::widgets::field_row::{field_row, labelled_row, text_row, value_row};
use crate::failure::Failure;
use crate::session::{AddDownload, Credentials, OfferLook, OfferSeal};

/// Limits to choose from, in bytes a second.
pub const LIMITS: [Option<u64>; 8] = [
    None,
    Some(256 << 10),
    Some(1 << 20),
    Some(2 << 20),
    Some(5 << 20),
    Some(10 << 20),
    Some(25 << 20),
    Some(100 << 20),
];
/// Height of what is said of an offer of a sealed package, in points.
const OFFER_HEIGHT: f32 = 96.0;
/// The refusal of a lower revision than was seen.
const OLDER: &str = "download-older";
/// The explicit choice of it.
const ALLOW_OLDER: &str = "Allow the older revision";
/// Connections at first.
const CONNECTIONS: u32 = 8;

/// A limit as it is chosen: `none`, `2 MiB/s (17 Mbit/s)`.
pub(super) fn limit_word(limit: Option<u64>) -> String {
    limit.map_or("none".to_owned(), |limit| format::rate(limit).replacen(".0 ", " ", 1))
}

/// The choice of a limit; one that was set otherwise stays one of the choices.
pub(super) fn limit_row(ui: &mut Ui, limit: &mut Option<u64>) {
    field_row(ui, "Limit", |ui| {
        ComboBox::from_id_salt("limit").width(210.0).selected_text(limit_word(*limit)).show_ui(ui, |ui| {
            let other = (!LIMITS.contains(limit)).then_some(*limit);
            for choice in LIMITS.into_iter().chain(other) {
                ui.selectable_value(limit, choice, limit_word(choice));
            }
        });
    });
}

/// What was found at an address.
enum Look {
    /// Nobody has looked.
    Not,
    /// Somebody looks.
    Looking(String),
    /// This was found.
    Found(String, Box<OfferLook>),
    /// It could not be read.
    Failed(String, Failure),
}

/// "New download".
pub struct NewDownload {
    address: String,
    folder: String,
    codebases: String,
    limit: Option<u64>,
    register: bool,
    user: String,
    password: String,
    token: String,
    signs_in: bool,
    look: Look,
    /// *Download* was pressed before the snapshot was there.
    goes_on: bool,
    allow_older: bool,
    /// What is chosen next in a native dialog is the folder.
    chooses_folder: bool,
    /// The address was chosen in a native dialog and not looked at.
    is_chosen: bool,
}

impl NewDownload {
    /// With this address or path filled in; empty for none.
    pub fn new(address: String) -> Self {
        Self {
            address,
            folder: String::new(),
            codebases: String::new(),
            limit: None,
            register: true,
            user: String::new(),
            password: String::new(),
            token: String::new(),
            signs_in: false,
            look: Look::Not,
            goes_on: false,
            allow_older: false,
            chooses_folder: false,
            is_chosen: false,
        }
    }

    /// With what was asked for before.
    pub fn again(request: AddDownload) -> Self {
        Self {
            folder: String::new(),
            codebases: request.codebases.join("\n"),
            limit: request.limit,
            register: request.register,
            allow_older: request.allow_older,
            ..Self::new(request.address)
        }
    }

    fn credentials(&self) -> Option<Credentials> {
        if !self.signs_in {
            return None;
        }
        if !self.token.is_empty() {
            return Some(Credentials::Bearer { token: self.token.clone() });
        }
        (!self.user.is_empty())
            .then(|| Credentials::Basic { user: self.user.clone(), password: self.password.clone() })
    }

    fn start_looking(&mut self, actions: &mut Vec<Action>) {
        let address = self.address.trim().to_owned();
        if address.is_empty() {
            self.look = Look::Not;
            return;
        }
        let credentials = self.credentials();
        actions.push(Action::Download(DownloadAction::Look(address.clone(), credentials)));
        self.look = Look::Looking(address);
    }

    fn is_current(&self) -> bool {
        let (Look::Looking(of) | Look::Found(of, _) | Look::Failed(of, _)) = &self.look else { return false };
        of == self.address.trim()
    }

    fn found(&self) -> Option<&OfferLook> {
        match &self.look {
            Look::Found(_, look) if self.is_current() => Some(look),
            _ => None,
        }
    }

    /// Whether what was found is of a lower revision than was seen here.
    fn offers_older(&self) -> bool {
        let refusal = self.found().and_then(|look| look.refusal.as_ref());
        refusal.is_some_and(|refusal| refusal.code == OLDER)
    }

    /// The folder that was chosen, and why it cannot be used.
    fn folder(&self) -> Result<Option<PathBuf>, &'static str> {
        if self.folder.trim().is_empty() { Ok(None) } else { whole_path(&self.folder).map(Some) }
    }

    fn request(&self, folder: Option<PathBuf>, look: &OfferLook) -> AddDownload {
        let lines = self.codebases.lines().map(str::trim).filter(|line| !line.is_empty());
        AddDownload {
            address: self.address.trim().to_owned(),
            folder,
            codebases: lines.map(str::to_owned).collect(),
            connections: CONNECTIONS,
            limit: self.limit,
            unsigned: None,
            unknown_key: None,
            allow_older: self.allow_older && self.offers_older(),
            credentials: self.credentials(),
            register: self.register && look.key.is_some(),
        }
    }

    /// What the seal says decides what comes next.
    fn go_on(&mut self, folder: Option<PathBuf>, actions: &mut Vec<Action>) -> Next {
        let Some(look) = self.found() else {
            // What is being read already is waited for.
            self.goes_on = true;
            if !(matches!(self.look, Look::Looking(_)) && self.is_current()) {
                self.start_looking(actions);
            }
            return Next::Stay;
        };
        let request = self.request(folder, look);
        let title = look.title.clone();
        let dialog: Box<dyn Dialog> = match &look.seal {
            OfferSeal::Trusted { .. } => {
                actions.push(Action::Download(DownloadAction::Add(Box::new(request))));
                return Next::Close;
            }
            OfferSeal::Unsigned => Box::new(Unsigned::new(request)),
            OfferSeal::Unknown { key_id } => Box::new(Unknown::new(request, key_id.clone())),
            OfferSeal::Broken { key, .. } => Box::new(BrokenSeal::new(title, key.clone())),
        };
        actions.push(Action::Ask(dialog));
        Next::Close
    }

    fn look_ui(&self, ui: &mut Ui) {
        match &self.look {
            Look::Looking(_) => quiet(ui, "Reading the snapshot…"),
            Look::Failed(_, failure) if self.is_current() => {
                let reason = super::sentence(&failure.reason);
                alert(ui, &super::sentence(&failure.message), &reason);
                quiet(ui, &failure.action);
            }
            Look::Found(_, look) if self.is_current() => found_ui(ui, look),
            _ => quiet(
                ui,
                "The snapshot at the address says what is downloaded, and its seal who vouches for it.",
            ),
        }
    }

    fn folder_ui(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        labelled_row(ui, "Folder", |ui, name| {
            let field = TextEdit::singleline(&mut self.folder)
                .hint_text("in the folder of this library")
                .desired_width((ui.available_width() - 96.0).max(80.0))
                .align(egui::Align2::LEFT_CENTER);
            ui.add(field).labelled_by(name);
            if button(ui, "Choose…").clicked() {
                self.chooses_folder = true;
                actions.push(Action::Browse(Browse::Folder));
            }
        });
    }

    fn sign_in_ui(&mut self, ui: &mut Ui) {
        if !self.signs_in {
            if link(ui, "The server asks for a password…").clicked() {
                self.signs_in = true;
            }
            return;
        }
        text_row(ui, "User name", &mut self.user);
        secret_row(ui, "Password", &mut self.password);
        secret_row(ui, "Or a token", &mut self.token);
    }
}

/// What the snapshot says.
fn found_ui(ui: &mut Ui, look: &OfferLook) {
    value_row(ui, "Package", &look.title);
    let files = format::counted(look.files as u64, "file");
    let mut what = format!("{} in {files}", format::size(look.size_bytes));
    if look.blocks > 0 {
        let size = format::size(look.block_size_bytes).replace(".0 ", " ");
        what.push_str(&format!(", {} of up to {size}", format::counted(look.blocks as u64, "block")));
    }
    if let Some(revision) = look.revision {
        what.push_str(&format!(", revision {revision}"));
    }
    value_row(ui, "Snapshot", &what);
    let seal = match &look.seal {
        OfferSeal::Trusted { name, .. } => format!("sealed by {name}, which is trusted"),
        OfferSeal::Unsigned => "none: nobody vouches for the list of hashes".to_owned(),
        OfferSeal::Unknown { key_id } => format!("signed by the key {key_id}, which is not trusted"),
        OfferSeal::Broken { why, .. } => format!("does not match: {why}"),
    };
    value_row(ui, "Seal", &seal);
    if !look.codebases.is_empty() {
        value_row(ui, "Codebases in it", &look.codebases.join("\n"));
    }
    if let Some(refusal) = &look.refusal {
        alert(ui, &super::sentence(&refusal.message), &super::sentence(&refusal.reason));
    }
    if look.already {
        quiet(ui, "This package is in the library already.");
    }
}

impl Dialog for NewDownload {
    fn topic(&self) -> Topic {
        Topic::NewDownload
    }

    fn title(&self) -> String {
        "New download".to_owned()
    }

    fn width(&self) -> f32 {
        600.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        text(
            ui,
            "The address of a package, of its snapshot.meta4, of a metalink, or a file on this computer.",
        );
        let field = path_row(ui, "Address or file", &mut self.address, Browse::File, env.is_new, actions);
        if matches!(actions.last(), Some(Action::Browse(Browse::File))) {
            self.chooses_folder = false;
        }
        let entered = field.lost_focus();
        let is_given = std::mem::take(&mut self.is_chosen) || env.is_new && !self.address.trim().is_empty();
        if (entered || is_given) && !self.is_current() {
            // The first Enter shows what is offered, the next one takes it.
            ui.input_mut(|input| input.consume_key(egui::Modifiers::NONE, egui::Key::Enter));
            self.start_looking(actions);
        }
        self.folder_ui(ui, actions);
        field_row(ui, "More codebases", |ui| {
            let field = TextEdit::multiline(&mut self.codebases)
                .hint_text("one address a line")
                .desired_rows(2)
                .desired_width(f32::INFINITY);
            ui.add(field);
        });
        limit_row(ui, &mut self.limit);
        field_row(ui, "When it is ready", |ui| {
            ui.checkbox(&mut self.register, "Register it in this library");
        });
        self.sign_in_ui(ui);
        ui.separator();
        // So high that nothing moves under the pointer when the answer comes.
        ui.scope(|ui| {
            ui.set_min_height(OFFER_HEIGHT);
            self.look_ui(ui);
        });
        if self.offers_older() {
            ui.checkbox(&mut self.allow_older, ALLOW_OLDER);
        }
        let folder = self.folder();
        let refused = if self.address.trim().is_empty() {
            Some("Give an address or a file".to_owned())
        } else if let Err(why) = folder {
            Some(why.to_owned())
        } else {
            let refusal = self.found().and_then(|look| look.refusal.as_ref());
            // The box above was ticked.
            let refusal = refusal.filter(|refusal| !(refusal.code == OLDER && self.allow_older));
            refusal.map(|refusal| super::sentence(&refusal.message))
        };
        if self.goes_on && self.found().is_some() && refused.is_none() {
            self.goes_on = false;
            return self.go_on(folder.unwrap_or_default(), actions);
        }
        buttons_ui(ui, |ui| {
            if default_button(ui, "Download", refused.as_deref(), false) {
                return self.go_on(folder.unwrap_or_default(), actions);
            }
            let stale = (!self.is_current() || matches!(self.look, Look::Failed(..)))
                && !self.address.trim().is_empty();
            let failed = self.is_current() && matches!(self.look, Look::Failed(..));
            let look = if failed { "Look again" } else { "Look" };
            if stale && plain_button(ui, look) {
                self.start_looking(actions);
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        match delivery {
            Delivery::Path(path) if std::mem::take(&mut self.chooses_folder) => {
                self.folder = path.display().to_string();
            }
            Delivery::Path(path) => {
                self.address = path.display().to_string();
                self.look = Look::Not;
                self.is_chosen = true;
            }
            Delivery::Offer(address, result) if matches!(&self.look, Look::Looking(of) if of == address) => {
                self.look = match result {
                    Ok(look) => Look::Found((*address).to_owned(), Box::new((*look).clone())),
                    Err(failure) => {
                        self.goes_on = false;
                        Look::Failed((*address).to_owned(), failure.clone())
                    }
                };
            }
            _ => {}
        }
    }
}
