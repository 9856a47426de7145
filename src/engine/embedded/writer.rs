//! The one thread that writes: takes whatever is waiting, commits it as one group, announces it, answers.
//!
//! A lone batch is never kept waiting for others: groups form by themselves while the disk is busy with the one before.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::Instant;

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::domain::ids::ProjectId;
use crate::domain::position::Position;
use crate::engine::embedded::changes::{self, Failure, News, Outcome};
use crate::engine::embedded::heads::Heads;
use crate::engine::embedded::lock::DirectoryLock;
use crate::engine::embedded::prepared::Prepared;
use crate::engine::embedded::readers::Readers;
use crate::engine::embedded::shared::Shared;
use crate::engine::embedded::{Durability, storage_error};
use crate::engine::retention::Kept;
use crate::engine::{Committed, EngineError, EngineEvents};

/// Batches of one group; more would make the first ones wait for no gain.
const GROUP_BATCHES_MAX: usize = 256;

/// A batch that waits for the writer.
pub(super) struct Waiting {
    pub(super) changes: Vec<Prepared>,
    pub(super) since: Instant,
    pub(super) answer: oneshot::Sender<Result<Committed, EngineError>>,
}

/// What the writer owns.
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) durability: Durability,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) shared: Arc<Shared>,
    pub(super) readers: Arc<Readers>,
    /// Freed when the writer ends: it is the last to touch the store.
    pub(super) lock: DirectoryLock,
}

impl Writer {
    /// Works until nobody can send any more and everything that was sent is answered.
    pub(super) fn run(self, queue: &Receiver<Waiting>) {
        let mut heads = Heads::default();
        while let Ok(first) = queue.recv() {
            let mut group = vec![first];
            while group.len() < GROUP_BATCHES_MAX
                && let Ok(next) = queue.try_recv()
            {
                group.push(next);
            }
            self.shared.waiting.fetch_sub(group.len(), Ordering::Relaxed);
            self.commit(&mut heads, group);
        }
        // The last connection to close folds the write-ahead log into the database; that must be this one.
        self.readers.join();
        if let Err((_, error)) = self.connection.close() {
            log::error!("the store could not be closed well: {error}");
        }
        drop(self.lock);
    }

    /// Commits a group, announces it and answers every batch of it.
    fn commit(&self, heads: &mut Heads, group: Vec<Waiting>) {
        match self.write(heads, &group) {
            Ok(results) => {
                let committed_at = Instant::now();
                let only_upkeep = group.iter().all(|waiting| waiting.changes.iter().all(Prepared::is_upkeep));
                let mut news = NewsOfGroup::default();
                let mut answers = Vec::with_capacity(group.len());
                for (waiting, result) in group.into_iter().zip(results) {
                    let result = result.map(|outcome| {
                        if !waiting.changes.iter().any(Prepared::is_upkeep) {
                            self.shared.committed(committed_at, waiting.since);
                        }
                        news.add(outcome.news);
                        (outcome.positions, outcome.kept)
                    });
                    answers.push((waiting.answer, result));
                }
                if !only_upkeep {
                    self.shared.wrote(self.clock.now(), news.events());
                }
                news.announce(self.shared.events.get());
                for (answer, result) in answers {
                    // Whoever gave up waiting needs no answer; the batch stands.
                    let _ = answer.send(result.map(|(positions, kept)| self.committed(positions, kept)));
                }
            }
            // A batch that the store cannot take must not take the others with it: each by itself, then.
            Err(_) if group.len() > 1 => {
                for waiting in group {
                    self.commit(heads, vec![waiting]);
                }
            }
            Err(error) => {
                for waiting in group {
                    let _ = waiting.answer.send(Err(storage_error(&error)));
                }
            }
        }
    }

    /// One transaction, one savepoint per batch. After an error nothing of the group is in the store.
    fn write(
        &self,
        heads: &mut Heads,
        group: &[Waiting],
    ) -> rusqlite::Result<Vec<Result<Outcome, EngineError>>> {
        let done = self.write_in_transaction(heads, group);
        match done {
            Ok(_) => heads.commit(),
            Err(_) => {
                heads.back_to_commit();
                // The store may have rolled back by itself, as it does when the disk is full.
                if !self.connection.is_autocommit()
                    && let Err(error) = self.connection.execute_batch("ROLLBACK")
                {
                    log::error!("the store could not roll back: {error}");
                }
            }
        }
        done
    }

    fn write_in_transaction(
        &self,
        heads: &mut Heads,
        group: &[Waiting],
    ) -> rusqlite::Result<Vec<Result<Outcome, EngineError>>> {
        let run = |sql: &str| self.connection.prepare_cached(sql)?.execute([]);
        let mut results = Vec::with_capacity(group.len());
        run("BEGIN IMMEDIATE")?;
        for waiting in group {
            let mark = heads.mark();
            let savepoint = !is_refused_untouched(&waiting.changes);
            if savepoint {
                run("SAVEPOINT batch")?;
            }
            match changes::apply(&self.connection, heads, self.clock.now(), &waiting.changes) {
                Ok(outcome) => results.push(Ok(outcome)),
                Err(Failure::Refused(refusal)) => {
                    if savepoint {
                        run("ROLLBACK TO batch")?;
                    }
                    heads.back_to(mark);
                    results.push(Err(refusal));
                }
                Err(Failure::Store(error)) => return Err(error),
            }
            if savepoint {
                run("RELEASE batch")?;
            }
        }
        run("COMMIT")?;
        Ok(results)
    }

    fn committed(&self, positions: Vec<Position>, kept: Kept) -> Committed {
        Committed { positions, on_disk: self.durability == Durability::Disk, kept }
    }
}

/// Whether these changes, when they are refused, are refused before they have written anything: a lone append is, and it is
/// what most batches are.
fn is_refused_untouched(changes: &[Prepared]) -> bool {
    matches!(changes, [Prepared::Append { .. }])
}

/// What a group has to announce: the events of a room together, so that whoever hears of them wakes up once.
#[derive(Default)]
struct NewsOfGroup {
    news: Vec<News>,
    /// Where in `news` a room's events are gathered.
    places: HashMap<ProjectId, usize>,
    /// How far the order of the house goes now, when it has grown.
    grown: Option<u64>,
}

impl NewsOfGroup {
    fn add(&mut self, news: Vec<News>) {
        for item in news {
            match item {
                News::Appended { room, epoch, mut events } => match self.places.get(&room) {
                    Some(&place) => {
                        if let News::Appended { events: earlier, .. } = &mut self.news[place] {
                            earlier.append(&mut events);
                        }
                    }
                    None => {
                        self.places.insert(room, self.news.len());
                        self.news.push(News::Appended { room, epoch, events });
                    }
                },
                News::Cut { room, first } => self.news.push(News::Cut { room, first }),
                News::Grown(last) => self.grown = self.grown.max(Some(last)),
                News::Removed(room) => {
                    // A room of that id that comes later in the group is another one.
                    self.places.remove(&room);
                    self.news.push(News::Removed(room));
                }
            }
        }
    }

    fn events(&self) -> u64 {
        self.news
            .iter()
            .map(|item| match item {
                News::Appended { events, .. } => events.len() as u64,
                News::Cut { .. } | News::Removed(_) | News::Grown(_) => 0,
            })
            .sum()
    }

    fn announce(&self, events: Option<&Arc<dyn EngineEvents>>) {
        let Some(hears) = events else { return };
        // Once for all of them, when their rooms have heard.
        let grown = self.grown.map(News::Grown);
        for item in self.news.iter().chain(&grown) {
            // A listener that panics must not end the writer, and the batch is durable already.
            let announced = catch_unwind(AssertUnwindSafe(|| match item {
                News::Appended { room, epoch, events } => hears.appended(*room, *epoch, events),
                News::Cut { room, first } => hears.cut(*room, *first),
                News::Removed(room) => hears.removed(*room),
                News::Grown(last) => hears.grown(*last),
            }));
            if announced.is_err() {
                log::error!("whoever hears of appended events panicked");
            }
        }
    }
}
