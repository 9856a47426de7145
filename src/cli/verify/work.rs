//! What goes on in the rooms meanwhile: runs, events of an application, and a server that is killed.

use std::rc::Rc;
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::cli::client::Target;
use crate::cli::client::http::{Answer, Http};
use crate::cli::client::server::{ServerChild, ServerPlan};
use crate::cli::verify::client::{Board, Phase, count};
use crate::cli::verify::plan::Chance;
use crate::cli::verify::truth::EVENT_NAME;
use crate::domain::ids::{ProjectId, RunId};
use crate::domain::run::RunStatus;

/// What the runs make.
pub(super) const BRIEF: &str = "A reading list: books with title, author, status (to read, reading, done) and rating 1 \
                                to 5; search by title, filter by status, sort by rating; count per status";
/// How long one answer may take.
const ANSWERS_WITHIN: Duration = Duration::from_secs(20);
/// How long one thing is tried again while the server is killed and comes back.
const TRIES_FOR: Duration = Duration::from_secs(120);
/// Most events that are published at once.
const BATCH_MAX: u64 = 5;
/// Most bytes of padding in an event.
const PADDING_BYTES_MAX: u64 = 600;
/// How long a killed server stays away at most.
const AWAY_MS_MAX: u64 = 600;
/// How often it is asked whether a run has ended.
const ASKS_EVERY: Duration = Duration::from_millis(250);

/// Asks until there is an answer that is one: everything here may be repeated.
///
/// # Errors
/// When the server refuses, or does not answer for too long.
pub(super) async fn insist(
    http: &mut Http,
    method: &str,
    path: &str,
    headers: &str,
    body: Option<&str>,
) -> anyhow::Result<Answer> {
    let until = Instant::now() + TRIES_FOR;
    loop {
        let answer = timeout(ANSWERS_WITHIN, http.request(method, path, headers, body)).await;
        let why = match answer {
            Ok(Ok(answer)) if answer.status < 500 && answer.status != 429 => return Ok(answer),
            Ok(Ok(answer)) => format!("it answered {}", answer.status),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it did not answer".to_owned(),
        };
        anyhow::ensure!(Instant::now() < until, "{method} {path} failed for too long: {why}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// Makes a project.
///
/// # Errors
/// When the server refuses.
pub(super) async fn make_project(http: &mut Http, name: &str) -> anyhow::Result<ProjectId> {
    let body = json!({ "name": name, "brief": BRIEF }).to_string();
    let answer = http.post("/api/projects", &body).await?.expect(201)?.json()?;
    answer["id"].as_str().and_then(|id| id.parse().ok()).context("the server made a project without an id")
}

/// Publishes events into a room until it is calm; answers how many the server has taken.
///
/// An event whose answer was lost is sent again with the same number of its producer, so that the server can tell.
pub(super) async fn publish(
    target: Target,
    room: ProjectId,
    mut chance: Chance,
    per_second: u64,
    board: Rc<Board>,
    phase: watch::Receiver<Phase>,
) -> anyhow::Result<u64> {
    let mut http = Http::new(target);
    let path = format!("/api/projects/{room}/events");
    let mut taken = 0;
    if per_second == 0 {
        return Ok(0);
    }
    while *phase.borrow() == Phase::Storm {
        let count = 1 + chance.below(BATCH_MAX);
        let events: Vec<Value> = (taken + 1..=taken + count)
            .map(|n| {
                let padding = "x".repeat(chance.below(PADDING_BYTES_MAX) as usize);
                let data = json!({ "n": n, "padding": padding });
                json!({ "type": "event", "name": EVENT_NAME, "data": data, "producer": "verify", "epoch": 1, "seq": n })
            })
            .collect();
        let body = Value::Array(events).to_string();
        insist(&mut http, "POST", &path, "Content-Type: application/json\r\n", Some(&body))
            .await?
            .expect(202)?;
        taken += count;
        board.published.set(board.published.get() + count);
        sleep(chance.around(Duration::from_secs_f64(count as f64 / per_second as f64))).await;
    }
    Ok(taken)
}

/// Starts a run at its moment and waits until it has ended; answers how.
pub(super) async fn run(
    target: Target,
    room: ProjectId,
    seed: u64,
    at: Instant,
    board: Rc<Board>,
) -> anyhow::Result<RunStatus> {
    sleep_until(at).await;
    let mut http = Http::new(target);
    let body = json!({ "on_conflict": "enqueue", "params": { "seed": seed } }).to_string();
    let path = format!("/api/projects/{room}/generate");
    let headers = format!("Content-Type: application/json\r\nIdempotency-Key: verify-{seed}\r\n");
    let answer = insist(&mut http, "POST", &path, &headers, Some(&body)).await?.expect(202)?.json()?;
    let id: RunId = answer["run_id"].as_str().unwrap_or_default().parse().context("a run without an id")?;
    loop {
        sleep(ASKS_EVERY).await;
        let run =
            insist(&mut http, "GET", &format!("/api/runs/{id}"), "", None).await?.expect(200)?.json()?;
        let status = run["status"].as_str().and_then(RunStatus::parse).context("a run without a status")?;
        if status.is_terminal() {
            count(&board.runs_ended);
            return Ok(status);
        }
    }
}

/// Kills the server at each of these moments and starts it again; answers the last one.
pub(super) async fn kill(
    mut server: ServerChild,
    plan: ServerPlan,
    mut chance: Chance,
    moments: Vec<Instant>,
    board: Rc<Board>,
) -> anyhow::Result<ServerChild> {
    for moment in moments {
        sleep_until(moment).await;
        server.kill()?;
        count(&board.kills);
        sleep(Duration::from_millis(chance.below(AWAY_MS_MAX))).await;
        server = plan.start().await.context("after a kill")?;
    }
    Ok(server)
}
