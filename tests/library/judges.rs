//! What Packhouse seals and archives, judged by programs of other people: bagit.py, sha256sum, minisign, aria2c, tar.

use std::error::Error;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use packhouse::session::{
    Archive, ArchiveRequest, ListKeys, Remove, Restore, RestoreSource, Session, Verify,
};

use crate::place::{Outcome, Place, ask, assert_sound, put, register, seal, show, tree};
use crate::support::tool;

const BLOCK: usize = 2 * 1024 * 1024;

/// Names that other programs have to quote, escape, or take for something else.
fn unusual_names() -> Vec<String> {
    let mut names: Vec<String> = [
        "with space.txt",
        "100%.txt",
        "%41 not A.txt",
        "#hash#.txt",
        "what?.txt",
        "'single' \"double\".txt",
        "<angle>.txt",
        "[brackets]{braces}.txt",
        "-leading-dash",
        "--option=value",
        "emoji 🧰.txt",
        "العربية.txt",
        "a+b=c;d,e!.txt",
        "back\\slash.txt",
        "deep/er/and deeper/%25/file",
        ".hidden",
        "~tilde",
        "$HOME `x`.txt",
        "e\u{301} not normalised",
        "semi:colon*star|pipe",
    ]
    .map(str::to_owned)
    .into();
    names.push(format!("{}/{}", "long ".repeat(40).trim_end(), "x".repeat(200)));
    names
}

struct Sealed {
    place: Place,
    session: Session,
    id: packhouse::package::record::PackageId,
    folder: PathBuf,
}

fn sealed(more: &[&str]) -> Result<Sealed, Box<dyn Error>> {
    let place = Place::new()?;
    let source = place.source("source", &[("empty file", b"")])?;
    for name in unusual_names().iter().map(String::as_str).chain(more.iter().copied()) {
        put(&source, name, format!("content of {name}").as_bytes())?;
    }
    let blocks: Vec<u8> = (0..BLOCK * 3 + 1000).map(|at| (at / 977 % 251) as u8).collect();
    put(&source, "four blocks", &blocks)?;
    put(&source, "bin/run me", b"#!/bin/sh\nexit 0\n")?;
    fs::set_permissions(source.join("bin/run me"), fs::Permissions::from_mode(0o755))?;
    let session = place.open()?;
    let id = register(&session, &source, "Judged", "1.0")?.id;
    seal(&session, id)?;
    let folder = show(&session, id)?.folder;
    Ok(Sealed { place, session, id, folder })
}

fn accepts(command: &mut Command) -> Outcome {
    let out = command.output()?;
    let text = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{command:?}: {text}");
    Ok(())
}

fn refuses(command: &mut Command) -> Outcome {
    let out = command.output()?;
    assert!(!out.status.success(), "{command:?} accepts what is damaged");
    Ok(())
}

fn bagit() -> Command {
    let mut command = Command::new(tool("bagit.py", "python3 -m pip install bagit"));
    command.arg("--validate");
    command
}

#[test]
fn bagit_sha256sum_and_minisign_accept_a_sealed_package() -> Outcome {
    let sealed = sealed(&["a & b.txt"])?;
    let folder = &sealed.folder;
    let key = ask(&sealed.session, ListKeys {})?.remove(0).public;
    let sums = || {
        let mut command = Command::new(tool("sha256sum", "apt-get install coreutils"));
        command.args(["--check", "--strict", "--quiet", "manifest-sha256.txt"]).current_dir(folder);
        command
    };
    let signature = || {
        let mut command = Command::new(tool("minisign", "apt-get install minisign"));
        command.args(["-V", "-P", &key, "-m", "reginfo.json"]).current_dir(folder);
        command
    };
    accepts(bagit().arg(folder))?;
    accepts(&mut sums())?;
    accepts(&mut signature())?;
    // The judges judge: one byte makes each of them refuse.
    fs::write(folder.join("data/100%.txt"), "content of 100%.tx_")?;
    refuses(bagit().arg(folder))?;
    refuses(&mut sums())?;
    let text = fs::read_to_string(folder.join("reginfo.json"))?.replace("Judged", "Forged");
    fs::write(folder.join("reginfo.json"), text)?;
    refuses(&mut signature())
}

#[test]
fn tar_unpacks_an_archive_and_a_restored_one_is_byte_for_byte_the_same() -> Outcome {
    let sealed = sealed(&["a & b.txt"])?;
    let before = tree(&sealed.folder)?;
    let request = ArchiveRequest { folder: sealed.place.path("archive"), comment: String::new() };
    let archive = ask(&sealed.session, Archive { package: sealed.id, request })?.file;
    assert_eq!(fs::read_dir(sealed.place.path("archive"))?.count(), 1);
    assert!(ask(&sealed.session, Verify { path: archive.clone(), trust: Vec::new() })?.valid);
    let unpacked = sealed.place.path("unpacked");
    fs::create_dir(&unpacked)?;
    let tar = tool("tar", "apt-get install tar zstd");
    accepts(Command::new(tar).args(["--zstd", "-xf"]).arg(&archive).arg("-C").arg(&unpacked))?;
    accepts(bagit().arg(unpacked.join("Judged-1.0")))?;
    let without_notes = |mut files: std::collections::BTreeMap<String, _>| {
        files.remove("notes.json");
        files
    };
    assert_eq!(without_notes(tree(&unpacked.join("Judged-1.0"))?), without_notes(before.clone()));

    ask(&sealed.session, Restore { source: RestoreSource::Package(sealed.id) })?;
    assert_eq!(without_notes(tree(&sealed.folder)?), without_notes(before.clone()));
    assert!(before["data/bin/run me"].1, "executable");
    assert_sound(&sealed.session)?;
    // Into another library, that knows nothing of it but trusts the key.
    ask(&sealed.session, Remove { package: sealed.id })?;
    ask(&sealed.session, packhouse::session::EmptyTrash {})?;
    let report = ask(&sealed.session, Restore { source: RestoreSource::File(archive) })?;
    assert!(report.is_new && report.record.id == sealed.id);
    assert_eq!(without_notes(tree(&sealed.folder)?), without_notes(before));
    assert_sound(&sealed.session)
}

#[test]
fn aria2_fetches_nothing_where_all_is_there_and_exactly_the_bad_blocks_else() -> Outcome {
    let sealed = sealed(&[])?;
    let server = Server::start(&sealed.folder)?;
    let here = sealed.place.path("here");
    let files = tree(&sealed.folder.join("data"))?;
    for path in files.keys() {
        put(&here, path, &fs::read(sealed.folder.join("data").join(path))?)?;
    }
    let fetch = || -> Result<u64, Box<dyn Error>> {
        let before = server.served.load(Ordering::SeqCst);
        accepts(
            Command::new(tool("aria2c", "apt-get install aria2"))
                .args(["--no-conf", "--check-integrity=true", "--allow-overwrite=true", "--quiet=true"])
                .args(["--auto-file-renaming=false", "--file-allocation=none", "--max-tries=2"])
                .args(["--split=1", "--max-connection-per-server=1", "--no-proxy=*"])
                .arg(format!("--metalink-base-uri={}", server.address))
                .arg(format!("--metalink-file={}", sealed.folder.join("snapshot.meta4").display()))
                .arg(format!("--dir={}", here.display())),
        )?;
        assert_eq!(tree(&here)?.len(), files.len(), "aria2 made other files");
        Ok(server.served.load(Ordering::SeqCst) - before)
    };
    assert_eq!(fetch()?, 0, "bytes fetched though all is there");
    // One byte of the second block, and one of the last.
    let mut file = fs::File::options().write(true).open(here.join("four blocks"))?;
    for at in [BLOCK + 5, BLOCK * 3 + 7] {
        file.seek(SeekFrom::Start(at as u64))?;
        file.write_all(b"!")?;
    }
    drop(file);
    put(&here, "emoji 🧰.txt", &vec![b'!'; "content of emoji 🧰.txt".len()])?;
    let expected = BLOCK + 1000 + "content of emoji 🧰.txt".len();
    assert_eq!(fetch()?, expected as u64, "the bad blocks and nothing else");
    for (path, (digest, _)) in &files {
        assert_eq!(tree(&here)?[path].0, *digest, "{path}");
    }
    // From nothing: every name is found at its address.
    fs::remove_dir_all(&here)?;
    let total: u64 = show(&sealed.session, sealed.id)?.record.checksum.size_bytes;
    assert_eq!(fetch()?, total);
    for (path, (digest, _)) in &files {
        assert_eq!(tree(&here)?[path].0, *digest, "{path}");
    }
    Ok(())
}

/// A web server for one folder that answers ranges and counts the bytes of content it sent.
struct Server {
    address: String,
    served: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Server {
    fn start(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = format!("http://{}/", listener.local_addr()?);
        let (served, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, ends, folder) = (Arc::clone(&served), Arc::clone(&stop), folder.to_owned());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if ends.load(Ordering::SeqCst) {
                    return;
                }
                let (count, folder) = (Arc::clone(&count), folder.clone());
                std::thread::spawn(move || {
                    // A client that goes away early has what it wanted.
                    let _ = answer(&stream, &folder, &count);
                });
            }
        });
        Ok(Self { address, served, stop })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the loop that waits for the next one.
        let _ = TcpStream::connect(self.address.trim_start_matches("http://").trim_end_matches('/'));
    }
}

fn answer(mut stream: &TcpStream, folder: &Path, count: &AtomicU64) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request)? == 0 {
            return Ok(());
        }
        let mut range = None;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("range: bytes=") {
                range = Some(value.trim().to_owned());
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let target = request.split(' ').nth(1).unwrap_or("/").trim_start_matches('/');
        let path = folder.join(unescaped(target));
        let Ok(mut file) = fs::File::open(&path) else {
            write!(stream, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?;
            continue;
        };
        let length = file.metadata()?.len();
        let (start, end) = match range.as_deref().and_then(|range| range.split_once('-')) {
            Some((start, end)) => {
                (start.parse().unwrap_or(0), end.parse::<u64>().map_or(length, |end| length.min(end + 1)))
            }
            None => (0, length),
        };
        match range {
            Some(_) => write!(
                stream,
                "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {start}-{}/{length}\r\n",
                end.saturating_sub(1)
            )?,
            None => write!(stream, "HTTP/1.1 200 OK\r\nAccept-Ranges: bytes\r\n")?,
        }
        write!(stream, "Content-Length: {}\r\n\r\n", end - start)?;
        file.seek(SeekFrom::Start(start))?;
        let mut content = Vec::new();
        file.take(end - start).read_to_end(&mut content)?;
        count.fetch_add(content.len() as u64, Ordering::SeqCst);
        stream.write_all(&content)?;
    }
}

/// The path behind a percent-encoded one.
fn unescaped(target: &str) -> PathBuf {
    use std::os::unix::ffi::OsStringExt as _;
    let bytes = target.as_bytes();
    let mut path = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%').then(|| target.get(at + 1..at + 3)).flatten();
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                path.push(byte);
                at += 3;
            }
            None => {
                path.push(bytes[at]);
                at += 1;
            }
        }
    }
    PathBuf::from(std::ffi::OsString::from_vec(path))
}
