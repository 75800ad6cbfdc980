//! A sealed package by its snapshot and registration info: payload below `data/`, tag files last.

use packhouse::package::manifest::{FileHashes, ManifestFile};
use packhouse::package::record::{PackageId, PackageType};
use packhouse::package::reginfo::RegInfo;
use packhouse::package::snapshot::{self, Snapshot};
use packhouse::package::{BlockSize, Manifest, PackageKey, Sha256Digest};
use packhouse::transfer::{DownloadState, Plan, PlanProblem, TagFile};

use crate::desk::{Outcome, noise, options, origin_of, same, start, until, web};

/// The snapshot and registration info of these files, as sealing writes them.
fn sealed(
    files: &[(String, Vec<u8>)],
) -> Result<(Snapshot, RegInfo, Vec<TagFile>), Box<dyn std::error::Error>> {
    let size = BlockSize::new(256 * 1024)?;
    let listed = files.iter().map(|(path, content)| ManifestFile {
        path: path.trim_start_matches("data/").to_owned(),
        size_bytes: content.len() as u64,
        executable: false,
        hashes: Some(FileHashes {
            file: Sha256Digest::of(content),
            blocks: content.chunks(256 * 1024).map(Sha256Digest::of).collect(),
        }),
    });
    let manifest = Manifest::from_files(size, listed.collect())?;
    let id = PackageId(uuid(7));
    let text = snapshot::write(id, &manifest).ok_or("no hashes")?;
    let mut info = RegInfo::new(
        id,
        PackageKey::new("Tool", "1.0")?,
        None,
        String::new(),
        PackageType::Msi,
        1,
        manifest.files().checksum(),
        Vec::new(),
        vec!["run.sh".into()],
    );
    info.sha256.insert("snapshot.meta4".into(), Sha256Digest::of(text.as_bytes()));
    let tags = vec![
        TagFile { path: "snapshot.meta4".into(), content: text.clone().into_bytes() },
        TagFile { path: "reginfo.json".into(), content: info.to_text().into_bytes() },
    ];
    Ok((snapshot::read(&text)?, info, tags))
}

fn uuid(number: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(number)
}

#[test]
fn a_package_arrives_below_data_with_its_tag_files_and_modes() -> Outcome {
    let files = vec![
        ("data/bin/big".to_owned(), noise(1, 700_000)),
        ("data/empty".to_owned(), Vec::new()),
        ("data/run.sh".to_owned(), noise(2, 30)),
    ];
    let (origin, dir) = (origin_of(&files), tempfile::tempdir()?);
    let (snapshot, info, tags) = sealed(&files)?;
    let plan = Plan::of_package(snapshot, &info, tags.clone())?;
    assert_eq!((plan.blocks(), plan.total_bytes()), (4, 700_030));
    let transfer = start(plan, options(dir.path(), vec![web(&origin)]));
    until(&transfer, DownloadState::Ready);
    same(dir.path(), &files);
    for tag in &tags {
        assert_eq!(std::fs::read(dir.path().join(&tag.path))?, tag.content, "{}", tag.path);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &str| {
            std::fs::metadata(dir.path().join(path)).map(|facts| facts.permissions().mode() & 0o777)
        };
        assert_eq!((mode("data/run.sh")?, mode("data/bin/big")?), (0o755, 0o644));
    }
    Ok(())
}

#[test]
fn a_tag_file_that_the_registration_info_does_not_name_so_is_refused() -> Outcome {
    let (snapshot, info, mut tags) = sealed(&[("data/a".to_owned(), noise(3, 10))])?;
    tags[0].content.push(b' ');
    let refused = Plan::of_package(snapshot, &info, tags).err();
    assert_eq!(refused, Some(PlanProblem::TagFile("snapshot.meta4".into())));
    Ok(())
}
