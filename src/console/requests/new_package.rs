//! The requests of the New package page: its sources looked at, held against what is there, and registered.

use crate::console::app::App;
use crate::console::dialogs::Delivery;
use crate::console::dialogs::library::Report;
use crate::console::dialogs::same_exists::SameExists;
use crate::console::pages::Place;
use crate::console::pages::new_package::procedures::of_new_version;
use crate::console::tasks::Show;
use crate::failure::{Class, Failure};
use crate::package::record::PackageId;
use crate::session::{CompareSource, Preview, Register, RegisterRequest, SameProduct, Session};
use crate::work::Work;

impl App {
    /// Looks at the sources, and for packages of the name they propose.
    pub(in crate::console) fn preview(&mut self) {
        let epoch = self.view.epoch;
        let Some(session) = self.session().cloned() else { return };
        let Some(page) = &mut self.new_package else { return };
        if page.sources.is_empty() {
            page.preview = None;
            return;
        }
        let (sources, links) = (page.sources.clone(), page.links());
        let typed = page.typed_name();
        page.begin_looking();
        let request = Preview { sources: sources.clone(), links };
        let run = move |work: &Work| {
            let found = session.run(request, work)?;
            let name = typed.unwrap_or_else(|| found.name.value.clone());
            let products = session.run(SameProduct { name }, work)?;
            Ok((found, products))
        };
        self.tasks.start(&self.ctx, "Counting the files", Show::Row, run, move |app, result| {
            // The answer to an older question is no answer.
            if let Some(page) = &mut app.new_package
                && page.sources == sources
                && page.links() == links
            {
                page.set_preview(result, epoch);
            }
        });
    }

    /// Asks which packages have this name.
    pub(in crate::console) fn ask_same_product(&mut self, name: String) {
        let request = SameProduct { name: name.clone() };
        self.ask("", Show::Nothing, request, move |app, result| {
            let Some(page) = &mut app.new_package else { return };
            let before = page.new_version_of();
            match result {
                Ok(found) => page.set_same_product(&name, found),
                Err(failure) => {
                    page.set_same_product(&name, Vec::new());
                    app.tell(failure);
                    return;
                }
            }
            if page.is_asking() {
                return;
            }
            // What nobody has seen yet is not registered.
            let is_as_seen = page.new_version_of() == before;
            if std::mem::take(&mut page.is_create_wanted) && is_as_seen {
                app.create();
            }
        });
    }

    /// Compares the sources with the package they are a new version of.
    pub(in crate::console) fn compare_source(&mut self, based_on: PackageId) {
        let Some(page) = &self.new_package else { return };
        let (sources, links) = (page.sources.clone(), page.links());
        let title = match self.summary(based_on) {
            Some(package) => format!("Comparing with {}", package.key.title()),
            None => "Comparing the files".to_owned(),
        };
        let request = CompareSource { sources: sources.clone(), links, based_on };
        self.ask(title, Show::Row, request, move |app, result| {
            if let Some(page) = &mut app.new_package
                && page.sources == sources
                && page.links() == links
            {
                page.set_comparison(based_on, result);
            }
        });
    }

    /// Registers what the page says; asks first, where it exists already.
    pub(in crate::console) fn create(&mut self) {
        let Some(page) = &mut self.new_package else { return };
        if page.is_asking() {
            page.is_create_wanted = true;
            return;
        }
        if let Some(existing) = page.existing() {
            let (id, key) = (existing.id, existing.key.clone());
            self.ask_about_existing(id, key);
            return;
        }
        let Some(page) = self.new_package.take() else { return };
        let title = format!("Registering {}", page.title());
        let request = Register { request: page.request() };
        self.ask(title, Show::Row, request, move |app, result| match result {
            Ok(report) => {
                app.place = Place::Packages;
                app.search.clear();
                app.packages.select_when_seen(report.record.id);
            }
            Err(failure) => {
                // What was typed is not lost.
                if app.new_package.is_none() && failure.class != Class::Cancelled {
                    app.new_package = Some(page);
                }
                app.tell(failure);
            }
        });
    }

    /// Registers packages one after the other; what could not be registered is told at the end.
    pub(in crate::console) fn register_each(&mut self, requests: Vec<RegisterRequest>) {
        let Some(session) = self.session().cloned() else { return };
        let count = requests.len();
        let title = if count == 1 {
            "Registering 1 package".to_owned()
        } else {
            format!("Registering {count} packages")
        };
        let run = move |work: &Work| {
            let mut made = Vec::new();
            let mut failed = Vec::new();
            for request in requests {
                let [name, version] =
                    [&request.name, &request.version].map(|text| text.clone().unwrap_or_default());
                let registered = with_procedures(&session, request, work)
                    .and_then(|request| session.run(Register { request }, work));
                match registered {
                    Ok(report) => made.push(report.record.id),
                    Err(failure) if failure.class == Class::Cancelled => return Err(failure),
                    Err(failure) => failed.push(format!("{name} {version}: {failure}")),
                }
            }
            Ok((made, failed))
        };
        self.tasks.start(&self.ctx, title, Show::Row, run, move |app, result| match result {
            Ok((made, failed)) => {
                app.new_package = None;
                app.place = Place::Packages;
                app.search.clear();
                app.packages.select_all_when_seen(made);
                if !failed.is_empty() {
                    let text = format!("{} of {count} packages:", failed.len());
                    app.put_in_front(Box::new(Report::new("Not all could be registered", text, failed)));
                }
            }
            Err(failure) => app.tell(failure),
        });
    }

    fn ask_about_existing(&mut self, id: PackageId, key: crate::package::PackageKey) {
        let Some(page) = &self.new_package else { return };
        let request = CompareSource { sources: page.sources.clone(), links: page.links(), based_on: id };
        self.put_in_front(Box::new(SameExists::new(id, key)));
        let number = self.dialogs_so_far;
        self.ask("", Show::Nothing, request, move |app, result| {
            // Without an answer the question can be answered all the same.
            if let Ok(compared) = result {
                app.deliver(number, &Delivery::Compared(id, &compared));
            }
        });
    }
}

/// The same request with the procedures of the package it is a new version of, as far as these files have what they
/// name.
fn with_procedures(
    session: &Session,
    mut request: RegisterRequest,
    work: &Work,
) -> Result<RegisterRequest, Failure> {
    let Some(based_on) = request.based_on else { return Ok(request) };
    let name = request.name.clone().unwrap_or_default();
    let before = session.run(SameProduct { name }, work)?.into_iter().find(|package| package.id == based_on);
    let Some(before) = before else { return Ok(request) };
    let (sources, links) = (request.sources.clone(), request.links);
    let comparison = session.run(CompareSource { sources, links, based_on }, work)?;
    let proposed = request.procedures.take().unwrap_or_default();
    request.procedures = Some(of_new_version(&before, &comparison, proposed));
    Ok(request)
}
