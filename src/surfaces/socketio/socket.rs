//! A WebSocket of a session: it opens one, or tries to take one over that was polled so far.

use std::sync::atomic::Ordering;
use std::time::Duration;

use actix::fut::wrap_future;
use actix::prelude::*;
use bytes::Bytes;

use crate::broker::shard::LocalShard;
use crate::surfaces::socketio::door::phrases;
use crate::surfaces::socketio::engine::session::SocketId;
use crate::surfaces::socketio::hub::Hub;
use crate::surfaces::socketio::link::{Link, Opener};
use crate::surfaces::websocket::pace::Verdict;
use crate::surfaces::websocket::{Peer, Session, Socket, SocketContext};

/// Close code: the session cannot be taken over, or none can be opened; polling goes on or begins anew.
const CLOSE_TRY_AGAIN: u16 = 1013;

/// What a WebSocket is for.
pub(super) enum Role {
    /// It opens a session.
    Direct(Opener),
    /// It takes over the session of this name.
    Probe(String),
}

/// A WebSocket of a session.
pub(super) struct EngineSocket {
    hub: Option<Hub>,
    id: SocketId,
    role: Role,
    link: Option<Link>,
    shard: Option<LocalShard>,
}

impl EngineSocket {
    pub(super) fn new(hub: Option<Hub>, id: SocketId, role: Role) -> Self {
        Self { hub, id, role, link: None, shard: None }
    }

    /// Listens again later to whoever speaks too fast: what they send stays with them until then.
    fn slow_down(verdict: Verdict, ctx: &mut SocketContext<Self>) {
        if let Verdict::Wait(ms) = verdict {
            let pause = tokio::time::sleep(Duration::from_millis(ms));
            ctx.wait(wrap_future::<_, Socket<Self>>(pause).map(|(), _, _| ()));
        }
    }

    fn done(&self) {
        if let (Some(hub), Some(link)) = (&self.hub, &self.link) {
            hub.forget_if_gone(link);
        }
    }
}

impl Session for EngineSocket {
    fn opened(&mut self, peer: &Peer, _: &mut SocketContext<Self>) {
        peer.outlet.set_phrases(phrases());
        peer.shard.counters().socketio_sockets.fetch_add(1, Ordering::Relaxed);
        self.shard = Some(peer.shard.clone());
        let Some(hub) = &self.hub else { return peer.close(CLOSE_TRY_AGAIN, "the server goes down") };
        match &self.role {
            Role::Direct(opener) => match hub.open_socket(opener.clone(), self.id, peer.clone()) {
                Ok((link, handshake)) => {
                    peer.send_text(&format!("0{handshake}"));
                    self.link = Some(link);
                }
                Err(_) => peer.close(CLOSE_TRY_AGAIN, "there are as many sessions as there may be"),
            },
            Role::Probe(sid) => match hub.probe(sid, self.id, peer.clone()) {
                Some(link) => self.link = Some(link),
                None => peer.close(CLOSE_TRY_AGAIN, "this session cannot be taken over"),
            },
        }
    }

    fn text(&mut self, text: &str, _: &Peer, ctx: &mut SocketContext<Self>) {
        if let Some(link) = &self.link {
            Self::slow_down(link.text(self.id, text), ctx);
            self.done();
        }
    }

    fn binary(&mut self, bytes: Bytes, _: &Peer, ctx: &mut SocketContext<Self>) {
        if let Some(link) = &self.link {
            Self::slow_down(link.binary(self.id, bytes), ctx);
            self.done();
        }
    }
}

impl Drop for EngineSocket {
    fn drop(&mut self) {
        if let Some(shard) = &self.shard {
            shard.counters().socketio_sockets.fetch_sub(1, Ordering::Relaxed);
        }
        if let Some(link) = self.link.take() {
            link.socket_gone(self.id);
            if let Some(hub) = &self.hub {
                hub.forget_if_gone(&link);
            }
        }
    }
}
