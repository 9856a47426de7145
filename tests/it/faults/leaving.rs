//! Leaving in good order: what clients are told, what is refused, what goes on later, and that it ends in any case.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use crate::helpers::process::{Server, command, refused};
use crate::helpers::{READING_LIST, SOON, wait_for};

const BRIEF: &str = "A list of notes with title and text.";

/// A client that never reads, of which the server has bytes that it cannot get rid of.
async fn stalled(server: &Server, project: &str) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let address: std::net::SocketAddr = server.address.parse().unwrap();
    socket.connect(&address.into()).unwrap();
    socket.set_nonblocking(true).unwrap();
    let mut stream = TcpStream::from_std(socket.into()).unwrap();
    let head = format!(
        "GET /api/ws/projects/{project} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let text = "x".repeat(60_000);
    let event = json!({ "type": "event", "name": "n", "data": text });
    wait_for("bytes that wait for a peer", async || {
        let answer = server
            .try_post(&format!("/api/projects/{project}/events"), json!(vec![&event; 8]))
            .await
            .unwrap();
        assert_eq!(answer.status(), 202);
        let metrics = reqwest::Client::new().get(server.url("/metrics"));
        let metrics = metrics.bearer_auth(crate::helpers::ADMIN_TOKEN).send().await.unwrap();
        let text = metrics.text().await.unwrap();
        let queued = text.lines().find_map(|line| line.strip_prefix("callboard_sockets_queued_bytes "));
        (queued.unwrap().parse::<f64>().unwrap() > 0.0).then_some(())
    })
    .await;
    stream
}

async fn draining(server: &Server) {
    wait_for("the server to go down", async || {
        (reqwest::get(server.url("/readyz")).await.unwrap().status() == 503).then_some(())
    })
    .await;
}

/// Reads a socket to its end: the last two things said, and the close code.
async fn goodbye(server: &Server, project: &str) -> impl Future<Output = (Vec<Value>, u16)> + use<> {
    let url = format!("ws://{}/api/ws/projects/{project}", server.address);
    let (mut stream, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    // Let in for sure.
    let first = stream.next().await.unwrap().unwrap();
    assert!(first.to_text().unwrap().contains("\"connection\""));
    let reading = tokio::spawn(async move {
        let mut said = Vec::new();
        while let Some(Ok(message)) = stream.next().await {
            match message {
                Message::Text(text) => said.push(serde_json::from_str(&text).unwrap()),
                Message::Close(frame) => return (said, frame.map_or(1005, |frame| frame.code.into())),
                _ => {}
            }
        }
        (said, 1006)
    });
    async { tokio::time::timeout(SOON, reading).await.expect("the server must say goodbye").unwrap() }
}

async fn problem(answer: reqwest::Response) -> Value {
    assert_eq!(answer.status(), 503);
    assert!(answer.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap() > 0);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    answer.json().await.unwrap()
}

#[tokio::test]
async fn everyone_is_told_nothing_new_is_taken_and_the_run_goes_on_later() {
    let dir = tempfile::tempdir().unwrap();
    let settings = [("CALLBOARD_HTTP_DRAIN_MS", "20000"), ("CALLBOARD_SHUTDOWN_RECONNECT_PER_SECOND", "4")];
    let mut server = Server::gated_with(dir.path(), "before", "data", &settings);
    let project = server.project(READING_LIST).await;
    let other = server.project(BRIEF).await;
    let stalled = stalled(&server, &other).await;
    let run = server.generate(&project).await;
    server.wait_until_held();
    let before = server.get(&format!("/api/runs/{run}")).await;

    let mut sockets = Vec::new();
    for _ in 0..5 {
        sockets.push(goodbye(&server, &project).await);
    }
    let follow = reqwest::Client::new().get(server.url(&format!("/api/projects/{project}/events")));
    let follow = follow.header("accept", "text/event-stream").send().await.unwrap();

    server.signal(Signal::TERM);
    draining(&server).await;
    let told =
        problem(server.try_post(&format!("/api/projects/{other}/generate"), json!({})).await.unwrap()).await;
    assert_eq!(told["type"], "urn:callboard:problem:draining", "{told}");
    assert!(told["detail"].as_str().unwrap().contains("going down"), "{told}");
    let retry = server.try_post(&format!("/api/runs/{run}/retry"), json!({})).await.unwrap();
    assert_eq!(problem(retry).await["type"], told["type"]);
    for accept in ["text/event-stream", "*/*"] {
        let ask = reqwest::Client::new().get(server.url(&format!("/api/projects/{project}/events")));
        let answer = ask.header("accept", accept).send().await.unwrap();
        // What is on record may still be read.
        assert_eq!(answer.status(), if accept == "*/*" { 200 } else { 503 });
    }
    let url = format!("ws://{}/api/ws/projects/{project}", server.address);
    match tokio_tungstenite::connect_async(url).await {
        Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => {
            assert_eq!(answer.status(), 503);
            assert!(answer.headers().contains_key("retry-after"));
        }
        other => panic!("{other:?}"),
    }

    let mut slots = Vec::new();
    for socket in sockets {
        let (said, code) = socket.await;
        assert_eq!(code, 4000);
        let last = said.last().unwrap();
        assert_eq!(last["type"], "shutdown", "{last}");
        slots.push(last["reconnect_in_ms"].as_u64().unwrap());
        let checkpoint = said.iter().rev().find(|message| message["type"] == "status_update").unwrap();
        assert_eq!(
            checkpoint["status"], "queued",
            "the run was brought to a safe point before: {checkpoint}"
        );
    }
    // A stalled client and a follower have slots as well.
    let followed =
        tokio::time::timeout(SOON, follow.text()).await.expect("the stream must end").expect("properly");
    let retry = followed.trim_end().rsplit('\n').next().unwrap().strip_prefix("retry: ").expect(&followed);
    slots.push(retry.parse::<u64>().unwrap() - 2_000);
    slots.sort_unstable();
    slots.dedup();
    assert_eq!(slots.len(), 6, "everybody has a moment of its own: {slots:?}");
    assert!(slots.iter().all(|slot| slot % 250 == 0 && *slot <= 6 * 250), "four a second: {slots:?}");

    drop(stalled);
    assert_eq!(server.ended().await.code(), Some(0));
    let server = Server::plain(dir.path());
    let after = server.run_ended(&run).await;
    assert_eq!(after["status"], "completed", "{after}");
    for (before, after) in
        before["agents"].as_array().unwrap().iter().zip(after["agents"].as_array().unwrap())
    {
        if before["status"] == "completed" {
            assert_eq!(before, after, "what was done is not done again");
        }
    }
    assert_eq!(before["agents"][0]["status"], "completed");
    assert!(after["crash_attempts"].is_null() || after["crash_attempts"] == 0, "a stop is no crash: {after}");
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    for (second, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let dir = tempfile::tempdir().unwrap();
        let settings = [("CALLBOARD_HTTP_DRAIN_MS", "600000"), ("CALLBOARD_SHUTDOWN_TIMEOUT_MS", "600000")];
        let mut server = Server::with(dir.path(), &settings);
        let project = server.project(BRIEF).await;
        let _stalled = stalled(&server, &project).await;
        server.signal(Signal::TERM);
        draining(&server).await;
        server.signal(second);
        assert_eq!(server.ended().await.code(), Some(code));
        // Nothing is lost by it.
        let log = server_log(dir.path(), &project).await;
        assert!(log > 0);
    }
}

async fn server_log(dir: &std::path::Path, project: &str) -> usize {
    Server::plain(dir).log(project).await.len()
}

#[tokio::test]
async fn it_ends_within_its_time_though_something_hangs() {
    let dir = tempfile::tempdir().unwrap();
    let settings = [("CALLBOARD_HTTP_DRAIN_MS", "600000"), ("CALLBOARD_SHUTDOWN_TIMEOUT_MS", "1500")];
    let mut server = Server::with(dir.path(), &settings);
    let project = server.project(BRIEF).await;
    let _stalled = stalled(&server, &project).await;
    let began = Instant::now();
    server.signal(Signal::TERM);
    assert_eq!(server.ended().await.code(), Some(1), "it did not end in good order, and says so");
    assert!(began.elapsed() >= Duration::from_millis(1500), "it had its time");
    assert!(server_log(dir.path(), &project).await > 0);
}

#[tokio::test]
async fn a_second_server_on_the_same_data_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::plain(dir.path());
    let (code, said) = refused(command(dir.path()));
    assert_eq!(code, Some(1));
    let who = format!("in use by another process (process {})", server.child.id());
    assert!(said.contains(&who) && said.contains(&*dir.path().to_string_lossy()), "{said}");
    assert!(!server.get("/healthz").await.is_null(), "the first one lives on");
}
