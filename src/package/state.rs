//! The life of a package, Open -> Sealed -> Archived, and who may change what in which state.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a package stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PackageState {
    /// Being put together; everything can change.
    Open,
    /// Registration closed and signed (DSM: Closed); needed for staging, delivering and archiving.
    Sealed,
    /// The files are in an archive; registration and seal stay in the library.
    Archived,
}

impl PackageState {
    /// The word on screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "Open",
            Self::Sealed => "Sealed",
            Self::Archived => "Archived",
        }
    }

    /// The word in files, database and JSON.
    pub fn code(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Sealed => "sealed",
            Self::Archived => "archived",
        }
    }

    /// Reads [`PackageState::code`].
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Open, Self::Sealed, Self::Archived].into_iter().find(|state| state.code() == code)
    }

    /// Whether `field` may be edited in this state. DSM: on a sealed package only the comment and the
    /// checksum-control switch; here also what is local and not signed.
    pub fn may_edit(self, field: Field) -> bool {
        use Field::*;
        match field {
            Comment => true,
            Group => true,
            ChecksumControl => self != Self::Archived,
            Replaces => self != Self::Archived,
            Retired => self == Self::Sealed,
            ProcedureChoice => self != Self::Archived,
            AddProcedure => self != Self::Archived,
            ArchiveComment => self == Self::Archived,
            Name | Version | Supplier | Type | Contents | EmbeddedProcedure => self == Self::Open,
        }
    }
}

impl fmt::Display for PackageState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What can be edited, as far as the state of the package decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// Renames the package folder.
    Name,
    /// Renames the package folder.
    Version,
    /// Who made the software.
    Supplier,
    /// Software group; local, not signed.
    Group,
    /// Free text; local, not signed.
    Comment,
    /// Generic, MSI and so on.
    Type,
    /// Which package this one replaces; local.
    Replaces,
    /// No new jobs; local.
    Retired,
    /// The switch; local.
    ChecksumControl,
    /// The files.
    Contents,
    /// A procedure that belongs to the sealed registration.
    EmbeddedProcedure,
    /// A further procedure; on a sealed package it is signed again.
    AddProcedure,
    /// Default for its task, offered in jobs; local.
    ProcedureChoice,
    /// Comment on the archive copy.
    ArchiveComment,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_package_keeps_what_was_signed() {
        use PackageState::*;
        for signed in [
            Field::Name,
            Field::Version,
            Field::Supplier,
            Field::Type,
            Field::Contents,
            Field::EmbeddedProcedure,
        ] {
            assert!(Open.may_edit(signed));
            assert!(!Sealed.may_edit(signed) && !Archived.may_edit(signed), "{signed:?}");
        }
        assert!(Sealed.may_edit(Field::Comment) && Sealed.may_edit(Field::ChecksumControl));
        assert!(Sealed.may_edit(Field::AddProcedure));
        assert!(!Archived.may_edit(Field::ChecksumControl) && Archived.may_edit(Field::Comment));
    }
}
