//! The console: double-click it.
fn main() {}
