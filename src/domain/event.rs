//! What happens in a room.
//!
//! An event has one JSON form, used in the log, on the wire and in the vectors that the Rust and the browser fold share.
//! The bytes that are stored are the bytes that are sent: nothing is encoded a second time on the way to a socket.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::ids::RunId;
use crate::domain::photo;
use crate::domain::run::{AgentStatus, RunStatus};
use crate::domain::time::Timestamp;

/// What an event says; PROTOCOL section 3, the logged messages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EventBody {
    /// The run changed state, or went on.
    StatusUpdate(StatusUpdate),
    /// An agent started, went on or ended.
    AgentUpdate(AgentUpdate),
    /// Lines of the run's log.
    Log(LogLines),
    /// A file is there.
    Artifact(Artifact),
    /// The run ended.
    Completion(Completion),
    /// Something an application says for itself.
    Event(Custom),
}

impl EventBody {
    /// Whether it is heard beyond its room: it then has a place in the order of the whole house as well. What makes up the
    /// bulk of a log has none.
    pub fn reach(&self) -> Reach {
        match self {
            EventBody::StatusUpdate(_) => Reach::Standing,
            EventBody::AgentUpdate(_) | EventBody::Completion(_) => Reach::House,
            EventBody::Event(custom) if photo::is_told(&custom.name) => Reach::House,
            EventBody::Log(_) | EventBody::Artifact(_) | EventBody::Event(_) => Reach::Room,
        }
    }
}

/// How far an event is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// In its room alone.
    Room,
    /// In the whole house.
    House,
    /// In the whole house, and it says how its run stands.
    Standing,
}

/// The run changed state, or went on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusUpdate {
    /// The state of the run.
    pub status: RunStatus,
    /// 0 to 100; never falls within a run, 100 only when completed.
    pub progress: f64,
    /// For people.
    pub message: String,
    /// How long it is expected to take from here.
    pub eta: Option<Eta>,
}

/// An expected duration as a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Eta {
    /// Probably not sooner.
    pub low_ms: u64,
    /// Probably not later.
    pub high_ms: u64,
}

/// An agent started, went on or ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentUpdate {
    /// Its name.
    pub agent: String,
    /// Its name for people.
    pub title: String,
    /// Its place, from 1.
    pub index: u32,
    /// How many agents the run has.
    pub total: u32,
    /// What happened to it.
    pub status: AgentStatus,
    /// For people.
    pub message: String,
    /// 0 to 100.
    pub progress: f64,
    /// How long it took, once it ended.
    pub duration_ms: Option<u64>,
}

/// Lines of the run's log, all of one level and one agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogLines {
    /// Their level.
    pub level: LogLevel,
    /// Who wrote them; none for the house itself.
    pub agent: Option<String>,
    /// The lines.
    pub lines: Vec<LogLine>,
    /// Lines before these that are not in this event but can be fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<LineRange>,
}

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// For whoever mends the agent.
    Debug,
    /// What is going on.
    Info,
    /// Something to look at.
    Warning,
    /// Something failed.
    Error,
}

/// One line of a run's log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogLine {
    /// Its number within the run, from 1.
    pub n: u64,
    /// When it was written.
    pub at: Timestamp,
    /// Its text, without a line end.
    pub text: Arc<str>,
}

/// Line numbers, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineRange {
    /// First.
    pub from: u64,
    /// Last.
    pub to: u64,
}

/// A file is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Artifact {
    /// Relative path within the project.
    pub path: String,
    /// Its media type.
    pub media_type: String,
    /// Bytes.
    pub size: u64,
    /// Of its content, hexadecimal.
    pub sha256: String,
    /// Where to fetch it.
    pub url: String,
    /// Who made it.
    pub agent: Option<String>,
}

/// The run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Completion {
    /// A terminal state.
    pub status: RunStatus,
    /// Whether it is `completed`.
    pub success: bool,
    /// For people.
    pub message: String,
    /// From the start of the run to its end.
    pub duration_ms: u64,
    /// How many files it made.
    pub artifacts: u64,
    /// The archive, when there is one.
    pub download_url: Option<String>,
    /// Why it failed.
    pub error: Option<RunError>,
    /// What a cancel found and did.
    pub evidence: Option<Evidence>,
}

/// Why a run failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunError {
    /// Which agent; none when it was none of them.
    pub agent: Option<String>,
    /// What went wrong.
    pub message: String,
    /// The file it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in that file, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// What a cancel found and did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Child processes that ended.
    pub processes_ended: u32,
    /// Child processes that could not be ended.
    pub processes_left: u32,
    /// From the command to the terminal state.
    pub took_ms: u64,
}

/// Something an application says for itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Custom {
    /// Its name.
    pub name: String,
    /// Whatever it is, as JSON, up to 64 KiB.
    pub data: serde_json::Value,
}

/// An event on its way to the log: it has no number yet.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    /// The run it belongs to.
    pub run_id: Option<RunId>,
    /// What it says.
    pub body: EventBody,
}

/// An event of a room's log.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedEvent {
    /// Its number in the room, from 1 without holes.
    pub seq: u64,
    /// When the log took it.
    pub at: Timestamp,
    /// The run it belongs to.
    pub run_id: Option<RunId>,
    /// The JSON object of its [`EventBody`], as stored.
    pub body_json: Arc<str>,
}

impl LoggedEvent {
    /// Reads the body.
    ///
    /// # Errors
    /// When the stored form is not one this version knows.
    pub fn body(&self) -> Result<EventBody, serde_json::Error> {
        serde_json::from_str(&self.body_json)
    }
}
