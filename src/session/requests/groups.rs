//! Requests about software groups, and about several packages at once.

use super::Request;
use crate::library::{EditedPackage, Library, LibraryError, SeveralEdit};
use crate::package::record::{PackageId, PackageRecord};
use crate::work::Work;

request!(
    /// Makes a software group.
    AddGroup {
        /// Its name.
        name: String
    } -> (), "Making a group", changes: true,
    |this, library, _work| library.add_group(&this.name)
);
request!(
    /// Gives a software group another name. Gives the packages in it.
    RenameGroup {
        /// Its name now.
        from: String,
        /// Its new name.
        to: String
    } -> Vec<PackageRecord>, "Renaming a group", changes: true,
    |this, library, _work| library.rename_group(&this.from, &this.to)
);
request!(
    /// Takes a software group away. Gives the packages that were in it.
    RemoveGroup {
        /// Its name.
        name: String
    } -> Vec<PackageRecord>, "Removing a group", changes: true,
    |this, library, _work| library.remove_group(&this.name)
);
request!(
    /// Puts packages into a group, all of them or none. Gives those that moved.
    MoveToGroup {
        /// Which.
        packages: Vec<PackageId>,
        /// The group, made if it is not there; empty for none.
        group: String
    } -> Vec<PackageRecord>, "Moving into a group", changes: true,
    |this, library, _work| library.move_to_group(&this.packages, &this.group)
);
request!(
    /// Changes several packages; each says what became of it.
    EditSeveral {
        /// Which.
        packages: Vec<PackageId>,
        /// What.
        edit: SeveralEdit
    } -> Vec<EditedPackage>, "Saving", changes: true,
    |this, library, work| library.edit_several(&this.packages, &this.edit, work)
);
