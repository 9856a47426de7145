//! How long agents took in earlier runs: read from the store once per pipeline, and learned from then on, so that the
//! start of a run asks nobody.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Durations of one pipeline's agents, the oldest first.
type Durations = HashMap<String, VecDeque<u64>>;

/// How long agents took.
#[derive(Debug)]
pub(crate) struct History {
    per_agent: usize,
    pipelines: Mutex<HashMap<String, Durations>>,
}

impl History {
    /// Nothing is known yet; so many durations are kept of each agent.
    pub(crate) fn new(per_agent: usize) -> Self {
        Self { per_agent: per_agent.max(1), pipelines: Mutex::default() }
    }

    /// Durations of a pipeline's agents; none before they were read.
    pub(crate) fn of(&self, pipeline: &str) -> Option<Vec<(String, u64)>> {
        let pipelines = self.lock();
        let known = pipelines.get(pipeline)?;
        Some(known.iter().flat_map(|(agent, all)| all.iter().map(|ms| (agent.clone(), *ms))).collect())
    }

    /// What the store knows of a pipeline, the newest first. What was learned meanwhile stays.
    pub(crate) fn read(&self, pipeline: &str, durations: &[(String, u64)]) {
        if self.lock().contains_key(pipeline) {
            return;
        }
        self.lock().entry(pipeline.to_owned()).or_default();
        for (agent, ms) in durations.iter().rev() {
            self.learn(pipeline, agent, *ms);
        }
    }

    /// An agent has ended well. Nothing is learned of a pipeline that was not read: that would look like all there is.
    pub(crate) fn learn(&self, pipeline: &str, agent: &str, ms: u64) {
        let mut pipelines = self.lock();
        let Some(known) = pipelines.get_mut(pipeline) else { return };
        let of_agent = known.entry(agent.to_owned()).or_default();
        if of_agent.len() == self.per_agent {
            of_agent.pop_front();
        }
        of_agent.push_back(ms);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Durations>> {
        // The maps are whole after every statement that changes them.
        self.pipelines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_once_and_keeps_the_newest() {
        let history = History::new(3);
        history.learn("app", "one", 99);
        assert_eq!(history.of("app"), None);
        let stored = [4, 3, 2, 1].map(|ms| ("one".to_owned(), ms));
        history.read("app", &stored);
        history.learn("app", "one", 5);
        history.read("app", &stored);
        let known: Vec<u64> = history.of("app").unwrap().into_iter().map(|(_, ms)| ms).collect();
        assert_eq!(known, [3, 4, 5]);
        assert_eq!(history.of("image"), None);
    }
}
