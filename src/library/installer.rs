//! What an installer says about itself: name, version, maker, and how it is run without questions.
//!
//! Owns: which file of a source is asked, and how much of it may be read. Files come from strangers: each reader sees a
//! bounded number of bytes and answers nothing rather than something doubtful. Changes nothing.

mod deb;
mod msi;
mod msix;
#[cfg(test)]
mod mutation;
mod pe;
mod rpm;

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::package::PackageKey;
use crate::package::procedure::{ExitMeaning, Procedure, ProcedureChoice, SYSTEM_PREFIX, Task};
use crate::package::record::ListedProcedure;
use crate::work::Work;

/// Installers that are asked at most, the largest first.
const ASKED: usize = 6;
/// Longest text that is taken over, in characters.
const LONGEST_TEXT: usize = 100;
/// Minutes until another installation is tried again that another one stood in the way of.
const TRY_AGAIN_MINUTES: u32 = 10;

/// What an installer says; empty where it does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Name of the product.
    pub(super) name: String,
    /// Its version.
    pub(super) version: String,
    /// Who made it.
    pub(super) supplier: String,
    /// Where that stands: `the MSI properties`.
    pub(super) from: &'static str,
    /// What uninstalls it: the product code of an MSI, the name of a DEB.
    pub(super) identity: String,
}

/// What was read of a source, and from which of its files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Installer {
    /// Path in the package; empty if there is no installer.
    pub(super) path: String,
    /// What it says.
    pub(super) told: Told,
    /// Procedures to begin with.
    pub(super) procedures: Vec<ListedProcedure>,
}

/// Asks the installers among these files (path in the package, size, path on disk), the largest first, until one answers.
pub(super) fn ask(files: impl Iterator<Item = (String, u64, PathBuf)>, work: &Work) -> Installer {
    let mut installers: Vec<(u64, Kind, String, PathBuf)> =
        files.filter_map(|(path, size, file)| Some((size, Kind::of(&path)?, path, file))).collect();
    installers.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.2.cmp(&b.2)));
    let mut silent = None;
    for (_, kind, path, file) in installers.into_iter().take(ASKED) {
        if work.is_cancelled() {
            break;
        }
        let told = kind.read(&file).map(Told::tidied).unwrap_or_default();
        let installer = Installer { procedures: procedures(kind, &path, &told), path, told };
        if !installer.told.name.is_empty() || !installer.told.version.is_empty() {
            return installer;
        }
        // One that says nothing can still be installed.
        if silent.is_none() && !installer.procedures.is_empty() {
            silent = Some(installer);
        }
    }
    silent.unwrap_or_default()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Msi,
    Exe,
    Deb,
    Rpm,
    Msix,
}

impl Kind {
    fn of(path: &str) -> Option<Self> {
        Some(match path.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
            "msi" => Self::Msi,
            "exe" => Self::Exe,
            "deb" => Self::Deb,
            "rpm" => Self::Rpm,
            "msix" | "appx" | "msixbundle" => Self::Msix,
            _ => return None,
        })
    }

    /// What a file of this kind says; `None` if it cannot be read as one.
    fn read(self, file: &Path) -> Option<Told> {
        let file = File::open(file).ok()?;
        match self {
            Self::Msi => msi::read(Bounded::new(BufReader::new(file), msi::MOST_BYTES)),
            Self::Exe => {
                let mut start = Vec::new();
                file.take(pe::MOST_BYTES).read_to_end(&mut start).ok()?;
                pe::read(&start)
            }
            Self::Deb => deb::read(BufReader::new(file)),
            Self::Rpm => rpm::read(BufReader::new(file)),
            Self::Msix => msix::read(Bounded::new(BufReader::new(file), msix::MOST_BYTES)),
        }
    }
}

impl Told {
    /// Without what no name, version or line of text takes.
    fn tidied(mut self) -> Self {
        for text in [&mut self.name, &mut self.version, &mut self.supplier, &mut self.identity] {
            let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || c.is_control()).collect();
            let joined = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
            *text = joined.chars().take(LONGEST_TEXT).collect::<String>().trim().to_owned();
        }
        // `7-Zip 24.09` of version `24.09` is `7-Zip`.
        if let Some(name) = self.name.strip_suffix(&self.version).filter(|_| !self.version.is_empty()) {
            let name = name.trim_end_matches([' ', '-', '_', ',']).trim_end_matches(" v").trim_end();
            if !name.is_empty() {
                self.name = name.to_owned();
            }
        }
        // What cannot be the name of a folder is not proposed.
        if PackageKey::new(&self.name, "1").is_err() {
            self.name.clear();
        }
        if PackageKey::new("x", &self.version).is_err() {
            self.version.clear();
        }
        self
    }
}

/// Procedures that install and remove without questions, as far as the kind says how.
fn procedures(kind: Kind, path: &str, told: &Told) -> Vec<ListedProcedure> {
    let mut listed = Vec::new();
    let mut add = |task: Task, program: &str, arguments: &[&str]| {
        // The program is part of the system. What it is given to install is part of the package, which is checked
        // before it; to uninstall by a name needs no file of the package.
        let is_external = task == Task::Uninstall;
        let program = if is_external { program.to_owned() } else { format!("{SYSTEM_PREFIX}{program}") };
        let mut procedure = Procedure::new(task.word(), task, &program);
        procedure.external = is_external;
        procedure.arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        if kind == Kind::Msi {
            // Windows Installer: done, restart begun, restart needed, another installation is running.
            procedure.exit_codes = [
                (0, ExitMeaning::Ok),
                (1641, ExitMeaning::OkRestart),
                (3010, ExitMeaning::OkRestart),
                (1618, ExitMeaning::TryAgain { after_minutes: TRY_AGAIN_MINUTES }),
            ]
            .into();
        }
        let system = if matches!(kind, Kind::Deb | Kind::Rpm) { "linux" } else { "windows" };
        procedure.runs_on.systems = vec![system.to_owned()];
        let choice = ProcedureChoice { default_for_task: true, ..ProcedureChoice::default() };
        listed.push(ListedProcedure { procedure, choice });
    };
    let here = format!("./{path}");
    let is_known = !told.identity.is_empty();
    match kind {
        Kind::Msi => {
            add(Task::Install, "msiexec", &["/i", path, "/qn", "/norestart"]);
            if is_known {
                add(Task::Uninstall, "msiexec", &["/x", &told.identity, "/qn", "/norestart"]);
            }
        }
        Kind::Deb => {
            add(Task::Install, "apt-get", &["install", "-y", &here]);
            if is_known {
                add(Task::Uninstall, "apt-get", &["remove", "-y", &told.identity]);
            }
        }
        Kind::Rpm => {
            add(Task::Install, "rpm", &["-U", &here]);
            if is_known {
                add(Task::Uninstall, "rpm", &["-e", &told.identity]);
            }
        }
        Kind::Msix => {
            let quoted = format!("'./{}'", path.replace('\'', "''"));
            let cmdlet = ["-NoProfile", "-NonInteractive", "-Command"];
            add(Task::Install, "powershell", &[&cmdlet[..], &["Add-AppxPackage", "-Path", &quoted]].concat());
            if is_known {
                let remove = format!("Get-AppxPackage -Name '{}' | Remove-AppxPackage", told.identity);
                add(Task::Uninstall, "powershell", &[&cmdlet[..], &[&remove]].concat());
            }
        }
        // What an .exe takes is its maker's own.
        Kind::Exe => {}
    }
    listed
}

/// A reader that gives up after so many bytes, however they are asked for.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R> Bounded<R> {
    fn new(inner: R, most_bytes: u64) -> Self {
        Self { inner, left: most_bytes }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::Error::other("too much was read"));
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.inner.read(&mut buffer[..most])?;
        self.left -= read as u64;
        Ok(read)
    }
}

impl<R: Seek> Seek for Bounded<R> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.inner.seek(position)
    }
}
