//! Writing and checking an archive of 1 GiB of mixed files against `tar -c | zstd -T0 -3` and `zstd -t`.
//!
//! `cargo bench --bench archive [-- FOLDER]`: FOLDER is where the files are made, best a memory file system.
//! Prints medians of five and their ratios; all measured alternately in this one run.

#![expect(clippy::print_stdout, reason = "a benchmark tells its figures")]

use std::error::Error;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use packhouse::archive_file::{ArchiveContents, ArchiveReader, write_archive};
use packhouse::package::manifest::{FileHashes, ManifestFile};
use packhouse::package::{BlockSize, Manifest, Sha256Digest};
use packhouse::work::Work;

const ROUNDS: usize = 5;
const TOTAL_BYTES: usize = 1 << 30;
const MIB: f64 = 1024.0 * 1024.0;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let folder = match arguments.first() {
        Some(folder) => tempfile::tempdir_in(folder)?,
        None => tempfile::tempdir()?,
    };
    let root = folder.path();
    let manifest = make_files(&root.join("data"))?;
    let (ours, theirs, restored) = (root.join("ours.tar.zst"), root.join("theirs.tar.zst"), root.join("out"));
    let mut times: [Vec<Duration>; 6] = Default::default();
    for _ in 0..ROUNDS {
        times[0].push(timed(|| {
            let data = root.join("data");
            let contents = ArchiveContents::new("bench-1", &[], &data, &manifest);
            write_archive(&File::create(&ours)?, &contents, &Work::new())?;
            Ok(())
        })?);
        times[1].push(timed(|| peer(root, &theirs))?);
        times[2].push(timed(|| {
            let damage = ArchiveReader::open(&ours)?.check("bench-1", &manifest, &Work::new())?;
            if damage.is_flawless() { Ok(()) } else { Err(format!("{damage:?}").into()) }
        })?);
        times[3].push(timed(|| run(Command::new("zstd").arg("-tq").arg(&theirs)))?);
        times[4].push(timed(|| {
            let damage =
                ArchiveReader::open(&ours)?.extract(&restored, "bench-1", &manifest, &Work::new())?;
            if damage.is_flawless() { Ok(()) } else { Err(format!("{damage:?}").into()) }
        })?);
        fs::remove_dir_all(&restored)?;
        fs::create_dir(&restored)?;
        times[5].push(timed(|| {
            run(Command::new("tar").arg("--zstd").arg("-xf").arg(&theirs).arg("-C").arg(&restored))
        })?);
        fs::remove_dir_all(&restored)?;
    }
    let medians = times.map(median);
    let bytes = manifest.files().total_bytes() as f64;
    println!("{} files, {:.0} MiB", manifest.len(), bytes / MIB);
    let names = [
        ("write", "tar -c | zstd -T0 -3"),
        ("check (SHA-256 of every block)", "zstd -t"),
        ("extract and check", "tar --zstd -xf"),
    ];
    for (pair, (own, peer)) in medians.chunks_exact(2).zip(names) {
        let rate = |time: Duration| bytes / MIB / time.as_secs_f64();
        println!(
            "{own}: {:.3} s, {:.0} MiB/s; {peer}: {:.3} s, {:.0} MiB/s; time ratio {:.2}",
            pair[0].as_secs_f64(),
            rate(pair[0]),
            pair[1].as_secs_f64(),
            rate(pair[1]),
            pair[0].as_secs_f64() / pair[1].as_secs_f64()
        );
    }
    let (own, peer) = (fs::metadata(&ours)?.len() as f64, fs::metadata(&theirs)?.len() as f64);
    println!("size: {:.1} MiB; {:.1} MiB; size ratio {:.3}", own / MIB, peer / MIB, own / peer);
    Ok(())
}

fn timed(work: impl FnOnce() -> Result<(), Box<dyn Error>>) -> Result<Duration, Box<dyn Error>> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn run(command: &mut Command) -> Result<(), Box<dyn Error>> {
    let status =
        command.status().map_err(|error| format!("{command:?}: {error}; apt-get install tar zstd"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}").into()) }
}

/// The archive as others would make it.
fn peer(root: &Path, archive: &Path) -> Result<(), Box<dyn Error>> {
    let mut tar =
        Command::new("tar").arg("-c").arg("-C").arg(root).arg("data").stdout(Stdio::piped()).spawn()?;
    let output = tar.stdout.take().ok_or("no pipe")?;
    run(Command::new("zstd").args(["-q", "-T0", "-3"]).stdin(output).stdout(File::create(archive)?))?;
    if tar.wait()?.success() { Ok(()) } else { Err("tar failed".into()) }
}

/// Text, machine code and noise, in small files and large ones.
fn make_files(data: &Path) -> Result<Manifest, Box<dyn Error>> {
    fs::create_dir(data)?;
    let program = fs::read(std::env::current_exe()?)?;
    let mut state = 88_172_645_463_325_252_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let sizes = [3_000, 20_000, 150_000, 700_000, 5 << 20, 64 << 20];
    let mut listed = Vec::new();
    let mut total = 0;
    while total < TOTAL_BYTES {
        let number = listed.len();
        // One large file for many small ones.
        let size = match number {
            n if n % 400 == 7 => sizes[5],
            n if n % 40 == 7 => sizes[4],
            n => sizes[n % 4],
        };
        let mut content = Vec::with_capacity(size + 4096);
        while content.len() < size {
            match number % 4 {
                0 => content.extend_from_slice(&random().to_le_bytes()),
                1 | 2 => {
                    let at = random() as usize % program.len();
                    content.extend_from_slice(&program[at..program.len().min(at + 4096)]);
                }
                _ => {
                    content.extend_from_slice(format!("{:>6} Lizenz {}\n", random() % 500, number).as_bytes())
                }
            }
        }
        content.truncate(size);
        total += size;
        let path = format!("{:02}/{number:05}", number % 50);
        let target = data.join(&path);
        fs::create_dir_all(data.join(format!("{:02}", number % 50)))?;
        fs::write(target, &content)?;
        let blocks = content.chunks(BlockSize::DEFAULT.bytes() as usize).map(Sha256Digest::of).collect();
        let hashes = Some(FileHashes { file: Sha256Digest::of(&content), blocks });
        listed.push(ManifestFile { path, size_bytes: size as u64, executable: false, hashes });
    }
    Ok(Manifest::from_files(BlockSize::DEFAULT, listed)?)
}
