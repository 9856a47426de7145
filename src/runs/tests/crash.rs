//! What becomes of runs whose server is gone.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::domain::event::EventBody;
use crate::domain::run::{AgentStatus, RunStatus};
use crate::runs::OnConflict;
use crate::runs::tests::{AGENTS, Door, Gate, House, plain, settings};

#[actix_rt::test]
async fn a_crash_at_each_agent_goes_on_there_and_gives_the_same_files() {
    let house = House::new();
    let boot = house.boot(settings(), None, plain);
    let undisturbed = boot.enqueue(&house.project("x").await).await.unwrap();
    let (undisturbed, _) = house.ended(undisturbed.id).await;
    boot.runs.stop().await;

    for (index, name) in AGENTS.into_iter().enumerate() {
        for after in [false, true] {
            let gate = Gate::hold(name, after);
            let boot = house.boot(settings(), Some(gate.clone()), plain);
            let project = house.project("x").await;
            let run = boot.enqueue(&project).await.unwrap();
            gate.arrived(1).await;
            boot.crash().await;
            gate.open();
            let before = house.run(run.id).await;
            assert_eq!(before.status, RunStatus::Running);

            let boot = house.boot(settings(), None, plain);
            let (after, _) = house.ended(run.id).await;
            assert_eq!((after.status, after.crash_attempts), (RunStatus::Completed, 1));
            // What was done is untouched and is not said again.
            assert_eq!(after.agents[..index], before.agents[..index]);
            let events = house.log(project.id).await;
            for (place, agent) in AGENTS.into_iter().enumerate() {
                let count = |status| {
                    let is = |body: &EventBody| matches!(body, EventBody::AgentUpdate(update) if update.agent == agent && update.status == status);
                    events.iter().filter(|(_, body)| is(body)).count()
                };
                assert_eq!(count(AgentStatus::Completed), 1);
                assert_eq!(count(AgentStatus::Started), if place == index { 2 } else { 1 });
            }
            let resumed = format!("Resumed after a restart at {name} agent (attempt 2)");
            assert!(events.iter().any(
                |(_, body)| matches!(body, EventBody::StatusUpdate(update) if update.message == resumed)
            ));
            let outputs = |run: &crate::domain::run::Run| {
                run.agents.iter().map(|agent| agent.output.clone().unwrap()).collect::<Vec<_>>()
            };
            assert_eq!(outputs(&after), outputs(&undisturbed));
            boot.idle().await;
            boot.runs.stop().await;
        }
    }
}

#[actix_rt::test]
async fn the_fourth_crash_fails_the_run() {
    let house = House::new();
    let project = house.project("x").await;
    let gate = Gate::hold("two", false);
    let boot = house.boot(settings(), Some(gate.clone()), plain);
    let run = boot.enqueue(&project).await.unwrap();
    gate.arrived(1).await;
    boot.crash().await;
    gate.open();
    for attempts in 1..=3 {
        let gate = Gate::hold("two", false);
        let boot = house.boot(settings(), Some(gate.clone()), plain);
        gate.arrived(1).await;
        assert_eq!(house.run(run.id).await.crash_attempts, attempts);
        boot.crash().await;
        gate.open();
    }
    let boot = house.boot(settings(), None, plain);
    let (run, completion) = house.ended(run.id).await;
    assert_eq!(run.status, RunStatus::Failed);
    let error = completion.error.unwrap();
    assert_eq!(error.agent.as_deref(), Some("two"));
    assert_eq!(error.message, "the server was interrupted 4 times during this run");
    boot.idle().await;
}

#[actix_rt::test]
async fn a_run_whose_actor_panics_is_taken_over_and_the_others_work_on() {
    let house = House::new();
    let gate = Gate::hold("two", false);
    let boot = house.boot(settings(), Some(gate.clone()), plain);
    let run = boot.enqueue(&house.project("x").await).await.unwrap();
    gate.arrived(1).await;
    boot.broker.panics.store(true, Ordering::SeqCst);
    gate.open();
    let (run, _) = house.ended(run.id).await;
    assert_eq!((run.status, run.crash_attempts), (RunStatus::Completed, 1));
    let other = boot.enqueue(&house.project("y").await).await.unwrap();
    assert_eq!(house.ended(other.id).await.0.status, RunStatus::Completed);
    boot.idle().await;
}

#[actix_rt::test]
async fn a_crash_during_a_cancel_ends_cancelled_and_what_waited_still_waits() {
    let house = House::new();
    let door = Arc::new(Door::default());
    let deaf = door.clone();
    let boot = house.boot(settings(), None, move |agent, inputs, host| {
        deaf.pass();
        plain(agent, inputs, host)
    });
    let project = house.project("x").await;
    let run = boot.enqueue(&project).await.unwrap();
    let waiting = boot.enqueue_as(&project, 0, OnConflict::Enqueue).await.unwrap();
    door.arrived().await;
    boot.runs.cancel(run.id, "ada".to_owned()).await.unwrap();
    boot.crash().await;
    door.open();
    assert_eq!(house.run(run.id).await.status, RunStatus::Cancelling);

    let boot = house.boot(settings(), None, plain);
    let (run, _) = house.ended(run.id).await;
    assert_eq!(run.status, RunStatus::Cancelled);
    let (waited, _) = house.ended(waiting.id).await;
    assert_eq!((waited.status, waited.crash_attempts), (RunStatus::Completed, 0));
    boot.idle().await;
}
