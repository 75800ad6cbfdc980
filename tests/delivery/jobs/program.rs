//! Computers, jobs and the manager by the command line: what it prints, and how it ends.

use std::fs;
use std::io::BufRead as _;
use std::process::Command;

use jiff::Timestamp;
use packhouse::delivery::documents::{ReportedState, Token, names};
use serde_json::Value;

use super::fixture::{Agent, Outcome, Site};

struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    #[track_caller]
    fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "out: {}\nerr: {}", self.out, self.err);
        self
    }

    #[track_caller]
    fn json(&self) -> Value {
        let last = self.out.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

fn run(site: &Site, arguments: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_packhouse-cli"))
        .args(arguments)
        .current_dir(site.folder.path())
        .env("PACKHOUSE_LIBRARY", site.folder.path().join("library"))
        .env("PACKHOUSE_KEYS", site.folder.path().join("keys"))
        .env("USER", "anna")
        .output()
        .expect("the program runs");
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn a_job_from_the_token_to_its_end_by_command() -> Outcome {
    let site = Site::new();
    let tool = site.staged("Tool 1.0");
    let made = run(&site, &["--json", "computer", "token", "make", "--group", "Lab"]).ends(0).json();
    let token: Token = made["token"].as_str().expect("a token").parse()?;
    assert_eq!(made["group"], "Lab");
    let mut agent = Agent::new("PC-1");
    fs::create_dir_all(site.there("delivery/enrol"))?;
    fs::write(site.there(&names::enrolment(token.id)), agent.enrolment(&token, "PC-1"))?;
    let tick = run(&site, &["--json", "manage", "--once"]).ends(0).json();
    assert_eq!((&tick["event"], &tick["enrolled"]), (&Value::from("tick"), &Value::from(vec!["PC-1"])));
    let computers = run(&site, &["--json", "computer", "list", "--group", "lab"]).ends(0).json();
    assert_eq!((&computers[0]["name"], &computers[0]["groups"][0]), (&"PC-1".into(), &"Lab".into()));

    let ready = run(&site, &["--json", "job", "preflight", "Tool", "--group", "Lab"]).ends(0).json();
    assert_eq!((&ready["clear"], &ready["ready"]), (&true.into(), &1.into()));
    let made =
        run(&site, &["--json", "job", "create", "Tool", "--group", "Lab", "--name", "Lab first"]).ends(0);
    assert!(made.err.contains("no delivery manager is running"), "{}", made.err);
    let id = made.json()["id"].as_str().expect("an id").to_owned();
    run(&site, &["manage", "--once"]).ends(0);
    agent.does_its_job(&site);
    // Five times spoken of, one job.
    let told = run(&site, &["manage", "--once"]).ends(0);
    assert!(told.out.contains("Applied 1 report about 1 target\n"), "{}", told.out);
    let quiet = run(&site, &["manage", "--once"]).ends(0);
    assert_eq!(quiet.out, "Nothing to do now\n");
    let shown = run(&site, &["--json", "job", "show", &id[..8]]).ends(0).json();
    assert_eq!(shown["state"], "successfully_completed");
    assert_eq!((&shown["totals"]["ok"], &shown["targets"][0]["shown"]), (&1.into(), &"ok".into()));
    let computer = run(&site, &["--json", "computer", "show", "pc-1"]).ends(0).json();
    assert_eq!(computer["installed_packages"][0]["name"], "Tool");
    let refused = run(&site, &["unseal", "Tool"]).ends(3);
    assert!(refused.err.contains("it is staged at 1 place and installed on 1 computer"), "{}", refused.err);
    assert!(tool.revision > 0);
    Ok(())
}

#[test]
fn a_failed_job_and_a_blocked_package_by_command() -> Outcome {
    let mut site = Site::new();
    let mut agent = site.agent("PC-1");
    let tool = site.staged("Tool 1.0");
    site.stop_manager();
    run(&site, &["job", "create", "Tool", "--computer", "PC-1", "--name", "first"]).ends(0);
    run(&site, &["manage", "--once"]).ends(0);
    let mine = agent.jobs(&site).remove(0);
    agent.says(&site, &mine, ReportedState::Error);
    run(&site, &["manage", "--once"]).ends(0);
    let failed = run(&site, &["job", "show", "first"]).ends(1);
    assert!(failed.out.contains("first  Failed: 1 Error"), "{}", failed.out);
    assert!(
        failed.err.starts_with("note: what a computer said: packhouse-cli job output "),
        "{}",
        failed.err
    );
    run(&site, &["job", "renew", "first"]).ends(0);
    run(&site, &["job", "renew", "first"]).ends(3);
    fs::write(site.package_file(&tool, "stranger"), "x")?;
    run(&site, &["manage", "--once"]).ends(0);
    let shown = run(&site, &["--json", "job", "show", "first"]).ends(1).json();
    assert_eq!(shown["code"], "consistency-differs");
    assert_eq!(shown["report"]["added"][0], "stranger");
    let shown = run(&site, &["job", "show", "first"]).ends(1);
    let next = format!(
        "job renew {}",
        run(&site, &["--json", "job", "list"]).ends(0).json()[0]["id"].as_str().ok_or("an id")?
    );
    assert!(
        shown.err.contains("packhouse-cli repair Tool@1.0") && shown.err.contains(&next),
        "{}",
        shown.err
    );
    let blocked = run(&site, &["job", "create", "Tool", "--computer", "PC-1"]).ends(3);
    assert!(
        blocked
            .err
            .starts_with("error[consistency-differs]: Tool@1.0 differs from its recorded checksum: 1 "),
        "{}",
        blocked.err
    );
    for usage in [
        &["computer", "token", "make", "--valid", "1s"][..],
        &["computer", "token", "make", "--valid", "91d"],
        &["job", "show", "nothing"],
        &["job", "create", "Tool", "--computer", "PC-7"],
        &["job", "create", "Tool", "--group", "none"],
        &["job", "create", "Tool"],
        &["job", "create", "Tool", "--computer", "PC-1", "--run-at", "soon"],
        &["job", "create", "Tool", "--computer", "PC-1", "--stop-starting-at", "2020-01-01T00:00"],
        &["computer", "show", "PC-7"],
    ] {
        run(&site, usage).ends(2);
    }
    let staging = site.there("").display().to_string();
    run(&site, &["job", "remove", "first"]).ends(0);
    run(&site, &["unstage", "Tool", "--from", staging.trim_end_matches('/')]).ends(0);
    Ok(())
}

#[test]
fn a_token_is_taken_for_as_long_as_it_says_or_not_made() -> Outcome {
    let site = Site::new();
    let none = run(&site, &["computer", "token", "list"]).ends(0);
    assert!(none.out.starts_with("There is no token"), "{}", none.out);
    for (valid, said) in [("1s", "for 1 s"), ("59", "for 59 s"), ("91d", "for 7862400 s")] {
        let refused = run(&site, &["computer", "token", "make", "--valid", valid]).ends(2);
        assert!(refused.err.starts_with("error[bad-token-time]: "), "{}", refused.err);
        assert!(refused.err.contains(said), "{}", refused.err);
        assert!(refused.err.contains("Give 60 s at least, 90 days at most"), "{}", refused.err);
    }
    assert_eq!(run(&site, &["--json", "computer", "token", "list"]).ends(0).json(), Value::Array(Vec::new()));
    for (valid, secs) in [("60s", 60), ("90d", 90 * 24 * 3600)] {
        let made = run(&site, &["--json", "computer", "token", "make", "--valid", valid]).ends(0).json();
        let [made, expires] = ["made", "expires"].map(|field| made[field].as_str().map(str::parse));
        let (made, expires): (Timestamp, Timestamp) = (made.ok_or("made")??, expires.ok_or("expires")??);
        assert_eq!(expires.duration_since(made).as_secs(), secs);
    }
    Ok(())
}

/// Of two jobs of one name each can be named by what the list shows.
#[test]
fn the_list_of_jobs_names_each_so_that_it_can_be_acted_on() -> Outcome {
    let mut site = Site::new();
    let _agent = site.agent("PC-1");
    let _other = site.agent("PC-2");
    site.staged("Tool 1.0");
    site.stop_manager();
    let none = run(&site, &["job", "list"]).ends(0);
    assert!(none.out.starts_with("There is no job: packhouse-cli job create"), "{}", none.out);
    for computer in ["PC-1", "PC-2"] {
        run(&site, &["job", "create", "Tool", "--computer", computer]).ends(0);
    }
    let refused = run(&site, &["job", "show", "Install Tool 1.0"]).ends(2);
    assert!(refused.err.contains("Name it by its id: packhouse-cli job list shows them"), "{}", refused.err);
    run(&site, &["manage", "--once"]).ends(0);
    let listed = run(&site, &["job", "list"]).ends(0).out;
    let documents = run(&site, &["--json", "job", "list"]).ends(0).json();
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines.len(), 2, "{listed}");
    for (line, document) in lines.iter().zip(documents.as_array().ok_or("an array")?) {
        let (id, rest) = line.split_once("  ").ok_or("an id")?;
        assert_eq!(rest, "Install Tool 1.0  In progress: 1 Ordered");
        assert!(document["id"].as_str().is_some_and(|whole| whole.starts_with(id)), "{line}: {document}");
        let shown = run(&site, &["--json", "job", "show", id]).ends(0).json();
        assert_eq!(shown["id"], document["id"]);
    }
    let last = lines[1].split("  ").next().ok_or("an id")?;
    let refused = run(&site, &["job", "remove", last]).ends(3);
    assert!(refused.err.contains("has 1 job that has not ended"), "{}", refused.err);
    run(&site, &["job", "halt", last]).ends(0);
    let after = run(&site, &["job", "list"]).ends(0).out;
    assert_eq!(after.matches("1 Ordered").count(), 1, "{after}");
    Ok(())
}

#[test]
fn a_manager_that_is_interrupted_ends_in_order() -> Outcome {
    let mut site = Site::new();
    let agent = site.agent("PC-1");
    site.staged("Tool 1.0");
    site.stop_manager();
    let mut manage = Command::new(env!("CARGO_BIN_EXE_packhouse-cli"))
        .args(["--json", "manage", "--every", "1s"])
        .env("PACKHOUSE_LIBRARY", site.folder.path().join("library"))
        .env("PACKHOUSE_KEYS", site.folder.path().join("keys"))
        .env("USER", "anna")
        .stdout(std::process::Stdio::piped())
        .spawn()?;
    let mut lines = std::io::BufReader::new(manage.stdout.take().expect("its output")).lines();
    let mut next = || -> Value {
        let line = lines.next().expect("a line").expect("text");
        serde_json::from_str(&line).expect("one object a line")
    };
    assert_eq!(next()["event"], "started");
    run(&site, &["manage", "--once"]).ends(3);
    run(&site, &["unstage", "Tool", "--all"]).ends(0);
    let tool = site.library.list()?.remove(0);
    site.stage(tool.id);
    run(&site, &["job", "create", "Tool", "--computer", "PC-1"]).ends(0);
    while next()["set_up"] != 1 {}
    assert_eq!(agent.jobs(&site).len(), 1);
    let used = run(&site, &["unstage", "Tool", "--all"]).ends(3);
    assert!(used.err.contains("Install Tool 1.0"), "{}", used.err);
    let ended = Command::new("kill").args(["-INT", &manage.id().to_string()]).status()?;
    assert!(ended.success());
    assert_eq!(manage.wait()?.code(), Some(130));
    let mut last = next();
    while last["event"] != "stopped" {
        last = next();
    }
    run(&site, &["manage", "--once"]).ends(0);
    Ok(())
}

#[test]
fn a_staging_library_that_stays_away_is_told_of_once() -> Outcome {
    let mut site = Site::new();
    site.staged("Tool 1.0");
    site.stop_manager();
    run(&site, &["computer", "group", "add", "Empty"]).ends(0);
    let away = site.folder.path().join("away").display().to_string();
    run(&site, &["staging", "add", "Away", &away]).ends(0);
    let mut manage = Command::new(env!("CARGO_BIN_EXE_packhouse-cli"))
        .args(["manage", "--every", "1s"])
        .env("PACKHOUSE_LIBRARY", site.folder.path().join("library"))
        .env("PACKHOUSE_KEYS", site.folder.path().join("keys"))
        .env("USER", "anna")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()?;
    let mut lines = std::io::BufReader::new(manage.stdout.take().ok_or("its output")?).lines();
    // Each of these ends in a round of its own.
    for job in ["first", "second", "third"] {
        run(&site, &["job", "create", "Tool", "--group", "Empty", "--name", job]).ends(0);
        let ended = format!("Ended: {job}");
        while lines.next().ok_or("it goes on")?? != ended {}
    }
    assert!(Command::new("kill").args(["-INT", &manage.id().to_string()]).status()?.success());
    let told = manage.wait_with_output()?;
    let told = String::from_utf8_lossy(&told.stderr);
    assert_eq!(told.matches(&format!("note: Away: there is no folder {away}")).count(), 1, "{told}");
    Ok(())
}

#[test]
fn a_table_of_computers_is_taken_whole_or_with_what_can_be_taken() -> Outcome {
    let site = Site::new();
    let table = site.folder.path().join("computers.csv");
    fs::write(&table, "name,group,test,staging\nPC-1,Lab,yes,Köln\nPC-2,,perhaps,\nPC-3,,,Nowhere\n")?;
    let path = table.display().to_string();
    let refused = run(&site, &["computer", "import", &path]).ends(3);
    assert!(refused.err.contains("line 3: ") && refused.err.contains("line 4: "), "{}", refused.err);
    assert_eq!(run(&site, &["--json", "computer", "list"]).ends(0).json(), Value::from(Vec::<Value>::new()));
    fs::write(site.folder.path().join("windows.csv"), b"name,comment\nPC-1,K\xf6ln\n")?;
    let refused = run(&site, &["computer", "import", "windows.csv"]).ends(3);
    assert!(
        refused.err.contains("error[import-refused]: the table windows.csv is not in UTF-8"),
        "{}",
        refused.err
    );
    assert!(refused.err.contains("line 2") && refused.err.contains("Save it as UTF-8"), "{}", refused.err);
    run(&site, &["computer", "import", &path, "--skip-errors"]).ends(1);
    run(&site, &["computer", "test", "PC-1", "--off"]).ends(0);
    let listed = run(&site, &["--json", "computer", "list"]).ends(0).json();
    assert_eq!((listed.as_array().map(Vec::len), &listed[0]["test"]), (Some(1), &false.into()));
    run(&site, &["computer", "group", "edit", "Lab", "--staging", "Köln", "--only-this", "yes"]).ends(0);
    run(&site, &["computer", "remove", "PC-1"]).ends(0);
    run(&site, &["computer", "remove", "PC-1"]).ends(2);
    Ok(())
}

#[test]
fn steering_a_job_that_nobody_carries_out_says_so() -> Outcome {
    let mut site = Site::new();
    let mut agent = site.agent("PC-1");
    site.staged("Tool 1.0");
    site.stop_manager();
    run(&site, &["job", "create", "Tool", "--computer", "PC-1", "--name", "first"]).ends(0);
    run(&site, &["manage", "--once"]).ends(0);
    let halted = run(&site, &["job", "halt", "first"]).ends(0);
    assert!(halted.out.contains("1 target halted"), "{}", halted.out);
    assert!(halted.err.contains("no delivery manager is running: until one does"), "{}", halted.err);
    agent.does_its_job(&site);
    run(&site, &["manage", "--once"]).ends(0);
    let nothing = run(&site, &["job", "resume", "first"]).ends(0);
    assert!(!nothing.err.contains("no delivery manager"), "{}", nothing.err);
    Ok(())
}
