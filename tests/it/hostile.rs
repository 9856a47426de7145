//! Hostile input: what does not hold is refused, what was there stays as it was, and the server lives on.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::helpers::{READING_LIST, SOON, TestApp, spawn_app, wait_for};

const BRIEF: &str = "A list of books with title and rating 1 to 5.";

/// Sends bytes and reads until the server has nothing more to say.
async fn talk(app: &TestApp, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    // The server may stop reading before the end of what it refuses.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        let read = tokio::time::timeout(SOON, stream.read(&mut buffer)).await;
        match read.expect("the server must answer and close") {
            Ok(0) | Err(_) => return String::from_utf8_lossy(&answer).into_owned(),
            Ok(count) => answer.extend_from_slice(&buffer[..count]),
        }
    }
}

/// A POST of a project with these lines in its head; `HOST` stands for where the server is.
async fn post_raw(app: &TestApp, head: &str, body: &str) -> String {
    let head = head.replace("HOST", &app.address.to_string());
    let request = format!(
        "POST /api/projects HTTP/1.1\r\n{head}Connection: close\r\nContent-Type: application/json\r\n\r\n{body}"
    );
    talk(app, request.as_bytes()).await
}

async fn projects(app: &TestApp) -> usize {
    app.get("/api/projects").await.1["projects"].as_array().unwrap().len()
}

async fn log_of(app: &TestApp, project: &str) -> Vec<Value> {
    let (status, page) = app.get(&format!("/api/projects/{project}/events?limit=5000")).await;
    assert_eq!(status, 200);
    assert_eq!(page["more"], false);
    page["events"].as_array().unwrap().clone()
}

/// A frame of a client, masked with zeros.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    assert!(length < 126);
    [&[first, 0x80 | length, 0, 0, 0, 0], payload].concat()
}

/// Opens a room's socket and sends frames in the same segment; answers the code the server closes with.
async fn closes_with(app: &TestApp, project: &str, frames: &[u8]) -> Option<u16> {
    let head = format!(
        "GET /api/ws/projects/{project} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        app.address
    );
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    stream.write_all(&[head.as_bytes(), frames].concat()).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(SOON, stream.read_to_end(&mut answer))
        .await
        .expect("the server must close")
        .unwrap();
    // The close frame is the last thing that is said.
    let at = answer.iter().rposition(|byte| *byte == 0x88)?;
    let length = usize::from(answer[at + 1]);
    assert_eq!(at + 2 + length, answer.len(), "nothing follows a close frame");
    (length >= 2).then(|| u16::from_be_bytes([answer[at + 2], answer[at + 3]]))
}

#[actix_rt::test]
async fn shapes_of_smuggled_requests_are_refused() {
    let app = spawn_app().await;
    let body = json!({ "brief": BRIEF }).to_string();
    let length = format!("Content-Length: {}\r\n", body.len());
    for (lines, status) in [
        (format!("Host: HOST\r\n{length}Transfer-Encoding: chunked\r\n"), 400),
        (format!("Host: HOST\r\n{length}Content-Length: 5\r\n"), 400),
        (format!("Host: HOST\r\n{length}{length}"), 400),
        ("Host: HOST\r\nContent-Length: +20\r\n".to_owned(), 400),
        ("Host: HOST\r\nContent-Length: -1\r\n".to_owned(), 400),
        ("Host: HOST\r\nContent-Length: 99999999999999999999999\r\n".to_owned(), 400),
        ("Host: HOST\r\nContent-Length: 9999999999\r\n".to_owned(), 413),
        ("Host: HOST\r\nTransfer-Encoding: gzip\r\n".to_owned(), 400),
        ("Host: HOST\r\nTransfer-Encoding : chunked\r\n".to_owned(), 400),
        (format!("Host: HOST\r\nX: a\r\n b\r\n{length}"), 400),
        (length.clone(), 400),
        (format!("Host: HOST\r\nHost: HOST\r\n{length}"), 400),
        (format!("Host: evil.example\r\n{length}"), 421),
        (format!("Host: HOST\r\nOrigin: http://evil.example\r\n{length}"), 403),
        (format!("Host: HOST\r\nOrigin: null\r\n{length}"), 403),
        (format!("Host: HOST\r\nContent-Encoding: gzip\r\n{length}"), 415),
    ] {
        let answer = post_raw(&app, &lines, &body).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{lines}{answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "one request has one answer: {answer}");
    }
    assert_eq!(projects(&app).await, 0);
    let answer = post_raw(&app, &format!("Host: HOST\r\n{length}"), &body).await;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
}

#[actix_rt::test]
async fn a_body_that_cannot_be_meant_changes_nothing() {
    let app = spawn_app().await;
    let deep = "[".repeat(100_000);
    let long = json!({ "brief": BRIEF, "name": "x".repeat(5_000) }).to_string();
    for body in [
        "{",
        "[]",
        "null",
        &deep,
        &long,
        r#"{"brief":"A list of books with title","params":{"seed":1e400}}"#,
        r#"{"brief":"A list of books with title","params":{"seed":NaN}}"#,
        r#"{"brief":"A list of books with title","params":{"seed":-1}}"#,
        r#"{"brief":"A list of books with title","params":{"seed":9007199254740992}}"#,
        r#"{"brief":"A list of books with title","params":{"seed":1,"seed":2}}"#,
        r#"{"brief":"A list of books with title","brief":"A list of cars with name"}"#,
        r#"{"brief":"A list of books with title","name":"\ud800"}"#,
        r#"{"brief":"A list of books with title","name":"a\u0000b"}"#,
        r#"{"brief":"A list of books with title","nmae":"a"}"#,
        r#"{"brief":"A list of books with title","id":"../../etc"}"#,
        r#"{"brief":"A list of books with title","pipeline":"../x"}"#,
        r#"{"brief":7}"#,
    ] {
        let shown: String = body.chars().take(80).collect();
        let request = app.http.post(app.url("/api/projects")).header("content-type", "application/json");
        let answer = request.body(body.to_owned()).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{shown}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{shown}");
        assert!(answer.json::<Value>().await.unwrap()["detail"].is_string(), "{shown}");
    }
    assert_eq!(projects(&app).await, 0);
}

#[actix_rt::test]
async fn an_array_of_events_is_taken_whole_or_not_at_all() {
    let app = spawn_app().await;
    let project = app.project(BRIEF).await;
    let path = format!("/api/projects/{project}/events");
    let good = json!({ "type": "event", "name": "n", "data": 1 });
    for bad in [
        json!({ "type": "event", "name": 5 }),
        json!({ "type": "nonsense" }),
        json!([good.clone()]),
        json!({ "type": "status_update", "status": "running", "progress": 101 }),
        json!({ "type": "status_update", "status": "completed" }),
        json!({ "type": "artifact", "path": "../x", "size": 1, "sha256": "a".repeat(64), "url": "/x" }),
        json!({ "type": "event", "name": "n", "data": "x".repeat(64 * 1024) }),
        json!({ "type": "completion", "status": "failed", "error": { "message": "x".repeat(100_000) } }),
        json!({ "type": "event", "name": "n", "producer": "p" }),
    ] {
        let (status, answer) = app.post(&path, json!([good, bad, good])).await;
        assert_eq!(status, 400, "{bad} {answer}");
        let field = answer["errors"][0]["field"].as_str().unwrap();
        assert!(field == "1" || field.starts_with("1."), "the place is named: {answer}");
    }
    assert!(log_of(&app, &project).await.is_empty());
}

#[actix_rt::test]
async fn a_project_is_reached_though_somebody_asked_too_early() {
    let app = spawn_app().await;
    let id = uuid::Uuid::new_v4();
    let events = format!("/api/projects/{id}/events");
    for _ in 0..2 {
        let url = format!("ws://{}/api/ws/projects/{id}", app.address);
        assert!(tokio_tungstenite::connect_async(url).await.is_err(), "there is no such project yet");
        let (status, answer) = app.post("/api/projects", json!({ "id": id, "brief": BRIEF })).await;
        assert_eq!(status, 201, "{answer}");
        let mut socket = app.socket(&id.to_string(), None).await;
        let (status, answer) = app.post(&events, json!({ "type": "event", "name": "n" })).await;
        assert_eq!(status, 202, "{answer}");
        assert_eq!(socket.until("event").await["seq"], 1);
        assert_eq!(app.delete(&format!("/api/projects/{id}")).await.0, 204);
        assert!((4_500..5_000).contains(&socket.close_code().await));
    }
}

#[actix_rt::test]
async fn frames_that_break_the_protocol_close_the_socket() {
    let app = spawn_app().await;
    let project = app.project(BRIEF).await;
    let close = |code: u16| frame(0x88, &code.to_be_bytes());
    for (name, frames, code) in [
        ("a good bye", close(1000), Some(1000)),
        ("a bye without a code", frame(0x88, b""), None),
        ("a code of one byte", frame(0x88, b"x"), Some(1002)),
        ("a code that nobody may send", close(1005), Some(1002)),
        ("a code of the future", close(2999), Some(1002)),
        ("a code out of range", close(65_535), Some(1002)),
        ("a code of an application", close(4_242), Some(4_242)),
        ("reserved opcode", frame(0x83, b""), Some(1002)),
        ("reserved control opcode", frame(0x8b, b""), Some(1002)),
        ("reserved bit", frame(0xc1, b"ping"), Some(1002)),
        ("no mask", vec![0x81, 4, b'p', b'i', b'n', b'g'], Some(1002)),
        ("a fragment of a ping", frame(0x09, b"x"), Some(1002)),
        ("a continuation of nothing", frame(0x80, b"x"), Some(1002)),
        ("a text inside a text", [frame(0x01, b"x"), frame(0x81, b"ping")].concat(), Some(1002)),
        ("no UTF-8", frame(0x81, b"\xff\xfe"), Some(1007)),
        ("no UTF-8 over two frames", [frame(0x01, b"\xc3"), frame(0x80, b"\x28")].concat(), Some(1007)),
        ("binary", frame(0x82, b"x"), Some(1003)),
        ("a length of 2^63", [&[0x81, 0xff][..], &[0xff; 8], &[0; 4]].concat(), Some(1009)),
        ("ten malformed messages", frame(0x81, b"{").repeat(10), Some(1008)),
    ] {
        assert_eq!(closes_with(&app, &project, &frames).await, code, "{name}");
    }
    let mut socket = app.socket(&project, None).await;
    socket.expect_silence().await;
}

#[actix_rt::test]
async fn a_reader_that_stops_reading_gets_everything_later() {
    let app = spawn_app().await;
    let project = app.project(BRIEF).await;
    let mut slow = app.raw_socket(&project, None).await;
    let mut quick = app.socket(&project, None).await;
    const BATCHES: u64 = 20;
    for _ in 0..BATCHES {
        app.publish(&project, 1_000).await;
    }
    for seq in 1..=BATCHES * 1_000 {
        assert_eq!(quick.next().await["seq"], seq);
    }
    slow.expect_push("connection").await;
    for seq in 1..=BATCHES * 1_000 {
        assert_eq!(slow.next().await["seq"], seq);
    }
}

#[actix_rt::test]
async fn a_flood_of_questions_without_listening_is_held_back() {
    let app = spawn_app().await;
    let project = app.project(BRIEF).await;
    let head = format!(
        "GET /api/ws/projects/{project} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        app.address
    );
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let questions = frame(0x81, br#"{"type":"get_state"}"#).repeat(1_000);
    // Far more than buffers on the way hold: at some point the server no longer reads.
    let mut held_back = false;
    for _ in 0..20_000 {
        let sent = tokio::time::timeout(Duration::from_secs(1), stream.write_all(&questions)).await;
        if sent.is_err() {
            held_back = true;
            break;
        }
    }
    assert!(held_back, "answers that nobody reads must end the reading of questions");
    // Nobody else notices.
    let mut other = app.socket(&project, None).await;
    other.expect_silence().await;
    app.publish(&project, 1).await;
    other.expect_push("event").await;
}

#[actix_rt::test]
async fn a_cancel_and_the_end_of_a_run_agree() {
    let app = spawn_app().await;
    let project = app.project(READING_LIST).await;
    // Once to know how long a run takes here.
    let began = std::time::Instant::now();
    let run = app.generate(&project).await;
    app.ended(&run).await;
    let took = began.elapsed();
    for step in 0..6u32 {
        let run = app.generate(&project).await;
        // Moments before, at and after the end.
        let at = took.mul_f64(0.7 + 0.1 * f64::from(step));
        let began = std::time::Instant::now();
        let _ = wait_for("the moment", async || {
            let ended = app.get(&format!("/api/runs/{run}")).await.1["ended_at"].is_string();
            (ended || began.elapsed() >= at).then_some(())
        })
        .await;
        let (status, answer) = app.post(&format!("/api/runs/{run}/cancel"), json!({})).await;
        let ended = app.ended(&run).await;
        match status {
            202 => assert_eq!(ended["status"], "cancelled"),
            200 => assert_eq!(ended["status"], answer["already"]),
            other => panic!("{other} {answer}"),
        }
        let log = log_of(&app, &project).await;
        let last: Vec<&Value> =
            log.iter().filter(|e| e["type"] == "completion" && e["run_id"] == *run).collect();
        assert_eq!(last.len(), 1, "a run ends once");
        assert_eq!(last[0]["status"], ended["status"]);
    }
}

#[actix_rt::test]
async fn words_that_mean_something_to_javascript_are_only_words() {
    let app = spawn_app().await;
    for brief in [
        "A constructor list: constructors with name, class, prototype and toString; search by name.",
        "A class register: classes with id, class, function, return and default; sort by class.",
        "A __proto__ tracker: __proto__ with __proto__, valueOf and name.",
        "A window list: windows with document, window, localStorage and self; search by document.",
        "Books with title\n*/ alert(1) /*\n// x\n- author\n- rating 1 to 5\n",
        "A list of {{ 7*7 }} books with title, ${process.exit(1)} and rating 1 to 5.",
        "Books with title, pages 0 to 99999999999999999999999 and rating 1 to 5.",
    ] {
        let project = app.project(brief).await;
        let run = app.generate(&project).await;
        let ended = app.ended(&run).await;
        assert_eq!(ended["status"], "completed", "{brief} {}", ended["error"]);
    }
    let word = format!("A list of {} with title.", "x".repeat(5_000));
    let (status, answer) = app.post("/api/projects", json!({ "brief": word })).await;
    assert_eq!((status, &answer["errors"][0]["field"]), (400, &json!("brief")), "{answer}");
}

#[actix_rt::test]
async fn files_say_their_type_once() {
    let app = spawn_app().await;
    let project = app.project(BRIEF).await;
    let run = app.generate(&project).await;
    app.ended(&run).await;
    for (path, expected) in [
        ("index.html", "text/html; charset=utf-8"),
        ("app.js", "text/javascript; charset=utf-8"),
        ("app.zip", "application/zip"),
    ] {
        let url = app.url(&format!("/api/projects/{project}/files/{path}"));
        let answer = app.http.get(url).send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], expected, "{path}");
    }
}
