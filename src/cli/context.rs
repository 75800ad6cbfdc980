//! What every command has at hand: the options of the whole program, the streams, the work that Ctrl+C cancels, and the
//! library, opened when it is first needed.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::arguments::GlobalArguments;
use super::exit::Exit;
use super::progress::Bar;
use super::report::Report;
use crate::failure::{Class, Failure};
use crate::package::PackageRecord;
use crate::place;
use crate::session::{self, OpenOptions, PackageRef, ParentWatch, Request, ResolvePackage, Session};
use crate::work::Work;

/// What every command has at hand.
#[derive(Debug)]
pub(crate) struct Context {
    /// Options of the whole program.
    pub(crate) global: GlobalArguments,
    /// The streams.
    pub(crate) report: Report,
    work: Work,
    /// Whether a question is open: Ctrl+C ends at once then, since nothing is being done.
    asking: Arc<AtomicBool>,
}

impl Context {
    pub(crate) fn new(global: GlobalArguments) -> Self {
        let work = Work::new();
        let asking = Arc::new(AtomicBool::new(false));
        cancel_on_signal(&work, &asking);
        let report = Report::new(global.json, global.quiet, global.verbose);
        Self { global, report, work, asking }
    }

    fn options(&self, create: bool) -> Result<OpenOptions, Failure> {
        Ok(OpenOptions {
            root: place::library(self.global.library.as_deref())?,
            create,
            read_only: false,
            actor: place::actor("command line"),
            keys: place::keys()?,
        })
    }

    /// Opens the library; with `create`, makes it where there is none.
    pub(crate) fn open(&self, create: bool) -> Result<Session, Failure> {
        let _bar = Bar::draw(&self.work, self.global.quiet);
        Session::open(self.options(create)?)
    }

    /// Opens the library, which must be there.
    pub(crate) fn open_existing(&self) -> Result<Session, Failure> {
        self.open(false)
    }

    /// Does a request and shows how far it is.
    pub(crate) fn run<R: Request>(&self, session: &Session, request: R) -> Result<R::Reply, Failure> {
        self.require_uncancelled()?;
        let _bar = Bar::draw(&self.work, self.global.quiet);
        session.run(request, &self.work)
    }

    /// Limits how many bytes of contents are read a second.
    pub(crate) fn limit(&self, bytes_per_second: Option<u64>) {
        self.work.set_rate(bytes_per_second);
    }

    /// Writes the library database anew.
    pub(crate) fn rebuild(&self) -> Result<session::RebuildReport, Failure> {
        let _bar = Bar::draw(&self.work, self.global.quiet);
        session::rebuild(self.options(false)?, &self.work)
    }

    /// The package that `text` names.
    pub(crate) fn package(&self, session: &Session, text: &str) -> Result<PackageRecord, Failure> {
        session.run(ResolvePackage { package: PackageRef::Text(text.to_owned()) }, &self.work)
    }

    /// Looks once at a watched folder.
    pub(crate) fn watched(&self, watch: &mut ParentWatch) -> Result<Vec<PathBuf>, Failure> {
        self.require_uncancelled()?;
        session::look_for_complete(watch, &self.work)
    }

    /// Writes what belongs to a question.
    pub(crate) fn tell_asking(&self, text: &str) {
        self.report.flush();
        // A question that cannot be seen is not answered, and that is told.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }

    /// A failure once Ctrl+C was pressed.
    pub(crate) fn require_uncancelled(&self) -> Result<(), Failure> {
        if !self.work.is_cancelled() {
            return Ok(());
        }
        Err(Failure::new("cancelled", Class::Cancelled, "cancelled", "Start it again when you like"))
    }

    /// Asks on the terminal; `None` where nobody can be asked or no answer came.
    pub(crate) fn ask(&self, question: &str) -> Option<String> {
        self.while_asking(|| self.report.ask(question))
    }

    /// Runs something that waits for a person.
    pub(crate) fn while_asking<T>(&self, ask: impl FnOnce() -> T) -> T {
        self.asking.store(true, Ordering::SeqCst);
        let answer = ask();
        self.asking.store(false, Ordering::SeqCst);
        answer
    }
}

/// The first Ctrl+C stops the work at the next good moment, the second ends the program at once.
fn cancel_on_signal(work: &Work, asking: &Arc<AtomicBool>) {
    let work = work.clone();
    let asking = Arc::clone(asking);
    let handler = move || {
        if work.is_cancelled() || asking.load(Ordering::SeqCst) {
            std::process::exit(i32::from(Exit::Interrupted as u8));
        }
        work.cancel();
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        // Ctrl+C then ends the program; the next opening tidies up.
        tracing::warn!(%error, "signals are not caught");
    }
}
