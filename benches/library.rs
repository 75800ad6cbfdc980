//! A library of 100,000 packages with 2 million files: listing and searching it. And sealing 4 GiB right after
//! registering, against the deep check of the same package. Each is a whole process.
//!
//! Test data are made once below `PACKHOUSE_BENCH_DIR` (or the temporary directory) and used again.
//! Arguments: `many` (list and find), `seal` (default both). `seal` needs 17 GiB of room.

#[path = "support/deep_trees.rs"]
mod deep_trees;
#[path = "support/many_packages.rs"]
mod many_packages;
#[path = "support/processes.rs"]
mod processes;
mod support;

use std::fs;
use std::path::Path;
use std::time::Instant;

use deep_trees::deep_trees;
use many_packages::PACKAGES;
use packhouse::session::{Register, RegisterRequest, Session, Unseal};
use packhouse::work::Work;
use processes::{program, time};
use support::{Outcome, data_folder, options, report};

const RUNS: usize = 15;
const SEAL_RUNS: usize = 5;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let wants = |word: &str| arguments.is_empty() || arguments.iter().any(|argument| argument == word);
    let data = data_folder()?;
    if wants("many") {
        bench_many(&data)?;
    }
    if wants("seal") {
        bench_seal(&data)?;
    }
    Ok(())
}

fn bench_many(data: &Path) -> Outcome {
    let library = many_packages::library(data)?;
    let hash = many_packages::digest(77_777, 3).to_string();
    // The words, and at least how many lines they must print.
    let requests: [(&str, &[&str], usize); 6] = [
        ("list_of_100000_packages_ms", &["list"], PACKAGES),
        ("find_common_word_ms", &["find", "readme"], 500),
        ("find_rare_word_ms", &["find", "Needle"], 5),
        ("find_common_wildcard_ms", &["find", "*.properties"], 500),
        ("find_rare_wildcard_ms", &["find", "log4j-core-*.jar"], 100),
        ("find_sha256_ms", &["find", &hash], 1),
    ];
    for (name, words, lines) in requests {
        let mut millis = Vec::new();
        let printed = program(&library, words).output()?.stdout;
        let found = printed.iter().filter(|byte| **byte == b'\n').count();
        assert!(found >= lines, "{words:?} found {found}; remove {}", library.display());
        for _ in 0..RUNS {
            millis.push(time(&mut [program(&library, words)])? * 1e3);
        }
        report(name, &mut millis);
    }
    Ok(())
}

fn bench_seal(data: &Path) -> Outcome {
    let library = data.join("sealing");
    if library.exists() {
        fs::remove_dir_all(&library)?;
    }
    let session = Session::open(options(&library))?;
    for (name, tree) in ["files_of_one_block", "one_file"].into_iter().zip(deep_trees(data)?) {
        let mut request = RegisterRequest::new(vec![tree]);
        (request.name, request.version) = (Some(name.to_owned()), Some("1".to_owned()));
        let started = Instant::now();
        let id = session.run(Register { request }, &Work::new())?.record.id;
        report(&format!("register_{name}_secs"), &mut [started.elapsed().as_secs_f64()]);
        let key = format!("{name}@1");
        let (mut ratios, mut again, mut secs) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..SEAL_RUNS {
            let seal = time(&mut [program(&library, &["seal", &key])])?;
            let deep = time(&mut [program(&library, &["check", "--deep", &key])])?;
            session.run(Unseal { package: id }, &Work::new())?;
            let other_blocks = time(&mut [program(&library, &["seal", "--block-size", "4M", &key])])?;
            session.run(Unseal { package: id }, &Work::new())?;
            // Back to the recorded block size, so that the next round is as the first.
            time(&mut [program(&library, &["seal", "--block-size", "2M", &key])])?;
            session.run(Unseal { package: id }, &Work::new())?;
            secs.push(seal);
            ratios.push(seal / deep);
            again.push(other_blocks / deep);
        }
        report(&format!("seal_{name}_secs"), &mut secs);
        report(&format!("seal_{name}_vs_deep_check"), &mut ratios);
        report(&format!("seal_{name}_with_other_blocks_vs_deep_check"), &mut again);
    }
    drop(session);
    Ok(fs::remove_dir_all(&library)?)
}
