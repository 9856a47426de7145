//! Floods: limited or refused, while others go on.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::BRIEF;
use crate::helpers::{SOON, TestApp, spawn_app_with, wait_for};

/// A server that counts clients of this machine as well.
async fn counting(change: fn(&mut callboard::config::LimitsConfig)) -> TestApp {
    spawn_app_with(Box::new(move |options| {
        options.config.limits.local_too = true;
        change(&mut options.config.limits);
    }))
    .await
}

#[tokio::test]
async fn too_many_requests_are_told_when_to_come_back() {
    let app = counting(|limits| limits.requests_per_second = 5).await;
    let mut refused = None;
    for _ in 0..50 {
        let answer = app.http.get(app.url("/api/projects")).send().await.unwrap();
        if answer.status() == 429 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("a flood is refused");
    let seconds: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=2).contains(&seconds));
    let problem: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(problem["type"], "urn:callboard:problem:too-many-requests");
    wait_for("there to be room again", async || (app.get("/api/projects").await.0 == 200).then_some(()))
        .await;
}

#[tokio::test]
async fn a_local_server_is_not_limited() {
    let app = spawn_app_with(Box::new(|options| {
        options.config.limits.requests_per_second = 1;
        options.config.limits.connects_per_second = 1;
        options.config.limits.connections_per_address = 1;
    }))
    .await;
    let project = app.project(BRIEF).await;
    for _ in 0..50 {
        app.publish(&project, 1).await;
    }
    let _one = app.socket(&project, None).await;
    let _two = app.socket(&project, None).await;
}

/// Whether a connection lives: it answers a request.
async fn lives(app: &TestApp) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    let head = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", app.address);
    stream.write_all(head.as_bytes()).await.ok()?;
    let mut answer = [0; 12];
    let read = tokio::time::timeout(SOON, stream.read_exact(&mut answer)).await.expect("an answer or an end");
    (read.is_ok() && answer.starts_with(b"HTTP/1.1 200")).then_some(stream)
}

#[tokio::test]
async fn connections_of_one_address_are_counted_sockets_included() {
    let app = counting(|limits| {
        limits.connects_per_second = 0;
        limits.connections_per_address = 4;
    })
    .await;
    let project = app.project(BRIEF).await;
    let socket = app.socket(&project, None).await;
    // The client of the tests keeps one of its own.
    let mut held = Vec::new();
    while let Some(stream) = lives(&app).await {
        held.push(stream);
        assert!(held.len() <= 4, "there is a limit");
    }
    assert_eq!(held.len(), 2);
    drop(socket);
    wait_for("the place of the socket", async || lives(&app).await).await;
}

#[tokio::test]
async fn connections_that_come_too_fast_are_closed_and_others_keep_their_pace() {
    let app = counting(|limits| limits.connects_per_second = 20).await;
    let project = app.project(BRIEF).await;
    let mut socket = app.socket(&project, None).await;
    let mut streams = Vec::new();
    for _ in 0..500 {
        streams.push(TcpStream::connect(app.address).await.unwrap());
    }
    wait_for("four of five to be closed", async || {
        let mut open = Vec::new();
        for mut stream in streams.drain(..) {
            let mut scrap = [0; 1];
            let read = tokio::time::timeout(Duration::from_millis(1), stream.read(&mut scrap)).await;
            match read {
                Ok(Ok(0) | Err(_)) => {}
                // Whoever is let in and says nothing is told so in the end.
                Ok(Ok(_)) => panic!("a connection was let in and waited for"),
                Err(_) => open.push(stream),
            }
        }
        streams = open;
        (streams.len() <= 100).then_some(())
    })
    .await;
    socket.expect_silence().await;
}

#[tokio::test]
async fn a_socket_that_says_too_much_is_heard_more_slowly_and_then_not_at_all() {
    let app = counting(|limits| limits.messages_per_second = 50).await;
    let project = app.project(BRIEF).await;
    let mut flood = app.socket(&project, None).await;
    let mut other = app.socket(&project, None).await;
    for _ in 0..1_000 {
        flood.send(json!({ "type": "ping" })).await;
    }
    other.expect_silence().await;
    let began = std::time::Instant::now();
    for _ in 0..150 {
        flood.expect_push("pong").await;
    }
    assert!(began.elapsed() >= Duration::from_millis(500), "a hundred at once, then fifty a second");
    other.expect_silence().await;
}
