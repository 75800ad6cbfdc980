//! Adding and editing a procedure, with all its fields.

use std::collections::BTreeMap;

use egui::{ComboBox, DragValue, ScrollArea, TextEdit, Ui};

use super::{Delivery, Dialog, Env, Needs, Next, buttons_ui, default_button, plain_button, quiet};
use crate::console::action::Action;
use crate::console::help::Topic;
use crate::console::widgets::button::button;
use crate::console::widgets::field_row::{field_row, hinted_row, labelled_row, text_row, value_row};
use crate::package::procedure::{ExitMeaning, Procedure, ProcedureChoice, RunAs, RunsOn, Task};
use crate::package::record::{ListedProcedure, PackageId};
use crate::package::{PackageRecord, PackageState};
use crate::session::ProcedureEdit;

/// How much of a procedure may be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum May {
    /// Everything.
    All,
    /// Only what is local: the rest is part of the seal.
    Local,
    /// Nothing: the package is archived.
    Nothing,
}

/// The fields of a procedure.
pub struct EditProcedure {
    package: PackageId,
    /// Its name before, if it is there already.
    before: Option<String>,
    /// How much may be changed.
    may: May,
    /// The files of the package, to choose the program from; absent while they are being read.
    files: Option<Vec<String>>,
    /// The revision that adding makes, if it makes one.
    revision: Option<u64>,
    procedure: Procedure,
    choice: ProcedureChoice,
    arguments: String,
    working_folder: String,
    environment: String,
    systems: String,
    least_version: String,
    architectures: String,
    limit_minutes: u64,
    codes: Vec<(i32, ExitMeaning)>,
}

impl EditProcedure {
    /// A new one.
    pub fn add(record: &PackageRecord) -> Self {
        let task = Task::ALL
            .into_iter()
            .find(|task| record.procedures.iter().all(|listed| listed.procedure.task != *task))
            .unwrap_or(Task::Install);
        let mut procedure = Procedure::new(task.word(), task, "");
        procedure.exit_codes.insert(0, ExitMeaning::Ok);
        Self::with(record, None, May::All, procedure, ProcedureChoice::default())
    }

    /// The one of this package, to be changed as far as `may` has it.
    pub fn change(record: &PackageRecord, listed: &ListedProcedure, may: May) -> Self {
        let name = Some(listed.procedure.name.clone());
        Self::with(record, name, may, listed.procedure.clone(), listed.choice.clone())
    }

    /// A new one with everything this one has, under another name.
    pub fn duplicate(record: &PackageRecord, listed: &ListedProcedure) -> Self {
        let is_taken = |name: &str| record.procedures.iter().any(|other| other.procedure.name == name);
        let mut procedure = listed.procedure.clone();
        // Of so many numbers as there are procedures and one more, one is free.
        let names = (2..).map(|number| format!("{} {number}", listed.procedure.name));
        procedure.name =
            names.take(record.procedures.len() + 1).find(|name| !is_taken(name)).unwrap_or_default();
        let choice = ProcedureChoice { default_for_task: false, ..listed.choice.clone() };
        Self::with(record, None, May::All, procedure, choice)
    }

    fn with(
        record: &PackageRecord,
        before: Option<String>,
        may: May,
        procedure: Procedure,
        choice: ProcedureChoice,
    ) -> Self {
        let environment: Vec<String> =
            procedure.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Self {
            package: record.id,
            before,
            may,
            files: None,
            revision: (record.state == PackageState::Sealed && may == May::All)
                .then_some(record.revision + 1),
            arguments: procedure.arguments.join("\n"),
            working_folder: procedure.working_folder.clone().unwrap_or_default(),
            environment: environment.join("\n"),
            systems: procedure.runs_on.systems.join(", "),
            least_version: procedure.runs_on.least_version.clone().unwrap_or_default(),
            architectures: procedure.runs_on.architectures.join(", "),
            limit_minutes: procedure.time_limit_secs.unwrap_or(0).div_ceil(60),
            codes: procedure.exit_codes.iter().map(|(code, meaning)| (*code, *meaning)).collect(),
            procedure,
            choice,
        }
    }

    /// The procedure as the fields have it.
    fn made(&self) -> Result<Procedure, String> {
        let words = |text: &str| -> Vec<String> {
            text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
        };
        let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let mut environment = BTreeMap::new();
        for line in self.environment.lines().filter(|line| !line.trim().is_empty()) {
            let Some((name, value)) = line.split_once('=') else {
                return Err("Environment: one NAME=value a line".to_owned());
            };
            environment.insert(name.trim().to_owned(), value.to_owned());
        }
        let seconds = self.limit_minutes.saturating_mul(60);
        // A limit that is not whole minutes stays as it is unless it was changed.
        let kept = self.procedure.time_limit_secs.filter(|kept| kept.div_ceil(60) == self.limit_minutes);
        let mut exit_codes = BTreeMap::new();
        for (code, meaning) in &self.codes {
            if exit_codes.insert(*code, *meaning).is_some() {
                return Err(format!("Exit code {code} is listed twice"));
            }
        }
        Ok(Procedure {
            name: self.procedure.name.trim().to_owned(),
            program: self.procedure.program.trim().to_owned(),
            // An empty line in between is an empty argument; the end of the text is not.
            arguments: self.arguments.lines().map(str::to_owned).collect(),
            working_folder: some(&self.working_folder),
            environment,
            runs_on: RunsOn {
                systems: words(&self.systems),
                least_version: some(&self.least_version),
                architectures: words(&self.architectures),
            },
            time_limit_secs: kept.or((seconds > 0).then_some(seconds)),
            exit_codes,
            ..self.procedure.clone()
        })
    }

    fn signed_ui(&mut self, ui: &mut Ui, env: &Env<'_>) {
        let name = text_row(ui, "Name", &mut self.procedure.name);
        if env.is_new {
            name.request_focus();
        }
        field_row(ui, "Task", |ui| {
            ComboBox::from_id_salt("task").selected_text(self.procedure.task.word()).show_ui(ui, |ui| {
                for task in Task::ALL {
                    ui.selectable_value(&mut self.procedure.task, task, task.word());
                }
            });
        });
        field_row(ui, "External", |ui| {
            ui.checkbox(&mut self.procedure.external, "The program is already on the computer")
        });
        self.program_ui(ui);
        lines_row(ui, "Arguments", "One argument a line", &mut self.arguments);
        text_row(ui, "Working folder", &mut self.working_folder);
        lines_row(ui, "Environment", "NAME=value, one a line", &mut self.environment);
        hinted_row(ui, "Systems", "any; or windows, linux, macos", &mut self.systems);
        hinted_row(ui, "From version", "any", &mut self.least_version);
        hinted_row(ui, "Architectures", "any; or x86_64, aarch64, x86", &mut self.architectures);
        field_row(ui, "Run as", |ui| {
            let now = self.procedure.run_as;
            ComboBox::from_id_salt("run as").selected_text(run_as_word(now)).show_ui(ui, |ui| {
                for choice in [RunAs::System, RunAs::LoggedOnUser] {
                    ui.selectable_value(&mut self.procedure.run_as, choice, run_as_word(choice));
                }
            });
        });
        field_row(ui, "Time limit", |ui| {
            ui.add(DragValue::new(&mut self.limit_minutes).range(0..=10_080).suffix(" min"));
            let note = if self.limit_minutes == 0 { "0: as the agent has it" } else { "" };
            ui.weak(note);
        });
        self.codes_ui(ui);
    }

    fn program_ui(&mut self, ui: &mut Ui) {
        labelled_row(ui, "Program", |ui, name| {
            let external = self.procedure.external;
            let hint =
                if external { "path on the computer" } else { "a file of the package, or system:msiexec" };
            ui.add(
                TextEdit::singleline(&mut self.procedure.program)
                    .hint_text(hint)
                    .desired_width((ui.available_width() - 96.0).max(80.0))
                    .align(egui::Align2::LEFT_CENTER),
            )
            .labelled_by(name);
            let files = self.files.as_deref().unwrap_or_default();
            let choosing = ui.add_enabled_ui(!external && !files.is_empty(), |ui| {
                ui.menu_button("Choose…", |ui| {
                    ui.set_max_width(420.0);
                    let height = ui.text_style_height(&egui::TextStyle::Body) + 6.0;
                    ScrollArea::vertical().max_height(260.0).show_rows(
                        ui,
                        height,
                        files.len(),
                        |ui, range| {
                            for path in &files[range] {
                                if ui.add(egui::Button::new(path.as_str()).truncate()).clicked() {
                                    self.procedure.program.clone_from(path);
                                    ui.close();
                                }
                            }
                        },
                    );
                });
            });
            choosing.response.on_hover_text("A file of the package");
        });
    }

    /// What cannot be changed, to be read and copied.
    fn read_ui(&self, ui: &mut Ui) {
        let row = |ui: &mut Ui, label: &str, value: &str| {
            value_row(ui, label, if value.is_empty() { "–" } else { value });
        };
        let procedure = &self.procedure;
        row(ui, "Name", &procedure.name);
        row(ui, "Task", procedure.task.word());
        row(ui, "External", if procedure.external { "yes" } else { "no" });
        row(ui, "Program", &procedure.program);
        row(ui, "Arguments", &self.arguments);
        row(ui, "Working folder", &self.working_folder);
        row(ui, "Environment", &self.environment);
        row(ui, "Runs on", &procedure.runs_on.describe());
        row(ui, "Run as", run_as_word(procedure.run_as));
        let limit = match procedure.time_limit_secs {
            None => "as the agent has it".to_owned(),
            Some(_) => format!("{} min", self.limit_minutes),
        };
        row(ui, "Time limit", &limit);
        let codes: Vec<String> = self
            .codes
            .iter()
            .map(|(code, meaning)| match meaning {
                ExitMeaning::TryAgain { after_minutes } => {
                    format!("{code}: try again after {after_minutes} min")
                }
                other => format!("{code}: {}", meaning_word(other)),
            })
            .collect();
        row(ui, "Exit codes", &codes.join("\n"));
    }

    fn codes_ui(&mut self, ui: &mut Ui) {
        let mut gone = None;
        for (index, (code, meaning)) in self.codes.iter_mut().enumerate() {
            let label = if index == 0 { "Exit codes" } else { "" };
            let row = |ui: &mut Ui| {
                ui.name_inputs(format!("Exit code {}", index + 1), |ui| ui.add(DragValue::new(code)));
                ui.name_inputs(format!("Meaning {}", index + 1), |ui| {
                    let combo =
                        ComboBox::from_id_salt(("meaning", index)).selected_text(meaning_word(meaning));
                    combo.show_ui(ui, |ui| {
                        for choice in [
                            ExitMeaning::Ok,
                            ExitMeaning::OkRestart,
                            ExitMeaning::TryAgain { after_minutes: 5 },
                            ExitMeaning::Error,
                        ] {
                            ui.selectable_value(meaning, choice, meaning_word(&choice));
                        }
                    });
                });
                if let ExitMeaning::TryAgain { after_minutes } = meaning {
                    ui.name_inputs("After minutes", |ui| {
                        ui.add(DragValue::new(after_minutes).range(1..=1440).prefix("after ").suffix(" min"))
                    });
                }
                let remove = button(ui, "Remove");
                let name = format!("Remove exit code {}", index + 1);
                remove.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, name.as_str()));
                if remove.clicked() {
                    gone = Some(index);
                }
            };
            field_row(ui, label, row);
        }
        if let Some(index) = gone {
            self.codes.remove(index);
        }
        field_row(ui, if self.codes.is_empty() { "Exit codes" } else { "" }, |ui| {
            if button(ui, "Add exit code").clicked() {
                let next = self.codes.iter().map(|(code, _)| *code).max().map_or(0, |code| code + 1);
                self.codes.push((next, ExitMeaning::Ok));
            }
            ui.weak("Every code that is not listed is an error");
        });
    }

    fn local_ui(&mut self, ui: &mut Ui) {
        ui.separator();
        text_row(ui, "Comment", &mut self.choice.comment);
        field_row(ui, "", |ui| {
            ui.checkbox(&mut self.choice.comment_is_message, "Show the comment to the user");
        });
        field_row(ui, "", |ui| {
            ui.checkbox(&mut self.choice.default_for_task, "Default for its task");
            ui.checkbox(&mut self.choice.offered, "Offered in jobs");
        });
    }
}

fn run_as_word(run_as: RunAs) -> &'static str {
    match run_as {
        RunAs::System => "System",
        RunAs::LoggedOnUser => "User logged on",
    }
}

fn meaning_word(meaning: &ExitMeaning) -> &'static str {
    match meaning {
        ExitMeaning::Ok => "OK",
        ExitMeaning::OkRestart => "OK, restart",
        ExitMeaning::TryAgain { .. } => "Try again",
        ExitMeaning::Error => "Error",
    }
}

fn lines_row(ui: &mut Ui, label: &str, hint: &str, text: &mut String) {
    labelled_row(ui, label, |ui, name| {
        let field = TextEdit::multiline(text).hint_text(hint).desired_rows(2);
        ui.add(field.desired_width(f32::INFINITY)).labelled_by(name)
    });
}

impl Dialog for EditProcedure {
    fn topic(&self) -> Topic {
        Topic::Procedure
    }

    fn needs(&self) -> Needs {
        let contents = (self.may == May::All).then_some(self.package);
        Needs { contents, ..Needs::default() }
    }

    fn title(&self) -> String {
        match &self.before {
            Some(name) => format!("Procedure {name}"),
            None => "Add a procedure".to_owned(),
        }
    }

    fn width(&self) -> f32 {
        560.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        let room = (ui.ctx().content_rect().height() - 190.0).max(120.0);
        // More fields than fit: that there are more has to be seen.
        super::show_scroll_bar(ui);
        ScrollArea::vertical().id_salt("procedure").max_height(room).show(ui, |ui| {
            ui.set_width(ui.available_width() - 10.0);
            match self.may {
                May::All => self.signed_ui(ui, env),
                May::Local => {
                    self.read_ui(ui);
                    quiet(ui, "It is part of the seal: only what is local can be changed.");
                }
                May::Nothing => {
                    self.read_ui(ui);
                    quiet(ui, "The package is archived. Restore… changes that.");
                }
            }
            ui.add_enabled_ui(self.may != May::Nothing, |ui| self.local_ui(ui));
            crate::console::widgets::follow_focus(ui);
        });
        if self.may == May::Nothing {
            return buttons_ui(ui, |ui| {
                if default_button(ui, "Close", None, env.is_new) { Next::Close } else { Next::Stay }
            });
        }
        if let Some(revision) = self.revision {
            quiet(ui, &format!("The package is sealed: this makes revision {revision}."));
        }
        let made = self.made();
        let refused = match &made {
            Err(why) => Some(why.clone()),
            Ok(made) if made.name.is_empty() => Some("Give it a name".to_owned()),
            Ok(made) if made.program.is_empty() => Some("Name its program".to_owned()),
            Ok(_) => None,
        };
        let focus = env.is_new && self.may == May::Local;
        buttons_ui(ui, |ui| {
            let pressed = default_button(ui, "OK", refused.as_deref(), focus);
            if let (true, Ok(procedure)) = (pressed, made) {
                let choice = self.choice.clone();
                let edit = match &self.before {
                    Some(name) if self.may == May::Local => {
                        ProcedureEdit::Choose { name: name.clone(), choice }
                    }
                    Some(name) => ProcedureEdit::Change { name: name.clone(), procedure, choice },
                    None => ProcedureEdit::Add(procedure, choice),
                };
                actions.push(Action::EditProcedures(self.package, edit));
                return Next::Close;
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        if let Delivery::Contents(contents) = delivery {
            self.files = Some(contents.rows.iter().map(|row| row.path.clone()).collect());
        }
    }
}
