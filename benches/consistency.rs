//! The consistency check against what the system offers for the same: `find` for names and sizes, `openssl` for
//! hashing. Each is a whole process; runs are paired, so that what else the machine does hits both alike.
//!
//! Test data are made once below `PACKHOUSE_BENCH_DIR` (or the temporary directory) and used again: 100,000
//! files, 2,048 files of 2 MiB, one file of 4 GiB, and a library of each; 18 GiB of room in all. Arguments: `quick`,
//! `deep` (default both).

#[path = "support/deep_trees.rs"]
mod deep_trees;
#[path = "support/processes.rs"]
mod processes;
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use deep_trees::{BLOCK, DEEP_BLOCKS, deep_trees};
use packhouse::session::{Register, RegisterRequest, Session};
use packhouse::work::Work;
use processes::{program, time};
use support::{Outcome, data_folder, make_once, options, report};

const FILES: usize = 100_000;
const QUICK_RUNS: usize = 21;
const DEEP_RUNS: usize = 7;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let wants = |word: &str| arguments.is_empty() || arguments.iter().any(|argument| argument == word);
    let data = data_folder()?;
    if wants("quick") {
        bench_quick(&data)?;
    }
    if wants("deep") {
        bench_deep(&data)?;
    }
    Ok(())
}

/// Registers `tree` as `name` in a library of its own, once, and gives the library.
fn registered(data: &Path, name: &str, tree: PathBuf) -> Outcome<PathBuf> {
    let library = data.join(format!("library-of-{name}"));
    make_once(&library, || {
        let session = Session::open(options(&library))?;
        let mut request = RegisterRequest::new(vec![tree]);
        (request.name, request.version) = (Some(name.to_owned()), Some("1".to_owned()));
        session.run(Register { request }, &Work::new())?;
        Ok(())
    })?;
    Ok(library)
}

fn bench_quick(data: &Path) -> Outcome {
    let tree = data.join("tree");
    make_once(&tree, || make_small_files(&tree))?;
    let library = registered(data, "tree", tree)?;
    let tree = library.join("packages/tree/1/data");
    let find = |format: &str| {
        let mut command = peer("find", "apt-get install findutils");
        command.arg(&tree).args(["-type", "f", "-printf", format]);
        command
    };
    let check = || program(&library, &["check", "tree@1"]);
    time(&mut [check()])?;
    time(&mut [find("%s %p\n")])?;
    let (mut ratios, mut two) = (Vec::new(), Vec::new());
    let (mut check_ms, mut find_ms) = (Vec::new(), Vec::new());
    for _ in 0..QUICK_RUNS {
        let find_secs = time(&mut [find("%s %p\n")])?;
        let our_secs = time(&mut [check()])?;
        let mut halves = [half_find(&tree, "0*"), half_find(&tree, "1*")];
        two.push(time(&mut halves)? / find_secs);
        ratios.push(our_secs / find_secs);
        check_ms.push(our_secs * 1e3);
        find_ms.push(find_secs * 1e3);
    }
    report("quick_check_ms", &mut check_ms);
    report("find_ms", &mut find_ms);
    report("quick_check_vs_find", &mut ratios);
    report("two_finds_in_parallel_vs_find", &mut two);
    Ok(())
}

/// One of two finds that share the tree: the top folders whose names match `pattern`.
fn half_find(tree: &Path, pattern: &str) -> Command {
    let mut command = peer("sh", "apt-get install dash");
    command.current_dir(tree).arg("-c").arg(format!("exec find {pattern} -type f -printf '%s %p\\n'"));
    command
}

fn bench_deep(data: &Path) -> Outcome {
    let [many, one] = deep_trees(data)?;
    for (name, tree, package) in
        [("deep_check_of_2048_files", many, "blocks"), ("deep_check_of_one_file", one, "one")]
    {
        let library = registered(data, package, tree)?;
        let key = format!("{package}@1");
        let check = || program(&library, &["check", "--deep", &key]);
        time(&mut [check()])?;
        let (mut ratios, mut rates) = (Vec::new(), Vec::new());
        for _ in 0..DEEP_RUNS {
            let openssl = openssl_rate()?;
            let rate = (DEEP_BLOCKS * BLOCK) as f64 / time(&mut [check()])?;
            rates.push(rate / 1e9);
            ratios.push(rate / openssl);
        }
        report(&format!("{name}_gb_per_s"), &mut rates);
        report(&format!("{name}_vs_openssl"), &mut ratios);
    }
    Ok(())
}

/// Bytes a second that openssl hashes on all cores, from memory it never leaves; by the clock on the wall, as ours.
fn openssl_rate() -> Outcome<f64> {
    let cores = std::thread::available_parallelism()?.to_string();
    let output = peer("openssl", "apt-get install openssl")
        .args(["speed", "-elapsed", "-multi", &cores, "-seconds", "2", "-bytes", "2097152", "sha256"])
        .stderr(Stdio::null())
        .output()
        .map_err(|e| format!("openssl: {e}; install it: apt-get install openssl"))?;
    let text = String::from_utf8(output.stdout)?;
    let line = text.lines().rev().find(|line| line.starts_with("sha256")).ok_or("openssl printed no rate")?;
    let rate = line.split_whitespace().next_back().and_then(|word| word.strip_suffix('k'));
    Ok(rate.ok_or("openssl printed no rate")?.parse::<f64>()? * 1e3)
}

fn peer(program: &str, install: &str) -> Command {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()));
    assert!(found, "{program} is missing; install it: {install}");
    Command::new(program)
}

/// A tree as of an application with documentation: two top folders, 2,000 folders of 50 files, names of some length.
fn make_small_files(tree: &Path) -> Outcome {
    for n in 0..FILES {
        let (top, middle, folder) = (n % 2, n / 2 % 40, n / 80 % 25);
        let dir = tree.join(format!("{top}-component/module-{middle:02}/section-{folder:02}"));
        if n < 2000 {
            fs::create_dir_all(&dir)?;
        }
        fs::write(dir.join(format!("resource-{n:06}.dat")), vec![b'x'; n % 97])?;
    }
    Ok(())
}
