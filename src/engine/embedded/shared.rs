//! What the writer tells the rest of the engine: who hears of events, and figures for operators.

use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use crate::domain::time::Timestamp;
use crate::engine::EngineEvents;
use crate::telemetry::latency::Latency;

/// No batch was committed yet.
const NEVER: i64 = i64::MIN;

/// Shared between the writer and its engine.
pub(super) struct Shared {
    pub(super) events: OnceLock<Arc<dyn EngineEvents>>,
    /// Batches in the queue.
    pub(super) waiting: AtomicUsize,
    last_write_at: AtomicI64,
    events_appended: AtomicU64,
    /// Durations are measured with the monotonic clock: it cannot be set back, and its milliseconds have parts.
    started: Instant,
    latency: Mutex<Latency>,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self {
            events: OnceLock::new(),
            waiting: AtomicUsize::new(0),
            last_write_at: AtomicI64::new(NEVER),
            events_appended: AtomicU64::new(0),
            started: Instant::now(),
            latency: Mutex::new(Latency::default()),
        }
    }

    /// A batch that was handed over at `since` became durable.
    pub(super) fn committed(&self, at: Instant, since: Instant) {
        let now_us = micros(at, self.started);
        let mut latency = self.latency.lock().unwrap_or_else(PoisonError::into_inner);
        latency.record(now_us, micros(at, since));
    }

    /// A group was committed.
    pub(super) fn wrote(&self, at: Timestamp, events: u64) {
        self.last_write_at.store(at.0, Ordering::Relaxed);
        self.events_appended.fetch_add(events, Ordering::Relaxed);
    }

    pub(super) fn last_write_at(&self) -> Option<Timestamp> {
        let at = self.last_write_at.load(Ordering::Relaxed);
        (at != NEVER).then_some(Timestamp(at))
    }

    pub(super) fn events_appended(&self) -> u64 {
        self.events_appended.load(Ordering::Relaxed)
    }

    pub(super) fn append_us(&self) -> [u64; 4] {
        let now_us = micros(Instant::now(), self.started);
        self.latency.lock().unwrap_or_else(PoisonError::into_inner).figures(now_us)
    }
}

fn micros(later: Instant, earlier: Instant) -> u64 {
    u64::try_from(later.saturating_duration_since(earlier).as_micros()).unwrap_or(u64::MAX)
}
