//! Downloads from nginx on loopback against aria2c and curl, all in one run, alternately; medians and ratios.
//!
//! `cargo bench --bench download [-- FOLDER] [--mib N] [--files N] [--rounds N]`: FOLDER is where everything is made, best
//! a memory file system; N shortens a trial run. Needs nginx, aria2c and curl on PATH.

#![expect(clippy::print_stdout, reason = "a benchmark tells its figures")]

use std::error::Error;
use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use packhouse::package::Sha256Digest;
use packhouse::transfer::{
    CodebaseAddress, DownloadState, Pieces, Plan, PlannedFile, Transfer, TransferOptions, TransferStatus,
};

#[path = "support/nginx.rs"]
mod nginx;

use nginx::Nginx;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const BLOCK: usize = 2 * 1024 * 1024;
const LONG: Duration = Duration::from_secs(3600);

fn main() -> Outcome {
    let settings = Settings::read()?;
    let folder = match &settings.folder {
        Some(folder) => tempfile::tempdir_in(folder)?,
        None => tempfile::tempdir()?,
    };
    let nginx = Nginx::start(folder.path(), "access_log off; tcp_nopush on;", "")?;
    let out = folder.path().join("out");
    for mib in [settings.mib, settings.mib * 2] {
        one_file(&settings, &nginx, &out, mib)?;
    }
    let small: Vec<usize> = vec![4096; settings.files];
    many_files(&settings, &nginx, &out, "small", &small, &["-j5", "-x1"])?;
    let mixed: Vec<usize> = (0..settings.files * 2 / 5)
        .map(|n| match n % 20 {
            0 => settings.mib * 5 * 1024,
            n if n < 5 => settings.mib * 1024 * 7 / 10,
            _ => settings.mib * 1024 / 10,
        })
        .collect();
    many_files(&settings, &nginx, &out, "mixed", &mixed, &["-j1", "-x1"])
}

/// What a run is made of.
struct Settings {
    folder: Option<PathBuf>,
    mib: usize,
    files: usize,
    rounds: usize,
}

impl Settings {
    fn read() -> Outcome<Self> {
        let mut settings = Self { folder: None, mib: 1024, files: 5000, rounds: 5 };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut number = || -> Outcome<usize> { Ok(words.next().ok_or("a number is missing")?.parse()?) };
            match word.as_str() {
                "--mib" => settings.mib = number()?,
                "--files" => settings.files = number()?,
                "--rounds" => settings.rounds = number()?.max(1),
                word if word.starts_with('-') => {}
                folder => settings.folder = Some(folder.into()),
            }
        }
        Ok(settings)
    }
}

/// One file, verified: against aria2c at its best, curl unverified; then its survey and its repair.
fn one_file(settings: &Settings, nginx: &Nginx, out: &Path, mib: usize) -> Outcome {
    let name = format!("one-{mib}.bin");
    let file = nginx.make(&name, mib * 1024 * 1024)?;
    let metalink = nginx.metalink(&name, std::slice::from_ref(&file))?;
    let mut times: [Vec<f64>; 6] = Default::default();
    for _ in 0..settings.rounds {
        times[0].push(fresh(out, || download(nginx, out, vec![file.clone()]).map(drop))?);
        let aria = ["-V", "-x16", "-s16", "-k1M", "--file-allocation=falloc"];
        times[1].push(fresh(out, || aria2c(out, &aria, &metalink))?);
        let url = format!("{}{name}", nginx.url);
        times[2]
            .push(fresh(out, || run(Command::new("curl").arg("-sf").arg(url).arg("-o").arg(out.join("c"))))?);
        // What is there already: read and hashed, nothing fetched.
        fresh(out, || download(nginx, out, vec![file.clone()]).map(drop))?;
        times[3].push(timed(|| download(nginx, out, vec![file.clone()]).map(drop))?);
        // One block in twenty is wrong.
        let bad = damage(&out.join(&name), mib * 1024 * 1024)?;
        times[4].push(timed(|| {
            let status = download(nginx, out, vec![file.clone()])?;
            let exact = status.received_bytes == bad as u64 * BLOCK as u64;
            if exact {
                Ok(())
            } else {
                Err(format!("{} bytes for {bad} blocks", status.received_bytes).into())
            }
        })?);
        damage(&out.join(&name), mib * 1024 * 1024)?;
        times[5].push(timed(|| aria2c(out, &["-V", "-x16", "-s16", "-k1M"], &metalink))?);
    }
    let [ours, aria, curl, survey, repair, aria_repair] = times.map(median);
    println!(
        "one file of {mib} MiB: {ours:.3} s; aria2c {aria:.3} s, ratio {:.2}; curl {curl:.3} s, ratio {:.2}",
        ours / aria,
        ours / curl
    );
    let rate = mib as f64 * 1024.0 * 1024.0 / survey;
    println!("  survey: {:.0} MB/s; openssl speed -multi 2: {:.0} MB/s", rate / 1e6, openssl()? / 1e6);
    println!("  repair of 5 %: {repair:.3} s; aria2c {aria_repair:.3} s, ratio {:.2}", repair / aria_repair);
    Ok(())
}

fn many_files(
    settings: &Settings,
    nginx: &Nginx,
    out: &Path,
    name: &str,
    sizes: &[usize],
    best: &[&str],
) -> Outcome {
    let files: Vec<PlannedFile> = sizes
        .iter()
        .enumerate()
        .map(|(n, size)| nginx.make(&format!("{name}/{:02}/{n:05}", n % 50), *size))
        .collect::<Outcome<_>>()?;
    let metalink = nginx.metalink(name, &files)?;
    let config = nginx.root.join(format!("{name}.curl"));
    let lines = files.iter().map(|f| format!("url = \"{}{}\"\noutput = \"{}\"\n", nginx.url, f.path, f.path));
    fs::write(&config, lines.collect::<String>())?;
    let mut times: [Vec<f64>; 3] = Default::default();
    for _ in 0..settings.rounds {
        times[0].push(fresh(out, || download(nginx, out, files.clone()).map(drop))?);
        let mut words = vec!["-V"];
        words.extend_from_slice(best);
        times[1].push(fresh(out, || aria2c(out, &words, &metalink))?);
        times[2].push(fresh(out, || {
            run(Command::new("curl").args(["-sf", "--create-dirs", "-K"]).arg(&config).current_dir(out))
        })?);
    }
    let [ours, aria, curl] = times.map(median);
    println!(
        "{} {name} files: {ours:.3} s; aria2c {} {aria:.3} s, ratio {:.2}; curl {curl:.3} s, ratio {:.2}",
        files.len(),
        best.join(" "),
        ours / aria,
        ours / curl
    );
    Ok(())
}

fn download(nginx: &Nginx, out: &Path, files: Vec<PlannedFile>) -> Outcome<TransferStatus> {
    let options = TransferOptions {
        folder: out.to_owned(),
        codebases: vec![CodebaseAddress::parse(&nginx.url)?],
        ..TransferOptions::default()
    };
    let transfer = Transfer::start(Plan::new(files, Vec::new())?, options, Arc::new(|| ()))?;
    let (status, ready) = transfer.wait(LONG, |status| status.state == DownloadState::Ready);
    if ready { Ok(status) } else { Err(format!("{status:?}").into()) }
}

fn aria2c(out: &Path, words: &[&str], metalink: &Path) -> Outcome {
    let quiet = ["-q", "--no-conf", "--allow-overwrite=true", "--auto-file-renaming=false"];
    run(Command::new("aria2c").args(quiet).args(words).arg("-d").arg(out).arg("-M").arg(metalink))
}

/// Changes one block in twenty; says how many.
fn damage(path: &Path, size: usize) -> Outcome<usize> {
    let mut file = File::options().write(true).open(path)?;
    let mut count = 0;
    for offset in (0..size).step_by(BLOCK * 20) {
        file.seek(SeekFrom::Start(offset as u64))?;
        file.write_all(b"damaged!")?;
        count += 1;
    }
    Ok(count)
}

/// Bytes a second that openssl hashes on two cores.
fn openssl() -> Outcome<f64> {
    let output = Command::new("openssl")
        .args(["speed", "-multi", "2", "-seconds", "1", "-bytes", "262144", "-evp", "sha256"])
        .stderr(Stdio::null())
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.split_whitespace().last().ok_or("openssl said nothing")?;
    Ok(last.trim_end_matches('k').parse::<f64>()? * 1000.0)
}

/// Times `work` on an empty folder.
fn fresh(out: &Path, work: impl FnOnce() -> Outcome) -> Outcome<f64> {
    if out.exists() {
        fs::remove_dir_all(out)?;
    }
    fs::create_dir(out)?;
    timed(work)
}

fn timed(work: impl FnOnce() -> Outcome) -> Outcome<f64> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64())
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn run(command: &mut Command) -> Outcome {
    let status = command
        .stdout(Stdio::null())
        .status()
        .map_err(|error| format!("{command:?}: {error}; apt-get install nginx-light aria2 curl"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}").into()) }
}

impl Nginx {
    /// Makes a file in which no block is like another, and plans it.
    fn make(&self, path: &str, size: usize) -> Outcome<PlannedFile> {
        let target = self.root.join(path);
        fs::create_dir_all(target.parent().ok_or("no folder")?)?;
        let mut file = File::create(target)?;
        let mut state = Sha256Digest::of(path.as_bytes()).0;
        let mut block = Vec::with_capacity(BLOCK);
        let mut hashes = Vec::new();
        let mut left = size;
        while left > 0 {
            block.clear();
            state = Sha256Digest::of(&state).0;
            let mut words = u64::from_le_bytes(state[..8].try_into()?) | 1;
            while block.len() < BLOCK.min(left) {
                words ^= words << 13;
                words ^= words >> 7;
                words ^= words << 17;
                block.extend_from_slice(&words.to_le_bytes());
            }
            block.truncate(BLOCK.min(left));
            hashes.push(Sha256Digest::of(&block));
            file.write_all(&block)?;
            left -= block.len();
        }
        let pieces = Some(Pieces { length_bytes: BLOCK as u64, hashes });
        Ok(PlannedFile { path: path.to_owned(), size_bytes: size as u64, pieces, ..PlannedFile::default() })
    }

    /// The same for aria2c.
    fn metalink(&self, name: &str, files: &[PlannedFile]) -> Outcome<PathBuf> {
        let mut text = String::from("<metalink xmlns=\"urn:ietf:params:xml:ns:metalink\">\n");
        for file in files {
            text.push_str(&format!("<file name=\"{}\"><size>{}</size>", file.path, file.size_bytes));
            let hashes = file.pieces.as_ref().map(|pieces| &pieces.hashes[..]).unwrap_or_default();
            if let [only] = hashes {
                text.push_str(&format!("<hash type=\"sha-256\">{only}</hash>"));
            }
            text.push_str(&format!("<pieces type=\"sha-256\" length=\"{BLOCK}\">"));
            text.extend(hashes.iter().map(|hash| format!("<hash>{hash}</hash>")));
            text.push_str(&format!("</pieces><url>{}{}</url></file>\n", self.url, file.path));
        }
        text.push_str("</metalink>\n");
        let path = self.root.join(format!("{name}.meta4"));
        fs::write(&path, text)?;
        Ok(path)
    }
}
