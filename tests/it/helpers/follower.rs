//! A client that applies what it gets and notices every hole and double.

use std::time::Duration;

use callboard::domain::event::EventBody;
use callboard::domain::fold::RoomState;
use callboard::domain::ids::RunId;
use callboard::domain::time::Timestamp;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use crate::helpers::SOON;

/// A client of one room.
pub(crate) struct Follower {
    /// The fold of what it got.
    pub(crate) state: RoomState,
    /// The last event it applied.
    pub(crate) seq: u64,
    /// Where it stands.
    pub(crate) position: Option<String>,
    /// Its connection, while it has one.
    pub(crate) stream: Option<BoxStream<'static, Value>>,
    /// How often it got a state instead of what it missed.
    pub(crate) fresh: u64,
}

impl Follower {
    /// A client that has heard nothing yet.
    pub(crate) fn new() -> Follower {
        Follower { state: RoomState::default(), seq: 0, position: None, stream: None, fresh: 0 }
    }

    /// Connects over WebSocket or server-sent events, from where it stands. Answers whether that worked.
    pub(crate) async fn try_connect(&mut self, address: &str, project: &str, over_sse: bool) -> bool {
        let since = self.position.as_deref();
        let connecting = async {
            match over_sse {
                true => events(address, project, since).await,
                false => messages(address, project, since).await,
            }
        };
        self.stream = tokio::time::timeout(SOON, connecting).await.expect("an answer or an end must come");
        self.stream.is_some()
    }

    /// Connects; that must work.
    pub(crate) async fn connect(&mut self, address: &str, project: &str, over_sse: bool) {
        assert!(self.try_connect(address, project, over_sse).await, "the server must let a client in");
    }

    /// Drops the connection without a word.
    pub(crate) fn drop_connection(&mut self) {
        self.stream = None;
    }

    /// Takes what comes until nothing came for a moment, or until it stands at `goal`.
    pub(crate) async fn read(&mut self, patience: Duration, goal: Option<u64>) {
        while goal.is_none_or(|goal| self.seq < goal) {
            let Some(stream) = &mut self.stream else { return };
            match tokio::time::timeout(patience, stream.next()).await {
                Ok(Some(message)) => self.take(&message),
                Ok(None) => self.stream = None,
                Err(_) => return,
            }
        }
    }

    fn take(&mut self, message: &Value) {
        match message["type"].as_str().unwrap_or_default() {
            "connection" | "state" => {
                if message["resumed"] == true {
                    assert_eq!(message["seq"], self.seq, "it goes on where the client was");
                    assert!(message["gap"].is_null());
                } else {
                    match (&self.position, message["gap"].is_null()) {
                        (None, none) => assert!(none, "a new reader misses nothing: {message}"),
                        (Some(_), none) => {
                            assert!(!none, "a reader that came back is told what it missed: {message}");
                            assert_eq!(message["gap"]["from_seq"], self.seq + 1);
                            assert!(message["gap"]["to_seq"].as_u64() >= Some(self.seq + 1));
                            assert!(message["gap"]["to_seq"].as_u64() <= message["seq"].as_u64());
                        }
                    }
                    self.state = serde_json::from_value(message["state"].clone()).unwrap();
                    self.seq = message["seq"].as_u64().unwrap();
                    self.fresh += 1;
                }
            }
            "presence" | "pong" | "shutdown" | "error" => return,
            _ => {
                let seq = message["seq"].as_u64().unwrap();
                assert_eq!(seq, self.seq + 1, "neither hole nor double");
                self.seq = seq;
                let body: EventBody = serde_json::from_value(message.clone()).unwrap();
                let run: Option<RunId> = message["run_id"].as_str().map(|id| id.parse().unwrap());
                let at: Timestamp = message["timestamp"].as_str().unwrap().parse().unwrap();
                self.state.apply(run, at, &body);
            }
        }
        self.position = message["position"].as_str().map(str::to_owned).or(self.position.take());
    }
}

async fn messages(address: &str, project: &str, since: Option<&str>) -> Option<BoxStream<'static, Value>> {
    let since = since.map(|position| format!("?since={position}")).unwrap_or_default();
    let url = format!("ws://{address}/api/ws/projects/{project}{since}");
    let (stream, _) = tokio_tungstenite::connect_async(url).await.ok()?;
    // A connection that breaks ends the stream; what it has brought whole by then counts.
    let whole = stream.take_while(|message| std::future::ready(message.is_ok()));
    let texts = whole.filter_map(async |message| match message {
        Ok(Message::Text(text)) => Some(serde_json::from_str(&text).unwrap()),
        _ => None,
    });
    Some(texts.boxed())
}

async fn events(address: &str, project: &str, since: Option<&str>) -> Option<BoxStream<'static, Value>> {
    // A client of its own: a connection that is kept for others would not be this one's to break.
    let http = reqwest::Client::new();
    let url = format!("http://{address}/api/projects/{project}/events");
    let mut request = http.get(url).header("accept", "text/event-stream");
    if let Some(position) = since {
        request = request.header("last-event-id", position);
    }
    let response = request.send().await.ok()?;
    assert_eq!(response.status(), 200);
    let parse = |(mut bytes, mut held): (BoxStream<'static, reqwest::Result<bytes::Bytes>>, Vec<u8>)| async move {
        loop {
            if let Some(end) = held.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = held.drain(..end + 2).collect();
                let block = String::from_utf8(block).unwrap();
                let data = block.lines().find_map(|line| line.strip_prefix("data: "));
                if let Some(data) = data {
                    return Some((serde_json::from_str(data).unwrap(), (bytes, held)));
                }
                continue;
            }
            held.extend_from_slice(&bytes.next().await?.ok()?);
        }
    };
    Some(futures_util::stream::unfold((response.bytes_stream().boxed(), Vec::new()), parse).boxed())
}
