//! From a request to a run that can be written: checks, defaults, id, and the batch that makes it durable.

use std::collections::BTreeSet;

use crate::domain::control::{Lane, RunControl};
use crate::domain::ids::ProjectId;
use crate::domain::run::Run;
use crate::domain::time::Timestamp;
use crate::engine::{Batch, Change, KeptAnswer};
use crate::pipelines::Pipeline;
use crate::runs::control::Place;
use crate::runs::orchestrator::{Retry, Shared};
use crate::runs::params::{self, FieldError};
use crate::runs::queue::fresh_run_id;
use crate::runs::{Accepted, Keep, NewRun, OnConflict, RunsError, plan, transitions};

/// A run that is not on record yet.
pub(crate) struct Draft {
    pub(crate) run: Run,
    /// Whether it may wait beside an active run of its project.
    pub(crate) beside_active: bool,
    /// Whether the other active runs of its project are cancelled for it.
    pub(crate) replaces: bool,
    keep: Option<Keep>,
}

impl Draft {
    /// The answer and the batch that makes it true.
    pub(crate) fn into_batch(self, place: Place, now: Timestamp) -> (Accepted, Batch) {
        let accepted =
            Accepted { run: self.run.clone(), position_in_queue: place.position, starts_in: place.starts_in };
        let mut changes = Vec::with_capacity(3);
        // The key goes first: a request that is repeated hears its first answer, not that the run it made is active.
        if let Some(keep) = self.keep {
            let (status, answer) = (keep.answer)(&accepted);
            let expires_at = now.plus_ms(keep.ttl_ms);
            let answer = KeptAnswer { body_sha256: keep.body_sha256, status, answer, expires_at };
            changes.push(Change::KeepAnswer { key: keep.key, answer, now });
        }
        changes.push(Change::InsertRun { run: self.run.clone(), beside_active: self.beside_active });
        changes.push(transitions::append(&self.run, transitions::queued(&self.run)));
        (accepted, Batch::of(changes))
    }
}

/// Checks a request.
pub(crate) async fn draft(shared: &Shared, new: NewRun) -> Result<Draft, RunsError> {
    check_key(shared, new.keep.as_ref()).await?;
    let pipeline = pipeline(shared, &new.project.pipeline)?;
    let mut errors = Vec::new();
    if let Err(message) = (pipeline.check_brief)(&new.project.brief) {
        errors.push(FieldError { field: "brief".to_owned(), message });
    }
    let params = params::resolve(pipeline.name, &new.project.params, &new.params).unwrap_or_else(|wrong| {
        errors.extend(wrong);
        serde_json::Map::new()
    });
    if !errors.is_empty() {
        return Err(RunsError::Invalid(errors));
    }
    let run = Run {
        brief: new.project.brief,
        params,
        priority: new.priority,
        inputs: new.inputs,
        control: control(&pipeline, new.lane, new.by),
        ..blank(shared, new.project.id, &pipeline).await?
    };
    Ok(Draft {
        run,
        beside_active: new.on_conflict != OnConflict::Reject,
        replaces: new.on_conflict == OnConflict::Replace,
        keep: new.keep,
    })
}

/// Checks a request to repeat a run.
pub(crate) async fn draft_retry(
    shared: &Shared,
    Retry { run: id, from_agent, by, keep }: Retry,
) -> Result<Draft, RunsError> {
    check_key(shared, keep.as_ref()).await?;
    let earlier = shared.engine.run(id).await?.ok_or(RunsError::NotFound("run"))?;
    if !earlier.status.is_terminal() {
        return Err(RunsError::Active(id));
    }
    if earlier.control.worker.is_some() {
        return Err(RunsError::Refused(
            earlier.status,
            "was driven by a worker outside, which begins runs itself",
        ));
    }
    let pipeline = pipeline(shared, &earlier.pipeline)?;
    let agents = plan::agents_of_retry(&pipeline, &earlier, from_agent.as_deref()).map_err(|known| {
        let message = format!("is unknown; known: {}", known.join(", "));
        RunsError::Invalid(vec![FieldError { field: "from_agent".to_owned(), message }])
    })?;
    let run = Run {
        brief: earlier.brief,
        params: earlier.params,
        priority: earlier.priority,
        agents,
        inputs: earlier.inputs,
        retry_of: Some(id),
        control: control(&pipeline, earlier.control.lane, by),
        ..blank(shared, earlier.project_id, &pipeline).await?
    };
    Ok(Draft { run, beside_active: false, replaces: false, keep })
}

/// Whether a request is new. Before anything else: the queue may be full by now, and a repeated request still has its
/// answer.
async fn check_key(shared: &Shared, keep: Option<&Keep>) -> Result<(), RunsError> {
    let Some(keep) = keep else { return Ok(()) };
    match shared.engine.idempotent_answer(keep.key.clone(), shared.clock.now()).await? {
        Some(kept) => Err(RunsError::KeyTaken(Box::new(kept))),
        None => Ok(()),
    }
}

/// What the queue has to know of a new run.
fn control(pipeline: &Pipeline, lane: Lane, by: String) -> RunControl {
    let tags: BTreeSet<&str> =
        pipeline.agents.iter().flat_map(|agent| agent.policy.resources.iter()).map(|tag| &**tag).collect();
    RunControl {
        lane,
        caller: Some(by),
        resources: tags.into_iter().map(str::to_owned).collect(),
        ..RunControl::default()
    }
}

fn pipeline(shared: &Shared, name: &str) -> Result<Pipeline, RunsError> {
    shared.pipelines.find(name).ok_or(RunsError::NotFound("pipeline"))
}

/// A run of a project that has nothing to do yet.
async fn blank(shared: &Shared, project: ProjectId, pipeline: &Pipeline) -> Result<Run, RunsError> {
    let newest = shared.engine.runs_of(project, 1).await?;
    let id = fresh_run_id(newest.first().map(|run| run.id));
    Ok(Run {
        agents: plan::agents_of(pipeline),
        definition: shared.pipelines.definition(pipeline.name),
        ..Run::new(id, project, pipeline.name.to_owned(), shared.clock.now())
    })
}
