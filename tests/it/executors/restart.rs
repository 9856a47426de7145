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

/// A server with one pipeline of that agent, in `dir`.
fn with_agent(dir: &Path, agent: &str) -> Server {
    let config = format!("[[pipeline.x.agent]]\nname = \"work\"\n{agent}");
    std::fs::write(dir.join("callboard.toml"), config).unwrap();
    Server::start(dir)
}

impl Server {
    async fn get(&self, path: &str) -> Value {
        self.call(reqwest::Method::GET, path, json!(null)).await
    }

    async fn post(&self, path: &str) -> Value {
        self.call(reqwest::Method::POST, path, json!({})).await
    }

    /// Starts a run of pipeline `x`; answers its path.
    async fn run(&self) -> String {
        let project = json!({ "brief": "b", "pipeline": "x" });
        let project = self.call(reqwest::Method::POST, "/api/projects", project).await;
        let run = self.post(&format!("/api/projects/{}/generate", project["id"].as_str().unwrap())).await;
        format!("/api/runs/{}", run["run_id"].as_str().unwrap_or_else(|| panic!("{run}")))
    }

    /// Waits until a run is as it should be; answers it.
    async fn until(&self, run: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        wait_for(what, async || Some(self.get(run).await).filter(|run| holds(run))).await
    }
}

fn lives(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

/// A script that is deaf to TERM and has children, one of them in a session of its own with its parent gone. All write
/// their ids into `pids`; the second time it says which of them still live and ends.
fn deaf(dir: &Path) -> String {
    let pids = dir.join("pids").display().to_string();
    let child = format!("trap '' TERM\necho $$ >> {pids}\nwhile :; do sleep 0.1; done\n");
    let script = format!(
        "trap '' TERM\nif [ -e {pids} ]; then\n  for old in $(cat {pids}); do\n    \
         if kill -0 $old 2>/dev/null; then echo still $old; else echo gone; fi\n  done\n  exit 0\nfi\n\
         (setsid sh {place}/child.sh &) &\nsh {place}/child.sh &\necho $$ >> {pids}\nwhile :; do sleep 0.1; done\n",
        place = dir.display()
    );
    std::fs::write(dir.join("child.sh"), child).unwrap();
    std::fs::write(dir.join("deaf.sh"), script).unwrap();
    "command = [\"sh\", \"{folder}/deaf.sh\"]\ngrace_ms = 8000".to_owned()
}

async fn three_pids(dir: &Path) -> Vec<String> {
    wait_for("three processes", async || {
        let text = std::fs::read_to_string(dir.join("pids")).unwrap_or_default();
        let pids: Vec<String> = text.lines().map(str::to_owned).collect();
        (pids.len() == 3).then_some(pids)
    })
    .await
}

#[tokio::test]
async fn all_processes_of_a_program_are_ended_before_it_is_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let agent = deaf(dir.path());
    let server = with_agent(dir.path(), &agent);
    let run = server.run().await;
    let pids = three_pids(dir.path()).await;
    assert!(pids.iter().all(|pid| lives(pid)));
    drop(server);

    let server = Server::start(dir.path());
    let ended = server.until(&run, "the end", |run| run["ended_at"].is_string()).await;
    assert_eq!((&ended["status"], &ended["crash_attempts"]), (&json!("completed"), &json!(1)), "{ended}");
    let logs = server.get(&format!("{run}/logs?limit=100")).await;
    let said: Vec<&str> =
        logs["lines"].as_array().unwrap().iter().map(|line| line["text"].as_str().unwrap()).collect();
    assert_eq!(said.iter().filter(|text| **text == "gone").count(), 3, "{said:?}");
    assert!(pids.iter().all(|pid| !lives(pid)));
}

#[tokio::test]
async fn killed_while_it_is_cancelled_a_run_ends_cancelled() {
    let dir = tempfile::tempdir().unwrap();
    let agent = deaf(dir.path());
    let server = with_agent(dir.path(), &agent);
    let run = server.run().await;
    let pids = three_pids(dir.path()).await;
    assert_eq!(server.post(&format!("{run}/cancel")).await["status"], "cancelling");
    assert_eq!(server.get(&run).await["status"], "cancelling", "its program is deaf");
    drop(server);

    let server = Server::start(dir.path());
    let ended = server.until(&run, "the end", |run| run["ended_at"].is_string()).await;
    assert_eq!(
        (&ended["status"], &ended["agents"][0]["status"]),
        (&json!("cancelled"), &json!("skipped")),
        "{ended}"
    );
    assert_eq!(ended["evidence"]["processes_left"], 0);
    assert!(pids.iter().all(|pid| !lives(pid)), "{pids:?}");
}

#[tokio::test]
async fn killed_in_the_pause_before_a_retry_the_agent_is_tried_again_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let tries = dir.path().join("tries").display().to_string();
    let agent = format!(
        "command = [\"sh\", \"-c\", '''\ndate +%s%3N >> {tries}; [ $(wc -l < {tries}) -gt 1 ] || exit 75\n''']\n\
         retry = {{ transient = {{ base_ms = 8000, pause_ms_max = 8000 }} }}"
    );
    let server = with_agent(dir.path(), &agent);
    let run = server.run().await;
    let waits = server.until(&run, "a try in vain", |run| run["agents"][0]["failed_tries"] == 1).await;
    let message = waits["message"].as_str().unwrap();
    let pause = message.split("trying again in ").nth(1).and_then(|rest| rest.split('s').next());
    // In whole tenths, rounded down.
    let pause_ms = pause.unwrap().parse::<f64>().unwrap() * 1_000.0;
    drop(server);

    let server = Server::start(dir.path());
    let ended = server.until(&run, "the end", |run| run["ended_at"].is_string()).await;
    assert_eq!(
        (&ended["status"], &ended["agents"][0]["failed_tries"]),
        (&json!("completed"), &json!(1)),
        "{ended}"
    );
    let tried = std::fs::read_to_string(&tries).unwrap();
    let tried: Vec<f64> = tried.lines().map(|at| at.parse().unwrap()).collect();
    assert!(tried.len() == 2 && tried[1] - tried[0] >= pause_ms, "{tried:?}, {pause_ms} ms");
}

#[tokio::test]
async fn killed_while_it_is_paused_a_run_stays_paused_by_the_same_person() {
    let dir = tempfile::tempdir().unwrap();
    let go = dir.path().join("go").display().to_string();
    let agent = format!(
        "command = [\"sh\", \"-c\", \"while [ ! -e {go} ]; do sleep 0.05; done\"]\n\
         [[pipeline.x.agent]]\nname = \"next\"\ncommand = [\"true\"]"
    );
    let server = with_agent(dir.path(), &agent);
    let run = server.run().await;
    server.until(&run, "the work", |run| run["status"] == "running").await;
    server.post(&format!("{run}/pause")).await;
    std::fs::write(&go, "").unwrap();
    let before = server.until(&run, "the pause", |run| run["status"] == "paused").await;
    drop(server);

    let server = Server::start(dir.path());
    let queue = server.get("/api/queue").await;
    assert_eq!((&queue["resting"], &queue["active"]), (&json!(1), &json!(0)), "{queue}");
    let after = server.get(&run).await;
    assert_eq!(after, before, "nothing about it has changed");
    assert_eq!(after["paused"]["by"], "operator");
    server.post(&format!("{run}/resume")).await;
    let ended = server.until(&run, "the end", |run| run["ended_at"].is_string()).await;
    assert_eq!((&ended["status"], &ended["crash_attempts"]), (&json!("completed"), &json!(0)), "{ended}");
}

/// The most memory that the server has held so far, in bytes.
fn peak_bytes(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
}

#[tokio::test]
async fn a_line_without_an_end_and_a_flood_of_commands_cost_no_memory() {
    const GROWTH_BYTES_MAX: u64 = 48 << 20;
    let dir = tempfile::tempdir().unwrap();
    let script = "head -c 100000000 /dev/zero | tr '\\0' x; echo\n\
                  echo ::stop-commands::word\nyes '::error::<script>alert(1)</script>' | head -n 200000\necho ::word::\n\
                  yes '::notice::n' | head -n 100000\nyes '::group::g' | head -n 50000\n\
                  yes '::artifact path=../../etc/passwd::' | head -n 20000\nexit 0\n";
    std::fs::write(dir.path().join("flood.sh"), script).unwrap();
    let server = with_agent(dir.path(), "command = [\"sh\", \"{folder}/flood.sh\"]");
    let before = peak_bytes(&server);
    let run = server.run().await;
    let ended = server.until(&run, "the end", |run| run["ended_at"].is_string()).await;
    let grown = peak_bytes(&server) - before;
    eprintln!("memory grew by {} KiB", grown / 1024);
    assert_eq!(ended["status"], "completed", "a printed line never changes a state: {ended}");
    assert_eq!(ended["agents"][0]["files"], 0);
    assert!(grown <= GROWTH_BYTES_MAX, "{grown}");
}
