//! Bytes become a [`VerifiedBlock`] by matching their hash; there is no other way, and nothing else is written.
//!
//! Owns: the buffers of blocks on their way, and how much memory all of them may take.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::plan::Place;
use crate::package::sha256_lanes;

/// Most bytes in flight, unless two blocks are more.
const BUDGET_BYTES: u64 = 24 * 1024 * 1024;
/// Buffers below this size are left to the allocator.
const KEPT_FROM_BYTES: usize = 256 * 1024;

/// Where the bytes of a block came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// From this codebase.
    Codebase(usize),
    /// From another package: not fetched.
    Reused,
}

/// Lends buffers; who asks for more than the budget waits until others came back.
#[derive(Debug)]
pub(crate) struct BufferPool {
    budget_kib: u32,
    semaphore: Arc<Semaphore>,
    free: Mutex<Vec<Vec<u8>>>,
}

/// Room for one block; goes back to its pool by itself.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    pool: Arc<BufferPool>,
    _permit: OwnedSemaphorePermit,
}

impl BufferPool {
    pub(crate) fn new(largest_block_bytes: u64) -> Arc<Self> {
        let budget = BUDGET_BYTES.max(largest_block_bytes.saturating_mul(2));
        let budget_kib = u32::try_from(budget.div_ceil(1024)).unwrap_or(u32::MAX);
        let semaphore = Arc::new(Semaphore::new(budget_kib as usize));
        Arc::new(Self { budget_kib, semaphore, free: Mutex::default() })
    }

    /// An empty buffer with room for `size_bytes`.
    pub(crate) async fn buffer(self: &Arc<Self>, size_bytes: u64) -> Buffer {
        let kib = u32::try_from(size_bytes.div_ceil(1024)).unwrap_or(u32::MAX).clamp(1, self.budget_kib);
        let permit = loop {
            // The semaphore is never closed.
            if let Ok(permit) = Arc::clone(&self.semaphore).acquire_many_owned(kib).await {
                break permit;
            }
        };
        let size = usize::try_from(size_bytes).unwrap_or(usize::MAX);
        Buffer { bytes: self.room(size), pool: Arc::clone(self), _permit: permit }
    }

    fn room(&self, size: usize) -> Vec<u8> {
        if size < KEPT_FROM_BYTES {
            return Vec::with_capacity(size);
        }
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(bytes) = free.pop() {
            if bytes.capacity() >= size {
                return bytes;
            }
        }
        Vec::with_capacity(size)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        if bytes.capacity() < KEPT_FROM_BYTES {
            return;
        }
        bytes.clear();
        // Kept ones and those in flight, this one too, stay within the budget: what goes back to the allocator may never
        // come back from it in one piece.
        let in_flight = self.pool.budget_kib as usize - self.pool.semaphore.available_permits();
        let mut free = self.pool.free.lock().unwrap_or_else(PoisonError::into_inner);
        let kept: usize = free.iter().map(Vec::capacity).sum();
        if kept / 1024 + in_flight <= self.pool.budget_kib as usize {
            free.push(bytes);
        }
    }
}

impl Buffer {
    /// Appends bytes; the room was measured for a block, so nothing is allocated.
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The bytes so far.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Makes it `size` long, to be read into.
    pub(crate) fn whole(&mut self, size: usize) -> &mut [u8] {
        self.bytes.resize(size, 0);
        &mut self.bytes
    }
}

/// A block whose bytes are coming in.
#[derive(Debug)]
pub(crate) struct IncomingBlock {
    block: usize,
    place: Place,
    buffer: Buffer,
    origin: Origin,
}

/// A block whose bytes match their hash. Made by `prove` only.
#[derive(Debug)]
pub struct VerifiedBlock {
    block: usize,
    place: Place,
    buffer: Buffer,
    origin: Origin,
}

/// Bytes that are not the block they were taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotTheBlock {
    /// The number of the block within the plan.
    pub(crate) block: usize,
    /// Where the bytes came from.
    pub(crate) origin: Origin,
}

impl IncomingBlock {
    pub(crate) fn new(block: usize, place: Place, buffer: Buffer, origin: Origin) -> Self {
        Self { block, place, buffer, origin }
    }

    /// Takes as many of `bytes` as are missing; says how many those were.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> usize {
        let missing = self.missing_bytes();
        let most = usize::try_from(missing).unwrap_or(usize::MAX).min(bytes.len());
        self.buffer.extend(&bytes[..most]);
        most
    }

    /// Lets `read` fill the whole block at once.
    pub(crate) fn fill<E>(&mut self, read: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<(), E> {
        read(self.buffer.whole(usize::try_from(self.place.size_bytes).unwrap_or(usize::MAX)))
    }

    pub(crate) fn missing_bytes(&self) -> u64 {
        self.place.size_bytes - self.buffer.bytes().len() as u64
    }

    /// Its size once it is there.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.place.size_bytes
    }
}

/// The only way to a [`VerifiedBlock`]: hashes blocks side by side, and gives what came of each, in their order.
pub(crate) fn prove(blocks: Vec<IncomingBlock>) -> Vec<Result<VerifiedBlock, NotTheBlock>> {
    let bytes: Vec<&[u8]> = blocks.iter().map(|block| block.buffer.bytes()).collect();
    let digests = sha256_lanes::digests(&bytes);
    let proven = blocks.into_iter().zip(digests).map(|(incoming, found)| {
        let IncomingBlock { block, place, buffer, origin } = incoming;
        if found == place.hash && buffer.bytes().len() as u64 == place.size_bytes {
            Ok(VerifiedBlock { block, place, buffer, origin })
        } else {
            Err(NotTheBlock { block, origin })
        }
    });
    proven.collect()
}

impl VerifiedBlock {
    /// Its number within the plan.
    pub fn block(&self) -> usize {
        self.block
    }

    /// Where it belongs.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Where it came from.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Its bytes, which match their hash.
    pub fn bytes(&self) -> &[u8] {
        self.buffer.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::Sha256Digest;

    fn place(bytes: &[u8]) -> Place {
        Place {
            file: 0,
            nth: 0,
            offset_bytes: 0,
            size_bytes: bytes.len() as u64,
            hash: Sha256Digest::of(bytes),
        }
    }

    #[tokio::test]
    async fn only_matching_bytes_become_a_verified_block() {
        let pool = BufferPool::new(4);
        let mut right = IncomingBlock::new(3, place(b"abcd"), pool.buffer(4).await, Origin::Codebase(1));
        assert_eq!((right.take(b"ab"), right.take(b"cdef"), right.take(b"g")), (2, 2, 0));
        let mut wrong = IncomingBlock::new(5, place(b"abcd"), pool.buffer(4).await, Origin::Reused);
        wrong.take(b"abce");
        let short = IncomingBlock::new(6, place(b"abcd"), pool.buffer(4).await, Origin::Codebase(0));
        let came = prove(vec![wrong, right, short]);
        let came: Vec<_> =
            came.iter().map(|came| came.as_ref().map(|block| (block.block(), block.bytes()))).collect();
        let [wrong, short] = [(5, Origin::Reused), (6, Origin::Codebase(0))]
            .map(|(block, origin)| NotTheBlock { block, origin });
        assert_eq!(came, [Err(&wrong), Ok((3, b"abcd".as_slice())), Err(&short)]);
    }

    #[tokio::test]
    async fn who_asks_for_more_than_the_budget_waits() {
        let pool = BufferPool::new(20 << 20);
        let first = pool.buffer(20 << 20).await;
        let _second = pool.buffer(20 << 20).await;
        let third = pool.buffer(1);
        tokio::pin!(third);
        tokio::select! {
            biased;
            _ = &mut third => panic!("the budget is two blocks"),
            () = std::future::ready(()) => {}
        }
        drop(first);
        third.await;
    }
}
