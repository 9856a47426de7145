//! Agents that do not need each other work at once, and see the files of those they need alone.

use serde_json::json;

use super::{app, events, file, start};

fn pipeline(more: &str) -> String {
    // Each branch waits until the other one has begun: one after the other they would never end.
    let branch = |name: &str, other: &str| {
        format!(
            "[[pipeline.x.agent]]\nname = \"{name}\"\nneeds = [\"top\"]\noutputs = [\"*.txt\"]\n\
             command = [\"sh\", \"-c\", \"ls > {name}.txt; touch {{folder}}/{name}; \
             while [ ! -e {{folder}}/{other} ]; do sleep 0.05; done\"]\n\
             [pipeline.x.agent.limits]\ntimeout_ms = 5000\n"
        )
    };
    format!(
        "[pipeline.x]\n{more}\n[[pipeline.x.agent]]\nname = \"top\"\noutputs = [\"*.txt\"]\n\
         command = [\"sh\", \"-c\", \"echo 1 > top.txt\"]\n{}{}\
         [[pipeline.x.agent]]\nname = \"bottom\"\nneeds = [\"left\", \"right\"]\noutputs = [\"all\"]\n\
         command = [\"sh\", \"-c\", \"ls *.txt > all\"]\n",
        branch("left", "right"),
        branch("right", "left")
    )
}

#[tokio::test]
async fn programs_of_one_run_work_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let app = app(folder.path(), &pipeline("")).await;
    let (project, run) = start(&app, "x", "b").await;
    let ended = app.ended(&run).await;
    assert_eq!(ended["status"], "completed", "{ended}");
    for (path, expected) in [
        ("left.txt", "left.txt\ntop.txt\n"),
        ("right.txt", "right.txt\ntop.txt\n"),
        ("all", "left.txt\nright.txt\ntop.txt\n"),
    ] {
        assert_eq!(file(&app, &project, path).await, expected);
    }
    let log = events(&app, &project).await;
    let began: Vec<&str> = log
        .iter()
        .filter(|event| {
            event["type"] == "agent_update"
                && ["started", "completed"].contains(&event["status"].as_str().unwrap())
        })
        .map(|event| event["agent"].as_str().unwrap())
        .collect();
    assert_eq!(began[2..4], ["left", "right"], "both begin before either ends: {began:?}");
    let progress: Vec<f64> = log
        .iter()
        .filter_map(|event| event["progress"].as_f64().filter(|_| event["type"] == "status_update"))
        .collect();
    assert!(progress.is_sorted(), "{progress:?}");
}

#[tokio::test]
async fn one_at_a_time_when_the_pipeline_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let app = app(folder.path(), &pipeline("parallel = 1")).await;
    let (_, run) = start(&app, "x", "b").await;
    let ended = app.ended(&run).await;
    assert_eq!(
        (&ended["status"], &ended["error"]["agent"]),
        (&json!("timed_out"), &json!("left")),
        "{ended}"
    );
    assert_eq!(ended["agents"][2]["status"], json!(null), "it never began: {ended}");
}
