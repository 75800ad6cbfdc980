//! How errors of a library are told: code, reason and action, in one place.

use super::*;

impl LibraryError {
    /// The error as a person reads it.
    pub fn explain(&self) -> Failure {
        let failure = |code, class, action: &str| Failure::new(code, class, self.to_string(), action);
        let pairs = |list: &[(String, String)]| list.iter().map(|(a, b)| format!("{a}: {b}")).collect();
        let explained = match self {
            Self::Cancelled(_) => failure("cancelled", Class::Cancelled, "Nothing was changed. Start it again when you like"),
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                failure("disk-full", Class::Environment, "Nothing was lost. Free some space and try again")
                    .because("the disk is full")
            }
            Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                failure("io", Class::Environment, "Check the path, then try again").because(crate::disk::words(source))
            }
            Self::Io { source, .. } => {
                failure("io", Class::Environment, "Check the disk and your rights, then try again").because(crate::disk::words(source))
            }
            Self::Store(error) if error.is_busy() => {
                failure("database-busy", Class::Environment, "Another program holds the library database; try again in a moment")
            }
            Self::Store(StoreError::Newer { .. }) => {
                failure("library-newer", Class::Refused, "Nothing was changed. Open it with the newer Packhouse that wrote it")
            }
            Self::Store(error) if error.is_disk_full() => {
                failure("disk-full", Class::Environment, "Nothing was lost. Free some space and try again")
            }
            Self::Store(error) if error.is_damage() => {
                failure("library-damaged", Class::Environment, "Rebuild the library database from the packages: packhouse-cli rebuild")
            }
            Self::Store(error) if error.is_read_only() => failure(
                "library-read-only",
                Class::Environment,
                "Check your rights on the library folder, or open the library for reading only",
            ),
            Self::Store(_) => failure("database", Class::Environment, "Try again; if it stays, rebuild the library database: packhouse-cli rebuild"),
            Self::NoLibrary(_) => failure("no-library", Class::Environment, "Name a folder that holds a library, with --library DIR"),
            Self::NotALibrary(_) => {
                failure("not-a-library", Class::Refused, "Choose an empty folder, or one that does not exist yet")
            }
            Self::Unreachable { why, .. } => {
                failure("library-unreachable", Class::Environment, "Nothing was changed. Connect the disk or share, then try again")
                    .because(why.clone())
            }
            Self::InUse(by) => {
                failure("library-in-use", Class::Refused, "Nothing was changed. Close the library there, then try again")
                    .because(by.join("; "))
            }
            Self::AtWork(by) => {
                failure("library-in-use", Class::Refused, "Wait until it is done, then try again").because(by.join("; "))
            }
            Self::InUseElsewhere(holder) => {
                let LibraryHolder { how, process, since, .. } = &**holder;
                let since = since.strftime("%Y-%m-%d %H:%M:%S");
                failure(
                    "library-in-use-elsewhere",
                    Class::Refused,
                    "Nothing was changed. Close the library there, or open it for reading only",
                )
                .because(format!("{how}, process {process}, since {since} UTC"))
            }
            Self::Delivered { key, staged, installed, jobs } => {
                let many = |count: u64, one: &str, more: &str| match count {
                    1 => format!("1 {one}"),
                    _ => format!("{count} {more}"),
                };
                let mut where_it_is = Vec::new();
                if !staged.is_empty() {
                    where_it_is.push(format!("staged at {}", many(staged.len() as u64, "place", "places")));
                }
                if *installed > 0 {
                    where_it_is.push(format!("installed on {}", many(*installed, "computer", "computers")));
                }
                if *jobs > 0 {
                    where_it_is.push(format!("part of {}", many(*jobs, "waiting job", "waiting jobs")));
                }
                let last = where_it_is.pop().unwrap_or_default();
                let where_it_is = match where_it_is.is_empty() {
                    true => last,
                    false => format!("{} and {last}", where_it_is.join(", ")),
                };
                failure(
                    "package-delivered",
                    Class::Refused,
                    &format!(
                        "Make a new version (packhouse-cli new-version {} VERSION), or add a procedure",
                        argument(&key.to_string())
                    ),
                )
                .because(format!(
                    "it is {where_it_is}; changing it would make two different packages with one name"
                ))
                .with_details(staged.iter().map(|name| format!("staged at {name}")).collect())
            }
            Self::ReadOnly => failure("read-only", Class::Refused, "Close the other program, or get write access, then try again"),
            Self::SourceMissing(_) => failure("source-missing", Class::Environment, "Check the path"),
            Self::SourceEmpty(_) => failure("source-empty", Class::Refused, "Name a folder with at least one file"),
            Self::SourceInLibrary(_) => {
                failure("source-in-library", Class::Refused, "Choose a folder outside the library")
            }
            Self::SameSourceName(_) => failure("source-same-name", Class::Refused, "Put them into one folder under names of their own"),
            Self::SourceChanged(_) => {
                failure("source-changed", Class::Refused, "Wait until nothing writes to the source, then try again")
            }
            Self::Refused(list) => failure(
                "source-refused",
                Class::Refused,
                "Rename or leave out what is listed; symbolic links: --links copy or --links skip",
            )
            .with_details(pairs(list)),
            Self::SourceUnreadable(list) => {
                failure("source-unreadable", Class::Environment, "Check your rights on what is listed, then try again")
                    .with_details(pairs(list))
            }
            Self::Key(KeyProblem::Empty(_)) => failure(
                "bad-name",
                Class::Usage,
                "Nothing could be proposed from the source: give it, with --name N and --version V",
            ),
            Self::Key(_) => failure("bad-name", Class::Usage, "Use letters, digits, spaces, dots and hyphens, at most 100 characters"),
            Self::Exists(_) => failure("package-exists", Class::Refused, "Choose another version, or update or remove the one that exists"),
            Self::InTrash(_) => failure(
                "package-removed",
                Class::Refused,
                "Take the removal back in the console, or end undo by closing it, then try again",
            ),
            Self::FolderExists(_) => failure(
                "folder-exists",
                Class::Refused,
                "Move the folder away, or take its package in with: packhouse-cli rebuild",
            ),
            Self::OtherDisk { .. } => failure(
                "other-disk",
                Class::Environment,
                "Nothing was changed. Keep the whole library on one disk: unmount what is mounted in it, or move it",
            )
            .because("a change is put into place by renaming, which no system can do from one disk to another"),
            Self::NotFound(_) => failure("not-found", Class::Usage, "packhouse-cli list shows every package"),
            Self::Ambiguous { keys, .. } => {
                failure("ambiguous", Class::Usage, "Name the version as well: Name@Version").with_details(keys.clone())
            }
            Self::Locked(_) => failure("package-locked", Class::Refused, "Wait until it is done, then try again"),
            Self::State { instead, .. } => failure("wrong-state", Class::Refused, instead),
            Self::Differs { key, report } => {
                let mut differs = failure(
                    if report.finding == Finding::Damaged { "consistency-damaged" } else { "consistency-differs" },
                    Class::Refused,
                    &what_to_do(key, report),
                )
                .because("checksum control of package consistency is on, and the files are not as recorded")
                .same_as("SDM228429");
                differs.details = difference_lines(report);
                differs.report = Some(report.clone());
                differs
            }
            Self::ChangedAgain(_) => {
                failure("changed-again", Class::Refused, "Nothing was done. Look at what is there now, then try again: packhouse-cli check PKG")
            }
            Self::NothingToAccept(_) => failure("nothing-to-accept", Class::Refused, "Nothing needs to be done"),
            Self::NeverSealed(_) => {
                failure("never-sealed", Class::No, "Accept the changes, or put the files back yourself")
                    .because("there are no hashes of a sealed content, so nobody has a copy to repair from")
            }
            Self::NoHashes(_) => {
                failure("no-hashes", Class::No, "Register the package anew, or restore it from its archive")
                    .because("its hashes were lost with a library database, so nothing could be proven")
            }
            Self::NothingToRepair(_) => failure("nothing-to-repair", Class::Refused, "Nothing needs to be done"),
            Self::Told(told) => (**told).clone(),
            Self::NoReason => failure("no-reason", Class::Usage, "Say why, with --reason TEXT"),
            Self::NoSuchFile { .. } => failure("no-such-file", Class::Usage, "Paths are relative to the package, with / and in the right case; packhouse-cli find PATTERN lists them"),
            Self::PathConflict(_) => failure("path-conflict", Class::Refused, "Remove the one, or give the other another name"),
            Self::Procedure(_) => failure("bad-procedure", Class::Usage, "Correct the procedure and try again"),
            Self::NoSuchProcedure(_) => failure("no-such-procedure", Class::Usage, "packhouse-cli procedure PKG list shows them"),
            Self::ProcedureSealed(_) => {
                failure("procedure-sealed", Class::Refused, "Add a corrected procedure, or unseal, or make a new version")
            }
            Self::KeyUnusable { why, .. } => failure("bad-key", Class::Environment, "Check the key file; packhouse-cli key list shows every key").because(why.clone()),
            Self::NotAKey(_) => {
                failure("not-a-key", Class::Usage, "Give the text of a public key, which begins with RW, or the path of a .pub file")
            }
            Self::WrongPassphrase(_) => failure(
                "wrong-passphrase",
                Class::Refused,
                "Give the passphrase the backup was written with; upper and lower case count",
            ),
            Self::NoSuchKey(_) => failure("no-such-key", Class::Usage, "packhouse-cli key list shows every key"),
            Self::KeyExists(_) => failure("key-exists", Class::Refused, "Choose another name"),
            Self::SealBroken { why, .. } => {
                failure("seal-broken", Class::No, "Do not use it. Get it again from where it was sealed").because(why.clone())
            }
            Self::SealUnknown { key_id, .. } => failure(
                "key-not-trusted",
                Class::Refused,
                "Compare the key with the one its owner gives you by another way, then: packhouse-cli key trust KEY",
            )
            .because(format!("key {key_id}")),
            Self::NoSeal(_) => failure("no-seal", Class::Refused, "Seal it first: packhouse-cli seal PKG"),
            Self::ArchiveMissing { place, .. } => {
                failure("archive-missing", Class::Environment, "Connect the disk, or name the file: packhouse-cli restore FILE")
                    .because(place.clone())
            }
            Self::ArchiveExists(_) => failure("archive-exists", Class::Refused, "Choose another folder, or move the file away"),
            Self::NoRegInfo(_) => {
                failure("no-reginfo", Class::Refused, "If these are the files of a package, unpack them and register them as a new one: packhouse-cli register FOLDER")
            }
            Self::ArchiveDamaged { summary, files, .. } => {
                failure("archive-damaged", Class::No, "Nothing was changed in the library. Where somebody has what is damaged: packhouse-cli restore FILE --repair-from ADDRESS. What is whole can be saved: packhouse-cli restore FILE --save-good-files DIR")
                    .because(summary.clone())
                    .with_details(pairs(files))
            }
            Self::NotAnArchive { why, .. } => failure("not-an-archive", Class::No, "Check the path").because(why.clone()),
            Self::BagInvalid { problems, .. } => {
                failure("bag-invalid", Class::No, "Get the bag again from where it comes from").with_details(problems.clone())
            }
            Self::FolderNotEmpty(_) => failure("folder-not-empty", Class::Refused, "Choose an empty folder, or a new one"),
            Self::NothingToUndo => failure("nothing-to-undo", Class::Refused, "Nothing needs to be done"),
            Self::BadPattern(_) => failure("bad-pattern", Class::Usage, "Give a part of a path, a pattern with * and ?, or a SHA-256"),
            Self::GroupName(_) => {
                failure("bad-group", Class::Usage, "Use at most 100 characters and no control characters")
            }
            Self::GroupExists(_) => failure("group-exists", Class::Refused, "Choose another name, or move its packages"),
            Self::NoSuchGroup(_) => failure("no-such-group", Class::Usage, "packhouse-cli group list shows every group"),
            Self::Moving => failure("library-moving", Class::Refused, "Wait until it is done, then open it in its new folder"),
            Self::Moved { to, .. } => failure(
                "library-moved",
                Class::Refused,
                &format!("Open it there: --library {}. To use the old copy again, remove moved-to.json from it", to.display()),
            ),
            Self::HalfMoved { from, .. } => failure(
                "library-half-moved",
                Class::Refused,
                &format!("The library is in {}: open it there, or move it again", from.display()),
            ),
            Self::CopyDiffers(_) => {
                failure("copy-differs", Class::Environment, "The library stays where it is. Check the new disk, then try again")
            }
            Self::NoOldCopy => failure("no-old-copy", Class::Refused, "Nothing needs to be done"),
            Self::NotOldCopy(_) => {
                failure("not-old-copy", Class::Refused, "Nothing was deleted. Look at the folder and delete it yourself")
            }
            Self::CheckRunning => {
                failure("check-running", Class::Refused, "Wait until it is done, or stop it in the other program")
            }
            Self::CheckUnfinished { .. } => failure(
                "check-unfinished",
                Class::Refused,
                "Go on with the one that is not done, or begin anew: --restart",
            ),
            Self::NoCheck => failure("no-check", Class::Refused, "Start a new library check"),
            Self::Unreadable { why, .. } => failure("unreadable", Class::Environment, "Check the disk, then try again").because(why.clone()),
        };
        if self.is_temporary() { explained.temporary() } else { explained }
    }
}

/// What can be done about a package that is not as recorded.
fn what_to_do(key: &PackageKey, report: &CheckReport) -> String {
    let key = argument(&key.to_string()).into_owned();
    if report.finding == Finding::Missing {
        return format!("packhouse-cli check {key} says what can be done");
    }
    format!(
        "packhouse-cli check {key} names what differs. Then: packhouse-cli repair {key}, or: packhouse-cli \
         consistency {key} on --accept --reason TEXT"
    )
}
