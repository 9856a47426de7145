//! A small pipeline and a run of it, for the tests of the parts.

use uuid::Uuid;

use crate::domain::ids::{ProjectId, RunId};
use crate::domain::run::Run;
use crate::domain::time::Timestamp;
use crate::pipelines::policy::AgentPolicy;
use crate::pipelines::setup::AgentSetup;
use crate::pipelines::{Agent, AgentHost, AgentInputs, AgentOutput, Pipeline};
use crate::runs::plan::agents_of;

const fn agent(name: &'static str, version: u32) -> Agent {
    agent_with(name, version, AgentSetup::BUILTIN)
}

const fn agent_with(name: &'static str, version: u32, setup: AgentSetup) -> Agent {
    fn nothing(_: &AgentInputs, _: &dyn AgentHost) -> Result<AgentOutput, crate::pipelines::AgentError> {
        Ok(AgentOutput::default())
    }
    Agent { name, title: name, weight: 1.0, version, run: nothing, policy: AgentPolicy::DEFAULT, setup }
}

/// Three agents.
pub(crate) static PIPELINE: Pipeline = Pipeline {
    name: "three",
    agents: &[agent("first", 1), agent("second", 1), agent("third", 1)],
    parallel: 4,
    check_brief: |_| Ok(()),
};

/// The same with a newer first agent.
pub(crate) static PIPELINE_RAISED: Pipeline = Pipeline {
    name: "three",
    agents: &[agent("first", 2), agent("second", 1), agent("third", 1)],
    parallel: 4,
    check_brief: |_| Ok(()),
};

const fn needing(name: &'static str, needs: &'static [usize]) -> Agent {
    agent_with(name, 1, AgentSetup { needs: Some(needs), ..AgentSetup::BUILTIN })
}

/// Two agents that build on the first and one that builds on both, and one that needs nothing.
pub(crate) static DIAMOND: Pipeline = Pipeline {
    name: "diamond",
    agents: &[
        needing("top", &[]),
        needing("left", &[0]),
        needing("right", &[0]),
        needing("bottom", &[0, 1, 2]),
        needing("alone", &[]),
    ],
    parallel: 4,
    check_brief: |_| Ok(()),
};

/// A run of a pipeline that waits.
pub(crate) fn run_of(pipeline: &Pipeline) -> Run {
    Run { pipeline: pipeline.name.to_owned(), agents: agents_of(pipeline), ..run() }
}

/// A run that waits.
pub(crate) fn run() -> Run {
    Run {
        brief: "a brief".to_owned(),
        agents: agents_of(&PIPELINE),
        ..Run::new(
            RunId(Uuid::from_u128(1)),
            ProjectId(Uuid::from_u128(2)),
            PIPELINE.name.to_owned(),
            Timestamp(0),
        )
    }
}
