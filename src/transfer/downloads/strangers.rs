//! Files in the folder of a finished download that its snapshot does not list: set aside where somebody wants it.
//!
//! Owns where they go. Nothing is deleted, and nothing is moved to another disk.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::home::{database_failure, with_database};
use super::removing::{leads_through_link, no_such_download, plan_of};
use super::{Downloads, lock};
use crate::disk::{Root, rename_new};
use crate::failure::{Class, Failure};
use crate::package::download::{DownloadId, DownloadState};
use crate::transfer::survey::each_stranger;
use crate::transfer::{Event, EventKind};
use crate::work::Work;

/// What was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// The folder they are in now, below the names they had.
    pub folder: PathBuf,
    /// How many there were.
    pub files: u64,
}

impl Downloads {
    /// Moves every file that the snapshot of a Ready download does not list into a new folder beside its own. Waits
    /// until it is done.
    pub fn set_aside(&self, id: DownloadId, work: &Work) -> Result<SetAside, Failure> {
        let shared = &self.shared;
        let record = with_database(&*shared.home, |catalogue| catalogue.download(id))?;
        let record = record.map_err(|error| database_failure(&error))?.ok_or_else(no_such_download)?;
        let title = super::row::title_of(&record);
        if record.state != DownloadState::Ready {
            let action = "Set them aside when every block was proven";
            return Err(Failure::new(
                "download-not-ready",
                Class::Refused,
                format!("{title} is not ready"),
                action,
            )
            .because(record.state.words()));
        }
        let failed = |why: String| {
            Failure::new(
                "set-aside",
                Class::Environment,
                format!("not all files that nobody lists in {} could be set aside", record.folder.display()),
                "Move them yourself, or leave them",
            )
            .because(why)
        };
        let unknown = || failed("which files belong to the download is not known any more".to_owned());
        let plan = plan_of(shared, &record)?.ok_or_else(unknown)?;
        let root = Root::open(&record.folder).map_err(|error| failed(crate::disk::words(&error)))?;
        let aside = free_beside(&record.folder);
        let mut problem = None;
        let mut files = 0;
        let walked = each_stranger(&root, &plan, work, |path| {
            if problem.is_some() || leads_through_link(&record.folder, &path) {
                return;
            }
            let to = aside.join(&path);
            let above = to.parent().unwrap_or(&aside);
            let moved =
                std::fs::create_dir_all(above).and_then(|()| rename_new(&record.folder.join(&path), &to));
            match moved {
                Ok(()) => files += 1,
                Err(error) => problem = Some(format!("{path}: {}", crate::disk::words(&error))),
            }
        });
        if files > 0
            && let Some(live) = lock(&shared.live).get(&id)
        {
            let noun = if files == 1 { "file" } else { "files" };
            let text = format!("{files} {noun} that nobody lists went to {}", aside.display());
            live.note(Event { at: Timestamp::now(), kind: EventKind::Disk, text });
        }
        if let Some(problem) = problem {
            return Err(failed(problem));
        }
        walked.map_err(|_| failed("it was cancelled".to_owned()))?;
        Ok(SetAside { folder: aside, files })
    }
}

/// A folder beside `folder` that is not there yet.
fn free_beside(folder: &Path) -> PathBuf {
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let first = format!("{name} set aside {today}");
    let numbered = (2_u32..).map(|number| format!("{first} ({number})"));
    let parent = folder.parent().unwrap_or(folder);
    let mut folders = std::iter::once(first.clone()).chain(numbered).map(|name| parent.join(name));
    folders.find(|path| std::fs::symlink_metadata(path).is_err()).unwrap_or_else(|| parent.join(&first))
}
