//! Adding files to an Open package, and putting a file in the place of another.

use std::path::PathBuf;
use std::sync::Arc;

use egui::Ui;

use super::{Delivery, Dialog, Env, Next, buttons_ui, default_button, path_row, plain_button, quiet, text};
use super::{problem_list_ui, sentence};
use crate::console::action::{Action, Browse};
use crate::console::advice::advice;
use crate::console::format;
use crate::console::widgets::field_row::hinted_row;
use crate::failure::Failure;
use crate::package::record::PackageSummary;
use crate::session::{AddedFile, Contents, SourcePreview, UpdateRequest};

/// How many files that are in the way are named.
const MOST_NAMED: usize = 1000;

/// Asks what is added, and where to.
pub struct AddFiles {
    package: PackageSummary,
    /// What is recorded, for what is in the way; absent while it is being read.
    contents: Option<Arc<Contents>>,
    /// Which native dialog chooses.
    browse: Browse,
    sources: Vec<PathBuf>,
    /// The path field; it counts while nothing was chosen otherwise.
    typed: String,
    into: String,
    counted: Option<Counted>,
    /// What is in the way, and of which sources in which folder.
    in_the_way: Option<(Vec<PathBuf>, String, Vec<String>)>,
}

/// What was asked to be counted, and the answer once it is there.
struct Counted {
    sources: Vec<PathBuf>,
    answer: Option<Result<SourcePreview, Failure>>,
}

impl AddFiles {
    /// To this package. `sources` may be empty: they are asked for then, with `browse`.
    pub fn new(
        package: PackageSummary,
        contents: Option<Arc<Contents>>,
        browse: Browse,
        sources: Vec<PathBuf>,
    ) -> Self {
        let typed = match sources.as_slice() {
            [one] => one.display().to_string(),
            _ => String::new(),
        };
        let into = String::new();
        Self { package, contents, browse, sources, typed, into, counted: None, in_the_way: None }
    }

    /// Where `source` goes in the package: the folder of the field and the source's own name.
    fn target(&self, source: &std::path::Path) -> String {
        let name = source.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        match self.into.trim().trim_matches('/') {
            "" => name,
            folder => format!("{folder}/{name}"),
        }
    }

    /// Recorded files that are replaced, or may be where a folder is added.
    fn find_in_the_way(&mut self) {
        let asked = self
            .in_the_way
            .as_ref()
            .is_some_and(|(sources, into, _)| sources == &self.sources && into == &self.into);
        let Some(contents) = self.contents.clone().filter(|_| !asked) else { return };
        let targets: Vec<String> = self.sources.iter().map(|source| self.target(source)).collect();
        let mut found = Vec::new();
        for target in &targets {
            let inside = format!("{target}/");
            for row in &contents.rows {
                if &row.path == target {
                    found.push(format!("{} is replaced", row.path));
                } else if row.path.starts_with(&inside) {
                    found.push(format!("{} is replaced if the folder has it too", row.path));
                }
                if found.len() == MOST_NAMED {
                    break;
                }
            }
        }
        self.in_the_way = Some((self.sources.clone(), self.into.clone(), found));
    }

    fn counted_ui(&self, ui: &mut Ui) {
        match self.counted.as_ref().and_then(|counted| counted.answer.as_ref()) {
            None => {}
            Some(Ok(found)) => {
                let files = if found.files == 1 { "file" } else { "files" };
                let size = format::exact_size(found.size_bytes);
                quiet(ui, &format!("{} {files}, {size}", format::thousands(found.files)));
                let refused: Vec<String> = found
                    .refused
                    .iter()
                    .chain(&found.unreadable)
                    .map(|(path, why)| format!("{path}: {why}"))
                    .collect();
                if !refused.is_empty() {
                    text(ui, "Not everything can be added. Rename or leave out what is listed.");
                }
                problem_list_ui(ui, "Refused entries", &refused);
            }
            Some(Err(failure)) => {
                text(ui, &format!("{}. {}", sentence(&failure.message), advice(failure)));
            }
        }
    }

    /// Why it cannot be added now.
    fn refusal(&self) -> Option<&'static str> {
        if self.sources.is_empty() {
            return Some("Give the whole path of a file or folder");
        }
        match self.counted.as_ref().and_then(|counted| counted.answer.as_ref()) {
            Some(Err(_)) => Some("It cannot be added"),
            Some(Ok(found)) if !found.refused.is_empty() || !found.unreadable.is_empty() => {
                Some("Not everything can be added")
            }
            _ => None,
        }
    }
}

impl Dialog for AddFiles {
    fn title(&self) -> String {
        format!("Add files to {}", self.package.key.title())
    }

    fn width(&self) -> f32 {
        560.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        // Paths that were chosen are whole; what is being typed is looked at only when it is done.
        let mut is_whole = true;
        if self.sources.len() > 1 {
            let lines: Vec<String> = self.sources.iter().map(|path| path.display().to_string()).collect();
            problem_list_ui(ui, "Sources", &lines);
        } else {
            let label = if matches!(self.browse, Browse::AddFolder(_)) { "Folder" } else { "File or folder" };
            let before = self.typed.clone();
            let field = path_row(ui, label, &mut self.typed, self.browse, env.is_new, actions);
            if before != self.typed {
                let path = PathBuf::from(self.typed.trim());
                self.sources = Some(path).filter(|path| path.is_absolute()).into_iter().collect();
                self.counted = None;
            }
            is_whole = !field.has_focus();
        }
        let into = hinted_row(ui, "Into folder", "the top of the package", &mut self.into);
        if env.is_new && !self.sources.is_empty() {
            into.request_focus();
            is_whole = true;
        }
        let is_new = self.counted.as_ref().is_none_or(|counted| counted.sources != self.sources);
        if is_whole && is_new && !self.sources.is_empty() {
            self.counted = Some(Counted { sources: self.sources.clone(), answer: None });
            actions.push(Action::Count(self.sources.clone()));
        }
        self.counted_ui(ui);
        self.find_in_the_way();
        if let Some((_, _, lines)) = &self.in_the_way {
            problem_list_ui(ui, "In the way", lines);
        }
        let refused = self.refusal();
        buttons_ui(ui, |ui| {
            if default_button(ui, "Add", refused, false) {
                let add = self
                    .sources
                    .iter()
                    .map(|from| AddedFile { from: from.clone(), to: Some(self.target(from)) })
                    .collect();
                actions
                    .push(Action::Update(self.package.id, UpdateRequest { add, ..UpdateRequest::default() }));
                return Next::Close;
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        match delivery {
            Delivery::Paths(paths) => {
                self.sources = paths.to_vec();
                self.counted = None;
                if let [one] = *paths {
                    self.typed = one.display().to_string();
                }
            }
            Delivery::Counted(sources, result) => {
                // The answer to an older question is no answer.
                if let Some(counted) = &mut self.counted
                    && counted.sources.as_slice() == *sources
                {
                    counted.answer = Some((*result).clone());
                }
            }
            _ => {}
        }
    }
}

/// Puts a file in the place of one of the package, under the same path.
pub struct ReplaceFile {
    package: PackageSummary,
    path: String,
    from: String,
}

impl ReplaceFile {
    /// In the place of `path`.
    pub fn new(package: PackageSummary, path: &str) -> Self {
        Self { package, path: path.to_owned(), from: String::new() }
    }
}

impl Dialog for ReplaceFile {
    fn title(&self) -> String {
        "Replace a file".to_owned()
    }

    fn width(&self) -> f32 {
        560.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        quiet(ui, &format!("{} in {}", self.path, self.package.key.title()));
        path_row(ui, "By the file", &mut self.from, Browse::File, env.is_new, actions);
        let from = PathBuf::from(self.from.trim());
        let refused = (!from.is_absolute()).then_some("Give the whole path of a file");
        buttons_ui(ui, |ui| {
            if default_button(ui, "Replace", refused, false) {
                let add = vec![AddedFile { from, to: Some(self.path.clone()) }];
                actions
                    .push(Action::Update(self.package.id, UpdateRequest { add, ..UpdateRequest::default() }));
                return Next::Close;
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        if let Delivery::Path(path) = delivery {
            self.from = path.display().to_string();
        }
    }
}
