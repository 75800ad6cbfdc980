//! Where blocks are fetched from: web servers, folders, other block sources; who may sign in there; and what is
//! remembered of each while a transfer runs.
//!
//! Passwords are never shown: [`std::fmt::Debug`] of all that holds one leaves it out.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;

pub use super::credentials::Credentials;
use super::error::TransferError;
use super::plan::{Place, Plan};
use super::score::Score;
use crate::disk::{Root, open_plain};
use crate::package::bucket::BucketAddress;
use crate::package::snapshot::escape_url_path;

/// A block as it is asked for from a [`BlockSource`].
#[derive(Clone, Copy, Debug)]
pub struct BlockRequest<'a> {
    /// Path of the file relative to the folder of the transfer.
    pub path: &'a str,
    /// Where the block lies, and its hash.
    pub place: Place,
}

/// A source of blocks on this computer: an archive, another package. What it gives is hashed like what a server gives.
pub trait BlockSource: Send + Sync {
    /// Its name on screen.
    fn name(&self) -> String;
    /// Fills `room`, which is as long as the block. `false` where it does not have the block.
    fn read(&self, block: BlockRequest<'_>, room: &mut [u8]) -> io::Result<bool>;
}

/// Where the files of a plan can be fetched.
#[derive(Clone)]
pub enum CodebaseAddress {
    /// A web server: the files lie below this address, under the paths of the plan.
    Web {
        /// Ends with `/`; without name and password.
        base: Url,
        /// How to sign in, where that is needed.
        credentials: Option<Credentials>,
    },
    /// A folder on this computer or a share.
    Folder(PathBuf),
    /// Any other source of blocks.
    Source(Arc<dyn BlockSource>),
}

impl fmt::Debug for CodebaseAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CodebaseAddress({:?})", self.name())
    }
}

impl CodebaseAddress {
    /// Reads an address: `http:`, `https:`, `file:`, `s3:`, or the path of a folder. A name and password in it are taken out
    /// and become the credentials; a bucket is asked as the web server it is.
    pub fn parse(text: &str) -> Result<Self, TransferError> {
        let wrong =
            |why: &str| TransferError::Address { address: without_password(text), why: why.to_owned() };
        let is_url = text.split_once(':').is_some_and(|(scheme, rest)| {
            rest.starts_with("//") && scheme.len() > 1 && scheme.bytes().all(|b| b.is_ascii_alphanumeric())
        });
        if !is_url {
            return if text.is_empty() { Err(wrong("it is empty")) } else { Ok(Self::Folder(text.into())) };
        }
        let mut url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
        match url.scheme() {
            "file" => url.to_file_path().map(Self::Folder).map_err(|()| wrong("it names no folder")),
            "http" | "https" => {
                let credentials = take_credentials(&mut url);
                url.set_fragment(None);
                if !url.path().ends_with('/') {
                    let path = format!("{}/", url.path());
                    url.set_path(&path);
                }
                Ok(Self::Web { base: url, credentials })
            }
            "s3" => {
                let credentials = take_credentials(&mut url);
                // What stands behind the question mark may be a secret in a wrong place.
                let told = without_password(text).split('?').next().unwrap_or_default().to_owned();
                let wrong = |why: &str| TransferError::Address { address: told.clone(), why: why.to_owned() };
                let bucket = BucketAddress::of(&url).map_err(wrong)?;
                let base = Url::parse(&bucket.web_address()).map_err(|error| wrong(&error.to_string()))?;
                let credentials = credentials.map(|credentials| credentials.for_bucket(bucket.region()));
                Ok(Self::Web { base, credentials })
            }
            _ => Err(wrong("only http, https, file and s3 are known")),
        }
    }

    /// The same with these credentials, where it is a web server.
    pub fn with_credentials(self, credentials: Option<Credentials>) -> Self {
        match (self, credentials) {
            (Self::Web { base, .. }, Some(credentials)) => Self::Web { base, credentials: Some(credentials) },
            (other, _) => other,
        }
    }

    /// The name on screen, without a password.
    pub fn name(&self) -> String {
        match self {
            Self::Web { base, .. } => base.to_string(),
            Self::Folder(path) => path.display().to_string(),
            Self::Source(source) => source.name(),
        }
    }
}

/// Takes name and password out of an address.
pub(crate) fn take_credentials(url: &mut Url) -> Option<Credentials> {
    let user = percent_decode(url.username());
    let password = url.password().map(percent_decode).unwrap_or_default();
    // Both fail only for addresses that cannot have them.
    url.set_username("").ok();
    url.set_password(None).ok();
    (!user.is_empty() || !password.is_empty()).then_some(Credentials::Basic { user, password })
}

fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let byte = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok()))
            .flatten();
        decoded.push(byte.unwrap_or(bytes[at]));
        at += if byte.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// An address as it may be shown, even where it cannot be read.
pub(crate) fn without_password(text: &str) -> String {
    match text.split_once("://") {
        Some((scheme, rest)) => {
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            match rest[..end].rfind('@') {
                Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
                None => text.to_owned(),
            }
        }
        None => text.to_owned(),
    }
}

/// A folder as a source of blocks.
pub(crate) struct FolderSource(pub(crate) PathBuf);

impl BlockSource for FolderSource {
    fn name(&self) -> String {
        self.0.display().to_string()
    }

    fn read(&self, block: BlockRequest<'_>, room: &mut [u8]) -> io::Result<bool> {
        use std::io::{Read as _, Seek as _};
        // The folder is of a person's own choosing, and what is in it may be links; what comes of it is hashed.
        let file = Root::open(&self.0).map(|_| open_plain(&self.0.join(block.path)))?;
        let mut file = match file {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            file => file?,
        };
        file.seek(io::SeekFrom::Start(block.place.offset_bytes))?;
        match file.read_exact(room) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            read => read.map(|()| true),
        }
    }
}

/// How a codebase is asked.
#[derive(Clone)]
pub(crate) enum Way {
    /// Below this address.
    Base(Url, Option<Credentials>),
    /// By the mirrors of each file that lie on this server: scheme, host and port.
    Server(String),
    /// By reading.
    Local(Arc<dyn BlockSource>),
}

/// One codebase while a transfer runs.
pub(crate) struct Codebase {
    pub(crate) name: String,
    pub(crate) way: Way,
    pub(crate) score: Score,
    /// Failures since something arrived.
    pub(crate) failures: u32,
    /// Not asked before this moment.
    pub(crate) retry_at: Duration,
    /// When the last failure was noticed: what was asked before it is the same failure.
    pub(crate) failed_at: Option<Duration>,
    pub(crate) active: usize,
    pub(crate) rate: Option<f64>,
    pub(crate) fetched_bytes: u64,
    pub(crate) bad_blocks: u32,
    pub(crate) set_aside: bool,
    /// It answers with whole files.
    pub(crate) without_ranges: bool,
    pub(crate) last_error: Option<String>,
    /// Strong ETags by file, for If-Range.
    pub(crate) etags: HashMap<usize, Box<str>>,
    /// An ETag of it changed: it is not asked by ETag any more. Several servers behind one address may each have their
    /// own, and every block is proven by its hash anyway.
    pub(crate) etags_change: bool,
}

impl Codebase {
    fn new(name: String, way: Way) -> Self {
        Self {
            name,
            way,
            score: Score::default(),
            failures: 0,
            retry_at: Duration::ZERO,
            failed_at: None,
            active: 0,
            rate: None,
            fetched_bytes: 0,
            bad_blocks: 0,
            set_aside: false,
            without_ranges: false,
            last_error: None,
            etags: HashMap::new(),
            etags_change: false,
        }
    }

    /// Where this codebase has a file, by its number; `None` where it does not.
    pub(crate) fn url_of(&self, plan: &Plan, file: usize) -> Option<(Url, Option<Credentials>)> {
        let file = plan.files().get(file)?;
        match &self.way {
            Way::Base(base, credentials) => {
                let mut url = base.clone();
                // The query of a base (a token of a CDN) belongs to each file below it.
                url.set_path(&format!("{}{}", base.path(), escape_url_path(&file.path)));
                Some((url, credentials.clone()))
            }
            Way::Server(server) => {
                let mut url =
                    file.mirrors.iter().filter_map(|m| mirror_url(&m.url)).find(|u| origin(u) == *server)?;
                let credentials = take_credentials(&mut url);
                Some((url, credentials))
            }
            Way::Local(_) => None,
        }
    }

    /// Whether it may have this file at all.
    pub(crate) fn serves(&self, plan: &Plan, file: usize) -> bool {
        match &self.way {
            Way::Base(..) | Way::Local(_) => true,
            Way::Server(_) => self.url_of(plan, file).is_some(),
        }
    }

    /// The priority its mirrors have for this file.
    pub(crate) fn priority(&self, plan: &Plan, file: usize) -> u32 {
        let Way::Server(server) = &self.way else { return 0 };
        let mirrors = plan.files().get(file).map(|file| &file.mirrors[..]).unwrap_or_default();
        let ours = mirrors.iter().filter(|m| mirror_url(&m.url).is_some_and(|u| origin(&u) == *server));
        ours.map(|mirror| mirror.priority).min().unwrap_or(u32::MAX)
    }
}

fn mirror_url(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
}

/// Scheme, host and port: mirrors on one server share its score.
fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Most servers that the mirrors of a Metalink are collected from.
const SERVERS_MOST: usize = 64;

/// All codebases of a transfer: those that were given, then the servers of the plan's mirrors, best priority first.
pub(crate) fn codebases(addresses: &[CodebaseAddress], plan: &Plan) -> Vec<Codebase> {
    let given = addresses.iter().map(|address| {
        let way = match address {
            CodebaseAddress::Web { base, credentials } => Way::Base(base.clone(), credentials.clone()),
            CodebaseAddress::Folder(path) => Way::Local(Arc::new(FolderSource(path.clone()))),
            CodebaseAddress::Source(source) => Way::Local(Arc::clone(source)),
        };
        Codebase::new(address.name(), way)
    });
    let mut servers: Vec<(u32, String)> = Vec::new();
    for mirror in plan.files().iter().flat_map(|file| file.mirrors.iter()) {
        let Some(server) = mirror_url(&mirror.url).map(|url| origin(&url)) else { continue };
        if let Some((priority, _)) = servers.iter_mut().find(|(_, known)| *known == server) {
            *priority = mirror.priority.min(*priority);
        } else if servers.len() < SERVERS_MOST {
            servers.push((mirror.priority, server));
        }
    }
    servers.sort();
    given
        .chain(servers.into_iter().map(|(_, server)| Codebase::new(server.clone(), Way::Server(server))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_passwords_are_not_shown() {
        let web = CodebaseAddress::parse("https://anna:s%20ecret@host:8443/a/b?token=x").expect("an address");
        assert_eq!(web.name(), "https://host:8443/a/b/?token=x");
        let CodebaseAddress::Web { credentials, .. } = &web else { panic!("a web server") };
        let expected = Credentials::Basic { user: "anna".into(), password: "s ecret".into() };
        assert_eq!(credentials.as_ref(), Some(&expected));
        assert!(
            !format!("{web:?} {credentials:?} {:?}", Credentials::Bearer { token: "tok".into() })
                .contains("ecret")
        );
        assert!(
            matches!(CodebaseAddress::parse("file:///srv/x"), Ok(CodebaseAddress::Folder(p)) if p.ends_with("x"))
        );
        assert!(matches!(CodebaseAddress::parse("/srv/x"), Ok(CodebaseAddress::Folder(_))));
        let bucket = CodebaseAddress::parse("s3://AK:s%2Fecret@bucket/a/b?endpoint=http://127.0.0.1:9000")
            .expect("a bucket");
        assert_eq!(bucket.name(), "http://127.0.0.1:9000/bucket/a/b/");
        let CodebaseAddress::Web {
            credentials: Some(Credentials::Bucket { secret_key, region, .. }), ..
        } = &bucket
        else {
            panic!("a bucket with its keys")
        };
        assert_eq!((secret_key.as_str(), region.as_str()), ("s/ecret", "us-east-1"));
        for wrong in
            ["", "ftp://host/x", "http://", "gopher://u:secret@h/", "s3://b?endpoint=http://u:secret@h"]
        {
            let error = CodebaseAddress::parse(wrong).expect_err("no address");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
