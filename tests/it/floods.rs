//! Floods of log lines: what a socket gets stays bounded, what it does not get is said, and every line can be fetched.

use std::time::{Duration, Instant};

use callboard::domain::event::LogLevel;
use callboard::pipelines::policy::AgentPolicy;
use callboard::pipelines::setup::AgentSetup;
use callboard::pipelines::{Agent, AgentError, AgentHost, AgentInputs, AgentOutput, Pipeline};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::helpers::{SOON, Socket, TestApp, spawn_app_with, wait_for};

/// What a room says of its log within any second; docs/PROTOCOL.md.
const FRAMES_PER_SECOND_MAX: f64 = 20.0;
const BYTES_PER_SECOND_MAX: f64 = 256.0 * 1024.0;

/// Agents of a pipeline for these tests: one that prints until it is stopped, and one that prints what is hard to print.
static AGENTS: [Agent; 1] = [Agent {
    name: "printer",
    title: "Printer",
    weight: 1.0,
    version: 1,
    run: print,
    policy: AgentPolicy::DEFAULT,
    setup: AgentSetup::BUILTIN,
}];

fn pipelines(name: &str) -> Option<Pipeline> {
    let pipeline = Pipeline { name: "printing", agents: &AGENTS, parallel: 1, check_brief: |_| Ok(()) };
    (name == pipeline.name).then_some(pipeline)
}

fn print(inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    if inputs.brief.starts_with("hard") {
        for line in hard_lines() {
            host.log(LogLevel::Warning, &line);
        }
        return Ok(AgentOutput::default());
    }
    for n in 1_u64.. {
        match n % 1_000 {
            0 => host.log(LogLevel::Error, &"long ".repeat(3_200)),
            1 => host.log(LogLevel::Warning, &"\u{1b}\u{1}".repeat(200)),
            _ => host.log(LogLevel::Info, &format!("line {n} of an agent that prints without end")),
        }
        if n.is_multiple_of(100) {
            host.check()?;
        }
    }
    Ok(AgentOutput::default())
}

/// Lines as long as they may be, and of characters that are trouble somewhere.
fn hard_lines() -> Vec<String> {
    vec![
        "x".repeat(16 * 1024),
        "ö".repeat(8 * 1024),
        "\u{1}".repeat(16 * 1024),
        "\"\\".repeat(4 * 1024),
        "\u{0}\u{7}\u{1b}[31mred\u{1b}[0m\u{7f}\u{85}\u{9b}".to_owned(),
        "\u{202e}txt.exe\u{2066}\u{200b}\u{feff}\u{fffd}\u{2028}\u{2029}".to_owned(),
        "<script>alert(1)</script>&amp;%00".to_owned(),
        "👩‍👩‍👧‍👦 e\u{301} \u{10ffff}".to_owned(),
        String::new(),
    ]
}

async fn app() -> TestApp {
    spawn_app_with(Box::new(|options| options.pipelines = pipelines)).await
}

async fn project(app: &TestApp, brief: &str) -> String {
    let body = json!({ "name": "Flood", "brief": brief, "pipeline": "printing" });
    let (status, project) = app.post("/api/projects", body).await;
    assert_eq!(status, 201, "{project}");
    project["id"].as_str().unwrap().to_owned()
}

/// What a socket heard of a log.
#[derive(Default)]
struct Heard {
    /// When each log frame came, and its bytes.
    frames: Vec<(Instant, usize)>,
    /// Lines in frames.
    lines: u64,
    /// Ranges that were said to be skipped.
    skipped: Vec<(u64, u64)>,
    /// Up to here every line was said or said to be skipped.
    covered: u64,
}

impl Heard {
    /// Reads until `done`.
    async fn read(&mut self, socket: &mut Socket, mut done: impl FnMut(&Heard, &Value) -> bool) {
        loop {
            let message =
                tokio::time::timeout(SOON, socket.stream.next()).await.expect("a message must come");
            let Message::Text(text) = message.expect("the socket must stay open").unwrap() else { continue };
            let message: Value = serde_json::from_str(&text).unwrap();
            if message["type"] == "log" {
                self.frames.push((Instant::now(), text.len()));
                self.take(&message);
            }
            if done(self, &message) {
                return;
            }
        }
    }

    fn take(&mut self, log: &Value) {
        if let Some(skipped) = log["skipped"].as_object() {
            let (from, to) = (skipped["from"].as_u64().unwrap(), skipped["to"].as_u64().unwrap());
            assert_eq!(from, self.covered + 1, "what is skipped begins where the lines before ended");
            self.skipped.push((from, to));
            self.covered = to;
        }
        let lines = log["lines"].as_array().unwrap();
        assert!((1..=100).contains(&lines.len()));
        for line in lines {
            assert_eq!(line["n"], self.covered + 1, "a line follows the one before, or what was skipped");
            assert!(line["text"].to_string().len() <= 8 * 1024 + 2);
            self.covered += 1;
        }
        self.lines += lines.len() as u64;
    }

    /// Frames within any second of their sending: the way to the reader may push some together, so what counts is how
    /// many came over the whole time.
    fn check_rate(&self) {
        let (first, last) = (self.frames[0].0, self.frames[self.frames.len() - 1].0);
        let seconds = (last - first).as_secs_f64() + 1.0;
        let bytes: usize = self.frames.iter().map(|(_, bytes)| bytes).sum();
        assert!(
            self.frames.len() as f64 <= seconds * FRAMES_PER_SECOND_MAX,
            "{} in {seconds}",
            self.frames.len()
        );
        assert!(bytes as f64 <= seconds * BYTES_PER_SECOND_MAX, "{bytes} bytes in {seconds} s");
    }
}

/// Every line of a log, and the answer's total.
async fn all_lines(app: &TestApp, logs: &str) -> Vec<Value> {
    let mut lines = Vec::new();
    let mut next = Some(1);
    while let Some(from) = next {
        let (status, page) = app.get(&format!("{logs}?from={from}&limit=5000")).await;
        assert_eq!(status, 200, "{page}");
        lines.extend(page["lines"].as_array().unwrap().iter().cloned());
        next = page["next_from"].as_u64();
    }
    for (n, line) in (1_u64..).zip(&lines) {
        assert_eq!(line["n"], n);
    }
    lines
}

async fn downloaded_lines(app: &TestApp, logs: &str) -> usize {
    let text = app.http.get(app.url(&format!("{logs}.txt"))).send().await.unwrap().text().await.unwrap();
    text.lines().count()
}

#[tokio::test]
async fn an_agent_that_prints_without_end_is_shown_in_bounded_steps() {
    let app = app().await;
    let project = project(&app, "without end").await;
    let mut socket = app.socket(&project, None).await;
    let run = app.generate(&project).await;
    let mut heard = Heard::default();
    let since = Instant::now();
    heard
        .read(&mut socket, |heard, _| {
            heard.frames.len() >= 25 && since.elapsed() >= Duration::from_millis(2_500)
        })
        .await;
    let (status, answer) = app.post(&format!("/api/runs/{run}/cancel"), json!({})).await;
    assert_eq!(status, 202, "{answer}");
    heard.read(&mut socket, |_, message| message["type"] == "completion").await;
    heard.check_rate();

    let (_, page) = app.get(&format!("/api/runs/{run}/logs?limit=1")).await;
    let total = page["total"].as_u64().unwrap();
    assert_eq!(heard.covered, total, "every line was said or said to be skipped, up to the very last");
    assert!(heard.lines < total / 2, "{} of {total} lines: this was no flood", heard.lines);
    assert_eq!(downloaded_lines(&app, &format!("/api/runs/{run}/logs")).await as u64, total);
    // What was skipped is there.
    let (from, to) = heard.skipped[heard.skipped.len() / 2];
    let (_, page) = app.get(&format!("/api/runs/{run}/logs?from={from}&limit=10")).await;
    let numbers: Vec<u64> =
        page["lines"].as_array().unwrap().iter().map(|line| line["n"].as_u64().unwrap()).collect();
    assert_eq!(numbers[..], (from..=to.max(from + 9)).take(10).collect::<Vec<_>>()[..]);

    let stats =
        app.http.get(app.url("/api/admin/stats")).bearer_auth(crate::helpers::ADMIN_TOKEN).send().await;
    let stats: Value = stats.unwrap().json().await.unwrap();
    let skipped: u64 = heard.skipped.iter().map(|(from, to)| to - from + 1).sum();
    assert_eq!(stats["events"]["skipped_total"]["log"], skipped);

    // Who comes late gets all of it in one message that is small.
    let late = app.socket(&project, None).await;
    assert_eq!(late.connection["state"]["log"]["total"], total);
    assert!(late.connection.to_string().len() <= 64 * 1024);
}

#[tokio::test]
async fn a_worker_outside_that_floods_is_shown_in_bounded_steps() {
    let app = app().await;
    let project = project(&app, "outside").await;
    let mut socket = app.socket(&project, None).await;
    let events = format!("/api/projects/{project}/events");
    const REQUESTS: u64 = 60;
    const LINES: u64 = 1_000;
    let publishing = async {
        for request in 0..REQUESTS {
            let lines: Vec<String> =
                (1..=LINES).map(|n| format!("line {} of a worker outside", request * LINES + n)).collect();
            // Every request is a burst of several events, of two levels.
            let (head, tail) = lines.split_at(500);
            let body = json!([{ "type": "log", "agent": "w", "lines": head },
                              { "type": "log", "agent": "w", "level": "error", "lines": tail }]);
            let (status, answer) = app.post(&events, body).await;
            assert_eq!((status, &answer["accepted"]), (202, &json!(2)), "{answer}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let mut heard = Heard::default();
    let hearing = heard.read(&mut socket, |heard, _| heard.covered == REQUESTS * LINES);
    tokio::join!(publishing, hearing);
    heard.check_rate();
    assert!(heard.lines < REQUESTS * LINES / 2, "{} lines: this was no flood", heard.lines);

    let logs = format!("/api/projects/{project}/logs");
    let lines = all_lines(&app, &logs).await;
    assert_eq!(lines.len() as u64, REQUESTS * LINES);
    for (n, line) in (1_u64..).zip(&lines) {
        assert_eq!(line["text"], format!("line {n} of a worker outside"));
    }
    assert_eq!(downloaded_lines(&app, &logs).await as u64, REQUESTS * LINES);
    let (_, found) = app.get(&format!("{logs}?q=line+31415+of&limit=10")).await;
    let mut found = found;
    while found["lines"].as_array().unwrap().is_empty() {
        found = app.get(&format!("{logs}?q=line+31415+of&from={}", found["next_from"])).await.1;
    }
    assert_eq!(found["lines"][0]["n"], 31_415);

    assert_eq!(app.delete(&format!("/api/projects/{project}")).await.0, 204);
    assert_eq!(app.get(&logs).await.0, 404);
    let folder = app.dir.path().join("artifacts/room-logs").join(&project);
    assert!(!folder.exists(), "the lines of a removed project are gone");
}

#[tokio::test]
async fn a_run_and_a_worker_outside_share_the_pace_of_their_room() {
    let app = app().await;
    let project = project(&app, "both").await;
    let mut socket = app.socket(&project, None).await;
    let run = app.generate(&project).await;
    let events = format!("/api/projects/{project}/events");
    let publishing = async {
        for _ in 0..40 {
            let lines: Vec<String> = (0..900).map(|_| "from outside".to_owned()).collect();
            let (status, answer) = app
                .post(&events, json!({ "type": "log", "agent": "w", "run_id": run, "lines": lines }))
                .await;
            assert_eq!(status, 202, "{answer}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        app.post(&format!("/api/runs/{run}/cancel"), json!({})).await
    };
    let mut frames = Vec::new();
    let hearing = async {
        loop {
            let message = socket.next().await;
            match message["type"].as_str().unwrap() {
                "log" => frames.push((Instant::now(), message.to_string().len(), message["agent"].clone())),
                "completion" => return,
                _ => {}
            }
        }
    };
    tokio::join!(publishing, hearing);
    let heard =
        Heard { frames: frames.iter().map(|(at, bytes, _)| (*at, *bytes)).collect(), ..Heard::default() };
    heard.check_rate();
    for agent in ["printer", "w"] {
        assert!(frames.iter().any(|(_, _, by)| by == agent), "{agent} was heard");
    }
}

#[tokio::test]
async fn lines_of_any_length_and_any_characters_come_back_as_they_were() {
    let app = app().await;
    let project = project(&app, "hard lines").await;
    let run = app.generate(&project).await;
    assert_eq!(app.ended(&run).await["status"], "completed");
    let lines = all_lines(&app, &format!("/api/runs/{run}/logs")).await;
    let said: Vec<&str> = lines.iter().map(|line| line["text"].as_str().unwrap()).collect();
    assert_eq!(said[..hard_lines().len()], hard_lines()[..]);
    let late = app.socket(&project, None).await;
    assert!(late.connection.to_string().len() <= 64 * 1024);

    // The same from a worker outside, in its own room and as objects.
    let other = self::project(&app, "outside").await;
    let mut socket = app.socket(&other, None).await;
    let lines: Vec<Value> = hard_lines().into_iter().map(|text| json!({ "text": text })).collect();
    let events = format!("/api/projects/{other}/events");
    let (status, answer) = app.post(&events, json!({ "type": "log", "lines": lines })).await;
    assert_eq!(status, 202, "{answer}");
    let mut heard = Heard::default();
    heard.read(&mut socket, |heard, _| heard.covered == hard_lines().len() as u64).await;
    let stored = all_lines(&app, &format!("/api/projects/{other}/logs")).await;
    let stored: Vec<&str> = stored.iter().map(|line| line["text"].as_str().unwrap()).collect();
    assert_eq!(stored, hard_lines());
    for (text, field) in [("x".repeat(16 * 1024 + 1), "lines"), ("two\nlines".to_owned(), "lines")] {
        let (status, problem) = app.post(&events, json!({ "type": "log", "lines": [text] })).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!(field)), "{problem}");
    }
}

#[tokio::test]
async fn lines_that_wait_when_the_server_stops_are_said_before_it_does() {
    let app = app().await;
    let project = project(&app, "outside").await;
    let lines: Vec<String> = (0..1_000).map(|n| format!("{n} {}", "x".repeat(400))).collect();
    let events = format!("/api/projects/{project}/events");
    assert_eq!(app.post(&events, json!({ "type": "log", "lines": lines })).await.0, 202);
    let dir = app.stop().await;
    let change: crate::helpers::Change = Box::new(|options| options.pipelines = pipelines);
    let app = crate::helpers::spawn_app_in(dir, change).await;
    let shown = wait_for("the project", async || {
        let (status, shown) = app.get(&format!("/api/projects/{project}")).await;
        (status == 200).then_some(shown)
    })
    .await;
    assert_eq!(shown["state"]["log"]["total"], 1_000);
    // Numbers go on where they ended.
    assert_eq!(app.post(&events, json!({ "type": "log", "lines": ["one more"] })).await.0, 202);
    let (_, page) = app.get(&format!("/api/projects/{project}/logs?from=1001")).await;
    assert_eq!(page["lines"][0]["text"], "one more");
}
