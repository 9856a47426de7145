//! What was asked for: the params of a run, read once.

use serde_json::{Map, Value};

use crate::darkroom::print::{Keep, PrintFormat};
use crate::darkroom::recipe::{Preset, Recipe};
use crate::pipelines::AgentInputs;

/// Names of presets.
pub const PRESETS: &[&str] = Preset::NAMES;
/// Names of formats.
pub const FORMATS: &[&str] = PrintFormat::NAMES;
/// What can be kept of metadata.
pub const METADATA: &[&str] = Keep::NAMES;
/// Characters of a pattern for names.
const PATTERN_CHARS_MAX: usize = 100;
/// What a pattern may stand for.
const PLACES: [&str; 4] = ["{name}", "{number}", "{date}", "{preset}"];

/// What was asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wanted {
    pub(super) preset: Preset,
    /// What differs from the preset.
    pub(super) changes: Map<String, Value>,
    pub(super) formats: Vec<PrintFormat>,
    pub(super) max_size: u32,
    pub(super) quality: u8,
    pub(super) keep: Keep,
    pub(super) names: String,
    /// Of a burst the best alone.
    pub(super) best_alone: bool,
    /// These files alone; empty for all.
    pub(super) only: Vec<String>,
}

impl Wanted {
    /// Of the params of a run; what is missing has its default.
    pub(super) fn of(inputs: &AgentInputs) -> Self {
        let text = |name: &str| inputs.params.get(name).and_then(Value::as_str).unwrap_or_default();
        let number =
            |name: &str, default: u64| inputs.params.get(name).and_then(Value::as_u64).unwrap_or(default);
        let list = |name: &str| -> Vec<String> {
            let list = inputs.params.get(name).and_then(Value::as_array);
            list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let mut formats: Vec<PrintFormat> =
            list("formats").iter().filter_map(|name| PrintFormat::find(name)).collect();
        formats.sort();
        formats.dedup();
        if formats.is_empty() {
            formats.push(PrintFormat::Jpeg);
        }
        let changes = inputs.params.get("recipe").and_then(Value::as_object).cloned().unwrap_or_default();
        Self {
            preset: Preset::find(text("preset")).unwrap_or(Preset::Neutral),
            changes,
            formats,
            max_size: u32::try_from(number("max_size", 2_048)).unwrap_or(2_048),
            quality: u8::try_from(number("quality", 90)).unwrap_or(90),
            keep: Keep::find(text("metadata")).unwrap_or(Keep::All),
            names: Some(text("names")).filter(|names| !names.is_empty()).unwrap_or("{name}").to_owned(),
            best_alone: text("select") == "best",
            only: list("only"),
        }
    }

    /// The recipe of a photo for which this exposure would be right.
    pub(super) fn recipe(&self, suggested_ev: f64) -> Result<Recipe, String> {
        changed(self.preset.recipe(suggested_ev), &self.changes)
    }
}

fn changed(recipe: Recipe, changes: &Map<String, Value>) -> Result<Recipe, String> {
    let mut value = serde_json::to_value(recipe).map_err(|error| error.to_string())?;
    if let Some(fields) = value.as_object_mut() {
        fields.extend(changes.clone());
    }
    checked(value)
}

/// A recipe whose fields are known and within their ranges.
///
/// # Errors
/// What is wrong with it.
pub(super) fn checked(value: Value) -> Result<Recipe, String> {
    let recipe: Recipe = serde_json::from_value(value).map_err(|error| error.to_string())?;
    let wrong: Vec<String> =
        recipe.wrong().into_iter().map(|(field, message)| format!("{field} {message}")).collect();
    if wrong.is_empty() { Ok(recipe) } else { Err(wrong.join("; ")) }
}

/// What is wrong with the changes to a recipe that a param gives.
pub fn wrong_recipe(value: &Value) -> Option<String> {
    match value.as_object() {
        Some(changes) => changed(Recipe::default(), changes).err().map(|why| format!("is no recipe: {why}")),
        None => Some("must be an object with fields of a recipe, like { \"exposure_ev\": 0.5 }".to_owned()),
    }
}

/// What is wrong with a pattern for names.
pub fn wrong_names(value: &Value) -> Option<String> {
    let plain = |pattern: &str| PLACES.iter().fold(pattern.to_owned(), |text, place| text.replace(place, ""));
    let fits = |pattern: &str| {
        let written = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.' | '(' | ')' | '+');
        pattern.chars().count() <= PATTERN_CHARS_MAX
            && !pattern.is_empty()
            && !pattern.starts_with(['.', ' '])
            && plain(pattern).chars().all(written)
    };
    (!value.as_str().is_some_and(fits)).then(|| {
        format!(
            "must be letters, digits, spaces, - _ . ( ) + and {}, at most {PATTERN_CHARS_MAX} characters",
            PLACES.join(" ")
        )
    })
}

/// The name of a file by a pattern, without its end.
pub(super) fn named(pattern: &str, item: &str, number: usize, date: Option<&str>, preset: Preset) -> String {
    let stem = item.rsplit_once('.').map_or(item, |(stem, _)| stem);
    let day = date.and_then(|date| date.get(..10)).unwrap_or("undated");
    let name = pattern
        .replace("{number}", &format!("{number:04}"))
        .replace("{date}", day)
        .replace("{preset}", preset.as_str())
        .replace("{name}", stem);
    // What a camera or a person wrote may be anything.
    let safe: String = name
        .chars()
        .map(|c| {
            if c.is_control() || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|') {
                '-'
            } else {
                c
            }
        })
        .collect();
    let safe = safe.trim_matches(|c: char| c == '.' || c == ' ');
    if safe.is_empty() { format!("photo-{number:04}") } else { safe.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_follow_their_pattern_and_lead_nowhere() {
        let name = |pattern: &str, item: &str| {
            assert_eq!(wrong_names(&json!(pattern)), None, "{pattern}");
            named(pattern, item, 7, Some("2024-05-01 12:30:00"), Preset::Soft)
        };
        assert_eq!(name("{name}", "a b.c.JPG"), "a b.c");
        assert_eq!(name("{date}_{number} {preset}", "x.jpg"), "2024-05-01_0007 soft");
        assert_eq!(name("{name}", "..\\..\\x.jpg"), "-..-x");
        assert_eq!(name("{name}", ".jpg"), "photo-0007");
        assert_eq!(named("{date}", "x", 1, None, Preset::Soft), "undated");
        for wrong in [
            json!("a/b"),
            json!("../x"),
            json!("{name"),
            json!("{other}"),
            json!(""),
            json!(1),
            json!("x".repeat(101)),
        ] {
            assert!(wrong_names(&wrong).is_some(), "{wrong}");
        }
    }

    #[test]
    fn changes_to_a_recipe_are_held_to_its_ranges() {
        assert_eq!(
            wrong_recipe(
                &json!({ "exposure_ev": 0.5, "crop": { "x": 0, "y": 0, "width": 1, "height": 0.5 } })
            ),
            None
        );
        assert!(
            wrong_recipe(&json!({ "exposure_ev": 9 })).unwrap().contains("exposure_ev must be from -5 to 5")
        );
        assert!(wrong_recipe(&json!({ "brightness": 1 })).unwrap().contains("unknown field"));
        assert!(wrong_recipe(&json!([])).is_some());
    }
}
