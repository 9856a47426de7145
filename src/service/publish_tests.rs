use serde_json::json;

use super::*;
use crate::config::Config;

fn wrong_fields(body: Value) -> Vec<String> {
    let body: EventBody = serde_json::from_value(body).unwrap();
    let item = Publication { run_id: None, body, producer: None, lease_ms: None };
    check_item(&item, &Config::default().limits).into_iter().map(|error| error.field).collect()
}

#[test]
fn what_is_published_is_checked() {
    let status = |status: &str, progress: f64| json!({ "type": "status_update", "status": status, "progress": progress, "message": "", "eta": null });
    let agent = |index: u32, total: u32| {
        json!({ "type": "agent_update", "agent": "a", "title": "A", "index": index, "total": total,
                "status": "started", "message": "", "progress": 0.0, "duration_ms": null })
    };
    let log = |text: &str| {
        json!({ "type": "log", "level": "info", "agent": null,
                "lines": [{ "n": 0, "at": "2023-11-14T22:13:20.120Z", "text": text }] })
    };
    let artifact = |path: &str, url: &str| {
        json!({ "type": "artifact", "path": path, "media_type": "text/html", "size": 1,
                "sha256": "ab".repeat(32), "url": url, "agent": null })
    };
    let completion = |status: &str| {
        json!({ "type": "completion", "status": status, "success": false, "message": "", "duration_ms": 1,
                "artifacts": 0, "download_url": null, "error": null, "evidence": null })
    };
    let event = |size: usize| json!({ "type": "event", "name": "n", "data": "x".repeat(size) });
    let none: [&str; 0] = [];
    for (body, expected) in [
        (status("running", 50.0), &none[..]),
        (status("running", 101.0), &["progress"]),
        (status("running", -1.0), &["progress"]),
        (status("completed", 100.0), &["status"]),
        (agent(1, 1), &[]),
        (agent(0, 1), &["index"]),
        (agent(2, 1), &["index"]),
        (agent(1, 1001), &["index"]),
        (log("fine"), &[]),
        (log(&"x".repeat(16 * 1024)), &[]),
        (log("bad \u{0} \u{1b}[31m \u{fffd} \u{202e}"), &[]),
        (log("two\nlines"), &["lines"]),
        (log(&"x".repeat(16 * 1024 + 1)), &["lines"]),
        (artifact("a/b.html", "https://cdn.example/b.html"), &[]),
        (artifact("a/b.html", "/files/b.html"), &[]),
        (artifact("../b.html", "/b"), &["path"]),
        (artifact("b.html", "javascript:alert(1)"), &["url"]),
        (artifact("b.html", "//evil.example/b"), &["url"]),
        (artifact("b.html", "/\\evil.example/b"), &["url"]),
        (completion("failed"), &[]),
        (completion("running"), &["status"]),
        (event(64 * 1024 - 2), &[]),
        (event(64 * 1024 - 1), &["data"]),
    ] {
        let shown = body.to_string();
        assert_eq!(wrong_fields(body), expected, "{}", &shown[..shown.len().min(200)]);
    }
}

#[test]
fn several_events_name_the_wrong_one() {
    let good = json!({ "type": "event", "name": "n", "data": null });
    let bad = json!({ "type": "event", "name": "", "data": null });
    let items: Vec<Publication> = [good, bad]
        .map(|body| Publication {
            run_id: None,
            body: serde_json::from_value(body).unwrap(),
            producer: None,
            lease_ms: None,
        })
        .into();
    match check_items(&items, &Config::default().limits) {
        Err(ServiceError::Invalid(errors)) => assert_eq!(errors[0].field, "1.name"),
        other => panic!("{other:?}"),
    }
    assert!(check_items(&[], &Config::default().limits).is_err());
}

#[test]
fn an_error_of_a_completion_is_short() {
    for (error, expected) in [
        (json!({ "message": "it broke" }), None),
        (json!({ "message": "x".repeat(4_001) }), Some("error.message")),
        (json!({ "message": "x", "agent": "a".repeat(201) }), Some("error.agent")),
        (json!({ "message": "x", "file": "f".repeat(4_001) }), Some("error.file")),
    ] {
        let body = json!({ "type": "completion", "status": "failed", "success": false, "message": "", "duration_ms": 1,
                           "artifacts": 0, "download_url": null, "error": error, "evidence": null });
        assert_eq!(wrong_fields(body), expected.into_iter().collect::<Vec<_>>());
    }
}
