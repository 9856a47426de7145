//! Replays a seed against a shadow model: clients that drop, stall and resume over WebSocket and server-sent events in
//! turn while events flow, the log is cut and the server restarts. At the end every client has the server's state.
//!
//! `CALLBOARD_SIM_SEEDS=100 cargo test --test it simulation` runs more seeds than the usual few.

use std::sync::Arc;
use std::time::Duration;

use callboard::domain::fold::RoomState;
use serde_json::{Value, json};

use crate::helpers::chance::Chance;
use crate::helpers::follower::Follower;
use crate::helpers::{Change, SOON, TestApp, spawn_app_in, wait_for};

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

/// Room for few events, so that a pass of the keeper cuts under most readers.
fn small_logs() -> Change {
    Box::new(|options| options.config.retention.room_events_max = 60)
}

async fn simulate(seed: u64) {
    let mut chance = Chance(seed);
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let mut app = spawn_app_in(dir.clone(), small_logs()).await;
    let project = app.project("A list of notes with title and text.").await;
    let mut clients: Vec<Follower> = (0..6).map(|_| Follower::new()).collect();
    let mut lines = 0;
    for _ in 0..60 {
        let which = usize::try_from(chance.below(clients.len() as u64)).unwrap();
        match chance.below(14) {
            0..=4 => {
                lines += publish(&app, &project, &mut chance).await;
            }
            5 | 6 => {
                let over_sse = chance.below(2) == 0;
                clients[which].connect(&app.address.to_string(), &project, over_sse).await;
            }
            7 | 8 => clients[which].drop_connection(),
            9 | 10 => clients[which].read(Duration::from_millis(chance.below(20)), None).await,
            // In the middle of whatever the clients do.
            11 | 12 => app.keeper.pass().await,
            _ if chance.below(3) == 0 => {
                // Everyone loses the connection; the log does not lose anything.
                let stopped = app.stop();
                for client in &mut clients {
                    client.drop_connection();
                }
                app = spawn_app_in(stopped.await, small_logs()).await;
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
        // A connection may end on the way, when the log was cut under it.
        while client.seq < head {
            if client.stream.is_none() {
                client.connect(&app.address.to_string(), &project, number % 2 == 0).await;
            }
            client.read(SOON, Some(head)).await;
        }
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
