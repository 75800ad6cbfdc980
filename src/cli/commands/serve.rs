//! `serve`: the packages over HTTP, until interrupted.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use crate::cli::arguments::ServeArguments;
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::report::{count, size};
use crate::failure::{Class, Failure};
use crate::place;
use crate::session::{self, ServeOptions, Tls};

/// How often it is looked whether Ctrl+C was pressed.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// `serve [--listen ADDR] [--folder DIR] [--tls-…]`
pub(super) fn serve(context: &Context, arguments: ServeArguments) -> Result<Exit, Failure> {
    let within = Duration::from_secs(arguments.finish_within.into());
    let folder = match &arguments.folder {
        Some(folder) => folder.clone(),
        None => packages_of(context.library_folder()?)?,
    };
    let has_agents = arguments.delivery || folder.join("delivery").join("site.json").is_file();
    let options = ServeOptions {
        tls: tls(&arguments, has_agents)?,
        delivery: has_agents,
        most_connections: arguments.connections.into(),
        ..ServeOptions::new(folder, arguments.listen)
    };
    let server = session::serve(options)?;
    let report = &context.report;
    let certificate = server.certificate();
    let mut started = json!({
        "event": "started",
        "address": server.address().to_string(),
        "url": server.url(),
        "folder": server.folder().display().to_string(),
    });
    if let (Some(certificate), Some(started)) = (certificate, started.as_object_mut()) {
        started.insert("certificate_sha256".to_owned(), json!(certificate.fingerprint));
        started.insert("certificate_pem".to_owned(), json!(certificate.pem));
        started.insert("pin".to_owned(), json!(pin(certificate)));
    }
    report.stream(&started);
    let at = shown_address(server.address(), server.url(), &place::actor("command line").host);
    report.line(format!("Serving {} at {}", server.folder().display(), at));
    if let Some(certificate) = certificate {
        report.line(format!("  Certificate SHA-256 {}", certificate.fingerprint));
        report.line(format!("  Pin for agents {}", pin(certificate)));
    }
    if arguments.listen.ip().is_unspecified() && certificate.is_none() {
        report.line("  Everybody who reaches this computer can read the packages");
    }
    report.line("  Ctrl+C ends it");
    report.flush();
    while !context.is_cancelled() {
        std::thread::park_timeout(BETWEEN_LOOKS);
    }
    report.stream(&json!({"event": "stopping", "open_connections": server.counters().open_connections}));
    let counters = server.stop(within);
    report.stream(&json!({
        "event": "stopped", "requests": counters.requests, "sent_bytes": counters.sent_bytes,
        "connections": counters.connections, "broken": counters.broken,
    }));
    let requests = count(counters.requests, "request");
    report.line(format!("Stopped after {requests}, {} sent", size(counters.sent_bytes)));
    Ok(Exit::Interrupted)
}

/// The packages of a library, which is not made for this.
fn packages_of(library: PathBuf) -> Result<PathBuf, Failure> {
    let packages = library.join("packages");
    if packages.exists() {
        return Ok(packages);
    }
    let message = format!("there is no library in {}", library.display());
    let action = "Name the library with --library DIR, or any folder with --folder DIR";
    Err(Failure::new("no-library", Class::Environment, message, action))
}

/// An address that others can use as it stands; 0.0.0.0 is none.
fn shown_address(address: SocketAddr, url: String, host: &str) -> String {
    if !address.ip().is_unspecified() {
        return url;
    }
    let scheme = url.split(':').next().unwrap_or_default();
    format!("{scheme}://{host}:{}/, and at every other address of this computer", address.port())
}

/// What an agent knows the certificate by: the first 16 bytes of its SHA-256, in hex.
fn pin(certificate: &session::Certificate) -> String {
    certificate.fingerprint.to_string()[..32].to_owned()
}

fn tls(arguments: &ServeArguments, has_agents: bool) -> Result<Option<Tls>, Failure> {
    let mut files = arguments.tls_cert.clone().zip(arguments.tls_key.clone());
    if !arguments.tls_self {
        // Jobs and reports do not cross a network in the open unless that was asked for.
        let is_needed = has_agents && !arguments.no_tls && !arguments.listen.ip().is_loopback();
        if files.is_some() || !is_needed {
            return Ok(files.map(|(certificate, key)| Tls::Files { certificate, key }));
        }
        let kept = place::certificates()?;
        fs::create_dir_all(&kept).map_err(|error| {
            let action = "Name files for the certificate with --tls-self --tls-cert FILE --tls-key FILE";
            let message = format!("{} cannot be made", kept.display());
            Failure::new("certificate", Class::Environment, message, action).because(error.to_string())
        })?;
        files = Some((kept.join("certificate.pem"), kept.join("key.pem")));
    }
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    // A name that no certificate can hold is left out; one that was asked for by --tls-name is an error.
    names.extend(Some(place::actor("command line").host).filter(|host| host.is_ascii()));
    if let Some(ip) = Some(arguments.listen.ip()).filter(|ip: &IpAddr| !ip.is_unspecified()) {
        names.push(ip.to_string());
    }
    names.extend(arguments.tls_name.iter().cloned());
    names.sort();
    names.dedup();
    names.retain(|name| !name.is_empty());
    Ok(Some(Tls::SelfMade { names, kept: files }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_told_by_one_that_can_be_used() {
        let shown = |address: &str, url: &str| {
            let address = address.parse().expect("an address");
            shown_address(address, url.to_owned(), "depot")
        };
        assert_eq!(shown("10.0.0.7:80", "http://10.0.0.7/"), "http://10.0.0.7/");
        for all in ["0.0.0.0:8443", "[::]:8443"] {
            let told = shown(all, &format!("https://{all}/"));
            assert_eq!(told, "https://depot:8443/, and at every other address of this computer");
        }
    }
}
