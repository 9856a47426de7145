//! What the charts show: the server at one moment, and a ring of the last minutes.

use std::collections::VecDeque;

use serde::Serialize;

use crate::domain::run::RunStatus;
use crate::domain::time::Timestamp;
use crate::service::stats::ServerStats;
use crate::telemetry::resources::Space;

/// How far back the ring goes; also what "lately" means for rules.
pub const HISTORY_MS: u64 = 5 * 60 * 1000;
/// Samples that the ring holds whatever the clock does.
const SAMPLES_MAX: usize = 400;

/// The server at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Sample {
    /// When.
    pub at: Timestamp,
    /// Live connections.
    pub connections: u64,
    /// Rooms in memory.
    pub rooms: u64,
    /// Runs that have not ended and do not wait for their turn.
    pub active: u64,
    /// Runs that wait for their turn.
    pub queued: u64,
    /// Events published per second since the sample before.
    pub published_per_s: f64,
    /// Events written to clients per second since the sample before.
    pub delivered_per_s: f64,
    /// From durable to written, in milliseconds: the middle, and the slowest of a hundred.
    pub fanout_p50_ms: f64,
    /// The slowest of a hundred.
    pub fanout_p99_ms: f64,
    /// From the call to durable.
    pub append_p50_ms: f64,
    /// The slowest of a hundred.
    pub append_p99_ms: f64,
    /// Sockets that are behind.
    pub lagging: u64,
    /// Bytes that wait for peers.
    pub queued_bytes: u64,
    /// Share of all processors.
    pub cpu_percent: Option<f64>,
    /// Memory of this process.
    pub memory_bytes: Option<u64>,
    /// Share of the machine's memory that is to be had.
    pub memory_free_percent: Option<f64>,
    /// Share of the disk that is free.
    pub disk_free_percent: Option<f64>,
    /// Load over the last minute.
    pub load: Option<f64>,
    /// Events published since the start.
    pub published_total: u64,
    /// Events written to clients since the start.
    pub delivered_total: u64,
    /// Runs on record that failed or ran out of time.
    pub failed_total: u64,
}

impl Sample {
    /// The sample of these figures; rates are those since `before`.
    pub fn of(stats: &ServerStats, before: Option<&Sample>) -> Self {
        let count = |wanted: fn(RunStatus) -> bool| {
            let states = stats.engine.runs_by_status.iter();
            states.filter(|(status, _)| wanted(*status)).map(|(_, count)| count).sum::<u64>()
        };
        let (published, delivered) =
            (stats.broker.events.published_total, stats.broker.events.delivered_total);
        let ms = |us: u64| us as f64 / 1000.0;
        let seconds = before.map_or(0.0, |before| stats.at.since(before.at) as f64 / 1000.0);
        let rate = |now: u64, then: u64| match seconds {
            0.0 => 0.0,
            seconds => rounded(now.saturating_sub(then) as f64 / seconds),
        };
        let system = &stats.system;
        Self {
            at: stats.at,
            connections: stats.broker.connections.total,
            rooms: stats.broker.rooms.active,
            active: count(|status| !status.is_terminal() && status != RunStatus::Queued),
            queued: stats.queue_depth as u64,
            published_per_s: rate(published, before.map_or(0, |before| before.published_total)),
            delivered_per_s: rate(delivered, before.map_or(0, |before| before.delivered_total)),
            fanout_p50_ms: ms(stats.broker.fanout_us[0]),
            fanout_p99_ms: ms(stats.broker.fanout_us[2]),
            append_p50_ms: ms(stats.engine.append_us[0]),
            append_p99_ms: ms(stats.engine.append_us[2]),
            lagging: stats.broker.sockets.lagging,
            queued_bytes: stats.broker.sockets.queued_bytes,
            cpu_percent: system.cpu_percent,
            memory_bytes: system.memory_bytes,
            memory_free_percent: system.memory().and_then(Space::free_percent),
            disk_free_percent: system.disk().and_then(Space::free_percent),
            load: system.load.map(|load| load[0]),
            published_total: published,
            delivered_total: delivered,
            failed_total: count(|status| matches!(status, RunStatus::Failed | RunStatus::TimedOut)),
        }
    }
}

fn rounded(figure: f64) -> f64 {
    (figure * 10.0).round() / 10.0
}

/// The samples of the last minutes.
#[derive(Debug, Default)]
pub struct History(VecDeque<Sample>);

impl History {
    /// Takes a sample in; what is too old goes.
    pub fn push(&mut self, sample: Sample) {
        let now = sample.at;
        // A clock that went back would keep what comes after it out of order.
        self.0.retain(|kept| kept.at < now && now.since(kept.at) <= HISTORY_MS);
        self.0.push_back(sample);
        while self.0.len() > SAMPLES_MAX {
            self.0.pop_front();
        }
    }

    /// The newest.
    pub fn newest(&self) -> Option<&Sample> {
        self.0.back()
    }

    /// All of them, the oldest first.
    pub fn samples(&self) -> impl Iterator<Item = &Sample> {
        self.0.iter()
    }

    /// Runs that failed lately. Projects that were removed take their runs with them, so what went down is passed over.
    pub fn failures(&self) -> u64 {
        let totals = self.0.iter().map(|sample| sample.failed_total);
        totals.clone().zip(totals.skip(1)).map(|(before, after)| after.saturating_sub(before)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at: i64, failed_total: u64) -> Sample {
        Sample { at: Timestamp(at), failed_total, ..Sample::default() }
    }

    #[test]
    fn what_is_old_goes() {
        let mut history = History::default();
        for second in 0..600 {
            history.push(sample(second * 1000, 0));
        }
        assert_eq!(history.samples().count(), 301);
        history.push(sample(1_000_000_000, 0));
        assert_eq!(history.samples().count(), 1);
        // The clock went back: what lies in the future is no history.
        history.push(sample(5, 0));
        assert_eq!(history.samples().count(), 1);
        for at in 0..2_000 {
            history.push(sample(10 + at, 0));
        }
        assert_eq!(history.samples().count(), SAMPLES_MAX);
    }

    #[test]
    fn failures_are_counted_from_one_sample_to_the_next() {
        let mut history = History::default();
        for (at, total) in [(0, 7), (1_000, 9), (2_000, 4), (3_000, 5)] {
            history.push(sample(at, total));
        }
        assert_eq!(history.failures(), 3);
        history.push(sample(302_500, 5));
        assert_eq!(history.failures(), 0, "they were too long ago");
    }
}
