//! Staging packages: where, what is there already, what would be sent, how long that takes.

use std::collections::BTreeMap;

use egui::{Grid, Label, RichText, ScrollArea, Ui};

use super::super::show_scroll_bar;
use super::{
    Delivery, Dialog, Env, Next, buttons_ui, default_button, plain_button, problem_list_ui, quiet, text,
};
use crate::console::action::Action;
use crate::console::format;
use crate::console::help::Topic;
use crate::console::pages::staging::words::{is_open, opens_at, time_text, window_text};
use crate::console::pages::staging::{Known, StagingAction};
use crate::console::tokens::{Tokens, Tone};
use crate::console::widgets::short;
use crate::failure::Failure;
use crate::package::record::PackageSummary;
use crate::package::staging::StagingId;
use crate::package::{PackageId, PackageState};
use crate::session::{StageLook, StagingReach, StagingRow};

/// What was found at a staging library: that it answers, and how each package is there.
#[derive(Clone, Debug)]
pub struct StagingLooks {
    /// How it answered.
    pub reach: StagingReach,
    /// What staging each would do.
    pub packages: Vec<(PackageId, Result<StageLook, Failure>)>,
}

/// What is known of the packages at one staging library.
enum Looked {
    /// Somebody looks.
    Looking,
    /// This was found.
    Found(Box<StagingLooks>),
    /// It does not answer.
    Failed(Box<Failure>),
}

/// A staging library to choose.
struct Choice {
    row: StagingRow,
    chosen: bool,
    looked: Looked,
}

/// What there is to send to one staging library.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    send: u64,
    compare: u64,
    kept: u64,
    /// How many are there whole in this revision.
    there: usize,
    failed: usize,
}

/// "Stage".
pub struct StageDialog {
    packages: Vec<PackageSummary>,
    /// What is left out, and why.
    skipped: Vec<String>,
    choices: Vec<Choice>,
    now: bool,
}

impl StageDialog {
    /// These packages; at `first`, where it was said, else where one of them is staged already.
    pub fn new(packages: Vec<PackageSummary>, known: &Known, first: Option<StagingId>) -> Self {
        let mut skipped = Vec::new();
        let mut kept = Vec::new();
        for package in packages {
            let why = if package.state != PackageState::Sealed {
                "only sealed packages are staged"
            } else if package.is_blocked() {
                "differs from its checksum: accept its changes or put the files right"
            } else {
                kept.push(package);
                continue;
            };
            skipped.push(format!("{}: {why}", package.key.title()));
        }
        let is_alone = known.libraries.len() == 1;
        let choices = known.libraries.iter().map(|row| {
            let id = row.staging.id;
            let has_any =
                || kept.iter().any(|package| known.copies_at(id).any(|copy| copy.copy.package == package.id));
            let chosen = match first {
                Some(first) => first == id,
                None => is_alone || has_any(),
            };
            Choice { row: row.clone(), chosen, looked: Looked::Looking }
        });
        Self { choices: choices.collect(), packages: kept, skipped, now: false }
    }

    fn ids(&self) -> Vec<PackageId> {
        self.packages.iter().map(|package| package.id).collect()
    }

    fn refusal(&self, env: &Env<'_>) -> Option<String> {
        if self.packages.is_empty() {
            return Some("Nothing is left to be staged".to_owned());
        }
        let mut chosen = self.choices.iter().filter(|choice| choice.chosen).peekable();
        if chosen.peek().is_none() {
            return Some("Choose a staging library".to_owned());
        }
        let closed = chosen.find(|choice| !is_line_open(choice, env));
        closed.filter(|_| !self.now).map(|choice| {
            let name = short(&choice.row.staging.name, 40);
            format!("The line of {name} is open {}", window_text(&choice.row.staging.line))
        })
    }

    fn closed(&self, env: &Env<'_>) -> impl Iterator<Item = &Choice> {
        self.choices.iter().filter(|choice| choice.chosen && !is_line_open(choice, env))
    }

    fn table_ui(&mut self, ui: &mut Ui, env: &Env<'_>) {
        let tokens = Tokens::of(ui);
        show_scroll_bar(ui);
        let packages = &self.packages;
        ScrollArea::vertical().max_height(230.0).auto_shrink([false, true]).show(ui, |ui| {
            Grid::new("where to stage").num_columns(5).spacing([18.0, 7.0]).show(ui, |ui| {
                for title in ["Staging library", "Free", "Already there", "To send", "Time"] {
                    ui.label(RichText::new(title).color(tokens.secondary));
                }
                ui.end_row();
                for choice in &mut self.choices {
                    let name = choice.row.staging.name.clone();
                    let cells = cells(choice, packages, env);
                    ui.checkbox(&mut choice.chosen, short(&name, 34))
                        .on_hover_text(&choice.row.staging.write);
                    for (cell, tone) in cells {
                        let line = RichText::new(short(&cell, 44)).color(tone.colour(tokens));
                        let shown = ui.add(Label::new(line));
                        if cell.chars().count() > 44 {
                            shown.on_hover_text(cell);
                        }
                    }
                    ui.end_row();
                }
            });
        });
    }

    /// Why packages cannot be staged at the chosen ones, each once.
    fn failures(&self) -> Vec<String> {
        let mut lines: BTreeMap<String, ()> = BTreeMap::new();
        for choice in self.choices.iter().filter(|choice| choice.chosen) {
            let name = &choice.row.staging.name;
            match &choice.looked {
                Looked::Failed(failure) => {
                    lines.insert(format!("{name}: {failure}"), ());
                }
                Looked::Found(found) => {
                    for (_, failure) in
                        found.packages.iter().filter_map(|(id, look)| Some((id, look.as_ref().err()?)))
                    {
                        lines.insert(format!("{name}: {failure}"), ());
                    }
                }
                Looked::Looking => {}
            }
        }
        lines.into_keys().collect()
    }
}

fn is_line_open(choice: &Choice, env: &Env<'_>) -> bool {
    is_open(&choice.row.staging.line, env.moment.now, env.moment.zone)
}

fn sum(found: &StagingLooks, packages: &[PackageSummary]) -> Sum {
    let mut sum = Sum::default();
    for (id, look) in &found.packages {
        match look {
            Ok(look) => {
                let revision =
                    packages.iter().find(|package| package.id == *id).map(|package| package.revision);
                sum.send = sum.send.saturating_add(look.send_bytes);
                sum.compare = sum.compare.saturating_add(look.look_bytes);
                sum.kept = sum.kept.saturating_add(look.kept_bytes);
                sum.there += usize::from(revision.is_some_and(|revision| look.is_there(revision)));
            }
            Err(_) => sum.failed += 1,
        }
    }
    sum
}

/// Free, already there, to send, time.
fn cells(choice: &Choice, packages: &[PackageSummary], env: &Env<'_>) -> [(String, Tone); 4] {
    let quiet = |text: String| (text, Tone::Secondary);
    let dash = || quiet("–".to_owned());
    let found = match &choice.looked {
        Looked::Looking => return [quiet("looking…".to_owned()), dash(), dash(), dash()],
        Looked::Failed(_) => return [("does not answer".to_owned(), Tone::Bad), dash(), dash(), dash()],
        Looked::Found(found) => found,
    };
    let sum = sum(found, packages);
    let most = sum.send.saturating_add(sum.compare);
    let free = match found.reach.free_bytes {
        Some(free) if free < sum.send => (format!("{}: too little", format::size(free)), Tone::Bad),
        Some(free) => quiet(format::size(free)),
        None => quiet("not known".to_owned()),
    };
    let there = match sum.there {
        all if all == packages.len() && all > 0 => (revisions(found), Tone::Secondary),
        0 if sum.kept == 0 => quiet("nothing".to_owned()),
        0 => quiet(format::size(sum.kept)),
        some => quiet(format!("{some} of {}, {}", packages.len(), format::size(sum.kept))),
    };
    let send = match (sum.failed, most) {
        (failed, _) if failed > 0 && failed == found.packages.len() => ("refused".to_owned(), Tone::Bad),
        (_, 0) if sum.there == packages.len() => quiet("nothing".to_owned()),
        (_, most) if sum.compare > 0 => (format!("at most {}", format::size(most)), Tone::Text),
        (_, most) => (format::size(most), Tone::Text),
    };
    let line = &choice.row.staging.line;
    let time = match line.window.filter(|_| !is_line_open(choice, env)) {
        Some(window) => (format!("opens {}", opens_at(window)), Tone::Busy),
        None => time_text(line, most).map_or_else(dash, quiet),
    };
    [free, there, send, time]
}

/// `revision 3`; of several packages `all`.
fn revisions(found: &StagingLooks) -> String {
    match found.packages.as_slice() {
        [(_, Ok(StageLook { revision: Some(revision), .. }))] => format!("revision {revision}, whole"),
        _ => "all of it".to_owned(),
    }
}

impl Dialog for StageDialog {
    fn topic(&self) -> Topic {
        Topic::StagingPackages
    }

    fn title(&self) -> String {
        match self.packages.as_slice() {
            [one] => format!("Stage {}", short(&one.key.title(), 80)),
            all => format!("Stage {} packages", format::thousands(all.len() as u64)),
        }
    }

    fn width(&self) -> f32 {
        760.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        if env.is_new && !self.packages.is_empty() {
            for choice in &self.choices {
                actions.push(Action::Staging(StagingAction::Look(self.ids(), choice.row.staging.id)));
            }
        }
        let bytes = self.packages.iter().map(|package| package.size_bytes).fold(0, u64::saturating_add);
        let what = match self.packages.as_slice() {
            [] => String::new(),
            [one] => format!("Revision {}, {}.", one.revision, format::size(bytes)),
            all => format!("{} packages, {}.", format::thousands(all.len() as u64), format::size(bytes)),
        };
        text(
            ui,
            format!(
                "{what} Only what is not there is sent, the seal last; what is there is proven afterwards."
            )
            .trim_start(),
        );
        self.table_ui(ui, env);
        let failures = self.failures();
        problem_list_ui(ui, "What cannot be staged", &failures);
        if !self.skipped.is_empty() {
            let what = if self.skipped.len() == 1 { "1 package is" } else { "These packages are" };
            text(ui, &format!("{what} left out:"));
            problem_list_ui(ui, "Left out", &self.skipped);
        }
        let closed: Vec<String> =
            self.closed(env).map(|choice| short(&choice.row.staging.name, 40)).collect();
        if !closed.is_empty() {
            ui.checkbox(
                &mut self.now,
                format!("Send now, although the line of {} is closed", closed.join(", ")),
            );
        }
        quiet(ui, "After an interruption, staging it again sends only the rest.");
        let refused = self.refusal(env);
        buttons_ui(ui, |ui| {
            if default_button(ui, "Stage", refused.as_deref(), false) {
                let chosen = self.choices.iter().filter(|choice| choice.chosen);
                let at = chosen.map(|choice| choice.row.staging.id).collect();
                let now = self.now;
                actions.push(Action::Staging(StagingAction::Stage { packages: self.ids(), at, now }));
                return Next::Close;
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        if let Delivery::StagingLooks(id, result) = delivery
            && let Some(choice) = self.choices.iter_mut().find(|choice| choice.row.staging.id == *id)
        {
            choice.looked = match result {
                Ok(found) => Looked::Found(Box::new(found.clone())),
                Err(failure) => Looked::Failed(Box::new(failure.clone())),
            };
        }
    }
}
