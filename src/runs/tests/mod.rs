//! Runs on the real engine in a folder of their own, with scripted agents.

mod cancel;
mod control;
mod crash;
mod flood;
mod ladder;
mod lifecycle;
mod many;
mod parallel;
mod queue;
mod retries;
mod stale;

use std::borrow::Cow;
use std::collections::HashMap;
use std::future::Future;
use std::os::unix::process::CommandExt;
use std::pin::Pin;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use serde_json::Map;
use tempfile::TempDir;

use crate::artifacts::Artifacts;
use crate::clock::{Clock, SystemClock};
use crate::domain::control::Lane;
use crate::domain::event::{Completion, EventBody};
use crate::domain::fold::RoomState;
use crate::domain::ids::{ProjectId, RunId};
use crate::domain::run::{Project, Run, RunStatus};
use crate::domain::script::{ScriptJob, ScriptOutcome};
use crate::engine::embedded::{Durability, EmbeddedEngine, EmbeddedOptions};
use crate::engine::{Batch, Change, Committed, Engine, EngineError, ReadLimit};
use crate::pipelines::defined::Pipelines;
use crate::pipelines::policy::{self, AgentLimits, AgentPolicy, RetryPolicy, RetryRule};
use crate::pipelines::setup::AgentSetup;
use crate::pipelines::{Agent, AgentError, AgentHost, AgentInputs, AgentOutput, OutputFile, Pipeline};
use crate::runs::executors::children::ChildRegistry;
use crate::runs::executors::{AgentGate, Executor, ExecutorHost, ScriptRunError, ScriptRunner};
use crate::runs::{Commits, NewRun, OnConflict, RunLimits, Runs, RunsDeps, RunsError, RunsSettings};

/// Holds whoever comes until it is opened; it does not care who is told to stop.
#[derive(Default)]
struct Door {
    open: Mutex<bool>,
    opened: Condvar,
    waiting: AtomicUsize,
}

impl Door {
    fn pass(&self) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        drop(self.opened.wait_while(self.open.lock().unwrap(), |open| !*open).unwrap());
    }

    async fn arrived(&self) {
        eventually("an agent at the door", async || self.waiting.load(Ordering::SeqCst) > 0).await;
    }

    fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}

/// How many of something a test does: a few, or as many as the environment says.
fn count(usual: usize) -> usize {
    std::env::var("CALLBOARD_TEST_COUNT").ok().and_then(|count| count.parse().ok()).unwrap_or(usual)
}

/// Longer than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);

const fn agent(name: &'static str, policy: AgentPolicy) -> Agent {
    agent_with(name, policy, AgentSetup::BUILTIN)
}

const fn agent_with(name: &'static str, policy: AgentPolicy, setup: AgentSetup) -> Agent {
    fn unused(_: &AgentInputs, _: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
        unreachable!("the scripted executor does the work")
    }
    Agent { name, title: name, weight: 1.0, version: 1, run: unused, policy, setup }
}

const AGENTS: [&str; 4] = ["one", "two", "three", "four"];

static PIPELINE: Pipeline = Pipeline {
    name: "scripted",
    agents: &[
        agent(AGENTS[0], AgentPolicy::DEFAULT),
        agent(AGENTS[1], AgentPolicy::DEFAULT),
        agent(AGENTS[2], AgentPolicy::DEFAULT),
        agent(AGENTS[3], AgentPolicy::DEFAULT),
    ],
    parallel: 4,
    check_brief: |brief| if brief.is_empty() { Err("must not be empty".to_owned()) } else { Ok(()) },
};

/// One agent.
static QUICK: Pipeline = Pipeline {
    name: "quick",
    agents: &[agent(AGENTS[0], AgentPolicy::DEFAULT)],
    parallel: 4,
    check_brief: |_| Ok(()),
};

/// The same agents as [`PIPELINE`]: a person is asked about what the second made, and what fails in passing is tried again at once.
static CAREFUL: Pipeline = Pipeline {
    name: "careful",
    agents: &[
        agent(AGENTS[0], PATIENT),
        agent(AGENTS[1], ASKED),
        agent(AGENTS[2], PATIENT),
        agent(AGENTS[3], PATIENT),
    ],
    parallel: 4,
    check_brief: |_| Ok(()),
};

const PATIENT: AgentPolicy = AgentPolicy {
    retry: RetryPolicy {
        transient: RetryRule { retries_max: 2, base_ms: 10, pause_ms_max: 10 },
        rate_limited: RetryRule { retries_max: 1, base_ms: 1, pause_ms_max: 1 },
        timed_out: RetryRule { retries_max: 1, base_ms: 1, pause_ms_max: 1 },
    },
    limits: AgentLimits { timeout_ms: None, silence_timeout_ms: Some(300) },
    gate: None,
    resources: Cow::Borrowed(&[Cow::Borrowed("gpu")]),
};

const ASKED: AgentPolicy = AgentPolicy {
    retry: RetryPolicy::NEVER,
    limits: AgentLimits { timeout_ms: None, silence_timeout_ms: None },
    gate: Some(policy::Gate { question: Cow::Borrowed("Is it good?"), timeout_ms: None }),
    resources: Cow::Borrowed(&[]),
};

const fn needing(name: &'static str, needs: &'static [usize], policy: AgentPolicy) -> Agent {
    let setup = AgentSetup { needs: Some(needs), ..AgentSetup::BUILTIN };
    agent_with(name, policy, setup)
}

static BRANCHES: [Agent; 4] = [
    needing("top", &[], AgentPolicy::DEFAULT),
    needing("left", &[0], IMPATIENT),
    needing("right", &[0], AgentPolicy::DEFAULT),
    needing("bottom", &[0, 1, 2], AgentPolicy::DEFAULT),
];

/// Two agents that build on the first, and one that builds on both.
static DIAMOND: Pipeline =
    Pipeline { name: "diamond", agents: &BRANCHES, parallel: 4, check_brief: |_| Ok(()) };

/// The same, one after the other, as the pipeline says.
static NARROW: Pipeline =
    Pipeline { name: "narrow", agents: &BRANCHES, parallel: 1, check_brief: |_| Ok(()) };

/// The same, one after the other, as both need the same thing.
static SHARED: Pipeline = Pipeline {
    name: "shared",
    agents: &[
        needing("top", &[], AgentPolicy::DEFAULT),
        needing("left", &[0], GPU),
        needing("right", &[0], GPU),
        needing("bottom", &[0, 1, 2], AgentPolicy::DEFAULT),
    ],
    parallel: 4,
    check_brief: |_| Ok(()),
};

const GPU: AgentPolicy = AgentPolicy {
    retry: RetryPolicy::DEFAULT,
    limits: AgentLimits { timeout_ms: None, silence_timeout_ms: None },
    gate: None,
    resources: Cow::Borrowed(&[Cow::Borrowed("gpu")]),
};

/// Tried again at once, and limited in time.
const IMPATIENT: AgentPolicy = AgentPolicy {
    retry: RetryPolicy {
        transient: RetryRule { retries_max: 1, base_ms: 1, pause_ms_max: 1 },
        rate_limited: RetryRule::NEVER,
        timed_out: RetryRule { retries_max: 1, base_ms: 1, pause_ms_max: 1 },
    },
    limits: AgentLimits { timeout_ms: None, silence_timeout_ms: Some(1_500) },
    gate: None,
    resources: Cow::Borrowed(&[]),
};

fn pipelines(name: &str) -> Option<Pipeline> {
    [&PIPELINE, &CAREFUL, &QUICK, &DIAMOND, &NARROW, &SHARED, &AT_TIMES]
        .into_iter()
        .find(|pipeline| pipeline.name == name)
        .cloned()
}

/// Its second agent is needed for some briefs alone.
static AT_TIMES: Pipeline = Pipeline {
    name: "at-times",
    agents: &[
        agent(AGENTS[0], AgentPolicy::DEFAULT),
        agent_with(
            AGENTS[1],
            AgentPolicy::DEFAULT,
            AgentSetup { when: Some("'often' in brief"), ..AgentSetup::BUILTIN },
        ),
    ],
    parallel: 4,
    check_brief: |_| Ok(()),
};

type Script = dyn Fn(&str, &AgentInputs, &dyn AgentHost) -> Result<AgentOutput, AgentError> + Send + Sync;

/// Does for each agent what the test says.
struct Scripted(Box<Script>);

impl Executor for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn execute(
        &self,
        agent: &Agent,
        inputs: &AgentInputs,
        host: &dyn ExecutorHost,
    ) -> Result<AgentOutput, AgentError> {
        (self.0)(agent.name, inputs, host)
    }
}

/// One file per agent that depends on all that came before.
fn plain(agent: &str, inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    host.log(
        crate::domain::event::LogLevel::Info,
        &format!("{agent} has {} files", inputs.files.iter().count()),
    );
    host.progress(50.0, "half way");
    let mut text = format!("{agent}: {} {}\n", inputs.brief, inputs.seed());
    for (path, bytes) in inputs.files.iter() {
        text.push_str(&format!("{path} {}\n", String::from_utf8_lossy(bytes).len()));
    }
    let files = vec![OutputFile::text(format!("{agent}.txt"), text)];
    Ok(AgentOutput { files, summary: format!("{agent} is done") })
}

/// Works until it is told to stop.
fn until_stopped(host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    loop {
        host.check()?;
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// Every job is a child process that does nothing until it is killed.
#[derive(Default)]
struct Idle {
    started: AtomicUsize,
}

impl ScriptRunner for Idle {
    fn run(
        &self,
        children: &ChildRegistry,
        _: &ScriptJob,
        cancelled: &dyn Fn() -> bool,
        _: &mut dyn FnMut(usize, &ScriptOutcome),
    ) -> Result<Vec<ScriptOutcome>, ScriptRunError> {
        let mut cat = Command::new("cat");
        let mut child = cat.stdin(Stdio::piped()).stdout(Stdio::null()).process_group(0).spawn().unwrap();
        let _ticket = children.register(child.id());
        self.started.fetch_add(1, Ordering::SeqCst);
        // Open until the child has ended: at the end of its input it would end by itself.
        let _stdin = child.stdin.take();
        child.wait().unwrap();
        assert!(cancelled());
        Err(ScriptRunError::Cancelled)
    }
}

/// The engine, which fails when it is told to.
struct Direct {
    engine: Arc<dyn Engine>,
    failures: Mutex<Vec<EngineError>>,
    panics: AtomicBool,
}

impl Commits for Direct {
    fn commit(&self, batch: Batch) -> Pin<Box<dyn Future<Output = Result<Committed, EngineError>> + Send>> {
        assert!(!self.panics.swap(false, Ordering::SeqCst), "the actor that writes is to panic");
        match self.failures.lock().unwrap().pop() {
            Some(error) => Box::pin(async { Err(error) }),
            None => self.engine.commit(batch),
        }
    }
}

/// Holds agents at a point and counts those that came by.
#[derive(Default)]
struct Gate {
    held: Mutex<HashMap<(&'static str, bool), bool>>,
    changed: Condvar,
    arrived: AtomicUsize,
}

impl Gate {
    /// Holds every run before (or after) that agent.
    fn hold(agent: &'static str, after: bool) -> Arc<Self> {
        let gate = Self::default();
        gate.held.lock().unwrap().insert((agent, after), true);
        Arc::new(gate)
    }

    fn open(&self) {
        self.held.lock().unwrap().clear();
        self.changed.notify_all();
    }

    fn pass(&self, agent: &str, after: bool, stopped: &dyn Fn() -> bool) {
        let mut held = self.held.lock().unwrap();
        let is_held = |held: &HashMap<(&str, bool), bool>| held.contains_key(&(agent, after));
        if is_held(&held) {
            self.arrived.fetch_add(1, Ordering::SeqCst);
        }
        while is_held(&held) && !stopped() {
            held = self.changed.wait_timeout(held, Duration::from_millis(5)).unwrap().0;
        }
    }

    async fn arrived(&self, count: usize) {
        eventually("an agent at the gate", async || self.arrived.load(Ordering::SeqCst) >= count).await;
    }
}

impl AgentGate for Gate {
    fn before_agent(&self, _: RunId, agent: &str, stopped: &dyn Fn() -> bool) {
        self.pass(agent, false, stopped);
    }

    fn after_agent(&self, _: RunId, agent: &str, stopped: &dyn Fn() -> bool) {
        self.pass(agent, true, stopped);
    }
}

/// A store that outlives boots.
struct House {
    _folder: TempDir,
    engine: Arc<dyn Engine>,
    artifacts: Artifacts,
    boots: AtomicUsize,
}

/// One start of the runs.
struct Boot {
    runs: Runs,
    broker: Arc<Direct>,
    scripts: Arc<Idle>,
}

impl House {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let options = EmbeddedOptions { durability: Durability::Process };
        let engine = EmbeddedEngine::open(folder.path(), options, Arc::new(SystemClock)).unwrap();
        let artifacts = Artifacts::open(&folder.path().join("artifacts")).unwrap();
        Self { _folder: folder, engine: Arc::new(engine), artifacts, boots: AtomicUsize::new(0) }
    }

    fn boot(
        &self,
        settings: RunsSettings,
        gate: Option<Arc<Gate>>,
        script: impl Fn(&str, &AgentInputs, &dyn AgentHost) -> Result<AgentOutput, AgentError>
        + Send
        + Sync
        + 'static,
    ) -> Boot {
        let scripts = Arc::new(Idle::default());
        Boot { scripts: scripts.clone(), ..self.boot_with(settings, gate, scripts, script) }
    }

    fn boot_with(
        &self,
        settings: RunsSettings,
        gate: Option<Arc<Gate>>,
        scripts: Arc<dyn ScriptRunner>,
        script: impl Fn(&str, &AgentInputs, &dyn AgentHost) -> Result<AgentOutput, AgentError>
        + Send
        + Sync
        + 'static,
    ) -> Boot {
        let broker = Arc::new(Direct {
            engine: self.engine.clone(),
            failures: Mutex::default(),
            panics: AtomicBool::new(false),
        });
        let runs = Runs::start(RunsDeps {
            engine: self.engine.clone(),
            broker: broker.clone(),
            artifacts: self.artifacts.clone(),
            clock: Arc::new(SystemClock),
            scripts,
            pipelines: Pipelines::from(pipelines as fn(&str) -> Option<Pipeline>),
            settings,
            boot_id: format!("boot-{}", self.boots.fetch_add(1, Ordering::Relaxed)),
            executor: Some(Arc::new(Scripted(Box::new(script)))),
            gate: gate.map(|gate| gate as Arc<dyn AgentGate>),
        });
        Boot { runs, broker, scripts: Arc::default() }
    }

    async fn project(&self, brief: &str) -> Project {
        self.project_of(PIPELINE.name, brief).await
    }

    async fn project_of(&self, pipeline: &str, brief: &str) -> Project {
        let now = SystemClock.now();
        let project = Project {
            id: ProjectId::generate(),
            name: "a project".to_owned(),
            brief: brief.to_owned(),
            pipeline: pipeline.to_owned(),
            params: Map::new(),
            created_at: now,
            updated_at: now,
        };
        self.engine.commit(Batch::of([Change::CreateProject(project.clone())])).await.unwrap();
        project
    }

    async fn run(&self, id: RunId) -> Run {
        self.engine.run(id).await.unwrap().unwrap()
    }

    /// Waits for the end of a run, then checks that its room tells the same story.
    async fn ended(&self, id: RunId) -> (Run, Completion) {
        eventually("the end of the run", async || self.run(id).await.status.is_terminal()).await;
        let run = self.run(id).await;
        let completion = self.check_log(&run).await;
        (run, completion)
    }

    async fn log(&self, project: ProjectId) -> Vec<(Option<RunId>, EventBody)> {
        let mut events = Vec::new();
        loop {
            let limit = ReadLimit { events: 1_000, bytes: 1 << 20 };
            let page = self.engine.read_log(project, events.len() as u64, limit).await.unwrap();
            for event in &page.events {
                assert_eq!(event.seq, events.len() as u64 + 1);
                events.push((event.run_id, event.body().unwrap()));
            }
            if !page.more {
                return events;
            }
        }
    }

    /// What must hold of every run that has ended: one completion, nothing after it, progress that does not fall, and a
    /// fold that equals the record.
    async fn check_log(&self, run: &Run) -> Completion {
        let events = self.log(run.project_id).await;
        let of_run: Vec<&EventBody> =
            events.iter().filter(|(id, _)| *id == Some(run.id)).map(|(_, body)| body).collect();
        let completions: Vec<&Completion> = of_run
            .iter()
            .filter_map(|body| match body {
                EventBody::Completion(completion) => Some(completion),
                _ => None,
            })
            .collect();
        assert_eq!(completions.len(), 1, "{of_run:#?}");
        assert!(matches!(of_run.last(), Some(EventBody::Completion(_))));
        let mut state = RoomState::default();
        let mut shown = 0.0;
        for body in &of_run {
            state.apply(Some(run.id), run.created_at, body);
            if let EventBody::StatusUpdate(update) = body {
                assert!(update.progress >= shown, "{shown} -> {}", update.progress);
                assert_eq!(update.progress >= 100.0, update.status == RunStatus::Completed);
                shown = update.progress;
            }
        }
        assert_eq!(state.status, Some(run.status));
        assert_eq!(state.progress, run.progress);
        assert_eq!(completions[0].error, run.error);
        assert_eq!(completions[0].evidence, run.evidence);
        assert!(state.agents.iter().all(|agent| agent.status.is_ended()), "{:#?}", state.agents);
        for agent in &state.agents {
            assert_eq!(Some(agent.status), run.agents[agent.index as usize - 1].status);
        }
        completions[0].clone()
    }
}

impl Boot {
    async fn enqueue(&self, project: &Project) -> Result<Run, RunsError> {
        self.enqueue_as(project, 0, OnConflict::Reject).await
    }

    async fn enqueue_as(
        &self,
        project: &Project,
        priority: i32,
        on_conflict: OnConflict,
    ) -> Result<Run, RunsError> {
        let new = new_run(project, priority, on_conflict);
        self.runs.enqueue(new).await.map(|accepted| accepted.run)
    }

    /// Ends the actors on the spot and waits until nothing of them is left.
    async fn crash(self) {
        self.runs.crash();
        eventually("the actors to be gone", async || Arc::strong_count(&self.broker) == 1).await;
    }

    async fn idle(&self) {
        eventually("nothing to do", async || {
            let snapshot = self.runs.snapshot().await.unwrap();
            snapshot.active == 0 && snapshot.queue_depth == 0 && snapshot.agent_threads == 0
        })
        .await;
    }
}

fn new_run(project: &Project, priority: i32, on_conflict: OnConflict) -> NewRun {
    NewRun {
        inputs: Vec::new(),
        project: project.clone(),
        params: Map::new(),
        priority,
        lane: Lane::Normal,
        by: "ada".to_owned(),
        on_conflict,
        keep: None,
    }
}

fn settings() -> RunsSettings {
    RunsSettings { limits: RunLimits::of_all(2), ..RunsSettings::default() }
}

async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let since = Instant::now();
    while !holds().await {
        assert!(since.elapsed() < DEADLINE, "waited in vain for {what}");
        actix_rt::time::sleep(Duration::from_millis(2)).await;
    }
}
