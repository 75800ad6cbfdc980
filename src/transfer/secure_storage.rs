//! Secure storage: texts kept in the library database so that nobody else can read or forge them.
//!
//! XChaCha20-Poly1305 under a key of the user, which lies in a file only its owner may read; bound to library, kind and
//! package, so that a row moved elsewhere opens nothing. Owns the key file and the sealing; the rows themselves are the
//! store's. A row under another user's key counts as absent and is left alone; one under our own key that cannot be
//! authenticated is reported and dropped; a key that cannot be reached discards nothing.

use std::fmt;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use jiff::Timestamp;
use zeroize::{Zeroize as _, Zeroizing};

use crate::disk;
use crate::failure::{Class, Failure};
use crate::package::digest::{parse_hex, to_hex};
use crate::package::{Sha256Digest, record::PackageId};
use crate::store::{Catalogue, SecureRow, StoreError};

/// Name of the key file in the folder of the user's keys.
pub const KEY_FILE_NAME: &str = "secure-storage.key";

const KEY_FORMAT: &str = "packhouse-secure-storage-1";
const KEY_FILE_MAX_BYTES: u64 = 4096;
const NONCE_BYTES: usize = 24;

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The snapshot of a download with the texts that prove it.
    Snapshot,
    /// Names, passwords and tokens for its codebases.
    Credentials,
    /// The SHA-256 of the progress record of a clean stop.
    CleanStop,
    /// How this user reaches the network: proxy, sign-in there, certificates. Of no package.
    Network,
    /// Name and password of a staging library, under its own id.
    Staging,
    /// The secret of an enrolment token, under its id.
    Enrolment,
}

/// What went wrong with secure storage.
#[derive(Debug, thiserror::Error)]
pub enum SecureError {
    /// The key cannot be reached. Nothing was discarded.
    #[error("secure storage is locked: {file}: {why}")]
    Locked {
        /// The key file.
        file: PathBuf,
        /// Why.
        why: String,
    },
    /// The library database said so.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A text that cannot be sealed, or no random numbers.
    #[error("secure storage: {0}")]
    Sealing(String),
}

/// What a row of secure storage holds.
#[derive(PartialEq, Eq)]
pub enum Kept {
    /// Nothing under our key.
    Absent,
    /// This text.
    Text(Zeroizing<Vec<u8>>),
    /// A row under our key that was not written by us for this place: what it was is not known.
    Forged,
}

/// Secure storage of one user in one library.
pub struct SecureStorage {
    key: Zeroizing<[u8; 32]>,
    key_id: String,
    library: String,
    owner: String,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Credentials => "credentials",
            Self::CleanStop => "clean-stop",
            Self::Network => "network",
            Self::Staging => "staging",
            Self::Enrolment => "enrolment",
        }
    }
}

impl SecureError {
    /// The failure as a person reads it.
    pub fn explain(&self) -> Failure {
        match self {
            Self::Locked { file, why } => Failure::new(
                "SECURE_STORE_LOCKED",
                Class::Environment,
                "secure storage cannot be opened",
                format!("Make {} readable again, or put it back from a backup of your keys", file.display()),
            )
            .because(why.clone())
            .temporary(),
            Self::Store(error) => Failure::new(
                "secure-storage",
                Class::Environment,
                "secure storage could not be read or written",
                "Check the disk of the library",
            )
            .because(error.to_string()),
            Self::Sealing(why) => Failure::new(
                "secure-storage",
                Class::Environment,
                "secure storage could not be written",
                "Try again",
            )
            .because(why.clone()),
        }
    }
}

impl SecureStorage {
    /// Opens secure storage with the key in `keys`, the folder of the user's keys; makes the key where this user has
    /// none and no row in this library that needs one. `owner` names the user and computer, as History does.
    pub fn open(keys: &Path, catalogue: &Catalogue, owner: &str) -> Result<Self, SecureError> {
        let file = keys.join(KEY_FILE_NAME);
        let library = catalogue.library_value("id")?.unwrap_or_default();
        let (key, key_id) = match read_key(&file)? {
            Some(found) => found,
            None => {
                let ours = catalogue.secure_keys_of(owner)?;
                if let Some(lost) = ours.first() {
                    let why = format!("it is not there, and what {owner} kept needs key {lost}");
                    return Err(SecureError::Locked { file, why });
                }
                make_key(keys, &file)?
            }
        };
        Ok(Self { key, key_id, library, owner: owner.to_owned() })
    }

    /// Makes a new key after the old one was lost for good. A file that is damaged is set aside under another name; rows
    /// under the old key are left alone and count as absent from now on. An error if the key there can be used.
    pub fn start_anew(keys: &Path, catalogue: &Catalogue, owner: &str) -> Result<Self, SecureError> {
        let file = keys.join(KEY_FILE_NAME);
        match read_key(&file) {
            Ok(Some(_)) => return Err(SecureError::Sealing("its key is there and can be used".to_owned())),
            Ok(None) => {}
            Err(_) => {
                let aside = keys.join(format!("{KEY_FILE_NAME}.{}", Timestamp::now().as_millisecond()));
                disk::rename_new(&file, &aside).map_err(|error| locked(&file, &error))?;
            }
        }
        let (key, key_id) = make_key(keys, &file)?;
        let library = catalogue.library_value("id")?.unwrap_or_default();
        Ok(Self { key, key_id, library, owner: owner.to_owned() })
    }

    /// Id of the key, as rows name it.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Seals `text` and keeps it in place of what was kept for this kind and package.
    pub fn keep(
        &self,
        catalogue: &mut Catalogue,
        kind: Kind,
        package: PackageId,
        text: &[u8],
    ) -> Result<(), SecureError> {
        let mut nonce = [0u8; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|error| SecureError::Sealing(error.to_string()))?;
        let bound = self.bound_to(kind, package);
        let sealed = self
            .cipher()
            .encrypt(&XNonce::from(nonce), Payload { msg: text, aad: &bound })
            .map_err(|_| SecureError::Sealing("the text is too long".to_owned()))?;
        let row = SecureRow {
            kind: kind.word().to_owned(),
            package,
            key_id: self.key_id.clone(),
            owner: self.owner.clone(),
            nonce: nonce.to_vec(),
            sealed,
            saved: Timestamp::now(),
        };
        catalogue.change(|change| change.put_secure_row(&row).map_err(SecureError::from))
    }

    /// What is kept for this kind and package. A row under our key that was not sealed for this place is
    /// [`Kept::Forged`], and is still there: see [`SecureStorage::drop`].
    pub fn kept(&self, catalogue: &Catalogue, kind: Kind, package: PackageId) -> Result<Kept, SecureError> {
        let Some(row) = catalogue.secure_row(kind.word(), package, &self.key_id)? else {
            return Ok(Kept::Absent);
        };
        let Ok(nonce) = <[u8; NONCE_BYTES]>::try_from(row.nonce.as_slice()) else {
            return Ok(Kept::Forged);
        };
        let bound = self.bound_to(kind, package);
        let payload = Payload { msg: &row.sealed, aad: &bound };
        Ok(match self.cipher().decrypt(&XNonce::from(nonce), payload) {
            Ok(text) => Kept::Text(Zeroizing::new(text)),
            Err(_) => Kept::Forged,
        })
    }

    /// Drops what is kept for this kind and package under our key; other users' rows stay.
    pub fn drop(&self, catalogue: &mut Catalogue, kind: Kind, package: PackageId) -> Result<(), SecureError> {
        catalogue.change(|change| {
            change.drop_secure_row(kind.word(), package, &self.key_id).map_err(SecureError::from)
        })
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.key).into())
    }

    /// What a row is bound to; the length in front keeps one part from running into the next.
    fn bound_to(&self, kind: Kind, package: PackageId) -> Vec<u8> {
        let mut bound = Vec::with_capacity(128);
        for part in [KEY_FORMAT, &self.library, kind.word(), &package.to_string()] {
            bound.extend_from_slice(&(part.len() as u64).to_le_bytes());
            bound.extend_from_slice(part.as_bytes());
        }
        bound
    }
}

impl fmt::Debug for SecureStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecureStorage").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "Absent",
            Self::Text(_) => "Text(…)",
            Self::Forged => "Forged",
        })
    }
}

fn locked(file: &Path, why: &dyn fmt::Display) -> SecureError {
    SecureError::Locked { file: file.to_owned(), why: why.to_string() }
}

type Key = (Zeroizing<[u8; 32]>, String);

/// The key in `file`; `None` if there is no such file in a folder that can be read.
fn read_key(file: &Path) -> Result<Option<Key>, SecureError> {
    let opened = match disk::open_plain(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(locked(file, &disk::words(&error))),
    };
    // Room for all of it at once: a vector that grows leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(KEY_FILE_MAX_BYTES as usize));
    opened
        .take(KEY_FILE_MAX_BYTES)
        .read_to_string(&mut text)
        .map_err(|error| locked(file, &disk::words(&error)))?;
    let mut words = text.split_ascii_whitespace();
    let (format, id, key) = (words.next(), words.next(), words.next());
    if format != Some(KEY_FORMAT) {
        return Err(locked(file, &"it is no key of secure storage"));
    }
    let key = key.and_then(parse_hex::<32>).map(Zeroizing::new);
    match (id, key) {
        (Some(id), Some(key)) if id == key_id(&key) => Ok(Some((key, id.to_owned()))),
        _ => Err(locked(file, &"the key in it is damaged")),
    }
}

/// Makes the key. Where another program was faster, its key is the one.
fn make_key(keys: &Path, file: &Path) -> Result<Key, SecureError> {
    let mut key = Zeroizing::new([0u8; 32]);
    getrandom::fill(&mut *key).map_err(|error| SecureError::Sealing(error.to_string()))?;
    let id = key_id(&key);
    let mut hex = to_hex(&*key);
    let text = Zeroizing::new(format!("{KEY_FORMAT} {id} {hex}\n"));
    hex.zeroize();
    super::checkpoint::make_folder(keys).map_err(|error| locked(file, &disk::words(&error)))?;
    let temporary = keys.join(format!(".{}", uuid::Uuid::new_v4().simple()));
    let written = new_private_file(&temporary)
        .and_then(|mut new| new.write_all(text.as_bytes()).and_then(|()| new.sync_all()))
        .and_then(|()| disk::rename_new(&temporary, file));
    if let Err(error) = written {
        let _ = fs::remove_file(&temporary);
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            return read_key(file)?.ok_or_else(|| locked(file, &"it came and went"));
        }
        return Err(locked(file, &disk::words(&error)));
    }
    // Rows sealed with it must not outlive its name.
    super::checkpoint::sync_folder(keys).map_err(|error| locked(file, &disk::words(&error)))?;
    Ok((key, id))
}

/// The id tells a damaged key from one that never wrote a row.
fn key_id(key: &[u8; 32]) -> String {
    let mut text = Zeroizing::new(KEY_FORMAT.as_bytes().to_vec());
    text.reserve_exact(key.len());
    text.extend_from_slice(key);
    to_hex(&Sha256Digest::of(&text).as_bytes()[..8])
}

fn new_private_file(path: &Path) -> std::io::Result<File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}
