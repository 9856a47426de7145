//! The actor of one connection, and the only place that knows `actix-web-actors`: upstream has deprecated it.

use std::io;
use std::rc::Rc;

use actix::prelude::*;
use actix_http::ws::{CloseCode, CloseReason, Codec, Message, ProtocolError};
use actix_web_actors::ws::WebsocketContext;
use bytes::Bytes;
use futures_util::Stream as BytesStream;

use crate::surfaces::websocket::assembly::{Assembly, MessageLimits, Refused, Whole};
use crate::surfaces::websocket::guard::Stop;
use crate::surfaces::websocket::incoming::{Incoming, Pace};
use crate::surfaces::websocket::{Peer, Session, frame};

/// What a session's asynchronous work runs in.
pub type SocketContext<S> = WebsocketContext<Socket<S>>;

/// The actor.
pub struct Socket<S: Session> {
    session: S,
    peer: Peer,
    limits: MessageLimits,
    assembly: Assembly,
    pace: Rc<Pace>,
}

impl<S: Session> Socket<S> {
    /// Starts the actor; what it says comes out of the stream. The stream ends when the actor does.
    pub(super) fn start(
        session: S,
        peer: Peer,
        limits: MessageLimits,
        first: Bytes,
    ) -> impl BytesStream<Item = Result<Bytes, actix_web::Error>> {
        let pace = Rc::new(Pace::default());
        let incoming =
            Incoming::new(peer.shard.clone(), peer.outlet.clone(), pace.clone(), limits.bytes, first);
        let socket = Socket { session, peer, limits, assembly: Assembly::default(), pace };
        WebsocketContext::with_codec(socket, incoming, Codec::new().max_size(limits.bytes))
    }

    /// The session and its peer, for work that comes back to them.
    pub fn parts(&mut self) -> (&mut S, &Peer) {
        (&mut self.session, &self.peer)
    }

    /// What the peer is told when the guard has refused the very frame that failed here.
    fn refused(&self) -> Option<(u16, String)> {
        let (stop, before) = self.pace.stopped.get()?;
        (self.pace.handled.get() > before).then(|| match stop {
            Stop::TooLong { limit, .. } => (1009, format!("a message may have at most {limit} bytes")),
            Stop::NotUtf8 => (1007, stop.to_string()),
        })
    }

    fn end(&mut self, code: u16, reason: &str, ctx: &mut WebsocketContext<Self>) {
        self.peer.outlet.set_close_code(code);
        self.peer.outlet.give_reason(reason);
        ctx.close(Some(CloseReason { code: CloseCode::from(code), description: Some(reason.to_owned()) }));
        ctx.stop();
    }

    fn whole(&mut self, message: Whole, ctx: &mut WebsocketContext<Self>) {
        match message {
            Whole::Text(text) => self.session.text(&text, &self.peer, ctx),
            Whole::Binary(bytes) => self.session.binary(bytes, &self.peer, ctx),
        }
    }
}

impl<S: Session> Actor for Socket<S> {
    type Context = WebsocketContext<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.session.opened(&self.peer, ctx);
    }
}

impl<S: Session> StreamHandler<Result<Message, ProtocolError>> for Socket<S> {
    fn handle(&mut self, message: Result<Message, ProtocolError>, ctx: &mut Self::Context) {
        self.pace.handled.set(self.pace.handled.get() + 1);
        if self.peer.outlet.is_ending() {
            return;
        }
        match message {
            Ok(Message::Text(text)) => self.session.text(&text, &self.peer, ctx),
            Ok(Message::Binary(bytes)) => self.session.binary(bytes, &self.peer, ctx),
            Ok(Message::Continuation(item)) => match self.assembly.take(item, self.limits) {
                Ok(Some(message)) => self.whole(message, ctx),
                Ok(None) => {}
                Err(Refused::TooBig) => self.end(1009, "the message is too big", ctx),
                Err(Refused::NotUtf8) => self.end(1007, "text must be UTF-8", ctx),
            },
            // Straight out, as sessions answer: what is answered first leaves first.
            Ok(Message::Ping(payload)) => self.peer.outlet.write(&frame::pong(&payload)),
            Ok(Message::Pong(_) | Message::Nop) => {}
            Ok(Message::Close(reason)) => {
                // Answered with the same code (RFC 6455 section 5.5.1).
                let code = reason.as_ref().map_or(1005, |reason| reason.code.into());
                self.peer.outlet.set_close_code(code);
                if let Some(said) = reason.as_ref().and_then(|reason| reason.description.as_deref()) {
                    let said: String = said.chars().take(123).collect();
                    self.peer.outlet.give_reason(&format!("the client said: {said}"));
                }
                ctx.close(reason.map(|reason| CloseReason { code: reason.code, description: None }));
                ctx.stop();
            }
            Err(error) => match self.refused().or_else(|| close_code(&error)) {
                Some((code, reason)) => self.end(code, &reason, ctx),
                // The connection is broken; there is nobody to tell.
                None => {
                    self.peer.outlet.end_now();
                    ctx.stop();
                }
            },
        }
    }

    fn finished(&mut self, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

/// What the peer is told about an error of the codec; none when the connection itself failed.
fn close_code(error: &ProtocolError) -> Option<(u16, String)> {
    let (code, reason) = match error {
        ProtocolError::Overflow => (1009, "the message is too big"),
        // The codec reports reserved bits, bad close codes and bad text as errors of the stream.
        ProtocolError::Io(inner) => match inner.kind() {
            io::ErrorKind::InvalidData => (1002, "not a frame of the WebSocket protocol"),
            io::ErrorKind::Other if inner.to_string().contains("utf-8") => (1007, "text must be UTF-8"),
            _ => return None,
        },
        _ => (1002, "not a frame of the WebSocket protocol"),
    };
    Some((code, reason.to_owned()))
}
