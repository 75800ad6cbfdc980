//! What somebody tries who can write into the store, or holds a key that is good for something else. Nothing of it runs.

use std::fs;

use packhouse::delivery::agent::{AgentError, enrol};
use packhouse::delivery::documents::{AgentDocument, Enrolment, SiteId, Token, names, procedure_digest};
use packhouse::package::SignedDocument;
use packhouse::package::procedure::{Procedure, Task};

use crate::agent::site::{Computer, Outcome, Package, Site, done, host, pair, refused, signed};

const RAN: &str = "echo ran >> \"$LOG\"";

fn scene() -> (Site, Package, Computer) {
    let mut site = Site::new();
    let package = site.package(("Tool", "1.0"), RAN, 1, |_| {});
    let computer = site.computer("pc");
    (site, package, computer)
}

/// Polls, and gives the code by which a document was not taken.
fn not_taken(site: &Site, computer: &Computer) -> Option<&'static str> {
    let report = site.poll(computer);
    assert!(!report.has_news);
    report.refused.map(|(code, _)| code)
}

#[test]
fn a_procedure_that_is_not_the_sealed_one_is_refused() {
    let (site, package, computer) = scene();
    // Another procedure under its name, as an altered job would have it.
    let mut altered = site.job(&package);
    let mut evil = Procedure::new("Install", Task::Install, "bin/run.sh");
    evil.arguments.push("--evil".into());
    altered.procedure.sha256 = procedure_digest(&evil);
    let mut unknown = site.job(&package);
    unknown.procedure.name = "Other".into();
    let mut task = site.job(&package);
    task.task = Task::Uninstall;
    let mut checksum = site.job(&package);
    checksum.checksum.files += 1;
    site.give(&computer, &[altered.clone(), unknown.clone(), task.clone(), checksum.clone()]);
    site.poll(&computer);
    assert_eq!(site.end(&computer, &altered), refused("procedure-other"));
    assert_eq!(site.end(&computer, &unknown), refused("procedure-missing"));
    assert_eq!(site.end(&computer, &task), refused("procedure-other"));
    assert_eq!(site.end(&computer, &checksum), refused("checksum-other"));
    assert_eq!(site.runs().len(), 0);
}

#[test]
fn a_package_that_is_not_the_sealed_one_is_refused() -> Outcome {
    let (mut site, package, computer) = scene();
    let other = site.package(("Other", "1.0"), "echo evil >> \"$LOG\"", 1, |_| {});
    // The whole folder of another package of ours in its place.
    let job = site.job(&package);
    fs::rename(&package.folder, site.path("aside"))?;
    crate::agent::site::copy_tree(&other.folder, &package.folder);
    site.give(&computer, std::slice::from_ref(&job));
    site.poll(&computer);
    assert_eq!(site.end(&computer, &job), refused("package-other"));
    // Its registration info changed by one letter, with the hash of the job to match: the seal does not.
    let text = other.text.replace("bin/run.sh", "bin/run.si");
    fs::write(other.folder.join("reginfo.json"), &text)?;
    let mut resealed = site.job(&other);
    resealed.package.reginfo_sha256 = packhouse::package::Sha256Digest::of(text.as_bytes());
    // Sealed anew by a key that may not.
    let stranger = pair();
    let mut unknown = resealed.clone();
    unknown.id = packhouse::delivery::documents::JobId::random();
    site.give(&computer, std::slice::from_ref(&resealed));
    site.poll(&computer);
    assert_eq!(site.end(&computer, &resealed), refused("package-seal"));
    let seal = SignedDocument::sign(text, &stranger.pk, &stranger.sk, "x")?;
    fs::write(other.folder.join("reginfo.json.minisig"), seal.minisig)?;
    site.give(&computer, std::slice::from_ref(&unknown));
    site.poll(&computer);
    assert_eq!(site.end(&computer, &unknown), refused("package-unknown-key"));
    // Without a seal it is no package that is run.
    fs::remove_file(other.folder.join("reginfo.json.minisig"))?;
    let mut open = unknown.clone();
    open.id = packhouse::delivery::documents::JobId::random();
    site.give(&computer, std::slice::from_ref(&open));
    site.poll(&computer);
    assert_eq!(site.end(&computer, &open), refused("package-not-sealed"));
    assert_eq!(site.runs().len(), 0);
    Ok(())
}

#[test]
fn blocks_that_are_not_the_sealed_ones_are_never_run() -> Outcome {
    let (site, package, computer) = scene();
    let job = site.job(&package);
    // As long as the true one: only its hash tells.
    let script = fs::read_to_string(package.folder.join("data/bin/run.sh"))?;
    fs::write(package.folder.join("data/bin/run.sh"), script.replace("ran", "bad"))?;
    site.give(&computer, std::slice::from_ref(&job));
    site.poll(&computer);
    assert_eq!(site.runs().len(), 0);
    assert!(
        !fs::read_to_string(computer.folder.join("packages/Tool/1.0/data/bin/run.sh"))
            .unwrap_or_default()
            .contains("bad")
    );
    // The snapshot changed to match them is not the one that was sealed.
    let snapshot = package.folder.join("snapshot.meta4");
    let text = fs::read_to_string(&snapshot)?;
    fs::write(&snapshot, text.replacen("<size>", "<size> ", 1))?;
    let second = site.job(&package);
    site.give(&computer, std::slice::from_ref(&second));
    site.poll(&computer);
    assert_eq!(site.end(&computer, &second), refused("package-seal"));
    assert_eq!(site.runs().len(), 0);
    Ok(())
}

#[test]
fn an_older_revision_is_refused() -> Outcome {
    let (site, first, computer) = scene();
    let old = site.job(&first);
    fs::rename(&first.folder, site.path("old"))?;
    // Sealed again: the revision rises.
    let work = packhouse::work::Work::new();
    let unseal = packhouse::session::Unseal { package: first.info.id };
    site.session.run(unseal, &work).map_err(|failure| failure.message)?;
    let seal = packhouse::session::Seal { package: first.info.id, key: None, block_size: None };
    site.session.run(seal, &work).map_err(|failure| failure.message)?;
    let second = site.stage("Tool", "1.0");
    assert!(second.info.revision > first.info.revision);
    let new = site.job(&second);
    site.give(&computer, std::slice::from_ref(&new));
    site.poll(&computer);
    assert_eq!(site.end(&computer, &new), done());
    // The old one put back, with a job that names it.
    fs::rename(&second.folder, site.path("new"))?;
    fs::rename(site.path("old"), &first.folder)?;
    let mut old = old;
    old.reinstall = true;
    site.give(&computer, std::slice::from_ref(&old));
    site.poll(&computer);
    assert_eq!(site.end(&computer, &old), refused("package-older"));
    assert_eq!(site.runs().len(), 1);
    Ok(())
}

#[test]
fn a_replayed_or_reordered_list_of_jobs_is_not_taken() {
    let (site, package, computer) = scene();
    let job = site.job(&package);
    let first = site.document(&computer, std::slice::from_ref(&job));
    let second = site.document(&computer, &[]);
    let same = AgentDocument { jobs: vec![site.job(&package)], ..second.clone() };
    site.put_jobs(&computer, &first, &site.manager);
    site.poll(&computer);
    assert_eq!(site.end(&computer, &job), done());
    site.put_jobs(&computer, &second, &site.manager);
    site.poll(&computer);
    // The first once more: its job would install again.
    site.put_jobs(&computer, &first, &site.manager);
    assert_eq!(not_taken(&site, &computer), Some("document-older"));
    // The sequence of the second, with something else in it.
    site.put_jobs(&computer, &same, &site.manager);
    assert_eq!(not_taken(&site, &computer), Some("document-twice"));
    // Listed anew by the manager itself, what ended stays ended.
    site.give(&computer, std::slice::from_ref(&job));
    site.poll(&computer);
    assert_eq!(site.runs().len(), 1);
}

#[test]
fn jobs_of_another_agent_or_another_site_are_not_taken() {
    let (site, package, computer) = scene();
    let other = site.computer("other");
    let for_other = site.document(&other, &[site.job(&package)]);
    site.put_jobs(&computer, &for_other, &site.manager);
    assert_eq!(not_taken(&site, &computer), Some("document-other-agent"));
    let own = site.document(&computer, &[site.job(&package)]);
    let other_key = AgentDocument { agent_key: other.key.clone(), ..own.clone() };
    site.put_jobs(&computer, &other_key, &site.manager);
    assert_eq!(not_taken(&site, &computer), Some("document-other-agent"));
    let elsewhere = AgentDocument { site: SiteId::random(), ..own };
    site.put_jobs(&computer, &elsewhere, &site.manager);
    assert_eq!(not_taken(&site, &computer), Some("document-other-site"));
    assert_eq!(site.runs().len(), 0);
}

#[test]
fn an_expired_list_of_jobs_is_not_taken_and_begins_nothing() {
    let (site, package, computer) = scene();
    let job = site.job(&package);
    let expired =
        AgentDocument { expires: site.now(), ..site.document(&computer, std::slice::from_ref(&job)) };
    site.put_jobs(&computer, &expired, &site.manager);
    assert_eq!(not_taken(&site, &computer), Some("document-expired"));
    // One that expires while a job of it waits.
    let mut later = site.job(&package);
    later.run_at = Some(packhouse::delivery::documents::When::Site { time: site.now() + 100 });
    let short = AgentDocument { expires: site.now() + 50, ..site.document(&computer, &[later.clone()]) };
    site.put_jobs(&computer, &short, &site.manager);
    site.poll(&computer);
    site.clock.advance(std::time::Duration::from_secs(200));
    site.poll(&computer);
    assert_eq!(site.runs().len(), 0);
    // Listed anew, it runs.
    site.give(&computer, std::slice::from_ref(&later));
    site.poll(&computer);
    assert_eq!(site.end(&computer, &later), done());
}

#[test]
fn jobs_count_only_from_a_key_for_jobs() {
    let (site, package, computer) = scene();
    let list = site.document(&computer, &[site.job(&package)]);
    site.put_jobs(&computer, &list, &pair());
    assert_eq!(not_taken(&site, &computer), Some("document-unknown-key"));
    // A key of the site that may seal, and nothing else: the site list says so.
    let sealing = pair();
    site.write_list(|list| list.keys.seals.push(sealing.pk.to_base64()));
    site.put_jobs(&computer, &list, &sealing);
    assert_eq!(not_taken(&site, &computer), Some("document-unknown-key"));
    // Nor can somebody give oneself the use.
    let mut forged = site.list();
    forged.keys.jobs.push(sealing.pk.to_base64());
    site.put(names::SITE, &signed(forged.to_text().expect("a text"), &sealing));
    assert_eq!(not_taken(&site, &computer), Some("document-unknown-key"));
    assert_eq!(site.runs().len(), 0);
    // The manager can: a new key for jobs is learnt from a list that the old one signed.
    let next = pair();
    site.write_list(|list| list.keys.jobs.push(next.pk.to_base64()));
    let job = site.job(&package);
    site.put_jobs(&computer, &site.document(&computer, std::slice::from_ref(&job)), &next);
    site.poll(&computer);
    assert_eq!(site.end(&computer, &job), done());
}

#[test]
fn a_key_that_may_seal_no_more_seals_nothing() {
    let (site, package, computer) = scene();
    site.write_list(|list| list.keys.seals = vec![pair().pk.to_base64()]);
    let job = site.job(&package);
    site.give(&computer, std::slice::from_ref(&job));
    site.poll(&computer);
    assert_eq!(site.end(&computer, &job), refused("package-unknown-key"));
}

#[test]
fn a_path_that_leads_out_is_in_no_document() -> Outcome {
    let (site, package, computer) = scene();
    let text = site.document(&computer, &[site.job(&package)]).to_text()?;
    for (from, to) in [
        (r#""name":"Tool""#, r#""name":"..""#),
        (r#""name":"Tool""#, r#""name":"../../../tmp/x""#),
        (r#""version":"1.0""#, r#""version":"/etc""#),
        (r#""version":"1.0""#, r#""version":"1.0\u0000""#),
        ("staging", "staging/../../etc"),
    ] {
        let bad = text.replace(from, to);
        assert_ne!(bad, text, "{from}");
        site.put(&names::agent(computer.agent), &signed(bad, &site.manager));
        assert_eq!(not_taken(&site, &computer), Some("document-form"), "{to}");
    }
    Ok(())
}

#[test]
fn too_much_output_is_cut() -> Outcome {
    let mut site = Site::new();
    let script = "head -c 20000000 /dev/zero | tr '\\0' 'x'; printf '\\033[2J%s' the-end";
    let package = site.package(("Loud", "1.0"), script, 0, |_| {});
    let computer = site.computer("pc");
    let job = site.job(&package);
    site.give(&computer, std::slice::from_ref(&job));
    site.poll(&computer);
    let told = site.told(&computer, &job).pop().ok_or("told")?;
    let output = told.output.ok_or("the output")?;
    assert_eq!(output.len(), 64 * 1024);
    assert!(output.ends_with("the-end"));
    for report in site.reports(&computer) {
        let path = site.staging().join(names::report(computer.agent, report.n));
        assert!(fs::metadata(path)?.len() < 1024 * 1024);
    }
    Ok(())
}

#[test]
fn a_site_that_is_not_the_one_of_the_token_is_refused() {
    let site = Site::new();
    let address = site.staging().display().to_string();
    let token = site.token(None);
    // Somebody else answers at the address: another key signed the list.
    let theirs = pair();
    let mut list = site.list();
    list.keys.jobs = vec![theirs.pk.to_base64()];
    site.put(names::SITE, &signed(list.to_text().expect("a text"), &theirs));
    let folder = site.path("pc");
    let enrolled = enrol(&folder, &address, &token, &host(), &site.options());
    assert!(matches!(enrolled, Err(AgentError::OtherSite { .. })), "{enrolled:?}");
    // Listing the true key beside their own does not help: it did not sign.
    list.keys.jobs.push(site.manager.pk.to_base64());
    site.put(names::SITE, &signed(list.to_text().expect("a text"), &theirs));
    let enrolled = enrol(&folder, &address, &token, &host(), &site.options());
    assert!(matches!(enrolled, Err(AgentError::OtherSite { .. })), "{enrolled:?}");
    assert!(!folder.join("agent.key").exists(), "nothing is left of it");
}

#[test]
fn an_enrolment_that_was_interrupted_is_gone_on_with() -> Outcome {
    let site = Site::new();
    let (token, folder) = (site.token(None), site.path("pc"));
    let address = site.staging().display().to_string();
    let enrolled = enrol(&folder, &address, &token, &host(), &site.options())?;
    // Killed before it noted that it was done: it still has its token.
    let path = folder.join("agent.json");
    let done = fs::read_to_string(&path)?;
    let undone = done.replace("\"enrolling\": null", &format!("\"enrolling\": \"{}\"", token.id));
    assert_ne!(done, undone);
    fs::write(&path, &undone)?;
    assert_eq!(enrol(&folder, &address, &token, &host(), &site.options())?, enrolled, "the same agent");
    // And the same after the manager took it and closed the token.
    fs::write(&path, &undone)?;
    let computer = site.accept(&folder, &token, enrolled.agent);
    assert_eq!(enrol(&folder, &address, &token, &host(), &site.options())?, enrolled);
    assert!(site.poll(&computer).is_known);
    let again = enrol(&folder, &address, &token, &host(), &site.options());
    assert!(matches!(again, Err(AgentError::AlreadyEnrolled(_))), "{again:?}");
    Ok(())
}

#[test]
fn an_enrolment_without_the_secret_is_nobody() -> Outcome {
    let site = Site::new();
    let token = site.token(None);
    let wrong = Token { secret: [0; 16], ..token.clone() };
    let address = site.staging().display().to_string();
    let enrolled = enrol(&site.path("evil"), &address, &wrong, &host(), &site.options())?;
    let path = site.staging().join(names::enrolment(token.id));
    let bytes = fs::read(&path)?;
    assert!(Enrolment::parse(&bytes, token.id, &token.secret).is_err(), "{}", enrolled.agent);
    // Whose token it is finds it used, and is told so.
    let honest = enrol(&site.path("pc"), &address, &token, &host(), &site.options());
    assert!(matches!(honest, Err(AgentError::TokenUsed(_))), "{honest:?}");
    // A token that was never open, or is not any more.
    fs::remove_file(site.staging().join(names::open_token(token.id)))?;
    let closed = enrol(&site.path("pc2"), &address, &token, &host(), &site.options());
    assert!(matches!(closed, Err(AgentError::TokenClosed(_))), "{closed:?}");
    Ok(())
}
