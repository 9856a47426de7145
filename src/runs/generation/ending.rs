//! How a working run ends before its time: cancel, time limit, stop of the server. All three tell the agent to stop, give
//! it a grace, and go on without it.

use std::time::Duration;

use actix::{AsyncContext, Context, Handler, Message, ResponseFuture};
use tokio::sync::oneshot;

use crate::domain::run::RunStatus;
use crate::runs::generation::{Generation, Phase};
use crate::runs::recovery::at_work;
use crate::runs::{CancelAnswer, RunsError, transitions};

/// Cancels the run.
#[derive(Message)]
#[rtype(result = "Result<CancelAnswer, RunsError>")]
pub(crate) struct CancelRun {
    pub(crate) by: String,
}

/// Brings the run to a safe point, because the server goes down.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct StopRun;

impl Generation {
    /// A time limit: the agent is told to stop; if it does not, the run ends without it.
    pub(super) fn time_out(&mut self, message: String, ctx: &mut Context<Self>) {
        if !matches!(self.phase, Phase::Working) {
            return;
        }
        self.phase = Phase::TimingOut(message);
        self.desk.stop();
        let grace = Duration::from_millis(self.shared.settings.cancel_grace_ms);
        ctx.run_later(grace, |actor, ctx| actor.finish_time_out(ctx));
    }

    pub(super) fn finish_time_out(&mut self, ctx: &mut Context<Self>) {
        let Phase::TimingOut(message) = &self.phase else { return };
        let change = transitions::timed_out(&self.run, at_work(&self.run), message.clone(), self.now());
        self.commit(ctx, change.after_lines(self.desk.take_last_lines()), Self::leave);
    }

    pub(super) fn finish_cancel(&mut self, by_force: bool, ctx: &mut Context<Self>) {
        let agent = at_work(&self.run);
        let change = transitions::cancelled(&self.run, agent, self.desk.processes(), by_force, self.now());
        self.commit(ctx, change.after_lines(self.desk.take_last_lines()), Self::leave);
    }

    /// The run goes back to the queue without blame; an agent at work begins again after the next start.
    pub(super) fn checkpoint(&mut self, ctx: &mut Context<Self>) {
        if matches!(self.phase, Phase::Stopping) {
            let change = transitions::checkpointed(&self.run).after_lines(self.desk.take_last_lines());
            self.commit(ctx, change, Self::leave);
        }
    }
}

impl Handler<CancelRun> for Generation {
    type Result = ResponseFuture<Result<CancelAnswer, RunsError>>;

    fn handle(&mut self, cancel: CancelRun, ctx: &mut Self::Context) -> Self::Result {
        let answer = |status| CancelAnswer { status, already: None };
        match &self.phase {
            Phase::Cancelling => return Box::pin(async move { Ok(answer(RunStatus::Cancelling)) }),
            Phase::Unwritable(error) => {
                let error = error.clone();
                return Box::pin(async move { Err(error.into()) });
            }
            Phase::Left => return Box::pin(async { Err(RunsError::Busy) }),
            Phase::Working | Phase::TimingOut(_) | Phase::Stopping => {}
        }
        self.phase = Phase::Cancelling;
        self.desk.stop();
        let (accepted, durable) = oneshot::channel();
        let change = transitions::cancelling(&self.run, &cancel.by, self.now());
        self.commit(ctx, change, move |actor, ctx| {
            // The caller may have gone; the cancel is durable all the same.
            let _ = accepted.send(answer(RunStatus::Cancelling));
            if actor.at_work.is_none() {
                return actor.finish_cancel(false, ctx);
            }
            let grace = Duration::from_millis(actor.shared.settings.cancel_grace_ms);
            ctx.run_later(grace, |actor, ctx| {
                if matches!(actor.phase, Phase::Cancelling) {
                    actor.finish_cancel(true, ctx);
                }
            });
        });
        Box::pin(async move { durable.await.map_err(|_| RunsError::Busy) })
    }
}

impl Handler<StopRun> for Generation {
    type Result = ();

    fn handle(&mut self, _: StopRun, ctx: &mut Self::Context) {
        if !matches!(self.phase, Phase::Working) {
            return;
        }
        self.phase = Phase::Stopping;
        self.desk.stop();
        if self.at_work.is_none() {
            return self.checkpoint(ctx);
        }
        let grace = Duration::from_millis(self.shared.settings.stop_grace_ms);
        ctx.run_later(grace, |actor, ctx| actor.checkpoint(ctx));
    }
}
