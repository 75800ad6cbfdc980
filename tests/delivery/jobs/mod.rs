//! Computers, jobs and the delivery manager, against a staging folder and agents that only write and read documents.

mod enrolment;
mod fixture;
mod forged;
mod history;
mod many;
mod program;
mod steering;
mod story;
