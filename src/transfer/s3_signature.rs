//! Signing in at a bucket: AWS Signature Version 4 of a GET, its content not part of it. Pure.

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use reqwest::Url;
use sha2::Sha256;

use crate::package::Sha256Digest;
use crate::package::digest::to_hex;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const CONTENT: &str = "UNSIGNED-PAYLOAD";
const SIGNED: &str = "host;x-amz-content-sha256;x-amz-date";

/// The headers that sign a GET of `url` at this moment: (name, value).
pub(super) fn headers(
    url: &Url,
    access_key: &str,
    secret_key: &str,
    region: &str,
    now: Timestamp,
) -> [(&'static str, String); 3] {
    let date = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let day = date.get(..8).unwrap_or_default();
    let scope = format!("{day}/{region}/s3/aws4_request");
    let host = match (url.host_str().unwrap_or_default(), url.port()) {
        (host, Some(port)) => format!("{host}:{port}"),
        (host, None) => host.to_owned(),
    };
    // Our addresses of buckets have no query, and their paths are escaped as the signature wants them.
    let canonical = format!(
        "GET\n{}\n{}\nhost:{host}\nx-amz-content-sha256:{CONTENT}\nx-amz-date:{date}\n\n{SIGNED}\n{CONTENT}",
        url.path(),
        url.query().unwrap_or_default()
    );
    let to_sign = format!("{ALGORITHM}\n{date}\n{scope}\n{}", Sha256Digest::of(canonical.as_bytes()));
    let mut key = keyed(format!("AWS4{secret_key}").as_bytes(), day);
    for part in [region, "s3", "aws4_request"] {
        key = keyed(&key, part);
    }
    let signature = to_hex(&keyed(&key, &to_sign));
    let authorization =
        format!("{ALGORITHM} Credential={access_key}/{scope}, SignedHeaders={SIGNED}, Signature={signature}");
    [("authorization", authorization), ("x-amz-content-sha256", CONTENT.to_owned()), ("x-amz-date", date)]
}

/// HMAC-SHA-256 (RFC 2104).
fn keyed(key: &[u8], text: &str) -> [u8; 32] {
    // A key of any length is taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The chain of keys as Amazon's documentation of Signature Version 4 derives it for a fixed day, region and service.
    #[test]
    fn the_key_is_derived_as_documented() {
        let mut key = keyed(b"AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830");
        for part in ["us-east-1", "iam", "aws4_request"] {
            key = keyed(&key, part);
        }
        assert_eq!(to_hex(&key), "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
    }

    #[test]
    fn the_secret_is_in_no_header() {
        let url = Url::parse("http://127.0.0.1:9000/bucket/a%20b").expect("a URL");
        let signed = headers(&url, "AK", "s3cret", "us-east-1", Timestamp::UNIX_EPOCH);
        assert!(
            signed[0].1.starts_with("AWS4-HMAC-SHA256 Credential=AK/19700101/us-east-1/s3/aws4_request, ")
        );
        assert!(!format!("{signed:?}").contains("s3cret"));
        assert_eq!(signed[2].1, "19700101T000000Z");
    }
}
