//! Downloads through the public door, against real servers on loopback and real folders.

#[cfg(target_os = "linux")]
mod crash;
mod desk;
mod disk_faults;
#[cfg(unix)]
mod meddled;
#[cfg(target_os = "linux")]
mod mounted;
#[path = "../support/origin.rs"]
mod origin;
mod package;
mod resume;
mod servers;
mod sources;
mod waiting;
