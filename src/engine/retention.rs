//! What keeping a store within its bounds needs: where logs stand, how much they weigh, what upkeep did.
//!
//! The rules are not the engine's: it cuts where it is told to, never without the fold, and in steps as small as it is
//! told.

use crate::domain::ids::ProjectId;
use crate::domain::time::Timestamp;
use crate::engine::LogBounds;

/// Where a room's log stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomLog {
    /// Which room.
    pub room: ProjectId,
    /// Where the log begins and ends.
    pub bounds: LogBounds,
    /// When the log took its first event that can still be read.
    pub oldest_at: Option<Timestamp>,
    /// The last event that the saved fold covers; 0 when none is saved.
    pub saved: u64,
}

/// What some events of a log weigh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogWeight {
    /// How many there are.
    pub events: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
    /// The last of them; where the weighing began when there are none.
    pub through: u64,
    /// When the log took that one.
    pub newest_at: Option<Timestamp>,
}

/// A piece of upkeep: nothing that a read or a commit could notice.
#[derive(Clone, Copy, Debug)]
pub struct Upkeep {
    /// Idempotency answers that have expired at this time go.
    pub now: Timestamp,
    /// At most so many events or answers in this piece, and a few runs.
    pub rows_max: usize,
    /// At most about so many bytes of events.
    pub bytes_max: usize,
    /// Space that nothing uses stays in the store up to this size, to be used again; what is beyond goes back to the
    /// machine.
    pub spare_bytes_max: u64,
}

/// What a piece of upkeep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Events of removed projects that went.
    pub events: u64,
    /// Bytes of their bodies.
    pub event_bytes: u64,
    /// Runs of removed projects that went.
    pub runs: u64,
    /// Idempotency answers that went.
    pub answers: u64,
    /// Bytes that were given back to the machine.
    pub given_back_bytes: u64,
    /// Whether there is more to do.
    pub more: bool,
}
