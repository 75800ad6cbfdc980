//! What the window does with packages in staging libraries: brings them there and away, verifies what lies there.

use std::collections::BTreeMap;

use crate::console::app::App;
use crate::console::dialogs::Delivery;
use crate::console::dialogs::refused::Differs;
use crate::console::dialogs::staging::{StageDialog, StagingLooks, Unstage, Verified};
use crate::console::format;
use crate::console::pages::staging::words::{packages as packages_text, verdict};
use crate::console::tasks::Show;
use crate::failure::{Class, Failure};
use crate::package::PackageId;
use crate::package::record::PackageSummary;
use crate::package::staging::StagingId;
use crate::session::{
    self, CopyRow, LookBeforeStaging, ReachStaging, StageReport, StagedCheck, VerifyStaged,
};
use crate::work::Work;

/// What came of many packages: of each what it gave, or why not.
pub(super) type Each<T> = Vec<(String, Result<T, Failure>)>;

impl App {
    pub(super) fn copies_of(&self, packages: &[PackageSummary]) -> Vec<CopyRow> {
        let wanted: std::collections::HashSet<PackageId> =
            packages.iter().map(|package| package.id).collect();
        let copies = self.staging.known().copies.iter();
        copies.filter(|row| wanted.contains(&row.copy.package)).cloned().collect()
    }

    /// How packages are called in the title of a piece of work.
    pub(super) fn title_of_packages(&self, packages: &[PackageId]) -> String {
        let copies = &self.staging.known().copies;
        match packages {
            // The library need not have it any more.
            [one] => self.summary(*one).map(|package| package.key.title()).unwrap_or_else(|| {
                let copy = copies.iter().find(|row| row.copy.package == *one);
                copy.map(|row| row.copy.key.title()).unwrap_or_default()
            }),
            all => packages_text(all.len() as u64),
        }
    }

    /// Jobs that have not ended and have the package of a copy to do.
    pub(super) fn jobs_of(&self, row: &CopyRow) -> Vec<String> {
        let jobs = self.jobs.rows().iter().filter(|view| !view.state.is_ended());
        jobs.filter(|view| view.packages.contains(&row.copy.key)).map(|view| view.name.clone()).collect()
    }

    pub(super) fn ask_stage(&mut self, packages: Vec<PackageSummary>, first: Option<StagingId>) {
        match packages.as_slice() {
            [one] if one.is_blocked() => {
                self.put_in_front(Box::new(Differs::new(one.clone(), "staged", None)));
            }
            [] => {}
            _ => {
                let dialog = StageDialog::new(packages, self.staging.known(), first);
                self.put_in_front(Box::new(dialog));
            }
        }
    }

    pub(super) fn ask_unstage(&mut self, copies: Vec<CopyRow>) {
        if copies.is_empty() {
            return;
        }
        let copies = copies.into_iter().map(|row| {
            let jobs = self.jobs_of(&row);
            (row, jobs)
        });
        let dialog = Unstage::new(copies.collect());
        self.put_in_front(Box::new(dialog));
    }

    /// Looks at one staging library, for the dialog in front.
    pub(super) fn look_before_staging(&mut self, packages: Vec<PackageId>, at: StagingId) {
        let Some(number) = self.dialogs.last().map(|front| front.number) else { return };
        let Some(session) = self.session().cloned() else { return };
        let run = move |work: &Work| {
            let reach = session.run(ReachStaging { staging: at }, work)?;
            let mut looks = Vec::with_capacity(packages.len());
            for package in packages {
                work.check().map_err(|_| cancelled())?;
                let look = session.run(LookBeforeStaging { package, staging: at }, work);
                looks.push((package, look));
            }
            Ok(StagingLooks { reach, packages: looks })
        };
        let task = self.tasks.start(&self.ctx, "", Show::Nothing, run, move |app, result| {
            app.staging_looks
                .retain(|(of, _)| *of != number || app.dialogs.iter().any(|front| front.number == *of));
            app.deliver(number, &Delivery::StagingLooks(at, &result));
        });
        self.staging_looks.push((number, task));
    }

    /// Does something with each of these packages; what was refused of one stops the others only where all is lost.
    fn with_each<T: Send + 'static>(
        &mut self,
        title: String,
        packages: Vec<(String, PackageId)>,
        each: impl Fn(&session::Session, PackageId, &Work) -> Result<T, Failure> + Send + 'static,
        done: impl FnOnce(&mut Self, Result<Each<T>, Failure>) + Send + 'static,
    ) {
        let Some(session) = self.session().cloned() else { return };
        let total = packages.len() as u64;
        let run = move |work: &Work| {
            let mut results: Each<T> = Vec::with_capacity(packages.len());
            for (number, (name, package)) in packages.into_iter().enumerate() {
                work.check().map_err(|_| cancelled())?;
                work.set_packages(number as u64, total);
                work.set_subject(&name);
                let result = each(&session, package, work);
                // A line that is cut, a disk that is full, somebody who had enough: the others would fare no better.
                let is_over = result.as_ref().is_err_and(|failure| {
                    matches!(failure.class, Class::Environment | Class::Cancelled)
                        || failure.code == "staging-closed"
                });
                results.push((name, result));
                if is_over {
                    break;
                }
            }
            match results.last() {
                Some((_, Err(failure))) if results.len() == 1 || failure.class == Class::Cancelled => {
                    Err(failure.clone())
                }
                _ => Ok(results),
            }
        };
        self.tasks.start(&self.ctx, title, Show::Row, run, move |app, result| {
            done(app, result);
            app.staging_changed();
        });
    }

    fn named(&self, packages: Vec<PackageId>) -> Vec<(String, PackageId)> {
        packages.into_iter().map(|id| (self.title_of_packages(&[id]), id)).collect()
    }

    pub(super) fn stage(&mut self, packages: Vec<PackageId>, at: StagingId, now: bool) {
        let name = self.name_of_staging(at);
        let title = format!("Staging {} at {name}", self.title_of_packages(&packages));
        let first = packages.first().copied();
        let packages = self.named(packages);
        self.with_each(
            title,
            packages,
            move |session, package, work| session.run(session::Stage { package, staging: at, now }, work),
            move |app, result| match result {
                Ok(results) => {
                    let done: Vec<&StageReport> =
                        results.iter().filter_map(|(_, one)| one.as_ref().ok()).collect();
                    if !done.is_empty() {
                        app.tell_of_step(staged_text(&done, &name));
                    }
                    let strangers = done.iter().flat_map(|report| {
                        let key = report.copy.key.title();
                        report.strangers.iter().map(move |path| format!("{key}: {path}"))
                    });
                    app.tell_of_strangers(&name, strangers.collect());
                    app.tell_of_each(&results, &format!("not staged at {name}"));
                }
                Err(failure) if matches!(failure.code, "consistency-differs" | "consistency-damaged") => {
                    let package = first.and_then(|id| app.summary(id));
                    match package {
                        Some(package) => {
                            let report = failure.report.map(|report| *report);
                            app.put_in_front(Box::new(Differs::new(package, "staged", report)));
                        }
                        None => app.tell(failure),
                    }
                }
                Err(failure) => app.tell(failure),
            },
        );
    }

    /// What lies in the place of a package and belongs to nobody makes its copy differ; it is never removed.
    fn tell_of_strangers(&mut self, name: &str, strangers: Vec<String>) {
        if strangers.is_empty() {
            return;
        }
        let text = "They were left where they are, and the copy counts as differing until they are gone.";
        let title = format!("Files at {name} that belong to no package");
        let dialog = crate::console::dialogs::library::Report::new(title, text, strangers);
        self.put_in_front(Box::new(dialog));
    }

    /// Tells what did not work of several.
    pub(super) fn tell_of_each<T>(&mut self, results: &Each<T>, what: &str) {
        let failed = results.iter().filter_map(|(name, one)| Some((name, one.as_ref().err()?)));
        let failed: Vec<_> = failed.collect();
        let Some((_, first)) = failed.first() else { return };
        let message = format!("{} of {} packages were {what}", failed.len(), results.len());
        let details = failed.iter().map(|(name, failure)| format!("{name}: {failure}")).collect();
        let failure =
            Failure::new(first.code, first.class, message, first.action.clone()).with_details(details);
        self.tell(failure);
    }

    pub(super) fn unstage(&mut self, copies: Vec<(PackageId, StagingId)>) {
        let mut by_place: BTreeMap<StagingId, Vec<PackageId>> = BTreeMap::new();
        for (package, staging) in copies {
            by_place.entry(staging).or_default().push(package);
        }
        for (staging, packages) in by_place {
            let name = self.name_of_staging(staging);
            let title = format!("Unstaging {} from {name}", self.title_of_packages(&packages));
            let packages = self.named(packages);
            self.with_each(
                title,
                packages,
                move |session, package, work| session.run(session::Unstage { package, staging }, work),
                move |app, result| match result {
                    Ok(results) => {
                        let done = results.iter().filter(|(_, one)| one.is_ok()).count() as u64;
                        app.tell_of_step(format!("{} unstaged from {name}", packages_text(done)));
                        app.tell_of_each(&results, &format!("not unstaged from {name}"));
                    }
                    Err(failure) => app.tell(failure),
                },
            );
        }
    }

    pub(super) fn verify(&mut self, copies: Vec<(PackageId, StagingId)>, deep: bool) {
        let packages: Vec<PackageId> = copies.iter().map(|(package, _)| *package).collect();
        let Some(session) = self.session().cloned() else { return };
        if copies.is_empty() {
            return;
        }
        let mut ids = packages;
        ids.sort();
        ids.dedup();
        let kind = if deep { "Verifying deep" } else { "Verifying" };
        let title = format!("{kind} what is staged of {}", self.title_of_packages(&ids));
        let run = move |work: &Work| {
            let mut checks = Vec::with_capacity(copies.len());
            for (package, staging) in copies {
                work.check().map_err(|_| cancelled())?;
                checks.extend(session.run(VerifyStaged { package: Some(package), staging, deep }, work)?);
            }
            Ok(checks)
        };
        self.tasks.start(&self.ctx, title, Show::Row, run, |app, result| app.verified(result));
    }

    pub(super) fn verify_all(&mut self, ids: Vec<StagingId>, deep: bool) {
        for staging in ids {
            let name = self.name_of_staging(staging);
            let title = if deep { format!("Verifying {name} deep") } else { format!("Verifying {name}") };
            let request = VerifyStaged { package: None, staging, deep };
            self.ask(title, Show::Row, request, |app, result| app.verified(result));
        }
    }

    fn verified(&mut self, result: Result<Vec<StagedCheck>, Failure>) {
        match result {
            Ok(checks) if checks.iter().all(StagedCheck::is_good) => {
                let text = match checks.as_slice() {
                    [] => "Nothing is known to lie there".to_owned(),
                    [one] => format!("{} at {}: {}", one.copy.key.title(), one.name, verdict(one)),
                    all => format!("{} are as they should be", copies_text(all.len())),
                };
                self.tell_of_step(text);
            }
            Ok(checks) => {
                let written = self.scope.write_refusal();
                self.put_in_front(Box::new(Verified::new(&checks, written)));
            }
            Err(failure) => self.tell(failure),
        }
        self.staging_changed();
    }
}

/// `3 copies`.
fn copies_text(count: usize) -> String {
    format!("{} staged copies", format::thousands(count as u64))
}

/// What was sent, in a sentence: `7-Zip 24.09 staged at Köln: 12 MiB sent, 3 MiB were there`.
fn staged_text(done: &[&StageReport], name: &str) -> String {
    let what = match done {
        [one] => format!("{} revision {}", one.copy.key.title(), one.copy.revision),
        all => packages_text(all.len() as u64),
    };
    let sum = |of: fn(&StageReport) -> u64| done.iter().map(|report| of(report)).fold(0, u64::saturating_add);
    let (sent, kept) = (sum(|report| report.sent_bytes), sum(|report| report.kept_bytes));
    let kept = if kept > 0 { format!(", {} were there", format::size(kept)) } else { String::new() };
    format!("{what} staged at {name}: {} sent{kept}", format::size(sent))
}

/// Somebody stopped it between two packages.
pub(super) fn cancelled() -> Failure {
    Failure::new(
        "cancelled",
        Class::Cancelled,
        "cancelled",
        "Start it again: what was sent is not sent twice",
    )
}
