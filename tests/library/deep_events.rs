//! What counts as a deep check though nobody started one: registering, sealing and restoring read every file.

use packhouse::session::{Archive, ArchiveRequest, CreateKey, Restore, RestoreSource, Update, UpdateRequest};

use crate::place::{Outcome, Place, ask, deep, quick, register, seal, show};

#[test]
fn registering_sealing_and_restoring_count_and_a_change_ends_it() -> Outcome {
    let place = Place::new()?;
    let session = place.open()?;
    let source = place.source("Tool 1", &[("a.txt", b"alpha"), ("b.txt", b"beta")])?;
    let id = register(&session, &source, "Tool", "1")?.id;
    let event = || -> Result<Option<String>, packhouse::failure::Failure> {
        Ok(show(&session, id)?.record.deep_event().map(str::to_owned))
    };
    assert_eq!(event()?.as_deref(), Some("registered"));
    let remove = UpdateRequest { remove: vec!["b.txt".to_owned()], ..UpdateRequest::default() };
    ask(&session, Update { package: id, request: remove })?;
    assert_eq!(event()?, None, "what was read is not what is recorded now");
    ask(&session, CreateKey { name: "Packaging".to_owned() })?;
    seal(&session, id)?;
    assert_eq!(event()?.as_deref(), Some("sealed"));
    quick(&session, id)?;
    assert_eq!(event()?.as_deref(), Some("sealed"), "a quick check takes nothing back");
    let folder = place.path("shelf");
    ask(&session, Archive { package: id, request: ArchiveRequest { folder, comment: String::new() } })?;
    ask(&session, Restore { source: RestoreSource::Package(id) })?;
    assert_eq!(event()?.as_deref(), Some("restored"));
    deep(&session, id)?;
    assert_eq!(event()?, None, "somebody started it");
    assert!(show(&session, id)?.record.deep.is_some());
    Ok(())
}
