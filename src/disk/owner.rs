//! Whose a file is, by name. Must not know why anybody asks.

use std::collections::HashMap;
use std::fs::Metadata;

/// Names of accounts, each looked up once: a directory service may take its time.
#[derive(Default)]
pub(crate) struct Owners {
    #[cfg_attr(
        not(unix),
        expect(dead_code, reason = "only Unix says whose a file is without further rights")
    )]
    names: HashMap<u32, String>,
}

impl Owners {
    /// The account that owns the file, or `uid 1004` where no account has that number; nothing where the system does
    /// not say.
    #[cfg(unix)]
    pub(crate) fn of(&mut self, file: &Metadata) -> Option<String> {
        use std::os::unix::fs::MetadataExt as _;
        let uid = file.uid();
        let name = self.names.entry(uid).or_insert_with(|| {
            let account = nix::unistd::User::from_uid(uid.into()).ok().flatten();
            account.map_or_else(|| format!("uid {uid}"), |account| account.name)
        });
        Some(name.clone())
    }

    /// Nothing: the system does not say.
    #[cfg(not(unix))]
    pub(crate) fn of(&mut self, _: &Metadata) -> Option<String> {
        None
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn a_file_belongs_to_an_account_or_to_a_number() {
        let folder = tempfile::tempdir().expect("a folder");
        let mine = folder.path().metadata().expect("it is there");
        let mut owners = Owners::default();
        let name = owners.of(&mine).expect("the system says it");
        let said = std::process::Command::new("stat").args(["-c", "%U"]).arg(folder.path()).output();
        let said = String::from_utf8(said.expect("stat runs").stdout).expect("text");
        let expected =
            if said.trim() == "UNKNOWN" { format!("uid {}", mine.uid()) } else { said.trim().to_owned() };
        assert_eq!(name, expected);
    }
}
