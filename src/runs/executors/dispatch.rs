//! The executor of the house: hands each agent to who carries it out.

use std::path::{Path, PathBuf};

use crate::pipelines::setup::ExecutorSpec;
use crate::pipelines::{Agent, AgentError, AgentInputs, AgentOutput};
use crate::runs::executors::command::{Commands, records};
use crate::runs::executors::{Builtin, Executor, ExecutorHost, http, openai, picture};

/// All executors.
#[derive(Clone, Debug)]
pub struct Executors {
    commands: Commands,
}

impl Executors {
    /// `binary` is the program whose `warden` subcommand guards others; the folders of programs are made below `work`.
    /// Ends what programs of earlier starts have left there: before this is answered nothing of them is alive.
    pub fn new(binary: impl Into<PathBuf>, work: &Path) -> Self {
        records::end_leftovers(work);
        Self { commands: Commands { binary: binary.into(), work: work.to_owned() } }
    }
}

impl Executor for Executors {
    /// Outputs of other executors are told apart by their fingerprint.
    fn name(&self) -> &'static str {
        "builtin"
    }

    fn execute(
        &self,
        agent: &Agent,
        inputs: &AgentInputs,
        host: &dyn ExecutorHost,
    ) -> Result<AgentOutput, AgentError> {
        match agent.setup.executor {
            ExecutorSpec::Builtin => Builtin.execute(agent, inputs, host),
            ExecutorSpec::Command(spec) => self.commands.execute(spec, agent.name, inputs, host),
            ExecutorSpec::Http(spec) => http::execute(spec, agent.name, inputs, host),
            ExecutorSpec::OpenAi(spec) => openai::execute(spec, inputs, host),
            ExecutorSpec::Picture(spec) => picture::execute(spec, agent.name, inputs, host, &self.commands),
        }
    }
}
