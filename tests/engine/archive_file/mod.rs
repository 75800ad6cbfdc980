//! The archive file: round trips, other programs, damage, strangers.

mod damage;
pub(crate) mod fixture;
mod hostile;
mod round_trip;
