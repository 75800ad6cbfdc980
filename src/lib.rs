//! Packhouse keeps a library of software packages and proves that none of them has changed behind its back.
//!
//! *A package lives in a library, through a session, shown in the console or the command line.*
//!
//! # The rooms
//!
//! | room | owns |
//! |---|---|
//! | [`package`] | what a package *is*: names, checksums, blocks, seals, procedures, formats. Pure values |
//! | [`disk`] | files as the system gives them: trees read without following links, contents hashed on all cores |
//! | [`archive_file`] | the archive: one file that any `tar --zstd` unpacks and that stays readable around damage |
//! | [`store`] | `catalog.db`: every SQL statement of the program |
//! | [`library`] | the disk: package folders, and every way in which a package can change |
//! | [`serve`] | the origin: a web server for a folder of packages |
//! | [`transfer`] | downloads with checkpoint recovery, block by block: the network and the folder of a package |
//! | [`delivery`] | staging libraries, computers, jobs, the delivery manager, and the agent that runs what was sealed |
//! | [`session`] | the seam: a request goes in, a reply comes out; a view of what is there |
//! | `console` | the desktop program, `packhouse` |
//! | `cli` | the command line, `packhouse-cli` |
//!
//! Arrows run one way: `package <- disk, archive_file, store <- library, transfer, serve <- delivery <- session <-
//! console | cli`; `library` and `transfer` never name each other. [`work`] (progress and cancelling) is used by all and
//! uses none, [`failure`] (an error as a person reads it) knows [`package`] only. The engine never prints, never asks,
//! never reads the environment or the home folder: the front ends do, and hand the answers in.
//!
//! # One package from end to end
//!
//! 1. A folder is dropped on the console. [`session::Preview`] looks at it (`library::source`, by way of
//!    [`library::scan`]) and proposes a name and a version ([`package::proposal`]).
//! 2. [`session::Register`]: the files are copied to `.incoming/` and hashed on the way ([`library::copying`]); the
//!    list of them is a [`package::Manifest`], whose names and sizes have a [`package::ConsistencyChecksum`]. One
//!    transaction of the [`store`] decides; one rename puts the folder into place (`library::operation`).
//! 3. [`session::Check`] compares the folder with the record: a quick check by names and sizes, a deep check by block
//!    hashes ([`disk::hashing`]). What differs is named in a [`package::CheckReport`]. While checksum control is on
//!    and the last verification did not agree, the package is blocked.
//! 4. [`session::Seal`]: the package becomes a BagIt bag ([`package::bag`]) with a Metalink snapshot
//!    ([`package::snapshot`]) and a minisign signature over its registration info ([`package::reginfo`]).
//! 5. [`session::Archive`] writes one file ([`archive_file`]), reads it back, proves it, and only then removes
//!    the files; [`session::Restore`] proves every block before the package changes.
//! 6. [`transfer`] brings a package to another folder, whatever happens on the way; its own text tells one download from
//!    end to end.
//! 7. [`delivery`] brings it to many computers, where an agent proves it again before anything of it runs; its own text tells
//!    one job from end to end.
//! 8. Everything that happened stands in History, each entry chained to the one before ([`package::history`]).

pub mod archive_file;
pub mod cli;
#[cfg(feature = "gui")]
pub mod console;
pub mod delivery;
pub mod disk;
pub mod failure;
pub mod library;
pub mod package;
mod place;
pub mod serve;
pub mod session;
pub mod store;
pub mod transfer;
pub mod work;
