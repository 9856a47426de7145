//! What a model is asked: a template filled in with the brief, the params and the files of earlier agents.
//!
//! A template knows `brief`, `params`, `files` (each with `path` and `text`), `outputs` (the patterns of what is to be
//! written), `example` (`brief` and `files`, for agents that stand in for a built-in one) and `fence`, the marks around a
//! file, which are longer than any in the files shown.

use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde_json::{Value, json};

use crate::pipelines::app::templates::value;
use crate::pipelines::{AgentError, AgentInputs, FileSet, OutputFile};

/// Bytes of the files that a prompt shows; what comes later by path is named without its text.
const FILES_BYTES_MAX: usize = 192 * 1024;
/// Bytes of one of them.
const FILE_BYTES_MAX: usize = 48 * 1024;

/// An example of what is wanted.
#[derive(Clone, Debug, Default)]
pub struct Example {
    /// What was asked.
    pub brief: String,
    /// What was made of it.
    pub files: Vec<OutputFile>,
}

/// What every model is told before its prompt.
pub const SYSTEM_FILES: &str = include_str!("../../templates/prompts/files.txt");
/// The same, for a reply that is one JSON value.
pub const SYSTEM_JSON: &str = include_str!("../../templates/prompts/json.txt");

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment
}

/// Checks that a template can be understood.
///
/// # Errors
/// What is wrong with it and where.
pub(super) fn check(text: &str) -> Result<(), String> {
    environment().template_from_str(text).map(|_| ()).map_err(|error| error.to_string())
}

/// Fills in a template.
///
/// # Errors
/// When the template asks for something it is not given.
pub fn render(
    template: &str,
    inputs: &AgentInputs,
    outputs: &[String],
    example: Option<&Example>,
) -> Result<String, AgentError> {
    let files = shown(&inputs.files);
    let example = example.map(|example| {
        let mut set = FileSet::default();
        for file in &example.files {
            set.insert(file.path.clone(), file.bytes.clone());
        }
        json!({ "brief": example.brief, "files": shown(&set) })
    });
    let context = json!({
        "brief": inputs.brief,
        "params": inputs.params,
        "files": files,
        "outputs": outputs,
        "example": example,
        "fence": "`".repeat(6),
    });
    environment()
        .template_from_str(template)
        .and_then(|template| template.render(value(&context)))
        .map_err(|error| AgentError::failed(format!("the prompt cannot be filled in: {error}")))
}

fn shown(files: &FileSet) -> Vec<Value> {
    let mut left = FILES_BYTES_MAX;
    files
        .iter()
        .map(|(path, bytes)| {
            let text = match std::str::from_utf8(bytes) {
                Ok(text) if text.len() <= FILE_BYTES_MAX.min(left) => {
                    left -= text.len();
                    text.to_owned()
                }
                Ok(text) => format!("({} bytes, not shown)", text.len()),
                Err(_) => format!("({} bytes that are no text)", bytes.len()),
            };
            json!({ "path": path, "text": text })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_sees_brief_params_and_files() {
        let mut inputs = AgentInputs { brief: "poems".to_owned(), ..Default::default() };
        inputs.files.insert("a.txt", b"one".as_slice());
        inputs.files.insert("b.bin", [0xff, 0xfe].as_slice());
        inputs.files.insert("c.txt", vec![b'x'; FILE_BYTES_MAX + 1]);
        let template = "{{ brief }}{% for file in files %}|{{ file.path }}={{ file.text }}{% endfor %}";
        let text = render(template, &inputs, &[], None).unwrap();
        assert_eq!(text, "poems|a.txt=one|b.bin=(2 bytes that are no text)|c.txt=(49153 bytes, not shown)");
        assert!(render("{{ nothing }}", &inputs, &[], None).is_err());
        assert!(check("{% for %}").is_err());
    }
}
