//! A reply as it comes, line by line into the log.

use crate::domain::event::LogLevel;
use crate::runs::executors::ExecutorHost;
use crate::runs::executors::command::text::{Secrets, safe};

/// Bytes of a reply at which half the work seems done: how long it gets nobody knows before.
const HALF_WAY_BYTES: f64 = 8_000.0;
/// Bytes of a line that is said although it has not ended.
const LINE_BYTES_MAX: usize = 8 * 1024;
/// What stands before lines that only look like the beginning or the end of a group: a colour that changes nothing.
const NO_COLOUR: &str = "\u{1b}[m";

/// Tells the log what a model says.
pub(super) struct Telling<'a> {
    host: &'a dyn ExecutorHost,
    secrets: &'a Secrets,
    model: &'a str,
    /// The line that is not ended yet.
    line: String,
    bytes: usize,
}

impl<'a> Telling<'a> {
    pub(super) fn new(host: &'a dyn ExecutorHost, secrets: &'a Secrets, model: &'a str) -> Self {
        Self { host, secrets, model, line: String::new(), bytes: 0 }
    }

    pub(super) fn take(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if self.bytes == 0 {
            let title = safe(&format!("Reply of {}", self.model), 0, self.secrets);
            self.host.log(LogLevel::Info, &format!("::group::{title}"));
        }
        self.bytes += text.len();
        let mut lines = String::new();
        for piece in text.split_inclusive('\n') {
            self.line.push_str(piece);
            // A line that does not end is said in parts.
            if piece.ends_with('\n') || self.line.len() > LINE_BYTES_MAX {
                lines.push_str(&self.shown(self.line.trim_end_matches('\n')));
                lines.push('\n');
                self.line.clear();
            }
        }
        if !lines.is_empty() {
            self.host.log(LogLevel::Info, &lines);
        }
        let bytes = self.bytes as f64;
        let message = format!("{} has written {:.1} KB", self.model, bytes / 1000.0);
        self.host.progress(90.0 * bytes / (bytes + HALF_WAY_BYTES), &message);
    }

    pub(super) fn finish(self) {
        if !self.line.is_empty() {
            self.host.log(LogLevel::Info, &self.shown(&self.line));
        }
        if self.bytes > 0 {
            self.host.log(LogLevel::Info, "::endgroup::");
        }
    }

    fn shown(&self, line: &str) -> String {
        let line = safe(line.trim_end_matches('\r'), 0, self.secrets);
        match line.starts_with("::group::") || line.starts_with("::endgroup::") {
            true => format!("{NO_COLOUR}{line}"),
            false => line,
        }
    }
}
