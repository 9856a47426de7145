//! What the queue and the engine of runs cost: runs accepted per second, and the time per agent beyond its own work.
//!
//! `cargo bench --bench queue [-- RUNS]` on an idle machine; the store is durable on disk as by default.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use callboard::app::{App, AppOptions};
use callboard::auth::Caller;
use callboard::config::load::{Sources, load};
use callboard::domain::run::RunStatus;
use callboard::pipelines::policy::AgentPolicy;
use callboard::pipelines::setup::AgentSetup;
use callboard::pipelines::{Agent, AgentError, AgentHost, AgentInputs, AgentOutput, Pipeline};
use callboard::service::Service;
use callboard::service::projects::NewProject;
use callboard::service::runs::{GenerateRequest, OnConflict};
use futures_util::{StreamExt, stream};

/// Requests under way at once.
const AT_ONCE: usize = 128;
/// Runs of which the overhead is measured.
const RUNS_MEASURED: usize = 50;

fn nothing(_: &AgentInputs, _: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    Ok(AgentOutput::default())
}

const fn agent(name: &'static str) -> Agent {
    Agent {
        name,
        title: name,
        weight: 1.0,
        version: 1,
        run: nothing,
        policy: AgentPolicy::DEFAULT,
        setup: AgentSetup::BUILTIN,
    }
}

/// Ten agents that do nothing: all that is measured is ours.
static PIPELINE: Pipeline = Pipeline {
    name: "app",
    agents: &[
        agent("a"),
        agent("b"),
        agent("c"),
        agent("d"),
        agent("e"),
        agent("f"),
        agent("g"),
        agent("h"),
        agent("i"),
        agent("j"),
    ],
    parallel: 4,
    check_brief: |_| Ok(()),
};

fn main() -> anyhow::Result<()> {
    let runs = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(10_000);
    actix_rt::System::new().block_on(measure(runs))
}

#[expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
async fn measure(runs: usize) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut config = load(&Sources::default()).map_err(|problems| anyhow::anyhow!("{problems}"))?.config;
    config.data_dir = dir.path().to_owned();
    config.runs.queue_max = 100_000;
    config.runs.concurrency = 1;
    let mut options = AppOptions::new(config);
    options.listens = false;
    options.pipelines = |name| (name == PIPELINE.name).then(|| PIPELINE.clone());
    let app = App::start(options).await?;
    let service = Arc::new(app.service().clone());

    // Overhead per agent, with nothing waiting and with everything waiting.
    let few = overhead(&service).await?;
    println!("per agent, empty queue: {few:?}");

    service.pause_queue(Caller::HOUSE, true).await?;
    let mut projects = Vec::with_capacity(runs);
    for chunk in (0..runs).collect::<Vec<_>>().chunks(AT_ONCE) {
        let made = chunk.iter().map(|_| service.create_project(Caller::HOUSE, new_project(), None));
        for project in futures_util::future::join_all(made).await {
            projects.push(project?.id);
        }
    }
    let began = Instant::now();
    let accepted = stream::iter(&projects)
        .map(|project| service.generate(Caller::HOUSE, *project, GenerateRequest::default(), None))
        .buffer_unordered(AT_ONCE)
        .filter(|answer| std::future::ready(answer.is_ok()))
        .count()
        .await;
    let took = began.elapsed();
    println!("accepted {accepted} runs in {took:?}: {:.0} per second", accepted as f64 / took.as_secs_f64());
    anyhow::ensure!(accepted == runs, "some were refused");

    service.pause_queue(Caller::HOUSE, false).await?;
    let began = Instant::now();
    let before = ended(&service).await?;
    actix_rt::time::sleep(Duration::from_secs(5)).await;
    let done = ended(&service).await? - before;
    let each = began.elapsed() / u32::try_from(done.max(1)).context("few")?;
    println!("with {runs} waiting: {done} runs of ten agents in 5 s, {:?} per agent", each / 10);
    app.stop().await;
    Ok(())
}

/// From the start of a run to its end, per agent.
async fn overhead(service: &Service) -> anyhow::Result<Duration> {
    let project = service.create_project(Caller::HOUSE, new_project(), None).await?.id;
    let began = Instant::now();
    for _ in 0..RUNS_MEASURED {
        let request = GenerateRequest { on_conflict: OnConflict::Enqueue, ..GenerateRequest::default() };
        let run = service.generate(Caller::HOUSE, project, request, None).await?.run_id;
        while !service.run(Caller::HOUSE, run).await?.status.is_terminal() {
            actix_rt::time::sleep(Duration::from_millis(1)).await;
        }
    }
    Ok(began.elapsed() / u32::try_from(RUNS_MEASURED * PIPELINE.agents.len())?)
}

async fn ended(service: &Service) -> anyhow::Result<u64> {
    let stats = service.metrics(Caller::HOUSE).await?;
    let ended = stats.engine.runs_by_status.iter().filter(|(status, _)| *status == RunStatus::Completed);
    Ok(ended.map(|(_, count)| count).sum())
}

fn new_project() -> NewProject {
    NewProject { brief: "nothing".to_owned(), pipeline: Some("app".to_owned()), ..NewProject::default() }
}
