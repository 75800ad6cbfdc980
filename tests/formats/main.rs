//! File formats, against public suites and the programs of others.

#[path = "../support/mod.rs"]
mod support;

mod bag_judges;
mod bag_maker;
mod bagit_conformance;
mod metalink;
mod progress_record;
