//! Agent 2: maps every sentence to what is to be built, or says that it is not covered. Writes `REQUIREMENTS.md` and
//! `requirements.json`.

use std::fmt::Write as _;

use serde::Serialize;

use super::grammar::{self, Understanding};
use super::intake::{json_file, one_line};
use super::spec::{Brief, Requirements};
use crate::domain::event::LogLevel;
use crate::pipelines::{AgentError, AgentHost, AgentInputs, AgentOutput, OutputFile};

/// `requirements.json` with one more key than [`Requirements`] reads: what became of each sentence. A sentence may ask
/// for several requirements, and one that repeats another asks for the same.
#[derive(Serialize)]
struct File<'a> {
    #[serde(flatten)]
    requirements: &'a Requirements,
    sentences: Vec<SentenceRow<'a>>,
}

#[derive(Serialize)]
struct SentenceRow<'a> {
    id: &'a str,
    covered: bool,
    requirements: &'a [String],
}

/// Runs the agent.
///
/// # Errors
/// When `brief.json` is missing or malformed, nothing is kept, or the run is to be cancelled.
pub fn run(inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    host.check()?;
    let brief = Brief::read(&inputs.files)?;
    host.progress(20.0, "mapping sentences to requirements");
    let understanding = grammar::understand(&brief);
    host.check()?;
    if understanding.model.entities.is_empty() {
        return Err(AgentError::Failed {
            message: "no sentence says what is to be kept, like `books with title and author`".to_owned(),
            file: Some("brief.json".to_owned()),
            line: None,
        });
    }
    log(&understanding, host);
    host.progress(70.0, "writing the requirements");
    let found = &understanding.requirements;
    let sentences = understanding
        .verdicts
        .iter()
        .map(|verdict| SentenceRow {
            id: &verdict.sentence,
            covered: verdict.problem.is_none(),
            requirements: &verdict.requirements,
        })
        .collect();
    let files = vec![
        OutputFile::text("REQUIREMENTS.md", markdown(&understanding)),
        json_file("requirements.json", &File { requirements: found, sentences })?,
    ];
    host.check()?;
    host.progress(100.0, "requirements written");
    let criteria: usize = found.requirements.iter().map(|requirement| requirement.criteria.len()).sum();
    Ok(AgentOutput {
        files,
        summary: format!(
            "{} requirements with {criteria} acceptance criteria, {} of {} sentences covered",
            found.requirements.len(),
            found.sentences_covered,
            found.sentences_total
        ),
    })
}

/// What was understood from which sentence.
fn log(understanding: &Understanding, host: &dyn AgentHost) {
    let texts: std::collections::BTreeMap<&str, &str> = understanding
        .requirements
        .requirements
        .iter()
        .map(|requirement| (requirement.id.as_str(), requirement.text.as_str()))
        .collect();
    for verdict in &understanding.verdicts {
        for id in &verdict.requirements {
            let text = texts.get(id.as_str()).copied().unwrap_or_default();
            host.log(
                LogLevel::Info,
                &format!("{} `{}` -> {id} {text}", verdict.sentence, one_line(&verdict.text)),
            );
        }
        match &verdict.problem {
            Some(reason) => host.log(
                LogLevel::Warning,
                &format!("{} `{}` is not covered: {reason}", verdict.sentence, one_line(&verdict.text)),
            ),
            None if verdict.requirements.is_empty() => host.log(
                LogLevel::Info,
                &format!("{} `{}` leaves out what it names", verdict.sentence, one_line(&verdict.text)),
            ),
            None => {}
        }
    }
    let implied =
        understanding.requirements.requirements.iter().filter(|found| found.sentence.is_none()).count();
    host.log(LogLevel::Info, &format!("{implied} requirements are implied by what is kept"));
}

/// `REQUIREMENTS.md`.
fn markdown(understanding: &Understanding) -> String {
    let found = &understanding.requirements;
    let mut out = format!("# Requirements of {}\n\n", plain(&understanding.model.title));
    let _ = writeln!(
        out,
        "{} of {} sentences of the brief are covered.",
        found.sentences_covered, found.sentences_total
    );
    for requirement in &found.requirements {
        let _ = write!(out, "\n## {} {}\n\n", requirement.id, plain(&requirement.text));
        let sources: Vec<&grammar::Verdict> = understanding
            .verdicts
            .iter()
            .filter(|verdict| verdict.requirements.contains(&requirement.id))
            .collect();
        if sources.is_empty() {
            let _ = writeln!(out, "Implied by what is kept.\n");
        }
        for verdict in sources {
            let _ = writeln!(out, "> {}: {}\n", verdict.sentence, plain(&one_line(&verdict.text)));
        }
        for criterion in &requirement.criteria {
            let _ = writeln!(out, "- **{}** {}", criterion.id, plain(&criterion.text));
        }
    }
    if !found.not_covered.is_empty() {
        let _ = write!(out, "\n## Not covered\n\n");
        for missed in &found.not_covered {
            let _ = writeln!(
                out,
                "- **{}** \"{}\": {}",
                missed.sentence,
                plain(&one_line(&missed.text)),
                plain(&missed.reason)
            );
        }
    }
    if !understanding.contradictions.is_empty() {
        let _ = write!(out, "\n## Contradictions\n\n");
        for contradiction in &understanding.contradictions {
            let _ = writeln!(out, "- {}", plain(contradiction));
        }
    }
    out
}

/// Words of the brief must not become markup.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for sign in text.chars() {
        if matches!(sign, '\\' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|') {
            out.push('\\');
        }
        out.push(sign);
    }
    out
}
