//! Floods of one address: limited or refused, while others keep their latency and the server its memory.
//!
//! The numbers are those of an everyday run; `CALLBOARD_FLOOD_MESSAGES`, `_CONNECTIONS`, `_SLOW` and `_SIDS` set others.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::helpers::process::Server;
use crate::helpers::{ADMIN_TOKEN, SOON, Socket};

/// Where the floods come from; others come from elsewhere.
const ATTACKER: &str = "127.0.0.2:0";
/// What the memory may grow by: far less than what was thrown at it, and more than what the allocator does by itself.
const GROWTH_KIB_MAX: u64 = 64 * 1024;
/// Nine of ten events of others come within this. What a quiet machine needs is a hundredth of it; a server that a flood
/// holds up needs seconds.
const LATENCY_MAX: Duration = Duration::from_millis(750);

fn number(what: &str, usual: usize) -> usize {
    std::env::var(format!("CALLBOARD_FLOOD_{what}"))
        .map_or(usual, |text| text.parse().expect("the size of a flood is a number"))
}

/// A server that counts clients of this machine as any others.
fn server(dir: &tempfile::TempDir, settings: &[(&str, &str)]) -> Server {
    let all = [&[("CALLBOARD_LIMITS_LOCAL_TOO", "true"), ("CALLBOARD_STORE_DURABILITY", "system")], settings];
    Server::with(dir.path(), &all.concat())
}

/// Memory of the server that is in RAM.
fn resident_kib(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

type Flood = Pin<Box<dyn Future<Output = ()>>>;

/// Carries a flood out on a thread of its own, while somebody else publishes and hears. Says how long it took.
async fn under(server: &Server, flood: impl FnOnce(SocketAddr) -> Flood + Send + 'static) -> Duration {
    let address: SocketAddr = server.address.parse().unwrap();
    let http = reqwest::Client::new();
    let ask = |path: &str, body| http.post(server.url(path)).bearer_auth(ADMIN_TOKEN).json(&body).send();
    let made = ask("/api/projects", json!({ "brief": "A list of notes with title and text." })).await;
    let made: serde_json::Value = made.unwrap().json().await.unwrap();
    let project = made["id"].as_str().unwrap();
    let events = format!("/api/projects/{project}/events");
    let url = format!("ws://{address}/api/ws/projects/{project}?token={ADMIN_TOKEN}");
    let (stream, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let mut hears = Socket { stream, connection: json!(null) };
    hears.expect_push("connection").await;
    let mut once = async |n: usize| {
        let began = Instant::now();
        let answer = ask(&events, json!({ "type": "event", "name": "n", "data": n })).await.unwrap();
        assert_eq!(answer.status(), 202);
        assert_eq!(hears.expect_push("event").await["data"], n);
        began.elapsed()
    };
    once(0).await;
    let before = resident_kib(server);
    let began = Instant::now();
    let flooding = std::thread::spawn(move || actix_rt::System::new().block_on(flood(address)));
    let mut latencies = Vec::new();
    while !flooding.is_finished() {
        latencies.push(once(latencies.len()).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let took = began.elapsed();
    if let Err(panic) = flooding.join() {
        std::panic::resume_unwind(panic);
    }
    latencies.push(once(latencies.len()).await);
    latencies.sort_unstable();
    let slow = latencies[(latencies.len() - 1) * 9 / 10];
    let grown = resident_kib(server).saturating_sub(before);
    eprintln!(
        "{} events of others in {took:?}: nine of ten within {slow:?}, worst {:?}; the server grew by {grown} KiB",
        latencies.len(),
        latencies[latencies.len() - 1]
    );
    assert!(slow <= LATENCY_MAX, "others wait for {slow:?}");
    assert!(grown <= GROWTH_KIB_MAX, "the server grew by {grown} KiB");
    took
}

async fn connect(address: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(ATTACKER.parse().unwrap())?;
    socket.connect(address).await
}

/// A socket of the attacker at this path, with what has to be said first.
async fn websocket(address: SocketAddr, path: &str, first: Option<&str>) -> WebSocketStream<TcpStream> {
    let stream = connect(address).await.unwrap();
    let (mut socket, _) =
        tokio_tungstenite::client_async(format!("ws://{address}{path}"), stream).await.unwrap();
    if let Some(first) = first {
        socket.send(Message::text(first)).await.unwrap();
    }
    socket
}

/// Says `count` times the same at a thousand a second and more; answers how many answers came until `last` was asked.
async fn talk(
    socket: WebSocketStream<TcpStream>,
    question: &str,
    answer: &str,
    count: usize,
) -> (usize, Duration) {
    let (mut says, mut hears) = socket.split();
    let began = Instant::now();
    let saying = async {
        for _ in 0..count {
            if says.send(Message::text(question)).await.is_err() {
                return;
            }
        }
    };
    // As long as a thousand a second would take; what is not answered then is heard later, or never.
    let until = tokio::time::Instant::from_std(began) + Duration::from_millis(count as u64);
    let mut answers = 0;
    let hearing = async {
        while let Ok(Some(Ok(message))) = tokio::time::timeout_at(until, hears.next()).await {
            answers += usize::from(message.to_text().is_ok_and(|text| text.starts_with(answer)));
        }
    };
    // Whoever does not read on is not waited for.
    tokio::select! {
        ((), ()) = futures_util::future::join(saying, async { tokio::time::sleep_until(until).await }) => {}
        () = async { hearing.await; tokio::time::sleep_until(until).await } => {}
    }
    (answers, began.elapsed())
}

#[tokio::test]
async fn a_socket_that_says_a_thousand_a_second_is_heard_at_its_pace() {
    let count = number("MESSAGES", 3_000);
    let dir = tempfile::tempdir().unwrap();
    let server = server(
        &dir,
        &[
            ("CALLBOARD_LIMITS_MESSAGES_PER_SECOND", "200"),
            ("CALLBOARD_SOCKETIO_PACKETS_PER_SECOND_MAX", "200"),
        ],
    );
    let made = reqwest::Client::new()
        .post(server.url("/api/projects"))
        .json(&json!({ "brief": "A list of notes with title." }));
    let made: serde_json::Value = made.send().await.unwrap().json().await.unwrap();
    let room = format!("/api/ws/projects/{}", made["id"].as_str().unwrap());
    under(&server, move |address| {
        Box::pin(async move {
            let subscribe = r#"{"type":"subscribe","channels":["jobs","queue","system"]}"#;
            let floods = [
                (room.as_str(), None, r#"{"type":"ping"}"#, r#"{"type":"pong""#),
                (room.as_str(), None, r#"{"type":"get_state"}"#, r#"{"type":"connection""#),
                ("/ws", Some(subscribe), r#"{"type":"ping"}"#, r#"{"type":"pong""#),
                ("/ws", None, subscribe, r#"{"type":"subscribed""#),
                ("/socket.io/?EIO=4&transport=websocket", Some("40"), r#"421["request_status"]"#, "431["),
            ];
            let talks = floods.map(|(path, first, question, answer)| async move {
                let socket = websocket(address, path, first).await;
                (path, question, talk(socket, question, answer, count).await)
            });
            for (path, question, (answers, took)) in join_all(talks).await {
                // Two seconds' worth at once, then two hundred a second.
                let allowed = 400.0 + 200.0 * took.as_secs_f64() + 50.0;
                assert!(answers as f64 <= allowed, "{path} {question}: {answers} in {took:?}");
                assert!(answers > 0, "{path} {question} is heard at its pace");
            }
        })
    })
    .await;
}

#[tokio::test]
async fn connections_of_one_address_beyond_its_pace_are_refused() {
    let count = number("CONNECTIONS", 10_000);
    let dir = tempfile::tempdir().unwrap();
    let server = server(
        &dir,
        &[("CALLBOARD_LIMITS_CONNECTS_PER_SECOND", "50"), ("CALLBOARD_LIMITS_REQUESTS_PER_SECOND", "0")],
    );
    let (tell, told) = std::sync::mpsc::channel();
    let took = under(&server, move |address| {
        Box::pin(async move {
            const AT_ONCE: usize = 64;
            let attempts = (0..AT_ONCE).map(|lane| async move {
                let mut served = 0;
                for _ in (lane..count).step_by(AT_ONCE) {
                    served += usize::from(is_served(address).await);
                }
                served
            });
            let served: usize = join_all(attempts).await.into_iter().sum();
            tell.send(served).unwrap();
        })
    })
    .await;
    let served = told.recv().unwrap();
    let allowed = 100.0 + 50.0 * took.as_secs_f64() + 20.0;
    eprintln!("{served} of {count} were let in within {took:?}");
    assert!(served as f64 <= allowed, "{served} of {count} were let in within {took:?}");
    assert!(served > 0);
}

/// Whether a connection is let in and answered.
async fn is_served(address: SocketAddr) -> bool {
    let attempt = async {
        let mut stream = connect(address).await?;
        stream.write_all(format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes()).await?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await?;
        Ok::<_, std::io::Error>(answer.starts_with(b"HTTP/1.1 200"))
    };
    tokio::time::timeout(SOON, attempt).await.expect("an answer or an end").unwrap_or(false)
}

#[tokio::test]
async fn heads_and_bodies_that_drip_are_ended() {
    let count = number("SLOW", 40);
    let dir = tempfile::tempdir().unwrap();
    let connects =
        [("CALLBOARD_LIMITS_CONNECTS_PER_SECOND", "0"), ("CALLBOARD_LIMITS_CONNECTIONS_PER_ADDRESS", "0")];
    let server = server(&dir, &connects);
    let brief = json!({ "brief": "A caption for each.", "pipeline": "caption" });
    let made = reqwest::Client::new().post(server.url("/api/projects")).json(&brief);
    let made: serde_json::Value = made.send().await.unwrap().json().await.unwrap();
    let id = made["id"].as_str().unwrap().to_owned();
    let poll =
        reqwest::get(server.url("/socket.io/?EIO=4&transport=polling")).await.unwrap().text().await.unwrap();
    let poll: serde_json::Value = serde_json::from_str(&poll[1..]).unwrap();
    let sid = poll["sid"].as_str().unwrap().to_owned();
    under(&server, move |address| {
        Box::pin(async move {
            let post = |path: &str, kind: &str, framing: &str| {
                format!(
                    "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: {kind}\r\n{framing}\r\n\r\n"
                )
            };
            let (length, chunks) = ("Content-Length: 100000", "Transfer-Encoding: chunked");
            let form = "multipart/form-data; boundary=b";
            let beginnings = [
                ("a line of the request", String::new(), "G"),
                ("a head", format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\n"), "X: y\r\n"),
                ("a socket", "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n".to_owned(), "X: y\r\n"),
                ("a project", post("/api/projects", "application/json", length), " "),
                ("a project in pieces", post("/api/projects", "application/json", chunks), "1\r\n \r\n"),
                ("an event", post(&format!("/api/projects/{id}/events"), "application/json", length), " "),
                (
                    "a picture",
                    post(&format!("/api/projects/{id}/inputs?name=a.png"), "image/png", length),
                    "x",
                ),
                ("a form", post(&format!("/api/projects/{id}/inputs"), form, length), "x"),
                (
                    "a message",
                    post(&format!("/socket.io/?EIO=4&transport=polling&sid={sid}"), "text/plain", length),
                    "4",
                ),
                ("a body that is not wanted", post("/healthz", "text/plain", length), "x"),
            ];
            let drips = beginnings.iter().flat_map(|one| std::iter::repeat_n(one, count.div_ceil(10)));
            let drips = drips.map(|(name, begin, drop)| async move {
                let mut stream = connect(address).await.unwrap();
                let _ = stream.write_all(begin.as_bytes()).await;
                let dripping = drip(stream, drop);
                let ended = tokio::time::timeout(Duration::from_secs(60), dripping).await;
                ended.is_err().then_some(name)
            });
            let mut on: Vec<_> = join_all(drips).await.into_iter().flatten().collect();
            on.dedup();
            assert!(on.is_empty(), "these drip on: {on:?}");
        })
    })
    .await;
}

/// Sends a little now and then until the server ends the connection.
async fn drip(mut stream: TcpStream, drop: &str) {
    let mut answer = [0; 1024];
    loop {
        match tokio::time::timeout(Duration::from_millis(300), stream.read(&mut answer)).await {
            Ok(Ok(0) | Err(_)) => return,
            Ok(Ok(_)) => {}
            Err(_) => {
                if stream.write_all(drop.as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    }
}

#[tokio::test]
async fn sids_that_nobody_uses_give_way_and_take_no_memory() {
    let count = number("SIDS", 100_000);
    let dir = tempfile::tempdir().unwrap();
    // As if they came from many addresses: nothing but the number of sessions holds them back.
    let server = server(
        &dir,
        &[("CALLBOARD_LIMITS_REQUESTS_PER_SECOND", "0"), ("CALLBOARD_LIMITS_CONNECTS_PER_SECOND", "0")],
    );
    let idle_max = 4_096;
    under(&server, move |address| {
        Box::pin(async move {
            const AT_ONCE: usize = 16;
            join_all((0..AT_ONCE).map(|lane| async move {
                let mut stream = connect(address).await.unwrap();
                let request =
                    format!("GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: {address}\r\n\r\n");
                let mut answer = vec![0; 4096];
                for _ in (lane..count).step_by(AT_ONCE) {
                    stream.write_all(request.as_bytes()).await.unwrap();
                    let read = tokio::time::timeout(SOON, stream.read(&mut answer))
                        .await
                        .expect("an answer")
                        .unwrap();
                    assert!(
                        answer[..read].starts_with(b"HTTP/1.1 200"),
                        "{}",
                        String::from_utf8_lossy(&answer[..read])
                    );
                }
            }))
            .await;
        })
    })
    .await;
    let stats = reqwest::Client::new().get(server.url("/api/admin/stats")).bearer_auth(ADMIN_TOKEN);
    let stats: serde_json::Value = stats.send().await.unwrap().json().await.unwrap();
    let sessions = stats["connections"]["by_surface"]["socketio"].as_u64().unwrap();
    assert!((1..=idle_max + 8).contains(&sessions), "{sessions} sessions");
}
