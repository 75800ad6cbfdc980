//! The watcher marks what changes behind the library's back, the view follows other programs, and own changes are
//! no news.

use std::sync::Arc;

use packhouse::package::record::PackageId;
use packhouse::session::{AddedFile, Session, Update, UpdateRequest};

use crate::place::{Outcome, Place, ask, data, history, put, quick, register, show, wait_until};

fn is_marked(session: &Session, id: PackageId) -> bool {
    session.view().packages.iter().any(|package| package.id == id && package.marked.is_some())
}

#[test]
fn a_change_behind_the_back_is_marked_and_neither_blocks_nor_records() -> Outcome {
    let place = Place::new()?;
    let source = place.source("source", &[("a", b"aaaa"), ("dir/b", b"b")])?;
    let session = place.open()?;
    session.observe(Arc::new(|| {}));
    let id = register(&session, &source, "Watched", "1")?.id;
    assert!(wait_until(10, || session.view().packages.len() == 1), "the view follows");
    // The library writes: no mark, though the folder changes.
    let from = place.path("source/a");
    let add = vec![AddedFile { from, to: Some("dir/c".to_owned()) }];
    ask(&session, Update { package: id, request: UpdateRequest { add, ..UpdateRequest::default() } })?;
    assert!(wait_until(10, || session.view().packages[0].files == 3));
    assert!(!wait_until(2, || is_marked(&session, id)), "an own change is marked");

    let before = show(&session, id)?.record;
    let entries = history(&session, id)?.len();
    put(&data(&session, id)?, "dir/behind", b"1")?;
    assert!(wait_until(10, || is_marked(&session, id)), "the change is not marked");
    let after = show(&session, id)?.record;
    assert!(!after.is_blocked());
    assert_eq!(
        (after.checksum, after.finding, history(&session, id)?.len()),
        (before.checksum, before.finding, entries)
    );
    // The check judges, and the mark is gone.
    assert!(!quick(&session, id)?.is_consistent());
    assert!(wait_until(10, || !is_marked(&session, id)));
    assert_eq!(show(&session, id)?.record.noticed.map(|noticed| noticed.by).as_deref(), Some("the watcher"));
    Ok(())
}

#[test]
fn changes_of_another_session_appear_by_themselves() -> Outcome {
    let place = Place::new()?;
    let source = place.source("source", &[("a", b"aaaa")])?;
    let session = place.open()?;
    session.observe(Arc::new(|| {}));
    assert!(wait_until(10, || session.view().epoch > 0));
    let other = place.open()?;
    let id = register(&other, &source, "Elsewhere", "1")?.id;
    assert!(wait_until(10, || session.view().packages.iter().any(|package| package.id == id)));
    assert!(
        !wait_until(2, || is_marked(&session, id)),
        "what another program registered is no change behind the back"
    );
    // The library folder away and back again.
    let aside = place.path("aside");
    std::fs::rename(place.root(), &aside)?;
    assert!(wait_until(10, || session.view().unreachable.is_some()));
    assert_eq!(session.view().packages.len(), 1, "no package changes its state");
    std::fs::rename(&aside, place.root())?;
    assert!(wait_until(10, || session.view().unreachable.is_none()));
    Ok(())
}
