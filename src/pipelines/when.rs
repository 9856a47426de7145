//! Conditions of agents: an expression over the brief, the params and the paths that earlier agents wrote.

use minijinja::Environment;
use serde_json::json;

use crate::pipelines::app::templates::value;
use crate::pipelines::{AgentError, AgentInputs};

/// Checks that an expression can be understood.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check(text: &str) -> Result<(), String> {
    Environment::new().compile_expression(text).map(|_| ()).map_err(|error| error.to_string())
}

/// Whether the agent is to work.
///
/// # Errors
/// When the expression fails for these inputs.
pub fn holds(text: &str, inputs: &AgentInputs) -> Result<bool, AgentError> {
    let failed =
        |error: minijinja::Error| AgentError::failed(format!("the condition {text:?} fails: {error}"));
    let mut environment = Environment::new();
    environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    let expression = environment.compile_expression(text).map_err(failed)?;
    let files: Vec<&str> = inputs.files.iter().map(|(path, _)| path).collect();
    let context = json!({ "brief": inputs.brief, "params": inputs.params, "files": files });
    Ok(expression.eval(value(&context)).map_err(failed)?.is_true())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_look_at_brief_params_and_files() {
        let mut inputs = AgentInputs { brief: "a video of cats".to_owned(), ..Default::default() };
        inputs.params.insert("seed".to_owned(), 7.into());
        inputs.files.insert("a/b.txt", b"x".as_slice());
        for (text, expected) in [
            ("'video' in brief", Some(true)),
            ("params.seed > 9", Some(false)),
            ("'a/b.txt' in files and params.seed == 7", Some(true)),
            ("params.sed == 7", None),
        ] {
            assert_eq!(holds(text, &inputs).ok(), expected, "{text}");
        }
        assert!(check("params.seed >").is_err());
    }
}
