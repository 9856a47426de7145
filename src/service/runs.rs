//! Runs: started, shown, cancelled, repeated.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::auth::policy::Action;
use crate::auth::{AuthError, Caller};
use crate::domain::control::Lane;
use crate::domain::event::Eta;
use crate::domain::ids::{ProjectId, RunId};
use crate::domain::run::{Project, Run, RunStatus};
use crate::engine::KeptAnswer;
use crate::runs::{Accepted, CancelAnswer, Keep, NewRun, RunsError, params};
use crate::service::Service;
use crate::service::error::{FieldError, ServiceError};
use crate::service::idempotency::{IdempotencyKey, KEPT_FOR_MS};

/// Runs of a project in one answer.
pub const RUNS_LISTED_MAX: usize = 200;
/// Highest and, negated, lowest priority.
pub const PRIORITY_MAX: i64 = 100;
/// Status of an accepted run, kept with its answer.
const ACCEPTED: u16 = 202;

/// What to do with a new run while another one of the project is active.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnConflict {
    /// Refuse it.
    #[default]
    Reject,
    /// Let it wait behind the other one.
    Enqueue,
    /// Cancel the other one.
    Replace,
}

impl OnConflict {
    /// Their names on the wire.
    pub const NAMES: [&'static str; 3] = ["reject", "enqueue", "replace"];

    /// The one of that name.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "reject" => Some(Self::Reject),
            "enqueue" => Some(Self::Enqueue),
            "replace" => Some(Self::Replace),
            _ => None,
        }
    }
}

/// A run that somebody wants.
#[derive(Clone, Debug, Default)]
pub struct GenerateRequest {
    /// Params that differ from the project's.
    pub params: Map<String, Value>,
    /// Higher goes first.
    pub priority: i64,
    /// How urgent it is.
    pub lane: Lane,
    /// What to do when another run is active.
    pub on_conflict: OnConflict,
}

/// A run that was accepted; the part of the answer that is kept under an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generated {
    /// The run.
    pub run_id: RunId,
    /// Its state when it was accepted.
    pub status: RunStatus,
    /// How many runs are served before it.
    pub position_in_queue: u32,
    /// When it will probably start; none while nothing is known, or the queue is paused.
    #[serde(default)]
    pub starts_in: Option<Eta>,
}

impl Generated {
    fn of(accepted: &Accepted) -> Self {
        Self {
            run_id: accepted.run.id,
            status: accepted.run.status,
            position_in_queue: accepted.position_in_queue,
            starts_in: accepted.starts_in,
        }
    }

    fn of_kept(kept: &KeptAnswer) -> Result<Self, ServiceError> {
        serde_json::from_str(&kept.answer)
            .map_err(|error| ServiceError::Internal(format!("a kept answer cannot be read: {error}")))
    }
}

/// What a cancel came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancelled {
    /// State of the run now.
    pub status: RunStatus,
    /// How it had ended before, when there was nothing to cancel.
    pub already: Option<RunStatus>,
}

impl Service {
    /// Starts a run.
    ///
    /// # Errors
    /// When there is no such project, the request is wrong, another run is active, the queue is full, or the idempotency
    /// key stands for another request.
    pub async fn generate(
        &self,
        caller: Caller,
        project: ProjectId,
        request: GenerateRequest,
        key: Option<IdempotencyKey>,
    ) -> Result<Generated, ServiceError> {
        caller.may_in(Action::ControlRuns, project)?;
        self.check_ready()?;
        let priority = i32::try_from(request.priority).ok().filter(|p| i64::from(*p).abs() <= PRIORITY_MAX);
        let Some(priority) = priority else {
            let message = format!("must be from -{PRIORITY_MAX} to {PRIORITY_MAX}");
            return Err(ServiceError::invalid("priority", message));
        };
        // A repeated request is answered, and one that is refused in any case is refused, before anything is fetched for it.
        let now = self.ground().clock.now();
        if let Some(key) = &key
            && let Some(kept) = key.kept(&*self.ground().engine, now).await?
        {
            return Generated::of_kept(&kept);
        }
        let project = self.stored_project(project).await?;
        let inputs = match self.ground().catalog.takes_images(&project.pipeline) {
            true => {
                let params = params::resolve(&project.pipeline, &project.params, &request.params)
                    .map_err(RunsError::Invalid)?;
                self.may_begin(&project, request.on_conflict).await?;
                self.inputs_of_run(&project, &params).await?
            }
            false => Vec::new(),
        };
        let keep = key.as_ref().map(keep);
        let on_conflict = match request.on_conflict {
            OnConflict::Reject => crate::runs::OnConflict::Reject,
            OnConflict::Enqueue => crate::runs::OnConflict::Enqueue,
            OnConflict::Replace => crate::runs::OnConflict::Replace,
        };
        let (params, lane, by) = (request.params, request.lane, caller.name());
        let new = NewRun { project, params, inputs, priority, lane, by, on_conflict, keep };
        generated(self.ground().runs.enqueue(new).await, key)
    }

    /// Whether a run would be taken now. Another request may be faster, so the queue decides again.
    async fn may_begin(&self, project: &Project, on_conflict: OnConflict) -> Result<(), ServiceError> {
        if on_conflict == OnConflict::Reject {
            let active = self.ground().engine.active_runs().await?;
            if let Some(run) = active.iter().find(|run| run.project_id == project.id) {
                return Err(ServiceError::RunActive(run.id));
            }
        }
        Ok(self.ground().runs.has_room().await?)
    }

    /// The newest runs of a project, newest first.
    ///
    /// # Errors
    /// When there is no such project.
    pub async fn runs_of(
        &self,
        caller: Caller,
        project: ProjectId,
        limit: usize,
    ) -> Result<Vec<Run>, ServiceError> {
        caller.may_in(Action::Read, project)?;
        self.stored_project(project).await?;
        Ok(self.ground().engine.runs_of(project, limit).await?)
    }

    /// All runs that have not ended, in the order in which the queue serves them.
    ///
    /// # Errors
    /// When the caller may not read.
    pub async fn active_runs(&self, caller: Caller) -> Result<Vec<Run>, ServiceError> {
        caller.may(Action::Read)?;
        Ok(self.ground().engine.active_runs().await?)
    }

    /// A run.
    ///
    /// # Errors
    /// When there is no such run.
    pub async fn run(&self, caller: Caller, id: RunId) -> Result<Run, ServiceError> {
        self.run_for(caller, Action::Read, id).await
    }

    /// A run that this caller may do that with. Of a run that is out of reach, nobody learns that it exists.
    ///
    /// # Errors
    /// When there is no such run within the caller's reach.
    pub(crate) async fn run_for(
        &self,
        caller: Caller,
        action: Action,
        id: RunId,
    ) -> Result<Run, ServiceError> {
        caller.may_somewhere(action)?;
        let run = self.ground().engine.run(id).await?;
        run.filter(|run| caller.may_in(action, run.project_id).is_ok()).ok_or(ServiceError::NotFound("run"))
    }

    /// Checks [`Service::run_for`], and reads the run only for a caller who is bound to some projects.
    ///
    /// # Errors
    /// When there is no such run within the caller's reach.
    pub(crate) async fn check_run(
        &self,
        caller: Caller,
        action: Action,
        id: RunId,
    ) -> Result<(), ServiceError> {
        match caller.may(action) {
            Err(AuthError::OutOfScope) => self.run_for(caller, action, id).await.map(drop),
            checked => Ok(checked?),
        }
    }

    /// Cancels a run. The wish is durable when this answers; the run ends soon after.
    ///
    /// # Errors
    /// When there is no such run.
    pub async fn cancel(&self, caller: Caller, id: RunId) -> Result<Cancelled, ServiceError> {
        self.check_run(caller, Action::ControlRuns, id).await?;
        let cancelled = self.ground().runs.cancel(id, caller.name()).await.map_err(ServiceError::from);
        let CancelAnswer { status, already } =
            self.audited(caller, "run.cancel", Some(id.to_string()), None, cancelled).await?;
        Ok(Cancelled { status, already })
    }

    /// Repeats a run that has ended, from an agent on.
    ///
    /// # Errors
    /// When there is no such run or agent, a run of the project is active, or the idempotency key stands for another
    /// request.
    pub async fn retry(
        &self,
        caller: Caller,
        id: RunId,
        from_agent: Option<String>,
        key: Option<IdempotencyKey>,
    ) -> Result<Generated, ServiceError> {
        self.check_run(caller, Action::ControlRuns, id).await?;
        self.check_ready()?;
        let keep = key.as_ref().map(keep);
        let detail = from_agent.as_ref().map(|agent| format!("from {agent}"));
        let retried = generated(self.ground().runs.retry(id, from_agent, caller.name(), keep).await, key);
        self.audited(caller, "run.retry", Some(id.to_string()), detail, retried).await
    }
}

/// How the answer of a run that is accepted is kept.
fn keep(key: &IdempotencyKey) -> Keep {
    Keep {
        key: key.key.clone(),
        body_sha256: key.body_sha256.clone(),
        ttl_ms: KEPT_FOR_MS,
        answer: Box::new(|accepted: &Accepted| {
            let answer = serde_json::to_string(&Generated::of(accepted));
            (ACCEPTED, answer.expect("ids, names and numbers always have a JSON form"))
        }),
    }
}

/// The answer to a request for a run: a repeated one gets its first.
fn generated(
    result: Result<Accepted, RunsError>,
    key: Option<IdempotencyKey>,
) -> Result<Generated, ServiceError> {
    match (result, key) {
        (Ok(accepted), _) => Ok(Generated::of(&accepted)),
        (Err(RunsError::KeyTaken(kept)), Some(key)) => Generated::of_kept(&key.same(*kept)?),
        (Err(error), _) => Err(error.into()),
    }
}

impl From<RunsError> for ServiceError {
    fn from(error: RunsError) -> Self {
        match error {
            RunsError::NotFound(what) => Self::NotFound(what),
            RunsError::Invalid(errors) => {
                let errors = errors.into_iter();
                Self::Invalid(errors.map(|error| FieldError::new(error.field, error.message)).collect())
            }
            RunsError::Active(run) => Self::RunActive(run),
            refused @ RunsError::Refused(..) => Self::Conflict(refused.to_string()),
            RunsError::QueueFull { retry_after_s } => Self::QueueFull { retry_after_s },
            RunsError::KeyTaken(_) => Self::KeyReused,
            RunsError::Closing | RunsError::Busy => Self::Unavailable,
            RunsError::Engine(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_on_conflict_read_back() {
        for name in OnConflict::NAMES {
            assert!(OnConflict::parse(name).is_some(), "{name}");
        }
        assert_eq!(OnConflict::parse("Reject"), None);
    }

    #[test]
    fn a_kept_answer_reads_back() {
        let generated = Generated {
            run_id: RunId::generate(),
            status: RunStatus::Queued,
            position_in_queue: 3,
            starts_in: Some(Eta { low_ms: 5, high_ms: 9 }),
        };
        let answer = serde_json::to_string(&generated).unwrap();
        let kept = KeptAnswer {
            body_sha256: String::new(),
            status: ACCEPTED,
            answer,
            expires_at: crate::domain::time::Timestamp(0),
        };
        assert_eq!(Generated::of_kept(&kept).unwrap(), generated);
    }
}
