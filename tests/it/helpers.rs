//! A real server in this process, and clients with verbs.

pub(crate) mod chance;
pub(crate) mod follower;
pub(crate) mod process;
pub(crate) mod proxy;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use callboard::app::{App, AppOptions};
use callboard::config::{Config, Durability, Secret};
use callboard::keeper::Keeper;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// The admin token of every test server.
pub(crate) const ADMIN_TOKEN: &str = "test-admin-token-0123456789abcdef";
/// The longest a test waits for something that must happen.
pub(crate) const SOON: Duration = Duration::from_secs(20);
/// The brief of the issue that everything has to manage.
pub(crate) const READING_LIST: &str = "A reading list: books with title, author, status (to read, reading, done) and rating 1 to 5; \
                                search by title, filter by status, sort by rating; count per status";

/// A server with a data directory of its own.
pub(crate) struct TestApp {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// A client that keeps connections.
    pub(crate) http: reqwest::Client,
    /// Its data directory.
    pub(crate) dir: Arc<tempfile::TempDir>,
    /// Carries retention out when a test says so.
    pub(crate) keeper: Keeper,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What a test wants different.
pub(crate) type Change = Box<dyn FnOnce(&mut AppOptions) + Send>;

/// The usual settings of a test server in `dir`.
pub(crate) fn config(dir: &Path) -> Config {
    let sources = callboard::config::load::Sources::default();
    let mut config = callboard::config::load::load(&sources).expect("the defaults are valid").config;
    config.listen = "127.0.0.1:0".parse().unwrap();
    config.data_dir = dir.to_owned();
    config.http.workers = 2;
    config.http.drain_ms = 500;
    config.store.durability = Durability::System;
    config.auth.admin_token = Some(Secret::new(ADMIN_TOKEN));
    config
}

/// Starts a server with the usual settings.
pub(crate) async fn spawn_app() -> TestApp {
    spawn_app_with(Box::new(|_| {})).await
}

/// Starts a server with other settings.
pub(crate) async fn spawn_app_with(change: Change) -> TestApp {
    spawn_app_in(Arc::new(tempfile::tempdir().unwrap()), change).await
}

/// Starts a server on a data directory that may have been used before.
pub(crate) async fn spawn_app_in(dir: Arc<tempfile::TempDir>, change: Change) -> TestApp {
    let (stop, stopped) = channel();
    let (ready, started) = tokio::sync::oneshot::channel();
    let mut options = AppOptions::new(config(dir.path()));
    options.sandbox_program = Some(env!("CARGO_BIN_EXE_callboard").into());
    change(&mut options);
    let thread = std::thread::spawn(move || {
        actix_rt::System::new().block_on(async move {
            let app = App::start(options).await.expect("the server must start");
            let _ = ready.send((app.address().expect("it serves HTTP"), app.keeper().clone()));
            let stopped = tokio::task::spawn_blocking(move || stopped.recv());
            let _ = stopped.await;
            app.stop().await;
        });
    });
    let (address, keeper) = started.await.expect("the server must start");
    TestApp { address, http: reqwest::Client::new(), dir, keeper, stop: Some(stop), thread: Some(thread) }
}

impl TestApp {
    /// Stops in good order and gives the data directory back.
    pub(crate) async fn stop(mut self) -> Arc<tempfile::TempDir> {
        let (stop, thread) = (self.stop.take(), self.thread.take());
        tokio::task::spawn_blocking(move || {
            drop(stop);
            thread.map(JoinHandle::join)
        })
        .await
        .unwrap();
        self.dir.clone()
    }

    /// An address on this server.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// GET with an answer in JSON.
    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        answer(self.http.get(self.url(path)).send().await.unwrap()).await
    }

    /// POST of JSON with an answer in JSON.
    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        answer(self.http.post(self.url(path)).json(&body).send().await.unwrap()).await
    }

    /// PATCH of JSON with an answer in JSON.
    pub(crate) async fn patch(&self, path: &str, body: Value) -> (u16, Value) {
        answer(self.http.patch(self.url(path)).json(&body).send().await.unwrap()).await
    }

    /// DELETE with an answer in JSON.
    pub(crate) async fn delete(&self, path: &str) -> (u16, Value) {
        answer(self.http.delete(self.url(path)).send().await.unwrap()).await
    }

    /// Makes a project; answers its id.
    pub(crate) async fn project(&self, brief: &str) -> String {
        let (status, project) = self.post("/api/projects", json!({ "name": "Test", "brief": brief })).await;
        assert_eq!(status, 201, "{project}");
        project["id"].as_str().unwrap().to_owned()
    }

    /// Starts a run; answers its id.
    pub(crate) async fn generate(&self, project: &str) -> String {
        let (status, accepted) = self.post(&format!("/api/projects/{project}/generate"), json!({})).await;
        assert_eq!(status, 202, "{accepted}");
        accepted["run_id"].as_str().unwrap().to_owned()
    }

    /// Publishes `count` small events.
    pub(crate) async fn publish(&self, project: &str, count: usize) {
        let events: Vec<Value> =
            (0..count).map(|n| json!({ "type": "event", "name": "n", "data": { "n": n } })).collect();
        let (status, answer) = self.post(&format!("/api/projects/{project}/events"), json!(events)).await;
        assert_eq!(status, 202, "{answer}");
    }

    /// Opens the socket of a project's room; the first message was read.
    pub(crate) async fn socket(&self, project: &str, since: Option<&str>) -> Socket {
        let mut socket = self.raw_socket(project, since).await;
        socket.connection = socket.expect_push("connection").await;
        socket
    }

    /// Opens the socket of a project's room and reads nothing.
    pub(crate) async fn raw_socket(&self, project: &str, since: Option<&str>) -> Socket {
        let since = since.map(|position| format!("?since={position}")).unwrap_or_default();
        let url = format!("ws://{}/api/ws/projects/{project}{since}", self.address);
        let (stream, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        Socket { stream, connection: Value::Null }
    }

    /// Waits until a run has ended; answers it.
    pub(crate) async fn ended(&self, run: &str) -> Value {
        wait_for("the run to end", async || {
            let (_, run) = self.get(&format!("/api/runs/{run}")).await;
            let status = run["status"].as_str().unwrap_or_default();
            ["completed", "partial", "failed", "cancelled", "timed_out"].contains(&status).then_some(run)
        })
        .await
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            if !std::thread::panicking() {
                ended.expect("the server must not panic");
            }
        }
    }
}

/// Waits for a condition, never for a while.
pub(crate) async fn wait_for<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + SOON * 3;
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "waited too long for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn answer(response: reqwest::Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// A client of a project room.
pub(crate) struct Socket {
    /// The stream.
    pub(crate) stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The first message.
    pub(crate) connection: Value,
}

impl Socket {
    /// Sends a JSON message.
    pub(crate) async fn send(&mut self, message: Value) {
        self.send_text(&message.to_string()).await;
    }

    /// Sends a text message.
    pub(crate) async fn send_text(&mut self, text: &str) {
        self.stream.send(Message::text(text)).await.unwrap();
    }

    /// The next JSON message that is not `presence`.
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            let message = tokio::time::timeout(SOON, self.stream.next()).await.expect("a message must come");
            if let Message::Text(text) = message.expect("the socket must stay open").unwrap() {
                let value: Value = serde_json::from_str(&text).unwrap();
                if value["type"] != "presence" {
                    return value;
                }
            }
        }
    }

    /// The next message; it must be of this type.
    pub(crate) async fn expect_push(&mut self, kind: &str) -> Value {
        let message = self.next().await;
        assert_eq!(message["type"], kind, "{message}");
        message
    }

    /// Reads until a message of this type.
    pub(crate) async fn until(&mut self, kind: &str) -> Value {
        loop {
            let message = self.next().await;
            if message["type"] == kind {
                return message;
            }
        }
    }

    /// Nothing is waiting: what was sent before was answered before this ping.
    pub(crate) async fn expect_silence(&mut self) {
        self.send(json!({ "type": "ping" })).await;
        self.expect_push("pong").await;
    }

    /// The code the server closes with.
    pub(crate) async fn close_code(&mut self) -> u16 {
        loop {
            match tokio::time::timeout(SOON, self.stream.next()).await.expect("the socket must close") {
                Some(Ok(Message::Close(Some(frame)))) => return frame.code.into(),
                Some(Ok(Message::Close(None))) => return 1005,
                Some(Ok(_)) => {}
                None | Some(Err(SocketError::ConnectionClosed | SocketError::Io(_))) => return 1006,
                Some(Err(error)) => panic!("{error}"),
            }
        }
    }
}
