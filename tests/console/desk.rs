//! The whole console on a library of its own, driven by accessible names.
//!
//! Nothing sleeps: a wait steps the window until its condition holds, and fails after a time that no machine needs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use egui::{Key, Modifiers, Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use egui_kittest::{Harness, Node};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use packhouse::console::app::App;
use packhouse::console::start::{Desktop, Surroundings};
use packhouse::package::record::PackageSummary;
use packhouse::session::{Actor, Register, RegisterRequest};
use packhouse::work::Work;

const PATIENCE: Duration = Duration::from_secs(20);

/// A window, its library and a folder to play in.
pub(crate) struct Desk {
    pub(crate) harness: Harness<'static, App>,
    pub(crate) folder: tempfile::TempDir,
}

#[derive(Debug)]
struct Dropped(PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        Err("the console must not read files on its own thread".to_owned())
    }
}

/// Everything around a console in a test.
pub(crate) fn surroundings(folder: &Path) -> Surroundings {
    Surroundings {
        library: folder.join("library"),
        read_only: false,
        share: packhouse::session::ShareOptions::default(),
        keys: folder.join("keys"),
        actor: Actor {
            who: "anna".to_owned(),
            host: "pc-114".to_owned(),
            how: "console".to_owned(),
            time_zone: TimeZone::UTC,
        },
        desktop: Desktop::Usual,
        theme: Some(egui::ThemePreference::Dark),
        paths: Vec::new(),
        proxy: None,
        calls: Default::default(),
        now: Timestamp::now,
        notify: |_| {},
    }
}

impl Desk {
    /// A console whose library has just been made.
    pub(crate) fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder to play in");
        let around = surroundings(folder.path());
        Self::start(folder, around)
    }

    /// A console with these surroundings, once its library is open or could not be.
    pub(crate) fn start(folder: tempfile::TempDir, around: Surroundings) -> Self {
        Self::start_on(folder, around, None)
    }

    /// The same with what an earlier window has left.
    pub(crate) fn start_with(
        folder: tempfile::TempDir,
        around: Surroundings,
        storage: &'static dyn eframe::Storage,
    ) -> Self {
        Self::start_on(folder, around, Some(storage))
    }

    fn start_on(
        folder: tempfile::TempDir,
        around: Surroundings,
        storage: Option<&'static dyn eframe::Storage>,
    ) -> Self {
        let harness =
            Harness::builder().with_size([1280.0, 800.0]).with_max_steps(64).build_eframe(move |context| {
                context.storage = storage;
                App::new(context, around)
            });
        let mut desk = Self { harness, folder };
        desk.wait("the library is open", |desk| {
            desk.has("Choose another…") || desk.session().is_some_and(|session| session.view().epoch > 0)
        });
        desk.settle();
        desk
    }

    pub(crate) fn session(&self) -> Option<&packhouse::session::Session> {
        self.harness.state().session()
    }

    /// A folder with files: (path, content).
    pub(crate) fn source(&self, name: &str, files: &[(&str, &str)]) -> PathBuf {
        let root = self.folder.path().join(name);
        for (path, content) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("below the root")).expect("a new folder");
            fs::write(path, content).expect("a new file");
        }
        root
    }

    /// Registers a folder without the window, so that a test can begin where it wants to.
    pub(crate) fn register(&mut self, name: &str, version: &str, files: &[(&str, &str)]) {
        let source = self.source(&format!("{name}-{version}-source"), files);
        let request = RegisterRequest {
            name: Some(name.to_owned()),
            version: Some(version.to_owned()),
            ..RegisterRequest::new(vec![source])
        };
        let session = self.session().expect("an open library").clone();
        session.run(Register { request }, &Work::new()).expect("registered");
        let title = format!("{name} {version}");
        self.wait(&title, |desk| desk.package(&title).is_some());
        self.settle();
    }

    pub(crate) fn package(&self, title: &str) -> Option<PackageSummary> {
        let view = self.session()?.view();
        view.packages.iter().find(|package| package.key.title() == title).cloned()
    }

    /// The folder with the files of a package.
    pub(crate) fn data(&self, name: &str, version: &str) -> PathBuf {
        self.folder.path().join("library/packages").join(name).join(version).join("data")
    }

    pub(crate) fn drop(&mut self, paths: &[&Path]) {
        let files = paths.iter().map(|path| Arc::new(Dropped((*path).to_owned())) as egui::DroppedFileHandle);
        self.harness.input_mut().dropped_files = files.collect();
        self.harness.step();
        self.settle();
    }

    /// Steps until `condition` holds.
    #[track_caller]
    pub(crate) fn wait(&mut self, what: &str, condition: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !condition(self) {
            assert!(start.elapsed() < PATIENCE, "waited in vain: {what}\n{}", self.labels().join("\n"));
            self.harness.step();
            std::thread::yield_now();
        }
    }

    /// A few frames more, so that what was done is seen.
    pub(crate) fn settle(&mut self) {
        self.harness.run_steps(3);
    }

    pub(crate) fn has(&self, label: &str) -> bool {
        self.harness.query_all_by_label(label).next().is_some()
    }

    /// Whether any label contains this.
    pub(crate) fn sees(&self, part: &str) -> bool {
        self.harness.query_all_by_label_contains(part).next().is_some()
            || self.harness.query_all_by_value(part).next().is_some()
    }

    #[track_caller]
    pub(crate) fn wait_for(&mut self, part: &str) {
        self.wait(part, |desk| desk.sees(part));
        self.settle();
    }

    #[track_caller]
    pub(crate) fn wait_until_gone(&mut self, part: &str) {
        self.wait(&format!("{part} to be gone"), |desk| !desk.sees(part));
        self.settle();
    }

    /// The last control of this name: what is in front comes last.
    #[track_caller]
    pub(crate) fn control<'a>(&'a self, label: &'a str) -> Node<'a> {
        let all: Vec<_> = self
            .harness
            .query_all_by_label(label)
            .filter(|node| node.accesskit_node().role() != Role::Label)
            .collect();
        assert!(!all.is_empty(), "no control {label:?} among\n{}", self.labels().join("\n"));
        all.into_iter().next_back().expect("at least one")
    }

    #[track_caller]
    pub(crate) fn is_enabled(&self, label: &str) -> bool {
        !self.control(label).accesskit_node().is_disabled()
    }

    #[track_caller]
    pub(crate) fn click(&mut self, label: &str) {
        self.wait(label, |desk| {
            desk.harness.query_all_by_label(label).any(|node| node.accesskit_node().role() != Role::Label)
        });
        // A dialog that has just grown is in its place two frames later.
        self.settle();
        self.control(label).click();
        self.settle();
    }

    /// A click whose work is watched from the first frame on.
    #[track_caller]
    pub(crate) fn click_without_settling(&mut self, label: &str) {
        self.control(label).click();
        self.harness.step();
    }

    /// Whether there is a field of this name to type into.
    pub(crate) fn has_field(&self, label: &str) -> bool {
        self.harness
            .query_all_by_label(label)
            .any(|node| matches!(node.accesskit_node().role(), Role::TextInput | Role::MultilineTextInput))
    }

    /// Puts `text` into the field of this name in place of what is there.
    #[track_caller]
    pub(crate) fn fill(&mut self, label: &str, text: &str) {
        self.control(label).focus();
        self.harness.step();
        self.harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
        self.harness.step();
        self.control(label).type_text(text);
        self.settle();
    }

    /// Opens the property window of a row with this name.
    #[track_caller]
    pub(crate) fn properties(&mut self, title: &str) {
        self.select(title);
        self.harness.key_press(Key::Enter);
        self.settle();
        self.wait_for(&format!("{title} - Properties"));
    }

    /// Selects a row of the list.
    #[track_caller]
    pub(crate) fn select(&mut self, title: &str) {
        let start = format!("{title}, ");
        self.wait(title, |desk| desk.sees(&start));
        let row = self
            .harness
            .query_all_by_label_contains(&start)
            .find(|node| node.accesskit_node().role() == Role::Row);
        row.expect("a row").click();
        self.settle();
    }

    /// Presses a key.
    pub(crate) fn press(&mut self, modifiers: Modifiers, key: Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.settle();
    }

    /// Runs a command by its name, by way of the palette.
    #[track_caller]
    pub(crate) fn command(&mut self, name: &str) {
        self.press(Modifiers::COMMAND, Key::K);
        self.wait_for("Find a command");
        self.fill("Command", name);
        self.press(Modifiers::NONE, Key::Enter);
        self.wait(&format!("{name}: the palette to be gone"), |desk| !desk.has_field("Command"));
    }

    /// Types into the search field, which has the keyboard.
    #[track_caller]
    pub(crate) fn type_into_search(&mut self, text: &str) {
        let field = self.harness.query_all_by_role(Role::TextInput).find(|node| node.is_focused());
        field.expect("the search field has the keyboard").type_text(text);
        self.settle();
    }

    /// Clicks the last control whose name contains this.
    #[track_caller]
    pub(crate) fn click_part(&mut self, part: &str) {
        self.wait_for(part);
        let node = self.harness.query_all_by_label_contains(part).last();
        node.expect("it was seen").click();
        self.settle();
    }

    /// Clicks the last thing of exactly this name, whatever it is.
    #[track_caller]
    pub(crate) fn click_last(&mut self, label: &str) {
        self.wait(label, |desk| desk.has(label));
        let node = self.harness.query_all_by_label(label).last();
        node.expect("it was seen").click();
        self.settle();
    }

    /// What was put on the clipboard in the last frame.
    pub(crate) fn copied(&self) -> Option<String> {
        self.harness.output().platform_output.commands.iter().find_map(|command| match command {
            egui::OutputCommand::CopyText(text) => Some(text.clone()),
            _ => None,
        })
    }

    /// All that can be selected and copied.
    pub(crate) fn texts(&self) -> Vec<String> {
        let all = self.harness.query_all_by(|node| node.value().is_some());
        all.filter_map(|node| node.accesskit_node().value()).collect()
    }

    pub(crate) fn labels(&self) -> Vec<String> {
        let all = self.harness.query_all_by_label_contains("");
        all.filter_map(|node| node.accesskit_node().label()).collect()
    }
}
