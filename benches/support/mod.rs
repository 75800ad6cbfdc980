//! What the benchmarks share: where test data lie, how a library is opened, medians printed.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use packhouse::session::{Actor, OpenOptions};

/// What a step of a benchmark gives.
pub(crate) type Outcome<T = ()> = Result<T, Box<dyn Error>>;

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
    OpenOptions { root, create: true, read_only: false, actor, keys, share: Default::default() }
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
