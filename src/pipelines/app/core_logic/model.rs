//! `src/core/model.js`: the description of the records that the interface reads.

use super::rules::range;
use crate::pipelines::app::features::{App, EntityFeatures};
use crate::pipelines::app::javascript::Js;
use crate::pipelines::app::spec::{Entity, Field, FieldKind, Formula};

/// The literal of `entities`.
pub(in crate::pipelines::app) fn entities(app: &App) -> Js {
    Js::object(app.entities.iter().map(|features| (features.entity.key.clone(), entity(features))))
}

/// The literal of one entity.
pub(in crate::pipelines::app) fn entity(features: &EntityFeatures) -> Js {
    let Entity { key, collection, label, label_plural, fields, title_field } = &features.entity;
    Js::object([
        ("key", Js::text(key)),
        ("collection", Js::text(collection)),
        ("label", Js::text(label)),
        ("labelPlural", Js::text(label_plural)),
        ("titleField", Js::text(title_field)),
        ("fields", Js::List(fields.iter().map(field).collect())),
    ])
}

/// The literal of `app`.
pub(in crate::pipelines::app) fn app(app: &App) -> Js {
    let mut entries = vec![("title", Js::text(&app.title)), ("slug", Js::text(&app.slug))];
    if !app.theme.is_empty() {
        entries.push(("theme", app.theme.clone().into()));
    }
    Js::object(entries)
}

fn field(field: &Field) -> Js {
    let mut entries = vec![
        ("key", Js::text(&field.key)),
        ("label", Js::text(&field.label)),
        ("type", Js::text(type_name(&field.kind))),
        ("required", Js::Bool(field.required)),
        ("unique", Js::Bool(field.unique)),
    ];
    match &field.kind {
        FieldKind::Text { max_length: Some(max) } | FieldKind::LongText { max_length: Some(max) } => {
            entries.push(("maxLength", Js::Number(f64::from(*max))));
        }
        FieldKind::Choice { choices } => {
            let choices = choices.iter().map(|choice| {
                Js::object([("value", Js::text(&choice.value)), ("label", Js::text(&choice.label))])
            });
            entries.push(("choices", Js::List(choices.collect())));
        }
        FieldKind::Reference { target } => entries.push(("target", Js::text(target))),
        FieldKind::Derived { formula } => entries.push(("formula", formula_words(formula))),
        _ => {}
    }
    let (min, max) = range(&field.kind);
    entries.extend(min.map(|min| ("min", Js::Number(min))));
    entries.extend(max.map(|max| ("max", Js::Number(max))));
    entries.extend(field.default.as_ref().map(|default| ("default", Js::text(default))));
    Js::object(entries)
}

fn formula_words(formula: &Formula) -> Js {
    let (kind, a, b) = match formula {
        Formula::Product { a, b } => ("product", a, b),
        Formula::SumOf { a, b } => ("sum-of", a, b),
        Formula::Difference { a, b } => ("difference", a, b),
    };
    Js::object([("formula", Js::text(kind)), ("a", Js::text(a)), ("b", Js::text(b))])
}

/// The name of a kind on the wire.
pub(in crate::pipelines::app) fn type_name(kind: &FieldKind) -> &'static str {
    match kind {
        FieldKind::Text { .. } => "text",
        FieldKind::LongText { .. } => "long-text",
        FieldKind::Integer { .. } => "integer",
        FieldKind::Decimal { .. } => "decimal",
        FieldKind::Money { .. } => "money",
        FieldKind::Rating { .. } => "rating",
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
        FieldKind::Derived { .. } => "derived",
    }
}
