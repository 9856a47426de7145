//! What the writers of expressions share: imported names and literals.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::pipelines::app::javascript::quote;

/// Names by the module they come from.
#[derive(Default)]
pub(super) struct Names(pub(super) BTreeMap<&'static str, BTreeSet<String>>);

impl Names {
    /// Imports a name and gives it back, to be written down.
    pub(super) fn take(&mut self, module: &'static str, name: &str) -> String {
        self.0.entry(module).or_default().insert(name.to_owned());
        name.to_owned()
    }
}

/// A JSON value in the quotes of the generated code.
pub(super) fn literal(value: &Value) -> String {
    match value {
        Value::String(text) => quote(text),
        Value::Array(items) => format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) => {
            let entries: Vec<String> =
                entries.iter().map(|(key, value)| format!("{key}: {}", literal(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        other => other.to_string(),
    }
}
