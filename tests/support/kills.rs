//! How often, and at which moments, tests kill a program: moments that a run chose can be replayed.
//!
//! `PACKHOUSE_TEST_SEED=N` replays a run; `PACKHOUSE_TEST_COUNTS=soak` kills more often.

use std::io::Write as _;

/// `usual` kills, or `soak` where many are asked for.
pub(crate) fn kills(usual: usize, soak: usize) -> usize {
    let is_soak = std::env::var("PACKHOUSE_TEST_COUNTS").is_ok_and(|counts| counts == "soak");
    if is_soak { soak } else { usual }
}

/// Numbers between 0 and 1 that look random (SplitMix64).
pub(crate) struct Chance(u64);

impl Chance {
    /// Told on standard output, so that the run can be replayed.
    pub(crate) fn told() -> Result<Self, Box<dyn std::error::Error>> {
        let seed = match std::env::var("PACKHOUSE_TEST_SEED") {
            Ok(seed) => seed.parse()?,
            Err(_) => u64::try_from(jiff::Timestamp::now().as_nanosecond())?,
        };
        writeln!(std::io::stdout(), "PACKHOUSE_TEST_SEED={seed}")?;
        Ok(Self(seed))
    }

    /// The next one.
    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}
