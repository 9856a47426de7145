//! Runs that wait behind one that works: they take nothing from it, and say honestly where they stand.

use serde_json::{Value, json};

use crate::helpers::process::Server;
use crate::helpers::{READING_LIST, wait_for};

async fn enqueue(server: &Server, project: &str, wish: Value) -> Value {
    let accepted = server.post(&format!("/api/projects/{project}/generate"), wish).await;
    assert!(accepted["run_id"].is_string(), "{accepted}");
    accepted
}

async fn state(server: &Server, project: &str) -> Value {
    server.get(&format!("/api/projects/{project}")).await["state"].clone()
}

async fn shows(server: &Server, project: &str, run: &str, status: &str) -> Value {
    wait_for(&format!("the page of {run}, {status}"), async || {
        let state = state(server, project).await;
        (state["run"]["id"] == run && state["status"] == status).then_some(state)
    })
    .await
}

#[tokio::test]
async fn a_run_that_waits_leaves_the_page_to_the_one_that_works() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::gated(dir.path(), "before", "design");
    let project = server.project(READING_LIST).await;
    let first = server.generate(&project).await;
    server.wait_until_held();
    // Lines come a little behind what they speak of.
    let before = wait_for("everything that was said", async || {
        let page = shows(&server, &project, &first, "running").await;
        let lines = server.get(&format!("/api/runs/{first}/logs?limit=1")).await;
        (page["log"]["total"] == lines["total"]).then_some(page)
    })
    .await;
    assert!(before["agents"].as_array().unwrap().len() > 3, "{before}");

    let enqueue_it = json!({ "on_conflict": "enqueue" });
    let second = enqueue(&server, &project, enqueue_it.clone()).await;
    let third = enqueue(&server, &project, enqueue_it).await;
    let [second, third] = [&second, &third].map(|accepted| accepted["run_id"].as_str().unwrap().to_owned());
    assert_eq!(state(&server, &project).await, before, "what waits changes nothing");
    server.post(&format!("/api/runs/{second}/cancel"), json!({})).await;
    server.run_ended(&second).await;
    assert_eq!(state(&server, &project).await, before, "nor does its end");

    // The room is folded anew from its log.
    server.kill();
    let mut server = Server::gated(dir.path(), "before", "design");
    server.wait_until_held();
    let goes_on = shows(&server, &project, &first, "running").await;
    assert_eq!(goes_on["run"]["started_at"], before["run"]["started_at"], "it keeps its page");

    server.post(&format!("/api/runs/{first}/cancel"), json!({})).await;
    server.run_ended(&first).await;
    let log = server.log(&project).await;
    let ends: Vec<&Value> = log.iter().filter(|event| event["type"] == "completion").collect();
    assert_eq!(ends.iter().map(|end| &end["run_id"]).collect::<Vec<_>>(), [&json!(second), &json!(first)]);
    // The next one takes the page when it starts, clean.
    let page = shows(&server, &project, &third, "running").await;
    assert_eq!(page["completion"], Value::Null);
    server.post(&format!("/api/runs/{third}/cancel"), json!({})).await;
    let over = shows(&server, &project, &third, "cancelled").await;
    assert_eq!(over["completion"]["status"], "cancelled");
}

#[tokio::test]
async fn a_run_behind_one_of_its_own_project_is_not_next() {
    let dir = tempfile::tempdir().unwrap();
    let settings = [("CALLBOARD_RUNS_CONCURRENCY", "4")];
    let mut server = Server::gated_with(dir.path(), "before", "design", &settings);
    let project = server.project(READING_LIST).await;
    let first = server.generate(&project).await;
    server.wait_until_held();
    for place in 1..=2 {
        let accepted = enqueue(&server, &project, json!({ "on_conflict": "enqueue" })).await;
        assert_eq!(accepted["position_in_queue"], place, "{accepted}");
        // There is room for others, and not for it.
        assert_ne!(accepted["starts_in"]["high_ms"], 0, "{accepted}");
        let run = server.get(&format!("/api/runs/{}", accepted["run_id"].as_str().unwrap())).await;
        assert_eq!((&run["position_in_queue"], &run["status"]), (&json!(place), &json!("queued")), "{run}");
        assert_ne!(run["starts_in"]["high_ms"], 0, "{run}");
    }
    server.post(&format!("/api/runs/{first}/cancel"), json!({})).await;
    server.run_ended(&first).await;
}
