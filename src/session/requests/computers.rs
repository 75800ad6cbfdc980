//! Requests about computers, groups of them, and the tokens with which new ones are enrolled.

use std::sync::Arc;

use super::desk_request::desk_request;
use super::{Request, Session};
use crate::delivery::computers::{
    ComputerDesk, ComputerDetails, ComputerEdit, ComputerGroupEdit, ImportReport, NewComputer, NewToken,
    TokenRequest,
};
use crate::delivery::documents::TokenId;
use crate::delivery::error::DeliveryError;
use crate::delivery::kept::{KeepEdit, KeptPackages};
use crate::delivery::manager::{TokenReach, say_token};
use crate::delivery::model::Import;
use crate::failure::Failure;
use crate::package::record::PackageId;
use crate::session::manager::ManagerSetting;
use crate::session::unpanicked;
use crate::store::{
    ComputerFilter, ComputerGroupRow, ComputerRow, EnrolmentTokenRow, InstalledOn, RemovedComputer,
};
use crate::transfer::SystemClock;
use crate::work::Work;

impl Session {
    /// The computers of the library.
    pub(crate) fn computers(&self) -> ComputerDesk {
        ComputerDesk::new(Arc::clone(&self.shared.library), Arc::new(SystemClock::default()))
    }

    /// Says in every staging library that can be reached that a token is open, or is no longer.
    fn say_token(&self, id: &str, is_open: bool, work: &Work) -> Result<TokenReach, Failure> {
        let Ok(token) = id.trim().parse::<TokenId>() else { return Ok(TokenReach::default()) };
        let options = self.manager_options(&ManagerSetting::default());
        say_token(&self.shared.library, &options, token, is_open, work).map_err(|error| error.explain())
    }
}

desk_request!(
    /// The computers that fit, by name.
    ListComputers {
        /// Which; all by default.
        filter: ComputerFilter
    } -> Vec<ComputerRow>, "Reading computers", changes: false, computers,
    |this, desk, _work| desk.list(&this.filter)
);
desk_request!(
    /// A computer with its software and jobs.
    ShowComputer {
        /// Name or id.
        computer: String
    } -> ComputerDetails, "Reading a computer", changes: false, computers,
    |this, desk, _work| desk.details(&this.computer)
);
desk_request!(
    /// On which computers a package is installed, by name.
    ListInstallations {
        /// Which package.
        package: PackageId,
        /// At most so many.
        most: u32
    } -> Vec<InstalledOn>, "Reading installations", changes: false, computers,
    |this, desk, _work| desk.installed_on(this.package, this.most)
);
desk_request!(
    /// Adds a computer.
    AddComputer {
        /// Which.
        new: NewComputer
    } -> ComputerRow, "Adding a computer", changes: true, computers,
    |this, desk, _work| desk.add(&this.new)
);
desk_request!(
    /// Changes a computer.
    EditComputer {
        /// Name or id.
        computer: String,
        /// What.
        edit: ComputerEdit
    } -> ComputerRow, "Saving a computer", changes: true, computers,
    |this, desk, _work| desk.edit(&this.computer, &this.edit)
);
desk_request!(
    /// Removes computers from the list; gives them as they were. Nothing on them is touched.
    RemoveComputers {
        /// Names or ids.
        computers: Vec<String>,
        /// Also where jobs have not ended: these are withdrawn.
        withdraw: bool
    } -> Vec<RemovedComputer>, "Removing computers", changes: true, computers,
    |this, desk, _work| desk.remove(&this.computers, this.withdraw)
);
desk_request!(
    /// Puts removed computers back as they were: identity, groups, agent, what is installed. Jobs that were withdrawn stay
    /// so.
    PutComputersBack {
        /// As they were.
        computers: Vec<RemovedComputer>
    } -> (), "Putting computers back", changes: true, computers,
    |this, desk, _work| desk.put_back(&this.computers)
);
desk_request!(
    /// Takes a table of computers: `name,group,test,staging,comment`.
    ImportComputers {
        /// The text of the table.
        text: String,
        /// Lines that cannot be taken are passed over; else they refuse the whole.
        skip_errors: bool
    } -> ImportReport, "Importing computers", changes: true, computers,
    |this, desk, _work| desk.import(&this.text, this.skip_errors)
);
desk_request!(
    /// What a table of computers says, with its errors by line; nothing is changed.
    PreviewImport {
        /// The text of the table.
        text: String
    } -> Import, "Reading a table", changes: false, computers,
    |this, _desk, _work| Ok::<_, DeliveryError>(crate::delivery::model::import(&this.text))
);
desk_request!(
    /// Groups of computers, by name.
    ListComputerGroups {} -> Vec<ComputerGroupRow>, "Reading groups of computers", changes: false, computers,
    |_this, desk, _work| desk.groups()
);
desk_request!(
    /// Makes a group of computers.
    AddComputerGroup {
        /// Its name.
        name: String
    } -> (), "Adding a group of computers", changes: true, computers,
    |this, desk, _work| desk.add_group(&this.name)
);
desk_request!(
    /// Changes what holds for the computers of a group.
    EditComputerGroup {
        /// Which.
        name: String,
        /// What.
        edit: ComputerGroupEdit
    } -> (), "Saving a group of computers", changes: true, computers,
    |this, desk, _work| desk.edit_group(&this.name, &this.edit)
);
desk_request!(
    /// Removes a group; its computers stay.
    RemoveComputerGroup {
        /// Which.
        name: String
    } -> (), "Removing a group of computers", changes: true, computers,
    |this, desk, _work| desk.remove_group(&this.name)
);
desk_request!(
    /// Packages that agents keep although no job names them, and how many bytes of packages they keep.
    ListKeptPackages {} -> KeptPackages, "Reading packages to keep", changes: false, computers,
    |_this, desk, _work| desk.kept()
);
desk_request!(
    /// Changes what agents keep; gives what they keep then.
    KeepPackages {
        /// What.
        edit: KeepEdit
    } -> KeptPackages, "Saving packages to keep", changes: true, computers,
    |this, desk, _work| desk.keep(&this.edit)
);
desk_request!(
    /// Enrolment tokens, the newest first; their secrets are not among it.
    ListTokens {} -> Vec<EnrolmentTokenRow>, "Reading tokens", changes: false, computers,
    |_this, desk, _work| desk.tokens()
);

/// Makes an enrolment token for one computer, and opens it in every staging library that can be reached now. Its text is
/// given this once.
#[derive(Clone, Debug)]
pub struct NewEnrolmentToken {
    /// For whom.
    pub request: TokenRequest,
}

impl Request for NewEnrolmentToken {
    type Reply = NewToken;

    fn title(&self) -> String {
        "Making a token".to_owned()
    }

    fn changes(&self) -> bool {
        true
    }

    fn run(self, session: &Session, work: &Work) -> Result<NewToken, Failure> {
        unpanicked(|| {
            let mut made = session.computers().new_token(&self.request).map_err(|error| error.explain())?;
            // It is made: what fails from here on loses nobody the text.
            made.reach = session.say_token(&made.row.id, true, work).unwrap_or_else(|failure| TokenReach {
                open_at: Vec::new(),
                not_open: vec![(String::new(), failure.message)],
            });
            session.wake_manager();
            Ok(made)
        })
    }
}

/// Removes a token: nobody is enrolled with it any more.
#[derive(Clone, Debug)]
pub struct RemoveToken {
    /// Its id.
    pub id: String,
}

impl Request for RemoveToken {
    type Reply = ();

    fn title(&self) -> String {
        "Removing a token".to_owned()
    }

    fn changes(&self) -> bool {
        true
    }

    fn run(self, session: &Session, work: &Work) -> Result<(), Failure> {
        unpanicked(|| {
            session.computers().remove_token(&self.id).map_err(|error| error.explain())?;
            if let Err(failure) = session.say_token(&self.id, false, work) {
                // The manager says so later; and it enrols nobody with it, whatever lies there.
                tracing::warn!(%failure, "a removed token may be said to be open");
            }
            session.wake_manager();
            Ok(())
        })
    }
}
