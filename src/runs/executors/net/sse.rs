//! Server-sent events out of bytes, however they were cut on the way.

/// Bytes of one event; more is no answer of a model or a worker.
const EVENT_BYTES_MAX: usize = 4 << 20;

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::runs::executors) struct SseEvent {
    /// Its name; empty when none was given.
    pub(in crate::runs::executors) event: String,
    /// Its data; of several data lines each one a line.
    pub(in crate::runs::executors) data: String,
}

/// What came and is no whole event yet.
#[derive(Debug, Default)]
pub(in crate::runs::executors) struct SseParser {
    line: Vec<u8>,
    returned: bool,
    begun: bool,
    event: String,
    data: Option<String>,
    bytes: usize,
}

/// An event is larger than any may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::runs::executors) struct TooLarge;

impl SseParser {
    /// Takes bytes; hands out every event that is whole.
    pub(in crate::runs::executors) fn feed(&mut self, bytes: &[u8]) -> Result<Vec<SseEvent>, TooLarge> {
        let mut events = Vec::new();
        for &byte in bytes {
            // CR, LF and CR LF all end a line.
            if std::mem::take(&mut self.returned) && byte == b'\n' {
                continue;
            }
            match byte {
                b'\n' | b'\r' => {
                    self.returned = byte == b'\r';
                    let line = std::mem::take(&mut self.line);
                    events.extend(self.take_line(&line));
                }
                _ => {
                    self.bytes += 1;
                    if self.bytes > EVENT_BYTES_MAX {
                        return Err(TooLarge);
                    }
                    self.line.push(byte);
                }
            }
        }
        Ok(events)
    }

    fn take_line(&mut self, line: &[u8]) -> Option<SseEvent> {
        let text = String::from_utf8_lossy(line);
        // A byte order mark may stand before everything.
        let text = if std::mem::replace(&mut self.begun, true) {
            &text
        } else {
            text.strip_prefix('\u{feff}').unwrap_or(&text)
        };
        if text.is_empty() {
            self.bytes = 0;
            let event = std::mem::take(&mut self.event);
            return self.data.take().map(|data| SseEvent { event, data });
        }
        let (field, value) = text.split_once(':').unwrap_or((text, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => self.event = value.to_owned(),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            // Comments, ids and pauses concern nobody here.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(pieces: &[&[u8]]) -> Vec<(String, String)> {
        let mut parser = SseParser::default();
        let events = pieces.iter().flat_map(|piece| parser.feed(piece).unwrap());
        events.map(|event| (event.event, event.data)).collect()
    }

    #[test]
    fn events_are_read_as_the_standard_says() {
        for (text, expected) in [
            ("data: a\n\ndata:b\n\n", &[("", "a"), ("", "b")][..]),
            ("\u{feff}data: a\r\n\r\ndata: b\r\rdata: c\n\n", &[("", "a"), ("", "b"), ("", "c")]),
            (": comment\nevent: error\nid: 7\nretry: 5\ndata: one\ndata: two\n\n", &[("error", "one\ntwo")]),
            ("event: alone\n\ndata\n\n", &[("", "")]),
            ("data:  two spaces\n\n\n\n", &[("", " two spaces")]),
            ("data: never ended", &[]),
        ] {
            let expected: Vec<(String, String)> =
                expected.iter().map(|(event, data)| ((*event).to_owned(), (*data).to_owned())).collect();
            assert_eq!(parse(&[text.as_bytes()]), expected, "{text:?}");
        }
    }

    #[test]
    fn an_event_without_end_is_refused() {
        let mut parser = SseParser::default();
        let piece = vec![b'x'; 1 << 20];
        let refused = (0..5).find_map(|_| parser.feed(&piece).err());
        assert_eq!(refused, Some(TooLarge));
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(at in 0usize..40) {
            let bytes = "data: wörld 🌍\r\ndata: b\r\n\r\ndata: c\n\n".as_bytes();
            let at = at.min(bytes.len());
            prop_assert_eq!(parse(&[&bytes[..at], &bytes[at..]]), parse(&[bytes]));
        }
    }
}
