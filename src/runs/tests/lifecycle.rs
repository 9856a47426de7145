//! A run from its request to its end: success, failure, limits, retry, stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::domain::event::{EventBody, LogLevel};
use crate::domain::run::{AgentStatus, RunStatus};
use crate::engine::EngineError;
use crate::pipelines::{AgentError, AgentOutput, OutputFile};
use crate::runs::tests::{AGENTS, AT_TIMES, Door, Gate, House, eventually, plain, settings, until_stopped};
use crate::runs::{FieldError, NewRun, OnConflict, RunsError, RunsSettings};

#[actix_rt::test]
async fn a_run_completes_and_tells_every_step() {
    let house = House::new();
    let boot = house.boot(settings(), None, plain);
    let project = house.project("a list").await;
    let run = boot.enqueue(&project).await.unwrap();
    let (run, completion) = house.ended(run.id).await;
    assert_eq!((run.status, run.progress), (RunStatus::Completed, 100.0));
    assert_eq!((completion.success, completion.artifacts), (true, 4));
    assert_eq!(completion.download_url.unwrap(), format!("/api/projects/{}/archive.zip", project.id));
    let mut steps = Vec::new();
    for (_, body) in house.log(project.id).await {
        match body {
            EventBody::StatusUpdate(update) => steps.push(update.status.as_str().to_owned()),
            EventBody::AgentUpdate(update) => {
                if update.status != AgentStatus::Progress {
                    steps.push(format!("{} {:?}", update.agent, update.status));
                }
            }
            EventBody::Artifact(artifact) => steps.push(artifact.path),
            EventBody::Completion(_) => steps.push("completion".to_owned()),
            EventBody::Log(_) | EventBody::Event(_) => {}
        }
    }
    steps.dedup();
    let mut expected = vec!["queued".to_owned(), "starting".to_owned(), "running".to_owned()];
    for agent in AGENTS {
        expected.push(format!("{agent} Started"));
        expected.extend([format!("{agent}.txt"), format!("{agent} Completed"), "running".to_owned()]);
    }
    expected.extend(["completed".to_owned(), "completion".to_owned()]);
    assert_eq!(steps, expected);
    for agent in &run.agents {
        let file = &agent.output.as_ref().unwrap().files[0];
        let bytes = house.artifacts.blobs().read(&file.sha256).unwrap();
        assert!(bytes.starts_with(agent.agent.as_bytes()));
    }
    // Later runs know how long it takes.
    let again = boot.enqueue(&project).await.unwrap();
    house.ended(again.id).await;
    let has_eta = house.log(project.id).await.iter().any(|(id, body)| {
        *id == Some(again.id) && matches!(body, EventBody::StatusUpdate(update) if update.eta.is_some())
    });
    assert!(has_eta);
    boot.idle().await;
}

#[actix_rt::test]
async fn that_an_agent_was_not_needed_is_no_duration() {
    let house = House::new();
    let boot = house.boot(settings(), None, plain);
    let began_with_eta = async |brief: &str| {
        let project = house.project_of(AT_TIMES.name, brief).await;
        let run = boot.enqueue(&project).await.unwrap();
        assert_eq!(house.ended(run.id).await.0.status, RunStatus::Completed);
        let mut updates = house.log(project.id).await.into_iter().filter_map(|(_, body)| match body {
            EventBody::StatusUpdate(update) if update.status == RunStatus::Running => Some(update),
            _ => None,
        });
        updates.next().unwrap().eta.is_some()
    };
    // Nothing is known of the second agent until it has worked once.
    assert!(!began_with_eta("seldom").await);
    assert!(!began_with_eta("seldom").await);
    assert!(!began_with_eta("often").await);
    assert!(began_with_eta("often").await);
    boot.idle().await;
}

#[actix_rt::test]
async fn a_request_that_is_wrong_changes_nothing() {
    let house = House::new();
    let boot = house.boot(settings(), None, plain);
    let mut project = house.project("").await;
    project.params.insert("sed".to_owned(), 1.into());
    let field =
        |field: &str, message: &str| FieldError { field: field.to_owned(), message: message.to_owned() };
    assert_eq!(
        boot.enqueue(&project).await,
        Err(RunsError::Invalid(vec![
            field("brief", "must not be empty"),
            field("params.sed", "is unknown; known: seed")
        ]))
    );
    project.pipeline = "none".to_owned();
    assert_eq!(boot.enqueue(&project).await, Err(RunsError::NotFound("pipeline")));
    let mut elsewhere = house.project("x").await;
    elsewhere.id = crate::domain::ids::ProjectId::generate();
    assert!(matches!(boot.enqueue(&elsewhere).await, Err(RunsError::NotFound(_))));
    assert!(house.log(project.id).await.is_empty());
    boot.idle().await;
}

#[actix_rt::test]
async fn an_agent_that_fails_or_panics_fails_the_run_and_says_where() {
    let house = House::new();
    let line = line!() + 5;
    let boot = house.boot(settings(), None, |agent, inputs, host| match (agent, inputs.brief.as_str()) {
        ("two", "panic") => {
            // The next line is where it happens.
            panic!("a template is broken")
        }
        ("two", "fail") => Err(AgentError::Failed {
            message: "no".to_owned(),
            file: Some("templates/app.js".to_owned()),
            line: Some(7),
        }),
        ("two", "path") => {
            Ok(AgentOutput { files: vec![OutputFile::text("../outside", "x")], summary: String::new() })
        }
        ("two", "cancelled") => Err(AgentError::Cancelled),
        _ => plain(agent, inputs, host),
    });
    for (brief, message, file, at) in [
        ("panic", "panicked: a template is broken", Some("src/runs/tests/lifecycle.rs"), Some(line - 1)),
        ("fail", "no", Some("templates/app.js"), Some(7)),
        (
            "path",
            "the agent may not write this file: its path contains `.` or `..`",
            Some("../outside"),
            None,
        ),
        ("cancelled", "the agent stopped without being told to", None, None),
    ] {
        let project = house.project(brief).await;
        let run = boot.enqueue(&project).await.unwrap();
        let (run, completion) = house.ended(run.id).await;
        assert_eq!(run.status, RunStatus::Failed, "{brief}");
        let error = completion.error.unwrap();
        assert_eq!(error.agent.as_deref(), Some("two"));
        assert_eq!((error.message.as_str(), error.file.as_deref(), error.line), (message, file, at));
        assert_eq!(run.agents[1].status, Some(AgentStatus::Failed));
        assert_eq!(run.agents[2].status, None);
        assert_eq!(completion.artifacts, 1);
    }
    boot.idle().await;
}

#[actix_rt::test]
async fn time_limits_end_a_run_whether_the_agent_listens_or_not() {
    let house = House::new();
    let door = Arc::new(Door::default());
    let deaf = door.clone();
    // Long enough for an agent that does nothing on a machine with much to do.
    let limits = RunsSettings { agent_timeout_ms: 600, cancel_grace_ms: 80, ..settings() };
    let boot = house.boot(limits, None, move |agent, inputs, host| match (agent, inputs.brief.as_str()) {
        ("two", "listens") => until_stopped(host),
        ("two", _) => {
            deaf.pass();
            plain(agent, inputs, host)
        }
        _ => plain(agent, inputs, host),
    });
    for brief in ["listens", "deaf"] {
        let project = house.project(brief).await;
        let run = boot.enqueue(&project).await.unwrap();
        let (run, completion) = house.ended(run.id).await;
        assert_eq!(run.status, RunStatus::TimedOut, "{brief}");
        assert_eq!(completion.error.unwrap().agent.as_deref(), Some("two"));
    }
    assert_eq!(boot.runs.snapshot().await.unwrap().agent_threads, 1);
    door.open();
    boot.idle().await;

    let limits = RunsSettings { run_timeout_ms: 60, ..settings() };
    let boot = house.boot(limits, None, |_, _, host| until_stopped(host));
    let project = house.project("whole run").await;
    let run = boot.enqueue(&project).await.unwrap();
    let (run, _) = house.ended(run.id).await;
    assert_eq!((run.status, run.message.as_str()), (RunStatus::TimedOut, "the run did not end within 60 ms"));
    boot.idle().await;
}

#[actix_rt::test]
async fn a_retry_reuses_what_stands_and_works_from_the_agent_on() {
    let house = House::new();
    let works = Arc::new(AtomicUsize::new(0));
    let counted = works.clone();
    let broken = Arc::new(AtomicUsize::new(1));
    let mended = broken.clone();
    let boot = house.boot(settings(), None, move |agent, inputs, host| {
        counted.fetch_add(1, Ordering::SeqCst);
        if agent == "three" && broken.load(Ordering::SeqCst) == 1 {
            return Err(AgentError::failed("not yet"));
        }
        plain(agent, inputs, host)
    });
    let project = house.project("x").await;
    let first = boot.enqueue(&project).await.unwrap();
    let (first, _) = house.ended(first.id).await;
    assert_eq!((first.status, works.load(Ordering::SeqCst)), (RunStatus::Failed, 3));
    mended.store(0, Ordering::SeqCst);

    let second = boot.runs.retry(first.id, None, "ada".to_owned(), None).await.unwrap().run;
    let (second, completion) = house.ended(second.id).await;
    assert_eq!((second.status, works.load(Ordering::SeqCst)), (RunStatus::Completed, 5));
    assert_eq!((second.retry_of, completion.artifacts), (Some(first.id), 4));
    let statuses: Vec<_> = second.agents.iter().map(|agent| agent.status.unwrap()).collect();
    use AgentStatus::{Completed, Reused};
    assert_eq!(statuses, [Reused, Reused, Completed, Completed]);
    assert_eq!(second.agents[0].output, first.agents[0].output);

    let third =
        boot.runs.retry(second.id, Some("four".to_owned()), "ada".to_owned(), None).await.unwrap().run;
    let (third, _) = house.ended(third.id).await;
    assert_eq!(works.load(Ordering::SeqCst), 6);
    assert_eq!(third.agents[3].output, second.agents[3].output);
    assert!(matches!(
        boot.runs.retry(third.id, Some("five".to_owned()), "ada".to_owned(), None).await,
        Err(RunsError::Invalid(fields)) if fields[0].field == "from_agent"
    ));
    assert_eq!(
        boot.runs.retry(crate::domain::ids::RunId::generate(), None, "ada".to_owned(), None).await,
        Err(RunsError::NotFound("run"))
    );
    boot.idle().await;
}

#[actix_rt::test]
async fn a_stop_brings_runs_back_to_the_queue_without_counting_a_crash() {
    let house = House::new();
    let gate = Gate::hold("two", false);
    let boot = house.boot(settings(), Some(gate.clone()), plain);
    let project = house.project("x").await;
    let run = boot.enqueue(&project).await.unwrap();
    gate.arrived(1).await;
    boot.runs.stop().await;
    let stopped = house.run(run.id).await;
    assert_eq!((stopped.status, stopped.crash_attempts, stopped.lease), (RunStatus::Queued, 0, None));
    assert_eq!(boot.enqueue(&project).await, Err(RunsError::Closing));

    let boot = house.boot(settings(), None, plain);
    let (run, _) = house.ended(run.id).await;
    assert_eq!((run.status, run.crash_attempts), (RunStatus::Completed, 0));
    assert_eq!(run.agents[0].started_at, stopped.agents[0].started_at);
    boot.idle().await;
}

#[actix_rt::test]
async fn a_store_that_fails_for_a_while_is_tried_again() {
    let house = House::new();
    let gate = Gate::hold("two", false);
    let boot = house.boot(settings(), Some(gate.clone()), plain);
    let project = house.project("x").await;
    let run = boot.enqueue(&project).await.unwrap();
    gate.arrived(1).await;
    boot.broker.failures.lock().unwrap().extend([EngineError::DiskFull, EngineError::Busy]);
    gate.open();
    let (run, _) = house.ended(run.id).await;
    assert_eq!(run.status, RunStatus::Completed);

    // For longer: the run fails as soon as that can be written.
    let gate = Gate::hold("two", false);
    let boot = house.boot(settings(), Some(gate.clone()), plain);
    let run = boot.enqueue(&project).await.unwrap();
    gate.arrived(1).await;
    boot.broker.failures.lock().unwrap().extend(vec![EngineError::DiskFull; 5]);
    gate.open();
    let (run, completion) = house.ended(run.id).await;
    assert_eq!(run.status, RunStatus::Failed);
    assert_eq!(completion.error.unwrap().message, "the run could not be recorded: the disk is full");
    boot.idle().await;
}

#[actix_rt::test]
async fn a_repeated_request_hears_its_first_answer() {
    let house = House::new();
    let boot = house.boot(settings(), None, plain);
    let project = house.project("x").await;
    let request = |body: &str| NewRun {
        inputs: Vec::new(),
        project: project.clone(),
        params: serde_json::Map::new(),
        priority: 0,
        lane: crate::domain::control::Lane::Normal,
        by: "ada".to_owned(),
        on_conflict: OnConflict::Enqueue,
        keep: Some(crate::runs::Keep {
            key: "generate/k1".to_owned(),
            body_sha256: body.to_owned(),
            ttl_ms: 60_000,
            answer: Box::new(|accepted| (202, accepted.run.id.to_string())),
        }),
    };
    // A hundred at once: one run, and all others hear the same answer.
    let answers = futures_util::future::join_all((0..100).map(|_| boot.runs.enqueue(request("body")))).await;
    let accepted: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
    assert_eq!(accepted.len(), 1);
    for answer in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        let RunsError::KeyTaken(kept) = answer else { unreachable!("{answer:?}") };
        assert_eq!((kept.status, &kept.answer), (202, &accepted[0].run.id.to_string()));
        assert_eq!(kept.body_sha256, "body");
    }
    eventually("one run", async || house.engine.runs_of(project.id, 10).await.unwrap().len() == 1).await;
    house.ended(accepted[0].run.id).await;
    boot.idle().await;
}

#[actix_rt::test]
async fn lines_of_all_agents_reach_the_room() {
    let house = House::new();
    let boot = house.boot(settings(), None, |agent, inputs, host| {
        host.log(LogLevel::Warning, "first\r\nsecond\n");
        plain(agent, inputs, host)
    });
    let project = house.project("x").await;
    let run = boot.enqueue(&project).await.unwrap();
    house.ended(run.id).await;
    let mut lines = Vec::new();
    for (_, body) in house.log(project.id).await {
        if let EventBody::Log(log) = body {
            lines.extend(log.lines.into_iter().map(|line| (log.agent.clone().unwrap(), line.n, line.text)));
        }
    }
    let of_one: Vec<&str> =
        lines.iter().filter(|(agent, ..)| agent == "one").map(|(.., text)| text.as_ref()).collect();
    assert_eq!(of_one, ["first", "second", "one has 0 files"]);
    let numbers: Vec<u64> = lines.iter().map(|(_, n, _)| *n).collect();
    assert_eq!(numbers, (1..=12).collect::<Vec<_>>());
    boot.idle().await;
}
