//! Durations in fixed memory: a bucket is at most a thirty-second wide of what it holds.

/// Buckets per doubling, as a power of two.
const PART_BITS: u32 = 5;
const PARTS: u64 = 1 << PART_BITS;
/// Up to 2^40 µs; what is longer counts into the last.
const BUCKETS: usize = (40 << PART_BITS) as usize;

/// How often which duration was seen.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max_us: u64,
}

/// What is told of a histogram, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Percentiles {
    pub(super) p50: f64,
    pub(super) p90: f64,
    pub(super) p99: f64,
    pub(super) max: f64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], total: 0, max_us: 0 }
    }
}

impl Histogram {
    pub(super) fn record(&mut self, duration_us: u64) {
        self.counts[bucket(duration_us)] += 1;
        self.total += 1;
        self.max_us = self.max_us.max(duration_us);
    }

    /// The middle, the ends and the worst; zeros when nothing was seen.
    pub(super) fn percentiles(&self) -> Percentiles {
        let at = |percent: u64| {
            let rank = (self.total * percent).div_ceil(100);
            let mut seen = 0;
            for (bucket, count) in self.counts.iter().enumerate() {
                seen += count;
                if seen >= rank && self.total > 0 {
                    return upper_us(bucket).min(self.max_us) as f64 / 1000.0;
                }
            }
            0.0
        };
        Percentiles { p50: at(50), p90: at(90), p99: at(99), max: self.max_us as f64 / 1000.0 }
    }
}

fn bucket(us: u64) -> usize {
    if us < PARTS {
        return us as usize;
    }
    let doublings = us.ilog2() - PART_BITS;
    let part = (us >> doublings) - PARTS;
    ((u64::from(doublings + 1) * PARTS + part) as usize).min(BUCKETS - 1)
}

/// The last duration of a bucket.
fn upper_us(bucket: usize) -> u64 {
    let (row, part) = (bucket as u64 / PARTS, bucket as u64 % PARTS);
    if row == 0 {
        return part;
    }
    ((PARTS + part + 1) << (row - 1)) - 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranks_what_it_was_told() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentiles(), Percentiles::default());
        (1..=1000).for_each(|ms| histogram.record(ms * 1000));
        let Percentiles { p50, p90, p99, max } = histogram.percentiles();
        assert!((500.0..=516.0).contains(&p50), "{p50}");
        assert!((900.0..=930.0).contains(&p90), "{p90}");
        assert!((990.0..=1000.0).contains(&p99), "{p99}");
        assert_eq!(max, 1000.0);
    }

    proptest! {
        #[test]
        fn a_bucket_holds_its_durations(us in 0_u64..1 << 39) {
            let end = upper_us(bucket(us));
            prop_assert!(us <= end && end <= us + us / 32, "{us} {end}");
            prop_assert!(bucket(us) <= bucket(us + 1));
        }
    }
}
