//! The one JSON form of an event that leaves the server: PROTOCOL section 3, logged messages. Sockets, server-sent
//! events and the event pages share it, so a position means the same place everywhere.

use crate::domain::event::LoggedEvent;
use crate::domain::ids::ProjectId;
use crate::domain::position::{Epoch, Position};

/// Room for what is spliced in: names, a 20-digit number, a position, a time and two ids.
const ADDED_BYTES: usize = 256;

/// The event as it is sent: the stored body with `seq`, `position`, `timestamp`, `project_id` and, where one is meant,
/// `run_id` before its closing brace.
///
/// The body is spliced rather than read and written again: a fan-out encodes each event once, and this is that once.
/// It relies on `body_json` being a JSON object without white space after it, which is how the log stores it; none of
/// the spliced values needs escaping.
pub fn wire_json(room: ProjectId, epoch: Epoch, event: &LoggedEvent) -> String {
    use std::fmt::Write;

    let body = event.body_json.trim_end();
    let open = body.strip_suffix('}').unwrap_or(body);
    let mut text = String::with_capacity(open.len() + ADDED_BYTES);
    text.push_str(open);
    if !open.trim_end().ends_with('{') {
        text.push(',');
    }
    let position = Position { epoch, seq: event.seq };
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        r#""seq":{},"position":"{position}","timestamp":"{}","project_id":"{room}""#,
        event.seq, event.at,
    );
    if let Some(run) = event.run_id {
        let _ = write!(text, r#","run_id":"{run}""#);
    }
    text.push('}');
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::domain::event::{Custom, EventBody, LogLevel, LogLine, LogLines};
    use crate::domain::ids::RunId;
    use crate::domain::time::Timestamp;

    const ROOM: &str = "0190a000-0000-7000-8000-000000000001";
    const RUN: &str = "0190a000-0000-7000-8000-000000000002";

    fn logged(body_json: &str, run: bool) -> LoggedEvent {
        LoggedEvent {
            seq: 7,
            at: Timestamp(1_700_000_000_120),
            run_id: run.then(|| RUN.parse::<RunId>().unwrap()),
            body_json: Arc::from(body_json),
        }
    }

    fn wire(event: &LoggedEvent) -> Value {
        let text = wire_json(ROOM.parse().unwrap(), Epoch(0x00c0_ffee), event);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    #[test]
    fn adds_what_the_log_knows_of_the_event() {
        let value = wire(&logged(r#"{"type":"event","name":"note","data":{"a":"}"}}"#, true));
        assert_eq!(
            value,
            json!({
                "type": "event", "name": "note", "data": { "a": "}" },
                "seq": 7, "position": "00c0ffee-7", "timestamp": "2023-11-14T22:13:20.120Z",
                "project_id": ROOM, "run_id": RUN,
            })
        );
    }

    #[test]
    fn leaves_run_id_out_where_none_is_meant() {
        assert!(wire(&logged(r#"{"type":"event","name":"n","data":null}"#, false)).get("run_id").is_none());
    }

    #[test]
    fn an_empty_object_stays_an_object() {
        assert_eq!(wire(&logged("{}", false))["seq"], 7);
    }

    #[test]
    fn every_stored_body_reads_back_from_the_wire() {
        let bodies = [
            EventBody::Event(Custom { name: "quote \" and \\".into(), data: json!([1, "}", null]) }),
            EventBody::Log(LogLines {
                level: LogLevel::Info,
                agent: None,
                lines: vec![LogLine { n: 1, at: Timestamp(0), text: "line\u{2028}\u{0}}".into() }],
                skipped: None,
            }),
        ];
        for body in bodies {
            let event = logged(&serde_json::to_string(&body).unwrap(), true);
            assert_eq!(serde_json::from_value::<EventBody>(wire(&event)).unwrap(), body);
        }
    }
}
