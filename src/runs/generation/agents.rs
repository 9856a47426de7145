//! One agent of a run: started, ended, tried again.

use std::time::{Duration, Instant};

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};

use crate::domain::event::RunError;
use crate::pipelines::policy::{AgentPolicy, FailureClass};
use crate::pipelines::{Agent, AgentError};
use crate::runs::executors::desk::Desk;
use crate::runs::executors::thread::{self, Made, Task};
use crate::runs::generation::{AtWork, Generation, Phase, millis, tokens_of};
use crate::runs::plan::Work;
use crate::runs::retry;
use crate::runs::transitions::{self, AgentDone};

impl Generation {
    fn agent(&self, index: usize) -> Option<&Agent> {
        self.pipeline.as_ref()?.agents.get(index)
    }

    /// How the house treats the agent at that place.
    fn policy(&self, index: usize) -> &AgentPolicy {
        const DEFAULT: &AgentPolicy = &AgentPolicy::DEFAULT;
        self.agent(index).map_or(DEFAULT, |agent| &agent.policy)
    }

    pub(super) fn start_agent(&mut self, work: Work, ctx: &mut Context<Self>) {
        let Some(agent) = self.agent(work.index).cloned() else { return };
        let index = work.index;
        let limit_ms = agent.policy.limits.timeout_ms.unwrap_or(self.shared.settings.agent_timeout_ms);
        let name = agent.name;
        let timer = ctx.run_later(Duration::from_millis(limit_ms), move |actor, ctx| {
            actor.time_out(format!("{name} agent did not end within {limit_ms} ms"), true, ctx);
        });
        // What an earlier agent said last is not this one's.
        self.desk.take_progress();
        let began = Instant::now();
        self.at_work = Some(AtWork { index, timer, began, said: (self.desk.said(), began) });
        let result = thread::start(Task {
            run: self.run.clone(),
            agent,
            work,
            desk: self.desk.clone(),
            tools: self.shared.tools.clone(),
        });
        ctx.spawn(result.into_actor(self).map(|result, actor, ctx| {
            let result =
                result.unwrap_or_else(|_| Err(AgentError::failed("the thread of the agent ended early")));
            actor.agent_ended(result, ctx);
        }));
    }

    fn agent_ended(&mut self, result: Result<Made, AgentError>, ctx: &mut Context<Self>) {
        let Some(AtWork { index, timer, began, .. }) = self.at_work.take() else { return };
        ctx.cancel_future(timer);
        let now = self.now();
        match (&self.phase, result) {
            (Phase::Unwritable(_) | Phase::Left, _) => {}
            (Phase::Cancelling, _) => self.cancel_if_stopped(ctx),
            (Phase::TimingOut(message, true), _) => {
                let message = message.clone();
                self.try_again_or(index, FailureClass::TimedOut, &message, ctx, Self::finish_time_out);
            }
            (Phase::TimingOut(_, false), _) => self.finish_time_out(ctx),
            (Phase::Working | Phase::Stopping, Ok(made)) => {
                self.progress.reached(index, 100.0);
                let done = AgentDone {
                    index,
                    output: made.output,
                    summary: made.summary,
                    skipped: made.skipped,
                    took_ms: millis(began.elapsed()),
                    progress: self.progress.percent(),
                    eta: self.progress.eta(),
                };
                let change = transitions::agent_completed(&self.run, done);
                let change = change.with_metrics(index, self.desk.take_early().unwrap_or_default().metrics);
                let change = change.after_lines(self.desk.take_lines(now));
                self.commit(ctx, change, move |actor, ctx| {
                    let record = &actor.run.agents[index];
                    if let Some(ms) = record.duration_ms {
                        actor.shared.history.learn(&actor.run.pipeline, &record.agent, ms);
                    }
                    actor.advance(ctx);
                });
            }
            (Phase::Stopping, Err(_)) => self.checkpoint(ctx),
            (Phase::Working, Err(error)) => {
                let (class, message) = (error.class(), error.to_string());
                self.try_again_or(index, class, &message, ctx, move |actor, ctx| {
                    actor.agent_failed(index, error, ctx);
                });
            }
        }
    }

    /// Tries the agent again when its policy says so, after a pause; does `otherwise` when it does not.
    fn try_again_or(
        &mut self,
        index: usize,
        class: FailureClass,
        message: &str,
        ctx: &mut Context<Self>,
        otherwise: impl FnOnce(&mut Self, &mut Context<Self>),
    ) {
        let failed_tries = self.run.agents[index].failed_tries + 1;
        let policy = self.policy(index).retry;
        let Some(pause_ms) = retry::pause_ms(&policy, class, failed_tries, retry::chance()) else {
            return otherwise(self, ctx);
        };
        let retries_max = policy.rule(class).retries_max;
        let lines = self.desk.take_last_lines();
        let change = transitions::agent_retried(&self.run, index, message, pause_ms, retries_max);
        let change = change.with_used(self.desk.take_used());
        if self.desk.is_stopped() {
            // It was told to stop; the next try begins without that.
            self.desk.close();
            let pace = self.shared.log_paces.of(self.run.project_id, self.now());
            self.desk =
                std::sync::Arc::new(Desk::new(self.shared.clock.clone(), pace, tokens_of(&change.run)));
        }
        self.phase = Phase::Working;
        self.progress.restarted(index);
        self.commit(ctx, change.after_lines(lines), move |actor, ctx| {
            let timer = ctx.run_later(Duration::from_millis(pause_ms), |actor, ctx| {
                actor.retry = None;
                if matches!(actor.phase, Phase::Working) {
                    actor.advance(ctx);
                }
            });
            actor.retry = Some(timer);
            // Nothing works during the pause, so this is as good a place as between agents.
            if actor.wants_pause() {
                actor.pause_now(ctx);
            }
        });
    }

    fn agent_failed(&mut self, index: usize, error: AgentError, ctx: &mut Context<Self>) {
        let agent = Some(self.run.agents[index].agent.clone());
        let error = match error {
            AgentError::Failed { message, file, line } => RunError { agent, message, file, line },
            AgentError::Passing { message, .. } => RunError { agent, message, file: None, line: None },
            AgentError::Cancelled => RunError {
                agent,
                message: "the agent stopped without being told to".to_owned(),
                file: None,
                line: None,
            },
        };
        let change = transitions::failed(&self.run, Some(index), error, self.now());
        let change = change.after_lines(self.desk.take_last_lines());
        self.commit(ctx, change, Self::leave);
    }

    /// An agent that says nothing for too long has reached a limit.
    pub(super) fn check_silence(&mut self, ctx: &mut Context<Self>) {
        let Some(index) = self.at_work.as_ref().map(|at_work| at_work.index) else { return };
        let limit_ms =
            self.policy(index).limits.silence_timeout_ms.or(self.shared.settings.silence_timeout_ms);
        let (Some(limit_ms), said) = (limit_ms, self.desk.said()) else { return };
        let Some(at_work) = &mut self.at_work else { return };
        if at_work.said.0 != said {
            at_work.said = (said, Instant::now());
        } else if at_work.said.1.elapsed() >= Duration::from_millis(limit_ms) {
            let name = self.run.agents[index].agent.clone();
            self.time_out(format!("{name} agent said nothing for {limit_ms} ms"), true, ctx);
        }
    }
}
