//! Models: every way in which a server may behave, what becomes of the run and what it cost.

use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::wire::{WireServer, begin};
use super::{app, events, file, lines, model_server, start};
use crate::helpers::{READING_LIST, wait_for};

fn pipeline(url: &str, more: &str) -> String {
    format!(
        "[[pipeline.x.agent]]\nname = \"poet\"\nexecutor = \"openai\"\nbase_url = \"{url}/v1\"\nmodel = \"m\"\n\
         prompt = \"ask.jinja\"\noutputs = [\"poem.txt\"]\nstall_ms = 300\n{more}"
    )
}

/// The newest count of tokens of the run that was said.
fn tokens(events: &[Value]) -> Option<u64> {
    let metrics = events.iter().rev().find(|event| event["name"] == "metrics")?;
    metrics["data"]["values"]["tokens_of_run"].as_f64().map(|tokens| tokens as u64)
}

#[tokio::test]
async fn every_way_of_a_server_has_its_outcome() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ask.jinja"), "A poem about {{ brief }}.").unwrap();
    // Whether the agent holds after one attempt, what is said otherwise, and the tokens of that attempt.
    for (way, expected, cost) in [
        ("good", Ok(()), Some(18)),
        ("bytes", Ok(()), Some(18)),
        ("crlf and comments", Ok(()), Some(18)),
        ("data lines", Ok(()), Some(18)),
        ("no end mark", Ok(()), Some(18)),
        ("no end", Ok(()), Some(18)),
        ("not a stream", Ok(()), Some(18)),
        ("no usage", Ok(()), None),
        ("wrong once", Ok(()), Some(23)),
        ("broken off once", Err("the stream broke off"), Some(7)),
        ("error within once", Err("overloaded"), None),
        ("stall once", Err("silent for 300 ms"), None),
        ("429 once", Err("429"), None),
        ("503 once", Err("503"), None),
        ("500 once", Err("500"), None),
        ("401", Err("not now"), None),
        ("404 html", Err("404"), None),
        ("redirect", Err("302"), None),
        ("cut", Err("too long"), Some(20)),
        ("nonsense", Err("does not speak the protocol"), None),
    ] {
        let server = model_server::start(way);
        let never =
            "[pipeline.x.agent.retry]\ntransient = { retries_max = 0 }\nrate_limited = { retries_max = 0 }";
        let app = app(folder.path(), &pipeline(&server.url, never)).await;
        let (project, run) = start(&app, "x", "roses").await;
        let ended = app.ended(&run).await;
        match expected {
            Ok(()) => {
                assert_eq!(ended["status"], "completed", "{way}: {ended}");
                assert_eq!(file(&app, &project, "poem.txt").await, "roses are röd 🌹\n", "{way}");
            }
            Err(expected) => {
                assert_eq!(ended["status"], "failed", "{way}: {ended}");
                let message = ended["error"]["message"].as_str().unwrap();
                assert!(message.contains(expected), "{way}: {message}");
            }
        }
        let events = events(&app, &project).await;
        if let Some(cost) = cost
            && ended["status"] == "completed"
        {
            assert_eq!(tokens(&events), Some(cost), "{way}");
        }
        let said = lines(&app, &run).await;
        if let Some(cost) = cost {
            assert!(
                said.iter().any(|(_, text)| text.contains(&format!("; {cost} in this run"))),
                "{way}: {said:#?}"
            );
        }
        let estimated = said.iter().any(|(_, text)| text.contains("(estimated: the server counts none)"));
        // Of a reply that broke off before its count, too.
        assert_eq!(
            estimated,
            matches!(way, "no usage" | "error within once" | "stall once"),
            "{way}: {said:#?}"
        );
        assert_eq!(server.requests()[0].path, "/v1/chat/completions");
        eprintln!("{way}: {} tokens {cost:?}", ended["status"]);
    }
}

#[tokio::test]
async fn a_reply_comes_as_lines_of_a_group_and_a_cancel_drops_the_connection() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ask.jinja"), "x").unwrap();
    let server = model_server::start("endless");
    let app = app(folder.path(), &pipeline(&server.url, "")).await;
    let (_, run) = start(&app, "x", "b").await;
    let said =
        wait_for("lines", async || Some(lines(&app, &run).await).filter(|lines| lines.len() > 5)).await;
    assert_eq!((said[0].1.as_str(), said[1].1.as_str()), ("::group::Reply of m", "and on"));
    let since = Instant::now();
    app.post(&format!("/api/runs/{run}/cancel"), json!({})).await;
    assert_eq!(app.ended(&run).await["status"], "cancelled");
    assert!(since.elapsed() <= Duration::from_secs(2), "{:?}", since.elapsed());
    eprintln!("cancel of a model: {:?}", since.elapsed());
}

#[tokio::test]
async fn a_budget_ends_the_asking() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ask.jinja"), "x").unwrap();
    let server = model_server::start("wrong once");
    let app = app(folder.path(), &pipeline(&server.url, "run_tokens_max = 5")).await;
    let (_, run) = start(&app, "x", "b").await;
    let ended = app.ended(&run).await;
    assert_eq!(ended["error"]["message"], "the run has used 5 tokens; 5 are allowed", "{ended}");
    assert_eq!(server.requests().len(), 1);
}

/// One line of configuration: the agents of `app` on a model that answers what the built-in agents would.
#[tokio::test]
async fn the_agents_of_app_run_on_a_model_and_the_verifier_judges() {
    use callboard::pipelines::AgentInputs;
    use callboard::pipelines::app::model;
    let server = WireServer::start(|request, _, stream| {
        let request = request.json();
        let prompt = request["messages"][1]["content"].as_str().unwrap();
        let (_, rest) = prompt.split_once("\n# The brief\n\n").unwrap();
        let brief = rest.split("\n# ").next().unwrap().trim();
        let title = prompt.lines().find_map(|line| line.strip_prefix("# Your task: ")).unwrap();
        let agent = match title {
            "read the brief" => "intake",
            "requirements" => "requirements",
            "the domain model" => "domain-model",
            "the plan" => "architect",
            "the contract" => "contract",
            "data" => "data",
            "core logic" => "core-logic",
            "design" => "design",
            "interface" => "interface",
            _ => "tests",
        };
        // Earlier agents are the same functions, so their files need not be read out of the prompt.
        let mut inputs = AgentInputs { brief: brief.to_owned(), ..AgentInputs::default() };
        let mut reply = String::new();
        for name in [
            "intake",
            "requirements",
            "domain-model",
            "architect",
            "contract",
            "data",
            "core-logic",
            "design",
            "interface",
            "tests",
        ] {
            let made = model::by_hand(name, &inputs).unwrap().files;
            if name == agent {
                for made in &made {
                    let text = std::str::from_utf8(&made.bytes).unwrap();
                    let end = if text.ends_with('\n') { "" } else { "\n" };
                    reply.push_str(&format!("``````file path={}\n{text}{end}``````\n", made.path));
                }
                break;
            }
            for file in made {
                inputs.files.insert(file.path, file.bytes);
            }
        }
        begin(stream, "text/event-stream");
        let _ = stream.write_all(model_server::stream(&reply, 100, 10).as_bytes());
    });
    let folder = tempfile::tempdir().unwrap();
    let toml = format!(
        "[pipeline.app]\nexecutor = \"openai\"\n[pipeline.app.defaults]\nbase_url = \"{}/v1\"\nmodel = \"m\"",
        server.url
    );
    let app = app(folder.path(), &toml).await;
    let project = app.project(READING_LIST).await;
    let run = app.generate(&project).await;
    let ended = app.ended(&run).await;
    assert_eq!(ended["status"], "completed", "{ended}");
    assert_eq!(server.requests().len(), 10, "every agent but the verifier and the packager asked once");
    let report: Value = serde_json::from_str(&file(&app, &project, "report.json").await).unwrap();
    assert!(report.to_string().contains("criteria"), "{report}");
}

#[tokio::test]
async fn what_passes_is_tried_again_and_every_token_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ask.jinja"), "A poem about {{ brief }}.").unwrap();
    let quick = "retry = { transient = { base_ms = 1, pause_ms_max = 1 }, rate_limited = { base_ms = 1, pause_ms_max = 1 } }";
    // Tokens asked (where the first stream counted none, they are estimated) and answered; how long was asked to wait.
    for (way, asked, answered, pause_ms) in [
        ("broken off once", Some(16), 9, 0),
        ("error within once", None, 9, 0),
        ("stall once", None, 9, 0),
        ("429 once", Some(11), 7, 1_000),
        ("503 once", Some(11), 7, 1_000),
        ("500 once", Some(11), 7, 0),
    ] {
        let server = model_server::start(way);
        let app = app(folder.path(), &pipeline(&server.url, quick)).await;
        let (project, run) = start(&app, "x", "roses").await;
        let ended = app.ended(&run).await;
        assert_eq!(ended["status"], "completed", "{way}: {ended}");
        assert_eq!(ended["agents"][0]["failed_tries"], 1, "{way}");
        assert_eq!(file(&app, &project, "poem.txt").await, "roses are röd 🌹\n", "{way}");
        let usage = &ended["usage"];
        assert_eq!(usage["completion_tokens"], answered, "{way}: {usage}");
        match asked {
            Some(asked) => assert_eq!(usage["prompt_tokens"], asked, "{way}: {usage}"),
            None => assert!(usage["prompt_tokens"].as_u64().unwrap() > 11, "{way}: {usage}"),
        }
        assert!(ended["duration_ms"].as_u64().unwrap() >= pause_ms, "{way}: {ended}");
        assert_eq!(server.requests().len(), 2, "{way}");
        eprintln!("{way}: completed at the second try, {usage}");
    }
}
