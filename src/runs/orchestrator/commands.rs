//! Pause, resume, answers, the pause of the whole queue, and those that wait in vain.

use actix::fut::{LocalBoxActorFuture, ready};
use actix::{
    ActorFutureExt, AsyncContext, Context, Handler, Message, MessageResult, ResponseActFuture, WrapFuture,
};

use crate::domain::control::Signed;
use crate::domain::ids::RunId;
use crate::domain::run::{Run, RunStatus};
use crate::runs::control::{self, GateVerdict, Place, QueueState, QueueView};
use crate::runs::generation::{PauseRun, ResumeRun};
use crate::runs::orchestrator::{CANCEL_LOOKS_MAX, LOOK_PAUSE, Orchestrator};
use crate::runs::queue::Standing;
use crate::runs::{RunsError, take_over};

/// Pauses a run; answers the state it came to.
#[derive(Message)]
#[rtype(result = "Result<RunStatus, RunsError>")]
pub(crate) struct Pause {
    pub(crate) run: RunId,
    pub(crate) by: String,
}

/// Lets a paused run go on; answers the state it came to.
#[derive(Message)]
#[rtype(result = "Result<RunStatus, RunsError>")]
pub(crate) struct Resume {
    pub(crate) run: RunId,
    pub(crate) by: String,
}

/// Answers the question that a run waits with.
#[derive(Message)]
#[rtype(result = "Result<RunStatus, RunsError>")]
pub(crate) struct Answer {
    pub(crate) run: RunId,
    pub(crate) by: String,
    pub(crate) verdict: GateVerdict,
}

/// Pauses the queue, or lets it go on.
#[derive(Message)]
#[rtype(result = "Result<QueueView, RunsError>")]
pub(crate) struct PauseQueue {
    pub(crate) paused: bool,
    pub(crate) by: String,
}

/// The queue as a person sees it.
#[derive(Message)]
#[rtype(result = "QueueView")]
pub(crate) struct QueueFigures;

/// Where a run stands; none when it does not wait.
#[derive(Message)]
#[rtype(result = "Option<Place>")]
pub(crate) struct Where(pub(crate) RunId);

/// What is asked of a run, wherever it is.
#[derive(Clone, Debug)]
enum Wish {
    Pause(String),
    Resume(String),
}

impl Orchestrator {
    /// A place as it is told: while the queue is paused nobody knows when a run starts.
    pub(super) fn place(&self, Standing { position, starts_in }: Standing) -> Place {
        Place { position, starts_in: starts_in.filter(|_| self.state.paused.is_none()) }
    }

    fn view(&self) -> QueueView {
        let now = self.shared.clock.now();
        QueueView {
            paused: self.state.paused.clone(),
            active: (self.queue.active(), self.queue.active_max()),
            waiting: self.queue.depth_by_lane(),
            resting: self.resting.values().filter(|run| !run.driven).count(),
            oldest_queued_ms: self.queue.oldest().map(|oldest| now.since(oldest)),
        }
    }

    /// Does to a run what is wished: at its actor, or on record.
    fn wish(
        &mut self,
        run: RunId,
        wish: Wish,
        looks: u32,
    ) -> LocalBoxActorFuture<Self, Result<RunStatus, RunsError>> {
        let asked = self.generations.get(&run).map(|generation| match wish.clone() {
            Wish::Pause(by) => futures_util::future::Either::Left(generation.send(PauseRun { by })),
            Wish::Resume(by) => futures_util::future::Either::Right(generation.send(ResumeRun { by })),
        });
        let Some(asked) = asked else { return self.wish_on_record(run, wish, looks) };
        Box::pin(asked.into_actor(self).then(move |answer, actor, _| match answer {
            Ok(Err(RunsError::Busy)) | Err(_) => actor.wish_on_record(run, wish, looks),
            Ok(answer) => Box::pin(ready(answer)),
        }))
    }

    fn wish_on_record(
        &mut self,
        run: RunId,
        wish: Wish,
        looks: u32,
    ) -> LocalBoxActorFuture<Self, Result<RunStatus, RunsError>> {
        let (shared, wished) = (self.shared.clone(), wish.clone());
        let tried = async move {
            match &wished {
                Wish::Pause(by) => control::pause_waiting(&shared, run, by).await,
                Wish::Resume(by) => control::resume_paused(&shared, run, by).await,
            }
        };
        Box::pin(tried.into_actor(self).then(move |result, actor, ctx| {
            let answer = match result {
                Ok(Some(run)) => {
                    actor.take_in(&run);
                    actor.admit(ctx);
                    Ok(run.status)
                }
                Ok(None) if looks == 0 => Err(RunsError::Busy),
                // It is changing hands: soon it waits, works or has ended.
                Ok(None) => {
                    let pause = actix_rt::time::sleep(LOOK_PAUSE).into_actor(actor);
                    let again = pause.then(move |(), actor, _| actor.wish(run, wish, looks - 1));
                    return Box::pin(again) as LocalBoxActorFuture<Self, _>;
                }
                Err(error) => Err(error),
            };
            Box::pin(ready(answer))
        }))
    }

    /// Ends those that waited too long for their turn or for an answer.
    pub(super) fn keep_house(&mut self, ctx: &mut Context<Self>) {
        let now = self.shared.clock.now();
        let unanswered = self.resting.iter().filter(|(_, run)| run.expires_at.is_some_and(|at| at <= now));
        for run in unanswered.map(|(run, _)| *run).collect::<Vec<_>>() {
            self.resting.remove(&run);
            self.end_in_vain(run, "nobody answered in time".to_owned(), ctx);
        }
        let Some(timeout_ms) = self.shared.settings.queue_timeout_ms else { return };
        let waited = |since| now.since(since) >= timeout_ms;
        if self.state.paused.is_some() || self.state.resumed_at.is_some_and(|at| !waited(at)) {
            return;
        }
        let until = crate::domain::time::Timestamp(now.0.saturating_sub_unsigned(timeout_ms));
        for run in self.queue.queued_until(until) {
            self.queue.remove(run);
            self.end_in_vain(run, format!("the run was not admitted within {timeout_ms} ms"), ctx);
        }
    }

    fn end_in_vain(&mut self, id: RunId, message: String, ctx: &mut Context<Self>) {
        let shared = self.shared.clone();
        let ended = async move {
            match control::end_in_vain(&shared, id, message).await {
                Ok(Some(_)) => None,
                Ok(None) => take_over::take_over_one(&shared, id).await,
                Err(error) => {
                    log::error!("run {id} waited in vain and could not be ended: {error}");
                    take_over::take_over_one(&shared, id).await
                }
            }
        };
        self.looked_at.insert(id);
        ctx.spawn(ended.into_actor(self).map(move |run: Option<Run>, actor, ctx| {
            // A run that has an actor by now is not ours.
            let run = run.filter(|run| !actor.generations.contains_key(&run.id));
            actor.take_in_looked_at(id, run.as_ref());
            actor.admit(ctx);
        }));
    }
}

impl Handler<Pause> for Orchestrator {
    type Result = ResponseActFuture<Self, Result<RunStatus, RunsError>>;

    fn handle(&mut self, pause: Pause, _: &mut Self::Context) -> Self::Result {
        self.wish(pause.run, Wish::Pause(pause.by), CANCEL_LOOKS_MAX)
    }
}

impl Handler<Resume> for Orchestrator {
    type Result = ResponseActFuture<Self, Result<RunStatus, RunsError>>;

    fn handle(&mut self, resume: Resume, _: &mut Self::Context) -> Self::Result {
        self.wish(resume.run, Wish::Resume(resume.by), CANCEL_LOOKS_MAX)
    }
}

impl Handler<Answer> for Orchestrator {
    type Result = ResponseActFuture<Self, Result<RunStatus, RunsError>>;

    fn handle(&mut self, answer: Answer, _: &mut Self::Context) -> Self::Result {
        let shared = self.shared.clone();
        let answered = async move { control::answer(&shared, answer.run, &answer.by, &answer.verdict).await };
        Box::pin(answered.into_actor(self).map(|run, actor, ctx| {
            let run = run?;
            actor.take_in(&run);
            actor.admit(ctx);
            Ok(run.status)
        }))
    }
}

impl Handler<PauseQueue> for Orchestrator {
    type Result = ResponseActFuture<Self, Result<QueueView, RunsError>>;

    fn handle(&mut self, wish: PauseQueue, ctx: &mut Self::Context) -> Self::Result {
        if wish.paused == self.state.paused.is_some() {
            // It is so already; whoever was first stays the one who did it.
            return Box::pin(ready(Ok(self.view())));
        }
        let at = self.shared.clock.now();
        let next = match wish.paused {
            true => QueueState { paused: Some(Signed { by: wish.by, at }), ..self.state.clone() },
            false => QueueState { paused: None, resumed_at: Some(at) },
        };
        let before = std::mem::replace(&mut self.state, next.clone());
        let shared = self.shared.clone();
        let written = async move { next.write(&shared).await };
        if !wish.paused {
            self.admit(ctx);
        }
        Box::pin(written.into_actor(self).map(|written, actor, ctx| {
            if let Err(error) = written {
                actor.state = before;
                actor.admit(ctx);
                return Err(error.into());
            }
            Ok(actor.view())
        }))
    }
}

impl Handler<QueueFigures> for Orchestrator {
    type Result = MessageResult<QueueFigures>;

    fn handle(&mut self, _: QueueFigures, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.view())
    }
}

impl Handler<Where> for Orchestrator {
    type Result = MessageResult<Where>;

    fn handle(&mut self, Where(run): Where, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.queue.standing(run).map(|standing| self.place(standing)))
    }
}
