//! Readers that stall among readers that do not. The measured part is `examples/slow_readers.rs`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::helpers::spawn_app;

const READERS: usize = 20;
const STALLED: usize = 4;
const EVENTS: u64 = 20_000;

#[tokio::test]
async fn the_others_get_everything_and_the_stalled_get_it_later() {
    let app = spawn_app().await;
    let project = app.project("A list of notes with title and text.").await;
    let mut stalled = Vec::new();
    for _ in 0..STALLED {
        stalled.push(app.socket(&project, None).await);
    }
    let mut readers = Vec::new();
    for _ in STALLED..READERS {
        let mut socket = app.socket(&project, None).await;
        readers.push(tokio::spawn(async move {
            for seq in 1..=EVENTS {
                assert_eq!(socket.next().await["seq"], seq);
            }
        }));
    }
    let text = "x".repeat(200);
    for first in (0..EVENTS).step_by(500) {
        let events: Vec<Value> = (first..first + 500)
            .map(|n| json!({ "type": "event", "name": "n", "data": { "n": n, "text": text } }))
            .collect();
        assert_eq!(app.post(&format!("/api/projects/{project}/events"), json!(events)).await.0, 202);
    }
    for reader in readers {
        tokio::time::timeout(Duration::from_secs(60), reader)
            .await
            .expect("nobody waits for the stalled")
            .unwrap();
    }
    for mut socket in stalled {
        for seq in 1..=EVENTS {
            let event = socket.next().await;
            assert_eq!((&event["seq"], &event["data"]["n"]), (&json!(seq), &json!(seq - 1)));
        }
        socket.expect_silence().await;
    }
}
