//! SHA-256 (FIPS 180-4) of up to four messages side by side on one core.
//!
//! One message cannot keep a core busy: each round waits for the one before it. The rounds of several messages fill these
//! waits. On processors with the SHA extensions of x86-64 four messages take little more time than two; elsewhere they
//! are hashed one after another, with the same result. Owns the rounds; must not know where bytes come from.

use super::digest::Sha256Digest;

/// Messages that are hashed together at most.
pub const LANES: usize = 4;
/// Bytes that are hashed at a time: the block of SHA-256.
const CHUNK_BYTES: usize = 64;

type State = [u32; 8];

/// The first 32 bits of the fractional parts of the square roots of the first eight primes (FIPS 180-4, 5.3.3).
const BEGIN: State =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// The hash of one message, as far as it was read.
#[derive(Clone, Copy, Debug)]
pub struct Sha256Lane {
    state: State,
    bytes: u64,
}

impl Default for Sha256Lane {
    fn default() -> Self {
        Self { state: BEGIN, bytes: 0 }
    }
}

impl Sha256Lane {
    /// The digest of all bytes so far and of `rest`, which may be of any length.
    pub fn finish(mut self, rest: &[u8]) -> Sha256Digest {
        let (chunks, rest) = rest.as_chunks::<CHUNK_BYTES>();
        one(&mut self.state, chunks);
        let bits = (self.bytes + (chunks.as_flattened().len() + rest.len()) as u64).wrapping_mul(8);
        // A one bit, zeros, and the length in bits at the end of a chunk (FIPS 180-4, 5.1.1).
        let mut last = [[0u8; CHUNK_BYTES]; 2];
        last[0][..rest.len()].copy_from_slice(rest);
        last[0][rest.len()] = 0x80;
        let used = if rest.len() + 9 <= CHUNK_BYTES { 1 } else { 2 };
        last[used - 1][CHUNK_BYTES - 8..].copy_from_slice(&bits.to_be_bytes());
        one(&mut self.state, &last[..used]);
        let mut digest = [0u8; 32];
        for (bytes, word) in digest.as_chunks_mut::<4>().0.iter_mut().zip(self.state) {
            *bytes = word.to_be_bytes();
        }
        Sha256Digest(digest)
    }
}

/// Goes on with as many messages as both slices have, with at most [`LANES`] of them: takes the whole chunks of 64 bytes
/// that all of them still have. Says how many bytes of each that were.
pub fn update_together(lanes: &mut [Sha256Lane], bytes: &[&[u8]]) -> usize {
    let count = lanes.len().min(bytes.len()).min(LANES);
    let (lanes, bytes) = (&mut lanes[..count], &bytes[..count]);
    let chunks = bytes.iter().map(|bytes| bytes.len() / CHUNK_BYTES).min().unwrap_or(0);
    match count {
        0 => return 0,
        2 => some::<2>(lanes, bytes, chunks),
        3 => some::<3>(lanes, bytes, chunks),
        4 => some::<4>(lanes, bytes, chunks),
        _ => one(&mut lanes[0].state, &bytes[0].as_chunks().0[..chunks]),
    }
    for lane in lanes {
        lane.bytes += (chunks * CHUNK_BYTES) as u64;
    }
    chunks * CHUNK_BYTES
}

/// The digest of each message, whatever their lengths; those of like length go together.
pub fn digests(messages: &[&[u8]]) -> Vec<Sha256Digest> {
    let mut longest_first: Vec<usize> = (0..messages.len()).collect();
    longest_first.sort_by_key(|n| std::cmp::Reverse(messages[*n].len()));
    let mut digests = vec![Sha256Digest([0; 32]); messages.len()];
    for group in longest_first.chunks(LANES) {
        let mut lanes = [Sha256Lane::default(); LANES];
        let mut at = 0;
        for count in (1..=group.len()).rev() {
            let rest: Vec<&[u8]> = group[..count].iter().map(|n| &messages[*n][at..]).collect();
            if count > 1 {
                at += update_together(&mut lanes[..count], &rest);
            }
            // The shortest has no whole chunk left; the last one needs nobody to go with.
            let shortest = group[count - 1];
            digests[shortest] = lanes[count - 1].finish(&messages[shortest][at..]);
        }
    }
    digests
}

/// Without optimisation the rounds below are many times slower than the crate that hashes one message, which is built
/// optimised even then. The tests of this module run them all the same.
const ARE_INTERLEAVED: bool = cfg!(any(test, not(debug_assertions)));

fn some<const N: usize>(lanes: &mut [Sha256Lane], bytes: &[&[u8]], chunks: usize) {
    let mut states: [State; N] = std::array::from_fn(|n| lanes[n].state);
    let messages: [&[[u8; CHUNK_BYTES]]; N] = std::array::from_fn(|n| &bytes[n].as_chunks().0[..chunks]);
    if ARE_INTERLEAVED {
        compress(&mut states, messages);
    } else {
        one_by_one(&mut states, messages);
    }
    for (lane, state) in lanes.iter_mut().zip(states) {
        lane.state = state;
    }
}

fn one(state: &mut State, chunks: &[[u8; CHUNK_BYTES]]) {
    sha2::block_api::compress256(state, chunks);
}

/// The rounds of N messages of the same length.
#[multiversion::multiversion(targets("x86_64+sha+sse2+ssse3+sse4.1"))]
fn compress<const N: usize>(states: &mut [State; N], messages: [&[[u8; CHUNK_BYTES]]; N]) {
    multiversion::target::match_target! {
        "x86_64+sha+sse2+ssse3+sse4.1" => interleaved::compress(states, messages),
        _ => one_by_one(states, messages),
    }
}

fn one_by_one<const N: usize>(states: &mut [State; N], messages: [&[[u8; CHUNK_BYTES]]; N]) {
    for (state, chunks) in states.iter_mut().zip(messages) {
        one(state, chunks);
    }
}

#[cfg(target_arch = "x86_64")]
mod interleaved {
    use std::arch::x86_64::{
        __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_blend_epi16, _mm_cvtsi128_si64, _mm_set_epi32,
        _mm_set_epi64x, _mm_setzero_si128, _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32,
        _mm_shuffle_epi8, _mm_shuffle_epi32, _mm_unpackhi_epi64,
    };

    use super::{CHUNK_BYTES, State};

    /// The first 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4, 4.2.2).
    #[rustfmt::skip]
    const K: [u32; 64] = [
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    ];

    /// Four words from the `at`-th on.
    #[inline]
    #[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
    fn words(words: &[u32], at: usize) -> __m128i {
        let word = |n: usize| words[at + n].cast_signed();
        _mm_set_epi32(word(3), word(2), word(1), word(0))
    }

    /// The `nth` four words of a chunk, whose bytes stand in the order of the network.
    #[inline]
    #[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
    fn message(chunk: &[u8; CHUNK_BYTES], nth: usize) -> __m128i {
        let half = |n: usize| i64::from_le_bytes(chunk.as_chunks().0[2 * nth + n]);
        let order = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
        _mm_shuffle_epi8(_mm_set_epi64x(half(1), half(0)), order)
    }

    /// The rounds of N messages, four of each in turn. The instructions want the state as two halves, `ABEF` and `CDGH`.
    #[expect(clippy::needless_range_loop, reason = "the same chunk and lane of several arrays")]
    #[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
    pub(super) fn compress<const N: usize>(states: &mut [State; N], messages: [&[[u8; CHUNK_BYTES]]; N]) {
        let zero = _mm_setzero_si128();
        let (mut abef, mut cdgh) = ([zero; N], [zero; N]);
        for lane in 0..N {
            let cdab = _mm_shuffle_epi32(words(&states[lane], 0), 0xb1);
            let efgh = _mm_shuffle_epi32(words(&states[lane], 4), 0x1b);
            abef[lane] = _mm_alignr_epi8(cdab, efgh, 8);
            cdgh[lane] = _mm_blend_epi16(efgh, cdab, 0xf0);
        }
        let chunks = messages.iter().map(|message| message.len()).min().unwrap_or(0);
        for chunk in 0..chunks {
            let (abef_before, cdgh_before) = (abef, cdgh);
            // The last sixteen words of the schedule, four in each.
            let mut schedule = [[zero; 4]; N];
            for four in 0..16 {
                let constants = words(&K, 4 * four);
                for lane in 0..N {
                    let w = &mut schedule[lane];
                    let next = if four < 4 {
                        message(&messages[lane][chunk], four)
                    } else {
                        let older = _mm_sha256msg1_epu32(w[four % 4], w[(four + 1) % 4]);
                        let middle = _mm_alignr_epi8(w[(four + 3) % 4], w[(four + 2) % 4], 4);
                        _mm_sha256msg2_epu32(_mm_add_epi32(older, middle), w[(four + 3) % 4])
                    };
                    w[four % 4] = next;
                    let added = _mm_add_epi32(next, constants);
                    cdgh[lane] = _mm_sha256rnds2_epu32(cdgh[lane], abef[lane], added);
                    let added = _mm_shuffle_epi32(added, 0x0e);
                    abef[lane] = _mm_sha256rnds2_epu32(abef[lane], cdgh[lane], added);
                }
            }
            for lane in 0..N {
                abef[lane] = _mm_add_epi32(abef[lane], abef_before[lane]);
                cdgh[lane] = _mm_add_epi32(cdgh[lane], cdgh_before[lane]);
            }
        }
        for lane in 0..N {
            let feba = _mm_shuffle_epi32(abef[lane], 0x1b);
            let dchg = _mm_shuffle_epi32(cdgh[lane], 0xb1);
            let halves = [_mm_blend_epi16(feba, dchg, 0xf0), _mm_alignr_epi8(dchg, feba, 8)];
            for (four, half) in states[lane].as_chunks_mut::<4>().0.iter_mut().zip(halves) {
                let low = _mm_cvtsi128_si64(half).cast_unsigned();
                let high = _mm_cvtsi128_si64(_mm_unpackhi_epi64(half, half)).cast_unsigned();
                *four = [low as u32, (low >> 32) as u32, high as u32, (high >> 32) as u32];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_examples_of_the_standard() {
        for (text, digest) in [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
            ),
        ] {
            assert_eq!(Sha256Lane::default().finish(text.as_bytes()).to_string(), digest);
        }
    }

    proptest! {
        /// However messages are cut, and however many go together: each has the hash it has alone.
        #[test]
        fn together_is_as_one_by_one(
            count in 1..=LANES, steps in prop::collection::vec(0..700usize, 0..6), rest in 0..200usize, seed: u64,
        ) {
            let bytes = steps.iter().sum::<usize>() + rest;
            let messages: Vec<Vec<u8>> = (0..count as u64)
                .map(|n| (0..bytes as u64).map(|at| (seed.rotate_left(7 * n as u32) ^ (at * 31 + n)) as u8).collect())
                .collect();
            let mut lanes = vec![Sha256Lane::default(); count];
            let mut at = 0;
            for step in steps {
                let some: Vec<&[u8]> = messages.iter().map(|message| &message[at..at + step]).collect();
                let taken = update_together(&mut lanes, &some);
                prop_assert_eq!(taken, step / CHUNK_BYTES * CHUNK_BYTES);
                at += taken;
            }
            for (lane, message) in lanes.iter().zip(&messages) {
                prop_assert_eq!(lane.finish(&message[at..]), Sha256Digest::of(message));
            }
        }
    }

    proptest! {
        /// Messages of different lengths, in any order, more than there are lanes.
        #[test]
        fn each_digest_is_that_of_its_message(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 0..11),
        ) {
            let slices: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
            let alone: Vec<Sha256Digest> = slices.iter().map(|message| Sha256Digest::of(message)).collect();
            prop_assert_eq!(digests(&slices), alone);
        }
    }

    #[test]
    fn nothing_to_hash_is_no_error() {
        assert_eq!(update_together(&mut [], &[]), 0);
        assert_eq!(update_together(&mut [Sha256Lane::default(); 3], &[b"a", b"b"]), 0);
    }
}
