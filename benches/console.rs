//! The console on a library of 100,000 packages, without a window: what a frame of list and tree costs (running and
//! tessellating), and how long sorting and filtering take.
//!
//! Test data are made once below `PACKHOUSE_BENCH_DIR` (or the temporary directory) and used again.
//! Arguments: `list` (default all).

#[path = "support/many_packages.rs"]
mod many_packages;
mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eframe::App as _;
use egui::{Event, Modifiers, MouseWheelUnit, Pos2, RawInput, Rect, vec2};
use jiff::Timestamp;
use many_packages::PACKAGES;
use packhouse::console::app::App;
use packhouse::console::pages::Place;
use packhouse::console::pages::packages::{Chip, ColumnKind, Filters, Job, SortBy};
use packhouse::console::start::{Desktop, Surroundings};
use packhouse::package::PackageList;
use packhouse::session::{ListPackages, Session};
use packhouse::work::Work;
use support::{Outcome, data_folder, options, report};

const FRAMES: usize = 300;
const RUNS: usize = 15;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let wants = |word: &str| arguments.is_empty() || arguments.iter().any(|argument| argument == word);
    if wants("list") {
        let library = many_packages::library(&data_folder()?)?;
        bench_indexes(&library)?;
        bench_frames(&library)?;
    }
    Ok(())
}

/// The rows of the list in another order, or fewer of them.
fn bench_indexes(library: &Path) -> Outcome {
    let session = Session::open(options(library))?;
    let packages: PackageList = session.run(ListPackages {}, &Work::new())?.into_iter().collect();
    let packages = Arc::new(packages);
    assert_eq!(packages.len(), PACKAGES, "remove {}", library.display());
    let by = |kind| SortBy { kind, descending: true };
    let sorts: [(&str, Vec<SortBy>); 6] = [
        ("sort_by_name_ms", vec![by(ColumnKind::Name)]),
        ("sort_by_version_ms", vec![by(ColumnKind::Version)]),
        ("sort_by_size_ms", vec![by(ColumnKind::Size)]),
        ("sort_by_supplier_then_size_ms", vec![by(ColumnKind::Supplier), by(ColumnKind::Size)]),
        ("sort_by_consistency_ms", vec![by(ColumnKind::Consistency)]),
        ("sort_by_registered_ms", vec![by(ColumnKind::Registered)]),
    ];
    let time = |name: &str, job: &dyn Fn() -> Job, at_least: usize| {
        let mut millis: Vec<f64> = (0..RUNS)
            .map(|_| {
                let job = job();
                let started = Instant::now();
                let index = job.make();
                let millis = started.elapsed().as_secs_f64() * 1e3;
                assert!(index.len() >= at_least, "{name} shows {} packages", index.len());
                millis
            })
            .collect();
        report(name, &mut millis);
    };
    for (name, sort) in sorts {
        let job = || Job::new(Place::Packages, Filters::default(), "", sort.clone(), &packages);
        time(name, &job, PACKAGES);
    }
    let column =
        |kind, text: &str| Filters { columns: [(kind, text.to_owned())].into(), ..Filters::default() };
    let filters = [
        ("filter_by_chip_ms", Filters { chip: Chip::Blocked, ..Filters::default() }, "", 100),
        ("filter_by_search_ms", Filters::default(), "runtime 0", 1_000),
        ("filter_by_name_field_ms", column(ColumnKind::Name, "server"), "", 1_000),
        ("filter_by_size_ms", column(ColumnKind::Size, ">1.5M"), "", 1_000),
        ("filter_by_shown_size_ms", column(ColumnKind::Size, "1.5"), "", 100),
        ("filter_by_date_ms", column(ColumnKind::Registered, "2026-05"), "", 1_000),
    ];
    for (name, filters, search, at_least) in filters {
        let sort = vec![by(ColumnKind::Name)];
        let job = || Job::new(Place::Packages, filters.clone(), search, sort.clone(), &packages);
        time(name, &job, at_least);
    }
    Ok(())
}

/// The console as it runs in a window of 1920 by 1080, its pictures tessellated and thrown away.
struct Screen {
    ctx: egui::Context,
    app: App,
    frame: eframe::Frame,
    started: Instant,
}

impl Screen {
    fn open(library: &Path) -> Self {
        let ctx = egui::Context::default();
        let around = Surroundings {
            library: library.to_owned(),
            keys: library.with_extension("keys"),
            actor: options(library).actor,
            desktop: Desktop::Usual,
            theme: Some(egui::ThemePreference::Dark),
            paths: Vec::new(),
            read_only: false,
            share: Default::default(),
            proxy: None,
            calls: Default::default(),
            now: Timestamp::now,
            notify: |_| {},
        };
        let app = App::new(&eframe::CreationContext::_new_kittest(ctx.clone()), around);
        Self { ctx, app, frame: eframe::Frame::_new_kittest(), started: Instant::now() }
    }

    /// One frame; how long it took.
    fn step(&mut self, events: Vec<Event>) -> Duration {
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, vec2(1920.0, 1080.0))),
            time: Some(self.started.elapsed().as_secs_f64()),
            events,
            focused: true,
            ..RawInput::default()
        };
        let began = Instant::now();
        let (app, frame) = (&mut self.app, &mut self.frame);
        let mut output = self.ctx.run_ui(input, |ui| {
            app.logic(ui.ctx(), frame);
            app.ui(ui, frame);
        });
        let drawn = self.ctx.tessellate(output.shapes, output.pixels_per_point);
        assert!(!drawn.is_empty(), "something is drawn");
        // There is no graphics card to give them to.
        output.textures_delta.clear();
        began.elapsed()
    }

    /// Frames until the list has been quiet for a second.
    fn wait(&mut self) {
        let mut quiet = Instant::now();
        let mut epoch = 0;
        while quiet.elapsed() < Duration::from_secs(2) {
            self.step(Vec::new());
            let now = self.app.session().map_or(0, |session| session.view().epoch);
            if now != epoch || now == 0 {
                (epoch, quiet) = (now, Instant::now());
            }
            std::thread::yield_now();
        }
    }
}

fn bench_frames(library: &Path) -> Outcome {
    let mut screen = Screen::open(library);
    screen.wait();
    let shown = screen.app.session().map_or(0, |session| session.view().packages.len());
    assert_eq!(shown, PACKAGES, "the library is open");
    let over_list = Pos2::new(700.0, 500.0);
    let millis = |frames: Vec<Duration>| frames.iter().map(|f| f.as_secs_f64() * 1e3).collect::<Vec<f64>>();
    screen.step(vec![Event::PointerMoved(over_list)]);
    let still: Vec<Duration> = (0..FRAMES).map(|_| screen.step(Vec::new())).collect();
    report("frame_of_list_and_tree_ms", &mut millis(still));
    let wheel = |y| Event::MouseWheel {
        unit: MouseWheelUnit::Point,
        delta: vec2(0.0, y),
        modifiers: Modifiers::NONE,
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Wheel,
    };
    let scrolled: Vec<Duration> = (0..FRAMES).map(|_| screen.step(vec![wheel(-2_400.0)])).collect();
    report("frame_while_scrolling_ms", &mut millis(scrolled));
    let click = |pressed| Event::PointerButton {
        pos: over_list,
        button: egui::PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    };
    screen.step(vec![click(true)]);
    screen.step(vec![click(false)]);
    let all = Event::Key {
        key: egui::Key::A,
        physical_key: None,
        pressed: true,
        repeat: false,
        modifiers: Modifiers::COMMAND,
    };
    let first = screen.step(vec![all]);
    report("frame_that_selects_100000_ms", &mut millis(vec![first]));
    let selected: Vec<Duration> = (0..FRAMES).map(|_| screen.step(Vec::new())).collect();
    report("frame_with_100000_selected_ms", &mut millis(selected));
    // A header is clicked: the frames until the list is sorted must stay short.
    let header = Pos2::new(1_250.0, 107.0);
    let at_header = |pressed| Event::PointerButton {
        pos: header,
        button: egui::PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    };
    screen.step(vec![Event::PointerMoved(header)]);
    screen.step(vec![at_header(true)]);
    let mut frames = vec![screen.step(vec![at_header(false)])];
    let until = Instant::now() + Duration::from_secs(1);
    while Instant::now() < until {
        frames.push(screen.step(Vec::new()));
    }
    report("frame_around_a_click_on_a_header_ms", &mut millis(frames));
    Ok(())
}
