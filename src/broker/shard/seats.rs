//! The readers of one room on one shard: where each one stands and how it is written to.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::Waker;

use bytes::Bytes;
use slab::Slab;

use crate::broker::frame::Encoding;
use crate::broker::outlet::Outlet;
use crate::broker::tail::Tail;
use crate::domain::ids::ProjectId;
use crate::domain::position::Epoch;

/// One room as this shard knows it.
pub(in crate::broker) struct Seats {
    pub(in crate::broker) room: ProjectId,
    pub(in crate::broker) generation: u64,
    pub(in crate::broker) epoch: Cell<Option<Epoch>>,
    pub(in crate::broker) tail: RefCell<Tail>,
    pub(in crate::broker) readers: RefCell<Slab<Seat>>,
    /// Readers that are being let in.
    pub(in crate::broker) joining: Cell<usize>,
    /// Sockets of the room over all shards; readers here are counted in.
    pub(in crate::broker) sockets: Arc<AtomicUsize>,
    /// Caught-up readers stand here.
    pub(in crate::broker) pushed: Cell<u64>,
    pub(in crate::broker) pushing: Cell<bool>,
    pub(in crate::broker) slots: RefCell<Vec<Slot>>,
    pub(in crate::broker) slot_version: Cell<u32>,
    /// Somebody waits to say how many are here.
    pub(in crate::broker) presence_due: Cell<bool>,
    /// Somebody came or went since that was last looked at.
    pub(in crate::broker) presence_changed: Cell<bool>,
}

pub(in crate::broker) struct Slot {
    pub(in crate::broker) key: &'static str,
    pub(in crate::broker) version: u32,
    pub(in crate::broker) bytes: Bytes,
}

pub(in crate::broker) struct Seat {
    pub(in crate::broker) reader: Reader,
    pub(in crate::broker) position: u64,
    /// Where it stood when it sat down: what it was given since is the difference.
    pub(in crate::broker) joined_at: u64,
    pub(in crate::broker) slots_seen: u32,
    pub(in crate::broker) reading_log: bool,
}

#[derive(Clone)]
pub(in crate::broker) enum Reader {
    /// A connection that was taken over.
    Socket(Rc<Outlet>),
    /// A follower over HTTP: it takes for itself when woken.
    Follower(Rc<Follower>),
}

/// What a follower and its seat share.
pub(in crate::broker) struct Follower {
    pub(in crate::broker) encoding: Encoding,
    pub(in crate::broker) waker: RefCell<Option<Waker>>,
    pub(in crate::broker) chunks: RefCell<VecDeque<Bytes>>,
    pub(in crate::broker) over: Cell<bool>,
    /// The consumer has taken all it was given.
    pub(in crate::broker) hungry: Cell<bool>,
}

impl Follower {
    pub(in crate::broker) fn new(encoding: Encoding) -> Self {
        let (waker, chunks) = (RefCell::default(), RefCell::default());
        Self { encoding, waker, chunks, over: Cell::new(false), hungry: Cell::new(false) }
    }

    pub(in crate::broker) fn give(&self, bytes: Bytes) {
        self.chunks.borrow_mut().push_back(bytes);
        self.hungry.set(false);
        self.wake();
    }

    pub(in crate::broker) fn wake(&self) {
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

impl Reader {
    pub(in crate::broker) fn encoding(&self) -> Encoding {
        match self {
            Reader::Socket(_) => Encoding::RoomSocket,
            Reader::Follower(follower) => follower.encoding,
        }
    }

    pub(in crate::broker) fn is_idle(&self) -> bool {
        match self {
            Reader::Socket(outlet) => outlet.is_idle(),
            Reader::Follower(follower) => follower.hungry.get(),
        }
    }

    pub(in crate::broker) fn write(&self, bytes: &Bytes) {
        match self {
            Reader::Socket(outlet) => outlet.write(bytes),
            Reader::Follower(follower) => follower.give(bytes.clone()),
        }
    }
}

impl Reader {
    /// Whether it is the very same reader.
    pub(in crate::broker) fn is(&self, other: &Reader) -> bool {
        match (self, other) {
            (Reader::Socket(a), Reader::Socket(b)) => Rc::ptr_eq(a, b),
            (Reader::Follower(a), Reader::Follower(b)) => Rc::ptr_eq(a, b),
            _ => false,
        }
    }
}

/// Gives a caught-up reader the newest of each slot that it has not seen. Followers get none: a server-sent event
/// without a position would move `Last-Event-ID` nowhere.
pub(in crate::broker) fn give_slots(seats: &Seats, seat: &mut Seat) {
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
