//! Ids of new runs.

use uuid::{NoContext, Uuid};

use crate::domain::ids::RunId;

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
    use super::*;

    #[test]
    fn a_new_run_sorts_after_the_newest_even_when_the_clock_went_back() {
        let ahead = RunId(Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, 4_102_444_800, 999_000_000)));
        let id = fresh_run_id(Some(ahead));
        assert!(id > ahead);
        assert!(fresh_run_id(Some(id)) > id);
        assert!(fresh_run_id(None) < id);
    }
}
