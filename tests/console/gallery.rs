//! Two pictures of the whole frame with everything in it, dark and light, compared with those kept in
//! `tests/snapshots`.

use egui::{Frame, Margin, Panel, Theme, ThemePreference, Ui};
use egui_kittest::{Harness, SnapshotOptions};
use packhouse::console::command::Command;
use packhouse::console::icons::{self, Icon, Mark};
use packhouse::console::pages::Place;
use packhouse::console::pages::packages::command::ListScope;
use packhouse::console::shell::{Shell, shell_ui};
use packhouse::console::theme::Density;
use packhouse::console::tokens::{Tokens, Tone};
use packhouse::console::widgets::alert::alert;
use packhouse::console::widgets::button::{button, link, primary_button};
use packhouse::console::widgets::chip::chip;
use packhouse::console::widgets::command_button::command_button;
use packhouse::console::widgets::field_row::{text_row, value_row};
use packhouse::console::widgets::list::{Cell, Column, List, ListState, Row, Rows, Sort};
use packhouse::console::widgets::progress_row::{Progress, progress_row_ui};
use packhouse::console::widgets::selection::Selection;
use packhouse::console::widgets::tab_bar::{Tab, tab_bar_ui};
use packhouse::console::widgets::tree::TreeRow;

type Sample = (Icon, Option<Mark>, &'static str, &'static str, &'static str, &'static str, &'static str);

const SAMPLES: [Sample; 8] = [
    (Icon::PackageSealed, None, "7-Zip", "24.09", "Sealed", "Consistent · quick 14:02", "1.6 MiB"),
    (Icon::PackageSealed, None, "Blender", "4.3.2", "Sealed", "Consistent · quick 14:03", "1.1 GiB"),
    (Icon::PackageSealed, None, "Firefox ESR", "128.6.0", "Sealed", "Consistent · quick 14:05", "214 MiB"),
    (Icon::PackageArchived, None, "FreeCAD", "1.0.0", "Archived", "Verified in archive", "2.9 GiB"),
    (
        Icon::PackageSealed,
        Some(Mark::Blocked),
        "Inkscape",
        "1.4",
        "Blocked",
        "Differs since 10:42",
        "708 MiB",
    ),
    (Icon::PackageSealed, Some(Mark::Differs), "KiCad", "8.0.7", "Sealed", "Differs since 10:42", "5.3 GiB"),
    (Icon::PackageOpen, Some(Mark::CheckOff), "OpenTTD", "14.1", "Open", "Check off", "61 MiB"),
    (Icon::PackageMissing, None, "R", "4.4.1", "Open", "Missing", "111 MiB"),
];

struct Packages;

impl Rows for Packages {
    fn len(&self) -> usize {
        SAMPLES.len()
    }

    fn row(&self, index: usize) -> Row<'_> {
        let (icon, mark, name, version, state, finding, size) = SAMPLES[index];
        let tone = |bad| if bad { Tone::Bad } else { Tone::Secondary };
        Row {
            icon: Some((icon, mark)),
            cells: vec![
                Cell::new(name),
                Cell::new(version),
                Cell::secondary(state).tone(tone(state == "Blocked")),
                Cell::secondary(finding).tone(tone(finding.starts_with("Differs"))),
                Cell::new(size),
            ],
            name: format!("{name} {version}, {state}, {finding}").into(),
        }
    }

    fn jump_text(&self, index: usize) -> &str {
        SAMPLES[index].2
    }
}

fn gallery_ui(ui: &mut Ui, list: &mut ListState, search: &mut String, name: &mut String) {
    let menus = Command::menus(ThemePreference::Dark, Density::Normal, &ListScope::default(), |_| None);
    let tool = |command: &Command| {
        let refused = matches!(command, Command::Restore).then_some("The package is not archived");
        command.entry().refused(refused)
    };
    let tools: Vec<_> = Command::tools(&Place::Packages).iter().map(tool).collect();
    let tree = [
        TreeRow::heading("Library"),
        TreeRow::item(0, Icon::Library, "Software Package Library", "1,284"),
        TreeRow::item(1, Icon::Folder, "Browsers", "42"),
        TreeRow::item(1, Icon::Folder, "Runtimes", "118"),
        TreeRow::item(1, Icon::Archive, "Archived", "96"),
        TreeRow::heading("Delivery"),
        TreeRow::item(0, Icon::Download, "Downloads", "3 active"),
        TreeRow::item(0, Icon::Jobs, "Jobs", "2 active"),
        TreeRow::item(0, Icon::Computers, "Computers", "1,930"),
        TreeRow::item(0, Icon::Staging, "Staging libraries", "4"),
        TreeRow::heading("Health"),
        TreeRow::item(0, Icon::Warning, "Inconsistent packages", "2").bad(),
        TreeRow::item(0, Icon::Shield, "Library check", ""),
        TreeRow::item(0, Icon::Clock, "History", ""),
    ];
    let shell = Shell {
        menus: &menus,
        tools: &tools,
        tree_menu: &[],
        tree: &tree,
        place: Some(1),
        status_left: &["1,284 packages · 1 selected".to_owned(), "Watching".to_owned()],
        status_right: &["D:\\Packages".to_owned(), "3 downloads · 227 MiB/s".to_owned()],
        status_link: None,
        density: Density::Normal,
        keys: true,
        focus_search: false,
    };
    shell_ui(ui, &shell, search, |ui| {
        details_ui(ui, name);
        Panel::bottom("work").frame(Frame::new().inner_margin(Margin::same(12))).show(ui, work_ui);
        Panel::top("chips").frame(Frame::new().inner_margin(Margin::symmetric(10, 5))).show(ui, |ui| {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 6.0;
                for (index, text) in ["All", "Open", "Blocked", "Check off"].into_iter().enumerate() {
                    chip(ui, text, index == 0);
                }
            });
        });
        let columns = [
            Column::text("Name", 130.0).growing(),
            Column::text("Version", 76.0),
            Column::text("State", 76.0),
            Column::text("Consistency", 176.0),
            Column::number("Size", 80.0),
        ];
        List::new("packages", "Packages", &columns, Density::Normal.row_height())
            .sort(Some(Sort { column: 0, descending: false }))
            .show(ui, list, &Packages, |_, _| ());
    });
}

fn details_ui(ui: &mut Ui, name: &mut String) {
    let frame = Frame::new().fill(Tokens::of(ui).panel).inner_margin(Margin::same(14));
    Panel::right("details").exact_size(330.0).frame(frame).show(ui, |ui| {
        ui.heading("Inkscape 1.4");
        ui.weak("Inkscape · sealed · revision 3");
        alert(ui, "Differs from its checksum", "since 10:42, noticed by the watcher");
        tab_bar_ui(
            ui,
            &[Tab { title: "General", finding: false }, Tab { title: "Consistency", finding: true }],
            1,
        );
        text_row(ui, "Name", name);
        value_row(ui, "Files", "5,120 files · 742,118,400 bytes");
        ui.horizontal(|ui| {
            primary_button(ui, "Repair…");
            button(ui, "Show differences");
            link(ui, "New version…");
        });
        command_button(ui, "Accept changes…", "The files are right: record the new checksum", false, None);
        command_button(ui, "Repair…", "", false, Some("The package has never been sealed"));
        command_button(ui, "Keep blocked", "Deliver nothing until this is settled", true, None);
        ui.horizontal_wrapped(|ui| {
            for icon in Icon::ALL {
                let (rect, _) = ui.allocate_exact_size(egui::Vec2::splat(18.0), egui::Sense::hover());
                icons::paint(ui.painter(), rect.center(), icon, Tokens::of(ui).text);
            }
        });
    });
}

fn work_ui(ui: &mut Ui) {
    let progress = Progress {
        name: "Registering LibreOffice 24.8.4",
        done_bytes: 212 << 20,
        total_bytes: 517 << 20,
        bytes_per_second: 38 << 20,
    };
    progress_row_ui(ui, &progress);
}

fn picture(theme: Theme, name: &str) {
    let mut list = ListState::default();
    list.selection = Selection::one(4);
    let (mut search, mut field) = (String::new(), "Inkscape".to_owned());
    let mut harness = Harness::builder()
        .with_size([1280.0, 720.0])
        .with_theme(theme)
        .with_options(SnapshotOptions::new().threshold(1.0).max_failed_pixels(10))
        .with_context_setup(super::dress)
        .wgpu()
        .build_ui(move |ui| gallery_ui(ui, &mut list, &mut search, &mut field));
    harness.run();
    harness.snapshot(name);
}

#[test]
fn the_gallery_is_dark() {
    picture(Theme::Dark, "gallery-dark");
}

#[test]
fn the_gallery_is_light() {
    picture(Theme::Light, "gallery-light");
}
