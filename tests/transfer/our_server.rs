//! Our own server as the codebase: stopped and started again, over TLS with a certificate of its owner's.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use packhouse::session::{self, ServeOptions, Server, Tls};
use packhouse::transfer::{
    CodebaseAddress, DownloadState, NetworkOptions, RetryReason, TransferError, fetch_document,
};

use crate::desk::{
    BLOCK, LONG, Outcome, complete, noise, options, plan_of, same, sample, start, total, until,
};

type Files = Vec<(String, Vec<u8>)>;

fn put(folder: &Path, files: &Files) -> Outcome {
    for (path, content) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().ok_or("below the folder")?)?;
        std::fs::write(path, content)?;
    }
    Ok(())
}

fn serve(folder: &Path, address: &str, tls: Option<Tls>) -> Result<Server, Box<dyn std::error::Error>> {
    let address: SocketAddr = address.parse()?;
    Ok(session::serve(ServeOptions { tls, ..ServeOptions::new(folder, address) })?)
}

#[test]
fn a_server_that_is_started_again_goes_on_where_it_was() -> Outcome {
    let files =
        vec![("data/a".to_owned(), noise(1, 400 * BLOCK as usize)), ("b".to_owned(), noise(2, 70_000))];
    let (dir, served) = (tempfile::tempdir()?, tempfile::tempdir()?);
    put(served.path(), &files)?;
    let mut server = serve(served.path(), "127.0.0.1:0", None)?;
    let mut slow = options(dir.path(), vec![CodebaseAddress::parse(&server.url())?]);
    slow.limit_bytes_per_second = Some(12 << 20);
    let transfer = start(plan_of(&files), slow);
    let mut received = 0;
    for quarter in 1..=2 {
        let (status, some) = transfer.wait(LONG, |s| s.fetched_bytes > total(&files) / 4 * quarter);
        assert!(some, "{status:?}");
        let address = server.address().to_string();
        server.stop(Duration::ZERO);
        until(&transfer, DownloadState::Retrying);
        // Everything has another time of change: the ETags are new, the blocks are not.
        put(served.path(), &files)?;
        server = serve(served.path(), &address, None)?;
        transfer.retry_now();
        let (status, goes_on) = transfer.wait(LONG, |s| s.state == DownloadState::Downloading);
        assert!(goes_on, "{status:?}");
        received = status.received_bytes.max(received);
    }
    transfer.set_limit(None);
    let status = until(&transfer, DownloadState::Ready);
    same(dir.path(), &files);
    // Twice four connections were cut, each in the middle of a block at most.
    let lost = status.received_bytes - total(&files);
    assert!(lost <= 2 * 4 * BLOCK, "{lost} bytes came twice");
    assert_eq!(status.fetched_bytes, total(&files));
    Ok(())
}

#[test]
fn a_certificate_is_trusted_where_it_was_given_and_nowhere_else() -> Outcome {
    let (files, dir, served) = (sample(3), tempfile::tempdir()?, tempfile::tempdir()?);
    put(served.path(), &files)?;
    let tls = || Some(Tls::SelfMade { names: vec!["127.0.0.1".to_owned()], kept: None });
    let server = serve(served.path(), "127.0.0.1:0", tls())?;
    let pem = server.certificate().ok_or("it speaks TLS")?.pem.clone();
    let trusting = NetworkOptions { extra_roots: vec![pem.into()], ..NetworkOptions::default() };
    let codebase = || CodebaseAddress::parse(&server.url());
    // Nobody vouches for it.
    let transfer = start(plan_of(&files), options(dir.path(), vec![codebase()?]));
    let status = until(&transfer, DownloadState::Retrying);
    let Some(RetryReason::Codebases(said)) = status.retry_reason else { panic!("{status:?}") };
    assert!(said[0].to_lowercase().contains("certificate"), "{said:?}");
    assert_eq!(status.received_bytes, 0);
    drop(transfer);
    let refused =
        fetch_document(&format!("{}data/empty", server.url()), None, &NetworkOptions::default(), 10);
    assert!(refused.is_err_and(|error| error.to_string().to_lowercase().contains("certificate")));
    // Given as one that is trusted.
    let mut told = options(dir.path(), vec![codebase()?]);
    told.network = trusting.clone();
    let status = complete(&files, told);
    assert_eq!(status.fetched_bytes, total(&files));
    // Another certificate for the same name is not the one that was given.
    let other = serve(served.path(), "127.0.0.1:0", tls())?;
    let refused = fetch_document(&format!("{}data/empty", other.url()), None, &trusting, 10);
    assert!(refused.is_err_and(|error| error.to_string().to_lowercase().contains("certificate")));
    // What is no certificate is said at once.
    let nonsense = NetworkOptions { extra_roots: vec![b"nonsense".to_vec()], ..NetworkOptions::default() };
    let mut wrong = options(dir.path(), vec![codebase()?]);
    wrong.network = nonsense;
    let refused =
        packhouse::transfer::Transfer::start(plan_of(&files), wrong, std::sync::Arc::new(|| ())).err();
    assert!(matches!(refused, Some(TransferError::Setup(_))), "{refused:?}");
    Ok(())
}
