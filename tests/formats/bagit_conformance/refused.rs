//! Bags that are incomplete, and bags that are refused for another reason.

use packhouse::package::bag::Algorithm::{Md5, Sha256, Sha512};
use packhouse::package::bag::ProblemCode as P;
use packhouse::package::bag::WarningCode as W;

use super::{Case, basic, fetched, listed};
use crate::bag_maker::Maker;

pub(super) const INCOMPLETE: &[Case] = &[
    (
        "v0.97/warning/duplicate-file-with-different-case, as git kept it",
        |r| {
            let bag = Maker::new(r, "0.97");
            bag.write("data/read-me.txt", b"x");
            let hash = bag.hash(Md5, "data/read-me.txt");
            let lines = format!("{hash}  data/read-me.txt\n{hash}  data/READ-ME.txt\n");
            bag.write("manifest-md5.txt", lines.as_bytes());
        },
        &[P::FileMissing],
        &[W::EqualNames],
    ),
    (
        "v0.97/warning/same-filename-listed-twice-with-different-normalization, as git kept it",
        |r| {
            let bag = Maker::new(r, "0.96");
            bag.write("data/\u{c4}rmel", b"");
            let hash = bag.hash(Sha512, "data/\u{c4}rmel");
            let lines = format!("{hash}  data/\u{c4}rmel\n{hash}  data/A\u{308}rmel\n");
            bag.write("manifest-sha512.txt", lines.as_bytes());
            bag.tag_manifest(Sha512);
        },
        &[P::FileMissing],
        &[W::EqualNames],
    ),
    (
        "v0.97/warning/special-system-files, as git kept it",
        |r| {
            let bag = Maker::new(r, "0.97");
            bag.write("data/read-me.txt", b"x");
            bag.write("data/.DS_Store", b"y");
            bag.manifest(Md5, &["data/read-me.txt", "data/.DS_Store"]);
            bag.remove("data/.DS_Store");
        },
        &[P::FileMissing],
        &[W::SystemFile],
    ),
    (
        "v0.97/invalid/extra-file-in-bag",
        |r| basic(r).write("data/stowaway", b""),
        &[P::FileNotListed, P::OxumMismatch],
        &[],
    ),
    ("v0.97/invalid/missing-baginfo", |r| basic(r).remove("bag-info.txt"), &[P::TagFileMissing], &[]),
    ("v0.97/invalid/missing-bagit.txt", |r| basic(r).remove("bagit.txt"), &[P::DeclarationMissing], &[]),
    (
        "v1.0/invalid/missing-from-manifest",
        |r| {
            let bag = Maker::new(r, "1.0");
            bag.write("data/a", b"x");
            bag.write("data/left-out.txt", b"y");
            bag.manifest(Sha256, &["data/a", "data/left-out.txt"]);
            bag.manifest(Sha512, &["data/a"]);
        },
        &[P::FileNotListed],
        &[],
    ),
    (
        "ours/file-missing",
        |r| {
            let bag = basic(r);
            bag.remove("bag-info.txt");
            bag.tag_manifest(Md5);
            bag.remove("data/greeting");
        },
        &[P::FileMissing],
        &[],
    ),
    (
        "ours/fetch-not-done",
        |r| {
            let bag = Maker::new(r, "1.0");
            bag.write("data/a", b"x");
            bag.write("data/b", b"y");
            bag.manifest(Sha256, &["data/a", "data/b"]);
            bag.write("fetch.txt", b"https://example.org/b 1 data/b\n");
            bag.remove("data/b");
        },
        &[P::FetchMissing],
        &[],
    ),
    ("ours/no-manifest", |r| Maker::new(r, "1.0").write("data/a", b"x"), &[P::ManifestMissing], &[]),
    (
        "ours/no-data-folder",
        |r| {
            let bag = Maker::new(r, "1.0");
            bag.write("manifest-sha256.txt", b"");
            std::fs::remove_dir(r.join("data")).expect("it is empty");
        },
        &[P::PayloadFolderMissing],
        &[],
    ),
];

pub(super) const INVALID: &[Case] = &[
    (
        "v0.97/invalid/baginfo-missing-encoding",
        |r| basic(r).write("bagit.txt", b"BagIt-Version: 0.97\n"),
        &[P::DeclarationMalformed],
        &[],
    ),
    (
        "v0.97/invalid/bom-in-bagit.txt",
        |r| {
            let bag = basic(r);
            bag.write(
                "bagit.txt",
                "\u{feff}BagIt-Version: 0.97\nTag-File-Character-Encoding: UTF-8\n".as_bytes(),
            );
            bag.tag_manifest(Md5);
        },
        &[P::ByteOrderMark],
        &[],
    ),
    (
        "v0.97/invalid/corrupt-data-file",
        |r| basic(r).write("data/greeting", b"MOIN\n"),
        &[P::ChecksumMismatch],
        &[],
    ),
    (
        "v0.97/invalid/corrupt-tag-file",
        |r| basic(r).append("bag-info.txt", "Contact-Name: somebody else\n"),
        &[P::ChecksumMismatch],
        &[],
    ),
    (
        "v0.97/invalid/invalid-version-number",
        |r| basic(r).write("bagit.txt", b"BagIt-Version: .97\nTag-File-Character-Encoding: UTF-8\n"),
        &[P::DeclarationMalformed],
        &[],
    ),
    (
        "v0.97/invalid/bagit-with-invalid-whitespace",
        |r| {
            let bag = Maker::basic(r, "0.97", Sha256);
            bag.write("bagit.txt", b"BagIt-Version : 0.97\nTag-File-Character-Encoding : UTF-8\n");
            bag.tag_manifest(Sha256);
        },
        &[P::DeclarationMalformed],
        &[],
    ),
    (
        "v1.0/invalid/bagit-with-invalid-whitespace",
        |r| {
            let bag = Maker::basic(r, "1.0", Sha512);
            bag.write("bagit.txt", b"BagIt-Version : 1.0\nTag-File-Character-Encoding : UTF-8\n");
            bag.tag_manifest(Sha512);
        },
        &[P::DeclarationMalformed],
        &[],
    ),
    (
        "v0.97/invalid/same-filename-listed-twice-with-different-hashes",
        |r| listed(r, "data/greeting"),
        &[P::ListedTwiceDiffering],
        &[],
    ),
    (
        "v1.0/invalid/same-filename-listed-twice-with-different-hashes",
        |r| {
            let bag = Maker::new(r, "1.0");
            bag.write("data/a", b"x");
            bag.manifest(Sha256, &["data/a"]);
            bag.append("manifest-sha256.txt", &format!("{}  data/a\n", "0".repeat(64)));
        },
        &[P::ListedTwiceDiffering],
        &[],
    ),
    (
        "v0.97/invalid/out-of-scope-file-paths-using-dot-notation",
        |r| listed(r, "../../outside.txt"),
        &[P::PathUnsafe],
        &[],
    ),
    (
        "v0.97/invalid/out-of-scope-file-paths-using-dot-notation-for-fetch",
        |r| fetched(r, "../../outside.txt"),
        &[P::PathUnsafe],
        &[],
    ),
    (
        "v0.97/linux-only/out-of-scope-file-paths-using-absolute-path",
        |r| listed(r, "/etc/hostname"),
        &[P::PathUnsafe],
        &[],
    ),
    (
        "v0.97/linux-only/out-of-scope-file-paths-using-absolute-path-for-fetch",
        |r| fetched(r, "/etc/hostname"),
        &[P::PathUnsafe],
        &[],
    ),
    (
        "v0.97/linux-only/out-of-scope-file-paths-using-shortcut",
        |r| listed(r, "~/outside"),
        &[P::PathUnsafe],
        &[],
    ),
    (
        "v0.97/linux-only/out-of-scope-file-paths-using-shortcut-for-fetch",
        |r| fetched(r, "~/outside"),
        &[P::PathUnsafe],
        &[],
    ),
    (
        "v0.97/linux-only/out-of-scope-file-paths-using-shortcut-username",
        |r| listed(r, "~root/outside"),
        &[P::PathUnsafe],
        &[],
    ),
    (
        "v0.97/linux-only/out-of-scope-file-paths-using-shortcut-username-for-fetch",
        |r| fetched(r, "~root/outside"),
        &[P::PathUnsafe],
        &[],
    ),
    (
        "v0.97/windows-only/out-of-scope-file-paths-using-absolute-path",
        |r| listed(r, r"C:\Windows\notepad.exe"),
        &[P::PathUnsafe],
        &[],
    ),
    (
        "v0.97/windows-only/out-of-scope-file-paths-using-absolute-path-for-fetch",
        |r| fetched(r, r"C:\Windows\notepad.exe"),
        &[P::PathUnsafe],
        &[],
    ),
    (
        "v0.97/windows-only/out-of-scope-file-paths-using-shortcut",
        |r| listed(r, r"%SystemRoot%\win.ini"),
        &[P::PathNotPayload],
        &[],
    ),
    (
        "v0.97/windows-only/out-of-scope-file-paths-using-shortcut-for-fetch",
        |r| fetched(r, r"%SystemRoot%\win.ini"),
        &[P::FetchNotListed, P::FetchMissing],
        &[W::FetchLoose],
    ),
    (
        "v0.97/windows-only/out-of-scope-file-paths-using-unc",
        |r| listed(r, r"\\?\UNC\server\share\setup.exe"),
        &[P::PathUnsafe],
        &[],
    ),
    (
        "v0.97/windows-only/out-of-scope-file-paths-using-unc-for-fetch",
        |r| fetched(r, r"\\?\UNC\server\share\setup.exe"),
        &[P::PathUnsafe],
        &[],
    ),
    (
        "ours/1.0-same-file-listed-twice",
        |r| {
            let bag = Maker::new(r, "1.0");
            bag.write("data/a", b"x");
            bag.manifest(Sha256, &["data/a", "data/a"]);
        },
        &[P::ListedTwice],
        &[],
    ),
    (
        "ours/payload-sum-wrong",
        |r| {
            let bag = basic(r);
            bag.write("bag-info.txt", b"Payload-Oxum: 10.3\n");
            bag.tag_manifest(Md5);
        },
        &[P::OxumMismatch],
        &[],
    ),
    (
        "ours/payload-sum-no-number",
        |r| {
            let bag = basic(r);
            bag.write("bag-info.txt", b"Payload-Oxum: lots\n");
            bag.tag_manifest(Md5);
        },
        &[P::OxumMalformed],
        &[],
    ),
    (
        "ours/only-an-unknown-algorithm",
        |r| {
            let bag = Maker::new(r, "1.0");
            bag.write("data/a", b"x");
            bag.write("manifest-blake2s.txt", b"00 data/a\n");
        },
        &[P::AlgorithmUnknown],
        &[],
    ),
    (
        "ours/manifest-not-in-its-encoding",
        |r| {
            let bag = Maker::new(r, "1.0");
            bag.write("manifest-sha256.txt", b"\xff\xfe");
        },
        &[P::EncodingBroken],
        &[],
    ),
    (
        "ours/two-manifests-disagree",
        |r| {
            let bag = Maker::new(r, "1.0");
            bag.write("data/a", b"x");
            bag.manifest(Sha256, &["data/a"]);
            bag.write("manifest-sha512.txt", format!("{}  data/a\n", "0".repeat(128)).as_bytes());
        },
        &[P::ChecksumMismatch],
        &[],
    ),
    ("ours/newer-version", |r| drop(Maker::basic(r, "2.0", Sha256)), &[P::VersionUnknown], &[]),
];
