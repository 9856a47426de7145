//! Agent 9, interface: the whole user interface of the app as plain JavaScript modules.
//!
//! One module per kind of record says in full what its page shows; the modules they share are written only as far as
//! some page needs them, so that what nobody asked for is nowhere.

mod check;
mod code;
mod field;
mod inputs;
mod page;
mod uses;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::domain::event::LogLevel;
use crate::domain::script::{ScriptJob, ScriptOutcome, ScriptStep};
use crate::pipelines::app::design::Design;
use crate::pipelines::app::spec::{Model, Requirements};
use crate::pipelines::app::templates::Templates;
use crate::pipelines::{AgentError, AgentHost, AgentInputs, AgentOutput, OutputFile};
use uses::Uses;
use view::AppView;

/// How many colours the choices of a field take turns in; as many as `tokens.css` has.
const TONES: usize = 6;
/// A module of the interface compiles in a fraction of this.
const MEMORY_BYTES: u64 = 64 * 1024 * 1024;
/// Far more than a module takes to compile.
const STEP_MS: u64 = 5_000;

/// Writes `index.html`, `app.css`, `app.js` and `src/ui/*.js`, each parsed and checked after writing.
///
/// # Errors
/// When an earlier file is missing, a template is broken, a written file does not hold, or the run is cancelled.
pub fn run(inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    let model = Model::read(&inputs.files)?;
    let requirements = Requirements::read(&inputs.files)?;
    let design = Design::read(&inputs.files)?;
    let app = view::build(&model, &requirements, &design.scheme);
    if app.entities.is_empty() {
        return Err(AgentError::failed("the model has no entity, so there is nothing to show"));
    }
    for entity in &app.entities {
        host.log(LogLevel::Info, &describe(entity));
    }
    let uses = Uses::of(&app);
    let templates = Templates::for_run(inputs);
    let files = write(&app, &uses, &templates, host)?;
    host.progress(60.0, "Checking what was written");
    check::page(&files)?;
    compile(&files, host)?;
    let modules = files.iter().filter(|file| file.path.ends_with(".js")).count();
    let bytes: usize = files.iter().map(|file| file.bytes.len()).sum();
    host.progress(100.0, "The interface is written");
    let pages = app.entities.len();
    Ok(AgentOutput {
        summary: format!(
            "{pages} {}, {modules} modules, {} KB",
            if pages == 1 { "page" } else { "pages" },
            bytes.div_ceil(1024)
        ),
        files,
    })
}

/// What the page of an entity can do, in words.
fn describe(entity: &view::EntityView) -> String {
    let mut parts: Vec<String> = Vec::new();
    parts.push(if entity.table { "table" } else { "cards" }.to_owned());
    let optional = [
        (entity.search.is_some(), "search"),
        (!entity.boards.is_empty(), "board"),
        (!entity.calendars.is_empty(), "calendar"),
        (!entity.check_ins.is_empty(), "check-in grid"),
        (!entity.quizzes.is_empty(), "quiz"),
        (entity.statistics, "statistics"),
        (entity.overdue, "overdue markers"),
        (entity.alerts, "alerts"),
        (!entity.imports.is_empty(), "import"),
        (!entity.exports.is_empty(), "export"),
    ];
    parts.extend(optional.iter().filter(|(has, _)| *has).map(|(_, name)| (*name).to_owned()));
    for (number, name) in [
        (entity.filters.len(), "filter"),
        (entity.sorts.len(), "sort key"),
        (entity.counts.len() + entity.totals.len() + usize::from(entity.count), "figure"),
    ] {
        if number > 0 {
            parts.push(format!("{number} {name}{}", if number == 1 { "" } else { "s" }));
        }
    }
    format!("page {}: {}", entity.plural, parts.join(", "))
}

fn write(
    app: &AppView,
    uses: &Uses,
    templates: &Templates,
    host: &dyn AgentHost,
) -> Result<Vec<OutputFile>, AgentError> {
    let named = page::named(app);
    let name_formats: BTreeSet<&String> = named.iter().flat_map(|one| &one.formats).collect();
    let shared = json!({
        "app": app,
        "title_html": escape_html(&app.title),
        "uses": uses,
        "named": named,
        "name_formats": name_formats,
        "tones": TONES,
        "icons": uses.icons(app),
        "transfer_label": match (uses.imports, uses.exports) {
            (true, true) => "Import and export",
            (true, false) => "Import",
            _ => "Export",
        },
    });
    let render = |template: &str, context: &Value| templates.render(&format!("ui/{template}"), context);
    let modules = [
        ("dom", true),
        ("format", !uses.formats.is_empty()),
        ("cells", !uses.shown.is_disjoint(&CELLS.into_iter().collect())),
        ("names", uses.names),
        ("notices", true),
        ("theme", app.themed),
        ("history", uses.history),
        ("inputs", uses.forms),
        ("form", uses.forms),
        ("confirm", uses.confirm),
        ("record-parts", uses.cards || uses.table || uses.board || uses.check_in),
        ("cards", uses.cards),
        ("table", uses.table),
        ("figures", uses.tiles || uses.groups),
        ("board", uses.board),
        ("calendar", uses.calendar),
        ("check-ins", uses.check_in),
        ("quiz", uses.quiz),
        ("statistics", uses.statistics),
        ("transfer", uses.imports || uses.exports),
        ("page", true),
    ];
    let mut files = vec![
        OutputFile::text("index.html", render("index.html", &shared)?),
        OutputFile::text("app.css", render("app.css", &shared)?),
        OutputFile::text("app.js", render("app.js", &shared)?),
    ];
    for (name, _) in modules.iter().filter(|(_, wanted)| *wanted) {
        host.check()?;
        let path = format!("src/ui/{name}.js");
        files.push(OutputFile::text(path, render(&format!("{name}.js"), &shared)?));
    }
    for (index, entity) in app.entities.iter().enumerate() {
        host.check()?;
        let page = page::build(entity, uses);
        let context = json!({ "app": app, "uses": uses, "entity": entity, "page": page });
        let path = format!("src/ui/{}-page.js", entity.key);
        files.push(OutputFile::text(path, render("entity-page.js", &context)?));
        let percent = 10.0 + 45.0 * (index + 1) as f64 / app.entities.len() as f64;
        host.progress(percent, &format!("Page of {} is written", entity.many));
    }
    files.push(OutputFile::text("src/ui/main.js", render("main.js", &shared)?));
    Ok(files)
}

fn escape_html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Kinds of fields that `cells.js` has a function for.
const CELLS: [&str; 10] =
    ["choice", "boolean", "rating", "scale", "tags", "dates", "long-text", "url", "email", "phone"];

/// Compiles every module in the script sandbox.
fn compile(files: &[OutputFile], host: &dyn AgentHost) -> Result<(), AgentError> {
    let scripts: BTreeMap<String, String> = files
        .iter()
        .filter(|file| file.path.ends_with(".js"))
        .map(|file| (file.path.clone(), String::from_utf8_lossy(&file.bytes).into_owned()))
        .collect();
    let paths: Vec<String> = scripts.keys().cloned().collect();
    let steps = paths.iter().map(|path| ScriptStep::Parse { path: path.clone() }).collect();
    let job = ScriptJob { files: scripts, steps, memory_bytes: MEMORY_BYTES, step_ms: STEP_MS };
    let total = paths.len();
    let outcomes = host.run_scripts(&job, &mut |index, _| {
        let percent = 65.0 + 30.0 * (index + 1) as f64 / total as f64;
        host.progress(percent, &format!("{} compiled", paths[index]));
    })?;
    for (path, outcome) in paths.iter().zip(&outcomes) {
        let (message, line) = match outcome {
            ScriptOutcome::Parsed | ScriptOutcome::Tested { .. } => continue,
            ScriptOutcome::Error { error } => (error.message.clone(), error.line),
            ScriptOutcome::TimedOut => ("compiling took too long".to_owned(), None),
            ScriptOutcome::OutOfMemory => ("compiling took too much memory".to_owned(), None),
        };
        return Err(AgentError::Failed { message, file: Some(path.clone()), line });
    }
    host.log(LogLevel::Info, &format!("{total} modules compile"));
    Ok(())
}

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;
