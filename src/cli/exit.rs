//! How the command line ends: every exit code, and which failure has which.

use std::process::ExitCode;

use crate::failure::Class;

/// Exit codes of the command line; scripts rely on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, or the answer is yes.
    Done = 0,
    /// The answer is no: differs, damaged, not valid.
    No = 1,
    /// The request does not make sense as it was put.
    Usage = 2,
    /// A rule forbids it, or a question was not answered.
    Refused = 3,
    /// Disk, database or network.
    Environment = 4,
    /// Interrupted.
    Interrupted = 130,
}

impl From<Class> for Exit {
    fn from(class: Class) -> Self {
        match class {
            Class::No => Self::No,
            Class::Usage => Self::Usage,
            Class::Refused => Self::Refused,
            Class::Environment => Self::Environment,
            Class::Cancelled => Self::Interrupted,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
