//! The image pipeline: a picture from a command to its recipe, told step by step; paused and killed, it is the same picture.

use std::collections::BTreeSet;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::helpers::process::Server;
use crate::helpers::{SOON, spawn_app, wait_for};

const PROMPT: &str = "a red ball and a golden cube, zzyzx";

/// A Socket.IO client of the main namespace.
struct Listener(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Listener {
    async fn connect(address: impl std::fmt::Display) -> Self {
        let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
        let mut listener = Self(tokio_tungstenite::connect_async(url).await.unwrap().0);
        listener.until_packet("0{").await;
        listener.0.send(Message::text("40")).await.unwrap();
        listener.until_packet("40{").await;
        listener
    }

    async fn until_packet(&mut self, begin: &str) -> String {
        loop {
            match tokio::time::timeout(SOON, self.0.next()).await.expect("something must come") {
                Some(Ok(Message::Text(text))) if text.starts_with(begin) => return text.to_string(),
                Some(Ok(Message::Text(text))) if text == "2" => {
                    self.0.send(Message::text("3")).await.unwrap();
                }
                Some(Ok(_)) => {}
                other => panic!("closed before {begin}: {other:?}"),
            }
        }
    }

    /// The next event that is no telemetry, which goes on whatever happens.
    async fn next(&mut self) -> (String, Value) {
        let next = async {
            loop {
                let packet = self.until_packet("42").await;
                let event: Value = serde_json::from_str(&packet[2..]).unwrap();
                if event[0] != "telemetry" {
                    return (event[0].as_str().unwrap().to_owned(), event[1].clone());
                }
            }
        };
        tokio::time::timeout(SOON, next).await.expect("something but telemetry must come")
    }

    async fn until(&mut self, name: &str) -> Value {
        loop {
            let (said, payload) = self.next().await;
            if said == name {
                return payload;
            }
        }
    }
}

fn command(steps: u32, seed: u32) -> Value {
    json!({
        "command": "generate", "prompt": PROMPT, "steps": steps, "width": 64, "height": 64, "seed": seed,
    })
}

#[tokio::test]
async fn a_picture_is_made_and_everyone_hears_of_every_step() {
    let app = spawn_app().await;
    let mut listener = Listener::connect(app.address).await;
    assert_eq!(listener.until("status").await["state"], "idle");
    let (status, accepted) = app.post("/command", command(4, 7)).await;
    assert_eq!(status, 202, "{accepted}");
    let job = accepted["job_id"].clone();
    let started = listener.until("job_started").await;
    assert_eq!(started, json!({ "job_id": job, "prompt": PROMPT, "steps": 4 }));
    let (mut steps, mut percent) = (Vec::new(), 0.0);
    let completed = loop {
        match listener.next().await {
            (name, progress) if name == "progress" => {
                assert_eq!((&progress["job_id"], &progress["total_steps"]), (&job, &json!(4)));
                assert!(progress["percent"].as_f64().unwrap() >= percent, "progress never falls");
                percent = progress["percent"].as_f64().unwrap();
                let step = progress["step"].as_u64().unwrap();
                if step > 0 && steps.last() != Some(&step) {
                    let preview = progress["preview_url"].as_str().unwrap();
                    assert!(preview.contains("preview.png?v="), "{preview}");
                    steps.push(step);
                }
            }
            (name, payload) if name == "completed" => break payload,
            (name, payload) => assert_eq!(name, "status", "{payload}"),
        }
    };
    // Steps of a few milliseconds may be said together.
    assert_eq!(steps.last(), Some(&4), "{steps:?}");
    assert!(steps.is_sorted(), "{steps:?}");
    assert_eq!((&completed["job_id"], &completed["seed"]), (&job, &json!(7)));
    assert_eq!(listener.until("status").await["state"], "idle");
    let (_, idle) = app.get("/status").await;
    assert_eq!(idle, json!({ "state": "idle", "job_id": null, "queue": 0, "backend": "cpu", "ready": true }));

    let image = completed["image_url"].as_str().unwrap();
    let response = app.http.get(app.url(image)).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "image/png");
    let bytes = response.bytes().await.unwrap();
    let project = accepted["project_id"].as_str().unwrap();
    let (_, recipe) = app.get(&format!("/api/projects/{project}/files/recipe.json")).await;
    assert_eq!((&recipe["prompt"], &recipe["params"]["seed"]), (&json!(PROMPT), &json!(7)));
    assert!(bytes.windows(9).any(|window| window == b"callboard"), "the recipe lies in the picture");
    let (_, report) = app.get(&format!("/api/projects/{project}/files/report.json")).await;
    assert_eq!(report["ignored_words"], json!(["zzyzx"]));

    // Made again from its recipe it is the same, byte for byte.
    let again = json!({ "name": "again", "pipeline": "image", "brief": recipe["prompt"], "params": recipe["params"] });
    let (status, project) = app.post("/api/projects", again).await;
    assert_eq!(status, 201, "{project}");
    let project = project["id"].as_str().unwrap().to_owned();
    let run = app.generate(&project).await;
    assert_eq!(app.ended(&run).await["status"], "completed");
    let url = app.url(&format!("/api/projects/{project}/files/image.png"));
    assert_eq!(app.http.get(url).send().await.unwrap().bytes().await.unwrap(), bytes);
}

#[tokio::test]
async fn bad_commands_say_what_is_wrong() {
    let app = spawn_app().await;
    for (body, field) in [
        (json!({ "command": "generate" }), "prompt"),
        (json!({ "command": "generate", "prompt": "  " }), "prompt"),
        (json!({ "command": "generate", "prompt": "qwfp zxcv" }), "prompt"),
        (json!({ "command": "generate", "prompt": "a ball", "width": 4096 }), "width"),
        (json!({ "command": "generate", "prompt": "a ball", "steps": 0 }), "steps"),
        (json!({ "command": "paint", "prompt": "a ball" }), "command"),
    ] {
        let (status, problem) = app.post("/command", body.clone()).await;
        assert_eq!(status, 400, "{body}: {problem}");
        assert_eq!(problem["errors"][0]["field"], field, "{body}: {problem}");
    }
    assert_eq!(app.post("/command", json!({ "command": "stop" })).await.0, 409);
    assert_eq!(app.get("/api/projects").await.1["projects"], json!([]));
}

#[tokio::test]
async fn a_stop_ends_the_picture_that_is_made() {
    let app = spawn_app().await;
    let mut listener = Listener::connect(app.address).await;
    let (_, accepted) = app.post("/command", command(512, 1)).await;
    while listener.until("progress").await["step"].as_u64() < Some(1) {}
    let (status, stopped) = app.post("/command", json!({ "command": "stop" })).await;
    assert_eq!((status, &stopped["job_id"]), (202, &accepted["job_id"]), "{stopped}");
    while listener.until("status").await["state"] != "idle" {}
    let run = accepted["job_id"].as_str().unwrap();
    assert_eq!(app.ended(run).await["status"], "cancelled");
}

/// The members that the API description shows in an answer.
fn members(example: &Value) -> BTreeSet<&String> {
    example.as_object().unwrap().keys().collect()
}

#[tokio::test]
async fn answers_are_those_of_the_description() {
    let app = spawn_app().await;
    let (_, document) = app.get("/api/openapi.json").await;
    let body =
        &document["paths"]["/command"]["post"]["requestBody"]["content"]["application/json"]["example"];
    let described = |path: &str, method: &str, status: &str| {
        document["paths"][path][method]["responses"][status]["content"]["application/json"].clone()
    };
    let accepted = described("/command", "post", "202");
    let (status, generated) = app.post("/command", body.clone()).await;
    assert_eq!(status, 202, "{generated}");
    assert_eq!(members(&generated), members(&accepted["examples"]["generate"]["value"]));
    let stop = json!({ "command": "stop", "job_id": generated["job_id"] });
    let (status, stopped) = app.post("/command", stop.clone()).await;
    assert_eq!(status, 202, "{stopped}");
    assert_eq!(members(&stopped), members(&accepted["examples"]["stop"]["value"]));
    app.ended(generated["job_id"].as_str().unwrap()).await;
    let (status, stopped) = app.post("/command", stop).await;
    assert_eq!((status, &stopped["already"]), (200, &json!("cancelled")), "{stopped}");
    assert_eq!(members(&stopped), members(&described("/command", "post", "200")["example"]));
    let (_, stands) = app.get("/status").await;
    assert_eq!(members(&stands), members(&described("/status", "get", "200")["example"]));
}

async fn image_of(server: &Server, project: &str) -> Vec<u8> {
    let url = format!("http://{}/api/projects/{project}/files/image.png", server.address);
    let response = reqwest::get(url).await.unwrap();
    assert_eq!(response.status(), 200);
    response.bytes().await.unwrap().to_vec()
}

#[tokio::test]
async fn paused_killed_and_resumed_it_is_the_same_picture() {
    const STEPS: u32 = 40;
    let dir = tempfile::tempdir().unwrap();
    let server = Server::plain(dir.path());
    let mut listener = Listener::connect(&server.address).await;
    let first = server.post("/command", command(STEPS, 3)).await;
    listener.until("completed").await;
    let expected = image_of(&server, first["project_id"].as_str().unwrap()).await;

    let second = server.post("/command", command(STEPS, 3)).await;
    let (run, project) = (second["job_id"].as_str().unwrap(), second["project_id"].as_str().unwrap());
    while listener.until("progress").await["step"].as_u64() < Some(2) {}
    server.post(&format!("/api/runs/{run}/pause"), json!({})).await;
    while listener.until("status").await["state"] != "paused" {}
    let (run, project) = (run.to_owned(), project.to_owned());
    server.kill();

    let server = Server::plain(dir.path());
    assert_eq!(server.get(&format!("/api/runs/{run}")).await["status"], "paused");
    server.post(&format!("/api/runs/{run}/resume"), json!({})).await;
    let ended = wait_for("the picture", async || {
        let run = server.get(&format!("/api/runs/{run}")).await;
        (run["status"] == "completed").then_some(run)
    });
    ended.await;
    let lines = server.get(&format!("/api/runs/{run}/logs?agent=renderer")).await;
    assert!(lines.to_string().contains("goes on after step"), "{lines}");
    assert_eq!(image_of(&server, &project).await, expected);
}

#[tokio::test]
async fn the_pages_name_their_platform_and_speak_to_the_other_machine_alone() {
    let app = spawn_app().await;
    for (path, name) in [("/intel", "Intel"), ("/snapdragon", "Snapdragon")] {
        let response = app.http.get(app.url(path)).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.contains("connect-src 'self';"), "{policy}");
        assert!(response.text().await.unwrap().contains(&format!("<h1>{name}</h1>")));
    }
    let response = app.http.get(app.url("/intel?other=10.1.2.3%3A80")).send().await.unwrap();
    let policy = response.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("connect-src 'self' http://10.1.2.3:80 ws://10.1.2.3:80;"), "{policy}");
}
