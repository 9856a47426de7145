//! Agents that are part of this program.

use crate::pipelines::{Agent, AgentError, AgentInputs, AgentOutput};
use crate::runs::executors::{Executor, ExecutorHost};

/// Calls the function of the agent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Builtin;

impl Executor for Builtin {
    fn name(&self) -> &'static str {
        "builtin"
    }

    fn execute(
        &self,
        agent: &Agent,
        inputs: &AgentInputs,
        host: &dyn ExecutorHost,
    ) -> Result<AgentOutput, AgentError> {
        (agent.run)(inputs, host)
    }
}
