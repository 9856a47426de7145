//! The audit log: every deed that changes how the server or a run goes on, by whom and from where.
//!
//! Who has no right to do something is not in it: entries are bounded, and a stranger must not be able to push others' out.

use crate::auth::Caller;
use crate::auth::policy::Action;
use crate::domain::audit::AuditEntry;
use crate::domain::ids::AuditId;
use crate::engine::{Batch, Change};
use crate::service::Service;
use crate::service::error::ServiceError;
use crate::service::watch::AdminNews;

/// Letters of what is said about a deed.
const DETAIL_CHARS_MAX: usize = 300;

impl Service {
    /// Writes down what somebody did and what came of it; hands that on. The entry is durable when this answers.
    pub(in crate::service) async fn audited<T>(
        &self,
        caller: Caller,
        action: &str,
        target: Option<String>,
        detail: Option<String>,
        outcome: Result<T, ServiceError>,
    ) -> Result<T, ServiceError> {
        if matches!(outcome, Err(ServiceError::Auth(_))) {
            return outcome;
        }
        let entry = AuditEntry {
            id: AuditId::generate(),
            at: self.now(),
            who: caller.name(),
            role: caller.role,
            address: caller.address.map(|address| address.to_string()),
            action: action.to_owned(),
            target,
            detail: detail.map(|detail| detail.chars().take(DETAIL_CHARS_MAX).collect()),
            done: outcome.is_ok(),
            result: match &outcome {
                Ok(_) => "done".to_owned(),
                Err(error) => error.to_string(),
            },
        };
        match self.ground().engine.commit(Batch::of([Change::Audit(entry.clone())])).await {
            Ok(_) => self.tell_admins(AdminNews::Audit(entry)),
            // What was done is done: it is at least said here.
            Err(error) => log::error!("{} by {} could not be written down: {error}", entry.action, entry.who),
        }
        outcome
    }

    /// Writes down something that was done elsewhere.
    pub async fn deed(&self, caller: Caller, action: &str, target: String, detail: String) {
        // There is nothing that could be refused any more.
        let _ = self.audited(caller, action, Some(target), Some(detail), Ok(())).await;
    }

    /// Entries of the audit log, newest first: those before one, or the newest.
    ///
    /// # Errors
    /// When the caller may not see the server, or the store does not answer.
    pub async fn audit_log(
        &self,
        caller: Caller,
        before: Option<AuditId>,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, ServiceError> {
        caller.may(Action::SeeServer)?;
        Ok(self.ground().engine.audit(before, limit).await?)
    }
}
