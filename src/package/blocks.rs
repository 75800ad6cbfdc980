//! Blocks: how a package is cut into pieces of equal size, and how the pieces are numbered.
//!
//! Blocks are numbered through the package: files by path, then the blocks of each file; an empty file has
//! none; the last block of a file is as long as what is left of it. 2 MiB is the size the Symantec Management
//! Agent uses.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// Size of a block in bytes: a power of two from 256 KiB to 64 MiB, 2 MiB unless told otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct BlockSize(u32);

/// A size that is no power of two from 256 KiB to 64 MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a block size is a power of two from 262144 (256 KiB) to 67108864 (64 MiB), not {0}")]
pub struct NotABlockSize(pub u64);

impl BlockSize {
    /// 2 MiB.
    pub const DEFAULT: Self = Self(2 * 1024 * 1024);

    /// 256 KiB, the smallest.
    pub const LEAST: Self = Self(256 * 1024);

    /// Takes a power of two from 256 KiB to 64 MiB.
    pub fn new(bytes: u64) -> Result<Self, NotABlockSize> {
        if bytes.is_power_of_two() && (256 * 1024..=64 * 1024 * 1024).contains(&bytes) {
            u32::try_from(bytes).map(Self).map_err(|_| NotABlockSize(bytes))
        } else {
            Err(NotABlockSize(bytes))
        }
    }

    /// The size in bytes.
    pub fn bytes(self) -> u64 {
        u64::from(self.0)
    }

    /// How many blocks a file of `size_bytes` has; 0 for an empty one.
    pub fn blocks_in(self, size_bytes: u64) -> u64 {
        size_bytes.div_ceil(self.bytes())
    }

    /// The byte range of block `nth` (counted within its file) of a file of `size_bytes`.
    pub fn range(self, nth: u64, size_bytes: u64) -> Range<u64> {
        let start = nth.saturating_mul(self.bytes()).min(size_bytes);
        start..start.saturating_add(self.bytes()).min(size_bytes)
    }
}

impl Default for BlockSize {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl TryFrom<u64> for BlockSize {
    type Error = NotABlockSize;
    fn try_from(bytes: u64) -> Result<Self, NotABlockSize> {
        Self::new(bytes)
    }
}

impl From<BlockSize> for u64 {
    fn from(size: BlockSize) -> Self {
        size.bytes()
    }
}

/// Number of a block within its package, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BlockIndex(pub u64);

impl fmt::Display for BlockIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_powers_of_two_in_range_are_sizes() {
        assert_eq!(BlockSize::new(262_144).map(BlockSize::bytes), Ok(262_144));
        for bad in [0, 1, 262_143, 131_072, 3 << 20, 128 << 20, u64::MAX] {
            assert_eq!(BlockSize::new(bad), Err(NotABlockSize(bad)));
        }
    }

    #[test]
    fn the_last_block_is_what_is_left() {
        let size = BlockSize::new(262_144).expect("good");
        assert_eq!(size.blocks_in(0), 0);
        assert_eq!(size.blocks_in(262_144), 1);
        assert_eq!(size.blocks_in(262_145), 2);
        assert_eq!(size.range(1, 262_145), 262_144..262_145);
        assert_eq!(size.range(u64::MAX, 10), 10..10);
    }
}
