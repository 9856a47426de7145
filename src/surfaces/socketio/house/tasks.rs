//! The task vocabulary: events of a room's log as records that a session filters by task and sends.
//!
//! A record is made once per event, however many clients hear it. Its fields are the run, the name, and the members of the
//! payload in two parts: what this event says, and how far the run is. An event of an agent does not know how far the run
//! is; whoever follows remembers it from the record before. Control characters stand between fields and records, which
//! JSON text never holds.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::broker::RoomView;
use crate::broker::frame::Encoder;
use crate::domain::event::{Completion, Eta, EventBody, LoggedEvent};
use crate::domain::ids::{ProjectId, RunId};
use crate::domain::position::{Epoch, Position};
use crate::domain::run::{Run, RunStatus};
use crate::domain::time::Timestamp;
use crate::surfaces::vocabulary::{happening, row};

const FIELD: char = '\u{1f}';
const RECORD: char = '\u{1e}';

/// Events as records of the task vocabulary.
pub struct TaskEncoder;

impl Encoder for TaskEncoder {
    fn encode(&self, _: ProjectId, epoch: Epoch, event: &LoggedEvent) -> Bytes {
        let Some(run) = event.run_id else { return Bytes::new() };
        let Ok(body) = event.body() else { return Bytes::new() };
        let names = happening(&body).map_or(&[][..], |happening| row(happening).task);
        let position = Position { epoch, seq: event.seq };
        let mut records = String::new();
        for name in names {
            let (said, standing) = match &body {
                EventBody::StatusUpdate(update) => (
                    json!({ "task_id": run, "current_step": update.message, "position": position.to_string() }),
                    standing(update.status, update.progress, update.eta, event.at),
                ),
                EventBody::AgentUpdate(update) => (
                    json!({ "task_id": run, "current_step": update.message, "position": position.to_string() }),
                    String::new(),
                ),
                EventBody::Completion(completion) => (ended(run, completion, Some(position)), String::new()),
                _ => continue,
            };
            let said = members(&said);
            records.extend([
                &run.to_string(),
                &FIELD.to_string(),
                *name,
                &FIELD.to_string(),
                &said,
                &FIELD.to_string(),
                &standing,
                &RECORD.to_string(),
            ]);
        }
        records.into()
    }
}

/// One record, as it was encoded.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    /// The run it is of.
    pub(super) run: &'a str,
    /// The name of the event.
    pub(super) name: &'a str,
    /// Members of the payload.
    said: &'a str,
    /// How far the run is, as members of the payload; empty when the event does not know.
    pub(super) standing: &'a str,
}

impl Record<'_> {
    /// The payload for someone who remembers `standing`.
    pub(super) fn payload(&self, standing: &str) -> String {
        let ends = self.name != "progress_update";
        match if self.standing.is_empty() && !ends { standing } else { self.standing } {
            "" => format!("{{{}}}", self.said),
            standing => format!("{{{},{standing}}}", self.said),
        }
    }
}

/// The records of a chunk.
pub(super) fn records(chunk: &str) -> impl Iterator<Item = Record<'_>> {
    chunk.split(RECORD).filter_map(|record| {
        let mut fields = record.split(FIELD);
        Some(Record {
            run: fields.next()?,
            name: fields.next()?,
            said: fields.next()?,
            standing: fields.next()?,
        })
    })
}

/// How a task stands for someone who has just come.
#[derive(Debug, PartialEq)]
pub(super) struct Snapshot {
    /// The payload of its first `progress_update`, and of `get_task_status`.
    pub(super) status: Value,
    /// How far it is, to be remembered.
    pub(super) standing: String,
    /// How it ended: name and payload.
    pub(super) ended: Option<(&'static str, Value)>,
}

/// How a task stands: from the room's state when it shows this run, else from the run's record.
pub(super) fn snapshot(
    run: &Run,
    view: Option<&RoomView>,
    position: Option<Position>,
    now: Timestamp,
) -> Snapshot {
    let shown = view.filter(|view| view.state.run.as_ref().is_some_and(|shown| shown.id == run.id));
    let (status, progress, message, eta, completion) = match shown {
        Some(view) => {
            let state = &view.state;
            let status = state.status.unwrap_or(run.status);
            (status, state.progress, state.message.clone(), state.eta, state.completion.clone())
        }
        None => (run.status, run.progress, run.message.clone(), None, None),
    };
    let completion = completion.or_else(|| status.is_terminal().then(|| completion_of(run)));
    let standing = standing(status, progress, eta, now);
    let mut value: Value = serde_json::from_str(&format!("{{{standing}}}")).unwrap_or_default();
    value["task_id"] = json!(run.id);
    value["current_step"] = json!(message);
    value["position"] = json!(position.map(|position| position.to_string()));
    let ended = completion.and_then(|completion| {
        let names =
            crate::surfaces::vocabulary::ended(completion.status).map(|happening| row(happening).task)?;
        Some((*names.first()?, ended(run.id, &completion, position)))
    });
    Snapshot { status: value, standing, ended }
}

fn completion_of(run: &Run) -> Completion {
    let ended = run.ended_at.unwrap_or(run.created_at);
    Completion {
        status: run.status,
        success: run.status == RunStatus::Completed,
        message: run.message.clone(),
        duration_ms: run.started_at.map_or(0, |started| ended.since(started)),
        artifacts: run
            .agents
            .iter()
            .flat_map(|agent| &agent.output)
            .map(|output| output.files.len() as u64)
            .sum(),
        download_url: None,
        error: run.error.clone(),
        evidence: run.evidence.clone(),
    }
}

fn standing(status: RunStatus, progress: f64, eta: Option<Eta>, at: Timestamp) -> String {
    let estimated = eta.map(|eta| at.plus_ms(eta.high_ms));
    members(&json!({ "progress_percent": progress, "estimated_completion": estimated, "status": status }))
}

fn ended(run: RunId, completion: &Completion, position: Option<Position>) -> Value {
    let position = position.map(|position| position.to_string());
    match completion.status {
        RunStatus::Completed | RunStatus::Partial => json!({
            "task_id": run,
            "results": {
                "status": completion.status,
                "message": completion.message,
                "duration_ms": completion.duration_ms,
                "artifacts": completion.artifacts,
                "download_url": completion.download_url,
            },
            "position": position,
        }),
        RunStatus::Cancelled => {
            json!({ "task_id": run, "evidence": completion.evidence, "position": position })
        }
        status => json!({
            "task_id": run,
            "code": status,
            "message": completion.error.as_ref().map_or(&completion.message, |error| &error.message),
            "position": position,
        }),
    }
}

/// The members of an object, without its braces.
fn members(value: &Value) -> String {
    let text = value.to_string();
    text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{AgentUpdate, StatusUpdate};
    use crate::domain::run::AgentStatus;

    fn encode(body: &EventBody) -> (RunId, String) {
        let run = RunId::generate();
        let body_json = serde_json::to_string(body).unwrap().into();
        let event = LoggedEvent { seq: 3, at: Timestamp(0), run_id: Some(run), body_json };
        let bytes = TaskEncoder.encode(ProjectId::generate(), Epoch(1), &event);
        (run, String::from_utf8(bytes.to_vec()).unwrap())
    }

    fn status(status: RunStatus) -> EventBody {
        let eta = Some(Eta { low_ms: 1, high_ms: 1_500 });
        EventBody::StatusUpdate(StatusUpdate {
            status,
            progress: 41.5,
            message: "two\u{1e}lines\n".into(),
            eta,
        })
    }

    #[test]
    fn progress_says_how_far_the_run_is() {
        let (run, chunk) = encode(&status(RunStatus::Running));
        let all: Vec<_> = records(&chunk).collect();
        assert_eq!(all.len(), 1, "{chunk:?}");
        let payload: Value = serde_json::from_str(&all[0].payload("")).unwrap();
        assert_eq!(all[0].name, "progress_update");
        assert_eq!(
            payload,
            json!({
                "task_id": run, "progress_percent": 41.5, "current_step": "two\u{1e}lines\n",
                "estimated_completion": "1970-01-01T00:00:01.500Z", "status": "running", "position": "00000001-3",
            })
        );
    }

    #[test]
    fn an_agent_is_told_with_what_was_known_before() {
        let (_, chunk) = encode(&EventBody::AgentUpdate(AgentUpdate {
            agent: "intake".into(),
            title: "Intake".into(),
            index: 1,
            total: 2,
            status: AgentStatus::Started,
            message: "Starting intake agent".into(),
            progress: 0.0,
            duration_ms: None,
        }));
        let record = records(&chunk).next().unwrap();
        let payload: Value = serde_json::from_str(&record.payload(r#""progress_percent":12.0"#)).unwrap();
        assert_eq!(
            (&payload["progress_percent"], &payload["current_step"]),
            (&json!(12.0), &json!("Starting intake agent"))
        );
    }

    #[test]
    fn the_end_is_said_once() {
        assert_eq!(encode(&status(RunStatus::Failed)).1, "");
        for (status, name, field) in [
            (RunStatus::Completed, "task_completed", "results"),
            (RunStatus::Partial, "task_completed", "results"),
            (RunStatus::Cancelled, "task_cancelled", "evidence"),
            (RunStatus::Failed, "task_error", "message"),
            (RunStatus::TimedOut, "task_error", "code"),
        ] {
            let (_, chunk) = encode(&EventBody::Completion(Completion {
                status,
                success: false,
                message: "m".into(),
                duration_ms: 5,
                artifacts: 2,
                download_url: None,
                error: None,
                evidence: None,
            }));
            let record = records(&chunk).next().unwrap();
            let payload: Value = serde_json::from_str(&record.payload(r#""progress_percent":1"#)).unwrap();
            assert_eq!(record.name, name);
            assert!(payload.get(field).is_some() && payload.get("progress_percent").is_none(), "{payload}");
        }
    }
}
