//! Socket.IO, PROTOCOL section 5: the rules of the protocols on the wire, limits, and who may come in. Unmodified clients are
//! tested from Node and Python in `tests/socketio`.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::helpers::{ADMIN_TOKEN, SOON, TestApp, spawn_app, spawn_app_with, wait_for};

const BRIEF: &str = "A list of notes with title and text.";
const POLLING: &str = "/socket.io/?EIO=4&transport=polling";
const WEBSOCKET: &str = "/socket.io/?EIO=4&transport=websocket";

/// A session that is polled.
struct Polled<'a> {
    app: &'a TestApp,
    path: String,
    sid: String,
}

impl<'a> Polled<'a> {
    async fn open(app: &'a TestApp) -> Polled<'a> {
        let (status, body) = get(app, POLLING).await;
        assert_eq!(status, 200, "{body}");
        let handshake: Value = serde_json::from_str(body.strip_prefix('0').unwrap()).unwrap();
        let sid = handshake["sid"].as_str().unwrap().to_owned();
        Polled { app, path: format!("{POLLING}&sid={sid}"), sid }
    }

    /// Comes into the main namespace; what is said at once is passed over.
    async fn connect(&self) {
        self.connect_as("").await;
    }

    async fn connect_as(&self, auth: &str) {
        assert_eq!(self.post(&format!("40{auth}")).await, (200, "ok".to_owned()));
        assert!(self.poll_until("40{").await.contains("\"sid\""));
    }

    async fn poll(&self) -> (u16, String) {
        get(self.app, &self.path).await
    }

    async fn post(&self, body: &str) -> (u16, String) {
        let request = self.app.http.post(self.app.url(&self.path)).body(body.to_owned());
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Polls until a packet begins like this; answers it.
    async fn poll_until(&self, begin: &str) -> String {
        for _ in 0..100 {
            let (status, body) = self.poll().await;
            assert_eq!(status, 200, "{body}");
            if let Some(packet) = body.split('\u{1e}').find(|packet| packet.starts_with(begin)) {
                return packet.to_owned();
            }
        }
        panic!("nothing began with {begin}");
    }
}

async fn get(app: &TestApp, path: &str) -> (u16, String) {
    let response = app.http.get(app.url(path)).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

/// A WebSocket of a session.
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn open(app: &TestApp, path: &str) -> Socket {
        Socket(tokio_tungstenite::connect_async(format!("ws://{}{path}", app.address)).await.unwrap().0)
    }

    pub(crate) async fn connected(app: &TestApp, auth: &str) -> Socket {
        let mut socket = Socket::open(app, WEBSOCKET).await;
        socket.until("0{").await;
        socket.send(&format!("40{auth}")).await;
        socket.until("40{").await;
        socket
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next text message; none when the socket was closed.
    pub(crate) async fn next(&mut self) -> Option<String> {
        loop {
            match tokio::time::timeout(SOON, self.0.next()).await.expect("something must come") {
                Some(Ok(Message::Text(text))) => return Some(text.to_string()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// Reads until a message begins like this; answers it.
    pub(crate) async fn until(&mut self, begin: &str) -> String {
        loop {
            let text = self.next().await.unwrap_or_else(|| panic!("closed before {begin}"));
            if text.starts_with(begin) {
                return text;
            }
        }
    }

    async fn expect_close(&mut self) {
        while self.next().await.is_some() {}
    }
}

async fn connections(app: &TestApp) -> u64 {
    let request = app.http.get(app.url("/api/admin/stats")).bearer_auth(ADMIN_TOKEN);
    let stats: Value = request.send().await.unwrap().json().await.unwrap();
    stats["connections"]["by_surface"]["socketio"].as_u64().unwrap()
}

#[tokio::test]
async fn a_handshake_says_the_terms_and_bad_ones_are_refused() {
    let app = spawn_app().await;
    let (status, body) = get(&app, POLLING).await;
    assert_eq!(status, 200);
    let handshake: Value = serde_json::from_str(body.strip_prefix('0').unwrap()).unwrap();
    assert_eq!(handshake["upgrades"], json!(["websocket"]));
    assert_eq!(
        (&handshake["pingInterval"], &handshake["pingTimeout"], &handshake["maxPayload"]),
        (&json!(25_000), &json!(20_000), &json!(1_000_000))
    );
    for (path, code) in [
        ("/socket.io/", 0),
        ("/socket.io/?EIO=4&transport=abc", 0),
        ("/socket.io/?transport=polling", 5),
        ("/socket.io/?EIO=3&transport=polling", 5),
        ("/socket.io/?EIO=4&transport=websocket", 3),
        ("/socket.io/?EIO=4&transport=polling&sid=abc", 1),
        ("/socket.io/?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAAAAAA", 1),
        ("/socket.io/?EIO=4&transport=polling&sid=_wAAAAAAAAAAAAAAAAAAAAAA", 1),
    ] {
        let (status, body) = get(&app, path).await;
        let problem: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &problem["code"]), (400, &json!(code)), "{path} {body}");
    }
    let posted = app.http.post(app.url(POLLING)).body("40").send().await.unwrap();
    assert_eq!(posted.status(), 400);
    for path in ["/socket.io/?EIO=3&transport=websocket", "/socket.io/?EIO=4&transport=websocket&sid=abc"] {
        let refused = tokio_tungstenite::connect_async(format!("ws://{}{path}", app.address)).await;
        assert!(refused.is_err(), "{path}");
    }
}

#[tokio::test]
async fn polling_carries_packets_both_ways_and_bad_ones_end_the_session() {
    let app = spawn_app_with(Box::new(|options| options.config.socketio.max_payload_bytes = 2_048)).await;
    let polled = Polled::open(&app).await;
    polled.connect().await;
    assert_eq!(polled.post("421[\"request_status\"]\u{1e}422[\"request_status\"]").await.0, 200);
    assert!(polled.poll_until("432[").await.contains("\"state\":\"idle\""));
    assert_eq!(polled.post("42[\"connect\"]").await.0, 400);
    assert_eq!(polled.poll().await.0, 400);

    for bad in ["abc", "4", "4abc", "42{}", "451-[\"x\"]\u{1e}2", "2"] {
        let polled = Polled::open(&app).await;
        polled.connect().await;
        assert_eq!(polled.post(bad).await.0, 400, "{bad}");
        assert_eq!(polled.poll().await.0, 400, "{bad}");
    }
    let polled = Polled::open(&app).await;
    let large = format!("4{}", "x".repeat(2_048));
    assert_eq!(polled.post(&large).await.0, 413);
}

#[tokio::test]
async fn an_upgraded_session_is_refused_to_polls_at_once() {
    let app = spawn_app().await;
    for _ in 0..20 {
        let polled = Polled::open(&app).await;
        polled.connect().await;
        let path = format!("{WEBSOCKET}&sid={}", polled.sid);
        let mut socket = Socket::open(&app, &path).await;
        socket.send("2probe").await;
        socket.send("5").await;
        assert_eq!(polled.poll().await.0, 400);
        assert_eq!(polled.post("42[\"request_status\"]").await.0, 400);
        socket.send("427[\"request_status\"]").await;
        socket.until("437[").await;
        let mut second = Socket::open(&app, &path).await;
        second.expect_close().await;
        socket.send("428[\"request_status\"]").await;
        socket.until("438[").await;
    }
}

#[tokio::test]
async fn an_aborted_poll_ends_its_session() {
    let app = spawn_app().await;
    let polled = Polled::open(&app).await;
    assert_eq!(connections(&app).await, 1);
    // Nothing is said on a session that is in no namespace: the poll waits until it is given up.
    let waiting = app.http.get(app.url(&polled.path)).timeout(Duration::from_millis(200)).send().await;
    assert!(waiting.is_err());
    wait_for("the session to end", async || (connections(&app).await == 0).then_some(())).await;
    assert_eq!(polled.post("40").await.0, 400);
}

#[tokio::test]
async fn heartbeats_and_the_connect_timeout_end_who_is_silent() {
    let app = spawn_app_with(Box::new(|options| {
        options.config.socketio.ping_interval_ms = 150;
        options.config.socketio.ping_timeout_ms = 2_000;
        options.config.socketio.connect_timeout_ms = 500;
    }))
    .await;
    let mut socket = Socket::open(&app, WEBSOCKET).await;
    socket.expect_close().await;
    let polled = Polled::open(&app).await;
    assert_eq!(polled.poll().await, (200, "2".to_owned()));
    wait_for("the session to end", async || (connections(&app).await == 0).then_some(())).await;

    let mut alive = Socket::connected(&app, "").await;
    for _ in 0..4 {
        while alive.next().await.unwrap() != "2" {}
        alive.send("3").await;
    }
    alive.send("421[\"request_status\"]").await;
    alive.until("431[").await;
}

#[tokio::test]
async fn namespaces_and_tokens_are_checked() {
    let app = spawn_app().await;
    let mut socket = Socket::open(&app, WEBSOCKET).await;
    socket.send("40/random,").await;
    assert_eq!(socket.until("44").await, r#"44/random,{"message":"Invalid namespace"}"#);
    socket.send(r#"40{"token":"wrong"}"#).await;
    assert_eq!(socket.until("44").await, r#"44{"message":"this token is not known"}"#);
    socket.send(&format!(r#"40{{"token":"{ADMIN_TOKEN}"}}"#)).await;
    assert!(socket.until(r#"42["connected""#).await.contains(r#""role":"admin""#));
    socket.send(r#"421["join_admin_dashboard"]"#).await;
    assert_eq!(socket.until("431").await, r#"431[{"joined":true}]"#);
    socket.until(r#"42["system_metrics_update""#).await;
    // A second time into the same namespace is no way to change who one is.
    socket.send("40").await;
    socket.expect_close().await;
}

#[tokio::test]
async fn pages_of_other_origins_stay_out_unless_they_are_configured() {
    const OURS: &str = "https://app.example.org";
    let app = spawn_app_with(Box::new(|options| {
        options.config.http.allowed_origins = vec![OURS.to_owned()];
    }))
    .await;
    let from = |origin: &'static str, method: reqwest::Method| {
        app.http.request(method, app.url(POLLING)).header("origin", origin)
    };
    let strange = from("https://evil.example", reqwest::Method::GET).send().await.unwrap();
    assert_eq!(strange.status(), 403);
    let ours = from(OURS, reqwest::Method::GET).send().await.unwrap();
    assert_eq!(
        (ours.status().as_u16(), &ours.headers()["access-control-allow-origin"]),
        (200, &OURS.parse().unwrap())
    );
    let preflight = from(OURS, reqwest::Method::OPTIONS)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type")
        .send()
        .await
        .unwrap();
    assert_eq!(preflight.status(), 204);
    assert!(preflight.headers()["access-control-allow-methods"].to_str().unwrap().contains("POST"));
    let rebound = app.http.get(app.url(POLLING)).header("host", "evil.example").send().await.unwrap();
    assert_eq!(rebound.status(), 421);
}

#[tokio::test]
async fn a_flood_of_messages_waits_for_its_turn() {
    let app = spawn_app_with(Box::new(|options| options.config.socketio.packets_per_second_max = 100)).await;
    let mut flood = Socket::connected(&app, "").await;
    let began = tokio::time::Instant::now();
    for id in 0..400 {
        flood.send(&format!("42{id}[\"request_status\"]")).await;
    }
    let mut other = Socket::connected(&app, "").await;
    other.send("421[\"request_status\"]").await;
    other.until("431[").await;
    // Nothing is lost, and no answer comes faster than was agreed: two seconds' worth at once, then 100 a second.
    for id in 0..400 {
        flood.until(&format!("43{id}[")).await;
    }
    assert!(began.elapsed() >= Duration::from_millis(1_500), "{:?}", began.elapsed());

    let polled = Polled::open(&app).await;
    polled.connect().await;
    let many = vec!["42[\"request_status\"]"; 1_000].join("\u{1e}");
    assert_eq!(polled.post(&many).await.0, 400, "who is seconds ahead is let go");
    assert_eq!(polled.poll().await.0, 400);
}

#[tokio::test]
async fn idle_sessions_give_way_to_new_ones() {
    let app = spawn_app_with(Box::new(|options| options.config.socketio.idle_sessions_max = 32)).await;
    let mut steady = Socket::connected(&app, "").await;
    let first = Polled::open(&app).await;
    for _ in 0..500 {
        Polled::open(&app).await;
    }
    assert!(connections(&app).await <= 33);
    assert_eq!(first.poll().await.0, 400, "the oldest went");
    let polled = Polled::open(&app).await;
    polled.connect().await;
    steady.send("421[\"request_status\"]").await;
    steady.until("431[").await;
}

#[tokio::test]
async fn a_dashboard_that_fell_behind_is_shown_anew() {
    // More than a line of the lobby holds.
    const DEEDS: usize = 700;
    let app = spawn_app().await;
    let polled = Polled::open(&app).await;
    polled.connect_as(&format!(r#"{{"token":"{ADMIN_TOKEN}"}}"#)).await;
    assert_eq!(polled.post(r#"421["join_admin_dashboard"]"#).await.0, 200);
    polled.poll_until(r#"42["dashboard_state""#).await;
    // It does not poll while this is done.
    let deed = async |path: &str| assert_eq!(app.post(path, json!({})).await.0, 200);
    for _ in 0..DEEDS / 2 {
        deed("/api/queue/pause").await;
        deed("/api/queue/resume").await;
    }
    deed("/api/queue/pause").await;
    let last = app.http.get(app.url("/api/admin/audit?limit=1")).bearer_auth(ADMIN_TOKEN).send().await;
    let last: Value = last.unwrap().json().await.unwrap();
    let last = last["entries"][0]["id"].as_str().unwrap();
    let shown = loop {
        let (status, body) = polled.poll().await;
        assert_eq!(status, 200, "{body}");
        if let Some(packet) = body.split('\u{1e}').find(|packet| packet.contains(last)) {
            break packet.to_owned();
        }
    };
    assert!(shown.starts_with(r#"42["dashboard_state""#), "it is not told what it has missed: {shown}");
}

#[tokio::test]
async fn a_task_is_followed_from_a_position_without_hole_or_double() {
    let app = spawn_app().await;
    let project = app.project(BRIEF).await;
    let run = app.generate(&project).await;
    let mut socket = Socket::connected(&app, "").await;
    socket.send(&format!(r#"421["join_task",{{"task_id":"{run}"}}]"#)).await;
    socket.until("431[").await;
    let mut positions = Vec::new();
    loop {
        let text = socket.until("42[").await;
        let packet: Value = serde_json::from_str(&text[2..]).unwrap();
        match packet[0].as_str().unwrap() {
            "progress_update" => positions.push(packet[1]["position"].as_str().unwrap().to_owned()),
            "task_completed" => break,
            _ => {}
        }
    }
    // Again from the middle, as a client does that comes back: by what it says of itself.
    let middle = positions.len() / 2;
    let since = &positions[middle];
    let mut back = Socket::connected(&app, &format!(r#"{{"since":{{"{run}":"{since}"}}}}"#)).await;
    let mut missed = Vec::new();
    loop {
        let text = back.until("42[").await;
        let packet: Value = serde_json::from_str(&text[2..]).unwrap();
        match packet[0].as_str().unwrap() {
            "progress_update" => missed.push(packet[1]["position"].as_str().unwrap().to_owned()),
            "task_completed" => break,
            _ => {}
        }
    }
    assert_eq!(missed, positions[middle + 1..]);
}

#[tokio::test]
async fn a_stop_ends_sessions_in_good_order() {
    let app = spawn_app().await;
    let mut socket = Socket::connected(&app, "").await;
    let polled = Polled::open(&app).await;
    let (http, url) = (app.http.clone(), app.url(&polled.path));
    // Answered, or refused when it came after the end: it never hangs.
    let waiting = tokio::spawn(async move { http.get(url).send().await });
    let began = tokio::time::Instant::now();
    app.stop().await;
    socket.expect_close().await;
    let _ = tokio::time::timeout(SOON, waiting).await.expect("the poll must end").unwrap();
    assert!(began.elapsed() < SOON);
}
