//! How a run ends before everything is made.

use crate::domain::control::OutsideWorker;
use crate::domain::event::{Evidence, RunError};
use crate::domain::run::{AgentStatus, Run, RunStatus};
use crate::domain::time::Timestamp;
use crate::runs::recovery;
use crate::runs::transitions::{Transition, seconds};

/// The run cannot go on: an agent (its place) or the house could not do its work.
pub(crate) fn failed(run: &Run, agent: Option<usize>, error: RunError, now: Timestamp) -> Transition {
    let mut change = Transition::of(run);
    let message = match &error.agent {
        Some(agent) => format!("Failed at {agent} agent: {}", error.message),
        None => format!("Failed: {}", error.message),
    };
    if let Some(index) = agent {
        let record = &mut change.run.agents[index];
        record.status = Some(AgentStatus::Failed);
        record.duration_ms = record.started_at.map(|started| now.since(started));
        change.say_agent(index, error.message.clone(), 0.0);
    }
    change.stop_others(now);
    change.run.error = Some(error);
    change.end(RunStatus::Failed, message, now)
}

/// A time limit was reached, of the agent at work or of the whole run.
pub(crate) fn timed_out(run: &Run, agent: Option<usize>, message: String, now: Timestamp) -> Transition {
    let mut change = Transition::of(run);
    change.run.error = Some(RunError {
        agent: agent.map(|index| run.agents[index].agent.clone()),
        message: message.clone(),
        file: None,
        line: None,
    });
    change.stop_agent(agent, AgentStatus::Failed, "Timed out:", now);
    change.stop_others(now);
    change.end(RunStatus::TimedOut, message, now)
}

/// The worker outside that drives the run was not heard for as long as it may be silent.
pub(crate) fn worker_lost(run: &Run, worker: &OutsideWorker, now: Timestamp) -> Transition {
    let mut change = Transition::of(run);
    let silence = match worker.lease_ms {
        whole if whole % 1_000 == 0 => format!("{} s", whole / 1_000),
        odd => format!("{odd} ms"),
    };
    let message = format!("worker {} was not heard for {silence}", worker.producer);
    let agent = recovery::at_work(run).map(|index| run.agents[index].agent.clone());
    change.run.error = Some(RunError { agent, message: message.clone(), file: None, line: None });
    for index in recovery::all_at_work(run) {
        change.stop_agent(Some(index), AgentStatus::Failed, "Lost:", now);
    }
    change.end(RunStatus::Failed, format!("Failed: {message}"), now)
}

/// A cancel of a run that a worker outside drives: it ends at once, and the worker hears of it when it next publishes.
/// Two changes, for a run that works is cancelled in two steps.
pub(crate) fn worker_cancelled(run: &Run, by: &str, now: Timestamp) -> [Transition; 2] {
    let first = cancelling(run, by, now);
    let next = Run { version: run.version + 1, ..first.run.clone() };
    let stopped = Stopped { agent: recovery::at_work(&next), ..Stopped::default() };
    [first, cancelled(&next, &stopped, now)]
}

/// A cancel was accepted and is being carried out.
pub(crate) fn cancelling(run: &Run, by: &str, now: Timestamp) -> Transition {
    let mut change = Transition::of(run);
    change.run.status = RunStatus::Cancelling;
    change.run.cancel_requested_at = Some(now);
    change.say_status(format!("Cancelling, asked by {by}"), None);
    change
}

/// What a cancel found and did.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stopped {
    /// The agent that was at work.
    pub(crate) agent: Option<usize>,
    /// Whether it did not stop in time.
    pub(crate) left_behind: bool,
    /// Child processes that ended.
    pub(crate) processes_ended: u32,
    /// Ids of process groups that could not be ended.
    pub(crate) processes_left: Vec<u32>,
    /// Processes that could not be ended and of which only the number is known.
    pub(crate) processes_unseen: u32,
}

/// A cancel was carried out.
pub(crate) fn cancelled(run: &Run, stopped: &Stopped, now: Timestamp) -> Transition {
    let mut change = Transition::of(run);
    let since = run.cancel_requested_at.unwrap_or(now);
    let (ended, named) = (stopped.processes_ended, stopped.processes_left.len());
    let left = u32::try_from(named).unwrap_or(u32::MAX).saturating_add(stopped.processes_unseen);
    let took_ms = now.since(since);
    change.run.cancel_requested_at = Some(since);
    change.run.evidence = Some(Evidence { processes_ended: ended, processes_left: left, took_ms });
    change.stop_others(now);
    let processes = if ended == 1 { "process" } else { "processes" };
    let took = seconds(took_ms);
    let mut message = match stopped.agent.filter(|_| stopped.left_behind) {
        Some(index) => format!(
            "Cancelled by force: {} agent did not stop within {took} and was left behind; {ended} {processes} ended, \
             {left} left",
            run.agents[index].agent
        ),
        None => format!("Cancelled: {ended} {processes} ended, {left} left, {took}"),
    };
    if named > 0 {
        let groups: Vec<String> = stopped.processes_left.iter().map(u32::to_string).collect();
        message.push_str(&format!("; could not stop: process {}", groups.join(", ")));
    }
    change.end(RunStatus::Cancelled, message, now)
}

/// A cancel of a run on which nothing works: it ends at once.
pub(crate) fn cancelled_at_rest(run: &Run, by: &str, now: Timestamp) -> Transition {
    let mut change = Transition::of(run);
    change.run.cancel_requested_at = Some(now);
    change.run.evidence = Some(Evidence { processes_ended: 0, processes_left: 0, took_ms: 0 });
    // A run that was interrupted waits as well, and one of its agents has begun.
    change.stop_others(now);
    let place = match run.status {
        RunStatus::Paused => "while it was paused",
        RunStatus::Waiting => "while it waited for an answer",
        _ => "in the queue",
    };
    change.end(RunStatus::Cancelled, format!("Cancelled {place} by {by}"), now)
}

/// Nobody answered at a gate in time, or the run was not admitted in time.
pub(crate) fn waited_in_vain(run: &Run, message: String, now: Timestamp) -> Transition {
    let agent = recovery::at_work(run);
    timed_out(run, agent, message, now)
}
