//! A connection of which something was read already.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::auth::limits::Place;

/// The stream, and in front of it what the front has read and left.
#[derive(Debug)]
pub struct Fronted {
    stream: TcpStream,
    read: Bytes,
    /// Its place among the connections of its address, when it is counted.
    place: Option<Place>,
}

impl Fronted {
    pub(super) fn new(stream: TcpStream, read: Bytes) -> Self {
        Self { stream, read, place: None }
    }

    /// The same, which holds a place among the connections of its address.
    pub fn with_place(self, place: Option<Place>) -> Self {
        Self { place, ..self }
    }

    /// The stream, what was read of it and not taken, and its place.
    pub fn into_parts(self) -> (TcpStream, Bytes, Option<Place>) {
        (self.stream, self.read, self.place)
    }
}

impl From<TcpStream> for Fronted {
    /// A connection of which nothing was read yet.
    fn from(stream: TcpStream) -> Self {
        Self::new(stream, Bytes::new())
    }
}

impl AsyncRead for Fronted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let count = self.read.len().min(buffer.remaining());
        buffer.put_slice(&self.read[..count]);
        self.read.advance(count);
        if self.read.is_empty() {
            // A small rest would keep the whole buffer.
            self.read = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Fronted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
