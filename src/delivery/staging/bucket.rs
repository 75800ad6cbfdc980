//! A staging library in a bucket of a server that speaks S3.
//!
//! Owns: names of objects (taken as they are, never escaped), uploads in parts, and what the answers mean. Each upload
//! carries its SHA-256, which the server holds against what it got. Must not know what the objects are.

use std::future::Future;
use std::io::Read;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::aws::{AmazonS3, AmazonS3Builder, Checksum};
use object_store::client::{HttpClient, HttpConnector};
use object_store::path::Path;
use object_store::{
    ClientOptions, Error, GetOptions, GetResult, ObjectStore as _, ObjectStoreExt as _, PutMode, PutOptions,
    PutPayload, RetryConfig,
};

use super::runtime::wait;
use super::sending::{Sending, expect_all};
use super::small::Small;
use super::store::{
    Fetched, Listed, Outgoing, PutProof, StagingAddress, StagingError, StagingStore, StorePath,
};
use crate::package::bucket::BucketAddress;
use crate::transfer::http::{client, untrusted};
use crate::transfer::{Credentials, NetworkOptions};
use crate::work::{Cancelled, Work};

/// An object of more bytes is sent in parts.
const PART_BYTES: u64 = 8 << 20;
/// The most parts an object can have.
const MOST_PARTS: u64 = 10_000;
/// A server may need so long for an answer.
const ANSWERS: Duration = Duration::from_secs(120);
/// The slowest line that counts as one.
const LEAST_BYTES_PER_S: u64 = 8 << 10;

/// A bucket as a store.
#[derive(Debug)]
pub(super) struct BucketStore {
    store: AmazonS3,
    name: String,
    prefix: String,
    stall: Duration,
}

/// Gives the client that all of our network goes through.
#[derive(Debug)]
struct OurClient(reqwest::Client);

impl HttpConnector for OurClient {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}

impl BucketStore {
    pub(super) fn new(
        address: &BucketAddress,
        credentials: Option<&Credentials>,
        network: &NetworkOptions,
    ) -> Result<Self, StagingError> {
        let name = StagingAddress::Bucket(address.clone()).to_string();
        let stall =
            if network.stall_timeout.is_zero() { Duration::from_secs(30) } else { network.stall_timeout };
        // How long something may take is said for each request: a part that is sent is no silence.
        let patient = NetworkOptions { stall_timeout: Duration::from_secs(86_400), ..network.clone() };
        let web = client(&patient).map_err(|error| StagingError::Setup(error.to_string()))?;
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&address.bucket)
            .with_region(address.region())
            .with_checksum_algorithm(Checksum::SHA256)
            .with_allow_http(true)
            .with_retry(RetryConfig { max_retries: 2, ..RetryConfig::default() })
            .with_http_connector(OurClient(web.client));
        if let Some(endpoint) = &address.endpoint {
            builder = builder
                .with_endpoint(endpoint.as_str().trim_end_matches('/'))
                .with_virtual_hosted_style_request(false);
        }
        builder = match credentials {
            Some(Credentials::Basic { user, password }) => {
                builder.with_access_key_id(user).with_secret_access_key(password)
            }
            Some(Credentials::Bucket { access_key, secret_key, .. }) => {
                builder.with_access_key_id(access_key).with_secret_access_key(secret_key)
            }
            Some(Credentials::Bearer { .. }) => {
                return Err(StagingError::Setup(
                    "a bucket is signed in to with access key and secret, as user and password".to_owned(),
                ));
            }
            None => builder.with_skip_signature(true),
        };
        let store = builder.build().map_err(|error| StagingError::Setup(said(&error)))?;
        Ok(Self { store, name, prefix: address.prefix.clone(), stall })
    }

    fn object(&self, path: &StorePath) -> Result<Path, StagingError> {
        let parts = [self.prefix.as_str(), path.as_str()];
        let whole = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
        Path::parse(&whole).map_err(|error| StagingError::Failed {
            store: self.name.clone(),
            what: format!("naming {path}"),
            why: error.to_string(),
            is_temporary: false,
        })
    }

    fn failed(&self, what: &str, path: &StorePath, error: Error) -> StagingError {
        let (store, what) = (self.name.clone(), format!("{what} {}", path.shown()));
        if let Some(why) = untrusted(&error) {
            return StagingError::Untrusted { store, what, why };
        }
        let why = said(&error);
        match error {
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
                StagingError::Forbidden { store, what, why }
            }
            Error::NotSupported { .. } | Error::NotImplemented { .. } | Error::InvalidPath { .. } => {
                StagingError::Failed { store, what, why, is_temporary: false }
            }
            Error::NotFound { .. } => StagingError::Failed { store, what, why, is_temporary: false },
            _ => StagingError::Failed { store, what, why, is_temporary: true },
        }
    }

    /// Waits for an answer, not for ever; `bytes` are sent or received with it.
    fn ask<T>(
        &self,
        what: &str,
        path: &StorePath,
        bytes: u64,
        asked: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, StagingError> {
        let patience = ANSWERS.max(self.stall) + Duration::from_secs(bytes / LEAST_BYTES_PER_S);
        match wait(async { tokio::time::timeout(patience, asked).await })? {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.failed(what, path, error)),
            Err(_) => Err(StagingError::Failed {
                store: self.name.clone(),
                what: format!("{what} {}", path.shown()),
                why: format!("no answer within {} s", patience.as_secs()),
                is_temporary: true,
            }),
        }
    }

    /// An object from its first byte; `None` where it is not there, an error `NotModified` passed on as it is.
    fn get(&self, path: &StorePath, tag: Option<&str>) -> Result<Result<GetResult, Fetched>, StagingError> {
        let object = self.object(path)?;
        let options = GetOptions { if_none_match: tag.map(str::to_owned), ..GetOptions::default() };
        let asked = async {
            match self.store.get_opts(&object, options).await {
                Ok(found) => Ok(Ok(found)),
                Err(Error::NotFound { .. }) => Ok(Err(Fetched::Gone)),
                Err(Error::NotModified { .. }) => Ok(Err(Fetched::Unchanged)),
                Err(error) => Err(error),
            }
        };
        self.ask("reading", path, 0, asked)
    }

    /// Takes the content of an object piece by piece.
    fn pieces(
        &self,
        path: &StorePath,
        found: GetResult,
        take: &mut dyn FnMut(&[u8]) -> Result<(), StagingError>,
    ) -> Result<(), StagingError> {
        let mut stream = found.into_stream();
        while let Some(piece) = self.ask("reading", path, 0, stream.try_next())? {
            take(&piece)?;
        }
        Ok(())
    }

    /// Reads the next `size` bytes of what is sent, fewer only at its end.
    fn part(sending: &mut Sending<'_>, size: u64, left: u64) -> Result<PutPayload, StagingError> {
        let mut pieces: Vec<Bytes> = Vec::new();
        let mut room = size.min(left);
        let mut left = left;
        while room > 0 {
            let most = usize::try_from(room.min(1 << 20)).unwrap_or(1 << 20);
            let Some(piece) = sending.next(most, left)? else { break };
            room -= piece.len() as u64;
            left -= piece.len() as u64;
            pieces.push(piece);
        }
        Ok(pieces.into_iter().collect())
    }

    fn put_in_parts(
        &self,
        path: &StorePath,
        sending: &mut Sending<'_>,
        outgoing: &Outgoing,
        is_whole: impl FnOnce(&mut Sending<'_>) -> Result<(), StagingError>,
    ) -> Result<(), StagingError> {
        let object = self.object(path)?;
        let size = PART_BYTES.max(outgoing.size.div_ceil(MOST_PARTS));
        let mut upload = self.ask("writing", path, 0, self.store.put_multipart(&object))?;
        let mut send = || -> Result<(), StagingError> {
            let mut left = outgoing.size;
            while left > 0 {
                let part = Self::part(sending, size, left)?;
                let bytes = part.content_length() as u64;
                if bytes == 0 {
                    break;
                }
                left -= bytes;
                self.ask("writing", path, bytes, upload.put_part(part))?;
            }
            Ok(())
        };
        let sent = send().and_then(|()| is_whole(sending));
        let ended = sent.and_then(|()| self.ask("writing", path, 0, upload.complete()).map(|_| ()));
        if ended.is_err() {
            // A wish: what stays of the parts is cleared away by the rules of the bucket.
            let _ = self.ask("writing", path, 0, upload.abort());
        }
        ended
    }
}

/// What an error says, in one line without addresses of requests.
fn said(error: &Error) -> String {
    let text = match error {
        Error::Generic { source, .. } => source.to_string(),
        other => other.to_string(),
    };
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(300).collect()
}

impl StagingStore for BucketStore {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn proof(&self) -> PutProof {
        PutProof::Checksum
    }

    fn read_if_changed(
        &self,
        path: &StorePath,
        tag: Option<&str>,
        limit: u64,
    ) -> Result<Fetched, StagingError> {
        let found = match self.get(path, tag)? {
            Ok(found) => found,
            Err(answer) => return Ok(answer),
        };
        let mut small = Small::begin(self, path, Some(found.meta.size), limit)?;
        let now = found.meta.e_tag.clone();
        // Not every server asks itself whether it changed.
        if tag.is_some() && tag == now.as_deref() {
            return Ok(Fetched::Unchanged);
        }
        self.pieces(path, found, &mut |piece| small.take(piece))?;
        Ok(Fetched::New { bytes: small.whole(), tag: now })
    }

    fn read_through(
        &self,
        path: &StorePath,
        take: &mut dyn FnMut(&[u8]) -> Result<(), Cancelled>,
    ) -> Result<bool, StagingError> {
        let Ok(found) = self.get(path, None)? else { return Ok(false) };
        self.pieces(path, found, &mut |piece| Ok(take(piece)?))?;
        Ok(true)
    }

    fn write(&self, path: &StorePath, bytes: &[u8]) -> Result<(), StagingError> {
        let object = self.object(path)?;
        let payload = PutPayload::from(Bytes::copy_from_slice(bytes));
        self.ask("writing", path, bytes.len() as u64, self.store.put(&object, payload)).map(|_| ())
    }

    fn create(&self, path: &StorePath, bytes: &[u8]) -> Result<bool, StagingError> {
        // Servers without conditional puts take any; most decide it in one step.
        if self.size(path)?.is_some() {
            return Ok(false);
        }
        let object = self.object(path)?;
        let payload = || PutPayload::from(Bytes::copy_from_slice(bytes));
        let asked = async {
            let create = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
            match self.store.put_opts(&object, payload(), create).await {
                Ok(_) => Ok(true),
                Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(false),
                Err(Error::NotImplemented { .. } | Error::NotSupported { .. }) => {
                    self.store.put(&object, payload()).await.map(|_| true)
                }
                Err(error) => Err(error),
            }
        };
        self.ask("writing", path, bytes.len() as u64, asked)
    }

    fn put_file(
        &self,
        path: &StorePath,
        file: &mut dyn Read,
        outgoing: &Outgoing,
        work: &Work,
    ) -> Result<(), StagingError> {
        let mut sending = Sending::new(file, path, work);
        if outgoing.size > PART_BYTES {
            return self.put_in_parts(path, &mut sending, outgoing, |sending| {
                expect_all(self, path, outgoing, sending.ended(outgoing.size)?)
            });
        }
        let payload = Self::part(&mut sending, outgoing.size, outgoing.size)?;
        expect_all(self, path, outgoing, sending.ended(outgoing.size)?)?;
        let object = self.object(path)?;
        self.ask("writing", path, outgoing.size, self.store.put(&object, payload)).map(|_| ())
    }

    fn remove(&self, path: &StorePath) -> Result<(), StagingError> {
        let object = self.object(path)?;
        let asked = async {
            match self.store.delete(&object).await {
                Err(Error::NotFound { .. }) => Ok(()),
                deleted => deleted,
            }
        };
        self.ask("removing", path, 0, asked)
    }

    fn remove_folder(&self, folder: &StorePath) -> Result<(), StagingError> {
        let found = self.walk(folder, &Work::new())?;
        let mut objects = Vec::with_capacity(found.len());
        for (path, _) in &found {
            let object = folder.join(path).map_err(|problem| StagingError::Setup(problem.to_string()))?;
            objects.push(Ok(self.object(&object)?));
        }
        let total = objects.len() as u64;
        let asked = async {
            let mut deleted = self.store.delete_stream(futures_util::stream::iter(objects).boxed());
            loop {
                match deleted.try_next().await {
                    Ok(Some(_)) | Err(Error::NotFound { .. }) => {}
                    Ok(None) => return Ok(()),
                    Err(error) => return Err(error),
                }
            }
        };
        self.ask("removing", folder, total * 1024, asked)
    }

    fn size(&self, path: &StorePath) -> Result<Option<u64>, StagingError> {
        let object = self.object(path)?;
        let asked = async {
            match self.store.head(&object).await {
                Ok(found) => Ok(Some(found.size)),
                Err(Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        };
        self.ask("reading", path, 0, asked)
    }

    fn list(&self, folder: &StorePath) -> Result<Vec<Listed>, StagingError> {
        let prefix =
            if folder.is_root() && self.prefix.is_empty() { None } else { Some(self.object(folder)?) };
        let found = self.ask("listing", folder, 64 << 20, self.store.list_with_delimiter(prefix.as_ref()))?;
        let folders = found.common_prefixes.iter().filter_map(|path| path.filename());
        let folders = folders.map(|name| Listed { name: name.to_owned(), size: 0, is_folder: true });
        let objects =
            found.objects.iter().filter_map(|object| Some((object.location.filename()?, object.size)));
        let objects = objects.map(|(name, size)| Listed { name: name.to_owned(), size, is_folder: false });
        Ok(folders.chain(objects).collect())
    }

    fn walk(&self, folder: &StorePath, work: &Work) -> Result<Vec<(String, u64)>, StagingError> {
        let prefix =
            if folder.is_root() && self.prefix.is_empty() { None } else { Some(self.object(folder)?) };
        let above = prefix.as_ref().map(|prefix| format!("{prefix}/")).unwrap_or_default();
        let mut listing = self.store.list(prefix.as_ref());
        let mut found = Vec::new();
        while let Some(object) = self.ask("listing", folder, 0, listing.try_next())? {
            work.check()?;
            if let Some(path) = object.location.as_ref().strip_prefix(&above) {
                found.push((path.to_owned(), object.size));
            }
        }
        Ok(found)
    }
}
