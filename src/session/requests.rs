//! Every request: what it asks, and which function of the library answers it.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use super::{
    AcceptRequest, ArchiveReport, ArchiveRequest, AutoRegisterOutcome, CheckedPackage, Contents, FileFacts,
    KeyInfo, KeyRequest, KeyUse, PackageBlocks, PackageDetails, PackageEdit, PackageRef, ProcedureEdit,
    RegisterReport, RegisterRequest, Removed, Request, RestoreReport, RestoreSource, SealReport, Session,
    SwitchAnswer, SwitchOutcome, UpdateReport, UpdateRequest, VerifyReport,
};
use crate::library::{KeyRing, Library, LibraryError};
use crate::package::record::{PackageId, PackageRecord, PackageSummary};
use crate::package::{BlockSize, BoardSlot, CheckKind, CheckReport, PackageKey};
use crate::work::Work;

/// Declares a request: its fields, reply, title, whether it changes anything, and the function that answers, given the
/// library and, where it asks for more than that, the session.
macro_rules! request {
    (
        $(#[$doc:meta])*
        $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty),* $(,)? } -> $reply:ty,
        $title:expr, changes: $changes:expr,
        |$this:ident, $library:ident, $work:ident| $run:expr
    ) => {
        request!(
            $(#[$doc])*
            $name { $($(#[$field_doc])* $field: $kind),* } -> $reply, $title, changes: $changes,
            |$this, $library, _session, $work| $run
        );
    };
    (
        $(#[$doc:meta])*
        $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty),* $(,)? } -> $reply:ty,
        $title:expr, changes: $changes:expr,
        |$this:ident, $library:ident, $session:ident, $work:ident| $run:expr
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name { $($(#[$field_doc])* pub $field: $kind,)* }

        impl Request for $name {
            type Reply = $reply;
            fn title(&self) -> String { $title.to_owned() }
            fn changes(&self) -> bool { $changes }
            fn run(
                self,
                $session: &crate::session::Session,
                $work: &Work,
            ) -> Result<$reply, crate::failure::Failure> {
                let $this = self;
                crate::session::guarded(|| -> Result<$reply, LibraryError> {
                    let $library: &Library = $session.library();
                    $run
                })
            }
        }
    };
}

/// Declares a request that only the user's keys answer: with a library at hand, or with none.
macro_rules! key_request {
    (
        $(#[$doc:meta])*
        $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty),* $(,)? } -> $reply:ty,
        $title:expr, |$this:ident, $keys:ident, $work:ident| $run:expr
    ) => {
        request!(
            $(#[$doc])*
            $name { $($(#[$field_doc])* $field: $kind),* } -> $reply, $title, changes: false,
            |this, library, work| this.run_with(library.keys(), work)
        );

        impl KeyRequest for $name {
            fn run_with(self, $keys: &KeyRing, $work: &Work) -> Result<$reply, LibraryError> {
                let $this = self;
                $run
            }
        }
    };
}

mod computers;
mod desk_request;
mod downloads;
mod groups;
mod history;
mod jobs;
mod library;
mod library_check;
mod manager;
mod repair;
mod search;
mod source;
mod staging;
mod whereabouts;

pub use computers::*;
pub use downloads::*;
pub use groups::*;
pub use history::*;
pub use jobs::*;
pub use library::*;
pub use library_check::*;
pub use manager::*;
pub use repair::*;
pub use search::*;
pub use source::*;
pub use staging::*;
pub use whereabouts::*;

request!(
    /// All packages, by name and version.
    ListPackages {} -> Vec<PackageSummary>, "Reading the library", changes: false,
    |_this, library, _work| library.list()
);
request!(
    /// The record of a package, by the name a person gives it; its files are not read.
    ResolvePackage {
        /// Which.
        package: PackageRef
    } -> PackageRecord, "Reading a package", changes: false,
    |this, library, _work| library.resolve(&this.package)
);
request!(
    /// Software groups.
    ListGroups {} -> Vec<String>, "Reading groups", changes: false,
    |_this, library, _work| library.groups()
);
request!(
    /// Everything a property page shows of a package.
    ShowPackage {
        /// Which.
        package: PackageRef
    } -> PackageDetails, "Reading a package", changes: false,
    |this, library, _work| library.details(&this.package)
);
request!(
    /// The recorded files of a package.
    ReadContents {
        /// Which.
        package: PackageId
    } -> Contents, "Reading contents", changes: false,
    |this, library, work| library.contents(this.package, work)
);
request!(
    /// When files of a package were changed and whose they are; only of those that are there.
    ReadFileFacts {
        /// Which package.
        package: PackageId,
        /// Paths relative to `data/`.
        paths: Vec<String>
    } -> HashMap<String, FileFacts>, "Reading the facts of files", changes: false,
    |this, library, work| library.file_facts(this.package, &this.paths, work)
);
request!(
    /// The blocks of a package, and how they stand after its last deep check.
    ReadBlocks {
        /// Which.
        package: PackageId
    } -> PackageBlocks, "Reading blocks", changes: false,
    |this, library, _work| library.blocks(this.package)
);
request!(
    /// Registers a new package.
    Register {
        /// What, and as what.
        request: RegisterRequest
    } -> RegisterReport, "Registering", changes: true,
    |this, library, work| library.register(&this.request, work)
);
request!(
    /// Registers a folder without asking, filed by System.
    AutoRegister {
        /// The folder.
        folder: PathBuf
    } -> AutoRegisterOutcome, "Auto-registering", changes: true,
    |this, library, work| library.auto_register(&this.folder, work)
);
request!(
    /// Changes the files of an Open package.
    Update {
        /// Which.
        package: PackageId,
        /// What.
        request: UpdateRequest
    } -> UpdateReport, "Updating", changes: true,
    |this, library, work| library.update(this.package, &this.request, work)
);
request!(
    /// Changes fields of a package.
    Edit {
        /// Which.
        package: PackageId,
        /// What.
        edit: PackageEdit
    } -> PackageRecord, "Saving", changes: true,
    |this, library, _work| library.edit(this.package, &this.edit)
);
request!(
    /// Changes the procedures of a package.
    EditProcedures {
        /// Which.
        package: PackageId,
        /// What.
        edit: ProcedureEdit,
        /// Key to sign again with, if the package is sealed.
        key: Option<String>
    } -> PackageRecord, "Saving procedures", changes: true,
    |this, library, _work| library.edit_procedures(this.package, &this.edit, this.key.as_deref())
);
request!(
    /// Adds a note to the history of a package.
    AddNote {
        /// Which.
        package: PackageId,
        /// The words.
        text: String
    } -> (), "Adding a note", changes: true,
    |this, library, _work| library.add_note(this.package, &this.text)
);
request!(
    /// Checks one package.
    Check {
        /// Which.
        package: PackageId,
        /// Quick or deep.
        kind: CheckKind
    } -> CheckReport, "Checking", changes: true,
    |this, library, work| library.check(this.package, this.kind, work)
);
request!(
    /// Deep check of one package whose blocks can be watched; of an archived one, its archive is verified.
    CheckBlocks {
        /// Which.
        package: PackageId,
        /// Gets the board on which each block is marked.
        blocks: BoardSlot
    } -> CheckReport, "Deep check", changes: true,
    |this, library, work| library.check_blocks(this.package, &this.blocks, work)
);
request!(
    /// Compares a package with its record and stores nothing.
    Look {
        /// Which.
        package: PackageId,
        /// Quick or deep.
        kind: CheckKind
    } -> CheckReport, "Looking at the files", changes: false,
    |this, library, work| library.look(this.package, this.kind, work)
);
request!(
    /// Checks several packages, one after the other.
    CheckAll {
        /// Which; all that are not archived if absent.
        packages: Option<Vec<PackageId>>,
        /// Quick or deep.
        kind: CheckKind
    } -> Vec<CheckedPackage>, "Checking packages", changes: true,
    |this, library, work| library.check_several(this.packages, this.kind, work)
);
request!(
    /// Switches checksum control on; where the files differ, only with an answer.
    SwitchOn {
        /// Which.
        package: PackageId,
        /// The answer, once the question was asked.
        answer: Option<SwitchAnswer>
    } -> SwitchOutcome, "Switching checksum control on", changes: true,
    |this, library, work| library.switch_on(this.package, this.answer.as_ref(), work)
);
request!(
    /// Switches checksum control off.
    SwitchOff {
        /// Which.
        package: PackageId,
        /// Why.
        reason: Option<String>
    } -> PackageRecord, "Switching checksum control off", changes: true,
    |this, library, _work| library.switch_off(this.package, this.reason.as_deref())
);
request!(
    /// Accepts what differs.
    Accept {
        /// Which.
        package: PackageId,
        /// Why, and what was shown.
        request: AcceptRequest
    } -> (PackageRecord, CheckReport), "Accepting changes", changes: true,
    |this, library, work| library.accept(this.package, &this.request, work)
);
request!(
    /// Seals an Open package.
    Seal {
        /// Which.
        package: PackageId,
        /// Name of the key; the one in use if absent. The first seal makes one.
        key: Option<String>,
        /// Block size of the snapshot; as recorded (2 MiB) if absent.
        block_size: Option<BlockSize>
    } -> SealReport, "Sealing", changes: true,
    |this, library, work| library.seal(this.package, this.key.as_deref(), this.block_size, work)
);
request!(
    /// Starts an Open copy under a new version.
    NewVersion {
        /// Of which.
        package: PackageId,
        /// The new version.
        version: String
    } -> PackageRecord, "Making a new version", changes: true,
    |this, library, work| library.new_version(this.package, &this.version, work)
);
request!(
    /// Takes a package out of the library; it can be taken back until the trash is emptied.
    Remove {
        /// Which.
        package: PackageId
    } -> Removed, "Removing", changes: true,
    |this, library, _work| library.remove(this.package)
);
request!(
    /// Removes a package for good. Other removed packages can still be taken back.
    RemoveForGood {
        /// Which.
        package: PackageId
    } -> Removed, "Removing", changes: true,
    |this, library, _work| library.remove_for_good(this.package)
);
request!(
    /// Removed packages that can be taken back, the last at the end.
    ListRemoved {} -> Vec<Removed>, "Reading the trash", changes: false,
    |_this, library, _work| library.removed()
);
request!(
    /// Takes the last removal back.
    UndoRemove {} -> PackageKey, "Taking a removal back", changes: true,
    |_this, library, _work| library.undo_remove()
);
request!(
    /// Deletes removed packages for good.
    EmptyTrash {} -> u64, "Deleting removed packages", changes: true,
    |_this, library, _work| library.empty_trash()
);
request!(
    /// Writes a sealed package to an archive and removes its files from the library.
    Archive {
        /// Which.
        package: PackageId,
        /// Where to, and how.
        request: ArchiveRequest
    } -> ArchiveReport, "Archiving", changes: true,
    |this, library, work| library.archive(this.package, &this.request, work)
);
request!(
    /// Brings an archived package back.
    Restore {
        /// From where.
        source: RestoreSource
    } -> RestoreReport, "Restoring", changes: true,
    |this, library, work| library.restore(&this.source, work)
);
request!(
    /// Saves the whole files of a damaged archive to a folder. Gives how many.
    SaveGoodFiles {
        /// From where.
        source: RestoreSource,
        /// The folder; must be new or empty.
        to: PathBuf
    } -> u64, "Saving whole files", changes: false,
    |this, library, work| library.save_good_files(&this.source, &this.to, work)
);
request!(
    /// Copies a package folder out of the library.
    Export {
        /// Which.
        package: PackageId,
        /// The folder it becomes; must be new or empty.
        to: PathBuf
    } -> (), "Exporting", changes: true,
    |this, library, work| library.export(this.package, &this.to, work)
);
key_request!(
    /// Judges a package folder, a BagIt bag or an archive, whoever made it.
    Verify {
        /// The folder or file.
        path: PathBuf,
        /// Keys trusted for this once: names, base64 texts, `.pub` files.
        trust: Vec<String>
    } -> VerifyReport, "Verifying",
    |this, keys, work| keys.verify(&this.path, &this.trust, work)
);
key_request!(
    /// All keys.
    ListKeys {} -> Vec<KeyInfo>, "Reading keys",
    |_this, keys, _work| keys.list()
);
request!(
    /// How many packages of the library, those in the trash apart, are sealed with each key: key id to number.
    CountKeyUses {} -> BTreeMap<String, u64>, "Reading the library", changes: false,
    |_this, library, _work| library.key_uses()
);
key_request!(
    /// Makes a key.
    CreateKey {
        /// Its name.
        name: String
    } -> KeyInfo, "Making a key",
    |this, keys, _work| keys.create(&this.name)
);
key_request!(
    /// One key, by name or id.
    ShowKey {
        /// Which.
        name: String
    } -> KeyInfo, "Reading keys",
    |this, keys, _work| keys.find(&this.name)
);
key_request!(
    /// A key as it is given to be trusted, which need not be known yet: its name, base64 text, or a `.pub` file.
    ReadKey {
        /// Which.
        key: String
    } -> KeyInfo, "Reading a key",
    |this, keys, _work| keys.resolve(&this.key)
);
key_request!(
    /// Writes a backup of an own key.
    ExportKey {
        /// Which.
        name: String,
        /// The file; must not exist.
        to: PathBuf,
        /// What the backup is encrypted with.
        passphrase: Passphrase
    } -> KeyInfo, "Writing a backup",
    |this, keys, _work| keys.export(&this.name, &this.to, &this.passphrase.0)
);
key_request!(
    /// Takes a key from a backup.
    ImportKey {
        /// The file.
        from: PathBuf,
        /// Its name here.
        name: String,
        /// What the backup is encrypted with.
        passphrase: Passphrase
    } -> KeyInfo, "Importing a key",
    |this, keys, _work| keys.import(&this.from, &this.name, &this.passphrase.0)
);
key_request!(
    /// Trusts a foreign key.
    TrustKey {
        /// Base64 text, or a `.pub` file.
        key: String,
        /// Its name here.
        name: Option<String>,
        /// What it may do.
        uses: Vec<KeyUse>
    } -> KeyInfo, "Trusting a key",
    |this, keys, _work| keys.trust(&this.key, this.name.as_deref(), &this.uses)
);
key_request!(
    /// Trusts a key no longer.
    DistrustKey {
        /// Which.
        name: String
    } -> KeyInfo, "Distrusting a key",
    |this, keys, _work| keys.distrust(&this.name)
);
key_request!(
    /// Uses a key no longer for sealing.
    RetireKey {
        /// Which.
        name: String
    } -> KeyInfo, "Retiring a key",
    |this, keys, _work| keys.retire(&this.name)
);

/// A passphrase; never shown, not even in debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct Passphrase(pub String);

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passphrase(…)")
    }
}
