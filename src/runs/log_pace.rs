//! How much may be said of the log in one room: at most 20 events and 256 KiB within any second, whoever says it, a run
//! or a worker outside. What is bounded here is bounded for every reader on every surface, and in the store.
//!
//! Most of it is refilled evenly, so that a flood is shown in small steps rather than in one burst a second; some is kept
//! for the last lines of a run, which should not wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::ids::ProjectId;
use crate::domain::time::Timestamp;

/// Log events of a room within any second.
pub(crate) const EVENTS_PER_SECOND_MAX: u64 = EVENTS_RATE + EVENTS_BURST + LAST_EVENTS_MAX;
/// Bytes of these events as they are sent, within any second.
pub(crate) const BYTES_PER_SECOND_MAX: u64 = BYTES_RATE + BYTES_BURST + LAST_BYTES_MAX;

/// Events that come to be allowed in a second.
const EVENTS_RATE: u64 = 10;
/// Events that may be said at once after a pause.
const EVENTS_BURST: u64 = 6;
/// Events that the end of a run may add.
pub(crate) const LAST_EVENTS_MAX: u64 = 4;
/// Bytes that come to be allowed in a second.
const BYTES_RATE: u64 = 144 * 1024;
/// Bytes that may be said at once after a pause.
const BYTES_BURST: u64 = 64 * 1024;
/// Bytes that the end of a run may add.
pub(crate) const LAST_BYTES_MAX: u64 = 48 * 1024;

const _: () =
    assert!(EVENTS_PER_SECOND_MAX == 20 && BYTES_PER_SECOND_MAX == 256 * 1024, "as docs/PROTOCOL.md says");

/// Rooms that are remembered although nobody speaks in them.
const QUIET_ROOMS_MAX: usize = 64;

/// What one room may still say. Amounts are thousandths, so that a millisecond adds a whole number of them.
#[derive(Debug)]
pub(crate) struct LogPace {
    events_milli: u64,
    bytes_milli: u64,
    at: Timestamp,
    /// When the end of a run last took what is kept for it.
    last_at: Option<Timestamp>,
}

/// What may be said now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowed {
    pub(crate) events: u64,
    pub(crate) bytes: u64,
}

impl LogPace {
    fn new(now: Timestamp) -> Self {
        let (events_milli, bytes_milli) = (EVENTS_BURST * 1_000, BYTES_BURST * 1_000);
        Self { events_milli, bytes_milli, at: now, last_at: None }
    }

    /// What may be said.
    pub(crate) fn allowed(&mut self, now: Timestamp) -> Allowed {
        // A clock that went back adds nothing, and takes nothing.
        let passed_ms = now.since(self.at).min(1_000);
        self.at = now;
        self.events_milli = (self.events_milli + passed_ms * EVENTS_RATE).min(EVENTS_BURST * 1_000);
        self.bytes_milli = (self.bytes_milli + passed_ms * BYTES_RATE).min(BYTES_BURST * 1_000);
        Allowed { events: self.events_milli / 1_000, bytes: self.bytes_milli / 1_000 }
    }

    /// What the end of a run may say, at least one event.
    pub(crate) fn allowed_last(&mut self, now: Timestamp) -> Allowed {
        let rested = self.last_at.is_none_or(|at| now.since(at) >= 1_000 || at > now);
        let Allowed { events, bytes } = self.allowed(now);
        let (more_events, more_bytes) = if rested { (LAST_EVENTS_MAX, LAST_BYTES_MAX) } else { (0, 0) };
        self.last_at = Some(now);
        Allowed { events: (events + more_events).clamp(1, LAST_EVENTS_MAX), bytes: bytes + more_bytes }
    }

    /// An event of so many bytes was said.
    pub(crate) fn said(&mut self, bytes: u64) {
        self.events_milli = self.events_milli.saturating_sub(1_000);
        self.bytes_milli = self.bytes_milli.saturating_sub(bytes * 1_000);
    }

    fn is_rested(&mut self, now: Timestamp) -> bool {
        let rested = self.allowed(now);
        rested == Allowed { events: EVENTS_BURST, bytes: BYTES_BURST }
            && self.last_at.is_none_or(|at| now.since(at) >= 1_000)
    }
}

/// The pace of a room; cheap to clone, and the same for all who speak there.
#[derive(Clone, Debug)]
pub(crate) struct SharedPace(Arc<Mutex<LogPace>>);

impl SharedPace {
    pub(crate) fn lock(&self) -> MutexGuard<'_, LogPace> {
        // It is whole at any time.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(crate) fn fresh(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(LogPace::new(now))))
    }
}

/// The paces of all rooms; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogPaces(Arc<Mutex<HashMap<ProjectId, SharedPace>>>);

impl LogPaces {
    /// The pace of a room.
    pub(crate) fn of(&self, room: ProjectId, now: Timestamp) -> SharedPace {
        let mut paces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if paces.len() >= QUIET_ROOMS_MAX {
            paces.retain(|_, pace| Arc::strong_count(&pace.0) > 1 || !pace.lock().is_rested(now));
        }
        let fresh = || SharedPace(Arc::new(Mutex::new(LogPace::new(now))));
        paces.entry(room).or_insert_with(fresh).clone()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_flood_is_shown_in_even_steps() {
        let mut pace = LogPace::new(Timestamp(0));
        let mut times = Vec::new();
        for now in (0..3_000).step_by(50).map(Timestamp) {
            while pace.allowed(now).events > 0 {
                pace.said(1_000);
                times.push(now.0);
            }
        }
        assert_eq!(times[..EVENTS_BURST as usize], [0; 6]);
        assert!(times[EVENTS_BURST as usize..].windows(2).all(|pair| pair[1] - pair[0] == 100), "{times:?}");
    }

    #[test]
    fn a_room_that_was_forgotten_had_rested() {
        let paces = LogPaces::default();
        let rooms: Vec<_> = (0..QUIET_ROOMS_MAX).map(|_| ProjectId::generate()).collect();
        for (place, room) in rooms.iter().enumerate() {
            if place % 2 == 0 {
                paces.of(*room, Timestamp(0)).lock().said(BYTES_BURST);
            } else {
                paces.of(*room, Timestamp(0));
            }
        }
        paces.of(ProjectId::generate(), Timestamp(100));
        assert_eq!(paces.0.lock().unwrap().len(), QUIET_ROOMS_MAX / 2 + 1);
        assert!(paces.of(rooms[0], Timestamp(100)).lock().allowed(Timestamp(100)).bytes < BYTES_BURST);
    }

    proptest! {
        #[test]
        fn within_any_second_no_more_than_the_bound(
            steps in prop::collection::vec((0i64..90, 1u64..40_000, any::<bool>()), 1..400),
        ) {
            let mut pace = LogPace::new(Timestamp(0));
            let (mut now, mut said) = (0, Vec::new());
            for (passed, bytes, at_end) in steps {
                now += passed;
                let allowed =
                    if at_end { pace.allowed_last(Timestamp(now)) } else { pace.allowed(Timestamp(now)) };
                // The first event of an end is always allowed: the run goes on to its end in any case.
                let events = if at_end && allowed.bytes < bytes { 0 } else { allowed.events };
                if events > 0 && allowed.bytes >= bytes {
                    pace.said(bytes);
                    said.push((now, bytes, at_end));
                }
            }
            for (place, (since, ..)) in said.iter().enumerate() {
                let within = said[place..].iter().take_while(|(at, ..)| at - since < 1_000);
                let (events, bytes) = within.fold((0, 0), |(events, sum), (_, bytes, at_end)| {
                    (events + u64::from(!at_end), sum + bytes)
                });
                prop_assert!(events <= EVENTS_PER_SECOND_MAX, "{events} events");
                prop_assert!(bytes <= BYTES_PER_SECOND_MAX, "{bytes} bytes");
            }
        }
    }
}
