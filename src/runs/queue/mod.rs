//! Whom to admit next: the order of the queue, its bound, and what is full. Plain data; the truth about what waits is in
//! the engine, this is its mirror in memory, and it holds of each run no more than what decides.
//!
//! The order is lane, then priority, then age. A run that may not work because a limit is full is set aside under that
//! limit and looked at again when somebody gives it back, so that an admission touches a few runs however many wait. So
//! that nothing starves, every [`AGED_EVERY`]th admission goes to the run that has waited longest, once it has waited
//! for longer than the queue is set to.

mod estimate;
mod ids;
mod limits;
mod standing;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

pub(crate) use ids::fresh_run_id;
pub use limits::RunLimits;
pub(crate) use standing::Standing;

use crate::domain::control::Lane;
use crate::domain::ids::{ProjectId, RunId};
use crate::domain::run::Run;
use crate::domain::time::Timestamp;
use crate::runs::queue::estimate::{Durations, Mix};
use crate::runs::queue::limits::{Limit, Usage};

/// Which admissions go to the longest waiting run that has aged: what is urgent keeps the others.
const AGED_EVERY: u64 = 4;
/// Oldest runs that are looked at for one that is not held by a limit.
const AGED_LOOKS_MAX: usize = 8;

/// How urgent a run is; sorts as it is served.
type Class = (Lane, Reverse<i32>);

/// A place in the queue; sorts as it is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Ticket {
    class: Class,
    created_at: Timestamp,
    run: RunId,
}

impl Ticket {
    fn of(run: &Run) -> Self {
        Self { class: (run.control.lane, Reverse(run.priority)), created_at: run.created_at, run: run.id }
    }
}

/// A run that waits.
#[derive(Debug)]
struct Waiting {
    ticket: Ticket,
    project: ProjectId,
    pipeline: Arc<str>,
    limits: Arc<[Limit]>,
    queued_at: Timestamp,
    /// The limit under which it was set aside.
    held_by: Option<Limit>,
}

/// A run that works.
#[derive(Debug)]
struct Active {
    project: ProjectId,
    pipeline: Arc<str>,
    limits: Arc<[Limit]>,
}

/// What waits and what works.
#[derive(Debug)]
pub(crate) struct Queue {
    limits: RunLimits,
    ageing_ms: u64,
    waiting: HashMap<RunId, Waiting>,
    /// Those that wait in the order in which they are served.
    order: BTreeMap<Class, BTreeSet<(Timestamp, RunId)>>,
    /// How many of each pipeline wait, by class.
    mixes: BTreeMap<Class, Mix>,
    /// Those of a project that wait, in the order in which they are served.
    by_project: HashMap<ProjectId, BTreeSet<Ticket>>,
    /// Those that wait by age.
    by_age: BTreeSet<(Timestamp, RunId)>,
    /// Those that wait by when they came into the queue this time.
    by_queued: BTreeSet<(Timestamp, RunId)>,
    /// Those of which nothing is known that holds them.
    ready: BTreeSet<Ticket>,
    /// Those that were set aside, by what holds them.
    held: HashMap<Limit, BTreeSet<Ticket>>,
    /// Limits of which something was given back since they were found full.
    freed: HashSet<Limit>,
    active: HashMap<RunId, Active>,
    usage: Usage,
    admissions: u64,
    /// Places of runs that are being written; they count for the bound.
    reserved: usize,
    durations: Durations,
}

impl Queue {
    /// An empty queue.
    pub(crate) fn new(limits: RunLimits, ageing_ms: u64) -> Self {
        Self {
            limits: RunLimits { all: limits.all.max(1), ..limits },
            ageing_ms,
            waiting: HashMap::new(),
            order: BTreeMap::new(),
            mixes: BTreeMap::new(),
            by_project: HashMap::new(),
            by_age: BTreeSet::new(),
            by_queued: BTreeSet::new(),
            ready: BTreeSet::new(),
            held: HashMap::new(),
            freed: HashSet::new(),
            active: HashMap::new(),
            usage: Usage::default(),
            admissions: 0,
            reserved: 0,
            durations: Durations::default(),
        }
    }

    /// Keeps a place for a run that is about to be written.
    ///
    /// # Errors
    /// When the queue is full: after how many seconds to try again.
    pub(crate) fn reserve(&mut self, queue_max: usize) -> Result<(), u64> {
        if self.waiting.len() + self.reserved >= queue_max {
            return Err(self.durations.retry_after_s(&self.mix_of_active(|_| true), self.limits.all));
        }
        self.reserved += 1;
        Ok(())
    }

    /// Gives a kept place back.
    pub(crate) fn release_place(&mut self) {
        self.reserved = self.reserved.saturating_sub(1);
    }

    /// A run waits. Without effect while it works.
    pub(crate) fn push(&mut self, run: &Run) {
        if self.active.contains_key(&run.id) {
            return;
        }
        self.remove(run.id);
        let ticket = Ticket::of(run);
        let queued_at = run.control.queued_at.unwrap_or(run.created_at);
        let limits = Limit::all_of(run);
        let pipeline: Arc<str> = run.pipeline.as_str().into();
        self.order.entry(ticket.class).or_default().insert((ticket.created_at, run.id));
        *self.mixes.entry(ticket.class).or_default().entry(pipeline.clone()).or_default() += 1;
        self.by_project.entry(run.project_id).or_default().insert(ticket);
        self.by_age.insert((ticket.created_at, run.id));
        self.by_queued.insert((queued_at, run.id));
        self.ready.insert(ticket);
        let waiting = Waiting { ticket, project: run.project_id, pipeline, limits, queued_at, held_by: None };
        self.waiting.insert(run.id, waiting);
    }

    /// A run waits no longer.
    pub(crate) fn remove(&mut self, run: RunId) {
        self.take(run);
    }

    fn take(&mut self, run: RunId) -> Option<Waiting> {
        let waiting = self.waiting.remove(&run)?;
        let Ticket { class, created_at, .. } = waiting.ticket;
        if let Some(of_class) = self.order.get_mut(&class) {
            of_class.remove(&(created_at, run));
            if of_class.is_empty() {
                self.order.remove(&class);
            }
        }
        if let Some(mix) = self.mixes.get_mut(&class)
            && let Some(count) = mix.get_mut(&waiting.pipeline)
        {
            *count -= 1;
            if *count == 0 {
                mix.remove(&waiting.pipeline);
            }
            if mix.is_empty() {
                self.mixes.remove(&class);
            }
        }
        if let Some(of_project) = self.by_project.get_mut(&waiting.project) {
            of_project.remove(&waiting.ticket);
            if of_project.is_empty() {
                self.by_project.remove(&waiting.project);
            }
        }
        self.by_age.remove(&(created_at, run));
        self.by_queued.remove(&(waiting.queued_at, run));
        match &waiting.held_by {
            None => drop(self.ready.remove(&waiting.ticket)),
            Some(limit) => {
                if let Some(held) = self.held.get_mut(limit) {
                    held.remove(&waiting.ticket);
                    if held.is_empty() {
                        self.held.remove(limit);
                        self.freed.remove(limit);
                    }
                }
            }
        }
        Some(waiting)
    }

    /// Takes from the queue what may work now.
    pub(crate) fn admit(&mut self, now: Timestamp) -> Vec<RunId> {
        let mut admitted = Vec::new();
        while self.active.len() < self.limits.all {
            let aged = if self.admissions % AGED_EVERY == AGED_EVERY - 1 { self.aged(now) } else { None };
            let Some(run) = aged.or_else(|| self.best()) else { break };
            let Some(waiting) = self.take(run) else { break };
            self.admissions += 1;
            self.usage.take(&waiting.limits);
            let Waiting { project, pipeline, limits, .. } = waiting;
            self.active.insert(run, Active { project, pipeline, limits });
            admitted.push(run);
        }
        admitted
    }

    /// The longest waiting run, when it has waited too long and nothing holds it.
    fn aged(&self, now: Timestamp) -> Option<RunId> {
        let aged = |created_at: Timestamp| now.since(created_at) >= self.ageing_ms;
        let oldest = self.by_age.iter().take(AGED_LOOKS_MAX).take_while(|(created_at, _)| aged(*created_at));
        oldest.map(|(_, run)| *run).find(|run| {
            let waiting = self.waiting.get(run);
            waiting.is_some_and(|waiting| self.usage.full(&waiting.limits, &self.limits).is_none())
        })
    }

    /// The first in the order that nothing holds. Those that are found held are set aside.
    fn best(&mut self) -> Option<RunId> {
        loop {
            let freed = self.freed.iter().filter_map(|limit| self.held.get(limit)?.first());
            let ticket = *freed.chain(self.ready.first()).min()?;
            let waiting = self.waiting.get_mut(&ticket.run)?;
            let Some(full) = self.usage.full(&waiting.limits, &self.limits).cloned() else {
                return Some(ticket.run);
            };
            let was_held_by = waiting.held_by.replace(full.clone());
            match was_held_by {
                None => drop(self.ready.remove(&ticket)),
                Some(limit) => {
                    let left = self.held.get_mut(&limit).map(|held| {
                        held.remove(&ticket);
                        held.is_empty()
                    });
                    if left.unwrap_or(true) {
                        self.held.remove(&limit);
                        self.freed.remove(&limit);
                    }
                }
            }
            // Full again: whoever waits for it is not asked before somebody gives it back.
            self.freed.remove(&full);
            self.held.entry(full).or_default().insert(ticket);
        }
    }

    /// A run no longer works; `took_ms` when it came to its end.
    pub(crate) fn release(&mut self, run: RunId, took_ms: Option<u64>) {
        if let Some(active) = self.active.remove(&run) {
            self.usage.give_back(&active.limits);
            let wanted = active.limits.iter().filter(|limit| self.held.contains_key(limit));
            self.freed.extend(wanted.cloned());
            if let Some(took) = took_ms {
                self.durations.learn(&active.pipeline, took);
            }
        }
    }

    /// The runs of a project that wait or work.
    pub(crate) fn runs_of(&self, project: ProjectId) -> Vec<RunId> {
        let waiting = self.waiting.iter().filter(|(_, run)| run.project == project).map(|(run, _)| *run);
        let active = self.active.iter().filter(|(_, run)| run.project == project).map(|(run, _)| *run);
        waiting.chain(active).collect()
    }

    /// Runs that came into the queue at `until` or before.
    pub(crate) fn queued_until(&self, until: Timestamp) -> Vec<RunId> {
        self.by_queued.iter().take_while(|(queued_at, _)| *queued_at <= until).map(|(_, run)| *run).collect()
    }

    /// How many work.
    pub(crate) fn active(&self) -> usize {
        self.active.len()
    }

    /// How many may work at once.
    pub(crate) fn active_max(&self) -> usize {
        self.limits.all
    }

    /// How many wait.
    pub(crate) fn depth(&self) -> usize {
        self.waiting.len()
    }

    /// How many wait in each lane.
    pub(crate) fn depth_by_lane(&self) -> [usize; 3] {
        let mut depths = [0; 3];
        for ((lane, _), of_class) in &self.order {
            depths[*lane as usize] += of_class.len();
        }
        depths
    }

    /// Since when the oldest waits.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.by_age.first().map(|(created_at, _)| *created_at)
    }
}

#[cfg(test)]
mod tests;
