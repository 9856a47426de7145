//! Requests that are sent without waiting for answers.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::helpers::{READING_LIST, SOON, TestApp, spawn_app};

const EVENTS: usize = 40;
const WRONG: usize = 20;

fn post(app: &TestApp, project: &str, body: &str) -> String {
    format!(
        "POST /api/projects/{project}/events HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        app.address,
        body.len()
    )
}

/// Forty events, one of them wrong, and then a question of another kind.
fn requests(app: &TestApp, project: &str) -> String {
    let mut text = String::new();
    for n in 0..EVENTS {
        let kind = if n == WRONG { "no such type" } else { "event" };
        let body = json!({ "type": kind, "name": "n", "data": n }).to_string();
        text += &post(app, project, &body);
    }
    text + &format!("GET /healthz HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", app.address)
}

async fn statuses(mut stream: TcpStream) -> Vec<String> {
    let mut answer = Vec::new();
    let read = tokio::time::timeout(SOON, stream.read_to_end(&mut answer)).await;
    read.expect("the server must answer and close").unwrap();
    let text = String::from_utf8(answer).unwrap();
    text.split("HTTP/1.1 ").skip(1).map(|answer| answer[..3].to_owned()).collect()
}

async fn check(app: &TestApp, project: &str, stream: TcpStream) {
    let mut expected = vec!["202"; EVENTS];
    expected[WRONG] = "400";
    expected.push("200");
    assert_eq!(statuses(stream).await, expected);
    let (_, page) = app.get(&format!("/api/projects/{project}/events")).await;
    let came: Vec<u64> =
        page["events"].as_array().unwrap().iter().map(|e| e["data"].as_u64().unwrap()).collect();
    let sent: Vec<u64> = (0..EVENTS as u64).filter(|&n| n != WRONG as u64).collect();
    assert_eq!(came, sent);
}

#[actix_rt::test]
async fn events_sent_in_a_row_are_logged_and_answered_in_that_order() {
    let app = spawn_app().await;
    let project = app.project(READING_LIST).await;
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    stream.write_all(requests(&app, &project).as_bytes()).await.unwrap();
    check(&app, &project, stream).await;
}

#[actix_rt::test]
async fn requests_that_come_in_pieces_are_the_same_requests() {
    let app = spawn_app().await;
    let project = app.project(READING_LIST).await;
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for piece in requests(&app, &project).as_bytes().chunks(97) {
        stream.write_all(piece).await.unwrap();
        tokio::task::yield_now().await;
    }
    check(&app, &project, stream).await;
}

/// The answer to one publication, without what differs from answer to answer.
async fn answer(app: &TestApp, project: &str, media_type: &str, more: &str, body: &str) -> Vec<String> {
    let request = format!(
        "POST /api/projects/{project}/events HTTP/1.1\r\nHost: {}\r\nContent-Type: {media_type}\r\n{more}\
         Content-Length: {}\r\n\r\n{body}GET /healthz HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
        app.address,
        body.len(),
        app.address
    );
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answers = Vec::new();
    tokio::time::timeout(SOON, stream.read_to_end(&mut answers)).await.expect("it must answer").unwrap();
    let answers = String::from_utf8(answers).unwrap();
    let first = answers.rsplit_once("HTTP/1.1 ").unwrap().0;
    let mut lines: Vec<String> = first
        .lines()
        .filter(|line| !line.starts_with("date: "))
        .map(|line| match (line.split_once("x-request-id: "), line.split_once("\"position\":")) {
            (Some((_, id)), _) => format!("an id of {} characters", id.len()),
            (_, Some((before, _))) => before.to_owned(),
            _ => line.to_owned(),
        })
        .collect();
    lines.sort();
    lines
}

#[actix_rt::test]
async fn the_short_way_of_a_publication_answers_like_the_long_one() {
    let app = spawn_app().await;
    let project = app.project(READING_LIST).await;
    let nobody = uuid::Uuid::nil().to_string();
    let event = r#"{"type":"event","name":"n"}"#;
    for (status, project, more, body) in [
        ("202", &project, "", event),
        ("202", &project, "", r#"[{"type":"event","name":"n"},{"type":"log","lines":["l"]}]"#),
        ("404", &nobody, "", event),
        ("400", &project, "", r#"{"type":"none"}"#),
        ("400", &project, "", r#"{"type":"event","type":"event","name":"n"}"#),
        ("400", &project, "", ""),
        ("401", &project, "Authorization: Bearer wrong\r\n", event),
        ("403", &project, "Origin: http://evil.example\r\n", event),
    ] {
        let short = answer(&app, project, "application/json", more, body).await;
        let long = answer(&app, project, "application/json; charset=utf-8", more, body).await;
        assert_eq!(short, long, "{more}{body}");
        let expected = format!("HTTP/1.1 {status} ");
        assert!(short.iter().any(|line| line.starts_with(&expected)), "{expected}: {short:?}");
    }
}
