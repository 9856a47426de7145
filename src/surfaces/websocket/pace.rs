//! How fast one session may speak: a bucket of tokens, one per packet.

/// A session that is further ahead than this is not slowed down any more, it is let go.
const AHEAD_MS_MAX: u64 = 5_000;

/// A bucket that fills at a steady rate.
#[derive(Clone, Copy, Debug)]
pub(in crate::surfaces) struct Pace {
    per_second: u64,
    /// Thousandths of a token; below zero the session is ahead.
    milli: i64,
    at_ms: u64,
}

/// What to do with a session that has just spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::surfaces) enum Verdict {
    /// Nothing.
    Go,
    /// Listen again after so many milliseconds.
    Wait(u64),
    /// It is too far ahead.
    TooFast,
}

impl Pace {
    /// A bucket that lets two seconds' worth pass at once.
    pub(in crate::surfaces) fn new(per_second: u64, now_ms: u64) -> Self {
        let milli = i64::try_from(per_second.saturating_mul(2_000)).unwrap_or(i64::MAX);
        Self { per_second, milli, at_ms: now_ms }
    }

    /// Takes tokens for packets that came.
    pub(in crate::surfaces) fn take(&mut self, packets: u64, now_ms: u64) -> Verdict {
        let rate = i64::try_from(self.per_second).unwrap_or(i64::MAX);
        let passed = i64::try_from(now_ms.saturating_sub(self.at_ms)).unwrap_or(i64::MAX);
        self.at_ms = now_ms;
        let full = rate.saturating_mul(2_000);
        self.milli = self.milli.saturating_add(passed.saturating_mul(rate)).min(full);
        let taken = i64::try_from(packets).unwrap_or(i64::MAX).saturating_mul(1_000);
        self.milli = self.milli.saturating_sub(taken);
        if self.milli >= 0 {
            return Verdict::Go;
        }
        match self.milli.unsigned_abs().div_ceil(self.per_second.max(1)) {
            ahead_ms if ahead_ms > AHEAD_MS_MAX => Verdict::TooFast,
            ahead_ms => Verdict::Wait(ahead_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_a_flood_waits() {
        let mut pace = Pace::new(100, 0);
        assert_eq!(pace.take(200, 0), Verdict::Go);
        assert_eq!(pace.take(1, 0), Verdict::Wait(10));
        assert_eq!(pace.take(1, 20), Verdict::Go);
        assert_eq!(pace.take(100, 20), Verdict::Wait(1_000));
        assert_eq!(pace.take(1_000, 20), Verdict::TooFast);
        let mut rested = Pace::new(100, 0);
        assert_eq!(rested.take(200, u64::MAX), Verdict::Go);
        assert_eq!(rested.take(u64::MAX, u64::MAX), Verdict::TooFast);
    }
}
