//! Workers outside: each of their events once and in order, and none of a process that was believed dead.

use serde_json::{Value, json};

use crate::helpers::process::Server;
use crate::helpers::spawn_app;

/// An event of producer `p`.
fn event(epoch: u64, seq: u64) -> Value {
    json!({ "type": "event", "name": "n", "data": [epoch, seq], "producer": "p", "epoch": epoch, "seq": seq })
}

/// What the events of a room carry.
fn data(log: &[Value]) -> Vec<Value> {
    log.iter().filter(|event| event["type"] == "event").map(|event| event["data"].clone()).collect()
}

#[tokio::test]
async fn a_worker_that_came_back_from_the_dead_is_refused_also_after_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::plain(dir.path());
    let project = server.project("notes").await;
    let events = format!("/api/projects/{project}/events");
    let first = server.post(&events, event(1, 1)).await;
    assert_eq!((&first["accepted"], &first["duplicates"]), (&json!(1), &json!(0)), "{first}");
    // Somebody else goes on meanwhile, so that the end of the log is not where the first event was.
    server.post(&events, json!({ "type": "event", "name": "other" })).await;
    let second = server.post(&events, json!([event(1, 2), event(1, 3)])).await;
    assert_eq!(second["accepted"], 2);
    server.kill();

    let server = Server::plain(dir.path());
    let again = server.post(&events, event(1, 1)).await;
    assert_eq!((&again["position"], &again["duplicates"]), (&first["position"], &json!(1)), "{again}");
    let again = server.post(&events, json!([event(1, 2), event(1, 3)])).await;
    assert_eq!((&again["position"], &again["duplicates"]), (&second["position"], &json!(2)), "{again}");
    let mixed = server.post(&events, json!([event(1, 3), event(1, 4), event(1, 4)])).await;
    assert_eq!((&mixed["accepted"], &mixed["duplicates"]), (&json!(1), &json!(2)), "{mixed}");
    let hole = server.post(&events, json!([event(1, 5), event(1, 7)])).await;
    assert_eq!(
        (&hole["status"], &hole["expected"], &hole["epoch"]),
        (&json!(409), &json!(6), &json!(1)),
        "{hole}"
    );
    assert_eq!(hole["type"], "urn:callboard:problem:out-of-sequence");
    assert_eq!(hole["detail"], "the next event of p in epoch 1 is 6, and this one is 7");

    // Its successor begins a new life.
    let late_start = server.post(&events, event(2, 5)).await;
    assert_eq!((&late_start["status"], &late_start["expected"]), (&json!(409), &json!(1)), "{late_start}");
    assert_eq!(server.post(&events, event(2, 1)).await["accepted"], 1);
    server.kill();

    let server = Server::plain(dir.path());
    for seq in [1, 5] {
        let refused = server.post(&events, event(1, seq)).await;
        assert_eq!((&refused["status"], &refused["epoch"]), (&json!(409), &json!(2)), "{refused}");
        assert_eq!(refused["type"], "urn:callboard:problem:fenced");
    }
    assert_eq!(server.post(&events, event(2, 2)).await["accepted"], 1);
    let expected = [
        json!([1, 1]),
        Value::Null,
        json!([1, 2]),
        json!([1, 3]),
        json!([1, 4]),
        json!([2, 1]),
        json!([2, 2]),
    ];
    assert_eq!(
        data(&server.log(&project).await),
        expected,
        "each once and in order, nothing of a refused request"
    );
}

#[tokio::test]
async fn two_lives_at_once_do_not_mix_and_lines_are_written_once() {
    let app = spawn_app().await;
    let (project, other) = (app.project("notes").await, app.project("notes").await);
    let events = format!("/api/projects/{project}/events");
    let line = |epoch: u64, seq: u64| json!({ "type": "log", "lines": [format!("{epoch}.{seq}")], "producer": "p", "epoch": epoch, "seq": seq });
    for seq in 1..=20 {
        let bodies = [line(1, seq), line(1, seq), line(2, seq), line(1, seq)];
        let answers = futures_util::future::join_all(bodies.map(|body| app.post(&events, body))).await;
        for (status, answer) in answers {
            let fenced = status == 409 && answer["epoch"] == 2;
            assert!(status == 202 || fenced, "{answer}");
        }
    }
    let (_, logs) = app.get(&format!("/api/projects/{project}/logs?limit=1000")).await;
    let texts: Vec<&str> =
        logs["lines"].as_array().unwrap().iter().map(|line| line["text"].as_str().unwrap()).collect();
    let of_second: Vec<&&str> = texts.iter().filter(|text| text.starts_with("2.")).collect();
    assert_eq!(of_second.len(), 20, "{texts:?}");
    let of_first = texts.iter().filter(|text| text.starts_with("1.")).count();
    assert!(of_first <= 1, "written once at most, and never after the second life began: {texts:?}");
    assert!(texts.iter().skip_while(|text| text.starts_with("1.")).all(|text| text.starts_with("2.")));
    // A room knows its own producers only.
    let (status, answer) = app.post(&format!("/api/projects/{other}/events"), line(1, 1)).await;
    assert_eq!(status, 202, "{answer}");
}
