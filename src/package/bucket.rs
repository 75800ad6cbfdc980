//! The address of a bucket: `s3://bucket/prefix?endpoint=https://host:9000&region=eu-central-1`. Pure.

use std::fmt;

use url::Url;

use super::address::percent_decoded;
use super::path::check;
use super::snapshot::escape_url_path;

/// The region where none is named.
pub const REGION: &str = "us-east-1";

/// A bucket of a server that speaks S3.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BucketAddress {
    /// The bucket.
    pub bucket: String,
    /// What all names in it begin with, without `/` at either end; empty for none.
    pub prefix: String,
    /// The server; `None` for Amazon's.
    pub endpoint: Option<Url>,
    /// The region; `None` for [`REGION`].
    pub region: Option<String>,
}

impl BucketAddress {
    /// Reads an address whose scheme is `s3`; an error says what is wrong with it. A name and password are passed over.
    pub fn of(url: &Url) -> Result<Self, &'static str> {
        let bucket = url.host_str().unwrap_or_default().to_owned();
        let is_bucket_char = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        if bucket.is_empty() || bucket.len() > 255 || !bucket.bytes().all(is_bucket_char) {
            return Err("it names no bucket");
        }
        if url.port().is_some() || url.fragment().is_some() {
            return Err("the server belongs into ?endpoint=");
        }
        let path = url.path().trim_matches('/');
        let prefix = String::from_utf8(percent_decoded(path)).map_err(|_| "its prefix is no text")?;
        if !prefix.is_empty() {
            check(&prefix).map_err(|_| "its prefix cannot be part of a name")?;
        }
        let mut address = Self { bucket, prefix, endpoint: None, region: None };
        for (name, value) in url.query_pairs() {
            match &*name {
                "endpoint" => {
                    let endpoint = Url::parse(&value).map_err(|_| "its endpoint is no address")?;
                    let is_server = matches!(endpoint.scheme(), "http" | "https") && endpoint.has_host();
                    if !is_server || !endpoint.username().is_empty() || endpoint.password().is_some() {
                        return Err("its endpoint must be http://host:port or https://host:port");
                    }
                    address.endpoint = Some(endpoint);
                }
                "region" if !value.is_empty() && value.bytes().all(is_bucket_char) => {
                    address.region = Some(value.into_owned());
                }
                "region" => return Err("its region is none"),
                _ => return Err("only endpoint and region can stand behind the ?"),
            }
        }
        Ok(address)
    }

    /// The region.
    pub fn region(&self) -> &str {
        self.region.as_deref().unwrap_or(REGION)
    }

    /// Where a web client finds the same objects: the bucket is the first part of the path. Ends with `/`, unless the
    /// prefix names a Metalink, which is an object.
    pub fn web_address(&self) -> String {
        let server = match &self.endpoint {
            Some(endpoint) => endpoint.as_str().trim_end_matches('/').to_owned(),
            None => format!("https://s3.{}.amazonaws.com", self.region()),
        };
        let prefix = escape_url_path(&self.prefix);
        let end = if prefix.is_empty() || prefix.ends_with(".meta4") { "" } else { "/" };
        format!("{server}/{}/{prefix}{end}", self.bucket)
    }
}

impl fmt::Display for BucketAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.bucket)?;
        if !self.prefix.is_empty() {
            write!(f, "/{}", escape_url_path(&self.prefix))?;
        }
        let mut mark = '?';
        if let Some(endpoint) = &self.endpoint {
            write!(f, "{mark}endpoint={}", endpoint.as_str().trim_end_matches('/'))?;
            mark = '&';
        }
        match &self.region {
            Some(region) => write!(f, "{mark}region={region}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_found_by_a_web_client() {
        for (text, web) in [
            ("s3://b/a%20b?endpoint=http://127.0.0.1:9000/", "http://127.0.0.1:9000/b/a%20b/"),
            ("s3://b?region=eu-central-1", "https://s3.eu-central-1.amazonaws.com/b/"),
            ("s3://b/x/snapshot.meta4", "https://s3.us-east-1.amazonaws.com/b/x/snapshot.meta4"),
        ] {
            let address = BucketAddress::of(&Url::parse(text).expect("a URL")).expect("a bucket");
            assert_eq!(address.web_address(), web);
        }
    }
}
