//! The `image` pipeline with somebody else who makes the picture: every protocol, and every way to misbehave.

use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use callboard::pipelines::image::recipe;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::wire::{Request, WireServer, answer, begin, wait_for_close};
use super::{app, events, file, lines, start};
use crate::helpers::{TestApp, wait_for};

const PROMPT: &str = "qwfp zxcv, in no vocabulary";

fn picture() -> Vec<u8> {
    let pixels: Vec<u8> = (0..64 * 64).flat_map(|at| [90 + (at % 64) as u8, 120, 60]).collect();
    recipe::png(64, 64, &pixels, None).unwrap()
}

fn json_answer(stream: &mut TcpStream, body: &Value) {
    answer(stream, "200 OK", "content-type: application/json\r\n", &body.to_string());
}

fn bytes_answer(stream: &mut TcpStream, bytes: &[u8]) {
    use std::io::Write;
    begin(stream, "image/png");
    let _ = stream.write_all(bytes);
}

/// What goes wrong with the picture in base64; true when the answer was given.
fn misbehaves(way: &str, stream: &mut TcpStream, good: &dyn Fn(&str) -> Value) -> bool {
    use std::io::Write;
    match way {
        "500" => answer(stream, "500 Internal Server Error", "", r#"{"error":"OutOfMemoryError"}"#),
        "429" => answer(stream, "429 Too Many Requests", "retry-after: 1\r\n", "slow down"),
        "wrong json" => json_answer(stream, &json!({ "hello": 1 })),
        "no json" => answer(stream, "200 OK", "", "<html>"),
        "broken base64" => json_answer(stream, &good("%%%")),
        "no picture" => json_answer(stream, &good(&BASE64_STANDARD.encode("<html><body>"))),
        "half a picture" => json_answer(stream, &good(&BASE64_STANDARD.encode(&picture()[..100]))),
        "drop" => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n{\"data\": [");
        }
        "stall" => wait_for_close(stream),
        _ => return false,
    }
    true
}

/// What a run must say when the server behaves in this way.
const WAYS: [(&str, &str); 9] = [
    ("500", "OutOfMemoryError"),
    ("429", "429"),
    ("wrong json", "does not speak the protocol"),
    ("no json", "does not speak the protocol"),
    ("broken base64", "is no base64"),
    ("no picture", "which is no PNG, JPEG or WebP"),
    ("half a picture", "no whole PNG"),
    ("drop", "the connection broke"),
    ("stall", "silent for 400 ms"),
];

fn config(executor: &str, url: &str, more: &str) -> String {
    format!(
        "[pipeline.image]\nexecutor = \"{executor}\"\nbase_url = \"{url}\"\nmodel = \"m\"\n[pipeline.image.defaults]\nstall_ms = 60000\n\
         poll_ms = 50\n{more}\n[pipeline.image.defaults.retry]\ntransient = {{ retries_max = 0 }}\nrate_limited = {{ retries_max = 0 }}\n"
    )
}

/// Waits for a short time only where the server stalls.
fn impatient(executor: &str, url: &str, way: &str) -> String {
    let stall_ms = if way == "stall" { "stall_ms = 400" } else { "stall_ms = 60000" };
    config(executor, url, "").replace("stall_ms = 60000", stall_ms)
}

async fn made_by(app: &TestApp, executor: &str) -> Vec<Value> {
    let (_, stands) = app.get("/status").await;
    assert_eq!(stands["backend"], executor);
    let (project, run) = start(app, "image", PROMPT).await;
    let ended = app.ended(&run).await;
    assert_eq!(ended["status"], "completed", "{executor}: {ended}");
    let url = app.url(&format!("/api/projects/{project}/files/image.png"));
    let bytes = app.http.get(url).send().await.unwrap().bytes().await.unwrap();
    let carried = recipe::read(&bytes).unwrap();
    assert_eq!((carried.prompt.as_str(), carried.backend.unwrap().executor.as_str()), (PROMPT, executor));
    let report: Value = serde_json::from_str(&file(app, &project, "report.json").await).unwrap();
    assert_eq!((&report["ignored_words"], &report["backend"]["executor"]), (&json!([]), &json!(executor)));
    assert!(
        report["warnings"].to_string().contains("768 x 512 pixels were asked for, 64 x 64 made"),
        "{report}"
    );
    assert!(file(app, &project, "README.md").await.contains(&format!("Made by {executor}")));
    events(app, &project).await
}

async fn every_way_fails(
    executor: &str,
    serve: impl Fn(&str, &Request, &mut TcpStream) + Clone + Send + Sync + 'static,
) {
    let folder = tempfile::tempdir().unwrap();
    for (way, expected) in WAYS {
        let serve = serve.clone();
        let server = WireServer::start(move |request, _, stream| serve(way, request, stream));
        let app = app(folder.path(), &impatient(executor, &server.url, way)).await;
        let (_, run) = start(&app, "image", PROMPT).await;
        let ended = app.ended(&run).await;
        let message = ended["error"]["message"].as_str().unwrap_or_default();
        assert!(ended["status"] == "failed" && message.contains(expected), "{executor}, {way}: {ended}");
    }
}

fn images(way: &str, request: &Request, stream: &mut TcpStream) {
    if request.path == "/picture.png" {
        assert_eq!(request.header("authorization"), None, "no key goes elsewhere");
        return bytes_answer(stream, &picture());
    }
    let good = |encoded: &str| json!({ "data": [{ "b64_json": encoded }] });
    if misbehaves(way, stream, &good) {
        return;
    }
    match way {
        "url" => json_answer(stream, &json!({ "data": [{ "url": "/picture.png" }] })),
        _ => json_answer(stream, &good(&BASE64_STANDARD.encode(picture()))),
    }
}

#[tokio::test]
async fn openai_answers_with_a_picture_or_its_address() {
    let folder = tempfile::tempdir().unwrap();
    for way in ["b64_json", "url"] {
        let server = WireServer::start(move |request, _, stream| images(way, request, stream));
        let more = "sizes = [\"64x64\", \"96x64\"]\nrequest = { quality = \"low\" }";
        let app = app(folder.path(), &config("openai", &server.url, more)).await;
        made_by(&app, "openai").await;
        let asked = &server.requests()[0];
        assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/images/generations"));
        assert_eq!(
            asked.json(),
            json!({ "prompt": PROMPT, "n": 1, "size": "96x64", "model": "m", "quality": "low" })
        );
    }
    every_way_fails("openai", images).await;
}

fn web_ui(way: &str, request: &Request, stream: &mut TcpStream) {
    let good =
        |encoded: &str| json!({ "images": [encoded], "info": r#"{"seed":5,"sd_model_name":"dream"}"# });
    let encoded = BASE64_STANDARD.encode(picture());
    match request.path.split('?').next().unwrap() {
        "/sdapi/v1/txt2img" if matches!(way, "slow" | "cannot say") => {
            std::thread::sleep(Duration::from_millis(1_500));
            json_answer(stream, &good(&encoded));
        }
        "/sdapi/v1/txt2img" if way == "cancel" => wait_for_close(stream),
        "/sdapi/v1/txt2img" => {
            assert!(misbehaves(way, stream, &good));
        }
        "/sdapi/v1/progress" if way == "cannot say" => {
            answer(stream, "404 Not Found", "", r#"{"detail":"Not Found"}"#);
        }
        "/sdapi/v1/progress" if way == "slow" || way == "cancel" => json_answer(
            stream,
            &json!({ "progress": 0.3, "state": { "sampling_step": 3, "sampling_steps": 16 }, "current_image": encoded }),
        ),
        "/sdapi/v1/progress" => json_answer(stream, &json!({ "progress": 0.0, "state": {} })),
        _ => json_answer(stream, &json!({})),
    }
}

#[tokio::test]
async fn automatic1111_shows_its_steps() {
    let folder = tempfile::tempdir().unwrap();
    let server = WireServer::start(|request, _, stream| web_ui("slow", request, stream));
    let app = app(folder.path(), &config("automatic1111", &server.url, "negative_prompt = \"fog\"")).await;
    let events = made_by(&app, "automatic1111").await;
    assert!(events.iter().any(|event| event.to_string().contains("step 3 of 16")), "{events:#?}");
    let asked = server.requests()[0].json();
    assert_eq!(
        (&asked["prompt"], &asked["negative_prompt"], &asked["steps"]),
        (&json!(PROMPT), &json!("fog"), &json!(16))
    );
    assert_eq!(asked["override_settings"]["sd_model_checkpoint"], "m");
    every_way_fails("automatic1111", web_ui).await;
}

#[tokio::test]
async fn whoever_cannot_say_how_far_it_is_has_not_stalled() {
    let folder = tempfile::tempdir().unwrap();
    let server = WireServer::start(|request, _, stream| web_ui("cannot say", request, stream));
    let app = app(folder.path(), &impatient("automatic1111", &server.url, "stall")).await;
    let (_, run) = start(&app, "image", PROMPT).await;
    let ended = app.ended(&run).await;
    assert_eq!(ended["status"], "completed", "{ended}");
    let lines = lines(&app, &run).await;
    let told =
        lines.iter().filter(|(level, text)| level == "warning" && text.contains("no /sdapi/v1/progress"));
    assert_eq!(told.count(), 1, "{lines:#?}");
}

#[derive(Default)]
struct Comfy {
    done: Mutex<bool>,
}

fn comfy_ui(way: &'static str) -> WireServer {
    let comfy = Arc::new(Comfy::default());
    WireServer::start(move |request, _, stream| {
        let path = request.path.split('?').next().unwrap();
        let running = matches!(way, "cancel" | "stall") || (way == "good" && !*comfy.done.lock().unwrap());
        match path {
            "/ws" if way == "no socket" => answer(stream, "404 Not Found", "", ""),
            "/ws" => socket(way, request, stream, &comfy),
            "/prompt" if way == "refused" => answer(
                stream,
                "400 Bad Request",
                "",
                r#"{"error":{"message":"invalid"},"node_errors":{"4":{"class_type":"Loader","errors":[{"message":"not in list","details":"m"}]}}}"#,
            ),
            "/prompt" if misbehaves(if way == "stall" { "" } else { way }, stream, &|_| json!({})) => {}
            "/prompt" => json_answer(stream, &json!({ "prompt_id": "p" })),
            "/queue" if request.method == "POST" => json_answer(stream, &json!({})),
            "/queue" => json_answer(
                stream,
                &json!({ "queue_running": if running { json!([[0, "p"]]) } else { json!([]) }, "queue_pending": [] }),
            ),
            "/history/p" if running || way == "lost" => json_answer(stream, &json!({})),
            "/history/p" if way == "failed" => json_answer(
                stream,
                &json!({ "p": { "outputs": {}, "status": { "status_str": "error", "messages": [
                    ["execution_error", { "node_type": "KSampler", "exception_message": "out of memory" }],
                ] } } }),
            ),
            "/history/p" => json_answer(
                stream,
                &json!({ "p": { "outputs": { "9": { "images": [{ "filename": "a b.png", "subfolder": "", "type": "output" }] } } } }),
            ),
            "/view" if way == "view is text" => answer(stream, "200 OK", "", "<html><body>"),
            "/view" => bytes_answer(stream, &picture()),
            _ => json_answer(stream, &json!({})),
        }
    })
}

/// Says two steps with previews, then that the work is done, or breaks off.
fn socket(way: &str, request: &Request, stream: &mut TcpStream, comfy: &Comfy) {
    use std::io::Write;
    let accept = derive_accept_key(request.header("sec-websocket-key").unwrap().as_bytes());
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: {accept}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut socket = WebSocket::from_raw_socket(stream.try_clone().unwrap(), Role::Server, None);
    for step in 1..=2 {
        // Two steps that are each seen, however slow the other side is.
        std::thread::sleep(Duration::from_millis(250));
        let said =
            json!({ "type": "progress", "data": { "value": step, "max": 2, "prompt_id": "p", "node": "3" } });
        let preview = [&[0, 0, 0, 1, 0, 0, 0, 2][..], &picture()].concat();
        let _ = socket.send(Message::text(said.to_string()));
        let _ = socket.send(Message::Binary(Bytes::from(preview)));
        if way == "socket breaks" {
            return;
        }
    }
    if way == "good" {
        *comfy.done.lock().unwrap() = true;
        let done = json!({ "type": "executing", "data": { "node": null, "prompt_id": "p" } });
        let _ = socket.send(Message::text(done.to_string()));
    }
    let _ = socket.read();
}

#[tokio::test]
async fn comfyui_carries_out_the_workflow() {
    let folder = tempfile::tempdir().unwrap();
    for way in ["good", "no socket", "socket breaks"] {
        let server = comfy_ui(way);
        let app = app(folder.path(), &config("comfyui", &server.url, "")).await;
        let events = made_by(&app, "comfyui").await;
        let stepped = events.iter().any(|event| event.to_string().contains("step 2 of 2"));
        assert_eq!(stepped, way == "good", "{way}: {events:#?}");
        let requests = server.requests();
        let workflow = requests.iter().find(|request| request.path == "/prompt").unwrap().json();
        assert_eq!(workflow["prompt"]["6"]["inputs"]["text"], PROMPT);
        assert_eq!(workflow["prompt"]["3"]["inputs"]["steps"], 16);
        assert!(
            requests
                .iter()
                .any(|request| request.path == "/view?filename=a%20b%2Epng&subfolder=&type=output")
        );
    }
    for (way, expected) in [
        ("500", "OutOfMemoryError"),
        ("429", "429"),
        ("wrong json", "has no prompt_id"),
        ("no json", "is not JSON"),
        ("drop", "the connection broke"),
        ("refused", "refuses the workflow: invalid; Loader (4): not in list m"),
        ("failed", "KSampler: out of memory"),
        ("lost", "has lost the work"),
        ("view is text", "which is no PNG, JPEG or WebP"),
        ("stall", "silent for 400 ms"),
    ] {
        let server = comfy_ui(way);
        let app = app(folder.path(), &impatient("comfyui", &server.url, way)).await;
        let (_, run) = start(&app, "image", PROMPT).await;
        let ended = app.ended(&run).await;
        let message = ended["error"]["message"].as_str().unwrap_or_default();
        assert!(ended["status"] == "failed" && message.contains(expected), "{way}: {ended}");
    }
}

#[tokio::test]
async fn a_cancel_reaches_the_server() {
    let folder = tempfile::tempdir().unwrap();
    for (executor, interrupt, server) in [
        (
            "automatic1111",
            "/sdapi/v1/interrupt",
            WireServer::start(|request, _, stream| web_ui("cancel", request, stream)),
        ),
        ("comfyui", "/interrupt", comfy_ui("cancel")),
    ] {
        let app = app(folder.path(), &config(executor, &server.url, "")).await;
        let (_, run) = start(&app, "image", PROMPT).await;
        let works =
            |request: &Request| request.path.starts_with("/sdapi/v1/progress") || request.path == "/queue";
        wait_for("work", async || server.requests().iter().any(works).then_some(())).await;
        let since = Instant::now();
        app.post(&format!("/api/runs/{run}/cancel"), json!({})).await;
        assert_eq!(app.ended(&run).await["status"], "cancelled", "{executor}");
        assert!(server.requests().iter().any(|request| request.path == interrupt), "{executor}");
        assert!(since.elapsed() < Duration::from_secs(10));
    }
}

#[tokio::test]
async fn what_comfyui_takes_in_during_a_cancel_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let (asked, told) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (is_asked, may_answer) = (asked.clone(), told.clone());
    let server = WireServer::start(move |request, _, stream| match request.path.as_str() {
        "/prompt" => {
            is_asked.store(true, Ordering::SeqCst);
            let deadline = Instant::now() + Duration::from_secs(30);
            while !may_answer.load(Ordering::SeqCst) && Instant::now() < deadline {
                std::thread::park_timeout(Duration::from_millis(5));
            }
            json_answer(stream, &json!({ "prompt_id": "late" }));
        }
        "/queue" => json_answer(stream, &json!({ "queue_running": [[0, "late"]], "queue_pending": [] })),
        path if path.starts_with("/ws") => answer(stream, "404 Not Found", "", ""),
        _ => json_answer(stream, &json!({})),
    });
    let app = app(folder.path(), &config("comfyui", &server.url, "")).await;
    let (_, run) = start(&app, "image", PROMPT).await;
    wait_for("the workflow to be sent", async || asked.load(Ordering::SeqCst).then_some(())).await;
    let since = Instant::now();
    app.post(&format!("/api/runs/{run}/cancel"), json!({})).await;
    assert_eq!(app.ended(&run).await["status"], "cancelled");
    assert!(since.elapsed() < Duration::from_secs(10), "nobody waits for the answer");
    assert!(server.requests().iter().all(|request| request.path != "/interrupt"));
    told.store(true, Ordering::SeqCst);
    let has = |path: &str, body: Value| {
        server
            .requests()
            .iter()
            .any(|request| request.path == path && request.method == "POST" && request.json() == body)
    };
    wait_for("the work to be taken back", async || {
        let deleted = has("/queue", json!({ "delete": ["late"] }));
        (deleted && has("/interrupt", json!({ "prompt_id": "late" }))).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_program_makes_the_picture() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("made.png"), picture()).unwrap();
    let command = |script: &str| {
        format!("[pipeline.image]\ncommand = [\"sh\", \"-c\", \"{script}\", \"{{folder}}\"]\n")
    };
    let good =
        app(folder.path(), &command("cp $0/made.png image.png; echo ::preview path=image.png,step=1,of=1::"))
            .await;
    made_by(&good, "command").await;
    std::fs::write(folder.path().join("draw.sh"), "cp $1 image.png").unwrap();
    let script = "[pipeline.image]\ncommand = [\"sh\", \"{folder}/draw.sh\", \"{folder}/made.png\"]\n";
    for (more, expected) in [("", "draw.sh"), ("model = \"brushes\"\n", "brushes")] {
        let app = app(folder.path(), &format!("{script}{more}")).await;
        let (project, run) = start(&app, "image", PROMPT).await;
        assert_eq!(app.ended(&run).await["status"], "completed");
        let report: Value = serde_json::from_str(&file(&app, &project, "report.json").await).unwrap();
        assert_eq!(report["backend"], json!({ "executor": "command", "model": expected }));
    }
    for (script, expected) in [
        ("echo nothing", "command made no picture: it must be named image.png"),
        ("echo text > image.jpg", "command sent no picture: it begins with"),
    ] {
        let app = app(folder.path(), &command(script)).await;
        let (_, run) = start(&app, "image", PROMPT).await;
        let ended = app.ended(&run).await;
        let message = ended["error"]["message"].as_str().unwrap_or_default();
        assert!(message.starts_with(expected), "{script}: {ended}");
    }
}
