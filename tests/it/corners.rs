//! Requests from the corners: keys that come twice, words that mean nothing, methods that are not served.

use std::path::Path;

use futures_util::future::join_all;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Error as SocketError;

use crate::helpers::READING_LIST;
use crate::helpers::process::Server;

async fn keyed(server: &Server, path: &str, key: &str, body: &Value) -> (u16, Value) {
    let request = reqwest::Client::new().post(server.url(path)).header("idempotency-key", key).json(body);
    read(request.send().await.unwrap()).await
}

async fn read(answer: Response) -> (u16, Value) {
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn get(server: &Server, path: &str) -> (u16, Value) {
    read(reqwest::get(server.url(path)).await.unwrap()).await
}

#[tokio::test]
async fn a_project_that_is_asked_for_again_is_made_once() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::plain(dir.path());
    let wanted = json!({ "name": "Books", "brief": READING_LIST });
    let answers = join_all((0..100).map(|_| keyed(&server, "/api/projects", "one", &wanted))).await;
    let (status, made) = &answers[0];
    assert_eq!(*status, 201, "{made}");
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(server.get("/api/projects").await["projects"].as_array().unwrap().len(), 1);
    let other = json!({ "name": "Other", "brief": READING_LIST });
    assert_eq!(keyed(&server, "/api/projects", "one", &other).await.0, 409);
    assert_eq!(keyed(&server, "/api/projects", "white space", &wanted).await.0, 400);
    // An id that is taken by the first answer is no conflict for its repetition.
    let named = json!({ "id": "0190a000-0000-7000-8000-00000000000c", "brief": READING_LIST });
    let first = keyed(&server, "/api/projects", "two", &named).await;
    assert_eq!((first.0, keyed(&server, "/api/projects", "two", &named).await), (201, first.clone()));
    server.kill();

    let server = Server::plain(dir.path());
    let (status, again) = keyed(&server, "/api/projects", "one", &wanted).await;
    assert_eq!((status, &again["id"], &again["created_at"]), (201, &made["id"], &made["created_at"]));
    assert_eq!(keyed(&server, "/api/projects", "one", &other).await.0, 409);
    assert_eq!(server.get("/api/projects").await["projects"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_retry_that_is_asked_for_again_is_one_run() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::gated(dir.path(), "before", "intake");
    let project = server.project(READING_LIST).await;
    let run = server.generate(&project).await;
    server.wait_until_held();
    server.post(&format!("/api/runs/{run}/cancel"), json!({})).await;
    server.run_ended(&run).await;
    let path = format!("/api/runs/{run}/retry");
    let wish = json!({ "from_agent": "intake" });
    let answers = join_all((0..100).map(|_| keyed(&server, &path, "again", &wish))).await;
    assert_eq!(answers[0].0, 202, "{}", answers[0].1);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(keyed(&server, &path, "again", &json!({})).await.0, 409);
    let runs = server.get(&format!("/api/projects/{project}/runs")).await;
    assert_eq!(runs["runs"].as_array().unwrap().len(), 2);
    server.kill();

    let server = Server::gated(dir.path(), "before", "intake");
    let (status, again) = keyed(&server, &path, "again", &wish).await;
    assert_eq!((status, &again["run_id"]), (202, &answers[0].1["run_id"]));
}

#[tokio::test]
async fn a_word_that_means_nothing_behind_the_question_mark_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::gated(dir.path(), "before", "design");
    let project = server.project(READING_LIST).await;
    let run = server.generate(&project).await;
    server.wait_until_held();
    let (project_path, run_path) = (format!("/api/projects/{project}"), format!("/api/runs/{run}"));
    for path in [
        project_path.clone(),
        format!("{project_path}/files"),
        format!("{project_path}/files/brief.json"),
        format!("{project_path}/archive.zip"),
        format!("{project_path}/runs"),
        format!("{project_path}/events"),
        format!("{project_path}/logs"),
        format!("{project_path}/logs.txt"),
        run_path.clone(),
        format!("{run_path}/files"),
        format!("{run_path}/files/brief.json"),
        format!("{run_path}/archive.zip"),
        format!("{run_path}/logs"),
        format!("{run_path}/logs.txt"),
        "/api/projects".to_owned(),
        "/api/queue".to_owned(),
        "/status".to_owned(),
        "/api/openapi.json".to_owned(),
        "/api/asyncapi.json".to_owned(),
    ] {
        assert_eq!(reqwest::get(server.url(&path)).await.unwrap().status(), 200, "{path}");
        let (status, problem) = get(&server, &format!("{path}?sinse=1")).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!("sinse")), "{path}: {problem}");
        let message = problem["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains("known: ") || message.contains("takes none"), "{path}: {message}");
    }
    let versioned = server.url(&format!("{project_path}/files/brief.json?v=1"));
    assert_eq!(reqwest::get(versioned).await.unwrap().status(), 200);

    let socket = format!("ws://{}/api/ws/projects/{project}", server.address);
    for wrong in ["?sinse=1", "?since=x", "?since=&from=2"] {
        match tokio_tungstenite::connect_async(format!("{socket}{wrong}")).await {
            Err(SocketError::Http(answer)) => {
                assert_eq!(answer.status(), 400, "{wrong}");
                let problem: Value = serde_json::from_slice(answer.body().as_ref().unwrap()).unwrap();
                let named = problem["errors"][0]["field"].as_str().unwrap();
                assert!(wrong.contains(&format!("{named}=")), "{problem}");
            }
            other => panic!("{wrong}: {other:?}"),
        }
    }
    assert!(tokio_tungstenite::connect_async(format!("{socket}?since=&token=")).await.is_ok());
}

#[tokio::test]
async fn a_method_that_is_not_served_is_a_problem_that_says_which_are() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::plain(dir.path());
    let project = server.project(READING_LIST).await;
    for path in [
        "/".to_owned(),
        format!("/projects/{project}"),
        "/static/js/callboard.js".into(),
        "/favicon.svg".into(),
    ] {
        for method in [Method::DELETE, Method::PUT, Method::POST] {
            let asked = reqwest::Client::new().request(method, server.url(&path)).send().await.unwrap();
            assert_eq!(asked.status(), 405, "{path}");
            assert_eq!(asked.headers()["allow"], "GET, HEAD", "{path}");
            assert_eq!(asked.headers()["content-type"], "application/problem+json", "{path}");
            let (_, problem) = read(asked).await;
            assert_eq!(problem["status"], 405, "{path}: {problem}");
        }
        assert_eq!(reqwest::get(server.url(&path)).await.unwrap().status(), 200, "{path}");
    }
}

#[tokio::test]
async fn nothing_is_missing_before_a_position_that_the_log_has_never_reached() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::plain(dir.path());
    let project = server.project(READING_LIST).await;
    let event = json!({ "type": "event", "name": "n", "data": 1 });
    let said = server.post(&format!("/api/projects/{project}/events"), event).await;
    let position = said["position"].as_str().unwrap();
    let (epoch, seq) = position.rsplit_once('-').unwrap();
    assert_eq!(seq, "1");
    let path = format!("/api/projects/{project}/events?since={epoch}-9");
    let (status, gone) = get(&server, &path).await;
    assert_eq!((status, &gone["gap"], &gone["position"]), (410, &Value::Null, &json!(position)), "{gone}");
    assert!(gone["state"].is_object() && gone["detail"].as_str().unwrap().contains("never"), "{gone}");
}

async fn command(arguments: &[&str], folder: &Path) -> (Option<i32>, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_callboard"));
    command.args(arguments).current_dir(folder).env("CALLBOARD_ODDITY", "1");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test]
async fn the_command_line_says_what_is_wrong_before_it_works() {
    let dir = tempfile::tempdir().unwrap();
    let (code, said) = command(&["generate", READING_LIST, "--out", "/proc/nope"], dir.path()).await;
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "no agent has begun: {said}");
    assert!(said.starts_with("callboard: /proc/nope cannot be written to: "), "{said}");
    let (code, said) = command(&["generate", "hello"], dir.path()).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.starts_with("callboard: brief: "), "{said}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left behind");
    let (_, said) = command(&["check-config"], dir.path()).await;
    assert!(said.contains("CALLBOARD_ODDITY in the environment sets nothing\n"), "{said}");
}
