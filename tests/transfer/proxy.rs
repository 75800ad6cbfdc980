//! A proxy and certificates that were chosen for a library: used at once, kept over a restart, the password nowhere in
//! clear.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
#[cfg(unix)]
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use packhouse::session::{
    LookAtOffer, NetworkSetting, ProxyAddress, ProxyChoice, Repair, RepairFrom, RepairRequest, Session,
    SetNetwork,
};
use packhouse::work::Work;

use crate::desk::Outcome;
use crate::origin::Origin;
use crate::publisher::{LONG, Place, files, has_files, publish, tree};

const PASSWORD: &str = "correct horse";

/// A proxy that knows nothing and tells what it was asked.
fn proxy() -> std::io::Result<(String, Receiver<String>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("http://{}", listener.local_addr()?);
    let (tell, asked) = channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = vec![0; 8192];
            let size = stream.read(&mut request).unwrap_or_default();
            stream
                .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                .ok();
            if tell.send(String::from_utf8_lossy(&request[..size]).to_ascii_lowercase()).is_err() {
                return;
            }
        }
    });
    Ok((address, asked))
}

/// Has something looked at; what the proxy was asked for it.
fn look(session: &Session, asked: &Receiver<String>) -> Result<String, Box<dyn std::error::Error>> {
    let look = LookAtOffer { address: "http://packages.invalid/Tool/1.0/".to_owned(), credentials: None };
    session.run(look, &Work::new()).expect_err("nothing is there");
    Ok(asked.recv_timeout(LONG)?)
}

#[test]
fn a_proxy_is_used_at_once_and_kept_with_its_password_sealed() -> Outcome {
    let dir = tempfile::tempdir()?;
    let place = Place::new(dir.path());
    let (address, asked) = proxy()?;
    let session = place.open();
    session.use_network(None)?;
    assert_eq!(session.network_setting(), (NetworkSetting::default(), false));
    assert!(!dir.path().join("keys").join("secure-storage.key").exists(), "nothing was chosen yet");
    let setting = NetworkSetting {
        proxy: ProxyChoice::Address,
        address: address.clone(),
        user: "anna".to_owned(),
        password: PASSWORD.to_owned().into(),
        certificates: String::new(),
    };
    session.run(SetNetwork { setting, keeps_password: false }, &Work::new())?;
    let seen = look(&session, &asked)?;
    assert!(seen.starts_with("get http://packages.invalid/tool/1.0/"), "{seen}");
    // anna:correct horse
    assert!(seen.contains("proxy-authorization: basic yw5uytpjb3jyzwn0ighvcnnl"), "{seen}");
    session.stop_downloads();
    drop(session);
    // Another life: the same proxy, and the password is not to be read by anybody.
    let session = place.open();
    session.use_network(None)?;
    let (setting, has_password) = session.network_setting();
    assert_eq!((setting.address.as_str(), setting.user.as_str(), has_password), (&*address, "anna", true));
    assert!(setting.password.is_empty());
    while asked.try_recv().is_ok() {}
    assert!(look(&session, &asked)?.contains("proxy-authorization"));
    // Changed, and the password stays.
    let changed = SetNetwork { setting: setting.clone(), keeps_password: true };
    session.run(changed, &Work::new())?;
    while asked.try_recv().is_ok() {}
    assert!(look(&session, &asked)?.contains("proxy-authorization"));
    session.stop_downloads();
    drop(session);
    let mut folders = vec![dir.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let content = fs::read(&path)?;
                let is_there = content.windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes());
                assert!(!is_there, "{} has the password", path.display());
            }
        }
    }
    Ok(())
}

#[test]
fn the_proxy_of_the_environment_counts_until_none_is_chosen() -> Outcome {
    let dir = tempfile::tempdir()?;
    let (address, asked) = proxy()?;
    let session = Place::new(dir.path()).open();
    let environment = ProxyAddress { url: address.clone(), credentials: None, bypass: String::new() };
    session.use_network(Some(environment))?;
    assert_eq!(
        session.environment_proxy().map(|shown| shown.trim_end_matches('/').to_owned()),
        Some(address)
    );
    look(&session, &asked)?;
    while asked.try_recv().is_ok() {}
    let none = NetworkSetting { proxy: ProxyChoice::None, ..NetworkSetting::default() };
    session.run(SetNetwork { setting: none, keeps_password: false }, &Work::new())?;
    let offer = LookAtOffer { address: "http://packages.invalid/Tool/1.0/".to_owned(), credentials: None };
    let failure = session.run(offer, &Work::new()).expect_err("there is no such name");
    assert!(failure.to_string().contains("the name packages.invalid is not known"), "{failure}");
    assert!(asked.try_recv().is_err(), "the proxy was asked");
    Ok(())
}

#[test]
fn certificates_that_are_none_are_refused() -> Outcome {
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("roots.pem");
    let setting = NetworkSetting { certificates: file.display().to_string(), ..NetworkSetting::default() };
    assert_eq!(setting.options(None).expect_err("not there").code, "certificates");
    fs::write(&file, "no certificate")?;
    setting.options(None).expect_err("nothing in it");
    fs::write(&file, rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?.cert.pem())?;
    assert_eq!(setting.options(None)?.extra_roots.len(), 1);
    Ok(())
}

/// A site that only a proxy knows.
#[cfg(unix)]
const SITE: &str = "http://packages.invalid/Tool/1.0/";

/// Turns a bit of a file of the package.
#[cfg(unix)]
fn damage(package_folder: &Path) -> Outcome {
    let file = package_folder.join("data/bin/app.bin");
    let mut content = fs::read(&file)?;
    content[1000] ^= 4;
    Ok(fs::write(file, content)?)
}

#[cfg(unix)]
#[test]
fn repairs_and_the_command_line_go_by_the_proxy_of_the_library() -> Outcome {
    let dir = tempfile::tempdir()?;
    let place = Place::new(dir.path());
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let session = place.open_on(&host);
    let content = files(7, 3);
    let (package, folder) = publish(&session, ("Tool", "1.0"), &content);
    let origin = Origin::serve(tree(&folder, SITE));
    session.use_network(None)?;
    let proxy = ProxyChoice::Address;
    let setting = NetworkSetting { proxy, address: origin.url(), ..NetworkSetting::default() };
    session.run(SetNetwork { setting, keeps_password: false }, &Work::new())?;

    damage(&folder)?;
    let from = RepairFrom { addresses: vec![SITE.to_owned()], wait: false };
    let repair = Repair { package, request: RepairRequest::default(), from, switch_on: false };
    session.run(repair, &Work::new())?;
    has_files(&folder, &content);
    session.stop_downloads();
    drop(session);

    let cli = |words: &[&str]| -> Outcome {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_packhouse-cli"));
        command.arg("--library").arg(dir.path().join("library")).args(words);
        command.env("PACKHOUSE_KEYS", dir.path().join("keys")).env("USER", "anna");
        for name in ["http_proxy", "https_proxy", "all_proxy"] {
            command.env_remove(name).env_remove(name.to_uppercase());
        }
        let output = command.output()?;
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    };
    damage(&folder)?;
    cli(&["repair", "Tool", "--from", SITE])?;
    has_files(&folder, &content);
    let into = dir.path().join("into");
    cli(&["download", SITE, "--into", &into.display().to_string(), "--once"])?;
    has_files(&into, &content);
    Ok(())
}
