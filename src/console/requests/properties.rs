//! Work of the property windows: history and notes, several packages at once, and files that leave the library.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use crate::console::action::Action;
use crate::console::app::App;
use crate::console::dialogs::Delivery;
use crate::console::dialogs::help::{Help, Palette, PaletteFor};
use crate::console::dialogs::library::Report;
use crate::console::dialogs::try_here::end_words;
use crate::console::dialogs::unsaved::Unsaved;
use crate::console::dialogs::whereabouts::NAMED;
use crate::console::help::Topic;
use crate::console::pages::history::NEWEST;
use crate::console::property::{
    COMPUTERS_MOST, HistoryTab, Listing, Outcome, SeveralAction, SeveralWhereabouts, SeveralWindow, WindowId,
};
use crate::console::selected::Selected;
use crate::console::tasks::Show;
use crate::failure::{Class, Failure};
use crate::package::PackageId;
use crate::session::{
    self, EditSeveral, HistoryFilter, ReadContents, ReadHistory, ReadWhereabouts, ShowHistoryEntry, TryHere,
    TryRequest,
};
use crate::work::Work;

/// Of so many packages each one's history is read; of more, what concerns them in the newest of the library.
const READ_ONE_BY_ONE: usize = 200;
/// Of so many packages a dialog says where they are.
const LOOKED_UP: usize = 500;

impl App {
    /// Carries out what property windows ask for.
    pub(in crate::console) fn work_on_properties(&mut self, action: Action) {
        match action {
            Action::ReadHistoryOf(window) => self.read_history_of(window),
            Action::ReadEntry(window, number) => {
                self.ask("", Show::Nothing, ShowHistoryEntry { number }, move |app, result| match result {
                    Ok(details) => {
                        if let Some(tab) = app.history_tab(window) {
                            tab.set_unfolded(details);
                        }
                    }
                    Err(failure) => app.tell(failure),
                });
            }
            Action::ReadContents(id) => self.read_contents(id),
            Action::ReadWhereabouts(package) => {
                let request = ReadWhereabouts { package, most: COMPUTERS_MOST };
                self.ask("", Show::Nothing, request, move |app, result| {
                    if let Some(window) = app.window(package) {
                        window.set_whereabouts(result);
                    }
                });
            }
            Action::ReadWhereaboutsOf(number) => {
                let ids =
                    self.several_window(number).and_then(|window| window.ids().map(<[PackageId]>::to_vec));
                self.whereabouts_of(ids.unwrap_or_default(), move |app, result| {
                    if let Some(window) = app.several_window(number) {
                        window.set_whereabouts(result);
                    }
                });
            }
            Action::MakeContentRows(id, make) => {
                let run = move |_: &Work| Ok(make());
                self.tasks.start(&self.ctx, "", Show::Nothing, run, move |app, result| match result {
                    Ok(rows) => {
                        if let Some(window) = app.window(id) {
                            window.set_content_rows(rows);
                        }
                    }
                    Err(failure) => app.tell(failure),
                });
            }
            Action::OpenPath(path) => {
                let run = move |_: &Work| open_path(&path);
                self.tasks.start(&self.ctx, "", Show::Nothing, run, |app, result| app.tell_if_failed(result));
            }
            Action::SaveFile(from, to) => {
                let title = format!("Saving {}", to.display());
                let run = move |work: &Work| save_file(&from, &to, work);
                self.tasks.start(&self.ctx, title, Show::Row, run, |app, result| app.tell_if_failed(result));
            }
            Action::AddNote(package, text) => {
                let request = session::AddNote { package, text };
                self.ask("Adding a note", Show::Row, request, move |app, result| match result {
                    Ok(()) => app.read_history_of(WindowId::One(package)),
                    Err(failure) => app.tell(failure),
                });
            }
            Action::CopyMade(make) => {
                self.tasks.start(
                    &self.ctx,
                    "",
                    Show::Nothing,
                    |_| Ok(make()),
                    |app, result| match result {
                        Ok(text) => app.ctx.copy_text(text),
                        Err(failure) => app.tell(failure),
                    },
                );
            }
            Action::Several(number, action) => self.work_on_several(number, action),
            // Everything else is carried out elsewhere.
            _ => {}
        }
    }

    /// Finds out where packages are, for the dialog of this number.
    pub(in crate::console) fn read_whereabouts(&mut self, number: u64, packages: Vec<PackageId>) {
        self.whereabouts_of(packages, move |app, result| {
            app.deliver(number, &Delivery::Whereabouts(&result));
        });
    }

    /// Finds out where packages are; of very many only the first are looked up.
    fn whereabouts_of(
        &mut self,
        mut packages: Vec<PackageId>,
        done: impl FnOnce(&mut Self, SeveralWhereabouts) + Send + 'static,
    ) {
        let Some(session) = self.session().cloned() else { return };
        packages.truncate(LOOKED_UP);
        let run = move |work: &Work| {
            let most = u32::try_from(2 * NAMED).unwrap_or(u32::MAX);
            let read =
                |package: PackageId| Ok((package, session.run(ReadWhereabouts { package, most }, work)?));
            packages.into_iter().map(read).collect::<Result<Vec<_>, Failure>>()
        };
        self.tasks.start(&self.ctx, "", Show::Nothing, run, done);
    }

    fn read_contents(&mut self, id: PackageId) {
        let Some(session) = self.session().cloned() else { return };
        let run = move |work: &Work| session.run(ReadContents { package: id }, work).map(Listing::of);
        self.tasks.start(&self.ctx, "", Show::Nothing, run, move |app, result| match result {
            Ok(listing) => {
                if let Some(window) = app.window(id) {
                    window.set_contents(listing);
                }
            }
            Err(failure) => app.tell(failure),
        });
    }

    fn history_tab(&mut self, window: WindowId) -> Option<&mut HistoryTab> {
        match window {
            WindowId::One(id) => self.window(id).map(|window| window.history()),
            WindowId::Several(number) => self.several_window(number).map(|window| window.history()),
            WindowId::Staging(id) => {
                let window = self.staging_windows.iter_mut().find(|window| window.id == id);
                window.map(|window| window.history())
            }
        }
    }

    fn read_history_of(&mut self, window: WindowId) {
        let id = match window {
            WindowId::One(id) => id,
            WindowId::Several(number) => return self.read_history_of_several(number),
            WindowId::Staging(id) => return self.read_history_of_staging(id),
        };
        let filter = HistoryFilter { package: Some(id), newest: Some(NEWEST), ..HistoryFilter::default() };
        self.ask("", Show::Nothing, ReadHistory { filter }, move |app, result| match result {
            Ok(mut entries) => {
                entries.reverse();
                let is_cut = entries.len() >= NEWEST as usize;
                if let Some(tab) = app.history_tab(window) {
                    tab.set(entries, is_cut);
                }
            }
            Err(failure) => app.tell(failure),
        });
    }

    fn several_window(&mut self, number: u64) -> Option<&mut SeveralWindow> {
        self.several.iter_mut().find(|window| window.number == number)
    }

    /// Opens the window of what is selected: of one package its own, of several a common one.
    pub(in crate::console) fn open_properties(&mut self) {
        let selected = Arc::clone(self.packages.selected());
        if let Some(one) = selected.one() {
            return self.open_window(one.id);
        }
        if selected.is_empty() {
            return;
        }
        if let Some(window) = self.several.iter_mut().find(|window| window.is_of(&selected)) {
            window.bring_to_front();
            self.active = Some(WindowId::Several(window.number));
            return;
        }
        self.windows_so_far += 1;
        let number = self.windows_so_far;
        let order = self.windows.len() + self.several.len();
        let size = self.property.several;
        self.several.push(SeveralWindow::new(number, selected, self.last_tab, order, size));
        self.active = Some(WindowId::Several(number));
    }

    /// Tells of the dialog, the tab or the page that has the keyboard.
    pub(in crate::console) fn show_help(&mut self) {
        let topic = match (self.dialogs.last(), self.active_tab()) {
            (Some(front), _) => front.dialog.topic(),
            (None, Some(tab)) => Topic::Tab(tab),
            (None, None) if self.new_package.is_some() => Topic::NewPackage,
            (None, None) => Topic::of(&self.place),
        };
        self.put_in_front(Box::new(Help::new(topic)));
    }

    /// Asks for a command: for the package or packages whose window has the keyboard, else for what is selected.
    pub(in crate::console) fn show_palette(&mut self) {
        let mut target = PaletteFor::Selection;
        let mut scope = self.scope.clone();
        match self.active {
            Some(WindowId::One(id)) => {
                if let Some(package) = self.summary(id) {
                    target = PaletteFor::Package(package.id, package.key.title());
                    scope.selected = Arc::new(vec![package].into());
                    scope.staging = self.staging.scope(false, &scope.selected);
                }
            }
            Some(WindowId::Several(number)) => {
                let window = self.several.iter().find(|window| window.number == number);
                if let Some(ids) = window.and_then(|window| window.ids()) {
                    let found = ids.iter().filter_map(|id| self.view.packages.find(*id));
                    scope.selected = Arc::new(Selected::new(found.cloned().collect()));
                    scope.staging = self.staging.scope(false, &scope.selected);
                    target = PaletteFor::Several(ids.to_vec());
                }
            }
            Some(WindowId::Staging(_)) | None => {}
        }
        let dialog = Palette::new(self.menus(), &scope, target);
        self.put_in_front(Box::new(dialog));
    }

    /// Has *Replaced by* of every window follow the library.
    pub(in crate::console) fn follow_replaced(&mut self) {
        let list = Arc::clone(&self.view.packages);
        for window in &mut self.windows {
            let id = window.id;
            let Some(find) = window.to_follow(&list) else { continue };
            let run = move |_: &Work| Ok(find());
            self.tasks.start(&self.ctx, "", Show::Nothing, run, move |app, result| match result {
                Ok(packages) => {
                    if let Some(window) = app.window(id) {
                        window.set_replaced_by(packages);
                    }
                }
                Err(failure) => app.tell(failure),
            });
        }
    }

    /// Has the windows of several packages follow the library.
    pub(in crate::console) fn follow_several(&mut self) {
        let list = Arc::clone(&self.view.packages);
        for window in &mut self.several {
            let number = window.number;
            let Some(gather) = window.to_gather(&list) else { continue };
            let run = move |_: &Work| Ok(gather());
            self.tasks.start(&self.ctx, "", Show::Nothing, run, move |app, result| {
                let (common, failure) = match result {
                    Ok(common) => (Some(common), None),
                    Err(failure) => (None, Some(failure)),
                };
                let is_left = app.several_window(number).is_none_or(|window| window.set_common(common));
                if !is_left || failure.is_some() {
                    app.close_several(number);
                }
                failure.into_iter().for_each(|failure| app.tell(failure));
            });
        }
    }

    fn close_several(&mut self, number: u64) {
        self.several.retain(|window| window.number != number);
        if self.active == Some(WindowId::Several(number)) {
            self.active = None;
        }
    }

    fn work_on_several(&mut self, number: u64, action: SeveralAction) {
        let Some(window) = self.several_window(number) else { return };
        match action {
            SeveralAction::Close if window.is_changed() => {
                let dialog = Unsaved::new(&window.title(), Action::Several(number, SeveralAction::Discard));
                self.put_in_front(Box::new(dialog));
            }
            SeveralAction::Close | SeveralAction::Discard => self.close_several(number),
            SeveralAction::ForgetSwitch => window.forget_switch(),
            SeveralAction::Apply { close } => match window.question(close) {
                Some(dialog) => self.put_in_front(Box::new(dialog)),
                None => self.edit_several(number, None, close),
            },
            SeveralAction::ApplyOff { reason, close } => self.edit_several(number, Some(reason), close),
            SeveralAction::ShowDifferences(id, report) => {
                self.open_window(id);
                if let Some(window) = self.window(id) {
                    window.show_differences();
                    window.set_report(*report);
                }
            }
        }
    }

    fn edit_several(&mut self, number: u64, reason: Option<String>, close: bool) {
        let Some(session) = self.session().cloned() else { return };
        let Some(window) = self.several_window(number) else { return };
        let Some(packages) = window.ids().map(<[PackageId]>::to_vec) else { return };
        let request = EditSeveral { packages, edit: window.edit(reason) };
        let title = format!("Saving {}", window.title());
        let run = move |work: &Work| session.run(request, work).map(Outcome::of);
        let task = self.tasks.start(&self.ctx, title, Show::Row, run, move |app, result| match result {
            Ok(outcome) => {
                let closes = app.several_window(number).is_some_and(|window| window.set_outcome(outcome));
                if closes {
                    app.close_several(number);
                }
            }
            Err(failure) => {
                if let Some(window) = app.several_window(number) {
                    window.end_applying();
                }
                app.tell(failure);
            }
        });
        if let Some(window) = self.several_window(number) {
            window.set_applying(task, close);
        }
    }

    fn read_history_of_several(&mut self, number: u64) {
        let Some(session) = self.session().cloned() else { return };
        let Some(window) = self.several_window(number) else { return };
        let Some(packages) = window.ids().map(<[PackageId]>::to_vec) else { return };
        let run = move |work: &Work| {
            let read = |package: Option<PackageId>, newest: u32| {
                let filter = HistoryFilter { package, newest: Some(newest), ..HistoryFilter::default() };
                session.run(ReadHistory { filter }, work)
            };
            let mut is_cut = false;
            let mut entries = Vec::new();
            if packages.len() <= READ_ONE_BY_ONE {
                let most = NEWEST / u32::try_from(packages.len().max(1)).unwrap_or(NEWEST);
                for id in &packages {
                    let some = read(Some(*id), most)?;
                    is_cut |= some.len() >= most as usize;
                    entries.extend(some);
                }
                entries.sort_by_key(|entry| entry.number);
            } else {
                let wanted: HashSet<PackageId> = packages.iter().copied().collect();
                let all = read(None, NEWEST)?;
                is_cut = all.len() >= NEWEST as usize;
                let concerns = |id: &Option<PackageId>| id.is_some_and(|id| wanted.contains(&id));
                entries.extend(all.into_iter().filter(|entry| concerns(&entry.package_id)));
            }
            entries.reverse();
            Ok((entries, is_cut))
        };
        let window = WindowId::Several(number);
        self.tasks.start(&self.ctx, "", Show::Nothing, run, move |app, result| match result {
            Ok((entries, is_cut)) => {
                if let Some(tab) = app.history_tab(window) {
                    tab.set(entries, is_cut);
                }
            }
            Err(failure) => app.tell(failure),
        });
    }
}

fn failed(what: &str, path: &Path, why: impl ToString) -> Failure {
    let message = format!("cannot {what} {}", path.display());
    Failure::new("io", Class::Environment, message, "Check that it is there, and your rights to it")
        .because(why.to_string())
}

/// Hands a file or folder to the program that the system has for it. A link in a package may lead anywhere: it is not
/// followed.
fn open_path(path: &Path) -> Result<(), Failure> {
    let found = fs::symlink_metadata(path).map_err(|error| failed("open", path, error))?;
    if !found.is_file() && !found.is_dir() {
        return Err(failed("open", path, "it is neither a file nor a folder"));
    }
    open::that_detached(path).map_err(|error| failed("open", path, error))
}

/// Copies one file. What was written of it is removed if it fails.
fn save_file(from: &Path, to: &Path, work: &Work) -> Result<(), Failure> {
    let found = fs::symlink_metadata(from).map_err(|error| failed("read", from, error))?;
    // A pipe would be waited for without end.
    if !found.is_file() {
        return Err(failed("read", from, "it is no plain file any more"));
    }
    let mut source = File::open(from).map_err(|error| failed("read", from, error))?;
    let mut target = File::create_new(to).map_err(|error| failed("write", to, error))?;
    work.begin("Copying", 1, found.len());
    let mut part = vec![0; 1 << 20];
    let copied = loop {
        if work.is_cancelled() {
            break Err(Failure::new("cancelled", Class::Cancelled, "stopped", ""));
        }
        match source.read(&mut part) {
            Ok(0) => break target.sync_all().map_err(|error| failed("write", to, error)),
            Ok(count) => {
                if let Err(error) = target.write_all(&part[..count]) {
                    break Err(failed("write", to, error));
                }
                work.add_bytes(count as u64);
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => break Err(failed("read", from, error)),
        }
    };
    if copied.is_err() {
        drop(target);
        // It was made here and is of no use; that it stays is no worse.
        let _ = fs::remove_file(to);
    }
    copied
}

/// When a procedure that is tried is ended, where it has no limit of its own.
const TRY_LIMIT: std::time::Duration = std::time::Duration::from_secs(30 * 60);

impl App {
    /// Runs a procedure on this computer and shows how it ended.
    pub(in crate::console) fn try_here(&mut self, package: PackageId, procedure: String) {
        let title = format!("Running {procedure} here");
        let scratch = crate::place::scratch();
        let request = TryRequest { package, procedure: procedure.clone(), scratch, time_limit: TRY_LIMIT };
        self.ask(title, Show::Row, TryHere { request }, move |app, result| match result {
            Ok(report) => {
                let mut lines: Vec<String> = report.output.lines().map(str::to_owned).collect();
                if report.is_cut {
                    lines.insert(0, "… the beginning is not kept".to_owned());
                }
                if lines.is_empty() {
                    lines.push("It said nothing.".to_owned());
                }
                let title = format!("{procedure} was run here");
                app.put_in_front(Box::new(Report::new(title, end_words(&report), lines)));
            }
            Err(failure) => app.tell(failure),
        });
    }
}
