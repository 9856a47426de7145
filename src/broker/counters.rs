//! Figures of the live path, counted where things happen and read by whoever asks.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Upper bounds of the buckets of [`Latency`], in microseconds: each about a quarter wider than the one before.
const BUCKETS: usize = 112;

/// Counts of one broker; every shard adds to them.
#[derive(Default)]
pub struct Counters {
    /// Connections that are open.
    pub connections: AtomicU64,
    /// Followers over HTTP that are open.
    pub followers: AtomicU64,
    /// Events that were appended.
    pub published: AtomicU64,
    /// Events that were handed to a socket.
    pub delivered: AtomicU64,
    /// Log lines that were left out of frames and have to be fetched.
    pub skipped_log_lines: AtomicU64,
    /// Previews and the like that gave way to newer ones.
    pub skipped_previews: AtomicU64,
    /// Time from an event being durable to the last socket of a shard that was up to date.
    pub fanout: Latency,
    closed: Mutex<BTreeMap<u16, u64>>,
}

impl Counters {
    /// A connection ended with this close code.
    pub fn closed(&self, code: u16) {
        *self.closed.lock().unwrap_or_else(PoisonError::into_inner).entry(code).or_default() += 1;
    }

    /// How many connections ended, by close code.
    pub fn closed_by_code(&self) -> BTreeMap<u16, u64> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Latencies of the last one to two minutes in buckets of growing width.
pub struct Latency {
    halves: [[AtomicU64; BUCKETS]; 2],
    minute: AtomicU64,
}

impl Default for Latency {
    fn default() -> Self {
        Self {
            halves: std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::new(0))),
            minute: AtomicU64::new(0),
        }
    }
}

fn bucket(micros: u64) -> usize {
    // Four buckets for each doubling: the two bits after the leading one choose among them.
    if micros < 4 {
        return usize::try_from(micros).unwrap_or(0);
    }
    let exponent = micros.ilog2();
    let quarter = (micros >> (exponent - 2)) & 3;
    usize::try_from(u64::from(exponent - 2) * 4 + 4 + quarter).unwrap_or(BUCKETS).min(BUCKETS - 1)
}

fn upper_bound(bucket: usize) -> u64 {
    if bucket < 4 {
        return bucket as u64;
    }
    let (exponent, quarter) = ((bucket - 4) / 4 + 2, (bucket - 4) % 4);
    ((4 + quarter as u64 + 1) << (exponent - 2)) - 1
}

impl Latency {
    /// Adds one measurement; `now_ms` is any clock that only goes forward.
    pub fn record(&self, micros: u64, now_ms: u64) {
        let minute = now_ms / 60_000;
        if self.minute.swap(minute, Ordering::Relaxed) != minute {
            for count in &self.halves[usize::from(minute % 2 == 1)] {
                count.store(0, Ordering::Relaxed);
            }
        }
        self.halves[usize::from(minute % 2 == 1)][bucket(micros)].fetch_add(1, Ordering::Relaxed);
    }

    /// p50, p90, p99 and the largest, in microseconds; zeros when nothing was measured.
    pub fn percentiles(&self) -> [u64; 4] {
        let counts: Vec<u64> = (0..BUCKETS)
            .map(|bucket| self.halves.iter().map(|half| half[bucket].load(Ordering::Relaxed)).sum())
            .collect();
        let total: u64 = counts.iter().sum();
        let at = |share: f64| {
            let wanted = (total as f64 * share).ceil().max(1.0) as u64;
            let mut seen = 0;
            counts
                .iter()
                .position(|count| {
                    seen += count;
                    seen >= wanted
                })
                .map_or(0, upper_bound)
        };
        if total == 0 { [0; 4] } else { [at(0.5), at(0.9), at(0.99), at(1.0)] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_grow_and_hold_what_they_say() {
        for micros in [0, 1, 3, 4, 5, 7, 8, 100, 999, 1000, 123_456, 9_999_999] {
            let bound = upper_bound(bucket(micros));
            assert!(bound >= micros && bound <= micros + micros / 4 + 1, "{micros} -> {bound}");
        }
    }

    #[test]
    fn percentiles_come_from_the_last_minutes() {
        let latency = Latency::default();
        assert_eq!(latency.percentiles(), [0; 4]);
        for micros in 1..=100 {
            latency.record(micros, 0);
        }
        let [p50, p90, p99, max] = latency.percentiles();
        assert!((50..=63).contains(&p50) && (90..=111).contains(&p90) && p99 >= 99 && max >= 100);
        latency.record(5, 60_000);
        latency.record(5, 120_000);
        assert_eq!(latency.percentiles()[3], 5);
    }
}
