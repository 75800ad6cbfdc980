//! The folder of an agent: who it is, its key, what it keeps. Everything of an agent lies in it, so that many agents can
//! run on one computer; one program at a time runs one of them.
//!
//! ```text
//! agent.json     who it is, and where its site is       for its user alone
//! agent.key      its secret key                         for its user alone
//! agent.db       jobs, reports, what was seen            see `store::agent`
//! packages/      packages, as in a library
//! reginfo/       registration infos of jobs, by hash
//! scratch/       where procedures stand; emptied after each
//! set-aside/     files found in packages that belong to none
//! ```

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use minisign::{KeyPair, PublicKey, SecretKey, SecretKeyBox};
use serde::{Deserialize, Serialize};

use super::error::AgentError;
use crate::delivery::documents::{AgentId, Fingerprint, TokenId};
use crate::package::{PackageKey, SignedDocument};
use crate::transfer::Credentials;

const IDENTITY: &str = "agent.json";
const SECRET: &str = "agent.key";
const FILE_MAX_BYTES: u64 = 64 * 1024;

/// Who an agent is, and where its site is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    /// Its id.
    pub(super) agent: AgentId,
    /// Its public key.
    pub(super) agent_key: String,
    /// Address of the staging library's root, without a password.
    pub(super) site: String,
    /// How to sign in there.
    #[serde(default)]
    pub(super) credentials: Option<Credentials>,
    /// The certificate of the server.
    #[serde(default)]
    pub(super) pin: Option<String>,
    /// The token it enrols with, until it has.
    #[serde(default)]
    pub(super) enrolling: Option<TokenId>,
}

impl Identity {
    pub(super) fn pin(&self) -> Option<Fingerprint> {
        Fingerprint::parse(self.pin.as_deref()?)
    }
}

/// The folder of an agent, taken by this program.
#[derive(Debug)]
pub(super) struct Home {
    folder: PathBuf,
    // Held until the agent is dropped; vanishes with the program. None for who only looks.
    _lock: Option<File>,
}

/// The key of an agent.
pub(super) struct AgentKey {
    public: PublicKey,
    secret: SecretKey,
}

impl Home {
    /// Takes the folder, which must be there.
    pub(super) fn take(folder: &Path) -> Result<Self, AgentError> {
        let folder = folder.canonicalize().map_err(AgentError::folder("opening", folder))?;
        let lock = File::open(&folder).map_err(AgentError::folder("opening", &folder))?;
        #[cfg(unix)]
        if rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(AgentError::InUse(folder));
        }
        Ok(Self { folder, _lock: Some(lock) })
    }

    /// Looks into the folder, whoever has it.
    pub(super) fn look(folder: &Path) -> Result<Self, AgentError> {
        let folder = folder.canonicalize().map_err(AgentError::folder("opening", folder))?;
        Ok(Self { folder, _lock: None })
    }

    /// Makes the folder, where it is not there, for its user alone, and takes it.
    pub(super) fn make(folder: &Path) -> Result<Self, AgentError> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder).map_err(AgentError::folder("making", folder))?;
        Self::take(folder)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn database(&self) -> PathBuf {
        self.folder.join("agent.db")
    }

    pub(super) fn packages(&self) -> PathBuf {
        self.folder.join("packages")
    }

    /// The folder of a package, as in a library.
    pub(super) fn package(&self, key: &PackageKey) -> PathBuf {
        self.packages().join(key.name()).join(key.version())
    }

    pub(super) fn reginfos(&self) -> PathBuf {
        self.folder.join("reginfo")
    }

    pub(super) fn scratch(&self) -> PathBuf {
        self.folder.join("scratch")
    }

    pub(super) fn set_aside(&self) -> PathBuf {
        self.folder.join("set-aside")
    }

    /// Who it is; `None` where there is no agent here.
    pub(super) fn identity(&self) -> Result<Option<Identity>, AgentError> {
        let path = self.folder.join(IDENTITY);
        let Some(text) = read_private(&path)? else { return Ok(None) };
        let identity = serde_json::from_str(&text)
            .map_err(|error| AgentError::Damaged { path, why: error.to_string() })?;
        Ok(Some(identity))
    }

    pub(super) fn write_identity(&self, identity: &Identity) -> Result<(), AgentError> {
        let path = self.folder.join(IDENTITY);
        let text = serde_json::to_vec_pretty(identity)
            .map_err(|error| AgentError::Damaged { path, why: error.to_string() })?;
        self.write_private(IDENTITY, &text)
    }

    /// Makes a key, and keeps it.
    pub(super) fn make_key(&self) -> Result<AgentKey, AgentError> {
        let path = self.folder.join(SECRET);
        let damaged = |why: String| AgentError::Damaged { path: path.clone(), why };
        let pair = KeyPair::generate_unencrypted_keypair().map_err(|error| damaged(error.to_string()))?;
        let text = pair
            .sk
            .to_box(Some("Packhouse agent secret key"))
            .map_err(|error| damaged(error.to_string()))?
            .into_string();
        self.write_private(SECRET, text.as_bytes())?;
        Ok(AgentKey { public: pair.pk, secret: pair.sk })
    }

    /// Its key.
    pub(super) fn key(&self) -> Result<AgentKey, AgentError> {
        let path = self.folder.join(SECRET);
        let Some(text) = read_private(&path)? else {
            return Err(AgentError::Damaged { path, why: "it is not there".to_owned() });
        };
        let damaged = |error: minisign::PError| AgentError::Damaged { path, why: error.to_string() };
        let read = SecretKey::from_unencrypted_box(SecretKeyBox::from(text))
            .and_then(|secret| Ok((PublicKey::from_secret_key(&secret)?, secret)));
        let (public, secret) = read.map_err(damaged)?;
        Ok(AgentKey { public, secret })
    }

    /// Writes a file that its user alone may read, whole: after a power cut the old one is there, or the new one.
    fn write_private(&self, name: &str, content: &[u8]) -> Result<(), AgentError> {
        let path = self.folder.join(name);
        let temporary = self.folder.join(format!(".{name}.new"));
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options
            .open(&temporary)
            .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&temporary, &path))
            .and_then(|()| sync_folder(&self.folder))
            .map_err(AgentError::folder("writing", &path))
    }
}

impl AgentKey {
    /// The public half, as base64 text.
    pub(super) fn public(&self) -> String {
        self.public.to_base64()
    }

    /// Signs a text.
    pub(super) fn sign(&self, text: String, comment: &str) -> Result<SignedDocument, AgentError> {
        Ok(SignedDocument::sign(text, &self.public, &self.secret, comment)?)
    }
}

/// Brings the names of a folder to the disk.
pub(super) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    return File::open(folder)?.sync_all();
    #[cfg(not(unix))]
    {
        let _ = folder;
        Ok(())
    }
}

fn read_private(path: &Path) -> Result<Option<String>, AgentError> {
    let file = match crate::disk::open_plain(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(AgentError::folder("reading", path)(error)),
    };
    let mut text = String::new();
    file.take(FILE_MAX_BYTES).read_to_string(&mut text).map_err(AgentError::folder("reading", path))?;
    Ok(Some(text))
}
