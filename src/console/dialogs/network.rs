//! How downloads reach the network: the proxy, the sign-in there, and certificates that are trusted beside those of the
//! system.

use egui::{TextEdit, Ui};

use super::{
    Delivery, Dialog, Env, Next, buttons_ui, default_button, path_row, plain_button, quiet, secret_row,
};
use crate::console::action::{Action, Browse};
use crate::console::widgets::field_row::labelled_row;
use crate::session::{NetworkSetting, ProxyChoice};

/// Asks how.
pub struct ChooseNetwork {
    setting: NetworkSetting,
    /// A password is kept for this user at this address.
    kept_for: Option<(String, String)>,
    environment: Option<String>,
}

impl ChooseNetwork {
    /// Begins with what is chosen now; `environment` is the proxy that the environment names.
    pub fn new(setting: NetworkSetting, has_password: bool, environment: Option<String>) -> Self {
        let kept_for = has_password.then(|| (setting.address.clone(), setting.user.clone()));
        Self { setting, kept_for, environment }
    }

    /// Whether the password that is kept still is the one that is meant.
    fn keeps_password(&self) -> bool {
        let setting = &self.setting;
        let same = |(address, user): &(String, String)| {
            *address == setting.address.trim() && *user == setting.user.trim()
        };
        setting.password.is_empty() && self.kept_for.as_ref().is_some_and(same)
    }
}

impl Dialog for ChooseNetwork {
    fn title(&self) -> String {
        "Network".to_owned()
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        let environment = match &self.environment {
            Some(proxy) => format!("The proxy that the environment names ({proxy})"),
            None => "The proxy that the environment names (it names none)".to_owned(),
        };
        ui.radio_value(&mut self.setting.proxy, ProxyChoice::Environment, environment);
        ui.radio_value(&mut self.setting.proxy, ProxyChoice::None, "No proxy");
        ui.radio_value(&mut self.setting.proxy, ProxyChoice::Address, "This proxy");
        if self.setting.proxy == ProxyChoice::Address {
            let mut line = |label: &str, text: &mut String, hint: &str| {
                labelled_row(ui, label, |ui, id| {
                    let field = TextEdit::singleline(text).hint_text(hint).desired_width(f32::INFINITY);
                    ui.add(field.align(egui::Align2::LEFT_CENTER)).labelled_by(id)
                });
            };
            line("Address", &mut self.setting.address, "http://proxy.example:3128");
            line("User", &mut self.setting.user, "where it asks for one");
            secret_row(ui, "Password", &mut self.setting.password);
            let text = if self.keeps_password() {
                "The password is kept in secure storage; leave the field empty to keep it."
            } else {
                "The password is kept in secure storage, for you alone."
            };
            quiet(ui, text);
        }
        path_row(ui, "Certificates", &mut self.setting.certificates, Browse::File, env.is_new, actions);
        quiet(
            ui,
            "A file of root certificates (PEM) that are trusted beside those of the system. Empty for none. Downloads \
             that run go on in the new way at once.",
        );
        let refused = self.setting.problem();
        buttons_ui(ui, |ui| {
            if default_button(ui, "Use", refused, false) {
                let keeps_password = self.keeps_password();
                let mut setting = self.setting.clone();
                for text in [&mut setting.address, &mut setting.user, &mut setting.certificates] {
                    *text = text.trim().to_owned();
                }
                actions.push(Action::SetNetwork(setting, keeps_password));
                return Next::Close;
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        if let Delivery::Path(path) = delivery {
            self.setting.certificates = path.display().to_string();
        }
    }
}
