//! Files as strangers damage them: the one strategy for every reader's tests. Knows no format.

use proptest::prelude::*;

/// `bytes` with up to two dozen of them changed, cut off somewhere half of the time.
pub(super) fn mutated(bytes: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..24);
    (changes, any::<prop::sample::Index>(), any::<bool>()).prop_map(move |(changes, length, is_cut)| {
        let mut bytes = bytes.clone();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if is_cut {
            bytes.truncate(length.index(bytes.len()));
        }
        bytes
    })
}
