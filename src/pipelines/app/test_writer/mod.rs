//! Agent 10, `tests`.
use crate::pipelines::{AgentError, AgentHost, AgentInputs, AgentOutput};
/// Writes.
pub fn run(_: &AgentInputs, _: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    Ok(AgentOutput::default())
}
