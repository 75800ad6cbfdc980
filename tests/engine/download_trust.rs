//! What an attacker who holds the server may offer, and what becomes of it.

use std::collections::BTreeMap;
use std::io::Cursor;

use jiff::Timestamp;
use minisign::KeyPair;
use packhouse::package::download::{Allowance, TrustDecision};
use packhouse::package::manifest::{FileHashes, ManifestFile};
use packhouse::package::record::{PackageId, PackageType};
use packhouse::package::reginfo::RegInfo;
use packhouse::package::trust::key_id;
use packhouse::package::{BlockSize, KeyInfo, KeyUse, Manifest, PackageKey, Sha256Digest, snapshot};
use packhouse::transfer::trust::{Judgement, Offer, Refusal, Taken, Terms, judge};

/// The texts of a package folder.
#[derive(Clone)]
struct Texts {
    snapshot: String,
    reginfo: Option<String>,
    seal: Option<String>,
    tag_files: BTreeMap<String, Vec<u8>>,
}

struct Publisher {
    pair: KeyPair,
    name: &'static str,
}

impl Publisher {
    fn new(name: &'static str) -> Self {
        Self { pair: KeyPair::generate_unencrypted_keypair().expect("random numbers"), name }
    }

    fn key(&self) -> KeyInfo {
        KeyInfo {
            name: self.name.to_owned(),
            key_id: key_id(self.pair.pk.keynum()),
            public: self.pair.pk.to_base64(),
            own: false,
            since: Timestamp::UNIX_EPOCH,
            backup: None,
            retired: false,
            uses: vec![KeyUse::Seal],
        }
    }

    fn sign(&self, text: &str, comment: &str) -> String {
        minisign::sign(Some(&self.pair.pk), &self.pair.sk, Cursor::new(text), Some(comment), None)
            .expect("it can sign")
            .into_string()
    }

    fn publish(&self, id: u128, revision: u64, content: &str) -> Texts {
        self.publish_as(id, id, revision, content)
    }

    fn publish_as(&self, id: u128, snapshot_id: u128, revision: u64, content: &str) -> Texts {
        let hash = Sha256Digest::of(content.as_bytes());
        let file = ManifestFile {
            path: "app.exe".to_owned(),
            size_bytes: content.len() as u64,
            executable: false,
            hashes: Some(FileHashes { file: hash, blocks: vec![hash] }),
        };
        let manifest = Manifest::from_files(BlockSize::DEFAULT, vec![file]).expect("one file");
        let package = |id| PackageId(uuid::Uuid::from_u128(id));
        let snapshot = snapshot::write(package(snapshot_id), &manifest).expect("it has hashes");
        let tag_files: BTreeMap<String, Vec<u8>> = ["bagit.txt", "bag-info.txt", "manifest-sha256.txt"]
            .map(|name| (name.to_owned(), name.as_bytes().to_vec()))
            .into();
        let mut info = RegInfo::new(
            package(id),
            PackageKey::new("7-Zip", "24.09").expect("good"),
            None,
            String::new(),
            PackageType::Generic,
            revision,
            manifest.files().checksum(),
            Vec::new(),
            Vec::new(),
        );
        info.sha256.insert("snapshot.meta4".to_owned(), Sha256Digest::of(snapshot.as_bytes()));
        for (name, text) in &tag_files {
            info.sha256.insert(name.clone(), Sha256Digest::of(text));
        }
        let reginfo = info.to_text();
        let seal = self.sign(&reginfo, &info.trusted_comment());
        Texts { snapshot, reginfo: Some(reginfo), seal: Some(seal), tag_files }
    }
}

fn judged(texts: &Texts, keys: &[KeyInfo], terms: &Terms) -> Judgement {
    let Texts { snapshot, reginfo, seal, tag_files } = texts;
    let offer = Offer { snapshot, reginfo: reginfo.as_deref(), seal: seal.as_deref(), tag_files };
    judge(&offer, keys, terms)
}

fn taken(judgement: Judgement) -> Taken {
    match judgement {
        Judgement::Taken(taken) => *taken,
        other => panic!("{other:?}"),
    }
}

/// The refusal, which must hold the second time too where the first was given another chance.
fn refusal(texts: &Texts, keys: &[KeyInfo], terms: &Terms) -> Refusal {
    let again = Terms { fetched_again: true, ..terms.clone() };
    let last = match judged(texts, keys, &again) {
        Judgement::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    };
    match judged(texts, keys, terms) {
        Judgement::FetchOnceMore(first) => {
            assert!(matches!(first, Refusal::Broken { .. } | Refusal::SealMissing { .. }), "{first:?}");
            assert_eq!(first, last);
        }
        Judgement::Refused(first) => assert_eq!(first, last),
        Judgement::Taken(_) => panic!("taken at first"),
    }
    last
}

fn allowance() -> Allowance {
    Allowance { who: "anna".to_owned(), reason: "a test".to_owned() }
}

/// Terms as generous as a person can make them.
fn generous() -> Terms {
    Terms { unsigned: Some(allowance()), allow_older: true, ..Terms::default() }
}

#[test]
fn a_sealed_package_of_a_trusted_key_is_taken() {
    let berlin = Publisher::new("Packaging Berlin 2026");
    let texts = berlin.publish(1, 3, "content");
    for seen in [None, Some(2), Some(3)] {
        let terms = Terms { revision_seen: seen, ..Terms::default() };
        let taken = taken(judged(&texts, &[berlin.key()], &terms));
        let (snapshot, info) = taken.package.expect("a package of ours");
        assert_eq!((snapshot.package, info.revision), (info.id, 3));
        let key = berlin.key();
        assert_eq!(taken.decision, TrustDecision::Sealed { name: key.name, key_id: key.key_id });
    }
}

/// Everything an attacker can change, with the most generous terms: always the broken seal, and no way around.
#[test]
fn whatever_is_changed_breaks_the_seal() {
    let berlin = Publisher::new("Packaging Berlin 2026");
    let keys = [berlin.key()];
    let good = berlin.publish(1, 3, "content");
    let evil = berlin.publish(1, 3, "evil...");
    let other = berlin.publish(2, 3, "content");
    let reginfo = good.reginfo.clone().expect("sealed");
    let mut cases: Vec<(&str, Texts)> = vec![
        ("snapshot of other content", Texts { snapshot: evil.snapshot.clone(), ..good.clone() }),
        ("snapshot of another package", Texts { snapshot: other.snapshot.clone(), ..good.clone() }),
        (
            "mark taken out of the snapshot",
            Texts { snapshot: good.snapshot.replace("packhouse:package", "packhouse:other"), ..good.clone() },
        ),
        ("one space more in the snapshot", Texts { snapshot: good.snapshot.clone() + " ", ..good.clone() }),
        ("changed reginfo", Texts { reginfo: Some(reginfo.replace("7-Zip", "8-Zip")), ..good.clone() }),
        ("reginfo of another", Texts { reginfo: other.reginfo.clone(), ..good.clone() }),
        ("seal of another", Texts { seal: other.seal.clone(), ..good.clone() }),
        ("no seal at all", Texts { seal: Some("nonsense".to_owned()), ..good.clone() }),
        ("empty seal", Texts { seal: Some(String::new()), ..good.clone() }),
        ("ids that do not agree, signed", berlin.publish_as(1, 2, 3, "content")),
        (
            "another comment, signed",
            Texts { seal: Some(berlin.sign(&reginfo, "id=x revision=9")), ..good.clone() },
        ),
    ];
    let seal = good.seal.clone().expect("sealed");
    let comment = seal.replace("revision=3", "revision=9");
    assert_ne!(comment, seal);
    cases.push(("changed comment", Texts { seal: Some(comment), ..good.clone() }));
    for name in ["bagit.txt", "bag-info.txt", "manifest-sha256.txt"] {
        let mut changed = good.clone();
        changed.tag_files.insert(name.to_owned(), b"changed".to_vec());
        cases.push((name, changed));
        let mut missing = good.clone();
        missing.tag_files.remove(name);
        cases.push((name, missing));
        let mut uncovered: serde_json::Value = serde_json::from_str(&reginfo).expect("JSON");
        uncovered["sha256"].as_object_mut().expect("an object").remove(name);
        let text = uncovered.to_string();
        let seal = berlin.sign(&text, &RegInfo::parse(&text).expect("still one").trusted_comment());
        cases.push((name, Texts { reginfo: Some(text), seal: Some(seal), ..good.clone() }));
    }
    for (what, texts) in cases {
        let refusal = refusal(&texts, &keys, &generous());
        assert!(matches!(refusal, Refusal::Broken { .. }), "{what}: {refusal:?}");
        let failure = refusal.explain("7-Zip 24.09");
        assert_eq!(failure.code, "download-seal-broken", "{what}");
    }
    let changed = Texts { snapshot: evil.snapshot, ..good };
    let failure = refusal(&changed, &keys, &generous()).explain("7-Zip 24.09");
    assert_eq!(failure.message, "the seal of 7-Zip 24.09 does not match");
    assert!(failure.reason.contains("changed after signing by Packaging Berlin 2026"), "{}", failure.reason);
}

#[test]
fn a_seal_that_is_missing_is_an_error_and_not_an_unsigned_download() {
    let berlin = Publisher::new("Berlin");
    let good = berlin.publish(1, 3, "content");
    for (texts, missing) in [
        (Texts { seal: None, ..good.clone() }, "reginfo.json.minisig"),
        (Texts { reginfo: None, ..good.clone() }, "reginfo.json"),
        (Texts { reginfo: None, seal: None, ..good.clone() }, "reginfo.json"),
    ] {
        assert_eq!(refusal(&texts, &[berlin.key()], &generous()), Refusal::SealMissing { missing });
    }
}

#[test]
fn an_unknown_key_is_named_and_taken_only_this_once() {
    let lyon = Publisher::new("Lyon");
    let texts = lyon.publish(1, 3, "content");
    let id = lyon.key().key_id;
    let for_jobs = KeyInfo { uses: vec![KeyUse::Jobs], ..lyon.key() };
    for keys in [vec![], vec![Publisher::new("Berlin").key()], vec![for_jobs]] {
        assert_eq!(refusal(&texts, &keys, &generous()), Refusal::UnknownKey { key_id: id.clone() });
    }
    let once = Terms { unknown_key: Some((id.clone(), allowance())), ..Terms::default() };
    let decision = TrustDecision::ThisOnce { key_id: id, allowed: allowance() };
    assert_eq!(taken(judged(&texts, &[], &once)).decision, decision);
    // What was allowed for one key is not allowed for another, and what came with it must still fit.
    let other = Publisher::new("other").publish(1, 3, "content");
    assert!(matches!(refusal(&other, &[], &once), Refusal::UnknownKey { .. }));
    let changed = Texts { snapshot: lyon.publish(1, 3, "evil...").snapshot, ..texts };
    assert!(matches!(refusal(&changed, &[], &once), Refusal::Broken { signer: None, .. }));
}

#[test]
fn an_older_revision_and_another_package_are_refused() {
    let berlin = Publisher::new("Berlin");
    let keys = [berlin.key()];
    let old = berlin.publish(1, 3, "old");
    let seen = Terms { revision_seen: Some(4), ..Terms::default() };
    assert_eq!(refusal(&old, &keys, &seen), Refusal::Older { offered: 3, seen: 4 });
    taken(judged(&old, &keys, &Terms { allow_older: true, ..seen }));
    let expected = PackageId(uuid::Uuid::from_u128(9));
    let terms = Terms { expected: Some(expected), ..generous() };
    let offered = Some(PackageId(uuid::Uuid::from_u128(1)));
    assert_eq!(refusal(&old, &keys, &terms), Refusal::OtherPackage { expected, offered });
}

#[test]
fn a_metalink_of_others_is_taken_only_where_it_was_allowed() {
    let hash = Sha256Digest::of(b"x");
    let document = |hash: &str| {
        format!(
            "<metalink xmlns=\"urn:ietf:params:xml:ns:metalink\"><file name=\"f\">{hash}<url>http://m/f</url></file></metalink>"
        )
    };
    let foreign = |snapshot| Texts { snapshot, reginfo: None, seal: None, tag_files: BTreeMap::new() };
    let good = foreign(document(&format!("<hash type=\"sha-256\">{hash}</hash>")));
    assert_eq!(refusal(&good, &[], &Terms::default()), Refusal::Unsigned);
    let taken = taken(judged(&good, &[], &generous()));
    assert_eq!((taken.package, taken.decision), (None, TrustDecision::Unsigned { allowed: allowance() }));
    let bare = foreign(document("<hash type=\"md5\">00</hash>"));
    assert_eq!(refusal(&bare, &[], &generous()), Refusal::NoHashes);
    assert!(matches!(refusal(&foreign("<html/>".to_owned()), &[], &generous()), Refusal::NoDocument(_)));
    // A download that was of a package does not become one of a foreign Metalink.
    let expected = PackageId(uuid::Uuid::from_u128(9));
    let terms = Terms { expected: Some(expected), ..generous() };
    assert_eq!(refusal(&good, &[], &terms), Refusal::OtherPackage { expected, offered: None });
}
