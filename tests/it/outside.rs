//! Workers outside: each of their events once and in order, and none of a process that was believed dead.

use serde_json::{Value, json};

use crate::helpers::process::Server;
use crate::helpers::{READING_LIST, TestApp, spawn_app, wait_for};

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

/// An event of worker `w`, as its life and number.
fn of_worker(epoch: u64, seq: u64, body: Value) -> Value {
    let mut body = body;
    body["producer"] = json!("w");
    body["epoch"] = json!(epoch);
    body["seq"] = json!(seq);
    body
}

fn begins(lease_ms: u64) -> Value {
    json!({ "type": "status_update", "status": "running", "message": "on it", "lease_ms": lease_ms })
}

fn at_work(progress: u64) -> Value {
    json!({ "type": "agent_update", "agent": "render", "status": "progress", "progress": progress, "message": "frame" })
}

#[tokio::test]
async fn a_worker_drives_a_run_to_its_end() {
    let app = spawn_app().await;
    let project = app.project(READING_LIST).await;
    let events = format!("/api/projects/{project}/events");
    let begin = of_worker(1, 1, begins(30_000));
    let (status, begun) = app.post(&events, begin.clone()).await;
    assert_eq!(status, 202, "{begun}");
    let run = begun["run_id"].as_str().unwrap().to_owned();
    let (_, again) = app.post(&events, begin).await;
    assert_eq!((&again["run_id"], &again["position"]), (&begun["run_id"], &begun["position"]), "{again}");
    let (status, said) = app
        .post(
            &events,
            json!([
                of_worker(1, 2, json!({ "type": "agent_update", "agent": "render", "status": "started" })),
                of_worker(1, 3, json!({ "type": "log", "agent": "render", "lines": ["frame 1"] })),
                of_worker(1, 4, at_work(40)),
                of_worker(1, 5, json!({ "type": "status_update", "status": "running", "progress": 40 })),
            ]),
        )
        .await;
    assert_eq!(status, 202, "{said}");
    let (_, shown) = app.get(&format!("/api/runs/{run}")).await;
    assert_eq!((&shown["status"], &shown["progress"]), (&json!("running"), &json!(40.0)), "{shown}");
    assert_eq!(
        (&shown["agents"][0]["agent"], &shown["agents"][0]["status"]),
        (&json!("render"), &json!("progress"))
    );
    assert_eq!((&shown["worker"]["producer"], &shown["worker"]["lease_ms"]), (&json!("w"), &json!(30_000)));
    let (_, logs) = app.get(&format!("/api/runs/{run}/logs")).await;
    assert_eq!(logs["lines"][0]["text"], "frame 1");
    // Nobody else speaks of it, and it is one run of the project like any other.
    for (path, body, why) in [
        (&events, at_work(50), "is driven by worker w"),
        (&events, json!({ "type": "log", "lines": ["x"], "run_id": run }), "is driven by worker w"),
        (&format!("/api/projects/{project}/generate"), json!({}), "is still active"),
        (&format!("/api/runs/{run}/pause"), json!({}), "driven by a worker outside, which cannot be paused"),
    ] {
        let (status, refused) = app.post(path, body).await;
        assert_eq!(status, 409, "{refused}");
        assert!(refused["detail"].as_str().unwrap().contains(why), "{refused}");
    }
    let waiting = of_worker(1, 6, json!({ "type": "status_update", "status": "waiting" }));
    assert_eq!(app.post(&events, waiting).await.1["errors"][0]["field"], "status");
    let end = json!([
        of_worker(
            1,
            6,
            json!({ "type": "agent_update", "agent": "render", "status": "completed", "message": "9 frames" })
        ),
        of_worker(1, 7, json!({ "type": "completion", "status": "completed", "message": "rendered" })),
    ]);
    let (status, ended) = app.post(&events, end.clone()).await;
    assert_eq!(status, 202, "{ended}");
    // The answer was lost and the request comes again: the run has ended, but the events are known.
    let (status, again) = app.post(&events, end).await;
    assert_eq!(
        (status, &again["duplicates"], &again["position"]),
        (202, &json!(2), &ended["position"]),
        "{again}"
    );
    let (_, shown) = app.get(&format!("/api/runs/{run}")).await;
    assert_eq!((&shown["status"], &shown["progress"]), (&json!("completed"), &json!(100.0)), "{shown}");
    assert_eq!((&shown["agents"][0]["summary"], &shown["message"]), (&json!("9 frames"), &json!("rendered")));
    let (_, page) = app.get(&format!("/api/projects/{project}")).await;
    assert_eq!((&page["state"]["status"], &page["state"]["run"]["id"]), (&json!("completed"), &json!(run)));
    for late in [at_work(99), json!({ "type": "event", "name": "n", "run_id": run })] {
        let (status, refused) = app.post(&events, of_worker(1, 8, late)).await;
        assert_eq!(
            (status, &refused["detail"]),
            (409, &json!(format!("run {run} has ended: rendered"))),
            "{refused}"
        );
    }
    let (status, refused) = app.post(&format!("/api/runs/{run}/retry"), json!({})).await;
    assert_eq!(status, 409, "{refused}");
    // The next one, and an end that comes from here.
    let (_, begun) = app.post(&events, of_worker(1, 8, begins(30_000))).await;
    let next = begun["run_id"].as_str().unwrap().to_owned();
    assert_ne!(next, run);
    app.post(&events, json!([of_worker(1, 9, at_work(10))])).await;
    let (status, cancelled) = app.post(&format!("/api/runs/{next}/cancel"), json!({})).await;
    assert_eq!((status, &cancelled["status"]), (202, &json!("cancelled")), "{cancelled}");
    let (_, shown) = app.get(&format!("/api/runs/{next}")).await;
    assert_eq!(
        (&shown["status"], &shown["agents"][0]["status"]),
        (&json!("cancelled"), &json!("skipped")),
        "{shown}"
    );
    let (status, refused) = app.post(&events, of_worker(1, 10, at_work(20))).await;
    assert_eq!(status, 409, "the worker hears that its run is over: {refused}");
    assert!(refused["detail"].as_str().unwrap().contains("Cancelled"), "{refused}");
    let ends = events_of(&app, &project, "completion").await;
    assert_eq!(ends.len(), 2, "each run ends once: {ends:?}");
    assert_eq!(app.post(&format!("/api/projects/{project}/generate"), json!({})).await.0, 202);
}

async fn events_of(app: &TestApp, project: &str, kind: &str) -> Vec<Value> {
    let (_, page) = app.get(&format!("/api/projects/{project}/events?limit=1000")).await;
    page["events"].as_array().unwrap().iter().filter(|event| event["type"] == kind).cloned().collect()
}

#[tokio::test]
async fn a_worker_that_falls_silent_ends_its_run() {
    let app = spawn_app().await;
    let project = app.project("notes").await;
    let events = format!("/api/projects/{project}/events");
    for (lease_ms, field) in [(999, "lease_ms"), (3_600_001, "lease_ms")] {
        let (status, refused) = app.post(&events, of_worker(1, 1, begins(lease_ms))).await;
        assert_eq!((status, &refused["errors"][0]["field"]), (400, &json!(field)));
    }
    assert_eq!(app.post(&events, begins(1_000)).await.0, 400, "a lease is somebody's");
    let (_, begun) = app.post(&events, of_worker(1, 1, begins(1_000))).await;
    let run = begun["run_id"].as_str().unwrap().to_owned();
    // Heard often enough it lives for longer than its lease, whatever it says.
    let since = std::time::Instant::now();
    let mut seq = 1;
    while since.elapsed() < std::time::Duration::from_millis(2_500) {
        seq += 1;
        let body = match seq % 3 {
            0 => json!({ "type": "log", "lines": ["still here"] }),
            1 => json!({ "type": "event", "name": "beat" }),
            _ => at_work(20),
        };
        let (status, answer) = app.post(&events, of_worker(1, seq, body)).await;
        assert_eq!(status, 202, "{answer}");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let ended = app.ended(&run).await;
    assert_eq!(
        (&ended["status"], &ended["agents"][0]["status"]),
        (&json!("failed"), &json!("failed")),
        "{ended}"
    );
    assert_eq!(ended["error"]["message"], "worker w was not heard for 1 s");
    assert_eq!(ended["error"]["agent"], "render");
    let (_, page) = app.get(&format!("/api/projects/{project}")).await;
    assert_eq!(page["state"]["status"], "failed");
    assert_eq!(page["state"]["completion"]["error"]["message"], "worker w was not heard for 1 s");
    for late in [at_work(30), json!({ "type": "completion", "status": "completed" })] {
        let (status, refused) = app.post(&events, of_worker(1, seq + 1, late)).await;
        assert_eq!(status, 409, "{refused}");
        assert!(refused["detail"].as_str().unwrap().contains("worker w was not heard for 1 s"), "{refused}");
    }
    assert_eq!(events_of(&app, &project, "completion").await.len(), 1);
}

#[tokio::test]
async fn a_lease_outlives_a_kill_and_begins_anew_with_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::plain(dir.path());
    let (heard, silent) = (server.project("notes").await, server.project("notes").await);
    let events = |project: &str| format!("/api/projects/{project}/events");
    let mut runs = Vec::new();
    for project in [&heard, &silent] {
        let begun = server.post(&events(project), of_worker(1, 1, begins(2_000))).await;
        runs.push(begun["run_id"].as_str().unwrap().to_owned());
        server.post(&events(project), of_worker(1, 2, at_work(10))).await;
    }
    let until = |run: &Value| {
        run["worker"]["until"].as_str().and_then(|until| until.parse::<jiff::Timestamp>().ok()).unwrap()
    };
    let lease = until(&server.get(&format!("/api/runs/{}", runs[1])).await);
    server.kill();
    // It has run out while nobody could hear the worker, which is no fault of the worker's.
    wait_for("the end of the lease", async || (jiff::Timestamp::now() > lease).then_some(())).await;

    let began = jiff::Timestamp::now();
    let server = Server::plain(dir.path());
    for run in &runs {
        assert_eq!(server.get(&format!("/api/runs/{run}")).await["status"], "running");
    }
    // A worker that was started again goes on under its next epoch.
    let answer = server.post(&events(&heard), of_worker(2, 1, at_work(50))).await;
    assert_eq!(answer["run_id"], json!(runs[0]), "{answer}");
    let ended = server.run_ended(&runs[1]).await;
    assert_eq!((&ended["status"], &ended["crash_attempts"]), (&json!("failed"), &json!(0)), "{ended}");
    assert_eq!(ended["error"]["message"], "worker w was not heard for 2 s");
    let ended_at = ended["ended_at"].as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok()).unwrap();
    let waited = ended_at.duration_since(began);
    assert!(waited >= jiff::SignedDuration::from_millis(2_000), "{waited:?}");
    let ended = server.run_ended(&runs[0]).await;
    assert_eq!((&ended["status"], &ended["worker"]["epoch"]), (&json!("failed"), &json!(2)), "{ended}");
    let late = server.post(&events(&silent), of_worker(1, 3, at_work(90))).await;
    assert_eq!(late["status"], 409, "{late}");
}
