//! Agents that fail and are tried again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::clock::{Clock, SystemClock};
use crate::domain::run::{AgentStatus, RunStatus};
use crate::pipelines::policy::FailureClass;
use crate::pipelines::{AgentError, AgentOutput};
use crate::runs::GateVerdict;
use crate::runs::tests::{CAREFUL, House, eventually, plain, settings, until_stopped};

/// Whether agent `three` comes to its end when its first `failures` tries fail like that.
async fn tried(
    failures: usize,
    fail: impl Fn(&dyn crate::pipelines::AgentHost) -> Result<AgentOutput, AgentError> + Send + Sync + 'static,
) -> (crate::domain::run::Run, usize) {
    let house = House::new();
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = tries.clone();
    let boot = house.boot(settings(), None, move |agent, inputs, host| {
        if agent == "three" && counted.fetch_add(1, Ordering::SeqCst) < failures {
            return fail(host);
        }
        plain(agent, inputs, host)
    });
    let run = boot.enqueue(&house.project_of(CAREFUL.name, "x").await).await.unwrap();
    eventually("the question", async || house.run(run.id).await.status == RunStatus::Waiting).await;
    let yes = GateVerdict::Approve { item: None, text: None };
    boot.runs.answer(run.id, "ada".to_owned(), yes).await.unwrap();
    let (run, _) = house.ended(run.id).await;
    boot.idle().await;
    (run, tries.load(Ordering::SeqCst))
}

#[actix_rt::test]
async fn what_passes_is_tried_again_as_often_as_its_class_says() {
    let transient = || AgentError::passing(FailureClass::Transient, "the line is bad");
    let limited = || {
        let class = FailureClass::RateLimited { retry_after_ms: Some(20) };
        AgentError::passing(class, "too many requests")
    };
    let (run, tries) = tried(2, move |_| Err(transient())).await;
    assert_eq!((run.status, tries, run.agents[2].failed_tries), (RunStatus::Completed, 3, 2));
    let (run, tries) = tried(3, move |_| Err(transient())).await;
    assert_eq!((run.status, tries), (RunStatus::Failed, 3));
    let error = run.error.unwrap();
    assert_eq!((error.agent.as_deref(), error.message.as_str()), (Some("three"), "the line is bad"));
    assert_eq!(run.agents[2].status, Some(AgentStatus::Failed));
    let (run, tries) = tried(1, move |_| Err(limited())).await;
    assert_eq!((run.status, tries), (RunStatus::Completed, 2));
    let (run, tries) = tried(2, move |_| Err(limited())).await;
    assert_eq!((run.status, tries), (RunStatus::Failed, 2));
    let (run, tries) = tried(1, |_| Err(AgentError::failed("it is so"))).await;
    assert_eq!((run.status, tries), (RunStatus::Failed, 1));
}

#[actix_rt::test]
async fn an_agent_that_says_nothing_is_stopped_and_tried_again() {
    let (run, tries) = tried(1, until_stopped).await;
    assert_eq!((run.status, tries), (RunStatus::Completed, 2), "{:?}", run.error);
    let (run, tries) = tried(2, until_stopped).await;
    assert_eq!((run.status, tries), (RunStatus::TimedOut, 2));
    assert_eq!(run.error.unwrap().message, "three agent said nothing for 300 ms");
    // One that talks is left alone for longer than that.
    let (run, tries) = tried(1, |host| {
        for _ in 0..20 {
            host.progress(1.0, "");
            std::thread::park_timeout(Duration::from_millis(30));
        }
        Ok(AgentOutput::default())
    })
    .await;
    assert_eq!((run.status, tries), (RunStatus::Completed, 1), "{:?}", run.error);
}

#[actix_rt::test]
async fn a_crash_between_two_tries_waits_the_pause_out_and_forgets_no_try() {
    let house = House::new();
    let late = || {
        let class = FailureClass::RateLimited { retry_after_ms: Some(3_000) };
        AgentError::passing(class, "come back later")
    };
    let boot = house.boot(settings(), None, move |_, _, _| Err(late()));
    let project = house.project_of(CAREFUL.name, "x").await;
    let run = boot.enqueue(&project).await.unwrap();
    eventually("a failed try", async || house.run(run.id).await.agents[0].failed_tries == 1).await;
    let waits = house.run(run.id).await;
    assert_eq!(waits.status, RunStatus::Running);
    assert!(
        waits.message.contains("come back later; trying again in 3.0s (try 2 of 2)"),
        "{}",
        waits.message
    );
    let retry_at = waits.agents[0].retry_at.unwrap();
    boot.crash().await;
    let tried_at = Arc::new(Mutex::new(Vec::new()));
    let noted = tried_at.clone();
    let boot = house.boot(settings(), None, move |_, _, _| {
        noted.lock().unwrap().push(SystemClock.now());
        Err(late())
    });
    // A person may pause the run in the pause, which makes it no shorter.
    let says = "Resumed after a restart; one agent is tried again in ";
    eventually("the run works again", async || house.run(run.id).await.message.starts_with(says)).await;
    boot.runs.pause(run.id, "ada".to_owned()).await.unwrap();
    eventually("the pause", async || house.run(run.id).await.status == RunStatus::Paused).await;
    boot.runs.resume(run.id, "ada".to_owned()).await.unwrap();
    let (run, _) = house.ended(run.id).await;
    assert_eq!((run.status, run.crash_attempts, run.agents[0].failed_tries), (RunStatus::Failed, 1, 1));
    let tried_at = tried_at.lock().unwrap().clone();
    assert!(tried_at.len() == 1 && tried_at[0] >= retry_at, "{tried_at:?}, not before {retry_at}");
    boot.idle().await;
}

#[actix_rt::test]
async fn a_pause_between_two_tries_comes_at_once() {
    let house = House::new();
    let class = FailureClass::RateLimited { retry_after_ms: Some(60_000) };
    let boot = house.boot(settings(), None, move |_, _, _| Err(AgentError::passing(class, "later")));
    let run = boot.enqueue(&house.project_of(CAREFUL.name, "x").await).await.unwrap();
    eventually("a failed try", async || house.run(run.id).await.agents[0].failed_tries == 1).await;
    boot.runs.pause(run.id, "ada".to_owned()).await.unwrap();
    eventually("the pause", async || house.run(run.id).await.status == RunStatus::Paused).await;
    boot.runs.cancel(run.id, "ada".to_owned()).await.unwrap();
    let (run, _) = house.ended(run.id).await;
    assert_eq!(run.message, "Cancelled while it was paused by ada");
    boot.idle().await;
}
