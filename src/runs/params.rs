//! What may be set for a run: names, limits and defaults by pipeline.

use serde_json::{Map, Value};

/// Integers up to here are exact in JSON as JavaScript reads it (2^53 - 1).
const INTEGER_MAX: u64 = (1 << 53) - 1;

/// One thing that may be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParamSpec {
    /// Its name in `params`.
    pub name: &'static str,
    /// The smallest allowed value.
    pub min: u64,
    /// The largest allowed value.
    pub max: u64,
    /// What holds when it is not given.
    pub default: u64,
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
const SEED: ParamSpec = ParamSpec { name: "seed", min: 0, max: INTEGER_MAX, default: 0 };

/// A picture is at most this wide and this high.
const SIZE_MAX: u64 = 2_048;
/// What a picture may be.
const IMAGE: &[ParamSpec] = &[
    SEED,
    ParamSpec { name: "steps", min: 1, max: 512, default: 16 },
    ParamSpec { name: "width", min: 64, max: SIZE_MAX, default: 768 },
    ParamSpec { name: "height", min: 64, max: SIZE_MAX, default: 512 },
];

/// What may be set for runs of a pipeline. All of them take `seed`; further params stand here by pipeline.
pub fn specs(pipeline: &str) -> &'static [ParamSpec] {
    match pipeline {
        "image" => IMAGE,
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
        specs.iter().map(|spec| (spec.name.to_owned(), Value::from(spec.default))).collect();
    let mut errors = Vec::new();
    for (name, value) in project.iter().chain(overrides) {
        match specs.iter().find(|spec| spec.name == name) {
            None => errors.push(unknown(name, specs)),
            Some(spec) => match value.as_u64() {
                Some(number) if (spec.min..=spec.max).contains(&number) => {
                    resolved.insert(name.clone(), value.clone());
                }
                _ => errors.push(FieldError {
                    field: format!("params.{name}"),
                    message: format!("must be an integer from {} to {}", spec.min, spec.max),
                }),
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
