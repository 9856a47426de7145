//! Frames from the server: never masked, never fragmented (RFC 6455 section 5.2).

use bytes::{BufMut, Bytes, BytesMut};

const FINAL: u8 = 0x80;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;

/// A text frame.
pub fn text(payload: &str) -> Bytes {
    frame(TEXT, payload.as_bytes())
}

/// A binary frame.
pub fn binary(payload: &[u8]) -> Bytes {
    frame(BINARY, payload)
}

/// A ping without a payload.
pub fn ping() -> Bytes {
    frame(PING, &[])
}

/// The answer to a ping: with what it carried.
pub fn pong(payload: &[u8]) -> Bytes {
    frame(PONG, payload)
}

/// A close frame; the reason is cut to the 123 bytes that fit.
pub fn close(code: u16, reason: &str) -> Bytes {
    let mut end = reason.len().min(123);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    let mut payload = BytesMut::with_capacity(2 + end);
    payload.put_u16(code);
    payload.put_slice(&reason.as_bytes()[..end]);
    frame(CLOSE, &payload)
}

fn frame(opcode: u8, payload: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(payload.len() + 10);
    bytes.put_u8(FINAL | opcode);
    match payload.len() {
        length @ 0..126 => bytes.put_u8(length as u8),
        length @ 126..65_536 => {
            bytes.put_u8(126);
            bytes.put_u16(length as u16);
        }
        length => {
            bytes.put_u8(127);
            bytes.put_u64(length as u64);
        }
    }
    bytes.put_slice(payload);
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_the_shortest_form() {
        for (length, header) in [
            (0, vec![0x81, 0]),
            (125, vec![0x81, 125]),
            (126, vec![0x81, 126, 0, 126]),
            (65_535, vec![0x81, 126, 255, 255]),
            (65_536, vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let bytes = text(&"x".repeat(length));
            assert_eq!(bytes[..header.len()], header, "{length}");
            assert_eq!(bytes.len(), header.len() + length);
        }
    }

    #[test]
    fn a_close_reason_is_cut_between_characters() {
        let bytes = close(4000, &"ä".repeat(100));
        assert_eq!(bytes[..4], [0x88, 124, 0x0f, 0xa0]);
        assert!(std::str::from_utf8(&bytes[4..]).is_ok());
    }
}
