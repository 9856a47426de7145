//! Each change is allowed, and says what it does.

use super::*;
use crate::domain::event::{Evidence, RunError};
use crate::domain::fold::RoomState;
use crate::runs::fixtures::run;

fn manifest() -> AgentManifest {
    let file = |path: &str| ManifestFile { path: path.to_owned(), sha256: "ab".to_owned(), size: 2 };
    AgentManifest { key: "k".to_owned(), files: vec![file("a b.js"), file("c.json")] }
}

fn done(index: usize) -> AgentDone {
    AgentDone {
        shortfall: None,
        index,
        output: manifest(),
        summary: "two files".to_owned(),
        took_ms: 450,
        progress: 33.0,
        eta: None,
        skipped: false,
    }
}

fn running_run() -> Run {
    let run = starting(&run(), "boot").run;
    agent_started(&running(&run, Some(0), None, Timestamp(1_000)).run, 0, Timestamp(1_000)).run
}

/// Every transition: the change is allowed, and the fold of its events is what the run says of itself.
fn check(before: &Run, change: &Transition) {
    assert!(before.status.may_become(change.run.status), "{:?} -> {:?}", before.status, change.run.status);
    let mut state = RoomState::default();
    for body in queued(before).iter().chain(&change.events) {
        state.apply(Some(before.id), Timestamp(0), body);
    }
    assert_eq!(state.status, Some(change.run.status));
    assert_eq!(state.message, change.run.message);
    assert_eq!(state.progress, change.run.progress.max(before.progress));
    let completions = change.events.iter().filter(|event| matches!(event, EventBody::Completion(_))).count();
    assert_eq!(completions == 1, change.run.status.is_terminal());
    assert_eq!(completions == 1, change.run.ended_at.is_some());
}

#[test]
fn every_transition_is_allowed_and_says_what_it_does() {
    let now = Timestamp(1_400);
    let queued = run();
    let starting = starting(&queued, "boot");
    check(&queued, &starting);
    check(&queued, &cancelled_at_rest(&queued, "ada", now));
    check(&starting.run, &running(&starting.run, Some(0), None, now));
    check(&starting.run, &interrupted(&starting.run, None, Timestamp(900)));
    let run = running_run();
    let error =
        RunError { agent: Some("first".to_owned()), message: "no".to_owned(), file: None, line: None };
    let cancelling = cancelling(&run, "ada", now);
    for change in [
        agent_progress(&run, 0, (10.0, "half".to_owned()), (5.0, None)),
        agent_completed(&run, done(0)),
        reused(&run, &[0, 1], 50.0, None),
        completed(&run, now),
        failed(&run, Some(0), error, now),
        timed_out(&run, Some(0), "too long".to_owned(), now),
        checkpointed(&run, Timestamp(900)),
        interrupted(&run, Some("first"), Timestamp(900)),
        cancelling.clone(),
    ] {
        check(&run, &change);
    }
    check(&cancelling.run, &cancelled(&cancelling.run, &stopped(true, 1, &[]), now));
}

#[test]
fn a_completed_agent_announces_its_files_and_its_time() {
    let change = agent_completed(&running_run(), done(0));
    let [EventBody::Artifact(first), EventBody::Artifact(_), EventBody::AgentUpdate(agent), ..] =
        &change.events[..]
    else {
        unreachable!("{:?}", change.events)
    };
    assert_eq!(first.url, format!("/api/projects/{}/files/a%20b.js", change.run.project_id));
    assert_eq!(first.media_type, "text/javascript; charset=utf-8");
    assert_eq!(agent.message, "Completed first agent in 0.4s");
    assert_eq!((agent.index, agent.total, agent.duration_ms), (1, 3, Some(450)));
}

#[test]
fn a_resumed_run_says_where_and_which_attempt() {
    let again = interrupted(&running_run(), Some("first"), Timestamp(900)).run;
    let change = running(&starting(&again, "next").run, Some(0), None, Timestamp(9_000));
    assert_eq!(change.run.message, "Resumed after a restart at first agent (attempt 2)");
    assert_eq!(change.run.started_at, Some(Timestamp(1_000)));
}

#[test]
fn an_interrupted_run_that_is_cancelled_while_it_waits_has_no_agent_at_work() {
    for waiting in [
        interrupted(&running_run(), Some("first"), Timestamp(900)),
        checkpointed(&running_run(), Timestamp(900)),
    ] {
        let change = cancelled_at_rest(&waiting.run, "ada", Timestamp(5_000));
        check(&waiting.run, &change);
        assert_eq!(change.run.agents[0].status, Some(AgentStatus::Skipped));
    }
}

#[test]
fn a_cancel_leaves_evidence_and_no_agent_at_work() {
    let cancelling = cancelling(&running_run(), "ada", Timestamp(2_000)).run;
    let change = cancelled(&cancelling, &stopped(true, 2, &[77]), Timestamp(12_000));
    let Some(EventBody::Completion(completion)) = change.events.last() else { unreachable!() };
    assert_eq!(
        completion.evidence,
        Some(Evidence { processes_ended: 2, processes_left: 1, took_ms: 10_000 })
    );
    assert_eq!(
        completion.message,
        "Cancelled by force: first agent did not stop within 10.0s and was left behind; 2 processes ended, 1 left; \
         could not stop: process 77"
    );
    let quiet = cancelled(&cancelling, &stopped(false, 1, &[]), Timestamp(3_300));
    assert_eq!(quiet.run.message, "Cancelled: 1 process ended, 0 left, 1.3s");
    assert!(change.run.agents.iter().all(|agent| agent.status.is_none_or(AgentStatus::is_ended)));
}

fn stopped(left_behind: bool, processes_ended: u32, processes_left: &[u32]) -> Stopped {
    Stopped {
        agent: Some(0),
        left_behind,
        processes_ended,
        processes_left: processes_left.to_vec(),
        processes_unseen: 0,
    }
}
