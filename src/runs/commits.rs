//! Writing a change of a run, in spite of a store that cannot take it at once.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::broker::{Broker, BrokerError, RunStep};
use crate::domain::ids::ProjectId;
use crate::engine::{Batch, Change, Committed, Engine, EngineError};

/// Pauses between tries of the same batch, in milliseconds: a full queue of the store is over soon, a full disk may be.
const PAUSES_MS: [u64; 4] = [20, 100, 400, 1_500];

/// Takes batches: the broker, or an engine alone.
pub trait Commits: Send + Sync + 'static {
    /// Does all changes of the batch, or none.
    fn commit(&self, batch: Batch) -> Pin<Box<dyn Future<Output = Result<Committed, EngineError>> + Send>>;

    /// Shows those who are up to date the newest message of a kind; it is not logged. An engine alone has nobody to show
    /// it to.
    fn show(&self, _room: ProjectId, _key: &'static str, _json: &str) {}

    /// Tells a step of a run to those who hear of all runs.
    fn tell_step(&self, _step: RunStep) {}
}

impl Commits for Broker {
    fn commit(&self, batch: Batch) -> Pin<Box<dyn Future<Output = Result<Committed, EngineError>> + Send>> {
        let broker = self.clone();
        Box::pin(async move {
            Broker::commit(&broker, batch).await.map_err(|error| match error {
                BrokerError::NoSuchRoom => EngineError::NotFound("project"),
                BrokerError::Closing => EngineError::Closed,
                BrokerError::Engine(error) => error,
            })
        })
    }

    fn show(&self, room: ProjectId, key: &'static str, json: &str) {
        Broker::show(self, room, key, json);
    }

    fn tell_step(&self, step: RunStep) {
        Broker::tell_step(self, step);
    }
}

/// Commits a batch, again when the store could not take it. A batch that updates a run is never done twice: a try that
/// was done although its answer was an error is found by the version it left.
pub(crate) async fn write(
    commits: &dyn Commits,
    engine: &Arc<dyn Engine>,
    batch: Batch,
) -> Result<(), EngineError> {
    for (tries, pause_ms) in PAUSES_MS.into_iter().map(Some).chain([None]).enumerate() {
        let error = match commits.commit(batch.clone()).await {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        match (&error, pause_ms) {
            (EngineError::Conflict(_), _) if tries > 0 && was_done(engine, &batch).await => return Ok(()),
            (EngineError::Busy | EngineError::DiskFull | EngineError::Storage(_), Some(pause_ms)) => {
                log::warn!("a change of a run could not be written and is tried again: {error}");
                actix_rt::time::sleep(Duration::from_millis(pause_ms)).await;
            }
            _ => return Err(error),
        }
    }
    unreachable!("the last try has no pause and returns")
}

async fn was_done(engine: &Arc<dyn Engine>, batch: &Batch) -> bool {
    let update = batch.changes.iter().find_map(|change| match change {
        Change::UpdateRun { run, expected_version } => Some((run, *expected_version)),
        _ => None,
    });
    let Some((run, version)) = update else { return false };
    matches!(engine.run(run.id).await, Ok(Some(stored))
        if stored.version == version + 1 && stored.status == run.status && stored.lease == run.lease)
}
