//! The fields of a property window as they stand there, beside what the library has.
//!
//! A field that was edited is never overwritten: where the library changed it meanwhile, that is said beside it.

use std::collections::BTreeSet;

use crate::package::record::PackageType;
use crate::package::{PackageKey, PackageRecord};
use crate::session::PackageEdit;

/// Names a field whose edited value meets another one in the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Name,
    Version,
    Supplier,
    Group,
    Comment,
    Type,
    Replaces,
    Retired,
    ArchiveComment,
    Control,
}

/// The fields as they stand in the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) supplier: String,
    pub(super) group: String,
    pub(super) comment: String,
    pub(super) package_type: PackageType,
    pub(super) replaces: String,
    pub(super) retired: bool,
    pub(super) archive_comment: String,
    pub(super) control: bool,
}

impl Draft {
    /// The fields as the library has them.
    pub(super) fn of(record: &PackageRecord) -> Self {
        Self {
            name: record.key.name().to_owned(),
            version: record.key.version().to_owned(),
            supplier: record.supplier.clone(),
            group: record.group.clone(),
            comment: record.comment.clone(),
            package_type: record.package_type,
            replaces: record.replaces.as_ref().map(ToString::to_string).unwrap_or_default(),
            retired: record.retired,
            archive_comment: record
                .archive
                .as_ref()
                .map(|archive| archive.comment.clone())
                .unwrap_or_default(),
            control: record.checksum_control,
        }
    }

    /// What differs from `base`, as far as it is a field of the record.
    pub(super) fn edit(&self, base: &Self) -> Result<PackageEdit, String> {
        let text = |new: &str, old: &str| (new != old).then(|| new.to_owned());
        let replaces = if self.replaces == base.replaces {
            None
        } else if self.replaces.trim().is_empty() {
            Some(None)
        } else {
            let key = PackageKey::parse(self.replaces.trim()).map_err(|problem| problem.to_string())?;
            Some(Some(key))
        };
        Ok(PackageEdit {
            name: text(&self.name, &base.name),
            version: text(&self.version, &base.version),
            supplier: text(&self.supplier, &base.supplier),
            group: text(&self.group, &base.group),
            comment: text(&self.comment, &base.comment),
            package_type: (self.package_type != base.package_type).then_some(self.package_type),
            replaces,
            retired: (self.retired != base.retired).then_some(self.retired),
            archive_comment: text(&self.archive_comment, &base.archive_comment),
        })
    }
}

/// A field that was edited keeps what stands in it; one that was not follows the library. `elsewhere` gets the edited
/// fields that changed in the library too, and loses those that agree again.
pub(super) fn merge(draft: &mut Draft, base: &Draft, fresh: &Draft, elsewhere: &mut BTreeSet<Part>) {
    let mut follow = Follow { elsewhere };
    follow.field(Part::Name, &mut draft.name, &base.name, &fresh.name);
    follow.field(Part::Version, &mut draft.version, &base.version, &fresh.version);
    follow.field(Part::Supplier, &mut draft.supplier, &base.supplier, &fresh.supplier);
    follow.field(Part::Group, &mut draft.group, &base.group, &fresh.group);
    follow.field(Part::Comment, &mut draft.comment, &base.comment, &fresh.comment);
    follow.field(Part::Type, &mut draft.package_type, &base.package_type, &fresh.package_type);
    follow.field(Part::Replaces, &mut draft.replaces, &base.replaces, &fresh.replaces);
    follow.field(Part::Retired, &mut draft.retired, &base.retired, &fresh.retired);
    follow.field(
        Part::ArchiveComment,
        &mut draft.archive_comment,
        &base.archive_comment,
        &fresh.archive_comment,
    );
    follow.field(Part::Control, &mut draft.control, &base.control, &fresh.control);
}

struct Follow<'a> {
    elsewhere: &'a mut BTreeSet<Part>,
}

impl Follow<'_> {
    fn field<T: PartialEq + Clone>(&mut self, part: Part, draft: &mut T, base: &T, fresh: &T) {
        if draft == base {
            draft.clone_from(fresh);
        } else if fresh != base && fresh != draft {
            self.elsewhere.insert(part);
        }
        if draft == fresh {
            self.elsewhere.remove(&part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> Draft {
        Draft {
            name: "7-Zip".into(),
            version: "24.09".into(),
            supplier: String::new(),
            group: String::new(),
            comment: String::new(),
            package_type: PackageType::Generic,
            replaces: String::new(),
            retired: false,
            archive_comment: String::new(),
            control: true,
        }
    }

    #[test]
    fn an_edited_field_is_not_overwritten_and_the_others_follow() {
        let base = draft();
        let mut elsewhere = BTreeSet::new();
        let mut mine = Draft { comment: "mine".into(), ..draft() };
        let theirs = Draft { comment: "theirs".into(), supplier: "Igor".into(), control: false, ..draft() };
        merge(&mut mine, &base, &theirs, &mut elsewhere);
        assert_eq!((mine.comment.as_str(), mine.supplier.as_str(), mine.control), ("mine", "Igor", false));
        assert_eq!(elsewhere.iter().copied().collect::<Vec<_>>(), [Part::Comment]);
        // Another change of something else keeps the mark; agreement takes it away.
        let more = Draft { supplier: "Igor P.".into(), ..theirs.clone() };
        merge(&mut mine, &theirs, &more, &mut elsewhere);
        assert!(elsewhere.contains(&Part::Comment));
        mine.comment = "theirs".into();
        merge(&mut mine, &more, &more, &mut elsewhere);
        assert!(elsewhere.is_empty());
    }

    #[test]
    fn only_what_was_changed_is_sent() {
        let base = draft();
        let mine = Draft { comment: "x".into(), replaces: "7-Zip@24.08".into(), ..draft() };
        let edit = mine.edit(&base).expect("a valid key");
        assert_eq!(edit.comment.as_deref(), Some("x"));
        assert!(edit.name.is_none() && edit.retired.is_none());
        assert_eq!(edit.replaces.flatten().map(|key| key.to_string()).as_deref(), Some("7-Zip@24.08"));
        assert!(Draft { replaces: "no version".into(), ..draft() }.edit(&base).is_err());
    }
}
