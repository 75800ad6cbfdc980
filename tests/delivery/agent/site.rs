//! A site for tests: a library with sealed packages, a staging folder, the manager's key, and computers.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use minisign::KeyPair;
use packhouse::delivery::agent::{Agent, AgentOptions, HostFacts, PollReport, enrol};
use packhouse::delivery::documents::{
    AgentDocument, AgentId, ContainerId, Enrolment, Fingerprint, Job, JobId, JobPackage, JobProcedure,
    JobReport, Report, ReportedState, SiteDocument, SiteId, SiteKeys, Token, names, procedure_digest,
};
use packhouse::library::KeyRing;
use packhouse::package::procedure::{Procedure, ProcedureChoice, Task};
use packhouse::package::record::ListedProcedure;
use packhouse::package::reginfo::RegInfo;
use packhouse::package::{BlockSize, Sha256Digest, SignedDocument};
use packhouse::session::{Actor, OpenOptions, Register, RegisterRequest, Seal, Session, ShareOptions};
use packhouse::transfer::{Clock as _, ManualClock};
use packhouse::work::Work;

pub(crate) type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Size of the blocks of packages.
pub(crate) const BLOCK: usize = 256 * 1024;

/// A site.
pub(crate) struct Site {
    dir: tempfile::TempDir,
    pub(crate) session: Session,
    pub(crate) manager: KeyPair,
    pub(crate) id: SiteId,
    pub(crate) clock: Arc<ManualClock>,
    seals: Vec<String>,
    sequence: std::cell::Cell<u64>,
    staging: PathBuf,
}

/// A sealed package that is staged.
pub(crate) struct Package {
    pub(crate) info: RegInfo,
    pub(crate) text: String,
    /// In the staging folder.
    pub(crate) folder: PathBuf,
}

/// A computer that is enrolled.
pub(crate) struct Computer {
    pub(crate) folder: PathBuf,
    pub(crate) agent: AgentId,
    pub(crate) key: String,
}

pub(crate) fn pair() -> KeyPair {
    KeyPair::generate_unencrypted_keypair().expect("a key pair")
}

/// Signs a text.
pub(crate) fn signed(text: String, key: &KeyPair) -> Vec<u8> {
    SignedDocument::sign(text, &key.pk, &key.sk, "test").expect("signed").to_bytes()
}

pub(crate) fn host() -> HostFacts {
    HostFacts {
        host: "pc-17".into(),
        system: std::env::consts::OS.into(),
        system_version: "12".into(),
        architecture: std::env::consts::ARCH.into(),
        agent_version: "test".into(),
    }
}

impl Site {
    pub(crate) fn new() -> Self {
        Self::over(None)
    }

    /// A site whose staging library lies in that folder.
    pub(crate) fn over(staging: Option<PathBuf>) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let session = Session::open(OpenOptions {
            root: dir.path().join("library"),
            create: true,
            read_only: false,
            actor: Actor {
                who: "anna".to_owned(),
                host: "bench".to_owned(),
                how: "test".to_owned(),
                time_zone: jiff::tz::TimeZone::UTC,
            },
            keys: dir.path().join("keys"),
            share: ShareOptions::default(),
        })
        .expect("it opens");
        let site = Self {
            session,
            manager: pair(),
            id: SiteId::random(),
            clock: Arc::new(ManualClock::new(Timestamp::now())),
            seals: Vec::new(),
            sequence: std::cell::Cell::new(u64::try_from(Timestamp::now().as_second()).expect("after 1970")),
            staging: staging.unwrap_or_else(|| dir.path().join("staging")),
            dir,
        };
        fs::create_dir_all(site.staging()).expect("a folder");
        site.write_list(|_| {});
        site
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The root of the staging library.
    pub(crate) fn staging(&self) -> PathBuf {
        self.staging.clone()
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock.wall().as_second()
    }

    pub(crate) fn next_sequence(&self) -> u64 {
        self.sequence.set(self.sequence.get() + 1);
        self.sequence.get()
    }

    /// Writes a text of the site into the store.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.staging().join(name);
        fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
        let temporary = path.with_extension("new");
        fs::write(&temporary, bytes).and_then(|()| fs::rename(&temporary, &path)).expect("it is written");
    }

    /// The site list as it is now.
    pub(crate) fn list(&self) -> SiteDocument {
        SiteDocument {
            site: self.id,
            sequence: self.next_sequence(),
            issued: self.now(),
            keys: SiteKeys { jobs: vec![self.manager.pk.to_base64()], seals: self.seals.clone() },
            poll_seconds: 60,
            keep: Vec::new(),
            keep_bytes: None,
        }
    }

    /// Writes the site list, changed.
    pub(crate) fn write_list(&self, change: impl FnOnce(&mut SiteDocument)) {
        let mut list = self.list();
        change(&mut list);
        self.put(names::SITE, &signed(list.to_text().expect("a text"), &self.manager));
    }

    /// Registers, seals and stages a package: a script that is its only procedure, and `blocks` blocks beside it.
    pub(crate) fn package(
        &mut self,
        (name, version): (&str, &str),
        script: &str,
        blocks: usize,
        change: impl FnOnce(&mut Procedure),
    ) -> Package {
        use std::os::unix::fs::PermissionsExt as _;
        let source = tempfile::tempdir().expect("a folder");
        let at = |path: &str| source.path().join(path);
        fs::create_dir(at("bin")).expect("a folder");
        fs::write(at("bin/run.sh"), format!("#!/bin/sh\n{script}\n")).expect("a file");
        fs::set_permissions(at("bin/run.sh"), fs::Permissions::from_mode(0o755)).expect("a mode");
        fs::write(at("data.txt"), b"of the package").expect("a file");
        let noise: Vec<u8> = (0..blocks * BLOCK).map(|n| (n / BLOCK + n % 251) as u8).collect();
        fs::write(at("cargo.bin"), noise).expect("a file");
        let mut procedure = Procedure::new("Install", Task::Install, "bin/run.sh");
        procedure.environment.insert("LOG".to_owned(), self.log().display().to_string());
        change(&mut procedure);
        let mut request = RegisterRequest::new(vec![source.path().to_owned()]);
        (request.name, request.version) = (Some(name.to_owned()), Some(version.to_owned()));
        request.procedures = Some(vec![ListedProcedure { procedure, choice: ProcedureChoice::default() }]);
        let work = Work::new();
        let package = self.session.run(Register { request }, &work).expect("it registers").record.id;
        let block_size = Some(BlockSize::new(BLOCK as u64).expect("a size"));
        self.session.run(Seal { package, key: None, block_size }, &work).expect("it seals");
        self.seals =
            KeyRing::new(self.path("keys")).list().expect("keys").into_iter().map(|key| key.public).collect();
        self.write_list(|_| {});
        self.stage(name, version)
    }

    /// Copies a package into the staging folder.
    pub(crate) fn stage(&self, name: &str, version: &str) -> Package {
        let from = self.session.root().join("packages").join(name).join(version);
        let folder = self.staging().join("packages").join(name).join(version);
        copy_tree(&from, &folder);
        let text = fs::read_to_string(folder.join("reginfo.json")).expect("it is sealed");
        Package { info: RegInfo::parse(&text).expect("it is one"), text, folder }
    }

    /// Where scripts write a line for each time they ran.
    pub(crate) fn log(&self) -> PathBuf {
        self.path("log")
    }

    /// The lines that scripts wrote.
    pub(crate) fn runs(&self) -> Vec<String> {
        let text = fs::read_to_string(self.log()).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// A job for a package.
    pub(crate) fn job(&self, package: &Package) -> Job {
        self.job_at(package, &self.staging().display().to_string())
    }

    /// A job for a package that is read from there.
    pub(crate) fn job_at(&self, package: &Package, read: &str) -> Job {
        let procedure = &package.info.procedures[0];
        Job {
            id: JobId::random(),
            container: ContainerId::random(),
            container_name: "Branch Köln".into(),
            batch: None,
            task: procedure.task,
            package: JobPackage {
                id: package.info.id,
                key: package.info.key.clone(),
                revision: package.info.revision,
                reginfo_sha256: Sha256Digest::of(package.text.as_bytes()),
            },
            checksum: package.info.checksum,
            checksum_control: true,
            procedure: JobProcedure { name: procedure.name.clone(), sha256: procedure_digest(procedure) },
            read: vec![read.to_owned()],
            stage_only: false,
            stage_at: None,
            run_at: None,
            stop_starting_at: None,
            time_limit_seconds: None,
            reinstall: false,
        }
    }

    /// The jobs of a computer as a document.
    pub(crate) fn document(&self, computer: &Computer, jobs: &[Job]) -> AgentDocument {
        AgentDocument {
            site: self.id,
            agent: computer.agent,
            agent_key: computer.key.clone(),
            sequence: self.next_sequence(),
            issued: self.now(),
            expires: self.now() + 7 * 24 * 3600,
            jobs: jobs.to_vec(),
        }
    }

    /// Gives a computer these jobs.
    pub(crate) fn give(&self, computer: &Computer, jobs: &[Job]) {
        self.put_jobs(computer, &self.document(computer, jobs), &self.manager);
    }

    /// The same, signed by anybody.
    pub(crate) fn put_jobs(&self, computer: &Computer, document: &AgentDocument, key: &KeyPair) {
        self.put(&names::agent(computer.agent), &signed(document.to_text().expect("a text"), key));
    }

    /// An open token.
    pub(crate) fn token(&self, pin: Option<Fingerprint>) -> Token {
        let mut chance = [0; 24];
        chance[..16].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
        chance[16..].copy_from_slice(&uuid::Uuid::new_v4().as_bytes()[..8]);
        let print = Fingerprint::of_key(&self.manager.pk.to_base64()).expect("a key");
        let token = Token::new(chance, print, pin);
        self.put(&names::open_token(token.id), b"{}");
        token
    }

    /// What an agent is run with here.
    pub(crate) fn options(&self) -> AgentOptions {
        AgentOptions {
            clock: self.clock.clone(),
            host: host(),
            patience: Some(Duration::from_secs(3600)),
            ..AgentOptions::default()
        }
    }

    /// Makes an agent and lets the manager take it.
    pub(crate) fn computer(&self, name: &str) -> Computer {
        self.computer_at(name, &self.staging().display().to_string(), None)
    }

    /// The same, that sees its site there.
    pub(crate) fn computer_at(&self, name: &str, address: &str, pin: Option<Fingerprint>) -> Computer {
        let (folder, token) = (self.path(name), self.token(pin));
        let enrolled = enrol(&folder, address, &token, &host(), &self.options()).expect("it enrols");
        self.accept(&folder, &token, enrolled.agent)
    }

    /// The manager takes a new agent: it believes what the token's secret proves.
    pub(crate) fn accept(&self, folder: &Path, token: &Token, agent: AgentId) -> Computer {
        let path = self.staging().join(names::enrolment(token.id));
        let bytes = fs::read(&path).expect("it is there");
        let enrolment = Enrolment::parse(&bytes, token.id, &token.secret).expect("its code fits");
        assert_eq!(enrolment.agent, agent);
        fs::remove_file(path).expect("it is removed");
        fs::remove_file(self.staging().join(names::open_token(token.id))).expect("it is closed");
        let computer = Computer { folder: folder.to_owned(), agent, key: enrolment.agent_key };
        self.give(&computer, &[]);
        computer
    }

    /// Opens the agent of a computer.
    pub(crate) fn open(&self, computer: &Computer) -> Agent {
        Agent::open(&computer.folder, self.options()).expect("it opens")
    }

    /// Opens it, polls once, and closes it.
    pub(crate) fn poll(&self, computer: &Computer) -> PollReport {
        let report = self.open(computer).poll_once(&Work::new()).expect("it polls");
        assert_eq!(report.unreachable, None, "the site can be reached");
        report
    }

    /// The reports of a computer in the store, in order, each signed by it and in its name.
    pub(crate) fn reports(&self, computer: &Computer) -> Vec<Report> {
        let Ok(entries) = fs::read_dir(self.staging().join(names::REPORTS)) else { return Vec::new() };
        let files = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a text"));
        let mut found: Vec<Report> = Vec::new();
        // What somebody began to write and has not finished is no report.
        for file in files.filter(|file| !file.starts_with(packhouse::package::staging::UNFINISHED)) {
            let (agent, n) = names::parse_report_file(&file).expect("nothing else lies there");
            if agent != computer.agent {
                continue;
            }
            let bytes = fs::read(self.staging().join(names::report(agent, n))).expect("it is read");
            let signed = SignedDocument::parse(&bytes).expect("it is signed");
            let (text, _) = signed.verify([computer.key.as_str()]).expect("by the agent");
            let report = Report::parse(text).expect("it is a report");
            assert_eq!((report.agent, report.n, report.site), (agent, n, self.id));
            found.push(report);
        }
        found.sort_by_key(|report| report.n);
        let numbers: Vec<u64> = found.iter().map(|report| report.n).collect();
        assert!(numbers.windows(2).all(|two| two[0] + 1 == two[1]), "none is left out: {numbers:?}");
        found
    }

    /// All that was told of a job, in order.
    pub(crate) fn told(&self, computer: &Computer, job: &Job) -> Vec<JobReport> {
        let reports = self.reports(computer).into_iter().flat_map(|report| report.jobs);
        reports.filter(|report| report.job == job.id).collect()
    }

    /// The states that were told of a job, in order.
    pub(crate) fn states(&self, computer: &Computer, job: &Job) -> Vec<ReportedState> {
        self.told(computer, job).into_iter().map(|report| report.state).collect()
    }

    /// How a job ended: the state and the code of the reason.
    pub(crate) fn end(&self, computer: &Computer, job: &Job) -> Option<(ReportedState, String)> {
        end_of(&self.told(computer, job))
    }
}

/// How a job ended of which this was told.
pub(crate) fn end_of(told: &[JobReport]) -> Option<(ReportedState, String)> {
    let last = told.last().filter(|report| report.state.is_end())?;
    Some((last.state, last.reason.as_ref().map(|reason| reason.code.clone()).unwrap_or_default()))
}

pub(crate) fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").map(|entry| entry.expect("an entry")) {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy_tree(&path, &target);
        } else if entry.file_name() != "notes.json" {
            fs::copy(&path, &target).expect("it is copied");
        }
    }
}

/// A refused job.
pub(crate) fn refused(code: &str) -> Option<(ReportedState, String)> {
    Some((ReportedState::Refused, code.to_owned()))
}

/// A job in error.
pub(crate) fn failed(code: &str) -> Option<(ReportedState, String)> {
    Some((ReportedState::Error, code.to_owned()))
}

/// A job that is done.
pub(crate) fn done() -> Option<(ReportedState, String)> {
    Some((ReportedState::Ok, String::new()))
}
