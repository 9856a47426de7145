//! A run as a person in a terminal sees it: one bar per agent, or plain lines where there is no terminal.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::Path;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::Value;

use crate::cli::generate::files::Written;
use crate::cli::{say, say_error};
use crate::domain::event::{AgentUpdate, Completion, EventBody, LogLevel, RunError};
use crate::domain::run::AgentStatus;

/// Sentences of the brief that the summary lists.
const NOT_COVERED_SHOWN_MAX: usize = 20;

/// What is shown while the run goes on.
pub(in crate::cli) struct Progress {
    verbose: bool,
    bars: Option<MultiProgress>,
    agents: BTreeMap<u32, ProgressBar>,
}

impl Progress {
    /// Bars in a terminal, lines elsewhere.
    pub(in crate::cli) fn new(verbose: bool) -> Self {
        let bars = std::io::stderr().is_terminal().then(MultiProgress::new);
        Self { verbose, bars, agents: BTreeMap::new() }
    }

    /// Shows an event.
    pub(in crate::cli) fn show(&mut self, body: &EventBody) {
        match body {
            EventBody::AgentUpdate(update) => self.agent(update),
            EventBody::Log(log) if self.verbose || log.level >= LogLevel::Warning => {
                for line in &log.lines {
                    self.line(&format!("  [{}] {}", log.agent.as_deref().unwrap_or("run"), line.text));
                }
            }
            _ => {}
        }
    }

    /// Leaves what was shown as it is.
    pub(in crate::cli) fn finish(&mut self) {
        for bar in self.agents.values().filter(|bar| !bar.is_finished()) {
            bar.abandon();
        }
    }

    /// Shows a line of its own.
    pub(in crate::cli) fn say(&self, line: &str) {
        self.line(line);
    }

    fn agent(&mut self, update: &AgentUpdate) {
        let Some(bars) = &self.bars else {
            // Each step of progress would be a line of its own.
            if update.status != AgentStatus::Progress {
                self.line(&plain_line(update));
            }
            return;
        };
        let bar = self.agents.entry(update.index).or_insert_with(|| {
            let bar = bars.add(ProgressBar::new(100));
            bar.set_style(bar_style());
            bar.set_prefix(format!("{:>2}/{} {}", update.index, update.total, update.title));
            bar
        });
        bar.set_position(update.progress.clamp(0.0, 100.0) as u64);
        match update.status {
            AgentStatus::Failed => bar.abandon_with_message(format!("failed: {}", update.message)),
            status if status.is_ended() => bar.finish_with_message(update.message.clone()),
            _ => bar.set_message(update.message.clone()),
        }
    }

    fn line(&self, line: &str) {
        match &self.bars {
            // A line between bars must go through them, or it is painted over.
            Some(bars) => drop(bars.println(line)),
            None => say_error(line),
        }
    }
}

fn bar_style() -> ProgressStyle {
    ProgressStyle::with_template("{prefix:28} {bar:24} {pos:>3}% {wide_msg}")
        .expect("the template is a constant that a test has built")
        .progress_chars("=> ")
}

fn plain_line(update: &AgentUpdate) -> String {
    format!("{:>2}/{} {}: {}", update.index, update.total, update.title, update.message)
}

/// Why a run failed, with the place.
pub(in crate::cli) fn error_line(error: &RunError) -> String {
    let place = match (&error.file, error.line) {
        (Some(file), Some(line)) => format!(" ({file}:{line})"),
        (Some(file), None) => format!(" ({file})"),
        _ => String::new(),
    };
    format!("{}: {}{place}", error.agent.as_deref().unwrap_or("run"), error.message)
}

/// Says what was made and what of the brief was not covered.
pub(super) fn summary(completion: &Completion, out: &Path, written: &Written) {
    say(&completion.message);
    say(&format!("{} files, {} bytes, in {}", written.files, written.bytes, out.display()));
    written.requirements.as_deref().map(covered_lines).unwrap_or_default().iter().for_each(|line| say(line));
}

/// The coverage of the brief as `requirements.json` tells it. Read loosely: another agent may have written the file.
fn covered_lines(requirements: &str) -> Vec<String> {
    let Ok(document) = serde_json::from_str::<Value>(requirements) else { return Vec::new() };
    let mut lines = Vec::new();
    if let (Some(covered), Some(total)) =
        (document["sentences_covered"].as_u64(), document["sentences_total"].as_u64())
    {
        lines.push(format!("{covered} of {total} sentences implemented"));
    }
    let not_covered = document["not_covered"].as_array().map(Vec::as_slice).unwrap_or_default();
    for item in not_covered.iter().take(NOT_COVERED_SHOWN_MAX) {
        let text = item["text"].as_str().unwrap_or_default();
        let reason = item["reason"].as_str().unwrap_or_default();
        lines.push(format!("not covered: {text} ({reason})"));
    }
    if not_covered.len() > NOT_COVERED_SHOWN_MAX {
        lines.push(format!("… and {} more", not_covered.len() - NOT_COVERED_SHOWN_MAX));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_of_the_bars_is_well_formed() {
        bar_style();
    }

    #[test]
    fn what_was_not_covered_is_said() {
        let requirements = r#"{ "requirements": [], "sentences_total": 3, "sentences_covered": 2,
            "not_covered": [{ "sentence": "S3", "text": "make it sing", "reason": "sound is not understood" }] }"#;
        assert_eq!(
            covered_lines(requirements),
            ["2 of 3 sentences implemented", "not covered: make it sing (sound is not understood)"]
        );
        assert!(covered_lines("{").is_empty());
        assert!(covered_lines("[]").is_empty());
    }

    #[test]
    fn errors_name_agent_file_and_line() {
        let error = RunError {
            agent: Some("interface".into()),
            message: "bad".into(),
            file: Some("a.js".into()),
            line: Some(3),
        };
        assert_eq!(error_line(&error), "interface: bad (a.js:3)");
    }
}
