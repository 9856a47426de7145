//! Projects, runs and their states: which change may follow which.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::control::{GateAnswer, RunControl};
use crate::domain::event::{Evidence, RunError};
use crate::domain::ids::{ProjectId, RunId};
use crate::domain::time::Timestamp;

/// State of a run; PROTOCOL section 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Waits for its turn.
    Queued,
    /// Was admitted; its actor is being built.
    Starting,
    /// Agents work.
    Running,
    /// Waits for a person.
    Waiting,
    /// Will pause at the next safe point.
    Pausing,
    /// Paused by a person.
    Paused,
    /// A cancel was accepted and is being carried out.
    Cancelling,
    /// Terminal: everything was made.
    Completed,
    /// Terminal: some of it was made, and said why not all.
    Partial,
    /// Terminal: it could not be made.
    Failed,
    /// Terminal: somebody cancelled it.
    Cancelled,
    /// Terminal: it ran into a time limit.
    TimedOut,
}

impl RunStatus {
    /// All states.
    pub const ALL: [RunStatus; 12] = [
        RunStatus::Queued,
        RunStatus::Starting,
        RunStatus::Running,
        RunStatus::Waiting,
        RunStatus::Pausing,
        RunStatus::Paused,
        RunStatus::Cancelling,
        RunStatus::Completed,
        RunStatus::Partial,
        RunStatus::Failed,
        RunStatus::Cancelled,
        RunStatus::TimedOut,
    ];

    /// As it is written on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            RunStatus::Queued => "queued",
            RunStatus::Starting => "starting",
            RunStatus::Running => "running",
            RunStatus::Waiting => "waiting",
            RunStatus::Pausing => "pausing",
            RunStatus::Paused => "paused",
            RunStatus::Cancelling => "cancelling",
            RunStatus::Completed => "completed",
            RunStatus::Partial => "partial",
            RunStatus::Failed => "failed",
            RunStatus::Cancelled => "cancelled",
            RunStatus::TimedOut => "timed_out",
        }
    }

    /// The state of that name.
    pub fn parse(text: &str) -> Option<RunStatus> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether nothing can follow.
    pub fn is_terminal(self) -> bool {
        matches!(
            self,
            RunStatus::Completed
                | RunStatus::Partial
                | RunStatus::Failed
                | RunStatus::Cancelled
                | RunStatus::TimedOut
        )
    }

    /// Whether a run may go from this state to `next`. Staying in a state that is not terminal is allowed: that is how
    /// progress is said.
    pub fn may_become(self, next: RunStatus) -> bool {
        use RunStatus::*;
        if self == next {
            return !self.is_terminal();
        }
        match self {
            Queued => matches!(next, Starting | Paused | Cancelled | Failed | TimedOut),
            Starting => matches!(next, Queued | Running | Cancelling | Failed | TimedOut),
            Running => matches!(
                next,
                Queued | Waiting | Pausing | Cancelling | Completed | Partial | Failed | TimedOut
            ),
            Waiting => {
                matches!(next, Queued | Running | Pausing | Cancelling | Cancelled | Failed | TimedOut)
            }
            Pausing => {
                matches!(next, Paused | Running | Cancelling | Completed | Partial | Failed | TimedOut)
            }
            Paused => matches!(next, Queued | Running | Cancelling | Cancelled | Failed),
            // A cancel wins over a success that comes later.
            Cancelling => matches!(next, Cancelled),
            Completed | Partial | Failed | Cancelled | TimedOut => false,
        }
    }
}

/// What happened to an agent; PROTOCOL section 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentStatus {
    /// It began.
    Started,
    /// It goes on.
    Progress,
    /// It is done.
    Completed,
    /// It could not do its work.
    Failed,
    /// It was not needed.
    Skipped,
    /// Its earlier output was taken.
    Reused,
}

impl AgentStatus {
    /// Whether the agent has ended.
    pub fn is_ended(self) -> bool {
        !matches!(self, AgentStatus::Started | AgentStatus::Progress)
    }
}

/// What a maker wants made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Project {
    /// Its id; also names its room.
    pub id: ProjectId,
    /// Its name, for people.
    pub name: String,
    /// What is wanted, in the maker's words.
    pub brief: String,
    /// Which pipeline.
    pub pipeline: String,
    /// Params that differ from the defaults.
    pub params: serde_json::Map<String, serde_json::Value>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When name, brief or params last changed.
    pub updated_at: Timestamp,
}

/// One generation of a project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The project it generates.
    pub project_id: ProjectId,
    /// Which pipeline.
    pub pipeline: String,
    /// The brief as it was when the run was accepted.
    pub brief: String,
    /// The params as they were then, overrides and defaults filled in.
    pub params: serde_json::Map<String, serde_json::Value>,
    /// Higher goes first.
    pub priority: i32,
    /// Its state.
    pub status: RunStatus,
    /// Counts the changes of this record; every change compares and sets it.
    pub version: u64,
    /// 0 to 100.
    pub progress: f64,
    /// For people.
    pub message: String,
    /// Its agents in order.
    pub agents: Vec<RunAgent>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When its first agent began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When a cancel was accepted.
    pub cancel_requested_at: Option<Timestamp>,
    /// Why it failed.
    pub error: Option<RunError>,
    /// What a cancel found and did.
    pub evidence: Option<Evidence>,
    /// How often a crash of the server interrupted it.
    pub crash_attempts: u32,
    /// The boot that works on it; another boot's lease is taken over.
    pub lease: Option<String>,
    /// The run it repeats, for a retry.
    pub retry_of: Option<RunId>,
    /// The definition of its pipeline as it was when the run was accepted, in its stored form; none for a built-in
    /// pipeline that nobody changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<Arc<str>>,
    /// Files that it was given, as they were when it was accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<RunInput>,
    /// What people and the queue say of it.
    #[serde(default)]
    pub control: RunControl,
}

impl RunAgent {
    /// An agent that has not begun.
    pub fn new(agent: impl Into<String>, title: impl Into<String>) -> Self {
        Self {
            agent: agent.into(),
            title: title.into(),
            status: None,
            summary: None,
            started_at: None,
            duration_ms: None,
            output: None,
            failed_tries: 0,
            retry_at: None,
            answer: None,
            early: Vec::new(),
            preview: None,
            usage: None,
            shortfall: None,
        }
    }
}

/// A file that a run was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunInput {
    /// Its name, which no other input of the run has.
    pub name: String,
    /// Of its content, hexadecimal; empty when it could not be had.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
    /// Why its content could not be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl Run {
    /// A run of a project that waits and has nothing to do yet.
    pub fn new(id: RunId, project_id: ProjectId, pipeline: String, now: Timestamp) -> Self {
        Self {
            id,
            project_id,
            pipeline,
            brief: String::new(),
            params: serde_json::Map::new(),
            priority: 0,
            status: RunStatus::Queued,
            version: 0,
            progress: 0.0,
            message: "Queued".to_owned(),
            agents: Vec::new(),
            created_at: now,
            started_at: None,
            ended_at: None,
            cancel_requested_at: None,
            error: None,
            evidence: None,
            crash_attempts: 0,
            lease: None,
            retry_of: None,
            definition: None,
            inputs: Vec::new(),
            control: RunControl::default(),
        }
    }

    /// What the models of all its agents have used; none when none was asked.
    pub fn usage(&self) -> Option<TokenUsage> {
        self.agents.iter().filter_map(|agent| agent.usage).reduce(TokenUsage::and)
    }

    /// From its start until `now`, without the time it was paused or waited for a person.
    pub fn worked_ms(&self, now: Timestamp) -> u64 {
        self.started_at.map_or(0, |started| now.since(started).saturating_sub(self.control.halted_until(now)))
    }
}

/// An agent of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunAgent {
    /// Its name.
    pub agent: String,
    /// Its name for people.
    pub title: String,
    /// What happened to it; none before it began.
    pub status: Option<AgentStatus>,
    /// One sentence about its output.
    pub summary: Option<String>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// How long it took.
    pub duration_ms: Option<u64>,
    /// Files it made, once it ended well.
    pub output: Option<AgentManifest>,
    /// How often it was tried in vain.
    #[serde(default)]
    pub failed_tries: u32,
    /// Not before this time it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
    /// What a person said of its output.
    #[serde(default)]
    pub answer: Option<GateAnswer>,
    /// Files that it shows while it works; those of its output take their place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub early: Vec<ManifestFile>,
    /// The newest picture of what it is making; of an agent that came to no end the last one, as long as the run has files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<ManifestFile>,
    /// What models have used for it, tries in vain included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<TokenUsage>,
    /// What it could not do of its work, though it did the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shortfall: Option<String>,
}

/// Tokens that models used, and what they cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenUsage {
    /// Of what was asked.
    pub prompt_tokens: u64,
    /// Of what was answered.
    pub completion_tokens: u64,
    /// In the unit of the prices; none where no price was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
}

impl TokenUsage {
    /// All tokens.
    pub fn total_tokens(self) -> u64 {
        self.prompt_tokens.saturating_add(self.completion_tokens)
    }

    /// This and more.
    #[must_use]
    pub fn and(self, more: Self) -> Self {
        Self {
            prompt_tokens: self.prompt_tokens.saturating_add(more.prompt_tokens),
            completion_tokens: self.completion_tokens.saturating_add(more.completion_tokens),
            cost: match (self.cost, more.cost) {
                (Some(one), Some(other)) => Some(one + other),
                (one, other) => one.or(other),
            },
        }
    }
}

/// The files an agent made, by content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentManifest {
    /// Hash of everything that decides the output: inputs, params, executor and its version.
    pub key: String,
    /// The files.
    pub files: Vec<ManifestFile>,
}

/// One file of a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    /// Relative path within the project.
    pub path: String,
    /// Of its content, hexadecimal.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_states_are_final() {
        for from in RunStatus::ALL.into_iter().filter(|status| status.is_terminal()) {
            for to in RunStatus::ALL {
                assert!(!from.may_become(to), "{from:?} -> {to:?}");
            }
        }
    }

    #[test]
    fn every_state_that_is_not_terminal_can_be_cancelled() {
        for from in RunStatus::ALL.into_iter().filter(|status| !status.is_terminal()) {
            assert!(
                from.may_become(RunStatus::Cancelling) || from.may_become(RunStatus::Cancelled),
                "{from:?}"
            );
        }
    }

    #[test]
    fn what_models_used_adds_up() {
        let used =
            |prompt_tokens, completion_tokens, cost| TokenUsage { prompt_tokens, completion_tokens, cost };
        let sum = used(1, 2, None).and(used(3, 4, Some(0.5))).and(used(0, 1, Some(0.25)));
        assert_eq!((sum, sum.total_tokens()), (used(4, 7, Some(0.75)), 11));
        assert_eq!(used(1, 2, None).and(used(1, 2, None)).cost, None);
    }

    #[test]
    fn names_are_those_of_the_wire() {
        for status in RunStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
            assert_eq!(RunStatus::parse(status.as_str()), Some(status));
        }
    }
}
