//! Searching paths and hashes of every package.

use packhouse::package::Sha256Digest;
use packhouse::session::{
    Archive, ArchiveRequest, CountFiles, ExportSearch, FindFiles, ListPackages, Search, SearchCount,
};

use packhouse::work::Work;

use crate::place::{Outcome, Place, ask, refused, register, seal};

#[test]
fn files_are_found_by_part_pattern_and_hash() -> Outcome {
    let place = Place::new()?;
    let source = place.source("source", &[("Setup.exe", b"one"), ("docs/readme.txt", b"two")])?;
    let session = place.open()?;
    for version in ["1", "2", "10"] {
        register(&session, &source, "Found", version)?;
    }
    let find = |pattern: &str, limit| ask(&session, FindFiles { search: Search::new(pattern), limit });
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

#[test]
fn archived_packages_are_found_unless_they_are_not_wanted_and_all_can_be_written() -> Outcome {
    let place = Place::new()?;
    let source = place.source("source", &[("lib/log4j, old.jar", b"one"), ("=cmd.txt", b"two")])?;
    let session = place.open()?;
    let here = register(&session, &source, "Here", "1")?.id;
    let away = register(&session, &source, "Away", "1")?.id;
    seal(&session, away)?;
    let request = ArchiveRequest { folder: place.path("archive"), comment: String::new() };
    ask(&session, Archive { package: away, request })?;

    let all = Search::new("*log4j*.jar");
    let present = Search { archived: false, ..all.clone() };
    let found = |search: &Search| -> Result<Vec<_>, packhouse::failure::Failure> {
        let found = ask(&session, FindFiles { search: search.clone(), limit: 500 })?;
        Ok(found.files.into_iter().map(|file| (file.package_id, file.size_bytes)).collect())
    };
    assert_eq!(found(&all)?, [(away, 3), (here, 3)]);
    assert_eq!(found(&present)?, [(here, 3)]);
    let count = |search: &Search| ask(&session, CountFiles { search: search.clone() });
    assert_eq!(count(&all)?, SearchCount { files: 2, packages: 2 });
    assert_eq!(count(&present)?, SearchCount { files: 1, packages: 1 });
    assert_eq!(count(&Search::new("."))?, SearchCount { files: 4, packages: 2 });

    let to = place.path("found.csv");
    let everything = Search::new(".");
    assert_eq!(ask(&session, ExportSearch { search: everything.clone(), to: to.clone() })?, 4);
    let text = std::fs::read_to_string(&to)?;
    let lines: Vec<&str> = text.split("\r\n").collect();
    assert_eq!(lines.len(), 6, "a header, a line a file, and the end: {text}");
    assert_eq!(lines[0], "Name,Version,State,Path,Size (bytes),SHA-256,Package id");
    let hash = Sha256Digest::of(b"one");
    assert_eq!(lines[2], format!("Away,1,Archived,\"lib/log4j, old.jar\",3,{hash},{away}"));
    assert!(lines[3].starts_with("Here,1,Open,\"'=cmd.txt\",3,"), "{text}");
    let again = ask(&session, ExportSearch { search: everything.clone(), to: to.clone() });
    assert_eq!(refused(again).code, "io", "a file that is there is not replaced");
    let cancelled = Work::new();
    cancelled.cancel();
    let to = place.path("cancelled.csv");
    let stopped = session.run(ExportSearch { search: everything, to: to.clone() }, &cancelled);
    assert_eq!(refused(stopped).code, "cancelled");
    assert!(!to.exists(), "half a list is no list");
    Ok(())
}
