//! The actor that owns the queue: accepts runs, admits them, and takes over what was left.
//!
//! It writes runs that wait; a working run is written by its own actor alone. Where the two could meet (a cancel at the
//! moment of admission), the engine's compare-and-set decides and the loser looks again.

mod commands;

pub(crate) use commands::{Answer, Pause, PauseQueue, QueueFigures, Resume, Where};

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix::fut::{LocalBoxActorFuture, ready};
use actix::{
    Actor, ActorFutureExt, Addr, AsyncContext, Context, Handler, Message, ResponseActFuture, ResponseFuture,
    WrapFuture,
};
use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::domain::ids::{ProjectId, RunId};
use crate::domain::run::{Run, RunStatus};
use crate::domain::time::Timestamp;
use crate::engine::{Engine, EngineError};
use crate::pipelines::defined::Pipelines;
use crate::runs::commits::{Commits, write};
use crate::runs::control::QueueState;
use crate::runs::executors::Builtin;
use crate::runs::executors::thread::Tools;
use crate::runs::generation::{CancelRun, Generation, Left, StopRun};
use crate::runs::history::History;
use crate::runs::log_pace::LogPaces;
use crate::runs::queue::Queue;
use crate::runs::take_over::{take_over_all, take_over_one};
use crate::runs::{Accepted, CancelAnswer, Keep, NewRun, RunsDeps, RunsError, RunsSettings, RunsSnapshot};
use crate::runs::{accept, outside, transitions};

/// Requests that wait; with more, senders wait in turn, up to their deadline.
const MAILBOX_CAPACITY: usize = 256;
/// How often a cancel looks again when the run has changed under it. Each look is one read, and a run changes hands once
/// or twice, so this is never reached in good order.
const CANCEL_LOOKS_MAX: u32 = 50;
/// Pause before an admitted run that could not be read is tried again.
const UNREADABLE_PAUSE: Duration = Duration::from_secs(1);
/// How often those that wait in vain are looked for.
const HOUSEKEEPING: Duration = Duration::from_millis(500);
/// Pause between two looks: the time a transition takes to be written.
const LOOK_PAUSE: Duration = Duration::from_millis(20);

/// What orchestrator and generations use.
pub(crate) struct Shared {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) broker: Arc<dyn Commits>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) pipelines: Pipelines,
    pub(crate) settings: RunsSettings,
    pub(crate) boot_id: String,
    pub(crate) history: History,
    pub(crate) tools: Arc<Tools>,
    pub(crate) log_paces: LogPaces,
}

impl From<RunsDeps> for Shared {
    fn from(deps: RunsDeps) -> Self {
        let tools = Tools {
            artifacts: deps.artifacts,
            scripts: deps.scripts,
            executor: deps.executor.unwrap_or_else(|| Arc::new(Builtin)),
            gate: deps.gate,
            threads: Arc::default(),
        };
        Self {
            engine: deps.engine,
            broker: deps.broker,
            clock: deps.clock,
            pipelines: deps.pipelines,
            history: History::new(deps.settings.history_per_agent),
            settings: deps.settings,
            boot_id: deps.boot_id,
            tools: Arc::new(tools),
            log_paces: LogPaces::default(),
        }
    }
}

/// Accepts a run.
#[derive(Message)]
#[rtype(result = "Result<Accepted, RunsError>")]
pub(crate) struct Enqueue(pub(crate) NewRun);

/// Whether a run would be taken now.
#[derive(Message)]
#[rtype(result = "Result<(), RunsError>")]
pub(crate) struct HasRoom;

/// Cancels a run.
#[derive(Message)]
#[rtype(result = "Result<CancelAnswer, RunsError>")]
pub(crate) struct Cancel {
    pub(crate) run: RunId,
    pub(crate) by: String,
}

/// Repeats a run.
#[derive(Message)]
#[rtype(result = "Result<Accepted, RunsError>")]
pub(crate) struct Retry {
    pub(crate) run: RunId,
    pub(crate) from_agent: Option<String>,
    pub(crate) by: String,
    pub(crate) keep: Option<Keep>,
}

/// Figures.
#[derive(Message)]
#[rtype(result = "RunsSnapshot")]
pub(crate) struct Snapshot;

/// Takes no more runs; answered when none works any more.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Stop;

/// A run on record has changed without the orchestrator: one that a worker outside drives.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct TakeIn(pub(crate) Box<Run>);

/// A run that is paused, waits for an answer, or is driven by a worker outside.
struct Resting {
    project: ProjectId,
    /// Until when an answer, or the worker, is waited for.
    expires_at: Option<Timestamp>,
    /// Whether a worker drives it.
    driven: bool,
}

/// The actor that owns the queue.
pub(crate) struct Orchestrator {
    shared: Arc<Shared>,
    queue: Queue,
    state: QueueState,
    /// Runs that are paused or wait for an answer: nothing works on them, and they take no place.
    resting: HashMap<RunId, Resting>,
    generations: HashMap<RunId, Addr<Generation>>,
    /// Runs that have left their actor, or waited in vain, and are being looked at. Whoever hears more of one meanwhile
    /// takes it out: what is read then is older than what is known.
    looked_at: HashSet<RunId>,
    stopping: bool,
    /// Who waits for the last generation to leave.
    stop_waiters: Vec<oneshot::Sender<()>>,
}

impl Orchestrator {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let settings = &shared.settings;
        let queue = Queue::new(settings.limits.clone(), settings.ageing_ms);
        Self {
            shared,
            queue,
            state: QueueState::default(),
            resting: HashMap::new(),
            generations: HashMap::new(),
            looked_at: HashSet::new(),
            stopping: false,
            stop_waiters: Vec::new(),
        }
    }

    /// A run is on record without an actor: it waits for its turn, or rests.
    fn take_in(&mut self, run: &Run) {
        self.looked_at.remove(&run.id);
        match run.status {
            RunStatus::Queued => {
                self.resting.remove(&run.id);
                self.queue.push(run);
            }
            RunStatus::Paused | RunStatus::Waiting => {
                self.queue.remove(run.id);
                let expires_at = run.control.gate.as_ref().and_then(|gate| gate.expires_at);
                self.resting.insert(run.id, Resting { project: run.project_id, expires_at, driven: false });
            }
            _ => match outside::driver(run) {
                Some(worker) => {
                    let expires_at = Some(worker.until);
                    self.resting
                        .insert(run.id, Resting { project: run.project_id, expires_at, driven: true });
                }
                None => self.forget(run.id),
            },
        }
    }

    /// The same after a look at the record, unless more was heard of the run since.
    fn take_in_looked_at(&mut self, id: RunId, run: Option<&Run>) {
        if self.looked_at.remove(&id)
            && let Some(run) = run
        {
            self.take_in(run);
        }
    }

    /// The same when the server starts: while it was away no worker could be heard, so leases begin anew.
    fn take_in_at_start(&mut self, run: &Run) {
        self.take_in(run);
        if let (Some(worker), Some(resting)) = (outside::driver(run), self.resting.get_mut(&run.id)) {
            let again = self.shared.clock.now().plus_ms(worker.lease_ms);
            resting.expires_at = resting.expires_at.max(Some(again));
        }
    }

    fn forget(&mut self, run: RunId) {
        self.looked_at.remove(&run);
        self.queue.remove(run);
        self.resting.remove(&run);
    }

    /// Gives every run that may work an actor of its own.
    fn admit(&mut self, ctx: &mut Context<Self>) {
        if self.stopping || self.state.paused.is_some() {
            return;
        }
        for id in self.queue.admit(self.shared.clock.now()) {
            let read = self.shared.engine.run(id);
            ctx.spawn(read.into_actor(self).map(move |run, actor, ctx| actor.begin(id, run, ctx)));
        }
    }

    /// An admitted run was read.
    fn begin(&mut self, id: RunId, run: Result<Option<Run>, EngineError>, ctx: &mut Context<Self>) {
        match run {
            Ok(Some(run)) if run.status == RunStatus::Queued && !self.stopping => {
                let (left, has_left) = oneshot::channel();
                let generation = Generation::new(self.shared.clone(), run, left).start();
                self.generations.insert(id, generation);
                // The sender is dropped with the actor, so a panic in it is heard as well.
                ctx.spawn(
                    has_left.into_actor(self).map(move |left, actor, ctx| actor.has_left(id, left.ok(), ctx)),
                );
            }
            Ok(_) => self.has_left(id, None, ctx),
            Err(error) => {
                log::error!("run {id} was to begin and cannot be read; it is tried again: {error}");
                let pause = actix_rt::time::sleep(UNREADABLE_PAUSE).into_actor(self);
                ctx.spawn(pause.map(move |(), actor, ctx| actor.has_left(id, None, ctx)));
            }
        }
    }

    fn has_left(&mut self, id: RunId, left: Option<Left>, ctx: &mut Context<Self>) {
        self.generations.remove(&id);
        let ended = left.filter(|left| left.status.is_terminal());
        self.queue.release(id, ended.map(|left| left.took_ms));
        if self.stopping {
            if self.generations.is_empty() {
                for waiter in self.stop_waiters.drain(..) {
                    // Whoever waited may have given up.
                    let _ = waiter.send(());
                }
            }
            return;
        }
        if ended.is_none() {
            let shared = self.shared.clone();
            let taken = async move { take_over_one(&shared, id).await };
            self.looked_at.insert(id);
            ctx.spawn(taken.into_actor(self).map(move |run, actor, ctx| {
                actor.take_in_looked_at(id, run.as_ref());
                actor.admit(ctx);
            }));
        }
        self.admit(ctx);
    }

    /// Keeps a place in the queue; whoever does gives it back.
    fn reserve(&mut self) -> Result<(), RunsError> {
        if self.stopping {
            return Err(RunsError::Closing);
        }
        let reserved = self.queue.reserve(self.shared.settings.queue_max);
        reserved.map_err(|retry_after_s| RunsError::QueueFull { retry_after_s })
    }

    /// Writes a run that `accept` has made, and lets it wait.
    fn insert(&mut self, draft: accept::Draft) -> LocalBoxActorFuture<Self, Result<Accepted, RunsError>> {
        if let Err(refused) = self.reserve() {
            return Box::pin(ready(Err(refused)));
        }
        let place = self.place(self.queue.standing_of(&draft.run));
        let replaces = draft.replaces;
        let (accepted, batch) = draft.into_batch(place, self.shared.clock.now());
        let shared = self.shared.clone();
        let written = async move { write(shared.broker.as_ref(), &shared.engine, batch).await };
        Box::pin(written.into_actor(self).map(move |result, actor, ctx| {
            actor.queue.release_place();
            result?;
            let (id, project) = (accepted.run.id, accepted.run.project_id);
            actor.take_in(&accepted.run);
            if replaces {
                actor.cancel_others(id, project, ctx);
            }
            actor.admit(ctx);
            Ok(accepted)
        }))
    }

    /// Cancels the other active runs of a project; the new one waits until they have ended.
    fn cancel_others(&mut self, new: RunId, project: ProjectId, ctx: &mut Context<Self>) {
        let resting = self.resting.iter().filter(|(_, run)| run.project == project).map(|(run, _)| *run);
        let others: Vec<RunId> =
            self.queue.runs_of(project).into_iter().chain(resting).filter(|other| *other != new).collect();
        for other in others {
            let cancelled = self.cancel(other, "a newer run".to_owned(), CANCEL_LOOKS_MAX);
            ctx.spawn(cancelled.map(move |result, _, _| {
                if let Err(error) = result {
                    log::warn!("run {other} could not be cancelled for a newer one: {error}");
                }
            }));
        }
    }

    /// Cancels a run where it is: at its actor, or on record.
    fn cancel(
        &mut self,
        run: RunId,
        by: String,
        looks: u32,
    ) -> LocalBoxActorFuture<Self, Result<CancelAnswer, RunsError>> {
        if let Some(generation) = self.generations.get(&run) {
            let asked = generation.send(CancelRun { by: by.clone() });
            return Box::pin(asked.into_actor(self).then(move |answer, actor, _| match answer {
                Ok(Err(RunsError::Busy)) | Err(_) => actor.cancel_on_record(run, by, looks),
                Ok(answer) => Box::pin(ready(answer)),
            }));
        }
        self.cancel_on_record(run, by, looks)
    }

    fn cancel_on_record(
        &mut self,
        run: RunId,
        by: String,
        looks: u32,
    ) -> LocalBoxActorFuture<Self, Result<CancelAnswer, RunsError>> {
        let shared = self.shared.clone();
        let asked_by = by.clone();
        let tried = async move { cancel_waiting(&shared, run, &asked_by).await };
        Box::pin(tried.into_actor(self).then(move |result, actor, ctx| {
            let answer = match result {
                Ok(Some(answer)) => {
                    if answer.already.is_none() {
                        actor.forget(run);
                        actor.admit(ctx);
                    }
                    Ok(answer)
                }
                Ok(None) if looks == 0 => Err(RunsError::Busy),
                // It is changing hands: soon it waits, works or has ended.
                Ok(None) => {
                    let pause = actix_rt::time::sleep(LOOK_PAUSE).into_actor(actor);
                    let again = pause.then(move |(), actor, _| actor.cancel(run, by, looks - 1));
                    return Box::pin(again) as LocalBoxActorFuture<Self, _>;
                }
                Err(error) => Err(error),
            };
            Box::pin(ready(answer))
        }))
    }
}

/// Cancels a run that waits; none when it is neither waiting nor ended.
async fn cancel_waiting(shared: &Shared, id: RunId, by: &str) -> Result<Option<CancelAnswer>, RunsError> {
    let run = shared.engine.run(id).await?.ok_or(RunsError::NotFound("run"))?;
    if run.status.is_terminal() {
        return Ok(Some(CancelAnswer { status: run.status, already: Some(run.status) }));
    }
    let now = shared.clock.now();
    let batch = match run.status {
        RunStatus::Queued | RunStatus::Paused | RunStatus::Waiting => {
            transitions::cancelled_at_rest(&run, by, now).into_batch()
        }
        _ if outside::driver(&run).is_some() => {
            let [cancelling, cancelled] = transitions::worker_cancelled(&run, by, now);
            let mut batch = cancelling.into_batch();
            batch.changes.extend(cancelled.into_batch().changes);
            batch
        }
        _ => return Ok(None),
    };
    match write(shared.broker.as_ref(), &shared.engine, batch).await {
        Ok(()) => Ok(Some(CancelAnswer { status: RunStatus::Cancelled, already: None })),
        Err(EngineError::Conflict(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl Actor for Orchestrator {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX_CAPACITY);
        let shared = self.shared.clone();
        let taken = async move { take_over_all(&shared).await };
        // Requests wait until the queue is complete.
        ctx.wait(taken.into_actor(self).map(|(state, runs), actor, ctx| {
            actor.state = state;
            runs.iter().for_each(|run| actor.take_in_at_start(run));
            actor.admit(ctx);
        }));
        ctx.run_interval(HOUSEKEEPING, Self::keep_house);
    }
}

impl Handler<HasRoom> for Orchestrator {
    type Result = Result<(), RunsError>;

    fn handle(&mut self, _: HasRoom, _: &mut Self::Context) -> Self::Result {
        self.reserve()?;
        self.queue.release_place();
        Ok(())
    }
}

impl Handler<Enqueue> for Orchestrator {
    type Result = ResponseActFuture<Self, Result<Accepted, RunsError>>;

    fn handle(&mut self, Enqueue(new): Enqueue, _: &mut Self::Context) -> Self::Result {
        let shared = self.shared.clone();
        let drafted = async move { accept::draft(&shared, new).await };
        Box::pin(drafted.into_actor(self).then(|draft, actor, _| match draft {
            Ok(draft) => actor.insert(draft),
            Err(error) => Box::pin(ready(Err(error))),
        }))
    }
}

impl Handler<Retry> for Orchestrator {
    type Result = ResponseActFuture<Self, Result<Accepted, RunsError>>;

    fn handle(&mut self, retry: Retry, _: &mut Self::Context) -> Self::Result {
        let shared = self.shared.clone();
        let drafted = async move { accept::draft_retry(&shared, retry).await };
        Box::pin(drafted.into_actor(self).then(|draft, actor, _| match draft {
            Ok(draft) => actor.insert(draft),
            Err(error) => Box::pin(ready(Err(error))),
        }))
    }
}

impl Handler<Cancel> for Orchestrator {
    type Result = ResponseActFuture<Self, Result<CancelAnswer, RunsError>>;

    fn handle(&mut self, cancel: Cancel, _: &mut Self::Context) -> Self::Result {
        self.cancel(cancel.run, cancel.by, CANCEL_LOOKS_MAX)
    }
}

impl Handler<TakeIn> for Orchestrator {
    type Result = ();

    fn handle(&mut self, TakeIn(run): TakeIn, ctx: &mut Self::Context) {
        self.take_in(&run);
        self.admit(ctx);
    }
}

impl Handler<Snapshot> for Orchestrator {
    type Result = actix::MessageResult<Snapshot>;

    fn handle(&mut self, _: Snapshot, _: &mut Self::Context) -> Self::Result {
        let now = self.shared.clock.now();
        actix::MessageResult(RunsSnapshot {
            active: self.queue.active(),
            queue_depth: self.queue.depth(),
            oldest_queued_ms: self.queue.oldest().map(|oldest| now.since(oldest)),
            agent_threads: self.shared.tools.threads.load(Ordering::Relaxed),
        })
    }
}

impl Handler<Stop> for Orchestrator {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Stop, ctx: &mut Self::Context) -> Self::Result {
        self.stopping = true;
        if self.generations.is_empty() {
            // What is being read does not begin any more.
            return Box::pin(async {});
        }
        for generation in self.generations.values() {
            // One that is gone already needs no word.
            ctx.spawn(generation.send(StopRun).into_actor(self).map(|_, _, _| ()));
        }
        let (waiter, all_left) = oneshot::channel();
        self.stop_waiters.push(waiter);
        Box::pin(async move {
            // The sender is dropped with the actor; then there is nothing to wait for either.
            let _ = all_left.await;
        })
    }
}
