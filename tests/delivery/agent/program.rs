//! `packhouse-cli agent` and `serve --delivery` as people and systems start them.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use packhouse::delivery::documents::{AgentDocument, Fingerprint, names};
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
    let waits = program(&home).args(["agent", "run", "--once", "--folder"]).arg(&folder).output()?;
    let text = String::from_utf8_lossy(&waits.stdout);
    assert!(text.starts_with("Enrolled, and not taken in yet"), "{text}");
    let computer = site.accept(&folder, &token, id);
    let used = program(&home)
        .args(["agent", "enroll", "--site", &staging, "--token", &token.to_text(), "--folder"])
        .arg(site.path("another"))
        .output()?;
    let text = String::from_utf8_lossy(&used.stderr);
    assert_eq!(used.status.code(), Some(3));
    assert!(
        text.contains("reason: it was used, has expired, was removed, or is not open there yet"),
        "{text}"
    );
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
    let old = AgentDocument { expires: site.now() - 60, ..site.document(&computer, &[]) };
    site.put_jobs(&computer, &old, &site.manager);
    let refused = program(&home).args(["agent", "run", "--once", "--folder"]).arg(&folder).output()?;
    let text = String::from_utf8_lossy(&refused.stdout);
    assert_eq!(refused.status.code(), Some(3), "{text}");
    assert!(text.contains("Not taken: it expired by the clock of this computer"), "{text}");
    // Its computer is taken off the list.
    fs::remove_file(site.staging().join(names::agent(id)))?;
    let gone = program(&home).args(["agent", "run", "--once", "--folder"]).arg(&folder).output()?;
    let text = String::from_utf8_lossy(&gone.stdout);
    assert_eq!(gone.status.code(), Some(0));
    assert!(text.contains("its computer was taken off the list there"), "{text}");
    fs::remove_dir_all(site.staging())?;
    fs::write(site.staging(), b"")?;
    assert_eq!(agent(&["run", "--once"])?.status.code(), Some(4), "the site cannot be reached");
    Ok(())
}

/// A certificate for this computer, signed by an authority that nobody knows; gives the files of the authority, of the
/// certificate and of its key.
fn certificates(folder: &Path) -> Result<[String; 3], Box<dyn std::error::Error>> {
    let mut authority = rcgen::CertificateParams::new(Vec::new())?;
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    authority.distinguished_name.push(rcgen::DnType::CommonName, "Authority of the site");
    let key = rcgen::KeyPair::generate()?;
    let root = authority.self_signed(&key)?;
    let own = rcgen::KeyPair::generate()?;
    let server = rcgen::CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?
        .signed_by(&own, &rcgen::Issuer::new(authority, key))?;
    let files = ["authority.pem", "server.pem", "server-key.pem"].map(|name| folder.join(name));
    for (file, text) in files.iter().zip([root.pem(), server.pem(), own.serialize_pem()]) {
        fs::write(file, text)?;
    }
    Ok(files.map(|file| file.display().to_string()))
}

#[test]
fn an_agent_trusts_the_authority_that_is_named_to_it_and_no_server_else() -> Outcome {
    let mut site = Site::new();
    let package = site.package(("Tool", "1.0"), "exit 0", 1, |_| {});
    let (home, folder) = (site.path("home"), site.path("agent"));
    fs::create_dir_all(&home)?;
    let [authority, certificate, key] = certificates(&home)?;
    let mut serve = program(&home);
    serve.args(["--json", "serve", "--listen", "127.0.0.1:0", "--tls-cert", &certificate, "--tls-key", &key]);
    serve.arg("--folder").arg(site.staging());
    let serving = Serving::start(serve)?;
    let url = serving.1["url"].as_str().ok_or("a url")?;
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    let agent = |words: &[&str]| {
        let mut command = program(&home);
        command.args(["--json", "agent"]).args(words).arg("--folder").arg(&folder);
        command
    };
    let token = site.token(None);
    let enroll = ["enroll", "--site", url, "--token", &token.to_text()];
    let strange = agent(&enroll).output()?;
    let told = String::from_utf8_lossy(&strange.stderr);
    assert_eq!(strange.status.code(), Some(4), "{told}");
    assert!(told.contains("signed by nobody who is trusted here"), "{told}");
    assert!(told.contains("--certificates FILE") && told.contains("--pin"), "{told}");
    let enrolled = agent(&enroll).args(["--certificates", &authority]).output()?;
    assert_eq!(enrolled.status.code(), Some(0), "{}", String::from_utf8_lossy(&enrolled.stderr));
    let id = lines(&enrolled)[0]["agent"].as_str().ok_or("an id")?.parse()?;
    let computer = site.accept(&folder, &token, id);
    let job = site.job_at(&package, url);
    site.give(&computer, std::slice::from_ref(&job));
    // The authority is not kept: whoever runs the agent names it.
    let strange = agent(&["run", "--once"]).output()?;
    assert_eq!(strange.status.code(), Some(4), "{}", String::from_utf8_lossy(&strange.stderr));
    let ran = agent(&["run", "--once"]).env("PACKHOUSE_CERTIFICATES", &authority).output()?;
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(lines(&ran).iter().any(|line| line["state"] == "ok"), "{}", String::from_utf8_lossy(&ran.stdout));
    assert_eq!(site.end(&computer, &job), done());
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
