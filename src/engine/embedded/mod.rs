//! The engine for one machine: SQLite in WAL mode, one writer thread that commits whatever is waiting as one group,
//! a few threads that read. The only place that knows SQL.
//!
//! ```text
//! commit -> bounded queue -> writer: BEGIN, a SAVEPOINT per batch, COMMIT -> announce -> answer
//! read   -> bounded queue -> reader: a snapshot -> answer
//! ```

mod changes;
#[cfg(test)]
mod fault_tests;
mod heads;
mod house;
mod lock;
mod open_error;
mod prepared;
mod readers;
mod rows;
mod schema;
mod shared;
#[cfg(test)]
mod tests;
mod upkeep;
mod writer;

pub use open_error::OpenError;

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Instant;

use rusqlite::ErrorCode;
use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::domain::audit::AuditEntry;
use crate::domain::ids::{AuditId, ProjectId, RunId};
use crate::domain::run::{Project, Run};
use crate::domain::time::Timestamp;
use crate::engine::embedded::lock::DirectoryLock;
use crate::engine::embedded::readers::Readers;
use crate::engine::embedded::shared::Shared;
use crate::engine::embedded::writer::{Waiting, Writer};
use crate::engine::house::{HouseBounds, HousePage};
use crate::engine::producers::Producer;
use crate::engine::retention::{LogWeight, RoomLog};
use crate::engine::{
    Batch, Committed, Engine, EngineError, EngineEvents, EngineFuture, EngineStats, KeptAnswer, LogBounds,
    LogPage, ProjectPage, ProjectQuery, ReadLimit, SavedState,
};

/// Name of the database in the data directory.
const DATABASE_FILE: &str = "callboard.db";
/// Batches that may wait for the writer. At a few thousand commits a second this is some hundred milliseconds of work:
/// whoever comes later is better told to come back.
const BATCHES_WAITING_MAX: usize = 1024;
/// Threads that read. Reads are short and mostly from memory.
const READERS: usize = 3;
/// After a crash a store up to this size is looked through before it is used; a larger one would keep the start waiting.
const CHECKED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// How safe a batch is once it is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// It has reached the disk: it survives a power failure.
    #[default]
    Disk,
    /// The operating system has it: it survives the end of the process, but the last moments may be lost with the power.
    /// What is left is whole in any case.
    Process,
}

/// Settings of the embedded engine.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmbeddedOptions {
    /// How safe a batch is once it is answered.
    pub durability: Durability,
}

/// The engine for one machine.
pub struct EmbeddedEngine {
    path: PathBuf,
    queue: RwLock<Option<SyncSender<Waiting>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    readers: Arc<Readers>,
    shared: Arc<Shared>,
}

impl EmbeddedEngine {
    /// Opens the store in the data directory `directory`; both are made when they are not there.
    ///
    /// # Errors
    /// When another process has it, when it cannot be written, is damaged, or is from a newer version.
    pub fn open(
        directory: &Path,
        options: EmbeddedOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        Self::open_with(directory, options, clock, |_| Ok(()))
    }

    /// `set_up` is done with the writer's connection before anything else: a test makes it fail as a disk would.
    fn open_with(
        directory: &Path,
        options: EmbeddedOptions,
        clock: Arc<dyn Clock>,
        set_up: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<()>,
    ) -> Result<Self, OpenError> {
        std::fs::create_dir_all(directory).map_err(|error| OpenError::from_io(directory, &error))?;
        let lock = DirectoryLock::take(directory)?;
        let path = directory.join(DATABASE_FILE);
        let unclean = bytes_of(&beside(&path, "-wal")) > 0;
        let connection = schema::open_writer(&path, options.durability)?;
        if unclean && bytes_of(&path) <= CHECKED_BYTES_MAX {
            let found =
                schema::quick_check(&connection).map_err(|error| OpenError::from_sqlite(&path, &error))?;
            if let Some(reason) = found {
                return Err(OpenError::Damaged { path, reason });
            }
        }
        set_up(&connection).map_err(|error| OpenError::from_sqlite(&path, &error))?;
        let readers = Arc::new(Readers::start(&path, READERS)?);
        let shared = Arc::new(Shared::new());
        let (sender, receiver) = sync_channel(BATCHES_WAITING_MAX);
        let writer = Writer {
            connection,
            durability: options.durability,
            clock,
            shared: shared.clone(),
            readers: readers.clone(),
            lock,
        };
        let thread = std::thread::Builder::new()
            .name("store-write".to_owned())
            .spawn(move || writer.run(&receiver))
            .map_err(|error| OpenError::from_io(&path, &error))?;
        Ok(Self { path, queue: RwLock::new(Some(sender)), writer: Mutex::new(Some(thread)), readers, shared })
    }

    fn enqueue(
        &self,
        batch: Batch,
    ) -> Result<oneshot::Receiver<Result<Committed, EngineError>>, EngineError> {
        let since = Instant::now();
        let changes = batch.changes.into_iter().map(prepared::prepare).collect::<Result<Vec<_>, _>>()?;
        let (answer, answered) = oneshot::channel();
        let queue = self.queue.read().unwrap_or_else(PoisonError::into_inner);
        let queue = queue.as_ref().ok_or(EngineError::Closed)?;
        // Counted before it is sent, so that the writer never takes away what was not counted yet.
        self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        queue.try_send(Waiting { changes, since, answer }).map_err(|error| {
            self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
            match error {
                TrySendError::Full(_) => EngineError::Busy,
                TrySendError::Disconnected(_) => EngineError::Closed,
            }
        })?;
        Ok(answered)
    }

    /// Refuses everything from now on; the thread ends once the waiting batches are answered.
    fn stop(&self) -> Option<JoinHandle<()>> {
        self.queue.write().unwrap_or_else(PoisonError::into_inner).take();
        self.readers.close();
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn size_bytes(&self) -> u64 {
        bytes_of(&self.path) + bytes_of(&beside(&self.path, "-wal"))
    }
}

impl Engine for EmbeddedEngine {
    fn commit(&self, batch: Batch) -> EngineFuture<Committed> {
        // Sent here and not when the future is first polled: batches are done in the order of these calls.
        let sent = self.enqueue(batch);
        Box::pin(async move { sent?.await.unwrap_or(Err(EngineError::Closed)) })
    }

    fn set_events(&self, events: Arc<dyn EngineEvents>) {
        if self.shared.events.set(events).is_err() {
            log::error!("the store was told a second time who hears of events; the first one goes on");
        }
    }

    fn log_bounds(&self, room: ProjectId) -> EngineFuture<Option<LogBounds>> {
        self.readers.ask(move |store| Ok(known(rows::log(store, room))?.map(|log| log.bounds)))
    }

    fn read_log(&self, room: ProjectId, after: u64, limit: ReadLimit) -> EngineFuture<LogPage> {
        self.readers.ask(move |store| {
            known(rows::read_log(store, room, after, limit))?.ok_or(EngineError::NotFound("project"))
        })
    }

    fn house_bounds(&self) -> EngineFuture<HouseBounds> {
        self.readers.ask(move |store| known(house::bounds(store)))
    }

    fn read_house(&self, after: u64, limit: ReadLimit) -> EngineFuture<HousePage> {
        self.readers.ask(move |store| known(house::read(store, after, limit)))
    }

    fn saved_state(&self, room: ProjectId) -> EngineFuture<Option<SavedState>> {
        self.readers.ask(move |store| known(rows::saved_state(store, room)))
    }

    fn project(&self, id: ProjectId) -> EngineFuture<Option<Project>> {
        self.readers.ask(move |store| known(rows::project(store, id)))
    }

    fn projects(&self, query: ProjectQuery) -> EngineFuture<ProjectPage> {
        self.readers.ask(move |store| known(rows::projects(store, &query)))
    }

    fn run(&self, id: RunId) -> EngineFuture<Option<Run>> {
        self.readers.ask(move |store| known(rows::run(store, id)))
    }

    fn runs_of(&self, project: ProjectId, limit: usize) -> EngineFuture<Vec<Run>> {
        self.readers.ask(move |store| known(rows::runs_of(store, project, limit)))
    }

    fn active_runs(&self) -> EngineFuture<Vec<Run>> {
        self.readers.ask(move |store| known(rows::active_runs(store)))
    }

    fn agent_durations(
        &self,
        pipeline: String,
        definition: Option<Arc<str>>,
        per_agent: usize,
    ) -> EngineFuture<Vec<(String, u64)>> {
        self.readers.ask(move |store| {
            known(rows::agent_durations(store, &pipeline, definition.as_deref(), per_agent))
        })
    }

    fn idempotent_answer(&self, key: String, now: Timestamp) -> EngineFuture<Option<KeptAnswer>> {
        self.readers.ask(move |store| known(rows::answer(store, &key, now)))
    }

    fn producer(&self, room: ProjectId, producer: String) -> EngineFuture<Option<Producer>> {
        self.readers.ask(move |store| {
            let Some(log) = known(rows::log(store, room))? else { return Ok(None) };
            known(rows::producer(store, log.room, log.bounds.epoch, &producer))
        })
    }

    fn rooms(&self, after: Option<ProjectId>, limit: usize) -> EngineFuture<Vec<RoomLog>> {
        self.readers.ask(move |store| known(rows::rooms(store, after, limit)))
    }

    fn weigh_log(&self, room: ProjectId, after: u64, limit: ReadLimit) -> EngineFuture<LogWeight> {
        self.readers.ask(move |store| {
            let log = known(rows::log(store, room))?.ok_or(EngineError::NotFound("project"))?;
            known(rows::weigh(store, log.room, after, limit))
        })
    }

    fn last_before(&self, room: ProjectId, time: Timestamp) -> EngineFuture<u64> {
        self.readers.ask(move |store| {
            let log = known(rows::log(store, room))?.ok_or(EngineError::NotFound("project"))?;
            known(rows::last_before(store, &log, time))
        })
    }

    fn all_runs(&self, after: Option<RunId>, limit: usize) -> EngineFuture<Vec<Run>> {
        self.readers.ask(move |store| known(rows::all_runs(store, after, limit)))
    }

    fn note(&self, name: String) -> EngineFuture<Option<String>> {
        self.readers.ask(move |store| known(rows::note(store, &name)))
    }

    fn audit(&self, before: Option<AuditId>, limit: usize) -> EngineFuture<Vec<AuditEntry>> {
        self.readers.ask(move |store| known(rows::audit(store, before, limit)))
    }

    fn notes(
        &self,
        prefix: String,
        after: Option<String>,
        limit: usize,
    ) -> EngineFuture<Vec<(String, String)>> {
        self.readers.ask(move |store| known(rows::notes(store, &prefix, after.as_deref(), limit)))
    }

    fn stats(&self) -> EngineFuture<EngineStats> {
        let stats = EngineStats {
            size_bytes: self.size_bytes(),
            last_write_at: self.shared.last_write_at(),
            waiting: self.shared.waiting.load(Ordering::Relaxed),
            events_appended: self.shared.events_appended(),
            append_us: self.shared.append_us(),
            ..EngineStats::default()
        };
        self.readers.ask(move |store| {
            let (projects, runs_by_status) = known(rows::counts(store))?;
            let spare_bytes = known(rows::spare_bytes(store))?;
            Ok(EngineStats { projects, runs_by_status, spare_bytes, ..stats })
        })
    }

    fn close(&self) -> EngineFuture<()> {
        let writer = self.stop();
        let (ended, end) = oneshot::channel();
        // The threads end by themselves; only the waiting for them needs a place where it may block.
        let waits = std::thread::Builder::new().name("store-close".to_owned()).spawn(move || {
            let _ = ended.send(writer.is_none_or(|thread| thread.join().is_ok()));
        });
        Box::pin(async move {
            waits.map_err(|error| EngineError::Storage(error.to_string()))?;
            match end.await {
                Ok(true) => Ok(()),
                _ => Err(EngineError::Storage("the writer panicked".to_owned())),
            }
        })
    }
}

impl Drop for EmbeddedEngine {
    /// Commits what is waiting and lets go of the data directory before the value is gone.
    fn drop(&mut self) {
        let writer = self.stop();
        // The last owner may be the listener on the writer's own thread, which cannot wait for itself.
        if let Some(writer) = writer
            && writer.thread().id() != std::thread::current().id()
            && writer.join().is_err()
        {
            log::error!("the writer of the store panicked");
        }
    }
}

fn known<T>(answer: rusqlite::Result<T>) -> Result<T, EngineError> {
    answer.map_err(|error| storage_error(&error))
}

/// What callers see of a failure of the store.
fn storage_error(error: &rusqlite::Error) -> EngineError {
    if is_disk_full(error) { EngineError::DiskFull } else { EngineError::Storage(error.to_string()) }
}

fn is_disk_full(error: &rusqlite::Error) -> bool {
    let rusqlite::Error::SqliteFailure(failure, _) = error else { return false };
    // The index of the write-ahead log could not grow: that is how a full disk looks from there.
    failure.code == ErrorCode::DiskFull || failure.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Size of a file; 0 when there is none.
fn bytes_of(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
}
