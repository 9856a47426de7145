//! Joining late and catching up, through a real server: `cargo bench --bench join`.
//!
//! A room with ten thousand events is joined again and again: one message, how large, how soon. A room with a hundred
//! thousand is read from its beginning over one socket: how fast, and how much is under way to a reader that does not read.

#![allow(clippy::print_stdout, clippy::unwrap_used, unreachable_pub, missing_docs, reason = "a bench")]

#[allow(dead_code, reason = "shared by several benches")]
mod support;

use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use self::support::{ADMIN_TOKEN, Server, median};

const LATE_EVENTS: usize = 10_000;
const JOINS: usize = 400;
const CATCH_UP_EVENTS: usize = 100_000;
const CATCH_UPS: usize = 5;

fn main() -> anyhow::Result<()> {
    if support::serve_when_asked(None)? {
        return Ok(());
    }
    let directory = tempfile::tempdir_in(".")?;
    support::clients()?.block_on(async {
        let server = Server::start(directory.path())?;
        join(&server).await?;
        catch_up(&server).await
    })
}

async fn join(server: &Server) -> anyhow::Result<()> {
    let project = project(server).await?;
    // A run as a worker outside tells it: agents, files, log lines of usual length.
    let mut events = Vec::with_capacity(LATE_EVENTS);
    for n in 0..LATE_EVENTS {
        events.push(match n % 10 {
            0 => json!({ "type": "agent_update", "agent": format!("agent-{}", n / 1_000), "index": n / 1_000 + 1,
                         "total": 12, "status": "progress", "message": "Working on it", "progress": 50 }),
            1 => json!({ "type": "artifact", "path": format!("src/core/part-{}.js", n / 10), "size": n,
                         "media_type": "text/javascript", "sha256": "ab".repeat(32),
                         "url": format!("/api/projects/{project}/files/src/core/part-{}.js", n / 10) }),
            2 => json!({ "type": "log", "agent": "core-logic",
                         "lines": [format!("line {n}: compiled src/core/store.js without a complaint")] }),
            _ => json!({ "type": "event", "name": "note", "data": { "n": n, "text": "a note of an application" } }),
        });
    }
    publish(server, &project, &events).await?;

    let (mut took, mut bytes) = (Vec::with_capacity(JOINS), 0);
    let cpu = server.cpu()?;
    for _ in 0..JOINS {
        let mut stream = TcpStream::connect(server.url.trim_start_matches("http://")).await?;
        stream.set_nodelay(true)?;
        let request = format!(
            "GET /api/ws/projects/{project} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        let since = Instant::now();
        stream.write_all(request.as_bytes()).await?;
        let frame = first_frame(&mut stream).await?;
        took.push(since.elapsed());
        bytes = bytes.max(frame.len());
    }
    let cpu = (server.cpu()? - cpu) / JOINS as u32;
    took.sort();
    println!(
        "join of a room of {LATE_EVENTS} events: one message of at most {bytes} bytes; upgrade and message took {:?} (p50), \
         {:?} (p99); server CPU {cpu:?} each",
        took[JOINS / 2],
        took[JOINS * 99 / 100],
    );
    anyhow::ensure!(bytes <= 64 * 1024, "a join is at most 64 KiB");
    Ok(())
}

/// Reads the answer to the upgrade and the first frame, which must be the whole of what comes.
async fn first_frame(stream: &mut TcpStream) -> anyhow::Result<Vec<u8>> {
    let mut read = Vec::with_capacity(80 * 1024);
    loop {
        anyhow::ensure!(stream.read_buf(&mut read).await? > 0, "the connection must stay open");
        let Some(head) = read.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let frame = &read[head + 4..];
        let [_, length, rest @ ..] = frame else { continue };
        let (header, length) = match (length, rest) {
            (126, [high, low, ..]) => (4, usize::from(u16::from_be_bytes([*high, *low]))),
            (127, rest) if rest.len() >= 8 => {
                (10, u64::from_be_bytes(rest[..8].try_into().unwrap()) as usize)
            }
            (126 | 127, _) => continue,
            (length, _) => (2, usize::from(*length)),
        };
        if frame.len() >= header + length {
            let body: Value = serde_json::from_slice(&frame[header..header + length])?;
            anyhow::ensure!(
                body["type"] == "connection" && body["state"].is_object(),
                "the state comes first"
            );
            return Ok(frame[..header + length].to_vec());
        }
    }
}

async fn catch_up(server: &Server) -> anyhow::Result<()> {
    let project = project(server).await?;
    let events: Vec<Value> = (0..CATCH_UP_EVENTS)
        .map(|n| json!({ "type": "event", "name": "note", "data": { "n": n, "text": "x".repeat(100) } }))
        .collect();
    // The position before the first event: where a client stands that has seen nothing.
    let first: Value = server.get(&format!("/api/projects/{project}")).await?.json().await?;
    let position = first["position"].as_str().context("a position")?.to_owned();
    publish(server, &project, &events).await?;
    let url = format!("{}?since={position}", server.socket_url(&project));

    let mut took = Vec::new();
    let mut bytes = 0;
    let cpu = server.cpu()?;
    for _ in 0..CATCH_UPS {
        let since = Instant::now();
        let (mut stream, _) = tokio_tungstenite::connect_async(&url).await?;
        let mut seq = 0;
        bytes = 0;
        while seq < CATCH_UP_EVENTS {
            let Message::Text(text) = stream.next().await.context("the socket must stay open")?? else {
                continue;
            };
            if text.starts_with(r#"{"type":"event""#) {
                seq += 1;
                bytes += text.len();
                // Reading every message as JSON would measure this client; the number of each is looked at.
                let at = text.rfind(r#""seq":"#).context("events have numbers")?;
                let digits: String = text[at + 6..].chars().take_while(char::is_ascii_digit).collect();
                anyhow::ensure!(digits.parse::<usize>()? == seq, "event {seq} must come, not {digits}");
            }
        }
        took.push(since.elapsed());
    }
    let cpu = (server.cpu()? - cpu) / CATCH_UPS as u32;
    let middle = median(&mut took);
    println!(
        "catch-up of {CATCH_UP_EVENTS} events ({} MiB) over one socket: {middle:?}, {:.0} events/s; server CPU {cpu:?}, \
         {:.0} events per second of it",
        bytes / (1024 * 1024),
        CATCH_UP_EVENTS as f64 / middle.as_secs_f64(),
        CATCH_UP_EVENTS as f64 / cpu.as_secs_f64(),
    );

    // A reader that takes nothing: what the server holds for it.
    let (stalled, _) = tokio_tungstenite::connect_async(&url).await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let queued = queued_bytes(server).await?;
    println!("a reader that does not read: {queued} bytes wait for it in the server");
    anyhow::ensure!(queued <= 1024 * 1024, "at most 1 MiB is under way");
    drop(stalled);
    Ok(())
}

async fn queued_bytes(server: &Server) -> anyhow::Result<u64> {
    let stats: Value = reqwest::Client::new()
        .get(format!("{}/api/admin/stats", server.url))
        .bearer_auth(ADMIN_TOKEN)
        .send()
        .await?
        .error_for_status()?
        .json()
        .await?;
    stats["sockets"]["queued_bytes"].as_u64().context("queued bytes")
}

async fn project(server: &Server) -> anyhow::Result<String> {
    let body = json!({ "name": "Joined", "brief": "Books with title" });
    let project = server.post("/api/projects", &body).await?;
    Ok(project["id"].as_str().context("an id")?.to_owned())
}

async fn publish(server: &Server, project: &str, events: &[Value]) -> anyhow::Result<()> {
    for events in events.chunks(1_000) {
        server.post(&format!("/api/projects/{project}/events"), &json!(events)).await?;
    }
    Ok(())
}
