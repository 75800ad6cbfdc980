//! What is known of a block: the eight states of a block grid, their words, and which of several is the worst.

/// What is known of one block of a package.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum BlockState {
    /// It is not there, or nothing was checked.
    #[default]
    Missing,
    /// It is being fetched.
    Downloading,
    /// It is being read and hashed.
    Checking,
    /// It matches its hash.
    Verified,
    /// It matched its hash before the work was stopped, and was kept.
    Kept,
    /// It was taken from another package.
    Reused,
    /// It does not match its hash.
    Corrupt,
    /// It did not match its hash, and was fetched again.
    Repaired,
}

impl BlockState {
    /// All states, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::Missing,
        Self::Downloading,
        Self::Checking,
        Self::Verified,
        Self::Kept,
        Self::Reused,
        Self::Corrupt,
        Self::Repaired,
    ];

    /// Its number, 0 to 7.
    pub fn index(self) -> usize {
        self as usize
    }

    /// Reads the number; anything else is [`BlockState::Missing`].
    pub fn from_byte(byte: u8) -> Self {
        Self::ALL.get(usize::from(byte)).copied().unwrap_or_default()
    }

    /// The word on screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Missing => "Missing",
            Self::Downloading => "Downloading",
            Self::Checking => "Checking",
            Self::Verified => "Verified",
            Self::Kept => "Kept from checkpoint",
            Self::Reused => "Reused",
            Self::Corrupt => "Corrupt",
            Self::Repaired => "Repaired",
        }
    }

    /// The word within a sentence: `505 verified, 694 kept`.
    pub fn short_word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Downloading => "downloading",
            Self::Checking => "checking",
            Self::Verified => "verified",
            Self::Kept => "kept",
            Self::Reused => "reused",
            Self::Corrupt => "corrupt",
            Self::Repaired => "repaired",
        }
    }

    /// How bad it is: where blocks share a cell, the highest is shown.
    pub fn badness(self) -> u8 {
        match self {
            Self::Corrupt => 7,
            Self::Downloading => 6,
            Self::Checking => 5,
            Self::Missing => 4,
            Self::Repaired => 3,
            Self::Reused => 2,
            Self::Kept => 1,
            Self::Verified => 0,
        }
    }

    /// Whether somebody should know of it: corrupt, or repaired.
    pub fn is_trouble(self) -> bool {
        matches!(self, Self::Corrupt | Self::Repaired)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_there_and_back() {
        for state in BlockState::ALL {
            assert_eq!(BlockState::from_byte(state as u8), state);
        }
        assert_eq!(BlockState::from_byte(200), BlockState::Missing);
    }

    #[test]
    fn worst_first_is_the_documented_order() {
        let mut all = BlockState::ALL;
        all.sort_by_key(|state| std::cmp::Reverse(state.badness()));
        let words: Vec<_> = all.iter().map(|state| state.short_word()).collect();
        assert_eq!(
            words,
            ["corrupt", "downloading", "checking", "missing", "repaired", "reused", "kept", "verified"]
        );
    }
}
