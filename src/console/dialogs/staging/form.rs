//! What is typed about a staging library: its addresses, how somebody signs in, its line. The dialog that adds one and the
//! property window share it.

use egui::{ComboBox, Ui};

use crate::console::action::{Action, Browse};
use crate::console::dialogs::{path_row, quiet, secret_row, sentence};
use crate::console::format;
use crate::console::widgets::alert::alert;
use crate::console::widgets::field_row::{field_row, hinted_row, text_row, value_row};
use crate::failure::Failure;
use crate::package::staging::{Line, Window};
use crate::session::{Credentials, NewStagingLibrary, StagingAddress, StagingEdit, StagingReach, StagingRow};

/// How somebody signs in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignIn {
    /// Not at all.
    #[default]
    Nobody,
    /// As is kept already.
    Kept,
    /// With name and password; access key and secret key of a bucket.
    Name,
    /// With a token.
    Token,
}

/// In what a rate may be typed, with the bytes each is; the first where nothing is said.
const RATE_UNITS: [(&str, f64); 6] = [
    ("mbit/s", 125_000.0),
    ("kbit/s", 125.0),
    ("gbit/s", 125_000_000.0),
    ("kib/s", 1024.0),
    ("mib/s", 1_048_576.0),
    ("gib/s", 1_073_741_824.0),
];

/// What is typed. Nothing prints it: it holds a password.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct StagingForm {
    /// Its name.
    pub name: String,
    /// Where the console writes.
    pub write: String,
    /// Where agents read, if elsewhere.
    pub read: String,
    /// Where agents report, if elsewhere.
    pub report: String,
    /// How somebody signs in.
    pub sign_in: SignIn,
    /// Who, if by name.
    pub user: String,
    /// With what.
    pub password: String,
    /// With which token.
    pub token: String,
    /// Only test computers read it.
    pub for_tests: bool,
    /// What its line carries: `10 Mbit/s`; no limit if empty.
    pub rate: String,
    /// When something may be sent: `20:00-06:00`; at any time if empty.
    pub hours: String,
}

/// Whether it was tried, and what came of it.
#[derive(Clone, Default)]
pub enum Trial {
    /// It was not.
    #[default]
    Not,
    /// Somebody tries what was typed then.
    Trying(Box<StagingForm>),
    /// It works.
    Works(Box<StagingForm>, StagingReach),
    /// It does not.
    Fails(Box<StagingForm>, Box<Failure>),
}

impl Trial {
    /// Takes over what came of it.
    pub fn set(&mut self, result: &Result<StagingReach, Failure>) {
        if let Self::Trying(form) = self {
            let form = std::mem::take(form);
            *self = match result {
                Ok(reach) => Self::Works(form, reach.clone()),
                Err(failure) => Self::Fails(form, Box::new(failure.clone())),
            };
        }
    }

    /// What is tried now, or was tried, reached what stands in `form`.
    fn is_of(&self, form: &StagingForm) -> bool {
        match self {
            Self::Not => false,
            Self::Trying(of) | Self::Works(of, _) | Self::Fails(of, _) => of.reaches_the_same(form),
        }
    }

    /// Whether it works as it stands in `form`.
    pub fn works(&self, form: &StagingForm) -> bool {
        matches!(self, Self::Works(..)) && self.is_of(form)
    }

    /// Whether it fails as it stands in `form`.
    pub fn fails(&self, form: &StagingForm) -> bool {
        matches!(self, Self::Fails(..)) && self.is_of(form)
    }

    /// Whether it is being tried.
    pub fn is_running(&self) -> bool {
        matches!(self, Self::Trying(_))
    }

    /// Says what came of it, where it is of what stands in `form`.
    pub fn ui(&self, ui: &mut Ui, form: &StagingForm) {
        match self {
            Self::Trying(_) => quiet(ui, "Trying: an object is written there, read, and taken away…"),
            _ if !self.is_of(form) => {}
            Self::Works(_, reach) => {
                let mut text = "It works: an object was written, read and taken away.".to_owned();
                if let Some(free) = reach.free_bytes {
                    text.push_str(&format!(" {} are free there.", format::size(free)));
                }
                if !reach.lists {
                    text.push_str(
                        " It cannot list what it has, so that it cannot be reconciled; all else works.",
                    );
                }
                quiet(ui, &text);
            }
            Self::Fails(_, failure) => {
                alert(ui, &sentence(&failure.to_string()), &failure.action);
            }
            Self::Not => {}
        }
    }
}

impl StagingForm {
    /// What is known of one.
    pub fn of(row: &StagingRow) -> Self {
        let staging = &row.staging;
        Self {
            name: staging.name.clone(),
            write: staging.write.clone(),
            read: staging.read.clone().unwrap_or_default(),
            report: staging.report.clone().unwrap_or_default(),
            sign_in: if row.has_credentials { SignIn::Kept } else { SignIn::Nobody },
            for_tests: staging.for_tests,
            rate: staging.line.bytes_per_second.map(rate_as_typed).unwrap_or_default(),
            hours: staging.line.window.map(|window| window.to_string()).unwrap_or_default(),
            ..Self::default()
        }
    }

    /// Takes over what changed elsewhere since `base`, but for what was edited here.
    pub fn follow(&mut self, base: &Self, fresh: &Self) {
        let text = |here: &mut String, base: &String, fresh: &String| {
            if here == base {
                here.clone_from(fresh);
            }
        };
        text(&mut self.name, &base.name, &fresh.name);
        text(&mut self.write, &base.write, &fresh.write);
        text(&mut self.read, &base.read, &fresh.read);
        text(&mut self.report, &base.report, &fresh.report);
        text(&mut self.rate, &base.rate, &fresh.rate);
        text(&mut self.hours, &base.hours, &fresh.hours);
        if self.sign_in == base.sign_in {
            self.sign_in = fresh.sign_in;
        }
        if self.for_tests == base.for_tests {
            self.for_tests = fresh.for_tests;
        }
    }

    /// What was typed to sign in is kept now, and no longer here.
    pub fn forget_secrets(&mut self) {
        if matches!(self.sign_in, SignIn::Name | SignIn::Token) {
            self.sign_in = SignIn::Kept;
        }
        for text in [&mut self.user, &mut self.password, &mut self.token] {
            text.clear();
        }
    }

    fn reaches_the_same(&self, other: &Self) -> bool {
        let way = |form: &Self| {
            let texts = [&form.write, &form.read, &form.user, &form.password, &form.token];
            (texts.map(|text| text.trim().to_owned()), form.sign_in)
        };
        way(self) == way(other)
    }

    /// Why it cannot be kept as it is typed; `others` are the names that are taken, `before` is what is changed.
    pub fn refusal(&self, others: &[String], before: Option<&StagingRow>) -> Option<String> {
        let name = self.name.trim();
        if name.is_empty() {
            return Some("Give it a name".to_owned());
        }
        if name.contains("://") || name.starts_with('/') || name.chars().count() > 100 {
            return Some("A name has at most 100 characters and is no address".to_owned());
        }
        if others.iter().any(|other| other.to_lowercase() == name.to_lowercase()) {
            return Some("There is a staging library of that name".to_owned());
        }
        self.address_refusal(before).or_else(|| self.line().err().map(str::to_owned))
    }

    /// Why it cannot be tried as it is typed.
    pub fn address_refusal(&self, before: Option<&StagingRow>) -> Option<String> {
        if self.write.trim().is_empty() {
            return Some("Give the address".to_owned());
        }
        let address = match StagingAddress::parse(&self.write) {
            Ok((address, _)) => address,
            Err(error) => return Some(sentence(&error.to_string())),
        };
        for other in [&self.read, &self.report].into_iter().filter(|text| !text.trim().is_empty()) {
            if let Err(error) = StagingAddress::parse(other) {
                return Some(sentence(&error.to_string()));
            }
        }
        if matches!(address, StagingAddress::Folder(_)) {
            return None;
        }
        match self.sign_in {
            SignIn::Kept => {
                let was = before.and_then(|row| StagingAddress::parse(&row.staging.write).ok());
                let is_same = was.is_some_and(|(was, _)| was.is_same_server(&address));
                (!is_same).then(|| "It is another server: say how to sign in there".to_owned())
            }
            SignIn::Name if self.user.trim().is_empty() || self.password.is_empty() => {
                Some("Give name and password, or choose to sign in as nobody".to_owned())
            }
            SignIn::Token if self.token.trim().is_empty() => Some("Give the token".to_owned()),
            _ => None,
        }
    }

    /// The line as it is typed.
    pub fn line(&self) -> Result<Line, &'static str> {
        let bytes_per_second = if self.rate.trim().is_empty() { None } else { Some(rate_of(&self.rate)?) };
        let hours = self.hours.trim().replace(['–', '—'], "-");
        let window = if hours.is_empty() {
            None
        } else {
            Some(Window::parse(&hours).map_err(|_| "Hours are a part of the day, such as 20:00-06:00")?)
        };
        Ok(Line { bytes_per_second, window })
    }

    fn credentials(&self) -> Option<Credentials> {
        match self.sign_in {
            SignIn::Nobody | SignIn::Kept => None,
            SignIn::Name => Some(Credentials::Basic {
                user: self.user.trim().to_owned(),
                password: self.password.clone(),
            }),
            SignIn::Token => Some(Credentials::Bearer { token: self.token.trim().to_owned() }),
        }
    }

    /// What is added.
    pub fn new_library(&self) -> NewStagingLibrary {
        let elsewhere = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
        NewStagingLibrary {
            name: self.name.trim().to_owned(),
            write: self.write.trim().to_owned(),
            read: elsewhere(&self.read),
            report: elsewhere(&self.report),
            line: self.line().unwrap_or_default(),
            for_tests: self.for_tests,
            credentials: self.credentials(),
        }
    }

    /// What is changed.
    pub fn edit(&self) -> StagingEdit {
        let new = self.new_library();
        let is_folder = matches!(StagingAddress::parse(&self.write), Ok((StagingAddress::Folder(_), _)));
        StagingEdit {
            name: Some(new.name),
            write: Some(new.write),
            read: Some(new.read),
            report: Some(new.report),
            line: Some(new.line),
            for_tests: Some(new.for_tests),
            credentials: match self.sign_in {
                // A folder has nobody to sign in, and what was kept for a server is forgotten.
                _ if is_folder => Some(None),
                SignIn::Kept => None,
                SignIn::Nobody => Some(None),
                SignIn::Name | SignIn::Token => Some(new.credentials),
            },
        }
    }

    /// Name, addresses and how somebody signs in. `browse` says whether a folder can be chosen in a native dialog.
    pub fn general_ui(
        &mut self,
        ui: &mut Ui,
        kept: Option<&StagingRow>,
        browse: bool,
        focus: bool,
        actions: &mut Vec<Action>,
    ) {
        let field = text_row(ui, "Name", &mut self.name);
        if focus {
            field.request_focus();
        }
        if browse {
            path_row(ui, "Address", &mut self.write, Browse::Folder, false, actions);
        } else {
            text_row(ui, "Address", &mut self.write);
        }
        quiet(
            ui,
            "A folder or share, http://, https:// (WebDAV) or s3://bucket/prefix, where this console writes.",
        );
        let hint = "the same address";
        hinted_row(ui, "Agents read", hint, &mut self.read);
        hinted_row(ui, "Agents report", hint, &mut self.report);
        self.sign_in_ui(ui, kept);
        field_row(ui, "Test", |ui| {
            ui.checkbox(&mut self.for_tests, "Only test computers read it")
                .on_hover_text("What lies there does not keep a package from being unsealed")
        });
    }

    fn sign_in_ui(&mut self, ui: &mut Ui, kept: Option<&StagingRow>) {
        let scheme = self.write.split("://").next().unwrap_or_default().trim().to_lowercase();
        let is_bucket = scheme == "s3";
        if !is_bucket && !matches!(scheme.as_str(), "http" | "https") {
            return;
        }
        let kept = kept.filter(|row| row.has_credentials);
        let word = |way: SignIn| match way {
            SignIn::Nobody => "as nobody".to_owned(),
            SignIn::Kept => match kept.and_then(|row| row.user.as_deref()) {
                Some(user) => format!("as {}, as it is kept", crate::console::widgets::short(user, 30)),
                None => "as it is kept".to_owned(),
            },
            SignIn::Name if is_bucket => "with access key and secret key".to_owned(),
            SignIn::Name => "with name and password".to_owned(),
            SignIn::Token => "with a token".to_owned(),
        };
        field_row(ui, "Sign in", |ui| {
            ComboBox::from_id_salt("sign in").width(260.0).selected_text(word(self.sign_in)).show_ui(
                ui,
                |ui| {
                    for way in [SignIn::Nobody, SignIn::Kept, SignIn::Name, SignIn::Token] {
                        if way == SignIn::Kept && kept.is_none() || way == SignIn::Token && is_bucket {
                            continue;
                        }
                        ui.selectable_value(&mut self.sign_in, way, word(way));
                    }
                },
            );
        });
        match self.sign_in {
            SignIn::Name => {
                let [user, password] =
                    if is_bucket { ["Access key", "Secret key"] } else { ["User", "Password"] };
                text_row(ui, user, &mut self.user);
                secret_row(ui, password, &mut self.password);
            }
            SignIn::Token => secret_row(ui, "Token", &mut self.token),
            SignIn::Nobody | SignIn::Kept => return,
        }
        quiet(ui, "It is kept in secure storage, for you alone, and shown to no other server.");
    }

    /// What the line carries, and when.
    pub fn line_ui(&mut self, ui: &mut Ui) {
        hinted_row(ui, "Rate limit", "none, or 10 Mbit/s, or 1.2 MiB/s", &mut self.rate);
        hinted_row(ui, "Hours", "any time, or 20:00-06:00", &mut self.hours);
        match self.line() {
            Ok(Line { bytes_per_second: Some(rate), .. }) => {
                value_row(ui, "", &format!("At most {} are sent there.", format::rate(rate)));
            }
            Ok(_) => {
                value_row(ui, "", "What is sent takes all the line carries.");
            }
            Err(why) => {
                value_row(ui, "", why);
            }
        }
    }
}

/// Bytes a second, as they were typed: `10`, `10 Mbit/s`, `1,2 MiB/s`.
fn rate_of(text: &str) -> Result<u64, &'static str> {
    let text = text.trim().to_lowercase().replace(',', ".");
    let units = RATE_UNITS.iter().find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, *bytes)));
    let (number, unit) = units.unwrap_or((&text, RATE_UNITS[0].1));
    let number: f64 =
        number.trim().parse().map_err(|_| "A rate is a number, such as 10 Mbit/s or 1.2 MiB/s")?;
    let bytes = (number * unit).round();
    if (1024.0..=1e15).contains(&bytes) { Ok(bytes as u64) } else { Err("A rate limit is at least 1 KiB/s") }
}

/// A rate as somebody would type it, and as exact as it is kept: to look at it changes nothing.
fn rate_as_typed(rate: u64) -> String {
    let rate = rate as f64;
    for (unit, bytes) in [("Mbit/s", 125_000.0), ("MiB/s", 1_048_576.0)] {
        let halves = rate / bytes * 2.0;
        if halves.fract() == 0.0 && halves >= 1.0 {
            return format!("{} {unit}", rate / bytes);
        }
    }
    format!("{} KiB/s", rate / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(write: &str) -> StagingForm {
        StagingForm { name: "Köln".to_owned(), write: write.to_owned(), ..StagingForm::default() }
    }

    #[test]
    fn a_rate_is_kept_as_it_was_typed() {
        for rate in [1_250_000, 1 << 20, 5_000, 1_234_567, 62_500, 1_250_000_000] {
            assert_eq!(rate_of(&rate_as_typed(rate)), Ok(rate), "{}", rate_as_typed(rate));
        }
        assert_eq!(rate_as_typed(1_250_000), "10 Mbit/s");
        for (text, rate) in
            [("10", 1_250_000), ("1,5 mib/s", 3 << 19), (" 512KiB/s ", 512 << 10), ("1 Gbit/s", 125_000_000)]
        {
            assert_eq!(rate_of(text), Ok(rate), "{text}");
        }
        for wrong in ["ten", "-3", "0", "1e99", "NaN", "10 parsec", "Mbit/s"] {
            assert!(rate_of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_changes_elsewhere_leaves_alone_what_was_edited_here() {
        let base = StagingForm { rate: "10 Mbit/s".to_owned(), ..form("/srv/site") };
        let fresh = StagingForm { name: "Bonn".to_owned(), rate: "20 Mbit/s".to_owned(), ..base.clone() };
        let mut edited = StagingForm { rate: "5".to_owned(), hours: "1:00-2:00".to_owned(), ..base.clone() };
        edited.follow(&base, &fresh);
        assert_eq!(
            [&edited.name, &edited.rate, &edited.hours, &edited.write],
            ["Bonn", "5", "1:00-2:00", "/srv/site"]
        );
    }

    #[test]
    fn what_cannot_be_kept_says_why() {
        let others = ["Lyon".to_owned()];
        assert_eq!(form("/srv/site").refusal(&others, None), None);
        let taken = StagingForm { name: "LYON".to_owned(), ..form("/srv/site") };
        assert!(taken.refusal(&others, None).is_some_and(|why| why.contains("of that name")));
        assert!(form("srv/site").refusal(&others, None).is_some_and(|why| why.contains("whole path")));
        assert!(form("ftp://host").refusal(&others, None).is_some());
        let hours = StagingForm { hours: "night".to_owned(), ..form("/srv/site") };
        assert!(hours.refusal(&others, None).is_some_and(|why| why.contains("20:00-06:00")));
        let signed = StagingForm { sign_in: SignIn::Name, user: "anna".to_owned(), ..form("https://host/") };
        assert!(signed.refusal(&others, None).is_some_and(|why| why.contains("password")));
        // What is kept for one server is never shown to another.
        let kept = StagingForm { sign_in: SignIn::Kept, ..form("https://host/") };
        assert!(kept.refusal(&others, None).is_some_and(|why| why.contains("another server")));
        // Hours as they are shown can be typed.
        let shown = StagingForm { hours: "20:00–06:00".to_owned(), ..form("/srv/site") };
        assert_eq!(shown.refusal(&others, None), None);
        assert!(shown.line().is_ok_and(|line| line.window.is_some()));
    }
}
