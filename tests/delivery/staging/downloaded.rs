//! What is staged is downloaded, and packages are repaired from there.

use std::fs;

use super::program::run;
use super::{everywhere, files, koeln, stage};
use crate::desk::{Desk, Outcome, noise, tree};
use crate::sites::{Kind, Site};

everywhere!(a_staged_package_is_downloaded_and_repaired_from);

fn a_staged_package_is_downloaded_and_repaired_from(kind: Kind) -> Outcome {
    let (desk, site) = (Desk::new()?, Site::open(kind));
    let record = desk.sealed("Tool 1.0", &files())?;
    let staging = koeln(&desk, &site)?;
    stage(&desk, record.id, &staging)?;
    let address = site.address_of("packages/Tool/1.0");
    let mut download = vec!["download", &address, "--into", "copy", "--once"];
    if kind == Kind::S3 {
        // Nobody gets in without the keys.
        run(&desk, &download).ends(4);
        download.extend(["--user", "AKANNA"]);
    }
    run(&desk, &download).ends(0);
    let mut here = tree(&desk.package("Tool/1.0"));
    here.retain(|(path, _)| path != "notes.json");
    assert!(here == tree(&desk.path("copy")), "the contents differ");
    let large = desk.package("Tool/1.0/data/bin/large file.bin");
    let mut content = fs::read(&large)?;
    content[700_000..900_000].copy_from_slice(&noise(99, 200_000));
    fs::write(&large, content)?;
    run(&desk, &["check", "Tool", "--deep"]).ends(1);
    let from = match kind {
        Kind::S3 => site.address.replacen("s3://", "s3://AKANNA:s3cretkey@", 1),
        Kind::Folder | Kind::Nginx => site.address.clone(),
    };
    let repaired = run(&desk, &["repair", "Tool", "--from", &from]).ends(0);
    assert!(!repaired.out.contains("s3cretkey") && !repaired.err.contains("s3cretkey"));
    run(&desk, &["check", "Tool", "--deep"]).ends(0);
    Ok(())
}
