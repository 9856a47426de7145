//! A validator for a part of JSON Schema: what the contract of a generated app and the replies of models need.

use regex::Regex;
use serde_json::Value;

/// Checks a value against a schema.
///
/// # Errors
/// Says where the value breaks the schema and how.
pub fn validate(value: &Value, schema: &Value) -> Result<(), String> {
    check(value, schema, "the record")
}

/// Keywords that are heeded, and those that say nothing to be checked.
const KEYWORDS: &[&str] = &[
    "type",
    "enum",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "minLength",
    "maxLength",
    "pattern",
    "minimum",
    "maximum",
    "$schema",
    "$id",
    "title",
    "description",
    "default",
    "examples",
];

/// Checks that a schema says nothing that would not be heeded.
///
/// # Errors
/// The keyword that is not known here, or the pattern that is broken.
pub fn check_schema(schema: &Value) -> Result<(), String> {
    let Some(fields) = schema.as_object() else { return Err("a schema is an object".to_owned()) };
    if let Some(unknown) = fields.keys().find(|key| !KEYWORDS.contains(&key.as_str())) {
        return Err(format!("the keyword {unknown} is not supported; supported: {}", KEYWORDS.join(", ")));
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        Regex::new(pattern).map_err(|error| format!("the pattern {pattern} is broken: {error}"))?;
    }
    let properties = schema["properties"].as_object().into_iter().flat_map(|inner| inner.values());
    properties.chain(fields.get("items")).try_for_each(check_schema)
}

fn check(value: &Value, schema: &Value, place: &str) -> Result<(), String> {
    let types: Vec<&str> = match &schema["type"] {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !types.is_empty() && !types.iter().any(|name| is_type(value, name)) {
        return Err(format!("{place} is not of type {}", types.join(" or ")));
    }
    if let Some(values) = schema["enum"].as_array()
        && !values.contains(value)
    {
        return Err(format!("{place} is none of the allowed values"));
    }
    match value {
        Value::String(text) => check_text(text, schema, place),
        Value::Number(number) => check_number(number.as_f64().unwrap_or_default(), schema, place),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(at, item)| check(item, &schema["items"], &format!("{place}[{at}]"))),
        Value::Object(entries) => {
            for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                if !entries.contains_key(name) {
                    return Err(format!("{place} lacks {name}"));
                }
            }
            for (name, item) in entries {
                match schema["properties"].get(name) {
                    Some(property) => check(item, property, &format!("{place}.{name}"))?,
                    None if schema["additionalProperties"] == Value::Bool(false) => {
                        return Err(format!("{place} must not have {name}"));
                    }
                    None => {}
                }
            }
            Ok(())
        }
        Value::Null | Value::Bool(_) => Ok(()),
    }
}

fn is_type(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        _ => false,
    }
}

fn check_text(text: &str, schema: &Value, place: &str) -> Result<(), String> {
    let length = text.encode_utf16().count() as u64;
    if schema["minLength"].as_u64().is_some_and(|min| length < min) {
        return Err(format!("{place} is too short"));
    }
    if schema["maxLength"].as_u64().is_some_and(|max| length > max) {
        return Err(format!("{place} is too long"));
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        let pattern =
            Regex::new(pattern).map_err(|error| format!("the pattern of {place} is broken: {error}"))?;
        if !pattern.is_match(text) {
            return Err(format!("{place} does not have the right form"));
        }
    }
    Ok(())
}

fn check_number(number: f64, schema: &Value, place: &str) -> Result<(), String> {
    if schema["minimum"].as_f64().is_some_and(|min| number < min) {
        return Err(format!("{place} is below its minimum"));
    }
    if schema["maximum"].as_f64().is_some_and(|max| number > max) {
        return Err(format!("{place} is above its maximum"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_schema_says_nothing_that_is_not_heeded() {
        assert_eq!(check_schema(&json!({ "type": "array", "items": { "type": "string" } })), Ok(()));
        for bad in [
            json!({ "oneOf": [] }),
            json!({ "properties": { "a": { "$ref": "#/b" } } }),
            json!({ "items": { "pattern": "(" } }),
            json!(true),
        ] {
            assert!(check_schema(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn values_are_checked_against_every_keyword() {
        let schema = json!({
            "type": "object",
            "properties": {
                "title": { "type": "string", "minLength": 1, "maxLength": 3, "pattern": "^[a-z]*$" },
                "rating": { "type": ["integer", "null"], "minimum": 1, "maximum": 5 },
                "tags": { "type": "array", "items": { "type": "string" } },
                "status": { "enum": ["open", "done"] },
            },
            "required": ["title"],
            "additionalProperties": false,
        });
        for (value, expected) in [
            (json!({ "title": "abc", "rating": 5, "tags": ["x"], "status": "open" }), ""),
            (json!({ "title": "a", "rating": null }), ""),
            (json!({}), "lacks title"),
            (json!({ "title": "" }), "too short"),
            (json!({ "title": "abcd" }), "too long"),
            (json!({ "title": "A" }), "right form"),
            (json!({ "title": 1 }), "type string"),
            (json!({ "title": "a", "rating": 0 }), "below"),
            (json!({ "title": "a", "rating": 6 }), "above"),
            (json!({ "title": "a", "rating": 1.5 }), "type integer or null"),
            (json!({ "title": "a", "tags": [1] }), "tags[0]"),
            (json!({ "title": "a", "status": "lost" }), "allowed"),
            (json!({ "title": "a", "other": 1 }), "must not have other"),
        ] {
            match validate(&value, &schema) {
                Ok(()) => assert_eq!(expected, "", "{value} was accepted"),
                Err(message) => {
                    assert!(!expected.is_empty() && message.contains(expected), "{value}: {message}")
                }
            }
        }
    }
}
