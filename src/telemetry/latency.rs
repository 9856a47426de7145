//! How long something took over the last minute, in fixed memory.

/// One slot covers this much time.
const SLOT_US: u64 = 5_000_000;
/// Slots in the window: one minute.
const SLOTS: usize = 12;
/// Buckets per doubling: a figure is at most a fifth too high.
const BUCKETS_PER_DOUBLING: usize = 4;
/// Up to 2^27 µs, a bit over two minutes; what is longer counts into the last.
const BUCKETS: usize = 27 * BUCKETS_PER_DOUBLING;

/// Durations of the last minute; times are microseconds since any fixed moment.
#[derive(Debug)]
pub struct Latency {
    slots: [Slot; SLOTS],
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Which five seconds these are.
    number: u64,
    max_us: u64,
    counts: [u32; BUCKETS],
}

const EMPTY: Slot = Slot { number: 0, max_us: 0, counts: [0; BUCKETS] };

impl Default for Latency {
    fn default() -> Self {
        Self { slots: [EMPTY; SLOTS] }
    }
}

impl Latency {
    /// Counts a duration that ended at `now_us`.
    pub fn record(&mut self, now_us: u64, duration_us: u64) {
        let number = now_us / SLOT_US;
        let slot = &mut self.slots[(number % SLOTS as u64) as usize];
        if slot.number != number {
            *slot = Slot { number, ..EMPTY };
        }
        slot.max_us = slot.max_us.max(duration_us);
        let count = &mut slot.counts[bucket(duration_us)];
        *count = count.saturating_add(1);
    }

    /// p50, p90, p99 and the maximum of the minute before `now_us`, in microseconds; zeros when there was nothing.
    pub fn figures(&self, now_us: u64) -> [u64; 4] {
        let newest = now_us / SLOT_US;
        let recent = self.slots.iter().filter(|slot| slot.number + SLOTS as u64 > newest);
        let mut counts = [0_u64; BUCKETS];
        let mut max_us = 0;
        for slot in recent {
            max_us = max_us.max(slot.max_us);
            for (sum, count) in counts.iter_mut().zip(slot.counts) {
                *sum += u64::from(count);
            }
        }
        let total: u64 = counts.iter().sum();
        let percentile = |percent: u64| {
            let rank = (total * percent).div_ceil(100);
            let mut seen = 0;
            for (bucket, count) in counts.iter().enumerate() {
                seen += count;
                if seen >= rank && total > 0 {
                    return upper_us(bucket).min(max_us);
                }
            }
            0
        };
        [percentile(50), percentile(90), percentile(99), max_us]
    }
}

/// Which bucket a duration falls into.
fn bucket(duration_us: u64) -> usize {
    let doublings = duration_us.max(1).ilog2() as usize;
    let below = 1_u64 << doublings;
    let part = ((duration_us.max(1) - below) * BUCKETS_PER_DOUBLING as u64 / below) as usize;
    (doublings * BUCKETS_PER_DOUBLING + part).min(BUCKETS - 1)
}

/// The end of a bucket.
fn upper_us(bucket: usize) -> u64 {
    let below = 1_u64 << (bucket / BUCKETS_PER_DOUBLING);
    let part = (bucket % BUCKETS_PER_DOUBLING + 1) as u64;
    below + (below * part).div_ceil(BUCKETS_PER_DOUBLING as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn says_nothing_of_an_empty_minute() {
        assert_eq!(Latency::default().figures(3_000_000), [0; 4]);
    }

    #[test]
    fn ranks_what_it_was_told() {
        let mut latency = Latency::default();
        for duration in 1..=100 {
            latency.record(90_000_000, duration * 1000);
        }
        let [p50, p90, p99, max] = latency.figures(90_000_000);
        assert!((50_000..=62_500).contains(&p50), "{p50}");
        assert!((90_000..=100_000).contains(&p90), "{p90}");
        assert!((99_000..=100_000).contains(&p99), "{p99}");
        assert_eq!(max, 100_000);
    }

    #[test]
    fn forgets_after_a_minute() {
        let mut latency = Latency::default();
        latency.record(1_000_000, 900);
        assert_eq!(latency.figures(54_000_000)[3], 900);
        assert_eq!(latency.figures(61_000_000)[3], 0);
        latency.record(61_000_000, 5);
        assert_eq!(latency.figures(61_000_000), [5; 4]);
    }

    proptest! {
        #[test]
        fn a_bucket_holds_its_durations(duration in 1_u64..100_000_000) {
            let end = upper_us(bucket(duration));
            prop_assert!(duration <= end && end as f64 <= duration as f64 * 1.25 + 2.0, "{duration} {end}");
        }
    }
}
