//! What stands where nothing is: an icon, a sentence, and what can be done.

use egui::{Align2, RichText, Sense, Ui, vec2};

use super::super::icons::{self, Icon};
use super::super::tokens::Tokens;
use super::button::{button, primary_button};

/// Fills the rest of `ui`; returns whether `action` was pressed.
pub fn empty_state_ui(ui: &mut Ui, icon: Icon, sentence: &str, action: Option<&str>) -> bool {
    let actions: Vec<String> = action.map(str::to_owned).into_iter().collect();
    empty_choices_ui(ui, icon, sentence, &actions).is_some()
}

/// Fills the rest of `ui`; returns which of `actions` was pressed. The first is the main one.
pub fn empty_choices_ui(ui: &mut Ui, icon: Icon, sentence: &str, actions: &[String]) -> Option<usize> {
    let area = ui.available_rect_before_wrap();
    let tokens = Tokens::of(ui);
    ui.allocate_rect(area, Sense::hover());
    let size = vec2(area.width().min(420.0), 110.0);
    let rect = Align2::CENTER_CENTER.align_size_within_rect(size, area.shrink2(vec2(0.0, 40.0)));
    let mut inner = ui
        .new_child(egui::UiBuilder::new().max_rect(rect).layout(egui::Layout::top_down(egui::Align::Center)));
    let (place, _) = inner.allocate_exact_size(vec2(icons::SIZE, icons::SIZE), Sense::hover());
    icons::paint(inner.painter(), place.center(), icon, tokens.secondary);
    inner.label(RichText::new(sentence).color(tokens.secondary));
    inner.add_space(6.0);
    let mut chosen = None;
    for (index, action) in actions.iter().enumerate() {
        let response =
            if index == 0 { primary_button(&mut inner, action) } else { button(&mut inner, action) };
        if response.clicked() {
            chosen = Some(index);
        }
        inner.add_space(2.0);
    }
    chosen
}
