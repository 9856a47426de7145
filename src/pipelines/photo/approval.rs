//! The fifth agent, when a person is to look at the recipes: lays them out to be approved, changed or turned down one by
//! one. Its gate does the asking.

use crate::pipelines::photo::developer::{RECIPES, Recipes};
use crate::pipelines::photo::results::pretty;
use crate::pipelines::{AgentError, AgentHost, AgentInputs, AgentOutput, OutputFile};

/// The file that a person may change.
pub(super) const APPROVED: &str = "approved.json";
/// What is asked.
pub(super) const QUESTION: &str = "Are these photos right? In approved.json, approved: false leaves one out and a changed recipe develops it otherwise";

pub(super) fn run(inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    host.check()?;
    let recipes: Recipes = inputs.files.json(RECIPES)?;
    let summary = format!("{} photos to look at", recipes.photos.len());
    Ok(AgentOutput { files: vec![OutputFile::text(APPROVED, pretty(&recipes)?)], summary })
}
