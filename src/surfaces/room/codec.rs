//! Events and the shard's own messages as WebSocket frames of the project room.

use bytes::Bytes;

use crate::broker::frame::Encoder;
use crate::broker::shard::Phrases;
use crate::domain::event::LoggedEvent;
use crate::domain::ids::ProjectId;
use crate::domain::position::Epoch;
use crate::domain::wire::wire_json;
use crate::surfaces::room::protocol::Reply;
use crate::surfaces::sse;
use crate::surfaces::websocket::frame;

/// Close code: the server goes down, come back with the position.
pub(super) const CLOSE_GOING_DOWN: u16 = 4000;
/// Close code: the project was removed, do not come back.
pub(super) const CLOSE_REMOVED: u16 = 4504;

/// Close code: an administrator put the client out.
pub(in crate::surfaces) const CLOSE_DISCONNECTED: u16 = 4505;

/// Events as text frames.
pub struct RoomEncoder;

impl Encoder for RoomEncoder {
    fn encode(&self, room: ProjectId, epoch: Epoch, event: &LoggedEvent) -> Bytes {
        frame::text(&wire_json(room, epoch, event))
    }
}

/// What a shard says for itself.
pub struct RoomPhrases;

impl Phrases for RoomPhrases {
    fn presence(&self, viewers: u64) -> Bytes {
        frame::text(&Reply::Presence { viewers }.json())
    }

    fn slot(&self, json: &str) -> Bytes {
        frame::text(json)
    }

    fn ping(&self) -> Bytes {
        frame::ping()
    }

    fn shutdown(&self, reconnect_in_ms: u64) -> (Bytes, u16) {
        let message = frame::text(&Reply::Shutdown { reconnect_in_ms }.json());
        let close = frame::close(CLOSE_GOING_DOWN, "the server goes down, come back with your position");
        (Bytes::from([message, close].concat()), CLOSE_GOING_DOWN)
    }

    fn follow_later(&self, reconnect_in_ms: u64) -> Bytes {
        sse::farewell(reconnect_in_ms)
    }

    fn removed(&self) -> (Bytes, u16) {
        (frame::close(CLOSE_REMOVED, "the project was removed"), CLOSE_REMOVED)
    }
}
