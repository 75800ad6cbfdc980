//! The same agent, whatever its site lies on: a folder, nginx with WebDAV, an S3 server.

use packhouse::session::Credentials;

use crate::agent::site::{Outcome, Site, done};
use crate::sites::{Kind, Site as Store};

/// The address with what one signs in with in it, as it is typed once when an agent is enrolled.
fn typed(store: &Store) -> String {
    match &store.credentials {
        Some(Credentials::Basic { user, password }) => {
            store.address.replacen("://", &format!("://{user}:{password}@"), 1)
        }
        _ => store.address.clone(),
    }
}

#[test]
fn an_agent_works_on_every_kind_of_store() -> Outcome {
    for kind in [Kind::Folder, Kind::Nginx, Kind::S3] {
        let store = Store::open(kind);
        let mut site = Site::over(Some(store.object("")));
        let package = site.package(("Tool", "1.0 β"), "echo ran >> \"$LOG\"", 5, |_| {});
        let computer = site.computer_at("pc", &typed(&store), None);
        let identity = std::fs::read_to_string(computer.folder.join("agent.json"))?;
        assert!(identity.contains(&store.address.replace('"', "")), "{kind:?}: no password in its address");
        let job = site.job_at(&package, &store.address);
        site.give(&computer, std::slice::from_ref(&job));
        let report = site.poll(&computer);
        assert_eq!(report.reports_waiting, 0, "{kind:?}");
        assert_eq!(site.end(&computer, &job), done(), "{kind:?}");
        assert_eq!(site.runs(), ["ran"], "{kind:?}");
        // What the agent has is what was sealed.
        let whole = computer.folder.join("packages/Tool/1.0 β/data/cargo.bin");
        assert!(std::fs::read(whole)? == std::fs::read(package.folder.join("data/cargo.bin"))?, "{kind:?}");
        assert!(!site.poll(&computer).has_news, "{kind:?}");
    }
    Ok(())
}
