//! How many runs may work at once: of one project, of one pipeline, of one caller, with one resource.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::domain::ids::ProjectId;
use crate::domain::run::Run;

/// What a run counts against while it works, besides the limit of all.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Limit {
    /// Its project: a room shows one run.
    Project(ProjectId),
    /// Its pipeline.
    Pipeline(Arc<str>),
    /// Whoever asked for it.
    Caller(Arc<str>),
    /// Something it occupies.
    Resource(Arc<str>),
}

impl Limit {
    /// All that a run counts against.
    pub(crate) fn all_of(run: &Run) -> Arc<[Limit]> {
        let control = &run.control;
        let resources = control.resources.iter().map(|tag| Limit::Resource(tag.as_str().into()));
        [Limit::Project(run.project_id), Limit::Pipeline(run.pipeline.as_str().into())]
            .into_iter()
            .chain(control.caller.as_deref().map(|caller| Limit::Caller(caller.into())))
            .chain(resources)
            .collect()
    }
}

/// How many may work at once. What is none is not limited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunLimits {
    /// Of all runs.
    pub all: usize,
    /// Of one pipeline.
    pub per_pipeline: Option<usize>,
    /// Of one caller.
    pub per_caller: Option<usize>,
    /// Of those that occupy a resource, by its tag.
    pub resources: BTreeMap<String, usize>,
}

impl RunLimits {
    /// So many at once, whatever they are.
    pub fn of_all(all: usize) -> Self {
        Self { all, per_pipeline: None, per_caller: None, resources: BTreeMap::new() }
    }

    fn of(&self, limit: &Limit) -> Option<usize> {
        match limit {
            Limit::Project(_) => Some(1),
            Limit::Pipeline(_) => self.per_pipeline,
            Limit::Caller(_) => self.per_caller,
            Limit::Resource(tag) => self.resources.get(&**tag).copied(),
        }
    }
}

/// How much of each limit is used.
#[derive(Debug, Default)]
pub(crate) struct Usage(HashMap<Limit, usize>);

impl Usage {
    /// The first of these limits that lets nobody in.
    pub(crate) fn full<'a>(&self, of_run: &'a [Limit], limits: &RunLimits) -> Option<&'a Limit> {
        of_run.iter().find(|limit| {
            let used = self.0.get(limit).copied().unwrap_or(0);
            // A limit of 0 would let nobody in for ever.
            limits.of(limit).is_some_and(|most| used >= most.max(1))
        })
    }

    pub(crate) fn take(&mut self, of_run: &[Limit]) {
        for limit in of_run {
            *self.0.entry(limit.clone()).or_default() += 1;
        }
    }

    pub(crate) fn give_back(&mut self, of_run: &[Limit]) {
        for limit in of_run {
            if let Some(used) = self.0.get_mut(limit) {
                *used -= 1;
                if *used == 0 {
                    self.0.remove(limit);
                }
            }
        }
    }
}
