//! The writing side of one connection, shared by the shard that pushes frames and the task that owns the connection.
//!
//! A peer that does not take bytes keeps the rest of one write, shared with everyone else, and nothing more: whoever wants
//! to write looks at [`Outlet::is_idle`] first and otherwise remembers a position.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::{Buf, Bytes};
use socket2::SockRef;
use tokio::net::TcpStream;

use crate::broker::shard::Phrases;
use crate::domain::ids::{ClientId, ProjectId};

/// Replies that may wait for a peer before it is no longer read from: whoever asks without listening has to wait.
pub const REPLY_BYTES_MAX: usize = 256 * 1024;

/// The writing side of one connection.
pub struct Outlet {
    /// The client it belongs to.
    pub client: ClientId,
    stream: TcpStream,
    pending: RefCell<VecDeque<Bytes>>,
    pending_bytes: Cell<usize>,
    waker: RefCell<Option<Waker>>,
    drained: RefCell<Option<Waker>>,
    ending: Cell<Ending>,
    close_code: Cell<u16>,
    close_reason: OnceCell<Box<str>>,
    /// How the shard speaks on this connection, when not like on others.
    pub(crate) phrases: RefCell<Option<Arc<dyn Phrases>>>,
    /// Milliseconds of the shard's clock when the peer was last heard.
    pub(crate) heard_ms: Cell<u64>,
    /// When it was last pinged.
    pub(crate) pinged_ms: Cell<u64>,
    /// When bytes last went out, or when nothing was waiting.
    pub(crate) progress_ms: Cell<u64>,
    /// The rooms this connection reads, with its seat in each.
    pub(crate) seats: RefCell<Vec<(ProjectId, usize)>>,
    /// Its place among the connections of the shard.
    pub(crate) place: Cell<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ending {
    /// Goes on.
    No,
    /// Ends once everything was written.
    AfterFlush,
    /// Ends now.
    Now,
}

impl Outlet {
    /// The writing side of `stream`.
    pub fn new(client: ClientId, stream: TcpStream) -> Self {
        Self {
            client,
            stream,
            pending: RefCell::new(VecDeque::new()),
            pending_bytes: Cell::new(0),
            waker: RefCell::new(None),
            drained: RefCell::new(None),
            ending: Cell::new(Ending::No),
            close_code: Cell::new(1006),
            close_reason: OnceCell::new(),
            phrases: RefCell::new(None),
            heard_ms: Cell::new(0),
            pinged_ms: Cell::new(0),
            progress_ms: Cell::new(0),
            seats: RefCell::new(Vec::new()),
            place: Cell::new(usize::MAX),
        }
    }

    /// The shard speaks on this connection in words of its own.
    pub fn set_phrases(&self, phrases: Arc<dyn Phrases>) {
        *self.phrases.borrow_mut() = Some(phrases);
    }

    /// The stream, for reading.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Whether it reads a room.
    pub fn has_seat(&self) -> bool {
        !self.seats.borrow().is_empty()
    }

    /// Whether everything that was written has gone out.
    pub fn is_idle(&self) -> bool {
        self.pending_bytes.get() == 0 && self.ending.get() == Ending::No
    }

    /// Bytes that wait for the peer.
    pub fn pending_bytes(&self) -> usize {
        self.pending_bytes.get()
    }

    /// Writes now what can be written; what the peer does not take waits. Whole frames only.
    pub fn write(&self, bytes: &Bytes) {
        if self.ending.get() != Ending::No || bytes.is_empty() {
            return;
        }
        let mut taken = 0;
        if self.pending_bytes.get() == 0 {
            // Not through the runtime, which would look up what it knows of the stream: here one write is one of
            // thousands. What waits is flushed through it, and that is when it learns that the peer is not ready.
            match SockRef::from(&self.stream).send(bytes) {
                Ok(count) => taken = count,
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                // The reading side hears of it too; it ends the connection.
                Err(_) => return self.end_now(),
            }
        }
        if taken < bytes.len() {
            self.pending_bytes.set(self.pending_bytes.get() + bytes.len() - taken);
            self.pending.borrow_mut().push_back(bytes.slice(taken..));
            self.wake();
        }
    }

    /// Writes what waits. Ready when nothing waits any more.
    ///
    /// # Errors
    /// When the connection is broken.
    pub fn poll_flush(&self, cx: &mut Context<'_>, now_ms: u64) -> Poll<io::Result<()>> {
        let mut pending = self.pending.borrow_mut();
        while let Some(front) = pending.front_mut() {
            match self.stream.try_write(front) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(count) => {
                    self.pending_bytes.set(self.pending_bytes.get() - count);
                    self.progress_ms.set(now_ms);
                    if count == front.len() {
                        pending.pop_front();
                    } else {
                        front.advance(count);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    match self.stream.poll_write_ready(cx) {
                        Poll::Ready(Ok(())) => continue,
                        Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                        Poll::Pending => return Poll::Pending,
                    }
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        // A burst may have left room behind; an idle connection keeps none.
        if pending.capacity() > 0 {
            *pending = VecDeque::new();
        }
        self.progress_ms.set(now_ms);
        Poll::Ready(Ok(()))
    }

    /// Ends the connection once everything was written. `code` is what the peer is told.
    pub fn end_after_flush(&self, code: u16) {
        if self.ending.get() == Ending::No {
            self.close_code.set(code);
            self.ending.set(Ending::AfterFlush);
        }
        self.wake();
    }

    /// Ends the connection without waiting for the peer.
    pub fn end_now(&self) {
        self.ending.set(Ending::Now);
        self.wake();
    }

    /// Whether the connection is to end once everything was written.
    pub fn is_ending(&self) -> bool {
        self.ending.get() != Ending::No
    }

    /// Whether the connection is to end at once.
    pub fn is_over(&self) -> bool {
        self.ending.get() == Ending::Now
    }

    /// Why it ended, as a WebSocket close code; 1006 when nothing was said.
    pub fn close_code(&self) -> u16 {
        self.close_code.get()
    }

    /// Remembers why it ends.
    pub fn set_close_code(&self, code: u16) {
        self.close_code.set(code);
    }

    /// Why it ends, in words; the first who says so is right.
    pub fn give_reason(&self, reason: &str) {
        if !reason.is_empty() {
            self.close_reason.get_or_init(|| reason.into());
        }
    }

    /// Why it ended, in words; empty when nobody said.
    pub fn close_reason(&self) -> String {
        self.close_reason.get().map(|reason| reason.to_string()).unwrap_or_default()
    }

    /// The task that owns the connection waits for something to flush.
    pub fn register(&self, waker: &Waker) {
        let mut slot = self.waker.borrow_mut();
        if !slot.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *slot = Some(waker.clone());
        }
    }

    /// Somebody waits until everything that was written has gone out.
    pub fn wake_when_drained(&self, waker: &Waker) {
        *self.drained.borrow_mut() = Some(waker.clone());
    }

    /// Everything that was written has gone out, or never will.
    pub(crate) fn say_drained(&self) {
        if let Some(waker) = self.drained.borrow_mut().take() {
            waker.wake();
        }
    }

    /// Wakes the task that owns the connection.
    pub fn wake(&self) {
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }
}
