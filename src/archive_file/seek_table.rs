//! The seek table of the zstd seekable format 0.1.0 (facebook/zstd, contrib/seekable_format): bytes to values and back.
//!
//! It is a skippable frame at the end of the file: magic, length, one entry a frame, footer. Knows no files.

/// Magic of the skippable frame that holds the table.
const SKIPPABLE_MAGIC: u32 = 0x184D_2A5E;
/// The last four bytes of the file.
const SEEKABLE_MAGIC: u32 = 0x8F92_EAB1;
/// Length of the footer: number of frames, descriptor, magic.
pub(super) const FOOTER_BYTES: usize = 9;
/// Length of magic and length field of a skippable frame.
const SKIPPABLE_HEADER_BYTES: u64 = 8;
/// Descriptor bit: entries carry a checksum.
const CHECKSUM_FLAG: u8 = 0x80;
/// Descriptor bits that must be zero.
const RESERVED_BITS: u8 = 0x7c;

/// One frame as the table tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SeekEntry {
    /// Length of the frame as stored.
    pub stored_bytes: u32,
    /// Length of what it unpacks to; 0 for a skippable frame.
    pub content_bytes: u32,
    /// Low 32 bits of the XXH64 of the content: the same value as the frame's own content checksum.
    pub checksum: Option<u32>,
}

/// What a good footer tells: where the table begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Footer {
    /// Number of entries.
    pub frames: u32,
    has_checksums: bool,
}

impl Footer {
    /// Reads the last nine bytes of a file.
    pub(super) fn parse(bytes: &[u8; FOOTER_BYTES]) -> Option<Self> {
        let [a, b, c, d, descriptor, magic @ ..] = *bytes;
        let good = u32::from_le_bytes(magic) == SEEKABLE_MAGIC && descriptor & RESERVED_BITS == 0;
        good.then(|| Self {
            frames: u32::from_le_bytes([a, b, c, d]),
            has_checksums: descriptor & CHECKSUM_FLAG != 0,
        })
    }

    fn entry_bytes(self) -> u64 {
        if self.has_checksums { 12 } else { 8 }
    }

    /// Length of the whole skippable frame.
    pub(super) fn table_bytes(self) -> u64 {
        SKIPPABLE_HEADER_BYTES + u64::from(self.frames) * self.entry_bytes() + FOOTER_BYTES as u64
    }

    /// Reads the whole skippable frame; `None` if it is not one, or tells of more or fewer than `data_bytes` before it.
    pub(super) fn parse_table(self, table: &[u8], data_bytes: u64) -> Option<Vec<SeekEntry>> {
        if table.len() as u64 != self.table_bytes() {
            return None;
        }
        let word = |at: usize| -> Option<u32> {
            let bytes = table.get(at..at + 4)?;
            Some(u32::from_le_bytes(bytes.try_into().ok()?))
        };
        if word(0)? != SKIPPABLE_MAGIC || u64::from(word(4)?) != self.table_bytes() - SKIPPABLE_HEADER_BYTES {
            return None;
        }
        let step = self.entry_bytes() as usize;
        let mut entries = Vec::with_capacity(self.frames as usize);
        let mut at = SKIPPABLE_HEADER_BYTES as usize;
        let mut stored = 0u64;
        for _ in 0..self.frames {
            let entry = SeekEntry {
                stored_bytes: word(at)?,
                content_bytes: word(at + 4)?,
                checksum: if self.has_checksums { Some(word(at + 8)?) } else { None },
            };
            stored += u64::from(entry.stored_bytes);
            entries.push(entry);
            at += step;
        }
        (stored == data_bytes).then_some(entries)
    }
}

/// Writes the table with checksums; `None` for more frames than the format can count.
pub(super) fn encode(entries: &[SeekEntry]) -> Option<Vec<u8>> {
    let body = entries.len().checked_mul(12)?.checked_add(FOOTER_BYTES)?;
    let count = u32::try_from(entries.len()).ok()?;
    let mut table = Vec::with_capacity(body + 8);
    table.extend_from_slice(&SKIPPABLE_MAGIC.to_le_bytes());
    table.extend_from_slice(&u32::try_from(body).ok()?.to_le_bytes());
    for entry in entries {
        table.extend_from_slice(&entry.stored_bytes.to_le_bytes());
        table.extend_from_slice(&entry.content_bytes.to_le_bytes());
        table.extend_from_slice(&entry.checksum.unwrap_or(0).to_le_bytes());
    }
    table.extend_from_slice(&count.to_le_bytes());
    table.push(CHECKSUM_FLAG);
    table.extend_from_slice(&SEEKABLE_MAGIC.to_le_bytes());
    Some(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_goes_there_and_back_and_a_wrong_sum_is_refused() {
        let entries = [
            SeekEntry { stored_bytes: 7, content_bytes: 9, checksum: Some(1) },
            SeekEntry { stored_bytes: u32::MAX, content_bytes: 0, checksum: Some(u32::MAX) },
        ];
        let table = encode(&entries).expect("two frames");
        let footer: [u8; FOOTER_BYTES] = table[table.len() - FOOTER_BYTES..].try_into().expect("nine bytes");
        let footer = Footer::parse(&footer).expect("a footer");
        let sum = 7 + u64::from(u32::MAX);
        assert_eq!(footer.table_bytes(), table.len() as u64);
        assert_eq!(footer.parse_table(&table, sum).as_deref(), Some(&entries[..]));
        assert_eq!(footer.parse_table(&table, sum - 1), None);
        assert_eq!(footer.parse_table(&table[1..], sum), None);
        let mut reserved: [u8; FOOTER_BYTES] =
            table[table.len() - FOOTER_BYTES..].try_into().expect("nine bytes");
        reserved[4] |= 4;
        assert_eq!(Footer::parse(&reserved), None);
    }
}
