//! Delivery from end to end, through the doors that everybody has: staging libraries in folders, on web servers and in
//! buckets; agents.

#[cfg(unix)]
mod agent;
mod desk;
mod sites;
mod staging;
#[path = "../support/mod.rs"]
mod support;
