//! An agent that prints a million lines, watched by nobody and by fifty viewers in turn:
//! `cargo bench --bench flood [-- LINES VIEWERS ROUNDS]`.
//!
//! The server is a process of its own, the viewers are sockets in this one. Says how long the agent took, what the server
//! cost, what a viewer got, and whether every line can be downloaded.

#![allow(clippy::print_stdout, clippy::unwrap_used, unreachable_pub, missing_docs, reason = "a bench")]

#[allow(dead_code, reason = "shared by several benches")]
mod support;

use std::time::{Duration, Instant};

use anyhow::Context;
use callboard::domain::event::LogLevel;
use callboard::pipelines::policy::AgentPolicy;
use callboard::pipelines::setup::AgentSetup;
use callboard::pipelines::{Agent, AgentError, AgentHost, AgentInputs, AgentOutput, Pipeline};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use self::support::{Server, median};

static AGENTS: [Agent; 1] = [Agent {
    name: "printer",
    title: "Printer",
    weight: 1.0,
    version: 1,
    run: print,
    policy: AgentPolicy::DEFAULT,
    setup: AgentSetup::BUILTIN,
}];

fn pipelines(name: &str) -> Option<Pipeline> {
    (name == "flood").then_some(Pipeline {
        name: "flood",
        agents: &AGENTS,
        parallel: 1,
        check_brief: |_| Ok(()),
    })
}

/// Prints as many lines as the brief says.
fn print(inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    let lines: u64 = inputs.brief.trim().parse().map_err(|_| AgentError::failed("the brief is a number"))?;
    for n in 1..=lines {
        host.log(LogLevel::Info, &format!("line {n}: compiled src/core/store.js without a complaint"));
        if n.is_multiple_of(1_000) {
            host.check()?;
            host.progress(n as f64 * 100.0 / lines as f64, "printing");
        }
    }
    Ok(AgentOutput::default())
}

/// What one viewer got.
#[derive(Clone, Copy, Default)]
struct Viewed {
    frames: usize,
    bytes: usize,
    covered: u64,
}

/// What one round came to.
struct Round {
    took: Duration,
    cpu: Duration,
    viewed: Option<Viewed>,
}

fn main() -> anyhow::Result<()> {
    if support::serve_when_asked(Some(pipelines))? {
        return Ok(());
    }
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let number = |place: usize, usual: u64| numbers.get(place).copied().unwrap_or(usual);
    let (lines, viewers, rounds) = (number(0, 1_000_000), number(1, 50), number(2, 5));
    let directory = tempfile::tempdir_in(".")?;
    support::clients()?.block_on(async {
        let server = Server::start(directory.path())?;
        // Once to warm up: the first run makes files and connections.
        round(&server, lines / 10, 0).await?;
        let (mut alone, mut watched) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            for (viewers, results) in [(0, &mut alone), (viewers, &mut watched)] {
                let round = round(&server, lines, viewers).await?;
                println!(
                    "{viewers:>3} viewers: {:>6.2} s, {:>9.0} lines/s, server CPU {:.2} s{}",
                    round.took.as_secs_f64(),
                    lines as f64 / round.took.as_secs_f64(),
                    round.cpu.as_secs_f64(),
                    round.viewed.map_or(String::new(), |viewed| format!(
                        "; each got {:.1} log frames/s and {:.0} KiB/s",
                        viewed.frames as f64 / round.took.as_secs_f64(),
                        viewed.bytes as f64 / 1024.0 / round.took.as_secs_f64(),
                    )),
                );
                results.push(round);
            }
        }
        let took = |rounds: &[Round]| median(&mut rounds.iter().map(|round| round.took).collect::<Vec<_>>());
        let cpu = |rounds: &[Round]| median(&mut rounds.iter().map(|round| round.cpu).collect::<Vec<_>>());
        println!(
            "median of {rounds} rounds: {:.3} times as long with {viewers} viewers as without, {:.3} times the server CPU; \
             memory at most {} MiB",
            took(&watched).as_secs_f64() / took(&alone).as_secs_f64(),
            cpu(&watched).as_secs_f64() / cpu(&alone).as_secs_f64(),
            server.memory_peak_mib()?,
        );
        anyhow::Ok(())
    })
}

/// One run of so many lines with so many viewers.
async fn round(server: &Server, lines: u64, viewers: u64) -> anyhow::Result<Round> {
    let project = json!({ "name": "Flood", "brief": lines.to_string(), "pipeline": "flood" });
    let project = server.post("/api/projects", &project).await?;
    let project = project["id"].as_str().context("an id")?.to_owned();
    let mut watching = tokio::task::JoinSet::new();
    for _ in 0..viewers {
        let (mut stream, _) = tokio_tungstenite::connect_async(server.socket_url(&project)).await?;
        let connection = stream.next().await.context("a connection message")??;
        anyhow::ensure!(connection.to_text()?.contains("connected"), "it is let in");
        watching.spawn(view(stream));
    }
    let cpu = server.cpu()?;
    let accepted = server.post(&format!("/api/projects/{project}/generate"), &json!({})).await?;
    let run = accepted["run_id"].as_str().context("a run")?.to_owned();
    let deadline = Instant::now() + Duration::from_secs(300);
    let ended = loop {
        let run: Value = server.get(&format!("/api/runs/{run}")).await?.json().await?;
        if run["status"] == "completed" {
            break run;
        }
        anyhow::ensure!(Instant::now() < deadline && run["status"] != "failed", "the run must end: {run}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let cpu = server.cpu()? - cpu;
    let took = Duration::from_millis(ended["agents"][0]["duration_ms"].as_u64().context("a duration")?);
    let mut viewed = None;
    while let Some(one) = watching.join_next().await {
        viewed = Some(one??);
    }

    let mut download = server.get(&format!("/api/runs/{run}/logs.txt")).await?.bytes_stream();
    let (mut downloaded, mut wanted) = (0, String::new());
    while let Some(piece) = download.next().await {
        let piece = piece?;
        downloaded += piece.iter().filter(|byte| **byte == b'\n').count() as u64;
        if wanted.len() < 200 {
            wanted.push_str(&String::from_utf8_lossy(&piece[..piece.len().min(200)]));
        }
    }
    anyhow::ensure!(wanted.contains("line 1: compiled"), "the download begins with the first line");
    // The run itself says a line or two of each agent.
    anyhow::ensure!(
        (lines..lines + 4).contains(&downloaded),
        "{downloaded} of {lines} lines were downloaded"
    );
    if let Some(viewed) = viewed {
        anyhow::ensure!(
            viewed.covered == downloaded,
            "{} of {downloaded} lines were mentioned",
            viewed.covered
        );
    }
    Ok(Round { took, cpu, viewed })
}

type Stream = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

/// Takes everything until the run has ended, reading no more of it than it has to: the machine is shared.
async fn view(mut stream: Stream) -> anyhow::Result<Viewed> {
    let mut viewed = Viewed::default();
    while let Some(message) = stream.next().await {
        let Message::Text(text) = message? else { continue };
        if text.starts_with(r#"{"type":"log""#) {
            viewed.frames += 1;
            viewed.bytes += text.len();
            let last = text.rfind(r#"{"n":"#).context("a log has lines")?;
            let digits = text[last + 5..].chars().take_while(char::is_ascii_digit).collect::<String>();
            viewed.covered = digits.parse()?;
        } else if text.starts_with(r#"{"type":"completion""#) {
            return Ok(viewed);
        }
    }
    anyhow::bail!("the socket ended before the run")
}
