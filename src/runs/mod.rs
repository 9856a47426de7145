//! Running pipelines: the queue, one actor per working run, and the handle through which all others ask for runs.
//!
//! Decisions are plain data (`plan`, `queue`, `progress`, `log_batch`, `transitions`, `recovery`); the two actors carry
//! them out. A run has one writer at a time: the orchestrator while it waits, its generation actor while it works. The
//! engine's compare-and-set stands behind that, so that nothing overwrites an end.

mod accept;
mod commits;
mod control;
pub mod executors;
mod files;
#[cfg(test)]
mod fixtures;
mod generation;
mod handle;
mod history;
pub(crate) mod log_batch;
pub(crate) mod log_pace;
mod orchestrator;
pub mod outside;
pub mod params;
mod plan;
mod progress;
mod queue;
mod recovery;
mod retry;
mod take_over;
#[cfg(test)]
mod tests;
mod transitions;

use std::sync::Arc;

use serde_json::{Map, Value};

pub use commits::Commits;
pub use control::{GateVerdict, Place, QueueView};
pub use handle::Runs;
pub use params::FieldError;
pub use queue::RunLimits;

use crate::artifacts::Artifacts;
use crate::clock::Clock;
use crate::domain::control::Lane;
use crate::domain::event::Eta;
use crate::domain::ids::RunId;
use crate::domain::run::{Project, Run, RunInput, RunStatus};
use crate::engine::{Engine, EngineError, KeptAnswer};
use crate::pipelines::defined::Pipelines;
use crate::runs::executors::{AgentGate, Executor, ScriptRunner};

/// Why a run that is not paused is not resumed.
const NOT_PAUSED: &str = "is not paused";

/// What runs are made with.
pub struct RunsDeps {
    /// Where runs are on record.
    pub engine: Arc<dyn Engine>,
    /// Who takes changes and says them: the broker.
    pub broker: Arc<dyn Commits>,
    /// Files and log lines of runs.
    pub artifacts: Artifacts,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Runs scripts for agents.
    pub scripts: Arc<dyn ScriptRunner>,
    /// The pipelines.
    pub pipelines: Pipelines,
    /// Limits.
    pub settings: RunsSettings,
    /// Names this start of the server; runs of other boots are taken over.
    pub boot_id: String,
    /// Who carries out agents; none for the built-in ones.
    pub executor: Option<Arc<dyn Executor>>,
    /// Holds runs at agents, in tests.
    pub gate: Option<Arc<dyn AgentGate>>,
}

/// Limits of runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunsSettings {
    /// Runs that work at once.
    pub limits: RunLimits,
    /// Runs that wait.
    pub queue_max: usize,
    /// How long one agent may work.
    pub agent_timeout_ms: u64,
    /// How long the agents of a run may work together.
    pub run_timeout_ms: u64,
    /// How long an agent has to stop after a cancel or a time limit, before the run ends without it.
    pub cancel_grace_ms: u64,
    /// How long the processes of an agent that is to stop have to end by themselves.
    pub kill_after_ms: u64,
    /// After how long a cancelled run ends whatever could not be stopped.
    pub cancel_limit_ms: u64,
    /// How long an agent may say nothing, when it does not say itself how long.
    pub silence_timeout_ms: Option<u64>,
    /// How long a run may wait in the queue.
    pub queue_timeout_ms: Option<u64>,
    /// How long a run waits before it may go before more urgent ones.
    pub ageing_ms: u64,
    /// How long an agent has to stop when the server goes down.
    pub stop_grace_ms: u64,
    /// Earlier durations per agent from which the expected time is learned.
    pub history_per_agent: usize,
}

impl Default for RunsSettings {
    fn default() -> Self {
        Self {
            limits: RunLimits::of_all(std::thread::available_parallelism().map_or(1, usize::from)),
            queue_max: 1_000,
            agent_timeout_ms: 5 * 60_000,
            run_timeout_ms: 20 * 60_000,
            cancel_grace_ms: 10_000,
            kill_after_ms: 3_000,
            cancel_limit_ms: 15_000,
            silence_timeout_ms: None,
            queue_timeout_ms: None,
            ageing_ms: 10 * 60_000,
            stop_grace_ms: 3_000,
            history_per_agent: 20,
        }
    }
}

/// A run that somebody wants.
pub struct NewRun {
    /// What to generate.
    pub project: Project,
    /// Params that differ from the project's.
    pub params: Map<String, Value>,
    /// Files that it is given.
    pub inputs: Vec<RunInput>,
    /// Higher goes first.
    pub priority: i32,
    /// How urgent it is.
    pub lane: Lane,
    /// Who wants it.
    pub by: String,
    /// What to do when a run of the project is active.
    pub on_conflict: OnConflict,
    /// The answer to keep for a repeated request.
    pub keep: Option<Keep>,
}

/// What to do with a new run while another one of the project is active.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnConflict {
    /// Refuse it.
    #[default]
    Reject,
    /// Let it wait behind the other one.
    Enqueue,
    /// Cancel the other one.
    Replace,
}

/// An answer that is kept in the same transaction as the run it speaks of.
pub struct Keep {
    /// The idempotency key, with its scope in front.
    pub key: String,
    /// Hash of the request's body.
    pub body_sha256: String,
    /// How long it is kept.
    pub ttl_ms: u64,
    /// HTTP status and JSON body of the answer.
    pub answer: BuildAnswer,
}

/// Makes an HTTP status and a JSON body from what was accepted.
pub type BuildAnswer = Box<dyn FnOnce(&Accepted) -> (u16, String) + Send>;

/// A run was accepted and is durable.
#[derive(Clone, Debug, PartialEq)]
pub struct Accepted {
    /// The run.
    pub run: Run,
    /// How many runs are served before it; 0 when it is next.
    pub position_in_queue: u32,
    /// When it will probably start; none while nothing is known, or the queue is paused.
    pub starts_in: Option<Eta>,
}

/// What a cancel came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CancelAnswer {
    /// State of the run now.
    pub status: RunStatus,
    /// How it had ended before, when there was nothing to cancel.
    pub already: Option<RunStatus>,
}

/// Figures for operators and tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunsSnapshot {
    /// Runs that work.
    pub active: usize,
    /// Runs that wait.
    pub queue_depth: usize,
    /// How long the oldest of them has waited.
    pub oldest_queued_ms: Option<u64>,
    /// Threads of agents, those of ended runs that did not stop included.
    pub agent_threads: usize,
}

/// Why a request about runs was refused.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum RunsError {
    /// There is no such run, project, pipeline or agent.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The request is wrong; each field says how.
    #[error("the request is not valid")]
    Invalid(Vec<FieldError>),
    /// This run of the project is active.
    #[error("run {0} of the project is active")]
    Active(RunId),
    /// The run is not in a state that allows this.
    #[error("the run is {} and {}", .0.as_str(), .1)]
    Refused(RunStatus, &'static str),
    /// Too many runs wait.
    #[error("the queue is full")]
    QueueFull {
        /// When to try again.
        retry_after_s: u64,
    },
    /// This request was answered before, or its key was used for another one.
    #[error("the idempotency key is in use")]
    KeyTaken(Box<KeptAnswer>),
    /// The server is going down.
    #[error("the server is shutting down")]
    Closing,
    /// No answer within the deadline.
    #[error("the orchestrator did not answer in time")]
    Busy,
    /// The store refused or failed.
    #[error(transparent)]
    Engine(EngineError),
}

impl From<EngineError> for RunsError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::RunActive(run) => Self::Active(run),
            EngineError::KeyTaken(answer) => Self::KeyTaken(answer),
            EngineError::NotFound(what) => Self::NotFound(what),
            EngineError::Closed => Self::Closing,
            other => Self::Engine(other),
        }
    }
}
