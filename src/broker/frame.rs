//! An event on its way to readers, encoded once per encoding however many sockets and shards there are.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::broker::house::HouseEncoder;
use crate::domain::event::LoggedEvent;
use crate::domain::ids::ProjectId;
use crate::domain::position::Epoch;

/// Which bytes a reader wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// A WebSocket text frame of the project room.
    RoomSocket,
    /// A server-sent event.
    Sse,
    /// Records of the task vocabulary.
    Tasks,
}

/// Turns an event into the bytes of one encoding. Surfaces own the wire, so they implement this.
pub trait Encoder: Send + Sync + 'static {
    /// The bytes.
    fn encode(&self, room: ProjectId, epoch: Epoch, event: &LoggedEvent) -> Bytes;
}

/// One encoder for each [`Encoding`].
#[derive(Clone)]
pub struct Encoders {
    /// For [`Encoding::RoomSocket`].
    pub room_socket: Arc<dyn Encoder>,
    /// For [`Encoding::Sse`].
    pub sse: Arc<dyn Encoder>,
    /// For [`Encoding::Tasks`].
    pub tasks: Arc<dyn Encoder>,
    /// For whoever follows the whole house.
    pub house: Arc<dyn HouseEncoder>,
}

/// An event with what it was encoded to so far.
pub struct Frame {
    /// The event.
    pub event: LoggedEvent,
    room: ProjectId,
    epoch: Epoch,
    encoders: Arc<Encoders>,
    room_socket: OnceLock<Bytes>,
    sse: OnceLock<Bytes>,
    tasks: OnceLock<Bytes>,
}

impl Frame {
    /// A frame that was not encoded yet.
    pub fn new(room: ProjectId, epoch: Epoch, event: LoggedEvent, encoders: Arc<Encoders>) -> Self {
        let (room_socket, sse, tasks) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Self { event, room, epoch, encoders, room_socket, sse, tasks }
    }

    /// Its bytes; the first call encodes.
    pub fn bytes(&self, encoding: Encoding) -> &Bytes {
        let (cell, encoder) = match encoding {
            Encoding::RoomSocket => (&self.room_socket, &self.encoders.room_socket),
            Encoding::Sse => (&self.sse, &self.encoders.sse),
            Encoding::Tasks => (&self.tasks, &self.encoders.tasks),
        };
        cell.get_or_init(|| encoder.encode(self.room, self.epoch, &self.event))
    }

    /// Its number in the room.
    pub fn seq(&self) -> u64 {
        self.event.seq
    }

    /// About how much memory it keeps.
    pub fn weight(&self) -> usize {
        // Body and one encoding of it, and what the two structs themselves take.
        2 * self.event.body_json.len() + 256
    }
}
