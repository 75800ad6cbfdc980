//! Makes a library of packages that look like those of an office: for pictures, and to try the console on.
//!
//! Usage: `cargo run --example sample_library FOLDER`. The folder must not exist. It gets `library/`, `keys/`,
//! `archives/`, and `source/` with a folder that can be dropped on the window.

use std::error::Error;
use std::fs::{self, File};
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use packhouse::package::CheckKind;
use packhouse::package::record::PackageId;
use packhouse::session::{
    Actor, AddGroup, Archive, ArchiveRequest, Check, OpenOptions, Register, RegisterRequest, Seal, Session,
    SwitchOff,
};
use packhouse::work::Work;

/// Name, version, supplier, group, size in KiB, what becomes of it.
type Sample = (&'static str, &'static str, &'static str, &'static str, u64, Fate);

#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Open,
    Sealed,
    Archived,
    Changed,
    CheckOff,
}
use Fate::{Archived, Changed, CheckOff, Open, Sealed};

const SAMPLES: [Sample; 25] = [
    ("7-Zip", "24.09", "Igor Pavlov", "Tools", 1_600, Sealed),
    ("Audacity", "3.7.1", "Muse Group", "Media", 15_400, Sealed),
    ("Blender", "4.3.2", "Blender Foundation", "Engineering", 41_000, Sealed),
    ("Citrix Workspace", "24.9.10", "Cloud Software Group", "Remote", 21_000, Open),
    ("Eclipse Temurin JDK", "21.0.5", "Eclipse Adoptium", "Runtimes", 18_500, Sealed),
    ("Firefox ESR", "128.6.0", "Mozilla", "Browsers", 21_400, Sealed),
    ("FreeCAD", "1.0.0", "FreeCAD Project", "Engineering", 29_000, Archived),
    ("GIMP", "2.10.38", "GIMP Team", "Media", 23_000, Sealed),
    ("Git", "2.47.1", "Git for Windows", "Tools", 6_800, Sealed),
    ("Google Chrome", "131.0.6778", "Google", "Browsers", 11_400, Sealed),
    ("Inkscape", "1.4", "Inkscape Project", "Media", 30_800, Changed),
    ("KiCad", "8.0.7", "KiCad", "Engineering", 43_000, Sealed),
    ("LibreOffice", "24.8.4", "The Document Foundation", "Office", 35_200, Sealed),
    ("Microsoft .NET Runtime", "8.0.11", "Microsoft", "Runtimes", 2_800, Sealed),
    ("Node.js", "22.12.0", "OpenJS Foundation", "Runtimes", 3_100, Sealed),
    ("Notepad++", "8.7.4", "Don Ho", "Tools", 640, Sealed),
    ("OpenTTD", "14.1", "OpenTTD", "", 6_100, CheckOff),
    ("PostgreSQL", "17.2", "PostgreSQL Global Development Group", "Databases", 36_000, Sealed),
    ("PuTTY", "0.82", "Simon Tatham", "Tools", 410, Sealed),
    ("Python", "3.13.1", "Python Software Foundation", "Runtimes", 2_800, Sealed),
    ("QGIS", "3.34.14", "QGIS", "Engineering", 12_000, Archived),
    ("R", "4.4.1", "R Core Team", "Runtimes", 8_600, Open),
    ("Thunderbird", "128.5.2", "Mozilla", "Office", 6_600, Sealed),
    ("VLC media player", "3.0.21", "VideoLAN", "Media", 4_400, Sealed),
    ("Visual Studio Code", "1.96.2", "Microsoft", "Tools", 10_200, Sealed),
];

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(std::env::args().nth(1).ok_or("name a folder that does not exist")?);
    fs::create_dir(&root)?;
    let root = fs::canonicalize(&root)?;
    let actor = Actor {
        who: "anna".to_owned(),
        host: "pc-114".to_owned(),
        how: "console".to_owned(),
        time_zone: TimeZone::system(),
    };
    let session = Session::open(OpenOptions {
        root: root.join("library"),
        create: true,
        read_only: false,
        actor,
        keys: root.join("keys"),
        share: packhouse::session::ShareOptions::default(),
    })?;
    let work = Work::new();
    for group in ["Browsers", "Engineering", "Media", "Office", "Runtimes", "Tools"] {
        session.run(AddGroup { name: group.to_owned() }, &work)?;
    }
    session.run(packhouse::session::CreateKey { name: "Packaging Berlin 2026".to_owned() }, &work)?;
    for sample in SAMPLES {
        let (name, version, supplier, group, kib, fate) = sample;
        let source = make_source(&root.join("incoming").join(name), name, kib)?;
        let request = RegisterRequest {
            name: Some(name.to_owned()),
            version: Some(version.to_owned()),
            supplier: Some(supplier.to_owned()),
            group: Some(group.to_owned()),
            ..RegisterRequest::new(vec![source])
        };
        let package = session.run(Register { request }, &work)?.record.id;
        decide(&session, &root, package, name, version, fate)?;
    }
    fs::remove_dir_all(root.join("incoming"))?;
    let source = root.join("source/Inkscape 1.4.1");
    make_source(&source, "Inkscape", 9_000)?;
    fs::write(source.join("inkscape-1.4.1-x64.msi"), installer("Inkscape", "1.4.1", "Inkscape Project")?)?;
    // Names as long as some makers give them, and what a package cannot hold.
    let long = "Enterprise Document Composition and Archive Connector for Mainframe Print Streams";
    let source = root.join("source").join(format!("{long} 2026.11.4-hotfix.2"));
    make_source(&source, long, 900)?;
    let file = "Enterprise-Document-Composition-and-Archive-Connector-2026.11.4-hotfix.2-x64-release.msi";
    fs::write(
        source.join(file),
        installer(long, "2026.11.4", "A company whose name takes a whole line of text")?,
    )?;
    for name in ["share/ends with a space ", "share/line\nbreak.txt"] {
        if cfg!(unix) {
            fs::write(source.join(name), "x")?;
        }
    }
    Ok(())
}

/// A Windows Installer database that says this of its product.
fn installer(name: &str, version: &str, maker: &str) -> std::io::Result<Vec<u8>> {
    let mut package = msi::Package::create(msi::PackageType::Installer, Cursor::new(Vec::new()))?;
    let columns = vec![
        msi::Column::build("Property").primary_key().id_string(72),
        msi::Column::build("Value").text_string(0),
    ];
    package.create_table("Property", columns)?;
    let code = "{81922150-317E-4BB0-A31D-FF1C14F707C5}";
    let properties =
        [("ProductName", name), ("ProductVersion", version), ("Manufacturer", maker), ("ProductCode", code)];
    let rows = properties.map(|(name, value)| vec![msi::Value::from(name), msi::Value::from(value)]);
    package.insert_rows(msi::Insert::into("Property").rows(rows.to_vec()))?;
    Ok(package.into_inner()?.into_inner())
}

fn decide(
    session: &Session,
    root: &Path,
    package: PackageId,
    name: &str,
    version: &str,
    fate: Fate,
) -> Result<(), Box<dyn Error>> {
    let work = Work::new();
    if matches!(fate, Sealed | Archived | Changed) {
        session.run(Seal { package, key: None, block_size: None }, &work)?;
    }
    match fate {
        Open => {}
        CheckOff => {
            let reason = Some("saved games lie in its folder".to_owned());
            session.run(SwitchOff { package, reason }, &work)?;
        }
        Sealed => {
            session.run(Check { package, kind: CheckKind::Quick }, &work)?;
        }
        Archived => {
            let comment = "replaced by a newer version".to_owned();
            let request = ArchiveRequest { folder: root.join("archives"), comment };
            session.run(Archive { package, request }, &work)?;
        }
        Changed => {
            session.run(Check { package, kind: CheckKind::Deep }, &work)?;
            let data = root.join("library/packages").join(name).join(version).join("data");
            fs::write(data.join("share/new_export.py"), "print('exported')\n".repeat(140))?;
            fs::remove_file(data.join("share/readme.txt"))?;
            File::options().append(true).open(data.join("bin/program.exe"))?.write_all(&[0; 2_612])?;
            session.run(Check { package, kind: CheckKind::Quick }, &work)?;
        }
    }
    Ok(())
}

/// A folder that looks like an installed program, of about `kib` KiB.
fn make_source(folder: &Path, name: &str, kib: u64) -> std::io::Result<PathBuf> {
    for part in ["bin", "lib", "share", "share/locale/de", "share/locale/fr"] {
        fs::create_dir_all(folder.join(part))?;
    }
    let sized = |path: &str, bytes: u64| -> std::io::Result<()> {
        let mut file = File::create(folder.join(path))?;
        // Recognisable content that is not the same in every file.
        let line = format!("{name} {path}\n");
        let lines = line.repeat(usize::try_from(bytes).unwrap_or(0) / line.len() + 1);
        file.write_all(&lines.as_bytes()[..usize::try_from(bytes).unwrap_or(0)])
    };
    sized("bin/program.exe", kib * 1024 * 6 / 10)?;
    sized("lib/core.dll", kib * 1024 * 3 / 10)?;
    for index in 0..40 {
        sized(&format!("share/part-{index:02}.dat"), kib * 1024 / 400)?;
    }
    sized("share/readme.txt", 4_310)?;
    sized("share/locale/de/messages.mo", 18_200)?;
    sized("share/locale/fr/messages.mo", 17_900)?;
    sized("COPYING", 35_147)?;
    Ok(folder.to_owned())
}
