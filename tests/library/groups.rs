//! Software groups and changes of several packages at once.

use std::fs;

use packhouse::package::HistoryEvent;
use packhouse::package::record::PackageId;
use packhouse::session::{
    AddGroup, EditSeveral, HistoryFilter, ListGroups, ListPackages, MoveToGroup, ReadHistory, RemoveForGood,
    RemoveGroup, RenameGroup, Session, SeveralEdit, SwitchEdit,
};

use crate::place::{
    Outcome, Place, ask, assert_sound, data, history, last, put, refused, register, seal, show,
};

fn filled(place: &Place, count: usize) -> Result<(Session, Vec<PackageId>), Box<dyn std::error::Error>> {
    let session = place.open()?;
    let source = place.source("source", &[("a", b"a"), ("b/c", b"c")])?;
    let mut ids = Vec::new();
    for number in 0..count {
        ids.push(register(&session, &source, &format!("Tool {number}"), "1.0")?.id);
    }
    Ok((session, ids))
}

fn group_in_notes(session: &Session, id: PackageId) -> Result<String, Box<dyn std::error::Error>> {
    let notes = fs::read_to_string(show(session, id)?.folder.join("notes.json"))?;
    let notes: serde_json::Value = serde_json::from_str(&notes)?;
    Ok(notes["group"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn many_move_into_a_group_at_once_with_an_entry_each() -> Outcome {
    let place = Place::new()?;
    let (session, ids) = filled(&place, 5)?;
    ask(&session, AddGroup { name: " Browsers ".to_owned() })?;
    let before = ask(&session, ReadHistory { filter: HistoryFilter::default() })?.len();
    let moved = ask(&session, MoveToGroup { packages: ids[..4].to_vec(), group: "browsers".to_owned() })?;
    assert_eq!(moved.len(), 4);
    assert_eq!(ask(&session, ListGroups {})?, ["Browsers"], "case makes no second group");
    for id in &ids[..4] {
        assert_eq!(show(&session, *id)?.record.group, "Browsers");
        assert_eq!(group_in_notes(&session, *id)?, "Browsers");
        let entry = last(&session, *id, HistoryEvent::Edited)?;
        assert_eq!(entry.details.as_deref(), Some("group \"Browsers\""));
    }
    assert_eq!(ask(&session, ReadHistory { filter: HistoryFilter::default() })?.len(), before + 4);
    let again = ask(&session, MoveToGroup { packages: ids.clone(), group: "Browsers".to_owned() })?;
    assert_eq!(again.len(), 1, "those that are there do not move");

    // One that is gone: none moves.
    ask(&session, RemoveForGood { package: ids[4] })?;
    let gone = refused(ask(&session, MoveToGroup { packages: ids.clone(), group: "Other".to_owned() }));
    assert_eq!(gone.code, "not-found");
    assert_eq!(show(&session, ids[0])?.record.group, "Browsers");

    let renamed = ask(&session, RenameGroup { from: "browsers".to_owned(), to: "Web".to_owned() })?;
    assert_eq!(renamed.len(), 4);
    assert_eq!(ask(&session, ListGroups {})?, ["Web"]);
    assert_eq!(group_in_notes(&session, ids[2])?, "Web");
    ask(&session, AddGroup { name: "Office".to_owned() })?;
    let taken = refused(ask(&session, RenameGroup { from: "Web".to_owned(), to: "OFFICE".to_owned() }));
    assert_eq!(taken.code, "group-exists");
    assert_eq!(refused(ask(&session, AddGroup { name: "office".to_owned() })).code, "group-exists");
    ask(&session, RenameGroup { from: "Web".to_owned(), to: "WEB".to_owned() })?;
    assert_eq!(ask(&session, ListGroups {})?, ["Office", "WEB"], "only the case may change");
    assert_eq!(refused(ask(&session, RemoveGroup { name: "none".to_owned() })).code, "no-such-group");
    assert_eq!(refused(ask(&session, AddGroup { name: "a\nb".to_owned() })).code, "bad-group");
    assert_eq!(ask(&session, RemoveGroup { name: "WEB".to_owned() })?.len(), 4);
    assert!(ask(&session, ListPackages {})?.iter().all(|package| package.group.is_empty()));
    assert_eq!(ask(&session, ListGroups {})?, ["Office"]);
    assert_sound(&session)
}

#[test]
fn more_packages_than_files_can_be_open_move_too() -> Outcome {
    let place = Place::new()?;
    let (session, ids) = filled(&place, 450)?;
    assert_eq!(ask(&session, MoveToGroup { packages: ids, group: "All".to_owned() })?.len(), 450);
    assert!(ask(&session, ListPackages {})?.iter().all(|package| package.group == "All"));
    Ok(())
}

#[test]
fn of_several_each_says_what_became_of_it() -> Outcome {
    let place = Place::new()?;
    let (session, ids) = filled(&place, 4)?;
    seal(&session, ids[1])?;
    let off = SeveralEdit {
        checksum_control: Some(SwitchEdit::Off { reason: "trying something".to_owned() }),
        ..SeveralEdit::default()
    };
    for one in ask(&session, EditSeveral { packages: ids[..3].to_vec(), edit: off })? {
        assert!(!one.result?.checksum_control);
    }
    let entry = last(&session, ids[0], HistoryEvent::ControlOff)?;
    assert_eq!(entry.reason.as_deref(), Some("trying something"));
    put(&data(&session, ids[2])?, "new", b"behind the back")?;
    ask(&session, RemoveForGood { package: ids[3] })?;

    let edit = SeveralEdit {
        group: Some("Tools".to_owned()),
        comment: Some("one for all".to_owned()),
        supplier: Some("ACME".to_owned()),
        checksum_control: Some(SwitchEdit::On),
    };
    let edited = ask(&session, EditSeveral { packages: ids.clone(), edit })?;
    assert_eq!(edited.iter().map(|one| one.id).collect::<Vec<_>>(), ids);
    let record = |at: usize| edited[at].result.clone();
    assert_eq!((record(0)?.supplier.as_str(), record(0)?.checksum_control), ("ACME", true));
    assert_eq!((record(1)?.supplier.as_str(), record(1)?.checksum_control), ("", true));
    assert_eq!(edited[1].passed_over, ["supplier"]);
    assert!(!record(2)?.checksum_control, "it differs, so it stays off");
    let question = edited[2].question.as_ref().ok_or("the question comes back")?;
    assert_eq!(question.differences.added.len(), 1);
    assert_eq!(refused(record(3)).code, "not-found");
    for at in 0..3 {
        assert_eq!((record(at)?.group.as_str(), record(at)?.comment.as_str()), ("Tools", "one for all"));
    }
    let entry = last(&session, ids[1], HistoryEvent::Edited)?;
    assert_eq!(entry.details.as_deref(), Some("group \"Tools\", comment"));
    let edits = history(&session, ids[1])?.into_iter().filter(|entry| entry.event == HistoryEvent::Edited);
    assert_eq!(edits.count(), 1, "group and comment are one change");
    let no_reason = SeveralEdit {
        checksum_control: Some(SwitchEdit::Off { reason: " x ".to_owned() }),
        ..SeveralEdit::default()
    };
    assert_eq!(refused(ask(&session, EditSeveral { packages: ids, edit: no_reason })).code, "no-reason");
    Ok(())
}
