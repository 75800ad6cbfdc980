//! What the benchmarks of the library share: test data made once, `packhouse-cli` and others timed as whole
//! processes, medians printed.

use std::error::Error;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use jiff::tz::TimeZone;
use packhouse::session::{Actor, OpenOptions};

/// What a step of a benchmark gives.
pub(crate) type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Bytes in a block, and in each of the files of one block.
pub(crate) const BLOCK: u64 = 2 * 1024 * 1024;
/// Blocks in a test tree for hashing: 4 GiB.
pub(crate) const DEEP_BLOCKS: u64 = 2048;

/// Where test data are kept between runs.
pub(crate) fn data_folder() -> Outcome<PathBuf> {
    let base = std::env::var_os("PACKHOUSE_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let data = base.join("packhouse-bench-1");
    fs::create_dir_all(&data)?;
    Ok(data)
}

/// How the benchmarks open `library` themselves; its keys lie beside it.
pub(crate) fn options(library: &Path) -> OpenOptions {
    let actor = Actor {
        who: "bench".to_owned(),
        host: "bench".to_owned(),
        how: "benchmark".to_owned(),
        time_zone: TimeZone::UTC,
    };
    let (root, keys) = (library.to_owned(), library.with_extension("keys"));
    OpenOptions { root, create: true, read_only: false, actor, keys }
}

/// `packhouse-cli`, to be run on `library` with `words`.
pub(crate) fn program(library: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_packhouse-cli"));
    command.env("PACKHOUSE_KEYS", library.with_extension("keys")).arg("--library").arg(library).args(words);
    command
}

/// Makes test data in `folder` unless a run before this one finished making them.
pub(crate) fn make_once(folder: &Path, make: impl FnOnce() -> Outcome) -> Outcome {
    let complete = folder.with_extension("complete");
    if complete.exists() && folder.exists() {
        return Ok(());
    }
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    make()?;
    Ok(fs::write(complete, "")?)
}

/// 4 GiB in files of one block, and 4 GiB in one file.
pub(crate) fn deep_trees(data: &Path) -> Outcome<[PathBuf; 2]> {
    let (many, one) = (data.join("blocks"), data.join("one"));
    make_once(&many, || {
        for n in 0..DEEP_BLOCKS {
            fs::create_dir_all(many.join(format!("{:02}", n % 32)))?;
            let mut file = File::create(many.join(format!("{:02}/{n:04}.bin", n % 32)))?;
            file.write_all(&noise(n, BLOCK))?;
        }
        Ok(())
    })?;
    make_once(&one, || {
        let mut file = File::create(one.join("image.bin"))?;
        (0..DEEP_BLOCKS).try_for_each(|n| Ok(file.write_all(&noise(n + DEEP_BLOCKS, BLOCK))?))
    })?;
    Ok([many, one])
}

/// Bytes that repeat nowhere, the same in every run.
fn noise(seed: u64, bytes: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let words = (0..bytes / 8).flat_map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.collect()
}

/// Seconds from starting all `commands` at once to the end of the last.
pub(crate) fn time(commands: &mut [Command]) -> Outcome<f64> {
    let started = Instant::now();
    let children: Vec<_> =
        commands.iter_mut().map(|c| c.stdout(Stdio::null()).spawn()).collect::<Result<_, _>>()?;
    for mut child in children {
        let status = child.wait()?;
        if !status.success() {
            return Err(format!("a timed process failed: {status}").into());
        }
    }
    Ok(started.elapsed().as_secs_f64())
}

/// Prints the median of `values` with what lies around it.
#[expect(clippy::print_stdout, reason = "a benchmark speaks on stdout")]
pub(crate) fn report(name: &str, values: &mut [f64]) {
    values.sort_by(f64::total_cmp);
    let (min, max) = (values[0], values[values.len() - 1]);
    println!(
        "{name}: median {:.2} (min {min:.2}, max {max:.2}), n={}",
        values[values.len() / 2],
        values.len()
    );
}
