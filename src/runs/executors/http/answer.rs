//! What a worker answers: one result, or events that end with one.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;

use crate::domain::event::LogLevel;
use crate::pipelines::policy::FailureClass;
use crate::pipelines::{AgentError, OutputFile};
use crate::runs::executors::ExecutorHost;
use crate::runs::executors::command::text::{Secrets, safe};

/// One thing that a worker says.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Said {
    Log {
        #[serde(default)]
        level: Option<LogLevel>,
        text: String,
    },
    Progress {
        value: f64,
        #[serde(default)]
        message: String,
    },
    Metric {
        name: String,
        value: f64,
    },
    Artifact(SentFile),
    Preview {
        #[serde(flatten)]
        file: SentFile,
        #[serde(default)]
        step: u64,
        #[serde(default)]
        of: u64,
    },
    Result(Outcome),
    Error(Refused),
}

/// The result of a worker.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Outcome {
    pub(super) summary: Option<String>,
    pub(super) files: Vec<SentFile>,
    pub(super) error: Option<Refused>,
}

/// Where a status address stands.
#[derive(Debug, Deserialize)]
pub(super) struct Standing {
    pub(super) status: String,
    pub(super) progress: Option<f64>,
    #[serde(default)]
    pub(super) message: String,
    #[serde(flatten)]
    pub(super) outcome: Outcome,
}

/// Why a worker did not do its work.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Refused {
    pub(super) message: String,
    pub(super) file: Option<String>,
    pub(super) line: Option<u32>,
    /// It may be over soon.
    #[serde(default)]
    pub(super) retry: bool,
}

/// A file on the wire: text as it is, anything else in base64.
#[derive(Debug, Deserialize)]
pub(super) struct SentFile {
    path: String,
    text: Option<String>,
    base64: Option<String>,
}

impl SentFile {
    pub(super) fn decode(self) -> Result<OutputFile, AgentError> {
        let failed = |message: String, path: &str| AgentError::Failed {
            message,
            file: Some(path.to_owned()),
            line: None,
        };
        match (self.text, self.base64) {
            (Some(text), None) => Ok(OutputFile::text(self.path, text)),
            (None, Some(encoded)) => match BASE64_STANDARD.decode(encoded) {
                Ok(bytes) => Ok(OutputFile { path: self.path, bytes }),
                Err(error) => Err(failed(format!("this file is no base64: {error}"), &self.path)),
            },
            _ => Err(failed("this file has neither text nor base64, or both".to_owned(), &self.path)),
        }
    }
}

impl Refused {
    pub(super) fn into_error(self, secrets: &Secrets) -> AgentError {
        let message = safe(&self.message.replace(['\n', '\r'], " "), 0, secrets);
        match self.retry {
            true => AgentError::passing(FailureClass::Transient, message),
            false => AgentError::Failed { message, file: self.file, line: self.line },
        }
    }
}

/// What a worker has made so far, and what it said at last.
pub(super) struct Making<'a> {
    host: &'a dyn ExecutorHost,
    secrets: &'a Secrets,
    files: Vec<OutputFile>,
    bytes_max: u64,
}

impl<'a> Making<'a> {
    pub(super) fn new(host: &'a dyn ExecutorHost, secrets: &'a Secrets, bytes_max: u64) -> Self {
        Self { host, secrets, files: Vec::new(), bytes_max }
    }

    /// Takes what was said; answers the result when it was that.
    pub(super) fn take(&mut self, said: Said) -> Result<Option<Outcome>, AgentError> {
        match said {
            Said::Log { level, text } => {
                for line in text.lines() {
                    self.host.log(level.unwrap_or(LogLevel::Info), &safe(line, 0, self.secrets));
                }
            }
            Said::Progress { value, message } => self.progress(value, &message),
            Said::Metric { name, value } => self.host.metric(&safe(&name, 0, self.secrets), value),
            Said::Artifact(file) => {
                let file = file.decode()?;
                self.host.artifact(&file);
                self.keep(file)?;
            }
            Said::Preview { file, step, of } => {
                let file = file.decode()?;
                self.host.preview(&file, step, of);
                self.keep(file)?;
            }
            Said::Result(outcome) => return Ok(Some(outcome)),
            Said::Error(refused) => return Err(refused.into_error(self.secrets)),
        }
        Ok(None)
    }

    pub(super) fn progress(&self, value: f64, message: &str) {
        let message = safe(&message.replace(['\n', '\r'], " "), 0, self.secrets);
        self.host.progress(value.clamp(0.0, 100.0), &message);
    }

    fn keep(&mut self, file: OutputFile) -> Result<(), AgentError> {
        self.files.retain(|known| known.path != file.path);
        self.files.push(file);
        let bytes: u64 = self.files.iter().map(|file| file.bytes.len() as u64).sum();
        match bytes > self.bytes_max {
            true => Err(AgentError::failed(format!("the files have more than {} bytes", self.bytes_max))),
            false => Ok(()),
        }
    }

    /// The files with those of the result, and what is to be said of them.
    pub(super) fn finish(
        mut self,
        outcome: Outcome,
    ) -> Result<(Vec<OutputFile>, Option<String>), AgentError> {
        if let Some(refused) = outcome.error {
            return Err(refused.into_error(self.secrets));
        }
        for file in outcome.files {
            self.keep(file.decode()?)?;
        }
        let summary = outcome.summary.map(|text| safe(&text.replace(['\n', '\r'], " "), 0, self.secrets));
        Ok((self.files, summary))
    }
}
