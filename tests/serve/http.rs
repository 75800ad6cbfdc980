//! A plain client: it sends what it is told, letter by letter, and reads the answer to the end.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use crate::support::tool;

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// The value of a field.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

/// Sends `request` and reads until the other side ends.
pub(crate) fn exchange(mut stream: impl Read + Write, request: &[u8]) -> Result<Reply, Box<dyn Error>> {
    stream.write_all(request)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    reply(answer)
}

fn reply(mut answer: Vec<u8>) -> Result<Reply, Box<dyn Error>> {
    let shown = || String::from_utf8_lossy(&answer[..answer.len().min(300)]).into_owned();
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .ok_or_else(|| format!("no head: {}", shown()))?;
    let body = answer.split_off(end + 4);
    let head = String::from_utf8(answer)?;
    let status = head.split(' ').nth(1).ok_or("no status")?.parse()?;
    Ok(Reply { status, head, body })
}

/// The text of a request whose answer ends the connection.
pub(crate) fn request(method: &str, path: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    for (name, value) in fields {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    (text + "\r\n").into_bytes()
}

pub(crate) fn connect(address: SocketAddr) -> Result<TcpStream, Box<dyn Error>> {
    let stream = TcpStream::connect(address)?;
    // Nothing in these tests takes so long; a hang becomes an error.
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.set_write_timeout(Some(Duration::from_secs(60)))?;
    Ok(stream)
}

/// One request on a connection of its own.
pub(crate) fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    fields: &[(&str, &str)],
) -> Result<Reply, Box<dyn Error>> {
    exchange(connect(address)?, &request(method, path, fields))
}

pub(crate) fn get(address: SocketAddr, path: &str, fields: &[(&str, &str)]) -> Result<Reply, Box<dyn Error>> {
    ask(address, "GET", path, fields)
}

/// curl, silent but for errors, without a configuration or a proxy of the user.
pub(crate) fn curl() -> Command {
    let mut command = Command::new(tool("curl", "apt-get install curl"));
    command.args(["--disable", "--silent", "--show-error", "--noproxy", "*", "--max-time", "60"]);
    command
}
