//! What several test programs need: the tools of others that judge our files.

use std::path::PathBuf;

/// Finds the program `name` on PATH. Fails, with how to install it, where it is not there: a judge that is
/// missing must not pass for one that agreed.
pub(crate) fn tool(name: &str, install_line: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
        .unwrap_or_else(|| panic!("{name} is not installed: {install_line}"))
}
