//! A source that is a new version of something: found, compared, registered with what it takes over. And handing over.

use std::fs;

use packhouse::package::procedure::{Procedure, ProcedureChoice, Task};
use packhouse::package::record::ListedProcedure;
use packhouse::session::{
    CompareSource, EditProcedures, HandOver, Links, MoveToGroup, Preview, ProcedureEdit, ReadHandOver,
    Register, RegisterRequest, SameFiles, SameProduct, SwitchOff,
};

use crate::place::{Outcome, Place, ask, put, refused, register, show};

#[test]
fn a_new_version_is_found_compared_and_takes_over() -> Outcome {
    let place = Place::new()?;
    let session = place.open()?;
    let files: [(&str, &[u8]); 4] =
        [("setup.exe", b"one"), ("same.dll", b"same"), ("lib/equal size", b"aaaa"), ("old.txt", b"old")];
    let old = place.source("7zip 24.08", &files)?;
    let mut request = RegisterRequest::new(vec![old]);
    (request.supplier, request.comment) = (Some("Igor Pavlov".to_owned()), Some("for everybody".to_owned()));
    let base = ask(&session, Register { request })?.record.id;
    ask(&session, MoveToGroup { packages: vec![base], group: "Tools".to_owned() })?;
    for (name, task, program) in
        [("Install", Task::Install, "setup.exe"), ("Say", Task::Configure, "old.txt")]
    {
        let edit = ProcedureEdit::Add(Procedure::new(name, task, program), ProcedureChoice::default());
        ask(&session, EditProcedures { package: base, edit, key: None })?;
    }

    let files: [(&str, &[u8]); 4] =
        [("setup.exe", b"longer"), ("same.dll", b"same"), ("lib/equal size", b"bbbb"), ("new", b"new")];
    let new = vec![place.source("7ZIP 24.09", &files)?];
    let found = ask(&session, SameProduct { name: "7Zip".to_owned() })?;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].id, found[0].group.as_str(), found[0].procedures.len()), (base, "Tools", 2));
    let compared =
        ask(&session, CompareSource { sources: new.clone(), links: Links::Refuse, based_on: base })?;
    assert_eq!((compared.same, compared.changed, compared.new, compared.gone), (1, 2, 1, 1));
    assert_eq!((compared.same_bytes, compared.not_compared), (4, 0));
    let missing: Vec<_> = compared.procedures.iter().map(|taken| taken.missing.as_deref()).collect();
    assert_eq!(missing, [None, Some("old.txt")]);

    let mut request = RegisterRequest::new(new.clone());
    (request.based_on, request.comment) = (Some(base), Some("mine".to_owned()));
    let report = ask(&session, Register { request })?;
    assert!(report.notes.iter().any(|note| note.contains("\"old.txt\"")), "{:?}", report.notes);
    let record = show(&session, report.record.id)?.record;
    assert_eq!(record.key.to_string(), "7ZIP@24.09");
    assert_eq!((record.group.as_str(), record.supplier.as_str()), ("Tools", "Igor Pavlov"));
    assert_eq!((record.comment.as_str(), record.procedures.len()), ("mine", 2));
    let links = [record.based_on, record.replaces].map(|key| key.map(|key| key.to_string()));
    assert_eq!(links, [Some("7zip@24.08".to_owned()), Some("7zip@24.08".to_owned())]);
    let order: Vec<String> = ask(&session, SameProduct { name: "7zip".to_owned() })?
        .into_iter()
        .map(|package| package.key.to_string())
        .collect();
    assert_eq!(order, ["7ZIP@24.09", "7zip@24.08"], "the newest first");

    let preview = ask(&session, Preview { sources: new, links: Links::Refuse })?;
    let same = ask(&session, SameFiles { digest: preview.digest })?;
    assert_eq!(same.iter().map(ToString::to_string).collect::<Vec<_>>(), ["7ZIP@24.09"]);
    Ok(())
}

#[test]
fn what_is_handed_over_can_be_read_by_another() -> Outcome {
    let place = Place::new()?;
    let session = place.open()?;
    let source = place.source("source", &[("a", b"a")])?;
    let package = register(&session, &source, "Tool", "1.0")?.id;
    ask(&session, SwitchOff { package, reason: Some("a trial".to_owned()) })?;
    let written = ask(&session, HandOver { to: place.path("out") })?;
    assert_eq!(written.findings.len(), 1);
    assert_eq!(written.findings[0].what, "checksum control is off");
    assert!(written.events[0].words.contains("a trial"), "the newest first");
    for from in ["out", "out/hand-over.json"] {
        assert_eq!(ask(&session, ReadHandOver { from: place.path(from) })?, written);
    }
    put(&place.path("bad"), "hand-over.json", b"{\"format\": \"other\"}")?;
    assert_eq!(refused(ask(&session, ReadHandOver { from: place.path("bad") })).code, "unreadable");
    assert_eq!(refused(ask(&session, ReadHandOver { from: place.path("nowhere") })).code, "unreadable");
    assert_eq!(fs::read_dir(place.path("out"))?.count(), 2);
    Ok(())
}

#[test]
fn a_file_that_is_given_to_a_program_of_the_system_is_missed_too() -> Outcome {
    let place = Place::new()?;
    let session = place.open()?;
    let old = place.source("7zip 24.08", &[("x64/7z2408.msi", b"old"), ("same", b"same")])?;
    let mut install = Procedure::new("Install", Task::Install, "msiexec");
    install.external = true;
    install.arguments = ["/i", "x64\\7z2408.msi", "/qn"].map(str::to_owned).to_vec();
    let listed = ListedProcedure { procedure: install, choice: ProcedureChoice::default() };
    let mut request = RegisterRequest::new(vec![old.clone()]);
    request.procedures = Some(vec![listed]);
    let base = ask(&session, Register { request })?.record.id;

    let new = place.source("7zip 24.09", &[("x64/7z2409.msi", b"new"), ("same", b"same")])?;
    for (source, missing) in [(&new, Some("x64/7z2408.msi")), (&old, None)] {
        let sources = vec![source.clone()];
        let compared = ask(&session, CompareSource { sources, links: Links::Refuse, based_on: base })?;
        assert_eq!(compared.procedures[0].missing.as_deref(), missing);
    }
    let mut request = RegisterRequest::new(vec![new]);
    request.based_on = Some(base);
    let report = ask(&session, Register { request: request.clone() })?;
    assert!(report.notes.iter().any(|note| note.contains("7z2408.msi")), "{:?}", report.notes);
    assert_eq!(report.record.procedures.len(), 1);
    // None at all is not the same as nothing said.
    (request.version, request.procedures) = (Some("24.10".to_owned()), Some(Vec::new()));
    assert!(ask(&session, Register { request })?.record.procedures.is_empty());
    Ok(())
}
