//! The tab *Blocks*: the grid of the last deep check, filled in live while one runs, and the blocks in trouble. Of an
//! archived package it shows what verifying the archive found.

use std::sync::Arc;

use egui::{Align, Layout, RichText, Ui, Vec2};
use jiff::Timestamp;

use super::PropertyWindow;
use crate::console::action::Action;
use crate::console::format;
use crate::console::pages::packages::Moment;
use crate::console::tasks::Tasks;
use crate::console::tokens::{Tokens, Tone};
use crate::console::widgets::block_grid::words::{BlockNotes, short_size};
use crate::console::widgets::block_grid::{BlockGrid, GridState};
use crate::console::widgets::button::{button, button_unless, link};
use crate::package::deep_blocks::DeepBasis;
use crate::package::{
    BlockBoard, BlockMap, BlockState, BoardSlot, CheckKind, CheckReport, Finding, PackageRecord, PackageState,
};
use crate::session::PackageBlocks;

/// Width from which on the table stands beside the grid, in points.
const BESIDE_FROM: f32 = 1180.0;
/// Height of the buttons and what stands beside them, in points.
const BUTTONS: f32 = 34.0;

/// What the tab remembers.
#[derive(Default)]
pub(super) struct State {
    /// What was read.
    blocks: Option<PackageBlocks>,
    /// What was read is older than the details.
    pub(super) old: bool,
    /// The board of the check that runs, or of the last one if its outcome could not be recorded.
    live: Option<BoardSlot>,
    /// The check of `live` has ended.
    ended: bool,
    /// Its outcome was not recorded: the library is open for reading only.
    unrecorded: bool,
    grid: GridState,
}

impl State {
    /// Shows the blocks of a check from now on.
    pub(super) fn watch(&mut self, slot: BoardSlot) {
        self.live = Some(slot);
        self.ended = false;
        self.unrecorded = false;
    }

    /// The check has ended; one that came to no result leaves nothing behind.
    pub(super) fn end(&mut self, has_result: bool) {
        self.ended = true;
        if !has_result {
            self.live = None;
        }
    }

    /// Takes over what was read. What a check found that could not be recorded, `report`, stays.
    pub(super) fn set(&mut self, blocks: PackageBlocks, report: Option<&CheckReport>) {
        /// The library keeps times less exactly than a report has them.
        const SAME: jiff::SignedDuration = jiff::SignedDuration::from_secs(1);
        let recorded = match blocks.basis {
            DeepBasis::Never => None,
            DeepBasis::Archived(at) => Some(at),
            DeepBasis::Outdated(deep) | DeepBasis::PutRight(deep) | DeepBasis::Checked(deep) => Some(deep.at),
        };
        let unrecorded = report.is_some_and(|report| {
            let is_newer = recorded.is_none_or(|at| report.at.duration_since(at) > SAME);
            report.kind == CheckKind::Deep && is_newer
        });
        if self.ended && !unrecorded {
            self.live = None;
        }
        self.unrecorded = self.ended && unrecorded;
        self.blocks = Some(blocks);
    }

    /// The board of a check, if there is one and it fits the blocks.
    fn live_board(&self, map: &BlockMap) -> Option<&Arc<BlockBoard>> {
        self.live.as_ref()?.board().filter(|board| board.len() == map.len())
    }
}

/// When the blocks came into their states.
struct Times(Option<String>);

impl BlockNotes for Times {
    fn when(&self, _: usize) -> Option<String> {
        self.0.clone()
    }
}

impl PropertyWindow {
    pub(super) fn blocks_ui(
        &mut self,
        ui: &mut Ui,
        moment: Moment<'_>,
        tasks: &Tasks,
        is_active: bool,
        actions: &mut Vec<Action>,
    ) {
        if std::mem::take(&mut self.blocks.old) {
            actions.push(Action::ReadBlocks(self.id));
        }
        let Some(record) = self.details.as_ref().map(|details| details.record.clone()) else { return };
        let Some(blocks) = self.blocks.blocks.clone() else {
            ui.weak("Reading the blocks…");
            return;
        };
        let size = Vec2::new(ui.available_width(), (ui.available_height() - BUTTONS).max(80.0));
        ui.allocate_ui_with_layout(size, Layout::top_down(Align::Min), |ui| {
            ui.set_min_size(size);
            ui.set_max_size(size);
            ui.spacing_mut().item_spacing.y = 5.0;
            let is_checking = self.check.is_some_and(|task| tasks.is_running(task)) && !self.blocks.ended;
            match blocks.map.as_deref().map(|map| (map, nothing_to_show(map))) {
                None => {
                    let most = format::thousands(BlockMap::MOST as u64);
                    ui.weak(format!("The package has more than {most} blocks: too many to show."));
                }
                Some((_, Some(why))) => {
                    ui.weak(why);
                }
                Some((map, None)) => {
                    let live = self.blocks.live_board(map).cloned();
                    let when = match (&live, &self.report) {
                        (Some(_), _) if is_checking => None,
                        (Some(_), Some(report)) => Some(moment.text(report.at)),
                        _ => checked_at(&blocks).map(|at| moment.text(at)),
                    };
                    if live.is_none() {
                        basis_ui(ui, &blocks, &record, moment);
                    } else if self.blocks.unrecorded {
                        ui.weak("Checked just now; the library is open for reading only, so this is not recorded.");
                    } else {
                        ui.weak("Being checked: blocks are filled in as they are read.");
                    }
                    if live.is_none() && !is_proven(&blocks) {
                        // Of no block anything is known: none is missing, and none is right.
                        return;
                    }
                    let board = live.unwrap_or_else(|| Arc::clone(&blocks.board));
                    // While blocks are checked the legend stands still.
                    let states = [
                        BlockState::Verified,
                        BlockState::Missing,
                        BlockState::Corrupt,
                        BlockState::Checking,
                    ];
                    let states = &states[..if is_checking { 4 } else { 3 }];
                    let notes = Times(when);
                    let grid = BlockGrid::new("blocks", map, &board).states(states).notes(&notes).keys(is_active);
                    grid_and_table_ui(ui, &grid, &mut self.blocks.grid);
                }
            }
        });
        self.block_buttons_ui(ui, &blocks, &record, tasks, actions);
    }

    fn block_buttons_ui(
        &self,
        ui: &mut Ui,
        blocks: &PackageBlocks,
        record: &PackageRecord,
        tasks: &Tasks,
        actions: &mut Vec<Action>,
    ) {
        ui.horizontal(|ui| {
            let tokens = Tokens::of(ui);
            let secondary = |text: String| RichText::new(text).color(tokens.secondary);
            match self.check.filter(|task| tasks.is_running(*task)) {
                Some(task) => {
                    let progress = tasks.progress(task).unwrap_or_default();
                    if button(ui, "Stop").clicked() {
                        actions.push(Action::Stop(task));
                    }
                    let percent = progress.fraction().map(|part| format!(" {:.0} %", part * 100.0));
                    ui.label(secondary(format!("{}{}", progress.phase, percent.unwrap_or_default())));
                }
                None => {
                    let (word, hint) = match record.state {
                        PackageState::Archived => {
                            ("Verify archive", "Read all of the archive and compare its hashes")
                        }
                        _ => ("Deep check", "Read every file and compare its hashes (Shift+F5)"),
                    };
                    if button(ui, word).on_hover_text(hint).clicked() {
                        actions.push(Action::Check(vec![self.id], CheckKind::Deep));
                    }
                    if record.state != PackageState::Archived
                        && button_unless(ui, "Repair…", None, self.repair_refusal()).clicked()
                    {
                        actions.push(Action::AskRepair(vec![self.id], false));
                    }
                }
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if let Some(snapshot) = blocks.snapshot {
                    if link(ui, "Copy snapshot digest").clicked() {
                        actions.push(Action::Copy(snapshot.to_string()));
                    }
                    ui.label(RichText::new(snapshot.short()).monospace().color(tokens.text)).on_hover_text(
                        format!(
                            "SHA-256 of the snapshot, the list of all files and block hashes: {snapshot}"
                        ),
                    );
                    ui.label(secondary("Snapshot".to_owned()));
                    ui.add_space(10.0);
                }
                let size = blocks.map.as_ref().map_or(0, |map| map.block_size().bytes());
                ui.label(RichText::new(short_size(size)).color(tokens.text))
                    .on_hover_text(format::exact_size(size));
                ui.label(secondary("Block size".to_owned()));
            });
        });
    }
}

/// Why there is no grid.
fn nothing_to_show(map: &BlockMap) -> Option<String> {
    if map.files().is_empty() {
        return Some("The package has no files, so it has no blocks.".to_owned());
    }
    if map.is_empty() {
        return Some("All files of the package are empty, so it has no blocks.".to_owned());
    }
    None
}

/// What cannot be proven, where hashes were lost with a library database.
fn lost_hashes(map: &BlockMap) -> Option<String> {
    match (map.files_without_hashes(), map.files().len()) {
        (0, _) => None,
        (lost, all) if lost == all => Some(
            "The block hashes of the package were lost with a library database: no block can be proven."
                .to_owned(),
        ),
        (lost, _) => Some(format!(
            "The block hashes of {} {} were lost with a library database: their blocks cannot be proven.",
            format::thousands(lost as u64),
            if lost == 1 { "file" } else { "files" },
        )),
    }
}

/// Whether the states of the blocks are what somebody found, and not only that nobody has looked.
fn is_proven(blocks: &PackageBlocks) -> bool {
    matches!(blocks.basis, DeepBasis::Checked(_) | DeepBasis::Archived(_))
}

fn checked_at(blocks: &PackageBlocks) -> Option<Timestamp> {
    match blocks.basis {
        DeepBasis::Checked(deep) => Some(deep.at),
        DeepBasis::Archived(at) => Some(at),
        _ => None,
    }
}

/// What the states rest on, in one or two sentences.
fn basis_ui(ui: &mut Ui, blocks: &PackageBlocks, record: &PackageRecord, moment: Moment<'_>) {
    let is_archived = record.state == PackageState::Archived;
    if let Some(text) = blocks.map.as_deref().and_then(lost_hashes) {
        ui.label(RichText::new(text).color(Tokens::of(ui).busy));
    }
    let (text, tone) = match blocks.basis {
        DeepBasis::Never => (
            "No deep check was made yet. It reads every block and compares its hash.".to_owned(),
            Tone::Secondary,
        ),
        DeepBasis::Archived(at) => (
            format!("Read back and compared when it was archived, {}. Not verified since.", moment.full(at)),
            Tone::Secondary,
        ),
        DeepBasis::Outdated(deep) => (
            format!(
                "Not deep checked since it was {} {}; the last deep check was {}.",
                record.checksum_event,
                moment.full(record.checksum_at),
                moment.full(deep.at)
            ),
            Tone::Secondary,
        ),
        DeepBasis::PutRight(deep) => (
            format!(
                "The deep check of {} found differences, and a later check others or none. Deep check again tells which \
                 blocks are right.",
                moment.full(deep.at)
            ),
            Tone::Secondary,
        ),
        DeepBasis::Checked(deep) => {
            let what = if is_archived { "Archive verified" } else { "Deep check" };
            let (result, tone) = match deep.finding {
                Finding::Consistent => ("no damage", Tone::Secondary),
                Finding::Damaged => ("damage found", Tone::Bad),
                Finding::Differs => ("differences found", Tone::Bad),
                Finding::Unreadable => ("not all of it could be read", Tone::Bad),
                Finding::Missing => ("the folder was missing", Tone::Bad),
            };
            let took = format::duration(deep.took_ms);
            let at = moment.full(deep.at);
            match record.deep_event().filter(|_| !is_archived) {
                Some("registered") => {
                    (format!("Hashes taken when it was registered, {at}; not compared since."), tone)
                }
                Some(event) => (format!("{what}: {result}, when it was {event}, {at}, in {took}."), tone),
                None => (format!("{what}: {result}, {at}, in {took}."), tone),
            }
        }
    };
    ui.add(
        egui::Label::new(RichText::new(text).color(tone.colour(Tokens::of(ui)))).selectable(true).truncate(),
    );
}

/// The table stands beside the grid where there is room and something to list, else below it.
fn grid_and_table_ui(ui: &mut Ui, grid: &BlockGrid<'_>, state: &mut GridState) {
    let area = ui.available_size();
    let has_trouble = state.count(BlockState::Corrupt) + state.count(BlockState::Repaired) > 0;
    if area.x >= BESIDE_FROM && has_trouble {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = 14.0;
            let table = 540.0;
            let left = Vec2::new(area.x - table - 14.0, area.y);
            ui.allocate_ui_with_layout(left, Layout::top_down(Align::Min), |ui| {
                ui.set_min_size(left);
                ui.spacing_mut().item_spacing.x = 6.0;
                grid.show(ui, state, area.y);
            });
            let right = Vec2::new(table, area.y);
            ui.allocate_ui_with_layout(right, Layout::top_down(Align::Min), |ui| {
                ui.set_min_size(right);
                ui.set_max_size(right);
                ui.spacing_mut().item_spacing.x = 6.0;
                grid.trouble_ui(ui, state);
            });
        });
        return;
    }
    let table = if has_trouble { (area.y * 0.38).clamp(110.0, 220.0) } else { 22.0 };
    grid.show(ui, state, area.y - table - 6.0);
    grid.trouble_ui(ui, state);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::manifest::ManifestFile;
    use crate::package::record::LastCheck;
    use crate::package::{BlockSize, ConsistencyChecksum, Differences, FileList, Manifest};

    fn read(basis: DeepBasis) -> PackageBlocks {
        let file = ManifestFile { path: "a".into(), size_bytes: 1, executable: false, hashes: None };
        let manifest = Manifest::from_files(BlockSize::DEFAULT, vec![file]).expect("one file");
        let map = BlockMap::of(&manifest).map(Arc::new);
        PackageBlocks { map, board: Arc::new(BlockBoard::new(1)), basis, snapshot: None }
    }

    fn report() -> CheckReport {
        let recorded = ConsistencyChecksum::of(&FileList::new());
        CheckReport {
            kind: CheckKind::Deep,
            at: Timestamp::UNIX_EPOCH,
            took_ms: 0,
            finding: Finding::Consistent,
            recorded,
            found: Some(recorded),
            differences: Differences::default(),
            without_hashes: 0,
        }
    }

    fn is_live(state: &State) -> bool {
        state.blocks.as_ref().and_then(|blocks| state.live_board(blocks.map.as_deref()?)).is_some()
    }

    /// A check that is running, with a board.
    fn running() -> State {
        let mut state = State::default();
        state.set(read(DeepBasis::Never), None);
        let slot = BoardSlot::new();
        state.watch(slot.clone());
        assert!(!is_live(&state), "nobody has made the board yet");
        slot.make(1);
        assert!(is_live(&state));
        state
    }

    #[test]
    fn a_stopped_check_leaves_what_was_there_before() {
        let mut state = running();
        state.set(read(DeepBasis::Never), None);
        assert!(is_live(&state), "reading anew does not end a check");
        state.end(false);
        assert!(!is_live(&state));
    }

    #[test]
    fn a_check_that_was_recorded_gives_way_to_the_record() {
        let report = report();
        let mut state = running();
        state.end(true);
        assert!(is_live(&state), "until the record was read");
        let deep = LastCheck { at: report.at, finding: report.finding, took_ms: 0 };
        state.set(read(DeepBasis::Checked(deep)), Some(&report));
        assert!(!is_live(&state) && !state.unrecorded);
    }

    #[test]
    fn a_check_that_could_not_be_recorded_stays() {
        let mut state = running();
        state.end(true);
        state.set(read(DeepBasis::Never), Some(&report()));
        assert!(is_live(&state) && state.unrecorded);
    }

    #[test]
    fn a_board_of_other_blocks_is_not_shown() {
        let mut state = State::default();
        state.set(read(DeepBasis::Never), None);
        let slot = BoardSlot::new();
        slot.make(2);
        state.watch(slot);
        assert!(!is_live(&state));
    }
}
