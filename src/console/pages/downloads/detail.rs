//! What is known of the selected download: header, block grid, codebases, rate, events.

use std::collections::HashMap;
use std::sync::Mutex;

use egui::{Align, Label, Layout, Popup, RichText, ScrollArea, SetOpenCommand, Ui, Vec2};

use super::command::DownloadCommand;
use super::history::LiveNotes;
use super::tables::{CodebaseRows, EventRows, codebase_columns};
use super::{DownloadAction, words};
use crate::console::action::Action;
use crate::console::command::{Command, Scope};
use crate::console::format;
use crate::console::pages::packages::Moment;
use crate::console::theme::{Density, semibold};
use crate::console::tokens::{Tokens, Tone};
use crate::console::widgets::block_grid::words::short_size;
use crate::console::widgets::block_grid::{BlockGrid, GridState};
use crate::console::widgets::button::button_unless;
use crate::console::widgets::list::{Column, List, ListState};
use crate::console::widgets::rate_plot::rate_plot_ui;
use crate::console::widgets::short;
use crate::console::widgets::tab_bar::{Tab, tab_bar_ui};
use crate::package::download::{DownloadId, DownloadState};
use crate::package::{BlockMap, BlockState};
use crate::session::{DownloadRow, LiveDownload, TransferStatus};

/// Height of the tables below the grid, in points.
const TABLES: f32 = 210.0;
/// Least height of the grid, in points.
const LEAST_GRID: f32 = 90.0;
/// Most characters of a name in the header.
const TITLE_MOST: usize = 48;
/// States that the legend of a download always has.
const LEGEND: [BlockState; 8] = [
    BlockState::Verified,
    BlockState::Kept,
    BlockState::Reused,
    BlockState::Downloading,
    BlockState::Checking,
    BlockState::Missing,
    BlockState::Corrupt,
    BlockState::Repaired,
];

/// What the detail remembers.
#[derive(Default)]
pub(super) struct Detail {
    of: Option<DownloadId>,
    grid: GridState,
    tab: usize,
    /// Number and greatest size of the blocks: the files are looked through once.
    largest: Option<(usize, u64)>,
    codebases: ListState,
    events: ListState,
    /// The context menu of the grid was asked for by a key.
    menu_by_key: bool,
}

/// What the detail is drawn from in a frame.
pub(super) struct Shown<'a> {
    pub(super) row: &'a DownloadRow,
    pub(super) live: Option<&'a LiveDownload>,
    pub(super) scope: &'a Scope,
    pub(super) moment: Moment<'a>,
    pub(super) density: Density,
    /// Whether keys reach the page.
    pub(super) keys: bool,
}

impl Detail {
    pub(super) fn ui(&mut self, ui: &mut Ui, shown: &Shown<'_>, actions: &mut Vec<Action>) {
        if self.of != Some(shown.row.id) {
            *self = Self { of: Some(shown.row.id), tab: self.tab, ..Self::default() };
        }
        ui.spacing_mut().item_spacing.y = 5.0;
        let status = shown.live.map(|live| live.status());
        let map = shown.live.and_then(LiveDownload::map);
        let largest = map.as_deref().map(|map| match self.largest {
            Some((blocks, largest)) if blocks == map.len() => largest,
            _ => {
                let largest = map.largest_block_bytes();
                self.largest = Some((map.len(), largest));
                largest
            }
        });
        header_ui(ui, shown, map.as_deref().zip(largest), actions);
        why_ui(ui, shown);
        let (Some(live), Some(status)) = (shown.live, &status) else {
            still_ui(ui, shown);
            return;
        };
        let tables = TABLES.min((ui.available_height() - LEAST_GRID).max(100.0));
        let grid = (ui.available_height() - tables - 8.0).max(LEAST_GRID);
        let board = live.board();
        let notes = LiveNotes {
            live,
            codebases: &status.codebases,
            zone: shown.moment.zone,
            asked: Mutex::new(HashMap::new()),
        };
        let (map, board) = match (map, board) {
            (Some(map), board) if !map.is_empty() && board.len() == map.len() => (map, board),
            _ => {
                ui.weak("There are no blocks to show yet.");
                self.tables_ui(ui, shown, status, None);
                return;
            }
        };
        let shape = BlockGrid::new("download blocks", &map, &board)
            .states(&LEGEND)
            .notes(&notes)
            .keys(shown.keys)
            .plain();
        let response = shape.show(ui, &mut self.grid, grid);
        self.block_menu_ui(&response.response, response.wants_menu, shown, actions);
        self.tables_ui(ui, shown, status, Some((&shape, live)));
    }

    /// The context menu of the block with the cursor.
    fn block_menu_ui(
        &mut self,
        response: &egui::Response,
        by_key: bool,
        shown: &Shown<'_>,
        actions: &mut Vec<Action>,
    ) {
        let Some(block) = self.grid.cursor() else { return };
        if by_key {
            self.menu_by_key = true;
        } else if response.secondary_clicked() {
            self.menu_by_key = false;
        }
        let popup = if self.menu_by_key {
            Popup::menu(response).open_memory(by_key.then_some(SetOpenCommand::Bool(true)))
        } else {
            Popup::context_menu(response)
        };
        let id = shown.row.id;
        popup.show(|ui| {
            ui.set_min_width(190.0);
            ui.weak(format!("Block {}", format::thousands(block as u64)));
            for (text, hint, action) in [
                (
                    "Check again",
                    "Read the block from the disk and compare its hash",
                    DownloadAction::CheckBlock(id, block),
                ),
                (
                    "Fetch again",
                    "Throw the block away and fetch it anew",
                    DownloadAction::FetchBlock(id, block),
                ),
            ] {
                if ui.button(text).on_hover_text(hint).clicked() {
                    actions.push(Action::Download(action));
                    ui.close();
                }
            }
        });
    }

    /// Codebases or blocks in trouble at the left, rate and events at the right.
    fn tables_ui(
        &mut self,
        ui: &mut Ui,
        shown: &Shown<'_>,
        status: &TransferStatus,
        grid: Option<(&BlockGrid<'_>, &LiveDownload)>,
    ) {
        let area = ui.available_size();
        let gap = 18.0;
        let right = (area.x * 0.42).clamp(220.0, 520.0);
        let column = |ui: &mut Ui, width: f32, add: &mut dyn FnMut(&mut Ui)| {
            let size = Vec2::new(width, area.y);
            ui.allocate_ui_with_layout(size, Layout::top_down(Align::Min), |ui| {
                ui.set_min_size(size);
                ui.set_max_size(size);
                ui.spacing_mut().item_spacing.x = 6.0;
                add(ui);
            });
        };
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = gap;
            column(ui, (area.x - right - gap).max(200.0), &mut |ui| {
                let trouble = self.grid.count(BlockState::Corrupt) + self.grid.count(BlockState::Repaired);
                let title = match trouble {
                    0 => "Blocks in trouble".to_owned(),
                    some => format!("Blocks in trouble {}", format::thousands(some as u64)),
                };
                let is_bad = self.grid.count(BlockState::Corrupt) > 0;
                let tabs =
                    [Tab { title: "Codebases", finding: false }, Tab { title: &title, finding: is_bad }];
                if let Some(tab) = tab_bar_ui(ui, &tabs, self.tab) {
                    self.tab = tab;
                }
                if self.tab == 1 {
                    match grid {
                        Some((grid, _)) => grid.trouble_ui(ui, &mut self.grid),
                        None => {
                            ui.weak("none");
                        }
                    }
                } else {
                    let columns = codebase_columns();
                    let rows = CodebaseRows(&status.codebases);
                    let height = shown.density.row_height();
                    List::new("codebases", "Codebases", &columns, height).show(
                        ui,
                        &mut self.codebases,
                        &rows,
                        |_, _| (),
                    );
                }
            });
            column(ui, right, &mut |ui| {
                let rates = grid.map(|(_, live)| live.rates()).unwrap_or_default();
                let points: Vec<(f32, f32)> =
                    rates.into_iter().map(|(ago, rate)| (ago, rate as f32)).collect();
                rate_plot_ui(ui, &points, (area.y * 0.38).clamp(48.0, 90.0));
                let events = grid.map(|(_, live)| live.events()).unwrap_or_default();
                let columns = [
                    Column::text("Time", 110.0).unsortable(),
                    Column::text("What happened", 160.0).growing().unsortable(),
                ];
                let rows = EventRows { events: &events, zone: shown.moment.zone };
                List::new("download events", "Events", &columns, 22.0).show(
                    ui,
                    &mut self.events,
                    &rows,
                    |_, _| (),
                );
            });
        });
    }
}

/// Title, figures, and the buttons for this one.
fn header_ui(ui: &mut Ui, shown: &Shown<'_>, map: Option<(&BlockMap, u64)>, actions: &mut Vec<Action>) {
    let tokens = Tokens::of(ui);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let pauses = match shown.row.state {
                DownloadState::Paused => DownloadCommand::Resume,
                _ => DownloadCommand::Pause,
            };
            let commands =
                [DownloadCommand::OpenFolder, DownloadCommand::Limit, DownloadCommand::CheckAgain, pauses];
            for command in commands {
                let command = Command::Download(command);
                let entry = command.entry();
                let refused = shown.scope.refusal(command);
                let response = button_unless(ui, &entry.text, None, refused).on_hover_text(&entry.hover);
                if response.clicked() {
                    actions.push(Action::Run(command));
                }
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.spacing_mut().item_spacing.x = 14.0;
                // A name may have 200 characters; what stands behind it is to be seen too.
                let title = short(&shown.row.title, TITLE_MOST);
                let title = RichText::new(title).font(semibold(15.0)).color(tokens.text);
                ui.add(Label::new(title).truncate()).on_hover_text(&shown.row.title);
                let text = figures(shown.row, map);
                let figures = Label::new(RichText::new(&text).color(tokens.secondary)).truncate();
                ui.add(figures).on_hover_text(&shown.row.address);
            });
        });
    });
}

/// `2,912 blocks of up to 2 MiB · 214 files · stopped twice, resumed with 871 blocks`.
fn figures(row: &DownloadRow, map: Option<(&BlockMap, u64)>) -> String {
    let mut parts = Vec::new();
    let count = |count: usize, one: &str, more: &str| {
        format!("{} {}", format::thousands(count as u64), if count == 1 { one } else { more })
    };
    if let Some((map, largest)) = map {
        let size = short_size(largest);
        parts.push(format!("{} of up to {size}", count(map.len(), "block", "blocks")));
        parts.push(count(map.files().len(), "file", "files"));
    }
    let kept = row.blocks.as_ref().map_or(0, |blocks| blocks.kept);
    parts.extend(words::stops(row.stops, kept));
    if let Some(limit) = row.limit_bytes_per_s {
        parts.push(format!("at most {}", format::short_rate(limit)));
    }
    parts.extend(row.trust.as_ref().map(words::trust));
    parts.join(" · ")
}

/// Why it waits or cannot go on: all of it, where the list has no room.
fn why_ui(ui: &mut Ui, shown: &Shown<'_>) {
    let row = shown.row;
    let waits =
        matches!(row.state, DownloadState::Retrying | DownloadState::Invalid | DownloadState::Pending)
            || row.anew.is_some();
    if !waits || row.reason.is_empty() || shown.live.is_none() {
        return;
    }
    let tone = words::tone(row.state).colour(Tokens::of(ui));
    let text = crate::console::dialogs::sentence(&row.reason);
    ui.add(Label::new(RichText::new(text).color(tone)).selectable(true).wrap());
}

/// A download of which nothing is in memory: it is finished, or could not begin.
fn still_ui(ui: &mut Ui, shown: &Shown<'_>) {
    let tokens = Tokens::of(ui);
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let row = shown.row;
        let tone = if row.state == DownloadState::Invalid { Tone::Bad } else { Tone::Secondary };
        let state = words::state_text(row, std::time::Duration::ZERO, shown.moment.now, shown.moment.zone);
        ui.add(Label::new(RichText::new(state).color(tone.colour(tokens))).selectable(true).wrap());
        let line = |ui: &mut Ui, text: String| {
            ui.add(Label::new(RichText::new(text).color(tokens.secondary)).selectable(true).wrap());
        };
        line(ui, format!("From {}", row.address));
        line(ui, format!("In {}", row.folder.display()));
        if let Some(key) = &row.registered_as {
            line(ui, format!("Registered as {}", key.title()));
        }
        if row.state == DownloadState::Ready {
            line(ui, "Check again reads every block of it and shows them here.".to_owned());
        }
    });
}
