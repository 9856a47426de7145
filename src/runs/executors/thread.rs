//! The thread on which one agent works: reads its inputs, calls the executor, stores its files.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::oneshot;

use crate::artifacts::{ArtifactPath, Artifacts, Blobs};
use crate::domain::run::{AgentManifest, ManifestFile, Run};
use crate::pipelines::{Agent, AgentError, AgentHost, AgentInputs, AgentOutput, FileSet, OutputFile, when};
use crate::runs::executors::desk::{Desk, Host, Seat};
use crate::runs::executors::kept::KeptState;
use crate::runs::executors::{AgentGate, Executor, RunIds, ScriptRunner, panics};
use crate::runs::plan::Work;

/// What an agent names among its resources that computes for long with every core.
const CPU: &str = "cpu";
/// The nice value of such an agent: what serves clients goes first.
const QUIET_NICE: i32 = 10;

/// All that an agent needs.
pub(crate) struct Task {
    /// The run, for brief and params.
    pub(crate) run: Run,
    /// The agent.
    pub(crate) agent: Agent,
    /// Its inputs and key.
    pub(crate) work: Work,
    pub(crate) desk: Arc<Desk>,
    pub(crate) seat: Arc<Seat>,
    pub(crate) tools: Arc<Tools>,
}

/// What all agents use.
pub(crate) struct Tools {
    pub(crate) artifacts: Artifacts,
    pub(crate) scripts: Arc<dyn ScriptRunner>,
    pub(crate) executor: Arc<dyn Executor>,
    pub(crate) gate: Option<Arc<dyn AgentGate>>,
    /// Threads of agents that live, those left behind included.
    pub(crate) threads: Arc<AtomicUsize>,
}

/// What an agent made; its files are durable.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) output: AgentManifest,
    pub(crate) summary: String,
    /// Its condition did not hold, and it made nothing.
    pub(crate) skipped: bool,
    /// What it could not do.
    pub(crate) shortfall: Option<String>,
}

impl Made {
    fn skipped(key: &str, when: &str) -> Self {
        Self {
            output: AgentManifest { key: key.to_owned(), files: Vec::new() },
            summary: format!("not needed: {when}"),
            skipped: true,
            shortfall: None,
        }
    }
}

/// Starts the thread. The answer is an error when the thread ended without one, or could not be started.
pub(crate) fn start(task: Task) -> oneshot::Receiver<Result<Made, AgentError>> {
    let (answer, result) = oneshot::channel();
    let alive = Alive::new(task.tools.threads.clone());
    let started = std::thread::Builder::new().name(format!("agent-{}", task.agent.name)).spawn(move || {
        let _alive = alive;
        // Nobody listens any more when the run has ended meanwhile.
        let _ = answer.send(work(&task));
    });
    if let Err(error) = started {
        // The answer's sender went with the closure: the receiver hears of it.
        log::error!("the thread of an agent could not be started: {error}");
    }
    result
}

/// Counts a living thread.
struct Alive(Arc<AtomicUsize>);

impl Alive {
    fn new(threads: Arc<AtomicUsize>) -> Self {
        threads.fetch_add(1, Ordering::Relaxed);
        Self(threads)
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn work(task: &Task) -> Result<Made, AgentError> {
    let (tools, desk, seat, name) = (&task.tools, &task.desk, &task.seat, task.agent.name);
    let log = tools
        .artifacts
        .logs()
        .open_run(task.run.id)
        .map_err(|error| AgentError::failed(format!("the log of the run cannot be opened: {error}")))?;
    let run = RunIds { run: task.run.id, project: task.run.project_id };
    let blobs = tools.artifacts.blobs();
    let kept = KeptState::new(tools.artifacts.logs(), task.run.id, name, &task.work.key);
    let host =
        Host { desk, seat, run, blobs, log: &log, scripts: tools.scripts.as_ref(), agent: name.into(), kept };
    if task.agent.policy.resources.iter().any(|resource| resource == CPU) {
        work_quietly();
    }
    let inputs = inputs(task)?;
    if let Some(gate) = &tools.gate {
        gate.before_agent(task.run.id, name, &|| seat.is_stopped());
    }
    if let Some(when) = task.agent.setup.when
        && !when::holds(when, &inputs)?
    {
        return Ok(Made::skipped(&task.work.key, when));
    }
    let output = panics::caught(|| {
        host.check()?;
        let output = tools.executor.execute(&task.agent, &inputs, &host)?;
        host.check()?;
        Ok(output)
    })?;
    let made = store(task, output)?;
    host.kept.forget();
    if let Some(gate) = &tools.gate {
        gate.after_agent(task.run.id, name, &|| seat.is_stopped());
    }
    Ok(made)
}

/// Lets everything else on this machine go first: this thread and those that it starts.
fn work_quietly() {
    // On Linux the process id 0 means the calling thread, whose nice value is its own.
    if let Err(error) = rustix::process::setpriority_process(None, QUIET_NICE) {
        log::debug!("an agent works at ordinary priority: {error}");
    }
}

fn inputs(task: &Task) -> Result<AgentInputs, AgentError> {
    let mut files = FileSet::default();
    for file in &task.work.inputs {
        let bytes = task.tools.artifacts.blobs().read(&file.sha256).map_err(|error| AgentError::Failed {
            message: format!("a file of an earlier agent cannot be read: {error}"),
            file: Some(file.path.clone()),
            line: None,
        })?;
        files.insert(file.path.clone(), bytes);
    }
    Ok(AgentInputs {
        brief: task.run.brief.clone(),
        params: task.run.params.clone(),
        files,
        inputs: task.run.inputs.clone(),
    })
}

/// Puts a file of an agent where it lasts.
///
/// # Errors
/// When its path is not allowed or it cannot be stored.
pub(super) fn stored(blobs: &Blobs, file: &OutputFile) -> Result<ManifestFile, AgentError> {
    let failed = |message: String| AgentError::Failed { message, file: Some(file.path.clone()), line: None };
    ArtifactPath::parse(&file.path)
        .map_err(|why| failed(format!("the agent may not write this file: its path {why}")))?;
    let stored =
        blobs.put(&file.bytes).map_err(|error| failed(format!("this file cannot be stored: {error}")))?;
    Ok(ManifestFile { path: file.path.clone(), sha256: stored.sha256, size: stored.size })
}

fn store(task: &Task, output: AgentOutput) -> Result<Made, AgentError> {
    let mut files = task.seat.take_written();
    for file in output.files {
        let manifest = stored(task.tools.artifacts.blobs(), &file)?;
        match files.iter_mut().find(|known| known.path == manifest.path) {
            Some(known) => *known = manifest,
            None => files.push(manifest),
        }
    }
    Ok(Made {
        output: AgentManifest { key: task.work.key.clone(), files },
        summary: output.summary,
        skipped: false,
        shortfall: task.seat.take_shortfall(),
    })
}
