//! The readers of one HTTP worker thread: which rooms they read and where each one stands.
//!
//! A reader is *caught up* when its position is that of the tail and its connection is idle. Caught-up readers are pushed
//! to; everyone else pulls, from the tail or from the engine, until it is caught up. Both move nothing but a position.

mod deliver;
mod notice;
mod seats;
mod tend;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use slab::Slab;

pub use self::notice::{Heartbeat, Notice, Phrases};
pub(in crate::broker) use self::seats::Follower;
use self::seats::{Reader, Seat, Seats};
use crate::broker::clients::LiveClient;
use crate::broker::counters::Counters;
use crate::broker::frame::Encoding;
use crate::broker::outlet::Outlet;
use crate::broker::registry::Links;
use crate::broker::room_actor::{Detach, Join, Viewers};
use crate::broker::slots::Slots;
use crate::broker::{BrokerError, Joined};
use crate::domain::ids::ProjectId;
use crate::domain::position::{Epoch, Position};

/// Sockets from which on a room is served by every shard: below, waking a second thread costs more than it spreads.
const SPREAD_AT: usize = 64;
/// Presence is said once nobody has come or gone for so long, so that a thousand people coming at once are one message.
const PRESENCE_AFTER: Duration = Duration::from_millis(250);
/// And where people keep coming and going, after so long for each of them: everyone is told each time.
const PRESENCE_PACE: Duration = Duration::from_micros(250);
/// The longest that presence may be behind.
const PRESENCE_WITHIN: Duration = Duration::from_secs(5);

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
    clients: RefCell<Slab<Rc<dyn LiveClient>>>,
    next_generation: Cell<u64>,
    /// There once the server goes down.
    leaving: RefCell<Option<Arc<Slots>>>,
    on_leave: RefCell<Vec<Box<dyn Fn()>>>,
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
            clients: RefCell::default(),
            next_generation: Cell::new(1),
            leaving: RefCell::default(),
            on_leave: RefCell::default(),
        }))
    }

    pub(crate) fn belongs_to(&self, links: &Arc<Links>) -> bool {
        Arc::ptr_eq(&self.0.links, links)
    }

    pub(in crate::broker) fn clients(&self) -> &RefCell<Slab<Rc<dyn LiveClient>>> {
        &self.0.clients
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
        self.send_away(outlet);
    }

    /// Whether readers of this room are here already, so that there is no question whether it exists.
    pub fn serves(&self, room: ProjectId) -> bool {
        self.0.rooms.borrow().get(&room).is_some_and(|seats| !seats.readers.borrow().is_empty())
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
        outlet.say_drained();
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
            presence_changed: Cell::new(false),
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

    /// The words for one connection.
    pub(in crate::broker) fn phrases(&self, outlet: &Outlet) -> Arc<dyn Phrases> {
        outlet.phrases.borrow().clone().unwrap_or_else(|| self.0.phrases.clone())
    }

    /// What else is to be done when the server goes down and clients are asked to leave.
    pub fn on_leave(&self, work: impl Fn() + 'static) {
        self.0.on_leave.borrow_mut().push(Box::new(work));
    }

    /// Figures of the live path.
    pub fn counters(&self) -> &Counters {
        &self.0.links.counters
    }

    pub(in crate::broker) fn follow(&self, entry: Entry, follower: Rc<Follower>) -> (ProjectId, usize) {
        self.followers(follower.encoding).fetch_add(1, Ordering::Relaxed);
        self.send_follower_away(&follower);
        let key = self.take_seat(&entry, Reader::Follower(follower));
        (entry.seats.room, key)
    }

    fn followers(&self, encoding: Encoding) -> &AtomicU64 {
        match encoding {
            Encoding::Tasks => &self.0.links.counters.task_followers,
            Encoding::Sse | Encoding::RoomSocket => &self.0.links.counters.followers,
        }
    }

    pub(in crate::broker) fn unfollow(&self, room: ProjectId, key: usize, follower: &Follower) {
        self.followers(follower.encoding).fetch_sub(1, Ordering::Relaxed);
        self.stand_up(room, key);
    }

    fn take_seat(&self, entry: &Entry, reader: Reader) -> usize {
        let seats = &entry.seats;
        seats.sockets.fetch_add(1, Ordering::Relaxed);
        let position = entry.joined.position.seq;
        let seat = Seat { reader, position, joined_at: position, slots_seen: 0, reading_log: false };
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
        seats.presence_changed.set(true);
        if seats.presence_due.replace(true) {
            return;
        }
        let (shard, seats) = (self.clone(), seats.clone());
        actix::spawn(async move {
            let since = Instant::now();
            while seats.presence_changed.replace(false) {
                tokio::time::sleep(PRESENCE_AFTER).await;
                if since.elapsed() >= presence_within(seats.sockets.load(Ordering::Relaxed)) {
                    break;
                }
            }
            seats.presence_due.set(false);
            let count = seats.readers.borrow().len() as u64;
            let viewers = Viewers { shard: shard.0.index, count };
            shard.0.links.tell(seats.room, viewers).await;
        });
    }
}

/// How long presence may be behind in a room of so many sockets.
fn presence_within(sockets: usize) -> Duration {
    let paced = PRESENCE_PACE.saturating_mul(u32::try_from(sockets).unwrap_or(u32::MAX));
    paced.clamp(PRESENCE_AFTER, PRESENCE_WITHIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presence_of_large_rooms_may_wait_longer() {
        for (sockets, ms) in [(0, 250), (1_000, 250), (4_000, 1_000), (10_000, 2_500), (1_000_000, 5_000)] {
            assert_eq!(presence_within(sockets), Duration::from_millis(ms), "{sockets}");
        }
    }
}
