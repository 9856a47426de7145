//! Figures of the live path, counted where things happen and read by whoever asks.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};

use crate::broker::clients::Roll;
use crate::telemetry::latency::Latency;

/// Counts of one broker; every shard adds to them.
#[derive(Default)]
pub struct Counters {
    /// Connections that are open.
    pub connections: AtomicU64,
    /// Followers over HTTP that are open.
    pub followers: AtomicU64,
    /// Tasks that Socket.IO clients have joined.
    pub task_followers: AtomicU64,
    /// Socket.IO sessions that are open, on any transport.
    pub socketio_sessions: AtomicU64,
    /// Connections of the channel socket.
    pub channel_sockets: AtomicU64,
    /// Those of `connections` that are WebSockets of Socket.IO sessions.
    pub socketio_sockets: AtomicU64,
    /// Events that were appended.
    pub published: AtomicU64,
    /// Events that were handed to a socket.
    pub delivered: AtomicU64,
    /// Log lines that were left out of frames and have to be fetched.
    pub skipped_log_lines: AtomicU64,
    /// Previews and the like that gave way to newer ones.
    pub skipped_previews: AtomicU64,
    /// Clients by type, and those that went.
    pub roll: Roll,
    /// Time from an event being durable to the last socket of a shard that was up to date.
    fanout: Mutex<Latency>,
    closed: Mutex<BTreeMap<u16, u64>>,
}

impl Counters {
    /// New events were written to every socket of a shard that was up to date; `now_us` is any clock that only goes forward.
    pub fn fanned_out(&self, now_us: u64, took_us: u64) {
        self.fanout.lock().unwrap_or_else(PoisonError::into_inner).record(now_us, took_us);
    }

    /// p50, p90, p99 and the longest of the last minute, in microseconds.
    pub fn fanout_us(&self, now_us: u64) -> [u64; 4] {
        self.fanout.lock().unwrap_or_else(PoisonError::into_inner).figures(now_us)
    }

    /// A connection ended with this close code.
    pub fn closed(&self, code: u16) {
        *self.closed.lock().unwrap_or_else(PoisonError::into_inner).entry(code).or_default() += 1;
    }

    /// How many connections ended, by close code.
    pub fn closed_by_code(&self) -> BTreeMap<u16, u64> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
