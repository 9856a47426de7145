//! The `caption` pipeline: four agents turn images into facts and facts into alternative texts.
//!
//! ```text
//! decoder -> facts      what can be decoded, and what is measured of it
//!     -> writer         a text of each image from its facts alone, each part with the fact it stands on
//!     -> inspector      every text held against facts and limits, whoever wrote it; results as JSON and CSV
//! ```
//!
//! One image that cannot be used costs that image, and the run ends as `partial`. People look over the texts after the
//! run; what they say is no part of it.

mod borne_out;
pub mod decoder;
pub mod facts;
pub mod inspector;
pub mod model;
pub mod words;
pub mod writer;

#[cfg(test)]
mod tests;

use crate::pipelines::policy::{AgentLimits, AgentPolicy, RetryPolicy};
use crate::pipelines::setup::AgentSetup;
use crate::pipelines::{Agent, AgentError, AgentHost, AgentInputs, AgentOutput, Pipeline};

/// The pipeline.
pub const PIPELINE: Pipeline =
    Pipeline { name: "caption", agents: AGENTS, parallel: 1, check_brief: |_| Ok(()) };

/// Raised whenever the same images may give other facts or texts.
const VERSION: u32 = 2;

/// Both agents that look at pixels speak of every image. Several hundred large ones take longer than an agent usually may.
const LOOKING: AgentLimits = AgentLimits { timeout_ms: Some(600_000), silence_timeout_ms: Some(120_000) };

/// What an agent takes in proportion to the others is learnt from runs; weights are what is assumed before the first.
static AGENTS: &[Agent] = &[
    agent("decoder", "Decoder", 6_000.0, decoder::run, LOOKING),
    agent("facts", "Facts", 14_000.0, facts::run, LOOKING),
    agent("writer", "Alt texts", 20.0, writer::run, AgentPolicy::DEFAULT.limits),
    agent("inspector", "Inspector", 10.0, inspector::run, AgentPolicy::DEFAULT.limits),
];

const fn agent(
    name: &'static str,
    title: &'static str,
    weight: f64,
    run: fn(&AgentInputs, &dyn AgentHost) -> Result<AgentOutput, AgentError>,
    limits: AgentLimits,
) -> Agent {
    let policy = AgentPolicy {
        retry: RetryPolicy::DEFAULT,
        limits,
        gate: None,
        resources: std::borrow::Cow::Borrowed(&[]),
    };
    Agent { name, title, weight, version: VERSION, run, policy, setup: AgentSetup::BUILTIN }
}

/// What was asked of the texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// In which language.
    pub(crate) language: words::Language,
    /// Characters at most.
    pub(crate) max_length: usize,
}

impl Wanted {
    /// Of the params of a run.
    pub(crate) fn of(inputs: &AgentInputs) -> Self {
        let language = match inputs.params.get("language").and_then(serde_json::Value::as_str) {
            Some("de") => words::Language::German,
            _ => words::Language::English,
        };
        let length = inputs.params.get("max_length").and_then(serde_json::Value::as_u64).unwrap_or(125);
        Self { language, max_length: usize::try_from(length).unwrap_or(125) }
    }
}
