//! Events of the house as messages of the channels.

use serde_json::{Map, Value, json};

use crate::broker::house::{HouseEncoder, HouseMessage};
use crate::domain::channel::CHANNELS;
use crate::domain::event::{Completion, EventBody, StatusUpdate};
use crate::domain::house::HouseEvent;
use crate::domain::position::{Epoch, Position};
use crate::domain::run::RunStatus;
use crate::surfaces::vocabulary::{OF_THE_MOMENT, channel_of, happenings, row, told};
use crate::surfaces::websocket::frame;

/// Events as text frames of the channel socket.
pub struct ChannelEncoder;

impl HouseEncoder for ChannelEncoder {
    fn encode(&self, epoch: Epoch, place: u64, event: &HouseEvent) -> Vec<HouseMessage> {
        // What an older or newer version has stored and this one cannot read is passed over, as rooms do when they fold.
        let Ok(body) = event.event.body() else { return Vec::new() };
        let before = event.before.as_deref().and_then(|before| serde_json::from_str(before).ok());
        let before = match before {
            Some(EventBody::StatusUpdate(update)) => Some(update),
            _ => None,
        };
        let kinds = happenings(before.as_ref().map(|before| before.status), &body)
            .flat_map(|happening| row(happening).channels)
            .filter(|kind| !OF_THE_MOMENT.contains(kind))
            .copied()
            .chain(told(&body));
        let mut messages = Vec::new();
        for (kind, place) in kinds.zip(place..) {
            let Some(stream) = channel_of(kind) else { continue };
            let position = Position { epoch, seq: place };
            let channel = CHANNELS[usize::from(stream)];
            let mut message = match &body {
                // What an agent says comes first, so that nothing of it stands for what the house says.
                EventBody::Event(custom) => custom.data.as_object().cloned().unwrap_or_default(),
                _ => Map::new(),
            };
            message.insert("type".to_owned(), json!(kind));
            message.insert("timestamp".to_owned(), json!(event.event.at));
            message.insert("channel".to_owned(), json!(channel));
            message.insert("position".to_owned(), json!(position.to_string()));
            message.insert("job_id".to_owned(), json!(event.event.run_id));
            message.insert("project_id".to_owned(), json!(event.room));
            if matches!(body, EventBody::Event(_)) {
                message.insert("session_id".to_owned(), json!(event.room));
            }
            if let Value::Object(members) = members(kind, before.as_ref(), &body) {
                message.extend(members);
            }
            let bytes = frame::text(&Value::Object(message).to_string());
            messages.push(HouseMessage { stream, place, bytes });
        }
        messages
    }
}

/// What a message of a type says besides where and when.
fn members(kind: &str, before: Option<&StatusUpdate>, body: &EventBody) -> Value {
    match (kind, body) {
        ("approval_requested", EventBody::StatusUpdate(update)) => json!({ "message": update.message }),
        ("approval_resolved", EventBody::StatusUpdate(update)) => json!({
            "approved": approved(update.status),
            "status": update.status,
            "message": update.message,
        }),
        ("job_created", EventBody::StatusUpdate(update)) => json!({ "message": update.message }),
        ("job_started", EventBody::StatusUpdate(update)) => {
            json!({ "progress": update.progress, "message": update.message })
        }
        (_, EventBody::StatusUpdate(update)) => json!({
            "stage": update.status,
            "progress": update.progress,
            "message": update.message,
            "eta": update.eta,
            "agent": null,
        }),
        // An agent does not know how far its run is; that was said before.
        (_, EventBody::AgentUpdate(update)) => json!({
            "stage": update.agent,
            "progress": before.map(|before| before.progress),
            "message": update.message,
            "eta": null,
            "agent": {
                "title": update.title,
                "index": update.index,
                "total": update.total,
                "status": update.status,
                "progress": update.progress,
                "duration_ms": update.duration_ms,
            },
        }),
        ("error_occurred", EventBody::Completion(completion)) => {
            json!({ "code": completion.status, "message": failure(completion) })
        }
        ("job_completed", EventBody::Completion(completion)) => json!({
            "status": completion.status,
            "message": completion.message,
            "duration_ms": completion.duration_ms,
            "artifacts": completion.artifacts,
            "download_url": completion.download_url,
        }),
        ("job_cancelled", EventBody::Completion(completion)) => json!({
            "status": completion.status,
            "message": completion.message,
            "duration_ms": completion.duration_ms,
            "evidence": completion.evidence,
        }),
        (_, EventBody::Completion(completion)) => json!({
            "status": completion.status,
            "message": failure(completion),
            "duration_ms": completion.duration_ms,
            "error": completion.error,
        }),
        _ => Value::Null,
    }
}

/// What an answer was, told from where the run goes: on, or to its end. None when nobody has answered.
fn approved(next: RunStatus) -> Option<bool> {
    match next {
        RunStatus::Queued | RunStatus::Running => Some(true),
        RunStatus::Failed => Some(false),
        _ => None,
    }
}

fn failure(completion: &Completion) -> &str {
    completion.error.as_ref().map_or(&completion.message, |error| &error.message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{AgentUpdate, Custom, LogLevel, LogLines, LoggedEvent, RunError};
    use crate::domain::ids::{ProjectId, RunId};
    use crate::domain::run::AgentStatus;
    use crate::domain::time::Timestamp;
    use crate::surfaces::rest::describe::assert_described;

    fn status(status: RunStatus, progress: f64) -> EventBody {
        EventBody::StatusUpdate(StatusUpdate { status, progress, message: "m".to_owned(), eta: None })
    }

    fn completion(status: RunStatus) -> EventBody {
        let error = Some(RunError { agent: None, message: "broke".into(), file: None, line: None });
        EventBody::Completion(Completion {
            status,
            success: false,
            message: "m".to_owned(),
            duration_ms: 5,
            artifacts: 2,
            download_url: None,
            error: error.filter(|_| status == RunStatus::Failed),
            evidence: None,
        })
    }

    fn encode(before: Option<EventBody>, body: &EventBody) -> Vec<Value> {
        let json = |body: &EventBody| serde_json::to_string(body).unwrap().into();
        let event =
            LoggedEvent { seq: 3, at: Timestamp(0), run_id: Some(RunId::generate()), body_json: json(body) };
        let before = before.as_ref().map(json);
        let event = HouseEvent { number: 2, room: ProjectId::generate(), event, before };
        let messages = ChannelEncoder.encode(Epoch(1), 16, &event);
        let said = messages.iter().zip(16..).map(|(message, place)| {
            assert_eq!(message.place, place);
            // The header of a short text frame is two bytes, of a longer one four.
            let header = if message.bytes[1] < 126 { 2 } else { 4 };
            let said: Value = serde_json::from_slice(&message.bytes[header..]).unwrap();
            assert_eq!(said["position"], format!("00000001-{place}"));
            assert_eq!(said["channel"], CHANNELS[usize::from(message.stream)]);
            assert_described(&format!("channels.{}", said["type"].as_str().unwrap()), &said);
            said
        });
        said.collect()
    }

    fn kinds(before: Option<EventBody>, body: &EventBody) -> Vec<String> {
        encode(before, body).iter().map(|said| said["type"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn every_happening_has_its_messages() {
        use RunStatus as S;
        let known = |known: S| Some(status(known, 40.0));
        for (before, body, expected) in [
            (None, status(S::Queued, 0.0), &["job_created"][..]),
            (known(S::Paused), status(S::Queued, 40.0), &["job_progress"]),
            (known(S::Queued), status(S::Starting, 0.0), &["job_started"]),
            (known(S::Running), status(S::Waiting, 40.0), &["job_progress", "approval_requested"]),
            (known(S::Waiting), status(S::Queued, 40.0), &["approval_resolved", "job_progress"]),
            (known(S::Waiting), status(S::Failed, 40.0), &["approval_resolved"]),
            (known(S::Running), status(S::Completed, 100.0), &[]),
            (known(S::Completed), completion(S::Completed), &["job_completed"]),
            (known(S::Partial), completion(S::Partial), &["job_completed"]),
            (known(S::Failed), completion(S::Failed), &["job_failed", "error_occurred"]),
            (known(S::TimedOut), completion(S::TimedOut), &["job_failed", "error_occurred"]),
            (known(S::Cancelled), completion(S::Cancelled), &["job_cancelled"]),
        ] {
            assert_eq!(kinds(before, &body), expected, "{body:?}");
        }
        let lines = LogLines { level: LogLevel::Info, agent: None, lines: Vec::new(), skipped: None };
        assert_eq!(kinds(None, &EventBody::Log(lines)), [""; 0]);
    }

    #[test]
    fn what_is_told_of_photos_cannot_stand_for_what_the_house_says() {
        let data = json!({ "photo_id": "p", "file_name": "a.jpg", "file_path": "a.jpg", "format": "jpeg",
            "width": 3, "height": 2, "taken_at": null, "type": "job_failed", "channel": "jobs", "session_id": "another" });
        let event = |name: &str| EventBody::Event(Custom { name: name.to_owned(), data: data.clone() });
        let said = &encode(None, &event("photo_imported"))[0];
        assert_eq!((&said["type"], &said["file_name"]), (&json!("photo_imported"), &json!("a.jpg")));
        assert_eq!(said["session_id"], said["project_id"]);
        assert_eq!(kinds(None, &event("job_failed")), [""; 0]);
        assert_eq!(kinds(None, &event("of an application")), [""; 0]);
    }

    #[test]
    fn an_agent_is_told_with_how_far_the_job_is() {
        let body = EventBody::AgentUpdate(AgentUpdate {
            agent: "intake".into(),
            title: "Intake".into(),
            index: 1,
            total: 2,
            status: AgentStatus::Started,
            message: "Starting intake agent".into(),
            progress: 7.0,
            duration_ms: None,
        });
        let said = &encode(Some(status(RunStatus::Running, 41.5)), &body)[0];
        assert_eq!((&said["stage"], &said["progress"]), (&json!("intake"), &json!(41.5)));
        assert_eq!(said["agent"]["progress"], 7.0);
        assert!(encode(None, &body)[0]["progress"].is_null());
    }

    #[test]
    fn a_failure_says_why_and_an_answer_what_it_was() {
        let said = encode(None, &completion(RunStatus::Failed));
        assert_eq!((&said[0]["message"], &said[1]["message"]), (&json!("broke"), &json!("broke")));
        assert_eq!(said[1]["code"], "failed");
        for (next, answer) in [
            (RunStatus::Queued, json!(true)),
            (RunStatus::Failed, json!(false)),
            (RunStatus::TimedOut, Value::Null),
        ] {
            let said = &encode(Some(status(RunStatus::Waiting, 1.0)), &status(next, 1.0))[0];
            assert_eq!(said["approved"], answer, "{next:?}");
        }
    }
}
