//! Agent 4, `architect`: the plan of the files, in dependency order.

use serde_json::{Value, json};

use super::core_logic;
use super::core_logic::store::methods;
use super::features::App;
use crate::domain::event::LogLevel;
use crate::pipelines::{AgentError, AgentHost, AgentInputs, AgentOutput, OutputFile};

/// Kinds of apps, each with the features that speak for it.
const BLUEPRINTS: [(&str, &[&str]); 6] = [
    ("quiz", &["quiz"]),
    ("habit tracker", &["checkIn", "streak"]),
    ("workflow board", &["allowedSteps", "mark"]),
    ("schedule", &["overlap", "calendar"]),
    ("ledger", &["total", "alerts"]),
    ("collection", &["list"]),
];

/// Writes `plan.json`.
///
/// # Errors
/// When the model does not fit the requirements.
pub fn run(inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    let app = App::read(&inputs.files)?;
    host.check()?;
    host.progress(30.0, "Choosing a blueprint");
    let blueprint = blueprint(&app);
    host.log(LogLevel::Info, &format!("Blueprint: {blueprint}"));
    let mut modules = vec![
        module(
            "src/data/storage.js",
            "data",
            "keeps the records between visits",
            &["createMemoryStorage", "createLocalStorage"],
            &[],
        ),
        module("src/data/seed.js", "data", "the records a new app starts with", &["seed"], &[]),
    ];
    for planned in core_logic::modules(&app) {
        let exports: Vec<&str> = planned.exports.iter().map(String::as_str).collect();
        let imports: Vec<&str> = planned.imports.iter().map(String::as_str).collect();
        modules.push(module(&planned.path, "core-logic", &planned.purpose, &exports, &imports));
    }
    for planned in &modules {
        host.log(LogLevel::Info, &format!("{}: {}", text(planned, "path"), text(planned, "purpose")));
    }
    let methods = methods(&app);
    let plan = json!({ "blueprint": blueprint, "store": methods, "modules": modules });
    let summary =
        format!("{blueprint}: {} modules, {} operations of the store", modules.len(), methods.len());
    let text = format!("{plan:#}\n");
    Ok(AgentOutput { files: vec![OutputFile::text("plan.json", text)], summary })
}

fn text<'a>(module: &'a Value, key: &str) -> &'a str {
    module[key].as_str().unwrap_or_default()
}

fn module(path: &str, agent: &str, purpose: &str, exports: &[&str], imports: &[&str]) -> Value {
    json!({ "path": path, "purpose": purpose, "agent": agent, "exports": exports, "imports": imports })
}

/// The kind of app with the largest share of its features asked for; of equals the first.
fn blueprint(app: &App) -> &'static str {
    let mut asked = methods(app);
    asked.extend(app.any(|features| !features.overlaps.is_empty()).then_some("overlap"));
    let mut best = ("collection", 0);
    for (name, features) in BLUEPRINTS {
        let score = features.iter().filter(|feature| asked.contains(feature)).count() * 100 / features.len();
        // Every app lists records, so that alone must not win against a better fit.
        let score = if name == "collection" { score / 4 } else { score };
        if score > best.1 {
            best = (name, score);
        }
    }
    best.0
}
