//! The Rust client of Socket.IO, unmodified, against Callboard: every transport, acknowledgements, roles, coming back.

use rust_socketio::TransportType;
use rust_socketio_tests::{ADMIN_TOKEN, Here, Server};
use serde_json::json;

const ANY: &str = "127.0.0.1:0";

/// A task from where it stands to its end.
fn a_task_is_followed(transport: TransportType) {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), ANY);
    let here = Here::connect(&server.url, transport, json!({ "client_name": "rust" }));
    assert_eq!(here.hear("connected")["role"], "operator");
    assert_eq!(here.hear("status")["state"], "idle");
    assert_eq!(here.ask("request_status", json!({}))["ready"], true);
    let task = server.generate();
    let answer = here.ask("join_task", json!({ "task_id": task }));
    assert_eq!(answer["task_id"], task, "{answer}");
    let mut progress = 0.0;
    let done = loop {
        let (name, told) = here.next();
        match name.as_str() {
            "progress_update" => {
                let now = told["progress_percent"].as_f64().unwrap_or_else(|| panic!("{told}"));
                assert!(now >= progress && told["task_id"] == task, "{told}");
                progress = now;
            }
            "task_completed" => break told,
            _ => {}
        }
    };
    assert_eq!((&done["task_id"], &done["results"]["status"]), (&task, &json!("completed")), "{done}");
    assert!(progress > 0.0, "it was told on the way");
    let refused = here.ask("join_task", json!({ "task_id": "nonsense" }));
    assert_eq!(refused["error"]["code"], "invalid", "{refused}");
    let refused = here.ask("join_admin_dashboard", json!({}));
    assert_eq!(refused["error"]["code"], "forbidden", "{refused}");
    here.client.disconnect().unwrap();
}

#[test]
fn by_polling() {
    a_task_is_followed(TransportType::Polling);
}

#[test]
fn by_a_websocket_from_the_start() {
    a_task_is_followed(TransportType::Websocket);
}

#[test]
fn by_a_websocket_that_takes_over() {
    a_task_is_followed(TransportType::WebsocketUpgrade);
}

#[test]
fn by_whatever_works() {
    a_task_is_followed(TransportType::Any);
}

#[test]
fn a_token_says_who_it_is_and_a_wrong_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), ANY);
    let here = Here::connect(&server.url, TransportType::Any, json!({ "token": ADMIN_TOKEN }));
    assert_eq!(here.hear("connected")["role"], "admin");
    assert_eq!(here.ask("join_admin_dashboard", json!({}))["joined"], true);
    assert!(here.hear("dashboard_state")["jobs"].is_array());
    assert!(here.hear("system_metrics_update")["metrics"]["active_jobs"].is_u64());
    let wrong = Here::connect(&server.url, TransportType::Any, json!({ "token": "wrong" }));
    let said = wrong.hear("error");
    assert!(said.to_string().contains("not known"), "{said}");
}

#[test]
fn a_task_goes_on_where_it_was_when_the_server_was_killed() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path(), ANY);
    server.post("/api/queue/pause", &json!({}));
    let task = server.generate();
    let here = Here::connect(&server.url, TransportType::Any, json!({}));
    let known = here.ask("join_task", json!({ "task_id": task }))["position"].clone();
    // It goes before the server does: a connection that breaks off leaves this client asking the dead one again and again.
    here.client.disconnect().unwrap();
    server.kill();
    let server = Server::start(dir.path(), ANY);
    let name = task.as_str().unwrap().to_owned();
    let back = Here::connect(&server.url, TransportType::Any, json!({ "since": { name: known } }));
    back.hear("connected");
    server.post("/api/queue/resume", &json!({}));
    let first = back.hear("progress_update");
    assert_eq!(first["task_id"], task, "{first}");
    assert_eq!(back.hear("task_completed")["results"]["status"], "completed");
}
