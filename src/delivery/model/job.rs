//! The states of a job on its way, and the one function that says which follows which.
//!
//! The words are DSM's. What an agent does cannot be seen while it does it, so a job that was given to it is never simply
//! taken back: it is *withdrawing* until the agent says that it will not run it, or that it has. An identity that an
//! agent may still run is never given up for another one: no procedure runs twice.

use serde::{Deserialize, Serialize};

use crate::delivery::documents::ReportedState;

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Its turn has not come.
    Waiting,
    /// Its delivery environment is being set up.
    Building,
    /// It was given to its agent.
    DeliveryOrdered,
    /// The package is on its way to the computer.
    Delivering,
    /// The package is on the computer.
    DeliveryOk,
    /// It failed before anything ran.
    DeliveryError,
    /// The package was on the computer already.
    AlreadyDelivered,
    /// The package is there, and the time to run has not come.
    ExecutionOrdered,
    /// The procedure runs.
    Executing,
    /// Done.
    ExecutionOk,
    /// The procedure failed, or what comes before it on the computer.
    ExecutionError,
    /// The package was installed on the computer already.
    AlreadyInstalled,
    /// It may not be run: not sealed, not offered, not for this system.
    ManipulationNotAllowed,
    /// It waits until it is let go on.
    Halted,
    /// It was taken back, and its agent has not confirmed that yet.
    Withdrawing,
}

/// What a job becomes once its agent has confirmed that it will not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum After {
    /// An error.
    Error,
    /// Halted.
    Halted,
}

/// Where a job stands, with all that decides what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobPlace {
    /// Its state.
    pub state: JobState,
    /// What it becomes once its withdrawal is confirmed; only while [`JobState::Withdrawing`].
    pub after: Option<After>,
    /// Whether its agent may know it under its present identity.
    pub known: bool,
}

/// What happens to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobEvent {
    /// Its turn has come, and its environment is proven.
    Begin,
    /// The document that lists it was written.
    Published,
    /// Its agent said so.
    Reported(ReportedState),
    /// The package differs from its checksum: it ends in error, or is halted until the package agrees again.
    Differs {
        /// Halted, not in error.
        halt: bool,
    },
    /// A person halts it.
    Halt,
    /// It is let go on.
    Resume,
    /// A person wants it done again.
    Renew,
    /// Nothing more is to be begun: its time is over.
    NotStarted,
    /// It has taken too long in all.
    TimedOut,
    /// An earlier job of its batch failed.
    BatchFailed,
    /// The package is installed on the computer.
    FoundInstalled,
    /// It may not be run.
    Forbidden,
}

/// What follows an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    /// Where the job stands now.
    pub place: JobPlace,
    /// Whether it gets another identity: what its agent knew under the old one is over.
    pub fresh: bool,
}

/// The word a person reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// Its turn has not come.
    Waiting,
    /// Given to its agent.
    Ordered,
    /// The package is on the computer.
    Staged,
    /// The procedure runs.
    Executing,
    /// It waits until it is let go on.
    Halted,
    /// Done.
    Ok,
    /// Failed.
    Error,
}

impl Shown {
    /// All of them, in the order in which a job passes through them.
    pub const ALL: [Self; 7] =
        [Self::Waiting, Self::Ordered, Self::Staged, Self::Executing, Self::Halted, Self::Ok, Self::Error];

    /// The word on screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "Waiting",
            Self::Ordered => "Ordered",
            Self::Staged => "Staged",
            Self::Executing => "Executing",
            Self::Halted => "Halted",
            Self::Ok => "OK",
            Self::Error => "Error",
        }
    }
}

impl JobState {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Waiting,
        Self::Building,
        Self::DeliveryOrdered,
        Self::Delivering,
        Self::DeliveryOk,
        Self::DeliveryError,
        Self::AlreadyDelivered,
        Self::ExecutionOrdered,
        Self::Executing,
        Self::ExecutionOk,
        Self::ExecutionError,
        Self::AlreadyInstalled,
        Self::ManipulationNotAllowed,
        Self::Halted,
        Self::Withdrawing,
    ];

    /// The word in database and JSON.
    pub fn code(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Building => "building",
            Self::DeliveryOrdered => "delivery_ordered",
            Self::Delivering => "delivering",
            Self::DeliveryOk => "delivery_ok",
            Self::DeliveryError => "delivery_error",
            Self::AlreadyDelivered => "already_delivered",
            Self::ExecutionOrdered => "execution_ordered",
            Self::Executing => "executing",
            Self::ExecutionOk => "execution_ok",
            Self::ExecutionError => "execution_error",
            Self::AlreadyInstalled => "already_installed",
            Self::ManipulationNotAllowed => "manipulation_not_allowed",
            Self::Halted => "halted",
            Self::Withdrawing => "withdrawing",
        }
    }

    /// Reads [`JobState::code`].
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }

    /// Whether the document of its agent lists it.
    pub fn is_listed(self) -> bool {
        use JobState::*;
        matches!(
            self,
            Building
                | DeliveryOrdered
                | Delivering
                | DeliveryOk
                | AlreadyDelivered
                | ExecutionOrdered
                | Executing
        )
    }

    /// Whether nothing more happens by itself. A job that only stages ends as [`JobState::ExecutionOk`].
    pub fn is_ended(self) -> bool {
        use JobState::*;
        matches!(
            self,
            DeliveryError | ExecutionOk | ExecutionError | AlreadyInstalled | ManipulationNotAllowed
        )
    }

    /// Whether its agent is at work on it now: it counts among the parallel targets.
    pub fn is_at_work(self) -> bool {
        use JobState::*;
        matches!(self, Building | DeliveryOrdered | Delivering | Executing)
    }

    /// How far it is on its way, so that an old report cannot take it back.
    fn rank(self) -> u8 {
        use JobState::*;
        match self {
            Waiting | Halted | Withdrawing => 0,
            Building => 1,
            DeliveryOrdered => 2,
            Delivering => 3,
            DeliveryOk | AlreadyDelivered => 4,
            ExecutionOrdered => 5,
            Executing => 6,
            DeliveryError | ExecutionOk | ExecutionError | AlreadyInstalled | ManipulationNotAllowed => 7,
        }
    }
}

impl After {
    /// The word in the database; empty for none.
    pub fn code(after: Option<Self>) -> &'static str {
        match after {
            Some(Self::Error) => "error",
            Some(Self::Halted) => "halted",
            None => "",
        }
    }

    /// Reads [`After::code`].
    pub fn from_code(code: &str) -> Option<Self> {
        match code {
            "error" => Some(Self::Error),
            "halted" => Some(Self::Halted),
            _ => None,
        }
    }
}

impl JobPlace {
    /// A job as it begins.
    pub const NEW: Self = Self::at(JobState::Waiting);

    /// In a state, unknown to its agent.
    pub const fn at(state: JobState) -> Self {
        Self { state, after: None, known: false }
    }

    const fn known(state: JobState) -> Self {
        Self { state, after: None, known: true }
    }

    const fn withdrawing(after: After) -> Self {
        Self { state: JobState::Withdrawing, after: Some(after), known: true }
    }

    /// The word a person reads.
    pub fn shown(self, installed_is_ok: bool) -> Shown {
        use JobState::*;
        match (self.state, self.after) {
            (Waiting | Building, _) => Shown::Waiting,
            (DeliveryOrdered | Delivering, _) => Shown::Ordered,
            (DeliveryOk | AlreadyDelivered | ExecutionOrdered, _) => Shown::Staged,
            (Executing, _) => Shown::Executing,
            (Halted, _) | (Withdrawing, Some(After::Halted)) => Shown::Halted,
            (ExecutionOk, _) => Shown::Ok,
            (AlreadyInstalled, _) if installed_is_ok => Shown::Ok,
            (AlreadyInstalled | DeliveryError | ExecutionError | ManipulationNotAllowed | Withdrawing, _) => {
                Shown::Error
            }
        }
    }

    /// Whether it failed, so that it can be renewed; what is installed already can be, too.
    pub fn can_renew(self) -> bool {
        use JobState::*;
        matches!(self.state, DeliveryError | ExecutionError | AlreadyInstalled | ManipulationNotAllowed)
            || self.after == Some(After::Error)
    }

    /// Whether nothing more happens to it before somebody does something. A withdrawn job in error counts: its computer
    /// may never be heard of again.
    pub fn is_over(self) -> bool {
        self.state.is_ended() || self.after == Some(After::Error)
    }
}

/// Says what follows `event` for a job that stands at `place`. Every event can come at every place; what changes nothing
/// is passed over.
pub fn step(place: JobPlace, event: JobEvent) -> Step {
    use JobState::*;
    let JobPlace { state, after, known } = place;
    let to = |place| Step { place, fresh: false };
    let stay = to(place);
    // Taken back before it ran: at once where its agent cannot know it, else once that confirms it.
    let take_back = |to_be: After| match (state, to_be) {
        (Waiting | Halted, After::Error) if !known => to(JobPlace::at(DeliveryError)),
        (Waiting, After::Halted) if !known => to(JobPlace::at(Halted)),
        (Halted, After::Halted) => stay,
        (
            Waiting | Halted | Building | DeliveryOrdered | Delivering | DeliveryOk | AlreadyDelivered
            | ExecutionOrdered,
            _,
        ) => to(JobPlace::withdrawing(to_be)),
        (Withdrawing, After::Error) => to(JobPlace::withdrawing(After::Error)),
        // What is in error stays so, whoever halts it then; what runs or has ended is not taken back.
        (Withdrawing | Executing, _) => stay,
        (ExecutionOk | ExecutionError | DeliveryError | AlreadyInstalled | ManipulationNotAllowed, _) => stay,
    };
    match event {
        JobEvent::Reported(reported) => reported_step(place, reported),
        JobEvent::Begin => match state {
            Waiting => to(JobPlace::known(Building)),
            _ => stay,
        },
        JobEvent::Published => match state {
            Building => to(JobPlace::known(DeliveryOrdered)),
            _ => stay,
        },
        JobEvent::Differs { halt: true } | JobEvent::Halt => take_back(After::Halted),
        JobEvent::Differs { halt: false } | JobEvent::NotStarted | JobEvent::BatchFailed => {
            take_back(After::Error)
        }
        JobEvent::TimedOut => match state {
            // Nobody waits for ever; if it ends after all, its own result counts.
            Executing => to(JobPlace::withdrawing(After::Error)),
            _ => take_back(After::Error),
        },
        JobEvent::Resume => match (state, after) {
            (Halted, _) => to(JobPlace { state: Waiting, after: None, known }),
            (Withdrawing, Some(After::Halted)) => to(JobPlace::known(Waiting)),
            _ => stay,
        },
        JobEvent::Renew => match (state, after) {
            (DeliveryError | ExecutionError | AlreadyInstalled | ManipulationNotAllowed, _) => {
                Step { place: JobPlace::NEW, fresh: true }
            }
            // Its agent has not said that it will not run: it is asked for again under the same identity.
            (Withdrawing, Some(After::Error)) => to(JobPlace::known(Waiting)),
            _ => stay,
        },
        JobEvent::FoundInstalled => match state {
            Waiting | Halted if !known => to(JobPlace::at(AlreadyInstalled)),
            _ => stay,
        },
        JobEvent::Forbidden => match state {
            Waiting | Halted if !known => to(JobPlace::at(ManipulationNotAllowed)),
            _ => take_back(After::Error),
        },
    }
}

/// The step after a report. An agent's own result stands, whatever was decided meanwhile.
fn reported_step(place: JobPlace, reported: ReportedState) -> Step {
    use JobState::*;
    let to = |place| Step { place, fresh: false };
    let stay = to(place);
    if place.state.is_ended() || !place.known {
        return stay;
    }
    let further = |state: JobState| match place.state {
        // Taken back, or not listed now: only what can no longer be stopped counts.
        Waiting | Halted | Withdrawing if state != Executing => stay,
        _ if state.rank() > place.state.rank() => to(JobPlace::known(state)),
        _ => stay,
    };
    match reported {
        ReportedState::Received => further(DeliveryOrdered),
        ReportedState::Delivering => further(Delivering),
        ReportedState::Delivered => further(DeliveryOk),
        ReportedState::AlreadyDelivered => further(AlreadyDelivered),
        ReportedState::WaitingForTime => further(ExecutionOrdered),
        ReportedState::Executing => further(Executing),
        ReportedState::Ok => to(JobPlace::at(ExecutionOk)),
        ReportedState::AlreadyInstalled => to(JobPlace::at(AlreadyInstalled)),
        ReportedState::Refused => to(JobPlace::at(ManipulationNotAllowed)),
        ReportedState::Error => {
            let before_delivery = matches!(place.state, Building | DeliveryOrdered | Delivering);
            to(JobPlace::at(if before_delivery { DeliveryError } else { ExecutionError }))
        }
        ReportedState::Withdrawn => match (place.state, place.after) {
            // Said of what runs, it is about another time.
            (Executing, _) => stay,
            (Withdrawing, Some(After::Halted)) | (Halted, _) => {
                Step { place: JobPlace::at(Halted), fresh: true }
            }
            (Withdrawing, _) => to(JobPlace::at(DeliveryError)),
            // It was asked for again before its agent had confirmed: under another identity it can run.
            _ => Step { place: JobPlace::NEW, fresh: true },
        },
    }
}

#[cfg(test)]
mod tests;
