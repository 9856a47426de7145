//! What becomes of a run whose boot is gone. Pure.

use crate::domain::event::RunError;
use crate::domain::run::{AgentStatus, Run, RunAgent, RunStatus};
use crate::domain::time::Timestamp;
use crate::runs::outside;
use crate::runs::transitions::{self, Transition};

/// How often a run may be interrupted by a crash and still be tried again.
pub(crate) const CRASH_ATTEMPTS_MAX: u32 = 3;

/// The change that takes over a run which nobody works on any more; none when it may stay as it is.
pub(crate) fn take_over(run: &Run, now: Timestamp) -> Option<Transition> {
    if outside::driver(run).is_some() {
        // Its worker goes on with it, or its lease runs out.
        return None;
    }
    match run.status {
        // A pause is a person's wish and outlives a restart; so does a question to a person.
        RunStatus::Queued | RunStatus::Paused | RunStatus::Waiting => None,
        RunStatus::Cancelling => {
            // Processes of the boot that is gone were ended before runs are taken over, or ended with it.
            let stopped = transitions::Stopped { agent: at_work(run), ..transitions::Stopped::default() };
            Some(transitions::cancelled(run, &stopped, now))
        }
        RunStatus::Starting | RunStatus::Running if run.crash_attempts >= CRASH_ATTEMPTS_MAX => {
            let agent = at_work(run);
            let error = RunError {
                agent: agent.map(|index| run.agents[index].agent.clone()),
                message: format!(
                    "the server was interrupted {} times during this run",
                    run.crash_attempts + 1
                ),
                file: None,
                line: None,
            };
            Some(transitions::failed(run, agent, error, now))
        }
        RunStatus::Starting | RunStatus::Running => {
            let at = at_work(run).map(|index| run.agents[index].agent.as_str());
            Some(transitions::interrupted(run, at, now))
        }
        RunStatus::Pausing => Some(transitions::paused(run, now)),
        RunStatus::Completed
        | RunStatus::Partial
        | RunStatus::Failed
        | RunStatus::Cancelled
        | RunStatus::TimedOut => None,
    }
}

/// How long a run that goes on may still work. What its agents took together is too much where several work at once, and
/// the time since its start is too much where the server was away meanwhile: it has worked no longer than either.
pub(crate) fn left_ms(run: &Run, limit_ms: u64, now: Timestamp) -> u64 {
    let together: u64 = run.agents.iter().filter_map(|agent| agent.duration_ms).sum();
    limit_ms.saturating_sub(together.min(run.worked_ms(now)))
}

/// The agent that was at work.
pub(crate) fn at_work(run: &Run) -> Option<usize> {
    all_at_work(run).next()
}

/// All agents that were at work.
pub(crate) fn all_at_work(run: &Run) -> impl Iterator<Item = usize> {
    let is_at_work =
        |agent: &RunAgent| matches!(agent.status, Some(AgentStatus::Started | AgentStatus::Progress));
    (0..).zip(&run.agents).filter(move |(_, agent)| is_at_work(agent)).map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::EventBody;
    use crate::runs::fixtures::run;

    fn interrupted_in(status: RunStatus, crash_attempts: u32) -> Run {
        let mut run = run();
        run.status = status;
        run.crash_attempts = crash_attempts;
        run.started_at = Some(Timestamp(1));
        run.agents[1].status = Some(AgentStatus::Progress);
        run
    }

    #[test]
    fn every_state_goes_on_in_a_way_that_is_allowed() {
        for (status, attempts, expected) in [
            (RunStatus::Queued, 0, None),
            (RunStatus::Paused, 0, None),
            (RunStatus::Starting, 0, Some(RunStatus::Queued)),
            (RunStatus::Running, 0, Some(RunStatus::Queued)),
            (RunStatus::Running, 2, Some(RunStatus::Queued)),
            (RunStatus::Running, 3, Some(RunStatus::Failed)),
            (RunStatus::Waiting, 9, None),
            (RunStatus::Pausing, 0, Some(RunStatus::Paused)),
            (RunStatus::Cancelling, 9, Some(RunStatus::Cancelled)),
            (RunStatus::Completed, 0, None),
            (RunStatus::Failed, 0, None),
        ] {
            let run = interrupted_in(status, attempts);
            let change = take_over(&run, Timestamp(9));
            assert_eq!(change.as_ref().map(|change| change.run.status), expected, "{status:?} {attempts}");
            if let Some(change) = change {
                assert!(status.may_become(change.run.status), "{status:?}");
            }
        }
    }

    #[test]
    fn what_is_left_of_the_time_is_not_less_for_agents_that_work_at_once() {
        let mut run = interrupted_in(RunStatus::Starting, 0);
        run.started_at = Some(Timestamp(1_000));
        assert_eq!(left_ms(&run, 10_000, Timestamp(500_000)), 10_000, "none has come to its end");
        // Two of seven seconds each, side by side, then a pause.
        run.agents[0].duration_ms = Some(7_000);
        run.agents[1].duration_ms = Some(7_000);
        run.control.halt(Timestamp(8_000));
        assert_eq!(left_ms(&run, 10_000, Timestamp(500_000)), 3_000);
        // Whatever the clock says, they took no longer than together.
        run.control = Default::default();
        assert_eq!(left_ms(&run, 20_000, Timestamp(500_000)), 6_000);
        assert_eq!(left_ms(&run, 10_000, Timestamp(500_000)), 0);
    }

    #[test]
    fn a_crash_is_counted_and_the_agent_is_named() {
        let change = take_over(&interrupted_in(RunStatus::Running, 1), Timestamp(9)).unwrap();
        assert_eq!((change.run.crash_attempts, change.run.lease), (2, None));
        assert_eq!(change.run.message, "Interrupted by a restart at second agent; queued for attempt 3");
        let failed = take_over(&interrupted_in(RunStatus::Running, 3), Timestamp(9)).unwrap();
        assert_eq!(failed.run.error.unwrap().agent.as_deref(), Some("second"));
        assert!(failed.events.iter().any(|event| matches!(event, EventBody::Completion(_))));
    }
}
