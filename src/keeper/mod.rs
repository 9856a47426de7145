//! How long things are kept: cuts logs, saves folds, removes log lines and files of old runs, clears up behind them.
//!
//! A thread of its own with a small runtime: folding a long log takes processor time that no worker should give, and
//! removing files blocks. It does everything in small steps through the engine's ordinary queue and rests between them for
//! longer than they took, so that an append never waits for more than one step.
//!
//! What is kept how long is decided in `rules.rs` (plain data); `logs.rs` cuts the logs of rooms, `bulk.rs` removes what
//! lies in files. A run that has not ended is never touched, nor are the events since it was accepted.

mod bulk;
mod logs;
mod rules;
#[cfg(test)]
mod tests;
mod totals;

pub use rules::Rules;
pub use totals::Totals;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use crate::artifacts::{ArtifactError, Artifacts};
use crate::clock::Clock;
use crate::engine::retention::Upkeep;
use crate::engine::{Batch, Change, Committed, Engine, EngineError, ReadLimit};
use crate::keeper::logs::Logs;
use crate::telemetry::memory::Tidier;

/// Requests that may wait; a further wake-up is dropped, since a pass is coming anyway.
const REQUESTS_MAX: usize = 16;
/// The first pass waits until a start is over and clients are back.
const FIRST_AFTER: Duration = Duration::from_secs(10);
/// How often what lies in files is looked through: all runs are read for it.
const BULK_EVERY: Duration = Duration::from_secs(60 * 60);
/// What one step removes at most: some milliseconds of the writer's time.
const STEP: ReadLimit = ReadLimit { events: 512, bytes: 1 << 20 };
/// A step is followed by a rest of so many times its duration.
const REST: u32 = 3;
/// The shortest and the longest rest.
const REST_BOUNDS: (Duration, Duration) = (Duration::from_micros(500), Duration::from_millis(100));
/// Time between two looks whether there is memory to give back.
const TIDY_EVERY: Duration = Duration::from_secs(5);
/// Pause when the engine has too much to do.
const BUSY_PAUSE: Duration = Duration::from_millis(250);

/// What the keeper works with.
pub struct KeeperDeps {
    /// Logs, runs and answers.
    pub engine: Arc<dyn Engine>,
    /// Files and log lines.
    pub artifacts: Artifacts,
    /// The time that ages are judged by.
    pub clock: Arc<dyn Clock>,
    /// How long things are kept.
    pub rules: Rules,
}

/// The keeper; cheap to clone. It ends with its last handle.
#[derive(Clone)]
pub struct Keeper {
    requests: mpsc::Sender<Request>,
    shared: Arc<Shared>,
}

enum Request {
    /// Something waits to be cleared away.
    Wake,
    /// Everything now; answered when it is done.
    Pass(oneshot::Sender<()>),
    /// No more of anything.
    Stop(oneshot::Sender<()>),
}

/// What handles and thread share.
#[derive(Default)]
struct Shared {
    totals: Mutex<Totals>,
    stopping: AtomicBool,
}

impl Shared {
    fn add(&self, change: impl FnOnce(&mut Totals)) {
        change(&mut self.totals.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Why a pass ended early.
#[derive(Debug, thiserror::Error)]
enum KeeperError {
    /// The house goes down.
    #[error("asked to stop")]
    Stopped,
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Files(#[from] ArtifactError),
}

impl Keeper {
    /// Starts it.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(deps: KeeperDeps) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let (requests, asked) = mpsc::channel(REQUESTS_MAX);
        let shared = Arc::new(Shared::default());
        let pass = Pass { deps, shared: shared.clone(), logs: Logs::default() };
        std::thread::Builder::new().name("keeper".to_owned()).spawn(move || {
            runtime.block_on(pass.run(asked));
        })?;
        Ok(Self { requests, shared })
    }

    /// Something waits to be cleared away.
    pub fn wake(&self) {
        // A full queue means that a pass is coming.
        let _ = self.requests.try_send(Request::Wake);
    }

    /// Does everything that is due now, and answers when it is done.
    pub async fn pass(&self) {
        let (done, is_done) = oneshot::channel();
        if self.requests.send(Request::Pass(done)).await.is_ok() {
            // A keeper that ends meanwhile has nothing more to do.
            let _ = is_done.await;
        }
    }

    /// What was removed since the start.
    pub fn totals(&self) -> Totals {
        self.shared.totals.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends it after the step that it is at.
    pub async fn stop(&self, within: Duration) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        let (ended, has_ended) = oneshot::channel();
        if self.requests.send(Request::Stop(ended)).await.is_ok()
            && tokio::time::timeout(within, has_ended).await.is_err()
        {
            log::warn!("the keeper is still removing files; it ends with the process");
        }
    }
}

/// The thread's side.
struct Pass {
    deps: KeeperDeps,
    shared: Arc<Shared>,
    logs: Logs,
}

impl Pass {
    async fn run(mut self, mut asked: mpsc::Receiver<Request>) {
        let every = self.deps.rules.every;
        let mut bulk_due = Instant::now() + FIRST_AFTER;
        let mut due = tokio::time::Instant::now() + every.min(FIRST_AFTER);
        let mut tidier = Tidier::default();
        let mut look = tokio::time::interval(TIDY_EVERY);
        // After a long pass one look is as good as many.
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let request = tokio::select! {
                request = asked.recv() => match request {
                    Some(request) => Some(request),
                    None => return,
                },
                () = tokio::time::sleep_until(due) => None,
                _ = look.tick() => {
                    tidier.look();
                    continue;
                }
            };
            due = tokio::time::Instant::now() + every;
            match request {
                Some(Request::Stop(ended)) => {
                    let _ = ended.send(());
                    return;
                }
                Some(Request::Pass(done)) => {
                    self.pass(true).await;
                    let _ = done.send(());
                }
                Some(Request::Wake) => {
                    if let Err(error) = self.clear_up().await {
                        log::debug!("clearing up goes on with the next pass: {error}");
                    }
                }
                None => {
                    let bulk = Instant::now() >= bulk_due;
                    if bulk {
                        bulk_due = Instant::now() + BULK_EVERY;
                    }
                    self.pass(bulk).await;
                }
            }
        }
    }

    async fn pass(&mut self, bulk: bool) {
        let began = Instant::now();
        let outcome = self.work(bulk).await;
        if matches!(outcome, Err(KeeperError::Stopped | KeeperError::Engine(EngineError::Closed))) {
            return;
        }
        if let Err(error) = &outcome {
            log::error!("retention was not finished and is tried again: {error}");
        }
        let now = self.deps.clock.now();
        self.shared.add(|totals| {
            totals.passes += 1;
            totals.last_pass_at = Some(now);
            totals.last_pass_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            totals.failed = outcome.err().map(|error| error.to_string());
        });
    }

    async fn work(&mut self, bulk: bool) -> Result<(), KeeperError> {
        self.keep_logs().await?;
        self.clear_up().await?;
        if bulk {
            self.keep_lines().await?;
            self.keep_files().await?;
        }
        Ok(())
    }

    /// What removed projects left, expired answers, free space.
    async fn clear_up(&self) -> Result<(), KeeperError> {
        loop {
            let since = Instant::now();
            let upkeep = Upkeep {
                now: self.deps.clock.now(),
                rows_max: STEP.events,
                bytes_max: STEP.bytes,
                spare_bytes_max: self.deps.rules.spare_bytes_max,
            };
            let kept = self.commit(Batch::of([Change::Upkeep(upkeep)])).await?.kept;
            self.shared.add(|totals| totals.add_kept(&kept));
            if !kept.more {
                return Ok(());
            }
            self.rest(since).await?;
        }
    }

    /// Commits a step; an engine with too much to do goes first.
    async fn commit(&self, batch: Batch) -> Result<Committed, KeeperError> {
        loop {
            match self.deps.engine.commit(batch.clone()).await {
                Err(EngineError::Busy) if !self.is_stopping() => tokio::time::sleep(BUSY_PAUSE).await,
                answer => return Ok(answer?),
            }
        }
    }

    /// Lets the others work after a step that began at `since`.
    async fn rest(&self, since: Instant) -> Result<(), KeeperError> {
        let rest = since.elapsed().saturating_mul(REST).clamp(REST_BOUNDS.0, REST_BOUNDS.1);
        tokio::time::sleep(rest).await;
        if self.is_stopping() { Err(KeeperError::Stopped) } else { Ok(()) }
    }

    fn is_stopping(&self) -> bool {
        self.shared.stopping.load(Ordering::Relaxed)
    }
}
