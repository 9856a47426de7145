//! Agents of one run that work at once.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::domain::event::EventBody;
use crate::domain::run::{AgentStatus, Run, RunStatus};
use crate::pipelines::policy::FailureClass;
use crate::pipelines::{AgentError, AgentHost, AgentOutput};
use crate::runs::tests::{
    Boot, DIAMOND, Gate, House, NARROW, SHARED, eventually, plain, settings, until_stopped,
};

/// Counts who works, and lets nobody end before `together` have met.
#[derive(Default)]
struct Meeting {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Meeting {
    fn attend(&self, host: &dyn AgentHost, together: usize) -> Result<(), AgentError> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        while self.most.load(Ordering::SeqCst) < together {
            host.check()?;
            std::thread::park_timeout(Duration::from_millis(2));
        }
        Ok(())
    }

    fn leave(&self) {
        self.now.fetch_sub(1, Ordering::SeqCst);
    }
}

fn is_branch(agent: &str) -> bool {
    matches!(agent, "left" | "right")
}

async fn start(house: &House, boot: &Boot, pipeline: &str) -> Run {
    boot.enqueue(&house.project_of(pipeline, "x").await).await.unwrap()
}

async fn both_at_work(house: &House, run: &Run) {
    let at_work = |run: &Run| {
        run.agents[1..=2]
            .iter()
            .all(|agent| matches!(agent.status, Some(AgentStatus::Started | AgentStatus::Progress)))
    };
    eventually("both branches at work", async || at_work(&house.run(run.id).await)).await;
}

#[actix_rt::test]
async fn agents_that_do_not_need_each_other_work_at_once() {
    let house = House::new();
    let meeting = Arc::new(Meeting::default());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (met, saw) = (meeting.clone(), seen.clone());
    let boot = house.boot(settings(), None, move |agent, inputs, host| {
        let mut paths: Vec<String> = inputs.files.iter().map(|(path, _)| path.to_owned()).collect();
        paths.insert(0, agent.to_owned());
        saw.lock().unwrap().push(paths);
        if is_branch(agent) {
            met.attend(host, 2)?;
        }
        plain(agent, inputs, host)
    });
    let run = start(&house, &boot, DIAMOND.name).await;
    let (ended, _) = house.ended(run.id).await;
    assert_eq!((ended.status, ended.progress), (RunStatus::Completed, 100.0));
    let mut seen = seen.lock().unwrap().clone();
    seen[1..3].sort();
    let expected: [&[&str]; 4] = [
        &["top"],
        &["left", "top.txt"],
        &["right", "top.txt"],
        &["bottom", "left.txt", "right.txt", "top.txt"],
    ];
    assert_eq!(seen, expected, "each has the files of those it needs alone");
    // Each agent's own story is in order, whatever the others say between.
    for agent in ["top", "left", "right", "bottom"] {
        let log = house.log(run.project_id).await;
        let of_agent: Vec<AgentStatus> = log
            .iter()
            .filter_map(|(_, body)| match body {
                EventBody::AgentUpdate(update) if update.agent == agent => Some(update.status),
                _ => None,
            })
            .collect();
        assert_eq!(of_agent.first(), Some(&AgentStatus::Started), "{agent}");
        assert_eq!(of_agent.last(), Some(&AgentStatus::Completed), "{agent}");
        assert_eq!(of_agent.iter().filter(|status| **status == AgentStatus::Started).count(), 1);
    }
    boot.idle().await;
}

#[actix_rt::test]
async fn no_more_work_at_once_than_may() {
    for pipeline in [NARROW.name, SHARED.name] {
        let house = House::new();
        let meeting = Arc::new(Meeting::default());
        let met = meeting.clone();
        let boot = house.boot(settings(), None, move |agent, inputs, host| {
            met.attend(host, 1)?;
            // Long enough for another one to come in beside it, if it may.
            std::thread::park_timeout(Duration::from_millis(100));
            let made = plain(agent, inputs, host);
            met.leave();
            made
        });
        let run = start(&house, &boot, pipeline).await;
        assert_eq!(house.ended(run.id).await.0.status, RunStatus::Completed);
        assert_eq!(meeting.most.load(Ordering::SeqCst), 1, "{pipeline}");
        boot.idle().await;
    }
}

#[actix_rt::test]
async fn a_cancel_stops_all_that_work() {
    let house = House::new();
    let boot = house.boot(settings(), None, |agent, inputs, host| {
        if is_branch(agent) { until_stopped(host) } else { plain(agent, inputs, host) }
    });
    let run = start(&house, &boot, DIAMOND.name).await;
    // The silence of `left` is not to end it before.
    both_at_work(&house, &run).await;
    boot.runs.cancel(run.id, "ada".to_owned()).await.unwrap();
    let (ended, completion) = house.ended(run.id).await;
    assert_eq!(ended.status, RunStatus::Cancelled);
    assert!(completion.message.starts_with("Cancelled: 0 processes ended"), "{}", completion.message);
    let skipped = Some(AgentStatus::Skipped);
    assert_eq!(
        (ended.agents[1].status, ended.agents[2].status, ended.agents[3].status),
        (skipped, skipped, None)
    );
    boot.idle().await;
}

#[actix_rt::test]
async fn an_agent_that_fails_stops_the_others_and_a_retry_begins_where_output_is_missing() {
    let house = House::new();
    let gate = Gate::hold("right", true);
    let broken = Arc::new(AtomicUsize::new(1));
    let breaks = broken.clone();
    let boot = house.boot(settings(), Some(gate.clone()), move |agent, inputs, host| {
        if agent == "left" && breaks.load(Ordering::SeqCst) == 1 {
            return Err(AgentError::failed("it is so"));
        }
        plain(agent, inputs, host)
    });
    let run = start(&house, &boot, DIAMOND.name).await;
    let (ended, _) = house.ended(run.id).await;
    let error = ended.error.clone().unwrap();
    assert_eq!((ended.status, error.agent.as_deref()), (RunStatus::Failed, Some("left")));
    assert_eq!(ended.agents[1].status, Some(AgentStatus::Failed));
    assert_ne!(ended.agents[2].status, Some(AgentStatus::Started), "{:?}", ended.agents[2]);
    boot.idle().await;
    // Now the other branch comes to its end first, and is kept.
    gate.open();
    broken.store(0, Ordering::SeqCst);
    let again = boot.runs.retry(run.id, None, "ada".to_owned(), None).await.unwrap().run;
    let (again, _) = house.ended(again.id).await;
    assert_eq!((again.status, again.agents[0].status), (RunStatus::Completed, Some(AgentStatus::Reused)));
    let left = boot.runs.retry(again.id, Some("left".to_owned()), "ada".to_owned(), None).await.unwrap().run;
    let (left, _) = house.ended(left.id).await;
    let statuses: Vec<AgentStatus> = left.agents.iter().map(|agent| agent.status.unwrap()).collect();
    let (reused, made) = (AgentStatus::Reused, AgentStatus::Completed);
    // The same inputs give the same file, so what builds on it need not be made again either, but was asked for.
    assert_eq!(statuses, [reused, made, reused, made]);
    boot.idle().await;
}

#[actix_rt::test]
async fn one_is_tried_again_while_another_works_on() {
    for class in [FailureClass::Transient, FailureClass::TimedOut] {
        let house = House::new();
        let gate = Gate::hold("right", true);
        let tries = Arc::new(AtomicUsize::new(0));
        let tried = tries.clone();
        let boot = house.boot(settings(), Some(gate.clone()), move |agent, inputs, host| {
            if agent == "left" && tried.fetch_add(1, Ordering::SeqCst) == 0 {
                return match class {
                    // It says nothing until it has reached its limit.
                    FailureClass::TimedOut => until_stopped(host),
                    class => Err(AgentError::passing(class, "not now")),
                };
            }
            plain(agent, inputs, host)
        });
        let run = start(&house, &boot, DIAMOND.name).await;
        gate.arrived(1).await;
        let left_is_done = async || house.run(run.id).await.agents[1].status == Some(AgentStatus::Completed);
        eventually("the second try", left_is_done).await;
        let now = house.run(run.id).await;
        assert_eq!((now.status, now.agents[1].failed_tries), (RunStatus::Running, 1), "{class:?}");
        assert_eq!(now.agents[2].status.map(AgentStatus::is_ended), Some(false), "it was left alone");
        gate.open();
        let (ended, _) = house.ended(run.id).await;
        assert_eq!((ended.status, tries.load(Ordering::SeqCst)), (RunStatus::Completed, 2));
        boot.idle().await;
    }
}

#[actix_rt::test]
async fn a_pause_waits_for_all_that_work() {
    let house = House::new();
    let gate = Gate::hold("right", true);
    let boot = house.boot(settings(), Some(gate.clone()), plain);
    let run = start(&house, &boot, DIAMOND.name).await;
    gate.arrived(1).await;
    boot.runs.pause(run.id, "ada".to_owned()).await.unwrap();
    let left_is_done = async || house.run(run.id).await.agents[1].output.is_some();
    eventually("the end of the other one", left_is_done).await;
    assert_eq!(house.run(run.id).await.status, RunStatus::Pausing);
    gate.open();
    eventually("the pause", async || house.run(run.id).await.status == RunStatus::Paused).await;
    let paused = house.run(run.id).await;
    assert!(paused.agents[2].output.is_some() && paused.agents[3].status.is_none(), "{paused:?}");
    boot.runs.resume(run.id, "ada".to_owned()).await.unwrap();
    assert_eq!(house.ended(run.id).await.0.status, RunStatus::Completed);
    boot.idle().await;
}

#[actix_rt::test]
async fn after_a_crash_every_agent_goes_on_whose_output_is_missing() {
    for hold in ["left", "right"] {
        let house = House::new();
        let gate = Gate::hold(hold, false);
        let boot = house.boot(settings(), Some(gate.clone()), plain);
        let run = start(&house, &boot, DIAMOND.name).await;
        gate.arrived(1).await;
        let other = if hold == "left" { 2 } else { 1 };
        eventually("the other one", async || house.run(run.id).await.agents[other].output.is_some()).await;
        let before = house.run(run.id).await;
        boot.crash().await;
        let worked = Arc::new(Mutex::new(Vec::new()));
        let works = worked.clone();
        let boot = house.boot(settings(), None, move |agent, inputs, host| {
            works.lock().unwrap().push(agent.to_owned());
            plain(agent, inputs, host)
        });
        let (ended, _) = house.ended(run.id).await;
        assert_eq!((ended.status, ended.crash_attempts), (RunStatus::Completed, 1));
        assert_eq!(*worked.lock().unwrap(), [hold, "bottom"]);
        assert_eq!((&ended.agents[0], &ended.agents[other]), (&before.agents[0], &before.agents[other]));
        boot.idle().await;
        gate.open();
    }
    // And with both at work.
    let house = House::new();
    let boot = house.boot(settings(), None, |agent, inputs, host| match is_branch(agent) {
        true => Ok::<AgentOutput, AgentError>(until_stopped(host)?),
        false => plain(agent, inputs, host),
    });
    let run = start(&house, &boot, DIAMOND.name).await;
    both_at_work(&house, &run).await;
    boot.crash().await;
    let boot = house.boot(settings(), None, plain);
    assert_eq!(house.ended(run.id).await.0.status, RunStatus::Completed);
    boot.idle().await;
}

#[actix_rt::test]
async fn a_run_pauses_once_all_that_work_have_rested() {
    for taken_back in [false, true] {
        let house = House::new();
        let (let_on, went_on) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(BTreeSet::new())));
        let (may, went) = (let_on.clone(), went_on.clone());
        let boot = house.boot(settings(), None, move |agent, inputs, host| {
            let state = || agent.as_bytes().to_vec();
            match host.kept() {
                Some(kept) => drop(went.lock().unwrap().insert(kept)),
                // Rests as soon as it is to.
                None if agent == "left" => loop {
                    host.check()?;
                    // One that is silent for long is tried again.
                    host.progress(1.0, "");
                    host.safe_point(&state)?;
                    std::thread::park_timeout(Duration::from_millis(2));
                },
                None if agent == "right" => {
                    while !may.load(Ordering::SeqCst) {
                        host.check()?;
                        std::thread::park_timeout(Duration::from_millis(2));
                    }
                    host.safe_point(&state)?;
                }
                None => {}
            }
            plain(agent, inputs, host)
        });
        let run = start(&house, &boot, DIAMOND.name).await;
        both_at_work(&house, &run).await;
        boot.runs.pause(run.id, "ada".to_owned()).await.unwrap();
        let threads = async || boot.runs.snapshot().await.unwrap().agent_threads;
        eventually("one to rest", async || threads().await == 1).await;
        assert_eq!(house.run(run.id).await.status, RunStatus::Pausing);
        let mut expected = BTreeSet::from([b"left".to_vec()]);
        if taken_back {
            boot.runs.resume(run.id, "ada".to_owned()).await.unwrap();
            let_on.store(true, Ordering::SeqCst);
        } else {
            let_on.store(true, Ordering::SeqCst);
            let is_paused = async || house.run(run.id).await.status == RunStatus::Paused;
            eventually("the pause", is_paused).await;
            boot.runs.resume(run.id, "ada".to_owned()).await.unwrap();
            expected.insert(b"right".to_vec());
        }
        assert_eq!(house.ended(run.id).await.0.status, RunStatus::Completed);
        assert_eq!(*went_on.lock().unwrap(), expected, "taken back: {taken_back}");
        boot.idle().await;
    }
}
