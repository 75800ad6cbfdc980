//! Staging libraries: the same tests in a folder, on nginx with WebDAV and on an S3 server.

mod downloaded;
mod guards;
mod interrupted;
mod looked;
mod program;
mod reconciled;
mod secured;
mod told;
mod whole;

use packhouse::failure::Failure;
use packhouse::package::staging::StagingLibrary;
use packhouse::package::{PackageId, PackageRecord};
use packhouse::session::{
    AddStagingLibrary, NewStagingLibrary, Stage, StageReport, StagedCheck, Verify, VerifyStaged,
};

use crate::desk::{Desk, noise, tree};
use crate::sites::Site;

/// Makes a test of each function for each kind of staging library.
macro_rules! everywhere {
    ($($name:ident),* $(,)?) => {
        mod folder { $(#[test] fn $name() -> crate::desk::Outcome { super::$name(crate::sites::Kind::Folder) })* }
        mod nginx { $(#[test] fn $name() -> crate::desk::Outcome { super::$name(crate::sites::Kind::Nginx) })* }
        mod s3 { $(#[test] fn $name() -> crate::desk::Outcome { super::$name(crate::sites::Kind::S3) })* }
    };
}
pub(crate) use everywhere;

/// The two files without which nothing is a seal.
const SEAL: [&str; 2] = ["tagmanifest-sha256.txt", "reginfo.json.minisig"];

/// Files whose names and sizes are of every sort.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("bin/large file.bin", noise(1, 9_000_000)),
        ("bin/run.sh", b"#!/bin/sh\n".to_vec()),
        ("data/100%.txt", b"percent".to_vec()),
        (".hidden/.settings", noise(4, 2000)),
        ("empty", Vec::new()),
        ("Größe & Co #1.txt", noise(2, 70_000)),
        ("a+b=c;d.txt", noise(3, 300_000)),
    ]
}

/// Adds a staging library under the name `Köln`.
fn koeln(desk: &Desk, site: &Site) -> Result<StagingLibrary, Failure> {
    desk.run(AddStagingLibrary {
        new: NewStagingLibrary {
            name: "Köln".to_owned(),
            write: site.address.clone(),
            credentials: site.credentials.clone(),
            ..NewStagingLibrary::default()
        },
    })
}

fn stage(desk: &Desk, package: PackageId, staging: &StagingLibrary) -> Result<StageReport, Failure> {
    desk.run(Stage { package, staging: staging.id, now: false })
}

fn verify(
    desk: &Desk,
    package: PackageId,
    staging: &StagingLibrary,
    deep: bool,
) -> Result<StagedCheck, Failure> {
    let mut checks = desk.run(VerifyStaged { package: Some(package), staging: staging.id, deep })?;
    assert_eq!(checks.len(), 1);
    Ok(checks.remove(0))
}

/// What lies in the staging library is the package as the library has it, but for its notes; S3 servers keep files of
/// their own beside.
#[track_caller]
fn same_there(desk: &Desk, site: &Site, record: &PackageRecord) {
    let place = format!("{}/{}", record.key.name(), record.key.version());
    let mut here = tree(&desk.package(&place));
    here.retain(|(path, _)| path != "notes.json");
    let there = tree(&site.object(&format!("packages/{place}")));
    let names = |files: &[(String, Vec<u8>)]| files.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
    assert_eq!(names(&here), names(&there));
    assert!(here == there, "the contents differ");
    assert!(looks_sealed(desk, site, record), "whoever reads it finds a sealed package");
}

/// Whether what lies in the staging library is taken for a sealed package: the judge is whoever reads it.
fn looks_sealed(desk: &Desk, site: &Site, record: &PackageRecord) -> bool {
    let path = site.object(&format!("packages/{}/{}", record.key.name(), record.key.version()));
    let judged = desk.run(Verify { path, trust: Vec::new() });
    judged.is_ok_and(|report| report.valid && report.seal == "trusted")
}

/// Whether either of the two files without which nothing is a seal lies there.
fn has_seal(site: &Site, record: &PackageRecord) -> bool {
    let folder = site.object(&format!("packages/{}/{}", record.key.name(), record.key.version()));
    SEAL.iter().any(|name| folder.join(name).exists())
}
