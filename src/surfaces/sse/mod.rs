//! A room live over HTTP as server-sent events; PROTOCOL section 2.
//!
//! Every logged event is an unnamed event whose `id` is its position. A reader that is new, or whose position is no
//! longer reachable, first gets one event named `state`: the folded state, where it stands, and what was missed.

mod client;

use std::rc::Rc;
use std::time::Duration;

use actix_web::http::{Method, header};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::StreamExt;
use futures_util::stream;
use serde_json::json;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::auth::{Auth, Caller};
use crate::broker::Joined;
use crate::broker::clients::{Enlisted, Surface};
use crate::broker::follow::FollowStream;
use crate::broker::frame::Encoder;
use crate::domain::event::LoggedEvent;
use crate::domain::ids::{ClientId, ProjectId};
use crate::domain::position::{Epoch, Position};
use crate::domain::wire::wire_json;
use crate::service::Service;
use crate::surfaces::http::card;
use crate::surfaces::http::passes::{Pass, words};
use crate::surfaces::http::problem::Problem;
use crate::surfaces::rest::events::gap_json;
use crate::surfaces::sse::client::{Ending, Next, Over, SseClient};

/// A comment is sent this often, so that proxies keep the connection and a dead one is noticed.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How soon a browser comes back after a drop.
const RETRY_MS: u64 = 2_000;

/// Encodes events for this surface.
pub struct SseEncoder;

impl Encoder for SseEncoder {
    fn encode(&self, room: ProjectId, epoch: Epoch, event: &LoggedEvent) -> Bytes {
        let position = Position { epoch, seq: event.seq };
        // The wire form is one line: JSON escapes line ends inside texts.
        Bytes::from(format!("id: {position}\ndata: {}\n\n", wire_json(room, epoch, event)))
    }
}

/// Whether a request asks for server-sent events.
pub fn wants(request: &HttpRequest) -> bool {
    let accepted = request.headers().get_all(header::ACCEPT).filter_map(|value| value.to_str().ok());
    accepted
        .flat_map(|value| value.split(','))
        .filter_map(|range| range.split(';').next())
        .any(|media_type| media_type.trim().eq_ignore_ascii_case("text/event-stream"))
}

/// Answers with the live events of a room. `Last-Event-ID`, which browsers send by themselves, goes before `since`.
///
/// # Errors
/// When there is no such project or the caller may not read.
pub async fn follow(
    request: &HttpRequest,
    service: &Service,
    caller: Caller,
    room: ProjectId,
    since: Option<Position>,
) -> Result<HttpResponse, Problem> {
    let last = request.headers().get("last-event-id").and_then(|value| value.to_str().ok()?.parse().ok());
    let mut answer = HttpResponse::Ok();
    answer
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::VARY, "accept"))
        .insert_header(("x-accel-buffering", "no"));
    let user_agent = card::user_agent(request.head());
    let follow = service.follow(caller, room, last.or(since)).await?;
    if *request.method() == Method::HEAD {
        return Ok(answer.finish());
    }
    let first = stream::iter([Ok::<_, actix_web::Error>(opening(room, &follow.joined))]);
    let mut heartbeat = interval(HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    heartbeat.reset();
    let over = Rc::new(Over::default());
    let ends = over.clone();
    let auth = request.app_data::<web::Data<Auth>>();
    let pass = auth.and_then(|auth| {
        Pass::keep(auth, &caller, move |ended| {
            log::info!("a stream of events ends: {}", words(ended));
            ends.end(Ending::NoRight(ended), words(ended));
        })
    });
    let shard = service.broker().local_shard();
    let card = card::card(ClientId::generate(), Surface::Sse, &user_agent, &caller, service.now(), &shard);
    let client = Rc::new(SseClient::new(card, room, &caller, follow.frames.seat(), over.clone()));
    let enlisted = shard.enlist(client);
    let following = Following { _enlisted: enlisted, frames: follow.frames, heartbeat, over, _pass: pass };
    Ok(answer.streaming(first.chain(stream::unfold(following, next))))
}

/// A reader on its way.
struct Following {
    // Before the frames: what is said of a client that goes is told from its seat.
    _enlisted: Enlisted,
    frames: FollowStream,
    heartbeat: Interval,
    /// The caller may not stay.
    over: Rc<Over>,
    _pass: Option<Pass>,
}

async fn next(mut following: Following) -> Option<(Result<Bytes, actix_web::Error>, Following)> {
    let bytes = tokio::select! {
        biased;
        () = following.over.changed.notified() => match following.over.next() {
            Next::Say(said) => said,
            // A comment: an empty chunk would be the end.
            Next::Nothing => Bytes::from_static(b":\n\n"),
            Next::End => return None,
        },
        frame = following.frames.next() => {
            following.heartbeat.reset();
            match frame {
                Some(frame) => frame,
                None => {
                    following.over.end(Ending::Left, "the server goes down, or the project was removed");
                    return None;
                }
            }
        }
        _ = following.heartbeat.tick() => Bytes::from_static(b":\n\n"),
    };
    Some((Ok(bytes), following))
}

/// What a reader hears last when the server goes down. A browser that finds nobody comes back again and again after this
/// time, so it is never shorter than usual.
pub fn farewell(reconnect_in_ms: u64) -> Bytes {
    Bytes::from(format!("retry: {}\n\n", RETRY_MS.saturating_add(reconnect_in_ms)))
}

/// What a reader hears first.
fn opening(room: ProjectId, joined: &Joined) -> Bytes {
    let mut text = format!("retry: {RETRY_MS}\n");
    match &joined.view {
        Some(view) => {
            let mut document = json!({
                "type": "state",
                "project_id": room,
                "seq": joined.position.seq,
                "position": joined.position.to_string(),
                "epoch": joined.position.epoch.to_string(),
                "resumed": joined.resumed,
                "gap": gap_json(joined.gap),
            })
            .to_string();
            document.pop();
            let state = &view.state_json;
            text.push_str(&format!(
                "event: state\nid: {}\ndata: {document},\"state\":{state}}}\n\n",
                joined.position
            ));
        }
        None => text.push_str(&format!(": resumed at {}\n\n", joined.position)),
    }
    Bytes::from(text)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use actix_web::test::TestRequest;
    use serde_json::Value;

    use super::*;
    use crate::broker::{Gap, RoomView};
    use crate::domain::fold::RoomState;
    use crate::domain::time::Timestamp;

    #[test]
    fn an_event_is_one_line_of_data_with_its_position() {
        let room = ProjectId::generate();
        let event = LoggedEvent {
            seq: 3,
            at: Timestamp(0),
            run_id: None,
            body_json: r#"{"type":"event","name":"two\nlines","data":null}"#.into(),
        };
        let bytes = SseEncoder.encode(room, Epoch(1), &event);
        let text = std::str::from_utf8(&bytes).unwrap();
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("id: 00000001-3"));
        let data = lines.next().unwrap().strip_prefix("data: ").unwrap();
        assert_eq!(serde_json::from_str::<Value>(data).unwrap()["name"], "two\nlines");
        assert!(text.ends_with("}\n\n") && lines.next() == Some(""));
    }

    #[test]
    fn who_asks_for_a_stream_is_seen() {
        for (accept, expected) in [
            ("text/event-stream", true),
            ("application/json, Text/Event-Stream;q=0.5", true),
            ("application/json", false),
            ("*/*", false),
        ] {
            let request = TestRequest::get().insert_header(("accept", accept)).to_http_request();
            assert_eq!(wants(&request), expected, "{accept}");
        }
    }

    #[test]
    fn a_new_reader_hears_the_state_and_a_returning_one_does_not() {
        let position = Position { epoch: Epoch(1), seq: 9 };
        let state = RoomState::default();
        let view = RoomView {
            state_json: serde_json::to_string(&state).unwrap().into(),
            state: Arc::new(state),
            position,
        };
        let gap = Some(Gap { from_seq: 1, to_seq: 4 });
        let fresh = Joined { position, head: 9, resumed: false, gap, view: Some(view) };
        let bytes = opening(ProjectId::generate(), &fresh);
        let text = std::str::from_utf8(&bytes).unwrap();
        assert!(text.starts_with("retry: 2000\nevent: state\nid: 00000001-9\ndata: {"), "{text}");
        let data = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
        let document: Value = serde_json::from_str(data).unwrap();
        assert_eq!(document["gap"], json!({ "from_seq": 1, "to_seq": 4 }));
        assert!(document["state"]["agents"].is_array());

        let back = Joined { position, head: 9, resumed: true, gap: None, view: None };
        let bytes = opening(ProjectId::generate(), &back);
        assert_eq!(&bytes[..], b"retry: 2000\n: resumed at 00000001-9\n\n");
    }
}
