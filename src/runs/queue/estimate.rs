//! How long runs take, for saying when one will probably start and when to try again. Plain data.

use std::collections::VecDeque;

use crate::domain::event::Eta;

/// Ended runs that are remembered.
const RUNS_REMEMBERED: usize = 32;
/// Assumed length of a run before one has ended.
const RUN_MS_ASSUMED: u64 = 5_000;
/// Nobody is asked to stay away longer than this.
const RETRY_AFTER_S_MAX: u64 = 300;

/// How long the newest runs took.
#[derive(Debug, Default)]
pub(crate) struct Durations(VecDeque<u64>);

impl Durations {
    /// A run has ended.
    pub(crate) fn learn(&mut self, took_ms: u64) {
        if self.0.len() == RUNS_REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(took_ms);
    }

    /// Lower quartile, middle and upper quartile; none before a run has ended.
    fn spread(&self) -> Option<[u64; 3]> {
        let mut sorted: Vec<u64> = self.0.iter().copied().collect();
        sorted.sort_unstable();
        let last = sorted.len().checked_sub(1)?;
        Some([sorted[last / 4], sorted[last / 2], sorted[last - last / 4]])
    }

    /// When there may be room again, with so many runs at once.
    pub(crate) fn retry_after_s(&self, at_once: usize) -> u64 {
        let run_ms = self.spread().map_or(RUN_MS_ASSUMED, |[_, middle, _]| middle);
        run_ms.div_ceil(slots(at_once) * 1_000).clamp(1, RETRY_AFTER_S_MAX)
    }

    /// When a run probably starts that has `ahead` before it, with `free` of `at_once` places free; none while nothing
    /// is known.
    pub(crate) fn starts_in(&self, ahead: u32, free: usize, at_once: usize) -> Option<Eta> {
        let free = u64::try_from(free).unwrap_or(u64::MAX);
        let Some(rounds) = (u64::from(ahead) + 1).checked_sub(free).filter(|rounds| *rounds > 0) else {
            return Some(Eta { low_ms: 0, high_ms: 0 });
        };
        let [quick, _, slow] = self.spread()?;
        let slots = slots(at_once);
        // The next to end is somewhere within its run, so the lower end counts one round less.
        Some(Eta { low_ms: (rounds - 1) * quick / slots, high_ms: (rounds * slow).div_ceil(slots).max(slow) })
    }
}

fn slots(at_once: usize) -> u64 {
    u64::try_from(at_once.max(1)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_when_to_come_back_and_when_it_starts() {
        let mut durations = Durations::default();
        assert_eq!(durations.retry_after_s(2), 3);
        assert_eq!(durations.starts_in(0, 1, 2), Some(Eta { low_ms: 0, high_ms: 0 }));
        assert_eq!(durations.starts_in(0, 0, 2), None);
        for took in [1_000, 2_000, 3_000, 4_000, 60_000] {
            durations.learn(took);
        }
        assert_eq!(durations.retry_after_s(1), 3);
        assert_eq!(durations.starts_in(0, 0, 2), Some(Eta { low_ms: 0, high_ms: 4_000 }));
        assert_eq!(durations.starts_in(9, 0, 2), Some(Eta { low_ms: 9_000, high_ms: 20_000 }));
        (0..100).for_each(|_| durations.learn(10_000_000));
        assert_eq!(durations.retry_after_s(1), RETRY_AFTER_S_MAX);
        assert_eq!(durations.0.len(), RUNS_REMEMBERED);
    }
}
