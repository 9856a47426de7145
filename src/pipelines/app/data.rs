//! Agent 6, `data`: the storage of an app and the records it starts with.

use serde_json::json;

use super::features::App;
use super::javascript::Js;
use super::samples;
use super::templates::Templates;
use crate::domain::event::LogLevel;
use crate::pipelines::{AgentError, AgentHost, AgentInputs, AgentOutput, OutputFile};

/// Writes `package.json`, `src/data/storage.js` and `src/data/seed.js`.
///
/// # Errors
/// When the model does not fit the requirements, a template is broken or a seed record breaks a rule.
pub fn run(inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    run_with(&Templates::for_run(inputs), inputs, host)
}

/// The same with other templates.
///
/// # Errors
/// As [`run`].
pub fn run_with(
    templates: &Templates,
    inputs: &AgentInputs,
    host: &dyn AgentHost,
) -> Result<AgentOutput, AgentError> {
    let app = App::read(&inputs.files)?;
    host.progress(10.0, "Inventing records to start with");
    let collections = samples::seed_records(&app, inputs.seed());
    for (features, (collection, records)) in app.entities.iter().zip(&collections) {
        host.check()?;
        host.log(LogLevel::Info, &format!("{collection}: {} records to start with", records.len()));
        let record_schema = super::contract::record_schema(&app, features);
        for record in records {
            crate::pipelines::schema::validate(&record.json(), &record_schema).map_err(|message| {
                AgentError::Failed {
                    message: format!("a record that the app starts with breaks a rule: {message}"),
                    file: Some("src/data/seed.js".to_owned()),
                    line: None,
                }
            })?;
        }
    }
    host.progress(60.0, "Writing the storage");
    let count: usize = collections.iter().map(|(_, records)| records.len()).sum();
    let seed = Js::object(collections.into_iter().map(|(name, records)| (name, Js::List(records))));
    let storage = templates.render("data/storage.js", json!({}))?;
    let seed = templates.render("data/seed.js", json!({ "seed": seed.block(0, 20) }))?;
    host.log(LogLevel::Info, "src/data/storage.js: in memory, and in the browser where it allows that");
    Ok(AgentOutput {
        files: vec![
            OutputFile::text("package.json", package(&app)),
            OutputFile::text("src/data/storage.js", storage),
            OutputFile::text("src/data/seed.js", seed),
        ],
        summary: format!("{count} records to start with, storage in memory and in the browser"),
    })
}

/// `package.json`: no dependency, and `npm test` runs the tests.
fn package(app: &App) -> String {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    format!(
        "{{\n  \"name\": {},\n  \"version\": \"1.0.0\",\n  \"description\": {},\n  \"private\": true,\n  \"type\": \"module\",\n  \"scripts\": {{\n    \"test\": \"node --test\"\n  }},\n  \"engines\": {{\n    \"node\": \">=20\"\n  }}\n}}\n",
        text(&app.slug),
        text(&app.title)
    )
}
