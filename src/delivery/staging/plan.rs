//! What is to be sent of a package: the difference between what is sealed and what lies in the staging library.
//!
//! Pure. What is known to be there as sealed is kept; what has the right size and is not known is looked at; the rest is
//! sent. Files that an earlier revision of ours put there are removed; those of strangers are named and left.

use std::collections::HashMap;

use super::place::{There, is_unfinished};
use crate::package::Manifest;
use crate::package::reginfo::DATA_NAME;

/// What becomes of a sealed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is there.
    Keep,
    /// Something of its size is there; its content decides.
    Look,
    /// It is not there.
    Send,
}

/// What lies in the place of a package, by the list that lies there.
#[derive(Clone, Copy, Debug)]
pub(super) enum Before<'a> {
    /// No list of ours.
    Nothing,
    /// A list without a seal: a copy that was not finished. Its names are ours; its contents are not known.
    Names(&'a Manifest),
    /// A sealed copy.
    Sealed(&'a Manifest),
}

/// What is to be done, in the order of the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct StagePlan {
    /// Objects that somebody began to write and did not finish; relative to the package folder, as all paths here.
    pub(super) unfinished: Vec<String>,
    /// Objects of an earlier revision that the package no longer has.
    pub(super) stale: Vec<String>,
    /// Folders that stand where a file belongs, once what is stale is gone.
    pub(super) in_the_way: Vec<String>,
    /// One for each file of the package.
    pub(super) steps: Vec<Step>,
    /// Objects that nobody of ours put there.
    pub(super) strangers: Vec<String>,
}

impl StagePlan {
    /// Whether anything below `data/` changes: then what is there is no sealed package any more.
    pub(super) fn changes_data(&self) -> bool {
        !self.stale.is_empty() || self.steps.iter().any(|step| *step != Step::Keep)
    }
}

/// One bit a file, set where it was sent.
pub(super) fn is_sent(sent: &[u8], file: usize) -> bool {
    sent.get(file / 8).is_some_and(|byte| byte & (1 << (file % 8)) != 0)
}

/// Makes the plan.
///
/// `there` is what lies below the package folder; `before` what lies there by its own list; `sent` which files of this very
/// revision were sent before.
pub(super) fn plan(sealed: &Manifest, there: &There, before: Before<'_>, sent: &[u8]) -> StagePlan {
    let sizes: HashMap<&str, u64> = there.objects.iter().map(|(path, size)| (path.as_str(), *size)).collect();
    let mut plan = StagePlan::default();
    let (listed, is_sealed) = match before {
        Before::Nothing => (None, false),
        Before::Names(listed) => (Some(listed), false),
        Before::Sealed(listed) => (Some(listed), true),
    };
    let was = |path: &str| {
        let listed = listed?;
        listed.files().position(path).and_then(|at| listed.get(at))
    };
    for (index, file) in sealed.iter().enumerate() {
        let is_known = is_sent(sent, index)
            || is_sealed
                && was(file.path).is_some_and(|was| {
                    was.size_bytes == file.size_bytes
                        && was.hashes.map(|hashes| hashes.file) == file.hashes.map(|hashes| hashes.file)
                        && was.executable == file.executable
                });
        let step = match sizes.get(format!("{DATA_NAME}/{}", file.path).as_str()) {
            Some(size) if *size != file.size_bytes => Step::Send,
            Some(_) if is_known => Step::Keep,
            // Its mode would not be set by looking at it.
            Some(_) if was(file.path).is_none_or(|was| was.executable == file.executable) => Step::Look,
            _ => Step::Send,
        };
        plan.steps.push(step);
    }
    for (path, _) in &there.objects {
        let inner = path.strip_prefix(DATA_NAME).and_then(|path| path.strip_prefix('/'));
        if inner.is_some_and(|inner| sealed.files().position(inner).is_some()) {
            continue;
        }
        if is_unfinished(path) {
            plan.unfinished.push(path.clone());
        } else if inner.is_some_and(|inner| was(inner).is_some()) {
            plan.stale.push(path.clone());
        } else if inner.is_some() {
            plan.strangers.push(path.clone());
        }
    }
    // Where not all can be listed, what the revision before had and this one has not is removed as well.
    if let (false, Some(listed)) = (there.is_all, listed) {
        let gone = listed.iter().filter(|file| sealed.files().position(file.path).is_none());
        plan.stale.extend(gone.map(|file| format!("{DATA_NAME}/{}", file.path)));
    }
    for path in &plan.stale {
        let inner = path.strip_prefix(DATA_NAME).unwrap_or(path).trim_start_matches('/');
        let above = inner.match_indices('/').map(|(at, _)| &inner[..at]);
        for folder in above.filter(|above| sealed.files().position(above).is_some()) {
            let folder = format!("{DATA_NAME}/{folder}");
            if !plan.in_the_way.contains(&folder) {
                plan.in_the_way.push(folder);
            }
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::package::manifest::{FileHashes, ManifestFile};
    use crate::package::{BlockSize, Sha256Digest};

    fn manifest(files: &[(&str, &str)]) -> Manifest {
        let files = files.iter().map(|(path, content)| {
            let hash = Sha256Digest::of(content.as_bytes());
            let blocks = if content.is_empty() { Vec::new() } else { vec![hash] };
            ManifestFile {
                path: (*path).to_owned(),
                size_bytes: content.len() as u64,
                executable: false,
                hashes: Some(FileHashes { file: hash, blocks }),
            }
        });
        Manifest::from_files(BlockSize::DEFAULT, files.collect()).expect("distinct")
    }

    fn there(files: &[(&str, u64)]) -> There {
        let objects = files.iter().map(|(path, size)| ((*path).to_owned(), *size)).collect();
        There { objects, is_all: true }
    }

    #[test]
    fn nothing_is_sent_that_is_known_to_be_there() {
        let sealed = manifest(&[("a", "one"), ("b", "two"), ("c", "new!"), ("d", "x")]);
        let before = manifest(&[("a", "one"), ("b", "TWO"), ("old", "1"), ("c/deep", "2")]);
        let listed = there(&[
            ("data/a", 3),
            ("data/b", 3),
            ("data/old", 1),
            ("data/c/deep", 1),
            ("data/d", 2),
            ("data/x/packhouse-unfinished-1", 7),
            ("data/stranger", 1),
            ("reginfo.json", 100),
        ]);
        let plan = plan(&sealed, &listed, Before::Sealed(&before), &[]);
        // b has the size of another content, so it is looked at; d is larger than sealed.
        assert_eq!(plan.steps, [Step::Keep, Step::Look, Step::Send, Step::Send]);
        assert_eq!(plan.stale, ["data/old", "data/c/deep"]);
        assert_eq!(plan.in_the_way, ["data/c"]);
        assert_eq!(plan.unfinished, ["data/x/packhouse-unfinished-1"]);
        assert_eq!(plan.strangers, ["data/stranger"]);
        assert!(plan.changes_data());
    }

    #[test]
    fn what_was_sent_before_a_stop_is_kept_and_what_is_there_unknown_is_looked_at() {
        let sealed = manifest(&[("a", "one"), ("b", "two"), ("c", "three")]);
        let listed = there(&[("data/a", 3), ("data/b", 3)]);
        let resumed = plan(&sealed, &listed, Before::Nothing, &[0b001]);
        assert_eq!(resumed.steps, [Step::Keep, Step::Look, Step::Send]);
        // Sent is only what is still there.
        let gone = plan(&sealed, &there(&[]), Before::Nothing, &[0b111]);
        assert_eq!(gone.steps, [Step::Send; 3]);
        // Where not all can be listed, what an earlier list names goes too.
        let before = manifest(&[("old", "1")]);
        let unlisted = There { is_all: false, ..listed };
        assert_eq!(plan(&sealed, &unlisted, Before::Names(&before), &[]).stale, ["data/old"]);
        // A list without a seal says whose the names are, and nothing of the contents.
        let before = manifest(&[("a", "one"), ("old", "1")]);
        let listed = there(&[("data/a", 3), ("data/old", 1), ("data/stranger", 1)]);
        let broken = plan(&sealed, &listed, Before::Names(&before), &[]);
        assert_eq!(broken.steps[0], Step::Look);
        assert_eq!(
            (broken.stale, broken.strangers),
            (vec!["data/old".to_owned()], vec!["data/stranger".to_owned()])
        );
    }

    proptest! {
        /// Whatever is there, after the plan was followed every sealed file is there, and nothing known was sent.
        #[test]
        fn a_followed_plan_ends_whole(
            sealed in prop::collection::btree_map("[a-d]{1,2}", "[xy]{0,2}", 1..6),
            before in prop::collection::btree_map("[a-d]{1,2}", "[xy]{0,2}", 0..6),
        ) {
            let of = |files: &std::collections::BTreeMap<String, String>| {
                let files: Vec<(&str, &str)> = files.iter().map(|(p, c)| (p.as_str(), c.as_str())).collect();
                manifest(&files)
            };
            let objects = before.iter().map(|(path, content)| (format!("data/{path}"), content.len() as u64));
            let listed = There { objects: objects.collect(), is_all: true };
            let was = of(&before);
            let plan = plan(&of(&sealed), &listed, Before::Sealed(&was), &[]);
            for ((path, content), step) in sealed.iter().zip(&plan.steps) {
                match before.get(path) {
                    Some(was) if was == content => prop_assert_eq!(*step, Step::Keep),
                    Some(was) if was.len() == content.len() => prop_assert_eq!(*step, Step::Look),
                    _ => prop_assert_eq!(*step, Step::Send),
                }
            }
            for path in before.keys().filter(|path| !sealed.contains_key(*path)) {
                let object = format!("data/{path}");
                prop_assert!(plan.stale.contains(&object));
            }
        }
    }
}
