//! The areas of the main window, and F6 that goes from one to the next: tool bar, tree, page, details.
//!
//! Knows rectangles only. Where the keyboard arrives follows from what can take it: the first button of a bar, and the
//! largest thing of tree and page, which is the tree or the list.

use egui::{Context, FocusDirection, Id, Key, Modifiers, Order, Rect, Ui, WidgetRect};

use super::widgets::focused_widget;

/// What had the keyboard before a window or a dialog came in front of the page.
#[derive(Default)]
pub(super) struct Home {
    id: Option<Id>,
    was_away: bool,
}

impl Home {
    /// Follows the keyboard; gives it back once nothing is in front of the page any more and nothing else on the page
    /// has taken it. `was_away` tells of the begin of the frame, `is_away` of its end.
    pub(super) fn follow(&mut self, ctx: &Context, was_away: bool, is_away: bool) {
        self.was_away |= was_away;
        if is_away {
            return;
        }
        // What had the keyboard in a window or dialog that has just gone is not on the page.
        let focused = focused_widget(ctx).filter(|widget| widget.layer_id.order == Order::Background);
        if !self.was_away {
            self.id = focused.map(|widget| widget.id).or(self.id);
            return;
        }
        // One frame long egui takes the keyboard from everything that a dialog was in front of.
        self.was_away = ctx.memory(|memory| memory.top_modal_layer()).is_some();
        match (focused, self.id) {
            (Some(other), Some(id)) if other.id != id => self.id = Some(other.id),
            (_, Some(id)) => {
                ctx.memory_mut(|memory| {
                    if memory.focused() != Some(id) {
                        memory.request_focus(id);
                    }
                    // The list obeys the arrows; they shall not also lead away from it.
                    memory.move_focus(FocusDirection::None);
                });
                ctx.request_repaint();
            }
            _ => {}
        }
    }
}

/// Where the details pane was drawn, and in which pass.
#[derive(Clone, Copy)]
struct DetailsArea {
    pass: u64,
    rect: Rect,
}

fn details_id() -> Id {
    Id::unique("details area")
}

/// Says where the details pane stands in this frame.
pub(super) fn mark_details(ctx: &Context, rect: Rect) {
    let area = DetailsArea { pass: ctx.cumulative_pass_nr(), rect };
    ctx.data_mut(|data| data.insert_temp(details_id(), area));
}

/// Obeys F6 and Shift+F6 in the window whose tool bar, tree and page stand here.
pub(super) fn keys_ui(ui: &Ui, tools: Rect, tree: Rect, page: Rect) {
    // egui takes Shift+F6 for F6 too: the longer one comes first.
    let (back, on) = ui.input_mut(|input| {
        (input.consume_key(Modifiers::SHIFT, Key::F6), input.consume_key(Modifiers::NONE, Key::F6))
    });
    if !back && !on {
        return;
    }
    let ctx = ui.ctx();
    let details = ctx.data(|data| data.get_temp::<DetailsArea>(details_id()));
    let details = details.filter(|area| area.pass == ctx.cumulative_pass_nr()).map(|area| area.rect);
    let areas: Vec<Rect> = [Some(tools), Some(tree), Some(page), details].into_iter().flatten().collect();
    // The details lie in the page: the last area that has a place is the one it belongs to.
    let area_of = |rect: Rect| areas.iter().rposition(|area| area.contains(rect.center()));
    let now = focused_widget(ctx).and_then(|widget| area_of(widget.interact_rect));
    let count = areas.len();
    let layer = ui.layer_id();
    let next = ctx.viewport(|viewport| {
        let takes = |widget: &&WidgetRect| widget.enabled && widget.sense.is_focusable();
        let widgets: Vec<&WidgetRect> = viewport.this_pass.widgets.get_layer(layer).filter(takes).collect();
        (1..=count).find_map(|step| {
            let at = match now {
                Some(now) if back => (now + count - step) % count,
                Some(now) => (now + step) % count,
                None if back => count - step,
                None => step - 1,
            };
            let mut here = widgets.iter().filter(|widget| area_of(widget.interact_rect) == Some(at));
            let found = if at == 1 || at == 2 {
                here.max_by(|a, b| a.interact_rect.area().total_cmp(&b.interact_rect.area()))
            } else {
                here.next()
            };
            found.map(|widget| widget.id)
        })
    });
    if let Some(id) = next {
        ctx.memory_mut(|memory| memory.request_focus(id));
    }
}
