//! A package delivered to thousands of agents through one nginx, and a checksum error in the middle of thousands of targets.
//!
//! `cargo bench --bench delivery [-- FOLDER] [--agents N]`: FOLDER is where everything is made, best a memory
//! file system. The agents are real ones, each in a folder of its own, all in this process; the manager is a process of
//! its own, so that its memory can be told. Prints time, requests and bytes for each agent, for a tenth of the agents and
//! for all of them. Needs nginx on PATH.

#![expect(clippy::print_stdout, reason = "a benchmark tells its figures")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use packhouse::delivery::agent::{Agent, AgentOptions, HostFacts, PollReport, client_for, enrol};
use packhouse::delivery::documents::Token;
use packhouse::package::procedure::{Procedure, ProcedureChoice, Task};
use packhouse::session::{
    Actor, AddStagingLibrary, ContainerOptions, ContainerView, CreateJobContainer, EditProcedures,
    FindStaging, ListJobContainers, NewEnrolmentToken, NewJobContainer, NewStagingLibrary, OpenOptions,
    PackageRef, ProcedureEdit, Register, RegisterRequest, Request, Seal, Session, Stage, TokenRequest,
    WantedProcedure,
};
use packhouse::work::Work;
use uuid::Uuid;

#[path = "support/nginx.rs"]
mod nginx;

use nginx::Nginx;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// Agents at work at once.
const THREADS: usize = 4;
const LONG: Duration = Duration::from_secs(3600);

fn main() -> Outcome {
    let settings = Settings::read()?;
    let place = || match &settings.folder {
        Some(folder) => tempfile::tempdir_in(folder),
        None => tempfile::tempdir(),
    };
    for agents in [settings.agents / 10, settings.agents] {
        deliver(place()?.path(), agents.max(1))?;
    }
    Ok(())
}

struct Settings {
    folder: Option<PathBuf>,
    agents: usize,
}

impl Settings {
    fn read() -> Outcome<Self> {
        let mut settings = Self { folder: None, agents: 10_000 };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut number = || -> Outcome<usize> { Ok(words.next().ok_or("a number is missing")?.parse()?) };
            match word.as_str() {
                "--agents" => settings.agents = number()?,
                word if word.starts_with('-') => {}
                folder => settings.folder = Some(folder.into()),
            }
        }
        Ok(settings)
    }
}

fn options(library: &Path) -> OpenOptions {
    let actor = Actor {
        who: "bench".to_owned(),
        host: "bench".to_owned(),
        how: "benchmark".to_owned(),
        time_zone: jiff::tz::TimeZone::UTC,
    };
    let (root, keys) = (library.to_owned(), library.with_extension("keys"));
    OpenOptions { root, create: true, read_only: false, actor, keys, share: Default::default() }
}

/// A library with a sealed package that is staged.
struct Desk {
    session: Session,
    library: PathBuf,
}

impl Desk {
    fn new(folder: &Path, staging: NewStagingLibrary) -> Outcome<Self> {
        let library = folder.join("library");
        let desk = Self { session: Session::open(options(&library))?, library };
        let source = folder.join("Tool 1.0");
        fs::create_dir(&source)?;
        let noise = |seed: u64| {
            (0..8192u64).flat_map(move |n| (n ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes())
        };
        for seed in 0..3 {
            fs::write(source.join(format!("part-{seed}.bin")), noise(seed).collect::<Vec<u8>>())?;
        }
        fs::write(source.join("install.sh"), "exit 0\n")?;
        let package = desk.run(Register { request: RegisterRequest::new(vec![source]) })?.record.id;
        let mut install = Procedure::new("Install", Task::Install, "system:sh");
        install.arguments = vec!["install.sh".to_owned()];
        let edit = ProcedureEdit::Add(install, ProcedureChoice::default());
        desk.run(EditProcedures { package, edit, key: None })?;
        desk.run(Seal { package, key: None, block_size: None })?;
        desk.run(AddStagingLibrary { new: staging })?;
        let staging = desk.run(FindStaging { text: "site".to_owned() })?.id;
        desk.run(Stage { package, staging, now: true })?;
        Ok(desk)
    }

    fn run<R: Request>(&self, request: R) -> Outcome<R::Reply> {
        Ok(self.session.run(request, &Work::new())?)
    }

    /// A container for all computers.
    fn job(&self, name: &str, options: ContainerOptions) -> Outcome<Uuid> {
        let package = PackageRef::Text("Tool@1.0".to_owned());
        let new = NewJobContainer {
            name: Some(name.to_owned()),
            packages: vec![(package, WantedProcedure::Task(Task::Install))],
            computers: Vec::new(),
            groups: vec!["all".to_owned()],
            installed: Vec::new(),
            options,
            anyway: false,
        };
        Ok(self.run(CreateJobContainer { new })?.id)
    }

    fn container(&self, id: Uuid) -> Outcome<ContainerView> {
        let found = self.run(ListJobContainers {})?.into_iter().find(|view| view.id == id);
        found.ok_or_else(|| "no container".into())
    }
}

/// A container with so many agents, each polled until it is done: all of them end OK.
fn deliver(folder: &Path, count: usize) -> Outcome {
    let nginx = start_nginx(folder)?;
    let desk = Desk::new(
        folder,
        NewStagingLibrary {
            name: "site".to_owned(),
            write: nginx.root.display().to_string(),
            read: Some(nginx.url.clone()),
            report: None,
            line: Default::default(),
            for_tests: false,
            credentials: None,
        },
    )?;
    let tokens: Vec<Token> = (0..count)
        .map(|_| {
            let made = desk.run(NewEnrolmentToken {
                request: TokenRequest {
                    group: Some("all".to_owned()),
                    test: false,
                    computer: None,
                    valid_secs: None,
                    pin: None,
                },
            })?;
            Ok(made.text.parse::<Token>()?)
        })
        .collect::<Outcome<_>>()?;
    let manager = Manager::start(&desk.library)?;
    let started = Instant::now();
    wait(|| Ok(nginx.count("delivery/enrol") >= count))?;
    let client = client_for(&AgentOptions::default(), &tokens[0])?;
    let options = |n: usize| AgentOptions {
        client: Some(Arc::clone(&client)),
        host: HostFacts {
            host: format!("pc-{n:05}"),
            system: std::env::consts::OS.to_owned(),
            ..HostFacts::default()
        },
        patience: Some(LONG),
        ..AgentOptions::default()
    };
    let home = |n: usize| folder.join(format!("agents/{:03}/{n:05}", n / 1000));
    fs::create_dir_all(folder.join("agents"))?;
    each(count, |n| {
        let options = options(n);
        fs::create_dir_all(home(n).parent().ok_or("no folder")?)?;
        enrol(&home(n), &nginx.url, &tokens[n], &options.host, &options)?;
        Ok(())
    })?;
    wait(|| Ok(nginx.count("delivery/enrol") == 0))?;
    println!("{count} agents: enrolled in {:.1} s", started.elapsed().as_secs_f64());
    let poll = |n: usize| -> Outcome<PollReport> {
        let mut agent = Agent::open(&home(n), options(n))?;
        Ok(agent.poll_once(&Work::new())?)
    };
    nginx.forget()?;
    let started = Instant::now();
    let made =
        desk.job("all", ContainerOptions { parallel: u32::try_from(count)?, ..ContainerOptions::default() })?;
    let view = || desk.container(made);
    let mut rounds = 0;
    while view()?.ended.is_none() {
        // Every target has its turn before the agents ask, and what they say is applied before they ask again.
        wait(|| {
            view().map(|view| view.ended.is_some() || view.evaluated.is_some() && view.totals.waiting == 0)
        })?;
        rounds += 1;
        each(count, |n| poll(n).map(drop))?;
        wait(|| Ok(nginx.count("delivery/reports") == 0))?;
    }
    let totals = view()?.totals;
    if totals.ok != count as u64 {
        return Err(format!("not all of {count} are OK: {totals:?}").into());
    }
    let took = started.elapsed().as_secs_f64();
    let (requests, bytes) = nginx.counted()?;
    let each_one = |number: usize| number as f64 / count as f64;
    println!(
        "  delivered and run: {took:.1} s, {:.2} ms an agent; {rounds} rounds of polls, {:.1} requests and {:.0} bytes an agent",
        took * 1000.0 / count as f64,
        each_one(requests),
        each_one(bytes)
    );
    // Their lists are empty again: that is news once.
    let news = AtomicUsize::new(1);
    while news.swap(0, Ordering::Relaxed) > 0 {
        each(count, |n| {
            news.fetch_add(usize::from(poll(n)?.has_news), Ordering::Relaxed);
            Ok(())
        })?;
    }
    nginx.forget()?;
    let started = Instant::now();
    each(count, |n| poll(n).map(drop))?;
    let (requests, _) = nginx.counted()?;
    println!(
        "  a poll without news: {:.2} ms, {:.2} requests an agent, {} answers other than 304",
        started.elapsed().as_secs_f64() * 1000.0 / count as f64,
        each_one(requests),
        nginx.answers_but("304")?
    );
    checksum_error(&desk, count, &poll)?;
    println!("  manager: {} MiB at most", manager.most_kib()? / 1024);
    Ok(())
}

/// The package turns out to differ when the first targets are done: how long until the last of the others is in error.
fn checksum_error(
    desk: &Desk,
    count: usize,
    poll: &(impl Fn(usize) -> Outcome<PollReport> + Sync),
) -> Outcome {
    let parallel = ContainerOptions::default().parallel;
    let made = desk.job("again", ContainerOptions { reinstall: true, ..ContainerOptions::default() })?;
    let view = || desk.container(made);
    let first = u64::from(parallel).min(count as u64);
    wait(|| Ok(view()?.totals.ordered >= first))?;
    fs::write(desk.library.join("packages/Tool/1.0/data/part-0.bin"), b"changed")?;
    let rest = count as u64 - first;
    let watch = || -> Result<Duration, String> {
        let mut begun = None;
        wait(|| {
            let error = view()?.totals.error;
            if error > 0 {
                begun.get_or_insert_with(Instant::now);
            }
            Ok(error >= rest)
        })
        .map_err(|error| error.to_string())?;
        Ok(begun.map_or(Duration::ZERO, |begun| begun.elapsed()))
    };
    let took = std::thread::scope(|scope| -> Outcome<Duration> {
        let watching = scope.spawn(watch);
        while view()?.totals.open() > 0 {
            each(count, |n| poll(n).map(drop))?;
        }
        Ok(watching.join().map_err(|_| "a thread failed")??)
    })?;
    let totals = view()?.totals;
    println!(
        "  checksum error after {} of {count} targets: {} in error, the last {:.2} s after it was first seen",
        totals.ok,
        totals.error,
        took.as_secs_f64()
    );
    if totals.ok + totals.error == count as u64 { Ok(()) } else { Err(format!("{totals:?}").into()) }
}

/// Does something for each number below `count`, on some threads.
fn each(count: usize, work: impl Fn(usize) -> Outcome + Sync) -> Outcome {
    let next = AtomicUsize::new(0);
    let run = || -> Result<(), String> {
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= count {
                return Ok(());
            }
            work(n).map_err(|error| format!("{n}: {error}"))?;
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(run)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread failed".to_owned())?)
    })
    .map_err(Into::into)
}

fn wait(mut is_so: impl FnMut() -> Outcome<bool>) -> Outcome {
    let end = Instant::now() + Duration::from_secs(600);
    while !is_so()? {
        if Instant::now() > end {
            return Err("it does not happen".into());
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    Ok(())
}

/// `packhouse-cli manage`, ended with this value.
struct Manager(Child);

impl Manager {
    fn start(library: &Path) -> Outcome<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_packhouse-cli"));
        command.env("PACKHOUSE_KEYS", library.with_extension("keys")).arg("--quiet");
        command.arg("--library").arg(library).args(["manage", "--every", "1s"]);
        Ok(Self(command.stdout(Stdio::null()).spawn()?))
    }

    /// Most memory it had.
    fn most_kib(&self) -> Outcome<usize> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

const LOG_NAME: &str = "access.log";
/// What an access log is written as: the status, and what was sent.
const LOG_FORMAT: &str = "log_format short '$status $bytes_sent';";
/// Agents put their reports.
const WRITABLE: &str = "dav_methods PUT DELETE MKCOL MOVE; create_full_put_path on; dav_access all:rw;";

/// nginx that agents read from and put reports to.
fn start_nginx(folder: &Path) -> Outcome<Nginx> {
    let log = folder.join(LOG_NAME);
    let http = format!("{LOG_FORMAT} access_log {} short; client_max_body_size 16m;", log.display());
    Nginx::start(folder, &http, WRITABLE)
}

impl Nginx {
    fn log(&self) -> PathBuf {
        self.root.with_file_name(LOG_NAME)
    }

    /// How many objects there are in a folder.
    fn count(&self, folder: &str) -> usize {
        self.root.join(folder).read_dir().map_or(0, Iterator::count)
    }

    /// Counts from here on.
    fn forget(&self) -> Outcome {
        Ok(fs::OpenOptions::new().write(true).open(self.log())?.set_len(0)?)
    }

    /// Requests and bytes that were sent since.
    fn counted(&self) -> Outcome<(usize, usize)> {
        let text = fs::read_to_string(self.log())?;
        let bytes =
            text.lines().filter_map(|line| line.split_once(' ')?.1.trim().parse::<usize>().ok()).sum();
        Ok((text.lines().count(), bytes))
    }

    /// Answers with another status since.
    fn answers_but(&self, status: &str) -> Outcome<usize> {
        let text = fs::read_to_string(self.log())?;
        Ok(text.lines().filter(|line| !line.trim_start_matches('\0').starts_with(status)).count())
    }
}
