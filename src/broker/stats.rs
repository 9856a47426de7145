//! What the rooms and their sockets are doing, for operators: plain data, PROTOCOL section 7.

use std::collections::BTreeMap;

use serde::Serialize;

/// Figures of rooms and sockets at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct BrokerStats {
    /// Live connections.
    pub connections: ConnectionStats,
    /// Live rooms.
    pub rooms: RoomStats,
    /// Events that went through the rooms.
    pub events: EventStats,
    /// From durable to written to the sockets, over the last minute, in microseconds: p50, p90, p99, max.
    pub fanout_us: [u64; 4],
    /// The state of the sockets.
    pub sockets: SocketStats,
}

/// Live connections.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ConnectionStats {
    /// All of them.
    pub total: u64,
    /// By surface, like `room` or `sse`.
    pub by_surface: BTreeMap<String, u64>,
    /// By what the client says it is.
    pub by_client_type: BTreeMap<String, u64>,
}

/// Live rooms.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RoomStats {
    /// Rooms that are in memory.
    pub active: u64,
    /// Clients of the largest of them.
    pub largest: u64,
}

/// Events that went through the rooms.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct EventStats {
    /// Appended since the start.
    pub published_total: u64,
    /// Written to a client since the start; an event for ten clients counts ten times.
    pub delivered_total: u64,
    /// Published per second, over the last seconds.
    pub per_second: f64,
    /// What was left out because something newer took its place, by class, like `preview`.
    pub skipped_total: BTreeMap<String, u64>,
}

/// The state of the sockets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SocketStats {
    /// Sockets that are behind their room's tail.
    pub lagging: u64,
    /// Bytes that wait for a peer to take them.
    pub queued_bytes: u64,
    /// Closed since the start, by close code.
    pub closed: BTreeMap<u16, u64>,
}
