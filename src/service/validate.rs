//! What a project may be called and say: pure checks, each with its message.

use serde_json::{Map, Value};

use crate::config::LimitsConfig;
use crate::runs::params;
use crate::service::catalog::PipelineCatalog;
use crate::service::error::FieldError;

/// Words of a name that is taken from the brief.
const NAME_WORDS_MAX: usize = 6;
/// Characters of such a name.
const DERIVED_NAME_CHARS_MAX: usize = 60;

/// Checks a brief, for its length and with the words of its pipeline.
pub fn brief(
    brief: &str,
    pipeline: &str,
    catalog: &dyn PipelineCatalog,
    limits: &LimitsConfig,
) -> Option<FieldError> {
    let wrong = |message: String| Some(FieldError::new("brief", message));
    let chars = brief.chars().count();
    if brief.trim().is_empty() {
        return wrong("must say what is wanted".to_owned());
    }
    if chars > limits.brief_chars_max {
        return wrong(format!("has {chars} characters; at most {} are allowed", limits.brief_chars_max));
    }
    if let Some(control) = brief.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return wrong(format!("holds the control character U+{:04X}", u32::from(control)));
    }
    catalog.check_brief(pipeline, brief).err().and_then(wrong)
}

/// Checks a name that was given.
pub fn name(name: &str, limits: &LimitsConfig) -> Option<FieldError> {
    let wrong = |message: String| Some(FieldError::new("name", message));
    let chars = name.trim().chars().count();
    if chars == 0 {
        wrong("must not be empty".to_owned())
    } else if chars > limits.name_chars_max {
        wrong(format!("has {chars} characters; at most {} are allowed", limits.name_chars_max))
    } else if name.chars().any(char::is_control) {
        wrong("must be one line without control characters".to_owned())
    } else {
        None
    }
}

/// Checks that a pipeline is known.
pub fn pipeline(name: &str, catalog: &dyn PipelineCatalog) -> Option<FieldError> {
    let known = catalog.agents(name).is_some();
    (!known).then(|| FieldError::new("pipeline", format!("must be one of {}", catalog.names().join(", "))))
}

/// Checks params of a project, before any run overrides some.
pub fn params(pipeline: &str, given: &Map<String, Value>) -> Vec<FieldError> {
    match params::resolve(pipeline, given, &Map::new()) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.into_iter().map(|error| FieldError::new(error.field, error.message)).collect(),
    }
}

/// How a wish begins before it says what for.
const LEADS: &[&str] = &[
    "please ",
    "i need ",
    "i want ",
    "i'd like ",
    "i would like ",
    "we need ",
    "we want ",
    "we'd like ",
    "we would like ",
    "to have ",
    "to get ",
    "give me ",
    "make me ",
    "build me ",
    "write me ",
    "create me ",
    "build ",
    "create ",
    "generate ",
];

/// What is left of a wish without its lead; all of it when nothing would be left.
fn without_lead(text: &str) -> &str {
    let mut rest = text;
    while let Some(shorter) = LEADS.iter().find_map(|lead| {
        rest.get(..lead.len())
            .filter(|start| start.eq_ignore_ascii_case(lead))
            .map(|_| rest[lead.len()..].trim_start())
    }) {
        rest = shorter;
    }
    if rest.is_empty() { text } else { rest }
}

/// A name from the first words of a brief: up to its first sentence end, without the lead of a wish (`I need …`),
/// `Untitled` when there is no word.
pub fn name_from_brief(brief: &str) -> String {
    let first = brief.trim().split(['.', ':', ';', '!', '?', '\n', '\r']).next().unwrap_or_default();
    let wish = without_lead(first);
    let first = match wish.chars().next() {
        Some(start) if wish.len() < first.len() => {
            start.to_uppercase().collect::<String>() + &wish[start.len_utf8()..]
        }
        _ => first.to_owned(),
    };
    let words: String = first
        .split_whitespace()
        .take(NAME_WORDS_MAX)
        .map(|word| word.chars().filter(|c| !c.is_control()).collect::<String>())
        .collect::<Vec<_>>()
        .join(" ");
    let name: String = words.trim_end_matches(',').chars().take(DERIVED_NAME_CHARS_MAX).collect();
    if name.trim().is_empty() { "Untitled".to_owned() } else { name.trim().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::service::catalog::CatalogAgent;

    struct OnePipeline;

    impl PipelineCatalog for OnePipeline {
        fn names(&self) -> Vec<String> {
            vec!["app".to_owned()]
        }
        fn agents(&self, pipeline: &str) -> Option<Vec<CatalogAgent>> {
            (pipeline == "app").then(Vec::new)
        }
        fn check_brief(&self, _: &str, brief: &str) -> Result<(), String> {
            if brief.contains("asdf") { Err("says nothing that can be built".to_owned()) } else { Ok(()) }
        }
    }

    fn limits() -> LimitsConfig {
        LimitsConfig { brief_chars_max: 10, name_chars_max: 5, ..Config::default().limits }
    }

    #[test]
    fn briefs() {
        for (text, expected) in [
            ("a list", None),
            ("ten chars!", None),
            ("zehn Ümläu", None),
            ("ünïcödé 🎭🎭", None),
            ("a\nb\tc\r\n", None),
            ("", Some("must say what is wanted")),
            (" \n\t", Some("must say what is wanted")),
            ("eleven chrs", Some("has 11 characters; at most 10 are allowed")),
            ("a\0b", Some("holds the control character U+0000")),
            ("a\u{1b}b", Some("holds the control character U+001B")),
            ("asdf", Some("says nothing that can be built")),
        ] {
            let message = brief(text, "app", &OnePipeline, &limits()).map(|error| error.message);
            assert_eq!(message.as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn names() {
        for (text, expected) in [
            ("Books", None),
            (" Books ", None),
            ("", Some("must not be empty")),
            ("  ", Some("must not be empty")),
            ("Bookss", Some("has 6 characters; at most 5 are allowed")),
            ("a\nb", Some("must be one line without control characters")),
        ] {
            assert_eq!(name(text, &limits()).map(|error| error.message).as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn pipelines_and_params() {
        assert_eq!(pipeline("app", &OnePipeline), None);
        assert_eq!(pipeline("opera", &OnePipeline).unwrap().message, "must be one of app");
        let seed = |value: Value| params("app", &Map::from_iter([("seed".to_owned(), value)]));
        assert!(seed(Value::from(1)).is_empty());
        assert_eq!(seed(Value::from("x"))[0].field, "params.seed");
        assert_eq!(
            params("app", &Map::from_iter([("sed".to_owned(), Value::from(1))]))[0].field,
            "params.sed"
        );
    }

    #[test]
    fn names_from_briefs() {
        for (text, expected) in [
            ("A reading list: books with title", "A reading list"),
            ("one two three four five six seven eight", "one two three four five six"),
            ("  Track habits,\nplease", "Track habits"),
            ("I need an expense log with amounts", "An expense log with amounts"),
            ("Please build me a quiz.", "A quiz"),
            ("we would like to have über-lists", "Über-lists"),
            ("I need", "I need"),
            ("Ünïcödé 🎭", "Ünïcödé 🎭"),
            ("...", "Untitled"),
            ("", "Untitled"),
        ] {
            assert_eq!(name_from_brief(text), expected, "{text:?}");
        }
        assert_eq!(name_from_brief(&"x".repeat(1000)).chars().count(), DERIVED_NAME_CHARS_MAX);
    }
}
