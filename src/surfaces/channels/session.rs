//! One client of the channel socket: who it is, what it wants to hear. Events do not pass through here.

use std::rc::Rc;
use std::sync::atomic::Ordering;

use actix::fut::wrap_future;
use actix::prelude::*;
use bytes::Bytes;

use crate::auth::policy::Action;
use crate::auth::{AuthError, Caller};
use crate::broker::clients::{ClientType, Enlisted, Surface};
use crate::domain::channel::{CHANNELS, channel};
use crate::domain::ids::ClientId;
use crate::domain::position::Position;
use crate::surfaces::channels::client::ChannelClient;
use crate::surfaces::channels::door::ChannelDoor;
use crate::surfaces::channels::protocol::{Command, Gap, Reply, parse, shown};
use crate::surfaces::channels::pump::{Desk, pump};
use crate::surfaces::http::card::card;
use crate::surfaces::http::passes::Pass;
use crate::surfaces::websocket::manners::{AUTH_WITHIN, CLOSE_UNAUTHORISED, Manners, keep, refuse_token};
use crate::surfaces::websocket::{Peer, Session, Socket, SocketContext};

/// Close code: come back with your position.
pub(super) const CLOSE_COME_BACK: u16 = 4000;
/// Close code: the server failed; try again.
pub(super) const CLOSE_TRY_AGAIN: u16 = 4001;

/// A client of the channels.
pub(super) struct ChannelSession {
    door: Rc<ChannelDoor>,
    client: ClientId,
    desk: Rc<Desk>,
    user_agent: String,
    listed: Option<(ChannelClient, Enlisted)>,
    welcomed: bool,
    manners: Manners,
    pass: Option<Pass>,
}

impl Drop for ChannelSession {
    fn drop(&mut self) {
        self.desk.over.set(true);
        self.desk.changed.notify_one();
        self.door.service.broker().counters().channel_sockets.fetch_sub(1, Ordering::Relaxed);
    }
}

impl ChannelSession {
    pub(super) fn new(door: Rc<ChannelDoor>, client: ClientId, caller: Caller, user_agent: String) -> Self {
        door.service.broker().counters().channel_sockets.fetch_add(1, Ordering::Relaxed);
        let (desk, welcomed, manners) = (Rc::new(Desk::new(caller)), false, Manners::default());
        Self { door, client, desk, user_agent, listed: None, welcomed, manners, pass: None }
    }

    /// Operators see the client from now on.
    fn enlist(&mut self, peer: &Peer) {
        let user_agent = std::mem::take(&mut self.user_agent);
        let (now, caller) = (self.door.clock.now(), self.desk.caller.get());
        let card = card(self.client, Surface::Channels, &user_agent, &caller, now, &peer.shard);
        let head = self.door.service.broker().house().head();
        let client = ChannelClient { card, desk: self.desk.clone(), peer: peer.clone(), head };
        let enlisted = peer.shard.enlist(Rc::new(client.clone()));
        self.listed = Some((client, enlisted));
    }

    /// The client says what it is.
    fn register(&mut self, kind: ClientType, name: &str) {
        let Some((client, enlisted)) = &mut self.listed else { return };
        client.card.kind = kind;
        if !name.is_empty() {
            client.card.name = name.into();
        }
        enlisted.describe_as(Rc::new(client.clone()));
    }

    /// The client is this caller from now on, for as long as the caller may stay.
    fn welcome(&mut self, caller: Caller, peer: &Peer) {
        let caller = caller.from_address(self.desk.caller.get().address);
        self.desk.caller.set(caller);
        // It may hear more than before.
        self.desk.changed.notify_one();
        self.pass = keep(&self.door.auth, &caller, self.client, peer);
        if !std::mem::replace(&mut self.welcomed, true) {
            let reply = Reply::Connection {
                status: "connected",
                client_id: self.client,
                message: "Connected",
                channels: CHANNELS,
                heartbeat_ms: self.door.heartbeat_ms,
            };
            peer.send_text(&reply.json());
            self.enlist(peer);
        }
    }

    /// Subscribes: nothing else of this client is heard until that is answered.
    fn subscribe(
        &self,
        names: &[String],
        since: Option<Position>,
        peer: &Peer,
        ctx: &mut SocketContext<Self>,
    ) {
        let channels = known(names, peer);
        if channels.is_empty() {
            return;
        }
        let house = self.door.service.broker().house().clone();
        let entering = async move { house.enter(since).await };
        ctx.wait(wrap_future::<_, Socket<Self>>(entering).map(move |entry, socket, _| {
            let (session, peer) = socket.parts();
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    log::warn!("a client could not subscribe: {error}");
                    return peer.close(CLOSE_TRY_AGAIN, "the events cannot be read now");
                }
            };
            let desk = &session.desk;
            desk.epoch.set(entry.position.epoch);
            let stays = channels.iter().all(|channel| desk.places.borrow().hears(*channel));
            let (position, resumed, gap) = match desk.position() {
                Some(position) if stays => (position, true, None),
                _ => (entry.position, entry.resumed, entry.gap),
            };
            if let Some((_, to)) = gap {
                desk.told.set(desk.told.get().max(to.seq));
            }
            let reply = Reply::Subscribed {
                channels: channels.iter().map(|channel| CHANNELS[usize::from(*channel)]).collect(),
                position: position.to_string(),
                resumed,
                gap: gap.map(|(from, to)| Gap { from: from.to_string(), to: to.to_string() }),
            };
            peer.send_text(&reply.json());
            desk.places.borrow_mut().subscribe(&channels, entry.position.seq);
            session.listen(peer);
        }));
    }

    /// Something is subscribed to: the pump goes on, or begins.
    fn listen(&self, peer: &Peer) {
        self.desk.changed.notify_one();
        if !self.desk.pumps.replace(true) {
            let follower = self.door.service.broker().house().follow();
            actix::spawn(pump(self.desk.clone(), peer.clone(), follower, self.door.moments.clone()));
        }
    }

    fn unsubscribe(&self, names: &[String], peer: &Peer) {
        let channels = known(names, peer);
        if channels.is_empty() {
            return;
        }
        self.desk.places.borrow_mut().unsubscribe(&channels);
        self.desk.changed.notify_one();
        let channels = channels.iter().map(|channel| CHANNELS[usize::from(*channel)]).collect();
        peer.send_text(&Reply::Unsubscribed { channels }.json());
    }

    fn auth(&mut self, token: &str, peer: &Peer) {
        match self.door.auth.caller_of_token(token) {
            Ok(caller) if caller.may_somewhere(Action::Read).is_ok() => self.welcome(caller, peer),
            refused => {
                refuse_token(refused.err().unwrap_or(AuthError::OutOfScope), self.client, peer);
            }
        }
    }
}

impl Session for ChannelSession {
    fn opened(&mut self, peer: &Peer, ctx: &mut SocketContext<Self>) {
        let caller = self.desk.caller.get();
        if caller.may_somewhere(Action::Read).is_ok() {
            return self.welcome(caller, peer);
        }
        ctx.run_later(AUTH_WITHIN, |socket, _| {
            let (session, peer) = socket.parts();
            if !session.welcomed {
                peer.close(CLOSE_UNAUTHORISED, "no token came");
            }
        });
    }

    fn text(&mut self, text: &str, peer: &Peer, ctx: &mut SocketContext<Self>) {
        if !self.manners.spoke(self.door.messages_per_second, peer, ctx) {
            return;
        }
        match parse(text) {
            Ok(Command::Auth(token)) => self.auth(&token, peer),
            Ok(_) if !self.welcomed => {
                error(peer, "unauthorised", "send {\"type\":\"auth\",\"token\":…} first");
            }
            Ok(Command::Ping) => {
                let position = self.desk.position().map(|position| position.to_string());
                peer.send_text(&Reply::Pong { timestamp: self.door.clock.now(), position }.json());
            }
            Ok(Command::Register { client_type, client_name }) => {
                let (client_id, client_name_sent) = (self.client, client_name.as_str());
                let reply = Reply::Registered { client_id, client_type, client_name: client_name_sent };
                peer.send_text(&reply.json());
                self.register(client_type, &client_name);
            }
            Ok(Command::Subscribe { channels, since }) => self.subscribe(&channels, since, peer, ctx),
            Ok(Command::Unsubscribe { channels }) => self.unsubscribe(&channels, peer),
            Err(wrong) => {
                error(peer, wrong.code, &wrong.message);
                self.manners.malformed(peer);
            }
        }
    }

    fn binary(&mut self, _: Bytes, peer: &Peer, _: &mut SocketContext<Self>) {
        peer.close(1003, "only text is understood");
    }
}

/// The channels of these names, each once; the client is told of names that are none.
fn known(names: &[String], peer: &Peer) -> Vec<u8> {
    let mut channels = Vec::new();
    let mut unknown = Vec::new();
    for name in names {
        match channel(name) {
            Some(channel) if !channels.contains(&channel) => channels.push(channel),
            Some(_) => {}
            None => unknown.push(format!("\"{}\"", shown(name))),
        }
    }
    if !unknown.is_empty() {
        let message =
            format!("there is no channel {}; known are {}", unknown.join(", "), CHANNELS.join(", "));
        let reply = Reply::Error { code: "unknown_channel", message: &message, channels: Some(CHANNELS) };
        peer.send_text(&reply.json());
    }
    channels
}

fn error(peer: &Peer, code: &str, message: &str) {
    peer.send_text(&Reply::Error { code, message, channels: None }.json());
}
