//! Delivery from end to end, through the doors that everybody has: staging libraries in folders, on web servers and in
//! buckets; agents, jobs, and the story of a package that somebody changes behind the back of its library.

#[cfg(unix)]
mod agent;
mod desk;
mod jobs;
#[cfg(unix)]
#[path = "../support/kills.rs"]
mod kills;
mod sites;
mod staging;
mod story;
#[path = "../support/mod.rs"]
mod support;
