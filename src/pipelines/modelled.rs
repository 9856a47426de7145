//! Built-in agents on a model: what it is asked, what it must write, and whether that holds.

use crate::pipelines::prompt::Example;
use crate::pipelines::{AgentError, AgentInputs, OutputFile, app, caption};

/// What a model is asked at once.
#[derive(Clone, Debug)]
pub struct Portion {
    /// What the prompt is made of.
    pub inputs: AgentInputs,
    /// JPEG images that it is shown, by name.
    pub images: Vec<OutputFile>,
}

/// The prompt of an agent, like `app/intake`; none when only this program can carry it out.
pub fn prompt(agent: &str) -> Option<&'static str> {
    if agent == caption::model::AGENT { Some(caption::model::PROMPT) } else { app::model::prompt(agent) }
}

/// Patterns of what an agent writes.
pub fn outputs(agent: &str) -> Vec<String> {
    if agent == caption::model::AGENT { caption::model::outputs() } else { app::model::outputs(agent) }
}

/// What the built-in agent wrote for the brief of an example.
pub fn example(agent: &str) -> Option<&'static Example> {
    app::model::example(agent)
}

/// The work of an agent in portions; of most it is one, without images.
///
/// # Errors
/// When a file that it needs is not there.
pub fn portions(agent: Option<&str>, inputs: &AgentInputs) -> Result<Vec<Portion>, AgentError> {
    if agent == Some(caption::model::AGENT) {
        return caption::model::portions(inputs);
    }
    Ok(vec![Portion { inputs: inputs.clone(), images: Vec::new() }])
}

/// The files of all portions as those of the agent.
///
/// # Errors
/// When they do not go together.
pub fn join(agent: Option<&str>, mut made: Vec<Vec<OutputFile>>) -> Result<Vec<OutputFile>, AgentError> {
    if agent == Some(caption::model::AGENT) {
        return caption::model::join(&made);
    }
    Ok(made.pop().unwrap_or_default())
}

/// What is wrong with the files that a model wrote in the place of an agent, each as one sentence.
pub fn check(agent: &str, inputs: &AgentInputs, files: &[OutputFile]) -> Vec<String> {
    match agent == caption::model::AGENT {
        true => caption::model::check(inputs, files),
        false => app::model::check(agent, inputs, files),
    }
}
