//! History filtered, one entry in full, and exported for somebody who was not there.

use packhouse::package::{HistoryEntry, HistoryEvent, Sha256Digest};
use packhouse::session::{
    Accept, AcceptRequest, AddNote, Edit, ExportFormat, ExportHistory, HistoryFilter, ListPeople,
    PackageEdit, ReadHistory, Session, ShowHistoryEntry, SwitchOff,
};

use crate::place::{Outcome, Place, ask, data, put, refused, register};

fn numbers(session: &Session, filter: HistoryFilter) -> Result<Vec<u64>, packhouse::failure::Failure> {
    Ok(ask(session, ReadHistory { filter })?.iter().map(|entry| entry.number).collect())
}

/// 1 library created, 2 and 3 registered, 4 check off, 5 accepted (found first), 6 edited, 7 note.
fn told(place: &Place) -> Result<Session, Box<dyn std::error::Error>> {
    let session = place.open()?;
    let source = place.source("source", &[("a", b"a"), ("b/setup.exe", b"b")])?;
    let one = register(&session, &source, "One", "1.0")?.id;
    let two = register(&session, &source, "Two", "2.0")?.id;
    ask(&session, SwitchOff { package: two, reason: Some("a Trial, only".to_owned()) })?;
    put(&data(&session, one)?, "b/New Export.py", b"new")?;
    let request = AcceptRequest { reason: "looked at it".to_owned(), expect: None, key: None };
    ask(&session, Accept { package: one, request })?;
    let edit = PackageEdit { comment: Some("x".to_owned()), ..PackageEdit::default() };
    ask(&session, Edit { package: two, edit })?;
    ask(&session, AddNote { package: two, text: "=nothing to add".to_owned() })?;
    Ok(session)
}

#[test]
fn each_filter_leaves_what_it_says() -> Outcome {
    let place = Place::new()?;
    let session = told(&place)?;
    let all = ask(&session, ReadHistory { filter: HistoryFilter::default() })?;
    let of = |event: HistoryEvent| -> Vec<u64> {
        all.iter().filter(|entry| entry.event == event).map(|entry| entry.number).collect()
    };
    let events = vec![HistoryEvent::Accepted, HistoryEvent::ControlOff];
    let both = numbers(&session, HistoryFilter { events, ..HistoryFilter::default() })?;
    let mut expected = [of(HistoryEvent::Accepted), of(HistoryEvent::ControlOff)].concat();
    expected.sort_unstable();
    assert_eq!((both.len(), both), (2, expected));
    let text = |text: &str| {
        numbers(&session, HistoryFilter { text: Some(text.to_owned()), ..HistoryFilter::default() })
    };
    assert_eq!(text("TRIAL")?, of(HistoryEvent::ControlOff), "a reason, without regard to case");
    assert!(text("export.py")?.contains(&of(HistoryEvent::Accepted)[0]), "a path that differs");
    assert_eq!(text("comment")?, of(HistoryEvent::Edited), "details");
    assert!(text("two@2")?.len() == 4 && text("reason")?.is_empty(), "no name of a field is found");
    assert_eq!(text(" ")?.len(), all.len());
    let accepted = all.iter().find(|entry| entry.event == HistoryEvent::Accepted).ok_or("accepted")?;
    let from = HistoryFilter { from: Some(accepted.at), ..HistoryFilter::default() };
    assert_eq!(numbers(&session, from)?.first(), Some(&accepted.number));
    let until = HistoryFilter { until: Some(accepted.at), ..HistoryFilter::default() };
    assert_eq!(numbers(&session, until)?.last(), Some(&(accepted.number - 1)));
    let newest =
        HistoryFilter { text: Some("two@2".to_owned()), newest: Some(2), ..HistoryFilter::default() };
    assert_eq!(numbers(&session, newest)?, [of(HistoryEvent::Edited), of(HistoryEvent::Note)].concat());
    let nobody = HistoryFilter { who: Some("nobody".to_owned()), ..HistoryFilter::default() };
    assert!(numbers(&session, nobody)?.is_empty());
    assert_eq!(ask(&session, ListPeople {})?, ["tester"]);

    let shown = ask(&session, ShowHistoryEntry { number: accepted.number })?.ok_or("it is there")?;
    assert!(shown.follows && shown.is_followed == Some(true) && shown.entry == *accepted);
    assert_eq!(shown.differences, ["+ b/New Export.py (3 bytes)"]);
    assert_eq!(shown.digest, all[accepted.number as usize].previous);
    let last = ask(&session, ShowHistoryEntry { number: all.len() as u64 })?.ok_or("it is there")?;
    assert_eq!(last.is_followed, None);
    assert!(ask(&session, ShowHistoryEntry { number: 999 })?.is_none());
    Ok(())
}

#[test]
fn an_export_carries_filter_chain_and_differences() -> Outcome {
    let place = Place::new()?;
    let session = told(&place)?;
    let filter = HistoryFilter { events: vec![HistoryEvent::Accepted], ..HistoryFilter::default() };
    let export = |format, to: &str, filter: &HistoryFilter| {
        ask(&session, ExportHistory { filter: filter.clone(), format, to: place.path(to) })
    };
    assert_eq!(export(ExportFormat::Json, "h.json", &filter)?, 1);
    let document: serde_json::Value = serde_json::from_slice(&std::fs::read(place.path("h.json"))?)?;
    assert_eq!(document["filter"], serde_json::json!({"events": ["accepted"]}));
    assert_eq!(document["chain"], "verified");
    let jsonl = std::fs::read_to_string(place.root().join("history.jsonl"))?;
    let last = jsonl.lines().last().ok_or("a line")?;
    assert_eq!(document["chain_value"], Sha256Digest::of(last.as_bytes()).to_string());
    let entry: HistoryEntry = serde_json::from_value(document["entries"][0].clone())?;
    assert_eq!(jsonl.lines().nth(entry.number as usize - 1), Some(entry.line().as_str()), "as it is kept");

    assert_eq!(export(ExportFormat::Csv, "h.csv", &filter)?, 1);
    let text = std::fs::read_to_string(place.path("h.csv"))?;
    let row = text.lines().nth(1).ok_or("a line")?;
    assert!(row.contains("looked at it") && row.contains(",\"'+ b/New Export.py (3 bytes)\","), "{row}");
    assert!(row.contains("event: Accepted") && row.contains("\"verified, "), "{row}");
    let all = HistoryFilter::default();
    export(ExportFormat::Csv, "all.csv", &all)?;
    let text = std::fs::read_to_string(place.path("all.csv"))?;
    assert!(text.contains("all entries") && text.contains("\"'=nothing to add\""), "{text}");
    assert_eq!(refused(export(ExportFormat::Csv, "all.csv", &all)).code, "io");
    Ok(())
}
