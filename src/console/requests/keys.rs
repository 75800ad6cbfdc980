//! Work on keys: made, backed up, imported, trusted, retired.

use std::collections::BTreeMap;

use crate::console::action::{Action, AfterTrust, KeyAction};
use crate::console::app::App;
use crate::console::command::Command;
use crate::console::dialogs::keys as dialogs;
use crate::console::pages::downloads::DownloadAction;
use crate::console::tasks::Show;
use crate::failure::{Class, Failure};
use crate::session::{
    CountKeyUses, CreateKey, DistrustKey, ExportKey, ImportKey, KeyInfo, ListKeys, Passphrase, ReadKey,
    RetireKey, Session, TrustKey,
};
use crate::work::Work;

impl App {
    /// Reads the keys for their page.
    pub(in crate::console) fn read_keys(&mut self) {
        self.keys_page.is_reading = true;
        self.keys_page.is_old = false;
        let Some(session) = self.session().cloned() else { return };
        let run = move |work: &Work| {
            let keys = session.run(ListKeys {}, work)?;
            Ok((keys, session.run(CountKeyUses {}, work)?))
        };
        self.tasks.start(&self.ctx, "", Show::Nothing, run, |app, result| {
            app.keys_page.is_reading = false;
            match result {
                Ok((keys, used)) => app.keys_page.set_keys(keys, used),
                Err(failure) => {
                    app.keys_page.set_keys(Vec::new(), BTreeMap::new());
                    app.tell(failure);
                }
            }
        });
    }

    /// Asks what a command on keys needs to know.
    pub(in crate::console) fn ask_about_keys(&mut self, command: Command) {
        let selected = self.keys_page.selected().cloned();
        match (command, selected) {
            (Command::CreateKey, _) => self.put_in_front(Box::new(dialogs::CreateKey::default())),
            (Command::ImportKey, _) => self.put_in_front(Box::new(dialogs::ImportKey::default())),
            (Command::TrustKey, _) => self.put_in_front(Box::new(dialogs::TrustKey::default())),
            (Command::BackUpKey, Some(key)) => self.put_in_front(Box::new(dialogs::BackUp::new(key))),
            (Command::ForgetKey, Some(key)) => self.put_in_front(Box::new(dialogs::ForgetKey::new(key))),
            (Command::CopyKey, Some(key)) => self.perform(Action::Copy(key.public)),
            // Without a key they are greyed.
            _ => {}
        }
    }

    /// Carries out an action on keys.
    pub(in crate::console) fn work_on_keys(&mut self, action: KeyAction) {
        let Some(session) = self.session().cloned() else { return };
        let title = match &action {
            KeyAction::Create(name) => format!("Making the key {name}"),
            KeyAction::BackUp { name, .. } => format!("Saving a backup of {name}"),
            KeyAction::Import { name, .. } => format!("Importing the key {name}"),
            KeyAction::Trust { name, .. } => format!("Trusting {name}"),
            KeyAction::Retire(name) => format!("Retiring {name}"),
            KeyAction::Distrust(name) => format!("Distrusting {name}"),
        };
        let then = match &action {
            KeyAction::Trust { then, .. } => then.clone(),
            _ => None,
        };
        let run = move |work: &Work| carry_out(&session, work, action);
        self.tasks.start(&self.ctx, title, Show::Row, run, |app, result| {
            app.keys_page.is_old = true;
            match (result, then) {
                (Ok(_), Some(AfterTrust::Restore(source))) => app.perform(Action::Restore(source)),
                (Ok(_), Some(AfterTrust::Download(request))) => {
                    app.perform(Action::Download(DownloadAction::Add(request)));
                }
                (result, _) => app.tell_if_failed(result),
            }
        });
    }
}

fn carry_out(session: &Session, work: &Work, action: KeyAction) -> Result<KeyInfo, Failure> {
    match action {
        KeyAction::Create(name) => session.run(CreateKey { name }, work),
        KeyAction::BackUp { name, to, passphrase } => {
            session.run(ExportKey { name, to, passphrase: Passphrase(passphrase) }, work)
        }
        KeyAction::Import { from, name, passphrase } => {
            session.run(ImportKey { from, name, passphrase: Passphrase(passphrase) }, work)
        }
        KeyAction::Trust { key, name, ending, uses, wanted, .. } => {
            let found = session.run(ReadKey { key: key.clone() }, work)?;
            if !wanted.is_empty() && found.key_id != wanted {
                let message = format!("this is not the key {wanted} that signed the seal");
                let action = "Ask for the key whose fingerprint the seal names; nothing was trusted";
                return Err(Failure::new("fingerprint-differs", Class::Refused, message, action)
                    .because(format!("its fingerprint is {}", found.key_id)));
            }
            if !found.key_id.ends_with(&ending) {
                let message = format!("the fingerprint of this key does not end in {ending}");
                let action = "Ask the owner of the key for its fingerprint again; nothing was trusted";
                return Err(Failure::new("fingerprint-differs", Class::Refused, message, action)
                    .because(format!("its fingerprint is {}", found.key_id)));
            }
            session.run(TrustKey { key, name: Some(name), uses }, work)
        }
        KeyAction::Retire(name) => session.run(RetireKey { name }, work),
        KeyAction::Distrust(name) => session.run(DistrustKey { name }, work),
    }
}
