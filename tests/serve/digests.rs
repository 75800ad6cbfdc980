//! Digests are promised for bytes that were proven, and for no others.

use std::fs;

use sha2::{Digest as _, Sha256};

use crate::http::{Reply, get};
use crate::{Outcome, age, content, sealed, serve};

const BLOCK: usize = 2 * 1024 * 1024;

/// A digest field as RFC 9530 writes it.
fn field(bytes: &[u8]) -> String {
    use base64::Engine as _;
    format!("sha-256=:{}:", base64::engine::general_purpose::STANDARD.encode(Sha256::digest(bytes)))
}

fn digests(reply: &Reply) -> (Option<&str>, Option<&str>) {
    (reply.field("Repr-Digest"), reply.field("Content-Digest"))
}

#[test]
fn a_block_is_vouched_for_once_it_was_proven_and_until_the_file_changes() -> Outcome {
    let place = tempfile::tempdir()?;
    let bytes = content(BLOCK * 2 + 1000);
    let packages = sealed(place.path(), &[("big.bin", &bytes), ("small.txt", b"one block"), ("empty", b"")])?;
    let data = packages.join("Tool/1.0/data");
    let server = serve(&packages)?;
    let ask = |range: Option<&str>| {
        let fields: Vec<_> = range.iter().map(|range| ("Range", *range)).collect();
        get(server.address(), "/Tool/1.0/data/big.bin", &fields)
    };
    let second = "bytes=2097152-4194303";
    let expected = field(&bytes[BLOCK..BLOCK * 2]);
    // The first time it is proven while it is sent; nothing can be promised yet.
    let reply = ask(Some(second))?;
    assert!(reply.status == 206 && reply.body == bytes[BLOCK..BLOCK * 2]);
    assert_eq!(digests(&reply), (None, None));
    assert_eq!(digests(&ask(Some(second))?), (None, Some(expected.as_str())));
    // Other bytes than exactly the block's are nobody's block.
    for range in
        ["bytes=2097152-4194302", "bytes=2097153-4194303", "bytes=0-2097151", "bytes=0-5,2097152-4194303"]
    {
        assert_eq!(digests(&ask(Some(range))?).1, None, "{range}");
    }
    // The last block is shorter. The first was sent just now.
    assert_eq!(digests(&ask(Some("bytes=4194304-"))?), (None, None));
    assert_eq!(digests(&ask(Some("bytes=-1000"))?), (None, Some(field(&bytes[BLOCK * 2..]).as_str())));
    assert_eq!(digests(&ask(Some("bytes=0-2097151"))?).1, Some(field(&bytes[..BLOCK]).as_str()));
    // All blocks were proven, the hash of the whole file was not: that takes all of it in one go.
    assert_eq!(digests(&ask(None)?).0, None);
    let whole = field(&bytes);
    assert_eq!(digests(&ask(None)?), (Some(whole.as_str()), Some(whole.as_str())));
    assert_eq!(digests(&ask(Some(second))?), (Some(whole.as_str()), Some(expected.as_str())));
    // One byte changed behind the server's back: nothing is promised, and nothing is proven any more.
    let mut changed = bytes.clone();
    changed[BLOCK + 7] ^= 1;
    fs::write(data.join("big.bin"), &changed)?;
    age(&data.join("big.bin"))?;
    for _ in 0..2 {
        let reply = ask(Some(second))?;
        assert!(reply.body == changed[BLOCK..BLOCK * 2]);
        assert_eq!(digests(&reply), (None, None));
        assert_eq!(digests(&ask(None)?), (None, None));
    }
    // The other blocks are as they were, and are proven anew.
    assert_eq!(digests(&ask(Some("bytes=-1000"))?).1, Some(field(&bytes[BLOCK * 2..]).as_str()));
    Ok(())
}

#[test]
fn small_files_and_a_folder_that_is_the_package_itself() -> Outcome {
    let place = tempfile::tempdir()?;
    let packages = sealed(place.path(), &[("deep/data/small.txt", b"one block"), ("empty", b"")])?;
    let expected = field(b"one block");
    for (folder, prefix) in [(packages.clone(), "/Tool/1.0"), (packages.join("Tool/1.0"), "")] {
        let server = serve(&folder)?;
        let ask = |path: &str| get(server.address(), &format!("{prefix}/{path}"), &[]);
        assert_eq!(digests(&ask("data/deep/data/small.txt")?), (None, None));
        let again = ask("data/deep/data/small.txt")?;
        assert_eq!(digests(&again), (Some(expected.as_str()), Some(expected.as_str())));
        assert_eq!(again.body, b"one block");
        // Nothing is there to be proven, and nothing stands in the snapshot of what is no data.
        for path in ["data/empty", "reginfo.json", "snapshot.meta4", "notes.json"] {
            for _ in 0..2 {
                let reply = ask(path)?;
                assert_eq!((reply.status, digests(&reply)), (200, (None, None)), "{path}");
            }
        }
    }
    Ok(())
}

#[test]
fn a_snapshot_that_lies_or_is_none_vouches_for_nothing() -> Outcome {
    let place = tempfile::tempdir()?;
    let packages = sealed(place.path(), &[("small.txt", b"one block")])?;
    let snapshot = packages.join("Tool/1.0/snapshot.meta4");
    let text = fs::read_to_string(&snapshot)?;
    let server = serve(&packages)?;
    let ask = || get(server.address(), "/Tool/1.0/data/small.txt", &[]);
    ask()?;
    assert!(ask()?.field("Repr-Digest").is_some());
    let hash = packhouse::package::Sha256Digest::of(b"one block").to_string();
    for lie in [text.replace(&hash, &"0".repeat(64)), text[..text.len() / 2].to_owned(), String::new()] {
        fs::write(&snapshot, lie)?;
        age(&snapshot)?;
        for _ in 0..2 {
            let reply = ask()?;
            assert_eq!((reply.status, digests(&reply)), (200, (None, None)));
        }
    }
    Ok(())
}
