//! The client's side of a WebSocket: frames as they are, nothing in between.

use std::io;

use bytes::{Buf, Bytes, BytesMut};

use crate::cli::client::Target;
use crate::cli::client::http::{Wire, broken};

/// Asked with, and the one answer to it (the example of RFC 6455 section 1.3).
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

pub(in crate::cli) const TEXT: u8 = 1;
pub(in crate::cli) const CLOSE: u8 = 8;
pub(in crate::cli) const PING: u8 = 9;
pub(in crate::cli) const PONG: u8 = 10;

/// A frame of the server.
#[derive(Debug, PartialEq)]
pub(in crate::cli) struct Frame {
    pub(in crate::cli) opcode: u8,
    pub(in crate::cli) payload: Bytes,
}

/// Opens a socket.
///
/// # Errors
/// When there is no server, or it refuses; then the error says with which status.
pub(in crate::cli) async fn open(
    target: &Target,
    path: &str,
    receive_bytes: Option<usize>,
) -> io::Result<Wire> {
    let mut wire = Wire::open(target, receive_bytes).await?;
    let request = format!(
        "{}Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n",
        target.head("GET", path)
    );
    wire.send(request.as_bytes()).await?;
    let head = wire.head().await?;
    if head.status != 101 {
        return Err(broken(format!("the server refuses a socket with {}", head.status)));
    }
    if head.get("sec-websocket-accept") != Some(ACCEPT) {
        return Err(broken("the handshake was answered for somebody else"));
    }
    Ok(wire)
}

/// Takes the next frame out of what was read, if it is there whole.
///
/// # Errors
/// When it is not a frame as a server sends it: never masked, never fragmented, no reserved bits.
pub(in crate::cli) fn take_frame(buffer: &mut BytesMut) -> io::Result<Option<Frame>> {
    let Some((header, length)) = measure(buffer)? else { return Ok(None) };
    if buffer.len() < header + length {
        return Ok(None);
    }
    let opcode = buffer[0] & 0x0f;
    buffer.advance(header);
    Ok(Some(Frame { opcode, payload: buffer.split_to(length).freeze() }))
}

/// How long the header and the payload of the frame at the front are.
///
/// # Errors
/// When it is not a frame as a server sends it.
pub(in crate::cli) fn measure(bytes: &[u8]) -> io::Result<Option<(usize, usize)>> {
    let &[first, second, ref rest @ ..] = bytes else { return Ok(None) };
    if first & 0xf0 != 0x80 || second & 0x80 != 0 {
        return Err(broken(format!("not a frame of a server: {first:02x} {second:02x}")));
    }
    Ok(match (second, rest) {
        (126, &[a, b, ..]) => Some((4, usize::from(u16::from_be_bytes([a, b])))),
        (127, &[a, b, c, d, e, f, g, h, ..]) => {
            let length = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
            Some((10, usize::try_from(length).map_err(|_| broken("a frame without end"))?))
        }
        (126 | 127, _) => None,
        (short, _) => Some((2, usize::from(short))),
    })
}

/// A frame of a client: masked, with a key of zeros that costs nothing.
pub(in crate::cli) fn client_frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x80 | opcode];
    match payload.len() {
        length @ 0..126 => bytes.push(0x80 | length as u8),
        length @ 126..65_536 => {
            bytes.push(0x80 | 126);
            bytes.extend((length as u16).to_be_bytes());
        }
        length => {
            bytes.push(0x80 | 127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend_from_slice(payload);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_taken_when_they_are_whole() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let text = "x".repeat(length);
            let sent = crate::surfaces::websocket::frame::text(&text);
            let mut buffer = BytesMut::from(&sent[..sent.len() - 1]);
            assert_eq!(take_frame(&mut buffer).unwrap(), None, "{length}");
            buffer.extend_from_slice(&sent[sent.len() - 1..]);
            buffer.extend_from_slice(&[0x81]);
            let frame = take_frame(&mut buffer).unwrap().unwrap();
            assert_eq!((frame.opcode, frame.payload.len()), (TEXT, length));
            assert_eq!(buffer[..], [0x81]);
        }
    }

    #[test]
    fn what_a_server_must_not_send_is_an_error() {
        for bad in [[0x81, 0x80], [0x01, 0], [0xc1, 0], [0x91, 0]] {
            assert!(take_frame(&mut BytesMut::from(&bad[..])).is_err(), "{bad:?}");
        }
    }
}
