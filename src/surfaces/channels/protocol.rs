//! Messages of the channel socket that are no events; PROTOCOL section 4.

use serde::Serialize;

use crate::broker::clients::ClientType;
use crate::domain::channel::CHANNELS;
use crate::domain::ids::ClientId;
use crate::domain::position::Position;
use crate::domain::time::Timestamp;

/// Channels that one request may name.
const NAMES_MAX: usize = 32;
/// Letters of a name that are shown again.
const SHOWN_CHARS_MAX: usize = 40;
/// Letters that the name of a client may have.
const CLIENT_NAME_CHARS_MAX: usize = 120;

/// What a client says.
#[derive(Debug, PartialEq)]
pub(super) enum Command {
    /// Who it is.
    Register { client_type: ClientType, client_name: String },
    /// What it wants to hear.
    Subscribe { channels: Vec<String>, since: Option<Position> },
    /// What it wants to hear no longer.
    Unsubscribe { channels: Vec<String> },
    /// Answered with `pong`.
    Ping,
    /// Its token, when the handshake had none.
    Auth(String),
}

/// Why a message was not understood; the socket stays open.
#[derive(Debug, PartialEq)]
pub(super) struct Malformed {
    pub(super) code: &'static str,
    pub(super) message: String,
}

fn malformed(code: &'static str, message: impl Into<String>) -> Malformed {
    Malformed { code, message: message.into() }
}

/// Reads a message of a client.
pub(super) fn parse(text: &str) -> Result<Command, Malformed> {
    if text == "ping" {
        return Ok(Command::Ping);
    }
    let value: serde_json::Value = serde_json::from_str(text)
        .map_err(|error| malformed("bad_json", format!("this is not JSON: {error}")))?;
    let Some(object) = value.as_object() else {
        return Err(malformed("bad_message", "a message is a JSON object with a \"type\""));
    };
    let optional = |name: &str| match object.get(name) {
        None | Some(serde_json::Value::Null) => Ok(None),
        Some(serde_json::Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(malformed("wrong_type", format!("\"{name}\" must be a text"))),
    };
    let field = |name: &str| {
        optional(name)?.ok_or_else(|| malformed("missing_field", format!("\"{name}\" is missing")))
    };
    match field("type")? {
        "ping" => Ok(Command::Ping),
        "register" => {
            let client_type = ClientType::parse(optional("client_type")?.unwrap_or_default());
            let client_name = optional("client_name")?.unwrap_or_default().to_owned();
            if client_name.chars().count() > CLIENT_NAME_CHARS_MAX {
                let message = format!("\"client_name\" may have at most {CLIENT_NAME_CHARS_MAX} letters");
                return Err(malformed("bad_field", message));
            }
            Ok(Command::Register { client_type, client_name })
        }
        "subscribe" => {
            let since = optional("since")?.map(str::parse).transpose();
            let since = since.map_err(|error| malformed("bad_field", format!("\"since\": {error}")))?;
            Ok(Command::Subscribe { channels: names(object)?, since })
        }
        "unsubscribe" => Ok(Command::Unsubscribe { channels: names(object)? }),
        "auth" => Ok(Command::Auth(field("token")?.to_owned())),
        other => {
            let message = format!(
                "there is no message of type \"{}\"; known are register, subscribe, unsubscribe, ping, auth",
                shown(other)
            );
            Err(malformed("unknown_type", message))
        }
    }
}

fn names(object: &serde_json::Map<String, serde_json::Value>) -> Result<Vec<String>, Malformed> {
    let wrong = || malformed("wrong_type", "\"channels\" must be a list of names");
    let list = object.get("channels").ok_or_else(|| malformed("missing_field", "\"channels\" is missing"))?;
    let list = list.as_array().ok_or_else(wrong)?;
    if list.is_empty() || list.len() > NAMES_MAX {
        return Err(malformed("bad_field", format!("\"channels\" must name 1 to {NAMES_MAX} channels")));
    }
    list.iter().map(|name| name.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
}

/// A text of a client as it may be shown in an answer.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARS_MAX).collect()
}

/// What the server says.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Reply<'a> {
    Connection {
        status: &'static str,
        client_id: ClientId,
        message: &'static str,
        channels: [&'static str; CHANNELS.len()],
        heartbeat_ms: u64,
    },
    Registered {
        client_id: ClientId,
        client_type: ClientType,
        client_name: &'a str,
    },
    Subscribed {
        channels: Vec<&'static str>,
        position: String,
        resumed: bool,
        gap: Option<Gap>,
    },
    Unsubscribed {
        channels: Vec<&'static str>,
    },
    Pong {
        timestamp: Timestamp,
        /// Everything up to here was sent before; none without a subscription.
        position: Option<String>,
    },
    Error {
        code: &'a str,
        message: &'a str,
        /// The known channels, when the error is about one that is not.
        #[serde(skip_serializing_if = "Option::is_none")]
        channels: Option<[&'static str; CHANNELS.len()]>,
    },
}

/// Between these places something was lost for good.
#[derive(Debug, Serialize)]
pub(super) struct Gap {
    pub(super) from: String,
    pub(super) to: String,
}

impl Reply<'_> {
    /// As JSON.
    pub(super) fn json(&self) -> String {
        serde_json::to_string(self).expect("replies have text keys only")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surfaces::rest::describe::assert_described;

    #[test]
    fn what_is_said_is_what_is_described() {
        let client_id = ClientId::generate();
        let position = String::new;
        for reply in [
            Reply::Connection {
                status: "connected",
                client_id,
                message: "",
                channels: CHANNELS,
                heartbeat_ms: 1,
            },
            Reply::Registered { client_id, client_type: ClientType::Gui, client_name: "" },
            Reply::Subscribed {
                channels: vec!["jobs"],
                position: position(),
                resumed: false,
                gap: Some(Gap { from: position(), to: position() }),
            },
            Reply::Unsubscribed { channels: vec!["jobs"] },
            Reply::Pong { timestamp: Timestamp(0), position: Some(position()) },
            Reply::Error { code: "", message: "", channels: Some(CHANNELS) },
        ] {
            let said: serde_json::Value = serde_json::from_str(&reply.json()).unwrap();
            assert_described(&format!("channels.{}", said["type"].as_str().unwrap()), &said);
        }
    }

    #[test]
    fn commands_and_what_is_wrong_with_them() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let since = "00c0ffee-7".parse().ok();
        for (text, command) in [
            ("ping", Command::Ping),
            (r#"{"type":"ping"}"#, Command::Ping),
            (
                r#"{"type":"register","client_type":"gui","client_name":"Studio"}"#,
                Command::Register { client_type: ClientType::Gui, client_name: "Studio".into() },
            ),
            (
                r#"{"type":"register","client_type":"toaster"}"#,
                Command::Register { client_type: ClientType::Unknown, client_name: String::new() },
            ),
            (
                r#"{"type":"subscribe","channels":["jobs","nope"],"since":"00c0ffee-7"}"#,
                Command::Subscribe { channels: names(&["jobs", "nope"]), since },
            ),
            (
                r#"{"type":"subscribe","channels":["jobs"],"since":null}"#,
                Command::Subscribe { channels: names(&["jobs"]), since: None },
            ),
            (
                r#"{"type":"unsubscribe","channels":["jobs"]}"#,
                Command::Unsubscribe { channels: names(&["jobs"]) },
            ),
            (r#"{"type":"auth","token":"t"}"#, Command::Auth("t".into())),
        ] {
            assert_eq!(parse(text), Ok(command), "{text}");
        }
        let long = format!(r#"{{"type":"register","client_name":"{}"}}"#, "x".repeat(121));
        for (text, code) in [
            ("{", "bad_json"),
            ("[]", "bad_message"),
            ("{}", "missing_field"),
            (r#"{"type":5}"#, "wrong_type"),
            (r#"{"type":"jump"}"#, "unknown_type"),
            (r#"{"type":"subscribe"}"#, "missing_field"),
            (r#"{"type":"subscribe","channels":"jobs"}"#, "wrong_type"),
            (r#"{"type":"subscribe","channels":[5]}"#, "wrong_type"),
            (r#"{"type":"subscribe","channels":[]}"#, "bad_field"),
            (r#"{"type":"subscribe","channels":["jobs"],"since":"yesterday"}"#, "bad_field"),
            (r#"{"type":"unsubscribe"}"#, "missing_field"),
            (r#"{"type":"register","client_type":7}"#, "wrong_type"),
            (r#"{"type":"auth"}"#, "missing_field"),
            (&long, "bad_field"),
        ] {
            assert_eq!(parse(text).unwrap_err().code, code, "{text}");
        }
    }
}
