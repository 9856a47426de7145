//! How long runs take, for saying when one will probably start and when to try again. Plain data.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::domain::event::Eta;

/// Ended runs that are remembered.
const RUNS_REMEMBERED: usize = 32;
/// Assumed length of a run before one has ended.
const RUN_MS_ASSUMED: u64 = 5_000;
/// Nobody is asked to stay away longer than this.
const RETRY_AFTER_S_MAX: u64 = 300;

/// How many runs there are of each pipeline.
pub(crate) type Mix = BTreeMap<Arc<str>, u64>;

/// How long the newest runs of each pipeline took. A pipeline of which none has ended is unknown: what others took says
/// nothing of it.
#[derive(Debug, Default)]
pub(crate) struct Durations {
    pipelines: BTreeMap<Arc<str>, VecDeque<u64>>,
}

impl Durations {
    /// A run has ended.
    pub(crate) fn learn(&mut self, pipeline: &Arc<str>, took_ms: u64) {
        let known = self.pipelines.entry(pipeline.clone()).or_default();
        if known.len() == RUNS_REMEMBERED {
            known.pop_front();
        }
        known.push_back(took_ms);
    }

    /// Lower quartile, middle and upper quartile of what a run of this mix takes; none when it is empty, or a pipeline in it
    /// is unknown.
    fn spread(&self, mix: &Mix) -> Option<[u64; 3]> {
        let (mut sums, mut runs) = ([0_u64; 3], 0_u64);
        for (pipeline, of_pipeline) in mix {
            let mut sorted: Vec<u64> = self.pipelines.get(pipeline)?.iter().copied().collect();
            sorted.sort_unstable();
            let last = sorted.len().checked_sub(1)?;
            let quartiles = [sorted[last / 4], sorted[last / 2], sorted[last - last / 4]];
            for (sum, quartile) in sums.iter_mut().zip(quartiles) {
                *sum = sum.saturating_add(quartile.saturating_mul(*of_pipeline));
            }
            runs += of_pipeline;
        }
        (runs > 0).then(|| sums.map(|sum| sum / runs))
    }

    /// When there may be room again, with so many runs at once of this mix.
    pub(crate) fn retry_after_s(&self, mix: &Mix, at_once: usize) -> u64 {
        let run_ms = self.spread(mix).map_or(RUN_MS_ASSUMED, |[_, middle, _]| middle);
        run_ms.div_ceil(slots(at_once) * 1_000).clamp(1, RETRY_AFTER_S_MAX)
    }

    /// When a run probably starts that has `ahead` before it, with `free` of `at_once` places free; `mix` is what works and
    /// what is before it. None while that is not known.
    pub(crate) fn starts_in(&self, mix: &Mix, ahead: u32, free: usize, at_once: usize) -> Option<Eta> {
        let free = u64::try_from(free).unwrap_or(u64::MAX);
        let Some(rounds) = (u64::from(ahead) + 1).checked_sub(free).filter(|rounds| *rounds > 0) else {
            return Some(Eta { low_ms: 0, high_ms: 0 });
        };
        let [quick, _, slow] = self.spread(mix)?;
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
        let pipeline: Arc<str> = "app".into();
        let mix = Mix::from([(pipeline.clone(), 3)]);
        assert_eq!(durations.retry_after_s(&mix, 2), 3);
        assert_eq!(durations.starts_in(&mix, 0, 1, 2), Some(Eta { low_ms: 0, high_ms: 0 }));
        assert_eq!(durations.starts_in(&mix, 0, 0, 2), None);
        for took in [1_000, 2_000, 3_000, 4_000, 60_000] {
            durations.learn(&pipeline, took);
        }
        assert_eq!(durations.retry_after_s(&mix, 1), 3);
        assert_eq!(durations.starts_in(&mix, 0, 0, 2), Some(Eta { low_ms: 0, high_ms: 4_000 }));
        assert_eq!(durations.starts_in(&mix, 9, 0, 2), Some(Eta { low_ms: 9_000, high_ms: 20_000 }));
        (0..100).for_each(|_| durations.learn(&pipeline, 10_000_000));
        assert_eq!(durations.retry_after_s(&mix, 1), RETRY_AFTER_S_MAX);
        assert_eq!(durations.pipelines[&pipeline].len(), RUNS_REMEMBERED);
    }

    #[test]
    fn what_one_pipeline_took_says_nothing_of_another() {
        let mut durations = Durations::default();
        let (quick, slow): (Arc<str>, Arc<str>) = ("quick".into(), "slow".into());
        durations.learn(&quick, 1_000);
        let mixed = Mix::from([(quick.clone(), 1), (slow.clone(), 1)]);
        assert_eq!(durations.starts_in(&mixed, 1, 0, 1), None);
        assert_eq!(durations.starts_in(&Mix::from([(slow.clone(), 1)]), 0, 0, 1), None);
        let of_quick = Mix::from([(quick, 2)]);
        assert_eq!(durations.starts_in(&of_quick, 1, 0, 1), Some(Eta { low_ms: 1_000, high_ms: 2_000 }));
        durations.learn(&slow, 9_000);
        // One of each before it: the mean of both.
        assert_eq!(durations.starts_in(&mixed, 1, 0, 1), Some(Eta { low_ms: 5_000, high_ms: 10_000 }));
    }
}
