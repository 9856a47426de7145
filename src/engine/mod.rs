//! All durable and shared state, behind one trait.
//!
//! # The contract
//!
//! An engine keeps the log of every room, the records of projects and runs, the queue and the idempotency keys.
//!
//! 1. **One transaction per batch.** Either every change of a [`Batch`] is done or none is. Changes are done in order.
//! 2. **Numbers without holes.** Events of a room get `seq` 1, 2, 3, … in the order of their batches. A batch that is
//!    refused uses up no number.
//! 3. **Compare and set.** [`Change::UpdateRun`] is done only when the stored run has the expected version and may go
//!    to the new state ([`RunStatus::may_become`]); a terminal run never changes again. The stored version becomes
//!    `expected_version + 1` whatever `run.version` says.
//! 4. **Persist, then publish.** [`EngineEvents::appended`] is called after the batch is durable, in the order of `seq`,
//!    each event exactly once on this node, and before the future of the batch resolves.
//! 5. **Reads see what was answered.** After the future of a batch has resolved, every read sees the batch.
//! 6. **A log outlives a restart.** The epoch of a room never changes while its log is there.
//! 7. **Bounded.** When the engine cannot keep up it answers [`EngineError::Busy`] rather than grow.
//! 8. **A log is cut at its start alone, and never without its fold.** [`Change::CutLog`] is done only when the saved fold
//!    covers all that goes. Numbers go on as if nothing had been cut, [`EngineEvents::cut`] is called before the future of
//!    the batch resolves, and a read that begins before the cut gives what is left ([`LogPage::follows`] says so).
//! 9. **Removal is at once, clearing up is not.** What belongs to a removed project is gone for every read as soon as the
//!    batch is answered; [`Change::Upkeep`] clears it away piece by piece.
//! 10. **One order for the house.** Events of runs that are heard beyond their room ([`Reach`]) are numbered over all rooms in
//!     the order of their commits: a read that sees a number sees every one below it that was not lost.
//!     [`EngineEvents::grown`] is called before the future of the batch resolves. What is cut or removed with its log is lost
//!     here as well, and [`HouseBounds::lost`] says up to where that has happened. No number is given twice.
//!
//! `contract.rs` checks all of this for any implementation.
//!
//! [`Reach`]: crate::domain::event::Reach

#[cfg(test)]
pub mod contract;
pub mod embedded;
pub mod house;
pub mod producers;
pub mod retention;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::domain::audit::AuditEntry;
use crate::domain::event::{LoggedEvent, NewEvent};
use crate::domain::ids::{AuditId, ProjectId, RunId};
use crate::domain::position::{Epoch, Position};
use crate::domain::run::{Project, Run, RunStatus};
use crate::domain::time::Timestamp;
use crate::engine::house::{HouseBounds, HousePage};
use crate::engine::producers::Producer;
use crate::engine::retention::{Kept, LogWeight, RoomLog, Upkeep};

/// Entries that the audit log keeps.
pub const AUDIT_ENTRIES_MAX: u64 = 100_000;

/// What an engine answers.
pub type EngineFuture<T> = Pin<Box<dyn Future<Output = Result<T, EngineError>> + Send>>;

/// Durable and shared state; the module's text is the contract.
pub trait Engine: Send + Sync + 'static {
    /// Does all changes of the batch, or none.
    fn commit(&self, batch: Batch) -> EngineFuture<Committed>;

    /// Who hears of appended events. Called once, before the first commit.
    fn set_events(&self, events: Arc<dyn EngineEvents>);

    /// Where a room's log begins and ends; none when there is no such project.
    fn log_bounds(&self, room: ProjectId) -> EngineFuture<Option<LogBounds>>;

    /// Events with `seq > after`, in order, up to the limits (at least one when there is one).
    fn read_log(&self, room: ProjectId, after: u64, limit: ReadLimit) -> EngineFuture<LogPage>;

    /// Where the order of the whole house stands.
    fn house_bounds(&self) -> EngineFuture<HouseBounds>;

    /// Events of the whole house with a number above `after`, in order, up to the limits (at least one when there is one).
    fn read_house(&self, after: u64, limit: ReadLimit) -> EngineFuture<HousePage>;

    /// The newest saved fold of a room.
    fn saved_state(&self, room: ProjectId) -> EngineFuture<Option<SavedState>>;

    /// A project.
    fn project(&self, id: ProjectId) -> EngineFuture<Option<Project>>;

    /// Projects, newest first, each with the run that says how it stands: one that has begun and not ended, else the newest.
    fn projects(&self, query: ProjectQuery) -> EngineFuture<ProjectPage>;

    /// A run.
    fn run(&self, id: RunId) -> EngineFuture<Option<Run>>;

    /// The newest runs of a project, newest first.
    fn runs_of(&self, project: ProjectId, limit: usize) -> EngineFuture<Vec<Run>>;

    /// All runs that are not terminal, in the order in which the queue serves them: priority, then age.
    fn active_runs(&self) -> EngineFuture<Vec<Run>>;

    /// Durations of the newest completed agents of a pipeline, at most `per_agent` each: `(agent, duration_ms)`. Only runs
    /// that kept this very definition count.
    fn agent_durations(
        &self,
        pipeline: String,
        definition: Option<Arc<str>>,
        per_agent: usize,
    ) -> EngineFuture<Vec<(String, u64)>>;

    /// An answer that was kept under an idempotency key and has not expired at `now`.
    fn idempotent_answer(&self, key: String, now: Timestamp) -> EngineFuture<Option<KeptAnswer>>;

    /// What a producer published last in a room; none when it is not known there.
    fn producer(&self, room: ProjectId, producer: String) -> EngineFuture<Option<Producer>>;

    /// Where the logs of all rooms stand, in the order of their ids: those behind `after`, at most `limit`.
    fn rooms(&self, after: Option<ProjectId>, limit: usize) -> EngineFuture<Vec<RoomLog>>;

    /// What the events with `seq > after` weigh, up to the limits (at least one when there is one).
    fn weigh_log(&self, room: ProjectId, after: u64, limit: ReadLimit) -> EngineFuture<LogWeight>;

    /// The last event that the log took before a time, among those that can still be read; the one before the first when
    /// there is none. Where the clock went back meanwhile, any of the places that fit.
    fn last_before(&self, room: ProjectId, time: Timestamp) -> EngineFuture<u64>;

    /// All runs in the order of their ids: those behind `after`, at most `limit`.
    fn all_runs(&self, after: Option<RunId>, limit: usize) -> EngineFuture<Vec<Run>>;

    /// What was noted under a name; see [`Change::Note`].
    fn note(&self, name: String) -> EngineFuture<Option<String>>;

    /// Entries of the audit log, newest first: those before an entry, or the newest.
    fn audit(&self, before: Option<AuditId>, limit: usize) -> EngineFuture<Vec<AuditEntry>>;

    /// What was noted under names that begin like this, in the order of the names: what is behind `after`, at most `limit`.
    fn notes(
        &self,
        prefix: String,
        after: Option<String>,
        limit: usize,
    ) -> EngineFuture<Vec<(String, String)>>;

    /// Figures for operators.
    fn stats(&self) -> EngineFuture<EngineStats>;

    /// Commits what is waiting, closes the store and refuses everything after.
    fn close(&self) -> EngineFuture<()>;
}

/// How the names of notes begin that keep what projects were given: JSON with the `sha256` of a content, which stays.
pub const INPUT_NOTES: &str = "input/";

/// Hears of appended events, after they are durable. Must not block: it is called on the engine's writer.
pub trait EngineEvents: Send + Sync + 'static {
    /// These events were appended to the room's log, in this order.
    fn appended(&self, room: ProjectId, epoch: Epoch, events: &[LoggedEvent]);
    /// The room's log begins at this event now; what was before is gone.
    fn cut(&self, room: ProjectId, first: u64);
    /// The room and its log are gone.
    fn removed(&self, room: ProjectId);
    /// The order of the whole house goes up to this number now. Once per group of batches.
    fn grown(&self, last: u64);
}

/// Changes that belong together.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The changes, in order.
    pub changes: Vec<Change>,
}

impl Batch {
    /// A batch of these changes.
    pub fn of(changes: impl Into<Vec<Change>>) -> Self {
        Self { changes: changes.into() }
    }
}

/// One change.
#[derive(Clone, Debug)]
pub enum Change {
    /// A new project with an empty log; [`EngineError::Taken`] when the id is in use.
    CreateProject(Project),
    /// The project's name, brief, params; [`EngineError::NotFound`].
    UpdateProject(Project),
    /// The project, its runs and its log go; [`EngineError::RunActive`] while one of its runs is not terminal.
    RemoveProject(ProjectId),
    /// A new run. Unless `beside_active`, [`EngineError::RunActive`] while another run of the project is not terminal.
    InsertRun {
        /// The run; its version is stored as it is.
        run: Run,
        /// Whether it may wait behind another run of the same project.
        beside_active: bool,
    },
    /// The run as it is to be; see rule 3. [`EngineError::Conflict`] when the comparison fails.
    UpdateRun {
        /// The run.
        run: Run,
        /// The version that it was read with.
        expected_version: u64,
    },
    /// Events at the end of a room's log; [`EngineError::NotFound`] when there is no such project.
    Append {
        /// Which room.
        room: ProjectId,
        /// The events.
        events: Vec<NewEvent>,
    },
    /// Keeps an answer under a key; [`EngineError::KeyTaken`] when the key holds another one that has not expired.
    KeepAnswer {
        /// The key, with its scope in front.
        key: String,
        /// The answer.
        answer: KeptAnswer,
        /// The time to judge expiry by.
        now: Timestamp,
    },
    /// A producer has published this far, as the changes before it in the batch say. [`EngineError::NotNext`] when it
    /// has gone on since it was read, [`EngineError::NotFound`] when there is no such project.
    Produce {
        /// Which room.
        room: ProjectId,
        /// Who.
        producer: String,
        /// Epoch and number that it was read with; none when it was not known.
        expected: Option<(u64, u64)>,
        /// Epoch and number of its newest event now.
        newest: (u64, u64),
        /// When it was heard; producers that were not for long are forgotten.
        now: Timestamp,
    },
    /// Notes something of the whole house under a name, in place of what was noted there; none forgets it.
    Note {
        /// Which.
        name: String,
        /// What.
        value: Option<String>,
    },
    /// An entry of the audit log. Beyond [`AUDIT_ENTRIES_MAX`] the oldest go.
    Audit(AuditEntry),
    /// Notes something under a name that nothing was noted under yet; [`EngineError::Taken`] otherwise.
    NoteOnce {
        /// Which.
        name: String,
        /// What.
        value: String,
    },
    /// Forgets everything noted under names that begin like this.
    ForgetNotes {
        /// How they begin.
        prefix: String,
    },
    /// The fold of a room's log up to a number, so that a restart need not read it all. Kept when newer than the
    /// saved one.
    SaveState {
        /// Which room.
        room: ProjectId,
        /// The fold.
        state: SavedState,
    },
    /// The start of a room's log up to and including `through`, at most to its end, goes; rule 8.
    /// [`EngineError::NotSaved`] when the saved fold does not reach as far.
    CutLog {
        /// Which room.
        room: ProjectId,
        /// The last event that goes.
        through: u64,
    },
    /// A run that has ended no longer names the files its agents made; all else of it stays.
    /// [`EngineError::RunActive`] when it has not ended.
    ForgetFiles(RunId),
    /// A piece of upkeep; what it did is in [`Committed::kept`].
    Upkeep(Upkeep),
}

/// What became of a batch.
#[derive(Clone, Debug, Default)]
pub struct Committed {
    /// For each [`Change::Append`] and [`Change::Produce`] in order: where the log of the room stands after it.
    pub positions: Vec<Position>,
    /// Whether the batch has reached the disk itself, or only the operating system.
    pub on_disk: bool,
    /// What [`Change::Upkeep`] did.
    pub kept: Kept,
}

/// Where a log begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogBounds {
    /// Its epoch.
    pub epoch: Epoch,
    /// The first event that can still be read; `last + 1` when none can.
    pub first: u64,
    /// The last event; 0 when there was none yet.
    pub last: u64,
}

/// How much to read at once.
#[derive(Clone, Copy, Debug)]
pub struct ReadLimit {
    /// Events.
    pub events: usize,
    /// Bytes of their bodies.
    pub bytes: usize,
}

/// Events of a log.
#[derive(Clone, Debug)]
pub struct LogPage {
    /// The events.
    pub events: Vec<LoggedEvent>,
    /// Whether there are more behind them.
    pub more: bool,
}

impl LogPage {
    /// Whether these events are what comes right after `after`. When not, the log was cut beyond it meanwhile.
    pub fn follows(&self, after: u64) -> bool {
        self.events.first().is_none_or(|event| event.seq == after + 1)
    }
}

/// A fold that was saved.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedState {
    /// The last event it covers.
    pub seq: u64,
    /// The state as JSON.
    pub state_json: Arc<str>,
}

/// Which projects to list.
#[derive(Clone, Debug, Default)]
pub struct ProjectQuery {
    /// At most so many.
    pub limit: usize,
    /// Those older than this one (time, then id).
    pub before: Option<(Timestamp, ProjectId)>,
    /// Those whose newest run is in this state.
    pub status: Option<RunStatus>,
}

/// A page of projects.
#[derive(Clone, Debug)]
pub struct ProjectPage {
    /// Projects, each with its newest run.
    pub projects: Vec<(Project, Option<Run>)>,
    /// Whether there are older ones.
    pub more: bool,
}

/// An answer that was kept under an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    /// Hash of the request's body: the same key with another body is a mistake.
    pub body_sha256: String,
    /// HTTP status.
    pub status: u16,
    /// The answer's body, JSON.
    pub answer: String,
    /// When it may be forgotten.
    pub expires_at: Timestamp,
}

/// Figures for operators.
#[derive(Clone, Debug, Default)]
pub struct EngineStats {
    /// Bytes of the store on disk.
    pub size_bytes: u64,
    /// Bytes of these that nothing uses and that are used again.
    pub spare_bytes: u64,
    /// When the last batch was committed.
    pub last_write_at: Option<Timestamp>,
    /// Batches that wait for the writer.
    pub waiting: usize,
    /// Projects.
    pub projects: u64,
    /// Runs by state.
    pub runs_by_status: Vec<(RunStatus, u64)>,
    /// Events appended since the start.
    pub events_appended: u64,
    /// Time from the call to durable, over the last minute, in microseconds: p50, p90, p99, max.
    pub append_us: [u64; 4],
}

/// Why an engine refused or failed.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum EngineError {
    /// The id is in use.
    #[error("the id is taken")]
    Taken,
    /// There is no such record.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// Another run of the project is not terminal.
    #[error("run {0} of the project is still active")]
    RunActive(RunId),
    /// The run has changed since it was read, or may not go to that state.
    #[error("the run has changed meanwhile and is now {}", .0.as_str())]
    Conflict(RunStatus),
    /// The idempotency key holds this answer already.
    #[error("the idempotency key is in use")]
    KeyTaken(Box<KeptAnswer>),
    /// The producer has gone on since it was read.
    #[error("the producer has gone on meanwhile")]
    NotNext,
    /// The saved fold does not cover what is to be cut.
    #[error("the state of the room is saved up to event {0} only")]
    NotSaved(u64),
    /// Too much is waiting already.
    #[error("the store cannot keep up")]
    Busy,
    /// The disk is full.
    #[error("the disk is full")]
    DiskFull,
    /// The engine was closed.
    #[error("the store is closed")]
    Closed,
    /// The store failed.
    #[error("the store failed: {0}")]
    Storage(String),
}
