//! Pauses, gates, and what becomes of them when the server goes away.

use std::time::{Duration, Instant};

use crate::domain::control::Signed;
use crate::domain::event::EventBody;
use crate::domain::ids::RunId;
use crate::domain::run::{AgentStatus, Project, Run, RunStatus};
use crate::pipelines::AgentError;
use crate::pipelines::policy::FailureClass;
use crate::runs::tests::{Boot, CAREFUL, Gate, House, eventually, plain, settings, until_stopped};
use crate::runs::{GateVerdict, OnConflict, RunLimits, RunsError, RunsSettings};

fn one_at_a_time() -> RunsSettings {
    RunsSettings { limits: RunLimits::of_all(1), ..settings() }
}

async fn is_now(house: &House, run: RunId, status: RunStatus) -> Run {
    eventually(status.as_str(), async || house.run(run).await.status == status).await;
    house.run(run).await
}

fn yes() -> GateVerdict {
    GateVerdict::Approve { item: None, text: None }
}

/// A run that a person is asked about.
async fn asked(house: &House, boot: &Boot) -> (Project, Run) {
    let project = house.project_of(CAREFUL.name, "x").await;
    let run = boot.enqueue(&project).await.unwrap();
    let run = is_now(house, run.id, RunStatus::Waiting).await;
    (project, run)
}

#[actix_rt::test]
async fn a_pause_comes_after_the_agent_outlives_crashes_and_stops_the_clocks() {
    let house = House::new();
    let gate = Gate::hold("two", false);
    let boot = house.boot(one_at_a_time(), Some(gate.clone()), plain);
    let run = boot.enqueue(&house.project("x").await).await.unwrap();
    gate.arrived(1).await;
    assert_eq!(boot.runs.pause(run.id, "ada".to_owned()).await, Ok(RunStatus::Pausing));
    assert_eq!(house.run(run.id).await.message, "Will pause after two agent, asked by ada");
    // Who is second does not take it over.
    assert_eq!(boot.runs.pause(run.id, "bob".to_owned()).await, Ok(RunStatus::Pausing));
    gate.open();
    let paused = is_now(&house, run.id, RunStatus::Paused).await;
    assert_eq!(paused.message, "Paused by ada");
    assert_eq!(paused.agents[1].status, Some(AgentStatus::Completed));
    assert_eq!(paused.agents[2].status, None);
    assert_eq!(paused.lease, None);
    // It takes no place meanwhile.
    let other = boot.enqueue(&house.project("y").await).await.unwrap();
    house.ended(other.id).await;
    assert_eq!(boot.runs.queue().await.unwrap().resting, 1);

    boot.crash().await;
    let boot = house.boot(one_at_a_time(), None, plain);
    let other = boot.enqueue(&house.project("z").await).await.unwrap();
    house.ended(other.id).await;
    let still = house.run(run.id).await;
    assert_eq!((still.status, &still.control.paused), (RunStatus::Paused, &paused.control.paused));
    assert_eq!(still.control.paused.unwrap().by, "ada");

    assert_eq!(boot.runs.resume(run.id, "bob".to_owned()).await, Ok(RunStatus::Queued));
    let (ended, completion) = house.ended(run.id).await;
    assert_eq!((ended.status, ended.crash_attempts, ended.control.paused), (RunStatus::Completed, 0, None));
    let wall = ended.ended_at.unwrap().since(ended.started_at.unwrap());
    assert!(ended.control.halted_ms > 0);
    assert_eq!(completion.duration_ms, wall - ended.control.halted_ms);
    let said: Vec<String> = house
        .log(run.project_id)
        .await
        .into_iter()
        .filter_map(|(_, body)| match body {
            EventBody::StatusUpdate(update) => Some(update.message),
            _ => None,
        })
        .collect();
    for expected in ["Paused by ada", "Resumed by bob; waits for its turn", "Goes on"] {
        assert!(said.iter().any(|message| message == expected), "{expected}: {said:?}");
    }
    let refused = RunsError::Refused(RunStatus::Completed, "is not paused");
    assert_eq!(boot.runs.resume(run.id, "bob".to_owned()).await, Err(refused));
    boot.idle().await;
}

#[actix_rt::test]
async fn a_pause_can_be_taken_back_and_a_crash_while_pausing_pauses() {
    let house = House::new();
    let gate = Gate::hold("two", false);
    let boot = house.boot(settings(), Some(gate.clone()), plain);
    let run = boot.enqueue(&house.project("x").await).await.unwrap();
    gate.arrived(1).await;
    boot.runs.pause(run.id, "ada".to_owned()).await.unwrap();
    assert_eq!(boot.runs.resume(run.id, "ada".to_owned()).await, Ok(RunStatus::Running));
    assert_eq!(house.run(run.id).await.control.paused, None);
    boot.runs.pause(run.id, "bob".to_owned()).await.unwrap();
    boot.crash().await;
    gate.open();
    assert_eq!(house.run(run.id).await.status, RunStatus::Pausing);
    let boot = house.boot(settings(), None, plain);
    let paused = is_now(&house, run.id, RunStatus::Paused).await;
    assert_eq!(paused.control.paused.unwrap().by, "bob");
    boot.runs.resume(run.id, "cyd".to_owned()).await.unwrap();
    let (ended, _) = house.ended(run.id).await;
    assert_eq!(ended.status, RunStatus::Completed);
    boot.idle().await;
}

#[actix_rt::test]
async fn a_run_that_waits_is_paused_at_once_and_the_last_agent_is_not_worth_a_pause() {
    let house = House::new();
    let gate = Gate::hold("four", false);
    let boot = house.boot(one_at_a_time(), Some(gate.clone()), plain);
    let working = boot.enqueue(&house.project("x").await).await.unwrap();
    gate.arrived(1).await;
    let waiting = boot.enqueue(&house.project("y").await).await.unwrap();
    assert_eq!(boot.runs.pause(waiting.id, "ada".to_owned()).await, Ok(RunStatus::Paused));
    assert_eq!(boot.runs.place(waiting.id).await, Ok(None));
    boot.runs.pause(working.id, "ada".to_owned()).await.unwrap();
    gate.open();
    assert_eq!(house.ended(working.id).await.0.status, RunStatus::Completed);
    assert_eq!(house.run(waiting.id).await.status, RunStatus::Paused);
    boot.runs.resume(waiting.id, "ada".to_owned()).await.unwrap();
    let (ended, _) = house.ended(waiting.id).await;
    assert_eq!((ended.status, ended.control.halted_ms), (RunStatus::Completed, 0));
    boot.idle().await;
}

#[actix_rt::test]
async fn a_paused_queue_admits_nobody_until_it_goes_on_also_after_a_crash() {
    let house = House::new();
    let boot = house.boot(settings(), None, plain);
    let view = boot.runs.pause_queue(true, "ada".to_owned()).await.unwrap();
    let paused: Signed = view.paused.unwrap();
    let run = boot.enqueue(&house.project("x").await).await.unwrap();
    let view = boot.runs.pause_queue(true, "bob".to_owned()).await.unwrap();
    assert_eq!((view.paused.as_ref(), view.waiting), (Some(&paused), [0, 1, 0]));
    boot.crash().await;

    let boot = house.boot(settings(), None, plain);
    let view = boot.runs.queue().await.unwrap();
    assert_eq!((view.paused, view.waiting, view.active), (Some(paused), [0, 1, 0], (0, 2)));
    assert_eq!(boot.runs.place(run.id).await.unwrap().unwrap().starts_in, None);
    assert_eq!(house.run(run.id).await.status, RunStatus::Queued);
    let view = boot.runs.pause_queue(false, "bob".to_owned()).await.unwrap();
    assert_eq!(view.paused, None);
    assert_eq!(house.ended(run.id).await.0.status, RunStatus::Completed);
    boot.idle().await;
}

#[actix_rt::test]
async fn a_question_waits_through_a_crash_and_the_first_answer_wins() {
    let house = House::new();
    let boot = house.boot(settings(), None, plain);
    let (project, run) = asked(&house, &boot).await;
    let open = run.control.gate.clone().unwrap();
    assert_eq!((open.agent.as_str(), open.question.as_str()), ("two", "Is it good?"));
    assert_eq!(run.message, "Waits for an answer: Is it good?");
    boot.crash().await;

    let boot = house.boot(settings(), None, plain);
    boot.runs.queue().await.unwrap();
    let waits = house.run(run.id).await;
    assert_eq!((waits.status, waits.control.gate.as_ref()), (RunStatus::Waiting, Some(&open)));
    let answers = ["ada", "bob", "cyd", "dan"].map(|by| boot.runs.answer(run.id, by.to_owned(), yes()));
    let answers = futures_util::future::join_all(answers).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
    assert!(
        answers.iter().all(|answer| matches!(answer, Ok(RunStatus::Queued) | Err(RunsError::Refused(..))))
    );
    let (ended, _) = house.ended(run.id).await;
    assert_eq!(ended.status, RunStatus::Completed);
    let answer = ended.agents[1].answer.clone().unwrap();
    let winner = answers.iter().position(Result::is_ok).unwrap();
    assert_eq!((answer.approved, answer.signed.by.as_str()), (true, ["ada", "bob", "cyd", "dan"][winner]));
    let late = boot.runs.answer(run.id, "eve".to_owned(), yes()).await;
    assert_eq!(late, Err(RunsError::Refused(RunStatus::Completed, "is not waiting for an answer")));
    // What was approved is not asked about again.
    let again = boot.runs.retry(run.id, Some("four".to_owned()), "ada".to_owned(), None).await.unwrap();
    assert_eq!(house.ended(again.run.id).await.0.status, RunStatus::Completed);
    assert_eq!(house.engine.runs_of(project.id, 9).await.unwrap().len(), 2);
    boot.idle().await;
}

#[actix_rt::test]
async fn an_edit_replaces_the_file_for_those_who_come_after() {
    let house = House::new();
    let boot = house.boot(settings(), None, |agent, inputs, host| {
        if agent == "three" {
            assert_eq!(&**inputs.files.get("two.txt").unwrap(), b"better");
        }
        plain(agent, inputs, host)
    });
    let (_, run) = asked(&house, &boot).await;
    for (item, text) in [(Some("none.txt"), Some("x")), (Some("none.txt"), None)] {
        let verdict = GateVerdict::Approve { item: item.map(str::to_owned), text: text.map(str::to_owned) };
        let refused = boot.runs.answer(run.id, "ada".to_owned(), verdict).await;
        let Err(RunsError::Invalid(errors)) = refused else { panic!("{refused:?}") };
        assert_eq!(errors[0].message, "names no file of the agent; known: two.txt");
    }
    assert_eq!(house.run(run.id).await.status, RunStatus::Waiting);
    let verdict = GateVerdict::Approve { item: None, text: Some("better".to_owned()) };
    boot.runs.answer(run.id, "ada".to_owned(), verdict).await.unwrap();
    let (ended, _) = house.ended(run.id).await;
    assert_eq!(ended.status, RunStatus::Completed, "{:?}", ended.error);
    assert_eq!(ended.agents[1].answer.as_ref().unwrap().item.as_deref(), Some("two.txt"));
    let file = &ended.agents[1].output.as_ref().unwrap().files[0];
    assert_eq!((house.artifacts.blobs().read(&file.sha256).unwrap(), file.size), (b"better".to_vec(), 6));
    boot.idle().await;
}

#[actix_rt::test]
async fn a_no_fails_the_run_and_a_retry_begins_at_that_agent() {
    let house = House::new();
    let boot = house.boot(settings(), None, plain);
    let (_, run) = asked(&house, &boot).await;
    let no = GateVerdict::Reject { item: Some("two.txt".to_owned()), text: Some("too dark".to_owned()) };
    assert_eq!(boot.runs.answer(run.id, "ada".to_owned(), no).await, Ok(RunStatus::Failed));
    let (ended, completion) = house.ended(run.id).await;
    assert_eq!(completion.message, "Rejected by ada (two.txt): too dark");
    assert_eq!(ended.error.unwrap().agent.as_deref(), Some("two"));
    let again = boot.runs.retry(run.id, None, "ada".to_owned(), None).await.unwrap().run;
    let again = is_now(&house, again.id, RunStatus::Waiting).await;
    assert_eq!(again.agents[0].status, Some(AgentStatus::Reused));
    assert_eq!(again.agents[1].status, Some(AgentStatus::Completed));
    boot.runs.cancel(again.id, "ada".to_owned()).await.unwrap();
    boot.idle().await;
}

/// Brings a run into each state that is not terminal, cancels it there, and looks that nothing brings it back.
#[actix_rt::test]
async fn a_cancel_in_every_state_ends_the_run_for_good() {
    let states = [
        "queued",
        "running",
        "pausing",
        "paused in the queue",
        "paused",
        "waiting",
        "trying again",
        "cancelling",
    ];
    for state in states {
        let house = House::new();
        let gate = Gate::hold("three", false);
        let trying = state == "trying again";
        let careful = matches!(state, "waiting" | "trying again");
        let held = (!careful).then(|| gate.clone());
        let boot = house.boot(settings(), held, move |agent, inputs, host| match (agent, trying) {
            ("one", true) => {
                let class = FailureClass::RateLimited { retry_after_ms: Some(60_000) };
                Err(AgentError::passing(class, "come back later"))
            }
            _ => plain(agent, inputs, host),
        });
        let pipeline = if careful { CAREFUL.name } else { "scripted" };
        let project = house.project_of(pipeline, "x").await;
        if matches!(state, "queued" | "paused in the queue") {
            boot.runs.pause_queue(true, "ada".to_owned()).await.unwrap();
        }
        let run = boot.enqueue(&project).await.unwrap();
        let pause = async || boot.runs.pause(run.id, "ada".to_owned()).await.unwrap();
        match state {
            "queued" => {}
            "paused in the queue" => assert_eq!(pause().await, RunStatus::Paused),
            "waiting" => drop(is_now(&house, run.id, RunStatus::Waiting).await),
            "trying again" => {
                eventually("a failed try", async || house.run(run.id).await.agents[0].failed_tries == 1)
                    .await;
            }
            _ => gate.arrived(1).await,
        }
        match state {
            "pausing" => assert_eq!(pause().await, RunStatus::Pausing),
            "paused" => {
                pause().await;
                gate.open();
                is_now(&house, run.id, RunStatus::Paused).await;
            }
            "cancelling" => drop(boot.runs.cancel(run.id, "bob".to_owned()).await.unwrap()),
            _ => {}
        }
        let since = Instant::now();
        let answer = boot.runs.cancel(run.id, "ada".to_owned()).await.unwrap();
        assert!(since.elapsed() < Duration::from_millis(500), "{state}: {:?}", since.elapsed());
        assert!(answer.already.is_none() || state == "cancelling", "{state}");
        let (ended, _) = house.ended(run.id).await;
        assert!(since.elapsed() < Duration::from_secs(2), "{state}: {:?}", since.elapsed());
        assert_eq!(ended.status, RunStatus::Cancelled, "{state}");
        assert_eq!(ended.evidence.as_ref().unwrap().processes_left, 0);
        // Whatever comes now comes too late.
        gate.open();
        boot.runs.pause_queue(false, "ada".to_owned()).await.unwrap();
        assert!(boot.runs.resume(run.id, "ada".to_owned()).await.is_err(), "{state}");
        assert!(boot.runs.pause(run.id, "ada".to_owned()).await.is_err(), "{state}");
        assert!(boot.runs.answer(run.id, "ada".to_owned(), yes()).await.is_err(), "{state}");
        boot.idle().await;
        assert_eq!(house.run(run.id).await, ended, "{state}");
        house.check_log(&ended).await;
    }
}

#[actix_rt::test]
async fn a_replaced_run_may_rest() {
    let house = House::new();
    let boot = house.boot(settings(), None, plain);
    let (project, waits) = asked(&house, &boot).await;
    assert_eq!(boot.enqueue(&project).await, Err(RunsError::Active(waits.id)));
    let newer = boot.enqueue_as(&project, 0, OnConflict::Replace).await.unwrap();
    assert_eq!(house.ended(waits.id).await.0.status, RunStatus::Cancelled);
    is_now(&house, newer.id, RunStatus::Waiting).await;
    boot.runs.cancel(newer.id, "ada".to_owned()).await.unwrap();
    boot.idle().await;
}

#[actix_rt::test]
async fn whoever_waits_too_long_in_the_queue_is_told_so() {
    let house = House::new();
    let limits = RunsSettings { queue_timeout_ms: Some(100), ..one_at_a_time() };
    let boot = house.boot(limits, None, |_, _, host| until_stopped(host));
    let working = boot.enqueue(&house.project("x").await).await.unwrap();
    is_now(&house, working.id, RunStatus::Running).await;
    let waiting = boot.enqueue(&house.project("y").await).await.unwrap();
    let (ended, _) = house.ended(waiting.id).await;
    assert_eq!(ended.status, RunStatus::TimedOut);
    assert_eq!(ended.message, "the run was not admitted within 100 ms");
    assert_eq!(house.run(working.id).await.status, RunStatus::Running);
    boot.runs.cancel(working.id, "ada".to_owned()).await.unwrap();
    house.ended(working.id).await;
    boot.idle().await;
}
