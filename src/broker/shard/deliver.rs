//! How events reach readers: pushed to those that are caught up, pulled by those that are behind.

use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use crate::broker::frame::{Encoding, Frame};
use crate::broker::outlet::Outlet;
use crate::broker::shard::LocalShard;
use crate::broker::shard::seats::{Reader, Seats, Slot, give_slots};
use crate::broker::tail::TailRead;
use crate::domain::ids::ProjectId;
use crate::domain::position::Epoch;
use crate::engine::ReadLimit;

/// Bytes joined into one write.
const WRITE_BYTES: usize = 64 * 1024;
/// How much of the log a reader that is behind takes at once; it is in memory until the peer took it, for each of them.
const PULL_LIMIT: ReadLimit = ReadLimit { events: 1024, bytes: WRITE_BYTES };
/// Sockets written to before others on this thread get their turn: about a quarter of a millisecond.
const SLICE: usize = 64;

/// A pass over fewer sockets than this takes is cheap enough to be made for every event.
const PACED_FROM: Duration = Duration::from_millis(1);
/// The longest that waiting events are held for company.
const PACE_MAX: Duration = Duration::from_millis(5);

/// How long to wait before the next pass over the sockets of a room.
///
/// A pass costs one write per socket however many events it carries. When events came in while one was made, publishers
/// are as fast as the sockets can be written to, and as long a pause again lets more come for the same writes. An event
/// that comes when no pass is under way never waits.
fn pause_after(pass: Duration, waiting: u64) -> Option<Duration> {
    (waiting >= 1 && pass >= PACED_FROM).then(|| pass.min(PACE_MAX))
}

impl LocalShard {
    /// Everything that waited for this connection has gone out: what it is behind by is pulled.
    pub fn drained(&self, outlet: &Rc<Outlet>) {
        outlet.say_drained();
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
    pub(super) fn pull(&self, seats: &Rc<Seats>, key: usize) {
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
                Ok(page) if !page.events.is_empty() && page.follows(after) => {
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

    pub(super) fn end(&self, reader: &Reader) {
        match reader {
            Reader::Socket(outlet) => {
                let (bytes, code) = self.0.phrases.shutdown(1000);
                outlet.give_reason("what the client had not read yet was removed");
                outlet.write(&bytes);
                outlet.end_after_flush(code);
            }
            Reader::Follower(follower) => {
                follower.over.set(true);
                follower.wake();
            }
        }
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
            let pass_began = Instant::now();
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
                                    pushed += 1;
                                }
                                _ if seat.position < reached && seat.reader.is_idle() => pulls.push(key),
                                _ => {}
                            }
                        }
                        key += 1;
                    }
                    // Once per slice: every shard counts here, and the line would go to and fro between their cores.
                    self.0.links.counters.delivered.fetch_add(count * pushed as u64, Ordering::Relaxed);
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
            let waiting = seats.tail.borrow().last().unwrap_or(0).saturating_sub(reached);
            if let Some(pause) = pause_after(pass_began.elapsed(), waiting) {
                tokio::time::sleep(pause).await;
            }
        }
        if let Some(born) = born {
            let micros = u64::try_from(born.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.0.links.counters.fanned_out(self.0.links.now_us(), micros);
        }
        seats.pushing.set(false);
    }

    pub(super) fn put_slot(&self, room: ProjectId, key: &'static str, bytes: Bytes) {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_events_that_came_during_a_long_pass_wait_for_company() {
        let ms = Duration::from_millis;
        for (pass, waiting, pause) in [
            (ms(3), 0, None),
            (ms(3), 1, Some(ms(3))),
            (ms(90), 7, Some(PACE_MAX)),
            (Duration::from_micros(900), 50, None),
        ] {
            assert_eq!(pause_after(pass, waiting), pause, "{pass:?} {waiting}");
        }
    }
}
