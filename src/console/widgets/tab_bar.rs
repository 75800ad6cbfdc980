//! Tabs of a window. A tab with a finding carries a dot and says so.

use egui::{Event, Response, Role, Sense, Stroke, TextStyle, Ui, WidgetInfo, pos2, vec2};

use super::super::tokens::Tokens;
use super::{focus_ring, one_line};

/// A tab.
#[derive(Clone, Copy, Debug)]
pub struct Tab<'a> {
    /// Text.
    pub title: &'a str,
    /// Something on it needs a decision.
    pub finding: bool,
}

/// Shows the tabs; returns the one that was clicked.
pub fn tab_bar_ui(ui: &mut Ui, tabs: &[Tab<'_>], selected: usize) -> Option<usize> {
    let tokens = Tokens::of(ui);
    let mut clicked = None;
    let area = ui
        .horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            ui.ctx().accesskit_node_builder(ui.unique_id(), |node| {
                node.set_role(egui::accesskit::Role::TabList);
                node.set_label("Tabs");
            });
            for (index, tab) in tabs.iter().enumerate() {
                let is = index == selected;
                let colour = if is { tokens.text } else { tokens.secondary };
                let font = TextStyle::Body.resolve(ui.style());
                let galley = one_line(ui, tab.title, font, colour, f32::INFINITY);
                let dot = if tab.finding { 16.0 } else { 0.0 };
                let size = vec2((galley.size().x + 22.0 + dot).ceil(), 32.0);
                let (rect, response) = ui.allocate_exact_size(size, Sense::click());
                let name =
                    if tab.finding { format!("{}, has findings", tab.title) } else { tab.title.to_owned() };
                response.widget_info(|| WidgetInfo::selected(Role::Tab, ui.is_enabled(), is, &name));
                ui.ctx().accesskit_node_builder(response.id, |node| node.set_selected(is));
                let painter = ui.painter();
                if response.hovered() && !is {
                    painter.rect_filled(rect.shrink2(vec2(1.0, 4.0)), 4.0, tokens.hover);
                }
                let end = rect.left() + 11.0 + galley.size().x;
                let y = (rect.center().y - galley.size().y / 2.0).round();
                painter.galley(pos2(rect.left() + 11.0, y), galley, colour);
                if tab.finding {
                    painter.circle_filled(pos2(end + 10.0, rect.center().y), 4.5, tokens.bad);
                }
                if is {
                    painter.hline(rect.x_range(), rect.bottom() - 1.0, Stroke::new(2.0, tokens.accent));
                }
                if response.clicked() {
                    clicked = Some(index);
                    // Tab goes on from here, into what the tab shows.
                    response.request_focus();
                }
                if response.has_focus() && !is_by_pointer(ui, &response) {
                    focus_ring(ui, rect, 4);
                }
            }
        })
        .response
        .rect;
    ui.painter().hline(ui.max_rect().x_range(), area.bottom() - 0.5, Stroke::new(1.0, tokens.separator));
    clicked
}

/// Whether the keyboard came here by a click: the ring shows once a key is pressed.
fn is_by_pointer(ui: &Ui, response: &Response) -> bool {
    let id = response.id.with("by pointer");
    let (clicks, types) = ui.input(|input| {
        let types = input.events.iter().any(|event| matches!(event, Event::Key { pressed: true, .. }));
        (input.pointer.any_click(), types)
    });
    let is_clicked = clicks && response.clicked();
    ui.data_mut(|data| {
        let is = data.get_temp_mut_or_default::<bool>(id);
        *is = (*is || is_clicked) && !types;
        *is
    })
}
