//! `download`: a package, or what a Metalink lists, block by block until it is whole. Interrupted, the same line goes on.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::library_check::bytes_per_second;
use super::words::usage;
use crate::cli::arguments::DownloadArguments;
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::report::{count, size};
use crate::failure::{Class, Failure};
use crate::package::download::{DownloadId, DownloadState};
use crate::package::{PackageState, Sha256Digest};
use crate::place;
use crate::session::{
    AddDownload, BlockCounts, CodebaseState, CodebaseStatus, Credentials, DownloadRow, Downloads,
    DownloadsSetting, InvalidReason, Ladder, NewSnapshot, RegisterDownload, RemoveDownload, Runs, Session,
    StartDownload,
};

/// How often it is looked whether Ctrl+C was pressed.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
/// How often a line of progress is streamed.
const BETWEEN_LINES: Duration = Duration::from_secs(1);

/// `download ADDRESS --into FOLDER …`
pub(super) fn download(context: &Context, arguments: DownloadArguments) -> Result<Exit, Failure> {
    let request = request_of(&arguments)?;
    if arguments.user.is_some() && place::sign_in().0.is_none() {
        context.report.note("PACKHOUSE_PASSWORD is not set: signing in without a password");
    }
    let session = context.open_online(true)?;
    session.set_downloads(DownloadsSetting {
        runs: Runs::Own,
        trust: arguments.trust.clone(),
        ..session.downloads_setting()
    })?;
    let mut told = Told::new(context, arguments.once);
    let id = begin(context, &session, &request, &mut told)?;
    let Some(downloads) = session.downloads() else { return Err(read_only()) };
    let ended = follow(context, &downloads, id, &mut told);
    match ended {
        Ended::Ready(row) => ready(context, &session, &downloads, &row, arguments.register),
        Ended::Invalid(row) => {
            told.stream_end("invalid", &row, &downloads);
            let reason = downloads.live(id).and_then(|live| live.status().invalid);
            let is_in_the_way = matches!(reason, Some(InvalidReason::Obstacle { .. }));
            // The same line begins anew.
            context.run(&session, RemoveDownload { id, delete_files: false })?;
            let action = match is_in_the_way {
                true => {
                    "Move away what lies there, then run the same again; what is right stays in the folder"
                }
                false => {
                    "Add another codebase with --codebase, or ask the publisher; what is right stays in the folder"
                }
            };
            Err(Failure::new("download-invalid", Class::No, format!("{} is not valid", row.title), action)
                .because(row.reason))
        }
        Ended::Waiting(row) => {
            session.stop_downloads();
            let message = format!("{} is not complete", row.title);
            let action = "Run the same again to go on; without --once it waits and tries again";
            Err(Failure::new("download-waiting", Class::Environment, message, action)
                .because(row.reason)
                .temporary())
        }
        Ended::Gone => Err(Failure::new(
            "no-such-download",
            Class::Environment,
            "the download was removed by another program",
            "Run the same again to go on",
        )),
        Ended::Interrupted => {
            session.stop_downloads();
            Err(Failure::new("cancelled", Class::Cancelled, "cancelled", "Run the same again to go on"))
        }
    }
}

fn request_of(arguments: &DownloadArguments) -> Result<StartDownload, Failure> {
    let (password, token) = place::sign_in();
    let credentials = match (&arguments.user, token) {
        (Some(user), _) => {
            let password = password.unwrap_or_default();
            Some(Credentials::Basic { user: user.clone(), password })
        }
        (None, Some(token)) => Some(Credentials::Bearer { token }),
        (None, None) => None,
    };
    require_folder(&arguments.into)?;
    let reason = arguments.reason.clone().unwrap_or_default();
    let download = AddDownload {
        address: arguments.address.clone(),
        folder: Some(arguments.into.clone()),
        codebases: arguments.codebase.clone(),
        connections: arguments.connections,
        limit: arguments.limit.as_deref().map(bytes_per_second).transpose()?,
        unsigned: arguments.allow_unsigned.then_some(reason),
        unknown_key: None,
        allow_older: arguments.allow_older,
        credentials,
        register: false,
    };
    Ok(StartDownload { download, agent_ladder: arguments.agent_ladder, goes_on: true })
}

/// Refuses a file where a folder is to be, or above it: no waiting makes a folder of it.
fn require_folder(into: &Path) -> Result<(), Failure> {
    let nearest = into.ancestors().find_map(|at| Some((at, std::fs::metadata(at).ok()?)));
    match nearest {
        Some((at, facts)) if !facts.is_dir() => Err(usage(
            format!("{} is no folder", at.display()),
            "Name a folder with --into; it is made where there is none yet",
        )),
        _ => Ok(()),
    }
}

fn read_only() -> Failure {
    let message = "nothing can be downloaded: the library can only be read here";
    Failure::new("read-only", Class::Refused, message, "Name another library with --library DIR")
}

/// Takes it into the list. Where nobody answers it is tried again, as for its blocks.
fn begin(
    context: &Context,
    session: &Session,
    request: &StartDownload,
    told: &mut Told<'_>,
) -> Result<DownloadId, Failure> {
    let ladder = if request.agent_ladder { Ladder::Agent } else { Ladder::Console };
    let mut step = 0;
    loop {
        let failure = match context.run(session, request.clone()) {
            Ok(id) => return Ok(id),
            Err(failure) if told.once || !failure.temporary => return Err(as_typed(failure)),
            Err(failure) => failure,
        };
        let wait = ladder.wait(step);
        told.state(DownloadState::Retrying, &failure.to_string(), Some((wait, step as u32 + 1)));
        step += 1;
        let end = Instant::now() + wait;
        while Instant::now() < end {
            context.require_uncancelled()?;
            std::thread::park_timeout(BETWEEN_LOOKS);
        }
    }
}

/// The same, with what can be typed here.
fn as_typed(failure: Failure) -> Failure {
    let action = match failure.code {
        "download-sign-in" => {
            "Sign in with --user NAME and the password in PACKHOUSE_PASSWORD, or with a token in PACKHOUSE_TOKEN"
        }
        "download-into-library" => "Name a folder outside the library with --into",
        "folder-taken" => {
            "Name another folder with --into. Downloads that are not done are in the list of the console"
        }
        _ => return failure,
    };
    Failure { action: action.to_owned(), ..failure }
}

/// Seconds as they are told: what is left of the last one counts.
fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// How following ended.
enum Ended {
    Ready(DownloadRow),
    Invalid(DownloadRow),
    Waiting(DownloadRow),
    Gone,
    Interrupted,
}

fn follow(context: &Context, downloads: &Downloads, id: DownloadId, told: &mut Told<'_>) -> Ended {
    let changed = changes_of(downloads);
    let (_bar, work) = context.follow();
    let mut phase = "";
    let mut was_seen = false;
    loop {
        let row = downloads.rows().iter().find(|row| row.id == id).cloned();
        let Some(row) = row else {
            if was_seen {
                return Ended::Gone;
            }
            if context.is_cancelled() {
                return Ended::Interrupted;
            }
            changed.recv_timeout(BETWEEN_LOOKS).ok();
            continue;
        };
        was_seen = true;
        let now = row.state.words();
        if phase != now {
            phase = now;
            work.begin(now, 0, row.total_bytes.unwrap_or(0));
        }
        work.set_done(0, row.done_bytes);
        told.row(&row, downloads);
        match row.state {
            DownloadState::Ready => return Ended::Ready(row),
            DownloadState::Invalid => return Ended::Invalid(row),
            DownloadState::Retrying if told.once => return Ended::Waiting(row),
            _ => {}
        }
        if context.is_cancelled() {
            return Ended::Interrupted;
        }
        changed.recv_timeout(BETWEEN_LOOKS).ok();
    }
}

fn changes_of(downloads: &Downloads) -> Receiver<()> {
    let (tell, changed) = mpsc::sync_channel(1);
    downloads.set_waker(Arc::new(move || {
        // One that was not taken yet says the same.
        tell.try_send(()).ok();
    }));
    changed
}

fn ready(
    context: &Context,
    session: &Session,
    downloads: &Downloads,
    row: &DownloadRow,
    register: bool,
) -> Result<Exit, Failure> {
    let details = Details::of(row, downloads);
    // Whatever comes of registering it: the download is done, and that is told first.
    let registered = register.then(|| context.run(session, RegisterDownload { id: row.id, group: None }));
    // A list is for people: a script asks again, and the folder answers.
    context.run(session, RemoveDownload { id: row.id, delete_files: false })?;
    let report = &context.report;
    let mut last = details.json("ready", row);
    if let (Some(Ok(key)), Some(last)) = (&registered, last.as_object_mut()) {
        last.insert("registered_as".to_owned(), json!(key.to_string()));
    }
    report.stream(&last);
    let BlockCounts { total, kept, fetched, reused, repaired, .. } = details.blocks;
    report.line(format!(
        "{} is ready in {}: {}, every one proven",
        row.title,
        row.folder.display(),
        count(total as u64, "block")
    ));
    let mut parts = Vec::new();
    match fetched {
        0 if total > 0 => parts.push("nothing had to be fetched".to_owned()),
        _ => parts.push(format!(
            "{} fetched in {}",
            size(details.fetched_bytes),
            count(fetched as u64, "block")
        )),
    }
    for (number, one, several) in [
        (kept, "was there", "were there"),
        (reused, "was found in the library", "were found in the library"),
        (repaired, "was damaged and is right again", "were damaged and are right again"),
    ] {
        if number > 0 {
            parts.push(format!("{number} {}", if number == 1 { one } else { several }));
        }
    }
    report.line(format!("  {}", parts.join(", ")));
    for stranger in &details.strangers {
        report.line(format!("  not part of it: {stranger}"));
    }
    if let Some(registered) = registered {
        let key = registered?;
        let record = context.package(session, &key.to_string())?;
        report.line(format!("  Registered as {key}, {}", record.state.word()));
        // A key that is trusted for this once vouches for the download, not for what the library keeps.
        if record.state == PackageState::Open && row.key.is_some() {
            report.line(
                "  Its seal is kept only where the library trusts the key: packhouse-cli key trust KEY",
            );
        }
    }
    Ok(Exit::Done)
}

/// What the last line tells.
struct Details {
    blocks: BlockCounts,
    fetched_bytes: u64,
    received_bytes: u64,
    strangers: Vec<String>,
}

impl Details {
    fn of(row: &DownloadRow, downloads: &Downloads) -> Self {
        let status = downloads.live(row.id).map(|live| live.status());
        Self {
            blocks: row.blocks.unwrap_or_default(),
            fetched_bytes: status.as_ref().map_or(0, |status| status.fetched_bytes),
            received_bytes: status.as_ref().map_or(0, |status| status.received_bytes),
            strangers: status.map(|status| status.strangers.named).unwrap_or_default(),
        }
    }

    fn json(&self, event: &str, row: &DownloadRow) -> Value {
        let BlockCounts { total, kept, fetched, reused, corrupt, repaired, .. } = self.blocks;
        json!({
            "event": event,
            "name": row.key.as_ref().map(crate::package::PackageKey::name),
            "version": row.key.as_ref().map(crate::package::PackageKey::version),
            "folder": row.folder.display().to_string(),
            "reason": row.reason,
            "trust": row.trust,
            "blocks": {
                "total": total, "kept": kept, "fetched": fetched, "reused": reused, "corrupt": corrupt,
                "repaired": repaired,
            },
            "size_bytes": row.total_bytes,
            "fetched_bytes": self.fetched_bytes,
            "received_bytes": self.received_bytes,
            "not_listed": self.strangers,
        })
    }
}

/// What was told so far: the same is not told twice.
struct Told<'c> {
    context: &'c Context,
    once: bool,
    /// The snapshot that was published anew, once it was told of.
    anew: Option<Sha256Digest>,
    state: Option<(DownloadState, String)>,
    codebases: Vec<(String, CodebaseState, u8, Option<String>)>,
    progress: Option<Instant>,
}

impl<'c> Told<'c> {
    fn new(context: &'c Context, once: bool) -> Self {
        Self { context, once, anew: None, state: None, codebases: Vec::new(), progress: None }
    }

    fn state(&mut self, state: DownloadState, reason: &str, retry: Option<(Duration, u32)>) {
        let now = (state, reason.to_owned());
        if self.state.as_ref() == Some(&now) {
            return;
        }
        self.context.report.stream(&json!({
            "event": "state",
            "state": state.words(),
            "reason": reason,
            "retry_in_s": retry.map(|(wait, _)| seconds(wait)),
            "ladder_step": retry.map(|(_, step)| step),
        }));
        // Once, nothing is tried again: what went wrong is told at the end.
        if state == DownloadState::Retrying && !self.once {
            let after = retry.map(|(wait, _)| format!(", again in {} s", seconds(wait))).unwrap_or_default();
            self.context.report.note(format!("{}: {reason}{after}", state.words()));
        }
        self.state = Some(now);
    }

    fn row(&mut self, row: &DownloadRow, downloads: &Downloads) {
        self.state(row.state, &row.reason, row.retry_in.map(|wait| (wait, row.ladder_step)));
        let live = downloads.live(row.id);
        if let Some(anew) = live.as_ref().and_then(|live| live.taken_anew()) {
            self.anew(anew);
        }
        if !self.context.report.is_json() {
            return;
        }
        if let Some(live) = live {
            for (at, codebase) in live.status().codebases.iter().enumerate() {
                self.codebase(at, codebase);
            }
        }
        let is_moving = matches!(row.state, DownloadState::Checking | DownloadState::Downloading);
        if is_moving && self.progress.is_none_or(|last| last.elapsed() >= BETWEEN_LINES) {
            self.progress = Some(Instant::now());
            self.context.report.stream(&json!({
                "event": "progress",
                "state": row.state.words(),
                "done_bytes": row.done_bytes,
                "total_bytes": row.total_bytes,
                "rate_bytes_per_s": row.rate_bytes_per_s,
                "left_s": row.left.map(|left| left.as_secs()),
                "blocks_proven": row.blocks.map(|blocks| blocks.proven),
            }));
        }
    }

    fn anew(&mut self, anew: &NewSnapshot) {
        if self.anew.replace(anew.digest) == Some(anew.digest) {
            return;
        }
        self.context.report.stream(&json!({
            "event": "snapshot",
            "old_revision": anew.old_revision,
            "new_revision": anew.new_revision,
            "blocks": anew.blocks,
            "blocks_stay": anew.blocks_stay,
        }));
        self.context.report.note(anew.words());
    }

    fn codebase(&mut self, at: usize, codebase: &CodebaseStatus) {
        // Whether it is asked just now changes with every block.
        let state = match codebase.state {
            CodebaseState::Active => CodebaseState::Idle,
            state => state,
        };
        let now = (codebase.name.clone(), state, codebase.score_percent, codebase.last_error.clone());
        if self.codebases.get(at) == Some(&now) {
            return;
        }
        self.context.report.stream(&json!({
            "event": "codebase",
            "name": codebase.name,
            "state": match state {
                CodebaseState::Active | CodebaseState::Idle => "usable",
                CodebaseState::Waiting => "waiting",
                CodebaseState::SetAside => "set aside",
            },
            "score_percent": codebase.score_percent,
            "errors": codebase.errors,
            "bad_blocks": codebase.bad_blocks,
            "last_error": codebase.last_error,
        }));
        if at < self.codebases.len() {
            self.codebases[at] = now;
        } else {
            self.codebases.push(now);
        }
    }

    fn stream_end(&self, event: &str, row: &DownloadRow, downloads: &Downloads) {
        self.context.report.stream(&Details::of(row, downloads).json(event, row));
    }
}
