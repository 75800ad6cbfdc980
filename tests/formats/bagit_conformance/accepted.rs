//! Bags that are valid, and bags that are valid with a warning.

use std::path::Path;

use packhouse::package::bag::Algorithm::{Md5, Sha1, Sha224, Sha256, Sha512};
use packhouse::package::bag::WarningCode as W;

use super::{Case, basic, fetched};
use crate::bag_maker::Maker;

fn utf_16(root: &Path) {
    let encode = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
    let bag = Maker::new(root, "0.97");
    bag.write("bagit.txt", b"BagIt-Version: 0.97\nTag-File-Character-Encoding: UTF-16BE\n");
    bag.write("data/greeting", b"moin\n");
    bag.write("bag-info.txt", &encode("Contact-Name: Ünï\nPayload-Oxum: 5.1\n"));
    let line = format!("{}  data/greeting\n", bag.hash(Md5, "data/greeting"));
    bag.write("manifest-md5.txt", &encode(&line));
    let tags: String = ["bagit.txt", "bag-info.txt", "manifest-md5.txt"]
        .iter()
        .map(|name| format!("{}  {name}\n", bag.hash(Md5, name)))
        .collect();
    bag.write("tagmanifest-md5.txt", &encode(&tags));
}

fn duplicate_metadata(root: &Path, version: &str) {
    let bag = Maker::basic(root, version, Md5);
    let old = ["0.93", "0.94", "0.95"].contains(&version);
    bag.remove("bag-info.txt");
    bag.write(
        if old { "package-info.txt" } else { "bag-info.txt" },
        b"Source-Organization: Harbour Museum\r\nSource-Organization: Harbour Museum, Annex\r\n",
    );
    bag.tag_manifest(Md5);
}

pub(super) const VALID: &[Case] = &[
    ("ours/0.93-basic-bag", |r| drop(Maker::basic(r, "0.93", Md5)), &[], &[]),
    ("v0.93/valid/duplicate-metadata-entries", |r| duplicate_metadata(r, "0.93"), &[], &[]),
    ("v0.94/valid/duplicate-metadata-entries", |r| duplicate_metadata(r, "0.94"), &[], &[]),
    ("v0.95/valid/basic-bag", |r| drop(Maker::basic(r, "0.95", Md5)), &[], &[]),
    ("v0.95/valid/duplicate-metadata-entries", |r| duplicate_metadata(r, "0.95"), &[], &[]),
    ("v0.96/valid/duplicate-metadata-entries", |r| duplicate_metadata(r, "0.96"), &[], &[]),
    ("v0.97/valid/duplicate-metadata-entries", |r| duplicate_metadata(r, "0.97"), &[], &[]),
    ("v0.97/valid/basic-bag", |r| drop(basic(r)), &[], &[]),
    ("v0.97/valid/basic-bag-sha1", |r| drop(Maker::basic(r, "0.97", Sha1)), &[], &[]),
    ("v0.97/valid/basic-bag-sha224", |r| drop(Maker::basic(r, "0.97", Sha224)), &[], &[]),
    ("v0.97/valid/basic-bag-sha256", |r| drop(Maker::basic(r, "0.97", Sha256)), &[], &[]),
    ("v0.97/valid/basic-bag-sha512", |r| drop(Maker::basic(r, "0.97", Sha512)), &[], &[]),
    ("v1.0/valid/basicBag", |r| drop(Maker::basic(r, "1.0", Sha512)), &[], &[]),
    ("v0.97/valid/minimal-bag", |r| Maker::new(r, "0.97").write("manifest-md5.txt", b""), &[], &[]),
    (
        "v0.97/valid/uncommon-metadata-separators",
        |r| {
            let bag = basic(r);
            bag.write("bag-info.txt", b"A :one\nB\t: two\nC:\tthree\nD:four\n\tgoes on\n");
            bag.tag_manifest(Md5);
        },
        &[],
        &[],
    ),
    (
        "v0.97/valid/bag-with-escapable-characters",
        |r| {
            let bag = Maker::new(r, "0.97");
            bag.write("data/100%.txt", b"x");
            bag.write("data/a#b?c.txt", b"y");
            bag.manifest(Md5, &["data/100%.txt", "data/a#b?c.txt"]);
        },
        &[],
        &[],
    ),
    (
        "v0.97/valid/bag-with-encoded-names",
        |r| {
            let bag = Maker::new(r, "0.97");
            bag.write("data/%C3%A9%20%25.txt", b"x");
            bag.manifest(Md5, &["data/%C3%A9%20%25.txt"]);
        },
        &[],
        &[],
    ),
    ("v0.97/valid/holey-bag", |r| fetched(r, "data/notes.txt"), &[], &[]),
    (
        "v0.97/valid/bag-in-a-bag",
        |r| {
            let bag = Maker::new(r, "0.97");
            Maker::basic(&r.join("data/inner"), "0.97", Md5);
            let inner = ["bagit.txt", "bag-info.txt", "manifest-md5.txt", "tagmanifest-md5.txt"]
                .map(|name| format!("data/inner/{name}"));
            let mut all: Vec<&str> = inner.iter().map(String::as_str).collect();
            all.extend(["data/inner/data/greeting", "data/inner/data/notes.txt"]);
            bag.manifest(Md5, &all);
        },
        &[],
        &[],
    ),
    ("v0.97/valid/UTF-16-encoded-tag-files", utf_16, &[], &[]),
    (
        "v0.97/valid/ISO-8859-1-encoded-tag-files",
        |r| {
            let bag = basic(r);
            bag.write("bagit.txt", b"BagIt-Version: 0.97\nTag-File-Character-Encoding: ISO-8859-1\n");
            bag.write("bag-info.txt", b"Contact-Name: J\xfcrgen \x80\n");
            bag.tag_manifest(Md5);
        },
        &[],
        &[],
    ),
    (
        "v0.97/valid/bag-with-leading-dot-slash-in-manifest",
        |r| {
            let bag = Maker::new(r, "0.97");
            bag.write("data/a", b"x");
            bag.manifest(Md5, &["./data/a"]);
        },
        &[],
        &[W::RelativePath],
    ),
    (
        "v0.97/valid/bag-with-space",
        |r| {
            let bag = Maker::new(r, "0.97");
            bag.write("data/a b/c d.txt", b"x");
            bag.manifest(Md5, &["data/a b/c d.txt"]);
        },
        &[],
        &[],
    ),
    (
        "ours/1.0-percent-encoded-line-end",
        |r| {
            let bag = Maker::new(r, "1.0");
            bag.write("data/a\nb%", b"x");
            let line = format!("{}  data/a%0Ab%25\n", bag.hash(Sha256, "data/a\nb%"));
            bag.write("manifest-sha256.txt", line.as_bytes());
        },
        &[],
        &[],
    ),
    (
        "ours/1.0-percent-written-literally",
        |r| {
            let bag = Maker::new(r, "1.0");
            bag.write("data/a%25b", b"x");
            bag.manifest(Sha256, &["data/a%25b"]);
        },
        &[],
        &[W::PercentSign],
    ),
    (
        "ours/unlisted-tag-files",
        |r| {
            let bag = Maker::basic(r, "1.0", Sha256);
            bag.write("notes/readme.txt", b"nobody lists me");
        },
        &[],
        &[],
    ),
    (
        "ours/0.97-payload-spread-over-two-manifests",
        |r| {
            let bag = Maker::new(r, "0.97");
            bag.write("data/a", b"x");
            bag.write("data/b", b"y");
            bag.manifest(Md5, &["data/a"]);
            bag.manifest(Sha1, &["data/b"]);
        },
        &[],
        &[],
    ),
];

pub(super) const WARNED: &[Case] = &[
    (
        "v0.97/warning/made-with-md5sum-tools",
        |r| {
            let bag = Maker::new(r, "0.97");
            bag.write("data/read-me.txt", b"x");
            let line = format!("{} *data/read-me.txt\n", bag.hash(Md5, "data/read-me.txt"));
            bag.write("manifest-md5.txt", line.as_bytes());
        },
        &[],
        &[W::ChecksumTool],
    ),
    (
        "v0.97/warning/relative-path",
        |r| {
            let bag = Maker::new(r, "0.97");
            bag.write("data/read-me.txt", b"x");
            bag.manifest(Md5, &["./data/./read-me.txt"]);
        },
        &[],
        &[W::RelativePath],
    ),
    (
        "v0.97/warning/same-filename-listed-twice-with-the-same-hash",
        |r| {
            let bag = Maker::new(r, "0.97");
            bag.write("data/a", b"x");
            bag.manifest(Md5, &["data/a", "data/a"]);
        },
        &[],
        &[W::ListedTwice],
    ),
    (
        "v0.97/warning/duplicate-file-with-different-case",
        |r| {
            let bag = Maker::new(r, "0.97");
            bag.write("data/read-me.txt", b"x");
            bag.write("data/READ-ME.txt", b"x");
            bag.manifest(Md5, &["data/read-me.txt", "data/READ-ME.txt"]);
        },
        &[],
        &[W::EqualNames],
    ),
    (
        "v0.97/warning/same-filename-listed-twice-with-different-normalization, every file there",
        |r| {
            let bag = Maker::new(r, "0.97");
            bag.write("data/A\u{308}rmel", b"x");
            bag.write("data/\u{c4}rmel", b"x");
            bag.manifest(Md5, &["data/A\u{308}rmel", "data/\u{c4}rmel"]);
        },
        &[],
        &[W::EqualNames],
    ),
    (
        "v0.97/warning/special-system-files",
        |r| {
            let bag = Maker::new(r, "0.97");
            bag.write("data/.DS_Store", b"x");
            bag.write("data/Thumbs.db", b"y");
            bag.manifest(Md5, &["data/.DS_Store", "data/Thumbs.db"]);
        },
        &[],
        &[W::SystemFile],
    ),
    (
        "v0.97/warning/filename-normalization",
        |r| {
            let bag = Maker::new(r, "0.96");
            bag.write("data/\u{c4}rmel", b"");
            let line = format!("{} data/A\u{308}rmel\n", bag.hash(Sha512, "data/\u{c4}rmel"));
            bag.write("manifest-sha512.txt", line.as_bytes());
            bag.tag_manifest(Sha512);
        },
        &[],
        &[W::NormalForm],
    ),
    (
        "v0.97/darwin-only/precomposed-character-in-filename",
        |r| {
            let bag = Maker::new(r, "0.97");
            bag.write("data/cre\u{300}me.txt", b"x");
            let line = format!("{} data/cr\u{e8}me.txt\n", bag.hash(Md5, "data/cre\u{300}me.txt"));
            bag.write("manifest-md5.txt", line.as_bytes());
        },
        &[],
        &[W::NormalForm],
    ),
    (
        "ours/byte-order-mark-in-manifest",
        |r| {
            let bag = Maker::new(r, "1.0");
            bag.write("data/a", b"x");
            let line = format!("\u{feff}{} data/a\n", bag.hash(Sha256, "data/a"));
            bag.write("manifest-sha256.txt", line.as_bytes());
        },
        &[],
        &[W::ByteOrderMark],
    ),
    (
        "ours/one-manifest-of-an-unknown-algorithm",
        |r| {
            Maker::basic(r, "1.0", Sha256).write("manifest-blake2s.txt", b"00 data/x\n");
        },
        &[],
        &[W::AlgorithmUnknown],
    ),
];
