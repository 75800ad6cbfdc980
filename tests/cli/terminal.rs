//! Questions on a real terminal: a pseudo-terminal with a shell in it, which tells afterwards how the program ended and
//! how it left the terminal. Nothing waits for a time; everything waits for what is on the screen.

use std::fs;
use std::process::Command;

use rexpect::session::{PtySession, spawn_command};

use crate::place::Place;

/// How long a text may take to appear before the test fails.
const PATIENCE_MS: u64 = 60_000;

/// A terminal on which the program was started.
struct Desk {
    session: PtySession,
}

/// How the program ended.
struct Ended {
    /// What was on the screen since the last answer.
    screen: String,
    code: String,
    /// Whether the terminal shows what is typed.
    echo: bool,
}

impl Desk {
    /// Starts the program on a terminal of 100 columns that shows what is typed.
    fn start(place: &Place, arguments: &[&str]) -> Self {
        // The trap keeps the shell alive when Ctrl+C reaches it too; the program itself starts without it.
        let script = "stty sane cols 100 rows 30; trap : INT; \"$0\" \"$@\"; code=$?; \
                      stty -a | grep -q -e ' -echo ' && echo ended-silent-$code || echo ended-echo-$code";
        let mut command = Command::new("sh");
        command
            .args(["-c", script, env!("CARGO_BIN_EXE_packhouse-cli")])
            .args(arguments)
            .current_dir(place.path(""))
            .env("PACKHOUSE_LIBRARY", place.path("library"))
            .env("PACKHOUSE_KEYS", place.path("keys"))
            .env("USER", "anna")
            .env("TERM", "xterm-256color");
        Self { session: spawn_command(command, Some(PATIENCE_MS)).expect("a terminal") }
    }

    /// Waits for a text; gives what was on the screen before it.
    #[track_caller]
    fn reads(&mut self, text: &str) -> String {
        self.session.exp_string(text).unwrap_or_else(|error| panic!("{text:?} did not appear: {error}"))
    }

    #[track_caller]
    fn types(&mut self, line: &str) {
        self.session.send_line(line).expect("the terminal takes it");
    }

    #[track_caller]
    fn presses_control(&mut self, key: char) {
        self.session.send_control(key).expect("the terminal takes it");
    }

    #[track_caller]
    fn ends(mut self) -> Ended {
        let (screen, end) = self.session.exp_regex("ended-(silent|echo)-[0-9]+").expect("the program ends");
        let mut parts = end.rsplit('-');
        let code = parts.next().unwrap_or_default().to_owned();
        Ended { screen, code, echo: parts.next() == Some("echo") }
    }
}

impl Ended {
    #[track_caller]
    fn with(self, code: &str) -> Self {
        assert_eq!(self.code, code, "{}", self.screen);
        assert!(self.echo, "the terminal no longer shows what is typed: {}", self.screen);
        self
    }

    #[track_caller]
    fn saying(self, text: &str) -> Self {
        assert!(self.screen.contains(text), "{text:?} is not in: {}", self.screen);
        self
    }
}

/// A package with the check off and one file too many.
fn with_difference() -> Place {
    let place = Place::with_tool();
    place.run(&["consistency", "Tool", "off", "--reason", "trying"]).ends(0);
    fs::write(place.data("new"), b"12").expect("a file");
    place
}

fn control_and_blocked(place: &Place) -> (bool, bool) {
    let shown = place.run(&["show", "Tool", "--json"]).ends(0).json();
    let flag = |name: &str| shown[name].as_bool().expect("a bool");
    (flag("checksum_control"), flag("blocked"))
}

const ON: [&str; 3] = ["consistency", "Tool", "on"];

#[test]
fn accepting_asks_for_a_reason_until_it_is_one() {
    let place = with_difference();
    let mut desk = Desk::start(&place, &ON);
    let question = desk.reads("Answer [k]: ");
    for part in ["Tool 1.0 differs", "+ new (2 bytes)", "1 file added", "a  Accept", "k  Keep", "c  Cancel"] {
        assert!(question.contains(part), "{part} is not in {question}");
    }
    desk.types("maybe");
    desk.reads("Answer a, k or c.");
    desk.reads("Answer [k]: ");
    desk.types("a");
    desk.reads("Reason, kept in History (empty: back): ");
    desk.types("no");
    desk.reads("A reason has at least 3 characters.");
    desk.reads("(empty: back): ");
    desk.types("");
    desk.reads("Answer [k]: ");
    desk.types("ACCEPT");
    desk.reads("(empty: back): ");
    desk.types("looked at it");
    desk.ends().with("0").saying("accepted 1 file added");
    assert_eq!(control_and_blocked(&place), (true, false));
    let history = place.run(&["history", "Tool", "--json"]).ends(0).json();
    let entries = history.as_array().expect("entries");
    assert!(entries.iter().any(|entry| entry["reason"] == "looked at it"), "{history}");
}

#[test]
fn keeping_blocked_is_what_enter_means() {
    for answer in ["", "k", "Keep blocked"] {
        let place = with_difference();
        let mut desk = Desk::start(&place, &ON);
        desk.reads("Answer [k]: ");
        desk.types(answer);
        desk.ends().with("0").saying("is blocked: 1 file added");
        assert_eq!(control_and_blocked(&place), (true, true), "after {answer:?}");
    }
}

#[test]
fn cancel_end_of_input_and_an_interrupt_change_nothing() {
    let place = with_difference();
    let before = place.run(&["history", "--json"]).ends(0).json();
    let mut desk = Desk::start(&place, &ON);
    desk.reads("Answer [k]: ");
    desk.types("c");
    desk.ends().with("3").saying("error[consistency-question]").saying("action: ");

    let mut desk = Desk::start(&place, &ON);
    desk.reads("Answer [k]: ");
    desk.presses_control('d');
    desk.ends().with("3").saying("no answer was given");

    let mut desk = Desk::start(&place, &ON);
    desk.reads("Answer [k]: ");
    desk.types("a");
    desk.reads("(empty: back): ");
    desk.presses_control('d');
    desk.ends().with("3").saying("no answer was given");

    for answers in [&[][..], &["a"]] {
        let mut desk = Desk::start(&place, &ON);
        desk.reads("Answer [k]: ");
        for answer in answers {
            desk.types(answer);
            desk.reads("(empty: back): ");
        }
        desk.presses_control('c');
        desk.ends().with("130").saying("Nothing was changed");
    }
    assert_eq!(control_and_blocked(&place), (false, false));
    assert_eq!(place.run(&["history", "--json"]).ends(0).json(), before);
}

#[test]
fn removing_asks_until_the_answer_is_yes_or_no() {
    let place = Place::with_tool();
    let remove = ["remove", "Tool"];
    for (answers, code, words) in [
        (&["what", "n"][..], "3", "the answer was no"),
        (&[""], "3", "the answer was no"),
        (&["No"], "3", "the answer was no"),
    ] {
        let mut desk = Desk::start(&place, &remove);
        for answer in answers {
            desk.reads("Remove Tool@1.0 (2 files, 293 KiB) from the library for good? [y/N]: ");
            desk.types(answer);
        }
        desk.ends().with(code).saying(words).saying("error[not-confirmed]");
    }
    let mut desk = Desk::start(&place, &remove);
    desk.reads("[y/N]: ");
    desk.presses_control('d');
    desk.ends().with("3").saying("no answer was given");
    let mut desk = Desk::start(&place, &remove);
    desk.reads("[y/N]: ");
    desk.presses_control('c');
    desk.ends().with("130").saying("error[cancelled]");
    place.run(&["check", "Tool"]).ends(0);

    let mut desk = Desk::start(&place, &remove);
    desk.reads("[y/N]: ");
    desk.types("Y");
    desk.ends().with("0").saying("Removed Tool@1.0");
    place.run(&["show", "Tool"]).refuses(2, "not-found");
}

#[test]
fn a_passphrase_is_typed_unseen_and_twice() {
    const WORDS: &str = "four words of mine";
    let place = Place::new();
    place.run(&["key", "create", "Berlin"]).ends(0);
    let mut desk = Desk::start(&place, &["key", "export", "Berlin", "backup.key"]);
    let mut seen = desk.reads("New passphrase for the backup: ");
    desk.types("short");
    seen += &desk.reads("A passphrase has at least 8 characters.");
    seen += &desk.reads("New passphrase for the backup: ");
    desk.types(WORDS);
    seen += &desk.reads("The same again: ");
    desk.types("four words of yours");
    seen += &desk.reads("The two are not the same.");
    seen += &desk.reads("New passphrase for the backup: ");
    desk.types(WORDS);
    seen += &desk.reads("The same again: ");
    desk.types(WORDS);
    let ended = desk.ends().with("0").saying("Wrote a backup of Berlin");
    seen += &ended.screen;
    assert!(!seen.contains("four words") && !seen.contains("short"), "{seen}");

    let other = Place::new();
    let backup = place.path("backup.key").display().to_string();
    let mut desk = Desk::start(&other, &["key", "import", &backup, "--name", "Berlin"]);
    desk.reads("Passphrase of the backup: ");
    desk.types("not these words");
    let tried = desk.reads("That is not its passphrase.");
    assert!(!tried.contains("not these words"), "{tried}");
    desk.reads("Passphrase of the backup: ");
    desk.types(WORDS);
    let ended = desk.ends().with("0").saying("Imported Berlin");
    assert!(!ended.screen.contains(WORDS), "{}", ended.screen);
}

#[test]
fn an_interrupt_at_a_passphrase_leaves_the_terminal_as_it_was() {
    let place = Place::new();
    place.run(&["key", "create", "Berlin"]).ends(0);
    let export = ["key", "export", "Berlin", "backup.key"];
    let mut desk = Desk::start(&place, &export);
    desk.reads("New passphrase for the backup: ");
    desk.presses_control('c');
    let ended = desk.ends().with("130");
    assert_eq!(ended.screen.matches("error[cancelled]").count(), 1, "{}", ended.screen);

    let mut desk = Desk::start(&place, &export);
    desk.reads("New passphrase for the backup: ");
    desk.types("four words of mine");
    desk.reads("The same again: ");
    desk.presses_control('c');
    desk.ends().with("130");

    let mut desk = Desk::start(&place, &export);
    desk.reads("New passphrase for the backup: ");
    desk.presses_control('d');
    desk.ends().with("3").saying("error[no-passphrase]").saying("none was typed");
    assert!(!place.path("backup.key").exists());
    assert_eq!(place.run(&["key", "list", "--json"]).ends(0).json()[0]["backup"], serde_json::Value::Null);
}

#[test]
fn a_backup_that_cannot_be_written_or_read_asks_for_no_passphrase() {
    let place = Place::new();
    place.run(&["key", "create", "Berlin"]).ends(0);
    fs::write(place.path("there"), b"something").expect("a file");
    let desk = Desk::start(&place, &["key", "export", "Berlin", "there"]);
    desk.ends().with("3").saying("error[file-exists]");
    let desk = Desk::start(&place, &["key", "import", "nowhere.key"]);
    desk.ends().with("4").saying("error[io]").saying("nowhere.key cannot be read");
}

#[test]
fn progress_is_a_bar_on_a_terminal_and_an_interrupt_stops_the_work() {
    let place = Place::new();
    fs::create_dir(place.path("Big 1.0")).expect("a folder");
    for number in 0..16 {
        // Holes cost no disk in the source, but every byte is hashed.
        let file = fs::File::create(place.path(&format!("Big 1.0/{number}"))).expect("a file");
        file.set_len(1 << 29).expect("a size");
    }
    let mut desk = Desk::start(&place, &["register", "Big 1.0"]);
    desk.reads("8.00 GiB");
    desk.presses_control('c');
    desk.ends().with("130").saying("error[cancelled]");
    assert_eq!(place.run(&["list", "--json"]).ends(0).json(), serde_json::json!([]));

    let mut desk = Desk::start(&place, &["register", "Big 1.0", "--quiet"]);
    let incoming = place.path("library/.incoming");
    while fs::read_dir(&incoming).expect("the folder").next().is_none() {
        std::thread::yield_now();
    }
    desk.presses_control('c');
    let ended = desk.ends().with("130");
    assert!(!ended.screen.contains('%'), "a bar is not quiet: {}", ended.screen);
}

#[test]
fn no_color_is_honoured_and_is_the_default_where_nobody_looks() {
    let place = Place::new();
    let colourful = Desk::start(&place, &["--help"]).ends().with("0");
    assert!(colourful.screen.contains("\u{1b}["), "{}", colourful.screen);
    assert!(!place.run(&["--help"]).ends(0).out.contains('\u{1b}'));
    let script = "NO_COLOR=1 \"$0\" --help; echo ended-echo-$?";
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_packhouse-cli")]).env("TERM", "xterm-256color");
    let session = spawn_command(command, Some(PATIENCE_MS)).expect("a terminal");
    let plain = Desk { session }.ends().with("0");
    assert!(plain.screen.contains("Usage:") && !plain.screen.contains('\u{1b}'), "{}", plain.screen);
}
