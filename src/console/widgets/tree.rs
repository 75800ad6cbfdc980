//! The tree at the left: headings, branches, counts at the right. The caller flattens it into visible rows.

use std::borrow::Cow;

use egui::{EventFilter, Key, Rect, Response, Role, Sense, TextStyle, Ui, WidgetInfo, pos2, vec2};

use super::super::icons::{self, Icon};
use super::super::tokens::{Tokens, Tone};
use super::{focus_ring, one_line};

/// So near to the upper or lower edge, in points, what is held scrolls the tree.
const EDGE: f32 = 24.0;
/// How far, in points a frame.
const SCROLL_STEP: f32 = 8.0;

/// One visible row.
#[derive(Clone, Debug)]
pub struct TreeRow<'a> {
    /// 0 at the left.
    pub depth: u8,
    /// `None` makes the row a heading, which cannot be selected.
    pub icon: Option<Icon>,
    /// Text.
    pub label: Cow<'a, str>,
    /// Text at the right: a count, "3 active".
    pub count: Cow<'a, str>,
    /// Colour of the count.
    pub tone: Tone,
    /// Whether its branches are shown; `None` = it has none.
    pub unfolded: Option<bool>,
    /// Whether something can be dropped on it.
    pub takes: bool,
}

impl<'a> TreeRow<'a> {
    /// A heading.
    pub fn heading(label: impl Into<Cow<'a, str>>) -> Self {
        Self {
            depth: 0,
            icon: None,
            label: label.into(),
            count: Cow::Borrowed(""),
            tone: Tone::Secondary,
            unfolded: None,
            takes: false,
        }
    }

    /// A place to go to.
    pub fn item(
        depth: u8,
        icon: Icon,
        label: impl Into<Cow<'a, str>>,
        count: impl Into<Cow<'a, str>>,
    ) -> Self {
        Self { depth, icon: Some(icon), count: count.into(), ..Self::heading(label) }
    }

    /// Something can be dropped on it.
    pub fn taking(self) -> Self {
        Self { takes: true, ..self }
    }

    /// The count is a finding.
    pub fn bad(self) -> Self {
        Self { tone: Tone::Bad, ..self }
    }
}

/// What was done to the tree in this frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TreeResponse {
    /// Row that was selected.
    pub selected: Option<usize>,
    /// Row to fold or unfold.
    pub toggled: Option<usize>,
    /// Row that something is held over which it takes.
    pub held_over: Option<usize>,
    /// Row that it was dropped on.
    pub dropped: Option<usize>,
}

/// Shows `rows`; `selected` is an index into them. `menu` draws the context menu of a row, which is selected by then.
pub fn tree_ui(
    ui: &mut Ui,
    name: &str,
    rows: &[TreeRow<'_>],
    selected: Option<usize>,
    row_height: f32,
    mut menu: impl FnMut(&mut Ui, usize),
) -> TreeResponse {
    let mut done = TreeResponse::default();
    let id = ui.make_persistent_id(("tree", name));
    let area = ui.available_rect_before_wrap();
    let response = ui.interact(area, id, Sense::FOCUSABLE);
    response.widget_info(|| WidgetInfo::labeled(Role::Tree, ui.is_enabled(), name));
    if response.has_focus() {
        keys_ui(ui, id, rows, selected, &mut done);
    }
    ui.spacing_mut().item_spacing.y = 0.0;
    let is_held = egui::DragAndDrop::has_any_payload(ui.ctx());
    let is_dropped = is_held && ui.input(|input| input.pointer.any_released());
    if is_held {
        scroll_at_edges(ui);
    }
    // What is shown is seen in the tree too, wherever it was chosen.
    let shown = id.with("shown");
    let is_new = ui.data(|data| data.get_temp::<Option<usize>>(shown)) != Some(selected);
    ui.data_mut(|data| data.insert_temp(shown, selected));
    for (index, row) in rows.iter().enumerate() {
        let height =
            if row.icon.is_none() { row_height + if index > 0 { 6.0 } else { 0.0 } } else { row_height };
        let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
        if is_new && selected == Some(index) {
            ui.scroll_to_rect(rect, None);
        }
        if !ui.is_rect_visible(rect) {
            continue;
        }
        let pressed = row_ui(ui, id.with(index), rect, row, selected == Some(index), response.has_focus());
        pressed.response.context_menu(|ui| menu(ui, index));
        if is_held && row.takes && pressed.response.contains_pointer() {
            done.held_over = Some(index);
            done.dropped = is_dropped.then_some(index);
            focus_ring(ui, rect, 4);
        }
        if pressed.folded {
            done.toggled = Some(index);
        } else if pressed.selected {
            done.selected = Some(index);
            response.request_focus();
        }
    }
    if response.has_focus() {
        focus_ring(ui, ui.min_rect().expand(2.0), 4);
    }
    done
}

/// What is held at the upper or lower edge scrolls, so that rows out of sight can be reached.
fn scroll_at_edges(ui: &Ui) {
    let seen = ui.clip_rect();
    let Some(at) = ui.ctx().pointer_latest_pos().filter(|at| seen.contains(*at)) else { return };
    let step = if at.y > seen.bottom() - EDGE {
        -SCROLL_STEP
    } else if at.y < seen.top() + EDGE {
        SCROLL_STEP
    } else {
        return;
    };
    ui.scroll_with_delta(vec2(0.0, step));
    ui.ctx().request_repaint();
}

struct Pressed {
    response: Response,
    selected: bool,
    folded: bool,
}

fn row_ui(ui: &Ui, id: egui::Id, rect: Rect, row: &TreeRow<'_>, selected: bool, focused: bool) -> Pressed {
    let tokens = Tokens::of(ui);
    let painter = ui.painter();
    let middle = |height: f32| (rect.center().y - height / 2.0).round();
    let Some(icon) = row.icon else {
        let response = ui.interact(rect, id, Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Heading, true, &row.label));
        let font = TextStyle::Small.resolve(ui.style());
        let galley = one_line(ui, &row.label, font, tokens.secondary, rect.width());
        let y = rect.bottom() - galley.size().y - 4.0;
        painter.galley(pos2(rect.left() + 6.0, y.round()), galley, tokens.secondary);
        return Pressed { response, selected: false, folded: false };
    };
    let response = ui.interact(rect, id, Sense::CLICK);
    let name =
        if row.count.is_empty() { row.label.to_string() } else { format!("{}, {}", row.label, row.count) };
    response.widget_info(|| WidgetInfo::selected(Role::TreeItem, ui.is_enabled(), selected, &name));
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_selected(selected));
    if selected {
        painter.rect_filled(rect, 4.0, tokens.selected);
        let bar = Rect::from_min_size(rect.min, vec2(3.0, rect.height()));
        painter.rect_filled(
            bar,
            egui::CornerRadius { nw: 3, sw: 3, ..Default::default() },
            if focused { tokens.accent } else { tokens.secondary },
        );
    } else if response.hovered() {
        painter.rect_filled(rect, 4.0, tokens.hover);
    }
    let left = rect.left() + 10.0 + f32::from(row.depth) * 18.0;
    let colour = if selected { tokens.text } else { tokens.secondary };
    icons::paint(painter, pos2(left + icons::SIZE / 2.0, rect.center().y), icon, colour);
    let small = TextStyle::Small.resolve(ui.style());
    let tone = if selected && row.tone == Tone::Secondary { Tone::Text } else { row.tone };
    let count = one_line(ui, &row.count, small, tone.colour(tokens), rect.width() / 2.0);
    let count_left = rect.right() - 8.0 - count.size().x;
    let count_top = middle(count.size().y);
    painter.galley(pos2(count_left, count_top), count, tokens.secondary);
    let body = TextStyle::Body.resolve(ui.style());
    let text_left = left + icons::SIZE + 8.0;
    let label = one_line(ui, &row.label, body, tokens.text, (count_left - 6.0 - text_left).max(0.0));
    painter.galley(pos2(text_left, middle(label.size().y)), label, tokens.text);
    let mut folded = false;
    if let Some(unfolded) = row.unfolded {
        let grip = Rect::from_center_size(pos2(left - 8.0, rect.center().y), vec2(16.0, rect.height()));
        let arrow = ui.interact(grip, id.with("fold"), Sense::CLICK);
        let verb = if unfolded { "Fold" } else { "Unfold" };
        arrow.widget_info(|| {
            WidgetInfo::labeled(Role::DisclosureTriangle, true, format!("{verb} {}", row.label))
        });
        icons::paint(
            painter,
            grip.center(),
            if unfolded { Icon::Down } else { Icon::Right },
            tokens.secondary,
        );
        folded = arrow.clicked() || response.double_clicked();
    }
    Pressed { selected: response.clicked() || response.secondary_clicked(), folded, response }
}

/// Up and down skip headings; left and right fold.
fn keys_ui(ui: &Ui, id: egui::Id, rows: &[TreeRow<'_>], selected: Option<usize>, done: &mut TreeResponse) {
    ui.memory_mut(|memory| {
        let filter = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..Default::default() };
        memory.set_focus_lock_filter(id, filter);
    });
    let places = || rows.iter().enumerate().filter(|(_, row)| row.icon.is_some()).map(|(index, _)| index);
    let pressed = |key| ui.input(|input| input.key_pressed(key));
    if pressed(Key::ArrowDown) {
        done.selected = places().find(|row| selected.is_none_or(|at| *row > at));
    } else if pressed(Key::ArrowUp) {
        done.selected = places().rfind(|row| selected.is_none_or(|at| *row < at));
    } else if pressed(Key::Home) {
        done.selected = places().next();
    } else if pressed(Key::End) {
        done.selected = places().next_back();
    }
    if let Some(at) = selected {
        let unfolded = rows.get(at).and_then(|row| row.unfolded);
        if (pressed(Key::ArrowRight) && unfolded == Some(false))
            || (pressed(Key::ArrowLeft) && unfolded == Some(true))
        {
            done.toggled = Some(at);
        }
    }
}
