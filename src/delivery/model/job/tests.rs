//! The state machine of a job: every event at every place, and whole lives with an agent that hears and tells late.

use proptest::prelude::*;

use super::*;

const REPORTS: [ReportedState; 11] = [
    ReportedState::Received,
    ReportedState::Delivering,
    ReportedState::Delivered,
    ReportedState::AlreadyDelivered,
    ReportedState::AlreadyInstalled,
    ReportedState::WaitingForTime,
    ReportedState::Executing,
    ReportedState::Ok,
    ReportedState::Error,
    ReportedState::Withdrawn,
    ReportedState::Refused,
];

const DECISIONS: [JobEvent; 12] = [
    JobEvent::Begin,
    JobEvent::Published,
    JobEvent::Differs { halt: false },
    JobEvent::Differs { halt: true },
    JobEvent::Halt,
    JobEvent::Resume,
    JobEvent::Renew,
    JobEvent::NotStarted,
    JobEvent::TimedOut,
    JobEvent::BatchFailed,
    JobEvent::FoundInstalled,
    JobEvent::Forbidden,
];

fn events() -> impl Iterator<Item = JobEvent> {
    DECISIONS.into_iter().chain(REPORTS.map(JobEvent::Reported))
}

/// Every place a job can come to.
fn places() -> Vec<JobPlace> {
    let mut places = vec![JobPlace::NEW];
    let mut next = 0;
    while next < places.len() {
        for event in events() {
            let place = step(places[next], event).place;
            if !places.contains(&place) {
                places.push(place);
            }
        }
        next += 1;
    }
    places
}

#[test]
fn words_are_read_as_they_are_written() {
    for state in JobState::ALL {
        assert_eq!(JobState::from_code(state.code()), Some(state));
        assert_eq!(serde_json::to_value(state).expect("a word"), state.code());
    }
    for after in [None, Some(After::Error), Some(After::Halted)] {
        assert_eq!(After::from_code(After::code(after)), after);
    }
}

#[test]
fn every_event_at_every_place_is_answered_and_twice_is_once() {
    let places = places();
    assert!(JobState::ALL.iter().all(|state| places.iter().any(|place| place.state == *state)));
    for place in places {
        assert_eq!(place.after.is_some(), place.state == JobState::Withdrawing, "{place:?}");
        assert!(place.known || !place.state.is_listed(), "{place:?} is listed and unknown");
        for event in events() {
            let once = step(place, event);
            assert_eq!(step(once.place, event).place, once.place, "{event:?} twice at {place:?}");
            let ends = place.state.is_ended();
            if ends && event != JobEvent::Renew {
                assert_eq!(once, Step { place, fresh: false }, "{event:?} after the end");
            }
            // Only an identity that nobody can run any more is given up.
            let confirmed = event == JobEvent::Reported(ReportedState::Withdrawn);
            assert!(!once.fresh || confirmed || ends, "{event:?} at {place:?}");
            assert!(place.known || !once.place.known || event == JobEvent::Begin, "{event:?} at {place:?}");
        }
    }
}

#[test]
fn a_checksum_error_leaves_what_runs_and_what_is_done() {
    for place in places() {
        let after = step(place, JobEvent::Differs { halt: false }).place;
        if place.state.is_ended() || place.state == JobState::Executing {
            assert_eq!(after, place);
        } else {
            assert_eq!(after.shown(false), Shown::Error, "{place:?}");
            assert!(after.is_over() && !after.state.is_listed() && after.can_renew());
        }
        let halted = step(place, JobEvent::Differs { halt: true }).place;
        assert!(halted == place || halted.shown(false) == Shown::Halted, "{place:?}");
    }
}

#[test]
fn the_result_of_the_agent_stands() {
    for after in [After::Error, After::Halted] {
        let withdrawn = JobPlace { state: JobState::Withdrawing, after: Some(after), known: true };
        let running = step(withdrawn, JobEvent::Reported(ReportedState::Executing)).place;
        assert_eq!(running.state, JobState::Executing);
        for place in [withdrawn, running] {
            let done = step(place, JobEvent::Reported(ReportedState::Ok)).place;
            assert_eq!(done.state, JobState::ExecutionOk);
        }
        let late = step(withdrawn, JobEvent::Reported(ReportedState::Delivered)).place;
        assert_eq!(late, withdrawn, "what is no result changes nothing");
    }
}

/// An agent as documents and reports let one see it: it runs each identity at most once.
#[derive(Default)]
struct Agent {
    /// The identity it was given last, and what it last did with it.
    has: Option<(u32, ReportedState)>,
    /// Identities it will not run again.
    done: Vec<u32>,
    runs: Vec<u32>,
    mail: Vec<(u32, ReportedState)>,
}

impl Agent {
    fn say(&mut self, id: u32, state: ReportedState) {
        self.mail.push((id, state));
        self.has = Some((id, state));
        if state.is_end() {
            self.done.push(id);
            self.has = None;
        }
    }

    fn read(&mut self, listed: Option<u32>) {
        if let Some((id, state)) = self.has
            && listed != Some(id)
            && state != ReportedState::Executing
        {
            self.say(id, ReportedState::Withdrawn);
        }
        if let Some(id) = listed
            && self.has.is_none()
            && !self.done.contains(&id)
        {
            self.say(id, ReportedState::Received);
        }
    }

    fn work(&mut self, ends_well: bool) {
        let Some((id, state)) = self.has else { return };
        match state {
            ReportedState::Received => self.say(id, ReportedState::Delivering),
            ReportedState::Delivering => self.say(id, ReportedState::Delivered),
            ReportedState::Executing if ends_well => self.say(id, ReportedState::Ok),
            ReportedState::Executing => self.say(id, ReportedState::Error),
            _ => {
                self.runs.push(id);
                self.say(id, ReportedState::Executing);
            }
        }
    }
}

/// A manager with one job.
struct Manager {
    place: JobPlace,
    id: u32,
    next: u32,
    renewed_after_its_end: usize,
}

impl Manager {
    fn apply(&mut self, about: u32, event: JobEvent) {
        if about != self.id {
            return;
        }
        if event == JobEvent::Renew && self.place.state.is_ended() {
            self.renewed_after_its_end += 1;
        }
        let after = step(self.place, event);
        self.place = after.place;
        if after.fresh {
            self.id = self.next;
            self.next += 1;
        }
    }

    fn document(&self) -> Option<u32> {
        self.place.state.is_listed().then_some(self.id)
    }
}

#[derive(Clone, Debug)]
enum Act {
    Decide(JobEvent),
    Write { noted: bool },
    Poll,
    Work { ends_well: bool },
    Mail { twice: bool },
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => prop::sample::select(DECISIONS.to_vec()).prop_map(Act::Decide),
        2 => Just(Act::Decide(JobEvent::Begin)),
        3 => any::<bool>().prop_map(|noted| Act::Write { noted }),
        3 => Just(Act::Poll),
        4 => any::<bool>().prop_map(|ends_well| Act::Work { ends_well }),
        4 => any::<bool>().prop_map(|twice| Act::Mail { twice }),
    ]
}

proptest! {
    /// Whatever is decided, whenever documents and reports arrive, and wherever a manager is killed: the procedure runs
    /// again only after the end of the job was seen and somebody renewed it.
    #[test]
    fn no_procedure_runs_twice_unless_it_was_renewed_after_its_end(
        acts in prop::collection::vec(act(), 1..150)
    ) {
        let mut manager = Manager { place: JobPlace::NEW, id: 0, next: 1, renewed_after_its_end: 0 };
        let mut agent = Agent::default();
        let mut document = None;
        for act in acts {
            match act {
                Act::Decide(JobEvent::Published) => {}
                Act::Decide(event) => manager.apply(manager.id, event),
                Act::Write { noted } => {
                    document = manager.document();
                    if noted {
                        manager.apply(manager.id, JobEvent::Published);
                    }
                }
                Act::Poll => agent.read(document),
                Act::Work { ends_well } => agent.work(ends_well),
                Act::Mail { twice } => {
                    if !agent.mail.is_empty() {
                        let (about, state) = agent.mail.remove(0);
                        for _ in 0..=usize::from(twice) {
                            manager.apply(about, JobEvent::Reported(state));
                        }
                    }
                }
            }
        }
        let mut identities = agent.runs.clone();
        identities.sort_unstable();
        identities.dedup();
        prop_assert_eq!(identities.len(), agent.runs.len());
        prop_assert!(agent.runs.len() <= manager.renewed_after_its_end + 1);
        // In the end both agree: what was written is read, what was said arrives.
        agent.read(manager.document());
        for (about, state) in std::mem::take(&mut agent.mail) {
            manager.apply(about, JobEvent::Reported(state));
        }
        if let Some((id, _)) = agent.has {
            prop_assert_eq!(id, manager.id);
            prop_assert!(manager.place.known, "{:?}", manager.place);
        }
    }
}
