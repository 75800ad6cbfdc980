//! What is asked before something is downloaded that no trusted key vouches for. The words are fixed.

use egui::Ui;

use crate::console::action::{Action, AfterTrust};
use crate::console::dialogs::keys::TrustKey;
use crate::console::dialogs::{
    Delivery, Dialog, Env, Needs, Next, buttons_ui, is_reason, plain_button, plain_button_unless, reason_ui,
    safe_button, text,
};
use crate::console::help::Topic;
use crate::console::pages::downloads::DownloadAction;
use crate::session::AddDownload;

const NO_REASON: &str = "A reason has at least 3 characters";

/// "Download a package without a seal?"
pub struct Unsigned {
    request: Option<AddDownload>,
    address: String,
    reason: String,
    last: Vec<String>,
}

impl Unsigned {
    /// This download.
    pub fn new(request: AddDownload) -> Self {
        let address = request.address.clone();
        Self { request: Some(request), address, reason: String::new(), last: Vec::new() }
    }
}

impl Dialog for Unsigned {
    fn topic(&self) -> Topic {
        Topic::NewDownload
    }

    fn needs(&self) -> Needs {
        Needs { reasons: true, ..Needs::default() }
    }

    fn title(&self) -> String {
        "Download a package without a seal?".to_owned()
    }

    fn width(&self) -> f32 {
        560.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        text(
            ui,
            &format!(
                "{} is not signed. Its blocks can be checked against the list that came with them, but nobody vouches \
                 for that list. Agents will not run it until you have sealed it yourself.",
                self.address
            ),
        );
        let entered = reason_ui(ui, &mut self.reason, &self.last, env.is_new);
        let refused = (!is_reason(&self.reason)).then_some(NO_REASON);
        buttons_ui(ui, |ui| {
            if safe_button(ui, "Cancel", false) {
                return Next::Close;
            }
            let pressed = plain_button_unless(ui, "Download without a seal", refused);
            if (pressed || entered && refused.is_none())
                && let Some(request) = self.request.take()
            {
                let unsigned = Some(self.reason.trim().to_owned());
                let request = AddDownload { unsigned, ..request };
                actions.push(Action::Download(DownloadAction::Add(Box::new(request))));
                return Next::Close;
            }
            Next::Stay
        })
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        if let Delivery::Reasons(reasons) = delivery {
            self.last = reasons.to_vec();
        }
    }
}

/// "Signed by a key that is not trusted".
pub struct Unknown {
    request: Option<AddDownload>,
    key_id: String,
    reason: String,
    last: Vec<String>,
    /// *Only this download* was chosen: it wants a reason.
    only_this: bool,
    /// The keyboard goes to the reason.
    focus: bool,
}

impl Unknown {
    /// This download, sealed by this key.
    pub fn new(request: AddDownload, key_id: String) -> Self {
        Self {
            request: Some(request),
            key_id,
            reason: String::new(),
            last: Vec::new(),
            only_this: false,
            focus: false,
        }
    }
}

impl Dialog for Unknown {
    fn topic(&self) -> Topic {
        Topic::Trusting
    }

    fn needs(&self) -> Needs {
        Needs { reasons: true, ..Needs::default() }
    }

    fn title(&self) -> String {
        "Signed by a key that is not trusted".to_owned()
    }

    fn width(&self) -> f32 {
        560.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        text(
            ui,
            &format!(
                "Fingerprint {}. Compare the fingerprint with the one its owner gives you by another way.",
                self.key_id
            ),
        );
        let mut entered = false;
        if self.only_this {
            entered = reason_ui(ui, &mut self.reason, &self.last, std::mem::take(&mut self.focus));
        }
        let refused = (self.only_this && !is_reason(&self.reason)).then_some(NO_REASON);
        buttons_ui(ui, |ui| {
            if safe_button(ui, "Cancel", env.is_new) {
                return Next::Close;
            }
            if plain_button_unless(ui, "Only this download", refused) || entered && refused.is_none() {
                if !self.only_this {
                    self.only_this = true;
                    self.focus = true;
                } else if let Some(request) = self.request.take() {
                    let unknown_key = Some(self.reason.trim().to_owned());
                    let request = AddDownload { unknown_key, ..request };
                    actions.push(Action::Download(DownloadAction::Add(Box::new(request))));
                    return Next::Close;
                }
            }
            if plain_button(ui, "Trust this key…")
                && let Some(request) = self.request.take()
            {
                let then = AfterTrust::Download(Box::new(request));
                let dialog = TrustKey::of_seal(self.key_id.clone(), Some(then));
                actions.push(Action::Ask(Box::new(dialog)));
                return Next::Close;
            }
            Next::Stay
        })
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        if let Delivery::Reasons(reasons) = delivery {
            self.last = reasons.to_vec();
        }
    }
}

/// "The seal of {7-Zip 24.09} does not match".
pub struct BrokenSeal {
    title: String,
    key: Option<String>,
}

impl BrokenSeal {
    /// Of this package; signed by this key, where it says by which.
    pub fn new(title: String, key: Option<String>) -> Self {
        Self { title, key }
    }
}

impl Dialog for BrokenSeal {
    fn title(&self) -> String {
        format!("The seal of {} does not match", self.title)
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, _actions: &mut Vec<Action>) -> Next {
        let by = self.key.as_ref().map(|key| format!(" by {key}")).unwrap_or_default();
        text(
            ui,
            &format!(
                "The snapshot or the registration information was changed after signing{by}. Nothing was downloaded."
            ),
        );
        buttons_ui(ui, |ui| if safe_button(ui, "Close", env.is_new) { Next::Close } else { Next::Stay })
    }
}

/// "There are no hashes in {file}".
pub struct NoHashes {
    address: String,
}

impl NoHashes {
    /// In the metalink at this address.
    pub fn new(address: String) -> Self {
        Self { address }
    }
}

impl Dialog for NoHashes {
    fn title(&self) -> String {
        "There are no hashes".to_owned()
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, _actions: &mut Vec<Action>) -> Next {
        text(
            ui,
            &format!(
                "There are no hashes in {}. Nothing could be proven, so nothing is downloaded.",
                self.address
            ),
        );
        buttons_ui(ui, |ui| if safe_button(ui, "Close", env.is_new) { Next::Close } else { Next::Stay })
    }
}
