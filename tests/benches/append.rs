//! How long a batch takes and how many go through: `cargo bench --bench append [-- DIRECTORY]`.
//!
//! The directory decides which disk is measured; without one it is the current directory's.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use callboard::artifacts::{Artifacts, LineQuery, NewLine};
use callboard::clock::SystemClock;
use callboard::domain::event::{EventBody, LogLevel, NewEvent, StatusUpdate};
use callboard::domain::ids::{ProjectId, RunId};
use callboard::domain::run::{Project, RunStatus};
use callboard::domain::time::Timestamp;
use callboard::engine::embedded::{Durability, EmbeddedEngine, EmbeddedOptions};
use callboard::engine::{Batch, Change, Engine};

const LONE_APPENDS: usize = 500;
const PUBLISHERS: usize = 64;
const MEASURED: Duration = Duration::from_secs(3);
const LOG_LINES: u64 = 1_000_000;

fn main() -> anyhow::Result<()> {
    // `cargo bench` adds `--bench`.
    let directory = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let directory = directory.map_or_else(|| PathBuf::from("."), PathBuf::from).join("append-bench");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let measured = runtime.block_on(measure(&directory));
    std::fs::remove_dir_all(&directory)?;
    measured
}

async fn measure(directory: &std::path::Path) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    for (name, durability) in [("disk", Durability::Disk), ("process", Durability::Process)] {
        let options = EmbeddedOptions { durability };
        let engine = EmbeddedEngine::open(&directory.join(name), options, Arc::new(SystemClock))?;
        let engine: Arc<dyn Engine> = Arc::new(engine);
        let mut rooms = Vec::new();
        for _ in 0..16 {
            rooms.push(create_room(&*engine).await?);
        }

        let mut lone = Vec::with_capacity(LONE_APPENDS);
        for number in 0..LONE_APPENDS {
            let since = Instant::now();
            engine.commit(append(rooms[0], number)).await?;
            lone.push(since.elapsed());
        }
        lone.sort();
        let percentile = |percent: usize| lone[(lone.len() - 1) * percent / 100];
        writeln!(out, "{name}: a lone append takes {:?} (p50), {:?} (p99)", percentile(50), percentile(99))?;

        let since = Instant::now();
        let mut publishers = tokio::task::JoinSet::new();
        for publisher in 0..PUBLISHERS {
            let (engine, room) = (engine.clone(), rooms[publisher % rooms.len()]);
            publishers.spawn(async move {
                let mut appended = 0;
                while since.elapsed() < MEASURED {
                    engine.commit(append(room, appended)).await?;
                    appended += 1;
                }
                Ok::<_, callboard::engine::EngineError>(appended)
            });
        }
        let mut appended = 0;
        while let Some(publisher) = publishers.join_next().await {
            appended += publisher??;
        }
        let per_second = appended as f64 / since.elapsed().as_secs_f64();
        writeln!(out, "{name}: {PUBLISHERS} publishers append {per_second:.0} events a second")?;
        writeln!(
            out,
            "{name}: call to durable over the last minute, in µs (p50, p90, p99, max): {:?}",
            engine.stats().await?.append_us
        )?;
        engine.close().await?;
    }
    measure_files(directory, &mut out)
}

fn measure_files(directory: &std::path::Path, out: &mut impl Write) -> anyhow::Result<()> {
    let artifacts = Artifacts::open(&directory.join("files"))?;
    let log = artifacts.logs().open_run(RunId::generate())?;
    let at = Timestamp(1_700_000_000_000);
    let since = Instant::now();
    for n in 1..=LOG_LINES {
        let text = format!("line {n}: compiled src/core/store.js without a complaint");
        let level = if n.is_multiple_of(10_000) { LogLevel::Error } else { LogLevel::Info };
        log.append(&[NewLine { at, level, agent: Some("core-logic"), text: &text }])?;
    }
    writeln!(out, "log: {LOG_LINES} lines, appended one by one, take {:?}", since.elapsed())?;
    for (what, query) in [
        ("the middle", LineQuery { from: LOG_LINES / 2, limit: 200, ..LineQuery::default() }),
        ("the errors", LineQuery { limit: 100, level: Some(LogLevel::Error), ..LineQuery::default() }),
        ("a text", LineQuery { limit: 100, text: Some("line 99999".to_owned()), ..LineQuery::default() }),
    ] {
        let since = Instant::now();
        let page = log.read(&query)?;
        writeln!(out, "log: a page of {what} ({} lines) takes {:?}", page.lines.len(), since.elapsed())?;
    }
    drop(log);

    let since = Instant::now();
    for number in 0..100_u32 {
        artifacts.blobs().put(&number.to_le_bytes().repeat(1000))?;
    }
    writeln!(out, "files: keeping 100 files of 4 kB takes {:?}", since.elapsed())?;
    Ok(())
}

async fn create_room(engine: &dyn Engine) -> anyhow::Result<ProjectId> {
    let at = Timestamp(1_700_000_000_000);
    let project = Project {
        id: ProjectId::generate(),
        name: "Measured".to_owned(),
        brief: String::new(),
        pipeline: "app".to_owned(),
        params: serde_json::Map::new(),
        created_at: at,
        updated_at: at,
    };
    let id = project.id;
    engine.commit(Batch::of([Change::CreateProject(project)])).await?;
    Ok(id)
}

fn append(room: ProjectId, number: usize) -> Batch {
    let body = EventBody::StatusUpdate(StatusUpdate {
        status: RunStatus::Running,
        progress: (number % 99) as f64,
        message: "Writing the core modules of the project".to_owned(),
        eta: None,
    });
    Batch::of([Change::Append { room, events: vec![NewEvent { run_id: Some(RunId::generate()), body }] }])
}
