//! What a frame of the block grid costs: run and tessellate, without a window, while blocks change.
//!
//! A million blocks in files of one block, and in one large file; 10,000 changes a second at 60 frames a second, spread
//! over the package, and at one front. Prints medians in milliseconds.

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use egui::{Context, Event, Key, Modifiers, RawInput, Rect, pos2, vec2};
use packhouse::console::theme::{Density, apply};
use packhouse::console::widgets::block_grid::cells::SizeBy;
use packhouse::console::widgets::block_grid::{BlockGrid, GridState};
use packhouse::package::manifest::{FileHashes, ManifestFile};
use packhouse::package::{BlockBoard, BlockMap, BlockSize, BlockState, Manifest, Sha256Digest};

const FRAMES: usize = 300;
const CHANGES_A_SECOND: usize = 10_000;
const FRAMES_A_SECOND: usize = 60;

fn map(files: usize, blocks_in_each: usize) -> Result<BlockMap, Box<dyn Error>> {
    let size = BlockSize::DEFAULT;
    let file = |n: usize| {
        let hashes = FileHashes {
            file: Sha256Digest::default(),
            blocks: vec![Sha256Digest::default(); blocks_in_each],
        };
        let size_bytes = blocks_in_each as u64 * size.bytes() - 1_000;
        ManifestFile { path: format!("lib/{n:07}.dat"), size_bytes, executable: false, hashes: Some(hashes) }
    };
    let manifest = Manifest::from_files(size, (0..files).map(file).collect())?;
    Ok(BlockMap::of(&manifest).ok_or("too many blocks")?)
}

/// Which blocks change in a frame.
#[derive(Clone, Copy)]
enum Changes {
    None,
    /// All over the package.
    Spread,
    /// One after the other.
    Front,
}

struct Scene<'a> {
    name: &'a str,
    map: &'a BlockMap,
    changes: Changes,
    /// How far it is zoomed.
    zoom: u32,
    by_bytes: bool,
    width: f32,
    height: f32,
}

fn frame(
    ctx: &Context,
    scene: &Scene<'_>,
    board: &Arc<BlockBoard>,
    grid: &mut GridState,
    events: Vec<Event>,
) {
    let input = RawInput {
        screen_rect: Some(Rect::from_min_size(pos2(0.0, 0.0), vec2(scene.width, scene.height))),
        max_texture_side: Some(8192),
        focused: true,
        events,
        ..RawInput::default()
    };
    let output = ctx.run_ui(input, |ui| {
        let widget = BlockGrid::new("grid", scene.map, board);
        let height = ui.available_height() - 200.0;
        widget.show(ui, grid, height);
        widget.trouble_ui(ui, grid);
    });
    std::hint::black_box(ctx.tessellate(output.shapes, output.pixels_per_point));
}

#[expect(clippy::print_stdout, reason = "a benchmark speaks on stdout")]
fn measure(scene: &Scene<'_>) {
    let ctx = Context::default();
    apply(&ctx, Density::Normal);
    let blocks = scene.map.len();
    let board = Arc::new(BlockBoard::new(blocks));
    for block in 0..blocks / 2 {
        board.mark(block, if block % 5 == 0 { BlockState::Reused } else { BlockState::Verified });
    }
    (0..200).for_each(|n| board.mark(n * (blocks / 200), BlockState::Corrupt));
    let mut grid = GridState::default();
    // The first frames lay out text, and the last of these the whole grid.
    (0..3).for_each(|_| frame(&ctx, scene, &board, &mut grid, Vec::new()));
    let press = |key| Event::Key {
        key,
        physical_key: None,
        pressed: true,
        repeat: false,
        modifiers: Modifiers::NONE,
    };
    grid.set_size_by(if scene.by_bytes { SizeBy::Bytes } else { SizeBy::Blocks });
    grid.set_level(scene.zoom);
    frame(&ctx, scene, &board, &mut grid, Vec::new());
    let mut whole: Vec<f64> = (0..9)
        .map(|turn| {
            // Another filter: every texel is made again.
            grid.set_filter((turn % 2 == 0).then_some(BlockState::Reused));
            let started = Instant::now();
            frame(&ctx, scene, &board, &mut grid, Vec::new());
            started.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    grid.set_filter(None);
    frame(&ctx, scene, &board, &mut grid, vec![press(Key::F8)]);
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut front = blocks / 2;
    let mut costs: Vec<f64> = (0..FRAMES)
        .map(|n| {
            for change in 0..CHANGES_A_SECOND / FRAMES_A_SECOND {
                let block = match scene.changes {
                    Changes::None => break,
                    Changes::Spread => {
                        random ^= random << 13;
                        random ^= random >> 7;
                        random ^= random << 17;
                        random as usize % blocks
                    }
                    Changes::Front => {
                        front = (front + 1) % blocks;
                        front
                    }
                };
                let state = [BlockState::Downloading, BlockState::Checking, BlockState::Verified];
                board.mark(block, state[(n + change) % state.len()]);
            }
            let started = Instant::now();
            frame(&ctx, scene, &board, &mut grid, Vec::new());
            started.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    costs.sort_by(f64::total_cmp);
    whole.sort_by(f64::total_cmp);
    println!(
        "{}: median {:.3} ms a frame (min {:.3}, 99 of 100 below {:.3}, max {:.3}), n={FRAMES}; all cells anew {:.2} ms",
        scene.name,
        costs[FRAMES / 2],
        costs[0],
        costs[FRAMES * 99 / 100],
        costs[FRAMES - 1],
        whole[whole.len() / 2]
    );
}

#[expect(clippy::print_stdout, reason = "a benchmark speaks on stdout")]
fn main() -> Result<(), Box<dyn Error>> {
    let million = map(1_000_000, 1)?;
    let large = map(10, 100_000)?;
    let some = map(100, 180)?;
    println!(
        "block grid: run and tessellate, {CHANGES_A_SECOND} changes a second, {FRAMES_A_SECOND} frames a second"
    );
    let scene = |name, map, changes, zoom, by_bytes, (width, height)| Scene {
        name,
        map,
        changes,
        zoom,
        by_bytes,
        width,
        height,
    };
    let full = (1920.0, 1080.0);
    measure(&scene("a million blocks, nothing changes", &million, Changes::None, 0, false, full));
    measure(&scene("a million blocks, changes all over", &million, Changes::Spread, 0, false, full));
    measure(&scene("a million blocks, changes at a front", &million, Changes::Front, 0, false, full));
    measure(&scene("a million blocks by bytes, changes all over", &million, Changes::Spread, 0, true, full));
    measure(&scene(
        "a million blocks in 10 files by bytes, all over",
        &large,
        Changes::Spread,
        0,
        true,
        full,
    ));
    measure(&scene("a million blocks zoomed to marks, all over", &large, Changes::Spread, 7, false, full));
    measure(&scene(
        "18,000 blocks with marks, changes all over",
        &some,
        Changes::Spread,
        0,
        false,
        (1920.0, 1400.0),
    ));
    measure(&scene(
        "18,000 blocks with marks, nothing changes",
        &some,
        Changes::None,
        0,
        false,
        (1920.0, 1400.0),
    ));
    Ok(())
}
