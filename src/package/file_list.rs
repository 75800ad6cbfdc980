//! The files of a package by path and size, kept compact: 100,000 names are three vectors, not 100,000 strings.
//!
//! It is what the consistency check compares, so it is sorted by path bytes and holds nothing else.

use super::consistency::ConsistencyChecksum;

/// One file of a [`FileList`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileEntry<'a> {
    /// Path relative to `data/`, parts separated by `/`.
    pub path: &'a str,
    /// Length in bytes.
    pub size_bytes: u64,
}

/// Files sorted by the bytes of their paths, each path once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileList {
    names: String,
    ends: Vec<u32>,
    sizes: Vec<u64>,
}

/// A path that did not come after the one before it, or more names than 4 GiB of text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is listed twice or out of order")]
pub struct OutOfOrder(pub String);

impl FileList {
    /// A list of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sorts `entries` by path bytes; an error if two have the same path.
    pub fn from_unsorted<P: AsRef<str>>(mut entries: Vec<(P, u64)>) -> Result<Self, OutOfOrder> {
        entries.sort_by(|a, b| a.0.as_ref().as_bytes().cmp(b.0.as_ref().as_bytes()));
        let mut list = Self::new();
        for (path, size_bytes) in &entries {
            list.push(path.as_ref(), *size_bytes)?;
        }
        Ok(list)
    }

    /// Appends a file whose path sorts after every path already there.
    pub fn push(&mut self, path: &str, size_bytes: u64) -> Result<(), OutOfOrder> {
        if self.last_path().is_some_and(|last| last.as_bytes() >= path.as_bytes()) {
            return Err(OutOfOrder(path.to_owned()));
        }
        let end = u32::try_from(self.names.len() + path.len()).map_err(|_| OutOfOrder(path.to_owned()))?;
        self.names.push_str(path);
        self.ends.push(end);
        self.sizes.push(size_bytes);
        Ok(())
    }

    fn last_path(&self) -> Option<&str> {
        self.len().checked_sub(1).map(|last| self.path(last))
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.sizes.len()
    }

    /// Whether there is no file.
    pub fn is_empty(&self) -> bool {
        self.sizes.is_empty()
    }

    /// The path of file `index`. Panics where `index` is not below [`FileList::len`], as a slice does.
    pub fn path(&self, index: usize) -> &str {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.names[start..self.ends[index] as usize]
    }

    /// The size of file `index` in bytes. Panics as [`FileList::path`] does.
    pub fn size_bytes(&self, index: usize) -> u64 {
        self.sizes[index]
    }

    /// File `index`, if there is one.
    pub fn get(&self, index: usize) -> Option<FileEntry<'_>> {
        (index < self.len()).then(|| FileEntry { path: self.path(index), size_bytes: self.sizes[index] })
    }

    /// All files in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = FileEntry<'_>> + Clone {
        (0..self.len()).map(|i| FileEntry { path: self.path(i), size_bytes: self.sizes[i] })
    }

    /// Where `path` stands, if it is listed.
    pub fn position(&self, path: &str) -> Option<usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.path(middle).as_bytes().cmp(path.as_bytes()) {
                std::cmp::Ordering::Equal => return Some(middle),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// Sum of all sizes in bytes.
    pub fn total_bytes(&self) -> u64 {
        // Files with holes can claim more than there are numbers for.
        self.sizes.iter().copied().fold(0, u64::saturating_add)
    }

    /// The consistency checksum over this list: number, sum, and a digest of names and sizes.
    pub fn checksum(&self) -> ConsistencyChecksum {
        ConsistencyChecksum::of(self)
    }

    /// All paths as one text, each ended by `\0`: the form the catalogue keeps and searches.
    pub fn names_blob(&self) -> Vec<u8> {
        let mut blob = Vec::with_capacity(self.names.len() + self.len());
        for entry in self.iter() {
            blob.extend_from_slice(entry.path.as_bytes());
            blob.push(0);
        }
        blob
    }

    /// All sizes as little-endian u64.
    pub fn sizes_blob(&self) -> Vec<u8> {
        self.sizes.iter().flat_map(|size| size.to_le_bytes()).collect()
    }

    /// Reads what [`FileList::names_blob`] and [`FileList::sizes_blob`] wrote; `None` if they do not fit together.
    pub fn from_blobs(names: &[u8], sizes: &[u8]) -> Option<Self> {
        let names = std::str::from_utf8(names).ok()?;
        let (chunks, rest) = sizes.as_chunks::<8>();
        if !rest.is_empty() {
            return None;
        }
        let mut list = Self { names: String::with_capacity(names.len()), ..Self::default() };
        let mut paths = names.split_terminator('\0');
        for size in chunks {
            list.push(paths.next()?, u64::from_le_bytes(*size)).ok()?;
        }
        paths.next().is_none().then_some(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_by_bytes_and_lookup_finds_each() {
        let list =
            FileList::from_unsorted(vec![("b", 2), ("a/b", 1), ("a.b", 3), ("Z", 4)]).expect("distinct");
        let paths: Vec<_> = list.iter().map(|f| f.path).collect();
        assert_eq!(paths, ["Z", "a.b", "a/b", "b"]);
        for (i, path) in paths.iter().enumerate() {
            assert_eq!(list.position(path), Some(i));
        }
        assert_eq!(list.position("a"), None);
        assert_eq!(list.total_bytes(), 10);
        assert!(FileList::from_unsorted(vec![("a", 1), ("a", 2)]).is_err());
    }

    #[test]
    fn blobs_go_there_and_back_and_misfits_are_refused() {
        let list = FileList::from_unsorted(vec![("b", 2), ("a", u64::MAX)]).expect("distinct");
        let (names, sizes) = (list.names_blob(), list.sizes_blob());
        assert_eq!(FileList::from_blobs(&names, &sizes), Some(list));
        assert_eq!(FileList::from_blobs(&names, &sizes[..8]), None);
        assert_eq!(FileList::from_blobs(&names[..2], &sizes), None);
        assert_eq!(FileList::from_blobs(b"\xff\0", &sizes[..8]), None);
    }
}
