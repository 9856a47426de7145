//! What may be set for a run: names, limits and defaults by pipeline.

use serde_json::{Map, Value, json};

use crate::pipelines::photo::wanted;

/// Integers up to here are exact in JSON as JavaScript reads it (2^53 - 1).
const INTEGER_MAX: u64 = (1 << 53) - 1;

/// One thing that may be set.
#[derive(Clone, Copy, Debug)]
pub struct ParamSpec {
    /// Its name in `params`.
    pub name: &'static str,
    /// What it may be, and what holds when it is not given.
    pub kind: ParamKind,
}

/// What a param may be.
#[derive(Clone, Copy, Debug)]
pub enum ParamKind {
    /// An integer: from, to, default.
    Integer(u64, u64, u64),
    /// One of these words, the first without a word.
    OneOf(&'static [&'static str]),
    /// A text of at most so many characters; empty without a word.
    Text(usize),
    /// A list of different ones of these words, the first alone without a word.
    SomeOf(&'static [&'static str]),
    /// A list of at most so many names; empty without a word.
    Names(usize),
    /// Whatever the pipeline finds nothing wrong with, and what holds when it is not given.
    Checked(fn(&Value) -> Option<String>, fn() -> Value),
}

impl ParamSpec {
    const fn integer(name: &'static str, min: u64, max: u64, default: u64) -> Self {
        Self { name, kind: ParamKind::Integer(min, max, default) }
    }

    fn default(&self) -> Value {
        match self.kind {
            ParamKind::Integer(_, _, default) => Value::from(default),
            ParamKind::OneOf(words) => Value::from(words[0]),
            ParamKind::Text(_) => Value::from(""),
            ParamKind::SomeOf(words) => json!([words[0]]),
            ParamKind::Names(_) => json!([]),
            ParamKind::Checked(_, default) => default(),
        }
    }

    /// What is wrong with a value.
    fn wrong(&self, value: &Value) -> Option<String> {
        match self.kind {
            ParamKind::Integer(min, max, _) => {
                let fits = value.as_u64().is_some_and(|number| (min..=max).contains(&number));
                (!fits).then(|| format!("must be an integer from {min} to {max}"))
            }
            ParamKind::OneOf(words) => {
                let fits = value.as_str().is_some_and(|word| words.contains(&word));
                (!fits).then(|| format!("must be one of {}", words.join(", ")))
            }
            ParamKind::Text(max) => {
                let fits = |text: &str| text.chars().count() <= max && !text.chars().any(char::is_control);
                (!value.as_str().is_some_and(fits))
                    .then(|| format!("must be a text of at most {max} characters, on one line"))
            }
            ParamKind::SomeOf(words) => {
                let fits = texts(value)
                    .is_some_and(|list| !list.is_empty() && list.iter().all(|word| words.contains(word)));
                (!fits).then(|| format!("must be a list of some of {}", words.join(", ")))
            }
            ParamKind::Names(max) => {
                let fits = texts(value).is_some_and(|list| list.len() <= max);
                (!fits).then(|| format!("must be a list of at most {max} different names"))
            }
            ParamKind::Checked(wrong, _) => wrong(value),
        }
    }
}

/// A list of texts, none of them twice.
fn texts(value: &Value) -> Option<Vec<&str>> {
    let list: Vec<&str> = value.as_array()?.iter().map(Value::as_str).collect::<Option<_>>()?;
    let once = list.iter().enumerate().all(|(place, text)| !list[..place].contains(text));
    once.then_some(list)
}

/// What is wrong with one field of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field, like `params.seed`.
    pub field: String,
    /// What is wrong and what is allowed.
    pub message: String,
}

/// Every pipeline can be repeated with another seed.
const SEED: ParamSpec = ParamSpec::integer("seed", 0, INTEGER_MAX, 0);

/// A picture is at most this wide and this high.
const SIZE_MAX: u64 = 2_048;
/// What a picture may be.
const IMAGE: &[ParamSpec] = &[
    SEED,
    ParamSpec::integer("steps", 1, 512, 16),
    ParamSpec::integer("width", 64, SIZE_MAX, 768),
    ParamSpec::integer("height", 64, SIZE_MAX, 512),
];
/// What captions may be, and where their images come from besides those that were uploaded.
const CAPTION: &[ParamSpec] = &[
    ParamSpec { name: "language", kind: ParamKind::OneOf(&["en", "de"]) },
    ParamSpec::integer("max_length", 40, 1_000, 125),
    ParamSpec { name: "folder", kind: ParamKind::Text(1_000) },
    ParamSpec { name: "pages", kind: ParamKind::OneOf(&["none", "configured"]) },
];

/// How photos are developed and exported, and where they come from besides those that were uploaded.
const PHOTO: &[ParamSpec] = &[
    ParamSpec { name: "preset", kind: ParamKind::OneOf(wanted::PRESETS) },
    ParamSpec { name: "formats", kind: ParamKind::SomeOf(wanted::FORMATS) },
    ParamSpec::integer("max_size", 16, 20_000, 2_048),
    ParamSpec::integer("quality", 1, 100, 90),
    ParamSpec { name: "metadata", kind: ParamKind::OneOf(wanted::METADATA) },
    ParamSpec { name: "names", kind: ParamKind::Checked(wanted::wrong_names, || json!("{name}")) },
    ParamSpec { name: "recipe", kind: ParamKind::Checked(wanted::wrong_recipe, || json!({})) },
    ParamSpec { name: "select", kind: ParamKind::OneOf(&["all", "best"]) },
    ParamSpec { name: "approval", kind: ParamKind::OneOf(&["none", "ask"]) },
    ParamSpec { name: "folder", kind: ParamKind::Text(1_000) },
    ParamSpec { name: "only", kind: ParamKind::Names(5_000) },
];

/// What may be set for runs of a pipeline; `seed` when nothing else stands here.
pub fn specs(pipeline: &str) -> &'static [ParamSpec] {
    match pipeline {
        "image" => IMAGE,
        "caption" => CAPTION,
        "photo" => PHOTO,
        _ => &[SEED],
    }
}

/// The params of a run: defaults, then those of the project, then those of the request.
///
/// # Errors
/// Every param that is unknown or not allowed, of both maps.
pub fn resolve(
    pipeline: &str,
    project: &Map<String, Value>,
    overrides: &Map<String, Value>,
) -> Result<Map<String, Value>, Vec<FieldError>> {
    let specs = specs(pipeline);
    let mut resolved: Map<String, Value> =
        specs.iter().map(|spec| (spec.name.to_owned(), spec.default())).collect();
    let mut errors = Vec::new();
    for (name, value) in project.iter().chain(overrides) {
        match specs.iter().find(|spec| spec.name == name) {
            None => errors.push(unknown(name, specs)),
            Some(spec) => match spec.wrong(value) {
                None => {
                    resolved.insert(name.clone(), value.clone());
                }
                Some(message) => errors.push(FieldError { field: format!("params.{name}"), message }),
            },
        }
    }
    errors.dedup();
    if errors.is_empty() { Ok(resolved) } else { Err(errors) }
}

fn unknown(name: &str, specs: &[ParamSpec]) -> FieldError {
    let known: Vec<&str> = specs.iter().map(|spec| spec.name).collect();
    FieldError {
        field: format!("params.{name}"),
        message: format!("is unknown; known: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(project: Value, overrides: Value) -> Result<Value, Vec<String>> {
        let (Value::Object(project), Value::Object(overrides)) = (project, overrides) else { unreachable!() };
        resolve("app", &project, &overrides)
            .map(Value::Object)
            .map_err(|errors| errors.into_iter().map(|error| error.field).collect())
    }

    #[test]
    fn fills_in_defaults_and_lets_the_request_win() {
        assert_eq!(check(json!({}), json!({})), Ok(json!({ "seed": 0 })));
        assert_eq!(check(json!({ "seed": 7 }), json!({})), Ok(json!({ "seed": 7 })));
        assert_eq!(check(json!({ "seed": 7 }), json!({ "seed": 8 })), Ok(json!({ "seed": 8 })));
        assert_eq!(check(json!({ "seed": INTEGER_MAX }), json!({})), Ok(json!({ "seed": INTEGER_MAX })));
    }

    #[test]
    fn captions_have_a_language_and_a_length() {
        let resolved = |given: Value| resolve("caption", given.as_object().unwrap(), &Map::new());
        let defaults = json!({ "language": "en", "max_length": 125, "folder": "", "pages": "none" });
        assert_eq!(resolved(json!({})).map(Value::Object), Ok(defaults));
        assert!(resolved(json!({ "language": "de", "max_length": 80, "folder": "shop/spring" })).is_ok());
        for (given, message) in [
            (json!({ "language": "fr" }), "must be one of en, de"),
            (json!({ "language": 1 }), "must be one of en, de"),
            (json!({ "max_length": 39 }), "must be an integer from 40 to 1000"),
            (json!({ "folder": "a\nb" }), "must be a text of at most 1000 characters, on one line"),
            (json!({ "seed": 1 }), "is unknown; known: language, max_length, folder, pages"),
        ] {
            assert_eq!(resolved(given.clone()).unwrap_err()[0].message, message, "{given}");
        }
    }

    #[test]
    fn photos_have_a_preset_formats_and_a_recipe() {
        let resolved = |given: Value| resolve("photo", given.as_object().unwrap(), &Map::new());
        let defaults = json!({
            "preset": "neutral", "formats": ["jpeg"], "max_size": 2048, "quality": 90, "metadata": "keep",
            "names": "{name}", "recipe": {}, "select": "all", "approval": "none", "folder": "", "only": [],
        });
        assert_eq!(resolved(json!({})).map(Value::Object), Ok(defaults));
        let given = json!({ "preset": "vivid", "formats": ["webp", "png"], "recipe": { "tint": 5 }, "only": ["a.jpg"] });
        assert!(resolved(given).is_ok());
        for (given, message) in [
            (
                json!({ "preset": "loud" }),
                "must be one of neutral, auto, vivid, soft, warm, cool, black-and-white",
            ),
            (json!({ "formats": [] }), "must be a list of some of jpeg, png, webp"),
            (json!({ "formats": "png" }), "must be a list of some of jpeg, png, webp"),
            (json!({ "formats": ["png", "png"] }), "must be a list of some of jpeg, png, webp"),
            (json!({ "max_size": 15 }), "must be an integer from 16 to 20000"),
            (json!({ "only": [1] }), "must be a list of at most 5000 different names"),
            (json!({ "recipe": { "contrast": 101 } }), "is no recipe: contrast must be from -100 to 100"),
        ] {
            assert_eq!(resolved(given.clone()).unwrap_err()[0].message, message, "{given}");
        }
    }

    #[test]
    fn a_picture_has_a_size_and_steps() {
        let given = json!({ "width": 2048, "steps": 3 });
        let resolved = resolve("image", given.as_object().unwrap(), &Map::new()).unwrap();
        assert_eq!(Value::Object(resolved), json!({ "seed": 0, "steps": 3, "width": 2048, "height": 512 }));
        for wrong in [json!({ "width": 2049 }), json!({ "height": 63 }), json!({ "steps": 0 })] {
            assert!(resolve("image", wrong.as_object().unwrap(), &Map::new()).is_err(), "{wrong}");
        }
        assert!(resolve("app", json!({ "steps": 3 }).as_object().unwrap(), &Map::new()).is_err());
    }

    #[test]
    fn names_what_is_wrong() {
        for bad in
            [json!(-1), json!(1.5), json!("7"), json!(null), json!([1]), json!(true), json!(INTEGER_MAX + 1)]
        {
            assert_eq!(
                check(json!({}), json!({ "seed": bad })),
                Err(vec!["params.seed".to_owned()]),
                "{bad}"
            );
        }
        assert_eq!(check(json!({ "sed": 1 }), json!({})), Err(vec!["params.sed".to_owned()]));
    }
}
