//! Metalink documents of others and of strangers: what is meant is read, what could do harm is refused.

use std::fmt::Write as _;

use packhouse::package::manifest::{FileHashes, ManifestFile};
use packhouse::package::metalink::{
    self, LAST_PRIORITY, MetalinkProblem, MetalinkUrl, MetalinkWarning, Pieces, URLS_MAX,
};
use packhouse::package::path::PathWarning;
use packhouse::package::record::PackageId;
use packhouse::package::xml::XmlProblem;
use packhouse::package::{BlockSize, Manifest, Sha256Digest, snapshot};
use proptest::prelude::*;

type Outcome = Result<(), Box<dyn std::error::Error>>;

const NS: &str = "urn:ietf:params:xml:ns:metalink";

fn digest(text: &str) -> Sha256Digest {
    Sha256Digest::of(text.as_bytes())
}

fn document(files: &str) -> String {
    format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<metalink xmlns=\"{NS}\">{files}</metalink>")
}

fn hashed(name: &str, more: &str) -> String {
    format!("<file name=\"{name}\"><hash type=\"sha-256\">{}</hash>{more}</file>", digest(name))
}

/// The example of RFC 5854, 1.1, with what mirror managers add to it.
#[test]
fn a_document_of_a_mirror_manager_is_read() -> Outcome {
    let (whole, first, second) = (digest("whole"), digest("first"), digest("second"));
    let text = format!(
        "\u{feff}<?xml version='1.0' encoding='UTF-8'?>
<m:metalink xmlns:m=\"{NS}\" xmlns:x=\"urn:x\">
  <m:generator>MirrorBrain/2.17</m:generator>
  <m:origin dynamic=\"true\">http://example.com/example.ext.meta4</m:origin>
  <m:published>2009-05-15T12:23:23Z</m:published>
  <x:file name=\"not ours\"><x:size>1</x:size></x:file>
  <m:file name=\"dir/example &amp; more.ext\">
    <m:size> 14471447 </m:size>
    <m:identity>Example</m:identity>
    <m:hash type=\"md5\">05c7d97c0e3a16ffacd79d5bd2ee0f2a</m:hash>
    <m:hash type=\"sha-1\">nonsense</m:hash>
    <m:hash type=\"sha-256\">
      {whole}
    </m:hash>
    <m:pieces length=\"8000000\" type=\"sha-1\"><m:hash>zz</m:hash></m:pieces>
    <m:pieces type=\"sha-256\" length=\"8000000\">
      <!-- two -->
      <m:hash>{first}</m:hash><m:hash>{second}</m:hash>
    </m:pieces>
    <m:url location=\"DE\" priority=\"1\">ftp://ftp.example.com/example.ext</m:url>
    <m:url priority=\"0\" location=\"Germany\">http://example.com/e?a=1&amp;b=&#50;</m:url>
    <m:url><![CDATA[rel/example.ext]]></m:url>
    <m:metaurl mediatype=\"torrent\">http://example.com/example.ext.torrent</m:metaurl>
    <m:signature mediatype=\"application/pgp-signature\">-----BEGIN</m:signature>
  </m:file>
</m:metalink>\n"
    );
    let read = metalink::read(&text)?;
    assert_eq!((read.package, read.files.len(), read.warnings.len()), (None, 1, 0));
    let file = &read.files[0];
    assert_eq!(file.path.as_str(), "dir/example & more.ext");
    assert_eq!((file.size_bytes, file.sha256), (Some(14_471_447), Some(whole)));
    assert_eq!(file.pieces, Some(Pieces { length_bytes: 8_000_000, hashes: vec![first, second] }));
    let url =
        |reference: &str, priority, location| MetalinkUrl { reference: reference.into(), priority, location };
    assert_eq!(
        file.urls,
        [
            url("ftp://ftp.example.com/example.ext", 1, Some(*b"de")),
            url("http://example.com/e?a=1&b=2", LAST_PRIORITY, None),
            url("rel/example.ext", LAST_PRIORITY, None),
        ]
    );
    let base = "https://mirror/pub/x.meta4";
    assert_eq!(file.urls[2].address(base)?, "https://mirror/pub/rel/example.ext");
    Ok(())
}

#[test]
fn files_without_hashes_are_named_and_a_document_without_any_is_refused() -> Outcome {
    let plain = "<file name=\"plain\"><size>3</size><hash type=\"md5\">x</hash><url>a</url></file>";
    let read = metalink::read(&document(&format!("{plain}{}", hashed("good", ""))))?;
    let without: Vec<_> = read.files_without_hashes().map(|file| file.path.as_str()).collect();
    assert_eq!(without, ["plain"]);
    assert_eq!(metalink::read(&document(plain)), Err(MetalinkProblem::NoHashes));
    assert!(matches!(metalink::read(&document("")), Err(MetalinkProblem::Form(_))));
    Ok(())
}

#[test]
fn pieces_of_any_length_in_range_count_and_others_are_passed_over() -> Outcome {
    let hash = digest("x");
    let with = |length: &str| {
        let size = "<size>5000</size>";
        let pieces = format!("<pieces length=\"{length}\" type=\"sha-256\"><hash>{hash}</hash></pieces>");
        metalink::read(&document(&format!(
            "<file name=\"f\">{size}<hash type=\"sha-256\">{hash}</hash>{pieces}</file>"
        )))
    };
    for good in ["16384", "16385", "1000000", "67108864"] {
        assert!(with(good)?.files[0].pieces.is_some(), "{good}");
    }
    for bad in ["0", "1", "16383", "67108865", "-16384", "+16384", "18446744073709551616", "", "a"] {
        let read = with(bad)?;
        assert_eq!(read.files[0].pieces, None, "{bad}");
        let length = bad.to_owned();
        assert_eq!(read.warnings, [MetalinkWarning::Pieces { path: "f".to_owned(), length }]);
    }
    Ok(())
}

#[test]
fn names_that_differ_in_case_only_are_warned_of() -> Outcome {
    let read = metalink::read(&document(&(hashed("Read.me", "") + &hashed("read.ME", ""))))?;
    let warning = PathWarning::EqualBut("Read.me".to_owned());
    assert_eq!(read.warnings, [MetalinkWarning::Path { path: "read.ME".to_owned(), warning }]);
    Ok(())
}

#[test]
fn metalink_3_is_named() {
    let text = "<metalink version=\"3.0\" xmlns=\"http://www.metalinker.org/\"><files/></metalink>";
    assert_eq!(metalink::read(text), Err(MetalinkProblem::Version3));
}

#[test]
fn what_could_do_harm_is_refused() {
    let bomb = "<!DOCTYPE m [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>";
    let good = hashed("f", "");
    let size = |text: &str| document(&hashed("f", &format!("<size>{text}</size>")));
    let max = i64::MAX;
    let wrong = [
        String::new(),
        "   ".to_owned(),
        "nothing".to_owned(),
        "<metalink/>".to_owned(),
        format!("<html xmlns=\"{NS}\"/>"),
        document(&good).replace(NS, "urn:other"),
        format!("{bomb}{}", document(&good)),
        document(&good).replacen("?>", "?><?xml-stylesheet href=\"x\"?>", 1),
        document(&hashed("f", "<url>&b;</url>")),
        document(&good.replace("\"f\"", "\"&b;\"")),
        document(&good.replace("\"f\"", "\"../f\"")),
        document(&good.replace("\"f\"", "\"a/../../f\"")),
        document(&good.replace("\"f\"", "\"/etc/passwd\"")),
        document(&good.replace("\"f\"", "\"\"")),
        document(&good.replace("\"f\"", "\"a&#10;b\"")),
        document(&good.replace("\"f\"", "\"a&#0;b\"")),
        document(&good.replace("name=\"f\"", "")),
        document(&good.replace("name=\"f\"", "name=\"f\" name=\"g\"")),
        document(&(good.clone() + &good)),
        document(&(good.clone() + &hashed("f/inside", ""))),
        document(&(hashed("f/inside", "") + &good)),
        size("-1"),
        size("+1"),
        size(""),
        size("1e9"),
        size("9223372036854775808"),
        size("18446744073709551616"),
        size("1</size><size>2"),
        document(&(hashed("a", &format!("<size>{max}</size>")) + &hashed("b", "<size>1</size>"))),
        document(&good.replace("</hash>", "0</hash>")),
        document(&hashed("f", &format!("<hash type=\"sha-256\">{}</hash>", digest("other")))),
        document(&"<x>".repeat(100)),
        format!("{}{}", document(&good), document(&good)),
        document(&good)[..document(&good).len() - 3].to_owned(),
        document(&hashed("f", &"<url>u</url>".repeat(URLS_MAX + 1))),
        document(&hashed("f", &format!("<url>{}</url>", "u".repeat(10_000)))),
    ];
    for text in wrong {
        let shown: String = text.chars().take(300).collect();
        assert!(metalink::read(&text).is_err(), "{shown}");
    }
    let forbidden = MetalinkProblem::Xml(XmlProblem::Forbidden("a document type"));
    assert_eq!(metalink::read(&format!("{bomb}{}", document(&good))), Err(forbidden));
}

/// Ten million pieces for a file of one byte end at the second.
#[test]
fn more_pieces_than_the_size_allows_are_refused() {
    let hash = digest("x");
    let mut text = document(&hashed("f", "<size>1</size><pieces length=\"16384\" type=\"sha-256\">"));
    text.truncate(text.find("</file>").expect("it was written"));
    for _ in 0..1_000_000 {
        let _ = write!(text, "<hash>{hash}</hash>");
    }
    text.push_str("</pieces></file></metalink>");
    assert!(matches!(metalink::read(&text), Err(MetalinkProblem::File { .. })));
    // The size may also follow.
    let late = text.replacen("<size>1</size>", "", 1).replace("</pieces>", "</pieces><size>1</size>");
    assert!(matches!(metalink::read(&late), Err(MetalinkProblem::File { .. })));
}

/// Many attributes, many levels of names: time and memory stay in proportion.
#[test]
fn a_tag_of_a_million_attributes_is_no_work() {
    let mut tag = String::from("<file name=\"f\"");
    for n in 0..300_000 {
        let _ = write!(tag, " a{n}=\"\"");
    }
    let text = document(&format!("{tag}><hash type=\"sha-256\">{}</hash></file>", digest("x")));
    let begun = std::time::Instant::now();
    assert!(metalink::read(&text).is_ok());
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

fn manifests() -> impl Strategy<Value = Manifest> {
    let name = "[a-zA-Z0-9 &<>'\"%#?é]{1,12}"
        .prop_filter("a name", |name| packhouse::package::path::check(name).is_ok());
    prop::collection::btree_map(name, 0u64..1_200_000, 1..12).prop_map(|files| {
        let size = BlockSize::new(262_144).expect("a power of two");
        let files = files.into_iter().map(|(path, size_bytes)| {
            let count = size.blocks_in(size_bytes);
            let blocks: Vec<_> = (0..count).map(|n| digest(&format!("{path}{n}"))).collect();
            let file = if count == 1 { blocks[0] } else { digest(&path) };
            let hashes = Some(FileHashes { file, blocks });
            ManifestFile { path, size_bytes, executable: false, hashes }
        });
        Manifest::from_files(size, files.collect()).expect("a map has each name once")
    })
}

proptest! {
    #[test]
    fn our_snapshot_is_a_metalink_that_says_the_same(manifest in manifests(), id: u128) {
        let id = PackageId(uuid::Uuid::from_u128(id));
        let text = snapshot::write(id, &manifest).expect("all hashes");
        let read = metalink::read(&text).expect("it is one");
        prop_assert_eq!(read.package, Some(id));
        prop_assert_eq!(read.files.len(), manifest.len());
        for (file, entry) in read.files.iter().zip(manifest.iter()) {
            prop_assert_eq!(file.path.as_str(), entry.path);
            prop_assert_eq!(file.size_bytes, Some(entry.size_bytes));
            prop_assert_eq!(file.sha256, entry.hashes.map(|hashes| hashes.file));
            let pieces = file.pieces.as_ref().map(|pieces| pieces.hashes.clone()).unwrap_or_default();
            prop_assert_eq!(&pieces, &entry.hashes.expect("it has them").blocks);
            let address = file.urls[0].address("http://srv/p/1/snapshot.meta4").expect("an address");
            prop_assert_eq!(address, format!("http://srv/p/1/data/{}", snapshot::escape_url_path(entry.path)));
        }
        prop_assert_eq!(snapshot::read(&text), Ok(snapshot::Snapshot { package: id, manifest }));
    }

    #[test]
    fn any_cut_and_any_changed_byte_ends_in_an_answer(manifest in manifests(), at: prop::sample::Index, with: char) {
        let text = snapshot::write(PackageId(uuid::Uuid::nil()), &manifest).expect("all hashes");
        // Without its last line feed it is whole.
        let at = text.floor_char_boundary(at.index(text.trim_end().len()));
        prop_assert!(metalink::read(&text[..at]).is_err());
        let mut changed = text.clone();
        let next = text.ceil_char_boundary(at + 1);
        changed.replace_range(at..next, with.encode_utf8(&mut [0; 4]));
        let _ = metalink::read(&changed);
        let _ = snapshot::read(&changed);
    }

    #[test]
    fn tags_in_any_order_never_panic(tags in prop::collection::vec(prop::sample::select(vec![
        "<file name=\"a\">", "<file name=\"b/c\">", "</file>", "<size>", "</size>", "1", "99999999999",
        "<hash type=\"sha-256\">", "</hash>", "<pieces length=\"16384\" type=\"sha-256\">", "</pieces>", "<hash>",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "<url>", "</url>", "&amp;", "&x;",
        "<![CDATA[", "]]>", "<!--", "-->", "<x/>", "<file name=\"d\"/>", "<size/>", "<pieces/>",
    ]), 0..60)) {
        let _ = metalink::read(&document(&tags.concat()));
        let _ = metalink::read(&tags.concat());
    }
}
