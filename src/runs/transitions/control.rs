//! Pauses, gates and everything else that sends a run back to wait.

use crate::domain::control::{GateAnswer, OpenGate, Signed};
use crate::domain::event::RunError;
use crate::domain::run::{AgentManifest, AgentStatus, Run, RunStatus};
use crate::domain::time::Timestamp;
use crate::pipelines::policy::Gate;
use crate::runs::recovery;
use crate::runs::transitions::{Transition, seconds};

/// The server goes down in good order: the run waits for the next start.
pub(crate) fn checkpointed(run: &Run, now: Timestamp) -> Transition {
    let mut change = back_to_queue(run, now);
    change.say_status("Waits for the restart of the server", None);
    change
}

/// The boot that worked on the run is gone, and it may be tried again.
pub(crate) fn interrupted(run: &Run, at: Option<&str>, now: Timestamp) -> Transition {
    let mut change = back_to_queue(run, now);
    change.run.crash_attempts += 1;
    let attempt = change.run.crash_attempts + 1;
    let place = at.map(|agent| format!(" at {agent} agent")).unwrap_or_default();
    change.say_status(format!("Interrupted by a restart{place}; queued for attempt {attempt}"), None);
    change
}

/// An agent that failed will be tried again after a pause.
pub(crate) fn agent_retried(
    run: &Run,
    index: usize,
    why: &str,
    (pause_ms, until): (u64, Timestamp),
    retries_max: u32,
) -> Transition {
    let mut change = Transition::of(run);
    let record = &mut change.run.agents[index];
    record.failed_tries += 1;
    record.retry_at = Some(until);
    record.status = Some(AgentStatus::Progress);
    let next = record.failed_tries + 1;
    let (pause, of) = (seconds(pause_ms), retries_max + 1);
    let message = format!("{why}; trying again in {pause} (try {next} of {of})");
    change.say_agent(index, message.clone(), 0.0);
    let message = match run.status {
        RunStatus::Pausing => run.message.clone(),
        _ => format!("{} agent: {message}", run.agents[index].agent),
    };
    change.say_status(message, None);
    change
}

/// A person wants the run to pause: it will after the agents that work.
pub(crate) fn pausing(run: &Run, by: &str, now: Timestamp) -> Transition {
    let mut change = Transition::of(run);
    change.run.status = RunStatus::Pausing;
    change.run.control.paused = Some(Signed { by: by.to_owned(), at: now });
    let names: Vec<&str> = recovery::all_at_work(run).map(|index| run.agents[index].agent.as_str()).collect();
    let when = match names.len() {
        0 => String::new(),
        1 => format!(" after {} agent", names[0]),
        _ => format!(" after {} agents", names.join(", ")),
    };
    change.say_status(format!("Will pause{when}, asked by {by}"), None);
    change
}

/// The pause is not wanted any more, and has not begun.
pub(crate) fn pause_withdrawn(run: &Run, by: &str) -> Transition {
    let mut change = Transition::of(run);
    change.run.status = RunStatus::Running;
    change.run.control.paused = None;
    change.say_status(format!("Goes on, asked by {by}"), None);
    change
}

/// The run is paused: nothing works, and its clocks stand.
pub(crate) fn paused(run: &Run, now: Timestamp) -> Transition {
    let mut change = Transition::of(run);
    change.run.status = RunStatus::Paused;
    change.run.lease = None;
    if run.started_at.is_some() {
        change.run.control.halt(now);
    }
    let by = run.control.paused.as_ref().map(|paused| format!(" by {}", paused.by)).unwrap_or_default();
    change.say_status(format!("Paused{by}"), None);
    change
}

/// A run that waits is paused at once.
pub(crate) fn paused_in_queue(run: &Run, by: &str, now: Timestamp) -> Transition {
    let mut wanted = run.clone();
    wanted.control.paused = Some(Signed { by: by.to_owned(), at: now });
    paused(&wanted, now)
}

/// A paused run goes on as soon as it is its turn.
pub(crate) fn resumed(run: &Run, by: &str, now: Timestamp) -> Transition {
    let mut change = back_to_queue(run, now);
    change.run.control.paused = None;
    change.say_status(format!("Resumed by {by}; waits for its turn"), None);
    change
}

/// A person is asked about what an agent made; meanwhile nothing works, and the clocks stand.
pub(crate) fn waiting(run: &Run, index: usize, gate: &Gate, now: Timestamp) -> Transition {
    let mut change = Transition::of(run);
    change.run.status = RunStatus::Waiting;
    change.run.lease = None;
    change.run.control.halt(now);
    change.run.control.gate = Some(OpenGate {
        agent: run.agents[index].agent.clone(),
        question: gate.question.clone().into_owned(),
        since: now,
        expires_at: gate.timeout_ms.map(|timeout_ms| now.plus_ms(timeout_ms)),
    });
    change.say_status(format!("Waits for an answer: {}", gate.question), None);
    change
}

/// A person said yes, perhaps after changing a file: `edited` is what the agent's output is now.
pub(crate) fn approved(
    run: &Run,
    index: usize,
    answer: GateAnswer,
    edited: Option<AgentManifest>,
    now: Timestamp,
) -> Transition {
    let mut change = back_to_queue(run, now);
    change.run.control.gate = None;
    let mut message = format!("Approved by {}", answer.signed.by);
    if let (Some(output), Some(item)) = (edited, &answer.item) {
        message.push_str(&format!(" with changes to {item}"));
        change.run.agents[index].output = Some(output);
        change.say_files(index);
    }
    change.run.agents[index].answer = Some(answer);
    change.say_status(format!("{message}; waits for its turn"), None);
    change
}

/// A person said no: the run has failed, and can be tried again from that agent.
pub(crate) fn rejected(run: &Run, index: usize, answer: GateAnswer, now: Timestamp) -> Transition {
    let mut change = Transition::of(run);
    let item = answer.item.as_deref().map(|item| format!(" ({item})")).unwrap_or_default();
    let reason = answer.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let message = format!("Rejected by {}{item}{reason}", answer.signed.by);
    change.run.error = Some(RunError {
        agent: Some(run.agents[index].agent.clone()),
        message: message.clone(),
        file: answer.item.clone(),
        line: None,
    });
    change.run.agents[index].answer = Some(answer);
    change.end(RunStatus::Failed, message, now)
}

fn back_to_queue(run: &Run, now: Timestamp) -> Transition {
    let mut change = Transition::of(run);
    change.run.status = RunStatus::Queued;
    change.run.lease = None;
    change.run.control.queued_at = Some(now);
    change
}
