//! Listing folder trees: order, what is refused, what cannot be read.

use std::error::Error;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use packhouse::library::scan::{Links, RefusedEntry, Scan, ScanError, scan_files, scan_source};
use packhouse::package::path::PathProblem;
use packhouse::work::Work;

type Outcome = Result<(), Box<dyn Error>>;

fn paths(scan: &Scan) -> Vec<String> {
    scan.files.iter().map(|f| f.path.to_owned()).collect()
}

fn put(root: &Path, path: &str, bytes: usize) -> Outcome {
    let path = root.join(path);
    fs::create_dir_all(path.parent().ok_or("a path below the root")?)?;
    Ok(fs::write(path, vec![b'.'; bytes])?)
}

#[test]
fn tricky_siblings_come_in_path_byte_order() -> Outcome {
    let dir = tempfile::tempdir()?;
    let all = [
        "a/x",
        "a.b",
        "a-b",
        "a b/y",
        "a0",
        "a/x.y/z",
        "a/x y",
        "abcdefgh/1",
        "abcdefgh.1",
        "abcdefgh-1/2",
        "abcdefghi/1",
        "abcdefgh0",
        "Z",
        "z",
        "é",
        "😀/1",
        "ｚ",
    ];
    for (size, path) in all.iter().enumerate() {
        put(dir.path(), path, size)?;
    }
    let mut expected: Vec<String> = all.iter().map(|p| (*p).to_owned()).collect();
    expected.sort();
    for scan in [scan_files(dir.path(), &Work::new())?, scan_source(dir.path(), Links::Refuse, &Work::new())?]
    {
        assert_eq!(paths(&scan), expected);
        for file in scan.files.iter() {
            assert_eq!(all[file.size_bytes as usize], file.path);
        }
    }
    Ok(())
}

#[test]
fn the_list_is_what_find_prints() -> Outcome {
    let root = "/usr/share";
    let output = Command::new("find").args([root, "-type", "f", "-printf", "%s %P\\0"]).output()?;
    let mut expected: Vec<(Vec<u8>, u64)> = Vec::new();
    for line in output.stdout.split(|b| *b == 0).filter(|l| !l.is_empty()) {
        let at = line.iter().position(|b| *b == b' ').ok_or("find prints a size")?;
        expected.push((line[at + 1..].to_vec(), std::str::from_utf8(&line[..at])?.parse()?));
    }
    expected.sort();
    let scan = scan_files(Path::new(root), &Work::new())?;
    // Names a package refuses are files to find.
    let refused = |path: &[u8]| {
        scan.refused.iter().any(|(shown, _)| {
            let path = String::from_utf8_lossy(path);
            path == *shown || path.starts_with(&format!("{shown}/"))
        })
    };
    let (listed, left): (Vec<_>, Vec<_>) = expected
        .into_iter()
        .partition(|(path, _)| scan.files.position(&String::from_utf8_lossy(path)).is_some());
    assert!(left.iter().all(|(path, _)| refused(path)), "{left:?}");
    let ours: Vec<(Vec<u8>, u64)> =
        scan.files.iter().map(|f| (f.path.as_bytes().to_vec(), f.size_bytes)).collect();
    assert!(ours.len() > 1000);
    assert_eq!(ours, listed);
    Ok(())
}

#[test]
fn everything_refused_is_listed_at_once() -> Outcome {
    let dir = tempfile::tempdir()?;
    let root = dir.path();
    put(root, "good", 1)?;
    put(root, "sub/line\nbreak", 1)?;
    put(root, "sub/end ", 1)?;
    put(root, "x%0Ay/inside", 1)?;
    symlink("good", root.join("link"))?;
    symlink("sub", root.join("link to folder"))?;
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket"))?;
    assert!(Command::new("mkfifo").arg(root.join("fifo")).status()?.success());
    fs::write(root.join(OsStr::from_bytes(b"bad\xff")), "")?;
    let expected = [
        ("bad\\xFF", RefusedEntry::Path(PathProblem::NotUtf8)),
        ("fifo", RefusedEntry::Fifo),
        ("link", RefusedEntry::SymbolicLink),
        ("link to folder", RefusedEntry::SymbolicLink),
        ("socket", RefusedEntry::Socket),
        ("sub/end ", RefusedEntry::Path(PathProblem::TrailingSpace)),
        ("sub/line\nbreak", RefusedEntry::Path(PathProblem::Control)),
        ("x%0Ay", RefusedEntry::Path(PathProblem::EncodedLineEnd)),
    ];
    let expected: Vec<_> = expected.map(|(path, why)| (path.to_owned(), why)).into();
    for scan in [scan_files(root, &Work::new())?, scan_source(root, Links::Refuse, &Work::new())?] {
        assert_eq!(scan.refused, expected);
        assert_eq!(paths(&scan), ["good"]);
    }
    let skipped = scan_source(root, Links::Skip, &Work::new())?;
    assert_eq!((skipped.skipped_links, skipped.refused.len()), (2, 6));
    let devices = scan_files(Path::new("/dev"), &Work::new())?;
    assert!(devices.refused.contains(&("null".to_owned(), RefusedEntry::Device)));
    Ok(())
}

#[test]
fn links_are_copied_inside_the_source_only() -> Outcome {
    let dir = tempfile::tempdir()?;
    let root = dir.path().join("source");
    put(&root, "real/file", 3)?;
    put(dir.path(), "outside", 1)?;
    symlink("real", root.join("again"))?;
    symlink("real/file", root.join("alias"))?;
    symlink("../outside", root.join("out"))?;
    symlink("nowhere", root.join("broken"))?;
    symlink("..", root.join("real/loop"))?;
    symlink("self", root.join("self"))?;
    let scan = scan_source(&root, Links::Copy, &Work::new())?;
    assert_eq!(paths(&scan), ["again/file", "alias", "real/file"]);
    assert!(scan.files.iter().all(|f| f.size_bytes == 3));
    let expected = [
        ("again/loop", RefusedEntry::LinkLoop),
        ("broken", RefusedEntry::LinkBroken),
        ("out", RefusedEntry::LinkOutside),
        ("real/loop", RefusedEntry::LinkLoop),
        ("self", RefusedEntry::LinkBroken),
    ];
    assert_eq!(scan.refused, expected.map(|(path, why)| (path.to_owned(), why)));
    Ok(())
}

#[test]
fn links_that_multiply_come_to_an_end() -> Outcome {
    let dir = tempfile::tempdir()?;
    for level in 0..6 {
        fs::create_dir(dir.path().join(level.to_string()))?;
        for link in 0..10 {
            let target = format!("../{}", level + 1);
            symlink(target, dir.path().join(format!("{level}/l{link}")))?;
        }
    }
    put(dir.path(), "6/file", 1)?;
    let scan = scan_source(dir.path(), Links::Copy, &Work::new())?;
    assert!(scan.refused.iter().any(|(_, why)| *why == RefusedEntry::TooManyLinks));
    Ok(())
}

#[test]
fn an_unreadable_folder_is_one_entry_and_the_rest_is_listed() -> Outcome {
    const TREE: &str = "PACKHOUSE_TEST_TREE";
    if let Some(tree) = std::env::var_os(TREE) {
        let scan = scan_files(Path::new(&tree), &Work::new())?;
        assert_eq!(paths(&scan), ["a", "z/file"]);
        assert_eq!(scan.unreadable.len(), 1);
        assert_eq!(scan.unreadable[0].path, "closed");
        assert_eq!(scan.unreadable[0].reason, "Permission denied");
        let closed = scan_files(&Path::new(&tree).join("closed"), &Work::new());
        assert!(matches!(closed, Err(ScanError::Unreadable(_))));
        return Ok(());
    }
    let dir = tempfile::tempdir()?;
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755))?;
    let tree = dir.path().join("tree");
    for path in ["a", "closed/1", "closed/below/2", "z/file"] {
        put(&tree, path, 1)?;
    }
    fs::set_permissions(tree.join("closed"), fs::Permissions::from_mode(0o000))?;
    // Root reads everything, so the look is taken by a copy of this test under another user.
    let copy = dir.path().join("as-nobody");
    fs::copy(std::env::current_exe()?, &copy)?;
    let mut command = Command::new(&copy);
    command
        .args(["--exact", "scan::an_unreadable_folder_is_one_entry_and_the_rest_is_listed"])
        .env(TREE, &tree);
    if rustix::process::geteuid().is_root() {
        command.uid(65534).gid(65534);
    }
    let output = command.current_dir("/").output()?;
    fs::set_permissions(tree.join("closed"), fs::Permissions::from_mode(0o700))?;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    Ok(())
}

#[test]
fn a_deep_tree_ends_where_paths_do() -> Outcome {
    let dir = tempfile::tempdir()?;
    put(dir.path(), "top", 1)?;
    // 3,000 levels, made step by step: no path of this length can be given to the system at once.
    use rustix::fs::{Mode, OFlags, mkdirat, openat};
    let (folder, all) = (OFlags::RDONLY | OFlags::DIRECTORY, Mode::from(0o755));
    let mut at = openat(rustix::fs::CWD, dir.path(), folder, all)?;
    for _ in 0..3000 {
        mkdirat(&at, "d", all)?;
        at = openat(&at, "d", folder, all)?;
        openat(&at, "f", OFlags::CREATE | OFlags::WRONLY, all)?;
    }
    let scan = scan_files(dir.path(), &Work::new())?;
    let longest = scan.files.iter().map(|f| f.path.len()).max();
    assert_eq!(longest, Some(4095));
    assert_eq!(
        scan.files.len(),
        2048,
        "2,047 levels have a file with a path of at most 4,096 bytes, and top"
    );
    assert!(scan.refused.iter().any(|(_, why)| *why == RefusedEntry::Path(PathProblem::TooLong)));
    assert!(scan.unreadable.is_empty());
    assert!(Command::new("rm").arg("-rf").arg(dir.path().join("d")).status()?.success());
    Ok(())
}

#[test]
fn a_folder_of_50_000_files_is_listed_in_order() -> Outcome {
    let dir = tempfile::tempdir()?;
    for n in 0..50_000 {
        fs::write(dir.path().join(format!("{n}")), "")?;
    }
    put(dir.path(), "folder/x", 7)?;
    let scan = scan_source(dir.path(), Links::Refuse, &Work::new())?;
    let mut expected: Vec<String> = (0..50_000).map(|n| n.to_string()).collect();
    expected.push("folder/x".to_owned());
    expected.sort();
    assert_eq!(paths(&scan), expected);
    assert_eq!((scan.stamps.len(), scan.executable.len()), (50_001, 50_001));
    use std::os::unix::fs::MetadataExt as _;
    for index in [0, 777, 50_000] {
        let inode = fs::metadata(dir.path().join(scan.files.path(index)))?.ino();
        assert_eq!(scan.stamps[index].inode, inode);
    }
    Ok(())
}

#[test]
fn empty_folders_and_executables_are_seen() -> Outcome {
    let dir = tempfile::tempdir()?;
    put(dir.path(), "bin/run", 1)?;
    put(dir.path(), "bin/data", 1)?;
    fs::set_permissions(dir.path().join("bin/run"), fs::Permissions::from_mode(0o744))?;
    fs::create_dir_all(dir.path().join("empty/in/empty"))?;
    fs::create_dir(dir.path().join("bin/none"))?;
    let scan = scan_source(dir.path(), Links::Refuse, &Work::new())?;
    assert_eq!(scan.empty_folders, 4);
    assert_eq!(
        (paths(&scan), scan.executable),
        (vec!["bin/data".into(), "bin/run".into()], vec![false, true])
    );
    Ok(())
}

#[test]
fn the_root_itself_and_cancel_are_errors() -> Outcome {
    let dir = tempfile::tempdir()?;
    put(dir.path(), "file", 1)?;
    let work = Work::new();
    assert!(matches!(scan_files(&dir.path().join("none"), &work), Err(ScanError::Missing)));
    assert!(matches!(scan_files(&dir.path().join("file"), &work), Err(ScanError::NotAFolder)));
    work.cancel();
    assert!(matches!(scan_files(dir.path(), &work), Err(ScanError::Cancelled(_))));
    Ok(())
}
