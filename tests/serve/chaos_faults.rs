//! Every fault of the chaos origin really happens: seen by curl, which is not ours.

use std::ops::Range;
use std::process::Output;
use std::sync::Arc;

use crate::chaos::{Chaos, Content, Fault, Plan};
use crate::http::curl;
use crate::{Outcome, content};

const SIZE: usize = 3_000_000;
const FIRST: u64 = 1_000_000;
const LAST: u64 = 1_999_999;

fn files(bytes: &[u8]) -> [(String, Content); 1] {
    [("x".to_owned(), Content::Bytes(Arc::new(bytes.to_vec())))]
}

/// What curl was told: its exit code, the status, the head, the body.
struct Told {
    exit: Option<i32>,
    status: String,
    head: String,
    body: Vec<u8>,
}

fn told(mut output: Output) -> Told {
    // The head and the body on standard output, one after the other; curl ends the head with an empty line.
    let end = output
        .stdout
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .map_or(output.stdout.len(), |at| at + 4);
    let body = output.stdout.split_off(end);
    let head = String::from_utf8_lossy(&output.stdout).into_owned();
    let status = head.split(' ').nth(1).unwrap_or_default().to_owned();
    Told { exit: output.status.code(), status, head, body }
}

/// Asks for the middle of the file once, with `fault`, then once more, which must go well.
fn once(fault: Fault, more: &[&str]) -> Result<Told, Box<dyn std::error::Error>> {
    let bytes = content(SIZE);
    let middle = &bytes[FIRST as usize..=LAST as usize];
    let chaos = Chaos::start(files(&bytes), Plan::Script(vec![Some(fault.clone())]))?;
    let range = format!("{FIRST}-{LAST}");
    let ask =
        |more: &[&str]| curl().args(["--include", "--range", &range]).args(more).arg(chaos.url("x")).output();
    let first = told(ask(more)?);
    let asked = chaos.asked();
    assert_eq!(asked[0].fault, Some(fault));
    assert_eq!(asked[0].range, Some(FIRST..LAST + 1));
    let good = told(ask(&[])?);
    assert_eq!((good.exit, good.status.as_str()), (Some(0), "206"), "{}", good.head);
    assert!(good.body == middle);
    let last = chaos.asked().pop().ok_or("it was asked")?;
    assert_eq!((last.fault, last.status, last.offset, last.sent_bytes), (None, 206, FIRST, 1_000_000));
    Ok(first)
}

#[test]
fn connections_are_cut_reset_and_stalled() -> Outcome {
    let cut = once(Fault::Cut { after: 300_000 }, &[])?;
    assert_eq!((cut.exit, cut.body.len()), (Some(18), 300_000));
    let cut = once(Fault::Cut { after: 0 }, &[])?;
    assert_eq!((cut.exit, cut.body.len()), (Some(18), 0));
    let reset = once(Fault::Reset { after: 300_000 }, &[])?;
    assert!(reset.exit == Some(56) && reset.body.len() <= 300_000, "{:?} {}", reset.exit, reset.body.len());
    let stalled = once(Fault::Stall { after: 300_000 }, &["--max-time", "1"])?;
    assert_eq!((stalled.exit, stalled.body.len()), (Some(28), 300_000));
    Ok(())
}

#[test]
fn what_is_stalled_goes_on_when_released_and_ends_with_the_server() -> Outcome {
    let bytes = content(SIZE);
    let stall = || Plan::Script(vec![Some(Fault::Stall { after: 10 })]);
    let chaos = Chaos::start(files(&bytes), stall())?;
    let url = chaos.url("x");
    let fetch = std::thread::spawn(move || curl().arg(url).output());
    assert!(chaos.wait_for_requests(1));
    chaos.release();
    let done = fetch.join().map_err(|_| "it panicked")??;
    assert!(done.status.success() && done.stdout == bytes);

    let chaos = Chaos::start(files(&bytes), stall())?;
    let url = chaos.url("x");
    let fetch = std::thread::spawn(move || curl().arg(url).output());
    assert!(chaos.wait_for_requests(1));
    drop(chaos);
    let done = fetch.join().map_err(|_| "it panicked")??;
    assert!(!done.status.success());
    Ok(())
}

#[test]
fn bytes_come_slowly_short_or_wrong() -> Outcome {
    let bytes = content(SIZE);
    let middle = &bytes[FIRST as usize..=LAST as usize];
    let slow = once(Fault::Drip { bytes: 50_000 }, &["--write-out", "%{time_total}"])?;
    let (body, seconds) = slow.body.split_at(middle.len());
    assert!(slow.exit == Some(0) && body == middle);
    assert!(std::str::from_utf8(seconds)?.parse::<f64>()? > 0.15, "20 pieces with pauses");
    let short = once(Fault::Truncate { by: 1000 }, &[])?;
    assert_eq!((short.exit, short.body.len()), (Some(0), 999_000));
    assert!(short.head.contains("Content-Length: 999000\r\n"), "{}", short.head);
    assert!(short.head.contains("Content-Range: bytes 1000000-1999999/3000000\r\n"), "{}", short.head);
    let flipped = once(Fault::Flip { at: 77 }, &[])?;
    let wrong: Vec<_> = (0..middle.len()).filter(|at| flipped.body[*at] != middle[*at]).collect();
    assert_eq!((flipped.exit, wrong.as_slice()), (Some(0), &[77][..]));
    assert_eq!((flipped.body[77] ^ middle[77]).count_ones(), 1);
    let changed = once(Fault::ContentChanged { after: 400_000 }, &[])?;
    assert!(changed.exit == Some(0) && changed.body.len() == middle.len());
    assert!(changed.body[..400_000] == middle[..400_000]);
    assert!(changed.body[400_000..].iter().zip(&middle[400_000..]).all(|(one, other)| one != other));
    Ok(())
}

#[test]
fn heads_lie() -> Outcome {
    let bytes = content(SIZE);
    let middle = &bytes[FIRST as usize..=LAST as usize];
    let whole = once(Fault::WholeForPart, &[])?;
    assert!(whole.status == "200" && whole.body == bytes && !whole.head.contains("Content-Range"));
    let wrong = once(Fault::WrongContentRange, &[])?;
    assert!(wrong.status == "206" && wrong.body == middle);
    assert!(wrong.head.contains("Content-Range: bytes 1000001-2000000/3000000\r\n"), "{}", wrong.head);
    let none = once(Fault::NoContentRange, &[])?;
    assert!(none.status == "206" && none.body == middle && !none.head.contains("Content-Range"));
    let long = once(Fault::WrongContentLength { by: 100 }, &[])?;
    assert!(long.exit == Some(18) && long.body == middle);
    let short = once(Fault::WrongContentLength { by: -100 }, &[])?;
    assert!(short.exit == Some(0) && short.body == middle[..middle.len() - 100]);
    for (status, retry_after) in [(416, None), (429, Some(7)), (500, None), (503, Some(2)), (404, None)] {
        let said = once(Fault::Status { status, retry_after }, &[])?;
        assert_eq!((said.status.as_str(), said.body.len()), (status.to_string().as_str(), 0));
        let retry = retry_after.map(|seconds| format!("Retry-After: {seconds}\r\n"));
        assert!(retry.is_none_or(|retry| said.head.contains(&retry)), "{}", said.head);
    }
    Ok(())
}

#[test]
fn requests_are_sent_elsewhere_and_in_circles() -> Outcome {
    let bytes = content(SIZE);
    let elsewhere = once(Fault::Redirect, &[])?;
    assert_eq!(elsewhere.status, "302");
    let chaos =
        Chaos::start(files(&bytes), Plan::Script(vec![Some(Fault::Redirect), Some(Fault::RedirectLoop)]))?;
    let followed = curl().arg("--location").arg(chaos.url("x")).output()?;
    assert!(followed.status.success() && followed.stdout == bytes);
    let circled = curl().args(["--location", "--max-redirs", "5"]).arg(chaos.url("x")).output()?;
    assert_eq!(circled.status.code(), Some(47));
    let missing = told(curl().arg("--include").arg(chaos.url("none")).output()?);
    assert_eq!(missing.status, "404");
    Ok(())
}

#[test]
fn a_tag_that_changed_makes_the_part_of_before_worthless() -> Outcome {
    let bytes = content(SIZE);
    for fault in [Fault::TagChanged, Fault::ContentChanged { after: 0 }] {
        let chaos = Chaos::start(files(&bytes), Plan::Script(vec![None, Some(fault.clone())]))?;
        let ask = |more: &[&str]| -> std::io::Result<Told> {
            Ok(told(curl().args(["--include", "--range", "0-9"]).args(more).arg(chaos.url("x")).output()?))
        };
        let tag =
            |told: &Told| told.head.lines().find_map(|line| line.strip_prefix("ETag: ").map(str::to_owned));
        let first = tag(&ask(&[])?).ok_or("a tag")?;
        ask(&[])?;
        let later = ask(&["--header", &format!("If-Range: {first}")])?;
        assert_eq!(later.status, "200", "{fault:?}");
        let new = tag(&later).ok_or("a tag")?;
        assert_ne!(first, new);
        assert_eq!(ask(&["--header", &format!("If-Range: {new}")])?.status, "206");
        let if_ranges = chaos.asked().iter().filter_map(|asked| asked.if_range.clone()).count();
        assert_eq!(if_ranges, 2);
    }
    Ok(())
}

/// The faults of sixty requests for three places of the file.
fn faults_of(seed: u64, plan: Option<Plan>) -> Result<Vec<Option<Fault>>, Box<dyn std::error::Error>> {
    let bytes = content(SIZE);
    let chaos = match plan {
        Some(plan) => Chaos::start(files(&bytes), plan)?,
        None => Chaos::from_seed(seed, files(&bytes))?,
    };
    chaos.release();
    let url = chaos.url("x");
    let ranges = ["0-99", "2097152-2097251", "100-199"];
    let mut command = curl();
    for nth in 0..60 {
        if nth > 0 {
            command.arg("--next").args(["--disable", "--silent", "--noproxy", "*", "--max-time", "60"]);
        }
        command.args(["--range", ranges[nth % 3], "--output", "/dev/null", &url]);
    }
    // Some of them fail, as they should.
    command.output()?;
    let asked = chaos.asked();
    assert_eq!(asked.len(), 60);
    assert_eq!(chaos.sent_bytes("x"), asked.iter().map(|asked| asked.sent_bytes).sum::<u64>());
    let ranges = chaos.sent_ranges("x");
    assert_eq!(ranges.iter().map(|range| range.end - range.start).sum::<u64>(), chaos.sent_bytes("x"));
    Ok(asked.into_iter().map(|asked| asked.fault).collect())
}

#[test]
fn a_seed_gives_the_same_faults_again_and_then_good_behaviour() -> Outcome {
    let first = faults_of(7, None)?;
    assert_eq!(first, faults_of(7, None)?);
    assert_ne!(first, faults_of(8, None)?);
    // Three faults a block and no more: two blocks were asked for.
    assert!((1..=6).contains(&first.iter().flatten().count()));
    let eager = crate::chaos::Seeded { rate: 100, ..Plan::from_seed(7) };
    let eager = faults_of(7, Some(Plan::Seeded(eager)))?;
    assert_eq!(eager.iter().flatten().count(), 6);
    assert!(eager[9..].iter().all(Option::is_none));
    let kept = crate::chaos::Seeded { rate: 100, good_after: None, ..Plan::from_seed(7) };
    let kept = faults_of(7, Some(Plan::Seeded(kept)))?;
    assert!(kept.iter().all(Option::is_some));
    let kinds: std::collections::HashSet<_> = kept.iter().flatten().map(std::mem::discriminant).collect();
    assert!(kinds.len() >= 10, "{} kinds of faults in 60", kinds.len());
    Ok(())
}

#[test]
fn a_file_on_disk_is_served_as_well() -> Outcome {
    let place = tempfile::tempdir()?;
    let bytes = content(100_000);
    std::fs::write(place.path().join("x"), &bytes)?;
    let files = [("deep/x".to_owned(), Content::File(place.path().join("x")))];
    let chaos = Chaos::start(files, Plan::Script(Vec::new()))?;
    let got = curl().args(["--range", "-10"]).arg(chaos.url("deep/x")).output()?;
    assert_eq!(got.stdout, bytes[99_990..]);
    assert_eq!(chaos.sent_ranges("deep/x"), vec![Range { start: 99_990, end: 100_000 }]);
    let head = told(curl().arg("--head").arg(chaos.url("deep/x")).output()?);
    assert!(head.status == "200" && head.head.contains("Content-Length: 100000"));
    Ok(())
}
