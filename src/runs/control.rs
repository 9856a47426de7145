//! What people say of runs on which nothing works: pause, go on, yes, no, and the pause of the whole queue. Each is one
//! read and one change that compares and sets, so the first of two people wins and the second hears that it was too late.

use serde::{Deserialize, Serialize};

use crate::domain::control::{GateAnswer, Signed};
use crate::domain::event::Eta;
use crate::domain::ids::RunId;
use crate::domain::run::{AgentManifest, ManifestFile, Run, RunStatus};
use crate::domain::time::Timestamp;
use crate::engine::{Batch, Change, EngineError};
use crate::runs::commits::write;
use crate::runs::orchestrator::Shared;
use crate::runs::params::FieldError;
use crate::runs::transitions::{self, Transition};
use crate::runs::{NOT_PAUSED, RunsError, outside};

/// Under which the state of the queue is noted.
const QUEUE_NOTE: &str = "queue";
/// How often a change is tried when the run has changed under it.
const TRIES: usize = 3;
/// Characters of a reason.
const REASON_CHARS_MAX: usize = 4_000;

/// What a person says at a gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GateVerdict {
    /// Yes; with a text, after replacing the text of a file.
    Approve {
        /// The file; needed with a text when the agent made more than one.
        item: Option<String>,
        /// Its new text.
        text: Option<String>,
    },
    /// No.
    Reject {
        /// The file that is not good enough.
        item: Option<String>,
        /// Why.
        text: Option<String>,
    },
}

/// Where a run stands in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// How many are served before it.
    pub position: u32,
    /// When it will probably start; none while nothing is known, or the queue is paused.
    pub starts_in: Option<Eta>,
}

/// The queue as a person sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueView {
    /// Who paused it.
    pub paused: Option<Signed>,
    /// Runs that work, and how many may at once.
    pub active: (usize, usize),
    /// Runs that wait, in the lanes interactive, normal and bulk.
    pub waiting: [usize; 3],
    /// Runs that are paused or wait for an answer.
    pub resting: usize,
    /// How long the oldest that waits has waited.
    pub oldest_queued_ms: Option<u64>,
}

/// What is on record about the queue as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct QueueState {
    /// Who paused it.
    pub(crate) paused: Option<Signed>,
    /// When it last went on: nobody waits in vain while it is paused.
    pub(crate) resumed_at: Option<Timestamp>,
}

impl QueueState {
    /// As it is on record.
    pub(crate) async fn read(shared: &Shared) -> Result<Self, EngineError> {
        let Some(text) = shared.engine.note(QUEUE_NOTE.to_owned()).await? else { return Ok(Self::default()) };
        serde_json::from_str(&text)
            .map_err(|error| EngineError::Storage(format!("the note of the queue cannot be read: {error}")))
    }

    /// Puts it on record.
    pub(crate) async fn write(&self, shared: &Shared) -> Result<(), EngineError> {
        let value = serde_json::to_string(self).expect("names and numbers have a JSON form");
        let note = Change::Note { name: QUEUE_NOTE.to_owned(), value: Some(value) };
        write(shared.broker.as_ref(), &shared.engine, Batch::of([note])).await
    }
}

/// Pauses a run that waits in the queue; none when it is changing hands and has to be looked at again.
pub(crate) async fn pause_waiting(shared: &Shared, id: RunId, by: &str) -> Result<Option<Run>, RunsError> {
    let run = read(shared, id).await?;
    match run.status {
        RunStatus::Paused => Ok(Some(run)),
        RunStatus::Queued => {
            let change = transitions::paused_in_queue(&run, by, shared.clock.now());
            done_or_look_again(shared, change).await
        }
        status if outside::driver(&run).is_some() => {
            Err(RunsError::Refused(status, "driven by a worker outside, which cannot be paused"))
        }
        // Its actor is about to come or to go.
        RunStatus::Starting | RunStatus::Running | RunStatus::Pausing => Ok(None),
        status => Err(RunsError::Refused(status, "cannot be paused")),
    }
}

/// Lets a paused run go on; none when it is changing hands and has to be looked at again.
pub(crate) async fn resume_paused(shared: &Shared, id: RunId, by: &str) -> Result<Option<Run>, RunsError> {
    let run = read(shared, id).await?;
    match run.status {
        RunStatus::Paused => {
            done_or_look_again(shared, transitions::resumed(&run, by, shared.clock.now())).await
        }
        RunStatus::Pausing => Ok(None),
        status => Err(RunsError::Refused(status, NOT_PAUSED)),
    }
}

/// Answers the question that a run waits with.
pub(crate) async fn answer(
    shared: &Shared,
    id: RunId,
    by: &str,
    verdict: &GateVerdict,
) -> Result<Run, RunsError> {
    for _ in 0..TRIES {
        let run = read(shared, id).await?;
        let change = answered(shared, &run, by, verdict).await?;
        if let Some(next) = done_or_look_again(shared, change).await? {
            return Ok(next);
        }
    }
    Err(RunsError::Busy)
}

async fn answered(
    shared: &Shared,
    run: &Run,
    by: &str,
    verdict: &GateVerdict,
) -> Result<Transition, RunsError> {
    let refused = RunsError::Refused(run.status, "is not waiting for an answer");
    let gate = run.control.gate.as_ref().filter(|_| run.status == RunStatus::Waiting);
    let gate = gate.ok_or_else(|| refused.clone())?;
    let index = run.agents.iter().position(|agent| agent.agent == gate.agent).ok_or(refused)?;
    let files = run.agents[index].output.as_ref().map_or(&[][..], |output| &output.files);
    let now = shared.clock.now();
    let signed = Signed { by: by.to_owned(), at: now };
    match verdict {
        GateVerdict::Approve { item, text: None } => {
            known_item(item.as_deref(), files)?;
            let answer = GateAnswer { approved: true, signed, item: item.clone(), reason: None };
            Ok(transitions::approved(run, index, answer, None, now))
        }
        GateVerdict::Approve { item, text: Some(text) } => {
            let file = match item {
                Some(item) => known_item(Some(item), files)?,
                None => files.first().filter(|_| files.len() == 1),
            };
            let Some(file) = file else {
                return Err(invalid("item", format!("must say which file; {}", known_names(files))));
            };
            let output = edited(shared, run, index, file, text.clone()).await?;
            let answer = GateAnswer { approved: true, signed, item: Some(file.path.clone()), reason: None };
            Ok(transitions::approved(run, index, answer, Some(output), now))
        }
        GateVerdict::Reject { item, text } => {
            known_item(item.as_deref(), files)?;
            if text.as_ref().is_some_and(|text| text.chars().count() > REASON_CHARS_MAX) {
                return Err(invalid(
                    "text",
                    format!("must not be longer than {REASON_CHARS_MAX} characters"),
                ));
            }
            let reason = text.clone().filter(|text| !text.trim().is_empty());
            let answer = GateAnswer { approved: false, signed, item: item.clone(), reason };
            Ok(transitions::rejected(run, index, answer, now))
        }
    }
}

/// The output of the agent with another text for one of its files.
async fn edited(
    shared: &Shared,
    run: &Run,
    index: usize,
    file: &ManifestFile,
    text: String,
) -> Result<AgentManifest, RunsError> {
    let artifacts = shared.tools.artifacts.clone();
    let earlier = file.sha256.clone();
    let stored = tokio::task::spawn_blocking(move || {
        let failed =
            |error: &dyn std::fmt::Display| RunsError::Engine(EngineError::Storage(error.to_string()));
        let blobs = artifacts.blobs();
        let before = blobs.read(&earlier).map_err(|error| failed(&error))?;
        if std::str::from_utf8(&before).is_err() {
            return Err(invalid("item", "is not a file of text, and cannot be given another one".to_owned()));
        }
        blobs.put(text.as_bytes()).map_err(|error| failed(&error))
    });
    let stored = stored.await.map_err(|_| RunsError::Busy)??;
    let mut output = run.agents[index]
        .output
        .clone()
        .unwrap_or_else(|| AgentManifest { key: String::new(), files: Vec::new() });
    for known in output.files.iter_mut().filter(|known| known.path == file.path) {
        known.sha256.clone_from(&stored.sha256);
        known.size = stored.size;
    }
    Ok(output)
}

fn known_item<'a>(
    item: Option<&str>,
    files: &'a [ManifestFile],
) -> Result<Option<&'a ManifestFile>, RunsError> {
    let Some(item) = item else { return Ok(None) };
    match files.iter().find(|file| file.path == item) {
        Some(file) => Ok(Some(file)),
        None => Err(invalid("item", format!("names no file of the agent; {}", known_names(files)))),
    }
}

fn known_names(files: &[ManifestFile]) -> String {
    let names: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    format!("known: {}", names.join(", "))
}

fn invalid(field: &str, message: String) -> RunsError {
    RunsError::Invalid(vec![FieldError { field: field.to_owned(), message }])
}

/// Ends a run that nobody admitted or answered in time, or whose worker was not heard in time; none when it is changing
/// hands.
pub(crate) async fn end_in_vain(
    shared: &Shared,
    id: RunId,
    message: String,
) -> Result<Option<Run>, RunsError> {
    let run = read(shared, id).await?;
    let now = shared.clock.now();
    if let Some(worker) = outside::driver(&run) {
        // It may have been heard since its run was looked at.
        return match worker.until <= now {
            true => done_or_look_again(shared, transitions::worker_lost(&run, worker, now)).await,
            false => Ok(None),
        };
    }
    if !matches!(run.status, RunStatus::Queued | RunStatus::Waiting) {
        return Ok(None);
    }
    done_or_look_again(shared, transitions::waited_in_vain(&run, message, now)).await
}

async fn read(shared: &Shared, id: RunId) -> Result<Run, RunsError> {
    shared.engine.run(id).await?.ok_or(RunsError::NotFound("run"))
}

/// Writes a change; none when the run has changed under it.
async fn done_or_look_again(shared: &Shared, change: Transition) -> Result<Option<Run>, RunsError> {
    let next = Run { version: change.run.version + 1, ..change.run.clone() };
    match write(shared.broker.as_ref(), &shared.engine, change.into_batch()).await {
        Ok(()) => Ok(Some(next)),
        Err(EngineError::Conflict(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
