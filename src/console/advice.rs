//! What to do about a failure, in the words of the console.
//!
//! The engine's advice is written for whoever asks; where it names a command or an option of the command line, the
//! button, menu or field that does the same is named here instead, by the stable code of the failure.

use std::borrow::Cow;

use crate::failure::Failure;

/// What to do next, as a sentence.
pub fn advice(failure: &Failure) -> String {
    super::dialogs::sentence(&words(failure))
}

fn words(failure: &Failure) -> Cow<'_, str> {
    let here = match failure.code {
        "library-damaged" => {
            "start Packhouse again: it offers Rebuild… where the library database cannot be read"
        }
        "no-library" => "choose a folder that holds a library: Library > Choose library…",
        "source-refused" => {
            "rename or leave out what is listed; for symbolic links choose Leave out or Copy what they point to"
        }
        "bad-name" if failure.action.contains("--") => {
            "nothing could be proposed from the source: fill in Name and Version"
        }
        "package-removed" => {
            "take the removal back with Edit > Undo remove, or close Packhouse, which ends undo, then try again"
        }
        "folder-exists" => "move the folder away, then try again",
        "not-found" => "look at the list: the package may have been renamed or removed meanwhile",
        "consistency-differs" | "consistency-damaged" => {
            "show the differences, then choose Repair… or Accept changes…"
        }
        "no-reason" => "fill in Reason",
        "no-such-procedure" => "the tab Procedures shows those that are there",
        "no-such-key" => "choose one of the keys that are offered",
        "key-not-trusted" => {
            "compare the key with the one its owner gives you by another way, then trust it: Keys > Trust a key…"
        }
        "database" => "try again; if it stays, close Packhouse and start it again: it offers Rebuild…",
        "changed-again" => "nothing was done: look at what is there now, then try again",
        "no-such-file" => {
            "paths are relative to the package, with / and in the right case: the tab Contents lists them"
        }
        "bad-key" => "check the key file; the page Keys lists every key",
        "no-seal" => "seal it first: Seal…",
        "no-reginfo" => "if these are the files of a package, unpack them and register them as a new one",
        "archive-damaged" => {
            "nothing was changed in the library. Choose where to repair from…, or save what is whole: Save the good files to a folder…"
        }
        "no-such-group" => "the tree shows every group",
        "library-moved" => "open it in its new folder: Library > Choose library…",
        "check-unfinished" => "go on with the one that is not done, or forget it: Library check",
        "package-delivered" => "make a new version with New version…, or add a procedure",
        "no-staging-library" | "not-staged" => "look at the list: it may have been removed meanwhile",
        "staging-other-package" => "look whose it is; nothing there was changed",
        "archive-missing" => "connect the disk and try again, or choose the file: Restore…",
        _ => return Cow::Borrowed(&failure.action),
    };
    Cow::Borrowed(here)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Class;

    #[test]
    fn words_of_the_command_line_give_way_and_others_stay() {
        let named =
            Failure::new("no-reason", Class::Usage, "a reason is needed", "Say why, with --reason TEXT");
        assert_eq!(advice(&named), "Fill in Reason");
        let plain = Failure::new("io", Class::Environment, "cannot read x", "Check the disk");
        assert_eq!(advice(&plain), "Check the disk");
    }
}
