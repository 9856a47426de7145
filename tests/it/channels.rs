//! The channel socket, PROTOCOL section 4.

use std::sync::Arc;

use callboard::auth::token::{NewToken, TokenFile};
use callboard::clock::{Clock, SystemClock};
use callboard::domain::role::Role;
use futures_util::SinkExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};

use crate::helpers::process::Server;
use crate::helpers::{ADMIN_TOKEN, READING_LIST, SOON, Socket, TestApp, spawn_app, spawn_app_with, wait_for};

const CHANNELS: [&str; 7] = ["jobs", "photos", "sessions", "system", "queue", "approval", "export"];

/// Opens a channel socket at this address and reads nothing.
async fn raw(address: &str, query: &str) -> Socket {
    let (stream, _) = tokio_tungstenite::connect_async(format!("ws://{address}/ws{query}")).await.unwrap();
    Socket { stream, connection: Value::Null }
}

/// Opens a channel socket; the first message was read.
async fn open(address: &str) -> Socket {
    let mut socket = raw(address, "").await;
    socket.connection = socket.expect_push("connection").await;
    socket
}

/// Subscribes and answers what was answered.
async fn subscribe(socket: &mut Socket, channels: &[&str], since: Option<&str>) -> Value {
    socket.send(json!({ "type": "subscribe", "channels": channels, "since": since })).await;
    let answer = socket.expect_push("subscribed").await;
    assert_eq!(answer["channels"], json!(channels));
    answer
}

/// A socket with a subscription, and where it stands.
async fn subscribed(address: &str, channels: &[&str], since: Option<&str>) -> (Socket, String) {
    let mut socket = open(address).await;
    let position = text(&subscribe(&mut socket, channels, since).await["position"]);
    (socket, position)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// Reads up to a message that `is` says, that one included.
async fn heard(socket: &mut Socket, is: impl Fn(&Value) -> bool) -> Vec<Value> {
    let mut all = Vec::new();
    loop {
        let message = socket.next().await;
        let last = is(&message);
        all.push(message);
        if last {
            return all;
        }
    }
}

/// Within the usual time, also where something else is said again and again.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, what).await.expect("it must be said soon")
}

/// What is told of jobs: how things stand comes in between whenever it changes.
fn logged(told: Vec<Value>) -> Vec<Value> {
    let of_the_moment =
        |message: &Value| ["system_status", "resource_warning"].contains(&message["type"].as_str().unwrap());
    told.into_iter().filter(|message| !of_the_moment(message)).collect()
}

fn kinds(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["type"].as_str().unwrap()).collect()
}

/// A worker outside that drives runs of one project.
struct Worker<'a> {
    app: &'a TestApp,
    events: String,
    seq: u64,
}

impl<'a> Worker<'a> {
    fn of(app: &'a TestApp, project: &str) -> Self {
        Self { app, events: format!("/api/projects/{project}/events"), seq: 0 }
    }

    async fn say(&mut self, bodies: Vec<Value>) -> Value {
        let mut events = Vec::new();
        for mut body in bodies {
            self.seq += 1;
            body["producer"] = json!("w");
            body["epoch"] = json!(1);
            body["seq"] = json!(self.seq);
            events.push(body);
        }
        let (status, answer) = self.app.post(&self.events, json!(events)).await;
        assert_eq!(status, 202, "{answer}");
        answer
    }

    /// Begins a run; answers its id.
    async fn begin(&mut self) -> String {
        let begin =
            json!({ "type": "status_update", "status": "running", "message": "on it", "lease_ms": 60_000 });
        text(&self.say(vec![begin]).await["run_id"])
    }

    async fn end(&mut self, status: &str) {
        let error = (status == "failed").then(|| json!({ "agent": null, "message": "no paper" }));
        let end = json!({ "type": "completion", "status": status, "message": "over", "error": error });
        self.say(vec![end]).await;
    }
}

/// `count` messages of an agent, each with its number.
fn frames(from: usize, count: usize) -> Vec<Value> {
    let frame = |n: usize| json!({ "type": "agent_update", "agent": "render", "status": "progress", "message": format!("frame {n}") });
    (from..from + count).map(frame).collect()
}

#[tokio::test]
async fn every_command_has_its_answer() {
    let app = spawn_app().await;
    let address = app.address.to_string();
    let mut socket = open(&address).await;
    let connection = &socket.connection;
    assert_eq!((&connection["status"], &connection["channels"]), (&json!("connected"), &json!(CHANNELS)));
    let client = text(&connection["client_id"]);
    assert_eq!(connection["heartbeat_ms"], 25_000);

    for (said, known) in [
        ("gui", "gui"),
        ("mobile", "mobile"),
        ("lightroom", "lightroom"),
        ("toaster", "unknown"),
        ("GUI", "unknown"),
    ] {
        socket.send(json!({ "type": "register", "client_type": said, "client_name": "Studio 1" })).await;
        let answer = socket.expect_push("registered").await;
        let expected = json!({ "type": "registered", "client_id": client, "client_type": known, "client_name": "Studio 1" });
        assert_eq!(answer, expected);
    }
    socket.send_text("ping").await;
    assert!(socket.expect_push("pong").await["position"].is_null());
    let answer = subscribe(&mut socket, &["photos", "sessions", "export", "approval", "jobs"], None).await;
    assert_eq!((&answer["resumed"], &answer["gap"]), (&json!(false), &Value::Null));
    socket.send(json!({ "type": "ping" })).await;
    let pong = socket.expect_push("pong").await;
    assert_eq!(pong["position"], answer["position"]);
    assert!(text(&pong["timestamp"]).ends_with('Z'));

    // The known ones of a request with unknown ones.
    socket.send(json!({ "type": "subscribe", "channels": ["jobs", "weather", "jobs", "approval"] })).await;
    let error = socket.expect_push("error").await;
    assert_eq!((&error["code"], &error["channels"]), (&json!("unknown_channel"), &json!(CHANNELS)));
    let message = text(&error["message"]);
    assert!(
        message.contains("\"weather\"") && CHANNELS.iter().all(|name| message.contains(name)),
        "{message}"
    );
    assert_eq!(socket.expect_push("subscribed").await["channels"], json!(["jobs", "approval"]));
    // None of them: nothing is subscribed to.
    socket.send(json!({ "type": "subscribe", "channels": ["weather"] })).await;
    socket.expect_push("error").await;
    socket.expect_silence().await;

    let project = app.project(READING_LIST).await;
    let mut worker = Worker::of(&app, &project);
    let run = worker.begin().await;
    let began = heard(&mut socket, |message| message["type"] == "job_progress").await;
    assert_eq!(kinds(&began), ["job_created", "job_started", "job_progress"]);
    assert!(
        began
            .iter()
            .all(|message| message["job_id"] == run.as_str() && message["project_id"] == project.as_str())
    );

    socket.send(json!({ "type": "unsubscribe", "channels": ["jobs", "weather"] })).await;
    socket.expect_push("error").await;
    assert_eq!(socket.expect_push("unsubscribed").await["channels"], json!(["jobs"]));
    worker.end("completed").await;
    socket.expect_silence().await;
    // What was missed meanwhile comes with the position.
    let answer = subscribe(&mut socket, &["jobs"], began[2]["position"].as_str()).await;
    assert_eq!(answer["resumed"], true);
    assert_eq!(socket.next().await["type"], "job_completed");
    socket.expect_silence().await;
}

#[tokio::test]
async fn bad_messages_get_errors_and_frames_have_their_limits() {
    let app = spawn_app().await;
    let address = app.address.to_string();
    let mut socket = open(&address).await;
    for (bad, code) in [
        ("{", "bad_json"),
        ("\"ping\"", "bad_message"),
        ("{\"type\":\"get_state\"}", "unknown_type"),
        ("{\"type\":\"subscribe\"}", "missing_field"),
        ("{\"type\":\"subscribe\",\"channels\":\"jobs\"}", "wrong_type"),
        ("{\"type\":\"subscribe\",\"channels\":[]}", "bad_field"),
        ("{\"type\":\"subscribe\",\"channels\":[\"jobs\"],\"since\":\"now\"}", "bad_field"),
        ("{\"type\":\"subscribe\",\"channels\":[\"jobs\"],\"since\":7}", "wrong_type"),
        ("{\"type\":\"register\",\"client_type\":{}}", "wrong_type"),
    ] {
        socket.send_text(bad).await;
        assert_eq!(socket.expect_push("error").await["code"], code, "{bad}");
    }
    socket.expect_silence().await;
    socket.send_text("the tenth").await;
    assert_eq!(socket.close_code().await, 1008);

    let mut socket = open(&address).await;
    socket.stream.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(socket.close_code().await, 1003);
    let mut socket = open(&address).await;
    socket.stream.send(Message::text("x".repeat(1 << 20))).await.ok();
    assert_eq!(socket.close_code().await, 1009);

    let status = async |path: &str, header: Option<(&'static str, &str)>| {
        let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
        if let Some((name, value)) = header {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        match tokio_tungstenite::connect_async(request).await {
            Ok(_) => 101,
            Err(SocketError::Http(response)) => {
                assert_eq!(response.headers()["content-type"], "application/problem+json");
                response.status().as_u16()
            }
            Err(error) => panic!("{error}"),
        }
    };
    for (path, header, expected) in [
        ("/ws", None, 101),
        ("/ws?since=0", None, 400),
        ("/ws?token=wrong", None, 401),
        ("/ws/", None, 404),
        ("/ws", Some(("origin", "http://evil.example")), 403),
        ("/ws", Some(("host", "evil.example")), 421),
        ("/ws", Some(("sec-websocket-version", "8")), 426),
    ] {
        assert_eq!(status(path, header).await, expected, "{path} {header:?}");
    }
}

#[tokio::test]
async fn a_job_is_told_from_its_first_day_to_its_last() {
    let app = spawn_app().await;
    let address = app.address.to_string();
    let (mut jobs, start) = subscribed(&address, &["jobs"], None).await;
    let (mut queue, _) = subscribed(&address, &["queue"], None).await;
    let first = queue.expect_push("queue_status").await;
    assert_eq!(
        (&first["queue_depth"], &first["active"], &first["channel"]),
        (&json!(0), &json!(0), &json!("queue"))
    );
    assert_eq!(app.post("/api/queue/pause", json!({})).await.0, 200);
    let project = app.project(READING_LIST).await;
    let run = app.generate(&project).await;
    let waits = heard(&mut queue, |message| message["queue_depth"] == 1).await;
    assert_eq!(waits.last().unwrap()["paused"], true);
    let (mut system, _) = subscribed(&address, &["system"], None).await;
    let status = system.expect_push("system_status").await;
    assert_eq!((&status["status"], &status["channel"]), (&json!("paused"), &json!("system")), "{status}");
    assert_eq!(app.post("/api/queue/resume", json!({})).await.0, 200);
    heard(&mut system, |message| message["status"] == "running").await;

    let told = heard(&mut jobs, |message| message["type"] == "job_completed").await;
    assert_eq!(app.ended(&run).await["status"], "completed");
    let kinds = kinds(&told);
    assert_eq!(kinds[..2], ["job_created", "job_started"]);
    assert!(kinds[2..kinds.len() - 1].iter().all(|kind| *kind == "job_progress"), "{kinds:?}");
    let mut progress = 0.0;
    for message in &told {
        assert_eq!((&message["channel"], &message["job_id"]), (&json!("jobs"), &json!(run)), "{message}");
        assert!(text(&message["timestamp"]).ends_with('Z') && message["position"].is_string());
        if message["type"] == "job_progress" {
            let now = message["progress"].as_f64().unwrap_or_else(|| panic!("{message}"));
            assert!(now >= progress, "{message}");
            progress = now;
        }
    }
    let stages: Vec<_> = told.iter().filter(|message| message["agent"].is_object()).collect();
    assert!(stages.iter().any(|message| message["stage"] == "design"), "agents are stages");
    // The same again from the start, to the letter.
    let (mut again, _) = subscribed(&address, &["jobs"], Some(&start)).await;
    assert_eq!(heard(&mut again, |message| message["type"] == "job_completed").await, told);
    // From within an event that became several messages, or from any other, the rest.
    for place in [0, 3, told.len() - 2] {
        let (mut rest, _) = subscribed(&address, &["jobs"], told[place]["position"].as_str()).await;
        assert_eq!(heard(&mut rest, |message| message["type"] == "job_completed").await, told[place + 1..]);
    }
}

#[tokio::test]
async fn how_things_stand_is_told_to_whoever_subscribes_and_may_hear_it() {
    let app = spawn_app().await;
    let address = app.address.to_string();
    let (mut socket, _) = subscribed(&address, &["jobs"], None).await;
    let (mut system, _) = subscribed(&address, &["system"], None).await;
    system.until("system_status").await;
    // Both were looked at once; the first socket has passed over them, and is told of each when it asks.
    subscribe(&mut socket, &["queue"], None).await;
    assert_eq!(socket.next().await["type"], "queue_status");
    subscribe(&mut socket, &["system"], None).await;
    assert_eq!(soon(socket.until("system_status")).await["status"], "running");
    socket.send(json!({ "type": "unsubscribe", "channels": ["queue"] })).await;
    soon(socket.until("unsubscribed")).await;
    subscribe(&mut socket, &["queue"], None).await;
    soon(socket.until("queue_status")).await;

    // Who is bound to a project hears it as soon as it shows a token that is not.
    let project = app.project(READING_LIST).await;
    let (_, operator) = token(&app, Role::Operator, &[]);
    let (_, bound) = token(&app, Role::Viewer, &[&project]);
    let mut viewer = raw(&address, "").await;
    viewer.send(json!({ "type": "auth", "token": bound })).await;
    viewer.expect_push("connection").await;
    subscribe(&mut viewer, &["queue"], None).await;
    viewer.expect_silence().await;
    viewer.send(json!({ "type": "auth", "token": operator })).await;
    viewer.expect_push("queue_status").await;
}

#[tokio::test]
async fn a_disk_that_is_short_for_the_alerts_is_short_for_the_channel() {
    let app = spawn_app_with(Box::new(|options| {
        // No disk that a test runs on is empty, and the memory is of no interest.
        options.config.alerts.disk_free_percent = 99;
        options.config.alerts.memory_free_percent = 0;
    }))
    .await;
    let (mut socket, _) = subscribed(&app.address.to_string(), &["system"], None).await;
    let warning = socket.until("resource_warning").await;
    assert_eq!(warning["resource"], "disk");
    assert!(warning["free_bytes"].as_u64() < warning["total_bytes"].as_u64(), "{warning}");
    assert_eq!(socket.until("system_status").await["warnings"], json!(["disk"]));
}

#[tokio::test]
async fn a_failure_is_an_error_of_the_system_and_a_cancel_has_its_evidence() {
    let app = spawn_app().await;
    let address = app.address.to_string();
    let (mut socket, start) = subscribed(&address, &["jobs", "system"], None).await;
    let project = app.project(READING_LIST).await;
    let mut worker = Worker::of(&app, &project);
    worker.begin().await;
    worker.end("failed").await;
    let told = heard(&mut socket, |message| message["type"] == "error_occurred").await;
    let told = logged(told);
    assert_eq!(kinds(&told), ["job_created", "job_started", "job_progress", "job_failed", "error_occurred"]);
    assert_eq!((&told[3]["error"]["message"], &told[4]["message"]), (&json!("no paper"), &json!("no paper")));
    assert_eq!((&told[4]["channel"], &told[4]["code"]), (&json!("system"), &json!("failed")));
    // Both are of one event; who has had the first is still owed the second.
    let (mut rest, _) = subscribed(&address, &["jobs", "system"], told[3]["position"].as_str()).await;
    assert_eq!(rest.next().await, told[4]);

    assert_eq!(app.post("/api/queue/pause", json!({})).await.0, 200);
    let run = app.generate(&app.project(READING_LIST).await).await;
    assert_eq!(app.post(&format!("/api/runs/{run}/cancel"), json!({})).await.0, 202);
    let (mut jobs, _) = subscribed(&address, &["jobs"], Some(&start)).await;
    let cancelled = jobs.until("job_cancelled").await;
    assert_eq!((&cancelled["job_id"], &cancelled["status"]), (&json!(run), &json!("cancelled")));
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_over_a_kill_and_questions_are_asked_and_answered() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::gated(dir.path(), "ask", "intake");
    let channels = ["jobs", "approval"];
    let (mut socket, start) = subscribed(&server.address, &channels, None).await;
    let project = server.project(READING_LIST).await;
    let run = server.generate(&project).await;
    let before = heard(&mut socket, |message| message["type"] == "approval_requested").await;
    let asked = before.last().unwrap();
    assert_eq!((&asked["channel"], &asked["job_id"]), (&json!("approval"), &json!(run)));
    assert!(text(&asked["message"]).contains("Is this what you want?"), "{asked}");
    server.kill();

    let server = Server::gated(dir.path(), "ask", "intake");
    let (mut socket, position) = subscribed(&server.address, &channels, asked["position"].as_str()).await;
    assert_eq!(position, text(&asked["position"]));
    server.post(&format!("/api/runs/{run}/approve"), json!({})).await;
    let after = heard(&mut socket, |message| message["type"] == "job_completed").await;
    assert_eq!(kinds(&after)[0], "approval_resolved");
    assert_eq!((&after[0]["approved"], &after[0]["job_id"]), (&json!(true), &json!(run)));
    assert!(!kinds(&after).contains(&"job_created"), "it is the same job");
    server.kill();

    let server = Server::plain(dir.path());
    let (mut socket, _) = subscribed(&server.address, &channels, Some(&start)).await;
    let all = heard(&mut socket, |message| message["type"] == "job_completed").await;
    assert_eq!(all, [before, after].concat());
    server.kill();
}

#[tokio::test]
async fn of_three_clients_one_sleeps_and_nobody_waits_for_it() {
    const FRAMES: usize = 6_000;
    let app = spawn_app().await;
    let address = app.address.to_string();
    let (mut asleep, _) = subscribed(&address, &["jobs"], None).await;
    let project = app.project(READING_LIST).await;
    let awake =
        [subscribed(&address, &["jobs"], None).await.0, subscribed(&address, &["jobs"], None).await.0];
    let ends =
        |message: &Value| message["message"].as_str().is_some_and(|text| text.starts_with("frame 5999 "));
    let readers = awake.map(|mut socket| tokio::spawn(async move { heard(&mut socket, ends).await }));
    let mut worker = Worker::of(&app, &project);
    worker.begin().await;
    // More than the buffers of a connection and the tail hold.
    let long = "x".repeat(1_500);
    for from in (0..FRAMES).step_by(250) {
        let mut frames = frames(from, 250);
        for (frame, n) in frames.iter_mut().zip(from..) {
            frame["message"] = json!(format!("frame {n} {long}"));
        }
        worker.say(frames).await;
    }
    let mut all = Vec::new();
    for reader in readers {
        all.push(reader.await.unwrap());
    }
    assert_eq!(all[0], all[1]);
    let slept = heard(&mut asleep, ends).await;
    assert_eq!(slept.len(), FRAMES + 3);
    assert!(slept == all[0], "what came late is the same");
    asleep.expect_silence().await;
}

#[tokio::test]
async fn a_channel_is_caught_up_with_while_another_goes_on() {
    let app = spawn_app().await;
    let address = app.address.to_string();
    let (mut socket, start) = subscribed(&address, &["jobs"], None).await;
    let project = app.project(READING_LIST).await;
    let mut worker = Worker::of(&app, &project);
    for _ in 0..3 {
        worker.begin().await;
        worker.end("failed").await;
        socket.until("job_failed").await;
    }
    let answer = subscribe(&mut socket, &["system"], Some(&start)).await;
    assert_eq!((&answer["resumed"], &answer["position"]), (&json!(true), &json!(start)));
    worker.begin().await;
    worker.end("failed").await;
    let rest = heard(&mut socket, |message| message["type"] == "job_failed").await;
    let rest = logged(rest);
    let expected = [
        "error_occurred",
        "error_occurred",
        "error_occurred",
        "job_created",
        "job_started",
        "job_progress",
        "job_failed",
    ];
    assert_eq!(kinds(&rest), expected);
    assert_eq!(socket.until("error_occurred").await["job_id"], rest[6]["job_id"]);
}

#[tokio::test]
async fn what_is_gone_is_said_as_a_gap() {
    let app = spawn_app_with(Box::new(|options| options.config.retention.room_events_max = 20)).await;
    let address = app.address.to_string();
    let (first, start) = subscribed(&address, &["jobs"], None).await;
    drop(first);
    let (project, other) = (app.project(READING_LIST).await, app.project(READING_LIST).await);
    let stays = Worker::of(&app, &other).begin().await;
    let mut worker = Worker::of(&app, &project);
    worker.begin().await;
    worker.say(frames(0, 60)).await;
    // Of a run that has not ended nothing is cut.
    worker.end("completed").await;
    app.keeper.pass().await;
    let mut socket = open(&address).await;
    let answer = subscribe(&mut socket, &["jobs"], Some(&start)).await;
    assert_eq!(answer["resumed"], false, "{answer}");
    assert_eq!((&answer["gap"]["from"], &answer["position"]), (&json!(start), &json!(start)));
    // What is left still comes, of the other project as well.
    let left = heard(&mut socket, |message| message["type"] == "job_completed").await;
    assert_eq!(left.iter().filter(|message| message["job_id"] == stays.as_str()).count(), 3);
    assert!(left.len() < 60, "something was cut");
    // From where the gap ends nothing is missing.
    let mut resumed = open(&address).await;
    let answer = subscribe(&mut resumed, &["jobs"], answer["gap"]["to"].as_str()).await;
    assert_eq!((&answer["resumed"], &answer["gap"]), (&json!(true), &Value::Null));

    // Positions of other stores, and of rooms, are no places here.
    for strange in ["00000000-7", "ffffffff-7"] {
        let mut socket = open(&address).await;
        let answer = subscribe(&mut socket, &["jobs"], Some(strange)).await;
        assert_eq!((&answer["resumed"], &answer["gap"]["from"]), (&json!(false), &json!(strange)));
        socket.expect_silence().await;
    }
}

fn token(app: &TestApp, role: Role, projects: &[&str]) -> (String, String) {
    let now = SystemClock.now();
    let projects = projects.iter().map(|id| id.parse().unwrap()).collect();
    let file = TokenFile::in_dir(app.dir.path());
    let (known, token) = file.create(NewToken { projects, ..NewToken::of(role, "test") }, now).unwrap();
    (known.id, token)
}

#[tokio::test]
async fn a_token_bound_to_a_project_hears_of_it_alone() {
    let app = spawn_app().await;
    let address = app.address.to_string();
    let (mine, other) = (app.project(READING_LIST).await, app.project(READING_LIST).await);
    let (_, operator) = token(&app, Role::Operator, &[]);
    let (id, bound) = token(&app, Role::Viewer, &[&mine]);

    let mut stranger = raw(&address, "").await;
    stranger.send(json!({ "type": "subscribe", "channels": ["jobs"] })).await;
    assert_eq!(stranger.expect_push("error").await["code"], "unauthorised");
    stranger.send(json!({ "type": "auth", "token": "wrong" })).await;
    assert_eq!(stranger.close_code().await, 4501);

    let mut viewer = raw(&address, "").await;
    viewer.send(json!({ "type": "auth", "token": bound })).await;
    viewer.expect_push("connection").await;
    let all = ["jobs", "system", "queue", "approval"];
    subscribe(&mut viewer, &all, None).await;
    let mut other_viewer = raw(&address, &format!("?token={operator}")).await;
    other_viewer.expect_push("connection").await;
    subscribe(&mut other_viewer, &["jobs"], None).await;
    for project in [&other, &mine] {
        let path = format!("/api/projects/{project}/events");
        let begin = json!({ "type": "status_update", "status": "running", "lease_ms": 60_000,
            "producer": "w", "epoch": 1, "seq": 1 });
        let response =
            app.http.post(app.url(&path)).bearer_auth(&operator).json(&begin).send().await.unwrap();
        assert_eq!(response.status(), 202);
    }
    let heard_by_all = heard(&mut other_viewer, |message| {
        message["type"] == "job_progress" && message["project_id"] == mine.as_str()
    })
    .await;
    assert_eq!(heard_by_all.len(), 6);
    let mine_alone = heard(&mut viewer, |message| message["type"] == "job_progress").await;
    assert_eq!(mine_alone, heard_by_all[3..], "and nothing of the server as a whole");
    viewer.expect_silence().await;
    TokenFile::in_dir(app.dir.path()).revoke(&id).unwrap();
    assert_eq!(viewer.close_code().await, 4502);
}

#[tokio::test]
async fn a_stop_says_goodbye_after_the_last_event() {
    let app = spawn_app().await;
    let address = app.address.to_string();
    let (mut socket, _) = subscribed(&address, &["jobs"], None).await;
    let project = app.project(READING_LIST).await;
    let run = Worker::of(&app, &project).begin().await;
    let stopping = tokio::spawn(app.stop());
    let told = heard(&mut socket, |message| message["type"] == "shutdown").await;
    assert_eq!(kinds(&told), ["job_created", "job_started", "job_progress", "shutdown"]);
    assert_eq!(told[0]["job_id"], run.as_str());
    assert!(told[3]["reconnect_in_ms"].is_u64());
    assert_eq!(socket.close_code().await, 4000);
    let dir: Arc<tempfile::TempDir> = stopping.await.unwrap();
    let back = crate::helpers::spawn_app_in(dir, Box::new(|_| {})).await;
    let (mut socket, _) =
        subscribed(&back.address.to_string(), &["jobs"], told[2]["position"].as_str()).await;
    socket.expect_silence().await;
    wait_for("the server to answer", async || (back.get("/healthz").await.0 == 200).then_some(())).await;
}

#[tokio::test]
async fn operators_see_the_clients_speak_to_them_and_put_them_out() {
    let app = spawn_app().await;
    let mut socket = open(&app.address.to_string()).await;
    let client = socket.connection["client_id"].clone();
    let see = async |path: &str| {
        let request = app.http.get(app.url(path)).bearer_auth(ADMIN_TOKEN);
        request.send().await.unwrap().json::<Value>().await.unwrap()
    };
    let act = async |path: &str, body: Value| {
        let request = app.http.post(app.url(path)).bearer_auth(ADMIN_TOKEN).json(&body);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };

    socket.send(json!({ "type": "register", "client_type": "lightroom", "client_name": "Darkroom" })).await;
    socket.expect_push("registered").await;
    subscribe(&mut socket, &["jobs", "approval"], None).await;
    let seen = see("/websocket/clients?surface=channels").await;
    let listed = &seen["clients"][0];
    assert_eq!((&seen["total"], &listed["id"]), (&json!(1), &client));
    assert_eq!((&listed["type"], &listed["name"]), (&json!("lightroom"), &json!("Darkroom")));
    assert_eq!(listed["subscriptions"], json!(["jobs", "approval"]));
    // One whose name has the names of channels in it, and who reads one of them.
    let mut named = open(&app.address.to_string()).await;
    named
        .send(json!({ "type": "register", "client_type": "gui", "client_name": "all jobs of approval" }))
        .await;
    named.expect_push("registered").await;
    subscribe(&mut named, &["photos"], None).await;
    let stats = see("/websocket/stats").await;
    assert_eq!(stats["by_type"], json!({ "gui": 1, "lightroom": 1 }));
    assert_eq!(stats["channels"], json!({ "jobs": 1, "approval": 1, "photos": 1 }));
    assert_eq!(see("/websocket/clients?type=lightroom").await["total"], 1);
    let refused = see("/websocket/clients?type=toaster").await;
    assert_eq!(refused["status"], 400, "{refused}");
    let message = text(&refused["errors"][0]["message"]);
    assert_eq!(
        (&refused["errors"][0]["field"], &*message),
        (&json!("type"), "must be one of gui, mobile, lightroom, unknown")
    );
    named.stream.close(None).await.unwrap();
    wait_for("the other client to go", async || {
        let stats = see("/websocket/stats").await;
        (stats["by_type"] == json!({ "lightroom": 1 })).then_some(())
    })
    .await;
    let stats = see("/api/admin/stats").await;
    assert_eq!(
        stats["connections"]["by_surface"],
        json!({ "channels": 1, "room": 0, "socketio": 0, "sse": 0 })
    );

    let heard = act("/websocket/broadcast", json!({ "message": "to jobs", "channel": "jobs" })).await;
    assert_eq!((heard.0, &heard.1["clients"]), (200, &json!(1)), "{heard:?}");
    assert_eq!(socket.expect_push("broadcast").await["message"], "to jobs");
    let unheard = act("/websocket/broadcast", json!({ "message": "to photos", "channel": "photos" })).await;
    assert_eq!((unheard.0, &unheard.1["clients"]), (200, &json!(0)), "{unheard:?}");

    let out = format!("/websocket/disconnect/{}", text(&client));
    assert_eq!(act(&out, json!({ "reason": "closing time" })).await.0, 200);
    assert_eq!(socket.close_code().await, 4505);
    let closing = wait_for("the client to be gone", async || {
        let seen = see("/websocket/clients").await;
        seen["closed"].as_array()?.iter().find(|closing| closing["id"] == client).cloned()
    })
    .await;
    assert_eq!((&closing["surface"], &closing["type"]), (&json!("channels"), &json!("lightroom")));
    assert_eq!(
        (&closing["code"], &closing["reason"]),
        (&json!(4505), &json!("disconnected by admin: closing time"))
    );
    let stats = see("/api/admin/stats").await;
    assert_eq!(stats["connections"]["by_surface"]["channels"], 0);
}
