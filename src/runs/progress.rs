//! How far a run is, and how long it will probably take. Plain data.

use crate::domain::event::Eta;

/// What is shown at most before the run has ended: 100 means finished.
pub(crate) const UNFINISHED_MAX: f64 = 99.0;

/// What is known of one agent.
#[derive(Clone, Debug)]
struct Part {
    /// Its share of the whole, all of them add up to 1.
    share: f64,
    /// How much of it is done, 0 to 1.
    done: f64,
    /// Earlier durations: lower and upper quartile.
    earlier_ms: Option<(u64, u64)>,
    /// Agents that end before it begins; none is all before it.
    needs: Option<&'static [usize]>,
}

/// How far a run is.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    parts: Vec<Part>,
    /// Agents that work at once.
    parallel: usize,
    shown: f64,
}

/// What is known of an agent before a run begins.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expected {
    /// Its share of the work, in any unit.
    pub(crate) weight: f64,
    /// Its durations in earlier runs, in any order.
    pub(crate) earlier_ms: Vec<u64>,
    /// Agents that end before it begins; none is all before it.
    pub(crate) needs: Option<&'static [usize]>,
}

impl Progress {
    /// At the beginning, or at `shown` percent when the run goes on.
    pub(crate) fn new(agents: &[Expected], parallel: usize, shown: f64) -> Self {
        let medians: Vec<Option<f64>> = agents.iter().map(|agent| median(&agent.earlier_ms)).collect();
        let weights: Vec<f64> = agents.iter().map(|agent| sane_weight(agent.weight)).collect();
        // Weights have a unit of their own: agents without history are scaled to milliseconds by those with history.
        let (mut known_ms, mut known_weight) = (0.0, 0.0);
        for (median, weight) in medians.iter().zip(&weights) {
            if let Some(median) = median {
                known_ms += median;
                known_weight += weight;
            }
        }
        let scale = if known_weight > 0.0 { known_ms / known_weight } else { 1.0 };
        let sizes: Vec<f64> =
            medians.iter().zip(&weights).map(|(median, weight)| median.unwrap_or(weight * scale)).collect();
        let total: f64 = sizes.iter().sum();
        let parts = agents
            .iter()
            .zip(sizes)
            .map(|(agent, size)| Part {
                share: size / total,
                done: 0.0,
                earlier_ms: quartiles(&agent.earlier_ms),
                needs: agent.needs,
            })
            .collect();
        Self { parts, parallel: parallel.max(1), shown: sane_percent(shown).min(UNFINISHED_MAX) }
    }

    /// An agent is so far, in percent of itself; never falls.
    pub(crate) fn reached(&mut self, index: usize, percent: f64) {
        if let Some(part) = self.parts.get_mut(index) {
            part.done = part.done.max(sane_percent(percent) / 100.0);
        }
    }

    /// An agent has to begin again; what is shown of the whole stays.
    pub(crate) fn restarted(&mut self, index: usize) {
        if let Some(part) = self.parts.get_mut(index) {
            part.done = 0.0;
        }
    }

    /// How far an agent is, in percent of itself.
    pub(crate) fn of_agent(&self, index: usize) -> f64 {
        self.parts.get(index).map_or(0.0, |part| rounded(part.done * 100.0))
    }

    /// How far the run is; never falls, and stays below 100: only the end of the run says 100.
    pub(crate) fn percent(&mut self) -> f64 {
        let sum: f64 = self.parts.iter().map(|part| part.share * part.done).sum();
        self.shown = self.shown.max(rounded(sum * 100.0).min(UNFINISHED_MAX));
        self.shown
    }

    /// How long the rest will probably take; none while an agent that is still to work has no history. Agents that need
    /// each other add up, others share the time as far as they may work at once.
    pub(crate) fn eta(&self) -> Option<Eta> {
        let mut rests = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            let rest = 1.0 - part.done;
            rests.push(match part.earlier_ms {
                _ if part.done >= 1.0 => (0.0, 0.0),
                Some((quick, slow)) => (rest * quick as f64, rest * slow as f64),
                None => return None,
            });
        }
        let low = self.span(rests.iter().map(|(quick, _)| *quick));
        let high = self.span(rests.iter().map(|(_, slow)| *slow));
        // Milliseconds of a run are far below what a u64 holds, and they are not negative.
        Some(Eta { low_ms: low.round() as u64, high_ms: high.round() as u64 })
    }

    /// From now to the end of the last agent, when each still takes so long.
    fn span(&self, rests: impl Iterator<Item = f64>) -> f64 {
        let (mut ends, mut total) = (Vec::<f64>::with_capacity(self.parts.len()), 0.0);
        for (part, rest) in self.parts.iter().zip(rests) {
            let begins = match part.needs {
                None => ends.iter().copied().fold(0.0, f64::max),
                Some(needs) => needs.iter().filter_map(|need| ends.get(*need)).copied().fold(0.0, f64::max),
            };
            ends.push(begins + rest);
            total += rest;
        }
        ends.into_iter().fold(total / self.parallel as f64, f64::max)
    }
}

/// Progress of one agent, as an agent may say it: anything, also NaN.
pub(crate) fn sane_percent(percent: f64) -> f64 {
    if percent.is_nan() { 0.0 } else { percent.clamp(0.0, 100.0) }
}

fn sane_weight(weight: f64) -> f64 {
    if weight.is_finite() && weight > 0.0 { weight } else { 1.0 }
}

fn rounded(percent: f64) -> f64 {
    (percent * 10.0).round() / 10.0
}

fn median(earlier: &[u64]) -> Option<f64> {
    let sorted = sorted(earlier)?;
    // At least a millisecond: an agent that was too quick to measure still has a place in the whole.
    Some((sorted[sorted.len() / 2] as f64).max(1.0))
}

fn quartiles(earlier: &[u64]) -> Option<(u64, u64)> {
    let sorted = sorted(earlier)?;
    let last = sorted.len() - 1;
    Some((sorted[last / 4], sorted[last - last / 4]))
}

fn sorted(earlier: &[u64]) -> Option<Vec<u64>> {
    let mut sorted = earlier.to_vec();
    sorted.sort_unstable();
    (!sorted.is_empty()).then_some(sorted)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Agents one after the other.
    fn chain(agents: &[(f64, Vec<u64>)], shown: f64) -> Progress {
        let expected = |(weight, earlier): &(f64, Vec<u64>)| Expected {
            weight: *weight,
            earlier_ms: earlier.clone(),
            needs: None,
        };
        Progress::new(&agents.iter().map(expected).collect::<Vec<_>>(), 1, shown)
    }

    #[test]
    fn agents_that_work_at_once_share_the_time() {
        let agent = |ms: u64, needs: &'static [usize]| Expected {
            weight: 1.0,
            earlier_ms: vec![ms],
            needs: Some(needs),
        };
        let agents = [agent(100, &[]), agent(500, &[0]), agent(300, &[0]), agent(50, &[0, 1, 2])];
        let eta = |parallel, done: &[usize]| {
            let mut progress = Progress::new(&agents, parallel, 0.0);
            done.iter().for_each(|index| progress.reached(*index, 100.0));
            progress.eta().unwrap().low_ms
        };
        assert_eq!((eta(4, &[]), eta(1, &[])), (650, 950));
        assert_eq!((eta(2, &[0, 1]), eta(2, &[0, 2]), eta(2, &[0, 1, 2])), (350, 550, 50));
    }

    #[test]
    fn weighs_by_weight_and_by_earlier_durations_once_known() {
        let mut plain = chain(&[(1.0, vec![]), (3.0, vec![])], 0.0);
        plain.reached(0, 100.0);
        assert_eq!(plain.percent(), 25.0);
        assert_eq!(plain.eta(), None);

        let mut known = chain(&[(1.0, vec![900, 100, 1_000]), (3.0, vec![100, 90, 5_000])], 0.0);
        known.reached(0, 100.0);
        assert_eq!(known.percent(), 90.0);
        // The second agent has no history: 1 weight is 500 ms by the first.
        let mut mixed = chain(&[(2.0, vec![1_000]), (2.0, vec![])], 0.0);
        mixed.reached(0, 100.0);
        assert_eq!(mixed.percent(), 50.0);
    }

    #[test]
    fn the_expected_time_is_a_range_that_shrinks() {
        let mut progress = chain(
            &[(1.0, vec![100, 200, 300, 400, 500]), (1.0, vec![1_000, 1_000, 3_000, 1_000, 1_000])],
            0.0,
        );
        assert_eq!(progress.eta(), Some(Eta { low_ms: 1_200, high_ms: 1_400 }));
        progress.reached(0, 50.0);
        assert_eq!(progress.eta(), Some(Eta { low_ms: 1_100, high_ms: 1_200 }));
        progress.reached(0, 100.0);
        progress.reached(1, 100.0);
        assert_eq!(progress.eta(), Some(Eta { low_ms: 0, high_ms: 0 }));
    }

    #[test]
    fn stays_where_it_was_after_a_restart() {
        let mut progress = chain(&[(1.0, vec![]), (1.0, vec![])], 73.0);
        progress.reached(0, 100.0);
        assert_eq!(progress.percent(), 73.0);
    }

    proptest! {
        #[test]
        fn never_falls_and_says_100_never(
            agents in prop::collection::vec((any::<f64>(), prop::collection::vec(0u64..100_000, 0..6)), 1..14),
            steps in prop::collection::vec((0usize..14, any::<f64>(), any::<bool>()), 0..60),
            shown in any::<f64>(),
        ) {
            let mut progress = chain(&agents, shown);
            let mut last = 0.0;
            for (index, percent, again) in steps {
                if again { progress.restarted(index) } else { progress.reached(index, percent) }
                let now = progress.percent();
                prop_assert!(now >= last && (0.0..=99.0).contains(&now), "{last} -> {now}");
                if let Some(eta) = progress.eta() {
                    prop_assert!(eta.low_ms <= eta.high_ms);
                }
                last = now;
            }
        }
    }
}
