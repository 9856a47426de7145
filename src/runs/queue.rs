//! Whom to admit next: the order of the queue, its bound, and which projects are busy. Plain data; the truth about what
//! waits is in the engine, this is its mirror in memory.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};

use uuid::{NoContext, Uuid};

use crate::domain::ids::{ProjectId, RunId};
use crate::domain::run::Run;
use crate::domain::time::Timestamp;

/// Assumed length of a run before one has ended, for saying when to try again.
const RUN_MS_ASSUMED: u64 = 5_000;
/// Nobody is asked to stay away longer than this.
const RETRY_AFTER_S_MAX: u64 = 300;

/// A place in the queue; sorts as it is served: higher priority first, then older, then by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket {
    priority: Reverse<i32>,
    created_at: Timestamp,
    run: RunId,
    project: ProjectId,
}

impl Ticket {
    /// The place of a run.
    pub(crate) fn of(run: &Run) -> Self {
        Self {
            priority: Reverse(run.priority),
            created_at: run.created_at,
            run: run.id,
            project: run.project_id,
        }
    }
}

/// What waits and what works.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: BTreeSet<Ticket>,
    tickets: HashMap<RunId, Ticket>,
    active: HashMap<RunId, ProjectId>,
    /// Places of runs that are being written; they count for the bound.
    reserved: usize,
    /// How long a run takes, as a moving mean.
    run_ms: Option<u64>,
}

impl Queue {
    /// Keeps a place for a run that is about to be written.
    ///
    /// # Errors
    /// When the queue is full: after how many seconds to try again.
    pub(crate) fn reserve(&mut self, queue_max: usize, concurrency_max: usize) -> Result<(), u64> {
        if self.waiting.len() + self.reserved >= queue_max {
            let run_ms = self.run_ms.unwrap_or(RUN_MS_ASSUMED);
            let slots = u64::try_from(concurrency_max.max(1)).unwrap_or(1);
            return Err(run_ms.div_ceil(slots * 1_000).clamp(1, RETRY_AFTER_S_MAX));
        }
        self.reserved += 1;
        Ok(())
    }

    /// Gives a kept place back.
    pub(crate) fn release_place(&mut self) {
        self.reserved = self.reserved.saturating_sub(1);
    }

    /// A run waits. Without effect while it works.
    pub(crate) fn push(&mut self, ticket: Ticket) {
        if self.active.contains_key(&ticket.run) {
            return;
        }
        if let Some(old) = self.tickets.insert(ticket.run, ticket) {
            self.waiting.remove(&old);
        }
        self.waiting.insert(ticket);
    }

    /// A run waits no longer.
    pub(crate) fn remove(&mut self, run: RunId) {
        if let Some(ticket) = self.tickets.remove(&run) {
            self.waiting.remove(&ticket);
        }
    }

    /// How many of those that wait are served before a run with this ticket.
    pub(crate) fn ahead_of(&self, ticket: &Ticket) -> u32 {
        u32::try_from(self.waiting.range(..ticket).count()).unwrap_or(u32::MAX)
    }

    /// Takes from the queue what may work now: in order, at most `concurrency_max` at once, one per project.
    pub(crate) fn admit(&mut self, concurrency_max: usize) -> Vec<RunId> {
        let room = concurrency_max.saturating_sub(self.active.len());
        if room == 0 {
            return Vec::new();
        }
        let mut busy: HashSet<ProjectId> = self.active.values().copied().collect();
        let admitted: Vec<Ticket> =
            self.waiting.iter().filter(|ticket| busy.insert(ticket.project)).take(room).copied().collect();
        for ticket in &admitted {
            self.remove(ticket.run);
            self.active.insert(ticket.run, ticket.project);
        }
        admitted.into_iter().map(|ticket| ticket.run).collect()
    }

    /// A run no longer works; `took_ms` when it came to its end.
    pub(crate) fn release(&mut self, run: RunId, took_ms: Option<u64>) {
        self.active.remove(&run);
        if let Some(took) = took_ms {
            self.run_ms = Some(self.run_ms.map_or(took, |mean| (mean * 7 + took) / 8));
        }
    }

    /// The runs of a project that wait or work.
    pub(crate) fn runs_of(&self, project: ProjectId) -> Vec<RunId> {
        let waiting = self.waiting.iter().filter(|ticket| ticket.project == project).map(|ticket| ticket.run);
        let active = self.active.iter().filter(|(_, of)| **of == project).map(|(run, _)| *run);
        waiting.chain(active).collect()
    }

    /// How many work.
    pub(crate) fn active(&self) -> usize {
        self.active.len()
    }

    /// How many wait.
    pub(crate) fn depth(&self) -> usize {
        self.waiting.len()
    }

    /// Since when the oldest waits.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.waiting.iter().map(|ticket| ticket.created_at).min()
    }
}

/// An id for a new run that sorts after the project's newest one, also when the clock of the machine went back: a room
/// shows the run with the highest id.
pub(crate) fn fresh_run_id(newest: Option<RunId>) -> RunId {
    let id = RunId::generate();
    match newest {
        Some(newest) if id <= newest => {
            let (seconds, nanos) = newest.0.get_timestamp().map_or((0, 0), |at| at.to_unix());
            let next_ms = seconds * 1_000 + u64::from(nanos) / 1_000_000 + 1;
            let nanos = u32::try_from(next_ms % 1_000 * 1_000_000).unwrap_or(0);
            RunId(Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, next_ms / 1_000, nanos)))
        }
        _ => id,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ticket(run: u128, project: u128, priority: i32, at: i64) -> Ticket {
        Ticket {
            priority: Reverse(priority),
            created_at: Timestamp(at),
            run: RunId(Uuid::from_u128(run)),
            project: ProjectId(Uuid::from_u128(project)),
        }
    }

    fn numbers(runs: Vec<RunId>) -> Vec<u128> {
        runs.into_iter().map(|run| run.0.as_u128()).collect()
    }

    #[test]
    fn serves_priority_then_age_and_one_per_project() {
        let mut queue = Queue::default();
        queue.push(ticket(1, 10, 0, 100));
        queue.push(ticket(2, 11, 0, 50));
        queue.push(ticket(3, 12, 5, 200));
        queue.push(ticket(4, 12, 5, 201));
        assert_eq!(queue.ahead_of(&ticket(9, 19, 0, 60)), 3);
        assert_eq!(queue.oldest(), Some(Timestamp(50)));
        assert_eq!(numbers(queue.admit(2)), [3, 2]);
        assert_eq!(numbers(queue.admit(2)), []);
        queue.release(RunId(Uuid::from_u128(2)), Some(10));
        // Run 4 goes first by priority, but its project is busy.
        assert_eq!(numbers(queue.admit(2)), [1]);
        queue.release(RunId(Uuid::from_u128(3)), None);
        assert_eq!(numbers(queue.admit(2)), [4]);
        assert_eq!((queue.depth(), queue.active()), (0, 2));
    }

    #[test]
    fn is_bounded_and_says_when_to_try_again() {
        let mut queue = Queue::default();
        assert_eq!(queue.reserve(1, 2), Ok(()));
        assert_eq!(queue.reserve(1, 2), Err(3));
        queue.release_place();
        queue.push(ticket(1, 10, 0, 1));
        queue.release(RunId(Uuid::from_u128(7)), Some(60_000));
        assert_eq!(queue.reserve(1, 2), Err(30));
        queue.remove(RunId(Uuid::from_u128(1)));
        assert_eq!(queue.reserve(1, 2), Ok(()));
    }

    #[test]
    fn a_new_run_sorts_after_the_newest_even_when_the_clock_went_back() {
        let ahead = RunId(Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, 4_102_444_800, 999_000_000)));
        let id = fresh_run_id(Some(ahead));
        assert!(id > ahead);
        assert!(fresh_run_id(Some(id)) > id);
        assert!(fresh_run_id(None) < id);
    }

    proptest! {
        #[test]
        fn never_admits_too_many_nor_two_of_a_project(
            steps in prop::collection::vec((0u8..3, 0u128..12, 0u128..4, -2i32..3, 0i64..50), 1..80),
            limit in 1usize..4,
        ) {
            let mut queue = Queue::default();
            let mut working: HashMap<RunId, ProjectId> = HashMap::new();
            let mut projects: HashMap<u128, ProjectId> = HashMap::new();
            for (what, run, project, priority, at) in steps {
                // A run belongs to one project for good.
                let project = projects.entry(run).or_insert(ProjectId(Uuid::from_u128(project))).0.as_u128();
                let ticket = ticket(run, project, priority, at);
                match what {
                    0 => queue.push(ticket),
                    1 => queue.remove(ticket.run),
                    _ => { queue.release(ticket.run, None); working.remove(&ticket.run); }
                }
                for admitted in queue.admit(limit) {
                    let project = projects[&admitted.0.as_u128()];
                    prop_assert!(working.values().all(|busy| *busy != project));
                    prop_assert!(working.insert(admitted, project).is_none());
                }
                prop_assert!(working.len() <= limit);
                prop_assert_eq!(working.len(), queue.active());
            }
        }
    }
}
