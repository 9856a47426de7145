//! Messages of the project room socket that are not in the log; PROTOCOL section 3, the messages marked `*` and those
//! from clients.

use serde::{Deserialize, Serialize};

use crate::broker::Gap;
use crate::broker::clients::Announcement;
use crate::domain::ids::{ClientId, ProjectId, RunId};
use crate::domain::position::{Epoch, Position};
use crate::domain::time::Timestamp;

/// What a client says.
#[derive(Debug, PartialEq)]
pub(super) enum Command {
    /// Answered with `pong`.
    Ping,
    /// Everything up to here was handled.
    Ack(Position),
    /// The room's state is wanted.
    GetState,
    /// A run is to be cancelled.
    Cancel(RunId),
    /// Who the client is, when the handshake did not say.
    Auth(String),
}

/// Why a message was not understood; the socket stays open.
#[derive(Debug, PartialEq)]
pub(super) struct Malformed {
    pub(super) code: &'static str,
    pub(super) message: String,
}

/// The types of messages of a client.
const KINDS: [&str; 5] = ["ping", "ack", "get_state", "cancel", "auth"];

/// Reads a message of a client.
pub(super) fn parse(text: &str) -> Result<Command, Malformed> {
    if text == "ping" {
        return Ok(Command::Ping);
    }
    let malformed = |code, message: String| Malformed { code, message };
    let value: serde_json::Value = serde_json::from_str(text)
        .map_err(|error| malformed("bad_json", format!("this is not JSON: {error}")))?;
    let Some(object) = value.as_object() else {
        return Err(malformed("bad_message", "a message is a JSON object with a \"type\"".into()));
    };
    let field = |name: &str| match object.get(name) {
        Some(serde_json::Value::String(text)) => Ok(text.as_str()),
        Some(_) => Err(malformed("wrong_type", format!("\"{name}\" must be a text"))),
        None => Err(malformed("missing_field", format!("\"{name}\" is missing"))),
    };
    let kind = field("type")?;
    let own = match kind {
        "ack" => "position",
        "cancel" => "run_id",
        "auth" => "token",
        _ => "type",
    };
    let known = |key: &String| key == "type" || key == own;
    if let (Some(key), true) = (object.keys().find(|key| !known(key)), KINDS.contains(&kind)) {
        let shown: String = key.chars().take(40).collect();
        let allowed = if own == "type" { "nothing else".to_owned() } else { format!("\"{own}\" alone") };
        let message = format!("\"{kind}\" has no field \"{shown}\"; beside \"type\" there is {allowed}");
        return Err(malformed("unknown_field", message));
    }
    match kind {
        "ping" => Ok(Command::Ping),
        "get_state" => Ok(Command::GetState),
        "ack" => match field("position")?.parse() {
            Ok(position) => Ok(Command::Ack(position)),
            Err(error) => Err(malformed("bad_field", format!("\"position\": {error}"))),
        },
        "cancel" => match field("run_id")?.parse() {
            Ok(run) => Ok(Command::Cancel(run)),
            Err(_) => Err(malformed("bad_field", "\"run_id\" must be the UUID of a run".into())),
        },
        "auth" => Ok(Command::Auth(field("token")?.to_owned())),
        other => {
            let shown: String = other.chars().take(40).collect();
            let message = format!("there is no message of type \"{shown}\"; known are {}", KINDS.join(", "));
            Err(malformed("unknown_type", message))
        }
    }
}

/// What an administrator says to everybody.
pub(in crate::surfaces) fn announcement_json(announcement: &Announcement) -> String {
    let Announcement { message, at } = announcement;
    format!(r#"{{"type":"broadcast","timestamp":"{at}","message":{message}}}"#)
}

/// What the server says.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Reply<'a> {
    Connection {
        status: &'static str,
        client_id: ClientId,
        project_id: ProjectId,
        message: &'static str,
        seq: u64,
        position: String,
        epoch: String,
        resumed: bool,
        gap: Option<GapRange>,
        heartbeat_ms: u64,
    },
    State {
        seq: u64,
        position: String,
    },
    Presence {
        viewers: u64,
    },
    Pong {
        timestamp: Timestamp,
    },
    Error {
        code: &'a str,
        message: &'a str,
    },
    Shutdown {
        reconnect_in_ms: u64,
    },
}

/// A range of events that are gone.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct GapRange {
    from_seq: u64,
    to_seq: u64,
}

impl From<Gap> for GapRange {
    fn from(gap: Gap) -> Self {
        Self { from_seq: gap.from_seq, to_seq: gap.to_seq }
    }
}

impl Reply<'_> {
    /// As JSON, with the state of the room as it is: it is large, encoded already, and read by nobody on the way.
    pub(super) fn json_with_state(&self, state_json: &str) -> String {
        let mut json = self.json();
        json.reserve_exact(state_json.len() + 10);
        json.pop();
        json.push_str(",\"state\":");
        json.push_str(state_json);
        json.push('}');
        json
    }

    /// As JSON.
    pub(super) fn json(&self) -> String {
        serde_json::to_string(self).expect("replies have text keys only")
    }
}

/// An epoch as clients see it.
pub(super) fn epoch_text(epoch: Epoch) -> String {
    epoch.to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::event::LoggedEvent;
    use crate::domain::wire::wire_json;
    use crate::surfaces::rest::describe::assert_described;

    #[test]
    fn what_is_said_is_what_is_described() {
        let (client_id, project_id) = (ClientId::generate(), ProjectId::generate());
        let (position, timestamp) = (String::new(), Timestamp(0));
        for reply in [
            Reply::Connection {
                status: "connected",
                client_id,
                project_id,
                message: "",
                seq: 1,
                position: position.clone(),
                epoch: String::new(),
                resumed: false,
                gap: Some(GapRange { from_seq: 1, to_seq: 2 }),
                heartbeat_ms: 1,
            },
            Reply::State { seq: 1, position },
            Reply::Presence { viewers: 1 },
            Reply::Pong { timestamp },
            Reply::Error { code: "", message: "" },
            Reply::Shutdown { reconnect_in_ms: 1 },
        ] {
            let said: Value = serde_json::from_str(&reply.json()).unwrap();
            assert_described(said["type"].as_str().unwrap(), &said);
        }
        for body in [
            json!({ "type": "status_update", "status": "running", "progress": 1.5, "message": "", "eta": null }),
            json!({
                "type": "agent_update", "agent": "a", "title": "A", "index": 1, "total": 2, "status": "started",
                "message": "", "progress": 0.5, "duration_ms": null,
            }),
            json!({
                "type": "log", "level": "info", "agent": null, "skipped": { "from": 1, "to": 2 },
                "lines": [{ "n": 3, "at": "2026-11-20T09:30:00.000Z", "text": "" }],
            }),
            json!({
                "type": "artifact", "path": "a", "media_type": "b", "size": 1, "sha256": "", "url": "", "agent": "a",
            }),
            json!({
                "type": "completion", "status": "failed", "success": false, "message": "", "duration_ms": 1,
                "artifacts": 0, "download_url": null, "error": { "agent": null, "message": "" },
                "evidence": { "processes_ended": 0, "processes_left": 0, "took_ms": 1 },
            }),
            json!({ "type": "event", "name": "n", "data": { "n": 1 } }),
        ] {
            // Through the type, so that the example cannot say what the type does not.
            let body: crate::domain::event::EventBody = serde_json::from_value(body).unwrap();
            let event = LoggedEvent {
                seq: 1,
                at: timestamp,
                run_id: Some(RunId::generate()),
                body_json: serde_json::to_string(&body).unwrap().into(),
            };
            let said: Value = serde_json::from_str(&wire_json(project_id, Epoch(1), &event)).unwrap();
            assert_described(said["type"].as_str().unwrap(), &said);
        }
    }

    #[test]
    fn reads_the_messages_of_the_contract() {
        let run = RunId::generate();
        let cases = [
            ("ping".to_owned(), Command::Ping),
            (r#"{"type":"ping"}"#.into(), Command::Ping),
            (r#"{"type":"ack","position":"00c0ffee-3"}"#.into(), Command::Ack("00c0ffee-3".parse().unwrap())),
            (r#"{"type":"get_state"}"#.into(), Command::GetState),
            (format!(r#"{{"type":"cancel","run_id":"{run}"}}"#), Command::Cancel(run)),
            (r#"{"type":"auth","token":"t"}"#.into(), Command::Auth("t".into())),
        ];
        for (text, command) in cases {
            assert_eq!(parse(&text), Ok(command), "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_others() {
        for (text, code) in [
            ("", "bad_json"),
            ("{", "bad_json"),
            ("[]", "bad_message"),
            ("{}", "missing_field"),
            (r#"{"type":5}"#, "wrong_type"),
            (r#"{"type":"fly"}"#, "unknown_type"),
            (r#"{"type":"ping","at":1}"#, "unknown_field"),
            (r#"{"type":"ack","position":"00c0ffee-3","run_id":"x"}"#, "unknown_field"),
            (r#"{"type":"cancel"}"#, "missing_field"),
            (r#"{"type":"cancel","run_id":"../x"}"#, "bad_field"),
            (r#"{"type":"ack","position":"x"}"#, "bad_field"),
        ] {
            assert_eq!(parse(text).unwrap_err().code, code, "{text}");
        }
    }
}
