//! The handle: how others ask for runs.

use std::sync::Arc;
use std::time::Duration;

use actix::dev::ToEnvelope;
use actix::{Actor, Addr, Arbiter, ArbiterHandle, Handler, MailboxError, Message};

use crate::domain::ids::{ProjectId, RunId};
use crate::domain::run::{Run, RunStatus};
use crate::domain::time::Timestamp;
use crate::runs::log_pace::{LogPaces, SharedPace};
use crate::runs::orchestrator::{
    Answer, Cancel, Enqueue, HasRoom, Orchestrator, Pause, PauseQueue, QueueFigures, Resume, Retry, Shared,
    Snapshot, Stop, TakeIn, Where,
};
use crate::runs::{Accepted, CancelAnswer, Keep, NewRun, RunsDeps, RunsError, RunsSnapshot};
use crate::runs::{GateVerdict, Place, QueueView};

/// How long a caller waits for an answer. The slowest is a store that is tried again for two seconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The way to all runs. Cheap to clone.
#[derive(Clone)]
pub struct Runs {
    orchestrator: Addr<Orchestrator>,
    arbiter: ArbiterHandle,
    stop_timeout: Duration,
    log_paces: LogPaces,
}

impl Runs {
    /// Starts the orchestrator on a thread of its own and takes over what earlier boots left. Needs a running actix
    /// system.
    pub fn start(deps: RunsDeps) -> Self {
        let stop_timeout = Duration::from_millis(deps.settings.cancel_grace_ms + deps.settings.stop_grace_ms)
            + ANSWER_TIMEOUT;
        let shared = Shared::from(deps);
        let log_paces = shared.log_paces.clone();
        let arbiter = Arbiter::new();
        let orchestrator =
            Orchestrator::start_in_arbiter(&arbiter.handle(), move |_| Orchestrator::new(Arc::new(shared)));
        Self { orchestrator, arbiter: arbiter.handle(), stop_timeout, log_paces }
    }

    /// Accepts a run: it is durable, and it will be worked on even if the server goes down now.
    ///
    /// # Errors
    /// When the request is not valid, a run of the project is active, the queue is full, the key was used before, or the
    /// store fails.
    pub async fn enqueue(&self, new: NewRun) -> Result<Accepted, RunsError> {
        self.ask(Enqueue(new), ANSWER_TIMEOUT).await?
    }

    /// Whether a run would be taken now, as far as the queue is concerned.
    ///
    /// # Errors
    /// When the queue is full, the server is going down, or the orchestrator does not answer.
    pub async fn has_room(&self) -> Result<(), RunsError> {
        self.ask(HasRoom, ANSWER_TIMEOUT).await?
    }

    /// Cancels a run, whatever its state. Answers when the wish is durable; the run ends soon after.
    ///
    /// # Errors
    /// When there is no such run or the store fails.
    pub async fn cancel(&self, run: RunId, by: String) -> Result<CancelAnswer, RunsError> {
        self.ask(Cancel { run, by }, ANSWER_TIMEOUT).await?
    }

    /// Repeats a run that has ended as a new one, from an agent on; earlier outputs are reused.
    ///
    /// # Errors
    /// When there is no such run or agent, a run of the project is active, or as for [`Runs::enqueue`].
    pub async fn retry(
        &self,
        run: RunId,
        from_agent: Option<String>,
        by: String,
        keep: Option<Keep>,
    ) -> Result<Accepted, RunsError> {
        self.ask(Retry { run, from_agent, by, keep }, ANSWER_TIMEOUT).await?
    }

    /// Pauses a run: at once when nothing works on it, else after the agent that works. Answers the state it came to.
    ///
    /// # Errors
    /// When there is no such run, it is not in a state that allows this, or the store fails.
    pub async fn pause(&self, run: RunId, by: String) -> Result<RunStatus, RunsError> {
        self.ask(Pause { run, by }, ANSWER_TIMEOUT).await?
    }

    /// Lets a paused run go on as soon as it is its turn, or takes a pause back that has not begun. Answers the state it
    /// came to.
    ///
    /// # Errors
    /// As for [`Runs::pause`].
    pub async fn resume(&self, run: RunId, by: String) -> Result<RunStatus, RunsError> {
        self.ask(Resume { run, by }, ANSWER_TIMEOUT).await?
    }

    /// Answers the question that a run waits with. The first answer wins. Answers the state it came to.
    ///
    /// # Errors
    /// When there is no such run, it does not wait for an answer, or the answer is wrong.
    pub async fn answer(&self, run: RunId, by: String, verdict: GateVerdict) -> Result<RunStatus, RunsError> {
        self.ask(Answer { run, by, verdict }, ANSWER_TIMEOUT).await?
    }

    /// Pauses the queue: what works goes on, and nothing else begins. Or lets it go on.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn pause_queue(&self, paused: bool, by: String) -> Result<QueueView, RunsError> {
        self.ask(PauseQueue { paused, by }, ANSWER_TIMEOUT).await?
    }

    /// The queue as a person sees it.
    ///
    /// # Errors
    /// When the orchestrator is gone or does not answer.
    pub async fn queue(&self) -> Result<QueueView, RunsError> {
        self.ask(QueueFigures, ANSWER_TIMEOUT).await
    }

    /// Where a run stands in the queue; none when it does not wait there.
    ///
    /// # Errors
    /// When the orchestrator is gone or does not answer.
    pub async fn place(&self, run: RunId) -> Result<Option<Place>, RunsError> {
        self.ask(Where(run), ANSWER_TIMEOUT).await
    }

    /// Figures.
    ///
    /// # Errors
    /// When the orchestrator is gone or does not answer.
    pub async fn snapshot(&self) -> Result<RunsSnapshot, RunsError> {
        self.ask(Snapshot, ANSWER_TIMEOUT).await
    }

    /// How much may be said of the log in a room; its run and workers outside share it.
    pub(crate) fn log_pace(&self, room: ProjectId, now: Timestamp) -> SharedPace {
        self.log_paces.of(room, now)
    }

    /// A run that a worker outside drives has begun or ended on record.
    pub(crate) async fn take_in(&self, run: Run) {
        if let Err(error) = self.ask(TakeIn(Box::new(run)), ANSWER_TIMEOUT).await {
            log::warn!("a run of a worker outside is looked after from the next start on: {error}");
        }
    }

    /// Takes no more runs and brings those that work to a safe point: they go on after the next start.
    pub async fn stop(&self) {
        if let Err(error) = self.ask(Stop, self.stop_timeout).await {
            log::warn!("the orchestrator did not stop in good order: {error}");
        }
        self.arbiter.stop();
    }

    /// Ends the actors on the spot, as a crash of the process would.
    #[cfg(test)]
    pub(crate) fn crash(self) {
        self.arbiter.stop();
    }

    async fn ask<M>(&self, message: M, deadline: Duration) -> Result<M::Result, RunsError>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        Orchestrator: Handler<M>,
        actix::Context<Orchestrator>: ToEnvelope<Orchestrator, M>,
    {
        self.orchestrator.send(message).timeout(deadline).await.map_err(|error| match error {
            MailboxError::Closed => RunsError::Closing,
            MailboxError::Timeout => RunsError::Busy,
        })
    }
}
