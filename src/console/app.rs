//! The program's window: what it holds, what it takes in each frame, and how it is painted.
//!
//! `logic` takes the results of finished work and starts what follows from them, `ui` paints and collects what was
//! done; both are short because carrying out stands in `console::perform` and the results in `console::outcome`.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use egui::{Frame, Margin, Panel, ThemePreference, Ui, ViewportCommand};
use jiff::Timestamp;
use uuid::Uuid;

use super::action::Action;
use super::areas::Home;
use super::command::{Command, Scope, SelectedKey};
use super::dialogs::closing::CloseQuestion;
use super::dialogs::{Dialog, Env, Next, dialog_ui, takes_escape};
use super::format;
use super::housekeeping::Facts;
use super::icons::Icon;
use super::notices::Notices;
use super::pages::computers::ComputersPage;
use super::pages::downloads::DownloadsPage;
use super::pages::history::HistoryPage;
use super::pages::jobs::JobsPage;
use super::pages::jobs::words::closing_line;
use super::pages::keys::KeysPage;
use super::pages::library_check::{LibraryCheckPage, Running};
use super::pages::new_package::NewPackage;
use super::pages::opening::{failed_ui, opening_ui};
use super::pages::packages::command::ListCommand;
use super::pages::packages::{Moment, PackagesPage, Shown};
use super::pages::search::{FIRST, SearchPage};
use super::pages::settings::{self, settings_ui};
use super::pages::staging::StagingPage;
use super::pages::staging::homes::Homes;
use super::pages::tasks::TasksPage;
use super::pages::{Place, TreeRows};
use super::preferences::{self, Preferences, Settings};
use super::property::{Kept, PropertyWindow, SeveralWindow, StagingWindow, Tab, WindowId};
use super::requests::{Reads, Sample};
use super::shell::{Menu, Shell, shell_ui};
use super::start::Surroundings;
use super::tasks::{TaskId, Tasks};
use super::theme::{self, Density};
use super::tokens::Tokens;
use super::undo::Undo;
use super::watchdog::{self, Watchdog};
use super::watched_folders::WatchedFolders;
use super::widgets::button::link;
use super::widgets::empty_state::empty_choices_ui;
use super::widgets::progress_row::{Progress, progress_row_ui};
use crate::failure::Failure;
use crate::package::record::{PackageId, PackageSummary};
use crate::session::{Search, Session, View};

/// How long a running piece of work may stay without a new picture.
const FRAME_WHILE_WORKING: Duration = Duration::from_millis(100);
/// How often what is kept over a restart is written.
const AUTO_SAVE: Duration = Duration::from_secs(5);

/// The library of the window.
pub(super) enum Opened {
    /// Being opened.
    Opening,
    /// Open.
    Open(Session),
    /// It could not be.
    Failed(Failure),
}

/// Whether and how the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaving {
    /// It goes on.
    No,
    /// Somebody is being asked.
    Asked,
    /// As soon as nothing runs any more.
    WhenDone,
    /// Now: removed packages are being deleted, work is being stopped.
    Now,
    /// Nothing is left to do.
    Ready,
}

/// A dialog, and what it waits for.
pub(super) struct Front {
    pub(super) number: u64,
    pub(super) is_new: bool,
    pub(super) dialog: Box<dyn Dialog>,
}

/// The main window.
pub struct App {
    pub(super) ctx: egui::Context,
    pub(super) around: Surroundings,
    pub(super) density: Density,
    pub(super) theme: ThemePreference,
    pub(super) opened: Opened,
    pub(super) view: Arc<View>,
    pub(super) tasks: Tasks,
    pub(super) place: Place,
    /// The place whose packages the list has.
    pub(super) list_place: Place,
    /// A place to go to as soon as it is in the tree.
    pub(super) place_when_seen: Option<Place>,
    tree: TreeRows,
    pub(super) keys_page: KeysPage,
    tasks_page: TasksPage,
    pub(super) search_page: SearchPage,
    pub(super) library_check: LibraryCheckPage,
    /// The check that runs in this window.
    pub(super) library_check_task: Option<TaskId>,
    /// When its result was read last.
    pub(super) library_check_read: Option<std::time::Instant>,
    pub(super) packages: PackagesPage,
    pub(super) downloads: DownloadsPage,
    pub(super) jobs: JobsPage,
    pub(super) computers: ComputersPage,
    pub(super) staging: StagingPage,
    /// Whose home each staging library is.
    pub(super) homes: Arc<Homes>,
    /// Looks at staging libraries, with the dialogs that wait for them.
    pub(super) staging_looks: Vec<(u64, TaskId)>,
    /// When jobs and computers were read.
    pub(super) delivery: Reads,
    /// Checksum errors of jobs that somebody was told of.
    pub(super) refusals_told: HashSet<(Uuid, Option<Timestamp>)>,
    pub(super) sample: Sample,
    pub(super) history: HistoryPage,
    pub(super) new_package: Option<NewPackage>,
    pub(super) windows: Vec<PropertyWindow>,
    pub(super) several: Vec<SeveralWindow>,
    pub(super) staging_windows: Vec<StagingWindow>,
    /// The property window that has the keyboard.
    pub(super) active: Option<WindowId>,
    pub(super) windows_so_far: u64,
    pub(super) last_tab: Tab,
    pub(super) property: Kept,
    pub(super) dialogs: Vec<Front>,
    pub(super) dialogs_so_far: u64,
    pub(super) search: String,
    pub(super) focus_search: bool,
    pub(super) leaving: Leaving,
    pub(super) emptied: bool,
    pub(super) last_archive_folder: String,
    /// Libraries that were open, the last one first.
    pub(super) recent: Vec<PathBuf>,
    /// How often a library on a share is looked at.
    pub(super) poll_minutes: u32,
    /// What other consoles handed over while a question was open.
    pub(super) handed: Vec<PathBuf>,
    pub(super) shown_title: String,
    pub(super) scope: Scope,
    pub(super) facts: Facts,
    pub(super) undo: Undo,
    pub(super) notices: Notices,
    pub(super) settings: Settings,
    pub(super) watched: WatchedFolders,
    home: Home,
    watchdog: Watchdog,
    /// Results of work that were taken over in this frame.
    results: usize,
    saved: Preferences,
}

impl App {
    /// The window; the library is opened on another thread, so that the first frame comes at once.
    pub fn new(context: &eframe::CreationContext<'_>, around: Surroundings) -> Self {
        let ctx = context.egui_ctx.clone();
        let kept = |key: &str| context.storage.and_then(|storage| storage.get_string(key));
        let kept = Preferences::read(&kept(preferences::KEY).unwrap_or_default());
        let density = kept.density;
        let theme = around.theme.unwrap_or(kept.theme);
        // Ctrl+Plus and Ctrl+Minus change the height of rows.
        ctx.options_mut(|options| options.zoom_with_keyboard = false);
        theme::apply(&ctx, density);
        ctx.set_theme(theme);
        let mut app = Self {
            ctx,
            density,
            theme,
            opened: Opened::Opening,
            view: Arc::default(),
            tasks: Tasks::default(),
            place: kept.place.clone(),
            list_place: Place::default(),
            place_when_seen: None,
            tree: TreeRows::default(),
            keys_page: KeysPage::default(),
            tasks_page: TasksPage::default(),
            search_page: SearchPage::default(),
            library_check: LibraryCheckPage::default(),
            library_check_task: None,
            library_check_read: None,
            packages: PackagesPage::new(kept.arrangement.clone()),
            downloads: DownloadsPage::default(),
            jobs: JobsPage::default(),
            computers: ComputersPage::default(),
            staging: StagingPage::default(),
            homes: Arc::default(),
            staging_looks: Vec::new(),
            delivery: Reads::default(),
            refusals_told: HashSet::new(),
            sample: Sample::default(),
            history: HistoryPage::default(),
            new_package: None,
            windows: Vec::new(),
            several: Vec::new(),
            staging_windows: Vec::new(),
            active: None,
            windows_so_far: 0,
            last_tab: kept.last_tab,
            property: kept.property.clone(),
            dialogs: Vec::new(),
            dialogs_so_far: 0,
            search: String::new(),
            focus_search: false,
            leaving: Leaving::No,
            emptied: false,
            last_archive_folder: String::new(),
            recent: kept.recent.clone(),
            poll_minutes: kept.poll_minutes,
            handed: Vec::new(),
            shown_title: "Packhouse".to_owned(),
            settings: kept.settings.clone(),
            saved: kept,
            scope: Scope::default(),
            facts: Facts::default(),
            undo: Undo::default(),
            notices: Notices::default(),
            watched: WatchedFolders::default(),
            home: Home::default(),
            watchdog: Watchdog::default(),
            results: 0,
            around,
        };
        app.around.calls.wake(&app.ctx);
        app.ctx.set_zoom_factor(app.settings.zoom());
        app.library_check.begin_with_rate(app.settings.check_rate);
        app.open_library();
        let paths = std::mem::take(&mut app.around.paths);
        app.take_paths(paths);
        app
    }

    /// The library, if it is open.
    pub fn session(&self) -> Option<&Session> {
        match &self.opened {
            Opened::Open(session) => Some(session),
            _ => None,
        }
    }

    /// The frame that took longest since the last time this was asked; nothing in a release build.
    pub fn take_worst_frame(&mut self) -> watchdog::Frame {
        self.watchdog.take_worst()
    }

    pub(super) fn summary(&self, id: PackageId) -> Option<PackageSummary> {
        self.view.packages.find(id).map(|package| PackageSummary::clone(package))
    }

    fn make_scope(&mut self) -> Scope {
        let on_list = self.place.is_list() && self.new_package.is_none();
        let selected = if on_list { Arc::clone(self.packages.selected()) } else { Arc::default() };
        let staging = self.staging_scope(&selected);
        Scope {
            is_open: self.session().is_some() && self.view.epoch > 0,
            is_read_only: self.session().is_some_and(Session::is_read_only),
            unreachable: self.view.unreachable.is_some(),
            is_working: self.tasks.has_rows(),
            old_copy: self.old_copy().is_some(),
            removed: self.view.removed.0,
            undo: self.undo.command().or_else(|| (self.view.removed.0 > 0).then(|| "Undo remove".to_owned())),
            selected,
            list: self.list_scope(),
            group: match &self.place {
                Place::Group(group) => Some(group.clone()),
                _ => None,
            },
            key: (self.place == Place::Keys)
                .then(|| self.keys_page.selected())
                .flatten()
                .map(|key| SelectedKey { is_own: key.own, is_retired: key.retired }),
            downloads: self.download_scope(),
            jobs: self.job_scope(),
            computers: self.computer_scope(),
            staging,
        }
    }

    pub(super) fn menus(&self) -> Vec<Menu<Command>> {
        let refusal = |command| self.scope.refusal(command);
        let mut menus = Command::menus(self.theme, self.density, &self.scope.list, refusal);
        let mut entries = menus.iter_mut().flat_map(|menu| menu.groups.iter_mut().flatten());
        if let Some(undo) = &self.scope.undo
            && let Some(entry) = entries.find(|entry| entry.command == Command::Undo)
        {
            entry.text.clone_from(undo);
        }
        menus
    }

    fn close_if_asked(&mut self, ctx: &egui::Context) {
        if !ctx.input(|input| input.viewport().close_requested()) || self.leaving == Leaving::Ready {
            return;
        }
        let rows = self.tasks.rows();
        let (removed, bytes) = self.view.removed;
        let downloads = self.downloads.totals().closing_text();
        let manages = self.session().is_some_and(Session::manages);
        let manager = if manages { closing_line(self.jobs.rows()) } else { None };
        if rows.is_empty() && removed == 0 && downloads.is_none() && manager.is_none() {
            return;
        }
        ctx.send_viewport_cmd(ViewportCommand::CancelClose);
        if self.leaving == Leaving::No {
            self.leaving = Leaving::Asked;
            let packages = if removed == 1 { "package" } else { "packages" };
            let deleted = (removed > 0)
                .then(|| format!("{removed} removed {packages}, {} (undo ends)", format::size(bytes)));
            self.put_in_front(Box::new(CloseQuestion::new(&rows, manager, downloads, deleted)));
        }
    }

    fn page_ui(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        let library = self.around.library.display().to_string();
        match &self.opened {
            Opened::Opening => return opening_ui(ui, &library),
            Opened::Failed(failure) => return failed_ui(ui, &library, failure, actions),
            Opened::Open(_) if self.view.epoch == 0 => return opening_ui(ui, &library),
            Opened::Open(_) => {}
        }
        self.banner_ui(ui, &library, actions);
        self.work_ui(ui, actions);
        let view = Arc::clone(&self.view);
        if let Some(page) = &mut self.new_package {
            page.ui(ui, &view, actions);
            return;
        }
        let now = (self.around.now)();
        let moment = Moment { now, zone: &self.around.actor.time_zone };
        match self.place {
            Place::History => return self.history.ui(ui, moment, self.density, actions),
            Place::Search => return self.search_page.ui(ui, self.density, actions),
            Place::LibraryCheck => return self.library_check_ui(ui, actions),
            Place::Downloads => return self.downloads_ui(ui, actions),
            Place::Jobs | Place::Job(_) => return self.jobs_ui(ui, actions),
            Place::Computers | Place::ComputerGroup(_) | Place::TestComputers | Place::NotSeen => {
                return self.computers_ui(ui, actions);
            }
            Place::Staging | Place::StagingLibrary(_) => return self.staging_ui(ui, actions),
            Place::Tasks => return self.tasks_page.ui(ui, &self.tasks, moment, self.density, actions),
            Place::Keys => return self.keys_page.ui(ui, moment, self.density),
            Place::Settings => {
                let folders = self.settings.watched.iter();
                let watched: Vec<String> =
                    folders.map(|folder| self.watched.last(folder).to_owned()).collect();
                let network = self.session().map(|session| {
                    let (setting, has_password) = session.network_setting();
                    settings::Network { setting, has_password, environment: session.environment_proxy() }
                });
                let shown = settings::Shown {
                    network: network.as_ref(),
                    library: &library,
                    info: self.facts.info.as_ref(),
                    scope: &self.scope,
                    keys: &self.around.keys.display().to_string(),
                    theme: self.theme,
                    density: self.density,
                    settings: &self.settings,
                    watching: view.watching,
                    poll_minutes: self.poll_minutes,
                    watched: &watched,
                };
                return settings_ui(ui, &shown, actions);
            }
            _ => {}
        }
        if view.packages.is_empty() && self.place == Place::Packages {
            let sentence = format!(
                "Drop files or folders here, paste their paths, or choose them.\nThe library lies in {}.",
                super::widgets::short(&library, 120)
            );
            let offered = [Command::NewPackage, Command::SeeRecovery];
            let texts = offered.map(|command| command.entry().text);
            let chosen = empty_choices_ui(ui, Icon::Library, &sentence, &texts);
            actions.extend(chosen.and_then(|chosen| offered.get(chosen)).copied().map(Action::Run));
            return;
        }
        let place = self.place.clone();
        let (density, scope) = (self.density, &self.scope);
        let shown = Shown { view: &view, place: &place, moment, density, scope };
        self.packages.ui(ui, &shown, actions);
        if self.packages.is_empty() && !self.packages.is_making() {
            let text = match place {
                Place::Inconsistent => "Every package is as recorded, as far as it was checked.",
                Place::Archived => "No package is archived.",
                Place::Retired => "No package is retired. A sealed package is retired in its properties.",
                Place::AutoRegistered => "System has registered no package.",
                _ if !self.search.trim().is_empty() => {
                    "No package has that in its name. Enter searches the files of all packages."
                }
                _ => "No package fits the filter.",
            };
            let colour = Tokens::of(ui).secondary;
            let line = egui::Rect::from_center_size(ui.max_rect().center(), egui::vec2(600.0, 24.0));
            ui.put(line, egui::Label::new(egui::RichText::new(text).color(colour)));
        }
    }

    fn library_check_ui(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        let moment = Moment { now: (self.around.now)(), zone: &self.around.actor.time_zone };
        let selected = Arc::clone(self.packages.selected());
        let rows = self.tasks.rows();
        let task = self.library_check_task;
        let row = rows.iter().find(|row| Some(row.id) == task);
        let steered = task.and_then(|task| self.tasks.steer(task, |work| (work.is_paused(), work.subject())));
        let running = row.zip(steered.as_ref());
        let running =
            running.map(|(row, (is_paused, subject))| Running { row, is_paused: *is_paused, subject });
        self.library_check.ui(ui, running.as_ref(), &selected, moment, self.density, actions);
    }

    fn work_ui(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        let rows = self.tasks.rows();
        if rows.is_empty() && self.leaving != Leaving::WhenDone {
            return;
        }
        let frame = Frame::new().fill(Tokens::of(ui).panel).inner_margin(Margin::symmetric(12, 8));
        Panel::bottom("work").frame(frame).show(ui, |ui| {
            for row in &rows {
                let name = match (row.stopping, row.progress.phase) {
                    (true, _) => format!("{} · stopping", row.title),
                    (false, "") => row.title.clone(),
                    (false, phase) => format!("{} · {}", row.title, phase),
                };
                let progress = Progress {
                    name: &name,
                    done_bytes: row.progress.done_bytes,
                    total_bytes: row.progress.total_bytes,
                    bytes_per_second: row.bytes_per_second,
                };
                if progress_row_ui(ui, &progress) {
                    actions.push(Action::Stop(row.id));
                }
            }
            if self.leaving == Leaving::WhenDone && link(ui, "Cancel closing").clicked() {
                actions.push(Action::StayOpen);
            }
        });
    }

    /// Whether something is in front of the page.
    fn is_away(&self) -> bool {
        !self.dialogs.is_empty() || self.active.is_some()
    }

    /// Takes the dialog in front away where Esc is pressed.
    fn escape_dialog(&mut self, actions: &mut Vec<Action>) {
        let is_old = self.dialogs.last().is_some_and(|front| !front.is_new);
        if is_old
            && takes_escape(&self.ctx)
            && let Some(mut front) = self.dialogs.pop()
        {
            front.dialog.escape(actions);
            self.ctx.request_repaint();
        }
    }

    fn dialog_ui(&mut self, actions: &mut Vec<Action>) {
        let view = Arc::clone(&self.view);
        let now = (self.around.now)();
        let help = Command::Help.entry().shortcut;
        let asks = help.is_some_and(|key| self.ctx.input_mut(|input| input.consume_shortcut(&key)));
        if asks && !self.dialogs.is_empty() {
            actions.push(Action::Run(Command::Help));
        }
        let Some(front) = self.dialogs.last_mut() else { return };
        let moment = Moment { now, zone: &self.around.actor.time_zone };
        let env = Env { view: &view, moment, is_new: std::mem::take(&mut front.is_new) };
        let next = dialog_ui(&self.ctx, front.dialog.as_mut(), &env, actions);
        if next == Next::Close {
            self.dialogs.pop();
            self.ctx.request_repaint();
        }
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.watchdog.begin();
        let ended = self.tasks.take_done((self.around.now)());
        self.results = ended.len();
        for done in ended {
            done(self);
        }
        if let Some(session) = self.session() {
            self.view = session.view();
        }
        self.follow_view();
        self.follow_downloads();
        self.follow_delivery();
        self.follow_staging();
        self.follow_title();
        self.answer_calls();
        self.follow_watched();
        self.follow_notices();
        self.close_if_asked(ctx);
        self.leave_if_ready();
        if self.tasks.is_any_running() {
            ctx.request_repaint_after(FRAME_WHILE_WORKING);
        }
        self.watchdog.end_logic();
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        self.watchdog.begin();
        let mut actions = Vec::new();
        let was_away = self.is_away();
        self.escape_dialog(&mut actions);
        self.take_in(ui);
        let view = Arc::clone(&self.view);
        self.refresh_list();
        self.scope = self.make_scope();
        let menus = self.menus();
        let entry = |command: &Command| command.entry().refused(self.scope.refusal(*command));
        let tools: Vec<_> = Command::tools(&self.place).iter().map(entry).collect();
        let tree_menu: Vec<_> = Command::tree_menu(&self.place).iter().map(entry).collect();
        let (searched, active) = (self.search_page.asked().is_some(), self.downloads.totals().active);
        let delivery = self.tree_delivery();
        self.tree.refresh(&view, searched, active, &delivery);
        let mut tree = std::mem::take(&mut self.tree);
        let (left, right) = self.status();
        let shell = Shell {
            menus: &menus,
            tools: &tools,
            tree: if self.session().is_some() { tree.rows() } else { &[] },
            place: tree.row_of(&self.place_in_tree()),
            tree_menu: &tree_menu,
            status_left: &left,
            status_right: &right,
            status_link: (self.packages.is_filtered() && self.scope.list.is_shown)
                .then_some(("Clear", Command::List(ListCommand::ClearFilter))),
            density: self.density,
            keys: self.dialogs.is_empty() && self.active.is_none(),
            focus_search: std::mem::take(&mut self.focus_search),
        };
        if shell.keys {
            self.list_keys(ui);
        }
        let mut search = self.search.clone();
        let done = shell_ui(ui, &shell, &mut search, |ui| self.page_ui(ui, &mut actions));
        self.search = search;
        if done.search_entered {
            actions.push(Action::Find(Search::new(self.search.trim()), FIRST));
        }
        if let Some(place) = done.tree.selected.and_then(|row| tree.place(row).cloned()) {
            self.go(place);
        }
        if self.place_when_seen.as_ref().is_some_and(|place| tree.row_of(place).is_some())
            && let Some(place) = self.place_when_seen.take()
        {
            self.go(place);
        }
        self.drag_ui(&done.tree, &tree, &mut actions);
        std::mem::swap(&mut self.tree, &mut tree);
        self.windows_ui(&mut actions);
        self.dialog_ui(&mut actions);
        self.home.follow(&self.ctx, was_away, self.is_away());
        self.hovering_ui(ui);
        actions.extend(done.commands.into_iter().map(Action::Run));
        let mut ran = vec![self.place.word().to_owned()];
        for action in actions {
            if cfg!(debug_assertions) {
                ran.push(action.name());
            }
            self.perform(action);
        }
        self.read_for_details();
        self.follow_history();
        self.follow_facts();
        if self.saved != self.preferences() {
            // Without a frame nothing is saved.
            ui.ctx().request_repaint_after(AUTO_SAVE);
        }
        let results = std::mem::take(&mut self.results);
        self.watchdog.end(ui.ctx(), || {
            if results > 0 {
                ran.push(format!("{results} results of work"));
            }
            ran.join(", ")
        });
    }

    fn auto_save_interval(&self) -> Duration {
        AUTO_SAVE
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        self.saved = self.preferences();
        storage.set_string(preferences::KEY, self.saved.write());
    }
}
