//! What a source's installer says is proposed, with where it comes from; and procedures that run it without questions.

use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::process::Command;

use packhouse::package::procedure::{ExitMeaning, Task};
use packhouse::package::record::{ListedProcedure, PackageType};
use packhouse::session::{Links, Preview, Register, RegisterRequest, SourcePreview};

use crate::place::{Outcome, Place, ask, put};
use crate::support::tool;

fn msi(properties: &[(&str, &str)]) -> std::io::Result<Vec<u8>> {
    let mut package = msi::Package::create(msi::PackageType::Installer, Cursor::new(Vec::new()))?;
    let columns = vec![
        msi::Column::build("Property").primary_key().id_string(72),
        msi::Column::build("Value").text_string(0),
    ];
    package.create_table("Property", columns)?;
    let rows = properties.iter().map(|(name, value)| vec![msi::Value::from(*name), msi::Value::from(*value)]);
    package.insert_rows(msi::Insert::into("Property").rows(rows.collect()))?;
    Ok(package.into_inner()?.into_inner())
}

fn preview(place: &Place, source: &Path) -> Result<SourcePreview, Box<dyn std::error::Error>> {
    Ok(ask(&place.open()?, Preview { sources: vec![source.to_owned()], links: Links::Refuse })?)
}

fn line(listed: &ListedProcedure) -> String {
    format!("{} {}", listed.procedure.program, listed.procedure.arguments.join(" "))
}

#[test]
fn an_msi_proposes_name_version_supplier_and_how_it_is_installed() -> Outcome {
    let place = Place::new()?;
    let code = "{23170F69-40C1-2702-2409-000001000000}";
    let source = place.source("some download", &[("readme.txt", b"read me")])?;
    let content = msi(&[
        ("ProductName", "7-Zip 24.09"),
        ("ProductVersion", "24.09"),
        ("Manufacturer", "Igor Pavlov"),
        ("ProductCode", code),
    ])?;
    put(&source, "x64/7z2409.msi", &content)?;
    put(&source, "small.exe", b"MZ")?;
    let seen = preview(&place, &source)?;
    for (field, value) in [(&seen.name, "7-Zip"), (&seen.version, "24.09"), (&seen.supplier, "Igor Pavlov")] {
        assert_eq!((field.value.as_str(), field.from), (value, "the MSI properties"));
    }
    assert_eq!((seen.installer.as_str(), seen.package_type), ("x64/7z2409.msi", PackageType::Msi));
    let lines: Vec<String> = seen.procedures.iter().map(line).collect();
    assert_eq!(
        lines,
        [
            "system:msiexec /i x64/7z2409.msi /qn /norestart".to_owned(),
            format!("msiexec /x {code} /qn /norestart")
        ]
    );
    let install = &seen.procedures[0].procedure;
    assert_eq!((install.task, seen.procedures[1].procedure.task), (Task::Install, Task::Uninstall));
    let meanings = [0, 1641, 3010, 1618, 1603].map(|code| install.meaning_of(code));
    assert_eq!(&meanings[..3], [ExitMeaning::Ok, ExitMeaning::OkRestart, ExitMeaning::OkRestart]);
    assert!(matches!(meanings[3], ExitMeaning::TryAgain { .. }) && meanings[4] == ExitMeaning::Error);

    let external = seen.procedures.iter().map(|listed| listed.procedure.external);
    assert!(external.eq([false, true]), "what installs a file of the package is checked before it");

    // What was proposed can be registered as it stands.
    let mut request = RegisterRequest::new(vec![source]);
    (request.name, request.version) = (Some(seen.name.value), Some(seen.version.value));
    request.procedures = Some(seen.procedures);
    let record = ask(&place.open()?, Register { request })?.record;
    assert_eq!((record.key.to_string().as_str(), record.procedures.len()), ("7-Zip@24.09", 2));
    Ok(())
}

#[test]
fn a_package_of_dpkg_is_read() -> Outcome {
    let dpkg = tool("dpkg-deb", "apt-get install dpkg");
    let place = Place::new()?;
    for packing in ["xz", "gzip", "zstd", "none"] {
        let tree = place.path(&format!("tree {packing}"));
        let control = "Package: hello-world\nVersion: 1:2.10-3\nArchitecture: all\n\
                       Maintainer: Jane Doe <jane@example.org>\nDescription: says hello\n";
        put(&tree, "DEBIAN/control", control.as_bytes())?;
        put(&tree, "usr/share/hello", b"hello")?;
        let source = place.source(&format!("Folder 9.9 {packing}"), &[])?;
        let made = Command::new(&dpkg)
            .args(["--root-owner-group", "--uniform-compression", &format!("-Z{packing}"), "-b"])
            .args([&tree, &source.join("hello.deb")])
            .output()?;
        assert!(made.status.success(), "{packing}: {made:?}");
        let seen = preview(&place, &source)?;
        let told =
            [&seen.name, &seen.version, &seen.supplier].map(|field| (field.value.as_str(), field.from));
        let from = "the DEB control file";
        assert_eq!(told, [("hello-world", from), ("2.10-3", from), ("Jane Doe", from)], "{packing}");
        let lines: Vec<String> = seen.procedures.iter().map(line).collect();
        assert_eq!(lines, ["system:apt-get install -y ./hello.deb", "apt-get remove -y hello-world"]);
        assert!(seen.procedures.iter().all(|listed| listed.procedure.exit_codes.is_empty()));
    }
    Ok(())
}

#[test]
fn what_says_nothing_leaves_the_name_of_the_folder() -> Outcome {
    let place = Place::new()?;
    let source = place.source("Tool 1.2", &[("setup.exe", b"MZ no program"), ("a.msi", b"no database")])?;
    let seen = preview(&place, &source)?;
    assert_eq!((seen.name.value.as_str(), seen.name.from), ("Tool", "the folder name"));
    assert_eq!((seen.version.value.as_str(), seen.supplier.value.as_str()), ("1.2", ""));
    assert_eq!(seen.procedures.len(), 1, "an .msi can be installed even so");
    // A name that no folder can have is not proposed.
    fs::write(source.join("a.msi"), msi(&[("ProductName", "a/b"), ("ProductVersion", "3.0")])?)?;
    let seen = preview(&place, &source)?;
    assert_eq!((seen.name.value.as_str(), seen.name.from), ("Tool", "the folder name"));
    assert_eq!((seen.version.value.as_str(), seen.version.from), ("3.0", "the MSI properties"));
    Ok(())
}

#[test]
fn an_msix_and_an_rpm_propose_as_much() -> Outcome {
    let place = Place::new()?;
    let manifest = r#"<Package><Identity Name="Contoso.Tool" Version="3.2.1.0" Publisher="CN=Contoso"/>
        <Properties><DisplayName>Contoso Tool</DisplayName></Properties></Package>"#;
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("AppxManifest.xml", zip::write::SimpleFileOptions::default())?;
    std::io::Write::write_all(&mut writer, manifest.as_bytes())?;
    let msix = writer.finish()?.into_inner();
    let source = place.source("msix", &[("it's.msix", &msix)])?;
    let seen = preview(&place, &source)?;
    for (field, value) in
        [(&seen.name, "Contoso Tool"), (&seen.version, "3.2.1.0"), (&seen.supplier, "Contoso")]
    {
        assert_eq!((field.value.as_str(), field.from), (value, "the MSIX manifest"));
    }
    let lines: Vec<String> = seen.procedures.iter().map(line).collect();
    let shell = "powershell -NoProfile -NonInteractive -Command";
    assert_eq!(
        lines,
        [
            format!("system:{shell} Add-AppxPackage -Path './it''s.msix'"),
            format!("{shell} Get-AppxPackage -Name 'Contoso.Tool' | Remove-AppxPackage"),
        ]
    );
    let request = RegisterRequest { procedures: Some(seen.procedures), ..RegisterRequest::new(vec![source]) };
    let request = RegisterRequest { name: Some("Tool".into()), version: Some("1".into()), ..request };
    assert_eq!(ask(&place.open()?, Register { request })?.record.procedures.len(), 2);

    // A package as rpmbuild writes it: lead, signature, header.
    let rpmbuild = tool("rpmbuild", "apt-get install rpm");
    let spec = place.path("hello.spec");
    fs::write(
        &spec,
        "Name: hello-world\nVersion: 2.10\nRelease: 3\nSummary: says hello\nLicense: MIT\nVendor: Jane Doe\n\
         BuildArch: noarch\n%description\nsays hello\n%files\n",
    )?;
    let top = place.path("rpm");
    let made = Command::new(&rpmbuild)
        .args(["-bb", "--define", &format!("_topdir {}", top.display()), "--quiet"])
        .arg(&spec)
        .output()?;
    assert!(made.status.success(), "{made:?}");
    let built = fs::read(top.join("RPMS/noarch/hello-world-2.10-3.noarch.rpm"))?;
    let source = place.source("rpm source", &[("hello.rpm", &built)])?;
    let seen = preview(&place, &source)?;
    for (field, value) in
        [(&seen.name, "hello-world"), (&seen.version, "2.10-3"), (&seen.supplier, "Jane Doe")]
    {
        assert_eq!((field.value.as_str(), field.from), (value, "the RPM header"));
    }
    let lines: Vec<String> = seen.procedures.iter().map(line).collect();
    assert_eq!(lines, ["system:rpm -U ./hello.rpm", "rpm -e hello-world"]);
    Ok(())
}
