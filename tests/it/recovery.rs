//! Promise 7: a server that is killed during any agent goes on there, and the result is that of an undisturbed run.

use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::helpers::process::Server;
use crate::helpers::{READING_LIST, SOON, spawn_app, wait_for};

impl Server {
    /// Reads the room from a position until `enough`; answers what came.
    async fn read_room(
        &self,
        project: &str,
        since: Option<&str>,
        enough: impl Fn(&Value) -> bool,
    ) -> Vec<Value> {
        let since = since.map(|position| format!("?since={position}")).unwrap_or_default();
        let url = format!("ws://{}/api/ws/projects/{project}{since}", self.address);
        let (mut stream, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        let mut seen = Vec::new();
        loop {
            let message =
                tokio::time::timeout(SOON * 3, stream.next()).await.expect("a message must come").unwrap();
            let Message::Text(text) = message.unwrap() else { continue };
            let value: Value = serde_json::from_str(&text).unwrap();
            let done = enough(&value);
            seen.push(value);
            if done {
                return seen;
            }
        }
    }
}

fn agents() -> Vec<&'static str> {
    callboard::pipelines::find("app").unwrap().agents.iter().map(|agent| agent.name).collect()
}

async fn undisturbed() -> Vec<u8> {
    let app = spawn_app().await;
    let project = app.project(READING_LIST).await;
    let run = app.generate(&project).await;
    assert_eq!(app.ended(&run).await["status"], "completed");
    let url = app.url(&format!("/api/projects/{project}/archive.zip"));
    app.http.get(url).send().await.unwrap().bytes().await.unwrap().to_vec()
}

/// Kills the server while `agent` works (or has just worked) and checks everything the promise says.
async fn killed_at(when: &str, agent: &str, expected_zip: &[u8]) {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::gated(dir.path(), when, agent);
    let project = server.post("/api/projects", json!({ "name": "t", "brief": READING_LIST })).await;
    let project = project["id"].as_str().unwrap().to_owned();
    let run = server.post(&format!("/api/projects/{project}/generate"), json!({})).await;
    let run = run["run_id"].as_str().unwrap().to_owned();
    server.wait_until_held();
    let place = agents().iter().position(|name| *name == agent).unwrap();
    // Everything up to "started" of this agent is said before it works.
    let is_here = |value: &Value| value["type"] == "agent_update" && value["agent"] == agent;
    let before = server
        .read_room(&project, None, |value| {
            is_here(value) || value["state"]["agents"].as_array().is_some_and(|agents| agents.len() > place)
        })
        .await;
    let last = before.last().unwrap();
    let position = last["position"].as_str().unwrap().to_owned();
    let seq = last["seq"].as_u64().unwrap();
    let run_before = server.get(&format!("/api/runs/{run}")).await;
    server.kill();

    let server = Server::plain(dir.path());
    let after = server.read_room(&project, Some(&position), |value| value["type"] == "completion").await;
    assert_eq!(after[0]["type"], "connection");
    assert_eq!(after[0]["resumed"], true, "the log outlived the crash");
    let events: Vec<&Value> = after[1..].iter().filter(|value| value.get("seq").is_some()).collect();
    for (expected, event) in (seq + 1..).zip(&events) {
        assert_eq!(event["seq"], expected, "{agent}: neither hole nor double");
    }
    assert_eq!(events.last().unwrap()["status"], "completed", "{agent}: {:?}", events.last());

    let run_after = server.get(&format!("/api/runs/{run}")).await;
    for (index, name) in agents().iter().enumerate().take(place) {
        assert_eq!(run_before["agents"][index], run_after["agents"][index], "{name} was not touched again");
        assert!(
            !events.iter().any(|event| event["type"] == "agent_update" && event["agent"] == *name),
            "{name} had ended before the crash and says nothing after it"
        );
    }
    assert_eq!(server.zip(&project).await, expected_zip, "{agent}: the zip equals the undisturbed one");
    let page = server.get(&format!("/api/projects/{project}")).await;
    assert_eq!(page["state"]["status"], "completed");
    assert_eq!(page["state"]["progress"], 100.0);
}

#[tokio::test]
async fn killed_during_each_agent_the_run_goes_on_there() {
    let expected = undisturbed().await;
    for agent in agents() {
        killed_at("before", agent, &expected).await;
    }
}

#[tokio::test]
async fn killed_after_the_work_but_before_the_record_the_agent_works_again() {
    let expected = undisturbed().await;
    for agent in ["intake", "core-logic", "packager"] {
        killed_at("after", agent, &expected).await;
    }
}

#[tokio::test]
async fn after_three_crashes_the_run_fails_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut ids = None;
    for _ in 0..4 {
        let mut server = Server::gated(dir.path(), "before", "data");
        if ids.is_none() {
            let project = server.post("/api/projects", json!({ "name": "t", "brief": READING_LIST })).await;
            let project = project["id"].as_str().unwrap().to_owned();
            let run = server.post(&format!("/api/projects/{project}/generate"), json!({})).await;
            ids = Some((project, run["run_id"].as_str().unwrap().to_owned()));
        } else if ids.is_some() {
            let (_, run) = ids.clone().unwrap();
            let status = server.get(&format!("/api/runs/{run}")).await["status"].clone();
            if status == "failed" {
                break;
            }
        }
        server.wait_until_held();
        server.kill();
    }
    let (project, run) = ids.unwrap();
    let server = Server::plain(dir.path());
    let ended = wait_for("the run to end", async || {
        let run = server.get(&format!("/api/runs/{run}")).await;
        run["ended_at"].is_string().then_some(run)
    })
    .await;
    assert_eq!(ended["status"], "failed", "{ended}");
    assert_eq!(ended["error"]["message"], "the server was interrupted 4 times during this run");
    assert_eq!(ended["error"]["agent"], "data");
    let page = server.get(&format!("/api/projects/{project}")).await;
    assert_eq!(page["state"]["completion"]["status"], "failed");
}

/// Sandbox processes that this server has started and that still run.
fn sandboxes_of(server: &Server) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(line) = std::fs::read(entry.path().join("cmdline")) else { continue };
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        // After the name in brackets: state, parent, …
        let parent =
            stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse::<u32>().ok());
        let is_sandbox = line.split(|byte| *byte == 0).any(|word| word == b"sandbox");
        if parent == Some(server.child.id()) && is_sandbox {
            found.push(pid);
        }
    }
    found
}

#[tokio::test]
async fn a_cancel_while_tests_run_ends_the_child_process() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::plain(dir.path());
    let project = server.post("/api/projects", json!({ "name": "t", "brief": READING_LIST })).await;
    let project = project["id"].as_str().unwrap().to_owned();
    let run = server.post(&format!("/api/projects/{project}/generate"), json!({})).await;
    let run = run["run_id"].as_str().unwrap().to_owned();
    // One that is there at two looks is the long one: the run of the planted faults.
    let mut seen = Vec::new();
    wait_for("a sandbox process at work", async || {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        let now = sandboxes_of(&server);
        let stays = now.iter().any(|pid| seen.contains(pid));
        seen = now;
        stays.then_some(())
    })
    .await;
    server.post(&format!("/api/runs/{run}/cancel"), json!({})).await;
    let ended = wait_for("the run to end", async || {
        let run = server.get(&format!("/api/runs/{run}")).await;
        run["ended_at"].is_string().then_some(run)
    })
    .await;
    assert_eq!(ended["status"], "cancelled", "{ended}");
    assert!(ended["evidence"]["processes_ended"].as_u64().unwrap() >= 1, "{ended}");
    assert_eq!(ended["evidence"]["processes_left"], 0);
    assert_eq!(sandboxes_of(&server), Vec::<u32>::new());
}
