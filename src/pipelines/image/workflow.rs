//! Workflows of ComfyUI, in the form that its API takes: nodes by id. Texts of it may hold places like `{{ prompt }}`.

use serde_json::{Map, Value, json};

/// What can stand in a place.
const PLACES: [&str; 7] = ["prompt", "negative_prompt", "model", "seed", "steps", "width", "height"];

/// A workflow for a checkpoint of Stable Diffusion, for who gives none.
pub fn usual() -> Value {
    json!({
        "4": { "class_type": "CheckpointLoaderSimple", "inputs": { "ckpt_name": "{{ model }}" } },
        "5": {
            "class_type": "EmptyLatentImage",
            "inputs": { "width": "{{ width }}", "height": "{{ height }}", "batch_size": 1 },
        },
        "6": { "class_type": "CLIPTextEncode", "inputs": { "text": "{{ prompt }}", "clip": ["4", 1] } },
        "7": { "class_type": "CLIPTextEncode", "inputs": { "text": "{{ negative_prompt }}", "clip": ["4", 1] } },
        "3": {
            "class_type": "KSampler",
            "inputs": {
                "seed": "{{ seed }}", "steps": "{{ steps }}", "cfg": 7.0, "sampler_name": "euler", "scheduler": "normal",
                "denoise": 1.0, "model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0],
            },
        },
        "8": { "class_type": "VAEDecode", "inputs": { "samples": ["3", 0], "vae": ["4", 2] } },
        "9": { "class_type": "SaveImage", "inputs": { "filename_prefix": "callboard", "images": ["8", 0] } },
    })
}

/// Reads a workflow and says what is wrong with it.
///
/// # Errors
/// When it is not JSON, not in the form of the API, has unknown places, or none for the prompt.
pub fn read(text: &str) -> Result<Value, String> {
    let workflow: Value = serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))?;
    let nodes = workflow.as_object().ok_or("is no object of nodes")?;
    if nodes.contains_key("nodes") && nodes.contains_key("links") {
        return Err("is in the form of the editor; save it with Export (API)".into());
    }
    if nodes.is_empty() {
        return Err("has no nodes".into());
    }
    for (id, node) in nodes {
        if !node["class_type"].is_string() || !node["inputs"].is_object() {
            return Err(format!("node {id} has no class_type or no inputs; save it with Export (API)"));
        }
    }
    let (mut unknown, mut has_prompt) = (None, false);
    visit(&workflow, &mut |text| {
        for place in places(text) {
            has_prompt |= place == "prompt";
            if !PLACES.contains(&place) {
                unknown.get_or_insert_with(|| place.to_owned());
            }
        }
    });
    match unknown {
        Some(place) => Err(format!("has a place {{{{ {place} }}}}; known are {}", PLACES.join(", "))),
        None if !has_prompt => Err("has no place {{ prompt }}".into()),
        None => Ok(workflow),
    }
}

/// Whether a workflow has such a place.
pub fn has_place(workflow: &Value, place: &str) -> bool {
    let mut found = false;
    visit(workflow, &mut |text| found |= places(text).any(|known| known == place));
    found
}

/// The workflow with `values` in its places. A text that is one place alone becomes the value as it is, so that numbers are
/// numbers; what a value holds is never read as a place.
pub fn filled(workflow: &Value, values: &Map<String, Value>) -> Value {
    match workflow {
        Value::String(text) => fill(text, values),
        Value::Array(items) => items.iter().map(|item| filled(item, values)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), filled(value, values))).collect()
        }
        other => other.clone(),
    }
}

fn fill(text: &str, values: &Map<String, Value>) -> Value {
    let (mut made, mut rest) = (String::new(), text);
    while let Some((before, place, after)) = next_place(rest) {
        let Some(value) = values.get(place) else {
            let kept = rest.len() - after.len();
            made.push_str(&rest[..kept]);
            rest = after;
            continue;
        };
        if made.is_empty() && before.is_empty() && after.is_empty() {
            return value.clone();
        }
        made.push_str(before);
        match value {
            Value::String(text) => made.push_str(text),
            other => made.push_str(&other.to_string()),
        }
        rest = after;
    }
    made.push_str(rest);
    Value::String(made)
}

/// What stands before the next place, its name, and what stands after it.
fn next_place(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("{{")?;
    let (place, after) = rest.split_once("}}")?;
    Some((before, place.trim(), after))
}

fn places(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (_, place, after) = next_place(rest)?;
        rest = after;
        Some(place)
    })
}

fn visit(value: &Value, see: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => see(text),
        Value::Array(items) => items.iter().for_each(|item| visit(item, see)),
        Value::Object(fields) => fields.values().for_each(|field| visit(field, see)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> Map<String, Value> {
        json!({ "prompt": "a \"{{ seed }}\" ball", "seed": 7, "width": 64 }).as_object().unwrap().clone()
    }

    #[test]
    fn places_are_filled_once_and_numbers_stay_numbers() {
        let workflow = json!({ "1": { "class_type": "X", "inputs": {
            "seed": "{{seed}}", "text": "best, {{ prompt }}, {{ width }} wide", "from": ["2", 0], "odd": "{{ this }} }} {{",
        } } });
        let inputs = &filled(&workflow, &values())["1"]["inputs"];
        assert_eq!(inputs["seed"], 7);
        assert_eq!(inputs["text"], "best, a \"{{ seed }}\" ball, 64 wide");
        assert_eq!((&inputs["from"], &inputs["odd"]), (&json!(["2", 0]), &json!("{{ this }} }} {{")));
    }

    #[test]
    fn a_workflow_is_checked_before_anything_starts() {
        let node = |inputs: Value| json!({ "1": { "class_type": "X", "inputs": inputs } }).to_string();
        for (text, expected) in [
            ("{".to_owned(), "is not JSON"),
            ("[]".to_owned(), "is no object"),
            ("{}".to_owned(), "has no nodes"),
            (json!({ "nodes": [], "links": [] }).to_string(), "in the form of the editor"),
            (json!({ "1": { "inputs": {} } }).to_string(), "node 1 has no class_type"),
            (node(json!({ "text": "a ball" })), "has no place {{ prompt }}"),
            (
                node(json!({ "text": "{{ prompt }} {{ colour }}" })),
                "has a place {{ colour }}; known are prompt",
            ),
        ] {
            let refused = read(&text).unwrap_err();
            assert!(refused.contains(expected), "{refused}");
        }
        assert!(read(&node(json!({ "text": "{{ prompt }}" }))).is_ok());
        let usual = usual();
        assert_eq!(read(&usual.to_string()).as_ref(), Ok(&usual));
        assert!(has_place(&usual, "model") && !has_place(&usual, "colour"));
    }
}
