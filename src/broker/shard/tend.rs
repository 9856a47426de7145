//! What a shard does besides delivering: takes notices in, keeps sockets alive, says goodbye.

use std::sync::Arc;

use crate::broker::clients::{RoomFigures, Standing};
use crate::broker::frame::Encoding;
use crate::broker::outlet::Outlet;
use crate::broker::shard::LocalShard;
use crate::broker::shard::notice::Notice;
use crate::broker::shard::seats::{Follower, Reader};
use crate::broker::slots::Slots;
use crate::broker::tail::Tail;
use crate::domain::ids::ProjectId;

impl LocalShard {
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
                Notice::Leave { slots } => self.ask_to_leave(slots),
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
                    outlet.give_reason("the project was removed");
                    outlet.end_after_flush(code);
                }
                Reader::Follower(follower) => {
                    follower.over.set(true);
                    follower.wake();
                }
            }
        }
    }

    /// Tells every client that the server goes down, each with its own moment to come back.
    fn ask_to_leave(&self, slots: Arc<Slots>) {
        self.0.on_leave.borrow().iter().for_each(|work| work());
        *self.0.leaving.borrow_mut() = Some(slots);
        let outlets: Vec<_> = self.0.outlets.borrow().iter().map(|(_, outlet)| outlet.clone()).collect();
        outlets.iter().for_each(|outlet| self.send_away(outlet));
        let rooms: Vec<_> = self.0.rooms.borrow().values().cloned().collect();
        for seats in rooms {
            for (_, seat) in seats.readers.borrow().iter() {
                if let Reader::Follower(follower) = &seat.reader {
                    self.send_follower_away(follower);
                }
            }
        }
    }

    /// Says goodbye to a socket when the server goes down.
    pub(super) fn send_away(&self, outlet: &Outlet) {
        if let Some(slots) = &*self.0.leaving.borrow() {
            let (bytes, code) = self.phrases(outlet).shutdown(slots.deal_ms());
            outlet.write(&bytes);
            outlet.give_reason("the server goes down");
            outlet.end_after_flush(code);
        }
    }

    /// Says goodbye to a follower when the server goes down.
    pub(super) fn send_follower_away(&self, follower: &Follower) {
        if let Some(slots) = &*self.0.leaving.borrow() {
            // Tasks are records of a session, which says goodbye itself; the words are those of an event stream.
            if follower.encoding == Encoding::Sse {
                follower.give(self.0.phrases.follow_later(slots.deal_ms()));
            }
            follower.over.set(true);
            follower.wake();
        }
    }

    /// Pings who was not pinged for a while, and ends who was silent or took nothing for too long.
    pub(crate) fn sweep(&self) {
        let (now, heartbeat) = (self.now_ms(), self.0.heartbeat);
        let ping = self.0.phrases.ping();
        let outlets: Vec<_> = self.0.outlets.borrow().iter().map(|(_, outlet)| outlet.clone()).collect();
        for outlet in outlets {
            let stalled = outlet.pending_bytes() > 0 && now - outlet.progress_ms.get() >= heartbeat.stall_ms;
            // Taking bytes is a sign of life: behind all that a narrow line has to carry, a ping is heard late.
            let alive_ms = outlet.heard_ms.get().max(outlet.progress_ms.get());
            if stalled {
                outlet.give_reason("the client took nothing of what waited for it");
                outlet.end_now();
            } else if now - alive_ms >= heartbeat.silence_ms {
                outlet.give_reason("the client was silent for too long");
                outlet.end_now();
            } else if now - outlet.pinged_ms.get() >= heartbeat.ping_ms && outlet.is_idle() {
                outlet.pinged_ms.set(now);
                outlet.write(&ping);
            }
        }
    }

    /// How a reader stands in a room.
    pub fn standing_at(&self, room: ProjectId, key: usize) -> Standing {
        let rooms = self.0.rooms.borrow();
        let Some(seats) = rooms.get(&room) else { return Standing::default() };
        let readers = seats.readers.borrow();
        let Some(seat) = readers.get(key) else { return Standing::default() };
        let last = seats.tail.borrow().last().unwrap_or(0);
        Standing {
            sent: seat.position.saturating_sub(seat.joined_at),
            behind: last.saturating_sub(seat.position),
            ..Standing::default()
        }
    }

    /// How the client of a connection stands.
    pub fn standing_of(&self, outlet: &Outlet) -> Standing {
        let mut standing = Standing {
            queued_bytes: outlet.pending_bytes() as u64,
            heard_ms: outlet.heard_ms.get(),
            ..Standing::default()
        };
        for (room, key) in outlet.seats.borrow().iter() {
            standing.add_seat(self.standing_at(*room, *key));
        }
        standing
    }

    /// The rooms that somebody reads here.
    pub(in crate::broker) fn room_figures(&self) -> Vec<RoomFigures> {
        let rooms = self.0.rooms.borrow();
        let figures = rooms.values().map(|seats| {
            let seq = seats.tail.borrow().last().unwrap_or(0);
            let mut figures = RoomFigures { room: seats.room, viewers: 0, lagging: 0, behind_max: 0, seq };
            for (_, seat) in seats.readers.borrow().iter() {
                let behind = seq.saturating_sub(seat.position);
                figures.viewers += 1;
                figures.lagging += u64::from(behind > 0);
                figures.behind_max = figures.behind_max.max(behind);
            }
            figures
        });
        figures.collect()
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
