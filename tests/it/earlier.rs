//! What an earlier run made stays within reach, whatever came after it.

use serde_json::{Value, json};

use crate::helpers::process::Server;
use crate::helpers::{READING_LIST, wait_for};

async fn fetch(server: &Server, path: &str) -> (u16, String, Vec<u8>) {
    let answer = reqwest::get(server.url(path)).await.unwrap();
    let name = answer.headers().get("content-disposition").map(|name| name.to_str().unwrap().to_owned());
    (answer.status().as_u16(), name.unwrap_or_default(), answer.bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn a_cancelled_run_does_not_stand_in_for_one_that_completed() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::plain(dir.path());
    let project = server.project(READING_LIST).await;
    let whole = server.generate(&project).await;
    assert_eq!(server.run_ended(&whole).await["status"], "completed");
    let (_, name, archive) = fetch(&server, &format!("/api/projects/{project}/archive.zip")).await;
    assert_eq!(name, "attachment; filename=\"test.zip\"");
    server.kill();

    let mut server = Server::gated(dir.path(), "before", "tests");
    let rerun = server.generate(&project).await;
    server.wait_until_held();
    let unfinished = fetch(&server, &format!("/api/projects/{project}/archive.zip")).await;
    assert_eq!(unfinished.1, "attachment; filename=\"test-unfinished.zip\"");
    server.post(&format!("/api/runs/{rerun}/cancel"), json!({})).await;
    server.run_ended(&rerun).await;

    let (_, name, partial) = fetch(&server, &format!("/api/projects/{project}/archive.zip")).await;
    assert_eq!(name, "attachment; filename=\"test-cancelled.zip\"", "it says what it is");
    assert!(partial != archive);
    let listed = server.get(&format!("/api/projects/{project}/files")).await;
    assert_eq!(listed["run"], json!({ "id": rerun, "status": "cancelled" }));

    let (status, name, again) = fetch(&server, &format!("/api/runs/{whole}/archive.zip")).await;
    assert_eq!((status, name.as_str()), (200, "attachment; filename=\"test.zip\""));
    assert!(again == archive, "byte for byte");
    let run = server.get(&format!("/api/runs/{whole}")).await;
    assert_eq!(run["archive_url"], format!("/api/runs/{whole}/archive.zip"));
    let files = server.get(run["files_url"].as_str().unwrap()).await;
    assert_eq!(files["run"], json!({ "id": whole, "status": "completed" }));
    let files = files["files"].as_array().unwrap();
    let readme = files.iter().find(|file| file["path"] == "README.md").unwrap();
    let url = readme["url"].as_str().unwrap();
    assert_eq!(url, format!("/api/runs/{whole}/files/README.md"));
    let (status, _, text) = fetch(&server, url).await;
    assert_eq!((status, text.len() as u64), (200, readme["size"].as_u64().unwrap()));
    let part = reqwest::Client::new().get(server.url(url)).header("range", "bytes=2-5").send().await.unwrap();
    assert_eq!(part.status(), 206);
    assert_eq!(part.bytes().await.unwrap(), text[2..=5]);
    // Several ranges: the whole, and not the first of them as if it were all.
    let several =
        reqwest::Client::new().get(server.url(url)).header("range", "bytes=2-5,8-9").send().await.unwrap();
    assert_eq!(several.status(), 200);
    assert_eq!(several.bytes().await.unwrap(), text);
    for missing in [
        format!("/api/runs/{rerun}/files/report.json"),
        format!("/api/runs/{project}/files"),
        format!("/api/runs/{project}/archive.zip"),
        "/api/runs/x/files/a".to_owned(),
    ] {
        assert_eq!(fetch(&server, &missing).await.0, 404, "{missing}");
    }
    let runs = wait_for("both runs", async || {
        let runs = server.get(&format!("/api/projects/{project}/runs")).await["runs"].clone();
        (runs.as_array()?.len() == 2).then_some(runs)
    })
    .await;
    let archives: Vec<&Value> = runs.as_array().unwrap().iter().map(|run| &run["archive_url"]).collect();
    assert!(archives.iter().all(|url| url.is_string()), "{archives:?}");
}
