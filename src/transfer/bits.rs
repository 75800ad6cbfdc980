//! One bit a block: which blocks are missing, which are proven. A million blocks are 128 KB.

/// A row of bits, numbered from 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bits {
    words: Vec<u64>,
    len: usize,
}

impl Bits {
    /// `len` bits, all of them `set` or none.
    pub fn new(len: usize, set: bool) -> Self {
        let mut bits = Self { words: vec![if set { u64::MAX } else { 0 }; len.div_ceil(64)], len };
        bits.clear_tail();
        bits
    }

    /// Reads what [`Bits::to_bytes`] wrote; `None` if it is not as long as `len` bits need.
    pub fn from_bytes(bytes: &[u8], len: usize) -> Option<Self> {
        if bytes.len() != len.div_ceil(8) {
            return None;
        }
        let words = bytes.chunks(8).map(|chunk| {
            let mut word = [0u8; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_le_bytes(word)
        });
        let mut bits = Self { words: words.collect(), len };
        bits.clear_tail();
        Some(bits)
    }

    /// The bits as bytes, the lowest first.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.words.iter().flat_map(|word| word.to_le_bytes()).collect();
        bytes.truncate(self.len.div_ceil(8));
        bytes
    }

    fn clear_tail(&mut self) {
        if let (Some(last), true) = (self.words.last_mut(), !self.len.is_multiple_of(64)) {
            *last &= (1u64 << (self.len % 64)) - 1;
        }
    }

    /// How many bits there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no bit.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether bit `at` is set; one that is not there is not.
    pub fn get(&self, at: usize) -> bool {
        at < self.len && self.words[at / 64] & (1 << (at % 64)) != 0
    }

    /// Sets bit `at` or clears it; says whether that changed it.
    pub fn put(&mut self, at: usize, set: bool) -> bool {
        if at >= self.len || self.get(at) == set {
            return false;
        }
        self.words[at / 64] ^= 1 << (at % 64);
        true
    }

    /// How many bits are set.
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The first bit from `at` on that is set.
    pub fn next(&self, at: usize) -> Option<usize> {
        let first = *self.words.get(at / 64)? & (u64::MAX << (at % 64));
        let mut word = first;
        let mut index = at / 64;
        while word == 0 {
            index += 1;
            word = *self.words.get(index)?;
        }
        Some(index * 64 + word.trailing_zeros() as usize)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bits_are_a_set_of_numbers(len in 0..300usize, marks in prop::collection::vec((0..320usize, any::<bool>()), 0..80)) {
            let mut bits = Bits::new(len, false);
            let mut set = std::collections::BTreeSet::new();
            for (at, on) in marks {
                let changed = if on && at < len { set.insert(at) } else { set.remove(&at) };
                prop_assert_eq!(bits.put(at, on), changed);
            }
            prop_assert_eq!(bits.count(), set.len());
            for at in 0..len + 70 {
                prop_assert_eq!(bits.get(at), set.contains(&at));
                prop_assert_eq!(bits.next(at), set.range(at..).next().copied());
            }
            prop_assert_eq!(Bits::from_bytes(&bits.to_bytes(), len), Some(bits));
            prop_assert_eq!(Bits::new(len, true).count(), len);
        }
    }
}
