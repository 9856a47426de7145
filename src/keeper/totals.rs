//! What was removed since the start, for operators.

use serde::Serialize;

use crate::domain::time::Timestamp;
use crate::engine::retention::Kept;

/// What was removed since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Passes that were made.
    pub passes: u64,
    /// When the last one ended.
    pub last_pass_at: Option<Timestamp>,
    /// How long it took.
    pub last_pass_ms: u64,
    /// Why it was not finished, when it was not.
    pub failed: Option<String>,
    /// Events of logs, those of removed projects included.
    pub events: u64,
    /// Bytes of their bodies.
    pub event_bytes: u64,
    /// Folds that were saved, so that a restart need not read a long log.
    pub states_saved: u64,
    /// Runs whose log lines went.
    pub line_runs: u64,
    /// Bytes of these lines.
    pub line_bytes: u64,
    /// Runs whose files are no longer named.
    pub file_runs: u64,
    /// Contents that nothing named any more.
    pub files: u64,
    /// Their bytes.
    pub file_bytes: u64,
    /// Idempotency answers that had expired.
    pub answers: u64,
    /// Bytes of the store that were given back to the machine.
    pub given_back_bytes: u64,
}

impl Totals {
    /// A piece of upkeep was done.
    pub(super) fn add_kept(&mut self, kept: &Kept) {
        self.events += kept.events;
        self.event_bytes += kept.event_bytes;
        self.answers += kept.answers;
        self.given_back_bytes += kept.given_back_bytes;
    }
}
