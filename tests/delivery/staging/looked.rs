//! What is looked at before anything is sent: whether a staging library answers, and what staging would do there.

use std::fs;

use packhouse::session::{LookBeforeStaging, NewStagingLibrary, ReachStaging, TryStaging};

use super::{everywhere, files, koeln, stage};
use crate::desk::{Desk, Outcome, noise, tree};
use crate::sites::{Kind, Site};

everywhere!(a_trial_works_and_leaves_nothing, a_look_says_what_staging_will_do);

fn a_trial_works_and_leaves_nothing(kind: Kind) -> Outcome {
    let (desk, site) = (Desk::new()?, Site::open(kind));
    let trial = |write: &str, read: Option<&str>| {
        let new = NewStagingLibrary {
            write: write.to_owned(),
            read: read.map(str::to_owned),
            credentials: site.credentials.clone(),
            ..NewStagingLibrary::default()
        };
        desk.run(TryStaging { new, kept: None })
    };
    let reach = trial(&site.address, None)?;
    assert!(reach.lists);
    assert_eq!(reach.free_bytes.is_some(), kind == Kind::Folder);
    // Where agents read is another place: what was written is not found there.
    let elsewhere = desk.path("elsewhere");
    fs::create_dir_all(&elsewhere)?;
    let failure = trial(&site.address, Some(&elsewhere.display().to_string())).expect_err("another place");
    assert_eq!(failure.code, "staging-differs", "{failure}");
    // A bucket that is empty has no folder on the disk of its server.
    let root = site.object("");
    let left = if root.exists() { tree(&root) } else { Vec::new() };
    assert!(!left.iter().any(|(path, _)| path.contains("trial")), "nothing of a trial stays");
    // One that is kept is asked with what is kept of it.
    let staging = koeln(&desk, &site)?;
    assert!(desk.run(ReachStaging { staging: staging.id })?.lists);
    let new = NewStagingLibrary { write: site.address.clone(), ..NewStagingLibrary::default() };
    assert!(desk.run(TryStaging { new, kept: Some(staging.id) })?.lists);
    Ok(())
}

fn a_look_says_what_staging_will_do(kind: Kind) -> Outcome {
    let (desk, site) = (Desk::new()?, Site::open(kind));
    let record = desk.sealed("Tool 1.0", &files())?;
    let staging = koeln(&desk, &site)?;
    let look = || desk.run(LookBeforeStaging { package: record.id, staging: staging.id });
    let first = look()?;
    assert_eq!((first.send_files, first.send_bytes), (7, record.checksum.size_bytes));
    assert_eq!((first.revision, first.kept_bytes, first.is_there(1)), (None, 0, false));
    let report = stage(&desk, record.id, &staging)?;
    assert_eq!(
        (report.sent_files, report.sent_bytes),
        (first.send_files, first.send_bytes),
        "as it was said"
    );
    let there = look()?;
    assert!(there.is_there(1), "{there:?}");
    assert_eq!(there.kept_bytes, record.checksum.size_bytes);
    // One file is gone there, another has another size.
    fs::remove_file(site.object("packages/Tool/1.0/data/empty"))?;
    fs::write(site.object("packages/Tool/1.0/data/a+b=c;d.txt"), noise(3, 20))?;
    let damaged = look()?;
    assert_eq!((damaged.send_files, damaged.send_bytes), (2, 300_000));
    assert!(!damaged.is_there(1));
    assert_eq!(
        desk.run(LookBeforeStaging { package: record.id, staging: staging.id })?,
        damaged,
        "nothing changed"
    );
    Ok(())
}
