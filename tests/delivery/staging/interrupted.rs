//! Staging that is stopped: cancelled, cut off, killed. What is there is never taken for a package, and never sent twice.

use std::fs;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use packhouse::failure::Class;
use packhouse::package::PackageId;
use packhouse::package::staging::{StagedFinding, StagingLibrary};
use packhouse::session::{ListStagedCopies, SealThere, Stage, StageReport};
use packhouse::work::Work;

use super::{everywhere, has_seal, koeln, looks_sealed, same_there, stage, verify};
use crate::desk::{Desk, Outcome, noise};
use crate::sites::{Kind, Site};

everywhere!(
    cancelled_staging_goes_on_with_the_rest,
    cancelled_staging_of_a_revision_leaves_no_old_seal_on_new_files,
    a_source_that_is_not_what_was_sealed_never_gets_a_seal,
);

/// Files that take a while: forty of 200 kB.
fn many() -> Vec<(String, Vec<u8>)> {
    (0..40).map(|at| (format!("files/{at:02}.bin"), noise(100 + at, 200_000))).collect()
}

fn borrowed(files: &[(String, Vec<u8>)]) -> Vec<(&str, Vec<u8>)> {
    files.iter().map(|(path, content)| (path.as_str(), content.clone())).collect()
}

/// Stages, and cancels it once so many bytes went out; what was told.
fn stage_until(
    desk: &Desk,
    package: PackageId,
    staging: &StagingLibrary,
    bytes: u64,
) -> Result<StageReport, packhouse::failure::Failure> {
    let work = Work::new();
    // Slow enough to be stopped in the middle.
    work.set_rate(Some(8_000_000));
    let watched = work.clone();
    let (ended, end) = mpsc::channel();
    let session = desk.session.clone();
    let request = Stage { package, staging: staging.id, now: false };
    let worker = std::thread::spawn(move || {
        let result = session.run(request, &work);
        let _ = ended.send(());
        result
    });
    loop {
        let progress = watched.progress();
        if progress.phase == "Staging" && progress.done_bytes >= bytes {
            watched.cancel();
        }
        match end.recv_timeout(Duration::from_millis(2)) {
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            _ => break,
        }
    }
    worker.join().expect("no panic")
}

fn cancelled_staging_goes_on_with_the_rest(kind: Kind) -> Outcome {
    let (desk, site) = (Desk::new()?, Site::open(kind));
    let files = many();
    let record = desk.sealed("Tool 1.0", &borrowed(&files))?;
    let staging = koeln(&desk, &site)?;
    let failure = stage_until(&desk, record.id, &staging, 3_000_000).expect_err("it was cancelled");
    assert_eq!(failure.class, Class::Cancelled, "{failure}");
    assert!(!has_seal(&site, &record) && !looks_sealed(&desk, &site, &record));
    let rows = desk.run(ListStagedCopies { package: Some(record.id) })?;
    assert_eq!(rows[0].copy.finding, StagedFinding::Incomplete);
    assert_eq!(verify(&desk, record.id, &staging, false)?.seal, SealThere::Missing);
    let there: Vec<_> = files
        .iter()
        .filter(|(path, content)| {
            let object = site.object("packages/Tool/1.0/data").join(path);
            fs::metadata(object).is_ok_and(|facts| facts.len() == content.len() as u64)
        })
        .collect();
    assert!((5..40).contains(&there.len()), "{} of 40 files are there", there.len());
    let stamp = |path: &str| {
        let facts = fs::metadata(site.object("packages/Tool/1.0/data").join(path));
        facts.and_then(|facts| facts.modified()).expect("it is there")
    };
    let before: Vec<_> = there.iter().map(|(path, _)| stamp(path)).collect();
    let sent_before = site.sent_bytes();
    let missing = 40 - there.len() as u64;
    let report = stage(&desk, record.id, &staging)?;
    assert_eq!((report.sent_files, report.sent_bytes), (missing, missing * 200_000));
    let after: Vec<_> = there.iter().map(|(path, _)| stamp(path)).collect();
    assert_eq!(before, after, "what was there was not written again");
    if kind != Kind::Folder {
        let sent = site.sent_bytes() - sent_before;
        assert!(sent < missing * 200_000 + 150_000, "{sent} bytes for {missing} files");
    }
    same_there(&desk, &site, &record);
    let unfinished = fs::read_dir(site.object("packages/Tool/1.0/data/files"))?.filter(|entry| {
        entry.as_ref().is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("packhouse-"))
    });
    assert_eq!(unfinished.count(), 0);
    Ok(())
}

fn cancelled_staging_of_a_revision_leaves_no_old_seal_on_new_files(kind: Kind) -> Outcome {
    let (desk, site) = (Desk::new()?, Site::open(kind));
    let record = desk.sealed("Tool 1.0", &borrowed(&many()))?;
    let staging = koeln(&desk, &site)?;
    stage(&desk, record.id, &staging)?;
    for at in 0..30 {
        // Other content of the same size: only hashes tell.
        fs::write(
            desk.package("Tool/1.0/data").join(format!("files/{at:02}.bin")),
            noise(500 + at, 200_000),
        )?;
    }
    fs::write(desk.package("Tool/1.0/data/extra"), "1")?;
    let report = desk
        .run(packhouse::session::Check { package: record.id, kind: packhouse::package::CheckKind::Deep })?;
    let request = packhouse::session::AcceptRequest {
        reason: "a fix".to_owned(),
        expect: Some(report.state_digest()),
        key: None,
    };
    let (record, _) = desk.run(packhouse::session::Accept { package: record.id, request })?;
    stage_until(&desk, record.id, &staging, 2_000_000).expect_err("it was cancelled");
    assert!(!has_seal(&site, &record));
    assert!(!verify(&desk, record.id, &staging, true)?.is_good());
    let report = stage(&desk, record.id, &staging)?;
    assert!(report.sent_files < 31, "{} files", report.sent_files);
    same_there(&desk, &site, &record);
    assert!(verify(&desk, record.id, &staging, true)?.is_good());
    Ok(())
}

fn a_source_that_is_not_what_was_sealed_never_gets_a_seal(kind: Kind) -> Outcome {
    let (desk, site) = (Desk::new()?, Site::open(kind));
    let record = desk.sealed("Tool 1.0", &[("a", noise(1, 300_000)), ("b", noise(2, 50))])?;
    let staging = koeln(&desk, &site)?;
    // Same size, other content: names and sizes agree, so it is handed out.
    fs::write(desk.package("Tool/1.0/data/a"), noise(9, 300_000))?;
    let failure = stage(&desk, record.id, &staging).expect_err("it is not what was sealed");
    assert_eq!((failure.code, failure.class), ("staging-differs", Class::No), "{failure}");
    assert!(!has_seal(&site, &record));
    assert!(!site.object("packages/Tool/1.0/data/a").exists(), "nothing wrong lies there under its name");
    fs::write(desk.package("Tool/1.0/data/a"), noise(1, 300_000))?;
    stage(&desk, record.id, &staging)?;
    same_there(&desk, &site, &record);
    Ok(())
}

/// The line breaks in the middle of a file, again and again; each try sends what is missing.
fn a_line_that_breaks(kind: Kind) -> Outcome {
    let (desk, site) = (Desk::new()?, Site::open(kind));
    let record = desk.sealed("Tool 1.0", &borrowed(&many()))?;
    let staging = koeln(&desk, &site)?;
    let line = site.line.as_ref().ok_or("a line")?;
    line.cut_after(Some(2_500_000));
    let began = Instant::now();
    let failure = stage(&desk, record.id, &staging).expect_err("the line is dead");
    assert_eq!((failure.class, failure.temporary), (Class::Environment, true), "{failure}");
    assert!(began.elapsed() < Duration::from_secs(60));
    assert!(!has_seal(&site, &record));
    line.cut_after(None);
    let before = site.sent_bytes();
    let report = stage(&desk, record.id, &staging)?;
    assert!(report.sent_bytes < 8_000_000 - 1_500_000, "{} bytes sent again", report.sent_bytes);
    assert!(site.sent_bytes() - before < report.sent_bytes + 200_000);
    same_there(&desk, &site, &record);
    Ok(())
}

#[test]
fn nginx_behind_a_line_that_breaks() -> Outcome {
    a_line_that_breaks(Kind::Nginx)
}

#[test]
fn s3_behind_a_line_that_breaks() -> Outcome {
    a_line_that_breaks(Kind::S3)
}
