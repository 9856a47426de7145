//! The expressions of a page that make the inputs of its form.

use super::code::{Names, literal};
use super::field::FieldView;
use super::uses::{is_line, is_number};
use super::view::EntityView;
use crate::pipelines::app::javascript::quote;

/// The input of a field.
pub(super) fn input(entity: &EntityView, field: &FieldView, names: &mut Names) -> String {
    let mut make = |name: &str| names.take("./inputs.js", name);
    let facts = facts(field);
    let value = format!("record?.{} ?? {}", field.key, literal(&field.initial));
    match field.kind {
        kind if is_line(kind) => format!("{}({facts}, '{}', {value})", make("lineInput"), line_type(kind)),
        kind if is_number(kind) => {
            let step = if kind == "integer" { "'1'" } else { "'any'" };
            format!("{}({facts}, {step}, {value})", make("numberInput"))
        }
        "long-text" => format!("{}({facts}, {value})", make("longTextInput")),
        "rating" => format!("{}({facts}, {value})", make("ratingInput")),
        "scale" => format!("{}({facts}, {value})", make("scaleInput")),
        "boolean" => format!("{}({facts}, {value})", make("switchInput")),
        "tags" => format!("{}({facts}, 'text', {value})", make("listInput")),
        "dates" => format!("{}({facts}, 'date', {value})", make("listInput")),
        "reference" => {
            let select = make("selectInput");
            let target = field.target.as_deref().unwrap_or_default();
            let choices = format!("{}(store, {})", names.take("./names.js", "choicesOf"), quote(target));
            format!("{select}({facts}, {choices}, {value})")
        }
        _ => {
            let choices = if entity.transitions.iter().any(|steps| steps.key == field.key) {
                format!("{}ChoicesFor(record)", field.key)
            } else {
                format!("{}Choices", field.key)
            };
            let kind = if field.segmented { "segmentInput" } else { "selectInput" };
            format!("{}({facts}, {choices}, {value})", make(kind))
        }
    }
}

fn line_type(kind: &str) -> &str {
    match kind {
        "email" | "url" | "date" | "time" => kind,
        "phone" => "tel",
        "date-time" => "datetime-local",
        _ => "text",
    }
}

fn facts(field: &FieldView) -> String {
    let mut facts = format!("{{ key: {}, label: {}", quote(&field.key), quote(&field.label));
    if field.required {
        facts.push_str(", required: true");
    }
    // What starts with a choice always has one.
    if field.kind == "choice" && field.initial.as_str().is_some_and(|value| !value.is_empty()) {
        facts.push_str(", settled: true");
    }
    let ranged = is_number(field.kind) || matches!(field.kind, "rating" | "scale");
    for (name, bound) in [("min", field.min), ("max", field.max)] {
        if let Some(bound) = bound.filter(|_| ranged) {
            facts.push_str(&format!(", {name}: {bound}"));
        }
    }
    if let Some(hint) = &field.hint {
        facts.push_str(&format!(", hint: {}", quote(hint)));
    }
    facts.push_str(" }");
    facts
}
