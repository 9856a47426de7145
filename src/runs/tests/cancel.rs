//! Cancel in every state, and against an end that comes at the same moment.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::domain::event::EventBody;
use crate::domain::ids::RunId;
use crate::domain::run::RunStatus;
use crate::domain::script::ScriptJob;
use crate::pipelines::AgentOutput;
use crate::runs::tests::{AGENTS, Door, Gate, House, eventually, plain, settings, until_stopped};
use crate::runs::{CancelAnswer, OnConflict, RunsError, RunsSettings};

#[actix_rt::test]
async fn a_cancel_during_each_agent_ends_the_run_soon() {
    let house = House::new();
    for name in AGENTS {
        for after in [false, true] {
            let gate = Gate::hold(name, after);
            let boot = house.boot(settings(), Some(gate.clone()), plain);
            let project = house.project("x").await;
            let run = boot.enqueue(&project).await.unwrap();
            gate.arrived(1).await;
            let since = Instant::now();
            let answer = boot.runs.cancel(run.id, "ada".to_owned()).await.unwrap();
            assert_eq!(answer, CancelAnswer { status: RunStatus::Cancelling, already: None });
            assert!(since.elapsed() < Duration::from_millis(100), "{:?}", since.elapsed());
            let (run, completion) = house.ended(run.id).await;
            assert!(since.elapsed() < Duration::from_secs(2));
            assert_eq!((run.status, completion.status), (RunStatus::Cancelled, RunStatus::Cancelled));
            assert!(run.evidence.unwrap().took_ms < 2_000);
            boot.idle().await;
            boot.runs.stop().await;
        }
    }
}

#[actix_rt::test]
async fn an_agent_that_does_not_listen_is_left_behind() {
    let house = House::new();
    let door = Arc::new(Door::default());
    let deaf = door.clone();
    let patience = RunsSettings { cancel_grace_ms: 100, ..settings() };
    let boot = house.boot(patience, None, move |agent, inputs, host| {
        deaf.pass();
        plain(agent, inputs, host)
    });
    let project = house.project("x").await;
    let run = boot.enqueue(&project).await.unwrap();
    door.arrived().await;
    boot.runs.cancel(run.id, "ada".to_owned()).await.unwrap();
    let (run, completion) = house.ended(run.id).await;
    assert!(
        completion.message.starts_with("Cancelled by force: one agent did not stop"),
        "{}",
        completion.message
    );
    door.open();
    boot.idle().await;
    // What it made in the end is not taken.
    assert_eq!(house.run(run.id).await, run);
    house.check_log(&run).await;
}

#[actix_rt::test]
async fn a_cancel_ends_the_child_processes_and_counts_them() {
    let house = House::new();
    let boot = house.boot(settings(), None, |_, _, host| {
        let job = ScriptJob { files: BTreeMap::new(), steps: Vec::new(), memory_bytes: 0, step_ms: 0 };
        host.run_scripts(&job, &mut |_, _| ())?;
        Ok(AgentOutput::default())
    });
    let project = house.project("x").await;
    let run = boot.enqueue(&project).await.unwrap();
    eventually("the child", async || boot.scripts.started.load(Ordering::SeqCst) == 1).await;
    let since = Instant::now();
    boot.runs.cancel(run.id, "ada".to_owned()).await.unwrap();
    let (run, _) = house.ended(run.id).await;
    assert!(since.elapsed() < Duration::from_secs(2));
    let evidence = run.evidence.unwrap();
    assert_eq!((evidence.processes_ended, evidence.processes_left), (1, 0));
    boot.idle().await;
}

#[actix_rt::test]
async fn a_run_that_waits_is_cancelled_at_once_and_an_ended_one_not_at_all() {
    let house = House::new();
    let boot = house.boot(settings(), None, |_, _, host| until_stopped(host));
    let project = house.project("x").await;
    let working = boot.enqueue(&project).await.unwrap();
    let waiting = boot.enqueue_as(&project, 0, OnConflict::Enqueue).await.unwrap();
    let answer = boot.runs.cancel(waiting.id, "ada".to_owned()).await.unwrap();
    assert_eq!(answer, CancelAnswer { status: RunStatus::Cancelled, already: None });
    let (waiting, completion) = house.ended(waiting.id).await;
    assert_eq!((waiting.started_at, completion.duration_ms), (None, 0));
    let answer = boot.runs.cancel(waiting.id, "ada".to_owned()).await.unwrap();
    assert_eq!(answer.already, Some(RunStatus::Cancelled));
    boot.runs.cancel(working.id, "ada".to_owned()).await.unwrap();
    let (working, _) = house.ended(working.id).await;
    assert_eq!(working.status, RunStatus::Cancelled);
    assert_eq!(boot.runs.cancel(RunId::generate(), "ada".to_owned()).await, Err(RunsError::NotFound("run")));
    boot.idle().await;
}

/// Cancels that come before, during and after admission and every agent. Whatever wins, there is one end, and the answer
/// of the cancel agrees with it.
#[actix_rt::test]
async fn a_cancel_against_the_end_leaves_one_end() {
    let house = House::new();
    let boot = house.boot(settings(), None, plain);
    let project = house.project("x").await;
    let mut ends = [0, 0];
    let mut middle_us = 6_000;
    for round in 0..1_000_u64 {
        let run = boot.enqueue_as(&project, 0, OnConflict::Enqueue).await.unwrap();
        // Around where both ends have been as likely so far: how long a run takes depends on the machine and its load.
        let delay_us = middle_us * (50 + round * 37 % 100) / 100;
        actix_rt::time::sleep(Duration::from_micros(delay_us)).await;
        let (first, second) = tokio::join!(
            boot.runs.cancel(run.id, "ada".to_owned()),
            boot.runs.cancel(run.id, "bob".to_owned()),
        );
        let (first, second) = (first.unwrap(), second.unwrap());
        eventually("the end", async || house.run(run.id).await.status.is_terminal()).await;
        let status = house.run(run.id).await.status;
        match status {
            RunStatus::Completed => {
                assert_eq!((first.already, second.already), (Some(status), Some(status)));
                ends[0] += 1;
                middle_us = (middle_us * 97 / 100).max(200);
            }
            RunStatus::Cancelled => {
                // The one that came later may hear that it was over already.
                assert!(first.already.is_none() || second.already.is_none());
                ends[1] += 1;
                middle_us = (middle_us * 103 / 100 + 1).min(1_000_000);
            }
            other => unreachable!("{other:?}"),
        }
    }
    boot.idle().await;
    assert!(ends[0] > 20 && ends[1] > 20, "the race was none: {ends:?}");
    let events = house.log(project.id).await;
    let completions = events
        .iter()
        .filter(|(_, body)| matches!(body, EventBody::Completion(_)))
        .map(|(run, _)| *run)
        .collect::<std::collections::HashSet<_>>();
    let total = events.iter().filter(|(_, body)| matches!(body, EventBody::Completion(_))).count();
    assert_eq!((completions.len(), total), (1_000, 1_000));
}
