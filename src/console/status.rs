//! The status bar: how much is shown and selected, whether changes are noticed, what was done last.

use super::app::App;
use super::format;
use super::pages::{Place, jobs};

/// `1 job`, `2,400 jobs`.
fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", format::thousands(number as u64))
}

impl App {
    /// The texts at the left, and those at the right.
    pub(super) fn status(&self) -> (Vec<String>, Vec<String>) {
        let library = self.around.library.display().to_string();
        if self.place == Place::Downloads && self.new_package.is_none() && self.session().is_some() {
            return self.downloads_status(library);
        }
        let mut left = Vec::new();
        if self.session().is_some() && self.view.epoch > 0 {
            let all = self.view.packages.len();
            let shown = self.packages.len();
            let packages = if all == 1 { "package" } else { "packages" };
            let all = format::thousands(all as u64);
            let mut text = match &self.place {
                Place::History => format!("{} events", format::thousands(self.history.len() as u64)),
                Place::Search => format!("{} files", format::thousands(self.search_page.len() as u64)),
                Place::Jobs => count(self.jobs.rows().len(), "job"),
                Place::Job(id) => {
                    let totals = self.jobs.find(*id).map(|view| view.totals).unwrap_or_default();
                    jobs::words::targets(totals.all())
                }
                place if place.is_computers() => {
                    let all = self.computers.known().computers.len();
                    match self.computers.len() {
                        shown if *place == Place::Computers && shown == all => count(all, "computer"),
                        shown => format!("{} of {}", format::thousands(shown as u64), count(all, "computer")),
                    }
                }
                place if place.is_staging() => {
                    let all = self.staging.known().libraries.len();
                    let plural = if all == 1 { "y" } else { "ies" };
                    format!("{} staging librar{plural}", format::thousands(all as u64))
                }
                Place::Downloads | Place::LibraryCheck | Place::Tasks | Place::Keys | Place::Settings => {
                    format!("{all} {packages}")
                }
                Place::Packages
                    if self.search.trim().is_empty()
                        && (!self.packages.is_filtered() || self.packages.is_making()) =>
                {
                    format!("{all} {packages}")
                }
                _ => format!("{} of {all} {packages}", format::thousands(shown as u64)),
            };
            let selected = match &self.place {
                Place::Jobs => self.scope.jobs.selected.len(),
                Place::Job(_) => self.scope.jobs.targets,
                place if place.is_computers() => self.scope.computers.selected,
                place if place.is_staging() => self.scope.staging.selected,
                _ => self.scope.selected.len(),
            };
            if selected > 0 {
                text.push_str(&format!(" · {} selected", format::thousands(selected as u64)));
            }
            left.push(text);
            let watching = self.view.watching;
            let all_watched = watching.watched == watching.packages;
            left.push(match (watching.polls_every, watching.works, all_watched) {
                (Some(every), ..) => format!("Polling every {} min", every.as_secs() / 60),
                (None, false, _) => "Not watching".to_owned(),
                (None, true, true) => "Watching".to_owned(),
                (None, true, false) => {
                    let [watched, all] = [watching.watched, watching.packages].map(format::thousands);
                    format!("Watching {watched} of {all}")
                }
            });
            if self.scope.is_read_only {
                left.push("Read-only".to_owned());
            }
            if self.packages.is_filtered() && self.scope.list.is_shown {
                left.push(format!("Filter: {}", self.packages.filter_sentence()));
            }
            left.extend(self.undo.told((self.around.now)()).map(str::to_owned));
        }
        let mut right = vec![library];
        right.extend(jobs::words::manager_short(self.jobs.manager()));
        right.extend(self.downloads.totals().beside_text());
        (left, right)
    }

    fn downloads_status(&self, library: String) -> (Vec<String>, Vec<String>) {
        let totals = self.downloads.totals();
        let mut left = vec![totals.text(), totals.limit_text()];
        let selected = self.scope.downloads.selected.len();
        if selected > 1 {
            left.push(format!("{} selected", format::thousands(selected as u64)));
        }
        if self.scope.is_read_only {
            left.push("Read-only".to_owned());
        }
        let mut right = vec![library];
        right.extend(jobs::words::manager_short(self.jobs.manager()));
        if totals.bytes_per_second > 0 {
            right.push(format::rate(totals.bytes_per_second));
        }
        (left, right)
    }
}
