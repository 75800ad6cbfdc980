//! What a stranger's server may send instead of a snapshot, a registration info or a seal: refused with a word, nothing
//! is made, and memory stays bounded.

use std::fs;
use std::io::{BufRead as _, BufReader, Cursor, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use minisign::{KeyPair, SignatureBox};
use packhouse::package::record::{PackageId, PackageType};
use packhouse::package::reginfo::RegInfo;
use packhouse::package::trust::{self, SealJudgement, key_id};
use packhouse::package::{FileList, KeyInfo, KeyUse, PackageKey, Sha256Digest, metalink, path};
use packhouse::session::AddDownload;
use packhouse::transfer::{NetworkOptions, TransferError, fetch_document};
use proptest::prelude::*;

use crate::desk::Outcome;
use crate::origin::Origin;
use crate::publisher::{Scene, add};

const NS: &str = "urn:ietf:params:xml:ns:metalink";

fn info() -> RegInfo {
    let mut info = RegInfo::new(
        PackageId(uuid::Uuid::from_u128(1)),
        PackageKey::new("7-Zip", "24.09").expect("good"),
        Some(PackageKey::new("7-Zip", "23.01").expect("good")),
        "Igor \"P\" Pavlov".into(),
        PackageType::Msi,
        3,
        FileList::new().checksum(),
        Vec::new(),
        vec!["bin/run".into(), "ü.sh".into()],
    );
    info.sha256.insert("bagit.txt".into(), Sha256Digest::of(b"x"));
    info
}

/// What is taken has only paths a package can have, and says the same when it is written again.
fn sound(text: &str) -> Result<(), TestCaseError> {
    if let Ok(info) = RegInfo::parse(text) {
        prop_assert!(info.executable.iter().all(|path| path::check(path).is_ok()), "{text}");
        prop_assert_eq!(RegInfo::parse(&info.to_text()), Ok(info));
    }
    Ok(())
}

#[test]
fn registration_infos_that_could_do_harm_are_refused() {
    let good = info().to_text();
    assert!(RegInfo::parse(&good).is_ok());
    let revision = |text: &str| good.replace("\"revision\": 3", &format!("\"revision\": {text}"));
    assert_ne!(revision("4"), good);
    let wrong = [
        String::new(),
        "null".to_owned(),
        "[".repeat(1_000_000),
        "{\"format\":".repeat(1_000_000),
        revision("-1"),
        revision("18446744073709551616"),
        revision("1e999"),
        revision("3.5"),
        good.replace("bin/run", "../run"),
        good.replace("bin/run", "bin/../../run"),
        good.replace("bin/run", "/etc/passwd"),
        good.replace("bin/run", "bin//run"),
        good.replace("bin/run", "bin/\\u0000"),
        good.replace("24.09", "../24.09"),
        good.replace("7-Zip", ".."),
        good.replace(&Sha256Digest::of(b"x").to_string(), "12"),
    ];
    for text in wrong {
        let shown: String = text.chars().take(300).collect();
        assert!(RegInfo::parse(&text).is_err(), "{shown}");
    }
}

/// A key, and the seal of [`info`] under it; made once, since making a key takes its time.
struct Sealed {
    key: KeyInfo,
    text: String,
    seal: String,
}

fn sealed() -> &'static Sealed {
    static SEALED: std::sync::OnceLock<Sealed> = std::sync::OnceLock::new();
    SEALED.get_or_init(|| {
        let pair = KeyPair::generate_unencrypted_keypair().expect("random numbers");
        let (text, comment) = (info().to_text(), info().trusted_comment());
        let seal = minisign::sign(Some(&pair.pk), &pair.sk, Cursor::new(&text), Some(&comment), None);
        let key = KeyInfo {
            name: "Berlin".to_owned(),
            key_id: key_id(pair.pk.keynum()),
            public: pair.pk.to_base64(),
            own: false,
            since: jiff::Timestamp::UNIX_EPOCH,
            backup: None,
            retired: false,
            uses: vec![KeyUse::Seal],
        };
        Sealed { key, text, seal: seal.expect("it can sign").into_string() }
    })
}

fn is_trusted(text: &str, seal: &str) -> bool {
    matches!(trust::judge(text, seal, std::slice::from_ref(&sealed().key)), SealJudgement::Trusted { .. })
}

/// A seal that did not arrive whole: its last line is the signature of the comment.
#[test]
fn a_seal_that_is_cut_off_is_broken() {
    let Sealed { key, text, seal } = sealed();
    let last = seal.trim_end().rfind('\n').expect("it has four lines") + 1;
    for line in ["", "AAA=", "AAAA", &seal[last..last + 40], &seal[last..last + 84]] {
        let cut = format!("{}{line}\n", &seal[..last]);
        let judged = trust::judge(text, &cut, std::slice::from_ref(key));
        assert!(matches!(judged, SealJudgement::Broken { .. }), "{line:?}: {judged:?}");
    }
}

/// `text` with the character at `at` replaced.
fn changed(text: &str, at: &prop::sample::Index, with: char) -> String {
    let at = text.floor_char_boundary(at.index(text.len()));
    let mut changed = text.to_owned();
    changed.replace_range(at..text.ceil_char_boundary(at + 1), with.encode_utf8(&mut [0; 4]));
    changed
}

proptest! {
    #[test]
    fn any_cut_and_any_change_of_a_registration_info_ends_in_an_answer(
        at: prop::sample::Index,
        with: char,
        digit in "[0-9.eE+\\-]{1,30}",
    ) {
        let good = info().to_text();
        let cut = good.floor_char_boundary(at.index(good.trim_end().len()));
        prop_assert!(RegInfo::parse(&good[..cut]).is_err());
        sound(&changed(&good, &at, with))?;
        sound(&good.replace("\"revision\": 3", &format!("\"revision\": {digit}")))?;
    }

    #[test]
    fn no_registration_info_is_too_strange(text in "(\\{|\\[|\\}|\\]|\"|:|,|[a-z0-9-]|\\PC){0,80}") {
        sound(&text)?;
        sound(&format!("{{\"format\":\"packhouse-reginfo-1\",{text}"))?;
    }

    #[test]
    fn a_seal_fits_its_text_and_no_other(at: prop::sample::Index, with: char) {
        let Sealed { text, seal, .. } = sealed();
        prop_assert!(is_trusted(text, seal));
        let other = changed(text, &at, with);
        prop_assert_eq!(is_trusted(&other, seal), other == *text);
    }

    /// Only what nobody signed may differ: the comment above, the ends of lines.
    #[test]
    fn any_cut_and_any_change_of_a_seal_ends_in_an_answer(at: prop::sample::Index, with: char) {
        let Sealed { text, seal, .. } = sealed();
        let cut = seal.floor_char_boundary(at.index(seal.trim_end().len()));
        prop_assert!(!is_trusted(text, &seal[..cut]));
        let other = changed(seal, &at, with);
        if is_trusted(text, &other) {
            let signed = |seal: &str| {
                let seal = SignatureBox::from_string(seal).expect("it was trusted");
                (seal.trusted_comment().ok(), seal.keynum().to_vec())
            };
            prop_assert_eq!(signed(&other), signed(seal));
        }
    }

    #[test]
    fn no_seal_is_too_strange(
        text in "(untrusted comment: |trusted comment: |RUQ|[A-Za-z0-9+/=]{1,100}|\n|\r|\\PC){0,30}",
    ) {
        prop_assert!(!is_trusted(&sealed().text, &text));
        prop_assert!(!is_trusted(&sealed().text, &sealed().seal.replacen('\n', &text, 1)) || text.contains('\n'));
    }
}

fn document(files: &str) -> String {
    format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<metalink xmlns=\"{NS}\">{files}</metalink>")
}

/// From the address to the answer: none of these is begun, even where unsigned ones are allowed.
#[test]
fn documents_that_could_do_harm_begin_no_download() -> Outcome {
    let hash = Sha256Digest::of(b"x");
    let file = |name: &str, size: &str| {
        document(&format!(
            "<file name=\"{name}\"><size>{size}</size><hash type=\"sha-256\">{hash}</hash><url>f</url></file>"
        ))
    };
    let pieces = |size: &str, count: usize| {
        let hashes = format!("<hash>{hash}</hash>").repeat(count);
        file("f", size)
            .replace("<url>", &format!("<pieces type=\"sha-256\" length=\"16384\">{hashes}</pieces><url>"))
    };
    let levels = |n: u32| {
        let names = ('a'..='z').take(n as usize).collect::<Vec<_>>();
        let entity =
            |pair: &[char]| format!("<!ENTITY {} \"{}\">", pair[1], format!("&{};", pair[0]).repeat(10));
        names.windows(2).map(entity).collect::<String>()
    };
    let bomb = format!("<!DOCTYPE m [<!ENTITY a \"ha\">{}]>", levels(9));
    let documents = [
        ("bomb", file("&i;", "1").replacen("?>", &format!("?>{bomb}"), 1)),
        (
            "outside",
            file("&x;", "1").replacen("?>", "?><!DOCTYPE m [<!ENTITY x SYSTEM \"/etc/passwd\">]>", 1),
        ),
        ("deep", document(&"<x>".repeat(1_000_000))),
        ("above", file("../f", "1")),
        ("far above", file("a/../../f", "1")),
        ("absolute", file("/etc/passwd", "1")),
        ("drive", file("a\u{0}b", "1")),
        ("negative", file("f", "-1")),
        ("overflow", file("f", "18446744073709551616")),
        ("pieces", pieces("1", 100_000)),
        ("few pieces", pieces("9223372036854775807", 3)),
        ("empty", String::new()),
    ];
    let scene = Scene::new(1);
    let session = scene.here.open();
    let named = |(name, text): &(&str, String)| {
        (format!("{}.meta4", name.replace(' ', "%20")), text.clone().into_bytes())
    };
    let origin = Origin::serve(documents.iter().map(named));
    for (name, _) in &documents {
        let address = format!("{}{}.meta4", origin.url(), name.replace(' ', "%20"));
        let request = AddDownload { address, unsigned: Some("a test".into()), ..scene.request() };
        let failure = add(&session, request).expect_err("it could do harm");
        assert_eq!(failure.code, "download-not-readable", "{name}: {failure:?}");
        assert!(!failure.reason.is_empty() && !failure.reason.contains("root:"), "{name}: {failure:?}");
    }
    assert!(session.downloads().ok_or("it can be written")?.rows().is_empty() && !scene.target().exists());
    Ok(())
}

const ADDRESS: &str = "PACKHOUSE_TEST_HOSTILE_ADDRESS";
/// The largest document twice, since room for it grows by doubling, and the program around it.
const MOST_MEMORY: u64 = 2 * metalink::DOCUMENT_MAX_BYTES as u64 + (64 << 20);

/// Ten million pieces of one file, made while they are sent.
#[test]
fn ten_million_pieces_are_refused_in_bounded_memory() -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("http://{}/snapshot.meta4", listener.local_addr()?);
    let server = std::thread::spawn(move || -> std::io::Result<u64> {
        let (mut stream, _) = listener.accept()?;
        for line in BufReader::new(stream.try_clone()?).lines() {
            if line?.is_empty() {
                break;
            }
        }
        // Its length is not told: whoever reads must stop by itself.
        stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
        let hash = Sha256Digest::of(b"x");
        let head = document("").replace("</metalink>", "")
            + "<file name=\"f\"><size>163840000000</size>"
            + "<pieces type=\"sha-256\" length=\"16384\">";
        stream.write_all(head.as_bytes())?;
        let thousand = format!("<hash>{hash}</hash>").repeat(1000);
        let mut sent = 0;
        for _ in 0..10_000 {
            if stream.write_all(thousand.as_bytes()).is_err() {
                break;
            }
            sent += thousand.len() as u64;
        }
        Ok(sent)
    });
    let output = Command::new(std::env::current_exe()?)
        .args(["hostile::a_document_in_a_process_of_its_own", "--exact", "--nocapture"])
        .env(ADDRESS, address)
        .stderr(Stdio::inherit())
        .output()?;
    let out = String::from_utf8(output.stdout)?;
    let memory = out.lines().find_map(|line| line.strip_prefix("refused with ")).ok_or(out.clone())?;
    assert!(memory.parse::<u64>()? < MOST_MEMORY, "{out}");
    let sent = server.join().map_err(|_| "the server panicked")??;
    let most = metalink::DOCUMENT_MAX_BYTES as u64;
    assert!(sent >= most && sent < 2 * most, "{sent} bytes were taken");
    Ok(())
}

/// The child; run by itself, it knows how much memory it has.
#[test]
fn a_document_in_a_process_of_its_own() -> Outcome {
    if let Ok(address) = std::env::var(ADDRESS) {
        let most = metalink::DOCUMENT_MAX_BYTES as u64;
        let refused = fetch_document(&address, None, &NetworkOptions::default(), most);
        assert!(matches!(refused, Err(TransferError::TooLarge { .. })));
    }
    let status = fs::read_to_string("/proc/self/status")?;
    let memory = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let memory = memory.trim().trim_end_matches(" kB").parse::<u64>()? << 10;
    assert!(memory > 0);
    writeln!(std::io::stdout(), "\nrefused with {memory}")?;
    Ok(())
}
