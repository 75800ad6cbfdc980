//! Servers as they should be, and servers as they are: always the right bytes, or a clear end.

use packhouse::transfer::{
    CodebaseState, Credentials, DownloadState, InvalidReason, NetworkOptions, TransferError, fetch_document,
};
use proptest::prelude::*;

use crate::desk::{
    BLOCK, Outcome, complete, noise, options, origin_of, plan_of, planned, same, sample, start, total,
    unproven, until, web,
};
use crate::origin::{Fault, Origin};

#[test]
fn a_download_from_one_server_is_complete_and_nothing_comes_twice() -> Outcome {
    let (files, dir) = (sample(1), tempfile::tempdir()?);
    let origin = origin_of(&files);
    let status = complete(&files, options(dir.path(), vec![web(&origin)]));
    assert_eq!(origin.sent_bytes(), total(&files));
    assert_eq!((status.fetched_bytes, status.received_bytes), (total(&files), total(&files)));
    assert_eq!((status.blocks.fetched, status.blocks.kept, status.blocks.corrupt), (15, 0, 0));
    assert_eq!(std::fs::read(dir.path().join("bagit.txt"))?, b"BagIt-Version: 1.0\n");
    assert!(status.ready_at.is_some() && status.codebases[0].score_percent == 100);
    Ok(())
}

#[test]
fn many_small_files_share_few_connections() -> Outcome {
    let files: Vec<_> = (0..400).map(|n| (format!("data/{}/{n}", n % 7), noise(n, 900))).collect();
    let (origin, dir) = (origin_of(&files), tempfile::tempdir()?);
    complete(&files, options(dir.path(), vec![web(&origin)]));
    assert!(origin.connections() <= 8, "{} connections", origin.connections());
    Ok(())
}

#[test]
fn a_server_that_knows_no_ranges_is_used_all_the_same() -> Outcome {
    let (files, dir) = (sample(2), tempfile::tempdir()?);
    let origin = origin_of(&files);
    origin.fault(|_, _| Fault::Whole);
    let status = complete(&files, options(dir.path(), vec![web(&origin)]));
    assert_eq!(status.fetched_bytes, total(&files));
    Ok(())
}

/// Each fault on every other request, as the only codebase.
#[test]
fn a_server_that_fails_every_other_time_delivers_in_the_end() -> Outcome {
    let faults = [
        Fault::Status(500),
        Fault::Status(404),
        Fault::Status(416),
        Fault::Busy(503, 0),
        Fault::WrongRange,
        Fault::NoRange,
        Fault::Truncated,
        Fault::Closed,
        Fault::Loop,
    ];
    for fault in faults {
        let (files, dir) = (sample(3), tempfile::tempdir()?);
        let origin = origin_of(&files);
        origin.fault(move |number, _| if number % 2 == 0 { fault } else { Fault::None });
        let mut options = options(dir.path(), vec![web(&origin)]);
        options.connections = 1;
        let status = complete(&files, options);
        assert_eq!(status.blocks.corrupt, 0, "{fault:?}");
    }
    Ok(())
}

#[test]
fn a_flipped_bit_is_named_and_the_block_comes_from_elsewhere() -> Outcome {
    let (files, dir) = (sample(4), tempfile::tempdir()?);
    let (bad, good) = (origin_of(&files), origin_of(&files));
    bad.fault(|_, _| Fault::Flipped);
    let mut options = options(dir.path(), vec![web(&bad), web(&good)]);
    options.connections = 2;
    let status = complete(&files, options);
    assert!(status.blocks.corrupt > 0 && status.blocks.repaired == status.blocks.corrupt);
    Ok(())
}

#[test]
fn three_bad_blocks_set_a_codebase_aside() -> Outcome {
    let files = vec![("a".to_owned(), noise(5, 40 * BLOCK as usize))];
    let (bad, dir) = (origin_of(&files), tempfile::tempdir()?);
    let wrong = vec![0; files[0].1.len()];
    bad.put("a", wrong, Some("\"same\""));
    let good = origin_of(&files);
    let mut options = options(dir.path(), vec![web(&bad), web(&good)]);
    options.connections = 2;
    let status = complete(&files, options);
    assert_eq!(status.codebases[0].state, CodebaseState::SetAside);
    assert_eq!(status.codebases[0].fetched_bytes, 0);
    Ok(())
}

#[test]
fn a_block_bad_from_everywhere_ends_in_invalid_and_names_itself() -> Outcome {
    let files = vec![("data/a".to_owned(), noise(6, 3 * BLOCK as usize))];
    let (origin, dir) = (origin_of(&files), tempfile::tempdir()?);
    let mut content = files[0].1.clone();
    content[BLOCK as usize + 5] ^= 64;
    origin.put("data/a", content, None);
    let transfer = start(plan_of(&files), options(dir.path(), vec![web(&origin)]));
    // Set aside after the second time; asked again when the wait is over.
    until(&transfer, DownloadState::Retrying);
    let status = loop {
        transfer.retry_now();
        let (status, ended) =
            transfer.wait(std::time::Duration::from_millis(50), |s| s.state == DownloadState::Invalid);
        if ended {
            break status;
        }
    };
    let expected = InvalidReason::BadBlock { block: 1, path: "data/a".into(), codebases: vec![origin.url()] };
    assert_eq!(status.invalid, Some(expected));
    assert!(transfer.notes(1).len() >= 3);
    // Nothing wrong was written: block 1 is still a hole.
    let found = std::fs::read(dir.path().join("data/a"))?;
    assert!(found[BLOCK as usize..2 * BLOCK as usize].iter().all(|byte| *byte == 0));
    assert_eq!(&found[..BLOCK as usize], &files[0].1[..BLOCK as usize]);
    Ok(())
}

#[test]
fn a_stalled_connection_does_not_hold_the_download_up() -> Outcome {
    let (files, dir) = (sample(7), tempfile::tempdir()?);
    let origin = origin_of(&files);
    origin.fault(|number, _| if number == 0 { Fault::Stalled } else { Fault::None });
    let mut options = options(dir.path(), vec![web(&origin)]);
    options.network =
        NetworkOptions { stall_timeout: std::time::Duration::from_millis(200), ..Default::default() };
    complete(&files, options);
    Ok(())
}

#[test]
fn a_file_with_one_hash_is_resumed_and_fetched_again_where_it_was_wrong() -> Outcome {
    let content = noise(8, 6 << 20);
    let (origin, dir) = (Origin::serve([("iso".to_owned(), content.clone())]), tempfile::tempdir()?);
    // What an interrupted download left, right as far as it goes.
    std::fs::write(dir.path().join("iso"), &content[..4 << 20])?;
    let plan =
        || packhouse::transfer::Plan::new(vec![unproven("iso", &content)], Vec::new()).expect("a plan");
    let transfer = start(plan(), options(dir.path(), vec![web(&origin)]));
    until(&transfer, DownloadState::Ready);
    assert_eq!(origin.sent_bytes(), 2 << 20);
    drop(transfer);
    // What lies there is wrong at its beginning: all of it comes again.
    let mut wrong = content[..4 << 20].to_vec();
    wrong[7] ^= 1;
    std::fs::write(dir.path().join("iso"), wrong)?;
    let transfer = start(plan(), options(dir.path(), vec![web(&origin)]));
    until(&transfer, DownloadState::Ready);
    same(dir.path(), &[("iso".to_owned(), content)]);
    assert_eq!(origin.sent_bytes(), (2 << 20) + (2 << 20) + (6 << 20));
    Ok(())
}

#[test]
fn one_signs_in_and_nobody_hears_the_password() -> Outcome {
    let (files, dir) = (sample(9), tempfile::tempdir()?);
    let origin = origin_of(&files);
    let address = origin.url().replace("http://", "http://anna:s3cret@");
    let codebase = packhouse::transfer::CodebaseAddress::parse(&address)?;
    let transfer = start(plan_of(&files), options(dir.path(), vec![codebase.clone()]));
    let status = until(&transfer, DownloadState::Ready);
    assert!(origin.seen().iter().all(|seen| seen.authorization.as_deref() == Some("Basic YW5uYTpzM2NyZXQ=")));
    let shown = format!("{status:?}{:?}{codebase:?}", transfer.events());
    assert!(!shown.contains("s3cret"));
    let token = Credentials::Bearer { token: "tok-en".into() };
    fetch_document(
        &format!("{}data/a.bin", origin.url()),
        Some(&token),
        &NetworkOptions::default(),
        1 << 20,
    )?;
    let last = origin.seen().pop().and_then(|seen| seen.authorization);
    assert_eq!(last.as_deref(), Some("Bearer tok-en"));
    Ok(())
}

/// Whatever ends a connection, at most one block of it comes again.
#[test]
fn a_connection_that_is_cut_costs_at_most_a_block() -> Outcome {
    let files = vec![("a".to_owned(), noise(20, 200 * BLOCK as usize)), ("b".to_owned(), noise(21, 90_001))];
    let (origin, dir) = (origin_of(&files), tempfile::tempdir()?);
    let cuts = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let count = std::sync::Arc::clone(&cuts);
    origin.fault(move |number, _| {
        if number % 3 == 1 {
            return Fault::None;
        }
        count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Fault::Truncated
    });
    let transfer = start(plan_of(&files), options(dir.path(), vec![web(&origin)]));
    let status = loop {
        transfer.retry_now();
        let (status, ready) =
            transfer.wait(std::time::Duration::from_millis(20), |s| s.state == DownloadState::Ready);
        if ready {
            break status;
        }
    };
    same(dir.path(), &files);
    let cuts = cuts.load(std::sync::atomic::Ordering::SeqCst);
    assert!(cuts > 4);
    let again = origin.sent_bytes() - total(&files);
    assert!(again <= cuts * BLOCK, "{again} bytes came again after {cuts} cuts");
    assert_eq!(status.fetched_bytes, total(&files));
    Ok(())
}

/// One of several servers behind one address knows no ranges: the others are asked for them again.
#[test]
fn a_server_that_knows_ranges_after_all_is_asked_for_them() -> Outcome {
    let files = vec![
        ("a".to_owned(), noise(22, 4 * BLOCK as usize)),
        ("b".to_owned(), noise(23, 30 * BLOCK as usize)),
    ];
    let (origin, dir) = (origin_of(&files), tempfile::tempdir()?);
    origin.fault(|number, _| if number == 0 { Fault::Whole } else { Fault::None });
    // Of both files the beginning is there, and of the second its middle.
    std::fs::write(dir.path().join("a"), &files[0].1[..BLOCK as usize])?;
    let mut there = vec![0; files[1].1.len()];
    for kept in [0..BLOCK as usize, 3 * BLOCK as usize..28 * BLOCK as usize] {
        there[kept.clone()].copy_from_slice(&files[1].1[kept]);
    }
    std::fs::write(dir.path().join("b"), there)?;
    let mut options = options(dir.path(), vec![web(&origin)]);
    options.connections = 1;
    complete(&files, options);
    let ranges: Vec<_> = origin.seen().into_iter().filter_map(|seen| seen.range).collect();
    assert!(ranges.iter().any(|(from, _)| *from == 28 * BLOCK), "{ranges:?}");
    Ok(())
}

/// Several servers behind one address, each with an ETag of its own: the whole file comes once by If-Range, not each time.
#[test]
fn an_etag_that_changes_costs_one_answer() -> Outcome {
    let files = vec![("a".to_owned(), noise(10, 300 * BLOCK as usize))];
    let (origin, dir) = (origin_of(&files), tempfile::tempdir()?);
    let mut slow = options(dir.path(), vec![web(&origin)]);
    slow.connections = 1;
    slow.limit_bytes_per_second = Some(8 << 20);
    let transfer = start(plan_of(&files), slow);
    transfer.wait(crate::desk::LONG, |status| status.fetched_bytes > 0);
    origin.put("a", files[0].1.clone(), Some("\"another\""));
    transfer.set_limit(None);
    let status = until(&transfer, DownloadState::Ready);
    same(dir.path(), &files);
    assert_eq!(status.blocks.corrupt, 0);
    assert!(origin.sent_bytes() <= 2 * total(&files), "{} bytes", origin.sent_bytes());
    // What came whole was let go, not read up to where it is needed.
    assert!(status.received_bytes <= total(&files) + 2 * BLOCK, "{status:?}");
    assert!(transfer.events().iter().any(|event| event.text.contains("changed at")));
    Ok(())
}

#[test]
fn a_proxy_is_used_where_one_is_given() -> Outcome {
    let (files, dir) = (sample(14), tempfile::tempdir()?);
    let escape = |path: &str| packhouse::package::snapshot::escape_url_path(path);
    let asked = |path: &str| format!("http://packages.invalid/{}", escape(path));
    let proxy = Origin::serve(files.iter().map(|(path, content)| (asked(path), content.clone())));
    let codebase = packhouse::transfer::CodebaseAddress::parse("http://packages.invalid")?;
    let mut options = options(dir.path(), vec![codebase]);
    let address =
        packhouse::transfer::ProxyAddress { url: proxy.url(), credentials: None, bypass: String::new() };
    options.network.proxy = Some(address);
    complete(&files, options);
    assert_eq!(proxy.sent_bytes(), total(&files));
    Ok(())
}

#[test]
fn a_document_is_fetched_up_to_its_size() -> Outcome {
    let origin = Origin::serve([("snapshot.meta4".to_owned(), vec![7; 1000])]);
    let address = format!("{}snapshot.meta4", origin.url());
    let network = NetworkOptions::default();
    assert_eq!(fetch_document(&address, None, &network, 1000)?.content, vec![7; 1000]);
    assert!(matches!(fetch_document(&address, None, &network, 999), Err(TransferError::TooLarge { .. })));
    let gone = fetch_document(&format!("{}x", origin.url()), None, &network, 999).expect_err("not there");
    assert!(gone.to_string().contains("404") && !gone.is_temporary());
    Ok(())
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        6 => Just(Fault::None),
        1 => Just(Fault::Status(500)),
        1 => Just(Fault::Busy(429, 0)),
        1 => Just(Fault::Whole),
        1 => Just(Fault::WrongRange),
        1 => Just(Fault::NoRange),
        1 => Just(Fault::Truncated),
        1 => Just(Fault::Flipped),
        1 => Just(Fault::Closed),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Any mix of faults, as the only codebase, ends with the right bytes.
    #[test]
    fn any_mix_of_faults_ends_with_the_right_bytes(mix in prop::collection::vec(fault(), 1..25), seed in 0..1000u64) {
        let content = noise(seed, 9 * BLOCK as usize + 1);
        let files = vec![("a".to_owned(), content.clone()), ("b".to_owned(), noise(seed + 1, 10))];
        let dir = tempfile::tempdir().expect("a folder");
        let origin = origin_of(&files);
        origin.fault(move |number, _| mix.get(number).copied().unwrap_or(Fault::None));
        let mut options = options(dir.path(), vec![web(&origin)]);
        options.connections = 2;
        let plan = vec![planned("a", &content, BLOCK), planned("b", &files[1].1, BLOCK)];
        let transfer = start(packhouse::transfer::Plan::new(plan, Vec::new()).expect("a plan"), options);
        loop {
            let (status, ended) = transfer.wait(std::time::Duration::from_millis(100), |s| s.state.is_at_rest());
            if ended {
                prop_assert!(status.state == DownloadState::Ready || status.invalid.is_some());
                if status.state == DownloadState::Ready {
                    same(dir.path(), &files);
                }
                break;
            }
            transfer.retry_now();
        }
    }
}
