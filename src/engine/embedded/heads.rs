//! Where the log of each room ends, kept in memory by the writer and taken back with the transaction.

use std::collections::HashMap;

use crate::domain::ids::ProjectId;
use crate::domain::position::Epoch;

/// Rooms remembered; about 1 MB. Beyond it all are forgotten and loaded again on demand.
const HEADS_MAX: usize = 16_384;

/// The end of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// The room's number in the store.
    pub(super) room: i64,
    pub(super) epoch: Epoch,
    /// The last event.
    pub(super) last: u64,
}

/// Heads, with the way back to the last commit.
#[derive(Debug, Default)]
pub(super) struct Heads {
    known: HashMap<ProjectId, Head>,
    /// What was there before each change since the last commit.
    before: Vec<(ProjectId, Option<Head>)>,
}

/// A moment to go back to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark(usize);

impl Heads {
    /// The head, when it is known.
    pub(super) fn get(&self, id: ProjectId) -> Option<Head> {
        self.known.get(&id).copied()
    }

    /// Remembers what the store says.
    pub(super) fn learn(&mut self, id: ProjectId, head: Head) {
        self.known.insert(id, head);
    }

    /// Changes a head; none when the room goes.
    pub(super) fn set(&mut self, id: ProjectId, head: Option<Head>) {
        let before = match head {
            Some(head) => self.known.insert(id, head),
            None => self.known.remove(&id),
        };
        self.before.push((id, before));
    }

    /// Now, to go back to.
    pub(super) fn mark(&self) -> Mark {
        Mark(self.before.len())
    }

    /// Takes back every change after the mark.
    pub(super) fn back_to(&mut self, mark: Mark) {
        while self.before.len() > mark.0 {
            let Some((id, before)) = self.before.pop() else { break };
            match before {
                Some(head) => self.known.insert(id, head),
                None => self.known.remove(&id),
            };
        }
    }

    /// Takes back every change since the last commit.
    pub(super) fn back_to_commit(&mut self) {
        self.back_to(Mark(0));
    }

    /// Makes every change final.
    pub(super) fn commit(&mut self) {
        self.before.clear();
        if self.known.len() > HEADS_MAX {
            self.known.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_back_to_a_mark_and_to_the_commit() {
        let (first, second) = (ProjectId::generate(), ProjectId::generate());
        let head = |last| Head { room: 1, epoch: Epoch(7), last };
        let mut heads = Heads::default();
        heads.set(first, Some(head(1)));
        heads.commit();

        heads.set(first, Some(head(2)));
        let mark = heads.mark();
        heads.set(first, None);
        heads.set(second, Some(head(9)));
        heads.set(first, Some(head(1)));
        heads.back_to(mark);
        assert_eq!((heads.get(first), heads.get(second)), (Some(head(2)), None));

        heads.back_to_commit();
        assert_eq!(heads.get(first), Some(head(1)));
    }
}
