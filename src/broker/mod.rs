//! Rooms, shards, tails, recovery: who hears what.
//!
//! A room actor per live project folds its log and tells the shards that listen. A shard per HTTP worker holds the
//! readers of its thread, each with a position. Whoever is caught up is pushed to, whoever is behind pulls; join, resume
//! and lag are the same code (`shard.rs`). Fan-out never starts from a publish: the engine announces what is durable, and
//! that is what goes out.

pub mod clients;
pub mod counters;
pub mod follow;
pub mod frame;
pub mod house;
pub mod inbox;
mod load;
pub mod outlet;
mod registry;
mod room;
mod room_actor;
pub mod shard;
mod shard_actor;
pub mod slots;
pub mod stats;
mod tail;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix::prelude::*;
use bytes::Bytes;

use crate::broker::clients::{Announcement, ClientQuery, ClientType, ClientView, RoomFigures};
use crate::broker::counters::Counters;
use crate::broker::follow::Follow;
use crate::broker::frame::{Encoders, Encoding};
use crate::broker::house::House;
use crate::broker::inbox::{InboxReader, inbox};
use crate::broker::registry::Links;
use crate::broker::room_actor::{Save, View};
use crate::broker::shard::{Heartbeat, LocalShard, Notice, Phrases};
use crate::broker::shard_actor::{Lag, ShardActor};
use crate::broker::slots::Slots;
use crate::broker::stats::{BrokerStats, ConnectionStats, EventStats, RoomStats, SocketStats};
use crate::domain::event::{LoggedEvent, NewEvent};
use crate::domain::fold::RoomState;
use crate::domain::ids::{ClientId, ProjectId, RunId};
use crate::domain::position::Position;
use crate::engine::{Batch, Change, Committed, Engine, EngineError, EngineFuture};

/// Notices that may wait for a shard; beyond that it asks its rooms where they stand.
const SHARD_INBOX_CAPACITY: usize = 65_536;

/// How long a stop waits for rooms to catch up with their logs.
const SETTLE_WITHIN: Duration = Duration::from_secs(1);

/// The way to every room.
#[derive(Clone)]
pub struct Broker {
    links: Arc<Links>,
    phrases: Arc<dyn Phrases>,
    heartbeat: Heartbeat,
    shards: Arc<Mutex<Vec<Addr<ShardActor>>>>,
    rate: Arc<Rate>,
}

/// Remembers the count of published events of a moment ago.
struct Rate {
    since: Mutex<(Instant, u64)>,
    per_second_milli: AtomicU64,
}

/// What a room looks like at a position.
#[derive(Clone, Debug)]
pub struct RoomView {
    /// The fold.
    pub state: Arc<RoomState>,
    /// The fold as JSON, encoded once per position.
    pub state_json: Arc<str>,
    /// Where it stands.
    pub position: Position,
}

/// Something that happened to a run, in whichever room.
#[derive(Clone, Debug)]
pub struct RunNews {
    /// The room.
    pub room: ProjectId,
    /// The run.
    pub run: RunId,
    /// What happened.
    pub event: LoggedEvent,
}

/// A step that a run has taken, with a picture of it.
#[derive(Clone, Debug)]
pub struct RunStep {
    /// The run.
    pub run: RunId,
    /// How many steps were taken.
    pub step: u64,
    /// How many there are.
    pub of: u64,
    /// Where the picture is, once the run's next event is heard.
    pub preview_url: Arc<str>,
}

/// A range of events that the log no longer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// First missing.
    pub from_seq: u64,
    /// Last missing.
    pub to_seq: u64,
}

/// How a reader was let in.
#[derive(Clone, Debug)]
pub struct Joined {
    /// Where the reader stands now: frames that follow begin after this.
    pub position: Position,
    /// Where the log stood; more may have come since.
    pub head: u64,
    /// Whether it goes on at the position it came with.
    pub resumed: bool,
    /// What it has missed for good.
    pub gap: Option<Gap>,
    /// The room's state at `position`, unless resumed.
    pub view: Option<RoomView>,
}

/// Why the broker refused.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BrokerError {
    /// There is no such project.
    #[error("there is no such project")]
    NoSuchRoom,
    /// The server is going down.
    #[error("the server is shutting down")]
    Closing,
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// A batch on its way to the disk.
pub struct Committing(EngineFuture<Committed>);

impl Future for Committing {
    type Output = Result<Committed, BrokerError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx).map_err(BrokerError::from)
    }
}

impl std::fmt::Debug for Committing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Committing")
    }
}

thread_local! {
    static LOCAL_SHARD: RefCell<Option<LocalShard>> = const { RefCell::new(None) };
}

impl Broker {
    /// A broker over this engine; it hears of everything that is appended from now on.
    pub fn new(
        engine: Arc<dyn Engine>,
        encoders: Encoders,
        phrases: Arc<dyn Phrases>,
        heartbeat: Heartbeat,
    ) -> Self {
        let links = Arc::new(Links::new(engine.clone(), Arc::new(encoders)));
        engine.set_events(links.clone());
        Self {
            links,
            phrases,
            heartbeat,
            shards: Arc::default(),
            rate: Arc::new(Rate {
                since: Mutex::new((Instant::now(), 0)),
                per_second_milli: AtomicU64::new(0),
            }),
        }
    }

    /// The shard of this thread; the first call starts it. Call it on a thread with an actix arbiter.
    pub fn local_shard(&self) -> LocalShard {
        LOCAL_SHARD.with_borrow_mut(|local| {
            if let Some(shard) = local
                && shard.belongs_to(&self.links)
            {
                return shard.clone();
            }
            let (notices, reader) = inbox(SHARD_INBOX_CAPACITY);
            let index = self.links.add_shard(notices);
            let shard = LocalShard::new(self.links.clone(), self.phrases.clone(), self.heartbeat, index);
            let sweep_every = Duration::from_millis((self.heartbeat.ping_ms / 5).clamp(20, 5_000));
            let actor = ShardActor::new(shard.clone(), reader, sweep_every).start();
            self.shards.lock().unwrap_or_else(PoisonError::into_inner).push(actor);
            *local = Some(shard.clone());
            shard
        })
    }

    /// Commits changes; what they append is fanned out once it is durable.
    ///
    /// # Errors
    /// What the engine answers.
    pub async fn commit(&self, batch: Batch) -> Result<Committed, BrokerError> {
        self.committing(batch).await
    }

    /// The same, and the batch has its place among all others when this returns; it is waited for later.
    pub fn committing(&self, batch: Batch) -> Committing {
        Committing(self.links.engine.commit(batch))
    }

    /// Appends events to a room's log; they are fanned out once they are durable.
    ///
    /// # Errors
    /// When there is no such room, or what the engine answers.
    pub async fn publish(&self, room: ProjectId, events: Vec<NewEvent>) -> Result<Position, BrokerError> {
        let committed = match self.commit(Batch::of([Change::Append { room, events }])).await {
            Err(BrokerError::Engine(EngineError::NotFound(_))) => return Err(BrokerError::NoSuchRoom),
            answer => answer?,
        };
        let position = committed.positions.first().copied();
        position
            .ok_or_else(|| EngineError::Storage("an append was answered without a position".into()).into())
    }

    /// What a room looks like now.
    ///
    /// # Errors
    /// When there is no such room.
    pub async fn view(&self, room: ProjectId) -> Result<RoomView, BrokerError> {
        self.links.ask(room, || View).await?
    }

    /// Follows a room from HTTP with server-sent events. Call it on an HTTP worker thread.
    ///
    /// # Errors
    /// When there is no such room.
    pub async fn follow(&self, room: ProjectId, since: Option<Position>) -> Result<Follow, BrokerError> {
        self.follow_as(room, since, Encoding::Sse).await
    }

    /// Follows a room in some encoding. Call it on an HTTP worker thread.
    ///
    /// # Errors
    /// When there is no such room.
    pub async fn follow_as(
        &self,
        room: ProjectId,
        since: Option<Position>,
        encoding: Encoding,
    ) -> Result<Follow, BrokerError> {
        let shard = self.local_shard();
        let entry = shard.join(room, since).await?;
        Ok(Follow::new(shard, entry, encoding))
    }

    /// What is heard beyond its room, of the whole house.
    pub fn house(&self) -> &House {
        &self.links.house
    }

    /// Hears of what happens to runs in every room, log lines left out, once it is durable. Beyond `capacity` news that
    /// nobody takes is dropped and the next batch says so.
    pub fn watch(&self, capacity: usize) -> InboxReader<RunNews> {
        let (news, reader) = inbox(capacity);
        self.links.add_watcher(news);
        reader
    }

    /// Hears of the steps of runs, each before the event that says it; whoever falls behind misses the oldest.
    pub fn steps(&self) -> tokio::sync::broadcast::Receiver<RunStep> {
        self.links.steps.subscribe()
    }

    /// Tells a step of a run.
    pub fn tell_step(&self, step: RunStep) {
        // Nobody may be listening.
        let _ = self.links.steps.send(step);
    }

    /// Puts the newest message of a kind into a room, for those who are up to date; it is not logged.
    pub fn put_slot(&self, room: ProjectId, key: &'static str, bytes: Bytes) {
        self.links.tell_shards(|| Notice::Slot { room, key, bytes: bytes.clone() });
    }

    /// The same for a message in JSON.
    pub fn show(&self, room: ProjectId, key: &'static str, json: &str) {
        self.put_slot(room, key, self.phrases.slot(json));
    }

    /// Asks every client to leave and to come back at a moment of its own, `reconnect_per_second` of them in each second,
    /// saves the folds of live rooms, and waits until the sockets are gone or the time is up. Who still comes is asked to
    /// leave at once.
    pub async fn stop(&self, reconnect_per_second: u64, within: Duration) {
        let settled = SETTLE_WITHIN.min(within);
        self.settle(Instant::now() + settled).await;
        // Whoever follows the house and misses the end of it comes back with its position.
        let _ = tokio::time::timeout(settled, self.links.house.settled()).await;
        let slots = Arc::new(Slots::new(reconnect_per_second));
        self.links.tell_shards(|| Notice::Leave { slots: slots.clone() });
        for room in self.links.live_rooms() {
            self.links.tell(room, Save).await;
        }
        let deadline = Instant::now() + within;
        while self.links.counters.connections.load(Ordering::Relaxed) > 0 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until live rooms have heard of everything that is in their logs: a goodbye goes straight to the shards and would
    /// overtake the last events, such as that a run was brought to a safe point.
    async fn settle(&self, deadline: Instant) {
        for room in self.links.live_rooms() {
            while Instant::now() < deadline {
                let bounds = self.links.engine.log_bounds(room).await;
                let (Ok(Some(bounds)), Ok(view)) = (bounds, self.view(room).await) else { break };
                if view.position.seq >= bounds.last {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }

    /// Figures of the live path.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.links.counters
    }

    /// Clients of every surface that fit, those that are furthest behind first; and how many fit.
    pub async fn clients(&self, query: &ClientQuery) -> (Vec<ClientView>, u64) {
        let asked = query.clone();
        let shards = self.on_each_shard(move |shard| shard.look_up(&asked)).await;
        let total = shards.iter().map(|(_, total)| total).sum();
        let mut clients: Vec<ClientView> = shards.into_iter().flat_map(|(clients, _)| clients).collect();
        clients.sort_by_key(|client| {
            let behind = client.standing.behind + client.standing.queued_bytes;
            (std::cmp::Reverse(behind), std::cmp::Reverse(client.card.connected_at))
        });
        clients.truncate(query.limit);
        (clients, total)
    }

    /// Tells every client, or those that read `channel`; answers how many were told.
    pub async fn announce(&self, announcement: Announcement, channel: Option<String>) -> u64 {
        let told = self.on_each_shard(move |shard| shard.announce(&announcement, channel.as_deref()));
        told.await.into_iter().sum()
    }

    /// Puts a client out; false when there is no such client.
    pub async fn put_out(&self, client: ClientId, reason: String) -> bool {
        self.on_each_shard(move |shard| shard.put_out(client, &reason)).await.contains(&true)
    }

    /// Rooms that somebody reads, those with the most viewers first.
    pub async fn rooms(&self) -> Vec<RoomFigures> {
        let mut rooms: HashMap<ProjectId, RoomFigures> = HashMap::new();
        for here in self.on_each_shard(LocalShard::room_figures).await.into_iter().flatten() {
            let known = rooms.entry(here.room).or_insert(RoomFigures { viewers: 0, lagging: 0, ..here });
            known.viewers += here.viewers;
            known.lagging += here.lagging;
            known.behind_max = known.behind_max.max(here.behind_max);
            known.seq = known.seq.max(here.seq);
        }
        let mut rooms: Vec<RoomFigures> = rooms.into_values().collect();
        rooms.sort_by_key(|figures| (std::cmp::Reverse(figures.viewers), figures.room));
        rooms
    }

    /// Asks every shard on its own thread. One whose inbox is full is left out.
    async fn on_each_shard<T: Send + 'static>(
        &self,
        work: impl Fn(&LocalShard) -> T + Send + Sync + 'static,
    ) -> Vec<T> {
        let work = Arc::new(work);
        let answers = std::sync::Mutex::new(Vec::new());
        self.links.tell_shards(|| {
            let (answer, answered) = tokio::sync::oneshot::channel();
            answers.lock().unwrap_or_else(PoisonError::into_inner).push(answered);
            let work = work.clone();
            // Whoever asked may be gone.
            Notice::Run(Box::new(move |shard| drop(answer.send(work(&shard)))))
        });
        let mut given = Vec::new();
        for answered in answers.into_inner().unwrap_or_else(PoisonError::into_inner) {
            given.extend(answered.await.ok());
        }
        given
    }

    /// Figures for operators.
    pub async fn stats(&self) -> BrokerStats {
        let shards = self.shards.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (mut lagging, mut queued_bytes) = (0, 0);
        for shard in shards {
            if let Ok((behind, bytes)) = shard.send(Lag).await {
                lagging += behind;
                queued_bytes += bytes;
            }
        }
        let counters = &self.links.counters;
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (followers, sessions) = (load(&counters.followers), load(&counters.socketio_sessions));
        let channels = load(&counters.channel_sockets);
        let others = channels + load(&counters.socketio_sockets);
        let sockets = load(&counters.connections).saturating_sub(others);
        let total = sockets + channels + followers + sessions;
        let (active, largest) = self.links.room_figures();
        BrokerStats {
            connections: ConnectionStats {
                total,
                by_surface: [
                    (clients::Surface::Room, sockets),
                    (clients::Surface::Channels, channels),
                    (clients::Surface::Sse, followers),
                    (clients::Surface::SocketIo, sessions),
                ]
                .map(|(surface, count)| (surface.as_str().to_owned(), count))
                .into(),
                by_client_type: by_client_type(&counters.roll, total),
            },
            rooms: RoomStats { active, largest },
            events: EventStats {
                published_total: load(&counters.published),
                delivered_total: load(&counters.delivered),
                per_second: self.rate.measure(load(&counters.published)),
                skipped_total: [
                    ("log".to_owned(), load(&counters.skipped_log_lines)),
                    ("preview".to_owned(), load(&counters.skipped_previews)),
                ]
                .into(),
            },
            fanout_us: counters.fanout_us(self.links.now_us()),
            sockets: SocketStats { lagging, queued_bytes, closed: counters.closed_by_code() },
        }
    }
}

/// Those that have not said who they are yet are unknown.
fn by_client_type(roll: &clients::Roll, total: u64) -> BTreeMap<String, u64> {
    let known = roll.by_type();
    let enlisted: u64 = known.iter().map(|(_, count)| count).sum();
    known
        .into_iter()
        .map(|(kind, count)| match kind {
            ClientType::Unknown => (kind, count + total.saturating_sub(enlisted)),
            _ => (kind, count),
        })
        .filter(|(_, count)| *count > 0)
        .map(|(kind, count)| (kind.as_str().to_owned(), count))
        .collect()
}

impl Rate {
    /// Events per second since the last look that was at least a second ago.
    fn measure(&self, total: u64) -> f64 {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        let seconds = since.0.elapsed().as_secs_f64();
        if seconds >= 1.0 {
            let rate = (total - since.1) as f64 / seconds;
            self.per_second_milli.store((rate * 1000.0) as u64, Ordering::Relaxed);
            *since = (Instant::now(), total);
        }
        self.per_second_milli.load(Ordering::Relaxed) as f64 / 1000.0
    }
}
