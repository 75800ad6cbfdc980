//! Work of repairing: the plan is made and shown, carried out, and its end is told.

use crate::console::action::Action;
use crate::console::app::App;
use crate::console::dialogs::archive::CannotRestore;
use crate::console::dialogs::compare::{ChangedFile, Compared};
use crate::console::dialogs::library::Report;
use crate::console::dialogs::repair::{RepairPackages, left_out};
use crate::console::dialogs::{Delivery, sentence};
use crate::console::format;
use crate::console::perform::name_of;
use crate::console::tasks::Show;
use crate::failure::{Class, Failure};
use crate::package::PackageState;
use crate::package::record::PackageId;
use crate::session::{
    CompareFile, CompareRequest, LookAtPlaces, PlaceLook, PrepareRepair, Repair, RepairAndRestore,
    RepairFrom, RepairOutcome, RepairPlan, RepairRequest, RestoreSource,
};
use crate::work::Work;

/// What became of each package, by name.
type Ends = Vec<(PackageId, String, Result<RepairOutcome, Failure>)>;

impl App {
    /// Carries out what is asked for about repair.
    pub(in crate::console) fn work_on_repair(&mut self, action: Action) {
        match action {
            Action::AskRepair(packages, switch_on) => self.ask_repair(packages, switch_on),
            Action::LookAtPlace(plans, address) => self.look_at_place(plans, address),
            Action::Repair { repairs, addresses, switch_on } => self.repair(repairs, addresses, switch_on),
            Action::CompareFile(file, addresses) => self.compare_file(file, addresses),
            Action::EndComparison(comparison) => {
                let run = move |_: &Work| {
                    drop(comparison);
                    Ok(())
                };
                self.tasks.start(&self.ctx, "", Show::Nothing, run, |_, _: Result<(), Failure>| {});
            }
            Action::RepairAndRestore(source, addresses) => self.repair_and_restore(source, addresses),
            // Everything else is carried out elsewhere.
            _ => {}
        }
    }

    /// Makes the plan, which reads every file, and shows it.
    fn ask_repair(&mut self, packages: Vec<PackageId>, switch_on: bool) {
        let Some(session) = self.session().cloned() else { return };
        let named: Vec<(PackageId, String)> = packages
            .iter()
            .filter_map(|id| self.summary(*id))
            .filter(|package| package.state != PackageState::Archived)
            .map(|package| (package.id, package.key.title()))
            .collect();
        let title = match named.as_slice() {
            [] => return,
            [(_, title)] => format!("Planning the repair of {title}"),
            several => format!("Planning the repair of {} packages", several.len()),
        };
        let only = (named.len() == 1).then(|| named[0].0);
        let run = move |work: &Work| {
            let (mut repairs, mut not_repaired, mut last) = (Vec::new(), Vec::new(), None);
            for (package, title) in named {
                match session.run(PrepareRepair { package }, work) {
                    // What is right again needs no repair.
                    Ok(repair) if repair.plan.is_empty() && repair.plan.unreadable.is_empty() => {}
                    Ok(repair) => repairs.push(repair),
                    Err(failure) if failure.class == Class::Cancelled => return Err(failure),
                    Err(failure) => {
                        not_repaired.push(left_out(&title, &failure));
                        last = Some(failure);
                    }
                }
            }
            match last {
                Some(failure) if repairs.is_empty() => Err(failure),
                _ => Ok((repairs, not_repaired)),
            }
        };
        let task = self.tasks.start(&self.ctx, title, Show::Row, run, move |app, result| {
            packages.iter().for_each(|id| app.read_details(*id));
            match result {
                Ok((repairs, _)) if repairs.is_empty() => {
                    if let (Some(id), true) = (only, switch_on) {
                        // It agrees again by now: nothing is left to ask.
                        return app.perform(Action::SwitchOn(id, None));
                    }
                    let text = "Every block is as it was recorded.";
                    app.put_in_front(Box::new(Report::new("There is nothing to repair", text, Vec::new())));
                }
                Ok((repairs, not_repaired)) => {
                    app.put_in_front(Box::new(RepairPackages::new(repairs, not_repaired, switch_on)));
                }
                Err(failure) => {
                    app.forget_switch_if(only, switch_on);
                    app.tell(failure);
                }
            }
        });
        if let Some(window) = only.and_then(|id| self.window(id)) {
            window.set_check(task);
        }
    }

    fn forget_switch_if(&mut self, package: Option<PackageId>, switch_on: bool) {
        if let Some(window) = package.filter(|_| switch_on).and_then(|id| self.window(id)) {
            window.forget_switch();
        }
    }

    /// Looks what a place has of all that these plans need, for the dialog in front.
    fn look_at_place(&mut self, plans: Vec<RepairPlan>, address: String) {
        let Some(number) = self.dialogs.last().map(|front| front.number) else { return };
        let Some(session) = self.session().cloned() else { return };
        let title = format!("Looking at {address}");
        let run = move |work: &Work| {
            let mut all: Option<PlaceLook> = None;
            for plan in plans {
                let request = LookAtPlaces { plan, addresses: vec![address.clone()] };
                let places = session.run(request, work)?;
                let Some(found) = places.into_iter().find(|place| place.address == address) else { continue };
                all = Some(match all {
                    None => found,
                    Some(before) => PlaceLook {
                        has_bytes: before.has_bytes.zip(found.has_bytes).map(|(a, b)| a + b),
                        problem: before.problem.and(found.problem),
                        address: before.address,
                    },
                });
            }
            Ok(all)
        };
        self.tasks.start(&self.ctx, title, Show::Row, run, move |app, result| {
            match &result {
                Ok(Some(place)) => app.deliver(number, &Delivery::Places(std::slice::from_ref(place))),
                _ => app.deliver(number, &Delivery::Places(&[])),
            }
            app.tell_if_failed(result);
        });
    }

    fn repair(&mut self, repairs: Vec<(PackageId, RepairRequest)>, addresses: Vec<String>, switch_on: bool) {
        let Some(session) = self.session().cloned() else { return };
        let named: Vec<(PackageId, String, RepairRequest)> = repairs
            .into_iter()
            .filter_map(|(id, request)| Some((id, self.summary(id)?.key.title(), request)))
            .collect();
        let title = match named.as_slice() {
            [] => return,
            [(_, title, _)] => format!("Repairing {title}"),
            several => format!("Repairing {} packages", several.len()),
        };
        let only = (named.len() == 1).then(|| named[0].0);
        let from = RepairFrom { addresses, wait: false };
        let run = move |work: &Work| {
            let mut ends: Ends = Vec::new();
            for (package, title, request) in named {
                let request = Repair { package, request, from: from.clone(), switch_on };
                let end = session.run(request, work);
                let is_over = end.as_ref().is_err_and(|failure| failure.class == Class::Cancelled);
                ends.push((package, title, end));
                if is_over {
                    break;
                }
            }
            Ok(ends)
        };
        let task = self.tasks.start(&self.ctx, title, Show::Row, run, move |app, result| match result {
            Ok(ends) => app.tell_repaired(ends, switch_on),
            Err(failure) => app.tell(failure),
        });
        if let Some(window) = only.and_then(|id| self.window(id)) {
            window.set_check(task);
        }
    }

    fn tell_repaired(&mut self, ends: Ends, switch_on: bool) {
        let mut lines = Vec::new();
        let (mut whole, mut fetched_bytes, total) = (Vec::new(), 0, ends.len());
        for (id, title, end) in ends {
            match end {
                Ok(outcome) => {
                    fetched_bytes += outcome.fetched_bytes;
                    let is_whole = outcome.report.is_consistent();
                    if let Some(window) = self.window(id) {
                        window.set_report(outcome.report.clone());
                    }
                    if is_whole {
                        whole.push(title);
                    } else {
                        lines.push(format!("{title}: {} left", outcome.report.differences.summary()));
                        lines.extend(outcome.stopped.iter().map(|failure| sentence(&failure.to_string())));
                    }
                    match (switch_on, is_whole) {
                        (true, true) => self.answered(id),
                        (true, false) => self.forget_switch_if(Some(id), true),
                        _ => {}
                    }
                }
                Err(failure) => {
                    self.forget_switch_if(Some(id), switch_on);
                    if failure.code == "changed-again" && total == 1 {
                        return self.ask_repair(vec![id], switch_on);
                    }
                    if total == 1 {
                        self.read_details(id);
                        return self.tell(failure);
                    }
                    if failure.class != Class::Cancelled {
                        lines.push(format!("{title}: {failure}"));
                    }
                }
            }
            self.read_details(id);
        }
        if lines.is_empty() {
            let what = match whole.as_slice() {
                [] => return,
                [title] => format!("{title} is repaired"),
                several => format!("{} packages are repaired", several.len()),
            };
            self.tell_of_step(format!("{what}, {} fetched", format::size(fetched_bytes)));
            return;
        }
        let text = format!(
            "{} of {total} as recorded again, {} fetched. What came is kept: the next repair goes on from there.",
            whole.len(),
            format::size(fetched_bytes)
        );
        self.put_in_front(Box::new(Report::new("Not everything was repaired", text, lines)));
    }

    fn compare_file(&mut self, file: ChangedFile, addresses: Vec<String>) {
        let title = format!("Comparing {}", file.recorded);
        let ChangedFile { package, recorded, found } = file.clone();
        let request = CompareRequest { package, recorded, found, scratch: crate::place::scratch() };
        let from = RepairFrom { addresses, wait: false };
        self.ask(title, Show::Row, CompareFile { request, from }, move |app, result| match result {
            Ok(comparison) => app.put_in_front(Box::new(Compared::new(&file.recorded, comparison))),
            Err(failure) => app.tell(failure),
        });
    }

    fn repair_and_restore(&mut self, source: RestoreSource, addresses: Vec<String>) {
        let name = name_of(self, &source);
        let title = format!("Repairing and restoring {name}");
        let from = RepairFrom { addresses, wait: false };
        let request = RepairAndRestore { source: source.clone(), from };
        self.ask(title, Show::Row, request, move |app, result| match result {
            Ok(report) => {
                app.packages.select_when_seen(report.record.id);
                app.read_details(report.record.id);
                let fetched = report.repaired.as_ref().map_or(0, |fetched| fetched.fetched_bytes);
                app.tell_of_step(format!("{name} is restored, {} fetched", format::size(fetched)));
            }
            Err(failure) if CannotRestore::knows(failure.code) => {
                app.put_in_front(Box::new(CannotRestore::new(source, name, failure)));
            }
            Err(failure) => app.tell(failure),
        });
    }
}
