//! A job for the script sandbox and what comes back: plain data shared by the pipelines that order it, the
//! executor that starts the child process and the child that does it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// JavaScript modules and what is to be done with them, in order. Nothing outside `files` can be imported.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct ScriptJob {
    /// Sources by path, like `src/core/store.js`; imports resolve among these.
    pub files: BTreeMap<String, String>,
    /// What to do. Every step runs in a fresh JavaScript realm, so no step sees another's changes.
    pub steps: Vec<ScriptStep>,
    /// Memory of the JavaScript heap, in bytes.
    pub memory_bytes: u64,
    /// Wall-clock limit of one step.
    pub step_ms: u64,
}

/// One thing to do with the files of a job.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum ScriptStep {
    /// Compile the module at `path` without running it.
    Parse {
        /// Which file.
        path: String,
    },
    /// Run these files as `node:test` test files.
    Test {
        /// The test files, in order.
        entries: Vec<String>,
        /// Files that stand in for those of the job: a mutant.
        replace: BTreeMap<String, String>,
        /// Stop at the first failing test; enough to know that a mutant was killed.
        stop_at_first_failure: bool,
    },
}

/// What became of one step, in the order of the steps.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum ScriptOutcome {
    /// The file compiles.
    Parsed,
    /// The tests ran to their end (or to the first failure where that was asked).
    Tested {
        /// Each test that ran.
        tests: Vec<TestResult>,
    },
    /// A file does not compile, or a module threw while it was loaded.
    Error {
        /// What is wrong and where.
        error: ScriptError,
    },
    /// The step ran into its wall-clock limit.
    TimedOut,
    /// The step ran out of memory.
    OutOfMemory,
}

/// One line that the child process writes: JSON, ended by a line feed.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(untagged)]
pub enum ScriptLine {
    /// A step is done.
    Step {
        /// Its place among the steps of the job, from 0.
        step: usize,
        /// What became of it.
        #[serde(flatten)]
        outcome: ScriptOutcome,
    },
    /// The walls stand and the job was understood; always the first line.
    Ready {
        /// Walls this machine does not offer, in words; empty on an ordinary Linux.
        missing_walls: Vec<String>,
    },
}

/// One test of a test file.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct TestResult {
    /// The file it stands in.
    pub file: String,
    /// Its full name; names of enclosing suites come first, joined with ` > `.
    pub name: String,
    /// Whether it passed.
    pub passed: bool,
    /// Why it failed, ended by ` (file:line)` where that is known; for a test that passed without proving anything, that
    /// it was skipped or is still to do.
    pub message: Option<String>,
}

/// Where a script is wrong.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {message}", line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct ScriptError {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: Option<u32>,
    /// What is wrong.
    pub message: String,
}
