//! Agents outside of this program: programs, servers and models, each through the front door.

#![expect(clippy::unwrap_used, reason = "helpers of tests panic like tests")]

mod cancel;
mod command;
mod http;
mod model_server;
mod openai;
mod parallel;
mod pictures;
mod restart;
mod vision;
mod wire;

use std::path::Path;

use callboard::config::load::{Sources, load};
use serde_json::{Value, json};

use crate::helpers::{TestApp, spawn_app_with};

/// A server with these pipelines. Relative paths start from `folder`.
async fn app(folder: &Path, toml: &str) -> TestApp {
    let file = folder.join("callboard.toml").display().to_string();
    let sources = Sources { file: Some((file, toml.to_owned())), ..Sources::default() };
    let pipelines = load(&sources).unwrap().config.pipelines;
    spawn_app_with(Box::new(move |options| options.config.pipelines = pipelines)).await
}

/// Starts a run of a pipeline; answers project and run.
async fn start(app: &TestApp, pipeline: &str, brief: &str) -> (String, String) {
    let (status, project) = app.post("/api/projects", json!({ "brief": brief, "pipeline": pipeline })).await;
    assert_eq!(status, 201, "{project}");
    let project = project["id"].as_str().unwrap().to_owned();
    let run = app.generate(&project).await;
    (project, run)
}

/// Every event of a room.
async fn events(app: &TestApp, project: &str) -> Vec<Value> {
    let (_, page) = app.get(&format!("/api/projects/{project}/events?limit=1000")).await;
    page["events"].as_array().unwrap().clone()
}

/// The lines of a run's log: level and text.
async fn lines(app: &TestApp, run: &str) -> Vec<(String, String)> {
    let (_, page) = app.get(&format!("/api/runs/{run}/logs?limit=1000")).await;
    let lines = page["lines"].as_array().unwrap_or_else(|| panic!("{page}"));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    lines.iter().map(|line| (text(&line["level"]), text(&line["text"]))).collect()
}

async fn file(app: &TestApp, project: &str, path: &str) -> String {
    let url = app.url(&format!("/api/projects/{project}/files/{path}"));
    app.http.get(url).send().await.unwrap().text().await.unwrap()
}
