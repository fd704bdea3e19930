//! Work on many pictures at once, results in order.
//!
//! Each worker takes the next picture when it is done with one, and waits when it is too far ahead of the results that were
//! taken: so many pictures are in flight and no more. A worker is a rayon pool of one thread: what a kernel splits stays on it,
//! and no picture is begun in the middle of another, as it would be in a shared pool.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Results that wait to be taken, for each worker.
const AHEAD: usize = 2;

struct State<T, E> {
    /// The next piece of work that nobody has begun.
    next: usize,
    /// How many results were taken.
    taken: usize,
    ready: BTreeMap<usize, Result<T, E>>,
    stop: bool,
}

/// Does `work` for `0..count` on `workers` threads and hands the results to `take` in order, on the caller's thread. The first
/// error in that order ends it, whichever came first in time.
///
/// # Errors
/// What `work` or `take` fail with.
pub(super) fn in_order<T: Send, E: Send>(
    count: usize,
    workers: usize,
    work: impl Fn(usize) -> Result<T, E> + Sync,
    mut take: impl FnMut(usize, T) -> Result<(), E>,
) -> Result<(), E> {
    let state = Mutex::new(State { next: 0, taken: 0, ready: BTreeMap::new(), stop: false });
    let changed = Condvar::new();
    // A worker that panicked has left the state as it was between two statements; the panic itself goes on below.
    let lock = || -> MutexGuard<State<T, E>> { state.lock().unwrap_or_else(PoisonError::into_inner) };
    let worker = || {
        loop {
            let mut state = lock();
            while !state.stop && state.next < count && state.next >= state.taken + AHEAD * workers {
                state = changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.stop || state.next >= count {
                return;
            }
            let index = state.next;
            state.next += 1;
            drop(state);
            // A panic must not leave the others waiting for ever.
            let guard = StopOnPanic(|| {
                lock().stop = true;
                changed.notify_all();
            });
            let result = work(index);
            std::mem::forget(guard);
            lock().ready.insert(index, result);
            changed.notify_all();
        }
    };
    std::thread::scope(|scope| {
        let mut spawned = Vec::new();
        for _ in 0..workers.clamp(1, count.max(1)) {
            spawned.push(scope.spawn(|| {
                match rayon::ThreadPoolBuilder::new().num_threads(1).build() {
                    Ok(pool) => pool.install(worker),
                    // Without a pool of its own a worker shares the common one: the same numbers, less evenly.
                    Err(_) => worker(),
                }
            }));
        }
        let mut outcome = Ok(());
        for index in 0..count {
            let mut state = lock();
            let result = loop {
                if let Some(result) = state.ready.remove(&index) {
                    break Some(result);
                }
                if state.stop {
                    break None;
                }
                state = changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            };
            state.taken = index + 1;
            drop(state);
            changed.notify_all();
            // `None`: a worker panicked, and the scope passes that on.
            outcome = match result {
                Some(result) => result.and_then(|result| take(index, result)),
                None => break,
            };
            if outcome.is_err() {
                break;
            }
        }
        lock().stop = true;
        changed.notify_all();
        outcome
    })
}

struct StopOnPanic<F: Fn()>(F);

impl<F: Fn()> Drop for StopOnPanic<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    #[test]
    fn results_come_in_order_whoever_made_them() {
        for workers in [1, 2, 5] {
            let mut taken = Vec::new();
            let work = |index: usize| {
                std::thread::sleep(Duration::from_micros(((index * 7919) % 5 * 100) as u64));
                Ok::<_, ()>(index * index)
            };
            in_order(40, workers, work, |index, square| {
                taken.push((index, square));
                Ok(())
            })
            .unwrap();
            assert_eq!(taken, (0..40).map(|index| (index, index * index)).collect::<Vec<_>>());
        }
        in_order(0, 3, |_| Err::<(), ()>(()), |_, ()| Ok(())).unwrap();
    }

    #[test]
    fn few_results_wait_for_a_slow_taker() {
        let begun = AtomicUsize::new(0);
        let work = |_| {
            begun.fetch_add(1, Ordering::SeqCst);
            Ok::<_, ()>(())
        };
        in_order(50, 2, work, |index, ()| {
            std::thread::sleep(Duration::from_millis(1));
            assert!(begun.load(Ordering::SeqCst) <= index + 1 + AHEAD * 2);
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn the_first_error_in_order_is_the_answer() {
        let mut taken = 0;
        let work = |index: usize| {
            if index == 3 {
                // Later in time than the error of 5.
                std::thread::sleep(Duration::from_millis(20));
            }
            if index == 3 || index == 5 { Err(index) } else { Ok(()) }
        };
        let outcome = in_order(1000, 4, work, |_, ()| {
            taken += 1;
            Ok(())
        });
        assert_eq!((outcome, taken), (Err(3), 3));
    }

    #[test]
    fn kernels_of_one_picture_stay_on_its_worker() {
        let threads = |_| Ok::<_, ()>(rayon::current_num_threads());
        in_order(8, 3, threads, |_, count| {
            assert_eq!(count, 1);
            Ok(())
        })
        .unwrap();
    }
}
