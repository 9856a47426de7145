//! Who did what to the server and its runs: one entry per deed, kept by the engine.

use serde::{Deserialize, Serialize};

use crate::domain::ids::AuditId;
use crate::domain::role::Role;
use crate::domain::time::Timestamp;

/// A deed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its name.
    pub id: AuditId,
    /// When it was done.
    pub at: Timestamp,
    /// Who did it, as others see them.
    pub who: String,
    /// Their role; none for a stranger.
    pub role: Option<Role>,
    /// Where they came from.
    pub address: Option<String>,
    /// What was done, like `run.cancel`.
    pub action: String,
    /// What it was done to: the id of a run, a client, a project or an alert.
    pub target: Option<String>,
    /// More about it, in words.
    pub detail: Option<String>,
    /// Whether it worked.
    pub done: bool,
    /// What came of it: `done`, or why it was refused.
    pub result: String,
}
