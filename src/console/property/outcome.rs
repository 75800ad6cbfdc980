//! What became of each of several packages that were changed at once: a sentence, and a line for each of which not
//! everything was done.

use egui::{RichText, ScrollArea, Ui};

use super::SeveralAction;
use crate::console::action::Action;
use crate::console::format;
use crate::console::tokens::Tokens;
use crate::console::widgets::button::link;
use crate::package::CheckReport;
use crate::package::record::PackageId;
use crate::session::EditedPackage;

/// What became of one package of which not everything was done.
struct Trouble {
    id: PackageId,
    name: String,
    what: String,
    report: Option<Box<CheckReport>>,
}

/// What became of all of them, made on another thread.
pub struct Outcome {
    sentence: String,
    troubles: Vec<Trouble>,
}

impl Outcome {
    /// Counts, and keeps what somebody has to know.
    pub fn of(edited: Vec<EditedPackage>) -> Self {
        let all = edited.len();
        let (mut passed, mut differ, mut failed) = (0, 0, 0);
        let mut troubles = Vec::new();
        for one in edited {
            let mut what = Vec::new();
            if let Err(failure) = &one.result {
                failed += 1;
                what.push(failure.to_string());
            }
            if !one.passed_over.is_empty() {
                passed += 1;
                let state = one.result.as_ref().map_or("", |record| record.state.word()).to_lowercase();
                what.push(format!("{} left as it is: the package is {state}", one.passed_over.join(", ")));
            }
            if let Some(report) = &one.question {
                differ += 1;
                what.push(format!("differs, checksum control stays off: {}", report.differences.summary()));
            }
            if what.is_empty() {
                continue;
            }
            let name = match &one.result {
                Ok(record) => record.key.title(),
                Err(_) if one.name.is_empty() => "A package that is gone".to_owned(),
                Err(_) => one.name.replacen('@', " ", 1),
            };
            let report = one.question.map(Box::new);
            troubles.push(Trouble { id: one.id, name, what: what.join("; "), report });
        }
        let count = |n: usize, one: &str, many: &str| match n {
            0 => None,
            1 => Some(format!("1 {one}")),
            n => Some(format!("{} {many}", format::thousands(n as u64))),
        };
        let parts = [
            count(all - failed, "package saved", "packages saved"),
            count(passed, "passed over in part", "passed over in part"),
            count(differ, "differs and stays off", "differ and stay off"),
            count(failed, "not changed", "not changed"),
        ];
        let sentence = parts.into_iter().flatten().collect::<Vec<_>>().join(" · ");
        Self { sentence, troubles }
    }

    /// Whether all was done.
    pub(super) fn is_fine(&self) -> bool {
        self.troubles.is_empty()
    }
}

/// Shows it; a package that differs leads to its differences.
pub(super) fn outcome_ui(ui: &mut Ui, outcome: &Outcome, number: u64, actions: &mut Vec<Action>) {
    let tokens = Tokens::of(ui);
    let colour = if outcome.is_fine() { tokens.text } else { tokens.bad };
    ui.label(RichText::new(&outcome.sentence).color(colour));
    if outcome.is_fine() {
        return;
    }
    let height = ui.text_style_height(&egui::TextStyle::Body) + 2.0;
    crate::console::dialogs::show_scroll_bar(ui);
    ScrollArea::vertical().id_salt("outcome").auto_shrink(false).show_rows(
        ui,
        height,
        outcome.troubles.len(),
        |ui, range| {
            for trouble in &outcome.troubles[range] {
                ui.horizontal(|ui| {
                    let name = crate::console::widgets::short(&trouble.name, 48);
                    if link(ui, &name).on_hover_text("Open its properties").clicked() {
                        actions.push(match &trouble.report {
                            Some(report) => Action::Several(
                                number,
                                SeveralAction::ShowDifferences(trouble.id, report.clone()),
                            ),
                            None => Action::Open(trouble.id),
                        });
                    }
                    let text = RichText::new(&trouble.what).color(Tokens::of(ui).secondary);
                    ui.add(egui::Label::new(text).truncate().selectable(true));
                });
            }
        },
    );
}
