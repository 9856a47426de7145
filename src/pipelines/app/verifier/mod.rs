//! Agent 11: checks everything that the others made, runs the generated tests and measures how much they notice. What it
//! knows to mend it mends, in at most three rounds; when tests still fail after that, the agent fails: a red run is
//! better than a lie.

mod checks;
mod lint;
mod markup;
mod modules;
mod mutate;
mod mutation;
mod repair;
pub mod report;
mod styles;
mod tokens;

use crate::domain::event::LogLevel;
use crate::pipelines::app::spec::Requirements;
use crate::pipelines::{AgentError, AgentHost, AgentInputs, AgentOutput, OutputFile};

use self::checks::Checked;
use self::repair::Workshop;
use self::report::{Lint, Problem, Repair, Report, Sentences};

/// Rounds of mending before the agent gives up.
const REPAIR_ROUNDS_MAX: u32 = 3;
/// A lower mutation score is a warning.
const MUTATION_SCORE_WANTED: f64 = 80.0;
/// Problems of one round that are written to the log; the rest are counted.
const PROBLEMS_LOGGED_MAX: usize = 20;

/// Calls an agent of the pipeline by its name; none when there is no such agent.
pub type CallAgent<'a> =
    &'a dyn Fn(&str, &AgentInputs, &dyn AgentHost) -> Option<Result<AgentOutput, AgentError>>;

/// The agent.
///
/// # Errors
/// When something is wrong that cannot be mended; file and line say where.
pub fn run(inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    verify(inputs, host, &|name, inputs, host| {
        let pipeline = crate::pipelines::find("app")?;
        let agent = pipeline.agents.iter().find(|agent| agent.name == name)?;
        Some((agent.run)(inputs, host))
    })
}

/// The agent with the other agents handed in.
///
/// # Errors
/// As [`run`].
pub fn verify(
    inputs: &AgentInputs,
    host: &dyn AgentHost,
    call: CallAgent<'_>,
) -> Result<AgentOutput, AgentError> {
    let requirements = Requirements::read(&inputs.files)?;
    let mut workshop = Workshop::new(inputs, call);
    let checked = check_and_mend(&mut workshop, &requirements, host)?;
    host.log(
        LogLevel::Info,
        &format!("{} tests pass; trying small changes of src/core", checked.tests.len()),
    );
    let mutation = mutation::run(workshop.files(), inputs.seed(), host)?;
    let warnings = warnings(&mutation);
    for warning in &warnings {
        host.log(LogLevel::Warning, warning);
    }
    let (repaired, repairs) = workshop.finish();
    let report = Report {
        parsed: checked.parsed,
        imports: checked.imports,
        lint: Lint { files: checked.linted, rules: lint::RULES.map(str::to_owned).to_vec() },
        tests: checked.tests,
        criteria: checked.criteria,
        mutation,
        repairs,
        sentences: sentences(&requirements),
        warnings,
    };
    host.progress(100.0, "verified");
    let summary = summary(&report);
    let mut json =
        serde_json::to_string_pretty(&report).map_err(|error| AgentError::failed(error.to_string()))?;
    json.push('\n');
    let mut files = repaired;
    files.push(OutputFile::text("report.json", json));
    Ok(AgentOutput { files, summary })
}

fn check_and_mend(
    workshop: &mut Workshop<'_>,
    requirements: &Requirements,
    host: &dyn AgentHost,
) -> Result<Checked, AgentError> {
    let mut round = 0;
    loop {
        host.check()?;
        host.progress(
            f64::from(round) * 5.0,
            if round == 0 { "checking files and running tests" } else { "checking again" },
        );
        let checked = checks::check(workshop.files(), requirements, host)?;
        let Some(first) = checked.problems.first() else { return Ok(checked) };
        for problem in checked.problems.iter().take(PROBLEMS_LOGGED_MAX) {
            host.log(LogLevel::Warning, &problem.to_string());
        }
        if checked.problems.len() > PROBLEMS_LOGGED_MAX {
            host.log(
                LogLevel::Warning,
                &format!("and {} more", checked.problems.len() - PROBLEMS_LOGGED_MAX),
            );
        }
        round += 1;
        if round > REPAIR_ROUNDS_MAX {
            return Err(failure(first, checked.problems.len()));
        }
        let repairs = workshop.mend(round, &checked.problems, host)?;
        if repairs.is_empty() {
            return Err(failure(first, checked.problems.len()));
        }
        for Repair { file, action, .. } in &repairs {
            host.log(LogLevel::Info, &format!("mended {file}: {action}"));
        }
    }
}

fn failure(first: &Problem, count: usize) -> AgentError {
    let more = match count - 1 {
        0 => String::new(),
        1 => "; 1 more problem".to_owned(),
        more => format!("; {more} more problems"),
    };
    AgentError::Failed {
        message: format!("{}: {}{more}", first.rule, first.message),
        file: Some(first.file.clone()),
        line: first.line,
    }
}

fn warnings(mutation: &report::Mutation) -> Vec<String> {
    let mut warnings = Vec::new();
    if mutation.score < MUTATION_SCORE_WANTED {
        warnings.push(format!(
            "the tests notice {:.1} % of small changes; {MUTATION_SCORE_WANTED:.0} % are wanted",
            mutation.score
        ));
    }
    warnings
}

/// `11 of 13 sentences implemented; not covered: "…"`.
fn sentences(requirements: &Requirements) -> Sentences {
    let (covered, total) = (requirements.sentences_covered, requirements.sentences_total);
    let mut text =
        format!("{covered} of {total} {} implemented", if total == 1 { "sentence" } else { "sentences" });
    for (index, sentence) in requirements.not_covered.iter().enumerate() {
        text.push_str(if index == 0 { "; not covered: " } else { ", " });
        text.push_str(&format!("\"{}\"", sentence.text.trim()));
    }
    Sentences { total, covered, text }
}

fn summary(report: &Report) -> String {
    let mutation = &report.mutation;
    let mut summary = format!(
        "{} tests pass, {} criteria proven, mutation score {:.1} % ({} of {})",
        report.tests.len(),
        report.criteria.len(),
        mutation.score,
        mutation.killed,
        mutation.total
    );
    if !report.repairs.is_empty() {
        summary.push_str(&format!(", {} mended", report.repairs.len()));
    }
    summary
}
