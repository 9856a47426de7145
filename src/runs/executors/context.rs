//! What an agent outside of this program is told: the same JSON for programs and for servers.

use serde_json::{Value, json};

use crate::pipelines::AgentInputs;
use crate::runs::executors::ExecutorHost;

/// Raised when a member changes its meaning.
const CONTEXT_VERSION: u32 = 1;

/// The context of an agent, with its files named.
pub(super) fn of(host: &dyn ExecutorHost, agent: &str, inputs: &AgentInputs, outputs: &[String]) -> Value {
    let run = host.run();
    let files: Vec<Value> =
        inputs.files.iter().map(|(path, bytes)| json!({ "path": path, "size": bytes.len() })).collect();
    json!({
        "version": CONTEXT_VERSION,
        "run_id": run.run,
        "project_id": run.project,
        "agent": agent,
        "brief": inputs.brief,
        "params": inputs.params,
        "outputs": outputs,
        "files": files,
    })
}
