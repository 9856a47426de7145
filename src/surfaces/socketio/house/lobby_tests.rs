use super::*;
use crate::domain::audit::AuditEntry;
use crate::domain::event::{Artifact, Completion, Eta, RunError, StatusUpdate};
use crate::domain::ids::{AuditId, ProjectId};

fn run(pipeline: &str) -> Run {
    Run {
        brief: "a red fox".into(),
        params: json!({ "steps": 20, "seed": 7 }).as_object().unwrap().clone(),
        version: 1,
        ..Run::new(RunId::generate(), ProjectId::generate(), pipeline.into(), Timestamp(0))
    }
}

fn event(at: i64, body: &EventBody) -> LoggedEvent {
    let body_json = serde_json::to_string(body).unwrap().into();
    LoggedEvent { seq: 1, at: Timestamp(at), run_id: None, body_json }
}

fn status(status: RunStatus, progress: f64) -> EventBody {
    let eta = Some(Eta { low_ms: 100, high_ms: 900 });
    EventBody::StatusUpdate(StatusUpdate { status, progress, message: "m".into(), eta })
}

fn ended(status: RunStatus) -> EventBody {
    let error = (status == RunStatus::Failed).then(|| RunError {
        agent: None,
        message: "no paint left".into(),
        file: None,
        line: None,
    });
    EventBody::Completion(Completion {
        status,
        success: status == RunStatus::Completed,
        message: "done".into(),
        duration_ms: 1_234,
        artifacts: 1,
        download_url: None,
        error,
        evidence: None,
    })
}

fn said(
    board: &mut Board,
    run: &Run,
    at: i64,
    body: &EventBody,
    audience: Audience,
) -> Vec<(&'static str, Value)> {
    let said = board.take(run.id, &event(at, body), true).into_iter();
    said.filter(|(who, _)| *who == audience)
        .map(|(_, said)| (said.name, serde_json::from_str(&said.payload).unwrap()))
        .collect()
}

#[test]
fn a_picture_is_told_to_everyone_from_start_to_end() {
    let (mut board, run) = (Board::new("cpu"), run(IMAGE_PIPELINE));
    board.learn(run.clone());
    let mut hear = |at, body: &EventBody| said(&mut board, &run, at, body, Audience::Everyone);
    let idle = json!({ "state": "queued", "job_id": null, "queue": 1, "backend": "cpu", "ready": true });
    assert_eq!(hear(0, &status(RunStatus::Queued, 0.0)), [("status", idle)]);
    let started = hear(10, &status(RunStatus::Starting, 0.0));
    assert_eq!(started[0], ("job_started", json!({ "job_id": run.id, "prompt": "a red fox", "steps": 20 })));
    assert_eq!((started[1].0, &started[1].1["job_id"]), ("status", &json!(run.id)));
    let running = hear(100, &status(RunStatus::Running, 0.0));
    assert_eq!((running[0].0, running[1].0), ("progress", "status"));
    assert_eq!(
        (&running[0].1["step"], &running[0].1["preview_url"], &running[1].1["state"]),
        (&json!(0), &Value::Null, &json!("running"))
    );
    board.stepped(RunStep { run: run.id, step: 8, of: 20, preview_url: "/x/preview.png?v=8".into() });
    let mut hear = |at, body: &EventBody| said(&mut board, &run, at, body, Audience::Everyone);
    assert_eq!(
        hear(600, &status(RunStatus::Running, 42.0)),
        [(
            "progress",
            json!({
                "job_id": run.id, "step": 8, "total_steps": 20, "percent": 42.0, "elapsed_ms": 500, "eta_ms": 900,
                "preview_url": "/x/preview.png?v=8",
            })
        )]
    );
    let picture = Artifact {
        path: "out.png".into(),
        media_type: "image/png".into(),
        size: 1,
        sha256: String::new(),
        url: "/x/out.png".into(),
        agent: None,
    };
    assert_eq!(hear(700, &EventBody::Artifact(picture)), []);
    assert_eq!(hear(800, &status(RunStatus::Completed, 100.0)), []);
    // The status that comes with a completion has ended the job already for the list of jobs, not for what is said.
    let done = hear(800, &ended(RunStatus::Completed));
    assert_eq!(
        done[0],
        ("completed", json!({ "job_id": run.id, "image_url": "/x/out.png", "elapsed_ms": 1_234, "seed": 7 }))
    );
    assert_eq!((done[1].0, &done[1].1["state"]), ("status", &json!("idle")));
    assert!(board.jobs.is_empty());
}

#[test]
fn other_pipelines_are_told_to_the_dashboard_alone() {
    let (mut board, run) = (Board::new("cpu"), run("app"));
    board.learn(run.clone());
    for (at, body) in [(0, status(RunStatus::Queued, 0.0)), (1, status(RunStatus::Running, 5.0))] {
        assert_eq!(said(&mut board, &run, at, &body, Audience::Everyone), []);
    }
    let failed = said(&mut board, &run, 5, &ended(RunStatus::Failed), Audience::Dashboard);
    assert_eq!(failed[0].0, "job_update");
    assert_eq!(failed[0].1["job"]["status"], "failed");
    assert_eq!(
        failed[1],
        ("admin_alert", json!({ "level": "error", "title": "Job failed", "message": "no paint left" }))
    );
}

#[test]
fn the_dashboard_hears_progress_once_a_second() {
    let (mut board, run) = (Board::new("cpu"), run("app"));
    board.learn(run.clone());
    let told: Vec<usize> = [0, 10, 999, 1_000, 1_500, 2_000]
        .into_iter()
        .map(|at| said(&mut board, &run, at, &status(RunStatus::Running, 1.0), Audience::Dashboard).len())
        .collect();
    assert_eq!(told, [1, 0, 0, 1, 0, 1]);
}

#[test]
fn completed_today_begins_anew_each_day() {
    let mut board = Board::new("cpu");
    board.count_completed(Timestamp(DAY_MS - 1));
    assert_eq!(board.completed_today(Timestamp(DAY_MS - 1)), 1);
    assert_eq!(board.completed_today(Timestamp(DAY_MS)), 0);
    board.count_completed(Timestamp(DAY_MS));
    board.count_completed(Timestamp(DAY_MS + 5));
    assert_eq!(board.completed_today(Timestamp(DAY_MS + 9)), 2);
}

#[test]
fn telemetry_says_null_where_the_machine_cannot_tell() {
    let nothing = telemetry_json(&SystemSample::default());
    for field in ["cpu_percent", "accelerator_percent", "memory_mb", "memory_percent", "power_w"] {
        assert_eq!(nothing[field], Value::Null, "{field}");
    }
    let sample = SystemSample {
        memory_bytes: Some(3 << 20),
        memory_total_bytes: Some(12 << 20),
        ..SystemSample::default()
    };
    let known = telemetry_json(&sample);
    assert_eq!((&known["memory_mb"], &known["memory_percent"]), (&json!(3.0), &json!(25.0)));
}

#[actix_rt::test]
async fn news_of_operators_that_were_missed_are_summed_up() {
    let line = || broadcast::Sender::new(LINE_CAPACITY);
    let slot = || watch::Sender::new(Arc::from(""));
    let lines = Arc::new(Lines {
        everyone: line(),
        dashboard: line(),
        status: slot(),
        telemetry: slot(),
        metrics: slot(),
    });
    let entry = |action: &str| AuditEntry {
        id: AuditId::generate(),
        at: Timestamp(0),
        who: "admin".to_owned(),
        role: None,
        address: None,
        action: action.to_owned(),
        target: None,
        detail: None,
        done: true,
        result: "done".to_owned(),
    };
    let (news, heard) = (broadcast::Sender::new(2), lines.dashboard.subscribe());
    let mut heard = heard;
    let missing = news.subscribe();
    for action in ["one", "two", "three", "four", "five"] {
        news.send(AdminNews::Audit(entry(action))).unwrap();
    }
    drop(news);
    tell_admin_news(missing, lines, async || Ok("{\"whole\":true}".to_owned())).await;
    let mut told = Vec::new();
    while let Ok(said) = heard.try_recv() {
        told.push(said.name);
    }
    assert_eq!(told, ["dashboard_state", "audit_entry", "audit_entry"]);
}
