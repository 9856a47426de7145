//! Pauses through the front door: over REST, from the command line, and across a server that is killed.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::helpers::process::Server;
use crate::helpers::{READING_LIST, wait_for};

/// `callboard …` against that server.
async fn callboard(server: &Server, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_callboard"));
    command.args(arguments).env("CALLBOARD_URL", format!("http://{}", server.address));
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

async fn is_now(server: &Server, run: &str, status: &str) -> Value {
    let path = format!("/api/runs/{run}");
    wait_for(status, async || {
        let run = server.get(&path).await;
        (run["status"] == status).then_some(run)
    })
    .await
}

async fn generate(server: &Server) -> (String, String) {
    let project = server.post("/api/projects", json!({ "name": "t", "brief": READING_LIST })).await;
    let project = project["id"].as_str().unwrap().to_owned();
    let run = server.post(&format!("/api/projects/{project}/generate"), json!({ "lane": "bulk" })).await;
    (project, run["run_id"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_pause_outlives_a_kill_and_the_command_line_lets_the_run_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::gated(dir.path(), "before", "design");
    let (_, run) = generate(&server).await;
    server.wait_until_held();
    assert_eq!(said(&callboard(&server, &["pause", &run]).await), format!("{run} pausing\n"));
    server.kill();

    let server = Server::plain(dir.path());
    let paused = is_now(&server, &run, "paused").await;
    assert_eq!(paused["paused"]["by"], "operator");
    let queue = server.get("/api/queue").await;
    assert_eq!((&queue["resting"], &queue["active"], &queue["paused"]), (&json!(1), &json!(0), &Value::Null));
    let listed = said(&callboard(&server, &["runs"]).await);
    assert!(listed.starts_with(&format!("{run}  paused ")), "{listed}");
    let resumed = said(&callboard(&server, &["resume", &run]).await);
    assert_eq!(resumed, format!("{run} queued\n"));
    let watched = said(&callboard(&server, &["watch", &run]).await);
    assert!(watched.starts_with("Completed 12 agents in "), "{watched}");
    let ended = is_now(&server, &run, "completed").await;
    assert_eq!(ended["crash_attempts"], 0);
    assert!(ended["halted_ms"].as_u64().unwrap() > 0, "{ended}");
    let replayed = callboard(&server, &["replay", &run, "--speed", "50"]).await;
    assert_eq!(said(&replayed), watched);
    assert!(String::from_utf8_lossy(&replayed.stderr).contains("paused: Paused by operator"), "{replayed:?}");
    let again = said(&callboard(&server, &["retry", &run, "--from", "packager"]).await);
    let again = again.split(' ').next().unwrap().to_owned();
    let again = is_now(&server, &again, "completed").await;
    assert_eq!((&again["agents"][0]["status"], &again["lane"]), (&json!("reused"), &json!("bulk")));
    let over = callboard(&server, &["cancel", &run]).await;
    assert_eq!(said(&over), format!("{run} completed (it had ended already)\n"));
    let refused = callboard(&server, &["pause", &run]).await;
    assert!(!refused.status.success());
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(why.contains("the run is completed and cannot be paused (409)"), "{why}");
}

#[tokio::test]
async fn a_paused_queue_outlives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::plain(dir.path());
    let queue = server.post("/api/queue/pause", json!({})).await;
    assert_eq!(queue["paused"]["by"], "operator");
    let (_, run) = generate(&server).await;
    let waits = server.get(&format!("/api/runs/{run}")).await;
    assert_eq!((&waits["status"], &waits["position_in_queue"]), (&json!("queued"), &json!(0)));
    assert_eq!((&waits["starts_in"], &waits["lane"]), (&Value::Null, &json!("bulk")));
    server.kill();

    let server = Server::plain(dir.path());
    let still = server.get("/api/queue").await;
    assert_eq!((&still["paused"], &still["lanes"]["bulk"]), (&queue["paused"], &json!(1)));
    assert_eq!(server.get(&format!("/api/runs/{run}")).await["status"], "queued");
    assert_eq!(server.post("/api/queue/resume", json!({})).await["paused"], Value::Null);
    is_now(&server, &run, "completed").await;
}

#[tokio::test]
async fn a_question_outlives_a_kill_and_the_first_answer_counts() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::gated(dir.path(), "ask", "intake");
    let (project, run) = generate(&server).await;
    let waits = is_now(&server, &run, "waiting").await;
    assert_eq!(waits["gate"]["question"], "Is this what you want?");
    let files = waits["gate"]["files"].as_array().unwrap();
    assert!(!files.is_empty());
    server.kill();

    let server = Server::gated(dir.path(), "ask", "intake");
    let still = server.get(&format!("/api/runs/{run}")).await;
    assert_eq!((&still["status"], &still["gate"]), (&waits["status"], &waits["gate"]));
    let wrong = server.post(&format!("/api/runs/{run}/approve"), json!({ "item": "none" })).await;
    assert_eq!(wrong["errors"][0]["field"], "item");
    let answer = server.post(&format!("/api/runs/{run}/approve"), json!({})).await;
    assert_eq!(answer["status"], "queued");
    let late = server.post(&format!("/api/runs/{run}/reject"), json!({ "text": "no" })).await;
    assert_eq!(late["status"], 409, "{late}");
    let ended = is_now(&server, &run, "completed").await;
    assert_eq!(ended["agents"][0]["answer"]["by"], "operator");
    assert!(server.get(&format!("/api/projects/{project}")).await["state"]["run"]["halted_ms"].is_u64());
}

#[tokio::test]
async fn a_key_stands_for_one_run_a_hundred_times_at_once_and_after_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::plain(dir.path());
    server.post("/api/queue/pause", json!({})).await;
    let project = server.project(READING_LIST).await;
    let ask = async |server: &Server| {
        let http = reqwest::Client::new();
        let requests = (0..100).map(|_| {
            let url = server.url(&format!("/api/projects/{project}/generate"));
            let request =
                http.post(url).header("idempotency-key", "k").json(&json!({ "on_conflict": "enqueue" }));
            async move { request.send().await.unwrap().json::<Value>().await.unwrap()["run_id"].clone() }
        });
        futures_util::future::join_all(requests).await
    };
    let mut runs = ask(&server).await;
    server.kill();
    let server = Server::plain(dir.path());
    runs.extend(ask(&server).await);
    assert!(runs.iter().all(|run| run.is_string() && *run == runs[0]), "{runs:?}");
    let listed = server.get(&format!("/api/projects/{project}/runs")).await;
    assert_eq!(listed["runs"].as_array().unwrap().len(), 1, "{listed}");
}

#[tokio::test]
async fn another_run_is_refused_waits_or_takes_the_place_of_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::gated(dir.path(), "ask", "intake");
    let (project, first) = generate(&server).await;
    is_now(&server, &first, "waiting").await;
    let wanted = async |on_conflict: &str| {
        let body = json!({ "on_conflict": on_conflict });
        server.post(&format!("/api/projects/{project}/generate"), body).await
    };

    assert_eq!(wanted("push").await["errors"][0]["field"], "on_conflict");
    let refused = wanted("reject").await;
    assert_eq!(refused["status"], 409, "{refused}");
    assert_eq!(server.get(&format!("/api/runs/{first}")).await["status"], "waiting");

    let second = wanted("enqueue").await["run_id"].clone();
    // Whoever waits for a person keeps nobody from working.
    is_now(&server, second.as_str().unwrap(), "waiting").await;
    assert_eq!(server.get(&format!("/api/runs/{first}")).await["status"], "waiting");

    let third = wanted("replace").await["run_id"].clone();
    is_now(&server, &first, "cancelled").await;
    is_now(&server, second.as_str().unwrap(), "cancelled").await;
    is_now(&server, third.as_str().unwrap(), "waiting").await;
}
