//! The `image` pipeline: seven agents turn a prompt into a picture, step by step.
//!
//! ```text
//! prompt-reader -> composer -> palette      words to a scene and its light
//!     -> renderer                           light, in steps that are each a whole picture
//!     -> finisher -> inspector -> packager  the picture, what is in it, how to make it again
//! ```

pub mod compose;
pub mod finish;
pub mod finisher;
#[cfg(test)]
mod fixtures;
pub mod hdr;
pub mod inspector;
pub mod models;
pub mod packager;
pub mod palette;
pub mod params;
pub mod reader;
pub mod recipe;
pub mod render;
pub mod renderer;
pub mod scene;
pub mod vocabulary;

use crate::pipelines::policy::AgentPolicy;
use crate::pipelines::setup::AgentSetup;
use crate::pipelines::{Agent, AgentError, AgentHost, AgentInputs, AgentOutput, Pipeline};

/// The pipeline.
pub const PIPELINE: Pipeline = Pipeline { name: "image", agents: AGENTS, check_brief: reader::check_prompt };

/// Weights are milliseconds of a usual prompt in a release build, before anything was measured.
static AGENTS: &[Agent] = &[
    agent("prompt-reader", "Prompt reader", 1.0, reader::run),
    agent("composer", "Composer", 1.0, compose::run),
    agent("palette", "Palette and light", 1.0, palette::run),
    agent("renderer", "Renderer", 12_000.0, renderer::run),
    agent("finisher", "Finisher", 1_500.0, finisher::run),
    agent("inspector", "Inspector", 300.0, inspector::run),
    agent("packager", "Packager", 5.0, packager::run),
];

const fn agent(
    name: &'static str,
    title: &'static str,
    weight: f64,
    run: fn(&AgentInputs, &dyn AgentHost) -> Result<AgentOutput, AgentError>,
) -> Agent {
    Agent {
        name,
        title,
        weight,
        version: params::VERSION,
        run,
        policy: AgentPolicy::DEFAULT,
        setup: AgentSetup::BUILTIN,
    }
}
