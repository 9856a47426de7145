//! Line commands: what a program says to this server by printing it. A printed line can show something, and never change
//! the state of a run.

use std::collections::BTreeMap;

/// One printed line.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Printed {
    /// Text, whatever it looks like.
    Text,
    /// Lines that fold begin.
    Group(String),
    /// They end.
    EndGroup,
    /// Something to read.
    Notice(Remark),
    /// Something to look at.
    Warning(Remark),
    /// Something failed.
    Error(Remark),
    /// For whoever mends the agent.
    Debug(String),
    /// A value that must not be shown.
    AddMask(String),
    /// From here on nothing is a command, until this word.
    StopCommands,
    /// Commands are heard again.
    ResumeCommands,
    /// How far the agent is.
    Progress { percent: f64, message: String },
    /// A file is ready.
    Artifact { path: String },
    /// A picture of what is being made.
    Preview { path: String, step: u64, of: u64 },
    /// A figure.
    Metric { name: String, value: f64 },
    /// Looks like a command and is none that can be carried out; why.
    Wrong(String),
}

/// A message and what it is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Remark {
    pub(super) message: String,
    pub(super) file: Option<String>,
    pub(super) line: Option<u32>,
}

impl Remark {
    /// As it stands in the log.
    pub(super) fn text(&self) -> String {
        match (&self.file, self.line) {
            (Some(file), Some(line)) => format!("{} ({file}:{line})", self.message),
            (Some(file), None) => format!("{} ({file})", self.message),
            (None, _) => self.message.clone(),
        }
    }
}

/// Reads lines; remembers whether commands are heard.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// The word that makes commands heard again.
    until: Option<String>,
}

impl Reader {
    pub(super) fn read(&mut self, line: &str) -> Printed {
        if let Some(word) = &self.until {
            if line.trim_end().strip_prefix("::").and_then(|rest| rest.strip_suffix("::")) == Some(word) {
                self.until = None;
                return Printed::ResumeCommands;
            }
            return Printed::Text;
        }
        let Some((name, properties, text)) = split(line) else { return Printed::Text };
        let text = unescaped(text, false);
        let mut given = read_properties(properties);
        match name {
            "group" => Printed::Group(text),
            "endgroup" => Printed::EndGroup,
            "notice" => Printed::Notice(remark(text, &mut given)),
            "warning" => Printed::Warning(remark(text, &mut given)),
            "error" => Printed::Error(remark(text, &mut given)),
            "debug" => Printed::Debug(text),
            "add-mask" => Printed::AddMask(text),
            "stop-commands" if text.trim().is_empty() => {
                Printed::Wrong("stop-commands needs a word after it that ends the stop".to_owned())
            }
            "stop-commands" => {
                self.until = Some(text.trim().to_owned());
                Printed::StopCommands
            }
            "progress" => match number(&given, "value") {
                Some(percent) => Printed::Progress { percent, message: text },
                None => Printed::Wrong("progress needs value=, a number from 0 to 100".to_owned()),
            },
            "artifact" | "preview" => match given.remove("path").filter(|path| !path.is_empty()) {
                None => Printed::Wrong(format!("{name} needs path=")),
                Some(path) if name == "artifact" => Printed::Artifact { path },
                Some(path) => {
                    let whole = |key| number(&given, key).filter(|n| *n >= 0.0).map_or(0, |n| n as u64);
                    Printed::Preview { path, step: whole("step"), of: whole("of") }
                }
            },
            "metric" => match (given.remove("name"), number(&given, "value")) {
                (Some(name), Some(value)) if !name.is_empty() => Printed::Metric { name, value },
                _ => Printed::Wrong("metric needs name= and value=, a number".to_owned()),
            },
            _ => Printed::Text,
        }
    }
}

/// `::name key=value,key=value::text`; none for any other line.
fn split(line: &str) -> Option<(&str, &str, &str)> {
    let rest = line.trim_start().strip_prefix("::")?;
    let (head, text) = rest.split_once("::")?;
    let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    is_name.then_some((name, properties, text))
}

fn read_properties(text: &str) -> BTreeMap<&str, String> {
    text.split(',')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key.trim(), unescaped(value, true)))
        .collect()
}

fn remark(message: String, given: &mut BTreeMap<&str, String>) -> Remark {
    let line = given.get("line").and_then(|line| line.parse().ok());
    Remark { message, file: given.remove("file").filter(|file| !file.is_empty()), line }
}

fn number(given: &BTreeMap<&str, String>, key: &str) -> Option<f64> {
    given.get(key).and_then(|text| text.trim().parse::<f64>().ok()).filter(|number| number.is_finite())
}

/// `%25`, `%0D` and `%0A`, and within properties `%3A` and `%2C`.
fn unescaped(text: &str, in_property: bool) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        plain.push_str(&rest[..at]);
        let code = rest.get(at..at + 3).unwrap_or_default().to_ascii_uppercase();
        let letter = match code.as_str() {
            "%25" => Some('%'),
            "%0A" => Some('\n'),
            "%0D" => Some('\r'),
            "%3A" if in_property => Some(':'),
            "%2C" if in_property => Some(','),
            _ => None,
        };
        plain.push(letter.unwrap_or('%'));
        rest = &rest[at + if letter.is_some() { 3 } else { 1 }..];
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remark(message: &str, file: Option<&str>, line: Option<u32>) -> Remark {
        Remark { message: message.to_owned(), file: file.map(str::to_owned), line }
    }

    #[test]
    fn commands_are_read() {
        for (line, expected) in [
            ("hello", Printed::Text),
            ("::", Printed::Text),
            ("::not a command", Printed::Text),
            ("std::vec::Vec", Printed::Text),
            ("::Unknown::x", Printed::Text),
            ("::group::Build it", Printed::Group("Build it".to_owned())),
            ("  ::endgroup::", Printed::EndGroup),
            ("::notice::for you", Printed::Notice(remark("for you", None, None))),
            (
                "::warning file=src/a%2Cb.js,line=12,col=3::unused: x",
                Printed::Warning(remark("unused: x", Some("src/a,b.js"), Some(12))),
            ),
            (
                "::error file=a.js::two%0Alines 100%25",
                Printed::Error(remark("two\nlines 100%", Some("a.js"), None)),
            ),
            ("::debug::deep", Printed::Debug("deep".to_owned())),
            ("::add-mask::secret", Printed::AddMask("secret".to_owned())),
            ("::progress value=42.5::half", Printed::Progress { percent: 42.5, message: "half".to_owned() }),
            ("::artifact path=out/a.txt::", Printed::Artifact { path: "out/a.txt".to_owned() }),
            (
                "::preview path=p.png,step=2,of=9::",
                Printed::Preview { path: "p.png".to_owned(), step: 2, of: 9 },
            ),
            ("::metric name=fps,value=29.97::", Printed::Metric { name: "fps".to_owned(), value: 29.97 }),
        ] {
            assert_eq!(Reader::default().read(line), expected, "{line}");
        }
        for wrong in [
            "::progress::",
            "::progress value=NaN::",
            "::artifact::",
            "::metric name=x::",
            "::stop-commands::",
        ] {
            assert!(matches!(Reader::default().read(wrong), Printed::Wrong(_)), "{wrong}");
        }
    }

    #[test]
    fn stopped_commands_are_text_until_the_word() {
        let mut reader = Reader::default();
        for (line, expected) in [
            ("::stop-commands::end-7", Printed::StopCommands),
            ("::error::not said", Printed::Text),
            ("::stop-commands::other", Printed::Text),
            ("::end-8::", Printed::Text),
            ("::end-7::", Printed::ResumeCommands),
            ("::endgroup::", Printed::EndGroup),
        ] {
            assert_eq!(reader.read(line), expected, "{line}");
        }
    }

    #[test]
    fn a_remark_says_file_and_line() {
        assert_eq!(remark("unused", Some("a.js"), Some(3)).text(), "unused (a.js:3)");
        assert_eq!(remark("unused", None, Some(3)).text(), "unused");
    }
}
