//! A sample package, a server that can be broken, and a download of it: for newcomers who want to see a recovery.
//!
//! Owns a folder of its own, and deletes it at the end. Everything in it is real: a library with a sealed package, a web
//! server, a cable to it. Must not know what is shown of it.

use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{
    Actor, AddDownload, CreateKey, DownloadRow, LiveDownload, LookAtOffer, OpenOptions, Register,
    RegisterRequest, Seal, ServeOptions, Server, Session, ShareOptions,
};
use crate::failure::{Class, Failure};
use crate::package::download::{DownloadId, TrustDecision};
use crate::package::{BlockSize, BlockState, BoardCopy};
use crate::serve::Cable;
use crate::work::Work;

/// Name of its folder within the folder of a library.
const RECOVERY_FOLDER: &str = ".see-a-recovery";
/// Files of the sample: name and size in KiB.
const FILES: [(&str, u64); 4] = [
    ("bin/program.exe", 28 * 1024),
    ("lib/core.dll", 12 * 1024),
    ("share/help.chm", 6 * 1024),
    ("LICENCE.txt", 3),
];
/// So slow that it can be watched: about twenty seconds.
const LIMIT_BYTES_PER_S: u64 = 2_500_000;
/// Why its unknown key is allowed; by this its download is known again.
const REASON: &str = "See a recovery: the sample was made on this computer just now";

/// A sample that is being served. Dropped, the server ends; [`Recovery::clear`] deletes the folder.
#[derive(Debug)]
pub struct Recovery {
    folder: PathBuf,
    cable: Cable,
    server: Mutex<Option<Server>>,
    id: DownloadId,
}

impl Recovery {
    /// Makes the sample below the folder of the library of `session`, serves it, and begins to download it.
    pub fn begin(session: &Session, work: &Work) -> Result<Self, Failure> {
        let folder = session.root().join(RECOVERY_FOLDER);
        Self::clear(session)?;
        make_sample(&folder, work)?;
        let cable = Cable::new().map_err(|error| failed("no port is free", &error))?;
        let address = format!("http://{}/Sample/1.0/", cable.address());
        let server = start_server(&folder)?;
        cable.lead_to(Some(server.address()));
        // A key of its own signed it: what is shown here is what is allowed next.
        session.run(LookAtOffer { address: address.clone(), credentials: None }, work)?;
        let request = AddDownload {
            address,
            connections: 4,
            limit: Some(LIMIT_BYTES_PER_S),
            unknown_key: Some(REASON.to_owned()),
            ..AddDownload::default()
        };
        let id = session.run(request, work)?;
        Ok(Self { folder, cable, server: Mutex::new(Some(server)), id })
    }

    /// Deletes what an earlier one has left, its download excepted.
    pub fn clear(session: &Session) -> Result<(), Failure> {
        match fs::remove_dir_all(session.root().join(RECOVERY_FOLDER)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(failed("its folder cannot be deleted", &error))
            }
            _ => Ok(()),
        }
    }

    /// Whether a download is one of a sample.
    pub fn is_of_sample(download: &DownloadRow) -> bool {
        matches!(&download.trust, Some(TrustDecision::ThisOnce { allowed, .. }) if allowed.reason == REASON)
    }

    /// The download of the sample.
    pub fn id(&self) -> DownloadId {
        self.id
    }

    /// Cuts the cable to the server, or puts it back in.
    pub fn cut_cable(&self, is_cut: bool) {
        self.cable.cut(is_cut);
    }

    /// Whether the cable is cut.
    pub fn is_cut(&self) -> bool {
        self.cable.is_cut()
    }

    /// Ends the server at once. Waits for it.
    pub fn stop_server(&self) {
        self.cable.lead_to(None);
        let server = self.lock().take();
        if let Some(server) = server {
            server.stop(Duration::ZERO);
        }
    }

    /// Starts the server again.
    pub fn start_server(&self) -> Result<(), Failure> {
        let mut server = self.lock();
        if server.is_none() {
            let started = start_server(&self.folder)?;
            self.cable.lead_to(Some(started.address()));
            *server = Some(started);
        }
        Ok(())
    }

    /// Whether the server runs.
    pub fn is_served(&self) -> bool {
        self.lock().is_some()
    }

    /// Flips every bit of a few bytes in a proven block of the download in `folder`; gives its number. `None` while
    /// none is proven.
    pub fn corrupt_block(&self, live: &LiveDownload, folder: &Path) -> Result<Option<usize>, Failure> {
        let Some(map) = live.map() else { return Ok(None) };
        let copy = BoardCopy::of(&live.board());
        let proven = [BlockState::Verified, BlockState::Kept];
        // One in the middle is seen best.
        let proven = copy.all(&proven, usize::MAX);
        let Some(block) = proven.get(proven.len() / 2).copied() else { return Ok(None) };
        let Some(place) = map.place(block) else { return Ok(None) };
        let path = folder.join("data").join(place.path);
        let flip = || {
            let mut file = fs::OpenOptions::new().read(true).write(true).open(&path)?;
            let mut bytes = [0; 16];
            let count = usize::try_from(place.size_bytes).unwrap_or(usize::MAX).min(bytes.len());
            file.seek(SeekFrom::Start(place.offset_bytes))?;
            file.read_exact(&mut bytes[..count])?;
            bytes.iter_mut().for_each(|byte| *byte = !*byte);
            file.seek(SeekFrom::Start(place.offset_bytes))?;
            file.write_all(&bytes[..count])
        };
        flip().map_err(|error| failed("a block could not be corrupted", &error))?;
        Ok(Some(block))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Server>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failed(what: &str, error: &std::io::Error) -> Failure {
    Failure::new(
        "recovery-sample",
        Class::Environment,
        format!("the sample cannot be shown: {what}"),
        "Check the disk of the library, and try again",
    )
    .because(error.to_string())
}

fn start_server(folder: &Path) -> Result<Server, Failure> {
    let packages = folder.join("library/packages");
    super::serve(ServeOptions::new(packages, ([127, 0, 0, 1], 0).into()))
}

/// A library below `folder` with the sealed package `Sample 1.0`.
fn make_sample(folder: &Path, work: &Work) -> Result<(), Failure> {
    let source = folder.join("source");
    write_files(&source).map_err(|error| failed("its files could not be written", &error))?;
    let session = Session::open(OpenOptions {
        root: folder.join("library"),
        create: true,
        read_only: false,
        actor: Actor {
            who: "Packhouse".to_owned(),
            host: "this computer".to_owned(),
            how: "See a recovery".to_owned(),
            time_zone: jiff::tz::TimeZone::UTC,
        },
        keys: folder.join("keys"),
        share: ShareOptions::default(),
    })?;
    session.run(CreateKey { name: "See a recovery".to_owned() }, work)?;
    let request = RegisterRequest {
        name: Some("Sample".to_owned()),
        version: Some("1.0".to_owned()),
        ..RegisterRequest::new(vec![source.clone()])
    };
    let package = session.run(Register { request }, work)?.record.id;
    session.run(Seal { package, key: None, block_size: Some(BlockSize::LEAST) }, work)?;
    // It is only a copy now.
    fs::remove_dir_all(source).ok();
    Ok(())
}

/// Writes files of which no two blocks are equal.
fn write_files(source: &Path) -> std::io::Result<()> {
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    for (name, kib) in FILES {
        let path = source.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = std::io::BufWriter::new(fs::File::create_new(path)?);
        for _ in 0..kib * 1024 / 8 {
            // Marsaglia's xorshift.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            file.write_all(&state.to_le_bytes())?;
        }
        file.flush()?;
    }
    Ok(())
}
