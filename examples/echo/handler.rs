//! Says everything back, over the sockets of the product.

use std::pin::Pin;

use bytes::Bytes;
use callboard::broker::shard::LocalShard;
use callboard::surfaces::websocket::upgrade::Incoming;
use callboard::surfaces::websocket::{MessageLimits, Peer, Session, SocketContext};

/// As much as the suites of the field send.
pub(crate) const LIMITS: MessageLimits = MessageLimits { bytes: 16 * 1024 * 1024, fragments: 65_536 };

struct Echo;

impl Session for Echo {
    fn opened(&mut self, _: &Peer, _: &mut SocketContext<Self>) {}

    fn text(&mut self, text: &str, peer: &Peer, _: &mut SocketContext<Self>) {
        peer.send_text(text);
    }

    fn binary(&mut self, bytes: Bytes, peer: &Peer, _: &mut SocketContext<Self>) {
        peer.send_binary(&bytes);
    }
}

/// Takes an upgrade, whatever its path.
pub(crate) fn enter(shard: LocalShard, incoming: Incoming) -> Pin<Box<dyn Future<Output = ()>>> {
    Box::pin(async move {
        if let Err((status, detail)) = incoming.check() {
            let reason = status.canonical_reason().unwrap_or("");
            return incoming.refuse(status.as_u16(), reason, &[], &detail).await;
        }
        let done = match incoming.accept().await {
            Ok(upgraded) => upgraded.start(&shard, None, LIMITS, |_| Echo),
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            eprintln!("a connection was lost in its handshake: {error}");
        }
    })
}
