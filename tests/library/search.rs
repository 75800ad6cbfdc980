//! Searching paths and hashes of every package.

use packhouse::package::Sha256Digest;
use packhouse::session::{FindFiles, ListPackages};

use crate::place::{Outcome, Place, ask, refused, register};

#[test]
fn files_are_found_by_part_pattern_and_hash() -> Outcome {
    let place = Place::new()?;
    let source = place.source("source", &[("Setup.exe", b"one"), ("docs/readme.txt", b"two")])?;
    let session = place.open()?;
    for version in ["1", "2", "10"] {
        register(&session, &source, "Found", version)?;
    }
    let find = |pattern: &str, limit| ask(&session, FindFiles { pattern: pattern.to_owned(), limit });
    let paths = |pattern: &str| {
        find(pattern, 500).map(|found| found.files.into_iter().map(|f| f.path).collect::<Vec<_>>())
    };
    assert_eq!(paths("setup")?, ["Setup.exe"; 3], "without regard to case");
    assert_eq!(paths("docs/*.txt")?, ["docs/readme.txt"; 3]);
    assert_eq!(paths(&Sha256Digest::of(b"one").to_string())?, ["Setup.exe"; 3]);
    assert!(paths("nowhere")?.is_empty());
    assert_eq!(find("e", 2)?.files.len(), 2, "no more than were asked for");
    assert_eq!(refused(find("  ", 2)).code, "bad-pattern");
    assert_eq!(ask(&session, ListPackages {})?.len(), 3);
    Ok(())
}
