//! Captions through the front door: images go in, texts come out, people decide.

use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{SinkExt, StreamExt};
use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::helpers::{ADMIN_TOKEN, SOON, TestApp, spawn_app, spawn_app_with};

const RED: [u8; 3] = [220, 20, 20];
const BLUE: [u8; 3] = [20, 40, 220];

fn halves(left: [u8; 3], right: [u8; 3], format: ImageFormat) -> Vec<u8> {
    let image = RgbaImage::from_fn(80, 40, |x, _| {
        let [r, g, b] = if x < 40 { left } else { right };
        Rgba([r, g, b, 255])
    });
    let image = DynamicImage::ImageRgb8(DynamicImage::ImageRgba8(image).into_rgb8());
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn png() -> Vec<u8> {
    halves(RED, BLUE, ImageFormat::Png)
}

async fn project(app: &TestApp, params: Value) -> String {
    let body = json!({ "name": "pictures", "brief": "pictures of the shop", "pipeline": "caption", "params": params });
    let (status, project) = app.post("/api/projects", body).await;
    assert_eq!(status, 201, "{project}");
    project["id"].as_str().unwrap().to_owned()
}

async fn upload(app: &TestApp, project: &str, name: &str, bytes: Vec<u8>) -> (u16, Value) {
    let url = app.url(&format!("/api/projects/{project}/inputs"));
    let name = name.replace('/', "%2F");
    let answer = app.http.post(format!("{url}?name={name}")).body(bytes).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn form(app: &TestApp, project: &str, files: Vec<(String, Vec<u8>)>) -> (u16, Value) {
    let form = files
        .into_iter()
        .fold(Form::new(), |form, (name, bytes)| form.part("files", Part::bytes(bytes).file_name(name)));
    let url = app.url(&format!("/api/projects/{project}/inputs"));
    let answer = app.http.post(url).multipart(form).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn captioned(app: &TestApp, params: Value) -> (String, String) {
    let project = project(app, params).await;
    let files = vec![
        ("a.png".to_owned(), png()),
        ("b.jpg".to_owned(), halves(RED, BLUE, ImageFormat::Jpeg)),
        ("c d.webp".to_owned(), halves(BLUE, RED, ImageFormat::WebP)),
        ("e.png".to_owned(), png()),
    ];
    assert_eq!(form(app, &project, files).await.0, 201);
    let run = app.generate(&project).await;
    assert_eq!(app.ended(&run).await["status"], "completed");
    (project, run)
}

async fn captions(app: &TestApp, run: &str) -> Value {
    let (status, captions) = app.get(&format!("/api/runs/{run}/captions")).await;
    assert_eq!(status, 200, "{captions}");
    captions
}

#[tokio::test]
async fn one_broken_file_among_fifty_is_reported_and_the_others_are_done() {
    let app = spawn_app().await;
    let project = project(&app, json!({ "language": "de" })).await;
    let mut files: Vec<(String, Vec<u8>)> = (0..49).map(|n| (format!("{n:02}.png"), png())).collect();
    let jpeg = halves(RED, BLUE, ImageFormat::Jpeg);
    files.push(("broken.jpg".to_owned(), jpeg[..jpeg.len() / 2].to_vec()));
    let (status, added) = form(&app, &project, files).await;
    assert_eq!((status, added["inputs"].as_array().unwrap().len()), (201, 50), "{added}");
    let run = app.generate(&project).await;
    let ended = app.ended(&run).await;
    assert_eq!(ended["status"], "partial");
    let message = "1 of 50 images cannot be used: broken.jpg (the file is cut off before its end)";
    let (_, shown) = app.get(&format!("/api/projects/{project}")).await;
    let completion = &shown["state"]["completion"];
    assert_eq!((&completion["status"], &completion["success"]), (&json!("partial"), &json!(false)));
    assert!(completion["message"].as_str().unwrap().contains(message), "{completion}");
    let told = captions(&app, &run).await;
    assert_eq!(told["counts"]["described"], 49);
    assert_eq!(told["counts"]["failed"], 1);
    for image in told["images"].as_array().unwrap() {
        match image["item"] == "broken.jpg" {
            true => assert_eq!((&image["status"], &image["text"]), (&json!("failed"), &Value::Null)),
            false => assert_eq!(image["text"], "Grafik: linke Hälfte rot, rechte Hälfte blau."),
        }
    }
    let table = app.http.get(app.url(&format!("/api/runs/{run}/captions.csv"))).send().await.unwrap();
    assert_eq!(table.headers()["content-type"], "text/csv; charset=utf-8");
    assert_eq!(table.text().await.unwrap().lines().count(), 51);
    let (_, files) = app.get(&format!("/api/runs/{run}/files")).await;
    assert!(files["files"].as_array().unwrap().iter().any(|file| file["path"] == "results.csv"), "{files}");
}

#[tokio::test]
async fn uploads_that_cannot_be_taken_are_refused_with_the_reason() {
    let app = spawn_app_with(Box::new(|options| {
        options.config.limits.input_bytes_max = 4_096;
        options.config.limits.inputs_max = 3;
    }))
    .await;
    let id = project(&app, json!({})).await;
    for (name, bytes, status, detail) in [
        ("a/b.png", png(), 400, "files[0].name: must be a name without folders"),
        ("..", png(), 400, "files[0].name: contains `.` or `..`"),
        ("a\u{202e}.png", png(), 400, "files[0].name: contains a backslash or a control character"),
        ("a.png", vec![0; 4_097], 413, "a file is larger than 4096 bytes"),
        (&*"x".repeat(161), png(), 400, "files[0].name: has 161 characters; at most 160 are allowed"),
    ] {
        let (answered, problem) = upload(&app, &id, name, bytes).await;
        let error = &problem["errors"][0];
        let said = match (error["field"].as_str(), error["message"].as_str()) {
            (Some(field), Some(message)) => format!("{field}: {message}"),
            _ => problem["detail"].as_str().unwrap().to_owned(),
        };
        assert_eq!((answered, &*said), (status, detail), "{name}: {problem}");
    }
    let (status, problem) = upload(&app, &id, "", png()).await;
    assert_eq!(status, 400, "{problem}");
    let many = (0..4).map(|n| (format!("{n}.png"), png())).collect();
    let (status, problem) = form(&app, &id, many).await;
    assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!("files")), "{problem}");
    let (_, listed) = app.get(&format!("/api/projects/{id}/inputs")).await;
    assert_eq!(listed, json!({ "inputs": [] }), "all of them or none");
    let (status, problem) = form(&app, &id, Vec::new()).await;
    assert_eq!(status, 400, "{problem}");
    let books = app.project("A list of books with title and author.").await;
    let (status, problem) = upload(&app, &books, "a.png", png()).await;
    assert_eq!((status, &problem["detail"]), (409, &json!("runs of pipeline app are given no files")));
    let nobody = "00000000-0000-4000-8000-000000000000";
    assert_eq!(upload(&app, nobody, "a.png", png()).await.0, 404);
    // Without images there is nothing to do.
    let (status, problem) = app.post(&format!("/api/projects/{id}/generate"), json!({})).await;
    assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!("inputs")), "{problem}");
    for (params, field) in [
        (json!({ "language": "fr" }), "params.language"),
        (json!({ "max_length": 5 }), "params.max_length"),
        (json!({ "folder": "x" }), "params.folder"),
        (json!({ "pages": "configured" }), "params.pages"),
    ] {
        assert_eq!(upload(&app, &id, "a.png", png()).await.0, 201);
        let (status, problem) =
            app.post(&format!("/api/projects/{id}/generate"), json!({ "params": params })).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!(field)), "{problem}");
    }
    // What is given is listed, served as what it is, and forgotten.
    let (_, listed) = app.get(&format!("/api/projects/{id}/inputs")).await;
    let url = listed["inputs"][0]["url"].as_str().unwrap().to_owned();
    let served = app.http.get(app.url(&url)).send().await.unwrap();
    assert_eq!(
        (&served.headers()["content-type"], &served.headers()["x-content-type-options"]),
        (&"image/png".parse().unwrap(), &"nosniff".parse().unwrap())
    );
    assert_eq!(served.bytes().await.unwrap(), png());
    assert_eq!(app.delete(&url).await.0, 204);
    assert_eq!(app.delete(&url).await.0, 404);
    assert_eq!(upload(&app, &id, "page.html", b"<script>alert(1)</script>".to_vec()).await.0, 201);
    let served = app.http.get(app.url(&format!("/api/projects/{id}/inputs/page.html"))).send().await.unwrap();
    assert_eq!(served.headers()["content-type"], "application/octet-stream");
}

#[tokio::test]
async fn the_first_decision_about_a_text_stands_and_everyone_hears_of_it() {
    let app = spawn_app().await;
    let (project, run) = captioned(&app, json!({})).await;
    let mut socket = app.socket(&project, None).await;
    let text = "Graphic: left half red, right half blue.";
    let (status, answer) = app.post(&format!("/api/runs/{run}/approve"), json!({ "item": "a.png" })).await;
    assert_eq!((status, &answer["status"]), (200, &json!("completed")), "{answer}");
    let said = socket.until("event").await;
    assert_eq!((&said["name"], &said["run_id"]), (&json!("caption_decided"), &json!(run)));
    assert_eq!(
        (&said["data"]["item"], &said["data"]["verdict"], &said["data"]["text"]),
        (&json!("a.png"), &json!("approved"), &json!(text))
    );
    for verb in ["approve", "reject"] {
        let (status, problem) =
            app.post(&format!("/api/runs/{run}/{verb}"), json!({ "item": "a.png" })).await;
        assert_eq!(status, 409, "{problem}");
        assert!(
            problem["detail"].as_str().unwrap().starts_with("the text of a.png was approved already by "),
            "{problem}"
        );
    }
    let decisions = json!({ "decisions": [
        { "item": "a.png", "verdict": "reject" },
        { "item": "b.jpg", "verdict": "approve", "text": "Two halves <red> & \"blue\"" },
        { "item": "c d.webp", "verdict": "reject", "text": "too dull" },
        { "item": "e.png", "verdict": "approve", "text": "x".repeat(126) },
        { "item": "none.png", "verdict": "approve" },
    ] });
    let (status, answer) = app.post(&format!("/api/runs/{run}/captions"), decisions).await;
    assert_eq!(status, 200, "{answer}");
    let items = |list: &str| -> Vec<String> {
        let list = answer[list].as_array().unwrap();
        list.iter().map(|entry| entry["item"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        (items("decided"), items("refused")),
        (
            vec!["b.jpg".to_owned(), "c d.webp".to_owned()],
            vec!["a.png".to_owned(), "e.png".to_owned(), "none.png".to_owned()]
        )
    );
    assert_eq!(
        answer["refused"][1]["problem"]["errors"][0]["message"],
        "has 126 characters; at most 125 are allowed"
    );
    for bad in [
        json!({}),
        json!({ "decisions": [] }),
        json!({ "decisions": [{ "item": "a.png" }] }),
        json!({ "decisions": [{ "item": "a", "verdict": "maybe" }] }),
    ] {
        assert_eq!(app.post(&format!("/api/runs/{run}/captions"), bad.clone()).await.0, 400, "{bad}");
    }
    let told = captions(&app, &run).await;
    let held: Vec<_> = told["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|image| (image["text"].clone(), image["decision"]["verdict"].clone()))
        .collect();
    assert_eq!(
        held,
        [
            (json!(text), json!("approved")),
            (json!("Two halves <red> & \"blue\""), json!("edited")),
            (Value::Null, json!("rejected")),
            (json!(text), Value::Null)
        ]
    );
    assert_eq!(told["images"][2]["decision"]["reason"], "too dull");
    // The same image, asked about by many at once: one is heard.
    let approve = format!("/api/runs/{run}/approve");
    let many = (0..8).map(|_| app.post(&approve, json!({ "item": "e.png" })));
    let mut answers: Vec<u16> =
        futures_util::future::join_all(many).await.into_iter().map(|(status, _)| status).collect();
    answers.sort_unstable();
    assert_eq!(answers, [200, 409, 409, 409, 409, 409, 409, 409]);
}

#[tokio::test]
async fn approved_texts_go_into_the_files_on_request() {
    let app = spawn_app().await;
    let (project, run) = captioned(&app, json!({ "language": "de" })).await;
    let fetch = async |item: &str, query: &str| {
        let answer =
            app.http.get(app.url(&format!("/api/runs/{run}/described/{item}{query}"))).send().await.unwrap();
        (answer.status().as_u16(), answer.bytes().await.unwrap())
    };
    assert_eq!(fetch("b.jpg", "").await.0, 409, "nobody has approved it");
    let before = fetch("b.jpg", "?undecided=true").await;
    assert_eq!(before.0, 200);
    let text = "Links rot, rechts blau – über & unter";
    for item in ["a.png", "b.jpg", "c d.webp"] {
        let body = json!({ "item": item, "text": text });
        assert_eq!(app.post(&format!("/api/runs/{run}/approve"), body).await.0, 200);
        let (status, bytes) = fetch(&item.replace(' ', "%20"), "").await;
        assert_eq!(status, 200);
        let picture = callboard::pictures::decode(&bytes, &callboard::pictures::Limits::default()).unwrap();
        assert_eq!(picture.metadata.description.as_deref(), Some(text), "{item}");
    }
    app.post(&format!("/api/runs/{run}/reject"), json!({ "item": "e.png" })).await;
    assert_eq!(fetch("e.png", "?undecided=true").await.0, 409);
    assert_eq!(fetch("none.png", "").await.0, 404);
    // With the project, everything that was noted goes.
    assert_eq!(app.delete(&format!("/api/projects/{project}")).await.0, 204);
    assert_eq!(fetch("a.png", "").await.0, 404);
}

#[tokio::test]
async fn a_folder_is_read_when_the_operator_has_opened_it() {
    let shop = tempfile::tempdir().unwrap();
    let spring = shop.path().join("open/spring");
    std::fs::create_dir_all(&spring).unwrap();
    std::fs::write(spring.join("one.png"), png()).unwrap();
    std::fs::write(spring.join("two.JPG"), halves(RED, BLUE, ImageFormat::Jpeg)).unwrap();
    std::fs::write(spring.join("notes.txt"), "no picture").unwrap();
    std::fs::write(shop.path().join("secret.png"), png()).unwrap();
    std::os::unix::fs::symlink(shop.path().join("secret.png"), spring.join("way-out.png")).unwrap();
    let open = shop.path().join("open");
    let app = spawn_app_with(Box::new(move |options| options.config.caption.folders = vec![open])).await;
    let id = project(&app, json!({ "folder": "spring" })).await;
    assert_eq!(upload(&app, &id, "one.png", halves(BLUE, RED, ImageFormat::Png)).await.0, 201);
    let run = app.generate(&id).await;
    assert_eq!(app.ended(&run).await["status"], "partial");
    let told = captions(&app, &run).await;
    let said: Vec<_> = told["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|image| (image["item"].as_str().unwrap(), image["problem"].as_str().unwrap_or("fine")))
        .collect();
    assert_eq!(
        said,
        [
            ("2-one.png", "fine"),
            ("one.png", "fine"),
            ("two.JPG", "fine"),
            ("way-out.png", "it leads out of the configured folders, or nowhere")
        ]
    );
    let absolute = shop.path().join("open/spring").to_string_lossy().into_owned();
    for (folder, status) in
        [(absolute.as_str(), 202), ("..", 400), ("../", 400), ("/etc", 400), ("nowhere", 400), (".", 400)]
    {
        let (answered, body) = app
            .post(
                &format!("/api/projects/{id}/generate"),
                json!({ "params": { "folder": folder }, "on_conflict": "enqueue" }),
            )
            .await;
        assert_eq!(answered, status, "{folder}: {body}");
        if let Some(run) = body["run_id"].as_str() {
            app.ended(run).await;
        }
    }
}

/// A site with a page, one of its images, and how often it was asked for anything.
async fn site() -> (String, Arc<AtomicUsize>) {
    let site = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = site.local_addr().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        loop {
            let Ok((mut stream, _)) = site.accept().await else { return };
            counted.fetch_add(1, Ordering::SeqCst);
            let mut request = vec![0; 4_096];
            let read = stream.read(&mut request).await.unwrap();
            let line =
                String::from_utf8_lossy(&request[..read]).lines().next().unwrap_or_default().to_owned();
            let page = "<html><img src=\"/img/logo.png\"><img src='gone.png'><img src=\"http://192.0.2.1/x.png\"></html>";
            let (status, kind, body) = match line.split(' ').nth(1).unwrap_or_default() {
                "/" => ("200 OK", "text/html", page.as_bytes().to_vec()),
                "/img/logo.png" => ("200 OK", "image/png", png()),
                _ => ("404 Not Found", "text/plain", b"no".to_vec()),
            };
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            stream.write_all(&[head.as_bytes(), &body].concat()).await.unwrap();
        }
    });
    (format!("http://{address}"), asked)
}

#[tokio::test]
async fn configured_pages_are_looked_at() {
    let (site, _) = site().await;
    let app =
        spawn_app_with(Box::new(move |options| options.config.caption.pages = vec![format!("{site}/")]))
            .await;
    let id = project(&app, json!({ "pages": "configured" })).await;
    let run = app.generate(&id).await;
    assert_eq!(app.ended(&run).await["status"], "partial");
    let told = captions(&app, &run).await;
    let said: Vec<_> = told["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|image| (image["item"].as_str().unwrap(), image["problem"].as_str()))
        .collect();
    assert_eq!(said, [("gone.png", Some("it was answered with 404")), ("logo.png", None)]);
}

#[tokio::test]
async fn a_page_that_is_gone_is_not_the_fault_of_who_asks() {
    let (site, _) = site().await;
    let page = site.replace("http://", "http://ann:secret@") + "/gone?key=secret";
    let app = spawn_app_with(Box::new(move |options| options.config.caption.pages = vec![page])).await;
    let id = project(&app, json!({ "pages": "configured" })).await;
    let (status, problem) = app.post(&format!("/api/projects/{id}/generate"), json!({})).await;
    let expected = format!("no configured page can be had: {site}/gone: it was answered with 404");
    assert_eq!((status, &problem["detail"]), (502, &json!(expected)), "{problem}");
}

#[tokio::test]
async fn what_is_repeated_or_refused_fetches_nothing() {
    let (site, asked) = site().await;
    let app =
        spawn_app_with(Box::new(move |options| options.config.caption.pages = vec![format!("{site}/")]))
            .await;
    let id = project(&app, json!({ "pages": "configured" })).await;
    let generate = async |key: Option<&str>, body: Value| {
        let mut request = app.http.post(app.url(&format!("/api/projects/{id}/generate"))).json(&body);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    for body in [json!({ "params": { "max_length": 5 } }), json!({ "params": { "pages": "all" } })] {
        assert_eq!(generate(None, body).await.0, 400);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0, "nothing is fetched for params that are wrong");
    // While the queue is paused, a run stays active.
    assert_eq!(app.post("/api/queue/pause", json!({})).await.0, 200);
    let first = generate(Some("once"), json!({})).await;
    assert_eq!(first.0, 202, "{}", first.1);
    let fetched = asked.load(Ordering::SeqCst);
    assert_eq!(fetched, 3, "a page and two images");
    assert_eq!(generate(Some("once"), json!({})).await, first);
    let (status, problem) = generate(Some("once"), json!({ "priority": 1 })).await;
    assert_eq!((status, &problem["type"]), (409, &json!("urn:callboard:problem:idempotency-key-reused")));
    let (status, problem) = generate(None, json!({})).await;
    assert_eq!((status, &problem["type"]), (409, &json!("urn:callboard:problem:run-active")), "{problem}");
    assert_eq!(asked.load(Ordering::SeqCst), fetched, "nothing is fetched again");
    assert_eq!(app.post("/api/queue/resume", json!({})).await.0, 200);
    app.ended(first.1["run_id"].as_str().unwrap()).await;
}

#[tokio::test]
async fn a_form_with_too_many_files_is_refused_before_the_next_is_read() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let app = spawn_app().await;
    let id = project(&app, json!({})).await;
    let part = |n: usize, body: &str| {
        format!("--x\r\nContent-Disposition: form-data; name=\"files\"; filename=\"{n}.png\"\r\n\r\n{body}")
    };
    let mut body: String = (0..100).map(|n| part(n, "a\r\n")).collect();
    body.push_str(&part(100, "and the rest never comes"));
    let head = format!(
        "POST /api/projects/{id}/inputs HTTP/1.1\r\nHost: {}\r\nContent-Type: multipart/form-data; boundary=x\r\n\
         Content-Length: {}\r\n\r\n",
        app.address,
        body.len() + 1_000_000
    );
    let mut stream = tokio::net::TcpStream::connect(app.address).await.unwrap();
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut answer = vec![0; 4_096];
    let read = tokio::time::timeout(SOON, stream.read(&mut answer)).await.expect("the server must answer");
    let answer = String::from_utf8_lossy(&answer[..read.unwrap()]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("at most 100 files"), "{answer}");
    assert_eq!(app.get(&format!("/api/projects/{id}/inputs")).await.1, json!({ "inputs": [] }));
}

#[tokio::test]
async fn files_and_decisions_are_in_the_audit_log() {
    let app = spawn_app().await;
    let (project, run) = captioned(&app, json!({})).await;
    assert_eq!(app.delete(&format!("/api/projects/{project}/inputs/a.png")).await.0, 204);
    assert_eq!(app.post(&format!("/api/runs/{run}/approve"), json!({ "item": "a.png" })).await.0, 200);
    assert_eq!(app.post(&format!("/api/runs/{run}/reject"), json!({ "item": "a.png" })).await.0, 409);
    let decisions = json!({ "decisions": [
        { "item": "a.png", "verdict": "approve" },
        { "item": "b.jpg", "verdict": "approve", "text": "Other" },
        { "item": "e.png", "verdict": "reject" },
    ] });
    assert_eq!(app.post(&format!("/api/runs/{run}/captions"), decisions).await.0, 200);
    let log =
        app.http.get(app.url("/api/admin/audit?limit=10")).bearer_auth(ADMIN_TOKEN).send().await.unwrap();
    let log: Value = log.json().await.unwrap();
    let said: Vec<_> = log["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            let text = |name: &str| entry[name].as_str().unwrap_or_default();
            (text("action"), text("target"), text("detail"), entry["done"].as_bool().unwrap())
        })
        .collect();
    assert_eq!(
        said,
        [
            ("caption.decide", &*run, "0 approved, 1 edited, 1 rejected, 1 refused", true),
            ("caption.decide", &*run, "a.png", false),
            ("caption.decide", &*run, "approved a.png", true),
            ("input.remove", &*project, "a.png", true),
            ("input.add", &*project, "4 files: a.png, b.jpg, c d.webp, e.png", true),
        ]
    );
}

#[tokio::test]
async fn a_task_room_speaks_of_a_caption_run_like_of_any_other() {
    let app = spawn_app().await;
    let id = project(&app, json!({})).await;
    let jpeg = halves(RED, BLUE, ImageFormat::Jpeg);
    let files = vec![("a.png".to_owned(), png()), ("b.jpg".to_owned(), jpeg[..60].to_vec())];
    assert_eq!(form(&app, &id, files).await.0, 201);
    let run = app.generate(&id).await;
    let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket", app.address);
    let mut socket = tokio_tungstenite::connect_async(url).await.unwrap().0;
    let mut joined = false;
    let completed = loop {
        let Some(Ok(Message::Text(packet))) = tokio::time::timeout(SOON, socket.next()).await.unwrap() else {
            unreachable!()
        };
        match packet.as_str() {
            "2" => socket.send(Message::text("3")).await.unwrap(),
            packet if packet.starts_with("0{") => socket.send(Message::text("40")).await.unwrap(),
            packet if packet.starts_with("40{") && !joined => {
                joined = true;
                socket
                    .send(Message::text(format!("42[\"join_task\",{{\"task_id\":\"{run}\"}}]")))
                    .await
                    .unwrap();
            }
            packet if packet.starts_with("42") => {
                let event: Value = serde_json::from_str(&packet[2..]).unwrap();
                assert_ne!(event[0], "task_error", "{event}");
                if event[0] == "task_completed" {
                    break event[1].clone();
                }
            }
            _ => {}
        }
    };
    assert_eq!(completed["task_id"], json!(run));
    assert_eq!(completed["results"]["status"], "partial", "{completed}");
}
