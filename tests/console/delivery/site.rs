//! A site beside the window: a staging folder, rounds of the delivery manager, and agents that sign what they say.

use std::fs;
use std::path::PathBuf;

use packhouse::delivery::documents::{
    AgentDocument, AgentId, Enrolment, Job, JobReport, Report, ReportedState, SiteDocument, Token, names,
};
use packhouse::package::procedure::{Procedure, ProcedureChoice, Task};
use packhouse::package::{PackageId, SignedDocument};
use packhouse::session::{
    AddStagingLibrary, ContainerOptions, ContainerView, CreateJobContainer, CreateKey, EditProcedures,
    ListKeys, ListStaging, ManagerSetting, NewEnrolmentToken, NewJobContainer, NewStagingLibrary, PackageRef,
    ProcedureEdit, Request, Seal, Shown, Stage, TargetQuery, TickReport, TokenRequest, WantedProcedure,
};
use packhouse::work::Work;

use crate::desk::Desk;

/// What packages consist of.
const FILES: &[(&str, &str)] = &[("setup.sh", "#!/bin/sh\nexit 0\n"), ("readme.txt", "read me")];
/// Unix seconds of what agents say.
const SAID: i64 = 1_790_000_000;

impl Desk {
    /// Asks the library of the window for something.
    #[track_caller]
    pub(super) fn run<R: Request>(&self, request: R) -> R::Reply {
        let session = self.session().expect("an open library").clone();
        session.run(request, &Work::new()).expect("done")
    }

    /// A sealed package with the procedures *Install* and *Remove*.
    pub(super) fn sealed(&mut self, name: &str, version: &str) -> PackageId {
        self.register(name, version, FILES);
        let package = self.package(&format!("{name} {version}")).expect("registered").id;
        if self.run(ListKeys {}).is_empty() {
            self.run(CreateKey { name: "Packaging".to_owned() });
        }
        for (name, task) in [("Install", Task::Install), ("Remove", Task::Uninstall)] {
            let procedure = Procedure::new(name, task, "setup.sh");
            let edit = ProcedureEdit::Add(procedure, ProcedureChoice::default());
            self.run(EditProcedures { package, edit, key: None });
        }
        self.run(Seal { package, key: None, block_size: None });
        package
    }

    /// The same, staged in the folder of the site, which is made with the first.
    pub(super) fn staged(&mut self, name: &str, version: &str) -> PackageId {
        let package = self.sealed(name, version);
        if self.run(ListStaging {}).is_empty() {
            let site = self.there("");
            fs::create_dir_all(&site).expect("a folder");
            let new = NewStagingLibrary {
                name: "Köln".to_owned(),
                write: site.display().to_string(),
                ..NewStagingLibrary::default()
            };
            self.run(AddStagingLibrary { new });
        }
        let staging = self.run(ListStaging {})[0].staging.id;
        self.run(Stage { package, staging, now: true });
        package
    }

    /// A file of the site.
    pub(super) fn there(&self, name: &str) -> PathBuf {
        self.folder.path().join("site").join(name)
    }

    /// A round of a delivery manager.
    #[track_caller]
    pub(super) fn tick(&mut self) -> TickReport {
        let session = self.session().expect("an open library").clone();
        let report = session.manage_once(&ManagerSetting::default(), &Work::new()).expect("a round");
        self.settle();
        report
    }

    /// Computers of these names with an agent each.
    #[track_caller]
    pub(super) fn agents(&mut self, hosts: &[&str]) -> Vec<Agent> {
        let mut agents = Vec::new();
        for host in hosts {
            let made = self.run(NewEnrolmentToken { request: TokenRequest::default() });
            let token: Token = made.text.parse().expect("a token");
            let agent = Agent::new(host);
            let path = self.there(&names::enrolment(token.id));
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, agent.enrolment(&token)).expect("written");
            agents.push(agent);
        }
        let tick = self.tick();
        assert_eq!(tick.enrolled.len(), hosts.len(), "{tick:?}");
        agents
    }

    /// A job that installs a package on these computers.
    #[track_caller]
    pub(super) fn job(
        &mut self,
        package: PackageId,
        computers: &[&str],
        options: ContainerOptions,
    ) -> ContainerView {
        let new = NewJobContainer {
            name: None,
            packages: vec![(PackageRef::Id(package), WantedProcedure::Task(Task::Install))],
            computers: computers.iter().map(|name| (*name).to_owned()).collect(),
            groups: Vec::new(),
            installed: Vec::new(),
            options,
            anyway: false,
        };
        self.run(CreateJobContainer { new })
    }

    /// How the targets of a job stand, by turn.
    pub(super) fn states(&self, job: &ContainerView) -> Vec<Shown> {
        let query = TargetQuery { most: 1000, ..TargetQuery::default() };
        let page = self.run(packhouse::session::ReadTargets { id: job.id, query });
        page.rows.into_iter().map(|row| row.shown).collect()
    }
}

/// An agent: what it knows is what lies in the staging folder.
pub(super) struct Agent {
    host: String,
    id: AgentId,
    keys: minisign::KeyPair,
    next: u64,
}

impl Agent {
    fn new(host: &str) -> Self {
        let keys = minisign::KeyPair::generate_unencrypted_keypair().expect("a key");
        Self { host: host.to_owned(), id: AgentId::random(), keys, next: 1 }
    }

    fn enrolment(&self, token: &Token) -> Vec<u8> {
        let enrolment = Enrolment {
            token: token.id,
            agent: self.id,
            agent_key: self.keys.pk.to_base64(),
            host: self.host.clone(),
            system: "linux".to_owned(),
            architecture: "x86_64".to_owned(),
            agent_version: "1".to_owned(),
            made: SAID,
        };
        enrolment.to_bytes(&token.secret).expect("it is written")
    }

    /// What it has to do.
    pub(super) fn jobs(&self, desk: &Desk) -> Vec<Job> {
        let bytes = fs::read(desk.there(&names::agent(self.id))).expect("a document");
        let signed = SignedDocument::parse(&bytes).expect("signed");
        AgentDocument::parse(&signed.document).expect("jobs").jobs
    }

    /// Says how its only job went, in one report.
    pub(super) fn says(&mut self, desk: &Desk, tell: impl Fn(&Job) -> Vec<JobReport>) {
        let jobs = self.jobs(desk);
        assert_eq!(jobs.len(), 1, "{} has one job", self.host);
        let site = fs::read(desk.there(names::SITE)).expect("a site list");
        let signed = SignedDocument::parse(&site).expect("signed");
        let site = SiteDocument::parse(&signed.document).expect("a site list").site;
        let report =
            Report { site, agent: self.id, n: self.next, made: SAID, facts: None, jobs: tell(&jobs[0]) };
        let text = report.to_text().expect("it is written");
        let signed = SignedDocument::sign(text, &self.keys.pk, &self.keys.sk, "report").expect("signed");
        let path = desk.there(&names::report(self.id, report.n));
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, signed.to_bytes()).expect("written");
        self.next += 1;
    }

    /// Does its only job as it should.
    pub(super) fn does_its_job(&mut self, desk: &Desk) {
        use ReportedState as S;
        let states = [S::Received, S::Delivering, S::Delivered, S::Executing, S::Ok];
        self.says(desk, |job| states.map(|state| JobReport::new(job.id, state, SAID)).to_vec());
    }

    /// Its procedure ends with this exit code, after it has said something.
    pub(super) fn fails(&mut self, desk: &Desk, exit_code: i32, output: &str) {
        self.says(desk, |job| {
            let executing = JobReport::new(job.id, ReportedState::Executing, SAID);
            let mut end = JobReport::new(job.id, ReportedState::Error, SAID)
                .with_reason("exit-code", "the procedure failed")
                .with_output(output);
            end.exit_code = Some(exit_code);
            vec![executing, end]
        });
    }
}
