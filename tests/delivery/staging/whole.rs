//! A package that is staged whole, staged again, changed, damaged, unstaged.

use std::fs;

use packhouse::package::staging::StagedFinding;
use packhouse::package::{CheckKind, Finding};
use packhouse::session::{Accept, AcceptRequest, Check, ListStagedCopies, PutProof, SealThere, Unstage};

use super::{everywhere, files, has_seal, koeln, same_there, stage, verify};
use crate::desk::{Desk, Outcome, noise};
use crate::sites::{Kind, Site};

everywhere!(
    a_package_lies_there_as_it_was_sealed_and_nothing_is_sent_twice,
    only_what_changed_is_sent_and_what_is_gone_is_removed,
    damage_is_found_and_only_it_is_sent_again,
    what_strangers_put_there_is_named_and_left,
    unstaging_removes_one_package_and_no_other,
);

fn a_package_lies_there_as_it_was_sealed_and_nothing_is_sent_twice(kind: Kind) -> Outcome {
    let (desk, site) = (Desk::new()?, Site::open(kind));
    let record = desk.sealed("Tool 1.0", &files())?;
    let staging = koeln(&desk, &site)?;
    let report = stage(&desk, record.id, &staging)?;
    assert_eq!((report.sent_files, report.sent_bytes), (7, record.checksum.size_bytes));
    assert_eq!((report.copy.finding, report.copy.revision), (StagedFinding::Whole, 1));
    let proof = match kind {
        Kind::Folder => PutProof::ReadBack,
        Kind::Nginx => PutProof::Listing,
        Kind::S3 => PutProof::Checksum,
    };
    assert_eq!(report.proof, proof);
    same_there(&desk, &site, &record);
    #[cfg(unix)]
    if kind == Kind::Folder {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &str| {
            let path = site.object("packages/Tool/1.0/data").join(path);
            fs::metadata(path).map(|facts| facts.permissions().mode() & 0o777)
        };
        assert_eq!((mode("bin/run.sh")?, mode("empty")?), (0o755, 0o644));
    }
    for deep in [false, true] {
        let check = verify(&desk, record.id, &staging, deep)?;
        assert!(check.is_good(), "{check:?}");
        assert_eq!(check.report.kind, if deep { CheckKind::Deep } else { CheckKind::Quick });
        assert_eq!(check.copy.read_at.is_some(), deep || kind == Kind::Folder);
    }
    let before = site.sent_bytes();
    let again = stage(&desk, record.id, &staging)?;
    assert_eq!((again.sent_files, again.kept_bytes), (0, record.checksum.size_bytes));
    // Questions, and no content: no file of the package is so small.
    assert!(site.sent_bytes() - before < 70_000, "{} bytes", site.sent_bytes() - before);
    same_there(&desk, &site, &record);
    let rows = desk.run(ListStagedCopies { package: Some(record.id) })?;
    assert_eq!((rows.len(), rows[0].name.as_str(), rows[0].is_outdated()), (1, "Köln", false));
    Ok(())
}

/// Changes a sealed package behind the library's back and accepts it: one file other, one gone, one new.
fn accepted_anew(desk: &Desk, package: packhouse::package::PackageId) -> Outcome {
    let data = desk.package("Tool/1.0/data");
    fs::write(data.join("a+b=c;d.txt"), noise(30, 300_001))?;
    fs::write(data.join("new.bin"), noise(31, 1000))?;
    fs::remove_file(data.join("data/100%.txt"))?;
    let report = desk.run(Check { package, kind: CheckKind::Quick })?;
    let request = AcceptRequest {
        reason: "the maker sent a fix".to_owned(),
        expect: Some(report.state_digest()),
        key: None,
    };
    desk.run(Accept { package, request })?;
    Ok(())
}

fn only_what_changed_is_sent_and_what_is_gone_is_removed(kind: Kind) -> Outcome {
    let (desk, site) = (Desk::new()?, Site::open(kind));
    let record = desk.sealed("Tool 1.0", &files())?;
    let staging = koeln(&desk, &site)?;
    stage(&desk, record.id, &staging)?;
    accepted_anew(&desk, record.id)?;
    let rows = desk.run(ListStagedCopies { package: Some(record.id) })?;
    assert_eq!((rows[0].copy.revision, rows[0].newest, rows[0].is_outdated()), (1, Some(2), true));
    let outdated = verify(&desk, record.id, &staging, false)?;
    assert_eq!(outdated.seal, SealThere::Outdated { revision: 1 });
    assert!(outdated.report.is_consistent() && !outdated.is_good(), "whole, but of yesterday");
    let before = site.sent_bytes();
    let report = stage(&desk, record.id, &staging)?;
    assert_eq!((report.sent_files, report.sent_bytes, report.removed), (2, 301_001, 1));
    assert_eq!((report.copy.revision, report.copy.finding), (2, StagedFinding::Whole));
    if kind != Kind::Folder {
        let sent = site.sent_bytes() - before;
        assert!((301_001..600_000).contains(&sent), "{sent} bytes on the line");
    }
    same_there(&desk, &site, &record);
    assert!(verify(&desk, record.id, &staging, true)?.is_good());
    Ok(())
}

fn damage_is_found_and_only_it_is_sent_again(kind: Kind) -> Outcome {
    let (desk, site) = (Desk::new()?, Site::open(kind));
    let record = desk.sealed("Tool 1.0", &files())?;
    let staging = koeln(&desk, &site)?;
    stage(&desk, record.id, &staging)?;
    let large = site.object("packages/Tool/1.0/data/bin/large file.bin");
    let mut content = fs::read(&large)?;
    content[3 * 256 * 1024 + 5] ^= 1;
    fs::write(&large, &content)?;
    fs::remove_file(site.object("packages/Tool/1.0/data/empty"))?;
    // By names and sizes only what is gone is seen.
    let quick = verify(&desk, record.id, &staging, false)?;
    assert_eq!((quick.report.finding, quick.seal.clone()), (Finding::Differs, SealThere::Newest));
    assert_eq!(quick.report.differences.paths().collect::<Vec<_>>(), ["empty"]);
    let deep = verify(&desk, record.id, &staging, true)?;
    let damaged = &deep.report.differences.damaged;
    assert_eq!((damaged.len(), damaged[0].path.as_str()), (1, "bin/large file.bin"));
    assert_eq!(damaged[0].blocks, [3]);
    assert_eq!(deep.copy.finding, StagedFinding::Differs);
    let report = stage(&desk, record.id, &staging)?;
    assert_eq!((report.sent_files, report.sent_bytes), (2, 9_000_000));
    same_there(&desk, &site, &record);
    assert!(verify(&desk, record.id, &staging, true)?.is_good());
    // A seal that was tampered with is none.
    let reginfo = site.object("packages/Tool/1.0/reginfo.json");
    let text = fs::read_to_string(&reginfo)?;
    fs::write(&reginfo, text.replacen("\"revision\": 1", "\"revision\": 7", 1))?;
    let forged = verify(&desk, record.id, &staging, false)?;
    assert!(matches!(forged.seal, SealThere::Untrusted { .. }), "{:?}", forged.seal);
    assert!(!forged.is_good());
    stage(&desk, record.id, &staging)?;
    assert!(verify(&desk, record.id, &staging, true)?.is_good());
    Ok(())
}

fn what_strangers_put_there_is_named_and_left(kind: Kind) -> Outcome {
    let (desk, site) = (Desk::new()?, Site::open(kind));
    let record = desk.sealed("Tool 1.0", &files())?;
    let staging = koeln(&desk, &site)?;
    let data = site.object("packages/Tool/1.0/data/bin");
    fs::create_dir_all(&data)?;
    fs::write(data.join("stranger.txt"), "mine")?;
    let report = stage(&desk, record.id, &staging)?;
    assert_eq!(report.strangers, ["data/bin/stranger.txt"]);
    assert_eq!(report.copy.finding, StagedFinding::Differs);
    assert_eq!(fs::read_to_string(data.join("stranger.txt"))?, "mine");
    let check = verify(&desk, record.id, &staging, false)?;
    assert_eq!(check.report.differences.added.len(), 1, "{check:?}");
    fs::remove_file(data.join("stranger.txt"))?;
    assert!(verify(&desk, record.id, &staging, false)?.is_good());
    Ok(())
}

fn unstaging_removes_one_package_and_no_other(kind: Kind) -> Outcome {
    let (desk, site) = (Desk::new()?, Site::open(kind));
    let one = desk.sealed("Tool 1.0", &files())?;
    let other = desk.sealed("Tool 2.0", &[("a/b", noise(5, 1000))])?;
    let staging = koeln(&desk, &site)?;
    stage(&desk, one.id, &staging)?;
    stage(&desk, other.id, &staging)?;
    let report = desk.run(Unstage { package: one.id, staging: staging.id })?;
    assert!(report.was_there);
    assert!(!has_seal(&site, &one));
    let left = site.object("packages/Tool/1.0/data/bin/run.sh");
    assert!(!left.exists());
    same_there(&desk, &site, &other);
    let refused = desk.run(Unstage { package: one.id, staging: staging.id }).expect_err("it is gone");
    assert_eq!(refused.code, "not-staged");
    let rows = desk.run(ListStagedCopies { package: None })?;
    assert_eq!(rows.iter().map(|row| row.copy.package).collect::<Vec<_>>(), [other.id]);
    Ok(())
}
