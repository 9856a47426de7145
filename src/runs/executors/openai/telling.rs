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

/// The part of an agent's work that a reply is, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Share {
    /// What was done before it.
    pub(super) from: f64,
    /// How much it is.
    pub(super) of: f64,
}

impl Share {
    /// How much of the work is done, in percent, when the reply has so many bytes.
    fn percent(self, bytes: usize) -> f64 {
        let bytes = bytes as f64;
        100.0 * (self.from + self.of * 0.9 * bytes / (bytes + HALF_WAY_BYTES))
    }
}

/// Tells the log what a model says.
pub(super) struct Telling<'a> {
    host: &'a dyn ExecutorHost,
    secrets: &'a Secrets,
    model: &'a str,
    /// The line that is not ended yet.
    line: String,
    bytes: usize,
    whole: Share,
}

impl<'a> Telling<'a> {
    pub(super) fn new(
        host: &'a dyn ExecutorHost,
        secrets: &'a Secrets,
        model: &'a str,
        whole: Share,
    ) -> Self {
        Self { host, secrets, model, line: String::new(), bytes: 0, whole }
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
        let message = format!("{} has written {:.1} KB", self.model, self.bytes as f64 / 1000.0);
        self.host.progress(self.whole.percent(self.bytes), &message);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_of_several_is_a_part_of_the_work() {
        let alone = Share { from: 0.0, of: 1.0 };
        assert_eq!((alone.percent(0), alone.percent(8_000)), (0.0, 45.0));
        let second_of_four = Share { from: 0.25, of: 0.25 };
        assert_eq!(second_of_four.percent(0), 25.0);
        assert_eq!(second_of_four.percent(8_000), 36.25);
        assert!(second_of_four.percent(usize::MAX) < 50.0);
    }
}
