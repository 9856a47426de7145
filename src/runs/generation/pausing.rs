//! Pauses and gates: places where a run rests. A run that rests has no actor and takes no place of those that work.

use actix::{AsyncContext, Context, Handler, Message, ResponseFuture};
use tokio::sync::oneshot;

use crate::domain::run::RunStatus;
use crate::runs::generation::{Generation, Phase};
use crate::runs::transitions::{self, Transition};
use crate::runs::{NOT_PAUSED, RunsError};

/// Pauses the run as soon as no agent works.
#[derive(Message)]
#[rtype(result = "Result<RunStatus, RunsError>")]
pub(crate) struct PauseRun {
    pub(crate) by: String,
}

/// Takes a pause back that has not begun.
#[derive(Message)]
#[rtype(result = "Result<RunStatus, RunsError>")]
pub(crate) struct ResumeRun {
    pub(crate) by: String,
}

impl Generation {
    /// Whether somebody has asked for a pause.
    pub(super) fn wants_pause(&self) -> bool {
        self.run.status == RunStatus::Pausing
    }

    /// Agents that can rest in the middle of their work are to do so at their next safe point, or not any more.
    fn wish_rest(&self, rest: bool) {
        self.seats.values().for_each(|seat| seat.wish_rest(rest));
    }

    /// The run rests, whoever asked for it.
    pub(super) fn pause_now(&mut self, ctx: &mut Context<Self>) {
        for timer in std::mem::take(&mut self.retries).into_values() {
            ctx.cancel_future(timer);
        }
        let change = transitions::paused(&self.run, self.now()).after_lines(self.desk.take_last_lines());
        self.commit(ctx, change, Self::leave);
    }

    /// The run rests until a person has said something about what this agent made.
    pub(super) fn ask(&mut self, index: usize, ctx: &mut Context<Self>) {
        let gate =
            self.pipeline.as_ref().and_then(|pipeline| pipeline.agents.get(index)?.policy.gate.clone());
        // The plan asks only where there is a gate.
        let Some(gate) = gate else { return };
        let change = transitions::waiting(&self.run, index, &gate, self.now());
        self.commit(ctx, change.after_lines(self.desk.take_last_lines()), Self::leave);
    }

    /// Writes a change and answers whoever asked for it with the state it came to.
    fn answer_with(
        &mut self,
        ctx: &mut Context<Self>,
        change: Transition,
        then: impl FnOnce(&mut Self, &mut Context<Self>) + 'static,
    ) -> ResponseFuture<Result<RunStatus, RunsError>> {
        let (accepted, durable) = oneshot::channel();
        self.commit(ctx, change, move |actor, ctx| {
            // The caller may have gone; the wish is durable all the same.
            let _ = accepted.send(actor.run.status);
            then(actor, ctx);
        });
        Box::pin(async move { durable.await.map_err(|_| RunsError::Busy) })
    }

    /// The run is not ours to decide about any more, or something else is under way.
    fn refused(&self, reason: &'static str) -> ResponseFuture<Result<RunStatus, RunsError>> {
        let error = match &self.phase {
            Phase::Left => RunsError::Busy,
            Phase::Unwritable(error) => error.clone().into(),
            _ => RunsError::Refused(self.run.status, reason),
        };
        Box::pin(async move { Err(error) })
    }
}

impl Handler<PauseRun> for Generation {
    type Result = ResponseFuture<Result<RunStatus, RunsError>>;

    fn handle(&mut self, pause: PauseRun, ctx: &mut Self::Context) -> Self::Result {
        match (&self.phase, self.run.status) {
            (Phase::Working, RunStatus::Pausing) => Box::pin(async { Ok(RunStatus::Pausing) }),
            (Phase::Working, _) => {
                let change = transitions::pausing(&self.run, &pause.by, self.now());
                self.wish_rest(true);
                self.answer_with(ctx, change, |actor, ctx| {
                    if actor.at_work.is_empty() {
                        actor.pause_now(ctx);
                    }
                })
            }
            _ => self.refused("cannot be paused"),
        }
    }
}

impl Handler<ResumeRun> for Generation {
    type Result = ResponseFuture<Result<RunStatus, RunsError>>;

    fn handle(&mut self, resume: ResumeRun, ctx: &mut Self::Context) -> Self::Result {
        match (&self.phase, self.run.status) {
            (Phase::Working, RunStatus::Pausing) => {
                self.wish_rest(false);
                let change = transitions::pause_withdrawn(&self.run, &resume.by);
                // What was held back may begin.
                self.answer_with(ctx, change, Self::advance)
            }
            _ => self.refused(NOT_PAUSED),
        }
    }
}
