//! A broken generator template makes the run red, with agent, file and line; it never makes a broken app.

use callboard::pipelines::app::templates::replace_template_for_brief;

use crate::helpers::spawn_app;

/// How the embedded template compares two keys.
const COMPARE: &str = "Number(a > b) - Number(a < b)";

/// Runs a brief that nothing else uses with one template replaced; answers the completion.
async fn completion_with(brief: &str, template: &str, source: &str) -> serde_json::Value {
    replace_template_for_brief(brief, template, source);
    let app = spawn_app().await;
    let project = app.project(brief).await;
    let mut socket = app.socket(&project, None).await;
    let run = app.generate(&project).await;
    let completion = socket.until("completion").await;
    let ended = app.ended(&run).await;
    assert_eq!(ended["error"], completion["error"], "the run and its room say the same");
    completion
}

#[tokio::test]
async fn a_template_that_cannot_be_rendered_fails_the_run_with_its_line() {
    let brief = "A list of lamps with name and watts between 1 and 100; search by name.";
    let broken = "// fine\n// fine\n{{ this_is_nowhere.at_all }}\n";
    let completion = completion_with(brief, "core/query.js", broken).await;
    assert_eq!(completion["status"], "failed");
    assert_eq!(completion["success"], false);
    let error = &completion["error"];
    assert_eq!(error["agent"], "core-logic");
    assert!(error["file"].as_str().unwrap().contains("query.js"), "{error}");
    assert_eq!(error["line"], 3, "{error}");
}

#[tokio::test]
async fn a_template_that_gives_no_javascript_fails_the_run_with_its_line() {
    let brief = "A list of chairs with name and legs between 1 and 9; search by name.";
    let broken = "export function searchRecords() {\n  return [;\n}\n";
    let completion = completion_with(brief, "core/query.js", broken).await;
    assert_eq!(completion["status"], "failed");
    let error = &completion["error"];
    assert_eq!(error["agent"], "core-logic");
    assert!(error["file"].as_str().unwrap().contains("query.js"), "{error}");
    assert_eq!(error["line"], 2, "{error}");
}

#[tokio::test]
async fn a_template_that_gives_wrong_javascript_is_found_by_the_tests() {
    let brief = "A list of doors with name and height between 1 and 9; sort by height, highest first.";
    let embedded = include_str!("../../src/pipelines/app/templates/core/query.js.jinja");
    assert!(embedded.contains(COMPARE), "the template still compares as this test knows it");
    let wrong = embedded.replace(COMPARE, "Number(a < b) - Number(a > b)");
    let completion = completion_with(brief, "core/query.js", &wrong).await;
    assert_eq!(completion["status"], "failed", "{completion}");
    assert_eq!(completion["error"]["agent"], "verifier");
    assert!(completion["error"]["file"].is_string() && completion["error"]["line"].is_u64(), "{completion}");
}
