//! A server that is killed while a program works: the program is ended before it is tried again.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::helpers::wait_for;

struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(dir: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_callboard"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(dir.join("data"));
        command.arg("--config").arg(dir.join("callboard.toml"));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let line = BufReader::new(child.stdout.take().unwrap()).lines().next().unwrap().unwrap();
        let url = line.strip_prefix("listening on ").expect(&line).to_owned();
        Self { child, url }
    }

    async fn call(&self, method: reqwest::Method, path: &str, body: Value) -> Value {
        let request = reqwest::Client::new().request(method, format!("{}{path}", self.url));
        request.json(&body).send().await.unwrap().json().await.unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_program_is_ended_before_it_is_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let notes = dir.path().join("notes");
    let script = format!(
        "#!/bin/sh\ntrap '' TERM\nif [ -e {notes} ]; then\n  read old < {notes}\n  if kill -0 $old 2>/dev/null; then \
         echo still; else echo gone; fi\n  echo again >> {notes}\n  exit 0\nfi\necho $$ > {notes}\n\
         while :; do sleep 0.1; done\n",
        notes = notes.display()
    );
    std::fs::write(dir.path().join("work.sh"), script).unwrap();
    let config = "[[pipeline.x.agent]]\nname = \"work\"\ncommand = [\"sh\", \"{folder}/work.sh\"]";
    std::fs::write(dir.path().join("callboard.toml"), config).unwrap();
    let server = Server::start(dir.path());
    let project =
        server.call(reqwest::Method::POST, "/api/projects", json!({ "brief": "b", "pipeline": "x" })).await;
    let project = project["id"].as_str().unwrap().to_owned();
    let path = format!("/api/projects/{project}/generate");
    let run =
        server.call(reqwest::Method::POST, &path, json!({})).await["run_id"].as_str().unwrap().to_owned();
    wait_for("the program", async || {
        std::fs::read_to_string(&notes).ok().filter(|text| text.ends_with('\n'))
    })
    .await;
    drop(server);
    // Another configuration: the run goes on with the definition that it was begun with.
    std::fs::write(dir.path().join("callboard.toml"), "").unwrap();
    let server = Server::start(dir.path());
    let ended = wait_for("the end of the run", async || {
        let run = server.call(reqwest::Method::GET, &format!("/api/runs/{run}"), json!(null)).await;
        (run["status"] == "completed" || run["status"] == "failed").then_some(run)
    })
    .await;
    assert_eq!(ended["status"], "completed", "{ended}");
    let logs =
        server.call(reqwest::Method::GET, &format!("/api/runs/{run}/logs?limit=100"), json!(null)).await;
    let texts: Vec<&str> =
        logs["lines"].as_array().unwrap().iter().map(|line| line["text"].as_str().unwrap()).collect();
    assert!(texts.contains(&"gone") && !texts.contains(&"still"), "{texts:?}");
}
