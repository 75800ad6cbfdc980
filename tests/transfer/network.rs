//! A network of its own for the downloading process, with packets that get lost and a link that goes down. Needs root.

use std::error::Error;
use std::process::Command;

use crate::child::{Download, READY, RETRYING, cargo};
use crate::desk::{BLOCK, Outcome, same, total};
use crate::mounted::run;
use crate::origin::Origin;

/// A network namespace and a pair of interfaces that lead to it.
pub(crate) struct Network {
    pub(crate) name: String,
    /// The end on this side.
    link: String,
    /// The address on this side.
    pub(crate) host: String,
}

impl Network {
    pub(crate) fn new(nth: u32) -> Result<Self, Box<dyn Error>> {
        let id = std::process::id();
        let (name, link) = (format!("packhouse-{id}-{nth}"), format!("ph{id}h{nth}"));
        let inner = format!("ph{id}n{nth}");
        // Two networks of one run, and those of several runs beside each other, have addresses of their own.
        let (third, fourth) = (id % 250, nth * 4);
        let (host, guest) =
            (format!("10.213.{third}.{}", fourth + 1), format!("10.213.{third}.{}", fourth + 2));
        let network = Self { name, link, host };
        let ip = |words: &str| run(Command::new("ip").args(words.split(' ')));
        ip(&format!("netns add {}", network.name))?;
        ip(&format!("link add {} type veth peer name {inner} netns {}", network.link, network.name))?;
        ip(&format!("addr add {}/30 dev {}", network.host, network.link))?;
        ip(&format!("link set {} up", network.link))?;
        ip(&format!("-n {} addr add {guest}/30 dev {inner}", network.name))?;
        ip(&format!("-n {} link set {inner} up", network.name))?;
        Ok(network)
    }

    /// Drops so many of a hundred packets, both those that come and those that go.
    fn lose(&self, percent: u32) -> Outcome {
        let rules = format!(
            "table ip loss {{\n\
             chain in {{ type filter hook input priority 0; numgen random mod 100 < {percent} drop; }}\n\
             chain out {{ type filter hook output priority 0; numgen random mod 100 < {percent} drop; }}\n}}\n"
        );
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), rules)?;
        run(Command::new("ip").args(["netns", "exec", &self.name, "nft", "-f"]).arg(file.path()))
    }

    pub(crate) fn link(&self, way: &str) -> Outcome {
        run(Command::new("ip").args(["link", "set", &self.link, way]))
    }

    fn words(&self) -> [&str; 4] {
        ["ip", "netns", "exec", &self.name]
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // The pair of interfaces goes with it.
        Command::new("ip").args(["netns", "del", &self.name]).status().ok();
    }
}

fn origin_on(network: &Network, files: &[(String, Vec<u8>)]) -> Origin {
    let escape = |path: &str| packhouse::package::snapshot::escape_url_path(path);
    Origin::at(&network.host, files.iter().map(|(path, content)| (escape(path), content.clone())))
}

#[test]
fn packets_that_get_lost_cost_time_only() -> Outcome {
    let (network, files, dir) = (Network::new(0)?, cargo(70), tempfile::tempdir()?);
    network.lose(5)?;
    let origin = origin_on(&network, &files);
    let mut download = Download::start(&network.words(), dir.path(), &origin.url(), 70, 0)?;
    assert!(download.says(READY));
    same(dir.path(), &files);
    assert_eq!(download.received()?, total(&files));
    Ok(())
}

/// The link goes down in the middle until the download says that it cannot go on, and comes back.
#[test]
fn a_link_that_was_down_costs_what_was_in_flight() -> Outcome {
    let (network, files, dir) = (Network::new(1)?, cargo(80), tempfile::tempdir()?);
    let origin = origin_on(&network, &files);
    let mut download = Download::start(&network.words(), dir.path(), &origin.url(), 80, 2 << 20)?;
    origin.wait_until_sent(total(&files) / 3);
    network.link("down")?;
    assert!(download.says(RETRYING));
    network.link("up")?;
    assert!(download.says(READY));
    same(dir.path(), &files);
    // At most one block for each of four connections comes twice; each of them may have been cut twice, by the link and by
    // a first try that came too early.
    let received = download.received()?;
    assert!(received <= total(&files) + 8 * BLOCK, "{received} bytes arrived for {}", total(&files));
    Ok(())
}
