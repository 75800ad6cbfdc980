//! An agent and our own server: TLS by a pin, each sees its own and nobody anything else, nothing is overwritten.

use std::fs;
use std::io::{Read as _, Write as _};
use std::time::Duration;

use minisign::{PublicKey, SecretKey, SecretKeyBox};
use packhouse::delivery::agent::{AgentError, enrol};
use packhouse::delivery::documents::{Fingerprint, Job, JobId, JobReport, Report, ReportedState, names};
use packhouse::package::SignedDocument;
use packhouse::package::agent_proof::AgentProof;
use packhouse::session::{self, ServeOptions, Server, Tls};
use packhouse::transfer::{
    NetworkOptions, ObjectAnswer, ObjectClient, ObjectRequest, PutAnswer, TransferError,
};

use crate::agent::site::{Computer, Outcome, Site, done, host};

/// The staging folder of a site, served as `serve --delivery` does it.
fn serve(site: &Site, tls: Option<Tls>) -> Server {
    let listen = "127.0.0.1:0".parse().expect("an address");
    let options = ServeOptions { tls, delivery: true, ..ServeOptions::new(site.staging(), listen) };
    session::serve(options).expect("it serves")
}

fn self_made() -> Option<Tls> {
    // For a name that is not the one it is reached by: the pin says more.
    Some(Tls::SelfMade { names: vec!["packhouse.example".to_owned()], kept: None })
}

fn pin(server: &Server) -> Option<Fingerprint> {
    let fingerprint = server.certificate()?.fingerprint.to_string();
    Fingerprint::parse(&fingerprint[..32])
}

/// The secret key of a computer.
fn key_of(computer: &Computer) -> (PublicKey, SecretKey) {
    let text = fs::read_to_string(computer.folder.join("agent.key")).expect("it has one");
    let secret = SecretKey::from_unencrypted_box(SecretKeyBox::from(text)).expect("a key");
    (PublicKey::from_secret_key(&secret).expect("a key"), secret)
}

fn sign(computer: &Computer, text: String) -> SignedDocument {
    let (public, secret) = key_of(computer);
    SignedDocument::sign(text, &public, &secret, "test").expect("signed")
}

/// The status of the answer to a request as it is written here.
fn status_of(server: &Server, method: &str, path: &str) -> Result<u16, Box<dyn std::error::Error>> {
    let mut stream = std::net::TcpStream::connect(server.address())?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let text = String::from_utf8_lossy(&answer);
    Ok(text.split(' ').nth(1).ok_or("no status")?.parse()?)
}

fn proof(computer: &Computer, path: &str) -> String {
    let now = jiff::Timestamp::now().as_second();
    AgentProof::header(&sign(computer, AgentProof::new(computer.agent.0, path, now).to_text()))
}

#[test]
fn an_agent_is_enrolled_by_pin_and_works_over_tls() -> Outcome {
    let mut site = Site::new();
    let package = site.package(("Tool", "1.0"), "echo ran >> \"$LOG\"", 3, |_| {});
    let server = serve(&site, self_made());
    let computer = site.computer_at("pc", &server.url(), pin(&server));
    let job = site.job_at(&package, &server.url());
    site.give(&computer, std::slice::from_ref(&job));
    site.poll(&computer);
    assert_eq!(site.end(&computer, &job), done());
    assert_eq!(site.runs(), ["ran"]);
    // A server with another certificate is not believed, even at the same place with the same content.
    let impostor = serve(&site, self_made());
    let token = site.token(pin(&server));
    let refused = enrol(&site.path("pc2"), &impostor.url(), &token, &host(), &site.options());
    assert!(matches!(refused, Err(AgentError::Web(_))), "{refused:?}");
    // Nor is one that the system does not know, where there is no pin.
    let token = site.token(None);
    let refused = enrol(&site.path("pc3"), &server.url(), &token, &host(), &site.options());
    assert!(matches!(refused, Err(AgentError::Web(_))), "{refused:?}");
    Ok(())
}

/// The console writes into a folder of its own computer; agents elsewhere read the same through a server.
#[test]
fn a_folder_of_the_console_is_read_where_the_agent_was_enrolled() -> Outcome {
    let mut site = Site::new();
    let reads = [r"C:\Staging", r"\\server\share\staging", "/srv/a folder of the console"];
    let versions = ["1", "2", "3"];
    let packages = versions.map(|version| site.package(("Tool", version), "echo ran >> \"$LOG\"", 3, |_| {}));
    let server = serve(&site, self_made());
    let computer = site.computer_at("pc", &server.url(), pin(&server));
    for (package, read) in packages.iter().zip(reads) {
        let job = site.job_at(package, read);
        site.give(&computer, std::slice::from_ref(&job));
        site.poll(&computer);
        assert_eq!(site.end(&computer, &job), done(), "{read}");
    }
    assert_eq!(site.runs().len(), 3);
    // What is no folder anywhere is none here either.
    let nowhere = Job { reinstall: true, ..site.job_at(&packages[0], "ftp://host/staging") };
    site.give(&computer, std::slice::from_ref(&nowhere));
    site.poll(&computer);
    assert_eq!(site.end(&computer, &nowhere).map(|end| end.1).as_deref(), Some("job-address"));
    assert_eq!(site.runs().len(), 3);
    Ok(())
}

#[test]
fn a_poll_without_news_is_one_answer_without_content() -> Outcome {
    let mut site = Site::new();
    let package = site.package(("Tool", "1.0"), "true", 1, |_| {});
    let server = serve(&site, None);
    let computer = site.computer_at("pc", &server.url(), None);
    let job = site.job_at(&package, &server.url());
    site.give(&computer, std::slice::from_ref(&job));
    site.poll(&computer);
    assert_eq!(site.end(&computer, &job), done());
    // The entity tag of a file that was just written is a weak one: asked again until it has settled.
    let begin = std::time::Instant::now();
    loop {
        let before = server.counters();
        site.poll(&computer);
        let after = server.counters();
        assert_eq!(after.requests - before.requests, 1);
        if after.sent_bytes == before.sent_bytes {
            break;
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "it sends what is known");
    }
    Ok(())
}

#[test]
fn nobody_reads_what_is_another_agents() -> Outcome {
    let site = Site::new();
    let server = serve(&site, None);
    let one = site.computer_at("one", &server.url(), None);
    let two = site.computer_at("two", &server.url(), None);
    let client = ObjectClient::new(&NetworkOptions::default())?;
    let get = |path: &str, proof: Option<&str>| {
        let request = ObjectRequest { proof, most_bytes: 1 << 20, ..ObjectRequest::default() };
        client.get(&format!("{}{path}", server.url()), &request)
    };
    let path = names::agent(one.agent);
    assert!(matches!(get(&path, Some(&proof(&one, &path)))?, ObjectAnswer::New { .. }));
    let is_refused = |answer: &ObjectAnswer| matches!(answer, ObjectAnswer::Refused { .. });
    assert!(is_refused(&get(&path, None)?));
    assert!(is_refused(&get(&path, Some("nonsense"))?));
    // A good proof of another agent, one in its name by another key, one for another path, one from long ago.
    assert!(is_refused(&get(&path, Some(&proof(&two, &path)))?));
    let now = jiff::Timestamp::now().as_second();
    let in_its_name = AgentProof::new(one.agent.0, &path, now).to_text();
    assert!(is_refused(&get(&path, Some(&AgentProof::header(&sign(&two, in_its_name))))?));
    let other_path = AgentProof::new(one.agent.0, &names::agent(two.agent), now).to_text();
    assert!(is_refused(&get(&path, Some(&AgentProof::header(&sign(&one, other_path))))?));
    let old = AgentProof::new(one.agent.0, &path, now - 3600).to_text();
    assert!(is_refused(&get(&path, Some(&AgentProof::header(&sign(&one, old))))?));
    // Everybody reads the site list; reports, enrolments, tokens and lists of what is there nobody.
    assert!(matches!(get(names::SITE, None)?, ObjectAnswer::New { .. }));
    let token = site.token(None);
    for closed in [
        names::report(one.agent, 1),
        names::open_token(token.id),
        names::enrolment(token.id),
        "delivery".to_owned(),
        "delivery/".to_owned(),
        "delivery/reports".to_owned(),
        "delivery/agents/".to_owned(),
        String::new(),
        "catalog.db".to_owned(),
    ] {
        let answer = get(&closed, Some(&proof(&one, &closed)))?;
        assert!(is_refused(&answer) || answer == ObjectAnswer::Gone, "{closed:?}: {answer:?}");
    }
    // Letter by letter, as no client of ours would ask.
    fs::write(site.path("secret"), b"secret")?;
    for way in [
        "/../secret",
        "/packages/../../secret",
        "/packages/../delivery/reports",
        "/delivery/%2e%2e/delivery/site.json",
        "/delivery/agents%2f..%2fsite.json",
        "/delivery//site.json",
        "/delivery/./site.json",
        "//delivery/site.json",
    ] {
        let status = status_of(&server, "GET", way)?;
        assert!(matches!(status, 403 | 404), "{way}: {status}");
    }
    assert_eq!(status_of(&server, "GET", "/delivery/site.json")?, 200);
    for method in ["DELETE", "POST", "PROPFIND", "MOVE", "MKCOL"] {
        assert!(matches!(status_of(&server, method, "/delivery/site.json")?, 403 | 405), "{method}");
        assert!(matches!(status_of(&server, method, &format!("/{path}"))?, 403 | 405), "{method}");
    }
    Ok(())
}

#[test]
fn an_agent_makes_its_own_reports_once_and_nothing_else() -> Outcome {
    let site = Site::new();
    let server = serve(&site, None);
    let one = site.computer_at("one", &server.url(), None);
    let two = site.computer_at("two", &server.url(), None);
    let client = ObjectClient::new(&NetworkOptions::default())?;
    let put = |path: &str, bytes: Vec<u8>| {
        client.put_new(&format!("{}{path}", server.url()), bytes, &ObjectRequest::default())
    };
    let report = |computer: &Computer, n: u64| Report {
        site: site.id,
        agent: computer.agent,
        n,
        made: site.now(),
        facts: None,
        jobs: vec![JobReport::new(JobId::random(), ReportedState::Ok, site.now())],
    };
    let text = |computer: &Computer, n| report(computer, n).to_text().expect("a text");
    let ones = sign(&one, text(&one, 7)).to_bytes();
    // A report of another under one's own name, one's own under another's, another number, another key.
    let twos = sign(&two, text(&two, 7)).to_bytes();
    let forged = sign(&two, text(&one, 7)).to_bytes();
    let is_refused = |answer: PutAnswer| matches!(answer, PutAnswer::Refused { .. });
    let path = names::report(one.agent, 7);
    assert!(is_refused(put(&path, twos.clone())?));
    assert!(is_refused(put(&path, forged)?));
    assert!(is_refused(put(&names::report(two.agent, 7), ones.clone())?));
    assert!(is_refused(put(&names::report(one.agent, 8), ones.clone())?));
    let stranger = packhouse::delivery::documents::AgentId::random();
    assert!(is_refused(put(&names::report(stranger, 7), ones.clone())?));
    assert!(!site.staging().join(&path).exists());
    assert_eq!(put(&path, ones.clone())?, PutAnswer::Made);
    assert_eq!(fs::read(site.staging().join(&path))?, ones);
    // Made once: another one, signed as well, changes nothing.
    let other = sign(&one, text(&one, 7)).to_bytes();
    assert_ne!(other, ones);
    assert_eq!(put(&path, other)?, PutAnswer::Exists);
    assert_eq!(fs::read(site.staging().join(&path))?, ones);
    // Too large, no report at all, and places where nobody writes.
    assert!(matches!(
        put(&names::report(one.agent, 9), vec![b' '; 3 << 20]),
        Err(TransferError::Fetch { .. })
    ));
    assert!(put(&names::report(one.agent, 9), b"{}".to_vec()).is_err());
    for closed in [
        names::SITE.to_owned(),
        names::agent(one.agent),
        "packages/Tool/1.0/reginfo.json".to_owned(),
        "delivery/reports/x.json".to_owned(),
        "delivery/../packages/x".to_owned(),
    ] {
        let answer = put(&closed, ones.clone());
        assert!(!matches!(answer, Ok(PutAnswer::Made | PutAnswer::Exists)), "{closed}: {answer:?}");
    }
    let left: Vec<_> = fs::read_dir(site.staging().join(names::REPORTS))?.collect::<Result<_, _>>()?;
    assert_eq!(left.len(), 1, "nothing half written is left");
    Ok(())
}

#[test]
fn an_enrolment_is_made_once_and_only_for_an_open_token() -> Outcome {
    let site = Site::new();
    let server = serve(&site, None);
    let token = site.token(None);
    let enrolled = enrol(&site.path("pc"), &server.url(), &token, &host(), &site.options())?;
    let first = fs::read(site.staging().join(names::enrolment(token.id)))?;
    // Again with the same token: what is there stays.
    let client = ObjectClient::new(&NetworkOptions::default())?;
    let put = |path: &str, bytes: &[u8]| {
        client.put_new(&format!("{}{path}", server.url()), bytes.to_vec(), &ObjectRequest::default())
    };
    assert_eq!(put(&names::enrolment(token.id), &first)?, PutAnswer::Exists);
    let computer = site.accept(&site.path("pc"), &token, enrolled.agent);
    assert!(matches!(put(&names::enrolment(token.id), &first)?, PutAnswer::Refused { .. }), "it is closed");
    let late = enrol(&site.path("late"), &server.url(), &token, &host(), &site.options());
    assert!(matches!(late, Err(AgentError::TokenClosed(_))), "{late:?}");
    let other = site.token(None);
    assert!(put(&names::enrolment(other.id), b"no enrolment").is_err());
    assert!(put(&names::enrolment(other.id), &vec![b' '; 20_000]).is_err());
    assert!(site.poll(&computer).is_known);
    Ok(())
}

#[test]
fn a_computer_whose_clock_is_wrong_is_still_known() -> Outcome {
    let site = Site::new();
    let server = serve(&site, None);
    let computer = site.computer_at("pc", &server.url(), None);
    site.clock.advance(Duration::from_secs(3 * 24 * 3600));
    let report = site.poll(&computer);
    assert!(report.is_known && report.has_news, "{report:?}");
    Ok(())
}
