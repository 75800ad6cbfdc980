//! A damaged package is repaired from the window: the plan is shown, places are looked at, what does not belong to the
//! package is set aside, and what was done is said.

use std::fs;
use std::path::{Path, PathBuf};

use egui::{Key, Modifiers};
use packhouse::package::PackageState;
use packhouse::package::record::PackageId;
use packhouse::session::{
    Archive, ArchiveRequest, CreateKey, Export, Restore, RestoreSource, Seal, SwitchOff,
};
use packhouse::work::Work;

use super::desk::Desk;

const TITLE: &str = "7-Zip 24.09";
const FILES: &[(&str, &str)] = &[("bin/7z.exe", "MZ program"), ("docs/readme.txt", "read me")];

/// A sealed package, and a copy of its folder somewhere else.
fn sealed() -> (Desk, PackageId, PathBuf) {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", FILES);
    let package = desk.package(TITLE).expect("registered").id;
    let session = desk.session().expect("open").clone();
    let work = Work::new();
    session.run(CreateKey { name: "Packaging".to_owned() }, &work).expect("a key");
    session.run(Seal { package, key: None, block_size: None }, &work).expect("sealed");
    let copy = desk.folder.path().join("copy");
    session.run(Export { package, to: copy.clone() }, &work).expect("exported");
    desk.wait("sealed", |desk| desk.package(TITLE).is_some_and(|one| one.state == PackageState::Sealed));
    desk.settle();
    (desk, package, copy)
}

/// Other content of the same size, and a file that does not belong there.
fn damage(desk: &Desk) {
    fs::write(desk.data("7-Zip", "24.09").join("bin/7z.exe"), "MZ pr0gram").expect("damaged");
    fs::write(desk.data("7-Zip", "24.09").join("extra.txt"), "somebody's").expect("added");
}

fn content(desk: &Desk, path: &str) -> String {
    fs::read_to_string(desk.data("7-Zip", "24.09").join(path)).unwrap_or_default()
}

fn is_blocked(desk: &Desk) -> bool {
    desk.package(TITLE).is_some_and(|package| package.is_blocked())
}

/// Opens the window on its Consistency tab after a deep check found what differs.
fn open_on_differences(desk: &mut Desk) {
    desk.select(TITLE);
    desk.press(Modifiers::SHIFT, Key::F5);
    desk.wait("blocked", is_blocked);
    desk.properties(TITLE);
    desk.wait_for("Blocked: ");
}

fn fill_place(desk: &mut Desk, place: &Path) {
    desk.fill("Another place", &place.display().to_string());
    desk.click("Look");
}

#[test]
fn a_damaged_package_is_repaired_from_a_folder() {
    let (mut desk, _, copy) = sealed();
    damage(&desk);
    open_on_differences(&mut desk);
    assert!(desk.is_enabled("Repair…"));
    desk.click("Repair…");
    desk.wait_for("Repair 7-Zip 24.09?");
    desk.wait_for("10 bytes in 1 block of 1 file to fetch, 1 file added.");
    assert!(desk.sees("# bin/7z.exe: other content"), "{}", desk.labels().join("\n"));
    assert!(desk.sees("Nobody is known who has a copy."));
    assert!(desk.sees("1 file does not belong to the sealed package: extra.txt."));
    // A place that is not there says so; one that has it says what it has.
    let nowhere = desk.folder.path().join("nowhere");
    fill_place(&mut desk, &nowhere);
    desk.wait_for("cannot be read");
    fill_place(&mut desk, &copy);
    desk.wait_for("has all of it, 10 bytes");
    assert_eq!(content(&desk, "bin/7z.exe"), "MZ pr0gram", "nothing was changed yet");
    desk.click("Repair");
    desk.wait_for("7-Zip 24.09 is repaired, 10 bytes fetched");
    desk.wait("no longer blocked", |desk| !is_blocked(desk));
    assert_eq!(content(&desk, "bin/7z.exe"), "MZ program");
    assert!(!desk.data("7-Zip", "24.09").join("extra.txt").exists());
    let aside = desk.folder.path().join("library/set-aside/7-Zip/24.09");
    let day = fs::read_dir(aside).expect("set aside").next().expect("a day").expect("a folder");
    assert_eq!(fs::read_to_string(day.path().join("extra.txt")).expect("kept"), "somebody's");
    desk.wait("greyed again", |desk| desk.has("Repair…") && !desk.is_enabled("Repair…"));

    // From now on the place is known.
    fs::write(desk.data("7-Zip", "24.09").join("bin/7z.exe"), "MZ pr1gram").expect("damaged");
    desk.click("Deep check");
    desk.wait("blocked", is_blocked);
    desk.wait("enabled", |desk| desk.has("Repair…") && desk.is_enabled("Repair…"));
    desk.click("Repair…");
    desk.wait_for("has all of it, 10 bytes");
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait("no longer blocked", |desk| !is_blocked(desk));
    assert_eq!(content(&desk, "bin/7z.exe"), "MZ program");
}

#[test]
fn a_file_that_is_only_too_long_is_cut_and_nobody_is_asked() {
    let (mut desk, ..) = sealed();
    fs::write(desk.data("7-Zip", "24.09").join("docs/readme.txt"), "read me more").expect("longer");
    open_on_differences(&mut desk);
    desk.click("Repair…");
    desk.wait_for("1 file to make right without fetching.");
    assert!(desk.sees("≠ docs/readme.txt: longer than recorded, is cut to 7 bytes"), "{:#?}", desk.labels());
    assert!(!desk.has("Another place"), "there is nothing to fetch");
    desk.click("Repair");
    desk.wait("no longer blocked", |desk| !is_blocked(desk));
    assert_eq!(content(&desk, "docs/readme.txt"), "read me");
}

#[test]
fn what_cannot_be_had_is_told_and_what_is_left_stays_blocked() {
    let (mut desk, _, copy) = sealed();
    damage(&desk);
    fs::write(copy.join("data/bin/7z.exe"), "MZ wrong!!").expect("damaged as well");
    desk.select(TITLE);
    desk.press(Modifiers::SHIFT, Key::F5);
    desk.wait("blocked", is_blocked);
    // By the menu of the package, without a window.
    desk.command("Repair…");
    desk.wait_for("Repair 7-Zip 24.09?");
    fill_place(&mut desk, &copy);
    desk.wait_for("has nothing that is needed");
    desk.click("Leave it; the package stays blocked");
    desk.click("Repair");
    desk.wait_for("Not everything could be repaired");
    assert_eq!(content(&desk, "bin/7z.exe"), "MZ pr0gram");
    assert!(desk.data("7-Zip", "24.09").join("extra.txt").exists() && is_blocked(&desk));
}

#[test]
fn repair_answers_the_question_of_switching_on() {
    let (mut desk, package, copy) = sealed();
    let session = desk.session().expect("open").clone();
    let reason = Some("moving disks".to_owned());
    session.run(SwitchOff { package, reason }, &Work::new()).expect("off");
    fs::remove_file(desk.data("7-Zip", "24.09").join("bin/7z.exe")).expect("removed");
    desk.properties(TITLE);
    desk.click("Consistency");
    desk.click("Checksum control of package consistency");
    desk.wait_for("1 file removed");
    desk.click("Apply");
    desk.wait_for("7-Zip 24.09 differs from its recorded checksum");
    desk.press(Modifiers::ALT, Key::R);
    desk.wait_for("Repair 7-Zip 24.09?");
    // Cancel leaves it off.
    desk.click("Cancel");
    desk.wait_until_gone("Repair 7-Zip 24.09?");
    assert!(!desk.package(TITLE).expect("there").checksum_control);
    desk.click("Checksum control of package consistency");
    desk.wait_for("1 file removed");
    desk.click("Apply");
    desk.click("Repair…. The files are wrong: fetch the sealed content again and switch the check on");
    desk.wait_for("Repair 7-Zip 24.09?");
    fill_place(&mut desk, &copy);
    desk.wait_for("has all of it, 10 bytes");
    desk.click("Repair");
    desk.wait("on", |desk| desk.package(TITLE).is_some_and(|one| one.checksum_control && !one.is_blocked()));
    assert_eq!(content(&desk, "bin/7z.exe"), "MZ program");
}

#[test]
fn a_changed_file_is_shown_beside_what_was_sealed() {
    let (mut desk, _, copy) = sealed();
    fs::write(desk.data("7-Zip", "24.09").join("docs/readme.txt"), "reAd me!").expect("changed");
    damage(&desk);
    open_on_differences(&mut desk);
    assert!(!desk.is_enabled("Compare…"));
    desk.click_part("Added: extra.txt");
    desk.wait("still greyed", |desk| !desk.is_enabled("Compare…"));
    desk.click_part("Other size: docs/readme.txt");
    desk.wait("enabled", |desk| desk.is_enabled("Compare…"));
    desk.click("Compare…");
    desk.wait_for("Compare readme.txt with the sealed copy");
    // Nobody has it: that is said, and nothing is left behind.
    desk.click("Compare");
    desk.wait_for("docs/readme.txt cannot be had as it was recorded");
    desk.press(Modifiers::NONE, Key::Escape);
    desk.wait_until_gone("docs/readme.txt cannot be had as it was recorded");

    desk.click("Compare…");
    desk.fill("Fetch from", &copy.display().to_string());
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait_for("readme.txt, as recorded and now");
    assert!(
        desk.sees("1 byte differs; 1 byte more now. The first difference is at byte 2."),
        "{:#?}",
        desk.labels()
    );
    let recorded = desk
        .texts()
        .into_iter()
        .find(|text| text.ends_with("readme (as recorded).txt"))
        .map_or_else(|| panic!("where it lies: {:#?}", desk.texts()), PathBuf::from);
    assert_eq!(fs::read_to_string(&recorded).expect("there"), "read me");
    assert_eq!(content(&desk, "docs/readme.txt"), "reAd me!", "nothing was changed");
    assert!(desk.is_enabled("Open both"));
    desk.click("Close");
    desk.wait("removed", |_| !recorded.exists() && recorded.parent().is_some_and(|folder| !folder.exists()));

    // A file that the system would run is a program, whatever it is called.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let readme = desk.data("7-Zip", "24.09").join("docs/readme.txt");
        fs::set_permissions(readme, fs::Permissions::from_mode(0o755)).expect("executable");
        desk.click("Compare…");
        desk.fill("Fetch from", &copy.display().to_string());
        desk.press(Modifiers::NONE, Key::Enter);
        desk.wait_for("readme.txt, as recorded and now");
        assert!(!desk.is_enabled("Open both"));
        desk.click("Close");
        desk.wait_until_gone("readme.txt, as recorded and now");
    }

    // A program is not run by looking at it; a row is opened by Enter as well.
    desk.click_part("Damaged: bin/7z.exe");
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait_for("Compare 7z.exe with the sealed copy");
    desk.fill("Fetch from", &copy.display().to_string());
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait_for("1 byte differs. The first difference is at byte 5.");
    assert!(!desk.is_enabled("Open both") && desk.is_enabled("Open folders"));
    desk.press(Modifiers::NONE, Key::Escape);
    desk.wait_until_gone("7z.exe, as recorded and now");
    assert!(is_blocked(&desk));
}

#[test]
fn what_was_never_sealed_says_why_it_cannot_be_repaired() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", FILES);
    damage(&desk);
    open_on_differences(&mut desk);
    assert!(!desk.is_enabled("Repair…"));
    desk.control("Repair…").hover();
    desk.wait_for("The package has never been sealed, nobody has a copy to repair from");
}

#[test]
fn the_library_check_repairs_all_that_is_repairable() {
    let (mut desk, package, _) = sealed();
    let session = desk.session().expect("open").clone();
    let work = Work::new();
    let request = ArchiveRequest { folder: desk.folder.path().join("shelf"), comment: String::new() };
    session.run(Archive { package, request }, &work).expect("archived");
    session.run(Restore { source: RestoreSource::Package(package) }, &work).expect("restored");
    desk.register("Open", "1", &[("open.txt", "open")]);
    fs::write(desk.data("7-Zip", "24.09").join("bin/7z.exe"), "MZ pr0gram").expect("damaged");
    fs::write(desk.data("Open", "1").join("open.txt"), "0pen").expect("damaged");
    desk.press(Modifiers::COMMAND, Key::Num6);
    desk.click("Start");
    desk.wait_for("Repairable 1");
    desk.wait_for("Not repairable 1");
    desk.click("Repair all repairable…");
    desk.wait_for("Repair 7-Zip 24.09?");
    desk.wait_for("has all of it, 10 bytes");
    desk.click("Repair");
    desk.wait("repaired", |desk| content(desk, "bin/7z.exe") == "MZ program");
    desk.wait("no longer blocked", |desk| !is_blocked(desk));
}
