//! Taking over runs that nobody works on any more: those of earlier boots, and one whose actor is gone.

use std::time::Duration;

use crate::domain::ids::RunId;
use crate::domain::run::{Run, RunStatus};
use crate::engine::EngineError;
use crate::runs::commits::write;
use crate::runs::control::QueueState;
use crate::runs::orchestrator::Shared;
use crate::runs::{outside, recovery};

/// Pause before the store is asked again for what was left.
const TAKE_OVER_PAUSE: Duration = Duration::from_secs(1);

/// Takes over what earlier boots left; answers the state of the queue and the runs that wait or rest. Asks the store
/// until it answers: nothing can be accepted before.
pub(crate) async fn take_over_all(shared: &Shared) -> (QueueState, Vec<Run>) {
    let (state, left) = loop {
        let read = async { Ok((QueueState::read(shared).await?, shared.engine.active_runs().await?)) };
        match read.await {
            Ok(read) => break read,
            Err(EngineError::Closed) => return (QueueState::default(), Vec::new()),
            Err(error) => {
                log::error!("the runs on record cannot be read and are asked for again: {error}");
                actix_rt::time::sleep(TAKE_OVER_PAUSE).await;
            }
        }
    };
    let mut waiting = Vec::new();
    for run in left {
        waiting.extend(take_over(shared, run).await);
    }
    (state, waiting)
}

/// Takes over a run whose actor is gone; answers it when it waits or rests.
pub(crate) async fn take_over_one(shared: &Shared, id: RunId) -> Option<Run> {
    match shared.engine.run(id).await {
        Ok(run) => take_over(shared, run?).await,
        Err(error) => {
            log::error!("run {id} cannot be read and stays as it is until the next start: {error}");
            None
        }
    }
}

/// Takes over one run; answers it when it waits or rests.
async fn take_over(shared: &Shared, run: Run) -> Option<Run> {
    let now = shared.clock.now();
    let Some(change) = recovery::take_over(&run, now) else {
        return is_at_rest(&run).then_some(run);
    };
    let next = Run { version: run.version + 1, ..change.run.clone() };
    match write(shared.broker.as_ref(), &shared.engine, change.into_batch()).await {
        Ok(()) => {
            log::warn!("run {} was left {} and is now {}", run.id, run.status.as_str(), next.status.as_str());
            is_at_rest(&next).then_some(next)
        }
        Err(error) => {
            log::error!("run {} cannot be taken over and stays until the next start: {error}", run.id);
            None
        }
    }
}

/// Whether nothing of this server works on it, and it has not ended.
fn is_at_rest(run: &Run) -> bool {
    let waits = matches!(run.status, RunStatus::Queued | RunStatus::Paused | RunStatus::Waiting);
    waits || outside::driver(run).is_some()
}
