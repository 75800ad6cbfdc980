//! Tasks that all cores work through, and that make new tasks while they run.
//!
//! Owns: who takes which task next, when all is done, and how everybody stops. Must not know what a task is.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Tasks still to do, shared by the workers of one [`work_through`].
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    /// Taken before all others, oldest first: what is in the cache now, or holds a descriptor open.
    urgent: VecDeque<T>,
    /// Taken newest first, so that a tree is walked depth first and few tasks wait.
    waiting: Vec<T>,
    busy: usize,
    idle: usize,
    stopped: bool,
}

impl<T> Queue<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a task to be taken before those that wait.
    pub(crate) fn push_urgent(&self, task: T) {
        let mut state = self.lock();
        state.urgent.push_back(task);
        if state.idle > 0 {
            self.changed.notify_one();
        }
    }

    /// Adds tasks; the last is taken first.
    pub(crate) fn push(&self, tasks: impl ExactSizeIterator<Item = T>) {
        if tasks.len() == 0 {
            return;
        }
        let mut state = self.lock();
        state.waiting.extend(tasks);
        if state.idle > 0 {
            self.changed.notify_all();
        }
    }

    /// Lets every worker end after the task it has.
    pub(crate) fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    /// The next task; waits while others may still make one. `None` when all is done or stopped.
    fn next(&self) -> Option<(T, Busy<'_, T>)> {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return None;
            }
            if let Some(task) = state.urgent.pop_front().or_else(|| state.waiting.pop()) {
                state.busy += 1;
                return Some((task, Busy(self)));
            }
            if state.busy == 0 {
                return None;
            }
            state.idle += 1;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }
}

/// A task in work. Dropped even when the worker panics, so that the others never wait for it.
struct Busy<'a, T>(&'a Queue<T>);

impl<T> Drop for Busy<'_, T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.busy -= 1;
        state.stopped |= std::thread::panicking();
        if state.stopped || (state.busy == 0 && state.urgent.is_empty() && state.waiting.is_empty()) {
            self.0.changed.notify_all();
        }
    }
}

/// How many workers keep this machine busy.
pub(crate) fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Runs `step` on every task, on all cores, until none is left or [`Queue::stop`] was called. The last of
/// `tasks` is taken first. Each worker has a `state` of its own; all of them are returned.
pub(crate) fn work_through<T: Send, L: Send>(
    tasks: Vec<T>,
    state: impl Fn() -> L + Sync,
    step: impl Fn(&mut L, T, &Queue<T>) + Sync,
) -> Vec<L> {
    let queue = Queue {
        state: Mutex::new(State {
            urgent: VecDeque::new(),
            waiting: tasks,
            busy: 0,
            idle: 0,
            stopped: false,
        }),
        changed: Condvar::new(),
    };
    let run = || {
        let mut local = state();
        while let Some((task, busy)) = queue.next() {
            step(&mut local, task, &queue);
            drop(busy);
        }
        local
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..workers()).map(|_| scope.spawn(run)).collect();
        let mut locals = vec![run()];
        for other in others {
            match other.join() {
                Ok(local) => locals.push(local),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        locals
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_that_make_tasks_are_all_done_once() {
        let sums = work_through(
            vec![10u64; 50],
            || 0u64,
            |sum, task, queue| {
                *sum += 1;
                if task > 0 {
                    queue.push([task - 1].into_iter());
                    if task % 3 == 0 {
                        queue.push_urgent(0);
                    }
                }
            },
        );
        assert_eq!(sums.iter().sum::<u64>(), 50 * (11 + 3));
    }

    #[test]
    fn a_panic_reaches_the_caller_and_leaves_nobody_waiting() {
        let result = std::panic::catch_unwind(|| {
            work_through(vec![0, 1], || (), |(), task, _| assert_ne!(task, 0, "this task panics"));
        });
        assert!(result.is_err());
    }
}
