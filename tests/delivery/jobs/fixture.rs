//! A library with a staging folder, a clock that is told the time, and agents that sign what they say.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use packhouse::delivery::DeliveryError;
use packhouse::delivery::computers::{ComputerDesk, NewComputer, TokenRequest};
use packhouse::delivery::documents::{
    AgentDocument, AgentId, Enrolment, Job, JobReport, Report, ReportedState, SiteDocument, SiteId, Token,
    names,
};
use packhouse::delivery::jobs::{
    ContainerView, JobDesk, NewJobContainer, TargetPage, TargetQuery, WantedProcedure,
};
use packhouse::delivery::manager::{Manager, ManagerOptions, TickReport};
use packhouse::delivery::model::ContainerOptions;
use packhouse::delivery::staging::{NewStagingLibrary, StageOptions, StagingDesk};
use packhouse::library::{
    Actor, Library, OpenOptions, PackageRef, ProcedureEdit, RegisterRequest, ShareOptions,
};
use packhouse::package::procedure::{Procedure, ProcedureChoice, Task};
use packhouse::package::staging::StagingLibrary;
use packhouse::package::{PackageId, PackageRecord, SignedDocument};
use packhouse::transfer::{Clock, ManualClock, NetworkOptions};
use packhouse::work::Work;

pub(crate) type Outcome = Result<(), Box<dyn std::error::Error>>;

/// A site: library, staging folder, manager.
pub(crate) struct Site {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) library: Arc<Library>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) staging: StagingLibrary,
    manager: Option<Manager>,
}

impl Site {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let library = Library::open(OpenOptions {
            root: folder.path().join("library"),
            create: true,
            read_only: false,
            actor: Actor {
                who: "anna".to_owned(),
                host: "bench".to_owned(),
                how: "test".to_owned(),
                time_zone: TimeZone::UTC,
            },
            keys: folder.path().join("keys"),
            share: ShareOptions::default(),
        });
        let library = Arc::new(library.expect("a library"));
        library.keys().create("Packaging").expect("a key");
        let clock = Arc::new(ManualClock::new(Timestamp::now()));
        let site = folder.path().join("site");
        fs::create_dir(&site).expect("a folder");
        let desk = StagingDesk::new(Arc::clone(&library), NetworkOptions::default(), clock.clone());
        let staging = desk.add(NewStagingLibrary {
            name: "Köln".to_owned(),
            write: site.display().to_string(),
            ..NewStagingLibrary::default()
        });
        let staging = staging.expect("a staging library");
        Self { folder, library, clock, staging, manager: None }
    }

    pub(crate) fn staging_desk(&self) -> StagingDesk {
        StagingDesk::new(Arc::clone(&self.library), NetworkOptions::default(), self.clock.clone())
    }

    pub(crate) fn computers(&self) -> ComputerDesk {
        ComputerDesk::new(Arc::clone(&self.library), self.clock.clone())
    }

    pub(crate) fn jobs(&self) -> JobDesk {
        JobDesk::new(Arc::clone(&self.library), self.clock.clone())
    }

    pub(crate) fn options(&self) -> ManagerOptions {
        ManagerOptions {
            clock: self.clock.clone(),
            network: NetworkOptions::default(),
            poll_seconds: 60,
            process: std::process::id(),
        }
    }

    /// One round of the delivery manager, which is opened when it is first needed.
    pub(crate) fn tick(&mut self) -> TickReport {
        self.try_tick().expect("a round")
    }

    pub(crate) fn try_tick(&mut self) -> Result<TickReport, DeliveryError> {
        self.clock.advance(Duration::from_secs(5));
        if self.manager.is_none() {
            self.manager = Some(Manager::open(Arc::clone(&self.library), self.options())?);
        }
        match &mut self.manager {
            Some(manager) => manager.tick(&Work::new()),
            None => unreachable!("it was opened"),
        }
    }

    /// The manager stops in order, and another program may be it.
    pub(crate) fn stop_manager(&mut self) {
        self.manager = None;
    }

    /// The manager is killed: nothing it knew is left but the rows, and its lease runs out.
    pub(crate) fn kill_manager(&mut self) {
        if let Some(manager) = self.manager.take() {
            std::mem::forget(manager);
        }
        self.clock.advance(Duration::from_secs(300));
    }

    pub(crate) fn there(&self, name: &str) -> PathBuf {
        self.folder.path().join("site").join(name)
    }

    pub(crate) fn package_file(&self, record: &PackageRecord, name: &str) -> PathBuf {
        let key = &record.key;
        self.folder
            .path()
            .join("library/packages")
            .join(key.name())
            .join(key.version())
            .join("data")
            .join(name)
    }

    /// A sealed package with the procedures *Install*, *Remove* and *Ask the system*, which is external.
    pub(crate) fn sealed(&self, name: &str) -> PackageRecord {
        let source = self.folder.path().join(name);
        fs::create_dir(&source).expect("a folder");
        fs::write(source.join("setup.sh"), "#!/bin/sh\nexit 0\n").expect("a file");
        fs::write(source.join("readme.txt"), name).expect("a file");
        let work = Work::new();
        let request = RegisterRequest::new(vec![source]);
        let record = self.library.register(&request, &work).expect("registered").record;
        let mut ask = Procedure::new("Ask the system", Task::Configure, "uname");
        ask.external = true;
        for procedure in [
            Procedure::new("Install", Task::Install, "setup.sh"),
            Procedure::new("Remove", Task::Uninstall, "setup.sh"),
            ask,
        ] {
            self.add_procedure(record.id, procedure);
        }
        self.library.seal(record.id, None, None, &work).expect("sealed").record
    }

    fn add_procedure(&self, package: PackageId, procedure: Procedure) {
        let edit = ProcedureEdit::Add(procedure, ProcedureChoice::default());
        self.library.edit_procedures(package, &edit, None).expect("a procedure");
    }

    pub(crate) fn stage(&self, package: PackageId) {
        let staged =
            self.staging_desk().stage(package, self.staging.id, StageOptions { now: true }, &Work::new());
        staged.expect("staged");
    }

    /// A sealed package that is staged.
    pub(crate) fn staged(&self, name: &str) -> PackageRecord {
        let record = self.sealed(name);
        self.stage(record.id);
        record
    }

    /// A computer with its agent, enrolled by a token as it would be.
    pub(crate) fn agent(&mut self, name: &str) -> Agent {
        let mut agents = self.agents(&[name]);
        agents.remove(0)
    }

    pub(crate) fn agents(&mut self, names: &[&str]) -> Vec<Agent> {
        let mut agents = Vec::new();
        for name in names {
            let token = self.computers().new_token(&TokenRequest::default()).expect("a token");
            let token: Token = token.text.parse().expect("a token");
            let agent = Agent::new(name);
            fs::create_dir_all(self.there("delivery/enrol")).expect("a folder");
            let path = self.there(&names::enrolment(token.id));
            fs::write(path, agent.enrolment(&token, name)).expect("written");
            agents.push(agent);
        }
        let tick = self.tick();
        assert_eq!(tick.enrolled.len(), names.len(), "{tick:?}");
        agents
    }

    pub(crate) fn add_computer(&self, name: &str, groups: &[&str]) {
        let new = NewComputer {
            name: name.to_owned(),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            ..NewComputer::default()
        };
        self.computers().add(&new).expect("a computer");
    }

    /// A job that installs a package on these computers.
    pub(crate) fn job(
        &self,
        package: &PackageRecord,
        computers: &[&str],
        options: ContainerOptions,
    ) -> ContainerView {
        self.job_of(&[package.id], WantedProcedure::Task(Task::Install), computers, options)
    }

    pub(crate) fn job_of(
        &self,
        packages: &[PackageId],
        wanted: WantedProcedure,
        computers: &[&str],
        options: ContainerOptions,
    ) -> ContainerView {
        let new = NewJobContainer {
            name: None,
            packages: packages.iter().map(|package| (PackageRef::Id(*package), wanted.clone())).collect(),
            computers: computers.iter().map(|name| (*name).to_owned()).collect(),
            groups: Vec::new(),
            installed: Vec::new(),
            options,
            anyway: false,
        };
        self.jobs().create(&new).expect("a job")
    }

    pub(crate) fn view(&self, job: &ContainerView) -> ContainerView {
        self.jobs().details(job.id).expect("it is there").view
    }

    /// The targets of a job by turn: name, word, code of the reason.
    pub(crate) fn targets(&self, job: &ContainerView) -> Vec<(String, &'static str, String)> {
        let rows = self.page(job).rows;
        rows.into_iter().map(|row| (row.target, row.shown.word(), row.code)).collect()
    }

    pub(crate) fn words(&self, job: &ContainerView) -> Vec<&'static str> {
        self.targets(job).into_iter().map(|(_, word, _)| word).collect()
    }

    pub(crate) fn page(&self, job: &ContainerView) -> TargetPage {
        let query = TargetQuery { most: 1000, ..TargetQuery::default() };
        self.jobs().targets(job.id, &query).expect("it is there")
    }
}

/// An agent: what it knows is what lies in the staging folder.
pub(crate) struct Agent {
    pub(crate) name: String,
    pub(crate) id: AgentId,
    pub(crate) keys: minisign::KeyPair,
    pub(crate) next: u64,
}

impl Agent {
    pub(crate) fn new(name: &str) -> Self {
        let keys = minisign::KeyPair::generate_unencrypted_keypair().expect("a key");
        Self { name: name.to_owned(), id: AgentId::random(), keys, next: 1 }
    }

    pub(crate) fn enrolment(&self, token: &Token, host: &str) -> Vec<u8> {
        let enrolment = Enrolment {
            token: token.id,
            agent: self.id,
            agent_key: self.keys.pk.to_base64(),
            host: host.to_owned(),
            system: "linux".to_owned(),
            architecture: "x86_64".to_owned(),
            agent_version: "1".to_owned(),
            made: 1_790_000_000,
        };
        enrolment.to_bytes(&token.secret).expect("it is written")
    }

    /// Its document, believed as an agent believes it: signed by a key of the site list, for itself.
    pub(crate) fn document(&self, site: &Site) -> AgentDocument {
        let text = fs::read(site.there(names::SITE)).expect("a site list");
        let signed = SignedDocument::parse(&text).expect("signed");
        let listed = SiteDocument::parse(&signed.document).expect("a site list");
        signed.verify(listed.keys.jobs.iter().map(String::as_str)).expect("by a key it lists");
        let bytes = fs::read(site.there(&names::agent(self.id))).expect("a document");
        let signed = SignedDocument::parse(&bytes).expect("signed");
        let (text, _) =
            signed.verify(listed.keys.jobs.iter().map(String::as_str)).expect("by a key of the site");
        let document = AgentDocument::parse(text).expect("jobs");
        assert_eq!((document.agent, document.site), (self.id, listed.site));
        assert_eq!(document.agent_key, self.keys.pk.to_base64());
        document
    }

    pub(crate) fn jobs(&self, site: &Site) -> Vec<Job> {
        self.document(site).jobs
    }

    /// The site, as its site list names it.
    pub(crate) fn site_of(site: &Site) -> SiteId {
        let text = fs::read(site.there(names::SITE)).expect("a site list");
        let signed = SignedDocument::parse(&text).expect("signed");
        SiteDocument::parse(&signed.document).expect("a site list").site
    }

    /// Reports how far a job is.
    pub(crate) fn says(&mut self, site: &Site, job: &Job, state: ReportedState) {
        self.reports(site, vec![JobReport::new(job.id, state, 1_790_000_000)]);
    }

    pub(crate) fn reports(&mut self, site: &Site, jobs: Vec<JobReport>) {
        let report = self.report(site, jobs);
        let path = site.there(&names::report(self.id, report.n));
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, self.signed(&report)).expect("written");
        self.next += 1;
    }

    pub(crate) fn report(&self, site: &Site, jobs: Vec<JobReport>) -> Report {
        let made = site.clock.wall().as_second();
        Report { site: Self::site_of(site), agent: self.id, n: self.next, made, facts: None, jobs }
    }

    pub(crate) fn signed(&self, report: &Report) -> Vec<u8> {
        let text = report.to_text().expect("it is written");
        let signed = SignedDocument::sign(text, &self.keys.pk, &self.keys.sk, "report").expect("signed");
        signed.to_bytes()
    }

    /// Does the only job it has as it should: in one report, from *received* to its end.
    pub(crate) fn does_its_job(&mut self, site: &Site) {
        let jobs = self.jobs(site);
        assert_eq!(jobs.len(), 1, "{} has one job", self.name);
        let states = [
            ReportedState::Received,
            ReportedState::Delivering,
            ReportedState::Delivered,
            ReportedState::Executing,
            ReportedState::Ok,
        ];
        let reports = states.map(|state| JobReport::new(jobs[0].id, state, 1_790_000_000));
        self.reports(site, reports.to_vec());
    }
}
