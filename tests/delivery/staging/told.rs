//! What History has of a staging library: its own entries under every name it had, and none of another's.

use packhouse::package::HistoryEvent;
use packhouse::package::history::StagingNamed;
use packhouse::package::staging::StagingLibrary;
use packhouse::session::{
    AddStagingLibrary, EditStagingLibrary, HistoryFilter, NewStagingLibrary, ReadHistory, StagingEdit,
    Unstage,
};

use super::{files, koeln, stage};
use crate::desk::{Desk, Outcome};
use crate::sites::{Kind, Site};

fn rename(desk: &Desk, staging: &StagingLibrary, name: &str) -> Outcome {
    let edit = StagingEdit { name: Some(name.to_owned()), ..StagingEdit::default() };
    desk.run(EditStagingLibrary { id: staging.id, edit })?;
    Ok(())
}

#[test]
fn a_staging_library_keeps_its_entries_under_another_name() -> Outcome {
    let (desk, site, other) = (Desk::new()?, Site::open(Kind::Folder), Site::open(Kind::Folder));
    let record = desk.sealed("Tool 1.0", &files())?;
    let first = koeln(&desk, &site)?;
    let new = NewStagingLibrary {
        name: "Bonn".to_owned(),
        write: other.address.clone(),
        ..NewStagingLibrary::default()
    };
    let second = desk.run(AddStagingLibrary { new })?;
    stage(&desk, record.id, &first)?;
    stage(&desk, record.id, &second)?;
    rename(&desk, &first, "Cologne")?;
    rename(&desk, &second, "Köln")?;
    desk.run(Unstage { package: record.id, staging: first.id })?;
    let of = |staging: &StagingLibrary, name: &str| {
        let staging = Some(StagingNamed { id: staging.id, name: name.to_owned() });
        desk.run(ReadHistory { filter: HistoryFilter { staging, ..HistoryFilter::default() } })
    };
    let entries = of(&first, "Cologne")?;
    let told: Vec<_> = entries.iter().map(|entry| (entry.event, entry.staging)).collect();
    let here = Some(first.id);
    assert_eq!(told, [(HistoryEvent::Staged, here), (HistoryEvent::Unstaged, here)]);
    let details = entries.iter().filter_map(|entry| entry.details.as_deref());
    assert!(details.zip(["at Köln:", "from Cologne"]).all(|(details, name)| details.contains(name)));
    let entries = of(&second, "Köln")?;
    let [one] = entries.as_slice() else { panic!("{entries:?}") };
    assert!(one.details.as_deref().is_some_and(|details| details.contains("at Bonn:")), "{one:?}");
    Ok(())
}
