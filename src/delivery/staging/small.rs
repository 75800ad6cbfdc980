//! Small objects, read whole: never more of one than was said.

use super::store::{StagingError, StagingStore, StorePath};

/// The content of an object as it comes, up to a limit.
pub(super) struct Small<'s> {
    store: &'s dyn StagingStore,
    path: &'s StorePath,
    most_bytes: u64,
    bytes: Vec<u8>,
}

impl<'s> Small<'s> {
    /// Begins one of at most `most_bytes`. Refused where it is `announced` to be larger.
    pub(super) fn begin(
        store: &'s dyn StagingStore,
        path: &'s StorePath,
        announced: Option<u64>,
        most_bytes: u64,
    ) -> Result<Self, StagingError> {
        let small = Self { store, path, most_bytes, bytes: Vec::new() };
        if announced.is_some_and(|bytes| bytes > most_bytes) { Err(small.too_large()) } else { Ok(small) }
    }

    /// Takes the next piece; refused where it becomes larger.
    pub(super) fn take(&mut self, piece: &[u8]) -> Result<(), StagingError> {
        if (self.bytes.len() + piece.len()) as u64 > self.most_bytes {
            return Err(self.too_large());
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    /// All of it.
    pub(super) fn whole(self) -> Vec<u8> {
        self.bytes
    }

    fn too_large(&self) -> StagingError {
        StagingError::TooLarge {
            store: self.store.name(),
            path: self.path.to_string(),
            most_bytes: self.most_bytes,
        }
    }
}
