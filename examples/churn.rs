//! Whether the server's memory stays flat while clients come and go: connect, join, leave, small runs and removed
//! projects, at a low rate, for some minutes. Prints the server's memory over time and its slope over the second half.
//!
//! `cargo build --release && cargo run --release --example churn [MINUTES] [CONNECTIONS_PER_SECOND]`

#[allow(dead_code, reason = "each measuring program uses its part")]
mod support;

use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::{Value, json};
use support::{Frames, Server, say};

const SAY_EVERY: Duration = Duration::from_secs(15);
/// Sockets that are open at the same time.
const OPEN: usize = 50;
/// Connections between two runs.
const RUN_EVERY: u64 = 100;

/// One project's life: a run, and all that belongs to it goes.
async fn one_run(http: &reqwest::Client, base: &str, project: String) -> anyhow::Result<()> {
    let path = format!("{base}/api/projects/{project}");
    let run: Value = http.post(format!("{path}/generate")).json(&json!({})).send().await?.json().await?;
    let run = run["run_id"].as_str().context("a run was accepted")?.to_owned();
    loop {
        let shown: Value = http.get(format!("{base}/api/runs/{run}")).send().await?.json().await?;
        if shown["ended_at"].is_string() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    http.delete(path).send().await?.error_for_status()?;
    Ok(())
}

/// Kilobytes a minute, by least squares.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0 / count, y + point.1 / count));
    let above: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    above / points.iter().map(|point| (point.0 - x).powi(2)).sum::<f64>()
}

async fn churn() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    let mut word = |otherwise: f64| words.next().map_or(Ok(otherwise), |word| word.parse());
    let (minutes, per_second) = (word(10.0)?, word(20.0)?);
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path())?;
    let http = reqwest::Client::new();
    let base = server.url("");
    let lasting = server.project(&http, "A list of notes with title and text.").await?;
    let events = server.url(&format!("/api/projects/{lasting}/events"));
    let (began, end) = (Instant::now(), Duration::from_secs_f64(minutes * 60.0));
    let (mut open, mut points, mut connections, mut runs) = (Vec::new(), Vec::new(), 0u64, 0u64);
    let mut said = Instant::now();
    let mut due = tokio::time::interval(Duration::from_secs_f64(1.0 / per_second));
    while began.elapsed() < end {
        due.tick().await;
        connections += 1;
        let mut frames = Frames::open(&server.address, &lasting).await?;
        frames.next().await?.context("it is let in")?;
        open.push(frames);
        if open.len() > OPEN {
            // The oldest leaves without a word.
            open.remove(0);
        }
        if connections.is_multiple_of(10) {
            let event = json!({ "type": "event", "name": "n", "data": connections });
            http.post(&events).json(&event).send().await?.error_for_status()?;
        }
        if connections.is_multiple_of(RUN_EVERY) {
            runs += 1;
            let project = server.project(&http, "A list of books with title and rating 1 to 5.").await?;
            one_run(&http, &base, project).await?;
        }
        if said.elapsed() >= SAY_EVERY {
            said = Instant::now();
            let memory_kb = server.memory_kb()?;
            let at = began.elapsed().as_secs_f64() / 60.0;
            points.push((at, memory_kb as f64));
            say(&format!(
                "{at:5.1} min  {:7.1} MB  {connections} connections  {runs} runs",
                memory_kb as f64 / 1024.0
            ));
        }
    }
    let half = &points[points.len() / 2..];
    if half.len() >= 2 {
        say(&format!("slope over the second half: {:+.0} kB a minute", slope(half)));
    }
    Ok(())
}

fn main() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(churn())
}
