//! One event, four vocabularies: the table of PROTOCOL section 6, and who a happening is for.

use crate::domain::channel::CHANNELS;
use crate::domain::event::{EventBody, StatusUpdate};
use crate::domain::photo;
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
    /// It waits for its turn again: it rested, or has to be taken up anew.
    Requeued,
    /// A person is asked.
    Asked,
    /// The question is over: answered, or nobody waits for the answer any more.
    Answered,
}

/// The types of the events of each channel, in the order of [`CHANNELS`]. Photos, sessions and exports can be subscribed
/// to; what works on photos tells their events.
const TYPES: [&[&str]; CHANNELS.len()] = [
    &["job_created", "job_started", "job_progress", "job_completed", "job_failed", "job_cancelled"],
    &["photo_imported", "photo_analyzed", "photo_selected", "photo_approved", "photo_rejected"],
    &["session_created", "session_updated", "session_completed"],
    &["system_status", "resource_warning", "error_occurred"],
    &["queue_status", "priority_changed"],
    &["approval_requested", "approval_resolved"],
    &["export_started", "export_progress", "export_completed", "export_failed"],
];

/// Types of which the newest alone counts: how things stand now. They are in no log and are not told again.
pub const OF_THE_MOMENT: [&str; 3] = ["queue_status", "system_status", "resource_warning"];

/// The number of the channel that events of a type are on.
pub fn channel_of(kind: &str) -> Option<u8> {
    let place = TYPES.iter().position(|types| types.contains(&kind))?;
    u8::try_from(place).ok()
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
pub const TABLE: [Row; 11] = [
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
    // What follows is told on the channels beside, or instead of, what is said above: they speak of a job from its first
    // day to its last, and of questions.
    Row {
        happening: Happening::Requeued,
        room: &["status_update"],
        channels: &["job_progress", "queue_status"],
        everyone: &["status"],
        task: &["progress_update"],
        dashboard: &["job_update"],
    },
    Row {
        happening: Happening::Asked,
        room: &["status_update"],
        channels: &["job_progress", "approval_requested"],
        everyone: &["progress"],
        task: &["progress_update"],
        dashboard: &["job_update"],
    },
    Row {
        happening: Happening::Answered,
        room: &["status_update"],
        channels: &["approval_resolved"],
        everyone: &["status"],
        task: &["progress_update"],
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

/// What an event of a run is called on a channel that tells what an application says by its own name.
pub fn told(body: &EventBody) -> Option<&'static str> {
    let EventBody::Event(custom) = body else { return None };
    if !photo::is_told(&custom.name) {
        return None;
    }
    TYPES.iter().copied().flatten().copied().find(|kind| *kind == custom.name)
}

/// The same for who knows how the run stood before: an answer at a gate, then what the event says besides.
pub fn happenings(before: Option<RunStatus>, body: &EventBody) -> impl Iterator<Item = Happening> {
    let now = match body {
        EventBody::StatusUpdate(update) => Some(update.status),
        _ => None,
    };
    let waited = before == Some(RunStatus::Waiting);
    let answered = waited && now.is_some_and(|now| now != RunStatus::Waiting);
    // A worker outside begins with its run at work: nobody has queued or admitted it.
    let begins = before.is_none()
        && matches!(body, EventBody::StatusUpdate(StatusUpdate { status: RunStatus::Running, progress, .. }) if *progress == 0.0);
    let begun = begins.then_some([Happening::Queued, Happening::Started]).into_iter().flatten();
    let what = match happening(body) {
        Some(Happening::Queued) if before.is_some() => Some(Happening::Requeued),
        Some(Happening::Progress) if now == Some(RunStatus::Waiting) && !waited => Some(Happening::Asked),
        what => what,
    };
    answered.then_some(Happening::Answered).into_iter().chain(begun).chain(what)
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
    use crate::domain::channel::channel;
    use crate::domain::event::Custom;

    #[test]
    fn what_the_table_says_on_channels_is_on_one_channel() {
        let told = TABLE.iter().flat_map(|row| row.channels).copied();
        for kind in told.chain(OF_THE_MOMENT) {
            let number = channel_of(kind).unwrap_or_else(|| panic!("{kind} is on no channel"));
            assert_eq!(TYPES.iter().filter(|types| types.contains(&kind)).count(), 1, "{kind}");
            assert_eq!(channel(CHANNELS[usize::from(number)]), Some(number));
        }
        assert_eq!((channel("Jobs"), channel_of("job")), (None, None));
        // The lists are in one order: a type begins like its channel is called, where it has the name of one.
        for (name, types) in CHANNELS.into_iter().zip(TYPES) {
            let named = CHANNELS.into_iter().find(|one| types[0].starts_with(one.trim_end_matches('s')));
            assert_eq!(named, Some(name));
        }
    }

    #[test]
    fn what_work_on_photos_tells_is_on_its_channels() {
        for name in photo::TOLD {
            let event = Custom { name: name.to_owned(), data: serde_json::Value::Null };
            assert_eq!(told(&EventBody::Event(event)), Some(name));
            let channel = CHANNELS[usize::from(channel_of(name).unwrap())];
            assert!(["photos", "sessions", "export"].contains(&channel), "{name}");
        }
        // The name of another channel's event is no way onto it.
        let event = Custom { name: "job_failed".to_owned(), data: serde_json::Value::Null };
        assert_eq!(told(&EventBody::Event(event)), None);
    }

    #[test]
    fn a_question_is_asked_and_answered_once() {
        use Happening::*;
        use RunStatus as S;
        for (before, now, told) in [
            (None, S::Queued, &[Queued][..]),
            (None, S::Running, &[Queued, Started, Progress]),
            (Some(S::Queued), S::Running, &[Progress]),
            (Some(S::Paused), S::Queued, &[Requeued]),
            (Some(S::Running), S::Waiting, &[Asked]),
            (Some(S::Waiting), S::Waiting, &[Progress]),
            (Some(S::Waiting), S::Queued, &[Answered, Requeued]),
            (Some(S::Waiting), S::Failed, &[Answered]),
            (Some(S::Waiting), S::Cancelling, &[Answered, Progress]),
            (Some(S::Running), S::Completed, &[]),
        ] {
            let update = StatusUpdate { status: now, progress: 0.0, message: String::new(), eta: None };
            let heard: Vec<_> = happenings(before, &EventBody::StatusUpdate(update)).collect();
            assert_eq!(heard, told, "{before:?} {now:?}");
        }
    }

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
