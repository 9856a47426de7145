//! Figures of the whole server, gathered in one place.

use crate::auth::Caller;
use crate::auth::policy::Action;
use crate::broker::stats::BrokerStats;
use crate::domain::time::Timestamp;
use crate::engine::EngineStats;
use crate::keeper::Totals;
use crate::runs::RunsSnapshot;
use crate::service::Service;
use crate::service::error::ServiceError;
use crate::telemetry::system::SystemSample;

/// Figures of the whole server at one moment; PROTOCOL section 7.
#[derive(Clone, Debug)]
pub struct ServerStats {
    /// Since the start.
    pub uptime_s: u64,
    /// Of this program.
    pub version: &'static str,
    /// Rooms and sockets.
    pub broker: BrokerStats,
    /// Runs that wait.
    pub queue_depth: usize,
    /// How long the oldest of them has waited.
    pub oldest_queued_ms: Option<u64>,
    /// The store.
    pub engine: EngineStats,
    /// What was removed after its time.
    pub retention: Totals,
    /// The machine.
    pub system: SystemSample,
    /// When these figures were taken.
    pub at: Timestamp,
}

impl Service {
    /// Figures for operators.
    ///
    /// # Errors
    /// When the caller may not see them, or the store does not answer.
    pub async fn stats(&self, caller: Caller) -> Result<ServerStats, ServiceError> {
        caller.may(Action::SeeServer)?;
        self.figures().await
    }

    /// The same figures for a scraper, which sees totals alone.
    ///
    /// # Errors
    /// When the caller may not read, or the store does not answer.
    pub async fn metrics(&self, caller: Caller) -> Result<ServerStats, ServiceError> {
        caller.may(Action::Read)?;
        self.figures().await
    }

    async fn figures(&self) -> Result<ServerStats, ServiceError> {
        let ground = self.ground();
        let engine = ground.engine.stats().await?;
        let broker = ground.broker.stats().await;
        let RunsSnapshot { queue_depth, oldest_queued_ms, .. } = ground.runs.snapshot().await?;
        let at = ground.clock.now();
        Ok(ServerStats {
            uptime_s: at.since(self.0.started_at) / 1000,
            version: env!("CARGO_PKG_VERSION"),
            broker,
            queue_depth,
            oldest_queued_ms,
            engine,
            retention: ground.keeper.totals(),
            system: self.0.system.sample(),
            at,
        })
    }
}
