//! The folders of a package, and the rows of a tree that are seen of them: filtered, sorted and folded.
//!
//! Folders are made once for a list of files, on any thread; the rows anew whenever something was folded, filtered or
//! sorted. Knows no screen.

use std::collections::HashSet;

use super::ContentsView;
use crate::console::widgets::list::Sort;
use crate::session::ContentRow;

/// A folder, with what is in it at any depth.
#[derive(Debug, Default)]
pub(crate) struct Folder {
    /// Relative to the files of the package; empty for all of them.
    pub(crate) path: String,
    pub(crate) files: u64,
    pub(crate) size_bytes: u64,
    pub(crate) blocks: u64,
    /// In it, by name.
    folders: Vec<u32>,
    own_files: Vec<u32>,
}

impl Folder {
    /// The last part of its path.
    pub(crate) fn name(&self) -> &str {
        name_of(&self.path)
    }
}

/// The last part of a path.
pub(crate) fn name_of(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// All folders of a package; the first holds everything.
#[derive(Debug)]
pub(crate) struct Folders(Vec<Folder>);

/// A row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Item {
    /// A place in the folders.
    Folder(u32),
    /// A place in the files.
    File(u32),
}

/// A row that is seen, and how deep it hangs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) item: Item,
    pub(crate) depth: u16,
}

impl Default for Folders {
    fn default() -> Self {
        Self(vec![Folder::default()])
    }
}

/// Whether `folder` is `path` or lies above it.
fn holds(folder: &str, path: &str) -> bool {
    folder.is_empty()
        || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Folders {
    /// Of these files, which are sorted by the bytes of their paths: then everything in a folder stands together.
    pub(crate) fn of(rows: &[ContentRow]) -> Self {
        let mut folders = Self::default();
        // From everything down to where the last file was.
        let mut open: Vec<u32> = vec![0];
        for (at, row) in (0u32..).zip(rows) {
            let wanted = folder_of(&row.path);
            while open.len() > 1 && !open.last().is_some_and(|top| holds(&folders.get(*top).path, wanted)) {
                open.pop();
            }
            loop {
                let top = open.last().copied().unwrap_or(0);
                let have = folders.get(top).path.len();
                if have == wanted.len() {
                    break;
                }
                let from = if have == 0 { 0 } else { have + 1 };
                let end = wanted[from..].find('/').map_or(wanted.len(), |slash| from + slash);
                let new = u32::try_from(folders.0.len()).unwrap_or(u32::MAX);
                folders.0.push(Folder { path: wanted[..end].to_owned(), ..Folder::default() });
                folders.0[top as usize].folders.push(new);
                open.push(new);
            }
            for folder in &open {
                let folder = &mut folders.0[*folder as usize];
                folder.files += 1;
                folder.size_bytes = folder.size_bytes.saturating_add(row.size_bytes);
                folder.blocks = folder.blocks.saturating_add(row.blocks);
            }
            if let Some(top) = open.last() {
                folders.0[*top as usize].own_files.push(at);
            }
        }
        folders
    }

    /// One of them.
    pub(crate) fn get(&self, folder: u32) -> &Folder {
        &self.0[folder as usize]
    }

    /// Their paths, without the one that holds everything.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.iter().skip(1).map(|folder| folder.path.as_str())
    }

    /// How many there are, the one that holds everything apart.
    pub(crate) fn len(&self) -> usize {
        self.0.len() - 1
    }

    /// The rows that are seen of `rows`.
    pub(crate) fn seen(&self, rows: &[ContentRow], wanted: &Wanted, unfolded: &HashSet<String>) -> Vec<Seen> {
        let matches = wanted.matches(rows);
        match wanted.view {
            ContentsView::List => {
                let mut files: Vec<u32> =
                    (0u32..).zip(&matches).filter(|(_, is)| **is).map(|(at, _)| at).collect();
                wanted.sort_files(rows, &mut files);
                files.into_iter().map(|at| Seen { item: Item::File(at), depth: 0 }).collect()
            }
            ContentsView::Tree => self.tree(rows, wanted, &matches, unfolded),
        }
    }

    fn tree(
        &self,
        rows: &[ContentRow],
        wanted: &Wanted,
        matches: &[bool],
        unfolded: &HashSet<String>,
    ) -> Vec<Seen> {
        // A filter shows the way to every hit.
        let is_filtered = !wanted.filter.is_empty();
        let mut hits = vec![!is_filtered; self.0.len()];
        if is_filtered {
            // A folder stands before those in it: from the end, each is known before the one above it asks.
            for (at, folder) in self.0.iter().enumerate().rev() {
                hits[at] = folder.own_files.iter().any(|file| matches[*file as usize])
                    || folder.folders.iter().any(|inner| hits[*inner as usize]);
            }
        }
        let mut seen = Vec::new();
        // No recursion: paths come from strangers.
        let mut todo = vec![Seen { item: Item::Folder(0), depth: 0 }];
        while let Some(next) = todo.pop() {
            let Item::Folder(at) = next.item else {
                seen.push(next);
                continue;
            };
            let folder = self.get(at);
            let depth = if at == 0 {
                0
            } else {
                seen.push(next);
                if !is_filtered && !unfolded.contains(&folder.path) {
                    continue;
                }
                next.depth.saturating_add(1)
            };
            let mut files: Vec<u32> =
                folder.own_files.iter().copied().filter(|file| matches[*file as usize]).collect();
            wanted.sort_files(rows, &mut files);
            let mut folders: Vec<u32> =
                folder.folders.iter().copied().filter(|inner| hits[*inner as usize]).collect();
            match wanted.sort.column {
                1 => folders.sort_by_key(|inner| self.get(*inner).size_bytes),
                4 => folders.sort_by_key(|inner| self.get(*inner).blocks),
                _ => folders.sort_by(|a, b| self.get(*a).name().cmp(self.get(*b).name())),
            }
            if wanted.sort.descending {
                folders.reverse();
            }
            // The last one is taken first.
            todo.extend(files.into_iter().rev().map(|file| Seen { item: Item::File(file), depth }));
            todo.extend(folders.into_iter().rev().map(|inner| Seen { item: Item::Folder(inner), depth }));
        }
        seen
    }
}

/// How the files are to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) view: ContentsView,
    /// In lower case.
    pub(crate) filter: String,
    pub(crate) sort: Sort,
}

impl Wanted {
    fn matches(&self, rows: &[ContentRow]) -> Vec<bool> {
        let takes = |path: &str| {
            if self.filter.is_empty() {
                return true;
            }
            // Most paths are plain: no new string for each of many.
            if path.is_ascii() && self.filter.is_ascii() {
                return contains_ignoring_case(path.as_bytes(), self.filter.as_bytes());
            }
            path.to_lowercase().contains(&self.filter)
        };
        rows.iter().map(|row| takes(&row.path)).collect()
    }

    fn sort_files(&self, rows: &[ContentRow], files: &mut [u32]) {
        let row = |at: &u32| &rows[*at as usize];
        match self.sort.column {
            1 => files.sort_by_key(|at| row(at).size_bytes),
            2 => files.sort_by_key(|at| row(at).modified),
            4 => files.sort_by_key(|at| row(at).blocks),
            _ => {}
        }
        if self.sort.descending {
            files.reverse();
        }
    }
}

/// `wanted` is lower case.
fn contains_ignoring_case(text: &[u8], wanted: &[u8]) -> bool {
    let first = wanted[0];
    let Some(last) = text.len().checked_sub(wanted.len()) else { return false };
    (0..=last).any(|at| {
        text[at].to_ascii_lowercase() == first && text[at..at + wanted.len()].eq_ignore_ascii_case(wanted)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(paths: &[&str]) -> Vec<ContentRow> {
        let mut paths = paths.to_vec();
        paths.sort_unstable_by_key(|path| path.as_bytes());
        let row = |(size, path): (u64, &&str)| ContentRow {
            path: (*path).to_owned(),
            size_bytes: size + 1,
            modified: None,
            sha256: None,
            blocks: 1,
            executable: false,
        };
        (0..).zip(&paths).map(row).collect()
    }

    fn wanted(filter: &str) -> Wanted {
        Wanted {
            view: ContentsView::Tree,
            filter: filter.to_owned(),
            sort: Sort { column: 0, descending: false },
        }
    }

    fn shown(folders: &Folders, rows: &[ContentRow], wanted: &Wanted, unfolded: &[&str]) -> Vec<String> {
        let unfolded = unfolded.iter().map(|path| (*path).to_owned()).collect();
        let text = |seen: &Seen| match seen.item {
            Item::Folder(at) => format!("{}{}/", " ".repeat(seen.depth.into()), folders.get(at).name()),
            Item::File(at) => {
                format!("{}{}", " ".repeat(seen.depth.into()), name_of(&rows[at as usize].path))
            }
        };
        folders.seen(rows, wanted, &unfolded).iter().map(text).collect()
    }

    #[test]
    fn folders_come_first_and_unfold() {
        // `a-b` sorts between `a` and `a/…` by bytes.
        let rows = rows(&["a/x", "a-b/y", "a/in/z", "top", "a.txt"]);
        let folders = Folders::of(&rows);
        assert_eq!(folders.len(), 3);
        assert_eq!(shown(&folders, &rows, &wanted(""), &[]), ["a/", "a-b/", "a.txt", "top"]);
        assert_eq!(
            shown(&folders, &rows, &wanted(""), &["a", "a/in"]),
            ["a/", " in/", "  z", " x", "a-b/", "a.txt", "top"]
        );
        let sum: u64 = rows.iter().map(|row| row.size_bytes).sum();
        assert_eq!((folders.get(0).files, folders.get(0).size_bytes), (5, sum));
    }

    #[test]
    fn a_filter_shows_the_way_to_every_hit_and_nothing_else() {
        let rows = rows(&["a/in/Needle.txt", "a/other", "b/c", "Größe/NEEDLE"]);
        let folders = Folders::of(&rows);
        let found = shown(&folders, &rows, &wanted("needle"), &[]);
        assert_eq!(found, ["Größe/", " NEEDLE", "a/", " in/", "  Needle.txt"]);
        assert_eq!(shown(&folders, &rows, &wanted("größe/n"), &[]).len(), 2);
        assert!(shown(&folders, &rows, &wanted("nowhere"), &[]).is_empty());
        let list = Wanted { view: ContentsView::List, ..wanted("needle") };
        assert_eq!(shown(&folders, &rows, &list, &[]).len(), 2);
    }

    #[test]
    fn a_path_of_a_thousand_folders_is_no_trouble() {
        let deep = format!("{}file", "d/".repeat(2_000));
        let rows = rows(&[&deep, "d/e"]);
        let folders = Folders::of(&rows);
        assert_eq!(folders.len(), 2_000);
        assert_eq!(shown(&folders, &rows, &wanted("file"), &[]).len(), 2_001);
    }
}
