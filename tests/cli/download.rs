//! `download` against nginx and `serve`: what arrives, what is fetched again after a kill, how it ends.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::place::{Place, Ran, tree};
use crate::support::tool;

/// Block size the packages are sealed with.
const BLOCK: usize = 256 * 1024;

/// Bytes that differ everywhere, by seed.
fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(next).flatten().take(size).collect()
}

/// A package `Tool 1.0` that its publisher has sealed: one large file, some small ones.
struct Published {
    place: Place,
    key: String,
}

impl Published {
    fn new(size: usize) -> Self {
        let place = Place::new();
        let large = noise(1, size);
        let files: &[(&str, &[u8])] = &[
            ("bin/large file.bin", &large),
            ("100%.txt", b"percent"),
            ("empty", b""),
            ("run.sh", b"#!/bin/sh\n"),
        ];
        let source = place.source("Tool 1.0", files);
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(source.join("run.sh"), fs::Permissions::from_mode(0o755)).expect("its mode");
        place.run(&["register", "Tool 1.0"]).ends(0);
        place.run(&["seal", "Tool", "--block-size", "256K"]).ends(0);
        let keys = place.run(&["key", "list", "--json"]).ends(0).json();
        let key = keys.pointer("/0/public").and_then(Value::as_str).expect("a key").to_owned();
        Self { place, key }
    }

    fn packages(&self) -> PathBuf {
        self.place.path("library/packages")
    }

    fn folder(&self) -> PathBuf {
        self.packages().join("Tool/1.0")
    }
}

/// A program that ends with the test.
struct Running(Child);

impl Running {
    fn kill(&mut self) {
        // SIGKILL: nothing of it runs any more afterwards.
        self.0.kill().expect("it can be killed");
        self.0.wait().expect("it ends");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// nginx with a folder, on a port of its own; counts what it sends.
struct Nginx {
    place: tempfile::TempDir,
    port: u16,
}

impl Nginx {
    fn start(folder: &Path) -> Self {
        let place = tempfile::tempdir().expect("a folder");
        let at = place.path().display();
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let configuration = format!(
            "user root;\nworker_processes 1;\npid {at}/pid;\nerror_log {at}/errors;\nevents {{}}\nhttp {{\n  \
             log_format sent '$uri $body_bytes_sent';\n  access_log {at}/sent sent;\n  \
             default_type application/octet-stream;\n  client_body_temp_path {at}/1;\n  proxy_temp_path {at}/2;\n  \
             fastcgi_temp_path {at}/3;\n  uwsgi_temp_path {at}/4;\n  scgi_temp_path {at}/5;\n  \
             server {{\n    listen 127.0.0.1:{port};\n    root \"{}\";\n  }}\n}}\n",
            folder.display()
        );
        fs::write(place.path().join("nginx.conf"), configuration).expect("its configuration");
        let nginx = Self { place, port };
        let out = nginx.command().output().expect("nginx runs");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        nginx
    }

    fn command(&self) -> Command {
        let usual = PathBuf::from("/usr/sbin/nginx");
        let program = if usual.is_file() { usual } else { tool("nginx", "apt-get install nginx") };
        let mut command = Command::new(program);
        command.arg("-c").arg(self.place.path().join("nginx.conf")).arg("-p").arg(self.place.path());
        command.arg("-e").arg(self.place.path().join("errors"));
        command
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Bytes of content it sent of files below `data/`, ended requests only.
    fn sent_bytes(&self) -> u64 {
        let log = fs::read_to_string(self.place.path().join("sent")).unwrap_or_default();
        let lines = log.lines().filter(|line| line.contains("/data/"));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.command().args(["-s", "stop"]).output();
    }
}

/// `packhouse-cli serve` with the packages of a library, and its address.
fn serve(published: &Published) -> (Running, String) {
    let (running, mut lines) = start(&published.place, &["serve", "--listen", "127.0.0.1:0", "--json"]);
    let started = lines.next().expect("a line");
    (running, started["url"].as_str().expect("an address").to_owned())
}

/// Starts the program; gives its JSON lines as they come.
fn start(place: &Place, arguments: &[&str]) -> (Running, impl Iterator<Item = Value> + use<>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_packhouse-cli"));
    command.args(arguments).current_dir(place.path("")).env("PACKHOUSE_LIBRARY", place.path("library"));
    command.env("PACKHOUSE_KEYS", place.path("keys")).env("USER", "anna").stdin(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the program runs");
    let out: ChildStdout = child.stdout.take().expect("its output");
    let lines = BufReader::new(out).lines().map_while(Result::ok);
    (Running(child), lines.filter_map(|line| serde_json::from_str(&line).ok()))
}

/// The JSON lines of a run that has ended.
fn lines(ran: &Ran) -> Vec<Value> {
    ran.out.lines().map(|line| serde_json::from_str(line).expect("each line is an object")).collect()
}

fn last(ran: &Ran) -> Value {
    lines(ran).pop().expect("there are lines")
}

fn number(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or_else(|| panic!("{pointer} of {value}"))
}

/// How many blocks of the package lie right in `folder` now: judged by comparing bytes, not by what anybody says.
fn right_blocks(published: &Published, folder: &Path) -> u64 {
    let mut right = 0;
    for (path, content, _) in tree(&published.folder().join("data")) {
        let found = fs::read(folder.join("data").join(path)).unwrap_or_default();
        let blocks = content.chunks(BLOCK).enumerate();
        right += blocks
            .filter(|(nth, block)| found.get(nth * BLOCK..nth * BLOCK + block.len()) == Some(block))
            .count();
    }
    right as u64
}

/// Everything but the notes of the library is there, byte for byte and with its modes.
fn arrived_whole(published: &Published, folder: &Path) {
    let mut there = tree(&published.folder());
    there.retain(|(path, ..)| path != Path::new("notes.json"));
    let here = tree(folder);
    let names = |tree: &[(PathBuf, Vec<u8>, bool)]| {
        tree.iter().map(|(path, _, executable)| (path.clone(), *executable)).collect::<Vec<_>>()
    };
    assert_eq!(names(&here), names(&there));
    assert!(here == there, "some content differs");
    let out = Command::new(tool("bagit.py", "pip install bagit")).arg("--validate").arg(folder).output();
    let out = out.expect("bagit.py runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn what_serve_offers_arrives_as_a_valid_bag_and_is_known_the_second_time() {
    let (published, here) = (Published::new(3 * BLOCK + 5), Place::new());
    let (_serve, url) = serve(&published);
    let address = format!("{url}Tool/1.0/");
    let line = ["download", &address, "--into", "out", "--trust", &published.key, "--json"];
    let ran = here.run(&line).ends(0);
    let ready = last(&ran);
    assert_eq!(
        (&ready["event"], &ready["name"], &ready["version"]),
        (&"ready".into(), &"Tool".into(), &"1.0".into())
    );
    assert_eq!(ready["trust"]["trust"], "sealed");
    assert_eq!((number(&ready, "/blocks/total"), number(&ready, "/blocks/fetched")), (6, 6));
    assert_eq!(number(&ready, "/fetched_bytes"), number(&ready, "/size_bytes"));
    let events: Vec<_> =
        lines(&ran).iter().filter_map(|line| Some(line["event"].as_str()?.to_owned())).collect();
    assert!(events.contains(&"state".to_owned()) && events.contains(&"codebase".to_owned()), "{events:?}");
    arrived_whole(&published, &here.path("out"));
    here.run(&["verify", "out", "--trust", &published.key]).ends(0);
    // A complete folder is verified, and nothing is fetched.
    fs::write(here.path("out/data/mine"), "mine").expect("a file");
    let again = last(&here.run(&line).ends(0));
    assert_eq!((number(&again, "/blocks/kept"), number(&again, "/fetched_bytes")), (6, 0));
    assert_eq!(again["not_listed"], serde_json::json!(["data/mine"]));
    assert!(here.path("out/data/mine").exists());
    // A block that went bad is repaired, and only that.
    let large = here.path("out/data/bin/large file.bin");
    let mut content = fs::read(&large).expect("it is there");
    content[BLOCK + 3] ^= 16;
    fs::write(&large, content).expect("it is written");
    let healed = last(&here.run(&line).ends(0));
    assert_eq!((number(&healed, "/blocks/corrupt"), number(&healed, "/fetched_bytes")), (1, BLOCK as u64));
    fs::remove_file(here.path("out/data/mine")).expect("it is there");
    arrived_whole(&published, &here.path("out"));
}

#[test]
fn after_kill_9_only_what_is_missing_is_fetched() {
    let (published, here) = (Published::new(48 * BLOCK), Place::new());
    let nginx = Nginx::start(&published.packages());
    let address = format!("{}Tool/1.0/snapshot.meta4", nginx.url());
    let line = |limit| {
        let mut line = vec!["download", &address, "--into", "out", "--trust", &published.key, "--json"];
        line.extend(["--connections", "2", "--limit", limit]);
        line
    };
    let mut sizes = HashMap::new();
    for round in 1..=4_u64 {
        let (mut program, events) = start(&here, &line("1500K"));
        let enough = round * 4 * BLOCK as u64;
        let progress = |event: &Value| event["event"] == "progress" && event["state"] == "Downloading";
        let reached =
            events.into_iter().any(|event| progress(&event) && number(&event, "/done_bytes") >= enough);
        assert!(reached, "it ended before {enough} bytes");
        program.kill();
        // The tag files come last: a package that is not whole is no bag.
        assert!(!here.path("out/bagit.txt").exists());
        let right = right_blocks(&published, &here.path("out"));
        assert!(
            right * BLOCK as u64 + 2 * BLOCK as u64 >= enough,
            "what was said to be done is there: {right}"
        );
        sizes.insert(round, right);
    }
    let right = right_blocks(&published, &here.path("out"));
    let before = nginx.sent_bytes();
    let ready = last(&here.run(&line("1G")).ends(0));
    let total = number(&ready, "/blocks/total");
    assert_eq!(number(&ready, "/blocks/kept"), right, "every right block is kept: {sizes:?}");
    assert_eq!(number(&ready, "/blocks/fetched"), total - right);
    assert_eq!(number(&ready, "/received_bytes"), number(&ready, "/fetched_bytes"));
    let sent = nginx.sent_bytes() - before;
    assert_eq!(sent, number(&ready, "/fetched_bytes"), "the server says the same");
    arrived_whole(&published, &here.path("out"));
}

#[test]
fn aria2c_reads_the_same_snapshot_and_agrees_on_the_files() {
    let (published, here) = (Published::new(5 * BLOCK + 77), Place::new());
    let nginx = Nginx::start(&published.packages());
    let address = format!("{}Tool/1.0/", nginx.url());
    here.run(&["download", &address, "--into", "out", "--trust", &published.key]).ends(0);
    let theirs = here.path("theirs");
    let out = Command::new(tool("aria2c", "apt-get install aria2"))
        .args([
            "--no-conf",
            "--quiet=true",
            "--check-integrity=true",
            "--file-allocation=none",
            "--no-proxy=*",
        ])
        .arg(format!("--metalink-base-uri={address}"))
        .arg(format!("--metalink-file={}", here.path("out/snapshot.meta4").display()))
        .arg(format!("--dir={}", theirs.display()))
        .output()
        .expect("aria2c runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
    // Modes are not told by a Metalink.
    let plain = |folder: &Path| {
        tree(folder).into_iter().map(|(path, content, _)| (path, content)).collect::<Vec<_>>()
    };
    assert!(plain(&theirs) == plain(&here.path("out/data")));
    // And what aria2c left half done we complete without fetching it again.
    fs::create_dir_all(here.path("half/data")).expect("a folder");
    for (path, content) in plain(&theirs) {
        let path = here.path("half/data").join(path);
        fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
        let half = content.len().min(3 * BLOCK);
        fs::write(path, &content[..half]).expect("a file");
    }
    let ready = last(
        &here.run(&["download", &address, "--into", "half", "--trust", &published.key, "--json"]).ends(0),
    );
    assert_eq!((number(&ready, "/blocks/kept"), number(&ready, "/blocks/fetched")), (5, 3));
    arrived_whole(&published, &here.path("half"));
}

#[test]
fn what_is_not_trusted_is_refused_before_its_payload_is_asked_for() {
    let (published, here) = (Published::new(BLOCK), Place::new());
    let nginx = Nginx::start(&published.packages());
    let address = format!("{}Tool/1.0/", nginx.url());
    let download = |more: &[&str]| {
        let mut line = vec!["download", &address, "--into", "out"];
        line.extend(more);
        here.run(&line)
    };
    let unknown = download(&[]).refuses(3, "download-unknown-key");
    assert!(unknown.err.contains("reason: key "), "{}", unknown.err);
    download(&["--allow-unsigned"]).refuses(3, "download-unknown-key");
    let signature = published.folder().join("reginfo.json.minisig");
    let seal = fs::read(&signature).expect("the seal");
    fs::remove_file(&signature).expect("it is there");
    download(&["--allow-unsigned"]).refuses(3, "download-seal-missing");
    download(&["--trust", &published.key]).refuses(3, "download-seal-missing");
    fs::write(&signature, seal).expect("it is back");
    let reginfo = published.folder().join("reginfo.json");
    let text = fs::read_to_string(&reginfo).expect("a text");
    fs::write(&reginfo, text.replace("\"1.0\"", "\"1.1\"")).expect("it is written");
    download(&["--trust", &published.key]).refuses(3, "download-seal-broken");
    fs::write(&reginfo, text).expect("it is back");
    assert_eq!(nginx.sent_bytes(), 0, "no byte of payload was sent");
    assert!(!here.path("out").join("data").exists());
    download(&["--trust", "no key"]).ends(2);
    download(&["--trust", &published.key, "--limit", "fast"]).ends(2);
    fs::write(here.path("a file"), "mine").expect("a file");
    for into in ["a file", "a file/below"] {
        let refused = here.run(&["download", &address, "--into", into]).ends(2);
        assert!(refused.err.contains("a file is no folder"), "{}", refused.err);
    }
    download(&["--trust", &published.key]).ends(0);
}

#[test]
fn an_unsigned_metalink_is_taken_where_that_is_allowed() {
    let here = Place::new();
    let content = noise(5, 100_000);
    let digest = packhouse::package::Sha256Digest::of(&content);
    let document = format!(
        "<?xml version=\"1.0\"?><metalink xmlns=\"urn:ietf:params:xml:ns:metalink\"><file name=\"a.iso\">\
         <size>100000</size><hash type=\"sha-256\">{digest}</hash><url>files/a.iso</url></file></metalink>"
    );
    here.source("web", &[("files/a.iso", &content), ("list.meta4", document.as_bytes())]);
    let nginx = Nginx::start(&here.path("web"));
    let address = format!("{}list.meta4", nginx.url());
    here.run(&["download", &address, "--into", "out"]).refuses(3, "download-unsigned");
    let line = ["download", &address, "--into", "out", "--allow-unsigned", "--reason", "a test", "--json"];
    let ready = last(&here.run(&line).ends(0));
    assert_eq!((&ready["trust"]["trust"], &ready["name"]), (&"unsigned".into(), &Value::Null));
    assert!(fs::read(here.path("out/a.iso")).expect("it is there") == content);
}

#[test]
fn a_codebase_that_no_longer_has_it_ends_in_invalid_and_names_the_block() {
    let (published, here) = (Published::new(2 * BLOCK), Place::new());
    let nginx = Nginx::start(&published.packages());
    let large = published.folder().join("data/bin/large file.bin");
    let mut content = fs::read(&large).expect("it is there");
    content[BLOCK + 1] ^= 1;
    fs::write(&large, content).expect("it is written");
    let address = format!("{}Tool/1.0/", nginx.url());
    let ran = here.run(&["download", &address, "--into", "out", "--trust", &published.key, "--json"]).ends(1);
    let end = last(&ran);
    assert_eq!(end["event"], "invalid");
    let reason = end["reason"].as_str().expect("a reason");
    assert!(reason.contains("large file.bin") && reason.contains("127.0.0.1"), "{reason}");
    assert!(ran.err.contains("error[download-invalid]"), "{}", ran.err);
    assert!(!here.path("out/bagit.txt").exists());
}

#[test]
fn without_a_server_it_waits_or_ends_at_once_when_asked_to() {
    let (published, here) = (Published::new(BLOCK), Place::new());
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let listen = free.local_addr().expect("its address").to_string();
    drop(free);
    let address = format!("http://{listen}/Tool/1.0/");
    let line = ["download", &address, "--into", "out", "--trust", &published.key, "--json"];
    let mut once = line.to_vec();
    once.push("--once");
    let ran = here.run(&once).ends(4);
    assert!(ran.err.contains("error[download-fetch]"), "{}", ran.err);
    let (_program, mut events) = start(&here, &line);
    let first = events.next().expect("a line");
    assert_eq!((&first["event"], &first["state"]), (&"state".into(), &"Retrying download".into()));
    assert_eq!((number(&first, "/retry_in_s"), number(&first, "/ladder_step")), (5, 1));
    let (_serve, mut started) = start(&published.place, &["serve", "--listen", &listen, "--json"]);
    assert_eq!(started.next().expect("a line")["event"], "started");
    let ready = events.find(|event| event["event"] == "ready").expect("it comes to its end");
    assert_eq!(number(&ready, "/blocks/fetched"), number(&ready, "/blocks/total"));
    arrived_whole(&published, &here.path("out"));
}

#[test]
fn interrupted_it_stops_in_order_and_the_same_line_goes_on() {
    let (published, here) = (Published::new(24 * BLOCK), Place::new());
    let nginx = Nginx::start(&published.packages());
    let address = format!("{}Tool/1.0/", nginx.url());
    let line = ["download", &address, "--into", "out", "--trust", &published.key, "--json"];
    let mut slow = line.to_vec();
    slow.extend(["--limit", "1500K"]);
    let (mut program, mut events) = start(&here, &slow);
    let enough = 4 * BLOCK as u64;
    assert!(events.any(|event| event["event"] == "progress" && number(&event, "/done_bytes") >= enough));
    let sent = Command::new("kill").arg("-INT").arg(program.0.id().to_string()).status().expect("kill runs");
    assert!(sent.success());
    assert!(!events.any(|event| event["event"] == "ready"));
    assert_eq!(program.0.wait().expect("it ends").code(), Some(130));
    let right = right_blocks(&published, &here.path("out"));
    let ready = last(&here.run(&line).ends(0));
    assert_eq!(number(&ready, "/blocks/kept"), right);
    arrived_whole(&published, &here.path("out"));
}

#[test]
fn a_package_that_is_sealed_anew_meanwhile_is_told_and_what_stays_is_kept() {
    let (published, here) = (Published::new(36 * BLOCK), Place::new());
    let nginx = Nginx::start(&published.packages());
    let address = format!("{}Tool/1.0/", nginx.url());
    let line =
        ["download", &address, "--into", "out", "--trust", &published.key, "--json", "--limit", "1500K"];
    let (mut program, mut events) = start(&here, &line);
    let enough = 4 * BLOCK as u64;
    assert!(events.any(|event| event["event"] == "progress" && number(&event, "/done_bytes") >= enough));
    // The last block is another one now: nobody has that of the old snapshot any more.
    let mut large = noise(1, 36 * BLOCK);
    large[35 * BLOCK + 7] ^= 1;
    published.place.source("changed", &[("large", &large)]);
    published.place.run(&["unseal", "Tool"]).ends(0);
    published.place.run(&["update", "Tool", "--add", "changed/large=bin/large file.bin"]).ends(0);
    published.place.run(&["seal", "Tool", "--block-size", "256K"]).ends(0);
    let told: Vec<Value> = events.collect();
    assert_eq!(program.0.wait().expect("it ends").code(), Some(0), "{told:#?}");
    let snapshots: Vec<&Value> = told.iter().filter(|event| event["event"] == "snapshot").collect();
    let [snapshot] = snapshots[..] else { panic!("it is told once: {told:#?}") };
    let ready = told.last().expect("there are lines");
    assert_eq!(ready["event"], "ready");
    assert_eq!((number(snapshot, "/old_revision"), number(snapshot, "/new_revision")), (1, 2));
    assert_eq!(number(snapshot, "/blocks"), number(ready, "/blocks/total"));
    let stay = number(snapshot, "/blocks_stay");
    assert!(stay >= 4 && stay < number(snapshot, "/blocks"), "{snapshot}");
    assert!(number(ready, "/blocks/kept") >= stay, "{ready}");
    arrived_whole(&published, &here.path("out"));
}

#[test]
fn it_is_registered_when_it_is_ready_and_comes_from_folders_and_archives() {
    let (published, here) = (Published::new(BLOCK), Place::new());
    let folder = published.folder().display().to_string();
    here.run(&["key", "trust", &published.key, "--name", "Packaging Berlin"]).ends(0);
    let told = here.run(&["download", &folder, "--into", "out", "--register"]).ends(0).out;
    assert!(told.ends_with("  Registered as Tool@1.0, Sealed\n"), "{told}");
    let packages = here.run(&["list", "--json"]).ends(0).json();
    assert_eq!(packages.pointer("/0/name"), Some(&"Tool".into()), "{packages}");
    here.run(&["check", "Tool", "--deep"]).ends(0);
    published.place.run(&["archive", "Tool", "--to", "archives"]).ends(0);
    let archive = published.place.path("archives/Tool-1.0.tar.zst").display().to_string();
    let ready = last(&here.run(&["download", &archive, "--into", "from archive", "--json"]).ends(0));
    // The package is in the library already: nothing has to be unpacked.
    assert_eq!(number(&ready, "/blocks/reused"), number(&ready, "/blocks/total"));
    here.run(&["verify", "from archive"]).ends(0);
}

#[test]
fn a_server_of_an_own_authority_is_trusted_where_its_certificate_is_named() {
    let (published, here) = (Published::new(2 * BLOCK), Place::new());
    let own = ["--tls-self", "--tls-name", "127.0.0.1", "--tls-cert", "cert.pem", "--tls-key", "key.pem"];
    let mut line = vec!["serve", "--listen", "127.0.0.1:0", "--json"];
    line.extend(own);
    let (_serve, mut lines) = start(&published.place, &line);
    let started = lines.next().expect("a line");
    let address = format!("{}Tool/1.0/", started["url"].as_str().expect("an address"));
    assert!(address.starts_with("https://"), "{address}");
    let certificate = published.place.path("cert.pem").display().to_string();
    let line = ["download", &address, "--into", "out", "--trust", &published.key, "--once"];
    let refused = here.run(&line);
    assert!(refused.code != 0 && refused.err.contains("certificate"), "{}: {}", refused.code, refused.err);
    assert!(!here.path("out").exists(), "nothing was fetched");
    let with = |file: &str| here.run(&[&line[..], &["--certificates", file]].concat());
    // A key is no certificate, and neither is what is not there.
    with(&published.place.path("key.pem").display().to_string()).refuses(2, "certificates");
    with("nowhere.pem").refuses(2, "certificates");
    with(&certificate).ends(0);
    arrived_whole(&published, &here.path("out"));
    // The same by the environment.
    let mut command = Command::new(env!("CARGO_BIN_EXE_packhouse-cli"));
    command.args(["download", &address, "--into", "again", "--trust", &published.key, "--once"]);
    command.current_dir(here.path("")).env("PACKHOUSE_LIBRARY", here.path("library"));
    command.env("PACKHOUSE_KEYS", here.path("keys")).env("PACKHOUSE_CERTIFICATES", &certificate);
    Ran::from(command.output().expect("the program runs")).ends(0);
    arrived_whole(&published, &here.path("again"));
}

#[test]
fn what_cannot_be_downloaded_is_told_as_what_it_is() {
    let here = Place::new();
    here.source(
        "web",
        &[
            ("page.meta4", b" \n<!DOCTYPE html><html><body>Sign in</body></html>"),
            ("empty.meta4", b""),
            (
                "half.meta4",
                b"<?xml version=\"1.0\"?><metalink xmlns=\"urn:ietf:params:xml:ns:metalink\"><file name=\"a\">",
            ),
            ("noise.meta4", &[0xff, 0xfe, 0, 7]),
            ("folder/a", b"a"),
        ],
    );
    let nginx = Nginx::start(&here.path("web"));
    let web = |name: &str| format!("{}{name}", nginx.url());
    for (address, exit, code, words) in [
        ("nowhere".to_owned(), 4, "download-fetch", "there is no file or folder "),
        (here.path("nowhere/x.meta4").display().to_string(), 4, "download-fetch", "action: Check the path."),
        ("web/folder".to_owned(), 4, "download-fetch", "reason: it has no snapshot.meta4"),
        (web("folder/"), 4, "download-fetch", "a package folder with a snapshot.meta4"),
        (web("page.meta4"), 1, "download-not-readable", "reason: it is a web page"),
        ("web/page.meta4".to_owned(), 1, "download-not-readable", "reason: it is a web page"),
        (web("empty.meta4"), 1, "download-not-readable", "reason: it is empty"),
        (web("half.meta4"), 1, "download-not-readable", "reason: it ends in the middle"),
        (web("noise.meta4"), 1, "download-not-readable", "/noise.meta4 is no text"),
        (web("").replace("http:", "https:"), 4, "download-fetch", "what answered does not speak TLS"),
    ] {
        let ran = here.run(&["download", &address, "--into", "out", "--once"]).refuses(exit, code);
        assert!(ran.err.contains(words), "{address}: {}", ran.err);
        assert!(!here.path("out").exists(), "{address}");
    }
}

#[test]
fn what_was_done_is_told_in_words_that_are_true() {
    let published = Published::new(2 * BLOCK);
    let place = &published.place;
    let folder = published.folder().display().to_string();
    // The package lies in the library itself: its own copy is read, no other package.
    let first = place.run(&["download", &folder, "--into", "out"]).ends(0).out;
    assert!(first.contains("  nothing had to be fetched, 4 were found in the library\n"), "{first}");
    damage_block(&place.path("out/data/bin/large file.bin"), BLOCK);
    let again = Place::new();
    again.run(&["key", "trust", &published.key, "--name", "Berlin"]).ends(0);
    let into = place.path("out").display().to_string();
    let second = again.run(&["download", &folder, "--into", &into]).ends(0).out;
    let told = "  256 KiB fetched in 1 block, 3 were there, 1 was damaged and is right again\n";
    assert!(second.contains(told), "{second}");
    let third = again.run(&["download", &folder, "--into", &into]).ends(0).out;
    assert!(third.contains("  nothing had to be fetched, 4 were there\n"), "{third}");
}

/// Changes the first byte of a block.
fn damage_block(file: &Path, at: usize) {
    let mut content = fs::read(file).expect("it is there");
    content[at] ^= 1;
    fs::write(file, content).expect("it is written");
}

#[test]
fn once_says_what_went_wrong_once_and_promises_nothing() {
    let (published, here) = (Published::new(BLOCK), Place::new());
    let folder = published.folder().display().to_string();
    here.run(&["key", "trust", &published.key, "--name", "Berlin"]).ends(0);
    let ran =
        here.run(&["download", &folder, "--into", "/proc/none", "--once"]).refuses(4, "download-waiting");
    assert!(!ran.err.contains("again in"), "{}", ran.err);
    assert!(ran.err.contains("reason: /proc/none cannot be used"), "{}", ran.err);
    let own =
        here.run(&["download", &folder, "--into", "library/packages"]).refuses(3, "download-into-library");
    assert!(own.err.contains("is a folder of the library\naction: Name a folder outside"), "{}", own.err);
    let above = here.run(&["download", &folder, "--into", "."]).refuses(3, "download-into-library").err;
    assert!(above.contains("the library lies in "), "{above}");
    let taken = here.run(&["download", &folder, "--into", "/proc/none/below"]).refuses(3, "folder-taken").err;
    assert!(taken.contains("another folder with --into"), "{taken}");
}

#[test]
fn what_lies_in_the_way_is_named_and_is_to_be_moved() {
    let (published, here) = (Published::new(BLOCK), Place::new());
    let folder = published.folder().display().to_string();
    here.run(&["key", "trust", &published.key, "--name", "Berlin"]).ends(0);
    fs::create_dir_all(here.path("folder/data/run.sh")).expect("a folder");
    fs::create_dir_all(here.path("file")).expect("a folder");
    fs::write(here.path("file/data"), "mine").expect("a file");
    fs::create_dir_all(here.path("link/data")).expect("a folder");
    std::os::unix::fs::symlink(here.path("file"), here.path("link/data/run.sh")).expect("a link");
    for (into, why) in [
        ("folder", "run.sh cannot be written: it is not a plain file"),
        ("file", "cannot be written: a file lies where a folder belongs"),
        ("link", "run.sh cannot be written: a link lies there"),
    ] {
        let ran = here.run(&["download", &folder, "--into", into]).refuses(1, "download-invalid");
        assert!(
            ran.err.contains(why) && ran.err.contains("action: Move away what lies there"),
            "{}",
            ran.err
        );
    }
    fs::remove_dir(here.path("folder/data/run.sh")).expect("moved away");
    here.run(&["download", &folder, "--into", "folder"]).ends(0);
    arrived_whole(&published, &here.path("folder"));
}

#[test]
fn a_key_trusted_for_once_keeps_no_seal_and_a_refused_registration_is_told_after_the_download() {
    let (published, here) = (Published::new(BLOCK), Place::new());
    let folder = published.folder().display().to_string();
    let line = |into| ["download", &folder, "--into", into, "--trust", &published.key, "--register"];
    let told = here.run(&line("out")).ends(0).out;
    assert!(told.contains("  Registered as Tool@1.0, Open\n  Its seal is kept only where "), "{told}");
    let again = here.run(&line("again")).ends(3);
    assert!(again.out.contains("Tool 1.0 is ready in "), "the download is done: {}", again.out);
    assert!(again.err.starts_with("error[package-exists]"), "{}", again.err);
    arrived_whole(&published, &here.path("again"));
}
