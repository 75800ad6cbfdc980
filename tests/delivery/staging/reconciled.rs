//! What really lies in a staging library against what is known of it; and servers that cannot list.

use std::fs;

use packhouse::failure::Class;
use packhouse::package::Procedure;
use packhouse::package::procedure::{ProcedureChoice, Task};
use packhouse::package::staging::StagedFinding;
use packhouse::session::{
    ListStagedCopies, ListStaging, Reconcile, RemoveStagingLibrary, SealThere, Unstage,
};

use super::{everywhere, files, has_seal, koeln, same_there, stage, verify};
use crate::desk::{Desk, Outcome, noise};
use crate::sites::{Kind, Site};

everywhere!(what_is_unknown_missing_outdated_and_incomplete_is_told, a_forgotten_copy_is_known_again);

fn what_is_unknown_missing_outdated_and_incomplete_is_told(kind: Kind) -> Outcome {
    let (desk, other, site) = (Desk::new()?, Desk::of("jan")?, Site::open(kind));
    let staging = koeln(&desk, &site)?;
    let mut records = Vec::new();
    for name in ["Good 1.0", "Missing 1.0", "Outdated 1.0", "Half 1.0"] {
        let record = desk.sealed(name, &[("a/b.txt", noise(1, 500)), ("c", noise(2, 40))])?;
        stage(&desk, record.id, &staging)?;
        records.push(record);
    }
    let strange = other.sealed("Strange 3.1", &[("x", noise(7, 100))])?;
    let theirs = koeln(&other, &site)?;
    stage(&other, strange.id, &theirs)?;
    fs::create_dir_all(site.object("packages/notes/by hand"))?;
    fs::write(site.object("packages/notes/by hand/read me.txt"), "hello")?;
    fs::remove_dir_all(site.object("packages/Missing"))?;
    fs::remove_file(site.object("packages/Half/1.0/reginfo.json.minisig"))?;
    desk.run(packhouse::session::EditProcedures {
        package: records[2].id,
        edit: packhouse::session::ProcedureEdit::Add(
            Procedure::new("Install", Task::Install, "c"),
            ProcedureChoice::default(),
        ),
        key: None,
    })?;
    let found = desk.run(Reconcile { staging: staging.id })?;
    let names = |rows: &[packhouse::session::CopyRow]| {
        rows.iter().map(|row| row.copy.key.name().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&found.good), ["Good"]);
    assert_eq!(names(&found.missing), ["Missing"]);
    assert_eq!(names(&found.outdated), ["Outdated"]);
    assert_eq!(names(&found.incomplete), ["Half"]);
    let unknown: Vec<_> = found.unknown.iter().map(|one| (one.folder.as_str(), one.id)).collect();
    assert_eq!(unknown, [("packages/Strange/3.1", Some(strange.id)), ("packages/notes/by hand", None)]);
    let row = desk.run(ListStaging {})?.remove(0);
    let last = row.staging.reconciled.ok_or("it is kept")?;
    assert_eq!((last.unknown, last.missing, last.outdated, last.incomplete), (2, 1, 1, 1));
    assert_eq!((row.copies, row.outdated, row.not_whole), (4, 1, 2));
    // What lies in somebody else's place is not overwritten: the same name and version, another package.
    let rival = desk.sealed("Strange 3.1", &[("x", noise(8, 100))])?;
    let refused = stage(&desk, rival.id, &staging).expect_err("another package lies there");
    assert_eq!((refused.code, refused.class), ("staging-other-package", Class::Refused));
    same_there(&other, &site, &strange);
    // Missing and incomplete ones are staged again; then all is settled.
    for record in &records[1..] {
        stage(&desk, record.id, &staging)?;
    }
    let found = desk.run(Reconcile { staging: staging.id })?;
    assert_eq!((found.good.len(), found.found.unknown), (4, 2));
    assert_eq!((found.found.missing, found.found.outdated, found.found.incomplete), (0, 0, 0));
    Ok(())
}

fn a_forgotten_copy_is_known_again(kind: Kind) -> Outcome {
    let (desk, site) = (Desk::new()?, Site::open(kind));
    let record = desk.sealed("Tool 1.0", &files())?;
    let staging = koeln(&desk, &site)?;
    stage(&desk, record.id, &staging)?;
    let refused =
        desk.run(RemoveStagingLibrary { id: staging.id, forget_copies: false }).expect_err("it is used");
    assert_eq!(
        (refused.code, refused.details.as_slice()),
        ("staging-not-empty", &["Tool@1.0".to_owned()][..])
    );
    desk.run(RemoveStagingLibrary { id: staging.id, forget_copies: true })?;
    assert!(desk.run(ListStagedCopies { package: None })?.is_empty());
    same_there(&desk, &site, &record);
    let staging = koeln(&desk, &site)?;
    let found = desk.run(Reconcile { staging: staging.id })?;
    assert_eq!(found.learned, std::slice::from_ref(&record.key));
    assert_eq!(found.good[0].copy.finding, StagedFinding::Unverified);
    // Nothing is sent again: its seal tells what lies there.
    assert_eq!(stage(&desk, record.id, &staging)?.sent_files, 0);
    Ok(())
}

#[test]
fn a_server_that_cannot_list_says_so_and_does_all_else() -> Outcome {
    let (desk, site) = (Desk::new()?, Site::nginx("", ""));
    let record = desk.sealed("Tool 1.0", &files())?;
    let staging = koeln(&desk, &site)?;
    stage(&desk, record.id, &staging)?;
    same_there(&desk, &site, &record);
    let failure = desk.run(Reconcile { staging: staging.id }).expect_err("it cannot list");
    assert_eq!((failure.code, failure.class), ("staging-cannot-list", Class::Refused));
    assert!(verify(&desk, record.id, &staging, false)?.is_good());
    fs::remove_file(site.object("packages/Tool/1.0/data/empty"))?;
    let check = verify(&desk, record.id, &staging, true)?;
    assert_eq!(check.report.differences.removed.len(), 1);
    assert_eq!(stage(&desk, record.id, &staging)?.sent_files, 1);
    assert_eq!(stage(&desk, record.id, &staging)?.sent_files, 0);
    same_there(&desk, &site, &record);
    desk.run(Unstage { package: record.id, staging: staging.id })?;
    assert!(!has_seal(&site, &record) && !site.object("packages/Tool/1.0/data").exists());
    Ok(())
}

#[test]
fn a_share_that_is_not_mounted_is_no_empty_one() -> Outcome {
    let (desk, site) = (Desk::new()?, Site::open(Kind::Folder));
    let record = desk.sealed("Tool 1.0", &files())?;
    let staging = koeln(&desk, &site)?;
    stage(&desk, record.id, &staging)?;
    let root = site.object("");
    let away = root.with_file_name("away");
    fs::rename(&root, &away)?;
    for failure in [
        desk.run(Reconcile { staging: staging.id }).map(|_| ()).expect_err("not there"),
        stage(&desk, record.id, &staging).map(|_| ()).expect_err("not there"),
        desk.run(Unstage { package: record.id, staging: staging.id }).map(|_| ()).expect_err("not there"),
    ] {
        assert_eq!((failure.code, failure.class), ("staging-no-folder", Class::Environment), "{failure}");
        assert!(failure.message.starts_with("there is no folder /"), "{}", failure.message);
        assert!(failure.action.contains("mount") && failure.temporary, "{}", failure.action);
    }
    assert!(!root.exists(), "it was not made");
    fs::rename(&away, &root)?;
    assert_eq!(verify(&desk, record.id, &staging, false)?.seal, SealThere::Newest);
    assert_eq!(stage(&desk, record.id, &staging)?.sent_files, 0);
    Ok(())
}
