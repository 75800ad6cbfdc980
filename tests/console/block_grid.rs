//! The block grid by accessible names and keys, and a picture in each theme.

use std::sync::Arc;

use egui::{Key, Modifiers, Role, Theme, Ui};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use egui_kittest::{Harness, SnapshotOptions};
use packhouse::console::tokens::Tokens;
use packhouse::console::widgets::block_grid::words::BlockNotes;
use packhouse::console::widgets::block_grid::{BlockGrid, GridState};
use packhouse::package::manifest::{FileHashes, ManifestFile};
use packhouse::package::{BlockBoard, BlockMap, BlockSize, BlockState, Manifest, Sha256Digest};

const MIB: u64 = 1 << 20;

/// Files of these sizes, with hashes.
pub(crate) fn map(sizes: impl IntoIterator<Item = u64>) -> BlockMap {
    let size = BlockSize::DEFAULT;
    let file = |(n, size_bytes): (usize, u64)| {
        let blocks = (0..size.blocks_in(size_bytes)).map(|block| Sha256Digest::of(&block.to_le_bytes()));
        let hashes = FileHashes { file: Sha256Digest::default(), blocks: blocks.collect() };
        let path = format!("lib/part-{n:05}.dat");
        ManifestFile { path, size_bytes, executable: false, hashes: Some(hashes) }
    };
    let files = sizes.into_iter().enumerate().map(file).collect();
    BlockMap::of(&Manifest::from_files(size, files).expect("distinct")).expect("not too many")
}

struct Notes;

impl BlockNotes for Notes {
    fn when(&self, _: usize) -> Option<String> {
        Some("14:02".to_owned())
    }

    fn lines(&self, _: usize) -> Vec<String> {
        vec!["from origin.example".to_owned()]
    }
}

struct State {
    map: BlockMap,
    board: Arc<BlockBoard>,
    grid: GridState,
    selected: Option<usize>,
}

fn grid_ui(ui: &mut Ui, state: &mut State) {
    egui::Frame::new().fill(Tokens::of(ui).panel).inner_margin(12).show(ui, |ui| {
        let grid = BlockGrid::new("grid", &state.map, &state.board).notes(&Notes).keys(true);
        let height = ui.available_height() - 150.0;
        let done = grid.show(ui, &mut state.grid, height);
        state.selected = done.selected.or(state.selected);
        grid.trouble_ui(ui, &mut state.grid);
    });
}

/// 400 blocks of 100 files; 10 and 300 are corrupt, 200 is repaired, 350 on are missing.
fn state() -> State {
    let map = map((0..100).map(|_| 7 * MIB));
    let board = BlockBoard::new(map.len());
    for block in 0..350 {
        board.mark(block, if block < 120 { BlockState::Kept } else { BlockState::Verified });
    }
    board.mark(10, BlockState::Corrupt);
    board.mark(300, BlockState::Corrupt);
    board.mark(200, BlockState::Repaired);
    State { map, board: Arc::new(board), grid: GridState::default(), selected: None }
}

fn harness() -> Harness<'static, State> {
    let mut harness = Harness::builder()
        .with_size([800.0, 600.0])
        .with_context_setup(super::dress)
        .build_ui_state(grid_ui, state());
    harness.run();
    harness
}

fn grid_name(harness: &Harness<'_, State>) -> String {
    let all = harness.query_all_by_role(Role::Canvas);
    all.filter_map(|node| node.accesskit_node().label()).collect()
}

fn press(harness: &mut Harness<'_, State>, modifiers: Modifiers, key: Key) {
    harness.key_press_modifiers(modifiers, key);
    harness.run();
}

/// What a screen reader says of the cursor.
fn said(harness: &Harness<'_, State>) -> String {
    harness.get_by_role(Role::Canvas).value().unwrap_or_default()
}

#[test]
fn a_grid_says_what_it_shows_and_follows_its_board() {
    let mut harness = harness();
    assert_eq!(grid_name(&harness), "400 blocks: 228 verified, 119 kept, 50 missing, 2 corrupt, 1 repaired");
    harness.get_by_label("100 files, 400 blocks of up to 2 MiB");
    assert!(
        harness.query_by_label_contains("lib/part-00050.dat, offset 0, 2,097,152 bytes, Repaired").is_some()
    );
    let board = Arc::clone(&harness.state().board);
    (350..400).for_each(|block| board.mark(block, BlockState::Verified));
    board.mark(10, BlockState::Repaired);
    harness.run();
    assert_eq!(grid_name(&harness), "400 blocks: 278 verified, 119 kept, 1 corrupt, 2 repaired");
    harness.get_by_label("Repaired 2");
    assert!(harness.query_by_label_contains("Missing").is_none(), "no entry for what is not there");
}

#[test]
fn the_legend_filters_and_then_jumps() {
    let mut harness = harness();
    let click = |harness: &mut Harness<'_, State>| {
        harness.get_by_label("Corrupt 2").click();
        harness.run();
        (harness.state().grid.filter(), harness.state().grid.cursor())
    };
    assert_eq!(click(&mut harness), (Some(BlockState::Corrupt), None));
    assert_eq!(click(&mut harness), (Some(BlockState::Corrupt), Some(10)));
    assert_eq!(click(&mut harness), (Some(BlockState::Corrupt), Some(300)));
    assert_eq!(click(&mut harness), (Some(BlockState::Corrupt), Some(10)), "around the end");
    harness.get_by_label("Kept from checkpoint 119").click();
    harness.run();
    assert_eq!(harness.state().grid.filter(), Some(BlockState::Kept));
    harness.get_by_label("Show all states").click();
    harness.run();
    assert_eq!(harness.state().grid.filter(), None);
}

#[test]
fn everything_is_reached_by_keyboard() {
    let mut harness = harness();
    harness.get_by_role(Role::Canvas).focus();
    harness.run();
    let cursor = |harness: &Harness<'_, State>| harness.state().grid.cursor();
    press(&mut harness, Modifiers::NONE, Key::ArrowRight);
    assert_eq!(cursor(&harness), Some(0));
    press(&mut harness, Modifiers::NONE, Key::ArrowRight);
    assert_eq!(cursor(&harness), Some(1));
    press(&mut harness, Modifiers::NONE, Key::ArrowDown);
    let row = cursor(&harness).expect("a cursor") - 1;
    assert!(row > 20, "a row has {row} cells");
    press(&mut harness, Modifiers::NONE, Key::ArrowUp);
    press(&mut harness, Modifiers::NONE, Key::ArrowLeft);
    assert_eq!(cursor(&harness), Some(0));
    press(&mut harness, Modifiers::NONE, Key::End);
    assert_eq!(cursor(&harness), Some(399));
    press(&mut harness, Modifiers::NONE, Key::Home);
    press(&mut harness, Modifiers::NONE, Key::PageDown);
    assert_eq!(cursor(&harness), Some(399), "all is on one page");
    press(&mut harness, Modifiers::NONE, Key::F8);
    assert_eq!(cursor(&harness), Some(10));
    press(&mut harness, Modifiers::NONE, Key::F8);
    assert_eq!(cursor(&harness), Some(200));
    press(&mut harness, Modifiers::SHIFT, Key::F8);
    assert_eq!(cursor(&harness), Some(10));
    assert_eq!(
        said(&harness),
        format!(
            "Block 10 · Corrupt · lib/part-00002.dat · offset 4,194,304 · 2,097,152 bytes · sha-256 {} · from \
             origin.example · corrupt 14:02",
            Sha256Digest::of(&2u64.to_le_bytes()).short()
        )
    );
    assert_eq!(harness.state().selected, None);
    press(&mut harness, Modifiers::NONE, Key::Enter);
    assert_eq!(harness.state().selected, Some(10));
}

#[test]
fn zooming_keeps_the_cursor_in_view_and_ends_where_it_began() {
    let mut harness = harness();
    harness.get_by_role(Role::Canvas).focus();
    harness.run();
    press(&mut harness, Modifiers::NONE, Key::End);
    for _ in 0..4 {
        press(&mut harness, Modifiers::NONE, Key::Plus);
    }
    harness.get_by_label("Show whole package");
    press(&mut harness, Modifiers::NONE, Key::ArrowLeft);
    assert_eq!(harness.state().grid.cursor(), Some(398));
    press(&mut harness, Modifiers::NONE, Key::Minus);
    harness.get_by_label("Show whole package");
    press(&mut harness, Modifiers::NONE, Key::Num0);
    assert!(harness.query_by_label("Show whole package").is_none());
    harness.get_by_label("bytes").click();
    harness.run();
    assert_eq!(harness.state().grid.cursor(), Some(398));
}

#[test]
fn a_row_of_the_table_puts_the_cursor_on_its_block() {
    let mut harness = harness();
    harness.get_by_label_contains("lib/part-00075.dat, offset 0").click();
    harness.run();
    assert_eq!(harness.state().grid.cursor(), Some(300));
    harness.get_by_role(Role::Canvas).click();
    harness.run();
    let clicked = harness.state().selected.expect("a cell in the middle");
    assert!((150..250).contains(&clicked), "{clicked}");
}

#[test]
fn the_pointer_shows_file_offset_hash_and_state() {
    let mut harness = harness();
    harness.get_by_role(Role::Canvas).hover();
    let shows = |harness: &Harness<'_, State>, part: &str| {
        let labels = harness.query_all_by_role(Role::Label);
        labels.filter_map(|node| node.value()).any(|text| text.contains(part))
    };
    // Until the time has passed after which a tool tip comes.
    for _ in 0..200 {
        harness.step();
        if shows(&harness, "sha-256 ") {
            break;
        }
    }
    for part in
        ["Block ", "Verified", "lib/part-000", "offset ", "sha-256 ", "from origin.example", "verified 14:02"]
    {
        assert!(shows(&harness, part), "{part}");
    }
}

#[test]
fn another_board_is_another_picture() {
    let mut harness = harness();
    press(&mut harness, Modifiers::NONE, Key::F8);
    harness.state_mut().board = Arc::new(BlockBoard::new(400));
    harness.run();
    assert_eq!(grid_name(&harness), "400 blocks: 400 missing");
    // A board of fewer blocks, with the map that goes with it.
    harness.state_mut().map = map([5 * MIB]);
    harness.state_mut().board = Arc::new(BlockBoard::new(3));
    harness.run();
    assert_eq!(grid_name(&harness), "3 blocks: 3 missing");
}

fn picture(theme: Theme, name: &str) {
    let map = map((0..214).map(|n| (n * n % 19 + 1) * 3 * MIB));
    let board = BlockBoard::new(map.len());
    let all = map.len();
    for block in 0..all * 3 / 4 {
        let state = match block * 16 / all {
            0..5 => BlockState::Kept,
            5..6 => BlockState::Reused,
            6..10 => BlockState::Verified,
            10 => BlockState::Checking,
            _ => BlockState::Downloading,
        };
        board.mark(block, state);
    }
    for block in [0.19, 0.41] {
        board.mark((all as f64 * block) as usize, BlockState::Corrupt);
    }
    (0..3).for_each(|more| board.mark(all * 3 / 8 + more, BlockState::Repaired));
    let grid = GridState::default();
    let state = State { map, board: Arc::new(board), grid, selected: None };
    let mut harness = Harness::builder()
        .with_size([1000.0, 560.0])
        .with_theme(theme)
        .with_options(SnapshotOptions::new().threshold(1.0).max_failed_pixels(10))
        .with_context_setup(super::dress)
        .wgpu()
        .build_ui_state(grid_ui, state);
    harness.run();
    press(&mut harness, Modifiers::NONE, Key::F8);
    harness.snapshot(name);
}

#[test]
fn the_grid_is_dark() {
    picture(Theme::Dark, "block-grid-dark");
}

#[test]
fn the_grid_is_light() {
    picture(Theme::Light, "block-grid-light");
}
