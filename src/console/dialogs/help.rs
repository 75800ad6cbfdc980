//! Help: finding a command by its name, all keys, and what this program is.

use egui::{Align, Key, Layout, RichText, ScrollArea, TextEdit, Ui, vec2};

use super::{Delivery, Dialog, Env, Needs, Next, buttons_ui, default_button, plain_button, quiet};
use crate::console::action::Action;
use crate::console::command::{Command, Scope};
use crate::console::format;
use crate::console::help::Topic;
use crate::console::shell::{Entry, Menu, key_text};
use crate::console::theme::semibold;
use crate::console::tokens::Tokens;
use crate::console::widgets::button::link;
use crate::console::widgets::field_row::value_row;
use crate::package::PackageId;
use crate::session::LibraryInfo;

/// What the commands of a palette are carried out on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaletteFor {
    /// What is selected in the window of the program.
    Selection,
    /// The package whose window has the keyboard, by its title.
    Package(PackageId, String),
    /// The packages whose window has the keyboard.
    Several(Vec<PackageId>),
}

/// Finds a command by its name.
pub struct Palette {
    target: PaletteFor,
    entries: Vec<(String, Entry<Command>)>,
    typed: String,
    at: usize,
}

impl Palette {
    /// Every command of the menus, with its menu; greyed ones with the reason.
    pub fn new(menus: Vec<Menu<Command>>, scope: &Scope, target: PaletteFor) -> Self {
        let mut entries = Vec::new();
        for menu in menus {
            for mut entry in menu.groups.into_iter().flatten() {
                if entry.command == Command::Palette {
                    continue;
                }
                entry.refused = scope.refusal(entry.command).map(str::to_owned);
                entries.push((menu.title.clone(), entry));
            }
        }
        Self { target, entries, typed: String::new(), at: 0 }
    }

    /// Which entries fit what was typed. First those whose name begins so, then those with a word that does, then
    /// those that have it anywhere; what can be used now before what cannot.
    fn fitting(&self) -> Vec<usize> {
        let typed = self.typed.trim().to_lowercase();
        let words: Vec<&str> = typed.split_whitespace().collect();
        let mut fitting: Vec<(u8, bool, usize)> = self
            .entries
            .iter()
            .enumerate()
            .filter_map(|(at, (menu, entry))| {
                let name = entry.text.to_lowercase();
                let whole = format!("{name} {} {}", menu.to_lowercase(), entry.hover.to_lowercase());
                let rank = match () {
                    () if name.starts_with(&typed) => 0,
                    () if name.split_whitespace().any(|word| word.starts_with(&typed)) => 1,
                    () if words.iter().all(|word| name.contains(word)) => 2,
                    () if words.iter().all(|word| whole.contains(word)) => 3,
                    () => return None,
                };
                Some((rank, entry.refused.is_some(), at))
            })
            .collect();
        fitting.sort_unstable();
        fitting.into_iter().map(|(.., at)| at).collect()
    }
}

impl Dialog for Palette {
    fn title(&self) -> String {
        match &self.target {
            PaletteFor::Selection => "Find a command".to_owned(),
            PaletteFor::Package(_, title) => format!("Find a command for {title}"),
            PaletteFor::Several(packages) => {
                format!("Find a command for {} packages", format::thousands(packages.len() as u64))
            }
        }
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        let (down, up) = ui.input_mut(|input| {
            let none = egui::Modifiers::NONE;
            (input.consume_key(none, Key::ArrowDown), input.consume_key(none, Key::ArrowUp))
        });
        ui.name_inputs("Command", |ui| {
            let field = TextEdit::singleline(&mut self.typed)
                .desired_width(f32::INFINITY)
                .align(egui::Align2::LEFT_CENTER);
            let response = ui.add(field);
            if env.is_new {
                response.request_focus();
            }
            if response.changed() {
                self.at = 0;
            }
        });
        let fitting = self.fitting();
        let last = fitting.len().saturating_sub(1);
        self.at = match (down, up) {
            (true, _) => (self.at + 1).min(last),
            (_, true) => self.at.saturating_sub(1),
            _ => self.at.min(last),
        };
        let mut chosen = ui.input(|input| input.key_pressed(Key::Enter)).then_some(self.at);
        let tokens = Tokens::of(ui);
        ScrollArea::vertical().max_height(330.0).min_scrolled_height(330.0).auto_shrink([false, false]).show(
            ui,
            |ui| {
                ui.spacing_mut().item_spacing.y = 0.0;
                for (row, at) in fitting.iter().enumerate() {
                    let (menu, entry) = &self.entries[*at];
                    let response = palette_row_ui(ui, menu, entry, row == self.at);
                    if row == self.at && (down || up) {
                        response.scroll_to_me(None);
                    }
                    if response.clicked() {
                        chosen = Some(row);
                    }
                }
                if fitting.is_empty() {
                    ui.label(RichText::new("No command has that in its name").color(tokens.secondary));
                }
            },
        );
        let entry = fitting.get(self.at).map(|at| &self.entries[*at].1);
        let hint = entry.map_or("", |entry| entry.refused.as_deref().unwrap_or(&entry.hover));
        quiet(ui, if hint.is_empty() { " " } else { hint });
        let entry = chosen.and_then(|row| fitting.get(row)).map(|at| &self.entries[*at].1);
        if let Some(entry) = entry.filter(|entry| entry.refused.is_none()) {
            actions.push(match &self.target {
                PaletteFor::Selection => Action::Run(entry.command),
                PaletteFor::Package(id, _) => Action::RunOn(entry.command, *id),
                PaletteFor::Several(packages) => Action::RunOnSeveral(entry.command, packages.clone()),
            });
            return Next::Close;
        }
        Next::Stay
    }
}

fn palette_row_ui(ui: &mut Ui, menu: &str, entry: &Entry<Command>, selected: bool) -> egui::Response {
    let tokens = Tokens::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 26.0), egui::Sense::CLICK);
    let enabled = entry.refused.is_none();
    response.widget_info(|| {
        egui::WidgetInfo::selected(
            egui::Role::ListBoxOption,
            enabled,
            selected,
            format!("{menu}: {}", entry.text),
        )
    });
    if selected || response.hovered() {
        ui.painter().rect_filled(rect, 4.0, if selected { tokens.selected } else { tokens.hover });
    }
    let mut row = ui.new_child(
        egui::UiBuilder::new()
            .max_rect(rect.shrink2(vec2(8.0, 0.0)))
            .layout(Layout::left_to_right(Align::Center)),
    );
    let text = |text: &str, colour| egui::Label::new(RichText::new(text).color(colour)).selectable(false);
    row.add(text(&entry.text, if enabled { tokens.text } else { tokens.disabled }));
    row.add(text(menu, if enabled { tokens.secondary } else { tokens.disabled }));
    if let Some(shortcut) = &entry.shortcut {
        let shown = key_text(ui.ctx(), shortcut);
        row.with_layout(Layout::right_to_left(Align::Center), |row| {
            row.add(text(&shown, if enabled { tokens.secondary } else { tokens.disabled }));
        });
    }
    response
}

/// A short text about what is focused, and where to go from there.
pub struct Help {
    topic: Topic,
}

impl Help {
    /// About this.
    pub fn new(topic: Topic) -> Self {
        Self { topic }
    }
}

impl Dialog for Help {
    fn topic(&self) -> Topic {
        self.topic
    }

    fn title(&self) -> String {
        format!("Help: {}", self.topic.title())
    }

    fn width(&self) -> f32 {
        560.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        for paragraph in self.topic.text() {
            super::text(ui, paragraph);
        }
        let mut next = Next::Stay;
        let mut go = |command: Command, actions: &mut Vec<Action>| {
            actions.push(Action::Run(command));
            next = Next::Close;
        };
        if !self.topic.next().is_empty() {
            ui.horizontal_wrapped(|ui| {
                ui.label(RichText::new("From here:").color(Tokens::of(ui).secondary));
                for command in self.topic.next() {
                    if link(ui, &command.entry().text).clicked() {
                        go(*command, actions);
                    }
                }
            });
        }
        let closed = buttons_ui(ui, |ui| {
            let close = default_button(ui, "Close", None, env.is_new);
            if plain_button(ui, "Keyboard shortcuts") {
                go(Command::Shortcuts, actions);
            }
            close
        });
        if closed { Next::Close } else { next }
    }
}

/// All keys, by menu; then those that belong to lists and property windows.
pub struct Shortcuts {
    groups: Vec<(String, Vec<(String, String)>)>,
}

impl Shortcuts {
    /// Of these menus, as the system writes keys.
    pub fn new(ctx: &egui::Context, menus: &[Menu<Command>]) -> Self {
        let mut groups = Vec::new();
        for menu in menus {
            let keys: Vec<(String, String)> = menu
                .groups
                .iter()
                .flatten()
                .filter_map(|entry| Some((entry.text.clone(), key_text(ctx, &entry.shortcut?))))
                .collect();
            if !keys.is_empty() {
                groups.push((menu.title.clone(), keys));
            }
        }
        let pairs = |list: &[(&str, &str)]| {
            list.iter().map(|(what, key)| ((*what).to_owned(), (*key).to_owned())).collect()
        };
        groups.push((
            "Window".to_owned(),
            pairs(&[
                ("Next area, area before", "F6, Shift+F6"),
                ("Keyboard shortcuts", "?"),
                ("Drop a dragged package nowhere", "Esc"),
            ]),
        ));
        groups.push((
            "Lists".to_owned(),
            pairs(&[
                ("Properties", "Enter"),
                ("Select or clear a row", "Space"),
                ("Select all", "Ctrl+A"),
                ("Extend the selection", "Shift+arrows"),
                ("Jump to a name", "type its letters"),
                ("Context menu", "Shift+F10"),
            ]),
        ));
        groups.push((
            "Property windows".to_owned(),
            pairs(&[
                ("Next tab, tab before", "Ctrl+Tab, Ctrl+Shift+Tab"),
                ("Quick check, deep check", "F5, Shift+F5"),
                ("Rename a file", "F2"),
                ("Remove a file", "Delete"),
                ("Close", "Esc"),
            ]),
        ));
        Self { groups }
    }
}

impl Dialog for Shortcuts {
    fn title(&self) -> String {
        "Keyboard shortcuts".to_owned()
    }

    fn width(&self) -> f32 {
        720.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, _actions: &mut Vec<Action>) -> Next {
        let height = (ui.ctx().content_rect().height() - 180.0).clamp(160.0, 520.0);
        ScrollArea::vertical().max_height(height).auto_shrink([false, true]).show(ui, |ui| {
            ui.spacing_mut().item_spacing.x = 28.0;
            ui.columns(2, |columns| {
                let rows: usize = self.groups.iter().map(|(_, keys)| keys.len() + 2).sum();
                let mut used = 0;
                for (title, keys) in &self.groups {
                    let ui = &mut columns[usize::from(used * 2 >= rows)];
                    used += keys.len() + 2;
                    ui.spacing_mut().item_spacing = vec2(8.0, 3.0);
                    ui.label(RichText::new(title).font(semibold(13.0)));
                    for (what, key) in keys {
                        ui.horizontal(|ui| {
                            ui.label(what.trim_end_matches('…'));
                            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                                ui.label(RichText::new(key).color(Tokens::of(ui).secondary));
                            });
                        });
                    }
                    ui.add_space(10.0);
                }
            });
        });
        buttons_ui(
            ui,
            |ui| {
                if default_button(ui, "Close", None, env.is_new) { Next::Close } else { Next::Stay }
            },
        )
    }
}

/// What this program is, and where its things lie.
pub struct About {
    lines: Vec<(&'static str, String)>,
    info: Option<LibraryInfo>,
}

impl About {
    /// With lines about the program; those about the library come when they were read.
    pub fn new(lines: Vec<(&'static str, String)>) -> Self {
        Self { lines, info: None }
    }

    fn all(&self) -> Vec<(&'static str, String)> {
        let mut lines = self.lines.clone();
        if let Some(info) = &self.info {
            let packages = format!("{} open, {} sealed, {} archived", info.open, info.sealed, info.archived);
            lines.push(("Packages", packages));
            lines.push(("Files", format::thousands(info.files)));
            lines.push(("Size", format::exact_size(info.size_bytes)));
            lines.push(("Library database", format::exact_size(info.database_bytes)));
            lines.push(("Library id", info.id.clone()));
        }
        lines
    }
}

impl Dialog for About {
    fn needs(&self) -> Needs {
        Needs { info: true, ..Needs::default() }
    }

    fn title(&self) -> String {
        "Packhouse".to_owned()
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        quiet(ui, "A library of software packages that proves that none of them has changed.");
        ui.scope(|ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            for (label, value) in self.all() {
                value_row(ui, label, &value);
            }
        });
        buttons_ui(ui, |ui| {
            if default_button(ui, "Close", None, env.is_new) {
                return Next::Close;
            }
            if plain_button(ui, "Copy diagnostics") {
                let lines: Vec<String> =
                    self.all().into_iter().map(|(label, value)| format!("{label}: {value}")).collect();
                actions.push(Action::Copy(lines.join("\n")));
            }
            Next::Stay
        })
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        if let Delivery::Info(info) = delivery {
            self.info = Some((*info).clone());
        }
    }
}
