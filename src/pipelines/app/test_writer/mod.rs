//! Agent 10, `tests`: one test per acceptance criterion, boundary tables and seeded property tests, on `node:test`.

mod case;
mod criteria;
mod edges;
mod properties;
mod rules;
mod world;

use serde_json::{Value, json};

use super::core_logic;
use super::features::{App, EntityFeatures};
use super::grammar::criteria::criteria as planned;
use super::javascript::{Js, comment, quote};
use super::samples::{SAMPLES, TODAY, sample};
use super::spec::{Model, Requirements};
use super::templates::Templates;
use crate::domain::event::LogLevel;
use crate::pipelines::{AgentError, AgentHost, AgentInputs, AgentOutput, OutputFile};

/// One generated test.
#[derive(Clone, Debug)]
struct Test {
    name: String,
    lines: Vec<String>,
}

impl Test {
    fn new(name: impl Into<String>, lines: Vec<String>) -> Self {
        Self { name: name.into(), lines }
    }
}

/// What tests share. Not below `test/`: there `node --test` takes every file for a test and counts it.
const SUPPORT: &str = "testing/support.js";

/// Writes `test/*.test.js` and what they share.
///
/// # Errors
/// When the model does not fit the requirements, a criterion has no test or a template is broken.
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
    let model = Model::read(&inputs.files)?;
    let requirements = Requirements::read(&inputs.files)?;
    let mut files = vec![OutputFile::text(SUPPORT, templates.render("test/support.js", support(&app))?)];
    let mut count = 0;
    let groups = [
        (
            "criteria",
            "The acceptance criteria of the requirements, one test each.",
            criteria_tests(&app, &model, &requirements, host)?,
        ),
        ("rules", "What each kind of record accepts and refuses, at the edges.", rules::tests(&app)),
        ("features", "What the criteria leave open: edges of the features.", edges::tests(&app)),
        (
            "properties",
            "What holds for any records, tried with many that chance makes up.",
            properties::tests(&app),
        ),
    ];
    for (at, (name, purpose, tests)) in groups.into_iter().enumerate() {
        host.check()?;
        let path = format!("test/{name}.test.js");
        #[expect(clippy::cast_precision_loss, reason = "four files")]
        host.progress(20.0 * (at as f64 + 1.0), &format!("Writing {path}"));
        host.log(LogLevel::Info, &format!("{path}: {} tests", tests.len()));
        count += tests.len();
        files.push(OutputFile::text(path, test_file(templates, &app, purpose, &tests)?));
    }
    let summary = format!("{count} tests in {} files", files.len() - 1);
    Ok(AgentOutput { files, summary })
}

fn criteria_tests(
    app: &App,
    model: &Model,
    requirements: &Requirements,
    host: &dyn AgentHost,
) -> Result<Vec<Test>, AgentError> {
    let mut tests = Vec::new();
    for requirement in &requirements.requirements {
        host.check()?;
        let planned = planned(&requirement.intent, model);
        if planned.len() != requirement.criteria.len() {
            return Err(AgentError::Failed {
                message: format!(
                    "{} has {} criteria where its intent has {}",
                    requirement.id,
                    requirement.criteria.len(),
                    planned.len()
                ),
                file: Some("requirements.json".to_owned()),
                line: None,
            });
        }
        for (criterion, planned) in requirement.criteria.iter().zip(&planned) {
            let lines = criteria::body(app, &requirement.intent, planned.check);
            tests.push(Test::new(format!("{} {}", criterion.id, criterion.text), lines));
        }
    }
    Ok(tests)
}

/// What the shared file needs.
fn support(app: &App) -> Value {
    let samples = Js::object(app.entities.iter().map(|features| {
        let records = (0..world::WRITTEN_SAMPLES).map(|at| sample(features, at)).collect();
        (features.entity.key.clone(), Js::List(records))
    }));
    let flags = core_logic::store::Flags::of(app);
    json!({
        "samples": samples.block(0, 23),
        "today": TODAY,
        "count": SAMPLES,
        "clock": flags.clock(),
        "new_id": flags.new_id(),
        "chance": !properties::tests(app).is_empty(),
    })
}

fn test_file(templates: &Templates, app: &App, purpose: &str, tests: &[Test]) -> Result<String, AgentError> {
    let written: Vec<Value> = tests
        .iter()
        .map(|test| {
            let lines: Vec<String> =
                test.lines.iter().flat_map(|line| line.split('\n').map(|line| format!("  {line}"))).collect();
            json!({ "name": quote(&test.name), "lines": lines })
        })
        .collect();
    let text: String = tests.iter().flat_map(|test| &test.lines).map(|line| format!("{line}\n")).collect();
    let context = json!({ "purpose": comment(purpose), "imports": imports(app, &text), "tests": written });
    templates.render("test/tests.js", context)
}

/// The imports that a test file needs: those whose names occur in it.
fn imports(app: &App, text: &str) -> Vec<Value> {
    let mut modules: Vec<(String, Vec<String>)> = vec![(
        "node:assert/strict".into(),
        ["deepEqual", "equal", "match", "notEqual", "ok", "throws"].map(str::to_owned).to_vec(),
    )];
    let stored = ["createLocalStorage", "createMemoryStorage"].map(str::to_owned).to_vec();
    modules.push(("../src/data/storage.js".into(), stored));
    modules.push(("../src/data/seed.js".into(), vec!["seed".into()]));
    for module in core_logic::modules(app) {
        let mut exports = module.exports.clone();
        exports.sort();
        modules.push((format!("../{}", module.path), exports));
    }
    let support = ["createChance", "ids", "openStore", "reopen", "samples", "three", "withoutId"];
    modules.push((format!("../{SUPPORT}"), support.map(str::to_owned).to_vec()));
    modules
        .into_iter()
        .filter_map(|(from, names)| {
            let used: Vec<String> = names.into_iter().filter(|name| uses(text, name)).collect();
            (!used.is_empty()).then(|| json!({ "from": from, "names": used }))
        })
        .collect()
}

/// Whether the name occurs as a name of its own, not as a property, and outside of texts.
fn uses(text: &str, name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'.' | b'\'');
    text.match_indices(name).any(|(at, _)| {
        let bytes = text.as_bytes();
        let before = at.checked_sub(1).map_or(b' ', |before| bytes[before]);
        let spread = text[..at].ends_with("...");
        let after = bytes.get(at + name.len()).copied().unwrap_or(b' ');
        (!is_part(before) || spread)
            && !(after.is_ascii_alphanumeric() || matches!(after, b'_' | b'$' | b':'))
    })
}

/// The entities that something is true of.
fn having(app: &App, wanted: impl Fn(&EntityFeatures) -> bool) -> impl Iterator<Item = case::Case<'_>> {
    app.entities
        .iter()
        .filter(move |features| wanted(features))
        .map(move |features| case::Case { app, features })
}
