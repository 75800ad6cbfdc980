//! What strangers hand in: sources with things that are no files, and archives made to do harm. Through the doors a
//! front end uses; each is refused in bounded time and memory, and the library stays as it was.

use std::ffi::OsStr;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use packhouse::failure::Class;
use packhouse::session::{
    Archive, ArchiveRequest, ListPackages, Remove, Restore, RestoreSource, SaveGoodFiles, Session, Verify,
};

use crate::place::{Outcome, Place, ask, assert_sound, refused, register, seal, show, tree, wait_until};

/// Runs the command line as another program with bounded memory, and gives up on it after a minute.
fn cli<A: AsRef<OsStr>>(place: &Place, arguments: &[A]) -> Result<Output, Box<dyn std::error::Error>> {
    /// Address space in KiB: a build for tests with its threads, and the room that is promised for tag files.
    const MEMORY: &str = "ulimit -v 2500000; exec \"$@\"";
    let mut child = Command::new("sh")
        .args(["-c", MEMORY, "sh", env!("CARGO_BIN_EXE_packhouse-cli"), "--library"])
        .arg(place.root())
        .args(arguments)
        .env("PACKHOUSE_KEYS", place.path("keys"))
        .env("HOME", place.path("home"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let ended = wait_until(60, || child.try_wait().is_ok_and(|status| status.is_some()));
    if !ended {
        child.kill()?;
    }
    let output = child.wait_with_output()?;
    assert!(ended, "it hangs: {}", String::from_utf8_lossy(&output.stderr));
    Ok(output)
}

/// What the command line says of a refusal; it must be one of ours and no panic.
fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let code = output.status.code();
    assert!(matches!(code, Some(1..=4)), "{code:?}: {text}");
    assert!(
        text.contains("error[") && !text.contains("panicked") && !text.contains("program-error"),
        "{text}"
    );
    text
}

fn make(program: &str, arguments: &[&str], path: &Path) -> Outcome {
    // Arguments of mknod follow the path.
    let done = Command::new(program).arg(path).args(arguments).status()?;
    assert!(done.success(), "{program} {} needs root", path.display());
    Ok(())
}

#[test]
fn devices_pipes_and_sockets_are_all_listed_and_none_is_opened() -> Outcome {
    let place = Place::new()?;
    let session = place.open()?;
    let odd = place.source("Odd 1.0", &[("good", b"1"), ("below/also good", b"2")])?;
    make("mkfifo", &[], &odd.join("pipe"))?;
    make("mkfifo", &[], &odd.join("below/pipe"))?;
    make("mknod", &["c", "1", "7"], &odd.join("character"))?;
    make("mknod", &["b", "7", "200"], &odd.join("below/block"))?;
    let _socket = UnixListener::bind(odd.join("below/socket"))?;
    let text = said(&cli(&place, &[OsStr::new("register"), odd.as_os_str()])?);
    assert!(text.contains("source-refused"), "{text}");
    for name in ["pipe", "below/pipe", "character", "below/block", "below/socket"] {
        assert!(text.lines().any(|line| line.contains(&format!("{name}:"))), "{name} is not listed: {text}");
    }
    assert!(fs::symlink_metadata(odd.join("pipe"))?.file_type().is_fifo());
    // One of them as the source itself, beside a good one.
    for name in ["pipe", "character", "below/socket"] {
        for sources in [vec![odd.join(name)], vec![odd.join("good"), odd.join(name)]] {
            let mut arguments = vec![PathBuf::from("register")];
            arguments.extend(sources);
            arguments.extend(["--name", "Odd", "--version", "1"].map(PathBuf::from));
            let text = said(&cli(&place, &arguments)?);
            assert!(text.contains("source-refused"), "{name}: {text}");
        }
    }
    assert_eq!(ask(&session, ListPackages {})?.len(), 0);
    assert_sound(&session)
}

/// A pipe nobody writes to, in the place of each file that is read to find out what a folder is.
#[test]
fn pipes_in_the_place_of_tag_files_hold_nobody_up() -> Outcome {
    let place = Place::new()?;
    let session = place.open()?;
    let source = place.source("plain", &[("a", b"aaaa"), ("dir/b", b"b")])?;
    let id = register(&session, &source, "Tool", "1")?.id;
    seal(&session, id)?;
    let package = show(&session, id)?.folder;
    let names: Vec<_> = fs::read_dir(&package)?.flatten().map(|entry| entry.file_name()).collect();
    assert!(names.len() > 7, "{names:?}");
    for (number, name) in names.iter().filter(|name| *name != "data").enumerate() {
        let copy = place.path(&format!("copy {number}"));
        let copied = Command::new("cp").arg("-a").arg(&package).arg(&copy).status()?;
        assert!(copied.success());
        fs::remove_file(copy.join(name))?;
        make("mkfifo", &[], &copy.join(name))?;
        let verified = cli(&place, &[OsStr::new("verify"), copy.as_os_str()])?;
        assert!(matches!(verified.status.code(), Some(0 | 1 | 4)), "{name:?}: {verified:?}");
        // The library has this package, so a copy that is whole in every other way is refused for that.
        said(&cli(&place, &[OsStr::new("register"), copy.as_os_str()])?);
    }
    let pipe = place.path("pipe.tar.zst");
    make("mkfifo", &[], &pipe)?;
    for command in ["restore", "verify"] {
        let text = said(&cli(&place, &[OsStr::new(command), pipe.as_os_str()])?);
        assert!(text.contains("plain file"), "{command}: {text}");
    }
    // The same in the library itself: a stranger's pipe in a package folder.
    fs::remove_file(package.join("notes.json"))?;
    make("mkfifo", &[], &package.join("notes.json"))?;
    cli(&place, &["check", "Tool@1", "--deep"])?;
    said(&cli(
        &place,
        &[OsStr::new("export"), OsStr::new("Tool@1"), OsStr::new("--to"), place.path("out").as_os_str()],
    )?);
    Ok(())
}

#[test]
fn a_link_in_the_place_of_data_is_refused_like_any_link() -> Outcome {
    let place = Place::new()?;
    let session = place.open()?;
    let secret = place.source("secret", &[("private", b"not for anybody")])?;
    let source = place.source("plain", &[("a", b"aaaa")])?;
    let id = register(&session, &source, "Tool", "1")?.id;
    let package = show(&session, id)?.folder;
    for tag in ["reginfo.json", "bagit.txt"] {
        let copy = place.source(&format!("Linked {tag}"), &[])?;
        if tag == "bagit.txt" {
            fs::write(copy.join(tag), "BagIt-Version: 0.97\nTag-File-Character-Encoding: UTF-8\n")?;
        } else {
            fs::copy(package.join(tag), copy.join(tag))?;
        }
        std::os::unix::fs::symlink(&secret, copy.join("data"))?;
        let failure = refused(register(&session, &copy, "Linked", "1"));
        assert_eq!(failure.code, "source-refused", "{failure:?}");
        assert!(failure.details.iter().any(|line| line.starts_with("data:")), "{failure:?}");
    }
    Ok(())
}

#[test]
fn tag_files_of_any_length_take_bounded_memory() -> Outcome {
    let place = Place::new()?;
    drop(place.open()?);
    for name in ["reginfo.json", "reginfo.json.minisig", "notes.json", "bagit.txt", "bag-info.txt"] {
        let folder = place.source(&format!("Long {}", name.replace('.', " ")), &[("data/a", b"1")])?;
        if name != "bagit.txt" && name != "reginfo.json" {
            fs::write(folder.join("bagit.txt"), "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")?;
        }
        // Far more than there is memory for; holes cost no disk.
        fs::File::create(folder.join(name))?.set_len(1 << 40)?;
        let verified = cli(&place, &[OsStr::new("verify"), folder.as_os_str()])?;
        assert!(matches!(verified.status.code(), Some(1 | 4)), "{name}: {verified:?}");
        if name != "notes.json" {
            said(&cli(&place, &[OsStr::new("register"), folder.as_os_str()])?);
        }
    }
    Ok(())
}

/// A sealed package of the library, archived and then removed from it: its archive is whole and its key trusted.
struct Honest {
    place: Place,
    session: Session,
    archive: PathBuf,
    /// The tar within, and where its `data/` begins.
    tar: Vec<u8>,
    data: usize,
}

impl Honest {
    fn new() -> Result<Self, Box<dyn std::error::Error>> {
        let place = Place::new()?;
        let session = place.open()?;
        let source = place.source("source", &[("a", b"aaaa"), ("dir/b", b"b")])?;
        let id = register(&session, &source, "p", "1")?.id;
        seal(&session, id)?;
        let request = ArchiveRequest { folder: place.path("archives"), comment: String::new() };
        let archive = ask(&session, Archive { package: id, request })?.file;
        ask(&session, Remove { package: id })?;
        ask(&session, packhouse::session::EmptyTrash {})?;
        let mut tar = Vec::new();
        zstd::Decoder::new(fs::File::open(&archive)?)?.read_to_end(&mut tar)?;
        let data =
            tar.chunks(512).position(|block| block.starts_with(b"p-1/data/\0")).ok_or("no data/")? * 512;
        Ok(Self { place, session, archive, tar, data })
    }

    /// The archive with `extra` put in before its data, and at its end.
    fn with(&self, extra: &[u8], at_the_end: bool) -> Result<PathBuf, Box<dyn std::error::Error>> {
        let end = self.tar.len() - 1024;
        let at = if at_the_end { end } else { self.data };
        let tar = [&self.tar[..at], extra, &self.tar[at..]].concat();
        let file = self.place.path("hostile.tar.zst");
        fs::write(&file, zstd::encode_all(tar.as_slice(), 1)?)?;
        Ok(file)
    }

    /// Restores through the other program. Restored or refused, nothing may be outside and the library is sound.
    fn restore(&self, file: &Path, what: &str) -> Outcome {
        // The library itself is not looked into: closing its database here would take the locks of the session.
        let outside = |place: &Place| -> std::io::Result<Vec<std::ffi::OsString>> {
            let mut names: Vec<_> = fs::read_dir(place.path(""))?
                .map(|entry| Ok(entry?.file_name()))
                .collect::<Result<_, std::io::Error>>()?;
            names.retain(|name| name != "home");
            names.sort();
            Ok(names)
        };
        let before = outside(&self.place)?;
        let output = cli(&self.place, &[OsStr::new("restore"), file.as_os_str()])?;
        if output.status.success() {
            let package = ask(&self.session, ListPackages {})?.pop();
            let package = package.ok_or_else(|| format!("{what}: it said that it restored: {output:?}"))?;
            let data = show(&self.session, package.id)?.folder.join("data");
            assert_eq!(tree(&data)?.into_keys().collect::<Vec<_>>(), ["a", "dir/b"], "{what}");
            assert_sound(&self.session)?;
            ask(&self.session, Remove { package: package.id })?;
            ask(&self.session, packhouse::session::EmptyTrash {})?;
        } else {
            said(&output);
        }
        assert_eq!(outside(&self.place)?, before, "{what}: something was written outside");
        assert_sound(&self.session)?;
        let verified = cli(&self.place, &[OsStr::new("verify"), file.as_os_str()])?;
        assert!(matches!(verified.status.code(), Some(0 | 1)), "{what}: {verified:?}");
        Ok(())
    }
}

fn member(name: &str, kind: tar::EntryType, link: &str, claimed: u64) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(claimed);
    header.set_cksum();
    header.as_bytes().to_vec()
}

#[test]
fn a_trusted_archive_with_strange_members_added_writes_nothing_else() -> Outcome {
    use tar::EntryType::{Char, Directory, Fifo, Link, Regular, Symlink};
    let honest = Honest::new()?;
    honest.restore(&honest.archive, "untouched")?;
    let library = honest.place.root().join("catalog.db").display().to_string();
    for (kind, name, link, claimed) in [
        (Regular, "../evil", "", 0),
        (Regular, "/tmp/packhouse-evil", "", 0),
        (Regular, "p-1/../../evil", "", 0),
        (Regular, "p-1/data/../../../evil", "", 0),
        (Regular, "p-1/data/evil", "", 0),
        (Regular, "p-1/data/a", "", 0),
        (Regular, "p-1/evil", "", 1 << 40),
        (Regular, "p-1/data/evil", "", 1 << 40),
        (Symlink, "p-1/data", "/tmp", 0),
        (Symlink, "p-1/data/dir", "/tmp", 0),
        (Symlink, "p-1/data/evil", "../../../../evil", 0),
        (Link, "p-1/data/evil", &library, 0),
        (Directory, "p-1/data/a", "", 0),
        (Char, "p-1/data/evil", "", 0),
        (Fifo, "p-1/data/a", "", 0),
    ] {
        for at_the_end in [false, true] {
            let what = format!("{kind:?} {name} -> {link}, {claimed} bytes, at the end: {at_the_end}");
            let file = honest.with(&member(name, kind, link, claimed), at_the_end)?;
            honest.restore(&file, &what)?;
        }
    }
    assert!(!Path::new("/tmp/packhouse-evil").exists());
    Ok(())
}

/// A frame whose header says that it unpacks to `told` bytes, and then has nothing.
fn lying_frame(told: u64) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0xc0, 0x58];
    frame.extend_from_slice(&told.to_le_bytes());
    // One last, empty, raw block.
    frame.extend_from_slice(&[1, 0, 0]);
    frame
}

/// A frame of `bytes` zeros.
fn zeros(bytes: u64) -> std::io::Result<Vec<u8>> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1)?;
    std::io::copy(&mut std::io::repeat(0).take(bytes), &mut encoder)?;
    encoder.finish()
}

#[test]
fn archive_bombs_are_refused_in_bounded_time_and_memory() -> Outcome {
    let honest = Honest::new()?;
    let (place, session) = (&honest.place, &honest.session);
    let mut bombs: Vec<(&str, Vec<u8>)> = vec![
        ("a frame that tells of 1 TiB", lying_frame(1 << 40)),
        ("a thousand such frames", lying_frame(1 << 40).repeat(1000)),
        ("a frame that tells of all there is", lying_frame(u64::MAX)),
    ];
    let whole = fs::read(&honest.archive)?;
    bombs.push(("a whole archive and then 1 TiB", [whole.clone(), lying_frame(1 << 40)].concat()));
    // 64 GiB in truth, of a few hundred KiB.
    bombs.push(("frames of zeros", zeros(1 << 28)?.repeat(256)));
    bombs.push(("a whole archive and then zeros", [whole, zeros(1 << 28)?.repeat(256)].concat()));
    let mut header = member("p-1/reginfo.json", tar::EntryType::Regular, "", 1 << 40);
    bombs.push(("a tag file of 1 TiB", [zstd::encode_all(header.as_slice(), 1)?, zeros(1 << 28)?].concat()));
    // Two million empty members before any data.
    header = member("p-1/x", tar::EntryType::Regular, "", 0);
    let members = zstd::encode_all(header.repeat(1 << 12).as_slice(), 1)?;
    bombs.push(("millions of tag files", members.repeat(1 << 9)));
    header = member("p-1/data/x", tar::EntryType::Regular, "", 0);
    let members = zstd::encode_all(header.repeat(1 << 12).as_slice(), 1)?;
    let front = zstd::encode_all(&honest.tar[..honest.data], 1)?;
    bombs.push(("millions of files behind an honest front", [front, members.repeat(1 << 9)].concat()));
    // Long names that say how long they are: a record of 1 GiB.
    header = member("././@LongLink", tar::EntryType::GNULongName, "", 1 << 30);
    bombs.push(("a name of 1 GiB", [zstd::encode_all(header.as_slice(), 1)?, zeros(1 << 30)?].concat()));
    for (what, bytes) in bombs {
        let file = place.path("bomb.tar.zst");
        fs::File::create(&file)?.write_all(&bytes)?;
        honest.restore(&file, what)?;
        let to = place.path("saved");
        let request = SaveGoodFiles { source: RestoreSource::File(file.clone()), to: to.clone() };
        if ask(session, request).is_ok() {
            assert!(tree(&to)?.len() <= 3, "{what}: {:?}", tree(&to)?);
        }
        let _ = fs::remove_dir_all(to);
        // To registering it is a file like any other.
        let taken =
            register(session, &file, "Bomb", "1").map_err(|failure| format!("{what}: {failure:?}"))?;
        assert_eq!((taken.checksum.files, taken.checksum.size_bytes), (1, bytes.len() as u64));
        ask(session, Remove { package: taken.id })?;
        ask(session, packhouse::session::EmptyTrash {})?;
    }
    honest.restore(&honest.archive, "the honest one, after all of them")
}

#[test]
fn what_is_no_archive_of_ours_is_said_to_be_none() -> Outcome {
    let honest = Honest::new()?;
    let file = honest.place.path("other.tar.zst");
    let refuse = |bytes: &[u8]| -> Result<&'static str, Box<dyn std::error::Error>> {
        fs::write(&file, bytes)?;
        let failure = refused(ask(&honest.session, Restore { source: RestoreSource::File(file.clone()) }));
        assert!(matches!(failure.class, Class::No | Class::Refused), "{failure:?}");
        let judged = ask(&honest.session, Verify { path: file.clone(), trust: Vec::new() })?;
        assert!(!judged.valid && !judged.errors.is_empty(), "{judged:?}");
        Ok(failure.code)
    };
    let plain = member("p-1/readme", tar::EntryType::Regular, "", 0);
    assert_eq!(refuse(&zstd::encode_all([plain, vec![0; 1024]].concat().as_slice(), 1)?)?, "no-reginfo");
    assert_eq!(refuse(b"")?, "not-an-archive");
    assert_eq!(refuse(&[0x28; 100])?, "not-an-archive");
    // Somebody else's signature: every byte as it was but one of the registration info.
    let mut tar = honest.tar.clone();
    let at = tar.windows(9).position(|window| window == b"\"version\"").ok_or("it has a version")?;
    tar[at + 1] = b'V';
    assert_eq!(refuse(&zstd::encode_all(tar.as_slice(), 1)?)?, "seal-broken");
    assert_sound(&honest.session)
}
