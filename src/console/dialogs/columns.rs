//! Which columns a list shows, and in which order.

use egui::{ScrollArea, Ui};

use super::{Dialog, Env, Next, buttons_ui, default_button, plain_button};
use crate::console::action::Action;
use crate::console::pages::packages::{ColumnKind, Layout, ListAction, ListKind, ShownColumn};
use crate::console::widgets::button::button_unless;

/// "Columns".
pub struct Columns {
    list: ListKind,
    before: Layout,
    /// Every column in the order of the list, and whether it is shown.
    rows: Vec<(ColumnKind, bool)>,
    /// The row that *Up* and *Down* move.
    at: usize,
}

impl Columns {
    /// The columns of `list` as they are now.
    pub fn new(list: ListKind, layout: Layout) -> Self {
        Self { list, rows: rows_of(&layout), before: layout, at: 0 }
    }

    fn layout(&self) -> Layout {
        let shown = self.rows.iter().filter(|(_, shown)| *shown);
        let columns = shown.map(|(kind, _)| {
            let known = self.before.columns.iter().find(|column| column.kind == *kind);
            known.copied().unwrap_or(ShownColumn { kind: *kind, width: None })
        });
        Layout { columns: columns.collect(), sort: self.before.sort.clone() }
    }

    fn move_row(&mut self, to: usize) {
        let row = self.rows.remove(self.at);
        self.rows.insert(to, row);
        self.at = to;
    }
}

/// The shown ones first, in their order; then the others.
fn rows_of(layout: &Layout) -> Vec<(ColumnKind, bool)> {
    let shown = layout.columns.iter().map(|column| (column.kind, true));
    let others = ColumnKind::ALL.into_iter().filter(|kind| !layout.shows(*kind));
    shown.chain(others.map(|kind| (kind, false))).collect()
}

impl Dialog for Columns {
    fn title(&self) -> String {
        "Columns".to_owned()
    }

    fn width(&self) -> f32 {
        380.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        ScrollArea::vertical().max_height(380.0).auto_shrink([false, true]).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            for (index, (kind, shown)) in self.rows.iter_mut().enumerate() {
                ui.horizontal(|ui| {
                    let ticked = ui.checkbox(shown, "");
                    let name = kind.word();
                    ticked.widget_info(|| {
                        egui::WidgetInfo::selected(egui::Role::CheckBox, true, *shown, format!("Show {name}"))
                    });
                    if ui.selectable_label(self.at == index, name).clicked() || ticked.changed() {
                        self.at = index;
                    }
                });
            }
            crate::console::widgets::follow_focus(ui);
        });
        ui.horizontal(|ui| {
            let up = (self.at == 0).then_some("It is the first");
            if button_unless(ui, "Up", None, up).clicked() {
                self.move_row(self.at - 1);
            }
            let down = (self.at + 1 == self.rows.len()).then_some("It is the last");
            if button_unless(ui, "Down", None, down).clicked() {
                self.move_row(self.at + 1);
            }
            if plain_button(ui, "Reset") {
                self.before = Layout { sort: self.before.sort.clone(), ..Layout::of(self.list) };
                self.rows = rows_of(&self.before);
                self.at = 0;
            }
        });
        let none = self.rows.iter().all(|(_, shown)| !shown).then_some("One column must be shown");
        buttons_ui(ui, |ui| {
            if default_button(ui, "OK", none, env.is_new) {
                actions.push(Action::List(ListAction::SetLayout(self.list, self.layout())));
                return Next::Close;
            }
            if plain_button(ui, "Cancel") {
                return Next::Close;
            }
            Next::Stay
        })
    }
}
