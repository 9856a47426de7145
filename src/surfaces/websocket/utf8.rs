//! UTF-8 checked as it arrives, byte by byte (RFC 3629 section 4): a peer hears of bad text where it begins and not when
//! the frame around it is whole.

/// Where the text stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Utf8 {
    /// Bytes that the character still needs.
    needed: u8,
    /// What the next of them may be.
    low: u8,
    high: u8,
}

impl Utf8 {
    /// Takes the next byte; answers whether there is still text that goes on like this.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        if self.needed > 0 {
            let fits = (self.low..=self.high).contains(&byte);
            *self = Utf8 { needed: self.needed - 1, low: 0x80, high: 0xbf };
            return fits;
        }
        // The second byte says whether a character is written in its shortest form, is no surrogate, and exists at all.
        (self.needed, self.low, self.high) = match byte {
            0..=0x7f => (0, 0x80, 0xbf),
            0xc2..=0xdf => (1, 0x80, 0xbf),
            0xe0 => (2, 0xa0, 0xbf),
            0xed => (2, 0x80, 0x9f),
            0xe1..=0xef => (2, 0x80, 0xbf),
            0xf0 => (3, 0x90, 0xbf),
            0xf1..=0xf3 => (3, 0x80, 0xbf),
            0xf4 => (3, 0x80, 0x8f),
            _ => return false,
        };
        true
    }

    /// Whether no character is half here.
    pub(super) fn is_whole(&self) -> bool {
        self.needed == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// How many bytes were taken before one did not fit.
    fn taken(bytes: &[u8]) -> (usize, bool) {
        let mut utf8 = Utf8::default();
        let good = bytes.iter().take_while(|byte| utf8.take(**byte)).count();
        (good, utf8.is_whole())
    }

    /// The same from the standard library: `error_len` is none when more bytes could mend it.
    fn expected(bytes: &[u8]) -> (bool, bool) {
        match std::str::from_utf8(bytes) {
            Ok(_) => (true, true),
            Err(error) => (error.error_len().is_none(), false),
        }
    }

    #[test]
    fn agrees_with_the_standard_library_on_every_character_and_every_beginning() {
        for first in 0..=255_u8 {
            for second in 0..=255_u8 {
                for rest in [&[][..], &[0x80], &[0xbf, 0x80], &[0x80, 0x80, 0x41], &[0x41]] {
                    let bytes = [&[first, second], rest].concat();
                    let (good, whole) = taken(&bytes);
                    let (could_go_on, is_text) = expected(&bytes);
                    assert_eq!(good == bytes.len(), could_go_on, "{bytes:x?}");
                    assert_eq!(good == bytes.len() && whole, is_text, "{bytes:x?}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_passes(text in ".*") {
            prop_assert_eq!(taken(text.as_bytes()), (text.len(), true));
        }

        #[test]
        fn any_bytes_fail_where_the_standard_library_says(bytes in prop::collection::vec(0x70_u8.., 0..12)) {
            let (could_go_on, _) = expected(&bytes);
            prop_assert_eq!(taken(&bytes).0 == bytes.len(), could_go_on);
        }
    }
}
