//! `packhouse-cli serve`: what it prints, what it serves, how it ends.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::http::{connect, curl, get, request};
use crate::{Outcome, put, sealed, serve};

/// The program, ended with the test.
struct Program(Child);

impl Program {
    fn start(place: &std::path::Path, arguments: &[&str]) -> std::io::Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_packhouse-cli"));
        command.args(arguments).current_dir(place).env("PACKHOUSE_LIBRARY", place.join("library"));
        command.env("PACKHOUSE_KEYS", place.join("keys")).stdin(Stdio::null());
        Ok(Self(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?))
    }

    fn interrupt(&self) -> Outcome {
        let sent = Command::new("kill").arg("-INT").arg(self.0.id().to_string()).status()?;
        assert!(sent.success());
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn it_says_where_it_serves_and_ends_in_good_order() -> Outcome {
    let place = tempfile::tempdir()?;
    sealed(place.path(), &[("x", b"0123456789")])?;
    let line = ["serve", "--listen", "127.0.0.1:0", "--json", "--log", "serve.log"];
    let mut program = Program::start(place.path(), &line)?;
    let mut lines = BufReader::new(program.0.stdout.take().ok_or("its output")?).lines();
    let mut next = || -> Result<Value, Box<dyn std::error::Error>> {
        Ok(serde_json::from_str(&lines.next().ok_or("a line")??)?)
    };
    let started = next()?;
    assert_eq!(started["event"], "started");
    let address = started["address"].as_str().ok_or("an address")?.parse()?;
    assert_eq!(started["url"], format!("http://{address}/"));
    assert_eq!(get(address, "/Tool/1.0/data/x", &[])?.body, b"0123456789");
    assert_eq!(get(address, "/Tool/1.0/notes.json", &[])?.status, 200);
    assert_eq!(get(address, "/catalog.db", &[])?.status, 404);
    program.interrupt()?;
    assert_eq!(next()?["event"], "stopping");
    let stopped = next()?;
    assert_eq!(
        (&stopped["event"], &stopped["requests"], &stopped["broken"]),
        (&"stopped".into(), &3.into(), &0.into())
    );
    assert_eq!(program.0.wait()?.code(), Some(130));
    let log = std::fs::read_to_string(place.path().join("serve.log"))?;
    assert!(log.contains("/Tool/1.0/data/x") && log.contains("404"), "{log}");
    Ok(())
}

#[test]
fn a_second_interrupt_ends_it_at_once() -> Outcome {
    let place = tempfile::tempdir()?;
    put(place.path(), &[("served/x", &vec![1; 64 << 20])])?;
    let line = ["serve", "--listen", "127.0.0.1:0", "--folder", "served", "--finish-within", "600"];
    let mut program = Program::start(place.path(), &line)?;
    let mut out = BufReader::new(program.0.stdout.take().ok_or("its output")?);
    let mut first = String::new();
    out.read_line(&mut first)?;
    let address = first.trim().rsplit("http://").next().ok_or("an address")?.trim_end_matches('/').parse()?;
    let mut stuck = connect(address)?;
    stuck.write_all(&request("GET", "/x", &[]))?;
    stuck.read_exact(&mut [0; 1000])?;
    program.interrupt()?;
    // It listens no more, so the first one was heard.
    let started = std::time::Instant::now();
    while std::net::TcpStream::connect(address).is_ok() {
        assert!(started.elapsed() < Duration::from_secs(30), "it still listens");
        std::thread::yield_now();
    }
    program.interrupt()?;
    assert_eq!(program.0.wait()?.code(), Some(130));
    Ok(())
}

#[test]
fn what_cannot_be_served_is_refused_with_its_exit_code() -> Outcome {
    let place = tempfile::tempdir()?;
    sealed(place.path(), &[("x", b"x")])?;
    let taken = serve(place.path())?;
    let listen = taken.address().to_string();
    for (line, code, word) in [
        (&["serve", "--folder", "none"][..], 4, "serve-folder"),
        (&["serve", "--library", "none", "--listen", "127.0.0.1:0"], 4, "there is no library in none"),
        (&["serve", "--folder", "library", "--listen", "127.0.0.1:0"], 3, "serve-library"),
        (&["serve", "--listen", &listen], 4, "address-in-use"),
        (&["serve", "--tls-cert", "none", "--tls-key", "none", "--listen", "127.0.0.1:0"], 4, "certificate"),
        (&["serve", "--tls-cert", "none"], 2, "--tls-key"),
        (&["serve", "--listen", "nowhere"], 2, "nowhere"),
        (&["serve", "--listen", "8080"], 2, "write an IP address and a port, as 127.0.0.1:8080"),
    ] {
        let mut program = Program::start(place.path(), line)?;
        assert_eq!(program.0.wait()?.code(), Some(code), "{line:?}");
        let mut told = String::new();
        program.0.stderr.take().ok_or("its errors")?.read_to_string(&mut told)?;
        assert!(told.contains(word), "{line:?}: {told}");
        assert!(code == 2 || told.contains("\naction: "), "{line:?}: {told}");
    }
    Ok(())
}

#[test]
fn it_speaks_tls_with_a_certificate_of_its_own() -> Outcome {
    let place = tempfile::tempdir()?;
    sealed(place.path(), &[("x", b"0123456789")])?;
    let line = ["serve", "--listen", "127.0.0.1:0", "--json", "--tls-self"];
    let mut program = Program::start(place.path(), &line)?;
    let mut first = String::new();
    BufReader::new(program.0.stdout.take().ok_or("its output")?).read_line(&mut first)?;
    let started: Value = serde_json::from_str(&first)?;
    assert_eq!(started["certificate_sha256"].as_str().map(str::len), Some(64));
    let trusted = place.path().join("trusted.pem");
    std::fs::write(&trusted, started["certificate_pem"].as_str().ok_or("a certificate")?)?;
    let url = format!("{}Tool/1.0/data/x", started["url"].as_str().ok_or("a url")?);
    let got = curl().arg("--fail").arg("--cacert").arg(&trusted).arg(url).output()?;
    assert_eq!(got.stdout, b"0123456789", "{}", String::from_utf8_lossy(&got.stderr));
    program.interrupt()?;
    assert_eq!(program.0.wait()?.code(), Some(130));
    Ok(())
}

#[test]
fn six_hundred_clients_that_take_nothing_cost_little_memory() -> Outcome {
    const CLIENTS: usize = 600;
    let place = tempfile::tempdir()?;
    put(&place.path().join("served"), &[("x", &vec![1; 32 << 20])])?;
    let line = ["serve", "--listen", "127.0.0.1:0", "--folder", "served", "--finish-within", "0"];
    let mut program = Program::start(place.path(), &line)?;
    let mut out = BufReader::new(program.0.stdout.take().ok_or("its output")?);
    let mut first = String::new();
    out.read_line(&mut first)?;
    let address = first.trim().rsplit("http://").next().ok_or("an address")?.trim_end_matches('/').parse()?;
    // Each has a socket and a file open in the server: more than the usual 1,024 descriptors.
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = connect(address)?;
        client.write_all(&request("GET", "/x", &[]))?;
        clients.push(client);
    }
    for client in &mut clients {
        client.read_exact(&mut [0; 1000])?;
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.0.id()))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("its memory")?;
    let peak_kib: u64 = peak.trim().trim_end_matches(" kB").trim().parse()?;
    assert!(peak_kib < 160 << 10, "{peak_kib} KiB for {CLIENTS} clients");
    // And they are all served to the end.
    let mut last = clients.pop().ok_or("a client")?;
    drop(clients);
    let mut rest = Vec::new();
    last.read_to_end(&mut rest)?;
    assert!(rest.len() > (32 << 20) - 1000);
    Ok(())
}
