//! The chunks of a chat completion: text, why it ended, how much it cost.

use serde::Deserialize;

use crate::runs::executors::net::sse::SseEvent;

/// Tokens that a server counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Usage {
    pub(super) prompt_tokens: u64,
    pub(super) completion_tokens: u64,
}

/// A reply as far as it has come.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Reply {
    pub(super) text: String,
    pub(super) usage: Option<Usage>,
    pub(super) finish: Option<String>,
    pub(super) done: bool,
}

/// What goes wrong within a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StreamFault {
    /// The server says that it failed.
    Said(String),
    /// What came is no chunk.
    Nonsense(String),
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Usage>,
    error: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: u32,
    #[serde(default)]
    delta: Part,
    /// Of a reply that came whole.
    #[serde(default)]
    message: Part,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Part {
    content: Option<String>,
}

impl Reply {
    /// Takes an event; answers the text it brought.
    pub(super) fn take(&mut self, event: &SseEvent) -> Result<String, StreamFault> {
        let data = event.data.trim();
        if data == "[DONE]" {
            self.done = true;
            return Ok(String::new());
        }
        if data.is_empty() {
            return Ok(String::new());
        }
        if event.event == "error" {
            return Err(StreamFault::Said(said(data)));
        }
        self.take_json(data)
    }

    /// Takes a chunk, or a reply that came whole.
    pub(super) fn take_json(&mut self, json: &str) -> Result<String, StreamFault> {
        let chunk: Chunk =
            serde_json::from_str(json).map_err(|error| StreamFault::Nonsense(error.to_string()))?;
        if chunk.error.is_some() {
            return Err(StreamFault::Said(said(json)));
        }
        // Some count in every chunk what came so far, some once at the end.
        self.usage = chunk.usage.or(self.usage);
        let mut new = String::new();
        for choice in chunk.choices.into_iter().filter(|choice| choice.index == 0) {
            new.extend(choice.delta.content);
            new.extend(choice.message.content);
            self.finish = choice.finish_reason.or(self.finish.take());
        }
        self.text.push_str(&new);
        Ok(new)
    }
}

fn said(json: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(json).unwrap_or_default();
    let error = &value["error"];
    let text = error["message"].as_str().or(error.as_str()).or(value["message"].as_str());
    text.unwrap_or(json).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(reply: &mut Reply, data: &str) -> Result<String, StreamFault> {
        reply.take(&SseEvent { event: String::new(), data: data.to_owned() })
    }

    #[test]
    fn chunks_become_one_reply() {
        let mut reply = Reply::default();
        for (data, new) in [
            (r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":null}}]}"#, ""),
            (r#"{"choices":[{"index":0,"delta":{"content":"Hel"}}]}"#, "Hel"),
            (r#"{"choices":[{"index":1,"delta":{"content":"other"}}]}"#, ""),
            (r#"{"choices":[{"delta":{"content":"lo"},"finish_reason":"stop"}]}"#, "lo"),
            (r#"{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}"#, ""),
            ("[DONE]", ""),
        ] {
            assert_eq!(take(&mut reply, data), Ok(new.to_owned()), "{data}");
        }
        assert_eq!(reply.text, "Hello");
        assert_eq!((reply.finish.as_deref(), reply.done), (Some("stop"), true));
        assert_eq!(reply.usage, Some(Usage { prompt_tokens: 5, completion_tokens: 2 }));
    }

    #[test]
    fn faults_are_told() {
        let mut reply = Reply::default();
        for data in [r#"{"error":{"message":"overloaded"}}"#, r#"{"error":"overloaded"}"#] {
            assert_eq!(take(&mut reply, data), Err(StreamFault::Said("overloaded".to_owned())));
        }
        let event = SseEvent { event: "error".to_owned(), data: r#"{"message":"gone"}"#.to_owned() };
        assert_eq!(reply.take(&event), Err(StreamFault::Said("gone".to_owned())));
        assert!(matches!(take(&mut reply, "<html>"), Err(StreamFault::Nonsense(_))));
    }
}
