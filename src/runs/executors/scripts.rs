//! How agents get scripts run: the seam between a run and the script sandbox.

use std::path::PathBuf;
use std::time::Duration;

use crate::domain::script::{ScriptJob, ScriptOutcome};
use crate::runs::executors::children::ChildRegistry;
use crate::runs::executors::sandbox::{Sandbox, SandboxError};

/// Runs script jobs. Blocks the calling thread.
pub trait ScriptRunner: Send + Sync + 'static {
    /// Does the job; one outcome per step, `on_step` hears each as it is done. Every child process is counted in
    /// `children`. Asks `cancelled` at least every 50 ms and ends its processes when it says yes.
    ///
    /// # Errors
    /// When it was cancelled, or the job could not be done at all.
    fn run(
        &self,
        children: &ChildRegistry,
        job: &ScriptJob,
        cancelled: &dyn Fn() -> bool,
        on_step: &mut dyn FnMut(usize, &ScriptOutcome),
    ) -> Result<Vec<ScriptOutcome>, ScriptRunError>;
}

/// Why a job has no outcomes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScriptRunError {
    /// It was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// It could not be done.
    #[error("{0}")]
    Failed(String),
}

/// Runs every job in the script sandbox: child processes of this program.
#[derive(Clone, Debug)]
pub struct Scripts {
    program: PathBuf,
    job_timeout: Duration,
}

impl Scripts {
    /// `program` is the binary whose `sandbox` subcommand is the child side; a job may take `job_timeout`.
    pub fn new(program: impl Into<PathBuf>, job_timeout: Duration) -> Self {
        Self { program: program.into(), job_timeout }
    }
}

impl ScriptRunner for Scripts {
    fn run(
        &self,
        children: &ChildRegistry,
        job: &ScriptJob,
        cancelled: &dyn Fn() -> bool,
        on_step: &mut dyn FnMut(usize, &ScriptOutcome),
    ) -> Result<Vec<ScriptOutcome>, ScriptRunError> {
        let sandbox = Sandbox::new(&self.program, children.clone(), self.job_timeout);
        sandbox.run(job, cancelled, on_step).map_err(|error| match error {
            SandboxError::Cancelled => ScriptRunError::Cancelled,
            other => ScriptRunError::Failed(other.to_string()),
        })
    }
}
