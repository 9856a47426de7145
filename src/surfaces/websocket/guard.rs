//! Looks at the frame headers of an incoming stream before anything is buffered.
//!
//! The codec behind it checks its limit only once it holds the whole frame, so a header that announces a gigabyte would cost
//! a gigabyte. The guard reads nothing but headers (2 to 14 bytes, RFC 6455 section 5.2) and counts whole frames, so that no
//! more is read while frames still wait to be handled.

/// A frame is longer than allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame of {announced} bytes is more than the {limit} that are allowed")]
pub(super) struct TooLong {
    /// What the header says.
    pub(super) announced: u64,
    /// What is allowed.
    pub(super) limit: u64,
}

/// Where the stream stands.
#[derive(Debug)]
pub(super) struct Guard {
    limit: u64,
    header: [u8; 14],
    header_length: usize,
    payload_left: u64,
    frames: u64,
}

impl Guard {
    /// A guard that lets frames of up to `limit` bytes of payload pass.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit: limit as u64, header: [0; 14], header_length: 0, payload_left: 0, frames: 0 }
    }

    /// How many frames have passed whole.
    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    /// Looks at the next bytes of the stream.
    ///
    /// # Errors
    /// When a header announces too much. Nothing after it may be passed on.
    pub(super) fn look(&mut self, mut bytes: &[u8]) -> Result<(), TooLong> {
        loop {
            if self.payload_left > 0 {
                let here = self.payload_left.min(bytes.len() as u64);
                self.payload_left -= here;
                bytes = &bytes[usize::try_from(here).unwrap_or(bytes.len())..];
                if self.payload_left > 0 {
                    return Ok(());
                }
                self.frames += 1;
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
                return Err(TooLong { announced, limit: self.limit });
            }
            if self.header_length == 2 + extended + masked {
                self.header = [0; 14];
                self.header_length = 0;
                self.payload_left = announced;
                if announced == 0 {
                    self.frames += 1;
                }
            }
        }
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
            Err(TooLong { announced: 65_535, limit: 1000 })
        );
        let mut guard = Guard::new(1000);
        assert_eq!(guard.look(&[0x81, 0x80 | 127, 0, 0, 0, 0, 0x40, 0, 0]), Ok(()));
        assert!(guard.look(&[0]).is_err());
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
