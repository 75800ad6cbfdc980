//! The bytes of a file on their way into a store: read in pieces, counted, hashed, paced.

use std::io::{ErrorKind, Read};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::store::{Outgoing, StagingError, StagingStore, StorePath};
use crate::package::Sha256Digest;
use crate::work::Work;

/// Reads a file that is being sent.
pub(super) struct Sending<'a> {
    from: &'a mut dyn Read,
    path: &'a StorePath,
    work: &'a Work,
    hasher: Sha256,
    bytes: u64,
    has_ended: bool,
}

/// What was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) bytes: u64,
    pub(super) sha256: Sha256Digest,
    /// Nothing came after it.
    pub(super) is_all: bool,
}

impl Sent {
    /// Whether the source has another length than `expected`; `false` where it was not read to its end.
    pub(super) fn is_other_than(&self, expected: u64) -> bool {
        if self.is_all { self.bytes != expected } else { self.bytes >= expected }
    }
}

impl<'a> Sending<'a> {
    pub(super) fn new(from: &'a mut dyn Read, path: &'a StorePath, work: &'a Work) -> Self {
        Self { from, path, work, hasher: Sha256::new(), bytes: 0, has_ended: false }
    }

    /// The next piece, of `most` bytes, or the `left` ones that are still expected; fewer only at the end, `None` after it.
    pub(super) fn next(&mut self, most: usize, left: u64) -> Result<Option<Bytes>, StagingError> {
        let size = usize::try_from(left).map_or(most, |left| left.min(most));
        if self.has_ended || size == 0 {
            return Ok(None);
        }
        self.work.pace(size as u64)?;
        let mut piece = vec![0u8; size];
        let filled = self.fill(&mut piece)?;
        self.has_ended = filled < size;
        if filled == 0 {
            return Ok(None);
        }
        piece.truncate(filled);
        self.hasher.update(&piece);
        self.bytes += filled as u64;
        self.work.add_bytes(filled as u64);
        Ok(Some(Bytes::from(piece)))
    }

    fn fill(&mut self, piece: &mut [u8]) -> Result<usize, StagingError> {
        let mut filled = 0;
        while filled < piece.len() {
            match self.from.read(&mut piece[filled..]) {
                Ok(0) => break,
                Ok(bytes) => filled += bytes,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(source) => return Err(StagingError::Source { path: self.path.to_string(), source }),
            }
        }
        Ok(filled)
    }

    /// What was sent. Where it is as much as was expected, it is looked whether there is more.
    pub(super) fn ended(&mut self, expected: u64) -> Result<Sent, StagingError> {
        if !self.has_ended && self.bytes == expected {
            self.has_ended = self.fill(&mut [0])? == 0;
        }
        let sha256 = Sha256Digest::finish(std::mem::take(&mut self.hasher));
        Ok(Sent { bytes: self.bytes, sha256, is_all: self.has_ended })
    }
}

/// An error if something else was sent than was said before: the file changed while it was read.
pub(super) fn expect_all(
    store: &dyn StagingStore,
    path: &StorePath,
    outgoing: &Outgoing,
    sent: Sent,
) -> Result<(), StagingError> {
    let differs =
        |why: String| Err(StagingError::Differs { store: store.name(), path: path.to_string(), why });
    if sent.bytes != outgoing.size || !sent.is_all {
        return differs(format!("its source has no longer {} bytes", outgoing.size));
    }
    match outgoing.sha256 {
        Some(expected) if expected != sent.sha256 => {
            differs("the content of its source is not what was sealed".to_owned())
        }
        _ => Ok(()),
    }
}
