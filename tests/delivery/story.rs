//! The story that consistency checks exist for, with real processes: a library, a staging library, three agents, one
//! package for one target at a time, and somebody who changes a file behind the library's back.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::desk::{Outcome, noise};

const PACKAGE: &str = "Tool@1.0";
/// A round is one turn of the manager and one poll of each agent; nothing here takes more.
const ROUNDS: usize = 20;

/// The name of a target, its state, and the code of the reason.
type Target = (String, String, String);

struct Story {
    folder: tempfile::TempDir,
    agents: Vec<&'static str>,
}

impl Story {
    /// A sealed package with a procedure of its own and an external one, staged, and three computers with an agent each.
    fn begin() -> Result<Self, Box<dyn std::error::Error>> {
        let story = Self { folder: tempfile::tempdir()?, agents: vec!["pc-1", "pc-2", "pc-3"] };
        let source = story.path("Tool 1.0");
        fs::create_dir_all(&source)?;
        fs::write(source.join("payload.bin"), noise(7, 700_000))?;
        fs::write(source.join("install.sh"), "echo \"installed $PACKHOUSE_PACKAGE\" >> \"$1\"\n")?;
        let log = story.path("log").display().to_string();
        story.ok(&["register", &source.display().to_string(), "--name", "Tool", "--version", "1.0"])?;
        story.ok(&[
            "procedure",
            PACKAGE,
            "add",
            "Install",
            "--task",
            "install",
            "--program",
            "system:sh",
            "--arg",
            "install.sh",
            "--arg",
            &log,
        ])?;
        story.ok(&[
            "procedure",
            PACKAGE,
            "add",
            "Switch on",
            "--task",
            "activate",
            "--external",
            "--program",
            "/bin/sh",
            "--arg",
            "-c",
            "--arg",
            &format!("echo active >> '{log}'"),
        ])?;
        story.ok(&["seal", PACKAGE])?;
        let staging = story.path("staging").display().to_string();
        fs::create_dir_all(story.path("staging"))?;
        story.ok(&["staging", "add", "Köln", &staging])?;
        story.ok(&["stage", PACKAGE, "--to", "Köln"])?;
        let mut tokens = Vec::new();
        for name in &story.agents {
            story.ok(&["computer", "add", name, "--staging", "Köln"])?;
            let token = story.ok(&["computer", "token", "make", "--computer", name])?;
            assert_eq!(token["open_at"], serde_json::json!(["Köln"]), "{token}");
            tokens.push(token["token"].as_str().ok_or("a token")?.to_owned());
        }
        // No manager has run yet: a token can be used as soon as it is made.
        for (name, token) in story.agents.iter().zip(&tokens) {
            let enrolled = story.agent(name, &["enroll", "--site", &staging, "--token", token])?;
            assert!(enrolled.status.success(), "{}", String::from_utf8_lossy(&enrolled.stderr));
        }
        Ok(story)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_packhouse-cli"));
        command.env("HOME", self.folder.path()).env("XDG_DATA_HOME", self.path("data")).arg("--json");
        command.env_remove("PACKHOUSE_LIBRARY").env_remove("PACKHOUSE_AGENT");
        command
    }

    fn run(&self, words: &[&str]) -> std::io::Result<Output> {
        self.command().arg("--library").arg(self.path("library")).args(words).output()
    }

    /// Gives the document that a command ends with.
    fn ok(&self, words: &[&str]) -> Result<Value, Box<dyn std::error::Error>> {
        let output = self.run(words)?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if !output.status.success() {
            return Err(format!("{words:?}: {said}").into());
        }
        Ok(serde_json::from_slice(&output.stdout).unwrap_or(Value::Null))
    }

    fn agent(&self, name: &str, words: &[&str]) -> std::io::Result<Output> {
        self.command().arg("agent").args(words).arg("--folder").arg(self.path(name)).output()
    }

    /// One turn of the manager.
    fn manage(&self) -> Outcome {
        self.ok(&["manage", "--once"]).map(drop)
    }

    /// Each agent asks once and does what is due.
    fn poll(&self) -> Outcome {
        for name in &self.agents {
            let output = self.agent(name, &["run", "--once"])?;
            let code = output.status.code();
            assert!(matches!(code, Some(0 | 1)), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    /// How the targets stand, by name.
    fn targets(&self, job: &str) -> Result<Vec<Target>, Box<dyn std::error::Error>> {
        let output = self.run(&["job", "show", job])?;
        let document: Value = serde_json::from_slice(&output.stdout)?;
        let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let rows = document["targets"].as_array().ok_or("targets")?.iter();
        let mut rows: Vec<_> =
            rows.map(|row| (text(row, "target"), text(row, "shown"), text(row, "code"))).collect();
        rows.sort();
        Ok(rows)
    }

    /// Turns and polls until the targets stand as `wanted` says.
    fn until(&self, job: &str, wanted: &[&str]) -> Outcome {
        let mut last = Vec::new();
        for _ in 0..ROUNDS {
            self.manage()?;
            last = self.targets(job)?;
            if last.iter().map(|(_, shown, _)| shown.as_str()).eq(wanted.iter().copied()) {
                return Ok(());
            }
            self.poll()?;
        }
        panic!("{last:#?} and not {wanted:?}");
    }

    /// Somebody changes a file behind the library's back.
    fn change_a_file(&self) -> Outcome {
        let file = self.path("library/packages/Tool/1.0/data/payload.bin");
        let mut content = fs::read(&file)?;
        content.extend_from_slice(b"and more");
        Ok(fs::write(file, content)?)
    }

    /// What the procedures did.
    fn log(&self) -> Vec<String> {
        self.log_with_folders().into_iter().map(|(did, _)| did).collect()
    }

    /// What the procedures did, and with the package in which folder.
    fn log_with_folders(&self) -> Vec<(String, String)> {
        let text = fs::read_to_string(self.path("log")).unwrap_or_default();
        let parts = |line: &str| {
            let (did, folder) = line.split_once(' ').unwrap_or((line, ""));
            (did.to_owned(), folder.to_owned())
        };
        text.lines().map(parts).collect()
    }

    fn repair(&self) -> Outcome {
        let staged = self.path("staging/packages/Tool/1.0").display().to_string();
        self.ok(&["repair", PACKAGE, "--from", &staged]).map(drop)
    }

    fn job(&self, words: &[&str]) -> Result<String, Box<dyn std::error::Error>> {
        let all = ["--computer", "pc-1", "--computer", "pc-2", "--computer", "pc-3"];
        let one = ["--parallel", "1"];
        let made = self.ok(&[&["job", "create", PACKAGE], words, &all, &one].concat())?;
        Ok(made["id"].as_str().ok_or("an id")?.to_owned())
    }
}

/// The names of the files that differ, as the job tells them.
fn differences(story: &Story, job: &str) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let output = story.run(&["job", "show", job])?;
    let document: Value = serde_json::from_slice(&output.stdout)?;
    let resized = document["report"]["resized"].as_array().ok_or("a report")?;
    Ok(resized.iter().filter_map(|file| file["path"].as_str().map(str::to_owned)).collect())
}

fn first_target_done(story: &Story, job: &str) -> Outcome {
    story.manage()?;
    story.poll()?;
    assert_eq!(story.log().len(), 1, "one target at a time");
    let states = story.targets(job)?;
    assert_eq!(states.iter().filter(|(_, shown, _)| shown == "waiting").count(), 2, "{states:?}");
    Ok(())
}

#[test]
fn a_file_changed_between_two_targets_ends_the_rest_in_error_until_it_is_repaired_and_renewed() -> Outcome {
    let story = Story::begin()?;
    let job = story.job(&[])?;
    first_target_done(&story, &job)?;
    story.change_a_file()?;
    story.until(&job, &["ok", "error", "error"])?;
    let targets = story.targets(&job)?;
    assert!(targets[1..].iter().all(|(_, _, code)| code == "consistency-differs"), "{targets:?}");
    assert_eq!(differences(&story, &job)?, ["payload.bin"]);
    // Nothing of it runs, whoever asks.
    story.poll()?;
    story.poll()?;
    assert_eq!(story.log(), ["installed"]);
    assert_eq!(story.run(&["job", "show", &job])?.status.code(), Some(1));
    // Renewed while it still differs, it fails again.
    story.ok(&["job", "renew", &job])?;
    story.until(&job, &["ok", "error", "error"])?;
    assert_eq!(story.log(), ["installed"]);
    story.repair()?;
    story.ok(&["job", "renew", &job])?;
    story.until(&job, &["ok", "ok", "ok"])?;
    assert_eq!(story.log(), ["installed"; 3], "those that were done are not done again");
    Ok(())
}

#[test]
fn halted_until_consistent_the_rest_goes_on_by_itself() -> Outcome {
    let story = Story::begin()?;
    let job = story.job(&["--halt-until-consistent"])?;
    first_target_done(&story, &job)?;
    story.change_a_file()?;
    story.until(&job, &["ok", "halted", "halted"])?;
    assert_eq!(differences(&story, &job)?, ["payload.bin"]);
    story.poll()?;
    assert_eq!(story.log(), ["installed"]);
    story.repair()?;
    story.until(&job, &["ok", "ok", "ok"])?;
    assert_eq!(story.log(), ["installed"; 3]);
    Ok(())
}

#[test]
fn an_external_procedure_has_no_files_to_check() -> Outcome {
    let story = Story::begin()?;
    let job = story.job(&["--task", "activate"])?;
    first_target_done(&story, &job)?;
    story.change_a_file()?;
    story.until(&job, &["ok", "ok", "ok"])?;
    assert_eq!(story.log(), ["active"; 3]);
    let fetched = |name: &&str| story.path(name).join("packages").join("Tool").exists();
    assert!(!story.agents.iter().any(fetched), "nothing was downloaded for it");
    Ok(())
}

#[test]
fn a_copy_that_changed_where_agents_read_it_is_found_before_anything_runs() -> Outcome {
    let story = Story::begin()?;
    let job = story.job(&[])?;
    first_target_done(&story, &job)?;
    let staged: &Path = &story.path("staging/packages/Tool/1.0/data/payload.bin");
    fs::write(staged, b"short")?;
    story.until(&job, &["ok", "error", "error"])?;
    assert_eq!(story.log(), ["installed"]);
    story.ok(&["stage", PACKAGE, "--to", "Köln"])?;
    story.ok(&["job", "renew", &job])?;
    story.until(&job, &["ok", "ok", "ok"])?;
    Ok(())
}

#[test]
fn a_package_stays_on_computers_while_it_is_on_the_list_of_those_to_keep() -> Outcome {
    let story = Story::begin()?;
    let is_there = |name: &str| story.path(name).join("packages/Tool/1.0/data").is_dir();
    let everywhere = |there: bool| story.agents.iter().all(|name| is_there(name) == there);
    story.ok(&["computer", "keep", "Tool", "--most", "20G"])?;
    let kept = story.ok(&["computer", "keep"])?;
    let listed = serde_json::json!([{"name": "Tool", "version": "1.0"}]);
    assert_eq!((&kept["packages"], &kept["most_bytes"]), (&listed, &(20_u64 << 30).into()));
    let job = story.job(&[])?;
    story.until(&job, &["ok", "ok", "ok"])?;
    story.poll()?;
    assert!(everywhere(true), "no job names it any more, the list does");
    // The list comes with the next jobs; these need no package.
    let off = story.ok(&["computer", "keep", "--remove", "tool", "--most", "-"])?;
    assert_eq!((&off["packages"], &off["most_bytes"]), (&serde_json::json!([]), &Value::Null));
    assert!(everywhere(true));
    let job = story.job(&["--task", "activate"])?;
    story.until(&job, &["ok", "ok", "ok"])?;
    story.poll()?;
    assert!(everywhere(false), "nobody names it");
    assert_eq!(story.run(&["computer", "keep", "--remove", "Tool"])?.status.code(), Some(2));
    assert_eq!(story.run(&["computer", "keep", "Nothing"])?.status.code(), Some(2));
    assert_eq!(story.run(&["computer", "keep", "--most", "much"])?.status.code(), Some(2));
    let history = story.ok(&["history", "Tool", "--event", "keep-changed"])?;
    let words: Vec<_> = history.as_array().ok_or("entries")?.iter().map(|entry| &entry["details"]).collect();
    assert_eq!(words, ["kept by agents although no job names it", "no longer kept by agents"]);
    let said = story.ok(&["history", "Tool", "--event", "job-ended"])?;
    let words = said[0]["details"].as_str().unwrap_or_default();
    assert!(words.starts_with("Install on 3 computers: 3 OK; job "), "{words}");
    Ok(())
}

/// Manager and agents are killed at random moments, 30 times (300 in soak): no procedure runs twice, no job is lost, and in
/// the end library and computers agree. A procedure that ran when its agent was killed is an error, not another try.
#[test]
fn killed_at_any_moment_nothing_runs_twice_and_nothing_is_lost() -> Outcome {
    let soak = std::env::var("PACKHOUSE_TEST_COUNTS").is_ok_and(|counts| counts == "soak");
    let wanted = if soak { 300 } else { 30 };
    let story = Story::begin()?;
    let mut chance = Chance(0x5eed);
    let (mut kills, mut jobs) = (0, 0);
    while kills < wanted {
        jobs += 1;
        fs::write(story.path("log"), b"")?;
        let job = story.job(&["--reinstall"])?;
        let ended = |targets: &[Target]| {
            targets.len() == 3 && targets.iter().all(|(_, shown, _)| shown == "ok" || shown == "error")
        };
        let mut targets = Vec::new();
        for _ in 0..20 * ROUNDS {
            let mut manage = story.command();
            manage.arg("--library").arg(story.path("library")).args(["manage", "--once"]);
            kills += chance.run(manage, kills < wanted)?;
            for name in &story.agents {
                let mut agent = story.command();
                agent.args(["agent", "run", "--once", "--folder"]).arg(story.path(name));
                kills += chance.run(agent, kills < wanted)?;
            }
            targets = story.targets(&job)?;
            if ended(&targets) {
                break;
            }
        }
        assert!(ended(&targets), "job {jobs}: {targets:?}");
        let log = story.log_with_folders();
        for (name, shown, code) in &targets {
            let folder = story.path(name).display().to_string();
            let ran = log.iter().filter(|(_, package)| package.starts_with(&folder)).count();
            match shown.as_str() {
                "ok" => assert_eq!(ran, 1, "{name} of job {jobs}: {log:?}"),
                _ => {
                    assert!(ran <= 1 && code.contains("interrupted"), "{name} of job {jobs}: {code}, {log:?}")
                }
            }
        }
    }
    Ok(())
}

/// Numbers that differ, the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }

    /// Runs a program, and kills it at some moment where `may_kill`: gives 1 where it did.
    fn run(&mut self, mut command: Command, may_kill: bool) -> Result<usize, Box<dyn std::error::Error>> {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        if !may_kill || self.below(2) == 0 {
            child.wait()?;
            return Ok(0);
        }
        let end = Instant::now() + Duration::from_micros(self.below(300_000));
        while Instant::now() < end {
            if child.try_wait()?.is_some() {
                return Ok(0);
            }
            std::thread::park_timeout(Duration::from_micros(500));
        }
        child.kill()?;
        child.wait()?;
        Ok(1)
    }
}
