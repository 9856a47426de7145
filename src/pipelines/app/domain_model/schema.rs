//! The model as JSON Schema 2020-12, one definition per entity; the model itself stands under `x-callboard`.

use serde_json::{Map, Value, json};

use crate::pipelines::app::spec::{Entity, Field, FieldKind, Model};

/// The whole file.
pub(super) fn schema(model: &Model) -> Value {
    let mut definitions = Map::new();
    let mut collections = Map::new();
    collections.insert("version".to_owned(), json!({ "const": 1 }));
    for entity in &model.entities {
        definitions.insert(entity.key.clone(), definition(entity));
        collections.insert(
            entity.collection.clone(),
            json!({ "type": "array", "items": { "$ref": format!("#/$defs/{}", entity.key) } }),
        );
    }
    let required: Vec<String> = collections.keys().cloned().collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("urn:callboard:model:{}", model.slug),
        "title": model.title,
        "type": "object",
        "properties": collections,
        "required": required,
        "$defs": definitions,
        "x-callboard": model,
    })
}

fn definition(entity: &Entity) -> Value {
    let mut properties = Map::new();
    properties.insert("id".to_owned(), json!({ "type": "string", "minLength": 1 }));
    let mut required = vec!["id".to_owned()];
    for field in &entity.fields {
        properties.insert(field.key.clone(), property(field));
        // Derived values are never stored, so no stored record has to have them.
        if !matches!(field.kind, FieldKind::Derived { .. }) {
            required.push(field.key.clone());
        }
    }
    json!({
        "title": entity.label,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// One field. Empty values (`''`, `null`, `[]`) are allowed unless the field is required.
fn property(field: &Field) -> Value {
    let mut out = match &field.kind {
        FieldKind::Text { max_length } | FieldKind::LongText { max_length } => {
            let mut text = json!({ "type": "string" });
            if let Some(max) = max_length {
                text["maxLength"] = json!(max);
            }
            if field.required {
                text["minLength"] = json!(1);
            }
            text
        }
        FieldKind::Integer { min, max } => number("integer", *min, *max, field.required),
        FieldKind::Rating { min, max } => number("integer", Some(*min), Some(*max), field.required),
        FieldKind::Decimal { min, max } => number("number", *min, *max, field.required),
        FieldKind::Money { min, max } => {
            let mut money = number("number", *min, *max, field.required);
            money["multipleOf"] = json!(0.01);
            money
        }
        FieldKind::Date => text_like("^\\d{4}-\\d{2}-\\d{2}$", field.required),
        FieldKind::DateTime => text_like("^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}$", field.required),
        FieldKind::Time => text_like("^\\d{2}:\\d{2}$", field.required),
        FieldKind::Boolean => json!({ "type": "boolean" }),
        FieldKind::Choice { choices } => {
            let mut values: Vec<&str> = choices.iter().map(|choice| choice.value.as_str()).collect();
            if !field.required {
                values.push("");
            }
            json!({ "enum": values })
        }
        FieldKind::Email => text_like("^[^@\\s]+@[^@\\s]+$", field.required),
        FieldKind::Url => text_like("^https?://", field.required),
        FieldKind::Phone => text_like("^[+0-9 ()/.-]+$", field.required),
        FieldKind::Reference { target } => {
            let mut reference = json!({ "type": "string", "x-reference": target });
            if field.required {
                reference["minLength"] = json!(1);
            }
            reference
        }
        FieldKind::Tags => json!({ "type": "array", "items": { "type": "string", "minLength": 1 } }),
        FieldKind::Dates => json!({
            "type": "array",
            "items": { "type": "string", "pattern": "^\\d{4}-\\d{2}-\\d{2}$" },
            "uniqueItems": true,
        }),
        FieldKind::Derived { formula } => {
            json!({ "type": ["number", "null"], "readOnly": true, "x-formula": formula })
        }
    };
    out["title"] = json!(field.label);
    if let Some(default) = &field.default {
        out["default"] = match field.kind {
            FieldKind::Boolean => json!(default == "true"),
            _ => json!(default),
        };
    }
    out
}

fn number(kind: &str, min: Option<f64>, max: Option<f64>, required: bool) -> Value {
    let mut out = if required { json!({ "type": kind }) } else { json!({ "type": [kind, "null"] }) };
    if let Some(min) = min {
        out["minimum"] = json!(min);
    }
    if let Some(max) = max {
        out["maximum"] = json!(max);
    }
    out
}

fn text_like(pattern: &str, required: bool) -> Value {
    if required {
        json!({ "type": "string", "pattern": pattern })
    } else {
        json!({ "type": "string", "anyOf": [{ "const": "" }, { "pattern": pattern }] })
    }
}
