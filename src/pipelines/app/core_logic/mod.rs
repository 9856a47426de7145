//! Agent 7, `core-logic`: the modules of `src/core/`, compiled as they are written.

pub(super) mod entity;
pub(super) mod model;
pub(super) mod rules;
pub(super) mod store;
pub(super) mod views;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::features::App;
use super::javascript::lower;
use super::templates::Templates;
use crate::domain::event::LogLevel;
use crate::domain::script::{ScriptJob, ScriptOutcome, ScriptStep};
use crate::pipelines::{AgentError, AgentHost, AgentInputs, AgentOutput, OutputFile};

/// Heap of the child that compiles the modules; they are small, this is room enough for hundreds.
const COMPILE_MEMORY_BYTES: u64 = 64 * 1024 * 1024;
/// Time to compile one module.
const COMPILE_STEP_MS: u64 = 5_000;

/// One module that is to be generated.
#[derive(Clone, Debug)]
pub(super) struct Module {
    /// Where it goes, like `src/core/book.js`.
    pub(super) path: String,
    /// The template it is made from.
    template: &'static str,
    /// What it is for, in words.
    pub(super) purpose: String,
    /// What it exports.
    pub(super) exports: Vec<String>,
    /// The modules it imports, by path.
    pub(super) imports: Vec<String>,
    context: Value,
}

/// Writes the modules.
///
/// # Errors
/// When the model does not fit the requirements, a template is broken or a module does not compile.
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
    let modules = modules(&app);
    check_plan(inputs, &modules)?;
    let mut files = BTreeMap::new();
    let mut output = Vec::new();
    for (index, module) in modules.iter().enumerate() {
        host.check()?;
        #[expect(clippy::cast_precision_loss, reason = "a handful of modules")]
        let percent = 80.0 * index as f64 / modules.len() as f64;
        host.progress(percent, &format!("Writing {}", module.path));
        let text = templates.render(module.template, &module.context)?;
        let lines = text.lines().count();
        host.log(
            LogLevel::Info,
            &format!("{}: {lines} lines, exports {}", module.path, module.exports.join(", ")),
        );
        files.insert(module.path.clone(), text.clone());
        output.push(OutputFile::text(&module.path, text));
    }
    host.progress(80.0, "Compiling the modules");
    compile(files, host)?;
    let lines: usize =
        output.iter().map(|file| file.bytes.iter().filter(|byte| **byte == b'\n').count()).sum();
    let summary = format!("{} modules, {lines} lines, all compile", output.len());
    Ok(AgentOutput { files: output, summary })
}

/// Has every file compiled; the first that does not compile is named with its line.
fn compile(files: BTreeMap<String, String>, host: &dyn AgentHost) -> Result<(), AgentError> {
    let paths: Vec<String> = files.keys().cloned().collect();
    let job = ScriptJob {
        steps: paths.iter().map(|path| ScriptStep::Parse { path: path.clone() }).collect(),
        files,
        memory_bytes: COMPILE_MEMORY_BYTES,
        step_ms: COMPILE_STEP_MS,
    };
    let total = paths.len();
    let outcomes = host.run_scripts(&job, &mut |step, _| {
        #[expect(clippy::cast_precision_loss, reason = "a handful of modules")]
        let percent = 80.0 + 20.0 * (step + 1) as f64 / total as f64;
        host.progress(percent, &format!("Compiled {} of {total} modules", step + 1));
    })?;
    for (path, outcome) in paths.iter().zip(&outcomes) {
        let failed = |message: &str, line: Option<u32>| AgentError::Failed {
            message: message.to_owned(),
            file: Some(path.clone()),
            line,
        };
        match outcome {
            ScriptOutcome::Parsed | ScriptOutcome::Tested { .. } => {}
            ScriptOutcome::Error { error } => {
                return Err(failed(&format!("this module does not compile: {}", error.message), error.line));
            }
            ScriptOutcome::TimedOut => return Err(failed("compiling this module took too long", None)),
            ScriptOutcome::OutOfMemory => {
                return Err(failed("compiling this module took too much memory", None));
            }
        }
    }
    Ok(())
}

/// The plan names the modules beforehand; where another architect planned other ones, the interface and the tests would
/// miss them.
fn check_plan(inputs: &AgentInputs, modules: &[Module]) -> Result<(), AgentError> {
    let plan: Value = inputs.files.json("plan.json")?;
    let planned: Vec<&str> = plan["modules"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|module| module["agent"] == "core-logic")
        .filter_map(|module| module["path"].as_str())
        .collect();
    match modules.iter().find(|module| !planned.contains(&module.path.as_str())) {
        Some(module) => Err(AgentError::Failed {
            message: format!("the plan does not have the module {}", module.path),
            file: Some("plan.json".to_owned()),
            line: None,
        }),
        None => Ok(()),
    }
}

/// Every module of `src/core/`, each after those it imports.
pub(super) fn modules(app: &App) -> Vec<Module> {
    let flags = store::Flags::of(app);
    let mut modules = Vec::new();
    let mut add = |name: &str, template: &'static str, purpose: &str, exports: &[&str], context: Value| {
        modules.push(Module {
            path: format!("src/core/{name}.js"),
            template,
            purpose: purpose.to_owned(),
            exports: exports.iter().map(|export| (*export).to_owned()).collect(),
            imports: imports(template, &context),
            context,
        });
    };
    let model = json!({ "app": model::app(app).block(0, 19), "entities": model::entities(app).block(0, 24) });
    add(
        "model",
        "core/model.js",
        "describes the kinds of records and their fields",
        &["app", "entities"],
        model,
    );
    let values = entity::values(app);
    add(
        "values",
        "core/values.js",
        "reads and checks single values",
        &value_exports(&values),
        values.clone(),
    );
    if app.any(|features| !features.overlaps.is_empty()) {
        add("overlap", "core/overlap.js", "tells whether two intervals meet", &["overlaps"], json!({}));
    }
    for features in &app.entities {
        let pascal = features.pascal();
        let mut exports = vec![format!("blank{pascal}"), format!("validate{pascal}")];
        if !features.derived().is_empty() {
            exports.push(format!("derive{pascal}"));
        }
        let exports: Vec<&str> = exports.iter().map(String::as_str).collect();
        let purpose = format!("the rules of {}", lower(&features.entity.label_plural));
        add(&features.module(), "core/entity.js", &purpose, &exports, entity::context(app, features));
    }
    if flags.clock() {
        let mut exports = vec!["today"];
        exports.extend(flags.streak.then_some("addDays"));
        let context = json!({ "today": true, "day_after": flags.streak });
        add("days", "core/days.js", "reckons with days", &exports, context);
    }
    if flags.search || flags.filter || flags.sort {
        let mut exports = Vec::new();
        exports.extend(flags.search.then_some("searchRecords"));
        exports.extend(flags.filter.then_some("filterRecords"));
        exports.extend(flags.sort.then_some("sortRecords"));
        add("query", "core/query.js", "finds and orders records", &exports, views::query(app));
    }
    if let Some(context) = views::groups(app) {
        add("groups", "core/groups.js", "sorts records into groups", &["groupRecords"], context);
    }
    if flags.totals {
        add("totals", "core/totals.js", "makes one number out of many", &["totalOf"], views::totals(app));
    }
    if flags.transitions {
        let exports = ["stepsFrom", "checkSteps"];
        add(
            "transitions",
            "core/transitions.js",
            "knows the steps a record may take",
            &exports,
            views::transitions(app),
        );
    }
    if flags.due {
        add("due", "core/due.js", "tells what is overdue", &["isOverdueOn"], views::due(app));
    }
    if flags.alerts {
        add(
            "alerts",
            "core/alerts.js",
            "points out what deserves attention",
            &["alertsOf"],
            views::alerts(app),
        );
    }
    if flags.streak {
        add("streak", "core/streak.js", "counts days in a row", &["streakOf"], json!({}));
    }
    if flags.quiz {
        add("quiz", "core/quiz.js", "asks records and scores answers", &["createQuiz"], views::quiz(app));
    }
    if flags.imports || flags.exports {
        let mut exports = Vec::new();
        exports.extend(flags.imports.then_some("readRecords"));
        exports.extend(flags.exports.then_some("writeRecords"));
        add("transfer", "core/transfer.js", "reads and writes files", &exports, views::transfer(app));
    }
    if flags.statistics {
        let context = views::statistics(app);
        add("statistics", "core/statistics.js", "works out the figures", &["statisticsOf"], context);
    }
    if flags.calendar {
        add(
            "calendar",
            "core/calendar.js",
            "lays records out by day",
            &["calendarOf"],
            json!({ "when": views::on_day(app) }),
        );
    }
    if flags.undo {
        add(
            "history",
            "core/history.js",
            "goes back and forth through changes",
            &["createHistory"],
            json!({}),
        );
    }
    let context = store::context(app);
    add("store", "core/store.js", "keeps the records and checks every change", &["createStore"], context);
    modules
}

/// What a module imports: entities and the store list it for their templates, other templates always import the same.
fn imports(template: &str, context: &Value) -> Vec<String> {
    let fixed: &[&str] = match template {
        "core/groups.js" | "core/statistics.js" | "core/transfer.js" | "core/transitions.js" => {
            &["./model.js"]
        }
        "core/streak.js" => &["./days.js"],
        _ => &[],
    };
    let listed =
        context["imports"].as_array().into_iter().flatten().filter_map(|import| import["from"].as_str());
    fixed
        .iter()
        .copied()
        .chain(listed)
        .map(|from| match from.strip_prefix("./") {
            Some(name) => format!("src/core/{name}"),
            None => from.replacen("..", "src", 1),
        })
        .collect()
}

fn value_exports(context: &Value) -> Vec<&'static str> {
    let kinds = [
        ("number", "toNumber"),
        ("boolean", "toBoolean"),
        ("list", "toList"),
        ("date", "isDate"),
        ("time", "isTime"),
        ("date_time", "isDateTime"),
        ("email", "isEmail"),
        ("url", "isUrl"),
        ("phone", "isPhone"),
    ];
    let used = kinds.iter().filter(|(flag, _)| context[*flag] == json!(true)).map(|(_, name)| *name);
    std::iter::once("toText").chain(used).collect()
}
