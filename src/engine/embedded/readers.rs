//! Threads that read: each has a connection of its own and takes questions from one queue.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::engine::embedded::{OpenError, schema, storage_error};
use crate::engine::{EngineError, EngineFuture};

/// Questions that may wait. A node that has restarted is asked for the log once per socket that comes back, so there is
/// room for all of them; a waiting question is a few hundred bytes.
const READS_WAITING_MAX: usize = 16_384;

type Question = Box<dyn FnOnce(&Connection) + Send>;

/// The readers of a store.
pub(super) struct Readers {
    questions: RwLock<Option<SyncSender<Question>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Readers {
    /// Starts `count` readers.
    pub(super) fn start(path: &Path, count: usize) -> Result<Self, OpenError> {
        let (sender, receiver) = sync_channel(READS_WAITING_MAX);
        let receiver = Arc::new(Mutex::new(receiver));
        let mut threads = Vec::with_capacity(count);
        for number in 0..count {
            let connection =
                schema::open_reader(path).map_err(|error| OpenError::from_sqlite(path, &error))?;
            let receiver = receiver.clone();
            let thread = std::thread::Builder::new()
                .name(format!("store-read-{number}"))
                .spawn(move || read(&connection, &receiver))
                .map_err(|error| OpenError::from_io(path, &error))?;
            threads.push(thread);
        }
        Ok(Self { questions: RwLock::new(Some(sender)), threads: Mutex::new(threads) })
    }

    /// Asks; the answer comes from a snapshot of the store that is no older than this call.
    pub(super) fn ask<T, F>(&self, question: F) -> EngineFuture<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, EngineError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let question: Question = Box::new(move |connection| {
            // Who no longer waits (a request that was given up) needs no answer.
            if !answer.is_closed() {
                let _ = answer.send(in_snapshot(connection, question));
            }
        });
        let sent = match &*self.questions.read().unwrap_or_else(PoisonError::into_inner) {
            Some(questions) => questions.try_send(question).map_err(|error| match error {
                TrySendError::Full(_) => EngineError::Busy,
                TrySendError::Disconnected(_) => EngineError::Closed,
            }),
            None => Err(EngineError::Closed),
        };
        Box::pin(async move {
            sent?;
            answered.await.unwrap_or(Err(EngineError::Closed))
        })
    }

    /// Refuses further questions; the threads end once the waiting ones are answered.
    pub(super) fn close(&self) {
        self.questions.write().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Waits for the threads to end. Blocks.
    pub(super) fn join(&self) {
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                log::error!("a reader of the store panicked");
            }
        }
    }
}

fn read(connection: &Connection, questions: &Mutex<Receiver<Question>>) {
    loop {
        // The guard is dropped before the question is worked on, so that the next reader can wait for the next one.
        let question = questions.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match question {
            Ok(question) => question(connection),
            Err(_) => return,
        }
    }
}

/// All statements of one question see the same state.
fn in_snapshot<T>(
    connection: &Connection,
    question: impl FnOnce(&Connection) -> Result<T, EngineError>,
) -> Result<T, EngineError> {
    let snapshot = connection.unchecked_transaction().map_err(|error| storage_error(&error))?;
    let answer = question(&snapshot);
    snapshot.rollback().map_err(|error| storage_error(&error))?;
    answer
}
