//! What the tests of pipelines share.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::domain::event::LogLevel;
use crate::domain::run::RunInput;
use crate::domain::script::{ScriptJob, ScriptOutcome};
use crate::pipelines::{AgentError, AgentHost, OutputFile};

/// A house that has files and nothing else.
#[derive(Default)]
pub(crate) struct House {
    /// The files of the run, by name.
    pub(crate) contents: BTreeMap<String, Vec<u8>>,
    /// What agents wrote while they worked.
    pub(crate) written: Mutex<Vec<OutputFile>>,
    /// Where they fell short.
    pub(crate) short: Mutex<Vec<String>>,
    /// From this look on the run is to be cancelled.
    pub(crate) cancel_at: Option<usize>,
    pub(crate) looks: Mutex<usize>,
}

impl AgentHost for House {
    fn log(&self, _: LogLevel, _: &str) {}
    fn progress(&self, _: f64, _: &str) {}
    fn check(&self) -> Result<(), AgentError> {
        let mut looks = self.looks.lock().unwrap();
        *looks += 1;
        if self.cancel_at.is_some_and(|at| *looks > at) { Err(AgentError::Cancelled) } else { Ok(()) }
    }
    fn input(&self, input: &RunInput) -> Result<Vec<u8>, AgentError> {
        Ok(self.contents[&input.name].clone())
    }
    fn write(&self, file: OutputFile) -> Result<(), AgentError> {
        self.written.lock().unwrap().push(file);
        Ok(())
    }
    fn fell_short(&self, what: &str) {
        self.short.lock().unwrap().push(what.to_owned());
    }
    fn run_scripts(
        &self,
        _: &ScriptJob,
        _: &mut dyn FnMut(usize, &ScriptOutcome),
    ) -> Result<Vec<ScriptOutcome>, AgentError> {
        Err(AgentError::failed("there are no scripts"))
    }
}
