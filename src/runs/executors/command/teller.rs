//! Carries out what a program prints: text becomes the log, line commands become what they say.

use std::time::{Duration, Instant};

use super::folder::Folder;
use super::line_commands::{Printed, Reader, Remark};
use super::lines::Line;
use super::text::{Secrets, safe, without_colours};
use crate::domain::event::LogLevel;
use crate::pipelines::{AgentError, OutputFile};
use crate::runs::executors::ExecutorHost;

/// Lines that stand in each other's place are said this often at most.
const OVERWRITTEN_EVERY: Duration = Duration::from_secs(1);
/// Bytes of lines that are handed to the log at once.
const BATCH_BYTES_MAX: usize = 256 * 1024;
/// Characters of the last line of standard error that go into the reason of a failure.
const LAST_WORDS_CHARS_MAX: usize = 300;
/// What stands before text that only looks like the beginning or the end of a group: a colour that changes nothing.
const NO_COLOUR: &str = "\u{1b}[m";

/// What a program has told in all.
pub(super) struct Told {
    /// Files that it named, as they were when it did.
    pub(super) files: Vec<OutputFile>,
    /// Its last `::error::`.
    pub(super) error: Option<AgentError>,
    /// Its last `::notice::`.
    pub(super) summary: Option<String>,
    /// The last line of standard error that says anything.
    pub(super) last_words: Option<String>,
}

pub(super) struct Teller<'a> {
    host: &'a dyn ExecutorHost,
    folder: &'a Folder,
    secrets: Secrets,
    reader: Reader,
    files_left: u64,
    told: Told,
    batch: String,
    batch_level: LogLevel,
    /// The newest line that another one has taken the place of.
    overwritten: Option<String>,
    overwritten_said: Option<Instant>,
}

impl<'a> Teller<'a> {
    pub(super) fn new(
        host: &'a dyn ExecutorHost,
        folder: &'a Folder,
        secrets: Secrets,
        files_bytes_max: u64,
    ) -> Self {
        Self {
            host,
            folder,
            secrets,
            reader: Reader::default(),
            files_left: files_bytes_max,
            told: Told { files: Vec::new(), error: None, summary: None, last_words: None },
            batch: String::new(),
            batch_level: LogLevel::Info,
            overwritten: None,
            overwritten_said: None,
        }
    }

    /// Lines of standard output.
    pub(super) fn output(&mut self, lines: Vec<Line>) {
        for line in lines {
            let printed = if line.cut_bytes > 0 { Printed::Text } else { self.reader.read(&line.text) };
            match printed {
                Printed::Text => self.text(&line),
                other => self.command(other),
            }
        }
        self.flush();
    }

    /// Lines of standard error: text, whatever they look like. Programs say all kinds of things there.
    pub(super) fn errors(&mut self, lines: Vec<Line>) {
        lines.iter().for_each(|line| self.text(line));
        if let Some(line) = lines.iter().rev().find(|line| !line.text.trim().is_empty()) {
            let said = without_colours(&self.one_line(&line.text));
            self.told.last_words =
                Some(shortened(said.trim(), LAST_WORDS_CHARS_MAX)).filter(|said| !said.is_empty());
        }
        self.flush();
    }

    /// Nothing came for a while.
    pub(super) fn pause(&mut self) {
        if self.overwritten_said.is_none_or(|at| at.elapsed() >= OVERWRITTEN_EVERY)
            && let Some(text) = self.overwritten.take()
        {
            self.overwritten_said = Some(Instant::now());
            self.say(LogLevel::Info, &text);
            self.flush();
        }
    }

    pub(super) fn finish(mut self) -> Told {
        if let Some(text) = self.overwritten.take() {
            self.say(LogLevel::Info, &text);
        }
        self.flush();
        self.told
    }

    fn text(&mut self, line: &Line) {
        let text = as_text(safe(&line.text, line.cut_bytes, &self.secrets));
        if line.overwritten {
            self.overwritten = Some(text);
            return self.pause();
        }
        self.overwritten = None;
        self.say(LogLevel::Info, &text);
    }

    fn command(&mut self, printed: Printed) {
        match printed {
            Printed::Text | Printed::StopCommands | Printed::ResumeCommands => {}
            Printed::Group(title) => {
                let title = self.one_line(&title);
                self.say(LogLevel::Info, &format!("::group::{title}"));
            }
            Printed::EndGroup => self.say(LogLevel::Info, "::endgroup::"),
            Printed::Notice(remark) => {
                self.remark(LogLevel::Info, &remark);
                self.told.summary = Some(self.one_line(&remark.message));
            }
            Printed::Warning(remark) => self.remark(LogLevel::Warning, &remark),
            Printed::Error(remark) => {
                self.remark(LogLevel::Error, &remark);
                self.told.error = Some(AgentError::Failed {
                    message: self.one_line(&remark.message),
                    file: remark.file.as_deref().map(|file| self.one_line(file)),
                    line: remark.line,
                });
            }
            Printed::Debug(text) => self.lines(LogLevel::Debug, &text),
            Printed::AddMask(value) => self.secrets.add(&value),
            Printed::Progress { percent, message } => {
                let message = self.one_line(&message);
                self.host.progress(percent.clamp(0.0, 100.0), &message);
            }
            Printed::Artifact { path } => {
                if let Some(file) = self.take_file(&path) {
                    self.host.artifact(&file);
                }
            }
            Printed::Preview { path, step, of } => {
                if let Some(file) = self.take_file(&path) {
                    self.host.preview(&file, step, of);
                }
            }
            Printed::Metric { name, value } => {
                let name = self.one_line(&name);
                self.host.metric(&name, value);
            }
            Printed::Wrong(why) => self.say(LogLevel::Warning, &why),
        }
    }

    fn take_file(&mut self, path: &str) -> Option<OutputFile> {
        match self.folder.read(path, self.files_left) {
            Ok(file) => {
                self.files_left -= file.bytes.len() as u64;
                match self.told.files.iter_mut().find(|known| known.path == file.path) {
                    Some(known) => {
                        self.files_left += known.bytes.len() as u64;
                        known.bytes.clone_from(&file.bytes);
                    }
                    None => self.told.files.push(file.clone()),
                }
                Some(file)
            }
            Err(error) => {
                let error = self.one_line(&error.to_string());
                self.say(LogLevel::Warning, &error);
                None
            }
        }
    }

    fn remark(&mut self, level: LogLevel, remark: &Remark) {
        self.lines(level, &remark.text());
    }

    /// A message may have several lines.
    fn lines(&mut self, level: LogLevel, text: &str) {
        for line in text.split(['\n', '\r']) {
            let line = as_text(safe(line, 0, &self.secrets));
            self.say(level, &line);
        }
    }

    fn one_line(&self, text: &str) -> String {
        safe(&text.replace(['\n', '\r'], " "), 0, &self.secrets)
    }

    fn say(&mut self, level: LogLevel, line: &str) {
        if level != self.batch_level || self.batch.len() > BATCH_BYTES_MAX {
            self.flush();
        }
        self.batch_level = level;
        self.batch.push_str(line);
        self.batch.push('\n');
    }

    fn flush(&mut self) {
        if !self.batch.is_empty() {
            self.host.log(self.batch_level, &self.batch);
            self.batch.clear();
        }
    }
}

fn shortened(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text.to_owned(),
    }
}

/// A line that the page does not take for the beginning or the end of a group.
fn as_text(mut text: String) -> String {
    if text.starts_with("::group::") || text.starts_with("::endgroup::") {
        text.insert_str(0, NO_COLOUR);
    }
    text
}
