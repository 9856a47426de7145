//! Who works when.

use crate::domain::run::{Run, RunStatus};
use crate::runs::tests::{Gate, House, eventually, new_run, plain, settings};
use crate::runs::{OnConflict, RunLimits, RunsError, RunsSettings};

#[actix_rt::test]
async fn runs_are_served_by_priority_then_age_one_at_a_time() {
    let house = House::new();
    let gate = Gate::hold("one", false);
    let limits = RunsSettings { limits: RunLimits::of_all(1), ..settings() };
    let boot = house.boot(limits, Some(gate.clone()), plain);
    let first = boot.enqueue(&house.project("x").await).await.unwrap();
    gate.arrived(1).await;
    let mut runs: Vec<Run> = vec![first];
    for priority in [0, 5, 0, 5, -1] {
        let project = house.project("x").await;
        runs.push(boot.enqueue_as(&project, priority, OnConflict::Reject).await.unwrap());
    }
    let project = house.project("x").await;
    let new = new_run(&project, 1, OnConflict::Reject);
    let accepted = boot.runs.enqueue(new).await.unwrap();
    assert_eq!(accepted.position_in_queue, 2);
    let snapshot = boot.runs.snapshot().await.unwrap();
    assert_eq!((snapshot.active, snapshot.queue_depth), (1, 6));
    assert!(snapshot.oldest_queued_ms.is_some());
    gate.open();
    let mut started = Vec::new();
    for index in [0, 2, 4, 6, 1, 3, 5] {
        let id =
            if index == 6 { accepted.run.id } else { runs[if index > 6 { index - 1 } else { index }].id };
        let (run, _) = house.ended(id).await;
        assert_eq!(run.status, RunStatus::Completed);
        started.push((run.started_at.unwrap(), run.ended_at.unwrap()));
    }
    // Each began after the one before it had ended.
    assert!(started.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{started:?}");
    boot.idle().await;
}

#[actix_rt::test]
async fn a_full_queue_says_when_to_try_again() {
    let house = House::new();
    let gate = Gate::hold("one", false);
    let limits = RunsSettings { limits: RunLimits::of_all(1), queue_max: 2, ..settings() };
    let boot = house.boot(limits, Some(gate.clone()), plain);
    boot.enqueue(&house.project("x").await).await.unwrap();
    gate.arrived(1).await;
    let mut projects = Vec::new();
    for _ in 0..20 {
        projects.push(house.project("x").await);
    }
    // Twenty at once: two are taken, and the bound is kept while they are written.
    let answers = futures_util::future::join_all(projects.iter().map(|project| boot.enqueue(project))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 2);
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer, Ok(_) | Err(RunsError::QueueFull { retry_after_s: 1.. })))
    );
    gate.open();
    boot.idle().await;
}

#[actix_rt::test]
async fn one_run_of_a_project_is_active_unless_asked_otherwise() {
    let house = House::new();
    let gate = Gate::hold("two", false);
    let boot = house.boot(settings(), Some(gate.clone()), plain);
    let project = house.project("x").await;
    // Fifty at once: one is taken.
    let answers = futures_util::future::join_all((0..50).map(|_| boot.enqueue(&project))).await;
    let accepted: Vec<&Run> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
    assert_eq!(accepted.len(), 1);
    let first = accepted[0].id;
    assert!(
        answers.iter().filter_map(|answer| answer.as_ref().err()).all(|e| *e == RunsError::Active(first))
    );
    assert_eq!(boot.runs.retry(first, None, "ada".to_owned(), None).await, Err(RunsError::Active(first)));
    gate.arrived(1).await;

    let second = boot.enqueue_as(&project, 9, OnConflict::Enqueue).await.unwrap();
    assert_eq!(house.run(second.id).await.status, RunStatus::Queued);
    // There is room for two, but not for two of one project.
    assert_eq!(boot.runs.snapshot().await.unwrap().active, 1);

    let third = boot.enqueue_as(&project, 0, OnConflict::Replace).await.unwrap();
    for replaced in [first, second.id] {
        assert_eq!(house.ended(replaced).await.0.status, RunStatus::Cancelled);
    }
    gate.arrived(2).await;
    // The room shows the run that works, whatever those that wait or were replaced have to say.
    let mut state = crate::domain::fold::RoomState::default();
    let mut shown = Vec::new();
    for (run, body) in house.log(project.id).await {
        state.apply(run, third.created_at, &body);
        shown.push(state.run.as_ref().unwrap().id);
    }
    shown.dedup();
    assert_eq!(shown, [first, third.id]);
    assert_eq!(state.run.unwrap().id, third.id);
    assert_eq!(state.status, Some(RunStatus::Running));
    gate.open();
    let (third, _) = house.ended(third.id).await;
    assert_eq!(third.status, RunStatus::Completed);
    eventually("an empty queue", async || boot.runs.snapshot().await.unwrap().active == 0).await;
    boot.idle().await;
}
