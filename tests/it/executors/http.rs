//! Servers as agents: a result, a stream, an address to ask; signatures; what a cancel does.

use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::wire::{WireServer, answer, begin, wait_for_close};
use super::{app, events, file, lines, start};
use crate::helpers::wait_for;

fn pipeline(url: &str, more: &str) -> String {
    format!(
        "[[pipeline.x.agent]]\nname = \"remote\"\nurl = \"{url}/work?x=1\"\npoll_ms = 50\nstall_ms = 2000\n{more}\n\
         [pipeline.x.agent.retry]\ntransient = {{ retries_max = 0 }}"
    )
}

const JSON: &str = "content-type: application/json\r\n";

#[tokio::test]
async fn a_server_answers_in_three_ways() {
    let folder = tempfile::tempdir().unwrap();
    let result = json!({ "summary": "made", "files": [{ "path": "a.txt", "text": "one" }, { "path": "b.bin", "base64": "/w==" }] });
    let said = [
        json!({ "type": "log", "level": "warning", "text": "careful" }),
        json!({ "type": "progress", "value": 30, "message": "going" }),
        json!({ "type": "artifact", "path": "a.txt", "text": "one" }),
        json!({ "type": "result", "summary": "made", "files": [{ "path": "b.bin", "base64": "/w==" }] }),
    ];
    for way in ["whole", "lines", "sse", "poll"] {
        let (result, said) = (result.clone(), said.clone());
        let server = WireServer::start(move |request, before, stream| match (way, request.method.as_str()) {
            ("whole", _) => answer(stream, "200 OK", JSON, &result.to_string()),
            ("lines", _) => {
                begin(stream, "application/x-ndjson");
                let lines: Vec<String> = said.iter().map(Value::to_string).collect();
                let _ = stream.write_all(lines.join("\n").as_bytes());
            }
            ("sse", _) => {
                begin(stream, "text/event-stream; charset=utf-8");
                for line in &said {
                    let _ = stream.write_all(format!("data: {line}\n\n").as_bytes());
                }
            }
            (_, "POST") => answer(stream, "202 Accepted", "location: /jobs/7\r\n", ""),
            (_, _) if before < 3 => answer(stream, "200 OK", JSON, r#"{"status":"running","progress":50}"#),
            (_, _) => {
                let mut result = result.clone();
                result["status"] = json!("completed");
                answer(stream, "200 OK", JSON, &result.to_string());
            }
        });
        let app = app(folder.path(), &pipeline(&server.url, "")).await;
        let (project, run) = start(&app, "x", "b").await;
        let ended = app.ended(&run).await;
        assert_eq!(
            (&ended["status"], &ended["agents"][0]["summary"]),
            (&json!("completed"), &json!("made")),
            "{way}: {ended}"
        );
        assert_eq!(file(&app, &project, "a.txt").await, "one", "{way}");
        let artifacts =
            events(&app, &project).await.iter().filter(|event| event["type"] == "artifact").count();
        assert_eq!(artifacts, 2, "{way}");
        if way == "lines" || way == "sse" {
            assert!(lines(&app, &run).await.contains(&("warning".to_owned(), "careful".to_owned())), "{way}");
        }
        let asked = &server.requests()[0];
        assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/work?x=1"));
        assert_eq!(asked.json()["brief"], "b");
        assert!(asked.header("idempotency-key").is_some_and(|key| key.starts_with(&run)), "{asked:?}");
    }
}

#[tokio::test]
async fn failures_of_a_server_are_told() {
    let folder = tempfile::tempdir().unwrap();
    for (way, expected) in [
        (r#"{"error":{"message":"no such voice","file":"a.txt","line":3}}"#, "no such voice"),
        (r#"{"files":[{"path":"../x","text":""}]}"#, "may not write"),
        (r#"{"files":[{"path":"x"}]}"#, "neither text nor base64"),
        ("<html>", "is no result"),
        ("elsewhere", "another server"),
        ("broken", "broke off"),
    ] {
        let server = WireServer::start(move |_, _, stream| match way {
            "elsewhere" => answer(stream, "202 Accepted", "location: http://127.0.0.1:1/x\r\n", ""),
            "broken" => {
                begin(stream, "application/x-ndjson");
                let _ = stream.write_all(b"{\"type\":\"log\",\"text\":\"x\"}\n");
            }
            body => answer(stream, "200 OK", JSON, body),
        });
        let app = app(folder.path(), &pipeline(&server.url, "")).await;
        let (_, run) = start(&app, "x", "b").await;
        let ended = app.ended(&run).await;
        assert_eq!(ended["status"], "failed", "{way}: {ended}");
        assert!(ended["error"]["message"].as_str().unwrap().contains(expected), "{way}: {ended}");
    }
}

#[tokio::test]
async fn a_cancel_closes_the_stream_or_removes_the_work() {
    let folder = tempfile::tempdir().unwrap();
    for way in ["stream", "poll"] {
        let (closed, was_closed) = std::sync::mpsc::channel();
        let closed = std::sync::Mutex::new(closed);
        let server = WireServer::start(move |request, _, stream| match (way, request.method.as_str()) {
            ("stream", _) => {
                begin(stream, "text/event-stream");
                let _ = stream.write_all(b": here\n\n");
                wait_for_close(stream);
                let _ = closed.lock().unwrap().send(());
            }
            (_, "POST") => answer(stream, "202 Accepted", "location: /jobs/7\r\n", ""),
            (_, "DELETE") => {
                answer(stream, "204 No Content", "", "");
                let _ = closed.lock().unwrap().send(());
            }
            _ => answer(stream, "200 OK", JSON, r#"{"status":"running"}"#),
        });
        let app = app(folder.path(), &pipeline(&server.url, "")).await;
        let (_, run) = start(&app, "x", "b").await;
        let enough = if way == "stream" { 1 } else { 2 };
        wait_for("requests", async || (server.requests().len() >= enough).then_some(())).await;
        let since = Instant::now();
        app.post(&format!("/api/runs/{run}/cancel"), json!({})).await;
        assert_eq!(app.ended(&run).await["status"], "cancelled", "{way}");
        assert!(since.elapsed() <= Duration::from_secs(2), "{way}: {:?}", since.elapsed());
        eprintln!("cancel of a server, {way}: {:?}", since.elapsed());
        tokio::task::spawn_blocking(move || was_closed.recv_timeout(Duration::from_secs(10)))
            .await
            .unwrap()
            .unwrap();
    }
}

#[tokio::test]
async fn work_that_has_ended_is_asked_for_anew_and_work_that_was_lost_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let busy = r#"{"status":"failed","error":{"message":"busy","retry":true}}"#;
    for (way, is_same) in
        [("said", false), ("line", false), ("poll", false), ("lost", true), ("refused", true)]
    {
        let server = WireServer::start(move |request, before, stream| match (way, request.method.as_str()) {
            ("said", "POST") if before == 0 => answer(stream, "200 OK", JSON, busy),
            ("line", "POST") if before == 0 => {
                begin(stream, "application/x-ndjson");
                let _ = stream.write_all(br#"{"type":"error","message":"busy","retry":true}"#);
            }
            ("poll", "POST") if before == 0 => answer(stream, "202 Accepted", "location: /jobs/7\r\n", ""),
            ("poll", "GET") => answer(stream, "200 OK", JSON, busy),
            // Nobody knows whether it was taken in.
            ("lost", "POST") if before == 0 => {}
            ("refused", "POST") if before == 0 => answer(stream, "503 Service Unavailable", "", ""),
            _ => answer(stream, "200 OK", JSON, r#"{"summary":"made"}"#),
        });
        let quick = "retry = { transient = { base_ms = 1, pause_ms_max = 1 } }";
        let toml = format!(
            "[[pipeline.x.agent]]\nname = \"remote\"\nurl = \"{}/work\"\npoll_ms = 50\n{quick}",
            server.url
        );
        let app = app(folder.path(), &toml).await;
        let (_, run) = start(&app, "x", "b").await;
        let ended = app.ended(&run).await;
        assert_eq!(
            (&ended["status"], &ended["agents"][0]["failed_tries"]),
            (&json!("completed"), &json!(1)),
            "{way}: {ended}"
        );
        let asked = server.requests();
        let keys: Vec<&str> = asked.iter().filter_map(|request| request.header("idempotency-key")).collect();
        assert_eq!((keys.len(), keys[0] == keys[1]), (2, is_same), "{way}: {keys:?}");
    }
}
