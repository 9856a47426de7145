//! The project room socket, PROTOCOL section 3.

use futures_util::SinkExt;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::helpers::{SOON, TestApp, spawn_app, spawn_app_with, wait_for};

const BRIEF: &str = "A list of notes with title and text.";

async fn status_of(app: &TestApp, path: &str, headers: &[(&'static str, String)]) -> (u16, String) {
    let mut request = format!("ws://{}{path}", app.address).into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    match tokio_tungstenite::connect_async(request).await {
        Ok((_, response)) => (response.status().as_u16(), String::new()),
        Err(tokio_tungstenite::tungstenite::Error::Http(response)) => {
            let body = response.body().clone().unwrap_or_default();
            assert_eq!(response.headers()["content-type"], "application/problem+json");
            (response.status().as_u16(), String::from_utf8(body).unwrap())
        }
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn the_first_message_carries_the_state_and_where_it_stands() {
    let app = spawn_app().await;
    let project = app.project(BRIEF).await;
    app.publish(&project, 3).await;
    let socket = app.socket(&project, None).await;
    let connection = &socket.connection;
    assert_eq!(connection["status"], "connected");
    assert_eq!(connection["project_id"], project.as_str());
    assert_eq!(connection["seq"], 3);
    assert_eq!(connection["resumed"], false);
    assert!(
        connection["gap"].is_null() && connection["client_id"].is_string() && connection["epoch"].is_string()
    );
    assert_eq!(connection["heartbeat_ms"], 25_000);
    for field in ["status", "progress", "eta", "run", "agents", "log", "artifacts", "completion"] {
        assert!(connection["state"].get(field).is_some(), "{field} is missing in {connection}");
    }
    let (_, shown) = app.get(&format!("/api/projects/{project}")).await;
    assert_eq!(shown["position"], connection["position"]);
}

#[tokio::test]
async fn events_come_once_and_in_order_also_to_who_comes_back() {
    let app = spawn_app().await;
    let project = app.project(BRIEF).await;
    let mut socket = app.socket(&project, None).await;
    for round in 1..=10 {
        app.publish(&project, round).await;
    }
    let mut position = String::new();
    for seq in 1..=55 {
        let event = socket.expect_push("event").await;
        assert_eq!(event["seq"], seq);
        assert_eq!(event["project_id"], project.as_str());
        assert!(event["timestamp"].as_str().unwrap().ends_with('Z'));
        if seq == 20 {
            position = event["position"].as_str().unwrap().to_owned();
        }
    }
    socket.expect_silence().await;
    let mut back = app.socket(&project, Some(&position)).await;
    assert_eq!(back.connection["resumed"], true);
    assert_eq!(back.connection["seq"], 20);
    assert!(back.connection.get("state").is_none());
    for seq in 21..=55 {
        assert_eq!(back.expect_push("event").await["seq"], seq);
    }
    back.expect_silence().await;
}

#[tokio::test]
async fn ping_get_state_and_ack_are_answered() {
    let app = spawn_app().await;
    let project = app.project(BRIEF).await;
    app.publish(&project, 2).await;
    let mut socket = app.socket(&project, None).await;
    socket.send_text("ping").await;
    assert!(socket.expect_push("pong").await["timestamp"].is_string());
    socket.send(json!({ "type": "ack", "position": socket.connection["position"] })).await;
    socket.send(json!({ "type": "get_state" })).await;
    let state = socket.expect_push("state").await;
    assert_eq!(state["position"], socket.connection["position"]);
    assert_eq!(state["state"], socket.connection["state"]);
    // The next two end the time of the first message: nothing came in between.
    socket.expect_silence().await;
}

#[tokio::test]
async fn malformed_messages_get_errors_and_the_tenth_closes() {
    let app = spawn_app().await;
    let project = app.project(BRIEF).await;
    let mut socket = app.socket(&project, None).await;
    for (text, code) in [
        ("{", "bad_json"),
        ("[1]", "bad_message"),
        ("{\"type\":\"dance\"}", "unknown_type"),
        ("{\"type\":\"cancel\"}", "missing_field"),
        ("{\"type\":\"ack\",\"position\":7}", "wrong_type"),
    ] {
        socket.send_text(text).await;
        let error = socket.expect_push("error").await;
        assert_eq!(error["code"], code, "{text}");
        assert!(!error["message"].as_str().unwrap().is_empty());
    }
    socket.expect_silence().await;
    for _ in 0..5 {
        socket.send_text("nonsense").await;
    }
    assert_eq!(socket.close_code().await, 1008);
    let (_, shown) = app.get(&format!("/api/projects/{project}")).await;
    assert_eq!(shown["state"]["status"], json!(null), "nothing was changed");
}

#[tokio::test]
async fn binary_and_oversized_frames_close_with_their_codes() {
    let app = spawn_app().await;
    let project = app.project(BRIEF).await;
    let mut socket = app.socket(&project, None).await;
    socket.stream.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(socket.close_code().await, 1003);

    let mut socket = app.socket(&project, None).await;
    let _ = socket.stream.send(Message::text("x".repeat(65 * 1024))).await;
    assert_eq!(socket.close_code().await, 1009);

    // The header alone is enough: no byte of the announced gigabyte was sent.
    let mut stream = handshake(&app, &project).await;
    let mut header = vec![0x81, 0xff];
    header.extend((1u64 << 30).to_be_bytes());
    stream.write_all(&header).await.unwrap();
    let mut heard = Vec::new();
    tokio::time::timeout(SOON, stream.read_to_end(&mut heard)).await.expect("the server must close").unwrap();
    let close = [0x03, 0xf1];
    assert!(heard.windows(2).any(|bytes| bytes == close), "1009 was not sent");
}

#[tokio::test]
async fn fragments_are_joined_and_limited() {
    let app = spawn_app().await;
    let project = app.project(BRIEF).await;
    let mut socket = app.socket(&project, None).await;
    let parts = ["{\"type\":", "\"pi", "ng\"}"];
    for (place, part) in parts.iter().enumerate() {
        let opcode = if place == 0 { Data::Text } else { Data::Continue };
        let frame = Frame::message(part.as_bytes().to_vec(), OpCode::Data(opcode), place == parts.len() - 1);
        socket.stream.send(Message::Frame(frame)).await.unwrap();
        // A control frame may come in between.
        socket.stream.send(Message::Ping(vec![1].into())).await.unwrap();
    }
    socket.expect_push("pong").await;
    for place in 0..20 {
        let opcode = if place == 0 { Data::Text } else { Data::Continue };
        let frame = Frame::message(vec![b'x'; 16 * 1024], OpCode::Data(opcode), false);
        if socket.stream.send(Message::Frame(frame)).await.is_err() {
            break;
        }
    }
    assert_eq!(socket.close_code().await, 1009);
}

async fn handshake(app: &TestApp, project: &str) -> tokio::net::TcpStream {
    let mut stream = tokio::net::TcpStream::connect(app.address).await.unwrap();
    let request = format!(
        "GET /api/ws/projects/{project} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        app.address
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    // The accept key of RFC 6455 section 1.3.
    assert!(String::from_utf8_lossy(&head).contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    stream
}

#[tokio::test]
async fn unmasked_frames_and_reserved_bits_are_protocol_errors() {
    let app = spawn_app().await;
    let project = app.project(BRIEF).await;
    for bad in [&[0x81u8, 0x01, b'x'][..], &[0xc1, 0x81, 0, 0, 0, 0, b'x'], &[0x83, 0x80, 0, 0, 0, 0]] {
        let mut stream = handshake(&app, &project).await;
        stream.write_all(bad).await.unwrap();
        let mut heard = Vec::new();
        tokio::time::timeout(SOON, stream.read_to_end(&mut heard))
            .await
            .expect("the server must close")
            .unwrap();
        assert!(heard.windows(2).any(|bytes| bytes == [0x03, 0xea]), "1002 was not sent for {bad:?}");
    }
}

#[tokio::test]
async fn upgrades_are_refused_with_a_problem() {
    let app = spawn_app().await;
    let project = app.project(BRIEF).await;
    let room = format!("/api/ws/projects/{project}");
    let unknown = format!("/api/ws/projects/{}", uuid::Uuid::now_v7());
    assert_eq!(status_of(&app, &room, &[]).await.0, 101);
    for (path, headers, status) in [
        (unknown.as_str(), vec![], 404),
        ("/api/ws/projects/not-a-uuid", vec![], 404),
        ("/api/ws/projects/..%2f..", vec![], 404),
        ("/elsewhere", vec![], 404),
        (&format!("{room}?since=nonsense"), vec![], 400),
        (&room, vec![("origin", "http://evil.example".to_owned())], 403),
        (&room, vec![("host", "evil.example".to_owned())], 421),
        (&format!("{room}?token=wrong"), vec![], 401),
        (&room, vec![("sec-websocket-version", "8".to_owned())], 426),
    ] {
        let (answered, body) = status_of(&app, path, &headers).await;
        assert_eq!(answered, status, "{path} {headers:?} {body}");
        assert!(body.contains("\"detail\""), "{body}");
    }
    let own = format!("http://{}", app.address);
    assert_eq!(status_of(&app, &room, &[("origin", own)]).await.0, 101);
}

#[tokio::test]
async fn a_removed_project_and_a_stop_say_goodbye() {
    let app = spawn_app().await;
    let project = app.project(BRIEF).await;
    let other = app.project(BRIEF).await;
    let mut socket = app.socket(&project, None).await;
    let mut stays = app.socket(&other, None).await;
    assert_eq!(app.delete(&format!("/api/projects/{project}")).await.0, 204);
    assert_eq!(socket.close_code().await, 4504);
    stays.expect_silence().await;
    let stopping = tokio::spawn(app.stop());
    let goodbye = stays.expect_push("shutdown").await;
    assert!(goodbye["reconnect_in_ms"].is_u64());
    assert_eq!(stays.close_code().await, 4000);
    stopping.await.unwrap();
}

#[tokio::test]
async fn presence_counts_viewers() {
    let app = spawn_app().await;
    let project = app.project(BRIEF).await;
    let mut first = app.raw_socket(&project, None).await;
    let second = app.raw_socket(&project, None).await;
    let mut viewers = async || loop {
        use futures_util::StreamExt;
        if let Message::Text(text) = first.stream.next().await.unwrap().unwrap() {
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            if value["type"] == "presence" {
                return value["viewers"].as_u64().unwrap();
            }
        }
    };
    while viewers().await != 2 {}
    drop(second);
    while viewers().await != 1 {}
}

#[tokio::test]
async fn silent_and_half_open_clients_are_ended() {
    let app = spawn_app_with(Box::new(|options| {
        options.heartbeat.ping_ms = 100;
        options.heartbeat.silence_ms = 400;
    }))
    .await;
    let project = app.project(BRIEF).await;
    // Never answers a ping: it does not read at all.
    let mut silent = handshake(&app, &project).await;
    let mut heard = Vec::new();
    tokio::time::timeout(SOON, silent.read_to_end(&mut heard))
        .await
        .expect("a silent client must be ended")
        .ok();
    assert!(heard.windows(2).any(|bytes| bytes == [0x89, 0x00]), "it was pinged before");
    // One that reads answers pings, and stays.
    let mut alive = app.socket(&project, None).await;
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(1);
    while tokio::time::Instant::now() < deadline {
        alive.expect_silence().await;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    // A request that never ends its head is answered with 408.
    let mut slow = tokio::net::TcpStream::connect(app.address).await.unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHost: ").await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(SOON, slow.read_to_string(&mut answer)).await.expect("it must be ended").unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn a_viewer_may_watch_but_not_cancel() {
    let app = spawn_app_with(Box::new(|options| {
        let hash = |token: &str| {
            use sha2::Digest;
            hex::encode(sha2::Sha256::digest(token))
        };
        options.config.auth.tokens = vec![
            callboard::config::TokenHash { role: callboard::domain::role::Role::Viewer, sha256: hash("see") },
            callboard::config::TokenHash {
                role: callboard::domain::role::Role::Operator,
                sha256: hash("do"),
            },
        ];
    }))
    .await;
    let created = app
        .http
        .post(app.url("/api/projects"))
        .bearer_auth("do")
        .json(&json!({ "name": "Test", "brief": BRIEF }))
        .send()
        .await
        .unwrap();
    assert_eq!(created.status(), 201);
    let project: serde_json::Value = created.json().await.unwrap();
    let project = project["id"].as_str().unwrap();

    let mut stranger = app.raw_socket(project, None).await;
    stranger.send_text("ping").await;
    assert_eq!(stranger.expect_push("error").await["code"], "unauthorised");
    stranger.send(json!({ "type": "auth", "token": "wrong" })).await;
    assert_eq!(stranger.close_code().await, 4501);

    let mut viewer = app.raw_socket(project, None).await;
    viewer.send(json!({ "type": "auth", "token": "see" })).await;
    viewer.expect_push("connection").await;
    viewer.send(json!({ "type": "cancel", "run_id": uuid::Uuid::now_v7().to_string() })).await;
    assert_eq!(viewer.expect_push("error").await["code"], "forbidden");
    viewer.expect_silence().await;

    let by_query = format!("ws://{}/api/ws/projects/{project}?token=see", app.address);
    assert!(tokio_tungstenite::connect_async(by_query).await.is_ok());
    wait_for("the server to answer", async || (app.get("/healthz").await.0 == 200).then_some(())).await;
}
