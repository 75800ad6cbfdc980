//! The agent: against a folder and against our server, with documents signed by a manager's key of the test.

mod attacker;
mod idle;
mod kept;
mod killed;
mod program;
mod runs;
mod served;
pub(crate) mod site;
mod stores;
