//! Several requests at a time, and some patience with each: a line to another site is slow to answer before it is slow to
//! carry.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::error::{StageError, StagingError};
use crate::work::Work;

/// Requests at a time.
const LANES: usize = 4;
/// Waits before an attempt is made again.
const WAITS: [Duration; 3] = [Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(3)];
/// How often it is looked whether the work was cancelled.
const LOOK: Duration = Duration::from_millis(50);

/// Does `one` for every number below `count`, several at a time. The first error ends it.
pub(in crate::delivery) fn in_lanes(
    count: usize,
    work: &Work,
    one: impl Fn(usize) -> Result<(), StageError> + Sync,
) -> Result<(), StageError> {
    let next = AtomicUsize::new(0);
    let has_failed = AtomicBool::new(false);
    let failure: Mutex<Option<StageError>> = Mutex::new(None);
    let lane = || {
        while !has_failed.load(Ordering::Relaxed) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= count {
                break;
            }
            let done = work.check().map_err(StageError::from).and_then(|()| one(at));
            if let Err(error) = done {
                has_failed.store(true, Ordering::Relaxed);
                failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..LANES.min(count) {
            scope.spawn(lane);
        }
        lane();
    });
    match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// Tries again what failed for the moment, a few times.
pub(super) fn patiently<T>(
    work: &Work,
    mut attempt: impl FnMut() -> Result<T, StagingError>,
) -> Result<T, StagingError> {
    for wait in WAITS {
        match attempt() {
            Err(error) if error.is_temporary() => {
                tracing::debug!(%error, ?wait, "tried again");
                let end = Instant::now() + wait;
                while Instant::now() < end {
                    work.check()?;
                    thread::park_timeout(LOOK);
                }
            }
            done => return done,
        }
    }
    attempt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_done_once_and_an_error_ends_it() {
        let done: Vec<AtomicUsize> = (0..100).map(|_| AtomicUsize::new(0)).collect();
        in_lanes(done.len(), &Work::new(), |at| {
            done[at].fetch_add(1, Ordering::SeqCst);
            Ok(())
        })
        .expect("nothing fails");
        assert!(done.iter().all(|count| count.load(Ordering::SeqCst) == 1));
        let begun = AtomicUsize::new(0);
        let failed = in_lanes(100_000, &Work::new(), |at| {
            begun.fetch_add(1, Ordering::SeqCst);
            if at == 7 { Err(StageError::Name("seven".to_owned())) } else { Ok(()) }
        });
        assert!(matches!(failed, Err(StageError::Name(_))));
        assert!(begun.load(Ordering::SeqCst) < 100_000);
    }

    #[test]
    fn what_fails_for_the_moment_is_tried_again_and_nothing_else() {
        let error = |is_temporary| StagingError::Failed {
            store: String::new(),
            what: String::new(),
            why: String::new(),
            is_temporary,
        };
        let mut attempts = 0;
        let done = patiently(&Work::new(), || {
            attempts += 1;
            if attempts < 2 { Err(error(true)) } else { Ok(()) }
        });
        assert!(done.is_ok() && attempts == 2);
        attempts = 0;
        let refused = patiently(&Work::new(), || {
            attempts += 1;
            Err::<(), _>(error(false))
        });
        assert!(refused.is_err() && attempts == 1);
        let work = Work::new();
        work.cancel();
        let cancelled = patiently(&work, || Err::<(), _>(error(true)));
        assert!(matches!(cancelled, Err(StagingError::Cancelled(_))));
    }
}
