//! Downloads through the public door, against real servers on loopback and real folders.

mod desk;
mod disk_faults;
#[path = "../support/origin.rs"]
mod origin;
mod package;
mod resume;
mod servers;
mod sources;
mod waiting;
