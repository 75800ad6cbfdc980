//! TLS: with a certificate made here, kept, or of the owner's own; trusted by curl because it was told to.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use packhouse::session::{self, Server, Tls};

use crate::http::curl;
use crate::{Outcome, content, options, put};

fn serve(folder: &Path, tls: Tls) -> Result<Server, Box<dyn std::error::Error>> {
    Ok(session::serve(session::ServeOptions { tls: Some(tls), ..options(folder)? })?)
}

#[test]
fn curl_downloads_with_the_certificate_and_refuses_without() -> Outcome {
    let place = tempfile::tempdir()?;
    let bytes = content(3_000_000);
    put(&place.path().join("served"), &[("x", &bytes)])?;
    let served = place.path().join("served");
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let (certificate, key) = (place.path().join("certificate.pem"), place.path().join("key.pem"));
    let kept = Some((certificate.clone(), key.clone()));
    let fetch = |server: &Server, trusted: &Path| {
        let url = format!("{}x", server.url());
        curl().arg("--fail").arg("--cacert").arg(trusted).arg(url).output()
    };
    let first = serve(&served, Tls::SelfMade { names: names.clone(), kept: kept.clone() })?;
    assert!(first.url().starts_with("https://"), "{}", first.url());
    assert!(fetch(&first, &certificate)?.stdout == bytes);
    assert_eq!(fs::metadata(&key)?.permissions().mode() & 0o777, 0o600);
    let fingerprint = |server: &Server| server.certificate().map(|certificate| certificate.fingerprint);
    // Kept: the next start has the same, and so has one that is given the files.
    let again = serve(&served, Tls::SelfMade { names: names.clone(), kept })?;
    let files = serve(&served, Tls::Files { certificate: certificate.clone(), key: key.clone() })?;
    assert_eq!(fingerprint(&first), fingerprint(&again));
    assert_eq!(fingerprint(&first), fingerprint(&files));
    assert!(fetch(&files, &certificate)?.stdout == bytes);
    // Made for this run only: another one, which nobody trusts who was not told.
    let passing = serve(&served, Tls::SelfMade { names, kept: None })?;
    assert_ne!(fingerprint(&first), fingerprint(&passing));
    assert!(!fetch(&passing, &certificate)?.status.success());
    let told = place.path().join("told.pem");
    fs::write(&told, &passing.certificate().ok_or("it speaks TLS")?.pem)?;
    assert!(fetch(&passing, &told)?.stdout == bytes);
    // Plain HTTP is not understood there, and harms nobody.
    let plain = curl().arg(format!("http://{}/x", passing.address())).output()?;
    assert!(!plain.status.success());
    assert!(fetch(&passing, &told)?.stdout == bytes);
    Ok(())
}

#[test]
fn files_that_are_no_certificate_are_explained() -> Outcome {
    let place = tempfile::tempdir()?;
    put(place.path(), &[("served/x", b"x"), ("nonsense", b"nonsense")])?;
    let served = place.path().join("served");
    let path = |name: &str| place.path().join(name);
    let names = vec!["localhost".to_owned()];
    for (one, other) in [("a", "a key"), ("b", "b key")] {
        serve(&served, Tls::SelfMade { names: names.clone(), kept: Some((path(one), path(other))) })?;
    }
    for (certificate, key) in [
        ("none", "a key"),
        ("a", "none"),
        ("nonsense", "a key"),
        ("a", "nonsense"),
        ("a", "b key"),
        ("a key", "a"),
    ] {
        let tls = Tls::Files { certificate: path(certificate), key: path(key) };
        let refused = session::serve(session::ServeOptions { tls: Some(tls), ..options(&served)? });
        let failure = refused.err().ok_or_else(|| format!("{certificate} and {key} were taken"))?;
        assert_eq!(failure.code, "certificate", "{failure}");
        assert!(!failure.reason.is_empty() && !failure.action.is_empty(), "{certificate}, {key}: {failure}");
    }
    Ok(())
}
