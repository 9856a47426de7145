//! The readers of one HTTP worker thread: which rooms they read and where each one stands.
//!
//! A reader is *caught up* when its position is that of the tail and its connection is idle. Caught-up readers are pushed
//! to; everyone else pulls, from the tail or from the engine, until it is caught up. Both move nothing but a position.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use slab::Slab;

use crate::broker::frame::{Encoding, Frame};
use crate::broker::outlet::Outlet;
use crate::broker::registry::Links;
use crate::broker::room_actor::{Detach, Join, Viewers};
use crate::broker::tail::{Tail, TailRead};
use crate::broker::{BrokerError, Joined};
use crate::domain::ids::ProjectId;
use crate::domain::position::{Epoch, Position};
use crate::engine::ReadLimit;

/// Bytes joined into one write.
const WRITE_BYTES: usize = 64 * 1024;
/// How much of the log a reader that is behind takes at once; it is in memory until the peer took it.
const PULL_LIMIT: ReadLimit = ReadLimit { events: 1024, bytes: 256 * 1024 };
/// Sockets written to before others on this thread get their turn.
const SLICE: usize = 256;
/// Sockets from which on a room is served by every shard: below, waking a second thread costs more than it spreads.
const SPREAD_AT: usize = 64;
/// Presence is said at most this often, so that a thousand people coming at once are one message.
const PRESENCE_EVERY: std::time::Duration = std::time::Duration::from_millis(250);

/// News for a shard.
pub enum Notice {
    /// New events of a room, in order.
    Frames {
        /// Which room.
        room: ProjectId,
        /// The events.
        frames: Arc<[Arc<Frame>]>,
    },
    /// How many viewers a room has.
    Viewers {
        /// Which room.
        room: ProjectId,
        /// How many.
        count: u64,
    },
    /// Something of which only the newest counts.
    Slot {
        /// Which room.
        room: ProjectId,
        /// Which of its slots.
        key: &'static str,
        /// The encoded message.
        bytes: Bytes,
    },
    /// The room's actor was lost; ask for it again.
    Rejoin {
        /// Which room.
        room: ProjectId,
    },
    /// The room is gone for good.
    Removed {
        /// Which room.
        room: ProjectId,
    },
    /// Work for this thread, like a connection that moves here.
    Run(Box<dyn FnOnce(LocalShard) + Send>),
    /// The server goes down; sockets are asked to leave.
    Leave {
        /// They come back within this time, each at its own moment.
        spread_ms: u64,
    },
}

/// The messages that a shard itself has to say on a socket; surfaces own their form.
pub trait Phrases: Send + Sync + 'static {
    /// How many viewers a room has.
    fn presence(&self, viewers: u64) -> Bytes;
    /// A heartbeat.
    fn ping(&self) -> Bytes;
    /// The server goes down: a message with this client's own slot, and a close frame.
    fn shutdown(&self, reconnect_in_ms: u64) -> (Bytes, u16);
    /// The project is gone: a close frame.
    fn removed(&self) -> (Bytes, u16);
}

/// How sockets are kept alive.
#[derive(Clone, Copy, Debug)]
pub struct Heartbeat {
    /// A peer is pinged when it was not for so long.
    pub ping_ms: u64,
    /// A peer that was silent for so long is closed.
    pub silence_ms: u64,
    /// A peer that took no byte of what waits for so long is closed.
    pub stall_ms: u64,
}

/// The shard of this thread.
#[derive(Clone)]
pub struct LocalShard(Rc<Shard>);

struct Shard {
    index: usize,
    links: Arc<Links>,
    phrases: Arc<dyn Phrases>,
    heartbeat: Heartbeat,
    started: Instant,
    rooms: RefCell<HashMap<ProjectId, Rc<Seats>>>,
    outlets: RefCell<Slab<Rc<Outlet>>>,
    next_generation: Cell<u64>,
}

/// One room as this shard knows it.
struct Seats {
    room: ProjectId,
    generation: u64,
    epoch: Cell<Option<Epoch>>,
    tail: RefCell<Tail>,
    readers: RefCell<Slab<Seat>>,
    /// Readers that are being let in.
    joining: Cell<usize>,
    /// Sockets of the room over all shards; readers here are counted in.
    sockets: Arc<AtomicUsize>,
    /// Caught-up readers stand here.
    pushed: Cell<u64>,
    pushing: Cell<bool>,
    slots: RefCell<Vec<Slot>>,
    slot_version: Cell<u32>,
    presence_due: Cell<bool>,
}

struct Slot {
    key: &'static str,
    version: u32,
    bytes: Bytes,
}

struct Seat {
    reader: Reader,
    position: u64,
    slots_seen: u32,
    reading_log: bool,
}

#[derive(Clone)]
pub(crate) enum Reader {
    /// A connection that was taken over.
    Socket(Rc<Outlet>),
    /// A follower over HTTP: it takes for itself when woken.
    Follower(Rc<Follower>),
}

/// What a follower and its seat share.
#[derive(Default)]
pub(crate) struct Follower {
    pub(crate) waker: RefCell<Option<std::task::Waker>>,
    pub(crate) chunks: RefCell<std::collections::VecDeque<Bytes>>,
    pub(crate) over: Cell<bool>,
    /// The consumer has taken all it was given.
    pub(crate) hungry: Cell<bool>,
}

impl Follower {
    fn give(&self, bytes: Bytes) {
        self.chunks.borrow_mut().push_back(bytes);
        self.hungry.set(false);
        self.wake();
    }

    pub(crate) fn wake(&self) {
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

impl Reader {
    fn encoding(&self) -> Encoding {
        match self {
            Reader::Socket(_) => Encoding::RoomSocket,
            Reader::Follower(_) => Encoding::Sse,
        }
    }

    fn is_idle(&self) -> bool {
        match self {
            Reader::Socket(outlet) => outlet.is_idle(),
            Reader::Follower(follower) => follower.hungry.get(),
        }
    }

    fn write(&self, bytes: &Bytes) {
        match self {
            Reader::Socket(outlet) => outlet.write(bytes),
            Reader::Follower(follower) => follower.give(bytes.clone()),
        }
    }
}

/// A reader that was let in and has no seat yet. Dropping it gives its place up.
pub struct Entry {
    shard: LocalShard,
    seats: Rc<Seats>,
    /// How it was let in.
    pub joined: Joined,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.seats.joining.set(self.seats.joining.get() - 1);
        self.shard.leave_if_empty(&self.seats);
    }
}

impl LocalShard {
    pub(crate) fn new(
        links: Arc<Links>,
        phrases: Arc<dyn Phrases>,
        heartbeat: Heartbeat,
        index: usize,
    ) -> Self {
        Self(Rc::new(Shard {
            index,
            links,
            phrases,
            heartbeat,
            started: Instant::now(),
            rooms: RefCell::default(),
            outlets: RefCell::default(),
            next_generation: Cell::new(1),
        }))
    }

    pub(crate) fn belongs_to(&self, links: &Arc<Links>) -> bool {
        Arc::ptr_eq(&self.0.links, links)
    }

    /// Its number.
    pub fn index(&self) -> usize {
        self.0.index
    }

    /// Milliseconds of a clock that only goes forward.
    pub fn now_ms(&self) -> u64 {
        u64::try_from(self.0.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// A connection lives on this shard from now on: it is pinged, counted and asked to leave.
    pub fn adopt(&self, outlet: &Rc<Outlet>) {
        let now = self.now_ms();
        outlet.heard_ms.set(now);
        outlet.pinged_ms.set(now);
        outlet.progress_ms.set(now);
        outlet.place.set(self.0.outlets.borrow_mut().insert(outlet.clone()));
        self.0.links.counters.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// Where new sockets of a room should live, when that is not here: a small room has all of them on one thread, a
    /// large one spreads.
    ///
    /// # Errors
    /// When no room can be started.
    pub fn better_home(&self, room: ProjectId) -> Result<Option<usize>, BrokerError> {
        let home = self.0.links.home(room)?;
        let stays = home.shard == self.0.index || home.sockets.load(Ordering::Relaxed) >= SPREAD_AT;
        Ok((!stays).then_some(home.shard))
    }

    /// Does work on the thread of another shard.
    pub fn run_on(&self, shard: usize, work: impl FnOnce(LocalShard) + Send + 'static) {
        self.0.links.tell_shard(shard, Notice::Run(Box::new(work)));
    }

    /// The peer was heard.
    pub fn heard(&self, outlet: &Outlet) {
        outlet.heard_ms.set(self.now_ms());
    }

    /// A connection is gone.
    pub fn release(&self, outlet: &Rc<Outlet>) {
        let seats = std::mem::take(&mut *outlet.seats.borrow_mut());
        for (room, key) in seats {
            self.stand_up(room, key);
        }
        if self.0.outlets.borrow_mut().try_remove(outlet.place.get()).is_some() {
            outlet.place.set(usize::MAX);
            self.0.links.counters.connections.fetch_sub(1, Ordering::Relaxed);
            self.0.links.counters.closed(outlet.close_code());
        }
    }

    /// Lets a reader into a room: one question, one answer that carries everything.
    ///
    /// # Errors
    /// When there is no such room.
    pub async fn join(&self, room: ProjectId, since: Option<Position>) -> Result<Entry, BrokerError> {
        let seats = self.seats(room)?;
        seats.joining.set(seats.joining.get() + 1);
        // From here on the entry gives the place up whatever happens.
        let placeholder = Joined {
            position: Position { epoch: Epoch(0), seq: 0 },
            head: 0,
            resumed: false,
            gap: None,
            view: None,
        };
        let mut entry = Entry { shard: self.clone(), seats: seats.clone(), joined: placeholder };
        let (shard, generation) = (self.0.index, seats.generation);
        let links = &self.0.links;
        let joined = links.ask(room, || Join { shard, generation, since }).await??;
        seats.epoch.set(Some(joined.position.epoch));
        // The room stood there when it began to tell this shard its news.
        seats.tail.borrow_mut().begin_at(joined.head);
        entry.joined = joined;
        Ok(entry)
    }

    fn seats(&self, room: ProjectId) -> Result<Rc<Seats>, BrokerError> {
        if let Some(seats) = self.0.rooms.borrow().get(&room) {
            return Ok(seats.clone());
        }
        let sockets = self.0.links.home(room)?.sockets;
        let generation = self.0.next_generation.get();
        self.0.next_generation.set(generation + 1);
        let seats = Rc::new(Seats {
            room,
            generation,
            epoch: Cell::new(None),
            tail: RefCell::default(),
            readers: RefCell::default(),
            joining: Cell::new(0),
            sockets,
            pushed: Cell::new(0),
            pushing: Cell::new(false),
            slots: RefCell::default(),
            slot_version: Cell::new(0),
            presence_due: Cell::new(false),
        });
        self.0.rooms.borrow_mut().insert(room, seats.clone());
        Ok(seats)
    }

    /// Gives a socket its seat: from now on it gets everything after the position it was let in at.
    pub fn sit(&self, entry: Entry, outlet: &Rc<Outlet>) {
        let key = self.take_seat(&entry, Reader::Socket(outlet.clone()));
        outlet.seats.borrow_mut().push((entry.seats.room, key));
        self.pull(&entry.seats, key);
    }

    pub(crate) fn follow(&self, entry: Entry, follower: Rc<Follower>) -> (ProjectId, usize) {
        self.0.links.counters.followers.fetch_add(1, Ordering::Relaxed);
        let key = self.take_seat(&entry, Reader::Follower(follower));
        (entry.seats.room, key)
    }

    pub(crate) fn unfollow(&self, room: ProjectId, key: usize) {
        self.0.links.counters.followers.fetch_sub(1, Ordering::Relaxed);
        self.stand_up(room, key);
    }

    fn take_seat(&self, entry: &Entry, reader: Reader) -> usize {
        let seats = &entry.seats;
        seats.sockets.fetch_add(1, Ordering::Relaxed);
        let seat = Seat { reader, position: entry.joined.position.seq, slots_seen: 0, reading_log: false };
        let key = seats.readers.borrow_mut().insert(seat);
        self.say_presence(seats);
        key
    }

    fn stand_up(&self, room: ProjectId, key: usize) {
        let Some(seats) = self.0.rooms.borrow().get(&room).cloned() else { return };
        if seats.readers.borrow_mut().try_remove(key).is_some() {
            seats.sockets.fetch_sub(1, Ordering::Relaxed);
            self.say_presence(&seats);
            self.leave_if_empty(&seats);
        }
    }

    fn leave_if_empty(&self, seats: &Rc<Seats>) {
        if seats.joining.get() > 0 || !seats.readers.borrow().is_empty() {
            return;
        }
        let mut rooms = self.0.rooms.borrow_mut();
        if rooms.get(&seats.room).is_some_and(|known| known.generation == seats.generation) {
            rooms.remove(&seats.room);
            let (links, room) = (self.0.links.clone(), seats.room);
            let detach = Detach { shard: self.0.index, generation: seats.generation };
            actix::spawn(async move { links.tell(room, detach).await });
        }
    }

    /// Tells the room how many viewers are here, once for all changes of a moment.
    fn say_presence(&self, seats: &Rc<Seats>) {
        if seats.presence_due.replace(true) {
            return;
        }
        let (shard, seats) = (self.clone(), seats.clone());
        actix::spawn(async move {
            tokio::time::sleep(PRESENCE_EVERY).await;
            seats.presence_due.set(false);
            let count = seats.readers.borrow().len() as u64;
            let viewers = Viewers { shard: shard.0.index, count };
            shard.0.links.tell(seats.room, viewers).await;
        });
    }

    /// Everything that waited for this connection has gone out: what it is behind by is pulled.
    pub fn drained(&self, outlet: &Rc<Outlet>) {
        let seats = outlet.seats.borrow().clone();
        for (room, key) in seats {
            let room = self.0.rooms.borrow().get(&room).cloned();
            if let Some(seats) = room {
                self.pull(&seats, key);
            }
        }
    }

    pub(crate) fn pull_follower(&self, room: ProjectId, key: usize) {
        let seats = self.0.rooms.borrow().get(&room).cloned();
        if let Some(seats) = seats {
            self.pull(&seats, key);
        }
    }

    /// Moves a reader on until it is caught up, its peer takes no more, or the log has to be read.
    fn pull(&self, seats: &Rc<Seats>, key: usize) {
        let mut readers = seats.readers.borrow_mut();
        let Some(seat) = readers.get_mut(key) else { return };
        while seat.reader.is_idle() && !seat.reading_log {
            match seats.tail.borrow().read(seat.position, seat.reader.encoding(), WRITE_BYTES) {
                TailRead::Frames { bytes, last, count } => {
                    seat.position = last;
                    seat.reader.write(&bytes);
                    self.0.links.counters.delivered.fetch_add(count as u64, Ordering::Relaxed);
                }
                TailRead::CaughtUp => {
                    give_slots(seats, seat);
                    return;
                }
                TailRead::Left => {
                    seat.reading_log = true;
                    self.read_log(seats.clone(), key, seat.position, seat.reader.clone());
                }
            }
        }
    }

    /// Reads the next chunk of the log for a reader whose position has left the tail.
    fn read_log(&self, seats: Rc<Seats>, key: usize, after: u64, reader: Reader) {
        let shard = self.clone();
        let page = self.0.links.engine.read_log(seats.room, after, PULL_LIMIT);
        actix::spawn(async move {
            let page = page.await;
            let mut readers = seats.readers.borrow_mut();
            let Some(seat) = readers.get_mut(key) else { return };
            if !seat.reader.is(&reader) {
                // The seat was given to somebody else meanwhile.
                return;
            }
            seat.reading_log = false;
            match page {
                Ok(page) if !page.events.is_empty() => {
                    let epoch = seats.epoch.get().unwrap_or(Epoch(0));
                    let mut joined = BytesMut::new();
                    for event in page.events {
                        seat.position = event.seq;
                        let frame = Frame::new(seats.room, epoch, event, shard.0.links.encoders.clone());
                        joined.extend_from_slice(frame.bytes(reader.encoding()));
                        shard.0.links.counters.delivered.fetch_add(1, Ordering::Relaxed);
                    }
                    reader.write(&joined.freeze());
                    drop(readers);
                    shard.pull(&seats, key);
                }
                // The log was cut off or the project removed under the reader: it comes back and is told the gap.
                Ok(_) => shard.end(&reader),
                Err(error) => {
                    log::warn!("a reader that is behind cannot read the log: {error} room.id={}", seats.room);
                    shard.end(&reader);
                }
            }
        });
    }

    fn end(&self, reader: &Reader) {
        match reader {
            Reader::Socket(outlet) => {
                let (bytes, code) = self.0.phrases.shutdown(1000);
                outlet.write(&bytes);
                outlet.end_after_flush(code);
            }
            Reader::Follower(follower) => {
                follower.over.set(true);
                follower.wake();
            }
        }
    }

    /// Takes notices in; answers the rooms that have something to push.
    pub(crate) fn take(&self, notices: Vec<Notice>, overflowed: bool) -> Vec<ProjectId> {
        let mut dirty = Vec::new();
        for notice in notices {
            match notice {
                Notice::Frames { room, frames } => {
                    let Some(seats) = self.0.rooms.borrow().get(&room).cloned() else { continue };
                    let mut tail = seats.tail.borrow_mut();
                    if tail.last().is_none()
                        && let Some(first) = frames.first()
                    {
                        tail.begin_at(first.seq() - 1);
                    }
                    tail.extend(&frames);
                    if !dirty.contains(&room) {
                        dirty.push(room);
                    }
                }
                Notice::Viewers { room, count } => {
                    self.put_slot(room, "presence", self.0.phrases.presence(count))
                }
                Notice::Slot { room, key, bytes } => self.put_slot(room, key, bytes),
                Notice::Rejoin { room } => self.rejoin(room),
                Notice::Removed { room } => self.remove(room),
                Notice::Run(work) => work(self.clone()),
                Notice::Leave { spread_ms } => self.ask_to_leave(spread_ms),
            }
        }
        if overflowed {
            let rooms: Vec<_> = self.0.rooms.borrow().keys().copied().collect();
            for room in rooms {
                self.rejoin(room);
            }
        }
        dirty
    }

    /// Pushes what is new to the readers that are caught up, a slice at a time.
    pub(crate) async fn push(&self, room: ProjectId) {
        let Some(seats) = self.0.rooms.borrow().get(&room).cloned() else { return };
        if seats.pushing.replace(true) {
            return;
        }
        let mut born: Option<Instant> = None;
        loop {
            let last = seats.tail.borrow().last().unwrap_or(0);
            if seats.pushed.get() >= last {
                break;
            }
            born.get_or_insert_with(Instant::now);
            let from = seats.pushed.get();
            let socket = seats.tail.borrow().read(from, Encoding::RoomSocket, WRITE_BYTES);
            let (joined, reached, count) = match socket {
                TailRead::Frames { bytes, last, count } => (bytes, last, count as u64),
                // Nobody stands there: everyone pulls.
                TailRead::CaughtUp | TailRead::Left => (Bytes::new(), last, 0),
            };
            seats.pushed.set(reached);
            let mut key = 0;
            loop {
                let mut pulls = Vec::new();
                let end = {
                    let mut readers = seats.readers.borrow_mut();
                    let end = readers.capacity();
                    let mut pushed = 0;
                    while key < end && pushed < SLICE {
                        if let Some(seat) = readers.get_mut(key) {
                            match &seat.reader {
                                Reader::Socket(outlet)
                                    if seat.position == from
                                        && count > 0
                                        && !seat.reading_log
                                        && outlet.is_idle() =>
                                {
                                    outlet.write(&joined);
                                    seat.position = reached;
                                    self.0.links.counters.delivered.fetch_add(count, Ordering::Relaxed);
                                    pushed += 1;
                                }
                                _ if seat.position < reached && seat.reader.is_idle() => pulls.push(key),
                                _ => {}
                            }
                        }
                        key += 1;
                    }
                    end
                };
                for key in pulls {
                    self.pull(&seats, key);
                }
                if key >= end {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        if let Some(born) = born {
            let micros = u64::try_from(born.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.0.links.counters.fanned_out(self.0.links.now_us(), micros);
        }
        seats.pushing.set(false);
    }

    fn put_slot(&self, room: ProjectId, key: &'static str, bytes: Bytes) {
        let Some(seats) = self.0.rooms.borrow().get(&room).cloned() else { return };
        let version = seats.slot_version.get() + 1;
        seats.slot_version.set(version);
        {
            let mut slots = seats.slots.borrow_mut();
            match slots.iter_mut().find(|slot| slot.key == key) {
                Some(slot) => {
                    slot.version = version;
                    slot.bytes = bytes;
                }
                None => slots.push(Slot { key, version, bytes }),
            }
        }
        let last = seats.tail.borrow().last().unwrap_or(0);
        for (_, seat) in seats.readers.borrow_mut().iter_mut() {
            if seat.position >= last && seat.reader.is_idle() && !seat.reading_log {
                give_slots(&seats, seat);
            }
        }
    }

    fn rejoin(&self, room: ProjectId) {
        let Some(seats) = self.0.rooms.borrow().get(&room).cloned() else { return };
        let shard = self.clone();
        actix::spawn(async move {
            match shard.join(room, None).await {
                Ok(entry) => {
                    // What lies between is in the log; every reader pulls it from there.
                    let head = entry.joined.head;
                    let mut tail = seats.tail.borrow_mut();
                    if tail.last().is_none_or(|last| last < head) {
                        *tail = Tail::default();
                        tail.begin_at(head);
                    }
                    drop(tail);
                    let keys: Vec<usize> = seats.readers.borrow().iter().map(|(key, _)| key).collect();
                    for key in keys {
                        shard.pull(&seats, key);
                    }
                }
                Err(error) => {
                    log::error!("a room could not be started again: {error} room.id={room}");
                    let readers: Vec<_> =
                        seats.readers.borrow().iter().map(|(_, seat)| seat.reader.clone()).collect();
                    readers.iter().for_each(|reader| shard.end(reader));
                }
            }
        });
    }

    fn remove(&self, room: ProjectId) {
        let Some(seats) = self.0.rooms.borrow_mut().remove(&room) else { return };
        let (bytes, code) = self.0.phrases.removed();
        for (_, seat) in seats.readers.borrow().iter() {
            match &seat.reader {
                Reader::Socket(outlet) => {
                    outlet.write(&bytes);
                    outlet.end_after_flush(code);
                }
                Reader::Follower(follower) => {
                    follower.over.set(true);
                    follower.wake();
                }
            }
        }
    }

    /// Tells every socket that the server goes down, each with its own moment to come back.
    fn ask_to_leave(&self, spread_ms: u64) {
        let outlets: Vec<_> = self.0.outlets.borrow().iter().map(|(_, outlet)| outlet.clone()).collect();
        let count = outlets.len().max(1) as u64;
        for (place, outlet) in outlets.iter().enumerate() {
            let (bytes, code) = self.0.phrases.shutdown(spread_ms * place as u64 / count);
            outlet.write(&bytes);
            outlet.end_after_flush(code);
        }
        let rooms: Vec<_> = self.0.rooms.borrow().values().cloned().collect();
        for seats in rooms {
            for (_, seat) in seats.readers.borrow().iter() {
                if let Reader::Follower(follower) = &seat.reader {
                    follower.over.set(true);
                    follower.wake();
                }
            }
        }
    }

    /// Pings who was not pinged for a while, and ends who was silent or took nothing for too long.
    pub(crate) fn sweep(&self) {
        let (now, heartbeat) = (self.now_ms(), self.0.heartbeat);
        let ping = self.0.phrases.ping();
        let outlets: Vec<_> = self.0.outlets.borrow().iter().map(|(_, outlet)| outlet.clone()).collect();
        for outlet in outlets {
            let stalled = outlet.pending_bytes() > 0 && now - outlet.progress_ms.get() >= heartbeat.stall_ms;
            if stalled || now - outlet.heard_ms.get() >= heartbeat.silence_ms {
                outlet.end_now();
            } else if now - outlet.pinged_ms.get() >= heartbeat.ping_ms && outlet.is_idle() {
                outlet.pinged_ms.set(now);
                outlet.write(&ping);
            }
        }
    }

    /// Readers that are behind the tail of their room, and bytes that wait for peers.
    pub(crate) fn lag(&self) -> (u64, u64) {
        let lagging = self
            .0
            .rooms
            .borrow()
            .values()
            .map(|seats| {
                let last = seats.tail.borrow().last().unwrap_or(0);
                seats.readers.borrow().iter().filter(|(_, seat)| seat.position < last).count() as u64
            })
            .sum();
        let queued = self.0.outlets.borrow().iter().map(|(_, outlet)| outlet.pending_bytes() as u64).sum();
        (lagging, queued)
    }
}

impl Reader {
    fn is(&self, other: &Reader) -> bool {
        match (self, other) {
            (Reader::Socket(a), Reader::Socket(b)) => Rc::ptr_eq(a, b),
            (Reader::Follower(a), Reader::Follower(b)) => Rc::ptr_eq(a, b),
            _ => false,
        }
    }
}

/// Gives a caught-up reader the newest of each slot that it has not seen. Followers get none: a server-sent event
/// without a position would move `Last-Event-ID` nowhere.
fn give_slots(seats: &Seats, seat: &mut Seat) {
    let newest = seats.slot_version.get();
    if seat.slots_seen == newest {
        return;
    }
    if let Reader::Socket(outlet) = &seat.reader {
        for slot in seats.slots.borrow().iter().filter(|slot| slot.version > seat.slots_seen) {
            outlet.write(&slot.bytes);
        }
    }
    seat.slots_seen = newest;
}
