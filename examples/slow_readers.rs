//! What readers that stall cost those that do not: 100 readers of one room, first all of them read, then ten stall, in
//! turns. Prints the p99 from the publisher's call to each reader, how the server's memory grew, and what the stalled ones
//! got when they read again.
//!
//! `cargo build --release && cargo run --release --example slow_readers [EVENTS] [PER_SECOND] [TURNS]`

mod support;

use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::json;
use support::{Frames, Server, number, say, string};
use tokio::task::JoinHandle;

const READERS: usize = 100;
const STALLED: usize = 10;
/// Events of one request.
const BATCH: u64 = 20;
/// Bytes of one event as it is stored, about.
const EVENT_BYTES: usize = 256;

/// What one phase came to.
struct Measured {
    p50_us: u64,
    p99_us: u64,
    grown_kb: u64,
}

/// Reads up to event `events`; answers how long each took, in microseconds. With `comes_back`, who was let go, as a client
/// that was silent for a minute is, comes back with its position.
fn read(
    mut frames: Frames,
    events: u64,
    began: Instant,
    comes_back: Option<(String, String)>,
) -> JoinHandle<anyhow::Result<Vec<u32>>> {
    tokio::spawn(async move {
        let mut took = Vec::new();
        let mut seq = 0;
        let mut position = String::new();
        while seq < events {
            let heard = frames.next().await.map(|text| text.map(<[u8]>::to_vec));
            let text = match (heard, &comes_back) {
                (Ok(Some(text)), _) => text,
                (Err(error), None) => return Err(error),
                (Ok(None), None) => anyhow::bail!("the server must not end the connection"),
                (_, Some((address, project))) => {
                    ensure!(!position.is_empty(), "it was let go before it was let in");
                    frames = Frames::open(address, &format!("{project}?since={position}")).await?;
                    continue;
                }
            };
            if let Some(at) = string(&text, b"\"position\":\"") {
                position = at;
            }
            ensure!(!text.windows(13).any(|part| part == b"\"gap\":{\"from_"), "there is no gap in this log");
            let Some(sent_us) = number(&text, b"\"sent_us\":") else { continue };
            let now = began.elapsed().as_micros() as u64;
            seq += 1;
            ensure!(number(&text, b"\"seq\":") == Some(seq), "event {seq} is missing or doubled");
            took.push(u32::try_from(now.saturating_sub(sent_us)).unwrap_or(u32::MAX));
        }
        Ok(took)
    })
}

async fn phase(stalled: usize, events: u64, per_second: u64) -> anyhow::Result<Measured> {
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path())?;
    let http = reqwest::Client::new();
    let project = server.project(&http, "A list of notes with title and text.").await?;
    let began = Instant::now();
    let (mut readers, mut asleep) = (Vec::new(), Vec::new());
    for number in 0..READERS {
        let frames = Frames::open(&server.address, &project).await?;
        match number < stalled {
            true => asleep.push(frames),
            false => readers.push(read(frames, events, began, None)),
        }
    }
    let url = server.url(&format!("/api/projects/{project}/events"));
    // What starting costs belongs to neither phase.
    http.get(server.url("/healthz")).send().await?;
    let before_kb = server.memory_kb()?;
    let mut most_kb = before_kb;
    let text = "x".repeat(EVENT_BYTES - 150);
    let every = Duration::from_secs_f64(BATCH as f64 / per_second as f64);
    let mut due = tokio::time::Instant::now();
    for batch in 0..events / BATCH {
        tokio::time::sleep_until(due).await;
        due += every;
        // From when it is called, whatever waits before it.
        let sent_us = began.elapsed().as_micros() as u64;
        let event = json!({ "type": "event", "name": "n", "data": { "sent_us": sent_us, "text": text } });
        let events = vec![event; BATCH as usize];
        http.post(&url).json(&events).send().await?.error_for_status()?;
        if batch % 50 == 0 {
            most_kb = most_kb.max(server.memory_kb()?);
        }
    }
    let mut took = Vec::new();
    for reader in readers {
        took.extend(tokio::time::timeout(Duration::from_secs(120), reader).await???);
    }
    most_kb = most_kb.max(server.memory_kb()?);
    took.sort_unstable();
    let home = || Some((server.address.clone(), project.clone()));
    let woken: Vec<_> = asleep.into_iter().map(|frames| read(frames, events, began, home())).collect();
    for reader in woken {
        tokio::time::timeout(Duration::from_secs(120), reader).await???;
    }
    if stalled > 0 {
        say(&format!("  the {stalled} that stalled read on and got all {events} events, in order"));
    }
    let at = |share: f64| u64::from(took[((took.len() - 1) as f64 * share) as usize]);
    Ok(Measured { p50_us: at(0.5), p99_us: at(0.99), grown_kb: most_kb - before_kb })
}

async fn measure() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    let mut word = |otherwise: u64| words.next().map_or(Ok(otherwise), |word| word.parse());
    let (events, per_second, turns) = (word(100_000)? / BATCH * BATCH, word(4_000)?, word(3)?);
    say(&format!("{READERS} readers, {events} events of about {EVENT_BYTES} bytes, {per_second} a second"));
    let mut ratios = Vec::new();
    for turn in 1..=turns {
        let mut p99 = Vec::new();
        for stalled in [0, STALLED] {
            let measured = phase(stalled, events, per_second).await?;
            say(&format!(
                "turn {turn}, {stalled:2} stalled: p50 {:6.2} ms, p99 {:6.2} ms, memory grew {:.1} MB",
                measured.p50_us as f64 / 1e3,
                measured.p99_us as f64 / 1e3,
                measured.grown_kb as f64 / 1024.0
            ));
            p99.push(measured.p99_us as f64);
        }
        ratios.push(p99[1] / p99[0]);
    }
    ratios.sort_by(f64::total_cmp);
    say(&format!(
        "p99 with stalled readers to p99 without: {:.2} (median of {turns})",
        ratios[ratios.len() / 2]
    ));
    Ok(())
}

fn main() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(measure())
}
