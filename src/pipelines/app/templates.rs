//! The templates of the generated files, embedded in the binary, and what goes wrong in them.
//!
//! Template names are paths below `templates/` without the ending: `core/store.js`.

use std::collections::BTreeMap;
use std::sync::Mutex;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};
use serde::Serialize;

use super::javascript;
use crate::pipelines::{AgentError, AgentInputs};

/// Folder of this source file that error messages name templates by.
const FOLDER: &str = "src/pipelines/app/templates";

#[derive(rust_embed::RustEmbed)]
#[folder = "src/pipelines/app/templates/"]
struct Embedded;

/// Sources that stand in for embedded templates in runs of one brief: `(brief, template) -> source`.
static REPLACED: Mutex<BTreeMap<(String, String), String>> = Mutex::new(BTreeMap::new());

/// Replaces a template for every run of exactly this brief, so that a test can break a template end to end without
/// touching any other run of the same process. Nothing a user sends can reach this.
#[doc(hidden)]
pub fn replace_template_for_brief(brief: &str, name: &str, source: &str) {
    let mut replaced = REPLACED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    replaced.insert((brief.to_owned(), name.to_owned()), source.to_owned());
}

/// A set of templates.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
    replaced: BTreeMap<String, String>,
}

impl Templates {
    /// The embedded templates.
    pub fn embedded() -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_syntax(
            SyntaxConfig::builder()
                .trim_blocks(true)
                .lstrip_blocks(true)
                .keep_trailing_newline(true)
                .build()
                .expect("the standard delimiters are a valid syntax"),
        );
        environment.add_filter("js", |text: &str| javascript::quote(text));
        environment.add_filter("pascal", |text: &str| javascript::pascal(text));
        environment.add_filter("words", |text: &str| javascript::comment(text));
        environment.add_filter("lower_label", |text: &str| javascript::lower(text));
        environment.add_filter("property", |text: &str| javascript::property(text));
        Self { environment, replaced: BTreeMap::new() }
    }

    /// The templates for a run: the embedded ones, unless a test replaced some for its brief.
    pub fn for_run(inputs: &AgentInputs) -> Self {
        let replaced = REPLACED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut templates = Self::embedded();
        for ((brief, name), source) in replaced.iter() {
            if *brief == inputs.brief {
                templates.replaced.insert(name.clone(), source.clone());
            }
        }
        templates
    }

    /// The same with another source for one template.
    #[must_use]
    pub fn replace(mut self, name: &str, source: &str) -> Self {
        self.replaced.insert(name.to_owned(), source.to_owned());
        self
    }

    /// Fills in a template.
    ///
    /// # Errors
    /// When the template is broken or asks for something the context does not have: with its file and line.
    pub fn render(&self, name: &str, context: impl Serialize) -> Result<String, AgentError> {
        let source = match self.replaced.get(name) {
            Some(source) => source.clone(),
            None => Embedded::get(&format!("{name}.jinja"))
                .and_then(|file| String::from_utf8(file.data.into_owned()).ok())
                .ok_or_else(|| broken(name, None, "there is no such template"))?,
        };
        let context =
            serde_json::to_value(context).map_err(|error| broken(name, None, &error.to_string()))?;
        let rendered = self
            .environment
            .template_from_named_str(name, &source)
            .and_then(|template| template.render(value(&context)));
        rendered.map_err(|error| {
            let line = error.line().and_then(|line| u32::try_from(line).ok());
            let detail = error
                .detail()
                .map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()));
            broken(name, line, &detail)
        })
    }
}

/// A JSON value as templates know it.
pub(in crate::pipelines) fn value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::from(()),
        serde_json::Value::Bool(flag) => Value::from(*flag),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Value::from(whole),
            (None, float) => Value::from(float.unwrap_or_default()),
        },
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(items) => items.iter().map(value).collect(),
        serde_json::Value::Object(entries) => {
            entries.iter().map(|(name, item)| (name.clone(), value(item))).collect::<BTreeMap<_, _>>().into()
        }
    }
}

fn broken(name: &str, line: Option<u32>, detail: &str) -> AgentError {
    AgentError::Failed {
        message: format!("the template is broken: {detail}"),
        file: Some(format!("{FOLDER}/{name}.jinja")),
        line,
    }
}
