//! The page *Settings*: the library, how the window looks, what dialogs begin with, what is watched. Each choice takes
//! effect at once.

use egui::{ComboBox, Frame, Margin, RichText, ScrollArea, ThemePreference, Ui};

use super::super::action::{Action, Setting};
use super::super::command::{Command, Scope};
use super::super::dialogs::folders::ChooseFolder;
use super::super::dialogs::network::ChooseNetwork;
use super::super::dialogs::seal::BLOCK_SIZES;
use super::super::format;
use super::super::preferences::{SCALES, Settings};
use super::super::theme::{Density, semibold};
use super::super::tokens::Tokens;
use super::super::widgets::button::{button, button_unless};
use super::super::widgets::chip::chip;
use super::super::widgets::field_row::{field_row, value_row};
use super::Page;
use super::library_check::{RATES, rate_word};
use crate::session::{LibraryInfo, NetworkSetting, ProxyChoice, WatchState};

/// How downloads reach the network.
pub struct Network {
    /// What is chosen, without the password.
    pub setting: NetworkSetting,
    /// Whether a password is kept.
    pub has_password: bool,
    /// The proxy that the environment names.
    pub environment: Option<String>,
}

/// What is shown.
pub struct Shown<'a> {
    /// How downloads reach the network, while a library is open.
    pub network: Option<&'a Network>,
    /// The folder of the library.
    pub library: &'a str,
    /// Facts about it, once they were read.
    pub info: Option<&'a LibraryInfo>,
    /// What can be done now.
    pub scope: &'a Scope,
    /// The folder of the keys.
    pub keys: &'a str,
    /// Dark or light.
    pub theme: ThemePreference,
    /// Height of rows.
    pub density: Density,
    /// Everything else that is kept.
    pub settings: &'a Settings,
    /// What is watched in the library.
    pub watching: WatchState,
    /// How often a library on a share is looked at.
    pub poll_minutes: u32,
    /// What happened last in each watched folder.
    pub watched: &'a [String],
}

/// Shows the page.
pub fn settings_ui(ui: &mut Ui, shown: &Shown<'_>, actions: &mut Vec<Action>) {
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        super::super::dialogs::show_scroll_bar(ui);
        Frame::new().inner_margin(Margin::symmetric(18, 14)).show(ui, |ui| {
            ui.set_max_width(760.0);
            ui.spacing_mut().item_spacing.y = 5.0;
            library_ui(ui, shown, actions);
            appearance_ui(ui, shown, actions);
            defaults_ui(ui, shown.settings, actions);
            notices_ui(ui, shown.settings, actions);
            watched_ui(ui, shown, actions);
            if let Some(network) = shown.network {
                network_ui(ui, network, shown.scope, actions);
            }
            heading(ui, "Keys");
            value_row(ui, "Folder", shown.keys);
            ui.horizontal(|ui| {
                if button(ui, "Keys…").clicked() {
                    actions.push(Action::Run(Command::Go(Page::Keys)));
                }
            });
            super::super::widgets::follow_focus(ui);
        });
    });
}

fn library_ui(ui: &mut Ui, shown: &Shown<'_>, actions: &mut Vec<Action>) {
    heading(ui, "Library");
    value_row(ui, "Folder", shown.library);
    if let Some(info) = shown.info {
        let place = info
            .network_share
            .map_or_else(|| "a disk of this computer".to_owned(), |kind| format!("a network share ({kind})"));
        value_row(ui, "Lies on", &place);
        let [open, sealed, archived] = [info.open, info.sealed, info.archived].map(format::thousands);
        value_row(ui, "Packages", &format!("{open} open, {sealed} sealed, {archived} archived"));
        let size = format!(
            "{} files, {}; {} of them here",
            format::thousands(info.files),
            format::size(info.size_bytes),
            format::size(info.present_bytes)
        );
        value_row(ui, "Files", &size);
        let database = format!(
            "{}, format {}, {} entries of History",
            format::size(info.database_bytes),
            info.format,
            format::thousands(info.history_entries)
        );
        value_row(ui, "Library database", &database);
        value_row(ui, "Library id", &info.id);
        if let Some(old) = &info.old_copy {
            value_row(ui, "Old copy", &old.display().to_string());
        }
    }
    value_row(ui, "Changes on disk", &watching(shown.watching));
    if shown.watching.polls_every.is_some() {
        field_row(ui, "Look at a share", |ui| {
            for (minutes, word) in
                [(5, "Every 5 min"), (15, "Every 15 min"), (60, "Every hour"), (24 * 60, "Once a day")]
            {
                if chip(ui, word, shown.poll_minutes == minutes).clicked() {
                    actions.push(Action::PollEvery(minutes));
                }
            }
        });
    }
    ui.horizontal(|ui| {
        for command in
            [Command::ChooseLibrary, Command::MoveLibrary, Command::DeleteOldCopy, Command::HandOver]
        {
            if command == Command::DeleteOldCopy && !shown.scope.old_copy {
                continue;
            }
            let entry = command.entry();
            if button_unless(ui, &entry.text, None, shown.scope.refusal(command)).clicked() {
                actions.push(Action::Run(command));
            }
        }
    });
}

fn appearance_ui(ui: &mut Ui, shown: &Shown<'_>, actions: &mut Vec<Action>) {
    heading(ui, "Appearance");
    field_row(ui, "Colours", |ui| {
        for (theme, word) in [
            (ThemePreference::System, "As the system has it"),
            (ThemePreference::Light, "Light"),
            (ThemePreference::Dark, "Dark"),
        ] {
            if chip(ui, word, shown.theme == theme).clicked() {
                actions.push(Action::Run(Command::Theme(theme)));
            }
        }
    });
    field_row(ui, "Rows", |ui| {
        for density in Density::ALL {
            if chip(ui, density.word(), shown.density == density).clicked() {
                actions.push(Action::Run(Command::Density(density)));
            }
        }
    });
    field_row(ui, "Size of everything", |ui| {
        for percent in SCALES {
            if chip(ui, &format!("{percent} %"), shown.settings.scale_percent == percent).clicked() {
                actions.push(Action::Set(Setting::Scale(percent)));
            }
        }
    });
}

fn notices_ui(ui: &mut Ui, settings: &Settings, actions: &mut Vec<Action>) {
    heading(ui, "Notices");
    let mut on = settings.notices;
    let text = "Tell on the desktop when a package changes while this window is in the background";
    if ui.checkbox(&mut on, text).changed() {
        actions.push(Action::Set(Setting::Notices(on)));
    }
}

fn defaults_ui(ui: &mut Ui, settings: &Settings, actions: &mut Vec<Action>) {
    heading(ui, "What dialogs begin with");
    field_row(ui, "Archive folder", |ui| {
        let folder = settings.archive_folder.as_str();
        if button(ui, "Choose folder…").clicked() {
            actions.push(Action::Ask(Box::new(ChooseFolder::for_archives(folder))));
        }
        if !folder.is_empty() && button(ui, "Forget").clicked() {
            actions.push(Action::Set(Setting::ArchiveFolder(String::new())));
        }
        let text = if folder.is_empty() { "the one that was used last" } else { folder };
        ui.add(egui::Label::new(text).selectable(true).truncate());
    });
    field_row(ui, "Block size", |ui| {
        let word = |size: Option<u64>| size.map_or_else(|| "As recorded (2.0 MiB)".to_owned(), format::size);
        let mut chosen = settings.block_size_bytes;
        ComboBox::from_id_salt("block size").width(190.0).selected_text(word(chosen)).show_ui(ui, |ui| {
            for size in std::iter::once(None).chain(BLOCK_SIZES.map(Some)) {
                ui.selectable_value(&mut chosen, size, word(size));
            }
        });
        if chosen != settings.block_size_bytes {
            actions.push(Action::Set(Setting::BlockSize(chosen)));
        }
    });
    field_row(ui, "Library check", |ui| {
        let mut chosen = settings.check_rate;
        let menu = ComboBox::from_id_salt("check rate").width(190.0).selected_text(rate_word(chosen));
        menu.show_ui(ui, |ui| {
            for rate in RATES {
                ui.selectable_value(&mut chosen, rate, rate_word(rate));
            }
        });
        if chosen != settings.check_rate {
            actions.push(Action::Set(Setting::CheckRate(chosen)));
        }
    });
}

fn watched_ui(ui: &mut Ui, shown: &Shown<'_>, actions: &mut Vec<Action>) {
    heading(ui, "Watched folders");
    let quiet = |text: &str| RichText::new(text).color(Tokens::of(ui).secondary);
    let text = quiet("Folders in them become packages by themselves while Packhouse runs, filed by System.");
    ui.add(egui::Label::new(text).wrap());
    for (folder, last) in shown.settings.watched.iter().zip(shown.watched) {
        let name = folder.display().to_string();
        ui.horizontal(|ui| {
            let stop = button(ui, "Stop watching");
            super::super::widgets::name_field(&stop, &format!("Stop watching {name}"));
            if stop.clicked() {
                actions.push(Action::Set(Setting::Unwatch(folder.clone())));
            }
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 0.0;
                ui.add(egui::Label::new(&name).selectable(true).truncate());
                let last = RichText::new(last).small().color(Tokens::of(ui).secondary);
                ui.add(egui::Label::new(last).wrap());
            });
        });
    }
    ui.horizontal(|ui| {
        if button_unless(ui, "Watch a folder…", None, shown.scope.watch_refusal()).clicked() {
            actions.push(Action::Ask(Box::new(ChooseFolder::to_watch())));
        }
    });
}

fn network_ui(ui: &mut Ui, network: &Network, scope: &Scope, actions: &mut Vec<Action>) {
    heading(ui, "Network");
    let setting = &network.setting;
    let proxy = match (setting.proxy, &network.environment) {
        (ProxyChoice::None, _) => "none".to_owned(),
        (ProxyChoice::Environment, Some(proxy)) => format!("{proxy}, as the environment says"),
        (ProxyChoice::Environment, None) => "none; the environment names none".to_owned(),
        (ProxyChoice::Address, _) if setting.user.is_empty() => setting.address.clone(),
        (ProxyChoice::Address, _) => {
            let password = if network.has_password { "with" } else { "without" };
            format!("{}, signed in as {}, {password} password", setting.address, setting.user)
        }
    };
    value_row(ui, "Proxy", &proxy);
    let certificates = match setting.certificates.as_str() {
        "" => "those that the system trusts",
        file => &format!("those that the system trusts, and {file}"),
    };
    value_row(ui, "Certificates", certificates);
    ui.horizontal(|ui| {
        if button_unless(ui, "Network…", None, scope.watch_refusal()).clicked() {
            let dialog =
                ChooseNetwork::new(setting.clone(), network.has_password, network.environment.clone());
            actions.push(Action::Ask(Box::new(dialog)));
        }
    });
}

fn heading(ui: &mut Ui, text: &str) {
    ui.add_space(8.0);
    ui.label(RichText::new(text).font(semibold(14.0)));
}

/// What stands in the status bar too, in a sentence.
fn watching(state: WatchState) -> String {
    if let Some(every) = state.polls_every {
        return format!("Polling every {} min: the library lies on a network share", every.as_secs() / 60);
    }
    match (state.works, state.watched == state.packages) {
        (false, _) => "not watched: a quick check finds them".to_owned(),
        (true, true) => "watched, in every package".to_owned(),
        (true, false) => format!(
            "watched in {} of {} packages, those on the screen first; the system allows no more",
            state.watched, state.packages
        ),
    }
}
