//! How long agents took in earlier runs: read from the store once per pipeline, and learned from then on, so that the
//! start of a run asks nobody.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::run::Run;

/// Durations of one pipeline's agents, the oldest first.
type Durations = HashMap<String, VecDeque<u64>>;

/// A pipeline as it is defined: what one definition took says nothing of another one under the same name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Kind {
    pub(crate) pipeline: String,
    pub(crate) definition: Option<Arc<str>>,
}

impl Kind {
    /// What a run is one of.
    pub(crate) fn of(run: &Run) -> Self {
        Self { pipeline: run.pipeline.clone(), definition: run.definition.clone() }
    }
}

/// How long agents took.
#[derive(Debug)]
pub(crate) struct History {
    per_agent: usize,
    pipelines: Mutex<HashMap<Kind, Durations>>,
}

impl History {
    /// Nothing is known yet; so many durations are kept of each agent.
    pub(crate) fn new(per_agent: usize) -> Self {
        Self { per_agent: per_agent.max(1), pipelines: Mutex::default() }
    }

    /// Durations of a pipeline's agents; none before they were read.
    pub(crate) fn of(&self, kind: &Kind) -> Option<Vec<(String, u64)>> {
        let pipelines = self.lock();
        let known = pipelines.get(kind)?;
        Some(known.iter().flat_map(|(agent, all)| all.iter().map(|ms| (agent.clone(), *ms))).collect())
    }

    /// What the store knows of a pipeline, the newest first. What was learned meanwhile stays.
    pub(crate) fn read(&self, kind: &Kind, durations: &[(String, u64)]) {
        if self.lock().contains_key(kind) {
            return;
        }
        self.lock().entry(kind.clone()).or_default();
        for (agent, ms) in durations.iter().rev() {
            self.learn(kind, agent, *ms);
        }
    }

    /// An agent has ended well. Nothing is learned of a pipeline that was not read: that would look like all there is.
    pub(crate) fn learn(&self, kind: &Kind, agent: &str, ms: u64) {
        let mut pipelines = self.lock();
        let Some(known) = pipelines.get_mut(kind) else { return };
        let of_agent = known.entry(agent.to_owned()).or_default();
        if of_agent.len() == self.per_agent {
            of_agent.pop_front();
        }
        of_agent.push_back(ms);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Kind, Durations>> {
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
        let app = Kind { pipeline: "app".to_owned(), definition: None };
        history.learn(&app, "one", 99);
        assert_eq!(history.of(&app), None);
        let stored = [4, 3, 2, 1].map(|ms| ("one".to_owned(), ms));
        history.read(&app, &stored);
        history.learn(&app, "one", 5);
        history.read(&app, &stored);
        let known: Vec<u64> = history.of(&app).unwrap().into_iter().map(|(_, ms)| ms).collect();
        assert_eq!(known, [3, 4, 5]);
        let image = Kind { pipeline: "image".to_owned(), definition: None };
        let other_app = Kind { definition: Some("executor".into()), ..app };
        assert_eq!((history.of(&image), history.of(&other_app)), (None, None));
    }
}
