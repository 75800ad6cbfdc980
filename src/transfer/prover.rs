//! Hashes the blocks that came, several at a time, tells the desk of each, and hands the right ones to the writer.
//!
//! A connection goes on with its next block meanwhile, and asks about its codebase again before the one after. Blocks wait
//! a moment for others, since four take a core not much longer than two. Must not decide anything: what a wrong block
//! means is the desk's.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use super::shared::Shared;
use super::verified::{IncomingBlock, NotTheBlock, Origin, prove};
use super::writer;
use crate::package::sha256_lanes::LANES;

/// Smaller blocks are hashed by the connection that brought them: handing them over would cost more.
const HANDED_OVER_FROM_BYTES: u64 = 256 * 1024;
/// A block waits no longer than this for others.
const GATHER: Duration = Duration::from_millis(4);
/// Most threads that hash.
const THREADS_MOST: usize = 4;

/// What the threads are told.
pub(crate) enum Message {
    /// Prove a block.
    Block(IncomingBlock),
    /// One thread is to end.
    Stop,
}

/// How many threads hash: half of the cores, since others receive and write.
pub(crate) fn threads() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    cores.div_ceil(2).min(THREADS_MOST)
}

/// Starts the threads; each ends after a [`Message::Stop`] of its own, and has proven all that came before.
pub(crate) fn start(shared: &Arc<Shared>, inbox: &Receiver<Message>) -> io::Result<Vec<JoinHandle<()>>> {
    let thread = |_| {
        let (shared, inbox) = (Arc::clone(shared), inbox.clone());
        std::thread::Builder::new().name("transfer-prove".into()).spawn(move || run(&shared, &inbox))
    };
    (0..threads()).map(thread).collect()
}

/// Takes a block that is complete: proves it at once where it is small, else soon.
pub(crate) fn take(shared: &Shared, block: IncomingBlock) {
    if block.size_bytes() < HANDED_OVER_FROM_BYTES {
        settle(shared, vec![block]);
    } else {
        // The threads end after all connections.
        shared.prover.send(Message::Block(block)).ok();
    }
}

fn run(shared: &Shared, inbox: &Receiver<Message>) {
    let mut is_last = false;
    while !is_last {
        let Ok(Message::Block(first)) = inbox.recv() else { return };
        let mut blocks = vec![first];
        let until = Instant::now() + GATHER;
        while blocks.len() < LANES && !is_last {
            match inbox.recv_deadline(until) {
                Ok(Message::Block(block)) => blocks.push(block),
                Ok(Message::Stop) => is_last = true,
                Err(_) => break,
            }
        }
        settle(shared, blocks);
    }
}

fn settle(shared: &Shared, blocks: Vec<IncomingBlock>) {
    for proven in prove(blocks) {
        match proven {
            Ok(verified) => {
                shared.with(|desk, at| desk.matched(verified.block(), verified.origin(), at));
                shared.writer.send(writer::Message::Block(verified)).ok();
            }
            Err(NotTheBlock { block, origin: Origin::Codebase(number) }) => {
                shared.with_kick(|desk, at| desk.was_bad(block, number, at));
            }
            Err(NotTheBlock { block, origin: Origin::Reused }) => {
                shared.with_kick(|desk, _| desk.give_back(block));
            }
        }
    }
}
