//! Does one step of a job.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::realm::{Limits, Realm, Trouble, is_out_of_memory};
use crate::domain::script::{ScriptError, ScriptJob, ScriptOutcome, ScriptStep, TestResult};

pub(super) fn run(job: &ScriptJob, step: &ScriptStep) -> ScriptOutcome {
    let limits = Limits {
        memory_bytes: job.memory_bytes,
        deadline: Instant::now() + Duration::from_millis(job.step_ms),
    };
    let outcome = match step {
        ScriptStep::Parse { path } => parse(job, path, limits).map(|()| ScriptOutcome::Parsed),
        ScriptStep::Test { entries, replace, stop_at_first_failure } => {
            test(job, entries, replace, *stop_at_first_failure, limits)
                .map(|tests| ScriptOutcome::Tested { tests })
        }
    };
    match outcome {
        Ok(outcome) => outcome,
        Err(Trouble::Script(error)) => ScriptOutcome::Error { error },
        Err(Trouble::TimedOut) => ScriptOutcome::TimedOut,
        Err(Trouble::OutOfMemory) => ScriptOutcome::OutOfMemory,
    }
}

fn parse(job: &ScriptJob, path: &str, limits: Limits) -> Result<(), Trouble> {
    let source = job.files.get(path).ok_or_else(|| missing(path))?;
    let own = BTreeMap::from([(path.to_owned(), source.clone())]);
    Realm::new(Rc::new(own), limits, true)?.parse(path, source)
}

fn test(
    job: &ScriptJob,
    entries: &[String],
    replace: &BTreeMap<String, String>,
    stop: bool,
    limits: Limits,
) -> Result<Vec<TestResult>, Trouble> {
    let mut sources = job.files.clone();
    sources.extend(replace.iter().map(|(path, source)| (path.clone(), source.clone())));
    let sources = Rc::new(sources);
    let mut tests = Vec::new();
    for entry in entries {
        if !sources.contains_key(entry) {
            return Err(missing(entry));
        }
        let found = Realm::new(Rc::clone(&sources), limits, false)?.test(entry, stop)?;
        let failed = found.iter().any(|test| !test.passed);
        // A script can catch the engine's words about a full heap; the step is lost all the same.
        if found.iter().any(|test| test.message.as_deref().is_some_and(is_out_of_memory)) {
            return Err(Trouble::OutOfMemory);
        }
        tests.extend(found);
        if failed && stop {
            break;
        }
    }
    Ok(tests)
}

fn missing(path: &str) -> Trouble {
    let message = "the job has no such file".to_owned();
    Trouble::Script(ScriptError { file: path.to_owned(), line: None, message })
}
