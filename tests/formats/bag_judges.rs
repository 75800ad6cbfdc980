//! The bags we write, before judges that are not ours: bagit.py and sha256sum.

use std::path::Path;
use std::process::Command;

use packhouse::library::bag_check::check_bag;
use packhouse::package::bag::{BagVersion, DECLARATION_FILE, INFO_FILE, write};
use packhouse::package::manifest::{FileHashes, Manifest, ManifestFile};
use packhouse::package::{PackageId, Sha256Digest};
use packhouse::work::Work;

use crate::support::tool;

const BAGIT: (&str, &str) = ("bagit.py", "pip install bagit");
const SHA256SUM: (&str, &str) = ("sha256sum", "apt-get install coreutils");

fn names() -> Vec<String> {
    let long = format!("{}/{}", "f".repeat(200), "g".repeat(200));
    let plain = [
        "with space.txt",
        "a  two spaces",
        "#1",
        "what?",
        "\"quoted\"",
        "it's",
        "<angle>",
        "[brackets]",
        "{braces}",
        "-rf",
        "--help",
        "*star",
        "\\backslash",
        "a\\nb",
        "x\\..\\y",
        "$HOME",
        "~user",
        "semi;colon",
        "am&persand",
        "a+b=c",
        "dir with space/-x/[1].bin",
        "😀/🎉.txt",
        "ملف.txt",
        "e\u{301}",
        "файл",
        "空",
    ];
    plain.into_iter().map(str::to_owned).chain([long]).collect()
}

/// Writes a bag over `names` as sealing does, and gives its version.
fn write_bag(root: &Path, names: &[String]) -> BagVersion {
    let files = names.iter().enumerate().map(|(number, name)| {
        let content = format!("{number}: {name}");
        let place = root.join("data").join(name);
        std::fs::create_dir_all(place.parent().expect("below data")).expect("folders can be made");
        std::fs::write(place, &content).expect("a file can be written");
        ManifestFile {
            path: name.clone(),
            size_bytes: content.len() as u64,
            executable: false,
            hashes: Some(FileHashes { file: Sha256Digest::of(content.as_bytes()), blocks: Vec::new() }),
        }
    });
    let manifest = Manifest::from_files(Default::default(), files.collect()).expect("distinct names");
    let version = write::version_for(&manifest);
    let date = jiff::civil::date(2026, 3, 9);
    let id = PackageId(uuid::Uuid::from_u128(0x1234));
    let tags = [
        (DECLARATION_FILE, write::declaration(version)),
        (INFO_FILE, write::info(&manifest, id, date, "Packhouse 0.1.0")),
        (write::MANIFEST_FILE, write::manifest(&manifest).expect("all have hashes")),
    ];
    let listed = tags.iter().map(|(name, text)| (*name, Sha256Digest::of(text.as_bytes())));
    let tag_manifest = write::tag_manifest(listed);
    for (name, text) in tags.iter().map(|(n, t)| (*n, t)).chain([(write::TAG_MANIFEST_FILE, &tag_manifest)]) {
        std::fs::write(root.join(name), text).expect("a tag file can be written");
    }
    version
}

fn accepted(root: &Path) {
    let run = |mut command: Command| {
        let output = command.current_dir(root).output().expect("the judge can be started");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{command:?}: {said}{}", String::from_utf8_lossy(&output.stdout));
    };
    let mut bagit = Command::new(tool(BAGIT.0, BAGIT.1));
    bagit.args(["--validate", "."]);
    run(bagit);
    for manifest in [write::MANIFEST_FILE, write::TAG_MANIFEST_FILE] {
        let mut sum = Command::new(tool(SHA256SUM.0, SHA256SUM.1));
        sum.args(["--check", "--strict", "--quiet", manifest]);
        run(sum);
    }
    let report = check_bag(root, &Work::new()).expect("it is there");
    assert!(report.valid, "{:?}", report.errors);
}

#[test]
fn bags_with_unusual_names_are_accepted_by_others() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    assert_eq!(write_bag(folder.path(), &names()), BagVersion::V1_0);
    accepted(folder.path());
}

#[test]
fn bags_with_percent_signs_are_accepted_by_others() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let percent = ["100%", "%41", "%25", "a%20b/%%", "%", "%E2%82%AC"].map(str::to_owned);
    let all: Vec<String> = names().into_iter().chain(percent).collect();
    assert_eq!(write_bag(folder.path(), &all), BagVersion::V0_97);
    accepted(folder.path());
}

#[test]
fn one_changed_byte_is_seen_by_all() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    write_bag(folder.path(), &names());
    std::fs::write(folder.path().join("data/what?"), "3: what!").expect("it can be changed");
    let bagit = Command::new(tool(BAGIT.0, BAGIT.1))
        .args(["--validate", "."])
        .current_dir(folder.path())
        .output()
        .expect("bagit.py can be started");
    assert!(!bagit.status.success());
    let report = check_bag(folder.path(), &Work::new()).expect("it is there");
    let found: Vec<_> = report.errors.iter().map(|e| (e.file.as_str(), e.code.code())).collect();
    assert_eq!(found, [("data/what?", "checksum-mismatch")]);
}
