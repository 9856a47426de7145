//! The `photo` pipeline: six agents turn files into developed photos.
//!
//! ```text
//! importer -> analyst     what was given, what of it are photos, what is measured of each, a small copy
//!     -> selector         bursts, and the best of each with the reason
//!     -> developer        a recipe for each photo, and how it looks with it
//!     -> approval         only when it was asked for: a person says which recipes hold, or changes them
//!     -> exporter         negatives developed in full, files as they were asked for, results as JSON and CSV
//! ```
//!
//! A file that is no photo costs that file: its reason stands in the results, and the run ends as `partial`.

pub mod analyst;
pub mod approval;
mod crew;
pub mod developer;
pub mod exporter;
pub mod importer;
pub mod results;
pub mod selector;
pub mod wanted;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::pipelines::policy::{AgentPolicy, Gate};
use crate::pipelines::setup::AgentSetup;
use crate::pipelines::{Agent, AgentError, AgentHost, AgentInputs, AgentOutput, Pipeline};

/// The pipeline.
pub const PIPELINE: Pipeline =
    Pipeline { name: "photo", agents: AGENTS, parallel: 1, check_brief: |_| Ok(()) };

/// Raised whenever the same photos may give other files.
const VERSION: u32 = 1;

/// Weights are milliseconds of fifty photos of 24 megapixels in a release build on two cores.
static AGENTS: &[Agent] = &[
    agent("importer", "Import", 1_500.0, importer::run, AgentPolicy::DEFAULT, AgentSetup::BUILTIN),
    agent("analyst", "Analysis", 6_500.0, analyst::run, BUSY, AgentSetup::BUILTIN),
    agent("selector", "Selection", 10.0, selector::run, AgentPolicy::DEFAULT, AgentSetup::BUILTIN),
    agent("developer", "Development", 2_500.0, developer::run, BUSY, AgentSetup::BUILTIN),
    agent("approval", "Approval", 10.0, approval::run, ASKING, WHEN_ASKED_FOR),
    agent("exporter", "Export", 8_000.0, exporter::run, BUSY, AgentSetup::BUILTIN),
];

/// For what computes for long on every core: it works at low priority.
const BUSY: AgentPolicy = AgentPolicy { resources: Cow::Borrowed(CPU), ..AgentPolicy::DEFAULT };
const CPU: &[Cow<'static, str>] = &[Cow::Borrowed("cpu")];
/// A person looks at the recipes.
const ASKING: AgentPolicy = AgentPolicy {
    gate: Some(Gate { question: Cow::Borrowed(approval::QUESTION), timeout_ms: None }),
    ..AgentPolicy::DEFAULT
};

const WHEN_ASKED_FOR: AgentSetup =
    AgentSetup { when: Some("params.approval == 'ask'"), ..AgentSetup::BUILTIN };

const fn agent(
    name: &'static str,
    title: &'static str,
    weight: f64,
    run: fn(&AgentInputs, &dyn AgentHost) -> Result<AgentOutput, AgentError>,
    policy: AgentPolicy,
    setup: AgentSetup,
) -> Agent {
    Agent { name, title, weight, version: VERSION, run, policy, setup }
}
