//! A cancel for every executor in every state: in time, one end, and nothing left of it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use callboard::config::load::{Sources, load};
use callboard::domain::event::LogLevel;
use callboard::pipelines::policy::{AgentPolicy, FailureClass};
use callboard::pipelines::setup::AgentSetup;
use callboard::pipelines::{Agent, AgentError, AgentHost, AgentInputs, AgentOutput, Pipeline};
use serde_json::json;

use super::start;
use super::wire::{WireServer, answer, begin, wait_for_close};
use crate::helpers::{TestApp, spawn_app_with, wait_for};

/// Before anything works, at rest, and while something works or will again.
const STATES: [&str; 6] = ["queued", "paused", "waiting", "running", "pausing", "backoff"];

fn endless(_: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    host.log(LogLevel::Info, "at work");
    loop {
        host.check()?;
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

fn failing(_: &AgentInputs, _: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    Err(AgentError::passing(FailureClass::Transient, "not now"))
}

const fn agent(
    name: &'static str,
    run: fn(&AgentInputs, &dyn AgentHost) -> Result<AgentOutput, AgentError>,
) -> Agent {
    let (policy, setup) = (AgentPolicy::DEFAULT, AgentSetup::BUILTIN);
    Agent { name, title: name, weight: 1.0, version: 1, run, policy, setup }
}

static FUNCTIONS: Pipeline = Pipeline {
    name: "functions",
    agents: &[agent("endless", endless), agent("failing", failing)],
    parallel: 4,
    check_brief: |_| Ok(()),
};

/// Three pipelines of an executor: one that works without end, one that asks before, one that fails again and again.
fn pipelines(executor: &str, works: &str, fails: &str) -> String {
    format!(
        "[[pipeline.{executor}.agent]]\nname = \"work\"\n{works}\n\
         [[pipeline.{executor}-asks.agent]]\nname = \"ask\"\ncommand = [\"true\"]\ngate = {{ question = \"Go on?\" }}\n\
         [[pipeline.{executor}-asks.agent]]\nname = \"work\"\n{works}\n\
         [[pipeline.{executor}-fails.agent]]\nname = \"work\"\n{fails}\n\
         retry = {{ transient = {{ base_ms = 600000, pause_ms_max = 600000 }} }}\n"
    )
}

async fn app(folder: &Path, toml: String) -> TestApp {
    let file = folder.join("callboard.toml").display().to_string();
    let sources = Sources { file: Some((file, toml)), ..Sources::default() };
    let definitions = load(&sources).unwrap().config.pipelines;
    spawn_app_with(Box::new(move |options| {
        options.config.pipelines = definitions;
        options.pipelines = |name| (name == FUNCTIONS.name).then(|| FUNCTIONS.clone());
    }))
    .await
}

/// Brings a run of that executor into that state.
async fn bring(app: &TestApp, executor: &str, state: &str) -> String {
    let pipeline = match state {
        "waiting" => format!("{executor}-asks"),
        "backoff" => format!("{executor}-fails"),
        _ => executor.to_owned(),
    };
    let held = matches!(state, "queued" | "paused");
    if held {
        app.post("/api/queue/pause", json!({})).await;
    }
    let (_, run) = start(app, &pipeline, "b").await;
    let path = format!("/api/runs/{run}");
    let is = async |status: &str| {
        wait_for(status, async || (app.get(&path).await.1["status"] == status).then_some(())).await;
    };
    match state {
        "waiting" => is("waiting").await,
        "running" | "pausing" => {
            wait_for("a line", async || {
                let (_, logs) = app.get(&format!("{path}/logs")).await;
                logs["lines"].as_array().is_some_and(|lines| !lines.is_empty()).then_some(())
            })
            .await;
        }
        "backoff" => {
            wait_for("a try in vain", async || {
                (app.get(&path).await.1["agents"][0]["failed_tries"] == 1).then_some(())
            })
            .await;
        }
        _ => is("queued").await,
    }
    if matches!(state, "paused" | "pausing") {
        app.post(&format!("{path}/pause"), json!({})).await;
        is(state).await;
    }
    run
}

/// Cancels a run of that executor in every state; answers the longest time it took.
async fn cancel_everywhere(app: &TestApp, executor: &str, limit: Duration) -> Duration {
    let mut longest = Duration::ZERO;
    for state in STATES {
        let run = bring(app, executor, state).await;
        let since = Instant::now();
        let (status, answer) = app.post(&format!("/api/runs/{run}/cancel"), json!({})).await;
        assert_eq!(status, 202, "{executor} {state}: {answer}");
        let ended = app.ended(&run).await;
        let took = since.elapsed();
        assert_eq!(ended["status"], "cancelled", "{executor} {state}: {ended}");
        assert_eq!(ended["evidence"]["processes_left"], 0, "{executor} {state}: {ended}");
        assert!(took <= limit, "{executor} {state}: {took:?}");
        let project = ended["project_id"].as_str().unwrap();
        let (_, page) = app.get(&format!("/api/projects/{project}/events?limit=1000")).await;
        let ends =
            page["events"].as_array().unwrap().iter().filter(|event| event["type"] == "completion").count();
        assert_eq!(ends, 1, "{executor} {state}");
        if matches!(state, "queued" | "paused") {
            app.post("/api/queue/resume", json!({})).await;
        }
        longest = longest.max(took);
    }
    // A place is given back right after the end is on record.
    wait_for("nothing that works, rests or waits", async || {
        let (_, queue) = app.get("/api/queue").await;
        ["active", "resting", "queue_depth"].iter().all(|key| queue[key] == 0).then_some(())
    })
    .await;
    longest
}

#[tokio::test]
async fn every_executor_is_cancelled_in_every_state() {
    let closed = Arc::new(AtomicUsize::new(0));
    let seen = closed.clone();
    let server = WireServer::start(move |request, _, stream| {
        if request.path.starts_with("/fails") {
            return answer(stream, "500 Internal Server Error", "", "");
        }
        if request.path.ends_with("/chat/completions") {
            begin(stream, "text/event-stream");
            let chunk = json!({ "choices": [{ "index": 0, "delta": { "content": "and on\n" } }] });
            let _ = std::io::Write::write_all(stream, format!("data: {chunk}\n\n").as_bytes());
        } else {
            begin(stream, "application/x-ndjson");
            let _ = std::io::Write::write_all(stream, b"{\"type\":\"log\",\"text\":\"at work\"}\n");
        }
        wait_for_close(stream);
        seen.fetch_add(1, Ordering::SeqCst);
    });
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ask.jinja"), "x").unwrap();
    let pids = folder.path().join("pids").display().to_string();
    let model = |path: &str| {
        let url = &server.url;
        format!(
            "executor = \"openai\"\nbase_url = \"{url}{path}/v1\"\nmodel = \"m\"\nprompt = \"ask.jinja\"\noutputs = [\"a\"]"
        )
    };
    let shell = |script: &str| format!("command = [\"sh\", \"-c\", '''{script}''']");
    // Deaf to TERM, with children: one of them in a session of its own, its parent gone.
    let child = format!("trap '' TERM\necho $$ >> {pids}\nwhile :; do sleep 0.2; done\n");
    let deaf = format!(
        ": > {pids}\ntrap '' TERM\ncd {place}\n(setsid sh child.sh &) &\nsh child.sh &\necho $$ >> {pids}\n\
         while [ $(wc -l < {pids}) -lt 3 ]; do sleep 0.05; done\necho at work\nwhile :; do sleep 0.2; done\n",
        place = folder.path().display()
    );
    std::fs::write(folder.path().join("child.sh"), child).unwrap();
    std::fs::write(folder.path().join("deaf.sh"), deaf).unwrap();
    let toml = [
        pipelines("builtin", "function = \"functions/endless\"", "function = \"functions/failing\""),
        pipelines("command", &shell("echo at work; sleep 300"), &shell("exit 75")),
        pipelines("deaf", "command = [\"sh\", \"{folder}/deaf.sh\"]", &shell("exit 75")),
        pipelines(
            "http",
            &format!("url = \"{}/work\"", server.url),
            &format!("url = \"{}/fails\"", server.url),
        ),
        pipelines("openai", &model(""), &model("/fails")),
    ];
    let app = app(folder.path(), toml.concat()).await;
    for executor in ["builtin", "command", "http", "openai"] {
        let took = cancel_everywhere(&app, executor, Duration::from_secs(2)).await;
        eprintln!("cancel of {executor}: at most {took:?}");
    }
    let took = cancel_everywhere(&app, "deaf", Duration::from_secs(10)).await;
    eprintln!("cancel of a deaf program: at most {took:?}");
    let noted = std::fs::read_to_string(&pids).unwrap();
    assert_eq!(noted.lines().count(), 3, "{noted}");
    for pid in noted.lines() {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let lives = stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'));
        assert!(!lives, "process {pid} is left");
    }
    // Running and pausing, of both kinds of servers.
    wait_for("the connections to be closed", async || (closed.load(Ordering::SeqCst) == 4).then_some(()))
        .await;
}
