//! Work on software groups: a new one, another name, taken away, packages filed under it.

use egui::{CursorIcon, DragAndDrop, Id, LayerId, Order, Rect, Stroke, StrokeKind, TextStyle, vec2};

use crate::console::action::Action;
use crate::console::app::App;
use crate::console::command::Command;
use crate::console::pages::jobs::command::JobCommand;
use crate::console::pages::jobs::{Draft, JobAction};
use crate::console::pages::packages::Dragged;
use crate::console::pages::staging::StagingAction;
use crate::console::pages::staging::command::StagingCommand;
use crate::console::pages::{Place, TreeRows};
use crate::console::tasks::Show;
use crate::console::tokens::Tokens;
use crate::console::undo::{Step, groups_of};
use crate::console::widgets::short;
use crate::console::widgets::tree::TreeResponse;
use crate::session::{AddGroup, MoveToGroup, RemoveGroup, RenameGroup};
use crate::work::Work;

impl App {
    /// Follows packages that are dragged over the tree: says what a drop would do, and does it.
    pub(in crate::console) fn drag_ui(
        &mut self,
        tree: &TreeResponse,
        rows: &TreeRows,
        actions: &mut Vec<Action>,
    ) {
        let Some(dragged) = DragAndDrop::payload::<Dragged>(&self.ctx) else { return };
        let count = dragged.0.len();
        let packages = if count == 1 { "1 package".to_owned() } else { format!("{count} packages") };
        let group_of = |row: Option<usize>| match rows.place(row?)? {
            Place::Group(group) => Some(group.clone()),
            Place::Packages => Some(String::new()),
            _ => None,
        };
        let computers_of = |row: Option<usize>| match rows.place(row?)? {
            Place::ComputerGroup(group) => Some(group.clone()),
            _ => None,
        };
        let refused = self.scope.jobs.refusal(JobCommand::Deploy, &dragged.0);
        let staging_of = |row: Option<usize>| match rows.place(row?)? {
            Place::StagingLibrary(id) => Some(*id),
            _ => None,
        };
        let staged = self.scope.staging.refusal(StagingCommand::Stage, &dragged.0);
        let unstaged = staged.or(self.scope.write_refusal());
        let text = match (group_of(tree.held_over), computers_of(tree.held_over)) {
            (_, Some(_)) if refused.is_some() => refused.unwrap_or_default().to_owned(),
            (_, Some(group)) => format!("New job: {packages} for {}", short(&group, 40)),
            (Some(group), _) if group.is_empty() => format!("Take {packages} out of the group"),
            (Some(group), _) => format!("Move {packages} to {}", short(&group, 40)),
            (None, None) => match (staging_of(tree.held_over), unstaged) {
                (Some(_), Some(why)) => why.to_owned(),
                (Some(id), None) => {
                    format!("Stage {packages} at {}", short(self.staging.known().name(id), 40))
                }
                (None, _) => packages,
            },
        };
        self.ctx.set_cursor_icon(CursorIcon::Grabbing);
        if let Some(at) = self.ctx.pointer_latest_pos() {
            let layer = LayerId::new(Order::Tooltip, Id::unique("dragged packages"));
            let painter = self.ctx.layer_painter(layer);
            let tokens = Tokens::for_theme(self.ctx.global_style().visuals.dark_mode);
            let font = TextStyle::Body.resolve(&self.ctx.global_style());
            let galley = painter.layout_no_wrap(text, font, tokens.text);
            let rect = Rect::from_min_size(at + vec2(14.0, 10.0), galley.size() + vec2(20.0, 10.0));
            painter.rect(rect, 4.0, tokens.panel, Stroke::new(1.0, tokens.border), StrokeKind::Inside);
            painter.galley(rect.min + vec2(10.0, 5.0), galley, tokens.text);
        }
        if let Some(group) = computers_of(tree.dropped) {
            if refused.is_none() && self.scope.refusal(Command::Job(JobCommand::New)).is_none() {
                let draft = Draft { packages: dragged.0.ids(), groups: vec![group], ..Draft::default() };
                actions.push(Action::Job(JobAction::AskNew(draft)));
            }
            DragAndDrop::clear_payload(&self.ctx);
        }
        if let Some(id) = staging_of(tree.dropped) {
            if unstaged.is_none() {
                actions.push(Action::Staging(StagingAction::AskStage(dragged.0.ids(), Some(id))));
            }
            DragAndDrop::clear_payload(&self.ctx);
        }
        if let Some(group) = group_of(tree.dropped) {
            let elsewhere = dragged.0.iter().filter(|package| *package.group != *group);
            let ids: Vec<_> = elsewhere.map(|package| package.id).collect();
            if !ids.is_empty() {
                actions.push(Action::MoveToGroup(ids, group));
            }
            DragAndDrop::clear_payload(&self.ctx);
        }
    }

    /// Carries out an action on groups.
    pub(in crate::console) fn work_on_groups(&mut self, action: Action) {
        match action {
            Action::AddGroup(name) => {
                let request = AddGroup { name: name.clone() };
                self.ask("Making a group", Show::Row, request, move |app, result| match result {
                    Ok(()) => app.place_when_seen = Some(Place::Group(name)),
                    Err(failure) => app.tell(failure),
                });
            }
            Action::RemoveGroup(name) => {
                let title = format!("Removing the group {name}");
                let request = RemoveGroup { name: name.clone() };
                self.ask(title, Show::Row, request, |app, result| match result {
                    Ok(left) => {
                        let members = left.iter().map(|package| package.id).collect();
                        app.remember_step(Step::RemovedGroup { name, members });
                    }
                    Err(failure) => app.tell(failure),
                });
            }
            Action::RenameGroup { from, to } => {
                let title = format!("Renaming the group {from}");
                if self.place == Place::Group(from.clone()) {
                    self.place_when_seen = Some(Place::Group(to.clone()));
                }
                let request = RenameGroup { from: from.clone(), to: to.clone() };
                self.ask(title, Show::Row, request, |app, result| match result {
                    Ok(_) => app.remember_step(Step::Renamed { from, to }),
                    Err(failure) => {
                        app.place_when_seen = None;
                        app.tell(failure);
                    }
                });
            }
            Action::MoveToGroup(packages, group) => {
                let title = match packages.len() {
                    1 => "Moving a package to a group".to_owned(),
                    count => format!("Moving {count} packages to a group"),
                };
                let Some(session) = self.session().cloned() else { return };
                let run = move |work: &Work| {
                    let mut from = groups_of(&session.view(), &packages);
                    from.remove(&group);
                    session.run(MoveToGroup { packages, group: group.clone() }, work)?;
                    Ok(Step::Moved { to: group, from })
                };
                self.tasks.start(&self.ctx, title, Show::Row, run, |app, result| match result {
                    Ok(Step::Moved { from, .. }) if from.is_empty() => {}
                    Ok(step) => app.remember_step(step),
                    Err(failure) => app.tell(failure),
                });
            }
            // Everything else is carried out elsewhere.
            _ => {}
        }
    }
}
