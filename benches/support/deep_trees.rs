//! Test trees for hashing: 4 GiB in many files and in one.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::support::{Outcome, make_once};

/// Bytes in a block, and in each of the files of one block.
pub(crate) const BLOCK: u64 = 2 * 1024 * 1024;
/// Blocks in a test tree for hashing: 4 GiB.
pub(crate) const DEEP_BLOCKS: u64 = 2048;

/// 4 GiB in files of one block, and 4 GiB in one file.
pub(crate) fn deep_trees(data: &Path) -> Outcome<[PathBuf; 2]> {
    let (many, one) = (data.join("blocks"), data.join("one"));
    make_once(&many, || {
        for n in 0..DEEP_BLOCKS {
            fs::create_dir_all(many.join(format!("{:02}", n % 32)))?;
            let mut file = File::create(many.join(format!("{:02}/{n:04}.bin", n % 32)))?;
            file.write_all(&noise(n, BLOCK))?;
        }
        Ok(())
    })?;
    make_once(&one, || {
        let mut file = File::create(one.join("image.bin"))?;
        (0..DEEP_BLOCKS).try_for_each(|n| Ok(file.write_all(&noise(n + DEEP_BLOCKS, BLOCK))?))
    })?;
    Ok([many, one])
}

/// Bytes that repeat nowhere, the same in every run.
fn noise(seed: u64, bytes: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let words = (0..bytes / 8).flat_map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.collect()
}
