//! Log lines of workers outside: numbered and kept like those of agents, and said at the pace of their room. Lines that
//! belong to a run join its log, others that of the room.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::artifacts::NewLine;
use crate::broker::BrokerError;
use crate::domain::event::{EventBody, LineRange, LogLine, LogLines, NewEvent};
use crate::domain::ids::{ProjectId, RunId};
use crate::domain::time::Timestamp;
use crate::engine::{Batch, Change, EngineError};
use crate::runs::log_batch::LogBatch;
use crate::runs::log_pace::SharedPace;
use crate::service::error::ServiceError;
use crate::service::{Service, blocking};

/// How often waiting lines are looked at.
const TICK: Duration = Duration::from_millis(50);
/// Rooms that are remembered although nothing waits in them.
const QUIET_ROOMS_MAX: usize = 256;

/// What waits to be said, by room. Whoever holds a room's lock is the only one to number lines there.
#[derive(Default)]
pub(crate) struct OutsideLines(Mutex<Rooms>);

type Rooms = HashMap<ProjectId, Arc<tokio::sync::Mutex<RoomLines>>>;

/// What waits to be said in one room.
pub(crate) struct RoomLines {
    room: ProjectId,
    pace: SharedPace,
    batches: Vec<(Option<RunId>, LogBatch)>,
    /// Whether somebody says what waits.
    attended: bool,
}

impl OutsideLines {
    fn rooms(&self) -> MutexGuard<'_, Rooms> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RoomLines {
    /// Lines that were written under these numbers wait to be said.
    pub(crate) fn push(&mut self, run: Option<RunId>, log: &LogLines, first: u64) {
        let place = match self.batches.iter().position(|(of, _)| *of == run) {
            Some(place) => place,
            None => {
                self.batches.push((run, LogBatch::default()));
                self.batches.len() - 1
            }
        };
        let agent: Option<Arc<str>> = log.agent.as_deref().map(Into::into);
        for (n, line) in (first..).zip(&log.lines) {
            self.batches[place].1.push(log.level, agent.clone(), LogLine { n, ..line.clone() });
        }
    }

    /// What may be said now.
    pub(crate) fn take(&mut self, now: Timestamp) -> Vec<NewEvent> {
        self.take_with(|batch, pace| batch.take(now, &mut pace.lock()))
    }

    /// What is left, before something ends.
    pub(crate) fn take_last(&mut self, now: Timestamp) -> Vec<NewEvent> {
        self.take_with(|batch, pace| batch.take_last(now, &mut pace.lock()))
    }

    fn take_with(&mut self, take: impl Fn(&mut LogBatch, &SharedPace) -> Vec<LogLines>) -> Vec<NewEvent> {
        let mut events = Vec::new();
        for (run, batch) in &mut self.batches {
            let bodies = take(batch, &self.pace).into_iter().map(EventBody::Log);
            events.extend(bodies.map(|body| NewEvent { run_id: *run, body }));
        }
        events
    }

    /// These events were taken, but the store did not take them: their lines are said to be skipped.
    pub(crate) fn missed(&mut self, events: &[NewEvent]) {
        for event in events {
            let EventBody::Log(log) = &event.body else { continue };
            let (Some(first), Some(last)) = (log.lines.first(), log.lines.last()) else { continue };
            let from = log.skipped.map_or(first.n, |skipped| skipped.from);
            if let Some((_, batch)) = self.batches.iter_mut().find(|(run, _)| *run == event.run_id) {
                batch.missed(LineRange { from, to: last.n });
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.batches.iter().all(|(_, batch)| batch.is_empty())
    }
}

impl Service {
    /// The lines of a room; nobody else numbers or says any meanwhile.
    pub(crate) async fn room_lines(&self, room: ProjectId) -> tokio::sync::OwnedMutexGuard<RoomLines> {
        let now = self.now();
        let lines = {
            let mut rooms = self.0.outside.rooms();
            if rooms.len() >= QUIET_ROOMS_MAX {
                rooms.retain(|_, lines| {
                    Arc::strong_count(lines) > 1 || lines.try_lock().is_ok_and(|lines| !lines.is_empty())
                });
            }
            let fresh = || {
                let pace = self.ground().runs.log_pace(room, now);
                Arc::new(tokio::sync::Mutex::new(RoomLines {
                    room,
                    pace,
                    batches: Vec::new(),
                    attended: false,
                }))
            };
            rooms.entry(room).or_insert_with(fresh).clone()
        };
        lines.lock_owned().await
    }

    /// Writes lines into the log they belong to and answers the number of the first.
    pub(crate) async fn write_lines(
        &self,
        room: ProjectId,
        run: Option<RunId>,
        log: &LogLines,
    ) -> Result<u64, ServiceError> {
        let (artifacts, log) = (self.ground().artifacts.clone(), log.clone());
        blocking(move || {
            let file = match run {
                Some(run) => artifacts.logs().open_run(run)?,
                None => artifacts.room_logs().open_room(room)?,
            };
            let (level, agent) = (log.level, log.agent.as_deref());
            let lines: Vec<NewLine<'_>> = log
                .lines
                .iter()
                .map(|line| NewLine { at: line.at, level, agent, text: &line.text })
                .collect();
            Ok(file.append(&lines)?.from)
        })
        .await
    }

    /// What was left waiting is said as soon as the pace of the room allows.
    pub(crate) fn attend(&self, lines: &mut RoomLines) {
        if lines.attended || lines.is_empty() {
            return;
        }
        lines.attended = true;
        let (service, room) = (self.clone(), lines.room);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(TICK).await;
                let mut lines = service.room_lines(room).await;
                let events = lines.take(service.now());
                service.say(&mut lines, events).await;
                if lines.is_empty() {
                    lines.attended = false;
                    return;
                }
            }
        });
    }

    /// Says what waits in every room, because the server goes down.
    pub async fn say_last_lines(&self) {
        let rooms: Vec<ProjectId> = self.0.outside.rooms().keys().copied().collect();
        for room in rooms {
            let mut lines = self.room_lines(room).await;
            let events = lines.take_last(self.now());
            self.say(&mut lines, events).await;
        }
    }

    async fn say(&self, lines: &mut RoomLines, events: Vec<NewEvent>) {
        if events.is_empty() {
            return;
        }
        let change = Change::Append { room: lines.room, events: events.clone() };
        match self.ground().broker.commit(Batch::of([change])).await {
            Ok(_) => {}
            Err(BrokerError::Engine(EngineError::NotFound(_) | EngineError::Closed)) => lines.batches.clear(),
            Err(error) => {
                log::warn!("lines of a worker outside were not said: {error} room.id={}", lines.room);
                lines.missed(&events);
            }
        }
    }
}
