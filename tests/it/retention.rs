//! Retention through the front door: what is cut is said as a gap on every transport, and nobody else notices.

use std::process::Command;
use std::sync::Arc;

use callboard::clock::{Clock, ManualClock, SystemClock};
use callboard::domain::event::EventBody;
use callboard::domain::fold::RoomState;
use callboard::domain::time::Timestamp;
use futures_util::StreamExt;
use serde_json::{Value, json};

use crate::helpers::process::Server;
use crate::helpers::{ADMIN_TOKEN, Change, SOON, TestApp, spawn_app_in, spawn_app_with, wait_for};

const BRIEF: &str = "A list of notes with title and text.";
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn keeping(room_events_max: u64) -> Change {
    Box::new(move |options| options.config.retention.room_events_max = room_events_max)
}

/// Opens the live stream of a room over HTTP and reads its first event.
async fn first_of_stream(app: &TestApp, project: &str, position: &str) -> Value {
    let request = app
        .http
        .get(app.url(&format!("/api/projects/{project}/events")))
        .header("accept", "text/event-stream")
        .header("last-event-id", position);
    let mut stream = request.send().await.unwrap().bytes_stream();
    let mut text = String::new();
    while !text.contains("\n\n") {
        let chunk = tokio::time::timeout(SOON, stream.next()).await.expect("it begins with something");
        text.push_str(std::str::from_utf8(&chunk.unwrap().unwrap()).unwrap());
    }
    let data = text.lines().find_map(|line| line.strip_prefix("data: "));
    data.map_or(Value::Null, |data| serde_json::from_str(data).unwrap())
}

async fn state_of(app: &TestApp, project: &str) -> Value {
    app.get(&format!("/api/projects/{project}")).await.1["state"].clone()
}

#[tokio::test]
async fn a_position_that_was_cut_gets_the_gap_and_a_fresh_state_on_every_transport() {
    let app = spawn_app_with(keeping(30)).await;
    let project = app.project(BRIEF).await;
    let start = app.socket(&project, None).await.connection["position"].as_str().unwrap().to_owned();
    for _ in 0..4 {
        app.publish(&project, 25).await;
    }
    let epoch = start.split('-').next().unwrap();
    app.keeper.pass().await;
    let artifact = json!({ "type": "artifact", "path": "a.txt", "media_type": "text/plain", "size": 1,
        "sha256": "0".repeat(64), "url": "/f", "agent": null });
    assert_eq!(app.post(&format!("/api/projects/{project}/events"), artifact).await.0, 202);
    let state = state_of(&app, &project).await;

    check_positions(&app, &project, epoch, &state).await;
    let app = spawn_app_in(app.stop().await, keeping(30)).await;
    check_positions(&app, &project, epoch, &state).await;
}

/// The log begins at 71 and ends at 101.
async fn check_positions(app: &TestApp, project: &str, epoch: &str, state: &Value) {
    let at = |seq: u64| format!("{epoch}-{seq}");
    for (since, gap) in [(0, Some(1)), (42, Some(43)), (69, Some(70)), (70, None), (100, None)] {
        let expected = gap.map_or(Value::Null, |from| json!({ "from_seq": from, "to_seq": 70 }));
        let said = app.socket(project, Some(&at(since))).await;
        assert_eq!(said.connection["gap"], expected, "{since}: {}", said.connection);
        assert_eq!(said.connection["resumed"], gap.is_none());
        let first = first_of_stream(app, project, &at(since)).await;
        let (status, page) =
            app.get(&format!("/api/projects/{project}/events?limit=1&since={}", at(since))).await;
        if gap.is_some() {
            assert_eq!(&said.connection["state"], state);
            assert_eq!((&first["gap"], &first["state"], &first["seq"]), (&expected, state, &json!(101)));
            assert_eq!((status, &page["gap"], &page["state"]), (410, &expected, state));
            assert_eq!(page["position"], at(101));
        } else {
            assert_eq!((status, &page["events"][0]["seq"]), (200, &json!(since + 1)));
            assert!(first.is_null() || first["seq"] == since + 1, "{first}");
        }
    }
    // Who names no position begins at what is left.
    let (status, page) = app.get(&format!("/api/projects/{project}/events?limit=1")).await;
    assert_eq!((status, &page["events"][0]["seq"], &page["more"]), (200, &json!(71), &json!(true)));
}

#[tokio::test]
async fn live_readers_see_nothing_of_a_cut() {
    let app = spawn_app_with(keeping(20)).await;
    let project = app.project(BRIEF).await;
    let mut sockets = vec![app.socket(&project, None).await, app.socket(&project, None).await];
    for round in 0..10_u64 {
        app.publish(&project, 50).await;
        let passed = app.keeper.pass();
        let more = app.publish(&project, 50);
        tokio::join!(passed, more);
        for socket in &mut sockets {
            for seq in round * 100 + 1..=round * 100 + 100 {
                let event = socket.expect_push("event").await;
                assert_eq!(event["seq"], seq);
            }
            socket.expect_silence().await;
        }
    }
    app.keeper.pass().await;
    let (_, page) = app.get(&format!("/api/projects/{project}/events")).await;
    assert_eq!(page["events"][0]["seq"], 981);
}

#[tokio::test]
async fn a_reader_that_lags_behind_a_cut_comes_back_to_a_gap() {
    let app = spawn_app_with(keeping(10)).await;
    let project = app.project(BRIEF).await;
    let mut socket = app.socket(&project, None).await;
    // More than its connection and the tail in memory hold, while it reads nothing.
    let event = json!({ "type": "event", "name": "n", "data": "x".repeat(60_000) });
    for _ in 0..40 {
        let events = vec![event.clone(); 10];
        let (status, answer) = app.post(&format!("/api/projects/{project}/events"), json!(events)).await;
        assert_eq!(status, 202, "{answer}");
    }
    app.keeper.pass().await;
    let (mut seq, mut position) = (0, String::new());
    loop {
        let message = socket.next().await;
        if message["type"] == "shutdown" {
            assert_eq!(socket.close_code().await, 4000);
            break;
        }
        seq += 1;
        assert_eq!(message["seq"], seq, "no hole before it is told to come back");
        position = message["position"].as_str().unwrap().to_owned();
        assert!(seq < 400, "it cannot have got what was cut");
    }
    let socket = app.socket(&project, Some(&position)).await;
    assert_eq!(socket.connection["gap"], json!({ "from_seq": seq + 1, "to_seq": 390 }));
    assert_eq!(socket.connection["seq"], 400);
}

#[tokio::test]
async fn log_lines_that_are_gone_are_said_and_so_is_the_work() {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let hands = clock.clone();
    let app = spawn_app_with(Box::new(move |options| options.clock = hands)).await;
    let project = app.project(BRIEF).await;
    let run = app.generate(&project).await;
    app.ended(&run).await;
    let (_, before) = app.get(&format!("/api/runs/{run}/logs")).await;
    let total = before["total"].as_u64().unwrap();
    assert!(total > 0 && before["gone"].is_null(), "{before}");
    app.keeper.pass().await;
    assert_eq!(app.get(&format!("/api/runs/{run}/logs")).await.1, before);

    clock.advance(29 * DAY_MS);
    app.keeper.pass().await;
    for query in ["", "?from=3&limit=2", "?level=error", "?q=x"] {
        let (status, after) = app.get(&format!("/api/runs/{run}/logs{query}")).await;
        let expected =
            json!({ "lines": [], "total": total, "gone": { "from": 1, "to": total }, "next_from": null });
        assert_eq!((status, after), (200, expected), "{query}");
    }
    let (status, text) = app.get(&format!("/api/runs/{run}/logs.txt")).await;
    let expected = format!("(lines 1 to {total} were removed after their time)\n");
    assert_eq!((status, text.as_str()), (200, Some(expected.as_str())));
    // Lines from outside go on behind them.
    let at = clock.now().to_string();
    let line = json!({ "type": "log", "level": "info", "agent": null,
        "lines": [{ "n": 1, "at": at, "text": "late" }] });
    assert_eq!(app.post(&format!("/api/projects/{project}/events"), line).await.0, 202);
    let (_, after) = app.get(&format!("/api/runs/{run}/logs")).await;
    assert_eq!((&after["lines"][0]["n"], &after["total"]), (&json!(total + 1), &json!(total + 1)));

    // The newest files of a project stay, whatever their age.
    clock.advance(365 * DAY_MS);
    app.keeper.pass().await;
    app.keeper.pass().await;
    let zip = app.http.get(app.url(&format!("/api/projects/{project}/archive.zip"))).send().await.unwrap();
    assert_eq!(zip.status(), 200);
    let stats = app.http.get(app.url("/api/admin/stats")).bearer_auth(ADMIN_TOKEN).send().await.unwrap();
    let stats: Value = stats.json().await.unwrap();
    let removed = &stats["store"]["retention"];
    assert_eq!((&removed["passes"], &removed["failed"]), (&json!(4), &Value::Null), "{removed}");
    assert!(removed["line_bytes"].as_u64() > Some(0) && removed["events"].as_u64() > Some(0), "{removed}");
    assert!(removed["last_pass_at"].as_str().unwrap().parse::<Timestamp>().is_ok());
    // All events are half a year old; the state does not show it.
    assert_eq!(state_of(&app, &project).await["status"], "completed");
}

#[tokio::test]
async fn a_removed_project_is_gone_at_once_and_cleared_later() {
    let app = spawn_app_with(keeping(0)).await;
    let project = app.project(BRIEF).await;
    let mut socket = app.socket(&project, None).await;
    for _ in 0..20 {
        app.publish(&project, 100).await;
    }
    assert_eq!(app.delete(&format!("/api/projects/{project}")).await.0, 204);
    assert_eq!(app.get(&format!("/api/projects/{project}")).await.0, 404);
    assert_eq!(app.get(&format!("/api/projects/{project}/events")).await.0, 404);
    assert_eq!(socket.close_code().await, 4504);
    app.keeper.pass().await;
    assert_eq!(app.keeper.totals().events, 2000);
}

/// The fold of everything that was sent, up to a number.
fn shadow(sent: &[Value], seq: usize) -> RoomState {
    let mut state = RoomState::default();
    for event in &sent[..seq] {
        let body: EventBody = serde_json::from_value(event.clone()).unwrap();
        state.apply(None, Timestamp(0), &body);
    }
    state
}

#[tokio::test]
async fn killed_while_it_cuts_the_log_and_the_fold_stay_whole() {
    let dir = tempfile::tempdir().unwrap();
    let start = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_callboard"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(dir.path());
        command.env("CALLBOARD_RETENTION_EVERY_MS", "100").env("CALLBOARD_RETENTION_ROOM_EVENTS_MAX", "40");
        Server::start(command)
    };
    let http = reqwest::Client::new();
    let mut server = start();
    let made = http.post(format!("http://{}/api/projects", server.address)).json(&json!({ "brief": BRIEF }));
    let made: Value = made.send().await.unwrap().json().await.unwrap();
    let path = format!("/api/projects/{}", made["id"].as_str().unwrap());
    let (mut sent, mut answered, mut cuts) = (Vec::new(), 0, 0);
    for round in 0..4_u64 {
        let mut first_before = 0;
        for batch in 0.. {
            let events: Vec<Value> = (0..50_u64)
                .map(|number| match number % 3 {
                    0 => json!({ "type": "artifact", "path": format!("f{}.txt", (number + batch) % 150),
                        "media_type": "text/plain", "size": batch, "sha256": "0".repeat(64), "url": "/f",
                        "agent": null }),
                    1 => json!({ "type": "agent_update", "agent": "a", "title": "A", "index": 1 + number % 5,
                        "total": 5, "status": "progress", "message": format!("{round} {batch} {number}"),
                        "progress": number, "duration_ms": null }),
                    _ => json!({ "type": "event", "name": "n", "data": "x".repeat(500) }),
                })
                .collect();
            sent.extend(events.iter().cloned());
            let answer =
                http.post(format!("http://{}{path}/events", server.address)).json(&events).send().await;
            assert_eq!(answer.unwrap().status(), 202);
            answered = sent.len();
            let page = server.get(&format!("{path}/events?limit=1")).await;
            let first = page["events"][0]["seq"].as_u64().unwrap();
            // It is cut under our eyes, so it may be at it at any moment.
            cuts += u64::from(first_before > 0 && first > first_before);
            if cuts > 2 * round {
                break;
            }
            first_before = first;
        }
        server.kill();
        server = start();
        let shown = server.get(&path).await;
        let seq: usize = shown["position"].as_str().unwrap().split('-').nth(1).unwrap().parse().unwrap();
        assert_eq!(seq, answered, "what was answered is there, and nothing else was sent");
        let state: RoomState = serde_json::from_value(shown["state"].clone()).unwrap();
        assert_eq!(state, shadow(&sent, seq), "round {round}");
        // What is left has no hole, up to the end.
        let page = wait_for("a page between two cuts", async || {
            let page = server.get(&format!("{path}/events?limit=5000")).await;
            page["events"].is_array().then_some(page)
        })
        .await;
        let numbers: Vec<u64> =
            page["events"].as_array().unwrap().iter().map(|event| event["seq"].as_u64().unwrap()).collect();
        let expected = seq as u64 + 1 - numbers.len() as u64..=seq as u64;
        assert!(numbers.iter().copied().eq(expected), "{numbers:?}");
        assert!((40..=seq).contains(&numbers.len()), "{}", numbers.len());
    }
}
