//! REST and server-sent events, PROTOCOL section 2, through the front door. A pipeline of two small agents stands in for
//! the built-in one, so that only the surface is under test.

#![expect(clippy::unwrap_used, reason = "helpers of tests panic like tests")]

use std::io::{Read, Write};
use std::net::TcpStream;

use callboard::domain::event::LogLevel;
use callboard::pipelines::policy::AgentPolicy;
use callboard::pipelines::setup::AgentSetup;
use callboard::pipelines::{Agent, AgentError, AgentHost, AgentInputs, AgentOutput, OutputFile, Pipeline};
use reqwest::Method;
use serde_json::{Value, json};

use crate::helpers::{ADMIN_TOKEN, SOON, TestApp, spawn_app_with};

const AGENTS: &[Agent] = &[
    Agent {
        name: "write",
        title: "Write",
        weight: 1.0,
        version: 1,
        run: write,
        policy: AgentPolicy::DEFAULT,
        setup: AgentSetup::BUILTIN,
    },
    Agent {
        name: "pack",
        title: "Pack",
        weight: 1.0,
        version: 1,
        run: pack,
        policy: AgentPolicy::DEFAULT,
        setup: AgentSetup::BUILTIN,
    },
];

fn write(inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    for line in 1..=20 {
        let level = if line == 7 { LogLevel::Warning } else { LogLevel::Info };
        host.log(level, &format!("line {line} of {}", inputs.brief));
    }
    while inputs.brief.contains("slow") {
        host.check()?;
        std::thread::yield_now();
    }
    let files = vec![
        OutputFile::text("index.html", "<!doctype html><title>x</title>"),
        OutputFile::text("src/a b.js", "export const answer = 42;\n"),
    ];
    Ok(AgentOutput { files, summary: "2 files".to_owned() })
}

fn pack(_: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    host.check()?;
    Ok(AgentOutput { files: vec![OutputFile::text("README.md", "# x\n")], summary: "1 file".to_owned() })
}

fn pipeline(name: &str) -> Option<Pipeline> {
    let check_brief = |brief: &str| match brief.contains("asdf") {
        true => Err("says nothing that can be built".to_owned()),
        false => Ok(()),
    };
    (name == "app").then_some(Pipeline { name: "app", agents: AGENTS, parallel: 1, check_brief })
}

async fn app() -> TestApp {
    spawn_app_with(Box::new(|options| options.pipelines = pipeline)).await
}

async fn project(app: &TestApp, brief: &str) -> String {
    let (status, project) = app.post("/api/projects", json!({ "brief": brief, "pipeline": "app" })).await;
    assert_eq!(status, 201, "{project}");
    project["id"].as_str().unwrap().to_owned()
}

async fn finished(app: &TestApp) -> (String, String) {
    let project = project(app, "notes").await;
    let run = app.generate(&project).await;
    let ended = app.ended(&run).await;
    assert_eq!(ended["status"], "completed", "{ended}");
    (project, run)
}

fn fields(problem: &Value) -> Vec<&str> {
    problem["errors"]
        .as_array()
        .map_or(Vec::new(), |errors| errors.iter().map(|error| error["field"].as_str().unwrap()).collect())
}

#[tokio::test]
async fn a_project_lives_from_post_to_delete() {
    let app = app().await;
    let id = "0190a000-0000-7000-8000-0000000000aa";
    let body = json!({ "id": id, "brief": "A list: of things", "pipeline": "app", "params": { "seed": 7 } });
    let response = app.http.post(app.url("/api/projects")).json(&body).send().await.unwrap();
    assert_eq!(response.status(), 201);
    assert_eq!(response.headers()["location"], format!("/api/projects/{id}").as_str());
    assert_eq!(response.json::<Value>().await.unwrap()["name"], "A list");
    assert_eq!(app.post("/api/projects", body).await.0, 409);

    let (status, shown) = app.get(&format!("/api/projects/{id}")).await;
    assert_eq!((status, &shown["params"]), (200, &json!({ "seed": 7 })));
    assert_eq!(shown["agents"][1], json!({ "agent": "pack", "title": "Pack", "index": 2 }));
    assert_eq!(shown["ws_url"], format!("ws://{}/api/ws/projects/{id}", app.address));
    assert!(shown["state"]["agents"].is_array() && shown["position"].is_string());

    let (status, changed) = app.patch(&format!("/api/projects/{id}"), json!({ "name": " Things " })).await;
    assert_eq!((status, &changed["name"]), (200, &json!("Things")));
    assert_eq!(app.delete(&format!("/api/projects/{id}")).await.0, 204);
    assert_eq!(app.get(&format!("/api/projects/{id}")).await.0, 404);
    assert_eq!(app.delete(&format!("/api/projects/{id}")).await.0, 404);
}

#[tokio::test]
async fn bad_projects_are_refused_field_by_field_and_change_nothing() {
    let app = app().await;
    let long = "x".repeat(20_001);
    for (body, expected) in [
        (json!({}), &["brief"][..]),
        (json!({ "brief": "", "pipeline": "app" }), &["brief"]),
        (json!({ "brief": long, "pipeline": "app" }), &["brief"]),
        (json!({ "brief": "asdf", "pipeline": "app" }), &["brief"]),
        (json!({ "brief": "a\0b", "pipeline": "app" }), &["brief"]),
        (json!({ "brief": 7 }), &["brief"]),
        (json!({ "brief": "b", "pipeline": "opera" }), &["pipeline"]),
        (json!({ "brief": "b", "pipeline": "app", "params": { "seed": -1 } }), &["params.seed"]),
        (json!({ "brief": "b", "pipeline": "app", "name": "x".repeat(201) }), &["name"]),
        (json!({ "brief": "b", "pipeline": "app", "colour": 1 }), &["colour"]),
        (json!({ "brief": "b", "id": "me" }), &["id"]),
        (json!([1]), &["body"]),
    ] {
        let (status, problem) = app.post("/api/projects", body.clone()).await;
        assert_eq!(status, 400, "{problem}");
        assert_eq!(fields(&problem), expected, "{problem}");
        assert_eq!(problem["status"], 400);
    }
    assert_eq!(app.get("/api/projects").await.1, json!({ "projects": [], "next_cursor": null }));
}

#[tokio::test]
async fn lists_come_in_pages_newest_first() {
    let app = app().await;
    let mut made = Vec::new();
    for n in 0..5 {
        made.push(project(&app, &format!("list {n}")).await);
    }
    made.reverse();
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = app.get(&format!("/api/projects?limit=2{cursor}")).await;
        assert_eq!(status, 200, "{page}");
        let projects = page["projects"].as_array().unwrap();
        seen.extend(projects.iter().map(|project| project["id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, made);
    for bad in ["limit=0", "limit=x", "cursor=x", "status=done", "strange=1", "limit=1&limit=2"] {
        assert_eq!(app.get(&format!("/api/projects?{bad}")).await.0, 400, "{bad}");
    }
}

#[tokio::test]
async fn addresses_and_methods_that_are_not_there() {
    let app = app().await;
    for path in [
        "/api",
        "/api/",
        "/api/nothing",
        "/api/projects/",
        "/api/projects/x",
        "/api/projects/0190a000-0000-7000-8000-000000000001",
        "/api/projects/0190a000-0000-7000-8000-000000000001/files/a",
        "/api/projects/0190a000-0000-7000-8000-000000000001/events",
        "/api/runs/x",
        "/api/runs/0190a000-0000-7000-8000-000000000001",
    ] {
        let response = app.http.get(app.url(path)).send().await.unwrap();
        assert_eq!(response.status(), 404, "{path}");
        assert_eq!(response.headers()["content-type"], "application/problem+json", "{path}");
    }
    for (method, path, allow) in [
        (Method::PUT, "/api/projects", "GET, HEAD, POST"),
        (Method::POST, "/api/projects/x", "GET, HEAD, PATCH, DELETE"),
        (Method::GET, "/api/runs/x/cancel", "POST"),
        (Method::DELETE, "/healthz", "GET, HEAD"),
    ] {
        let response = app.http.request(method, app.url(path)).send().await.unwrap();
        assert_eq!(response.status(), 405, "{path}");
        assert_eq!(response.headers()["allow"], allow, "{path}");
    }
    for path in
        ["/healthz", "/readyz", "/metrics", "/api/openapi.json", "/api/asyncapi.json", "/api/projects"]
    {
        assert_eq!(app.http.head(app.url(path)).send().await.unwrap().status(), 200, "HEAD {path}");
        assert_eq!(app.get(path).await.0, 200, "{path}");
    }
}

#[tokio::test]
async fn bodies_that_are_no_bodies() {
    let app = app().await;
    let post = |media_type: &'static str, body: Vec<u8>| {
        app.http.post(app.url("/api/projects")).header("content-type", media_type).body(body).send()
    };
    for (media_type, body, expected) in [
        ("application/json", b"{".to_vec(), 400),
        ("application/json", b"\xff\xfe".to_vec(), 400),
        ("text/plain", b"{\"brief\":\"x\"}".to_vec(), 415),
        ("application/json", vec![b' '; 1024 * 1024 + 1], 413),
        ("application/json", "[".repeat(100_000).into_bytes(), 400),
    ] {
        let response = post(media_type, body).await.unwrap();
        assert_eq!(response.status(), expected);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    }
    assert_eq!(app.get("/healthz").await.0, 200);
}

#[tokio::test]
async fn requests_by_other_names_and_from_other_sites_are_refused() {
    let app = app().await;
    for (headers, expected) in [
        ("Host: evil.example\r\n", 421),
        ("", 400),
        ("Host: localhost\r\nHost: evil.example\r\n", 400),
        ("Host: localhost\r\n", 200),
    ] {
        let answer = raw(&app, &format!("GET /healthz HTTP/1.1\r\n{headers}Connection: close\r\n\r\n"));
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected}")), "{headers:?} {answer}");
    }
    for (origin, expected) in [("http://evil.example", 403), ("null", 403)] {
        let request = app.http.post(app.url("/api/projects")).header("origin", origin);
        let response = request.json(&json!({ "brief": "b", "pipeline": "app" })).send().await.unwrap();
        assert_eq!(response.status(), expected, "{origin}");
    }
    let own = app.http.post(app.url("/api/projects")).header("origin", app.url(""));
    assert_eq!(own.json(&json!({ "brief": "b", "pipeline": "app" })).send().await.unwrap().status(), 201);
}

fn raw(app: &TestApp, request: &str) -> String {
    let mut stream = TcpStream::connect(app.address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn figures_are_for_the_admin_alone() {
    let app = app().await;
    assert_eq!(app.get("/api/admin/stats").await.0, 403);
    let ask = |token: &str| app.http.get(app.url("/api/admin/stats")).bearer_auth(token.to_owned()).send();
    let wrong = ask("wrong").await.unwrap();
    assert_eq!(wrong.status(), 401);
    assert!(wrong.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
    let stats: Value = ask(ADMIN_TOKEN).await.unwrap().json().await.unwrap();
    for member in [
        "uptime_s",
        "version",
        "connections",
        "rooms",
        "runs",
        "events",
        "fanout_ms",
        "append_ms",
        "sockets",
        "system",
        "store",
    ] {
        assert!(stats.get(member).is_some(), "{member} in {stats}");
    }
}

#[tokio::test]
async fn a_run_leaves_files_logs_and_an_archive() {
    let app = app().await;
    let (project, run) = finished(&app).await;
    let (_, shown) = app.get(&format!("/api/runs/{run}")).await;
    assert_eq!((&shown["progress"], shown["agents"].as_array().unwrap().len()), (&json!(100.0), 2));
    let (_, runs) = app.get(&format!("/api/projects/{project}/runs")).await;
    assert_eq!(runs["runs"][0]["id"], run.as_str());

    let (_, files) = app.get(&format!("/api/projects/{project}/files")).await;
    let files = files["files"].as_array().unwrap();
    let paths: Vec<_> = files.iter().map(|file| file["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["README.md", "index.html", "src/a b.js"]);
    let url = app.url(files[2]["url"].as_str().unwrap());
    let whole = app.http.get(&url).send().await.unwrap();
    let etag = whole.headers()["etag"].clone();
    assert_eq!(etag, format!("\"{}\"", files[2]["sha256"].as_str().unwrap()).as_str());
    assert!(whole.headers()["content-security-policy"].to_str().unwrap().starts_with("sandbox "));
    assert_eq!(whole.headers()["x-content-type-options"], "nosniff");
    assert_eq!(whole.text().await.unwrap(), "export const answer = 42;\n");
    let same = app.http.get(&url).header("if-none-match", etag).send().await.unwrap();
    assert_eq!(same.status(), 304);
    let part = app.http.get(&url).header("range", "bytes=7-11").send().await.unwrap();
    assert_eq!((part.status().as_u16(), part.text().await.unwrap()), (206, "const".to_owned()));
    let beyond = app.http.get(&url).header("range", "bytes=900-").send().await.unwrap();
    assert_eq!(beyond.status(), 416);

    let archive =
        app.http.get(app.url(&format!("/api/projects/{project}/archive.zip"))).send().await.unwrap();
    assert_eq!(archive.headers()["content-type"], "application/zip");
    assert_eq!(archive.headers()["content-disposition"], "attachment; filename=\"notes.zip\"");
    assert!(archive.bytes().await.unwrap().starts_with(b"PK"));

    let (_, logs) = app.get(&format!("/api/runs/{run}/logs?agent=write&level=warning")).await;
    assert_eq!(logs["lines"].as_array().unwrap().len(), 1, "{logs}");
    assert_eq!(logs["lines"][0]["text"], "line 7 of notes");
    let (_, logs) = app.get(&format!("/api/runs/{run}/logs?agent=write&limit=5")).await;
    assert!(logs["lines"].as_array().unwrap().len() == 5 && logs["next_from"].is_u64(), "{logs}");
    let (status, text) = app.get(&format!("/api/runs/{run}/logs.txt")).await;
    assert!(status == 200 && text.as_str().unwrap().contains("line 20 of notes"));
}

#[tokio::test]
async fn paths_never_leave_their_project() {
    let app = app().await;
    let (project, _) = finished(&app).await;
    for path in [
        "../../../etc/passwd",
        "%2e%2e/%2e%2e/etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        "%252e%252e/x",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "a%00b",
        "index.html%00",
        "src//a",
        "src/",
        "",
        ".",
        "src/../index.html",
        "C:%5Cwindows",
        "src%5Ca",
        "%ff",
    ] {
        let request = format!(
            "GET /api/projects/{project}/files/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        );
        let answer = raw(&app, &request);
        assert!(answer.starts_with("HTTP/1.1 4"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn runs_are_controlled() {
    let app = app().await;
    let slow = project(&app, "slow").await;
    let run = app.generate(&slow).await;
    let generate = format!("/api/projects/{slow}/generate");
    let (status, problem) = app.post(&generate, json!({})).await;
    assert_eq!((status, &problem["run_id"]), (409, &json!(run)));
    assert_eq!(app.delete(&format!("/api/projects/{slow}")).await.0, 409);
    for bad in [json!({ "on_conflict": "x" }), json!({ "priority": 101 }), json!({ "params": { "x": 1 } })] {
        assert_eq!(app.post(&generate, bad.clone()).await.0, 400, "{bad}");
    }
    for command in ["resume", "approve", "reject"] {
        assert_eq!(app.post(&format!("/api/runs/{run}/{command}"), json!({})).await.0, 409, "{command}");
    }
    let (status, answer) = app.post(&format!("/api/runs/{run}/pause"), json!({})).await;
    assert_eq!((status, &answer["status"]), (202, &json!("pausing")));
    let shown = app.get(&format!("/api/runs/{run}")).await.1;
    assert_eq!((&shown["paused"]["by"], &shown["lane"]), (&json!("operator"), &json!("normal")));
    let (status, answer) = app.post(&format!("/api/runs/{run}/resume"), json!({})).await;
    assert_eq!((status, &answer["status"]), (202, &json!("running")));
    assert_eq!(app.post(&format!("/api/runs/{run}/cancel"), json!({})).await.0, 202);
    assert_eq!(app.ended(&run).await["status"], "cancelled");
    let (status, again) = app.post(&format!("/api/runs/{run}/cancel"), json!({})).await;
    assert_eq!((status, &again["already"]), (200, &json!("cancelled")));
    let (status, problem) = app.post(&format!("/api/runs/{run}/retry"), json!({ "from_agent": "x" })).await;
    assert_eq!((status, fields(&problem)), (400, vec!["from_agent"]));

    let (_, done) = finished(&app).await;
    let (status, retried) =
        app.post(&format!("/api/runs/{done}/retry"), json!({ "from_agent": "pack" })).await;
    assert_eq!(status, 202, "{retried}");
    assert_eq!(app.ended(retried["run_id"].as_str().unwrap()).await["status"], "completed");
}

#[tokio::test]
async fn an_idempotency_key_gives_one_answer() {
    let app = app().await;
    let project = project(&app, "notes").await;
    let generate = |key: &'static str, body: Value| {
        let request = app.http.post(app.url(&format!("/api/projects/{project}/generate")));
        request.header("idempotency-key", key).json(&body).send()
    };
    let first: Value = generate("k1", json!({})).await.unwrap().json().await.unwrap();
    app.ended(first["run_id"].as_str().unwrap()).await;
    let again: Value = generate("k1", json!({})).await.unwrap().json().await.unwrap();
    assert_eq!(first, again);
    assert_eq!(generate("k1", json!({ "priority": 1 })).await.unwrap().status(), 409);
    assert_eq!(generate("", json!({})).await.unwrap().status(), 400);
}

#[tokio::test]
async fn the_log_is_read_in_pages_and_a_lost_position_is_gone() {
    let app = app().await;
    let project = project(&app, "notes").await;
    app.publish(&project, 5).await;
    let events = format!("/api/projects/{project}/events");
    let (_, page) = app.get(&format!("{events}?limit=3")).await;
    assert_eq!((page["events"].as_array().unwrap().len(), &page["more"]), (3, &json!(true)));
    assert_eq!(page["events"][2]["position"], page["position"]);
    let since = page["position"].as_str().unwrap();
    let (_, rest) = app.get(&format!("{events}?since={since}")).await;
    assert_eq!((rest["events"][0]["seq"].as_u64(), &rest["more"]), (Some(4), &json!(false)));
    let (epoch, _) = since.split_once('-').unwrap();
    // Of another life of the log everything is missing, beyond its end nothing: both begin anew.
    let all = json!({ "from_seq": 1, "to_seq": 5 });
    for (since, gap) in [("0badcafe-2".to_owned(), &all), (format!("{epoch}-99"), &Value::Null)] {
        let (status, gone) = app.get(&format!("{events}?since={since}")).await;
        assert_eq!((status, &gone["gap"]), (410, gap), "{gone}");
        assert!(gone["state"].is_object() && gone["position"].is_string());
    }
    assert_eq!(app.get(&format!("{events}?since=yesterday")).await.0, 400);
}

#[tokio::test]
async fn events_are_published_once() {
    let app = app().await;
    let project = project(&app, "notes").await;
    let events = format!("/api/projects/{project}/events");
    let event = json!({ "type": "event", "name": "n", "data": 1, "producer": "p", "epoch": 1, "seq": 1 });
    let (status, first) = app.post(&events, event.clone()).await;
    assert_eq!((status, &first["accepted"]), (202, &json!(1)), "{first}");
    let (_, again) = app.post(&events, event).await;
    assert_eq!((&again["duplicates"], &again["position"]), (&json!(1), &first["position"]));
    let (status, _) = app
        .post(
            &events,
            json!([{ "type": "log", "lines": ["a", "b"] },
        { "type": "agent_update", "agent": "x", "status": "started" },
        { "type": "status_update", "status": "running", "progress": 10 }]),
        )
        .await;
    assert_eq!(status, 202);
    let (_, shown) = app.get(&format!("/api/projects/{project}")).await;
    assert_eq!((&shown["state"]["log"]["total"], &shown["state"]["status"]), (&json!(2), &json!("running")));
    for (bad, expected) in [
        (json!({ "type": "event", "name": "n", "data": "x".repeat(64 * 1024) }), 400),
        (json!({ "type": "nonsense" }), 400),
        (json!([]), 400),
        (json!({ "type": "event", "name": "n", "run_id": "0190a000-0000-7000-8000-000000000001" }), 400),
    ] {
        assert_eq!(app.post(&events, bad).await.0, expected);
    }
    let (done, _) = finished(&app).await;
    let body = json!({ "type": "completion", "status": "failed" });
    assert_eq!(app.post(&format!("/api/projects/{done}/events"), body).await.0, 409);
}

#[tokio::test]
async fn a_stream_begins_with_the_state_and_resumes_by_position() {
    let app = app().await;
    let project = project(&app, "notes").await;
    app.publish(&project, 2).await;
    let url = app.url(&format!("/api/projects/{project}/events"));
    let open = |last: Option<String>| {
        let request = app.http.get(&url).header("accept", "text/event-stream");
        match last {
            Some(last) => request.header("last-event-id", last).send(),
            None => request.send(),
        }
    };
    let mut stream = open(None).await.unwrap();
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let first = until(&mut stream, "event: state").await;
    let position = first.lines().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned();
    app.publish(&project, 1).await;
    let live = until(&mut stream, "\"seq\":3").await;
    assert!(live.contains("id: ") && live.contains("data: {"), "{live}");
    drop(stream);
    app.publish(&project, 1).await;
    let mut stream = open(Some(position)).await.unwrap();
    let missed = until(&mut stream, "\"seq\":4").await;
    assert!(missed.contains("\"seq\":3") && !missed.contains("event: state"), "{missed}");
}

async fn until(stream: &mut reqwest::Response, wanted: &str) -> String {
    let mut text = String::new();
    while !text.contains(wanted) || !text.ends_with("\n\n") {
        let chunk = tokio::time::timeout(SOON, stream.chunk()).await.expect("the stream must go on").unwrap();
        text.push_str(std::str::from_utf8(&chunk.expect("the stream must stay open")).unwrap());
    }
    text
}
