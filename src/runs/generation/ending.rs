//! How a working run ends before its time: cancel, time limit, stop of the server. All three tell agents to stop, give
//! them a grace, and go on without them.

use std::time::Duration;

use actix::{AsyncContext, Context, Handler, Message, ResponseFuture};
use tokio::sync::oneshot;

use crate::domain::event::RunError;
use crate::domain::run::RunStatus;
use crate::runs::generation::{Generation, Phase};
use crate::runs::recovery::at_work;
use crate::runs::transitions::Stopped;
use crate::runs::{CancelAnswer, RunsError, transitions};

/// How often processes that are to end are ended again: one may have started another meanwhile.
pub(super) const KILL_AGAIN: Duration = Duration::from_millis(250);

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

/// How a run ends once none of its agents works any more.
pub(super) enum Ending {
    /// An agent cannot do its work.
    Failed {
        /// Its place.
        index: usize,
        /// Why.
        error: RunError,
    },
    /// A time limit was reached, of an agent or of the whole run.
    TimedOut {
        /// Place of the agent.
        index: Option<usize>,
        /// What is said of it.
        message: String,
    },
}

impl Generation {
    /// The time of the whole run is up.
    pub(super) fn time_out(&mut self, message: String, ctx: &mut Context<Self>) {
        if matches!(self.phase, Phase::Working) {
            self.end_with(Ending::TimedOut { index: None, message }, ctx);
        }
    }

    /// The run ends like this as soon as all agents that are at work have stopped; after a grace it ends without them.
    pub(super) fn end_with(&mut self, ending: Ending, ctx: &mut Context<Self>) {
        self.phase = Phase::Ending(ending);
        if self.at_work.is_empty() {
            return self.finish_ending(ctx);
        }
        self.stop_agents(ctx);
        let grace = Duration::from_millis(self.shared.settings.cancel_grace_ms);
        ctx.run_later(grace, Self::finish_ending);
    }

    pub(super) fn end_if_stopped(&mut self, ctx: &mut Context<Self>) {
        if self.at_work.is_empty() {
            self.finish_ending(ctx);
        }
    }

    pub(super) fn finish_ending(&mut self, ctx: &mut Context<Self>) {
        let now = self.now();
        let change = match &self.phase {
            Phase::Ending(Ending::Failed { index, error }) => {
                transitions::failed(&self.run, Some(*index), error.clone(), now)
            }
            Phase::Ending(Ending::TimedOut { index, message }) => {
                let agent = index.or_else(|| at_work(&self.run));
                transitions::timed_out(&self.run, agent, message.clone(), now)
            }
            _ => return,
        };
        self.commit(ctx, change.after_lines(self.desk.take_last_lines()), Self::leave);
    }

    /// Tells all agents to stop and their processes to end; those that do not are ended after a while, again and again.
    fn stop_agents(&mut self, ctx: &mut Context<Self>) {
        self.seats.values().for_each(|seat| seat.stop());
        let after = Duration::from_millis(self.shared.settings.kill_after_ms);
        ctx.run_later(after, Self::kill_processes);
    }

    fn kill_processes(&mut self, ctx: &mut Context<Self>) {
        if matches!(self.phase, Phase::Working | Phase::Left) {
            return;
        }
        self.seats.values().for_each(|seat| seat.kill());
        ctx.run_later(KILL_AGAIN, Self::kill_processes);
    }

    /// Of all agents: processes that a stop has ended, those that are left, and how many more.
    fn processes(&self) -> (u32, Vec<u32>, u32) {
        let of_each = self.seats.values().map(|seat| seat.processes());
        of_each.fold((0, Vec::new(), 0), |(ended, mut left, unseen), (more_ended, more_left, more_unseen)| {
            left.extend(more_left);
            (ended + more_ended, left, unseen + more_unseen)
        })
    }

    /// Ends the run once its agents have stopped and none of their processes is left.
    pub(super) fn cancel_if_stopped(&mut self, ctx: &mut Context<Self>) {
        if self.at_work.is_empty() && self.processes().1.is_empty() {
            self.finish_cancel(ctx);
        }
    }

    pub(super) fn finish_cancel(&mut self, ctx: &mut Context<Self>) {
        let (processes_ended, processes_left, processes_unseen) = self.processes();
        let stopped = Stopped {
            agent: self.at_work.keys().next().copied().or_else(|| at_work(&self.run)),
            left_behind: !self.at_work.is_empty(),
            processes_ended,
            processes_left,
            processes_unseen,
        };
        let change = transitions::cancelled(&self.run, &stopped, self.now());
        self.commit(ctx, change.after_lines(self.desk.take_last_lines()), Self::leave);
    }

    pub(super) fn checkpoint_if_stopped(&mut self, ctx: &mut Context<Self>) {
        if self.at_work.is_empty() {
            self.checkpoint(ctx);
        }
    }

    /// The run goes back to the queue without blame; agents at work begin again after the next start.
    fn checkpoint(&mut self, ctx: &mut Context<Self>) {
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
            Phase::Working | Phase::Ending(_) | Phase::Stopping => {}
        }
        self.phase = Phase::Cancelling;
        self.stop_agents(ctx);
        let (accepted, durable) = oneshot::channel();
        let change = transitions::cancelling(&self.run, &cancel.by, self.now());
        self.commit(ctx, change, move |actor, ctx| {
            // The caller may have gone; the cancel is durable all the same.
            let _ = accepted.send(answer(RunStatus::Cancelling));
            if actor.at_work.is_empty() {
                return actor.finish_cancel(ctx);
            }
            // An agent that does not stop is left behind, but its processes get some more time to end. Then the run ends,
            // whatever could not be stopped.
            let settings = &actor.shared.settings;
            let grace = Duration::from_millis(settings.cancel_grace_ms);
            let watchdog = Duration::from_millis(settings.cancel_limit_ms.max(settings.cancel_grace_ms));
            ctx.run_later(grace, |actor, ctx| {
                if matches!(actor.phase, Phase::Cancelling) && actor.processes().1.is_empty() {
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
        self.stop_agents(ctx);
        if self.at_work.is_empty() {
            return self.checkpoint(ctx);
        }
        let grace = Duration::from_millis(self.shared.settings.stop_grace_ms);
        ctx.run_later(grace, |actor, ctx| actor.checkpoint(ctx));
    }
}
