//! The bytes a connection hears, read when the actor is ready for them and never further ahead than one frame.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_http::error::PayloadError;
use bytes::{Bytes, BytesMut};
use futures_util::Stream;

use crate::broker::outlet::{Outlet, REPLY_BYTES_MAX};
use crate::broker::shard::LocalShard;
use crate::surfaces::websocket::guard::{Guard, Stop};

/// Bytes read at once.
const READ_BYTES: usize = 16 * 1024;

/// What the stream and the actor know of each other.
#[derive(Default)]
pub(super) struct Pace {
    /// Frames the actor has handled.
    pub(super) handled: Cell<u64>,
    /// What the guard has refused, and how many frames had passed before it.
    pub(super) stopped: Cell<Option<(Stop, u64)>>,
}

/// The stream.
pub(super) struct Incoming {
    shard: LocalShard,
    outlet: Rc<Outlet>,
    pace: Rc<Pace>,
    guard: Guard,
    /// What HTTP had read beyond the request.
    first: Option<Bytes>,
}

impl Incoming {
    pub(super) fn new(
        shard: LocalShard,
        outlet: Rc<Outlet>,
        pace: Rc<Pace>,
        frame_bytes_max: usize,
        first: Bytes,
    ) -> Self {
        let first = (!first.is_empty()).then_some(first);
        Self { shard, outlet, pace, guard: Guard::new(frame_bytes_max), first }
    }

    fn read(&self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        loop {
            let mut buffer = [0; READ_BYTES];
            match self.outlet.stream().try_read(&mut buffer) {
                Ok(count) => return Poll::Ready(Ok(BytesMut::from(&buffer[..count]).freeze())),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    match self.outlet.stream().poll_read_ready(cx) {
                        Poll::Ready(Ok(())) => continue,
                        Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                        Poll::Pending => return Poll::Pending,
                    }
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl Stream for Incoming {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // Frames that are here already are handled first, and whoever does not listen to answers is not read from:
        // the connection's task polls again after both.
        if self.guard.frames() > self.pace.handled.get() || self.outlet.pending_bytes() > REPLY_BYTES_MAX {
            return Poll::Pending;
        }
        if self.pace.stopped.get().is_some() {
            return Poll::Ready(Some(Err(PayloadError::Overflow)));
        }
        let bytes = match self.first.take() {
            Some(first) => first,
            None => match self.read(cx) {
                Poll::Ready(Ok(bytes)) => bytes,
                Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(PayloadError::Io(error)))),
                Poll::Pending => return Poll::Pending,
            },
        };
        if bytes.is_empty() {
            return Poll::Ready(None);
        }
        self.shard.heard(&self.outlet);
        if let Err(stop) = self.guard.look(&bytes) {
            self.pace.stopped.set(Some((stop, self.guard.frames())));
            if self.guard.frames() <= self.pace.handled.get() {
                return Poll::Ready(Some(Err(PayloadError::Overflow)));
            }
            // What came whole before the bad frame is still handled.
        }
        Poll::Ready(Some(Ok(bytes)))
    }
}
