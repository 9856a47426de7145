//! What the threads of agents and the actor of their run share: whether to stop, lines to say, progress. Everything here
//! is bounded, so an agent that prints without end costs the actor nothing.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rustix::process::Signal;
use tokio::sync::Notify;

use crate::artifacts::{self, Blobs, NewLine, RunLog};
use crate::clock::Clock;
use crate::domain::event::{LogLevel, LogLine, LogLines};
use crate::domain::run::{ManifestFile, RunInput, TokenUsage};
use crate::domain::script::{ScriptJob, ScriptOutcome};
use crate::domain::time::Timestamp;
use crate::pipelines::{AgentError, AgentHost, OutputFile};
use crate::runs::executors::children::ChildRegistry;
use crate::runs::executors::kept::KeptState;
use crate::runs::executors::{ExecutorHost, RunIds, ScriptRunError, ScriptRunner, thread};
use crate::runs::log_batch::LogBatch;
use crate::runs::log_pace::SharedPace;

/// The desk of one run: what its agents share.
pub(crate) struct Desk {
    clock: Arc<dyn Clock>,
    closed: AtomicBool,
    lines: Mutex<LogBatch>,
    /// How much may be said in the room of the run.
    pace: SharedPace,
    /// Tokens that the run has used.
    tokens: AtomicU64,
    /// What agents have used that is not on record yet.
    used: Mutex<BTreeMap<Arc<str>, TokenUsage>>,
    /// An agent has left something that should be said soon.
    shown: Notify,
    log_failure: OnceLock<String>,
}

impl Desk {
    /// Of a run that has used so many tokens already.
    pub(crate) fn new(clock: Arc<dyn Clock>, pace: SharedPace, tokens: u64) -> Self {
        Self {
            clock,
            closed: AtomicBool::new(false),
            lines: Mutex::default(),
            pace,
            tokens: AtomicU64::new(tokens),
            used: Mutex::default(),
            shown: Notify::new(),
            log_failure: OnceLock::new(),
        }
    }

    /// The run has ended: what an agent that was left behind still says is dropped.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// Waits until an agent has shown a picture.
    pub(crate) async fn shown(&self) {
        self.shown.notified().await;
    }

    /// Lines to say now.
    pub(crate) fn take_lines(&self, now: Timestamp) -> Vec<LogLines> {
        lock(&self.lines).take(now, &mut self.pace.lock())
    }

    /// The last lines to say.
    pub(crate) fn take_last_lines(&self) -> Vec<LogLines> {
        lock(&self.lines).take_last(self.clock.now(), &mut self.pace.lock())
    }

    /// What models have used for each agent, that was not taken yet.
    pub(crate) fn take_used(&self) -> BTreeMap<Arc<str>, TokenUsage> {
        std::mem::take(&mut *lock(&self.used))
    }
}

/// The seat of one agent at the desk, for one try.
#[derive(Default)]
pub(crate) struct Seat {
    stopped: AtomicBool,
    closed: AtomicBool,
    progress: Mutex<Option<(f64, String)>>,
    children: ChildRegistry,
    /// Counts what the agent says.
    said: AtomicU64,
    /// The run is to rest as soon as the agent is at a safe point.
    rest: AtomicBool,
    early: Mutex<Early>,
    shortfall: Mutex<Option<String>>,
    /// Files of the output that are stored already.
    written: Mutex<Vec<ManifestFile>>,
    /// Child processes that had ended before the agent was told to stop.
    ended_before_stop: OnceLock<u64>,
}

impl Seat {
    /// The agent is to stop, and its child processes are asked to end.
    pub(crate) fn stop(&self) {
        // First the word, so that nothing new is started for a child that is ended.
        self.stopped.store(true, Ordering::Release);
        self.ended_before_stop.get_or_init(|| self.children.ended());
        self.children.signal_all(Signal::TERM);
    }

    /// Ends the child processes of an agent that was told to stop, whatever they are doing.
    pub(crate) fn kill(&self) {
        self.children.signal_all(Signal::KILL);
    }

    /// Grows with everything the agent says.
    pub(crate) fn said(&self) -> u64 {
        self.said.load(Ordering::Relaxed)
    }

    /// The run is to rest, or is not any more.
    pub(crate) fn wish_rest(&self, rest: bool) {
        self.rest.store(rest, Ordering::Release);
    }

    /// Whether the agent is to stop.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// The try is over: what an agent that was left behind still says is dropped.
    pub(crate) fn close(&self) {
        self.stop();
        self.kill();
        self.closed.store(true, Ordering::Release);
    }

    /// The newest progress that was not taken yet.
    pub(crate) fn take_progress(&self) -> Option<(f64, String)> {
        lock(&self.progress).take()
    }

    /// What the agent could not do of its work.
    pub(crate) fn take_shortfall(&self) -> Option<String> {
        lock(&self.shortfall).take()
    }

    /// Files of the output that the agent has stored already.
    pub(crate) fn take_written(&self) -> Vec<ManifestFile> {
        std::mem::take(&mut *lock(&self.written))
    }

    /// What the agent shows before it is done, that was not taken yet.
    pub(crate) fn take_early(&self) -> Option<Early> {
        Some(std::mem::take(&mut *lock(&self.early))).filter(|early| *early != Early::default())
    }

    /// How many child processes a stop has ended, the ids of those that are left, and how many more are left of which
    /// only the number is known.
    pub(crate) fn processes(&self) -> (u32, Vec<u32>, u32) {
        let ended = self.children.ended();
        let by_stop = ended - self.ended_before_stop.get().copied().unwrap_or(ended);
        let left: Vec<u32> = self.children.alive().iter().map(|child| child.pid).collect();
        let unseen = self.children.left().saturating_sub(left.len() as u64);
        let count = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        (count(by_stop), left, count(unseen))
    }
}

/// What an agent shows before it is done.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Early {
    /// Files that are there already.
    pub(crate) files: Vec<ManifestFile>,
    /// Figures; of one name the newest.
    pub(crate) metrics: BTreeMap<String, f64>,
    /// The newest preview.
    pub(crate) preview: Option<EarlyPreview>,
    /// Events, by name.
    pub(crate) told: Vec<(&'static str, serde_json::Value)>,
}

/// A picture of what is being made.
#[derive(Debug, PartialEq)]
pub(crate) struct EarlyPreview {
    pub(crate) file: ManifestFile,
    pub(crate) step: u64,
    pub(crate) of: u64,
}

/// The house as one agent sees it.
pub(crate) struct Host<'a> {
    pub(crate) desk: &'a Desk,
    pub(crate) seat: &'a Seat,
    pub(crate) run: RunIds,
    pub(crate) blobs: &'a Blobs,
    pub(crate) log: &'a RunLog,
    pub(crate) scripts: &'a dyn ScriptRunner,
    pub(crate) agent: Arc<str>,
    pub(crate) kept: KeptState<'a>,
}

impl AgentHost for Host<'_> {
    fn log(&self, level: LogLevel, text: &str) {
        let closed = self.desk.closed.load(Ordering::Acquire) || self.seat.closed.load(Ordering::Acquire);
        if closed || self.desk.log_failure.get().is_some() {
            return;
        }
        self.seat.said.fetch_add(1, Ordering::Relaxed);
        let at = self.desk.clock.now();
        let texts: Vec<_> =
            text.strip_suffix('\n').unwrap_or(text).split('\n').map(artifacts::as_one_line).collect();
        let new = |text| NewLine { at, level, agent: Some(&self.agent), text };
        let lines: Vec<NewLine<'_>> = texts.iter().map(|text| new(text.as_ref())).collect();
        match self.log.append(&lines) {
            Ok(numbers) => {
                let mut batch = lock(&self.desk.lines);
                for (n, text) in (numbers.from..).zip(texts) {
                    batch.push(level, Some(self.agent.clone()), LogLine { n, at, text: text.into() });
                }
            }
            // The agent hears of it at its next check: a log with holes would not keep what it promises.
            Err(error) => {
                let _ = self.desk.log_failure.set(error.to_string());
            }
        }
    }

    fn progress(&self, percent: f64, message: &str) {
        self.seat.said.fetch_add(1, Ordering::Relaxed);
        *lock(&self.seat.progress) = Some((percent, message.to_owned()));
    }

    fn check(&self) -> Result<(), AgentError> {
        if self.seat.is_stopped() {
            return Err(AgentError::Cancelled);
        }
        match self.desk.log_failure.get() {
            Some(error) => Err(AgentError::failed(format!("the log of the run cannot be written: {error}"))),
            None => Ok(()),
        }
    }

    fn preview(&self, file: &OutputFile, step: u64, of: u64) {
        self.seat.said.fetch_add(1, Ordering::Relaxed);
        if let Some(file) = self.store(file) {
            lock(&self.seat.early).preview = Some(EarlyPreview { file, step, of });
            self.desk.shown.notify_one();
        }
    }

    fn safe_point(&self, state: &dyn Fn() -> Vec<u8>) -> Result<(), AgentError> {
        let rest = self.seat.rest.load(Ordering::Acquire) && !self.seat.is_stopped();
        if rest || self.kept.is_time() {
            self.kept.keep(&state());
        }
        if rest { Err(AgentError::Resting) } else { Ok(()) }
    }

    fn kept(&self) -> Option<Vec<u8>> {
        self.kept.read()
    }

    fn input(&self, input: &RunInput) -> Result<Vec<u8>, AgentError> {
        self.blobs.read(&input.sha256).map_err(|error| AgentError::Failed {
            message: format!("a file of the run cannot be read: {error}"),
            file: Some(input.name.clone()),
            line: None,
        })
    }

    fn write(&self, file: OutputFile) -> Result<(), AgentError> {
        let stored = thread::stored(self.blobs, &file)?;
        self.seat.said.fetch_add(1, Ordering::Relaxed);
        let mut written = lock(&self.seat.written);
        written.retain(|known| known.path != stored.path);
        written.push(stored.clone());
        drop(written);
        self.show(stored);
        Ok(())
    }

    fn tell(&self, name: &'static str, data: serde_json::Value) {
        self.seat.said.fetch_add(1, Ordering::Relaxed);
        let mut early = lock(&self.seat.early);
        if early.told.len() < TOLD_MAX {
            early.told.push((name, data));
        }
    }

    fn fell_short(&self, what: &str) {
        self.seat.said.fetch_add(1, Ordering::Relaxed);
        *lock(&self.seat.shortfall) = Some(what.to_owned());
    }

    fn run_scripts(
        &self,
        job: &ScriptJob,
        on_step: &mut dyn FnMut(usize, &ScriptOutcome),
    ) -> Result<Vec<ScriptOutcome>, AgentError> {
        self.check()?;
        let stopped = || self.seat.is_stopped();
        let mut on_step = |step: usize, outcome: &ScriptOutcome| {
            self.seat.said.fetch_add(1, Ordering::Relaxed);
            on_step(step, outcome);
        };
        self.scripts.run(&self.seat.children, job, &stopped, &mut on_step).map_err(|error| match error {
            ScriptRunError::Cancelled => AgentError::Cancelled,
            ScriptRunError::Failed(message) => AgentError::failed(message),
        })
    }
}

/// Figures that an agent may say before they are taken.
const METRICS_MAX: usize = 64;
/// Events that an agent may tell before they are taken: one for each file that a run can be given.
const TOLD_MAX: usize = 5_000;
/// Files that an agent may show before they are taken.
const EARLY_FILES_MAX: usize = 1_000;

impl Host<'_> {
    /// Says soon that a file is there.
    fn show(&self, file: ManifestFile) {
        let mut early = lock(&self.seat.early);
        early.files.retain(|known| known.path != file.path);
        if early.files.len() < EARLY_FILES_MAX {
            early.files.push(file);
        }
    }

    /// Stores a file that is to be shown now; what cannot be shown is only logged, for it comes again with the output.
    fn store(&self, file: &OutputFile) -> Option<ManifestFile> {
        match self.blobs.put(&file.bytes) {
            Ok(stored) => {
                Some(ManifestFile { path: file.path.clone(), sha256: stored.sha256, size: stored.size })
            }
            Err(error) => {
                log::warn!("a file of a run cannot be shown yet: {error}");
                None
            }
        }
    }
}

impl ExecutorHost for Host<'_> {
    fn run(&self) -> RunIds {
        self.run
    }

    fn children(&self) -> &ChildRegistry {
        &self.seat.children
    }

    fn artifact(&self, file: &OutputFile) {
        if let Some(file) = self.store(file) {
            self.show(file);
        }
    }

    fn metric(&self, name: &str, value: f64) {
        let mut early = lock(&self.seat.early);
        if early.metrics.len() < METRICS_MAX || early.metrics.contains_key(name) {
            early.metrics.insert(name.to_owned(), value);
        }
    }

    fn keep(&self, state: &[u8]) {
        self.kept.keep(state);
    }

    fn use_tokens(&self, used: TokenUsage) -> u64 {
        let tokens = used.total_tokens();
        if tokens > 0 {
            let mut of_agents = lock(&self.desk.used);
            let of_agent = of_agents.entry(self.agent.clone()).or_default();
            *of_agent = of_agent.and(used);
        }
        self.desk.tokens.fetch_add(tokens, Ordering::Relaxed) + tokens
    }
}

/// What is guarded here is whole at any time, so a panic of an agent while it held the lock harms nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
