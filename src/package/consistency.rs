//! The consistency check: the checksum over number, names and sizes, and what differs from it.
//!
//! The rules are those of DSM's "Checksum control of package consistency": number of files, names with their
//! case, sizes; contents, times, modes and empty folders do not count. Where DSM only says *tampered with*,
//! [`Differences`] says which files.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::digest::Sha256Digest;
use super::file_list::FileList;
use super::numbers::{counted, thousands};

/// Number of files, sum of bytes, and SHA-256 over the entries sorted by path, each `<size> <path>\0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsistencyChecksum {
    /// How many files.
    pub files: u64,
    /// Sum of their sizes in bytes.
    pub size_bytes: u64,
    /// Digest over names and sizes; contents are not in it.
    pub digest: Sha256Digest,
}

impl ConsistencyChecksum {
    /// The checksum of a list.
    pub fn of(list: &FileList) -> Self {
        let mut hasher = Sha256::new();
        let mut buffer = Vec::with_capacity(64 * 1024);
        let mut size_bytes = 0u64;
        for entry in list.iter() {
            size_bytes = size_bytes.saturating_add(entry.size_bytes);
            write_decimal(&mut buffer, entry.size_bytes);
            buffer.push(b' ');
            buffer.extend_from_slice(entry.path.as_bytes());
            buffer.push(0);
            if buffer.len() > 60 * 1024 {
                hasher.update(&buffer);
                buffer.clear();
            }
        }
        hasher.update(&buffer);
        Self { files: list.len() as u64, size_bytes, digest: Sha256Digest::finish(hasher) }
    }
}

fn write_decimal(buffer: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    buffer.extend_from_slice(&digits[at..]);
}

/// Which kind of check a person starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckKind {
    /// Names and sizes against the recorded checksum.
    Quick,
    /// Contents against the recorded block hashes as well.
    Deep,
}

/// The stored outcome of a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Finding {
    /// Agrees.
    Consistent,
    /// Files added, removed, of another size, or named in other case.
    Differs,
    /// Names and sizes agree, contents do not.
    Damaged,
    /// Something could not be read.
    Unreadable,
    /// The package folder is not there, though the library is.
    Missing,
}

impl Finding {
    /// The word on screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Consistent => "Consistent",
            Self::Differs => "Differs",
            Self::Damaged => "Damaged",
            Self::Unreadable => "Unreadable",
            Self::Missing => "Missing",
        }
    }
}

/// A file that is in the folder and not in the record, or the reverse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedFile {
    /// Path relative to `data/`.
    pub path: String,
    /// Its size in bytes, as found (added) or as recorded (removed).
    pub size_bytes: u64,
}

/// A file of another size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResizedFile {
    /// Path relative to `data/`.
    pub path: String,
    /// Recorded size.
    pub recorded_bytes: u64,
    /// Size now.
    pub found_bytes: u64,
}

/// A file whose name differs in case only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseChangedFile {
    /// Recorded path.
    pub recorded: String,
    /// Path now.
    pub found: String,
    /// Its size, the same in both.
    pub size_bytes: u64,
}

/// A file whose content does not match its hashes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DamagedFile {
    /// Path relative to `data/`.
    pub path: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// The blocks that do not match, numbered within the file.
    pub blocks: Vec<u64>,
    /// Digest over the block hashes that were found, to tell later whether the file changed again.
    pub found: Sha256Digest,
}

impl DamagedFile {
    /// The blocks in words: `block 3`, `blocks 3, 5`.
    pub fn named_blocks(&self) -> String {
        let numbers: Vec<String> = self.blocks.iter().map(u64::to_string).collect();
        let noun = if numbers.len() == 1 { "block" } else { "blocks" };
        format!("{noun} {}", numbers.join(", "))
    }
}

/// Something that could not be read; never taken for removed or damaged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadableFile {
    /// Path relative to `data/`.
    pub path: String,
    /// What the system said, or what the entry is if it is no plain file.
    pub reason: String,
}

/// What differs from the record, file by file, each list sorted by path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Differences {
    /// In the folder, not recorded.
    pub added: Vec<ListedFile>,
    /// Recorded, not in the folder.
    pub removed: Vec<ListedFile>,
    /// Of another size.
    pub resized: Vec<ResizedFile>,
    /// Named in other case, same size.
    pub case_changed: Vec<CaseChangedFile>,
    /// Of other content; only after a deep check.
    pub damaged: Vec<DamagedFile>,
    /// Not readable.
    pub unreadable: Vec<UnreadableFile>,
}

impl Differences {
    /// Every path that is named, kind by kind.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        let cases = self.case_changed.iter().flat_map(|file| [file.recorded.as_str(), file.found.as_str()]);
        let listed = self.added.iter().chain(&self.removed).map(|file| file.path.as_str());
        listed
            .chain(self.resized.iter().map(|file| file.path.as_str()))
            .chain(cases)
            .chain(self.damaged.iter().map(|file| file.path.as_str()))
            .chain(self.unreadable.iter().map(|file| file.path.as_str()))
    }

    /// One line a difference, as the command line, details and exports show them.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::with_capacity(self.count());
        lines.extend(self.added.iter().map(|f| format!("+ {} ({})", f.path, bytes(f.size_bytes))));
        lines.extend(self.removed.iter().map(|f| format!("− {} ({})", f.path, bytes(f.size_bytes))));
        lines.extend(
            self.resized.iter().map(|f| {
                format!("≠ {} ({} -> {})", f.path, thousands(f.recorded_bytes), bytes(f.found_bytes))
            }),
        );
        lines.extend(self.case_changed.iter().map(|f| format!("Aa {} -> {}", f.recorded, f.found)));
        lines.extend(self.damaged.iter().map(|f| format!("# {} ({})", f.path, f.named_blocks())));
        lines.extend(self.unreadable.iter().map(|f| format!("! {} ({})", f.path, f.reason)));
        lines
    }

    /// Compares what is recorded with what was found, by names and sizes.
    ///
    /// A removed and an added file whose paths are equal but for case and whose sizes are equal are one
    /// case-only change.
    pub fn between(recorded: &FileList, found: &FileList) -> Self {
        let mut differences = Self::default();
        let (mut r, mut f) = (0, 0);
        loop {
            match (recorded.get(r), found.get(f)) {
                (Some(was), Some(is)) => match was.path.as_bytes().cmp(is.path.as_bytes()) {
                    std::cmp::Ordering::Less => {
                        differences.removed.push(listed(was));
                        r += 1;
                    }
                    std::cmp::Ordering::Greater => {
                        differences.added.push(listed(is));
                        f += 1;
                    }
                    std::cmp::Ordering::Equal => {
                        if was.size_bytes != is.size_bytes {
                            differences.resized.push(ResizedFile {
                                path: was.path.to_owned(),
                                recorded_bytes: was.size_bytes,
                                found_bytes: is.size_bytes,
                            });
                        }
                        r += 1;
                        f += 1;
                    }
                },
                (Some(was), None) => {
                    differences.removed.push(listed(was));
                    r += 1;
                }
                (None, Some(is)) => {
                    differences.added.push(listed(is));
                    f += 1;
                }
                (None, None) => break,
            }
        }
        differences.pair_case_changes();
        differences
    }

    fn pair_case_changes(&mut self) {
        if self.added.is_empty() || self.removed.is_empty() {
            return;
        }
        let mut by_folded: HashMap<(String, u64), Vec<usize>> = HashMap::new();
        for (i, file) in self.added.iter().enumerate().rev() {
            by_folded.entry((file.path.to_lowercase(), file.size_bytes)).or_default().push(i);
        }
        let mut taken = vec![false; self.added.len()];
        let (added, case_changed) = (&self.added, &mut self.case_changed);
        self.removed.retain(|file| {
            let key = (file.path.to_lowercase(), file.size_bytes);
            let Some(found) = by_folded.get_mut(&key).and_then(Vec::pop) else { return true };
            taken[found] = true;
            case_changed.push(CaseChangedFile {
                recorded: file.path.clone(),
                found: added[found].path.clone(),
                size_bytes: file.size_bytes,
            });
            false
        });
        let mut index = 0;
        self.added.retain(|_| {
            index += 1;
            !taken[index - 1]
        });
    }

    /// Takes what lies at or below an unreadable path out of `removed`: not readable is not removed.
    pub fn set_unreadable(&mut self, unreadable: Vec<UnreadableFile>) {
        self.removed.retain(|file| {
            !unreadable.iter().any(|u| {
                u.path.is_empty()
                    || file
                        .path
                        .strip_prefix(&u.path)
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
        });
        self.unreadable = unreadable;
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// How many entries there are in all lists.
    pub fn count(&self) -> usize {
        self.added.len()
            + self.removed.len()
            + self.resized.len()
            + self.case_changed.len()
            + self.damaged.len()
            + self.unreadable.len()
    }

    /// The finding these differences amount to.
    pub fn finding(&self) -> Finding {
        let listed = self.added.len() + self.removed.len() + self.resized.len() + self.case_changed.len();
        if !self.unreadable.is_empty() {
            Finding::Unreadable
        } else if listed > 0 {
            Finding::Differs
        } else if self.damaged.is_empty() {
            Finding::Consistent
        } else {
            Finding::Damaged
        }
    }

    /// One sentence part: `1 file added, 1 removed, 1 of another size`.
    pub fn summary(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        let kinds = [
            (self.added.len(), "added"),
            (self.removed.len(), "removed"),
            (self.resized.len(), "of another size"),
            (self.case_changed.len(), "named in other case"),
            (self.damaged.len(), "damaged"),
            (self.unreadable.len(), "unreadable"),
        ];
        for (count, what) in kinds {
            if count > 0 {
                let noun = match (parts.is_empty(), count) {
                    (true, 1) => " file",
                    (true, _) => " files",
                    _ => "",
                };
                parts.push(format!("{count}{noun} {what}"));
            }
        }
        if parts.is_empty() { "no differences".to_owned() } else { parts.join(", ") }
    }
}

fn listed(entry: super::file_list::FileEntry<'_>) -> ListedFile {
    ListedFile { path: entry.path.to_owned(), size_bytes: entry.size_bytes }
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckReport {
    /// Which kind ran.
    pub kind: CheckKind,
    /// When it ended.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The outcome.
    pub finding: Finding,
    /// The checksum the package should have.
    pub recorded: ConsistencyChecksum,
    /// The checksum it has; absent if the folder is missing.
    pub found: Option<ConsistencyChecksum>,
    /// File by file.
    pub differences: Differences,
    /// Files whose content could not be proven because their hashes were lost; only after a deep check.
    pub without_hashes: u64,
}

impl CheckReport {
    /// Names the state that was shown, so that an answer can be tied to it: the checksum found, and the
    /// content of damaged files where there are any.
    pub fn state_digest(&self) -> Sha256Digest {
        let found = self.found.map(|c| c.digest).unwrap_or_default();
        if self.differences.damaged.is_empty() {
            return found;
        }
        let mut hasher = Sha256::new();
        hasher.update(found.as_bytes());
        for file in &self.differences.damaged {
            hasher.update(file.path.as_bytes());
            hasher.update([0]);
            hasher.update(file.found.as_bytes());
        }
        Sha256Digest::finish(hasher)
    }

    /// One sentence part: what differs, or that there is nothing that could.
    pub fn summary(&self) -> String {
        match self.finding {
            Finding::Missing => "its folder is missing".to_owned(),
            _ => self.differences.summary(),
        }
    }

    /// Whether the package agrees with its record.
    pub fn is_consistent(&self) -> bool {
        self.finding == Finding::Consistent
    }
}

fn bytes(count: u64) -> String {
    counted(count, "byte")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[(&str, u64)]) -> FileList {
        FileList::from_unsorted(entries.to_vec()).expect("distinct paths")
    }

    #[test]
    fn the_checksum_is_the_documented_digest() {
        let checksum = list(&[("b.txt", 10), ("a/x", 0)]).checksum();
        assert_eq!((checksum.files, checksum.size_bytes), (2, 10));
        assert_eq!(checksum.digest, Sha256Digest::of(b"0 a/x\x0010 b.txt\0"));
    }

    #[test]
    fn case_counts_and_order_of_reading_does_not() {
        let one = list(&[("kb455.msu", 1), ("a", 2)]).checksum();
        assert_ne!(one.digest, list(&[("KB455.msu", 1), ("a", 2)]).checksum().digest);
        assert_eq!(one.digest, list(&[("a", 2), ("kb455.msu", 1)]).checksum().digest);
    }

    #[test]
    fn differences_are_named_by_kind() {
        let recorded = list(&[("KB.msu", 5), ("gone", 1), ("same", 3), ("size", 4)]);
        let found = list(&[("kb.msu", 5), ("new", 9), ("same", 3), ("size", 40)]);
        let differences = Differences::between(&recorded, &found);
        assert_eq!(differences.added, [ListedFile { path: "new".into(), size_bytes: 9 }]);
        assert_eq!(differences.removed, [ListedFile { path: "gone".into(), size_bytes: 1 }]);
        assert_eq!(differences.resized[0].found_bytes, 40);
        assert_eq!(
            (differences.case_changed[0].recorded.as_str(), differences.case_changed[0].found.as_str()),
            ("KB.msu", "kb.msu")
        );
        assert_eq!(
            differences.summary(),
            "1 file added, 1 removed, 1 of another size, 1 named in other case"
        );
        assert_eq!(differences.finding(), Finding::Differs);
    }

    #[test]
    fn unreadable_is_not_removed() {
        let mut differences = Differences::between(&list(&[("dir/a", 1), ("dirty", 1)]), &list(&[]));
        differences
            .set_unreadable(vec![UnreadableFile { path: "dir".into(), reason: "permission denied".into() }]);
        assert_eq!(differences.removed.len(), 1);
        assert_eq!(differences.removed[0].path, "dirty");
        assert_eq!(differences.finding(), Finding::Unreadable);
    }
}
