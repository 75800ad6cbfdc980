//! Addresses: one resolved against another (RFC 3986), and freed of the name and password some people write into them.

use url::Url;

/// Longest address that is taken, in bytes.
pub const ADDRESS_MAX_BYTES: usize = 8192;

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressProblem {
    /// Longer than [`ADDRESS_MAX_BYTES`].
    #[error("an address has more than {ADDRESS_MAX_BYTES} bytes")]
    TooLong,
    /// Not one, alone or against the base.
    #[error("{text:?} is no address: {why}")]
    NotOne {
        /// The text, without name and password.
        text: String,
        /// What the parser said.
        why: String,
    },
}

/// `reference` as a whole address: itself where it is one, else resolved against `base`, the address of the document
/// it stands in.
pub fn resolve(base: &str, reference: &str) -> Result<String, AddressProblem> {
    if base.len() > ADDRESS_MAX_BYTES || reference.len() > ADDRESS_MAX_BYTES {
        return Err(AddressProblem::TooLong);
    }
    let not_one = |text: &str, why: url::ParseError| AddressProblem::NotOne {
        text: without_credentials(text).0,
        why: why.to_string(),
    };
    match Url::parse(reference) {
        Ok(whole) => Ok(whole.into()),
        Err(url::ParseError::RelativeUrlWithoutBase) => {
            let base = Url::parse(base).map_err(|why| not_one(base, why))?;
            base.join(reference).map(String::from).map_err(|why| not_one(reference, why))
        }
        Err(why) => Err(not_one(reference, why)),
    }
}

/// The address without the name and password before its host, and those, decoded as far as they are UTF-8.
///
/// A text that is no address is cut after the last `@` of what looks like its host, so that it can be shown.
pub fn without_credentials(address: &str) -> (String, Option<(String, String)>) {
    let Ok(mut url) = Url::parse(address) else {
        let Some((scheme, rest)) = address.split_once("://") else { return (address.to_owned(), None) };
        let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        return match rest[..host_end].rfind('@') {
            Some(at) => (format!("{scheme}://{}", &rest[at + 1..]), None),
            None => (address.to_owned(), None),
        };
    };
    if url.username().is_empty() && url.password().is_none() {
        return (address.to_owned(), None);
    }
    let credentials = (decoded(url.username()), decoded(url.password().unwrap_or_default()));
    // They fail only for addresses without a host, which cannot have had a name.
    let _ = url.set_password(None);
    let _ = url.set_username("");
    (url.into(), Some(credentials))
}

fn decoded(text: &str) -> String {
    String::from_utf8(percent_decoded(text)).unwrap_or_else(|_| text.to_owned())
}

/// The bytes that a part of an address stands for; a `%` without two digits stands for itself.
pub(crate) fn percent_decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = (*first == b'%').then(|| after.get(..2)).flatten();
        let hex = hex.and_then(|digits| std::str::from_utf8(digits).ok());
        match hex.and_then(super::digest::parse_hex::<1>) {
            Some([byte]) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_resolved_against_the_document() {
        let base = "http://srv/7-Zip/24.09/snapshot.meta4";
        for (reference, whole) in [
            ("data/a%20b.exe", "http://srv/7-Zip/24.09/data/a%20b.exe"),
            ("/x", "http://srv/x"),
            ("//other/x", "http://other/x"),
            ("https://mirror/x?y=1", "https://mirror/x?y=1"),
            ("../../../../etc/passwd", "http://srv/etc/passwd"),
        ] {
            assert_eq!(resolve(base, reference).as_deref(), Ok(whole));
        }
        assert!(resolve("no address", "data/x").is_err());
        assert!(resolve(base, "http://").is_err());
        assert_eq!(resolve(base, &"x".repeat(9000)), Err(AddressProblem::TooLong));
    }

    #[test]
    fn credentials_do_not_stay_in_an_address() {
        let split = without_credentials("https://anna:p%40ss@srv/x");
        assert_eq!(split, ("https://srv/x".to_owned(), Some(("anna".to_owned(), "p@ss".to_owned()))));
        assert_eq!(without_credentials("https://srv/x@1"), ("https://srv/x@1".to_owned(), None));
        assert_eq!(without_credentials("http://anna:secret@[bad/x").0, "http://[bad/x");
        let error = resolve("x", "http://anna:secret@[bad").expect_err("no host").to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}
