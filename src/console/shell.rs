//! The frame of the main window: menu bar, tool bar, tree at the left, page in the middle, status bar.
//!
//! Gets plain data and returns the commands that were chosen. `C` is the caller's command type; one [`Entry`] holds
//! all that menu, tool bar and keys need, so they cannot drift apart.

use egui::{
    Button, CentralPanel, Frame, KeyboardShortcut, Margin, MenuBar, Panel, RichText, ScrollArea, TextEdit,
    Ui, vec2,
};

use super::areas;
use super::icons::Icon;
use super::theme::{Density, FOCUS_WIDTH};
use super::tokens::Tokens;
use super::widgets::button::{button_unless, link, primary_button_unless};
use super::widgets::tree::{TreeResponse, TreeRow, tree_ui};

/// A command as it stands in a menu or in the tool bar.
#[derive(Clone, Debug)]
pub struct Entry<C> {
    /// What is returned when it is chosen.
    pub command: C,
    /// Text; ends in `…` if a dialog follows.
    pub text: String,
    /// What it does, for the hover text.
    pub hover: String,
    /// Icon in the tool bar.
    pub icon: Option<Icon>,
    /// Its key.
    pub shortcut: Option<KeyboardShortcut>,
    /// Why it cannot be used now.
    pub refused: Option<String>,
    /// Shown with a check mark; `None` = it is not a choice.
    pub chosen: Option<bool>,
}

impl<C> Entry<C> {
    /// A command that can be used.
    pub fn new(command: C, text: impl Into<String>) -> Self {
        Self {
            command,
            text: text.into(),
            hover: String::new(),
            icon: None,
            shortcut: None,
            refused: None,
            chosen: None,
        }
    }

    /// What it does.
    pub fn hover(self, hover: impl Into<String>) -> Self {
        Self { hover: hover.into(), ..self }
    }

    /// Its icon.
    pub fn icon(self, icon: Icon) -> Self {
        Self { icon: Some(icon), ..self }
    }

    /// Its key.
    pub fn shortcut(self, shortcut: KeyboardShortcut) -> Self {
        Self { shortcut: Some(shortcut), ..self }
    }

    /// Greyed, with the reason.
    pub fn refused(self, reason: Option<impl Into<String>>) -> Self {
        Self { refused: reason.map(Into::into), ..self }
    }

    /// One of several choices.
    pub fn chosen(self, chosen: bool) -> Self {
        Self { chosen: Some(chosen), ..self }
    }
}

/// A menu of the menu bar.
#[derive(Clone, Debug)]
pub struct Menu<C> {
    /// Text.
    pub title: String,
    /// Groups of entries with a line between them.
    pub groups: Vec<Vec<Entry<C>>>,
}

/// What the frame shows.
#[derive(Clone, Debug)]
pub struct Shell<'a, C> {
    /// Menus.
    pub menus: &'a [Menu<C>],
    /// Tool bar of the page; the first entry is the primary button.
    pub tools: &'a [Entry<C>],
    /// Visible rows of the tree.
    pub tree: &'a [TreeRow<'a>],
    /// Selected row of the tree.
    pub place: Option<usize>,
    /// The context menu of a row of the tree, about the place that is selected.
    pub tree_menu: &'a [Entry<C>],
    /// Texts of the status bar, from the left.
    pub status_left: &'a [String],
    /// Texts of the status bar, from the right.
    pub status_right: &'a [String],
    /// A link after the texts at the left.
    pub status_link: Option<(&'a str, C)>,
    /// Height of rows.
    pub density: Density,
    /// Whether keys reach the commands; not while a dialog or another window has them.
    pub keys: bool,
    /// Puts the keyboard into the search field.
    pub focus_search: bool,
}

/// What was done in the frame.
#[derive(Clone, Debug)]
pub struct ShellResponse<C> {
    /// Chosen commands, from menus, tool bar and keys.
    pub commands: Vec<C>,
    /// What was done in the tree.
    pub tree: TreeResponse,
    /// Enter was pressed in the search field.
    pub search_entered: bool,
}

/// Draws the frame, and `page` in the middle. `search` is the text of the search field.
pub fn shell_ui<C: Clone>(
    ui: &mut Ui,
    shell: &Shell<'_, C>,
    search: &mut String,
    page: impl FnOnce(&mut Ui),
) -> ShellResponse<C> {
    let tokens = Tokens::of(ui);
    let mut commands = if shell.keys { shortcuts(ui, shell) } else { Vec::new() };
    let bar = |x: i8, y: i8| Frame::new().fill(tokens.panel).inner_margin(Margin::symmetric(x, y));
    Panel::top("menu").frame(bar(9, 0)).show_separator_line(false).show(ui, |ui| {
        MenuBar::new().ui(ui, |ui| {
            // egui takes every outline from a menu bar, the ring around what has the keyboard too.
            ui.visuals_mut().widgets.active.bg_stroke = egui::Stroke::new(FOCUS_WIDTH, tokens.focus);
            for menu in shell.menus {
                ui.menu_button(menu.title.as_str(), |ui| menu_ui(ui, menu, &mut commands));
            }
        });
    });
    let mut search_entered = false;
    let tools = Panel::top("tools").frame(bar(12, 7)).show(ui, |ui| {
        search_entered = tools_ui(ui, shell, search, &mut commands);
    });
    Panel::bottom("status").exact_size(24.0).frame(bar(12, 0)).show(ui, |ui| {
        status_ui(ui, shell, &mut commands);
    });
    let tree = Panel::left("tree")
        .default_size(248.0)
        .size_range(160.0..=420.0)
        .resizable(true)
        .frame(bar(6, 8))
        .show(ui, |ui| {
            ScrollArea::vertical()
                .auto_shrink(false)
                .show(ui, |ui| {
                    let height = shell.density.row_height();
                    tree_ui(ui, "Places", shell.tree, shell.place, height, |ui, _row| {
                        ui.set_min_width(190.0);
                        entries_ui(ui, shell.tree_menu, &mut commands);
                    })
                })
                .inner
        });
    let page = CentralPanel::no_frame().frame(Frame::new().fill(tokens.ground)).show(ui, page);
    if shell.keys {
        areas::keys_ui(ui, tools.response.rect, tree.response.rect, page.response.rect);
    }
    ShellResponse { commands, tree: tree.inner, search_entered }
}

fn shortcuts<C: Clone>(ui: &Ui, shell: &Shell<'_, C>) -> Vec<C> {
    let in_menus = shell.menus.iter().flat_map(|menu| menu.groups.iter().flatten());
    let mut in_menus: Vec<&Entry<C>> = in_menus.filter(|entry| entry.shortcut.is_some()).collect();
    // egui takes Ctrl+Shift+F for Ctrl+F too: the longer ones come first.
    in_menus.sort_by_key(|entry| {
        entry.shortcut.is_none_or(|shortcut| !shortcut.modifiers.shift && !shortcut.modifiers.alt)
    });
    let mut chosen = Vec::new();
    // While somebody types, keys that edit text are the field's.
    let typing = ui.ctx().text_edit_focused();
    for entry in in_menus.into_iter().filter(|entry| entry.refused.is_none()) {
        if let Some(shortcut) = &entry.shortcut
            && !(typing && edits_text(shortcut))
            && ui.input_mut(|input| input.consume_shortcut(shortcut))
        {
            chosen.push(entry.command.clone());
        }
    }
    chosen
}

fn edits_text(shortcut: &KeyboardShortcut) -> bool {
    matches!(shortcut.logical_key, egui::Key::Delete | egui::Key::Z | egui::Key::C)
}

fn menu_ui<C: Clone>(ui: &mut Ui, menu: &Menu<C>, commands: &mut Vec<C>) {
    ui.set_min_width(190.0);
    for (index, group) in menu.groups.iter().enumerate() {
        if index > 0 {
            ui.separator();
        }
        entries_ui(ui, group, commands);
    }
}

/// A key as it is written in menus and lists of keys: `Ctrl+,`, not `Ctrl+Comma`.
pub fn key_text(ctx: &egui::Context, shortcut: &KeyboardShortcut) -> String {
    ctx.format_shortcut(shortcut).replace("Comma", ",")
}

/// Entries of a menu or of a context menu.
fn entries_ui<C: Clone>(ui: &mut Ui, entries: &[Entry<C>], commands: &mut Vec<C>) {
    for entry in entries {
        let mut button = Button::new(entry.text.as_str());
        if let Some(shortcut) = &entry.shortcut {
            button = button.shortcut_text(key_text(ui.ctx(), shortcut));
        }
        if entry.chosen == Some(true) {
            button = button.selected(true);
        }
        let mut response = ui.add_enabled(entry.refused.is_none(), button);
        if let Some(reason) = &entry.refused {
            response = response.on_disabled_hover_text(reason);
        }
        if response.clicked() {
            commands.push(entry.command.clone());
            ui.close();
        }
    }
}

fn tools_ui<C: Clone>(ui: &mut Ui, shell: &Shell<'_, C>, search: &mut String, commands: &mut Vec<C>) -> bool {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        // The search field keeps its place; buttons that do not fit go into the menu at the end.
        let search_width = 270.0f32.min(ui.available_width() * 0.3);
        let end = ui.max_rect().right() - search_width - 60.0;
        let mut hidden = Vec::new();
        for (index, entry) in shell.tools.iter().enumerate() {
            if !hidden.is_empty() || ui.cursor().left() + width_of(ui, entry) > end {
                hidden.push(entry);
                continue;
            }
            let refused = entry.refused.as_deref();
            let mut response = if index == 0 {
                primary_button_unless(ui, &entry.text, entry.icon, refused)
            } else {
                button_unless(ui, &entry.text, None, refused)
            };
            if !entry.hover.is_empty() {
                response = response.on_hover_text(&entry.hover);
            }
            if response.clicked() {
                commands.push(entry.command.clone());
            }
        }
        if !hidden.is_empty() {
            ui.menu_button("»", |ui| {
                for entry in hidden {
                    let response = ui.add_enabled(entry.refused.is_none(), Button::new(entry.text.as_str()));
                    if response.clicked() {
                        commands.push(entry.command.clone());
                        ui.close();
                    }
                }
            })
            .response
            .on_hover_text("More commands");
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let field = TextEdit::singleline(search)
                .hint_text("Search names, files, hashes   Ctrl+F")
                .desired_width(search_width)
                .min_size(vec2(0.0, super::theme::CONTROL_HEIGHT))
                .align(egui::Align2::LEFT_CENTER);
            let response = ui.add(field);
            if shell.focus_search {
                response.request_focus();
            }
            super::widgets::name_field(&response, "Search");
            response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter))
        })
        .inner
    })
    .inner
}

/// Width of a tool bar button, in points.
fn width_of<C>(ui: &Ui, entry: &Entry<C>) -> f32 {
    let font = egui::TextStyle::Button.resolve(ui.style());
    let text = super::widgets::one_line(ui, &entry.text, font, Tokens::of(ui).text, f32::INFINITY);
    text.size().x + 22.0 + if entry.icon.is_some() { 22.0 } else { 0.0 }
}

fn status_ui<C: Clone>(ui: &mut Ui, shell: &Shell<'_, C>, commands: &mut Vec<C>) {
    let tokens = Tokens::of(ui);
    let text = |text: &str| RichText::new(text).small().color(tokens.secondary);
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = 20.0;
        for part in shell.status_left {
            ui.label(text(part));
        }
        if let Some((word, command)) = &shell.status_link
            && link(ui, word).clicked()
        {
            commands.push(command.clone());
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            for part in shell.status_right {
                ui.label(text(part));
            }
        });
    });
}
