//! A field to find things by a part of their names, and what fits below it, each to be taken with a press.

use egui::{Button, Key, Modifiers, ScrollArea, TextEdit, Ui};

use crate::console::tokens::Tokens;
use crate::console::widgets::{name_field, short};

/// At most so many things that fit are offered.
pub(in crate::console::dialogs) const OFFERED: usize = 60;

/// What fits, as it was found last.
#[derive(Default)]
pub(in crate::console::dialogs) struct Finder {
    pub(in crate::console::dialogs) text: String,
    /// Enter came together with letters that `fitting` does not know yet.
    is_entered: bool,
}

impl Finder {
    /// The field, and below it `fitting` down to `bottom`; gives the one that was taken. Enter takes the first. `nothing`
    /// is said where nothing is there to be found.
    pub(in crate::console::dialogs) fn ui(
        &mut self,
        ui: &mut Ui,
        (name, hint, nothing): (&str, &str, &str),
        fitting: &[String],
        bottom: f32,
        focus: bool,
    ) -> Option<usize> {
        let fitted_for = self.text.clone();
        // What stands above changes: the keyboard stays in the field all the same.
        let field = TextEdit::singleline(&mut self.text)
            .id_salt(("find", name))
            .hint_text(hint)
            .desired_width(ui.available_width())
            .align(egui::Align2::LEFT_CENTER);
        let response = ui.add(field);
        name_field(&response, name);
        if focus {
            response.request_focus();
        }
        let mut taken = None;
        if std::mem::take(&mut self.is_entered) {
            taken = (!fitting.is_empty()).then_some(0);
        }
        // With nothing typed Enter is the wizard's.
        if response.lost_focus()
            && !self.text.trim().is_empty()
            && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Enter))
        {
            if self.text == fitted_for {
                taken = (!fitting.is_empty()).then_some(0);
            } else {
                // What fits now is known in the next frame.
                self.is_entered = true;
                ui.ctx().request_repaint();
            }
            response.request_focus();
        }
        super::super::show_scroll_bar(ui);
        let height = (bottom - ui.cursor().top()).max(60.0);
        ScrollArea::vertical().id_salt(("found", name)).max_height(height).auto_shrink([false, true]).show(
            ui,
            |ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                for (place, one) in fitting.iter().take(OFFERED).enumerate() {
                    let response = ui.add(Button::new(short(one, 90)).frame(false));
                    name_field(&response, &format!("Add {one}"));
                    if response.clicked() {
                        taken = Some(place);
                    }
                }
                if fitting.is_empty() {
                    let colour = Tokens::of(ui).secondary;
                    let text = if self.text.trim().is_empty() { nothing } else { "Nothing fits" };
                    ui.add(egui::Label::new(egui::RichText::new(text).color(colour)).wrap());
                } else if fitting.len() > OFFERED {
                    let colour = Tokens::of(ui).secondary;
                    ui.label(egui::RichText::new("There are more: type a part of the name").color(colour));
                }
            },
        );
        if taken.is_some() {
            self.text.clear();
        }
        taken
    }
}
