//! The library as a whole, in the window: what stands in the title and in the banner, calls of other consoles, and
//! what is in a folder that may become the library.

use std::path::PathBuf;

use egui::{Frame, Margin, Panel, Ui, ViewportCommand};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::console::action::Action;
use crate::console::app::{App, Leaving};
use crate::console::command::Command;
use crate::console::dialogs::Delivery;
use crate::console::one_window::Entrance;
use crate::console::tasks::Show;
use crate::console::widgets::alert::alert;
use crate::console::widgets::button::button;
use crate::session::{self, LibraryHolder, ReadOnlyReason, Session};

/// `in use by anna on PC-114 since 08:12`, with the day if it was another one.
pub(in crate::console) fn in_use_words(holder: &LibraryHolder, now: Timestamp, zone: &TimeZone) -> String {
    let since = holder.since.to_zoned(zone.clone());
    let today = now.to_zoned(zone.clone()).date() == since.date();
    let since = since.strftime(if today { "%H:%M" } else { "%Y-%m-%d %H:%M" });
    format!("in use by {} on {} since {since}", holder.who, holder.host)
}

/// What a library that can only be read means, and what can be done about it.
fn read_only_words(is_in_use: bool, is_on_share: bool, reason: Option<ReadOnlyReason>) -> &'static str {
    if is_in_use {
        return "Lists, properties, search and checks work. Nothing can be changed from here.";
    }
    match reason {
        // On a share that is what one asks for while somebody else has it.
        Some(ReadOnlyReason::Asked) if !is_on_share => {
            "It was opened for reading only, as asked. Try again opens it for changes."
        }
        Some(ReadOnlyReason::Medium) => {
            "It lies on a medium that is mounted for reading only. Lists, properties, search and checks work."
        }
        Some(ReadOnlyReason::Permissions) => {
            "You may not write in its folder. Lists, properties, search and checks work."
        }
        Some(ReadOnlyReason::Moving) => "It is being copied to another folder. Nothing changes meanwhile.",
        Some(ReadOnlyReason::Moved) => "It lies in another folder now. Nothing can be changed here.",
        Some(ReadOnlyReason::Asked | ReadOnlyReason::InUse) | None => {
            "Nobody else has the library now. Try again makes it writable."
        }
    }
}

impl App {
    /// How the library is open, where that is not as usual: `read-only, in use by anna on PC-114 since 08:12`.
    fn standing(&self) -> Option<String> {
        if !self.session().is_some_and(Session::is_read_only) {
            return None;
        }
        let now = (self.around.now)();
        Some(match &self.view.in_use_by {
            Some(holder) => {
                format!("read-only, {}", in_use_words(holder, now, &self.around.actor.time_zone))
            }
            None => "read-only".to_owned(),
        })
    }

    /// The title of the window.
    pub(in crate::console) fn title(&self) -> String {
        if self.leaving == Leaving::WhenDone {
            return "Packhouse - closing when done".to_owned();
        }
        let title = self
            .standing()
            .map_or_else(|| "Packhouse".to_owned(), |standing| format!("Packhouse - {standing}"));
        // In front, where a task bar has room for it.
        match self.downloads.totals().percent() {
            Some(percent) => format!("{percent} % - {title}"),
            None => title,
        }
    }

    /// Keeps the title up to date.
    pub(in crate::console) fn follow_title(&mut self) {
        let title = self.title();
        if title != self.shown_title {
            self.ctx.send_viewport_cmd(ViewportCommand::Title(title.clone()));
            self.shown_title = title;
        }
    }

    /// Comes forward when another console called, and takes its paths as if they had been dropped here.
    pub(in crate::console) fn answer_calls(&mut self) {
        // A question is answered first; the paths wait.
        let calls = self.around.calls.take();
        if calls.is_empty() && (self.handed.is_empty() || !self.dialogs.is_empty()) {
            return;
        }
        if !calls.is_empty() {
            self.ctx.send_viewport_cmd(ViewportCommand::Visible(true));
            self.ctx.send_viewport_cmd(ViewportCommand::Minimized(false));
            self.ctx.send_viewport_cmd(ViewportCommand::Focus);
        }
        self.handed.extend(calls.into_iter().flatten());
        if self.dialogs.is_empty() {
            let paths = std::mem::take(&mut self.handed);
            self.take_paths(paths);
        }
    }

    /// Tells the open library how often a share is to be looked at.
    pub(in crate::console) fn set_polling(&mut self, minutes: u32) {
        self.poll_minutes = minutes.clamp(1, 24 * 60);
        if let Some(session) = self.session() {
            session.poll_every(std::time::Duration::from_secs(u64::from(self.poll_minutes) * 60));
        }
    }

    /// Opens another library in this window, unless another window has it: that one comes forward then.
    pub(in crate::console) fn change_library(&mut self, library: PathBuf) {
        let (calls, asked) = (self.around.calls.clone(), library.clone());
        let run = move |_: &crate::work::Work| Ok(calls.enter_another(&asked));
        self.tasks.start(&self.ctx, "", Show::Nothing, run, move |app, result| match result {
            Ok(Entrance::First(calls)) => {
                app.around.calls = calls;
                app.around.library = library;
                app.around.read_only = false;
                app.new_package = None;
                app.open_library();
            }
            Ok(elsewhere) => app.tell(elsewhere.refusal(&library)),
            Err(failure) => app.tell(failure),
        });
    }

    /// Stands for the library from now on at the folder it was moved to.
    pub(in crate::console) fn follow_move(&mut self) {
        let (calls, library) = (self.around.calls.clone(), self.around.library.clone());
        let run = move |_: &crate::work::Work| Ok(calls.enter_another(&library));
        self.tasks.start(&self.ctx, "", Show::Nothing, run, |app, result| {
            // Whoever was faster has its own window; this one goes on.
            if let Ok(Entrance::First(calls)) = result {
                app.around.calls = calls;
            }
        });
    }

    /// Finds out what is in a folder, for the dialog in front.
    pub(in crate::console) fn look_at_folder(&mut self, folder: PathBuf) {
        let Some(number) = self.dialogs.last().map(|front| front.number) else { return };
        let (asked, host) = (folder.clone(), self.around.actor.host.clone());
        let run = move |_: &crate::work::Work| Ok(session::look_at_folder(&folder, &host));
        self.tasks.start(&self.ctx, "", Show::Nothing, run, move |app, result| {
            if let Ok(look) = result {
                app.deliver(number, &Delivery::Looked(&asked, &look));
            }
        });
    }

    /// What is out of the ordinary about the library, above every page.
    pub(in crate::console) fn banner_ui(&self, ui: &mut Ui, library: &str, actions: &mut Vec<Action>) {
        let mut again = Action::LookAgain;
        let (title, text) = match (&self.view.unreachable, &self.view.failure, self.standing()) {
            (Some(why), ..) => (
                // The system's words are enough here; its number stands in the log.
                format!(
                    "The library folder {library} cannot be reached: {}.",
                    why.split(" (os error ").next().unwrap_or(why)
                ),
                "Nothing was changed.".to_owned(),
            ),
            (None, Some(failure), _) => {
                again = Action::OpenLibrary(self.around.library.clone());
                (crate::console::dialogs::sentence(&failure.message), crate::console::advice::advice(failure))
            }
            (None, None, Some(standing)) => {
                again = Action::OpenWritable;
                let reason = self.session().and_then(Session::read_only_reason);
                let is_on_share = self.view.watching.polls_every.is_some();
                let text = read_only_words(self.view.in_use_by.is_some(), is_on_share, reason);
                (crate::console::dialogs::sentence(&standing), text.to_owned())
            }
            (None, None, None) => return,
        };
        Panel::top("banner").frame(Frame::new().inner_margin(Margin::same(8))).show(ui, |ui| {
            alert(ui, &title, &text);
            ui.horizontal(|ui| {
                if button(ui, "Try again").clicked() {
                    actions.push(again);
                }
                if button(ui, "Choose another…").clicked() {
                    actions.push(Action::Run(Command::ChooseLibrary));
                }
            });
        });
    }
}
