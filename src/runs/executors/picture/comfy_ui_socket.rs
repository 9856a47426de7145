//! The socket of ComfyUI: JSON texts that say what it works on, and binary messages that are previews.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures_util::StreamExt;
use http_client::StatusCode;
use http_client::Upgraded;
use http_client::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use serde_json::Value;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::server::Server;

/// Bytes of one message: a preview is small.
const MESSAGE_BYTES_MAX: usize = 16 << 20;
/// What a binary message is: a preview behind the number of its format.
const PREVIEW: u32 = 1;
/// A preview behind a text about it.
const PREVIEW_WITH_TEXT: u32 = 4;

/// What was heard.
#[derive(Debug, PartialEq)]
pub(super) enum Heard {
    /// A node has done a step.
    Step {
        /// Its id.
        node: String,
        /// The step.
        step: u64,
        /// Of how many.
        of: u64,
    },
    /// A picture of what is being made.
    Preview(Vec<u8>),
    /// The work got on.
    Moved,
    /// The work has ended.
    Done,
    /// Nothing more will be heard.
    Closed,
}

/// An open socket.
pub(super) struct Listening {
    socket: WebSocketStream<Upgraded>,
}

impl Listening {
    /// Opens it; says why not, otherwise.
    pub(super) async fn open(server: &Server<'_>, client_id: &str) -> Result<Self, String> {
        let key = BASE64_STANDARD.encode(uuid::Uuid::new_v4().as_bytes());
        let request = server
            .get(&format!("/ws?clientId={client_id}"))
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, &key);
        let answer = request.send().await.map_err(|error| server.broken(&error).to_string())?;
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(format!("the server answered {} to its socket", answer.status()));
        }
        let accepted = answer.headers().get(SEC_WEBSOCKET_ACCEPT).map(|value| value.as_bytes().to_vec());
        if accepted.as_deref() != Some(derive_accept_key(key.as_bytes()).as_bytes()) {
            return Err("the server does not speak WebSocket".to_owned());
        }
        let stream = answer.upgrade().await.map_err(|error| server.broken(&error).to_string())?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        Ok(Self { socket: WebSocketStream::from_raw_socket(stream, Role::Client, Some(config)).await })
    }

    /// The next thing that concerns this work.
    pub(super) async fn next(&mut self, prompt_id: &str) -> Heard {
        loop {
            let heard = match self.socket.next().await {
                Some(Ok(Message::Text(text))) => read_text(&text, prompt_id),
                Some(Ok(Message::Binary(bytes))) => read_binary(&bytes),
                Some(Ok(Message::Close(_)) | Err(_)) | None => Some(Heard::Closed),
                Some(Ok(_)) => None,
            };
            if let Some(heard) = heard {
                return heard;
            }
        }
    }
}

/// What a text says of the work with this name.
fn read_text(text: &str, prompt_id: &str) -> Option<Heard> {
    let said: Value = serde_json::from_str(text).ok()?;
    let data = &said["data"];
    // Older servers leave the name out of steps; they send them only to who asked for the work.
    if data["prompt_id"].as_str().is_some_and(|known| known != prompt_id) {
        return None;
    }
    let of_this = data["prompt_id"].is_string();
    match said["type"].as_str()? {
        "progress" => {
            let node = data["node"].as_str().unwrap_or_default().to_owned();
            let (step, of) = (data["value"].as_u64()?, data["max"].as_u64()?);
            Some(Heard::Step { node, step: step.min(of), of })
        }
        "executing" if of_this && data["node"].is_null() => Some(Heard::Done),
        "execution_success" | "execution_error" | "execution_interrupted" if of_this => Some(Heard::Done),
        "executing" | "executed" | "execution_start" | "execution_cached" if of_this => Some(Heard::Moved),
        _ => None,
    }
}

fn read_binary(bytes: &[u8]) -> Option<Heard> {
    let number = |at: usize| {
        let four = bytes.get(at..at + 4)?;
        Some(u32::from_be_bytes(four.try_into().ok()?))
    };
    let from = match number(0)? {
        PREVIEW => 8,
        PREVIEW_WITH_TEXT => 8_usize.checked_add(usize::try_from(number(4)?).ok()?)?,
        _ => return None,
    };
    Some(Heard::Preview(bytes.get(from..)?.to_vec()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_read_for_their_work_alone() {
        let step = Heard::Step { node: "3".into(), step: 2, of: 20 };
        for (said, expected) in [
            (
                json!({ "type": "progress", "data": { "value": 2, "max": 20, "prompt_id": "p", "node": "3" } }),
                Some(step),
            ),
            (
                json!({ "type": "progress", "data": { "value": 2, "max": 20, "prompt_id": "q", "node": "3" } }),
                None,
            ),
            (
                json!({ "type": "progress", "data": { "value": 9, "max": 8 } }),
                Some(Heard::Step { node: String::new(), step: 8, of: 8 }),
            ),
            (json!({ "type": "executing", "data": { "node": "3", "prompt_id": "p" } }), Some(Heard::Moved)),
            (json!({ "type": "executing", "data": { "node": null, "prompt_id": "p" } }), Some(Heard::Done)),
            (json!({ "type": "executing", "data": { "node": null } }), None),
            (json!({ "type": "execution_error", "data": { "prompt_id": "p" } }), Some(Heard::Done)),
            (json!({ "type": "status", "data": { "status": {} } }), None),
            (json!([1]), None),
        ] {
            assert_eq!(read_text(&said.to_string(), "p"), expected, "{said}");
        }
        assert_eq!(read_text("<html>", "p"), None);
    }

    #[test]
    fn previews_lie_behind_their_numbers() {
        let check = |bytes: &[u8], expected: Option<&[u8]>| {
            assert_eq!(read_binary(bytes), expected.map(|bytes| Heard::Preview(bytes.to_vec())), "{bytes:?}");
        };
        check(&[0, 0, 0, 1, 0, 0, 0, 2, 7, 8], Some(&[7, 8]));
        check(&[0, 0, 0, 4, 0, 0, 0, 2, b'{', b'}', 7, 8], Some(&[7, 8]));
        check(&[0, 0, 0, 4, 255, 255, 255, 255, 7], None);
        check(&[0, 0, 0, 3, 0, 0, 0, 2, 7], None);
        check(&[0, 0, 0], None);
    }
}
