//! Photos are worked on side by side: as many as there are cores, and as many as fit. What talks to the house stays on
//! the thread of the agent.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::pipelines::{AgentError, AgentHost};

/// Photos that are worked on at once, at most.
const AT_ONCE_MAX: usize = 8;
/// Pixels that are worked on at once. One photo may have more. A pixel takes up to ten bytes while it is developed.
const PIXELS_MAX: u64 = 48_000_000;
/// How soon somebody who cancels is heard.
const PATIENCE: Duration = Duration::from_millis(40);

/// Does `work` on each of the jobs and hands what comes of it to `done`, in the order in which it is ready. `load` fetches
/// what a job needs when its turn comes; `work` may look at its flag, which says that nobody wants the rest any more. A
/// worker that panics costs its job.
pub(super) fn each<J: Copy + Send + Sync, L: Send, R: Send>(
    jobs: &[J],
    pixels: impl Fn(&J) -> u64,
    host: &dyn AgentHost,
    mut load: impl FnMut(J) -> Result<L, AgentError>,
    work: impl Fn(J, L, &AtomicBool) -> R + Sync,
    mut done: impl FnMut(J, Result<R, String>) -> Result<(), AgentError>,
) -> Result<(), AgentError> {
    let threads =
        std::thread::available_parallelism().map_or(1, usize::from).min(AT_ONCE_MAX).min(jobs.len());
    let stop = AtomicBool::new(false);
    let (to_work, waiting) = mpsc::channel::<(usize, L)>();
    let (ready, made) = mpsc::channel();
    let waiting = Mutex::new(waiting);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (ready, waiting, work, stop) = (ready.clone(), &waiting, &work, &stop);
            scope.spawn(move || {
                loop {
                    let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((number, loaded)) = next else { return };
                    let result = catch_unwind(AssertUnwindSafe(|| work(jobs[number], loaded, stop)));
                    let result =
                        result.map_err(|_| "it cannot be worked on: a rule stumbled over it".to_owned());
                    if ready.send((number, result)).is_err() {
                        return;
                    }
                }
            });
        }
        let mut feed = || -> Result<(), AgentError> {
            let (mut next, mut at_work, mut at_work_pixels) = (0, 0, 0);
            loop {
                while next < jobs.len() && at_work < threads {
                    let more = pixels(&jobs[next]);
                    if at_work > 0 && at_work_pixels + more > PIXELS_MAX {
                        break;
                    }
                    host.check()?;
                    if to_work.send((next, load(jobs[next])?)).is_err() {
                        return Err(AgentError::failed("no worker is left"));
                    }
                    (next, at_work, at_work_pixels) = (next + 1, at_work + 1, at_work_pixels + more);
                }
                if at_work == 0 {
                    return Ok(());
                }
                match made.recv_timeout(PATIENCE) {
                    Ok((number, result)) => {
                        at_work -= 1;
                        at_work_pixels -= pixels(&jobs[number]);
                        done(jobs[number], result)?;
                    }
                    Err(RecvTimeoutError::Timeout) => host.check()?,
                    Err(RecvTimeoutError::Disconnected) => {
                        return Err(AgentError::failed("no worker is left"));
                    }
                }
            }
        };
        let fed = feed();
        stop.store(fed.is_err(), Ordering::Relaxed);
        // Workers wait for more until there is nobody who could send it.
        drop(to_work);
        fed
    })
}
