//! The actor of one working run. It asks [`plan`] what may begin, has agents work on threads of their own, several at once
//! when they do not need each other, and writes each change with what is said about it as one batch.
//!
//! Everything waits while a change is written (`ctx.wait`), so the actor decides on the run as it is on record, always.
//! Agents do not send messages: they leave lines and progress at the [`Desk`], which the actor looks at every
//! [`TICK`]; so a flood of lines cannot fill a mailbox.

mod agents;
mod ending;
mod pausing;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, SpawnHandle, WrapFuture};
use tokio::sync::oneshot;

pub(crate) use ending::{CancelRun, StopRun};
pub(crate) use pausing::{PauseRun, ResumeRun};

use crate::broker::RunStep;
use crate::domain::event::{EventBody, RunError};
use crate::domain::run::{Run, RunStatus, TokenUsage};
use crate::domain::time::Timestamp;
use crate::engine::{Batch, EngineError};
use crate::pipelines::Pipeline;
use crate::runs::commits::write;
use crate::runs::executors::desk::{Desk, EarlyPreview, Seat};
use crate::runs::generation::ending::Ending;
use crate::runs::history::Kind;
use crate::runs::orchestrator::Shared;
use crate::runs::plan::{self, Next};
use crate::runs::progress::{Expected, Progress, sane_percent};
use crate::runs::recovery::{self, at_work};
use crate::runs::transitions::{self, Transition, preview_message, preview_url};

/// Cancel, stop and little else is sent to a run; a full mailbox makes the sender wait.
const MAILBOX_CAPACITY: usize = 16;
/// How often the desk is looked at: lines are said this late at most.
const TICK: Duration = Duration::from_millis(50);
/// Between two pictures that are said at once.
const SHOWN_GAP: Duration = Duration::from_millis(20);
/// Progress is said at most five times a second.
const PROGRESS_GAP_MS: u64 = 200;
/// The slot of a room that holds the newest preview.
const PREVIEW: &str = "preview";
/// Pause between tries to write that a run has failed.
const UNWRITABLE_PAUSE: Duration = Duration::from_secs(2);

/// How a run left its actor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Left {
    /// Its state on record.
    pub(crate) status: RunStatus,
    /// How long it worked.
    pub(crate) took_ms: u64,
}

/// What the actor is about.
enum Phase {
    /// Agents work.
    Working,
    /// A cancel is being carried out.
    Cancelling,
    /// An agent has failed, or a time limit was reached: agents at work are told to stop.
    Ending(Ending),
    /// The server goes down.
    Stopping,
    /// The store does not take changes; what will be written when it does.
    Unwritable(EngineError),
    /// The run has left.
    Left,
}

/// An agent whose thread has not answered yet.
struct AtWork {
    seat: Arc<Seat>,
    timer: SpawnHandle,
    /// Not by the time of day: what an agent took is what the next one is expected to take, and a clock may jump.
    began: Instant,
    /// What its seat counted last, and since when nothing was added to it.
    said: (u64, Instant),
    progress_said_at: Timestamp,
    /// What was said then.
    progress_said: Option<(f64, String)>,
    /// It has reached a time limit of its own and was told to stop: what is said of it.
    timed_out: Option<String>,
}

/// The actor of one working run.
pub(crate) struct Generation {
    shared: Arc<Shared>,
    /// As it is on record.
    run: Run,
    pipeline: Option<Pipeline>,
    progress: Progress,
    desk: Arc<Desk>,
    phase: Phase,
    /// By place.
    at_work: BTreeMap<usize, AtWork>,
    /// Seats of the newest try of each agent, those that have ended included: a stop counts the processes of all.
    seats: BTreeMap<usize, Arc<Seat>>,
    /// Pauses before agents are tried again.
    retries: BTreeMap<usize, SpawnHandle>,
    began: Instant,
    left: Option<oneshot::Sender<Left>>,
}

impl Generation {
    pub(crate) fn new(shared: Arc<Shared>, run: Run, left: oneshot::Sender<Left>) -> Self {
        let now = shared.clock.now();
        let pace = shared.log_paces.of(run.project_id, now);
        let desk = Arc::new(Desk::new(shared.clock.clone(), pace, tokens_of(&run)));
        Self {
            progress: Progress::new(&[], 1, run.progress),
            shared,
            run,
            pipeline: None,
            desk,
            phase: Phase::Working,
            at_work: BTreeMap::new(),
            seats: BTreeMap::new(),
            retries: BTreeMap::new(),
            began: Instant::now(),
            left: Some(left),
        }
    }

    fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// Writes a change; the run is as it says, and `then` is done, once that is durable.
    fn commit(
        &mut self,
        ctx: &mut Context<Self>,
        change: Transition,
        then: impl FnOnce(&mut Self, &mut Context<Self>) + 'static,
    ) {
        let change = change.with_used(self.desk.take_used());
        let next = Run { version: change.run.version + 1, ..change.run.clone() };
        self.write(ctx, change.into_batch(), move |actor, ctx| {
            actor.run = next;
            then(actor, ctx);
        });
    }

    fn write(
        &mut self,
        ctx: &mut Context<Self>,
        batch: Batch,
        then: impl FnOnce(&mut Self, &mut Context<Self>) + 'static,
    ) {
        let shared = self.shared.clone();
        let written = async move { write(shared.broker.as_ref(), &shared.engine, batch).await };
        ctx.wait(written.into_actor(self).map(|result, actor, ctx| match result {
            Ok(()) => then(actor, ctx),
            Err(error) => actor.not_written(error, ctx),
        }));
    }

    /// The store did not take a change although it was tried again and again.
    fn not_written(&mut self, error: EngineError, ctx: &mut Context<Self>) {
        self.seats.values().for_each(|seat| seat.stop());
        match error {
            // Somebody else has written this run (a cancel at the moment of admission), or the store is gone: it is no
            // longer ours to decide, and whoever hears that we left looks again.
            EngineError::Conflict(_) | EngineError::NotFound(_) | EngineError::Closed => {
                log::info!("run {} is left by its actor: {error}", self.run.id);
                self.leave(ctx);
            }
            error => {
                log::error!("run {} cannot be written and will fail: {error}", self.run.id);
                self.phase = Phase::Unwritable(error);
                ctx.run_later(UNWRITABLE_PAUSE, |actor, ctx| actor.write_failure(ctx));
            }
        }
    }

    /// Until the store takes it: a run must not seem to work for ever.
    fn write_failure(&mut self, ctx: &mut Context<Self>) {
        let Phase::Unwritable(error) = &self.phase else { return };
        let error = RunError {
            agent: None,
            message: format!("the run could not be recorded: {error}"),
            file: None,
            line: None,
        };
        if self.run.status == RunStatus::Cancelling {
            return self.finish_cancel(ctx);
        }
        let change = transitions::failed(&self.run, at_work(&self.run), error, self.now());
        self.commit(ctx, change, Self::leave);
    }

    /// The run has ended or waits again, or can no longer be written; the actor goes.
    fn leave(&mut self, ctx: &mut Context<Self>) {
        self.close();
        self.phase = Phase::Left;
        if let Some(left) = self.left.take() {
            let took_ms = millis(self.began.elapsed());
            // Without an orchestrator nobody needs to know.
            let _ = left.send(Left { status: self.run.status, took_ms });
        }
        ctx.stop();
    }

    /// However the run goes: no agent works on for it.
    fn close(&self) {
        self.desk.close();
        self.seats.values().for_each(|seat| seat.close());
    }

    /// Durations of earlier runs are known: the work begins.
    fn begin(&mut self, earlier: &[(String, u64)], ctx: &mut Context<Self>) {
        let Some(pipeline) = &self.pipeline else {
            let message = format!("there is no pipeline {}", self.run.pipeline);
            let error = RunError { agent: None, message, file: None, line: None };
            let change = transitions::failed(&self.run, None, error, self.now());
            return self.commit(ctx, change, Self::leave);
        };
        let agents: Vec<Expected> = pipeline
            .agents
            .iter()
            .map(|agent| {
                let of_agent = earlier.iter().filter(|(name, _)| name == agent.name);
                Expected {
                    weight: agent.weight,
                    earlier_ms: of_agent.map(|(_, duration)| *duration).collect(),
                    needs: agent.setup.needs,
                }
            })
            .collect();
        self.progress = Progress::new(&agents, pipeline.parallel, self.run.progress);
        let change = transitions::starting(&self.run, &self.shared.boot_id);
        self.commit(ctx, change, |actor, ctx| {
            let left_ms = recovery::left_ms(&actor.run, actor.shared.settings.run_timeout_ms, actor.now());
            ctx.run_later(Duration::from_millis(left_ms), |actor, ctx| {
                let limit_ms = actor.shared.settings.run_timeout_ms;
                actor.time_out(format!("the run did not end within {limit_ms} ms"), ctx);
            });
            ctx.run_interval(TICK, Self::tick);
            actor.listen(ctx);
            actor.wait_out_pauses(ctx);
            actor.advance(ctx);
        });
    }

    /// The next step: whatever may begin does.
    fn advance(&mut self, ctx: &mut Context<Self>) {
        match self.phase {
            Phase::Stopping => return self.checkpoint_if_stopped(ctx),
            Phase::Working => {}
            _ => return,
        }
        let Some(pipeline) = &self.pipeline else { return };
        let next = plan::next(&self.run, pipeline, self.shared.tools.executor.name(), &self.busy());
        self.note_done();
        let (now, eta) = (self.now(), self.progress.eta());
        match self.run.status {
            RunStatus::Starting => return self.enter_running(next, ctx),
            // A run that has nothing more to do ends rather than pauses.
            RunStatus::Pausing if next != Next::Finish => {
                if self.at_work.is_empty() {
                    self.pause_now(ctx);
                }
                return;
            }
            _ => {}
        }
        match next {
            Next::Reuse(agents) => {
                let change = transitions::reused(&self.run, &agents, self.progress.percent(), eta);
                self.commit(ctx, change, Self::advance);
            }
            Next::Work(work) => self.begin_work(work, Transition::unchanged(&self.run), ctx),
            Next::Wait => {}
            Next::Ask(index) => self.ask(index, ctx),
            Next::Finish => {
                let change = transitions::completed(&self.run, now).after_lines(self.desk.take_last_lines());
                self.commit(ctx, change, Self::leave);
            }
        }
    }

    /// Those of these agents begin that are let, with what is said before.
    fn begin_work(&mut self, work: Vec<plan::Work>, before: Transition, ctx: &mut Context<Self>) {
        let (admitted, now) = (self.admitted(work), self.now());
        let mut change = before;
        for work in &admitted {
            let started = transitions::agent_started(&change.run, work.index, now);
            change = change.and(started);
        }
        if change.events.is_empty() {
            return;
        }
        self.commit(ctx, change, |actor, ctx| {
            admitted.into_iter().for_each(|work| actor.start_agent(work, ctx));
        });
    }

    /// From `starting` to `running`; the first agents are announced with it, so that they are seen as soon as can be.
    fn enter_running(&mut self, next: Next, ctx: &mut Context<Self>) {
        let (now, eta) = (self.now(), self.progress.eta());
        match next {
            Next::Work(work) => {
                let running = transitions::running(&self.run, work.first().map(|work| work.index), eta, now);
                self.begin_work(work, running, ctx);
            }
            Next::Reuse(_) | Next::Wait | Next::Ask(_) | Next::Finish => {
                let running = transitions::running(&self.run, None, eta, now);
                self.commit(ctx, running, Self::advance);
            }
        }
    }

    /// How far agents are that do not work: done, or not begun.
    fn note_done(&mut self) {
        for (index, record) in self.run.agents.iter().enumerate() {
            match plan::is_done(record) {
                true => self.progress.reached(index, 100.0),
                false if !self.at_work.contains_key(&index) => self.progress.restarted(index),
                false => {}
            }
        }
    }

    /// A picture is news that somebody watches for: it is said at once rather than with the next look at the desk.
    fn listen(&mut self, ctx: &mut Context<Self>) {
        let desk = self.desk.clone();
        let shown = async move { desk.shown().await };
        ctx.spawn(shown.into_actor(self).map(|(), actor, ctx| {
            if !matches!(actor.phase, Phase::Left) {
                actor.tick(ctx);
                ctx.run_later(SHOWN_GAP, Self::listen);
            }
        }));
    }

    /// Says what has come to the desk.
    fn tick(&mut self, ctx: &mut Context<Self>) {
        if matches!(self.phase, Phase::Unwritable(_) | Phase::Left) {
            return;
        }
        if matches!(self.phase, Phase::Cancelling) {
            self.cancel_if_stopped(ctx);
        }
        self.check_silence(ctx);
        let now = self.now();
        let lines = self.desk.take_lines(now);
        if matches!(self.phase, Phase::Working)
            && let Some((change, previews)) = self.shown(now)
        {
            // The address of a preview leads somewhere only once the change is on record.
            return self.commit(ctx, change.after_lines(lines), move |actor, _| {
                for preview in previews {
                    actor.shared.broker.show(actor.run.project_id, PREVIEW, &preview);
                }
            });
        }
        if !lines.is_empty() {
            let events = lines.into_iter().map(EventBody::Log).collect();
            let batch = Batch::of([transitions::append(&self.run, events)]);
            self.write(ctx, batch, |_, _| ());
        }
    }

    /// What agents at work show and how far they have come since it was said last, as one change.
    fn shown(&mut self, now: Timestamp) -> Option<(Transition, Vec<String>)> {
        let (mut change, mut previews) = (Transition::unchanged(&self.run), Vec::new());
        let mut any = false;
        for (index, at_work) in &mut self.at_work {
            let index = *index;
            let mut is_seen = false;
            if let Some(early) = at_work.seat.take_early() {
                if let Some(preview) = &early.preview {
                    let url = tell_step(&self.shared, &self.run, preview);
                    previews.push(preview_message(&self.run, index, preview, &url));
                    is_seen = true;
                }
                let shows = transitions::agent_shows(&change.run, index, early);
                change = change.and(shows);
                any = true;
            }
            // What is seen is said with its picture. A clock that went back does not silence the run.
            let is_time =
                is_seen || !(0..PROGRESS_GAP_MS as i64).contains(&(now.0 - at_work.progress_said_at.0));
            // A picture may come after its progress was said: then that is said again, for only with it a step is heard of.
            let newest = if is_time { at_work.seat.take_progress() } else { None };
            let again = if is_seen { at_work.progress_said.clone() } else { None };
            if let Some((percent, message)) = newest.or(again) {
                at_work.progress_said_at = now;
                at_work.progress_said = Some((percent, message.clone()));
                // 100 is said when the agent's output is on record.
                self.progress.reached(index, sane_percent(percent).min(99.0));
                let of_run = (self.progress.percent(), self.progress.eta());
                let of_agent = (self.progress.of_agent(index), message);
                let goes_on = transitions::agent_progress(&change.run, index, of_agent, of_run);
                change = change.and(goes_on);
                any = true;
            }
        }
        any.then_some((change, previews))
    }
}

impl Actor for Generation {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX_CAPACITY);
        self.pipeline = self.shared.pipelines.of_run(&self.run.pipeline, self.run.definition.as_ref());
        let kind = Kind::of(&self.run);
        if let Some(earlier) = self.shared.history.of(&kind) {
            return self.begin(&earlier, ctx);
        }
        let per_agent = self.shared.settings.history_per_agent;
        let Kind { pipeline, definition } = kind.clone();
        let durations = self.shared.engine.agent_durations(pipeline, definition, per_agent);
        ctx.wait(durations.into_actor(self).map(move |durations, actor, ctx| {
            // Without history there is no expected time, nothing else.
            let durations = durations.unwrap_or_default();
            actor.shared.history.read(&kind, &durations);
            actor.begin(&durations, ctx);
        }));
    }
}

/// Tells a step before the event that says it: whoever hears of that knows its picture. Answers where the picture is.
fn tell_step(shared: &Shared, run: &Run, preview: &EarlyPreview) -> String {
    let url = preview_url(run, preview);
    let preview_url = url.as_str().into();
    shared.broker.tell_step(RunStep { run: run.id, step: preview.step, of: preview.of, preview_url });
    url
}

/// Tokens that a run has used.
fn tokens_of(run: &Run) -> u64 {
    run.usage().map_or(0, TokenUsage::total_tokens)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Drop for Generation {
    fn drop(&mut self) {
        self.close();
    }
}
