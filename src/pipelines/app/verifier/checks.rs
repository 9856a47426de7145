//! One pass over the app: everything is parsed, followed, linted and run. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::modules::{self, Module};
use super::report::{CriterionLine, Parsed, Problem, TestLine};
use super::{lint, markup, styles};
use crate::domain::script::{ScriptJob, ScriptOutcome, ScriptStep, TestResult};
use crate::pipelines::app::spec::Requirements;
use crate::pipelines::{AgentError, AgentHost, FileSet};

/// Heap of one realm.
pub(super) const MEMORY_BYTES: u64 = 64 << 20;
/// Wall-clock limit of one test file; generated ones take milliseconds.
const STEP_MS: u64 = 10_000;
/// What the packager makes; a check of the sources has no business with it.
const PACKAGED: [&str; 4] = ["report.json", "standalone.html", "README.md", "TRACEABILITY.md"];

/// What a pass found.
#[derive(Debug, Default)]
pub(super) struct Checked {
    pub(super) parsed: Parsed,
    pub(super) imports: usize,
    pub(super) linted: usize,
    pub(super) tests: Vec<TestLine>,
    pub(super) criteria: Vec<CriterionLine>,
    /// Most telling first: what does not compile comes before what fails because of it.
    pub(super) problems: Vec<Problem>,
}

pub(super) fn check(
    files: &FileSet,
    requirements: &Requirements,
    host: &dyn AgentHost,
) -> Result<Checked, AgentError> {
    let mut checked = Checked::default();
    let texts = texts(files, &mut checked.problems);
    let scripts: BTreeMap<&str, &str> =
        texts.iter().filter(|(path, _)| path.ends_with(".js")).map(|(path, text)| (*path, *text)).collect();
    let modules: BTreeMap<String, Module> =
        scripts.iter().map(|(path, source)| ((*path).to_owned(), modules::scan(source))).collect();
    host.check()?;
    let outcomes = run_scripts(&scripts, host)?;
    let (parsed, tested) = outcomes.split_at(scripts.len());
    for (path, outcome) in scripts.keys().zip(parsed) {
        checked.problems.extend(syntax_problem(path, outcome));
    }
    let compiles = checked.problems.is_empty();
    if compiles {
        // A file that does not compile cannot be read for its imports either.
        checked.problems.extend(modules::check(&modules));
    }
    static_checks(files, &texts, &mut checked);
    if checked.problems.is_empty() {
        let results = test_results(&scripts, tested, &mut checked);
        prove(requirements, &results, &mut checked);
    }
    checked.imports = modules.values().map(|module| module.imports.len()).sum();
    checked.parsed.javascript = modules.into_keys().collect();
    Ok(checked)
}

/// The files that hold text and are looked at.
fn texts<'a>(files: &'a FileSet, problems: &mut Vec<Problem>) -> BTreeMap<&'a str, &'a str> {
    const KINDS: [&str; 6] = [".js", ".json", ".html", ".css", ".svg", ".mjs"];
    let mut texts = BTreeMap::new();
    for (path, bytes) in files.iter() {
        if PACKAGED.contains(&path) || !KINDS.iter().any(|kind| path.ends_with(kind)) {
            continue;
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => {
                texts.insert(path, text);
            }
            Err(_) => problems.push(Problem::new("encoding", path, None, "this file is not UTF-8")),
        }
    }
    texts
}

/// Test files in order.
pub(super) fn test_files<'a>(scripts: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    scripts.filter(|path| path.starts_with("test/") && path.ends_with(".test.js")).collect()
}

fn run_scripts(
    scripts: &BTreeMap<&str, &str>,
    host: &dyn AgentHost,
) -> Result<Vec<ScriptOutcome>, AgentError> {
    let parse = scripts.keys().map(|path| ScriptStep::Parse { path: (*path).to_owned() });
    let test = test_files(scripts.keys().copied()).into_iter().map(|path| ScriptStep::Test {
        entries: vec![path.to_owned()],
        replace: BTreeMap::new(),
        stop_at_first_failure: false,
    });
    let job = ScriptJob {
        files: scripts.iter().map(|(path, source)| ((*path).to_owned(), (*source).to_owned())).collect(),
        steps: parse.chain(test).collect(),
        memory_bytes: MEMORY_BYTES,
        step_ms: STEP_MS,
    };
    let outcomes = host.run_scripts(&job, &mut |_, _| {})?;
    if outcomes.len() != job.steps.len() {
        return Err(AgentError::failed("the script sandbox left steps out"));
    }
    Ok(outcomes)
}

fn syntax_problem(path: &str, outcome: &ScriptOutcome) -> Option<Problem> {
    match outcome {
        ScriptOutcome::Parsed => None,
        ScriptOutcome::Error { error } => {
            Some(Problem::new("syntax", &error.file, error.line, error.message.clone()))
        }
        other => Some(Problem::new(
            "syntax",
            path,
            None,
            format!("the file cannot be compiled: {}", in_words(other)),
        )),
    }
}

fn in_words(outcome: &ScriptOutcome) -> &'static str {
    match outcome {
        ScriptOutcome::TimedOut => "it takes longer than its time limit",
        ScriptOutcome::OutOfMemory => "it needs more memory than its limit",
        _ => "the sandbox gave an answer that does not fit",
    }
}

fn static_checks(files: &FileSet, texts: &BTreeMap<&str, &str>, checked: &mut Checked) {
    let properties: BTreeSet<String> = texts
        .iter()
        .filter(|(path, _)| [".css", ".html", ".js"].iter().any(|kind| path.ends_with(kind)))
        .flat_map(|(_, text)| styles::defined(text))
        .collect();
    for (path, text) in texts {
        let owned = (*path).to_owned();
        let problems = &mut checked.problems;
        if path.ends_with(".json") {
            if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
                problems.push(Problem::new(
                    "json",
                    path,
                    u32::try_from(error.line()).ok(),
                    error.to_string(),
                ));
            }
            checked.parsed.json.push(owned);
        } else if path.ends_with(".css") {
            problems.extend(styles::check(path, text, &properties));
            checked.parsed.css.push(owned);
            checked.linted += 1;
        } else if path.ends_with(".html") || path.ends_with(".svg") {
            problems.extend(markup::check(path, text, &|path| files.get(path).is_some()));
            checked.parsed.html.push(owned);
            checked.linted += 1;
        } else {
            problems.extend(lint::script(path, text));
            checked.linted += 1;
        }
    }
}

fn test_results(
    scripts: &BTreeMap<&str, &str>,
    tested: &[ScriptOutcome],
    checked: &mut Checked,
) -> Vec<TestResult> {
    let mut results = Vec::new();
    for (path, outcome) in test_files(scripts.keys().copied()).iter().zip(tested) {
        match outcome {
            ScriptOutcome::Tested { tests } => results.extend(tests.iter().cloned()),
            ScriptOutcome::Error { error } => {
                checked.problems.push(Problem::new("test", &error.file, error.line, error.message.clone()));
            }
            other => checked.problems.push(Problem::new("test", path, None, in_words(other))),
        }
    }
    for test in results.iter().filter(|test| !test.passed) {
        let message = test.message.as_deref().unwrap_or("failed");
        let (message, place) = split_place(message);
        let (file, line) = place.map_or((test.file.as_str(), None), |(file, line)| (file, Some(line)));
        checked.problems.push(Problem::new("test", file, line, format!("{}: {message}", test.name)));
    }
    checked.tests = results
        .iter()
        .map(|test| TestLine {
            file: test.file.clone(),
            name: test.name.clone(),
            passed: test.passed,
            note: test.message.clone().filter(|_| test.passed),
        })
        .collect();
    results
}

/// Takes ` (file:line)` off the end of a message.
fn split_place(message: &str) -> (&str, Option<(&str, u32)>) {
    let place = || {
        let (text, place) = message.strip_suffix(')')?.rsplit_once(" (")?;
        let (file, line) = place.rsplit_once(':')?;
        Some((text, (file, line.parse().ok()?)))
    };
    match place() {
        Some((text, place)) => (text, Some(place)),
        None => (message, None),
    }
}

/// Exactly one passing test for each acceptance criterion, and any test at all.
fn prove(requirements: &Requirements, results: &[TestResult], checked: &mut Checked) {
    if results.is_empty() {
        // Nothing that was tried is nothing that was shown.
        checked.problems.push(Problem::new("criterion", "requirements.json", None, "the app has no tests"));
    }
    for requirement in &requirements.requirements {
        for criterion in &requirement.criteria {
            let mut proofs = results.iter().filter(|test| names(&test.name, &criterion.id));
            let problem = match (proofs.next(), proofs.next()) {
                (None, _) => Some(format!("no test for {} ({})", criterion.id, criterion.text)),
                (Some(_), Some(second)) => {
                    Some(format!("more than one test for {}; another is in {}", criterion.id, second.file))
                }
                // A test that fails is a problem of its own.
                (Some(test), None) if !test.passed => None,
                (Some(test), None) if test.message.is_some() => Some(format!(
                    "the test for {} proves nothing: {}",
                    criterion.id,
                    test.message.as_deref().unwrap_or("")
                )),
                (Some(test), None) => {
                    checked.criteria.push(CriterionLine {
                        id: criterion.id.clone(),
                        requirement: requirement.id.clone(),
                        test: test.name.clone(),
                        file: test.file.clone(),
                    });
                    None
                }
            };
            checked
                .problems
                .extend(problem.map(|text| Problem::new("criterion", "requirements.json", None, text)));
        }
    }
}

/// Whether the last part of a test's full name starts with this id.
fn names(test: &str, id: &str) -> bool {
    let own = test.rsplit(" > ").next().unwrap_or(test);
    own.strip_prefix(id).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_start_with_the_whole_id() {
        let cases = [
            ("R3.1 sorts", "R3.1", true),
            ("list > R3.1: sorts", "R3.1", true),
            ("R3.10 sorts", "R3.1", false),
            ("R3.1.2 sorts", "R3.1", false),
            ("sorts R3.1", "R3.1", false),
            ("R3.1 sorts > case", "R3.1", false),
        ];
        for (test, id, expected) in cases {
            assert_eq!(names(test, id), expected, "{test}");
        }
    }

    #[test]
    fn places_are_taken_off() {
        assert_eq!(split_place("a (b) (test/a.js:12)"), ("a (b)", Some(("test/a.js", 12))));
        assert_eq!(split_place("a (b)"), ("a (b)", None));
        assert_eq!(split_place(""), ("", None));
    }
}
