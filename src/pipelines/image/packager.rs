//! Agent 7: says in words what was made and how to make it again.

use std::fmt::Write as _;

use crate::pipelines::image::finisher::IMAGE;
use crate::pipelines::image::params::Params;
use crate::pipelines::image::reader::{Prompt, Role};
use crate::pipelines::image::recipe;
use crate::pipelines::{AgentError, AgentHost, AgentInputs, AgentOutput, OutputFile};

/// The agent.
///
/// # Errors
/// When earlier agents did not do their part.
pub fn run(inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    host.check()?;
    let prompt: Prompt = inputs.files.json("prompt.json")?;
    let image = inputs.files.get(IMAGE).ok_or_else(|| AgentError::failed("there is no picture to pack"))?;
    let carried = recipe::read(image).map_err(AgentError::failed)?;
    let recipe =
        serde_json::to_string_pretty(&carried).map_err(|error| AgentError::failed(error.to_string()))?;
    let readme = readme(&prompt, Params::of(inputs));
    let files = vec![OutputFile::text("recipe.json", recipe + "\n"), OutputFile::text("README.md", readme)];
    Ok(AgentOutput { files, summary: format!("{IMAGE} with its recipe") })
}

fn readme(prompt: &Prompt, params: Params) -> String {
    // A fence longer than any run of back quotes in the prompt.
    let longest = prompt.text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let mut text = format!("# Image\n\n{fence}text\n{}\n{fence}\n\n", prompt.text);
    let _ = writeln!(
        text,
        "{} x {} pixels, {} steps, seed {}.\n\nThe same prompt and params give the same picture, byte for byte; `{IMAGE}` carries \
         both.\n\n| word | taken for |\n| --- | --- |",
        params.width, params.height, params.steps, params.seed
    );
    for word in prompt.words.iter().filter(|word| word.role != Role::Joint) {
        let role = match word.role {
            Role::Ignored => "ignored: not in the vocabulary".to_owned(),
            role => format!("{role:?}").to_lowercase(),
        };
        let _ = writeln!(text, "| {} | {role} |", word.text.replace('|', "\\|"));
    }
    text
}
