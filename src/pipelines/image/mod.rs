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

use crate::pipelines::{Agent, Pipeline};

/// The pipeline. Weights are milliseconds of a usual prompt in a release build, before anything was measured.
pub const PIPELINE: Pipeline = Pipeline { name: "image", agents: AGENTS, check_brief: reader::check_prompt };

static AGENTS: &[Agent] = &[
    Agent { name: "prompt-reader", title: "Prompt reader", weight: 1.0, version: 1, run: reader::run },
    Agent { name: "composer", title: "Composer", weight: 1.0, version: 1, run: compose::run },
    Agent { name: "palette", title: "Palette and light", weight: 1.0, version: 1, run: palette::run },
    Agent { name: "renderer", title: "Renderer", weight: 12_000.0, version: 1, run: renderer::run },
    Agent { name: "finisher", title: "Finisher", weight: 1_500.0, version: 1, run: finisher::run },
    Agent { name: "inspector", title: "Inspector", weight: 300.0, version: 1, run: inspector::run },
    Agent { name: "packager", title: "Packager", weight: 5.0, version: 1, run: packager::run },
];
