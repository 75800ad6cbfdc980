//! What each command of a menu, a button or a key does to what is selected. What it asks for by a dialog comes back as an
//! action.

use egui::ViewportCommand;

use super::action::Action;
use super::app::App;
use super::command::{Command, repair_refusal};
use super::dialogs::archive::{Archive, Restore};
use super::dialogs::files::{ExportHistory, FolderFor, PrintReport, SaveFolder};
use super::dialogs::groups::{MoveToGroup, NameGroup, RemoveGroup};
use super::dialogs::help::{About, Shortcuts};
use super::dialogs::library::ChooseLibrary;
use super::dialogs::refused::Differs;
use super::dialogs::remove::Remove;
use super::dialogs::seal::{NewVersion, Seal};
use super::dialogs::unseal::Unseal;
use super::pages::Place;
use super::theme;
use crate::package::CheckKind;
use crate::package::record::{PackageId, PackageSummary};

impl App {
    /// Does it; what needs a package is done to the first of those, or to all of them.
    pub(super) fn run(&mut self, command: Command, mut selected: Vec<PackageSummary>) {
        let first = selected.first().cloned();
        match (command, first) {
            (Command::Go(page), _) => self.go(page.place()),
            (Command::Palette, _) => self.show_palette(),
            (Command::Help, _) => self.show_help(),
            (Command::Shortcuts, _) => {
                let dialog = Shortcuts::new(&self.ctx, &self.menus());
                self.put_in_front(Box::new(dialog));
            }
            (Command::SeeRecovery, _) => self.see_recovery(),
            (Command::About, _) => self.put_in_front(Box::new(About::new(self.about_lines()))),
            (Command::VerifyHistory, _) => {
                self.go(Place::History);
                self.history.is_verifying = true;
                self.perform(Action::VerifyHistory);
            }
            (Command::ExportHistory, _) => {
                let dialog = ExportHistory::new(self.history.filter());
                self.put_in_front(Box::new(dialog));
            }
            (Command::PrintReport, _) => {
                let dialog = PrintReport::new(self.history.filter());
                self.put_in_front(Box::new(dialog));
            }
            (
                Command::CreateKey
                | Command::ImportKey
                | Command::TrustKey
                | Command::BackUpKey
                | Command::CopyKey
                | Command::ForgetKey,
                _,
            ) => self.ask_about_keys(command),
            (Command::MoveLibrary | Command::DeleteOldCopy | Command::HandOver, _) => {
                self.ask_about_library(command);
            }
            (Command::NewGroup, _) => self.put_in_front(Box::new(NameGroup::new())),
            (Command::RenameGroup, _) => {
                if let Place::Group(group) = self.place.clone() {
                    self.put_in_front(Box::new(NameGroup::rename(group)));
                }
            }
            (Command::RemoveGroup, _) => {
                if let Place::Group(group) = self.place.clone() {
                    let members = self.view.packages.iter().filter(|package| package.group == group).count();
                    self.put_in_front(Box::new(RemoveGroup::new(group, members)));
                }
            }
            (Command::Quit, _) => self.ctx.send_viewport_cmd(ViewportCommand::Close),
            (Command::Theme(theme), _) => {
                self.theme = theme;
                self.ctx.set_theme(theme);
            }
            (Command::Density(density), _) => {
                self.density = density;
                theme::apply_density(&self.ctx, density);
            }
            (Command::Search, _) => self.focus_search = true,
            (Command::List(command), _) => self.run_list(command),
            (Command::Download(command), _) => self.run_download(command),
            (Command::Job(command), _) => self.run_job(command, ids(&selected)),
            (Command::Computer(command), _) => self.run_computer(command),
            (Command::Staging(command), _) => self.run_staging(command, selected),
            (Command::ChooseLibrary, _) => {
                let path = self.around.library.display().to_string();
                self.put_in_front(Box::new(ChooseLibrary::new(&path, self.recent.clone())));
            }
            (Command::NewPackage, _) => self.perform(Action::NewPackage(Vec::new())),
            (Command::Undo, _) => self.take_step_back(),
            (Command::Restore, None) => self.put_in_front(Box::new(Restore::file(String::new()))),
            (Command::Restore, Some(package)) => self.put_in_front(Box::new(Restore::package(package))),
            (_, None) => {}
            (Command::Properties, Some(package)) => self.open_window(package.id),
            (Command::QuickCheck, Some(_)) => self.check(ids(&selected), CheckKind::Quick),
            (Command::DeepCheck, Some(_)) => self.check(ids(&selected), CheckKind::Deep),
            (Command::Repair, Some(_)) => {
                selected.retain(|package| repair_refusal(package).is_none());
                self.perform(Action::AskRepair(ids(&selected), false));
            }
            (Command::AcceptChanges, Some(package)) => self.read_and_ask_accept(package.id),
            (Command::MoveToGroup, Some(package)) => {
                let dialog = MoveToGroup::new(ids(&selected), package.group.to_string());
                self.put_in_front(Box::new(dialog));
            }
            (Command::Seal, Some(package)) => {
                self.put_in_front(Box::new(Seal::new(package, self.settings.block_size_bytes)))
            }
            (Command::Unseal, Some(package)) => self.put_in_front(Box::new(Unseal::new(package))),
            (Command::NewVersion, Some(package)) => self.put_in_front(Box::new(NewVersion::new(package))),
            (Command::Archive, Some(package)) if selected.len() == 1 && package.is_blocked() => {
                self.put_in_front(Box::new(Differs::new(package, "archived", None)));
            }
            (Command::Archive, Some(_)) => {
                let folder = match self.last_archive_folder.as_str() {
                    "" => self.settings.archive_folder.clone(),
                    last => last.to_owned(),
                };
                self.put_in_front(Box::new(Archive::new(selected, folder)));
            }
            (Command::Export, Some(package)) => {
                let what = FolderFor::Export(package.id, package.key.title());
                self.put_in_front(Box::new(SaveFolder::new(what)));
            }
            (Command::Remove, Some(_)) => {
                selected.sort_by(|a, b| a.key.cmp(&b.key));
                self.put_in_front(Box::new(Remove::new(selected)));
            }
        }
    }

    /// What is told about the program itself.
    fn about_lines(&self) -> Vec<(&'static str, String)> {
        let system = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
        vec![
            ("Version", env!("CARGO_PKG_VERSION").to_owned()),
            ("Licence", env!("CARGO_PKG_LICENSE").to_owned()),
            ("System", system),
            ("Library", self.around.library.display().to_string()),
            ("Keys", self.around.keys.display().to_string()),
        ]
    }
}

fn ids(packages: &[PackageSummary]) -> Vec<PackageId> {
    packages.iter().map(|package| package.id).collect()
}
