//! The bags that the BagIt conformance suite of the Library of Congress has, one by one. The cases carry the names of
//! that public suite and are built anew here: each has the fault, or the oddity, that its name tells, and nothing is
//! copied. Cases that begin with `ours/` are rules of RFC 8493 that the suite, as far as known, has no bag for.
//!
//! Three warning bags of the suite list files that git does not keep (names that differ in case or normal form only,
//! files that operating systems make). Each is built both ways: with every file it is valid, with a warning; as git
//! keeps it, it is incomplete.

mod accepted;
mod refused;

use std::path::Path;

use packhouse::library::bag_check::{BagReport, check_bag};
use packhouse::package::bag::Algorithm::{Md5, Sha256};
use packhouse::package::bag::ProblemCode as P;
use packhouse::package::bag::WarningCode as W;
use packhouse::package::bag::{ProblemCode, WarningCode};
use packhouse::work::Work;

use crate::bag_maker::Maker;

type Build = fn(&Path);

/// Name, how to build it, every problem code expected, warning codes expected beside that of weak checksums.
type Case = (&'static str, Build, &'static [ProblemCode], &'static [WarningCode]);

fn judge(folder: &Path) -> BagReport {
    check_bag(folder, &Work::new()).expect("a folder that is there can be judged")
}

fn basic(root: &Path) -> Maker {
    Maker::basic(root, "0.97", Md5)
}

fn listed(root: &Path, line: &str) {
    let bag = basic(root);
    bag.append("manifest-md5.txt", &format!("{}  {line}\n", "0".repeat(32)));
    bag.tag_manifest(Md5);
}

fn fetched(root: &Path, path: &str) {
    let bag = basic(root);
    bag.write("fetch.txt", format!("http://localhost/piece 100 {path}\n").as_bytes());
    bag.tag_manifest(Md5);
}

fn run(cases: &[Case], valid: bool, complete: Option<bool>) {
    for (name, build, problems, warnings) in cases {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        build(folder.path());
        expect(name, &judge(folder.path()), problems, warnings, valid, complete);
    }
}

fn expect(
    name: &str,
    report: &BagReport,
    problems: &[ProblemCode],
    warnings: &[WarningCode],
    valid: bool,
    complete: Option<bool>,
) {
    let mut found: Vec<ProblemCode> = report.errors.iter().map(|e| e.code).collect();
    found.sort();
    found.dedup();
    let mut wanted = problems.to_vec();
    wanted.sort();
    assert_eq!(found, wanted, "{name}: {:#?}", report.errors);
    let mut remarks: Vec<WarningCode> = report.warnings.iter().map(|w| w.code).collect();
    remarks.retain(|code| *code != W::WeakChecksum);
    remarks.sort();
    remarks.dedup();
    assert_eq!(remarks, warnings, "{name}: {:#?}", report.warnings);
    assert_eq!(report.valid, valid, "{name}");
    assert_eq!(report.payload().is_some(), valid, "{name}");
    if let Some(complete) = complete {
        assert_eq!(report.complete, complete, "{name}");
    }
    for problem in &report.errors {
        assert!(problem.message.len() > 10, "{name}: a problem says what it is");
    }
}

#[test]
fn every_valid_bag_is_accepted() {
    run(accepted::VALID, true, Some(true));
}

#[test]
fn every_warning_bag_is_accepted_with_its_warning() {
    run(accepted::WARNED, true, Some(true));
}

#[test]
fn every_incomplete_bag_is_said_to_be() {
    run(refused::INCOMPLETE, false, Some(false));
}

#[test]
fn every_invalid_bag_is_refused_with_its_reason() {
    run(refused::INVALID, false, None);
}

#[cfg(unix)]
#[test]
fn links_out_of_the_bag_are_refused_and_links_within_are_warned_of() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let outside = folder.path().join("outside");
    std::fs::write(&outside, "moin\n").expect("a file can be written");
    let bag = Maker::basic(&folder.path().join("bag"), "1.0", Sha256);
    bag.remove("data/greeting");
    // The content behind the link is right: it is refused all the same.
    symlink(&outside, bag.root.join("data/greeting")).expect("a link can be made");
    let report = judge(&bag.root);
    let codes: Vec<_> = report.errors.iter().map(|e| (e.code, e.file.as_str())).collect();
    assert!(codes.contains(&(P::Link, "data/greeting")), "{codes:?}");

    bag.remove("data/greeting");
    bag.write("kept/greeting", b"moin\n");
    symlink("../kept/greeting", bag.root.join("data/greeting")).expect("a link can be made");
    let report = judge(&bag.root);
    assert!(report.valid, "{:?}", report.errors);
    assert_eq!(report.warnings[0].code, W::Link);

    let other = folder.path().join("other");
    std::fs::create_dir(&other).expect("a folder can be made");
    symlink(&other, bag.root.join("data/more")).expect("a link can be made");
    let report = judge(&bag.root);
    assert_eq!((report.valid, report.errors[0].code), (false, P::Link));
}

#[test]
fn a_cancelled_check_says_so_and_a_missing_folder_is_no_report() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    Maker::basic(folder.path(), "1.0", Sha256);
    let work = Work::new();
    work.cancel();
    let error = check_bag(folder.path(), &work).expect_err("it was cancelled");
    assert_eq!(error.code(), "cancelled");
    let error = check_bag(&folder.path().join("gone"), &Work::new()).expect_err("it is not there");
    assert_eq!(error.code(), "bag-unreadable");
}

#[test]
fn a_valid_bag_hands_over_its_proven_payload() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let bag = Maker::basic(folder.path(), "0.97", Md5);
    let report = judge(folder.path());
    let payload = report.payload().expect("it is valid");
    let files: Vec<_> =
        payload.files.iter().map(|f| (f.path.as_str(), f.size_bytes, f.digest.to_string())).collect();
    let (a, b) = (bag.hash(Sha256, "data/greeting"), bag.hash(Sha256, "data/notes.txt"));
    assert_eq!(files, [("greeting", 5, a), ("notes.txt", 5, b)]);
    assert!(payload.folder.join("greeting").is_file());
}
