//! How a working run ends before its time: cancel, time limit, stop of the server. All three tell the agent to stop, give
//! it a grace, and go on without it.

use std::sync::Arc;
use std::time::Duration;

use actix::{AsyncContext, Context, Handler, Message, ResponseFuture};
use tokio::sync::oneshot;

use crate::domain::run::RunStatus;
use crate::runs::generation::{Generation, Phase};
use crate::runs::recovery::at_work;
use crate::runs::transitions::Stopped;
use crate::runs::{CancelAnswer, RunsError, transitions};

/// How often processes that are to end are ended again: one may have started another meanwhile.
const KILL_AGAIN: Duration = Duration::from_millis(250);

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
    pub(super) fn time_out(&mut self, message: String, of_agent: bool, ctx: &mut Context<Self>) {
        if !matches!(self.phase, Phase::Working) {
            return;
        }
        self.phase = Phase::TimingOut(message, of_agent);
        self.stop_agent(ctx);
        if self.at_work.is_none() {
            return self.finish_time_out(ctx);
        }
        let grace = Duration::from_millis(self.shared.settings.cancel_grace_ms);
        let desk = self.desk.clone();
        ctx.run_later(grace, move |actor, ctx| {
            // The next try of an agent has a desk and a grace of its own.
            if Arc::ptr_eq(&desk, &actor.desk) {
                actor.finish_time_out(ctx);
            }
        });
    }

    pub(super) fn finish_time_out(&mut self, ctx: &mut Context<Self>) {
        let Phase::TimingOut(message, _) = &self.phase else { return };
        let change = transitions::timed_out(&self.run, at_work(&self.run), message.clone(), self.now());
        self.commit(ctx, change.after_lines(self.desk.take_last_lines()), Self::leave);
    }

    /// Tells the agent to stop and its processes to end; those that do not are ended after a while, again and again.
    fn stop_agent(&mut self, ctx: &mut Context<Self>) {
        self.desk.stop();
        let after = Duration::from_millis(self.shared.settings.kill_after_ms);
        ctx.run_later(after, Self::kill_processes);
    }

    fn kill_processes(&mut self, ctx: &mut Context<Self>) {
        if matches!(self.phase, Phase::Working | Phase::Left) || !self.desk.is_stopped() {
            return;
        }
        self.desk.kill();
        ctx.run_later(KILL_AGAIN, Self::kill_processes);
    }

    /// Ends the run once its agent has stopped and none of its processes is left.
    pub(super) fn cancel_if_stopped(&mut self, ctx: &mut Context<Self>) {
        if self.at_work.is_none() && self.desk.processes().1.is_empty() {
            self.finish_cancel(ctx);
        }
    }

    pub(super) fn finish_cancel(&mut self, ctx: &mut Context<Self>) {
        let (processes_ended, processes_left, processes_unseen) = self.desk.processes();
        let stopped = Stopped {
            agent: at_work(&self.run),
            left_behind: self.at_work.is_some(),
            processes_ended,
            processes_left,
            processes_unseen,
        };
        let change = transitions::cancelled(&self.run, &stopped, self.now());
        self.commit(ctx, change.after_lines(self.desk.take_last_lines()), Self::leave);
    }

    /// The run goes back to the queue without blame; an agent at work begins again after the next start.
    pub(super) fn checkpoint(&mut self, ctx: &mut Context<Self>) {
        if matches!(self.phase, Phase::Stopping) {
            let change = match self.wants_pause() {
                true => transitions::paused(&self.run, self.now()),
                false => transitions::checkpointed(&self.run, self.now()),
            };
            self.commit(ctx, change.after_lines(self.desk.take_last_lines()), Self::leave);
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
            Phase::Working | Phase::TimingOut(..) | Phase::Stopping => {}
        }
        self.phase = Phase::Cancelling;
        self.stop_agent(ctx);
        let (accepted, durable) = oneshot::channel();
        let change = transitions::cancelling(&self.run, &cancel.by, self.now());
        self.commit(ctx, change, move |actor, ctx| {
            // The caller may have gone; the cancel is durable all the same.
            let _ = accepted.send(answer(RunStatus::Cancelling));
            if actor.at_work.is_none() {
                return actor.finish_cancel(ctx);
            }
            // An agent that does not stop is left behind, but its processes get some more time to end. Then the run ends,
            // whatever could not be stopped.
            let settings = &actor.shared.settings;
            let grace = Duration::from_millis(settings.cancel_grace_ms);
            let watchdog = Duration::from_millis(settings.cancel_limit_ms.max(settings.cancel_grace_ms));
            ctx.run_later(grace, |actor, ctx| {
                if matches!(actor.phase, Phase::Cancelling) && actor.desk.processes().1.is_empty() {
                    actor.finish_cancel(ctx);
                }
            });
            ctx.run_later(watchdog, |actor, ctx| {
                if matches!(actor.phase, Phase::Cancelling) {
                    actor.finish_cancel(ctx);
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
        self.stop_agent(ctx);
        if self.at_work.is_none() {
            return self.checkpoint(ctx);
        }
        let grace = Duration::from_millis(self.shared.settings.stop_grace_ms);
        ctx.run_later(grace, |actor, ctx| actor.checkpoint(ctx));
    }
}
