//! Agents of a run: started, ended, tried again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};

use crate::domain::event::RunError;
use crate::domain::run::AgentStatus;
use crate::pipelines::policy::{AgentPolicy, FailureClass};
use crate::pipelines::{Agent, AgentError};
use crate::runs::executors::desk::{Early, Seat};
use crate::runs::executors::thread::{self, Made, Task};
use crate::runs::generation::ending::{Ending, KILL_AGAIN};
use crate::runs::generation::{AtWork, Generation, Phase, millis, tell_step};
use crate::runs::history::Kind;
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

    /// Of agents that may work, those that are let: as many as the pipeline allows at once, and of those that occupy the
    /// same thing one at a time.
    pub(super) fn admitted(&self, work: Vec<Work>) -> Vec<Work> {
        let Some(pipeline) = &self.pipeline else { return Vec::new() };
        let resources = |index: usize| pipeline.agents[index].policy.resources.iter();
        let mut occupied: BTreeSet<&str> =
            self.at_work.keys().flat_map(|index| resources(*index)).map(|tag| &**tag).collect();
        let mut places = pipeline.parallel.max(1).saturating_sub(self.at_work.len());
        let mut admitted = Vec::new();
        for work in work {
            if places == 0 {
                break;
            }
            if resources(work.index).any(|tag| occupied.contains(&**tag)) {
                continue;
            }
            occupied.extend(resources(work.index).map(|tag| &**tag));
            places -= 1;
            admitted.push(work);
        }
        admitted
    }

    /// Agents of which it is not to be asked what they do next: they work, or wait to be tried again.
    pub(super) fn busy(&self) -> BTreeSet<usize> {
        self.at_work.keys().chain(self.retries.keys()).copied().collect()
    }

    pub(super) fn start_agent(&mut self, work: Work, ctx: &mut Context<Self>) {
        let Some(agent) = self.agent(work.index).cloned() else { return };
        let index = work.index;
        let limit_ms = agent.policy.limits.timeout_ms.unwrap_or(self.shared.settings.agent_timeout_ms);
        let name = agent.name;
        let timer = ctx.run_later(Duration::from_millis(limit_ms), move |actor, ctx| {
            actor.time_out_agent(index, format!("{name} agent did not end within {limit_ms} ms"), ctx);
        });
        let (seat, began) = (Arc::new(Seat::default()), Instant::now());
        seat.wish_rest(self.wants_pause());
        self.seats.insert(index, seat.clone());
        let at_work = AtWork {
            seat: seat.clone(),
            timer,
            began,
            said: (seat.said(), began),
            progress_said_at: self.now(),
            progress_said: None,
            timed_out: None,
        };
        self.at_work.insert(index, at_work);
        let result = thread::start(Task {
            run: self.run.clone(),
            agent,
            work,
            desk: self.desk.clone(),
            seat: seat.clone(),
            tools: self.shared.tools.clone(),
        });
        ctx.spawn(result.into_actor(self).map(move |result, actor, ctx| {
            let result =
                result.unwrap_or_else(|_| Err(AgentError::failed("the thread of the agent ended early")));
            actor.agent_ended(index, &seat, result, ctx);
        }));
    }

    fn agent_ended(
        &mut self,
        index: usize,
        seat: &Arc<Seat>,
        result: Result<Made, AgentError>,
        ctx: &mut Context<Self>,
    ) {
        // A try that was given up is not what the agent does now.
        if !self.at_work.get(&index).is_some_and(|at_work| Arc::ptr_eq(&at_work.seat, seat)) {
            return;
        }
        let Some(AtWork { timer, began, timed_out, .. }) = self.at_work.remove(&index) else { return };
        ctx.cancel_future(timer);
        let now = self.now();
        match (&self.phase, timed_out, result) {
            (Phase::Unwritable(_) | Phase::Left, ..) => {}
            (Phase::Cancelling, ..) => self.cancel_if_stopped(ctx),
            (Phase::Ending(_), ..) => self.end_if_stopped(ctx),
            (Phase::Stopping, Some(_), _) | (Phase::Stopping, _, Err(_)) => self.checkpoint_if_stopped(ctx),
            (Phase::Working, Some(message), _) => self.agent_timed_out(index, message, ctx),
            (Phase::Working | Phase::Stopping, None, Ok(made)) => {
                self.progress.reached(index, 100.0);
                let done = AgentDone {
                    index,
                    output: made.output,
                    summary: made.summary,
                    skipped: made.skipped,
                    shortfall: made.shortfall,
                    took_ms: millis(began.elapsed()),
                    progress: self.progress.percent(),
                    eta: self.progress.eta(),
                };
                let early = seat.take_early().unwrap_or_default();
                // The last step is told though the desk was not looked at in time.
                if let Some(preview) = &early.preview {
                    tell_step(&self.shared, &self.run, preview);
                }
                let last = Early { preview: early.preview, told: early.told, ..Early::default() };
                let shown = transitions::agent_shows(&self.run, index, last);
                let completed = transitions::agent_completed(&shown.run, done);
                let change = shown.and(completed).with_metrics(index, early.metrics);
                let change = change.after_lines(self.desk.take_lines(now));
                self.commit(ctx, change, move |actor, ctx| {
                    let record = &actor.run.agents[index];
                    // That an agent was not needed says nothing of how long it works.
                    if let (Some(AgentStatus::Completed), Some(ms)) = (record.status, record.duration_ms) {
                        actor.shared.history.learn(&Kind::of(&actor.run), &record.agent, ms);
                    }
                    actor.advance(ctx);
                });
            }
            // The run pauses once no other agent works either; when the pause was taken back meanwhile, the agent goes on.
            (Phase::Working, None, Err(AgentError::Resting)) => self.advance(ctx),
            (Phase::Working, None, Err(error)) => {
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
        // Others at work go on with their lines.
        let lines = match self.at_work.is_empty() {
            true => self.desk.take_last_lines(),
            false => self.desk.take_lines(self.now()),
        };
        let pause = (pause_ms, self.now().plus_ms(pause_ms));
        let change = transitions::agent_retried(&self.run, index, message, pause, retries_max);
        self.progress.restarted(index);
        self.commit(ctx, change.after_lines(lines), move |actor, ctx| {
            actor.pause_agent(index, pause_ms, ctx);
            // When nothing works during the pause, this is as good a place as between agents; and it may be what another
            // agent was kept waiting by.
            actor.advance(ctx);
        });
    }

    /// The agent is busy with its pause.
    fn pause_agent(&mut self, index: usize, pause_ms: u64, ctx: &mut Context<Self>) {
        let timer = ctx.run_later(Duration::from_millis(pause_ms), move |actor, ctx| {
            actor.retries.remove(&index);
            if matches!(actor.phase, Phase::Working) {
                actor.advance(ctx);
            }
        });
        if let Some(earlier) = self.retries.insert(index, timer) {
            ctx.cancel_future(earlier);
        }
    }

    /// A run that goes on after a restart or a pause finds agents whose pause is not over.
    pub(super) fn wait_out_pauses(&mut self, ctx: &mut Context<Self>) {
        for (index, left_ms) in retry::pauses_left(&self.run, self.now()) {
            self.pause_agent(index, left_ms, ctx);
        }
    }

    fn agent_failed(&mut self, index: usize, error: AgentError, ctx: &mut Context<Self>) {
        let agent = Some(self.run.agents[index].agent.clone());
        let error = match error {
            AgentError::Failed { message, file, line } => RunError { agent, message, file, line },
            AgentError::Passing { message, .. } => RunError { agent, message, file: None, line: None },
            AgentError::Cancelled | AgentError::Resting => RunError {
                agent,
                message: "the agent stopped without being told to".to_owned(),
                file: None,
                line: None,
            },
        };
        self.end_with(Ending::Failed { index, error }, ctx);
    }

    /// An agent has reached a time limit of its own: it is told to stop, and tried again when it has. One that does not stop
    /// takes its run with it.
    fn time_out_agent(&mut self, index: usize, message: String, ctx: &mut Context<Self>) {
        let Some(at_work) = self.at_work.get_mut(&index) else { return };
        if !matches!(self.phase, Phase::Working) || at_work.timed_out.is_some() {
            return;
        }
        at_work.timed_out = Some(message.clone());
        let seat = at_work.seat.clone();
        seat.stop();
        let after = Duration::from_millis(self.shared.settings.kill_after_ms);
        let still = seat.clone();
        ctx.run_later(after, move |actor, ctx| actor.kill_seat(index, still, ctx));
        let grace = Duration::from_millis(self.shared.settings.cancel_grace_ms);
        ctx.run_later(grace, move |actor, ctx| {
            if actor.works_at(index, &seat) && matches!(actor.phase, Phase::Working) {
                let alone = actor.at_work.len() == 1;
                actor.end_with(Ending::TimedOut { index: Some(index), message }, ctx);
                if alone {
                    // It had its grace; others get one of their own.
                    actor.finish_ending(ctx);
                }
            }
        });
    }

    fn works_at(&self, index: usize, seat: &Arc<Seat>) -> bool {
        self.at_work.get(&index).is_some_and(|at_work| Arc::ptr_eq(&at_work.seat, seat))
    }

    fn kill_seat(&mut self, index: usize, seat: Arc<Seat>, ctx: &mut Context<Self>) {
        if self.works_at(index, &seat) && matches!(self.phase, Phase::Working) {
            seat.kill();
            ctx.run_later(KILL_AGAIN, move |actor, ctx| actor.kill_seat(index, seat, ctx));
        }
    }

    fn agent_timed_out(&mut self, index: usize, message: String, ctx: &mut Context<Self>) {
        // What is left of that try says nothing more.
        if let Some(seat) = self.seats.remove(&index) {
            seat.close();
        }
        let said = message.clone();
        self.try_again_or(index, FailureClass::TimedOut, &said, ctx, move |actor, ctx| {
            actor.end_with(Ending::TimedOut { index: Some(index), message }, ctx);
        });
    }

    /// An agent that says nothing for too long has reached a limit.
    pub(super) fn check_silence(&mut self, ctx: &mut Context<Self>) {
        let mut silent = Vec::new();
        let default = self.shared.settings.silence_timeout_ms;
        let pipeline = self.pipeline.clone();
        for (index, at_work) in &mut self.at_work {
            let Some(agent) = pipeline.as_ref().and_then(|pipeline| pipeline.agents.get(*index)) else {
                continue;
            };
            let Some(limit_ms) = agent.policy.limits.silence_timeout_ms.or(default) else { continue };
            let said = at_work.seat.said();
            if said != at_work.said.0 {
                at_work.said = (said, Instant::now());
            } else if at_work.said.1.elapsed() >= Duration::from_millis(limit_ms) {
                silent.push((*index, format!("{} agent said nothing for {limit_ms} ms", agent.name)));
            }
        }
        for (index, message) in silent {
            self.time_out_agent(index, message, ctx);
        }
    }
}
