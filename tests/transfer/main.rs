//! Downloads through the public door, against real servers on loopback and real folders.

#[expect(dead_code, reason = "other test programs use more of it")]
#[path = "../support/chaos.rs"]
mod chaos;
mod chaos_seeds;
mod child;
#[cfg(target_os = "linux")]
mod crash;
#[cfg(target_os = "linux")]
mod crash_state;
mod desk;
mod disk_faults;
#[cfg(target_os = "linux")]
mod forgetful;
#[cfg(target_os = "linux")]
mod full_disk;
#[cfg(target_os = "linux")]
mod hostile;
#[cfg(target_os = "linux")]
mod huge;
mod killed;
#[path = "../support/kills.rs"]
mod kills;
mod list;
mod list_faults;
mod list_sources;
#[cfg(unix)]
mod meddled;
#[cfg(target_os = "linux")]
mod mounted;
#[cfg(target_os = "linux")]
mod network;
#[path = "../support/origin.rs"]
mod origin;
mod our_server;
mod package;
mod proxy;
mod publisher;
mod repair;
mod resume;
mod servers;
mod sources;
#[cfg(target_os = "linux")]
mod state_faults;
#[cfg(target_os = "linux")]
#[path = "../support/mod.rs"]
mod support;
#[cfg(target_os = "linux")]
mod traced;
mod waiting;
#[cfg(target_os = "linux")]
mod woken;
mod words;
