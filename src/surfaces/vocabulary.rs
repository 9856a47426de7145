//! One event, four vocabularies: the table of PROTOCOL section 6, and who a happening is for.

use crate::domain::event::{EventBody, StatusUpdate};
use crate::domain::run::RunStatus;

/// The pipeline whose runs speak the image vocabulary to every Socket.IO client.
pub const IMAGE_PIPELINE: &str = "image";

/// What happens to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Happening {
    /// It was accepted.
    Queued,
    /// It was admitted.
    Started,
    /// It went on, or changed between states that are not terminal.
    Progress,
    /// One of its agents began, went on or ended.
    Agent,
    /// It wrote lines.
    Log,
    /// It ended with something to show.
    Completed,
    /// It ended without.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
}

/// What is said of a happening, in each vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The happening.
    pub happening: Happening,
    /// In the project room.
    pub room: &'static [&'static str],
    /// On the channels.
    pub channels: &'static [&'static str],
    /// To every Socket.IO client, for runs of [`IMAGE_PIPELINE`].
    pub everyone: &'static [&'static str],
    /// In the task's room.
    pub task: &'static [&'static str],
    /// On the dashboard.
    pub dashboard: &'static [&'static str],
}

/// The table.
pub const TABLE: [Row; 8] = [
    Row {
        happening: Happening::Queued,
        room: &["status_update"],
        channels: &["job_created", "queue_status"],
        everyone: &["status"],
        task: &["progress_update"],
        dashboard: &["job_update"],
    },
    Row {
        happening: Happening::Started,
        room: &["status_update"],
        channels: &["job_started"],
        everyone: &["job_started", "status"],
        task: &["progress_update"],
        dashboard: &["job_update"],
    },
    Row {
        happening: Happening::Progress,
        room: &["status_update"],
        channels: &["job_progress"],
        everyone: &["progress"],
        task: &["progress_update"],
        dashboard: &["job_update"],
    },
    Row {
        happening: Happening::Agent,
        room: &["agent_update"],
        channels: &["job_progress"],
        everyone: &[],
        task: &["progress_update"],
        dashboard: &[],
    },
    Row {
        happening: Happening::Log,
        room: &["log"],
        channels: &[],
        everyone: &[],
        task: &[],
        dashboard: &[],
    },
    Row {
        happening: Happening::Completed,
        room: &["completion"],
        channels: &["job_completed"],
        everyone: &["completed", "status"],
        task: &["task_completed"],
        dashboard: &["job_update"],
    },
    Row {
        happening: Happening::Failed,
        room: &["completion"],
        channels: &["job_failed", "error_occurred"],
        everyone: &["error", "status"],
        task: &["task_error"],
        dashboard: &["job_update", "admin_alert"],
    },
    Row {
        happening: Happening::Cancelled,
        room: &["completion"],
        channels: &["job_cancelled"],
        everyone: &["status"],
        task: &["task_cancelled"],
        dashboard: &["job_update"],
    },
];

/// What is said of a happening.
pub fn row(happening: Happening) -> &'static Row {
    TABLE.iter().find(|row| row.happening == happening).expect("the table has a row for every happening")
}

/// What an event says happened to its run. None for what is no happening of the table: files, events of applications, and
/// the status that comes with a completion and says the same.
pub fn happening(body: &EventBody) -> Option<Happening> {
    match body {
        EventBody::StatusUpdate(StatusUpdate { status, .. }) => match status {
            RunStatus::Queued => Some(Happening::Queued),
            RunStatus::Starting => Some(Happening::Started),
            status if status.is_terminal() => None,
            _ => Some(Happening::Progress),
        },
        EventBody::AgentUpdate(_) => Some(Happening::Agent),
        EventBody::Log(_) => Some(Happening::Log),
        EventBody::Completion(completion) => ended(completion.status),
        EventBody::Artifact(_) | EventBody::Event(_) => None,
    }
}

/// The happening that a terminal state is the end of.
pub fn ended(status: RunStatus) -> Option<Happening> {
    match status {
        RunStatus::Completed | RunStatus::Partial => Some(Happening::Completed),
        RunStatus::Failed | RunStatus::TimedOut => Some(Happening::Failed),
        RunStatus::Cancelled => Some(Happening::Cancelled),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_of_a_run_is_said_once() {
        for status in RunStatus::ALL {
            let update = StatusUpdate { status, progress: 0.0, message: String::new(), eta: None };
            let said = happening(&EventBody::StatusUpdate(update));
            assert_eq!(said.is_none(), status.is_terminal(), "{status:?}");
            assert_eq!(ended(status).is_some(), status.is_terminal(), "{status:?}");
            if let Some(happening) = said.or(ended(status)) {
                assert_eq!(row(happening).happening, happening);
                assert_eq!(row(happening).task.len(), 1, "one word per happening in a task's room");
            }
        }
    }
}
