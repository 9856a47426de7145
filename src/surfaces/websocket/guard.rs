//! Looks at an incoming stream before anything is buffered.
//!
//! The codec behind it sees a frame only once it holds the whole of it, so a header that announces a gigabyte would cost
//! a gigabyte, and bad text would be refused when the last byte has come. The guard reads headers (2 to 14 bytes, RFC 6455
//! section 5.2) and text as it arrives, and counts whole frames, so that no more is read while frames still wait to be
//! handled. Everything else about frames is left to the codec.

use crate::surfaces::websocket::utf8::Utf8;

const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
/// Bytes of a close code, which come before the text of the reason.
const CODE_BYTES: u64 = 2;

/// Why nothing more may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Stop {
    /// A frame is longer than allowed: 1009.
    #[error("a frame of {announced} bytes is more than the {limit} that are allowed")]
    TooLong {
        /// What the header says.
        announced: u64,
        /// What is allowed.
        limit: u64,
    },
    /// Text, or the reason of a close frame, is not UTF-8: 1007.
    #[error("text must be UTF-8")]
    NotUtf8,
}

/// Where the stream stands.
#[derive(Debug)]
pub(super) struct Guard {
    limit: u64,
    header: [u8; 14],
    header_length: usize,
    payload_length: u64,
    payload_left: u64,
    frames: u64,
    /// What of the payload is text.
    watch: Watch,
    /// The text of the message, over all of its fragments.
    message: Option<Utf8>,
}

#[derive(Clone, Copy, Debug)]
enum Watch {
    /// None of it, or a whole short message that the codec has at once.
    Nothing,
    /// All of it.
    Message,
    /// What stands behind the code.
    Reason(Utf8),
}

impl Guard {
    /// A guard that lets frames of up to `limit` bytes of payload pass.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit: limit as u64,
            header: [0; 14],
            header_length: 0,
            payload_length: 0,
            payload_left: 0,
            frames: 0,
            watch: Watch::Nothing,
            message: None,
        }
    }

    /// How many frames have passed whole.
    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    /// Looks at the next bytes of the stream.
    ///
    /// # Errors
    /// When a header announces too much, or text is none. Nothing after it may be passed on.
    pub(super) fn look(&mut self, mut bytes: &[u8]) -> Result<(), Stop> {
        loop {
            if self.payload_left > 0 {
                let here = self.payload_left.min(bytes.len() as u64);
                let (piece, rest) = bytes.split_at(usize::try_from(here).unwrap_or(bytes.len()));
                self.read_text(piece)?;
                self.payload_left -= here;
                bytes = rest;
                if self.payload_left > 0 {
                    return Ok(());
                }
                self.end_frame()?;
            }
            let Some((&byte, rest)) = bytes.split_first() else { return Ok(()) };
            bytes = rest;
            self.header[self.header_length] = byte;
            self.header_length += 1;
            if self.header_length < 2 {
                continue;
            }
            let masked = if self.header[1] & 0x80 != 0 { 4 } else { 0 };
            let (extended, announced) = match self.header[1] & 0x7f {
                126 => (2, u64::from(u16::from_be_bytes([self.header[2], self.header[3]]))),
                127 => {
                    let mut length = [0; 8];
                    length.copy_from_slice(&self.header[2..10]);
                    (8, u64::from_be_bytes(length))
                }
                short => (0, u64::from(short)),
            };
            // The length is known before the mask is: refuse as early as can be.
            if self.header_length >= 2 + extended && announced > self.limit {
                return Err(Stop::TooLong { announced, limit: self.limit });
            }
            if self.header_length == 2 + extended + masked {
                self.begin_frame(announced, bytes.len() as u64);
                if announced == 0 {
                    self.end_frame()?;
                }
            }
        }
    }

    /// A header is whole; `here` bytes came with it.
    fn begin_frame(&mut self, announced: u64, here: u64) {
        // The mask stays where it is found again: in the last four bytes.
        let mask = match self.header[1] & 0x80 {
            0 => [0; 4],
            _ => [0, 1, 2, 3].map(|byte| self.header[self.header_length - 4 + byte]),
        };
        self.header[10..].copy_from_slice(&mask);
        self.header_length = 0;
        self.payload_length = announced;
        self.payload_left = announced;
        let last = self.header[0] & 0x80 != 0;
        self.watch = match self.header[0] & 0x0f {
            TEXT if last && announced <= here => Watch::Nothing,
            TEXT => {
                self.message = Some(Utf8::default());
                Watch::Message
            }
            BINARY => {
                self.message = None;
                Watch::Nothing
            }
            CONTINUATION if self.message.is_some() => Watch::Message,
            CLOSE => Watch::Reason(Utf8::default()),
            _ => Watch::Nothing,
        };
    }

    fn read_text(&mut self, piece: &[u8]) -> Result<(), Stop> {
        let from = self.payload_length - self.payload_left;
        let (text, code_bytes) = match (&mut self.watch, &mut self.message) {
            (Watch::Message, Some(text)) => (text, 0),
            (Watch::Reason(text), _) => (text, CODE_BYTES),
            _ => return Ok(()),
        };
        for (place, byte) in (from..).zip(piece) {
            if place >= code_bytes && !text.take(byte ^ self.header[10 + (place % 4) as usize]) {
                return Err(Stop::NotUtf8);
            }
        }
        Ok(())
    }

    fn end_frame(&mut self) -> Result<(), Stop> {
        if let Watch::Reason(text) = self.watch
            && !text.is_whole()
        {
            return Err(Stop::NotUtf8);
        }
        // Whether a message ends with a whole character is seen by those who put it together.
        self.watch = Watch::Nothing;
        self.header = [0; 14];
        self.frames += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn masked_frame(length: usize) -> Vec<u8> {
        let mut bytes = vec![0x81];
        match length {
            0..126 => bytes.push(0x80 | length as u8),
            126..65_536 => {
                bytes.push(0x80 | 126);
                bytes.extend((length as u16).to_be_bytes());
            }
            _ => {
                bytes.push(0x80 | 127);
                bytes.extend((length as u64).to_be_bytes());
            }
        }
        bytes.extend([1, 2, 3, 4]);
        bytes.extend(std::iter::repeat_n(0x55, length));
        bytes
    }

    #[test]
    fn refuses_at_the_header() {
        let mut guard = Guard::new(1000);
        // No mask, no payload yet: the two length bytes are enough.
        assert_eq!(
            guard.look(&[0x81, 0x80 | 126, 0xff, 0xff]),
            Err(Stop::TooLong { announced: 65_535, limit: 1000 })
        );
        let mut guard = Guard::new(1000);
        assert_eq!(guard.look(&[0x81, 0x80 | 127, 0, 0, 0, 0, 0x40, 0, 0]), Ok(()));
        assert!(guard.look(&[0]).is_err());
    }

    /// A frame whose mask is not made of zeros.
    fn text_frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [7_u8, 0x80, 255, 9];
        let masked = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
        [first, 0x80 | payload.len() as u8].into_iter().chain(mask).chain(masked).collect()
    }

    /// At which byte of the stream, given one by one, the guard stops.
    fn stops_at(stream: &[u8]) -> Option<usize> {
        let mut guard = Guard::new(1000);
        stream.iter().position(|byte| guard.look(&[*byte]) == Err(Stop::NotUtf8))
    }

    #[test]
    fn bad_text_is_refused_where_it_begins() {
        // The header has six bytes.
        assert_eq!(stops_at(&text_frame(0x81, b"ab\xffcd")), Some(8));
        assert_eq!(stops_at(&text_frame(0x81, "a\u{20ac}\u{10ffff}".as_bytes())), None);
        assert_eq!(stops_at(&text_frame(0x82, b"ab\xffcd")), None, "binary may hold anything");
        // A surrogate, cut into fragments with a ping between.
        let fragments =
            [text_frame(0x01, &[0xed]), text_frame(0x89, &[0xff]), text_frame(0x80, &[0xa0, 0x80])].concat();
        assert_eq!(stops_at(&fragments), Some(7 + 7 + 6));
        let binary = [text_frame(0x02, &[0xed]), text_frame(0x80, &[0xa0, 0x80])].concat();
        assert_eq!(stops_at(&binary), None);
    }

    #[test]
    fn the_reason_of_a_close_frame_is_text_and_its_code_is_not() {
        assert_eq!(stops_at(&text_frame(0x88, b"\x03\xe8bye")), None);
        assert_eq!(stops_at(&text_frame(0x88, b"\xff\xff")), None);
        assert_eq!(stops_at(&text_frame(0x88, b"\x03\xe8b\xff")), Some(9));
        assert_eq!(stops_at(&text_frame(0x88, b"\x03\xe8\xe2\x82")), Some(9), "half a character is none");
        // It does not change what is known of the message around it.
        let around =
            [text_frame(0x01, &[0xe2]), text_frame(0x88, b"\x03\xe8"), text_frame(0x80, &[0x82, 0xac])];
        assert_eq!(stops_at(&around.concat()), None);
    }

    proptest! {
        #[test]
        fn counts_frames_however_they_are_cut(lengths in prop::collection::vec(0usize..70_000, 1..6), cut in 1usize..5000) {
            let stream: Vec<u8> = lengths.iter().flat_map(|&length| masked_frame(length)).collect();
            let mut guard = Guard::new(70_000);
            for piece in stream.chunks(cut) {
                prop_assert_eq!(guard.look(piece), Ok(()));
            }
            prop_assert_eq!(guard.frames(), lengths.len() as u64);
        }
    }
}
