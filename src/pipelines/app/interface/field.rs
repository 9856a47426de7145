//! A field as the interface shows it: which kind of input and cell, what the form starts with, where a card puts it.

use serde::Serialize;
use serde_json::{Value, json};

use crate::pipelines::app::spec::{Choice, Entity, Field, FieldKind, Formula, Model};

/// A field and how it is shown.
#[derive(Clone, Debug, Serialize)]
pub(super) struct FieldView {
    pub(super) key: String,
    pub(super) label: String,
    /// The label inside a sentence.
    pub(super) lower: String,
    /// As in `model.json`; `money` or `number` for a derived field.
    pub(super) kind: &'static str,
    pub(super) required: bool,
    pub(super) hint: Option<String>,
    pub(super) initial: Value,
    pub(super) choices: Vec<Choice>,
    /// Few and short choices stand side by side, more of them in a list.
    pub(super) segmented: bool,
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
    pub(super) target: Option<String>,
    pub(super) target_label: Option<String>,
    pub(super) derived: bool,
    /// Where a card shows it: `badge`, `fact`, `text` or `chips`.
    pub(super) place: &'static str,
}

/// How a field of an entity is shown.
pub(super) fn field_view(model: &Model, entity: &Entity, field: &Field) -> FieldView {
    let (min, max) = range(&field.kind);
    let choices = match &field.kind {
        FieldKind::Choice { choices } => choices.clone(),
        _ => Vec::new(),
    };
    let letters: usize = choices.iter().map(|choice| choice.label.chars().count() + 3).sum();
    let target = match &field.kind {
        FieldKind::Reference { target } => Some(target.clone()),
        _ => None,
    };
    FieldView {
        key: field.key.clone(),
        label: field.label.clone(),
        lower: lower(&field.label),
        kind: kind(entity, &field.kind),
        required: field.required,
        hint: hint(&field.kind),
        initial: initial(field),
        segmented: choices.len() <= 4 && letters <= 40,
        choices,
        min,
        max,
        target_label: target
            .as_ref()
            .and_then(|key| model.entity(key))
            .map(|target| lower(&target.label_plural)),
        target,
        derived: matches!(field.kind, FieldKind::Derived { .. }),
        place: match field.kind {
            FieldKind::Choice { .. } | FieldKind::Boolean | FieldKind::Rating { .. } => "badge",
            FieldKind::LongText { .. } => "text",
            FieldKind::Tags => "chips",
            _ => "fact",
        },
    }
}

/// Only for a model without fields, which the model's own checks refuse.
pub(super) fn no_title(entity: &Entity) -> FieldView {
    FieldView {
        key: "id".to_owned(),
        label: entity.label.clone(),
        lower: lower(&entity.label),
        kind: "text",
        required: false,
        hint: None,
        initial: json!(""),
        choices: Vec::new(),
        segmented: false,
        min: None,
        max: None,
        target: None,
        target_label: None,
        derived: false,
        place: "fact",
    }
}

fn kind(entity: &Entity, kind: &FieldKind) -> &'static str {
    match kind {
        FieldKind::Text { .. } => "text",
        FieldKind::LongText { .. } => "long-text",
        FieldKind::Integer { .. } => "integer",
        FieldKind::Decimal { .. } => "decimal",
        FieldKind::Money { .. } => "money",
        // More than ten stars cannot be counted at a glance.
        FieldKind::Rating { min, max } if *min == 1.0 && *max <= 10.0 => "rating",
        FieldKind::Rating { min, max } if *max - *min <= 10.0 => "scale",
        FieldKind::Rating { .. } => "integer",
        FieldKind::Date => "date",
        FieldKind::DateTime => "date-time",
        FieldKind::Time => "time",
        FieldKind::Boolean => "boolean",
        FieldKind::Choice { .. } => "choice",
        FieldKind::Email => "email",
        FieldKind::Url => "url",
        FieldKind::Phone => "phone",
        FieldKind::Reference { .. } => "reference",
        FieldKind::Tags => "tags",
        FieldKind::Dates => "dates",
        FieldKind::Derived { formula } => {
            if is_money(entity, formula) {
                "money"
            } else {
                "decimal"
            }
        }
    }
}

fn is_money(entity: &Entity, formula: &Formula) -> bool {
    let (Formula::Product { a, b } | Formula::SumOf { a, b } | Formula::Difference { a, b }) = formula;
    [a, b].iter().any(|key| match entity.field(key).map(|field| &field.kind) {
        Some(FieldKind::Money { .. }) => true,
        // A formula never names itself: the model is checked for circles.
        Some(FieldKind::Derived { formula: inner }) if inner != formula => is_money(entity, inner),
        _ => false,
    })
}

fn range(kind: &FieldKind) -> (Option<f64>, Option<f64>) {
    match kind {
        FieldKind::Integer { min, max } | FieldKind::Decimal { min, max } | FieldKind::Money { min, max } => {
            (*min, *max)
        }
        FieldKind::Rating { min, max } => (Some(*min), Some(*max)),
        _ => (None, None),
    }
}

fn hint(kind: &FieldKind) -> Option<String> {
    match kind {
        FieldKind::Text { max_length: Some(max) } | FieldKind::LongText { max_length: Some(max) } => {
            Some(format!("At most {max} characters"))
        }
        FieldKind::Integer { min, max } | FieldKind::Decimal { min, max } | FieldKind::Money { min, max } => {
            match (min, max) {
                (Some(min), Some(max)) => Some(format!("From {min} to {max}")),
                (Some(min), None) if *min != 0.0 => Some(format!("At least {min}")),
                (None, Some(max)) => Some(format!("At most {max}")),
                _ => None,
            }
        }
        FieldKind::Url => Some("Starts with https://".to_owned()),
        FieldKind::Tags => Some("Press Enter after each one".to_owned()),
        _ => None,
    }
}

/// What the form starts with, as the JavaScript value of the field.
fn initial(field: &Field) -> Value {
    let default = field.default.as_deref();
    match &field.kind {
        FieldKind::Integer { .. }
        | FieldKind::Decimal { .. }
        | FieldKind::Money { .. }
        | FieldKind::Rating { .. }
        | FieldKind::Derived { .. } => default
            .and_then(|text| serde_json::from_str::<serde_json::Number>(text).ok())
            .map_or(Value::Null, Value::Number),
        FieldKind::Boolean => json!(default == Some("true")),
        FieldKind::Tags | FieldKind::Dates => json!([]),
        _ => json!(default.unwrap_or_default()),
    }
}

/// A label inside a sentence; abbreviations like `URL` stay as they are.
pub(super) fn lower(label: &str) -> String {
    label
        .split(' ')
        .map(|word| {
            if word.chars().filter(|c| c.is_uppercase()).count() > 1 {
                word.to_owned()
            } else {
                word.to_lowercase()
            }
        })
        .collect::<Vec<_>>()
        .join(" ")
}
