//! Adds computers, agents and jobs to the sample library, as an office might have them: for pictures, and to try the
//! console on.
//!
//! Usage: `cargo run --example sample_delivery FOLDER`, with the folder that `sample_library` made. It gets `site/`, a
//! staging library, and others beside it.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use packhouse::delivery::documents::{
    AgentDocument, AgentId, Enrolment, Job, JobReport, Report, ReportedState, SiteDocument, Token, names,
};
use packhouse::package::procedure::{Procedure, ProcedureChoice, Task};
use packhouse::package::staging::{Line, Window};
use packhouse::package::{PackageId, SignedDocument};
use packhouse::session::{
    Actor, AddStagingLibrary, ComputerEdit, ContainerOptions, CreateJobContainer, EditComputer,
    EditProcedures, ImportComputers, ListStaging, ManagerSetting, NewEnrolmentToken, NewJobContainer,
    NewStagingLibrary, OpenOptions, PackageRef, ProcedureEdit, Reconcile, Session, Stage, TokenRequest,
    Unstage, VerifyStaged, WantedProcedure, When,
};
use packhouse::work::Work;

type Outcome<T> = Result<T, Box<dyn Error>>;

const OUTPUT: &str = "setup: reading the configuration\nsetup: the service \"Update\" does not answer\nMSI (s) (A0:5C): \
                      Product: 7-Zip -- Error 1603. A fatal error occurred during installation.\nsetup: ended with 1603\n";

fn main() -> Outcome<()> {
    let root = PathBuf::from(std::env::args().nth(1).ok_or("name the folder that sample_library made")?);
    let root = fs::canonicalize(&root)?;
    let actor = Actor {
        who: "anna".to_owned(),
        host: "pc-114".to_owned(),
        how: "console".to_owned(),
        time_zone: TimeZone::system(),
    };
    let session = Session::open(OpenOptions {
        root: root.join("library"),
        create: false,
        read_only: false,
        actor,
        keys: root.join("keys"),
        share: packhouse::session::ShareOptions::default(),
    })?;
    let place = Place { session, site: root.join("site") };
    place.fill()
}

struct Place {
    session: Session,
    site: PathBuf,
}

struct Agent {
    id: AgentId,
    keys: minisign::KeyPair,
    next: u64,
}

impl Place {
    fn run<R: packhouse::session::Request>(&self, request: R) -> Outcome<R::Reply> {
        Ok(self.session.run(request, &Work::new())?)
    }

    fn tick(&self) -> Outcome<()> {
        self.session.manage_once(&ManagerSetting::default(), &Work::new())?;
        Ok(())
    }

    fn fill(&self) -> Outcome<()> {
        fs::create_dir(&self.site)?;
        self.run(AddStagingLibrary {
            new: NewStagingLibrary {
                name: "Köln".to_owned(),
                write: self.site.display().to_string(),
                ..NewStagingLibrary::default()
            },
        })?;
        let mut table = String::from("name,group,test,staging,comment\n");
        for number in 0..320 {
            let group = match number % 8 {
                0..4 => "Branch Köln",
                4 | 5 => "Branch Lyon",
                6 => "Head office",
                _ => "Laptops of the field service|Head office",
            };
            let comment = if number % 40 == 7 { "loaned to the reception" } else { "" };
            table.push_str(&format!("PC-{:03},{group},no,Köln,{comment}\n", number + 100));
        }
        table.push_str("TEST-01,Packaging lab,yes,Köln,\nTEST-02,Packaging lab,yes,Köln,\n");
        self.run(ImportComputers { text: table, skip_errors: false })?;
        let mut agents = self.enrol(24)?;
        let tools = [self.package("7-Zip")?, self.package("Git")?, self.package("Notepad++")?];

        // All done, some done and some not, one whose package changed, one for tonight.
        let computers =
            |from: usize, to: usize| (from..to).map(|number| format!("PC-{}", number + 100)).collect();
        self.job("Notepad++ for the head office", tools[2], computers(0, 8), ContainerOptions::default())?;
        self.tick()?;
        for agent in &mut agents[..8] {
            agent.says(self, |_| (ReportedState::Ok, None))?;
        }
        self.tick()?;
        self.job("Branch Köln, 7-Zip", tools[0], computers(0, 40), ContainerOptions::default())?;
        self.tick()?;
        for (number, agent) in agents.iter_mut().enumerate() {
            agent.says(self, |_| match number % 8 {
                0 | 5 => (ReportedState::Error, Some(1603)),
                3 => (ReportedState::Error, Some(1618)),
                4 if number > 8 => (ReportedState::Executing, None),
                6 if number > 8 => (ReportedState::Delivering, None),
                _ => (ReportedState::Ok, None),
            })?;
        }
        self.tick()?;
        let one = ContainerOptions { parallel: 1, ..ContainerOptions::default() };
        self.job("Git for developers", tools[1], computers(1, 3), one)?;
        let tonight = jiff::Zoned::now().tomorrow()?.date().at(2, 0, 0, 0);
        let run_at = Some(When::Computer { time: tonight });
        let options = ContainerOptions { run_at, stage_at: run_at, ..ContainerOptions::default() };
        self.job(
            "Remove the old screen saver of the trade fair from all computers of the field service, after hours",
            tools[2],
            computers(20, 200),
            options,
        )?;
        self.tick()?;
        // A file changes behind the library's back while the first has its turn.
        let library = self.session.root().to_owned();
        fs::write(library.join("packages/Git/2.47.1/data/share/surprise.dll"), "not ours")?;
        agents[1].says(self, |_| (ReportedState::Ok, None))?;
        self.tick()?;
        let edit = ComputerEdit { test: Some(true), ..ComputerEdit::default() };
        self.run(EditComputer { computer: "PC-123".to_owned(), edit })?;
        self.more_staging()
    }

    /// A branch behind a thin line, one with a name as long as it may be, and one that does not answer; what lies there is
    /// whole, outdated, incomplete, gone, or unknown.
    fn more_staging(&self) -> Outcome<()> {
        let staging = |name: &str, write: String, line: Line| {
            self.run(AddStagingLibrary {
                new: NewStagingLibrary { name: name.to_owned(), write, line, ..NewStagingLibrary::default() },
            })
        };
        let lyon = self.site.with_file_name("site-lyon");
        let long =
            "Zurich, Hardturmstrasse, second floor, the cupboard behind the copier of the field service";
        let cupboard = self.site.with_file_name(format!("site of {long}"));
        for folder in [&lyon, &cupboard] {
            fs::create_dir_all(folder)?;
        }
        let night = Line { bytes_per_second: Some(1_250_000), window: Window::parse("20:00-06:00").ok() };
        let lyon_id = staging("Lyon", lyon.display().to_string(), night)?.id;
        staging(long, cupboard.display().to_string(), Line::default())?;
        staging("Montreal", "https://staging.montreal.invalid/packhouse/".to_owned(), Line::default())?;
        let mut staged = Vec::new();
        for name in ["Firefox ESR", "KiCad", "PuTTY", "Python", "VLC media player"] {
            let package =
                self.run(packhouse::session::ShowPackage { package: PackageRef::Text(name.to_owned()) })?;
            let package = package.record.id;
            self.run(Stage { package, staging: lyon_id, now: true })?;
            staged.push(package);
        }
        // Firefox was sealed again, KiCad is not whole, somebody removed Python, and VLC is not known any more.
        let procedure = Procedure::new("Configure", Task::Configure, "bin/program.exe");
        let edit = ProcedureEdit::Add(procedure, ProcedureChoice::default());
        self.run(EditProcedures { package: staged[0], edit, key: None })?;
        fs::remove_file(lyon.join("packages/KiCad/8.0.7/reginfo.json.minisig"))?;
        self.run(VerifyStaged { package: Some(staged[1]), staging: lyon_id, deep: false })?;
        let aside = lyon.with_file_name("aside");
        fs::rename(lyon.join("packages/VLC media player"), &aside)?;
        self.run(Unstage { package: staged[4], staging: lyon_id })?;
        fs::rename(&aside, lyon.join("packages/VLC-media-player of the agency"))?;
        fs::remove_dir_all(lyon.join("packages/Python"))?;
        self.run(Reconcile { staging: lyon_id })?;
        Ok(())
    }

    /// A sealed package with procedures, staged.
    fn package(&self, name: &str) -> Outcome<PackageId> {
        let package = PackageRef::Text(name.to_owned());
        let package = self.run(packhouse::session::ShowPackage { package })?.record.id;
        for (name, task) in [("Install", Task::Install), ("Uninstall", Task::Uninstall)] {
            let procedure = Procedure::new(name, task, "bin/program.exe");
            let edit = ProcedureEdit::Add(procedure, ProcedureChoice::default());
            self.run(EditProcedures { package, edit, key: None })?;
        }
        let staging = self.run(ListStaging {})?.first().ok_or("no staging library")?.staging.id;
        self.run(Stage { package, staging, now: true })?;
        Ok(package)
    }

    fn job(
        &self,
        name: &str,
        package: PackageId,
        computers: Vec<String>,
        options: ContainerOptions,
    ) -> Outcome<()> {
        let new = NewJobContainer {
            name: Some(name.to_owned()),
            packages: vec![(PackageRef::Id(package), WantedProcedure::Task(Task::Install))],
            computers,
            groups: Vec::new(),
            installed: Vec::new(),
            options,
            anyway: true,
        };
        self.run(CreateJobContainer { new })?;
        Ok(())
    }

    fn enrol(&self, count: usize) -> Outcome<Vec<Agent>> {
        let mut agents = Vec::new();
        fs::create_dir_all(self.site.join("delivery/enrol"))?;
        for number in 0..count {
            let host = format!("PC-{}", number + 100);
            let request = TokenRequest { computer: Some(host.clone()), ..TokenRequest::default() };
            let token: Token = self.run(NewEnrolmentToken { request })?.text.parse()?;
            let keys = minisign::KeyPair::generate_unencrypted_keypair()?;
            let id = AgentId::random();
            let enrolment = Enrolment {
                token: token.id,
                agent: id,
                agent_key: keys.pk.to_base64(),
                host,
                system: "windows".to_owned(),
                architecture: "x86_64".to_owned(),
                agent_version: env!("CARGO_PKG_VERSION").to_owned(),
                made: jiff::Timestamp::now().as_second(),
            };
            fs::write(self.site.join(names::enrolment(token.id)), enrolment.to_bytes(&token.secret)?)?;
            agents.push(Agent { id, keys, next: 1 });
        }
        self.tick()?;
        Ok(agents)
    }
}

fn document(path: &Path) -> Outcome<String> {
    Ok(SignedDocument::parse(&fs::read(path)?)?.document)
}

impl Agent {
    /// Says of each of its jobs how it went, if it has any.
    fn says(&mut self, place: &Place, how: impl Fn(&Job) -> (ReportedState, Option<i32>)) -> Outcome<()> {
        let now = jiff::Timestamp::now().as_second();
        let jobs = AgentDocument::parse(&document(&place.site.join(names::agent(self.id)))?)?.jobs;
        let mut reports = Vec::new();
        for job in &jobs {
            let (end, exit_code) = how(job);
            if end != ReportedState::Delivering {
                reports.push(JobReport::new(job.id, ReportedState::Executing, now));
            }
            let mut report = JobReport::new(job.id, end, now);
            if let Some(code) = exit_code {
                let words = format!("exit code {code}");
                report = report.with_reason("exit-code", &words).with_output(OUTPUT);
                report.exit_code = Some(code);
            }
            reports.push(report);
        }
        let site = SiteDocument::parse(&document(&place.site.join(names::SITE))?)?.site;
        let report = Report { site, agent: self.id, n: self.next, made: now, facts: None, jobs: reports };
        let signed = SignedDocument::sign(report.to_text()?, &self.keys.pk, &self.keys.sk, "report")?;
        fs::create_dir_all(place.site.join("delivery/reports"))?;
        fs::write(place.site.join(names::report(self.id, report.n)), signed.to_bytes())?;
        self.next += 1;
        Ok(())
    }
}
