//! One client of a project room: lets it in, answers what it asks. Events do not pass through here.

use std::rc::Rc;

use actix::fut::wrap_future;
use actix::prelude::*;
use bytes::Bytes;

use crate::auth::policy::Action;
use crate::auth::{AuthError, Caller};
use crate::broker::clients::{Enlisted, Surface};
use crate::broker::{BrokerError, Joined};
use crate::domain::ids::{ClientId, ProjectId, RunId};
use crate::domain::position::Position;
use crate::service::error::ServiceError;
use crate::surfaces::http::card::card;
use crate::surfaces::http::passes::Pass;
use crate::surfaces::room::client::RoomClient;
use crate::surfaces::room::codec::CLOSE_REMOVED;
use crate::surfaces::room::door::RoomDoor;
use crate::surfaces::room::protocol::{Command, Reply, epoch_text, parse};
use crate::surfaces::websocket::manners::{AUTH_WITHIN, CLOSE_UNAUTHORISED, Manners, keep, refuse_token};
use crate::surfaces::websocket::{Peer, Session, Socket, SocketContext};

/// Close code: the server failed; try again.
const CLOSE_TRY_AGAIN: u16 = 4001;

/// A client of a room.
pub(super) struct RoomSession {
    pub(super) door: Rc<RoomDoor>,
    pub(super) client: ClientId,
    pub(super) room: ProjectId,
    pub(super) since: Option<Position>,
    pub(super) caller: Caller,
    manners: Manners,
    joined: bool,
    pass: Option<Pass>,
    user_agent: String,
    listed: Option<(Rc<RoomClient>, Enlisted)>,
}

impl RoomSession {
    pub(super) fn new(
        door: Rc<RoomDoor>,
        client: ClientId,
        room: ProjectId,
        since: Option<Position>,
        caller: Caller,
        user_agent: String,
    ) -> Self {
        let (manners, joined, pass, listed) = (Manners::default(), false, None, None);
        Self { door, client, room, since, caller, manners, joined, pass, user_agent, listed }
    }

    /// Operators see the client from now on.
    fn enlist(&mut self, peer: &Peer) {
        let user_agent = std::mem::take(&mut self.user_agent);
        let now = self.door.clock.now();
        let card = card(self.client, Surface::Room, &user_agent, &self.caller, now, &peer.shard);
        let client = Rc::new(RoomClient::new(card, self.room, peer.clone(), &self.caller));
        let enlisted = peer.shard.enlist(client.clone());
        self.listed = Some((client, enlisted));
    }

    /// The client is this caller from now on, for as long as the caller may stay.
    fn become_caller(&mut self, caller: Caller, peer: &Peer) {
        let caller = caller.from_address(self.caller.address);
        self.caller = caller;
        if let Some((listed, _)) = &self.listed {
            listed.become_caller(&caller);
        }
        self.pass = keep(&self.door.auth, &caller, self.client, peer);
    }

    /// Joins the room: nothing else of this client is heard until it is in.
    fn join(&mut self, peer: &Peer, ctx: &mut SocketContext<Self>) {
        self.joined = true;
        let (shard, room, since) = (peer.shard.clone(), self.room, self.since);
        let joining = async move { shard.join(room, since).await };
        ctx.wait(wrap_future::<_, Socket<Self>>(joining).map(|entry, socket, _| {
            let (session, peer) = socket.parts();
            match entry {
                Ok(entry) => {
                    peer.send_text(&session.connection(&entry.joined));
                    peer.shard.sit(entry, &peer.outlet);
                }
                Err(BrokerError::NoSuchRoom) => peer.close(CLOSE_REMOVED, "there is no such project"),
                Err(error) => {
                    log::warn!("a client could not join: {error} room.id={}", session.room);
                    peer.close(CLOSE_TRY_AGAIN, "the room cannot be opened now");
                }
            }
        }));
    }

    fn connection(&self, joined: &Joined) -> String {
        let reply = Reply::Connection {
            status: "connected",
            client_id: self.client,
            project_id: self.room,
            message: if joined.resumed { "Connected again, going on where you were" } else { "Connected" },
            seq: joined.position.seq,
            position: joined.position.to_string(),
            epoch: epoch_text(joined.position.epoch),
            resumed: joined.resumed,
            gap: joined.gap.map(Into::into),
            heartbeat_ms: self.door.heartbeat_ms,
        };
        match &joined.view {
            Some(view) => reply.json_with_state(&view.state_json),
            None => reply.json(),
        }
    }

    fn get_state(&self, ctx: &mut SocketContext<Self>) {
        let (broker, room) = (self.door.service.broker().clone(), self.room);
        let view = async move { broker.view(room).await };
        ctx.wait(wrap_future::<_, Socket<Self>>(view).map(|view, socket, _| {
            let (_, peer) = socket.parts();
            let Ok(view) = view else { return error(peer, "unavailable", "the state cannot be read now") };
            let reply = Reply::State { seq: view.position.seq, position: view.position.to_string() };
            peer.send_text(&reply.json_with_state(&view.state_json));
        }));
    }

    fn cancel(&self, run: RunId, peer: &Peer, ctx: &mut SocketContext<Self>) {
        if let Err(refused) = self.caller.may_in(Action::ControlRuns, self.room) {
            return error(peer, "forbidden", &refused.to_string());
        }
        let (service, caller, room) = (self.door.service.clone(), self.caller, self.room);
        let cancelling = async move {
            let known = service.run(caller, run).await?;
            if known.project_id != room {
                return Err(ServiceError::NotFound("run in this project"));
            }
            service.cancel(caller, run).await
        };
        ctx.spawn(wrap_future::<_, Socket<Self>>(cancelling).map(|answer, socket, _| {
            // What comes of it is an event like any other; only a refusal is said here.
            if let Err(refused) = answer {
                let code = if matches!(refused, ServiceError::NotFound(_)) { "not_found" } else { "refused" };
                error(socket.parts().1, code, &refused.to_string());
            }
        }));
    }

    fn auth(&mut self, token: &str, peer: &Peer, ctx: &mut SocketContext<Self>) {
        match self.door.auth.caller_of_token(token) {
            Ok(caller) if caller.may_in(Action::Read, self.room).is_ok() => {
                self.become_caller(caller, peer);
                if !self.joined {
                    self.join(peer, ctx);
                }
            }
            refused => {
                refuse_token(refused.err().unwrap_or(AuthError::OutOfScope), self.client, peer);
            }
        }
    }

    fn malformed(&mut self, code: &str, message: &str, peer: &Peer) {
        error(peer, code, message);
        self.manners.malformed(peer);
    }
}

impl Session for RoomSession {
    fn opened(&mut self, peer: &Peer, ctx: &mut SocketContext<Self>) {
        self.enlist(peer);
        if self.caller.may_in(Action::Read, self.room).is_ok() {
            self.become_caller(self.caller, peer);
            return self.join(peer, ctx);
        }
        ctx.run_later(AUTH_WITHIN, |socket, _| {
            let (session, peer) = socket.parts();
            if !session.joined {
                peer.close(CLOSE_UNAUTHORISED, "no token came");
            }
        });
    }

    fn text(&mut self, text: &str, peer: &Peer, ctx: &mut SocketContext<Self>) {
        if !self.manners.spoke(self.door.messages_per_second, peer, ctx) {
            return;
        }
        match parse(text) {
            Ok(Command::Auth(token)) => self.auth(&token, peer, ctx),
            Ok(_) if !self.joined => {
                error(peer, "unauthorised", "send {\"type\":\"auth\",\"token\":…} first")
            }
            Ok(Command::Ping) => peer.send_text(&Reply::Pong { timestamp: self.door.clock.now() }.json()),
            // Delivery rests on positions that clients come back with; an ack only says that the client is alive.
            Ok(Command::Ack(_)) => {}
            Ok(Command::GetState) => self.get_state(ctx),
            Ok(Command::Cancel(run)) => self.cancel(run, peer, ctx),
            Err(wrong) => self.malformed(wrong.code, &wrong.message, peer),
        }
    }

    fn binary(&mut self, _: Bytes, peer: &Peer, _: &mut SocketContext<Self>) {
        peer.close(1003, "only text is understood");
    }
}

fn error(peer: &Peer, code: &str, message: &str) {
    peer.send_text(&Reply::Error { code, message }.json());
}
