//! The areas of the main window, and F6 that goes from one to the next: tool bar, tree, page, details.
//!
//! Knows rectangles only. Where the keyboard arrives follows from what can take it: the first button of a bar, and the
//! largest thing of tree and page, which is the tree or the list.

use egui::{Context, Id, Key, Modifiers, Rect, Ui, WidgetRect};

use super::widgets::focused_widget;

/// What had the keyboard before a window or a dialog came in front of the page.
#[derive(Default)]
pub(super) struct Home {
    id: Option<Id>,
    was_away: bool,
}

impl Home {
    /// Follows the keyboard; gives it back once nothing is in front of the page any more and nothing else has taken it.
    pub(super) fn follow(&mut self, ctx: &Context, is_away: bool) {
        if is_away {
            self.was_away = true;
            return;
        }
        let focused = ctx.memory(|memory| memory.focused());
        match (std::mem::take(&mut self.was_away), focused, self.id) {
            (true, None, Some(id)) => {
                ctx.memory_mut(|memory| memory.request_focus(id));
                ctx.request_repaint();
            }
            (_, Some(id), _) => self.id = Some(id),
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
