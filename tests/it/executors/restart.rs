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

/// A first agent whose model uses tokens, and a second one that works until the server is killed.
#[tokio::test]
async fn what_models_used_is_on_record_and_a_restart_forgets_nothing() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("ask.jinja"), "x").unwrap();
    let wrong_once = super::model_server::start("wrong once");
    let good = super::model_server::start("good");
    let broken = super::model_server::start("broken off once");
    let held = dir.path().join("held");
    let agent = |name: &str, url: &str, prices: &str| {
        format!(
            "[[pipeline.x.agent]]\nname = \"{name}\"\nexecutor = \"openai\"\nbase_url = \"{url}/v1\"\nmodel = \"m\"\n\
             prompt = \"ask.jinja\"\noutputs = [\"poem.txt\"]\n{prices}\n\
             retry = {{ transient = {{ base_ms = 1, pause_ms_max = 1 }} }}\n"
        )
    };
    let config = format!(
        "{}{}[[pipeline.x.agent]]\nname = \"wait\"\ncommand = [\"sh\", \"-c\", '''\n\
         if [ -e {held} ]; then exit 0; fi; echo $$ > {held}; while :; do sleep 0.1; done\n''']\n{}",
        agent("first", &wrong_once.url, "price_in = 2.0\nprice_out = 10"),
        agent("second", &broken.url, ""),
        agent("third", &good.url, "price_in = 0.1\nrun_tokens_max = 60"),
        held = held.display()
    );
    std::fs::write(dir.path().join("callboard.toml"), config).unwrap();
    let server = Server::start(dir.path());
    let post = reqwest::Method::POST;
    let project = server.call(post.clone(), "/api/projects", json!({ "brief": "b", "pipeline": "x" })).await;
    let path = format!("/api/projects/{}/generate", project["id"].as_str().unwrap());
    let run = server.call(post, &path, json!({})).await["run_id"].as_str().unwrap().to_owned();
    wait_for("the program", async || held.exists().then_some(())).await;
    let show = async |server: &Server| {
        server.call(reqwest::Method::GET, &format!("/api/runs/{run}"), json!(null)).await
    };
    let usage = |asked: u64, answered: u64, cost: Value| json!({ "prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered, "cost": cost });
    // Two replies of the first agent: 3 and 2 tokens that did not hold, then 11 and 7.
    let before = show(&server).await;
    assert_eq!(before["agents"][0]["usage"], usage(14, 9, json!(0.118)), "{before}");
    // The second one's first stream broke off after 5 and 2; nothing was said of prices.
    assert_eq!(before["agents"][1]["usage"], usage(16, 9, Value::Null));
    assert_eq!((&before["agents"][2]["usage"], &before["agents"][3]["usage"]), (&Value::Null, &Value::Null));
    assert_eq!(before["usage"], usage(30, 18, json!(0.118)));
    drop(server);

    let server = Server::start(dir.path());
    let ended = wait_for("the end of the run", async || {
        Some(show(&server).await).filter(|run| run["ended_at"].is_string())
    })
    .await;
    assert_eq!(ended["status"], "completed", "{ended}");
    assert_eq!(ended["agents"][0]["usage"], before["agents"][0]["usage"]);
    assert_eq!(ended["agents"][3]["usage"], usage(11, 7, json!(0.0011)));
    assert_eq!(ended["usage"], usage(41, 25, json!(0.1191)), "the run goes on counting from where it was");
    let said =
        server.call(reqwest::Method::GET, &format!("/api/runs/{run}/logs?limit=100"), json!(null)).await;
    assert!(
        said.to_string().contains("66 in this run"),
        "the limit of a run counts what was used before: {said}"
    );
}
