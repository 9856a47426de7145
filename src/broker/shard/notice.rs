//! What a shard is told, and what it says for itself.

use std::sync::Arc;

use bytes::Bytes;

use crate::broker::frame::Frame;
use crate::broker::shard::LocalShard;
use crate::broker::slots::Slots;
use crate::domain::ids::ProjectId;

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
    /// The server goes down; clients are asked to leave.
    Leave {
        /// They come back each at its own moment.
        slots: Arc<Slots>,
    },
}

/// The messages that a shard itself has to say on a socket; surfaces own their form.
pub trait Phrases: Send + Sync + 'static {
    /// How many viewers a room has.
    fn presence(&self, viewers: u64) -> Bytes;
    /// A message of a slot, as JSON.
    fn slot(&self, json: &str) -> Bytes;
    /// A heartbeat.
    fn ping(&self) -> Bytes;
    /// The server goes down: a message with this client's own slot, and a close frame.
    fn shutdown(&self, reconnect_in_ms: u64) -> (Bytes, u16);
    /// The server goes down, for a follower over HTTP; nothing else comes after it.
    fn follow_later(&self, reconnect_in_ms: u64) -> Bytes;
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
