//! The New package page: what the installer says, versions of the same product, equal files, what exists already, and
//! the steps until the first seal.

use std::fs;
use std::io::Cursor;
use std::path::PathBuf;

use egui::accesskit::Toggled;
use egui_kittest::kittest::NodeT as _;
use packhouse::package::{HistoryEvent, PackageRecord};
use packhouse::session::{
    HistoryFilter, Links, PackageRef, Preview, ReadHistory, Register, RegisterRequest, ShowPackage,
};
use packhouse::work::Work;

use super::desk::Desk;

const CODE: &str = "{23170F69-40C1-2702-2409-000001000000}";

fn msi(version: &str) -> Vec<u8> {
    let made = || -> std::io::Result<Vec<u8>> {
        let mut package = msi::Package::create(msi::PackageType::Installer, Cursor::new(Vec::new()))?;
        let columns = vec![
            msi::Column::build("Property").primary_key().id_string(72),
            msi::Column::build("Value").text_string(0),
        ];
        package.create_table("Property", columns)?;
        let properties = [
            ("ProductName", "7-Zip"),
            ("ProductVersion", version),
            ("Manufacturer", "Igor Pavlov"),
            ("ProductCode", CODE),
        ];
        let rows = properties.map(|(name, value)| vec![msi::Value::from(name), msi::Value::from(value)]);
        package.insert_rows(msi::Insert::into("Property").rows(rows.to_vec()))?;
        Ok(package.into_inner()?.into_inner())
    };
    made().expect("an installer")
}

/// A folder with an installer of this name and version, and what it came with.
fn installer(desk: &Desk, folder: &str, name: &str, version: &str) -> PathBuf {
    let source = desk.source(folder, &[("readme.txt", "read me")]);
    fs::write(source.join(name), msi(version)).expect("written");
    source
}

fn record(desk: &Desk, title: &str) -> PackageRecord {
    let id = desk.package(title).expect("registered").id;
    let session = desk.session().expect("open");
    session.run(ShowPackage { package: PackageRef::Id(id) }, &Work::new()).expect("readable").record
}

fn value(desk: &Desk, label: &str) -> String {
    desk.control(label).value().unwrap_or_default()
}

fn is_ticked(desk: &Desk, label: &str) -> bool {
    desk.control(label).accesskit_node().toggled() == Some(Toggled::True)
}

/// Clicks what may lie below the part of the page that is seen.
fn click_below(desk: &mut Desk, label: &str) {
    desk.control(label).scroll_to_me();
    desk.settle();
    desk.click(label);
}

/// 7-Zip 24.09 with what its installer proposes, filed under Tools.
fn with_24_09() -> Desk {
    let mut desk = Desk::open();
    let source = installer(&desk, "old download", "7z2409.msi", "24.09");
    let session = desk.session().expect("open").clone();
    let preview = Preview { sources: vec![source.clone()], links: Links::Refuse };
    let found = session.run(preview, &Work::new()).expect("looked at");
    let request = RegisterRequest {
        name: Some("7-Zip".to_owned()),
        version: Some("24.09".to_owned()),
        group: Some("Tools".to_owned()),
        supplier: Some("Igor P.".to_owned()),
        comment: Some("for everybody".to_owned()),
        procedures: Some(found.procedures),
        ..RegisterRequest::new(vec![source])
    };
    session.run(Register { request }, &Work::new()).expect("registered");
    desk.wait("the package", |desk| desk.package("7-Zip 24.09").is_some());
    desk.settle();
    desk
}

#[test]
fn an_installer_says_what_it_is_and_its_procedures_are_taken() {
    let mut desk = Desk::open();
    let source = installer(&desk, "some download", "setup.msi", "24.09");
    desk.drop(&[&source]);
    desk.wait_for("from the MSI properties of setup.msi");
    let fields = ["Name", "Version", "Supplier"].map(|label| value(&desk, label));
    assert_eq!(fields, ["7-Zip", "24.09", "Igor Pavlov"]);

    // What was typed stays, whatever is found later.
    desk.fill("Supplier", "Our own");
    let more = desk.source("more", &[("notes.txt", "notes")]);
    desk.drop(&[&more]);
    desk.wait_for("3 files");
    assert_eq!(value(&desk, "Supplier"), "Our own");

    let install = "Install: msiexec /i \"some download/setup.msi\" /qn /norestart";
    let uninstall = format!("Uninstall: msiexec /x {CODE} /qn /norestart");
    assert!(is_ticked(&desk, install) && is_ticked(&desk, &uninstall));
    click_below(&mut desk, &uninstall);
    desk.click("Create");
    desk.wait("the package", |desk| desk.package("7-Zip 24.09").is_some());
    let record = record(&desk, "7-Zip 24.09");
    let names: Vec<_> = record.procedures.iter().map(|listed| listed.procedure.name.as_str()).collect();
    assert_eq!((names, record.supplier.as_str()), (vec!["Install"], "Our own"));
    let session = desk.session().expect("open");
    let filter = HistoryFilter { package: Some(record.id), ..HistoryFilter::default() };
    let entries = session.run(ReadHistory { filter }, &Work::new()).expect("readable");
    let events: Vec<_> = entries.iter().map(|entry| entry.event).collect();
    assert_eq!(events, [HistoryEvent::Registered], "one step");
}

#[test]
fn a_new_version_takes_over_and_marks_what_does_not_work_any_more() {
    let mut desk = with_24_09();
    let source = installer(&desk, "new download", "7z2500.msi", "25.00");
    fs::write(source.join("new.txt"), "new").expect("written");
    desk.drop(&[&source]);
    desk.wait_for("7-Zip 24.09 is in the library.");
    assert!(is_ticked(&desk, "New version of it"), "the first choice");
    desk.wait_for("1 file same (7 bytes) · 0 changed · 2 new · 1 no longer there");
    let fields = ["Group", "Supplier", "Comment"].map(|label| value(&desk, label));
    assert_eq!(fields, ["Tools", "Igor P.", "for everybody"]);
    assert!(desk.sees("from 7-Zip 24.09"));
    assert!(desk.sees("7z2409.msi is not in these files"));
    let [old, new] =
        ["7z2409", "7z2500"].map(|name| format!("Install: msiexec /i {name}.msi /qn /norestart"));
    assert!(!is_ticked(&desk, &old) && is_ticked(&desk, &new));
    // Of two of one name only one is taken.
    click_below(&mut desk, &old);
    assert!(is_ticked(&desk, &old) && !is_ticked(&desk, &new));
    click_below(&mut desk, &new);
    assert!(!is_ticked(&desk, &old) && is_ticked(&desk, &new));

    // A package of its own begins with what its installer says; then back.
    click_below(&mut desk, "Separate package");
    desk.wait("the proposal of the installer", |desk| value(desk, "Supplier") == "Igor Pavlov");
    assert_eq!((value(&desk, "Group").as_str(), value(&desk, "Comment").as_str()), ("", ""));
    assert!(!desk.sees("7z2409.msi"));
    click_below(&mut desk, "New version of it");
    desk.wait("the old values", |desk| value(desk, "Supplier") == "Igor P.");

    desk.click("Create");
    desk.wait("the new version", |desk| desk.package("7-Zip 25.00").is_some());
    let record = record(&desk, "7-Zip 25.00");
    let based_on = record.based_on.map(|key| key.to_string());
    assert_eq!((based_on.as_deref(), record.group.as_str()), (Some("7-Zip@24.09"), "Tools"));
    let mut programs: Vec<_> =
        record.procedures.iter().map(|listed| listed.procedure.arguments[1].as_str()).collect();
    programs.sort_unstable();
    assert_eq!(programs, ["7z2500.msi", CODE]);
}

#[test]
fn a_new_version_without_any_procedure_gets_none() {
    let mut desk = with_24_09();
    let source = desk.source("7-Zip 25.00", &[("readme.txt", "read me"), ("7z2409.msi", "no installer")]);
    desk.drop(&[&source]);
    desk.wait_for("1 file same (7 bytes) · 1 changed");
    click_below(&mut desk, "Install: msiexec /i 7z2409.msi /qn /norestart");
    click_below(&mut desk, &format!("Uninstall: msiexec /x {CODE} /qn /norestart"));
    desk.click("Create");
    desk.wait("the new version", |desk| desk.package("7-Zip 25.00").is_some());
    assert!(record(&desk, "7-Zip 25.00").procedures.is_empty());
}

#[test]
fn a_name_that_is_typed_is_looked_for_too() {
    let mut desk = with_24_09();
    let source = desk.source("archiver 1.0", &[("a.txt", "a")]);
    desk.drop(&[&source]);
    desk.wait_for("1 file");
    assert!(!desk.sees("is in the library."));
    desk.fill("Name", "7-zip");
    desk.wait_for("7-Zip 24.09 is in the library.");
    assert_eq!(value(&desk, "Name"), "7-zip", "typed");
    desk.wait_for("2 no longer there");
    click_below(&mut desk, "Separate package");
    desk.click("Create");
    desk.wait("the package", |desk| desk.package("7-zip 1.0").is_some());
    assert_eq!(record(&desk, "7-zip 1.0").based_on, None);
}

#[test]
fn equal_files_are_noticed_and_shown() {
    let mut desk = with_24_09();
    let source = installer(&desk, "other name 3.0", "7z2409.msi", "24.09");
    desk.drop(&[&source]);
    desk.wait_for("The same files are already in");
    desk.click("7-Zip 24.09");
    desk.wait_for("7-Zip 24.09 - Properties");
}

#[test]
fn the_same_name_and_version_leads_to_the_existing_one_or_to_another_version() {
    let mut desk = with_24_09();
    let source = installer(&desk, "again", "7z2409.msi", "24.09");
    fs::write(source.join("readme.txt"), "another text").expect("written");
    desk.drop(&[&source]);
    desk.wait_for("7-Zip 24.09 is already in the library.");
    desk.wait_for("1 changed");
    desk.click("Create");
    desk.wait_for("7-Zip 24.09 exists already");
    desk.wait_for("These files: 1 file same");
    // The keyboard stands on Cancel.
    desk.press(egui::Modifiers::NONE, egui::Key::Enter);
    desk.wait_until_gone("7-Zip 24.09 exists already");
    desk.click("Create");
    desk.click("New version…");
    desk.wait_until_gone("7-Zip 24.09 exists already");
    desk.fill("Version", "24.09a");
    desk.click("Create");
    desk.wait("the new version", |desk| desk.package("7-Zip 24.09a").is_some());
    assert_eq!(
        record(&desk, "7-Zip 24.09a").based_on.map(|key| key.to_string()).as_deref(),
        Some("7-Zip@24.09")
    );

    desk.drop(&[&source]);
    desk.wait_for("7-Zip 24.09 is already in the library.");
    desk.wait("the files are compared", |desk| desk.is_enabled("Create"));
    desk.click("Create");
    desk.click("Open existing");
    desk.wait_for("7-Zip 24.09 - Properties");
}

#[test]
fn the_steps_lead_to_the_first_seal() {
    let mut desk = with_24_09();
    desk.properties("7-Zip 24.09");
    desk.wait_for("Procedures 2");
    desk.click("Procedures 2");
    desk.wait_for("Install, Install, embedded");
    desk.click("Source");
    desk.wait_for("7z2409.msi");
    desk.click("Seal");
    desk.wait_for("Closes the registration and signs it. Sealed packages can be archived and delivered.");
    desk.click("Make a key…");
    desk.wait_for("The first key");
}

#[test]
fn several_items_become_one_package() {
    let mut desk = Desk::open();
    let one = desk.source("Tool 1.0", &[("tool.exe", "x")]);
    let two = desk.source("Data 2.0", &[("a.dat", "a"), ("b.dat", "b")]);
    desk.drop(&[&one, &two, &one]);
    desk.wait_for("Several items dropped");
    assert!(is_ticked(&desk, "One package of all"));
    desk.click("Continue");
    desk.wait_for("3 files");
    desk.fill("Name", "Both");
    desk.fill("Version", "1");
    desk.click("Create");
    desk.wait("the package", |desk| desk.package("Both 1").is_some());
    assert!(desk.data("Both", "1").join("Data 2.0/b.dat").is_file());
}

#[test]
fn several_items_become_a_package_each_with_names_of_ones_own() {
    let mut desk = with_24_09();
    let folder = desk.source("drop", &[("empty/.keep", "")]);
    let installer = folder.join("setup.msi");
    fs::write(&installer, msi("24.09")).expect("written");
    let tool = desk.source("drop/Tool 1.0", &[("tool.exe", "x")]);
    let plain = desk.source("drop/plain", &[("a.txt", "a")]);
    desk.drop(&[&installer, &tool, &plain]);
    desk.wait_for("Several items dropped");
    desk.click("One package each");
    desk.wait("all are counted", |desk| value(desk, "Name of plain") == "plain");
    let fields = ["Name of setup.msi", "Version of setup.msi", "Version of Tool 1.0", "Version of plain"];
    assert_eq!(fields.map(|label| value(&desk, label)), ["7-Zip", "24.09", "1.0", ""]);
    // What exists is not made again, and a version there must be.
    assert!(desk.sees("7-Zip 24.09 is already in the library") && !desk.is_enabled("Continue"));
    desk.fill("Version of setup.msi", "24.09 x64");
    assert!(!desk.is_enabled("Continue"));
    desk.click("Take plain");
    desk.wait("nothing is in the way", |desk| desk.is_enabled("Continue"));
    desk.fill("Name of Tool 1.0", "The tool");
    desk.click("Continue");
    desk.wait("both", |desk| {
        desk.package("7-Zip 24.09 x64").is_some() && desk.package("The tool 1.0").is_some()
    });
    assert_eq!(desk.session().expect("open").view().packages.iter().count(), 3);
    let made = record(&desk, "7-Zip 24.09 x64");
    // As a new version of 24.09 it takes over what somebody wrote there.
    assert_eq!((made.procedures.len(), made.supplier.as_str()), (2, "Igor P."));
}

#[test]
fn of_several_items_some_are_new_versions() {
    let mut desk = with_24_09();
    let newer = installer(&desk, "seven zip", "7z2500.msi", "25.00");
    let tool = desk.source("Tool 1.0", &[("tool.exe", "x")]);
    desk.drop(&[&newer, &tool]);
    desk.wait_for("Several items dropped");
    desk.click("One package each");
    let tick = "seven zip is a new version of 7-Zip 24.09";
    desk.wait("the version before is found", |desk| desk.has(tick) && desk.is_enabled("Continue"));
    assert!(is_ticked(&desk, tick) && !desk.has("Tool 1.0 is a new version"));
    desk.click("Continue");
    desk.wait("both", |desk| desk.package("7-Zip 25.00").is_some() && desk.package("Tool 1.0").is_some());
    let made = record(&desk, "7-Zip 25.00");
    assert_eq!(made.based_on.map(|key| key.to_string()).as_deref(), Some("7-Zip@24.09"));
    let named: Vec<String> = made.procedures.iter().flat_map(|one| one.procedure.arguments.clone()).collect();
    assert!(named.iter().any(|argument| argument == "7z2500.msi"), "{named:?}");
    assert!(
        !named.iter().any(|argument| argument == "7z2409.msi"),
        "what is gone is not taken over: {named:?}"
    );
    assert_eq!(record(&desk, "Tool 1.0").based_on, None);
}

#[cfg(unix)]
#[test]
fn names_that_cannot_travel_get_another_name_or_are_left_out() {
    use std::os::unix::ffi::OsStrExt as _;
    let mut desk = Desk::open();
    let files =
        [("tool.exe", "x"), ("line\nbreak.txt", "y"), ("space ", "z"), ("what?.txt", "w"), ("end.", "e")];
    let source = desk.source("Tool 1.0", &files);
    fs::write(source.join(std::ffi::OsStr::from_bytes(b"Gr\xf6\xdfe.txt")), "latin").expect("written");
    desk.drop(&[&source]);
    desk.wait_for("3 entries cannot be taken as found");
    desk.wait_for("2 names may not arrive everywhere");
    let field = |name: &str| format!("New name of {name}");
    assert_eq!(value(&desk, &field("line?break.txt")), "line_break.txt");
    assert_eq!(value(&desk, &field("Gr\\xF6\\xDFe.txt")), "Größe.txt");
    assert_eq!(value(&desk, &field("what?.txt")), "what_.txt");
    desk.click("Leave out space : a part of the path ends with white space");
    desk.click("Rename what?.txt: '?' cannot be part of a name on Windows");
    desk.fill(&field("line?break.txt"), "docs/line break.txt ");
    desk.wait("nothing is in the way", |desk| desk.is_enabled("Create"));
    desk.fill(&field("line?break.txt"), "docs/../x");
    assert!(!desk.is_enabled("Create"), "no name of a package");
    desk.fill(&field("line?break.txt"), "docs/line break.txt");
    desk.click("Look again");
    desk.wait("nothing is in the way", |desk| desk.is_enabled("Create"));
    assert_eq!(value(&desk, &field("line?break.txt")), "docs/line break.txt", "what was typed stays");
    desk.click("Create");
    desk.wait("the package", |desk| desk.package("Tool 1.0").is_some());
    let data = desk.data("Tool", "1.0");
    let read = |path: &str| fs::read_to_string(data.join(path)).ok();
    let found = ["docs/line break.txt", "Größe.txt", "what_.txt", "end.", "space ", "tool.exe"].map(read);
    assert_eq!(found.map(|text| text.unwrap_or_default()), ["y", "latin", "w", "e", "", "x"]);
    assert!(source.join("line\nbreak.txt").is_file(), "the source stays as it is");
    let session = desk.session().expect("open");
    let entries =
        session.run(ReadHistory { filter: HistoryFilter::default() }, &Work::new()).expect("readable");
    let details = entries.last().and_then(|entry| entry.details.clone()).expect("what was done");
    assert!(details.contains(r#""line\nbreak.txt" is "docs/line break.txt""#), "{details}");
    assert!(details.ends_with("left out: \"space \""), "{details}");
}
