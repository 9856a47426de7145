//! The shape of `report.json`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::pipelines::{AgentError, FileSet};

/// What the verifier did and found. Only an app without problems gets one.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Report {
    /// Files that were parsed, by kind.
    pub parsed: Parsed,
    /// How many imports were followed; every one found its file and its names.
    pub imports: usize,
    /// How many rules of the security lint were applied to how many files; none was broken.
    pub lint: Lint,
    /// Every test that ran.
    pub tests: Vec<TestLine>,
    /// Every acceptance criterion and the test that proves it.
    pub criteria: Vec<CriterionLine>,
    /// How well the tests notice changes of the code.
    pub mutation: Mutation,
    /// What was mended, in order.
    pub repairs: Vec<Repair>,
    /// How much of the brief was built.
    pub sentences: Sentences,
    /// What is not as it should be but stops nobody.
    pub warnings: Vec<String>,
}

/// Files that were parsed.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Parsed {
    /// Compiled by the JavaScript engine.
    pub javascript: Vec<String>,
    /// Read as JSON.
    pub json: Vec<String>,
    /// Read as HTML or SVG: ids, labels and references.
    pub html: Vec<String>,
    /// Read as CSS: custom properties.
    pub css: Vec<String>,
}

/// The security lint.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Lint {
    /// How many files were looked at.
    pub files: usize,
    /// What none of them does.
    pub rules: Vec<String>,
}

/// One test.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct TestLine {
    /// The file it stands in.
    pub file: String,
    /// Its full name.
    pub name: String,
    /// Whether it passed.
    pub passed: bool,
    /// Why it proves nothing: skipped or still to do.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub note: Option<String>,
}

/// One acceptance criterion.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct CriterionLine {
    /// `R3.1`.
    pub id: String,
    /// The requirement it belongs to: `R3`.
    pub requirement: String,
    /// The test that proves it.
    pub test: String,
    /// The file of that test.
    pub file: String,
}

/// The mutation run: small changes to `src/core`, each of which a test should notice.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
pub struct Mutation {
    /// Changes that were possible.
    pub possible: usize,
    /// Changes that were tried and count: killed and survived.
    pub total: usize,
    /// Noticed by a failing test, an error or a timeout.
    pub killed: usize,
    /// How many of the killed ran into the time limit.
    pub timed_out: usize,
    /// Not noticed.
    pub survived: usize,
    /// Tried, but the changed file does not compile; they do not count.
    pub not_compiling: usize,
    /// Known to change nothing that can be observed; not tried.
    pub equivalent: usize,
    /// `killed / total` in percent, one decimal; 100 when nothing was tried.
    pub score: f64,
    /// What no test noticed.
    pub survivors: Vec<Survivor>,
}

/// A change that no test noticed.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Survivor {
    /// The changed file.
    pub file: String,
    /// The changed line, from 1.
    pub line: u32,
    /// The kind of change, like `boundary`.
    pub operator: String,
    /// The line before.
    pub before: String,
    /// The line after.
    pub after: String,
}

/// Something that was mended.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Repair {
    /// In which round, from 1.
    pub round: u32,
    /// The file that was replaced or changed.
    pub file: String,
    /// What was wrong with it.
    pub problem: String,
    /// What was done.
    pub action: String,
}

/// How much of the brief was built.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Sentences {
    /// Sentences of the brief.
    pub total: usize,
    /// Sentences that a requirement covers.
    pub covered: usize,
    /// `11 of 13 sentences implemented; not covered: "…"`.
    pub text: String,
}

impl Report {
    /// Reads `report.json`.
    ///
    /// # Errors
    /// When the file is missing or does not have this shape.
    pub fn read(files: &FileSet) -> Result<Report, AgentError> {
        files.json("report.json")
    }
}

/// Something that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) rule: &'static str,
    pub(super) file: String,
    pub(super) line: Option<u32>,
    pub(super) message: String,
}

impl Problem {
    pub(super) fn new(rule: &'static str, file: &str, line: Option<u32>, message: impl Into<String>) -> Self {
        Self { rule, file: file.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.file)?;
        if let Some(line) = self.line {
            write!(formatter, ":{line}")?;
        }
        write!(formatter, ": {} ({})", self.message, self.rule)
    }
}
