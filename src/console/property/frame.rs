//! The frame of a property window: its place, its size, which is kept for each kind, and the row of buttons.

use egui::{Align, Context, Frame, Id, Layout, Margin, Pos2, Rect, Ui, Vec2, Window};
use serde::{Deserialize, Serialize};

use super::contents::ContentsView;
use crate::console::start::{Closing, Desktop};
use crate::console::theme::FOCUS_WIDTH;
use crate::console::tokens::Tokens;
use crate::console::widgets::button::{button, button_unless, primary_button_unless};
use crate::console::widgets::short;

/// A window is never smaller, unless the program's window is, in points.
const LEAST: Vec2 = Vec2::new(640.0, 480.0);
/// Size of a window that was never resized, in points.
const USUAL: Vec2 = Vec2::new(840.0, 560.0);
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

    pub(super) fn show(&mut self, ctx: &Context, title: &str, content: impl FnOnce(&mut Ui)) -> Shown {
        let mut open = true;
        let tokens = Tokens::for_theme(ctx.global_style().visuals.dark_mode);
        let frame = Frame::window(&ctx.global_style()).fill(tokens.panel).inner_margin(Margin::same(0));
        // At most as large as the window around it.
        let room = ctx.content_rect().size() - Vec2::new(24.0, 60.0);
        let mut size = self.size;
        let shown = Window::new(short(title, 90))
            .id(self.id)
            .open(&mut open)
            .frame(frame)
            .title_frame(Frame::new().inner_margin(Margin::symmetric(14, 7)))
            .default_size(self.start.min(room))
            .default_pos(self.place_in(ctx.content_rect()))
            .min_size(LEAST.min(room))
            .max_size(room)
            .resizable(true)
            .collapsible(false)
            .show(ctx, |ui| {
                let has = ui.available_size().round();
                size = Some([has.x, has.y]);
                let body = Frame::new().inner_margin(Margin { left: 14, right: 14, top: 2, bottom: 12 });
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
            node.set_label(format!("Title bar of {title}"));
        });
        let bar = ctx.read_response(title_bar).map(|bar| bar.rect.y_range());
        let focused = ctx.memory(|memory| memory.focused()).and_then(|id| ctx.read_response(id));
        if let (Some(layer), Some(bar), Some(focused)) = (layer, bar, focused)
            && focused.layer_id == layer
            && bar.contains(focused.rect.center().y)
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

/// OK, Cancel and Apply in the order of the desktop; which one was pressed.
pub(super) fn closing_ui(ui: &mut Ui, desktop: Desktop, is_busy: bool, is_changed: bool) -> Option<Closing> {
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
    pressed
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
