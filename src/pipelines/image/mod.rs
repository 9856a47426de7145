//! The `image` pipeline: seven agents turn a prompt into a picture, step by step.
//!
//! ```text
//! prompt-reader -> composer -> palette      words to a scene and its light
//!     -> renderer                           light, in steps that are each a whole picture
//!     -> finisher -> inspector -> packager  the picture, what is in it, how to make it again
//! ```

pub mod arrange;
pub mod compose;
pub mod finish;
pub mod finisher;
#[cfg(test)]
mod fixtures;
pub mod hdr;
pub mod inspector;
pub mod materials;
pub mod models;
pub mod packager;
pub mod palette;
pub mod params;
pub mod preview;
pub mod reader;
pub mod recipe;
pub mod render;
pub mod renderer;
pub mod scene;
pub mod vocabulary;

use std::borrow::Cow;

use crate::pipelines::policy::AgentPolicy;
use crate::pipelines::setup::AgentSetup;
use crate::pipelines::{Agent, AgentError, AgentHost, AgentInputs, AgentOutput, Pipeline};

/// The pipeline.
pub const PIPELINE: Pipeline =
    Pipeline { name: "image", agents: AGENTS, parallel: 1, check_brief: reader::check_prompt };

/// Weights are milliseconds of a usual prompt in a release build, before anything was measured.
static AGENTS: &[Agent] = &[
    agent("prompt-reader", "Prompt reader", 1.0, reader::run, AgentPolicy::DEFAULT),
    agent("composer", "Composer", 1.0, compose::run, AgentPolicy::DEFAULT),
    agent("palette", "Palette and light", 1.0, palette::run, AgentPolicy::DEFAULT),
    agent("renderer", "Renderer", 12_000.0, renderer::run, BUSY),
    agent("finisher", "Finisher", 1_500.0, finisher::run, BUSY),
    agent("inspector", "Inspector", 300.0, inspector::run, BUSY),
    agent("packager", "Packager", 5.0, packager::run, AgentPolicy::DEFAULT),
];

/// For what computes for long on every core: it works at low priority.
const BUSY: AgentPolicy = AgentPolicy { resources: Cow::Borrowed(CPU), ..AgentPolicy::DEFAULT };
const CPU: &[Cow<'static, str>] = &[Cow::Borrowed("cpu")];

const fn agent(
    name: &'static str,
    title: &'static str,
    weight: f64,
    run: fn(&AgentInputs, &dyn AgentHost) -> Result<AgentOutput, AgentError>,
    policy: AgentPolicy,
) -> Agent {
    Agent { name, title, weight, version: params::VERSION, run, policy, setup: AgentSetup::BUILTIN }
}
