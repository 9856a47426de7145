//! One operation, many doors: authorise, validate, then ask broker, runs or engine. Doors decode, call and encode.

pub mod archive;
mod audit;
pub mod captions;
pub mod catalog;
pub mod clients;
pub mod control;
mod driving;
pub mod error;
pub mod events;
pub mod files;
mod folder;
pub mod idempotency;
pub mod inputs;
pub mod logs;
mod outside_lines;
mod pages_list;
mod producers;
pub mod projects;
pub mod publish;
mod publish_checks;
pub mod runs;
pub mod stats;
pub mod upload_room;
pub mod validate;
pub mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Mutex;

use crate::artifacts::Artifacts;
use crate::broker::Broker;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::time::Timestamp;
use crate::engine::Engine;
use crate::keeper::Keeper;
use crate::runs::Runs;
use crate::service::catalog::PipelineCatalog;
use crate::service::error::ServiceError;
use crate::service::outside_lines::OutsideLines;
use crate::service::upload_room::UploadRoom;
use crate::service::watch::Watch;
use crate::telemetry::system::SystemSampler;

/// What the service stands on.
#[derive(Clone)]
pub struct Ground {
    /// Durable state.
    pub engine: Arc<dyn Engine>,
    /// Rooms.
    pub broker: Broker,
    /// Runs.
    pub runs: Runs,
    /// Files and run logs.
    pub artifacts: Artifacts,
    /// How long things are kept.
    pub keeper: Keeper,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What was set.
    pub config: Arc<Config>,
    /// Pipelines by name.
    pub catalog: Arc<dyn PipelineCatalog>,
}

/// Every operation; cheap to clone.
#[derive(Clone)]
pub struct Service(Arc<Inner>);

struct Inner {
    ground: Ground,
    system: SystemSampler,
    started_at: Timestamp,
    draining: AtomicBool,
    outside: OutsideLines,
    watch: Watch,
    /// Room for what is being uploaded.
    uploads: UploadRoom,
    /// Held by who adds to the files of a project.
    adding: Mutex<()>,
}

impl Service {
    /// A service over this ground.
    pub fn new(ground: Ground) -> Self {
        let started_at = ground.clock.now();
        let system = SystemSampler::of_disk(ground.config.data_dir.clone());
        // Rates need a sample to begin at.
        system.sample();
        Self(Arc::new(Inner {
            ground,
            system,
            started_at,
            draining: AtomicBool::new(false),
            outside: OutsideLines::default(),
            watch: Watch::default(),
            uploads: UploadRoom::default(),
            adding: Mutex::default(),
        }))
    }

    /// From now on the server says that it is not ready; called first when it goes down.
    pub fn drain(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
    }

    /// Who makes the pictures of the pipeline `image`: `cpu` is this program.
    pub fn picture_backend(&self) -> &'static str {
        self.ground().catalog.picture_backend()
    }

    /// Whether the server takes work.
    pub fn is_ready(&self) -> bool {
        !self.0.draining.load(Ordering::Relaxed)
    }

    /// Refuses new work while the server goes down.
    ///
    /// # Errors
    /// While it goes down.
    pub fn check_ready(&self) -> Result<(), ServiceError> {
        if self.is_ready() { Ok(()) } else { Err(ServiceError::Draining) }
    }

    /// What was set.
    pub fn config(&self) -> &Config {
        &self.0.ground.config
    }

    /// The rooms, for surfaces that follow one.
    pub fn broker(&self) -> &Broker {
        &self.0.ground.broker
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.0.ground.clock.now()
    }

    fn ground(&self) -> &Ground {
        &self.0.ground
    }
}

/// Runs what blocks on the blocking pool.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ServiceError> + Send + 'static,
) -> Result<T, ServiceError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(error) => Err(ServiceError::Internal(format!("a blocking task ended early: {error}"))),
    }
}
