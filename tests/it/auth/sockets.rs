//! Live connections whose right to be there ends, or is made longer.

use callboard::config::Secret;
use callboard::domain::role::Role;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::{SECRET, closed, file, open, seconds_from_now, signed, token};
use crate::helpers::{ADMIN_TOKEN, SOON, TestApp, spawn_app_with, wait_for};

#[tokio::test]
async fn sockets_are_refused_with_a_status_before_the_upgrade_and_a_code_after_it() {
    let (app, [mine, other], operator) = closed().await;
    let (_, bound) = token(&app, Role::Viewer, &[&mine], None);
    let (_, over) = token(&app, Role::Viewer, &[], Some(0));
    let with = |token: &str| format!("?token={token}");
    let evil = [("origin", "http://evil.example")];
    let strange = [("host", "evil.example")];
    for (project, query, headers, expected) in [
        (&mine, with(&operator), &evil[..], 403),
        (&mine, with(&operator), &strange[..], 421),
        (&mine, with("wrong"), &[], 401),
        (&mine, with(&over), &[], 401),
        (&other, with(&bound), &[], 403),
        (&"0190b5f0-8a52-7c5e-9d43-2f1b6c7d8e9f".to_owned(), with(&bound), &[], 403),
        (&"0190b5f0-8a52-7c5e-9d43-2f1b6c7d8e9f".to_owned(), with(&operator), &[], 404),
    ] {
        assert_eq!(open(&app, project, &query, headers).await.err(), Some(expected), "{query} {headers:?}");
    }
    for (project, token, expected) in
        [(&mine, "wrong", 4501), (&mine, over.as_str(), 4503), (&other, bound.as_str(), 4501)]
    {
        let mut socket = open(&app, project, "", &[]).await.ok().unwrap();
        socket.send(json!({ "type": "auth", "token": token })).await;
        assert_eq!(socket.close_code().await, expected, "{token}");
    }
    let mut silent = open(&app, &mine, "", &[]).await.ok().unwrap();
    silent.send(json!({ "type": "get_state" })).await;
    assert_eq!(silent.expect_push("error").await["code"], "unauthorised", "nothing before a token");
    silent.send(json!({ "type": "auth", "token": bound })).await;
    silent.expect_push("connection").await;
}

#[tokio::test]
async fn a_revoked_token_closes_what_it_had_opened_on_every_surface() {
    let (app, [mine, _], operator) = closed().await;
    let (id, viewer) = token(&app, Role::Viewer, &[], None);
    let mut stays = open(&app, &mine, &format!("?token={operator}"), &[]).await.ok().unwrap();
    stays.expect_push("connection").await;
    let mut room = open(&app, &mine, &format!("?token={viewer}"), &[]).await.ok().unwrap();
    room.expect_push("connection").await;
    let events = app.http.get(app.url(&format!("/api/projects/{mine}/events"))).bearer_auth(&viewer);
    let mut events = events.header("accept", "text/event-stream").send().await.unwrap().bytes_stream();
    assert!(events.next().await.unwrap().unwrap().starts_with(b"retry:"));
    let mut socketio = SocketIo::open(&app, &viewer).await;
    file(&app).revoke(&id).unwrap();
    assert_eq!(room.close_code().await, 4502);
    tokio::time::timeout(SOON, async { while events.next().await.is_some_and(|piece| piece.is_ok()) {} })
        .await
        .expect("the stream of events must end");
    let told = socketio.until("42[\"task_error\"").await;
    assert!(told.contains("\"revoked\""), "{told}");
    socketio.until("41").await;
    stays.expect_silence().await;
}

#[tokio::test]
async fn a_token_that_ends_closes_its_socket_unless_another_came_in_time() {
    let app = spawn_app_with(Box::new(|options| {
        options.config.auth.jwt_secret = Some(Secret::new(SECRET));
    }))
    .await;
    let request = app.http.post(app.url("/api/projects")).bearer_auth(ADMIN_TOKEN);
    let made = request.json(&json!({ "brief": super::BRIEF })).send().await.unwrap();
    let made: Value = made.json().await.unwrap();
    let project = made["id"].as_str().unwrap();
    let lasting = |seconds: i64| signed(&json!({ "role": "viewer", "exp": seconds_from_now(seconds) }));
    let query = format!("?token={}", lasting(8));
    let mut ends = open(&app, project, &query, &[]).await.ok().unwrap();
    let mut goes_on = open(&app, project, &query, &[]).await.ok().unwrap();
    let mut socketio = SocketIo::open(&app, &lasting(8)).await;
    let _talker = SocketIo::open(&app, &lasting(8)).await;
    let stream = app.http.get(app.url(&format!("/api/projects/{project}/events"))).bearer_auth(lasting(8));
    let mut stream = stream.header("accept", "text/event-stream").send().await.unwrap();
    ends.expect_push("connection").await;
    goes_on.expect_push("connection").await;
    goes_on.send(json!({ "type": "auth", "token": lasting(600) })).await;
    goes_on.expect_silence().await;
    let refresh = json!(["auth", { "token": lasting(600) }]);
    socketio.send(&format!("421{refresh}")).await;
    assert!(socketio.until("431[").await.contains("\"viewer\""));
    assert_eq!(ends.close_code().await, 4503);
    while tokio::time::timeout(SOON, stream.chunk()).await.expect("the stream must end").unwrap().is_some() {}
    goes_on.expect_silence().await;
    // Whatever carries it, an end of time is called by one number.
    wait_for("three clients to have gone, each with the same code", async || {
        let request = app.http.get(app.url("/websocket/clients")).bearer_auth(ADMIN_TOKEN);
        let seen: Value = request.send().await.unwrap().json().await.unwrap();
        let closed = seen["closed"].as_array().unwrap().iter();
        let mut gone: Vec<_> = closed.map(|one| (one["surface"].to_string(), one["code"].clone())).collect();
        gone.sort_by(|a, b| a.0.cmp(&b.0));
        let named = |surface: &str| (format!("{surface:?}"), json!(4503));
        (gone == [named("room"), named("socketio"), named("sse")]).then_some(())
    })
    .await;
    socketio.send("422[\"request_status\"]").await;
    socketio.until("432[").await;
}

#[tokio::test]
async fn a_socketio_client_of_one_project_hears_of_no_other() {
    let (app, [mine, other], operator) = closed().await;
    let (_, bound) = token(&app, Role::Viewer, &[&mine], None);
    let started = app.http.post(app.url(&format!("/api/projects/{other}/generate"))).bearer_auth(&operator);
    let started: Value = started.json(&json!({})).send().await.unwrap().json().await.unwrap();
    let mut socketio = SocketIo::open(&app, &bound).await;
    let join = json!(["join_task", { "task_id": started["run_id"] }]);
    socketio.send(&format!("421{join}")).await;
    let told = socketio.until("431[").await;
    assert!(told.contains("not_found"), "{told}");
    socketio.send("422[\"request_status\"]").await;
    assert!(socketio.until("432[").await.contains("forbidden"));
    socketio.send("423[\"join_admin_dashboard\"]").await;
    assert!(socketio.until("433[").await.contains("forbidden"));
    for said in &socketio.heard {
        assert!(!said.contains("\"telemetry\"") && !said.contains("42[\"status\""), "{said}");
    }
}

/// A Socket.IO client over a WebSocket.
struct SocketIo {
    stream: tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>,
    heard: Vec<String>,
}

impl SocketIo {
    async fn open(app: &TestApp, token: &str) -> SocketIo {
        let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket", app.address);
        let (stream, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        let mut client = SocketIo { stream, heard: Vec::new() };
        client.until("0{").await;
        client.send(&format!("40{}", json!({ "token": token }))).await;
        client.until("40{").await;
        client
    }

    async fn send(&mut self, text: &str) {
        self.stream.send(Message::text(text)).await.unwrap();
    }

    async fn until(&mut self, begin: &str) -> String {
        loop {
            let message = tokio::time::timeout(SOON, self.stream.next()).await.expect("something must come");
            let message = message.unwrap_or_else(|| panic!("closed before {begin}")).unwrap();
            if let Message::Text(text) = message {
                self.heard.push(text.to_string());
                if text.starts_with(begin) {
                    return text.to_string();
                }
            }
        }
    }
}
