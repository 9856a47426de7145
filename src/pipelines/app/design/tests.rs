use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::script::{ScriptJob, ScriptOutcome};

struct Quiet;

impl AgentHost for Quiet {
    fn log(&self, _: LogLevel, _: &str) {}
    fn progress(&self, _: f64, _: &str) {}
    fn check(&self) -> Result<(), AgentError> {
        Ok(())
    }
    fn run_scripts(
        &self,
        _: &ScriptJob,
        _: &mut dyn FnMut(usize, &ScriptOutcome),
    ) -> Result<Vec<ScriptOutcome>, AgentError> {
        Ok(Vec::new())
    }
}

fn inputs(title: &str, theme: &[&str]) -> AgentInputs {
    let model = json!({ "x-callboard": {
        "title": title, "slug": title.to_lowercase().replace(' ', "-"), "theme": theme,
        "entities": [{
            "key": "book", "collection": "books", "label": title, "label_plural": "Books", "title_field": "title",
            "fields": [{ "key": "title", "label": "Title", "type": "text", "max_length": null,
                "required": true, "unique": false, "default": null }],
        }],
    }});
    let mut files = FileSet::default();
    files.insert("model.json", model.to_string().into_bytes());
    AgentInputs { files, ..AgentInputs::default() }
}

fn written(title: &str, theme: &[&str]) -> FileSet {
    let output = run(&inputs(title, theme), &Quiet).unwrap();
    let mut files = FileSet::default();
    for file in output.files {
        files.insert(file.path, file.bytes);
    }
    files
}

#[test]
fn only_a_themed_app_can_be_switched() {
    let plain = written("Books", &[]);
    assert!(!plain.text("tokens.css").unwrap().contains("data-theme"));
    assert!(plain.text("tokens.css").unwrap().contains("prefers-color-scheme: dark"));
    let dark = written("Books", &["dark"]);
    assert!(dark.text("tokens.css").unwrap().contains(":root[data-theme=\"light\"]"));
    assert_eq!(Design::read(&dark).unwrap().scheme, "dark");
}

#[test]
fn the_icon_shows_what_the_app_keeps() {
    let icon = |title| written(title, &["blue"]).text("icon.svg").unwrap().to_owned();
    assert_ne!(icon("Book"), icon("Habit"));
    assert!(icon("Zebra").contains(">Z</text>"));
    assert!(icon("<&\"").contains(">A</text>"), "nothing of the title may break the XML");
}

#[test]
fn same_input_same_bytes_and_two_apps_differ() {
    let bytes = |title| written(title, &[]).text("tokens.css").unwrap().to_owned();
    assert_eq!(bytes("Books"), bytes("Books"));
    assert_ne!(bytes("Books"), bytes("Tickets"));
}

#[test]
fn a_missing_model_is_said() {
    let error = run(&AgentInputs::default(), &Quiet).unwrap_err();
    assert!(error.to_string().contains("model.json"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_words_give_a_design_that_holds(theme in proptest::collection::vec(".{0,12}", 0..4), title in ".{0,20}") {
        let theme: Vec<&str> = theme.iter().map(String::as_str).collect();
        let design = Design::read(&written(&title, &theme)).unwrap();
        prop_assert!(design.text_contrast_min >= 4.5 && design.control_contrast_min >= 3.0);
    }
}
