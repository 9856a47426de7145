//! What retention costs those who append, and how soon a server with many projects is back.
//!
//! `cargo bench --bench retention [-- DIRECTORY]` on an idle machine; the directory decides which disk is measured.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use callboard::artifacts::Artifacts;
use callboard::clock::SystemClock;
use callboard::config::Config;
use callboard::domain::event::{EventBody, NewEvent, StatusUpdate};
use callboard::domain::ids::{ProjectId, RunId};
use callboard::domain::run::{AgentManifest, AgentStatus, ManifestFile, Project, Run, RunAgent, RunStatus};
use callboard::domain::time::Timestamp;
use callboard::engine::embedded::{Durability, EmbeddedEngine, EmbeddedOptions};
use callboard::engine::{Batch, Change, Engine, EngineError, SavedState};
use callboard::keeper::{Keeper, KeeperDeps};
use futures_util::StreamExt;
use tokio_tungstenite::tungstenite::Message;

const CUT_EVENTS: usize = 1_000_000;
const MEASURED: Duration = Duration::from_secs(8);
const PROJECTS: usize = 10_000;
/// Every hundredth project has so many events, the very first ten times fifty of it, the others 20.
const LONG_LOG: usize = 2_000;
const NOW: Timestamp = Timestamp(1_700_000_000_000);

fn main() -> anyhow::Result<()> {
    // `cargo bench` adds `--bench`.
    let directory = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let directory = directory.map_or_else(|| PathBuf::from("."), PathBuf::from).join("retention-bench");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let measured = runtime.block_on(async {
        for (name, durability) in [("disk", Durability::Disk), ("process", Durability::Process)] {
            cut(&directory.join(name), name, durability).await?;
        }
        restart(&directory.join("restart")).await
    });
    std::fs::remove_dir_all(&directory)?;
    measured
}

#[expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
fn say(line: &str) {
    println!("{line}");
    // A pipe that is gone ends the program soon enough.
    let _ = std::io::stdout().flush();
}

/// How long appends take while a log of a million events is cut, and while nothing is.
async fn cut(directory: &Path, name: &str, durability: Durability) -> anyhow::Result<()> {
    let engine: Arc<dyn Engine> =
        Arc::new(EmbeddedEngine::open(directory, EmbeddedOptions { durability }, Arc::new(SystemClock))?);
    let mut rooms = Vec::new();
    for _ in 0..17 {
        rooms.push(create_room(&*engine).await?);
    }
    let (large, rooms) = (rooms[0], &rooms[1..]);
    for publishers in [1, 16] {
        fill(&*engine, large, CUT_EVENTS).await?;
        let over = Arc::new(AtomicBool::new(false));
        let measuring = appends(&engine, rooms, publishers, over.clone());
        let (quiet, ()) = tokio::try_join!(measuring, async {
            tokio::time::sleep(MEASURED).await;
            over.store(true, Ordering::Relaxed);
            Ok(())
        })?;
        report(&format!("{name}, {publishers} publishers, nothing is cut"), quiet);

        let mut retention = Config::default().retention;
        retention.room_events_max = 1;
        retention.spare_bytes_max = 0;
        let artifacts = Artifacts::open(&directory.join("artifacts"))?;
        let clock = Arc::new(SystemClock);
        let deps = KeeperDeps { engine: engine.clone(), artifacts, clock, rules: (&retention).into() };
        let keeper = Keeper::start(deps)?;
        let over = Arc::new(AtomicBool::new(false));
        let measuring = appends(&engine, rooms, publishers, over.clone());
        let since = Instant::now();
        let (busy, took) = tokio::try_join!(measuring, async {
            keeper.pass().await;
            over.store(true, Ordering::Relaxed);
            Ok(since.elapsed())
        })?;
        report(&format!("{name}, {publishers} publishers, a log is cut"), busy);
        let totals = keeper.totals();
        say(&format!(
            "{name}: the keeper removed {} events and gave {} MB back in {took:.1?}",
            totals.events,
            totals.given_back_bytes >> 20
        ));
    }
    // What the small steps avoid: the same in one.
    fill(&*engine, large, CUT_EVENTS).await?;
    let last = engine.log_bounds(large).await?.context("the room is there")?.last;
    let state = SavedState { seq: last, state_json: "{}".into() };
    let since = Instant::now();
    let all = [Change::SaveState { room: large, state }, Change::CutLog { room: large, through: last }];
    engine.commit(Batch::of(all)).await?;
    say(&format!(
        "{name}: in one transaction a million events would keep appends waiting {:.1?}",
        since.elapsed()
    ));
    engine.close().await?;
    Ok(())
}

/// Appends one event after the other from each publisher; answers how long each took.
async fn appends(
    engine: &Arc<dyn Engine>,
    rooms: &[ProjectId],
    publishers: usize,
    over: Arc<AtomicBool>,
) -> anyhow::Result<Vec<Duration>> {
    let mut tasks = tokio::task::JoinSet::new();
    for publisher in 0..publishers {
        let (engine, room, over) = (engine.clone(), rooms[publisher % rooms.len()], over.clone());
        tasks.spawn(async move {
            let mut took = Vec::new();
            while !over.load(Ordering::Relaxed) {
                let since = Instant::now();
                engine.commit(Batch::of([append(room, took.len(), 1)])).await?;
                took.push(since.elapsed());
            }
            Ok::<_, EngineError>(took)
        });
    }
    let mut all = Vec::new();
    while let Some(took) = tasks.join_next().await {
        all.extend(took??);
    }
    Ok(all)
}

fn report(what: &str, mut took: Vec<Duration>) {
    took.sort();
    let at = |share: f64| took[((took.len() - 1) as f64 * share).round() as usize].as_secs_f64() * 1000.0;
    say(&format!(
        "{what:<46} {:>8} appends  p50 {:7.3} ms  p99 {:7.3} ms  p99.9 {:7.3} ms  max {:7.3} ms",
        took.len(),
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    ));
}

async fn fill(engine: &dyn Engine, room: ProjectId, events: usize) -> anyhow::Result<()> {
    for start in (0..events).step_by(1000) {
        engine.commit(Batch::of([append(room, start, 1000.min(events - start))])).await?;
    }
    Ok(())
}

/// How soon a server is ready, and a room can be joined, with ten thousand projects on record.
async fn restart(directory: &Path) -> anyhow::Result<()> {
    let since = Instant::now();
    let options = EmbeddedOptions { durability: Durability::Process };
    let engine = EmbeddedEngine::open(directory, options, Arc::new(SystemClock))?;
    let mut ids = Vec::with_capacity(PROJECTS);
    let mut events = 0;
    for number in 0..PROJECTS {
        let room = create_room(&engine).await?;
        let count = match number {
            0 => 50 * LONG_LOG,
            number if number.is_multiple_of(100) => LONG_LOG,
            _ => 20,
        };
        fill(&engine, room, count).await?;
        events += count;
        engine.commit(Batch::of([Change::InsertRun { run: ended_run(room), beside_active: false }])).await?;
        ids.push(room);
    }
    let size = engine.stats().await?.size_bytes;
    engine.close().await?;
    say(&format!(
        "made {PROJECTS} projects with {events} events, {} MB, in {:.1?}",
        size >> 20,
        since.elapsed()
    ));

    // Nobody has folded these logs yet.
    let server = Server::start(directory).await?;
    say(&format!("ready after {:.0?}", server.ready_after));
    for (what, room) in [("20", ids[1]), ("2000", ids[100]), ("100000", ids[0])] {
        say(&format!(
            "first join of a room with {what} events, never folded: {:.1?}",
            server.join(room).await?
        ));
    }
    // The keeper folds what nobody has watched; the other long rooms show that it has.
    let folded = Instant::now();
    while server.join(ids[200]).await? > Duration::from_secs(1) || folded.elapsed() < Duration::from_secs(25)
    {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    drop(server);

    let server = Server::start(directory).await?;
    say(&format!("ready after a kill: {:.0?}", server.ready_after));
    for (what, room) in [("20", ids[2]), ("2000", ids[300]), ("100000", ids[0])] {
        say(&format!("first join of a room with {what} events: {:.1?}", server.join(room).await?));
    }
    let since = Instant::now();
    let joins = ids.iter().skip(1000).take(500).map(|room| server.join(*room));
    let joined = futures_util::future::try_join_all(joins).await?;
    let slowest = joined.iter().max().copied().unwrap_or_default();
    say(&format!(
        "500 clients of 500 rooms at once: all in after {:.0?}, the slowest {slowest:.0?}",
        since.elapsed()
    ));
    Ok(())
}

struct Server {
    child: Child,
    address: String,
    ready_after: Duration,
}

impl Server {
    async fn start(directory: &Path) -> anyhow::Result<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let address = format!("127.0.0.1:{port}");
        let since = Instant::now();
        let child = Command::new(env!("CARGO_BIN_EXE_callboard"))
            .args(["serve", "--listen", &address, "--data-dir"])
            .arg(directory)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut server = Self { child, address, ready_after: Duration::ZERO };
        let url = format!("http://{}/readyz", server.address);
        let http = reqwest::Client::new();
        while !http.get(&url).send().await.is_ok_and(|answer| answer.status() == 200) {
            if since.elapsed() > Duration::from_secs(60) {
                bail!("the server does not become ready");
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        server.ready_after = since.elapsed();
        Ok(server)
    }

    /// Joins a room; answers how long it took until the state was there.
    async fn join(&self, room: ProjectId) -> anyhow::Result<Duration> {
        let since = Instant::now();
        let url = format!("ws://{}/api/ws/projects/{room}", self.address);
        let (mut socket, _) = tokio_tungstenite::connect_async(url).await?;
        while let Some(message) = socket.next().await {
            if let Message::Text(text) = message?
                && text.contains("\"type\":\"connection\"")
            {
                return Ok(since.elapsed());
            }
        }
        bail!("the socket ended before the state came")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn create_room(engine: &dyn Engine) -> anyhow::Result<ProjectId> {
    let project = Project {
        id: ProjectId::generate(),
        name: "Measured".to_owned(),
        brief: "A list of notes with title and text. ".repeat(10),
        pipeline: "app".to_owned(),
        params: serde_json::Map::new(),
        created_at: NOW,
        updated_at: NOW,
    };
    let id = project.id;
    engine.commit(Batch::of([Change::CreateProject(project)])).await?;
    Ok(id)
}

fn append(room: ProjectId, number: usize, count: usize) -> Change {
    let event = |number: usize| NewEvent {
        run_id: None,
        body: EventBody::StatusUpdate(StatusUpdate {
            status: RunStatus::Running,
            progress: (number % 99) as f64,
            message: "Writing the core modules of the project".to_owned(),
            eta: None,
        }),
    };
    Change::Append { room, events: (number..number + count).map(event).collect() }
}

/// A run as the `app` pipeline leaves it: twelve agents with three files each.
fn ended_run(project_id: ProjectId) -> Run {
    let file = |number: usize| ManifestFile {
        path: format!("src/core/file-{number}.js"),
        sha256: format!("{number:064x}"),
        size: 1000,
    };
    let agents = (0..12).map(|place| RunAgent {
        status: Some(AgentStatus::Completed),
        summary: Some("3 files".to_owned()),
        started_at: Some(NOW),
        duration_ms: Some(100),
        output: Some(AgentManifest {
            key: format!("{place:064x}"),
            files: (0..3).map(|number| file(3 * place + number)).collect(),
        }),
        ..RunAgent::new(format!("agent-{place}"), format!("Agent {place}"))
    });
    Run {
        brief: "A list of notes with title and text. ".repeat(10),
        status: RunStatus::Completed,
        version: 1,
        progress: 100.0,
        message: "Completed".to_owned(),
        agents: agents.collect(),
        started_at: Some(NOW),
        ended_at: Some(NOW),
        ..Run::new(RunId::generate(), project_id, "app".to_owned(), NOW)
    }
}
