//! What operators see and do: clients of every surface, broadcasts, the audit log, alerts. PROTOCOL sections 4, 5 and 7.

use callboard::auth::token::{NewToken, TokenFile};
use callboard::clock::{Clock, SystemClock};
use callboard::domain::role::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::helpers::{ADMIN_TOKEN, SOON, TestApp, spawn_app, spawn_app_in, spawn_app_with, wait_for};
use crate::socketio::Socket as SocketIo;

const BRIEF: &str = "A list of notes with title and text.";
const PHONE: &str =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1";

/// Asks as an administrator, or with another token.
async fn ask(app: &TestApp, token: &str, method: Method, path: &str, body: Value) -> (u16, Value) {
    let mut request = app.http.request(method.clone(), app.url(path)).bearer_auth(token);
    if method != Method::GET {
        request = request.json(&body);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

async fn see(app: &TestApp, path: &str) -> Value {
    let (status, answer) = ask(app, ADMIN_TOKEN, Method::GET, path, json!({})).await;
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

async fn act(app: &TestApp, path: &str, body: Value) -> Value {
    let (status, answer) = ask(app, ADMIN_TOKEN, Method::POST, path, body).await;
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

/// The newest entries of the audit log as `(action, target, done)`.
async fn deeds(app: &TestApp, limit: usize) -> Vec<(String, Value, bool)> {
    let log = see(app, &format!("/api/admin/audit?limit={limit}")).await;
    let entries = log["entries"].as_array().unwrap().iter();
    entries
        .map(|entry| {
            let action = entry["action"].as_str().unwrap().to_owned();
            (action, entry["target"].clone(), entry["done"].as_bool().unwrap())
        })
        .collect()
}

/// A stream of events; reads until a text has come.
struct Stream(reqwest::Response, String);

impl Stream {
    async fn open(app: &TestApp, project: &str) -> Stream {
        let request = app.http.get(app.url(&format!("/api/projects/{project}/events")));
        let request = request.header("accept", "text/event-stream").header("user-agent", PHONE);
        let mut stream = Stream(request.send().await.unwrap(), String::new());
        stream.until("event: state").await;
        stream
    }

    async fn until(&mut self, wanted: &str) {
        while !self.1.contains(wanted) {
            assert!(self.read().await, "the stream ended before {wanted}: {}", self.1);
        }
    }

    async fn read(&mut self) -> bool {
        let chunk = tokio::time::timeout(SOON, self.0.chunk()).await.expect("something must come").unwrap();
        let Some(chunk) = chunk else { return false };
        self.1.push_str(&String::from_utf8_lossy(&chunk));
        true
    }
}

#[tokio::test]
async fn what_operators_see_and_do_is_for_administrators() {
    let app = spawn_app().await;
    let now = SystemClock.now();
    let file = TokenFile::in_dir(app.dir.path());
    let viewer = file.create(NewToken::of(Role::Viewer, "test"), now).unwrap().1;
    let operator = file.create(NewToken::of(Role::Operator, "test"), now).unwrap().1;
    let some = "0190b5f0-8a52-7c5e-9d43-2f1b6c7d8e9f";
    for (method, path) in [
        (Method::GET, "/websocket/clients".to_owned()),
        (Method::GET, "/websocket/stats".to_owned()),
        (Method::POST, "/websocket/broadcast".to_owned()),
        (Method::POST, format!("/websocket/disconnect/{some}")),
        (Method::GET, "/api/admin/stats".to_owned()),
        (Method::GET, "/api/admin/history".to_owned()),
        (Method::GET, "/api/admin/rooms".to_owned()),
        (Method::GET, "/api/admin/alerts".to_owned()),
        (Method::POST, "/api/admin/alerts/1/acknowledge".to_owned()),
        (Method::GET, "/api/admin/audit".to_owned()),
    ] {
        let body = if path.ends_with("broadcast") { json!({ "message": "hello" }) } else { json!({}) };
        for token in [&viewer, &operator] {
            let (status, answer) = ask(&app, token, method.clone(), &path, body.clone()).await;
            assert_eq!(status, 403, "{method} {path}: {answer}");
        }
        let stranger = app.http.request(method.clone(), app.url(&path)).send().await.unwrap();
        assert_eq!(stranger.status(), 401, "{method} {path}");
    }
    assert_eq!(deeds(&app, 10).await, [], "who may not leaves nothing behind");
    let (status, _) = ask(&app, &viewer, Method::POST, "/api/queue/pause", json!({})).await;
    assert_eq!(status, 403);
    let (status, _) = ask(&app, &operator, Method::POST, "/api/queue/pause", json!({})).await;
    assert_eq!(status, 200);
    let entry = see(&app, "/api/admin/audit").await["entries"][0].clone();
    assert_eq!((&entry["action"], &entry["role"]), (&json!("queue.pause"), &json!("operator")));
    assert_eq!((&entry["address"], &entry["result"]), (&json!("127.0.0.1"), &json!("done")));
    assert!(entry["who"].as_str().unwrap().starts_with("operator "), "{entry}");

    for (token, status, says) in [(&operator, 403, "role admin"), (&ADMIN_TOKEN.to_owned(), 200, "dashboard")]
    {
        let (found, page) = ask(&app, token, Method::GET, "/admin", json!({})).await;
        assert_eq!(found, status, "{page}");
        assert!(page.as_str().unwrap().contains(says), "{page}");
    }
}

#[tokio::test]
async fn clients_of_every_surface_are_seen_told_and_put_out() {
    let app = spawn_app().await;
    let (project, other) = (app.project(BRIEF).await, app.project(BRIEF).await);
    let mut socket = app.socket(&project, None).await;
    let mut elsewhere = app.socket(&other, None).await;
    let mut stream = Stream::open(&app, &project).await;
    let mut talker = SocketIo::connected(&app, r#"{"client_type":"lightroom","client_name":"Tether"}"#).await;
    app.publish(&project, 5).await;
    for n in 1..=5 {
        assert_eq!(socket.expect_push("event").await["seq"], n);
    }
    stream.until("\"n\":4").await;

    let seen = see(&app, "/websocket/clients").await;
    assert_eq!(seen["total"], 4, "{seen}");
    let of = |surface: &str, reads: &str| {
        let clients = seen["clients"].as_array().unwrap().iter();
        let mut fitting = clients.filter(|client| {
            client["surface"] == surface && client["subscriptions"].to_string().contains(reads)
        });
        fitting.next().unwrap_or_else(|| panic!("no {surface} in {seen}")).clone()
    };
    let (room, sse, sio) = (of("room", &project), of("sse", &project), of("socketio", "everyone"));
    assert_eq!((&room["type"], &room["sent"], &room["queued"]), (&json!("unknown"), &json!(5), &json!(0)));
    assert_eq!((&room["address"], &room["who"]), (&json!("127.0.0.1"), &json!("operator")));
    assert_eq!(
        (&room["protocol"], &room["subscriptions"]),
        (&json!("websocket"), &json!([format!("project:{project}")]))
    );
    assert_eq!(
        (&sse["type"], &sse["name"], &sse["sent"]),
        (&json!("mobile"), &json!("Safari/18.0"), &json!(5))
    );
    assert_eq!((&sio["type"], &sio["name"]), (&json!("lightroom"), &json!("Tether")));
    assert!(room["connected_at"].is_string() && room["last_ping"].is_string());
    let found = see(&app, "/websocket/clients?q=tether").await;
    assert_eq!((&found["total"], &found["clients"][0]["id"]), (&json!(1), &sio["id"]));
    assert_eq!(see(&app, "/websocket/clients?surface=room&limit=1").await["total"], 2);
    let stats = see(&app, "/websocket/stats").await;
    assert_eq!(stats["by_type"], json!({ "lightroom": 1, "mobile": 1, "unknown": 2 }));
    assert_eq!((&stats["clients"], &stats["rooms"]), (&json!(4), &json!(2)));
    let rooms = see(&app, "/api/admin/rooms").await;
    assert_eq!(
        (&rooms["rooms"][0]["project_id"], &rooms["rooms"][0]["viewers"]),
        (&json!(project), &json!(2))
    );
    assert_eq!(rooms["rooms"][0]["name"], "Test");

    // Everybody, then one room alone.
    assert_eq!(
        act(&app, "/websocket/broadcast", json!({ "message": "Back at \"noon\"" })).await["clients"],
        4
    );
    assert_eq!(socket.expect_push("broadcast").await["message"], "Back at \"noon\"");
    assert_eq!(elsewhere.expect_push("broadcast").await["message"], "Back at \"noon\"");
    stream.until("event: broadcast\ndata: {\"timestamp\":").await;
    assert!(talker.until(r#"42["broadcast""#).await.contains(r#""message":"Back at \"noon\"""#));
    let only =
        json!({ "message": { "level": "info", "text": "here" }, "channel": format!("project:{project}") });
    assert_eq!(act(&app, "/websocket/broadcast", only).await["clients"], 2);
    assert_eq!(socket.expect_push("broadcast").await["message"]["text"], "here");
    elsewhere.expect_silence().await;
    for wrong in [
        json!({}),
        json!({ "message": " " }),
        json!({ "message": 5 }),
        json!({ "message": "x", "channel": "nowhere" }),
        json!({ "message": "x".repeat(20_000) }),
        json!({ "message": "x", "chanel": "jobs" }),
    ] {
        let (status, answer) =
            ask(&app, ADMIN_TOKEN, Method::POST, "/websocket/broadcast", wrong.clone()).await;
        assert_eq!(status, 400, "{wrong}: {answer}");
    }

    let out = |client: &Value| format!("/websocket/disconnect/{}", client["id"].as_str().unwrap());
    act(&app, &out(&room), json!({ "reason": "too loud" })).await;
    assert_eq!(socket.close_code().await, 4505);
    act(&app, &out(&sse), json!({})).await;
    stream.until("event: disconnected\ndata: {\"code\":4505").await;
    while stream.read().await {}
    act(&app, &out(&sio), json!({})).await;
    talker.until(r#"42["task_error",{"code":"disconnected""#).await;
    assert_eq!(talker.until("41").await, "41");
    while talker.next().await.is_some() {}
    let (status, _) = ask(&app, ADMIN_TOKEN, Method::POST, &out(&room), json!({})).await;
    assert_eq!(status, 404, "it has gone");

    let seen = wait_for("three clients to be gone", async || {
        let seen = see(&app, "/websocket/clients").await;
        (seen["total"] == 1 && seen["closed"].as_array().unwrap().len() == 3).then_some(seen)
    })
    .await;
    for (client, reason) in [
        (&room, "disconnected by admin: too loud"),
        (&sse, "disconnected by admin"),
        (&sio, "disconnected by admin"),
    ] {
        let closed = seen["closed"].as_array().unwrap();
        let closing = closed.iter().find(|closing| closing["id"] == client["id"]).unwrap();
        assert_eq!((&closing["code"], &closing["reason"]), (&json!(4505), &json!(reason)), "{closing}");
    }
    let room_closing = seen["closed"].as_array().unwrap().iter().find(|one| one["id"] == room["id"]).unwrap();
    assert_eq!(room_closing["sent"], 5);
    let broadcast = |channel: Value| ("broadcast".to_owned(), channel, true);
    let disconnect = |client: &Value, done| ("client.disconnect".to_owned(), client["id"].clone(), done);
    assert_eq!(
        deeds(&app, 10).await,
        [
            disconnect(&room, false),
            disconnect(&sio, true),
            disconnect(&sse, true),
            disconnect(&room, true),
            broadcast(json!(format!("project:{project}"))),
            broadcast(Value::Null),
        ]
    );

    // One that goes by itself says why as well.
    elsewhere.stream.close(None).await.unwrap();
    wait_for("the last client to be gone", async || {
        let closed = see(&app, "/websocket/clients").await["closed"][0].clone();
        (closed["reason"] == "the client closed without a code").then_some(())
    })
    .await;
}

#[tokio::test]
async fn every_door_writes_into_the_audit_log() {
    let app = spawn_app().await;
    app.post("/api/queue/pause", json!({})).await;
    let project = app.project(BRIEF).await;
    let run = app.generate(&project).await;
    let mut socket = app.socket(&project, None).await;
    socket.send(json!({ "type": "cancel", "run_id": run })).await;
    app.ended(&run).await;
    let second = app.generate(&project).await;
    let mut talker = SocketIo::connected(&app, "").await;
    talker.send(&format!(r#"427["cancel_task",{{"task_id":"{second}"}}]"#)).await;
    talker.until("437").await;
    let third = app.generate(&project).await;
    assert_eq!(app.post(&format!("/api/runs/{third}/cancel"), json!({})).await.0, 202);
    app.ended(&third).await;
    let unknown = "0190b5f0-8a52-7c5e-9d43-2f1b6c7d8e9f";
    assert_eq!(app.post(&format!("/api/runs/{unknown}/cancel"), json!({})).await.0, 404);
    app.post("/api/queue/resume", json!({})).await;
    let (_, share) = app.post(&format!("/api/projects/{project}/shares"), json!({})).await;
    app.delete(&format!("/api/projects/{project}/shares/{}", share["id"].as_str().unwrap())).await;
    // The link was a token, but not one that shuts the server for local clients.
    assert_eq!(app.delete(&format!("/api/projects/{project}")).await.0, 204);

    let cancel = |run: &str, done| ("run.cancel".to_owned(), json!(run), done);
    let of_project = |action: &str| (action.to_owned(), json!(project), true);
    let expected = [
        of_project("project.remove"),
        of_project("share.remove"),
        of_project("share.create"),
        ("queue.resume".to_owned(), Value::Null, true),
        cancel(unknown, false),
        cancel(&third, true),
        cancel(&second, true),
        cancel(&run, true),
        ("queue.pause".to_owned(), Value::Null, true),
    ];
    assert_eq!(deeds(&app, 50).await, expected);

    // Page by page it is the same, also after a restart.
    let dir = app.stop().await;
    let app = spawn_app_in(dir, Box::new(|_| {})).await;
    let mut read = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = see(&app, &format!("/api/admin/audit?limit=4{cursor}")).await;
        read.extend(page["entries"].as_array().unwrap().iter().map(|entry| entry["action"].clone()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(read, expected.iter().map(|(action, ..)| json!(action)).collect::<Vec<_>>());
    let (status, _) = ask(&app, ADMIN_TOKEN, Method::GET, "/api/admin/audit?cursor=x", json!({})).await;
    assert_eq!(status, 400);
}

/// The dashboard of an administrator over Socket.IO.
async fn dashboard(app: &TestApp) -> SocketIo {
    let mut socket = SocketIo::connected(app, &format!(r#"{{"token":"{ADMIN_TOKEN}"}}"#)).await;
    socket.send(r#"421["join_admin_dashboard"]"#).await;
    socket.until("431").await;
    socket
}

fn payload(packet: &str) -> Value {
    let event: Value = serde_json::from_str(packet.strip_prefix("42").unwrap()).unwrap();
    event[1].clone()
}

#[tokio::test]
async fn an_alert_is_raised_acknowledged_and_cleared() {
    // The machine of the test may have any disk and memory.
    let change = |options: &mut callboard::app::AppOptions| {
        options.config.alerts.queue_depth = 1;
        (options.config.alerts.disk_free_percent, options.config.alerts.memory_free_percent) = (0, 0);
    };
    let app = spawn_app_with(Box::new(change)).await;
    app.post("/api/queue/pause", json!({})).await;
    let project = app.project(BRIEF).await;
    let run = app.generate(&project).await;
    let mut board = dashboard(&app).await;
    let state = payload(&board.until(r#"42["dashboard_state""#).await);
    assert_eq!(state["jobs"][0]["id"], run.as_str(), "{state}");
    assert_eq!(state["audit"][0]["action"], "queue.pause");
    let raised = payload(&board.until(r#"42["admin_alert""#).await);
    assert_eq!((&raised["state"], &raised["level"]), (&json!("raised"), &json!("warning")), "{raised}");
    assert_eq!((&raised["alert"]["rule"], &raised["title"]), (&json!("queue"), &json!("The queue is long")));
    let metrics = payload(&board.until(r#"42["system_metrics_update""#).await)["metrics"].clone();
    assert_eq!((&metrics["queued_jobs"], &metrics["queue"]["paused"]["by"]), (&json!(1), &json!("operator")));
    assert!(metrics["sample"]["disk_free_percent"].is_number(), "{metrics}");
    assert_eq!(metrics["clients"][0]["surface"], "socketio");
    assert!(!see(&app, "/api/admin/history").await["samples"].as_array().unwrap().is_empty());

    let id = raised["alert"]["id"].as_u64().unwrap();
    let path = format!("/api/admin/alerts/{id}/acknowledge");
    let acknowledged = act(&app, &path, json!({})).await;
    assert_eq!(acknowledged["acknowledged"]["by"], "admin");
    let told = payload(&board.until(r#"42["admin_alert""#).await);
    assert_eq!(told["state"], "acknowledged");
    assert_eq!(payload(&board.until(r#"42["audit_entry""#).await)["entry"]["action"], "alert.acknowledge");
    let (status, refused) = ask(&app, ADMIN_TOKEN, Method::POST, &path, json!({})).await;
    assert_eq!(status, 409, "{refused}");
    assert_eq!(
        ask(&app, ADMIN_TOKEN, Method::POST, "/api/admin/alerts/99/acknowledge", json!({})).await.0,
        404
    );
    drop(board);

    let dir = app.stop().await;
    let app = spawn_app_in(dir, Box::new(change)).await;
    let still = see(&app, "/api/admin/alerts").await["active"][0].clone();
    assert_eq!(still, acknowledged, "a restart takes nothing back");
    let mut board = dashboard(&app).await;
    assert_eq!(app.post(&format!("/api/runs/{run}/cancel"), json!({})).await.0, 202);
    let cleared = loop {
        let told = payload(&board.until(r#"42["admin_alert""#).await);
        if told["alert"].is_object() {
            break told;
        }
    };
    assert_eq!((&cleared["state"], &cleared["alert"]["id"]), (&json!("cleared"), &json!(id)));
    assert_eq!(cleared["alert"]["acknowledged"]["by"], "admin");
    let alerts = see(&app, "/api/admin/alerts").await;
    assert_eq!((&alerts["active"], &alerts["cleared"][0]["id"]), (&json!([]), &json!(id)));
}
