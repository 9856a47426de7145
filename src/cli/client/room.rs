//! Following a room over either transport, with the same outcome.

use std::io;

use bytes::BytesMut;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::cli::client::Target;
use crate::cli::client::http::{Chunks, Wire, broken};
use crate::cli::client::socket::{self, CLOSE, PING, PONG, TEXT, client_frame};
use crate::cli::client::sse::take_event;
use crate::domain::event::EventBody;
use crate::domain::fold::RoomState;
use crate::domain::ids::{ProjectId, RunId};
use crate::domain::position::Position;
use crate::domain::time::Timestamp;

/// How a room is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Transport {
    /// The socket of the project room.
    Socket,
    /// Server-sent events.
    Sse,
}

/// What a reader is told first.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Opening {
    /// Where it stands.
    pub(in crate::cli) position: Position,
    /// Whether it goes on where it was.
    pub(in crate::cli) resumed: bool,
    /// What it has missed for good, as first and last number.
    pub(in crate::cli) gap: Option<(u64, u64)>,
    /// The room's state there.
    pub(in crate::cli) state: Option<RoomState>,
}

/// An event as it came.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Delivery {
    /// Where the reader stands behind it.
    pub(in crate::cli) position: Position,
    /// When the log took it.
    pub(in crate::cli) at: Timestamp,
    /// The run it belongs to.
    pub(in crate::cli) run_id: Option<RunId>,
    /// What it says.
    pub(in crate::cli) body: EventBody,
    /// The very text.
    pub(in crate::cli) text: String,
}

/// What comes from a room.
#[derive(Debug)]
pub(in crate::cli) enum Heard {
    /// The first message.
    Opening(Box<Opening>),
    /// An event of the log.
    Event(Box<Delivery>),
    /// What does not belong to the log.
    Other,
}

/// A room that is followed.
pub(in crate::cli) struct RoomLink {
    wire: Wire,
    kind: Kind,
}

enum Kind {
    Socket,
    Sse { chunks: Chunks, text: BytesMut },
}

/// What tells messages apart.
#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "type")]
    kind: String,
    seq: Option<u64>,
    position: Option<String>,
    timestamp: Option<Timestamp>,
    run_id: Option<RunId>,
}

#[derive(Deserialize)]
struct RawOpening<'a> {
    position: String,
    seq: u64,
    resumed: bool,
    gap: Option<GapRange>,
    #[serde(borrow)]
    state: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct GapRange {
    from_seq: u64,
    to_seq: u64,
}

impl RoomLink {
    /// Begins to follow a room, from a position or as it is now.
    ///
    /// # Errors
    /// When there is no server, or it refuses.
    pub(in crate::cli) async fn open(
        target: &Target,
        room: ProjectId,
        transport: Transport,
        since: Option<Position>,
        receive_bytes: Option<usize>,
    ) -> io::Result<RoomLink> {
        let since = since.map(|position| format!("?since={position}")).unwrap_or_default();
        if transport == Transport::Socket {
            let path = format!("/api/ws/projects/{room}{since}");
            let wire = socket::open(target, &path, receive_bytes).await?;
            return Ok(RoomLink { wire, kind: Kind::Socket });
        }
        let mut wire = Wire::open(target, receive_bytes).await?;
        let head = target.head("GET", &format!("/api/projects/{room}/events{since}"));
        wire.send(format!("{head}Accept: text/event-stream\r\n\r\n").as_bytes()).await?;
        let head = wire.head().await?;
        if head.status != 200 || !head.has("transfer-encoding", "chunked") {
            return Err(broken(format!("the server refuses a stream of events with {}", head.status)));
        }
        Ok(RoomLink { wire, kind: Kind::Sse { chunks: Chunks::default(), text: BytesMut::new() } })
    }

    /// The next message. Nothing is lost when this is given up half way.
    ///
    /// # Errors
    /// When the connection ended, or what came is not as the protocol says.
    pub(in crate::cli) async fn next(&mut self) -> io::Result<Heard> {
        loop {
            match &mut self.kind {
                Kind::Socket => {
                    while let Some(frame) = socket::take_frame(&mut self.wire.buffer)? {
                        match frame.opcode {
                            TEXT => {
                                let text = std::str::from_utf8(&frame.payload)
                                    .map_err(|_| broken("text is no UTF-8"))?;
                                return read_message(text);
                            }
                            PING => self.wire.send(&client_frame(PONG, &frame.payload)).await?,
                            CLOSE => return Err(io::ErrorKind::ConnectionAborted.into()),
                            PONG => {}
                            other => return Err(broken(format!("a frame with opcode {other}"))),
                        }
                    }
                }
                Kind::Sse { chunks, text } => {
                    let ended = chunks.take(&mut self.wire.buffer, text)?;
                    while let Some(event) = take_event(text) {
                        if let Some(position) = event.comment.strip_prefix("resumed at ") {
                            let position = position.parse().map_err(|_| broken("resumed nowhere"))?;
                            return Ok(Heard::Opening(Box::new(Opening {
                                position,
                                resumed: true,
                                gap: None,
                                state: None,
                            })));
                        }
                        if event.data.is_empty() {
                            continue;
                        }
                        let heard = read_message(&event.data)?;
                        let position = match &heard {
                            Heard::Opening(opening) => opening.position,
                            Heard::Event(delivery) => delivery.position,
                            Heard::Other => continue,
                        };
                        if event.id != position.to_string() {
                            return Err(broken(format!("id {} of an event at {position}", event.id)));
                        }
                        return Ok(heard);
                    }
                    if ended {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
            }
            self.wire.fill().await?;
        }
    }

    /// Leaves as a well-behaved client does, where the transport knows how.
    pub(in crate::cli) async fn say_goodbye(mut self) {
        if matches!(self.kind, Kind::Socket) {
            // A connection that is broken already needs no goodbye.
            let _ = self.wire.send(&client_frame(CLOSE, &1000_u16.to_be_bytes())).await;
        }
    }
}

/// Reads a message of a room.
///
/// # Errors
/// When it is not as the protocol says.
pub(in crate::cli) fn read_message(text: &str) -> io::Result<Heard> {
    let wrong = |error: serde_json::Error| {
        broken(format!("{error} in {}", text.chars().take(200).collect::<String>()))
    };
    let envelope: Envelope = serde_json::from_str(text).map_err(wrong)?;
    match envelope.kind.as_str() {
        "connection" | "state" => {
            let raw: RawOpening<'_> = serde_json::from_str(text).map_err(wrong)?;
            let state =
                raw.state.map(|state| serde_json::from_str(state.get())).transpose().map_err(wrong)?;
            let position = position(&raw.position, raw.seq)?;
            let gap = raw.gap.map(|gap| (gap.from_seq, gap.to_seq));
            Ok(Heard::Opening(Box::new(Opening { position, resumed: raw.resumed, gap, state })))
        }
        "presence" | "preview" | "pong" | "shutdown" => Ok(Heard::Other),
        "error" => Err(broken(format!("the server says {text}"))),
        _ => {
            let (Some(seq), Some(place), Some(at)) = (envelope.seq, envelope.position, envelope.timestamp)
            else {
                return Err(broken(format!("{} says not where it stands in the log", envelope.kind)));
            };
            Ok(Heard::Event(Box::new(Delivery {
                position: position(&place, seq)?,
                at,
                run_id: envelope.run_id,
                body: serde_json::from_str(text).map_err(wrong)?,
                text: text.to_owned(),
            })))
        }
    }
}

fn position(text: &str, seq: u64) -> io::Result<Position> {
    let position: Position = text.parse().map_err(|_| broken(format!("{text} is no position")))?;
    if position.seq != seq {
        return Err(broken(format!("position {text} and seq {seq} say different things")));
    }
    Ok(position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_told_apart() {
        let event = r#"{"type":"event","name":"n","data":{"seq":9},"seq":3,"position":"00000001-3","timestamp":"2023-11-14T22:13:20.120Z","project_id":"x"}"#;
        let Heard::Event(delivery) = read_message(event).unwrap() else { panic!("an event") };
        assert_eq!((delivery.position.seq, delivery.text.as_str()), (3, event));
        let state = serde_json::to_string(&RoomState::default()).unwrap();
        let opening = format!(
            r#"{{"type":"connection","seq":3,"position":"00000001-3","resumed":false,"gap":{{"from_seq":1,"to_seq":2}},"state":{state}}}"#
        );
        let Heard::Opening(opening) = read_message(&opening).unwrap() else { panic!("an opening") };
        assert_eq!((opening.gap, opening.state), (Some((1, 2)), Some(RoomState::default())));
        assert!(matches!(read_message(r#"{"type":"presence","viewers":1}"#), Ok(Heard::Other)));
    }

    #[test]
    fn what_the_protocol_does_not_know_is_an_error() {
        for bad in [
            "{",
            r#"{"type":"event","name":"n","data":1}"#,
            r#"{"type":"event","name":"n","data":1,"seq":3,"position":"00000001-4","timestamp":"2023-11-14T22:13:20.120Z"}"#,
            r#"{"type":"news","seq":3,"position":"00000001-3","timestamp":"2023-11-14T22:13:20.120Z"}"#,
            r#"{"type":"error","code":"x","message":"y"}"#,
        ] {
            assert!(read_message(bad).is_err(), "{bad}");
        }
    }
}
