//! One line of a run's log, and its form in a segment: a JSON object.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};

use crate::domain::event::LogLevel;
use crate::domain::time::Timestamp;

/// Bytes of a line's text; a longer one is cut and says so.
pub const LINE_BYTES_MAX: usize = 16 * 1024;
/// Room for what a cut line says of itself.
const CUT_NOTE_BYTES: usize = 64;

/// A line on its way to the log.
#[derive(Clone, Copy, Debug)]
pub struct NewLine<'a> {
    /// When it was written.
    pub at: Timestamp,
    /// Its level.
    pub level: LogLevel,
    /// Who wrote it; none for the house itself.
    pub agent: Option<&'a str>,
    /// Its text; kept as [`as_one_line`] says.
    pub text: &'a str,
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredLine {
    /// Its number within the run, from 1.
    pub n: u64,
    /// When it was written.
    pub at: Timestamp,
    /// Its level.
    pub level: LogLevel,
    /// Who wrote it; none for the house itself.
    pub agent: Option<String>,
    /// Its text, without a line end.
    pub text: String,
}

impl fmt::Display for StoredLine {
    /// As it stands in a download, without a line end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            LogLevel::Debug => "DEBUG",
            LogLevel::Info => "INFO",
            LogLevel::Warning => "WARNING",
            LogLevel::Error => "ERROR",
        };
        write!(f, "{} {level:<7} ", self.at)?;
        if let Some(agent) = &self.agent {
            write!(f, "[{agent}] ")?;
        }
        f.write_str(&self.text)
    }
}

/// The text as the log keeps it: without line ends, and cut at [`LINE_BYTES_MAX`] with a note that says so.
pub fn as_one_line(text: &str) -> Cow<'_, str> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    let mut line = Cow::Borrowed(text);
    if line.len() > LINE_BYTES_MAX {
        let kept = line.floor_char_boundary(LINE_BYTES_MAX - CUT_NOTE_BYTES);
        let mut cut = line[..kept].to_owned();
        // Writing to a string cannot fail.
        let _ = write!(cut, " … [cut here, {} bytes left out]", line.len() - kept);
        line = Cow::Owned(cut);
    }
    if line.contains(['\n', '\r']) {
        line = Cow::Owned(line.replace(['\n', '\r'], " "));
    }
    line
}

/// The form of a line in a segment. Its number is its place.
#[derive(Serialize, Deserialize)]
struct Form<'a> {
    at: Timestamp,
    level: LogLevel,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    agent: Option<Cow<'a, str>>,
    #[serde(borrow)]
    text: Cow<'a, str>,
}

/// Appends the form of a line with its line end.
pub(super) fn encode(line: &NewLine<'_>, to: &mut Vec<u8>) -> serde_json::Result<()> {
    let form = Form {
        at: line.at,
        level: line.level,
        agent: line.agent.map(Cow::Borrowed),
        text: as_one_line(line.text),
    };
    serde_json::to_writer(&mut *to, &form)?;
    to.push(b'\n');
    Ok(())
}

/// Reads the form of a line, without its line end.
pub(super) fn decode(n: u64, bytes: &[u8]) -> serde_json::Result<StoredLine> {
    let form: Form<'_> = serde_json::from_slice(bytes)?;
    Ok(StoredLine {
        n,
        at: form.at,
        level: form.level,
        agent: form.agent.map(Cow::into_owned),
        text: form.text.into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_has_no_line_end() {
        for (text, expected) in [
            ("", ""),
            ("a", "a"),
            ("a\n", "a"),
            ("a\r\n", "a"),
            ("a\r\nb\n", "a  b"),
            ("10%\r20%", "10% 20%"),
        ] {
            assert_eq!(as_one_line(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_long_line_is_cut_and_says_so() {
        assert!(matches!(as_one_line(&"x".repeat(LINE_BYTES_MAX)), Cow::Borrowed(_)));
        let cut = as_one_line(&"ü".repeat(LINE_BYTES_MAX)).into_owned();
        assert!(cut.len() <= LINE_BYTES_MAX && cut.len() > LINE_BYTES_MAX - 100);
        let left_out = 2 * LINE_BYTES_MAX - (LINE_BYTES_MAX - CUT_NOTE_BYTES);
        assert!(
            cut.ends_with(&format!("ü … [cut here, {left_out} bytes left out]")),
            "{}",
            &cut[cut.len() - 80..]
        );
    }

    #[test]
    fn a_download_shows_who_and_when() {
        let mut line = StoredLine {
            n: 1,
            at: Timestamp(1_700_000_000_120),
            level: LogLevel::Warning,
            agent: Some("planner".to_owned()),
            text: "two words".to_owned(),
        };
        assert_eq!(line.to_string(), "2023-11-14T22:13:20.120Z WARNING [planner] two words");
        line.agent = None;
        assert_eq!(line.to_string(), "2023-11-14T22:13:20.120Z WARNING two words");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(text in "(?s).{0,40}", agent in proptest::option::of("(?s).{0,10}")) {
            let new = NewLine { at: Timestamp(5), level: LogLevel::Error, agent: agent.as_deref(), text: &text };
            let mut bytes = Vec::new();
            encode(&new, &mut bytes).unwrap();
            prop_assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count(), 1);
            let line = decode(3, &bytes[..bytes.len() - 1]).unwrap();
            prop_assert_eq!(line.text, as_one_line(&text));
            prop_assert_eq!((line.n, line.at, line.level, line.agent), (3, Timestamp(5), LogLevel::Error, agent));
        }
    }
}
