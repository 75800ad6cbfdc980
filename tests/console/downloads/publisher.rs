//! Somebody who has a sealed package, and servers that offer it.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use packhouse::package::{BlockSize, Sha256Digest};
use packhouse::session::{
    Actor, AddedFile, CreateKey, KeyInfo, ListPackages, OpenOptions, Register, RegisterRequest, Seal,
    ServeOptions, Server, Session, ShareOptions, Unseal, Update, UpdateRequest,
};
use packhouse::work::Work;

use crate::origin::Origin;

/// Bytes of the package: 24 blocks of 256 KiB in one file, and a small file.
pub(super) const LARGE_BYTES: usize = 24 * 256 * 1024;

/// A sealed package `Sample 1.0` in a library of somebody.
pub(super) struct Publisher {
    packages: PathBuf,
    source: PathBuf,
    options: OpenOptions,
    pub(super) key: KeyInfo,
}

impl Publisher {
    /// Makes it in `folder`, sealed with a key made in the folder `keys`.
    pub(super) fn new(folder: &Path, keys: PathBuf) -> Self {
        let actor = Actor {
            who: "berta".to_owned(),
            host: "pc-7".to_owned(),
            how: "console".to_owned(),
            time_zone: TimeZone::UTC,
        };
        let root = folder.join("publisher");
        let options = OpenOptions {
            root: root.clone(),
            create: true,
            read_only: false,
            actor,
            keys,
            share: ShareOptions::default(),
        };
        let session = Session::open(options.clone()).expect("a new library");
        let work = Work::new();
        let key = CreateKey { name: "Packaging Berlin".to_owned() };
        let key = session.run(key, &work).expect("a new key");
        let source = folder.join("publisher-source");
        fs::create_dir_all(source.join("bin")).expect("a new folder");
        fs::write(source.join("bin/program.exe"), bytes(LARGE_BYTES)).expect("a new file");
        fs::write(source.join("read me.txt"), "A sample.\n").expect("a new file");
        let request = RegisterRequest {
            name: Some("Sample".to_owned()),
            version: Some("1.0".to_owned()),
            ..RegisterRequest::new(vec![source.clone()])
        };
        let package = session.run(Register { request }, &work).expect("registered").record.id;
        let seal = Seal { package, key: None, block_size: Some(BlockSize::LEAST) };
        session.run(seal, &work).expect("sealed");
        let options = OpenOptions { create: false, ..options };
        Self { packages: root.join("packages"), source, options, key }
    }

    /// Seals the package again as the next revision, with another last block of the large file.
    pub(super) fn publish_again(&self) {
        let session = Session::open(self.options.clone()).expect("the library");
        let work = Work::new();
        let package = session.run(ListPackages {}, &work).expect("a list")[0].id;
        session.run(Unseal { package }, &work).expect("unsealed");
        let changed = self.source.join("bin/program.exe");
        let mut content = fs::read(&changed).expect("a file");
        content[LARGE_BYTES - 7] ^= 1;
        fs::write(&changed, content).expect("changed");
        let add = vec![AddedFile { from: changed, to: Some("bin/program.exe".to_owned()) }];
        let request = UpdateRequest { add, ..UpdateRequest::default() };
        session.run(Update { package, request }, &work).expect("updated");
        session.run(Seal { package, key: None, block_size: Some(BlockSize::LEAST) }, &work).expect("sealed");
    }

    /// What a server of it has, by path.
    pub(super) fn files(&self) -> Vec<(String, Vec<u8>)> {
        let mut files = Vec::new();
        collect(&self.packages, &self.packages, &mut files);
        files
    }

    /// The folder of the package.
    pub(super) fn folder(&self) -> PathBuf {
        self.packages.join("Sample/1.0")
    }

    /// Our own server of it, at this port or at any.
    pub(super) fn serve(&self, port: u16) -> Server {
        let options = ServeOptions::new(&self.packages, ([127, 0, 0, 1], port).into());
        packhouse::session::serve(options).expect("a free port")
    }

    /// A server that can be told to make mistakes; it has the package at `Sample/1.0/`.
    pub(super) fn origin(&self) -> Origin {
        Origin::serve(self.files())
    }
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path.strip_prefix(root).expect("below it").to_string_lossy().replace(' ', "%20");
            files.push((name, fs::read(&path).expect("a file")));
        }
    }
}

/// Bytes of which no two blocks are equal.
pub(super) fn bytes(count: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let words = std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(count).collect()
}

/// A Metalink of somebody who signs nothing: one file, which lies at `url`.
pub(super) fn metalink(url: &str, content: &[u8]) -> String {
    let piece = 256 * 1024;
    let pieces: String =
        content.chunks(piece).map(|piece| format!("<hash>{}</hash>", Sha256Digest::of(piece))).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metalink xmlns=\"urn:ietf:params:xml:ns:metalink\">\
         <file name=\"program.exe\"><size>{}</size><hash type=\"sha-256\">{}</hash>\
         <pieces length=\"{piece}\" type=\"sha-256\">{pieces}</pieces><url>{url}</url></file></metalink>",
        content.len(),
        Sha256Digest::of(content)
    )
}
