//! What F1 says: a short text for each page, each tab and each dialog that asks for more than a name, and where to go
//! from there.
//!
//! Owns the texts, in the words of the glossary. Must not know what is on the screen: a topic is named by who shows it.

use super::command::Command;
use super::pages::computers::command::ComputerCommand;
use super::pages::downloads::command::DownloadCommand;
use super::pages::jobs::command::JobCommand;
use super::pages::staging::command::StagingCommand;
use super::pages::{Page, Place};
use super::property::Tab;

/// What somebody wants to know about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// The list of packages, whole or by group.
    Packages,
    /// Packages that System registered.
    AutoRegistered,
    /// Packages whose files are in an archive.
    Archived,
    /// Packages for which no job is set up any more.
    Retired,
    /// What differs, is damaged, unreadable or missing.
    Inconsistent,
    /// Packages on their way here.
    Downloads,
    /// Asking for one.
    NewDownload,
    /// Job containers, and the targets of one.
    Jobs,
    /// Setting one up.
    NewJob,
    /// Computers, and groups of them.
    Computers,
    /// Computers that packages are tried on.
    TestComputers,
    /// Computers nobody has heard of lately.
    NotSeen,
    /// Staging libraries, and what lies there.
    Staging,
    /// Bringing packages there and away.
    StagingPackages,
    /// The deep check of many packages.
    LibraryCheck,
    /// Files found in all packages.
    Search,
    /// Everything that happened.
    History,
    /// Work of this session.
    Tasks,
    /// Keys that seal and keys that are trusted.
    Keys,
    /// What is kept for this window.
    Settings,
    /// Registering files.
    NewPackage,
    /// The tab of this name.
    Tab(Tab),
    /// Closing the registration.
    Sealing,
    /// Moving the files into one file.
    Archiving,
    /// Bringing them back.
    Restoring,
    /// The question at switching checksum control on.
    Question,
    /// Recording what differs as right.
    Accepting,
    /// Fetching what is missing or damaged.
    Repairing,
    /// Leaving changes unnoticed.
    SwitchingOff,
    /// A copy under another version.
    NewVersion,
    /// How a package is installed.
    Procedure,
    /// Believing the seals of somebody else.
    Trusting,
    /// A dialog without a text of its own.
    Dialog,
}

impl Topic {
    /// The topic of a place in the tree.
    pub fn of(place: &Place) -> Self {
        match place {
            Place::Packages | Place::Group(_) => Self::Packages,
            Place::AutoRegistered => Self::AutoRegistered,
            Place::Archived => Self::Archived,
            Place::Retired => Self::Retired,
            Place::Inconsistent => Self::Inconsistent,
            Place::Downloads => Self::Downloads,
            Place::Jobs | Place::Job(_) => Self::Jobs,
            Place::Computers | Place::ComputerGroup(_) => Self::Computers,
            Place::TestComputers => Self::TestComputers,
            Place::NotSeen => Self::NotSeen,
            Place::Staging | Place::StagingLibrary(_) => Self::Staging,
            Place::LibraryCheck => Self::LibraryCheck,
            Place::Search => Self::Search,
            Place::History => Self::History,
            Place::Tasks => Self::Tasks,
            Place::Keys => Self::Keys,
            Place::Settings => Self::Settings,
        }
    }

    /// The heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Packages => "Software Package Library",
            Self::AutoRegistered => "Auto-registered",
            Self::Archived => "Archived",
            Self::Retired => "Retired",
            Self::Inconsistent => "Inconsistent packages",
            Self::Downloads => "Downloads",
            Self::NewDownload => "New download",
            Self::Jobs => "Jobs",
            Self::NewJob => "New job",
            Self::Computers => "Computers",
            Self::TestComputers => "Test computers",
            Self::NotSeen => "Not seen lately",
            Self::Staging => "Staging libraries",
            Self::StagingPackages => "Staging packages",
            Self::LibraryCheck => "Library check",
            Self::Search => "Search results",
            Self::History => "History",
            Self::Tasks => "Tasks",
            Self::Keys => "Keys",
            Self::Settings => "Settings",
            Self::NewPackage => "New package",
            Self::Tab(Tab::General) => "General",
            Self::Tab(Tab::Consistency) => "Consistency",
            Self::Tab(Tab::Contents) => "Contents",
            Self::Tab(Tab::Procedures) => "Procedures",
            Self::Tab(Tab::Blocks) => "Blocks",
            Self::Tab(Tab::Delivery) => "Delivery of a package",
            Self::Tab(Tab::History) => "History of a package",
            Self::Sealing => "Sealing",
            Self::Archiving => "Archiving",
            Self::Restoring => "Restoring",
            Self::Question => "A package that differs",
            Self::Accepting => "Accepting changes",
            Self::Repairing => "Repairing",
            Self::SwitchingOff => "Checksum control off",
            Self::NewVersion => "New version",
            Self::Procedure => "Procedure",
            Self::Trusting => "Trusting a key",
            Self::Dialog => "Dialogs",
        }
    }

    /// The text, a paragraph each.
    pub fn text(self) -> &'static [&'static str] {
        match self {
            Self::Packages => &[
                "A package is a name and a version with its files (the source), the procedures that install it, and what happened to it. Open packages can be changed; Sealed ones are closed and signed; the files of Archived ones lie in one archive file.",
                "Consistency says what the last check found, and when. Blocked means: checksum control is on and the last check did not agree, so the package is neither archived nor delivered until that is settled.",
                "Groups only order the list: drag packages onto one. What you type in Search filters by name; Enter searches the files of every package.",
            ],
            Self::AutoRegistered => &[
                "Packages that System registered from a watched folder. A folder is complete when nothing in it has changed for five seconds; its name gives name and version, as in 7-Zip 24.09.",
                "A package that came with a whole seal of a trusted key stays Sealed. With a key nobody trusts here it becomes Open, and History keeps the old seal.",
            ],
            Self::Archived => &[
                "The files of these packages lie in one archive file each; registration and seal stay here. Archive place says where, and whether it can be reached.",
                "Restore proves every block against the seal before the package is back. A damaged archive names its files, and what is whole can be saved.",
            ],
            Self::Retired => &[
                "No new jobs are set up for these packages; where they are installed they stay. A sealed package is retired, and taken back, on the tab General of its properties.",
            ],
            Self::Inconsistent => &[
                "Differs: files were added, removed, have another size or another case. Damaged: a deep check found other content. Unreadable: the system could not read a file. Missing: the folder is gone.",
                "If the files are right, accept the changes: a reason is asked for and kept. If they are wrong, put them right and check again (F5). A new check that agrees ends the block.",
            ],
            Self::Downloads => &[
                "Packages on their way here. Every block is proven by its hash before it counts; after a stop of any kind only blocks that are missing or corrupt are fetched. Retrying goes on for as long as it takes; Retry now ends the wait.",
                "The grid shows every block. A click on the legend dims all other states, F8 goes to the next block in trouble, a context menu checks or fetches one again. Corrupt blocks are fetched from another codebase; a codebase that sends them is dropped.",
                "Pause lasts over a restart. Remove leaves the files where they are unless you say otherwise. A download that is Ready becomes a package by Register.",
            ],
            Self::NewDownload => &[
                "The address of a package folder, of its snapshot.meta4, of a Metalink of anybody else, or a file on this computer. What it offers, and who signed it, is looked at before a byte of payload is fetched.",
                "A package that nobody signed, or somebody unknown, needs your decision and a reason, which stay with it. A seal that does not match is never taken. More codebases are places that have the same files: blocks come from all of them.",
            ],
            Self::Jobs => &[
                "A job runs a procedure of one or more sealed packages on computers. It is carried out by the delivery manager: in this window while it is open (Start here), or as a service. Without one, jobs wait.",
                "Waiting: the turn of a target has not come. Ordered: its agent was told. Staged: the package is there. Executing, OK and Error follow. Halt lets nothing else begin; what runs goes on. Renew lets failed targets be done again, Recover runs the uninstall procedure where a job failed.",
                "Before each target the package is checked against its checksum. If it differs, nothing more is delivered: the remaining targets end in error, or are halted until it is consistent, as the job says.",
            ],
            Self::NewJob => &[
                "Packages and the procedure of each; groups, computers, or those that have another version installed; when packages are brought there and when they run, on the clock of this console or of each computer; options; and a look beforehand.",
                "The last step names what would fail: a package that differs, a staging library without the package, a computer without an agent or room. Create anyway makes the job all the same; what is put right before its time is not in the way.",
            ],
            Self::Computers => &[
                "Computers get packages by jobs, once an agent is enrolled on them. An enrolment token lets one computer enrol itself; computers can also be listed before, by name or from a table. Groups order them, and jobs can be set up for a group: who is in it is looked up when the job begins.",
                "A computer reads packages from its staging library, or that of its group, and from the others if that has not got them. Removing a computer touches nothing on it. Agents remove packages that no job needs any more; Packages to keep names those that stay, and how much room they may take.",
            ],
            Self::TestComputers => &[
                "What is copied to a test computer or installed on it does not keep a package from being unsealed: mistakes that are found on it can be put right in the same version.",
            ],
            Self::NotSeen => &[
                "Computers whose agent was not heard of for 7 days, and those that never had one. Their jobs wait, and end in error when they are given up.",
            ],
            Self::Staging => &[
                "A staging library is the place from which agents read packages: a folder or share, a web server with WebDAV, or a bucket. In ITMS: package server. Nothing of ours has to run there. Its line can have a rate limit and hours; computers and groups have one as their home.",
                "Reconcile looks what really lies there: what is unknown, missing, outdated or incomplete, and what to do about each. Verify holds names and sizes against the seals there; deep reads every content. Removing one from the list touches nothing there.",
            ],
            Self::StagingPackages => &[
                "Stage brings a sealed package to staging libraries: Stage…, or drag it onto one in the tree. The package is checked against its checksum first; only what is not there is sent, the seal last, so that nothing half sent passes for whole. After any interruption the same sends the rest.",
                "A copy is outdated when the package was sealed again: jobs refuse it until it is staged again. Unstage removes a copy, unless a job that has not ended needs its package. A package that is staged is not unsealed.",
            ],
            Self::LibraryCheck => &[
                "A deep check of many packages: every file is read and its hashes are compared. It can be paused, slowed down, and goes on after a restart.",
                "The result names what is whole, what can be repaired, what cannot, and what could not be read.",
            ],
            Self::Search => &[
                "One row for each file of any package, archived ones too. * stands for any letters: *log4j*.jar. A SHA-256 finds every copy of a file under any name. Files inside .jar, .zip or .msi are not searched.",
            ],
            Self::History => &[
                "Who did what, when, where and why. Each entry carries the digest of the one before: Verify the chain follows it and names the first that does not fit.",
                "For an audit, filter by the event Accepted: an entry keeps the differences, the reason, the old and the new checksum. Print report writes a page for each; Export writes a table.",
            ],
            Self::Tasks => &[
                "Everything this window has started: what runs, with Cancel, and what has ended. A failure can be opened and copied as a report. Work that is cancelled leaves everything as it was.",
            ],
            Self::Keys => &[
                "The newest own key seals. Save a backup of it with a passphrase: without it nobody can seal in its name after this computer is gone. A retired key seals no longer, and what it sealed stays trusted.",
                "Trust a key of somebody else after comparing its fingerprint with its owner by another way.",
            ],
            Self::Settings => &[
                "Choices take effect at once and are kept for this account. What concerns the library itself (its folder, what is watched in it) stands on top.",
            ],
            Self::NewPackage => &[
                "Drop files or folders, paste their paths, or choose them. Name, version and supplier are proposed from what the installer says, and only then from the name of the folder; each says where it comes from.",
                "If a version of the same product is here, New version takes over its group, supplier, comment and procedures. Checksum control is on unless you say why not.",
            ],
            Self::Tab(Tab::General) => &[
                "What is registered. An Open package can be changed in every field. Of a sealed one Group, Comment, Replaces and Retired are local: they are not signed and stay free. Grey fields say on hover what would free them.",
                "Replaces and Replaced by lead to the other package. Changed elsewhere means that somebody else has changed a field that you have edited too: yours is kept until you apply or cancel.",
            ],
            Self::Tab(Tab::Consistency) => &[
                "Checksum control of package consistency records how many files there are, their names and their sizes, and compares that whenever the package is handed out. Quick check compares names and sizes now (F5); Deep check reads every file and compares hashes (Shift+F5).",
                "Ticking the box looks at the files first and writes nothing. If they differ you are asked when you apply.",
            ],
            Self::Tab(Tab::Contents) => &[
                "The recorded files. Of an Open package they can be added, replaced, renamed (F2) and removed (Del) here, or dropped onto the tab; the record follows. What was changed behind the library's back stays a difference until it is accepted.",
                "A context menu copies paths and hashes and finds the same file in other packages.",
            ],
            Self::Tab(Tab::Procedures) => &[
                "How the package is installed, activated, configured and uninstalled: a program of the package with its arguments, and what its exit codes mean. Embedded procedures are sealed with the package; Added ones may be added later, and sign the package again.",
            ],
            Self::Tab(Tab::Blocks) => &[
                "A cell is a block of a file, as the last deep check left it. The legend is a filter: a click dims all other states, F8 goes to the next block in trouble. Blocks in trouble lists them as a table.",
            ],
            Self::Tab(Tab::Delivery) => &[
                "Where the package is outside the library: its copies in staging libraries, the computers that have it, the jobs that deliver it, and the jobs of packages that replace it. A copy is outdated when the library has a newer revision. Nothing is edited here.",
                "What is staged where others than test computers read, installed, or waiting in a job keeps the package sealed: make a new version instead.",
            ],
            Self::Tab(Tab::History) => &[
                "Everything that happened to this package, the newest first. An entry unfolds to its differences. Add note keeps a remark of your own, for good.",
            ],
            Self::Sealing => &[
                "Sealing closes the registration (DSM: Close package): every file is hashed, the list of all hashes is signed with your key, and the package gets a revision. Only sealed packages are archived and delivered. Comment, group and checksum control stay free.",
            ],
            Self::Archiving => &[
                "The files go into one archive file, which is read back and proven before they are removed here. Any program that unpacks .tar.zst can read it. Registration, seal and History stay in the library.",
            ],
            Self::Restoring => &[
                "Every block is proven against the seal first; only then the package is back, byte for byte. Damage is never taken over. An archive from somewhere else needs a key you trust.",
            ],
            Self::Question => &[
                "Accept changes: the files are right, their checksum counts from now on. Repair: the files are wrong, and the sealed content is fetched again. Keep blocked: control is on, and nothing is delivered until this is settled. Cancel: control stays off.",
            ],
            Self::Accepting => &[
                "The new checksum counts from now on. Reason, name, time and differences are kept in History and can be printed from there. If the files change again before you accept, you are asked again. A sealed package is sealed again.",
            ],
            Self::Repairing => &[
                "Only blocks that are missing or damaged are fetched, from any place that has them: other packages of this library, archives, folders, web servers. Each is taken only if it matches its recorded hash, so a place need not be trusted. Several places together are enough if each has a part.",
                "Files that do not belong to the package are set aside in the library and never deleted. The package changes only when all of a file is right; what was fetched is kept if it stops, and the next repair goes on from there. A check follows, and History says what came from where.",
                "Compare… on the tab Consistency puts one changed file together in a temporary folder, as it was sealed, and shows it beside what is there now.",
            ],
            Self::SwitchingOff => &[
                "Without checksum control nobody notices a change of the files, and the package is handed out as it lies there. The reason is kept in History. If the files were meant to change, accepting keeps the protection.",
            ],
            Self::NewVersion => &[
                "An Open copy under another version, based on this one, with its procedures. The one it comes from stays as it is. This is the way to change a package that is sealed.",
            ],
            Self::Procedure => &[
                "A program of the package, its arguments as a list (nothing is read by a shell), where and as whom it runs, and what its exit codes mean. 0 is OK; 1641 and 3010 are OK with a restart; 1618 means try again later.",
            ],
            Self::Trusting => &[
                "Whoever has the secret part of a key can seal in its name. Compare the fingerprint with its owner on the telephone or on paper, not by the way on which the key came, and type its last 8 characters.",
            ],
            Self::Dialog => &[
                "Enter presses the marked button, Esc changes nothing. A button that destroys is never the marked one. A path can be typed, pasted, or chosen with Browse….",
            ],
        }
    }

    /// Where to go from here.
    pub fn next(self) -> &'static [Command] {
        use Command as C;
        match self {
            Self::Packages => &[C::NewPackage, C::Go(Page::Inconsistent), C::Palette],
            Self::AutoRegistered => &[C::Go(Page::Settings)],
            Self::Archived | Self::Restoring => &[C::Restore],
            Self::Inconsistent => &[C::Go(Page::LibraryCheck), C::Go(Page::History)],
            Self::Downloads => &[C::Download(DownloadCommand::New), C::Go(Page::Keys)],
            Self::NewDownload => &[C::Go(Page::Downloads), C::Go(Page::Keys)],
            Self::Jobs => {
                &[C::Job(JobCommand::New), C::Job(JobCommand::StartManager), C::Go(Page::Computers)]
            }
            Self::NewJob => &[C::Go(Page::Computers), C::Go(Page::Jobs)],
            Self::Computers | Self::TestComputers | Self::NotSeen => &[
                C::Computer(ComputerCommand::Token),
                C::Computer(ComputerCommand::Import),
                C::Go(Page::Jobs),
            ],
            Self::Staging => {
                &[C::Staging(StagingCommand::Add), C::Go(Page::Computers), C::Go(Page::Packages)]
            }
            Self::StagingPackages => &[C::Go(Page::Staging), C::Go(Page::Jobs)],
            Self::LibraryCheck => &[C::Go(Page::Inconsistent)],
            Self::History | Self::Accepting => &[C::PrintReport, C::ExportHistory, C::VerifyHistory],
            Self::Keys | Self::Trusting | Self::Sealing => &[C::Go(Page::Keys)],
            Self::Settings => &[C::Go(Page::Keys)],
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_has_a_text_of_its_own() {
        let mut texts: Vec<&str> = Page::ALL.iter().map(|page| Topic::of(&page.place()).text()[0]).collect();
        assert!(texts.iter().all(|text| text.len() > 80));
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), Page::ALL.len());
    }
}
