//! Reads one file of a bag, once, for every checksum that it has to match.
//!
//! Must not know: which other files there are, and how many cores are at work.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use crate::package::Sha256Digest;
use crate::package::bag::{Algorithm, BagProblem, Hasher, ProblemCode};
use crate::package::digest::to_hex;
use crate::work::{Cancelled, Work};

/// A checksum that some manifest lists for a file.
pub(super) struct Expected {
    pub(super) algorithm: Algorithm,
    pub(super) digest: Box<[u8]>,
    pub(super) manifest: String,
}

fn problem(code: ProblemCode, file: &str, message: String) -> BagProblem {
    BagProblem { file: file.to_owned(), code, message }
}

/// Reads one file for all checksums that it has to match.
pub(super) fn hash_file(
    place: &Path,
    name: &str,
    size_bytes: u64,
    expected: &[Expected],
    buffer: &mut [u8],
    work: &Work,
) -> Result<Result<Sha256Digest, Vec<BagProblem>>, Cancelled> {
    let mut hashers: Vec<(Algorithm, Hasher)> = vec![(Algorithm::Sha256, Algorithm::Sha256.hasher())];
    for e in expected {
        if hashers.iter().all(|(a, _)| *a != e.algorithm) {
            hashers.push((e.algorithm, e.algorithm.hasher()));
        }
    }
    let unreadable = |error: io::Error| vec![problem(ProblemCode::Unreadable, name, error.to_string())];
    let mut file = match File::open(place) {
        Ok(file) => file,
        Err(error) => return Ok(Err(unreadable(error))),
    };
    let mut read_bytes = 0u64;
    loop {
        work.check()?;
        let count = match file.read(buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Ok(Err(unreadable(error))),
        };
        for (_, hasher) in &mut hashers {
            hasher.update(&buffer[..count]);
        }
        read_bytes += count as u64;
        work.add_bytes(count as u64);
    }
    let found: Vec<(Algorithm, Box<[u8]>)> = hashers.into_iter().map(|(a, h)| (a, h.finish())).collect();
    let mut problems = Vec::new();
    if read_bytes != size_bytes {
        let message = format!("it had {size_bytes} bytes, and {read_bytes} when it was read");
        problems.push(problem(ProblemCode::Changed, name, message));
    }
    for e in expected {
        let is = found.iter().find(|(a, _)| *a == e.algorithm).map(|(_, digest)| digest);
        if is != Some(&e.digest) {
            let message = format!(
                "its {} is {}, but {} lists {}",
                e.algorithm,
                is.map(|d| to_hex(d)).unwrap_or_default(),
                e.manifest,
                to_hex(&e.digest)
            );
            problems.push(problem(ProblemCode::ChecksumMismatch, name, message));
        }
    }
    if problems.is_empty() {
        let sha256 = found.first().and_then(|(_, d)| <[u8; 32]>::try_from(&**d).ok());
        return Ok(Ok(Sha256Digest(sha256.unwrap_or_default())));
    }
    Ok(Err(problems))
}
