//! The user's keys: own ones, which seal, and foreign ones that are trusted. minisign keys, one JSON file each.
//!
//! They belong to the user, not to a library. A secret key lies in a file of its own that only the user may read.

use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use minisign::{ErrorKind, KeyPair, PublicKey, PublicKeyBox, SecretKey, SecretKeyBox, SignatureBox};

use super::LibraryError;
use super::error::io_error;
use super::operation::sync_folder;
use super::package_folder::read_text;
use crate::package::signed_document::{SignatureProblem, SignedDocument};
use crate::package::trust::{self, KeyInfo, KeyUse, SealJudgement, key_id};

/// Largest key file that is read, in bytes.
const KEY_FILE_MAX_BYTES: u64 = 64 * 1024;

/// scrypt limits of a backup, as minisign writes them into the file: 256 MiB, N = 2^18, r = 8, p = 1.
const BACKUP_OPERATIONS: u64 = 8 * 1024 * 1024;
const BACKUP_MEMORY: u64 = 256 * 1024 * 1024;
const BACKUP_LOG_N: u8 = 18;

/// The folder of keys of one user. Nothing is read before it is asked for.
#[derive(Clone, Debug)]
pub struct KeyRing {
    folder: PathBuf,
}

impl KeyRing {
    /// The keys in `folder`, which need not exist yet.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The folder they lie in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// All keys by name; own ones first.
    pub fn list(&self) -> Result<Vec<KeyInfo>, LibraryError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(io_error("read the folder", &self.folder)(error)),
        };
        let mut keys = Vec::new();
        for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
            if path.extension().is_none_or(|ending| ending != "json") {
                continue;
            }
            let Some(text) = read_text(&path, KEY_FILE_MAX_BYTES)? else { continue };
            let info: KeyInfo =
                serde_json::from_str(&text).map_err(|error| unusable(&path.display().to_string(), error))?;
            keys.push(info);
        }
        keys.sort_by_key(|key| (!key.own, key.name.to_lowercase()));
        Ok(keys)
    }

    /// The key with this name (without regard to case) or id.
    pub fn find(&self, name: &str) -> Result<KeyInfo, LibraryError> {
        let wanted = name.to_lowercase();
        self.list()?
            .into_iter()
            .find(|key| key.name.to_lowercase() == wanted || key.key_id.to_lowercase() == wanted)
            .ok_or_else(|| LibraryError::NoSuchKey(name.to_owned()))
    }

    /// Makes a key. It is trusted for everything at once.
    pub fn create(&self, name: &str) -> Result<KeyInfo, LibraryError> {
        let pair = KeyPair::generate_unencrypted_keypair().map_err(|error| unusable(name, error))?;
        self.keep_own(name, &pair.pk, &pair.sk)
    }

    fn keep_own(&self, name: &str, public: &PublicKey, secret: &SecretKey) -> Result<KeyInfo, LibraryError> {
        let info = KeyInfo {
            name: checked_name(name)?,
            key_id: key_id(public.keynum()),
            public: public.to_base64(),
            own: true,
            since: Timestamp::now(),
            backup: None,
            retired: false,
            uses: vec![KeyUse::Seal, KeyUse::Jobs],
        };
        self.require_free(&info)?;
        let boxed = plain(secret)
            .and_then(|secret| secret.to_box(Some("Packhouse secret key")))
            .map_err(|error| unusable(name, error))?;
        // The secret first: a key that is listed can be used.
        self.write_file(&self.secret_path(&info.key_id), boxed.into_string().as_bytes())?;
        self.write_info(&info)?;
        Ok(info)
    }

    fn require_free(&self, info: &KeyInfo) -> Result<(), LibraryError> {
        let folded = info.name.to_lowercase();
        match self.list()?.into_iter().find(|key| {
            key.name.to_lowercase() == folded && key.key_id != info.key_id
                || (key.key_id == info.key_id && key.own)
        }) {
            Some(taken) => Err(LibraryError::KeyExists(taken.name)),
            None => Ok(()),
        }
    }

    /// Trusts a foreign key: base64 text (`RW…`), the content of a `.pub` file, or the path of one.
    pub fn trust(&self, key: &str, name: Option<&str>, uses: &[KeyUse]) -> Result<KeyInfo, LibraryError> {
        let public = read_public(key).map_err(|error| match error {
            LibraryError::NoSuchKey(text) => LibraryError::NotAKey(text),
            other => other,
        })?;
        let id = key_id(public.keynum());
        let default_name = format!("Key {id}");
        let info = KeyInfo {
            name: checked_name(name.unwrap_or(&default_name))?,
            key_id: id,
            public: public.to_base64(),
            own: false,
            since: Timestamp::now(),
            backup: None,
            retired: false,
            uses: uses.to_vec(),
        };
        self.require_free(&info)?;
        self.write_info(&info)?;
        Ok(info)
    }

    /// Forgets a foreign key. An own key is retired instead, since it may be needed to trust what it sealed.
    pub fn distrust(&self, name: &str) -> Result<KeyInfo, LibraryError> {
        let mut info = self.find(name)?;
        if info.own {
            info.uses.clear();
            info.retired = true;
            self.write_info(&info)?;
        } else {
            let path = self.info_path(&info.key_id);
            fs::remove_file(&path).map_err(io_error("remove", &path))?;
        }
        Ok(info)
    }

    /// Uses a key no longer for sealing; what it sealed stays trusted.
    pub fn retire(&self, name: &str) -> Result<KeyInfo, LibraryError> {
        let mut info = self.find(name)?;
        info.retired = true;
        self.write_info(&info)?;
        Ok(info)
    }

    /// Writes a backup of an own key in minisign's encrypted form. The file must not exist.
    pub fn export(&self, name: &str, to: &Path, passphrase: &str) -> Result<KeyInfo, LibraryError> {
        let mut info = self.find(name)?;
        let secret = self.secret(&info)?;
        let boxed = encrypt(&secret, passphrase).map_err(|why| unusable(name, why))?;
        let mut file = new_private_file(to).map_err(io_error("write", to))?;
        file.write_all(boxed.as_bytes()).and_then(|()| file.sync_all()).map_err(io_error("write", to))?;
        info.backup = Some(Timestamp::now());
        self.write_info(&info)?;
        Ok(info)
    }

    /// Takes a key from a backup, or from minisign's own key file.
    pub fn import(&self, from: &Path, name: &str, passphrase: &str) -> Result<KeyInfo, LibraryError> {
        let shown = from.display().to_string();
        let text =
            read_text(from, KEY_FILE_MAX_BYTES)?.ok_or_else(|| LibraryError::NoSuchKey(shown.clone()))?;
        let boxed = SecretKeyBox::from(text);
        let secret = SecretKey::from_unencrypted_box(boxed.clone())
            .or_else(|_| SecretKey::from_box(boxed, Some(passphrase.to_owned())))
            .map_err(|error| match error.kind() {
                ErrorKind::Verify => LibraryError::WrongPassphrase(from.to_owned()),
                _ => unusable(&shown, error),
            })?;
        let public = PublicKey::from_secret_key(&secret).map_err(|error| unusable(&shown, error))?;
        let mut info = self.keep_own(name, &public, &secret)?;
        info.backup = Some(Timestamp::now());
        self.write_info(&info)?;
        Ok(info)
    }

    /// The key that seals: the one named, or the only own key that is not retired; `None` if there is none yet.
    pub fn sealing_key(&self, name: Option<&str>) -> Result<Option<KeyInfo>, LibraryError> {
        if let Some(name) = name {
            let info = self.find(name)?;
            return if info.own { Ok(Some(info)) } else { Err(LibraryError::NoSuchKey(name.to_owned())) };
        }
        // The newest is the one in use; older ones stay for what they sealed.
        Ok(self.list()?.into_iter().filter(|key| key.own && !key.retired).max_by_key(|key| key.since))
    }

    /// Signs a text with an own key; gives the text of the `.minisig` file.
    pub(crate) fn sign(
        &self,
        info: &KeyInfo,
        text: &str,
        trusted_comment: &str,
    ) -> Result<String, LibraryError> {
        let secret = self.secret(info)?;
        let public = PublicKey::from_base64(&info.public).map_err(|error| unusable(&info.name, error))?;
        let untrusted = format!("Packhouse seal, key {}", info.key_id);
        minisign::sign(Some(&public), &secret, Cursor::new(text), Some(trusted_comment), Some(&untrusted))
            .map(SignatureBox::into_string)
            .map_err(|error| unusable(&info.name, error))
    }

    /// An own key, read once, for many signatures.
    pub fn signer(&self, info: &KeyInfo) -> Result<Signer, LibraryError> {
        let secret = self.secret(info)?;
        let public = PublicKey::from_base64(&info.public).map_err(|error| unusable(&info.name, error))?;
        Ok(Signer { public, secret })
    }

    /// Judges the seal `signature` over `text`. `also` are keys trusted for this once.
    pub fn judge(
        &self,
        text: &str,
        signature: &str,
        also: &[KeyInfo],
    ) -> Result<SealJudgement, LibraryError> {
        let mut keys = also.to_vec();
        keys.extend(self.list()?);
        Ok(trust::judge(text, signature, &keys))
    }

    /// A key for `--trust`: the name of a known one, base64 text, or a `.pub` file.
    pub fn resolve(&self, text: &str) -> Result<KeyInfo, LibraryError> {
        if let Ok(mut info) = self.find(text) {
            if !info.uses.contains(&KeyUse::Seal) {
                info.uses.push(KeyUse::Seal);
            }
            return Ok(info);
        }
        let public = read_public(text)?;
        let id = key_id(public.keynum());
        Ok(KeyInfo {
            name: format!("Key {id}"),
            key_id: id,
            public: public.to_base64(),
            own: false,
            since: Timestamp::now(),
            backup: None,
            retired: false,
            uses: vec![KeyUse::Seal],
        })
    }

    fn secret(&self, info: &KeyInfo) -> Result<SecretKey, LibraryError> {
        let path = self.secret_path(&info.key_id);
        let text = read_text(&path, KEY_FILE_MAX_BYTES)?
            .ok_or_else(|| unusable(&info.name, "its secret key is not on this computer"))?;
        SecretKey::from_unencrypted_box(SecretKeyBox::from(text)).map_err(|error| unusable(&info.name, error))
    }

    fn info_path(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }

    fn secret_path(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.key"))
    }

    fn write_info(&self, info: &KeyInfo) -> Result<(), LibraryError> {
        let text = serde_json::to_string_pretty(info).map_err(|error| unusable(&info.name, error))?;
        self.write_file(&self.info_path(&info.key_id), text.as_bytes())
    }

    fn write_file(&self, path: &Path, content: &[u8]) -> Result<(), LibraryError> {
        fs::create_dir_all(&self.folder).map_err(io_error("make the folder", &self.folder))?;
        let temporary = self.folder.join(format!(".{}", uuid::Uuid::new_v4().simple()));
        let written = new_private_file(&temporary)
            .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&temporary, path));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written.map_err(io_error("write", path))?;
        // A package may be sealed with it in a moment: its name must not be lost before that.
        sync_folder(&self.folder)
    }
}

/// An own key for many signatures.
pub struct Signer {
    public: PublicKey,
    secret: SecretKey,
}

impl Signer {
    /// Signs a document; the trusted comment is for people who look with minisign.
    pub fn sign(&self, document: String, comment: &str) -> Result<SignedDocument, SignatureProblem> {
        SignedDocument::sign(document, &self.public, &self.secret, comment)
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").finish_non_exhaustive()
    }
}

/// A new file that only its owner may read.
fn new_private_file(path: &Path) -> std::io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

fn unusable(name: &str, why: impl std::fmt::Display) -> LibraryError {
    LibraryError::KeyUnusable { name: name.to_owned(), why: why.to_string() }
}

fn checked_name(name: &str) -> Result<String, LibraryError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
        return Err(unusable(name, "its name is empty, too long, or has control characters"));
    }
    Ok(name.to_owned())
}

fn read_public(text: &str) -> Result<PublicKey, LibraryError> {
    let trimmed = text.trim();
    if let Ok(key) = PublicKey::from_base64(trimmed) {
        return Ok(key);
    }
    let content = if trimmed.contains('\n') {
        trimmed.to_owned()
    } else {
        read_text(Path::new(trimmed), KEY_FILE_MAX_BYTES)?
            .ok_or_else(|| LibraryError::NoSuchKey(text.to_owned()))?
    };
    PublicKeyBox::from_string(&content)
        .and_then(PublicKeyBox::into_public_key)
        .map_err(|error| unusable(text.lines().next().unwrap_or_default(), error))
}

/// A key that came from a backup still says in its header that it is encrypted; here it is not.
fn plain(secret: &SecretKey) -> Result<SecretKey, minisign::PError> {
    let mut bytes = secret.to_bytes();
    if let Some(derivation) = bytes.get_mut(2..4) {
        derivation.fill(0);
    }
    SecretKey::from_bytes(&bytes)
}

/// minisign's encrypted form: scrypt over the passphrase gives a stream that hides key id, key and checksum.
fn encrypt(secret: &SecretKey, passphrase: &str) -> Result<String, String> {
    // Layout (minisign): 2 algorithm, 2 key derivation, 2 checksum, 32 salt, 8 operations, 8 memory, 104 hidden.
    const SALT: std::ops::Range<usize> = 6..38;
    const HIDDEN_FROM: usize = 54;
    let mut bytes = secret.to_bytes();
    if bytes.len() != HIDDEN_FROM + 104 {
        return Err("the key has an unknown form".to_owned());
    }
    bytes[2..4].copy_from_slice(b"Sc");
    bytes[SALT][..16].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    bytes[SALT][16..].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    bytes[38..46].copy_from_slice(&BACKUP_OPERATIONS.to_le_bytes());
    bytes[46..54].copy_from_slice(&BACKUP_MEMORY.to_le_bytes());
    let parameters = scrypt::Params::new(BACKUP_LOG_N, 8, 1, 32).map_err(|error| error.to_string())?;
    let mut stream = [0u8; 104];
    scrypt::scrypt(passphrase.as_bytes(), &bytes[SALT], &parameters, &mut stream)
        .map_err(|error| error.to_string())?;
    for (byte, mask) in bytes[HIDDEN_FROM..].iter_mut().zip(stream) {
        *byte ^= mask;
    }
    let hidden = SecretKey::from_bytes(&bytes).map_err(|error| error.to_string())?;
    let boxed = hidden.to_box(Some("minisign encrypted secret key")).map_err(|error| error.to_string())?;
    Ok(boxed.into_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_comes_back_only_with_its_passphrase() -> Result<(), Box<dyn std::error::Error>> {
        let here = tempfile::tempdir()?;
        let there = tempfile::tempdir()?;
        let backup = here.path().join("backup.key");
        let ring = KeyRing::new(here.path().join("keys"));
        let key = ring.create("Packaging Berlin 2026")?;
        assert!(ring.export(&key.name, &backup, "four words of mine")?.backup.is_some());
        let other = KeyRing::new(there.path().join("keys"));
        assert!(other.import(&backup, "x", "wrong").is_err());
        let imported = other.import(&backup, "Packaging Berlin 2026", "four words of mine")?;
        assert_eq!(imported.key_id, key.key_id);
        let seal = other.sign(&imported, "text", "comment")?;
        let judged = ring.judge("text", &seal, &[])?;
        assert_eq!(judged, SealJudgement::Trusted { name: key.name, key_id: key.key_id });
        assert!(matches!(ring.judge("Text", &seal, &[])?, SealJudgement::Broken { .. }));
        Ok(())
    }

    #[test]
    fn a_foreign_key_is_unknown_until_it_is_trusted() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let ours = KeyRing::new(folder.path().join("ours"));
        let theirs = KeyRing::new(folder.path().join("theirs"));
        let key = theirs.create("Lyon")?;
        let seal = theirs.sign(&key, "text", "comment")?;
        assert_eq!(ours.judge("text", &seal, &[])?, SealJudgement::Unknown { key_id: key.key_id.clone() });
        ours.trust(&key.public, Some("Lyon"), &[KeyUse::Jobs])?;
        assert!(
            matches!(ours.judge("text", &seal, &[])?, SealJudgement::Unknown { .. }),
            "trusted for jobs only"
        );
        ours.distrust("lyon")?;
        ours.trust(&key.public, Some("Lyon"), &[KeyUse::Seal])?;
        assert!(matches!(ours.judge("text", &seal, &[])?, SealJudgement::Trusted { .. }));
        assert!(matches!(theirs.create("lyon"), Err(LibraryError::KeyExists(_))));
        Ok(())
    }

    #[cfg(unix)]
    #[test]
    fn secret_keys_are_for_their_owner_alone() -> Result<(), Box<dyn std::error::Error>> {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir()?;
        let key = KeyRing::new(folder.path().to_owned()).create("k")?;
        let mode = fs::metadata(folder.path().join(format!("{}.key", key.key_id)))?.permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        Ok(())
    }
}
