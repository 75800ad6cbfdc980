//! The hashes of ranges of an open file, up to four of a length side by side.
//!
//! Owns how they are read: a small piece of each in turn, so that all pieces stay in a core's own cache until they are
//! hashed together. Must not know what the ranges are.

use std::fs::File;
use std::io;
use std::ops::Range;

use super::PageBuffer;
use crate::package::Sha256Digest;
use crate::package::sha256_lanes::{LANES, Sha256Lane, update_together};
use crate::work::Cancelled;

/// Bytes of a range that is read alone, at a time.
const ALONE_BYTES: usize = 64 * 1024;
/// Bytes of each of several ranges, at a time.
const TOGETHER_BYTES: usize = 32 * 1024;

/// Why reading ended early.
#[derive(Debug)]
pub(crate) enum RangeStop {
    /// Nobody wants it any more.
    Cancelled,
    /// The file cannot be read; `UnexpectedEof` where it ends before a range does.
    Io(io::Error),
}

impl From<Cancelled> for RangeStop {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}

/// Hashes `ranges`, in their order. Before bytes are read `pace` is told how many; what was read of the n-th range is
/// shown to `seen`.
pub(crate) fn hash_ranges(
    file: &File,
    ranges: &[Range<u64>],
    buffer: &mut PageBuffer,
    mut pace: impl FnMut(u64) -> Result<(), Cancelled>,
    mut seen: impl FnMut(usize, &[u8]),
) -> Result<Vec<Sha256Digest>, RangeStop> {
    let mut digests = Vec::with_capacity(ranges.len());
    for same in ranges.chunk_by(|one, next| length(one) == length(next)) {
        for some in same.chunks(LANES) {
            let first = digests.len();
            let some = side_by_side(file, some, buffer, &mut pace, |n, bytes| seen(first + n, bytes))?;
            digests.extend(some);
        }
    }
    Ok(digests)
}

fn length(range: &Range<u64>) -> u64 {
    range.end.saturating_sub(range.start)
}

/// At most [`LANES`] ranges of one length.
fn side_by_side(
    file: &File,
    ranges: &[Range<u64>],
    buffer: &mut PageBuffer,
    pace: &mut impl FnMut(u64) -> Result<(), Cancelled>,
    mut seen: impl FnMut(usize, &[u8]),
) -> Result<Vec<Sha256Digest>, RangeStop> {
    let count = ranges.len();
    let size = ranges.first().map_or(0, length);
    let piece = if count > 1 { TOGETHER_BYTES } else { ALONE_BYTES };
    if count > 1 && size > piece as u64 {
        // Several places in turn do not look like reading on.
        ranges.iter().for_each(|range| read_ahead(file, range));
    }
    let room = buffer.room(count * piece);
    let mut lanes = [Sha256Lane::default(); LANES];
    let (mut at, mut rest) = (0, 0..0);
    while at < size {
        let now = usize::try_from(size - at).unwrap_or(usize::MAX).min(piece);
        pace((now * count) as u64)?;
        for (n, range) in ranges.iter().enumerate() {
            let bytes = &mut room[n * piece..][..now];
            read_exact_at(file, bytes, range.start + at).map_err(RangeStop::Io)?;
            seen(n, bytes);
        }
        let bytes: [&[u8]; LANES] =
            std::array::from_fn(|n| if n < count { &room[n * piece..][..now] } else { &[] });
        let taken = update_together(&mut lanes[..count], &bytes[..count]);
        // Only the last piece has a rest: the others are whole chunks.
        (at, rest) = (at + now as u64, taken..now);
    }
    let room = &*room;
    let finish = move |(n, lane): (usize, Sha256Lane)| lane.finish(&room[n * piece..][rest.clone()]);
    Ok(lanes.into_iter().take(count).enumerate().map(finish).collect())
}

fn read_exact_at(file: &File, mut room: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !room.is_empty() {
        match read_at(file, room, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                room = &mut room[read..];
                offset += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(unix)]
fn read_at(file: &File, room: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, room, offset)
}

#[cfg(not(unix))]
fn read_at(mut file: &File, room: &mut [u8], offset: u64) -> io::Result<usize> {
    use std::io::{Read as _, Seek as _};
    file.seek(io::SeekFrom::Start(offset))?;
    file.read(room)
}

/// Asks for a range to be read in the background; a hint, so its failure means nothing.
#[cfg(target_os = "linux")]
fn read_ahead(file: &File, range: &Range<u64>) {
    let length = std::num::NonZeroU64::new(length(range));
    rustix::fs::fadvise(file, range.start, length, rustix::fs::Advice::WillNeed).ok();
}

#[cfg(not(target_os = "linux"))]
fn read_ahead(_: &File, _: &Range<u64>) {}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(bytes).expect("it is written");
        file
    }

    #[test]
    fn ranges_of_any_lengths_have_the_hashes_of_their_bytes() {
        let bytes: Vec<u8> = (0..700_001u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let file = file(&bytes);
        let ranges: Vec<Range<u64>> = vec![
            0..100_000,
            100_000..200_000,
            300_000..400_000,
            200_000..300_000,
            400_000..500_000,
            500_000..500_000,
            500_000..500_063,
            600_000..600_063,
            600_000..700_001,
        ];
        let mut shown = vec![Vec::new(); ranges.len()];
        let mut paced = 0;
        let digests = hash_ranges(
            &file,
            &ranges,
            &mut PageBuffer::default(),
            |bytes| {
                paced += bytes;
                Ok(())
            },
            |n, bytes| shown[n].extend_from_slice(bytes),
        )
        .expect("they are read");
        for ((range, digest), shown) in ranges.iter().zip(digests).zip(shown) {
            let part = &bytes[range.start as usize..range.end as usize];
            assert_eq!((digest, shown.as_slice()), (Sha256Digest::of(part), part), "{range:?}");
        }
        assert_eq!(paced, ranges.iter().map(length).sum::<u64>());
    }

    #[test]
    fn a_file_that_ends_early_and_one_nobody_wants_are_told() {
        let file = file(&[7; 1000]);
        let mut buffer = PageBuffer::default();
        let short = hash_ranges(&file, &[0..500, 600..1100], &mut buffer, |_| Ok(()), |_, _| ());
        assert!(matches!(short, Err(RangeStop::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof));
        let cancelled = hash_ranges(&file, &[0..500, 500..1000], &mut buffer, |_| Err(Cancelled), |_, _| ());
        assert!(matches!(cancelled, Err(RangeStop::Cancelled)));
    }
}
