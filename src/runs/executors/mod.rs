//! Who carries out an agent's work. All executors block the thread they are called on; each agent has a thread of its own.

mod builtin;
pub mod children;
mod command;
mod context;
pub(crate) mod desk;
mod dispatch;
mod http;
mod kept;
mod net;
mod openai;
mod panics;
mod picture;
pub mod sandbox;
mod scripts;
pub(crate) mod thread;

pub use builtin::Builtin;
pub use dispatch::Executors;
pub use scripts::{ScriptRunError, ScriptRunner, Scripts};

use crate::domain::ids::{ProjectId, RunId};
use crate::domain::run::TokenUsage;
use crate::pipelines::{Agent, AgentError, AgentHost, AgentInputs, AgentOutput, OutputFile};
use crate::runs::executors::children::ChildRegistry;

/// Carries out the work of agents.
pub trait Executor: Send + Sync + 'static {
    /// Its name; outputs of one executor are never taken for those of another.
    fn name(&self) -> &'static str;

    /// Does the work of one agent and blocks until it has ended. Must call `host.check()` at least every 50 ms and end
    /// when that is an error.
    ///
    /// # Errors
    /// When the agent cannot do its work or the run is to be cancelled.
    fn execute(
        &self,
        agent: &Agent,
        inputs: &AgentInputs,
        host: &dyn ExecutorHost,
    ) -> Result<AgentOutput, AgentError>;
}

/// What an executor may ask of the house beyond what agents may.
pub trait ExecutorHost: AgentHost {
    /// Whose agent it is.
    fn run(&self) -> RunIds;
    /// Where child processes are counted.
    fn children(&self) -> &ChildRegistry;
    /// Shows a file of the agent now, while it works on.
    fn artifact(&self, file: &OutputFile);
    /// Says a figure; of one name the newest counts.
    fn metric(&self, name: &str, value: f64);
    /// Counts what a model has used; answers how many tokens the run has used in all, those of earlier tries and boots
    /// included.
    fn use_tokens(&self, used: TokenUsage) -> u64;
    /// Keeps what a later try of this very work is to find in `kept`.
    fn keep(&self, state: &[u8]);
}

/// Whose agent it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunIds {
    /// The run.
    pub run: RunId,
    /// Its project.
    pub project: ProjectId,
}

/// A place to hold a run before and after an agent, for tests that need to know exactly where a run is. Called on the
/// agent's thread, which it may block until `stopped` says yes.
pub trait AgentGate: Send + Sync + 'static {
    /// The agent was announced and is about to work.
    fn before_agent(&self, run: RunId, agent: &str, stopped: &dyn Fn() -> bool);
    /// The agent has made its output, which is not on record yet.
    fn after_agent(&self, run: RunId, agent: &str, stopped: &dyn Fn() -> bool);
}
