//! What the window reads of jobs, computers and the delivery manager, and when: whenever the library changed, and now and
//! then where it could be somebody else's doing.
//!
//! Owns the moment of reading. What is done to jobs and computers stands beside, in `jobs` and `computers`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::console::app::App;
use crate::console::dialogs::Delivery;
use crate::console::pages::computers::{self, Known};
use crate::console::pages::jobs::container;
use crate::console::pages::packages::Moment;
use crate::console::pages::staging;
use crate::console::pages::staging::homes::{Homes, homes};
use crate::console::pages::{Place, TreeDelivery};
use crate::console::property::{PropertyWindow, SeveralWindow, Tab};
use crate::console::tasks::Show;
use crate::failure::Failure;
use crate::session::{
    ContainerView, ListComputerGroups, ListComputers, ListJobContainers, ListStagedCopies, ListStaging,
    ManagerStatus, ReadManagerStatus, ReadTargets, ShowComputer, ShowJob, ShowJobContainer,
};
use crate::work::Work;

/// Between two readings, whatever happens.
const LEAST: Duration = Duration::from_millis(400);
/// Between two readings on a page of jobs and computers, where nothing is told of.
const ON_PAGE: Duration = Duration::from_secs(5);
/// The same while another program carries the jobs out: that it stopped is told by nobody.
const ELSEWHERE: Duration = Duration::from_secs(20);

/// When what was read.
#[derive(Default)]
pub(in crate::console) struct Reads {
    /// The view of the library it was read at.
    epoch: Option<u64>,
    at: Option<Instant>,
    is_reading: bool,
    /// Something was done that changed it.
    is_old: bool,
    /// The same for the computers.
    computers_old: bool,
    computers_epoch: Option<u64>,
    /// The same for staging libraries.
    staging_old: bool,
    staging_epoch: Option<u64>,
    /// What was read, counted: the tree is made anew with it.
    pub(in crate::console) count: u64,
}

impl Reads {
    /// Something was done to staging libraries: they are read at once.
    pub(in crate::console) fn staging_is_old(&mut self) {
        self.staging_old = true;
        self.is_old = true;
        self.at = None;
    }
}

struct Read {
    containers: Vec<ContainerView>,
    manager: ManagerStatus,
    computers: Option<(Known, Homes)>,
    staging: Option<staging::Known>,
}

impl App {
    /// Reads what has to be read again.
    pub(in crate::console) fn follow_delivery(&mut self) {
        if self.session().is_none() || self.view.epoch == 0 {
            return;
        }
        let on_tab = self.windows.iter().any(|window| window.tab() == Tab::Delivery)
            || self.several.iter().any(|window| window.tab() == Tab::Delivery);
        let on_page = self.place.is_delivery() || on_tab;
        let is_elsewhere = matches!(self.jobs.manager(), Some(ManagerStatus::Elsewhere { .. }));
        let every = match (on_page, is_elsewhere) {
            (true, _) => Some(ON_PAGE),
            (false, true) => Some(ELSEWHERE),
            (false, false) => None,
        };
        let reads = &self.delivery;
        let since = reads.at.map(|at| at.elapsed());
        let is_due = reads.is_old
            || reads.epoch != Some(self.view.epoch)
            || every.zip(since).is_some_and(|(every, since)| since >= every);
        if !reads.is_reading && is_due {
            match since.and_then(|since| LEAST.checked_sub(since)).filter(|left| !left.is_zero()) {
                Some(left) => self.ctx.request_repaint_after(left),
                None => self.read_delivery(),
            }
        } else if let Some(every) = every {
            self.ctx.request_repaint_after(every);
        }
        self.read_for_job_page();
        self.read_for_computer_page();
    }

    /// Something was done: the lists are read at once, the computers too if it was about them.
    pub(in crate::console) fn delivery_changed(&mut self, computers: bool) {
        self.delivery.is_old = true;
        self.delivery.computers_old |= computers;
        self.delivery.at = None;
        self.ctx.request_repaint();
    }

    fn read_delivery(&mut self) {
        let Some(session) = self.session().cloned() else { return };
        let epoch = self.view.epoch;
        let reads = &mut self.delivery;
        let on_page = self.place.is_computers() || self.place.is_staging();
        let is_shown = on_page && reads.computers_epoch != Some(epoch);
        let with_computers = reads.computers_epoch.is_none() || reads.computers_old || is_shown;
        let with_staging = reads.staging_old || reads.staging_epoch != Some(epoch) || self.place.is_staging();
        reads.epoch = Some(epoch);
        reads.at = Some(Instant::now());
        reads.is_old = false;
        reads.is_reading = true;
        if with_computers {
            reads.computers_old = false;
            reads.computers_epoch = Some(epoch);
        }
        if with_staging {
            reads.staging_old = false;
            reads.staging_epoch = Some(epoch);
        }
        let run = move |work: &Work| -> Result<Read, Failure> {
            let computers = if with_computers {
                let staging = session.run(ListStaging {}, work)?;
                let names = staging.into_iter().map(|row| (row.staging.id.to_string(), row.staging.name));
                let known = Known {
                    computers: Arc::new(session.run(ListComputers { filter: Default::default() }, work)?),
                    groups: Arc::new(session.run(ListComputerGroups {}, work)?),
                    staging: Arc::new(names.collect::<HashMap<_, _>>()),
                };
                let homes = homes(&known);
                Some((known, homes))
            } else {
                None
            };
            let staging = if with_staging {
                Some(staging::Known {
                    libraries: Arc::new(session.run(ListStaging {}, work)?),
                    copies: Arc::new(session.run(ListStagedCopies { package: None }, work)?),
                })
            } else {
                None
            };
            Ok(Read {
                manager: session.run(ReadManagerStatus {}, work)?,
                containers: session.run(ListJobContainers {}, work)?,
                computers,
                staging,
            })
        };
        self.tasks.start(&self.ctx, "", Show::Nothing, run, |app, result| {
            app.delivery.is_reading = false;
            app.delivery.count += 1;
            app.windows.iter_mut().for_each(PropertyWindow::age_delivery);
            app.several.iter_mut().for_each(SeveralWindow::age_delivery);
            match result {
                Ok(read) => {
                    app.jobs.set(read.containers, read.manager);
                    app.jobs.container.age();
                    if let Some(staging) = read.staging {
                        app.staging.set(staging);
                    }
                    if let Some((computers, homes)) = read.computers {
                        app.homes = Arc::new(homes);
                        let told = Delivery::Computers(&computers);
                        app.dialogs.iter_mut().for_each(|front| front.dialog.receive(&told));
                        app.computers.set(computers, (app.around.now)());
                    }
                }
                Err(failure) => app.jobs.set_failure(failure),
            }
        });
    }

    fn read_for_job_page(&mut self) {
        let Place::Job(id) = self.place else { return };
        self.jobs.container.show(id);
        for ask in self.jobs.container.take_asks() {
            match ask {
                container::Ask::Details(id) => {
                    self.ask("", Show::Nothing, ShowJobContainer { id }, |app, result| {
                        // One that was removed meanwhile is not in the list either, and the page says so.
                        if let Ok(details) = result {
                            app.jobs.container.set_details(details);
                            app.tell_of_refusal_once();
                        }
                    });
                }
                container::Ask::Targets(id, asked) => {
                    let request = ReadTargets { id, query: asked.query.clone() };
                    self.ask("", Show::Nothing, request, move |app, result| {
                        if let Ok(page) = result {
                            app.jobs.container.set_targets(id, &asked, page);
                        }
                    });
                }
                container::Ask::Target(job) => {
                    self.ask("", Show::Nothing, ShowJob { job }, move |app, result| {
                        app.jobs.container.set_target(job, result.ok());
                    });
                }
            }
        }
    }

    fn read_for_computer_page(&mut self) {
        if !self.place.is_computers() {
            return;
        }
        for ask in self.computers.take_asks() {
            match ask {
                computers::Ask::Computer(id) => {
                    let request = ShowComputer { computer: id.to_string() };
                    self.ask("", Show::Nothing, request, move |app, result| {
                        app.computers.set_details(id, result.ok());
                    });
                }
                computers::Ask::Job(job) => {
                    self.ask("", Show::Nothing, ShowJob { job }, move |app, result| {
                        app.computers.set_job(job, result.ok());
                    });
                }
            }
        }
    }

    /// What the tree shows of jobs and computers.
    pub(in crate::console) fn tree_delivery(&self) -> TreeDelivery {
        let known = self.computers.known();
        let (tests, unseen) = self.computers.counts();
        let job = match self.place {
            Place::Job(id) => self.jobs.find(id).map(|view| (id, view.name.clone())),
            _ => None,
        };
        TreeDelivery {
            count: self.delivery.count,
            active_jobs: self.jobs.active(),
            job,
            computers: known.computers.len(),
            tests,
            unseen,
            groups: Arc::clone(&known.groups),
            staging: Arc::clone(&self.staging.known().libraries),
        }
    }

    /// The row of the tree that stands for what is shown: that of the staging library that is selected.
    pub(in crate::console) fn place_in_tree(&self) -> Place {
        match (&self.place, self.staging.selected_ids().as_slice()) {
            (Place::Staging, [one]) => Place::StagingLibrary(*one),
            (place, _) => place.clone(),
        }
    }

    /// Puts the selected jobs or computers on the clipboard; the targets of a job see to theirs.
    pub(in crate::console) fn copy_delivery(&mut self) {
        let moment = Moment { now: (self.around.now)(), zone: &self.around.actor.time_zone };
        let text = match self.place {
            Place::Jobs if self.jobs.selected().next().is_some() => self.jobs.copied(moment),
            Place::Job(_) | Place::Jobs => return,
            Place::Staging if self.staging.selected().next().is_some() => self.staging.copied(moment),
            Place::Staging => return,
            _ if self.computers.selected().next().is_some() => self.computers.copied(moment),
            _ => return,
        };
        self.ctx.copy_text(text);
    }

    /// Leaves the place of a group of computers that is not there any more.
    pub(in crate::console) fn leave_gone_group(&mut self) {
        if let Place::ComputerGroup(group) = &self.place
            && self.computers.is_read()
            && !self.computers.known().groups.iter().any(|row| row.name == *group)
        {
            self.place = Place::Computers;
        }
    }
}
