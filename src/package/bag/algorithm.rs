//! The checksum algorithms of manifests, and the hashing of bytes handed in.

use std::fmt;

use sha2::Digest as _;

/// A checksum algorithm that a manifest is named after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// MD5, 16 bytes.
    Md5,
    /// SHA-1, 20 bytes.
    Sha1,
    /// SHA-224, 28 bytes.
    Sha224,
    /// SHA-256, 32 bytes.
    Sha256,
    /// SHA-384, 48 bytes.
    Sha384,
    /// SHA-512, 64 bytes.
    Sha512,
}

impl Algorithm {
    /// Reads the name used in a file name (RFC 8493 2.4: lower case, letters and digits alone). Old bags write
    /// `SHA-1` too, so case and dashes are passed over.
    pub fn parse(name: &str) -> Option<Self> {
        let plain: String =
            name.chars().filter(|c| !matches!(c, '-' | '_')).map(|c| c.to_ascii_lowercase()).collect();
        match plain.as_str() {
            "md5" => Some(Self::Md5),
            "sha1" => Some(Self::Sha1),
            "sha224" => Some(Self::Sha224),
            "sha256" => Some(Self::Sha256),
            "sha384" => Some(Self::Sha384),
            "sha512" => Some(Self::Sha512),
            _ => None,
        }
    }

    /// The name in file names: `sha256`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha224 => "sha224",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// Length of a digest in bytes.
    pub fn digest_bytes(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// Reads a digest of this algorithm in hex of either case.
    pub fn parse_digest(self, hex: &str) -> Option<Box<[u8]>> {
        let digits = hex.as_bytes();
        if digits.len() != self.digest_bytes() * 2 {
            return None;
        }
        let value = |digit: u8| (digit as char).to_digit(16).and_then(|v| u8::try_from(v).ok());
        digits.chunks_exact(2).map(|pair| Some(value(pair[0])? << 4 | value(pair[1])?)).collect()
    }

    /// A running hash.
    pub fn hasher(self) -> Hasher {
        match self {
            Self::Md5 => Hasher::Md5(md5::Md5::new()),
            Self::Sha1 => Hasher::Sha1(sha1::Sha1::new()),
            Self::Sha224 => Hasher::Sha224(sha2::Sha224::new()),
            Self::Sha256 => Hasher::Sha256(sha2::Sha256::new()),
            Self::Sha384 => Hasher::Sha384(sha2::Sha384::new()),
            Self::Sha512 => Hasher::Sha512(sha2::Sha512::new()),
        }
    }

    /// The digest of `bytes`.
    pub fn digest(self, bytes: &[u8]) -> Box<[u8]> {
        let mut hasher = self.hasher();
        hasher.update(bytes);
        hasher.finish()
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A hash that is being computed by one of the algorithms.
#[expect(missing_docs, reason = "each variant is the running state of the algorithm it is named after")]
#[derive(Clone)]
pub enum Hasher {
    Md5(md5::Md5),
    Sha1(sha1::Sha1),
    Sha224(sha2::Sha224),
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
}

impl Hasher {
    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Md5(h) => h.update(bytes),
            Self::Sha1(h) => h.update(bytes),
            Self::Sha224(h) => h.update(bytes),
            Self::Sha256(h) => h.update(bytes),
            Self::Sha384(h) => h.update(bytes),
            Self::Sha512(h) => h.update(bytes),
        }
    }

    /// The digest.
    pub fn finish(self) -> Box<[u8]> {
        match self {
            Self::Md5(h) => Box::from(h.finalize().as_slice()),
            Self::Sha1(h) => Box::from(h.finalize().as_slice()),
            Self::Sha224(h) => Box::from(h.finalize().as_slice()),
            Self::Sha256(h) => Box::from(h.finalize().as_slice()),
            Self::Sha384(h) => Box::from(h.finalize().as_slice()),
            Self::Sha512(h) => Box::from(h.finalize().as_slice()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::digest::to_hex;

    #[test]
    fn each_algorithm_gives_its_published_digest_of_abc() {
        // FIPS 180-4 and RFC 1321 example values; the longer ones by their beginning.
        for (algorithm, begins) in [
            (Algorithm::Md5, "900150983cd24fb0d6963f7d28e17f72"),
            (Algorithm::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (Algorithm::Sha224, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
            (Algorithm::Sha256, "ba7816bf8f01cfea414140de5dae2223"),
            (Algorithm::Sha384, "cb00753f45a35e8bb5a03d699ac65007"),
            (Algorithm::Sha512, "ddaf35a193617abacc417349ae204131"),
        ] {
            let digest = algorithm.digest(b"abc");
            let hex = to_hex(&digest);
            assert!(hex.starts_with(begins), "{algorithm}: {hex}");
            assert_eq!(algorithm.parse_digest(&hex.to_uppercase()), Some(digest));
            assert_eq!(algorithm.parse_digest(&hex[1..]), None);
            assert_eq!(Algorithm::parse(algorithm.name()), Some(algorithm));
        }
        assert_eq!(Algorithm::parse("SHA-1"), Some(Algorithm::Sha1));
        assert_eq!(Algorithm::parse("blake2s"), None);
    }
}
