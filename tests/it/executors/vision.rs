//! The writer of captions on a model that sees.

use std::io::{Cursor, Write};

use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use serde_json::{Value, json};

use super::model_server;
use super::wire::{WireServer, begin};
use super::{app, lines};

fn picture(colour: [u8; 3]) -> Vec<u8> {
    let [r, g, b] = colour;
    let image = RgbaImage::from_pixel(40, 30, Rgba([r, g, b, 255]));
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageRgba8(image).write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// Names and contents of the images of a request.
fn shown(request: &Value) -> Vec<(String, String)> {
    let parts = request["messages"][1]["content"].as_array().unwrap();
    parts[1..]
        .chunks(2)
        .map(|pair| {
            let name = pair[0]["text"].as_str().unwrap();
            let name = name.strip_prefix("Image ").unwrap().strip_suffix(':').unwrap();
            (name.to_owned(), pair[1]["image_url"]["url"].as_str().unwrap().to_owned())
        })
        .collect()
}

/// One line of configuration: every image is shown, every text is held against what was measured.
#[tokio::test]
async fn a_model_writes_the_texts_and_the_facts_judge() {
    let server = WireServer::start(|request, before, stream| {
        let request = request.json();
        let texts: Vec<Value> = shown(&request)
            .into_iter()
            .enumerate()
            .map(|(number, (item, url))| {
                assert!(url.starts_with("data:image/jpeg;base64,/9j/"), "a JPEG");
                // The first reply of all is too long for its first image, and is asked to be mended.
                let text = match (before, number) {
                    (0, 0) => "x".repeat(61),
                    (_, 2) => "A green field.".to_owned(),
                    _ => "Something red, quite plain.".to_owned(),
                };
                json!({ "item": item, "alt_text": text, "confidence": 0.55 })
            })
            .collect();
        let reply = format!("``````file path=captions.json\n{}\n``````\n", json!({ "images": texts }));
        begin(stream, "text/event-stream");
        let _ = stream.write_all(model_server::stream(&reply, 100, 10).as_bytes());
    });
    let folder = tempfile::tempdir().unwrap();
    let toml = format!(
        "[pipeline.caption]\nexecutor = \"openai\"\n[pipeline.caption.defaults]\nbase_url = \"{}/v1\"\nmodel = \"m\"",
        server.url
    );
    let app = app(folder.path(), &toml).await;
    let body =
        json!({ "name": "p", "brief": "the shop", "pipeline": "caption", "params": { "max_length": 60 } });
    let (_, project) = app.post("/api/projects", body).await;
    let project = project["id"].as_str().unwrap().to_owned();
    for number in 0..8 {
        let url = app.url(&format!("/api/projects/{project}/inputs?name={number}.png"));
        let answer = app.http.post(url).body(picture([220, 20, 20 + number])).send().await.unwrap();
        assert_eq!(answer.status(), 201);
    }
    let run = app.generate(&project).await;
    let ended = app.ended(&run).await;
    assert_eq!(ended["status"], "completed", "{ended}");
    let requests: Vec<Value> = server.requests().iter().map(|request| request.json()).collect();
    let counts: Vec<usize> = requests.iter().map(|request| shown(request).len()).collect();
    assert_eq!(counts, [6, 6, 2], "six at once, the first six mended once");
    let asked = requests[0]["messages"][1]["content"][0]["text"].as_str().unwrap();
    assert!(
        asked.contains("At most 60 characters")
            && asked.contains("\"0.png\"")
            && !asked.contains("\"7.png\"")
    );
    let mend = requests[1]["messages"][3]["content"].as_str().unwrap();
    assert!(mend.contains("0.png: its text has 61 characters; at most 60 are allowed"), "{mend}");
    let (_, told) = app.get(&format!("/api/runs/{run}/captions")).await;
    let images = told["images"].as_array().unwrap();
    assert_eq!(images.len(), 8);
    for (number, image) in images.iter().enumerate() {
        match number {
            2 => assert_eq!((&image["unverified"], &image["confidence"]), (&json!(["green"]), &json!(0.3))),
            _ => assert_eq!(
                (&image["text"], &image["confidence"]),
                (&json!("Something red, quite plain."), &json!(0.55))
            ),
        }
    }
    let told = lines(&app, &run).await;
    assert!(
        told.iter().any(|(level, text)| level == "warning" && text == "2.png: “green” was not measured"),
        "{told:?}"
    );
}
