//! Replays a seed against a shadow model: clients that drop, stall and resume over WebSocket and server-sent events in
//! turn while events flow and the server restarts. At the end every client has the server's state.
//!
//! `CALLBOARD_SIM_SEEDS=100 cargo test --test it simulation` runs more seeds than the usual few.

use std::sync::Arc;
use std::time::Duration;

use callboard::domain::event::EventBody;
use callboard::domain::fold::RoomState;
use callboard::domain::ids::RunId;
use callboard::domain::time::Timestamp;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::helpers::{SOON, TestApp, spawn_app_in, wait_for};

/// A small generator of our own, so that a seed means the same for ever (SplitMix64, Steele and others 2014).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// A client that applies what it gets and notices every hole and double.
struct Client {
    state: RoomState,
    seq: u64,
    position: Option<String>,
    stream: Option<BoxStream<'static, Value>>,
}

impl Client {
    fn new() -> Client {
        Client { state: RoomState::default(), seq: 0, position: None, stream: None }
    }

    async fn connect(&mut self, app: &TestApp, project: &str, over_sse: bool) {
        self.stream = Some(match over_sse {
            true => events(app, project, self.position.as_deref()).await,
            false => messages(app, project, self.position.as_deref()).await,
        });
    }

    fn drop_connection(&mut self) {
        self.stream = None;
    }

    /// Takes what comes until nothing came for a moment, or until it stands at `goal`.
    async fn read(&mut self, patience: Duration, goal: Option<u64>) {
        while goal.is_none_or(|goal| self.seq < goal) {
            let Some(stream) = &mut self.stream else { return };
            match tokio::time::timeout(patience, stream.next()).await {
                Ok(Some(message)) => self.take(&message),
                Ok(None) => self.stream = None,
                Err(_) => return,
            }
        }
    }

    fn take(&mut self, message: &Value) {
        match message["type"].as_str().unwrap_or_default() {
            "connection" | "state" => {
                if message["resumed"] == true {
                    assert_eq!(message["seq"], self.seq, "it goes on where the client was");
                    assert!(message["gap"].is_null());
                } else {
                    assert!(message["gap"].is_null(), "this log was never cut: {message}");
                    self.state = serde_json::from_value(message["state"].clone()).unwrap();
                    self.seq = message["seq"].as_u64().unwrap();
                }
            }
            "presence" | "pong" | "shutdown" | "error" => return,
            _ => {
                let seq = message["seq"].as_u64().unwrap();
                assert_eq!(seq, self.seq + 1, "neither hole nor double");
                self.seq = seq;
                let body: EventBody = serde_json::from_value(message.clone()).unwrap();
                let run: Option<RunId> = message["run_id"].as_str().map(|id| id.parse().unwrap());
                let at: Timestamp = message["timestamp"].as_str().unwrap().parse().unwrap();
                self.state.apply(run, at, &body);
            }
        }
        self.position = message["position"].as_str().map(str::to_owned).or(self.position.take());
    }
}

async fn messages(app: &TestApp, project: &str, since: Option<&str>) -> BoxStream<'static, Value> {
    let socket = app.raw_socket(project, since).await;
    socket
        .stream
        .filter_map(async |message| match message {
            Ok(Message::Text(text)) => Some(serde_json::from_str(&text).unwrap()),
            _ => None,
        })
        .boxed()
}

async fn events(app: &TestApp, project: &str, since: Option<&str>) -> BoxStream<'static, Value> {
    let mut request = app
        .http
        .get(app.url(&format!("/api/projects/{project}/events")))
        .header("accept", "text/event-stream");
    if let Some(position) = since {
        request = request.header("last-event-id", position);
    }
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    let bytes = response.bytes_stream();
    let parse = |(mut bytes, mut text): (_, String)| async move {
        loop {
            if let Some(end) = text.find("\n\n") {
                let block: String = text.drain(..end + 2).collect();
                let data = block.lines().find_map(|line| line.strip_prefix("data: "));
                if let Some(data) = data {
                    return Some((serde_json::from_str(data).unwrap(), (bytes, text)));
                }
                continue;
            }
            let chunk: Option<Result<bytes::Bytes, reqwest::Error>> = StreamExt::next(&mut bytes).await;
            text.push_str(
                std::str::from_utf8(&chunk?.ok()?).expect("events are not cut inside a character here"),
            );
        }
    };
    futures_util::stream::unfold((bytes.boxed(), String::new()), parse).boxed()
}

/// Publishes something; answers how many log lines were among it.
async fn publish(app: &TestApp, project: &str, chance: &mut Chance) -> u64 {
    let count = 1 + chance.below(40);
    let events: Vec<Value> = (0..count)
        .map(|_| match chance.below(4) {
            0 => json!({ "type": "event", "name": "n", "data": { "x": "y".repeat(chance.below(3000) as usize) } }),
            1 => json!({ "type": "log", "level": "info", "agent": null,
                         "lines": [{ "n": 1, "at": "2026-01-01T00:00:00.000Z", "text": "line" }] }),
            2 => json!({ "type": "artifact", "path": format!("f{}.txt", chance.below(150)), "media_type": "text/plain",
                         "size": 1, "sha256": "0".repeat(64), "url": "/f", "agent": null }),
            _ => json!({ "type": "agent_update", "agent": "a", "title": "A", "index": 1 + chance.below(5), "total": 5,
                         "status": "progress", "message": "m", "progress": chance.below(100), "duration_ms": null }),
        })
        .collect();
    let (status, answer) = app.post(&format!("/api/projects/{project}/events"), json!(events)).await;
    assert_eq!(status, 202, "{answer}");
    events.iter().filter(|event| event["type"] == "log").count() as u64
}

async fn simulate(seed: u64) {
    let mut chance = Chance(seed);
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let mut app = spawn_app_in(dir.clone(), Box::new(|_| {})).await;
    let project = app.project("A list of notes with title and text.").await;
    let mut clients: Vec<Client> = (0..6).map(|_| Client::new()).collect();
    let mut lines = 0;
    for _ in 0..60 {
        let which = usize::try_from(chance.below(clients.len() as u64)).unwrap();
        match chance.below(12) {
            0..=4 => {
                lines += publish(&app, &project, &mut chance).await;
            }
            5 | 6 => {
                let over_sse = chance.below(2) == 0;
                clients[which].connect(&app, &project, over_sse).await;
            }
            7 | 8 => clients[which].drop_connection(),
            9 | 10 => clients[which].read(Duration::from_millis(chance.below(20)), None).await,
            _ if chance.below(6) == 0 => {
                // Everyone loses the connection; the log does not lose anything.
                let stopped = app.stop();
                for client in &mut clients {
                    client.drop_connection();
                }
                app = spawn_app_in(stopped.await, Box::new(|_| {})).await;
            }
            _ => {}
        }
    }
    // Lines may wait for the pace of the room; once the last is said nothing more comes.
    let shown = wait_for("all lines to be said", async || {
        let (_, shown) = app.get(&format!("/api/projects/{project}")).await;
        (shown["state"]["log"]["total"] == lines).then_some(shown)
    })
    .await;
    let expected: RoomState = serde_json::from_value(shown["state"].clone()).unwrap();
    let head: u64 = shown["position"].as_str().unwrap().split('-').nth(1).unwrap().parse().unwrap();
    for (number, client) in clients.iter_mut().enumerate() {
        if client.stream.is_none() {
            client.connect(&app, &project, number % 2 == 0).await;
        }
        client.read(SOON, Some(head)).await;
        assert_eq!(client.seq, head, "seed {seed}: client {number} has everything");
        assert_eq!(client.state, expected, "seed {seed}: client {number} has the server's state");
    }
}

#[tokio::test]
async fn every_client_ends_with_the_state_of_the_server() {
    let seeds = std::env::var("CALLBOARD_SIM_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(6);
    for seed in 0..seeds {
        simulate(seed).await;
    }
}
