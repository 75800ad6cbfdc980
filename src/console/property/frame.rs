//! The frame of a property window, of one package or of several: its place, its size, which is kept for each kind, its
//! title, its tabs, its keys and the row of buttons.

use egui::text::{LayoutJob, TextFormat};
use egui::{Align, Context, Frame, Id, Key, Layout, Margin, Modifiers, Pos2, Rect, Ui, Vec2, Window};
use serde::{Deserialize, Serialize};

use super::Tab;
use super::contents::ContentsView;
use crate::console::icons::{self, Icon, Mark};
use crate::console::pages::packages::Moment;
use crate::console::start::{Closing, Desktop};
use crate::console::tasks::Tasks;
use crate::console::theme::{FOCUS_WIDTH, semibold};
use crate::console::tokens::{Tokens, Tone};
use crate::console::widgets::button::{button, button_unless, primary_button_unless};
use crate::console::widgets::tab_bar::{Tab as TabHead, tab_bar_ui};
use crate::console::widgets::{focused_widget, short};
use crate::package::CheckKind;

/// A window is never smaller, unless the program's window is, in points.
const LEAST: Vec2 = Vec2::new(640.0, 480.0);
/// Size of a window that was never resized, in points.
const USUAL: Vec2 = Vec2::new(920.0, 560.0);
/// Space left and right of what is in a window, in points.
const SIDE: i8 = 14;
/// Height of the row of buttons with the space above it, in points.
const BUTTONS: f32 = 44.0;

/// What is kept of property windows over a restart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    /// Tree or flat list on the tab *Contents*.
    pub contents: ContentsView,
    /// Size of the window of one package, in points.
    pub one: Option<[f32; 2]>,
    /// Size of the window of several packages, in points.
    pub several: Option<[f32; 2]>,
}

impl Kept {
    /// Without sizes that no window has.
    pub fn sane(self) -> Self {
        let sane = |size: &[f32; 2]| size.iter().all(|side| (100.0..20_000.0).contains(side));
        Self { one: self.one.filter(sane), several: self.several.filter(sane), ..self }
    }
}

/// What stands around every property window.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    /// Where it is drawn.
    pub ctx: &'a Context,
    /// The clock.
    pub moment: Moment<'a>,
    /// The work that runs.
    pub tasks: &'a Tasks,
    /// The order of the buttons.
    pub desktop: Desktop,
}

/// What is asked for by the keys, the buttons and the cross of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// To close it, after a question if anything would be lost.
    Close,
    /// To close it: there is nothing to lose.
    Discard,
    /// To carry out what was changed.
    Apply { close: bool },
    /// To check what it shows.
    Check(CheckKind),
}

/// What the title says.
pub(super) struct Title<'a> {
    pub(super) text: &'a str,
    /// The state, where there is one.
    pub(super) icon: Option<(Icon, Option<Mark>)>,
}

/// Place, size and order of a window.
pub(super) struct WindowFrame {
    /// Windows are no one's in what the desktop keeps by itself: the size of the kind counts.
    id: Id,
    /// How many windows were open before it.
    order: usize,
    start: Vec2,
    size: Option<[f32; 2]>,
    pub(super) to_front: bool,
}

/// What became of a window in a frame.
pub(super) struct Shown {
    /// The cross was pressed.
    pub(super) is_closed: bool,
    /// The pointer was pressed on it.
    pub(super) is_pressed: bool,
}

impl WindowFrame {
    /// A window of this size; `order` windows are open already.
    pub(super) fn new(order: usize, size: Option<[f32; 2]>) -> Self {
        Self {
            id: Id::unique("properties").with(uuid::Uuid::new_v4()),
            order,
            start: size.map_or(USUAL, Vec2::from),
            size: None,
            to_front: true,
        }
    }

    /// The size it has, in points, once it was shown.
    pub(super) fn size(&self) -> Option<[f32; 2]> {
        self.size
    }

    pub(super) fn show(&mut self, ctx: &Context, title: Title<'_>, content: impl FnOnce(&mut Ui)) -> Shown {
        let mut open = true;
        let tokens = Tokens::for_theme(ctx.global_style().visuals.dark_mode);
        let frame = Frame::window(&ctx.global_style()).fill(tokens.panel).inner_margin(Margin::same(0));
        // At most as large as the window around it.
        let room = ctx.content_rect().size() - Vec2::new(24.0, 60.0);
        let mut size = self.size;
        // egui writes a title in the middle: it is written below, where it belongs.
        let shown = Window::new("")
            .id(self.id)
            .open(&mut open)
            .frame(frame)
            .title_frame(Frame::new().inner_margin(Margin::symmetric(SIDE, 7)))
            .default_size(self.start.min(room))
            .default_pos(self.place_in(ctx.content_rect()))
            .min_size(LEAST.min(room))
            .max_size(room)
            .resizable(true)
            .collapsible(false)
            .show(ctx, |ui| {
                let has = ui.available_size().round();
                size = Some([has.x, has.y]);
                let body = Frame::new().inner_margin(Margin { left: SIDE, right: SIDE, top: 2, bottom: 12 });
                body.show(ui, content);
            });
        self.size = size;
        let layer = shown.as_ref().map(|shown| shown.response.layer_id);
        if let Some(layer) = layer
            && std::mem::take(&mut self.to_front)
        {
            ctx.move_to_top(layer);
        }
        // egui lets Tab stop at the title: it shall have a name there, and a ring.
        let title_bar = self.id.with("__title_click");
        ctx.accesskit_node_builder(title_bar, |node| {
            node.set_role(egui::accesskit::Role::TitleBar);
            node.set_label(format!("Title bar of {}", title.text));
        });
        let bar = ctx.read_response(title_bar).map(|bar| bar.rect);
        if let (Some(shown), Some(bar)) = (&shown, bar) {
            ctx.accesskit_node_builder(shown.response.id, |node| node.set_label(title.text));
            paint_title(ctx, shown.response.layer_id, bar, &title);
        }
        if let (Some(layer), Some(bar), Some(focused)) = (layer, bar, focused_widget(ctx))
            && focused.layer_id == layer
            && bar.y_range().contains(focused.rect.center().y)
        {
            let ring = egui::Stroke::new(FOCUS_WIDTH, tokens.focus);
            ctx.layer_painter(layer).rect_stroke(focused.rect, 5.0, ring, egui::StrokeKind::Inside);
        }
        let pressed = ctx.input(|input| input.pointer.any_pressed().then(|| input.pointer.interact_pos()));
        let is_pressed = pressed.flatten().is_some_and(|at| layer.is_some() && ctx.layer_id_at(at) == layer);
        Shown { is_closed: !open, is_pressed }
    }

    /// Where the window stands at first: a little below the middle, each one lower and further right.
    fn place_in(&self, area: Rect) -> Pos2 {
        let step = self.order as f32 * 26.0;
        let left = (area.center().x - self.start.x / 2.0 + step).max(area.left() + 8.0);
        let top = (area.center().y - self.start.y / 2.0 + 40.0 + step).max(area.top() + 40.0);
        Pos2::new(left.round(), top.round())
    }
}

/// The room of a tab, above the row of buttons.
pub(super) fn tab_area_ui(ui: &mut Ui, content: impl FnOnce(&mut Ui)) {
    let size = Vec2::new(ui.available_width(), (ui.available_height() - BUTTONS).max(80.0));
    ui.allocate_ui_with_layout(size, Layout::top_down(Align::Min), |ui| {
        ui.set_min_size(size);
        ui.set_max_size(size);
        ui.add_space(4.0);
        content(ui);
    });
}

/// Writes the title into its bar, from the left: the state, then the words.
fn paint_title(ctx: &Context, layer: egui::LayerId, bar: Rect, title: &Title<'_>) {
    let style = ctx.global_style();
    let tokens = Tokens::for_theme(style.visuals.dark_mode);
    let painter = ctx.layer_painter(layer).with_clip_rect(bar);
    let mut left = bar.left() + f32::from(SIDE);
    if let Some((icon, mark)) = title.icon {
        let centre = egui::pos2(left + icons::SIZE / 2.0, bar.center().y);
        icons::paint(&painter, centre, icon, tokens.secondary);
        if let Some(mark) = mark {
            let tone = if mark == Mark::CheckOff { Tone::Busy } else { Tone::Bad };
            icons::paint_mark(&painter, centre, mark, tone.colour(tokens), tokens.panel);
        }
        left += icons::SIZE + 8.0;
    }
    let size = egui::TextStyle::Body.resolve(&style).size;
    let format = TextFormat::simple(semibold(size), tokens.text);
    let mut job = LayoutJob::single_section(short(title.text, 160), format);
    job.wrap.max_width = (bar.right() - left - 8.0).max(0.0);
    job.wrap.max_rows = 1;
    job.wrap.break_anywhere = true;
    let galley = painter.layout_job(job);
    let at = egui::pos2(left, bar.center().y - galley.size().y / 2.0);
    painter.galley(at, galley, tokens.text);
}

/// The tabs; a click changes the one that is shown.
pub(super) fn tabs_ui(ui: &mut Ui, tabs: &[Tab], tab: &mut Tab, has_finding: impl Fn(Tab) -> bool) {
    let heads: Vec<_> =
        tabs.iter().map(|tab| TabHead { title: tab.word(), finding: has_finding(*tab) }).collect();
    let at = tabs.iter().position(|one| one == tab).unwrap_or(0);
    if let Some(clicked) = tab_bar_ui(ui, &heads, at) {
        *tab = tabs[clicked];
    }
}

/// The keys of a window: Ctrl+Tab goes round its tabs, F5 checks, Esc closes.
///
/// `is_popup_open` tells of the time before the window was shown: Esc closes an open list of choices first.
pub(super) fn keys<T: Copy + PartialEq>(
    ctx: &Context,
    tabs: &[T],
    tab: &mut T,
    is_popup_open: bool,
) -> Option<Asked> {
    let pressed = |modifiers, key| ctx.input_mut(|input| input.consume_key(modifiers, key));
    let at = tabs.iter().position(|one| one == tab).unwrap_or(0);
    if pressed(Modifiers::CTRL | Modifiers::SHIFT, Key::Tab) {
        *tab = tabs[(at + tabs.len() - 1) % tabs.len()];
    } else if pressed(Modifiers::CTRL, Key::Tab) {
        *tab = tabs[(at + 1) % tabs.len()];
    }
    if pressed(Modifiers::SHIFT, Key::F5) {
        Some(Asked::Check(CheckKind::Deep))
    } else if pressed(Modifiers::NONE, Key::F5) {
        Some(Asked::Check(CheckKind::Quick))
    } else {
        (!is_popup_open && pressed(Modifiers::NONE, Key::Escape)).then_some(Asked::Close)
    }
}

/// OK, Cancel and Apply in the order of the desktop; what the one that was pressed asks for.
pub(super) fn closing_ui(ui: &mut Ui, desktop: Desktop, is_busy: bool, is_changed: bool) -> Option<Asked> {
    let tokens = Tokens::of(ui);
    let top = ui.cursor().top();
    ui.painter().hline(ui.max_rect().x_range(), top + 4.0, egui::Stroke::new(1.0, tokens.separator));
    ui.add_space(12.0);
    let apply_refused = if is_busy {
        Some("The changes are being applied")
    } else {
        (!is_changed).then_some("Nothing was changed")
    };
    let ok_refused = is_busy.then_some("The changes are being applied");
    let mut pressed = None;
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        for which in desktop.order().into_iter().rev() {
            let response = match which {
                Closing::Ok => primary_button_unless(ui, "OK", None, ok_refused),
                // Cancel, Esc and the cross do the same: they ask if there is anything to lose.
                Closing::Cancel => button(ui, "Cancel"),
                Closing::Apply => button_unless(ui, "Apply", None, apply_refused),
            };
            if response.clicked() {
                pressed = Some(which);
            }
        }
    });
    Some(match pressed? {
        Closing::Ok if !is_changed => Asked::Discard,
        Closing::Ok => Asked::Apply { close: true },
        Closing::Apply => Asked::Apply { close: false },
        Closing::Cancel => Asked::Close,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_that_no_window_has_is_forgotten() {
        let kept = Kept {
            one: Some([900.0, 600.0]),
            several: Some([f32::NAN, 600.0]),
            contents: ContentsView::List,
        };
        let sane = kept.sane();
        assert_eq!((sane.one, sane.several), (Some([900.0, 600.0]), None));
        assert_eq!(sane.contents, ContentsView::List);
        let sizes = |size| Kept { one: Some(size), ..Kept::default() }.sane().one;
        assert_eq!(sizes([-5.0, 600.0]), None);
        assert_eq!(sizes([900.0, f32::INFINITY]), None);
    }
}
