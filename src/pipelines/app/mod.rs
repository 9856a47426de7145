//! The `app` pipeline: twelve agents turn a brief into a working, dependency-free web app.
//!
//! ```text
//! intake -> requirements -> domain-model       what is meant (grammar/)
//!     -> architect -> contract -> data         how it is built
//!     -> core-logic -> design -> interface     the app
//!     -> tests -> verifier -> packager         whether it works, and the archive
//! ```
//!
//! `spec` has the shapes they hand to each other.

pub mod architect;
pub mod bundle;
pub mod contract;
pub mod core_logic;
pub mod data;
pub mod design;
pub mod domain_model;
pub mod features;
#[cfg(test)]
mod fixtures;
pub mod grammar;
pub mod intake;
pub mod interface;
pub mod javascript;
pub mod model;
pub mod packager;
pub mod requirements;
pub mod samples;
pub mod spec;
pub mod templates;
pub mod test_writer;
pub mod verifier;

use crate::pipelines::policy::AgentPolicy;
use crate::pipelines::setup::AgentSetup;
use crate::pipelines::{Agent, Pipeline};

/// The pipeline. Weights are milliseconds of the sample brief in a release build, before anything was measured.
pub const PIPELINE: Pipeline =
    Pipeline { name: "app", agents: AGENTS, parallel: 1, check_brief: intake::check_brief };

static AGENTS: &[Agent] = &[
    Agent {
        name: "intake",
        title: "Intake",
        weight: 1.0,
        version: 1,
        run: intake::run,
        policy: AgentPolicy::DEFAULT,
        setup: AgentSetup::BUILTIN,
    },
    Agent {
        name: "requirements",
        title: "Requirements",
        weight: 1.0,
        version: 1,
        run: requirements::run,
        policy: AgentPolicy::DEFAULT,
        setup: AgentSetup::BUILTIN,
    },
    Agent {
        name: "domain-model",
        title: "Domain model",
        weight: 1.0,
        version: 1,
        run: domain_model::run,
        policy: AgentPolicy::DEFAULT,
        setup: AgentSetup::BUILTIN,
    },
    Agent {
        name: "architect",
        title: "Architect",
        weight: 1.0,
        version: 1,
        run: architect::run,
        policy: AgentPolicy::DEFAULT,
        setup: AgentSetup::BUILTIN,
    },
    Agent {
        name: "contract",
        title: "Contract",
        weight: 1.0,
        version: 1,
        run: contract::run,
        policy: AgentPolicy::DEFAULT,
        setup: AgentSetup::BUILTIN,
    },
    Agent {
        name: "data",
        title: "Data",
        weight: 2.0,
        version: 1,
        run: data::run,
        policy: AgentPolicy::DEFAULT,
        setup: AgentSetup::BUILTIN,
    },
    Agent {
        name: "core-logic",
        title: "Core logic",
        weight: 15.0,
        version: 1,
        run: core_logic::run,
        policy: AgentPolicy::DEFAULT,
        setup: AgentSetup::BUILTIN,
    },
    Agent {
        name: "design",
        title: "Design",
        weight: 2.0,
        version: 1,
        run: design::run,
        policy: AgentPolicy::DEFAULT,
        setup: AgentSetup::BUILTIN,
    },
    Agent {
        name: "interface",
        title: "Interface",
        weight: 15.0,
        version: 1,
        run: interface::run,
        policy: AgentPolicy::DEFAULT,
        setup: AgentSetup::BUILTIN,
    },
    Agent {
        name: "tests",
        title: "Tests",
        weight: 5.0,
        version: 1,
        run: test_writer::run,
        policy: AgentPolicy::DEFAULT,
        setup: AgentSetup::BUILTIN,
    },
    Agent {
        name: "verifier",
        title: "Verifier",
        weight: 600.0,
        version: 1,
        run: verifier::run,
        policy: AgentPolicy::DEFAULT,
        setup: AgentSetup::BUILTIN,
    },
    Agent {
        name: "packager",
        title: "Packager",
        weight: 5.0,
        version: 1,
        run: packager::run,
        policy: AgentPolicy::DEFAULT,
        setup: AgentSetup::BUILTIN,
    },
];
