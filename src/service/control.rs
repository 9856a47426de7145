//! Pauses, answers at gates, and the queue as a whole.

use crate::auth::Caller;
use crate::auth::policy::Action;
use crate::domain::control::Signed;
use crate::domain::event::Eta;
use crate::domain::ids::RunId;
use crate::domain::run::{Run, RunStatus};
use crate::runs;
use crate::service::Service;
use crate::service::captions;
use crate::service::error::ServiceError;

/// What a person says at a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on; with a text, after replacing the text of a file.
    Approve,
    /// Do not.
    Reject,
}

/// A run and where it stands.
#[derive(Clone, Debug)]
pub struct RunView {
    /// The run.
    pub run: Run,
    /// How many are served before it, and when it will probably start; none when it does not wait in the queue.
    pub place: Option<(u32, Option<Eta>)>,
    /// Files of the agent that a person is asked about.
    pub gate_files: Vec<String>,
}

/// The queue as a person sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueView {
    /// Who paused it.
    pub paused: Option<Signed>,
    /// Runs that work.
    pub active: usize,
    /// How many may work at once.
    pub active_max: usize,
    /// Runs that wait, in the lanes interactive, normal and bulk.
    pub waiting: [usize; 3],
    /// Runs that are paused or wait for an answer.
    pub resting: usize,
    /// How long the oldest that waits has waited.
    pub oldest_queued_ms: Option<u64>,
}

impl QueueView {
    fn of(view: runs::QueueView) -> Self {
        let runs::QueueView { paused, active: (active, active_max), waiting, resting, oldest_queued_ms } =
            view;
        Self { paused, active, active_max, waiting, resting, oldest_queued_ms }
    }
}

impl Service {
    /// A run with its place in the queue.
    ///
    /// # Errors
    /// When there is no such run.
    pub async fn run_view(&self, caller: Caller, id: RunId) -> Result<RunView, ServiceError> {
        self.view_of(self.run(caller, id).await?).await
    }

    /// A run that was read, with its place in the queue.
    ///
    /// # Errors
    /// When the queue does not answer.
    pub async fn view_of(&self, run: Run) -> Result<RunView, ServiceError> {
        let place = match run.status {
            RunStatus::Queued => self.ground().runs.place(run.id).await?,
            _ => None,
        };
        let gate = run.control.gate.as_ref().and_then(|gate| {
            let agent = run.agents.iter().find(|agent| agent.agent == gate.agent)?;
            Some(agent.output.as_ref()?.files.iter().map(|file| file.path.clone()).collect())
        });
        let place = place.map(|place| (place.position, place.starts_in));
        Ok(RunView { gate_files: gate.unwrap_or_default(), place, run })
    }

    /// Pauses a run at the next safe point; answers the state it came to.
    ///
    /// # Errors
    /// When there is no such run, or it is not in a state that allows this.
    pub async fn pause(&self, caller: Caller, id: RunId) -> Result<RunStatus, ServiceError> {
        self.check_run(caller, Action::ControlRuns, id).await?;
        let paused = self.ground().runs.pause(id, caller.name()).await.map_err(ServiceError::from);
        self.audited(caller, "run.pause", Some(id.to_string()), None, paused).await
    }

    /// Lets a paused run go on; answers the state it came to.
    ///
    /// # Errors
    /// When there is no such run, or it is not paused.
    pub async fn resume(&self, caller: Caller, id: RunId) -> Result<RunStatus, ServiceError> {
        self.check_run(caller, Action::ControlRuns, id).await?;
        let resumed = self.ground().runs.resume(id, caller.name()).await.map_err(ServiceError::from);
        self.audited(caller, "run.resume", Some(id.to_string()), None, resumed).await
    }

    /// Answers the question that a run waits with; answers the state it came to.
    ///
    /// # Errors
    /// When there is no such run, it does not wait for an answer, or the answer does not fit.
    pub async fn answer(
        &self,
        caller: Caller,
        id: RunId,
        verdict: Verdict,
        item: Option<String>,
        text: Option<String>,
    ) -> Result<RunStatus, ServiceError> {
        let run = self.run_for(caller, Action::ControlRuns, id).await?;
        // A text for an image is decided on by name, at any time; a gate is answered while the run waits at it.
        if let Some(item) = &item
            && run.control.gate.is_none()
            && captions::has_results(&run)
        {
            let wish = captions::Wish { item: item.clone(), approve: verdict == Verdict::Approve, text };
            self.decide_one(caller, &run, wish).await?;
            return Ok(run.status);
        }
        let detail = item.clone();
        let (deed, verdict) = match verdict {
            Verdict::Approve => ("run.approve", runs::GateVerdict::Approve { item, text }),
            Verdict::Reject => ("run.reject", runs::GateVerdict::Reject { item, text }),
        };
        let answered =
            self.ground().runs.answer(id, caller.name(), verdict).await.map_err(ServiceError::from);
        self.audited(caller, deed, Some(id.to_string()), detail, answered).await
    }

    /// The queue as it stands.
    ///
    /// # Errors
    /// When the caller may not read.
    pub async fn queue(&self, caller: Caller) -> Result<QueueView, ServiceError> {
        caller.may(Action::Read)?;
        Ok(QueueView::of(self.ground().runs.queue().await?))
    }

    /// Pauses the queue, or lets it go on. What works goes on in any case.
    ///
    /// # Errors
    /// When the caller may not, or the store fails.
    pub async fn pause_queue(&self, caller: Caller, paused: bool) -> Result<QueueView, ServiceError> {
        caller.may(Action::ControlRuns)?;
        let view = self.ground().runs.pause_queue(paused, caller.name()).await;
        let deed = if paused { "queue.pause" } else { "queue.resume" };
        let view = view.map(QueueView::of).map_err(ServiceError::from);
        self.audited(caller, deed, None, None, view).await
    }
}
