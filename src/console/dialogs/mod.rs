//! Dialogs: a question in front of everything else, one at a time.
//!
//! Each is a value that draws itself and sends actions. What it needs from the library arrives as a [`Delivery`].

pub mod add;
pub mod archive;
pub mod closing;
pub mod columns;
pub mod compare;
pub mod computers;
pub mod download;
pub mod failure;
pub mod files;
pub mod folders;
pub mod groups;
pub mod help;
pub mod items;
pub mod job_wizard;
pub mod jobs;
pub mod keys;
pub mod library;
pub mod moving;
pub mod network;
pub mod note;
pub mod place_field;
pub mod procedure;
pub mod question;
pub mod refused;
pub mod remove;
pub mod repair;
pub mod same_exists;
pub mod seal;
pub mod several;
pub mod staging;
pub mod try_here;
pub mod unsaved;
pub mod unseal;
pub mod views;
pub mod whereabouts;

use std::path::{Path, PathBuf};

use egui::{Align, Frame, Id, Label, Layout, Margin, Modal, Response, RichText, ScrollArea, TextEdit, Ui};

use super::action::{Action, Browse};
use super::format;
use super::help::Topic;
use super::pages::computers::Known;
use super::pages::packages::Moment;
use super::tokens::Tokens;
use super::widgets::button::{button, button_unless, primary_button_unless};
use super::widgets::field_row::field_row;
use crate::failure::Failure;
use crate::package::record::PackageId;
use crate::package::staging::StagingId;
use crate::session::{
    Contents, FolderLook, Import, KeptPackages, KeyInfo, LibraryInfo, NewToken, OfferLook, PackageDetails,
    PlaceLook, Preflight, SourceComparison, SourcePreview, StagingReach, View, Whereabouts,
};

/// What a dialog may look at.
pub struct Env<'a> {
    /// The library.
    pub view: &'a View,
    /// The clock.
    pub moment: Moment<'a>,
    /// Whether this is the first frame of the dialog.
    pub is_new: bool,
}

/// Something a dialog waits for.
pub enum Delivery<'a> {
    /// What was chosen in a native dialog.
    Path(PathBuf),
    /// What was chosen in a native dialog that takes several.
    Paths(&'a [PathBuf]),
    /// What these sources hold, or why that cannot be said.
    Counted(&'a [PathBuf], &'a Result<SourcePreview, Failure>),
    /// The files of the package.
    Contents(&'a Contents),
    /// The last reasons.
    Reasons(&'a [String]),
    /// The keys.
    Keys(&'a [KeyInfo]),
    /// Everything about the package.
    Details(&'a PackageDetails),
    /// How the source compares with this package.
    Compared(PackageId, &'a SourceComparison),
    /// Facts about the library.
    Info(&'a LibraryInfo),
    /// What is in this folder.
    Looked(&'a Path, &'a FolderLook),
    /// What these places have of what a repair needs.
    Places(&'a [PlaceLook]),
    /// Where the package could be repaired from.
    KnownPlaces(&'a [String]),
    /// What lies at this address, or why that cannot be said.
    Offer(&'a str, &'a Result<OfferLook, Failure>),
    /// The text of this table of computers and what it says, or why it cannot be read.
    Table(&'a Path, &'a Result<(String, Import), Failure>),
    /// The computers, as they were just read.
    Computers(&'a Known),
    /// What agents keep, or why that cannot be said.
    Kept(&'a Result<KeptPackages, Failure>),
    /// A token for an enrolment, or why there is none.
    Token(&'a Result<NewToken, Failure>),
    /// Where these packages are, or why that cannot be said.
    Whereabouts(&'a Result<Vec<(PackageId, Whereabouts)>, Failure>),
    /// What would come of a job, or why that cannot be said.
    Preflight(&'a Result<Preflight, Failure>),
    /// How packages are in this staging library, or why that cannot be said.
    StagingLooks(StagingId, &'a Result<staging::StagingLooks, Failure>),
    /// How a staging library answered that is not kept yet.
    StagingTrial(&'a Result<StagingReach, Failure>),
}

/// What becomes of a dialog after a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It stays.
    Stay,
    /// It goes.
    Close,
}

/// What a dialog waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The last reasons.
    pub reasons: bool,
    /// All keys.
    pub keys: bool,
    /// Everything about this package.
    pub details: Option<PackageId>,
    /// Facts about the library.
    pub info: bool,
    /// The files of this package.
    pub contents: Option<PackageId>,
    /// Where this package could be repaired from.
    pub places: Option<PackageId>,
    /// Where these packages are.
    pub whereabouts: Vec<PackageId>,
}

/// A dialog.
pub trait Dialog {
    /// What it waits for.
    fn needs(&self) -> Needs {
        Needs::default()
    }

    /// The first line.
    fn title(&self) -> String;
    /// Width in points.
    fn width(&self) -> f32 {
        500.0
    }
    /// Draws it.
    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next;
    /// What F1 tells of.
    fn topic(&self) -> Topic {
        Topic::Dialog
    }
    /// What Esc does.
    fn escape(&mut self, _actions: &mut Vec<Action>) {}
    /// Takes what it waited for.
    fn receive(&mut self, _delivery: &Delivery<'_>) {}
}

/// Whether Esc is pressed for the dialog in front: an open list of choices closes first. Asked before anything is drawn,
/// so that nothing is behind a dialog any more when the frame ends, and the next key reaches what it was in front of.
pub fn takes_escape(ctx: &egui::Context) -> bool {
    !egui::Popup::is_any_open(ctx)
        && ctx.input_mut(|input| input.consume_key(egui::Modifiers::NONE, egui::Key::Escape))
}

/// Shows the dialog in front; returns whether it goes.
pub fn dialog_ui(
    ctx: &egui::Context,
    dialog: &mut dyn Dialog,
    env: &Env<'_>,
    actions: &mut Vec<Action>,
) -> Next {
    let window = ctx.content_rect();
    let width = dialog.width().min(window.width() - 40.0);
    let frame = Frame::window(&ctx.global_style()).inner_margin(Margin::same(18));
    let shown = Modal::new(Id::unique("dialog")).frame(frame).show(ctx, |ui| {
        ui.set_width(width);
        ui.spacing_mut().item_spacing.y = 9.0;
        ui.add(Label::new(RichText::new(dialog.title()).heading()).wrap());
        dialog.ui(ui, env, actions)
    });
    let title = dialog.title();
    let rect = shown.response.rect;
    ctx.accesskit_node_builder(shown.response.id, |node| {
        let (min, max) = (rect.min.to_vec2(), rect.max.to_vec2());
        node.set_bounds(egui::accesskit::Rect {
            x0: min.x.into(),
            y0: min.y.into(),
            x1: max.x.into(),
            y1: max.y.into(),
        });
        node.set_role(egui::accesskit::Role::Dialog);
        node.set_label(title);
        node.set_modal();
    });
    shown.inner
}

/// A fragment from the engine as a sentence: first letter large, unless it is that of an address or a file name.
pub fn sentence(fragment: &str) -> String {
    if fragment.split(' ').next().is_some_and(|word| word.contains(['/', '.'])) {
        return fragment.to_owned();
    }
    let mut letters = fragment.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// Text that runs over several lines.
pub(super) fn text(ui: &mut Ui, text: &str) {
    ui.add(Label::new(text).wrap());
}

/// The same in the quieter colour.
pub(super) fn quiet(ui: &mut Ui, text: &str) {
    let colour = Tokens::of(ui).secondary;
    ui.add(Label::new(RichText::new(text).color(colour)).wrap());
}

/// How many lines of a list are seen before it scrolls.
const SHOWN: usize = 8;

/// Has the bars of scroll areas seen at all times: that there is more is not found out by chance.
pub(crate) fn show_scroll_bar(ui: &mut Ui) {
    let mut scroll = egui::style::ScrollStyle::thin();
    scroll.dormant_handle_opacity = 0.8;
    scroll.foreground_color = true;
    ui.spacing_mut().scroll = scroll;
}

/// A list that scrolls, in a box; nothing if it is empty.
pub fn problem_list_ui(ui: &mut Ui, name: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let tokens = Tokens::of(ui);
    let frame = Frame::new().fill(tokens.ground).corner_radius(4).inner_margin(Margin::symmetric(10, 6));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        let height = ui.text_style_height(&egui::TextStyle::Body);
        ui.spacing_mut().item_spacing.y = 3.0;
        show_scroll_bar(ui);
        ScrollArea::vertical()
            .id_salt(name)
            .max_height(SHOWN as f32 * (height + 3.0))
            .auto_shrink([false, true])
            .show_rows(ui, height, lines.len(), |ui, range| {
                for line in &lines[range] {
                    ui.add(Label::new(line).truncate().selectable(true));
                }
            });
        if lines.len() > SHOWN {
            quiet(ui, &format!("and {} more", format::thousands((lines.len() - SHOWN) as u64)));
        }
    });
}

/// A row of buttons at the right. `add` gets them from right to left.
pub(super) fn buttons_ui<R>(ui: &mut Ui, add: impl FnOnce(&mut Ui) -> R) -> R {
    ui.add_space(4.0);
    // A row of its own height: the layout alone would take all the height there is.
    let row = egui::vec2(ui.available_width(), super::theme::CONTROL_HEIGHT);
    ui.allocate_ui_with_layout(row, Layout::right_to_left(Align::Center), add).inner
}

/// Whether Enter was pressed and no field or button has the keyboard to take it: then it is the default's.
pub(super) fn is_enter_free(ui: &Ui) -> bool {
    ui.input(|input| input.key_pressed(egui::Key::Enter))
        && ui.memory(|memory| memory.focused().is_none())
        && !egui::Popup::is_any_open(ui.ctx())
}

/// The button that most people press, marked as the default: Enter in a field of one line presses it. The keyboard
/// starts on it if `focus`.
pub(super) fn default_button(ui: &mut Ui, label: &str, refused: Option<&str>, focus: bool) -> bool {
    let response = primary_button_unless(ui, label, None, refused);
    if focus {
        response.request_focus();
    }
    response.clicked() || refused.is_none() && is_enter_free(ui)
}

/// A button that changes nothing, marked as the default where the other one destroys; the keyboard starts on it if
/// `focus`.
pub(super) fn safe_button(ui: &mut Ui, label: &str, focus: bool) -> bool {
    default_button(ui, label, None, focus)
}

/// A plain button.
pub(super) fn plain_button(ui: &mut Ui, label: &str) -> bool {
    button(ui, label).clicked()
}

/// A plain button that can be greyed.
pub(super) fn plain_button_unless(ui: &mut Ui, label: &str, refused: Option<&str>) -> bool {
    button_unless(ui, label, None, refused).clicked()
}

/// A field for a path with the button that opens a native dialog.
pub(super) fn path_row(
    ui: &mut Ui,
    label: &str,
    path: &mut String,
    browse: Browse,
    focus: bool,
    actions: &mut Vec<Action>,
) -> Response {
    field_row(ui, label, |ui| {
        let field = TextEdit::singleline(path)
            .desired_width((ui.available_width() - 96.0).max(80.0))
            .align(egui::Align2::LEFT_CENTER);
        let response = ui.add(field);
        if focus {
            response.request_focus();
        }
        if button(ui, "Browse…").clicked() {
            actions.push(Action::Browse(browse));
        }
        response
    })
    .inner
}

/// A field whose letters are not shown.
pub(super) fn secret_row(ui: &mut Ui, label: &str, value: &mut String) {
    field_row(ui, label, |ui| {
        let field = TextEdit::singleline(value).password(true).desired_width(f32::INFINITY);
        ui.add(field.align(egui::Align2::LEFT_CENTER))
    });
}

/// A path as it was typed; why it cannot be used if it is not a whole one.
pub(super) fn whole_path(path: &str) -> Result<PathBuf, &'static str> {
    let path = PathBuf::from(path.trim());
    if path.is_absolute() { Ok(path) } else { Err("Give the whole path") }
}

/// The field for a reason, with the last ones to choose from; whether Enter was pressed in it. The keyboard stays in
/// the field then, so that Enter does not reach the default: a reason that was typed is not lost by it.
pub(super) fn reason_ui(ui: &mut Ui, reason: &mut String, last: &[String], focus: bool) -> bool {
    let entered = field_row(ui, "Reason (required)", |ui| {
        let room = if last.is_empty() { 0.0 } else { 96.0 };
        let field = TextEdit::singleline(reason)
            .desired_width((ui.available_width() - room).max(80.0))
            .align(egui::Align2::LEFT_CENTER);
        let response = ui.add(field);
        let entered = response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        if focus || entered {
            response.request_focus();
        }
        if !last.is_empty() {
            ui.menu_button("Last ones", |ui| {
                for before in last.iter().take(5) {
                    if ui.button(before.as_str()).clicked() {
                        reason.clone_from(before);
                        ui.close();
                    }
                }
            });
        }
        entered
    });
    entered.inner
}

/// Whether a reason is long enough.
pub(super) fn is_reason(reason: &str) -> bool {
    reason.trim().chars().count() >= 3
}
