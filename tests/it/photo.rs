//! Photos through the front door: files go in, developed photos come out, a person approves.

use std::io::Cursor;

use futures_util::{SinkExt, StreamExt};
use image::{DynamicImage, ImageFormat, RgbImage};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::helpers::{SOON, TestApp, spawn_app, spawn_app_with, wait_for};

/// Photos of which no two look alike.
fn photo(number: u32, format: ImageFormat) -> Vec<u8> {
    let image = RgbImage::from_fn(120, 80, |x, y| {
        let wave = |by: u32| (f64::from((x * (number % 5 + 1) + y * (number / 5 + 1)) * by) / 40.0).sin();
        image::Rgb([1, 2, 3].map(|by| (128.0 + wave(by) * 90.0) as u8))
    });
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(image).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

async fn project(app: &TestApp, params: Value) -> String {
    let body = json!({ "name": "photos", "brief": "photos of a day", "pipeline": "photo", "params": params });
    let (status, project) = app.post("/api/projects", body).await;
    assert_eq!(status, 201, "{project}");
    project["id"].as_str().unwrap().to_owned()
}

async fn upload(app: &TestApp, project: &str, files: Vec<(String, Vec<u8>)>) {
    let form = files
        .into_iter()
        .fold(Form::new(), |form, (name, bytes)| form.part("files", Part::bytes(bytes).file_name(name)));
    let url = app.url(&format!("/api/projects/{project}/inputs"));
    let answer = app.http.post(url).multipart(form).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 201, "{}", answer.text().await.unwrap());
}

async fn file(app: &TestApp, run: &str, path: &str) -> Vec<u8> {
    let answer = app.http.get(app.url(&format!("/api/runs/{run}/files/{path}"))).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200, "{path}");
    answer.bytes().await.unwrap().to_vec()
}

async fn results(app: &TestApp, run: &str) -> Vec<Value> {
    let results: Value = serde_json::from_slice(&file(app, run, "results.json").await).unwrap();
    results["photos"].as_array().unwrap().clone()
}

fn batch() -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> =
        (0..14).map(|number| (format!("p{number:02}.jpg"), photo(number, ImageFormat::Jpeg))).collect();
    let whole = photo(20, ImageFormat::Jpeg);
    let mut damaged = photo(21, ImageFormat::Jpeg);
    let middle = damaged.len() / 2;
    damaged[middle..middle + 40].copy_from_slice(&[0xFF, 0x17, 0x93, 0xFF, 0xC4].repeat(8));
    files.push(("bad1.jpg".to_owned(), vec![0x5A; 4_000]));
    files.push(("bad2.png".to_owned(), photo(22, ImageFormat::Png)[..20].to_vec()));
    files.push(("bad3.jpg".to_owned(), damaged));
    files.push(("cut.jpg".to_owned(), whole[..whole.len() / 2].to_vec()));
    files.push(("twin.jpg".to_owned(), files[3].1.clone()));
    files.push(("lies.jpg".to_owned(), photo(23, ImageFormat::Png)));
    files
}

#[tokio::test]
async fn a_batch_with_broken_files_ends_partial_and_they_can_be_done_again_alone() {
    let app = spawn_app().await;
    let project = project(&app, json!({ "max_size": 60 })).await;
    upload(&app, &project, batch()).await;
    let run = app.generate(&project).await;
    let ended = app.ended(&run).await;
    assert_eq!(ended["status"], "partial", "{ended}");
    let photos = results(&app, &run).await;
    assert_eq!(photos.len(), 20);
    for photo in &photos {
        let item = photo["item"].as_str().unwrap();
        let (status, has_reason) = match item {
            "bad1.jpg" | "bad2.png" | "bad3.jpg" | "cut.jpg" => ("failed", true),
            "twin.jpg" => ("duplicate", true),
            _ => ("exported", false),
        };
        assert_eq!((&photo["status"], photo["reason"].is_string()), (&json!(status), has_reason), "{photo}");
        if status == "exported" {
            let bytes = file(&app, &run, photo["files"][0]["path"].as_str().unwrap()).await;
            let size = image::load_from_memory(&bytes).unwrap();
            assert_eq!((size.width(), size.height()), (60, 40), "{item}");
            for small in ["before", "after"] {
                assert!(!file(&app, &run, photo[small].as_str().unwrap()).await.is_empty());
            }
        }
    }
    let (_, shown) = app.get(&format!("/api/projects/{project}")).await;
    let message = shown["state"]["completion"]["message"].as_str().unwrap();
    for part in
        ["3 of 20 photos cannot be imported: bad1.jpg (", "1 of 16 photos cannot be decoded: bad3.jpg ("]
    {
        assert!(message.contains(part), "{message}");
    }
    // Mended and done again, without the others.
    upload(&app, &project, vec![("cut.jpg".to_owned(), photo(20, ImageFormat::Jpeg))]).await;
    let again = json!({ "params": { "only": ["cut.jpg"] } });
    let (status, answer) = app.post(&format!("/api/projects/{project}/generate"), again).await;
    assert_eq!(status, 202, "{answer}");
    let run = answer["run_id"].as_str().unwrap();
    assert_eq!(app.ended(run).await["status"], "completed");
    let photos = results(&app, run).await;
    assert_eq!((photos.len(), &photos[0]["status"]), (1, &json!("exported")));
}

#[tokio::test]
async fn nothing_but_broken_files_is_a_failure() {
    let app = spawn_app().await;
    let project = project(&app, json!({})).await;
    let files = batch().into_iter().filter(|(name, _)| name.starts_with("bad")).collect();
    upload(&app, &project, files).await;
    let run = app.generate(&project).await;
    let ended = app.ended(&run).await;
    assert_eq!(
        (&ended["status"], &ended["error"]["agent"]),
        (&json!("failed"), &json!("analyst")),
        "{ended}"
    );
    assert!(ended["error"]["message"].as_str().unwrap().contains("bad3.jpg (the file is damaged"), "{ended}");
}

#[tokio::test]
async fn a_person_is_asked_when_that_is_wanted_and_may_change_recipes() {
    let app = spawn_app().await;
    let project = project(&app, json!({ "approval": "ask", "formats": ["png"] })).await;
    let files = (0..3).map(|number| (format!("{number}.jpg"), photo(number, ImageFormat::Jpeg))).collect();
    upload(&app, &project, files).await;
    let run = app.generate(&project).await;
    let waits = wait_for("the question", async || {
        let (_, run) = app.get(&format!("/api/runs/{run}")).await;
        (run["status"] == "waiting").then_some(run)
    })
    .await;
    assert_eq!(waits["gate"]["agent"], "approval", "{waits}");
    let mut recipes: Value = serde_json::from_slice(&file(&app, &run, "approved.json").await).unwrap();
    recipes["photos"][0]["approved"] = json!(false);
    recipes["photos"][1]["recipe"]["saturation"] = json!(-100);
    let answer = json!({ "item": "approved.json", "text": recipes.to_string() });
    let (status, answered) = app.post(&format!("/api/runs/{run}/approve"), answer).await;
    assert_eq!(status, 200, "{answered}");
    assert_eq!(app.ended(&run).await["status"], "completed");
    let photos = results(&app, &run).await;
    let said: Vec<_> = photos.iter().map(|photo| photo["status"].as_str().unwrap()).collect();
    assert_eq!(said, ["rejected", "exported", "exported"]);
    let grey = image::load_from_memory(&file(&app, &run, "photos/1.png").await).unwrap().into_rgb8();
    assert!(grey.pixels().all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2]));
}

#[tokio::test]
async fn photos_of_an_opened_folder_are_developed_and_wrong_params_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("day")).unwrap();
    std::fs::write(folder.path().join("day/one.jpg"), photo(1, ImageFormat::Jpeg)).unwrap();
    let open = folder.path().to_owned();
    let app = spawn_app_with(Box::new(move |options| options.config.photo.folders = vec![open])).await;
    let id = project(&app, json!({ "folder": "day", "preset": "vivid", "formats": ["jpeg", "webp"] })).await;
    let run = app.generate(&id).await;
    // Nobody is asked, for nobody wanted to be.
    assert_eq!(app.ended(&run).await["status"], "completed");
    let photos = results(&app, &run).await;
    assert_eq!(photos[0]["recipe"]["contrast"], 25.0);
    let paths: Vec<_> =
        photos[0]["files"].as_array().unwrap().iter().map(|file| file["path"].clone()).collect();
    assert_eq!(paths, ["photos/one.jpg", "photos/one.webp"]);
    // The same again takes every output over, and asks nobody either.
    let (status, again) =
        app.post(&format!("/api/runs/{run}/retry"), json!({ "from_agent": "exporter" })).await;
    assert_eq!(status, 202, "{again}");
    assert_eq!(app.ended(again["run_id"].as_str().unwrap()).await["status"], "completed");
    for (params, field) in [
        (json!({ "preset": "loud" }), "params.preset"),
        (json!({ "formats": ["gif"] }), "params.formats"),
        (json!({ "recipe": { "exposure_ev": 50 } }), "params.recipe"),
        (json!({ "names": "../{name}" }), "params.names"),
        (json!({ "folder": "elsewhere" }), "params.folder"),
    ] {
        let (status, problem) =
            app.post(&format!("/api/projects/{id}/generate"), json!({ "params": params })).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!(field)), "{problem}");
    }
}

#[tokio::test]
async fn channels_tell_of_every_photo_and_every_file() {
    let app = spawn_app().await;
    let url = app.url("/ws").replace("http://", "ws://");
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let channels = json!({ "type": "subscribe", "channels": ["photos", "sessions", "export"] });
    socket.send(Message::text(channels.to_string())).await.unwrap();
    let mut heard: Vec<Value> = Vec::new();
    let mut hear = async || loop {
        if let Message::Text(text) =
            tokio::time::timeout(SOON, socket.next()).await.unwrap().unwrap().unwrap()
        {
            return serde_json::from_str::<Value>(&text).unwrap();
        }
    };
    while hear().await["type"] != "subscribed" {}
    let project = project(&app, json!({})).await;
    let files = (0..2).map(|number| (format!("{number}.jpg"), photo(number, ImageFormat::Jpeg))).collect();
    upload(&app, &project, files).await;
    let run = app.generate(&project).await;
    loop {
        let said = hear().await;
        let is_last = said["type"] == "session_completed";
        assert_eq!((&said["job_id"], &said["session_id"]), (&json!(run), &json!(project)), "{said}");
        heard.push(said);
        if is_last {
            break;
        }
    }
    let count = |kind: &str| heard.iter().filter(|said| said["type"] == kind).count();
    let counts = ["photo_imported", "photo_analyzed", "photo_selected", "export_progress", "photo_approved"]
        .map(count);
    assert_eq!(counts, [2, 2, 2, 2, 0], "{heard:?}");
    let of = |kind: &str| heard.iter().find(|said| said["type"] == kind).unwrap();
    assert_eq!(
        (&of("photo_imported")["file_name"], &of("photo_imported")["width"]),
        (&json!("0.jpg"), &json!(120))
    );
    assert_eq!(of("photo_imported")["photo_id"], of("photo_selected")["photo_id"]);
    assert_eq!(of("export_completed")["files_total"], 2);
    assert_eq!(heard.last().unwrap()["counts"]["exported"], 2);
    assert_eq!(app.ended(&run).await["status"], "completed");
}
