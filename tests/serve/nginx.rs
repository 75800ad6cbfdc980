//! nginx beside us: the same folder, the same requests, the same answers.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::http::{ask, exchange, request};
use crate::support::tool;
use crate::{Outcome, content, put, serve};

/// nginx on a socket of its own, until dropped.
struct Nginx {
    place: tempfile::TempDir,
}

impl Nginx {
    fn start(folder: &Path) -> Result<Self, Box<dyn std::error::Error>> {
        let place = tempfile::tempdir()?;
        let at = place.path().display();
        // One worker, as the user who runs the tests: the folder is that user's alone.
        let configuration = format!(
            "user root;\nworker_processes 1;\npid {at}/pid;\nerror_log {at}/errors;\n\
             events {{}}\nhttp {{\n  access_log off;\n  default_type application/octet-stream;\n\
             client_body_temp_path {at}/1;\n  proxy_temp_path {at}/2;\n  fastcgi_temp_path {at}/3;\n\
             uwsgi_temp_path {at}/4;\n  scgi_temp_path {at}/5;\n\
             server {{\n    listen unix:{at}/socket;\n    root \"{}\";\n    if_modified_since before;\n  }}\n}}\n",
            folder.display()
        );
        fs::write(place.path().join("nginx.conf"), configuration)?;
        let nginx = Self { place };
        // It returns when its socket takes connections.
        let out = nginx.command().output()?;
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        Ok(nginx)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(program());
        command.arg("-c").arg(self.place.path().join("nginx.conf")).arg("-p").arg(self.place.path());
        command.arg("-e").arg(self.place.path().join("errors"));
        command
    }

    fn connect(&self) -> std::io::Result<UnixStream> {
        let stream = UnixStream::connect(self.place.path().join("socket"))?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(stream)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.command().args(["-s", "stop"]).output();
    }
}

/// Debian keeps it where only root looks.
fn program() -> PathBuf {
    let usual = PathBuf::from("/usr/sbin/nginx");
    if usual.is_file() { usual } else { tool("nginx", "apt-get install nginx") }
}

#[test]
fn nginx_gives_the_same_status_ranges_and_bytes_for_every_request() -> Outcome {
    let place = tempfile::tempdir()?;
    let (big, folder) = (content(3_000_000), place.path().join("packages"));
    let files: &[(&str, &[u8])] = &[
        ("Tool/1.0/data/big.bin", &big),
        ("Tool/1.0/data/a b%.txt", b"0123456789"),
        ("Tool/1.0/data/empty", b""),
    ];
    put(&folder, files)?;
    let (ours, nginx) = (serve(&folder)?, Nginx::start(&folder)?);
    let modified = ask(ours.address(), "HEAD", "/Tool/1.0/data/big.bin", &[])?;
    let modified = modified.field("Last-Modified").ok_or("a date")?.to_owned();
    let old = "Sat, 01 Jan 2000 00:00:00 GMT";
    let fields: &[&[(&str, &str)]] = &[
        &[],
        &[("Range", "bytes=0-0")],
        &[("Range", "bytes=0-")],
        &[("Range", "bytes=5-9")],
        &[("Range", "bytes=3-3000000")],
        &[("Range", "bytes=9-999999999999")],
        &[("Range", "bytes=1048576-2097151")],
        &[("Range", "bytes=2999999-")],
        &[("Range", "bytes=3000000-")],
        &[("Range", "bytes=3000001-3000002")],
        &[("Range", "bytes=-1")],
        &[("Range", "bytes=-10")],
        &[("Range", "bytes=-0")],
        &[("Range", "bytes=-9999999")],
        &[("Range", "bytes=5-2")],
        &[("Range", "bytes=")],
        &[("Range", "bytes=abc")],
        &[("Range", "bytes=1")],
        &[("Range", "bytes=-")],
        &[("Range", "bytes=1-2x")],
        &[("Range", "bytes=--1")],
        &[("Range", "lines=0-1")],
        &[("Range", "0-1")],
        &[("Range", "bytes=0-1,5-6")],
        &[("Range", "bytes=0-1,3000000-")],
        &[("Range", "bytes=0-,0-")],
        &[("Range", "bytes=0-5"), ("If-Range", &modified)],
        &[("Range", "bytes=0-5"), ("If-Range", old)],
        &[("Range", "bytes=0-5"), ("If-Range", "\"other\"")],
        &[("If-Modified-Since", &modified)],
        &[("If-Modified-Since", old)],
        &[("If-Unmodified-Since", &modified)],
        &[("If-Unmodified-Since", old)],
        &[("If-None-Match", "*")],
        &[("If-None-Match", "\"other\"")],
        &[("If-Match", "\"other\"")],
    ];
    let paths =
        ["/Tool/1.0/data/big.bin", "/Tool/1.0/data/a%20b%25.txt", "/Tool/1.0/data/empty", "/Tool/1.0/none"];
    for path in paths {
        for fields in fields {
            let one = ask(ours.address(), "GET", path, fields)?;
            let other = exchange(nginx.connect()?, &request("GET", path, fields))?;
            assert_eq!(one.status, other.status, "{path} {fields:?}");
            assert_eq!(one.field("Content-Range"), other.field("Content-Range"), "{path} {fields:?}");
            let is_one_piece = !one.field("Content-Type").is_some_and(|kind| kind.starts_with("multipart"));
            if matches!(one.status, 200 | 206) && is_one_piece {
                assert_eq!(one.field("Content-Length"), other.field("Content-Length"), "{path} {fields:?}");
                assert!(one.body == other.body, "other bytes: {path} {fields:?}");
            }
        }
        // A range is for GET only; nginx takes it for HEAD as well.
        let one = ask(ours.address(), "HEAD", path, &[])?;
        let other = exchange(nginx.connect()?, &request("HEAD", path, &[]))?;
        assert_eq!((one.status, one.body.len()), (other.status, 0), "{path}");
        if one.status == 200 {
            assert_eq!(one.field("Content-Length"), other.field("Content-Length"), "{path}");
            assert_eq!(one.field("Last-Modified"), other.field("Last-Modified"), "{path}");
        }
    }
    Ok(())
}
