//! Socket.IO protocol 5: one packet, its text and its attachments. Pure functions and a decoder that waits for bytes.
//!
//! `TYPE [ATTACHMENTS -] [NAMESPACE ,] [ACK ID] [JSON]`. Where an argument holds bytes its JSON has a placeholder with the
//! number of a binary message that follows. Arguments stay the JSON text they came as: nothing is read that nobody asks for.

use bytes::Bytes;
use serde_json::Value;
use serde_json::value::RawValue;

/// Attachments one packet may have, as in the reference parser.
pub const ATTACHMENTS_MAX: usize = 10;
/// Length of the name of a namespace.
const NAMESPACE_BYTES_MAX: usize = 256;
/// The highest ack id that a JavaScript client can count to.
const ACK_ID_MAX: u64 = (1 << 53) - 1;
/// Names that clients keep for what happens to the connection itself.
const RESERVED: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/// A packet that was read whole.
#[derive(Debug)]
pub enum Packet {
    /// A namespace is to be joined.
    Connect {
        /// Which.
        namespace: String,
        /// What the client says of itself: a JSON object.
        auth: Option<Box<RawValue>>,
    },
    /// A namespace is left.
    Disconnect {
        /// Which.
        namespace: String,
    },
    /// An event.
    Event(Event),
    /// The answer to an event of ours.
    Ack(Ack),
}

/// An event.
#[derive(Debug)]
pub struct Event {
    /// Where.
    pub namespace: String,
    /// Under which an answer is wanted.
    pub id: Option<u64>,
    /// Its name.
    pub name: String,
    /// Its arguments.
    pub args: Args,
}

/// An answer.
#[derive(Debug)]
pub struct Ack {
    /// Where.
    pub namespace: String,
    /// To which event.
    pub id: u64,
    /// Its arguments.
    pub args: Args,
}

/// Arguments as they came.
#[derive(Clone, Debug, Default)]
pub struct Args {
    /// Each as JSON.
    pub json: Vec<Box<RawValue>>,
    /// The bytes that placeholders stand for.
    pub attachments: Vec<Bytes>,
}

/// Why something is no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPacket {
    /// There is no packet of this type, or a client may not send it.
    #[error("there is no such type of packet")]
    UnknownType,
    /// The number of attachments is none, or too many.
    #[error("the number of attachments is wrong")]
    Attachments,
    /// The name of the namespace is too long.
    #[error("the namespace is too long")]
    Namespace,
    /// The ack id is no number that can be counted to, or is missing.
    #[error("the ack id is wrong")]
    AckId,
    /// The JSON is none, or not what this type of packet carries.
    #[error("the payload is wrong")]
    Payload,
    /// A name that clients keep for themselves.
    #[error("the name of the event is reserved")]
    Reserved,
    /// A placeholder stands for bytes that there are not.
    #[error("a placeholder stands for nothing")]
    Placeholder,
    /// Text came where bytes were announced, or bytes where none were.
    #[error("text and bytes came out of order")]
    Order,
    /// The attachments are too large together.
    #[error("the attachments are too large")]
    TooLarge,
}

/// Puts packets together from messages.
#[derive(Debug)]
pub struct Decoder {
    bytes_max: usize,
    waiting: Option<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    packet: Packet,
    missing: usize,
    bytes: usize,
}

impl Decoder {
    /// A decoder for packets whose attachments have at most `bytes_max` bytes together.
    pub fn new(bytes_max: usize) -> Self {
        Self { bytes_max, waiting: None }
    }

    /// Takes a text message.
    ///
    /// # Errors
    /// When it is no packet, or bytes were announced.
    pub fn text(&mut self, text: &str) -> Result<Option<Packet>, BadPacket> {
        if self.waiting.is_some() {
            return Err(BadPacket::Order);
        }
        let (packet, missing) = decode(text)?;
        if missing == 0 {
            check_placeholders(&packet)?;
            return Ok(Some(packet));
        }
        self.waiting = Some(Waiting { packet, missing, bytes: 0 });
        Ok(None)
    }

    /// Takes a binary message.
    ///
    /// # Errors
    /// When none was announced, it is too large, or a placeholder of the whole packet stands for nothing.
    pub fn binary(&mut self, bytes: Bytes) -> Result<Option<Packet>, BadPacket> {
        let Some(mut waiting) = self.waiting.take() else { return Err(BadPacket::Order) };
        waiting.bytes += bytes.len();
        if waiting.bytes > self.bytes_max {
            return Err(BadPacket::TooLarge);
        }
        if let Packet::Event(Event { args, .. }) | Packet::Ack(Ack { args, .. }) = &mut waiting.packet {
            args.attachments.push(bytes);
        }
        waiting.missing -= 1;
        if waiting.missing > 0 {
            self.waiting = Some(waiting);
            return Ok(None);
        }
        check_placeholders(&waiting.packet)?;
        Ok(Some(waiting.packet))
    }
}

/// Reads the text of a packet; answers it with the number of binary messages that follow.
fn decode(text: &str) -> Result<(Packet, usize), BadPacket> {
    let kind = text.chars().next().ok_or(BadPacket::UnknownType)?;
    let mut rest = &text[kind.len_utf8()..];
    let mut attachments = 0;
    if matches!(kind, '5' | '6') {
        let (count, after) = rest.split_once('-').ok_or(BadPacket::Attachments)?;
        let digits = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
        attachments = count.parse().ok().filter(|_| digits).ok_or(BadPacket::Attachments)?;
        if attachments > ATTACHMENTS_MAX {
            return Err(BadPacket::Attachments);
        }
        rest = after;
    }
    let mut namespace = "/".to_owned();
    if rest.starts_with('/') {
        let (name, after) = rest.split_once(',').unwrap_or((rest, ""));
        if name.len() > NAMESPACE_BYTES_MAX {
            return Err(BadPacket::Namespace);
        }
        namespace = name.to_owned();
        rest = after;
    }
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let id = match &rest[..digits] {
        "" => None,
        digits => Some(digits.parse().ok().filter(|id| *id <= ACK_ID_MAX).ok_or(BadPacket::AckId)?),
    };
    let payload = &rest[digits..];
    let packet = match kind {
        '0' if id.is_none() => Packet::Connect { namespace, auth: connect_payload(payload)? },
        '1' if id.is_none() && payload.is_empty() => Packet::Disconnect { namespace },
        '0' | '1' => return Err(BadPacket::Payload),
        '2' | '5' => {
            let (name, json) = event_payload(payload)?;
            Packet::Event(Event { namespace, id, name, args: Args { json, attachments: Vec::new() } })
        }
        '3' | '6' => {
            let json = serde_json::from_str(payload).map_err(|_| BadPacket::Payload)?;
            let id = id.ok_or(BadPacket::AckId)?;
            Packet::Ack(Ack { namespace, id, args: Args { json, attachments: Vec::new() } })
        }
        _ => return Err(BadPacket::UnknownType),
    };
    Ok((packet, attachments))
}

fn connect_payload(payload: &str) -> Result<Option<Box<RawValue>>, BadPacket> {
    if payload.is_empty() {
        return Ok(None);
    }
    let raw: Box<RawValue> = serde_json::from_str(payload).map_err(|_| BadPacket::Payload)?;
    if raw.get().starts_with('{') { Ok(Some(raw)) } else { Err(BadPacket::Payload) }
}

fn event_payload(payload: &str) -> Result<(String, Vec<Box<RawValue>>), BadPacket> {
    let mut json: Vec<Box<RawValue>> = serde_json::from_str(payload).map_err(|_| BadPacket::Payload)?;
    if json.is_empty() {
        return Err(BadPacket::Payload);
    }
    let name = match serde_json::from_str(json.remove(0).get()) {
        Ok(Value::String(name)) => name,
        Ok(Value::Number(name)) => name.to_string(),
        _ => return Err(BadPacket::Payload),
    };
    if RESERVED.contains(&name.as_str()) { Err(BadPacket::Reserved) } else { Ok((name, json)) }
}

/// Placeholders are looked at only where there can be bytes, or a text could pretend to carry some.
fn check_placeholders(packet: &Packet) -> Result<(), BadPacket> {
    let (Packet::Event(Event { args, .. }) | Packet::Ack(Ack { args, .. })) = packet else { return Ok(()) };
    if args.attachments.is_empty() {
        return Ok(());
    }
    for json in &args.json {
        let value: Value = serde_json::from_str(json.get()).map_err(|_| BadPacket::Payload)?;
        check_value(&value, args.attachments.len())?;
    }
    Ok(())
}

fn check_value(value: &Value, count: usize) -> Result<(), BadPacket> {
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| check_value(item, count)),
        Value::Object(fields) if fields.get("_placeholder") == Some(&Value::Bool(true)) => {
            let place = fields.get("num").and_then(Value::as_u64).and_then(|num| usize::try_from(num).ok());
            if place.is_some_and(|place| place < count) { Ok(()) } else { Err(BadPacket::Placeholder) }
        }
        Value::Object(fields) => fields.values().try_for_each(|field| check_value(field, count)),
        _ => Ok(()),
    }
}

/// The text of the answer that lets a client into a namespace.
pub fn connected(namespace: &str, sid: &str) -> String {
    format!("0{}{{\"sid\":{}}}", head(namespace), quoted(sid))
}

/// The text of the answer that does not.
pub fn connect_error(namespace: &str, message: &str) -> String {
    format!("4{}{{\"message\":{}}}", head(namespace), quoted(message))
}

/// The text that puts a client out of a namespace.
pub fn disconnect(namespace: &str) -> String {
    format!("1{}", head(namespace))
}

/// The text of an event; `args` is what stands between the name and the closing bracket, JSON values with commas.
pub fn event(namespace: &str, id: Option<u64>, name: &str, args: &str, attachments: usize) -> String {
    let kind = if attachments > 0 { format!("5{attachments}-") } else { "2".to_owned() };
    let id = id.map(|id| id.to_string()).unwrap_or_default();
    let comma = if args.is_empty() { "" } else { "," };
    format!("{kind}{}{id}[{}{comma}{args}]", head(namespace), quoted(name))
}

/// The text of an answer to an event.
pub fn ack(namespace: &str, id: u64, args: &str, attachments: usize) -> String {
    let kind = if attachments > 0 { format!("6{attachments}-") } else { "3".to_owned() };
    format!("{kind}{}{id}[{args}]", head(namespace))
}

impl Args {
    /// The arguments as JSON values with commas between them.
    pub fn joined(&self) -> String {
        let texts: Vec<&str> = self.json.iter().map(|value| value.get()).collect();
        texts.join(",")
    }

    /// An argument, read.
    pub fn value(&self, place: usize) -> Option<Value> {
        self.json.get(place).and_then(|json| serde_json::from_str(json.get()).ok())
    }
}

fn head(namespace: &str) -> String {
    if namespace == "/" { String::new() } else { format!("{namespace},") }
}

fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests;
