//! What every command has at hand: the options of the whole program, the streams, the work that Ctrl+C cancels, and the
//! library, opened when it is first needed.

use std::path::PathBuf;

use super::arguments::GlobalArguments;
use super::exit::Exit;
use super::progress::{Bar, Style};
use super::report::{Report, failure_text};
use super::terminal::{Terminal, tell};
use crate::failure::{Class, Failure};
use crate::package::PackageRecord;
use crate::place;
use crate::session::{
    self, KeyRequest, NetworkOptions, OpenOptions, PackageRef, ParentWatch, ProxyAddress, Request,
    ResolvePackage, Session, ShareOptions, root_certificates,
};
use crate::work::Work;

/// What every command has at hand.
#[derive(Debug)]
pub(crate) struct Context {
    /// Options of the whole program.
    pub(crate) global: GlobalArguments,
    /// The streams.
    pub(crate) report: Report,
    work: Work,
    terminal: Terminal,
    progress_style: Style,
}

impl Context {
    pub(crate) fn new(global: GlobalArguments) -> Self {
        let work = Work::new();
        let terminal = Terminal::default();
        cancel_on_signal(&work, &terminal);
        let report = Report::new(global.json, global.quiet, global.verbose);
        // With --verbose the log lines go to the same place, unless a file was named for them.
        let progress_style = Style::for_stderr(global.quiet, global.verbose && global.log.is_none());
        Self { global, report, work, terminal, progress_style }
    }

    fn options(&self, create: bool, read_only: bool) -> Result<OpenOptions, Failure> {
        Ok(OpenOptions {
            root: place::library(self.global.library.as_deref())?,
            create,
            read_only,
            actor: place::actor("command line"),
            keys: place::keys()?,
            share: ShareOptions {
                read_only_if_in_use: true,
                copies: place::copies(),
                ..ShareOptions::default()
            },
        })
    }

    /// The folder of the library, opened or not.
    pub(crate) fn library_folder(&self) -> Result<PathBuf, Failure> {
        place::library(self.global.library.as_deref())
    }

    /// Whether Ctrl+C was pressed.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.work.is_cancelled()
    }

    /// What Ctrl+C cancels.
    pub(crate) fn work(&self) -> &Work {
        &self.work
    }

    /// Opens the library; with `create`, makes it where there is none.
    pub(crate) fn open(&self, create: bool) -> Result<Session, Failure> {
        let _bar = Bar::draw(&self.work, self.progress_style);
        Session::open(self.options(create, false)?)
    }

    /// Opens the library, which must be there.
    pub(crate) fn open_existing(&self) -> Result<Session, Failure> {
        self.open(false)
    }

    /// Opens the library for work that fetches or sends: the way to the network is the one that was chosen for the library.
    pub(crate) fn open_online(&self, create: bool) -> Result<Session, Failure> {
        let network = self.network()?;
        let session = self.open(create)?;
        if !session.is_read_only() {
            session.use_network(network)?;
        }
        Ok(session)
    }

    /// How the network is reached where no library says it: the proxy that the environment names, the certificates that
    /// were named.
    pub(crate) fn network(&self) -> Result<NetworkOptions, Failure> {
        let proxy = place::proxy().map(|(url, bypass)| ProxyAddress { url, credentials: None, bypass });
        let named = place::trusted_certificates(self.global.certificates.as_deref());
        let extra_roots = named.map(|file| root_certificates(&file)).transpose()?;
        let extra_roots = extra_roots.into_iter().collect();
        Ok(NetworkOptions { proxy, extra_roots, ..NetworkOptions::default() })
    }

    /// Opens the library for a look at it, if there is one; nothing is written.
    pub(crate) fn open_for_a_look(&self) -> Result<Option<Session>, Failure> {
        match Session::open(self.options(false, true)?) {
            Ok(session) => Ok(Some(session)),
            Err(failure) if failure.code == "no-library" => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Does a request that needs the user's keys and no library.
    pub(crate) fn run_with_keys<R: KeyRequest>(&self, request: R) -> Result<R::Reply, Failure> {
        self.require_uncancelled()?;
        let keys = place::keys()?;
        let _bar = Bar::draw(&self.work, self.progress_style);
        session::run_with_keys(request, keys, &self.work)
    }

    /// Does a request and shows how far it is.
    pub(crate) fn run<R: Request>(&self, session: &Session, request: R) -> Result<R::Reply, Failure> {
        self.require_uncancelled()?;
        let _bar = Bar::draw(&self.work, self.progress_style);
        session.run(request, &self.work)
    }

    /// Shows how far work is that goes on elsewhere, until the bar is dropped.
    pub(crate) fn follow(&self) -> (Bar, &Work) {
        (Bar::draw(&self.work, self.progress_style), &self.work)
    }

    /// Limits how many bytes of contents are read a second.
    pub(crate) fn limit(&self, bytes_per_second: Option<u64>) {
        self.work.set_rate(bytes_per_second);
    }

    /// Writes the library database anew.
    pub(crate) fn rebuild(&self) -> Result<session::RebuildReport, Failure> {
        let _bar = Bar::draw(&self.work, self.progress_style);
        session::rebuild(self.options(false, false)?, &self.work)
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

    /// A failure once Ctrl+C was pressed.
    pub(crate) fn require_uncancelled(&self) -> Result<(), Failure> {
        if !self.work.is_cancelled() {
            return Ok(());
        }
        Err(Failure::new("cancelled", Class::Cancelled, "cancelled", "Start it again when you like"))
    }

    /// The terminal, for a question; what was printed before is on it.
    pub(crate) fn terminal(&self) -> &Terminal {
        self.report.flush();
        &self.terminal
    }
}

/// The first Ctrl+C stops the work at the next good moment, the second ends the program at once; so does one at a
/// question, since nothing is being done then.
fn cancel_on_signal(work: &Work, terminal: &Terminal) {
    let work = work.clone();
    let terminal = terminal.clone();
    let handler = move || {
        let end = || std::process::exit(i32::from(Exit::Interrupted as u8));
        terminal.end_at_question(|| {
            tell(&format!("\n{}", failure_text(&cancelled_at_question(), false)));
            end();
        });
        if work.is_cancelled() {
            end();
        }
        work.cancel();
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        // Ctrl+C then ends the program; the next opening tidies up.
        tracing::warn!(%error, "signals are not caught");
    }
}

/// What is told where Ctrl+C was the answer.
pub(crate) fn cancelled_at_question() -> Failure {
    Failure::new(
        "cancelled",
        Class::Cancelled,
        "cancelled",
        "Nothing was changed. Start it again when you like",
    )
}
