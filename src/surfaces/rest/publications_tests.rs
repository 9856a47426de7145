use super::*;

const NOW: Timestamp = Timestamp(1_700_000_000_120);

fn wrong(body: Value) -> Vec<String> {
    let document = publications(body, NOW).unwrap_err().document();
    let errors = document["errors"].as_array().unwrap();
    errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn each_type_is_read() {
    let sha256 = "ab".repeat(32);
    for body in [
        json!({ "type": "event", "name": "n", "data": { "a": [1] } }),
        json!({ "type": "log", "lines": ["one", { "text": "two", "at": "2023-11-14T22:13:20.120Z", "n": 7 }] }),
        json!({ "type": "log", "level": "error", "agent": "a", "lines": ["one"] }),
        json!({ "type": "agent_update", "agent": "a", "status": "completed", "index": 1, "total": 2 }),
        json!({ "type": "status_update", "status": "running", "progress": 5, "message": "m",
                "eta": { "low_ms": 1, "high_ms": 2 } }),
        json!({ "type": "artifact", "path": "a.html", "size": 1, "sha256": sha256, "url": "https://x.example/a" }),
        json!({ "type": "completion", "status": "failed", "success": false,
                "error": { "agent": null, "message": "m" }, "evidence": { "took_ms": 1 } }),
        json!({ "type": "event", "name": "n", "producer": "p", "epoch": 1, "seq": 2 }),
    ] {
        let read = publications(body.clone(), NOW).map_err(|problem| problem.document());
        assert_eq!(read.unwrap_or_else(|problem| panic!("{problem} {body}")).len(), 1);
    }
}

#[test]
fn what_is_wrong_is_named() {
    for (body, expected) in [
        (json!({}), &["type"][..]),
        (json!({ "type": "completed" }), &["type"]),
        (json!({ "type": "event" }), &["name"]),
        (json!({ "type": "event", "name": "n", "dtaa": 1 }), &["dtaa"]),
        (json!({ "type": "event", "name": "n", "seq": 1 }), &["producer"]),
        (
            json!({ "type": "event", "name": "n", "producer": "p", "epoch": -1, "seq": 1 }),
            &["epoch", "producer"],
        ),
        (json!({ "type": "event", "name": "n", "run_id": "x" }), &["run_id"]),
        (json!({ "type": "log" }), &["lines"]),
        (json!({ "type": "log", "lines": [1] }), &["lines.0"]),
        (json!({ "type": "log", "lines": [{ "text": "t", "at": "noon" }] }), &["lines.0.at"]),
        (json!({ "type": "log", "lines": [{}] }), &["lines.0.text"]),
        (json!({ "type": "log", "level": "loud", "lines": [] }), &["level"]),
        (json!({ "type": "status_update" }), &["status"]),
        (json!({ "type": "status_update", "status": "running", "eta": { "low_ms": 1 } }), &["eta.high_ms"]),
        (json!({ "type": "completion", "status": "failed", "success": true }), &["success"]),
        (json!({ "type": "agent_update", "status": "begun" }), &["agent", "status"]),
        (json!([{ "type": "event", "name": "n" }, { "type": "event" }]), &["1.name"]),
        (json!([7]), &["0"]),
    ] {
        assert_eq!(wrong(body.clone()), expected, "{body}");
    }
}

#[test]
fn an_empty_array_is_left_to_the_service() {
    assert!(publications(json!([]), NOW).unwrap().is_empty());
}
