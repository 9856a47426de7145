//! Agent 1: cuts the brief into sentences and finds its title and its contradictions. Writes `brief.json`.

use super::grammar;
pub use super::grammar::language::check_brief;
use crate::domain::event::LogLevel;
use crate::pipelines::{AgentError, AgentHost, AgentInputs, AgentOutput, OutputFile};

/// Runs the agent.
///
/// # Errors
/// When the brief cannot be worked on, or the run is to be cancelled.
pub fn run(inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    host.check()?;
    check_brief(&inputs.brief).map_err(AgentError::failed)?;
    host.progress(30.0, "reading the brief");
    let brief = grammar::read(&inputs.brief);
    host.check()?;
    host.log(LogLevel::Info, &format!("title: {}", brief.title));
    for sentence in &brief.sentences {
        host.log(LogLevel::Info, &format!("{}: {}", sentence.id, one_line(&sentence.text)));
    }
    for contradiction in &brief.contradictions {
        host.log(LogLevel::Warning, &format!("contradiction: {contradiction}"));
    }
    host.progress(100.0, "brief read");
    let summary = match brief.contradictions.len() {
        0 => sentences(brief.sentences.len()),
        1 => format!("{}, 1 contradiction", sentences(brief.sentences.len())),
        many => format!("{}, {many} contradictions", sentences(brief.sentences.len())),
    };
    Ok(AgentOutput { files: vec![json_file("brief.json", &brief)?], summary })
}

fn sentences(count: usize) -> String {
    if count == 1 { "1 sentence".to_owned() } else { format!("{count} sentences") }
}

/// A text on one line, cut to what fits a log.
pub(super) fn one_line(text: &str) -> String {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if flat.chars().count() <= 200 {
        return flat;
    }
    flat.chars().take(199).chain(['…']).collect()
}

/// A pretty-printed JSON file that ends with a line end.
pub(super) fn json_file<T: serde::Serialize>(path: &str, value: &T) -> Result<OutputFile, AgentError> {
    let text = serde_json::to_string_pretty(value).map_err(|error| AgentError::Failed {
        message: format!("cannot be written as JSON: {error}"),
        file: Some(path.to_owned()),
        line: None,
    })?;
    Ok(OutputFile::text(path, text + "\n"))
}
