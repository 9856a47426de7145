//! Joins fragments to messages within limits, and checks text as it arrives (RFC 6455 sections 5.4 and 8.1).

use actix_http::ws::Item;
use bytes::{Bytes, BytesMut};

/// What a message may be.
#[derive(Clone, Copy, Debug)]
pub struct MessageLimits {
    /// Bytes of a frame, and of a message.
    pub bytes: usize,
    /// Fragments of a message.
    pub fragments: usize,
}

/// A whole message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Whole {
    /// Text; it is valid UTF-8.
    Text(String),
    /// Bytes.
    Binary(Bytes),
}

/// Why a message was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Too many bytes or fragments: 1009.
    TooBig,
    /// Not UTF-8: 1007.
    NotUtf8,
}

/// The message that is being put together.
#[derive(Debug, Default)]
pub(super) struct Assembly(Option<Box<Parts>>);

#[derive(Debug)]
struct Parts {
    text: bool,
    bytes: BytesMut,
    fragments: usize,
    /// Bytes at the front that are known to be whole characters.
    checked: usize,
}

impl Assembly {
    /// Takes a fragment; answers the message when it was the last.
    ///
    /// # Errors
    /// When a limit is passed, or text is not UTF-8: as soon as no continuation could mend it.
    pub(super) fn take(&mut self, item: Item, limits: MessageLimits) -> Result<Option<Whole>, Refused> {
        let (bytes, last) = match item {
            Item::FirstText(bytes) => {
                self.begin(true);
                (bytes, false)
            }
            Item::FirstBinary(bytes) => {
                self.begin(false);
                (bytes, false)
            }
            Item::Continue(bytes) => (bytes, false),
            Item::Last(bytes) => (bytes, true),
        };
        // The codec lets no continuation pass that continues nothing.
        let Some(parts) = &mut self.0 else { return Ok(None) };
        parts.fragments += 1;
        if parts.fragments > limits.fragments || parts.bytes.len() + bytes.len() > limits.bytes {
            return Err(Refused::TooBig);
        }
        parts.bytes.extend_from_slice(&bytes);
        if parts.text {
            parts.check(last)?;
        }
        if !last {
            return Ok(None);
        }
        let Some(parts) = self.0.take() else { return Ok(None) };
        let bytes = parts.bytes.freeze();
        Ok(Some(match parts.text {
            true => Whole::Text(String::from_utf8(bytes.into()).map_err(|_| Refused::NotUtf8)?),
            false => Whole::Binary(bytes),
        }))
    }

    fn begin(&mut self, text: bool) {
        self.0 = Some(Box::new(Parts { text, bytes: BytesMut::new(), fragments: 0, checked: 0 }));
    }
}

impl Parts {
    fn check(&mut self, last: bool) -> Result<(), Refused> {
        match std::str::from_utf8(&self.bytes[self.checked..]) {
            Ok(_) => self.checked = self.bytes.len(),
            Err(error) if error.error_len().is_none() && !last => self.checked += error.valid_up_to(),
            Err(_) => return Err(Refused::NotUtf8),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: MessageLimits = MessageLimits { bytes: 16, fragments: 4 };

    fn take(items: Vec<Item>) -> Result<Option<Whole>, Refused> {
        let mut assembly = Assembly::default();
        let mut answer = Ok(None);
        for item in items {
            answer = assembly.take(item, LIMITS);
            if answer.is_err() {
                break;
            }
        }
        answer
    }

    fn part(bytes: &[u8]) -> Bytes {
        Bytes::copy_from_slice(bytes)
    }

    #[test]
    fn joins_fragments_also_inside_a_character() {
        let text = "añ€".as_bytes();
        for cut in 0..=text.len() {
            let whole = take(vec![Item::FirstText(part(&text[..cut])), Item::Last(part(&text[cut..]))]);
            assert_eq!(whole, Ok(Some(Whole::Text("añ€".into()))), "cut at {cut}");
        }
    }

    #[test]
    fn refuses_bad_text_before_the_message_ends() {
        assert_eq!(take(vec![Item::FirstText(part(&[b'a', 0xff]))]), Err(Refused::NotUtf8));
        assert_eq!(take(vec![Item::FirstText(part(&[0xe2])), Item::Last(part(&[]))]), Err(Refused::NotUtf8));
        assert_eq!(
            take(vec![Item::FirstBinary(part(&[0xff])), Item::Last(part(&[]))]),
            Ok(Some(Whole::Binary(part(&[0xff]))))
        );
    }

    #[test]
    fn keeps_to_bytes_and_fragments() {
        assert_eq!(
            take(vec![Item::FirstBinary(part(&[0; 10])), Item::Continue(part(&[0; 7]))]),
            Err(Refused::TooBig)
        );
        let many = std::iter::once(Item::FirstBinary(Bytes::new()))
            .chain((0..4).map(|_| Item::Continue(Bytes::new())))
            .collect();
        assert_eq!(take(many), Err(Refused::TooBig));
    }
}
