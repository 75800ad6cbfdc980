//! Everything without a screen.
fn main() {}
