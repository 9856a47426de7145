//! Sockets that listen and do next to nothing else: whole frames are counted where they lie, and of an event only the
//! stamp of its publisher is read. All of them live on one thread and share one buffer.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Instant;

use anyhow::Context;
use futures_util::StreamExt;
use futures_util::stream;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::cli::bench::histogram::Histogram;
use crate::cli::client::Target;
use crate::cli::client::http::Wire;
use crate::cli::client::socket::{self, CLOSE, PING, PONG, TEXT, client_frame, measure};
use crate::domain::ids::ProjectId;

/// Bytes read at once.
const READ_BYTES: usize = 256 * 1024;
/// Sockets that are opened at the same time.
const OPENING: usize = 64;
/// How an event of ours begins on the wire, up to its stamp.
const PREFIX: &[u8] = br#"{"type":"event","name":"bench","data":""#;
/// When it was published in µs, its number, its publisher.
const STAMP_DIGITS: [usize; 3] = [16, 10, 4];
/// Length of a stamp.
pub(super) const STAMP_BYTES: usize = 30;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// What all listeners have heard.
pub(super) struct Ears {
    began: Instant,
    /// Events that came.
    pub(super) received: Cell<u64>,
    /// From just before a publication to its reception.
    pub(super) latency: RefCell<Histogram>,
    /// Of each event in flight, by its number, how often it has still to come.
    awaited: RefCell<Vec<u32>>,
    /// One bell for each publisher.
    pub(super) bells: Vec<Notify>,
    /// Listeners that lost their connection.
    pub(super) lost: Cell<u64>,
}

/// The text of a stamp.
pub(super) fn stamp(at_us: u64, number: u64, publisher: usize) -> String {
    format!("{at_us:016}{number:010}{publisher:04}")
}

impl Ears {
    /// Nothing was heard yet.
    pub(super) fn new(publishers: usize) -> Rc<Ears> {
        Rc::new(Ears {
            began: Instant::now(),
            received: Cell::new(0),
            latency: RefCell::default(),
            awaited: RefCell::default(),
            bells: (0..publishers).map(|_| Notify::new()).collect(),
            lost: Cell::new(0),
        })
    }

    /// Microseconds since the beginning.
    pub(super) fn now_us(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Another event is coming, to so many listeners; answers its number.
    pub(super) fn expect(&self, listeners: u32) -> u64 {
        let mut awaited = self.awaited.borrow_mut();
        awaited.push(listeners);
        awaited.len() as u64 - 1
    }

    /// Whether everybody has heard an event.
    pub(super) fn all_heard(&self, number: u64) -> bool {
        self.awaited.borrow()[number as usize] == 0
    }

    /// Forgets the figures, not the events that are coming.
    pub(super) fn reset(&self) {
        self.received.set(0);
        *self.latency.borrow_mut() = Histogram::default();
    }

    fn hear(&self, payload: &[u8], now_us: u64) {
        let Some([at_us, number, publisher]) = read_stamp(payload) else { return };
        self.received.set(self.received.get() + 1);
        self.latency.borrow_mut().record(now_us.saturating_sub(at_us));
        if let Some(left) = self.awaited.borrow_mut().get_mut(number as usize) {
            *left = left.saturating_sub(1);
            if *left == 0
                && let Some(bell) = self.bells.get(publisher as usize)
            {
                bell.notify_one();
            }
        }
    }
}

fn read_stamp(payload: &[u8]) -> Option<[u64; 3]> {
    let mut rest = payload.strip_prefix(PREFIX)?;
    let mut numbers = [0; 3];
    for (number, digits) in numbers.iter_mut().zip(STAMP_DIGITS) {
        let (text, after) = rest.split_at_checked(digits)?;
        for digit in text {
            *number = *number * 10 + u64::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
        }
        rest = after;
    }
    Some(numbers)
}

/// Finds frames in a stream that is cut anywhere.
#[derive(Debug, Default)]
struct Scanner {
    partial: Vec<u8>,
}

impl Scanner {
    fn feed(&mut self, bytes: &[u8], mut frame: impl FnMut(u8, &[u8])) -> io::Result<()> {
        let joined;
        let mut rest = if self.partial.is_empty() {
            bytes
        } else {
            let mut whole = std::mem::take(&mut self.partial);
            whole.extend_from_slice(bytes);
            joined = whole;
            &joined
        };
        while let Some((header, length)) = measure(rest)? {
            let Some(payload) = rest.get(header..header + length) else { break };
            frame(rest[0] & 0x0f, payload);
            rest = &rest[header + length..];
        }
        if !rest.is_empty() {
            self.partial = rest.to_vec();
        }
        Ok(())
    }
}

/// Opens so many sockets in a room and leaves each to a task that listens.
///
/// # Errors
/// When one cannot be opened.
pub(super) async fn listen(
    target: &Target,
    rooms: &[ProjectId],
    each: usize,
    ears: &Rc<Ears>,
) -> anyhow::Result<Listeners> {
    let places = (0..each).flat_map(|_| rooms.iter().copied());
    let opening = places.map(|room| async move {
        let mut wire = socket::open(target, &format!("/api/ws/projects/{room}"), None).await?;
        // The first message: whoever has it hears everything from there on.
        while socket::take_frame(&mut wire.buffer)?.is_none() {
            wire.fill().await?;
        }
        Ok::<_, io::Error>(wire)
    });
    let mut opened = stream::iter(opening).buffer_unordered(OPENING);
    let mut listeners = Listeners(Vec::new());
    while let Some(wire) = opened.next().await {
        let wire = wire.context("a socket cannot be opened")?;
        let ears = ears.clone();
        listeners.0.push(actix_rt::spawn(async move {
            if follow(wire, &ears).await.is_err() {
                ears.lost.set(ears.lost.get() + 1);
            }
        }));
    }
    Ok(listeners)
}

async fn follow(wire: Wire, ears: &Ears) -> io::Result<()> {
    let Wire { stream, buffer } = wire;
    let mut scanner = Scanner::default();
    // What came right behind the first message.
    take(&stream, &mut scanner, &buffer, ears)?;
    drop(buffer);
    loop {
        stream.readable().await?;
        BUFFER.with_borrow_mut(|buffer| match stream.try_read(buffer) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => take(&stream, &mut scanner, &buffer[..count], ears),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        })?;
    }
}

fn take(stream: &TcpStream, scanner: &mut Scanner, bytes: &[u8], ears: &Ears) -> io::Result<()> {
    let now_us = ears.now_us();
    let (mut pinged, mut closed) = (false, false);
    scanner.feed(bytes, |opcode, payload| match opcode {
        TEXT => ears.hear(payload, now_us),
        PING => pinged = true,
        CLOSE => closed = true,
        _ => {}
    })?;
    if pinged {
        // A few bytes on an idle connection: they fit.
        stream.try_write(&client_frame(PONG, &[]))?;
    }
    if closed { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
}

/// Sockets that listen; dropped, they are closed.
pub(super) struct Listeners(Vec<JoinHandle<()>>);

impl Drop for Listeners {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surfaces::websocket::frame;

    fn event(stamp: &str, padding: usize) -> String {
        let event = crate::domain::event::EventBody::Event(crate::domain::event::Custom {
            name: "bench".into(),
            data: format!("{stamp}{}", "x".repeat(padding)).into(),
        });
        serde_json::to_string(&event).unwrap()
    }

    #[test]
    fn stamps_read_back_from_the_wire() {
        let text = stamp(1_234_567, 89, 15);
        assert_eq!(text.len(), STAMP_BYTES);
        assert_eq!(read_stamp(event(&text, 9).as_bytes()), Some([1_234_567, 89, 15]));
        for other in [r#"{"type":"presence"}"#.to_owned(), event("12", 40), event("", 0)] {
            assert_eq!(read_stamp(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn frames_are_counted_however_the_stream_is_cut() {
        let ears = Ears::new(1);
        let number = ears.expect(40);
        let texts: Vec<u8> =
            (0..40).flat_map(|n| frame::text(&event(&stamp(0, number, 0), n * 17)).to_vec()).collect();
        for cut in [1, 7, 333, texts.len()] {
            ears.reset();
            let mut scanner = Scanner::default();
            for piece in texts.chunks(cut) {
                scanner.feed(piece, |_, payload| ears.hear(payload, 5)).unwrap();
            }
            assert_eq!(ears.received.get(), 40, "cut at {cut}");
        }
        assert!(ears.all_heard(number));
    }
}
