//! Many runs. The counts are small in a usual test run; `CALLBOARD_TEST_COUNT=10000` asks for all of them.

use std::cmp::Reverse;
use std::sync::{Arc, Mutex};

use futures_util::StreamExt;
use futures_util::stream;

use crate::domain::control::Lane;
use crate::domain::event::EventBody;
use crate::domain::ids::RunId;
use crate::domain::run::{Run, RunStatus};
use crate::engine::EngineError;
use crate::runs::tests::{DEADLINE, House, QUICK, count, eventually, new_run, plain, settings};
use crate::runs::{Keep, NewRun, OnConflict, RunLimits, RunsError, RunsSettings, transitions};

/// Requests under way at once: fewer than may wait for the store.
const AT_ONCE: usize = 200;

fn roomy() -> RunsSettings {
    RunsSettings { queue_max: 100_000, ..settings() }
}

#[actix_rt::test]
async fn all_that_wait_survive_a_crash_and_start_in_order() {
    let count = count(300);
    let house = House::new();
    let started = Arc::new(Mutex::new(Vec::new()));
    let one = RunsSettings { limits: RunLimits::of_all(1), ..roomy() };
    let boot = house.boot(one.clone(), None, plain);
    boot.runs.pause_queue(true, "ada".to_owned()).await.unwrap();
    let lanes = [Lane::Interactive, Lane::Normal, Lane::Bulk];
    let (house_ref, runs) = (&house, &boot.runs);
    let mut queued: Vec<Run> = stream::iter(0..count)
        .map(|number| async move {
            let project = house_ref.project_of(QUICK.name, &number.to_string()).await;
            let priority = i32::try_from(number * 7 % 5).unwrap() - 2;
            let new = NewRun { lane: lanes[number % 3], ..new_run(&project, priority, OnConflict::Reject) };
            runs.enqueue(new).await.unwrap().run
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    assert_eq!(boot.runs.snapshot().await.unwrap().queue_depth, count);
    boot.crash().await;

    let heard = started.clone();
    let boot = house.boot(one, None, move |agent, inputs, host| {
        heard.lock().unwrap().push(inputs.brief.clone());
        plain(agent, inputs, host)
    });
    assert_eq!(boot.runs.snapshot().await.unwrap().queue_depth, count);
    queued.sort_unstable_by_key(|run| (run.control.lane, Reverse(run.priority), run.created_at, run.id));
    for (place, run) in queued.iter().enumerate().step_by(count / 7 + 1) {
        let position = boot.runs.place(run.id).await.unwrap().unwrap().position;
        assert_eq!(usize::try_from(position).unwrap(), place);
    }
    boot.runs.pause_queue(false, "ada".to_owned()).await.unwrap();
    let deadline = std::time::Instant::now() + DEADLINE * u32::try_from(count / 1_000 + 1).unwrap();
    while boot.runs.snapshot().await.unwrap().queue_depth > 0 {
        assert!(std::time::Instant::now() < deadline, "{} have started", started.lock().unwrap().len());
        actix_rt::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    boot.idle().await;
    let expected: Vec<String> = queued.into_iter().map(|run| run.brief).collect();
    assert_eq!(*started.lock().unwrap(), expected);
}

/// A cancel and an end that come at the same moment, straight at the store: exactly one of them is done.
#[actix_rt::test]
async fn an_end_and_a_cancel_of_the_same_version_are_never_both_done() {
    let count = count(500);
    let house = House::new();
    let project = house.project_of(QUICK.name, "x").await;
    let boot = house.boot(roomy(), None, plain);
    boot.runs.pause_queue(true, "ada".to_owned()).await.unwrap();
    let (engine, boot_ref, project_ref) = (&house.engine, &boot, &project);
    let ends: Vec<[bool; 2]> = stream::iter(0..count)
        .map(|number| async move {
            let run = boot_ref.enqueue_as(project_ref, 0, OnConflict::Enqueue).await.unwrap();
            let now = run.created_at;
            let starting = transitions::starting(&run, "a boot");
            let run = Run { version: run.version + 1, ..starting.run.clone() };
            engine.commit(starting.into_batch()).await.unwrap();
            let running = transitions::running(&run, None, None, now);
            let run = Run { version: run.version + 1, ..running.run.clone() };
            engine.commit(running.into_batch()).await.unwrap();
            let completed = engine.commit(transitions::completed(&run, now).into_batch());
            let cancelling = engine.commit(transitions::cancelling(&run, "ada", now).into_batch());
            // Whichever is sent first has no advantage in half of the cases.
            let (completed, cancelling) = match number % 2 {
                0 => tokio::join!(completed, cancelling),
                _ => {
                    let (cancelling, completed) = tokio::join!(cancelling, completed);
                    (completed, cancelling)
                }
            };
            for result in [&completed, &cancelling] {
                assert!(matches!(result, Ok(_) | Err(EngineError::Conflict(_))), "{result:?}");
            }
            [completed.is_ok(), cancelling.is_ok()]
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    assert!(ends.iter().all(|[completed, cancelled]| completed != cancelled));
    boot.crash().await;
}

/// Cancels of all runs while they come to their end by themselves.
#[actix_rt::test]
async fn cancels_of_all_at_once_leave_one_end_each() {
    let count = count(500);
    let house = House::new();
    let many = RunsSettings { limits: RunLimits::of_all(16), ..roomy() };
    let boot = house.boot(many, None, plain);
    let (house_ref, runs) = (&house, &boot.runs);
    let answers: Vec<(RunId, bool)> = stream::iter(0..count)
        .map(|number| async move {
            let project = house_ref.project_of(QUICK.name, "x").await;
            let run = runs.enqueue(new_run(&project, 0, OnConflict::Reject)).await.unwrap().run;
            if number % 3 == 0 {
                // Some are let go further: the cancel then meets the run at its end.
                let begun = async || house_ref.run(run.id).await.status != RunStatus::Queued;
                eventually("the start", begun).await;
            }
            let answer = loop {
                match runs.cancel(run.id, "ada".to_owned()).await {
                    Err(RunsError::Busy) => {}
                    answer => break answer.unwrap(),
                }
            };
            (run.id, answer.already.is_none())
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    boot.idle().await;
    let mut ends = [0, 0];
    for (id, cancelled) in answers {
        let run = house.run(id).await;
        let expected = if cancelled { RunStatus::Cancelled } else { RunStatus::Completed };
        assert_eq!(run.status, expected);
        ends[usize::from(cancelled)] += 1;
        let log = house.log(run.project_id).await;
        assert_eq!(log.iter().filter(|(_, body)| matches!(body, EventBody::Completion(_))).count(), 1);
    }
    assert!(ends[1] > 0, "{ends:?}");
}

/// The same request a hundred times at once, and again after a crash: one run.
#[actix_rt::test]
async fn a_key_stands_for_one_run_also_after_a_crash() {
    let house = House::new();
    let project = house.project_of(QUICK.name, "x").await;
    let request = || NewRun {
        inputs: Vec::new(),
        keep: Some(Keep {
            key: "generate/k".to_owned(),
            body_sha256: "body".to_owned(),
            ttl_ms: 86_400_000,
            answer: Box::new(|accepted| (202, accepted.run.id.to_string())),
        }),
        ..new_run(&project, 0, OnConflict::Enqueue)
    };
    let mut heard = Vec::new();
    for _ in 0..2 {
        let boot = house.boot(roomy(), None, plain);
        let answers = futures_util::future::join_all((0..100).map(|_| boot.runs.enqueue(request()))).await;
        heard.extend(answers.into_iter().map(|answer| match answer {
            Ok(accepted) => accepted.run.id.to_string(),
            Err(RunsError::KeyTaken(kept)) => kept.answer,
            Err(other) => panic!("{other:?}"),
        }));
        boot.crash().await;
    }
    heard.dedup();
    assert_eq!(heard.len(), 1);
    assert_eq!(house.engine.runs_of(project.id, 9).await.unwrap().len(), 1);
}
