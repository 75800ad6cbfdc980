//! One connection: takes a turn at the desk, fetches what it was given, hands it on to be proven, and says what came of
//! it.
//!
//! Must not decide anything: what is fetched next, and what a failure means, is the desk's.

use std::sync::Arc;

use super::codebase::{BlockRequest, BlockSource, Way};
use super::desk::{Assignment, Trouble, Turn};
use super::http::{self, Answer, Carries};
use super::network_words::CUT;
use super::plan::Place;
use super::prover;
use super::shared::Shared;
use super::verified::{IncomingBlock, Origin};
use super::writer::Message;
use crate::package::BlockState;

/// Pieces of an unproven file are handed to the writer in this size.
const PIECE_BYTES: u64 = 1024 * 1024;

/// Runs connection `line` until the transfer ends or has fewer connections.
pub(crate) async fn run_line(shared: Arc<Shared>, line: usize) {
    let mut kick = shared.kick.subscribe();
    let mut halt = shared.halt.subscribe();
    loop {
        kick.borrow_and_update();
        halt.borrow_and_update();
        let (turn, finish) = shared.with(|desk, at| (desk.turn(line, at), desk.begin_finishing()));
        if finish {
            shared.writer.send(Message::Finish).ok();
        }
        match turn {
            Turn::End => return,
            Turn::Wait(None) => drop(kick.changed().await),
            Turn::Wait(Some(until)) => tokio::select! {
                _ = kick.changed() => {}
                () = shared.clock.until(until) => {}
            },
            Turn::Fetch(mut assignment) => {
                let before = assignment.clone();
                let mut arrived = 0;
                let trouble = tokio::select! {
                    biased;
                    _ = halt.changed() => None,
                    fetched = fetch(&shared, &mut assignment, &mut arrived) => fetched.err(),
                };
                let chance = chance(&before, line);
                shared.with_kick(|desk, at| desk.settle(&assignment, arrived, trouble, chance, at));
            }
        }
    }
}

/// Spreads waits: any number between 0 and 1 that differs between connections and moments will do.
fn chance(assignment: &Assignment, line: usize) -> f64 {
    use std::hash::{BuildHasher as _, RandomState};
    let hash = RandomState::new().hash_one((assignment.started, line));
    hash as f64 / u64::MAX as f64
}

async fn fetch(shared: &Arc<Shared>, assignment: &mut Assignment, arrived: &mut u64) -> Result<(), Trouble> {
    let local = match shared.lock().way(assignment.codebase) {
        Some(Way::Local(source)) => Some(Arc::clone(source)),
        _ => None,
    };
    let is_unproven = shared.plan.files()[assignment.file].is_unproven;
    match (local, is_unproven) {
        (Some(source), false) => local_blocks(shared, assignment, &source, arrived).await,
        (Some(source), true) => local_whole(shared, assignment, &source, arrived).await,
        (None, false) => web_blocks(shared, assignment, arrived).await,
        (None, true) => web_whole(shared, assignment, arrived).await,
    }
}

/// The bytes of an answer as they come.
struct Body<'a> {
    shared: &'a Shared,
    /// Number of the codebase that answers.
    codebase: usize,
    response: reqwest::Response,
    /// The position in the file of the next byte.
    position: u64,
    /// The last chunk, and how much of it was used.
    chunk: Option<(bytes::Bytes, usize)>,
    arrived: &'a mut u64,
}

impl Body<'_> {
    /// Hands the next `wanted` bytes to `use_bytes`.
    async fn feed(&mut self, mut wanted: u64, mut use_bytes: impl FnMut(&[u8])) -> Result<(), Trouble> {
        while wanted > 0 {
            if self.chunk.is_none() {
                let next = self
                    .response
                    .chunk()
                    .await
                    .map_err(|error| Trouble::new(self.shared.web.words_of(error)))?;
                let bytes = next.ok_or_else(|| Trouble::new(CUT))?;
                let count = bytes.len() as u64;
                *self.arrived += count;
                self.shared.received(self.codebase, count);
                self.shared.throttle.pay(count, self.shared.clock.as_ref()).await;
                self.chunk = Some((bytes, 0));
            }
            if let Some((bytes, used)) = &mut self.chunk {
                let most = usize::try_from(wanted).unwrap_or(usize::MAX).min(bytes.len() - *used);
                use_bytes(&bytes[*used..*used + most]);
                *used += most;
                wanted -= most as u64;
                self.position += most as u64;
                if *used == bytes.len() {
                    self.chunk = None;
                }
            }
        }
        Ok(())
    }

    /// Reads to the end of an answer of which all was used, so that the connection can serve again.
    async fn end(mut self) {
        if self.chunk.is_none() {
            self.response.chunk().await.ok();
        }
    }
}

/// Blocks of one file from a web server, in one request.
async fn web_blocks(
    shared: &Arc<Shared>,
    assignment: &mut Assignment,
    arrived: &mut u64,
) -> Result<(), Trouble> {
    let (first, last) = match (assignment.runs.first(), assignment.runs.last()) {
        (Some(first), Some(last)) => (first.start, last.end - 1),
        _ => return Ok(()),
    };
    let place = |block| shared.plan.place(block).ok_or_else(|| Trouble::new("there is no such block"));
    let last = place(last)?;
    let range = place(first)?.offset_bytes..last.offset_bytes + last.size_bytes;
    let size_bytes = shared.plan.files()[assignment.file].size_bytes;
    let asked_for_all = range == (0..size_bytes);
    let answer = request(shared, assignment, range.clone()).await?;
    let number = assignment.codebase;
    let file = assignment.file;
    let is_whole = answer.carries == Carries::Whole;
    let changed = assignment.etag.is_some() && answer.etag.as_deref() != assignment.etag.as_deref();
    shared.with(|desk, at| {
        if assignment.etag.is_some() || !asked_for_all {
            desk.note_etag(number, file, answer.etag.as_deref(), at);
        }
        if is_whole && !asked_for_all && !changed {
            desk.found_without_ranges(number, at);
            desk.take_more(assignment);
        } else if !is_whole {
            desk.found_with_ranges(number, assignment);
        }
    });
    if is_whole && !asked_for_all && changed {
        // A changed file comes whole by right: If-Range asked for that. Its hashes say what is right, so it is let go, and
        // the range is asked for again.
        return Ok(());
    }
    let position = if is_whole { 0 } else { range.start };
    let mut body = Body {
        shared,
        codebase: assignment.codebase,
        response: answer.response,
        position,
        chunk: None,
        arrived,
    };
    while let Some(block) = assignment.runs.first().map(|run| run.start) {
        let place = place(block)?;
        let skip = place.offset_bytes.saturating_sub(body.position);
        body.feed(skip, |_| ()).await?;
        let buffer = shared.pool.buffer(place.size_bytes).await;
        let mut incoming = IncomingBlock::new(block, place, buffer, Origin::Codebase(number));
        shared.board.mark(block, BlockState::Downloading);
        body.feed(incoming.missing_bytes(), |bytes| {
            incoming.take(bytes);
        })
        .await?;
        done_with_first(assignment);
        prover::take(shared, incoming);
        if shared.lock().is_set_aside(number) {
            return Ok(());
        }
        if is_whole && !asked_for_all && assignment.runs.is_empty() {
            // Behind this block only: what lies before it has passed.
            shared.with(|desk, _| desk.take_more_from(assignment, block + 1));
        }
    }
    if body.position == if is_whole { size_bytes } else { range.end } {
        body.end().await;
    }
    Ok(())
}

/// The first block of an assignment has come, right or wrong.
fn done_with_first(assignment: &mut Assignment) {
    if let Some(run) = assignment.runs.first_mut() {
        run.start += 1;
        if run.start >= run.end {
            assignment.runs.remove(0);
        }
    }
}

async fn request(
    shared: &Arc<Shared>,
    assignment: &Assignment,
    range: std::ops::Range<u64>,
) -> Result<Answer, Trouble> {
    let address = {
        let desk = shared.lock();
        desk.codebases
            .get(assignment.codebase)
            .and_then(|codebase| codebase.url_of(&shared.plan, assignment.file))
    };
    let (url, credentials) = address.ok_or_else(|| Trouble::new("it has no address for this file"))?;
    let size_bytes = shared.plan.files()[assignment.file].size_bytes;
    let etag = assignment.etag.as_deref();
    http::ask(&shared.web, url, credentials.as_ref(), range, size_bytes, etag, shared.clock.wall()).await
}

/// An unproven file from a web server, from where it was left.
async fn web_whole(
    shared: &Arc<Shared>,
    assignment: &mut Assignment,
    arrived: &mut u64,
) -> Result<(), Trouble> {
    let (file, number) = (assignment.file, assignment.codebase);
    let size_bytes = shared.plan.files()[file].size_bytes;
    let from = if assignment.from_bytes < size_bytes { assignment.from_bytes } else { 0 };
    let answer = request(shared, assignment, from..size_bytes).await?;
    let position = if answer.carries == Carries::Range { from } else { 0 };
    if position == 0 {
        shared.writer.send(Message::Length { file, size_bytes: 0 }).ok();
    }
    shared.with(|desk, _| {
        let url = desk.codebases[number].url_of(&shared.plan, file).map(|(url, _)| url.to_string());
        let whole = desk.wholes.entry(file).or_default();
        whole.etag = answer.etag.clone().zip(url);
        whole.from = Some(number);
        whole.written_bytes = whole.written_bytes.min(position);
    });
    shared.board.mark(shared.plan.blocks_of(file).start, BlockState::Downloading);
    let mut body = Body {
        shared,
        codebase: assignment.codebase,
        response: answer.response,
        position,
        chunk: None,
        arrived,
    };
    while body.position < size_bytes {
        let offset_bytes = body.position;
        let piece = PIECE_BYTES.min(size_bytes - offset_bytes);
        let mut buffer = shared.pool.buffer(piece).await;
        let fed = body.feed(piece, |bytes| buffer.extend(bytes)).await;
        // What came before a failure is kept: it is what the next try goes on from.
        shared.writer.send(Message::Piece { file, offset_bytes, buffer }).ok();
        fed?;
    }
    assignment.runs.clear();
    shared.writer.send(Message::Whole(file)).ok();
    body.end().await;
    Ok(())
}

/// Blocks from a source on this computer.
async fn local_blocks(
    shared: &Arc<Shared>,
    assignment: &mut Assignment,
    source: &Arc<dyn BlockSource>,
    arrived: &mut u64,
) -> Result<(), Trouble> {
    let number = assignment.codebase;
    while let Some(block) = assignment.runs.first().map(|run| run.start) {
        let place = shared.plan.place(block).ok_or_else(|| Trouble::new("there is no such block"))?;
        let buffer = shared.pool.buffer(place.size_bytes).await;
        let incoming = IncomingBlock::new(block, place, buffer, Origin::Codebase(number));
        let incoming =
            read_local(shared, source, assignment.file, place, incoming, |incoming, source, request| {
                let mut has = false;
                incoming.fill(|room| source.read(request, room).map(|found| has = found)).map(|()| has)
            })
            .await?;
        count(shared, assignment.codebase, place.size_bytes, arrived).await;
        done_with_first(assignment);
        prover::take(shared, incoming);
        if shared.lock().is_set_aside(number) {
            return Ok(());
        }
    }
    Ok(())
}

/// An unproven file from a source on this computer.
async fn local_whole(
    shared: &Arc<Shared>,
    assignment: &mut Assignment,
    source: &Arc<dyn BlockSource>,
    arrived: &mut u64,
) -> Result<(), Trouble> {
    let (file, number) = (assignment.file, assignment.codebase);
    let size_bytes = shared.plan.files()[file].size_bytes;
    let mut at = if assignment.from_bytes < size_bytes { assignment.from_bytes } else { 0 };
    if at == 0 {
        shared.writer.send(Message::Length { file, size_bytes: 0 }).ok();
    }
    shared.with(|desk, _| desk.wholes.entry(file).or_default().from = Some(number));
    let block = shared.plan.blocks_of(file).start;
    let whole = shared.plan.place(block).ok_or_else(|| Trouble::new("there is no such block"))?;
    while at < size_bytes {
        let piece = PIECE_BYTES.min(size_bytes - at);
        let place = Place { offset_bytes: at, size_bytes: piece, ..whole };
        let buffer = shared.pool.buffer(piece).await;
        let buffer = read_local(shared, source, file, place, buffer, move |buffer, source, request| {
            source.read(request, buffer.whole(usize::try_from(piece).unwrap_or(usize::MAX)))
        })
        .await?;
        count(shared, assignment.codebase, piece, arrived).await;
        shared.writer.send(Message::Piece { file, offset_bytes: at, buffer }).ok();
        at += piece;
    }
    assignment.runs.clear();
    shared.writer.send(Message::Whole(file)).ok();
    Ok(())
}

/// Lets a thread of its own read, since a disk or a share may take its time.
async fn read_local<T: Send + 'static>(
    shared: &Arc<Shared>,
    source: &Arc<dyn BlockSource>,
    file: usize,
    place: Place,
    mut room: T,
    read: impl FnOnce(&mut T, &dyn BlockSource, BlockRequest<'_>) -> std::io::Result<bool> + Send + 'static,
) -> Result<T, Trouble> {
    let (source, plan) = (Arc::clone(source), Arc::clone(&shared.plan));
    let reading = tokio::task::spawn_blocking(move || {
        let request = BlockRequest { path: &plan.files()[file].path, place };
        let has = read(&mut room, source.as_ref(), request);
        has.map(|has| (has, room))
    });
    let path = &shared.plan.files()[file].path;
    match reading.await {
        Ok(Ok((true, room))) => Ok(room),
        Ok(Ok((false, _))) => {
            Err(Trouble { names_file: true, ..Trouble::new("it does not have all of the file") })
        }
        Ok(Err(error)) => Err(Trouble::new(format!("{path}: {}", crate::disk::words(&error)))),
        Err(_) => Err(Trouble::new(format!("{path}: reading it failed"))),
    }
}

async fn count(shared: &Shared, codebase: usize, bytes: u64, arrived: &mut u64) {
    *arrived += bytes;
    shared.received(codebase, bytes);
    shared.throttle.pay(bytes, shared.clock.as_ref()).await;
}
