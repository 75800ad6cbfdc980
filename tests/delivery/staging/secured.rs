//! Staging libraries on servers that speak TLS with a certificate that nobody signed but they: used once it is trusted, and
//! before that refused by name.

use packhouse::failure::Class;
use packhouse::session::{NetworkSetting, SetNetwork, Unstage};

use super::{files, has_seal, koeln, same_there, stage, verify};
use crate::desk::{Desk, Outcome, noise};
use crate::sites::{Kind, Site};

fn trusted_once_it_is_said_so(kind: Kind) -> Outcome {
    let (desk, site) = (Desk::new()?, Site::secured(kind));
    let record = desk.sealed("Tool 1.0", &files())?;
    let staging = koeln(&desk, &site)?;
    assert!(site.address.contains("https://"), "{}", site.address);
    let failure = stage(&desk, record.id, &staging).expect_err("nobody trusts it");
    assert_eq!((failure.code, failure.class), ("staging-not-trusted", Class::Refused), "{failure}");
    assert!(!failure.temporary, "waiting helps nobody");
    assert!(failure.message.contains("it was signed by nobody who is trusted here"), "{failure}");
    assert!(failure.action.contains("Settings > Network"), "{failure}");
    assert!(!site.object("packages").exists(), "nothing was sent");
    // Another one that signed itself, as a thief would have.
    let other = Site::secured(Kind::Nginx);
    let trust = |site: &Site| {
        let certificates = site.certificate.as_ref().expect("it has one").display().to_string();
        let setting = NetworkSetting { certificates, ..NetworkSetting::default() };
        desk.run(SetNetwork { setting, keeps_password: false })
    };
    trust(&other)?;
    let failure = stage(&desk, record.id, &staging).expect_err("it is another one");
    assert_eq!(failure.code, "staging-not-trusted", "{failure}");
    trust(&site)?;
    let report = stage(&desk, record.id, &staging)?;
    assert_eq!((report.sent_files, report.sent_bytes), (7, record.checksum.size_bytes));
    same_there(&desk, &site, &record);
    assert!(verify(&desk, record.id, &staging, true)?.is_good());
    let again = stage(&desk, record.id, &staging)?;
    assert_eq!(again.sent_files, 0);
    // Larger than one part.
    let large = desk.sealed("Large 1.0", &[("large.bin", noise(77, 20_000_000))])?;
    stage(&desk, large.id, &staging)?;
    same_there(&desk, &site, &large);
    desk.run(Unstage { package: record.id, staging: staging.id })?;
    assert!(!has_seal(&site, &record));
    Ok(())
}

#[test]
fn nginx_with_tls() -> Outcome {
    trusted_once_it_is_said_so(Kind::Nginx)
}

#[test]
fn s3_with_tls() -> Outcome {
    trusted_once_it_is_said_so(Kind::S3)
}
