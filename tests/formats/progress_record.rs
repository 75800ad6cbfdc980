//! The progress record: what is written is read, and whatever else lies in its place is an answer, not an accident.

use jiff::Timestamp;
use packhouse::package::progress_record::{self, BlockRuns, FileProgress, ProgressProblem};
use packhouse::package::record::PackageId;
use packhouse::package::{DownloadState, ProgressRecord, RelativePath, Sha256Digest};
use proptest::prelude::*;

fn record() -> ProgressRecord {
    ProgressRecord {
        package: PackageId(uuid::Uuid::from_u128(7)),
        name: "A & B <\"tools\">".to_owned(),
        version: "24.09".to_owned(),
        address: "http://srv/A/24.09/?x=1&y=2".to_owned(),
        folder: "/srv/ملف/a".to_owned(),
        snapshot: Sha256Digest::of(b"snapshot"),
        state: DownloadState::Retrying,
        reason: "connection refused\n  twice".to_owned(),
        block_size_bytes: 2 << 20,
        blocks: 600,
        verified: BlockRuns::from_rising((0..100).chain([120]).chain(130..501)),
        total_bytes: 600 << 21,
        fetched_bytes: 472 << 21,
        files: vec![FileProgress {
            path: RelativePath::parse("bin/app & 'q'.exe").expect("good"),
            size_bytes: 600_000,
            mtime_ns: -5,
            inode: u64::MAX,
            etag: Some(("\"a&b\"".to_owned(), "http://srv/x?a=1&b=2".to_owned())),
        }],
        clean_stop: true,
        begun: Timestamp::UNIX_EPOCH,
        written: Timestamp::from_second(1_772_359_331).expect("in range"),
    }
}

#[test]
fn it_is_read_as_it_was_written_and_by_people() {
    let record = record();
    let text = progress_record::write(&record);
    assert_eq!(progress_record::read(&text), Ok(record));
    assert!(text.contains(">0-99 120 130-500</blocks>"), "{text}");
    assert!(text.contains("<state word=\"Retrying download\">connection refused\n"), "{text}");
    assert!(text.contains("verified=\"472\""), "{text}");
}

#[test]
fn runs_know_what_they_hold() {
    let runs = BlockRuns::from_rising([1, 2, 3, 7, 7, 8, 20]);
    assert_eq!(runs.iter().collect::<Vec<_>>(), [1..4, 7..9, 20..21]);
    assert_eq!(runs.count(), 6);
    let held: Vec<u64> = (0..30).filter(|block| runs.contains(*block)).collect();
    assert_eq!(held, [1, 2, 3, 7, 8, 20]);
}

/// The form that is written down for people is a record.
#[test]
fn the_example_in_the_documentation_is_one() {
    let text = include_str!("../../resources/progress-record.md");
    let example =
        text.split("```xml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("it has one");
    let read = progress_record::read(&example.replace("9f2c…", &"9f".repeat(32))).expect("a record");
    assert_eq!(read.verified.count(), 472);
    assert_eq!(read.state, DownloadState::Retrying);
}

#[test]
fn what_is_no_record_is_said_to_be_none() {
    let good = progress_record::write(&record());
    assert_eq!(progress_record::read(""), Err(ProgressProblem::Empty));
    let wrong = [
        "\0".repeat(4096),
        "<progress/>".to_owned(),
        good.replace("urn:packhouse:progress:1", "urn:packhouse:progress:9"),
        good.replacen("?>", "?><!DOCTYPE x [<!ENTITY a \"b\">]>", 1),
        good.replace("connection refused", "&a;"),
        good.replace("bin/app", "../app"),
        good.replace("bin/app", "/app"),
        good.replace("word=\"Retrying download\"", "word=\"Done\""),
        good.replace("total=\"600\"", "total=\"500\""),
        good.replace("total=\"600\"", "total=\"-600\""),
        good.replace("total=\"600\"", "total=\"18446744073709551615\""),
        good.replace("0-99", "99-0"),
        good.replace("0-99", "0-130"),
        good.replace("0-99", "0-18446744073709551615"),
        good.replace("mtime-ns=\"-5\"", "mtime-ns=\"99999999999999999999\""),
        good.replace("written=\"20", "written=\"x20"),
        good.replace("id=\"", "id=\"x"),
    ];
    for text in wrong {
        let shown: String = text.chars().take(200).collect();
        assert!(progress_record::read(&text).is_err(), "{shown}");
    }
}

proptest! {
    #[test]
    fn runs_go_there_and_back(blocks in prop::collection::btree_set(0u64..5000, 0..300), clean: bool) {
        let mut record = record();
        record.blocks = 5000;
        record.verified = BlockRuns::from_rising(blocks.iter().copied());
        record.clean_stop = clean;
        prop_assert_eq!(record.verified.count(), blocks.len() as u64);
        prop_assert_eq!(progress_record::read(&progress_record::write(&record)), Ok(record));
    }

    #[test]
    fn any_reason_is_kept_or_made_readable(reason in "\\PC{0,40}", folder in any::<String>()) {
        let mut record = record();
        record.reason = reason;
        record.folder = folder;
        let read = progress_record::read(&progress_record::write(&record)).expect("still a record");
        prop_assert_eq!(read.reason.trim(), record.reason.trim());
    }

    #[test]
    fn any_cut_and_any_changed_byte_ends_in_an_answer(at: prop::sample::Index, with: char) {
        let text = progress_record::write(&record());
        let at = text.floor_char_boundary(at.index(text.len() - 1));
        prop_assert!(progress_record::read(&text[..at]).is_err());
        let mut changed = text.clone();
        changed.replace_range(at..text.ceil_char_boundary(at + 1), with.encode_utf8(&mut [0; 4]));
        let _ = progress_record::read(&changed);
    }
}
