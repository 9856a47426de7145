//! Clocks that jump: back an hour, forward a day.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use callboard::clock::{Clock, SystemClock};
use callboard::domain::time::Timestamp;
use serde_json::{Value, json};

use crate::helpers::{READING_LIST, TestApp, spawn_app_with, wait_for};

const HOUR_MS: i64 = 3_600_000;
const BRIEF: &str = "A list of notes with title and text.";

/// The machine's clock, moved.
#[derive(Default)]
struct Jumping(AtomicI64);

impl Jumping {
    fn jump(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Clock for Jumping {
    fn now(&self) -> Timestamp {
        Timestamp(SystemClock.now().0 + self.0.load(Ordering::Relaxed))
    }
}

async fn with_clock() -> (TestApp, Arc<Jumping>) {
    let clock = Arc::new(Jumping::default());
    let hands = clock.clone();
    let app = spawn_app_with(Box::new(move |options| {
        options.clock = clock;
        options.heartbeat.ping_ms = 100;
        options.heartbeat.silence_ms = 20_000;
    }))
    .await;
    (app, hands)
}

#[tokio::test]
async fn order_sockets_and_keys_outlive_a_jump() {
    let (app, clock) = with_clock().await;
    let project = app.project(BRIEF).await;
    let path = format!("/api/projects/{project}/events");
    let mut socket = app.socket(&project, None).await;
    let publish = async |key: &str| {
        let event = json!({ "type": "event", "name": "n", "data": key });
        let request = app.http.post(app.url(&path)).header("idempotency-key", key).json(&event);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        answer["accepted"].as_u64().unwrap_or_else(|| panic!("{answer}"))
    };
    let mut seq = 0;
    for jump in [0, -HOUR_MS, 2 * HOUR_MS, -HOUR_MS, 24 * HOUR_MS, -24 * HOUR_MS] {
        clock.jump(jump);
        seq += 1;
        assert_eq!(publish(&format!("key{seq}")).await, 1);
        let event = socket.expect_push("event").await;
        assert_eq!((&event["seq"], &event["data"]), (&json!(seq), &json!(format!("key{seq}"))));
        // A key of before an hour is known, whichever way the clock went; so is the one of just now.
        assert_eq!(publish(&format!("key{seq}")).await, 0);
        if jump.abs() <= 2 * HOUR_MS {
            assert_eq!(publish("key1").await, 0);
        }
        socket.expect_silence().await;
    }
    let mut again = app.socket(&project, socket.connection["position"].as_str()).await;
    for expected in 1..=seq {
        assert_eq!(again.expect_push("event").await["seq"], expected);
    }
    assert_eq!(app.get("/readyz").await.0, 200);
}

#[tokio::test]
async fn runs_end_and_what_they_took_stays_sane() {
    let (app, clock) = with_clock().await;
    let project = app.project(READING_LIST).await;
    for jump in [-HOUR_MS, 24 * HOUR_MS, 0] {
        let run = app.generate(&project).await;
        let mut socket = app.raw_socket(&project, None).await;
        wait_for("the run to work", async || {
            let (_, run) = app.get(&format!("/api/runs/{run}")).await;
            (run["progress"].as_f64()? > 0.0).then_some(())
        })
        .await;
        clock.jump(jump);
        let ended = app.ended(&run).await;
        assert_eq!(ended["status"], "completed", "{ended}");
        for agent in ended["agents"].as_array().unwrap() {
            let took = agent["duration_ms"].as_u64().unwrap();
            assert!(took < 120_000, "an agent took what it took: {agent}");
        }
        let mut progress = 0.0;
        loop {
            let message = socket.next().await;
            for eta in [&message["eta"], &message["state"]["eta"]] {
                if let Some(high) = eta["high_ms"].as_u64() {
                    assert!(high < 600_000, "nobody is told to wait for a day: {message}");
                }
            }
            if message["type"] == "status_update" {
                let now = message["progress"].as_f64().unwrap();
                assert!(now >= progress, "progress never falls: {message}");
                progress = now;
            }
            if message["type"] == "completion" || message["state"]["completion"].is_object() {
                break;
            }
        }
        // The newest run is the one that is shown, though its clock may say that it is older.
        let (_, shown) = app.get(&format!("/api/projects/{project}")).await;
        assert_eq!(shown["state"]["run"]["id"], run.as_str());
        assert_eq!(shown["state"]["status"], "completed");
    }
}
