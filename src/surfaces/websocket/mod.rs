//! WebSocket connections of every surface: taken over from HTTP, one actor each.
//!
//! `upgrade` answers the handshake and takes the stream; `connection` is the one task of a connection, which pumps what
//! the actor says and flushes what waits; `socket` is the actor; `incoming` is what it hears. A surface brings a
//! [`Session`]: what to do with a message. Fan-out frames do not come through here, the shard writes them itself.

mod assembly;
mod connection;
pub mod frame;
mod guard;
mod incoming;
pub(in crate::surfaces) mod manners;
pub(in crate::surfaces) mod pace;
pub(in crate::surfaces) mod refusal;
mod socket;
pub mod upgrade;
mod utf8;

use std::rc::Rc;

use bytes::Bytes;

pub use self::assembly::MessageLimits;
pub use self::socket::{Socket, SocketContext};
use crate::broker::outlet::Outlet;
use crate::broker::shard::LocalShard;

/// What a surface does with the messages of one connection.
pub trait Session: Sized + Unpin + 'static {
    /// The connection is open.
    fn opened(&mut self, peer: &Peer, ctx: &mut SocketContext<Self>);
    /// A text message came.
    fn text(&mut self, text: &str, peer: &Peer, ctx: &mut SocketContext<Self>);
    /// A binary message came.
    fn binary(&mut self, bytes: Bytes, peer: &Peer, ctx: &mut SocketContext<Self>);
}

/// The other end of a connection, as its session sees it.
#[derive(Clone)]
pub struct Peer {
    /// The shard it lives on.
    pub shard: LocalShard,
    /// Where its bytes go.
    pub outlet: Rc<Outlet>,
}

impl Peer {
    /// Sends a text message.
    pub fn send_text(&self, text: &str) {
        self.outlet.write(&frame::text(text));
    }

    /// Sends a binary message.
    pub fn send_binary(&self, bytes: &[u8]) {
        self.outlet.write(&frame::binary(bytes));
    }

    /// Says goodbye with a close code; the connection ends once that was written.
    pub fn close(&self, code: u16, reason: &str) {
        self.outlet.give_reason(reason);
        self.outlet.write(&frame::close(code, reason));
        self.outlet.end_after_flush(code);
    }
}
