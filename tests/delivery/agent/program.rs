//! `packhouse-cli agent` and `serve --delivery` as people and systems start them.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use packhouse::delivery::documents::Fingerprint;
use serde_json::Value;

use crate::agent::site::{Outcome, Site, done};

/// The program, with a home of its own and no word of the environment about where things are.
pub(crate) fn program(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_packhouse-cli"));
    command.env("HOME", home).env("XDG_DATA_HOME", home.join("data")).env_remove("PACKHOUSE_AGENT");
    for name in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"] {
        command.env_remove(name);
    }
    command
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Ended when it is dropped.
struct Serving(Child, Value);

impl Serving {
    fn start(mut command: Command) -> Result<Self, Box<dyn std::error::Error>> {
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let mut first = String::new();
        BufReader::new(child.stdout.take().ok_or("its output")?).read_line(&mut first)?;
        Ok(Self(child, serde_json::from_str(&first)?))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn an_agent_is_enrolled_run_and_looked_at() -> Outcome {
    let mut site = Site::new();
    let package = site.package(("Tool", "1.0"), "echo ran >> \"$LOG\"", 1, |_| {});
    let bad = site.package(("Bad", "1.0"), "exit 9", 0, |_| {});
    let home = site.path("home");
    let folder = site.path("agent");
    let agent = |words: &[&str]| -> std::io::Result<Output> {
        program(&home).args(["--json", "agent"]).args(words).arg("--folder").arg(&folder).output()
    };
    let not_yet = agent(&["run", "--once"])?;
    assert_eq!(not_yet.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&not_yet.stderr).contains("agent-not-enrolled"));
    let token = site.token(None);
    let staging = site.staging().display().to_string();
    let wrong = agent(&["enroll", "--site", &staging, "--token", "nonsense"])?;
    assert_eq!(wrong.status.code(), Some(2));
    let enrolled = agent(&["enroll", "--site", &staging, "--token", &token.to_text()])?;
    assert_eq!(enrolled.status.code(), Some(0), "{}", String::from_utf8_lossy(&enrolled.stderr));
    let id = lines(&enrolled)[0]["agent"].as_str().ok_or("an id")?.parse()?;
    let again = agent(&["enroll", "--site", &staging, "--token", &token.to_text()])?;
    assert_eq!(again.status.code(), Some(3));
    let computer = site.accept(&folder, &token, id);
    let job = site.job(&package);
    site.give(&computer, std::slice::from_ref(&job));
    let ran = agent(&["run", "--once"])?;
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    let told = lines(&ran);
    assert_eq!(told[0]["event"], "started");
    let ok = told.iter().find(|line| line["state"] == "ok").ok_or("it is told")?;
    assert_eq!((ok["event"].as_str(), ok["exit_code"].as_i64()), (Some("job"), Some(0)));
    assert_eq!(told.last().ok_or("a line")?["event"], "poll");
    assert_eq!(site.end(&computer, &job), done());
    let status = agent(&["status"])?;
    let status = &lines(&status)[0];
    assert_eq!(status["installed"][0]["name"], "Tool");
    assert_eq!(status["packages"][0]["is_whole"], true);
    let failing = site.job(&bad);
    site.give(&computer, std::slice::from_ref(&failing));
    assert_eq!(agent(&["run", "--once"])?.status.code(), Some(1), "a job failed");
    let (second, elsewhere) = (site.token(None).to_text(), site.path("an agent"));
    let told = program(&home)
        .args(["agent", "enroll", "--site", &staging, "--token", &second, "--folder"])
        .arg(&elsewhere)
        .output()?;
    let start = format!("Start it with: packhouse-cli agent run --folder \"{}\"\n", elsewhere.display());
    let text = String::from_utf8_lossy(&told.stdout);
    assert!(text.ends_with(&start), "{text}");
    fs::remove_dir_all(site.staging())?;
    fs::write(site.staging(), b"")?;
    assert_eq!(agent(&["run", "--once"])?.status.code(), Some(4), "the site cannot be reached");
    Ok(())
}

#[test]
fn serve_speaks_tls_with_agents_elsewhere_and_keeps_its_pin() -> Outcome {
    let site = Site::new();
    let home = site.path("home");
    let serve = |listen: &str| {
        let mut command = program(&home);
        command.args(["--json", "serve", "--listen", listen, "--folder"]).arg(site.staging());
        Serving::start(command)
    };
    let first = serve("0.0.0.0:0")?;
    let url = first.1["url"].as_str().ok_or("a url")?.replace("0.0.0.0", "127.0.0.1");
    assert!(url.starts_with("https://"), "{url}");
    let pin = first.1["pin"].as_str().ok_or("a pin")?.to_owned();
    let computer = site.computer_at("pc", &url, Fingerprint::parse(&pin));
    assert!(site.poll(&computer).is_known);
    drop(first);
    let second = serve("0.0.0.0:0")?;
    assert_eq!(second.1["pin"].as_str(), Some(pin.as_str()), "it is kept");
    let here = serve("127.0.0.1:0")?;
    assert!(here.1["url"].as_str().is_some_and(|url| url.starts_with("http://")), "{}", here.1);
    // That it is a staging library is seen by its site list: reports are nobody's to read there either.
    let address = here.1["address"].as_str().ok_or("an address")?;
    let client = packhouse::transfer::ObjectClient::new(&packhouse::transfer::NetworkOptions::default())?;
    let answer = client.get(&format!("http://{address}/delivery/reports"), &Default::default())?;
    assert!(matches!(answer, packhouse::transfer::ObjectAnswer::Refused { .. }), "{answer:?}");
    Ok(())
}
