//! A library in a process and a network of its own: its downloads notice by themselves that the network is back. Needs
//! root.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use packhouse::package::download::DownloadState;
use packhouse::session::{AddDownload, DownloadsSetting, NetworkOptions, StartDownload};
use packhouse::work::Work;

use crate::desk::Outcome;
use crate::network::Network;
use crate::origin::Origin;
use crate::publisher::{BLOCK, Place, Scene, Watched, has_files, tree};

const FOLDER: &str = "PACKHOUSE_TEST_WOKEN_FOLDER";
const ADDRESS: &str = "PACKHOUSE_TEST_WOKEN_ADDRESS";
const WAITS: &str = "waits ";
const READY: &str = "ready";
/// Well before the first step of the agent's ladder, which is three minutes.
const AT_ONCE: Duration = Duration::from_secs(30);

/// The link goes down, the download waits for minutes; the link comes back, and it goes on without being told.
#[test]
fn a_link_that_comes_back_ends_the_wait() -> Outcome {
    let (network, scene) = (Network::new(2)?, Scene::new(12));
    let origin = Origin::at(&network.host, tree(&scene.package_folder, "Tool/1.0/"));
    let mut child = Command::new("ip")
        .args(["netns", "exec", &network.name])
        .arg(std::env::current_exe()?)
        .args(["woken::a_library_in_a_process_of_its_own", "--exact", "--nocapture"])
        .env(FOLDER, &scene.root)
        .env(ADDRESS, format!("{}Tool/1.0/", origin.url()))
        .stdout(Stdio::piped())
        .spawn()?;
    let mut said = BufReader::new(child.stdout.take().ok_or("it is piped")?).lines().map_while(Result::ok);
    origin.wait_until_sent(3 * BLOCK as u64);
    network.link("down")?;
    let waits = said.find_map(|line| line.strip_prefix(WAITS).map(str::to_owned)).ok_or("it never waited")?;
    assert!(waits.parse::<u64>()? > 2 * AT_ONCE.as_secs(), "it waits {waits} s");
    network.link("up")?;
    let up = Instant::now();
    assert!(said.any(|line| line == READY), "it ended without");
    assert!(up.elapsed() < AT_ONCE, "it was ready after {:?}", up.elapsed());
    assert!(child.wait()?.success());
    has_files(&scene.target(), &scene.files);
    Ok(())
}

/// The child; run by itself, it has nothing to download from and shows that what watches the network ends in order.
#[test]
fn a_library_in_a_process_of_its_own() -> Outcome {
    let (Some(folder), Ok(address)) = (std::env::var_os(FOLDER).map(PathBuf::from), std::env::var(ADDRESS))
    else {
        let scene = Scene::new(1);
        let session = scene.here.open();
        assert!(Watched::of(&session).downloads.rows().is_empty());
        session.stop_downloads();
        return Ok(());
    };
    let session = Place::new(&folder.join("here")).open();
    // Time for a first packet that is lost while the link comes up to be sent again.
    let network = NetworkOptions { stall_timeout: Duration::from_secs(5), ..NetworkOptions::default() };
    session.set_downloads(DownloadsSetting { network, ..DownloadsSetting::default() })?;
    let watched = Watched::of(&session);
    let download = AddDownload {
        address,
        folder: Some(folder.join("into")),
        connections: 1,
        limit: Some(BLOCK as u64 * 2),
        ..AddDownload::default()
    };
    let request = StartDownload { download, agent_ladder: true, goes_on: false };
    let id = session.run(request, &Work::new())?;
    let row = watched.until(id, |row| row.state == DownloadState::Retrying && row.retry_in.is_some());
    let waits = row.retry_in.ok_or("it says how long")?;
    writeln!(std::io::stdout(), "\n{WAITS}{}", waits.as_secs())?;
    watched.downloads.set_limit(id, None);
    watched.until_state(id, DownloadState::Ready);
    let live = watched.downloads.live(id).ok_or("its details stay")?;
    assert!(live.events().iter().any(|event| event.text.contains("network is back")), "{:?}", live.events());
    writeln!(std::io::stdout(), "\n{READY}")?;
    Ok(())
}
