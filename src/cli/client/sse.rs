//! Server-sent events, read as a browser reads them.

use bytes::{Buf, BytesMut};

/// One event of a stream.
#[derive(Debug, Default, PartialEq)]
pub(in crate::cli) struct SseEvent {
    /// Its name; empty for an unnamed one.
    pub(in crate::cli) name: String,
    /// Its id.
    pub(in crate::cli) id: String,
    /// Its data.
    pub(in crate::cli) data: String,
    /// What comments around it said.
    pub(in crate::cli) comment: String,
}

/// Takes the next event out of what was read: everything up to an empty line.
pub(in crate::cli) fn take_event(buffer: &mut BytesMut) -> Option<SseEvent> {
    let end = buffer.windows(2).position(|pair| pair == b"\n\n")?;
    let block = buffer.split_to(end);
    buffer.advance(2);
    let text = String::from_utf8_lossy(&block);
    let mut event = SseEvent::default();
    for line in text.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" => event.comment.push_str(value),
            "event" => event.name = value.to_owned(),
            "id" => event.id = value.to_owned(),
            "data" => {
                if !event.data.is_empty() {
                    event.data.push('\n');
                }
                event.data.push_str(value);
            }
            _ => {}
        }
    }
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_end_with_an_empty_line() {
        let mut buffer =
            BytesMut::from("retry: 5\nevent: state\nid: 1-2\ndata: a: b\n\n: here\n\ndata: c\nda");
        let first = take_event(&mut buffer).unwrap();
        assert_eq!((&first.name[..], &first.id[..], &first.data[..]), ("state", "1-2", "a: b"));
        assert_eq!(take_event(&mut buffer).unwrap().comment, "here");
        assert_eq!(take_event(&mut buffer), None);
        buffer.extend_from_slice(b"ta:d\n\n");
        assert_eq!(take_event(&mut buffer).unwrap().data, "c\nd");
    }
}
