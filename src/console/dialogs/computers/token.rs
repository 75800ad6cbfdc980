//! A token with which one computer enrols its agent: for whom, then shown once.

use egui::{ComboBox, Label, RichText, Ui};

use super::group_row;
use crate::console::action::Action;
use crate::console::dialogs::{
    Delivery, Dialog, Env, Next, buttons_ui, default_button, plain_button, problem_list_ui, quiet, sentence,
    text,
};
use crate::console::format;
use crate::console::help::Topic;
use crate::console::pages::computers::{ComputerAction, Known};
use crate::console::widgets::alert::alert;
use crate::console::widgets::field_row::{field_row, hinted_row, value_row};
use crate::console::widgets::short;
use crate::session::{Fingerprint, NewToken, TokenReach, TokenRequest};

/// How long a token can be taken: seconds and words.
const VALID: [(u64, &str); 5] = [
    (3600, "1 hour"),
    (24 * 3600, "1 day"),
    (7 * 24 * 3600, "7 days"),
    (30 * 24 * 3600, "30 days"),
    (90 * 24 * 3600, "90 days"),
];

/// "Enrolment token".
pub struct Token {
    known: Known,
    group: String,
    computer: String,
    test: bool,
    valid_secs: u64,
    pin: String,
    is_asked: bool,
    made: Option<NewToken>,
    was_copied: bool,
}

impl Token {
    /// For this computer of the list, or for a new one, which comes into this group.
    pub fn new(known: Known, group: Option<String>, computer: Option<String>) -> Self {
        Self {
            known,
            group: group.unwrap_or_default(),
            computer: computer.unwrap_or_default(),
            test: false,
            valid_secs: 24 * 3600,
            pin: String::new(),
            is_asked: false,
            made: None,
            was_copied: false,
        }
    }

    fn request(&self) -> Result<TokenRequest, &'static str> {
        let pin = match self.pin.trim().to_lowercase().as_str() {
            "" => None,
            pin => Some(Fingerprint::parse(pin).ok_or("The fingerprint has 32 digits from 0 to f")?),
        };
        let computer = self.computer.trim();
        let folded = computer.to_lowercase();
        if !computer.is_empty() && !self.known.computers.iter().any(|row| row.name.to_lowercase() == folded) {
            return Err("There is no computer of that name on the list");
        }
        Ok(TokenRequest {
            group: (!self.group.is_empty()).then(|| self.group.clone()),
            test: self.test,
            computer: (!computer.is_empty()).then(|| computer.to_owned()),
            valid_secs: Some(self.valid_secs),
            pin,
        })
    }

    fn ask_ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        text(
            ui,
            "With it one computer enrols its agent, once. Whoever has it can do so in its place: hand it over safely.",
        );
        let field =
            hinted_row(ui, "Computer", "of the list; empty for one that is not on it", &mut self.computer);
        if env.is_new {
            field.request_focus();
        }
        group_row(ui, &self.known, &mut self.group);
        field_row(ui, "Test", |ui| ui.checkbox(&mut self.test, "It becomes a test computer"));
        field_row(ui, "Valid for", |ui| {
            let word = |secs: u64| VALID.iter().find(|(one, _)| *one == secs).map_or("", |(_, word)| word);
            ComboBox::from_id_salt("valid").width(140.0).selected_text(word(self.valid_secs)).show_ui(
                ui,
                |ui| {
                    for (secs, word) in VALID {
                        ui.selectable_value(&mut self.valid_secs, secs, word);
                    }
                },
            );
        });
        hinted_row(ui, "Certificate", "fingerprint, where the server has made its own", &mut self.pin);
        let request = self.request();
        let refused = if self.is_asked { Some("It is being made") } else { request.as_ref().err().copied() };
        buttons_ui(ui, |ui| {
            if default_button(ui, "Make token", refused, false)
                && let Ok(request) = request
            {
                self.is_asked = true;
                actions.push(Action::Computer(ComputerAction::MakeToken(request)));
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }

    fn shown_ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        let Some(made) = &self.made else { return Next::Close };
        text(ui, "The token is shown this once. Type it on the computer:");
        let token: &str = &made.text;
        ui.add(Label::new(RichText::new(token).monospace()).wrap().selectable(true));
        quiet(ui, "packhouse-cli agent enroll --site ADDRESS --token TOKEN");
        value_row(ui, "Valid until", &env.moment.full(made.row.expires));
        let whom = match (&made.row.computer, &made.row.group) {
            (Some(computer), _) => short(computer, 60),
            (None, Some(group)) => format!("a new computer in the group {}", short(group, 60)),
            (None, None) => "a new computer".to_owned(),
        };
        let test = if made.row.test { ", a test computer" } else { "" };
        value_row(ui, "For", &format!("{whom}{test}"));
        reach_ui(ui, &made.reach);
        buttons_ui(ui, |ui| {
            if default_button(ui, "Done", None, false) {
                return Next::Close;
            }
            let copy = if self.was_copied { "Copied" } else { "Copy" };
            if plain_button(ui, copy) {
                actions.push(Action::Copy(token.to_owned()));
                self.was_copied = true;
            }
            Next::Stay
        })
    }
}

/// Where the computer can be enrolled at once, and what has to happen where it cannot.
fn reach_ui(ui: &mut Ui, reach: &TokenReach) {
    const LATER: &str =
        "The delivery manager opens it there as soon as it can: start it on the page Jobs, if none runs.";
    if !reach.open_at.is_empty() {
        let names: Vec<String> = reach.open_at.iter().map(|name| short(name, 40)).collect();
        value_row(ui, "Usable now at", &several(&names));
    }
    match reach.not_open.as_slice() {
        [] if reach.open_at.is_empty() => {
            let next = "Add a staging library first; the delivery manager opens the token there.";
            alert(ui, "It cannot be used yet: there is no staging library", next);
        }
        [] => {}
        [(name, why)] => {
            let place = if name.is_empty() { String::new() } else { format!(" at {}", short(name, 40)) };
            let why = sentence(why);
            alert(
                ui,
                &format!("It cannot be used{place} yet"),
                &format!("{}. {LATER}", why.trim_end_matches('.')),
            );
        }
        many => {
            alert(ui, &format!("It cannot be used at {} staging libraries yet", many.len()), LATER);
            let lines: Vec<String> =
                many.iter().map(|(name, why)| format!("{}: {why}", short(name, 40))).collect();
            problem_list_ui(ui, "Not usable yet", &lines);
        }
    }
}

/// The first of many names, and how many more there are.
fn several(names: &[String]) -> String {
    const MOST: usize = 6;
    let shown = names[..names.len().min(MOST)].join(", ");
    match names.len().saturating_sub(MOST) {
        0 => shown,
        more => format!("{shown} and {} more", format::thousands(more as u64)),
    }
}

impl Dialog for Token {
    fn topic(&self) -> Topic {
        Topic::Computers
    }

    fn title(&self) -> String {
        "Enrolment token".to_owned()
    }

    fn width(&self) -> f32 {
        560.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        if self.made.is_some() { self.shown_ui(ui, env, actions) } else { self.ask_ui(ui, env, actions) }
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        if let Delivery::Token(result) = delivery {
            self.is_asked = false;
            if let Ok(made) = result {
                self.made = Some((*made).clone());
            }
        }
    }
}
