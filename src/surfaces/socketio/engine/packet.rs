//! Engine.IO protocol 4: one packet, and several of them in the body of a poll. Pure functions.
//!
//! A packet is a digit for its type and its data. A binary message is a binary frame on a WebSocket, and `b` with base64
//! where only text can be. Packets of one body are separated by U+001E, which no JSON text holds.

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose};
use bytes::Bytes;

/// Stands between the packets of one body.
const SEPARATOR: char = '\u{1e}';

/// Padding may be there or not; everything else is as the standard says.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What an application says or hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
}

impl Message {
    /// About how many bytes it takes on the wire.
    pub fn weight(&self) -> usize {
        match self {
            Message::Text(text) => text.len() + 2,
            Message::Binary(bytes) => bytes.len().div_ceil(3) * 4 + 2,
        }
    }
}

/// One packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// The session is open; its handshake as JSON.
    Open(String),
    /// The transport is to be closed.
    Close,
    /// A heartbeat, or a probe of a new transport.
    Ping(String),
    /// Its answer.
    Pong(String),
    /// Something for the application.
    Message(Message),
    /// The probed transport is to be used from now on.
    Upgrade,
    /// Nothing; it ends a poll.
    Noop,
}

/// A text that is no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPacket {
    /// There is nothing.
    #[error("the packet is empty")]
    Empty,
    /// There is no packet of this type.
    #[error("there is no such type of packet")]
    UnknownType,
    /// Data where none may be.
    #[error("this type of packet carries no data")]
    Data,
    /// Not base64.
    #[error("the binary data is not base64")]
    Base64,
}

/// Reads a packet from text.
///
/// # Errors
/// When it is none.
pub fn decode(text: &str) -> Result<Packet, BadPacket> {
    let mut characters = text.chars();
    let kind = characters.next().ok_or(BadPacket::Empty)?;
    let data = characters.as_str();
    let bare = |packet| if data.is_empty() { Ok(packet) } else { Err(BadPacket::Data) };
    match kind {
        '0' => Ok(Packet::Open(data.to_owned())),
        '1' => bare(Packet::Close),
        '2' => Ok(Packet::Ping(data.to_owned())),
        '3' => Ok(Packet::Pong(data.to_owned())),
        '4' => Ok(Packet::Message(Message::Text(data.to_owned()))),
        '5' => bare(Packet::Upgrade),
        '6' => bare(Packet::Noop),
        'b' => match BASE64.decode(data) {
            Ok(bytes) => Ok(Packet::Message(Message::Binary(bytes.into()))),
            Err(_) => Err(BadPacket::Base64),
        },
        _ => Err(BadPacket::UnknownType),
    }
}

/// Writes a packet as text, a binary message in base64.
pub fn encode(packet: &Packet) -> String {
    match packet {
        Packet::Open(handshake) => format!("0{handshake}"),
        Packet::Close => "1".to_owned(),
        Packet::Ping(data) => format!("2{data}"),
        Packet::Pong(data) => format!("3{data}"),
        Packet::Message(Message::Text(text)) => format!("4{text}"),
        Packet::Message(Message::Binary(bytes)) => {
            let mut text = String::from("b");
            general_purpose::STANDARD.encode_string(bytes, &mut text);
            text
        }
        Packet::Upgrade => "5".to_owned(),
        Packet::Noop => "6".to_owned(),
    }
}

/// Reads the packets of one body.
///
/// # Errors
/// With the first that is none.
pub fn decode_payload(body: &str) -> Result<Vec<Packet>, BadPacket> {
    body.split(SEPARATOR).map(decode).collect()
}

/// Writes packets as one body.
pub fn encode_payload<'a>(packets: impl IntoIterator<Item = &'a Packet>) -> String {
    let mut body = String::new();
    for (place, packet) in packets.into_iter().enumerate() {
        if place > 0 {
            body.push(SEPARATOR);
        }
        body.push_str(&encode(packet));
    }
    body
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> Packet {
        Packet::Message(Message::Text(text.to_owned()))
    }

    fn binary(bytes: &[u8]) -> Packet {
        Packet::Message(Message::Binary(Bytes::copy_from_slice(bytes)))
    }

    #[test]
    fn packets_of_the_protocol() {
        for (wire, packet) in [
            ("0{}", Packet::Open("{}".into())),
            ("1", Packet::Close),
            ("2", Packet::Ping(String::new())),
            ("2probe", Packet::Ping("probe".into())),
            ("3probe", Packet::Pong("probe".into())),
            ("4héllo €", text("héllo €")),
            ("4", text("")),
            ("5", Packet::Upgrade),
            ("6", Packet::Noop),
            ("bAQIDBA==", binary(&[1, 2, 3, 4])),
            ("b", binary(&[])),
        ] {
            assert_eq!(decode(wire).as_ref(), Ok(&packet), "{wire}");
            assert_eq!(encode(&packet), wire);
        }
        assert_eq!(decode("bAQIDBA"), Ok(binary(&[1, 2, 3, 4])), "padding may be left out");
    }

    #[test]
    fn others_are_refused() {
        for (wire, error) in [
            ("", BadPacket::Empty),
            ("abc", BadPacket::UnknownType),
            ("7", BadPacket::UnknownType),
            ("é", BadPacket::UnknownType),
            ("1x", BadPacket::Data),
            ("5x", BadPacket::Data),
            ("b!", BadPacket::Base64),
        ] {
            assert_eq!(decode(wire), Err(error), "{wire}");
        }
        assert_eq!(decode_payload("4a\u{1e}"), Err(BadPacket::Empty));
        assert_eq!(decode_payload("\u{1e}4a"), Err(BadPacket::Empty));
    }

    #[test]
    fn a_body_holds_several() {
        let packets = [text("hello"), Packet::Ping(String::new()), binary(&[1, 2, 3, 4])];
        let body = encode_payload(&packets);
        assert_eq!(body, "4hello\u{1e}2\u{1e}bAQIDBA==");
        assert_eq!(decode_payload(&body).unwrap(), packets);
    }

    proptest! {
        #[test]
        fn never_panics_and_reads_back_what_it_accepts(body in "[0-9b\u{1e}]?.{0,40}") {
            if let Ok(packets) = decode_payload(&body) {
                prop_assert_eq!(decode_payload(&encode_payload(&packets)), Ok(packets));
            }
        }

        #[test]
        fn bytes_survive(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(decode(&encode(&binary(&bytes))), Ok(binary(&bytes)));
        }
    }
}
