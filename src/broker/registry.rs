//! Which rooms are live and which shards there are. A room is started from the log when it is first asked for.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Instant;

use actix::dev::ToEnvelope;
use actix::prelude::*;
use tokio::sync::broadcast;

use crate::broker::counters::Counters;
use crate::broker::frame::Encoders;
use crate::broker::house::House;
use crate::broker::inbox::{Inbox, inbox};
use crate::broker::room_actor::RoomActor;
use crate::broker::shard::Notice;
use crate::broker::{BrokerError, RunNews, RunStep};
use crate::domain::event::LoggedEvent;
use crate::domain::ids::ProjectId;
use crate::domain::position::Epoch;
use crate::engine::{Engine, EngineEvents};

/// Events that may wait for a room; one that is further behind reads the log instead.
const NEWS_CAPACITY: usize = 8192;

/// Steps that a listener may be behind by: it needs the newest of each run.
const STEPS_KEPT: usize = 256;

/// What rooms and shards share.
pub(crate) struct Links {
    /// All durable state.
    pub(crate) engine: Arc<dyn Engine>,
    /// How events become bytes.
    pub(crate) encoders: Arc<Encoders>,
    /// What is heard beyond its room.
    pub(crate) house: House,
    /// Figures.
    pub(crate) counters: Arc<Counters>,
    rooms: Mutex<HashMap<ProjectId, LiveRoom>>,
    shards: RwLock<Vec<ShardLink>>,
    watchers: RwLock<Vec<Inbox<RunNews>>>,
    /// Steps of runs as they are taken.
    pub(crate) steps: broadcast::Sender<RunStep>,
    next_home: AtomicUsize,
    started: Instant,
}

#[derive(Clone)]
struct LiveRoom {
    addr: Addr<RoomActor>,
    news: Inbox<LoggedEvent>,
    home: usize,
    sockets: Arc<AtomicUsize>,
    /// The first event that can still be read, shared with the actor so that a cut is known before it is answered.
    first: Arc<AtomicU64>,
}

/// The way to a shard from any thread.
#[derive(Clone)]
struct ShardLink {
    inbox: Inbox<Notice>,
    arbiter: ArbiterHandle,
}

/// Where new sockets of a room should live.
#[derive(Clone)]
pub(crate) struct Home {
    /// The shard.
    pub(crate) shard: usize,
    /// Sockets of the room, over all shards.
    pub(crate) sockets: Arc<AtomicUsize>,
}

impl Links {
    /// Nothing is live yet.
    pub(crate) fn new(engine: Arc<dyn Engine>, encoders: Arc<Encoders>) -> Self {
        Self {
            house: House::new(engine.clone(), encoders.house.clone()),
            engine,
            encoders,
            counters: Arc::new(Counters::default()),
            rooms: Mutex::new(HashMap::new()),
            shards: RwLock::new(Vec::new()),
            watchers: RwLock::new(Vec::new()),
            steps: broadcast::Sender::new(STEPS_KEPT),
            next_home: AtomicUsize::new(0),
            started: Instant::now(),
        }
    }

    /// Somebody who hears what happens to runs in every room.
    pub(crate) fn add_watcher(&self, news: Inbox<RunNews>) {
        self.watchers.write().unwrap_or_else(PoisonError::into_inner).push(news);
    }

    fn tell_watchers(&self, room: ProjectId, events: &[LoggedEvent]) {
        let watchers = self.watchers.read().unwrap_or_else(PoisonError::into_inner);
        if watchers.is_empty() {
            return;
        }
        // Lines are the bulk of what runs say, and the stored form begins with its type.
        let told = events.iter().filter(|event| !event.body_json.starts_with(r#"{"type":"log""#));
        let news: Vec<RunNews> = told
            .filter_map(|event| event.run_id.map(|run| RunNews { room, run, event: event.clone() }))
            .collect();
        if !news.is_empty() {
            for watcher in watchers.iter() {
                watcher.put(news.iter().cloned());
            }
        }
    }

    /// Microseconds of a clock that only goes forward, the same on every thread.
    pub(crate) fn now_us(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// A shard that lives on the arbiter of this thread. Answers its number.
    pub(crate) fn add_shard(&self, inbox: Inbox<Notice>) -> usize {
        let mut shards = self.shards.write().unwrap_or_else(PoisonError::into_inner);
        shards.push(ShardLink { inbox, arbiter: Arbiter::current() });
        shards.len() - 1
    }

    /// Sends a shard a notice. One that cannot be taken is made up for when the shard sees that its inbox overflowed.
    pub(crate) fn tell_shard(&self, shard: usize, notice: Notice) {
        if let Some(link) = self.shards.read().unwrap_or_else(PoisonError::into_inner).get(shard) {
            link.inbox.put([notice]);
        }
    }

    /// Sends every shard a notice.
    pub(crate) fn tell_shards(&self, notice: impl Fn() -> Notice) {
        for link in self.shards.read().unwrap_or_else(PoisonError::into_inner).iter() {
            link.inbox.put([notice()]);
        }
    }

    /// Asks a room; starts it when it is not live. A room that went away between finding and asking is started again.
    pub(crate) async fn ask<M, F>(
        self: &Arc<Self>,
        id: ProjectId,
        message: F,
    ) -> Result<M::Result, BrokerError>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        RoomActor: Handler<M>,
        <RoomActor as Actor>::Context: ToEnvelope<RoomActor, M>,
        F: Fn() -> M,
    {
        for _ in 0..3 {
            let room = self.live(id)?;
            match room.addr.send(message()).await {
                Ok(answer) => return Ok(answer),
                Err(_) => self.forget(id, &room.addr),
            }
        }
        Err(BrokerError::Closing)
    }

    /// Tells a room something if it is live.
    pub(crate) async fn tell<M>(&self, id: ProjectId, message: M)
    where
        M: Message<Result = ()> + Send + 'static,
        RoomActor: Handler<M>,
        <RoomActor as Actor>::Context: ToEnvelope<RoomActor, M>,
    {
        let room = self.lock().get(&id).map(|room| room.addr.clone());
        if let Some(room) = room {
            // A room that is gone has nobody to tell.
            let _ = room.send(message).await;
        }
    }

    /// Where new sockets of a room should live.
    pub(crate) fn home(self: &Arc<Self>, id: ProjectId) -> Result<Home, BrokerError> {
        let room = self.live(id)?;
        Ok(Home { shard: room.home, sockets: room.sockets })
    }

    fn live(self: &Arc<Self>, id: ProjectId) -> Result<LiveRoom, BrokerError> {
        let mut rooms = self.lock();
        if let Some(room) = rooms.get(&id)
            && room.addr.connected()
        {
            return Ok(room.clone());
        }
        let shards = self.shards.read().unwrap_or_else(PoisonError::into_inner);
        if shards.is_empty() {
            return Err(BrokerError::Closing);
        }
        let home = self.next_home.fetch_add(1, Ordering::Relaxed) % shards.len();
        let (news, reader) = inbox(NEWS_CAPACITY);
        let first = Arc::new(AtomicU64::new(1));
        let actor = RoomActor::new(id, self.clone(), first.clone(), reader);
        let addr = RoomActor::start_in_arbiter(&shards[home].arbiter, |_| actor);
        let room = LiveRoom { addr, news, home, sockets: Arc::new(AtomicUsize::new(0)), first };
        rooms.insert(id, room.clone());
        Ok(room)
    }

    /// A room's actor is put away. Without effect when another actor stands for the room by now: a project may be made
    /// again under an id that was removed.
    pub(crate) fn forget(&self, id: ProjectId, addr: &Addr<RoomActor>) {
        let mut rooms = self.lock();
        if rooms.get(&id).is_some_and(|room| room.addr == *addr) {
            rooms.remove(&id);
        }
    }

    /// Whether this actor still stands for its room.
    pub(crate) fn knows(&self, id: ProjectId, addr: &Addr<RoomActor>) -> bool {
        self.lock().get(&id).is_some_and(|room| room.addr == *addr)
    }

    /// The rooms that are live.
    pub(crate) fn live_rooms(&self) -> Vec<ProjectId> {
        self.lock().keys().copied().collect()
    }

    /// How many rooms are live, and how many sockets the largest has.
    pub(crate) fn room_figures(&self) -> (u64, u64) {
        let rooms = self.lock();
        let largest = rooms.values().map(|room| room.sockets.load(Ordering::Relaxed)).max().unwrap_or(0);
        (rooms.len() as u64, largest as u64)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ProjectId, LiveRoom>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EngineEvents for Links {
    fn appended(&self, room: ProjectId, _: Epoch, events: &[LoggedEvent]) {
        self.counters.published.fetch_add(events.len() as u64, Ordering::Relaxed);
        self.tell_watchers(room, events);
        let mut rooms = self.lock();
        let Some(live) = rooms.get(&room) else { return };
        if !live.news.put(events.iter().cloned()) {
            // Its actor is gone though nobody put it away: it panicked. Shards that listen ask for it again.
            rooms.remove(&room);
            drop(rooms);
            self.tell_shards(|| Notice::Rejoin { room });
        }
    }

    fn cut(&self, room: ProjectId, first: u64) {
        if let Some(live) = self.lock().get(&room) {
            live.first.fetch_max(first, Ordering::Relaxed);
        }
    }

    fn removed(&self, room: ProjectId) {
        self.lock().remove(&room);
        self.tell_shards(|| Notice::Removed { room });
    }

    fn grown(&self, _: u64) {
        self.house.grown();
    }
}
