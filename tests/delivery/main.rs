//! Delivery from end to end, through the doors that everybody has: staging libraries in folders, on web servers and in
//! buckets.

mod desk;
mod sites;
mod staging;
#[path = "../support/mod.rs"]
mod support;
