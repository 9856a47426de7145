//! How soon a run starts: from `POST …/generate` to its 202, and to the first `agent_update` at a connected socket.
//!
//! `cargo bench --bench start [-- RUNS]` on an idle machine. The server is the real one, in this process.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use callboard::app::{App, AppOptions};
use callboard::config::load::{Sources, load};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

const BRIEF: &str = "A reading list: books with title, author, status (to read, reading, done) and rating 1 to 5; \
                     search by title, filter by status, sort by rating; count per status";

fn main() -> anyhow::Result<()> {
    let runs = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(50);
    actix_rt::System::new().block_on(measure(runs))
}

async fn measure(runs: usize) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut config = load(&Sources::default()).map_err(|problems| anyhow::anyhow!("{problems}"))?.config;
    config.listen = "127.0.0.1:0".parse()?;
    config.data_dir = dir.path().to_owned();
    let mut options = AppOptions::new(config);
    options.sandbox_program = Some(env!("CARGO_BIN_EXE_callboard").into());
    let app = App::start(options).await?;
    let base = app.address().context("it listens")?;
    let http = reqwest::Client::new();
    let (mut accepted, mut first, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..runs {
        let body = json!({ "name": "bench", "brief": BRIEF });
        let project: Value =
            http.post(format!("http://{base}/api/projects")).json(&body).send().await?.json().await?;
        let id = project["id"].as_str().context("an id")?;
        let (mut socket, _) =
            tokio_tungstenite::connect_async(format!("ws://{base}/api/ws/projects/{id}")).await?;
        next(&mut socket, "connection").await?;
        let began = Instant::now();
        let start = http.post(format!("http://{base}/api/projects/{id}/generate")).json(&json!({})).send();
        let started = async {
            let answer = start.await?;
            let took = began.elapsed();
            if answer.status() != 202 {
                bail!("{}", answer.text().await?);
            }
            Ok(took)
        };
        let watched = async {
            next(&mut socket, "agent_update").await?;
            let took = began.elapsed();
            next(&mut socket, "completion").await?;
            Ok((took, began.elapsed()))
        };
        let (took, (update, end)) = tokio::try_join!(started, watched)?;
        accepted.push(took);
        first.push(update);
        whole.push(end);
    }
    app.stop().await;
    report("POST to 202", accepted);
    report("POST to first agent_update", first);
    report("POST to completion", whole);
    Ok(())
}

type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn next(socket: &mut Socket, kind: &str) -> anyhow::Result<()> {
    let wanted = format!("\"type\":\"{kind}\"");
    while let Some(message) = socket.next().await {
        if let Message::Text(text) = message?
            && text.contains(&wanted)
        {
            return Ok(());
        }
    }
    bail!("the socket ended before {kind}")
}

#[expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
fn report(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize].as_secs_f64() * 1000.0;
    println!("{what:<28} p50 {:8.2} ms   p99 {:8.2} ms   max {:8.2} ms", at(0.5), at(0.99), at(1.0));
}
