//! Puts what the workers found together: one list in path order.

use super::walk::{Entry, Found, Part, Value};
use super::{Scan, ScanError};

/// A folder whose entries are being listed.
struct Open {
    part: Part,
    next: usize,
    /// Length of the path before this folder's own entries.
    path_len: usize,
    files_before: usize,
}

/// Reads the tree in order. Depth is bounded by the length of a path, and no call nests.
pub(super) fn assemble(found: Vec<Found>) -> Result<Scan, ScanError> {
    let mut scan = Scan::default();
    let mut folders: Vec<Option<Part>> = Vec::new();
    let mut several = Vec::new();
    for worker in found {
        scan.refused.extend(worker.refused);
        scan.unreadable.extend(worker.unreadable);
        scan.skipped_links += worker.skipped_links;
        for part in worker.parts {
            let number = part.folder as usize;
            if folders.len() <= number {
                folders.resize_with(number + 1, || None);
            }
            match &mut folders[number] {
                Some(first) => {
                    merge(first, part)?;
                    several.push(number);
                }
                free => *free = Some(part),
            }
        }
    }
    several.sort_unstable();
    several.dedup();
    for number in several {
        if let Some(part) = &mut folders[number] {
            part.sort();
        }
    }
    list(&mut folders, &mut scan)?;
    scan.refused.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
    scan.unreadable.sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
    Ok(scan)
}

/// Adds another part of the same folder. Both are sorted, so sorting the sum is a merge.
fn merge(first: &mut Part, part: Part) -> Result<(), ScanError> {
    let names = u32::try_from(first.names.len() + part.names.len()).map_err(|_| ScanError::TooManyFiles)?;
    let (names_before, stamps_before) = (names - part.names.len() as u32, first.stamps.len() as u32);
    first.names.push_str(&part.names);
    first.stamps.extend(part.stamps);
    first.entries.extend(part.entries.into_iter().map(|mut entry| {
        entry.start += names_before;
        if let Value::File { stamp, .. } = &mut entry.value {
            *stamp += stamps_before;
        }
        entry
    }));
    Ok(())
}

fn list(folders: &mut [Option<Part>], scan: &mut Scan) -> Result<(), ScanError> {
    let mut path = String::new();
    let mut open = Vec::new();
    if let Some(part) = folders.first_mut().and_then(Option::take) {
        open.push(Open { part, next: 0, path_len: 0, files_before: 0 });
    }
    while let Some(folder) = open.last_mut() {
        path.truncate(folder.path_len);
        let Some(&entry) = folder.part.entries.get(folder.next) else {
            if folder.files_before == scan.files.len() && open.len() > 1 {
                scan.empty_folders += 1;
            }
            open.pop();
            continue;
        };
        let name = folder.part.name(&entry);
        let again = folder.next > 0 && is_same(&folder.part, folder.next, name);
        folder.next += 1;
        if again {
            continue;
        }
        path.push_str(name);
        match entry.value {
            Value::File { size_bytes, executable, stamp } => {
                scan.files.push(&path, size_bytes).map_err(|_| ScanError::TooManyFiles)?;
                scan.executable.push(executable);
                scan.stamps.extend(folder.part.stamps.get(stamp as usize));
            }
            Value::Folder(number) => {
                // None for a folder that could not be read or was refused.
                if let Some(part) = folders.get_mut(number as usize).and_then(Option::take) {
                    let (path_len, files_before) = (path.len(), scan.files.len());
                    open.push(Open { part, next: 0, path_len, files_before });
                }
            }
            Value::Pending(_) => {}
        }
    }
    Ok(())
}

/// A folder that changes while it is listed may give a name twice.
fn is_same(part: &Part, index: usize, name: &str) -> bool {
    let before: &Entry = &part.entries[index - 1];
    part.name(before) == name
}
