//! Runs that a worker outside drives: what it publishes is their record, and a lease says how long it may be silent. No
//! actor works on such a run and it takes no place of those that do. Pure, but for the clock that is handed in.

use std::ops::RangeInclusive;

use crate::domain::control::{OutsideWorker, RunControl};
use crate::domain::event::EventBody;
use crate::domain::ids::RunId;
use crate::domain::run::{AgentStatus, Project, Run, RunAgent, RunStatus};
use crate::domain::time::Timestamp;
use crate::runs::progress::UNFINISHED_MAX;
use crate::runs::queue::fresh_run_id;

/// How long a worker may be silent, in milliseconds.
pub const LEASE_MS: RangeInclusive<u64> = 1_000..=3_600_000;
/// Agents of a run that a worker drives.
pub const AGENTS_MAX: usize = 200;

/// A run that a worker begins.
pub fn begun(project: &Project, newest: Option<RunId>, worker: OutsideWorker, now: Timestamp) -> Run {
    Run {
        status: RunStatus::Running,
        message: String::new(),
        started_at: Some(now),
        control: RunControl { worker: Some(worker), ..RunControl::default() },
        brief: project.brief.clone(),
        params: project.params.clone(),
        ..Run::new(fresh_run_id(newest), project.id, project.pipeline.clone(), now)
    }
}

/// The worker says something of its run: the record follows, and numbers of agents are those of the record.
///
/// # Errors
/// When there would be too many agents.
pub fn said(run: &mut Run, body: &mut EventBody, now: Timestamp) -> Result<(), String> {
    match body {
        EventBody::StatusUpdate(update) => {
            // Never falls, and 100 is said by the end alone, whatever the worker counts.
            run.progress = run.progress.max(update.progress.min(UNFINISHED_MAX));
            update.progress = run.progress;
            run.message.clone_from(&update.message);
        }
        EventBody::AgentUpdate(update) => {
            let known = run.agents.iter().position(|record| record.agent == update.agent);
            let place = match known {
                Some(place) => place,
                None if run.agents.len() >= AGENTS_MAX => {
                    return Err(format!("is one more than the {AGENTS_MAX} agents that a run may have"));
                }
                None => {
                    run.agents.push(RunAgent::new(update.agent.as_str(), update.title.as_str()));
                    run.agents.len() - 1
                }
            };
            let record = &mut run.agents[place];
            record.title.clone_from(&update.title);
            record.status = Some(update.status);
            let started = *record.started_at.get_or_insert(now);
            if update.status.is_ended() {
                let took_ms = update.duration_ms.unwrap_or_else(|| now.since(started));
                record.duration_ms = Some(took_ms);
                let said = Some(update.message.clone()).filter(|message| !message.is_empty());
                record.summary = said.filter(|_| update.status == AgentStatus::Completed);
            }
            update.index = u32::try_from(place + 1).unwrap_or(u32::MAX);
            update.total = update.total.max(update.index);
        }
        EventBody::Completion(completion) => {
            run.status = completion.status;
            run.message.clone_from(&completion.message);
            run.error.clone_from(&completion.error);
            run.evidence.clone_from(&completion.evidence);
            run.ended_at = Some(now);
            if completion.success {
                run.progress = 100.0;
            }
        }
        EventBody::Log(_) | EventBody::Artifact(_) | EventBody::Event(_) => {}
    }
    Ok(())
}

/// The worker that drives a run which has not ended.
pub(crate) fn driver(run: &Run) -> Option<&OutsideWorker> {
    run.control.worker.as_ref().filter(|_| !run.status.is_terminal())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::StatusUpdate;

    #[test]
    fn progress_never_falls_and_is_whole_at_the_end_alone() {
        let mut run = crate::runs::fixtures::run();
        for (said, heard) in [(60.0, 60.0), (20.0, 60.0), (100.0, 99.0), (70.0, 99.0)] {
            let update = StatusUpdate {
                status: RunStatus::Running,
                progress: said,
                message: String::new(),
                eta: None,
            };
            let mut body = EventBody::StatusUpdate(update);
            super::said(&mut run, &mut body, Timestamp(1)).unwrap();
            let EventBody::StatusUpdate(update) = body else { unreachable!() };
            assert_eq!((update.progress, run.progress), (heard, heard), "{said}");
        }
    }
}
