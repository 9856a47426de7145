//! What built-in agents compute. Pure: inputs and a seed in, files out; no actor, no clock, no file system.
//!
//! An agent reads the brief, the params and the files that earlier agents wrote, and returns files. That is the only
//! way agents hand things to each other, so any agent can be replaced by a program or a model, and a run can go on at
//! any agent after a crash.

pub mod app;
pub mod caption;
pub mod defined;
pub mod describe;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod glob;
mod graph;
pub mod image;
pub mod modelled;
pub mod photo;
pub mod policy;
pub mod prompt;
pub mod schema;
pub mod setup;
pub mod when;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::domain::event::LogLevel;
use crate::domain::run::RunInput;
use crate::domain::script::{ScriptJob, ScriptOutcome};
use crate::pipelines::policy::{AgentPolicy, FailureClass};
use crate::pipelines::setup::AgentSetup;

/// Agents of one run that may work at once when nothing is said.
pub const PARALLEL: usize = 4;

/// The agents of one kind of job, in the order in which they are shown; each works after those it needs.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// The name a project gives in `pipeline`.
    pub name: &'static str,
    /// The agents in order.
    pub agents: &'static [Agent],
    /// Agents of one run that may work at once, when each has what it needs.
    pub parallel: usize,
    /// Checks a brief before a run is accepted; what it answers is shown to the caller as the reason.
    pub check_brief: fn(&str) -> Result<(), String>,
}

/// One built-in agent.
#[derive(Clone, Debug)]
pub struct Agent {
    /// Its name on the wire, like `domain-model`.
    pub name: &'static str,
    /// Its name on a page, like `Domain model`.
    pub title: &'static str,
    /// Its share of the work of the pipeline before anything was measured; any unit, only the ratio counts.
    pub weight: f64,
    /// Raised whenever the same inputs may give other outputs, so that old outputs are not reused.
    pub version: u32,
    /// What it computes.
    pub run: fn(&AgentInputs, &dyn AgentHost) -> Result<AgentOutput, AgentError>,
    /// How the house treats it: retries, limits, gate, what it occupies.
    pub policy: AgentPolicy,
    /// Who carries it out and when.
    pub setup: AgentSetup,
}

/// What an agent may read.
#[derive(Clone, Debug, Default)]
pub struct AgentInputs {
    /// The words of the maker.
    pub brief: String,
    /// Params of the pipeline, defaults filled in.
    pub params: serde_json::Map<String, serde_json::Value>,
    /// Every file that earlier agents of the run wrote; of two with the same path, the later.
    pub files: FileSet,
    /// Files that the run was given; [`AgentHost::input`] reads one.
    pub inputs: Vec<RunInput>,
}

impl AgentInputs {
    /// The `seed` of the params, 0 when absent.
    pub fn seed(&self) -> u64 {
        self.params.get("seed").and_then(serde_json::Value::as_u64).unwrap_or(0)
    }
}

/// What an agent may ask of the house while it works.
pub trait AgentHost {
    /// Writes one line to the log of the run.
    fn log(&self, level: LogLevel, text: &str);
    /// Says how far the agent is, from 0 to 100, and what it is doing.
    fn progress(&self, percent: f64, message: &str);
    /// An error once the run is to be cancelled. Call it at least every 50 ms of work.
    fn check(&self) -> Result<(), AgentError>;
    /// Shows a picture of what is being made; the newest one takes the place of those before.
    fn preview(&self, _file: &OutputFile, _step: u64, _of: u64) {}
    /// A place from which the agent can go on: `state` answers all that is needed for it. The house keeps that from time to
    /// time, and always when the run is to rest.
    ///
    /// # Errors
    /// [`AgentError::Resting`] when the run is to rest: the state is kept, and the agent ends with this error.
    fn safe_point(&self, _state: &dyn Fn() -> Vec<u8>) -> Result<(), AgentError> {
        Ok(())
    }
    /// What was kept at the last safe point of this very work: same agent, same inputs. It may be older than the last one
    /// that was offered.
    fn kept(&self) -> Option<Vec<u8>> {
        None
    }
    /// Reads a file that the run was given.
    ///
    /// # Errors
    /// When it is not there any more.
    fn input(&self, input: &RunInput) -> Result<Vec<u8>, AgentError> {
        Err(AgentError::failed(format!("the file {} cannot be had here", input.name)))
    }
    /// Stores a file of the agent now and shows it: it is part of the output, and need not be kept in memory until the end.
    ///
    /// # Errors
    /// When its path is not allowed or it cannot be stored.
    fn write(&self, file: OutputFile) -> Result<(), AgentError> {
        Err(AgentError::failed(format!("the file {} cannot be written here", file.path)))
    }
    /// Says something in the room of the run, as an event of that name.
    fn tell(&self, _name: &'static str, _data: serde_json::Value) {}
    /// Some of the work cannot be done, and the rest is: the run ends as `partial` and says this. The newest word counts.
    fn fell_short(&self, _what: &str) {}
    /// Runs JavaScript in a child process without files or network. One outcome per step; `on_step` hears each as it is
    /// done.
    fn run_scripts(
        &self,
        job: &ScriptJob,
        on_step: &mut dyn FnMut(usize, &ScriptOutcome),
    ) -> Result<Vec<ScriptOutcome>, AgentError>;
}

/// What an agent made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentOutput {
    /// Files in the order in which they are to be announced.
    pub files: Vec<OutputFile>,
    /// One sentence for the log and the page, like `3 entities, 14 fields, 2 relations`.
    pub summary: String,
}

/// One file of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputFile {
    /// Relative path with `/`, no `..`, no leading `/`.
    pub path: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl OutputFile {
    /// A text file.
    pub fn text(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), bytes: text.into().into_bytes() }
    }
}

/// Why an agent gave no output.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum AgentError {
    /// The run is to be cancelled; the agent stopped on being told.
    #[error("cancelled")]
    Cancelled,
    /// The run is to rest, and the agent has stopped at a safe point.
    #[error("resting")]
    Resting,
    /// The agent cannot do its work.
    #[error("{message}{}", at(file, line))]
    Failed {
        /// What went wrong.
        message: String,
        /// The file it concerns: one the agent made, or the template it made it from.
        file: Option<String>,
        /// The line in that file, from 1.
        line: Option<u32>,
    },
    /// Something the agent needs did not work this time; whether it is tried again is up to its policy.
    #[error("{message}")]
    Passing {
        /// What kind of failure.
        class: FailureClass,
        /// What went wrong.
        message: String,
    },
}

fn at(file: &Option<String>, line: &Option<u32>) -> String {
    match (file, line) {
        (Some(file), Some(line)) => format!(" ({file}:{line})"),
        (Some(file), None) => format!(" ({file})"),
        _ => String::new(),
    }
}

impl AgentError {
    /// A failure that concerns no file.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed { message: message.into(), file: None, line: None }
    }

    /// A failure that may be over soon.
    pub fn passing(class: FailureClass, message: impl Into<String>) -> Self {
        Self::Passing { class, message: message.into() }
    }

    /// What kind of failure it was.
    pub fn class(&self) -> FailureClass {
        match self {
            Self::Passing { class, .. } => *class,
            Self::Cancelled | Self::Resting | Self::Failed { .. } => FailureClass::Permanent,
        }
    }
}

/// Files by path, cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct FileSet(BTreeMap<String, Arc<[u8]>>);

impl FileSet {
    /// Adds or replaces a file.
    pub fn insert(&mut self, path: impl Into<String>, bytes: impl Into<Arc<[u8]>>) {
        self.0.insert(path.into(), bytes.into());
    }

    /// The content of a file.
    pub fn get(&self, path: &str) -> Option<&Arc<[u8]>> {
        self.0.get(path)
    }

    /// All files, by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Arc<[u8]>)> {
        self.0.iter().map(|(path, bytes)| (path.as_str(), bytes))
    }

    /// The text of a file that an earlier agent must have written.
    ///
    /// # Errors
    /// When it is missing or is not UTF-8.
    pub fn text(&self, path: &str) -> Result<&str, AgentError> {
        let failed = |message: &str| AgentError::Failed {
            message: message.to_owned(),
            file: Some(path.to_owned()),
            line: None,
        };
        let bytes = self.get(path).ok_or_else(|| failed("an earlier agent did not write this file"))?;
        std::str::from_utf8(bytes).map_err(|_| failed("this file is not UTF-8"))
    }

    /// The JSON of a file that an earlier agent must have written.
    ///
    /// # Errors
    /// When it is missing or does not have the shape of `T`.
    pub fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, AgentError> {
        serde_json::from_str(self.text(path)?).map_err(|error| AgentError::Failed {
            message: format!("this file does not have the expected shape: {error}"),
            file: Some(path.to_owned()),
            line: u32::try_from(error.line()).ok(),
        })
    }
}

/// Every built-in pipeline.
pub fn all() -> &'static [Pipeline] {
    ALL
}

static ALL: &[Pipeline] = &[app::PIPELINE, image::PIPELINE, caption::PIPELINE, photo::PIPELINE];

/// The built-in pipeline of that name.
pub fn find(name: &str) -> Option<&'static Pipeline> {
    all().iter().find(|pipeline| pipeline.name == name)
}
