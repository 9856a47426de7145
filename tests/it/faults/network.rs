//! Networks that fail: cut, reset, half closed, silent, slow. Whoever comes back with a position has no hole and no
//! double; whoever does not come back is freed; nobody else notices.

use std::time::Duration;

use callboard::domain::fold::RoomState;
use serde_json::{Value, json};
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::helpers::chance::Chance;
use crate::helpers::follower::Follower;
use crate::helpers::proxy::{Fault, Proxy, Weather};
use crate::helpers::{ADMIN_TOKEN, SOON, TestApp, spawn_app, spawn_app_with, wait_for};

const BRIEF: &str = "A list of notes with title and text.";

/// Publishes events of many sizes, some of which move the state.
async fn publish(app: &TestApp, project: &str, chance: &mut Chance, count: u64) {
    let events: Vec<Value> = (0..count)
        .map(|_| match chance.below(3) {
            0 => json!({ "type": "event", "name": "n", "data": "ü".repeat(chance.below(1500) as usize) }),
            1 => json!({ "type": "log", "level": "info", "agent": null,
                         "lines": [{ "n": 1, "at": "2026-01-01T00:00:00.000Z", "text": "line" }] }),
            _ => json!({ "type": "agent_update", "agent": "a", "title": "A", "index": 1 + chance.below(5), "total": 5,
                         "status": "progress", "message": "m", "progress": chance.below(100), "duration_ms": null }),
        })
        .collect();
    let (status, answer) = app.post(&format!("/api/projects/{project}/events"), json!(events)).await;
    assert_eq!(status, 202, "{answer}");
}

/// The state of a room and its last event.
async fn shown(app: &TestApp, project: &str) -> (RoomState, u64) {
    let (_, shown) = app.get(&format!("/api/projects/{project}")).await;
    let head = shown["position"].as_str().unwrap().split('-').nth(1).unwrap().parse().unwrap();
    (serde_json::from_value(shown["state"].clone()).unwrap(), head)
}

/// Live connections by surface.
async fn connections(app: &TestApp, surface: &str) -> u64 {
    let request = app.http.get(app.url("/api/admin/stats")).bearer_auth(ADMIN_TOKEN);
    let stats: Value = request.send().await.unwrap().json().await.unwrap();
    stats["connections"]["by_surface"][surface].as_u64().unwrap_or(0)
}

#[tokio::test]
async fn after_any_cut_a_client_goes_on_where_it_was() {
    let app = spawn_app().await;
    let project = app.project(BRIEF).await;
    let mut chance = Chance(7);
    publish(&app, &project, &mut chance, 150).await;
    let proxy = Proxy::start(app.address, Weather::default()).await;
    for round in 0..120u64 {
        // Every byte of the handshake and the first frames, then further out.
        let after = if round < 40 { round * 17 } else { 600 + chance.below(60_000) };
        let fault = [Fault::Cut, Fault::Reset, Fault::HalfClose][chance.below(3) as usize];
        let over_sse = round % 3 == 0;
        let breaks = Some((after, fault));
        let weather = if round % 4 == 3 {
            // A request is about so long; the rest of what a client says are small frames.
            Weather { to_server: Some((chance.below(400), fault)), ..Weather::default() }
        } else {
            Weather { to_client: breaks, ..Weather::default() }
        };
        let mut follower = Follower::new();
        // It has been here before, at a moment of its own.
        if round % 2 == 0 {
            proxy.change(Weather {
                to_client: Some((2_000 + chance.below(90_000), Fault::Cut)),
                ..Weather::default()
            });
            if follower.try_connect(&proxy.host(), &project, over_sse).await {
                follower.read(Duration::from_millis(100), None).await;
                follower.drop_connection();
            }
        }
        proxy.change(weather);
        if follower.try_connect(&proxy.host(), &project, over_sse).await {
            follower.read(Duration::from_millis(50), None).await;
        }
        let more = 1 + chance.below(4);
        publish(&app, &project, &mut chance, more).await;
        follower.read(Duration::from_millis(20), None).await;
        follower.drop_connection();
        proxy.change(Weather { delay: Duration::from_millis(chance.below(3)), ..Weather::default() });
        follower.connect(&proxy.host(), &project, !over_sse).await;
        let (state, head) = shown(&app, &project).await;
        follower.read(SOON, Some(head)).await;
        assert_eq!(follower.seq, head, "round {round}: {weather:?}");
        assert_eq!(follower.state, state, "round {round}: {weather:?}");
    }
}

/// A raw connection to a room; the handshake is done.
async fn raw(app: &TestApp, project: &str) -> TcpStream {
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    let head = format!(
        "GET /api/ws/projects/{project} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        app.address
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 101");
    stream
}

#[tokio::test]
async fn a_reset_in_the_middle_of_a_frame_harms_nobody() {
    let app = spawn_app().await;
    let project = app.project(BRIEF).await;
    let mut other = app.socket(&project, None).await;
    let text = br#"{"type":"get_state"}"#;
    let frame = [&[0x81, 0x80 | text.len() as u8, 1, 2, 3, 4][..], &masked(text, [1, 2, 3, 4])].concat();
    for length in 0..frame.len() {
        let mut stream = raw(&app, &project).await;
        stream.write_all(&frame[..length]).await.unwrap();
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        drop(stream);
    }
    app.publish(&project, 3).await;
    for seq in 1..=3 {
        assert_eq!(other.until("event").await["seq"], seq);
    }
    wait_for("the broken ones to be freed", async || (connections(&app, "room").await == 1).then_some(()))
        .await;
}

fn masked(text: &[u8], mask: [u8; 4]) -> Vec<u8> {
    text.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect()
}

#[tokio::test]
async fn black_holes_are_freed_and_others_are_served() {
    let app = spawn_app_with(Box::new(|options| {
        options.heartbeat.ping_ms = 100;
        options.heartbeat.silence_ms = 1_000;
        options.heartbeat.stall_ms = 1_000;
    }))
    .await;
    let project = app.project(BRIEF).await;
    let proxy = Proxy::start(app.address, Weather::default()).await;
    let mut chance = Chance(3);
    let mut lost = Vec::new();
    for number in 0..10 {
        let after = 900 + chance.below(100_000);
        proxy.change(Weather { to_client: Some((after, Fault::BlackHole)), ..Weather::default() });
        let mut follower = Follower::new();
        follower.connect(&proxy.host(), &project, number % 2 == 0).await;
        lost.push(follower);
    }
    let mut well = Follower::new();
    well.connect(&app.address.to_string(), &project, false).await;
    well.read(SOON, Some(0)).await;
    // More than the buffers on the way hold, so that the server has to keep some of it, and has to let go.
    let data = "x".repeat(50_000);
    let events = json!(vec![json!({ "type": "event", "name": "n", "data": data }); 16]);
    let mut head = 0;
    for _ in 0..25 {
        let (status, answer) = app.post(&format!("/api/projects/{project}/events"), events.clone()).await;
        assert_eq!(status, 202, "{answer}");
        head += 16;
        well.read(SOON, Some(head)).await;
        assert_eq!(well.seq, head, "nobody else notices");
    }
    let gone = async || {
        // Reading answers pings.
        well.read(Duration::from_millis(10), None).await;
        let left = (connections(&app, "room").await, connections(&app, "sse").await);
        (left == (1, 0)).then_some(())
    };
    wait_for("the black holes to be freed", gone).await;
    // They find a better way and have missed nothing.
    for follower in &mut lost {
        follower.read(Duration::from_millis(50), None).await;
        follower.connect(&app.address.to_string(), &project, false).await;
        follower.read(SOON, Some(head)).await;
        assert_eq!(follower.seq, head);
    }
}

#[tokio::test]
async fn a_narrow_line_is_slow_and_not_silent() {
    let app = spawn_app_with(Box::new(|options| {
        options.heartbeat.ping_ms = 100;
        options.heartbeat.silence_ms = 1_500;
        options.heartbeat.stall_ms = 1_500;
    }))
    .await;
    let project = app.project(BRIEF).await;
    let data = "x".repeat(50_000);
    let events = json!(vec![json!({ "type": "event", "name": "n", "data": data }); 16]);
    for _ in 0..15 {
        app.post(&format!("/api/projects/{project}/events"), events.clone()).await;
    }
    let weather = Weather { bytes_per_second: 3_000_000, ..Weather::default() };
    let proxy = Proxy::start(app.address, weather).await;
    let mut follower = Follower::new();
    // From the start of the log: it takes far longer than a silent client is borne with.
    let (_, shown) = app.get(&format!("/api/projects/{project}")).await;
    let epoch = shown["position"].as_str().unwrap().split('-').next().unwrap();
    follower.position = Some(format!("{epoch}-0"));
    follower.connect(&proxy.host(), &project, false).await;
    let began = std::time::Instant::now();
    follower.read(SOON, Some(15 * 16)).await;
    assert_eq!(follower.seq, 15 * 16, "it was let go after {:?}", began.elapsed());
    assert!(
        began.elapsed() > Duration::from_millis(1_500),
        "too quick to mean anything: {:?}",
        began.elapsed()
    );
}
