//! The marks as pixels: what tells a state without its colour, in cells from 8 px on.
//!
//! Pure. Each mark is drawn for one side of a cell, so that it is sharp at every size.

use crate::package::BlockState;

/// The states that have a mark, in the order of the atlas.
pub const MARKED: [BlockState; 5] = [
    BlockState::Downloading,
    BlockState::Checking,
    BlockState::Reused,
    BlockState::Corrupt,
    BlockState::Repaired,
];

/// The place of the mark of a state among [`MARKED`].
pub fn place_of(state: BlockState) -> Option<usize> {
    MARKED.iter().position(|marked| *marked == state)
}

/// Whether the mark of a state covers pixel (`x`, `y`) of a cell whose coloured part has `side` pixels.
pub fn covers(state: BlockState, side: usize, x: usize, y: usize) -> bool {
    // In half pixels from the middle, so that even and odd sides are alike.
    let n = side as i64;
    let (u, v) = (2 * x as i64 - (n - 1), 2 * y as i64 - (n - 1));
    let far = u * u + v * v;
    // The line of a mark is 1 px wide up to 13 px, then 2 px.
    let thick = if n > 13 { 3 } else { 1 };
    match state {
        BlockState::Missing | BlockState::Verified | BlockState::Kept => false,
        BlockState::Downloading => {
            let reach = n * 7 / 10;
            let is_stem = u.abs() <= thick && (-reach..=reach).contains(&v);
            // The head is a triangle; with an even side its point has two pixels.
            let is_head = v >= 0 && u.abs() <= reach - v + (n + 1) % 2;
            is_stem || is_head
        }
        BlockState::Checking => {
            let outer = n * 62 / 100;
            let inner = outer - 1 - thick;
            far <= outer * outer && far >= inner * inner
        }
        BlockState::Reused => u.abs() * 100 <= n * 38 && v.abs() * 100 <= n * 38,
        BlockState::Corrupt => {
            let reach = n * 3 / 4;
            u.abs() <= reach && v.abs() <= reach && (u.abs() - v.abs()).abs() < thick
        }
        BlockState::Repaired => {
            // As wide as the square, without its corners.
            let most = n * 38 / 100;
            let reach = most - (most + n + 1) % 2;
            far <= reach * reach + 1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(state: BlockState, side: usize) -> Vec<String> {
        let row = |y| (0..side).map(|x| if covers(state, side, x, y) { '#' } else { '.' }).collect();
        (0..side).map(row).collect()
    }

    #[test]
    fn each_marked_state_has_a_mark_of_its_own_at_every_size() {
        for side in 7..=48 {
            let pictures: Vec<_> = MARKED.iter().map(|state| picture(*state, side)).collect();
            for (index, one) in pictures.iter().enumerate() {
                let covered = one.iter().flat_map(|row| row.chars()).filter(|c| *c == '#').count();
                assert!(covered >= 4, "{:?} at {side}: {covered} pixels", MARKED[index]);
                assert!(covered * 2 < side * side, "{:?} at {side} hides the colour", MARKED[index]);
                assert!(!one[0].contains('#'), "{:?} at {side} has a rim", MARKED[index]);
                for other in &pictures[index + 1..] {
                    assert_ne!(one, other, "{:?} at {side}", MARKED[index]);
                }
            }
        }
        for quiet in [BlockState::Missing, BlockState::Verified, BlockState::Kept] {
            assert!(picture(quiet, 11).iter().all(|row| !row.contains('#')));
        }
    }

    #[test]
    fn the_cross_is_a_cross() {
        let expected = [".......", ".#...#.", "..#.#..", "...#...", "..#.#..", ".#...#.", "......."];
        assert_eq!(picture(BlockState::Corrupt, 7), expected);
    }
}
