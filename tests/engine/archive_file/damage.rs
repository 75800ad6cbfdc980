//! Damage stays where it is: a flipped byte, a cut, and what is still good around them.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;

use packhouse::archive_file::{ArchiveReader, FileDamageKind};
use packhouse::work::Work;

use super::fixture::{Fixture, TOP, noise};

/// Where each frame lies in the archive and in the tar, as the seek table tells it.
fn frames(bytes: &[u8]) -> Vec<(Range<usize>, Range<usize>)> {
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize;
    let count = word(bytes.len() - 9);
    let table = bytes.len() - 9 - 12 * count;
    let (mut stored, mut content) = (0, 0);
    let frame = |i: usize| {
        let (s, c) = (word(table + 12 * i), word(table + 12 * i + 4));
        let ranges = (stored..stored + s, content..content + c);
        stored += s;
        content += c;
        ranges
    };
    (0..count).map(frame).collect()
}

/// Where the content of each file lies in the tar, as the tar crate reads it.
fn contents(bytes: &[u8]) -> Vec<(String, Range<usize>)> {
    let tar = zstd::decode_all(bytes).expect("a whole archive");
    let mut archive = tar::Archive::new(tar.as_slice());
    let mut found = Vec::new();
    for entry in archive.entries().expect("a tar") {
        let entry = entry.expect("an entry");
        let path = entry.path().expect("a path").to_str().expect("UTF-8").to_owned();
        let start = entry.raw_file_position() as usize;
        if let Some(path) = path.strip_prefix(&format!("{TOP}/data/")).filter(|path| !path.is_empty()) {
            found.push((path.to_owned(), start..start + entry.size() as usize));
        }
    }
    found
}

#[test]
fn a_flipped_byte_damages_only_files_of_its_frame() {
    let fixture = Fixture::mixed();
    let good = fixture.write();
    let (frames, contents) = (frames(&good), contents(&good));
    assert!(frames.len() > 8, "{} frames", frames.len());
    let whole_tar = zstd::decode_all(good.as_slice()).expect("a whole archive");
    let data_end = frames.last().expect("frames").0.end;
    // Every byte near the ends of a frame, where its headers and checksums are, some between, and the whole table.
    let mut positions: BTreeSet<usize> = (data_end..good.len()).collect();
    for (stored, _) in &frames {
        positions.extend(stored.clone().take(24));
        positions.extend(stored.clone().rev().take(6));
        positions.extend(stored.clone().step_by(stored.len() / 8 + 1));
    }
    let (mut hurt, mut harmless) = (0, 0);
    for at in positions {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        let damage = fixture.check_bytes(&bytes);
        let hit = frames.iter().find(|(stored, _)| stored.contains(&at)).map(|(_, content)| content.clone());
        let touched: BTreeSet<&str> = match &hit {
            Some(hit) => (contents.iter())
                .filter(|(_, range)| range.start < hit.end && hit.start < range.end)
                .map(|(path, _)| path.as_str())
                .collect(),
            None => BTreeSet::new(),
        };
        let named: BTreeSet<&str> = damage.files.iter().map(|file| file.path.as_str()).collect();
        assert!(named.is_subset(&touched), "byte {at}: {named:?} named, {touched:?} touched; {damage:?}");
        for file in &damage.files {
            assert_eq!(file.kind, FileDamageKind::Content, "byte {at}: {file:?}");
            assert!(file.blocks.len() == 1, "byte {at}: one frame is one block here: {file:?}");
        }
        assert!(!damage.truncated, "byte {at}: {damage:?}");
        if hit.is_none() {
            // In the table: unused bits of its descriptor may change, nothing else unnoticed.
            let descriptor = good.len() - 5;
            assert!(
                damage.index_damaged || at == descriptor,
                "byte {at} of {}, table from {data_end}: {damage:?}",
                good.len()
            );
        } else {
            // zstd has a few bits without meaning; whoever changes one changes nothing.
            let is_unused = || zstd::decode_all(bytes.as_slice()).is_ok_and(|tar| tar == whole_tar);
            assert!(!damage.is_flawless() || is_unused(), "byte {at} of a frame went unnoticed");
        }
        if named.is_empty() { harmless += 1 } else { hurt += 1 }
    }
    assert!(hurt > 50 && harmless > 50, "{hurt} hurt, {harmless} harmless");
}

#[test]
fn a_flipped_content_byte_is_found_in_its_block_and_the_rest_is_restored() {
    let fixture = Fixture::mixed();
    let mut bytes = fixture.write();
    let contents = contents(&bytes);
    let (_, file) = contents.iter().find(|(path, _)| path == "blocks.bin").expect("listed");
    // Second block of it: its frame holds incompressible bytes, so this byte lies in the middle of them.
    let frame =
        frames(&bytes).into_iter().find(|(_, c)| c.start == file.start + 256 * 1024).expect("a frame");
    bytes[frame.0.start + 1000] ^= 0x10;
    let path = fixture.folder.path().join("changed");
    fs::write(&path, &bytes).expect("written");
    let reader = ArchiveReader::open(&path).expect("an archive");
    let into = fixture.folder.path().join("good files");
    let damage = reader.extract(&into, TOP, &fixture.manifest, &Work::new()).expect("a finding");
    let [file] = damage.files.as_slice() else { panic!("{damage:?}") };
    assert_eq!((file.path.as_str(), file.kind), ("blocks.bin", FileDamageKind::Content));
    assert_eq!(file.blocks, [1]);
    fixture.assert_same_tree(&into, &[file.index]);
}

#[test]
fn a_long_block_with_a_bad_frame_is_named_once() {
    let files = vec![("long".to_owned(), noise(1, 40 << 20)), ("after".to_owned(), noise(2, 100))];
    let fixture = Fixture::new(16 << 20, files);
    let mut bytes = fixture.write();
    let at = frames(&bytes).iter().filter(|(_, c)| c.len() == 8 << 20).nth(3).expect("a frame").0.start + 500;
    bytes[at] ^= 1;
    let damage = fixture.check_bytes(&bytes);
    let [file] = damage.files.as_slice() else { panic!("{damage:?}") };
    assert_eq!((file.path.as_str(), file.blocks.as_slice()), ("long", &[1][..]));
}

#[test]
fn a_cut_archive_tells_what_is_left() {
    let fixture = Fixture::mixed();
    let good = fixture.write();
    let (frames, contents) = (frames(&good), contents(&good));
    let mut cuts: BTreeSet<usize> = (0..good.len()).step_by(good.len() / 150).skip(1).collect();
    cuts.extend(frames.iter().flat_map(|(stored, _)| [stored.end - 1, stored.end, stored.end + 1]));
    cuts.extend(good.len() - 40..good.len());
    for cut in cuts {
        let bytes = &good[..cut.min(good.len())];
        let damage = fixture.check_bytes(bytes);
        let whole = frames.iter().take_while(|(stored, _)| stored.end <= cut).count();
        let readable = whole.checked_sub(1).map_or(0, |last| frames[last].1.end);
        let beyond: BTreeSet<&str> = (contents.iter())
            .filter(|(_, range)| range.end > readable)
            .map(|(path, _)| path.as_str())
            .collect();
        let named: BTreeSet<&str> = damage.files.iter().map(|file| file.path.as_str()).collect();
        // A frame that was cut may still give up some of its first files.
        assert!(named.is_subset(&beyond), "cut at {cut}: {named:?} named, {beyond:?} gone");
        let next = frames.get(whole).map_or(readable, |(_, content)| content.end);
        let gone: BTreeSet<&str> =
            (contents.iter()).filter(|(_, range)| range.end > next).map(|(path, _)| path.as_str()).collect();
        assert!(gone.is_subset(&named), "cut at {cut}: {gone:?} gone, {named:?} named");
        assert_eq!(damage.truncated, whole < frames.len(), "cut at {cut}");
        assert!(damage.index_damaged || cut >= good.len(), "cut at {cut}");
        for file in &damage.files {
            let range = &contents.iter().find(|(path, _)| *path == file.path).expect("listed").1;
            if let FileDamageKind::UnreadableFrom(byte) = file.kind {
                assert!(byte > 0 && range.start + byte as usize <= next, "cut at {cut}: {file:?}");
                assert_eq!(byte % fixture.manifest.block_size().bytes(), 0);
            } else {
                assert_eq!(file.kind, FileDamageKind::Missing, "cut at {cut}: {file:?}");
            }
        }
    }
}

#[test]
fn a_file_cut_in_the_middle_is_unreadable_from_there() {
    let fixture = Fixture::new(2 << 20, vec![("one".to_owned(), noise(9, 20 << 20))]);
    let good = fixture.write();
    let ninth = frames(&good).into_iter().filter(|(_, c)| c.len() == 2 << 20).nth(9).expect("a frame");
    let damage = fixture.check_bytes(&good[..ninth.0.start + 1]);
    let [file] = damage.files.as_slice() else { panic!("{damage:?}") };
    assert_eq!(file.kind, FileDamageKind::UnreadableFrom(18_874_368));
    assert_eq!(file.kind.to_string(), "unreadable from byte 18874368");
    assert_eq!(file.blocks, [9]);
}

#[test]
fn damaged_tag_files_are_said_to_be() {
    let fixture = Fixture::mixed();
    let mut bytes = fixture.write();
    let first = frames(&bytes)[0].0.clone();
    bytes[first.end - 1] ^= 1;
    let damage = fixture.check_bytes(&bytes);
    assert!(damage.tag_files_damaged && damage.files_are_whole(), "{damage:?}");
    let path = fixture.folder.path().join("changed");
    fs::write(&path, &bytes).expect("written");
    let tags = ArchiveReader::open(&path).expect("an archive").read_tag_files().expect("tags");
    assert!(tags.is_damaged && tags.files.iter().all(|file| file.is_damaged));
}
