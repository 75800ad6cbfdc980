//! The page *Tasks*: what runs, with Cancel, and what ended since the start, with the reason where it failed.

use egui::{Align, Frame, Layout, Margin, Panel, RichText, Ui};

use super::super::action::Action;
use super::super::dialogs::failure::report;
use super::super::dialogs::{problem_list_ui, sentence};
use super::super::format;
use super::super::icons::Icon;
use super::super::tasks::{Ended, Ending, Tasks};
use super::super::theme::Density;
use super::super::tokens::{Tokens, Tone};
use super::super::widgets::alert::alert;
use super::super::widgets::button::button;
use super::super::widgets::empty_state::empty_state_ui;
use super::super::widgets::list::{Cell, Column, List, ListState, Row, Rows};
use super::packages::Moment;

/// The page and what it remembers.
#[derive(Default)]
pub struct TasksPage {
    list: ListState,
    /// How many had ended when the list was drawn last: rows move down as more do.
    seen: usize,
}

struct EndedRows<'a> {
    tasks: &'a Tasks,
    moment: Moment<'a>,
}

impl Rows for EndedRows<'_> {
    fn len(&self) -> usize {
        self.tasks.ended().len()
    }

    fn row(&self, index: usize) -> Row<'_> {
        let Some(task) = self.tasks.ended().get(index) else {
            return Row { icon: None, cells: Vec::new(), name: "".into() };
        };
        let (word, tone) = match &task.ending {
            Ending::Done => ("Done".to_owned(), Tone::Secondary),
            Ending::Cancelled => ("Cancelled".to_owned(), Tone::Secondary),
            Ending::Failed(failure) => (sentence(&failure.message), Tone::Bad),
        };
        let name = format!("{}: {word}", task.title);
        let icon = match &task.ending {
            Ending::Done => Icon::Check,
            Ending::Cancelled => Icon::Close,
            Ending::Failed(_) => Icon::Warning,
        };
        let cells = vec![
            Cell::new(task.title.as_str()),
            Cell::secondary(self.moment.text(task.at)),
            Cell::secondary(format::duration(task.took_ms)),
            Cell::new(word).tone(tone),
        ];
        Row { icon: Some((icon, None)), cells, name: name.into() }
    }

    fn jump_text(&self, index: usize) -> &str {
        self.tasks.ended().get(index).map_or("", |task| task.title.as_str())
    }
}

impl TasksPage {
    /// Shows the page. What runs stands at the bottom of the window, on this page as on every other.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        tasks: &Tasks,
        moment: Moment<'_>,
        density: Density,
        actions: &mut Vec<Action>,
    ) {
        let count = tasks.ended().len();
        if count == 0 {
            let text = "Nothing has been done since the start. Checks, registrations and everything else that \
                        takes time are kept here until Packhouse is closed.";
            empty_state_ui(ui, Icon::Jobs, text, None);
            return;
        }
        // The selection stays with its task while new ones come in above it.
        let more = count.saturating_sub(self.seen);
        if self.seen > 0 && more > 0 {
            self.list.selection.remap(count, |row| Some(row + more));
        }
        self.seen = count;
        let selected: Option<&Ended> =
            self.list.selection.rows().next().and_then(|row| tasks.ended().get(row));
        if let Some(Ended { ending: Ending::Failed(failure), .. }) = selected {
            let frame = Frame::new().fill(Tokens::of(ui).panel).inner_margin(Margin::symmetric(12, 10));
            Panel::bottom("task failure").frame(frame).show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 6.0;
                let reason =
                    if failure.reason.is_empty() { String::new() } else { sentence(&failure.reason) };
                alert(ui, &sentence(&failure.message), &reason);
                ui.label(sentence(&failure.action));
                problem_list_ui(ui, "Details", &failure.details);
                ui.horizontal(|ui| {
                    let code = match failure.same_as {
                        Some(number) => format!("Code: {} · Same as {number}", failure.code),
                        None => format!("Code: {}", failure.code),
                    };
                    ui.label(RichText::new(code).color(Tokens::of(ui).secondary));
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                        if button(ui, "Copy report").clicked() {
                            actions.push(Action::Copy(report(failure)));
                        }
                    });
                });
            });
        }
        let columns = [
            Column::text("Task", 330.0).unsortable(),
            Column::text("Ended", 142.0).unsortable(),
            Column::text("Took", 84.0).unsortable(),
            Column::text("Result", 240.0).growing().unsortable(),
        ];
        let rows = EndedRows { tasks, moment };
        List::new("tasks", "Tasks", &columns, density.row_height()).show(
            ui,
            &mut self.list,
            &rows,
            |_, _| (),
        );
    }
}
